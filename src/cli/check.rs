//! `countersign check RUNBOOK...`: everything that is wrong with runbooks, all at once.

use super::load;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Finding, Severity};
use crate::people::{self, People};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Runbooks to check
    #[arg(required = true, value_name = "RUNBOOK")]
    pub runbooks: Vec<PathBuf>,
    /// Also check whether these people can carry the runbooks out together
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let mut found = Vec::new();
    let people = match &args.people {
        Some(path) => read_people(path, &mut found)?,
        None => None,
    };
    for path in &args.runbooks {
        let text = load::text(path)?;
        found.extend(load::checked(&load::name(path), &text, people.as_ref()).1);
    }
    let failed = load::has_errors(&found);
    if ui.json {
        ui.data(&pretty(&Value::Array(found.iter().map(entry).collect())));
        return Ok(if failed { Exit::Findings } else { Exit::Done });
    }
    if failed {
        ui.must_say(&count(&found, args.runbooks.len()));
        let first = found.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.code);
        let hint = first.map(|code| format!("`countersign explain {code}` says more, and so for each code"));
        return Err(CliError { hint: hint.unwrap_or_default(), ..CliError::findings(found) });
    }
    found.iter().for_each(|finding| ui.must_say(&ui.finding(finding)));
    ui.say(&count(&found, args.runbooks.len()));
    Ok(Exit::Done)
}

fn read_people(path: &std::path::Path, found: &mut Vec<Finding>) -> Result<Option<People>, CliError> {
    let text = load::text(path)?;
    let (people, more) = people::parse(&load::name(path), &text, false);
    found.extend(more);
    Ok(people)
}

/// One finding as a JSON member of the list.
fn entry(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity,
        "code": finding.code,
        "message": finding.message,
        "file": finding.place.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "hint": finding.hint,
    })
}

fn count(found: &[Finding], runbooks: usize) -> String {
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => format!("{}: nothing wrong", plural(runbooks, "runbook")),
        (0, _) => format!("{}: {}", plural(runbooks, "runbook"), plural(warnings, "warning")),
        (_, 0) => format!("{}: {}", plural(runbooks, "runbook"), plural(errors, "error")),
        _ => format!("{}: {}, {}", plural(runbooks, "runbook"), plural(errors, "error"), plural(warnings, "warning")),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
