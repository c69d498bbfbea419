//! The registry of entry kinds: what each one's `data` holds. A meaning never changes;
//! `journal/FORMAT.md` publishes the same table. Members stand in the order of their names, as in a line: so a line is
//! written straight through.

use crate::base::{Digest, StepId, Time, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Builds the `Fact` enum and its two conversions from one list.
macro_rules! facts {
    ($($variant:ident = $kind:literal),* $(,)?) => {
        /// What one entry states.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Fact { $($variant($variant)),* }

        impl Fact {
            /// Every kind, in the registry's order.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            pub fn kind(&self) -> &'static str {
                match self { $(Fact::$variant(_) => $kind),* }
            }

            /// The entry's `data` member.
            pub fn data(&self) -> Value {
                let value = match self { $(Fact::$variant(fact) => serde_json::to_value(fact)),* };
                value.unwrap_or(Value::Null)
            }

            /// The canonical text of `data`, if it surely has one.
            pub fn data_text(&self) -> Option<String> {
                match self { $(Fact::$variant(fact) => json::member_text(fact)),* }
            }

            /// Reads `data` from its text, if that is surely its canonical form; else [`Fact::read`] has to say.
            pub fn from_text(kind: &str, data: &str) -> Option<Fact> {
                match kind {
                    $($kind => {
                        let fact: $variant = serde_json::from_str(data).ok()?;
                        json::is_member_text(&fact, data).then_some(Fact::$variant(fact))
                    })*
                    _ => None,
                }
            }

            /// Reads `data` of an entry of `kind`; an unknown kind or member is an error.
            pub fn read(kind: &str, data: &Value) -> Result<Fact, String> {
                match kind {
                    $($kind => serde_json::from_value(data.clone()).map(Fact::$variant).map_err(|e| e.to_string()),)*
                    _ => Err(format!("the kind `{kind}` is not known")),
                }
            }
        }

        $(impl From<$variant> for Fact { fn from(fact: $variant) -> Fact { Fact::$variant(fact) } })*
    };
}

facts! {
    RunOpened = "run_opened", SignedOn = "signed_on", SignedOff = "signed_off", SessionOpened = "session_opened",
    StageEntered = "stage_entered", AnchorSet = "anchor_set", AnchorRefused = "anchor_refused",
    HoldBegan = "hold_began", HoldProved = "hold_proved", HoldEnded = "hold_ended",
    Asked = "asked", Corroborated = "corroborated", Approval = "approval", RequestEnded = "request_ended", Said = "said",
    Intended = "intended", Outcome = "outcome", Observed = "observed", Verified = "verified",
    Skipped = "skipped", Waiting = "waiting", Waited = "waited", Paused = "paused", Resumed = "resumed",
    RollbackStarted = "rollback_started", AnchorRegained = "anchor_regained",
    Amended = "amended", PeopleChanged = "people_changed", BreakGlass = "break_glass",
    Checkpoint = "checkpoint", HandedOver = "handed_over", RunClosed = "run_closed", Witness = "witness",
}

macro_rules! fact {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $of:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_meta])* pub $field: $of),* }
    };
}

/// A run is live, simulated or a rehearsal (P16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Live,
    Simulated,
    Rehearsal,
}

impl Mode {
    pub fn name(&self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Simulated => "simulated",
            Mode::Rehearsal => "rehearsal",
        }
    }

    pub fn from_name(name: &str) -> Option<Mode> {
        [Mode::Live, Mode::Simulated, Mode::Rehearsal].into_iter().find(|mode| mode.name() == name)
    }
}

/// Forward, or taking a step back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Do,
    Undo,
}

fact!(
    /// AWS STS named the statement of the approval that comes next, for its signer's device. `by` is that signer.
    Corroborated {
        /// This, the ARN and the id: of the role that was assumed.
        account: String,
        arn: String, assumed_role_id: String, date: Option<String>, endpoint: String,
        request_id: Option<String>,
        /// The device.
        serial: String,
        /// SHA-256 of the statement's text.
        statement: Digest,
    }
);
fact!(
    /// Entry 0. `by` is who started the run.
    RunOpened {
        host: String, mode: Mode,
        /// Where the files lay when the run was opened: `runbook`, `people`.
        paths: BTreeMap<String, String>,
        people: Digest,
        /// Object: `{"signatures":[{"statement","signature","key"}]}` over the people file; null in a rehearsal.
        people_signatures: Option<Digest>,
        plan: Digest, program: String,
        /// 64 hex digits.
        random: String,
        runbook: Digest, values: Digest,
    }
);
fact!(
    /// Somebody sat down; the first of an epoch begins it. `by` is that person.
    SignedOn { key: String, machine: String, signature: String, statement: String }
);
fact!(SignedOff { people: Vec<String>, why: String });
fact!(
    /// A set of credentials was opened and its identity checked.
    SessionOpened { account: String, arn: String, endpoint: String, session: String, session_kind: String }
);
fact!(
    /// `items`: object, list of `{"key","value"}`; null for a stage that does not repeat.
    StageEntered { count: u32, items: Option<Digest>, stage: String }
);
fact!(
    /// Captured and proved. `object`: `{"salt","captured":{id: answer or null}}`.
    AnchorSet { item: Option<String>, object: Digest, proved: u32, stage: String }
);
fact!(AnchorRefused { item: Option<String>, object: Option<Digest>, stage: String, why: String });
fact!(HoldBegan { hold: String });
fact!(HoldProved { hold: String, object: Option<Digest> });
fact!(HoldEnded { hold: String });

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Approval,
    Settle,
}

fact!(
    /// A request. `operations`: object (see `record::operations`).
    Asked {
        again: Vec<u64>, approve_by: Time, attempt: u32,
        /// `stage:item/step`, `stage:item/*`, `stage:*/*`, `stage/step`, `stage/*`, `undo stage:item/step`.
        covers: String,
        operations: Digest,
        /// The signed-on person who will perform.
        performer: String,
        run_by: Time,
        /// At most 400 characters, as shown.
        summary: String,
        what: What,
    }
);
fact!(
    /// A voice: approve, deny or revoke. `by` is that person.
    Approval { key: String, signature: String, statement: String }
);

/// Why a request is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    Consumed,
    Denied,
    Expired,
    Amended,
    PeopleChanged,
    RollbackStarted,
    HandedOver,
    /// Another holder of the performer role signed on.
    PerformerChanged,
    NewAttempt,
    AnchorChanged,
}

fact!(RequestEnded { request: u64, why: EndedBy });
fact!(
    /// A voice or the seat: a performer's signed word.
    Said { key: String, signature: String, statement: String }
);
fact!(
    /// An operation is about to begin.
    Intended {
        attempt: u32,
        /// Seqs of the `approval` entries spent, empty on later tries.
        consumes: Vec<u64>,
        direction: Direction,
        /// Seq of the first `intended` of this attempt, on later tries.
        first: Option<u64>,
        /// Object: the resolved operation.
        operation: Digest,
        /// The request whose approvals are spent; null if none is needed.
        request: Option<u64>,
        /// Nothing may be sent after this; null for steps by people.
        send_by: Option<Time>,
        step: StepId, r#try: u32,
    }
);

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Done,
    Failed,
    NotDone,
    InDoubt,
    SecretLost,
}

/// How that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// AWS's (or the command's) own answer.
    Answer,
    /// Read-only calls.
    Probe,
    /// People, with the evidence in front of them.
    Word,
    /// The executor itself: late, refused before the first byte, no such thing to do.
    Executor,
}

fact!(
    Outcome {
        attempt: u32,
        /// AWS's own date (RFC 3339, seconds), where it sent one.
        date: Option<String>,
        direction: Direction, error: Option<Problem>, found: Found,
        /// Seq of the `intended`; null for steps that have none (read, check, wait, ask).
        intended: Option<u64>,
        /// Object: `{"salt","output": ...}`; null if there is none.
        output: Option<Digest>,
        /// AWS's request id.
        request_id: Option<String>,
        result: Ended, step: StepId, took_ms: u64,
    }
);

/// An error as AWS (or a command) gave it, escaped when shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    pub code: String,
    pub reason: String,
    pub message: String,
    /// The catalogue's class.
    pub class: String,
}

/// What one side says about an operation in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    Done,
    NotDone,
    CannotTell,
}

fact!(
    /// One side was probed. `object`: `{"salt","reads":{id:{"answer","error"}}}`.
    Observed {
        direction: Direction, intended: u64, object: Digest, reading: Reading, side: String,
        step: StepId,
    }
);
fact!(
    /// The effect of a done step was seen from these sides (`verify` for the step's own checks).
    Verified { direction: Direction, object: Option<Digest>, sides: Vec<String>, step: StepId }
);
fact!(
    /// The stage, the item or the step does not apply (`when` gave false).
    Skipped { item: Option<String>, stage: String, step: Option<String>, why: String }
);

/// What a run waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    Approval,
    Confirmation,
    Task,
    Answer,
    Settle,
    Performer,
    Session,
    Time,
    Aws,
    GoOn,
}

impl WaitFor {
    pub fn name(&self) -> &'static str {
        match self {
            WaitFor::Approval => "approval",
            WaitFor::Confirmation => "confirmation",
            WaitFor::Task => "task",
            WaitFor::Answer => "answer",
            WaitFor::Settle => "settle",
            WaitFor::Performer => "performer",
            WaitFor::Session => "session",
            WaitFor::Time => "time",
            WaitFor::Aws => "aws",
            WaitFor::GoOn => "go_on",
        }
    }
}

fact!(
    /// `step`: `stage:item/step`, or a stage, or empty.
    Waiting {
        at_step: String, people: Vec<String>, role: String, until: Option<Time>, what: WaitFor,
        why: String,
    }
);
fact!(
    /// A durable wait began (`until` known) or is over.
    Waited { began: bool, step: StepId, until: Option<Time> }
);
fact!(Paused { code: String, why: String });
fact!(Resumed { why: String });
fact!(
    /// `to`: `stage` or `stage:item`; empty: everything.
    RollbackStarted { steps: Vec<StepId>, to: String }
);
fact!(
    /// Read again after a rollback; `differs` says in words what is not as captured.
    AnchorRegained { differs: Vec<String>, item: Option<String>, object: Digest, stage: String }
);
/// A signed statement as it travels: verbatim, never re-encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedText {
    pub statement: String,
    pub signature: String,
    pub key: String,
}
fact!(Amended { plan: Digest, runbook: Digest, statements: Vec<SignedText> });
fact!(PeopleChanged { people: Digest, statements: Vec<SignedText> });
fact!(BreakGlass { key: String, signature: String, statement: String });
fact!(
    /// Of the first `size` entries. `object`: the note as it was signed, and the time that somebody outside put on it.
    Checkpoint { object: Option<Digest>, root: String, size: u64 }
);
fact!(HandedOver { key: String, signature: String, statement: String });
fact!(
    /// `result`: `done`, `rolled_back` or `abandoned`; `counts`: entries per kind before this one.
    RunClosed { counts: BTreeMap<String, u64>, result: String }
);
fact!(Witness { key: String, signature: String, statement: String });
