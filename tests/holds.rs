//! Ways in that are held (P6): the shipped break-glass runbook, and what becomes of it when somebody takes the way
//! in away, forgets to hold it, or comes too late.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, Said, Scene, Who, program, shipped, who, with_key};
use std::process::Command;

const RUNBOOK: &str = "runbooks/break_glass_user.toml";

/// Rehearses the shipped runbook with texts replaced, in its shipped world.
fn rehearse(changes: &[(&str, &str)], values: &[(&str, &str)]) -> (Said, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("book.toml"), changed(&shipped(RUNBOOK), changes)).unwrap();
    std::fs::write(place("book.values.toml"), changed(&shipped("runbooks/break_glass_user.values.toml"), values))
        .unwrap();
    std::fs::write(place("people.toml"), shipped("runbooks/people.toml")).unwrap();
    std::fs::create_dir(place("worlds")).unwrap();
    std::fs::write(place("worlds/book.toml"), shipped("runbooks/worlds/break_glass_user.toml")).unwrap();
    let mut command = Command::new(program());
    let said = command.current_dir(folder.path()).env_clear().args(["rehearse", "book.toml"]).output().unwrap();
    (Said::of(&said), folder)
}

fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the runbook");
        text.replace(from, to)
    })
}

/// The findings of `check` for the changed runbook.
#[track_caller]
fn refused(changes: &[(&str, &str)], code: &str, words: &str) {
    let (said, _folder) = rehearse(changes, &[]);
    said.exits(3).saying(code).saying(words);
}

const DELETES: &str = "action = \"iam:DeleteUser\"\nwith = { UserName = \"${parameters.old_user}\" }";

#[test]
fn the_way_in_is_held_from_the_stage_that_made_it_until_the_old_one_is_gone() {
    let (said, folder) = rehearse(&[], &[]);
    let said = said.exits(0).saying("CLOSED");
    scene::second::rehearsal_is_good(folder.path());
    let all = format!("{}{}", said.stdout, said.stderr);
    let at = |words: &str| all.find(words).unwrap_or_else(|| panic!("no `{words}` in\n{all}"));
    assert!(
        at("make/key: seen") < at("the way in `way_in` is held")
            && at("the way in `way_in` is held") < at("stage drill")
    );
    // Proved when it began, and again right before each of the two points of no return that this seat begins.
    assert!(all.matches("the way in `way_in` is open: proved").count() >= 2, "{all}");
    assert!(at("retire/remove: seen") < at("the way in `way_in` is released") && at("released") < at("run closed"));
}

#[test]
fn nothing_in_the_runbook_may_take_away_what_a_live_hold_needs() {
    let new_user = DELETES.replace("old_user", "user");
    refused(&[(DELETES, &new_user)], "CS0318", "removes access of a user that the hold `way_in`");
    let undo = (
        "undo = \"usual\"\napprovals = [{ role = \"mfa_holder\" }]\n[[stages.steps]]\nid = \"key\"\ntitle = \"Delete the old",
        "approvals = [{ role = \"mfa_holder\" }]\n[[stages.steps.undo]]\nid = \"never\"\naction = \"iam:DeleteUser\"\nwith = { UserName = \"${parameters.user}\" }\n[[stages.steps]]\nid = \"key\"\ntitle = \"Delete the old",
    );
    refused(&[undo], "CS0318", "step `never`");
}

#[test]
fn what_ends_access_for_good_wants_a_live_hold() {
    let early = [
        ("until = \"retire\"", "until = \"drill\""),
        ("needs_holds = [\"way_in\"]\n[stages.anchor]", "[stages.anchor]"),
    ];
    refused(&early, "CS0317", "ends access for good, and no hold is live");
}

#[test]
fn a_hold_has_a_life_a_session_and_a_name_of_its_own() {
    refused(&[("until = \"retire\"", "until = \"drill\"")], "CS0317", "is not live in the stage `retire`");
    refused(&[("until = \"retire\"", "until = \"make\"")], "CS0317", "ends before it begins");
    refused(&[("session = \"break_glass\"\nprove = [\n", "prove = [\n")], "CS0104", "has no `session`");
    refused(&[("id = \"drill\"", "id = \"hold\"")], "CS0110", "can't be called `hold`");
    refused(&[("needs_holds = [\"way_in\"]", "needs_holds = [\"way_inn\"]")], "CS0213", "did you mean `way_in`?");
}

#[test]
fn what_check_could_not_know_is_refused_right_before_it_happens() {
    // The old user is the new one: only the values say so.
    let (said, _folder) = rehearse(&[], &[("break-glass-2024", "break-glass-2026")]);
    said.exits(7)
        .saying("removes access of user/break-glass-2026 in the account 111111111111")
        .saying("which the hold `The new break-glass user` needs until the stage `retire` is over");
}

#[test]
fn a_command_that_says_what_it_touches_may_not_touch_it_either() {
    let step = "[[stages.steps]]\nid = \"rights\"";
    let command = |touched: &str| {
        format!(
            "[[stages.steps]]\nid = \"program\"\nkind = \"command\"\nargv = [\"true\"]\ntouches = [\"{touched}\"]\npoint_of_no_return = \"a test\"\n{step}"
        )
    };
    let (said, _folder) =
        rehearse(&[(step, &command("arn:aws:iam::${parameters.account}:user/${parameters.user}"))], &[]);
    said.exits(7).saying("says that it touches arn:aws:iam::111111111111:user/break-glass-2026");
    let (said, _folder) = rehearse(&[(step, &command("arn:aws:iam::${parameters.account}:user/another"))], &[]);
    said.exits(0);
}

#[test]
fn a_way_in_that_has_closed_is_noticed_right_before_the_point_of_no_return() {
    let proof = "prove = [\n    { action = \"sts:GetCallerIdentity\"";
    let also = format!(
        "prove = [\n    {{ action = \"iam:ListAttachedUserPolicies\", with = {{ UserName = \"${{parameters.old_user}}\" }}, expect = \"length(AttachedPolicies) == `1`\" }},{}",
        &proof["prove = [".len()..]
    );
    let (said, _folder) = rehearse(&[(proof, &also)], &[]);
    // The step before it took that policy away.
    let said = said.exits(7).saying("the way in that the hold `The new break-glass user` keeps is not open");
    assert!(!said.stderr.contains("retire/key: bob begins") && !said.stdout.contains("retire/key: bob begins"));
}

/// The same runbook, the way in held by two people's own hands.
fn by_hand(wait: &str) -> Vec<(String, String)> {
    let text = shipped(RUNBOOK);
    let from = text.find("session = \"break_glass\"\nprove").unwrap();
    let to = text.find("from = \"make\"").unwrap();
    let hand = "by_hand = [\"partner_billing\", \"mfa_holder\"]\ninstructions = \"Sign in as root, look, sign out.\"\n";
    let waits = format!(
        "[[stages.steps]]\nid = \"sleep\"\nkind = \"wait\"\nfor = \"{wait}\"\n[[stages.steps]]\nid = \"rights\""
    );
    vec![
        (text[from..to].to_owned(), hand.to_owned()),
        ("fresh_within = \"10m\"\n".to_owned(), String::new()),
        ("[[stages.steps]]\nid = \"rights\"".to_owned(), waits),
    ]
}

#[test]
fn a_way_in_by_hand_is_signed_by_each_role_and_again_when_that_was_long_ago() {
    for (wait, words) in [("1h", 2), ("13h", 4)] {
        let changes = by_hand(wait);
        let changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let (said, folder) = rehearse(&changes, &[]);
        said.exits(0).saying("CLOSED");
        let text = std::fs::read_to_string(scene::second::rehearsal_is_good(folder.path())).unwrap();
        assert_eq!(
            text.matches("reason: I got in by the way that the hold way_in keeps").count(),
            words,
            "after {wait}"
        );
    }
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["partner_billing"]),
        who("bob", "customer", &["customer_security"]),
        with_key("carol", "customer", &["mfa_holder"], 5),
    ]
}

/// The runbook run until `there` stands in the log, then rolled back to the beginning.
fn rolled_back(runbook: &str, there: &str) -> Scene {
    let scene = Scene::new(runbook, &shipped("runbooks/worlds/break_glass_user.toml"), &people());
    scene.write("runbooks/book.values.toml", &shipped("runbooks/break_glass_user.values.toml"));
    scene.credentials("bob", &["administrator"]);
    let seated = |words: &[&str]| {
        let own = ["--as", "bob", "--simulated", "--no-wait", "--session", "administrator=profile:administrator"];
        scene.run("bob", &[words, &own].concat())
    };
    let mut said = seated(&["run", BOOK]);
    for _ in 0..12 {
        if scene.run("bob", &["log"]).stdout.contains(there) {
            break;
        }
        scene.run("carol", &["approve", "make", "--as", "carol"]);
        scene.run("carol", &["approve", "make/key", "--as", "carol"]);
        scene.run("bob", &["answer", "drill/safe", "--as", "bob"]);
        scene.run("carol", &["answer", "drill/safe", "--as", "carol", "--set", "seal=S-1"]);
        said = seated(&["resume"]);
    }
    let log = scene.run("bob", &["log"]).stdout;
    assert!(log.contains(there), "{log}\n{said:?}");
    scene.run("bob", &["status"]).exits(0).saying("way_in").saying("live");
    let mut said = seated(&["rollback"]);
    for _ in 0..12 {
        if said.status == 0 {
            break;
        }
        for undo in ["make/key/undo/delete", "make/policy/undo/detach", "make/user/undo/delete"] {
            scene.run("carol", &["approve", undo, "--as", "carol"]);
        }
        said = seated(&["resume"]);
    }
    said.exits(0);
    let log = scene.run("bob", &["log"]).stdout;
    let at = |words: &str| log.find(words).unwrap_or_else(|| panic!("no `{words}` in\n{log}"));
    assert!(at("the way in `way_in` is released") < at("make/key/undo/delete: bob begins"), "{log}");
    scene.run("bob", &["verify"]).exits(0).saying("CLOSED").saying("rolled_back");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    scene
}

#[test]
fn through_the_binary_a_rollback_releases_the_hold_before_it_takes_the_way_in_back() {
    rolled_back(&shipped(RUNBOOK), "the way in `way_in` is held");
}

/// What needs no way back does not stand in the hold's way, for the engine and for the verifier alike.
#[test]
fn a_step_that_needs_no_undo_does_not_keep_a_hold_from_being_released() {
    let temp = "[[stages.steps]]\nid = \"temp\"\naction = \"iam:CreateUser\"\nwith = { UserName = \"temp\" }\nundo = \"usual\"\n\
                [[stages.steps]]\nid = \"no_temp\"\naction = \"iam:DeleteUser\"\nwith = { UserName = \"temp\" }\nno_undo = \"made by this run\"\n\
                [[stages.steps]]\nid = \"rights\"";
    let runbook = changed(&shipped(RUNBOOK), &[("[[stages.steps]]\nid = \"rights\"", temp)]);
    let scene = rolled_back(&runbook, "retire/no_temp: seen");
    scene.run("bob", &["status"]).exits(0).saying("rolled back");
}
