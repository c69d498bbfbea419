//! Durable steps against a floor of bare SQLite commits (WAL, `synchronous=FULL`, rows of the same size, the same file
//! system, the same minute): one after another, and 64 items at once. Real executor, real journal, a canned cloud.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a bench")]

use countersign::base::{Digest, RunId, Time};
use countersign::catalogue::Class;
use countersign::cli::load::{self, Loaded, Sources};
use countersign::engine::next::StopKind;
use countersign::engine::port::{
    Call, ChainHead, Clock, Cloud, Fault, Identity, Random, Reply, SessionProblem, SessionWanted, Store, StoreError,
};
use countersign::engine::state::Basis;
use countersign::journal::{Journal, Sitter};
use countersign::keys::SoftSigner;
use countersign::operator::Patience;
use countersign::operator::nobody::Nobody;
use countersign::record::fact::{Mode, RunOpened};
use countersign::run::command::RealPrograms;
use countersign::run::{Executor, Parts, load as load_run, open};
use countersign::sshsig::KeyKind;
use criterion::{Criterion, Throughput};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

const ITEMS: usize = 128;

/// A user for each item: anchor, intent, outcome, seen; no approvals, which people would have to give.
fn book(at_once: usize) -> String {
    let all: Vec<String> = (0..ITEMS).map(|n| format!("\"user{n:04}\"")).collect();
    format!(
        "schema = 1\n[runbook]\nname = \"steps\"\ntitle = \"Make users\"\nversion = \"1.0.0\"\n\
         [roles]\nadmin = {{ title = \"Administrator\", party = \"one\" }}\n\
         [sessions]\nmanagement = {{ account = \"111111111111\", used_by = [\"admin\"], kinds = [\"user\"] }}\n\
         [[stages]]\nid = \"make\"\nfor_each = [{}]\nkey = \"${{item}}\"\nat_once = {at_once}\nperformer = \"admin\"\n\
         session = \"management\"\n[stages.anchor]\n\
         prove = [{{ action = \"iam:GetUser\", with = {{ UserName = \"${{item}}\" }}, expect_error = \"NoSuchEntity\" }}]\n\
         [[stages.steps]]\nid = \"user\"\naction = \"iam:CreateUser\"\nwith = {{ UserName = \"${{item}}\" }}\nundo = \"usual\"\n",
        all.join(", ")
    )
}

/// Remembers who was made; answers on the next poll, as a connection would.
#[derive(Default)]
struct Canned(RefCell<BTreeSet<String>>);

impl Cloud for Canned {
    async fn open(&self, session: &SessionWanted) -> Result<Identity, SessionProblem> {
        let arn = "arn:aws:iam::111111111111:user/bench".to_owned();
        let endpoint = "http://127.0.0.1:1".to_owned();
        Ok(Identity { account: session.account.clone(), arn, kind: "user".to_owned(), endpoint })
    }
    fn forget(&self, _: &SessionWanted) {}
    async fn environment(&self, _: &SessionWanted) -> Result<Vec<(String, String)>, SessionProblem> {
        Ok(Vec::new())
    }
    async fn call(&self, call: &Call) -> Reply {
        tokio::task::yield_now().await;
        let name = call.with["UserName"].as_str().unwrap_or_default().to_owned();
        if call.action == "iam:CreateUser" {
            self.0.borrow_mut().insert(name.clone());
        }
        let result = match self.0.borrow().contains(&name) {
            true => {
                Ok(json!({"User": {"UserName": name, "Path": "/", "UserId": "AIDA1", "Arn": "arn:aws:iam::1:user/x"}}))
            }
            false => Err(Fault {
                code: "NoSuchEntity".to_owned(),
                reason: String::new(),
                message: "there is no such user".to_owned(),
                class: Class::NotDone,
            }),
        };
        Reply { result, request_id: Some("bench".to_owned()), date: None }
    }
}

struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> Time {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Time(i64::try_from(now.as_millis()).unwrap())
    }
    fn mono(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
    async fn sleep(&self, ms: i64) {
        tokio::time::sleep(Duration::from_millis(ms.max(0) as u64)).await;
    }
}

struct Dice;

impl Random for Dice {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| rand::random()).collect()
    }
}

/// Counts what goes into the journal.
struct Counted<'a>(Journal, &'a Tally);

#[derive(Default)]
struct Tally {
    commits: Cell<u64>,
    entries: Cell<u64>,
    bytes: Cell<u64>,
}

impl Store for Counted<'_> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.0.head(run)
    }
    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.0.read_from(run, seq)
    }
    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.object(digest)
    }
    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let bytes = lines.iter().map(String::len).sum::<usize>() + objects.iter().map(|(_, b)| b.len()).sum::<usize>();
        self.1.commits.set(self.1.commits.get() + 1);
        self.1.entries.set(self.1.entries.get() + lines.len() as u64);
        self.1.bytes.set(self.1.bytes.get() + bytes as u64);
        self.0.append(run, expected, epoch, lines, objects)
    }
}

fn loaded(folder: &Path, at_once: usize) -> Loaded {
    let signer = SoftSigner::rehearsal([("alice", KeyKind::Ed25519)]);
    let key = countersign::engine::port::Signer::sign(&signer, "alice", "x", "x").unwrap().1;
    let people = format!(
        "schema = 1\n[people.alice]\nname = \"Alice\"\nparty = \"one\"\nroles = [\"admin\"]\nkeys = [\"{key}\"]\n"
    );
    std::fs::write(folder.join("book.toml"), book(at_once)).unwrap();
    std::fs::write(folder.join("people.toml"), people).unwrap();
    let sources = Sources {
        runbook: folder.join("book.toml"),
        people: Some(folder.join("people.toml")),
        rehearsal: true,
        ..Sources::default()
    };
    load::plan(&sources, None).unwrap_or_else(|error| panic!("{}", error.message))
}

/// One run of all items in a journal of its own: how long the driving took, and what was written.
fn run(folder: &Path, loaded: &Loaded, tally: &Tally) -> Duration {
    let file = tempfile::Builder::new().prefix("journal").tempdir_in(folder).unwrap();
    let mut journal = Journal::open_or_create(&file.path().join("countersign.db")).unwrap();
    let id = RunId::from_bytes(rand::random());
    let clock = Wall(Instant::now());
    let sitter = Sitter { pid: 1, boot: String::new(), machine: "0".repeat(32), now: clock.now() };
    let seat = journal.sit(&id, 1, &sitter).unwrap();
    let signer = SoftSigner::rehearsal([("alice", KeyKind::Ed25519)]);
    let texts = [&loaded.runbook_bytes, &loaded.values_bytes, &loaded.plan_bytes, &loaded.people_bytes];
    let objects: BTreeMap<Digest, Vec<u8>> =
        texts.into_iter().map(|bytes| (Digest::of(bytes), bytes.clone())).collect();
    let opened = RunOpened {
        runbook: Digest::of(&loaded.runbook_bytes),
        values: Digest::of(&loaded.values_bytes),
        plan: Digest::of(&loaded.plan_bytes),
        people: Digest::of(&loaded.people_bytes),
        people_signatures: None,
        mode: Mode::Rehearsal,
        program: "bench".to_owned(),
        host: String::new(),
        random: "0".repeat(64),
        paths: BTreeMap::new(),
    };
    let basis = Basis {
        plan: loaded.plan.clone(),
        people: loaded.people.clone(),
        values: load_run::read_values(&loaded.values_bytes).unwrap(),
        secrets: BTreeMap::new(),
        files: json!({}),
    };
    let objects = objects.into_iter().collect();
    let opening = open::Opening { opened, basis, objects, people: vec!["alice".to_owned()], machine: "0".repeat(32) };
    let run = open::open(&mut journal, &clock, &mut Dice, &signer, &id, opening).unwrap();
    let parts = Parts {
        store: Counted(journal, tally),
        cloud: Canned::default(),
        clock,
        operator: Nobody { tell: |_: &_, _: &_| {}, patience: Patience::None },
        random: Box::new(Dice),
        signer: Box::new(signer),
        programs: Box::new(RealPrograms),
    };
    let mut executor = Executor::new(parts, run, seat.epoch());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let began = Instant::now();
    let stop = runtime.block_on(executor.drive()).unwrap();
    let took = began.elapsed();
    assert_eq!(stop.kind, StopKind::Done, "{stop:?}");
    took
}

/// Bare commits of one row each.
fn floor(folder: &Path, commits: u64, bytes: usize) -> Duration {
    let file = tempfile::Builder::new().prefix("floor").tempdir_in(folder).unwrap();
    let base = rusqlite::Connection::open(file.path().join("floor.db")).unwrap();
    let _: String = base.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    base.execute_batch("PRAGMA synchronous = FULL; CREATE TABLE entry (run TEXT NOT NULL, seq INTEGER NOT NULL, line TEXT NOT NULL, PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID;").unwrap();
    let line = "x".repeat(bytes);
    let began = Instant::now();
    for seq in 0..commits {
        base.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(rusqlite::params!["0123456789abcdef", seq as i64, line]))
            .unwrap();
    }
    began.elapsed()
}

fn main() {
    let folder = tempfile::Builder::new().prefix("steps").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut criterion = Criterion::default().configure_from_args().without_plots().sample_size(10);
    let mut rates: BTreeMap<&str, f64> = BTreeMap::new();
    let mut size = 1_000;
    for (name, at_once) in [("one after another", 1), ("64 at once", 64)] {
        let loaded = loaded(folder.path(), at_once);
        let mut group = criterion.benchmark_group("durable steps");
        group.throughput(Throughput::Elements(ITEMS as u64));
        group.bench_function(name, |bench| {
            bench.iter_custom(|times| {
                let tally = Tally::default();
                let took: Duration = (0..times).map(|_| run(folder.path(), &loaded, &tally)).sum();
                let commits = tally.commits.get();
                if at_once == 1 {
                    size = (tally.bytes.get() / commits.max(1)) as usize;
                }
                // Each entry was durable before the next thing was done; 64 at once share their commits.
                rates.insert(name, tally.entries.get() as f64 / took.as_secs_f64());
                let bare = floor(folder.path(), commits.min(1_000), size);
                rates.insert("bare commits", commits.min(1_000) as f64 / bare.as_secs_f64());
                if at_once == 1 {
                    rates.insert("commits", commits as f64 / took.as_secs_f64());
                    rates.insert("floor of one", rates["bare commits"]);
                }
                took
            });
        });
        group.finish();
    }
    println!("bare commits: {:.0}/s, rows of {size} bytes", rates["bare commits"]);
    println!("one after another: {:.2} of the floor (commits per second)", rates["commits"] / rates["floor of one"]);
    println!("64 at once: {:.2} of the floor (entries per second)", rates["64 at once"] / rates["bare commits"]);
    criterion.final_summary();
}
