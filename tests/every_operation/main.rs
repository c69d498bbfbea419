//! Every action of the catalogue, through the SDK room, against the simulator: it succeeds with outputs of the
//! catalogue's shape; each error that the simulator can answer has a meaning and its class; the probe tells what
//! happened when the answer was lost; and the usual undo leaves the world as it was. One line in `scenes.rs` per action.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scenes;

use countersign::aws::connector::{WireRequest, WireResult, WireServer};
use countersign::aws::{AwsCloud, Config, InProcess, VirtualTime, Waiters};
use countersign::base::{Time, duration};
use countersign::catalogue::action::{Field, Repeat, Side, Type, Undo};
use countersign::catalogue::{self, Action, Class};
use countersign::engine::port::{Call, Cloud, Fault, SessionWanted};
use countersign::expression;
use countersign::simulator::state::{Key, State};
use countersign::simulator::{FaultKind, Lasting, Reply, Request, Simulator, World, errors};
use scenes::{CLOCK, HUMAN, Scene, scenes};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

const WORLD: &str = include_str!("world.toml");
const START: &str = "2026-10-05T12:00:00Z";

/// A simulated AWS, and a clock that only the test moves.
struct Stage {
    aws: Mutex<Simulator>,
    now: Mutex<Time>,
    waiters: Waiters,
}

impl VirtualTime for Stage {
    fn now(&self) -> Time {
        *self.now.lock().unwrap()
    }

    fn advance(&self, ms: i64) {
        let mut now = self.now.lock().unwrap();
        *now = now.plus(ms.max(0));
    }

    fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}

impl Stage {
    fn aws(&self) -> MutexGuard<'_, Simulator> {
        self.aws.lock().unwrap()
    }

    fn asked(&self, method: &str, path: &str, headers: Vec<(String, String)>, body: Vec<u8>) -> Reply {
        let request = Request { method: method.to_owned(), path: path.to_owned(), headers, body };
        self.aws().handle(&request, VirtualTime::now(self)).reply
    }
}

fn result(reply: Reply) -> WireResult {
    match reply {
        Reply::Answer { status, headers, body } => WireResult::Response { status, headers, body },
        Reply::Lost => WireResult::ResponseLost,
        Reply::Refused => WireResult::Refused,
        Reply::Slow { ms, then } => WireResult::Slow { ms: ms as u64, then: Box::new(result(*then)) },
    }
}

impl WireServer for Stage {
    fn serve(&self, request: WireRequest) -> WireResult {
        let rest = request.uri.split_once("://").map_or(request.uri.as_str(), |(_, rest)| rest);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut headers = request.headers;
        if !headers.iter().any(|(name, _)| name == "host") {
            headers.push(("host".to_owned(), host.to_owned()));
        }
        result(self.asked(&request.method, if path.is_empty() { "/" } else { path }, headers, request.body))
    }
}

/// One scene, played up to the call itself.
struct Play {
    stage: Arc<Stage>,
    cloud: AwsCloud,
    accounts: BTreeMap<String, String>,
    runtime: tokio::runtime::Runtime,
    action: &'static Action,
    with: Value,
}

impl Play {
    fn of(scene: &Scene) -> Play {
        let start = Time::parse(START).unwrap();
        let world = World::parse("world.toml", WORLD).unwrap_or_else(|findings| panic!("{findings:?}"));
        let aws = Simulator::new(&world, start);
        let known: Vec<_> = aws.profiles().map(|(name, keys)| (name.to_owned(), keys)).collect();
        let accounts = known.iter().map(|(name, keys)| (name.clone(), keys.account.clone())).collect();
        let keys = known.into_iter().map(|(name, k)| (name, (k.access_key, k.secret_key, k.session_token)));
        let profiles = keys.collect();
        let stage = Arc::new(Stage { aws: Mutex::new(aws), now: Mutex::new(start), waiters: Waiters::default() });
        let inside = InProcess { server: stage.clone(), time: stage.clone(), profiles };
        let cloud = AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let action = catalogue::find(scene.action).unwrap_or_else(|| panic!("there is no action {}", scene.action));
        let mut play = Play { stage, cloud, accounts, runtime, action, with: Value::Null };
        let mut made = Vec::new();
        for (session, action, with) in &scene.before {
            let with = filled(with, &made);
            made.push(match *session {
                CLOCK => {
                    play.stage.advance(duration::parse(action).unwrap());
                    Value::Null
                }
                HUMAN => play.human(&with),
                session => play.call(session, action, with).unwrap_or_else(|fault| panic!("{action}: {fault:?}")),
            });
        }
        play.with = filled(&scene.with, &made);
        play
    }

    /// What a person reads somewhere.
    fn human(&self, what: &Value) -> Value {
        let body = what.to_string().into_bytes();
        match self.stage.asked("POST", "/_countersign/human", Vec::new(), body) {
            Reply::Answer { status: 200, body, .. } => serde_json::from_slice(&body).unwrap(),
            other => panic!("{what}: {other:?}"),
        }
    }

    fn call(&self, session: &str, action: &str, with: Value) -> Result<Value, Fault> {
        // What holds secrets has somewhere to put them.
        let secret = catalogue::find(action).is_some_and(|action| action.mutates && action.outputs.iter().any(secret));
        let secret_to = if secret { json!({"file": "kept"}) } else { Value::Null };
        let session = SessionWanted { account: self.accounts[session].clone(), ..SessionWanted::none(session) };
        let call = Call { session, action: action.to_owned(), with, time_limit_ms: 10_000, secret_to };
        self.runtime.block_on(self.cloud.call(&call)).result
    }

    fn perform(&self, scene: &Scene) -> Result<Value, Fault> {
        self.call(scene.session, scene.action, self.with.clone())
    }

    /// The session is known, so that a fault strikes nothing but the call.
    fn ready(self, scene: &Scene) -> Play {
        self.call(scene.session, "sts:GetCallerIdentity", json!({})).unwrap();
        self
    }

    fn fault(&self, fault: countersign::simulator::Fault) {
        self.stage.aws().add_fault(fault);
    }

    /// What each side of the probe says, and the output that it finds: by the rules of the engine.
    fn probe(&self, scene: &Scene, output: &Value) -> Vec<(Reading, Value)> {
        self.action.probe.iter().map(|side| self.side(scene, side, output)).collect()
    }

    fn side(&self, scene: &Scene, side: &Side, output: &Value) -> (Reading, Value) {
        let session = match side.name {
            "management" => scene.sides.0,
            "member" => scene.sides.1,
            _ => scene.session,
        };
        let mut context = json!({"with": self.with, "output": output, "before": null, "reads": {}});
        for read in side.reads {
            let (mut with, mut whole) = (Map::new(), true);
            for (name, text) in read.with {
                match expression::fill(&json!(text), &context, Time(0)) {
                    Ok(Value::Null) | Err(_) => whole &= !catalogue::needs(read.action, name),
                    Ok(value) => {
                        with.insert((*name).to_owned(), value);
                    }
                }
            }
            let mut entry = json!({"answer": null, "error": null});
            if whole {
                match self.call(session, read.action, Value::Object(with)) {
                    Ok(answer) => entry["answer"] = answer,
                    Err(fault) => entry["error"] = json!(fault.code),
                }
            }
            context["reads"][read.id] = entry;
        }
        let says = |text| matches!(expression::search(text, &context, Time(0)), Ok(Value::Bool(true)));
        let found = match side.output {
            "" => Value::Null,
            text => expression::search(text, &context, Time(0)).unwrap_or(Value::Null),
        };
        match (says(side.done), says(side.not_done)) {
            (true, false) => (Reading::Done, found),
            (false, true) => (Reading::NotDone, Value::Null),
            (false, false) => (Reading::CannotTell, Value::Null),
            (true, true) => panic!("{} {}: done and not done", scene.action, side.name),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Done,
    NotDone,
    CannotTell,
}

/// Texts that begin with `=` are looked up in what was made before.
fn filled(value: &Value, made: &[Value]) -> Value {
    match value {
        Value::String(text) if text.starts_with('=') => {
            let found = expression::search(&text[1..], &json!({"made": made}), Time(0)).unwrap();
            assert!(!found.is_null(), "{text} is nothing in {made:?}");
            found
        }
        Value::Array(items) => items.iter().map(|item| filled(item, made)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), filled(member, made))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn secret(field: &Field) -> bool {
    field.secret
        || match &field.of {
            Type::Record(fields) => fields.iter().any(secret),
            Type::List(Type::Record(fields)) => fields.iter().any(secret),
            _ => false,
        }
}

/// Everything in an output is what the catalogue says; secrets are gone.
fn fits(value: &Value, of: &Type, at: &str) {
    match of {
        Type::Record(fields) => {
            for (name, member) in value.as_object().unwrap_or_else(|| panic!("{at} is no table: {value}")) {
                let field = fields.iter().find(|field| field.name == name);
                let field = field.unwrap_or_else(|| panic!("{at} has {name}, which the catalogue does not know"));
                match field.secret {
                    true => assert!(member.is_null(), "{at}.{name} is secret and came out"),
                    false => fits(member, &field.of, &format!("{at}.{name}")),
                }
            }
        }
        Type::List(of) => {
            let items = value.as_array().unwrap_or_else(|| panic!("{at} is no list: {value}"));
            items.iter().for_each(|item| fits(item, of, at));
        }
        Type::Integer => assert!(value.is_i64(), "{at}: {value}"),
        Type::Boolean => assert!(value.is_boolean(), "{at}: {value}"),
        Type::Time => assert!(Time::parse(value.as_str().unwrap_or("")).is_some(), "{at}: {value}"),
        Type::Choice(words) => assert!(words.contains(&value.as_str().unwrap_or("")), "{at}: {value}"),
        _ => assert!(value.is_string(), "{at}: {value}"),
    }
}

#[test]
fn every_action_has_one_scene_and_succeeds_in_it() {
    let all = scenes();
    for action in catalogue::all() {
        let count = all.iter().filter(|scene| scene.action == action.name).count();
        assert_eq!(count, 1, "{} has {count} scenes in scenes.rs", action.name);
    }
    for scene in &all {
        let play = Play::of(scene).ready(scene);
        let before = play.stage.aws().effects().count();
        let output = play.perform(scene).unwrap_or_else(|fault| panic!("{}: {fault:?}", scene.action));
        assert_eq!(play.stage.aws().effects().count() - before, usize::from(play.action.mutates), "{}", scene.action);
        for (name, member) in output.as_object().unwrap() {
            let field = play.action.outputs.iter().find(|field| field.name == name);
            let field = field.unwrap_or_else(|| panic!("{}: the catalogue has no output {name}", scene.action));
            fits(member, &field.of, &format!("{}.{name}", scene.action));
        }
        if let Some(first) = play.action.outputs.first() {
            assert!(!output[first.name].is_null(), "{} brought no {}", scene.action, first.name);
        }
    }
}

#[test]
fn every_error_has_a_meaning_and_comes_with_its_class() {
    let mut pairs = 0;
    for scene in &scenes() {
        let play = Play::of(scene).ready(scene);
        let rows = errors::of(scene.action);
        let before = play.stage.aws().state().clone();
        for row in &rows {
            let reason = row.reason.unwrap_or("");
            let (class, meaning) = catalogue::classify(play.action, row.code, reason);
            assert!(
                meaning.is_some(),
                "the catalogue does not say what {} {reason} means for {}",
                row.code,
                scene.action
            );
            let mut fault = countersign::simulator::Fault::first(scene.action, FaultKind::Error);
            (fault.code, fault.reason, fault.times) = (row.code.to_owned(), reason.to_owned(), 100);
            play.fault(fault);
            let got = play.perform(scene).unwrap_err();
            play.stage.aws().forget_faults();
            assert_eq!(
                (got.code.as_str(), got.reason.as_str(), got.class),
                (row.code, reason, class),
                "{}",
                scene.action
            );
        }
        // While a read is tried again, time passes.
        let same = !play.action.mutates || *play.stage.aws().state() == before;
        assert!(same, "{}: an error changed something", scene.action);
        // The other way round: what the catalogue lists, the simulator can answer.
        for listed in play.action.errors.iter().filter(|listed| !listed.reason.is_empty()) {
            let known = rows.iter().any(|row| (row.code, row.reason) == (listed.code, Some(listed.reason)));
            let name = format!("{} {} {}", scene.action, listed.code, listed.reason);
            assert!(known, "the simulator has no {name}");
        }
        pairs += rows.len();
        println!("{:<60} {:>3} errors", scene.action, rows.len());
    }
    println!("{} operations, {pairs} errors", catalogue::all().count());
}

fn changes() -> Vec<Scene> {
    let mutates = |scene: &Scene| catalogue::find(scene.action).is_some_and(|action| action.mutates);
    scenes().into_iter().filter(mutates).collect()
}

#[test]
fn probes_tell_what_happened_when_the_answer_was_lost() {
    for scene in &changes() {
        let another = |action: &Action| action.repeat == Repeat::MakesAnother;
        // Nothing has happened yet.
        let play = Play::of(scene).ready(scene);
        let expected = if another(play.action) { Reading::CannotTell } else { Reading::NotDone };
        for (reading, _) in play.probe(scene, &Value::Null) {
            assert_eq!(reading, expected, "{} before anything happened", scene.action);
        }
        // The connection is refused: it is known that nothing happened.
        play.fault(countersign::simulator::Fault::first(scene.action, FaultKind::RefusedBefore));
        assert_eq!(play.perform(scene).unwrap_err().class, Class::Retry, "{}", scene.action);
        // It is carried out, and the answer is lost. Reads are behind for a while.
        let stale = Lasting::Ms(2_000);
        play.fault(countersign::simulator::Fault::first(scene.action, FaultKind::ResponseLost));
        play.fault(countersign::simulator::Fault {
            lasting: stale,
            ..countersign::simulator::Fault::first(scene.action, FaultKind::StaleReads)
        });
        let before = play.stage.aws().effects().count();
        assert_eq!(play.perform(scene).unwrap_err().class, Class::InDoubt, "{}", scene.action);
        assert_eq!(play.stage.aws().effects().count() - before, 1, "{}", scene.action);
        for (reading, _) in play.probe(scene, &Value::Null) {
            assert_eq!(reading, expected, "{} while reads are behind", scene.action);
        }
        // Within the time that the catalogue gives, they show it.
        play.stage.advance(play.action.settles_within);
        for (reading, found) in play.probe(scene, &Value::Null) {
            let expected = if another(play.action) { Reading::CannotTell } else { Reading::Done };
            assert_eq!(reading, expected, "{} after it has settled", scene.action);
            if let (Reading::Done, Some(first)) = (reading, play.action.outputs.first()) {
                assert!(!found[first.name].is_null(), "{}: the probe finds no {}: {found}", scene.action, first.name);
            }
        }
    }
}

#[test]
fn probes_see_what_went_well() {
    for scene in &changes() {
        let play = Play::of(scene);
        let output = play.perform(scene).unwrap();
        play.stage.advance(play.action.settles_within);
        for (reading, _) in play.probe(scene, &output) {
            assert_eq!(reading, Reading::Done, "{}", scene.action);
        }
    }
}

/// What may differ where everything was taken back: numbers that are given out, sessions, what has ended, and since when
/// a service has had access.
fn bare(state: &State) -> State {
    let mut state = state.clone();
    state.serial = 0;
    state.keys.retain(|key: &Key| key.token.is_empty());
    state.handshakes.retain(|handshake| handshake.ended.is_none());
    state.transfers.retain(|transfer| matches!(transfer.status, "REQUESTED" | "ACCEPTED"));
    let ids: Vec<String> = state.accounts.keys().cloned().collect();
    for id in ids {
        let account = state.accounts.get_mut(&id).unwrap();
        account.changes.clear();
        account.users.values_mut().filter_map(|user| user.mfa.as_mut()).for_each(|mfa| mfa.used = None);
    }
    let ids: Vec<String> = state.organizations.keys().cloned().collect();
    for id in ids {
        let organization = state.organizations.get_mut(&id).unwrap();
        organization.tags.retain(|_, tags| !tags.is_empty());
        organization.service_access.values_mut().for_each(|since| *since = Time(0));
        organization.delegated.values_mut().flat_map(|all| all.values_mut()).for_each(|since| *since = Time(0));
    }
    state
}

#[test]
fn the_usual_undo_leaves_the_world_as_it_was() {
    let mut seen = 0;
    for scene in &changes() {
        let play = Play::of(scene);
        let Undo::Usual(steps) = play.action.undo else { continue };
        let before = bare(play.stage.aws().state());
        let output = play.perform(scene).unwrap();
        assert!(bare(play.stage.aws().state()) != before, "{} changed nothing", scene.action);
        play.stage.advance(60_000);
        for step in steps {
            let scope = json!({"with": play.with, "output": output});
            let template: Map<String, Value> =
                step.with.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
            let with = expression::fill(&Value::Object(template), &scope, Time(0)).unwrap();
            play.call(scene.session, step.action, with.clone())
                .unwrap_or_else(|fault| panic!("{} undone by {} {with}: {fault:?}", scene.action, step.action));
        }
        let after = bare(play.stage.aws().state());
        assert!(after == before, "{} and its undo left something:\n{before:#?}\n{after:#?}", scene.action);
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

/// The management account becomes a member's root user for one task, and may do nothing else as it.
#[test]
fn a_root_session_does_its_task_and_no_other() {
    let all = scenes();
    let play = Play::of(all.iter().find(|scene| scene.action == "sts:AssumeRoot").unwrap());
    let session = |task: &str| SessionWanted {
        account: play.accounts["member"].clone(),
        kinds: vec!["root".to_owned()],
        through: Some(Box::new(SessionWanted {
            account: play.accounts["first"].clone(),
            ..SessionWanted::none("first")
        })),
        assume_role: format!("arn:aws:iam::aws:policy/root-task/{task}"),
        ..SessionWanted::none(task)
    };
    let call = |task: &str, action: &str, with: Value| {
        let secret_to = Value::Null;
        let call = Call { session: session(task), action: action.to_owned(), with, time_limit_ms: 10_000, secret_to };
        play.runtime.block_on(play.cloud.call(&call)).result
    };
    let (audit, delete, allow) =
        ("IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword");
    let summary = |name: &str| call(audit, "iam:GetAccountSummary", json!({})).unwrap()["SummaryMap"][name].clone();
    assert_eq!((summary("AccountPasswordPresent"), summary("AccountMFAEnabled")), (json!(1), json!(1)));
    assert_eq!(call(audit, "iam:DeleteLoginProfile", json!({})).unwrap_err().class, Class::Refused);
    let device = call(delete, "iam:ListMFADevices", json!({})).unwrap()["MFADevices"][0]["SerialNumber"].clone();
    call(delete, "iam:DeactivateMFADevice", json!({"SerialNumber": device})).unwrap();
    call(delete, "iam:DeleteLoginProfile", json!({})).unwrap();
    assert_eq!((summary("AccountPasswordPresent"), summary("AccountMFAEnabled")), (json!(0), json!(0)));
    call(allow, "iam:CreateLoginProfile", json!({})).unwrap();
    assert_eq!(summary("AccountPasswordPresent"), json!(1));
    // Where central root access is off for the task, it is said so.
    let refused = call("S3UnlockBucketPolicy", "sts:GetCallerIdentity", json!({})).unwrap_err();
    assert!(refused.message.contains("is central root access on"), "{refused:?}");
}
