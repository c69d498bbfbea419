//! Runbook as written + catalogue + people -> checked runbook, or all findings. Pure.
//!
//! Parse, don't validate: what comes out is a type of its own, in which every name is resolved and
//! every mutating step has its way back. `plan` takes nothing else.

mod call;
pub mod checked;
mod fit;
mod hazards;
mod holds;
mod names;
mod no_return;
mod scope;
mod stage;
mod step;

pub use checked::Checked;
pub use names::{Accepted, accept};

use crate::base::{Finding, Severity};
use crate::catalogue::Action;
use crate::people::People;
use crate::runbook::node::Notes;
use crate::runbook::written::Runbook;
use scope::Scopes;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// How an action is found by its name; `catalogue::find` outside tests.
pub type Lookup<'a> = dyn Fn(&str) -> Option<&'static Action> + 'a;

/// Checks a runbook; with `people`, also whether they can carry it out together.
pub fn check(runbook: &Runbook, people: Option<&People>, find: &Lookup<'_>) -> (Option<Checked>, Vec<Finding>) {
    let scopes = Scopes { runbook, find, used: RefCell::new(BTreeSet::new()) };
    let notes = Notes { source: runbook.source.clone(), found: Vec::new() };
    let mut checker = Checker { runbook, find, scopes, notes };
    let checked = checker.runbook();
    if let (Some(checked), Some(people)) = (&checked, people) {
        fit::fit(checked, runbook, people, &mut checker.notes);
    }
    let checked = if checker.notes.has_errors() { None } else { checked };
    (checked, checker.notes.sorted())
}

/// What a step's own text shows to be wrong, whatever else of the runbook could not be read.
const LOCAL: &[&str] = &[
    "CS0205", "CS0208", "CS0209", "CS0210", "CS0211", "CS0212", "CS0215", "CS0216", "CS0301", "CS0303", "CS0304",
    "CS0305", "CS0308", "CS0313", "CS0314", "CS0316",
];

/// Reads and checks a runbook's text. Where reading finds errors, checking adds those that can't be
/// mere consequences of them.
pub fn read_and_check(
    file: &str,
    text: &str,
    people: Option<&People>,
    find: &Lookup<'_>,
) -> (Option<Checked>, Vec<Finding>) {
    let (runbook, mut found) = crate::runbook::read_anyway(file, text);
    let Some(runbook) = runbook else { return (None, found) };
    let unread = found.iter().any(|finding| finding.severity == Severity::Error);
    let (checked, mut more) = check(&runbook, people, find);
    if unread {
        let lines: Vec<usize> = found.iter().map(|finding| finding.place.line).collect();
        more.retain(|finding| LOCAL.contains(&finding.code) && !lines.contains(&finding.place.line));
    }
    found.extend(more);
    found.sort_by(|a, b| a.place.cmp(&b.place));
    (checked.filter(|_| !unread), found)
}

struct Checker<'a> {
    runbook: &'a Runbook,
    find: &'a Lookup<'a>,
    scopes: Scopes<'a>,
    notes: Notes,
}

impl Checker<'_> {
    fn runbook(&mut self) -> Option<Checked> {
        let runbook = self.runbook;
        self.parameters();
        let files = self.files();
        let roles = self.roles();
        let sessions = self.sessions();
        self.apart();
        let holds = self.holds();
        let stages: Vec<Option<checked::Stage>> = (0..runbook.stages.len()).map(|at| self.stage(at)).collect();
        let stages: Option<Vec<checked::Stage>> = stages.into_iter().collect();
        if let Some(stages) = &stages {
            hazards::waits(stages, runbook, &mut self.notes);
            self.held_ways(stages, &holds);
            if !self.notes.has_errors() {
                self.unused(stages);
            }
        }
        let text =
            |text: &Option<crate::runbook::node::Text>| text.as_ref().map_or(String::new(), |text| text.is.clone());
        Some(Checked {
            source: runbook.source.clone(),
            name: runbook.name.is.clone(),
            title: runbook.title.as_ref().map_or_else(|| runbook.name.is.clone(), |title| title.is.clone()),
            version: text(&runbook.version),
            description: text(&runbook.description),
            require_proof: runbook.require_proof.as_ref().is_some_and(|flag| flag.is),
            exclude_starter: runbook.exclude_starter.as_ref().is_some_and(|flag| flag.is),
            files,
            parameters: runbook.parameters.clone(),
            roles,
            apart: runbook.apart.iter().map(|group| group.iter().map(|role| role.is.clone()).collect()).collect(),
            sessions,
            holds,
            stages: stages?,
        })
    }
}

#[cfg(test)]
mod tests;
