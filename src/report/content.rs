//! What a report holds, whatever it is written as. Its members are those of `report --format json`; they are added
//! to, and never renamed. Texts are raw: whoever shows them escapes them. Times are UTC, RFC 3339.

use crate::base::Digest;
use crate::plan::lanes::{Lane, Row};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// Version of these members: 1.
    pub report: u32,
    /// Which program wrote the report.
    pub program: String,
    pub source: Source,
    pub verdict: Verdict,
    pub run: RunFacts,
    pub runbook: Runbook,
    pub people: Vec<PersonFacts>,
    pub sessions: Vec<SessionFacts>,
    pub stages: Vec<StageFacts>,
    pub requests: Vec<RequestFacts>,
    pub operations: Vec<OperationFacts>,
    pub anchors: Vec<AnchorFacts>,
    #[serde(default)]
    pub holds: Vec<HoldFacts>,
    pub points_of_no_return: Vec<PointFacts>,
    pub troubles: Vec<Trouble>,
    pub evidence: Vec<EvidenceFacts>,
    pub entries: Vec<EntryFacts>,
    pub check: Vec<HowTo>,
    /// For drawings only; the same is in `entries`.
    #[serde(skip)]
    pub lanes: Vec<Lane>,
    #[serde(skip)]
    pub chapters: Vec<Chapter>,
}

/// What was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, or the run's bundle as `export` writes it.
    pub name: String,
    /// Of the bundle's bytes.
    pub sha256: Digest,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    pub verdict: String,
    /// Null where not even the first entry could be read.
    pub mode: Option<String>,
    /// What `verify` says, line by line.
    pub words: Vec<String>,
    /// What must not be relied on, in sentences.
    pub limits: Vec<String>,
    pub entries: u64,
    pub covered: u64,
    pub trusted_keys: bool,
    pub break_glass: bool,
    pub problems: Vec<ProblemFacts>,
    pub missing_objects: Vec<Digest>,
    pub witnessed_by: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProblemFacts {
    pub seq: Option<u64>,
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunFacts {
    pub id: String,
    /// `done`, `rolled back`, `abandoned`, `in doubt`, `open`.
    pub state: String,
    pub opened_at: Option<String>,
    pub opened_by: Option<String>,
    pub last_at: Option<String>,
    pub closed_at: Option<String>,
    /// Which program wrote the journal, and where.
    pub program: String,
    pub host: String,
    pub entries: u64,
    pub last_leaf: Option<Digest>,
    /// Merkle root of all entries, base64.
    pub root: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Runbook {
    pub name: String,
    pub title: String,
    pub version: String,
    pub description: String,
    pub runbook: Option<Digest>,
    pub values: Option<Digest>,
    pub plan: Option<Digest>,
    pub people: Option<Digest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PersonFacts {
    pub id: String,
    pub name: String,
    pub party: String,
    pub roles: Vec<String>,
    /// Fingerprints, as `ssh-keygen -l` shows them.
    pub keys: Vec<String>,
    /// How many statements in this history are theirs.
    pub signed: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionFacts {
    pub seq: u64,
    pub at: String,
    pub session: String,
    pub account: String,
    pub arn: String,
    pub kind: String,
    pub endpoint: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageFacts {
    pub id: String,
    pub title: String,
    /// Null where the stage does not repeat, or its items are not known.
    pub items: Option<Vec<String>>,
    pub anchor: Option<String>,
    pub steps: Vec<StepFacts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepFacts {
    pub id: String,
    pub title: String,
    pub what: String,
    pub performers: Vec<String>,
    pub approvals: Vec<String>,
    /// Null for what changes nothing.
    pub way_back: Option<String>,
    pub lost: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestFacts {
    pub seq: u64,
    pub at: String,
    /// `approval` or `settle`.
    pub what: String,
    pub covers: String,
    pub summary: String,
    pub performer: String,
    pub approve_by: String,
    pub run_by: String,
    pub decisions: Vec<DecisionFacts>,
    /// Why it is over; null while it is not.
    pub ended: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DecisionFacts {
    pub seq: u64,
    pub at: String,
    pub person: String,
    pub party: String,
    pub role: String,
    /// `approve`, `deny`, `revoke`.
    pub decision: String,
    pub reason: String,
    pub signed_at: String,
    /// Fingerprint of the key.
    pub key: String,
    /// What AWS said of a code given with it, in words; corroborated, never proved.
    #[serde(default)]
    pub corroborated: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OperationFacts {
    /// Of the `intended`; of the outcome for what changes nothing.
    pub seq: u64,
    pub step: String,
    /// `do` or `undo`.
    pub direction: String,
    pub attempt: u32,
    pub r#try: u32,
    pub what: String,
    pub by: String,
    /// People whose approvals were spent on it.
    pub approved_by: Vec<String>,
    pub began: Option<String>,
    pub ended: Option<String>,
    /// `done`, `failed`, `not_done`, `in_doubt`, `secret_lost`; null while nothing is known.
    pub result: Option<String>,
    /// `answer`, `probe`, `word`, `executor`.
    pub found: Option<String>,
    pub was_in_doubt: bool,
    /// AWS's request id and date.
    pub request_id: Option<String>,
    pub date: Option<String>,
    pub took_ms: Option<u64>,
    pub error: Option<String>,
    /// The result and how it is known, in words.
    pub words: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnchorFacts {
    pub seq: u64,
    pub at: String,
    pub stage: String,
    pub item: Option<String>,
    /// `set`, `refused`, `regained`.
    pub event: String,
    pub words: String,
    pub object: Option<Digest>,
}

/// A way in that the plan holds, and what became of it. In a history without a readable plan: as its entries name it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HoldFacts {
    pub id: String,
    pub title: String,
    /// The credentials that are the way in, or that people hold it by hand; in words.
    pub by: String,
    /// Stages after which it begins, and after which it ends.
    pub from: String,
    pub until: String,
    pub began: Vec<Moment>,
    pub proved: Vec<Moment>,
    pub released: Vec<Moment>,
}

/// An entry and its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moment {
    pub seq: u64,
    pub at: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PointFacts {
    /// `stage/step` of the plan.
    pub step: String,
    pub words: String,
    /// Where it was passed: the steps, with the seq of their outcome.
    pub passed: Vec<Passed>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passed {
    pub step: String,
    pub seq: u64,
    pub at: String,
    /// The last proof of each way in before it, where the plan holds one.
    #[serde(default)]
    pub proved_before: Vec<String>,
}

/// Something that did not go as planned, and how it ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trouble {
    pub seq: u64,
    pub at: String,
    /// `in_doubt`, `failed`, `not_done`, `denied`, `expired`, `anchor`, `paused`, `rollback`, `repair`, `clock`,
    /// `break_glass`, `abandoned`.
    pub what: String,
    pub at_step: String,
    pub words: String,
    /// What followed, up to what settled it.
    pub course: Vec<EntryFacts>,
    /// How it was settled, in words; null while it is not.
    pub settled: Option<String>,
}

impl Trouble {
    /// Time that ran out, a clock, a broken glass and a run given up are told; nothing has to settle them.
    pub fn wants_settling(&self) -> bool {
        !matches!(self.what.as_str(), "expired" | "clock" | "break_glass" | "abandoned")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EvidenceFacts {
    pub seq: u64,
    pub at: String,
    pub step: String,
    pub person: String,
    /// `evidence`, `answer`, `task`.
    pub what: String,
    /// The file's name, or the names of the answer's fields. Values stay in the bundle.
    pub name: String,
    pub media_type: String,
    pub bytes: Option<u64>,
    /// Of the file itself, as `sha256sum` shows it.
    pub sha256: Option<Digest>,
    /// The salted object in the bundle.
    pub object: Digest,
    pub missing: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntryFacts {
    pub seq: u64,
    pub at: String,
    pub by: Option<String>,
    pub kind: String,
    pub words: String,
}

/// One thing to check, and the commands for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HowTo {
    pub what: String,
    pub commands: Vec<String>,
}

/// A stage's part of the drawing, in the order in which things happened.
#[derive(Clone, Debug)]
pub struct Chapter {
    pub title: String,
    pub rows: Vec<Row>,
    /// Rows stand for several items each.
    pub folded: bool,
}
