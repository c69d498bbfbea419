//! A runbook that was checked: names resolved, defaults filled in, nothing left that could be wrong
//! before values and people come in. Only [`super::check`] makes one.

use crate::catalogue::Action;
use crate::catalogue::action::UndoStep;
use crate::runbook::node::Source;
use crate::runbook::written::{Evidence, Field, Parameter, Per, Proof};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;

/// Times in milliseconds; texts may hold `${...}`; empty text: not given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    pub source: Source,
    pub name: String,
    pub title: String,
    pub version: String,
    pub description: String,
    pub require_proof: bool,
    pub exclude_starter: bool,
    /// Id and path below the runbook's folder.
    pub files: BTreeMap<String, PinnedPath>,
    pub parameters: Vec<Parameter>,
    pub roles: BTreeMap<String, Role>,
    pub apart: Vec<Vec<String>>,
    pub sessions: BTreeMap<String, Session>,
    pub holds: Vec<Hold>,
    pub stages: Vec<Stage>,
}

/// See [`crate::plan::model::Hold`].
#[derive(Clone, Debug)]
pub struct Hold {
    pub id: String,
    pub title: String,
    pub session: String,
    pub prove: Vec<Expect>,
    pub by_hand: Vec<String>,
    pub instructions: String,
    pub from: String,
    pub until: String,
    pub fresh_within: i64,
}

#[derive(Clone, Debug)]
pub struct PinnedPath {
    pub path: String,
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub title: String,
    pub party: String,
    pub proof: Proof,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub account: String,
    pub used_by: Vec<String>,
    pub kinds: Vec<String>,
    pub profile: String,
    pub through: String,
    pub assume_role: String,
    pub external_id: String,
    pub mfa: bool,
    pub assume_root: String,
    pub region: String,
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub id: String,
    pub title: String,
    pub when: String,
    pub repeat: Option<Repeat>,
    pub at_once: u32,
    pub canary: u32,
    pub stop_after: u32,
    pub performer: String,
    pub anchor: Option<Anchor>,
    pub steps: Vec<Step>,
}

/// What a stage repeats over.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// A template giving a list, or a literal list.
    pub over: Value,
    pub over_span: Range<usize>,
    pub key: String,
    pub key_span: Range<usize>,
    /// It depends on parameters only, so that the plan holds the items.
    pub known_before: bool,
}

#[derive(Clone, Debug)]
pub struct Anchor {
    pub title: String,
    pub capture: Vec<Capture>,
    pub prove: Vec<Prove>,
}

#[derive(Clone, Debug)]
pub struct Capture {
    pub id: String,
    pub read: Call,
    pub absent_if: String,
}

#[derive(Clone, Debug)]
pub enum Prove {
    Read(Expect),
    Manual(String),
}

/// An action with its session and parameters.
#[derive(Clone, Debug)]
pub struct Call {
    pub action: &'static Action,
    pub session: String,
    pub with: Value,
}

/// Exactly one of `expect` and `expect_error` is given.
#[derive(Clone, Debug)]
pub struct Expect {
    pub read: Call,
    pub expect: String,
    pub expect_error: String,
    pub within: i64,
}

#[derive(Clone, Debug)]
pub struct Confirm {
    pub text: String,
    pub typed: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub role: String,
    pub count: u32,
    pub from_parties: u32,
    pub within: i64,
    pub run_within: i64,
    pub per: Per,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub id: String,
    pub title: String,
    pub performer: String,
    pub session: String,
    pub when: String,
    pub confirm: Option<Confirm>,
    pub approvals: Vec<Approval>,
    pub mutates: bool,
    pub verify: Vec<Expect>,
    pub back: Back,
    pub lost: String,
    pub accept_existing: bool,
    pub even_though: BTreeMap<String, String>,
    /// Side and session.
    pub probe: BTreeMap<String, String>,
    /// Paths of the output's secret members.
    pub secret_outputs: Vec<String>,
    pub secret_to: Value,
    pub repair: Vec<Step>,
    pub body: Body,
}

/// A step's way back.
#[derive(Clone, Debug)]
pub enum Back {
    /// It changes nothing, or is itself an undo or a repair.
    None,
    Steps(Vec<Step>),
    /// The catalogue's.
    Usual(Vec<UsualStep>),
    NoUndo(String),
    PointOfNoReturn(String),
}

/// A step of the catalogue's usual undo, and the sessions of its probe's sides.
#[derive(Clone, Debug)]
pub struct UsualStep {
    pub step: &'static UndoStep,
    pub action: &'static Action,
    pub probe: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub enum Body {
    Action(Call),
    Read(Call),
    Check(Expect),
    Wait(Wait),
    Ask(Vec<Field>),
    Manual(Manual),
    Command(Command),
}

#[derive(Clone, Debug)]
pub enum Until {
    For { ms: i64, after: String },
    Time(String),
    Holds(Expect),
}

#[derive(Clone, Debug)]
pub struct Wait {
    pub until: Until,
    pub every: i64,
    pub within: i64,
}

#[derive(Clone, Debug)]
pub struct Manual {
    pub instructions: String,
    pub performers: Vec<String>,
    pub says: BTreeMap<String, String>,
    pub evidence: Vec<Evidence>,
    pub together: i64,
    pub settles: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Command {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub credentials: String,
    pub ok_exit: Vec<i64>,
    pub within: i64,
    pub touches: Vec<Value>,
    pub probe: Option<Expect>,
}

impl Body {
    pub fn kind(&self) -> &'static str {
        match self {
            Body::Action(_) => "action",
            Body::Read(_) => "read",
            Body::Check(_) => "check",
            Body::Wait(_) => "wait",
            Body::Ask(_) => "ask",
            Body::Manual(_) => "manual",
            Body::Command(_) => "command",
        }
    }
}
