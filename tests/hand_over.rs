//! A run between copies of the journal, through the real binary: hand-over, take-over, return, decline, the recovery of
//! a lost machine; what a copy may not do that has handed over, and how two copies that both went on are found out.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{JOURNAL, Said, Scene, Who, finish, shipped, who, with_key};
use std::process::Command;

/// Two users, made by either administrator; each agreed to by security.
const RUNBOOK: &str = r#"schema = 1
[runbook]
name = "two_users"
title = "Make two users"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
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
approvals = [{ role = "security" }]
undo = "usual"
"#;

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("dora", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        with_key("carol", "customer", &["security"], 5),
    ]
}

/// alice's machine has the run; its first request waits.
fn begun() -> Scene {
    let scene = Scene::new(RUNBOOK, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people());
    scene.open("alice").exits(4);
    scene
}

const HAND: [&str; 5] = ["hand-over", "--to", "dora", "-o", "run.countersign"];

/// This person's command on the journal of another machine.
fn on(scene: &Scene, journal: &str, person: &str, words: &[&str]) -> Said {
    finish(at(scene.command(person, words), scene, journal))
}

fn seat_on(scene: &Scene, journal: &str, person: &str, words: &[&str]) -> Said {
    finish(at(scene.seat_command(person, words), scene, journal))
}

fn at(mut command: Command, scene: &Scene, journal: &str) -> Command {
    command.env("COUNTERSIGN_JOURNAL", scene.path(journal));
    command
}

/// What `verify` says of a journal.
fn verdict_on(scene: &Scene, journal: &str) -> String {
    let said = on(scene, journal, "bob", &["verify", "--format", "json"]);
    said.json()["verdict"].as_str().unwrap().to_owned()
}

fn entries_on(scene: &Scene, journal: &str) -> usize {
    on(scene, journal, "bob", &["log", "--format", "json"]).exits(0).stdout.lines().count()
}

#[test]
fn the_successor_goes_on_on_their_own_machine_and_gives_it_back() {
    let scene = begun();
    let said = scene.run("alice", &HAND).exits(0).saying("handed over to dora");
    said.saying("there: countersign take-over run.countersign --as dora");
    let ended = scene.entries("request_ended");
    assert_eq!(ended.last().unwrap()["why"], "handed_over");
    // This copy appends nothing more, whoever asks.
    let before = scene.log().len();
    for (person, words) in [
        ("bob", &["approve", "make/first"][..]),
        ("bob", &["note", "hello"]),
        ("alice", &["abandon"]),
        ("alice", &["hand-over", "--to", "dora", "-o", "again"]),
        ("dora", &["take-over", "run.countersign"]),
        ("alice", &["amend", "--runbook", scene::BOOK]),
    ] {
        scene.run(person, words).exits(8).saying("the run was handed over to dora by alice").saying("take-over FILE");
    }
    for person in ["alice", "dora"] {
        scene.resume(person).exits(8).saying("CS8003").saying("goes on with it");
    }
    assert_eq!(scene.log().len(), before);
    let status = scene.status();
    assert_eq!(status["handed_over"]["to"], "dora");
    assert_eq!(status["waiting_for"][0]["command"], "countersign take-over FILE --as dora");
    scene.run("bob", &["status"]).exits(0).saying("HANDED OVER to dora by alice");
    scene.run("bob", &["runs"]).exits(0).saying("handed over to dora");
    scene.run("bob", &["log"]).exits(0).saying("alice handed the run over to dora");
    // dora's machine: her own journal.
    on(&scene, "dora/journal.db", "alice", &["take-over", "run.countersign"]).exits(8).saying("to dora, not to alice");
    on(&scene, "dora/journal.db", "dora", &["take-over", "run.countersign"]).exits(0).saying("goes on here");
    on(&scene, "dora/journal.db", "dora", &["take-over", "run.countersign"]).exits(0).saying("nothing to take over");
    seat_on(&scene, "dora/journal.db", "dora", &["resume"]).exits(4);
    on(&scene, "dora/journal.db", "bob", &["approve", "make/first"]).exits(0);
    seat_on(&scene, "dora/journal.db", "dora", &["resume"]).exits(4);
    // And back.
    let back = ["hand-over", "--to", "alice", "-o", "back.countersign"];
    on(&scene, "dora/journal.db", "dora", &back).exits(0);
    scene.run("dora", &["return", "back.countersign"]).exits(8).saying("to alice, not to dora");
    scene.run("alice", &["return", "back.countersign"]).exits(0).saying("goes on here");
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"]);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    let text = scene.run("bob", &["verify"]).exits(0);
    assert!(!format!("{}{}", text.stdout, text.stderr).contains("another machine"), "each move is signed");
    scene.run("bob", &["report", "--format", "markdown"]).exits(0).saying("dora handed the run over to alice");
    // dora keeps the closed run too.
    scene.run("bob", &["export", "-o", "closed.countersign"]).exits(0);
    on(&scene, "dora/journal.db", "dora", &["return", "closed.countersign"]).exits(0).saying("the run is closed: done");
    assert_eq!(verdict_on(&scene, "dora/journal.db"), "CLOSED");
}

#[test]
fn a_prefix_changes_nothing_and_two_histories_diverge() {
    let scene = begun();
    scene.run("alice", &["export", "-o", "early.countersign"]).exits(0);
    scene.run("bob", &["approve", "make/first"]).exits(0);
    let before = scene.log().len();
    for verb in ["take-over", "return"] {
        scene.run("alice", &[verb, "early.countersign"]).exits(0).saying("this copy has all of it");
    }
    assert_eq!(scene.log().len(), before);
    // A copy of the file on another machine, which goes on by itself as far as words go.
    std::fs::copy(scene.path(JOURNAL), scene.path("copy.db")).unwrap();
    seat_on(&scene, "copy.db", "alice", &["resume"]).exits(8).saying("CS8004").saying("this is a copy of the journal");
    on(&scene, "copy.db", "alice", &["abandon"]).exits(8).saying("CS8004");
    assert_eq!(entries_on(&scene, "copy.db"), before);
    on(&scene, "copy.db", "alice", &["note", "another history"]).exits(0);
    scene.resume("alice").exits(4);
    on(&scene, "copy.db", "bob", &["export", "-o", "other.countersign"]).exits(0);
    let size = scene.log().len();
    for verb in ["take-over", "return"] {
        scene.run("alice", &[verb, "other.countersign"]).exits(6).saying("CS6011").saying("DIVERGED");
    }
    assert_eq!(scene.log().len(), size);
    // Nobody handed over: a file by itself is not enough.
    on(&scene, "new.db", "dora", &["take-over", "early.countersign"]).exits(8).saying("nobody has handed the run over");
    assert_eq!(verdict_on(&scene, JOURNAL), "OPEN");
}

#[test]
fn who_declines_gives_the_seat_back() {
    let scene = begun();
    scene.run("alice", &HAND).exits(0);
    scene.run("bob", &["decline", "run.countersign"]).exits(8).saying("to dora, not to bob");
    let said = scene.run("dora", &["decline", "run.countersign", "--reason", "on leave"]).exits(0);
    said.saying("wrote run.countersign.dora.answer");
    scene.resume("alice").exits(8);
    scene.run("bob", &["import", "run.countersign.dora.answer"]).exits(0).saying("alice has the run back");
    scene.run("bob", &["import", "run.countersign.dora.answer"]).exits(7).saying("nothing to decline here");
    scene.run("bob", &["log"]).exits(0).saying("dora declined; alice has the run back: on leave");
    scene.resume("dora").exits(8).saying("given back to alice");
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/first"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("bob", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    // Too late for dora.
    on(&scene, "dora/journal.db", "dora", &["take-over", "run.countersign"]).exits(0);
    on(&scene, "dora/journal.db", "bob", &["export", "-o", "doras.countersign"]).exits(0);
    scene.run("alice", &["take-over", "doras.countersign"]).exits(6).saying("DIVERGED");
}

#[test]
fn a_lost_machine_is_replaced_on_the_word_of_each_party() {
    let scene = begun();
    scene.run("bob", &["approve", "make/first"]).exits(0);
    scene.run("bob", &["export", "-o", "last.countersign"]).exits(0);
    // Nothing to recover where it still is.
    scene.run("alice", &["take-over", "last.countersign", "--recovery"]).exits(7).saying("CS7052");
    let one = on(&scene, "new.db", "dora", &["take-over", "last.countersign", "--recovery"]).exits(4);
    one.saying("nobody has signed of: customer").saying("look at AWS first");
    let ask = ["take-over", "last.countersign", "--recovery", "-o", "ask"];
    on(&scene, "new.db", "dora", &ask).exits(0).saying("wrote ask");
    on(&scene, "nowhere.db", "bob", &["review", "ask"]).exits(0).saying("recovery of run").saying("signed: dora");
    on(&scene, "nowhere.db", "bob", &["approve", "ask"]).exits(0).saying("bob signed it");
    // For another copy the words are nothing, and nor are those of one party.
    let bring = ["take-over", "last.countersign", "--recovery", "--words", "ask.bob.answer"];
    on(&scene, "third.db", "dora", &bring).exits(7).saying("signed for another copy than this one");
    on(&scene, "new.db", "dora", &bring).exits(0).saying("goes on here");
    on(&scene, "new.db", "bob", &["log"]).exits(0).saying("said that the lost run goes on in the copy");
    seat_on(&scene, "new.db", "dora", &["resume"]).exits(4);
    on(&scene, "new.db", "bob", &["approve", "make/first"]);
    seat_on(&scene, "new.db", "dora", &["resume"]).exits(4);
    on(&scene, "new.db", "bob", &["approve", "make/second"]).exits(0);
    seat_on(&scene, "new.db", "dora", &["resume"]).exits(0);
    assert_eq!(verdict_on(&scene, "new.db"), "CLOSED");
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"]);
    on(&scene, "new.db", "bob", &["export", "-o", "closed.countersign"]).exits(0);
    scene::second::agrees(&std::fs::read(scene.path("closed.countersign")).unwrap());
    // The lost machine comes back, and goes on: found out.
    scene.resume("alice");
    scene.run("alice", &["return", "closed.countersign"]).exits(6).saying("DIVERGED");
}

/// One of two gets the seat; the other is told so, and there is one history.
#[test]
fn two_race_for_a_take_over() {
    let scene = begun();
    scene.run("alice", &HAND).exits(0);
    let start = || {
        let mut command = at(scene.command("dora", &["take-over", "run.countersign"]), &scene, "dora/journal.db");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start(), start()];
    let codes: Vec<i32> = both.map(|child| child.wait_with_output().unwrap().status.code().unwrap()).to_vec();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 8].contains(code)), "{codes:?}");
    let log = on(&scene, "dora/journal.db", "bob", &["log", "--format", "json"]).exits(0);
    let seats = log.stdout.lines().filter(|line| line.contains("\"kind\":\"signed_on\"")).count();
    assert_eq!(seats, 3, "alice's two, and one of dora's");
    assert_eq!(verdict_on(&scene, "dora/journal.db"), "OPEN");
}

/// Killed between the statement and the file: the hand-over stands as a whole, or not at all.
#[test]
fn a_killed_hand_over_or_take_over_is_whole_or_not_there() {
    let scene = begun();
    for wait in [5, 20, 40, 70] {
        let mut child = scene.command("alice", &HAND).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
        let _ = std::fs::remove_file(scene.path("run.countersign"));
    }
    match scene.run("alice", &HAND).status {
        0 => std::fs::remove_file(scene.path("run.countersign")).unwrap(),
        status => assert_eq!(status, 8, "it was handed over before it was killed"),
    }
    scene.run("alice", &["export", "-o", "run.countersign"]).exits(0);
    assert_eq!(scene.entries("handed_over").len(), 1);
    for wait in [5, 20, 40, 70] {
        let mut child =
            at(scene.command("dora", &["take-over", "run.countersign"]), &scene, "dora/journal.db").spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        let _ = child.kill();
        child.wait().unwrap();
    }
    on(&scene, "dora/journal.db", "dora", &["take-over", "run.countersign"]).exits(0);
    seat_on(&scene, "dora/journal.db", "dora", &["resume"]).exits(4);
    assert_eq!(verdict_on(&scene, "dora/journal.db"), "OPEN");
}
