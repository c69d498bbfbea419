//! A runbook as its author wrote it: the whole grammar, every value with its place, nothing
//! resolved or defaulted. `check` turns it into what may be planned.

use super::kind::Kind;
use super::node::{At, Node, Source, Text};
use std::ops::Range;

#[derive(Clone, Debug)]
pub struct Runbook {
    pub source: Source,
    pub name: Text,
    pub title: Option<Text>,
    pub version: Option<Text>,
    pub description: Option<Text>,
    pub require_proof: Option<At<bool>>,
    pub exclude_starter: Option<At<bool>>,
    /// Id and path below the runbook.
    pub files: Vec<(Text, Text)>,
    pub parameters: Vec<Parameter>,
    pub roles: Vec<Role>,
    pub apart: Vec<Vec<Text>>,
    pub sessions: Vec<Session>,
    pub holds: Vec<Hold>,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub id: Text,
    pub of: Kind,
    pub description: Option<Text>,
    pub default: Option<Node>,
    pub example: Option<Node>,
    pub choices: Vec<Text>,
    /// Of a list: what its items are.
    pub items: Option<Kind>,
    /// Of a table: its columns.
    pub columns: Vec<Parameter>,
    pub min: Option<At<i64>>,
    pub max: Option<At<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Signature,
    UserVerified,
    MfaCode,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub id: Text,
    pub title: Option<Text>,
    /// None: its holders may be of any party.
    pub party: Option<Text>,
    pub proof: At<Proof>,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub id: Text,
    pub account: Text,
    pub used_by: Vec<Text>,
    pub kinds: Vec<Text>,
    pub profile: Option<Text>,
    pub through: Option<Text>,
    pub assume_role: Option<Text>,
    pub external_id: Option<Text>,
    pub mfa: Option<At<bool>>,
    pub assume_root: Option<Text>,
    pub region: Option<Text>,
}

#[derive(Clone, Debug)]
pub struct Hold {
    pub id: Text,
    pub span: Range<usize>,
    pub title: Option<Text>,
    pub session: Option<Text>,
    pub prove: Vec<Expect>,
    pub by_hand: Vec<Text>,
    pub instructions: Option<Text>,
    pub from: Option<Text>,
    pub until: Option<Text>,
    pub fresh_within: Option<At<i64>>,
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub id: Text,
    pub span: Range<usize>,
    pub title: Option<Text>,
    pub when: Option<Text>,
    /// A template text, or a literal list.
    pub for_each: Option<Node>,
    pub key: Option<Text>,
    pub at_once: Option<At<i64>>,
    pub canary: Option<At<i64>>,
    pub stop_after: Option<At<i64>>,
    pub needs_holds: Vec<Text>,
    pub session: Option<Text>,
    pub performer: Option<Text>,
    pub approvals: Option<Approvals>,
    pub anchor: Option<Anchor>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub struct Anchor {
    pub span: Range<usize>,
    pub title: Option<Text>,
    pub capture: Vec<Capture>,
    pub prove: Vec<Prove>,
}

/// A read-only call.
#[derive(Clone, Debug)]
pub struct Read {
    pub span: Range<usize>,
    pub action: Text,
    pub session: Option<Text>,
    pub with: Node,
}

#[derive(Clone, Debug)]
pub struct Capture {
    pub id: Text,
    pub read: Read,
    pub absent_if: Option<Text>,
}

/// A read and exactly one of `expect` and `expect_error`.
#[derive(Clone, Debug)]
pub struct Expect {
    pub read: Read,
    pub expect: Option<Text>,
    pub expect_error: Option<Text>,
    pub within: Option<At<i64>>,
}

#[derive(Clone, Debug)]
pub enum Prove {
    Read(Box<Expect>),
    /// Instructions.
    Manual(Text),
}

/// A list of approvals and its place.
pub type Approvals = At<Vec<Approval>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    Step,
    Item,
    Stage,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    pub span: Range<usize>,
    pub role: Text,
    pub count: Option<At<i64>>,
    pub from_parties: Option<At<i64>>,
    pub within: Option<At<i64>>,
    pub run_within: Option<At<i64>>,
    pub per: Option<At<Per>>,
}

#[derive(Clone, Debug)]
pub struct Confirm {
    pub text: Text,
    pub typed: Option<Text>,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub id: Text,
    pub span: Range<usize>,
    pub title: Option<Text>,
    pub performer: Option<Text>,
    pub session: Option<Text>,
    pub when: Option<Text>,
    pub confirm: Option<Confirm>,
    pub approvals: Option<Approvals>,
    pub verify: Vec<Expect>,
    pub undo: Option<At<Undo>>,
    pub no_undo: Option<Text>,
    pub point_of_no_return: Option<Text>,
    pub lost: Option<Text>,
    pub repair: Vec<Step>,
    pub accept_existing: Option<At<bool>>,
    /// Hazard and reason.
    pub even_though: Vec<(Text, Text)>,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Undo {
    Usual,
    Steps(Vec<Step>),
}

#[derive(Clone, Debug)]
pub enum Body {
    Action(Action),
    Read(Read),
    Check(Expect),
    Wait(Wait),
    Ask(Vec<Field>),
    Manual(Manual),
    Command(Command),
}

#[derive(Clone, Debug)]
pub struct Action {
    pub call: Read,
    /// Side and session.
    pub probe: Vec<(Text, Text)>,
    pub secret_to: Option<Node>,
}

#[derive(Clone, Debug)]
pub enum Until {
    /// Milliseconds, after a time or after the wait began.
    For {
        ms: At<i64>,
        after: Option<Text>,
    },
    Time(Text),
    Holds(Expect),
}

#[derive(Clone, Debug)]
pub struct Wait {
    pub until: Until,
    pub every: Option<At<i64>>,
    pub within: Option<At<i64>>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: Text,
    pub of: Kind,
    pub text: Option<Text>,
    pub required: Option<At<bool>>,
    pub choices: Vec<Text>,
    pub example: Option<Node>,
}

#[derive(Clone, Debug)]
pub struct Manual {
    pub instructions: Text,
    pub performers: Vec<Text>,
    pub says: Vec<(Text, Text)>,
    pub evidence: Vec<Evidence>,
    pub together: Option<At<i64>>,
    pub settles: Vec<Text>,
    pub mutates: Option<At<bool>>,
}

#[derive(Clone, Debug)]
pub struct Evidence {
    pub name: Text,
    pub of: Kind,
    pub by: Option<Text>,
    pub required: Option<At<bool>>,
    pub example: Option<Node>,
}

#[derive(Clone, Debug)]
pub struct Command {
    pub argv: Vec<Text>,
    pub env: Vec<(Text, Text)>,
    pub credentials: Option<Text>,
    pub ok_exit: Vec<At<i64>>,
    pub within: Option<At<i64>>,
    pub mutates: Option<At<bool>>,
    pub touches: Option<Node>,
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
