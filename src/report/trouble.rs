//! What did not go as planned, and how it ended: doubt and what settled it, failures, refusals, denials, time that
//! ran out, anchors that did not hold, rollbacks.

use super::content::{EntryFacts, Trouble};
use super::gather::{History, told};
use super::happened::Happened;
use super::line;
use crate::base::{StepId, escape};
use crate::record::entry::Entry;
use crate::record::fact::{Ended, EndedBy, Fact, Found, What};
use crate::record::statement::{ABANDON, Body, Decides, Statement};
use std::collections::BTreeSet;

/// Everything, in order.
pub(super) fn all(history: &History<'_>, happened: &Happened) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = Vec::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let later = history.entries.get(at + 1..).unwrap_or_default();
        all.extend(one(history, happened, entry, later));
    }
    all
}

fn one(history: &History<'_>, happened: &Happened, entry: &Entry, later: &[Entry]) -> Option<Trouble> {
    let trouble = |what: &str, at_step: String| Trouble {
        seq: entry.seq,
        at: entry.at.millis(),
        what: what.to_owned(),
        at_step,
        words: line::words(history, entry).unwrap_or_default(),
        course: Vec::new(),
        settled: None,
    };
    match &entry.fact {
        Fact::Intended(fact) => {
            let operation = happened.begun(entry.seq)?;
            let unknown = operation.result.is_none() && history.step(&fact.step)?.body.kind() != "manual";
            (operation.was_in_doubt || unknown)
                .then(|| doubt(history, entry.seq, &fact.step.to_string(), trouble("in_doubt", String::new()), later))
        }
        Fact::Outcome(fact) if fact.found != Found::Word && fact.found != Found::Probe => {
            let what = match fact.result {
                Ended::Failed | Ended::SecretLost => "failed",
                Ended::NotDone => "not_done",
                _ => return None,
            };
            let step = fact.step.to_string();
            let done = later.iter().find_map(|entry| match &entry.fact {
                Fact::Outcome(other) if other.step == fact.step && other.result == Ended::Done => {
                    Some(format!("done later, entry {}", entry.seq))
                }
                _ => None,
            });
            Some(Trouble { settled: done, ..trouble(what, step) })
        }
        Fact::Approval(fact) => {
            let Ok(Statement { body: Body::Approval(_, fields), .. }) = Statement::read(&fact.statement) else {
                return Some(trouble("denied", String::new()));
            };
            let settled = Some("the request ended; nothing was done on it".to_owned());
            (fields.decision == Decides::Deny).then(|| Trouble { settled, ..trouble("denied", fields.covers) })
        }
        Fact::RequestEnded(fact) if fact.why == EndedBy::Expired => {
            let covers = happened.requests.get(&fact.request).map(|request| request.covers.clone());
            Some(trouble("expired", covers.unwrap_or_default()))
        }
        Fact::AnchorRefused(fact) => {
            let place = crate::base::id::place(&fact.stage, fact.item.as_deref());
            let held = later.iter().find_map(|entry| match &entry.fact {
                Fact::AnchorSet(set) if (&set.stage, &set.item) == (&fact.stage, &fact.item) => {
                    Some(format!("it held later, entry {}", entry.seq))
                }
                _ => None,
            });
            Some(Trouble { settled: held, ..trouble("anchor", place) })
        }
        Fact::AnchorRegained(fact) if !fact.differs.is_empty() => {
            Some(trouble("anchor", crate::base::id::place(&fact.stage, fact.item.as_deref())))
        }
        Fact::Paused(_) => {
            let next = later.iter().find(|entry| matches!(entry.fact, Fact::SignedOn(_) | Fact::Intended(_)));
            Some(Trouble {
                settled: next.map(|entry| format!("went on, entry {}", entry.seq)),
                ..trouble("paused", String::new())
            })
        }
        Fact::Resumed(_) => Some(trouble("clock", String::new())),
        Fact::BreakGlass(fact) => {
            let read = Statement::read(&fact.statement);
            let covers = match &read {
                Ok(Statement { body: Body::BreakGlass(_, fields), .. }) => fields.covers.clone(),
                _ => String::new(),
            };
            Some(trouble("break_glass", covers))
        }
        Fact::RunClosed(fact) if fact.result == "abandoned" => {
            Some(abandoned(history, happened, trouble("abandoned", String::new())))
        }
        Fact::RollbackStarted(fact) if fact.to.contains('/') => {
            Some(repair(history, trouble("repair", fact.to.clone()), &fact.steps, later))
        }
        Fact::RollbackStarted(fact) => Some(rollback(history, trouble("rollback", fact.to.clone()), later)),
        _ => None,
    }
}

/// From the beginning of the operation to what settled it.
fn doubt(history: &History<'_>, intended: u64, step: &str, mut trouble: Trouble, later: &[Entry]) -> Trouble {
    trouble.at_step = step.to_owned();
    let mut asked = Vec::new();
    for entry in later {
        let belongs = match &entry.fact {
            Fact::Outcome(fact) => fact.intended == Some(intended),
            Fact::Observed(fact) => fact.intended == intended,
            Fact::Asked(fact) if fact.what == What::Settle && fact.covers.ends_with(step) => {
                asked.push(entry.seq);
                true
            }
            Fact::Approval(fact) => about(&fact.statement, step, &asked),
            Fact::Said(fact) => settles(&fact.statement, step),
            Fact::Paused(_) => true,
            _ => false,
        };
        if belongs {
            trouble.course.push(told(history, entry));
        }
        if let Fact::Outcome(fact) = &entry.fact
            && fact.intended == Some(intended)
            && fact.result != Ended::InDoubt
        {
            let how = match fact.found {
                Found::Probe => "by reading AWS",
                Found::Word => "by the signed word of people",
                Found::Answer => "by an answer",
                Found::Executor => "by Countersign itself: it was never sent",
            };
            trouble.settled = Some(format!("{how}: {} (entry {})", line::outcome(fact), entry.seq));
            return trouble;
        }
    }
    trouble
}

fn about(text: &str, step: &str, asked: &[u64]) -> bool {
    let Ok(Statement { body: Body::Approval(_, fields), .. }) = Statement::read(text) else { return false };
    asked.contains(&fields.request) && fields.covers.ends_with(step)
}

fn settles(text: &str, step: &str) -> bool {
    let Ok(Statement { body: Body::Said(_, fields), .. }) = Statement::read(text) else { return false };
    fields.covers == step && fields.what.name() == "settled"
}

/// Items that are named before the rest is counted.
const NAMED: usize = 12;

/// Who gave the run up, why, and what it leaves behind.
fn abandoned(history: &History<'_>, happened: &Happened, mut trouble: Trouble) -> Trouble {
    let word = history.entries.iter().rev().find_map(|entry| {
        let Fact::Said(fact) = &entry.fact else { return None };
        match Statement::read(&fact.statement) {
            Ok(Statement { body: Body::Said(_, said), tail }) if said.covers == ABANDON => Some(tail),
            _ => None,
        }
    });
    if let Some(tail) = word {
        let why = if tail.reason.is_empty() { "no reason is given" } else { &tail.reason };
        trouble.words = escape::line(&format!("{} ({}) gave the run up: {why}", tail.person, tail.party));
    }
    let mut standing: Vec<StepId> = Vec::new();
    for one in happened.operations.iter().filter(|one| one.result.as_deref() == Some("done")) {
        let Ok(id) = one.step.parse::<StepId>() else { continue };
        let forward = id.forward();
        standing.retain(|other| *other != forward);
        if id.is_forward() && history.step(&id).is_some_and(|step| step.mutates) {
            standing.push(forward);
        }
    }
    let named: Vec<String> = standing.iter().take(NAMED).map(StepId::to_string).collect();
    let more = standing.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    trouble.words += &match named.is_empty() {
        true => ". Nothing that it did is left standing".to_owned(),
        false => format!(". Left standing: {}{more}", named.join(", ")),
    };
    trouble
}

/// What was made good, and whether all of it was.
fn repair(history: &History<'_>, mut trouble: Trouble, steps: &[StepId], later: &[Entry]) -> Trouble {
    let mut left: BTreeSet<String> = steps.iter().map(StepId::to_string).collect();
    for entry in later.iter().take_while(|entry| !matches!(entry.fact, Fact::RollbackStarted(_))) {
        let over = match &entry.fact {
            Fact::Outcome(fact) if fact.step.repair.is_some() => {
                Some(fact.step.to_string()).filter(|_| fact.result == Ended::Done)
            }
            Fact::Skipped(fact) if fact.step.as_ref().is_some_and(|step| step.contains("/repair/")) => {
                let place = crate::base::id::place(&fact.stage, fact.item.as_deref());
                fact.step.as_ref().map(|step| format!("{place}/{step}"))
            }
            _ => continue,
        };
        left.retain(|step| Some(step) != over.as_ref());
        trouble.course.push(told(history, entry));
    }
    trouble.settled = left.is_empty().then(|| "every step of it is done".to_owned());
    trouble
}

/// What was taken back, and whether every anchor came back.
fn rollback(history: &History<'_>, mut trouble: Trouble, later: &[Entry]) -> Trouble {
    let undone = |entry: &&Entry| match &entry.fact {
        Fact::Outcome(fact) => fact.step.undo.is_some(),
        Fact::AnchorRegained(_) | Fact::RunClosed(_) => true,
        Fact::Skipped(fact) => fact.step.as_ref().is_some_and(|step| step.contains("/undo/")),
        _ => false,
    };
    let mut back = 0;
    let mut course: Vec<EntryFacts> = Vec::new();
    for entry in later.iter().take_while(|entry| !matches!(entry.fact, Fact::RollbackStarted(_))).filter(undone) {
        back += usize::from(matches!(&entry.fact, Fact::AnchorRegained(fact) if fact.differs.is_empty()));
        if let Fact::RunClosed(fact) = &entry.fact {
            trouble.settled = Some(format!("closed as {}", fact.result.replace('_', " ")));
        }
        course.push(told(history, entry));
    }
    if trouble.settled.is_none() && back > 0 {
        trouble.settled = Some(format!("{back} anchors came back as captured"));
    }
    trouble.course = course;
    trouble
}
