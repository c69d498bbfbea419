//! The `[notify]` table of countersign.toml: who is told, and of what. Local, never part of a run.

use crate::cli::settings::at;
use crate::report::event::Kind;
use crate::runbook::node::{Node, Notes};
use crate::runbook::reader::{Shape, Table, one_of, shown};
use std::path::{Path, PathBuf};

const KEYS: Shape = Shape {
    name: "[notify]",
    header: "[notify]",
    keys: &["command", "webhook", "secret_env", "secret_file", "events", "give_up_after"],
};
const GIVE_UP_AFTER_MS: i64 = 30_000;
const LONGEST_MS: i64 = 600_000;

/// Where a webhook's secret is read, when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    Env(String),
    File(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub url: String,
    pub secret: Secret,
}

/// Who is told of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A program and its arguments; empty: none.
    pub command: Vec<String>,
    pub webhook: Option<Webhook>,
    pub events: Vec<Kind>,
    /// For each event; and at the end of the sitting for all that are left.
    pub give_up_after_ms: i64,
}

/// Reads the table; files lead from `folder`.
pub fn read(node: &Node, folder: &Path, notes: &mut Notes) -> Option<Settings> {
    let table = Table::open(node, &KEYS, "[notify]", &[], notes)?;
    let command: Vec<String> =
        table.texts("command", notes).unwrap_or_default().into_iter().map(|text| text.is).collect();
    if table.has("command") && command.first().is_none_or(|program| program.trim().is_empty()) {
        let span = table.key_span("command");
        notes.error("CS0110", &span, "`command` names no program", "a list: the program, then its arguments");
    }
    let webhook = webhook(&table, folder, notes);
    if command.is_empty() && !table.has("webhook") {
        let hint = "name a program (command = [\"./tell\"]) or a URL (webhook = \"https://...\")";
        notes.error("CS0104", &table.span, "[notify] says neither `command` nor `webhook`", hint);
    }
    let give_up_after_ms = match table.duration("give_up_after", notes) {
        Some(given) if given.is > LONGEST_MS => {
            notes.error(
                "CS0110",
                &given.span,
                "`give_up_after` is at most 10 minutes",
                "a run waits for it at its end",
            );
            return None;
        }
        given => given.map_or(GIVE_UP_AFTER_MS, |given| given.is),
    };
    Some(Settings { command, webhook, events: events(&table, notes), give_up_after_ms })
}

fn webhook(table: &Table, folder: &Path, notes: &mut Notes) -> Option<Webhook> {
    let home = std::env::home_dir();
    let env = table.required_if_there("secret_env", notes).map(|text| Secret::Env(text.is));
    let file =
        table.required_if_there("secret_file", notes).map(|text| Secret::File(at(folder, home.as_deref(), &text.is)));
    let url = table.required_if_there("webhook", notes)?;
    let scheme = url.is.strip_prefix("https://").or_else(|| url.is.strip_prefix("http://"));
    if scheme.is_none_or(|rest| rest.is_empty()) || !url.is.chars().all(|c| c.is_ascii_graphic()) {
        notes.error("CS0110", &url.span, "`webhook` is no http:// or https:// URL", "");
        return None;
    }
    match (env, file) {
        (Some(secret), None) | (None, Some(secret)) => Some(Webhook { url: url.is, secret }),
        _ => {
            let hint = "secret_env = \"NAME\" or secret_file = \"FILE\": what it holds is whsec_ and base64 of 24 bytes or more";
            notes.error("CS0104", &url.span, "a webhook needs one place to read its secret from", hint);
            None
        }
    }
}

fn events(table: &Table, notes: &mut Notes) -> Vec<Kind> {
    let Some(names) = table.texts("events", notes) else { return Kind::ALL.map(|(_, kind)| kind).to_vec() };
    let known = Kind::ALL.map(|(name, _)| name);
    let mut events = Vec::new();
    for name in names {
        match Kind::ALL.iter().find(|(known, _)| *known == name.is) {
            Some((_, kind)) => events.push(*kind),
            None => {
                let message = format!("there is no event `{}`", shown(&name.is));
                notes.error("CS0110", &name.span, message, one_of(&name.is, &known));
            }
        }
    }
    events
}
