//! One play: a random runbook in its world, driven by people who come and go, deny, let requests expire, roll back,
//! and by processes that die at any append or call. Keeps what AWS did, so that it can be held against the journal.

use super::dice::{Bytes, Dice};
use super::judge;
use super::story;
use super::{Case, Kill, Strikes};
use countersign::aws::connector::{WireRequest, WireResult, WireServer};
use countersign::base::{Digest, RunId, StepId, Time};
use countersign::cli::load::Loaded;
use countersign::cli::run::opening;
use countersign::engine::next::{Stop, StopKind};
use countersign::engine::port::{ChainHead, Clock, Random, Store, StoreError};
use countersign::engine::state::Run;
use countersign::engine::{doubt, operation, rollback};
use countersign::journal::MemoryStore;
use countersign::plan::model::Body;
use countersign::record::fact::{Mode, WaitFor};
use countersign::record::statement::{Decides, SaidWhat};
use countersign::rehearse::Tell;
use countersign::rehearse::theatre::{Help, Seated, Theatre};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::run::{RunError, load, voice};
use countersign::simulator::state::Who;
use countersign::simulator::{Simulator, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

type Stage = Theatre<Bytes>;

/// A change that AWS saw.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Entries in the journal by then.
    pub size: u64,
    pub action: String,
    pub account: String,
    pub with: Value,
}

/// More than any play needs that comes to an end: of calls, and of looks at the journal (one in each round of the loop).
const MOST_CALLS: u64 = 60_000;
const MOST_LOOKS: u64 = 60_000;
const MOST_SITTINGS: u64 = 600;
const ENDLESS: &str = "it comes to no end";

/// What kills a process: it counts appends and calls, over all processes. And what ends a play that would never end.
pub struct Death {
    kills: Vec<Kill>,
    appends: AtomicU64,
    calls: AtomicU64,
    looks: AtomicU64,
    dead: AtomicBool,
    journal: MemoryStore,
    wire: Arc<Wire>,
    effects: Mutex<Vec<Effect>>,
}

impl Death {
    /// Before the first append there is no run that could be taken up: whoever opens it anew gives it another id.
    fn strikes(&self, at: Strikes, n: u64) -> bool {
        let first = (at, n) == (Strikes::BeforeAppend, 0);
        let strikes = !first && self.kills.iter().any(|kill| kill.at == at && kill.n == n);
        if strikes {
            self.dead.store(true, Ordering::SeqCst);
        }
        strikes
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Every round of the loop looks at the journal: one that goes round and round is told so, and fails.
    fn bounded(&self) -> Result<(), StoreError> {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        let calls = self.calls.load(Ordering::SeqCst);
        match looks > MOST_LOOKS || calls > MOST_CALLS {
            true => Err(StoreError::Io(format!("{ENDLESS}: {looks} looks at the journal, {calls} calls"))),
            false => Ok(()),
        }
    }
}

#[derive(Clone)]
struct Mortal(Arc<Death>, MemoryStore);

impl Store for Mortal {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.1.head(run)
    }
    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.0.bounded()?;
        self.1.read_from(run, seq)
    }
    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.1.object(digest)
    }
    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let death = &self.0;
        let n = death.appends.fetch_add(1, Ordering::SeqCst);
        if death.is_dead() || death.strikes(Strikes::BeforeAppend, n) {
            return Err(StoreError::Unknown("killed".to_owned()));
        }
        self.1.append(run, expected, epoch, lines, objects)?;
        match death.strikes(Strikes::AfterAppend, n) {
            true => Err(StoreError::Unknown("killed".to_owned())),
            false => Ok(()),
        }
    }
}

struct MortalWire(Arc<Death>);

impl WireServer for MortalWire {
    fn serve(&self, request: WireRequest) -> WireResult {
        let death = &self.0;
        let n = death.calls.fetch_add(1, Ordering::SeqCst);
        if death.is_dead() || death.strikes(Strikes::BeforeCall, n) {
            return WireResult::Refused;
        }
        let with = judge::parameters(&request);
        let before = death.wire.simulator().log().len();
        let result = death.wire.serve(request);
        let line = death.wire.simulator().log().get(before).filter(|line| line.effect).cloned();
        if let Some(line) = line {
            let size = death.journal.head(&id()).unwrap().map_or(0, |head| head.size);
            let account = line.account.unwrap_or_default();
            death.effects.lock().unwrap().push(Effect { size, action: line.operation, account, with });
        }
        match death.strikes(Strikes::AfterCall, n) {
            true => WireResult::ResponseLost,
            false => result,
        }
    }
}

pub fn id() -> RunId {
    RunId::from_bytes([9; 16])
}

/// Everything that is left of a play.
pub struct End {
    pub journal: MemoryStore,
    pub effects: Vec<Effect>,
    pub start: Simulator,
    pub simulator: Simulator,
    pub run: Run,
    /// Where it stopped for good; none: it closed.
    pub stopped: Option<Stop>,
    pub no_way: Option<String>,
    pub commands: Vec<String>,
}

struct Play<'a> {
    case: &'a Case,
    dice: Dice,
    theatre: Stage,
    death: Arc<Death>,
    store: Mortal,
    rolled: u32,
    no_way: Option<String>,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Plays to the end, or to where nobody can help.
pub fn play(case: &Case, loaded: &Loaded, world: &World) -> Result<End, String> {
    let start = Time::parse("2026-01-05T09:00:00Z").unwrap();
    let simulator = Simulator::new(world, start);
    let clock = RehearsalClock::at(start);
    let wire = Arc::new(Wire::new(simulator.clone(), clock.clone()));
    let tell: Tell = std::rc::Rc::new(|_, _| {});
    let journal = MemoryStore::new();
    let mut theatre =
        Theatre::new(journal.clone(), id(), &loaded.people, Arc::clone(&wire), clock, Bytes::default(), tell);
    let death = Arc::new(Death {
        kills: case.kills.clone(),
        appends: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        looks: AtomicU64::new(0),
        dead: AtomicBool::new(false),
        journal: journal.clone(),
        wire: Arc::clone(&wire),
        effects: Mutex::default(),
    });
    theatre.server = Arc::new(MortalWire(Arc::clone(&death)));
    let store = Mortal(Arc::clone(&death), journal.clone());
    let dice = Dice::of(case.seed, 3);
    let mut play = Play { case, dice, theatre, death, store, rolled: 0, no_way: None };
    let (run, stopped) = play.whole(loaded)?;
    let (simulator, effects) = (wire.simulator().snapshot(), play.death.effects.lock().unwrap().clone());
    let (commands, no_way) = (wire.commands(), play.no_way);
    Ok(End { journal, effects, start: Simulator::new(world, start), simulator, run, stopped, no_way, commands })
}

fn progress(run: &Run) -> u64 {
    let kinds =
        ["outcome", "verified", "approval", "said", "waited", "stage_entered", "anchor_regained", "hold_proved"];
    kinds.iter().filter_map(|kind| run.counts.get(*kind)).sum()
}

impl Play<'_> {
    fn whole(&mut self, loaded: &Loaded) -> Result<(Run, Option<Stop>), String> {
        let mut seated = self.open(loaded)?;
        let (mut idle, mut stuck, mut before) = (0, 0, 0);
        for _ in 0..MOST_SITTINGS {
            let Seated { seat, run } = seated;
            let mut actor = self.theatre.actor(self.store.clone(), run, seat.epoch());
            let stop = match block_on(actor.drive()) {
                Ok(stop) => stop,
                Err(error) => {
                    drop(actor);
                    drop(seat);
                    // It may have died right after the entry that closes the run.
                    let run = self.after_death(error)?;
                    if run.closed.is_some() {
                        return Ok((run, None));
                    }
                    seated = self.next_process(&run)?;
                    continue;
                }
            };
            let mut run = actor.run;
            if run.closed.is_some() {
                return Ok((run, None));
            }
            let now = progress(&run);
            idle = if now == before { idle + 1 } else { 0 };
            if now != before {
                stuck = 0;
            }
            before = now;
            let help = match self.mood(&mut run, &seat, &stop) {
                Ok(Some(help)) => Ok(help),
                Ok(None) => self.theatre.help(&mut self.store, &mut run, &stop),
                Err(error) => Err(error),
            };
            let help = match help {
                Ok(help) => help,
                Err(error) => {
                    drop(seat);
                    let run = self.after_death(error)?;
                    seated = self.next_process(&run)?;
                    continue;
                }
            };
            match help {
                Help::Same if idle < 16 => seated = Seated { seat, run },
                Help::Sits(person) if idle < 16 => {
                    drop(seat);
                    seated = self.sit(&person)?;
                }
                _ => {
                    idle = 0;
                    stuck += 1;
                    if stuck > 8 {
                        return Ok((run, Some(stop)));
                    }
                    drop(seat);
                    seated = self.come_back(&run, &stop, stuck)?;
                }
            }
        }
        Err(format!("{ENDLESS}: {MOST_SITTINGS} sittings\n{}", story(&self.store.1)))
    }

    fn open(&mut self, loaded: &Loaded) -> Result<Seated, String> {
        let performer = self.case.book.stages[0].performer;
        let person = *self.dice.one(match performer {
            "admin" => &["alice", "amy"],
            _ => &["bob", "ben"],
        });
        for _ in 0..8 {
            let mut random = self.theatre.random.clone();
            let opening =
                opening(loaded.clone(), None, Mode::Rehearsal, vec![person.to_owned()], "0".repeat(32), &mut random);
            match self.theatre.open(&mut self.store, opening) {
                Ok(seated) => return Ok(seated),
                Err(error) if !self.death.is_dead() => return Err(format!("it could not be opened: {error}")),
                Err(_) => self.death.dead.store(false, Ordering::SeqCst),
            }
            if self.store.head(&id()).unwrap().is_some() {
                return self.sit(person);
            }
        }
        Err("it could not be opened".to_owned())
    }

    /// The next process; it may die while it sits down.
    fn sit(&mut self, person: &str) -> Result<Seated, String> {
        for _ in 0..8 {
            match self.theatre.sit(&mut self.store, &[person.to_owned()]) {
                Ok(seated) => return Ok(seated),
                Err(error) if !self.death.is_dead() => return Err(format!("{person} could not sit down: {error}")),
                Err(_) => self.death.dead.store(false, Ordering::SeqCst),
            }
        }
        Err("nobody could sit down".to_owned())
    }

    /// What the journal says after a process was killed.
    fn after_death(&mut self, error: RunError) -> Result<Run, String> {
        if !self.death.is_dead() {
            return Err(format!("it ended with an error: {error}\n{}", story(&self.store.1)));
        }
        self.death.dead.store(false, Ordering::SeqCst);
        self.load()
    }

    fn next_process(&mut self, run: &Run) -> Result<Seated, String> {
        self.pass(*self.dice.one(&[0, 1_000, 40_000, 900_000]));
        let person = self.anybody(run);
        self.sit(&person)
    }

    fn load(&self) -> Result<Run, String> {
        load::load(&self.store, &id(), &BTreeMap::new()).map_err(|error| format!("the journal can't be read: {error}"))
    }

    fn pass(&self, ms: i64) {
        self.theatre.clock.advance_to(Clock::now(&self.theatre.clock).plus(ms));
    }

    /// Mostly who sat there; now and then another performer.
    fn anybody(&self, run: &Run) -> String {
        let last = run.signed_on.first().cloned().filter(|_| !self.dice.percent(25));
        last.unwrap_or_else(|| (*self.dice.one(&["alice", "amy", "bob", "ben"])).to_owned())
    }

    /// What people sometimes do instead of what is expected of them.
    fn mood(
        &mut self,
        run: &mut Run,
        seat: &countersign::journal::Seat,
        stop: &Stop,
    ) -> Result<Option<Help>, RunError> {
        let moods = &self.case.moods;
        if run.rollback.is_none() && self.rolled < moods.rollbacks && self.dice.percent(12) {
            self.rolled += 1;
            let to = self.place(run);
            if let Ok(drafts) = rollback::begin(run, &to) {
                voice::append_seat(&mut self.store, &self.theatre.clock, run, seat.epoch(), drafts)?;
                return Ok(Some(Help::Same));
            }
        }
        if stop.what == Some(WaitFor::Approval) && self.dice.percent(moods.denies) {
            let live: Vec<u64> = run.requests.values().filter(|one| one.is_live()).map(|one| one.seq).collect();
            let request = live.get(self.dice.up_to(live.len())).copied();
            if let Some((request, person)) =
                request.and_then(|one| Some((one, self.theatre.lacking(run, one).into_iter().next()?)))
            {
                self.theatre.decide(&mut self.store, run, request, &person, Decides::Deny)?;
                return Ok(Some(Help::Same));
            }
        }
        if stop.what == Some(WaitFor::Approval) && self.dice.percent(moods.expires) {
            self.pass(26 * 3_600_000);
            return Ok(Some(Help::Same));
        }
        if self.dice.percent(moods.takes_over) {
            return Ok(Some(Help::Sits(self.anybody(run))));
        }
        Ok(None)
    }

    /// Somewhere to go back to.
    fn place(&self, run: &Run) -> String {
        let entered: Vec<_> = run.stages.iter().filter(|(_, state)| state.entered).collect();
        if entered.is_empty() || self.dice.percent(30) {
            return String::new();
        }
        let (stage, state) = entered[self.dice.up_to(entered.len())];
        match state.items.get(self.dice.up_to(state.items.len())) {
            Some((Some(item), _)) if self.dice.percent(50) => format!("{stage}:{item}"),
            _ => stage.clone(),
        }
    }

    /// Nobody could help at once: people look, settle what is in doubt, come back, and in the end take it back.
    fn come_back(&mut self, run: &Run, stop: &Stop, stuck: u32) -> Result<Seated, String> {
        if stop.kind == StopKind::InDoubt && stop.what == Some(WaitFor::Settle) {
            self.settle(stop)?;
        }
        self.pass(*self.dice.one(&[60_000, 900_000]));
        let last = run.signed_on.first().cloned();
        let person = if stuck % 2 == 1 { last.unwrap_or_else(|| self.anybody(run)) } else { self.anybody(run) };
        let mut seated = self.sit(&person)?;
        if stuck >= 3 && seated.run.rollback.is_none() && seated.run.closed.is_none() {
            match rollback::begin(&seated.run, "") {
                Ok(drafts) => {
                    let epoch = seated.seat.epoch();
                    let begun =
                        voice::append_seat(&mut self.store, &self.theatre.clock, &mut seated.run, epoch, drafts);
                    if let Err(error) = begun {
                        drop(seated.seat);
                        let run = self.after_death(error)?;
                        return self.next_process(&run);
                    }
                }
                Err(no_way) => self.no_way = Some(no_way.to_string()),
            }
        }
        Ok(seated)
    }

    /// The performer looks, and says how it stands: the truth.
    fn settle(&mut self, stop: &Stop) -> Result<(), String> {
        let mut run = self.load()?;
        let Ok(id) = stop.at.parse::<StepId>() else { return Ok(()) };
        let plan = run.plan.clone();
        let (Some(step), Some(begun)) = (plan.step(&id), run.step(&id).begun()) else { return Ok(()) };
        let (done, outputs) = match &step.body {
            Body::Command(_) => {
                (self.theatre.wire.commands().contains(&id.to_string()), json!({"stdout": "", "exit": 0}))
            }
            _ => {
                let text = |name: &str| begun.operation.pointer(name).and_then(Value::as_str).unwrap_or_default();
                let effects = self.death.effects.lock().unwrap();
                let seq = judge::last_begun(&self.store.1, &id);
                let done = effects.iter().any(|effect| {
                    effect.size > seq
                        && effect.action == text("/action")
                        && judge::fits(&begun.operation["with"], &effect.with)
                });
                (done, self.key_of(text("/with/UserName")))
            }
        };
        let result = if done { "done" } else { "not_done" };
        let outputs = if done { outputs } else { json!({}) };
        let salt = hex::encode(self.theatre.random.clone().bytes(16));
        let value = doubt::settle_object(&run, &id, result, outputs, &salt);
        let object = operation::single(&value).map_err(|error| error.to_string())?;
        let attempt = run.step(&id).attempt;
        let Some(person) = run.people.holders(&step.performer).next().map(|person| person.id.clone()) else {
            return Err(format!("nobody performs {id}"));
        };
        let body = voice::said_body(&run, SaidWhat::Settled, &id.to_string(), attempt, Some(object.0));
        let now = Clock::now(&self.theatre.clock);
        let random = &mut self.theatre.random.clone();
        let signed = voice::sign(&run, random, self.theatre.ring(), &person, &step.performer, body, "", now)
            .map_err(|error| error.to_string())?;
        // By another process than the one that may be struck.
        let mut store = self.store.1.clone();
        match voice::say(&mut store, &self.theatre.clock, &mut run, &signed, Some(object)) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{person} could not settle {id}: {error}")),
        }
    }

    /// The key that people see in the console, and that the journal does not know.
    fn key_of(&self, user: &str) -> Value {
        let known = self.store.1.read_from(&id(), 0).unwrap().join("\n");
        let simulator = self.theatre.wire.simulator();
        let keys = simulator.state().keys.values().filter(|key| key.who == Who::User(user.to_owned()));
        let found = keys.map(|key| key.id.clone()).find(|id| !known.contains(id.as_str()));
        match found {
            Some(id) => json!({"AccessKey": {"UserName": user, "AccessKeyId": id, "Status": "Active"}}),
            None => json!({}),
        }
    }
}
