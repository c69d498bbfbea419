//! Every finding of a preflight, one by one: the shipped move with canned answers, all well but for one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use countersign::base::Time;
use countersign::catalogue::{self, Class};
use countersign::cli::load::{self, Sources};
use countersign::engine::port::{Fault, Identity, Reply, SessionProblem};
use countersign::preflight::outcome::Preflight;
use countersign::preflight::route::Route;
use countersign::preflight::{Ask, Case, Look, Severity, Verdict, pages, table, values};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

const OLD: &str = "111111111111";
const NEW: &str = "222222222222";
const BILLING: &str = "111122223333";
const NOW: &str = "2026-03-01T12:00:00Z";

fn now() -> Time {
    Time::parse(NOW).unwrap()
}

fn loaded(runbook: &str) -> load::Loaded {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let sources = Sources { runbook: root.join(runbook), rehearsal: true, ..Sources::default() };
    load::plan(&sources, None).unwrap()
}

fn case() -> Case {
    case_of("runbooks/move_member_accounts.toml")
}

fn case_of(runbook: &str) -> Case {
    let loaded = loaded(runbook);
    Case::of(&loaded.plan, &loaded.values.object, &loaded.people, now())
}

/// What AWS answers, by the account that is asked and the action; an `Err` is AWS's code.
#[derive(Clone, Default)]
struct Aws {
    special: BTreeMap<(String, String), Result<Value, &'static str>>,
    /// Kinds of sessions by account.
    kinds: BTreeMap<String, &'static str>,
    closed: Vec<&'static str>,
}

impl Aws {
    fn with(account: &str, action: &str, answer: Value) -> Aws {
        Aws::default().and(account, action, Ok(answer))
    }

    fn and(mut self, account: &str, action: &str, answer: Result<Value, &'static str>) -> Aws {
        self.special.insert((account.to_owned(), action.to_owned()), answer);
        self
    }

    fn answer(&self, account: &str, action: &str, about: &str) -> Result<Value, &'static str> {
        let key = |account: &str| (account.to_owned(), action.to_owned());
        let special = self.special.get(&key(&format!("{account} about {about}"))).or(self.special.get(&key(account)));
        special.cloned().unwrap_or_else(|| well(account, action, about))
    }
}

/// A world in which nothing is wrong.
fn well(account: &str, action: &str, about: &str) -> Result<Value, &'static str> {
    let organization = |id: &str, management: &str| json!({"Organization": {"Id": id, "MasterAccountId": management, "FeatureSet": "ALL"}});
    let of = |state: &str| {
        let path = format!("o-old/r-old1/ou-old1-11111111/{about}/");
        json!({"Account": {"Id": about, "State": state, "JoinedMethod": "INVITED",
            "JoinedTimestamp": "2020-01-01T00:00:00Z", "Paths": [path], "Email": "root@example.com"}})
    };
    Ok(match (account, action) {
        (NEW, "organizations:DescribeOrganization") => organization("o-new", NEW),
        (_, "organizations:DescribeOrganization") => organization("o-old", OLD),
        (_, "organizations:DescribeAccount") => of("ACTIVE"),
        (_, "organizations:ListRoots") => {
            json!({"Roots": [{"Id": "r-old1", "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}]})
        }
        (_, "iam:GetAccountSummary") => {
            json!({"SummaryMap": {"AccountPasswordPresent": 1, "AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0}})
        }
        (_, "iam:SimulatePrincipalPolicy") => {
            json!({"EvaluationResults": [{"EvalActionName": "organizations:AcceptHandshake", "EvalDecision": "allowed"}]})
        }
        (_, "account:GetContactInformation") => json!({"ContactInformation": {"FullName": "A", "PhoneNumber": "+49"}}),
        (_, "account:GetAlternateContact") => json!({"AlternateContact": {"EmailAddress": "s@example.com"}}),
        (_, "account:GetAccountInformation") => json!({"AccountCreatedDate": "2020-01-01T00:00:00Z"}),
        _ => json!({}),
    })
}

fn look(case: Case, aws: &Aws) -> Preflight {
    let mut look = Look::new(case, now());
    let open = |id: &str, account: &str| -> Result<Identity, SessionProblem> {
        if aws.closed.contains(&account) {
            return Err(SessionProblem::None { session: id.to_owned(), message: "none".to_owned() });
        }
        let kind = aws.kinds.get(account).copied().unwrap_or("user");
        let arn = match kind {
            "identity_center" => format!("arn:aws:sts::{account}:assumed-role/AWSReservedSSO_Admin_1/alice"),
            "root" => format!("arn:aws:iam::{account}:root"),
            _ => format!("arn:aws:iam::{account}:user/mover"),
        };
        Ok(Identity { account: account.to_owned(), arn, kind: kind.to_owned(), endpoint: String::new() })
    };
    let doors = look.case().ways.iter().map(|way| (open(&way.wanted.id, &way.wanted.account), now())).collect();
    look.opened(doors);
    loop {
        let asks: Vec<Ask> = look.next_round();
        if asks.is_empty() {
            return look.finish(now(), true);
        }
        for ask in asks {
            let call = look.call(&ask).unwrap();
            assert!(!catalogue::find(&call.action).unwrap().mutates, "{}", call.action);
            let result = aws.answer(&call.session.account, &call.action, &ask.about).map_err(|code| Fault {
                code: code.to_owned(),
                reason: String::new(),
                message: "no".to_owned(),
                class: Class::Refused,
            });
            look.answered(&ask, Reply { result, request_id: Some("req-1".to_owned()), date: None }, now());
        }
    }
}

/// Ids of what was found, with the account, but for what is only to know.
fn found(of: &Preflight) -> Vec<(&'static str, String)> {
    let serious = of.findings.iter().filter(|one| one.row.severity != Severity::ToKnow);
    serious.map(|one| (one.row.id, one.account.clone())).collect()
}

fn encoded(document: &Value) -> Value {
    Value::String(document.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect())
}

/// For each row: who answers what, so that it applies, and to which account.
fn troubles() -> Vec<(&'static str, Aws, &'static str)> {
    let joined = |about: &str, method: &str, at: &str| json!({"Account": {"Id": about, "State": "ACTIVE", "JoinedMethod": method, "JoinedTimestamp": at}});
    let about_billing = format!("{OLD} about {BILLING}");
    let handshake = |action: &str, party: &str| {
        json!({"Handshakes": [{"Id": "h-1", "State": "OPEN", "Action": action, "ExpirationTimestamp": "2026-03-09T00:00:00Z",
            "Arn": "arn:aws:organizations::999999999999:handshake/o-else/invite/h-1",
            "Parties": [{"Id": party, "Type": "ACCOUNT"}, {"Id": "else", "Type": "ORGANIZATION"}]}]})
    };
    let policy = |content: Value| {
        Aws::with(
            &format!("{OLD} about r-old1 SERVICE_CONTROL_POLICY"),
            "organizations:ListPoliciesForTarget",
            json!({"Policies": [{"Id": "p-1", "Name": "NoLeaving", "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": false}]}),
        )
        .and(OLD, "organizations:DescribePolicy", Ok(json!({"Policy": {"Content": content.to_string()}})))
    };
    let summary = |password: i64, mfa: i64, keys: i64| {
        json!({"SummaryMap": {"AccountPasswordPresent": password, "AccountMFAEnabled": mfa,
            "AccountAccessKeysPresent": keys, "Users": 3, "MFADevicesInUse": 1}})
    };
    let transfer = json!({"ResponsibilityTransfers": [{"Id": "rt-1", "Status": "ACCEPTED"}]});
    let trust =
        encoded(&json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{OLD}:root")}}]}));
    let named = encoded(&json!({"Statement": [{"Sid": "Own", "Effect": "Allow",
        "Condition": {"ForAnyValue:StringLikeIfExists": {"AWS:principalorgpaths": "o-old/*"}}}]}));
    let kinds = |kind| Aws { kinds: [(BILLING.to_owned(), kind)].into(), ..Aws::default() };
    let member = |action: &str, answer: Value| Aws::with(BILLING, action, answer);
    vec![
        (
            "is_management_account",
            member(
                "organizations:DescribeOrganization",
                json!({"Organization": {"Id": "o-own", "MasterAccountId": BILLING, "FeatureSet": "ALL"}}),
            ),
            BILLING,
        ),
        (
            "in_no_organization",
            Aws::default().and(BILLING, "organizations:DescribeOrganization", Err("AWSOrganizationsNotInUseException")),
            BILLING,
        ),
        (
            "already_there",
            member(
                "organizations:DescribeOrganization",
                json!({"Organization": {"Id": "o-new", "MasterAccountId": NEW, "FeatureSet": "ALL"}}),
            ),
            BILLING,
        ),
        (
            "account_not_active",
            Aws::with(&about_billing, "organizations:DescribeAccount", json!({"Account": {"State": "SUSPENDED"}})),
            BILLING,
        ),
        (
            "account_too_young",
            Aws::with(
                &about_billing,
                "organizations:DescribeAccount",
                joined(BILLING, "CREATED", "2026-02-26T00:00:00Z"),
            ),
            BILLING,
        ),
        (
            "joined_lately",
            Aws::with(
                &about_billing,
                "organizations:DescribeAccount",
                joined(BILLING, "INVITED", "2026-03-01T00:00:00Z"),
            ),
            BILLING,
        ),
        ("delegated_administrator", delegated(), BILLING),
        ("administers_services", delegated(), BILLING),
        (
            "policy_denies_the_move",
            policy(json!({"Statement": {"Effect": "Deny", "Action": "organizations:Leave*"}})),
            BILLING,
        ),
        ("policies_stay_behind", policy(json!({"Statement": []})), BILLING),
        (
            "place_not_told",
            Aws::with(
                &about_billing,
                "organizations:DescribeAccount",
                joined(BILLING, "INVITED", "2020-01-01T00:00:00Z"),
            )
            .and(
                OLD,
                "organizations:ListParents",
                Ok(json!({"Parents": [{"Id": "ou-old1-11111111", "Type": "ORGANIZATIONAL_UNIT"}]})),
            ),
            BILLING,
        ),
        (
            "tags_are_lost",
            Aws::with(
                &about_billing,
                "organizations:ListTagsForResource",
                json!({"Tags": [{"Key": "cost", "Value": "17"}]}),
            ),
            BILLING,
        ),
        (
            "trusted_access",
            Aws::with(
                OLD,
                "organizations:ListAWSServiceAccessForOrganization",
                json!({"EnabledServicePrincipals": [{"ServicePrincipal": "config.amazonaws.com"}]}),
            ),
            OLD,
        ),
        ("takes_over_bills", Aws::with(OLD, "organizations:ListInboundResponsibilityTransfers", transfer.clone()), OLD),
        ("bills_are_taken_over", Aws::with(OLD, "organizations:ListOutboundResponsibilityTransfers", transfer), OLD),
        (
            "organization_not_emptied",
            Aws::with(OLD, "organizations:ListAccounts", json!({"Accounts": [{"Id": "444455556666"}]})),
            OLD,
        ),
        (
            "organization_too_young",
            Aws::with(NEW, "organizations:DescribeAccount", joined(NEW, "INVITED", "2026-02-25T00:00:00Z")),
            NEW,
        ),
        (
            "organization_without_all_features",
            Aws::with(
                NEW,
                "organizations:DescribeOrganization",
                json!({"Organization": {"Id": "o-new", "MasterAccountId": NEW, "FeatureSet": "CONSOLIDATED_BILLING"}}),
            ),
            NEW,
        ),
        (
            "all_features_being_enabled",
            Aws::with(NEW, "organizations:ListHandshakesForOrganization", handshake("ENABLE_ALL_FEATURES", NEW)),
            NEW,
        ),
        (
            "invitation_is_out",
            Aws::with(NEW, "organizations:ListHandshakesForOrganization", handshake("INVITE", BILLING)),
            BILLING,
        ),
        (
            "organization_may_be_full",
            Aws::with(NEW, "organizations:ListAccounts", json!({"Accounts": vec![json!({"Id": "444455556666"}); 8]})),
            NEW,
        ),
        ("invited_by_others", member("organizations:ListHandshakesForAccount", handshake("INVITE", BILLING)), BILLING),
        ("session_may_end", kinds("identity_center"), BILLING),
        (
            "session_of_identity_center",
            Aws { kinds: [(OLD.to_owned(), "identity_center")].into(), ..Aws::default() },
            OLD,
        ),
        ("session_of_root", kinds("root"), BILLING),
        (
            "session_may_not",
            member(
                "iam:SimulatePrincipalPolicy",
                json!({"EvaluationResults": [{"EvalActionName": "organizations:AcceptHandshake", "EvalDecision": "explicitDeny"}]}),
            ),
            BILLING,
        ),
        (
            "account_made_lately",
            member("account:GetAccountInformation", json!({"AccountCreatedDate": "2026-02-27T00:00:00Z"})),
            BILLING,
        ),
        ("root_has_no_way_in", member("iam:GetAccountSummary", summary(0, 0, 0)), BILLING),
        ("root_without_mfa", member("iam:GetAccountSummary", summary(1, 0, 0)), BILLING),
        ("root_has_access_keys", member("iam:GetAccountSummary", summary(1, 1, 1)), BILLING),
        ("fewer_devices_than_users", member("iam:GetAccountSummary", summary(1, 1, 0)), BILLING),
        (
            "root_access_is_central",
            Aws::with(OLD, "iam:ListOrganizationsFeatures", json!({"EnabledFeatures": ["RootSessions"]})),
            OLD,
        ),
        (
            "policy_names_an_organization",
            member(
                "iam:GetAccountAuthorizationDetails",
                json!({"UserDetailList": [{"UserName": "ci", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": named}]}]}),
            ),
            BILLING,
        ),
        (
            "old_management_is_trusted",
            member(
                "iam:GetAccountAuthorizationDetails",
                json!({"RoleDetailList": [{"RoleName": "Custom", "AssumeRolePolicyDocument": trust}]}),
            ),
            BILLING,
        ),
        (
            "organization_is_full",
            Aws::with(NEW, "organizations:ListAccounts", json!({"Accounts": vec![json!({"Id": "444455556666"}); 8]}))
                .and(NEW, "servicequotas:GetServiceQuota", Ok(json!({"Quota": {"Value": 10}}))),
            NEW,
        ),
        (
            "stack_set_deletes_resources",
            stack_sets(json!({"Enabled": true, "RetainStacksOnAccountRemoval": false})),
            BILLING,
        ),
        ("stacks_stay_behind", stack_sets(json!({"Enabled": true, "RetainStacksOnAccountRemoval": true})), BILLING),
        ("own_shares_end", member("ram:GetResourceShares", share(BILLING)), BILLING),
        ("shared_resources_end", member("ram:GetResourceShares", share("999999999999")), BILLING),
        (
            "assignments_end",
            Aws::with(
                OLD,
                "sso:ListInstances",
                json!({"Instances": [{"InstanceArn": "arn:aws:sso:::instance/ssoins-1", "OwnerAccountId": OLD}]}),
            )
            .and(
                &format!("{OLD} about {BILLING} arn:aws:sso:::instance/ssoins-1 us-east-1"),
                "sso:ListPermissionSetsProvisionedToAccount",
                Ok(json!({"PermissionSets": ["arn:aws:sso:::permissionSet/ssoins-1/ps-1"]})),
            )
            .and(
                OLD,
                "sso:ListAccountAssignments",
                Ok(json!({"AccountAssignments": [{"PrincipalType": "GROUP", "PrincipalId": "g-1"}]})),
            ),
            BILLING,
        ),
        ("account_alias", member("iam:ListAccountAliases", json!({"AccountAliases": ["acme"]})), BILLING),
        (
            "no_security_contact",
            Aws::default().and(BILLING, "account:GetAlternateContact", Err("ResourceNotFoundException")),
            BILLING,
        ),
        ("contact_to_confirm", Aws::default(), BILLING),
        ("mailbox_to_confirm", Aws::default(), BILLING),
    ]
}

/// One stack set with stacks in an account that moves, and in one that does not.
fn stack_sets(automatic: Value) -> Aws {
    Aws::with(
        OLD,
        "cloudformation:ListStackSets",
        json!({"Summaries": [{"StackSetName": "baseline", "Status": "ACTIVE", "AutoDeployment": automatic}]}),
    )
    .and(
        OLD,
        "cloudformation:ListStackInstances",
        Ok(json!({"Summaries": [
            {"Account": BILLING, "Region": "eu-west-1"}, {"Account": BILLING, "Region": "us-east-1"},
            {"Account": "444455556666", "Region": "us-east-1"},
        ]})),
    )
}

fn share(owner: &str) -> Value {
    json!({"resourceShares": [
        {"name": "network", "owningAccountId": owner, "status": "ACTIVE",
         "resourceShareConfiguration": {"retainSharingOnAccountLeaveOrganization": false}},
        {"name": "kept", "owningAccountId": owner, "status": "ACTIVE",
         "resourceShareConfiguration": {"retainSharingOnAccountLeaveOrganization": true}},
    ]})
}

fn delegated() -> Aws {
    Aws::with(
        OLD,
        "organizations:ListDelegatedAdministrators",
        json!({"DelegatedAdministrators": [{"Id": BILLING, "DelegationEnabledDate": "2024-01-01T00:00:00Z"}]}),
    )
    .and(
        OLD,
        "organizations:ListDelegatedServicesForAccount",
        Ok(json!({"DelegatedServices": [{"ServicePrincipal": "guardduty.amazonaws.com"}]})),
    )
}

fn can_be_read(row: &table::Row) -> bool {
    catalogue::find(row.read.action).is_some()
}

/// Rows that come with another one.
const TOGETHER: [(&str, &str); 4] = [
    ("administers_services", "delegated_administrator"),
    ("account_not_active", "place_not_told"),
    ("own_shares_end", "shared_resources_end"),
    ("shared_resources_end", "own_shares_end"),
];

#[test]
fn nothing_is_wrong_where_nothing_is_wrong() {
    let of = look(case(), &Aws::default());
    assert_eq!(found(&of), []);
    assert!(of.unread.is_empty(), "{:?}", of.unread);
    assert_eq!(of.verdict(), Verdict::Clear);
    assert!(of.routes.iter().all(|one| one.route == Route::Direct), "{:?}", of.routes);
    assert_eq!(of.case.moving.len(), 3);
    assert!(of.case.moving.iter().all(|one| one.joins == NEW && one.rows.len() == 1));
}

#[test]
fn each_row_is_found_where_it_applies_and_nowhere_else() {
    let troubles = troubles();
    for row in table::rows().filter(|row| can_be_read(row)) {
        let (_, aws, account) =
            troubles.iter().find(|(id, _, _)| *id == row.id).unwrap_or_else(|| panic!("{}", row.id));
        let of = look(case(), aws);
        let mine: Vec<_> = of.findings.iter().filter(|one| one.row.id == row.id).collect();
        assert!(mine.iter().any(|one| one.account == *account), "{}: {:?}", row.id, found(&of));
        for one in mine {
            assert!(!one.says.trim().is_empty() || row.id == "delegated_administrator", "{} says nothing", row.id);
            assert_eq!(one.evidence.read, row.read.action);
        }
        if row.severity == Severity::Blocks && (row.stops.direct || !row.stops.any()) {
            assert_eq!(of.verdict(), Verdict::Blocked, "{}", row.id);
        }
        let others: Vec<_> = found(&of).into_iter().map(|(id, _)| id).filter(|id| *id != row.id).collect();
        assert!(others.iter().all(|id| TOGETHER.contains(&(row.id, id))), "{}: {others:?}", row.id);
    }
}

#[test]
fn the_route_follows_from_what_was_found() {
    let route = |id: &str| {
        let (_, aws, _) = troubles().into_iter().find(|(one, _, _)| *one == id).unwrap();
        let of = look(case(), &aws);
        of.routes.iter().find(|one| one.account == BILLING).unwrap().clone()
    };
    assert_eq!(route("is_management_account").route, Route::Emptying);
    assert_eq!(route("organization_too_young").route, Route::Leaving);
    assert_eq!(route("organization_too_young").why, ["organization_too_young"]);
    assert_eq!(route("delegated_administrator").route, Route::None);
    assert_eq!(route("account_too_young").route, Route::None);
    assert_eq!(route("tags_are_lost").route, Route::Direct);
    // A management account whose organization can't be deleted has no way.
    let aws = trouble("is_management_account");
    if catalogue::find("organizations:ListOutboundResponsibilityTransfers").is_some() {
        let transfer = json!({"ResponsibilityTransfers": [{"Id": "rt-1", "Status": "ACCEPTED"}]});
        let of = look(case(), &aws.and(BILLING, "organizations:ListOutboundResponsibilityTransfers", Ok(transfer)));
        let one = of.routes.iter().find(|one| one.account == BILLING).unwrap();
        assert_eq!((one.route, one.why.as_slice()), (Route::None, ["bills_are_taken_over".to_owned()].as_slice()));
    }
}

fn trouble(id: &str) -> Aws {
    troubles().into_iter().find(|(one, _, _)| *one == id).unwrap().1
}

/// What stops only a way that the runbook does not take is no reason to stay at home.
#[test]
fn what_blocks_depends_on_the_way_that_the_runbook_takes() {
    let leaving = || case_of("runbooks/move_member_accounts_by_leaving.toml");
    let of = look(leaving(), &Aws::default());
    assert_eq!((of.verdict(), found(&of)), (Verdict::Clear, vec![]), "{:?}", of.unread);
    assert!(of.case.moving.iter().all(|one| one.taken() == Route::Leaving && one.joins == NEW));
    let phone = of.questions().into_iter().find(|asked| asked.question.fact == "phone").unwrap();
    assert_eq!(phone.steps, ["prepare/sign_up"]);
    assert_eq!(phone.people, ["alice", "carol"]);
    let of = look(leaving(), &trouble("organization_too_young"));
    assert_eq!(of.verdict(), Verdict::Clear, "{:?}", found(&of));
    assert_eq!(of.count(Severity::Warns), 1);
    let of = look(leaving(), &trouble("account_too_young"));
    assert_eq!(of.verdict(), Verdict::Blocked);
}

#[test]
fn a_management_account_goes_by_emptying_its_organization() {
    let management = || case_of("runbooks/move_management_account.toml");
    let of = look(management(), &Aws::default());
    assert_eq!((of.verdict(), found(&of)), (Verdict::Clear, vec![]), "{:?} {:?}", of.unread, of.doors);
    assert_eq!(of.routes.iter().map(|one| one.route).collect::<Vec<_>>(), [Route::Emptying]);
    assert!(of.not_looked_into().iter().any(|words| words.contains("way_in: the run makes its credentials")));
    let of = look(management(), &trouble("organization_not_emptied"));
    assert_eq!((of.verdict(), found(&of)), (Verdict::Blocked, vec![]), "an account stays in it");
    assert_eq!(of.routes[0].route, Route::None);
}

#[test]
fn what_is_denied_is_not_known_and_never_a_pass() {
    for read in countersign::preflight::reads::ALL.iter().filter(|read| read.round > 0) {
        if catalogue::find(read.action).is_none() {
            continue;
        }
        let mut aws = delegated();
        aws.special.clear();
        for account in [OLD, NEW, BILLING, "222233334444", "333344445555"] {
            aws = aws.and(account, read.action, Err("AccessDenied"));
        }
        let of = look(case(), &aws);
        if of.unread.is_empty() {
            // Reads that only follow from what another found were not asked at all.
            assert!(
                [
                    "organizations:ListParents",
                    "organizations:ListDelegatedServicesForAccount",
                    "organizations:DescribePolicy",
                    "cloudformation:ListStackInstances",
                    "sso:ListPermissionSetsProvisionedToAccount",
                    "sso:ListAccountAssignments",
                ]
                .contains(&read.action),
                "{}",
                read.action
            );
            continue;
        }
        assert_eq!(of.verdict(), Verdict::Incomplete, "{}", read.action);
        let one = of.unread.iter().find(|one| one.tells.contains(&read.tells)).unwrap();
        assert!(one.because.contains("AccessDenied") && !one.who.is_empty(), "{one:?}");
        let text = pages::text(&of, false);
        assert!(text.contains("NOT KNOWN") && text.contains("AccessDenied"), "{text}");
        assert!(pages::markdown(&of).contains("AccessDenied"));
        assert!(pages::html(&of).contains("AccessDenied"));
        assert_eq!(of.json()["not_known"][0]["severity"], "not_known");
    }
}

#[test]
fn an_account_that_could_not_be_looked_into_has_no_route() {
    let aws = Aws::default().and(BILLING, "organizations:DescribeOrganization", Err("AccessDenied"));
    let of = look(case(), &aws);
    let one = of.routes.iter().find(|one| one.account == BILLING).unwrap();
    assert_eq!(one.route, Route::NotKnown, "{one:?}");
    let files = values::files(&of.case, &of.routes, &loaded("runbooks/move_member_accounts.toml").values.object, "m");
    let files = files.unwrap();
    assert_eq!(files.len(), 1);
    assert!(!files[0].text.contains(BILLING) && files[0].text.contains("222233334444"), "{}", files[0].text);
}

#[test]
fn a_session_that_is_missing_is_said_with_who_has_it() {
    let of = look(case(), &Aws { closed: vec![NEW], ..Aws::default() });
    assert_eq!(of.verdict(), Verdict::Incomplete);
    let text = pages::text(&of, false);
    assert!(text.contains("new_management in 222222222222: NOT OPEN"), "{text}");
    assert!(text.contains("Who has it: alice (partner_billing)"), "{text}");
    assert!(of.unread.iter().any(|one| one.account == NEW && one.who == "alice (partner_billing)"), "{:?}", of.unread);
    let member = look(case(), &Aws { closed: vec![BILLING], ..Aws::default() });
    let unread = member.unread.iter().find(|one| one.account == BILLING).unwrap();
    assert_eq!(unread.who, "bob (customer_security)", "the session goes through old_management");
}

#[test]
fn what_a_stack_set_deletes_is_said_with_where_and_how_to_keep_it() {
    let of = look(case(), &stack_sets(json!({"Enabled": true})));
    let one = of.findings.iter().find(|one| one.row.id == "stack_set_deletes_resources").unwrap();
    assert_eq!(
        one.says,
        "the stack set baseline (administered in us-east-1) has stacks in eu-west-1, us-east-1 and does not retain them"
    );
    assert_eq!((one.evidence.read, one.severity), ("cloudformation:ListStackInstances", Severity::Blocks));
    assert!(one.row.todo.contains("RetainStacksOnAccountRemoval=true"));
    assert_eq!(of.routes.iter().filter(|one| one.route == Route::None).count(), 1, "{:?}", of.routes);
    // One that its organization does not deploy takes nothing away.
    let of = look(case(), &stack_sets(Value::Null));
    assert!(of.findings.iter().any(|one| one.row.id == "stacks_stay_behind"), "{:?}", found(&of));
    assert_eq!(of.verdict(), Verdict::Clear);
}

#[test]
fn each_region_that_an_account_uses_is_asked() {
    let regions = json!({"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]});
    let aws = Aws::default().and(BILLING, "account:ListRegions", Ok(regions.clone())).and(
        OLD,
        "account:ListRegions",
        Ok(regions),
    );
    let aws = aws.and(&format!("{BILLING} about {BILLING} eu-west-1"), "ram:GetResourceShares", Ok(share(BILLING)));
    let of = look(case(), &aws);
    let one = of.findings.iter().find(|one| one.row.id == "own_shares_end").unwrap();
    assert_eq!(one.says, "eu-west-1: network");
    // Where the regions could not be told, no route is sure.
    let of = look(case(), &Aws::default().and(OLD, "account:ListRegions", Err("AccessDenied")));
    assert_eq!(of.verdict(), Verdict::Incomplete);
    assert!(of.routes.iter().all(|one| one.route == Route::NotKnown), "{:?}", of.routes);
}

#[test]
fn an_account_that_is_invited_and_comes_takes_one_place() {
    let full = |accounts: usize, party: &str| {
        let open = json!({"Handshakes": [{"Id": "h-1", "State": "OPEN", "Action": "INVITE",
            "Parties": [{"Id": "o-new", "Type": "ORGANIZATION"}, {"Id": party, "Type": "ACCOUNT"}]}]});
        let aws = Aws::with(NEW, "organizations:ListHandshakesForOrganization", open)
            .and(
                NEW,
                "organizations:ListAccounts",
                Ok(json!({"Accounts": vec![json!({"Id": "444455556666"}); accounts]})),
            )
            .and(NEW, "servicequotas:GetServiceQuota", Ok(json!({"Quota": {"Value": 10}})));
        look(case(), &aws).findings.iter().any(|one| one.row.id == "organization_is_full")
    };
    assert!(!full(7, BILLING) && full(8, BILLING) && full(7, "555566667777") && !full(6, "555566667777"));
}

/// Words of AWS that would act on a screen, in Markdown or in HTML.
#[test]
fn words_of_aws_are_inert_in_every_format() {
    const EVIL: &str = "\u{1b}[2J</li><script>alert(1)</script>\n# head\u{202e}[x](https://evil.example) `|` ${x}";
    let tags = json!({"Tags": [{"Key": EVIL, "Value": EVIL}]});
    let mut aws = Aws::with(OLD, "organizations:ListTagsForResource", tags);
    aws = aws.and(NEW, "organizations:ListAccounts", Err("Evil\u{1b}]0;x\u{7}"));
    let of = look(case(), &aws);
    let text = pages::text(&of, true);
    assert!(text.chars().all(|c| c == '\n' || countersign::base::escape::is_harmless(c)));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let html = pages::html(&of);
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;") && !html.contains('\u{202e}'));
    let markdown = pages::markdown(&of);
    assert!(
        !markdown.contains("<script>") && !markdown.contains("\n# head") && !markdown.contains("https://"),
        "{markdown}"
    );
    assert!(markdown.chars().all(|c| c == '\n' || countersign::base::escape::is_harmless(c)));
    let json = serde_json::to_string(&of.json()).unwrap();
    let back: Value = serde_json::from_str(&json).unwrap();
    assert!(back["findings"].as_array().unwrap().iter().any(|one| one["found"].as_str().unwrap().contains(EVIL)));
}

#[test]
fn every_format_says_what_was_not_looked_into_and_who_must_answer() {
    let of = look(case(), &Aws::default());
    let (text, markdown, html) = (pages::text(&of, false), pages::markdown(&of), pages::html(&of));
    let json = of.json().to_string();
    for words in ["StackSets of other accounts", "--evidence", "Identity Center", "payment_method"] {
        for page in [&text, &markdown.replace('\\', ""), &html, &json] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
    assert!(text.contains("nobody is named"), "the shipped move has no manual step: {text}");
}

/// A manual step that `settles` a fact names who must answer.
#[test]
fn a_question_goes_to_the_roles_that_settle_it() {
    let loaded = loaded("tests/fixtures/kinds/tasks.toml");
    let settles = Case::of(&loaded.plan, &loaded.values.object, &loaded.people, now()).tasks;
    let (fact, tasks) = settles.iter().next().unwrap();
    assert!(["payment_method", "phone", "agreement", "support_plan", "mailbox", "root_mfa"].contains(&fact.as_str()));
    assert!(!tasks[0].roles.is_empty() && tasks[0].step.contains('/'), "{tasks:?}");
}

#[test]
fn the_page_of_the_findings_is_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/preflight.md");
    let page = table::page();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/preflight.md is not what the table says; COUNTERSIGN_BLESS=1 writes it anew");
}
