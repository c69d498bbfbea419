//! A thousand items through the real binary: one request over all of them, killed (SIGKILL) in the middle of reading
//! anchors and twice in the middle of the changes, resumed, every effect exactly once; and what is said meanwhile
//! stays readable.
#![cfg(all(unix, feature = "aws"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod scene;

use dialoguer::console;
use expectrl::{Eof, Expect, Session};
use scene::{BOOK, Scene, await_file, shipped, who};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const ITEMS: usize = 1_000;

/// A user for each item.
fn book(items: usize, at_once: usize) -> String {
    let all: Vec<String> = (0..items).map(|n| format!("\"user{n:04}\"")).collect();
    format!(
        r#"schema = 1
[runbook]
name = "many"
title = "Make many users"
version = "1.0.0"
[roles]
admin = {{ title = "Administrator", party = "partner" }}
security = {{ title = "Security", party = "customer" }}
[sessions]
management = {{ account = "111111111111", used_by = ["admin"], kinds = ["user"] }}
[[stages]]
id = "make"
for_each = [{}]
key = "${{item}}"
at_once = {at_once}
performer = "admin"
session = "management"
approvals = [{{ role = "security", per = "stage" }}]
[stages.anchor]
prove = [{{ action = "iam:GetUser", with = {{ UserName = "${{item}}" }}, expect_error = "NoSuchEntity" }}]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = {{ UserName = "${{item}}" }}
undo = "usual"
"#,
        all.join(", ")
    )
}

fn scene(items: usize, at_once: usize) -> Scene {
    let world = shipped("tests/fixtures/kinds/worlds/kinds.toml");
    let people = [who("alice", "partner", &["admin"]), who("bob", "customer", &["security"])];
    Scene::new(&book(items, at_once), &world, &people)
}

fn start(scene: &Scene, words: &[&str]) -> Child {
    let mut command = scene.seat_command("alice", words);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Lines of the simulator's log that hold these words.
fn seen(scene: &Scene, words: &str) -> usize {
    std::fs::read_to_string(scene.path("sim.log")).map_or(0, |log| log.lines().filter(|l| l.contains(words)).count())
}

/// Killed as soon as that many lines of the simulator's log hold these words.
fn killed_at(scene: &Scene, words: &[&str], log: &str, count: usize) {
    let mut child = start(scene, words);
    let patience = Instant::now() + Duration::from_secs(240);
    while seen(scene, log) < count {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(Instant::now() < patience, "no {count} x {log}");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(9));
}

/// To its end, however long it takes; its exit code and what it said.
fn ends(scene: &Scene, words: &[&str]) -> (i32, String) {
    let output = start(scene, words).wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_thousand_items_killed_and_resumed() {
    let began = Instant::now();
    let scene = scene(ITEMS, 32);
    await_file(&scene.path("port"));
    killed_at(&scene, &["run", BOOK], "GetUser", ITEMS / 2);
    let (code, said) = ends(&scene, &["resume"]);
    assert_eq!(code, 4, "{said}");
    let asked = scene.log().into_iter().filter(|entry| entry["kind"] == "asked").collect::<Vec<_>>();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["data"]["covers"], "make:*/*");
    assert!(asked[0].to_string().len() < 4_096, "the operations are an object");
    scene.run("bob", &["approve", "make"]).exits(0);
    for part in [3, 7] {
        killed_at(&scene, &["resume"], "\"effect\":true", ITEMS * part / 10);
    }
    let (code, said) = ends(&scene, &["resume"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(scene.effects().len(), ITEMS);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    let log = scene.log();
    let kind = |kind: &str| log.iter().filter(|entry| entry["kind"] == kind).count();
    assert!(kind("intended") >= ITEMS && kind("intended") <= ITEMS + 64);
    // Said once, not once per item; but for each reading that settles what the kill left in doubt.
    let lines = said.lines().filter(|line| !line.contains(" side says: ")).count();
    assert!(lines < 120, "{lines} lines:\n{said}");
    eprintln!("{ITEMS} items, {} entries, {} s", log.len(), began.elapsed().as_secs());
}

/// At a terminal 80 columns wide: one bar instead of six lines per item, taken away before anything else is said.
#[test]
fn at_a_terminal_many_items_are_a_bar() {
    let scene = scene(60, 8);
    let mut command = scene.seat_command("alice", &["run", BOOK]);
    command.env("TERM", "xterm-256color").stdin(Stdio::inherit());
    let mut session = Session::spawn(command).unwrap();
    session.get_process_mut().set_window_size(80, 24).unwrap();
    session.set_expect_timeout(Some(Duration::from_secs(90)));
    let mut shown = session.expect("waiting here").unwrap().as_bytes().to_vec();
    scene.run("bob", &["approve", "make"]).exits(0);
    shown.extend_from_slice(session.expect(Eof).unwrap().as_bytes());
    let raw = String::from_utf8_lossy(&shown).into_owned();
    for words in ["/60 anchors in make", "/60 done in make", "is closed: done"] {
        assert!(raw.contains(words), "`{words}` is not in:\n{raw}");
    }
    assert!(!raw.contains("user0031/user"), "an item of many is told by itself:\n{raw}");
    let text = console::strip_ansi_codes(&raw);
    for line in text.split(['\n', '\r']) {
        assert!(line.chars().count() <= 80, "wider than the screen: {line}");
    }
}

/// Off a terminal: a line now and then.
#[test]
fn off_a_terminal_many_items_are_a_line_now_and_then() {
    let scene = scene(60, 8);
    let said = scene.open("alice").exits(4).saying("stage make: 30 of 60 anchors captured and proved");
    assert!(said.stderr.lines().count() < 40, "{}", said.stderr);
    scene.run("bob", &["approve", "make"]).exits(0);
    let said = scene.resume("alice").exits(0).saying("60 of 60 items done");
    assert!(said.stderr.lines().count() < 40, "{}", said.stderr);
    assert!(!said.stderr.contains("user0031"), "{}", said.stderr);
}
