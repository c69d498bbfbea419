//! Everything that only reads, at the desk: what an errand takes along, and what its return comes to. Anchors, checks,
//! waits, verification, probes.

use super::RunError;
use super::desk::{After, Desk, Landing};
use super::hands::{Back, Blocked, Came, EVERY_MS, Errand, Held, Looked, Seen, Unset, What};
use crate::base::{StepId, Time};
use crate::engine::index::Place;
use crate::engine::next::{Draft, Next, Prompt, PromptKind, Stop, StopKind, needs_session};
use crate::engine::port::{Clock, SessionProblem, Store};
use crate::engine::scope::{self, Names};
use crate::engine::state::{Run, by_hand_words};
use crate::engine::{another, differ, hold, next, operation, session};
use crate::expression;
use crate::operator::{Answer, Operator};
use crate::plan::model::{Anchor, Body, Expect, Hold, Prove, Read, Stage, Step};
use crate::record::fact::{self, Ended, EndedBy, Found, Problem, WaitFor};
use crate::record::salted;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long the effect of AWS's own success answer is looked for.
const LOOK_MS: i64 = 300_000;

/// What an errand's texts name, and the sessions that its reads go through.
#[derive(Default)]
struct Luggage {
    names: Names,
    sessions: BTreeSet<String>,
}

impl Luggage {
    fn read(&mut self, read: &Read) {
        self.names.template(&read.with);
        self.sessions.insert(read.session.clone());
    }

    fn expect(&mut self, expect: &Expect) {
        self.read(&expect.read);
        self.names.expect(&expect.expect);
    }

    fn anchor(anchor: &Anchor) -> Luggage {
        let mut luggage = Luggage::default();
        anchor.capture.iter().for_each(|capture| luggage.read(&capture.read));
        for prove in &anchor.prove {
            match prove {
                Prove::Read(expect) => luggage.expect(expect),
                Prove::Manual(text) => luggage.names.text(text),
            }
        }
        luggage
    }

    fn hold(hold: &Hold) -> Luggage {
        let mut luggage = Luggage::default();
        hold.prove.iter().for_each(|expect| luggage.expect(expect));
        luggage.sessions.insert(hold.session.clone());
        luggage
    }

    fn step(step: &Step) -> Luggage {
        let mut luggage = Luggage::default();
        match &step.body {
            Body::Check(expect) => luggage.expect(expect),
            Body::Wait(wait) => wait.expect.iter().for_each(|expect| luggage.expect(expect)),
            Body::Command(command) => command.probe.iter().for_each(|expect| luggage.expect(expect)),
            Body::Read => luggage.names.template(&step.template),
            _ => {}
        }
        step.verify.iter().for_each(|expect| luggage.expect(expect));
        luggage.sessions.extend(step.probe.values().cloned());
        luggage.sessions.insert(step.session.clone());
        luggage
    }
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    /// What the errand for this takes along; or why it can't be sent out.
    pub(super) fn errand(&mut self, place: &Place, next: &Next) -> Result<Result<Errand, Stop>, RunError> {
        let (at, what) = match next {
            Next::Anchor { stage, item, regain } => {
                (StepId::new(stage, item.as_deref(), "anchor"), What::Anchor { regain: *regain })
            }
            Next::Hold { hold, stage, begin } => {
                let Some(at) = hold::reading_at(self.run, *stage) else {
                    return Err(RunError::Bad("the runbook has no stage".to_owned()));
                };
                (at, What::Hold { id: hold.clone(), begin: *begin })
            }
            Next::Look { id } => match self.look(id) {
                Ok(what) => (id.clone(), what),
                Err(stop) => return Ok(Err(stop)),
            },
            Next::Verify { id, sides, checks } => {
                let until = self.now().plus(LOOK_MS);
                self.seat.look_until.entry(id.clone()).or_insert(until);
                (id.clone(), What::Verify { sides: sides.clone(), checks: *checks, known: self.known(id) })
            }
            Next::Probe { id, side } => {
                let seq = self.run.step(id).begun().map_or(0, |begun| begun.seq);
                (id.clone(), What::Probe { side: side.clone(), seq, known: self.known(id) })
            }
            _ => return Err(RunError::Bad("this is no errand".to_owned())),
        };
        let plan = std::sync::Arc::clone(&self.run.plan);
        if let What::Hold { id, .. } = &what {
            let luggage = plan.hold(id).map(Luggage::hold).unwrap_or_default();
            return Ok(Ok(self.pack(place, at, luggage, what)));
        }
        let luggage = match (plan.stage(&at.stage).and_then(|stage| stage.anchor.as_ref()), plan.step(&at)) {
            (Some(anchor), _) if matches!(what, What::Anchor { .. }) => Luggage::anchor(anchor),
            (_, Some(step)) => Luggage::step(step),
            _ => return Ok(Err(Stop::of(StopKind::Failed, at.to_string(), "the plan has nothing there that reads"))),
        };
        Ok(Ok(self.pack(place, at, luggage, what)))
    }

    fn pack(&self, place: &Place, at: StepId, luggage: Luggage, what: What) -> Errand {
        let own = !matches!(what, What::Anchor { .. } | What::Hold { .. });
        let scope = match self.run.plan.stage(&at.stage) {
            Some(stage) => scope::of(self.run, stage, at.item.as_deref(), own.then_some(&at), &luggage.names),
            None => Value::Null,
        };
        let sessions = self.sessions(luggage.sessions, &at);
        Errand { place: place.clone(), at, plan: std::sync::Arc::clone(&self.run.plan), scope, sessions, what }
    }

    pub(super) fn sessions(
        &self,
        ids: impl IntoIterator<Item = String>,
        at: &StepId,
    ) -> BTreeMap<String, Result<crate::engine::port::SessionWanted, String>> {
        let now = self.now();
        let named = ids.into_iter().filter(|id| !id.is_empty());
        named.map(|id| (id.clone(), session::wanted(self.run, &id, at, now))).collect()
    }

    /// What the catalogue's probes are filled from. An output is that of this attempt, or none: while an operation is
    /// open, what is still known is what a former one gave.
    fn known(&self, id: &StepId) -> Value {
        let state = self.run.step(id);
        let output = if state.is_done() { state.output.clone() } else { Value::Null };
        json!({"with": state.with, "output": output, "before": another::before(self.run, id)})
    }

    fn look(&self, id: &StepId) -> Result<What, Stop> {
        let command = matches!(self.run.plan.step(id).map(|step| &step.body), Some(Body::Command(_)));
        if !command {
            return Ok(What::Look);
        }
        let failed = |why: String| Stop::of(StopKind::Failed, id.to_string(), why);
        let operation = operation::resolve(self.run, id, self.now()).map_err(|error| failed(error.to_string()))?;
        let program = self.program(id, &operation, Vec::new()).map_err(|fault| failed(fault.message))?;
        let session = operation.get("credentials").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(What::LookProgram { program: Box::new(program), session })
    }

    /// Whether a person at this seat must still say something before the return counts.
    pub(super) fn needs_a_word(&self, back: &Back) -> bool {
        let Came::Anchor { found: Ok(_), .. } = &back.came else { return false };
        let anchor = self.run.plan.stage(&back.at.stage).and_then(|stage| stage.anchor.as_ref());
        anchor.is_some_and(|anchor| anchor.prove.iter().any(|prove| matches!(prove, Prove::Manual(_))))
    }

    /// What a return comes to. Nothing is remembered before it is durable.
    pub(super) fn landing(&mut self, back: &Back) -> Result<Landing, RunError> {
        let mut opened: Vec<Draft> = Vec::new();
        let mut after = Vec::new();
        for (wanted, identity) in &back.opened {
            let known = json!({"arn": identity.arn, "account": identity.account, "kind": identity.kind});
            if self.run.identities.get(&(wanted.id.clone(), identity.account.clone())) != Some(&known) {
                opened.push(Draft::new(fact::SessionOpened {
                    session: wanted.id.clone(),
                    account: identity.account.clone(),
                    arn: identity.arn.clone(),
                    session_kind: identity.kind.clone(),
                    endpoint: identity.endpoint.clone(),
                }));
            }
            after.push(After::Opened(wanted.clone()));
        }
        after.extend(back.shut.iter().map(|(wanted, why)| After::Shut(wanted.clone(), why.clone())));
        let mut landing = match &back.came {
            Came::Anchor { regain, scope, found } => self.anchor(&back.at, *regain, scope, found)?,
            Came::Hold { id, begin, found } => self.hold_came(&back.at, id, *begin, found)?,
            Came::Open(Ok(environment)) => Landing::default().after(After::Ready(back.at.clone(), environment.clone())),
            Came::Open(Err(blocked)) => Landing::stop(self.stop_of(&back.at, blocked)),
            Came::Reply { perform, seq, wanted, reply } => self.replied(perform, *seq, wanted, reply, back.took_ms),
            Came::Ran { perform, seq, ran } => self.ran(perform, *seq, ran, back.took_ms),
            Came::Looked(looked) => self.looked(&back.at, looked, back.took_ms),
            Came::Verified { seen, stopped } => self.verified(&back.at, seen, stopped.as_ref()),
            Came::Probed { side, seq, said } => self.probed(&back.at, side, *seq, said)?,
        };
        opened.append(&mut landing.drafts);
        after.append(&mut landing.after);
        Ok(Landing { drafts: opened, stop: landing.stop, after })
    }

    /// Why an errand could not be run, as a reason to stop there.
    pub(super) fn stop_of(&self, at: &StepId, blocked: &Blocked) -> Stop {
        match blocked {
            Blocked::Aws(why) => Stop::waiting(WaitFor::Aws, at.to_string(), why),
            Blocked::Failed(why) => Stop::of(StopKind::Failed, at.to_string(), why),
            Blocked::Session(wanted, problem) => {
                let why = problem.to_string();
                match problem {
                    SessionProblem::None { .. } => needs_session(self.run, &wanted.id, at, &why),
                    SessionProblem::Expired { .. } | SessionProblem::Unreachable { .. } => {
                        needs_session(self.run, &wanted.id, at, &why).paused()
                    }
                    SessionProblem::WrongAccount { .. }
                    | SessionProblem::WrongKind { .. }
                    | SessionProblem::Endpoint(_) => Stop::of(StopKind::Refused, at.to_string(), why),
                }
            }
        }
    }

    /// An anchor that was read: proved by hand too, where that is asked for; set, or compared after a rollback.
    fn anchor(
        &mut self,
        at: &StepId,
        regain: bool,
        scope: &Value,
        found: &Result<(Map<String, Value>, Vec<String>), Unset>,
    ) -> Result<Landing, RunError> {
        let plan = std::sync::Arc::clone(&self.run.plan);
        let (Some(stage), item) = (plan.stage(&at.stage), at.item.as_deref()) else { return Ok(Landing::default()) };
        let at_place = |mut stop: Stop| {
            stop.at = at.place();
            Landing::stop(stop)
        };
        let (captured, mut differs) = match found {
            Ok((captured, differs)) => (captured.clone(), differs.clone()),
            Err(Unset::Refused(why)) => return Ok(refused_anchor(stage, item, why, regain)),
            Err(Unset::Blocked(blocked)) => return Ok(at_place(self.stop_of(at, blocked))),
        };
        for prove in stage.anchor.iter().flat_map(|anchor| &anchor.prove) {
            let Prove::Manual(text) = prove else { continue };
            match self.by_hand(stage, item, text, scope)? {
                ByHand::Yes => {}
                ByHand::No(why) if regain => differs.push(why),
                ByHand::No(why) => return Ok(refused_anchor(stage, item, &why, regain)),
                ByHand::Waits(stop) => return Ok(at_place(stop)),
            }
        }
        if regain { self.regained(stage, item, captured, differs) } else { self.anchored(stage, item, captured) }
    }

    fn by_hand(&mut self, stage: &Stage, item: Option<&str>, text: &str, scope: &Value) -> Result<ByHand, RunError> {
        let text = expression::fill(&Value::String(text.to_owned()), scope, self.now());
        let text = text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default();
        let prompt = Prompt {
            kind: PromptKind::GoOn,
            at: crate::base::id::place(&stage.id, item),
            attempt: 1,
            role: stage.performer.clone(),
            people: self.run.people.holders(&stage.performer).map(|person| person.id.clone()).collect(),
            at_seat: next::signed_on_holder(self.run, &stage.performer),
            text: format!("{text}\nIs it so?"),
        };
        if self.said_by_hand(stage, item, &prompt.at) {
            return Ok(ByHand::Yes);
        }
        Ok(match self.operator.go_on(&prompt) {
            Answer::Given(()) => {
                self.note_of(&prompt, &by_hand_words(&prompt.at))?;
                ByHand::Yes
            }
            Answer::Declined(why) => ByHand::No(why),
            Answer::Absent => {
                let stop = Stop::waiting(WaitFor::Confirmation, &prompt.at, prompt.text.trim_end());
                ByHand::Waits(stop.for_role(self.run, &stage.performer))
            }
        })
    }

    /// Its performer said so from another process, after this anchor was last set and after the last approval.
    fn said_by_hand(&self, stage: &Stage, item: Option<&str>, at: &str) -> bool {
        let Some((seq, person)) = self.run.by_hand.get(at) else { return false };
        let place = (stage.id.clone(), item.map(str::to_owned));
        let set = self.run.anchors.get(&place).map_or(0, |anchor| anchor.seq);
        let over = self.requests_in(stage, item);
        let over = over.iter().filter_map(|seq| self.run.requests.get(seq));
        let agreed = over.flat_map(|request| request.voices.iter().map(|voice| voice.seq)).max().unwrap_or(0);
        next::holds(self.run, person, &stage.performer) && *seq > set.max(agreed)
    }

    /// Requests over a step of the item, or its undo.
    fn requests_in(&self, stage: &Stage, item: Option<&str>) -> BTreeSet<u64> {
        let steps = stage.steps.iter().flat_map(|step| {
            let id = StepId::new(&stage.id, item, &step.id);
            let undo: Vec<StepId> = step.back.undo.iter().map(|undo| id.with_undo(&undo.id)).collect();
            std::iter::once(id).chain(undo)
        });
        steps.flat_map(|id| self.run.index.requests.get(&id).cloned().unwrap_or_default()).collect()
    }

    /// An equal result re-uses the stored object; a different one ends every request that it is under.
    fn anchored(
        &mut self,
        stage: &Stage,
        item: Option<&str>,
        captured: Map<String, Value>,
    ) -> Result<Landing, RunError> {
        let place = (stage.id.clone(), item.map(str::to_owned));
        let captured = Value::Object(captured);
        let before = self.run.anchors.get(&place).map(|anchor| (anchor.object, anchor.captured == captured));
        let proved = stage.anchor.as_ref().map_or(0, |anchor| anchor.prove.len()) as u32;
        let (object, bytes) = match before {
            Some((object, true)) => (object, None),
            _ => {
                let object = self.salted(salted::CAPTURED, &captured)?;
                (object.0, Some(object))
            }
        };
        let set = fact::AnchorSet { stage: place.0.clone(), item: place.1.clone(), object, proved };
        let mut draft = Draft::new(set);
        draft.objects.extend(bytes);
        let mut drafts = vec![draft];
        if before.is_some_and(|(_, same)| !same) {
            let requests = self.requests_in(stage, item);
            let under = requests.iter().filter_map(|seq| self.run.requests.get(seq)).filter(|request| {
                let unspent =
                    |step: &StepId| step.stage == place.0 && step.item == place.1 && !request.spent.contains(step);
                request.is_live() && request.slots.keys().any(unspent)
            });
            drafts.extend(
                under.map(|request| {
                    Draft::new(fact::RequestEnded { request: request.seq, why: EndedBy::AnchorChanged })
                }),
            );
        }
        Ok(Landing::of(drafts).after(After::Fresh(place)))
    }

    fn regained(
        &mut self,
        stage: &Stage,
        item: Option<&str>,
        captured: Map<String, Value>,
        mut differs: Vec<String>,
    ) -> Result<Landing, RunError> {
        let place = (stage.id.clone(), item.map(str::to_owned));
        let before = self.run.anchors.get(&place).map(|anchor| anchor.captured.clone()).unwrap_or(Value::Null);
        differs.extend(differ::differs(&before, &captured));
        let object = self.salted(salted::CAPTURED, &Value::Object(captured))?;
        let regained = fact::AnchorRegained { stage: place.0, item: place.1, object: object.0, differs };
        Ok(Landing::of(vec![Draft::new(regained).with(object)]))
    }

    /// A step that only reads.
    fn looked(&mut self, id: &StepId, looked: &Looked, took: u64) -> Landing {
        let waits = matches!(self.run.plan.step(id).map(|step| &step.body), Some(Body::Wait(_)));
        let landing = match looked {
            Looked::Blocked(blocked) | Looked::Held(Held::Blocked(blocked)) | Looked::Seen(Seen::Blocked(blocked)) => {
                Landing::stop(self.stop_of(id, blocked))
            }
            Looked::Held(Held::Yes) if waits => match next::waited(self.run, id, self.now()) {
                Next::Append(drafts) => Landing::of(drafts),
                _ => Landing::default(),
            },
            Looked::Held(Held::No(_)) if waits => Landing::default(),
            Looked::Held(Held::Yes) => Landing::of(vec![next::finished(self.run, id, Value::Null, took)]),
            Looked::Held(Held::No(why)) => Landing::of(vec![failed_read(self.run, id, "ExpectationNotMet", why, took)]),
            Looked::Seen(Seen::Answer(answer)) => Landing::of(vec![next::finished(self.run, id, answer.clone(), took)]),
            Looked::Seen(Seen::Fault(fault)) => {
                Landing::of(vec![failed_read(self.run, id, &fault.code, &fault.message, took)])
            }
            Looked::Ran(ran) => self.look_ran(id, ran, took),
        };
        if waits { landing.after(After::Looked(id.clone(), self.now())) } else { landing }
    }

    /// Looks until the effect of a done step is seen from one side at least.
    fn verified(&self, id: &StepId, seen: &[String], stopped: Option<&Blocked>) -> Landing {
        if !seen.is_empty() {
            let verified =
                fact::Verified { step: id.clone(), direction: Run::direction(id), sides: seen.to_vec(), object: None };
            return Landing::of(vec![Draft::new(verified)]);
        }
        if let Some(blocked) = stopped {
            let stop = self.stop_of(id, blocked);
            // A session that is closed here is looked past by the engine; anything else is told.
            let past = stop.kind == StopKind::Waiting && stop.what == Some(WaitFor::Session);
            return if past { Landing::default() } else { Landing::stop(stop) };
        }
        let step = self.run.plan.step(id);
        let until = self.seat.look_until.get(id).copied().unwrap_or_default();
        if self.now() >= until {
            let title = step.map(|step| step.title.as_str()).unwrap_or_default();
            let why = format!("AWS says that `{title}` is done, but no read shows it yet");
            return Landing::stop(Stop::waiting(WaitFor::Aws, id.to_string(), why));
        }
        let pause = (step.map_or(0, |step| step.settles_within) / 4).clamp(50, EVERY_MS);
        let again: Time = self.now().plus(pause);
        Landing::default().after(After::NotBefore(id.clone(), again))
    }

    /// One side was asked about an operation in doubt: what it said is journaled.
    fn probed(
        &mut self,
        id: &StepId,
        side: &str,
        seq: u64,
        said: &Result<super::hands::Said, Blocked>,
    ) -> Result<Landing, RunError> {
        let (reading, reads, output) = match said {
            Ok((reading, reads, output)) => (*reading, reads, output),
            Err(blocked) => return Ok(self.unprobed(id, blocked)),
        };
        let salt = hex::encode(self.salt());
        let value = json!({"salt": salt, "reads": reads, "output": output});
        let object = operation::single(&value).map_err(|error| RunError::Bad(error.to_string()))?;
        let observed = fact::Observed {
            step: id.clone(),
            direction: Run::direction(id),
            intended: seq,
            side: side.to_owned(),
            reading,
            object: object.0,
        };
        Ok(Landing::of(vec![Draft::new(observed).with(object)]))
    }

    fn unprobed(&self, id: &StepId, blocked: &Blocked) -> Landing {
        let mut stop = self.stop_of(id, blocked);
        match (stop.kind, stop.what) {
            // A session that is closed here is looked past by the engine: another side may be readable.
            (StopKind::Waiting, Some(WaitFor::Session)) => return Landing::default(),
            (StopKind::Waiting, _) => {
                let title = self.run.plan.step(id).map(|step| step.title.clone()).unwrap_or_default();
                stop.kind = StopKind::InDoubt;
                stop.why = format!("it is not known whether `{title}` took effect; {}", stop.why);
            }
            _ => {}
        }
        Landing::stop(stop)
    }
}

/// What a performer at this seat says of an anchor that only people can prove.
enum ByHand {
    Yes,
    No(String),
    Waits(Stop),
}

fn refused_anchor(stage: &Stage, item: Option<&str>, why: &str, regain: bool) -> Landing {
    let title = stage.anchor.as_ref().map(|anchor| anchor.title.clone()).unwrap_or_default();
    let refused = fact::AnchorRefused {
        stage: stage.id.clone(),
        item: item.map(str::to_owned),
        why: crate::base::escape::cut(why, 2_000),
        object: None,
    };
    let what = if regain { "could not be read again" } else { "does not hold" };
    let place = crate::base::id::place(&stage.id, item);
    let named = if title.is_empty() { String::new() } else { format!(" `{title}`") };
    let stop = Stop::of(StopKind::Refused, place, format!("the anchor{named} {what}: {why}"));
    Landing { drafts: vec![Draft::new(refused)], stop: Some(stop), after: Vec::new() }
}

fn failed_read(run: &Run, id: &StepId, code: &str, message: &str, took_ms: u64) -> Draft {
    let message = crate::base::escape::cut(message, 2_000);
    let error = Problem { code: code.to_owned(), reason: String::new(), message, class: "not_done".to_owned() };
    Draft::new(fact::Outcome {
        step: id.clone(),
        direction: Run::direction(id),
        attempt: crate::engine::request::next_attempt(run, id),
        intended: None,
        result: Ended::Failed,
        output: None,
        request_id: None,
        date: None,
        error: Some(error),
        took_ms,
        found: Found::Answer,
    })
}
