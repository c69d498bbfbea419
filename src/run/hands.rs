//! What only waits: sessions, reads, calls, programs. Several at once, for several items; none of it sees the run or
//! the journal, so nothing here can decide anything or be half-written.

use super::command::{Program, Programs, Ran};
use crate::base::{StepId, Time};
use crate::catalogue::action::{Another, Side};
use crate::catalogue::{self, Class};
use crate::engine::index::Place;
use crate::engine::next::Perform;
use crate::engine::port::{Call, Clock, Cloud, Fault, Identity, Reply, SessionProblem, SessionWanted};
use crate::expression;
use crate::plan::model::{Body, Expect, Plan, Prove, Read};
use crate::record::fact::Reading;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a read is repeated while its answer is not yet what it must be.
pub(super) const EVERY_MS: i64 = 5_000;

/// The parts that are waited for.
pub(super) struct Hands<'a, C, K> {
    pub cloud: &'a C,
    pub clock: &'a K,
    pub programs: &'a dyn Programs,
}

/// One errand: what it may use, all of it its own.
pub(super) struct Errand {
    pub place: Place,
    pub at: StepId,
    pub plan: Arc<Plan>,
    pub scope: Value,
    /// The sessions that it may need, resolved for its item.
    pub sessions: BTreeMap<String, Result<SessionWanted, String>>,
    pub what: What,
}

pub(super) enum What {
    Anchor {
        regain: bool,
    },
    Hold {
        id: String,
        begin: bool,
    },
    /// The session that an operation or a program needs; for a program, what it gives it.
    Open {
        session: String,
        environment: bool,
    },
    Call {
        perform: Box<Perform>,
        seq: u64,
        wanted: SessionWanted,
        call: Box<Call>,
    },
    Program {
        perform: Box<Perform>,
        seq: u64,
        program: Box<Program>,
    },
    /// A program that changes nothing.
    LookProgram {
        program: Box<Program>,
        session: String,
    },
    Look,
    Verify {
        sides: Vec<String>,
        checks: bool,
        known: Value,
    },
    Probe {
        side: String,
        seq: u64,
        known: Value,
    },
}

/// What an errand brings back.
pub(super) struct Back {
    pub place: Place,
    pub at: StepId,
    pub opened: Vec<(SessionWanted, Identity)>,
    /// Sessions that could not be opened, or are over.
    pub shut: Vec<(SessionWanted, String)>,
    pub took_ms: u64,
    pub came: Came,
}

pub(super) enum Came {
    /// What was captured and which proofs did not hold; or why it could not be.
    Anchor {
        regain: bool,
        scope: Value,
        found: Result<(Map<String, Value>, Vec<String>), Unset>,
    },
    /// The actions that proved a hold, or why it is not open.
    Hold {
        id: String,
        begin: bool,
        found: Result<Vec<String>, Unset>,
    },
    Open(Result<Vec<(String, String)>, Blocked>),
    Reply {
        perform: Box<Perform>,
        seq: u64,
        wanted: SessionWanted,
        reply: Box<Reply>,
    },
    Ran {
        perform: Box<Perform>,
        seq: u64,
        ran: Result<Ran, Fault>,
    },
    Looked(Looked),
    Verified {
        seen: Vec<String>,
        stopped: Option<Blocked>,
    },
    Probed {
        side: String,
        seq: u64,
        said: Result<Said, Blocked>,
    },
}

pub(super) enum Looked {
    Held(Held),
    Seen(Seen),
    Ran(Result<Ran, Fault>),
    Blocked(Blocked),
}

/// Why an anchor could not be read to its end.
pub(super) enum Unset {
    Refused(String),
    Blocked(Blocked),
}

/// What one side of a probe says: the reading, the reads, and the output where it took effect.
pub(super) type Said = (Reading, Value, Value);

/// Why an errand could not be run here and now.
#[derive(Clone)]
pub(super) enum Blocked {
    Session(Box<SessionWanted>, SessionProblem),
    /// AWS is unwell.
    Aws(String),
    Failed(String),
}

/// A read's answer, or why it can't be had here.
pub(super) enum Seen {
    Answer(Value),
    Fault(Fault),
    Blocked(Blocked),
}

/// What became of an expectation.
pub(super) enum Held {
    Yes,
    /// In words, what was found instead.
    No(String),
    Blocked(Blocked),
}

/// One errand on its way.
pub(super) struct Trip<'a, C, K> {
    hands: &'a Hands<'a, C, K>,
    pub(super) plan: &'a Plan,
    at: &'a StepId,
    sessions: &'a BTreeMap<String, Result<SessionWanted, String>>,
    opened: Vec<(SessionWanted, Identity)>,
    shut: Vec<(SessionWanted, String)>,
}

impl<C: Cloud, K: Clock> Hands<'_, C, K> {
    pub(super) async fn go(&self, errand: Errand) -> Back {
        let Errand { place, at, plan, scope, sessions, what } = errand;
        let began = self.clock.mono();
        let mut trip =
            Trip { hands: self, plan: &plan, at: &at, sessions: &sessions, opened: Vec::new(), shut: Vec::new() };
        let came = trip.run(scope, what).await;
        let Trip { opened, shut, .. } = trip;
        Back { place, at, opened, shut, took_ms: self.clock.mono().saturating_sub(began), came }
    }
}

impl<C: Cloud, K: Clock> Trip<'_, C, K> {
    async fn run(&mut self, scope: Value, what: What) -> Came {
        match what {
            What::Anchor { regain } => {
                let (scope, found) = self.anchor(scope, regain).await;
                Came::Anchor { regain, scope, found }
            }
            What::Hold { id, begin } => self.hold(id, begin, &scope).await,
            What::Open { session, environment } => Came::Open(self.credentials(&session, environment).await),
            What::Call { perform, seq, wanted, call } => {
                let reply = Box::new(self.hands.cloud.call(&call).await);
                if matches!(&reply.result, Err(fault) if fault.class == Class::SessionExpired) {
                    self.hands.cloud.forget(&wanted);
                }
                Came::Reply { perform, seq, wanted, reply }
            }
            What::Program { perform, seq, program } => {
                let ran = self.hands.programs.run(*program).await;
                Came::Ran { perform, seq, ran }
            }
            What::LookProgram { mut program, session } => match self.credentials(&session, true).await {
                Err(blocked) => Came::Looked(Looked::Blocked(blocked)),
                Ok(variables) => {
                    program.environment.extend(variables);
                    Came::Looked(Looked::Ran(self.hands.programs.run(*program).await))
                }
            },
            What::Look => Came::Looked(self.look(&scope).await),
            What::Verify { sides, checks, known } => self.verify(&scope, &sides, checks, &known).await,
            What::Probe { side, seq, known } => {
                let said = self.side(&side, &known, &scope).await;
                Came::Probed { side, seq, said }
            }
        }
    }

    fn now(&self) -> Time {
        self.hands.clock.now()
    }

    /// Opens a session and pins its identity.
    pub(super) async fn session(&mut self, id: &str) -> Result<SessionWanted, Blocked> {
        let wanted = match self.sessions.get(id) {
            Some(Ok(wanted)) => wanted.clone(),
            Some(Err(why)) => return Err(Blocked::Failed(why.clone())),
            None => return Err(Blocked::Failed(format!("there is no session {id}"))),
        };
        match self.hands.cloud.open(&wanted).await {
            Ok(identity) => {
                if !self.opened.iter().any(|(known, _)| *known == wanted) {
                    self.opened.push((wanted.clone(), identity));
                }
                Ok(wanted)
            }
            Err(problem) => Err(self.no_session(wanted, problem)),
        }
    }

    /// A seat without credentials waits for one that has them; a wrong identity is refused.
    fn no_session(&mut self, wanted: SessionWanted, problem: SessionProblem) -> Blocked {
        self.hands.cloud.forget(&wanted);
        match problem {
            SessionProblem::None { .. } | SessionProblem::Expired { .. } | SessionProblem::Unreachable { .. } => {
                self.shut.push((wanted.clone(), problem.to_string()));
            }
            SessionProblem::WrongAccount { .. } | SessionProblem::WrongKind { .. } | SessionProblem::Endpoint(_) => {}
        }
        Blocked::Session(Box::new(wanted), problem)
    }

    /// The session opened; the variables that a program gets of it. No session: nothing.
    async fn credentials(&mut self, session: &str, environment: bool) -> Result<Vec<(String, String)>, Blocked> {
        if session.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = self.session(session).await?;
        if !environment {
            return Ok(Vec::new());
        }
        self.hands.cloud.environment(&wanted).await.map_err(|problem| Blocked::Failed(problem.to_string()))
    }

    /// One read through a session.
    async fn read(&mut self, read: &Read, scope: &Value) -> Seen {
        let wanted = match self.session(&read.session).await {
            Ok(wanted) => wanted,
            Err(blocked) => return Seen::Blocked(blocked),
        };
        let with = match expression::fill(&read.with, scope, self.now()) {
            Ok(with) => without_nulls(with),
            Err(error) => return Seen::Blocked(Blocked::Failed(error.to_string())),
        };
        let call = Call {
            session: wanted.clone(),
            action: read.action.clone(),
            with,
            time_limit_ms: catalogue::find(&read.action).map_or(30_000, |action| action.time_limit),
            secret_to: Value::Null,
        };
        match self.hands.cloud.call(&call).await.result {
            Ok(answer) => Seen::Answer(answer),
            Err(fault) if fault.class == Class::SessionExpired => {
                let problem = SessionProblem::Expired { session: wanted.id.clone(), message: fault.message };
                Seen::Blocked(self.no_session(wanted, problem))
            }
            Err(fault) if matches!(fault.class, Class::Retry | Class::InDoubt) => {
                Seen::Blocked(Blocked::Aws(format!("{}: {}: {}", read.action, fault.code, fault.message)))
            }
            Err(fault) => Seen::Fault(fault),
        }
    }

    async fn held(&mut self, expect: &Expect, scope: &Value) -> Held {
        let words = |found: &str| format!("{}: expected {}, but {found}", expect.read.action, wish(expect));
        match self.read(&expect.read, scope).await {
            Seen::Blocked(blocked) => Held::Blocked(blocked),
            Seen::Fault(fault) if !expect.expect_error.is_empty() && fault.code == expect.expect_error => Held::Yes,
            Seen::Fault(fault) => Held::No(words(&format!("AWS answered {}: {}", fault.code, fault.message))),
            Seen::Answer(_) if !expect.expect_error.is_empty() => Held::No(words("AWS answered without an error")),
            Seen::Answer(answer) => match expression::holds(&expect.expect, &answer, scope, self.now()) {
                Ok(true) => Held::Yes,
                Ok(false) => {
                    let shown = crate::base::escape::cut(&answer.to_string(), 600);
                    Held::No(words(&format!("AWS answered {shown}")))
                }
                Err(error) => Held::Blocked(Blocked::Failed(error.to_string())),
            },
        }
    }

    /// Asks again until it holds or `within` is over.
    pub(super) async fn held_within(&mut self, expect: &Expect, scope: &Value) -> Held {
        let until = self.now().plus(expect.within);
        loop {
            match self.held(expect, scope).await {
                Held::No(_) if self.now() < until => {
                    let pause = (expect.within / 20).clamp(100, EVERY_MS).min(until.since(self.now()).max(1));
                    self.hands.clock.sleep(pause).await;
                }
                other => return other,
            }
        }
    }

    /// Reads again while AWS says that there is no such thing, unless that is an answer too (`absent_if`).
    async fn read_within(&mut self, read: &Read, absent_if: &str, within: i64, scope: &Value) -> Seen {
        let until = self.now().plus(within);
        loop {
            match self.read(read, scope).await {
                Seen::Fault(fault)
                    if fault.class == Class::NotDone && fault.code != absent_if && self.now() < until =>
                {
                    self.hands.clock.sleep(EVERY_MS.min(until.since(self.now()).max(1))).await;
                }
                other => return other,
            }
        }
    }

    /// Captures, and proves what reads can prove. The scope comes back with what was captured in it.
    #[allow(clippy::type_complexity)] // what was captured and which proofs did not hold, or why not
    async fn anchor(
        &mut self,
        mut scope: Value,
        regain: bool,
    ) -> (Value, Result<(Map<String, Value>, Vec<String>), Unset>) {
        let plan = self.plan;
        let Some(anchor) = plan.stage(&self.at.stage).and_then(|stage| stage.anchor.as_ref()) else {
            return (scope, Err(Unset::Refused("the stage has no anchor".to_owned())));
        };
        let mut captured = Map::new();
        // What only lags behind shows itself within the time that the anchor's own proofs are given.
        let patience = anchor.prove.iter().map(patience_of).max().unwrap_or(0);
        for capture in &anchor.capture {
            let value = match self.read_within(&capture.read, &capture.absent_if, patience, &scope).await {
                Seen::Answer(answer) => answer,
                Seen::Fault(fault) if !capture.absent_if.is_empty() && fault.code == capture.absent_if => Value::Null,
                Seen::Fault(fault) => {
                    let why = format!("capturing `{}`: {}: {}", capture.id, fault.code, fault.message);
                    return (scope, Err(Unset::Refused(why)));
                }
                Seen::Blocked(blocked) => return (scope, Err(Unset::Blocked(blocked))),
            };
            captured.insert(capture.id.clone(), value);
            scope["anchor"] = Value::Object(captured.clone());
        }
        let mut differs = Vec::new();
        for prove in &anchor.prove {
            let Prove::Read(expect) = prove else { continue };
            match self.held_within(expect, &scope).await {
                Held::Yes => {}
                Held::No(why) if regain => differs.push(why),
                Held::No(why) => return (scope, Err(Unset::Refused(why))),
                Held::Blocked(blocked) => return (scope, Err(Unset::Blocked(blocked))),
            }
        }
        (scope, Ok((captured, differs)))
    }

    /// A step that only reads.
    async fn look(&mut self, scope: &Value) -> Looked {
        let plan = self.plan;
        let Some(step) = plan.step(self.at) else { return Looked::Blocked(no_step(self.at)) };
        match &step.body {
            Body::Check(expect) => Looked::Held(self.held_within(expect, scope).await),
            Body::Wait(wait) => match &wait.expect {
                Some(expect) => Looked::Held(self.held(expect, scope).await),
                None => Looked::Blocked(no_step(self.at)),
            },
            _ => {
                let text = |member: &str| step.template.get(member).and_then(Value::as_str).unwrap_or_default();
                let with = step.template.get("with").cloned().unwrap_or(Value::Object(Map::new()));
                let read = Read { action: text("action").to_owned(), session: step.session.clone(), with };
                Looked::Seen(self.read(&read, scope).await)
            }
        }
    }

    async fn verify(&mut self, scope: &Value, sides: &[String], checks: bool, known: &Value) -> Came {
        let plan = self.plan;
        let Some(step) = plan.step(self.at) else {
            return Came::Verified { seen: Vec::new(), stopped: Some(no_step(self.at)) };
        };
        let mut seen = Vec::new();
        if checks {
            for expect in &step.verify {
                let why = match self.held_within(expect, scope).await {
                    Held::Yes => continue,
                    Held::Blocked(blocked) => blocked,
                    Held::No(why) => Blocked::Failed(format!("verifying: {why}")),
                };
                return Came::Verified { seen: Vec::new(), stopped: Some(why) };
            }
            seen.push("verify".to_owned());
        }
        let mut stopped = None;
        for side in sides {
            match self.side(side, known, scope).await {
                Ok((Reading::Done, _, _)) => seen.push(side.clone()),
                Ok(_) => {}
                Err(blocked) => stopped = Some(blocked),
            }
        }
        Came::Verified { seen, stopped }
    }

    /// What one side of the probe says.
    async fn side(&mut self, name: &str, known: &Value, scope: &Value) -> Result<Said, Blocked> {
        let plan = self.plan;
        let Some(step) = plan.step(self.at) else { return Err(no_step(self.at)) };
        if let (Body::Command(command), "probe") = (&step.body, name) {
            let Some(expect) = &command.probe else { return Err(Blocked::Failed("no probe".to_owned())) };
            return match self.held(expect, scope).await {
                Held::Yes => Ok((Reading::Done, Value::Null, Value::Null)),
                Held::No(why) => Ok((Reading::NotDone, Value::String(why), Value::Null)),
                Held::Blocked(blocked) => Err(blocked),
            };
        }
        let action = step.template.get("action").and_then(Value::as_str).unwrap_or_default();
        let side = catalogue::find(action).and_then(|action| action.probe.iter().find(|side| side.name == name));
        match (side, step.probe.get(name)) {
            (Some(side), Some(session)) => self.ask_side(side, session, known).await,
            _ => Err(Blocked::Failed(format!("{action} has no probe side {name}"))),
        }
    }

    fn another(&self) -> Option<&'static Another> {
        let action = self.plan.step(self.at)?.template.get("action")?.as_str()?;
        catalogue::find(action)?.another.as_ref()
    }

    async fn ask_side(&mut self, side: &Side, session: &str, known: &Value) -> Result<Said, Blocked> {
        let mut context = json!({"with": known["with"], "output": known["output"], "fresh": null, "reads": {}});
        for read in side.reads {
            let mut with = Map::new();
            let mut whole = true;
            for (name, text) in read.with {
                match expression::fill(&Value::String((*text).to_owned()), &context, self.now()) {
                    // What the read can do without is left out alone.
                    Ok(Value::Null) | Err(_) if !catalogue::needs(read.action, name) => {}
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
                match self.read(&read_of, &json!({})).await {
                    Seen::Answer(answer) => entry["answer"] = answer,
                    Seen::Fault(fault) => entry["error"] = Value::String(fault.code),
                    Seen::Blocked(blocked) => return Err(blocked),
                }
            }
            context["reads"][read.id] = entry;
        }
        if let Some(another) = self.another() {
            context["fresh"] = fresh(another, &known["before"], &context["reads"]);
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
        Ok((reading, context["reads"].take(), found))
    }
}

/// What is listed now, was not there before, and is not older than the call.
fn fresh(another: &Another, before: &Value, reads: &Value) -> Value {
    let list = reads.get(another.read).and_then(|read| read.get("answer")?.get(another.list)?.as_array());
    let known = before.get("known").and_then(Value::as_array);
    let since = before.get("since").and_then(Value::as_str).and_then(Time::parse);
    let (Some(list), Some(known), Some(since)) = (list, known, since) else { return Value::Null };
    let new = |one: &&Value| {
        let made = one.get(another.made).and_then(Value::as_str).and_then(Time::parse);
        one.get(another.name).is_some_and(|name| !known.contains(name)) && made.is_some_and(|made| made >= since)
    };
    list.iter().filter(new).cloned().collect()
}

fn no_step(at: &StepId) -> Blocked {
    Blocked::Failed(format!("there is no step {at} that reads"))
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

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Value::Object(members)
        }
        other => other,
    }
}
