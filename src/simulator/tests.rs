//! Every operation, its errors, its clocks; the faults; that nothing refused changes anything.

use super::*;
use serde_json::json;

const WORLD: &str = include_str!("../../runbooks/worlds/move_member_accounts.toml");
const OLD: &str = "AKIASIMULATEDOLD0001";
const NEW: &str = "AKIASIMULATEDNEW0001";
const START: Time = Time(1_790_000_000_000);
const DAY: i64 = world::DAY;

/// A simulator, its time, and short ways to ask it.
struct Test {
    aws: Simulator,
    now: Time,
}

/// Status, headers and body of an answer; the body as JSON, or as text where it is XML.
#[derive(Debug)]
struct Got {
    status: u16,
    body: Value,
}

impl Got {
    fn code(&self) -> String {
        match self.body.get("__type").and_then(Value::as_str) {
            Some(code) => match self.body.get("Reason").and_then(Value::as_str) {
                Some(reason) => format!("{code}/{reason}"),
                None => code.to_owned(),
            },
            None => self.element("Code"),
        }
    }

    fn element(&self, name: &str) -> String {
        let text = self.body.as_str().unwrap_or("");
        let rest = text.split(&format!("<{name}>")).nth(1).unwrap_or("");
        rest.split(&format!("</{name}>")).next().unwrap_or("").to_owned()
    }
}

fn signed(key: &str, token: &str, service: &str) -> Vec<(String, String)> {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260921/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
    );
    vec![("Authorization".into(), scope), ("X-Amz-Security-Token".into(), token.into())]
}

fn json_request(key: &str, token: &str, operation: &str, input: Value) -> Request {
    let mut headers = signed(key, token, "organizations");
    headers.push(("x-amz-target".into(), format!("AWSOrganizationsV20161128.{operation}")));
    Request { method: "POST".into(), path: "/".into(), headers, body: input.to_string().into_bytes() }
}

fn query_request(key: &str, token: &str, service: &str, operation: &str, input: &[(&str, &str)]) -> Request {
    let version = if service == "sts" { "2011-06-15" } else { "2010-05-08" };
    let mut body = format!("Action={operation}&Version={version}");
    for (name, value) in input {
        let escaped: String = value.bytes().map(|b| format!("%{b:02X}")).collect();
        body.push_str(&format!("&{name}={escaped}"));
    }
    Request { method: "POST".into(), path: "/".into(), headers: signed(key, token, service), body: body.into() }
}

impl Test {
    fn new(more: &str) -> Test {
        Test::of(&format!("{WORLD}\n{more}"))
    }

    fn of(text: &str) -> Test {
        // Buckets have tests of their own.
        let text = text.replace("throttling = true", "throttling = false");
        let world = World::parse("world.toml", &text).unwrap_or_else(|findings| panic!("{findings:?}"));
        Test { aws: Simulator::new(&world, START), now: START }
    }

    fn send(&mut self, request: &Request) -> Got {
        self.now = self.now.plus(1);
        let before = self.aws.state().clone();
        let handled = self.aws.handle(request, self.now);
        let Reply::Answer { status, headers, body } = handled.reply else { panic!("{:?}", handled.reply) };
        assert!(headers.iter().any(|(name, _)| name == "x-amzn-requestid"));
        if status != 200 {
            assert!(!handled.log.effect, "{:?}", handled.log);
            assert_eq!(&before, self.aws.state(), "a refused request changed something: {:?}", handled.log);
        }
        assert_eq!(handled.log.effect, &before != self.aws.state() && !handled.log.operation.starts_with("sts"));
        let text = String::from_utf8(body).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Got { status, body }
    }

    fn org(&mut self, key: &str, operation: &str, input: Value) -> Got {
        self.send(&json_request(key, "", operation, input))
    }

    fn ok(&mut self, key: &str, operation: &str, input: Value) -> Value {
        let got = self.org(key, operation, input);
        assert_eq!(got.status, 200, "{operation}: {got:?}");
        got.body
    }

    /// The error's code, and its reason behind a slash.
    fn error(&mut self, key: &str, operation: &str, input: Value) -> String {
        let got = self.org(key, operation, input);
        assert_eq!(got.status, 400, "{operation}: {got:?}");
        got.code()
    }

    fn query(&mut self, key: &str, service: &str, operation: &str, input: &[(&str, &str)]) -> Got {
        self.send(&query_request(key, "", service, operation, input))
    }

    fn later(&mut self, ms: i64) {
        self.now = self.now.plus(ms);
    }

    /// Keys of an administrator of `account`, put into the world by hand.
    fn admin(&mut self, account: &str) -> String {
        let key = format!("AKIAADMIN{account}");
        let state = Arc::make_mut(&mut self.aws.state);
        let user = wakeup::plain_user(account, "admin", START);
        let users = &mut state.accounts.get_mut(account).unwrap().users;
        users.entry("admin".into()).or_insert(user).attached.insert("AdministratorAccess".into());
        state.keys.insert(
            key.clone(),
            state::Key {
                id: key.clone(),
                account: account.into(),
                who: state::Who::User("admin".into()),
                secret: String::new(),
                token: String::new(),
                created: START,
                expires: None,
                mfa: false,
            },
        );
        key
    }

    fn change(&mut self, change: impl FnOnce(&mut State)) {
        change(Arc::make_mut(&mut self.aws.state));
    }

    fn invite(&mut self, account: &str) -> String {
        let answer = self.ok(NEW, "InviteAccountToOrganization", target(account));
        answer["Handshake"]["Id"].as_str().unwrap().to_owned()
    }
}

fn target(account: &str) -> Value {
    json!({"Target": {"Id": account, "Type": "ACCOUNT"}})
}

const BILLING: &str = "111122223333";
const DATA: &str = "222233334444";

#[test]
fn an_account_moves_through_the_main_flow() {
    let mut t = Test::new("");
    let assumed = t.query(
        OLD,
        "sts",
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole"),
            ("RoleSessionName", "countersign-1"),
        ],
    );
    assert_eq!(assumed.status, 200, "{assumed:?}");
    let (key, token) = (assumed.element("AccessKeyId"), assumed.element("SessionToken"));
    let who = t.send(&query_request(&key, &token, "sts", "GetCallerIdentity", &[]));
    assert_eq!(who.element("Account"), BILLING);
    assert_eq!(
        who.element("Arn"),
        "arn:aws:sts::111122223333:assumed-role/OrganizationAccountAccessRole/countersign-1"
    );
    let wrong = t.send(&query_request(&key, "wrong", "sts", "GetCallerIdentity", &[]));
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "InvalidClientTokenId"));

    let invited = t.ok(NEW, "InviteAccountToOrganization", target(BILLING));
    let handshake = &invited["Handshake"];
    assert_eq!(
        handshake["Parties"],
        json!([{"Id": "o-neworg22222", "Type": "ORGANIZATION"}, {"Id": BILLING, "Type": "ACCOUNT"}])
    );
    assert_eq!(
        handshake["ExpirationTimestamp"].as_f64().unwrap() - handshake["RequestedTimestamp"].as_f64().unwrap(),
        15.0 * 86_400.0
    );
    let id = json!({"HandshakeId": handshake["Id"]});
    let accepted = t.send(&json_request(&key, &token, "AcceptHandshake", id.clone()));
    assert_eq!(accepted.body["Handshake"]["State"], "ACCEPTED", "{accepted:?}");
    let again = t.send(&json_request(&key, &token, "AcceptHandshake", id));
    assert_eq!(again.code(), "HandshakeAlreadyInStateException");

    let mine = t.send(&json_request(&key, &token, "DescribeOrganization", json!({})));
    assert_eq!(mine.body["Organization"]["Id"], "o-neworg22222");
    let account = t.ok(NEW, "DescribeAccount", json!({"AccountId": BILLING}));
    assert_eq!(account["Account"]["JoinedMethod"], "INVITED");
    assert_eq!(account["Account"]["Paths"], json!(["o-neworg22222/r-ab12/111122223333/"]));
    assert_eq!(t.error(OLD, "DescribeAccount", json!({"AccountId": BILLING})), "AccountNotFoundException");
    let parents = t.ok(NEW, "ListParents", json!({"ChildId": BILLING}));
    assert_eq!(parents["Parents"], json!([{"Id": "r-ab12", "Type": "ROOT"}]));
    assert_eq!(t.ok(NEW, "ListTagsForResource", json!({"ResourceId": BILLING}))["Tags"], json!([]));
    let place = json!({"AccountId": BILLING, "SourceParentId": "r-ab12", "DestinationParentId": "ou-ab12-11111111"});
    t.ok(NEW, "MoveAccount", place.clone());
    assert_eq!(t.error(NEW, "MoveAccount", place), "DuplicateAccountException");
    let effects: Vec<&str> = t.aws.effects().map(|line| line.operation.as_str()).collect();
    assert_eq!(
        effects,
        ["organizations:InviteAccountToOrganization", "organizations:AcceptHandshake", "organizations:MoveAccount"]
    );
    // The role stays, and still trusts the old management account.
    let still = t.query(
        OLD,
        "sts",
        "AssumeRole",
        &[
            ("RoleArn", "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole"),
            ("RoleSessionName", "countersign-2"),
        ],
    );
    assert_eq!(still.status, 200);
}
