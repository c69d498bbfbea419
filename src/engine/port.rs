//! What the engine's effects are carried out by: the contracts of the rooms with IO.
//! Declarations only; the real parts live in `journal`, `aws`, `operator`, `keys`, and in `cli`.

use crate::base::{Digest, RunId, Time};
use crate::catalogue::Class;
use serde_json::Value;
use std::future::Future;

/// Where a chain stands: how many entries, and the last one's leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    pub size: u64,
    pub leaf: Digest,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process appended first: read what is new, decide again.
    #[error("the journal has moved on")]
    Moved,
    /// The epoch is not the lease's any more: another seat took over.
    #[error("another seat has taken over this run")]
    Fenced,
    /// COMMIT failed: it is not known whether the entries are there. Nothing may be sent.
    #[error("the journal could not say whether it kept the last entries: {0}")]
    Unknown(String),
    /// What is kept is not what its digest says.
    #[error("{0}")]
    Altered(String),
    #[error("{0}")]
    Io(String),
}

/// The journal's contract: append if the head is still this one; read; objects.
pub trait Store {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError>;
    /// Entry lines from `seq` on, in order.
    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError>;
    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;
    /// One transaction: if the head is still `expected` (none: no entry yet) and, where given, the lease
    /// still has `epoch`, adds the lines and the objects. Returns only after COMMIT.
    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError>;
}

/// A session of the plan, resolved for one item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionWanted {
    pub id: String,
    /// 12 digits.
    pub account: String,
    /// Allowed credential kinds; empty: any.
    pub kinds: Vec<String>,
    /// Default profile of the runbook, filled; empty if none. Bindings given by the operator win.
    pub profile: String,
    pub region: String,
    /// Credentials that assume the role, if it is a chained session.
    pub through: Option<Box<SessionWanted>>,
    /// Role name or ARN; or the ARN of a task policy: then the account's root user, for that task.
    pub assume_role: String,
    pub external_id: String,
    /// The role is assumed with a code of the device with this serial (empty: nobody at the seat has one).
    pub mfa: bool,
    pub serial: String,
    /// `countersign-<run8>-<person>`.
    pub role_session_name: String,
}

impl SessionWanted {
    /// A name without an account: of a session that could not be resolved.
    pub fn none(id: &str) -> SessionWanted {
        SessionWanted {
            id: id.to_owned(),
            account: String::new(),
            kinds: Vec::new(),
            profile: String::new(),
            region: String::new(),
            through: None,
            assume_role: String::new(),
            external_id: String::new(),
            mfa: false,
            serial: String::new(),
            role_session_name: String::new(),
        }
    }
}

/// Who AWS says we are (sts:GetCallerIdentity), and where we asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account: String,
    pub arn: String,
    /// `root`, `user`, `role`, `identity_center`, `federated`.
    pub kind: String,
    /// `https://sts.us-east-1.amazonaws.com`-like for AWS, or the endpoint that is in effect.
    pub endpoint: String,
}

/// Why a session could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionProblem {
    /// This seat has no credentials for it.
    #[error("no credentials here for the session {session}: {message}")]
    None { session: String, message: String },
    /// They have expired, or AWS does not accept them (any more).
    #[error("the credentials of the session {session} have expired or are not accepted: {message}")]
    Expired { session: String, message: String },
    #[error("the session {session} must be in account {wanted}, but its credentials are {arn}")]
    WrongAccount { session: String, wanted: String, arn: String },
    #[error("the session {session} allows {wanted}, but its credentials are of kind {found} ({arn})")]
    WrongKind { session: String, wanted: String, found: String, arn: String },
    /// Endpoint and mode do not fit (P16).
    #[error("{0}")]
    Endpoint(String),
    #[error("AWS could not be reached for the session {session}: {message}")]
    Unreachable { session: String, message: String },
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub session: SessionWanted,
    pub action: String,
    /// AWS's parameter names.
    pub with: Value,
    pub time_limit_ms: i64,
    /// Where secret outputs are put before the answer returns, or null.
    pub secret_to: Value,
}

/// AWS's answer, or its error.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub result: Result<Value, Fault>,
    pub request_id: Option<String>,
    /// AWS's date header, RFC 3339 seconds.
    pub date: Option<String>,
}

/// An error, classed by the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// AWS's code, or `Timeout`, `ConnectionLost`, `ConnectionRefused`, `SessionExpired`, `ServerError`.
    pub code: String,
    pub reason: String,
    pub message: String,
    pub class: Class,
}

/// Everything that is asked of AWS. One object per seat; opened sessions are kept inside.
pub trait Cloud {
    /// Opens (or re-uses) the session and pins its identity: account, kind, endpoint.
    fn open(&self, session: &SessionWanted) -> impl Future<Output = Result<Identity, SessionProblem>>;
    /// Forgets an opened session, so that the next `open` reads fresh credentials.
    fn forget(&self, session: &SessionWanted);
    /// The environment variables that give a child process this session's credentials and endpoint.
    fn environment(
        &self,
        session: &SessionWanted,
    ) -> impl Future<Output = Result<Vec<(String, String)>, SessionProblem>>;
    /// One call through an opened session. Mutations: no retries. Reads: bounded retries, all pages.
    fn call(&self, call: &Call) -> impl Future<Output = Reply>;
}

/// Time, asked for and waited for.
pub trait Clock {
    fn now(&self) -> Time;
    /// Milliseconds since this process (or seat) started; never goes back.
    fn mono(&self) -> u64;
    fn sleep(&self, ms: i64) -> impl Future<Output = ()>;
}

/// Randomness.
pub trait Random {
    fn bytes(&mut self, count: usize) -> Vec<u8>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    #[error("no key of {person} is at hand: {message}")]
    NoKey { person: String, message: String },
    #[error("{0}")]
    Failed(String),
}

/// Signs statements in the name of a person.
pub trait Signer {
    /// Armoured SSHSIG over `statement` in `namespace`, and the public key line (`type base64`).
    fn sign(&self, person: &str, namespace: &str, statement: &str) -> Result<(String, String), SignError>;
}
