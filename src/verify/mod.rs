//! The verifier: a bundle -> a verdict, with every contradiction, and what rests on whose word.
//!
//! Written against `journal/FORMAT.md` and the protocol alone: it shares lines, statements and the
//! one decision function with the writer, and neither its storage nor its engine. Pure.

mod amend;
mod back;
mod by_hand;
mod chain;
mod close;
mod codes;
mod copies;
mod hold;
mod lines;
mod operation;
mod request;
mod signed;
mod template;
mod text;
mod trust;
mod walk;

pub use by_hand::{SIGNERS, commands, signers};
pub use codes::CODES;
pub use text::{json, text};
pub use trust::{Held, Trust};

use crate::base::{Digest, RunId};
use crate::record::bundle::Bundle;
use crate::record::fact::{Fact, Mode};
use std::collections::BTreeSet;

/// Beyond this many problems the rest is not listed: a broken history breaks everywhere.
const MAX_PROBLEMS: usize = 100;

/// What a history amounts to.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Closed, and witnessed by every party with keys that the verifier trusts.
    Witnessed,
    /// Closed, everything consistent.
    Closed,
    /// Consistent so far.
    Open,
    /// Contradicts a head that somebody holds.
    Diverged,
    /// Breaks a rule of the format or the protocol.
    Invalid,
}

impl Verdict {
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Witnessed => "WITNESSED",
            Verdict::Closed => "CLOSED",
            Verdict::Open => "OPEN",
            Verdict::Diverged => "DIVERGED",
            Verdict::Invalid => "INVALID",
        }
    }
}

/// One contradiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The entry; none for the history as a whole.
    pub seq: Option<u64>,
    /// One of [`CODES`].
    pub code: &'static str,
    /// Raw: escape before showing.
    pub message: String,
}

impl Problem {
    fn new(seq: u64, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { seq: Some(seq), code, message: message.into() }
    }
}

/// The verdict and what it rests on. All texts are raw: escape before showing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub run: RunId,
    pub verdict: Verdict,
    /// None where not even the first entry could be read.
    pub mode: Option<Mode>,
    /// Name of the runbook; empty where the plan could not be read.
    pub runbook: String,
    /// What the closing entry says; empty while the run is open.
    pub result: String,
    /// How many entries.
    pub entries: u64,
    /// How many of them, from the first, an approver or witness has signed over.
    pub covered: u64,
    /// Every statement is by a key of a trust file.
    pub trusted_keys: bool,
    pub problems: Vec<Problem>,
    /// Objects that the history names and the bundle does not hold.
    pub missing_objects: Vec<Digest>,
    /// Person and key (`SHA256:...`) of everybody who signed.
    pub fingerprints: Vec<(String, String)>,
    /// What is taken on the operator's word, in sentences.
    pub word: Vec<String>,
    /// Anchors that a rollback read again.
    pub regained: Vec<Regained>,
    /// Parties of whose statements not all are by keys of a trust file.
    pub untrusted_parties: Vec<String>,
    /// Parties whose people witnessed the closed run.
    pub witnessed_by: Vec<String>,
    /// Parties of the plan that have not; none of a rehearsal, whose people are simulated.
    pub not_witnessed_by: Vec<String>,
    /// Approvals were waived.
    pub break_glass: bool,
    /// ... and not every party has witnessed the result since.
    pub unreconciled: bool,
}

/// An anchor that was read again after a rollback; `differs` is empty where all is as it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regained {
    pub seq: u64,
    pub place: String,
    pub differs: Vec<String>,
}

impl Report {
    /// The exit code of `verify`: 0, 4 (open, or break-glass unreconciled) or 6.
    pub fn exit(&self) -> u8 {
        match self.verdict {
            Verdict::Diverged | Verdict::Invalid => 6,
            Verdict::Open => 4,
            _ if self.unreconciled => 4,
            Verdict::Witnessed | Verdict::Closed => 0,
        }
    }
}

/// Checks a whole history. `held` heads of other runs say nothing about this one and are left out.
pub fn check(bundle: &Bundle, trust: &[Trust], held: &[Held]) -> Report {
    let chain = chain::read(&bundle.run, &bundle.lines);
    let mut walk = walk::Walk::new(&chain, &bundle.objects, trust);
    walk.all();
    let facts = walk.finish();
    let diverged: Vec<Problem> =
        held.iter().filter(|held| held.run == bundle.run).filter_map(|held| held.contradicted(&chain.tree)).collect();
    let mut problems: Vec<Problem> = chain.problems.iter().cloned().chain(facts.problems).collect();
    if bundle.lines.len() < 2 {
        // Both are written in one transaction: no signature, no run.
        problems.push(Problem::new(0, codes::OPENING, "nobody signed on: a run has two entries at least"));
    }
    problems.sort_by_key(|problem| problem.seq);
    problems.truncate(MAX_PROBLEMS);
    let trusted_keys = !trust.is_empty() && facts.untrusted_parties.is_empty();
    let witnessed = facts.closed.is_some() && facts.parties.iter().all(|party| facts.witnessed.contains(party));
    let verdict = if !problems.is_empty() {
        Verdict::Invalid
    } else if !diverged.is_empty() {
        Verdict::Diverged
    } else if facts.closed.is_none() {
        Verdict::Open
    } else if trusted_keys && witnessed {
        Verdict::Witnessed
    } else {
        Verdict::Closed
    };
    problems.extend(diverged);
    let regained = chain.entries.iter().filter_map(|entry| match &entry.fact {
        Fact::AnchorRegained(fact) => Some(Regained {
            seq: entry.seq,
            place: crate::base::id::place(&fact.stage, fact.item.as_deref()),
            differs: fact.differs.clone(),
        }),
        _ => None,
    });
    let lacking = facts.parties.difference(&facts.witnessed).filter(|_| facts.mode != Some(Mode::Rehearsal)).cloned();
    Report {
        not_witnessed_by: lacking.collect(),
        run: bundle.run.clone(),
        verdict,
        mode: facts.mode,
        runbook: facts.runbook,
        result: facts.closed.unwrap_or_default(),
        entries: bundle.lines.len() as u64,
        covered: facts.covered,
        trusted_keys,
        problems,
        missing_objects: facts.missing.into_iter().collect(),
        fingerprints: facts.fingerprints.into_iter().collect(),
        word: facts.word,
        regained: regained.collect(),
        untrusted_parties: facts.untrusted_parties.into_iter().collect(),
        witnessed_by: facts.witnessed.into_iter().collect(),
        break_glass: facts.break_glass,
        unreconciled: facts.break_glass && !witnessed,
    }
}

/// What one walk over the entries found.
struct Found {
    problems: Vec<Problem>,
    mode: Option<Mode>,
    runbook: String,
    closed: Option<String>,
    covered: u64,
    missing: BTreeSet<Digest>,
    fingerprints: BTreeSet<(String, String)>,
    word: Vec<String>,
    untrusted_parties: BTreeSet<String>,
    parties: BTreeSet<String>,
    witnessed: BTreeSet<String>,
    break_glass: bool,
}
