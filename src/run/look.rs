//! Everything that only reads: anchors, checks, waits, verification, probes.

use super::{Executor, RunError};
use crate::base::StepId;
use crate::catalogue::action::Side;
use crate::catalogue::{self, Class};
use crate::engine::next::{Draft, Next, PromptKind, Stop, StopKind, needs_session};
use crate::engine::port::{Call, Clock, Cloud, Fault, Reply, SessionProblem, SessionWanted, Store};
use crate::engine::state::{Run, by_hand_words};
use crate::engine::{next, operation, scope, session};
use crate::expression;
use crate::operator::{Answer, Operator};
use crate::plan::model::{Body, Expect, Prove, Read, Stage, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, Problem, Reading, WaitFor};
use crate::record::salted;
use serde_json::{Map, Value, json};

/// How often a read is repeated while its answer is not yet what it must be.
const EVERY_MS: i64 = 5_000;
/// How long the effect of AWS's own success answer is looked for.
const LOOK_MS: i64 = 300_000;

/// A read's answer, or why it can't be had here.
pub enum Seen {
    Answer(Value),
    Fault(Fault),
    Blocked(Stop),
}

/// What became of an expectation.
pub(super) enum Held {
    Yes,
    /// In words, what was found instead.
    No(String),
    Blocked(Stop),
}

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    /// Opens a session, pins its identity, and journals it when it is new.
    pub(super) async fn session(&mut self, id: &str, at: &StepId) -> Result<Result<SessionWanted, Stop>, RunError> {
        let wanted = match session::wanted(&self.run, id, at, self.now()) {
            Ok(wanted) => wanted,
            Err(why) => return Ok(Err(Stop::of(StopKind::Failed, at.to_string(), why))),
        };
        match self.parts.cloud.open(&wanted).await {
            Ok(identity) if identity.kind == "identity_center" => {
                let why = format!("not in this version: sessions of kind identity_center ({})", identity.arn);
                Ok(Err(Stop::of(StopKind::Refused, at.to_string(), why)))
            }
            Ok(identity) => {
                self.seat.closed.remove(&session::key(&wanted));
                let known = json!({"arn": identity.arn, "account": identity.account, "kind": identity.kind});
                if self.run.sessions.get(id) != Some(&known) {
                    let opened = fact::SessionOpened {
                        session: id.to_owned(),
                        account: identity.account,
                        arn: identity.arn,
                        session_kind: identity.kind,
                        endpoint: identity.endpoint,
                    };
                    let _ = self.append(vec![Draft::new(opened)])?;
                }
                Ok(Ok(wanted))
            }
            Err(problem) => Ok(Err(self.no_session(&wanted, at, problem))),
        }
    }

    /// A seat without credentials waits for one that has them; a wrong identity is refused.
    fn no_session(&mut self, wanted: &SessionWanted, at: &StepId, problem: SessionProblem) -> Stop {
        self.parts.cloud.forget(wanted);
        let why = problem.to_string();
        match problem {
            SessionProblem::None { .. } => {
                self.seat.closed.insert(session::key(wanted), why.clone());
                needs_session(&self.run, &wanted.id, at, &why)
            }
            SessionProblem::Expired { .. } | SessionProblem::Unreachable { .. } => {
                self.seat.closed.insert(session::key(wanted), why.clone());
                needs_session(&self.run, &wanted.id, at, &why).paused()
            }
            SessionProblem::WrongAccount { .. } | SessionProblem::WrongKind { .. } | SessionProblem::Endpoint(_) => {
                Stop::of(StopKind::Refused, at.to_string(), why)
            }
        }
    }

    /// One read through a session.
    pub(super) async fn read(&mut self, read: &Read, scope: &Value, at: &StepId) -> Result<Seen, RunError> {
        let wanted = match self.session(&read.session, at).await? {
            Ok(wanted) => wanted,
            Err(stop) => return Ok(Seen::Blocked(stop)),
        };
        let with = match expression::fill(&read.with, scope, self.now()) {
            Ok(with) => without_nulls(with),
            Err(error) => return Ok(Seen::Blocked(Stop::of(StopKind::Failed, at.to_string(), error.to_string()))),
        };
        let reply = self.call(&wanted, &read.action, with).await;
        Ok(match reply.result {
            Ok(answer) => Seen::Answer(answer),
            Err(fault) if fault.class == Class::SessionExpired => {
                let problem = SessionProblem::Expired { session: wanted.id.clone(), message: fault.message };
                Seen::Blocked(self.no_session(&wanted, at, problem))
            }
            Err(fault) if matches!(fault.class, Class::Retry | Class::InDoubt) => {
                let why = format!("{}: {}: {}", read.action, fault.code, fault.message);
                Seen::Blocked(Stop::waiting(WaitFor::Aws, at.to_string(), why))
            }
            Err(fault) => Seen::Fault(fault),
        })
    }

    pub(super) async fn call(&mut self, wanted: &SessionWanted, action: &str, with: Value) -> Reply {
        let call = Call {
            session: wanted.clone(),
            action: action.to_owned(),
            with,
            time_limit_ms: catalogue::find(action).map_or(30_000, |action| action.time_limit),
            secret_to: Value::Null,
        };
        self.parts.cloud.call(&call).await
    }

    async fn held(&mut self, expect: &Expect, scope: &Value, at: &StepId) -> Result<Held, RunError> {
        let words = |found: &str| format!("{}: expected {}, but {found}", expect.read.action, wish(expect));
        Ok(match self.read(&expect.read, scope, at).await? {
            Seen::Blocked(stop) => Held::Blocked(stop),
            Seen::Fault(fault) if !expect.expect_error.is_empty() && fault.code == expect.expect_error => Held::Yes,
            Seen::Fault(fault) => Held::No(words(&format!("AWS answered {}: {}", fault.code, fault.message))),
            Seen::Answer(_) if !expect.expect_error.is_empty() => Held::No(words("AWS answered without an error")),
            Seen::Answer(answer) => match expression::holds(&expect.expect, &answer, scope, self.now()) {
                Ok(true) => Held::Yes,
                Ok(false) => {
                    let shown = crate::base::escape::cut(&answer.to_string(), 600);
                    Held::No(words(&format!("AWS answered {shown}")))
                }
                Err(error) => Held::Blocked(Stop::of(StopKind::Failed, at.to_string(), error.to_string())),
            },
        })
    }

    /// Asks again until it holds or `within` is over.
    pub(super) async fn held_within(&mut self, expect: &Expect, scope: &Value, at: &StepId) -> Result<Held, RunError> {
        let until = self.now().plus(expect.within);
        loop {
            match self.held(expect, scope, at).await? {
                Held::No(_) if self.now() < until => {
                    let pause = (expect.within / 20).clamp(100, EVERY_MS).min(until.since(self.now()).max(1));
                    self.parts.clock.sleep(pause).await;
                }
                other => return Ok(other),
            }
        }
    }

    /// Reads again while AWS says that there is no such thing, unless that is an answer too (`absent_if`).
    async fn read_within(
        &mut self,
        read: &Read,
        absent_if: &str,
        within: i64,
        scope: &Value,
        at: &StepId,
    ) -> Result<Seen, RunError> {
        let until = self.now().plus(within);
        loop {
            match self.read(read, scope, at).await? {
                Seen::Fault(fault)
                    if fault.class == Class::NotDone && fault.code != absent_if && self.now() < until =>
                {
                    self.parts.clock.sleep(EVERY_MS.min(until.since(self.now()).max(1))).await;
                }
                other => return Ok(other),
            }
        }
    }

    /// Captures and proves an anchor; after a rollback compares it with what was captured before.
    pub(super) async fn anchor(
        &mut self,
        stage: &str,
        item: Option<&str>,
        regain: bool,
    ) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some(stage) = plan.stage(stage) else { return Ok(None) };
        let Some(anchor) = &stage.anchor else { return Ok(None) };
        let at = StepId::new(&stage.id, item, "anchor");
        let mut scope = scope::of(&self.run, stage, item, None);
        let mut captured = Map::new();
        // What only lags behind shows itself within the time that the anchor's own proofs are given.
        let patience = anchor.prove.iter().map(patience_of).max().unwrap_or(0);
        for capture in &anchor.capture {
            let value = match self.read_within(&capture.read, &capture.absent_if, patience, &scope, &at).await? {
                Seen::Answer(answer) => answer,
                Seen::Fault(fault) if !capture.absent_if.is_empty() && fault.code == capture.absent_if => Value::Null,
                Seen::Fault(fault) => {
                    let why = format!("capturing `{}`: {}: {}", capture.id, fault.code, fault.message);
                    return self.refused_anchor(stage, item, why, regain).map(Some);
                }
                Seen::Blocked(stop) => return Ok(Some(at_place(stop, stage, item))),
            };
            captured.insert(capture.id.clone(), value);
            scope["anchor"] = Value::Object(captured.clone());
        }
        let mut differs = Vec::new();
        for prove in &anchor.prove {
            let held = match prove {
                Prove::Read(expect) => self.held_within(expect, &scope, &at).await?,
                Prove::Manual(text) => self.by_hand(stage, item, text, &scope)?,
            };
            match held {
                Held::Yes => {}
                Held::No(why) if regain => differs.push(why),
                Held::No(why) => return self.refused_anchor(stage, item, why, regain).map(Some),
                Held::Blocked(stop) => return Ok(Some(at_place(stop, stage, item))),
            }
        }
        if regain {
            self.regained(stage, item, captured, differs)?
        } else {
            self.anchored(stage, item, captured)?
        }
        Ok(None)
    }

    fn by_hand(&mut self, stage: &Stage, item: Option<&str>, text: &str, scope: &Value) -> Result<Held, RunError> {
        let text = expression::fill(&Value::String(text.to_owned()), scope, self.now());
        let text = text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        let prompt = next::Prompt {
            kind: PromptKind::GoOn,
            at: crate::base::id::place(&stage.id, item),
            attempt: 1,
            role: stage.performer.clone(),
            people: self.run.people.holders(&stage.performer).map(|person| person.id.clone()).collect(),
            at_seat: next::signed_on_holder(&self.run, &stage.performer),
            text: format!("{text}\nIs it so?"),
        };
        if self.said_by_hand(stage, item, &prompt.at) {
            return Ok(Held::Yes);
        }
        Ok(match self.parts.operator.go_on(&prompt) {
            Answer::Given(()) => {
                self.note_of(&prompt, &by_hand_words(&prompt.at))?;
                Held::Yes
            }
            Answer::Declined(why) => Held::No(why),
            Answer::Absent => {
                let stop = Stop::waiting(WaitFor::Confirmation, &prompt.at, prompt.text.trim_end());
                Held::Blocked(stop.for_role(&self.run, &stage.performer))
            }
        })
    }

    /// Its performer said so from another process, after this anchor was last set and after the last approval.
    fn said_by_hand(&self, stage: &Stage, item: Option<&str>, at: &str) -> bool {
        let Some((seq, person)) = self.run.by_hand.get(at) else { return false };
        let place = (stage.id.clone(), item.map(str::to_owned));
        let set = self.run.anchors.get(&place).map_or(0, |anchor| anchor.seq);
        let here =
            |slot: &crate::record::operations::Operation| slot.step.stage == place.0 && slot.step.item == place.1;
        let over = self.run.requests.values().filter(|request| request.operations.iter().any(here));
        let agreed = over.flat_map(|request| request.voices.iter().map(|voice| voice.seq)).max().unwrap_or(0);
        next::holds(&self.run, person, &stage.performer) && *seq > set.max(agreed)
    }

    fn refused_anchor(
        &mut self,
        stage: &Stage,
        item: Option<&str>,
        why: String,
        regain: bool,
    ) -> Result<Stop, RunError> {
        let title = stage.anchor.as_ref().map(|anchor| anchor.title.clone()).unwrap_or_default();
        let refused = fact::AnchorRefused {
            stage: stage.id.clone(),
            item: item.map(str::to_owned),
            why: crate::base::escape::cut(&why, 2_000),
            object: None,
        };
        let _ = self.append(vec![Draft::new(refused)])?;
        let what = if regain { "could not be read again" } else { "does not hold" };
        let place = crate::base::id::place(&stage.id, item);
        Ok(Stop::of(StopKind::Refused, place, format!("the anchor `{title}` {what}: {why}")))
    }

    /// An equal result re-uses the stored object; a different one ends every request that it is under.
    fn anchored(&mut self, stage: &Stage, item: Option<&str>, captured: Map<String, Value>) -> Result<(), RunError> {
        let place = (stage.id.clone(), item.map(str::to_owned));
        let captured = Value::Object(captured);
        let before = self.run.anchors.get(&place).cloned();
        let proved = stage.anchor.as_ref().map_or(0, |anchor| anchor.prove.len()) as u32;
        let mut drafts = Vec::new();
        let (object, bytes) = match &before {
            Some(anchor) if anchor.captured == captured => (anchor.object, None),
            _ => {
                let object = self.salted(salted::CAPTURED, &captured)?;
                (object.0, Some(object))
            }
        };
        let set = fact::AnchorSet { stage: place.0.clone(), item: place.1.clone(), object, proved };
        let mut draft = Draft::new(set);
        draft.objects.extend(bytes);
        drafts.push(draft);
        if before.is_some_and(|anchor| anchor.object != object) {
            let under = self.run.requests.values().filter(|request| {
                request.is_live()
                    && request.operations.iter().any(|slot| {
                        slot.step.stage == place.0 && slot.step.item == place.1 && !request.spent.contains(&slot.step)
                    })
            });
            drafts.extend(
                under.map(|request| {
                    Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::AnchorChanged })
                }),
            );
        }
        let seq = self.run.size();
        if self.append(drafts)? == super::Appended::Yes {
            self.seat.fresh.insert(place, seq);
        }
        Ok(())
    }

    fn regained(
        &mut self,
        stage: &Stage,
        item: Option<&str>,
        captured: Map<String, Value>,
        mut differs: Vec<String>,
    ) -> Result<(), RunError> {
        let place = (stage.id.clone(), item.map(str::to_owned));
        let before = self.run.anchors.get(&place).map(|anchor| anchor.captured.clone()).unwrap_or(Value::Null);
        for (id, value) in &captured {
            let was = before.get(id).unwrap_or(&Value::Null);
            if was != value {
                let words = format!("`{id}` was {was}, and is {value}");
                differs.push(crate::base::escape::cut(&words, 1_000));
            }
        }
        let object = self.salted(salted::CAPTURED, &Value::Object(captured))?;
        let regained = fact::AnchorRegained { stage: place.0, item: place.1, object: object.0, differs };
        let _ = self.append(vec![Draft::new(regained).with(object)])?;
        Ok(())
    }

    /// A step that only reads.
    pub(super) async fn look(&mut self, id: &StepId) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some((stage, step)) = operation::locate(&plan, id) else { return Ok(None) };
        let scope = scope::of(&self.run, stage, id.item.as_deref(), Some(id));
        let began = self.parts.clock.mono();
        match &step.body {
            Body::Check(expect) => {
                let held = self.held_within(expect, &scope, id).await?;
                self.checked(id, held, began)
            }
            Body::Wait(wait) => match &wait.expect {
                Some(expect) => {
                    let held = self.held(expect, &scope, id).await?;
                    self.seat.looked.insert(id.clone(), self.now());
                    match held {
                        Held::Blocked(stop) => Ok(Some(stop)),
                        Held::No(_) => Ok(None),
                        Held::Yes => match next::waited(&self.run, id, self.now()) {
                            Next::Append(drafts) => self.append(drafts).map(|_| None),
                            _ => Ok(None),
                        },
                    }
                }
                None => Ok(None),
            },
            Body::Command(_) => match operation::resolve(&self.run, id, self.now()) {
                Ok(operation) => self.look_command(step, id, &operation).await,
                Err(error) => Ok(Some(Stop::of(StopKind::Failed, id.to_string(), error.to_string()))),
            },
            _ => self.read_step(step, id, &scope, began).await,
        }
    }

    fn checked(&mut self, id: &StepId, held: Held, began: u64) -> Result<Option<Stop>, RunError> {
        let took = self.parts.clock.mono().saturating_sub(began);
        match held {
            Held::Blocked(stop) => return Ok(Some(stop)),
            Held::Yes => {
                let _ = self.append(vec![next::finished(&self.run, id, Value::Null, took)])?;
            }
            Held::No(why) => self.failed_read(id, "ExpectationNotMet", why, took)?,
        }
        Ok(None)
    }

    async fn read_step(
        &mut self,
        step: &Step,
        id: &StepId,
        scope: &Value,
        began: u64,
    ) -> Result<Option<Stop>, RunError> {
        let text = |member: &str| step.template.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let with = step.template.get("with").cloned().unwrap_or(Value::Object(Map::new()));
        let read = Read { action: text("action"), session: step.session.clone(), with };
        match self.read(&read, scope, id).await? {
            Seen::Blocked(stop) => return Ok(Some(stop)),
            Seen::Answer(answer) => {
                let took = self.parts.clock.mono().saturating_sub(began);
                let _ = self.append(vec![next::finished(&self.run, id, answer, took)])?;
            }
            Seen::Fault(fault) => {
                let took = self.parts.clock.mono().saturating_sub(began);
                self.failed_read(id, &fault.code, fault.message, took)?;
            }
        }
        Ok(None)
    }

    fn failed_read(&mut self, id: &StepId, code: &str, message: String, took_ms: u64) -> Result<(), RunError> {
        let message = crate::base::escape::cut(&message, 2_000);
        let error = Problem { code: code.to_owned(), reason: String::new(), message, class: "not_done".to_owned() };
        let outcome = fact::Outcome {
            step: id.clone(),
            direction: Run::direction(id),
            attempt: crate::engine::request::next_attempt(&self.run, id),
            intended: None,
            result: Ended::Failed,
            output: None,
            request_id: None,
            date: None,
            error: Some(error),
            took_ms,
            found: Found::Answer,
        };
        let _ = self.append(vec![Draft::new(outcome)])?;
        Ok(())
    }

    /// Looks until the effect of a done step is seen from one side at least.
    pub(super) async fn verify(
        &mut self,
        id: &StepId,
        sides: &[String],
        checks: bool,
    ) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some((stage, step)) = operation::locate(&plan, id) else { return Ok(None) };
        let scope = scope::of(&self.run, stage, id.item.as_deref(), Some(id));
        let mut seen = Vec::new();
        if checks {
            for expect in &step.verify {
                match self.held_within(expect, &scope, id).await? {
                    Held::Yes => {}
                    Held::Blocked(stop) => return Ok(Some(stop)),
                    Held::No(why) => {
                        return Ok(Some(Stop::of(StopKind::Failed, id.to_string(), format!("verifying: {why}"))));
                    }
                }
            }
            seen.push("verify".to_owned());
        }
        let mut blocked = None;
        let until = *self.seat.look_until.entry(id.clone()).or_insert(self.parts.clock.now().plus(LOOK_MS));
        for side in sides {
            match self.side(step, id, side).await? {
                Ok((Reading::Done, _, _)) => seen.push(side.clone()),
                Ok(_) => {}
                Err(stop) => blocked = Some(stop),
            }
        }
        if !seen.is_empty() {
            let verified =
                fact::Verified { step: id.clone(), direction: Run::direction(id), sides: seen, object: None };
            let _ = self.append(vec![Draft::new(verified)])?;
            return Ok(None);
        }
        if let Some(stop) = blocked {
            // A session that is closed here is looked past by the engine; anything else is told.
            return Ok(if self.seat.closed.is_empty() { Some(stop) } else { None });
        }
        if self.now() >= until {
            let why = format!("AWS says that `{}` is done, but no read shows it yet", step.title);
            return Ok(Some(Stop::waiting(WaitFor::Aws, id.to_string(), why)));
        }
        let pause = (step.settles_within / 4).clamp(50, EVERY_MS);
        self.seat.not_before.insert(id.clone(), self.now().plus(pause));
        Ok(None)
    }

    /// Asks one side about an operation in doubt, and journals what it said.
    pub(super) async fn probe(&mut self, id: &StepId, side: &str) -> Result<Option<Stop>, RunError> {
        let plan = self.run.plan.clone();
        let Some((_, step)) = operation::locate(&plan, id) else { return Ok(None) };
        let Some(begun) = self.run.step(id).begun().cloned() else { return Ok(None) };
        let (reading, reads, output) = match self.side(step, id, side).await? {
            Ok(seen) => seen,
            // A session that is closed here is looked past by the engine: another side may be readable.
            Err(stop) if stop.what == Some(WaitFor::Session) && stop.kind == StopKind::Waiting => return Ok(None),
            Err(mut stop) if stop.kind == StopKind::Waiting => {
                stop.kind = StopKind::InDoubt;
                stop.why = format!("it is not known whether `{}` took effect; {}", step.title, stop.why);
                return Ok(Some(stop));
            }
            Err(stop) => return Ok(Some(stop)),
        };
        let salt = hex::encode(self.salt());
        let value = json!({"salt": salt, "reads": reads, "output": output});
        let object = operation::single(&value).map_err(|error| RunError::Bad(error.to_string()))?;
        let observed = fact::Observed {
            step: id.clone(),
            direction: Run::direction(id),
            intended: begun.seq,
            side: side.to_owned(),
            reading,
            object: object.0,
        };
        let _ = self.append(vec![Draft::new(observed).with(object)])?;
        Ok(None)
    }

    /// What one side of the probe says: the reading, the reads, and the output where it took effect.
    async fn side(
        &mut self,
        step: &Step,
        id: &StepId,
        name: &str,
    ) -> Result<Result<(Reading, Value, Value), Stop>, RunError> {
        if let (Body::Command(command), "probe") = (&step.body, name) {
            let Some(expect) = &command.probe else {
                return Ok(Err(Stop::of(StopKind::Failed, id.to_string(), "no probe")));
            };
            let plan = self.run.plan.clone();
            let Some(stage) = plan.stage(&id.stage) else {
                return Ok(Err(Stop::of(StopKind::Failed, id.to_string(), "no stage")));
            };
            let scope = scope::of(&self.run, stage, id.item.as_deref(), Some(id));
            return Ok(match self.held(expect, &scope, id).await? {
                Held::Yes => Ok((Reading::Done, Value::Null, Value::Null)),
                Held::No(why) => Ok((Reading::NotDone, Value::String(why), Value::Null)),
                Held::Blocked(stop) => Err(stop),
            });
        }
        let action = step.template.get("action").and_then(Value::as_str).unwrap_or_default();
        let side = catalogue::find(action).and_then(|action| action.probe.iter().find(|side| side.name == name));
        let (Some(side), Some(session)) = (side, step.probe.get(name).cloned()) else {
            return Ok(Err(Stop::of(StopKind::Failed, id.to_string(), format!("{action} has no probe side {name}"))));
        };
        self.ask_side(side, &session, id).await
    }

    async fn ask_side(
        &mut self,
        side: &Side,
        session: &str,
        id: &StepId,
    ) -> Result<Result<(Reading, Value, Value), Stop>, RunError> {
        let state = self.run.step(id);
        let output = if state.output.is_null() { Value::Null } else { state.output.clone() };
        let mut context = json!({"with": state.with, "output": output, "before": null, "reads": {}});
        for read in side.reads {
            let mut with = Map::new();
            let mut whole = true;
            for (name, text) in read.with {
                match expression::fill(&Value::String((*text).to_owned()), &context, self.now()) {
                    Ok(Value::Null) | Err(_) => whole = false,
                    Ok(value) => {
                        with.insert((*name).to_owned(), value);
                    }
                }
            }
            let mut entry = json!({"answer": null, "error": null});
            if whole {
                let read_of =
                    Read { action: read.action.to_owned(), session: session.to_owned(), with: Value::Object(with) };
                match self.read(&read_of, &json!({}), id).await? {
                    Seen::Answer(answer) => entry["answer"] = answer,
                    Seen::Fault(fault) => entry["error"] = Value::String(fault.code),
                    Seen::Blocked(stop) => return Ok(Err(stop)),
                }
            }
            context["reads"][read.id] = entry;
        }
        let says = |text: &str| matches!(expression::search(text, &context, self.now()), Ok(Value::Bool(true)));
        let reading = match (says(side.done), says(side.not_done)) {
            (true, false) => Reading::Done,
            (false, true) => Reading::NotDone,
            _ => Reading::CannotTell,
        };
        let found = match reading {
            Reading::Done if !side.output.is_empty() => {
                expression::search(side.output, &context, self.now()).unwrap_or(Value::Null)
            }
            _ => Value::Null,
        };
        Ok(Ok((reading, context["reads"].clone(), found)))
    }
}

fn patience_of(prove: &Prove) -> i64 {
    match prove {
        Prove::Read(expect) => expect.within,
        Prove::Manual(_) => 0,
    }
}

fn wish(expect: &Expect) -> String {
    if expect.expect_error.is_empty() {
        format!("`{}`", expect.expect)
    } else {
        format!("the error {}", expect.expect_error)
    }
}

fn at_place(mut stop: Stop, stage: &Stage, item: Option<&str>) -> Stop {
    stop.at = crate::base::id::place(&stage.id, item);
    stop
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Value::Object(members)
        }
        other => other,
    }
}
