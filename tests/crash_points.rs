//! P7, P1, P8, P9: the shipped runbook, killed at every append and at every call and hit by every fault, comes to
//! the same end, with every effect exactly once. In this process, on the virtual clock, through the real SDK clients.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers of a test file are tests too

mod stage;

use countersign::base::{Digest, RunId};
use countersign::engine::next::StopKind;
use countersign::engine::port::{Call, ChainHead, Clock, Cloud, Store, StoreError};
use countersign::engine::state::Run;
use countersign::journal::MemoryStore;
use countersign::journal::faults::{Fault as Commit, FaultyStore};
use countersign::record::fact::{EndedBy, Fact, WaitFor};
use countersign::record::statement::Decides;
use countersign::rehearse::Played;
use countersign::run::RunError;
use countersign::simulator::{Fault, FaultKind, Lasting};
use stage::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The cells of one table: how many there were, and which did not end as they must.
#[derive(Default)]
struct Cells {
    count: usize,
    wrong: Vec<String>,
}

impl Cells {
    fn end(&mut self, theatre: &Stage, name: &str, result: Result<(), String>) {
        self.count += 1;
        if let Err(why) = result {
            self.wrong.push(format!("{name}: {why}\n{}", story(theatre)));
        }
    }

    fn judge(self, at_least: usize) {
        let shown: Vec<&String> = self.wrong.iter().take(8).collect();
        assert!(self.wrong.is_empty(), "{} of {} cells, such as {shown:#?}", self.wrong.len(), self.count);
        assert!(self.count >= at_least, "only {} cells", self.count);
    }
}

/// The person who sits down after cell `n`: mostly the one who sat there, now and then another.
fn next_person(n: usize, run: &Run) -> String {
    match n % 4 {
        3 => ["alice", "bob", "carol"][(n / 4) % 3].to_owned(),
        _ => run.signed_on.first().cloned().unwrap_or_else(|| "alice".to_owned()),
    }
}

/// How long it takes until somebody resumes (milliseconds).
fn later(n: usize) -> i64 {
    [0, 1_000, 40_000, 900_000][(n / 2) % 4]
}

/// Somebody resumes, and the run comes to the end of the play without faults.
fn resumed(theatre: &Stage, n: usize, base: &Base) -> Result<(), String> {
    let run = load(theatre);
    if run.closed.is_some() {
        return same(theatre, base);
    }
    let person = next_person(n, &run);
    theatre.clock.advance_to(Clock::now(&theatre.clock).plus(later(n)));
    same_end(theatre, resume(theatre, &person), base).map_err(|why| format!("{person} resumed: {why}"))
}

/// The end of the play without faults, and nothing asked or approved twice.
fn same_end(theatre: &Stage, played: Result<Played, RunError>, base: &Base) -> Result<(), String> {
    let played = played.map_err(|error| format!("it ended with an error: {error}"))?;
    if played.run.closed.as_deref() != Some("done") {
        return Err(format!("it stopped: {:?}", played.stop));
    }
    same(theatre, base)
}

fn same(theatre: &Stage, base: &Base) -> Result<(), String> {
    let (found, wanted) = (facts(theatre), &base.facts);
    if &found != wanted {
        return Err(format!("found {found:#?}\nwanted {wanted:#?}"));
    }
    Ok(())
}

#[test]
fn the_play_without_faults() {
    let base = base(3);
    assert_eq!(base.facts.problems, Vec::<String>::new());
    assert_eq!(base.facts.effects.len(), 9);
}

#[test]
fn killed_at_every_moment_and_resumed() {
    let base = base(3);
    let mut seen = BTreeSet::new();
    let mut cells = Cells::default();
    for moment in &base.moments {
        // A dead process leaves the journal and AWS: moments with the same two are one moment.
        if moment.size == 0 || !seen.insert((moment.size, moment.effects())) {
            continue;
        }
        let theatre = wake(&base.journal, moment);
        let result = resumed(&theatre, cells.count, base);
        cells.end(&theatre, &moment.name, result);
    }
    cells.judge(85);
}

/// COMMIT says that it failed: the process sends nothing more and leaves, whether the entries are there or not.
/// What it leaves is a moment at which a process can be killed, so that the table above goes on from there; every
/// fifth cell goes on to the end here too.
#[test]
fn a_commit_that_reports_an_error() {
    let base = base(3);
    let appends = base.moments.last().unwrap().appends;
    let moments: BTreeSet<(u64, usize)> = base.moments.iter().map(|one| (one.size, one.effects())).collect();
    let mut cells = Cells::default();
    for at in 0..appends {
        for fault in [Commit::UnknownKept, Commit::UnknownLost] {
            let start = base.start(|moment| moment.appends <= at);
            let mut theatre = start.stage();
            let watch = watch(&mut theatre, false);
            let faulty = FaultyStore::new(theatre.store.clone(), at - start.appends, fault);
            let played = start.play(&theatre, WatchedStore(Arc::clone(&watch), faulty)).map(|played| played.stop);
            let left = matches!(played, Err(RunError::Store(StoreError::Unknown(_))));
            let result = if !left || watch.calls_after_death() > 0 {
                Err(format!("it went on: {played:?}, {} calls", watch.calls_after_death()))
            } else if !moments.contains(&left_behind(&theatre)) {
                Err("what it left is no moment of the play".to_owned())
            } else if cells.count % 5 != 0 || theatre.store.head(&id()).unwrap().is_none() {
                Ok(())
            } else {
                resumed(&theatre, cells.count, base)
            };
            cells.end(&theatre, &format!("append {at}: {fault:?}"), result);
        }
    }
    cells.judge(150);
}

fn left_behind(theatre: &Stage) -> (u64, usize) {
    let size = theatre.store.head(&id()).unwrap().map_or(0, |head| head.size);
    (size, theatre.wire.simulator().effects().count())
}

/// What AWS, or the way to it, can do to a request.
fn faults() -> Vec<(&'static str, Vec<Fault>)> {
    let of = |kind| Fault::first("*", kind);
    let plain = [
        FaultKind::ResponseLost,
        FaultKind::RefusedBefore,
        FaultKind::ServerErrorBefore,
        FaultKind::ServerErrorAfter,
        FaultKind::Throttled,
        FaultKind::ConcurrentModification,
        FaultKind::SessionExpired,
        FaultKind::AccessDenied,
        FaultKind::Slow,
        FaultKind::StaleReads,
    ];
    let mut all: Vec<(&str, Vec<Fault>)> = plain.iter().map(|kind| (kind.name(), vec![of(*kind)])).collect();
    // As long as AWS may take to show a change: the world's `settles_within`.
    let stale = Fault { lasting: Lasting::Ms(1_000), ..of(FaultKind::StaleReads) };
    all.push(("response_lost, stale", vec![of(FaultKind::ResponseLost), stale]));
    all
}

/// One fault at call `m` of the play; then it goes on.
fn struck(base: &'static Base, m: u64, name: &str, faults: &[Fault], n: usize) -> (Stage, Result<(), String>) {
    let start = base.start(|moment| moment.calls <= m);
    let theatre = start.stage();
    for fault in faults {
        theatre.wire.simulator().add_fault(Fault { nth: m - start.calls + 1, ..fault.clone() });
    }
    let played = start.play(&theatre, theatre.store.clone());
    let result = match &played {
        Ok(played) if played.run.closed.is_none() && name == "access_denied" => denied(&theatre, played, base, n),
        _ => same_end(&theatre, played, base),
    };
    (theatre, result)
}

/// AWS said no: the run stops with clear words. When the reason is gone, a new attempt with new approvals goes on.
fn denied(theatre: &Stage, played: &Played, base: &Base, n: usize) -> Result<(), String> {
    let (stop, before) = (&played.stop, facts(theatre));
    if !before.problems.is_empty() || !stop.why.contains("AccessDenied") {
        return Err(format!("{stop:?} {:?}", before.problems));
    }
    match stop.kind {
        // A read: nothing is spent, the same approvals hold.
        StopKind::Refused => resumed(theatre, 4 * n, base),
        StopKind::Failed => {
            let mut wanted = base.facts.clone();
            let person = played.run.signed_on.first().cloned().unwrap_or_default();
            let played = resume(theatre, &person).map_err(|error| error.to_string())?;
            let found = facts(theatre);
            let second = found.asked.iter().filter(|asked| asked.ends_with(" 2")).count();
            wanted.asked = found.asked.clone();
            (wanted.approvals, wanted.ends) = (found.approvals, found.ends.clone());
            match found == wanted && second == 1 {
                true => Ok(()),
                false => Err(format!("{:?} found {found:#?}\nwanted {wanted:#?}", played.stop)),
            }
        }
        _ => Err(format!("{stop:?}")),
    }
}

fn every_fault_at(base: &'static Base, meant: impl Fn(&str, u64, usize) -> bool) -> Cells {
    let mut cells = Cells::default();
    let before = base.moments.iter().filter(|moment| moment.name.starts_with("before call"));
    for moment in before {
        for (k, (name, faults)) in faults().iter().enumerate() {
            if meant(&moment.name, moment.calls, k) {
                let (theatre, result) = struck(base, moment.calls, name, faults, cells.count);
                cells.end(&theatre, &format!("{name} {}", moment.name), result);
            }
        }
    }
    cells
}

fn changes(name: &str) -> bool {
    ["InviteAccount", "AcceptHandshake", "MoveAccount"].iter().any(|action| name.contains(action))
}

#[test]
fn every_fault_at_every_change() {
    every_fault_at(base(3), |name, _, _| changes(name)).judge(99);
}

#[test]
fn every_fault_at_every_read() {
    every_fault_at(base(1), |name, _, _| !changes(name)).judge(200);
}

/// Three accounts, every read, one kind of fault each in turn.
#[test]
fn some_fault_at_every_read_of_three_accounts() {
    every_fault_at(base(3), |name, m, k| !changes(name) && m % 11 == k as u64).judge(60);
}

/// The base play's moment right before the first append that holds `kind` at or after `nth` of them.
fn before(base: &'static Base, kind: &str, nth: usize) -> &'static Moment {
    let begins = |moment: &&Moment| moment.name.starts_with("before append") && moment.name.contains(kind);
    base.moments.iter().filter(begins).nth(nth).unwrap()
}

/// In a play of three accounts: invitations are the changes 0 to 2, acceptances 3 to 5, placements 6 to 8.
const ACCEPT: usize = 3;
const ACCEPTED: &str = "accept:111122223333/accept";

/// The play up to right before an intent, then with these faults.
fn up_to(nth: usize, faults: &[(&str, FaultKind, u64)]) -> Stage {
    let theatre = wake(&base(3).journal, before(base(3), "intended", nth));
    for (on, kind, times) in faults {
        theatre.wire.simulator().add_fault(Fault { times: *times, ..Fault::first(on, *kind) });
    }
    theatre
}

fn kinds(entries: &[countersign::record::Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.fact {
            Fact::Intended(fact) => format!("intended {}.{}", fact.attempt, fact.r#try),
            Fact::Outcome(fact) => format!("outcome {:?} by {:?}", fact.result, fact.found),
            Fact::Observed(fact) => {
                format!("{} read {} e{}: {:?}", entry.by.clone().unwrap(), fact.side, entry.epoch, fact.reading)
            }
            Fact::Asked(fact) => format!("asked {} again {:?}", fact.attempt, fact.again),
            other => other.kind().to_owned(),
        })
        .collect()
}

/// Each side is read where there are credentials for it, and nothing is sent before both have spoken.
#[test]
fn doubt_is_settled_by_its_probe_from_two_seats() {
    let theatre = up_to(ACCEPT, &[("organizations:AcceptHandshake", FaultKind::ResponseLost, 1)]);
    let mut bob = sit(&theatre, "bob");
    let stop = drive(&theatre, &mut bob).unwrap();
    assert_eq!((stop.kind, stop.what), (StopKind::InDoubt, Some(WaitFor::Session)), "{stop:?}");
    assert_eq!(stop.people, ["alice"]);
    // Bob again changes nothing: the other side is still unread.
    let changes = theatre.wire.simulator().effects().count();
    assert_eq!(drive(&theatre, &mut bob).unwrap().kind, StopKind::InDoubt);
    drop(bob);
    let played = resume(&theatre, "alice");
    same_end(&theatre, played, base(3)).unwrap();
    assert_eq!(changes, 4);
    let told = kinds(&of_step(&theatre, ACCEPTED));
    let end: Vec<&str> = told.iter().rev().take(5).rev().map(String::as_str).collect();
    assert_eq!(end[0], "intended 1.1");
    assert_eq!(end[1], "outcome InDoubt by Answer");
    assert!(end[2].starts_with("bob read member") && end[2].ends_with("Done"), "{told:#?}");
    assert!(end[3].starts_with("alice read management") && end[3].ends_with("Done"), "{told:#?}");
    assert_eq!(end[4], "outcome Done by Probe");
}

/// Nothing happened: both sides say so twice, late enough, and only then the same attempt tries again.
#[test]
fn doubt_that_turns_out_not_done_is_tried_again_without_new_approvals() {
    let theatre = up_to(ACCEPT, &[("organizations:AcceptHandshake", FaultKind::ServerErrorBefore, 1)]);
    same_end(&theatre, resume(&theatre, "bob"), base(3)).unwrap();
    let all = of_step(&theatre, ACCEPTED);
    let told = kinds(&all);
    let reads = |side: &str| told.iter().filter(|one| one.contains(side) && one.ends_with("NotDone")).count();
    assert!(reads("member") >= 2 && reads("management") >= 2, "{told:#?}");
    let not_done = told.iter().position(|one| one == "outcome NotDone by Probe").unwrap();
    assert_eq!(told[not_done + 1], "intended 1.2");
    let Fact::Intended(second) = &all[not_done + 1].fact else { panic!("{told:#?}") };
    assert_eq!((second.consumes.len(), second.first.is_some()), (0, true));
}

/// A store under which something happens right after an append of this kind.
struct Then<F> {
    inner: countersign::journal::MemoryStore,
    kind: &'static str,
    happens: Option<F>,
}

impl<F: FnOnce()> Store for Then<F> {
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
        self.inner.append(run, expected, epoch, lines, objects)?;
        if lines.iter().any(|line| line.contains(&format!("\"kind\":\"{}\"", self.kind)))
            && let Some(happens) = self.happens.take()
        {
            happens();
        }
        Ok(())
    }
}

/// The machine sleeps between intent and call: too late is not sent, and the attempt tries again.
#[test]
fn what_comes_too_late_is_not_sent() {
    let base = base(3);
    for (sleeps, again) in [(31_000, false), (40 * 3_600_000, true)] {
        let mut theatre = up_to(ACCEPT, &[]);
        let watch = watch(&mut theatre, false);
        let clock = theatre.clock.clone();
        let mut sent_then = None;
        let mut store = Then {
            inner: theatre.store.clone(),
            kind: "intended",
            happens: Some(|| {
                sent_then = Some(watch.calls.load(std::sync::atomic::Ordering::SeqCst));
                clock.advance_to(Clock::now(&clock).plus(sleeps));
            }),
        };
        let seated = theatre.sit(&mut store, &["bob".to_owned()]).unwrap();
        let played = block_on(theatre.play(store, seated)).unwrap();
        assert!(sent_then.is_some());
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}\n{}", played.stop, story(&theatre));
        let found = facts(&theatre);
        assert_eq!((&found.effects, &found.problems), (&base.facts.effects, &base.facts.problems));
        let told = kinds(&of_step(&theatre, ACCEPTED));
        assert!(told.contains(&"outcome NotDone by Executor".to_owned()), "{told:#?}");
        // Past run-by nothing is tried on the old approvals.
        assert_eq!(found.asked.iter().filter(|asked| asked.starts_with(ACCEPTED)).count(), 1 + usize::from(again));
        let second = if again { "intended 2.1" } else { "intended 1.2" };
        assert!(told.contains(&second.to_owned()), "{told:#?}");
    }
}

#[test]
fn a_second_executor_is_refused() {
    let theatre = up_to(ACCEPT, &[]);
    let first = sit(&theatre, "bob");
    let size = theatre.store.head(&id()).unwrap().unwrap().size;
    let second = theatre.sit(&mut theatre.store.clone(), &["bob".to_owned()]);
    let why = second.err().unwrap().to_string();
    assert!(why.contains("another executor"), "{why}");
    assert_eq!(theatre.store.head(&id()).unwrap().unwrap().size, size);
    drop(first);
    sit(&theatre, "bob");
}

/// A seat that lost its lease appends nothing, and sends nothing even if its intent was in time.
#[test]
fn a_stale_epoch_is_fenced() {
    let theatre = up_to(ACCEPT, &[]);
    let mut old = sit(&theatre, "bob");
    let old_run = old.run.clone();
    let epoch = old.seat.epoch();
    drop(old.seat);
    let newer = sit(&theatre, "bob");
    old = countersign::rehearse::theatre::Seated { seat: newer.seat, run: old_run };
    let mut actor = theatre.actor(theatre.store.clone(), old.run.clone(), epoch);
    let stopped = block_on(actor.drive());
    assert!(matches!(stopped, Err(RunError::Store(StoreError::Fenced))), "{stopped:?}");
}

#[test]
fn a_seat_taken_over_between_intent_and_call_sends_nothing() {
    let theatre = up_to(ACCEPT, &[]);
    let mut seated = sit(&theatre, "bob");
    let lock = seated.seat;
    let epoch = lock.epoch();
    let mut hold = Some(lock);
    let mut newer = None;
    let effects = theatre.wire.simulator().effects().count();
    let store = Then {
        inner: theatre.store.clone(),
        kind: "intended",
        happens: Some(|| {
            drop(hold.take());
            newer = Some(sit(&theatre, "bob"));
        }),
    };
    let mut actor = theatre.actor(store, seated.run.clone(), epoch);
    let stopped = block_on(actor.drive());
    drop(actor);
    assert!(matches!(stopped, Err(RunError::Store(StoreError::Fenced))), "{stopped:?}");
    assert_eq!(theatre.wire.simulator().effects().count(), effects);
    seated = newer.unwrap();
    let store = theatre.store.clone();
    same_end(&theatre, block_on(theatre.play(store, seated)), base(3)).unwrap();
}

/// Open requests, and everything that was ever asked over this.
fn asked_over(theatre: &Stage, covers: &str) -> (Vec<u64>, Vec<(u64, Vec<u64>)>) {
    let run = load(theatre);
    let over = run.requests.values().filter(|request| request.asked.covers == covers);
    let live = over.clone().filter(|request| request.is_live()).map(|request| request.seq).collect();
    (live, over.map(|request| (request.seq, request.asked.again.clone())).collect())
}

/// At the moment when the acceptances have just been asked for, nobody has decided.
fn asked_to_accept() -> Stage {
    wake(&base(3).journal, before(base(3), "(waiting)", 2))
}

#[test]
fn a_denial_ends_the_request_and_the_seat_stops() {
    let theatre = asked_to_accept();
    let mut bob = sit(&theatre, "bob");
    assert_eq!(drive(&theatre, &mut bob).unwrap().what, Some(WaitFor::Approval));
    let (live, _) = asked_over(&theatre, ACCEPTED);
    let mut store = theatre.store.clone();
    assert!(theatre.decide(&mut store, &mut bob.run, live[0], "carol", Decides::Deny).unwrap());
    let effects = theatre.wire.simulator().effects().count();
    for _ in 0..2 {
        let stop = drive(&theatre, &mut bob).unwrap();
        assert_eq!(stop.kind, StopKind::Refused, "{stop:?}");
        assert!(stop.why.contains("carol denied it"), "{stop:?}");
    }
    assert_eq!(theatre.wire.simulator().effects().count(), effects);
    assert_eq!(asked_over(&theatre, ACCEPTED).0, Vec::<u64>::new());
    drop(bob);
    // A new sitting asks again, and names the request that was denied.
    let played = resume(&theatre, "bob").unwrap();
    assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}", played.stop);
    let (_, all) = asked_over(&theatre, ACCEPTED);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].1, [live[0]]);
    let found = facts(&theatre);
    assert_eq!((found.problems, found.effects), (Vec::new(), base(3).facts.effects.clone()));
}

/// A journal that takes nothing more, and can be read.
struct Full(MemoryStore);

impl Store for Full {
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
        _: &RunId,
        _: Option<ChainHead>,
        _: Option<u64>,
        _: &[String],
        _: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        Err(StoreError::Io("the disk is full".to_owned()))
    }
}

/// Who decides goes ahead of the journal for a moment: where the journal does not follow, nothing is left of it.
#[test]
fn a_decision_that_the_journal_did_not_take_can_be_made_again() {
    let theatre = asked_to_accept();
    let mut bob = sit(&theatre, "bob");
    drive(&theatre, &mut bob).unwrap();
    let (live, _) = asked_over(&theatre, ACCEPTED);
    let mut full = Full(theatre.store.clone());
    let lost = theatre.decide(&mut full, &mut bob.run, live[0], "carol", Decides::Approve);
    assert!(matches!(lost, Err(RunError::Store(StoreError::Io(_)))), "{lost:?}");
    let before = load(&theatre).size();
    assert!(theatre.decide(&mut theatre.store.clone(), &mut bob.run, live[0], "carol", Decides::Approve).unwrap());
    let now = load(&theatre);
    assert_eq!((now.size(), bob.run.size(), bob.run.leaf), (before + 1, now.size(), now.leaf));
}

#[test]
fn approvals_that_expire_are_asked_for_again() {
    for approved in [false, true] {
        let theatre = asked_to_accept();
        let mut bob = sit(&theatre, "bob");
        drive(&theatre, &mut bob).unwrap();
        let (live, _) = asked_over(&theatre, ACCEPTED);
        if approved {
            theatre.approve(&mut theatre.store.clone(), &mut bob.run).unwrap();
        }
        theatre.clock.advance_to(Clock::now(&theatre.clock).plus(3 * 86_400_000));
        let stop = drive(&theatre, &mut bob).unwrap();
        assert_eq!(stop.what, Some(WaitFor::Approval), "{stop:?}");
        let (_, all) = asked_over(&theatre, ACCEPTED);
        assert_eq!(all.last().unwrap().1, live, "{all:?}");
        drop(bob);
        let played = resume(&theatre, "bob").unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}\n{}", played.stop, story(&theatre));
        let found = facts(&theatre);
        assert_eq!((found.problems, found.effects), (Vec::new(), base(3).facts.effects.clone()));
        assert!(found.ends.contains(&EndedBy::Expired));
    }
}

/// Somebody else moved the account in between: what was approved rests on another state.
#[test]
fn an_anchor_that_changed_ends_the_request() {
    let theatre = up_to(ACCEPT, &[]);
    let bob = sit(&theatre, "bob");
    let cloud = theatre.cloud(&bob.run);
    let step = ACCEPTED.parse().unwrap();
    let now = Clock::now(&theatre.clock);
    let session = countersign::engine::session::wanted(&bob.run, "old_management", &step, now).unwrap();
    let with = serde_json::json!({
        "AccountId": ACCOUNTS[0], "SourceParentId": "ou-old1-11111111", "DestinationParentId": "ou-old1-22222222"
    });
    let action = "organizations:MoveAccount".to_owned();
    let call = Call { session, action, with, time_limit_ms: 2_000, secret_to: serde_json::Value::Null };
    block_on(cloud.call(&call)).result.unwrap();
    let store = theatre.store.clone();
    let played = block_on(theatre.play(store, bob)).unwrap();
    assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}\n{}", played.stop, story(&theatre));
    let found = facts(&theatre);
    assert_eq!(found.problems, Vec::<String>::new());
    assert!(found.ends.contains(&EndedBy::AnchorChanged), "{:?}", found.ends);
    let (_, all) = asked_over(&theatre, ACCEPTED);
    assert_eq!((all.len(), all[1].1.clone()), (2, vec![all[0].0]));
    assert_eq!(theatre.wire.simulator().effects().count(), 10);
}

/// No read tells: the performer says how it is, a second person agrees, and only then it counts.
#[test]
fn people_settle_what_no_probe_can_tell() {
    for (kind, word) in [(FaultKind::ResponseLost, "done"), (FaultKind::ServerErrorBefore, "not_done")] {
        let theatre = up_to(
            ACCEPT,
            &[
                ("organizations:AcceptHandshake", kind, 1),
                ("organizations:DescribeHandshake", FaultKind::AccessDenied, 1_000),
            ],
        );
        let stopped = resume(&theatre, "bob").unwrap();
        assert_eq!((stopped.stop.kind, stopped.stop.what), (StopKind::InDoubt, Some(WaitFor::Settle)));
        drop(stopped);
        let step = ACCEPTED.parse().unwrap();
        let mut bob = sit(&theatre, "bob");
        let effects = theatre.wire.simulator().effects().count();
        settle(&theatre, "bob", &step, word, serde_json::json!({"Handshake": {"State": "ACCEPTED"}}));
        let stop = drive(&theatre, &mut bob).unwrap();
        assert_eq!((stop.kind, stop.what), (StopKind::InDoubt, Some(WaitFor::Approval)), "{stop:?}");
        assert!(!stop.people.contains(&"bob".to_owned()) && !stop.people.is_empty(), "{stop:?}");
        assert_eq!(theatre.wire.simulator().effects().count(), effects);
        // Who performed it can't be the second person.
        let (live, _) = asked_over(&theatre, ACCEPTED);
        let mut store = theatre.store.clone();
        let own = theatre.decide(&mut store, &mut bob.run, live[0], "bob", Decides::Approve);
        assert!(!matches!(own, Ok(true)), "bob agreed with himself");
        assert!(theatre.decide(&mut store, &mut bob.run, live[0], "carol", Decides::Approve).unwrap());
        drop(bob);
        theatre.wire.simulator().forget_faults();
        let played = resume(&theatre, "bob").unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}\n{}", played.stop, story(&theatre));
        let found = facts(&theatre);
        assert_eq!((found.problems, found.effects), (Vec::new(), base(3).facts.effects.clone()), "{word}");
        let told = kinds(&of_step(&theatre, ACCEPTED));
        let wanted = if word == "done" { "outcome Done by Word" } else { "outcome NotDone by Word" };
        assert!(told.contains(&wanted.to_owned()), "{told:#?}");
        assert_eq!(told.contains(&"intended 2.1".to_owned()), word == "not_done", "{told:#?}");
    }
}

/// The play up to where all accounts but the last are placed.
fn nearly_done(accounts: usize) -> Stage {
    let base = base(accounts);
    wake(&base.journal, before(base, "intended", 3 * accounts - 1))
}

/// As it was before the run: every account in its old place, no invitation out, everything regained.
fn as_before(theatre: &Stage, played: &Played) -> Result<(), String> {
    if played.run.closed.as_deref() != Some("rolled_back") {
        return Err(format!("it stopped: {:?}", played.stop));
    }
    let (found, fresh) = (facts(theatre), facts_of_aws(&stage::theatre(3)));
    let regained = entries(&theatre.store).into_iter().filter_map(|entry| match entry.fact {
        Fact::AnchorRegained(fact) => Some(fact),
        _ => None,
    });
    let differs: Vec<String> = regained.flat_map(|fact| fact.differs).collect();
    if (&found.places, found.pending) != (&fresh.0, fresh.1) || !found.problems.is_empty() || !differs.is_empty() {
        return Err(format!("{found:#?}\n{fresh:#?}\n{differs:#?}"));
    }
    Ok(())
}

/// Back to the beginning; and the same, killed at every moment and resumed.
#[test]
fn rolled_back_to_the_beginning_killed_at_every_moment() {
    let mut theatre = nearly_done(2);
    let watch = watch(&mut theatre, true);
    let store = WatchedStore(Arc::clone(&watch), theatre.store.clone());
    let played = roll_back(&theatre, store, "alice", "").unwrap();
    as_before(&theatre, &played).map_err(|why| format!("{why}\n{}", story(&theatre))).unwrap();
    let whole = facts(&theatre);
    let started = |size: u64| load_at(&theatre.store, size).rollback.is_some();
    let mut seen = BTreeSet::new();
    let mut cells = Cells::default();
    for moment in watch.tape.as_ref().unwrap().moments() {
        if !seen.insert((moment.size, moment.effects())) || !started(moment.size) {
            continue;
        }
        let woken = wake(&theatre.store, &moment);
        let person = next_person(4 * cells.count, &load(&woken));
        woken.clock.advance_to(moment.now.plus(later(cells.count)));
        let result = resume(&woken, &person).map_err(|error| error.to_string()).and_then(|played| {
            as_before(&woken, &played)?;
            let found = facts(&woken);
            match (&found.effects, &found.asked, found.approvals) == (&whole.effects, &whole.asked, whole.approvals) {
                true => Ok(()),
                false => Err(format!("{found:#?}\n{whole:#?}")),
            }
        });
        cells.end(&woken, &moment.name, result);
    }
    cells.judge(50);
}

#[test]
fn three_accounts_rolled_back_to_the_beginning() {
    let theatre = nearly_done(3);
    let played = roll_back(&theatre, theatre.store.clone(), "alice", "").unwrap();
    as_before(&theatre, &played).map_err(|why| format!("{why}\n{}", story(&theatre))).unwrap();
}

/// Back to an anchor, forward again from there with new approvals, to the end.
#[test]
fn forward_again_after_a_partial_rollback() {
    for (person, to) in [("alice", "place"), ("alice", "place:222233334444"), ("alice", "invite:111122223333")] {
        let theatre = nearly_done(3);
        let stopped = roll_back(&theatre, theatre.store.clone(), person, to).unwrap();
        let stop = stopped.stop.clone();
        assert_eq!((stop.kind, stop.what), (StopKind::Waiting, Some(WaitFor::Performer)), "{to}: {stop:?}");
        drop(stopped);
        let played = resume(&theatre, person).unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{to}: {:?}\n{}", played.stop, story(&theatre));
        let found = facts(&theatre);
        assert_eq!((&found.problems, &found.places), (&Vec::new(), &base(3).facts.places), "{to}");
        assert!(found.asked.iter().any(|asked| asked.ends_with(" 2")), "{to}: {:?}", found.asked);
    }
}

/// An acceptance that was taken back used its invitation up: the way is a longer rollback, and is named.
#[test]
fn what_was_used_up_names_the_way() {
    let theatre = nearly_done(3);
    let stopped = roll_back(&theatre, theatre.store.clone(), "bob", "accept:111122223333").unwrap();
    assert_eq!(stopped.stop.what, Some(WaitFor::Performer), "{:?}", stopped.stop);
    drop(stopped);
    let played = resume(&theatre, "bob").unwrap();
    assert_eq!(played.stop.kind, StopKind::Refused, "{:?}", played.stop);
    assert!(played.stop.why.contains("countersign rollback --to invite:111122223333"), "{}", played.stop.why);
    drop(played);
    let stopped = roll_back(&theatre, theatre.store.clone(), "alice", "invite:111122223333").unwrap();
    drop(stopped);
    let played = resume(&theatre, "alice").unwrap();
    assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}\n{}", played.stop, story(&theatre));
    let found = facts(&theatre);
    assert_eq!((&found.problems, &found.places), (&Vec::new(), &base(3).facts.places));
}

/// Entries never go back in time, and a clock that was set is noted.
#[test]
fn a_clock_that_is_set_while_a_seat_waits() {
    for ms in [-10 * 60_000, 10 * 60_000] {
        let theatre = up_to(ACCEPT, &[]);
        let mut bob = sit(&theatre, "bob");
        // The first sitting ends where the others are asked; by then the seat has compared its clocks.
        let before = facts(&theatre).problems;
        theatre.clock.set_off(ms);
        let stop = drive(&theatre, &mut bob);
        assert!(stop.is_ok(), "{stop:?}");
        drop(bob);
        let played = resume(&theatre, "alice").unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{:?}", played.stop);
        let found = facts(&theatre);
        assert_eq!((before.len(), &found.problems), (0, &base(3).facts.problems));
        assert_eq!(found.effects, base(3).facts.effects);
        let all = entries(&theatre.store);
        assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let noted = all.iter().any(|entry| entry.fact.kind() == "resumed");
        assert_eq!(noted, ms < 0, "a clock that stands behind the journal is noted");
    }
}
