//! Signed statements: typed, and their one text form (see `journal/FORMAT.md`).

use super::fact::Mode;
use crate::base::{Digest, RunId, Time};

/// What every statement about a run says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub run: RunId,
    pub mode: Mode,
    /// How many entries the signer saw.
    pub size: u64,
    /// Their Merkle root, base64.
    pub root: String,
    pub runbook: Digest,
    pub plan: Digest,
    pub people: Digest,
}

/// What every statement says last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    pub person: String,
    pub party: String,
    pub role: String,
    /// 32 hex digits.
    pub nonce: String,
    /// Whole seconds.
    pub signed_at: Time,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub body: Body,
    pub tail: Tail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    Approve,
    Deny,
    Revoke,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidWhat {
    Confirmed,
    Task,
    Answer,
    Evidence,
    Settled,
    Note,
    GoOn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Approval(Head, ApprovalFields),
    SignOn(Head, SignOnFields),
    Said(Head, SaidFields),
    Change(Head, ChangeFields),
    HandOver(Head, String),
    Decline(Head, String),
    BreakGlass(Head, BreakGlassFields),
    Witness(Head, String),
    /// Before any run: the digest of the people file.
    People(Digest),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalFields {
    pub decision: Decides,
    /// Seq of the `asked`.
    pub request: u64,
    pub request_leaf: Digest,
    pub covers: String,
    pub operations: Digest,
    pub attempt: u32,
    pub performer: String,
    pub summary: String,
    /// Earlier requests, space between.
    pub again: Vec<u64>,
    pub approve_by: Time,
    pub run_by: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOnFields {
    pub epoch: u64,
    pub machine: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidFields {
    pub what: SaidWhat,
    pub covers: String,
    pub attempt: u32,
    /// confirmed: operations digest; task, answer, evidence: digest of the stored answer;
    /// settled: digest of {probe, result, outputs}; else none.
    pub object: Option<Digest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeFields {
    pub runbook: Digest,
    pub plan: Digest,
    pub people: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlassFields {
    pub covers: String,
    pub operations: Digest,
    pub attempt: u32,
}
