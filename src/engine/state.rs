//! What a run's entries mean: the state folded from them, one entry at a time.
//! Pure: objects come in through a look-up; nothing here decides what happens next.

mod back;
mod change;
mod glass;

pub use back::Rollback;
pub use change::{Force, Handed, NotHere, Recovery, by_new_key, recovery_of};
pub use glass::Glass;

use super::index::{Index, Standing};
use crate::approval;
use crate::base::{Digest, RunId, StepId, Time};
use crate::people::People;
use crate::plan::model::{Approval, Item, Plan};
use crate::record::entry::Entry;
use crate::record::fact::{self, Asked, Direction, Ended, EndedBy, Fact, Found, Problem, Reading, RunOpened};
use crate::record::operations::{self, Operation};
use crate::record::statement::{Body, Decides, Head, PREFLIGHT, SaidWhat, Statement};
use crate::record::tree::Tree;
use crate::sshsig::{Good, PublicKey};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a stored object's bytes come from.
pub type Objects<'a> = &'a dyn Fn(&Digest) -> Option<Vec<u8>>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {message}")]
pub struct FoldError {
    pub seq: u64,
    pub message: String,
}

/// A run as its journal tells it.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub plan: Arc<Plan>,
    pub people: Arc<People>,
    /// The values object; instead of a secret parameter's value its own `${parameters.ID}` text.
    pub values: Value,
    /// Secret parameters that this process was given; never journaled (P11).
    pub secrets: BTreeMap<String, String>,
    /// Texts of the pinned files, by id.
    pub files: Value,
    pub opened: RunOpened,
    pub starter: String,
    pub started: Time,
    pub tree: Tree,
    pub leaf: Digest,
    pub last_at: Time,
    pub epoch: u64,
    /// When each epoch began, and on which machine.
    pub epochs: BTreeMap<u64, (Time, String)>,
    /// Who is signed on in the present epoch, in the order in which they sat down.
    pub signed_on: Vec<String>,
    /// Who each session last was.
    pub sessions: BTreeMap<String, Value>,
    /// The same by session and account: a session of items is another one for each.
    pub identities: BTreeMap<(String, String), Value>,
    pub stages: BTreeMap<String, StageState>,
    pub anchors: BTreeMap<(String, Option<String>), AnchorState>,
    pub steps: BTreeMap<StepId, StepState>,
    pub requests: BTreeMap<u64, RequestState>,
    /// What would otherwise be looked for among all steps and requests, for every question.
    pub index: Index,
    /// Every statement's digest, and every nonce: each may be used once.
    pub used: BTreeSet<String>,
    pub rollback: Option<Rollback>,
    /// The epoch in which the last partial rollback ended, and where it went.
    pub rolled_back: Option<(u64, String)>,
    /// By place: what the last rollback found to be not as it was captured; empty: all as it was.
    pub regained: BTreeMap<String, Vec<String>>,
    pub waiting: Option<(u64, Time, fact::Waiting)>,
    pub paused: Option<String>,
    pub closed: Option<String>,
    /// What follows the closing entry.
    pub end: super::end::End,
    pub counts: BTreeMap<String, u64>,
    pub notes: Vec<(Time, String, String)>,
    /// Every use of break-glass.
    pub glass: Vec<Glass>,
    /// Seq and content of the last one; it belongs to the approval right after it.
    pub corroborated: Option<(u64, fact::Corroborated)>,
    /// Places whose anchor somebody proved by hand: seq and person of the last such word.
    pub by_hand: BTreeMap<String, (u64, String)>,
    pub holds: BTreeMap<String, super::hold::HoldState>,
    /// What came into force, and from which size of the history on.
    pub force: Vec<(u64, Force)>,
    /// The run goes on elsewhere.
    pub handed: Option<Handed>,
    /// Words, right before, that a lost run goes on in another copy.
    pub recovery: Vec<Recovery>,
    /// For the commands that are printed; the journal knows nothing of it.
    pub whereabouts: Whereabouts,
}

/// What a printed command must name, so that it finds this run from where it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// More than one run is open in the journal.
    pub among_others: bool,
    /// The journal's path, where it is not the default; quoted for a shell.
    pub journal: Option<String>,
}

impl Whereabouts {
    /// ` --journal PATH`, or nothing.
    pub fn journal(&self) -> String {
        self.journal.as_ref().map(|path| format!(" --journal {path}")).unwrap_or_default()
    }
}

#[derive(Clone, Debug, Default)]
pub struct StageState {
    pub entered: bool,
    pub skipped: bool,
    /// One pseudo-item without a key where the stage does not repeat.
    pub items: Vec<(Option<String>, Value)>,
    /// Items before which somebody said to go on after the canary.
    pub go_on: bool,
    /// Which of the items are not over, and the like.
    pub standing: Standing,
}

#[derive(Clone, Debug)]
pub struct AnchorState {
    pub seq: u64,
    pub epoch: u64,
    pub at: Time,
    pub object: Digest,
    pub captured: Value,
}

/// The request that somebody must decide on.
#[derive(Clone, Debug)]
pub struct RequestState {
    pub seq: u64,
    pub leaf: Digest,
    pub at: Time,
    pub asked: Asked,
    /// Empty for settlements.
    pub operations: Vec<Operation>,
    pub voices: Vec<Voice>,
    /// Break-glass statements about steps of it.
    pub glass: Vec<Voice>,
    pub ended: Option<(EndedBy, u64)>,
    /// Slots already spent.
    pub spent: BTreeSet<StepId>,
    /// Where each step stands among the operations.
    pub slots: BTreeMap<StepId, usize>,
    /// What the plan demands; none where the plan does not fit it (then nothing is ever granted).
    pub demands: Option<Vec<Approval>>,
    /// Everyone who performs a step that it covers: none of them may approve.
    pub performers: BTreeSet<String>,
}

/// One approval, denial or revocation, its signature verified.
#[derive(Clone, Debug)]
pub struct Voice {
    pub seq: u64,
    pub statement: Statement,
    pub good: Good,
    pub key: Vec<u8>,
    pub head: Head,
    /// AWS's answer about a code, which came right before it.
    pub corroborated: Option<fact::Corroborated>,
}

/// What somebody said about a step.
#[derive(Clone, Debug)]
pub struct SaidState {
    pub seq: u64,
    pub at: Time,
    pub person: String,
    pub role: String,
    pub what: SaidWhat,
    pub attempt: u32,
    pub object: Option<Digest>,
    /// The stored answer or evidence, unwrapped.
    pub value: Value,
    /// For evidence: the field that the file is for.
    pub reason: String,
}

#[derive(Clone, Debug)]
pub struct StepState {
    /// Counts from 1.
    pub attempt: u32,
    /// How many tries the present attempt has had.
    pub tries: u32,
    pub first: Option<u64>,
    pub status: Status,
    /// What the step was last done with (`with` of its operation).
    pub with: Value,
    pub output: Value,
    pub performer: String,
    pub verified: BTreeSet<String>,
    pub said: Vec<SaidState>,
    pub observed: Vec<ObservedState>,
    /// A durable wait: when it began and when it ends.
    pub wait: Option<(Time, Option<Time>)>,
    /// The request that the present attempt spent.
    pub request: Option<u64>,
    pub last_problem: Option<Problem>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    #[default]
    Pending,
    /// Begun; no outcome.
    Open(Begun),
    InDoubt(Begun),
    /// Nothing happened; may be tried again.
    NotDone {
        seq: u64,
        epoch: u64,
        at: Time,
    },
    Failed {
        seq: u64,
        epoch: u64,
        /// What began it, where the answer was a failure; none: nothing was begun, or people said that nothing happened.
        begun: Option<u64>,
    },
    Done {
        seq: u64,
        found: Found,
    },
    Skipped,
    /// Done, and taken back.
    Undone,
    /// Done, but its secret reached nobody: what it made is taken back, then it is tried again.
    SecretLost {
        seq: u64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    pub seq: u64,
    pub epoch: u64,
    pub at: Time,
    pub send_by: Option<Time>,
    pub operation: Value,
}

#[derive(Clone, Debug)]
pub struct ObservedState {
    pub seq: u64,
    pub at: Time,
    pub side: String,
    pub reading: Reading,
    pub output: Value,
}

/// A step that nobody has begun: its first attempt.
static UNTOUCHED: StepState = StepState {
    attempt: 1,
    tries: 0,
    first: None,
    status: Status::Pending,
    with: Value::Null,
    output: Value::Null,
    performer: String::new(),
    verified: BTreeSet::new(),
    said: Vec::new(),
    observed: Vec::new(),
    wait: None,
    request: None,
    last_problem: None,
};

impl Default for StepState {
    fn default() -> StepState {
        UNTOUCHED.clone()
    }
}

impl StepState {
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Open(_) | Status::InDoubt(_))
    }

    pub fn is_done(&self) -> bool {
        matches!(self.status, Status::Done { .. })
    }

    /// It was done, and what it did is there: also where its secret was lost.
    pub fn is_there(&self) -> bool {
        matches!(self.status, Status::Done { .. } | Status::SecretLost { .. })
    }

    /// Nothing is left to be done about it going forward.
    pub fn is_over(&self) -> bool {
        matches!(self.status, Status::Done { .. } | Status::Skipped)
    }

    pub fn begun(&self) -> Option<&Begun> {
        match &self.status {
            Status::Open(begun) | Status::InDoubt(begun) => Some(begun),
            _ => None,
        }
    }

    /// Of a failed operation: the entries that began and ended it.
    pub fn failed_after(&self) -> Option<(u64, u64)> {
        match self.status {
            Status::Failed { seq, begun: Some(begun), .. } => Some((begun, seq)),
            _ => None,
        }
    }

    /// What was said of this kind in the present attempt.
    pub fn said_now(&self, what: SaidWhat) -> impl Iterator<Item = &SaidState> {
        self.said.iter().filter(move |said| said.what == what && said.attempt == self.attempt)
    }
}

impl StageState {
    pub fn is_over(&self) -> bool {
        self.skipped || (self.entered && self.standing.left.is_empty())
    }
}

impl RequestState {
    pub fn is_live(&self) -> bool {
        self.ended.is_none()
    }

    pub fn holds(&self, step: &StepId, attempt: u32) -> bool {
        self.slot(step).is_some_and(|operation| operation.attempt == attempt)
    }

    /// What it asks for at this step.
    pub fn slot(&self, step: &StepId) -> Option<&Operation> {
        self.operations.get(*self.slots.get(step)?)
    }
}

/// What a run starts from: the objects that `run_opened` names, read and checked by the caller.
pub struct Basis {
    pub plan: Plan,
    pub people: People,
    pub values: Value,
    pub secrets: BTreeMap<String, String>,
    pub files: Value,
}

impl Run {
    /// The state after entry 0.
    pub fn open(entry: &Entry, line: &str, basis: Basis) -> Result<Run, FoldError> {
        let fail = |message: &str| FoldError { seq: entry.seq, message: message.to_owned() };
        let Fact::RunOpened(opened) = &entry.fact else { return Err(fail("the first entry is not run_opened")) };
        let plan_secrets = basis.plan.secrets.clone();
        let leaf = Digest::leaf(line.as_bytes());
        let mut tree = Tree::default();
        tree.push(leaf);
        let mut counts = BTreeMap::new();
        counts.insert("run_opened".to_owned(), 1);
        Ok(Run {
            id: entry.run.clone(),
            plan: Arc::new(basis.plan),
            people: Arc::new(basis.people),
            values: with_texts(basis.values, &plan_secrets),
            secrets: basis.secrets,
            files: basis.files,
            opened: opened.clone(),
            starter: entry.by.clone().unwrap_or_default(),
            started: entry.at,
            tree,
            leaf,
            last_at: entry.at,
            epoch: entry.epoch,
            epochs: BTreeMap::new(),
            signed_on: Vec::new(),
            sessions: BTreeMap::new(),
            identities: BTreeMap::new(),
            stages: BTreeMap::new(),
            anchors: BTreeMap::new(),
            steps: BTreeMap::new(),
            requests: BTreeMap::new(),
            index: Index::default(),
            used: BTreeSet::new(),
            rollback: None,
            rolled_back: None,
            regained: BTreeMap::new(),
            waiting: None,
            paused: None,
            closed: None,
            end: super::end::End::default(),
            counts,
            notes: Vec::new(),
            glass: Vec::new(),
            corroborated: None,
            by_hand: BTreeMap::new(),
            holds: BTreeMap::new(),
            force: Vec::new(),
            handed: None,
            recovery: Vec::new(),
            whereabouts: Whereabouts::default(),
        })
    }

    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// What a statement made now says first.
    pub fn head(&self) -> Head {
        self.head_at(self.size())
    }

    fn head_at(&self, size: u64) -> Head {
        let Force { runbook, plan, people } = self.force_at(size);
        Head {
            run: self.id.clone(),
            mode: self.opened.mode,
            size,
            root: self.tree.root_at(size).map(|root| crate::record::tree::root_text(&root)).unwrap_or_default(),
            runbook,
            plan,
            people,
        }
    }

    /// Takes in the next entry.
    pub fn fold(&mut self, line: &str, objects: Objects) -> Result<Entry, FoldError> {
        let seq = self.size();
        let fail = |message: String| FoldError { seq, message };
        let entry = Entry::read(line).map_err(|error| fail(error.to_string()))?;
        if entry.seq != seq || entry.prev != self.leaf || entry.run != self.id {
            return Err(fail("it does not continue the chain".to_owned()));
        }
        if entry.epoch < self.epoch || entry.at < self.last_at {
            return Err(fail("its epoch or time goes back".to_owned()));
        }
        let repairing = self.repairing();
        self.apply(&entry, line, objects).map_err(fail)?;
        self.repair_went_on(repairing, entry.epoch);
        self.leaf = Digest::leaf(line.as_bytes());
        self.tree.push(self.leaf);
        self.last_at = entry.at;
        self.epoch = entry.epoch;
        match self.counts.get_mut(entry.fact.kind()) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(entry.fact.kind().to_owned(), 1);
            }
        }
        self.refresh(seq);
        Ok(entry)
    }

    fn apply(&mut self, entry: &Entry, line: &str, objects: Objects) -> Result<(), String> {
        self.may_stand(entry)?;
        // Any progress ends what was waited for; voices are progress too.
        if !matches!(entry.fact, Fact::Waiting(_) | Fact::SignedOff(_) | Fact::Checkpoint(_)) {
            self.waiting = None;
            self.paused = None;
        }
        match &entry.fact {
            Fact::RunOpened(_) => return Err("a second run_opened".to_owned()),
            Fact::SignedOn(fact) => self.signed_on(entry, fact)?,
            Fact::SignedOff(fact) => self.signed_on.retain(|person| !fact.people.contains(person)),
            Fact::SessionOpened(fact) => {
                let value = serde_json::json!({"arn": fact.arn, "account": fact.account, "kind": fact.session_kind});
                self.identities.insert((fact.session.clone(), fact.account.clone()), value.clone());
                self.sessions.insert(fact.session.clone(), value);
            }
            Fact::StageEntered(fact) => self.stage_entered(fact, objects)?,
            Fact::AnchorSet(fact) => self.anchor_set(entry, fact, objects)?,
            Fact::Asked(fact) => self.asked(entry, fact, Digest::leaf(line.as_bytes()), objects)?,
            Fact::Corroborated(fact) => self.corroborated = Some((entry.seq, fact.clone())),
            Fact::Approval(fact) => self.voice(entry.seq, &fact.statement, &fact.signature, &fact.key)?,
            Fact::RequestEnded(fact) => {
                let request = self.requests.get_mut(&fact.request).ok_or("it ends a request that there is not")?;
                request.ended = Some((fact.why, entry.epoch));
                let request = &*request;
                self.index.over(request);
            }
            Fact::Said(fact) => self.said(entry, &fact.statement, &fact.signature, &fact.key, objects)?,
            Fact::Intended(fact) => self.intended(entry, fact, objects)?,
            Fact::Outcome(fact) => self.outcome(entry, fact, objects)?,
            Fact::Observed(fact) => self.observed(entry, fact, objects),
            Fact::Verified(fact) => {
                self.step_mut(&fact.step).verified.extend(fact.sides.iter().cloned());
            }
            Fact::Skipped(fact) => self.skipped(fact),
            Fact::Waiting(fact) => self.waiting = Some((entry.seq, entry.at, fact.clone())),
            Fact::Waited(fact) => {
                let state = self.step_mut(&fact.step);
                if fact.began {
                    state.wait = Some((entry.at, fact.until));
                }
            }
            Fact::Paused(fact) => self.paused = Some(fact.why.clone()),
            Fact::RollbackStarted(fact) => self.rollback_started(entry, fact),
            Fact::AnchorRegained(fact) => self.anchor_regained(fact, entry.epoch),
            Fact::RunClosed(fact) => {
                self.closed = Some(fact.result.clone());
                self.end.seq = Some(entry.seq);
            }
            Fact::Witness(fact) => {
                let tail = self.signed("witness", &fact.statement, &fact.signature, &fact.key)?.0.tail;
                let (person, party) = (tail.person, tail.party);
                self.end.witnesses.push(super::end::Witnessed { person, party, at: entry.at });
            }
            Fact::Resumed(_) | Fact::Checkpoint(_) | Fact::AnchorRefused(_) => {}
            Fact::HoldBegan(fact) => self.held(&fact.hold)?.live = true,
            Fact::HoldProved(fact) => self.held(&fact.hold)?.proved = Some((entry.seq, entry.at)),
            Fact::HoldEnded(fact) => {
                let state = self.held(&fact.hold)?;
                (state.live, state.released) = (false, true);
            }
            Fact::Amended(fact) => self.amended(entry, fact, objects)?,
            Fact::PeopleChanged(fact) => self.people_changed(entry, fact, objects)?,
            Fact::HandedOver(fact) => self.handed_over(entry, fact)?,
            Fact::BreakGlass(fact) => self.break_glass(entry, &fact.statement, &fact.signature, &fact.key)?,
        }
        Ok(())
    }

    pub fn step(&self, id: &StepId) -> &StepState {
        self.steps.get(id).unwrap_or(&UNTOUCHED)
    }

    fn step_mut(&mut self, id: &StepId) -> &mut StepState {
        self.index.touched.insert(id.clone());
        self.steps.entry(id.clone()).or_default()
    }

    /// Verifies a statement of any type: signature, person, key, party, head, never used before.
    fn signed(
        &mut self,
        what: &str,
        text: &str,
        signature: &str,
        key: &str,
    ) -> Result<(Statement, Good, PublicKey, Head), String> {
        let (statement, good, key, head) = self.check_signed(text, signature, key)?;
        for mark in [Digest::of(text.as_bytes()).hex(), format!("nonce {}", statement.tail.nonce)] {
            if !self.used.insert(mark) {
                return Err(format!("the {what} statement was used before"));
            }
        }
        Ok((statement, good, key, head))
    }

    /// As [`Run::signed`], without remembering it: what a door does before it appends.
    pub fn check_signed(
        &self,
        text: &str,
        signature: &str,
        key: &str,
    ) -> Result<(Statement, Good, PublicKey, Head), String> {
        self.check_signed_by(text, signature, key, &[&self.people])
    }

    fn signed_on(&mut self, entry: &Entry, fact: &fact::SignedOn) -> Result<(), String> {
        let (statement, _, _, _) = self.signed("sign-on", &fact.statement, &fact.signature, &fact.key)?;
        let Body::SignOn(_, fields) = &statement.body else { return Err("it is no sign-on statement".to_owned()) };
        if fields.epoch != entry.epoch || fields.machine != fact.machine {
            return Err("its sign-on statement names another epoch or machine".to_owned());
        }
        if entry.epoch > self.epoch || self.epochs.is_empty() {
            self.sits_down(&statement.tail.person, &fact.machine)?;
            self.signed_on.clear();
            self.epochs.insert(entry.epoch, (entry.at, fact.machine.clone()));
        }
        let here = self.epochs.last_key_value().is_some_and(|(_, (_, machine))| *machine == fact.machine);
        if self.handed.is_some() || !here {
            return Err("it joins no seat of this copy".to_owned());
        }
        if !self.signed_on.contains(&statement.tail.person) {
            self.signed_on.push(statement.tail.person.clone());
        }
        Ok(())
    }

    fn stage_entered(&mut self, fact: &fact::StageEntered, objects: Objects) -> Result<(), String> {
        let items = match &fact.items {
            None => vec![(None, Value::Null)],
            Some(digest) => {
                let bytes = objects(digest).ok_or("the items object is missing")?;
                let items: Vec<Item> = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
                items.into_iter().map(|item| (Some(item.key), item.value)).collect()
            }
        };
        let state = self.stages.entry(fact.stage.clone()).or_default();
        state.entered = true;
        state.standing = Standing::of(&items);
        state.items = items;
        for item in state.items.iter().map(|(item, _)| item.as_deref()) {
            // An item whose steps were all skipped before, or that has none, is over from the start.
            self.index.places.insert((fact.stage.clone(), item.map(str::to_owned)));
        }
        Ok(())
    }

    fn anchor_set(&mut self, entry: &Entry, fact: &fact::AnchorSet, objects: Objects) -> Result<(), String> {
        let captured = unwrap(objects, &fact.object, "captured")?;
        let place = (fact.stage.clone(), fact.item.clone());
        self.index.places.insert(place.clone());
        self.anchors.insert(
            place,
            AnchorState { seq: entry.seq, epoch: entry.epoch, at: entry.at, object: fact.object, captured },
        );
        Ok(())
    }

    fn asked(&mut self, entry: &Entry, fact: &Asked, leaf: Digest, objects: Objects) -> Result<(), String> {
        let operations = match fact.what {
            fact::What::Settle => Vec::new(),
            fact::What::Approval => {
                let bytes = objects(&fact.operations).ok_or("the operations object is missing")?;
                operations::read(&bytes).map_err(|error| error.to_string())?
            }
        };
        let steps: Vec<StepId> = match fact.what {
            fact::What::Approval => operations.iter().map(|operation| operation.step.clone()).collect(),
            fact::What::Settle => fact.covers.parse().into_iter().collect(),
        };
        let mut performers: BTreeSet<String> = steps.iter().flat_map(|step| self.performers_of(step)).collect();
        performers.insert(fact.performer.clone());
        let slots = operations.iter().enumerate().rev().map(|(at, operation)| (operation.step.clone(), at)).collect();
        let request = RequestState {
            seq: entry.seq,
            leaf,
            at: entry.at,
            asked: fact.clone(),
            operations,
            voices: Vec::new(),
            glass: Vec::new(),
            ended: None,
            spent: BTreeSet::new(),
            slots,
            demands: approval::demands(&self.plan, &steps, fact.what).ok(),
            performers,
        };
        self.index.asked(&request, steps);
        self.requests.insert(entry.seq, request);
        Ok(())
    }

    fn said(&mut self, entry: &Entry, text: &str, signature: &str, key: &str, objects: Objects) -> Result<(), String> {
        let (statement, _, _, _) = self.signed("said", text, signature, key)?;
        let Body::Said(_, fields) = &statement.body else { return Err("it is no said statement".to_owned()) };
        let tail = &statement.tail;
        match fields.what {
            SaidWhat::Note => {
                if tail.reason == by_hand_words(&fields.covers) {
                    self.by_hand.insert(fields.covers.clone(), (entry.seq, tail.person.clone()));
                }
                self.got_in(fields, tail, entry.at)?;
                self.recovery_word(entry, &statement)?;
                self.notes.push((entry.at, tail.person.clone(), tail.reason.clone()));
            }
            SaidWhat::GoOn => self.go_on(&fields.covers),
            // About no step: nobody performs anything by it.
            SaidWhat::Evidence if fields.covers == PREFLIGHT => {}
            _ => {
                let step: StepId = fields.covers.parse()?;
                let value = fields
                    .object
                    .and_then(|digest| objects(&digest))
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let said = SaidState {
                    seq: entry.seq,
                    at: entry.at,
                    person: tail.person.clone(),
                    role: tail.role.clone(),
                    what: fields.what,
                    attempt: fields.attempt,
                    object: fields.object,
                    value: value.unwrap_or(Value::Null),
                    reason: tail.reason.clone(),
                };
                let (person, what) = (said.person.clone(), said.what);
                self.step_mut(&step).said.push(said);
                if performs(what) {
                    self.performs(&step, &person);
                }
            }
        }
        Ok(())
    }

    /// Counts only once the canary is through: a word given before it has run decides nothing.
    fn go_on(&mut self, stage: &str) {
        let plan = Arc::clone(&self.plan);
        let (Some(stage), Some(state)) = (plan.stage(stage), self.stages.get(stage)) else { return };
        let over = |item: &Option<String>| {
            stage.steps.iter().all(|step| self.step(&StepId::new(&stage.id, item.as_deref(), &step.id)).is_over())
        };
        let through = state.items.iter().filter(|(item, _)| over(item)).count();
        if through >= stage.canary as usize
            && let Some(state) = self.stages.get_mut(&stage.id)
        {
            state.go_on = true;
        }
    }

    fn intended(&mut self, entry: &Entry, fact: &fact::Intended, objects: Objects) -> Result<(), String> {
        let bytes = objects(&fact.operation).ok_or("the operation object is missing")?;
        let operation: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if let Some(request) = fact.request.and_then(|seq| self.requests.get_mut(&seq)) {
            request.spent.insert(fact.step.clone());
        }
        let state = self.step_mut(&fact.step);
        if state.is_open() {
            return Err(format!("{} is begun a second time while it is open", fact.step));
        }
        if fact.attempt != state.attempt {
            state.observed.clear();
        }
        state.attempt = fact.attempt;
        state.tries = fact.r#try;
        state.first = Some(fact.first.unwrap_or(entry.seq));
        state.request = fact.request.or(state.request);
        state.with = operation.get("with").cloned().unwrap_or(Value::Null);
        let performer = entry.by.clone().unwrap_or_default();
        state.performer.clone_from(&performer);
        state.observed.clear();
        state.verified.clear();
        state.status =
            Status::Open(Begun { seq: entry.seq, epoch: entry.epoch, at: entry.at, send_by: fact.send_by, operation });
        self.performs(&fact.step, &performer);
        Ok(())
    }

    fn outcome(&mut self, entry: &Entry, fact: &fact::Outcome, objects: Objects) -> Result<(), String> {
        let output = match &fact.output {
            Some(digest) => unwrap(objects, digest, "output")?,
            None => Value::Null,
        };
        let state = self.step_mut(&fact.step);
        let begun = state.begun().cloned();
        let by_hand = fact.found == Found::Word && fact.result == Ended::Done && !fact.step.is_forward();
        let failed = state.failed_after().map(|(begun, _)| begun).filter(|_| by_hand);
        if fact.intended.is_some() && begun.as_ref().map(|begun| begun.seq).or(failed) != fact.intended {
            return Err(format!("an outcome of {} that was not begun", fact.step));
        }
        state.last_problem = fact.error.clone();
        if fact.intended.is_none() {
            // Steps that only look have no `intended` that would open the attempt.
            state.attempt = fact.attempt;
            state.wait = state.wait.filter(|_| fact.result == Ended::Done);
        }
        if state.performer.is_empty() {
            state.performer = entry.by.clone().unwrap_or_default();
        }
        state.status = match (fact.result, begun) {
            (Ended::Done, _) => {
                state.output = output;
                if fact.found == Found::Probe {
                    let seen: Vec<String> = state.observed.iter().map(|observed| observed.side.clone()).collect();
                    state.verified.extend(seen);
                }
                Status::Done { seq: entry.seq, found: fact.found }
            }
            (Ended::InDoubt, Some(begun)) => Status::InDoubt(begun),
            (Ended::SecretLost, _) => {
                state.output = output;
                Status::SecretLost { seq: entry.seq }
            }
            (Ended::NotDone, _) if fact.found != Found::Word => {
                Status::NotDone { seq: entry.seq, epoch: entry.epoch, at: entry.at }
            }
            // A person's word that nothing happened opens a new attempt, as a failure does; but it is no failure
            // that somebody must look at first, so the same seat may ask for it.
            (Ended::NotDone, _) => Status::Failed { seq: entry.seq, epoch: 0, begun: None },
            _ => Status::Failed { seq: entry.seq, epoch: entry.epoch, begun: fact.intended },
        };
        let performer = state.performer.clone();
        self.performs(&fact.step, &performer);
        if fact.step.undo.is_some() && fact.result == Ended::Done {
            self.undone(&fact.step);
            self.lost_is_back(&fact.step, entry);
        }
        Ok(())
    }

    fn observed(&mut self, entry: &Entry, fact: &fact::Observed, objects: Objects) {
        let output = unwrap(objects, &fact.object, "output").unwrap_or(Value::Null);
        let (at, seq) = (entry.at, entry.seq);
        let side = fact.side.clone();
        self.step_mut(&fact.step).observed.push(ObservedState { seq, at, side, reading: fact.reading, output });
    }

    fn skipped(&mut self, fact: &fact::Skipped) {
        match &fact.step {
            None => self.stages.entry(fact.stage.clone()).or_default().skipped = true,
            Some(step) => {
                // `step` is the step's own id, with `/undo/id` or `/repair/id` behind it.
                let text = format!("{}/{step}", crate::base::id::place(&fact.stage, fact.item.as_deref()));
                if let Ok(id) = text.parse::<StepId>() {
                    self.step_mut(&id).status = Status::Skipped;
                    if id.undo.is_some() {
                        self.undone(&id);
                    }
                }
            }
        }
    }

    /// Requests over this step in this attempt, newest first.
    pub fn requests_over<'a>(&'a self, step: &'a StepId, attempt: u32) -> impl Iterator<Item = &'a RequestState> {
        self.requests_at(step).filter(move |request| request.holds(step, attempt))
    }

    /// Requests over this step in any attempt, and settlements of it, newest first.
    pub fn requests_at(&self, step: &StepId) -> impl Iterator<Item = &RequestState> {
        let all = self.index.requests.get(step).map(Vec::as_slice).unwrap_or_default();
        all.iter().rev().filter_map(|seq| self.requests.get(seq))
    }

    fn performs(&mut self, step: &StepId, person: &str) {
        if person.is_empty() {
            return;
        }
        for seq in self.index.requests.get(step).into_iter().flatten() {
            if let Some(request) = self.requests.get_mut(seq)
                && !request.performers.contains(person)
            {
                request.performers.insert(person.to_owned());
            }
        }
    }

    /// Everyone who performs, confirmed, answered or attached for `step`.
    pub fn performers_of(&self, step: &StepId) -> BTreeSet<String> {
        let state = self.step(step);
        let mut people: BTreeSet<String> =
            state.said.iter().filter(|said| performs(said.what)).map(|said| said.person.clone()).collect();
        if !state.performer.is_empty() {
            people.insert(state.performer.clone());
        }
        people
    }

    /// Whether a denial stands among the voices of `request`.
    pub fn denied<'a>(&self, request: &'a RequestState) -> Option<&'a Voice> {
        request.voices.iter().find(
            |voice| matches!(&voice.statement.body, Body::Approval(_, fields) if fields.decision == Decides::Deny),
        )
    }

    pub fn direction(id: &StepId) -> Direction {
        if id.undo.is_some() { Direction::Undo } else { Direction::Do }
    }
}

/// Whoever says this takes part in performing the step.
fn performs(what: SaidWhat) -> bool {
    matches!(what, SaidWhat::Confirmed | SaidWhat::Task | SaidWhat::Answer | SaidWhat::Evidence | SaidWhat::Settled)
}

/// A secret parameter stands in every operation as its own text; it is put in right before the call.
fn with_texts(mut values: Value, secrets: &[String]) -> Value {
    if let Value::Object(members) = &mut values {
        members.extend(secrets.iter().map(|id| (id.clone(), Value::String(format!("${{parameters.{id}}}")))));
    }
    values
}

/// What a performer signs who proves the anchor of a place by hand.
pub fn by_hand_words(place: &str) -> String {
    format!("anchor proved by hand at {place}")
}

fn unwrap(objects: Objects, digest: &Digest, member: &str) -> Result<Value, String> {
    let bytes = objects(digest).ok_or_else(|| format!("the object {digest} is missing"))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let object: Map<String, Value> = match value {
        Value::Object(object) => object,
        _ => return Err(format!("the object {digest} is no JSON object")),
    };
    Ok(object.get(member).cloned().unwrap_or(Value::Null))
}
