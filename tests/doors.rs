//! Every door goes through the one decision function (P3): read from the sources. What each door says to somebody who
//! may not pass is in `refusals.rs`, `break_glass.rs` and `mfa.rs`.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The sources without their test modules, by path below `src`.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, all);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                all.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    walk(&root, &mut all);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        // Comments speak of things without doing them.
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
        (path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"), code)
    };
    all.into_iter().filter(|path| !path.ends_with("tests.rs")).map(read).collect()
}

/// The files outside of `room` in whose code one of these texts stands.
fn users<'a>(all: &'a [(String, String)], texts: &[&str], room: &str) -> BTreeSet<&'a str> {
    let uses =
        |(path, code): &&(String, String)| !path.starts_with(room) && texts.iter().any(|text| code.contains(text));
    all.iter().filter(uses).map(|(path, _)| path.as_str()).collect()
}

fn set<'a>(paths: &[&'a str]) -> BTreeSet<&'a str> {
    paths.iter().copied().collect()
}

#[test]
fn every_door_goes_through_the_one_decision_function() {
    let all = sources();
    let of = |texts: &[&str]| users(&all, texts, "approval/");
    // Only the writer's door and the verifier let statements in.
    assert_eq!(of(&["approval::admit("]), set(&["run/voice.rs", "verify/request.rs"]));
    assert_eq!(of(&["approval::admit_glass("]), set(&["run/voice.rs", "verify/amend.rs"]));
    // Only they ask whether something is granted.
    assert_eq!(of(&["approval::decide("]), set(&["engine/request.rs", "verify/request.rs", "verify/operation.rs"]));
    assert_eq!(of(&["approval::may_begin("]), set(&["engine/request.rs", "verify/operation.rs"]));
    // Nobody else counts people for places, or judges a code.
    assert_eq!(of(&["slots::fill(", "code::fits("]), set(&[]));
    // Entries that let something begin are written behind the door alone.
    assert_eq!(of(&["fact::Approval {", "fact::BreakGlass {"]), set(&["run/voice.rs"]));
    assert_eq!(of(&["fact::Intended {"]), set(&["run/perform.rs"]));
    // What `intended` consumes comes from the grant, and the grant from the decision.
    assert_eq!(of(&["Grant {"]), set(&["engine/next.rs"]));
    let next = &all.iter().find(|(path, _)| path == "engine/next.rs").unwrap().1;
    let granting = next.matches("Ok(Grant {").count() + next.matches("Some(Grant {").count();
    assert_eq!((granting, next.matches("request::may_begin(").count()), (3, 2));
    // The command line, answer files and rehearsals bring what was signed to that door.
    assert_eq!(
        of(&["voice::decide_with(", "voice::decide("]),
        set(&["cli/desk.rs", "cli/import.rs", "rehearse/theatre.rs"])
    );
    assert_eq!(of(&["voice::break_glass("]), set(&["cli/desk.rs", "cli/import.rs"]));
}

/// A change of a run: the fold itself refuses one that is not signed by all whom it touches, whoever wrote it; the verb
/// only asks beforehand. The verifier has rules of its own.
#[test]
fn every_change_of_a_run_goes_through_the_fold() {
    let all = sources();
    let of = |texts: &[&str]| users(&all, texts, "approval/");
    let asks = set(&["engine/state/change.rs", "cli/change.rs"]);
    assert_eq!(of(&["change::amendment(", "rules::amendment("]), asks);
    assert_eq!(of(&["change::unsigned(", "rules::unsigned("]), asks);
    assert_eq!(of(&["change::people_unsigned(", "rules::people_unsigned("]), asks);
    assert_eq!(
        of(&["EndedBy::Amended, Amended {", "EndedBy::PeopleChanged, PeopleChanged {"]),
        set(&["cli/change.rs"])
    );
    assert!(
        all.iter().filter(|(path, _)| path.starts_with("verify/")).all(|(_, code)| !code.contains("approval::change"))
    );
    // Every word that is signed and comes from elsewhere is checked where the fold checks it.
    assert_eq!(
        of(&[".check_signed("]),
        set(&["cli/hand_over.rs", "engine/state.rs", "run/voice.rs", "run/witness.rs"])
    );
    assert_eq!(of(&["fact::Witness {"]), set(&["run/witness.rs"]));
}
