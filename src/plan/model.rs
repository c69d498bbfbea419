//! The plan: what was checked, resolved as far as it can be before the run, and stored as an
//! object with a digest. Engine and verifier read this and nothing of the runbook's text.
//!
//! Strings under `template`, `with`, `expect`, `when`, `key`, `account`, `text`, ... may hold
//! `${...}` expressions. Times are milliseconds.

use crate::base::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Format version: 1.
    pub plan: u32,
    pub name: String,
    pub title: String,
    pub version: String,
    pub description: String,
    /// Digest of the runbook's bytes.
    pub runbook: Digest,
    /// Digest of the values object (canonical JSON; secrets left out).
    pub values: Digest,
    /// Digest of the people file's bytes.
    pub people: Digest,
    pub exclude_starter: bool,
    pub require_proof: bool,
    /// Pinned files by id.
    pub files: BTreeMap<String, PinnedFile>,
    /// Names of parameters of type `secret`.
    pub secrets: Vec<String>,
    pub roles: BTreeMap<String, Role>,
    /// Lists of roles that no one person may hold in one run.
    pub apart: Vec<Vec<String>>,
    pub sessions: BTreeMap<String, Session>,
    pub holds: Vec<Hold>,
    pub stages: Vec<Stage>,
}

/// A way in that stays from the close of the stage `from` to the close of the stage `until`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    pub id: String,
    pub title: String,
    /// The session that is the way in; empty: people hold it by hand.
    pub session: String,
    pub prove: Vec<Expect>,
    /// Roles that each sign that they got in; different people.
    pub by_hand: Vec<String>,
    pub instructions: String,
    pub from: String,
    pub until: String,
    /// How old its last proof may be when a point of no return begins (milliseconds).
    pub fresh_within: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// Relative to the runbook's folder.
    pub path: String,
    pub sha256: Digest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub title: String,
    pub party: String,
    pub proof: Proof,
}

/// What an approval of this role must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    Signature,
    /// A security key whose flags say touch and PIN.
    UserVerified,
    MfaCode,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Template of a 12-digit account id.
    pub account: String,
    /// Roles that may change things through it.
    pub used_by: Vec<String>,
    /// Of `root`, `user`, `role`, `identity_center`, `federated`; empty: any.
    pub kinds: Vec<String>,
    /// Template of the default profile; empty if none.
    pub profile: String,
    /// The session whose credentials assume the role; empty if none.
    pub through: String,
    pub assume_role: String,
    pub external_id: String,
    pub mfa: bool,
    pub assume_root: String,
    pub region: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub id: String,
    pub title: String,
    /// Template giving true or false; empty: always.
    pub when: String,
    /// What it repeats over (template giving a list), or null: it does not repeat.
    pub for_each: Value,
    /// Template of an item's key; empty if it does not repeat.
    pub key: String,
    /// The items where they are known before the run; null where an earlier stage gives them,
    /// or where the stage does not repeat.
    pub items: Option<Vec<Item>>,
    pub at_once: u32,
    pub canary: u32,
    pub stop_after: u32,
    /// Default performer of the stage's steps: who answers the canary's go-on, who enters the stage.
    pub performer: String,
    pub anchor: Option<Anchor>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub key: String,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    pub title: String,
    pub capture: Vec<Capture>,
    pub prove: Vec<Prove>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    pub id: String,
    pub read: Read,
    /// AWS's error code that gives null instead; empty if none.
    pub absent_if: String,
}

/// A read-only call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub action: String,
    pub session: String,
    /// Template of the parameters (an object).
    pub with: Value,
}

/// A read and what its answer must be: exactly one of `expect` and `expect_error` is not empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub read: Read,
    pub expect: String,
    pub expect_error: String,
    /// How long to keep asking until it holds; 0: once.
    pub within: i64,
}

/// How an anchor is proved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Prove {
    Read(Expect),
    /// The stage's performer says so, after these instructions.
    Manual(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// Template of the question.
    pub text: String,
    /// Template of what must be typed; empty: a plain yes.
    pub typed: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub role: String,
    pub count: u32,
    pub from_parties: u32,
    /// Approve by, after asking (milliseconds).
    pub within: i64,
    /// Run by, after approve-by at the latest, and after the last approval (milliseconds).
    pub run_within: i64,
    pub per: Per,
}

/// What one decision covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Step,
    Item,
    Stage,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: String,
    pub title: String,
    /// The role that carries it out.
    pub performer: String,
    /// Empty for kinds that use none.
    pub session: String,
    /// Template giving true or false; empty: always.
    pub when: String,
    pub confirm: Option<Confirm>,
    pub approvals: Vec<Approval>,
    /// It changes something, in AWS or elsewhere.
    pub mutates: bool,
    /// The operation with its `${...}` texts: see `engine::operation`.
    pub template: Value,
    /// SHA-256 of the template's canonical bytes.
    pub template_digest: Digest,
    pub verify: Vec<Expect>,
    pub back: WayBack,
    /// What an undo does not bring back.
    pub lost: String,
    pub accept_existing: bool,
    /// Hazards overridden, by name, with the reason.
    pub even_though: BTreeMap<String, String>,
    /// Session of each side of the probe: `caller`, `management`, `member`.
    pub probe: BTreeMap<String, String>,
    /// Until every read shows the effect (milliseconds); from the catalogue, or the world's timing.
    pub settles_within: i64,
    /// The output's members that are secret.
    pub secret_outputs: Vec<String>,
    /// Where a secret output goes, or null: `{"profile": ...}`, `{"file": ...}`, `{"prompt": true}`.
    pub secret_to: Value,
    /// What makes good, going forward, behind a point of no return.
    pub repair: Vec<Step>,
    pub body: Body,
}

/// What the step's kind adds. `read` and `action` need nothing beyond the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// AWS action; template `{action, session, account, with, time_limit}`.
    Action,
    /// Read; template as for an action.
    Read,
    /// Template `{}`.
    Check(Expect),
    Wait(Wait),
    Ask(Vec<AskField>),
    Manual(Manual),
    Command(Command),
}

impl Body {
    pub fn kind(&self) -> &'static str {
        match self {
            Body::Action => "action",
            Body::Read => "read",
            Body::Check(_) => "check",
            Body::Wait(_) => "wait",
            Body::Ask(_) => "ask",
            Body::Manual(_) => "manual",
            Body::Command(_) => "command",
        }
    }
}

/// Exactly one of `r#for` (> 0), `until` (not empty) and `expect` is in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Milliseconds after `after` (or after the wait began).
    pub r#for: i64,
    /// Template of an RFC 3339 time; empty: when the wait began.
    pub after: String,
    /// Template of an RFC 3339 time.
    pub until: String,
    pub expect: Option<Expect>,
    /// Between two looks (milliseconds).
    pub every: i64,
    /// Give up after (milliseconds); 0: never.
    pub within: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskField {
    pub name: String,
    /// A parameter type of the runbook language.
    pub r#type: String,
    pub text: String,
    pub required: bool,
    pub choices: Vec<String>,
    /// What simulated people answer; null if none.
    pub example: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    /// Template, Markdown.
    pub instructions: String,
    /// Two or more roles that all sign; empty: the step's performer alone.
    pub performers: Vec<String>,
    /// What each role signs to have done.
    pub says: BTreeMap<String, String>,
    pub evidence: Vec<Evidence>,
    /// All must sign within this of one another (milliseconds); 0: no limit.
    pub together: i64,
    pub settles: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub name: String,
    /// A parameter type, or `file`.
    pub r#type: String,
    /// The role that gives it; empty: any performer.
    pub by: String,
    pub required: bool,
    pub example: Value,
}

/// Template `{argv, env, credentials, within}`; the rest is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub ok_exit: Vec<i64>,
    pub touches: Vec<Value>,
    pub probe: Option<Expect>,
}

/// Exactly one is in use for a mutating step; none for others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayBack {
    /// The undo steps in order. Where they are the catalogue's usual ones, their templates may also
    /// name `with` and `output`: what the step was done with, and what AWS answered.
    pub undo: Vec<Step>,
    pub usual: bool,
    /// Error codes by undo step id that mean "already undone".
    pub done_if: BTreeMap<String, Vec<String>>,
    pub no_undo: String,
    pub point_of_no_return: String,
}

impl Step {
    /// The step itself, then those of its undo and its repair.
    pub fn with_behind(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(self).chain(&self.back.undo).chain(&self.repair)
    }

    /// Once done it stands until it is taken back: a change, and not one that needs no way back.
    pub fn stands(&self) -> bool {
        self.mutates && self.back.no_undo.is_empty()
    }
}

/// The stages (by index) whose close begins and ends a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// None: it begins before the first stage.
    pub from: Option<usize>,
    pub until: usize,
}

impl Span {
    /// The stage lies behind the one that begins the hold, up to the one that ends it.
    pub fn covers(self, stage: usize) -> bool {
        self.from.is_none_or(|from| from < stage) && stage <= self.until
    }
}

impl Plan {
    /// The parties of its roles; a role without one is open to people of any.
    pub fn parties(&self) -> BTreeSet<&str> {
        self.roles.values().map(|role| role.party.as_str()).filter(|party| !party.is_empty()).collect()
    }

    pub fn hold(&self, id: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    /// None: it names a stage that there is not.
    pub fn span(&self, hold: &Hold) -> Option<Span> {
        let at = |id: &str| self.stages.iter().position(|stage| stage.id == id);
        let from = if hold.from.is_empty() { None } else { Some(at(&hold.from)?) };
        Some(Span { from, until: at(&hold.until)? })
    }

    pub fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    /// The step that `id` names, or its undo or repair step.
    pub fn step(&self, id: &crate::base::StepId) -> Option<&Step> {
        let step = self.stage(&id.stage)?.steps.iter().find(|step| step.id == id.step)?;
        match (&id.undo, &id.repair) {
            (Some(undo), _) => step.back.undo.iter().find(|step| &step.id == undo),
            (None, Some(repair)) => step.repair.iter().find(|step| &step.id == repair),
            (None, None) => Some(step),
        }
    }
}
