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
        let text = text.replace("throttling = true", "throttling = false\nsignatures = false");
        let world = World::parse("world.toml", &text).unwrap_or_else(|findings| panic!("{findings:?}"));
        Test { aws: Simulator::new(&world, START), now: START }
    }

    fn send(&mut self, request: &Request) -> Got {
        self.now = self.now.plus(1);
        self.aws.tick(self.now); // what time alone changes is no effect of the request
        let before = self.aws.state().clone();
        let handled = self.aws.handle(request, self.now);
        let Reply::Answer { status, headers, body } = handled.reply else { panic!("{:?}", handled.reply) };
        assert!(headers.iter().any(|(name, _)| name == "x-amzn-requestid"));
        if status != 200 {
            assert!(!handled.log.effect, "{:?}", handled.log);
            assert!(&before == self.aws.state(), "a refused request changed something: {:?}", handled.log);
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

/// What makes a gate fail.
type Change = fn(&mut State);

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

// ---- Invitations ----

#[test]
fn invitations_are_refused_for_each_reason_that_aws_has() {
    let violated = |reason: &str| format!("HandshakeConstraintViolationException/{reason}");
    let invite = "InviteAccountToOrganization";
    let mut t = Test::new("");
    for (input, error) in [
        (json!({}), "InvalidInputException/INPUT_REQUIRED"),
        (json!({"Target": 5}), "SerializationException"),
        (json!({"Target": {"Id": "1"}}), "InvalidInputException/INPUT_REQUIRED"),
        (json!({"Target": {"Id": "1", "Type": "ACCOUNT"}}), "InvalidInputException/INVALID_PATTERN_TARGET_ID"),
        (target("999999999999"), "InvalidInputException/INVALID_PATTERN_TARGET_ID"),
        (json!({"Target": {"Id": "nobody", "Type": "EMAIL"}}), "InvalidInputException/INVALID_EMAIL_ADDRESS_TARGET"),
        (
            json!({"Target": {"Id": "o-oldorg11111", "Type": "ORGANIZATION"}}),
            "InvalidInputException/INVALID_PARTY_TYPE_TARGET",
        ),
        (json!({"Target": {"Id": "1", "Type": "PHONE"}}), "InvalidInputException/INVALID_ENUM"),
    ] {
        assert_eq!(t.error(NEW, invite, input.clone()), error, "{input}");
    }
    assert_eq!(t.error(NEW, invite, target("222222222222")), violated("ALREADY_IN_AN_ORGANIZATION"));
    t.invite(BILLING);
    assert_eq!(t.error(NEW, invite, target(BILLING)), "DuplicateHandshakeException");
    let by_email = json!({"Target": {"Id": "AWS+billing@customer.example", "Type": "EMAIL"}});
    assert_eq!(t.error(NEW, invite, by_email), "DuplicateHandshakeException");
    let member = t.admin(BILLING);
    assert_eq!(t.error(&member, invite, target(DATA)), "AccessDeniedException");

    let changes: [(Change, String); 7] = [
        (
            |s| s.accounts.get_mut("222222222222").unwrap().facts.mailbox = false,
            "AccountOwnerNotVerifiedException".into(),
        ),
        (|s| new_org(s).initialising_until = Some(START.plus(3_600_000)), "FinalizingOrganizationException".into()),
        (
            |s| s.accounts.get_mut(DATA).unwrap().seller = "AWS India".into(),
            violated("ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD"),
        ),
        (|s| new_org(s).enabling_all_features = true, violated("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES")),
        (
            |s| s.accounts.get_mut("222222222222").unwrap().facts.payment_method = false,
            violated("PAYMENT_INSTRUMENT_REQUIRED"),
        ),
        // The management account and the pending invitation fill two seats.
        (|s| new_org(s).account_quota = 2, violated("ACCOUNT_NUMBER_LIMIT_EXCEEDED")),
        (|s| new_org(s).daily_invites = 1, violated("HANDSHAKE_RATE_LIMIT_EXCEEDED")),
    ];
    for (change, error) in changes {
        let snapshot = t.aws.snapshot();
        t.change(change);
        assert_eq!(t.error(NEW, invite, target(DATA)), error);
        t.aws.restore(&snapshot);
    }
    t.invite(DATA);
}

fn new_org(state: &mut State) -> &mut state::Organization {
    state.organizations.get_mut("o-neworg22222").unwrap()
}

#[test]
fn an_initialising_organization_is_ready_after_its_hour() {
    let mut t = Test::new("");
    t.change(|s| new_org(s).initialising_until = Some(START.plus(3_600_000)));
    assert_eq!(t.error(NEW, "InviteAccountToOrganization", target(DATA)), "FinalizingOrganizationException");
    t.later(3_600_000);
    t.invite(DATA);
}

#[test]
fn accepted_invitations_do_not_count_for_the_day_and_old_ones_neither() {
    let mut t = Test::new("");
    t.change(|s| new_org(s).daily_invites = 1);
    let id = t.invite(BILLING);
    let limited = "HandshakeConstraintViolationException/HANDSHAKE_RATE_LIMIT_EXCEEDED";
    assert_eq!(t.error(NEW, "InviteAccountToOrganization", target(DATA)), limited);
    let member = t.admin(BILLING);
    t.ok(&member, "AcceptHandshake", json!({"HandshakeId": id}));
    t.invite(DATA);
    assert_eq!(t.error(NEW, "InviteAccountToOrganization", target("333344445555")), limited);
    t.later(DAY);
    t.invite("333344445555");
}

#[test]
fn an_invitation_ends_once_and_says_how() {
    for (operation, by, state) in [("CancelHandshake", NEW, "CANCELED"), ("DeclineHandshake", "", "DECLINED")] {
        let mut t = Test::new("");
        let member = t.admin(BILLING);
        let by = if by.is_empty() { member.clone() } else { by.to_owned() };
        let id = json!({"HandshakeId": t.invite(BILLING)});
        assert_eq!(t.ok(&by, operation, id.clone())["Handshake"]["State"], state);
        assert_eq!(t.error(&by, operation, id.clone()), "HandshakeAlreadyInStateException");
        assert_eq!(t.error(&member, "AcceptHandshake", id.clone()), "InvalidHandshakeTransitionException");
        assert_eq!(t.ok(NEW, "DescribeHandshake", id.clone())["Handshake"]["State"], state);
        t.invite(BILLING);
        t.later(30 * DAY);
        assert_eq!(t.error(NEW, "DescribeHandshake", id), "HandshakeNotFoundException");
    }
}

#[test]
fn an_invitation_expires_after_fifteen_days_and_is_forgotten_thirty_later() {
    let mut t = Test::new("");
    let member = t.admin(BILLING);
    let id = json!({"HandshakeId": t.invite(BILLING)});
    t.later(15 * DAY - 10);
    assert_eq!(t.ok(&member, "DescribeHandshake", id.clone())["Handshake"]["State"], "OPEN");
    t.later(10);
    assert_eq!(t.ok(&member, "DescribeHandshake", id.clone())["Handshake"]["State"], "EXPIRED");
    for (key, operation) in
        [(member.as_str(), "AcceptHandshake"), (&member, "DeclineHandshake"), (NEW, "CancelHandshake")]
    {
        assert_eq!(t.error(key, operation, id.clone()), "InvalidHandshakeTransitionException");
    }
    t.later(30 * DAY);
    assert_eq!(t.error(&member, "DescribeHandshake", id), "HandshakeNotFoundException");
    assert_eq!(t.ok(NEW, "ListHandshakesForOrganization", json!({}))["Handshakes"], json!([]));
}

#[test]
fn only_the_parties_see_an_invitation_and_a_management_account_never_sees_its_own() {
    let mut t = Test::new("");
    let (billing, data) = (t.admin(BILLING), t.admin(DATA));
    let id = json!({"HandshakeId": t.invite(BILLING)});
    let count = |answer: Value| answer["Handshakes"].as_array().unwrap().len();
    assert_eq!(count(t.ok(&billing, "ListHandshakesForAccount", json!({}))), 1);
    assert_eq!(count(t.ok(&data, "ListHandshakesForAccount", json!({}))), 0);
    assert_eq!(count(t.ok(NEW, "ListHandshakesForOrganization", json!({"Filter": {"ActionType": "INVITE"}}))), 1);
    assert_eq!(
        count(t.ok(NEW, "ListHandshakesForOrganization", json!({"Filter": {"ActionType": "ENABLE_ALL_FEATURES"}}))),
        0
    );
    assert_eq!(t.error(&billing, "ListHandshakesForOrganization", json!({})), "AccessDeniedException");
    assert_eq!(
        t.error(NEW, "ListHandshakesForOrganization", json!({"Filter": {"ActionType": "X"}})),
        "InvalidInputException/INVALID_ENUM"
    );
    for operation in ["DescribeHandshake", "AcceptHandshake", "DeclineHandshake", "CancelHandshake"] {
        assert_eq!(t.error(&data, operation, id.clone()), "HandshakeNotFoundException", "{operation}");
        assert_eq!(t.error(&data, operation, json!({"HandshakeId": "x"})), "InvalidInputException/INVALID_PATTERN");
        assert_eq!(t.error(&data, operation, json!({})), "InvalidInputException/INPUT_REQUIRED");
    }
    assert_eq!(t.error(&billing, "CancelHandshake", id.clone()), "AccessDeniedException");
    assert_eq!(t.error(NEW, "AcceptHandshake", id), "AccessDeniedException");

    let id = json!({"HandshakeId": t.invite("111111111111")});
    assert_eq!(count(t.ok(OLD, "ListHandshakesForAccount", json!({}))), 0);
    assert_eq!(t.error(OLD, "DescribeHandshake", id.clone()), "HandshakeNotFoundException");
    assert_eq!(t.error(OLD, "AcceptHandshake", id.clone()), "MasterCannotLeaveOrganizationException");
    assert_eq!(t.error(OLD, "DeclineHandshake", id), "HandshakeNotFoundException");
}

#[test]
fn an_invitation_by_e_mail_reaches_the_account_of_that_address() {
    let mut t = Test::new("");
    let data = t.admin(DATA);
    let input = json!({"Target": {"Id": "aws+data@customer.example", "Type": "EMAIL"}, "Notes": "welcome"});
    let sent = t.ok(NEW, "InviteAccountToOrganization", input);
    assert_eq!(sent["Handshake"]["Parties"][1], json!({"Id": "aws+data@customer.example", "Type": "EMAIL"}));
    assert_eq!(sent["Handshake"]["Resources"][2], json!({"Type": "NOTES", "Value": "welcome"}));
    t.ok(&data, "AcceptHandshake", json!({"HandshakeId": sent["Handshake"]["Id"]}));
    assert_eq!(t.ok(&data, "DescribeOrganization", json!({}))["Organization"]["Id"], "o-neworg22222");
}

#[test]
fn accepting_is_refused_for_each_reason_that_aws_has() {
    let wait = "ConstraintViolationException/WAIT_PERIOD_ACTIVE";
    let changes: [(Change, &str); 9] = [
        (|s| s.accounts.get_mut(BILLING).unwrap().created = START.plus(-3 * DAY), wait),
        (|s| new_org(s).created = START.plus(-6 * DAY), wait),
        (
            |s| {
                let old = s.organizations.get_mut("o-oldorg11111").unwrap();
                old.delegated.insert(BILLING.into(), BTreeMap::from([("sso.amazonaws.com".into(), START)]));
            },
            "ConstraintViolationException/CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
        ),
        (|s| deny(s, "organizations:AcceptHandshake", "r-old1"), "AccessDeniedException"),
        (|s| deny(s, "organizations:Leave*", "ou-old1-11111111"), "AccessDeniedException"),
        (
            |s| deny(s, "iam:*", BILLING),
            "AccessDeniedForDependencyException/ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE",
        ),
        (
            |s| s.accounts.get_mut(BILLING).unwrap().changes = vec![START; 10],
            "HandshakeConstraintViolationException/ORGANIZATION_MEMBERSHIP_CHANGE_RATE_LIMIT_EXCEEDED",
        ),
        (|s| new_org(s).account_quota = 1, "HandshakeConstraintViolationException/ACCOUNT_NUMBER_LIMIT_EXCEEDED"),
        (
            |s| s.accounts.get_mut(BILLING).unwrap().seller = "AWS India".into(),
            "HandshakeConstraintViolationException/ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD",
        ),
    ];
    for (change, error) in changes {
        let mut t = Test::new("");
        let member = t.admin(BILLING);
        let id = json!({"HandshakeId": t.invite(BILLING)});
        t.change(change);
        assert_eq!(t.error(&member, "AcceptHandshake", id), error);
    }
}

fn deny(state: &mut State, action: &str, target: &str) {
    let policy = state::Policy {
        id: "p-deny00000".into(),
        name: "deny".into(),
        description: String::new(),
        kind: "SERVICE_CONTROL_POLICY".into(),
        aws_managed: false,
        denies: vec![action.into()],
        targets: [target.to_owned()].into(),
        content: String::new(),
    };
    state.organizations.get_mut("o-oldorg11111").unwrap().policies.insert(policy.id.clone(), policy);
}

#[test]
fn invited_accounts_know_no_waiting_and_created_ones_are_free_on_the_fourth_day() {
    let mut t = Test::new("");
    t.change(|s| s.accounts.get_mut(DATA).unwrap().created = START);
    t.change(|s| s.accounts.get_mut(BILLING).unwrap().created = START);
    let (billing, data) = (t.admin(BILLING), t.admin(DATA));
    let id = json!({"HandshakeId": t.invite(DATA)});
    t.ok(&data, "AcceptHandshake", id);
    let id = json!({"HandshakeId": t.invite(BILLING)});
    let wait = "ConstraintViolationException/WAIT_PERIOD_ACTIVE";
    assert_eq!(t.error(&billing, "AcceptHandshake", id.clone()), wait);
    assert_eq!(t.error(&billing, "LeaveOrganization", json!({})), wait);
    t.later(4 * DAY);
    t.ok(&billing, "AcceptHandshake", id);
}

#[test]
fn a_payment_method_is_needed_to_join_only_where_the_world_says_so() {
    let mut t = Test::of(&WORLD.replace("[settings]", "[settings]\naccept_needs_payment = true"));
    let member = t.admin(DATA);
    t.ok(&member, "LeaveOrganization", json!({}));
    t.aws.human(DATA, "payment_method", false).unwrap();
    let id = json!({"HandshakeId": t.invite(DATA)});
    assert_eq!(
        t.error(&member, "AcceptHandshake", id.clone()),
        "HandshakeConstraintViolationException/PAYMENT_INSTRUMENT_REQUIRED"
    );
    t.aws.human(DATA, "payment_method", true).unwrap();
    t.ok(&member, "AcceptHandshake", id);
}

#[test]
fn the_order_of_failed_gates_is_the_world_s() {
    let run = |settings: &str| {
        let mut t = Test::of(&format!("{WORLD}\n[settings.precedence]\n{settings}"));
        t.change(|s| {
            let account = s.accounts.get_mut(BILLING).unwrap();
            account.facts.payment_method = false;
            account.facts.phone = false;
        });
        let member = t.admin(BILLING);
        t.error(&member, "LeaveOrganization", json!({}))
    };
    assert_eq!(run(""), "ConstraintViolationException/MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED");
    assert_eq!(
        run("LeaveOrganization = [\"phone\"]"),
        "ConstraintViolationException/ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION"
    );
}

// ---- Leaving, removing, moving ----

#[test]
fn leaving_and_removing_need_what_only_people_settle() {
    for (fact, reason) in [
        ("payment_method", "MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
        ("agreement", "ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA"),
        ("phone", "ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION"),
        ("support_plan", "ACCOUNT_CANNOT_LEAVE_ORGANIZATION"),
        ("contact", "ACCOUNT_CANNOT_LEAVE_ORGANIZATION"),
    ] {
        let mut t = Test::new("");
        let member = t.admin(BILLING);
        t.aws.human(BILLING, fact, false).unwrap();
        let wanted = format!("ConstraintViolationException/{reason}");
        assert_eq!(t.error(&member, "LeaveOrganization", json!({})), wanted);
        assert_eq!(t.error(OLD, "RemoveAccountFromOrganization", json!({"AccountId": BILLING})), wanted);
        t.aws.human(BILLING, fact, true).unwrap();
        t.ok(&member, "LeaveOrganization", json!({}));
    }
    let mut t = Test::new("");
    assert!(t.aws.human("000000000000", "phone", true).is_err());
    assert!(t.aws.human(BILLING, "mood", true).is_err());
}

#[test]
fn who_has_left_is_outside_and_is_told_so() {
    let mut t = Test::new("");
    let member = t.admin(BILLING);
    assert_eq!(t.error(OLD, "LeaveOrganization", json!({})), "MasterCannotLeaveOrganizationException");
    assert_eq!(t.ok(&member, "LeaveOrganization", json!({})), Value::String(String::new()));
    let outside = "AWSOrganizationsNotInUseException";
    assert_eq!(t.error(&member, "LeaveOrganization", json!({})), outside);
    assert_eq!(t.error(&member, "DescribeOrganization", json!({})), outside);
    assert_eq!(t.error(OLD, "DescribeAccount", json!({"AccountId": BILLING})), "AccountNotFoundException");
    let remove = "RemoveAccountFromOrganization";
    assert_eq!(t.error(OLD, remove, json!({"AccountId": BILLING})), "AccountNotFoundException");
    assert_eq!(t.error(OLD, remove, json!({"AccountId": "111111111111"})), "MasterCannotLeaveOrganizationException");
    let data = t.admin(DATA);
    assert_eq!(t.error(&data, remove, json!({"AccountId": DATA})), "AccessDeniedException");
    t.ok(OLD, remove, json!({"AccountId": DATA}));
    // An invitation brings it back, into the root, as invited.
    let invited = t.ok(OLD, "InviteAccountToOrganization", target(BILLING));
    t.ok(&member, "AcceptHandshake", json!({"HandshakeId": invited["Handshake"]["Id"]}));
    let account = t.ok(OLD, "DescribeAccount", json!({"AccountId": BILLING}));
    assert_eq!(account["Account"]["JoinedMethod"], "INVITED");
    assert_eq!(account["Account"]["Paths"], json!(["o-oldorg11111/r-old1/111122223333/"]));
}

#[test]
fn an_scp_and_a_delegation_keep_an_account_from_leaving() {
    let mut t = Test::new("");
    let member = t.admin(BILLING);
    t.change(|s| deny(s, "organizations:LeaveOrganization", "ou-old1-11111111"));
    assert_eq!(t.error(&member, "LeaveOrganization", json!({})), "AccessDeniedException");
    t.change(|s| deny(s, "organizations:LeaveOrganization", "ou-old1-22222222"));
    t.ok(OLD, "EnableAWSServiceAccess", json!({"ServicePrincipal": "sso.amazonaws.com"}));
    let register = json!({"AccountId": BILLING, "ServicePrincipal": "sso.amazonaws.com"});
    t.ok(OLD, "RegisterDelegatedAdministrator", register.clone());
    let delegated = "ConstraintViolationException/CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG";
    assert_eq!(t.error(&member, "LeaveOrganization", json!({})), delegated);
    t.ok(OLD, "DeregisterDelegatedAdministrator", register);
    t.ok(&member, "LeaveOrganization", json!({}));
}

#[test]
fn moving_checks_both_ends() {
    let mut t = Test::new("");
    let prod = "ou-old1-11111111";
    let input = |account: &str, from: &str, to: &str| json!({"AccountId": account, "SourceParentId": from, "DestinationParentId": to});
    for (account, from, to, error) in [
        (BILLING, "ou-old1-99999999", "r-old1", "SourceParentNotFoundException"),
        (BILLING, prod, "ou-old1-99999999", "DestinationParentNotFoundException"),
        (BILLING, prod, "ou-ab12-11111111", "InvalidInputException/MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS"),
        (BILLING, prod, prod, "DuplicateAccountException"),
        (BILLING, "r-old1", "ou-old1-22222222", "SourceParentNotFoundException"),
        ("222222222222", "r-old1", prod, "AccountNotFoundException"),
        ("x", "r-old1", prod, "InvalidInputException/INVALID_PATTERN"),
        (BILLING, "here", prod, "InvalidInputException/INVALID_PATTERN"),
    ] {
        assert_eq!(t.error(OLD, "MoveAccount", input(account, from, to)), error, "{from} {to}");
    }
    let member = t.admin(BILLING);
    assert_eq!(t.error(&member, "MoveAccount", input(BILLING, prod, "r-old1")), "AccessDeniedException");
    t.ok(OLD, "MoveAccount", input(BILLING, prod, "r-old1"));
    t.ok(OLD, "MoveAccount", input(BILLING, "r-old1", prod));
}

// ---- Organizations, accounts, units ----

#[test]
fn an_organization_is_deleted_only_when_empty_and_another_is_made_under_conditions() {
    let mut t = Test::new("");
    assert_eq!(t.error(OLD, "DeleteOrganization", json!({})), "OrganizationNotEmptyException");
    assert_eq!(t.error(OLD, "CreateOrganization", json!({})), "AlreadyInOrganizationException");
    let member = t.admin(DATA);
    assert_eq!(t.error(&member, "DeleteOrganization", json!({})), "AccessDeniedException");
    for account in [BILLING, DATA, "333344445555"] {
        t.ok(OLD, "RemoveAccountFromOrganization", json!({"AccountId": account}));
    }
    t.change(|s| s.organizations.get_mut("o-oldorg11111").unwrap().responsibility_transfer = true);
    assert_eq!(
        t.error(OLD, "DeleteOrganization", json!({})),
        "ConstraintViolationException/ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS"
    );
    t.change(|s| s.organizations.get_mut("o-oldorg11111").unwrap().responsibility_transfer = false);
    t.ok(OLD, "InviteAccountToOrganization", target(DATA));
    t.ok(OLD, "DeleteOrganization", json!({}));
    assert_eq!(t.error(OLD, "DeleteOrganization", json!({})), "AWSOrganizationsNotInUseException");
    let left = t.ok(&member, "ListHandshakesForAccount", json!({}));
    assert_eq!(left["Handshakes"][0]["State"], "CANCELED");

    for (fact, reason) in [
        ("agreement", "ACCOUNT_CREATION_NOT_COMPLETE"),
        ("payment_method", "MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"),
        ("contact", "MASTER_ACCOUNT_MISSING_CONTACT_INFO"),
    ] {
        t.aws.human("111111111111", fact, false).unwrap();
        assert_eq!(t.error(OLD, "CreateOrganization", json!({})), format!("ConstraintViolationException/{reason}"));
        t.aws.human("111111111111", fact, true).unwrap();
    }
    assert_eq!(t.error(OLD, "CreateOrganization", json!({"FeatureSet": "SOME"})), "InvalidInputException/INVALID_ENUM");
    let made = t.ok(OLD, "CreateOrganization", json!({"FeatureSet": "ALL"}));
    assert_ne!(made["Organization"]["Id"], "o-oldorg11111");
    assert_eq!(made["Organization"]["MasterAccountId"], "111111111111");
    assert_eq!(t.error(OLD, "InviteAccountToOrganization", target(DATA)), "FinalizingOrganizationException");
    // The management account, once free, can be invited itself.
    t.ok(OLD, "DeleteOrganization", json!({}));
    let id = json!({"HandshakeId": t.invite("111111111111")});
    t.ok(OLD, "AcceptHandshake", id);
}

#[test]
fn accounts_are_created_in_the_background() {
    let mut t = Test::new("");
    let input = |email: &str| json!({"Email": email, "AccountName": "fresh"});
    for (input, error) in [
        (json!({"AccountName": "x"}), "InvalidInputException/INPUT_REQUIRED"),
        (json!({"Email": "x", "AccountName": "x"}), "InvalidInputException/INVALID_PATTERN"),
        (json!({"Email": "a@b.example", "AccountName": ""}), "InvalidInputException/INVALID_PATTERN"),
        (
            json!({"Email": "a@b.example", "AccountName": "x", "RoleName": "a b"}),
            "InvalidInputException/INVALID_ROLE_NAME",
        ),
    ] {
        assert_eq!(t.error(NEW, "CreateAccount", input), error);
    }
    let begun = t.ok(NEW, "CreateAccount", input("fresh@partner.example"));
    assert_eq!(begun["CreateAccountStatus"]["State"], "IN_PROGRESS");
    let request = json!({"CreateAccountRequestId": begun["CreateAccountStatus"]["Id"]});
    let twin = t.ok(NEW, "CreateAccount", input("Fresh@partner.example"));
    for n in 0..3 {
        t.ok(NEW, "CreateAccount", input(&format!("more{n}@partner.example")));
    }
    let busy = "ConstraintViolationException/ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED";
    assert_eq!(t.error(NEW, "CreateAccount", input("six@partner.example")), busy);
    assert_eq!(
        t.ok(NEW, "ListCreateAccountStatus", json!({"States": ["IN_PROGRESS"]}))["CreateAccountStatuses"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    t.later(20_000);
    let status = t.ok(NEW, "DescribeCreateAccountStatus", request)["CreateAccountStatus"].clone();
    let failed =
        t.ok(NEW, "DescribeCreateAccountStatus", json!({"CreateAccountRequestId": twin["CreateAccountStatus"]["Id"]}))
            ["CreateAccountStatus"]
            .clone();
    // Of two with one address, one gets it.
    let states = [status["State"].as_str().unwrap(), failed["State"].as_str().unwrap()];
    assert!(states.contains(&"SUCCEEDED") && states.contains(&"FAILED"), "{states:?}");
    let (good, bad) = if states[0] == "SUCCEEDED" { (status, failed) } else { (failed, status) };
    assert_eq!(bad["FailureReason"], "EMAIL_ALREADY_EXISTS");
    let id = good["AccountId"].as_str().unwrap().to_owned();
    let account = t.ok(NEW, "DescribeAccount", json!({"AccountId": id}))["Account"].clone();
    assert_eq!((&account["JoinedMethod"], &account["State"]), (&json!("CREATED"), &json!("ACTIVE")));
    let role = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    assert_eq!(t.query(NEW, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "me")]).status, 200);
    assert_eq!(t.query(OLD, "sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "me")]).status, 403);
    assert_eq!(
        t.error(NEW, "RemoveAccountFromOrganization", json!({"AccountId": id})),
        "ConstraintViolationException/WAIT_PERIOD_ACTIVE"
    );
    t.later(4 * DAY);
    assert_eq!(
        t.error(NEW, "RemoveAccountFromOrganization", json!({"AccountId": id})),
        "ConstraintViolationException/MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED"
    );
    assert_eq!(
        t.error(NEW, "DescribeCreateAccountStatus", json!({"CreateAccountRequestId": "car-00000000"})),
        "CreateAccountStatusNotFoundException"
    );
    t.change(|s| new_org(s).account_quota = 3);
    assert_eq!(
        t.error(NEW, "CreateAccount", input("seven@partner.example")),
        "ConstraintViolationException/ACCOUNT_NUMBER_LIMIT_EXCEEDED"
    );
    t.change(|s| new_org(s).initialising_until = Some(Time(i64::MAX)));
    assert_eq!(t.error(NEW, "CreateAccount", input("seven@partner.example")), "FinalizingOrganizationException");
}

#[test]
fn units_are_made_nested_shown_and_removed() {
    let mut t = Test::new("");
    let create = "CreateOrganizationalUnit";
    let mut parent = "r-ab12".to_owned();
    for depth in 1..=5 {
        let made = t.ok(NEW, create, json!({"ParentId": parent, "Name": format!("level {depth}")}));
        parent = made["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
        assert!(made["OrganizationalUnit"]["Path"].as_str().unwrap().ends_with(&format!("{parent}/")));
    }
    assert_eq!(
        t.error(NEW, create, json!({"ParentId": parent, "Name": "level 6"})),
        "ConstraintViolationException/OU_DEPTH_LIMIT_EXCEEDED"
    );
    assert_eq!(
        t.error(NEW, create, json!({"ParentId": "r-ab12", "Name": "level 1"})),
        "DuplicateOrganizationalUnitException"
    );
    assert_eq!(t.error(NEW, create, json!({"ParentId": "r-zzzz", "Name": "x"})), "ParentNotFoundException");
    assert_eq!(
        t.error(NEW, create, json!({"ParentId": "r-ab12", "Name": ""})),
        "InvalidInputException/MAX_LENGTH_EXCEEDED"
    );
    let delete = "DeleteOrganizationalUnit";
    assert_eq!(
        t.error(OLD, delete, json!({"OrganizationalUnitId": "ou-old1-11111111"})),
        "OrganizationalUnitNotEmptyException"
    );
    assert_eq!(
        t.error(NEW, delete, json!({"OrganizationalUnitId": "ou-ab12-99999999"})),
        "OrganizationalUnitNotFoundException"
    );
    t.ok(NEW, delete, json!({"OrganizationalUnitId": parent}));
    assert_eq!(
        t.error(NEW, "DescribeOrganizationalUnit", json!({"OrganizationalUnitId": parent})),
        "OrganizationalUnitNotFoundException"
    );
    let units = t.ok(NEW, "ListOrganizationalUnitsForParent", json!({"ParentId": "r-ab12"}));
    assert_eq!(units["OrganizationalUnits"].as_array().unwrap().len(), 3);
    assert_eq!(
        t.error(NEW, "ListOrganizationalUnitsForParent", json!({"ParentId": "r-old1"})),
        "ParentNotFoundException"
    );
    let unit = t.ok(NEW, "DescribeOrganizationalUnit", json!({"OrganizationalUnitId": "ou-ab12-11111111"}));
    assert_eq!(unit["OrganizationalUnit"]["Name"], "Workloads");
}

#[test]
fn lists_show_the_tree_to_those_who_manage_it() {
    let mut t = Test::new("");
    assert_eq!(t.ok(OLD, "ListRoots", json!({}))["Roots"][0]["Id"], "r-old1");
    assert_eq!(t.ok(OLD, "ListAccounts", json!({}))["Accounts"].as_array().unwrap().len(), 4);
    let below = t.ok(OLD, "ListAccountsForParent", json!({"ParentId": "ou-old1-22222222"}));
    assert_eq!(below["Accounts"][0]["Id"], DATA);
    assert_eq!(t.error(OLD, "ListAccountsForParent", json!({"ParentId": "r-ab12"})), "ParentNotFoundException");
    let children = json!({"ParentId": "r-old1", "ChildType": "ORGANIZATIONAL_UNIT"});
    assert_eq!(t.ok(OLD, "ListChildren", children)["Children"].as_array().unwrap().len(), 2);
    let children = json!({"ParentId": "r-old1", "ChildType": "ACCOUNT"});
    assert_eq!(t.ok(OLD, "ListChildren", children)["Children"][1]["Id"], "333344445555");
    assert_eq!(
        t.error(OLD, "ListChildren", json!({"ParentId": "r-ab12", "ChildType": "ACCOUNT"})),
        "ParentNotFoundException"
    );
    assert_eq!(
        t.error(OLD, "ListChildren", json!({"ParentId": "r-old1", "ChildType": "X"})),
        "InvalidInputException/INVALID_ENUM"
    );
    assert_eq!(t.ok(OLD, "ListParents", json!({"ChildId": "ou-old1-11111111"}))["Parents"][0]["Type"], "ROOT");
    assert_eq!(t.error(OLD, "ListParents", json!({"ChildId": "222222222222"})), "ChildNotFoundException");
    let policies = json!({"TargetId": BILLING, "Filter": "SERVICE_CONTROL_POLICY"});
    assert_eq!(t.ok(OLD, "ListPoliciesForTarget", policies.clone())["Policies"][0]["Name"], "FullAWSAccess");
    t.change(|s| deny(s, "s3:*", BILLING));
    assert_eq!(t.ok(OLD, "ListPoliciesForTarget", policies)["Policies"].as_array().unwrap().len(), 2);
    assert_eq!(
        t.error(OLD, "ListPoliciesForTarget", json!({"TargetId": "222222222222", "Filter": "TAG_POLICY"})),
        "TargetNotFoundException"
    );
    let member = t.admin(BILLING);
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("ListRoots", json!({})),
        ("DescribeAccount", json!({"AccountId": BILLING})),
        ("ListParents", json!({"ChildId": BILLING})),
        ("ListDelegatedAdministrators", json!({})),
    ] {
        assert_eq!(t.error(&member, operation, input), "AccessDeniedException", "{operation}");
    }
    assert_eq!(t.error(NEW, "Nothing", json!({})), "UnknownOperationException");
}

#[test]
fn long_lists_come_in_pages() {
    let mut t = Test::new("");
    for n in 0..20 {
        t.ok(NEW, "CreateOrganizationalUnit", json!({"ParentId": "r-ab12", "Name": format!("unit {n}")}));
    }
    let list = "ListOrganizationalUnitsForParent";
    let first = t.ok(NEW, list, json!({"ParentId": "r-ab12"}));
    let rest = t.ok(NEW, list, json!({"ParentId": "r-ab12", "NextToken": first["NextToken"]}));
    assert_eq!(first["OrganizationalUnits"].as_array().unwrap().len(), 20);
    assert_eq!(rest["OrganizationalUnits"].as_array().unwrap().len(), 2);
    assert!(rest.get("NextToken").is_none());
    for (input, error) in [
        (json!({"ParentId": "r-ab12", "NextToken": "page-900"}), "InvalidInputException/INVALID_NEXT_TOKEN"),
        (json!({"ParentId": "r-ab12", "MaxResults": 21}), "InvalidInputException/MAX_VALUE_EXCEEDED"),
        (json!({"ParentId": "r-ab12", "MaxResults": 0}), "InvalidInputException/MIN_VALUE_EXCEEDED"),
        (json!({"ParentId": "r-ab12", "MaxResults": "x"}), "SerializationException"),
    ] {
        assert_eq!(t.error(NEW, list, input), error);
    }
}

#[test]
fn tags_are_kept_with_their_resource_and_within_limits() {
    let mut t = Test::new("");
    let tag = |key: &str| json!({"ResourceId": BILLING, "Tags": [{"Key": key, "Value": "1"}]});
    t.ok(OLD, "TagResource", tag("team"));
    let tags = t.ok(OLD, "ListTagsForResource", json!({"ResourceId": BILLING}));
    assert_eq!(tags["Tags"], json!([{"Key": "cost_center", "Value": "17"}, {"Key": "team", "Value": "1"}]));
    t.ok(OLD, "UntagResource", json!({"ResourceId": BILLING, "TagKeys": ["team"]}));
    assert_eq!(t.error(OLD, "TagResource", tag("aws:x")), "InvalidInputException/INVALID_SYSTEM_TAGS_PARAMETER");
    assert_eq!(
        t.error(OLD, "TagResource", json!({"ResourceId": "222222222222", "Tags": []})),
        "TargetNotFoundException"
    );
    let twice = json!({"ResourceId": BILLING, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]});
    assert_eq!(t.error(OLD, "TagResource", twice), "InvalidInputException/DUPLICATE_TAG_KEY");
    let many: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    assert_eq!(
        t.error(OLD, "TagResource", json!({"ResourceId": BILLING, "Tags": many})),
        "ConstraintViolationException/MAX_TAG_LIMIT_EXCEEDED"
    );
    t.ok(OLD, "TagResource", json!({"ResourceId": "r-old1", "Tags": [{"Key": "a", "Value": "1"}]}));
}

#[test]
fn delegated_administrators_read_and_are_registered_once() {
    let mut t = Test::new("");
    let service = "sso.amazonaws.com";
    let both = json!({"AccountId": BILLING, "ServicePrincipal": service});
    let register = "RegisterDelegatedAdministrator";
    assert_eq!(t.error(OLD, register, both.clone()), "ConstraintViolationException/SERVICE_ACCESS_NOT_ENABLED");
    t.ok(OLD, "EnableAWSServiceAccess", json!({"ServicePrincipal": service}));
    assert_eq!(
        t.error(OLD, register, json!({"AccountId": "222222222222", "ServicePrincipal": service})),
        "AccountNotFoundException"
    );
    assert_eq!(
        t.error(OLD, register, json!({"AccountId": "111111111111", "ServicePrincipal": service})),
        "ConstraintViolationException/CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
    );
    assert_eq!(t.error(OLD, "DeregisterDelegatedAdministrator", both.clone()), "AccountNotRegisteredException");
    assert_eq!(
        t.error(OLD, "ListDelegatedServicesForAccount", json!({"AccountId": BILLING})),
        "AccountNotRegisteredException"
    );
    t.ok(OLD, register, both.clone());
    assert_eq!(t.error(OLD, register, both.clone()), "AccountAlreadyRegisteredException");
    let listed = t.ok(OLD, "ListDelegatedAdministrators", json!({"ServicePrincipal": service}));
    assert_eq!(listed["DelegatedAdministrators"][0]["Id"], BILLING);
    let services = t.ok(OLD, "ListDelegatedServicesForAccount", json!({"AccountId": BILLING}));
    assert_eq!(services["DelegatedServices"][0]["ServicePrincipal"], service);
    let member = t.admin(BILLING);
    t.ok(&member, "ListAccounts", json!({}));
    assert_eq!(
        t.ok(&member, "ListAWSServiceAccessForOrganization", json!({}))["EnabledServicePrincipals"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    t.ok(OLD, "DisableAWSServiceAccess", json!({"ServicePrincipal": service}));
    assert_eq!(t.error(&member, "ListAccounts", json!({})), "AccessDeniedException");
}

// ---- Keys, roles, users ----

#[test]
fn unknown_missing_and_expired_keys_have_their_errors_in_both_protocols() {
    let mut t = Test::new(
        "[[principals]]\nprofile = \"short\"\naccount = \"111122223333\"\nkind = \"role\"\nname = \"Short\"\naccess_key = \"ASIASHORTSHORT0001\"\nsession_token = \"tok\"\nexpires = \"1h\"\n",
    );
    assert_eq!(t.error("AKIANOBODYNOBODY01", "ListRoots", json!({})), "UnrecognizedClientException");
    let got = t.query("AKIANOBODYNOBODY01", "iam", "GetUser", &[]);
    assert_eq!((got.status, got.code().as_str()), (403, "InvalidClientTokenId"));
    let mut anonymous = json_request(NEW, "", "ListRoots", json!({}));
    anonymous.headers.remove(0);
    assert_eq!(t.send(&anonymous).code(), "MissingAuthenticationTokenException");
    let request = json_request("ASIASHORTSHORT0001", "tok", "DescribeOrganization", json!({}));
    assert_eq!(t.send(&request).status, 200);
    t.later(3_600_000);
    assert_eq!(t.send(&request).code(), "ExpiredTokenException");
    let got = t.send(&query_request("ASIASHORTSHORT0001", "tok", "sts", "GetCallerIdentity", &[]));
    assert_eq!((got.status, got.code().as_str()), (403, "ExpiredToken"));
}

#[test]
fn a_role_opens_to_whom_it_trusts_with_what_it_demands() {
    let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let mut t = Test::new(&format!(
        "[[roles]]\naccount = \"111122223333\"\nname = \"Careful\"\ntrusts = [\"arn:aws:iam::111111111111:user/carol\"]\nexternal_id = \"x-1\"\nmfa = true\n\
         [[principals]]\nprofile = \"carol\"\naccount = \"111111111111\"\nkind = \"user\"\nname = \"carol\"\naccess_key = \"AKIACAROLCAROL0001\"\n\
         mfa = {{ serial = \"arn:aws:iam::111111111111:mfa/carol\", seed = \"{seed}\" }}\n"
    ));
    let role = ("RoleArn", "arn:aws:iam::111122223333:role/Careful");
    let session = ("RoleSessionName", "carol");
    let (id, serial) = (("ExternalId", "x-1"), ("SerialNumber", "arn:aws:iam::111111111111:mfa/carol"));
    let carol = "AKIACAROLCAROL0001";
    let code = totp::code(seed, totp::step(t.now)).unwrap();
    let code = ("TokenCode", code.as_str());
    let stale = totp::code(seed, totp::step(t.now) - 10).unwrap();
    for (key, input) in [
        (carol, vec![role, session, serial, code]),
        (carol, vec![role, session, id]),
        (carol, vec![role, session, id, serial, ("TokenCode", "000000")]),
        (carol, vec![role, session, id, serial, ("TokenCode", &stale)]),
        (carol, vec![role, session, id, ("SerialNumber", "arn:aws:iam::111111111111:mfa/other"), code]),
        (OLD, vec![role, session, id]),
        (carol, vec![("RoleArn", "arn:aws:iam::111122223333:role/Nobody"), session]),
    ] {
        let got = t.query(key, "sts", "AssumeRole", &input);
        assert_eq!((got.status, got.code().as_str()), (403, "AccessDenied"), "{input:?}");
    }
    for wrong in [
        vec![role, ("RoleSessionName", "x")],
        vec![("RoleArn", "Careful"), session],
        vec![role, session, ("DurationSeconds", "60")],
        vec![session],
    ] {
        let got = t.query(carol, "sts", "AssumeRole", &wrong);
        assert_eq!((got.status, got.code().as_str()), (400, "ValidationError"), "{wrong:?}");
    }
    let got = t.query(carol, "sts", "AssumeRole", &[role, session, id, serial, code, ("DurationSeconds", "7200")]);
    assert_eq!(got.code(), "ValidationError", "longer than the role allows");
    let got = t.query(carol, "sts", "AssumeRole", &[role, session, id, serial, code]);
    assert_eq!(got.status, 200, "{got:?}");
    let again = t.query(carol, "sts", "AssumeRole", &[role, session, id, serial, code]);
    assert_eq!(again.code(), "AccessDenied", "a code works once");
    let (key, token) = (got.element("AccessKeyId"), got.element("SessionToken"));
    assert_eq!(Time::parse(&got.element("Expiration")).unwrap().0 / 1000, (t.now.0 + 3_599_999) / 1000);
    let me = query_request(&key, &token, "sts", "GetCallerIdentity", &[]);
    assert_eq!(t.send(&me).status, 200);
    t.later(3_600_000);
    assert_eq!(t.send(&me).code(), "ExpiredToken");
    assert_eq!(t.aws.effects().count(), 0, "sessions are no change of AWS");
}

#[test]
fn policies_allow_and_explicit_denies_win() {
    let user = |name: &str, rest: &str| {
        format!(
            "[[principals]]\nprofile = \"{name}\"\naccount = \"222222222222\"\nkind = \"user\"\nname = \"{name}\"\naccess_key = \"AKIA000000000{name}\"\n{rest}\n"
        )
    };
    let mut t = Test::new(&[
        user("reader", "policies = [\"AWSOrganizationsReadOnlyAccess\"]"),
        user("nobody", "policies = []"),
        user("picky1", "statements = [{ effect = \"Allow\", actions = [\"organizations:*\"] }, { effect = \"Deny\", actions = [\"organizations:Invite*\"] }]"),
        user("mfaonly", "statements = [{ effect = \"Allow\", actions = [\"*\"], mfa = true }]"),
    ].concat());
    let invite = "InviteAccountToOrganization";
    for (name, list, inviting) in
        [("reader", true, false), ("nobody", false, false), ("picky1", true, false), ("mfaonly", false, false)]
    {
        let key = format!("AKIA000000000{name}");
        assert_eq!(t.org(&key, "ListRoots", json!({})).status == 200, list, "{name}");
        assert_eq!(t.org(&key, invite, target(BILLING)).status == 200, inviting, "{name}");
        assert_eq!(t.query(&key, "sts", "GetCallerIdentity", &[]).status, 200);
        let role =
            [("RoleArn", "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole"), ("RoleSessionName", "me")];
        assert_eq!(t.query(&key, "sts", "AssumeRole", &role).code(), "AccessDenied");
    }
}

#[test]
fn users_live_with_policies_and_keys_and_die_without() {
    let mut t = Test::new("");
    let name = [("UserName", "breakglass")];
    let admin = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    let refused = |got: Got| (got.status, got.code());
    let no_such = (404, "NoSuchEntity".to_owned());
    let code = |status: u16, code: &str| (status, code.to_owned());
    for operation in ["GetUser", "DeleteUser", "ListAttachedUserPolicies", "CreateAccessKey", "ListAccessKeys"] {
        assert_eq!(refused(t.query(OLD, "iam", operation, &name)), no_such, "{operation}");
    }
    assert_eq!(refused(t.query(OLD, "iam", "CreateUser", &[])), code(400, "ValidationError"));
    assert_eq!(refused(t.query(OLD, "iam", "CreateUser", &[("UserName", "a b")])), code(400, "ValidationError"));
    let made = t.query(OLD, "iam", "CreateUser", &name);
    assert_eq!(made.element("Arn"), "arn:aws:iam::111111111111:user/breakglass");
    assert_eq!(
        refused(t.query(OLD, "iam", "CreateUser", &[("UserName", "BreakGlass")])),
        code(409, "EntityAlreadyExists")
    );
    let key = t.query(OLD, "iam", "CreateAccessKey", &name).element("AccessKeyId");
    assert_eq!(
        t.query(&key, "sts", "GetCallerIdentity", &[]).element("Arn"),
        "arn:aws:iam::111111111111:user/breakglass"
    );
    assert_eq!(t.error(&key, "ListRoots", json!({})), "AccessDeniedException");
    assert_eq!(
        refused(t.query(OLD, "iam", "AttachUserPolicy", &[name[0], ("PolicyArn", "arn:aws:iam::aws:policy/None")])),
        no_such
    );
    assert_eq!(
        refused(t.query(OLD, "iam", "AttachUserPolicy", &[name[0], ("PolicyArn", "policy/of-none-such")])),
        code(400, "ValidationError")
    );
    assert_eq!(
        refused(t.query(OLD, "iam", "AttachUserPolicy", &[name[0], ("PolicyArn", "policy/of-none-such-at-all")])),
        code(400, "InvalidInput")
    );
    assert_eq!(t.query(OLD, "iam", "AttachUserPolicy", &[name[0], admin]).status, 200);
    assert_eq!(t.query(OLD, "iam", "AttachUserPolicy", &[name[0], admin]).status, 200);
    t.ok(&key, "ListRoots", json!({}));
    assert_eq!(t.query(OLD, "iam", "ListAttachedUserPolicies", &name).element("PolicyName"), "AdministratorAccess");
    let second = t.query(OLD, "iam", "CreateAccessKey", &name).element("AccessKeyId");
    assert_eq!(refused(t.query(OLD, "iam", "CreateAccessKey", &name)), code(409, "LimitExceeded"));
    assert_eq!(refused(t.query(OLD, "iam", "DeleteUser", &name)), code(409, "DeleteConflict"));
    for one in [&key, &second] {
        assert_eq!(t.query(OLD, "iam", "DeleteAccessKey", &[name[0], ("AccessKeyId", one)]).status, 200);
    }
    assert_eq!(refused(t.query(OLD, "iam", "DeleteAccessKey", &[name[0], ("AccessKeyId", &key)])), no_such);
    assert_eq!(t.error(&key, "ListRoots", json!({})), "UnrecognizedClientException");
    assert_eq!(refused(t.query(OLD, "iam", "DeleteUser", &name)), code(409, "DeleteConflict"));
    assert_eq!(t.query(OLD, "iam", "DetachUserPolicy", &[name[0], admin]).status, 200);
    assert_eq!(refused(t.query(OLD, "iam", "DetachUserPolicy", &[name[0], admin])), no_such);
    assert_eq!(t.query(OLD, "iam", "DeleteUser", &name).status, 200);
    assert_eq!(refused(t.query(OLD, "iam", "Nothing", &name)), code(400, "InvalidAction"));
    assert_eq!(t.query(OLD, "iam", "GetUser", &[]).element("UserName"), "mover");
}

#[test]
fn identity_center_sessions_end_with_the_account_s_membership() {
    let sso = "[[principals]]\nprofile = \"sso\"\naccount = \"222233334444\"\nkind = \"identity_center\"\nname = \"AWSReservedSSO_Admin_1\"\naccess_key = \"ASIASSOSSOSSOSSO01\"\n";
    let mut t = Test::new(sso);
    let key = "ASIASSOSSOSSOSSO01";
    let id = json!({"HandshakeId": t.invite(DATA)});
    t.ok(key, "AcceptHandshake", id);
    assert_eq!(t.error(key, "DescribeOrganization", json!({})), "ExpiredTokenException");
    let mut t = Test::of(&format!("{}\n{sso}", WORLD.replace("[settings]", "[settings]\nidentity_center_ends = []")));
    let id = json!({"HandshakeId": t.invite(DATA)});
    t.ok(key, "AcceptHandshake", id);
    t.ok(key, "DescribeOrganization", json!({}));
}

// ---- Rates, faults, stale reads ----

#[test]
fn requests_over_the_published_rate_are_throttled() {
    let world = World::parse("world.toml", &WORLD.replace("throttling = true", "signatures = false")).unwrap();
    let mut aws = Simulator::new(&world, START);
    let mut ask =
        |ms: i64| match aws.handle(&json_request(NEW, "", "DescribeOrganization", json!({})), START.plus(ms)).reply {
            Reply::Answer { body, .. } => serde_json::from_slice::<Value>(&body).unwrap(),
            other => panic!("{other:?}"),
        };
    assert!(ask(0).get("Organization").is_some());
    assert!(ask(0).get("Organization").is_some());
    let refused = ask(0);
    assert_eq!((&refused["__type"], &refused["Type"]), (&json!("TooManyRequestsException"), &json!("RATE_LIMIT")));
    assert!(ask(1_000).get("Organization").is_some());
}

fn fault(t: &mut Test, on: &str, kind: FaultKind) {
    t.aws.add_fault(Fault::first(on, kind));
}

#[test]
fn each_fault_strikes_once_and_does_what_its_name_says() {
    let on = "organizations:InviteAccountToOrganization";
    for (kind, code, effect) in [
        (FaultKind::ServerErrorBefore, "ServiceException", false),
        (FaultKind::ServerErrorAfter, "ServiceException", true),
        (FaultKind::Throttled, "TooManyRequestsException", false),
        (FaultKind::ConcurrentModification, "ConcurrentModificationException", false),
        (FaultKind::SessionExpired, "ExpiredTokenException", false),
        (FaultKind::AccessDenied, "AccessDeniedException", false),
        (FaultKind::ResponseLost, "", true),
        (FaultKind::RefusedBefore, "", false),
        (FaultKind::Slow, "", true),
    ] {
        let mut t = Test::new("");
        fault(&mut t, on, kind);
        let handled = t.aws.handle(&json_request(NEW, "", "InviteAccountToOrganization", target(BILLING)), START);
        assert_eq!(handled.log.effect, effect, "{kind:?}");
        assert_eq!(handled.log.fault, Some(kind.name()));
        match (&handled.reply, kind) {
            (Reply::Lost, FaultKind::ResponseLost) | (Reply::Refused, FaultKind::RefusedBefore) => {}
            (Reply::Slow { ms: 5_000, then }, FaultKind::Slow) => {
                assert!(matches!(**then, Reply::Answer { status: 200, .. }))
            }
            (Reply::Answer { status, body, .. }, _) => {
                assert_eq!(*status, if code == "ServiceException" { 500 } else { 400 });
                assert_eq!(serde_json::from_slice::<Value>(body).unwrap()["__type"], code);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(t.aws.effects().count(), usize::from(effect));
        let again = t.org(NEW, "InviteAccountToOrganization", target(BILLING));
        assert_eq!(again.status == 200, !effect, "{kind:?}");
        assert_eq!(FaultKind::named(kind.name()), Some(kind));
    }
}

#[test]
fn faults_count_the_requests_that_they_are_about() {
    let mut t = Test::new(
        "[[faults]]\non = \"organizations:List*\"\naccount = \"222222222222\"\nnth = 2\ntimes = 2\nkind = \"throttled\"\n",
    );
    let mut codes = Vec::new();
    for key in [NEW, OLD, NEW, OLD, NEW, NEW] {
        codes.push(t.org(key, "ListRoots", json!({})).status);
    }
    assert_eq!(codes, [200, 200, 400, 200, 400, 200]);
}

#[test]
fn stale_reads_after_a_change_end_by_time_or_by_number() {
    let seen = |t: &mut Test, key: &str| {
        let answer = t.ok(key, "ListHandshakesForOrganization", json!({}));
        answer["Handshakes"].as_array().unwrap().len()
    };
    for (lasting, ends) in [(Lasting::Ms(1_000), false), (Lasting::Reads(2), true)] {
        let mut t = Test::new("");
        let invite = "organizations:InviteAccountToOrganization";
        t.aws.add_fault(Fault { lasting, ..Fault::first(invite, FaultKind::StaleReads) });
        t.invite(BILLING);
        assert_eq!((seen(&mut t, NEW), seen(&mut t, NEW)), (0, 0));
        assert_eq!(seen(&mut t, NEW) == 1, ends);
        // What is refused is decided by the truth.
        assert_eq!(t.error(NEW, "InviteAccountToOrganization", target(BILLING)), "DuplicateHandshakeException");
        t.later(1_000);
        assert_eq!(seen(&mut t, NEW), 1);
    }
    let mut t = Test::new("");
    t.invite(BILLING);
    t.aws.add_fault(Fault {
        lasting: Lasting::Reads(1),
        ..Fault::first("organizations:ListHand*", FaultKind::StaleReads)
    });
    assert_eq!((seen(&mut t, NEW), seen(&mut t, NEW)), (0, 1));
}

#[test]
fn after_a_change_the_two_sides_may_disagree_for_their_own_lags() {
    let settings = "[settings]\nstale_lag = \"10s\"";
    let mut disagreed = 0;
    for seed in 0..20 {
        let text = WORLD.replace("[settings]", settings).replace("seed = 20261121", &format!("seed = {seed}"));
        let mut t = Test::of(&text);
        let member = t.admin(BILLING);
        let id = json!({"HandshakeId": t.invite(BILLING)});
        t.ok(&member, "AcceptHandshake", id);
        // The writer sees its own change.
        assert_eq!(t.ok(&member, "DescribeOrganization", json!({}))["Organization"]["Id"], "o-neworg22222");
        t.later(5_000);
        let old = t.org(OLD, "DescribeAccount", json!({"AccountId": BILLING})).status == 200;
        let new = t.org(NEW, "DescribeAccount", json!({"AccountId": BILLING})).status == 200;
        disagreed += usize::from(old == new);
        t.later(10_001);
        assert_eq!(t.error(OLD, "DescribeAccount", json!({"AccountId": BILLING})), "AccountNotFoundException");
        t.ok(NEW, "DescribeAccount", json!({"AccountId": BILLING}));
    }
    assert!(disagreed > 0, "both in, or both out, at least once in twenty worlds");
}

#[test]
fn the_same_requests_give_the_same_world_and_a_snapshot_brings_it_back() {
    let play = |t: &mut Test| {
        let id = json!({"HandshakeId": t.invite(BILLING)});
        t.ok(NEW, "CancelHandshake", id);
        t.invite(DATA);
    };
    let (mut one, mut two) = (Test::new(""), Test::new(""));
    let start = one.aws.snapshot();
    play(&mut one);
    play(&mut two);
    assert_eq!(one.aws.state(), two.aws.state());
    assert_eq!(one.aws.log(), two.aws.log());
    one.aws.restore(&start);
    assert_eq!(one.aws.state(), start.state());
    assert!(one.aws.log().is_empty());
}

#[test]
fn log_lines_are_canonical_json() {
    let mut t = Test::new("");
    t.error(NEW, "DescribeAccount", json!({"AccountId": BILLING}));
    let line = t.aws.log()[0].line();
    assert_eq!(
        line,
        r#"{"account":"222222222222","effect":false,"error":"AccountNotFoundException","fault":null,"operation":"organizations:DescribeAccount","principal":"arn:aws:iam::222222222222:user/mover","time":"2026-09-21T14:13:20.001Z"}"#
    );
}

#[test]
fn control_calls_settle_facts_and_put_the_clock_forward() {
    let mut t = Test::new("[[commands]]\nstep = \"prepare/sync\"\nexit = 3\nstdout = \"no\"\n");
    assert_eq!(t.aws.command("prepare/sync"), CommandAnswer { exit: 3, stdout: "no".into() });
    assert_eq!(t.aws.command("other"), CommandAnswer::default());
    let mut post = |what: &str, body: Value| {
        let path = format!("/_countersign/{what}");
        let request = Request { method: "POST".into(), path, headers: vec![], body: body.to_string().into() };
        match t.aws.handle(&request, t.now).reply {
            Reply::Answer { status, .. } => status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(post("human", json!({"account": BILLING, "fact": "phone", "settled": false})), 200);
    assert_eq!(post("human", json!({"account": BILLING, "fact": "x"})), 400);
    assert_eq!(post("clock", json!({"advance": "16d"})), 200);
    assert_eq!(post("clock", json!({"advance": "soon"})), 400);
    assert_eq!(post("nothing", json!({})), 400);
    assert!(!t.aws.state().accounts[BILLING].facts.phone);
    assert_eq!(t.aws.now(), START.plus(16 * DAY));
    assert_eq!(t.aws.timing(), Timing { time_limit: Some(2_000), settles_within: Some(1_000) });
    assert_eq!(t.aws.credentials("new_management").unwrap().access_key, NEW);
    assert_eq!(t.aws.profiles().count(), 2);
}

// ---- World files ----

#[test]
fn a_wrong_world_file_is_told_where_and_what() {
    let findings = |more: &str| World::parse("w.toml", &format!("schema = 1\n{more}")).err().unwrap_or_default();
    for (text, code, line, column) in [
        ("acounts = []", "CS1501", 2, 1),
        ("[[accounts]]\nid = \"1\"\nname = \"x\"\n", "CS1503", 3, 6),
        ("[[accounts]]\nid = \"111111111111\"\n", "CS1501", 2, 1),
        ("[[accounts]]\nid = \"111111111111\"\nname = \"x\"\norganization = \"o-none\"", "CS1504", 5, 16),
        ("[[accounts]]\nid = \"111111111111\"\nname = \"x\"\ncreated = \"long ago\"", "CS1503", 5, 11),
        ("[[faults]]\non = \"AcceptHandshake\"\nkind = \"throttled\"", "CS1503", 3, 6),
        ("[[faults]]\non = \"*\"\nkind = \"gone\"", "CS1501", 4, 8),
        ("[[faults]]\non = \"*\"\nkind = \"slow\"\nnth = 0", "CS1503", 5, 7),
        ("[settings.precedence]\nAcceptHandshake = [\"weather\"]", "CS1503", 3, 20),
        ("[timing]\ntime_limit = \"fast\"", "CS1503", 3, 14),
        ("[[commands]]\nstep = \"a\"\n[[commands]]\nstep = \"a\"", "CS1505", 5, 8),
        ("[[principals]]\nprofile = \"p\"\naccount = \"111111111111\"\nkind = \"root\"", "CS1504", 4, 11),
        ("[clock]\nstart = \"now\"", "CS1503", 3, 9),
        ("x", "CS1501", 2, 2),
    ] {
        let found = findings(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(
            (found[0].code, found[0].place.line, found[0].place.column),
            (code, line, column),
            "{text}: {found:?}"
        );
    }
    assert_eq!(World::parse("w.toml", "schema = 2").err().unwrap()[0].code, "CS1502");
    let circle = "[[accounts]]\nid = \"111111111111\"\nname = \"x\"\n[[organizations]]\nid = \"o-aaaaaaaaaa\"\nmanagement = \"111111111111\"\nroot = \"r-aaaa\"\n\
        organizational_units = [{ id = \"ou-aaaa-11111111\", name = \"a\", parent = \"ou-aaaa-22222222\" }, { id = \"ou-aaaa-22222222\", name = \"b\", parent = \"ou-aaaa-11111111\" }]";
    assert_eq!(findings(circle).len(), 2);
}

// ---- Anything at all ----

use proptest::prelude::*;

/// A world in which the requests of [`any_request`] meet something.
fn busy() -> Test {
    let mut t = Test::new("");
    t.admin(BILLING);
    t.admin(DATA);
    t.invite(DATA);
    t
}

const OPERATIONS: [&str; 38] = [
    "InviteAccountToOrganization",
    "AcceptHandshake",
    "CancelHandshake",
    "DeclineHandshake",
    "DescribeHandshake",
    "ListHandshakesForOrganization",
    "ListHandshakesForAccount",
    "LeaveOrganization",
    "RemoveAccountFromOrganization",
    "MoveAccount",
    "CreateOrganization",
    "DeleteOrganization",
    "DescribeOrganization",
    "CreateAccount",
    "DescribeCreateAccountStatus",
    "ListCreateAccountStatus",
    "DescribeAccount",
    "ListAccounts",
    "ListAccountsForParent",
    "ListParents",
    "ListChildren",
    "ListRoots",
    "CreateOrganizationalUnit",
    "DeleteOrganizationalUnit",
    "DescribeOrganizationalUnit",
    "ListOrganizationalUnitsForParent",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "RegisterDelegatedAdministrator",
    "DeregisterDelegatedAdministrator",
    "ListDelegatedAdministrators",
    "ListDelegatedServicesForAccount",
    "EnableAWSServiceAccess",
    "DisableAWSServiceAccess",
    "ListAWSServiceAccessForOrganization",
    "ListPoliciesForTarget",
    "Unheard",
];

#[test]
fn the_table_of_operations_is_whole() {
    for name in OPERATIONS.iter().filter(|name| **name != "Unheard") {
        assert!(organizations::operation(name).is_some(), "{name}");
        assert!(errors::actions().any(|action| action.ends_with(&format!(":{name}"))), "{name}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        ".{0,20}".prop_map(|text| json!(text)),
        prop::sample::select(vec![
            BILLING,
            DATA,
            "333344445555",
            "111111111111",
            "222222222222",
            "r-old1",
            "r-ab12",
            "ou-old1-11111111",
            "ou-ab12-11111111",
            "h-0000000000",
            "sso.amazonaws.com",
            "ACCOUNT",
            "SERVICE_CONTROL_POLICY",
            "new@b.example",
        ])
        .prop_map(|text| json!(text)),
        Just(json!({"Id": BILLING, "Type": "ACCOUNT"})),
        Just(json!([{"Key": "a", "Value": "b"}])),
        Just(json!(["a"])),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let members = prop::sample::select(vec![
        "AccountId",
        "HandshakeId",
        "Target",
        "ParentId",
        "SourceParentId",
        "DestinationParentId",
        "ChildId",
        "ChildType",
        "Name",
        "Email",
        "AccountName",
        "ResourceId",
        "Tags",
        "TagKeys",
        "ServicePrincipal",
        "TargetId",
        "Filter",
        "NextToken",
        "MaxResults",
        "OrganizationalUnitId",
        "CreateAccountRequestId",
        "FeatureSet",
        "Notes",
        "States",
    ]);
    let input = prop::collection::btree_map(members, any_value(), 0..8);
    let keys = vec![
        OLD.to_owned(),
        NEW.to_owned(),
        format!("AKIAADMIN{BILLING}"),
        format!("AKIAADMIN{DATA}"),
        "AKIANONE".to_owned(),
    ];
    (prop::sample::select(keys), prop::sample::select(OPERATIONS.to_vec()), input)
        .prop_map(|(key, operation, input)| json_request(&key, "", operation, json!(input)))
}

fn any_query() -> impl Strategy<Value = Request> {
    let operations = vec![
        "CreateUser",
        "GetUser",
        "DeleteUser",
        "AttachUserPolicy",
        "DetachUserPolicy",
        "ListAttachedUserPolicies",
        "CreateAccessKey",
        "ListAccessKeys",
        "DeleteAccessKey",
        "GetCallerIdentity",
        "AssumeRole",
    ];
    let members = prop::sample::select(vec![
        "UserName",
        "PolicyArn",
        "AccessKeyId",
        "RoleArn",
        "RoleSessionName",
        "DurationSeconds",
        "SerialNumber",
        "TokenCode",
    ]);
    let values = prop_oneof![
        ".{0,12}".prop_map(|text: String| text),
        prop::sample::select(vec![
            "mover",
            "admin",
            "me",
            OLD,
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws:iam::111122223333:role/OrganizationAccountAccessRole",
            "900",
        ])
        .prop_map(str::to_owned),
    ];
    let input = prop::collection::btree_map(members, values, 0..5);
    (prop::sample::select(vec!["iam", "sts"]), prop::sample::select(operations), input).prop_map(
        |(service, operation, input)| {
            let pairs: Vec<(&str, &str)> = input.iter().map(|(name, value)| (*name, value.as_str())).collect();
            query_request(OLD, "", service, operation, &pairs)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// `Test::send` itself asserts that nothing refused has an effect or changes the world, and that
    /// the log's `effect` is the truth.
    #[test]
    fn refused_requests_change_nothing(requests in prop::collection::vec(prop_oneof![any_request(), any_query()], 1..12)) {
        let mut t = busy();
        for request in &requests {
            t.send(request);
        }
        for account in t.aws.state().accounts.values() {
            if let Some(member) = &account.member {
                let organization = &t.aws.state().organizations[&member.organization];
                prop_assert!(organization.has_parent(&member.parent));
            }
        }
    }

    #[test]
    fn random_bytes_get_an_answer(
        target in ".{0,40}", authorization in ".{0,60}", path in ".{0,30}", body in prop::collection::vec(any::<u8>(), 0..200),
        known in any::<bool>(), signed_by in any::<bool>(), operation in prop::sample::select(OPERATIONS.to_vec()),
        now in any::<i64>(),
    ) {
        let mut headers = Vec::new();
        if known {
            headers.push(("X-Amz-Target".to_owned(), format!("AWSOrganizationsV20161128.{operation}")));
        } else {
            headers.push(("x-amz-target".to_owned(), target));
        }
        if signed_by { headers.extend(signed(NEW, "", "iam")) } else { headers.push(("authorization".to_owned(), authorization)) }
        let mut t = busy();
        let request = Request { method: "POST".into(), path, headers, body };
        let handled = t.aws.handle(&request, Time(now));
        prop_assert!(!handled.log.line().is_empty());
        let mut form = request;
        form.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("x-amz-target"));
        t.aws.handle(&form, Time(now));
    }

    #[test]
    fn any_world_text_gets_findings_or_a_world(text in any::<String>(), cut in 0usize..4_000) {
        let _ = World::parse("w.toml", &text);
        let end = (0..=cut.min(WORLD.len())).rev().find(|at| WORLD.is_char_boundary(*at)).unwrap_or(0);
        if let Ok(world) = World::parse("w.toml", &WORLD[..end]) {
            let _ = Simulator::new(&world, Time(i64::MIN));
        }
    }
}
