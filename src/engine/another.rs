//! An operation that makes another thing each time (an access key), whose answer was lost: what was there before it,
//! as the journal tells, so that the one that it made can be found; and what comes next once its secret is lost. Pure.

use super::next::{self, Next, Seat, Stop, StopKind};
use super::operation;
use super::scope::{self, Names};
use super::state::{Begun, Run, Status};
use crate::base::{StepId, Time};
use crate::catalogue::{self, action::Another};
use crate::expression;
use crate::plan::model::{Stage, Step};
use crate::record::fact::Found;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Clocks of AWS and of this machine may be so far apart.
const APART_MS: i64 = 120_000;

/// What a probe compares with: the names of those that were there before, and from when on the new one can be; null
/// where the journal does not tell.
pub fn before(run: &Run, id: &StepId) -> Value {
    let found = || {
        let (stage, step) = operation::locate(&run.plan, id)?;
        let another = catalogue::find(step.template.get("action")?.as_str()?)?.another.as_ref()?;
        let begun = run.step(id).begun()?;
        let mut known =
            captured(run, stage, step, id, another, begun).or_else(|| none_yet(run, step, id, another, begun))?;
        known.extend(made_here(run, step, begun, another));
        Some(json!({"known": known, "since": begun.at.plus(-APART_MS).millis()}))
    };
    found().unwrap_or(Value::Null)
}

/// The item's anchor captured the list, and was read right before the item's first change.
fn captured(
    run: &Run,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    another: &Another,
    begun: &Begun,
) -> Option<BTreeSet<String>> {
    let anchor = run.anchors.get(&(stage.id.clone(), id.item.clone()))?;
    let mine = stage.anchor.as_ref()?.capture.iter().find(|capture| {
        let scope = || scope::of(run, stage, id.item.as_deref(), None, &Names::of([&capture.read.with]));
        capture.read.action == another.lists
            && capture.read.session == step.session
            && expression::fill(&capture.read.with, &scope(), run.last_at)
                .is_ok_and(|with| with.get(another.of) == begun.operation.pointer(&format!("/with/{}", another.of)))
    })?;
    let list = anchor.captured.get(&mine.id)?.get(another.list)?.as_array()?;
    Some(list.iter().filter_map(|one| Some(one.get(another.name)?.as_str()?.to_owned())).collect())
}

/// This run itself made what they belong to (the user): before that there was none.
fn none_yet(run: &Run, step: &Step, id: &StepId, another: &Another, begun: &Begun) -> Option<BTreeSet<String>> {
    let whose = begun.operation.pointer(&format!("/with/{}", another.of))?;
    let made = run.steps.iter().any(|(other, state)| {
        let found = matches!(state.status, Status::Done { found: Found::Answer | Found::Probe, .. });
        let planned = run.plan.step(other).filter(|_| found && other.is_forward() && state.last_problem.is_none());
        planned.is_some_and(|planned| {
            planned.template.get("action").and_then(Value::as_str) == Some(another.none_after)
                && !planned.accept_existing
                && planned.session == step.session
                && (other.item.is_none() || other.item == id.item)
                && state.with.get(another.of) == Some(whose)
        })
    });
    made.then(BTreeSet::new)
}

/// Those that this run made before.
fn made_here(run: &Run, step: &Step, begun: &Begun, another: &Another) -> Vec<String> {
    let whose = begun.operation.pointer(&format!("/with/{}", another.of));
    let mine = run.steps.iter().filter(|(other, state)| {
        let planned = run.plan.step(other);
        planned.is_some_and(|one| one.template.get("action") == step.template.get("action"))
            && state.with.get(another.of) == whose
    });
    mine.filter_map(|(_, state)| Some(state.output.get(another.output)?.get(another.name)?.as_str()?.to_owned()))
        .collect()
}

/// It was done, and its secret reached nobody: what it made is taken back, and then it is tried again.
pub fn secret_lost(run: &Run, seat: &Seat, stage: &Stage, step: &Step, id: &StepId, now: Time) -> Next {
    for undo in &step.back.undo {
        if let Some(next) = next::step_next(run, seat, stage, undo, &id.with_undo(&undo.id), now) {
            return next;
        }
    }
    let why = format!("the secret of `{}` was lost, and its undo took nothing back", step.title);
    Next::Stop(Stop::of(StopKind::Failed, id.to_string(), why).for_role(run, &step.performer))
}
