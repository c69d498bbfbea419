//! Taking steps back: which, in which order, what can't be, and what comes next while it runs. And making good, going
//! forward, what can't be taken back: the repair of a point of no return. Pure.

use super::next::{self, Draft, Next, Seat, Stop, StopKind};
use super::state::{Run, Status};
use super::{hold, operation};
use crate::base::{StepId, Time, id};
use crate::plan::model::{Stage, Step};
use crate::record::fact::{self, EndedBy, WaitFor};

/// What a rollback would do.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Undo operations in order.
    pub steps: Vec<StepId>,
    /// Steps that need none (`no_undo`), with the reason.
    pub left: Vec<(StepId, String)>,
    /// What an undo does not bring back.
    pub lost: Vec<(StepId, String)>,
}

/// Why it can't be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWay {
    #[error("{0} is in doubt: settle it first (`countersign resume` probes it, `countersign settle` is for people)")]
    InDoubt(StepId),
    #[error(
        "{0} was begun by people, who have not said yet that it is done: they finish it first (`countersign status` shows how), then it can be taken back"
    )]
    Begun(StepId),
    #[error("{0} is past a point of no return: {1}")]
    NoReturn(Box<StepId>, String),
    #[error("nothing was done after the anchor of `{0}` that could be undone")]
    Nothing(String),
    #[error("there is no stage or item `{0}` that was begun")]
    Unknown(String),
    #[error("the runbook has no repair of `{0}`")]
    NoRepair(String),
    #[error("{0} has not been passed: there is nothing to repair")]
    NotPassed(StepId),
}

/// Everything done after the anchor of `to` (`stage` or `stage:item`; empty: from the very beginning).
pub fn course(run: &Run, to: &str) -> Result<Course, NoWay> {
    let (to_stage, to_item) = match to.split_once(':') {
        Some((stage, item)) => (stage, Some(item)),
        None => (to, None),
    };
    if !to.is_empty() && !run.stages.get(to_stage).is_some_and(|state| state.entered) {
        return Err(NoWay::Unknown(to.to_owned()));
    }
    let known = |item: &str| {
        let items = run.stages.get(to_stage).map(|state| state.items.as_slice()).unwrap_or_default();
        items.iter().any(|(key, _)| key.as_deref() == Some(item))
    };
    if to_item.is_some_and(|item| !known(item)) {
        return Err(NoWay::Unknown(to.to_owned()));
    }
    let mut course = Course::default();
    for stage in run.plan.stages.iter().rev() {
        let Some(state) = run.stages.get(&stage.id).filter(|state| state.entered) else { continue };
        for (item, _) in state.items.iter().rev() {
            if to_item.is_none_or(|wanted| item.as_deref() == Some(wanted)) {
                item_course(run, stage, item.as_deref(), &mut course)?;
            }
        }
        if stage.id == to_stage {
            break;
        }
    }
    Ok(course)
}

/// The furthest stage that the run can be brought back to where it can't go back as a whole; none if nothing that
/// was done can be taken back.
pub fn furthest(run: &Run) -> Option<(String, Course)> {
    let entered = run.plan.stages.iter().filter(|stage| run.stages.get(&stage.id).is_some_and(|state| state.entered));
    let mut courses = entered.filter_map(|stage| Some((stage.id.clone(), course(run, &stage.id).ok()?)));
    courses.find(|(_, course)| !course.steps.is_empty())
}

/// The entries that begin a rollback: every open request ends with it.
pub fn begin(run: &Run, to: &str) -> Result<Vec<Draft>, NoWay> {
    let course = course(run, to)?;
    if course.steps.is_empty() && !nothing_stands(run) {
        return Err(NoWay::Nothing(to.to_owned()));
    }
    Ok(started(run, to, course))
}

fn started(run: &Run, to: &str, course: Course) -> Vec<Draft> {
    let live = run.requests.values().filter(|request| request.is_live());
    let mut drafts: Vec<Draft> = live
        .map(|request| Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::RollbackStarted }))
        .collect();
    drafts.push(Draft::new(fact::RollbackStarted { to: to.to_owned(), steps: course.steps }));
    drafts
}

/// Programs behind the anchor of `to` that failed: what they did before that, nobody knows.
pub fn unsure(run: &Run, to: &str) -> Vec<(StepId, String)> {
    let (stage, item) = to.split_once(':').map_or((to, None), |(stage, item)| (stage, Some(item)));
    let from = run.plan.stages.iter().position(|one| one.id == stage).unwrap_or(0);
    let behind = |id: &StepId| {
        let at = run.plan.stages.iter().position(|one| one.id == id.stage);
        at.is_some_and(|at| at >= from) && (item.is_none() || id.item.as_deref() == item)
    };
    let failed = run.index.failed.iter().filter(|id| id.is_forward() && behind(id));
    let program =
        failed.filter(|id| run.plan.step(id).is_some_and(|step| step.body.kind() == "command" && step.mutates));
    let why = "it failed: what it changed before that is not known, and nothing takes it back; look";
    program.map(|id| (id.clone(), why.to_owned())).collect()
}

fn item_course(run: &Run, stage: &Stage, item: Option<&str>, course: &mut Course) -> Result<(), NoWay> {
    for step in stage.steps.iter().rev() {
        let id = StepId::new(&stage.id, item, &step.id);
        let Some(state) = run.steps.get(&id) else { continue };
        if state.is_open() {
            return Err(unsettled(step, id));
        }
        if bars_the_way(run, &id, step) {
            return Err(NoWay::NoReturn(Box::new(id), step.back.point_of_no_return.clone()));
        }
        if !step.mutates || !state.is_there() {
            continue;
        }
        if step.back.undo.is_empty() {
            course.left.push((id, step.back.no_undo.clone()));
            continue;
        }
        if !step.lost.is_empty() {
            course.lost.push((id.clone(), step.lost.clone()));
        }
        course.steps.extend(step.back.undo.iter().map(|undo| id.with_undo(&undo.id)));
    }
    Ok(())
}

/// It was begun, and nobody knows how it ended: nothing can be taken back on top of it.
fn unsettled(step: &Step, id: StepId) -> NoWay {
    if step.body.kind() == "manual" { NoWay::Begun(id) } else { NoWay::InDoubt(id) }
}

/// A point of no return that was passed: done, repaired, or a program that failed half-way.
fn bars_the_way(run: &Run, id: &StepId, step: &Step) -> bool {
    let state = run.step(id);
    let program = step.body.kind() == "command" && state.failed_after().is_some();
    let repaired = || step.repair.iter().any(|one| run.step(&id.with_repair(&one.id)).first.is_some());
    !step.back.point_of_no_return.is_empty() && (state.is_done() || program || repaired())
}

/// The repair's steps of a point of no return that was passed: done, or begun and failed.
pub fn repair(run: &Run, id: &StepId) -> Result<Course, NoWay> {
    let step = run.plan.step(id).filter(|_| id.is_forward()).ok_or_else(|| NoWay::Unknown(id.to_string()))?;
    if step.repair.is_empty() {
        return Err(NoWay::NoRepair(id.to_string()));
    }
    let state = run.step(id);
    if state.is_open() && step.body.kind() != "manual" {
        return Err(NoWay::InDoubt(id.clone()));
    }
    if !(state.is_done() || state.failed_after().is_some() || bars_the_way(run, id, step)) {
        return Err(NoWay::NotPassed(id.clone()));
    }
    let steps = step.repair.iter().map(|one| id.with_repair(&one.id)).collect();
    Ok(Course { steps, ..Course::default() })
}

/// The entries that begin a repair: every open request ends with it, as with a rollback.
pub fn begin_repair(run: &Run, id: &StepId) -> Result<Vec<Draft>, NoWay> {
    Ok(started(run, &id.to_string(), repair(run, id)?))
}

/// Steps that were passed and can be repaired, in the order of the runbook.
pub fn repairable(run: &Run) -> Vec<StepId> {
    let with_repair = |id: &&StepId| run.plan.step(id).is_some_and(|step| !step.repair.is_empty());
    run.steps.keys().filter(with_repair).filter(|id| repair(run, id).is_ok()).cloned().collect()
}

/// Every step of its repair is over, and seen.
pub fn is_repaired(run: &Run, id: &StepId) -> bool {
    let steps = run.plan.step(id).map(|step| step.repair.as_slice()).unwrap_or_default();
    !steps.is_empty() && steps.iter().all(|one| next::is_over_and_seen(run, &id.with_repair(&one.id)))
}

/// What comes next while a repair runs: its steps in order; then going on is somebody's decision.
fn repair_next(run: &Run, seat: &Seat, of: &StepId, steps: &[StepId], now: Time) -> Next {
    for id in steps {
        let Some((stage, step)) = operation::locate(&run.plan, id) else { continue };
        if let Some(next) = next::step_next(run, seat, stage, step, id, now) {
            return next;
        }
    }
    let why = format!("{of} is repaired; `resume` goes forward from there, `abandon` ends the run");
    let mut stop = Stop::waiting(WaitFor::Performer, of.to_string(), why);
    stop.people = run.signed_on.clone();
    Next::Stop(stop)
}

/// What comes next while a rollback runs: its steps in order, and each place's anchor when the place is back.
pub fn next(run: &Run, seat: &Seat, now: Time) -> Next {
    let Some(rollback) = &run.rollback else {
        return Next::Stop(Stop::of(StopKind::Failed, "", "no rollback is under way"));
    };
    if let Some(of) = rollback.repairs() {
        return repair_next(run, seat, &of, &rollback.steps, now);
    }
    let mut steps = rollback.steps.iter().peekable();
    while let Some(id) = steps.next() {
        let Some((stage, step)) = operation::locate(&run.plan, id) else { continue };
        if !run.step(id).is_over()
            && let Some(next) = hold::before_undo(run, stage)
        {
            return next;
        }
        if let Some(next) = next::step_next(run, seat, stage, step, id, now) {
            return next;
        }
        // A place is compared as soon as it is back: what is taken back after it changes what it rests on.
        let last_of_place = steps.peek().is_none_or(|other| other.place() != id.place());
        if last_of_place && !rollback.regained.contains(&id.place()) {
            return Next::Anchor { stage: id.stage.clone(), item: id.item.clone(), regain: true };
        }
    }
    next::close(run, "rolled_back")
}

/// After a rollback: closed when every stage is back; else the run waits for `resume`.
pub fn is_whole(run: &Run) -> bool {
    nothing_stands(run) && run.steps.values().any(|state| state.status == Status::Undone)
}

/// No change that this run made is left, but for those that need no undo; and nothing is begun that might become one.
fn nothing_stands(run: &Run) -> bool {
    run.index.open.is_empty() && standing(run).next().is_none()
}

/// Changes that this run made (a repair's too) and has not taken back, but for those that need no way back.
pub fn standing(run: &Run) -> impl Iterator<Item = &StepId> {
    let stands = |id: &StepId| run.plan.step(id).is_some_and(Step::stands);
    run.steps.iter().filter(move |(id, state)| id.undo.is_none() && state.is_there() && stands(id)).map(|(id, _)| id)
}

/// Going forward again over an undone step whose input was used up: the way is a longer rollback.
pub fn spent(run: &Run, step: &Step, id: &StepId, now: Time) -> Option<Stop> {
    let action = step.template.get("action").and_then(serde_json::Value::as_str).unwrap_or_default();
    if action != "organizations:AcceptHandshake" {
        return None;
    }
    let text = step.template.pointer("/with/HandshakeId").and_then(serde_json::Value::as_str)?;
    let source = run.plan.stages.iter().find(|stage| text.contains(&format!("stages.{}.", stage.id)))?;
    let operation = operation::resolve(run, id, now).ok()?;
    let used = &run.step(id).with;
    // A new invitation has another id: then there is something to accept.
    if used.is_null() || operation.pointer("/with/HandshakeId") != used.get("HandshakeId") {
        return None;
    }
    let to = id::place(&source.id, id.item.as_deref());
    let why =
        format!("its handshake was used up before the rollback; roll back further: countersign rollback --to {to}");
    let mut stop = Stop::of(StopKind::Refused, id.to_string(), why);
    stop.what = Some(WaitFor::Performer);
    Some(stop)
}
