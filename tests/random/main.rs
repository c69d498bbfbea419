//! Random runbooks in random worlds, struck by random faults, kills and people: whatever happens, AWS is what the
//! journal says it is, nothing happens twice or unapproved, the journal verifies, and every stop is in words.
//!
//! `COUNTERSIGN_SEEDS=FROM..TO cargo test --test random` plays other seeds; a failing one is cut down and printed.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stderr, reason = "tests")]

mod book;
mod dice;
mod judge;
mod named;
mod play;
mod stages;
mod world;

use book::Book;
use countersign::cli::load::Loaded;
use countersign::cli::source::{Source, timing};
use countersign::cli::ui::Ui;
use countersign::engine::port::Store;
use countersign::journal::MemoryStore;
use dice::Dice;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strikes {
    BeforeAppend,
    AfterAppend,
    BeforeCall,
    AfterCall,
}

#[derive(Clone, Debug)]
pub struct Kill {
    pub at: Strikes,
    pub n: u64,
}

/// How people are, in percent of the stops.
#[derive(Clone, Debug)]
pub struct Moods {
    pub rollbacks: u32,
    pub denies: u64,
    pub expires: u64,
    pub takes_over: u64,
}

/// Everything that a seed stands for.
#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    pub book: Book,
    pub world: world::World,
    pub kills: Vec<Kill>,
    pub moods: Moods,
}

impl Case {
    fn of(seed: u64, draft: u64) -> Case {
        let dice = Dice::of(seed, 1 + 1_000 * draft);
        let book = Book::random(&dice);
        let dice = Dice::of(seed, 2);
        let at = [Strikes::BeforeAppend, Strikes::AfterAppend, Strikes::BeforeCall, Strikes::AfterCall];
        let count = *dice.one(&[0, 0, 1, 1, 2, 3]);
        let kills = (0..count).map(|_| Kill { at: *dice.one(&at), n: dice.between(0, 90) as u64 }).collect();
        let moods = Moods {
            rollbacks: *dice.one(&[0, 0, 0, 1, 1, 2]),
            denies: *dice.one(&[0, 0, 5, 15]),
            expires: *dice.one(&[0, 0, 5]),
            takes_over: *dice.one(&[0, 0, 3, 10]),
        };
        Case { seed, book, world: world::World::random(&dice), kills, moods }
    }

    /// Reads and checks it as the program does; none if `check` finds something.
    fn load(&self, folder: &Path) -> Result<(Loaded, countersign::simulator::World), String> {
        let file = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        let runbook = file("book.toml", &self.book.text());
        let people = Some(file("people.toml", &book::people()));
        let world = file("world.toml", &self.world.text());
        let source = Source { runbook, values: None, people, set: Vec::new() };
        let world = source.need_world(Some(&world)).map_err(|error| format!("{error:?}"))?;
        let ui = Ui::from_environment(true, false, false);
        let loaded = source.load_rehearsal(Some(&timing(&world)), &ui).map_err(|error| format!("{error:?}"))?;
        Ok((loaded, world))
    }

    /// How it came out: the end's name, or what is wrong.
    fn judged(&self, folder: &Path) -> Option<Result<String, String>> {
        let (loaded, world) = self.load(folder).ok()?;
        Some(match play::play(self, &loaded, &world) {
            Err(why) => Err(why),
            Ok(end) => {
                let wrong = judge::wrong(&self.book, &end);
                match wrong.is_empty() {
                    true => Ok(end.run.closed.clone().unwrap_or_else(|| "stopped".to_owned())),
                    false => Err(format!("{}\n{}", wrong.join("\n"), story(&end.journal))),
                }
            }
        })
    }

    /// Smaller cases that may fail in the same way.
    fn cut(&self) -> Vec<Case> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Case)| {
            let mut case = self.clone();
            change(&mut case);
            all.push(case);
        };
        for at in (0..self.book.stages.len()).rev().filter(|_| self.book.stages.len() > 1) {
            with(&|case| drop(case.book.stages.remove(at)));
        }
        (0..self.world.faults.len()).for_each(|at| with(&|case| drop(case.world.faults.remove(at))));
        (0..self.kills.len()).for_each(|at| {
            with(&|case| {
                case.kills.remove(at);
            })
        });
        for at in 0..self.book.stages.len() {
            if self.book.stages[at].items.as_ref().is_some_and(|items| items.len() > 1) {
                with(&|case| {
                    for stage in &mut case.book.stages {
                        stage.items.iter_mut().for_each(|items| items.truncate(1));
                    }
                });
            }
            for step in (0..self.book.stages[at].steps.len()).filter(|_| self.book.stages[at].steps.len() > 1) {
                with(&|case| drop(case.book.stages[at].steps.remove(step)));
            }
        }
        with(&|case| case.moods = Moods { rollbacks: case.moods.rollbacks, denies: 0, expires: 0, takes_over: 0 });
        with(&|case| case.moods.rollbacks = 0);
        all
    }
}

fn story(journal: &MemoryStore) -> String {
    let lines = journal.read_from(&play::id(), 0).unwrap();
    let mut text = String::new();
    for line in lines.iter().rev().take(60).rev() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let data: String = value["data"].to_string().chars().filter(|c| *c != '\n').take(230).collect();
        text.push_str(&format!("  {} {} {} {} {data}\n", value["seq"], value["at"], value["kind"], value["by"]));
    }
    text
}

/// The case of a seed: the first draft that `check` accepts.
fn drawn(seed: u64, folder: &Path) -> (Case, u64) {
    for draft in 0..40 {
        let case = Case::of(seed, draft);
        if case.load(folder).is_ok() {
            return (case, draft);
        }
    }
    panic!("seed {seed}: no draft passes `check`");
}

/// A failing case, made as small as it easily gets.
fn shrunk(case: Case, why: String, folder: &Path) -> (Case, String) {
    let (mut case, mut why) = (case, why);
    // A play that comes to no end takes a while each time.
    const CUTTING: Duration = Duration::from_secs(30);
    let (mut left, began) = (150, Instant::now());
    'smaller: loop {
        for smaller in case.cut() {
            left -= 1;
            if left == 0 || began.elapsed() > CUTTING {
                break 'smaller;
            }
            // Nothing of what a cut leaves may change but what was cut: the dice are those of the seed.
            if smaller.book.text().len() + smaller.world.faults.len() + smaller.kills.len()
                >= case.book.text().len() + case.world.faults.len() + case.kills.len()
            {
                continue;
            }
            if let Some(Err(again)) = smaller.judged(folder) {
                (case, why) = (smaller, again);
                continue 'smaller;
            }
        }
        break;
    }
    (case, why)
}

fn replays(seed: u64) -> String {
    format!("seed {seed}: COUNTERSIGN_SEEDS={seed}..{} cargo test --test random", seed + 1)
}

/// A play has bounds of its own (see `play`). What never comes back at all can't be stopped from outside: the whole
/// test ends, and says which seed it was.
const HUNG: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Watch {
    plays: Mutex<BTreeMap<u64, Instant>>,
    over: Condvar,
}

impl Watch {
    fn looks(&self, workers: &AtomicU64) {
        let mut plays = self.plays.lock().unwrap();
        while workers.load(Ordering::SeqCst) > 0 {
            plays = self.over.wait_timeout(plays, Duration::from_secs(5)).unwrap().0;
            if let Some((seed, _)) = plays.iter().find(|(_, began)| began.elapsed() > HUNG) {
                eprintln!("{}\nit does not come back within {} s", replays(*seed), HUNG.as_secs());
                std::process::exit(101);
            }
        }
    }
}

/// A worker that is through, or has panicked.
struct Gone<'a>(&'a AtomicU64, &'a Watch);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        self.1.over.notify_all();
    }
}

/// Plays these seeds on two threads: how often each end came, how many drafts were refused, what failed.
fn played(seeds: Range<u64>) -> (BTreeMap<String, u64>, u64, Vec<String>) {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new((BTreeMap::<String, u64>::new(), 0, Vec::new()));
    let (watch, workers) = (Watch::default(), AtomicU64::new(2));
    std::thread::scope(|threads| {
        threads.spawn(|| watch.looks(&workers));
        for _ in 0..2 {
            threads.spawn(|| {
                let _gone = Gone(&workers, &watch);
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    watch.plays.lock().unwrap().insert(seed, Instant::now());
                    let (case, drafts) = drawn(seed, folder.path());
                    let ended = case.judged(folder.path()).expect("it was loaded before");
                    let failed = ended.as_ref().err().map(|why| {
                        eprintln!("{}\n{why}\nIt is cut down.", replays(seed));
                        let (small, why) = shrunk(case.clone(), why.clone(), folder.path());
                        format!(
                            "{}\n{why}\n--- cut down to {:?} {:?}\n--- runbook\n{}\n--- faults\n{}",
                            replays(seed),
                            small.kills,
                            small.moods,
                            small.book.text(),
                            small.world.text()
                        )
                    });
                    watch.plays.lock().unwrap().remove(&seed);
                    let mut all = all.lock().unwrap();
                    *all.0.entry(ended.unwrap_or_else(|_| "failed".to_owned())).or_default() += 1;
                    all.1 += drafts;
                    all.2.extend(failed);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// `FROM..TO` or a count, by hand.
fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("COUNTERSIGN_SEEDS") else { return 0..200 };
    match text.split_once("..") {
        Some((from, to)) => from.parse().unwrap()..to.parse().unwrap(),
        None => 0..text.parse().unwrap(),
    }
}

#[test]
fn whatever_happens_aws_is_what_the_journal_says() {
    let seeds = seeds();
    let (ends, drafts, failed) = played(seeds.clone());
    eprintln!("{ends:?}, {drafts} drafts refused by `check`");
    let shown: Vec<&String> = failed.iter().take(3).collect();
    for one in &shown {
        eprintln!("{one}\n==========");
    }
    let seeds_failed: Vec<&str> = failed.iter().filter_map(|one| one.split(':').next()).collect();
    assert!(failed.is_empty(), "{} failed: {seeds_failed:?}", failed.len());
    if seeds.end - seeds.start >= 200 {
        let count = |end: &str| ends.get(end).copied().unwrap_or(0);
        assert!(count("done") * 3 > seeds.end - seeds.start, "too few come to their end: {ends:?}");
        assert!(count("rolled_back") > 10, "too few are rolled back: {ends:?}");
    }
}
