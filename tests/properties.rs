//! P2, P3: whatever people say, and in whatever order seats and voices come, nothing begins without its grant.
//! The second opinion is the verifier's: a history with an intent that was not paid for is INVALID.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic)] // the helpers of a test file are tests too

mod stage;

use countersign::engine::next::StopKind;
use countersign::engine::port::Clock;
use countersign::record::fact::{Fact, What};
use countersign::record::statement::{Body, Decides, Statement};
use countersign::rehearse::theatre::Seated;
use proptest::prelude::*;
use stage::*;
use std::collections::BTreeSet;

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Deed {
    /// Sits down (whoever sat there is gone) and drives to the next stop.
    Sits(usize),
    /// Drives on where somebody sits.
    Drives,
    /// Decides on the newest open request, whether or not that is for this person to decide.
    Says(usize, u8),
    /// Decides on a request that is over, or not yet.
    SaysOfAnother(usize, u64),
    /// Hours pass.
    Hours(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..3usize).prop_map(Deed::Sits),
        4 => Just(Deed::Drives),
        8 => (0..3usize, 0..6u8).prop_map(|(who, what)| Deed::Says(who, what)),
        1 => (0..3usize, 0..60u64).prop_map(|(who, seq)| Deed::SaysOfAnother(who, seq)),
        1 => (0..40i64).prop_map(Deed::Hours),
    ]
}

fn says(theatre: &Stage, person: &str, request: u64, decision: Decides) {
    let mut run = load(theatre);
    if run.closed.is_none() && run.requests.contains_key(&request) {
        // Most are refused at the door: that is what the door is for.
        let _ = theatre.decide(&mut theatre.store.clone(), &mut run, request, person, decision);
    }
}

fn done(theatre: &Stage, seated: &mut Option<Seated>, deed: &Deed) {
    match deed {
        Deed::Sits(who) => {
            drop(seated.take());
            if load(theatre).closed.is_none() {
                let mut sitting = sit(theatre, PEOPLE[*who]);
                let _ = drive(theatre, &mut sitting).unwrap();
                *seated = Some(sitting);
            }
        }
        Deed::Drives => {
            if let Some(sitting) = seated {
                let stop = drive(theatre, sitting).unwrap();
                assert!(stop.kind != StopKind::Done || sitting.run.closed.is_some());
            }
        }
        Deed::Says(who, what) => {
            let newest = load(theatre).requests.values().filter(|request| request.is_live()).map(|one| one.seq).max();
            let decision = match what {
                0 => Decides::Deny,
                1 => Decides::Revoke,
                _ => Decides::Approve,
            };
            if let Some(request) = newest {
                says(theatre, PEOPLE[*who], request, decision);
            }
        }
        Deed::SaysOfAnother(who, seq) => says(theatre, PEOPLE[*who], *seq, Decides::Approve),
        Deed::Hours(hours) => theatre.clock.advance_to(Clock::now(&theatre.clock).plus(hours * 3_600_000)),
    }
}

/// Counted here once more, without engine or verifier: who said yes to the request that each intent spends.
fn every_intent_was_paid(theatre: &Stage) {
    let all = entries(&theatre.store);
    let mut paid: BTreeSet<u64> = BTreeSet::new();
    for entry in &all {
        let Fact::Intended(intended) = &entry.fact else { continue };
        let Some(request) = intended.request.filter(|_| intended.r#try == 1) else { continue };
        let voices = all[..entry.seq as usize].iter().filter_map(|voice| match &voice.fact {
            Fact::Approval(fact) => Some((voice.seq, Statement::read(&fact.statement).unwrap())),
            _ => None,
        });
        let mut yes = BTreeSet::new();
        for (seq, statement) in voices {
            let Body::Approval(_, fields) = &statement.body else { continue };
            if fields.request == request {
                match fields.decision {
                    Decides::Approve => yes.insert((statement.tail.person.clone(), seq)),
                    _ => {
                        yes.retain(|(person, _)| *person != statement.tail.person);
                        assert!(fields.decision != Decides::Deny, "entry {} after a denial", entry.seq);
                        false
                    }
                };
            }
        }
        let Fact::Asked(asked) = &all[request as usize].fact else { panic!("no request {request}") };
        assert_eq!(asked.what, What::Approval);
        let needed: &[&str] = match intended.step.stage.as_str() {
            "accept" => &["alice", "carol"],
            _ => &["bob"],
        };
        for person in needed {
            assert!(yes.iter().any(|(who, _)| who == person), "entry {} without {person}", entry.seq);
        }
        assert!(needed.iter().all(|person| Some(*person) != entry.by.as_deref()));
        // A list is paid slot by slot; anything else once.
        if intended.step.stage == "accept" {
            assert!(paid.insert(request), "request {request} paid twice");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_begins_without_its_grant(deeds in prop::collection::vec(deed(), 10..60)) {
        let theatre = theatre(1);
        let opening = curtain(&theatre, 1);
        let mut seated = Some(theatre.open(&mut theatre.store.clone(), opening).unwrap());
        for deed in &deeds {
            done(&theatre, &mut seated, deed);
        }
        let found = facts(&theatre);
        prop_assert_eq!(&found.problems, &Vec::<String>::new(), "{}", story(&theatre));
        every_intent_was_paid(&theatre);
        let begun = entries(&theatre.store).iter().filter(|entry| entry.fact.kind() == "intended").count();
        prop_assert!(found.effects.len() <= begun);
    }
}

/// The same deeds can lead to the end: the property does not hold because nothing ever happens.
#[test]
fn people_who_agree_come_to_the_end() {
    let theatre = theatre(1);
    let opening = curtain(&theatre, 1);
    let mut seated = Some(theatre.open(&mut theatre.store.clone(), opening).unwrap());
    for who in [0, 1, 0] {
        done(&theatre, &mut seated, &Deed::Sits(who));
        for other in [0, 1, 2] {
            done(&theatre, &mut seated, &Deed::Says(other, 5));
        }
        done(&theatre, &mut seated, &Deed::Drives);
    }
    let found = facts(&theatre);
    assert_eq!((found.closed.as_deref(), found.effects.len()), (Some("done"), 3), "{}", story(&theatre));
    every_intent_was_paid(&theatre);
}
