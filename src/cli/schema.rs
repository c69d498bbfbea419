//! `countersign schema KIND`: JSON Schemas of what people write, for their editors.

use super::load;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::Severity;
use crate::{runbook, schema};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// What is written
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Kind,
    /// The runbook that the values are for; only with `values`
    #[arg(value_name = "RUNBOOK", required_if_eq("kind", "values"))]
    pub runbook: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Runbook,
    People,
    Values,
    World,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let schema = match (args.kind, &args.runbook) {
        (Kind::Values, Some(path)) => values(path)?,
        (Kind::Values, None) | (_, Some(_)) => {
            let hint = "`countersign schema values RUNBOOK`, or one of runbook, people, world";
            return Err(CliError::new(Exit::Usage, "CS2022", "a runbook goes with `values`, and only there", hint));
        }
        (Kind::Runbook, None) => schema::runbook(),
        (Kind::People, None) => schema::people(),
        (Kind::World, None) => schema::world(),
    };
    ui.data(&pretty(&schema));
    Ok(Exit::Done)
}

/// Made from the parameters of the runbook, whose text must be without errors.
fn values(path: &Path) -> Result<Value, CliError> {
    let (runbook, mut found) = runbook::read(&load::name(path), &load::text(path)?);
    found.retain(|finding| finding.severity == Severity::Error);
    runbook.map(|runbook| schema::values(&runbook)).ok_or_else(|| CliError::findings(found))
}

/// The text, as it also stands in a new repository.
pub fn pretty(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}
