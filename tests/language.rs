//! The whole grammar: a runbook that uses every table and key is read, checked and planned; the shipped
//! runbooks check with their own people and values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::cli::load::{self, Sources};
use countersign::cli::ui::{CliError, Ui};
use countersign::plan::model::{Body, Per, Plan};
use std::path::PathBuf;

const UI: Ui = Ui { color: false, quiet: false, verbose: false, json: false, interactive: false };

fn explain(error: &CliError) -> String {
    let findings: Vec<String> = error.findings.iter().map(|finding| UI.finding(finding)).collect();
    format!("{}{}", error.message, findings.join("\n"))
}

#[test]
fn every_table_and_key_is_read_checked_and_planned() {
    let sources = Sources {
        runbook: PathBuf::from("tests/fixtures/good/everything.toml"),
        people: Some(PathBuf::from("tests/fixtures/good/people.toml")),
        rehearsal: true,
        ..Sources::default()
    };
    let loaded = load::plan(&sources, None).unwrap_or_else(|error| panic!("{}", explain(&error)));
    assert_eq!(loaded.warnings, Vec::new());
    let plan = Plan::read(&loaded.plan_bytes).unwrap();
    assert_eq!(plan, loaded.plan);
    shape(&plan);
    assert_eq!(loaded.files[0].0, "tidy");
    assert_eq!(loaded.values.examples, ["management", "accounts"]);
}

/// What defaults, inheritance and forcing made of the plan.
fn shape(plan: &Plan) {
    assert_eq!(plan.secrets, ["token"]);
    assert!(plan.exclude_starter && plan.require_proof);
    let step = |stage: &str, id: &str| {
        plan.stage(stage).and_then(|stage| stage.steps.iter().find(|step| step.id == id)).unwrap()
    };
    assert_eq!(step("prepare", "key").secret_outputs, ["AccessKey.SecretAccessKey"]);
    assert_eq!(step("prepare", "key").template["secret_to"]["profile"], "break-glass");
    assert_eq!(step("prepare", "tidy").repair.len(), 1);
    assert_eq!(step("prepare", "tidy").template["credentials"], "management");
    assert_eq!(step("prepare", "question").session, "");
    // A stage's approvals are for changes; at a point of no return and in an undo they are per step.
    assert_eq!(step("pay", "root").approvals[0].per, Per::Step);
    let leave = step("leave", "leave");
    assert_eq!(leave.approvals[0].per, Per::Item);
    assert_eq!(leave.back.undo[0].approvals.len(), 0);
    assert_eq!(leave.back.undo[1].approvals[0].per, Per::Step);
    assert_eq!(leave.back.undo[1].session, "member");
    assert!(
        matches!(&step("pay", "settled").body, Body::Wait(wait) if wait.expect.is_some() && wait.within == 172_800_000)
    );
    // Known before the run where parameters or the text give the items, not where AWS does.
    assert_eq!(plan.stage("pay").and_then(|stage| stage.items.as_ref()).map(Vec::len), Some(1));
    assert_eq!(plan.stage("literal").and_then(|stage| stage.items.as_ref()).map(Vec::len), Some(2));
    assert!(plan.stage("afterwards").is_some_and(|stage| stage.items.is_none()));
}

#[test]
fn shipped_runbooks_check_with_their_own_people_and_values() {
    let mut seen = 0;
    for entry in std::fs::read_dir("runbooks").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".toml") || name.ends_with(".values.toml") || name == "people.toml" {
            continue;
        }
        let sources = Sources { runbook: path, ..Sources::default() };
        let loaded = load::plan(&sources, None).unwrap_or_else(|error| panic!("{}", explain(&error)));
        assert_eq!(loaded.warnings, Vec::new(), "{name}");
        seen += 1;
    }
    assert!(seen > 0);
}
