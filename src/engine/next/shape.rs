//! What the engine may ask for next, as data: entries to append, reads, operations, questions, stops.

use crate::base::{Digest, StepId, Time};
use crate::engine::state::Run;
use crate::record::fact::{Fact, WaitFor};
use serde_json::Value;

/// An entry to be appended, with the objects it names.
#[derive(Clone, Debug)]
pub struct Draft {
    pub fact: Fact,
    /// The person it is by; none: the seat itself.
    pub by: Option<String>,
    pub objects: Vec<(Digest, Vec<u8>)>,
    /// An outcome's output: salted and stored by the driver, which has the randomness.
    pub output: Option<Value>,
}

impl Draft {
    pub fn new(fact: impl Into<Fact>) -> Draft {
        Draft { fact: fact.into(), by: None, objects: Vec::new(), output: None }
    }

    pub fn giving(mut self, output: Value) -> Draft {
        self.output = Some(output);
        self
    }

    pub fn by(mut self, person: &str) -> Draft {
        self.by = Some(person.to_owned());
        self
    }

    pub fn with(mut self, object: (Digest, Vec<u8>)) -> Draft {
        self.objects.push(object);
        self
    }
}

#[must_use]
#[derive(Clone, Debug)]
pub enum Next {
    Append(Vec<Draft>),
    /// Capture and prove an anchor (`regain`: after a rollback).
    Anchor {
        stage: String,
        item: Option<String>,
        regain: bool,
    },
    /// Prove a held way in, as in the stage `stage` (by index); `begin`: from now on it is held.
    Hold {
        hold: String,
        stage: usize,
        begin: bool,
    },
    Perform(Perform),
    /// A step that only reads: kinds read, check, wait on an answer.
    Look {
        id: StepId,
    },
    /// See the effect of a done step from these sides.
    Verify {
        id: StepId,
        sides: Vec<String>,
        checks: bool,
    },
    /// Ask one side about an operation in doubt.
    Probe {
        id: StepId,
        side: String,
    },
    Prompt(Prompt),
    Sleep {
        until: Time,
        what: WaitFor,
        step: String,
        why: String,
    },
    Stop(Stop),
}

/// An operation to begin: `intended`, the call, `outcome`.
#[derive(Clone, Debug)]
pub struct Perform {
    pub id: StepId,
    pub operation: Value,
    pub performer: String,
    pub request: Option<u64>,
    pub consumes: Vec<u64>,
    pub run_by: Option<Time>,
    pub attempt: u32,
    pub r#try: u32,
    pub first: Option<u64>,
}

/// A question to a performer.
#[derive(Clone, Debug)]
pub struct Prompt {
    pub kind: PromptKind,
    /// The step, or for a go-on the stage.
    pub at: String,
    pub attempt: u32,
    pub role: String,
    /// Who may answer, and of them who is signed on here.
    pub people: Vec<String>,
    pub at_seat: Option<String>,
    pub text: String,
}

#[derive(Clone, Debug)]
pub enum PromptKind {
    /// `typed`: what must be typed; empty: yes. `object`: the operation confirmed.
    Confirm {
        typed: String,
        object: (Digest, Vec<u8>),
    },
    GoOn,
    /// Did this person get in by a way that is held? `words`: what is signed.
    Hold {
        words: String,
    },
    Task {
        says: String,
        evidence: Vec<crate::plan::model::Evidence>,
        settles: Vec<String>,
    },
    Ask {
        fields: Vec<crate::plan::model::AskField>,
    },
}

/// Why the seat stops, and what would make it go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    pub kind: StopKind,
    pub what: Option<WaitFor>,
    /// `stage:item/step`, a stage, or empty.
    pub at: String,
    pub role: String,
    pub people: Vec<String>,
    pub until: Option<Time>,
    pub why: String,
    /// Something outside has failed that is nobody's decision: an expired session, a lost connection, throttling.
    pub paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    Done,
    Waiting,
    Failed,
    InDoubt,
    Refused,
}

impl Stop {
    pub fn waiting(what: WaitFor, at: impl Into<String>, why: impl Into<String>) -> Stop {
        Stop {
            kind: StopKind::Waiting,
            what: Some(what),
            at: at.into(),
            role: String::new(),
            people: Vec::new(),
            until: None,
            why: why.into(),
            paused: what == WaitFor::Aws,
        }
    }

    pub fn paused(mut self) -> Stop {
        self.paused = true;
        self
    }

    pub fn of(kind: StopKind, at: impl Into<String>, why: impl Into<String>) -> Stop {
        Stop { kind, what: None, paused: false, ..Stop::waiting(WaitFor::Aws, at, why) }
    }

    pub fn for_role(mut self, run: &Run, role: &str) -> Stop {
        self.role = role.to_owned();
        self.people = run.people.holders(role).map(|person| person.id.clone()).collect();
        self
    }
}
