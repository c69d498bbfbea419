//! What is refused, through the real binary: each with its exit code and its words, and nothing done.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use countersign::sshsig::KeyKind;
use scene::{BOOK, JOURNAL, Scene, Who, await_that, shipped, who, with_key};
use std::process::Stdio;

/// One user is made, agreed to by two roles, confirmed by typing its name; then an answer by hand.
const GUARDED: &str = r#"schema = 1
[runbook]
name = "guarded"
title = "Make one user"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
holder = { title = "Holder of the device", party = "customer", proof = "user_verified" }
[separation]
apart = [["admin", "security"]]
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "make"
performer = "admin"
session = "management"
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "new" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "new" }
confirm = { text = "Make it?", typed = "new" }
approvals = [{ role = "security" }, { role = "holder" }]
undo = "usual"
[[stages.steps]]
id = "other"
action = "iam:CreateUser"
with = { UserName = "other" }
approvals = [{ role = "security" }]
undo = "usual"
[[stages.steps]]
id = "well"
kind = "ask"
performer = "security"
fields = [{ name = "well", type = "boolean", text = "Is all well?" }]
"#;

fn world() -> String {
    shipped("tests/fixtures/kinds/worlds/kinds.toml")
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

/// A run that waits for bob and carol.
fn waiting() -> Scene {
    let scene = Scene::new(GUARDED, &world(), &people());
    scene.open("alice").exits(4);
    scene
}

/// Nothing changed in the simulated AWS, and the journal is as it was.
#[track_caller]
fn nothing_happened(scene: &Scene) {
    assert_eq!(scene.effects(), Vec::<String>::new());
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
}

// --- approvals ---

#[test]
fn nobody_approves_what_they_perform() {
    let text = GUARDED.replace("apart = [[\"admin\", \"security\"]]", "apart = []");
    let mut people = people();
    people[0] = who("alice", "customer", &["admin", "security"]);
    people.push(who("zoe", "partner", &["nothing"]));
    let text = text.replace("party = \"partner\"", "party = \"customer\"");
    let scene = Scene::new(&text, &world(), &people);
    scene.open("alice").exits(4);
    let before = scene.log().len();
    scene.run("alice", &["approve", "make/user"]).exits(7).saying("nobody approves what they perform");
    assert_eq!(scene.log().len(), before);
    nothing_happened(&scene);
}

#[test]
fn two_roles_of_one_person_fill_one_slot() {
    let mut people = people();
    people[1] = with_key("bob", "customer", &["security", "holder"], 5);
    let scene = Scene::new(GUARDED, &world(), &people);
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("bob has decided on this request already");
    scene.resume("alice").exits(4).saying("carol");
    assert_eq!(scene.waits()[0], "approval carol");
    nothing_happened(&scene);
}

#[test]
fn roles_apart_are_different_people() {
    let mut people = people();
    people[1] = who("bob", "customer", &["security", "holder"]);
    let text = GUARDED.replace("[[\"admin\", \"security\"]]", "[[\"holder\", \"security\"]]");
    let scene = Scene::unsigned(&text, &world(), &people);
    let said = scene.run("alice", &["check", BOOK, "--people", "runbooks/people.toml"]);
    said.exits(3).saying("CS0403").saying("`bob` holds holder and security, which must be held by different people");
    scene.open("alice").exits(3).saying("CS0403");
    assert!(!scene.path(JOURNAL).exists());
}

#[test]
fn a_role_that_is_not_asked_for_does_not_count() {
    let mut people = people();
    people.push(who("dan", "customer", &["cleaner"]));
    let text = GUARDED.replace("[separation]", "cleaner = { title = \"Cleaner\", party = \"customer\" }\n[separation]");
    let scene = Scene::new(&text, &world(), &people);
    scene.open("alice").exits(4);
    scene.run("dan", &["approve", "make/user"]).exits(7).saying("the role cleaner is not asked for here");
    nothing_happened(&scene);
}

#[test]
fn a_person_that_nobody_knows_is_refused() {
    let scene = waiting();
    std::fs::create_dir_all(scene.path("eve/home")).unwrap();
    scene.key("eve/key", KeyKind::Ed25519, 5);
    scene.run("eve", &["approve", "make/user"]).exits(7).saying("eve is not in the people file");
    scene.run("eve", &["deny", "make/user"]).exits(7);
    scene.run("eve", &["confirm", "make/user", "--typed", "new"]).exits(7);
    scene.run("eve", &["note", "hello"]).exits(7);
    scene.write("eve/credentials", "");
    scene.resume("eve").exits(7).saying("eve is not in the people file");
    nothing_happened(&scene);
}

#[test]
fn a_key_that_is_not_the_persons_does_not_sign() {
    let scene = waiting();
    scene.key("bob/key", KeyKind::Ed25519, 5);
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("bob");
    scene.key("alice/key", KeyKind::Ed25519, 5);
    scene.resume("alice").exits(7);
    nothing_happened(&scene);
}

#[test]
fn touch_and_pin_are_both_needed() {
    for (flags, words) in [(0, "neither touch nor PIN"), (1, "touch, but no PIN"), (4, "PIN, but no touch")] {
        let mut people = people();
        people[2] = with_key("carol", "customer", &["holder"], flags);
        let scene = Scene::new(GUARDED, &world(), &people);
        scene.open("alice").exits(4);
        let said = scene.run("carol", &["approve", "make/user"]).exits(7);
        said.saying("the role holder needs a security key with touch and PIN").saying(words);
        nothing_happened(&scene);
    }
}

#[test]
fn a_plain_key_is_no_security_key() {
    let mut people = people();
    people[2] = who("carol", "customer", &["holder"]);
    let scene = Scene::unsigned(GUARDED, &world(), &people);
    scene.open("alice").exits(3).saying("CS0402").saying("security key");
}

#[test]
fn what_came_too_late_does_not_count() {
    let text = GUARDED.replace(
        "[{ role = \"security\" }, { role = \"holder\" }]",
        "[{ role = \"security\", within = \"1s\" }, { role = \"holder\" }]",
    );
    let scene = Scene::new(&text, &world(), &people());
    scene.open("alice").exits(4);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("refused");
    scene.resume("alice").exits(4);
    let ended = scene.entries("request_ended");
    assert_eq!(ended[0]["why"], "expired");
    nothing_happened(&scene);
}

#[test]
fn a_denial_ends_the_request() {
    let scene = waiting();
    scene.run("carol", &["deny", "make/user", "--reason", "not today"]).exits(0);
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("no open request covers");
    scene.run("carol", &["deny", "make/user"]).exits(7);
    nothing_happened(&scene);
}

#[test]
fn an_approval_is_for_its_step_alone() {
    let scene = waiting();
    scene.run("bob", &["approve", "make/other", "-o", "other.answer"]).exits(0);
    scene.run("bob", &["approve", "make/user", "-o", "user.answer"]).exits(0);
    // A signature moved under another statement.
    let (one, two) = (scene.read("other.answer"), scene.read("user.answer"));
    let signature = |text: &str| -> serde_json::Value {
        let line = text.lines().nth(1).unwrap();
        serde_json::from_str::<serde_json::Value>(line).unwrap()["signature"].clone()
    };
    let swapped =
        two.replace(signature(&two).to_string().trim_matches('"'), signature(&one).to_string().trim_matches('"'));
    assert_ne!(swapped, two);
    scene.write("swapped.answer", &swapped);
    scene.run("alice", &["import", "swapped.answer"]).exits(7).saying("refused");
    // A statement whose words were changed.
    scene.write("changed.answer", &one.replace("covers: make/other", "covers: make/user"));
    assert_ne!(scene.read("changed.answer"), one);
    scene.run("alice", &["import", "changed.answer"]).exits(7);
    nothing_happened(&scene);
    // The real one is for make/other only.
    scene.run("alice", &["import", "other.answer"]).exits(0);
    scene.resume("alice").exits(4).saying("make/user");
    nothing_happened(&scene);
}

#[test]
fn an_answer_file_is_taken_in_once() {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user", "-o", "bob.answer"]).exits(0);
    scene.run("alice", &["import", "bob.answer"]).exits(0);
    let before = scene.log().len();
    scene.run("alice", &["import", "bob.answer"]).exits(7).saying("used before");
    assert_eq!(scene.log().len(), before);
    nothing_happened(&scene);
}

#[test]
fn an_approval_of_another_run_does_not_count() {
    let scene = waiting();
    let first = scene.status()["run"].as_str().unwrap().to_owned();
    scene.run("bob", &["approve", "make/user", "-o", "first.answer"]).exits(0);
    scene.open("alice").exits(4);
    let runs = scene.run("alice", &["runs", "--format", "json"]).exits(0).stdout;
    let second = runs
        .split('"')
        .find(|word| word.len() == first.len() && *word != first && word.bytes().all(|b| b.is_ascii_hexdigit()))
        .unwrap()
        .to_owned();
    // The same words, sent to the other run.
    scene.write("moved.answer", &scene.read("first.answer").replacen(&first, &second, 1));
    scene.run("alice", &["import", "moved.answer"]).exits(7).saying("another run");
    let entries = scene.run("alice", &["log", &second, "--format", "json"]).exits(0).stdout;
    assert!(!entries.contains("\"kind\":\"approval\""));
}

#[test]
fn an_approval_of_an_earlier_request_does_not_count() {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user", "-o", "bob.answer"]).exits(0);
    scene.run("carol", &["deny", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["import", "bob.answer"]).exits(7).saying("the request is over");
    nothing_happened(&scene);
}

#[test]
fn an_approval_of_an_earlier_attempt_does_not_count() {
    // A user of that name is there already: the first attempt fails.
    let world = format!("{}\n[[faults]]\non = \"iam:CreateUser\"\nkind = \"access_denied\"\n", world());
    let scene = Scene::new(GUARDED, &world, &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/user", "-o", "bob.answer"]).exits(0);
    scene.run("alice", &["import", "bob.answer"]).exits(0);
    scene.run("carol", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["confirm", "make/user", "--typed", "new"]).exits(0);
    scene.resume("alice").exits(1);
    // The second attempt asks anew, and the old statement is spent.
    scene.resume("alice").exits(4).saying("to approve make/user");
    assert_eq!(scene.entries("asked").iter().filter(|asked| asked["covers"] == "make/user").count(), 2);
    scene.run("alice", &["import", "bob.answer"]).exits(7);
    assert!(scene.waits().contains(&"approval bob".to_owned()), "{:?}", scene.waits());
    nothing_happened(&scene);
}

#[test]
fn an_approval_for_one_item_is_not_for_the_next() {
    let text = GUARDED
        .replace("id = \"make\"\n", "id = \"make\"\nfor_each = [\"new\", \"old\"]\nkey = \"${item}\"\n")
        .replace("{ UserName = \"new\" }", "{ UserName = \"${item}\" }")
        .replace("{ UserName = \"other\" }", "{ UserName = \"${item}-2\" }");
    let scene = Scene::new(&text, &world(), &people());
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make:old/user", "-o", "old.answer"]).exits(0);
    scene.write("moved.answer", &scene.read("old.answer").replace("make:old/user", "make:new/user"));
    scene.run("alice", &["import", "moved.answer"]).exits(7);
    scene.run("alice", &["import", "old.answer"]).exits(0);
    scene.run("carol", &["approve", "make:new/user"]).exits(0);
    scene.resume("alice").exits(4);
    assert!(scene.waits().contains(&"approval bob".to_owned()), "{:?}", scene.waits());
    nothing_happened(&scene);
}

// --- confirmations and answers ---

/// Both agreed; alice is asked to confirm.
fn agreed() -> Scene {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user"]).exits(0);
    scene.run("carol", &["approve", "make/user"]).exits(0);
    scene.resume("alice").exits(4).saying("countersign confirm make/user --as alice");
    scene
}

#[test]
fn a_confirmation_is_the_performers_and_word_for_word() {
    let scene = agreed();
    scene.run("bob", &["confirm", "make/user", "--typed", "new"]).exits(7).saying("does not hold the role admin");
    scene.run("alice", &["confirm", "make/user"]).exits(7).saying("must be exactly what the step asks for");
    scene.run("alice", &["confirm", "make/user", "--typed", "New"]).exits(7);
    scene.run("alice", &["confirm", "make/other"]).exits(7).saying("asks for no confirmation now");
    scene.run("alice", &["confirm", "make/none"]).exits(2).saying("the runbook has no step make/none");
    scene.run("alice", &["confirm", "rubbish step"]).exits(2);
    nothing_happened(&scene);
    scene.run("alice", &["confirm", "make/user", "--typed", "new"]).exits(0);
    scene.run("alice", &["confirm", "make/user", "--typed", "new"]).exits(7).saying("asks for no confirmation now");
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
}

/// The run as far as its last question.
fn nearly_done() -> Scene {
    let scene = agreed();
    scene.run("alice", &["confirm", "make/user", "--typed", "new"]).exits(0);
    scene.run("bob", &["approve", "make/other"]).exits(0);
    scene.resume("alice").exits(4).saying("countersign answer make/well --as bob");
    scene
}

#[test]
fn an_answer_is_its_performers_and_fits() {
    let scene = nearly_done();
    scene
        .run("alice", &["answer", "make/well", "--set", "well=true"])
        .exits(7)
        .saying("does not hold the role security");
    scene.run("bob", &["answer", "make/well"]).exits(2).saying("the field `well` is missing");
    scene.run("bob", &["answer", "make/well", "--set", "well=maybe"]).exits(2).saying("no boolean");
    scene
        .run("bob", &["answer", "make/well", "--set", "bad=1", "--set", "well=true"])
        .exits(2)
        .saying("asks for no `bad`");
    scene.run("bob", &["answer", "make/user", "--set", "well=true"]).exits(7).saying("asks for no answer now");
    scene.run("bob", &["attach", "make/well", BOOK]).exits(7);
    scene.run("bob", &["go-on", "make"]).exits(2).saying("no stage `make` with a canary");
    scene.run("bob", &["settle", "done", "make/user"]).exits(7).saying("is not in doubt");
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    scene.run("bob", &["answer", "make/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn a_closed_run_takes_nothing_more() {
    let scene = nearly_done();
    scene.run("bob", &["answer", "make/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(0);
    scene.resume("alice").exits(7).saying("is closed");
    scene.seat("alice", &["rollback"]).exits(7);
    for words in [
        vec!["note", "late"],
        vec!["confirm", "make/user", "--typed", "new"],
        vec!["answer", "make/well", "--set", "well=true"],
        vec!["approve", "make/user"],
        vec!["deny", "make/user"],
        vec!["settle", "done", "make/user"],
    ] {
        scene.run("bob", &words).exits(7);
    }
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.entries("run_closed").len(), 1);
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:CreateUser"]);
}
