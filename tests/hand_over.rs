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
    let nowhere = ["hand-over", "--to", "dora", "-o", "no/such/folder/file"];
    scene.run("alice", &nowhere).exits(2).saying("nothing was handed over");
    assert!(scene.entries("handed_over").is_empty());
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

// --- an operation in doubt, and the machine that began it is given up ---

/// alice's machine has the run, and bob has approved its first step; these faults strike AWS.
fn struck(faults: &str) -> Scene {
    let world = shipped("tests/fixtures/kinds/worlds/kinds.toml");
    let scene = Scene::new(RUNBOOK, &format!("{world}\n{faults}"), &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/first"]).exits(0);
    scene
}

/// alice goes on, and her process is killed as soon as these words are in the journal, and AWS has done what it was
/// asked to do.
fn killed_at(scene: &Scene, words: &str) {
    let mut command = scene.seat_command("alice", &["resume"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let base = rusqlite::Connection::open(scene.path(JOURNAL)).unwrap();
    base.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    let there = || {
        let query = "SELECT count(*) FROM entry WHERE instr(line, ?1) > 0";
        base.query_row(query, [words], |row| row.get::<_, i64>(0)).unwrap() > 0
    };
    scene::await_that(words, there);
    scene::await_that("AWS did it", || !scene.effects().is_empty());
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success(), "it was killed");
}

const LOST: &str = "[[faults]]\non = \"iam:CreateUser\"\nkind = \"response_lost\"\n";
const SLOW: &str = "[[faults]]\non = \"iam:CreateUser\"\nkind = \"slow\"\ndelay = \"60s\"\n";

/// After the anchor's two reads none succeeds for so many times.
fn blind(times: u32) -> String {
    format!("[[faults]]\non = \"iam:GetUser\"\nkind = \"access_denied\"\nnth = 3\ntimes = {times}\n")
}

/// What alice's copy says to everybody once the run is dora's: nothing is settled, begun or written there.
fn the_old_copy_is_shut(scene: &Scene) {
    let before = scene.log().len();
    scene.resume("alice").exits(8).saying("CS8003").saying("goes on with it");
    scene.seat("alice", &["rollback"]).exits(8).saying("CS8003");
    for words in [&["settle", "done", "make/first"][..], &["settle", "not-done", "make/first"], &["abandon"]] {
        scene.run("alice", words).exits(8).saying("CS8003").saying("the run was handed over to dora by alice");
    }
    assert_eq!(scene.log().len(), before);
}

/// The second step, done on dora's machine; in the end each effect is there once, and both verifiers say so.
fn dora_ends_it(scene: &Scene) {
    let dora = "dora/journal.db";
    on(scene, dora, "bob", &["approve", "make/second"]).exits(0);
    seat_on(scene, dora, "dora", &["resume"]).exits(0);
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"], "what was in doubt was not sent again");
    assert_eq!(verdict_on(scene, dora), "CLOSED");
    on(scene, dora, "bob", &["export", "-o", "closed.countersign"]).exits(0);
    scene::second::agrees(&std::fs::read(scene.path("closed.countersign")).unwrap());
}

/// The `outcome` entries about the first step, as result and how it was found.
fn outcomes_on(scene: &Scene, journal: &str) -> Vec<(String, String)> {
    let log = on(scene, journal, "bob", &["log", "--format", "json"]).exits(0);
    let all = log.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word = |entry: &serde_json::Value, name: &str| entry["data"][name].as_str().unwrap().to_owned();
    all.filter(|entry| entry["kind"] == "outcome" && entry["data"]["step"] == "make/first")
        .map(|entry| (word(&entry, "result"), word(&entry, "found")))
        .collect()
}

fn pair(result: &str, found: &str) -> (String, String) {
    (result.to_owned(), found.to_owned())
}

/// The answer is lost, alice can't read how it stands, and dies; dora can.
#[test]
fn what_is_in_doubt_is_handed_over_and_found_out_there_by_reading() {
    let scene = struck(&format!("{LOST}{}", blind(20)));
    killed_at(&scene, "\"result\":\"in_doubt\"");
    assert_eq!(scene.status()["state"], "in doubt");
    let said = scene.run("alice", &HAND).exits(0);
    said.saying("make/first is in doubt: dora goes on by reading how it stands");
    the_old_copy_is_shut(&scene);
    let dora = "dora/journal.db";
    on(&scene, dora, "dora", &["take-over", "run.countersign"]).exits(0).saying("goes on here");
    on(&scene, dora, "bob", &["status"]).exits(0).saying("make/first is in doubt: resuming reads how it stands");
    let status = on(&scene, dora, "bob", &["status", "--format", "json"]).exits(0).json();
    assert_eq!((status["state"].as_str(), status["steps"][0]["state"].as_str()), (Some("in doubt"), Some("in doubt")));
    seat_on(&scene, dora, "dora", &["rollback"]).exits(7).saying("make/first is in doubt: settle it first");
    on(&scene, dora, "dora", &["abandon"]).exits(5).saying("CS5001");
    // As long as she can't read it either, nothing is settled; each sitting looks again.
    let mut sittings = 0;
    let said = loop {
        let said = seat_on(&scene, dora, "dora", &["resume"]);
        sittings += 1;
        if said.status != 5 || sittings == 60 {
            break said.exits(4);
        }
        assert_eq!(outcomes_on(&scene, dora), [pair("in_doubt", "answer")]);
    };
    said.saying("it happened").saying("make/first: done (found by reading)").saying("approve make/second");
    assert_eq!(outcomes_on(&scene, dora), [pair("in_doubt", "answer"), pair("done", "probe")]);
    dora_ends_it(&scene);
    the_old_copy_is_shut(&scene);
}

/// A wrong word, given while nobody could read it, does not stand against what AWS says as soon as it can be read.
#[test]
fn what_can_be_read_counts_whatever_was_said() {
    let scene = struck(&format!("{LOST}{}", blind(20)));
    killed_at(&scene, "\"result\":\"in_doubt\"");
    scene.run("alice", &["settle", "not-done", "make/first", "--reason", "it is not in the console"]).exits(0);
    let (mut sittings, mut asked) = (0, false);
    let said = loop {
        let said = scene.resume("alice");
        sittings += 1;
        if said.status != 5 || sittings == 60 {
            break said.exits(4);
        }
        said.saying("waiting for bob or carol");
        asked = true;
        assert_eq!(outcomes_on(&scene, JOURNAL), [pair("in_doubt", "answer")]);
    };
    assert!(asked, "AWS could not be read at first");
    said.saying("make/first: done (found by reading)").saying("approve make/second");
    assert_eq!(outcomes_on(&scene, JOURNAL), [pair("in_doubt", "answer"), pair("done", "probe")]);
    assert_eq!(
        scene.status()["waiting_for"].as_array().map(Vec::len),
        Some(1),
        "nobody is asked any more how it ended"
    );
    scene.run("bob", &["approve", "make/second"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"], "what was in doubt was not sent again");
    assert_eq!(verdict_on(&scene, JOURNAL), "CLOSED");
    scene.run("bob", &["export", "-o", "closed.countersign"]).exits(0);
    scene::second::agrees(&std::fs::read(scene.path("closed.countersign")).unwrap());
}

/// Nobody can read it anywhere: people say how it stands, dora by her word and bob by his agreement.
#[test]
fn what_is_in_doubt_is_handed_over_and_settled_there_by_people() {
    let scene = struck(&format!("{LOST}{}", blind(1000)));
    killed_at(&scene, "\"result\":\"in_doubt\"");
    scene.run("alice", &HAND).exits(0);
    let dora = "dora/journal.db";
    on(&scene, dora, "dora", &["take-over", "run.countersign"]).exits(0);
    on(&scene, dora, "bob", &["settle", "done", "make/first"]).exits(7).saying("CS7008");
    let words = ["settle", "done", "make/first", "--reason", "seen in the console"];
    on(&scene, dora, "dora", &words).exits(0);
    // A word alone is not enough: bob, who may approve the step, must agree.
    seat_on(&scene, dora, "dora", &["resume"]).exits(5).saying("waiting for bob or carol");
    on(&scene, dora, "dora", &["approve", "make/first"]).exits(7);
    assert_eq!(outcomes_on(&scene, dora), [pair("in_doubt", "answer")]);
    on(&scene, dora, "bob", &["approve", "make/first"]).exits(0);
    seat_on(&scene, dora, "dora", &["resume"]).exits(4).saying("approve make/second");
    assert_eq!(outcomes_on(&scene, dora), [pair("in_doubt", "answer"), pair("done", "word")]);
    assert_eq!(scene.effects().len(), 1, "it was not sent again");
    assert_eq!(verdict_on(&scene, dora), "OPEN");
    on(&scene, dora, "bob", &["export", "-o", "settled.countersign"]).exits(0);
    scene::second::agrees(&std::fs::read(scene.path("settled.countersign")).unwrap());
    the_old_copy_is_shut(&scene);
}

/// The machine burns while AWS works on it: what it had begun is in the last file, and is found out by reading.
#[test]
fn a_lost_machine_is_replaced_with_its_operation_in_doubt() {
    let scene = struck(SLOW);
    killed_at(&scene, "\"kind\":\"intended\"");
    let open = scene.run("alice", &HAND).exits(5).saying("CS5001");
    open.saying("make/first was begun, and its end is not known").saying("read how it stands first");
    scene.run("alice", &["export", "-o", "last.countersign"]).exits(0);
    std::fs::rename(scene.path(JOURNAL), scene.path("lost.db")).unwrap();
    let dora = "dora/journal.db";
    let ask = ["take-over", "last.countersign", "--recovery", "-o", "ask"];
    on(&scene, dora, "dora", &ask).exits(0).saying("look at AWS first");
    on(&scene, "nowhere.db", "bob", &["approve", "ask"]).exits(0);
    let bring = ["take-over", "last.countersign", "--recovery", "--words", "ask.bob.answer"];
    on(&scene, dora, "dora", &bring).exits(0).saying("goes on here");
    let status = on(&scene, dora, "bob", &["status", "--format", "json"]).exits(0).json();
    assert_eq!(status["state"], "in doubt");
    seat_on(&scene, dora, "dora", &["resume"]).exits(4).saying("make/first: done (found by reading)");
    assert_eq!(outcomes_on(&scene, dora), [pair("done", "probe")]);
    dora_ends_it(&scene);
    // The lost machine comes back with its own doubt, and settles it: two histories.
    std::fs::rename(scene.path("lost.db"), scene.path(JOURNAL)).unwrap();
    scene.resume("alice").exits(4);
    scene.run("alice", &["return", "closed.countersign"]).exits(6).saying("CS6011").saying("DIVERGED");
}

/// The last file is older than what the machine did: the anchor sees it, and nothing is done a second time.
#[test]
fn a_recovery_from_an_older_file_repeats_nothing() {
    let scene = struck("");
    scene.run("alice", &["export", "-o", "last.countersign"]).exits(0);
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects().len(), 1);
    // bob has seen more of this run than the file holds, and does not sign; carol has not.
    scene.run("bob", &["approve", "make/second"]).exits(0);
    let dora = "dora/journal.db";
    on(&scene, dora, "dora", &["take-over", "last.countersign", "--recovery", "-o", "ask"]).exits(0);
    on(&scene, "nowhere.db", "bob", &["approve", "ask"]).exits(6).saying("CS6010").saying("DIVERGED");
    on(&scene, "nowhere.db", "carol", &["approve", "ask"]).exits(0);
    let bring = ["take-over", "last.countersign", "--recovery", "--words", "ask.carol.answer"];
    on(&scene, dora, "dora", &bring).exits(0);
    seat_on(&scene, dora, "dora", &["resume"]).exits(4);
    on(&scene, dora, "carol", &["approve", "make/first"]).exits(0);
    let said = seat_on(&scene, dora, "dora", &["resume"]).exits(7);
    said.saying("REFUSED").saying("does not hold: iam:GetUser: expected the error NoSuchEntity");
    assert_eq!(scene.effects().len(), 1, "it was not done a second time");
    assert_eq!(outcomes_on(&scene, dora), []);
    assert_eq!(verdict_on(&scene, dora), "OPEN");
}
