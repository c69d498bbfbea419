//! Small runbooks that use every kind of step: rehearsed, and the main ones played over HTTP by separate processes.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, Said, Scene, Who, program, shipped, who, with_key};
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "tests/fixtures/kinds";

/// Rehearses a runbook of the folder; its bundle is left in the temporary folder.
fn rehearse(name: &str) -> (Said, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = Command::new(program())
        .current_dir(folder.path())
        .env_clear()
        .arg("rehearse")
        .arg(root.join(FOLDER).join(name).with_extension("toml"))
        .arg("--world")
        .arg(root.join(FOLDER).join("worlds/kinds.toml"))
        .output()
        .unwrap();
    (Said::of(&said), folder)
}

#[track_caller]
fn plays(name: &str) -> Said {
    let (said, folder) = rehearse(name);
    let said = said.exits(0).saying("CLOSED").saying("rehearsed to the end");
    let bundle = std::fs::read_dir(folder.path().join("journal/rehearsals")).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|extension| extension == "countersign").then_some(path)
    });
    let verify = Command::new(program()).env_clear().arg("verify").arg(bundle.unwrap()).output().unwrap();
    Said::of(&verify).exits(0).saying("CLOSED");
    said
}

#[test]
fn actions_reads_and_checks_are_rehearsed() {
    plays("iam").saying("3 effects");
}

#[test]
fn waits_are_rehearsed_on_a_virtual_clock() {
    plays("waits").saying("of simulated time");
}

#[test]
fn questions_are_rehearsed_with_examples() {
    plays("asks").saying("make: done");
}

#[test]
fn tasks_are_rehearsed() {
    plays("tasks").saying("alice attached evidence to payment:333344445555/card: screen");
}

#[test]
fn items_canary_and_requests_are_rehearsed() {
    plays("items").saying("said to go on with tag").saying("never: skipped").saying("11 effects");
}

#[test]
fn commands_are_rehearsed_with_the_worlds_answers() {
    plays("commands").saying("run/make: done");
}

#[test]
fn ways_back_are_rehearsed_forward() {
    plays("back");
}

fn book(name: &str) -> String {
    shipped(&format!("{FOLDER}/{name}.toml"))
}

fn world() -> String {
    shipped(&format!("{FOLDER}/worlds/kinds.toml"))
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("dora", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

fn stage(name: &str) -> Scene {
    Scene::new(&book(name), &world(), &people())
}

#[test]
fn a_break_glass_user_over_http() {
    let scene = stage("iam");
    scene.open("alice").exits(4).saying("countersign approve make/policy --as bob");
    scene.run("bob", &["approve", "make/policy"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateAccessKey"]);
    let secret = scene.read("alice/credentials");
    let secret = secret.split("[break-glass]").nth(1).unwrap().split("aws_secret_access_key = ").nth(1).unwrap();
    let secret = secret.lines().next().unwrap();
    assert!(secret.len() > 20);
    let bundle = scene.run("alice", &["export", "-o", "out.countersign"]).exits(0);
    assert!(!scene.read("out.countersign").contains(secret) && !bundle.stderr.contains(secret));
    assert!(!scene.read("sim.log").contains(secret));
}
