//! From intent to outcome: the durable intent, the last look at clock and lease, the one call, its outcome (P1, P2, P7).

use super::{Appended, Executor, RunError};
use crate::base::{StepId, Time};
use crate::catalogue::Class;
use crate::engine::next::{Draft, Perform, Stop, StopKind, needs_session};
use crate::engine::operation;
use crate::engine::port::{Call, Clock, Cloud, Fault, Reply, SessionWanted, Store};
use crate::engine::session;
use crate::engine::state::Run;
use crate::operator::Operator;
use crate::plan::model::{Body, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, Problem, WaitFor};
use serde_json::Value;

/// Nothing is sent later than this after its intent.
const SEND_WITHIN_MS: i64 = 30_000;
/// How often the same operation is tried again in one sitting when nothing happened.
const TRIES: u32 = 8;

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    pub(super) async fn perform(&mut self, perform: Perform) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some((_, step)) = operation::locate(&plan, &perform.id) else { return Ok(None) };
        match &step.body {
            Body::Manual(_) => {
                let _ = self.intend(&perform, false)?;
                Ok(None)
            }
            Body::Command(_) => self.command(step, &perform).await,
            _ => self.act(step, &perform).await,
        }
    }

    /// The intent, durable before anything is sent. Approvals are spent in the same transaction.
    pub(super) fn intend(&mut self, perform: &Perform, sends: bool) -> Result<Option<u64>, RunError> {
        let operation = operation::single(&perform.operation).map_err(|error| RunError::Bad(error.to_string()))?;
        let latest = self.now().plus(SEND_WITHIN_MS);
        let intended = fact::Intended {
            step: perform.id.clone(),
            direction: Run::direction(&perform.id),
            attempt: perform.attempt,
            r#try: perform.r#try,
            operation: operation.0,
            request: perform.request,
            consumes: perform.consumes.clone(),
            first: perform.first,
            send_by: sends.then(|| perform.run_by.map_or(latest, |run_by| run_by.min(latest))),
        };
        let mut drafts = vec![Draft::new(intended).by(&perform.performer).with(operation)];
        if let (Some(request), true, true) = (perform.request, perform.ends_request, perform.first.is_none()) {
            drafts.push(Draft::new(fact::RequestEnded { request, why: EndedBy::Consumed }));
        }
        let seq = self.run.size();
        Ok(match self.append(drafts)? {
            Appended::Yes => Some(seq),
            Appended::Moved => None,
        })
    }

    /// Right before the first byte: is the lease still ours, is it not too late?
    pub(super) fn may_send(&mut self, seq: u64) -> Result<Result<(), String>, RunError> {
        let head = self.parts.store.head(&self.run.id)?;
        let ours = head.is_some_and(|head| head.size >= self.run.size());
        let newer = self.catch_up()? && self.run.epoch > self.epoch;
        let send_by = self.send_by(seq);
        if !ours || newer {
            return Ok(Err("another seat has taken over".to_owned()));
        }
        if send_by.is_some_and(|send_by| self.now() > send_by) {
            return Ok(Err("its time to be sent had passed".to_owned()));
        }
        Ok(Ok(()))
    }

    fn send_by(&self, seq: u64) -> Option<Time> {
        let begun = self.run.steps.values().filter_map(|state| state.begun()).find(|begun| begun.seq == seq)?;
        begun.send_by
    }

    async fn act(&mut self, step: &Step, perform: &Perform) -> Result<Option<Stop>, RunError> {
        let wanted = match self.session(&step.session, &perform.id).await? {
            Ok(wanted) => wanted,
            Err(stop) => return Ok(Some(stop)),
        };
        let sent = match self.revealed(step, perform) {
            Ok(sent) => sent,
            Err(stop) => return Ok(Some(stop)),
        };
        let Some(seq) = self.intend(perform, true)? else { return Ok(None) };
        let began = self.parts.clock.mono();
        let reply = match self.may_send(seq)? {
            Err(why) => Reply { result: Err(executor_fault(why)), request_id: None, date: None },
            Ok(()) => self.parts.cloud.call(&call(&wanted, step, &sent)).await,
        };
        let took_ms = self.parts.clock.mono().saturating_sub(began);
        self.outcome(step, perform, seq, reply, took_ms, &wanted)
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

    fn outcome(
        &mut self,
        step: &Step,
        perform: &Perform,
        seq: u64,
        reply: Reply,
        took_ms: u64,
        wanted: &SessionWanted,
    ) -> Result<Option<Stop>, RunError> {
        let mut outcome = blank(&perform.id, perform.attempt, seq, took_ms);
        outcome.request_id = reply.request_id;
        outcome.date = reply.date;
        let fault = match reply.result {
            Ok(output) => {
                let _ = self.append(vec![Draft::new(outcome).by(&perform.performer).giving(output)])?;
                return Ok(None);
            }
            Err(fault) => fault,
        };
        outcome.result = match self.ends_as_wanted(&perform.id, &fault) {
            true => Ended::Done,
            false => result_of(&fault, self.began_before(perform), step.accept_existing),
        };
        if fault.code == EXECUTOR {
            outcome.found = Found::Executor;
        }
        outcome.error = Some(problem(&fault));
        let result = outcome.result;
        let _ = self.append(vec![Draft::new(outcome).by(&perform.performer)])?;
        if result != Ended::NotDone {
            return Ok(None);
        }
        Ok(self.after_not_done(step, perform, &fault, wanted))
    }

    /// An undo whose goal is reached another way (`done_if`): what it would end has ended already.
    fn ends_as_wanted(&self, id: &StepId, fault: &Fault) -> bool {
        let Some(undo) = &id.undo else { return false };
        let forward = self.run.plan.step(&id.forward());
        forward.and_then(|step| step.back.done_if.get(undo)).is_some_and(|codes| codes.contains(&fault.code))
    }

    /// The journal shows that this run may have caused what AWS now reports: an earlier try of this attempt.
    fn began_before(&self, perform: &Perform) -> bool {
        perform.r#try > 1
    }

    /// Nothing happened: again soon, or when a clock has run, or when the session is back.
    fn after_not_done(
        &mut self,
        step: &Step,
        perform: &Perform,
        fault: &Fault,
        wanted: &SessionWanted,
    ) -> Option<Stop> {
        let at = perform.id.to_string();
        let words = format!("`{}`: {}: {}", step.title, fault.code, fault.message);
        match fault.class {
            Class::SessionExpired => {
                self.parts.cloud.forget(wanted);
                self.seat.closed.insert(session::key(wanted), "the session has expired".to_owned());
                Some(
                    needs_session(&self.run, &wanted.id, &perform.id, "it has expired: renew it, then resume").paused(),
                )
            }
            Class::Wait => Some(Stop::waiting(WaitFor::Time, at, format!("{words}. A clock at AWS must run first"))),
            _ if perform.r#try >= TRIES => Some(Stop::waiting(WaitFor::Aws, at, words)),
            _ => {
                let pause = 500i64.saturating_mul(1 << perform.r#try.min(7));
                self.seat.not_before.insert(perform.id.clone(), self.now().plus(pause));
                None
            }
        }
    }
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

/// Why a kind of step stops; named here so that the words stay together.
pub(super) fn failed(id: &StepId, why: impl Into<String>) -> Stop {
    Stop::of(StopKind::Failed, id.to_string(), why)
}
