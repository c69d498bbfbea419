//! The report of a run as Markdown: what was to happen, what happened, who decided, how to check it. Pure.

use super::line;
use crate::base::escape;
use crate::engine::state::Run;
use crate::engine::status;
use crate::record::entry::Entry;

/// The whole report. `verdict`: what `verify` says of the run, in words; `entries` with the state after each.
pub fn report(run: &Run, entries: &[Entry], lines: &[String], verdict: &str) -> String {
    let mut text = String::new();
    let plan = &run.plan;
    text.push_str(&format!("# {}\n\n", cell(&plan.title)));
    text.push_str(&format!("{}\n\n", cell(&plan.description)));
    text.push_str(&format!(
        "Run `{}`, **{}**, runbook `{}` version {}, state **{}**.\n\n",
        run.id,
        run.opened.mode.name().to_uppercase(),
        cell(&plan.name),
        cell(&plan.version),
        status::state(run)
    ));
    text.push_str("## Verdict\n\n```text\n");
    text.push_str(&escape::block(verdict));
    text.push_str("\n```\n\n## People\n\n| person | party | roles |\n| --- | --- | --- |\n");
    for person in run.people.people.values() {
        text.push_str(&format!(
            "| {} ({}) | {} | {} |\n",
            cell(&person.name),
            cell(&person.id),
            cell(&person.party),
            cell(&person.roles.join(", "))
        ));
    }
    text.push_str("\n## Steps\n\n| step | state | attempt | performed by |\n| --- | --- | --- | --- |\n");
    for stage in &plan.stages {
        for (item, _) in crate::engine::scope::items(run, stage) {
            for step in &stage.steps {
                let id = crate::base::StepId::new(&stage.id, item.as_deref(), &step.id);
                let state = run.step(&id);
                text.push_str(&format!(
                    "| `{id}` {} | {} | {} | {} |\n",
                    cell(&step.title),
                    status::step_state(&state.status),
                    state.attempt,
                    cell(&state.performer)
                ));
            }
        }
    }
    text.push_str("\n## What happened\n\n| # | when (UTC) | what |\n| --- | --- | --- |\n");
    for (entry, words) in entries.iter().zip(lines) {
        if !words.is_empty() {
            text.push_str(&format!("| {} | {} | {} |\n", entry.seq, entry.at.millis(), cell(words)));
        }
    }
    text.push_str(&format!("\nLast leaf: `{}` ({} entries).\n", run.leaf, run.size()));
    text
}

/// The lines that the report shows, one per entry; empty where there is nothing to tell.
pub fn words(run: &Run, entry: &Entry) -> String {
    line::words(run, entry).unwrap_or_default()
}

/// Text that can't end a table cell or become markup.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in escape::line(text).chars() {
        if matches!(c, '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
