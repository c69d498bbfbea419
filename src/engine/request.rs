//! Requests: what is asked for together, whether it is granted, and when it is over. Pure.

use super::operation;
use super::scope;
use super::state::{RequestState, Run, Status, Voice};
use crate::approval::{self, Case, Decision, Given};
use crate::base::{Digest, StepId, Time};
use crate::plan::model::{Approval, Per, Stage, Step};
use crate::record::fact::{Asked, EndedBy, What};
use crate::record::operations::Operation;

/// A request to be made: the entry and its operations object.
#[derive(Clone, Debug)]
pub struct Draft {
    pub asked: Asked,
    pub object: (Digest, Vec<u8>),
}

/// The live request over `step` in its present attempt.
pub fn live<'a>(run: &'a Run, step: &StepId) -> Option<&'a RequestState> {
    let attempt = next_attempt(run, step);
    run.requests_at(step)
        .find(|request| request.is_live() && request.asked.what == What::Approval && request.holds(step, attempt))
}

/// The attempt that the step's next operation belongs to.
pub fn next_attempt(run: &Run, step: &StepId) -> u32 {
    let state = run.step(step);
    match state.status {
        Status::Failed { .. } | Status::Undone => state.attempt + 1,
        // The approvals were of no use any more (run-by, another operation), and new ones were asked for.
        Status::NotDone { .. } if run.requests_over(step, state.attempt + 1).next().is_some() => state.attempt + 1,
        _ => state.attempt,
    }
}

/// The group of steps that are asked for together with `id`, in order, and how the request names them.
pub fn group(run: &Run, stage: &Stage, step: &Step, id: &StepId) -> (Vec<StepId>, String) {
    if !id.is_forward() {
        let all = behind_ids(run, id);
        return (all, id.covers());
    }
    // A later attempt is asked for alone.
    let per = if next_attempt(run, id) > 1 { Per::Step } else { step.approvals.first().map_or(Per::Step, |a| a.per) };
    let same = |other: &&Step| {
        other.performer == step.performer && other.approvals == step.approvals && !other.approvals.is_empty()
    };
    let of_item = |item: Option<&str>| -> Vec<StepId> {
        stage.steps.iter().filter(same).map(|other| StepId::new(&stage.id, item, &other.id)).collect()
    };
    let first_attempt = |ids: Vec<StepId>| -> Vec<StepId> {
        // What has begun was paid for: when it is asked for again, that is a later attempt.
        let fresh = |other: &StepId| {
            let state = run.step(other);
            next_attempt(run, other) == 1 && !state.is_over() && state.first.is_none()
        };
        ids.into_iter().filter(fresh).collect()
    };
    match per {
        Per::Step => (vec![id.clone()], id.covers()),
        Per::Item => (first_attempt(of_item(id.item.as_deref())), format!("{}/*", id.place())),
        Per::Stage => {
            let items = scope::items(run, stage);
            let ids = items.iter().flat_map(|(key, _)| of_item(key.as_deref())).collect();
            let covers = if stage.for_each.is_null() { format!("{}/*", stage.id) } else { format!("{}:*/*", stage.id) };
            (first_attempt(ids), covers)
        }
    }
}

/// The undo or repair steps of one step that the rollback lists and that are not over.
fn behind_ids(run: &Run, id: &StepId) -> Vec<StepId> {
    let Some(rollback) = &run.rollback else { return vec![id.clone()] };
    let (attempt, own) = (next_attempt(run, id), run.plan.step(id));
    // One request is for one performer and the same approvals; what waits or only reads needs none.
    let alike = |other: &&StepId| {
        let step = run.plan.step(other);
        step.zip(own).is_some_and(|(step, own)| step.performer == own.performer && step.approvals == own.approvals)
    };
    rollback
        .steps
        .iter()
        .filter(|other| other.forward() == id.forward() && next_attempt(run, other) == attempt)
        .filter(|other| !run.step(other).is_over())
        .filter(alike)
        .cloned()
        .collect()
}

/// The request for `id` and whatever is asked for together with it; none while a part of it that must be
/// resolved is not (a single step; the first operation of a list).
pub fn draft(run: &Run, stage: &Stage, step: &Step, id: &StepId, performer: &str, now: Time) -> Option<Draft> {
    let (ids, covers) = group(run, stage, step, id);
    let alone = ids.len() == 1;
    let mut operations: Vec<Operation> = Vec::new();
    for other in &ids {
        let (value, whole) = operation::partial(run, other, now)?;
        if !whole && alone {
            return None;
        }
        operations.push(operation::slot(other, next_attempt(run, other), performer, value));
    }
    build(run, &operations, covers, step, performer, now)
}

/// As [`draft`], for a step whose turn has come: its own operation is `resolved`.
pub fn draft_resolved(
    run: &Run,
    step: &Step,
    id: &StepId,
    resolved: serde_json::Value,
    performer: &str,
    now: Time,
) -> Option<Draft> {
    // Where nothing happened, and what was approved can't be used any more, a new attempt is asked for.
    let state = run.step(id);
    let spent = matches!(state.status, Status::NotDone { .. });
    let attempt = if spent { state.attempt + 1 } else { next_attempt(run, id) };
    let operations = [operation::slot(id, attempt, performer, resolved)];
    build(run, &operations, id.covers(), step, performer, now)
}

fn build(
    run: &Run,
    operations: &[Operation],
    covers: String,
    step: &Step,
    performer: &str,
    now: Time,
) -> Option<Draft> {
    let object = operation::bytes(operations).ok()?;
    let within = step.approvals.iter().map(|approval| approval.within).min()?;
    let run_within = step.approvals.iter().map(|approval| approval.run_within).min()?;
    let approve_by = whole_seconds(now.plus(within));
    let again = predecessors(run, &covers);
    let asked = Asked {
        again,
        approve_by,
        attempt: operations.first()?.attempt,
        covers,
        operations: object.0,
        performer: performer.to_owned(),
        run_by: approve_by.plus(run_within),
        summary: operation::summary(&run.plan, operations),
        what: What::Approval,
    };
    Some(Draft { asked, object })
}

/// Statements carry whole seconds, so the clocks of a request are whole seconds too.
pub fn whole_seconds(time: Time) -> Time {
    Time(time.0 - time.0.rem_euclid(1000))
}

/// Earlier requests over the same, that ended without being used up.
pub fn predecessors(run: &Run, covers: &str) -> Vec<u64> {
    let all = run.index.covers.get(covers).into_iter().flatten();
    all.filter_map(|seq| run.requests.get(seq))
        .filter(|request| request.ended.is_some_and(|(why, _)| why != EndedBy::Consumed))
        .map(|request| request.seq)
        .collect()
}

/// What the plan demands for a request; none where the plan does not fit it (then nothing is ever granted).
pub fn demands<'a>(_: &Run, request: &'a RequestState) -> Option<&'a [Approval]> {
    request.demands.as_deref()
}

/// Everything that the decision rests on.
pub fn case<'a>(run: &'a Run, request: &'a RequestState, now: Time) -> Case<'a> {
    Case {
        plan: &run.plan,
        people: &run.people,
        request: request.seq,
        request_leaf: request.leaf,
        asked: &request.asked,
        demands: request.demands.clone().unwrap_or_else(|| vec![nobody()]),
        performers: request.performers.clone(),
        starter: run.starter.clone(),
        statements: request.voices.iter().map(given).collect(),
        glass: request.glass.iter().map(given).collect(),
        // A clock that was set back makes nothing unsigned again: the journal's own time is the floor.
        now: now.max(run.last_at),
    }
}

fn given(voice: &Voice) -> Given<'_> {
    Given {
        seq: voice.seq,
        statement: &voice.statement,
        good: voice.good,
        key: voice.key.clone(),
        corroborated: voice.corroborated.as_ref(),
        head: &voice.head,
    }
}

/// A demand that nobody can meet.
fn nobody() -> Approval {
    Approval { role: String::new(), count: 1, from_parties: 1, within: 0, run_within: 0, per: Per::Step }
}

/// The one decision function, asked about a request as it stands.
pub fn decide(run: &Run, request: &RequestState, now: Time) -> Decision {
    approval::decide(&case(run, request, now))
}

/// Whether this step of it may begin: break-glass may stand in place of what is missing.
pub fn may_begin(run: &Run, request: &RequestState, step: &StepId, now: Time) -> Decision {
    approval::may_begin(&case(run, request, now), step)
}

/// Whether break-glass stands for this step of it.
pub fn is_waived(run: &Run, request: &RequestState, step: &StepId, now: Time) -> bool {
    !request.glass.is_empty() && matches!(may_begin(run, request, step, now), Decision::Waived { .. })
}

/// Whether break-glass stands for every step of it that is not begun: then nobody is waited for.
pub fn all_waived(run: &Run, request: &RequestState, now: Time) -> bool {
    let open = |slot: &&Operation| !request.spent.contains(&slot.step);
    request.operations.iter().filter(open).all(|slot| is_waived(run, request, &slot.step, now))
        && !request.glass.is_empty()
}

/// Whether break-glass stands for some step of it that is not begun.
pub fn some_waived(run: &Run, request: &RequestState, now: Time) -> bool {
    request
        .operations
        .iter()
        .any(|slot| !request.spent.contains(&slot.step) && is_waived(run, request, &slot.step, now))
}
