//! Changes of a running run, through the real binary: amendments and other people, signed at one machine or by files;
//! what may not change, who must sign, and what is refused, each with exit code and words.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use countersign::sshsig::KeyKind;
use scene::{BOOK, JOURNAL, Scene, Who, finish, shipped, who, with_key};
use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;

/// Two users are made: the first agreed to by one role, the second by two.
const RUNBOOK: &str = r#"schema = 1
[runbook]
name = "two_users"
title = "Make two users"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
holder = { title = "Holder of the device", party = "customer", proof = "user_verified" }
[separation]
apart = [["admin", "security"]]
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "first" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "first"
action = "iam:CreateUser"
with = { UserName = "first" }
approvals = [{ role = "security" }]
undo = "usual"
[[stages.steps]]
id = "second"
action = "iam:CreateUser"
with = { UserName = "second" }
approvals = [{ role = "security" }, { role = "holder" }]
undo = "usual"
"#;

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

/// The first user is made; the second is asked for.
fn half_way() -> Scene {
    let scene = Scene::new(RUNBOOK, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/first"]).exits(0);
    scene.resume("alice").exits(4);
    assert_eq!(scene.state_of("make", None, "first"), "done");
    scene
}

/// The runbook with this text in place of that, where it lies.
fn rewritten(scene: &Scene, from: &str, to: &str) {
    let text = scene.read(BOOK);
    assert!(text.contains(from), "{from}");
    scene.write(BOOK, &text.replace(from, to));
}

const ALL: [&str; 4] = ["--as", "alice,bob,carol", "--key", "alice/key,bob/key,carol/key"];

fn amend<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["amend", "--runbook", BOOK][..], more].concat()
}

/// The rest of the run, and its verdict.
fn to_the_end(scene: &Scene, users: &[&str]) {
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/second"]).exits(0);
    scene.run("carol", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    let made: Vec<String> = scene
        .entries("outcome")
        .iter()
        .filter(|one| one["result"] == "done")
        .map(|one| one["step"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(made, users);
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"]);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn an_amendment_signed_by_all_whom_it_touches_comes_into_force() {
    let scene = half_way();
    rewritten(&scene, "UserName = \"second\"", "UserName = \"another\"");
    // A changed file is refused, and the words name the command.
    let said = scene.resume("alice").exits(7).saying("CS7015").saying("is not the runbook file that the run");
    let id = scene.status()["run"].as_str().unwrap()[..8].to_owned();
    assert!(said.stderr.contains(&format!("countersign amend {id} --runbook ")), "{}", said.stderr);
    let shown = scene.run("alice", &amend(&["--dry-run"])).exits(0);
    let shown = shown.saying("make/second: changed").saying("template.with.UserName: \"second\" -> \"another\"");
    shown.saying("must sign: admin (alice), holder (carol), security (bob)").saying("ends 1 open request");
    assert_eq!(scene.entries("amended").len(), 0);
    scene.run("alice", &amend(&[])).exits(4).saying("missing: holder (carol)").saying("missing: security (bob)");
    scene.run("alice", &amend(&ALL)).exits(0).saying("the run goes by the new runbook");
    let entries = scene.log();
    let at = |kind: &str| entries.iter().rposition(|one| one["kind"] == kind).unwrap();
    assert_eq!(entries[at("request_ended")]["data"]["why"], "amended");
    assert_eq!(entries[at("amended")]["data"]["statements"].as_array().unwrap().len(), 3);
    scene.run("bob", &["log"]).exits(0).saying("the runbook was amended; signed by alice, bob, carol");
    to_the_end(&scene, &["make/first", "make/second"]);
    assert!(scene.keeps("\"another\""));
    let report = scene.run("carol", &["report", "--format", "markdown"]).exits(0);
    report.saying("the runbook was amended; signed by alice, bob, carol");
}

#[test]
fn an_amendment_is_signed_elsewhere_by_files() {
    let scene = half_way();
    rewritten(&scene, "UserName = \"second\"", "UserName = \"another\"");
    scene.run("alice", &amend(&["-o", "change"])).exits(0).saying("countersign review change --as PERSON");
    // Their machines have no journal, only the file.
    let away = |person: &str, words: &[&str]| {
        let mut command = scene.command(person, words);
        command.env("COUNTERSIGN_JOURNAL", "nowhere.db");
        finish(command)
    };
    let read = away("bob", &["review", "change"]).exits(0);
    read.saying("\"second\" -> \"another\"").saying("signed: alice").saying("missing: holder (carol)");
    for person in ["bob", "carol"] {
        away(person, &["approve", "change"]).exits(0).saying("signed it; wrote change.");
    }
    assert!(!scene.path("nowhere.db").exists());
    let first = scene.read(BOOK);
    rewritten(&scene, "UserName = \"another\"", "UserName = \"late\"");
    scene.run("alice", &amend(&["-o", "late"])).exits(0);
    ["bob", "carol"].iter().for_each(|person| drop(away(person, &["approve", "late"]).exits(0)));
    scene.write(BOOK, &first);
    scene.run("alice", &["import", "change.bob.answer"]).exits(4).saying("missing: holder (carol)");
    assert_eq!(scene.entries("amended").len(), 0);
    scene.run("alice", &["import", "change.bob.answer", "change.carol.answer"]).exits(0).saying("signed by alice, bob");
    // Once more; and another change that was signed before this one came into force.
    let again = scene.run("alice", &["import", "change.bob.answer", "change.carol.answer"]).exits(7);
    again.saying("CS7051").saying("this change is in force already");
    let late = scene.run("alice", &["import", "late.bob.answer", "late.carol.answer"]).exits(7);
    late.saying("CS7051").saying("before another change came into force");
    assert_eq!(scene.entries("amended").len(), 1);
    to_the_end(&scene, &["make/first", "make/second"]);
}

#[test]
fn an_approver_is_dropped_only_by_their_own_signature() {
    let scene = half_way();
    rewritten(
        &scene,
        "approvals = [{ role = \"security\" }, { role = \"holder\" }]",
        "approvals = [{ role = \"security\" }]",
    );
    let two = ["--as", "alice,bob", "--key", "alice/key,bob/key"];
    scene.run("alice", &amend(&two)).exits(4).saying("missing: holder (carol)");
    assert_eq!(scene.entries("amended").len(), 0);
    scene.run("alice", &amend(&ALL)).exits(0);
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn what_no_signature_can_change() {
    let scene = half_way();
    let text = scene.read(BOOK);
    for (from, to, words) in [
        ("UserName = \"first\" }\napprovals", "UserName = \"uno\" }\napprovals", "make/first has begun"),
        (
            "UserName = \"first\" }, expect_error",
            "UserName = \"uno\" }, expect_error",
            "the anchor of make is in force",
        ),
        ("kinds = [\"user\"]", "kinds = [\"role\"]", "rests on the session management"),
        (
            "[[stages.steps]]\nid = \"first\"",
            "[[stages.steps]]\nid = \"zero\"\naction = \"iam:CreateUser\"\nwith = { UserName = \"zero\" }\nundo = \"usual\"\n[[stages.steps]]\nid = \"first\"",
            "can't stand before make/first",
        ),
        (
            "[[stages]]\n",
            "[[stages]]\nid = \"early\"\nperformer = \"admin\"\nsession = \"management\"\n[[stages.steps]]\nid = \"look\"\nkind = \"read\"\naction = \"iam:GetUser\"\nwith = { UserName = \"x\" }\n[[stages]]\n",
            "keep their order",
        ),
    ] {
        scene.write(BOOK, &text.replacen(from, to, 1));
        assert_ne!(scene.read(BOOK), text, "{from}");
        scene.run("alice", &amend(&ALL)).exits(7).saying("CS7050").saying(words);
    }
    scene.write(BOOK, &text);
    scene.run("alice", &amend(&ALL)).exits(0).saying("nothing to change");
    assert_eq!(scene.entries("amended").len(), 0);
    // A new step behind what has begun, and another session for it: elsewhere, so every role signs.
    let more = "\n[[stages.steps]]\nid = \"third\"\naction = \"iam:CreateUser\"\nwith = { UserName = \"third\" }\napprovals = [{ role = \"security\" }]\nundo = \"usual\"\n";
    scene.write(BOOK, &format!("{text}{more}"));
    let two = ["--as", "alice,bob", "--key", "alice/key,bob/key"];
    scene.run("alice", &amend(&two)).exits(0).saying("make/third: new");
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

#[test]
fn an_open_run_with_errors_in_the_new_text_or_without_a_person_is_told_so() {
    let scene = half_way();
    rewritten(&scene, "role = \"holder\"", "role = \"nobody\"");
    scene.run("alice", &amend(&ALL)).exits(3).saying("nobody");
    scene.write(BOOK, &RUNBOOK.replace("\"second\" }", "\"two\" }"));
    scene.run("alice", &amend(&["--as", "zoe"])).exits(7).saying("zoe is not in the people file");
    scene.run("alice", &["amend", "ffff", "--runbook", BOOK]).exits(2).saying("no run begins with");
}

/// What a file says was signed, and was not.
#[test]
fn forged_answers_are_refused() {
    let scene = half_way();
    rewritten(&scene, "UserName = \"second\"", "UserName = \"another\"");
    scene.run("alice", &amend(&["-o", "change"])).exits(0);
    scene.run("bob", &["approve", "change"]).exits(0);
    scene.run("carol", &["approve", "change"]).exits(0);
    let good = scene.read("change.bob.answer");
    let lines: Vec<Value> = good.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bobs = lines[2]["statement"].as_str().unwrap().to_owned();
    assert!(bobs.contains("person: bob"), "{bobs}");
    let escaped = |text: &str| text.replace('\n', "\\n");
    let altered = |from: &str, to: &str| {
        assert!(bobs.contains(from), "{from}");
        good.replace(&escaped(&bobs), &escaped(&bobs.replace(from, to)))
    };
    // bob's signature under carol's name and role; under another plan.
    let named = altered("person: bob\nparty: customer\nrole: security", "person: carol\nparty: customer\nrole: holder");
    let other = altered("new-plan: sha256:", "new-plan: sha256:0");
    for (file, text, words) in
        [("named.answer", named, "the key is not one of carol's keys"), ("other.answer", other, "of the statement")]
    {
        scene.write(file, &text);
        scene.run("alice", &["import", file]).exits(7).saying("CS7051").saying(words);
    }
    // The plan that came with it is not the one that was signed.
    let without: String =
        good.lines().filter(|line| !line.contains("base64")).map(|line| format!("{line}\n")).collect();
    scene.write("bare.answer", &without);
    scene.run("alice", &["import", "bare.answer"]).exits(6).saying("CS6007");
    assert_eq!(scene.entries("amended").len(), 0);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

/// Killed wherever it is: the change is in force as a whole or not at all, and the run goes on.
#[test]
fn a_killed_amendment_is_whole_or_not_there() {
    let scene = half_way();
    rewritten(&scene, "UserName = \"second\"", "UserName = \"another\"");
    for wait in [5, 20, 40, 60, 90] {
        let mut command = scene.command("alice", &amend(&ALL));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
        assert!(scene.entries("amended").len() <= 1);
    }
    scene.run("alice", &amend(&ALL)).exits(0);
    assert_eq!(scene.entries("amended").len(), 1);
    to_the_end(&scene, &["make/first", "make/second"]);
}

/// The people file with somebody more, written to `new.toml`.
fn with_dora(scene: &Scene, roles: &str) -> String {
    std::fs::create_dir_all(scene.path("dora/home")).unwrap();
    let key = scene.key("dora/key", KeyKind::Ed25519, 5);
    let more = format!(
        "\n[people.dora]\nname = \"Dora Example\"\nparty = \"customer\"\nroles = [{roles}]\nkeys = [\"{key}\"]\n"
    );
    let text = scene.read("runbooks/people.toml") + &more;
    scene.write("new.toml", &text);
    text
}

const CHANGE: [&str; 4] = ["people", "change", "--people", "new.toml"];

#[test]
fn somebody_comes_in_signed_by_each_party_and_with_their_own_key() {
    let scene = half_way();
    let text = with_dora(&scene, "\"security\"");
    let change = |more: &[&'static str]| [&CHANGE[..], more].concat();
    let said = scene.run("alice", &change(&[])).exits(4).saying("missing: dora, with a key of the new file");
    said.saying("missing: one person of customer who stays as they are (bob or carol)");
    let all = ["--as", "alice,carol,dora", "--key", "alice/key,carol/key,dora/key"];
    // The key of somebody else is not dora's.
    let forged = ["--as", "alice,carol,dora", "--key", "alice/key,carol/key,bob/key"];
    scene.run("alice", &change(&forged)).exits(7).saying("dora");
    scene.run("alice", &change(&all)).exits(0).saying("the run goes by the new people file");
    assert_eq!(scene.entries("request_ended").last().unwrap()["why"], "people_changed");
    scene
        .resume("alice")
        .exits(7)
        .saying("CS7015")
        .saying("is not the people file")
        .saying("countersign people change");
    scene.write("runbooks/people.toml", &text);
    scene.resume("alice").exits(4).saying("bob or dora");
    scene.run("dora", &["approve", "make/second"]).exits(0);
    scene.run("carol", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    scene.run("bob", &["log"]).exits(0).saying("the people file was changed; signed by alice, carol, dora");
}

#[test]
fn an_approver_is_not_dropped_or_replaced_by_one_party() {
    let scene = half_way();
    let text = scene.read("runbooks/people.toml");
    // bob's key is replaced by one that alice made.
    let forged = scene.key("forged", KeyKind::Ed25519, 5);
    let old = text.split("[people.bob]").nth(1).unwrap().split("keys = [\"").nth(1).unwrap().split('"').next().unwrap();
    scene.write("new.toml", &text.replace(old, &forged));
    let change = |more: &[&'static str]| [&CHANGE[..], more].concat();
    let both = ["--as", "alice,bob", "--key", "alice/key,forged"];
    scene.run("alice", &change(&both)).exits(4).saying("one person of customer who stays as they are (carol)");
    assert_eq!(scene.entries("people_changed").len(), 0);
    // With carol's signature, whose party it is, bob has a new key; the old one signs nothing any more.
    let three = ["--as", "alice,bob,carol", "--key", "alice/key,forged,carol/key"];
    scene.run("alice", &change(&three)).exits(0);
    scene.write("runbooks/people.toml", &text.replace(old, &forged));
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/second"]).exits(7).saying("CS7001");
    scene.run("bob", &["approve", "make/second", "--key", "forged"]).exits(0);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    // Nobody may be left out whom the runbook needs.
    let without = text.split("\n[people.carol]").next().unwrap().to_owned();
    scene.write("new.toml", &without);
    scene.run("alice", &change(&three)).exits(3).saying("holder");
}

#[test]
fn a_seat_that_is_taken_is_not_changed_under() {
    let scene = half_way();
    rewritten(&scene, "UserName = \"second\"", "UserName = \"another\"");
    let lock = std::fs::read_dir(scene.path(&format!("{JOURNAL}.locks"))).unwrap().next().unwrap().unwrap().path();
    let held = std::fs::File::options().read(true).write(true).open(lock).unwrap();
    held.lock().unwrap();
    scene.run("alice", &amend(&ALL)).exits(8).saying("CS8002");
    drop(held);
    scene.run("alice", &amend(&ALL)).exits(0);
}
