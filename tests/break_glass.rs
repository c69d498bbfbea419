//! Break-glass through the real binary: who may, what it waives and what not, and how loudly it is said afterwards.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, JOURNAL, Said, Scene, Who, shipped, who};

/// One user is made, which can be undone; another, which can't.
const BOOK_TEXT: &str = r#"schema = 1
[runbook]
name = "glass"
title = "Make two users"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
holder = { title = "Holder", party = "customer" }
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
approvals = [{ role = "security" }, { role = "holder" }]
undo = "usual"
[[stages.steps]]
id = "last"
action = "iam:CreateUser"
with = { UserName = "last" }
confirm = { text = "Make it?", typed = "last" }
approvals = [{ role = "security" }, { role = "holder" }]
point_of_no_return = "it stays"
"#;

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("carol", "customer", &["holder"]),
        who("dave", "customer", &["watch"]),
        who("erin", "partner", &["watch"]),
    ]
}

/// A run that waits for bob and carol; these people may break the glass.
fn waiting(may: &[&str]) -> Scene {
    let scene = Scene::unsigned(BOOK_TEXT, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people());
    let text = scene.read("runbooks/people.toml");
    scene.write("runbooks/people.toml", &format!("{text}\n[break_glass]\npeople = {may:?}\n"));
    for person in ["alice", "bob"] {
        scene.run(person, &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    }
    scene.open("alice").exits(4);
    scene
}

fn breaks(scene: &Scene, person: &str, step: &str) -> Said {
    scene.run(person, &["break-glass", step, "--reason", "fire in the data centre", "--typed", step])
}

fn made(scene: &Scene) -> usize {
    scene.effects().iter().filter(|operation| *operation == "iam:CreateUser").count()
}

#[test]
fn it_waives_one_attempt_and_is_said_loudly_ever_after() {
    let scene = waiting(&["dave", "erin"]);
    scene.run("bob", &["approve", "make/user"]).exits(0);
    let said = breaks(&scene, "dave", "make/user").exits(0);
    said.clone().saying("BREAK-GLASS waives: attempt 1 of make/user, and nothing else").saying("1 of 1 (holder)");
    said.saying("it does not waive: a denial").saying("BREAK-GLASS: dave waived");
    // Nobody breaks what is broken.
    breaks(&scene, "erin", "make/user").exits(7).saying("CS7062");
    scene.run("bob", &["requests"]).exits(0).saying("BREAK-GLASS by dave (customer): fire in the data centre");
    // The next step's approvals are missing as before.
    scene.resume("alice").exits(4).saying("bob").saying("carol");
    assert_eq!(made(&scene), 1);
    scene.run("bob", &["status"]).exits(0).saying("BREAK-GLASS: dave (customer) waived the approvals of make/user");
    let status = scene.status();
    assert_eq!(
        (status["break_glass"][0]["person"].as_str(), status["unreconciled"].as_bool()),
        (Some("dave"), Some(true))
    );
    let begun = scene.entries("intended");
    assert_eq!((begun[0]["consumes"].as_array().map(Vec::len), begun[0]["request"].is_u64()), (Some(0), true));

    // At a point of no return it takes one of each party, and the performer still confirms.
    let said = breaks(&scene, "dave", "make/last").exits(0);
    said.saying("one person of each party must break the glass (customer, partner)");
    scene.resume("alice").exits(4).saying("waiting for");
    assert_eq!(made(&scene), 1);
    breaks(&scene, "erin", "make/last").exits(0);
    scene.resume("alice").exits(4).saying("to confirm make/last");
    scene.run("alice", &["confirm", "make/last", "--typed", "last"]).exits(0);
    let said = scene.resume("alice").exits(4);
    said.saying("BREAK-GLASS").saying("not every party has counter-signed");
    assert_eq!(made(&scene), 2);

    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 4));
    let verdict = scene.run("bob", &["verify", "--format", "json"]).exits(4).json();
    assert_eq!((verdict["break_glass"].as_bool(), verdict["unreconciled"].as_bool()), (Some(true), Some(true)));
    scene
        .run("bob", &["log"])
        .exits(0)
        .saying("BREAK-GLASS: dave (customer) waived the approvals that attempt 1 of make/user");
    let report = scene.run("bob", &["report", "--format", "markdown"]);
    report.clone().saying("and not every party has counter\\-signed").saying("BREAK\\-GLASS by dave");
    let page = scene.run("bob", &["report", "--format", "html"]).stdout;
    assert!(page.contains("breaks the glass: waives approvals"), "{page}");
    assert!(page.contains("BREAK-GLASS by dave") && page.contains("<span class=\"mode\">BREAK-GLASS</span>"), "{page}");
}

#[test]
fn only_who_is_listed_may_and_never_who_performs() {
    let scene = waiting(&["dave", "alice"]);
    let before = scene.log().len();
    breaks(&scene, "erin", "make/user").exits(7).saying("erin is not listed for break-glass").saying("alice");
    breaks(&scene, "alice", "make/user").exits(7).saying("nobody approves what they perform");
    breaks(&scene, "dave", "make/nothing").exits(7).saying("CS7002");
    breaks(&scene, "dave", "make").exits(2).saying("CS2062");
    let reason = ["break-glass", "make/user", "--reason"];
    scene.run("dave", &[&reason[..], &[" ", "--typed", "make/user"]].concat()).exits(2).saying("CS2061");
    scene.run("dave", &[&reason[..], &["fire"]].concat()).exits(2).saying("--typed make/user");
    scene.run("dave", &[&reason[..], &["fire", "--typed", "make/last"]].concat()).exits(7).saying("nothing was signed");
    assert_eq!((scene.log().len(), made(&scene)), (before, 0));
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

#[test]
fn it_does_not_waive_a_denial() {
    let scene = waiting(&["dave"]);
    // Signed before the denial, brought after it.
    scene.run("bob", &["requests", "-o", "open.countersign"]).exits(0);
    let from = ["--from", "open.countersign", "-o", "dave.answer"];
    let words = ["break-glass", "make/user", "--reason", "fire", "--typed", "make/user"];
    scene.run("dave", &[&words[..], &from[..]].concat()).exits(0).saying("nothing is in the journal yet");
    scene.run("carol", &["deny", "make/user", "--reason", "no"]).exits(0);
    scene.run("alice", &["import", "dave.answer"]).exits(7).saying("CS7005").saying("no request is open");
    breaks(&scene, "dave", "make/user").exits(7);
    assert_eq!((made(&scene), scene.entries("break_glass").len()), (0, 0));
}

#[test]
fn it_travels_by_file_and_is_taken_in_once() {
    let scene = waiting(&["dave"]);
    scene.run("bob", &["requests", "-o", "open.countersign"]).exits(0);
    let from = ["--from", "open.countersign", "-o", "dave.answer"];
    let words = ["break-glass", "make/user", "--reason", "fire", "--typed", "make/user"];
    scene.run("dave", &[&words[..], &from[..]].concat()).exits(0);
    // Altered on its way.
    let text = scene.read("dave.answer");
    scene.write("altered.answer", &text.replace("reason: fire", "reason: flood"));
    scene.run("alice", &["import", "altered.answer"]).exits(7).saying("CS7006");
    scene.run("alice", &["import", "dave.answer"]).exits(0).saying("BREAK-GLASS by dave for make/user, attempt 1");
    scene.run("alice", &["import", "dave.answer"]).exits(7).saying("this statement was used before");
    scene.resume("alice").exits(4);
    assert_eq!(made(&scene), 1);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    assert!(scene.path(JOURNAL).exists() && scene.path(BOOK).exists());
}

/// What `status`, `verify` and the report say of it, and with which exit codes.
fn reckoned(scene: &Scene, trust: &[&str]) -> (bool, (String, i32, bool)) {
    let verdict = scene.run("nobody", &[&["verify", "--format", "json"], trust].concat());
    let said = verdict.json();
    assert_eq!(said["break_glass"], true, "it stays said for ever");
    assert_eq!(said["problems"].as_array().map(Vec::len), Some(0));
    let unreconciled = said["unreconciled"].as_bool().unwrap();
    assert_eq!(scene.status()["unreconciled"].as_bool(), Some(unreconciled), "status and verify agree");
    (unreconciled, (said["verdict"].as_str().unwrap().to_owned(), verdict.status, said["trusted_keys"] == true))
}

/// The words of everybody who looks, before and after.
fn every_word_says(scene: &Scene, counter_signed: bool) {
    let unreconciled = "unreconciled: every party must witness the result of the closed run";
    let status = scene.run("nobody", &["status"]).exits(0);
    status.clone().saying("BREAK-GLASS: dave (customer) waived the approvals of make/user");
    assert_eq!(status.stdout.contains(unreconciled), !counter_signed, "{}", status.stdout);
    let not_yet = "and not every party has counter-signed";
    let since = "every party has counter-signed";
    let verify = scene.run("nobody", &["verify"]);
    let words = verify.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Approvals were waived by break-glass"), "{words}");
    assert_eq!(
        (words.contains(not_yet), words.contains(&format!("break-glass; {since} since"))),
        (!counter_signed, counter_signed),
        "{words}"
    );
    let page = scene.run("nobody", &["report", "--format", "html"]).stdout;
    assert!(page.contains("<span class=\"mode\">BREAK-GLASS</span>"), "{page}");
    assert_eq!(
        (page.contains(not_yet), page.contains(&format!("{since} the result since"))),
        (!counter_signed, counter_signed)
    );
}

/// Nobody but a person of each party, by the real verb, makes it whole again; and it stays told what happened.
#[test]
fn each_party_counter_signs_by_witnessing_and_only_then_it_is_reconciled() {
    let scene = waiting(&["dave"]);
    breaks(&scene, "dave", "make/user").exits(0);
    scene.resume("alice").exits(4);
    for person in ["bob", "carol"] {
        scene.run(person, &["approve", "make/last"]).exits(0);
    }
    // While the run is open nobody can counter-sign.
    scene.run("bob", &["witness"]).exits(7).saying("CS7060");
    assert_eq!(reckoned(&scene, &[]), (true, ("OPEN".to_owned(), 4, false)));
    scene.run("alice", &["confirm", "make/last", "--typed", "last"]).exits(0);
    let end = scene.resume("alice").exits(4);
    end.saying("not every party has counter-signed").saying("not witnessed yet by customer (bob or carol or dave)");
    assert_eq!(made(&scene), 2);
    let people = scene.path("runbooks/people.toml").display().to_string();
    let trust = ["--trust", people.as_str()];
    assert_eq!(reckoned(&scene, &trust), (true, ("CLOSED".to_owned(), 4, true)));
    every_word_says(&scene, false);

    // One party at the journal: not enough.
    scene
        .run("carol", &["witness", "--reason", "looked at what dave did"])
        .exits(0)
        .saying("who witnesses it counter-signs that");
    assert_eq!(reckoned(&scene, &trust), (true, ("CLOSED".to_owned(), 4, true)));
    every_word_says(&scene, false);
    // A second person of the same party is still the same party.
    scene.run("bob", &["witness"]).exits(0);
    assert!(reckoned(&scene, &trust).0);

    // The other party by file: signed over the bundle, nothing until it is imported.
    scene.run("nobody", &["export", "-o", "end.countersign"]).exits(0);
    scene
        .run("erin", &["witness", "end.countersign"])
        .exits(0)
        .saying("BREAK-GLASS: approvals were waived in this run");
    assert!(reckoned(&scene, &trust).0);
    scene.run("bob", &["import", "end.countersign.erin.answer"]).exits(0).saying("every party has witnessed it");
    assert_eq!(reckoned(&scene, &trust), (false, ("WITNESSED".to_owned(), 0, true)));
    every_word_says(&scene, true);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0), "nor does it need trusted keys to be reconciled");
}
