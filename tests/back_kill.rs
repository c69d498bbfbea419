//! SIGKILL at every entry of a rollback, through the real binary: each process is killed as soon as it has written
//! something, and the next one goes on. The journal verifies after every kill; in the end everything is back, each
//! change was taken back once, and nobody was asked twice (P7). Wherever a kill lands, this holds.
#![cfg(all(unix, feature = "aws"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod scene;

use scene::{JOURNAL, Scene, Who, shipped, who};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

const ITEMS: [&str; 2] = ["222233334444", "111122223333"];
/// More processes than any rollback of this runbook needs.
const MOST: usize = 150;

fn people() -> Vec<Who<'static>> {
    vec![who("alice", "partner", &["admin"]), who("bob", "customer", &["security"])]
}

/// Everything done, as far as the last question.
fn there() -> Scene {
    let world = shipped("tests/fixtures/kinds/worlds/kinds.toml");
    let timing = "time_limit = \"2s\"\nsettles_within = \"1s\"\n";
    assert!(world.contains(timing));
    let world = world.replace(timing, "time_limit = \"800ms\"\nsettles_within = \"100ms\"\n");
    let scene = Scene::new(&shipped("tests/fixtures/kinds/back.toml"), &world, &people());
    scene.open("alice").exits(4);
    for item in ITEMS {
        scene.run("bob", &["approve", &format!("second:{item}/move")]).exits(0);
    }
    scene.resume("alice").exits(4);
    scene
}

/// Entries in the journal now.
fn size(scene: &Scene) -> i64 {
    let base = rusqlite::Connection::open(scene.path(JOURNAL)).unwrap();
    base.busy_timeout(Duration::from_secs(30)).unwrap();
    base.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap()
}

/// Starts it, and kills it once the journal holds `more` entries more; true: it was killed.
fn struck(scene: &Scene, words: &[&str], more: i64) -> bool {
    let until = size(scene) + more;
    let mut command = scene.seat_command("alice", words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.signal().is_some();
        }
        if size(scene) >= until {
            child.kill().unwrap();
            return child.wait().unwrap().signal() == Some(9);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn closed(scene: &Scene) -> bool {
    scene.status()["state"] == "rolled back"
}

/// What the rollback of a run that nobody disturbs changes in AWS.
fn undisturbed() -> Vec<String> {
    let scene = there();
    let before = scene.effects().len();
    scene.seat("alice", &["rollback"]).exits(4);
    for item in ITEMS {
        scene.run("bob", &["approve", &format!("second:{item}/move/undo/mark")]).exits(0);
        scene.resume("alice");
    }
    assert!(closed(&scene));
    scene.effects().split_off(before)
}

#[test]
fn a_rollback_killed_at_every_entry_goes_on_and_repeats_nothing() {
    let wanted = undisturbed();
    let scene = there();
    let before = scene.effects().len();
    let (mut kills, mut seen) = (0, Vec::new());
    for round in 0..MOST {
        // The sign-on is the first entry of each; some die on it, most on the one after. Later ones live longer: what is in
        // doubt is settled by two readings of one seat, some time apart.
        let more = if round % 5 == 4 { 1 } else { 2 + i64::try_from(round / 8).unwrap() };
        let from = size(&scene);
        let words: &[&str] = if scene.entries("rollback_started").is_empty() { &["rollback"] } else { &["resume"] };
        kills += usize::from(struck(&scene, words, more));
        let verify = scene.run("nobody", &["verify", "--format", "json"]);
        assert_eq!(verify.json()["problems"], serde_json::json!([]), "after round {round}: {verify:?}");
        seen.extend(scene.log().iter().skip(from as usize).map(|entry| entry["kind"].as_str().unwrap().to_owned()));
        for item in ITEMS {
            // Whatever is asked for is agreed to; where nothing is, this changes nothing.
            scene.run("bob", &["approve", &format!("second:{item}/move/undo/mark")]);
        }
        if closed(&scene) {
            break;
        }
    }
    eprintln!("{kills} kills");
    assert!(closed(&scene), "{:#}", scene.status());
    assert!(kills >= 20, "only {kills} processes were killed");
    for kind in ["rollback_started", "asked", "intended", "outcome", "anchor_regained"] {
        assert!(seen.iter().any(|one| one == kind), "no {kind} was written while processes were killed");
    }
    assert_eq!(scene.effects()[before..], wanted, "each change was taken back once, in the same order");
    // A kill between call and outcome is settled by its probe; nobody had to agree a second time.
    let asked =
        scene.entries("asked").iter().filter(|asked| asked["covers"].as_str().unwrap().starts_with("undo")).count();
    assert_eq!(asked, ITEMS.len(), "nobody was asked twice");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}
