//! What is seen of a play: every append with the moments before and behind it, and every effect on the simulated
//! AWS with the step that it belongs to. A trap strikes the call of one step, once its intent is written.

use super::facts::Facts;
use super::{Dice, Scene};
use crate::aws::connector::{WireRequest, WireResult, WireServer};
use crate::base::{Digest, RunId, StepId, Time};
use crate::engine::port::{ChainHead, Clock, Store, StoreError};
use crate::journal::MemoryStore;
use crate::record::entry::Entry;
use crate::record::fact::{Asked, Ended, Fact};
use crate::record::statement::{Body, SaidWhat, Statement};
use crate::rehearse::world::{RehearsalClock, Wire};
use crate::simulator::{Fault, Simulator};
use serde_json::Value;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is left when a process dies.
#[derive(Clone)]
pub struct Moment {
    /// Entries in the journal.
    pub size: u64,
    pub simulator: Simulator,
    pub now: Time,
    pub thrown: u64,
    /// How many effects the tape had by then.
    pub effects: usize,
    /// How often each command had been run.
    pub commands: Vec<String>,
}

/// What an entry means to the proof.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Intended; the request whose approvals it spends.
    Begun(StepId, Option<u64>),
    /// A wait began, or the first word on a step was said.
    Word(StepId),
    WaitBegan(StepId),
    Over(StepId, Ended),
    Asked(u64, String),
    Anchored(String, Option<String>),
    Entered(String),
    NoReturn(StepId),
    Closed,
    Other,
}

/// One append, and how things stood around it.
#[derive(Clone)]
pub struct Append {
    pub marks: Vec<Mark>,
    pub before: Moment,
    pub after: Moment,
}

/// A change that AWS saw.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The step whose intent was open; none: nothing was intended.
    pub step: Option<StepId>,
    pub account: String,
    pub operation: String,
    /// What it changed; only where the tape is kept.
    pub touched: Option<Facts>,
}

/// Everything that was seen, in order.
#[derive(Clone, Default)]
pub struct Tape {
    pub journal: MemoryStore,
    pub appends: Vec<Append>,
    pub effects: Vec<Effect>,
}

/// An operation that was begun and has no outcome yet.
struct Open {
    step: StepId,
    action: String,
    with: Value,
}

#[derive(Default)]
struct Seen {
    appends: Vec<Append>,
    effects: Vec<Effect>,
    open: Vec<Open>,
    trap: Option<(StepId, Vec<Fault>)>,
}

/// The eyes of one play.
pub struct Watch {
    journal: MemoryStore,
    id: RunId,
    wire: Arc<Wire>,
    clock: RehearsalClock,
    dice: Dice,
    keep: bool,
    seen: Mutex<Seen>,
}

impl Watch {
    /// Watches every request of a theatre, and every append that goes through a [`Watched`] store.
    pub fn over(scene: &mut Scene, keep: bool) -> Arc<Watch> {
        let watch = Arc::new(Watch {
            journal: scene.store.clone(),
            id: scene.id.clone(),
            wire: Arc::clone(&scene.wire),
            clock: scene.clock.clone(),
            dice: scene.random.clone(),
            keep,
            seen: Mutex::default(),
        });
        scene.server = Arc::new(WatchedWire(Arc::clone(&watch)));
        watch
    }

    /// From the moment when this step's intent is written, its call meets these faults.
    pub fn trap(&self, step: &StepId, faults: Vec<Fault>) {
        self.seen().trap = Some((step.clone(), faults));
    }

    /// An operation that was open when the play was taken up.
    pub fn open(&self, step: &StepId, operation: &Value) {
        self.seen().open.push(opened(step, operation));
    }

    pub fn tape(&self) -> Tape {
        let seen = self.seen();
        Tape { journal: self.journal.clone(), appends: seen.appends.clone(), effects: seen.effects.clone() }
    }

    pub fn effects(&self) -> Vec<Effect> {
        self.seen().effects.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> Moment {
        Moment {
            size: self.journal.head(&self.id).ok().flatten().map_or(0, |head| head.size),
            simulator: self.wire.simulator().snapshot(),
            now: Clock::now(&self.clock),
            thrown: self.dice.0.load(Ordering::SeqCst),
            effects: self.seen().effects.len(),
            commands: self.wire.commands(),
        }
    }

    /// Before a step's first byte leaves: its intent is in the journal.
    fn appended(&self, lines: &[String], objects: &[(Digest, Vec<u8>)]) -> Vec<Mark> {
        let entries: Vec<Entry> = lines.iter().filter_map(|line| Entry::read(line).ok()).collect();
        let mut seen = self.seen();
        for entry in &entries {
            match &entry.fact {
                Fact::Intended(fact) => {
                    let bytes = objects.iter().find(|(digest, _)| *digest == fact.operation).map(|(_, bytes)| bytes);
                    let operation = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
                    seen.open.push(opened(&fact.step, &operation));
                    if let Some((_, faults)) = seen.trap.take_if(|(step, _)| *step == fact.step) {
                        faults.into_iter().for_each(|fault| self.wire.simulator().add_fault(fault));
                    }
                }
                Fact::Outcome(fact) if fact.result != Ended::InDoubt => seen.open.retain(|one| one.step != fact.step),
                _ => {}
            }
        }
        entries.iter().map(mark).collect()
    }
}

fn opened(step: &StepId, operation: &Value) -> Open {
    let action = operation.get("action").and_then(Value::as_str).unwrap_or_default().to_owned();
    Open { step: step.clone(), action, with: operation.get("with").cloned().unwrap_or(Value::Null) }
}

fn mark(entry: &Entry) -> Mark {
    match &entry.fact {
        Fact::Intended(fact) => Mark::Begun(fact.step.clone(), fact.request),
        Fact::Outcome(fact) => Mark::Over(fact.step.clone(), fact.result),
        Fact::Waited(fact) if fact.began => Mark::WaitBegan(fact.step.clone()),
        Fact::Asked(Asked { covers, .. }) => Mark::Asked(entry.seq, covers.clone()),
        Fact::AnchorSet(fact) => Mark::Anchored(fact.stage.clone(), fact.item.clone()),
        Fact::StageEntered(fact) => Mark::Entered(fact.stage.clone()),
        Fact::RunClosed(_) => Mark::Closed,
        Fact::Said(fact) => match Statement::read(&fact.statement).map(|statement| statement.body) {
            Ok(Body::Said(_, said)) if matches!(said.what, SaidWhat::Task | SaidWhat::Answer | SaidWhat::Evidence) => {
                said.covers.parse().map_or(Mark::Other, Mark::Word)
            }
            _ => Mark::Other,
        },
        _ => Mark::Other,
    }
}

/// A store that is watched.
pub struct Watched<S> {
    watch: Arc<Watch>,
    inner: S,
}

impl<S> Watched<S> {
    pub fn new(watch: &Arc<Watch>, inner: S) -> Watched<S> {
        Watched { watch: Arc::clone(watch), inner }
    }
}

impl<S: Store> Store for Watched<S> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.inner.head(run)
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.inner.read_from(run, seq)
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.object(digest)
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let before = self.watch.keep.then(|| self.watch.moment());
        self.inner.append(run, expected, epoch, lines, objects)?;
        let marks = self.watch.appended(lines, objects);
        if let Some(before) = before {
            let after = self.watch.moment();
            self.watch.seen().appends.push(Append { marks, before, after });
        }
        Ok(())
    }
}

/// A wire that is watched: every change of AWS is put down to the step that was begun.
struct WatchedWire(Arc<Watch>);

impl WireServer for WatchedWire {
    fn serve(&self, request: WireRequest) -> WireResult {
        let watch = &self.0;
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let before = watch.keep.then(|| watch.wire.simulator().snapshot());
        let count = watch.wire.simulator().log().len();
        let result = watch.wire.serve(request);
        let simulator = watch.wire.simulator();
        let line = simulator.log().get(count).filter(|line| line.effect).cloned();
        let touched = line.as_ref().and(before).map(|before| Facts::of(before.state()).difference(simulator.state()));
        drop(simulator);
        if let Some(line) = line {
            let mut seen = watch.seen();
            let step = whose(&seen.open, &line.operation, &body);
            let account = line.account.unwrap_or_default();
            seen.effects.push(Effect { step, account, operation: line.operation, touched });
        }
        result
    }
}

/// Of the operations that are open: the one with this action, and of several the one whose parameters it carries.
fn whose(open: &[Open], operation: &str, body: &str) -> Option<StepId> {
    let mut fits: Vec<&Open> = open.iter().filter(|one| one.action == operation).collect();
    if fits.len() > 1 {
        fits.retain(|one| texts(&one.with).iter().all(|text| body.contains(text.as_str())));
    }
    // A command makes calls of its own.
    fits.first().or(open.iter().find(|one| one.action.is_empty()).as_ref()).map(|one| one.step.clone())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

impl Tape {
    /// The first append with this mark.
    pub fn first(&self, wanted: impl Fn(&Mark) -> bool) -> Option<usize> {
        self.appends.iter().position(|append| append.marks.iter().any(&wanted))
    }

    pub fn last_before(&self, end: usize, wanted: impl Fn(&Mark) -> bool) -> Option<usize> {
        self.appends[..end].iter().rposition(|append| append.marks.iter().any(&wanted))
    }
}
