//! The one decision function: may this person's statement count, and is what is asked granted?
//! Every door (command line, answer file, seat, verifier) calls it. Pure.
//!
//! [`admit`] is the door for one statement, [`decide`] the state of the whole request,
//! [`demands`] what the plan asks for. Signatures are verified before (room `sshsig`), and that a
//! nonce is fresh in the whole run is checked by those who hold the whole run.

mod admit;
pub mod change;
mod decide;
mod demands;
mod slots;

pub use admit::admit;
pub use decide::decide;
pub use demands::{demands, roles_of};

use crate::base::{Digest, Time};
use crate::people::People;
use crate::plan::model::{Approval, Plan};
use crate::record::fact::Asked;
use crate::record::statement::{Head, Statement};
use crate::sshsig::Good;
use std::collections::BTreeSet;

/// All that a decision rests on. Engine and verifier build it from the journal.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    pub plan: &'a Plan,
    pub people: &'a People,
    /// Seq and leaf of the `asked`.
    pub request: u64,
    pub request_leaf: Digest,
    pub asked: &'a Asked,
    /// What the plan demands for what the request covers: [`demands`]. A demand's `role` may be
    /// several, joined by `|`: any of them (settlements only, see [`roles_of`]).
    pub demands: Vec<Approval>,
    /// Who performs, confirmed, answered or attached for anything that the request covers.
    pub performers: BTreeSet<String>,
    /// Who opened the run.
    pub starter: String,
    /// Approvals, denials and revocations so far, in order.
    pub statements: Vec<Given<'a>>,
    /// The clock: never behind the floor of the history (the greatest `at`, `signed-at` and AWS date so far),
    /// which is what the verifier judges by. A writer passes the later of its own clock and that floor.
    pub now: Time,
}

/// One statement over the request, already verified against `key`'s signature.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// Seq of the entry that carries it.
    pub seq: u64,
    pub statement: &'a Statement,
    pub good: Good,
    /// The key blob that signed.
    pub key: Vec<u8>,
    /// The head that the journal has at the statement's `size` (run, mode, root, digests in force).
    pub head: &'a Head,
}

/// Why a statement does not count. Words for people by `Display`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{person} is not in the people file")]
    UnknownPerson { person: String },
    #[error("{person} performs this, and nobody approves what they perform")]
    Performer { person: String },
    #[error("{person} opened the run, and this runbook lets its starter approve nothing")]
    Starter { person: String },
    #[error("{person} does not hold the role {role}")]
    NotInRole { person: String, role: String },
    #[error("the role {role} is not asked for here")]
    RoleNotAsked { role: String },
    #[error("the key is not one of {person}'s keys")]
    OtherKey { person: String },
    #[error("{person} belongs to {party}, not to {said}")]
    OtherParty { person: String, party: String, said: String },
    #[error("the statement says `{field}: {found}`, but the request says `{wanted}`")]
    Mismatch { field: &'static str, found: String, wanted: String },
    #[error("it was signed at {signed}, after the request's approve-by {until}")]
    Late { signed: String, until: String },
    #[error("its clock ({signed}) is over 2 minutes ahead of {now}")]
    Ahead { signed: String, now: String },
    #[error("the role {role} needs a security key with touch and PIN, and this signature says {found}")]
    NotUserVerified { role: String, found: String },
    #[error("the role {role} needs a code checked by AWS, which this version does not do")]
    MfaCode { role: String },
    #[error("{person} has decided on this request already")]
    Twice { person: String },
    #[error("{person} has approved nothing here that could be revoked")]
    NothingToRevoke { person: String },
    #[error("{person} holds {roles}, which must be held by different people")]
    Apart { person: String, roles: String },
    #[error("this statement was used before")]
    Reused,
    #[error("the request is over: {why}")]
    Over { why: String },
    #[error("it is no approval statement")]
    NotAnApproval,
}

/// The state of a request.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The statements (entry seqs) that fill the slots: these are consumed.
    Granted {
        consumes: Vec<u64>,
        run_by: Time,
    },
    /// What is still missing, per demand.
    Missing(Vec<Lack>),
    Denied {
        person: String,
        reason: String,
    },
    Expired {
        at: Time,
    },
}

/// One demand that is not met yet, and who could meet it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    pub role: String,
    pub needed: u32,
    pub have: u32,
    /// People (ids) who may still approve.
    pub people: Vec<String>,
}
