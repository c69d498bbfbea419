//! What a preflight found: findings, what is not known, questions, routes. Data, its order, and its JSON.

use super::case::{Case, Way};
use super::evidence::{self, Searched, Told};
use super::route::{Route, Routed};
use super::rows::Row;
use super::table::{NOT_LOOKED_INTO, QUESTIONS, Question, RESOURCE_POLICIES};
use crate::base::Time;
use crate::engine::port::Identity;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The move (or this route of it) does not work as long as it is so.
    Blocks,
    /// It works, and hurts.
    Warns,
    /// Nobody could read it: neither good nor bad.
    NotKnown,
    /// What will be lost or must be rebuilt, and what people confirm.
    ToKnow,
}

impl Severity {
    pub const ALL: [Severity; 4] = [Severity::Blocks, Severity::Warns, Severity::NotKnown, Severity::ToKnow];

    pub fn name(self) -> &'static str {
        match self {
            Severity::Blocks => "blocks",
            Severity::Warns => "warns",
            Severity::NotKnown => "not_known",
            Severity::ToKnow => "to_know",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Severity::Blocks => "blocks",
            Severity::Warns => "warns",
            Severity::NotKnown => "not known",
            Severity::ToKnow => "to know",
        }
    }
}

/// Which routes of an account something stands in the way of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    pub direct: bool,
    pub leaving: bool,
    pub emptying: bool,
}

impl Stops {
    pub const NOTHING: Stops = Stops { direct: false, leaving: false, emptying: false };
    pub const DIRECT: Stops = Stops { direct: true, ..Stops::NOTHING };
    pub const LEAVING: Stops = Stops { leaving: true, ..Stops::NOTHING };
    pub const BOTH: Stops = Stops { direct: true, leaving: true, emptying: false };
    pub const EMPTYING: Stops = Stops { emptying: true, ..Stops::NOTHING };
    pub const ALL: Stops = Stops { direct: true, leaving: true, emptying: true };

    /// Whether this route is among them.
    pub fn has(self, route: Route) -> bool {
        match route {
            Route::Direct => self.direct,
            Route::Leaving => self.leaving,
            Route::Emptying => self.emptying,
            Route::None | Route::NotKnown => false,
        }
    }

    /// Those of both.
    pub fn or(self, other: Stops) -> Stops {
        Stops {
            direct: self.direct || other.direct,
            leaving: self.leaving || other.leaving,
            emptying: self.emptying || other.emptying,
        }
    }

    pub fn any(self) -> bool {
        self.direct || self.leaving || self.emptying
    }
}

/// Which read told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub read: &'static str,
    /// The account that was asked.
    pub account: String,
    pub session: String,
    pub at: Time,
    pub request_id: Option<String>,
}

/// One row of the table that applies.
#[derive(Clone, Debug)]
pub struct Finding {
    pub row: &'static Row,
    /// The row's, or another where it stands (or does not stand) in the way that the runbook takes.
    pub severity: Severity,
    /// The account that it is about.
    pub account: String,
    /// What was found; AWS's own words in it are not escaped.
    pub says: String,
    pub evidence: Evidence,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The account that it would be about.
    pub account: String,
    /// What is not known.
    pub tells: Vec<&'static str>,
    pub because: String,
    /// Who could read it.
    pub who: String,
    /// What rows on these reads may stop.
    pub stops: Stops,
    /// The read that was denied; none where none was asked.
    pub evidence: Option<Evidence>,
}

/// How a session came out.
#[derive(Clone, Debug)]
pub struct Door {
    pub way: Way,
    pub result: Result<Identity, String>,
}

/// Everything that a look gave.
#[derive(Clone, Debug)]
pub struct Preflight {
    pub case: Case,
    pub began: Time,
    pub ended: Time,
    pub simulated: bool,
    pub doors: Vec<Door>,
    /// Ordered by severity, then as the table has them, then by account.
    pub findings: Vec<Finding>,
    pub unread: Vec<Unread>,
    /// Reads that this version can't make.
    pub unsupported: Vec<&'static str>,
    pub routes: Vec<Routed>,
    pub reads: u64,
    /// Files that people brought.
    pub searched: Vec<Searched>,
}

/// How it came out, and so the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    Clear,
    /// Something blocks.
    Blocked,
    /// Nothing that was seen blocks, but not everything could be seen.
    Incomplete,
}

impl Preflight {
    /// Takes in what files say.
    pub fn bring(&mut self, told: Told) {
        self.findings.extend(told.findings);
        self.findings.sort_by_key(|finding| finding.severity);
        self.unread.extend(told.unread);
        self.searched = told.searched;
    }

    pub fn count(&self, severity: Severity) -> usize {
        match severity {
            Severity::NotKnown => self.unread.len(),
            other => self.findings.iter().filter(|finding| finding.severity == other).count(),
        }
    }

    pub fn verdict(&self) -> Verdict {
        if self.count(Severity::Blocks) > 0 {
            return Verdict::Blocked;
        }
        let seen = self.unread.is_empty() && self.closed().next().is_none();
        if seen { Verdict::Clear } else { Verdict::Incomplete }
    }

    /// One sentence.
    pub fn summary(&self) -> String {
        let verdict = match self.verdict() {
            Verdict::Clear => "nothing blocks",
            Verdict::Blocked => "BLOCKED",
            Verdict::Incomplete => "nothing that could be read blocks, but not everything could be read",
        };
        format!(
            "{verdict}: {} block, {} warn, {} not known, {} to know; {} accounts, {} reads",
            self.count(Severity::Blocks),
            self.count(Severity::Warns),
            self.count(Severity::NotKnown),
            self.count(Severity::ToKnow),
            self.case.moving.len(),
            self.reads
        )
    }

    /// Findings by row, in the order of the table.
    pub fn by_row(&self, severity: Severity) -> Vec<(&'static Row, Vec<&Finding>)> {
        let mut groups: Vec<(&'static Row, Vec<&Finding>)> = Vec::new();
        for finding in self.findings.iter().filter(|finding| finding.severity == severity) {
            match groups.last_mut().filter(|(row, _)| std::ptr::eq(*row, finding.row)) {
                Some((_, all)) => all.push(finding),
                None => groups.push((finding.row, vec![finding])),
            }
        }
        groups
    }

    /// The sessions that could not be opened.
    pub fn closed(&self) -> impl Iterator<Item = (&Way, &str)> {
        self.doors.iter().filter_map(|door| Some((&door.way, door.result.as_ref().err()?.as_str())))
    }

    /// What people answer, with who they are.
    pub fn questions(&self) -> Vec<Asked> {
        let asked = QUESTIONS.iter().filter(|question| !self.case.moving.is_empty() || !question.moves_only);
        asked.map(|question| Asked::of(question, &self.case)).collect()
    }

    /// What was not looked into, in words.
    pub fn not_looked_into(&self) -> Vec<String> {
        let mut all = vec![self.resource_policies()];
        all.extend(NOT_LOOKED_INTO.iter().map(|(what, why)| format!("{what}: {why}")));
        all.extend(self.unsupported.iter().map(|read| format!("{read}: this version does not read it")));
        all.extend(self.case.later.iter().map(|words| format!("{words} (an open run shows it)")));
        all
    }

    /// How far the policies of resources were looked into.
    fn resource_policies(&self) -> String {
        let lacks = evidence::without_files(&self.case, &self.searched);
        let files = self.searched.len();
        match (files, lacks.is_empty()) {
            (0, _) => format!("{}: {}", RESOURCE_POLICIES.0, RESOURCE_POLICIES.1),
            (_, true) => format!(
                "{}: {files} files of every account that moves were searched; what is not in them is not known",
                RESOURCE_POLICIES.0
            ),
            _ => {
                format!("{}: there are no files of {}; {}", RESOURCE_POLICIES.0, lacks.join(", "), RESOURCE_POLICIES.1)
            }
        }
    }

    /// For machines. Texts of AWS are as AWS gave them.
    pub fn json(&self) -> Value {
        let counts: BTreeMap<&str, usize> =
            Severity::ALL.iter().map(|severity| (severity.name(), self.count(*severity))).collect();
        json!({
            "preflight": 1,
            "runbook": self.case.runbook,
            "version": self.case.version,
            "digests": {
                "runbook": self.case.digests.runbook, "values": self.case.digests.values,
                "people": self.case.digests.people,
            },
            "mode": self.mode(),
            "began": self.began.seconds(),
            "ended": self.ended.seconds(),
            "reads": self.reads,
            "summary": self.summary(),
            "counts": counts,
            "sessions": self.doors.iter().map(door_json).collect::<Vec<_>>(),
            "accounts": self.routes.iter().map(Routed::json).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding_json).collect::<Vec<_>>(),
            "not_known": self.unread.iter().map(unread_json).collect::<Vec<_>>(),
            "questions": self.questions().iter().map(Asked::json).collect::<Vec<_>>(),
            "not_looked_into": self.not_looked_into(),
            "files": self.searched.iter().map(searched_json).collect::<Vec<_>>(),
        })
    }

    pub fn mode(&self) -> &'static str {
        if self.simulated { "simulated" } else { "live" }
    }
}

/// A question, and who must answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub question: &'static Question,
    /// The manual steps that settle it.
    pub steps: Vec<String>,
    pub roles: Vec<String>,
    pub people: Vec<String>,
}

impl Asked {
    fn of(question: &'static Question, case: &Case) -> Asked {
        let tasks = case.tasks.get(question.fact).map(Vec::as_slice).unwrap_or_default();
        let mut roles: Vec<String> = tasks.iter().flat_map(|task| task.roles.iter().cloned()).collect();
        roles.sort();
        roles.dedup();
        let people = case.people_of(&roles);
        Asked { question, steps: tasks.iter().map(|task| task.step.clone()).collect(), roles, people }
    }

    /// Who must answer.
    pub fn who(&self) -> String {
        if self.roles.is_empty() {
            return "nobody is named: no manual step of the runbook settles it".to_owned();
        }
        format!("{} ({}), in {}", self.roles.join(", "), self.people.join(", "), self.steps.join(", "))
    }

    fn json(&self) -> Value {
        json!({
            "fact": self.question.fact, "question": self.question.text, "route": self.question.route,
            "roles": self.roles, "people": self.people, "steps": self.steps,
        })
    }
}

fn door_json(door: &Door) -> Value {
    let (session, account) = (&door.way.wanted.id, &door.way.wanted.account);
    match &door.result {
        Ok(identity) => json!({
            "session": session, "account": account, "open": true, "arn": identity.arn, "kind": identity.kind,
            "endpoint": identity.endpoint, "roles": door.way.roles, "people": door.way.people,
        }),
        Err(why) => json!({
            "session": session, "account": account, "open": false, "why": why, "roles": door.way.roles,
            "people": door.way.people,
        }),
    }
}

fn finding_json(finding: &Finding) -> Value {
    let row = finding.row;
    json!({
        "id": row.id, "severity": finding.severity.name(), "account": finding.account, "title": row.title,
        "found": finding.says, "why": row.why, "todo": row.todo, "stops": stops_json(row.stops),
        "evidence": evidence_json(&finding.evidence),
    })
}

fn unread_json(unread: &Unread) -> Value {
    json!({
        "severity": Severity::NotKnown.name(), "account": unread.account, "not_known": unread.tells,
        "because": unread.because, "who": unread.who, "stops": stops_json(unread.stops),
        "evidence": unread.evidence.as_ref().map(evidence_json),
    })
}

fn searched_json(one: &Searched) -> Value {
    json!({ "account": one.account, "file": one.name, "sha256": one.digest.hex(), "policies": one.policies })
}

fn evidence_json(evidence: &Evidence) -> Value {
    json!({
        "read": evidence.read, "account": evidence.account, "session": evidence.session,
        "at": evidence.at.seconds(), "request_id": evidence.request_id,
    })
}

fn stops_json(stops: Stops) -> Vec<&'static str> {
    [("direct", stops.direct), ("by_leaving", stops.leaving), ("by_emptying", stops.emptying)]
        .into_iter()
        .filter_map(|(name, is)| is.then_some(name))
        .collect()
}
