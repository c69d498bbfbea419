//! Second pass: entry by entry, what the history has come to, and whether the next entry may follow.
//! This file holds the state and the order of the checks; the rules stand in the files beside it.

use super::chain::Chain;
use super::operation::Work;
use super::request::Request;
use super::trust::Trust;
use super::{Found, Problem, codes};
use crate::base::domains::AWS_DOMAINS;
use crate::base::{Digest, StepId, Time};
use crate::people::{self, People};
use crate::plan::model::{Plan, Step};
use crate::record::fact::{Fact, Mode, RunOpened, SessionOpened, SignedOn, StageEntered};
use crate::record::statement::SaidWhat;
use crate::record::{Entry, named};
use crate::sshsig::KeyKind;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A rule that an entry breaks: its code, and words.
pub(super) type Fail = (&'static str, String);
pub(super) type Checked<T = ()> = Result<T, Fail>;

pub(super) fn fail<T>(code: &'static str, message: impl Into<String>) -> Checked<T> {
    Err((code, message.into()))
}

/// The digests in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Force {
    pub runbook: Digest,
    pub plan: Digest,
    pub people: Digest,
}

/// A performer's signed word.
pub(super) struct Spoken {
    pub person: String,
    pub what: SaidWhat,
    pub attempt: u32,
    pub object: Option<Digest>,
}

/// Stage and item.
pub(super) type Place = (String, Option<String>);

/// What the history has come to.
pub(super) struct Walk<'a> {
    pub chain: &'a Chain,
    pub objects: &'a BTreeMap<Digest, Vec<u8>>,
    pub trust: &'a [Trust],
    pub problems: Vec<Problem>,
    /// In force after entry i.
    pub force: Vec<Force>,
    pub mode: Option<Mode>,
    pub starter: String,
    pub plan: Option<Rc<Plan>>,
    /// Of the plan in force; null where they can't be read.
    values: serde_json::Value,
    /// The plan's steps, by stage and `step`, `step/undo/id` or `step/repair/id`.
    pub steps: BTreeMap<(String, String), Rc<Step>>,
    pub people: Option<Rc<People>>,
    pub epoch: u64,
    pub seated: BTreeSet<String>,
    pub machine: String,
    /// The greatest of all times so far.
    pub floor: Time,
    pub nonces: BTreeSet<String>,
    pub statements: BTreeSet<Digest>,
    /// Keys that anybody can make, by name and kind: made once.
    pub anybodys: BTreeMap<(String, KeyKind), Vec<u8>>,
    pub requests: BTreeMap<u64, Request>,
    pub works: BTreeMap<StepId, Work>,
    /// Items of the stages entered; none for a stage that does not repeat.
    pub entered: BTreeMap<String, Option<BTreeSet<String>>>,
    pub anchors: BTreeMap<Place, Digest>,
    /// By what they say that they cover.
    pub spoken: BTreeMap<String, Vec<Spoken>>,
    /// How many words these are.
    pub words: usize,
    /// Of the entry right before an approval.
    pub corroborated: Option<crate::record::fact::Corroborated>,
    pub holds: BTreeMap<String, super::hold::Held>,
    pub skipped: BTreeSet<(String, Option<String>, Option<String>)>,
    /// Seq of the last outcome `done` of each step.
    pub done: BTreeMap<StepId, u64>,
    /// Seq of the outcome by which a step's secret was lost, until it is done.
    pub lost: BTreeMap<StepId, u64>,
    pub outputs: BTreeMap<StepId, Digest>,
    pub rollbacks: u32,
    /// Points of no return that were done, or begun and failed.
    pub passed: BTreeSet<StepId>,
    /// The step whose repair was begun last, since the last rollback.
    pub repairs: Option<StepId>,
    pub counts: BTreeMap<String, u64>,
    pub closed: Option<String>,
    pub handed_to: Option<super::copies::Away>,
    pub recovery: super::copies::Recovery,
    // What the report says.
    pub covered: u64,
    pub missing: BTreeSet<Digest>,
    pub fingerprints: BTreeSet<(String, String)>,
    pub untrusted: BTreeSet<String>,
    pub witnessed: BTreeSet<String>,
    pub broke_glass: bool,
    pub by_word: Vec<String>,
}

impl<'a> Walk<'a> {
    pub fn new(chain: &'a Chain, objects: &'a BTreeMap<Digest, Vec<u8>>, trust: &'a [Trust]) -> Walk<'a> {
        Walk {
            chain,
            objects,
            trust,
            problems: Vec::new(),
            force: Vec::new(),
            mode: None,
            starter: String::new(),
            plan: None,
            values: serde_json::Value::Null,
            steps: BTreeMap::new(),
            people: None,
            epoch: 0,
            seated: BTreeSet::new(),
            machine: String::new(),
            floor: Time(i64::MIN),
            nonces: BTreeSet::new(),
            statements: BTreeSet::new(),
            anybodys: BTreeMap::new(),
            requests: BTreeMap::new(),
            works: BTreeMap::new(),
            entered: BTreeMap::new(),
            anchors: BTreeMap::new(),
            spoken: BTreeMap::new(),
            words: 0,
            corroborated: None,
            holds: BTreeMap::new(),
            skipped: BTreeSet::new(),
            done: BTreeMap::new(),
            lost: BTreeMap::new(),
            outputs: BTreeMap::new(),
            rollbacks: 0,
            passed: BTreeSet::new(),
            repairs: None,
            counts: BTreeMap::new(),
            closed: None,
            handed_to: None,
            recovery: Default::default(),
            covered: 0,
            missing: BTreeSet::new(),
            fingerprints: BTreeSet::new(),
            untrusted: BTreeSet::new(),
            witnessed: BTreeSet::new(),
            broke_glass: false,
            by_word: Vec::new(),
        }
    }

    /// Every entry, in order; ends early only where nothing after it can be judged.
    pub fn all(&mut self) {
        for entry in &self.chain.entries {
            self.floor = self.floor.max(entry.at);
            self.check(|walk| walk.seat(entry), entry.seq);
            self.check(|walk| walk.fact(entry), entry.seq);
            match self.counts.get_mut(entry.fact.kind()) {
                Some(count) => *count += 1,
                None => {
                    self.counts.insert(entry.fact.kind().to_owned(), 1);
                }
            }
            if self.plan.is_none() || self.people.is_none() {
                return;
            }
            self.name_objects(entry);
            let in_force = self.force.last().copied();
            if self.force.len() as u64 <= entry.seq {
                self.force.extend(in_force);
            }
        }
    }

    fn check(&mut self, rule: impl FnOnce(&mut Self) -> Checked, seq: u64) {
        if let Err((code, message)) = rule(self) {
            self.problems.push(Problem::new(seq, code, message));
        }
    }

    /// Whether an entry may stand here at all: opening, epoch, end of the run, hand-over.
    fn seat(&mut self, entry: &Entry) -> Checked {
        let kind = entry.fact.kind();
        let opening = matches!(entry.fact, Fact::RunOpened(_));
        if opening != (entry.seq == 0) {
            return fail(codes::OPENING, "run_opened is the first entry of a run, and no other");
        }
        if entry.seq == 0 {
            self.epoch = entry.epoch;
            return Ok(());
        }
        if entry.seq == 1 && kind != "signed_on" {
            return fail(codes::OPENING, format!("the first sign-on must follow run_opened, not {kind}"));
        }
        if self.closed.is_some() && !matches!(entry.fact, Fact::Witness(_) | Fact::Checkpoint(_)) {
            return fail(codes::AFTER_CLOSE, format!("{kind} follows the closing entry"));
        }
        self.away(entry)?;
        if entry.epoch < self.epoch {
            return fail(codes::EPOCH, format!("it has the epoch {}, but {} has begun", entry.epoch, self.epoch));
        }
        if entry.epoch > self.epoch && kind != "signed_on" {
            return fail(codes::EPOCH, format!("nobody signed on for the epoch {}", entry.epoch));
        }
        Ok(())
    }

    /// The rules of each kind.
    fn fact(&mut self, entry: &Entry) -> Checked {
        match &entry.fact {
            Fact::RunOpened(fact) if entry.seq == 0 => self.run_opened(entry, fact),
            Fact::RunOpened(_) => Ok(()),
            Fact::SignedOn(fact) => self.signed_on(entry, fact),
            Fact::SignedOff(fact) => {
                fact.people.iter().for_each(|person| {
                    self.seated.remove(person);
                });
                Ok(())
            }
            Fact::SessionOpened(fact) => self.session_opened(fact),
            Fact::StageEntered(fact) => self.stage_entered(fact),
            Fact::AnchorSet(fact) => self.anchor_set(fact),
            Fact::AnchorRefused(fact) => self.place(&fact.stage, fact.item.as_deref()),
            Fact::AnchorRegained(fact) => self.place(&fact.stage, fact.item.as_deref()),
            Fact::HoldBegan(fact) => self.hold_began(&fact.hold),
            Fact::HoldProved(fact) => self.hold_proved(entry, &fact.hold),
            Fact::HoldEnded(fact) => self.hold_ended(&fact.hold),
            Fact::Asked(fact) => self.asked(entry, fact),
            Fact::Corroborated(fact) => self.corroborated(entry, fact),
            Fact::Approval(_) => self.approval(entry),
            Fact::RequestEnded(fact) => self.request_ended(fact),
            Fact::Said(_) => self.said(entry),
            Fact::Intended(fact) => self.intended(entry, fact),
            Fact::Outcome(fact) => self.outcome(entry, fact),
            Fact::Observed(fact) => self.observed(fact),
            Fact::Verified(fact) => self.step(&fact.step).map(|_| ()),
            Fact::Waited(fact) => self.step(&fact.step).map(|_| ()),
            Fact::Skipped(fact) => {
                self.skipped.insert((fact.stage.clone(), fact.item.clone(), fact.step.clone()));
                self.stage_known(&fact.stage)
            }
            Fact::RollbackStarted(fact) => self.rollback_started(fact),
            Fact::Amended(fact) => self.amended(entry, fact),
            Fact::PeopleChanged(fact) => self.people_changed(entry, fact),
            Fact::BreakGlass(_) => self.break_glass(entry),
            Fact::Checkpoint(fact) => self.checkpoint(entry, fact),
            Fact::HandedOver(_) => self.handed_over(entry),
            Fact::RunClosed(fact) => self.run_closed(entry, fact),
            Fact::Witness(_) => self.witness(entry),
            Fact::Waiting(_) | Fact::Paused(_) | Fact::Resumed(_) => Ok(()),
        }
    }

    fn run_opened(&mut self, entry: &Entry, fact: &RunOpened) -> Checked {
        self.mode = Some(fact.mode);
        self.force.push(Force { runbook: fact.runbook, plan: fact.plan, people: fact.people });
        self.starter = entry.by.clone().unwrap_or_default();
        for (name, digest) in [("runbook", fact.runbook), ("values", fact.values)] {
            self.bytes(name, &digest)?;
        }
        let plan = self.read_plan(&fact.plan)?;
        for (name, pinned, opened) in [
            ("runbook", plan.runbook, fact.runbook),
            ("values", plan.values, fact.values),
            ("people file", plan.people, fact.people),
        ] {
            if pinned != opened {
                let message = format!("the plan was made for another {name} ({pinned}) than the run was opened with");
                return fail(codes::FORM, message);
            }
        }
        let people = self.read_people(&fact.people)?;
        self.plan_in_force(plan);
        self.people = Some(Rc::new(people));
        let starter_known = self.people.as_ref().is_some_and(|people| people.get(&self.starter).is_some());
        if !starter_known {
            return fail(codes::OPENING, "the run was opened by nobody of the people file");
        }
        self.people_signatures(fact)
    }

    fn signed_on(&mut self, entry: &Entry, fact: &SignedOn) -> Checked {
        let verified = self.signed(entry)?;
        let person = verified.statement.tail.person.clone();
        let Some(fields) = verified.statement.sign_on() else { return fail(codes::ENVELOPE, "it is no sign-on") };
        if fields.epoch != entry.epoch {
            let message = format!("{person} signed on for the epoch {}, not {}", fields.epoch, entry.epoch);
            return fail(codes::EPOCH, message);
        }
        if fields.machine != fact.machine {
            return fail(codes::ENVELOPE, "the statement names another machine than the entry");
        }
        self.sits_down(entry, fact, &person)?;
        if entry.seq == 1 && person != self.starter {
            return fail(codes::OPENING, format!("{} opened the run, but {person} signs on first", self.starter));
        }
        if entry.epoch > self.epoch {
            self.seated.clear();
        }
        self.epoch = entry.epoch;
        self.machine.clone_from(&fact.machine);
        self.seated.insert(person);
        Ok(())
    }

    fn session_opened(&self, fact: &SessionOpened) -> Checked {
        let plan = self.plan()?;
        let Some(session) = plan.sessions.get(&fact.session) else {
            return fail(codes::SESSION, format!("the plan has no session {}", fact.session));
        };
        if !session.kinds.is_empty() && !session.kinds.contains(&fact.session_kind) {
            let message = format!("the session {} allows no credentials of kind {}", fact.session, fact.session_kind);
            return fail(codes::SESSION, message);
        }
        let account = serde_json::Value::from(fact.account.as_str());
        if !super::template::fits(&session.account.clone().into(), &account, &|path| self.parameter(path)) {
            let message = format!("the session {} is of another account than {}", fact.session, fact.account);
            return fail(codes::SESSION, message);
        }
        if self.mode == Some(Mode::Live) && !is_aws(&fact.endpoint) {
            return fail(codes::SESSION, format!("a live run spoke to {}, which is not AWS", fact.endpoint));
        }
        Ok(())
    }

    /// What `parameters.a.b` is, by the run's values.
    fn parameter(&self, path: &str) -> Option<serde_json::Value> {
        super::template::member(&self.values, path.strip_prefix("parameters.")?).cloned()
    }

    fn stage_entered(&mut self, fact: &StageEntered) -> Checked {
        let plan = self.plan()?;
        let Some(stage) = plan.stage(&fact.stage) else {
            return fail(codes::STEP, format!("the plan has no stage {}", fact.stage));
        };
        let Some(digest) = fact.items else {
            self.entered.insert(fact.stage.clone(), None);
            return if stage.for_each.is_null() && fact.count == 1 {
                Ok(())
            } else {
                fail(codes::STEP, "a stage that repeats has items, and one that does not has the count 1")
            };
        };
        if stage.for_each.is_null() {
            return fail(codes::STEP, format!("the stage {} does not repeat, but was entered with items", fact.stage));
        }
        let bytes = self.bytes("items", &digest)?;
        let items = signed_form::<Vec<crate::plan::model::Item>>("items", bytes)?;
        let keys = items.iter().map(|item| item.key.clone()).collect();
        if stage.items.as_ref().is_some_and(|planned| *planned != items) {
            return fail(codes::STEP, format!("the items of the stage {} are not the plan's", fact.stage));
        }
        if fact.count as usize != items.len() {
            return fail(codes::STEP, format!("{} items are announced, and {} named", fact.count, items.len()));
        }
        self.entered.insert(fact.stage.clone(), Some(keys));
        Ok(())
    }

    fn stage_known(&self, id: &str) -> Checked {
        let known = self.plan()?.stage(id).is_some();
        if known { Ok(()) } else { fail(codes::STEP, format!("the plan has no stage {id}")) }
    }

    /// The stage is the plan's, and the item one that the stage was entered with.
    pub fn place(&self, stage: &str, item: Option<&str>) -> Checked {
        self.stage_known(stage)?;
        let name = crate::base::id::place(stage, item);
        match (self.entered.get(stage), item) {
            (None, _) => fail(codes::STEP, format!("the stage {stage} has not been entered")),
            (Some(None), None) => Ok(()),
            (Some(Some(keys)), Some(item)) if keys.contains(item) => Ok(()),
            _ => fail(codes::STEP, format!("{name} is not an item that the stage was entered with")),
        }
    }

    /// The plan's step behind an id, with its place checked.
    pub fn step(&self, id: &StepId) -> Checked<(Rc<Plan>, Rc<Step>)> {
        let plan = self.plan()?;
        let key = (id.stage.clone(), id.local());
        let Some(step) = self.steps.get(&key) else {
            return fail(codes::STEP, format!("the plan has no step {id}"));
        };
        self.place(&id.stage, id.item.as_deref())?;
        Ok((plan, Rc::clone(step)))
    }

    /// From here on this plan counts.
    pub fn plan_in_force(&mut self, plan: Plan) {
        self.steps.clear();
        for stage in &plan.stages {
            for step in &stage.steps {
                let here = StepId::new(&stage.id, None, &step.id);
                let undo = step.back.undo.iter().map(|one| (one, here.with_undo(&one.id)));
                let repair = step.repair.iter().map(|one| (one, here.with_repair(&one.id)));
                for (one, id) in std::iter::once((step, here.clone())).chain(undo).chain(repair) {
                    let key = (stage.id.clone(), id.local());
                    self.steps.entry(key).or_insert_with(|| Rc::new(one.clone()));
                }
            }
        }
        let values = self.objects.get(&plan.values).and_then(|bytes| serde_json::from_slice(bytes).ok());
        self.values = values.unwrap_or_default();
        self.plan = Some(Rc::new(plan));
    }

    pub fn plan(&self) -> Checked<Rc<Plan>> {
        self.plan.clone().ok_or((codes::FORM, "there is no plan".to_owned()))
    }

    pub fn people(&self) -> Checked<Rc<People>> {
        self.people.clone().ok_or((codes::FORM, "there is no people file".to_owned()))
    }

    /// The bytes behind a digest in force.
    pub fn bytes(&self, name: &str, digest: &Digest) -> Checked<&'a [u8]> {
        let Some(bytes) = self.objects.get(digest) else {
            return fail(codes::OBJECT, format!("the {name} object {digest} is missing"));
        };
        if Digest::of(bytes) != *digest {
            return fail(codes::OBJECT, format!("the {name} object does not have the digest {digest}"));
        }
        Ok(bytes)
    }

    pub fn read_plan(&self, digest: &Digest) -> Checked<Plan> {
        let plan: Plan = signed_form("plan", self.bytes("plan", digest)?)?;
        if plan.plan != 1 {
            return fail(codes::FORM, format!("the plan's format version is {}, not 1", plan.plan));
        }
        for step in plan.stages.iter().flat_map(|stage| &stage.steps) {
            for step in step.with_behind() {
                let bytes = crate::base::json::object_bytes(&step.template).unwrap_or_default();
                if Digest::of(&bytes) != step.template_digest {
                    return fail(codes::FORM, format!("the template of the plan's step {} was altered", step.id));
                }
            }
        }
        Ok(plan)
    }

    pub fn read_people(&self, digest: &Digest) -> Checked<People> {
        let bytes = self.bytes("people", digest)?;
        let text = std::str::from_utf8(bytes).map_err(|_| (codes::FORM, "the people file is not UTF-8".to_owned()))?;
        // Rehearsal keys have a code of their own: see `signed`.
        let (people, findings) = people::parse("people", text, true);
        people.ok_or_else(|| {
            let first = findings.first().map_or(String::new(), |finding| finding.message.clone());
            (codes::FORM, format!("the people file is not good: {first}"))
        })
    }

    /// Notes every object that the entry names and the bundle lacks.
    fn name_objects(&mut self, entry: &Entry) {
        let mut named = named::objects(entry);
        if matches!(entry.fact, Fact::RunOpened(_) | Fact::Amended(_))
            && let Some(plan) = &self.plan
        {
            named.extend(plan.files.values().map(|file| file.sha256));
        }
        let objects = self.objects;
        self.missing.extend(named.into_iter().filter(|digest| !objects.contains_key(digest)));
    }

    pub fn finish(self) -> Found {
        let word = super::text::on_word(&self);
        let parties = self.plan.as_ref().map(|plan| plan.parties().into_iter().map(str::to_owned).collect());
        Found {
            word,
            parties: parties.unwrap_or_default(),
            mode: self.mode,
            runbook: self.plan.map_or(String::new(), |plan| plan.name.clone()),
            problems: self.problems,
            closed: self.closed,
            covered: self.covered,
            missing: self.missing,
            fingerprints: self.fingerprints,
            untrusted_parties: self.untrusted,
            witnessed: self.witnessed,
            break_glass: self.broke_glass,
        }
    }
}

/// Reads an object that must be canonical JSON of exactly this form.
pub(super) fn signed_form<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Checked<T> {
    let wrong = |message: String| (codes::FORM, format!("the {name} object is not of its form: {message}"));
    let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    let value = crate::base::json::parse(text, crate::base::json::Form::Object).map_err(|e| wrong(e.to_string()))?;
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

/// HTTPS, a host name and nothing but, in a domain of AWS's (what each service may be, the writer judges).
pub(super) fn is_aws(endpoint: &str) -> bool {
    let Some(host) = endpoint.strip_prefix("https://") else { return false };
    let host = host.strip_suffix('/').unwrap_or(host);
    let host = host.strip_suffix(":443").unwrap_or(host);
    host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && AWS_DOMAINS.iter().any(|end| host.to_ascii_lowercase().ends_with(end))
}
