//! The end of a run, signed by each party: at the journal, and by file from a machine of one's own. Through the binary.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{ONE_USER, Said, Scene, shipped, who};
use serde_json::Value;

fn waiting() -> Scene {
    let people =
        [who("alice", "partner", &["admin"]), who("bob", "customer", &["security"]), who("dora", "customer", &[])];
    let scene = Scene::new(ONE_USER, &shipped("tests/fixtures/kinds/worlds/kinds.toml"), &people);
    scene.open("alice").exits(4);
    scene
}

/// Done; what the last sitting said.
fn closed() -> (Scene, Said) {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user"]).exits(0);
    let said = scene.resume("alice").exits(0);
    (scene, said)
}

/// As somebody whose machine has no journal of this run.
fn elsewhere(scene: &Scene, person: &str, words: &[&str]) -> Said {
    let mut command = scene.command(person, words);
    command.env("COUNTERSIGN_JOURNAL", "nowhere.db");
    scene::finish(command)
}

fn verdict(scene: &Scene, more: &[&str]) -> (String, i32) {
    let said = scene.run("nobody", &[&["verify", "--format", "json"], more].concat());
    (said.json()["verdict"].as_str().unwrap().to_owned(), said.status)
}

#[test]
fn each_party_witnesses_one_at_the_journal_and_one_by_file() {
    let (scene, last) = closed();
    let run = scene.status()["run"].as_str().unwrap()[..8].to_owned();
    last.saying("evidence: countersign export")
        .saying("not witnessed yet by customer (bob or dora)")
        .saying(&format!("can run: countersign witness {run} --as alice"));
    let missing = scene.status()["witnesses_missing"].clone();
    assert_eq!(missing[0]["party"], "customer");
    assert_eq!(missing[1]["command"], format!("countersign witness {run} --as alice"));
    scene
        .run("bob", &["witness", "--reason", "as agreed"])
        .exits(0)
        .saying("result: done; steps: 1 done")
        .saying("nothing of it touched AWS")
        .saying("bob witnessed that run")
        .saying("not witnessed yet by partner (alice)");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    scene.run("nobody", &["verify"]).exits(0).saying("Not witnessed yet by partner (`countersign witness");
    let people = scene.path("runbooks/people.toml").display().to_string();
    assert_eq!(verdict(&scene, &["--trust", &people]).0, "CLOSED", "one party is not every party");

    scene.run("nobody", &["export", "-o", "end"]).exits(0);
    elsewhere(&scene, "alice", &["witness", "end", "-o", "alice.answer"])
        .exits(0)
        .saying("result: done")
        .saying("countersign import alice.answer");
    assert!(!scene.path("nowhere.db").exists());
    assert_eq!(scene.entries("witness").len(), 1, "an answer file is not yet in the journal");
    scene
        .run("bob", &["import", "alice.answer"])
        .exits(0)
        .saying("alice witnesses the result `done`")
        .saying("witnessed by alice (partner)");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0), "without keys of one's own nothing is WITNESSED");
    assert_eq!(verdict(&scene, &["--trust", &people]), ("WITNESSED".to_owned(), 0));
    let status = scene.status();
    assert_eq!(
        (status["witnesses"].as_array().unwrap().len(), &status["witnesses_missing"]),
        (2, &Value::Array(vec![]))
    );
    scene.run("nobody", &["status"]).exits(0).saying("witnessed by bob (customer)");
    let by: Vec<Value> =
        scene.log().iter().filter(|one| one["kind"] == "witness").map(|one| one["by"].clone()).collect();
    assert_eq!(by, ["bob", "alice"]);
}

#[test]
fn nobody_witnesses_an_open_run_or_twice() {
    let scene = waiting();
    scene.run("bob", &["witness"]).exits(7).saying("CS7060");
    scene.run("nobody", &["export", "-o", "early"]).exits(0);
    elsewhere(&scene, "bob", &["witness", "early"]).exits(7).saying("nothing to witness yet");
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(0);
    scene.run("nobody", &["export", "-o", "end"]).exits(0);
    elsewhere(&scene, "bob", &["witness", "end", "-o", "first"]).exits(0);
    scene.run("bob", &["witness"]).exits(0);
    scene.run("bob", &["witness"]).exits(7).saying("CS7061");
    // The statement that was made elsewhere comes too late: one person does so once.
    scene.run("alice", &["import", "first"]).exits(7).saying("bob has witnessed it before");
    assert_eq!(scene.entries("witness").len(), 1);
    scene.run("bob", &["note", "too late"]).exits(7).saying("CS7007");
    scene.run("eve", &["witness"]).exits(7).saying("CS7003");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn what_does_not_verify_or_is_older_than_what_was_seen_is_not_witnessed() {
    let (scene, _) = closed();
    scene.run("nobody", &["export", "-o", "end"]).exits(0);
    let text = scene.read("end");
    scene.write("forged", &text.replacen("\"result\":\"done\"", "\"result\":\"dine\"", 1));
    elsewhere(&scene, "bob", &["witness", "forged", "-o", "answer"]).exits(6).saying("INVALID");
    // Alice's machine saw an end with her own witness behind it; an older copy is not signed again.
    scene.run("alice", &["witness"]).exits(0);
    elsewhere(&scene, "alice", &["witness", "end", "-o", "answer"]).exits(6).saying("DIVERGED");
    assert!(!scene.path("answer").exists());
    // Nor is a witness taken in that speaks of another run.
    let (other, _) = closed();
    other.run("nobody", &["export", "-o", "other"]).exits(0);
    elsewhere(&other, "bob", &["witness", "other", "-o", "answer"]).exits(0);
    let run = scene.status()["run"].as_str().unwrap().to_owned();
    let theirs = other.status()["run"].as_str().unwrap().to_owned();
    scene.write(
        "answer",
        &other.read("answer").replacen(&format!("\"run\":\"{theirs}\""), &format!("\"run\":\"{run}\""), 1),
    );
    scene.run("bob", &["import", "answer"]).exits(7).saying("CS7006");
    assert_eq!(scene.entries("witness").len(), 1);
}

/// What was given up is witnessed too; and a rehearsal, whose people are simulated, asks nobody.
#[test]
fn an_abandoned_run_is_witnessed_as_abandoned() {
    let scene = waiting();
    scene.run("alice", &["abandon", "--reason", "called off"]).exits(0).saying("not witnessed yet by customer");
    scene.run("bob", &["witness"]).exits(0).saying("ended: abandoned");
    let statement = scene.entries("witness")[0]["statement"].as_str().unwrap().to_owned();
    assert!(statement.contains("\nresult: abandoned\n"), "{statement}");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}
