//! Accidents that have happened to people who moved accounts: each is reproduced with the guard off, and refused or
//! survived with the guard on. Through the program, on the simulator.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use countersign::aws::{AwsCloud, Config, InProcess};
use countersign::base::Time;
use countersign::catalogue::Class;
use countersign::engine::port::{Call, Cloud, SessionWanted};
use countersign::rehearse::world::{RehearsalClock, Wire};
use countersign::simulator::{Simulator, World};
use scene::{BOOK, Said, Scene, Who, program, shipped, with_key};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

struct Accident {
    runbook: String,
    world: String,
    values: String,
    people: String,
}

impl Accident {
    fn of(name: &str) -> Accident {
        let file = |name: &str| shipped(&format!("tests/fixtures/accidents/{name}.toml"));
        let world = file(&format!("worlds/{name}"));
        Accident { runbook: file(name), world, values: String::new(), people: file("people") }
    }

    /// The shipped runbook, its people and its world.
    fn move_accounts() -> Accident {
        Accident::shipped("move_member_accounts", "move_member_accounts")
    }

    /// A shipped runbook in one of the worlds beside it.
    fn shipped(name: &str, world: &str) -> Accident {
        let file = |name: &str| shipped(&format!("runbooks/{name}.toml"));
        Accident {
            runbook: file(name),
            world: file(&format!("worlds/{world}")),
            values: file(&format!("{name}.values")),
            people: file("people"),
        }
    }

    /// Without the step of this id: from its `[[stages.steps]]` to what comes next.
    fn without(mut self, id: &str) -> Accident {
        let begins = "[[stages.steps]]\n";
        let all: Vec<&str> = self.runbook.split(begins).collect();
        let at = all.iter().position(|one| one.lines().any(|line| line == format!("id = \"{id}\""))).unwrap();
        let after = all[at].find("\n[").map_or("", |end| &all[at][end + 1..]);
        let kept: Vec<&str> = all.iter().enumerate().filter(|(one, _)| *one != at).map(|(_, text)| *text).collect();
        let (before, rest) = (kept[..at].join(begins), kept[at..].join(begins));
        self.runbook = match rest.is_empty() {
            true => format!("{before}{after}"),
            false => format!("{before}{after}{begins}{rest}"),
        };
        self
    }

    fn runbook(mut self, from: &str, to: &str) -> Accident {
        assert!(self.runbook.contains(from), "`{from}` is not in the runbook");
        self.runbook = self.runbook.replacen(from, to, 1);
        self
    }

    fn world(mut self, from: &str, to: &str) -> Accident {
        assert!(self.world.contains(from), "`{from}` is not in the world");
        self.world = self.world.replacen(from, to, 1);
        self
    }

    fn rehearsed(&self) -> Said {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir(folder.path().join("worlds")).unwrap();
        write("book.toml", &self.runbook);
        write("people.toml", &self.people);
        write("worlds/book.toml", &self.world);
        if !self.values.is_empty() {
            write("book.values.toml", &self.values);
        }
        let mut command = Command::new(program());
        Said::of(&command.current_dir(folder.path()).env_clear().args(["rehearse", "book.toml"]).output().unwrap())
    }
}

/// What the head of a world file says of how it ends: `# ends: 7`, `# says: WORDS`, and the same of a preflight.
#[derive(Default)]
struct Ends {
    exit: Option<i32>,
    says: Vec<String>,
    never: Vec<String>,
}

impl Ends {
    fn stated(world: &str, of: &str) -> Ends {
        let mut ends = Ends::default();
        for line in world.lines().take_while(|line| line.starts_with('#')) {
            let Some(line) = line.strip_prefix("# ").and_then(|line| line.strip_prefix(of)) else { continue };
            match line.split_once(": ") {
                Some(("ends", exit)) => ends.exit = Some(exit.parse().unwrap()),
                Some(("says", words)) => ends.says.push(words.to_owned()),
                Some(("never", words)) => ends.never.push(words.to_owned()),
                _ => {}
            }
        }
        ends
    }

    fn are_those_of(&self, name: &str, said: &Said) {
        let all = format!("{}{}", said.stdout, said.stderr);
        let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(Some(said.status), self.exit, "{name}: {all}");
        self.says.iter().for_each(|words| assert!(flat.contains(words.as_str()), "{name}: no `{words}` in {all}"));
        self.never.iter().for_each(|words| assert!(!flat.contains(words.as_str()), "{name}: `{words}` in {all}"));
    }
}

/// Worlds beside the shipped runbooks, `RUNBOOK.ACCIDENT.toml`, by runbook.
fn worlds() -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks/worlds")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some((runbook, _)) = file.strip_suffix(".toml").and_then(|name| name.split_once('.')) {
            all.entry(runbook.to_owned()).or_default().push(file.clone());
        }
    }
    all
}

/// Every world of an accident is rehearsed with the shipped runbook, and ends as its head says.
#[test]
fn each_accident_beside_a_runbook_ends_as_its_world_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (runbook, files) in worlds() {
        for file in files {
            let ends = Ends::stated(&shipped(&format!("runbooks/worlds/{file}")), "");
            assert!(ends.exit.is_some() && !ends.says.is_empty(), "{file} says how it ends");
            let (book, world) =
                (root.join(format!("runbooks/{runbook}.toml")), root.join("runbooks/worlds").join(&file));
            let mut command = Command::new(program());
            command.current_dir(folder.path()).env_clear().arg("rehearse").arg(book).arg("--world").arg(world);
            ends.are_those_of(&file, &Said::of(&command.output().unwrap()));
            count += 1;
        }
    }
    assert!(count >= 10, "{count} worlds");
}

/// And where a preflight sees it coming, it says so first.
#[test]
fn a_preflight_sees_what_the_worlds_say_that_it_sees() {
    let people = [
        Who { id: "alice", party: "partner", roles: &["partner_billing"], flags: None },
        Who { id: "bob", party: "customer", roles: &["customer_security"], flags: None },
        with_key("carol", "customer", &["mfa_holder"], 5),
    ];
    let mut count = 0;
    for (runbook, files) in worlds() {
        for file in files {
            let world = shipped(&format!("runbooks/worlds/{file}"));
            let ends = Ends::stated(&world, "preflight ");
            if ends.exit.is_none() {
                continue;
            }
            let scene = Scene::unsigned(&shipped(&format!("runbooks/{runbook}.toml")), &world, &people);
            scene.write("runbooks/book.values.toml", &shipped(&format!("runbooks/{runbook}.values.toml")));
            let said = scene.run(
                "bob",
                &[
                    "preflight",
                    BOOK,
                    "--simulated",
                    "--session",
                    "old_management=profile:old_management",
                    "--session",
                    "new_management=profile:new_management",
                ],
            );
            ends.are_those_of(&file, &said);
            count += 1;
        }
    }
    assert!(count >= 4, "{count} worlds");
}

const BACKUP: &str = "portal = { account = \"111111111111\", used_by = [\"admin\"], kinds = [\"identity_center\"] }\n\
    backup = { account = \"111111111111\", used_by = [\"admin\"], kinds = [\"user\"] }\n";
const PORTAL: &str = "portal = { account = \"111111111111\", used_by = [\"admin\"], kinds = [\"identity_center\"] }\n";

fn hold(session: &str) -> String {
    format!(
        "[holds.way_in]\ntitle = \"A way in\"\nsession = \"{session}\"\n\
         prove = [{{ action = \"sts:GetCallerIdentity\", expect = \"Account == '111111111111'\" }}]\n\
         from = \"look\"\nuntil = \"after\"\n[[stages]]\nid = \"look\""
    )
}

/// The session ended when the organization was made anew; the backup user had been tidied away before.
#[test]
fn without_a_hold_everybody_is_locked_out() {
    let said = Accident::of("again").rehearsed().exits(1).saying("again/create: alice begins").saying("FAILED");
    said.saying("the credentials of the session portal have expired or are not accepted");
}

#[test]
fn with_the_backup_user_held_it_may_not_go() {
    let held = || Accident::of("again").runbook(PORTAL, BACKUP).runbook("[[stages]]\nid = \"look\"", &hold("backup"));
    held().rehearsed().exits(3).saying("CS0318").saying("removes access of a user that the hold `way_in`");
    // Nobody takes the backup user away: it is still a way in when the portal is shut.
    let kept = held();
    let from = kept.runbook.find("[[stages]]\nid = \"tidy\"").unwrap();
    let to = kept.runbook.find("[[stages]]\nid = \"again\"").unwrap();
    let stage = kept.runbook[from..to].to_owned();
    let after = "performer = \"admin\"\nsession = \"portal\"\n[[stages.steps]]\nid = \"in\"";
    // The steps that end the session are carried out, and seen, by the way in that stays.
    let said = kept
        .runbook(&stage, "")
        .runbook(after, &after.replace("portal", "backup"))
        .runbook(
            "title = \"Deleted, and made anew\"\nperformer = \"admin\"\nsession = \"portal\"",
            "title = \"Deleted, and made anew\"\nperformer = \"admin\"\nsession = \"backup\"",
        )
        .rehearsed();
    said.exits(0).saying("the way in `way_in` is released");
}

/// The runbook does not say that the held session comes through the organization: the run finds out in time.
#[test]
fn with_the_session_itself_held_the_organization_is_not_deleted() {
    let held = || Accident::of("again").runbook("[[stages]]\nid = \"look\"", &hold("portal"));
    held().rehearsed().exits(3).saying("CS0318").saying("may end the Identity Center");
    let tidy = held();
    let from = tidy.runbook.find("[[stages]]\nid = \"tidy\"").unwrap();
    let to = tidy.runbook.find("[[stages]]\nid = \"again\"").unwrap();
    let stage = tidy.runbook[from..to].to_owned();
    let said = tidy.runbook(&stage, "").runbook(", kinds = [\"identity_center\"]", "").rehearsed();
    let said = said.exits(7).saying("may end sessions that come through the organization");
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("again/delete: alice begins"));
}

const FOUR_DAYS: &str = "expect = \"Account.State == 'ACTIVE' && (Account.JoinedMethod == 'INVITED' || older_than(Account.JoinedTimestamp, '4d'))\"";

/// An account that was made two days ago can't leave before it is four days old.
#[test]
fn a_fresh_account_is_refused_at_its_anchor_or_waited_for() {
    let fresh = || Accident::shipped("move_member_accounts", "move_member_accounts.young_account");
    // With the guard it ends as its world says. Guard off: AWS refuses, and the run waits until the day that it computes.
    let said = fresh().runbook(FOUR_DAYS, "expect = \"Account.State == 'ACTIVE'\"").rehearsed();
    said.exits(0).saying("WAIT_PERIOD").saying("rehearsed to the end");
}

fn rest(length: &str) -> String {
    format!(
        "[[stages]]\nid = \"rest\"\nperformer = \"customer_security\"\n[[stages.steps]]\nid = \"sleep\"\n\
         kind = \"wait\"\nfor = \"{length}\"\n\n[[stages]]\nid = \"accept\""
    )
}

/// An invitation lives 15 days.
#[test]
fn an_invitation_that_has_expired_says_what_to_do() {
    let accept = "[[stages]]\nid = \"accept\"";
    Accident::move_accounts().runbook(accept, &rest("16d")).rehearsed().exits(3).saying("CS0309");
    // Guard off: this world's invitations die sooner than `check` can know.
    let short = ("throttling = true", "throttling = true\nhandshake_life = \"1h\"");
    let said = Accident::move_accounts().runbook(accept, &rest("2h")).world(short.0, short.1).rehearsed();
    said.exits(1).saying("the invitation is cancelled, declined or expired; send a new one");
}

/// It has left, and its invitation is dead: it stands alone. With the guard it does not leave; see its world.
#[test]
fn an_account_that_leaves_after_its_invitation_died_stands_alone() {
    let name = "move_member_accounts_by_leaving";
    let said = Accident::shipped(name, &format!("{name}.invitation_expired")).without("invited").rehearsed().exits(1);
    let said = said.saying("join:333344445555/leave: done").saying("join:333344445555/join: FAILED");
    said.saying("the rehearsal stopped at join:333344445555/join").saying("send a new one");
}

/// AWS's mail lies with a moderator. With the guard somebody has read a mail there first, as `build_organization` has it.
#[test]
fn an_address_that_nobody_has_confirmed_lets_nobody_be_invited() {
    let world = "move_member_accounts.mail_held_back";
    let guard = "[[stages]]\nid = \"mailbox\"\nperformer = \"partner_billing\"\n[[stages.steps]]\nid = \"mail\"\n\
        kind = \"manual\"\nmutates = false\ntitle = \"A mail from outside arrives\"\n\
        performers = [\"partner_billing\", \"customer_security\"]\n\
        instructions = \"A mail to the root address of ${parameters.new_management} is read, and AWS's is confirmed.\"\n\
        settles = [\"mailbox\"]\n[[stages]]\nid = \"invite\"";
    let off = Accident::shipped("move_member_accounts", world).rehearsed().exits(1);
    off.saying("0 effects on the simulated AWS").saying("verify it in the console, then resume");
    let on = Accident::shipped("move_member_accounts", world).runbook("[[stages]]\nid = \"invite\"", guard);
    on.rehearsed().exits(0).saying("rehearsed to the end");
}

/// Nobody gets in as its root user, and it leaves: `check` wants that said, the runbook's own check refuses it, and
/// without either it goes.
#[test]
fn an_account_that_nobody_can_open_as_root_does_not_leave() {
    let name = "move_member_accounts_by_leaving";
    let world = format!("{name}.no_root_password");
    let even = "even_though = { strands_root = \"both parties have shown that they get in as its root user, and hold \
        that way until it has joined\" }\n";
    let bare = Accident::shipped(name, &world).runbook(even, "").runbook(", \"mailbox\"]", "]");
    let said = bare.rehearsed().exits(3);
    said.saying("CS0307").saying("root");
    let said = Accident::shipped(name, &world).without("root_user").rehearsed().exits(0);
    said.saying("join:333344445555/leave: done");
}

fn who(performer: &str, session: &str) -> String {
    format!(
        "{}\n[[stages]]\nid = \"who\"\nfor_each = \"${{parameters.accounts}}\"\nkey = \"${{item.id}}\"\n\
         performer = \"{performer}\"\nsession = \"{session}\"\n[[stages.steps]]\nid = \"in\"\nkind = \"check\"\n\
         action = \"sts:GetCallerIdentity\"\nexpect = \"Account == ${{item.id}}\"\n",
        shipped("runbooks/move_member_accounts.toml")
    )
    .replacen(
        "[sessions]\n",
        "[sessions]\nfrom_new = { account = \"${item.id}\", used_by = [\"partner_billing\"], through = \"new_management\", assume_role = \"OrganizationAccountAccessRole\" }\n",
        1,
    )
}

/// After the move the accounts' role still trusts the old management account, and not the new one.
#[test]
fn the_role_of_a_moved_account_still_trusts_the_old_management_account() {
    let with = |runbook: String| Accident { runbook, ..Accident::move_accounts() };
    with(who("customer_security", "member")).rehearsed().exits(0);
    let said = with(who("partner_billing", "from_new")).rehearsed().exits(1);
    said.saying("222222222222:user/mover may not become").saying("role/OrganizationAccountAccessRole");
    // A world where somebody has changed the trust first.
    let mut changed = with(who("partner_billing", "from_new"));
    changed.world =
        changed.world.replace("trusts = [\"111111111111\"]", "trusts = [\"111111111111\", \"222222222222\"]");
    changed.rehearsed().exits(0);
}

/// A client that keeps no journal takes the lost answer for a failure, and asks again with the next address: two
/// accounts. With the same address it is told that the account can't be made, while it is there.
#[test]
fn a_client_that_asks_again_makes_a_second_account() {
    let start = Time::parse("2026-01-05T09:00:00Z").unwrap();
    let world = World::parse("world.toml", &shipped("tests/fixtures/accidents/worlds/account.toml")).unwrap();
    let clock = RehearsalClock::at(start);
    let wire = Arc::new(Wire::new(Simulator::new(&world, start), clock.clone()));
    let keys = wire.keys("management", "").unwrap();
    let inside = InProcess {
        server: Arc::<Wire>::clone(&wire),
        time: Arc::new(clock.clone()),
        profiles: BTreeMap::from([("management".to_owned(), keys)]),
    };
    let cloud = AwsCloud::new(Config { simulated: true, in_process: Some(inside), ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let asks = |action: &str, with: Value| {
        let session = SessionWanted { account: "111111111111".to_owned(), ..SessionWanted::none("management") };
        let action = format!("organizations:{action}");
        let call = Call { session, action, with, time_limit_ms: 2_000, secret_to: Value::Null };
        runtime.block_on(cloud.call(&call)).result
    };
    let create = |email: &str| asks("CreateAccount", json!({"Email": email, "AccountName": "new"}));
    assert_eq!(create("new@customer.example").unwrap_err().class, Class::InDoubt);
    let again = create("new@customer.example").unwrap()["CreateAccountStatus"]["Id"].clone();
    let next = create("new+1@customer.example").unwrap()["CreateAccountStatus"]["Id"].clone();
    clock.advance_to(start.plus(3_600_000));
    let told = |id: Value| {
        let answer = asks("DescribeCreateAccountStatus", json!({"CreateAccountRequestId": id})).unwrap();
        answer["CreateAccountStatus"].clone()
    };
    assert_eq!(told(again)["FailureReason"], "EMAIL_ALREADY_EXISTS");
    assert_eq!(told(next)["State"], "SUCCEEDED");
    let made = asks("ListAccounts", json!({})).unwrap();
    let new = made["Accounts"].as_array().unwrap().iter().filter(|one| one["Name"] == "new").count();
    assert_eq!(new, 2, "{made:#}");
}

/// The answer to CreateAccount is lost: a retry would make a second account. It is looked for instead.
#[test]
fn a_lost_answer_makes_no_second_account() {
    let said = Accident::of("account").rehearsed().exits(0);
    said.saying("IN DOUBT").saying("done (found by reading)").saying("1 effects on the simulated AWS");
}

/// A closed account stays in its organization: it had to be reopened before it could leave.
#[test]
fn an_account_that_is_closed_first_does_not_leave_any_more() {
    let guarded =
        Accident::of("closing").runbook("even_though = { closes_account = \"nobody uses it any more\" }\n", "");
    guarded.rehearsed().exits(3).saying("CS0307").saying("a closed account moves nowhere").saying("let it leave first");
    // A reason is there: the run still sees that its own next step needs the account.
    let said = Accident::of("closing").rehearsed().exits(7);
    said.saying("it closes the account 222222222222, which the step close/leave still has to move");
    // Somebody else has closed it.
    let said = Accident::of("closing")
        .world("name = \"unwanted\"\n", "name = \"unwanted\"\nstate = \"CLOSED\"\n")
        .runbook("Account.State == 'ACTIVE'", "Account.State == 'CLOSED'")
        .runbook("id = \"close\"\naction", "id = \"close\"\nwhen = \"${'closed' == 'open'}\"\naction")
        .rehearsed();
    let said = said.saying("ACCOUNT_CANNOT_LEAVE_ORGANIZATION");
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("rehearsed to the end"));
}

/// The runbook comes through a user, so `check` sees nothing; the role that it becomes is a portal's all the same.
#[test]
fn a_session_of_identity_center_is_refused_where_only_the_run_can_tell() {
    const ROLE: &str = "OrganizationAccountAccessRole";
    const PORTAL: &str = "AWSReservedSSO_Admin_1";
    let accident = |more: &str| {
        let mut accident = Accident::move_accounts()
            .runbook("lost = \"the invitation, direct", &format!("{more}lost = \"the invitation, direct"));
        accident.runbook = accident.runbook.replace(ROLE, PORTAL);
        accident.world = accident.world.replace(ROLE, PORTAL);
        accident.rehearsed()
    };
    let said = accident("").exits(7).saying("it may end the very session that it is done with");
    said.saying("assumed-role/AWSReservedSSO_Admin_1").saying("--session member=profile:NAME");
    let said = accident("even_though = { ends_identity_center_session = \"it is tried\" }\n");
    assert!(!said.stderr.contains("it may end the very session"), "{}", said.stderr);
    said.saying("accept:111122223333/accept: bob begins");
}

/// Nobody's role is trusted everywhere: each account has a profile of its own, named after it.
#[test]
fn each_account_may_be_entered_through_a_profile_of_its_own() {
    let member = "through = \"old_management\", assume_role = \"OrganizationAccountAccessRole\"";
    let mut moved = Accident::move_accounts().runbook(member, "profile = \"own-${item.id}\", kinds = [\"user\"]");
    for account in ["111122223333", "222233334444", "333344445555"] {
        let head = format!("profile = \"own-{account}\"\naccount = \"{account}\"");
        moved.world.push_str(&format!("\n[[principals]]\n{head}\nkind = \"user\"\nname = \"own-{account}\"\n"));
    }
    let said = moved.rehearsed().exits(0);
    let said = said.saying("session member is arn:aws:iam::111122223333:user/own-111122223333");
    said.saying("session member is arn:aws:iam::333344445555:user/own-333344445555");
}

/// The task that settles who gets in as root is in the runbook, and was left out on the day.
#[test]
fn leaving_is_refused_where_the_task_for_the_root_user_was_left_out() {
    let file = |name: &str| shipped(&format!("runbooks/{name}.toml"));
    let accident = Accident {
        runbook: file("move_member_accounts_by_leaving"),
        world: file("worlds/move_member_accounts_by_leaving"),
        values: file("move_member_accounts_by_leaving.values"),
        people: file("people"),
    };
    let even = "even_though = { strands_root = \"both parties have shown that they get in as its root user, and hold that way until it has joined\" }\n";
    let accident = accident.runbook(even, "");
    let accident = accident.runbook(
        "id = \"sign_up\"\n",
        "id = \"sign_up\"\nwhen = \"${parameters.old_management == parameters.new_management}\"\n",
    );
    let said = accident.rehearsed().exits(7).saying("the account may be left without root credentials");
    said.saying("prepare/sign_up was left out in this run");
}
