//! `preflight` through the binary over HTTP, and on a thousand accounts on a virtual clock.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod support;

use countersign::aws::{AwsCloud, Config, InProcess, VirtualTime};
use countersign::base::Time;
use countersign::catalogue;
use countersign::cli::load::{self, Sources};
use countersign::engine::port::{Call, Clock, Cloud, SessionWanted};
use countersign::preflight::route::Route;
use countersign::preflight::{Case, Preflight, Severity, Verdict, table};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::run::preflight::look;
use countersign::simulator::{Simulator, World};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use support::{RUNBOOK, Said, Scene, shipped};

const BOTH: &str = "--session old_management=profile:old_management --session new_management=profile:new_management";
const START: &str = "2026-03-01T12:00:00Z";

/// Somebody who has the credentials of both sides.
fn scene() -> Scene {
    let scene = Scene::new();
    let both = format!("{}{}", scene.read("alice/credentials"), scene.read("bob/credentials"));
    scene.write("carol/credentials", &both);
    scene.write("carol/config", "");
    scene
}

fn preflight(scene: &Scene, more: &str) -> Said {
    scene.run("carol", &format!("preflight {RUNBOOK} --simulated {BOTH} {more}"))
}

/// A preflight of the shipped move in this process, on a virtual clock.
fn looked(world: &str, values: Option<&Path>) -> (Preflight, RehearsalClock, Arc<Wire>) {
    looked_after(world, values, &[])
}

/// The same, after somebody has done this: session, account, action, parameters.
fn looked_after(
    world: &str,
    values: Option<&Path>,
    before: &[(&str, &str, &str, Value)],
) -> (Preflight, RehearsalClock, Arc<Wire>) {
    let start = Time::parse(START).unwrap();
    let clock = RehearsalClock::at(start);
    let world = World::parse("world.toml", world).unwrap();
    let wire = Arc::new(Wire::new(Simulator::new(&world, start), clock.clone()));
    let profiles = wire.simulator().profiles().map(|(name, keys)| (name.to_owned(), keys)).collect::<Vec<_>>();
    let profiles =
        profiles.into_iter().map(|(name, keys)| (name, (keys.access_key, keys.secret_key, keys.session_token)));
    let inside = InProcess {
        server: Arc::<Wire>::clone(&wire),
        time: Arc::new(clock.clone()) as Arc<dyn VirtualTime>,
        profiles: profiles.collect(),
    };
    let cloud = AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() });
    let runbook = Path::new(env!("CARGO_MANIFEST_DIR")).join(RUNBOOK);
    let values = values.map(Path::to_path_buf);
    let loaded = load::plan(&Sources { runbook, values, rehearsal: true, ..Sources::default() }, None).unwrap();
    let case = Case::of(&loaded.plan, &loaded.values.object, &loaded.people, start);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(async {
        for (session, account, action, with) in before {
            let through = (*session == "member").then(|| {
                Box::new(SessionWanted { account: "111111111111".to_owned(), ..SessionWanted::none("old_management") })
            });
            let assume_role = if through.is_some() { "OrganizationAccountAccessRole" } else { "" }.to_owned();
            let account = (*account).to_owned();
            let session = SessionWanted { account, through, assume_role, ..SessionWanted::none(session) };
            let (action, with) = ((*action).to_owned(), with.clone());
            let call = Call { session, action, with, time_limit_ms: 0, secret_to: Value::Null };
            let reply = cloud.call(&call).await;
            assert!(reply.result.is_ok(), "{}: {:?}", call.action, reply.result);
        }
        look(&cloud, &clock, case, true, &mut |_| {}).await
    });
    (found, clock, wire)
}

/// What the world `troubled.toml` has one of each of.
const TROUBLES: &[(&str, &str)] = &[
    ("is_management_account", "600000000001"),
    ("in_no_organization", "600000000002"),
    ("already_there", "600000000003"),
    ("account_not_active", "600000000004"),
    ("account_too_young", "600000000005"),
    ("joined_lately", "600000000006"),
    ("delegated_administrator", "600000000007"),
    ("administers_services", "600000000007"),
    ("policy_denies_the_move", "600000000008"),
    ("policies_stay_behind", "600000000008"),
    ("tags_are_lost", "600000000008"),
    ("trusted_access", "111111111111"),
    ("bills_are_taken_over", "111111111111"),
    ("takes_over_bills", "111111111111"),
    ("organization_not_emptied", "111111111111"),
    ("organization_too_young", "222222222222"),
    ("organization_without_all_features", "222222222222"),
    ("invitation_is_out", "600000000009"),
    ("invited_by_others", "600000000009"),
    ("mailbox_to_confirm", "600000000009"),
    ("session_may_not", "600000000008"),
    ("account_made_lately", "600000000005"),
    ("root_has_no_way_in", "600000000005"),
    ("root_without_mfa", "600000000009"),
    ("root_has_access_keys", "600000000009"),
    ("root_access_is_central", "111111111111"),
    ("fewer_devices_than_users", "111111111111"),
    ("policy_names_an_organization", "600000000009"),
    ("old_management_is_trusted", "600000000009"),
    ("account_alias", "600000000009"),
    ("stack_set_deletes_resources", "600000000009"),
    ("stacks_stay_behind", "600000000009"),
    ("own_shares_end", "600000000009"),
    ("shared_resources_end", "600000000008"),
    ("assignments_end", "600000000009"),
    ("no_security_contact", "600000000009"),
    ("contact_to_confirm", "600000000009"),
];

/// Found with canned answers (tests/preflight_table.rs): this runbook's sessions can't be of Identity Center or root,
/// and the simulator always tells paths and keeps invitations closed where all features are being turned on.
const CANNED: &[&str] = &[
    "place_not_told",
    "all_features_being_enabled",
    "session_may_end",
    "session_of_identity_center",
    "session_of_root",
    // The simulator always tells the quota; a world of its own is below.
    "organization_may_be_full",
    "organization_is_full",
];

#[test]
fn every_row_of_the_table_is_somewhere() {
    for row in table::rows() {
        let here = TROUBLES.iter().any(|(id, _)| *id == row.id);
        assert!(here != CANNED.contains(&row.id), "{}", row.id);
        assert!(catalogue::find(row.read.action).is_some(), "{}", row.read.action);
    }
}

/// The printed script, run by a shell with an AWS CLI that answers as AWS's would; then what it gathered is searched.
#[test]
fn policies_of_resources_are_gathered_and_searched() {
    use std::os::unix::fs::PermissionsExt;
    let scene = scene();
    let script = scene.run("carol", &format!("preflight {RUNBOOK} --commands")).exits(0).stdout;
    assert!(script.contains("gather 111122223333") && script.contains("kms get-key-policy"), "{script}");
    scene.write("gather.sh", &script);
    std::fs::create_dir(scene.path("bin")).unwrap();
    scene.write("bin/aws", FAKE_AWS);
    let aws = scene.path("bin/aws");
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", aws.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = std::process::Command::new("sh");
    let said = shell.arg("gather.sh").current_dir(scene.path("")).env("PATH", path).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    std::fs::create_dir(scene.path("evidence/999999999999")).unwrap();
    scene.write("evidence/999999999999/x.json", "{}");
    let said = preflight(&scene, "--evidence evidence").exits(4);
    for words in [
        "resource_policy_names_an_organization",
        "s3.us-east-1.1.json: /Policy, Own: StringEquals aws:PrincipalOrgID o-oldorg11111",
        "sha256:",
        "of the commands that gathered it failed",
        "files of every account that moves were searched",
    ] {
        let flat = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "no `{words}` in {}", said.stdout);
    }
    assert!(said.stderr.contains("left out: files of 999999999999"), "{}", said.stderr);
    let json = preflight(&scene, "--evidence evidence --format json").exits(4).json();
    let files = json["files"].as_array().unwrap();
    // One bucket and one queue of each account; the queue's file is of every region.
    assert_eq!(files.len(), 6, "{files:?}");
    assert!(files.iter().all(|one| one["sha256"].as_str().unwrap().len() == 64 && one["policies"] == 1));
    let warned = json["findings"].as_array().unwrap().iter().filter(|one| one["evidence"]["read"] == "file").count();
    assert_eq!(warned, 3, "the queue's policy names nobody");
    let missing = preflight(&scene, "--evidence nowhere").exits(2);
    assert!(missing.stderr.contains("CS1006"), "{}", missing.stderr);
}

const FAKE_AWS: &str = r#"#!/bin/sh
case "$*" in
  "sts get-caller-identity"*) echo "${AWS_PROFILE#account-}" ;;
  "account list-regions"*) echo us-east-1 ;;
  "s3api list-buckets"*) echo "data" ;;
  "s3api get-bucket-policy --bucket data --output json --region us-east-1")
    echo '{"Policy": "{\"Statement\": [{\"Sid\": \"Own\", \"Condition\": {\"StringEquals\": {\"aws:PrincipalOrgID\": \"o-oldorg11111\"}}}]}"}' ;;
  "sqs list-queues"*) echo "https://sqs/1/q" ;;
  "sqs get-queue-attributes --queue-url https://sqs/1/q"*) echo '{"Attributes": {"Policy": "{\"Statement\": []}"}}' ;;
  "kms list-keys"*) echo "An error occurred (AccessDeniedException)" >&2; exit 254 ;;
  *) echo None ;;
esac
"#;

#[test]
fn room_is_told_by_the_quota_that_aws_applies() {
    let world = shipped("runbooks/worlds/move_member_accounts.toml");
    assert!(world.contains("account_quota = 50"));
    let (found, _, _) = looked(&world.replace("account_quota = 50", "account_quota = 3"), None);
    let full = found.findings.iter().find(|one| one.row.id == "organization_is_full").unwrap();
    assert_eq!((full.account.as_str(), full.severity), ("222222222222", Severity::Blocks));
    assert!(full.says.ends_with("and 3 come; 3 may be there"), "{}", full.says);
    assert!(found.routes.iter().all(|one| one.route == Route::None), "{:?}", found.routes);
}

/// The damage that a preflight warns of is done by a departure, and by nothing else.
#[test]
fn what_is_found_before_is_gone_afterwards() {
    let world = shipped("runbooks/worlds/move_member_accounts.toml") + AT_STAKE;
    let (found, _, wire) = looked(&world, None);
    let mut found: Vec<&str> = found.findings.iter().map(|one| one.row.id).collect();
    found.retain(|id| AT_STAKE_IDS.contains(id));
    found.dedup();
    assert_eq!(found, AT_STAKE_IDS);
    assert_eq!(wire.simulator().state().elsewhere.damage, Vec::<String>::new());
    let move_it = [(
        "new_management",
        "222222222222",
        "organizations:InviteAccountToOrganization",
        json!({"Target": {"Id": "111122223333", "Type": "ACCOUNT"}}),
    )];
    let (_, _, wire) = looked_after(&world, None, &move_it);
    let handshake = wire.simulator().state().handshakes.keys().next().unwrap().clone();
    let accept = ("member", "111122223333", "organizations:AcceptHandshake", json!({"HandshakeId": handshake}));
    let [invite] = move_it;
    let (_, _, wire) = looked_after(&world, None, &[invite, accept]);
    let simulator = wire.simulator();
    let elsewhere = &simulator.state().elsewhere;
    assert_eq!(
        elsewhere.damage,
        [
            "resources of the stack set baseline were deleted in 111122223333 eu-west-1",
            "the share network of 111122223333 with 222233334444 ended",
            "the share tools of 111111111111 with 111122223333 ended",
            "1 assignments of Identity Center to 111122223333 ended",
        ]
    );
    let set = |name: &str| elsewhere.stack_sets.iter().find(|set| set.name == name).unwrap();
    assert_eq!(set("baseline").stacks.len(), 1, "the other account keeps its stack");
    assert!(set("own").stacks.iter().any(|(account, _)| account == "111122223333"), "nobody takes this one away");
}

const AT_STAKE_IDS: [&str; 5] =
    ["stack_set_deletes_resources", "own_shares_end", "shared_resources_end", "stacks_stay_behind", "assignments_end"];
const AT_STAKE: &str = r#"
[[stack_sets]]
account = "111111111111"
name = "baseline"
auto_deployment = true
stack_regions = ["eu-west-1"]
accounts = ["111122223333", "222233334444"]
[[stack_sets]]
account = "111111111111"
name = "own"
accounts = ["111122223333"]
[[resource_shares]]
owner = "111122223333"
name = "network"
accounts = ["222233334444", "222222222222"]
[[resource_shares]]
owner = "111111111111"
name = "tools"
accounts = ["111122223333"]
[[resource_shares]]
owner = "111111111111"
name = "kept"
retain = true
accounts = ["111122223333"]
[[identity_centers]]
account = "111111111111"
assignments = [{ account = "111122223333", permission_set = "Admin", group = "admins" }]
"#;

#[test]
fn a_troubled_world_shows_each_of_its_troubles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.toml");
    let rows = (1..10)
        .map(|n| format!("[[accounts]]\nid = \"60000000000{n}\"\nname = \"n{n}\"\ntarget_ou = \"ou-ab12-11111111\"\n"));
    let values = "old_management = \"111111111111\"\nnew_management = \"222222222222\"\n".to_owned();
    std::fs::write(&path, values + &rows.collect::<String>()).unwrap();
    let invite = |account: &str| json!({"Target": {"Id": account, "Type": "ACCOUNT"}});
    let transfer = |account: &str| {
        json!({"Type": "BILLING", "Target": {"Id": account, "Type": "ACCOUNT"}, "SourceName": "bills",
            "StartTimestamp": "2026-05-01T00:00:00Z"})
    };
    let pay = "organizations:InviteOrganizationToTransferResponsibility";
    let before = [
        ("somebody_else", "700000000001", pay, transfer("111111111111")),
        ("old_management", "111111111111", pay, transfer("700000000001")),
        ("new_management", "222222222222", "organizations:InviteAccountToOrganization", invite("600000000009")),
        ("somebody_else", "700000000001", "organizations:InviteAccountToOrganization", invite("600000000009")),
        ("member", "600000000009", "iam:CreateAccountAlias", json!({"AccountAlias": "invited"})),
        (
            "member",
            "600000000009",
            "iam:PutRolePolicy",
            json!({"RoleName": "OrganizationAccountAccessRole",
            "PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Sid": "Own",
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"StringEqualsIfExists": {"aws:principalorgid": "o-oldorg11111"}}}]}}),
        ),
    ];
    let (found, _, _) = looked_after(&shipped("tests/fixtures/worlds/troubled.toml"), Some(&path), &before);
    for (id, account) in TROUBLES {
        let mut mine = found.findings.iter().filter(|one| one.row.id == *id);
        assert!(mine.any(|one| one.account == *account), "{id}: {:?}", found.unread);
    }
    let named = found.findings.iter().find(|one| one.row.id == "policy_names_an_organization").unwrap();
    let says =
        "role OrganizationAccountAccessRole, policy own, Own: StringEqualsIfExists aws:principalorgid o-oldorg11111";
    assert_eq!(named.says, says);
    assert_eq!(found.verdict(), Verdict::Blocked);
    let route = |account: &str| found.routes.iter().find(|one| one.account == account).unwrap().route;
    assert_eq!(route("600000000001"), Route::Emptying);
    assert_eq!(route("600000000006"), Route::Leaving, "its new organization is too young for a direct transfer");
    assert_eq!(route("600000000007"), Route::None);
    // Nobody gets into a suspended account: what is inside is not known.
    assert!(found.unread.iter().any(|one| one.account == "600000000004"));
}

#[test]
fn the_shipped_world_is_clear_and_the_routes_become_values() {
    let scene = scene();
    let said = preflight(&scene, "-o routes").exits(0);
    assert!(said.stdout.contains("nothing blocks: 0 block"), "{}", said.stdout);
    assert!(said.stdout.contains("request"), "each finding names AWS's request: {}", said.stdout);
    assert!(
        said.stderr.contains("wrote routes/move_member_accounts.direct.values.toml: 3 accounts"),
        "{}",
        said.stderr
    );
    assert_eq!(scene.effects(), Vec::<String>::new(), "it only reads");
    let planned =
        scene.run("alice", &format!("plan {RUNBOOK} --values routes/move_member_accounts.direct.values.toml"));
    planned.exits(0);
    let again = preflight(&scene, "-o routes").exits(2);
    assert!(again.stderr.contains("CS1008"), "{}", again.stderr);
    let json = preflight(&scene, "--format json").exits(0).json();
    assert_eq!(json["counts"]["blocks"], 0);
    assert_eq!(json["accounts"].as_array().unwrap().len(), 3);
    assert!(
        json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["evidence"]["request_id"].is_string() || one["evidence"]["read"] == "sts:GetCallerIdentity")
    );
}

#[test]
fn whoever_has_half_of_the_sessions_is_told_who_has_the_others() {
    let scene = scene();
    let line = format!("preflight {RUNBOOK} --simulated --session old_management=profile:old_management");
    let said = scene.run("bob", &line).exits(4);
    assert!(said.stdout.contains("new_management in 222222222222: NOT OPEN"), "{}", said.stdout);
    assert!(said.stderr.contains("new_management in 222222222222 (alice)"), "{}", said.stderr);
    // The other way round nothing of the members can be seen.
    let line = format!("preflight {RUNBOOK} --simulated --format json --session new_management=profile:new_management");
    let json = scene.run("alice", &line).exits(4).json();
    let routes = json["accounts"].as_array().unwrap();
    assert!(routes.iter().all(|one| one["route"] == "not_known"), "{routes:?}");
}

#[test]
fn a_simulator_is_refused_where_aws_was_meant() {
    let scene = scene();
    let said = scene.run("carol", &format!("preflight {RUNBOOK} {BOTH}")).exits(7);
    assert!(said.stderr.contains("CS7013"), "{}", said.stderr);
}

#[test]
fn what_blocks_is_said_and_ends_with_seven() {
    let world = shipped("runbooks/worlds/move_member_accounts.toml")
        .replace("root = \"r-ab12\"\ncreated = \"30d\"", "root = \"r-ab12\"\ncreated = \"3d\"")
        .replace("root = \"r-old1\"", "root = \"r-old1\"\ndelegated_administrators = [{ account = \"222233334444\", service = \"guardduty.amazonaws.com\" }]");
    let scene = Scene::in_world(&world);
    let both = format!("{}{}", scene.read("alice/credentials"), scene.read("bob/credentials"));
    scene.write("carol/credentials", &both);
    scene.write("carol/config", "");
    let said = preflight(&scene, "-o routes").exits(7);
    assert!(said.stderr.contains("BLOCKED"), "{}", said.stderr);
    for words in ["organization_too_young", "delegated_administrator", "guardduty.amazonaws.com"] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let values = scene.read("routes/move_member_accounts.by_leaving.values.toml");
    assert!(values.contains("111122223333") && !values.contains("222233334444"), "{values}");
    assert!(!scene.path("routes/move_member_accounts.direct.values.toml").exists());
    for (format, words) in [("markdown", "# Preflight of"), ("html", "<!doctype html>")] {
        let said = preflight(&scene, &format!("--format {format}")).exits(7);
        assert!(said.stdout.starts_with(words), "{}", said.stdout);
        assert!(said.stdout.replace('\\', "").contains("organization_too_young"));
    }
}

/// Kept in the journal of an open run: signed, in the bundle, accepted by the verifier, and it bars nobody.
#[test]
fn it_is_kept_in_the_journal_of_a_run() {
    let scene = scene();
    scene.open().exits(4);
    let run = scene.run_id();
    let keep = format!("--run {} --as bob --key bob/key", &run[..8]);
    let said = preflight(&scene, &keep).exits(0);
    assert!(said.stderr.contains("signed by bob"), "{}", said.stderr);
    let entry = scene.log().into_iter().rfind(|entry| entry["kind"] == "said").unwrap();
    let statement = entry["data"]["statement"].as_str().unwrap();
    assert!(statement.contains("\nwhat: evidence\n") && statement.contains("\ncovers: preflight\n"), "{statement}");
    let verdict = scene.run("alice", &format!("verify {run} --format json")).exits(4).json();
    assert_eq!(verdict["verdict"], "OPEN", "{verdict}");
    assert_eq!(verdict["problems"].as_array().map(Vec::len), Some(0), "{verdict}");
    scene.run("alice", "export -o run.countersign").exits(0);
    let mut second = std::process::Command::new("python3");
    second.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/verify.py")).arg(scene.path("run.countersign"));
    let second = Said::of(second.output().unwrap());
    assert_eq!(second.status, 4, "{}{}", second.stdout, second.stderr);
    let report = scene.run("alice", &format!("report {run} --format json")).exits(0).json();
    let kept = &report["evidence"][0];
    assert_eq!(kept["step"], "preflight", "{report}");
    assert!(kept["name"].as_str().unwrap().starts_with("preflight-"));
    // Who kept it approves as before.
    scene.says("bob", "approve invite").exits(0);
    // Another plan's preflight does not belong there.
    scene.write("other.toml", &scene.read("runbooks/move_member_accounts.values.toml").replace("\"web\"", "\"other\""));
    let other = preflight(&scene, &format!("--values other.toml {keep}")).exits(7);
    assert!(other.stderr.contains("CS7015"), "{}", other.stderr);
}

/// The shipped world, with MFA for each root user and a contact that is warned: nothing blocks or warns.
#[test]
fn in_a_clean_world_nothing_blocks_or_warns() {
    let world = shipped("runbooks/worlds/move_member_accounts.toml");
    let world = ["billing", "data", "web"].iter().fold(world, |world, name| {
        let email = format!("email = \"aws+{name}@");
        world.replace(&email, &format!("root_mfa = true\n{email}"))
    });
    let contact = json!({"AlternateContactType": "SECURITY", "Name": "Security", "Title": "Desk",
        "EmailAddress": "security@customer.example", "PhoneNumber": "+49 30 1234567"});
    let put = "account:PutAlternateContact";
    let accounts = [("old_management", "111111111111"), ("new_management", "222222222222")];
    let members = support::ACCOUNTS.map(|account| ("member", account));
    let before: Vec<_> =
        accounts.into_iter().chain(members).map(|(session, id)| (session, id, put, contact.clone())).collect();
    let (found, _, wire) = looked_after(&world, None, &before);
    let bad: Vec<_> = found.findings.iter().filter(|one| one.severity != Severity::ToKnow).collect();
    assert!(bad.is_empty() && found.unread.is_empty(), "{bad:?} {:?}", found.unread);
    assert_eq!(found.verdict(), Verdict::Clear);
    assert!(found.unsupported.is_empty(), "{:?}", found.unsupported);
    let changes = wire.simulator().log().iter().filter(|line| line.effect && line.operation != put).count();
    assert_eq!(changes, 0);
}

/// What AWS denies is a finding of its own, and the exit code is not that of a pass.
#[test]
fn a_denied_read_is_not_known() {
    let world = shipped("runbooks/worlds/move_member_accounts.toml")
        + "\n[[faults]]\non = \"organizations:ListDelegatedAdministrators\"\ntimes = 9\nkind = \"access_denied\"\n";
    let (found, _, _) = looked(&world, None);
    assert_eq!(found.verdict(), Verdict::Incomplete);
    let one =
        found.unread.iter().find(|one| one.tells.contains(&"which accounts are delegated administrators")).unwrap();
    assert!(one.because.contains("AccessDenied") && one.who.contains("ListDelegatedAdministrators"), "{one:?}");
    assert!(found.routes.iter().all(|one| one.route.name() == "not_known"), "{:?}", found.routes);
}

fn thousand(accounts: usize) -> (String, String) {
    let shipped = shipped("runbooks/worlds/move_member_accounts.toml");
    let head = shipped.split("[[accounts]]\nid = \"111122223333\"").next().unwrap();
    let head = head.replace("account_quota = 50", &format!("account_quota = {}", 2 * accounts + 50));
    let keys = shipped.split("# Keys of a simulator").nth(1).unwrap();
    let mut world = head.to_owned();
    let mut values = "old_management = \"111111111111\"\nnew_management = \"222222222222\"\n".to_owned();
    for n in 0..accounts {
        let id = format!("{:012}", 300_000_000_000_u64 + n as u64);
        world.push_str(&format!(
            "[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\nemail = \"a{n}@customer.example\"\ncreated = \"700d\"\n\
             organization = \"o-oldorg11111\"\njoined_method = \"INVITED\"\njoined = \"500d\"\n\
             [[roles]]\naccount = \"{id}\"\nname = \"OrganizationAccountAccessRole\"\ntrusts = [\"111111111111\"]\n"
        ));
        values.push_str(&format!("[[accounts]]\nid = \"{id}\"\nname = \"a{n}\"\ntarget_ou = \"ou-ab12-11111111\"\n"));
    }
    world.push_str("# Keys of a simulator");
    world.push_str(keys);
    (world, values)
}

/// So many accounts, through AWS's rates: nothing is throttled, and it takes no longer than the rates make it.
fn many(accounts: usize) -> (Preflight, i64) {
    let (world, values) = thousand(accounts);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.toml");
    std::fs::write(&path, values).unwrap();
    let began = std::time::Instant::now();
    let (found, clock, wire) = looked(&world, Some(&path));
    let took = Clock::now(&clock).since(Time::parse(START).unwrap());
    let simulator = wire.simulator();
    let log = simulator.log();
    let throttled =
        log.iter().filter(|line| line.error.as_deref().is_some_and(|code| code.contains("TooMany"))).count();
    assert_eq!(throttled, 0, "{throttled} requests of {} came too fast", log.len());
    assert_eq!(log.iter().filter(|line| line.effect).count(), 0);
    eprintln!("{accounts} accounts, {} reads, {took} ms of the virtual clock, {:?}", found.reads, began.elapsed());
    (found, took)
}

#[test]
fn a_thousand_accounts_within_the_rates() {
    let (found, took) = many(1_000);
    assert_eq!(found.case.moving.len(), 1_000);
    assert_eq!(found.count(Severity::NotKnown), 0, "{:?}", found.unread.first());
    assert_eq!(found.count(Severity::Blocks), 0);
    // ListHandshakesForAccount: AWS allows 6 a second for all accounts of an organization together; 5 are asked.
    assert!((190_000..260_000).contains(&took), "{took} ms");
    let text = countersign::preflight::pages::text(&found, false);
    assert!(text.lines().count() < 400, "{} lines", text.lines().count());
}

/// The names that machines read stay.
#[test]
fn the_json_has_its_members() {
    let (found, _, _) = looked(&shipped("runbooks/worlds/move_member_accounts.toml"), None);
    let json: Value = found.json();
    for name in [
        "preflight",
        "runbook",
        "version",
        "digests",
        "mode",
        "began",
        "ended",
        "reads",
        "summary",
        "counts",
        "sessions",
        "accounts",
        "findings",
        "not_known",
        "questions",
        "not_looked_into",
    ] {
        assert!(json.get(name).is_some(), "{name}");
    }
    for name in ["id", "severity", "account", "title", "found", "why", "todo", "stops", "evidence"] {
        assert!(json["findings"][0].get(name).is_some(), "{name}");
    }
}
