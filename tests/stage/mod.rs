//! A stage for tests: the shipped runbook in a theatre that can be watched, frozen at any moment, and woken again.
//! A frozen moment holds what outlives a killed process: the journal, the simulated AWS, the clock.
#![allow(dead_code, reason = "each test binary uses its own part")]

#[path = "../second/mod.rs"]
mod second;

use countersign::aws::connector::{WireRequest, WireResult, WireServer};
use countersign::base::{Digest, RunId, StepId, Time};
use countersign::cli::load::Loaded;
use countersign::cli::run::opening;
use countersign::cli::source::{Source, timing};
use countersign::cli::ui::Ui;
use countersign::engine::next::Stop;
use countersign::engine::port::{ChainHead, Clock, Random, Store, StoreError};
use countersign::engine::state::Run;
use countersign::engine::{doubt, operation, rollback};
use countersign::journal::{MemoryStore, export};
use countersign::record::bundle;
use countersign::record::entry::Entry;
use countersign::record::fact::{EndedBy, Fact, Mode};
use countersign::record::statement::SaidWhat;
use countersign::rehearse::theatre::{Seated, Theatre};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::rehearse::{Played, Tell};
use countersign::run::RunError;
use countersign::run::open::Opening;
use countersign::run::voice;
use countersign::simulator::state::Membership;
use countersign::simulator::{Simulator, World};
use countersign::verify::{self, Verdict};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

pub const RUNBOOK: &str = "runbooks/move_member_accounts.toml";
pub const ACCOUNTS: [&str; 3] = ["111122223333", "222233334444", "333344445555"];

/// Random bytes that are the same in every play, and may be wound back.
#[derive(Clone)]
pub struct Dice(Arc<AtomicU64>);

impl Random for Dice {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let thrown = self.0.fetch_add(1, Ordering::SeqCst);
        let more = |part: u64| Digest::of(format!("dice {thrown} {part}").as_bytes()).0;
        (0..).flat_map(more).take(count).collect()
    }
}

/// What is left when a process dies.
#[derive(Clone)]
pub struct Moment {
    /// For messages: `before append 12`, `after call 7 (organizations:AcceptHandshake)`.
    pub name: String,
    /// Entries in the journal.
    pub size: u64,
    /// Appends and calls so far.
    pub appends: u64,
    pub calls: u64,
    pub simulator: Simulator,
    pub now: Time,
    pub thrown: u64,
}

impl Moment {
    pub fn effects(&self) -> usize {
        self.simulator.effects().count()
    }
}

/// Everything that was seen of a play, in order.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<Moment>>>);

impl Tape {
    pub fn moments(&self) -> Vec<Moment> {
        self.0.lock().unwrap().clone()
    }
}

/// Counters and the places that a moment is made of.
pub struct Watch {
    pub journal: MemoryStore,
    pub id: RunId,
    pub wire: Arc<Wire>,
    pub clock: RehearsalClock,
    pub dice: Dice,
    pub appends: AtomicU64,
    pub calls: AtomicU64,
    /// None: nothing is kept.
    pub tape: Option<Tape>,
    /// The calls at the moment of the first failed append.
    pub died: Mutex<Option<u64>>,
}

impl Watch {
    /// Calls that a process made after its journal had failed: there must be none.
    pub fn calls_after_death(&self) -> u64 {
        self.died.lock().unwrap().map_or(0, |died| self.calls.load(Ordering::SeqCst) - died)
    }

    fn keep(&self, name: String) {
        let Some(tape) = &self.tape else { return };
        let moment = Moment {
            name,
            size: self.journal.head(&self.id).unwrap().map_or(0, |head| head.size),
            appends: self.appends.load(Ordering::SeqCst),
            calls: self.calls.load(Ordering::SeqCst),
            simulator: self.wire.simulator().snapshot(),
            now: Clock::now(&self.clock),
            thrown: self.dice.0.load(Ordering::SeqCst),
        };
        tape.0.lock().unwrap().push(moment);
    }
}

/// A store that keeps the moment before and after every append.
#[derive(Clone)]
pub struct WatchedStore<S>(pub Arc<Watch>, pub S);

impl<S: Store> Store for WatchedStore<S> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.1.head(run)
    }
    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
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
        let n = self.0.appends.load(Ordering::SeqCst);
        let kinds: Vec<&str> = lines.iter().filter_map(|line| Entry::read(line).ok()).map(|e| e.fact.kind()).collect();
        self.0.keep(format!("before append {n} ({})", kinds.join(", ")));
        let result = self.1.append(run, expected, epoch, lines, objects);
        if !matches!(result, Ok(()) | Err(StoreError::Moved)) {
            self.0.died.lock().unwrap().get_or_insert(self.0.calls.load(Ordering::SeqCst));
        }
        result?;
        self.0.appends.fetch_add(1, Ordering::SeqCst);
        self.0.keep(format!("after append {n} ({})", kinds.join(", ")));
        Ok(())
    }
}

/// A wire that keeps the moment before and after every request.
pub struct WatchedWire(pub Arc<Watch>);

impl WireServer for WatchedWire {
    fn serve(&self, request: WireRequest) -> WireResult {
        let m = self.0.calls.load(Ordering::SeqCst);
        self.0.keep(format!("before call {m} ({})", operation(&request)));
        let operation = operation(&request);
        let result = self.0.wire.serve(request);
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        self.0.keep(format!("after call {m} ({operation})"));
        result
    }
}

/// What a request asks for.
pub fn operation(request: &WireRequest) -> String {
    let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next().map(str::to_owned));
    target.unwrap_or_else(|| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or("?").to_owned()
    })
}

pub fn id() -> RunId {
    RunId::from_bytes([7; 16])
}

pub struct Script {
    loaded: Loaded,
    world: World,
}

/// How the items of each stage go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waves {
    pub accounts: usize,
    pub at_once: u32,
    pub canary: u32,
    pub stop_after: u32,
}

/// More accounts than the shipped world has, four of them at once.
pub const FOUR: usize = 4;

/// The shipped runbook with the first `accounts` of its three accounts; or four accounts, four at once.
fn script(accounts: usize) -> &'static Script {
    static SCRIPTS: [OnceLock<&'static Script>; 5] = [const { OnceLock::new() }; 5];
    SCRIPTS[accounts].get_or_init(|| match accounts {
        FOUR => script_of(Waves { accounts, at_once: 4, canary: 1, stop_after: 1 }),
        _ => read(accounts, &format!("{accounts}"), std::fs::read_to_string(RUNBOOK).unwrap()),
    })
}

/// The shipped runbook, its items going like this.
pub fn script_of(waves: Waves) -> &'static Script {
    static SCRIPTS: Mutex<BTreeMap<Waves, &'static Script>> = Mutex::new(BTreeMap::new());
    let mut scripts = SCRIPTS.lock().unwrap();
    scripts.entry(waves).or_insert_with(|| {
        let Waves { accounts, at_once, canary, stop_after } = waves;
        let each = "for_each = \"${parameters.accounts}\"\n";
        let text = std::fs::read_to_string(RUNBOOK).unwrap();
        assert_eq!(text.matches(each).count(), 3);
        let (head, tail) = text.split_once("canary = 1").unwrap();
        let text = format!("{head}canary = {canary}{tail}");
        let more = format!("{each}at_once = {at_once}\nstop_after = {stop_after}\n");
        read(accounts, &format!("{accounts}-{at_once}-{canary}-{stop_after}"), text.replace(each, &more))
    })
}

fn read(accounts: usize, name: &str, runbook: String) -> &'static Script {
    let (values, mut world) = (
        std::fs::read_to_string("runbooks/move_member_accounts.values.toml").unwrap(),
        std::fs::read_to_string("runbooks/worlds/move_member_accounts.toml").unwrap(),
    );
    let mut rows: Vec<String> = values.split("[[accounts]]").map(str::to_owned).collect();
    for at in ACCOUNTS.len()..accounts {
        let id = format!("4444555566{at:02}");
        rows.push(format!("\nid = \"{id}\"\nname = \"more{at}\"\ntarget_ou = \"ou-ab12-22222222\"\n\n"));
        world.push_str(&format!(
            "\n[[accounts]]\nid = \"{id}\"\nname = \"more{at}\"\nemail = \"aws+more{at}@customer.example\"\n\
             created = \"700d\"\norganization = \"o-oldorg11111\"\njoined_method = \"INVITED\"\njoined = \"500d\"\n\
             [[roles]]\naccount = \"{id}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n"
        ));
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stage-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    };
    let values = file("values.toml", &rows[..=accounts].join("[[accounts]]"));
    let runbook = file("move_member_accounts.toml", &runbook);
    let people = Some(PathBuf::from("runbooks/people.toml"));
    let source = Source { runbook, values: Some(values), people, set: Vec::new() };
    let world = source.need_world(Some(&file("world.toml", &world))).unwrap();
    let loaded = source.load_rehearsal(Some(&timing(&world)), &Ui::from_environment(true, false, false)).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    Box::leak(Box::new(Script { loaded, world }))
}

pub type Stage = Theatre<Dice>;

/// A theatre before the first entry.
pub fn theatre(accounts: usize) -> Stage {
    theatre_of(script(accounts))
}

pub fn theatre_of(script: &Script) -> Stage {
    let start = Time::parse("2026-01-05T09:00:00Z").unwrap();
    build(MemoryStore::new(), Simulator::new(&script.world, start), start, 0)
}

/// The theatre as a killed process left it: `base` is the journal of the play in which the moment was kept.
pub fn wake(base: &MemoryStore, moment: &Moment) -> Stage {
    build(base.as_of(&id(), moment.size), moment.simulator.clone(), moment.now, moment.thrown)
}

fn build(journal: MemoryStore, simulator: Simulator, now: Time, thrown: u64) -> Stage {
    let clock = RehearsalClock::at(now);
    let wire = Arc::new(Wire::new(simulator, clock.clone()));
    let tell: Tell = std::rc::Rc::new(|_, _| {});
    let dice = Dice(Arc::new(AtomicU64::new(thrown)));
    Theatre::new(journal, id(), &script(3).loaded.people, wire, clock, dice, tell)
}

pub fn curtain(theatre: &Stage, accounts: usize) -> Opening {
    curtain_of(theatre, script(accounts))
}

pub fn curtain_of(theatre: &Stage, script: &Script) -> Opening {
    let people = vec!["alice".to_owned()];
    opening(script.loaded.clone(), None, Mode::Rehearsal, people, "0".repeat(32), &mut theatre.random.clone())
}

/// Watches a theatre: every request, and every append that goes through a [`WatchedStore`].
pub fn watch(theatre: &mut Stage, keep: bool) -> Arc<Watch> {
    let watch = Arc::new(Watch {
        journal: theatre.store.clone(),
        id: id(),
        wire: Arc::clone(&theatre.wire),
        clock: theatre.clock.clone(),
        dice: theatre.random.clone(),
        appends: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        tape: keep.then(Tape::default),
        died: Mutex::new(None),
    });
    theatre.server = Arc::new(WatchedWire(Arc::clone(&watch)));
    watch
}

/// A play without any fault, and every moment of it.
pub struct Base {
    pub accounts: usize,
    pub journal: MemoryStore,
    pub moments: Vec<Moment>,
    pub facts: Facts,
}

pub fn base(accounts: usize) -> &'static Base {
    static BASES: [OnceLock<Base>; 5] = [const { OnceLock::new() }; 5];
    BASES[accounts].get_or_init(|| {
        let mut theatre = theatre(accounts);
        let watch = watch(&mut theatre, true);
        let mut store = WatchedStore(Arc::clone(&watch), theatre.store.clone());
        let opening = curtain(&theatre, accounts);
        let seated = theatre.open(&mut store, opening).unwrap();
        let played = block_on(theatre.play(store, seated)).unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}", played.stop);
        let moments = watch.tape.as_ref().map(Tape::moments).unwrap_or_default();
        Base { accounts, journal: played.store.clone(), moments, facts: facts(&theatre) }
    })
}

/// Where a process of the base play began: what it found, and who sat down. None: it opened the run.
pub struct Start {
    pub appends: u64,
    pub calls: u64,
    found: Option<(&'static Moment, String)>,
    base: &'static Base,
}

impl Base {
    /// The last beginning of a process that `before` says yes to.
    pub fn start(&'static self, before: impl Fn(&Moment) -> bool) -> Start {
        let sits = |moment: &&Moment| moment.name.starts_with("before append") && moment.name.ends_with("(signed_on)");
        match self.moments.iter().filter(sits).filter(|moment| before(moment)).last() {
            None => Start { appends: 0, calls: 0, found: None, base: self },
            Some(moment) => {
                let line = self.journal.read_from(&id(), moment.size).unwrap().remove(0);
                let person = Entry::read(&line).unwrap().by.unwrap();
                Start { appends: moment.appends, calls: moment.calls, found: Some((moment, person)), base: self }
            }
        }
    }
}

impl Start {
    pub fn stage(&self) -> Stage {
        match &self.found {
            None => theatre(self.base.accounts),
            Some((moment, _)) => wake(&self.base.journal, moment),
        }
    }

    /// The process again, from its beginning, exactly as it was: now with whatever the store or AWS does to it.
    pub fn play<S: Store>(&self, theatre: &Stage, mut store: S) -> Result<Played, RunError> {
        let seated = match &self.found {
            None => {
                let opening = curtain(theatre, self.base.accounts);
                theatre.open(&mut store, opening)?
            }
            Some((_, person)) => theatre.sit(&mut store, std::slice::from_ref(person))?,
        };
        block_on(theatre.play(store, seated))
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Somebody sits down and the play goes on to its end.
pub fn resume(theatre: &Stage, person: &str) -> Result<Played, RunError> {
    let mut store = theatre.store.clone();
    let seated: Seated = theatre.sit(&mut store, &[person.to_owned()])?;
    block_on(theatre.play(store, seated))
}

/// What a play comes to, in a form that is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// `who operation`, sorted: every change that AWS saw.
    pub effects: Vec<String>,
    /// Where every account is: organization and parent.
    pub places: BTreeMap<String, String>,
    /// Pending invitations.
    pub pending: usize,
    /// `covers attempt` of everything that was asked.
    pub asked: Vec<String>,
    pub approvals: usize,
    pub verdict: Verdict,
    pub problems: Vec<String>,
    pub closed: Option<String>,
    pub ends: Vec<EndedBy>,
}

pub fn entries(journal: &MemoryStore) -> Vec<Entry> {
    journal.read_from(&id(), 0).unwrap().iter().map(|line| Entry::read(line).unwrap()).collect()
}

/// Where every account is, and how many invitations are out.
pub fn facts_of_aws(theatre: &Stage) -> (BTreeMap<String, String>, usize) {
    let simulator = theatre.wire.simulator();
    let place = |member: &Membership| format!("{} {}", member.organization, member.parent);
    let accounts = simulator.state().accounts.values();
    let places =
        accounts.map(|account| (account.id.clone(), account.member.as_ref().map(place).unwrap_or_default())).collect();
    (places, simulator.state().handshakes.values().filter(|handshake| handshake.state.pending()).count())
}

pub fn facts(theatre: &Stage) -> Facts {
    let simulator = theatre.wire.simulator();
    let mut effects: Vec<String> = simulator
        .effects()
        .map(|line| format!("{} {}", line.account.clone().unwrap_or_default(), line.operation))
        .collect();
    effects.sort();
    drop(simulator);
    let (places, pending) = facts_of_aws(theatre);
    let all = entries(&theatre.store);
    let mut asked = Vec::new();
    let mut ends = Vec::new();
    for entry in &all {
        match &entry.fact {
            Fact::Asked(fact) => asked.push(format!("{} {}", fact.covers, fact.attempt)),
            Fact::RequestEnded(fact) => ends.push(fact.why),
            _ => {}
        }
    }
    let bundle = export::bundle(&theatre.store, &id()).unwrap().unwrap();
    let report = verify::check(&bundle, &[], &[]);
    let mut problems: Vec<String> =
        report.problems.iter().map(|p| format!("{:?} {}: {}", p.seq, p.code, p.message)).collect();
    problems.extend(report.missing_objects.iter().map(|digest| format!("missing object {digest}")));
    problems.extend(epochs(&all));
    // The second verifier is asked about a selection of all these runs.
    if all.len().is_multiple_of(8) {
        let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
        problems.extend(second::compare(text.as_bytes()).err());
    }
    Facts {
        effects,
        places,
        pending,
        asked,
        approvals: all.iter().filter(|entry| entry.fact.kind() == "approval").count(),
        verdict: report.verdict,
        problems,
        closed: all.iter().find_map(|entry| match &entry.fact {
            Fact::RunClosed(fact) => Some(fact.result.clone()),
            _ => None,
        }),
        ends,
    }
}

/// Epochs begin with a sign-on and go up.
fn epochs(all: &[Entry]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut last = 0;
    for entry in all {
        if entry.epoch < last {
            wrong.push(format!("entry {}: epoch {} after {last}", entry.seq, entry.epoch));
        }
        if entry.epoch > last && !matches!(entry.fact, Fact::SignedOn(_) | Fact::RunOpened(_)) {
            wrong.push(format!("entry {}: epoch {} begins with {}", entry.seq, entry.epoch, entry.fact.kind()));
        }
        last = entry.epoch;
    }
    wrong
}

/// The journal as people read it, for messages.
pub fn story(theatre: &Stage) -> String {
    let lines = theatre.store.read_from(&id(), 0).unwrap_or_default();
    let mut text = String::new();
    for line in lines.iter().rev().take(30).rev() {
        if let Ok(entry) = Entry::read(line) {
            let data: String = serde_json::from_str::<serde_json::Value>(line)
                .map(|value| value["data"].to_string())
                .unwrap_or_default()
                .chars()
                .filter(|c| *c != '\n')
                .take(260)
                .collect();
            text.push_str(&format!(
                "  {} {} e{} {} {:?} {data}\n",
                entry.seq,
                entry.at.millis(),
                entry.epoch,
                entry.fact.kind(),
                entry.by
            ));
        }
    }
    text
}

pub fn load(theatre: &Stage) -> Run {
    countersign::run::load::load(&theatre.store, &id(), &BTreeMap::new()).unwrap()
}

/// Who sits at a stage, and the run as they know it.
pub fn sit(theatre: &Stage, person: &str) -> Seated {
    theatre.sit(&mut theatre.store.clone(), &[person.to_owned()]).unwrap()
}

/// Drives a seat to its next stop, no one helping.
pub fn drive(theatre: &Stage, seated: &mut Seated) -> Result<Stop, RunError> {
    let mut actor = theatre.actor(theatre.store.clone(), seated.run.clone(), seated.seat.epoch());
    let stop = block_on(actor.drive())?;
    seated.run = actor.run;
    Ok(stop)
}

/// As `countersign rollback --to`, then the play goes on; through this store.
pub fn roll_back<S: Store>(theatre: &Stage, mut store: S, person: &str, to: &str) -> Result<Played, RunError> {
    let mut seated = theatre.sit(&mut store, &[person.to_owned()])?;
    let drafts = rollback::begin(&seated.run, to).unwrap();
    let epoch = seated.seat.epoch();
    voice::append_seat(&mut store, &theatre.clock, &mut seated.run, epoch, drafts)?;
    block_on(theatre.play(store, seated))
}

/// A performer's word on an operation in doubt.
pub fn settle(theatre: &Stage, person: &str, step: &StepId, result: &str, outputs: Value) {
    let mut run = load(theatre);
    let state = run.step(step);
    let role = run.plan.step(step).unwrap().performer.clone();
    let value = doubt::settle_object(&run, step, result, outputs, &"5a".repeat(16));
    let object = operation::single(&value).unwrap();
    let body = voice::said_body(&run, SaidWhat::Settled, &step.to_string(), state.attempt, Some(object.0));
    let now = Clock::now(&theatre.clock);
    let random = &mut theatre.random.clone();
    let signed = voice::sign(&run, random, theatre.ring(), person, &role, body, "", now).unwrap();
    voice::say(&mut theatre.store.clone(), &theatre.clock, &mut run, &signed, Some(object)).unwrap();
}

/// Every fact of one step, in order.
pub fn of_step(theatre: &Stage, step: &str) -> Vec<Entry> {
    let mine = |entry: &Entry| match &entry.fact {
        Fact::Intended(fact) => fact.step.to_string() == step,
        Fact::Outcome(fact) => fact.step.to_string() == step,
        Fact::Observed(fact) => fact.step.to_string() == step,
        Fact::Asked(fact) => fact.covers == step,
        _ => false,
    };
    entries(&theatre.store).into_iter().filter(mine).collect()
}

/// The run as it was when the journal had `size` entries.
pub fn load_at(journal: &MemoryStore, size: u64) -> Run {
    countersign::run::load::load(&journal.as_of(&id(), size), &id(), &BTreeMap::new()).unwrap()
}
