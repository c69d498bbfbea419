//! `countersign plan RUNBOOK`: what will happen, who does it, who must agree, where the way back ends.

use super::load::{self, Loaded, Sources};
use super::proof_file;
use super::ui::{CliError, CliResult, Exit, Ui};
use super::{Format, Global};
use crate::base::escape;
use crate::plan;
use crate::runbook::reader::one_of;
use serde_json::{Value, json};
use std::path::PathBuf;

const EXAMPLE: &str = "\
Example:
  countersign plan runbooks/move_member_accounts.toml --format html > plan.html
  countersign plan runbooks/move_member_accounts.toml --format mermaid --for alice";

#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The runbook
    #[arg(value_name = "RUNBOOK")]
    pub runbook: PathBuf,
    /// Parameter values (.toml or .json); NAME.values.toml beside the runbook if left out
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
    /// Who is who; people.toml beside the runbook if left out
    #[arg(long, value_name = "FILE")]
    pub people: Option<PathBuf>,
    /// One value: NAME=VALUE, or NAME=@FILE (.csv for a table)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub sets: Vec<String>,
    /// Only the part of this person
    #[arg(long = "for", value_name = "PERSON")]
    pub for_person: Option<String>,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let sources = Sources {
        runbook: args.runbook.clone(),
        values: args.values.clone(),
        people: args.people.clone(),
        sets: args.sets.clone(),
        rehearsal: false,
        ..Sources::default()
    };
    let loaded = load::plan(&sources, None)?;
    loaded.warnings.iter().for_each(|finding| ui.must_say(&ui.finding(finding)));
    if let Some(person) = &args.for_person
        && loaded.people.get(person).is_none()
    {
        let known: Vec<&str> = loaded.people.people.keys().map(String::as_str).collect();
        let message = format!("`{}` is not in the people file", escape::line(person));
        return Err(CliError::new(Exit::Usage, "CS0605", message, one_of(person, &known)));
    }
    let standing = proof_file::standing(&loaded);
    ui.say(&standing.words());
    let (plan, people, person) = (&loaded.plan, &loaded.people, args.for_person.as_deref());
    let text = match global.format {
        Format::Json => {
            let mut shown = json!({ "plan": plan, "proof": standing.json(), "digest": plan.digest() });
            // Put in as they are: there may be tens of thousands, and `json!` would copy each.
            shown["operations"] = Value::Array(operations(&loaded, person));
            pretty(&shown)
        }
        Format::Html => plan::picture::html(plan, people, person),
        Format::Mermaid => plan::mermaid::mermaid(plan, people, person),
        Format::Text | Format::Markdown => plan::text_with(plan, people, person, &loaded.values.object),
    };
    ui.data(text.trim_end());
    Ok(Exit::Done)
}

/// Every operation, or those that concern this person.
fn operations(loaded: &Loaded, person: Option<&str>) -> Vec<Value> {
    let mut all = plan::operations(&loaded.plan, &loaded.values);
    if let Some(person) = person {
        let of = |one: &Value| one["step"].as_str().and_then(|id| id.parse().ok());
        all.retain(|one| of(one).is_some_and(|id| plan::concerns(&loaded.plan, &loaded.people, person, &id)));
    }
    all
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
