//! Signed statements: typed, and their one text form (see `journal/FORMAT.md`).
//! What a statement is worth, `approval` and `verify` decide.

use super::fact::Mode;
use super::statement_text;
use crate::base::{Digest, RunId, Time};

/// Bytes of a statement at most.
pub const MAX_STATEMENT: usize = 4096;
/// What a note covers that closes a run as abandoned.
pub const ABANDON: &str = "abandon";
/// What a note covers by which a lost run goes on in another copy; behind it stands that copy's machine.
pub const RECOVERY: &str = "recovery:";
/// Before a hold's name, in what a note about it covers.
pub const HOLD: &str = "hold:";
/// What a piece of evidence covers that is the result of a preflight.
pub const PREFLIGHT: &str = "preflight";
/// Characters of a summary at most.
pub const MAX_SUMMARY: usize = 400;

/// The reason of a note by somebody who got in by the way that a hold keeps.
pub fn got_in(hold: &str) -> String {
    format!("I got in by the way that the hold {hold} keeps")
}

/// Where and why a text is not a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the statement: {message}")]
pub struct StatementError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

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

impl Statement {
    /// Every type, as first lines name it.
    pub const KINDS: [&'static str; 9] =
        ["approval", "sign-on", "said", "change", "hand-over", "decline", "break-glass", "witness", "people"];

    /// The type.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Approval(..) => "approval",
            Body::SignOn(..) => "sign-on",
            Body::Said(..) => "said",
            Body::Change(..) => "change",
            Body::HandOver(..) => "hand-over",
            Body::Decline(..) => "decline",
            Body::BreakGlass(..) => "break-glass",
            Body::Witness(..) => "witness",
            Body::People(_) => "people",
        }
    }

    /// The SSHSIG namespace: `approval-v1@countersign`.
    pub fn namespace(&self) -> String {
        format!("{}-v1@countersign", self.kind())
    }

    /// The text that is signed. For making statements use [`Statement::checked_text`].
    pub fn text(&self) -> String {
        statement_text::write(self)
    }

    /// The text, if it reads back as this very statement: not too long, every field in its form.
    pub fn checked_text(&self) -> Result<String, StatementError> {
        let text = self.text();
        if Statement::read(&text)? == *self {
            return Ok(text);
        }
        Err(StatementError { line: 1, message: "times must be whole seconds".to_owned() })
    }

    /// Reads a text; only the canonical one is accepted.
    pub fn read(text: &str) -> Result<Statement, StatementError> {
        statement_text::read(text)
    }

    /// What it says of the run; none for people statements.
    pub fn head(&self) -> Option<&Head> {
        match &self.body {
            Body::Approval(head, _)
            | Body::SignOn(head, _)
            | Body::Said(head, _)
            | Body::Change(head, _)
            | Body::HandOver(head, _)
            | Body::Decline(head, _)
            | Body::BreakGlass(head, _)
            | Body::Witness(head, _) => Some(head),
            Body::People(_) => None,
        }
    }

    pub fn person(&self) -> &str {
        &self.tail.person
    }

    /// SHA-256 of the text: what `RoleSessionName` and an approver's own records name it by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }

    pub fn approval(&self) -> Option<&ApprovalFields> {
        if let Body::Approval(_, fields) = &self.body { Some(fields) } else { None }
    }

    pub fn sign_on(&self) -> Option<&SignOnFields> {
        if let Body::SignOn(_, fields) = &self.body { Some(fields) } else { None }
    }

    pub fn said(&self) -> Option<&SaidFields> {
        if let Body::Said(_, fields) = &self.body { Some(fields) } else { None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decides {
    Approve,
    Deny,
    Revoke,
}

impl Decides {
    pub fn name(&self) -> &'static str {
        match self {
            Decides::Approve => "approve",
            Decides::Deny => "deny",
            Decides::Revoke => "revoke",
        }
    }

    pub fn from_name(name: &str) -> Option<Decides> {
        [Decides::Approve, Decides::Deny, Decides::Revoke].into_iter().find(|decision| decision.name() == name)
    }
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

impl SaidWhat {
    pub const ALL: [SaidWhat; 7] = [
        SaidWhat::Confirmed,
        SaidWhat::Task,
        SaidWhat::Answer,
        SaidWhat::Evidence,
        SaidWhat::Settled,
        SaidWhat::Note,
        SaidWhat::GoOn,
    ];

    pub fn name(&self) -> &'static str {
        match self {
            SaidWhat::Confirmed => "confirmed",
            SaidWhat::Task => "task",
            SaidWhat::Answer => "answer",
            SaidWhat::Evidence => "evidence",
            SaidWhat::Settled => "settled",
            SaidWhat::Note => "note",
            SaidWhat::GoOn => "go-on",
        }
    }

    pub fn from_name(name: &str) -> Option<SaidWhat> {
        SaidWhat::ALL.into_iter().find(|what| what.name() == name)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head() -> impl Strategy<Value = Head> {
        (any::<[u8; 16]>(), 0usize..3, any::<u64>(), any::<[u8; 32]>()).prop_map(|(run, mode, size, digest)| Head {
            run: RunId::from_bytes(run),
            mode: [Mode::Live, Mode::Simulated, Mode::Rehearsal][mode],
            size,
            root: crate::record::tree::root_text(&Digest(digest)),
            runbook: Digest::of(&digest),
            plan: Digest(digest),
            people: Digest::of(b"people"),
        })
    }

    fn seconds() -> impl Strategy<Value = Time> {
        (0i64..4_000_000_000).prop_map(|seconds| Time(seconds * 1000))
    }

    fn approval() -> impl Strategy<Value = ApprovalFields> {
        let words = (".{0,30}", ".{0,30}", ".{0,40}");
        (0usize..3, any::<u64>(), any::<u32>(), words, prop::collection::vec(any::<u64>(), 0..4), seconds(), seconds())
            .prop_map(|(decision, request, attempt, words, again, approve_by, run_by)| ApprovalFields {
                decision: [Decides::Approve, Decides::Deny, Decides::Revoke][decision],
                request,
                request_leaf: Digest::of(b"leaf"),
                covers: words.0,
                operations: Digest::of(b"operations"),
                attempt,
                performer: words.1,
                summary: words.2,
                again,
                approve_by,
                run_by,
            })
    }

    fn body() -> impl Strategy<Value = Body> {
        let said = (0usize..7, any::<bool>(), any::<u32>());
        (0usize..9, head(), approval(), said, ".{0,20}").prop_map(|(kind, head, approval, said, word)| {
            let digest = Digest::of(word.as_bytes());
            match kind {
                0 => Body::Approval(head, approval),
                1 => Body::SignOn(head, SignOnFields { epoch: 1, machine: word }),
                2 => {
                    let object = said.1.then_some(digest);
                    Body::Said(head, SaidFields { what: SaidWhat::ALL[said.0], covers: word, attempt: said.2, object })
                }
                3 => Body::Change(head, ChangeFields { runbook: digest, plan: digest, people: digest }),
                4 => Body::HandOver(head, word),
                5 => Body::Decline(head, word),
                6 => Body::BreakGlass(head, BreakGlassFields { covers: word, operations: digest, attempt: said.2 }),
                7 => Body::Witness(head, word),
                _ => Body::People(digest),
            }
        })
    }

    fn statement() -> impl Strategy<Value = Statement> {
        (body(), "[a-z]{1,8}", any::<[u8; 16]>(), seconds(), any::<String>()).prop_map(
            |(body, person, nonce, signed_at, reason)| {
                let reason = reason.chars().take(40).collect();
                let (party, role) = ("customer".to_owned(), String::new());
                Statement { body, tail: Tail { person, party, role, nonce: hex::encode(nonce), signed_at, reason } }
            },
        )
    }

    proptest! {
        #[test]
        fn statements_come_back(statement in statement()) {
            let text = statement.checked_text().unwrap();
            prop_assert!(text.is_ascii());
            prop_assert_eq!(Statement::read(&text), Ok(statement));
        }

        #[test]
        fn an_altered_byte_is_refused_or_means_something_else(
            statement in statement(), at in any::<prop::sample::Index>(), byte in 0u8..128,
        ) {
            let mut bytes = statement.text().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(read) = Statement::read(&text) {
                prop_assert_ne!(&read, &statement);
                prop_assert_eq!(read.text(), text);
            }
        }

        #[test]
        fn rubbish_never_panics(text in any::<String>(), statement in statement(), at in any::<prop::sample::Index>()) {
            let _ = Statement::read(&text);
            let whole = statement.text();
            prop_assert!(Statement::read(&whole[..at.index(whole.len())]).is_err());
        }
    }

    fn people() -> Statement {
        Statement {
            body: Body::People(Digest::of(b"x")),
            tail: Tail {
                person: "bob".to_owned(),
                party: "customer".to_owned(),
                role: String::new(),
                nonce: "0".repeat(32),
                signed_at: Time(0),
                reason: String::new(),
            },
        }
    }

    #[test]
    fn the_people_statement_has_no_head_and_empty_values_keep_their_space() {
        let digest = Digest::of(b"x").tagged();
        let text = format!(
            "countersign people v1\npeople: {digest}\nperson: bob\nparty: customer\nrole: \nnonce: {}\nsigned-at: \
             1970-01-01T00:00:00Z\nreason: \n",
            "0".repeat(32)
        );
        assert_eq!(people().text(), text);
        assert_eq!(people().namespace(), "people-v1@countersign");
        assert_eq!(people().head(), None);
    }

    #[test]
    fn errors_name_the_line() {
        let text = people().text();
        for (wrong, line) in [
            (text.replace("role: \n", "role:\n"), 5),
            (text.replace("role: \n", ""), 5),
            (text.replace("people v1", "people v2"), 1),
            (text.replace("people v1", "gossip v1"), 1),
            (text.replace("00Z", "00.000Z"), 7),
            (text.replace('\n', "\r\n"), 1),
            (format!("{text}\n"), 9),
            (text.trim_end_matches('\n').to_owned(), 8),
            (text.replace("reason: ", &format!("reason: {}", "x".repeat(4096))), 1),
            (String::new(), 1),
        ] {
            assert_eq!(Statement::read(&wrong).map_err(|error| error.line), Err(line), "{wrong:?}");
        }
    }

    #[test]
    fn a_statement_that_would_not_read_back_is_not_signed() {
        let mut statement = people();
        statement.tail.signed_at = Time(1);
        assert!(statement.checked_text().is_err());
        statement.tail.signed_at = Time(0);
        statement.tail.reason = "ü".repeat(900);
        assert!(statement.checked_text().is_err());
    }
}
