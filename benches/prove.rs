//! What proofs are made of: simulated steps per second, with the `aws` room and with a cloud in its place that asks the
//! simulator directly; how long the largest shipped runbooks take to prove; and how long one cell takes with 3, 30 and
//! 300 accounts: it starts from a snapshot at its step, and must not grow with the list.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench is no part of the program")]

mod shared;

use countersign::aws::{AwsCloud, Config, InProcess};
use countersign::base::{RunId, Time};
use countersign::catalogue::Class;
use countersign::cli::load::{self, Loaded, Sources};
use countersign::cli::prove::Case;
use countersign::cli::run::opening;
use countersign::cli::source::Source;
use countersign::engine::next::StopKind;
use countersign::engine::port::{Call, Clock, Cloud, Fault, Identity, Reply, SessionProblem, SessionWanted};
use countersign::journal::{MemoryStore, Sitter};
use countersign::keys::SoftSigner;
use countersign::operator::Patience;
use countersign::operator::nobody::Nobody;
use countersign::record::fact::Mode;
use countersign::rehearse::prove::cell::{Stand, strike};
use countersign::rehearse::prove::fault::Happens;
use countersign::rehearse::prove::{Way, prove};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::report::proof::Came;
use countersign::run::command::RealPrograms;
use countersign::run::{Executor, Parts, open};

use countersign::simulator::{Reply as Answer, Request, Simulator, World};
use countersign::sshsig::KeyKind;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use shared::{Dice, measure, quiet, ratio, seconds};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Steps of one run.
const ITEMS: usize = 200;
const KEY: &str = "AKIASIMULATEDBENCH01";

/// A tag for each account: its anchor, its intent, its call, its outcome, and what is seen of it.
fn tags() -> (String, String) {
    let ids: Vec<String> = (0..ITEMS).map(|n| format!("{}", 300_000_000_000u64 + n as u64)).collect();
    let list: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    let book = format!(
        "schema = 1\n[runbook]\nname = \"tags\"\ntitle = \"Tag accounts\"\nversion = \"1.0.0\"\n\
         [roles]\nadmin = {{ title = \"Administrator\", party = \"one\" }}\n\
         [sessions]\nmanagement = {{ account = \"111111111111\", used_by = [\"admin\"], kinds = [\"user\"] }}\n\
         [[stages]]\nid = \"tag\"\nfor_each = [{}]\nkey = \"${{item}}\"\nperformer = \"admin\"\nsession = \"management\"\n\
         [stages.anchor]\nprove = [{{ action = \"organizations:ListTagsForResource\", with = {{ ResourceId = \"${{item}}\" }}, \
         expect = \"length(Tags) == `0`\" }}]\n\
         [[stages.steps]]\nid = \"tag\"\naction = \"organizations:TagResource\"\n\
         with = {{ ResourceId = \"${{item}}\", Tags = [{{ Key = \"center\", Value = \"17\" }}] }}\nundo = \"usual\"\n",
        list.join(", ")
    );
    let mut world = format!(
        "schema = 1\n[timing]\ntime_limit = \"2s\"\nsettles_within = \"1s\"\n[settings]\nseed = 1\nthrottling = false\n\
         signatures = false\n[[organizations]]\nid = \"o-bench11111\"\nmanagement = \"111111111111\"\nroot = \"r-be11\"\n\
         created = \"900d\"\naccount_quota = 1000\n[[accounts]]\nid = \"111111111111\"\nname = \"management\"\n\
         [[principals]]\nprofile = \"management\"\naccount = \"111111111111\"\nkind = \"user\"\nname = \"bench\"\n\
         access_key = \"{KEY}\"\nsecret_key = \"simulated-secret-of-the-bench-accounts-0\"\n"
    );
    for id in ids {
        write!(world, "[[accounts]]\nid = \"{id}\"\nname = \"a{id}\"\norganization = \"o-bench11111\"\n").unwrap();
    }
    (book, world)
}

fn alone() -> SoftSigner {
    SoftSigner::rehearsal([("alice", KeyKind::Ed25519)])
}

/// What is tagged, and where.
struct Stage {
    loaded: Loaded,
    world: World,
    start: Time,
}

impl Stage {
    fn new(folder: &Path) -> Stage {
        let (book, world) = tags();
        let key = countersign::engine::port::Signer::sign(&alone(), "alice", "x", "x").unwrap().1;
        let people = format!(
            "schema = 1\n[people.alice]\nname = \"Alice\"\nparty = \"one\"\nroles = [\"admin\"]\nkeys = [\"{key}\"]\n"
        );
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        let (runbook, people) = (write("book.toml", &book), Some(write("people.toml", &people)));
        let sources = Sources { runbook, people, rehearsal: true, ..Sources::default() };
        let loaded = load::plan(&sources, None).unwrap_or_else(|error| panic!("{}", error.message));
        let world = World::parse("world.toml", &world).unwrap_or_else(|findings| panic!("{findings:?}"));
        Stage { loaded, world, start: Time::parse("2026-01-05T09:00:00Z").unwrap() }
    }

    fn wire(&self) -> (Arc<Wire>, RehearsalClock) {
        let clock = RehearsalClock::at(self.start);
        (Arc::new(Wire::new(Simulator::new(&self.world, self.start), clock.clone())), clock)
    }

    /// One run with this cloud, to its end.
    fn run<C: Cloud>(&self, clock: RehearsalClock, cloud: C) {
        let (id, mut store, mut dice) = (RunId::from_bytes([7; 16]), MemoryStore::new(), Dice::new());
        let people = vec!["alice".to_owned()];
        let opening = opening(self.loaded.clone(), None, Mode::Rehearsal, people, "0".repeat(32), &mut dice);
        let sitter = Sitter { pid: 1, boot: String::new(), machine: "0".repeat(32), now: clock.now() };
        let seat = store.sit(&id, 1, &sitter).unwrap();
        let run = open::open(&mut store, &clock, &mut dice, &alone(), &id, opening).unwrap();
        let parts = Parts {
            store,
            cloud,
            clock,
            operator: Nobody { tell: |_: &_, _: &_| {}, patience: Patience::None },
            random: Box::new(dice),
            signer: Box::new(alone()),
            programs: Box::new(RealPrograms),
        };
        let mut executor = Executor::new(parts, run, seat.epoch());
        let stop = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(executor.drive()).unwrap();
        assert_eq!(stop.kind, StopKind::Done, "{stop:?}");
    }

    /// The same, each on a core of its own.
    fn on_two_cores(&self, run: impl Fn(&Stage) + Sync) {
        std::thread::scope(|threads| {
            (0..2).for_each(|_| drop(threads.spawn(|| run(self))));
        });
    }

    fn directly(&self) {
        let (wire, clock) = self.wire();
        self.run(clock.clone(), Direct(wire, clock));
    }

    fn through_the_sdk(&self) {
        let (wire, clock) = self.wire();
        let keys = wire.keys("management", "").unwrap();
        let profiles = BTreeMap::from([("management".to_owned(), keys)]);
        let inside = InProcess { server: wire, time: Arc::new(clock.clone()), profiles };
        self.run(clock, AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() }));
    }
}

/// Stands where the `aws` room stands: asks the simulator in AWS's JSON, and reads its answer.
struct Direct(Arc<Wire>, RehearsalClock);

impl Cloud for Direct {
    async fn open(&self, session: &SessionWanted) -> Result<Identity, SessionProblem> {
        let arn = "arn:aws:iam::111111111111:user/bench".to_owned();
        let endpoint = "http://simulator.invalid".to_owned();
        Ok(Identity { account: session.account.clone(), arn, kind: "user".to_owned(), endpoint })
    }
    fn forget(&self, _: &SessionWanted) {}
    async fn environment(&self, _: &SessionWanted) -> Result<Vec<(String, String)>, SessionProblem> {
        Ok(Vec::new())
    }
    async fn call(&self, call: &Call) -> Reply {
        let operation = call.action.trim_start_matches("organizations:");
        let header = |name: &str, value: String| (name.to_owned(), value);
        let scope = format!("AWS4-HMAC-SHA256 Credential={KEY}/20260105/us-east-1/organizations/aws4_request");
        let request = Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: vec![
                header("x-amz-target", format!("AWSOrganizationsV20161128.{operation}")),
                header("authorization", scope),
            ],
            body: serde_json::to_vec(&call.with).unwrap(),
        };
        let reply = self.0.simulator().handle(&request, Clock::now(&self.1)).reply;
        let Answer::Answer { status, body, .. } = reply else { panic!("{reply:?}") };
        let answer: Value = serde_json::from_slice(&body).unwrap_or(json!({}));
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let result = match status {
            200 => Ok(answer),
            _ => Err(Fault {
                code: text("__type"),
                reason: text("Reason"),
                message: text("Message"),
                class: Class::NotDone,
            }),
        };
        Reply { result, request_id: Some("bench".to_owned()), date: None }
    }
}

fn steps(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(folder.path());
    let (wire, clock) = stage.wire();
    stage.run(clock.clone(), Direct(Arc::clone(&wire), clock));
    let calls = wire.simulator().log().len();
    println!("{ITEMS} steps, {calls} calls; each run twice, on two cores");
    let mut group = criterion.benchmark_group("simulated steps");
    group.sample_size(10);
    let direct = measure(&mut group, "the aws room replaced", || stage.on_two_cores(Stage::directly));
    let sdk = measure(&mut group, "through the aws room", || stage.on_two_cores(Stage::through_the_sdk));
    group.finish();
    let rate = |took| 2.0 * ITEMS as f64 / seconds(took);
    println!("on two cores: {:.0} steps per second; through the aws room {:.0}", rate(direct), rate(sdk));
    ratio("steps per second with the aws room, to those without", rate(sdk) / rate(direct), "-");
}

/// The largest shipped runbooks, every cell, on all cores.
fn whole(_: &mut Criterion) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for name in ["build_organization", "shared_management_account"] {
        let runbook = PathBuf::from(format!("runbooks/{name}.toml"));
        let source = Source { runbook, values: None, people: None, set: Vec::new() };
        let case = Case::read(&source, None, &quiet()).unwrap_or_else(|error| panic!("{error:?}"));
        let began = Instant::now();
        let way = Way { threads, stop_at_first: false, tell: &|_, _| {} };
        let proof = case.with_script(|script| prove(script, &way)).unwrap();
        let took = seconds(began.elapsed());
        let cells = proof.count();
        assert!(proof.proved(), "{name}");
        println!(
            "{name}: {cells} cells in {took:.1} s on {threads} cores, {:.1} ms each (aim: under 60 s)",
            1e3 * took / cells as f64
        );
    }
}

/// The shipped runbook with so many accounts, all at the root of the old organization.
fn write(folder: &Path, accounts: usize) {
    let shipped = |name: &str| std::fs::read_to_string(Path::new("runbooks").join(name)).unwrap();
    let world = shipped("worlds/move_member_accounts.toml");
    let (head, tail) = (world.split("[[accounts]]\nid = \"111122223333\"").next().unwrap(), "# Keys of a simulator");
    let quotas = head
        .replace("account_quota = 50", "account_quota = 1000")
        .replace("daily_invites = 100", "daily_invites = 1000");
    let values = shipped("move_member_accounts.values.toml");
    let (mut world_text, mut values_text) = (quotas, values.split("[[accounts]]").next().unwrap().to_owned());
    for n in 0..accounts {
        let id = 300_000_000_000u64 + n as u64;
        values_text += &format!("[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\ntarget_ou = \"ou-ab12-11111111\"\n");
        world_text += &format!(
            "[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\nemail = \"a{n}@example.com\"\ncreated = \"700d\"\n\
             organization = \"o-oldorg11111\"\njoined_method = \"INVITED\"\njoined = \"500d\"\n\
             [[roles]]\naccount = \"{id}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n"
        );
    }
    world_text += &format!("{tail}{}", world.split(tail).nth(1).unwrap());
    std::fs::create_dir_all(folder.join("worlds")).unwrap();
    std::fs::write(folder.join("worlds/book.toml"), world_text).unwrap();
    std::fs::write(folder.join("book.values.toml"), values_text).unwrap();
    std::fs::write(folder.join("book.toml"), shipped("move_member_accounts.toml")).unwrap();
    std::fs::write(folder.join("people.toml"), shipped("people.toml")).unwrap();
}

fn cells(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cell");
    group.sample_size(10);
    for accounts in [3usize, 30, 300] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), accounts);
        let source = Source { runbook: folder.path().join("book.toml"), values: None, people: None, set: Vec::new() };
        let case = Case::read(&source, None, &quiet()).unwrap_or_else(|error| panic!("{error:?}"));
        case.with_script(|script| {
            let (_, played, tape) = script.play(false, true).unwrap();
            let stand = Stand::new(script, tape, &played.run).unwrap();
            let id = "accept:300000000001/accept".parse().unwrap();
            let step = played.run.plan.step(&id).unwrap().clone();
            group.bench_with_input(BenchmarkId::from_parameter(accounts), &accounts, |bencher, _| {
                bencher.iter(|| {
                    let (ended, _) = strike(&stand, &stand.track, &id, &step, Happens::KilledAfterIntent).unwrap();
                    assert_eq!(ended.came, Came::Done, "{}", ended.detail);
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps, cells, whole);
criterion_main!(benches);
