//! Every broken runbook, people file and values file in `fixtures/broken` is answered with exactly the
//! findings beside it. `COUNTERSIGN_BLESS=1` writes them anew: read the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::base::Finding;
use countersign::cli::{load, ui::Ui};
use countersign::simulator::World;
use countersign::{people, plan};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const UI: Ui = Ui { color: false, quiet: false, verbose: false, json: false, interactive: false };

/// `people_*` are people files, `values_*` values of the shipped runbook, `world_*` worlds, all else runbooks; a runbook
/// with `# people: FILE` in its first line is checked with those people.
fn findings(path: &Path) -> Vec<Finding> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    if name.starts_with("people_") {
        return people::parse(name, &text, false).1;
    }
    if name.starts_with("values_") {
        return values(name, &text);
    }
    if name.starts_with("world_") {
        return World::parse(name, &text).err().unwrap_or_default();
    }
    let people = text.lines().next().and_then(|line| line.strip_prefix("# people: ")).map(|file| {
        let text = std::fs::read_to_string(path.with_file_name(file)).unwrap();
        people::parse(file, &text, false).0.unwrap()
    });
    load::checked(name, &text, people.as_ref()).1
}

fn values(name: &str, text: &str) -> Vec<Finding> {
    let runbook = std::fs::read_to_string("runbooks/move_member_accounts.toml").unwrap();
    let checked = load::checked("move_member_accounts.toml", &runbook, None).0.unwrap();
    let values = match plan::values::read(&checked, Some((name, text)), &[], BTreeMap::new(), false) {
        Ok(values) => values,
        Err(found) => return found,
    };
    let digest = countersign::base::Digest::ZERO;
    let pins = plan::Pins { runbook: digest, people: digest, files: BTreeMap::new() };
    plan::build(&checked, &values, &pins, None).err().unwrap_or_default()
}

fn fixtures() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir("tests/fixtures/broken")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml" || extension == "json"))
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("good_")))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_broken_file_gets_exactly_its_findings() {
    let bless = std::env::var_os("COUNTERSIGN_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in fixtures() {
        let found = findings(&path);
        assert!(!found.is_empty(), "{} is not broken", path.display());
        let text: String = found.iter().map(|finding| UI.finding(finding) + "\n").collect();
        let beside = path.with_extension("expected");
        if bless {
            std::fs::write(&beside, &text).unwrap();
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != text {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_fixtures_for_every_room() {
    let names: Vec<String> = fixtures().iter().map(|path| path.display().to_string()).collect();
    assert!(names.len() >= 100, "{}", names.len());
    for part in ["people_", "values_", "world_"] {
        assert!(names.iter().any(|name| name.contains(part)), "{part}");
    }
}

/// `text` with `length` characters from `at` on replaced.
fn damaged(text: &str, at: usize, length: usize, put: &str) -> String {
    let before: String = text.chars().take(at).collect();
    let after: String = text.chars().skip(at + length).collect();
    format!("{before}{put}{after}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_values_are_harmless(at in 0usize..600, length in 0usize..40, put in "[\\[\\]{}\"'=$a-z0-9\n.]{0,8}") {
        let text = std::fs::read_to_string("runbooks/move_member_accounts.values.toml").unwrap();
        let _ = values("values.toml", &damaged(&text, at, length, &put));
        let _ = values("values.json", &damaged(&text, at, length, &put));
    }

    #[test]
    fn a_damaged_runbook_that_checks_can_be_planned_and_shown(
        at in 0usize..5000,
        length in 0usize..12,
        put in "[a-z0-9{}$\\[\\]*|.' ]{0,6}",
    ) {
        let text = std::fs::read_to_string("runbooks/move_member_accounts.toml").unwrap();
        let people = std::fs::read_to_string("runbooks/people.toml").unwrap();
        let people = people::parse("people.toml", &people, false).0.unwrap();
        let checked = load::checked("r.toml", &damaged(&text, at, length, &put), Some(&people)).0;
        if let Some(checked) = checked {
            let given = std::fs::read_to_string("runbooks/move_member_accounts.values.toml").unwrap();
            let values = plan::values::read(&checked, Some(("v.toml", &given)), &[], BTreeMap::new(), true);
            let digest = countersign::base::Digest::ZERO;
            let pins = plan::Pins { runbook: digest, people: digest, files: BTreeMap::new() };
            if let Ok(values) = values
                && let Ok(plan) = plan::build(&checked, &values, &pins, None)
            {
                prop_assert_eq!(plan::model::Plan::read(&plan.bytes()).unwrap().digest(), plan.digest());
                let _ = plan::text(&plan, &people, Some("bob"));
                let _ = plan::operations(&plan, &values);
            }
        }
    }
}

#[test]
fn every_code_that_is_shown_is_explained() {
    for path in fixtures() {
        for finding in findings(&path) {
            let known = countersign::check::codes::CODES.iter().any(|row| row.code == finding.code);
            assert!(known, "{} is not in the table of codes", finding.code);
        }
    }
}
