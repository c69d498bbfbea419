//! Accidents that have happened to people who moved accounts: each is reproduced with the guard off, and refused or
//! survived with the guard on. Through the program, on the simulator.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{Said, program, shipped};
use std::process::Command;

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
        let file = |name: &str| shipped(&format!("runbooks/{name}.toml"));
        Accident {
            runbook: file("move_member_accounts"),
            world: file("worlds/move_member_accounts"),
            values: file("move_member_accounts.values"),
            people: file("people"),
        }
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

const FRESH: (&str, &str) = (
    "created = \"400d\"\norganization = \"o-oldorg11111\"\nparent = \"ou-old1-11111111\"",
    "created = \"2d\"\norganization = \"o-oldorg11111\"\nparent = \"ou-old1-11111111\"",
);
const FOUR_DAYS: &str = "expect = \"Account.State == 'ACTIVE' && (Account.JoinedMethod == 'INVITED' || older_than(Account.JoinedTimestamp, '4d'))\"";

/// An account that was made two days ago can't leave before it is four days old.
#[test]
fn a_fresh_account_is_refused_at_its_anchor_or_waited_for() {
    let fresh = || Accident::move_accounts().world(FRESH.0, FRESH.1);
    let said = fresh().rehearsed().exits(7).saying("older_than(Account.JoinedTimestamp, '4d')");
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("accept:111122223333/accept: bob begins"));
    // Guard off: AWS refuses, and the run waits until the day that it computes.
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
    let said = Accident::of("closing").rehearsed();
    let said = said.saying("close/close: alice begins").saying("ACCOUNT_CANNOT_LEAVE_ORGANIZATION");
    assert!(!format!("{}{}", said.stdout, said.stderr).contains("rehearsed to the end"));
}
