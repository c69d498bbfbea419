//! SIGKILL at random moments, at least a hundred times: the journal verifies after every kill, and in the end the
//! simulated AWS is as if nobody had been killed, each effect once, nobody asked twice (P2, P7).
#![cfg(all(unix, feature = "aws"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod support;

use serde_json::Value;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use support::pump::{first_command, is_closed, line_of};
use support::{RUNBOOK, Scene, binding, shipped, whole_move};

/// Kills in all, over two series of runs at once.
const KILLS: usize = 104;

/// Reproducible choices; the moments themselves are the machine's.
struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.throw() % limit
    }
}

fn seed() -> u64 {
    let given = std::env::var("COUNTERSIGN_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
}

#[test]
fn a_run_killed_at_any_moment_goes_on_and_repeats_nothing() {
    let seed = seed();
    eprintln!("COUNTERSIGN_SEED={seed}");
    let wanted = undisturbed();
    let all: Vec<Tally> = std::thread::scope(|scope| {
        let wanted = &wanted;
        let series: Vec<_> = (0..2).map(|n| scope.spawn(move || series(Dice(seed ^ n), KILLS / 2, wanted))).collect();
        series.into_iter().map(|handle| handle.join().unwrap_or_else(|_| panic!("COUNTERSIGN_SEED={seed}"))).collect()
    });
    let sum = |of: fn(&Tally) -> usize| all.iter().map(of).sum::<usize>();
    eprintln!(
        "{} runs, {} kills: {} while driving, {} while signing, {} with an operation in doubt",
        sum(|tally| tally.runs),
        sum(|tally| tally.kills),
        sum(|tally| tally.driving),
        sum(|tally| tally.kills - tally.driving),
        sum(|tally| tally.doubts)
    );
    assert!(sum(|tally| tally.kills) >= 100);
    assert!(sum(|tally| tally.kills - tally.driving) > 0, "no signing verb was killed");
    assert!(sum(|tally| tally.doubts) > 0, "no kill hit an operation between intent and outcome");
}

/// What was killed, and when.
#[derive(Default)]
struct Tally {
    runs: usize,
    kills: usize,
    driving: usize,
    doubts: usize,
}

/// The simulated AWS after a run that nobody disturbs.
fn undisturbed() -> Vec<String> {
    let scene = hurried();
    scene.open().exits(4);
    support::pump::pump(&scene, 40);
    scene.places()
}

fn hurried() -> Scene {
    let world = shipped("runbooks/worlds/move_member_accounts.toml");
    let timing = "time_limit = \"2s\"\nsettles_within = \"1s\"\n";
    assert!(world.contains(timing));
    let world = world.replace(timing, "time_limit = \"800ms\"\nsettles_within = \"100ms\"\n");
    let scene = Scene::in_world(&(world + &shipped("tests/fixtures/worlds/hurried.toml")));
    scene.sign_people();
    scene
}

/// Whole runs, until so many processes were killed.
fn series(mut dice: Dice, kills: usize, wanted: &[String]) -> Tally {
    let mut tally = Tally::default();
    while tally.kills < kills {
        let began = Instant::now();
        let scene = hurried();
        one_run(&scene, &mut dice, &mut tally);
        assert_eq!(scene.places(), wanted);
        let mut effects = scene.effects();
        let mut each = whole_move();
        effects.sort();
        each.sort();
        assert_eq!(effects, each, "each effect once");
        asked_once(&scene);
        scene.run("carol", "verify --trust runbooks/people.toml").exits(0);
        tally.runs += 1;
        eprintln!("a run of {} s; {} kills so far", began.elapsed().as_secs(), tally.kills);
    }
    tally
}

/// One run from nothing to its end, with a kill whenever the dice say so.
fn one_run(scene: &Scene, dice: &mut Dice, tally: &mut Tally) {
    let began = Instant::now();
    let mut after_kill = false;
    loop {
        let status = status(scene);
        if after_kill && let Some(status) = &status {
            sound(scene);
            tally.doubts += usize::from(status["state"] == "in doubt");
        }
        let line = match &status {
            None => opening(),
            Some(status) if is_closed(status) => return,
            Some(status) => line_of(&first_command(status)).1,
        };
        assert!(began.elapsed() < Duration::from_secs(150), "no end in sight; {} kills: {status:#?}", tally.kills);
        let drives = line.starts_with("run ") || line.starts_with("resume ");
        after_kill = killed(scene, drives, dice, &line);
        tally.kills += usize::from(after_kill);
        tally.driving += usize::from(after_kill && drives);
    }
}

fn opening() -> String {
    format!("run {RUNBOOK} --simulated --as alice --key alice/key --session {}", binding("alice").unwrap())
}

/// How the run stands; none when a kill came before it was opened.
fn status(scene: &Scene) -> Option<Value> {
    let said = scene.run("alice", "status --format json");
    match said.status {
        0 => Some(said.json()),
        _ => {
            assert!(
                said.stderr.contains("there is no journal") || said.stderr.contains("has no run"),
                "{}",
                said.stderr
            );
            None
        }
    }
}

/// Runs it; half of the time only for a random while. True if it was killed; one that ends by itself ends well.
fn killed(scene: &Scene, drives: bool, dice: &mut Dice, line: &str) -> bool {
    let person = line.split_once("--as ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    let seen = requests(scene);
    let mut command = scene.command(person, line);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    match dice.below(8) {
        // At any moment of its life.
        0..=2 => {
            let until = Instant::now() + Duration::from_millis(dice.below(if drives { 1_000 } else { 120 }));
            lives(&mut child, || Instant::now() < until);
        }
        // Right behind one of its requests: where an answer is on its way.
        3..=5 if drives => {
            let last = seen + 1 + dice.below(10) as usize;
            lives(&mut child, || requests(scene) < last);
            std::thread::sleep(Duration::from_millis(dice.below(10)));
        }
        _ => lives(&mut child, || true),
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    if output.status.signal() == Some(9) {
        return true;
    }
    let code = output.status.code().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, 0 | 4 | 5), "{line}: exit {code}\n{words}");
    false
}

/// As long as it lives, and as the condition holds.
fn lives(child: &mut Child, mut on: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() && on() {
        assert!(Instant::now() < patience, "it neither ends nor goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many requests the simulated AWS has got.
fn requests(scene: &Scene) -> usize {
    std::fs::read(scene.path("sim.log")).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// After a kill the journal verifies.
fn sound(scene: &Scene) {
    let said = scene.run("carol", "verify --trust runbooks/people.toml --format json");
    assert!(matches!(said.status, 0 | 4), "{}\n{}", said.stdout, said.stderr);
    let verdict = said.json();
    assert!(matches!(verdict["verdict"].as_str(), Some("OPEN" | "CLOSED")), "{verdict:#}");
}

/// One request for the invitations, one per account to accept, one to place, each attempt 1; nothing ended but by use.
fn asked_once(scene: &Scene) {
    let asked = scene.entries("asked");
    let covers: Vec<&str> = asked.iter().map(|asked| asked["covers"].as_str().unwrap()).collect();
    let wanted = [
        "invite:*/*",
        "accept:111122223333/accept",
        "accept:222233334444/accept",
        "accept:333344445555/accept",
        "place:*/*",
    ];
    assert_eq!(covers, wanted);
    assert!(asked.iter().all(|asked| asked["attempt"] == 1), "{asked:#?}");
    let ended = scene.entries("request_ended");
    assert!(ended.iter().all(|ended| ended["why"] == "consumed"), "{ended:#?}");
}
