//! The proof: plays a runbook once without faults, then again for every cell of the fault table, each from a
//! snapshot at its step: the journal, the simulated AWS, the clock, the dice and the secrets as they were then.
//! On all cores; what comes out depends on the seeds alone. Reads and writes nothing.

pub mod cell;
pub mod facts;
pub mod fault;
pub mod judge;
pub mod list;
pub mod tape;
pub mod unproved;

use super::theatre::Theatre;
use super::world::{RehearsalClock, Wire};
use super::{Played, Tell};
use crate::base::{Digest, RunId, Time};
use crate::engine::next::StopKind;
use crate::engine::port::Random;
use crate::engine::state::Run;
use crate::journal::MemoryStore;
use crate::people::People;
use crate::report::proof::{Came, Cell, Proof};
use crate::run::RunError;
use crate::run::open::Opening;
use crate::simulator::{Simulator, World};
use cell::Stand;
use list::Job;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use tape::{Tape, Watch, Watched};

/// How a run of a runbook opens.
pub type Open<'a> = dyn Fn(&mut dyn Random) -> Opening + Sync + 'a;

/// What is proved: how a run of it opens (asked for each play), and the world that it meets.
pub struct Script<'a> {
    pub opening: &'a Open<'a>,
    /// The same with every item, where `opening` has the first, second and last only.
    pub whole: Option<&'a Open<'a>>,
    pub people: &'a People,
    pub world: &'a World,
    pub start: Time,
    pub id: RunId,
    pub secrets: &'a BTreeMap<String, String>,
}

/// How it is played.
pub struct Way<'a> {
    pub threads: usize,
    /// No cell begins once one has failed; rollbacks go first.
    pub stop_at_first: bool,
    /// Told after every cell: how many are over, of how many.
    pub tell: &'a (dyn Fn(usize, usize) + Sync),
}

/// Random bytes that are the same in every play, and may be wound back.
#[derive(Clone)]
pub struct Dice(pub Arc<AtomicU64>);

impl Dice {
    pub fn at(thrown: u64) -> Dice {
        Dice(Arc::new(AtomicU64::new(thrown)))
    }
}

impl Random for Dice {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let thrown = self.0.fetch_add(1, Ordering::SeqCst);
        let more = |part: u64| Digest::of(format!("countersign proof {thrown} {part}").as_bytes()).0;
        (0..).flat_map(more).take(count).collect()
    }
}

/// A theatre of the proof.
pub type Scene = Theatre<Dice>;

/// Runs one future to its end on this thread; nothing in a rehearsal waits for the outside.
pub fn block_on<T>(future: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| RunError::Bad(format!("the runtime did not start: {error}")))?;
    runtime.block_on(future)
}

impl Script<'_> {
    /// A theatre over this journal and world.
    pub fn scene(&self, journal: MemoryStore, simulator: Simulator, now: Time, thrown: u64) -> Scene {
        let clock = RehearsalClock::at(now);
        let wire = Arc::new(Wire::new(simulator, clock.clone()));
        let tell: Tell = Rc::new(|_, _| {});
        let mut scene = Theatre::new(journal, self.id.clone(), self.people, wire, clock, Dice::at(thrown), tell);
        scene.secrets = self.secrets.clone();
        scene
    }

    fn first_scene(&self) -> Scene {
        self.scene(MemoryStore::new(), Simulator::new(self.world, self.start), self.start, 0)
    }

    /// The play without faults; with `keep` every moment of it is kept.
    pub fn play(&self, whole: bool, keep: bool) -> Result<(Scene, Played, Tape), RunError> {
        let mut scene = self.first_scene();
        let watch = Watch::over(&mut scene, keep);
        let mut store = Watched::new(&watch, scene.store.clone());
        let make = if whole { self.whole.unwrap_or(self.opening) } else { self.opening };
        let opening = make(&mut scene.random.clone());
        let seated = scene.open(&mut store, opening)?;
        let played = block_on(scene.play(store, seated))?;
        let tape = watch.tape();
        Ok((scene, played, tape))
    }
}

/// Why a play that no fault struck did not come to its end.
fn stuck(played: &Played) -> Option<String> {
    match (played.stop.kind, played.run.closed.as_deref()) {
        (StopKind::Done, Some("done")) => None,
        _ => Some(format!("it stops at {}: {}", played.stop.at, played.stop.why)),
    }
}

/// The whole proof, but for what only the command line knows (`command` is empty).
pub fn prove(script: &Script<'_>, way: &Way<'_>) -> Result<Proof, RunError> {
    let mut proof = blank(script);
    let (scene, played, tape) = script.play(false, true)?;
    proof.runbook.clone_from(&played.run.plan.name);
    proof.title.clone_from(&played.run.plan.title);
    proof.version.clone_from(&played.run.plan.version);
    proof.plays.push(words_of(&scene, &played));
    if let Some(why) = stuck(&played) {
        proof.stuck = why;
        return Ok(proof);
    }
    if let Some(why) = judge::problems(&scene).into_iter().next() {
        proof.stuck = format!("its journal does not verify: {why}");
        return Ok(proof);
    }
    if script.whole.is_some() {
        let (scene, played, _) = script.play(true, false)?;
        proof.plays.push(words_of(&scene, &played));
        if let Some(why) = stuck(&played) {
            proof.stuck = format!("with every item {why}");
            return Ok(proof);
        }
    }
    let stand = Stand::new(script, tape, &played.run)?;
    let jobs = list::jobs(&stand, &played.run);
    proof.cells = all(&stand, &jobs, way);
    proof.unproved = unproved::sentences(&played.run, script.whole.is_some());
    Ok(proof)
}

/// One cell alone, with everything that it left behind; none if there is no cell of that name.
pub fn replay(script: &Script<'_>, name: &str) -> Result<Result<(Cell, Scene), Vec<String>>, RunError> {
    let (_, played, tape) = script.play(false, true)?;
    if let Some(why) = stuck(&played) {
        return Err(RunError::Bad(format!("the play without faults does not come to its end: {why}")));
    }
    let stand = Stand::new(script, tape, &played.run)?;
    let jobs = list::jobs(&stand, &played.run);
    for job in &jobs {
        if let Some(found) = list::replay(&stand, job, name) {
            return Ok(Ok(found));
        }
    }
    Ok(Err(jobs.iter().flat_map(|job| list::names(&stand, job)).collect()))
}

fn blank(script: &Script<'_>) -> Proof {
    let seed = Simulator::new(script.world, script.start).settings().seed;
    Proof {
        runbook: String::new(),
        title: String::new(),
        version: String::new(),
        command: String::new(),
        columns: fault::COLUMNS.to_vec(),
        cells: Vec::new(),
        plays: Vec::new(),
        stuck: String::new(),
        unproved: Vec::new(),
        seeds: vec![
            ("world".to_owned(), seed.to_string()),
            ("dice".to_owned(), "0".to_owned()),
            ("run".to_owned(), script.id.to_string()),
        ],
    }
}

fn words_of(scene: &Scene, played: &Played) -> String {
    let items: usize = played.run.stages.values().map(|stage| stage.items.len()).max().unwrap_or(0);
    format!(
        "played without faults, {items} item(s) at most: {} entries, {} effects, {} of simulated time",
        played.run.size(),
        scene.wire.simulator().effects().count(),
        crate::base::duration::show(played.run.last_at.since(played.run.started)),
    )
}

/// Every job, on as many threads as were asked for; the cells in the order of the jobs.
fn all(stand: &Stand<'_>, jobs: &[Job], way: &Way<'_>) -> Vec<Cell> {
    let next = AtomicUsize::new(0);
    let over = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    let found: Mutex<BTreeMap<usize, Vec<Cell>>> = Mutex::default();
    let count: usize = jobs.iter().map(|job| job.weight).sum();
    std::thread::scope(|threads| {
        for _ in 0..way.threads.max(1) {
            threads.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= jobs.len() || (way.stop_at_first && failed.load(Ordering::SeqCst) > 0) {
                        return;
                    }
                    // What is broken shows itself soonest on the way back: those cells are the last of the list.
                    let at = if way.stop_at_first { jobs.len() - 1 - at } else { at };
                    let Some(job) = jobs.get(at) else { return };
                    let cells = list::play(stand, job);
                    let bad = cells.iter().filter(|cell| cell.came == Came::Failed).count();
                    failed.fetch_add(bad, Ordering::SeqCst);
                    lock(&found).insert(at, cells);
                    let now = over.fetch_add(job.weight, Ordering::SeqCst) + job.weight;
                    (way.tell)(now, count);
                }
            });
        }
    });
    std::mem::take(&mut *lock(&found)).into_values().flatten().collect()
}

/// What a panic elsewhere leaves is still whole: every change is made at once.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whoever sat there last; else the first of the people.
pub fn sitter(run: &Run) -> String {
    let last = run.signed_on.first().cloned();
    last.or_else(|| run.people.people.keys().next().cloned()).unwrap_or_default()
}
