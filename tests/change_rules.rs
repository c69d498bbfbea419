//! Who must sign a change of people, stated a second time person by person and compared with the decision over
//! every file of four people, every change to it that is told apart, and everybody who may have signed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::approval::change::{Lacking, people_unsigned, unchanged};
use countersign::base::Digest;
use countersign::people::{Mfa, People, Person};
use countersign::plan::model::{Plan, Proof, Role};
use countersign::sshsig::{KeyKind, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

/// Person and party; nobody of `other` has a role of the plan.
const PEOPLE: [(&str, &str); 4] = [("ann", "a"), ("ari", "a"), ("bob", "b"), ("oda", "other")];

fn key(blob: &str) -> PublicKey {
    PublicKey { kind: KeyKind::Ed25519, blob: blob.as_bytes().to_vec(), line: format!("ssh-ed25519 {blob}") }
}

fn person(id: &str, party: &str) -> Person {
    Person {
        id: id.into(),
        name: id.to_uppercase(),
        party: party.into(),
        roles: vec!["one".into()],
        keys: vec![key(id)],
        mfa: Some(Mfa { serial: format!("serial of {id}"), role: "role".into() }),
    }
}

fn file(people: impl IntoIterator<Item = Person>) -> People {
    People {
        digest: Digest::ZERO,
        people: people.into_iter().map(|person| (person.id.clone(), person)).collect(),
        break_glass: vec![],
    }
}

fn plan() -> Plan {
    let role = |party: &str| Role { title: String::new(), party: party.into(), proof: Proof::Signature };
    Plan {
        plan: 1,
        name: "n".into(),
        title: String::new(),
        version: "1".into(),
        description: String::new(),
        runbook: Digest::ZERO,
        values: Digest::ZERO,
        people: Digest::ZERO,
        exclude_starter: false,
        require_proof: false,
        files: BTreeMap::new(),
        secrets: vec![],
        // Two roles of one party ask for one signature; a role of none for nobody's.
        roles: [("one", "a"), ("two", "a"), ("three", "b"), ("any", "")]
            .map(|(name, party)| (name.to_owned(), role(party)))
            .into(),
        apart: vec![],
        sessions: BTreeMap::new(),
        holds: vec![],
        stages: vec![],
    }
}

/// What the new file makes of somebody; the first two leave them who they are.
const CHANGES: [fn(&mut Person); 7] = [
    |_| {},
    |one| one.name.push_str(" the second"),
    |one| one.roles.clear(),
    |one| one.keys.push(key("further")),
    |one| one.party = "c".into(),
    |one| one.mfa = None,
    |one| one.mfa.as_mut().unwrap().role = "another".into(),
];
const SAME: usize = 2;
const GONE: usize = CHANGES.len();

#[test]
fn each_party_signs_by_somebody_who_stays_and_each_new_key_signs_for_itself() {
    let (plan, old) = (plan(), file(PEOPLE.map(|(id, party)| person(id, party))));
    let (mut complete, mut cases) = (0, 0);
    // The person without a role of the plan stays or goes; the others change in every way.
    for at in 0..(GONE + 1).pow(3) * 2 {
        let of_three = [at % (GONE + 1), at / (GONE + 1) % (GONE + 1), at / (GONE + 1).pow(2) % (GONE + 1)];
        let changes = [of_three[0], of_three[1], of_three[2], if at % 2 == 0 { 0 } else { GONE }];
        let mut people: Vec<Person> = Vec::new();
        for ((id, party), change) in PEOPLE.iter().zip(changes) {
            if let Some(change) = CHANGES.get(change) {
                let mut one = person(id, party);
                change(&mut one);
                people.push(one);
            }
        }
        let newcomer = at % 3 == 0;
        people.extend(newcomer.then(|| person("new", "b")));
        let new = file(people);
        for ((id, _), change) in PEOPLE.iter().zip(changes) {
            assert_eq!(unchanged(&old, &new, id), change < SAME, "{id} {change}");
        }
        assert!(!unchanged(&old, &new, "new") && !unchanged(&old, &new, "nobody"));

        // Each has signed not at all, with a key of the old file only, or with one of the new.
        for signed in 0..3usize.pow(3) {
            let signed = [signed % 3, signed / 3 % 3, signed / 9];
            let who = ["ann", "ari", "bob"].iter().zip(signed).filter(|(_, how)| *how > 0);
            let mut signers: BTreeSet<(String, bool)> = who.map(|(id, how)| ((*id).to_owned(), how == 2)).collect();
            if newcomer && signed[0] == 2 {
                signers.insert(("new".into(), true));
            }
            let mut expected = Vec::new();
            let stays_and_signed = |at: usize| changes[at] < SAME && signed[at] > 0;
            if !(stays_and_signed(0) || stays_and_signed(1)) {
                expected.push(Lacking::Party("a".into()));
            }
            if !stays_and_signed(2) {
                expected.push(Lacking::Party("b".into()));
            }
            for (at, (id, _)) in PEOPLE.iter().enumerate().take(3) {
                if (SAME..GONE).contains(&changes[at]) && signed[at] < 2 {
                    expected.push(Lacking::Person((*id).to_owned()));
                }
            }
            if newcomer && signed[0] != 2 {
                let place = expected.len();
                expected.insert(place, Lacking::Person("new".into()));
            }
            // People stand in the order of their ids, after the parties.
            expected.sort_by_key(|one| match one {
                Lacking::Party(party) => (0, party.clone()),
                Lacking::Person(id) => (1, id.clone()),
            });
            let found = people_unsigned(&old, &new, &plan, &signers);
            assert_eq!(found, expected, "{changes:?} new: {newcomer}, signed by {signers:?}");
            complete += usize::from(found.is_empty());
            cases += 1;
        }
    }
    assert!(complete > 500 && cases > 20_000, "{complete} of {cases}");
}
