//! An operation was begun and its answer is not known: settled by its probe, or by people (P7). Pure.

use super::next::{Draft, Next, Seat, Stop, StopKind, closed_why, needs_session};
use super::request;
use super::state::{Begun, ObservedState, Run, SaidState, StepState};
use crate::approval::Decision;
use crate::base::{Digest, StepId, Time};
use crate::catalogue::{self, action::Repeat};
use crate::plan::model::{Body, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, Reading, WaitFor, What};
use crate::record::statement::SaidWhat;
use serde_json::{Value, json};

/// What comes next for an operation that is open.
pub fn next(run: &Run, seat: &Seat, step: &Step, id: &StepId, now: Time) -> Next {
    let state = run.step(id);
    let Some(begun) = state.begun().cloned() else {
        return Next::Stop(Stop::of(StopKind::InDoubt, id.to_string(), "its state is not known"));
    };
    if let Some(said) = state.said.iter().rev().find(|said| said.what == SaidWhat::Settled && said.seq > begun.seq) {
        return read_first(run, seat, step, id, state, &begun, said, now)
            .unwrap_or_else(|| by_word(run, step, id, state, begun.seq, said, now));
    }
    let sides = sides(step);
    if sides.is_empty() {
        return Next::Stop(stop(run, step, id, "nothing can be read that tells whether it happened"));
    }
    let mut unread: Vec<&String> = sides.iter().filter(|side| readings(state, side).is_empty()).collect();
    // What can be read here is read first: the rest may be read at another seat.
    unread.sort_by_key(|side| closed_why(run, seat, step, id, side, now).is_some());
    if let Some(side) = unread.first() {
        return probe_or_wait(run, seat, step, id, side, now);
    }
    if let Some(done) = all_done(run, step, id, state, &begun, &sides) {
        return done;
    }
    not_done_or_doubt(run, seat, step, id, state, &begun, &sides, now)
}

fn sides(step: &Step) -> Vec<String> {
    match &step.body {
        Body::Command(command) if command.probe.is_some() => vec!["probe".to_owned()],
        _ => step.probe.keys().cloned().collect(),
    }
}

fn readings<'a>(state: &'a StepState, side: &str) -> Vec<&'a ObservedState> {
    state.observed.iter().filter(|observed| observed.side == side).collect()
}

fn probe_or_wait(run: &Run, seat: &Seat, step: &Step, id: &StepId, side: &str, now: Time) -> Next {
    match closed_why(run, seat, step, id, side, now) {
        None => Next::Probe { id: id.clone(), side: side.to_owned() },
        Some(why) => {
            let session = step.probe.get(side).cloned().unwrap_or_default();
            let mut stop = needs_session(run, &session, id, &why);
            stop.kind = StopKind::InDoubt;
            stop.why = format!(
                "it is not known whether `{}` took effect; the {side} side must be read: {}",
                step.title, stop.why
            );
            Next::Stop(stop)
        }
    }
}

/// People settle what can't be read: so what this seat can read is read once more after their word, and where AWS then
/// tells how it stands, that counts, whatever they said. None: their word is taken.
#[allow(clippy::too_many_arguments)] // one decision over the whole picture
fn read_first(
    run: &Run,
    seat: &Seat,
    step: &Step,
    id: &StepId,
    state: &StepState,
    begun: &Begun,
    said: &SaidState,
    now: Time,
) -> Option<Next> {
    let sides = sides(step);
    let epoch_began = run.epochs.get(&run.epoch).map(|(at, _)| *at).unwrap_or(now);
    // What could not be told at an earlier sitting is read again, once.
    let read = |side: &String| {
        let newest = readings(state, side).last().copied().filter(|observed| observed.seq > said.seq);
        newest.is_some_and(|observed| observed.reading != Reading::CannotTell || observed.at >= epoch_began)
    };
    let unread = sides.iter().find(|side| !read(side) && closed_why(run, seat, step, id, side, now).is_none());
    if let Some(side) = unread {
        return Some(Next::Probe { id: id.clone(), side: side.clone() });
    }
    if sides.is_empty() {
        return None;
    }
    let next = all_done(run, step, id, state, begun, &sides).or_else(|| {
        let not_done = |side: &String| readings(state, side).last().is_some_and(|one| one.reading == Reading::NotDone);
        let contradicted = said.value.get("result").and_then(Value::as_str) == Some("done");
        (contradicted && sides.iter().all(not_done))
            .then(|| not_done_or_doubt(run, seat, step, id, state, begun, &sides, now))
    })?;
    match next {
        Next::Append(mut drafts) => {
            // Nobody is asked any more how it ended.
            let live = run.requests.values().filter(|request| {
                request.is_live() && request.asked.what == What::Settle && request.asked.covers == id.to_string()
            });
            drafts.extend(
                live.map(|request| Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::NewAttempt })),
            );
            Some(Next::Append(drafts))
        }
        // Reading alone does not settle it.
        Next::Stop(_) => None,
        next => Some(next),
    }
}

/// The newest reading of every side says done.
fn all_done(run: &Run, step: &Step, id: &StepId, state: &StepState, begun: &Begun, sides: &[String]) -> Option<Next> {
    let newest: Vec<&ObservedState> = sides.iter().filter_map(|side| readings(state, side).last().copied()).collect();
    if !newest.iter().all(|observed| observed.reading == Reading::Done) {
        return None;
    }
    let output = newest.iter().map(|observed| &observed.output).find(|output| !output.is_null());
    let result = done_without_answer(step);
    if result == Ended::Done && !step.secret_outputs.is_empty() {
        return Some(Next::Stop(stop(
            run,
            step,
            id,
            "it did, its secret was lost, and nothing takes back what it made",
        )));
    }
    Some(Next::Append(vec![settled(id, state, begun.seq, result, Found::Probe, output.cloned())]))
}

/// Without AWS's answer nobody has the secret that was in it: then what was made is taken back, and made again.
pub fn done_without_answer(step: &Step) -> Ended {
    if step.secret_outputs.is_empty() || step.back.undo.is_empty() { Ended::Done } else { Ended::SecretLost }
}

/// "Not done" needs two rounds of reads that agree, the second when nothing can still arrive or be stale.
#[allow(clippy::too_many_arguments)] // one decision over the whole picture
fn not_done_or_doubt(
    run: &Run,
    seat: &Seat,
    step: &Step,
    id: &StepId,
    state: &StepState,
    begun: &Begun,
    sides: &[String],
    now: Time,
) -> Next {
    let sure_at = sure_at(run, step, begun);
    let action = step.template.get("action").and_then(Value::as_str).unwrap_or_default();
    let makes_another = catalogue::find(action).is_some_and(|action| action.repeat == Repeat::MakesAnother);
    let twice = |side: &String| {
        let all = readings(state, side);
        all.len() >= 2
            && all.iter().all(|observed| observed.reading == Reading::NotDone)
            && all.last().is_some_and(|last| last.at >= sure_at)
    };
    if !makes_another && sides.iter().all(twice) {
        return Next::Append(vec![settled(id, state, begun.seq, Ended::NotDone, Found::Probe, None)]);
    }
    let interval = (step.settles_within / 4).clamp(50, 15_000);
    let epoch_began = run.epochs.get(&run.epoch).map(|(at, _)| *at).unwrap_or(now);
    let mut order: Vec<&String> = sides.iter().collect();
    order.sort_by_key(|side| closed_why(run, seat, step, id, side, now).is_some());
    for side in order {
        let Some(last) = readings(state, side).last().copied() else { continue };
        let too_early = last.at < sure_at;
        let other_seat = last.at < epoch_began;
        // One reading proves nothing, however late it is: "not done" is read twice.
        let alone = last.reading == Reading::NotDone && readings(state, side).len() < 2 && !makes_another;
        // A new seat reads anew what it can; it sends nobody back for what was read late enough elsewhere.
        let anew = other_seat && closed_why(run, seat, step, id, side, now).is_none();
        if !too_early && !anew && !alone {
            continue;
        }
        if other_seat || now >= sure_at || now.since(last.at) >= interval {
            return probe_or_wait(run, seat, step, id, side, now);
        }
    }
    if now < sure_at {
        let newest = state.observed.iter().map(|observed| observed.at).max().unwrap_or(now);
        let until = Time(newest.plus(interval).0.min(sure_at.0).max(now.0 + 1));
        let why = format!("{}: finding out whether it happened", step.title);
        return Next::Sleep { until, what: WaitFor::Aws, step: id.to_string(), why };
    }
    let why = if makes_another {
        "AWS would make another one, so no reading proves that it did not happen"
    } else {
        "the sides that were read do not agree, or can't tell"
    };
    Next::Stop(stop(run, step, id, why))
}

/// From when on a reading can prove that nothing happened: `settles_within` after the time limit, counted from
/// the earlier of `send_by` and the moment when this machine took the dead process's lock.
pub fn sure_at(run: &Run, step: &Step, begun: &Begun) -> Time {
    let machine = run.epochs.get(&begun.epoch).map(|(_, machine)| machine);
    let taken =
        run.epochs.range(begun.epoch + 1..).find(|(_, (_, other))| Some(other) == machine).map(|(_, (at, _))| *at);
    let from = match (begun.send_by, taken) {
        (Some(send_by), Some(taken)) => send_by.min(taken),
        (Some(send_by), None) => send_by,
        (None, Some(taken)) => taken,
        (None, None) => begun.at,
    };
    let limit = begun.operation.get("time_limit").and_then(Value::as_i64).unwrap_or(30_000);
    from.plus(limit).plus(step.settles_within)
}

fn stop(run: &Run, step: &Step, id: &StepId, why: &str) -> Stop {
    let why = format!("it is not known whether `{}` took effect: {why}", step.title);
    let mut stop = Stop::of(StopKind::InDoubt, id.to_string(), why).for_role(run, &step.performer);
    stop.what = Some(WaitFor::Settle);
    stop
}

/// The one outcome that settles it.
fn settled(id: &StepId, state: &StepState, begun: u64, result: Ended, found: Found, output: Option<Value>) -> Draft {
    let draft = Draft::new(fact::Outcome {
        step: id.clone(),
        direction: Run::direction(id),
        attempt: state.attempt,
        intended: Some(begun),
        result,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms: 0,
        found,
    });
    match output {
        Some(output) => draft.giving(output),
        None => draft,
    }
}

/// By people: the performer's word, a request over exactly it, another person's approval.
fn by_word(run: &Run, step: &Step, id: &StepId, state: &StepState, begun: u64, said: &SaidState, now: Time) -> Next {
    let Some(object) = said.object else {
        return Next::Stop(stop(run, step, id, "what was said about it is not stored"));
    };
    let request = run.requests.values().rev().find(|request| {
        request.asked.what == What::Settle
            && request.asked.operations == object
            && request.asked.covers == id.to_string()
    });
    let live = request.filter(|request| request.is_live());
    let Some(request) = live else {
        if request.is_some_and(|request| {
            request.ended.is_some_and(|(why, epoch)| why == EndedBy::Denied && epoch >= run.epoch)
        }) {
            return Next::Stop(stop(run, step, id, "what was said about it was denied"));
        }
        return ask_to_settle(run, step, id, state, said, object, now);
    };
    match request::decide(run, request, now) {
        Decision::Granted { .. } => {
            let done = said.value.get("result").and_then(Value::as_str) == Some("done");
            let outputs = said.value.get("outputs").cloned().filter(|value| !value.is_null());
            let result = match done {
                true if id.is_forward() => done_without_answer(step),
                true => Ended::Done,
                false => Ended::NotDone,
            };
            let outcome = settled(id, state, begun, result, Found::Word, if done { outputs } else { None });
            let ended = fact::RequestEnded { request: request.seq, why: EndedBy::Consumed };
            Next::Append(vec![outcome, Draft::new(ended)])
        }
        Decision::Missing(lacks) => {
            let mut stop = stop(run, step, id, "a second person must confirm what was said about it");
            stop.what = Some(WaitFor::Approval);
            stop.role = lacks.first().map(|lack| lack.role.clone()).unwrap_or_default();
            stop.people = lacks.iter().flat_map(|lack| lack.people.clone()).collect();
            stop.until = Some(request.asked.approve_by);
            Next::Stop(stop)
        }
        // Nothing stands in place of the agreement on how an operation ended.
        Decision::Waived { .. } => {
            Next::Stop(stop(run, step, id, "a second person must confirm what was said about it"))
        }
        Decision::Denied { .. } => {
            Next::Append(vec![Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::Denied })])
        }
        Decision::Expired { .. } => {
            Next::Append(vec![Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::Expired })])
        }
    }
}

/// An undo or a repair that failed, and that people have done by hand since: their word, agreed to, stands for AWS's answer.
/// None: nobody said so, or it was denied; then it is tried again as ever.
pub fn taken_back_by_hand(run: &Run, step: &Step, id: &StepId, now: Time) -> Option<Next> {
    let state = run.step(id);
    let (begun, failed) = state.failed_after().filter(|_| may_be_done_by_hand(run, id))?;
    let said = state.said.iter().rev().find(|said| said.what == SaidWhat::Settled && said.seq > failed)?;
    let denied = run.requests_at(id).any(|request| {
        request.asked.what == What::Settle
            && Some(request.asked.operations) == said.object
            && request.ended.is_some_and(|(why, _)| why == EndedBy::Denied)
    });
    if denied {
        return None;
    }
    Some(match by_word(run, step, id, state, begun, said, now) {
        // It is known how the operation ended: nothing is in doubt, a second person is waited for.
        Next::Stop(stop) if stop.kind == StopKind::InDoubt => {
            let why = format!("{} says that {id} was done by hand; a second person must agree", said.person);
            Next::Stop(Stop { kind: StopKind::Waiting, why, ..stop })
        }
        next => next,
    })
}

/// Whether people may say that they did it by hand: an undo or a repair by AWS or a program that failed.
pub fn may_be_done_by_hand(run: &Run, id: &StepId) -> bool {
    let machine = |step: &Step| matches!(step.body, Body::Action | Body::Command(_));
    !id.is_forward() && run.step(id).failed_after().is_some() && run.plan.step(id).is_some_and(machine)
}

fn ask_to_settle(
    run: &Run,
    step: &Step,
    id: &StepId,
    state: &StepState,
    said: &SaidState,
    object: Digest,
    now: Time,
) -> Next {
    // It is asked in the name of whoever said it, who must be signed on for that.
    if !run.signed_on.contains(&said.person) {
        let mut stop = stop(run, step, id, &format!("{} said how it stands, and must sign on to ask", said.person));
        (stop.what, stop.people) = (Some(WaitFor::Performer), vec![said.person.clone()]);
        return Next::Stop(stop);
    }
    let performer = said.person.clone();
    let approve_by = request::whole_seconds(now.plus(86_400_000));
    let result = said.value.get("result").and_then(Value::as_str).unwrap_or_default();
    let asked = fact::Asked {
        again: request::predecessors(run, &id.to_string()),
        approve_by,
        attempt: state.attempt,
        covers: id.to_string(),
        operations: object,
        performer: performer.clone(),
        run_by: approve_by.plus(3_600_000),
        summary: crate::base::escape::cut(&format!("settle {id} as {result}, on the word of {}", said.person), 400),
        what: What::Settle,
    };
    Next::Append(vec![Draft::new(asked).by(&performer)])
}

/// The object that a `said settled` names: the probe's newest answers, the result, the outputs that later steps need.
pub fn settle_object(run: &Run, id: &StepId, result: &str, outputs: Value, salt: &str) -> Value {
    let state = run.step(id);
    let probe: Vec<Value> = state
        .observed
        .iter()
        .map(|observed| {
            let reading = serde_json::to_value(observed.reading).unwrap_or(Value::Null);
            json!({"side": observed.side, "at": observed.at.millis(), "reading": reading})
        })
        .collect();
    json!({"salt": salt, "probe": probe, "result": result, "outputs": outputs})
}
