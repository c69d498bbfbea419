//! The rules of "granted", stated a second time by brute force and compared with the decision
//! function, and each reason for which the door refuses a statement.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::approval::{Case, Decision, Given, Lack, Refusal, admit, admit_glass, decide, demands, may_begin};
use countersign::base::{Digest, RunId, StepId, Time};
use countersign::people::{Mfa, People, Person};
use countersign::plan::model::{self, Approval, Per, Plan, Proof, Role, Stage, Step, WayBack};
use countersign::record::corroboration::session_name;
use countersign::record::fact::{Asked, Corroborated, Mode, What};
use countersign::record::statement::{ApprovalFields, Body, BreakGlassFields, Decides, Head, Statement, Tail};
use countersign::sshsig::{Good, KeyKind, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

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
        mfa: Some(device(id)),
    }
}

fn device(id: &str) -> Mfa {
    let account = "arn:aws:iam::111122223333";
    Mfa { serial: format!("{account}:mfa/{id}"), role: format!("{account}:role/path/approve") }
}

/// What AWS answers to an honest code for this statement.
fn code(statement: &Statement) -> Corroborated {
    let digest = Digest::of(statement.text().as_bytes());
    let name = session_name(&digest);
    Corroborated {
        statement: digest,
        account: "111122223333".into(),
        arn: format!("arn:aws:sts::111122223333:assumed-role/approve/{name}"),
        assumed_role_id: format!("AROAEXAMPLE:{name}"),
        date: Some(NOW.seconds()),
        endpoint: "https://sts.amazonaws.com".into(),
        request_id: Some("id".into()),
        serial: device(&statement.tail.person).serial,
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
#[derive(Clone)]
struct World {
    plan: Plan,
    people: People,
    asked: Asked,
    demands: Vec<Approval>,
    performers: BTreeSet<String>,
    head: Head,
    statements: Vec<(Statement, Good, Vec<u8>)>,
    glass: Vec<(Statement, Good, Vec<u8>)>,
    /// What AWS said about a statement's code, by its nonce.
    codes: BTreeMap<String, Corroborated>,
    /// What was in force when a statement was signed, by its nonce, where that is not so any more.
    old: BTreeMap<String, Head>,
    starter: String,
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
            glass: vec![],
            codes: BTreeMap::new(),
            old: BTreeMap::new(),
            starter: "starter".into(),
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
            starter: self.starter.clone(),
            statements: self.statements.iter().enumerate().map(|(at, given)| self.given(at, given)).collect(),
            glass: self.glass.iter().enumerate().map(|(at, given)| self.given(at, given)).collect(),
            now: self.now,
        }
    }

    fn given<'a>(&'a self, at: usize, given: &'a (Statement, Good, Vec<u8>)) -> Given<'a> {
        let corroborated = self.codes.get(&given.0.tail.nonce);
        let (seq, key) = (10 + at as u64, given.2.clone());
        let head = self.old.get(&given.0.tail.nonce).unwrap_or(&self.head);
        Given { seq, statement: &given.0, good: given.1, key, corroborated, head }
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

    // The last second belongs to it.
    world.asked.approve_by = NOW.plus(HOUR);
    world.now = world.asked.approve_by;
    let mut last = world.statement("ann", "a", Decides::Approve);
    last.tail.signed_at = world.asked.approve_by;
    assert_eq!(world.honest(&last), Ok(()));
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
    // Other bits of the flags, such as a counter's or an extension's, say nothing about it.
    let plain = "that it was made by a plain key";
    let refused = [
        (PLAIN, plain),
        (hardware(0), "neither touch nor PIN"),
        (hardware(1), "touch, but no PIN"),
        (hardware(4), "PIN, but no touch"),
        (hardware(0x80), "neither touch nor PIN"),
        (hardware(0xc1), "touch, but no PIN"),
        (hardware(0x84), "PIN, but no touch"),
    ];
    for (good, words) in refused {
        let refusal = Refusal::NotUserVerified { role: "touch".into(), found: words.into() };
        assert_eq!(world.door(&statement, good, b"tom"), Err(refusal), "{good:?}");
    }
    for flags in [5, 0x85] {
        assert_eq!(world.door(&statement, hardware(flags), b"tom"), Ok(()));
    }
    // Stopping needs less than starting.
    assert_eq!(world.door(&world.statement("tom", "touch", Decides::Deny), hardware(0), b"tom"), Ok(()));
}

#[test]
fn a_role_with_a_code_needs_aws_to_have_taken_one_for_this_very_statement() {
    let mut world = small();
    let statement = world.statement("tom", "code", Decides::Approve);
    let refused = Err(Refusal::NotCorroborated { role: "code".into() });
    assert_eq!(world.door(&statement, hardware(5), b"tom"), refused);
    let honest = code(&statement);
    let nonce = statement.tail.nonce.clone();
    world.codes.insert(nonce.clone(), honest.clone());
    assert_eq!(world.honest(&statement), Ok(()));
    // To stop something, no code is needed.
    world.codes.clear();
    assert_eq!(world.honest(&world.statement("tom", "code", Decides::Deny)), Ok(()));
    let other = session_name(&Digest::of(b"other"));
    type Lie = fn(&mut Corroborated, &str);
    let lies: [(&str, Lie); 11] = [
        ("another statement", |it, _| it.statement = Digest::of(b"other")),
        ("a session of another name", |it, other| it.arn = format!("{}{other}", &it.arn[..it.arn.len() - 43])),
        ("a longer name", |it, _| it.arn.push('x')),
        ("another role", |it, _| it.arn = it.arn.replace("/approve/", "/admin/")),
        ("another account", |it, _| it.arn = it.arn.replace("111122223333", "999999999999")),
        ("an account that is not its ARN's", |it, _| it.account = "999999999999".into()),
        ("an id of another session", |it, other| it.assumed_role_id = format!("AROA:{other}")),
        ("another device", |it, _| it.serial = device("ann").serial),
        ("a date that is none", |it, _| it.date = Some("yesterday".into())),
        ("a date far ahead", |it, _| it.date = Some(NOW.plus(HOUR).seconds())),
        ("a live run asked of something else", |it, _| it.endpoint = "http://127.0.0.1:1".into()),
    ];
    for (name, lie) in lies {
        let mut it = honest.clone();
        lie(&mut it, &other);
        assert_ne!(it, honest, "{name}");
        world.codes.insert(nonce.clone(), it);
        assert!(matches!(world.honest(&statement), Err(Refusal::Corroboration { .. })), "{name}");
    }
    // A clock two minutes ahead is borne; and only a live run must have asked AWS itself.
    world.codes.insert(nonce.clone(), Corroborated { date: Some(NOW.plus(120_000).seconds()), ..honest.clone() });
    assert_eq!(world.honest(&statement), Ok(()));
    let mut simulated = world.clone();
    simulated.head.mode = Mode::Simulated;
    let statement_there = simulated.statement("tom", "code", Decides::Approve);
    let there = Corroborated { endpoint: "http://127.0.0.1:1".into(), ..code(&statement_there) };
    simulated.codes.insert(statement_there.tail.nonce.clone(), there);
    assert_eq!(simulated.honest(&statement_there), Ok(()));
    world.codes.insert(nonce, honest);
    world.people.people.get_mut("tom").unwrap().mfa = None;
    assert!(matches!(world.honest(&statement), Err(Refusal::Corroboration { .. })));
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
    world.now = world.asked.approve_by;
    assert!(matches!(decide(&world.case()), Decision::Missing(_)), "the last moment belongs to it");
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

// --- break-glass ---

impl World {
    /// Break-glass as an honest person would sign it.
    fn breaks(&self, person: &str) -> Statement {
        let (operations, attempt) = (self.asked.operations, self.asked.attempt);
        let fields = BreakGlassFields { covers: "s/move".into(), operations, attempt };
        let mut statement = self.statement(person, "", Decides::Approve);
        statement.body = Body::BreakGlass(self.head.clone(), fields);
        statement.tail.nonce = format!("{:032x}", 1_000 + self.glass.len());
        statement.tail.reason = "fire".into();
        statement
    }

    fn broken(&mut self, statement: Statement) {
        let key = statement.tail.person.as_bytes().to_vec();
        self.glass.push((statement, PLAIN, key));
    }

    fn glass_door(&self, statement: &Statement) -> Result<(), Refusal> {
        let given = (statement.clone(), PLAIN, statement.tail.person.as_bytes().to_vec());
        admit_glass(&self.case(), &id("s/move"), &self.given(self.statements.len() + self.glass.len(), &given))
    }

    fn begins(&self) -> Decision {
        may_begin(&self.case(), &id("s/move"))
    }
}

fn breakable() -> World {
    let mut world = two_of(vec![
        person("ann", "x", &["a"]),
        person("bea", "y", &["b"]),
        person("driver", "x", &["driver"]),
        person("starter", "y", &["b"]),
        person("vic", "y", &["watch"]),
        person("wim", "x", &["watch"]),
    ]);
    world.people.break_glass = ["vic", "wim", "driver", "starter"].map(str::to_owned).to_vec();
    world
}

#[test]
fn break_glass_stands_in_place_of_what_is_missing() {
    let mut world = breakable();
    world.says("ann", "a", Decides::Approve);
    let honest = world.breaks("vic");
    assert_eq!(world.glass_door(&honest), Ok(()));
    world.broken(honest.clone());
    assert!(matches!(decide(&world.case()), Decision::Missing(_)));
    assert_eq!(world.begins(), Decision::Waived { by: vec![10], run_by: NOW.plus(HOUR) });
    assert_eq!(world.glass_door(&honest), Err(Refusal::Reused));
    // Only for this step, and no longer than an approval.
    assert!(matches!(may_begin(&world.case(), &id("s/other")), Decision::Missing(_)));
    world.now = NOW.plus(HOUR);
    assert!(matches!(world.begins(), Decision::Waived { .. }), "the last moment belongs to it");
    world.now = NOW.plus(HOUR + 1);
    assert_eq!(world.begins(), Decision::Expired { at: NOW.plus(HOUR) });
    world.now = NOW;
    // Where nothing is missing, approvals are spent as ever; a denial stays a denial.
    world.says("bea", "b", Decides::Approve);
    assert!(matches!(world.begins(), Decision::Granted { .. }));
    world.says("starter", "b", Decides::Deny);
    assert!(matches!(world.begins(), Decision::Denied { .. }));
}

#[test]
fn at_a_point_of_no_return_it_takes_one_of_each_party() {
    let mut world = breakable();
    world.plan.stages[0].steps[0].back.point_of_no_return = "gone".into();
    world.plan.roles.get_mut("a").unwrap().party = "x".into();
    world.plan.roles.get_mut("b").unwrap().party = "y".into();
    let vic = world.breaks("vic");
    world.broken(vic);
    assert!(matches!(world.begins(), Decision::Missing(_)));
    let mut wim = world.breaks("wim");
    wim.tail.signed_at = NOW.plus(60_000);
    world.broken(wim);
    assert_eq!(world.begins(), Decision::Waived { by: vec![10, 11], run_by: NOW.plus(HOUR + 60_000) });
}

#[test]
fn each_rule_of_break_glass_is_held_to() {
    type Lie = fn(&mut World, &mut Statement);
    let lies: [(&str, Lie); 12] = [
        ("not listed", |world, _| world.people.break_glass.retain(|one| one != "vic")),
        ("performs", |world, _| {
            world.performers.insert("vic".into());
        }),
        ("roles apart", |world, _| {
            world.plan.apart = vec![vec!["watch".into(), "b".into()]];
            world.people.people.get_mut("vic").unwrap().roles.push("b".into());
        }),
        ("no reason", |_, statement| statement.tail.reason = "  ".into()),
        ("another party", |_, statement| statement.tail.party = "x".into()),
        ("a pattern", |_, statement| glass_of(statement).covers = "s/*".into()),
        ("another attempt", |_, statement| glass_of(statement).attempt += 1),
        ("other operations", |_, statement| glass_of(statement).operations = Digest::of(b"other")),
        ("a settlement", |world, _| world.asked.what = What::Settle),
        ("a clock ahead", |_, statement| statement.tail.signed_at = NOW.plus(121_000)),
        ("signed too late", |world, statement| {
            statement.tail.signed_at = world.asked.approve_by.plus(1);
            world.now = world.asked.approve_by.plus(1);
        }),
        ("another history", |_, statement| {
            if let Body::BreakGlass(head, _) = &mut statement.body {
                head.root.push('x');
            }
        }),
    ];
    for (name, lie) in lies {
        let mut world = breakable();
        let mut statement = world.breaks("vic");
        lie(&mut world, &mut statement);
        assert!(world.glass_door(&statement).is_err(), "{name}");
        world.broken(statement);
        assert!(!matches!(world.begins(), Decision::Waived { .. }), "{name}");
    }
    // The last moment of each clock belongs to it.
    let mut world = breakable();
    let mut late = world.breaks("vic");
    late.tail.signed_at = NOW.plus(120_000);
    assert_eq!(world.glass_door(&late), Ok(()));
    (world.now, late.tail.signed_at) = (world.asked.approve_by, world.asked.approve_by);
    assert_eq!(world.glass_door(&late), Ok(()));
    (world.now, late.tail.signed_at) = (world.asked.approve_by.plus(1), NOW);
    assert!(matches!(world.glass_door(&late), Err(Refusal::Over { .. })));
    // A nonce is used once, whatever else the statement says.
    let mut world = breakable();
    let first = world.breaks("vic");
    let mut second = world.breaks("wim");
    second.tail.nonce.clone_from(&first.tail.nonce);
    world.broken(first);
    assert_eq!(world.glass_door(&second), Err(Refusal::Reused));
    let mut world = breakable();
    assert_eq!(world.glass_door(&world.breaks("driver")), Err(Refusal::Performer { person: "driver".into() }));
    world.plan.exclude_starter = true;
    assert_eq!(world.glass_door(&world.breaks("starter")), Err(Refusal::Starter { person: "starter".into() }));
    world.says("bea", "b", Decides::Deny);
    assert!(matches!(world.glass_door(&world.breaks("vic")), Err(Refusal::Over { .. })));
}

fn glass_of(statement: &mut Statement) -> &mut BreakGlassFields {
    match &mut statement.body {
        Body::BreakGlass(_, fields) => fields,
        _ => panic!("no break-glass"),
    }
}

// --- brute force ---

/// What one random person does: the role index they sign in, and how; whether AWS took a code of theirs for this
/// statement (0: none was given, 1: for another statement); whether they break the glass, and may; over which texts
/// and people they signed, and when.
#[derive(Clone, Debug)]
struct Doing {
    party: usize,
    holds: [bool; 3],
    signs_as: usize,
    act: u8,
    performs: bool,
    code: u8,
    glass: u8,
    listed: bool,
    /// 0: before an amendment; 1: before a change of people; 2: while another performer sat (before a hand-over or a
    /// recovery); more: as it is now.
    over: u8,
    /// 0: after approve-by; 1: half an hour ago; more: now.
    when: u8,
}

/// What holds for everybody in one random case.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    no_return: bool,
    /// Approvals in the role `c` need a code.
    coded: bool,
    /// The first person opened the run, and such a person is left out.
    no_starter: bool,
    /// `a` and `b` are held by different people.
    apart: bool,
    /// Milliseconds since the request.
    later: i64,
}

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % most).unwrap()
    }

    fn doing(&mut self) -> Doing {
        let holds = [(); 3].map(|()| self.below(2) == 0);
        let (act, code, glass) = (self.below(10) as u8, self.below(6) as u8, self.below(12) as u8);
        let (performs, listed) = (self.below(10) == 0, self.below(10) < 7);
        let (over, when) = (self.below(24) as u8, self.below(16) as u8);
        Doing { party: self.below(3), holds, signs_as: self.below(3), act, performs, code, glass, listed, over, when }
    }

    fn rules(&mut self, coded: bool) -> Rules {
        let (no_return, no_starter, apart) = (self.below(2) == 0, self.below(4) == 0, self.below(4) == 0);
        let later = [0, 0, 0, HALF, HALF + 1, HOUR, HOUR + 1, HOUR + 8, 3 * HOUR][self.below(9)];
        Rules { no_return, coded, no_starter, apart, later }
    }

    fn doings(&mut self, least: u64) -> Vec<Doing> {
        (0..least as usize + self.below(7 - least)).map(|_| self.doing()).collect()
    }

    /// Role, count and parties of each demand.
    fn asked(&mut self) -> Vec<(usize, u32, u32)> {
        let some = |dice: &mut Dice| 1 + dice.below(3) as u32;
        (0..=self.below(3)).map(|_| (self.below(5), some(self), some(self))).collect()
    }
}

const HALF: i64 = HOUR / 2;
const ROLES: [&str; 3] = ["a", "b", "c"];
/// Approvals in the role `c` need a code.
const CODED: usize = 2;
const WANTED: [&str; 5] = ["a", "b", "c", "a|b", "b|c"];

/// A world of nobody: digests take their time without optimisation, and here it is made a hundred thousand times.
fn bare() -> World {
    static BARE: OnceLock<World> = OnceLock::new();
    BARE.get_or_init(|| World::new(vec![], vec![])).clone()
}

fn random_world(asked: &[(usize, u32, u32)], doings: &[Doing], rules: Rules) -> World {
    let people = doings.iter().enumerate().map(|(at, doing)| {
        let roles: Vec<&str> = (0..3).filter(|role| doing.holds[*role]).map(|role| ROLES[role]).collect();
        person(&format!("p{at}"), ["x", "y", "z"][doing.party], &roles)
    });
    let mut world = bare();
    world.people.people = people.map(|person| (person.id.clone(), person)).collect();
    world.demands = asked.iter().map(|(role, count, parties)| demand(WANTED[*role], *count, *parties)).collect();
    let proof = if rules.coded { Proof::MfaCode } else { Proof::Signature };
    (world.plan.exclude_starter, world.starter) = (rules.no_starter, "p0".into());
    if rules.apart {
        world.plan.apart = vec![vec!["a".into(), "b".into()]];
    }
    for (role, party, proof) in [("a", "x", Proof::Signature), ("b", "y", Proof::Signature), ("c", "", proof)] {
        let role = world.plan.roles.get_mut(role).unwrap();
        (role.party, role.proof) = (party.into(), proof);
    }
    if rules.no_return {
        world.plan.stages[0].steps[0].back.point_of_no_return = "gone".into();
    }
    for (at, doing) in doings.iter().enumerate() {
        let name = format!("p{at}");
        if doing.performs {
            world.performers.insert(name.clone());
        }
        if doing.listed {
            world.people.break_glass.push(name.clone());
        }
        if doing.act > 0 {
            let statement = signed_at_some_time(&mut world, &name, doing);
            if rules.coded && doing.code > 0 {
                let other = world.statement(&name, ROLES[doing.signs_as], Decides::Deny);
                let about = if doing.code == 1 { &other } else { &statement };
                world.codes.insert(statement.tail.nonce.clone(), code(about));
            }
            world.add(statement);
        }
        if doing.act == 1 {
            world.says(&name, ROLES[doing.signs_as], Decides::Revoke);
        }
        if doing.glass < 3 {
            let mut statement = world.breaks(&name);
            match doing.glass {
                1 => statement.tail.reason = String::new(),
                2 => glass_of(&mut statement).attempt = 7,
                _ => {}
            }
            world.broken(statement);
        }
    }
    world.now = NOW.plus(rules.later);
    world
}

/// An approval as it was signed then, over what was in force then.
fn signed_at_some_time(world: &mut World, name: &str, doing: &Doing) -> Statement {
    let mut statement = world.statement(name, ROLES[doing.signs_as], Decides::Approve);
    statement.tail.signed_at = match doing.when {
        0 => world.asked.approve_by.plus(1_000),
        1 => NOW.plus(-HALF),
        _ => NOW,
    };
    let Body::Approval(head, fields) = &mut statement.body else { panic!("no approval") };
    match doing.over {
        0 => head.runbook = Digest::of(b"the text before the amendment"),
        1 => head.people = Digest::of(b"the people before the change"),
        2 => fields.performer = "who sat before".into(),
        _ => {}
    }
    if doing.over < 2 {
        world.old.insert(statement.tail.nonce.clone(), head.clone());
    }
    statement
}

/// All sets of approvals (by person) that fill every demand, each person one slot: whoever counts takes no place, or
/// one of each demand in turn that they fit and that has room.
fn brute(asked: &[(usize, u32, u32)], doings: &[Doing], rules: Rules) -> Vec<Vec<usize>> {
    fn go(
        asked: &[(usize, u32, u32)],
        doings: &[Doing],
        at: usize,
        places: &mut Vec<Vec<usize>>,
        sets: &mut Vec<Vec<usize>>,
    ) {
        let Some(doing) = doings.get(at) else {
            let met = asked.iter().zip(places.iter()).all(|((_, count, parties), who)| {
                let from: BTreeSet<usize> = who.iter().map(|person| doings[*person].party).collect();
                who.len() == *count as usize && from.len() >= *parties as usize
            });
            if met {
                let mut set: Vec<usize> = places.iter().flatten().copied().collect();
                set.sort_unstable();
                sets.push(set);
            }
            return;
        };
        go(asked, doings, at + 1, places, sets);
        if doing.act > 1 && doing.holds[doing.signs_as] {
            for (demand, (role, count, _)) in asked.iter().enumerate() {
                let fits = WANTED[*role].split('|').any(|role| role == ROLES[doing.signs_as]);
                if fits && places[demand].len() < *count as usize {
                    places[demand].push(at);
                    go(asked, doings, at + 1, places, sets);
                    places[demand].pop();
                }
            }
        }
    }
    let mut sets = Vec::new();
    // Whose approval is worth nothing does as if they had said nothing.
    let counts = |at: usize, doing: &Doing| {
        let proved = !rules.coded || doing.signs_as != CODED || doing.code > 1;
        !barred(at, doing, rules) && proved && doing.over > 2 && doing.when > 0
    };
    let counted: Vec<Doing> = doings
        .iter()
        .enumerate()
        .map(|(at, doing)| Doing { act: if counts(at, doing) { doing.act } else { 0 }, ..doing.clone() })
        .collect();
    go(asked, &counted, 0, &mut vec![Vec::new(); asked.len()], &mut sets);
    sets.sort();
    sets
}

/// Whoever performs, opened the run where that is forbidden, or holds roles that must be apart decides on nothing.
fn barred(at: usize, doing: &Doing, rules: Rules) -> bool {
    doing.performs || (rules.no_starter && at == 0) || (rules.apart && doing.holds[0] && doing.holds[1])
}

/// Who breaks the glass by all rules, in order; the first of each party.
fn breakers(doings: &[Doing], rules: Rules) -> Vec<usize> {
    let mut parties = BTreeSet::new();
    let may = |at: usize, doing: &Doing| doing.glass == 0 && doing.listed && !barred(at, doing, rules);
    (0..doings.len()).filter(|at| may(*at, &doings[*at]) && parties.insert(doings[*at].party)).collect()
}

/// The two statements of the rules say the same of one random case.
fn agree(asked: &[(usize, u32, u32)], doings: &[Doing], rules: Rules) {
    let world = random_world(asked, doings, rules);
    let sets = brute(asked, doings, rules);
    let seq_of = |all: &[(Statement, Good, Vec<u8>)], person: &usize| {
        let name = format!("p{person}");
        10 + all.iter().position(|(statement, ..)| statement.tail.person == name).unwrap() as u64
    };
    let case = world.case();
    let decided = decide(&case);
    match (&decided, sets.first()) {
        // The earliest approvals that do are the ones consumed, for an hour after the last of them was signed.
        (found, Some(set)) => {
            let consumes: Vec<u64> = set.iter().map(|person| seq_of(&world.statements, person)).collect();
            let signed = set.iter().map(|person| if doings[*person].when == 1 { -HALF } else { 0 }).max();
            let until = signed.unwrap_or(0) + HOUR;
            let wanted = match rules.later > until {
                true => Decision::Expired { at: NOW.plus(until) },
                false => Decision::Granted { consumes, run_by: NOW.plus(until) },
            };
            assert_eq!(found, &wanted);
        }
        (Decision::Missing(lacks), None) => {
            assert!(lacks.iter().any(|lack| lack.have < lack.needed) || asked.iter().any(|d| d.2 > d.1));
            assert!(rules.later <= HOUR + 7, "approve-by has passed");
        }
        (Decision::Expired { at }, None) => {
            assert!(rules.later > HOUR + 7);
            assert_eq!(*at, world.asked.approve_by);
        }
        (found, None) => panic!("{found:?}, but brute force says that nobody may"),
    }
    // Break-glass stands only in place of what is missing; at a point of no return from both parties of the plan.
    let breakers = breakers(doings, rules);
    let parties: BTreeSet<usize> = breakers.iter().map(|at| doings[*at].party).collect();
    let wanted = match rules.no_return {
        true if parties.contains(&0) && parties.contains(&1) => breakers.as_slice(),
        true => &[],
        false => &breakers[..breakers.len().min(1)],
    };
    if world.glass.is_empty() {
        return;
    }
    let by: Vec<u64> = wanted.iter().map(|person| seq_of(&world.glass, person)).collect();
    let begins = may_begin(&case, &id("s/move"));
    if !sets.is_empty() || by.is_empty() {
        assert_eq!(begins, decided);
    } else if rules.later > HOUR {
        assert_eq!(begins, Decision::Expired { at: NOW.plus(HOUR) });
    } else {
        assert_eq!(begins, Decision::Waived { by, run_by: NOW.plus(HOUR) });
    }
}

/// So many random cases from this seed on; says which one failed.
fn cases(seed: u64, count: u64, coded: bool) {
    for seed in seed..seed + count {
        let mut dice = Dice(seed);
        let (asked, doings, rules) = (dice.asked(), dice.doings(0), dice.rules(coded));
        let failed = std::panic::catch_unwind(|| agree(&asked, &doings, rules)).is_err();
        assert!(!failed, "seed {seed}: asked {asked:?}, {rules:?}, {doings:#?}");
    }
}

// A hundred thousand in all; in parts, so that they run side by side. Few with codes: digests take their time.

#[test]
fn granted_is_what_brute_force_says() {
    cases(0, 49_000, false);
}

#[test]
fn granted_is_what_brute_force_says_of_others() {
    cases(1_000_000, 49_000, false);
}

#[test]
fn granted_with_codes_is_what_brute_force_says() {
    cases(2_000_000, 2_000, true);
}

#[test]
fn a_denial_always_wins() {
    let asked = [(0, 1, 1), (1, 1, 1), (2, 1, 1)];
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let (doings, role) = (dice.doings(1), ROLES[dice.below(3)]);
        let rules = Rules { later: [0, HOUR, 9 * HOUR][dice.below(3)], ..Rules::default() };
        let mut world = random_world(&asked, &doings, rules);
        world.people.people.insert("denier".into(), person("denier", "x", &[role]));
        world.says("denier", role, Decides::Deny);
        assert!(matches!(decide(&world.case()), Decision::Denied { .. }), "seed {seed}: not denied");
        assert!(matches!(world.begins(), Decision::Denied { .. }), "seed {seed}: not denied");
    }
}
