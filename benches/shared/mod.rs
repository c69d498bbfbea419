//! What the benches share: the shipped runbook for any number of accounts, rehearsed runs, and figures that
//! are printed as a ratio to a floor of the same run.
#![allow(dead_code, reason = "each bench uses its own part")]

use countersign::base::{RunId, Time};
use countersign::cli::load::Loaded;
use countersign::cli::run::opening;
use countersign::cli::source::{Source, timing};
use countersign::cli::ui::Ui;
use countersign::engine::port::Random;
use countersign::journal::{MemoryStore, export};
use countersign::record::bundle::Bundle;
use countersign::record::fact::Mode;
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::rehearse::{Played, play};
use countersign::simulator::{Simulator, World};
use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const RUNBOOK: &str = "runbooks/move_member_accounts.toml";

/// The shipped runbook, its people, and values and a world with `count` accounts, in a folder of their own.
pub struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub fn new(count: u64) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        std::fs::create_dir_all(at.join("worlds")).unwrap();
        std::fs::copy(RUNBOOK, at.join("book.toml")).unwrap();
        std::fs::copy("runbooks/people.toml", at.join("people.toml")).unwrap();
        std::fs::write(at.join("book.values.toml"), values(count)).unwrap();
        std::fs::write(at.join("worlds/book.toml"), world(count)).unwrap();
        Folder { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn source(&self) -> Source {
        Source { runbook: self.path("book.toml"), values: None, people: None, set: Vec::new() }
    }

    pub fn world(&self) -> World {
        self.source().need_world(None).unwrap()
    }

    pub fn loaded(&self) -> Loaded {
        self.source().load_rehearsal(Some(&timing(&self.world())), &quiet()).unwrap()
    }
}

pub fn quiet() -> Ui {
    Ui::from_environment(true, false, false)
}

fn account(at: u64) -> String {
    format!("{:012}", 400_000_000_000 + at)
}

fn values(count: u64) -> String {
    let mut text = "old_management = \"111111111111\"\nnew_management = \"222222222222\"\n".to_owned();
    for at in 0..count {
        let _ = write!(
            text,
            "\n[[accounts]]\nid = \"{}\"\nname = \"account {at}\"\ntarget_ou = \"ou-ab12-11111111\"\n",
            account(at)
        );
    }
    text
}

/// The shipped world with these accounts in place of its three.
fn world(count: u64) -> String {
    let shipped = std::fs::read_to_string("runbooks/worlds/move_member_accounts.toml").unwrap();
    let first = shipped.find("[[accounts]]\nid = \"111122223333\"").unwrap();
    let principals = shipped.find("# Keys of a simulator").unwrap();
    let mut text = shipped[..first].replace("account_quota = 50", "account_quota = 100000");
    text = text
        .replace("daily_invites = 100", "daily_invites = 100000")
        .replace("throttling = true", "throttling = false");
    for at in 0..count {
        let _ = write!(
            text,
            "[[accounts]]\nid = \"{0}\"\nname = \"account {at}\"\nemail = \"aws+{at}@customer.example\"\n\
             created = \"900d\"\norganization = \"o-oldorg11111\"\njoined_method = \"INVITED\"\njoined = \"600d\"\n\
             [[roles]]\naccount = \"{0}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n",
            account(at)
        );
    }
    text + &shipped[principals..]
}

/// Bytes that are the same in every run of a bench.
#[derive(Clone)]
pub struct Dice(Arc<std::sync::atomic::AtomicU64>);

impl Dice {
    pub fn new() -> Dice {
        Dice(Arc::default())
    }
}

impl Random for Dice {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let thrown = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let more = |part: u64| countersign::base::Digest::of(format!("dice {thrown} {part}").as_bytes()).0;
        (0..).flat_map(more).take(count).collect()
    }
}

/// Plays the runbook of a folder to its end.
pub fn rehearse(loaded: &Loaded, world: &World, id: RunId) -> Played {
    let start = Time::parse("2026-01-05T09:00:00Z").unwrap();
    let clock = RehearsalClock::at(start);
    let wire = Arc::new(Wire::new(Simulator::new(world, start), clock.clone()));
    let mut dice = Dice::new();
    let people = vec!["alice".to_owned()];
    let opening = opening(loaded.clone(), None, Mode::Rehearsal, people, "0".repeat(32), &mut dice);
    let playing = play(MemoryStore::new(), id, opening, wire, clock, dice, std::rc::Rc::new(|_, _| {}));
    let played = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(playing).unwrap();
    assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}", played.stop);
    played
}

pub fn bundle(played: &Played) -> Bundle {
    export::bundle(&played.store, &played.run.id).unwrap().unwrap()
}

/// Lets criterion measure `work`; gives the median time of one run (zero where the filter left it out).
pub fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut work: impl FnMut()) -> Duration {
    let times = RefCell::new(Vec::new());
    group.bench_function(name, |bench| {
        bench.iter_custom(|count| {
            let start = Instant::now();
            (0..count).for_each(|_| work());
            let took = start.elapsed();
            times.borrow_mut().push(took / u32::try_from(count.max(1)).unwrap_or(u32::MAX));
            took
        });
    });
    let mut times = times.into_inner();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One line that says how far the aim is.
pub fn ratio(what: &str, ratio: f64, aim: &str) {
    if ratio.is_finite() && ratio > 0.0 {
        println!("ratio  {what}: {ratio:.3}  (aim: {aim})");
    }
}

pub fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The program, built with the bench.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_countersign")
}

/// Runs the program to its end, quietly.
pub fn run(folder: &Path, words: &[&str]) {
    let output = std::process::Command::new(program()).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The greatest resident size of this process since `reset_peak`, in MB (Linux).
pub fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kb| kb / 1024.0)
}

pub fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
