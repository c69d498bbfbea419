//! `countersign explain [CODE]`: the page of an error, exit or verdict code. Reads nothing but what is compiled in.

use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::escape;
use crate::explain::{self, Page};
use crate::runbook::reader::nearest;
use serde_json::{Value, json};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// CS0301, an exit code (7) or a verdict (WITNESSED); all of them if left out
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let text = match &args.code {
        Some(code) => {
            let page = explain::find(code).ok_or_else(|| unknown(code))?;
            if ui.json { pretty(&entry(&page)) } else { shown(&page, ui) }
        }
        None if ui.json => pretty(&explain::all().map(|page| entry(&page)).collect()),
        None => overview(ui),
    };
    ui.data(&text);
    Ok(Exit::Done)
}

fn unknown(code: &str) -> CliError {
    let near = nearest(&code.to_uppercase(), explain::all().map(|page| page.code));
    let hint = match near {
        Some(near) => format!("did you mean {near}? `countersign explain` lists them all"),
        None => "`countersign explain` lists them all".to_owned(),
    };
    CliError::new(Exit::Usage, "CS2021", format!("there is no page `{}`", escape::line(code)), hint)
}

fn overview(ui: &Ui) -> String {
    let mut text = String::new();
    let mut family = "";
    for page in explain::all() {
        if page.family != family {
            let gap = if family.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{}\n", ui.paint(Style::Bold, page.family)));
            family = page.family;
        }
        text.push_str(&format!("  {:11} {}\n", page.code, page.title));
    }
    text.trim_end().to_owned()
}

/// The page as a person reads it: fences away, what was in them indented.
fn shown(page: &Page, ui: &Ui) -> String {
    let mut lines = vec![ui.paint(Style::Bold, &format!("{}: {}", page.code, page.title)), String::new()];
    let mut fenced = false;
    for line in page.text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && !line.is_empty() {
            lines.push(format!("    {line}"));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

fn entry(page: &Page) -> Value {
    json!({"code": page.code, "title": page.title, "family": page.family, "text": page.text})
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
