//! Codes of MFA devices through the real binary: approvals that need one, and sessions whose role is assumed with one,
//! checked over HTTP by the simulator's own RFC 6238 and trust policies.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::base::{Digest, Time};
use countersign::simulator::totp;
use scene::{BOOK, Said, Scene, Who, finish, shipped, who};
use std::time::{SystemTime, UNIX_EPOCH};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SERIAL: &str = "arn:aws:iam::111122223333:mfa/carol";

/// Two users are made; each needs an approval with a code.
const CODED: &str = r#"schema = 1
[runbook]
name = "coded"
title = "Make two users"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
holder = { title = "Holder of the device", party = "customer", proof = "mfa_code" }
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "new" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "new" }
approvals = [{ role = "holder" }]
undo = "usual"
[[stages.steps]]
id = "other"
action = "iam:CreateUser"
with = { UserName = "other" }
approvals = [{ role = "holder" }]
undo = "usual"
"#;

/// The shared world, with the customer's approvers: carol's device opens `approve`, and no other role.
fn world() -> String {
    shipped("tests/fixtures/kinds/worlds/kinds.toml")
        + &format!(
            r#"
[[principals]]
profile = "carol"
account = "111122223333"
kind = "user"
name = "carol"
mfa = {{ serial = "{SERIAL}", seed = "{SEED}" }}

[[roles]]
account = "111122223333"
name = "approve"
trusts = ["arn:aws:iam::111122223333:user/carol"]
mfa = true

[[roles]]
account = "111122223333"
name = "closed"
trusts = ["333344445555"]
mfa = true

[[roles]]
account = "111111111111"
name = "operate"
trusts = ["arn:aws:iam::111122223333:user/carol"]
external_id = "agreed-1"
mfa = true
"#
        )
}

fn people() -> Vec<Who<'static>> {
    vec![who("alice", "partner", &["admin"]), who("carol", "customer", &["holder"])]
}

/// A scene in which carol's device and role are these.
fn unsigned(book: &str, role: &str, holder: &str) -> Scene {
    let scene = Scene::unsigned(book, &world(), &people());
    let mfa = format!("mfa = {{ serial = \"{SERIAL}\", role = \"arn:aws:iam::111122223333:role/{role}\" }}\n");
    let text = scene.read("runbooks/people.toml");
    let head = format!("[people.{holder}]\n");
    scene.write("runbooks/people.toml", &text.replace(&head, &format!("{head}{mfa}")));
    for person in ["alice", "carol"] {
        scene.run(person, &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    }
    scene.credentials("alice", &["management"]);
    scene.credentials("carol", &["carol"]);
    scene
}

fn waiting() -> Scene {
    let scene = unsigned(CODED, "approve", "carol");
    let said = scene.open("alice").exits(4);
    said.saying("countersign approve --as carol --simulated");
    scene
}

/// The device's code, so many half minutes from now.
fn code(steps: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let step = totp::step(Time(i64::try_from(now).unwrap()));
    totp::code(SEED, step.checked_add_signed(steps).unwrap()).unwrap()
}

const WITH: [&str; 5] = ["--profile", "carol", "--code-from", "code", "--simulated"];

fn approves(scene: &Scene, what: &[&str], code: &str) -> Said {
    scene.write("code", &format!("{code}\n"));
    scene.run("carol", &[&["approve"], what, &WITH[..]].concat())
}

fn made(scene: &Scene) -> usize {
    scene.effects().iter().filter(|operation| *operation == "iam:CreateUser").count()
}

#[test]
fn a_right_code_corroborates_the_very_statement_and_is_told_as_no_more() {
    let scene = waiting();
    let first = code(0);
    let said = approves(&scene, &["make/user"], &first).exits(0);
    said.saying("AWS took the code").saying("corroborated, not proved");
    // The session that AWS was asked for is named by the statement that stands in the next entry.
    let log = scene.log();
    let at = log.iter().position(|entry| entry["kind"] == "corroborated").unwrap();
    let (found, approval) = (&log[at]["data"], &log[at + 1]["data"]);
    let digest = Digest::of(approval["statement"].as_str().unwrap().as_bytes());
    let name = URL_SAFE_NO_PAD.encode(digest.0);
    assert_eq!(name.len(), 43);
    assert_eq!(found["arn"], format!("arn:aws:sts::111122223333:assumed-role/approve/{name}"));
    assert!(found["assumed_role_id"].as_str().unwrap().ends_with(&format!(":{name}")));
    assert_eq!((found["serial"].as_str(), found["account"].as_str()), (Some(SERIAL), Some("111122223333")));
    assert!(found["request_id"].is_string() && found["date"].is_string());
    assert_eq!((log[at]["by"].as_str(), log[at + 1]["kind"].as_str()), (Some("carol"), Some("approval")));
    // Neither the code nor any credential is anywhere.
    let kept = std::fs::read_dir(scene.path("carol/home/.local/state/countersign")).unwrap();
    let kept: String = kept.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(kept.contains(&name) && !kept.contains(&first) && !kept.contains("SecretAccessKey"));
    let journal = std::fs::read(scene.path(scene::JOURNAL)).unwrap();
    assert!(!String::from_utf8_lossy(&journal).contains("ASIA"), "a session's key is in the journal");

    // A code works once: the second approval needs the next.
    approves(&scene, &["make/other"], &first).exits(7).saying("CS7064").saying("used before");
    approves(&scene, &["make/other"], &code(1)).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(made(&scene), 2);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    scene.run("alice", &["verify"]).exits(0).saying("corroborated only, CloudTrail of 111122223333 settles it");
    scene.run("alice", &["log"]).exits(0).saying("corroborated, not proved: AWS took a code of");
    let report = scene.run("alice", &["report", "--format", "html"]).stdout;
    assert!(report.contains("corroborated by AWS request"), "{report}");
}

#[test]
fn wrong_old_and_missing_codes_sign_nothing_away() {
    let scene = waiting();
    let before = scene.log().len();
    let wrong = if code(0) == "000000" { "000001" } else { "000000" };
    approves(&scene, &["make/user"], wrong)
        .exits(7)
        .saying("CS7064")
        .saying("AWS did not take the code")
        .saying("kept");
    approves(&scene, &["make/user"], &code(-4)).exits(7).saying("CS7064");
    approves(&scene, &["make/user"], "12345").exits(7).saying("six digits").saying("nothing was sent");
    approves(&scene, &["make/user"], "").exits(4).saying("CS4003");
    let asked = scene.requests().len();
    // Off a terminal and without a file there is nobody to ask.
    scene.run("carol", &["approve", "make/user", "--profile", "carol", "--simulated"]).exits(4).saying("CS4003");
    assert_eq!((scene.log().len(), made(&scene), scene.requests().len()), (before, 0, asked));
    // What was signed is kept, and goes as it is with the first code that AWS takes.
    let kept = || -> String {
        let files = std::fs::read_dir(scene.path("carol/home/.local/state/countersign")).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    };
    let statements = kept().matches("countersign approval v1").count();
    assert_eq!(statements, 1);
    approves(&scene, &["make/user"], &code(0)).exits(0);
    assert_eq!(kept().matches("countersign approval v1").count(), 1);
    // An approval that never left the hand does not bind: the other request is denied.
    approves(&scene, &["make/other"], wrong).exits(7);
    scene.run("carol", &["deny", "make/other", "--reason", "no"]).exits(0);
    let ended = scene.entries("request_ended");
    assert!(ended.iter().any(|one| one["why"] == "denied"), "{ended:?}");
    scene.resume("alice").exits(4);
    assert_eq!(made(&scene), 1);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

#[test]
fn aws_is_asked_where_the_run_is_and_with_the_persons_own_credentials() {
    let scene = waiting();
    scene.write("code", &code(0));
    scene.run("carol", &["review"]).exits(0).saying("holder: approves with a code of their MFA device");
    let asked = scene.requests().len();
    scene.run("carol", &[&["approve", "make/user"], &WITH[..4]].concat()).exits(7).saying("CS7014");
    let mut command = scene.command("carol", &[&["approve", "make/user"], &WITH[..]].concat());
    command.env_remove("AWS_ENDPOINT_URL");
    finish(command).exits(7).saying("CS7013").saying("simulated");
    assert_eq!(scene.requests().len(), asked);
    scene.credentials("carol", &[]);
    approves(&scene, &["make/user"], &code(0)).exits(7).saying("CS7065").saying("--profile");
    // Somebody else's credentials don't open the role.
    scene.credentials("carol", &["management"]);
    scene.write("code", &code(0));
    let words = ["approve", "make/user", "--profile", "management", "--code-from", "code", "--simulated"];
    scene.run("carol", &words).exits(7).saying("CS7064").saying("AccessDenied");
    assert_eq!((scene.entries("approval").len(), made(&scene)), (0, 0));

    let scene = unsigned(CODED, "closed", "carol");
    scene.open("alice").exits(4);
    approves(&scene, &["make/user"], &code(0)).exits(7).saying("CS7064").saying("not authorized");
    assert_eq!(scene.entries("approval").len(), 0);
}

#[test]
fn it_travels_in_the_answer_file_and_not_without_it() {
    let scene = waiting();
    scene.run("carol", &["requests", "-o", "open.countersign"]).exits(0);
    let from = |what: &'static str, out: &'static str| [what, "--from", "open.countersign", "-o", out];
    approves(&scene, &from("make/user", "one.answer"), &code(0)).exits(0).saying("nothing is in the journal yet");
    approves(&scene, &from("make/other", "two.answer"), &code(1)).exits(0);
    let (one, two) = (scene.read("one.answer"), scene.read("two.answer"));
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap().to_owned();
    assert_eq!(one.lines().count(), 3);
    let without = format!("{}\n{}\n", line(&one, 0), line(&one, 1));
    let with_the_others = format!("{without}{}\n", line(&two, 2));
    for lie in [without, with_the_others] {
        scene.write("lie.answer", &lie);
        scene
            .run("alice", &["import", "lie.answer"])
            .exits(7)
            .saying("CS7005")
            .saying("nothing corroborates this approval");
    }
    assert_eq!(scene.entries("approval").len(), 0);
    scene.run("alice", &["import", "one.answer"]).exits(0);
    scene.run("alice", &["import", "two.answer"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!((scene.entries("corroborated").len(), made(&scene)), (2, 2));
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn simulated_people_have_devices() {
    let scene = unsigned(CODED, "approve", "carol");
    let said = scene.run("alice", &["rehearse", BOOK, "--verbose"]).exits(0);
    said.saying("corroborated, not proved");
    // Without people of its own a runbook has invented ones, with invented devices.
    std::fs::remove_file(scene.path("runbooks/people.toml")).unwrap();
    scene.run("alice", &["rehearse", BOOK]).exits(0);
}

#[test]
fn a_role_with_a_code_needs_somebody_with_a_device() {
    let scene = Scene::unsigned(CODED, &world(), &people());
    let said = scene.run("alice", &["check", BOOK, "--people", "runbooks/people.toml"]).exits(3);
    said.saying("no holder has `mfa` in the people file");
}

// --- sessions ---

/// The management account is reached through a role that wants a code and the agreed id.
fn chained(external_id: &str) -> String {
    let through = format!(
        "carol = {{ account = \"111122223333\", kinds = [\"user\"] }}\nmanagement = {{ account = \"111111111111\", \
         used_by = [\"admin\"], kinds = [\"role\"], through = \"carol\", assume_role = \"operate\", \
         external_id = \"{external_id}\", mfa = true }}"
    );
    let own = "management = { account = \"111111111111\", used_by = [\"admin\"], kinds = [\"user\"] }";
    let text = CODED.replace(own, &through).replace(", proof = \"mfa_code\"", "");
    assert!(text.contains("assume_role"));
    text
}

fn opens(scene: &Scene, words: &[&str], code: Option<&str>) -> Said {
    let mut all = [words, &["--simulated", "--session", "carol=profile:carol", "--no-wait"]].concat();
    if let Some(code) = code {
        scene.write("code", code);
        all.extend(["--code-from", "code"]);
    }
    scene.run("alice", &all)
}

#[test]
fn a_session_with_mfa_and_an_external_id_is_assumed_with_a_code() {
    let scene = unsigned(&chained("agreed-1"), "approve", "alice");
    scene.credentials("alice", &["carol"]);
    opens(&scene, &["run", BOOK], None).exits(4).saying("none was given").saying("--code-from");
    opens(&scene, &["resume"], Some("000000")).exits(4).saying("with this code").saying("resume with the next");
    assert_eq!(made(&scene), 0);
    opens(&scene, &["resume"], Some(&code(0))).exits(4).saying("carol");
    let opened = scene.entries("session_opened");
    let arn = opened.last().unwrap()["arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:sts::111111111111:assumed-role/operate/countersign-"), "{arn}");
    for step in ["make/user", "make/other"] {
        scene.run("carol", &["approve", step]).exits(0);
    }
    opens(&scene, &["resume"], Some(&code(1))).exits(0);
    assert_eq!(made(&scene), 2);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn another_external_id_opens_nothing() {
    let scene = unsigned(&chained("agreed-2"), "approve", "alice");
    scene.credentials("alice", &["carol"]);
    opens(&scene, &["run", BOOK], Some(&code(0))).exits(4).saying("AccessDenied");
    assert_eq!(made(&scene), 0);
    let scene = unsigned(&chained("agreed-1"), "approve", "carol");
    scene.credentials("alice", &["carol"]);
    let said = opens(&scene, &["run", BOOK], Some(&code(0))).exits(4);
    said.saying("nobody who sits here has `mfa` in the people file");
}
