//! Bundle and verdict -> what a report holds. Reads entry by entry and needs no consistent history: what can't be
//! read is missing in the report, and the verdict says so.

use super::content::{
    Chapter, Content, EntryFacts, HoldFacts, HowTo, Moment, PersonFacts, PointFacts, ProblemFacts, RunFacts, Runbook,
    Source, StageFacts, StepFacts, Verdict,
};
use super::happened::{self, Happened};
use super::line::{self, Told};
use super::{story, trouble};
use crate::base::json::{self, Form};
use crate::base::{Digest, RunId, StepId, id};
use crate::engine::operation;
use crate::people::{self, People};
use crate::plan::lanes::Lane;
use crate::plan::model::{Plan, Step};
use crate::plan::words;
use crate::record::bundle::Bundle;
use crate::record::entry::{Entry, leaf};
use crate::record::fact::{self, Fact, Mode, SignedText};
use crate::record::tree::{Tree, root_text};
use crate::sshsig::PublicKey;
use crate::verify;
use std::collections::BTreeMap;

/// A history as far as it can be read.
pub(super) struct History<'a> {
    pub bundle: &'a Bundle,
    pub entries: Vec<Entry>,
    /// Those in force at the end.
    pub plan: Option<Plan>,
    pub people: Option<People>,
    /// How people name requests, by seq.
    names: BTreeMap<u64, String>,
}

impl<'a> History<'a> {
    fn read(bundle: &'a Bundle) -> History<'a> {
        let entries: Vec<Entry> = bundle.lines.iter().filter_map(|line| Entry::read(line).ok()).collect();
        let mode = entries.iter().find_map(|entry| match &entry.fact {
            Fact::RunOpened(fact) => Some(fact.mode),
            _ => None,
        });
        let (mut plan, mut people) = (None, None);
        for entry in &entries {
            let (new_plan, new_people) = match &entry.fact {
                Fact::RunOpened(fact) => (Some(fact.plan), Some(fact.people)),
                Fact::Amended(fact) => (Some(fact.plan), None),
                Fact::PeopleChanged(fact) => (None, Some(fact.people)),
                _ => (None, None),
            };
            plan = new_plan.and_then(|digest| Plan::read(bundle.objects.get(&digest)?).ok()).or(plan);
            people = new_people.and_then(|digest| read_people(bundle, &digest, mode)).or(people);
        }
        let names = entries.iter().filter_map(|entry| match &entry.fact {
            Fact::Asked(fact) => Some((entry.seq, request_name(&fact.covers))),
            _ => None,
        });
        let names = names.collect();
        History { bundle, entries, plan, people, names }
    }

    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.plan.as_ref()?.step(id)
    }

    /// The name of a person, or the id where the people file does not say.
    pub fn name(&self, person: &str) -> String {
        self.people.as_ref().and_then(|people| people.get(person)).map_or(person, |one| &one.name).to_owned()
    }
}

impl Told for History<'_> {
    fn stage_title(&self, stage: &str) -> Option<String> {
        self.plan.as_ref()?.stage(stage).map(|stage| stage.title.clone())
    }

    fn doing(&self, step: &StepId, operation: &Digest) -> Option<String> {
        let text = std::str::from_utf8(self.bundle.objects.get(operation)?).ok()?;
        let value = json::parse(text, Form::Object).ok()?;
        self.step(step).map(|step| operation::words(&value, step))
    }

    fn request_name(&self, request: u64) -> Option<String> {
        self.names.get(&request).cloned()
    }
}

fn read_people(bundle: &Bundle, digest: &Digest, mode: Option<Mode>) -> Option<People> {
    let text = std::str::from_utf8(bundle.objects.get(digest)?).ok()?;
    people::parse("people", text, mode == Some(Mode::Rehearsal)).0
}

/// `stage` for a whole stage, `stage:item` for a whole item, else as it covers.
fn request_name(covers: &str) -> String {
    covers.strip_suffix(":*/*").or(covers.strip_suffix("/*")).unwrap_or(covers).to_owned()
}

/// What can still be read of a text that is no bundle: the header's run, canonical lines, and objects that have
/// their digest. Nothing where not even the run can be read.
pub fn salvage(bytes: &[u8]) -> Option<Bundle> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let header: serde_json::Value = serde_json::from_str(lines.next()?).ok()?;
    let run = RunId::parse(header["run"].as_str()?)?;
    let mut bundle = Bundle { run, lines: Vec::new(), objects: BTreeMap::new() };
    for line in lines {
        let Ok(value) = json::parse(line, Form::Object) else { continue };
        match value["base64"].as_str() {
            None => bundle.lines.push(line.to_owned()),
            Some(text) => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
                let digest = Digest::of(&bytes);
                if value["sha256"].as_str() == Some(&digest.hex()) {
                    bundle.objects.insert(digest, bytes);
                }
            }
        }
    }
    Some(bundle)
}

/// The whole report. `verdict`: what `verify` says of this very bundle.
pub fn gather(bundle: &Bundle, verdict: &verify::Report, source: Source) -> Content {
    let history = History::read(bundle);
    let happened = happened::read(&history);
    let lanes = lanes(&history);
    let chapters: Vec<Chapter> = story::chapters(&history, &happened, &lanes);
    let entries = history.entries.iter().map(|entry| told(&history, entry)).collect();
    let troubles = trouble::all(&history, &happened);
    Content {
        report: 1,
        program: concat!("countersign ", env!("CARGO_PKG_VERSION")).to_owned(),
        check: how_to_check(&history, &source),
        verdict: verdict_of(verdict, &happened),
        run: run_facts(&history, &happened),
        runbook: runbook(&history),
        people: person_facts(&history),
        stages: stages(&history),
        holds: holds(&history),
        points_of_no_return: points(&history, &happened),
        sessions: happened.sessions,
        requests: happened.requests.into_values().collect(),
        operations: happened.operations,
        anchors: happened.anchors,
        evidence: happened.evidence,
        troubles,
        entries,
        lanes,
        chapters,
        source,
    }
}

/// An entry in words; the kind alone where only machines need it.
pub(super) fn told(history: &History<'_>, entry: &Entry) -> EntryFacts {
    EntryFacts {
        seq: entry.seq,
        at: entry.at.millis(),
        by: entry.by.clone(),
        kind: entry.fact.kind().to_owned(),
        words: line::words(history, entry).unwrap_or_default(),
    }
}

fn verdict_of(report: &verify::Report, happened: &Happened) -> Verdict {
    Verdict {
        verdict: report.verdict.name().to_owned(),
        mode: report.mode.map(|mode| mode.name().to_owned()),
        words: verify::text(report).lines().map(str::to_owned).collect(),
        limits: limits(report, happened),
        entries: report.entries,
        covered: report.covered,
        trusted_keys: report.trusted_keys,
        break_glass: report.break_glass,
        problems: report
            .problems
            .iter()
            .map(|one| ProblemFacts { seq: one.seq, code: one.code.to_owned(), message: one.message.clone() })
            .collect(),
        missing_objects: report.missing_objects.clone(),
        witnessed_by: report.witnessed_by.clone(),
    }
}

/// What a reader must not rely on.
fn limits(report: &verify::Report, happened: &Happened) -> Vec<String> {
    let mut all = Vec::new();
    match report.verdict {
        verify::Verdict::Invalid => {
            all.push(
                "This history does not verify. Nothing in this report is proved: who did what, in which order, \
                      and who agreed may all be false."
                    .to_owned(),
            );
            all.push(match report.problems.iter().filter_map(|one| one.seq).min() {
                Some(seq) => format!(
                    "The first broken rule is at entry {seq}. What stands from there on is told as it is written, \
                     and must not be relied on."
                ),
                None => "It can't be said from which entry on it is wrong.".to_owned(),
            });
            all.push("Ask each party for the bundle and the heads that they kept, and compare.".to_owned());
        }
        verify::Verdict::Diverged => all.push(
            "This is another history than the one that somebody holds a signed head of: one of the two was altered."
                .to_owned(),
        ),
        verify::Verdict::Open => all.push("The run is not closed: this is not its end.".to_owned()),
        _ => {}
    }
    if report.verdict != verify::Verdict::Invalid && report.covered < report.entries {
        let (from, to) = (report.covered, report.entries.saturating_sub(1));
        all.push(format!("Entries {from} to {to} are signed by nobody but the operator."));
    }
    match report.mode {
        Some(Mode::Live) => {}
        Some(mode) => all.push(format!("This was a {} run: no real AWS account was touched.", mode.name())),
        None => all.push("Whether AWS was really touched can't be read.".to_owned()),
    }
    if !report.trusted_keys {
        all.push("Whose keys these are is said by the bundle itself: compare the fingerprints by phone.".to_owned());
    }
    if !report.missing_objects.is_empty() {
        let count = report.missing_objects.len();
        all.push(format!("{count} objects are not in the bundle: what they hold is not told here."));
    }
    if report.break_glass {
        all.push(match report.unreconciled {
            true => {
                "Approvals were waived by BREAK-GLASS, and not every party has counter-signed the result.".to_owned()
            }
            false => {
                "Approvals were waived by BREAK-GLASS; every party has counter-signed the result since.".to_owned()
            }
        });
    }
    if happened.unreadable > 0 {
        all.push(format!("{} lines can't be read as entries and are left out.", happened.unreadable));
    }
    all
}

fn run_facts(history: &History<'_>, happened: &Happened) -> RunFacts {
    let entries = &history.entries;
    let lines = &history.bundle.lines;
    let opened = entries.iter().find_map(|entry| match &entry.fact {
        Fact::RunOpened(fact) => Some((entry, fact)),
        _ => None,
    });
    let closed = entries.iter().find_map(|entry| match &entry.fact {
        Fact::RunClosed(fact) => Some((entry, fact)),
        _ => None,
    });
    let doubt = happened.operations.iter().any(|one| matches!(one.result.as_deref(), None | Some("in_doubt")));
    let state = match &closed {
        Some((_, fact)) => fact.result.replace('_', " "),
        None if doubt => "in doubt".to_owned(),
        None => "open".to_owned(),
    };
    RunFacts {
        id: history.bundle.run.to_string(),
        state,
        opened_at: opened.map(|(entry, _)| entry.at.millis()),
        opened_by: opened.and_then(|(entry, _)| entry.by.clone()),
        last_at: entries.last().map(|entry| entry.at.millis()),
        closed_at: closed.map(|(entry, _)| entry.at.millis()),
        program: opened.map(|(_, fact)| fact.program.clone()).unwrap_or_default(),
        host: opened.map(|(_, fact)| fact.host.clone()).unwrap_or_default(),
        entries: lines.len() as u64,
        last_leaf: lines.last().map(|line| leaf(line)),
        root: root_text(&Tree::of(lines.iter().map(String::as_str)).root()),
    }
}

fn runbook(history: &History<'_>) -> Runbook {
    let mut book = Runbook::default();
    for entry in &history.entries {
        match &entry.fact {
            Fact::RunOpened(fact) => {
                book.runbook = Some(fact.runbook);
                book.values = Some(fact.values);
                book.plan = Some(fact.plan);
                book.people = Some(fact.people);
            }
            Fact::Amended(fact) => (book.runbook, book.plan) = (Some(fact.runbook), Some(fact.plan)),
            Fact::PeopleChanged(fact) => book.people = Some(fact.people),
            _ => {}
        }
    }
    if let Some(plan) = &history.plan {
        book.name = plan.name.clone();
        book.title = plan.title.clone();
        book.version = plan.version.clone();
        book.description = plan.description.clone();
    }
    book
}

fn person_facts(history: &History<'_>) -> Vec<PersonFacts> {
    let mut signed: BTreeMap<String, u64> = BTreeMap::new();
    for text in history.entries.iter().flat_map(|entry| signatures(&entry.fact)) {
        if let Ok(statement) = crate::record::statement::Statement::read(&text.statement) {
            *signed.entry(statement.tail.person).or_default() += 1;
        }
    }
    let people = history.people.iter().flat_map(|people| people.people.values());
    let mut all: Vec<PersonFacts> = people
        .map(|one| PersonFacts {
            id: one.id.clone(),
            name: one.name.clone(),
            party: one.party.clone(),
            roles: one.roles.clone(),
            keys: one.keys.iter().map(PublicKey::fingerprint).collect(),
            signed: signed.remove(&one.id).unwrap_or(0),
        })
        .collect();
    all.extend(signed.into_iter().map(|(id, count)| PersonFacts {
        name: id.clone(),
        id,
        party: String::new(),
        roles: Vec::new(),
        keys: Vec::new(),
        signed: count,
    }));
    all.sort_by(|a, b| (&a.party, &a.id).cmp(&(&b.party, &b.id)));
    all
}

/// The statements that an entry carries.
fn signatures(fact: &Fact) -> Vec<SignedText> {
    let one = |statement: &String, signature: &String, key: &String| {
        vec![SignedText { statement: statement.clone(), signature: signature.clone(), key: key.clone() }]
    };
    match fact {
        Fact::SignedOn(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::Approval(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::Said(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::BreakGlass(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::HandedOver(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::Witness(fact) => one(&fact.statement, &fact.signature, &fact.key),
        Fact::Amended(fact) => fact.statements.clone(),
        Fact::PeopleChanged(fact) => fact.statements.clone(),
        _ => Vec::new(),
    }
}

fn stages(history: &History<'_>) -> Vec<StageFacts> {
    let (Some(plan), Some(people)) = (&history.plan, &history.people) else { return Vec::new() };
    let stage_items = |stage: &str| {
        let found = history.entries.iter().rev().find_map(|entry| match &entry.fact {
            Fact::StageEntered(fact) if fact.stage == stage => fact.items,
            _ => None,
        });
        let bytes = history.bundle.objects.get(&found?)?;
        let items: Vec<crate::plan::model::Item> = serde_json::from_slice(bytes).ok()?;
        Some(items.into_iter().map(|item| item.key).collect::<Vec<_>>())
    };
    let planned = |stage: &crate::plan::model::Stage| {
        stage.items.as_ref().map(|items| items.iter().map(|item| item.key.clone()).collect::<Vec<_>>())
    };
    let facts = |step: &Step| StepFacts {
        id: step.id.clone(),
        title: step.title.clone(),
        what: words::what(step),
        performers: words::performer_roles(step).into_iter().map(|role| of_role(people, role)).collect(),
        approvals: step.approvals.iter().map(|one| words::approval(people, one)).collect(),
        way_back: step.mutates.then(|| words::way_back(step)),
        lost: step.lost.clone(),
    };
    plan.stages
        .iter()
        .map(|stage| StageFacts {
            id: stage.id.clone(),
            title: stage.title.clone(),
            items: stage_items(&stage.id).or_else(|| planned(stage)),
            anchor: words::anchor(stage),
            steps: stage.steps.iter().map(facts).collect(),
        })
        .collect()
}

fn of_role(people: &People, role: &str) -> String {
    format!("{} ({role})", words::holders(people, role))
}

/// The plan's holds, and those that only entries name.
fn holds(history: &History<'_>) -> Vec<HoldFacts> {
    let planned = |hold: &crate::plan::model::Hold| HoldFacts {
        id: hold.id.clone(),
        title: hold.title.clone(),
        by: words::hold_by(hold),
        from: hold.from.clone(),
        until: hold.until.clone(),
        ..HoldFacts::default()
    };
    let mut all: Vec<HoldFacts> = history.plan.iter().flat_map(|plan| &plan.holds).map(planned).collect();
    for entry in &history.entries {
        let (Fact::HoldBegan(fact::HoldBegan { hold })
        | Fact::HoldProved(fact::HoldProved { hold, .. })
        | Fact::HoldEnded(fact::HoldEnded { hold })) = &entry.fact
        else {
            continue;
        };
        if !all.iter().any(|one| one.id == *hold) {
            all.push(HoldFacts { id: hold.clone(), ..HoldFacts::default() });
        }
        let Some(facts) = all.iter_mut().find(|one| one.id == *hold) else { continue };
        let moments = match &entry.fact {
            Fact::HoldBegan(_) => &mut facts.began,
            Fact::HoldProved(_) => &mut facts.proved,
            _ => &mut facts.released,
        };
        moments.push(Moment { seq: entry.seq, at: entry.at.millis() });
    }
    all
}

fn points(history: &History<'_>, happened: &Happened) -> Vec<PointFacts> {
    let mut all = Vec::new();
    for stage in history.plan.iter().flat_map(|plan| &plan.stages) {
        for step in stage.steps.iter().filter(|step| !step.back.point_of_no_return.is_empty()) {
            let passed = happened.passed.iter().filter(|(id, _)| id.stage == stage.id && id.step == step.id);
            all.push(PointFacts {
                step: format!("{}/{}", stage.id, step.id),
                words: step.back.point_of_no_return.clone(),
                passed: passed.map(|(_, passed)| passed.clone()).collect(),
            });
        }
    }
    all
}

/// Who did or said something, by party, then what no person does.
fn lanes(history: &History<'_>) -> Vec<Lane> {
    let mut ids: Vec<&String> = history.entries.iter().filter_map(|entry| entry.by.as_ref()).collect();
    ids.sort();
    ids.dedup();
    let party = |id: &str| {
        history.people.as_ref().and_then(|people| people.get(id)).map_or("", |person| &person.party).to_owned()
    };
    let lane = |id: &String| Lane { id: id.clone(), name: history.name(id), party: party(id) };
    let mut all: Vec<Lane> = ids.into_iter().map(lane).collect();
    all.sort_by(|a, b| (&a.party, &a.id).cmp(&(&b.party, &b.id)));
    all.push(Lane {
        id: crate::plan::picture::SYSTEM.to_owned(),
        name: "Countersign".to_owned(),
        party: String::new(),
    });
    all
}

/// Commands that need nothing of this report. No text of the bundle stands in them, but names of the safe form.
fn how_to_check(history: &History<'_>, source: &Source) -> Vec<HowTo> {
    let safe = |text: &str| id::is_key(text) && !text.starts_with('-');
    let file = if safe(&source.name) { source.name.as_str() } else { "run.countersign" };
    let mut all = vec![
        HowTo {
            what: format!("This very file was read: the digest is {}", source.sha256),
            commands: vec![format!("sha256sum {file}")],
        },
        HowTo {
            what: "The verdict, with keys that you got from each party yourself".to_owned(),
            commands: vec![format!("countersign verify {file} --trust KEYS-FROM-EACH-PARTY")],
        },
        HowTo {
            what:
                "Without Countersign: the second verifier, a file of its own source in Python (3.11 and its standard \
                   library; ssh-keygen for signatures), written from the published format to be read by you. From the \
                   folder in which the source lies"
                    .to_owned(),
            commands: vec![format!("python3 journal/verify.py {file}")],
        },
    ];
    if let Some(line) = history.bundle.lines.last() {
        all.push(HowTo {
            what: format!("Without Countersign: the leaf of the last entry is {}", leaf(line)),
            commands: vec![
                format!("tail -n +2 {file} | grep '^{{\"at\"' > lines"),
                "{ printf '\\0'; tail -n 1 lines | tr -d '\\n'; } | sha256sum".to_owned(),
            ],
        });
    }
    let approval = history.entries.iter().rfind(|entry| matches!(entry.fact, Fact::Approval(_)));
    if let Some((entry, person)) = approval.and_then(|entry| Some((entry, entry.by.as_deref().filter(|by| safe(by))?)))
    {
        let line = format!("sed -n {}p lines", entry.seq.saturating_add(1));
        all.push(HowTo {
            what: format!("Without Countersign: a signature, for instance the last decision (entry {})", entry.seq),
            commands: vec![
                format!("{line} | jq -j .data.statement > s"),
                format!("{line} | jq -j .data.signature > s.sig"),
                format!("echo \"{person} $({line} | jq -r .data.key)\" > signers"),
                format!("ssh-keygen -Y verify -f signers -I {person} -n approval-v1@countersign -s s.sig < s"),
            ],
        });
    }
    all
}
