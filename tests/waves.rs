//! Several items at once (`at_once`): killed at every append and at every call, group commits included, a run comes to
//! the same end with every effect exactly once; answers are never lost; `canary` and `stop_after` hold.
//! In this process, on the virtual clock, through the real SDK clients.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers of a test file are tests too

mod stage;

use countersign::base::{Digest, RunId, StepId, Time};
use countersign::engine::next::StopKind;
use countersign::engine::port::{ChainHead, Clock, Store, StoreError};
use countersign::journal::faults::{Fault as Commit, FaultyStore};
use countersign::record::fact::{Ended, Fact, Found};
use countersign::record::statement::{Body, SaidWhat, Statement};
use countersign::rehearse::Played;
use countersign::run::{RunError, voice};
use countersign::simulator::{Fault, FaultKind};
use countersign::verify::Verdict;
use proptest::prelude::*;
use stage::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What two plays must agree on, whatever the order in which their items went.
fn sorted(mut facts: Facts) -> Facts {
    facts.asked.sort();
    facts.ends.sort_by_key(|why| format!("{why:?}"));
    facts
}

fn ends_alike(theatre: &Stage, played: Result<Played, RunError>, wanted: &Facts) -> Result<(), String> {
    let played = played.map_err(|error| format!("it ended with an error: {error}"))?;
    if played.run.closed.as_deref() != Some("done") {
        return Err(format!("it stopped: {:?}\n{}", played.stop, story(theatre)));
    }
    let (found, wanted) = (sorted(facts(theatre)), sorted(wanted.clone()));
    legal(theatre)?;
    if found == wanted { Ok(()) } else { Err(format!("found {found:#?}\nwanted {wanted:#?}\n{}", story(theatre))) }
}

/// Each step's own entries are in an order that a run with one item at a time could have.
fn legal(theatre: &Stage) -> Result<(), String> {
    let mut open: BTreeMap<StepId, bool> = BTreeMap::new();
    for entry in entries(&theatre.store) {
        let wrong = |what: &str| Err(format!("entry {}: {what}", entry.seq));
        match &entry.fact {
            Fact::Intended(fact) if open.insert(fact.step.clone(), true) == Some(true) => {
                return wrong("begun while it was open");
            }
            Fact::Outcome(fact) if fact.intended.is_some() => {
                let settled = fact.result != Ended::InDoubt;
                if open.insert(fact.step.clone(), !settled) != Some(true) {
                    return wrong("an outcome of nothing open");
                }
            }
            Fact::Verified(fact) if open.get(&fact.step) != Some(&false) => return wrong("seen before it was done"),
            _ => {}
        }
    }
    Ok(())
}

/// How many entries of a kind each append of the play without faults held.
fn grouped(kind: &str) -> Vec<usize> {
    let after = base(FOUR).moments.iter().filter(|moment| moment.name.starts_with("after append"));
    after.map(|moment| moment.name.matches(kind).count()).filter(|count| *count > 0).collect()
}

#[test]
fn what_is_ready_together_is_one_transaction() {
    let base = base(FOUR);
    assert_eq!((base.facts.problems.clone(), base.facts.verdict), (Vec::new(), Verdict::Closed));
    assert_eq!(base.facts.effects.len(), 12);
    // Four invitations; one acceptance alone; then as their reads, which AWS's rates hold back, bring them together.
    let begun = grouped("intended");
    assert_eq!(begun[..2], [4, 1]);
    assert!(begun.iter().filter(|together| **together > 1).count() > 2, "{begun:?}");
    assert!(grouped("outcome").iter().all(|count| *count > 0), "{:?}", grouped("outcome"));
}

/// Somebody who decides on a lot reads it in one go: it does not run out while it is read.
#[test]
fn a_lot_is_read_in_one_go() {
    let mut together: BTreeMap<(String, Time), usize> = BTreeMap::new();
    for entry in entries(&base(FOUR).journal) {
        if let Fact::Approval(fact) = entry.fact {
            let tail = Statement::read(&fact.statement).unwrap().tail;
            *together.entry((tail.person, tail.signed_at)).or_default() += 1;
        }
    }
    assert_eq!(together.values().copied().max(), Some(4), "{together:?}");
}

#[test]
fn killed_at_every_moment_and_resumed() {
    let base = base(FOUR);
    let mut seen = BTreeSet::new();
    let mut cells = 0;
    for moment in &base.moments {
        if moment.size == 0 || !seen.insert((moment.size, moment.effects())) {
            continue;
        }
        cells += 1;
        let theatre = wake(&base.journal, moment);
        let run = load(&theatre);
        let person = run.signed_on.first().cloned().unwrap_or_else(|| "alice".to_owned());
        if run.closed.is_none() {
            theatre.clock.advance_to(Clock::now(&theatre.clock).plus([0, 40_000, 900_000][cells % 3]));
            let ended = ends_alike(&theatre, resume(&theatre, &person), &base.facts);
            ended.unwrap_or_else(|why| panic!("killed {}: {why}", moment.name));
        }
    }
    assert!(cells >= 50, "{cells} cells");
}

/// COMMIT says that it failed while several items are in flight: nothing more is sent, whether it was kept or not.
#[test]
fn a_commit_that_reports_an_error() {
    let base = base(FOUR);
    // Every append that holds entries of several items, and now and then another.
    let before = base.moments.iter().filter(|moment| moment.name.starts_with("before append"));
    let chosen = before.filter(|moment| moment.name.contains(", ") || moment.appends % 5 == 0);
    for at in chosen.map(|moment| moment.appends) {
        for (n, fault) in [Commit::UnknownKept, Commit::UnknownLost].into_iter().enumerate() {
            let start = base.start(|moment| moment.appends <= at);
            let mut theatre = start.stage();
            let watch = watch(&mut theatre, false);
            let faulty = FaultyStore::new(theatre.store.clone(), at - start.appends, fault);
            let played = start.play(&theatre, WatchedStore(Arc::clone(&watch), faulty)).map(|played| played.stop);
            assert!(matches!(played, Err(RunError::Store(StoreError::Unknown(_)))), "{played:?}");
            assert_eq!(watch.calls_after_death(), 0, "append {at}: {fault:?}");
            if (at + n as u64).is_multiple_of(4) && theatre.store.head(&id()).unwrap().is_some_and(|head| head.size > 1)
            {
                let person = load(&theatre).signed_on.first().cloned().unwrap();
                if load(&theatre).closed.is_none() {
                    let ended = ends_alike(&theatre, resume(&theatre, &person), &base.facts);
                    ended.unwrap_or_else(|why| panic!("append {at}: {fault:?}: {why}"));
                }
            }
        }
    }
}

/// A store in which somebody says something right before every append that holds this kind.
struct Chatty<'a> {
    theatre: &'a Stage,
    kind: &'static str,
    said: usize,
    last: u64,
}

impl Store for Chatty<'_> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.theatre.store.head(run)
    }
    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.theatre.store.read_from(run, seq)
    }
    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.theatre.store.object(digest)
    }
    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let holds = lines.iter().any(|line| line.contains(&format!("\"kind\":\"{}\"", self.kind)));
        let size = expected.map_or(0, |head| head.size);
        // Once per try: the second try of the same append goes through.
        if holds && size > self.last {
            let mut run = load(self.theatre);
            let body = voice::said_body(&run, SaidWhat::Note, "", 1, None);
            let random = &mut self.theatre.random.clone();
            let (ring, now) = (self.theatre.ring(), Clock::now(&self.theatre.clock));
            let signed = voice::sign(&run, random, ring, "carol", "mfa_holder", body, "watching", now).unwrap();
            voice::say(&mut self.theatre.store.clone(), &self.theatre.clock, &mut run, &signed, None).unwrap();
            self.said += 1;
            self.last = run.size();
        }
        self.theatre.store.clone().append(run, expected, epoch, lines, objects)
    }
}

/// The journal moved on under the answers of several calls, under several intents and under decisions: no answer is
/// lost, nothing is in doubt, nothing is sent twice.
#[test]
fn an_append_that_came_too_late_loses_nothing() {
    for kind in ["outcome", "intended", "approval"] {
        let theatre = theatre(FOUR);
        let mut chatty = Chatty { theatre: &theatre, kind, said: 0, last: 0 };
        let seated = theatre.open(&mut chatty, curtain(&theatre, FOUR)).unwrap();
        let played = block_on(theatre.play(chatty, seated));
        ends_alike(&theatre, played, &base(FOUR).facts).unwrap();
        let all = entries(&theatre.store);
        let said = all.iter().filter(|entry| entry.fact.kind() == "said" && entry.by.as_deref() == Some("carol"));
        assert!(said.count() >= 4);
        for entry in &all {
            if let Fact::Outcome(outcome) = &entry.fact {
                assert!(outcome.found == Found::Answer && outcome.result != Ended::InDoubt, "{outcome:?}");
            }
        }
    }
}

fn play_of(waves: Waves, faults: &[(&str, FaultKind, u64)]) -> (Stage, Result<Played, RunError>) {
    let script = script_of(waves);
    let theatre = theatre_of(script);
    for (on, kind, nth) in faults {
        theatre.wire.simulator().add_fault(Fault { nth: *nth, ..Fault::first(on, *kind) });
    }
    let mut store = theatre.store.clone();
    let seated = theatre.open(&mut store, curtain_of(&theatre, script)).unwrap();
    let played = block_on(theatre.play(store, seated));
    (theatre, played)
}

/// One at a time, without faults.
fn undisturbed(accounts: usize) -> Facts {
    static FOUND: Mutex<BTreeMap<usize, Facts>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap();
    let play = || {
        let (theatre, played) = play_of(Waves { accounts, at_once: 1, canary: 1, stop_after: 1 }, &[]);
        assert_eq!(played.unwrap().run.closed.as_deref(), Some("done"));
        facts(&theatre)
    };
    found.entry(accounts).or_insert_with(play).clone()
}

/// What AWS can do to one of many calls, and the run still comes to its end.
const STRIKES: [FaultKind; 7] = [
    FaultKind::ResponseLost,
    FaultKind::RefusedBefore,
    FaultKind::ServerErrorBefore,
    FaultKind::ServerErrorAfter,
    FaultKind::Throttled,
    FaultKind::ConcurrentModification,
    FaultKind::SessionExpired,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn at_once_or_one_by_one_comes_to_the_same_end(
        accounts in 1usize..6,
        at_once in 1u32..7,
        canary in 0u32..3,
        stop_after in 1u32..3,
        strike in 0usize..14,
        nth in 1u64..5,
        on in 0usize..3,
    ) {
        let action = ["InviteAccountToOrganization", "AcceptHandshake", "MoveAccount"][on];
        let action = format!("organizations:{action}");
        let faults: Vec<_> = STRIKES.get(strike).map(|kind| (action.as_str(), *kind, nth)).into_iter().collect();
        let (theatre, played) = play_of(Waves { accounts, at_once, canary, stop_after }, &faults);
        let ended = ends_alike(&theatre, played, &undisturbed(accounts));
        prop_assert!(ended.is_ok(), "{}", ended.unwrap_err());
    }
}

/// Steps by how they ended, in the order of their entries.
fn outcomes(theatre: &Stage, stage: &str) -> Vec<(String, Ended)> {
    let of = |entry: countersign::record::Entry| match entry.fact {
        Fact::Outcome(fact) if fact.step.stage == stage => Some((fact.step.item.clone().unwrap(), fact.result)),
        _ => None,
    };
    entries(&theatre.store).into_iter().filter_map(of).collect()
}

/// What is in flight ends, is journaled and seen; nothing new begins; the stop says which failed.
#[test]
fn after_a_failure_what_is_in_flight_ends_and_nothing_begins() {
    for (at_once, stop_after, ended) in [(1, 1, 1), (3, 1, 3), (5, 1, 5), (1, 2, 5), (2, 2, 5)] {
        let waves = Waves { accounts: 5, at_once, canary: 0, stop_after };
        let fault = ("organizations:InviteAccountToOrganization", FaultKind::AccessDenied, 1);
        let (theatre, played) = play_of(waves, &[fault]);
        let played = played.unwrap();
        assert_eq!(played.stop.kind, StopKind::Failed, "{waves:?}: {:?}", played.stop);
        assert_eq!(played.stop.at, "invite:111122223333/invite");
        let found = outcomes(&theatre, "invite");
        assert_eq!(found.len(), ended, "{waves:?}: {found:?}");
        assert_eq!(found.iter().filter(|(_, how)| *how == Ended::Failed).count(), 1, "{waves:?}");
        let seen = entries(&theatre.store).into_iter().filter(|entry| entry.fact.kind() == "verified").count();
        assert_eq!(seen, ended - 1, "{waves:?}");
        drop(played);
        // The next seat goes on from there, and each effect is there once.
        let played = resume(&theatre, "alice").unwrap();
        assert_eq!(played.run.closed.as_deref(), Some("done"), "{waves:?}: {:?}", played.stop);
        assert_eq!(facts(&theatre).effects, undisturbed(5).effects);
    }
}

/// One item in doubt: the answers of the others are journaled and seen, and no other begins until it is settled.
#[test]
fn a_doubt_of_one_holds_up_none_that_is_in_flight() {
    let waves = Waves { accounts: 5, at_once: 3, canary: 0, stop_after: 1 };
    let fault = ("organizations:InviteAccountToOrganization", FaultKind::ResponseLost, 2);
    let (theatre, played) = play_of(waves, &[fault]);
    ends_alike(&theatre, played, &undisturbed(5)).unwrap();
    let all = entries(&theatre.store);
    let doubt =
        all.iter().position(|entry| matches!(&entry.fact, Fact::Outcome(fact) if fact.result == Ended::InDoubt));
    let settled = all.iter().position(|entry| matches!(&entry.fact, Fact::Outcome(fact) if fact.found == Found::Probe));
    let between = &all[doubt.unwrap()..settled.unwrap()];
    assert!(between.iter().all(|entry| entry.fact.kind() != "intended"), "{}", story(&theatre));
    let answers = all[..settled.unwrap()].iter().filter(|entry| entry.fact.kind() == "outcome").count();
    assert_eq!(answers, 3, "two answers and the doubt");
}

/// The canary's items go alone; then its performer says, signed, to go on.
#[test]
fn the_canary_goes_alone() {
    for (canary, at_once) in [(1, 4), (2, 4), (3, 2)] {
        let (theatre, played) = play_of(Waves { accounts: 5, at_once, canary, stop_after: 1 }, &[]);
        ends_alike(&theatre, played, &undisturbed(5)).unwrap();
        let mut before = 0;
        for entry in entries(&theatre.store) {
            match &entry.fact {
                Fact::Intended(fact) if fact.step.stage == "accept" => before += 1,
                Fact::Said(fact) => {
                    let body = Statement::read(&fact.statement).unwrap().body;
                    if matches!(body, Body::Said(_, fields) if fields.what == SaidWhat::GoOn) {
                        break;
                    }
                }
                _ => {}
            }
        }
        assert_eq!(before, canary, "at_once {at_once}");
    }
}
