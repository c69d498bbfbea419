//! What must still be seen of a step that AWS says is done, from which side, and who can look.

use super::{Next, Seat, Stop};
use crate::base::{StepId, Time};
use crate::engine::session;
use crate::engine::state::{Run, Status, StepState};
use crate::plan::model::{Body, Stage, Step};
use crate::record::fact::{Found, WaitFor};

/// After AWS's own success answer the effect must be seen.
pub(super) fn after_done(
    run: &Run,
    seat: &Seat,
    step: &Step,
    id: &StepId,
    state: &StepState,
    now: Time,
) -> Option<Next> {
    verify_next(run, seat, step, id, state, false, now)
}

/// The sides of the step's probe that nobody has seen yet, and `verify` for its own checks.
pub(super) fn unseen_sides(step: &Step, state: &StepState) -> Vec<String> {
    // Done though AWS answered with an error: its goal was reached another way, and the answer says so.
    let otherwise = state.is_done() && state.last_problem.is_some();
    if !step.mutates || otherwise || matches!(state.status, Status::Done { found: Found::Word, .. }) {
        return Vec::new();
    }
    let mut sides: Vec<String> = match step.body {
        Body::Action => step.probe.keys().cloned().collect(),
        _ => Vec::new(),
    };
    if !step.verify.is_empty() {
        sides.push("verify".to_owned());
    }
    sides.retain(|side| !state.verified.contains(side));
    sides
}

/// `all`: before the next stage's anchor every side is wanted; right after the step one is enough.
pub(super) fn verify_next(
    run: &Run,
    seat: &Seat,
    step: &Step,
    id: &StepId,
    state: &StepState,
    all: bool,
    now: Time,
) -> Option<Next> {
    let unseen = unseen_sides(step, state);
    let (checks, sides): (Vec<String>, Vec<String>) = unseen.into_iter().partition(|side| side == "verify");
    let seen_one = sides.len() < step.probe.len() || step.probe.is_empty();
    if checks.is_empty() && (sides.is_empty() || (seen_one && !all)) {
        return None;
    }
    let readable: Vec<String> =
        sides.iter().filter(|side| closed_why(run, seat, step, id, side, now).is_none()).cloned().collect();
    let wanted_unreadable = if all { readable.len() < sides.len() } else { readable.is_empty() && !seen_one };
    if wanted_unreadable && readable.is_empty() && checks.is_empty() {
        let side = sides.first().cloned().unwrap_or_default();
        let session = step.probe.get(&side).cloned().unwrap_or_default();
        let why = closed_why(run, seat, step, id, &side, now).unwrap_or_default();
        return Some(Next::Stop(needs_session(run, &session, id, &why)));
    }
    if let Some(until) = seat.not_before.get(id).filter(|until| **until > now) {
        let why = format!("{}: AWS says it is done; waiting until reads show it", step.title);
        return Some(Next::Sleep { until: *until, what: WaitFor::Aws, step: id.to_string(), why });
    }
    let sides = if seen_one && !all { Vec::new() } else { readable };
    Some(Next::Verify { id: id.clone(), sides, checks: !checks.is_empty() })
}

/// The run waits for a seat that has the credentials.
pub fn needs_session(run: &Run, session: &str, id: &StepId, why: &str) -> Stop {
    let mut stop = Stop::waiting(WaitFor::Session, id.to_string(), format!("session {session}: {why}"));
    let roles = run.plan.sessions.get(session).map(|session| session.used_by.clone()).unwrap_or_default();
    stop.role = roles.first().cloned().unwrap_or_default();
    stop.people = run
        .people
        .people
        .values()
        .filter(|person| roles.iter().any(|role| person.roles.contains(role)))
        .map(|person| person.id.clone())
        .collect();
    stop
}

/// Why the session of this side can't be opened here; none if it may be.
pub fn closed_why(run: &Run, seat: &Seat, step: &Step, id: &StepId, side: &str, now: Time) -> Option<String> {
    let session = step.probe.get(side)?;
    let wanted = session::wanted(run, session, id, now).ok()?;
    seat.closed.get(&session::key(&wanted)).cloned()
}

/// Every step of the item is over, and seen.
pub fn item_is_over(run: &Run, stage: &Stage, item: Option<&str>) -> bool {
    let over = |step: &Step| {
        run.steps.get(&StepId::new(&stage.id, item, &step.id)).is_some_and(|state| over_and_seen(step, state))
    };
    stage.steps.iter().all(over)
}

pub fn is_over_and_seen(run: &Run, id: &StepId) -> bool {
    run.plan.step(id).zip(run.steps.get(id)).is_some_and(|(step, state)| over_and_seen(step, state))
}

fn over_and_seen(step: &Step, state: &StepState) -> bool {
    let unseen = unseen_sides(step, state);
    let seen_one = unseen.iter().filter(|side| *side != "verify").count() < step.probe.len() || step.probe.is_empty();
    state.is_over() && (state.status == Status::Skipped || (seen_one && !unseen.iter().any(|side| side == "verify")))
}
