//! From intent to outcome: the durable intent, the last look at clock and lease, the one call, its outcome (P1, P2, P7).

use super::desk::{After, Desk, Group, Landing};
use super::hands::{Back, Came, Errand, What};
use super::{Appended, RunError};
use crate::base::{StepId, Time};
use crate::catalogue::Class;
use crate::engine::index::Place;
use crate::engine::next::{Draft, Perform, Stop, StopKind, needs_session};
use crate::engine::operation;
use crate::engine::port::{Call, Clock, Fault, Reply, SessionWanted, Store};
use crate::engine::state::Run;
use crate::operator::Operator;
use crate::plan::model::{Body, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, Problem, WaitFor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nothing is sent later than this after its intent.
const SEND_WITHIN_MS: i64 = 30_000;
/// How often the same operation is tried again in one sitting when nothing happened.
const TRIES: u32 = 8;

/// An operation whose intent is about to be written, and what is sent once it is durable.
struct Ready<'a> {
    place: &'a Place,
    perform: &'a Perform,
    sent: Value,
    environment: Vec<(String, String)>,
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    /// Operations that may begin now. First each one's session is opened; then the intents of all that are ready are
    /// one transaction; then they are sent. True: the engine is to be asked again at once.
    pub(super) fn intents(
        &mut self,
        performs: &[(Place, Perform)],
        errands: &mut Vec<Errand>,
        back: &mut Vec<Back>,
    ) -> Result<bool, RunError> {
        let plan = Arc::clone(&self.run.plan);
        let (mut ready, mut again) = (Vec::new(), false);
        for (place, perform) in performs {
            let Some(step) = plan.step(&perform.id) else { continue };
            match self.prepared(step, place, perform) {
                Prepared::Ready(one) => ready.push(one),
                Prepared::Opens(errand) => errands.push(*errand),
                Prepared::Stops(stop) => {
                    self.park(place.clone(), stop);
                    again = true;
                }
            }
        }
        if ready.is_empty() {
            return Ok(again);
        }
        if self.intend(&ready)? == Appended::Moved {
            return Ok(true);
        }
        // Only tasks by people begin without anything being sent.
        let sends = |one: &&Ready| !matches!(plan.step(&one.perform.id).map(|step| &step.body), Some(Body::Manual(_)));
        again |= ready.iter().any(|one| !sends(&one));
        let sent: Vec<Ready> = ready.into_iter().filter(|one| sends(&one)).collect();
        self.send(sent, errands, back)?;
        Ok(again)
    }

    fn prepared<'p>(&mut self, step: &Step, place: &'p Place, perform: &'p Perform) -> Prepared<'p> {
        let plain = |environment| Ready { place, perform, sent: Value::Null, environment };
        if matches!(step.body, Body::Manual(_)) {
            return Prepared::Ready(plain(Vec::new()));
        }
        let sent = match self.revealed(step, perform) {
            Ok(sent) => sent,
            Err(stop) => return Prepared::Stops(stop),
        };
        let command = matches!(step.body, Body::Command(_));
        let session = match command {
            true => sent.get("credentials").and_then(Value::as_str).unwrap_or_default().to_owned(),
            false => step.session.clone(),
        };
        let environment = match self.ready.remove(&perform.id) {
            Some(environment) => environment,
            None if command && session.is_empty() => Vec::new(),
            None => {
                return Prepared::Opens(Box::new(Errand {
                    place: place.clone(),
                    at: perform.id.clone(),
                    plan: Arc::clone(&self.run.plan),
                    scope: Value::Null,
                    sessions: self.sessions([session.clone()], &perform.id),
                    what: What::Open { session, environment: command },
                }));
            }
        };
        Prepared::Ready(Ready { sent, ..plain(environment) })
    }

    /// The intents, durable before anything is sent. Approvals are spent in the same transaction, slot by slot.
    fn intend(&mut self, ready: &[Ready]) -> Result<Appended, RunError> {
        let mut group = Group::default();
        let mut spent: BTreeMap<u64, usize> = BTreeMap::new();
        for Ready { perform, .. } in ready {
            let operation = operation::single(&perform.operation).map_err(|error| RunError::Bad(error.to_string()))?;
            let latest = self.now().plus(SEND_WITHIN_MS);
            let manual = matches!(self.run.plan.step(&perform.id).map(|step| &step.body), Some(Body::Manual(_)));
            let intended = fact::Intended {
                step: perform.id.clone(),
                direction: Run::direction(&perform.id),
                attempt: perform.attempt,
                r#try: perform.r#try,
                operation: operation.0,
                request: perform.request,
                consumes: perform.consumes.clone(),
                first: perform.first,
                send_by: (!manual).then(|| perform.run_by.map_or(latest, |run_by| run_by.min(latest))),
            };
            group.add(vec![Draft::new(intended).by(&perform.performer).with(operation)]);
            if let (Some(seq), true) = (perform.request, perform.first.is_none()) {
                let mine = spent.entry(seq).or_default();
                let request = self.run.requests.get(&seq);
                *mine += usize::from(request.is_some_and(|request| !request.spent.contains(&perform.id)));
                if request.is_some_and(|request| request.spent.len() + *mine >= request.operations.len()) {
                    group.add(vec![Draft::new(fact::RequestEnded { request: seq, why: EndedBy::Consumed })]);
                }
            }
        }
        self.append(group.drafts)
    }

    /// The intents are durable: now the calls go out, all at once.
    fn send(&mut self, ready: Vec<Ready>, errands: &mut Vec<Errand>, back: &mut Vec<Back>) -> Result<(), RunError> {
        for one in &ready {
            self.seat.busy.insert(one.place.clone());
            self.seat.sent.insert(one.perform.id.clone());
        }
        let ours = self.still_ours()?;
        let plan = Arc::clone(&self.run.plan);
        for Ready { place, perform, sent, environment } in ready {
            let Some(step) = plan.step(&perform.id) else { continue };
            let Some(begun) = self.run.step(&perform.id).begun() else { continue };
            let (seq, send_by) = (begun.seq, begun.send_by);
            let may = match ours {
                false => Err("another seat has taken over".to_owned()),
                true if send_by.is_some_and(|send_by| self.now() > send_by) => {
                    Err("its time to be sent had passed".to_owned())
                }
                true => Ok(()),
            };
            match self.call(step, perform, seq, &sent, environment, may) {
                Ok(what) => errands.push(Errand {
                    place: place.clone(),
                    at: perform.id.clone(),
                    plan: Arc::clone(&plan),
                    scope: Value::Null,
                    sessions: BTreeMap::new(),
                    what,
                }),
                Err(came) => back.push(Back {
                    place: place.clone(),
                    at: perform.id.clone(),
                    opened: Vec::new(),
                    shut: Vec::new(),
                    took_ms: 0,
                    came: *came,
                }),
            }
        }
        Ok(())
    }

    /// What is sent; or, where it must not be, the answer to that.
    fn call(
        &self,
        step: &Step,
        perform: &Perform,
        seq: u64,
        sent: &Value,
        environment: Vec<(String, String)>,
        may: Result<(), String>,
    ) -> Result<What, Box<Came>> {
        let perform = Box::new(perform.clone());
        if matches!(step.body, Body::Command(_)) {
            let program = match may {
                Err(why) => Err(executor_fault(why)),
                Ok(()) => self.program(&perform.id, sent, environment),
            };
            return match program {
                Ok(program) => Ok(What::Program { perform, seq, program: Box::new(program) }),
                Err(fault) => Err(Box::new(Came::Ran { perform, seq, ran: Err(fault) })),
            };
        }
        let wanted = crate::engine::session::wanted(self.run, &step.session, &perform.id, self.now());
        match (may, wanted) {
            (Ok(()), Ok(wanted)) => {
                let call = Box::new(call(&wanted, step, sent));
                Ok(What::Call { perform, seq, wanted, call })
            }
            (may, wanted) => {
                let why = may.err().or(wanted.as_ref().err().cloned()).unwrap_or_default();
                let wanted = wanted.unwrap_or_else(|_| SessionWanted::none(&step.session));
                let reply = Box::new(Reply { result: Err(executor_fault(why)), request_id: None, date: None });
                Err(Box::new(Came::Reply { perform, seq, wanted, reply }))
            }
        }
    }

    /// Right before the first byte: is the lease still ours?
    fn still_ours(&mut self) -> Result<bool, RunError> {
        let head = self.store.head(&self.run.id)?;
        let ours = head.is_some_and(|head| head.size >= self.run.size());
        let newer = self.catch_up()? && self.run.epoch > self.epoch;
        Ok(ours && !newer)
    }

    /// The operation with its secrets, for the call only.
    pub(super) fn revealed(&self, step: &Step, perform: &Perform) -> Result<Value, Stop> {
        operation::reveal(&step.template, &perform.operation, &self.run.secrets, &self.run.plan.secrets).map_err(
            |name| {
                let variable = crate::plan::values::secret_variable(&name);
                let why =
                    format!("the secret parameter `{name}` is not at hand: give it in the environment as {variable}");
                Stop::of(StopKind::Refused, perform.id.to_string(), why)
            },
        )
    }

    /// AWS's answer, as an outcome.
    pub(super) fn replied(
        &self,
        perform: &Perform,
        seq: u64,
        wanted: &SessionWanted,
        reply: &Reply,
        took_ms: u64,
    ) -> Landing {
        let mut outcome = blank(&perform.id, perform.attempt, seq, took_ms);
        outcome.request_id.clone_from(&reply.request_id);
        outcome.date.clone_from(&reply.date);
        let fault = match &reply.result {
            Ok(output) => {
                return Landing::of(vec![Draft::new(outcome).by(&perform.performer).giving(output.clone())]);
            }
            Err(fault) => fault,
        };
        let accept_existing = self.run.plan.step(&perform.id).is_some_and(|step| step.accept_existing);
        outcome.result = match self.ends_as_wanted(&perform.id, fault) {
            true => Ended::Done,
            // The journal shows that this run may have caused what AWS reports: an earlier try of this attempt.
            false => result_of(fault, perform.r#try > 1, accept_existing),
        };
        if fault.code == EXECUTOR {
            outcome.found = Found::Executor;
        }
        outcome.error = Some(problem(fault));
        let result = outcome.result;
        let landing = Landing::of(vec![Draft::new(outcome).by(&perform.performer)]);
        if result == Ended::NotDone { self.after_not_done(landing, perform, fault, wanted) } else { landing }
    }

    /// An undo whose goal is reached another way (`done_if`): what it would end has ended already.
    fn ends_as_wanted(&self, id: &StepId, fault: &Fault) -> bool {
        let Some(undo) = &id.undo else { return false };
        let forward = self.run.plan.step(&id.forward());
        forward.and_then(|step| step.back.done_if.get(undo)).is_some_and(|codes| codes.contains(&fault.code))
    }

    /// Nothing happened: again soon, or when a clock has run, or when the session is back.
    fn after_not_done(
        &self,
        mut landing: Landing,
        perform: &Perform,
        fault: &Fault,
        wanted: &SessionWanted,
    ) -> Landing {
        let at = perform.id.to_string();
        let title = self.run.plan.step(&perform.id).map(|step| step.title.as_str()).unwrap_or_default();
        let words = format!("`{title}`: {}: {}", fault.code, fault.message);
        match fault.class {
            Class::SessionExpired => {
                let why = "it has expired: renew it, then resume";
                landing.stop = Some(needs_session(self.run, &wanted.id, &perform.id, why).paused());
                landing.after(After::Shut(wanted.clone(), "the session has expired".to_owned()))
            }
            Class::Wait => {
                let why = format!("{words}. A clock at AWS must run first");
                landing.stop = Some(Stop::waiting(WaitFor::Time, at, why));
                landing
            }
            _ if perform.r#try >= TRIES => {
                landing.stop = Some(Stop::waiting(WaitFor::Aws, at, words));
                landing
            }
            _ => {
                let pause = 500i64.saturating_mul(1 << perform.r#try.min(7));
                let again: Time = self.now().plus(pause);
                landing.after(After::NotBefore(perform.id.clone(), again))
            }
        }
    }
}

enum Prepared<'a> {
    Ready(Ready<'a>),
    /// Its session is opened first.
    Opens(Box<Errand>),
    Stops(Stop),
}

/// The code of an outcome that the executor itself decided.
pub(super) const EXECUTOR: &str = "NotSent";

pub(super) fn executor_fault(why: String) -> Fault {
    Fault { code: EXECUTOR.to_owned(), reason: String::new(), message: why, class: Class::Retry }
}

pub(super) fn problem(fault: &Fault) -> Problem {
    Problem {
        code: fault.code.clone(),
        reason: fault.reason.clone(),
        message: crate::base::escape::cut(&fault.message, 2_000),
        class: fault.class.name().to_owned(),
    }
}

pub(super) fn blank(id: &StepId, attempt: u32, seq: u64, took_ms: u64) -> fact::Outcome {
    fact::Outcome {
        step: id.clone(),
        direction: Run::direction(id),
        attempt,
        intended: Some(seq),
        result: Ended::Done,
        output: None,
        request_id: None,
        date: None,
        error: None,
        took_ms,
        found: Found::Answer,
    }
}

/// "Already so" counts as this run's doing only where it may be, and then a probe decides.
fn result_of(fault: &Fault, began_before: bool, accept_existing: bool) -> Ended {
    match fault.class {
        Class::InDoubt => Ended::InDoubt,
        Class::AlreadyDone if began_before || accept_existing => Ended::InDoubt,
        Class::Retry | Class::Wait | Class::SessionExpired => Ended::NotDone,
        Class::AlreadyDone | Class::NotDone | Class::Human | Class::Refused => Ended::Failed,
    }
}

fn call(wanted: &SessionWanted, step: &Step, operation: &Value) -> Call {
    Call {
        session: wanted.clone(),
        action: operation.get("action").and_then(Value::as_str).unwrap_or_default().to_owned(),
        with: operation.get("with").cloned().unwrap_or(Value::Null),
        time_limit_ms: operation.get("time_limit").and_then(Value::as_i64).unwrap_or(30_000),
        secret_to: operation.get("secret_to").cloned().unwrap_or_else(|| step.secret_to.clone()),
    }
}
