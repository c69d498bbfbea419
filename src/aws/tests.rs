//! The room against canned answers: in this process, and over real sockets in a child process.

use super::connector::{WireRequest, WireResult};
use super::*;
use crate::base::Time;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

/// Operation, and how many times it has been asked for -> answer.
type Answer = Box<dyn Fn(&str, usize) -> WireResult + Send + Sync>;

/// A server that is a function, and keeps what it was asked.
struct Canned {
    answer: Answer,
    log: Mutex<Vec<String>>,
}

impl WireServer for Canned {
    fn serve(&self, request: WireRequest) -> WireResult {
        let operation = operation(&request);
        let mut log = self.log.lock().unwrap();
        log.push(operation.clone());
        let nth = log.iter().filter(|known| **known == operation).count();
        drop(log);
        (self.answer)(&operation, nth)
    }
}

/// The operation's name, from the JSON protocol's header, the path, or the query protocol's body.
fn operation(request: &WireRequest) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.rsplit('.').next().unwrap().to_owned();
    }
    // REST: `/putAccountName`.
    let path = request.uri.rsplit('/').next().unwrap();
    if let Some(first) = path.chars().next().filter(char::is_ascii_lowercase) {
        return format!("{}{}", first.to_ascii_uppercase(), &path[1..]);
    }
    let body = String::from_utf8(request.body.clone()).unwrap();
    body.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap().to_owned()
}

struct Clock(Mutex<Time>, Waiters);

impl VirtualTime for Clock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap()
    }

    fn advance(&self, ms: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(ms);
    }

    fn waiters(&self) -> &Waiters {
        &self.1
    }
}

struct Bench {
    cloud: AwsCloud,
    server: Arc<Canned>,
    clock: Arc<Clock>,
}

impl Bench {
    /// A server that knows who is asking and, for the rest, does as told.
    fn new(answer: impl Fn(&str, usize) -> WireResult + Send + Sync + 'static) -> Bench {
        Bench::with(true, move |operation, nth| match operation {
            "GetCallerIdentity" => identity("arn:aws:iam::111122223333:user/alice", "111122223333"),
            other => answer(other, nth),
        })
    }

    fn with(simulated: bool, answer: impl Fn(&str, usize) -> WireResult + Send + Sync + 'static) -> Bench {
        let server = Arc::new(Canned { answer: Box::new(answer), log: Mutex::default() });
        let start = Time::parse("2026-03-01T12:00:00Z").unwrap();
        let clock = Arc::new(Clock(Mutex::new(start), Waiters::default()));
        let profiles = [("main".to_owned(), ("AKIAEXAMPLE".to_owned(), "secret".to_owned(), String::new()))].into();
        let inside = InProcess { server: server.clone(), time: clock.clone(), profiles };
        let cloud = AwsCloud::new(Config { simulated, in_process: Some(inside), ..Config::default() });
        Bench { cloud, server, clock }
    }

    fn call(&self, action: &str, with: Value) -> Reply {
        self.call_to(action, with, Value::Null)
    }

    fn call_to(&self, action: &str, with: Value, secret_to: Value) -> Reply {
        run(self.cloud.call(&Call {
            session: session("main"),
            action: action.to_owned(),
            with,
            time_limit_ms: 10_000,
            secret_to,
        }))
    }

    fn open(&self, wanted: &SessionWanted) -> Result<Identity, SessionProblem> {
        run(self.cloud.open(wanted))
    }

    fn count(&self, operation: &str) -> usize {
        self.server.log.lock().unwrap().iter().filter(|known| known.eq_ignore_ascii_case(operation)).count()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn session(id: &str) -> SessionWanted {
    SessionWanted {
        id: id.to_owned(),
        account: "111122223333".to_owned(),
        kinds: Vec::new(),
        profile: String::new(),
        region: String::new(),
        through: None,
        assume_role: String::new(),
        external_id: String::new(),
        mfa: false,
        serial: String::new(),
        role_session_name: String::new(),
    }
}

fn answer(status: u16, kind: &str, body: &str) -> WireResult {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    WireResult::Response {
        status,
        headers: vec![
            header("content-type", kind),
            header("x-amzn-requestid", "request-1"),
            header("date", "Sun, 01 Mar 2026 12:00:01 GMT"),
        ],
        body: body.as_bytes().to_vec(),
    }
}

fn json_answer(body: Value) -> WireResult {
    answer(200, "application/x-amz-json-1.1", &body.to_string())
}

fn json_error(code: &str, reason: &str) -> WireResult {
    let mut body = json!({"__type": code, "Message": "no"});
    if !reason.is_empty() {
        body["Reason"] = json!(reason);
    }
    answer(400, "application/x-amz-json-1.1", &body.to_string())
}

fn xml(operation: &str, inside: &str) -> WireResult {
    let body = format!(
        "<{operation}Response><{operation}Result>{inside}</{operation}Result>\
         <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{operation}Response>"
    );
    answer(200, "text/xml", &body)
}

fn xml_error(status: u16, code: &str) -> WireResult {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>"
    );
    answer(status, "text/xml", &body)
}

fn identity(arn: &str, account: &str) -> WireResult {
    xml("GetCallerIdentity", &format!("<Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account>"))
}

fn accept() -> Value {
    json!({"HandshakeId": "h-examplehandshakeid111"})
}

fn class_of(reply: &Reply) -> (String, Class) {
    let fault = reply.result.clone().unwrap_err();
    (fault.code, fault.class)
}

#[test]
fn all_pages_of_a_list_come_as_one_with_awss_names_and_dates() {
    let bench = Bench::new(|_, nth| match nth {
        1 => json_answer(json!({"NextToken": "more", "Accounts": [
            {"Id": "111122223333", "Name": "A", "State": "ACTIVE", "JoinedTimestamp": 1_700_000_000, "New": "x"}]})),
        _ => json_answer(json!({"Accounts": [{"Id": "444455556666"}]})),
    });
    let reply = bench.call("organizations:ListAccounts", json!({}));
    let accounts = json!({"Accounts": [
        {"Id": "111122223333", "Name": "A", "State": "ACTIVE", "Paths": [],
         "JoinedTimestamp": "2023-11-14T22:13:20Z"},
        {"Id": "444455556666", "Paths": []}]});
    assert_eq!(reply.result, Ok(accounts));
    assert_eq!(reply.request_id.as_deref(), Some("request-1"));
    assert_eq!(reply.date.as_deref(), Some("2026-03-01T12:00:01Z"));
    assert_eq!(bench.count("ListAccounts"), 2);
    assert_eq!(bench.count("GetCallerIdentity"), 1);
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let bench = Bench::new(|_, _| json_answer(json!({"NextToken": "again", "Accounts": []})));
    let reply = bench.call("organizations:ListAccounts", json!({}));
    assert_eq!(class_of(&reply), ("UnreadableAnswer".to_owned(), Class::Retry));
}

#[test]
fn errors_are_classed_by_code_and_reason() {
    let bench = Bench::new(|_, nth| match nth {
        1 => json_error("ConstraintViolationException", "WAIT_PERIOD_ACTIVE"),
        2 => json_error("HandshakeAlreadyInStateException", ""),
        3 => json_error("ConcurrentModificationException", ""),
        4 => json_error("com.amazonaws.organizations#ConstraintViolationException", "BRAND_NEW"),
        5 => json_error("NeverSeenException", ""),
        _ => json_error("AccessDeniedException", ""),
    });
    let classes: Vec<(String, Class)> =
        (0..6).map(|_| class_of(&bench.call("organizations:AcceptHandshake", accept()))).collect();
    let expected = [
        ("ConstraintViolationException", Class::Wait),
        ("HandshakeAlreadyInStateException", Class::AlreadyDone),
        ("ConcurrentModificationException", Class::Retry),
        ("ConstraintViolationException", Class::NotDone),
        ("NeverSeenException", Class::NotDone),
        ("AccessDeniedException", Class::Refused),
    ];
    let expected: Vec<(String, Class)> = expected.map(|(code, class)| (code.to_owned(), class)).into();
    assert_eq!(classes, expected);
    assert_eq!(bench.count("AcceptHandshake"), 6, "a change goes out once per call");
}

#[test]
fn the_reason_and_the_message_are_kept() {
    let bench = Bench::new(|_, _| json_error("ConstraintViolationException", "WAIT_PERIOD_ACTIVE"));
    let fault = bench.call("organizations:AcceptHandshake", accept()).result.unwrap_err();
    assert_eq!((fault.reason.as_str(), fault.message.as_str()), ("WAIT_PERIOD_ACTIVE", "no"));
}

#[test]
fn what_may_have_happened_is_doubt_and_is_sent_exactly_once() {
    type Case = (fn() -> WireResult, &'static str);
    let cases: [Case; 6] = [
        (|| WireResult::ResponseLost, "ConnectionLost"),
        (|| WireResult::Hang, "Timeout"),
        (
            || answer(500, "application/x-amz-json-1.1", r#"{"__type":"ServiceException","Message":"no"}"#),
            "ServiceException",
        ),
        (|| answer(503, "text/html", "<html>"), "ServerError"),
        (|| answer(200, "application/x-amz-json-1.1", "<html>"), "UnreadableAnswer"),
        (|| json_answer(json!({})), "UnreadableAnswer"),
    ];
    for (result, code) in cases {
        let bench = Bench::new(move |_, _| result());
        let reply = bench.call("organizations:AcceptHandshake", accept());
        assert_eq!(class_of(&reply), (code.to_owned(), Class::InDoubt));
        assert_eq!(bench.count("AcceptHandshake"), 1, "{code}");
    }
}

#[test]
fn a_time_limit_runs_on_the_virtual_clock() {
    let bench = Bench::new(|_, _| WireResult::Hang);
    let (before, started) = (bench.clock.now(), std::time::Instant::now());
    bench.call("organizations:AcceptHandshake", accept());
    assert_eq!(bench.clock.now().since(before), 10_000);
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn a_slow_answer_comes_if_the_time_limit_is_longer_and_is_doubt_if_it_is_shorter() {
    let slow = |ms| WireResult::Slow { ms, then: Box::new(json_answer(json!({"Handshake": {"Id": "h-1"}}))) };
    let bench = Bench::new(move |_, nth| slow(if nth == 1 { 9_000 } else { 11_000 }));
    let before = bench.clock.now();
    assert!(bench.call("organizations:AcceptHandshake", accept()).result.is_ok());
    assert_eq!(bench.clock.now().since(before), 9_000);
    let reply = bench.call("organizations:AcceptHandshake", accept());
    assert_eq!(class_of(&reply), ("Timeout".to_owned(), Class::InDoubt));
    assert_eq!(bench.clock.now().since(before), 19_000);
}

#[test]
fn a_refused_connection_means_that_nothing_was_sent() {
    let bench = Bench::new(|_, _| WireResult::Refused);
    let reply = bench.call("organizations:AcceptHandshake", accept());
    assert_eq!(class_of(&reply), ("ConnectionRefused".to_owned(), Class::Retry));
    assert_eq!(bench.count("AcceptHandshake"), 1);
}

#[test]
fn reads_are_tried_again_and_bounded() {
    let bench = Bench::new(|_, nth| match nth {
        1 => WireResult::ResponseLost,
        2 => json_error("TooManyRequestsException", ""),
        _ => json_answer(json!({"Account": {"Id": "111122223333"}})),
    });
    let with = json!({"AccountId": "111122223333"});
    let before = bench.clock.now();
    assert!(bench.call("organizations:DescribeAccount", with.clone()).result.is_ok());
    assert_eq!(bench.clock.now().since(before), 3000, "one second, then two");
    let bench = Bench::new(|_, _| WireResult::ResponseLost);
    let reply = bench.call("organizations:DescribeAccount", with);
    assert_eq!(class_of(&reply), ("ConnectionLost".to_owned(), Class::Retry));
    assert_eq!(bench.count("DescribeAccount"), 4);
}

#[test]
fn reads_keep_to_awss_rate() {
    let organization = || json_answer(json!({"Organization": {"Id": "o-exampleorgid"}}));
    let bench = Bench::new(move |_, _| organization());
    let before = bench.clock.now();
    for _ in 0..5 {
        bench.call("organizations:DescribeOrganization", json!({})).result.unwrap();
    }
    assert_eq!(bench.clock.now().since(before), 3000, "two at once, then one a second");
}

#[test]
fn an_ended_session_is_told_apart_and_can_be_opened_anew() {
    let bench = Bench::new(|_, nth| match nth {
        1 => json_error("ExpiredTokenException", ""),
        _ => json_answer(json!({})),
    });
    let with = json!({"AccountId": "111122223333", "SourceParentId": "r-1", "DestinationParentId": "ou-1"});
    let reply = bench.call("organizations:MoveAccount", with.clone());
    assert_eq!(class_of(&reply), ("ExpiredTokenException".to_owned(), Class::SessionExpired));
    bench.cloud.forget(&session("main"));
    assert_eq!(bench.call("organizations:MoveAccount", with).result, Ok(json!({})));
    assert_eq!(bench.count("GetCallerIdentity"), 2);
    let bench = Bench::with(true, |_, _| xml_error(403, "ExpiredToken"));
    assert!(matches!(bench.open(&session("main")), Err(SessionProblem::Expired { .. })));
    let bench = Bench::with(true, |_, _| WireResult::Refused);
    assert!(matches!(bench.open(&session("main")), Err(SessionProblem::Unreachable { .. })));
    assert!(matches!(bench.open(&session("other")), Err(SessionProblem::None { .. })));
}

#[test]
fn a_session_is_pinned_to_account_and_kind_before_anything_else() {
    let bench = Bench::new(|_, _| json_answer(json!({})));
    let found = bench.open(&session("main")).unwrap();
    assert_eq!((found.kind.as_str(), found.endpoint.as_str()), ("user", "http://simulator.invalid"));
    let elsewhere = SessionWanted { account: "999999999999".to_owned(), profile: "main".to_owned(), ..session("x") };
    assert!(matches!(bench.open(&elsewhere), Err(SessionProblem::WrongAccount { .. })));
    let roles = SessionWanted { kinds: vec!["role".to_owned()], ..session("main") };
    assert!(matches!(bench.open(&roles), Err(SessionProblem::WrongKind { .. })));
    let call = Call {
        session: elsewhere,
        action: "organizations:AcceptHandshake".to_owned(),
        with: accept(),
        time_limit_ms: 10_000,
        secret_to: Value::Null,
    };
    assert_eq!(class_of(&run(bench.cloud.call(&call))), ("WrongAccount".to_owned(), Class::Refused));
    assert_eq!(bench.count("AcceptHandshake"), 0);
}

#[test]
fn a_simulator_is_not_asked_in_a_live_run() {
    let bench = Bench::with(false, |_, _| identity("arn:aws:iam::111122223333:root", "111122223333"));
    let problem = bench.open(&session("main")).unwrap_err();
    assert!(matches!(&problem, SessionProblem::Endpoint(text) if text.contains("--simulated")), "{problem}");
    assert_eq!(bench.count("GetCallerIdentity"), 0);
}

#[test]
fn the_last_guard_stops_a_request_that_would_go_elsewhere() {
    let bench = Bench::new(|_, _| json_answer(json!({})));
    let opened = run(bench.cloud.opened(&session("main"))).unwrap();
    let action = catalogue::find("organizations:AcceptHandshake").unwrap();
    let live = Seen::new("organizations", false);
    let tools = (&bench.cloud.clockwork, &bench.cloud.paces);
    let wire = Wire::new(action, &opened.sdk, "111122223333", 10_000, live, tools);
    let with = accept();
    let fault = run(call::perform(&wire, With::checked(&with, action.parameters).unwrap())).unwrap_err();
    assert_eq!((fault.code.as_str(), fault.class), ("Endpoint", Class::Refused));
    assert_eq!(bench.count("AcceptHandshake"), 0);
}

#[test]
fn a_secret_parameter_does_not_come_back_in_a_message() {
    let body = "<ErrorResponse><Error><Code>ValidationError</Code><Message>value '987654' at 'tokenCode'</Message>\
                </Error></ErrorResponse>";
    let bench = Bench::new(move |_, _| answer(400, "text/xml", body));
    let with = json!({"RoleArn": "arn:aws:iam::111122223333:role/R", "RoleSessionName": "s", "TokenCode": "987654"});
    let fault = bench.call("sts:AssumeRole", with).result.unwrap_err();
    assert_eq!(fault.message, "value '***' at 'tokenCode'");
}

#[test]
fn a_role_is_assumed_through_another_session_and_renewed_before_it_ends() {
    let bench = Bench::with(true, |operation, nth| match (operation, nth) {
        ("GetCallerIdentity", 1) => identity("arn:aws:iam::111122223333:user/alice", "111122223333"),
        ("GetCallerIdentity", _) => {
            identity("arn:aws:sts::444455556666:assumed-role/Access/countersign-x", "444455556666")
        }
        _ => xml(
            "AssumeRole",
            "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>2026-03-01T13:00:00Z</Expiration></Credentials>",
        ),
    });
    let member = SessionWanted {
        account: "444455556666".to_owned(),
        kinds: vec!["role".to_owned()],
        through: Some(Box::new(session("main"))),
        assume_role: "Access".to_owned(),
        ..session("member")
    };
    assert_eq!(bench.open(&member).unwrap().account, "444455556666");
    bench.clock.advance(30 * 60_000);
    bench.open(&member).unwrap();
    assert_eq!(bench.count("AssumeRole"), 1);
    bench.clock.advance(30 * 60_000);
    bench.open(&member).unwrap();
    assert_eq!(bench.count("AssumeRole"), 2);
    let denied = Bench::with(true, |operation, _| match operation {
        "GetCallerIdentity" => identity("arn:aws:iam::111122223333:user/alice", "111122223333"),
        _ => xml_error(403, "AccessDenied"),
    });
    assert!(matches!(denied.open(&member), Err(SessionProblem::None { .. })));
}

#[test]
fn iam_answers_and_errors_are_read_from_xml() {
    let user = "<User><Path>/</Path><UserName>way-in</UserName><UserId>AIDA1</UserId>\
                <Arn>arn:aws:iam::111122223333:user/way-in</Arn><CreateDate>2026-03-01T12:00:00Z</CreateDate></User>";
    let bench = Bench::new(move |operation, nth| match (operation, nth) {
        ("CreateUser", 1) => xml("CreateUser", user),
        ("CreateUser", _) => xml_error(409, "EntityAlreadyExists"),
        ("DeleteUser", _) => xml_error(404, "NoSuchEntity"),
        _ => xml("AttachUserPolicy", ""),
    });
    let with = json!({"UserName": "way-in"});
    let created = bench.call("iam:CreateUser", with.clone()).result.unwrap();
    assert_eq!(created["User"]["CreateDate"], json!("2026-03-01T12:00:00Z"));
    assert_eq!(class_of(&bench.call("iam:CreateUser", with.clone())).1, Class::AlreadyDone);
    assert_eq!(class_of(&bench.call("iam:DeleteUser", with)), ("NoSuchEntity".to_owned(), Class::AlreadyDone));
    let policy = json!({"UserName": "way-in", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"});
    assert_eq!(bench.call("iam:AttachUserPolicy", policy).result, Ok(json!({})));
}

#[test]
fn a_secret_goes_where_it_is_told_and_nowhere_else() {
    let key = "<AccessKey><UserName>way-in</UserName><AccessKeyId>AKIANEW</AccessKeyId><Status>Active</Status>\
               <SecretAccessKey>top-s3cret</SecretAccessKey></AccessKey>";
    let bench = Bench::new(move |_, _| xml("CreateAccessKey", key));
    let with = json!({"UserName": "way-in"});
    let refused = bench.call("iam:CreateAccessKey", with.clone());
    assert_eq!(class_of(&refused), ("InvalidRequest".to_owned(), Class::NotDone));
    assert_eq!(bench.count("CreateAccessKey"), 0, "refused before it was made");
    let reply = bench.call_to("iam:CreateAccessKey", with, json!({"profile": "way-in"}));
    let output = reply.result.unwrap();
    assert_eq!(output["AccessKey"]["AccessKeyId"], json!("AKIANEW"));
    assert_eq!(output["AccessKey"]["SecretAccessKey"], Value::Null);
    assert!(!output.to_string().contains("s3cret"));
    let with_new_key = SessionWanted { profile: "way-in".to_owned(), ..session("anew") };
    assert!(bench.open(&with_new_key).is_ok(), "the rehearsed world knows the new profile");
}

#[test]
fn what_cannot_be_asked_for_is_refused_without_a_request() {
    let bench = Bench::new(|_, _| json_answer(json!({})));
    for (action, with) in [
        ("organizations:AcceptHandshake", json!({})),
        ("organizations:AcceptHandshake", json!({"HandshakeId": "h-1", "Force": true})),
        ("organizations:NoSuchThing", json!({})),
    ] {
        assert_eq!(class_of(&bench.call(action, with)), ("InvalidRequest".to_owned(), Class::NotDone));
    }
    assert!(bench.server.log.lock().unwrap().is_empty());
}

#[test]
fn every_action_of_the_catalogue_can_be_called() {
    for action in catalogue::all() {
        let bench = Bench::new(|_, _| WireResult::Refused);
        let members = action.parameters.iter().filter(|field| field.required);
        let with: BTreeMap<&str, Value> = members.map(|field| (field.name, example(&field.of))).collect();
        bench.call_to(action.name, json!(with), json!({"profile": "p"}));
        // What is made of several operations begins with this one.
        let operation = match action.name.split_once(':').unwrap() {
            ("countersign", _) => "DescribeOrganization",
            (_, operation) => operation,
        };
        assert!(bench.count(operation) > 0, "{} was not sent", action.name);
    }
}

fn example(of: &Type) -> Value {
    match of {
        Type::Integer => json!(1),
        Type::Boolean => json!(true),
        Type::Time => json!("2026-01-01T00:00:00Z"),
        Type::AccountId => json!("111122223333"),
        Type::Choice(choices) => json!(choices[0]),
        Type::List(inner) => json!([example(inner)]),
        Type::Record(fields) => {
            let members = fields.iter().filter(|field| field.required);
            json!(members.map(|field| (field.name, example(&field.of))).collect::<BTreeMap<&str, Value>>())
        }
        _ => json!("x"),
    }
}

/// Runs [`child`] with this environment and nothing else of AWS's; gives what it printed.
fn in_child(variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "aws::tests::child", "--nocapture"]).env_clear().env("CHILD", "1");
    let output = command.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Not a test of its own: other tests start it with an environment of their own, in which it opens a session
/// and accepts an invitation. Without it there is nothing to do.
#[test]
fn child() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    let simulated = std::env::var("CHILD_SIMULATED").is_ok();
    let bindings = std::env::var("CHILD_PROFILE").map(|name| ("main".to_owned(), name)).into_iter().collect();
    let cloud = AwsCloud::new(Config { simulated, bindings, ..Config::default() });
    let opened = run(cloud.open(&session("main")));
    println!("opened: {opened:?}");
    if opened.is_err() {
        return;
    }
    let call = Call {
        session: session("main"),
        action: "organizations:AcceptHandshake".to_owned(),
        with: accept(),
        time_limit_ms: 5_000,
        secret_to: Value::Null,
    };
    println!("called: {:?}", run(cloud.call(&call)).result);
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAENV"), ("AWS_SECRET_ACCESS_KEY", "secret")];

#[test]
fn endpoints_of_the_environment_are_found_out_and_must_fit_the_mode() {
    let general = in_child(&[&KEYS[..], &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]].concat());
    assert!(general.contains("opened: Err(Endpoint(\"requests to sts would go to http://127.0.0.1:9"), "{general}");
    let one = in_child(&[&KEYS[..], &[("AWS_ENDPOINT_URL_ORGANIZATIONS", "https://example.org")]].concat());
    assert!(one.contains("opened: Err(Endpoint(\"requests to organizations would go to https://example.org"), "{one}");
    let aws = in_child(&[&KEYS[..], &[("CHILD_SIMULATED", "1")]].concat());
    assert!(aws.contains("opened: Err(Endpoint(\"this run is simulated, but requests to sts"), "{aws}");
    let half = [("CHILD_SIMULATED", "1"), ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")];
    let half = in_child(&[&KEYS[..], &half].concat());
    assert!(half.contains("this run is simulated, but requests to organizations"), "{half}");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, "[profile p]\nservices = s\n[services s]\niam =\n  endpoint_url = http://127.0.0.1:9\n")
        .unwrap();
    let profile = [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("CHILD_PROFILE", "p")];
    let profile = in_child(&[&KEYS[..], &profile].concat());
    assert!(profile.contains("requests to iam would go to http://127.0.0.1:9"), "{profile}");
}

#[test]
fn a_bound_profile_wins_over_keys_of_the_environment() {
    let endpoint = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let missing = in_child(&[&KEYS[..], &[endpoint, ("CHILD_SIMULATED", "1"), ("CHILD_PROFILE", "nobody")]].concat());
    assert!(missing.contains("opened: Err(None {"), "{missing}");
    let nothing = in_child(&[endpoint, ("CHILD_SIMULATED", "1")]);
    assert!(nothing.contains("opened: Err(None {"), "{nothing}");
    let refused = in_child(&[&KEYS[..], &[endpoint, ("CHILD_SIMULATED", "1")]].concat());
    assert!(refused.contains("opened: Err(Unreachable {") && refused.contains("nothing was sent"), "{refused}");
}

#[test]
fn over_a_socket_too_a_lost_answer_is_doubt_and_the_change_went_out_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let changes = Arc::new(Mutex::new(0));
    let counted = changes.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            loop {
                let request = read_request(&mut stream);
                if request.contains("AcceptHandshake") {
                    *counted.lock().unwrap() += 1;
                    break;
                }
                if request.is_empty() {
                    break;
                }
                let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
                            <Arn>arn:aws:iam::111122223333:user/alice</Arn></GetCallerIdentityResult>\
                            </GetCallerIdentityResponse>";
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        }
    });
    let said = in_child(&[&KEYS[..], &[("AWS_ENDPOINT_URL", &address), ("CHILD_SIMULATED", "1")]].concat());
    assert!(said.contains("opened: Ok(Identity { account: \"111122223333\""), "{said}");
    assert!(said.contains("code: \"ConnectionLost\"") && said.contains("class: InDoubt"), "{said}");
    assert_eq!(*changes.lock().unwrap(), 1);
}

/// One HTTP request as text; empty when the connection has ended.
fn read_request(stream: &mut std::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return String::new(),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}
