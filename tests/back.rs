//! Ways back, through the real binary: a rollback is shown before it begins, an undo that fails is done by hand, what
//! comes back different is said, points of no return are agreed to.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod scene;

use scene::{BOOK, Scene, Who, shipped, who};
use serde_json::{Value, json};
use std::process::Command;

const ITEM: &str = "second:222233334444";

fn book() -> String {
    shipped("tests/fixtures/kinds/back.toml")
}

fn world(more: &str) -> String {
    shipped("tests/fixtures/kinds/worlds/kinds.toml") + more
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("dora", "customer", &["security"]),
    ]
}

/// As far as its last question, everything done.
fn there(book: &str, more: &str) -> Scene {
    let scene = Scene::new(book, &world(more), &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "second:111122223333/move"]).exits(0);
    scene.run("bob", &["approve", &format!("{ITEM}/move")]).exits(0);
    scene.resume("alice").exits(4).saying("countersign answer third/well");
    scene
}

fn approve_undo(scene: &Scene, item: &str) {
    scene.run("dora", &["approve", &format!("second:{item}/move/undo/mark")]).exits(0);
}

/// The second verifier agrees.
fn also_in_python(scene: &Scene, verdict: &str) {
    scene.run("alice", &["export", "-o", "out.countersign"]).exits(0);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/verify.py");
    let output = Command::new("python3").arg(script).arg(scene.path("out.countersign")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(verdict), "{text}");
}

// --- shown before it begins ---

#[test]
fn a_rollback_is_shown_before_it_begins() {
    let lost = "approvals = [{ role = \"security\" }]\nlost = \"the tags of the account\"\n[[stages.steps.undo]]\nid = \"mark\"";
    let text = book().replacen("approvals = [{ role = \"security\" }]\n[[stages.steps.undo]]\nid = \"mark\"", lost, 1);
    assert!(text.contains("lost = "));
    let scene = there(&text, "");
    let before = scene.log().len();
    // Nobody signs on, and no key is read.
    let said = scene.run("nobody", &["rollback", "--dry-run"]).exits(0);
    for words in [
        "to the beginning:",
        &format!("1. {ITEM}/move/undo/mark: organizations:TagResource in 111111111111"),
        "by alice (admin); agree: bob or dora (security)",
        "only if ${anchor.parent.Parents[0].Type == 'ROOT'}",
        "7. first/user/undo/delete: iam:DeleteUser in 111111111111, traveller",
        &format!("does not come back with {ITEM}/move, second:111122223333/move: the tags of the account"),
        "approvals: 2 requests; 2 by bob or dora (security)",
        "clock: decisions: within 1d after each is asked, run within 1h after the last of them",
    ] {
        let said = said.clone();
        said.saying(words);
    }
    let data = scene.run("nobody", &["rollback", "--dry-run", "--format", "json"]).exits(0).json();
    let steps: Vec<&str> = data["steps"].as_array().unwrap().iter().map(|one| one["step"].as_str().unwrap()).collect();
    assert_eq!((steps.len(), steps[0], steps[6]), (7, "second:222233334444/move/undo/mark", "first/user/undo/delete"));
    assert_eq!((&data["requests"], &data["to"], &data["under_way"]), (&json!(2), &json!(""), &json!(false)));
    assert_eq!(data["decisions"], json!([{"role": "security", "people": ["bob", "dora"], "count": 2}]));
    assert_eq!(data["lost"][0]["why"], "the tags of the account");
    let one = scene.run("nobody", &["rollback", "--plan", "--to", ITEM, "--format", "json"]).exits(0).json();
    assert_eq!(one["steps"].as_array().unwrap().len(), 3);
    scene.run("nobody", &["rollback", "--dry-run", "--to", "fourth"]).exits(7).saying("CS7017");
    assert_eq!(scene.log().len(), before, "showing changes nothing");
    // Under way, what is left is shown, and another goal is refused.
    scene.seat("alice", &["rollback", "--to", ITEM]).exits(4);
    scene.seat("alice", &["rollback", "--to", "first"]).exits(7).saying("is under way");
    scene.run("nobody", &["rollback", "--dry-run"]).exits(0).saying("under way; what is left of it");
    approve_undo(&scene, "222233334444");
    scene.seat("alice", &["rollback"]).exits(4);
    assert_eq!(scene.state_of("second", Some("222233334444"), "move"), "undone");
    assert_eq!(scene.state_of("second", Some("111122223333"), "move"), "done");
}

/// Undo steps of one step that others perform or agree to are asked for apart, each of those who may.
#[test]
fn undo_steps_with_other_approvals_are_asked_for_apart() {
    let text = book()
        .replace("id = \"return\"\n", "id = \"return\"\napprovals = [{ role = \"owner\" }]\n")
        .replace("security = { title", "owner = { title = \"Owner\", party = \"customer\" }\nsecurity = { title");
    let mut all = people();
    all.push(who("erin", "customer", &["owner"]));
    let scene = Scene::new(&text, &world(""), &all);
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "second:111122223333/move"]).exits(0);
    scene.resume("alice").exits(4);
    let item = "second:111122223333/move/undo";
    scene.run("nobody", &["rollback", "--dry-run"]).exits(0).saying("2 requests; 1 by erin (owner), 1 by bob or dora");
    scene.seat("alice", &["rollback"]).exits(4);
    scene.run("bob", &["approve", &format!("{item}/mark")]).exits(0);
    scene.resume("alice").exits(4).saying("erin");
    scene.run("bob", &["approve", &format!("{item}/return")]).exits(7);
    scene.run("erin", &["approve", &format!("{item}/return")]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.status()["state"], "rolled back");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

// --- an undo that fails ---

const NO_TAGS: &str = "\n[[faults]]\non = \"organizations:TagResource\"\nkind = \"access_denied\"\ntimes = 1000\n";

fn failed() -> Scene {
    let scene = there(&book(), NO_TAGS);
    scene.seat("alice", &["rollback", "--to", ITEM]).exits(4);
    approve_undo(&scene, "222233334444");
    let said = scene.resume("alice").exits(1);
    for words in [
        "AccessDenied",
        "to be taken back: second:222233334444/move",
        "the operation: organizations:TagResource in 111111111111",
        "by hand: aws organizations tag-resource --cli-input-json",
        "(session management, account 111111111111)",
        &format!("countersign settle done {ITEM}/move/undo/mark --as alice"),
    ] {
        let said = said.clone();
        said.saying(words);
    }
    assert!(!said.stderr.contains("or take it back"), "{}", said.stderr);
    scene
}

#[test]
fn an_undo_that_fails_is_done_by_hand_and_agreed_to() {
    let scene = failed();
    let step = format!("{ITEM}/move/undo/mark");
    scene.write("shot.txt", "the tag is there");
    // Whoever does not perform it can't say so; and that it failed is known already.
    scene.run("bob", &["settle", "done", &step]).exits(7).saying("CS7008");
    scene.run("alice", &["settle", "not-done", &step]).exits(7).saying("CS7011");
    scene.run("alice", &["settle", "done", &format!("{ITEM}/move/undo/return")]).exits(7).saying("CS7011");
    let words = ["settle", "done", &step, "--reason", "in the console", "--evidence", "shot.txt"];
    scene.run("alice", &words).exits(0).saying("a second person must agree");
    let effects = scene.effects();
    scene.resume("alice").exits(4).saying("bob");
    assert_eq!(scene.effects(), effects, "on one person's word nothing goes on");
    scene.run("alice", &["approve", &step]).exits(7);
    scene.run("dora", &["approve", &step]).exits(0);
    // The list goes on: what was approved with it is done.
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects()[effects.len()..], ["organizations:MoveAccount"]);
    assert_eq!(scene.state_of("second", Some("222233334444"), "move"), "undone");
    let outcome = scene.entries("outcome").into_iter().find(|one| one["found"] == "word").unwrap();
    assert_eq!((&outcome["result"], &outcome["step"]), (&json!("done"), &json!(step)));
    let verify = scene.run("nobody", &["verify", "--format", "json"]).exits(4).json();
    assert!(verify["on_word"].to_string().contains(&format!("how {step} ended")), "{verify:#}");
    assert!(scene.keeps("the tag is there") || scene.keeps("dGhlIHRhZyBpcyB0aGVyZQ"), "the evidence is kept");
    also_in_python(&scene, "OPEN");
    // The reports name the file, what it is about and its digest.
    let digest = countersign::base::Digest::of(b"the tag is there").to_string();
    for format in ["markdown", "html", "json"] {
        let report = scene.run("nobody", &["report", "--format", format]).exits(0).stdout;
        // Markdown escapes every point.
        let report = report.replace('\\', "");
        for words in ["shot.txt", digest.as_str()] {
            assert!(report.contains(words), "{format}: {words}\n{report}");
        }
    }
}

/// Denied, the word is worth nothing: the undo is tried again, and asked for anew.
#[test]
fn a_word_that_is_denied_is_tried_again() {
    let scene = failed();
    let step = format!("{ITEM}/move/undo/mark");
    scene.run("alice", &["settle", "done", &step]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("bob", &["deny", &step, "--reason", "I see no tag"]).exits(0);
    scene.resume("alice").exits(4).saying("approve");
    scene.run("bob", &["approve", &step]).exits(0);
    scene.resume("alice").exits(1);
    let attempts: Vec<Value> = scene
        .entries("intended")
        .into_iter()
        .filter(|one| one["step"] == step)
        .map(|one| one["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    also_in_python(&scene, "OPEN");
}

/// Nobody rolls back over an operation of which it is not known whether it happened.
#[test]
fn what_is_in_doubt_is_settled_first() {
    let faults = "\n[[faults]]\non = \"iam:CreateUser\"\nkind = \"response_lost\"\n\
                  [[faults]]\non = \"iam:GetUser\"\nkind = \"access_denied\"\nnth = 2\ntimes = 1000\n";
    let scene = Scene::new(&book(), &world(faults), &people());
    scene.open("alice").exits(5);
    let before = scene.log().len();
    scene.seat("alice", &["rollback"]).exits(7).saying("first/user is in doubt: settle it first");
    scene.run("nobody", &["rollback", "--dry-run"]).exits(7).saying("CS7017");
    assert_eq!(scene.log().len(), before);
}

// --- what comes back different ---

#[test]
fn what_comes_back_different_is_said_everywhere() {
    let capture = "capture = [{ id = \"parent\",";
    let text = book()
        .replace(capture, &format!("{} {{ id = \"tags\", action = \"organizations:ListTagsForResource\", with = {{ ResourceId = \"${{item}}\" }} }}, {{ id = \"parent\",", "capture = ["))
        .replace("Type == 'ROOT'", "Type == 'NEVER'");
    let scene = there(&text, "");
    scene.seat("alice", &["rollback", "--to", ITEM]).exits(4);
    approve_undo(&scene, "222233334444");
    let words = "tags.Tags: new, {\"Key\":\"way\",\"Value\":\"back\"}";
    let place = ITEM;
    scene.resume("alice").exits(4).saying(&format!("{place}: back, but: {words}"));
    scene.run("nobody", &["status"]).exits(0).saying(&format!("back at {place}: not as captured: {words}"));
    assert_eq!(scene.status()["anchors_regained"], json!([{"place": place, "differs": [words]}]));
    scene.run("nobody", &["log"]).exits(0).saying(words);
    scene.run("nobody", &["report", "--format", "markdown"]).exits(0).saying("back, but");
    let verify = scene.run("nobody", &["verify", "--format", "json"]).exits(4).json();
    assert_eq!(verify["anchors_regained"][0]["differs"], json!([words]));
    scene.run("nobody", &["verify"]).exits(4).saying(&format!("back at {place}, but not as captured: {words}"));
}

// --- anchors ---

/// An anchor proved by hand is proved by the performer, and again when it is back.
#[test]
fn an_anchor_by_hand_is_proved_again_after_the_rollback() {
    let text = book().replace(
        "absent_if = \"NoSuchEntity\" }]",
        "absent_if = \"NoSuchEntity\" }]\nprove = [{ kind = \"manual\", instructions = \"Is nobody on call?\" }]",
    );
    let scene = Scene::new(&text, &world(""), &people());
    scene.open("alice").exits(4).saying("Is nobody on call?");
    assert!(scene.effects().is_empty());
    scene.run("bob", &["confirm", "first"]).exits(7).saying("CS7008");
    scene.run("alice", &["confirm", "first"]).exits(0);
    let mut said = scene.resume("alice");
    // Right before the first change it is read, and asked, again.
    for _ in 0..3 {
        if !said.stderr.contains("confirm first") {
            break;
        }
        scene.run("alice", &["confirm", "first"]).exits(0);
        said = scene.resume("alice");
    }
    said.exits(4);
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
    scene.seat("alice", &["rollback"]).exits(4).saying("Is nobody on call?");
    scene.run("alice", &["confirm", "first"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.status()["state"], "rolled back");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

/// What the anchor proved when it was asked for does not hold any more: nothing begins.
#[test]
fn an_anchor_is_read_again_right_before_the_first_change() {
    let text = book().replacen(
        "with = { UserName = \"traveller\" }\nundo = \"usual\"",
        "with = { UserName = \"traveller\" }\napprovals = [{ role = \"security\" }]\nundo = \"usual\"",
        1,
    );
    assert_ne!(text, book());
    let text = text.replacen("absent_if = \"NoSuchEntity\" }]", "absent_if = \"NoSuchEntity\" }]\nprove = [{ action = \"iam:GetUser\", with = { UserName = \"traveller\" }, expect_error = \"NoSuchEntity\" }]", 1);
    let scene = Scene::new(&text, &world(""), &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "first/user"]).exits(0);
    // Somebody else makes the user: a second run of the same runbook, in another journal.
    let mut other = scene.seat_command("alice", &["run", BOOK]);
    other.env("COUNTERSIGN_JOURNAL", scene.path("other.db"));
    scene::finish(other).exits(4);
    let mut agree = scene.command("bob", &["approve", "first/user"]);
    agree.env("COUNTERSIGN_JOURNAL", scene.path("other.db"));
    scene::finish(agree).exits(0);
    let mut go_on = scene.seat_command("alice", &["resume"]);
    go_on.env("COUNTERSIGN_JOURNAL", scene.path("other.db"));
    scene::finish(go_on).exits(4);
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
    scene.resume("alice").exits(7).saying("the anchor `No user` does not hold");
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
    assert_eq!(scene.entries("anchor_refused").len(), 1);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

// --- points of no return ---

fn no_return() -> String {
    let text = book().replace(
        "fields = [{ name = \"well\", type = \"boolean\", text = \"Is all well?\", example = true }]",
        "fields = [{ name = \"well\", type = \"boolean\", text = \"Is all well?\", example = true }]\n\
         [[stages]]\nid = \"end\"\nperformer = \"admin\"\nsession = \"management\"\n\
         [stages.anchor]\ncapture = [{ id = \"tags\", action = \"organizations:ListTagsForResource\", with = { ResourceId = \"333344445555\" } }]\n\
         [[stages.steps]]\nid = \"gone\"\naction = \"organizations:TagResource\"\nwith = { ResourceId = \"333344445555\", Tags = [{ Key = \"end\", Value = \"yes\" }] }\n\
         point_of_no_return = \"nobody makes the same user again\"",
    );
    text.replace(
        "security = { title",
        "owner = { title = \"Owner\", party = \"customer\" }\nbilling = { title = \"Billing\", party = \"partner\" }\nsecurity = { title",
    )
}

/// By default every role of the other parties agrees, and its name is typed; it is named wherever it is met.
#[test]
fn a_point_of_no_return_is_agreed_to_by_the_other_parties() {
    let mut all = people();
    all.push(who("erin", "customer", &["owner"]));
    all.push(who("bill", "partner", &["billing"]));
    let scene = Scene::new(&no_return(), &world(""), &all);
    let said = scene.run("alice", &["plan", BOOK]).exits(0);
    for words in ["agrees erin example (owner)", "agrees bob example or dora example (security)", "by typing end/gone"]
    {
        let said = said.clone();
        said.saying(words);
    }
    assert!(!said.stdout.contains("agrees bill"), "{}", said.stdout);
    scene.open("alice").exits(4);
    for item in ["second:111122223333/move", "second:222233334444/move"] {
        scene.run("bob", &["approve", item]).exits(0);
    }
    scene.resume("alice").exits(4);
    scene.run("alice", &["answer", "third/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(4).saying("POINT OF NO RETURN: organizations:TagResource");
    scene.run("nobody", &["status"]).exits(0).saying("end/gone pending POINT OF NO RETURN");
    scene.run("bill", &["approve", "end/gone", "--yes"]).exits(7);
    scene.run("bob", &["approve", "end/gone"]).exits(0);
    scene.resume("alice").exits(4).saying("erin");
    scene.run("erin", &["approve", "end/gone"]).exits(0);
    scene.resume("alice").exits(4).saying("countersign confirm end/gone --as alice --typed end/gone");
    scene.run("alice", &["confirm", "end/gone"]).exits(7).saying("CS7010");
    scene.run("alice", &["confirm", "end/gone", "--typed", "end/gone"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    also_in_python(&scene, "CLOSED");
}

/// Behind it there is no way back, and that is said with the nearest that there is.
#[test]
fn behind_a_point_of_no_return_there_is_no_way() {
    let text = no_return()
        .replace("point_of_no_return = \"nobody makes", "approvals = []\npoint_of_no_return = \"nobody makes")
        + "\n[[stages.steps]]\nid = \"after\"\nkind = \"ask\"\nfields = [{ name = \"ok\", type = \"boolean\", text = \"Ok?\", example = true }]\n";
    let scene = there(&text, "");
    scene.run("alice", &["check", BOOK]).exits(0).saying("CS0330");
    scene.run("alice", &["answer", "third/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["confirm", "end/gone", "--typed", "end/gone"]).exits(0);
    scene.resume("alice").exits(4).saying("end/after");
    let said = scene.seat("alice", &["rollback"]).exits(7);
    said.saying("end/gone is past a point of no return: nobody makes the same user again").saying("no repair of it");
    scene.run("nobody", &["status"]).exits(0).saying("nothing of it can be taken back");
    scene
        .seat("alice", &["rollback", "--repair", "end/gone"])
        .exits(7)
        .saying("the runbook has no repair of `end/gone`");
}

// --- repairs ---

const GONE: &str = "end/gone";

/// With a repair of the point of no return: an operation, and somebody who is told.
fn with_repair() -> String {
    no_return()
        + "\n[[stages.steps.repair]]\nid = \"mark\"\naction = \"organizations:TagResource\"\n\
           with = { ResourceId = \"333344445555\", Tags = [{ Key = \"end\", Value = \"made good\" }] }\n\
           [[stages.steps.repair]]\nid = \"tell\"\nkind = \"manual\"\nmutates = false\ninstructions = \"Tell them.\"\n\
           [[stages.steps]]\nid = \"after\"\nkind = \"ask\"\nfields = [{ name = \"ok\", type = \"boolean\", text = \"Ok?\", example = true }]\n"
}

fn with_owner() -> Vec<Who<'static>> {
    people().into_iter().chain([who("erin", "customer", &["owner"])]).collect()
}

/// As far as the point of no return: agreed to, and typed; its operation begins with the next `resume`.
fn before_the_end(more: &str) -> Scene {
    let scene = Scene::new(&with_repair(), &world(more), &with_owner());
    scene.open("alice").exits(4);
    for item in ["second:111122223333/move", "second:222233334444/move"] {
        scene.run("bob", &["approve", item]).exits(0);
    }
    scene.resume("alice").exits(4);
    scene.run("alice", &["answer", "third/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(4);
    agreed(&scene, GONE);
    scene.run("alice", &["confirm", GONE, "--typed", GONE]).exits(0);
    scene
}

fn agreed(scene: &Scene, step: &str) {
    scene.run("bob", &["approve", step]).exits(0);
    scene.run("erin", &["approve", step]).exits(0);
    scene.resume("alice").exits(4);
}

/// The repair of the point of no return, from its first request to its end.
fn repaired(scene: &Scene, changes: &[&str]) {
    let before = scene.effects().len();
    let said = scene.seat("alice", &["rollback", "--repair", GONE]).exits(4);
    said.saying("repair of end/gone").saying("countersign approve end/gone/repair/mark");
    assert_eq!(scene.effects().len(), before, "nothing is done before others agree");
    scene.run("nobody", &["status"]).exits(0).saying("repair: end/gone/repair/mark pending");
    assert_eq!((&scene.status()["repair"], &scene.status()["state"]), (&json!(GONE), &json!("waiting")));
    scene.seat("alice", &["rollback", "--to", "end"]).exits(7).saying("a repair of end/gone is under way");
    scene.run("alice", &["approve", "end/gone/repair/mark"]).exits(7);
    agreed(scene, "end/gone/repair/mark");
    assert_eq!(scene.effects()[before..], *changes);
    scene.run("alice", &["answer", "end/gone/repair/tell"]).exits(0);
    scene.resume("alice").exits(4).saying("end/gone is repaired; `resume` goes forward from there");
    scene.run("nobody", &["status"]).exits(0).saying("end/gone is repaired");
    assert_eq!(scene.status()["repair"], Value::Null);
}

/// What can't be taken back is made good: asked for, agreed to, journaled; then the run goes on.
#[test]
fn a_point_of_no_return_is_repaired() {
    let scene = before_the_end("");
    scene.run("alice", &["plan", BOOK]).exits(0).saying("repair: mark (organizations:TagResource");
    scene.seat("alice", &["rollback", "--repair", GONE]).exits(7).saying("end/gone has not been passed");
    scene.resume("alice").exits(4).saying("end/after");
    let said = scene.seat("alice", &["rollback"]).exits(7).saying("nobody makes the same user again");
    said.saying("its repair: countersign rollback --repair end/gone");
    scene.run("nobody", &["status"]).exits(0).saying("countersign rollback --repair end/gone");
    let shown = scene.run("nobody", &["rollback", "--repair", GONE, "--dry-run"]).exits(0);
    shown.saying("1. end/gone/repair/mark: organizations:TagResource").saying("2. end/gone/repair/tell");
    let json = scene.run("nobody", &["rollback", "--repair", GONE, "--plan", "--format", "json"]).exits(0).json();
    assert_eq!((&json["repair"], &json["requests"]), (&json!(true), &json!(1)));
    repaired(&scene, &["organizations:TagResource"]);
    scene.seat("alice", &["rollback"]).exits(7).saying("it was repaired");
    scene.resume("alice").exits(4).saying("end/after");
    scene.run("alice", &["answer", "end/after", "--set", "ok=true"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    also_in_python(&scene, "CLOSED");
    scene.run("nobody", &["log"]).exits(0).saying("repair of end/gone: 2 operations");
    scene
        .run("nobody", &["report", "--format", "markdown"])
        .exits(0)
        .saying("repair of end/gone")
        .saying("every step of it is done");
}

/// AWS denies it; it is repaired, and then tried again, or the run is abandoned.
#[test]
fn a_point_of_no_return_that_failed_is_repaired_and_tried_again() {
    let denied = "\n[[faults]]\non = \"organizations:TagResource\"\nkind = \"access_denied\"\nnth = 1\n";
    let scene = before_the_end(denied);
    scene.resume("alice").exits(1).saying("AccessDenied").saying("or make it good: countersign rollback");
    repaired(&scene, &["organizations:TagResource"]);
    // Once more, which is another attempt; the tag is there already.
    repaired(&scene, &[]);
    scene.resume("alice").exits(4).saying("countersign approve end/gone");
    agreed(&scene, GONE);
    scene.run("alice", &["confirm", GONE, "--typed", GONE]).exits(0);
    // The repair changed what the anchor captures: what was agreed to was shown with the old picture.
    scene.resume("alice").exits(4).saying("what was captured has changed");
    agreed(&scene, GONE);
    scene.run("alice", &["confirm", GONE, "--typed", GONE]).exits(0);
    scene.resume("alice").exits(4).saying("end/after");
    scene.run("alice", &["abandon", "--yes", "--reason", "enough"]).exits(0);
    assert_eq!(scene.status()["state"], "abandoned");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    also_in_python(&scene, "CLOSED");
}
