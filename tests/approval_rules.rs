//! The rules of "granted", stated a second time by brute force and compared with the decision
//! function, and each reason for which the door refuses a statement.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::approval::{Case, Decision, Given, Lack, Refusal, admit, decide, demands};
use countersign::base::{Digest, RunId, StepId, Time};
use countersign::people::{People, Person};
use countersign::plan::model::{self, Approval, Per, Plan, Proof, Role, Stage, Step, WayBack};
use countersign::record::fact::{Asked, Mode, What};
use countersign::record::statement::{ApprovalFields, Body, Decides, Head, Statement, Tail};
use countersign::sshsig::{Good, KeyKind, PublicKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NOW: Time = Time(1_800_000_000_000);
const HOUR: i64 = 3_600_000;
const REQUEST: u64 = 4;

fn demand(role: &str, count: u32, from_parties: u32) -> Approval {
    Approval { role: role.into(), count, from_parties, within: 24 * HOUR, run_within: HOUR, per: Per::Step }
}

fn person(id: &str, party: &str, roles: &[&str]) -> Person {
    let key = PublicKey { kind: KeyKind::Ed25519, blob: id.as_bytes().to_vec(), line: format!("ssh-ed25519 {id}") };
    Person {
        id: id.into(),
        name: id.into(),
        party: party.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        keys: vec![key],
        mfa: None,
    }
}

fn step(id: &str, approvals: Vec<Approval>) -> Step {
    Step {
        id: id.into(),
        title: String::new(),
        performer: "driver".into(),
        session: String::new(),
        when: String::new(),
        confirm: None,
        approvals,
        mutates: true,
        template: serde_json::json!({}),
        template_digest: Digest::of(b"{}"),
        verify: vec![],
        back: WayBack::default(),
        lost: String::new(),
        accept_existing: false,
        even_though: BTreeMap::new(),
        probe: BTreeMap::new(),
        settles_within: 0,
        secret_outputs: vec![],
        secret_to: serde_json::Value::Null,
        repair: vec![],
        body: model::Body::Action,
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    let role = |proof| Role { title: String::new(), party: String::new(), proof };
    Plan {
        plan: 1,
        name: "n".into(),
        title: String::new(),
        version: "1".into(),
        description: String::new(),
        runbook: Digest::of(b"runbook"),
        values: Digest::of(b"values"),
        people: Digest::of(b"people"),
        exclude_starter: false,
        require_proof: false,
        files: BTreeMap::new(),
        secrets: vec![],
        roles: [
            ("driver", Proof::Signature),
            ("a", Proof::Signature),
            ("b", Proof::Signature),
            ("c", Proof::Signature),
            ("touch", Proof::UserVerified),
            ("code", Proof::MfaCode),
        ]
        .map(|(name, proof)| (name.to_owned(), role(proof)))
        .into(),
        apart: vec![],
        sessions: BTreeMap::new(),
        holds: vec![],
        stages: vec![Stage {
            id: "s".into(),
            title: String::new(),
            when: String::new(),
            for_each: serde_json::Value::Null,
            key: String::new(),
            items: None,
            at_once: 1,
            canary: 0,
            stop_after: 1,
            performer: "driver".into(),
            anchor: None,
            steps,
        }],
    }
}

/// Everything a case borrows from.
struct World {
    plan: Plan,
    people: People,
    asked: Asked,
    demands: Vec<Approval>,
    performers: BTreeSet<String>,
    head: Head,
    statements: Vec<(Statement, Good, Vec<u8>)>,
    now: Time,
}

impl World {
    fn new(people: Vec<Person>, demands: Vec<Approval>) -> World {
        let plan = plan(vec![step("move", demands.clone())]);
        let head = Head {
            run: RunId::from_bytes([7; 16]),
            mode: Mode::Live,
            size: REQUEST + 1,
            root: "root".into(),
            runbook: plan.runbook,
            plan: Digest::of(b"plan"),
            people: plan.people,
        };
        World {
            people: People {
                digest: plan.people,
                people: people.into_iter().map(|person| (person.id.clone(), person)).collect(),
                break_glass: vec![],
            },
            plan,
            asked: Asked {
                again: vec![1, 2],
                approve_by: NOW.plus(HOUR + 7),
                attempt: 2,
                covers: "s/move".into(),
                operations: Digest::of(b"operations"),
                performer: "driver".into(),
                run_by: NOW.plus(2 * HOUR + 7),
                summary: "Move it".into(),
                what: What::Approval,
            },
            demands,
            performers: BTreeSet::new(),
            head,
            statements: vec![],
            now: NOW,
        }
    }

    /// What an honest approver would sign.
    fn statement(&self, person: &str, role: &str, decision: Decides) -> Statement {
        let fields = ApprovalFields {
            decision,
            request: REQUEST,
            request_leaf: Digest::of(b"leaf"),
            covers: self.asked.covers.clone(),
            operations: self.asked.operations,
            attempt: self.asked.attempt,
            performer: self.asked.performer.clone(),
            summary: self.asked.summary.clone(),
            again: self.asked.again.clone(),
            approve_by: Time(self.asked.approve_by.0 / 1000 * 1000),
            run_by: Time(self.asked.run_by.0 / 1000 * 1000),
        };
        let tail = Tail {
            person: person.into(),
            party: self.people.get(person).map_or("nobody", |found| &found.party).into(),
            role: role.into(),
            nonce: format!("{:032x}", self.statements.len()),
            signed_at: NOW,
            reason: String::new(),
        };
        Statement { body: Body::Approval(self.head.clone(), fields), tail }
    }

    fn says(&mut self, person: &str, role: &str, decision: Decides) {
        let statement = self.statement(person, role, decision);
        self.add(statement);
    }

    fn add(&mut self, statement: Statement) {
        let key = statement.tail.person.as_bytes().to_vec();
        self.statements.push((statement, PLAIN, key));
    }

    fn case(&self) -> Case<'_> {
        Case {
            plan: &self.plan,
            people: &self.people,
            request: REQUEST,
            request_leaf: Digest::of(b"leaf"),
            asked: &self.asked,
            demands: self.demands.clone(),
            performers: self.performers.clone(),
            starter: "starter".into(),
            statements: self.statements.iter().enumerate().map(|(at, given)| self.given(at, given)).collect(),
            now: self.now,
        }
    }

    fn given<'a>(&'a self, at: usize, given: &'a (Statement, Good, Vec<u8>)) -> Given<'a> {
        Given { seq: 10 + at as u64, statement: &given.0, good: given.1, key: given.2.clone(), head: &self.head }
    }

    /// The door, for the next statement.
    fn door(&self, statement: &Statement, good: Good, key: &[u8]) -> Result<(), Refusal> {
        let given = (statement.clone(), good, key.to_vec());
        admit(&self.case(), &self.given(self.statements.len(), &given))
    }

    fn honest(&self, statement: &Statement) -> Result<(), Refusal> {
        self.door(statement, PLAIN, statement.tail.person.as_bytes())
    }
}

const PLAIN: Good = Good { kind: KeyKind::Ed25519, flags: None, counter: None };

fn hardware(flags: u8) -> Good {
    Good { kind: KeyKind::SkEd25519, flags: Some(flags), counter: Some(1) }
}

fn small() -> World {
    let people = vec![
        person("ann", "x", &["a"]),
        person("bea", "y", &["b"]),
        person("cat", "x", &["a", "b"]),
        person("driver", "x", &["driver", "a"]),
        person("starter", "y", &["a"]),
        person("tom", "y", &["touch", "code"]),
    ];
    World::new(people, vec![demand("a", 1, 1), demand("b", 1, 1), demand("touch", 1, 1), demand("code", 1, 1)])
}

// --- the door ---

#[test]
fn an_honest_approval_is_admitted() {
    let world = small();
    assert_eq!(world.honest(&world.statement("ann", "a", Decides::Approve)), Ok(()));
}

#[test]
fn every_field_of_the_statement_is_compared() {
    type Change = fn(&mut Head, &mut ApprovalFields);
    let changes: &[(&str, Change)] = &[
        ("run", |head, _| head.run = RunId::from_bytes([8; 16])),
        ("mode", |head, _| head.mode = Mode::Rehearsal),
        ("size", |head, _| head.size += 1),
        ("root", |head, _| head.root.push('x')),
        ("runbook", |head, _| head.runbook = Digest::of(b"other")),
        ("plan", |head, _| head.plan = Digest::of(b"other")),
        ("people", |head, _| head.people = Digest::of(b"other")),
        ("request", |_, fields| fields.request += 1),
        ("request-leaf", |_, fields| fields.request_leaf = Digest::of(b"other")),
        ("covers", |_, fields| fields.covers.push('x')),
        ("operations", |_, fields| fields.operations = Digest::of(b"other")),
        ("attempt", |_, fields| fields.attempt += 1),
        ("performer", |_, fields| fields.performer = "ann".into()),
        ("summary", |_, fields| fields.summary.push('x')),
        ("again", |_, fields| fields.again = vec![1]),
        ("approve-by", |_, fields| fields.approve_by = fields.approve_by.plus(1000)),
        ("run-by", |_, fields| fields.run_by = fields.run_by.plus(1000)),
    ];
    for (name, change) in changes {
        let world = small();
        let mut statement = world.statement("ann", "a", Decides::Approve);
        if let Body::Approval(head, fields) = &mut statement.body {
            change(head, fields);
        }
        match world.honest(&statement) {
            Err(Refusal::Mismatch { field, .. }) => assert_eq!(field, *name),
            found => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn a_history_that_ends_before_the_request_is_refused() {
    let mut world = small();
    world.head.size = REQUEST;
    let statement = world.statement("ann", "a", Decides::Approve);
    assert!(matches!(world.honest(&statement), Err(Refusal::Mismatch { field: "size", .. })));
}

#[test]
fn digests_that_are_not_in_force_any_more_are_refused() {
    let mut world = small();
    let statement = world.statement("ann", "a", Decides::Approve);
    world.people.digest = Digest::of(b"new people");
    assert!(matches!(world.honest(&statement), Err(Refusal::Mismatch { field: "people", .. })));
    let mut world = small();
    world.plan.runbook = Digest::of(b"amended");
    assert!(matches!(world.honest(&statement), Err(Refusal::Mismatch { field: "runbook", .. })));
}

#[test]
fn only_an_approval_statement_counts() {
    let world = small();
    let mut statement = world.statement("ann", "a", Decides::Approve);
    statement.body = Body::Witness(world.head.clone(), "done".into());
    assert_eq!(world.honest(&statement), Err(Refusal::NotAnApproval));
}

#[test]
fn people_are_who_the_people_file_says() {
    let world = small();
    let statement = world.statement("zoe", "a", Decides::Approve);
    assert_eq!(world.honest(&statement), Err(Refusal::UnknownPerson { person: "zoe".into() }));

    let mut statement = world.statement("ann", "a", Decides::Approve);
    assert_eq!(world.door(&statement, PLAIN, b"bea"), Err(Refusal::OtherKey { person: "ann".into() }));
    statement.tail.party = "y".into();
    let refusal = Refusal::OtherParty { person: "ann".into(), party: "x".into(), said: "y".into() };
    assert_eq!(world.honest(&statement), Err(refusal));
}

#[test]
fn a_role_must_be_held_and_asked_for() {
    let world = small();
    let statement = world.statement("ann", "b", Decides::Approve);
    assert_eq!(world.honest(&statement), Err(Refusal::NotInRole { person: "ann".into(), role: "b".into() }));
    let mut world = small();
    world.demands = vec![demand("b", 1, 1)];
    let statement = world.statement("ann", "a", Decides::Approve);
    assert_eq!(world.honest(&statement), Err(Refusal::RoleNotAsked { role: "a".into() }));
}

#[test]
fn nobody_approves_what_they_perform() {
    let mut world = small();
    let refusal = |person: &str| Err(Refusal::Performer { person: person.into() });
    assert_eq!(world.honest(&world.statement("driver", "a", Decides::Approve)), refusal("driver"));
    // Whoever confirmed or answered for it performs it too.
    world.performers.insert("ann".into());
    assert_eq!(world.honest(&world.statement("ann", "a", Decides::Approve)), refusal("ann"));
}

#[test]
fn the_starter_is_barred_only_where_the_runbook_says_so() {
    let mut world = small();
    let statement = world.statement("starter", "a", Decides::Approve);
    assert_eq!(world.honest(&statement), Ok(()));
    world.plan.exclude_starter = true;
    assert_eq!(world.honest(&statement), Err(Refusal::Starter { person: "starter".into() }));
}

#[test]
fn who_holds_roles_that_must_be_apart_approves_in_neither() {
    let mut world = small();
    world.plan.apart = vec![vec!["b".into(), "c".into()], vec!["a".into(), "b".into()]];
    let refusal = Refusal::Apart { person: "cat".into(), roles: "a and b".into() };
    assert_eq!(world.honest(&world.statement("cat", "a", Decides::Approve)), Err(refusal));
    assert_eq!(world.honest(&world.statement("ann", "a", Decides::Approve)), Ok(()));
}

#[test]
fn clocks_are_held_to() {
    let mut world = small();
    let mut statement = world.statement("ann", "a", Decides::Approve);
    statement.tail.signed_at = NOW.plus(120_000);
    assert_eq!(world.honest(&statement), Ok(()));
    statement.tail.signed_at = NOW.plus(121_000);
    assert!(matches!(world.honest(&statement), Err(Refusal::Ahead { .. })));

    world.now = world.asked.approve_by;
    statement.tail.signed_at = Time(world.asked.approve_by.0 / 1000 * 1000);
    assert_eq!(world.honest(&statement), Ok(()));
    statement.tail.signed_at = statement.tail.signed_at.plus(1000);
    assert!(matches!(world.honest(&statement), Err(Refusal::Late { .. })));
    // Signed in time, but it arrives when the clock has run out.
    statement.tail.signed_at = NOW;
    world.now = world.asked.approve_by.plus(1);
    assert!(matches!(world.honest(&statement), Err(Refusal::Over { .. })));
}

#[test]
fn stopping_is_possible_until_run_by() {
    let mut world = small();
    world.says("ann", "a", Decides::Approve);
    world.now = world.asked.run_by;
    let mut revoke = world.statement("ann", "a", Decides::Revoke);
    revoke.tail.signed_at = world.now;
    assert_eq!(world.honest(&revoke), Ok(()));
    let mut deny = world.statement("bea", "b", Decides::Deny);
    deny.tail.signed_at = world.now;
    assert_eq!(world.honest(&deny), Ok(()));
    world.now = world.asked.run_by.plus(1);
    assert!(matches!(world.honest(&deny), Err(Refusal::Over { .. })));
}

#[test]
fn a_role_with_proof_needs_touch_and_pin() {
    let world = small();
    let statement = world.statement("tom", "touch", Decides::Approve);
    for good in [PLAIN, hardware(0), hardware(1), hardware(4)] {
        let refused = world.door(&statement, good, b"tom");
        assert!(matches!(refused, Err(Refusal::NotUserVerified { .. })), "{good:?}");
    }
    assert_eq!(world.door(&statement, hardware(5), b"tom"), Ok(()));
    // Stopping needs less than starting.
    assert_eq!(world.door(&world.statement("tom", "touch", Decides::Deny), hardware(0), b"tom"), Ok(()));
    let statement = world.statement("tom", "code", Decides::Approve);
    assert_eq!(world.door(&statement, hardware(5), b"tom"), Err(Refusal::MfaCode { role: "code".into() }));
}

#[test]
fn one_person_decides_once_and_may_revoke_only_an_own_approval() {
    let mut world = small();
    let refused = |world: &World, person: &str, role: &str, what| world.honest(&world.statement(person, role, what));
    assert_eq!(refused(&world, "cat", "a", Decides::Revoke), Err(Refusal::NothingToRevoke { person: "cat".into() }));
    world.says("cat", "a", Decides::Approve);
    for (role, what) in [("a", Decides::Approve), ("b", Decides::Approve), ("a", Decides::Deny)] {
        assert_eq!(refused(&world, "cat", role, what), Err(Refusal::Twice { person: "cat".into() }));
    }
    assert_eq!(refused(&world, "cat", "a", Decides::Revoke), Ok(()));
    world.says("cat", "a", Decides::Revoke);
    for what in [Decides::Approve, Decides::Revoke, Decides::Deny] {
        assert_eq!(refused(&world, "cat", "a", what), Err(Refusal::Twice { person: "cat".into() }));
    }
}

#[test]
fn a_statement_or_nonce_is_never_taken_twice() {
    let mut world = small();
    let statement = world.statement("ann", "a", Decides::Approve);
    world.add(statement.clone());
    assert_eq!(world.honest(&statement), Err(Refusal::Reused));
    let mut other = world.statement("bea", "b", Decides::Approve);
    other.tail.nonce = statement.tail.nonce;
    assert_eq!(world.honest(&other), Err(Refusal::Reused));
}

#[test]
fn a_denied_request_takes_nothing_more() {
    let mut world = small();
    world.says("bea", "b", Decides::Deny);
    assert!(matches!(world.honest(&world.statement("ann", "a", Decides::Approve)), Err(Refusal::Over { .. })));
}

// --- the decision ---

fn two_of(people: Vec<Person>) -> World {
    World::new(people, vec![demand("a", 1, 1), demand("b", 1, 1)])
}

#[test]
fn one_person_fills_one_slot_whatever_roles_they_hold() {
    let mut world = two_of(vec![person("cat", "x", &["a", "b"]), person("dan", "y", &["b"])]);
    world.says("cat", "a", Decides::Approve);
    world.says("cat", "b", Decides::Approve);
    let lack = Lack { role: "b".into(), needed: 1, have: 0, people: vec!["dan".into()] };
    assert_eq!(decide(&world.case()), Decision::Missing(vec![lack]));
    world.says("dan", "b", Decides::Approve);
    assert_eq!(decide(&world.case()), Decision::Granted { consumes: vec![10, 12], run_by: NOW.plus(HOUR) });
}

#[test]
fn who_became_a_performer_after_approving_does_not_count_any_more() {
    let mut world = small();
    world.demands = vec![demand("a", 1, 1)];
    world.says("ann", "a", Decides::Approve);
    assert!(matches!(decide(&world.case()), Decision::Granted { .. }));
    world.performers.insert("ann".into());
    assert!(matches!(decide(&world.case()), Decision::Missing(_)));
}

#[test]
fn parties_are_counted_and_the_missing_party_is_named() {
    let people = vec![person("ann", "x", &["a"]), person("bob", "x", &["a"]), person("eve", "y", &["a"])];
    let mut world = World::new(people, vec![demand("a", 2, 2)]);
    world.says("ann", "a", Decides::Approve);
    let lack = Lack { role: "a".into(), needed: 2, have: 1, people: vec!["eve".into()] };
    assert_eq!(decide(&world.case()), Decision::Missing(vec![lack]));
    world.says("bob", "a", Decides::Approve);
    assert!(matches!(decide(&world.case()), Decision::Missing(_)));
    world.says("eve", "a", Decides::Approve);
    assert_eq!(decide(&world.case()), Decision::Granted { consumes: vec![10, 12], run_by: NOW.plus(HOUR) });
}

#[test]
fn one_denial_ends_it_and_a_revoked_approval_is_gone() {
    let mut world = small();
    world.demands = vec![demand("a", 1, 1), demand("b", 1, 1)];
    world.says("ann", "a", Decides::Approve);
    world.says("bea", "b", Decides::Approve);
    assert!(matches!(decide(&world.case()), Decision::Granted { .. }));
    world.says("ann", "a", Decides::Revoke);
    let Decision::Missing(lacks) = decide(&world.case()) else { panic!("still granted") };
    assert_eq!(lacks.len(), 1);
    assert_eq!(lacks[0].people, ["cat", "starter"]);
    world.says("cat", "a", Decides::Deny);
    assert_eq!(decide(&world.case()), Decision::Denied { person: "cat".into(), reason: String::new() });
}

#[test]
fn expiry_by_each_clock() {
    let mut world = small();
    world.demands = vec![demand("a", 1, 1)];
    world.now = world.asked.approve_by.plus(1);
    assert_eq!(decide(&world.case()), Decision::Expired { at: world.asked.approve_by });
    // Granted in time: what counts now is run-by, or an hour after the last signature.
    world.says("ann", "a", Decides::Approve);
    assert_eq!(decide(&world.case()), Decision::Expired { at: NOW.plus(HOUR) });
    world.now = NOW.plus(HOUR);
    assert_eq!(decide(&world.case()), Decision::Granted { consumes: vec![10], run_by: NOW.plus(HOUR) });
    world.demands[0].run_within = 9 * HOUR;
    let run_by = world.asked.run_by;
    world.now = run_by;
    assert_eq!(decide(&world.case()), Decision::Granted { consumes: vec![10], run_by });
    world.now = run_by.plus(1);
    assert_eq!(decide(&world.case()), Decision::Expired { at: run_by });
}

#[test]
fn more_parties_than_people_is_never_granted() {
    let people = vec![person("ann", "x", &["a"]), person("eve", "y", &["a"])];
    let mut world = World::new(people, vec![demand("a", 1, 2)]);
    world.says("ann", "a", Decides::Approve);
    world.says("eve", "a", Decides::Approve);
    assert!(matches!(decide(&world.case()), Decision::Missing(_)));
    world.demands = vec![demand("a", u32::MAX, u32::MAX)];
    assert!(matches!(decide(&world.case()), Decision::Missing(_)));
}

// --- what the plan demands ---

fn id(text: &str) -> StepId {
    text.parse().unwrap()
}

#[test]
fn steps_of_one_request_share_performer_and_approvals() {
    let staged = |role: &str| vec![Approval { per: Per::Stage, ..demand(role, 1, 1) }];
    let mut other = step("three", staged("a"));
    other.performer = "a".into();
    let mut last = step("five", staged("a"));
    last.back.point_of_no_return = "gone".into();
    let plan = plan(vec![step("one", staged("a")), step("two", staged("a")), other, step("four", staged("b")), last]);
    assert_eq!(demands(&plan, &[id("s/one"), id("s/two")], What::Approval), Ok(staged("a")));
    for with in ["s/three", "s/four", "s/five", "s/six"] {
        assert!(demands(&plan, &[id("s/one"), id(with)], What::Approval).is_err(), "{with}");
    }
    assert_eq!(demands(&plan, &[id("s/five")], What::Approval), Ok(staged("a")));
    assert!(demands(&plan, &[], What::Approval).is_err());
}

#[test]
fn a_decision_reaches_as_far_as_per_says() {
    let per = |per| vec![step("one", vec![Approval { per, ..demand("a", 1, 1) }])];
    let items = [id("s:k1/one"), id("s:k2/one")];
    assert!(demands(&plan(per(Per::Stage)), &items, What::Approval).is_ok());
    assert!(demands(&plan(per(Per::Item)), &items, What::Approval).is_err());
    let mut steps = per(Per::Stage);
    steps[0].back.undo = vec![step("u", steps[0].approvals.clone()), step("v", steps[0].approvals.clone())];
    let plan = plan(steps);
    assert!(demands(&plan, &[id("s:k1/one/undo/u"), id("s:k1/one/undo/v")], What::Approval).is_ok());
    assert!(demands(&plan, &[id("s:k1/one/undo/u"), id("s:k2/one/undo/u")], What::Approval).is_err());
    assert!(demands(&plan, &[id("s:k1/one"), id("s:k1/one/undo/u")], What::Approval).is_err());
}

#[test]
fn a_settlement_needs_one_approver_and_at_a_point_of_no_return_all() {
    let both = vec![demand("b", 2, 2), demand("a", 1, 1)];
    let mut gone = step("gone", both.clone());
    gone.back.point_of_no_return = "why".into();
    let plan = plan(vec![step("one", both.clone()), gone]);
    assert_eq!(demands(&plan, &[id("s/one")], What::Settle), Ok(vec![demand("a|b", 1, 1)]));
    assert_eq!(demands(&plan, &[id("s/gone")], What::Settle), Ok(both));
    let mut world = small();
    world.demands = vec![demand("a|b", 1, 1)];
    world.says("bea", "b", Decides::Approve);
    assert!(matches!(decide(&world.case()), Decision::Granted { .. }));
}

// --- brute force ---

/// What one random person does: role index they sign in, and how.
#[derive(Clone, Debug)]
struct Doing {
    party: usize,
    holds: [bool; 3],
    signs_as: usize,
    act: u8,
    performs: bool,
}

fn doing() -> impl Strategy<Value = Doing> {
    (0..3usize, any::<[bool; 3]>(), 0..3usize, 0..10u8, prop::bool::weighted(0.1))
        .prop_map(|(party, holds, signs_as, act, performs)| Doing { party, holds, signs_as, act, performs })
}

const ROLES: [&str; 3] = ["a", "b", "c"];
const WANTED: [&str; 5] = ["a", "b", "c", "a|b", "b|c"];

fn random_world(asked: &[(usize, u32, u32)], doings: &[Doing]) -> World {
    let people = doings
        .iter()
        .enumerate()
        .map(|(at, doing)| {
            let roles: Vec<&str> = (0..3).filter(|role| doing.holds[*role]).map(|role| ROLES[role]).collect();
            person(&format!("p{at}"), ["x", "y", "z"][doing.party], &roles)
        })
        .collect();
    let demands = asked.iter().map(|(role, count, parties)| demand(WANTED[*role], *count, *parties)).collect();
    let mut world = World::new(people, demands);
    for (at, doing) in doings.iter().enumerate() {
        let name = format!("p{at}");
        if doing.performs {
            world.performers.insert(name.clone());
        }
        match doing.act {
            0 => {}
            1 => {
                world.says(&name, ROLES[doing.signs_as], Decides::Approve);
                world.says(&name, ROLES[doing.signs_as], Decides::Revoke);
            }
            _ => world.says(&name, ROLES[doing.signs_as], Decides::Approve),
        }
    }
    world
}

/// All sets of approvals (by person) that fill every demand, each person one slot.
fn brute(asked: &[(usize, u32, u32)], doings: &[Doing]) -> Vec<Vec<usize>> {
    let counts = |doing: &Doing| doing.act > 1 && !doing.performs && doing.holds[doing.signs_as];
    let mut sets = Vec::new();
    // A number in base (demands + 1): digit of person p is the demand they fill, or none.
    let base = asked.len() + 1;
    for code in 0..base.pow(doings.len() as u32) {
        let place = |person: usize| code / base.pow(person as u32) % base;
        let fits = (0..doings.len()).all(|person| {
            place(person) == 0
                || counts(&doings[person])
                    && WANTED[asked[place(person) - 1].0].split('|').any(|role| role == ROLES[doings[person].signs_as])
        });
        if !fits {
            continue;
        }
        let met = asked.iter().enumerate().all(|(at, (_, count, parties))| {
            let who: Vec<usize> = (0..doings.len()).filter(|person| place(*person) == at + 1).collect();
            let from: BTreeSet<usize> = who.iter().map(|person| doings[*person].party).collect();
            who.len() == *count as usize && from.len() >= *parties as usize
        });
        if met {
            sets.push((0..doings.len()).filter(|person| place(*person) > 0).collect());
        }
    }
    sets.sort();
    sets
}

fn cases() -> u32 {
    if std::env::var_os("COUNTERSIGN_LONG").is_some_and(|value| value == "1") { 100_000 } else { 5_000 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn granted_is_what_brute_force_says(
        asked in prop::collection::vec((0..5usize, 1..4u32, 1..4u32), 1..4),
        doings in prop::collection::vec(doing(), 0..7),
    ) {
        let world = random_world(&asked, &doings);
        let sets = brute(&asked, &doings);
        let seq_of = |person: &usize| {
            let name = format!("p{person}");
            10 + world.statements.iter().position(|(statement, ..)| statement.tail.person == name).unwrap() as u64
        };
        let first: Option<Vec<u64>> = sets.first().map(|set| set.iter().map(seq_of).collect());
        match (decide(&world.case()), first) {
            // The earliest approvals that do are the ones consumed.
            (Decision::Granted { consumes, run_by }, Some(first)) => {
                prop_assert_eq!(consumes, first);
                prop_assert_eq!(run_by, NOW.plus(HOUR));
            }
            (Decision::Missing(lacks), None) => {
                prop_assert!(lacks.iter().any(|lack| lack.have < lack.needed) || asked.iter().any(|d| d.2 > d.1));
            }
            (found, first) => prop_assert!(false, "{:?}, but brute force says {:?}", found, first),
        }
    }

    #[test]
    fn a_denial_always_wins(doings in prop::collection::vec(doing(), 1..7), who in 0..7usize) {
        let asked = [(0, 1, 1), (1, 1, 1), (2, 1, 1)];
        let mut world = random_world(&asked, &doings);
        let fresh = person("denier", "x", &[ROLES[who % 3]]);
        world.people.people.insert("denier".into(), fresh);
        world.says("denier", ROLES[who % 3], Decides::Deny);
        prop_assert!(matches!(decide(&world.case()), Decision::Denied { .. }), "not denied");
    }
}
