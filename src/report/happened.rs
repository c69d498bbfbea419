//! Entries -> what was asked, decided, done, captured and attached. One walk, no judgement.

use super::content::{AnchorFacts, DecisionFacts, EvidenceFacts, OperationFacts, Passed, RequestFacts, SessionFacts};
use super::gather::History;
use super::line::{self, Told};
use crate::base::{Digest, StepId};
use crate::plan::words;
use crate::record::entry::Entry;
use crate::record::fact::{self, Direction, Ended, Fact, Found, What};
use crate::record::salted;
use crate::record::statement::{Body, SaidWhat, Statement};
use crate::sshsig::PublicKey;
use serde_json::Value;
use std::collections::BTreeMap;

/// What one walk finds.
#[derive(Default)]
pub(super) struct Happened {
    pub sessions: Vec<SessionFacts>,
    pub requests: BTreeMap<u64, RequestFacts>,
    /// In the order in which they began.
    pub operations: Vec<OperationFacts>,
    /// Place in `operations` by the seq of the `intended`.
    begun: BTreeMap<u64, usize>,
    pub anchors: Vec<AnchorFacts>,
    pub evidence: Vec<EvidenceFacts>,
    /// Done steps that are points of no return.
    pub passed: Vec<(StepId, Passed)>,
    /// The last proof of each way in, in words.
    proved: BTreeMap<String, String>,
    /// What AWS said about codes, by statement, in words.
    corroborated: BTreeMap<Digest, String>,
    /// Lines that are no entries.
    pub unreadable: usize,
}

impl Happened {
    /// The operation that this `intended` began.
    pub fn begun(&self, intended: u64) -> Option<&OperationFacts> {
        self.operations.get(*self.begun.get(&intended)?)
    }
}

pub(super) fn read(history: &History<'_>) -> Happened {
    let mut all = Happened { unreadable: history.bundle.lines.len() - history.entries.len(), ..Happened::default() };
    for entry in &history.entries {
        let at = entry.at.millis();
        match &entry.fact {
            Fact::SessionOpened(fact) => all.sessions.push(SessionFacts {
                seq: entry.seq,
                at,
                session: fact.session.clone(),
                account: fact.account.clone(),
                arn: fact.arn.clone(),
                kind: fact.session_kind.clone(),
                endpoint: fact.endpoint.clone(),
            }),
            Fact::Asked(fact) => asked(&mut all, entry, fact),
            Fact::Corroborated(fact) => {
                let id = fact.request_id.as_deref().unwrap_or("without an id");
                let words = format!("corroborated by AWS request {id} in {}", fact.account);
                all.corroborated.insert(fact.statement, words);
            }
            Fact::Approval(fact) => decided(&mut all, entry, fact),
            Fact::RequestEnded(fact) => {
                if let Some(request) = all.requests.get_mut(&fact.request) {
                    request.ended = Some(line::ended(fact.why).to_owned());
                }
            }
            Fact::Intended(fact) => intended(&mut all, history, entry, fact),
            Fact::Outcome(fact) => outcome(&mut all, history, entry, fact),
            Fact::Said(fact) => said(&mut all, history, entry, &fact.statement),
            Fact::HoldProved(fact) => {
                let words = format!("`{}`, entry {}, {}", fact.hold, entry.seq, entry.at.seconds().replace('T', " "));
                all.proved.insert(fact.hold.clone(), words);
            }
            Fact::HoldEnded(fact) => {
                all.proved.remove(&fact.hold);
            }
            _ => all.anchors.extend(anchor(history, entry)),
        }
    }
    all
}

fn asked(all: &mut Happened, entry: &Entry, fact: &fact::Asked) {
    let what = match fact.what {
        What::Approval => "approval",
        What::Settle => "settle",
    };
    let request = RequestFacts {
        seq: entry.seq,
        at: entry.at.millis(),
        what: what.to_owned(),
        covers: fact.covers.clone(),
        summary: fact.summary.clone(),
        performer: fact.performer.clone(),
        approve_by: fact.approve_by.millis(),
        run_by: fact.run_by.millis(),
        decisions: Vec::new(),
        ended: None,
    };
    all.requests.insert(entry.seq, request);
}

fn decided(all: &mut Happened, entry: &Entry, fact: &fact::Approval) {
    let Ok(Statement { body: Body::Approval(_, fields), tail }) = Statement::read(&fact.statement) else { return };
    let decision = DecisionFacts {
        seq: entry.seq,
        at: entry.at.millis(),
        person: tail.person,
        party: tail.party,
        role: tail.role,
        decision: fields.decision.name().to_owned(),
        reason: tail.reason,
        signed_at: tail.signed_at.seconds(),
        key: PublicKey::parse(&fact.key).map(|key| key.fingerprint()).unwrap_or_default(),
        corroborated: all.corroborated.remove(&Digest::of(fact.statement.as_bytes())),
    };
    if let Some(request) = all.requests.get_mut(&fields.request) {
        request.decisions.push(decision);
    }
}

fn direction(direction: Direction) -> String {
    match direction {
        Direction::Do => "do",
        Direction::Undo => "undo",
    }
    .to_owned()
}

/// Who broke the glass for this attempt before it began.
fn waivers(history: &History<'_>, before: u64, begun: &fact::Intended) -> Vec<String> {
    let waived = |entry: &&Entry| match &entry.fact {
        Fact::BreakGlass(fact) => match Statement::read(&fact.statement) {
            Ok(Statement { body: Body::BreakGlass(_, fields), .. }) => {
                fields.covers == begun.step.covers() && fields.attempt == begun.attempt
            }
            _ => false,
        },
        _ => false,
    };
    let all = history.entries.iter().take_while(|entry| entry.seq < before).filter(waived);
    all.filter_map(|entry| Some(format!("BREAK-GLASS by {}", entry.by.as_ref()?))).collect()
}

fn intended(all: &mut Happened, history: &History<'_>, entry: &Entry, fact: &fact::Intended) {
    let spent = fact.consumes.iter().filter_map(|seq| history.entries.iter().find(|entry| entry.seq == *seq));
    let mut approved_by: Vec<String> = spent.filter_map(|entry| entry.by.clone()).collect();
    approved_by.dedup();
    if fact.request.is_some() && approved_by.is_empty() && fact.r#try == 1 {
        approved_by.extend(waivers(history, entry.seq, fact));
    }
    all.begun.insert(entry.seq, all.operations.len());
    all.operations.push(OperationFacts {
        r#try: fact.r#try,
        what: history.doing(&fact.step, &fact.operation).unwrap_or_default(),
        approved_by,
        began: Some(entry.at.millis()),
        words: "begun; how it ended is not known".to_owned(),
        ..operation(entry, &fact.step, fact.direction, fact.attempt)
    });
}

fn outcome(all: &mut Happened, history: &History<'_>, entry: &Entry, fact: &fact::Outcome) {
    let place = match fact.intended {
        Some(seq) => all.begun.get(&seq).copied(),
        None => {
            all.operations.push(looked(history, entry, fact));
            Some(all.operations.len() - 1)
        }
    };
    let Some(operation) = place.and_then(|place| all.operations.get_mut(place)) else { return };
    let settled = matches!(fact.found, Found::Probe | Found::Word);
    operation.was_in_doubt |= fact.result == Ended::InDoubt || settled && fact.intended.is_some();
    operation.ended = Some(entry.at.millis());
    operation.result = Some(ended(fact.result).to_owned());
    operation.found = Some(found(fact.found).to_owned());
    operation.words = line::outcome(fact);
    operation.request_id = fact.request_id.clone().or(operation.request_id.take());
    operation.date = fact.date.clone().or(operation.date.take());
    operation.took_ms = Some(fact.took_ms);
    operation.error = fact.error.as_ref().map(|one| format!("{}: {}", one.code, one.message));
    let end = history.step(&fact.step).is_some_and(|step| !step.back.point_of_no_return.is_empty());
    if end && fact.result == Ended::Done && fact.direction == Direction::Do {
        let passed = Passed {
            step: fact.step.to_string(),
            seq: entry.seq,
            at: entry.at.millis(),
            proved_before: all.proved.values().cloned().collect(),
        };
        all.passed.push((fact.step.clone(), passed));
    }
}

/// A step that changes nothing has no `intended`.
fn looked(history: &History<'_>, entry: &Entry, fact: &fact::Outcome) -> OperationFacts {
    let what = history.step(&fact.step).map(words::what).unwrap_or_default();
    OperationFacts { what, ..operation(entry, &fact.step, fact.direction, fact.attempt) }
}

/// An operation of which only its entry is known: the first try, no end.
fn operation(entry: &Entry, step: &StepId, way: Direction, attempt: u32) -> OperationFacts {
    OperationFacts {
        seq: entry.seq,
        step: step.to_string(),
        direction: direction(way),
        attempt,
        r#try: 1,
        what: String::new(),
        by: entry.by.clone().unwrap_or_default(),
        approved_by: Vec::new(),
        began: None,
        ended: None,
        result: None,
        found: None,
        was_in_doubt: false,
        request_id: None,
        date: None,
        took_ms: None,
        error: None,
        words: String::new(),
    }
}

fn ended(result: Ended) -> &'static str {
    match result {
        Ended::Done => "done",
        Ended::Failed => "failed",
        Ended::NotDone => "not_done",
        Ended::InDoubt => "in_doubt",
        Ended::SecretLost => "secret_lost",
    }
}

fn found(found: Found) -> &'static str {
    match found {
        Found::Answer => "answer",
        Found::Probe => "probe",
        Found::Word => "word",
        Found::Executor => "executor",
    }
}

fn anchor(history: &History<'_>, entry: &Entry) -> Option<AnchorFacts> {
    let (stage, item, event, object) = match &entry.fact {
        Fact::AnchorSet(fact) => (&fact.stage, &fact.item, "set", Some(fact.object)),
        Fact::AnchorRefused(fact) => (&fact.stage, &fact.item, "refused", fact.object),
        Fact::AnchorRegained(fact) => (&fact.stage, &fact.item, "regained", Some(fact.object)),
        _ => return None,
    };
    Some(AnchorFacts {
        seq: entry.seq,
        at: entry.at.millis(),
        stage: stage.clone(),
        item: item.clone(),
        event: event.to_owned(),
        words: line::words(history, entry).unwrap_or_default(),
        object,
    })
}

/// Answers and files that somebody signed for. Of answers only the names of their fields are told: a secret that
/// slipped into one can be withheld from the bundle, and must not stand in a report.
fn said(all: &mut Happened, history: &History<'_>, entry: &Entry, text: &str) {
    let Ok(Statement { body: Body::Said(_, fields), tail }) = Statement::read(text) else { return };
    let (Some(object), SaidWhat::Evidence | SaidWhat::Answer | SaidWhat::Task) = (fields.object, fields.what) else {
        return;
    };
    let bytes = history.bundle.objects.get(&object);
    let mut facts = EvidenceFacts {
        seq: entry.seq,
        at: entry.at.millis(),
        step: fields.covers,
        person: tail.person,
        what: fields.what.name().to_owned(),
        name: tail.reason,
        media_type: String::new(),
        bytes: None,
        sha256: None,
        object,
        missing: bytes.is_none(),
    };
    if let Some(bytes) = bytes {
        if let Ok(file) = salted::unwrap_file(bytes) {
            facts.name = file.name;
            facts.media_type = file.media_type;
            facts.bytes = Some(file.bytes.len() as u64);
            facts.sha256 = Some(Digest::of(&file.bytes));
        } else if let Ok(Value::Object(members)) = salted::unwrap(bytes, salted::ANSWER) {
            facts.name = members.keys().cloned().collect::<Vec<_>>().join(", ");
        }
    }
    all.evidence.push(facts);
}
