//! What comes next in a run: one question, answered from the state alone.
//! Pure: the answer is data; `run` carries it out and feeds the result back as entries.

mod people;
mod seen;
mod shape;
mod stage;
mod wait;

pub use seen::{closed_why, is_over_and_seen, item_is_over, needs_session};
pub use shape::{Draft, Next, Perform, Prompt, PromptKind, Stop, StopKind};
pub use wait::waited;

use super::index::Place;
use super::operation::{self, Unready};
use super::request;
use super::scope::{self, Names};
use super::state::{Run, Status, StepState};
use super::{another, by_hand, doubt, hazard, hold, rollback};
use crate::approval::Decision;
use crate::base::{StepId, Time};
use crate::catalogue;
use crate::expression;
use crate::plan::model::{Body, Stage, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, WaitFor};
use crate::record::statement::SaidWhat;
use people::{ask_next, manual_next};
use seen::after_done;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wait::wait_next;

/// What only this process knows.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    /// Sessions (`id account`) that can't be opened here, and why.
    pub closed: BTreeMap<String, String>,
    /// Anchors that this process has read, by seq of the entry.
    pub fresh: BTreeMap<(String, Option<String>), u64>,
    /// No try before this.
    pub not_before: BTreeMap<StepId, Time>,
    /// Until when the effect of a done step is looked for.
    pub look_until: BTreeMap<StepId, Time>,
    /// When a step's reads were last made.
    pub looked: BTreeMap<StepId, Time>,
    /// Where something is under way: nothing else is begun there.
    pub busy: BTreeSet<Place>,
    /// Operations whose answer is awaited: open, but not in doubt.
    pub sent: BTreeSet<StepId>,
    /// Where this sitting can't go on, and why.
    pub parked: BTreeMap<Place, Stop>,
    /// By stage: up to which entry everything that could be asked for has been.
    pub asked: BTreeMap<String, u64>,
    /// Holds that this process has proved, by seq of the entry.
    pub held: BTreeMap<String, u64>,
}

/// What may be done now, at most one thing per item, and nothing where something is under way.
#[must_use]
#[derive(Clone, Debug)]
pub enum Moves {
    /// For the run as a whole. Only entries may be appended while something is under way.
    One(Box<Next>),
    Each(Vec<(Place, Next)>),
}

impl Moves {
    fn one(next: Next) -> Moves {
        Moves::One(Box::new(next))
    }
}

/// The place of what concerns no item.
pub fn nowhere() -> Place {
    (String::new(), None)
}

/// What comes next where one thing is done at a time.
pub fn next(run: &Run, seat: &Seat, now: Time) -> Next {
    match moves(run, seat, now).0 {
        Moves::One(next) => *next,
        Moves::Each(mut each) => {
            let stops = |next: &Next| matches!(next, Next::Stop(_));
            let first = each.iter().position(|(_, next)| !stops(next)).unwrap_or(0);
            match each.get(first) {
                None => nothing(run),
                Some(_) if stops(&each[first].1) => Next::Stop(worst(each.into_iter().map(|(_, next)| next))),
                Some(_) => each.swap_remove(first).1,
            }
        }
    }
}

/// Nothing comes next, and nothing is under way: that must not be, and is said rather than waited for.
pub fn nothing(run: &Run) -> Next {
    let why = format!("nothing comes next in the run {}, though it is not over", run.id.short());
    Next::Stop(Stop::of(StopKind::Failed, "", why))
}

/// Of several stops the one that matters most: doubt, failure, refusal, then whatever is waited for.
pub fn worst(stops: impl Iterator<Item = Next>) -> Stop {
    let rank = |stop: &Stop| match stop.kind {
        StopKind::InDoubt => 0,
        StopKind::Failed => 1,
        StopKind::Refused => 2,
        StopKind::Waiting | StopKind::Done => 3,
    };
    let all = stops.filter_map(|next| if let Next::Stop(stop) = next { Some(stop) } else { None });
    all.min_by_key(rank).unwrap_or_else(|| Stop::of(StopKind::Failed, "", "nothing comes next"))
}

/// What may be done now; and the stage of which everything has been asked for that can be.
pub fn moves<'a>(run: &'a Run, seat: &Seat, now: Time) -> (Moves, Option<&'a str>) {
    if let Some(result) = &run.closed {
        return (Moves::one(Next::Stop(Stop::of(StopKind::Done, "", result.clone()))), None);
    }
    if let Some(away) = run.given_away() {
        let why = format!("{} handed the run over; it goes on in another copy", away.by);
        let mut stop = Stop::waiting(WaitFor::Performer, "", why);
        stop.people = vec![away.to.clone()];
        return (Moves::one(Next::Stop(stop)), None);
    }
    let doubts = doubts(run, seat, now);
    if run.rollback.is_some() || run.rolled_back.as_ref().is_some_and(|(epoch, _)| *epoch >= run.epoch) {
        return (back(run, seat, doubts, now), None);
    }
    let over = |stage: &&Stage| run.stages.get(&stage.id).is_some_and(|state| state.is_over());
    match run.plan.stages.iter().find(|stage| !over(stage)) {
        Some(stage) => match held(run, seat, stage, &doubts, now) {
            Some(next) => (Moves::One(Box::new(next)), None),
            None => stage::moves(run, seat, stage, doubts, now),
        },
        None if !seat.busy.is_empty() => (Moves::Each(Vec::new()), None),
        None => (Moves::one(over_requests(run, now).unwrap_or_else(|| close(run, "done"))), None),
    }
}

/// What the holds need before anything of this stage: while nothing is under way, and once in a sitting.
fn held(run: &Run, seat: &Seat, stage: &Stage, doubts: &Doubts, now: Time) -> Option<Next> {
    let at = run.plan.stages.iter().position(|one| one.id == stage.id)?;
    if !doubts.places.is_empty() || !seat.busy.is_empty() {
        return None;
    }
    let next = hold::before_stage(run, seat, at, now)?;
    Some(match (seat.parked.get(&nowhere()), &next) {
        (Some(stop), Next::Prompt(_) | Next::Hold { .. }) => Next::Stop(stop.clone()),
        _ => next,
    })
}

/// Steps are taken back one at a time.
fn back(run: &Run, seat: &Seat, doubts: Doubts, now: Time) -> Moves {
    if !doubts.places.is_empty() || !seat.busy.is_empty() {
        return Moves::Each(doubts.each);
    }
    if let Some(stop) = seat.parked.get(&nowhere()) {
        return Moves::one(Next::Stop(stop.clone()));
    }
    if let Some(ends) = over_requests(run, now) {
        return Moves::one(ends);
    }
    Moves::one(match (&run.rollback, &run.rolled_back) {
        (None, Some((_, to))) => after_rollback(run, to, now),
        _ => rollback::next(run, seat, now),
    })
}

/// Everything back: closed. A part of it: going forward again is somebody's decision.
fn after_rollback(run: &Run, to: &str, now: Time) -> Next {
    if rollback::is_whole(run) {
        return close(run, "rolled_back");
    }
    let undone = run.steps.iter().filter(|(id, state)| id.is_forward() && state.status == Status::Undone);
    let spent = undone.filter_map(|(id, _)| rollback::spent(run, run.plan.step(id)?, id, now)).next();
    let why = match spent {
        Some(stop) => format!("rolled back to `{to}`; {} can't go forward again from there: {}", stop.at, stop.why),
        None => format!("rolled back to `{to}`; `resume` goes forward again from there"),
    };
    let mut stop = Stop::waiting(WaitFor::Performer, to, why);
    stop.people = run.signed_on.clone();
    Next::Stop(stop)
}

/// The entry that closes the run.
pub fn close(run: &Run, result: &str) -> Next {
    let releases = hold::releases(run);
    if !releases.is_empty() {
        return Next::Append(releases);
    }
    Next::Append(vec![Draft::new(fact::RunClosed { result: result.to_owned(), counts: run.counts.clone() })])
}

/// Operations of which it is not known whether they took effect: where they are, and what settles each.
struct Doubts {
    places: BTreeSet<Place>,
    each: Vec<(Place, Next)>,
}

fn doubts(run: &Run, seat: &Seat, now: Time) -> Doubts {
    let mut doubts = Doubts { places: BTreeSet::new(), each: Vec::new() };
    for id in run.index.open.iter().filter(|id| !seat.sent.contains(id)) {
        let Some((_, step)) = operation::locate(&run.plan, id) else { continue };
        // A task by people is shown again, never in doubt.
        if matches!(step.body, Body::Manual(_)) {
            continue;
        }
        let place = (id.stage.clone(), id.item.clone());
        if !seat.busy.contains(&place) {
            let next = match seat.parked.get(&place) {
                Some(stop) => Next::Stop(stop.clone()),
                None => doubt::next(run, seat, step, id, now),
            };
            doubts.each.push((place.clone(), next));
        }
        doubts.places.insert(place);
    }
    doubts
}

/// Requests whose clock has run out, or whose performer has been replaced.
fn over_requests(run: &Run, now: Time) -> Option<Next> {
    let mut ends: BTreeMap<u64, EndedBy> = BTreeMap::new();
    let floor = now.max(run.last_at);
    for (_, seq) in run.index.clocks.range(..=(floor, u64::MAX)) {
        let Some(request) = run.requests.get(seq) else { continue };
        let expired = matches!(request::decide(run, request, now), Decision::Expired { .. });
        if expired && !request::some_waived(run, request, now) {
            ends.insert(*seq, EndedBy::Expired);
        }
    }
    let absent = run.index.live.iter().filter(|(performer, _)| !run.signed_on.contains(performer));
    for seq in absent.flat_map(|(_, seqs)| seqs) {
        let first = run.requests.get(seq).and_then(|request| request.operations.first());
        let role = first.and_then(|op| run.plan.step(&op.step)).map(|step| step.performer.as_str());
        if role.is_some_and(|role| run.signed_on.iter().any(|person| holds(run, person, role))) {
            ends.entry(*seq).or_insert(EndedBy::PerformerChanged);
        }
    }
    let ended = |(request, why): (u64, EndedBy)| Draft::new(fact::RequestEnded { request, why });
    (!ends.is_empty()).then(|| Next::Append(ends.into_iter().map(ended).collect()))
}

/// The request over this step that was denied since this seat began.
fn denied_now(run: &Run, id: &StepId) -> Option<u64> {
    let attempt = request::next_attempt(run, id);
    let newest = run.requests_over(id, attempt).next()?;
    match newest.ended {
        Some((EndedBy::Denied, epoch)) if epoch >= run.epoch => Some(newest.seq),
        _ => None,
    }
}

/// What comes next for one step (forward or undo); none when it is over.
pub fn step_next(run: &Run, seat: &Seat, stage: &Stage, step: &Step, id: &StepId, now: Time) -> Option<Next> {
    let state = run.step(id);
    match &state.status {
        Status::Skipped => return None,
        Status::Done { .. } => return after_done(run, seat, step, id, state, now),
        Status::SecretLost { .. } => return Some(another::secret_lost(run, seat, stage, step, id, now)),
        Status::Failed { epoch, .. } => {
            if let Some(next) = doubt::taken_back_by_hand(run, step, id, now) {
                return Some(next);
            }
            if *epoch >= run.epoch {
                return Some(failed(run, step, id, state, now));
            }
        }
        Status::Undone if id.is_forward() => {
            if let Some(stop) = rollback::spent(run, step, id, now) {
                return Some(Next::Stop(stop));
            }
        }
        _ => {}
    }
    let scope = match &step.body {
        Body::Wait(_) | Body::Ask(_) => scope::of(run, stage, id.item.as_deref(), Some(id), &texts(step)),
        _ if step.when.is_empty() => Value::Null,
        _ => scope::of(run, stage, id.item.as_deref(), Some(id), &texts(step)),
    };
    if !state.is_open() && !step.when.is_empty() {
        match expression::condition(&step.when, &scope, now) {
            Ok(true) => {}
            Ok(false) => return Some(skip(id, &step.when)),
            Err(error) => return Some(Next::Stop(Stop::of(StopKind::Failed, id.to_string(), error.to_string()))),
        }
    }
    Some(match &step.body {
        Body::Read | Body::Check(_) => look(seat, step, id, now),
        Body::Wait(wait) => wait_next(run, seat, wait, id, &scope, now),
        Body::Ask(fields) => ask_next(run, step, id, state, fields, |text| filled(text, &scope, now)),
        Body::Manual(_) => manual_next(run, seat, stage, step, id, state, now),
        Body::Action | Body::Command(_) => change_next(run, seat, stage, step, id, state, now),
    })
}

/// What the texts of a step that is no operation name.
fn texts(step: &Step) -> Names {
    let mut names = Names::default();
    names.text(&step.when);
    match &step.body {
        Body::Wait(wait) => [&wait.until, &wait.after].into_iter().for_each(|text| names.text(text)),
        Body::Ask(fields) => fields.iter().for_each(|field| names.text(&field.text)),
        _ => {}
    }
    names
}

/// A text for people with its `${...}` filled; as it is where that can't be.
fn filled(text: &str, scope: &Value, now: Time) -> String {
    match expression::fill(&Value::String(text.to_owned()), scope, now) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => text.to_owned(),
    }
}

fn skip(id: &StepId, why: &str) -> Next {
    let skipped =
        fact::Skipped { stage: id.stage.clone(), item: id.item.clone(), step: Some(id.local()), why: why.to_owned() };
    Next::Append(vec![Draft::new(skipped)])
}

fn failed(run: &Run, step: &Step, id: &StepId, state: &StepState, now: Time) -> Next {
    let mut why = match &state.last_problem {
        None => format!("{} did not succeed", step.title),
        Some(problem) => {
            let action = step.template.get("action").and_then(Value::as_str).unwrap_or_default();
            let row = catalogue::find(action)
                .and_then(|action| catalogue::classify(action, &problem.code, &problem.reason).1);
            let means = row.map(|row| format!(" ({}; {})", row.means, row.todo)).unwrap_or_default();
            let reason = if problem.reason.is_empty() { String::new() } else { format!(" ({})", problem.reason) };
            format!("{}{reason}: {}{}", problem.code, problem.message, means)
        }
    };
    if let Some(words) = by_hand::words(run, id, now) {
        why = format!("{why}\n{words}");
    }
    Next::Stop(Stop::of(StopKind::Failed, id.to_string(), why).for_role(run, &step.performer))
}

fn look(seat: &Seat, step: &Step, id: &StepId, now: Time) -> Next {
    match seat.not_before.get(id) {
        Some(until) if *until > now => Next::Sleep {
            until: *until,
            what: WaitFor::Aws,
            step: id.to_string(),
            why: format!("{}: looking again", step.title),
        },
        _ => Next::Look { id: id.clone() },
    }
}

/// The outcome of a step that was never begun: it changes nothing.
pub fn finished(run: &Run, id: &StepId, output: Value, took_ms: u64) -> Draft {
    Draft::new(fact::Outcome {
        step: id.clone(),
        direction: Run::direction(id),
        attempt: request::next_attempt(run, id),
        intended: None,
        result: Ended::Done,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms,
        found: Found::Executor,
    })
    .giving(output)
}

pub(super) fn prompt(run: &Run, kind: PromptKind, id: &StepId, attempt: u32, role: &str, text: String) -> Prompt {
    let people: Vec<String> = run.people.holders(role).map(|person| person.id.clone()).collect();
    Prompt {
        kind,
        at: id.to_string(),
        attempt,
        role: role.to_owned(),
        at_seat: run.signed_on.iter().find(|person| people.contains(person)).cloned(),
        people,
        text,
    }
}

/// An action or a command: performer, approvals, confirmation, anchor, then it begins.
fn change_next(run: &Run, seat: &Seat, stage: &Stage, step: &Step, id: &StepId, state: &StepState, now: Time) -> Next {
    let operation = match operation::resolve(run, id, now) {
        Ok(operation) => operation,
        Err(error) => return unready(id, error),
    };
    if !step.mutates {
        return look(seat, step, id, now);
    }
    begin(run, seat, stage, step, id, state, operation, now)
}

/// The one gate before anything changes, by AWS, a program or people: performer, approvals, confirmation, anchor.
#[allow(clippy::too_many_arguments)] // the whole picture of one step
fn begin(
    run: &Run,
    seat: &Seat,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    state: &StepState,
    operation: Value,
    now: Time,
) -> Next {
    let Some(performer) = performer_here(run, step) else {
        return hold::word_from_here(run, step, id, now).unwrap_or_else(|| needs_performer(run, step, id));
    };
    let granted = match grant(run, stage, step, id, &operation, &performer, now) {
        Ok(granted) => granted,
        Err(next) => return *next,
    };
    if let Some(next) = confirmation(run, stage, step, id, &operation, &performer, &granted, now) {
        return next;
    }
    if let Some(next) = hold::gate(run, seat, stage, step, id, &operation, now) {
        return next;
    }
    if let Some(next) = hazard::gate(run, step, id, &operation, now) {
        return next;
    }
    if let Some(next) = fresh_anchor(run, seat, stage, id, state) {
        return next;
    }
    if let Some(until) = seat.not_before.get(id).filter(|until| **until > now) {
        let why = format!("{}: trying again", step.title);
        return Next::Sleep { until: *until, what: WaitFor::Aws, step: id.to_string(), why };
    }
    Next::Perform(perform(run, id, state, operation, performer, granted))
}

fn unready(id: &StepId, error: Unready) -> Next {
    Next::Stop(Stop::of(StopKind::Failed, id.to_string(), error.to_string()))
}

fn needs_performer(run: &Run, step: &Step, id: &StepId) -> Next {
    let why = format!("`{}` is for its performer", step.title);
    Next::Stop(Stop::waiting(WaitFor::Performer, id.to_string(), why).for_role(run, &step.performer))
}

/// The approvals that a beginning operation spends.
struct Grant {
    request: Option<u64>,
    consumes: Vec<u64>,
    run_by: Option<Time>,
}

/// Granted, or what must happen first.
fn grant(
    run: &Run,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    operation: &Value,
    performer: &str,
    now: Time,
) -> Result<Grant, Box<Next>> {
    let nothing = Grant { request: None, consumes: Vec::new(), run_by: None };
    if step.approvals.is_empty() {
        return Ok(nothing);
    }
    if let Some(grant) = later_try(run, id, operation, now) {
        return Ok(grant);
    }
    if let Some(seq) = denied_now(run, id) {
        return Err(Box::new(Next::Stop(denied(run, seq, id))));
    }
    let Some(request) = request::live(run, id) else {
        let again = matches!(run.step(id).status, Status::NotDone { .. });
        let draft = if again { None } else { request::draft(run, stage, step, id, performer, now) };
        let draft = draft.or_else(|| request::draft_resolved(run, step, id, operation.clone(), performer, now));
        return Err(Box::new(match draft {
            Some(draft) => Next::Append(vec![Draft::new(draft.asked).by(performer).with(draft.object)]),
            None => Next::Stop(Stop::of(StopKind::Failed, id.to_string(), "the request could not be written")),
        }));
    };
    if !request.slot(id).is_some_and(|slot| same_operation(&step.template, &slot.operation, operation)) {
        let ended = fact::RequestEnded { request: request.seq, why: EndedBy::AnchorChanged };
        return Err(Box::new(Next::Append(vec![Draft::new(ended)])));
    }
    match request::may_begin(run, request, id, now) {
        Decision::Granted { consumes, run_by } => {
            Ok(Grant { request: Some(request.seq), consumes, run_by: Some(run_by) })
        }
        // Nothing is spent where break-glass stands in place of approvals.
        Decision::Waived { run_by, .. } => {
            Ok(Grant { request: Some(request.seq), consumes: Vec::new(), run_by: Some(run_by) })
        }
        Decision::Missing(lacks) => {
            let first = lacks.first();
            let mut stop = Stop::waiting(WaitFor::Approval, &request.asked.covers, request.asked.summary.clone());
            stop.role = first.map(|lack| lack.role.clone()).unwrap_or_default();
            stop.people =
                lacks.iter().flat_map(|lack| lack.people.clone()).collect::<BTreeSet<_>>().into_iter().collect();
            stop.until = Some(request.asked.approve_by);
            Err(Box::new(Next::Stop(stop)))
        }
        Decision::Denied { .. } => {
            let ended = fact::RequestEnded { request: request.seq, why: EndedBy::Denied };
            Err(Box::new(Next::Append(vec![Draft::new(ended)])))
        }
        Decision::Expired { .. } => {
            let ended = fact::RequestEnded { request: request.seq, why: EndedBy::Expired };
            Err(Box::new(Next::Append(vec![Draft::new(ended)])))
        }
    }
}

/// A further try inside the attempt spends nothing, as long as run-by has not passed and it is the same operation.
fn later_try(run: &Run, id: &StepId, operation: &Value, now: Time) -> Option<Grant> {
    let state = run.step(id);
    let same = state.with == *operation.get("with").unwrap_or(&Value::Null);
    if !matches!(state.status, Status::NotDone { .. }) || !same || request::next_attempt(run, id) != state.attempt {
        return None;
    }
    let request = run.requests.get(&state.request?)?;
    match request::may_begin(run, request, id, now) {
        Decision::Granted { run_by, .. } | Decision::Waived { run_by, .. }
            if request.ended.is_none_or(|(why, _)| why == EndedBy::Consumed) =>
        {
            Some(Grant { request: Some(request.seq), consumes: Vec::new(), run_by: Some(run_by) })
        }
        _ => None,
    }
}

/// What was approved, filled from journaled outcomes, is exactly what is about to be done: every part that was
/// known when it was asked for is unchanged, and only what still stood as the template's own text may be filled.
fn same_operation(template: &Value, approved: &Value, now: &Value) -> bool {
    match (template, approved, now) {
        (Value::String(text), Value::String(asked), _) if text == asked && text.contains("${") => true,
        (_, Value::Object(asked), Value::Object(members)) => {
            let grew = members.keys().any(|key| !asked.contains_key(key));
            let unchanged = |(key, value): (&String, &Value)| {
                let text = template.get(key).unwrap_or(&Value::Null);
                match members.get(key) {
                    Some(member) => same_operation(text, value, member),
                    // An optional parameter whose text gave null is left out.
                    None => value == text && text.as_str().is_some_and(|text| text.contains("${")),
                }
            };
            !grew && asked.iter().all(unchanged)
        }
        (_, Value::Array(asked), Value::Array(items)) => {
            let text = |at: usize| template.get(at).unwrap_or(&Value::Null);
            asked.len() == items.len()
                && asked.iter().zip(items).enumerate().all(|(at, (a, b))| same_operation(text(at), a, b))
        }
        (_, asked, now) => asked == now,
    }
}

fn denied(run: &Run, seq: u64, id: &StepId) -> Stop {
    let request = run.requests.get(&seq);
    let voice = request.and_then(|request| run.denied(request));
    let why = match voice {
        Some(voice) if voice.statement.tail.reason.is_empty() => format!("{} denied it", voice.statement.tail.person),
        Some(voice) => format!("{} denied it: {}", voice.statement.tail.person, voice.statement.tail.reason),
        None => "it was denied".to_owned(),
    };
    Stop::of(StopKind::Refused, id.to_string(), why)
}

/// After the grant, right before the operation begins, by whoever carries it out: another performer's yes is not theirs.
#[allow(clippy::too_many_arguments)] // the whole picture of one step
fn confirmation(
    run: &Run,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    operation: &Value,
    performer: &str,
    grant: &Grant,
    now: Time,
) -> Option<Next> {
    let confirm = step.confirm.as_ref()?;
    let attempt = request::next_attempt(run, id);
    // What approvers saw; the operation itself where nobody was asked.
    let object = match grant.request.and_then(|seq| run.requests.get(&seq)) {
        Some(request) => operation::bytes(&request.operations),
        None => operation::single(operation),
    };
    let object = match object {
        Ok(object) => object,
        Err(error) => return Some(unready(id, error)),
    };
    let state = run.step(id);
    let said = state.said.iter().any(|said| {
        said.what == SaidWhat::Confirmed
            && said.person == performer
            && said.attempt == attempt
            && said.object == Some(object.0)
            && said.seq > grant.request.unwrap_or(0)
    });
    if said {
        return None;
    }
    let mut names = Names::default();
    [&confirm.text, &confirm.typed].into_iter().for_each(|text| names.text(text));
    let scope = scope::of(run, stage, id.item.as_deref(), Some(id), &names);
    let fill = |text: &str| expression::fill(&Value::String(text.to_owned()), &scope, now).ok();
    let show = |value: Option<Value>| match value {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let typed = if confirm.typed.is_empty() { String::new() } else { show(fill(&confirm.typed)) };
    let mut text = show(fill(&confirm.text));
    if !step.back.point_of_no_return.is_empty() {
        text = format!("POINT OF NO RETURN ({}). {text}", step.back.point_of_no_return);
    }
    let kind = PromptKind::Confirm { typed, object };
    let mut asked = prompt(run, kind, id, attempt, &step.performer, text);
    (asked.at_seat, asked.people) = (Some(performer.to_owned()), vec![performer.to_owned()]);
    Some(Next::Prompt(asked))
}

/// Right before the item's first changing operation, the performing seat reads the anchor again.
fn fresh_anchor(run: &Run, seat: &Seat, stage: &Stage, id: &StepId, state: &StepState) -> Option<Next> {
    stage.anchor.as_ref()?;
    let begun = stage.steps.iter().any(|step| {
        let other = StepId::new(&stage.id, id.item.as_deref(), &step.id);
        step.mutates && run.step(&other).is_done()
    });
    if !id.is_forward() || begun || state.tries > 1 {
        return None;
    }
    let place = (stage.id.clone(), id.item.clone());
    let again = Next::Anchor { stage: stage.id.clone(), item: id.item.clone(), regain: false };
    let Some(anchor) = run.anchors.get(&place) else { return Some(again) };
    // Fresh: read by this process, after the last word that the operation needed.
    let last_word = state.said.iter().map(|said| said.seq).max().unwrap_or(0);
    let granted = run
        .requests_over(id, request::next_attempt(run, id))
        .flat_map(|request| request.voices.iter().chain(&request.glass).map(|voice| voice.seq))
        .max()
        .unwrap_or(0);
    let fresh = seat.fresh.get(&place) == Some(&anchor.seq) && anchor.seq > last_word.max(granted);
    (!fresh).then_some(again)
}

fn perform(run: &Run, id: &StepId, state: &StepState, operation: Value, performer: String, grant: Grant) -> Perform {
    let attempt = request::next_attempt(run, id);
    let again =
        attempt == state.attempt && matches!(state.status, Status::NotDone { .. }) && (grant.consumes.is_empty());
    Perform {
        id: id.clone(),
        operation,
        performer,
        request: grant.request,
        consumes: grant.consumes,
        run_by: grant.run_by,
        attempt,
        r#try: if again { state.tries + 1 } else { 1 },
        first: if again { state.first } else { None },
    }
}

/// The signed-on person who performs the step: holds its role and may change things through its session.
pub fn performer_here(run: &Run, step: &Step) -> Option<String> {
    let used_by = run.plan.sessions.get(&step.session).map(|session| &session.used_by);
    run.signed_on
        .iter()
        .find(|person| {
            holds(run, person, &step.performer)
                && used_by.is_none_or(|roles| roles.is_empty() || roles.iter().any(|role| holds(run, person, role)))
        })
        .cloned()
}

pub fn signed_on_holder(run: &Run, role: &str) -> Option<String> {
    run.signed_on.iter().find(|person| holds(run, person, role)).cloned()
}

pub fn holds(run: &Run, person: &str, role: &str) -> bool {
    run.people.get(person).is_some_and(|person| person.roles.iter().any(|held| held == role))
}

#[cfg(test)]
mod tests {
    use super::same_operation;
    use serde_json::json;

    #[test]
    fn only_what_stood_as_the_templates_own_text_may_be_filled() {
        let template = json!({"with": {"HandshakeId": "${undo.a.Handshake.Id}", "Name": "${item.name}"}});
        let asked = json!({"with": {"HandshakeId": "${undo.a.Handshake.Id}", "Name": "x"}});
        let fits = |now| same_operation(&template, &asked, &now);
        assert!(fits(json!({"with": {"HandshakeId": "h-1", "Name": "x"}})));
        assert!(!fits(json!({"with": {"HandshakeId": "h-1", "Name": "y"}})));
        assert!(!fits(json!({"with": {"HandshakeId": "h-1", "Name": "x", "More": "z"}})));
        // A value that merely looks like a template was known when it was asked for.
        let odd = json!({"with": {"HandshakeId": "h-1", "Name": "${look}"}});
        assert!(!same_operation(&template, &odd, &json!({"with": {"HandshakeId": "h-1", "Name": "other"}})));
    }
}
