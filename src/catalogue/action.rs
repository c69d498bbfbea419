//! The shape of an action: AWS's own names, and what Countersign must know to do it safely.
//! Data only; nothing here performs anything.

/// One AWS operation (or composite read) as data. All texts are shown to people.
#[derive(Debug)]
pub struct Action {
    /// `organizations:AcceptHandshake`: AWS's own IAM-style name.
    pub name: &'static str,
    /// One line: what it does.
    pub purpose: &'static str,
    /// The AWS API reference page.
    pub source: &'static str,
    pub mutates: bool,
    /// Who may call it, as AWS has it.
    pub caller: Caller,
    pub parameters: &'static [Field],
    pub outputs: &'static [Field],
    pub hazards: &'static [Hazard],
    /// How to tell whether it has already taken effect; empty for reads.
    pub probe: &'static [Side],
    /// What AWS does when the same call is made twice.
    pub repeat: Repeat,
    /// Where a call makes another one each time: how the one that it made is found.
    pub another: Option<Another>,
    /// How long AWS may take until every read shows the effect (milliseconds).
    pub settles_within: i64,
    /// How long one call may take (milliseconds).
    pub time_limit: i64,
    /// What takes it back, or why nothing does.
    pub undo: Undo,
    /// What no undo brings back; empty if nothing is lost.
    pub lost: &'static str,
    pub errors: &'static [ErrorRow],
    /// Requests per second per account, and burst, as AWS publishes them; none where unpublished.
    pub rate: Option<(f64, u32)>,
    /// For lists: the output member whose pages are joined.
    pub pages: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Anyone,
    Management,
    Member,
    Root,
}

/// A parameter or output member.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub of: Type,
    pub required: bool,
    /// Never journaled, never shown (outputs); or only from a `secret` parameter (parameters).
    pub secret: bool,
    pub about: &'static str,
}

#[derive(Debug)]
pub enum Type {
    String,
    Integer,
    Boolean,
    /// RFC 3339 text.
    Time,
    AccountId,
    OrganizationId,
    RootId,
    OuId,
    /// A root or an organizational unit.
    ParentId,
    PolicyId,
    HandshakeId,
    Arn,
    Email,
    RoleName,
    UserName,
    Choice(&'static [&'static str]),
    /// A JSON document (policy), text or table.
    Document,
    List(&'static Type),
    Record(&'static [Field]),
}

/// A danger that `check` and the engine look for by this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    EndsIdentityCenterSession,
    RemovesAccess,
    StrandsRoot,
    ClosesAccount,
    DeletesOrganization,
}

impl Hazard {
    pub fn name(&self) -> &'static str {
        match self {
            Hazard::EndsIdentityCenterSession => "ends_identity_center_session",
            Hazard::RemovesAccess => "removes_access",
            Hazard::StrandsRoot => "strands_root",
            Hazard::ClosesAccount => "closes_account",
            Hazard::DeletesOrganization => "deletes_organization",
        }
    }
}

/// One side that can be asked whether the operation has taken effect.
///
/// Expressions are JMESPath over `{with, output, fresh, reads}`: the operation's parameters, its
/// output where known (else null), `fresh` (see [`Another`]; null where it is not known what was
/// there before), and one member per read: `reads.ID.answer` (the answer or null) and
/// `reads.ID.error` (AWS's code or null).
#[derive(Debug)]
pub struct Side {
    /// `caller` (the step's own session), `management` or `member`.
    pub name: &'static str,
    pub reads: &'static [ProbeRead],
    /// True: it has taken effect.
    pub done: &'static str,
    /// True: it has not.
    pub not_done: &'static str,
    /// Where it took effect and the answer was lost: an expression that gives the output
    /// (later steps need it); empty if there is none.
    pub output: &'static str,
}

#[derive(Debug)]
pub struct ProbeRead {
    pub id: &'static str,
    /// A reading action of the catalogue.
    pub action: &'static str,
    /// Parameters; values that are `${...}` are expressions over the same members as [`Side`].
    /// A parameter whose expression gives null leaves the whole read out (answer and error null), or only itself
    /// where the read does not need it.
    pub with: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// AWS answers with an error that says so, or does nothing.
    Detected,
    /// AWS makes another one: never repeated, never "not done" by probe.
    MakesAnother,
}

/// How what a call made is found among its like when the answer was lost: `fresh` is what a read of
/// the probe lists, less what the journal says was there before and what is older than the call.
#[derive(Debug)]
pub struct Another {
    /// The id of that read, its action, the member of its answer that is the list.
    pub read: &'static str,
    pub lists: &'static str,
    pub list: &'static str,
    /// Of each: its name, and when it was made.
    pub name: &'static str,
    pub made: &'static str,
    /// The parameter that says whose they are.
    pub of: &'static str,
    /// The member of the operation's own output that holds the new one.
    pub output: &'static str,
    /// Right after this action with the same parameter there is none.
    pub none_after: &'static str,
}

#[derive(Debug)]
pub enum Undo {
    /// Reads need none.
    None,
    /// The usual undo, in order. Values of `with` that are `${...}` are expressions over
    /// `with` (the parameters that the step was done with) and `output` (its output).
    Usual(&'static [UndoStep]),
    /// There is none; the text says why. A runbook must write its own or declare a point of no return.
    Impossible(&'static str),
    /// It only removes what the run itself may have made: `no_undo = "why"` is allowed.
    NotNeeded(&'static str),
}

#[derive(Debug)]
pub struct UndoStep {
    pub id: &'static str,
    pub action: &'static str,
    pub with: &'static [(&'static str, &'static str)],
    /// An error code that means it is already undone; empty if none.
    pub done_if: &'static [&'static str],
}

/// What AWS's error code means here.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// The code as it is on the wire: `HandshakeAlreadyInStateException`, IAM's `NoSuchEntity`.
    pub code: &'static str,
    /// AWS's `Reason`, or empty for every reason.
    pub reason: &'static str,
    pub class: Class,
    pub means: &'static str,
    pub todo: &'static str,
}

/// What an error means for the engine (`aws-and-simulator.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Already in that state: done only if a probe and the journal say so.
    AlreadyDone,
    /// Nothing happened; the input or state is wrong.
    NotDone,
    /// Nothing happened; try again soon, bounded.
    Retry,
    /// Nothing happened; a clock must run first.
    Wait,
    /// Nothing happened; a person must do something outside AWS's API.
    Human,
    /// Nothing happened; not allowed.
    Refused,
    /// The session has ended; nothing happened.
    SessionExpired,
    /// It is not known whether something happened.
    InDoubt,
}

impl Class {
    pub fn name(&self) -> &'static str {
        match self {
            Class::AlreadyDone => "already_done",
            Class::NotDone => "not_done",
            Class::Retry => "retry",
            Class::Wait => "wait",
            Class::Human => "human",
            Class::Refused => "refused",
            Class::SessionExpired => "session_expired",
            Class::InDoubt => "in_doubt",
        }
    }
}
