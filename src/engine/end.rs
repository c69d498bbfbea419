//! What stands after a run's closing entry: who has witnessed it, and of which party nobody has. Pure.

use super::state::{Run, Status, StepState};
use super::status;
use crate::base::{StepId, Time};
use crate::record::fact::{Found, Mode};
use serde_json::{Value, json};

/// The closing entry, and the witnesses behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Seq of `run_closed`.
    pub seq: Option<u64>,
    pub witnesses: Vec<Witnessed>,
}

/// Somebody signed that the run ended so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    pub person: String,
    pub party: String,
    pub at: Time,
}

/// A party of which nobody has witnessed the closed run yet, and who could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub party: String,
    pub people: Vec<String>,
}

/// The parties of the plan's roles whose witness is missing. None while the run is open, and none of a rehearsal,
/// whose people are simulated.
pub fn missing(run: &Run) -> Vec<Missing> {
    if run.closed.is_none() || run.opened.mode == Mode::Rehearsal {
        return Vec::new();
    }
    run.plan
        .parties()
        .into_iter()
        .filter(|party| !run.end.witnesses.iter().any(|witness| witness.party == *party))
        .map(|party| {
            let people = run.people.people.values().filter(|person| person.party == party);
            Missing { party: party.to_owned(), people: people.map(|person| person.id.clone()).collect() }
        })
        .collect()
}

/// How a person witnesses the run.
pub fn command(run: &Run, person: &str) -> String {
    format!("countersign witness {} --as {person}{}", run.id.short(), run.whereabouts.journal())
}

/// A line for each witness, and one for each party that is missing, with its command.
pub fn words(run: &Run) -> Vec<String> {
    let mut lines: Vec<String> = run
        .end
        .witnesses
        .iter()
        .map(|one| format!("witnessed by {} ({}) at {}", one.person, one.party, one.at.seconds()))
        .collect();
    for missing in missing(run) {
        lines.push(match missing.people.first() {
            Some(first) => {
                let people = missing.people.join(" or ");
                format!("not witnessed yet by {} ({people})\n  can run: {}", missing.party, command(run, first))
            }
            None => format!("not witnessed yet by {}, of whom the people file has nobody", missing.party),
        });
    }
    lines.extend(by_file(run));
    lines
}

/// How the bundle gets to who has no access to this journal: for a witness, or to keep.
fn by_file(run: &Run) -> Option<String> {
    let party = |id: &String| run.people.get(id).map(|person| person.party.as_str());
    let near: Vec<&str> = run.signed_on.iter().filter_map(party).collect();
    let export = format!("countersign export {} -o FILE{}", run.id.short(), run.whereabouts.journal());
    let missing = missing(run);
    if missing.is_empty() {
        let all =
            (run.end.witnesses.len() > 1).then(|| format!("every party has witnessed it; for each to keep: {export}"));
        return all.map(|line| format!("{line}\n  there: countersign verify FILE --trust PEOPLE_FILE"));
    }
    let far = missing.iter().find(|one| !near.is_empty() && !near.contains(&one.party.as_str()))?;
    let person = far.people.first()?;
    Some(format!(
        "  from a machine of their own, by file: {export}\n  and there: countersign witness FILE --as {person}"
    ))
}

/// `witnesses` and `witnesses_missing` of `status --format json`.
pub fn json(run: &Run) -> (Value, Value) {
    let have = run.end.witnesses.iter().map(|one| {
        let at = one.at.millis();
        json!({"person": one.person, "party": one.party, "at": at})
    });
    let lack = missing(run).into_iter().map(|one| {
        let command = one.people.first().map(|person| command(run, person));
        json!({"party": one.party, "people": one.people, "command": command})
    });
    (have.collect(), lack.collect())
}

/// Steps of which only people say how they ended.
pub fn by_word(run: &Run) -> Vec<&StepId> {
    let is = |status: &Status| matches!(status, Status::Done { found: Found::Word, .. }) && run.closed.is_some();
    run.steps.iter().filter(|(_, state)| is(&state.status)).map(|(id, _)| id).collect()
}

/// What the run has come to until now, for somebody who is to agree to what comes next.
pub fn so_far(run: &Run) -> String {
    let doubt = run.steps.values().filter(|state| state.is_open()).count();
    let back = if run.rollback.is_some() { "; it is being rolled back" } else { "" };
    let open = if doubt > 0 { format!("; {doubt} begun, and the end not known") } else { String::new() };
    format!("{}{open}{back}", counts(run))
}

/// How many steps ended in which state: `9 done, 2 skipped`.
pub fn counts(run: &Run) -> String {
    let mut all = std::collections::BTreeMap::new();
    let over = |state: &&StepState| !matches!(state.status, Status::Pending) && !state.is_open();
    for state in run.steps.values().filter(over) {
        *all.entry(status::step_state(&state.status)).or_insert(0usize) += 1;
    }
    let words: Vec<String> = all.iter().map(|(state, count)| format!("{count} {state}")).collect();
    if words.is_empty() { "nothing was done".to_owned() } else { words.join(", ") }
}
