//! Small runbooks that use every kind of step: rehearsed, and the main ones played over HTTP by separate processes.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;

use scene::{BOOK, Said, Scene, Who, program, shipped, who, with_key};
use std::path::Path;
use std::process::Command;

const FOLDER: &str = "tests/fixtures/kinds";

/// Rehearses a runbook of the folder; its bundle is left in the temporary folder.
fn rehearse(name: &str) -> (Said, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let said = Command::new(program())
        .current_dir(folder.path())
        .env_clear()
        .arg("rehearse")
        .arg(root.join(FOLDER).join(name).with_extension("toml"))
        .arg("--world")
        .arg(root.join(FOLDER).join("worlds/kinds.toml"))
        .output()
        .unwrap();
    (Said::of(&said), folder)
}

#[track_caller]
fn plays(name: &str) -> Said {
    let (said, folder) = rehearse(name);
    let said = said.exits(0).saying("CLOSED").saying("rehearsed to the end");
    let bundle = scene::second::rehearsal_is_good(folder.path());
    let verify = Command::new(program()).env_clear().arg("verify").arg(bundle).output().unwrap();
    Said::of(&verify).exits(0).saying("CLOSED");
    said
}

#[test]
fn actions_reads_and_checks_are_rehearsed() {
    plays("iam").saying("3 effects");
}

#[test]
fn waits_are_rehearsed_on_a_virtual_clock() {
    plays("waits").saying("of simulated time");
}

#[test]
fn questions_are_rehearsed_with_examples() {
    plays("asks").saying("make: done");
}

#[test]
fn tasks_are_rehearsed() {
    plays("tasks").saying("alice attached evidence to payment:333344445555/card: screen");
}

#[test]
fn items_canary_and_requests_are_rehearsed() {
    plays("items").saying("said to go on with tag").saying("never: skipped").saying("11 effects");
}

#[test]
fn commands_are_rehearsed_with_the_worlds_answers() {
    plays("commands").saying("run/make: done");
}

#[test]
fn ways_back_are_rehearsed_forward() {
    plays("back");
}

fn book(name: &str) -> String {
    shipped(&format!("{FOLDER}/{name}.toml"))
}

fn world() -> String {
    shipped(&format!("{FOLDER}/worlds/kinds.toml"))
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("dora", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

fn stage(name: &str) -> Scene {
    Scene::new(&book(name), &world(), &people())
}

#[test]
fn a_break_glass_user_over_http() {
    let scene = stage("iam");
    scene.open("alice").exits(4).saying("countersign approve make/policy --as bob");
    scene.run("bob", &["approve", "make/policy"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateAccessKey"]);
    let secret = scene.read("alice/credentials");
    let secret = secret.split("[break-glass]").nth(1).unwrap().split("aws_secret_access_key = ").nth(1).unwrap();
    let secret = secret.lines().next().unwrap();
    assert!(secret.len() > 20);
    let bundle = scene.run("alice", &["export", "-o", "out.countersign"]).exits(0);
    assert!(!scene.read("out.countersign").contains(secret) && !bundle.stderr.contains(secret));
    assert!(!scene.read("sim.log").contains(secret));
}

#[test]
fn waits_outlive_the_program() {
    // A short pause is sat through; a longer one is left with exit 4 and taken up later.
    let soon = countersign::base::Time(now_ms() + 9_000).seconds();
    let text = book("waits").replace("2026-01-06T12:00:00Z", &soon).replace("for = \"3s\"", "for = \"40s\"");
    let scene = Scene::new(&text, &world(), &people());
    scene.open("alice").exits(4).saying("waiting at rest/a_while");
    assert_eq!(scene.waits(), ["time "]);
    let began = scene.entries("waited");
    scene.resume("alice").exits(4);
    assert_eq!(scene.entries("waited"), began, "a wait begins once");
    drop(scene);
    let text = text.replace("for = \"40s\"", "for = \"2s\"");
    let scene = Scene::new(&text, &world(), &people());
    let mut first = scene.seat_command("alice", &["run", BOOK, "--no-wait"]);
    let said = scene::finish(std::mem::replace(&mut first, Command::new("true")));
    said.exits(4).saying("can run: countersign resume");
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
    let ends: Vec<bool> = scene.entries("waited").iter().map(|one| one["began"] == true).collect();
    assert_eq!(ends.iter().filter(|began| **began).count(), 4);
    assert_eq!(ends.len(), 8);
}

fn now_ms() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

const ANSWERS: [&str; 16] = [
    "text=customer",
    "number=7",
    "flag=true",
    "account=111122223333",
    "organization=o-kinds11111",
    "root=r-kind",
    "unit=ou-kind-11111111",
    "policy=p-FullAWSAccess",
    "handshake=h-12345678",
    "arn=arn:aws:iam::aws:policy/ReadOnlyAccess",
    "email=root@customer.example",
    "role=Mover",
    "user=asked-for",
    "pause=2s",
    "time=2026-01-01T00:00:00Z",
    "color=green",
];

fn answered(replace: Option<(&str, &str)>) -> Vec<String> {
    let mut words = vec!["answer".to_owned(), "questions/all".to_owned()];
    for given in ANSWERS {
        let (name, value) = given.split_once('=').unwrap();
        let value = replace.filter(|(other, _)| *other == name).map_or(value, |(_, value)| value);
        words.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    words
}

#[test]
fn questions_take_values_of_their_types_only() {
    let scene = stage("asks");
    scene.open("bob").exits(4).saying("countersign answer questions/all --as bob");
    let wrong = [
        ("number", "seven"),
        ("flag", "perhaps"),
        ("account", "12"),
        ("organization", "x"),
        ("root", "x"),
        ("unit", "x"),
        ("policy", "x"),
        ("handshake", "x"),
        ("arn", "x"),
        ("email", "x"),
        ("role", "no role"),
        ("user", "no user!"),
        ("pause", "soon"),
        ("time", "tomorrow"),
        ("color", "blue"),
    ];
    for (name, value) in wrong {
        let words = answered(Some((name, value)));
        let said = scene.run("bob", &words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(said.status, 2, "{name}={value}: {said:?}");
    }
    let words = answered(None);
    scene.run("bob", &words.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
    scene.resume("bob").exits(4);
    scene.resume("alice").exits(4).saying("countersign approve use/make");
    scene.run("dora", &["approve", "use/make"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
}

#[test]
fn tasks_over_http() {
    let scene = stage("tasks");
    let place = "payment:333344445555";
    // The anchor is proved by hand, off a terminal.
    scene.open("bob").exits(4).saying(&format!("countersign confirm {place} --as bob"));
    scene.run("alice", &["confirm", place]).exits(7);
    scene.run("bob", &["confirm", place]).exits(0);
    scene.resume("bob").exits(4).saying(&format!("countersign answer {place}/look --as bob"));
    scene.run("bob", &["answer", &format!("{place}/look"), "--set", "open=two"]).exits(2);
    scene.run("bob", &["answer", &format!("{place}/look"), "--set", "open=2"]).exits(0);
    scene.resume("bob").exits(4);
    let card = format!("{place}/card");
    scene.run("dora", &["approve", &card]).exits(7);
    scene.run("carol", &["approve", &card]).exits(0);
    scene.resume("bob").exits(4).saying(&format!("countersign confirm {card} --as bob"));
    scene.run("bob", &["confirm", &card]).exits(0);
    // Before it begins the anchor is read again.
    scene.resume("bob").exits(4).saying(&format!("countersign confirm {place} --as bob"));
    scene.run("bob", &["confirm", place]).exits(0);
    scene.resume("bob").exits(4).saying(&format!("countersign answer {card}"));
    scene.run("carol", &["answer", &card]).exits(7);
    scene.run("bob", &["answer", &card, "--set", "last_digits=1234"]).exits(0);
    scene.resume("bob").exits(4).saying("alice");
    scene.write("screen.txt", "a picture in words");
    scene.run("bob", &["attach", &card, "screen.txt"]).exits(7).saying("does not hold the role admin");
    scene.run("alice", &["attach", &card, "screen.txt"]).exits(0);
    scene.run("alice", &["answer", &card]).exits(0);
    scene.resume("bob").exits(4);
    assert_eq!(scene.state_of("payment", Some("333344445555"), "card"), "done");
    // A point of no return that names no approvers is approved by the other party.
    scene.run("alice", &["approve", &format!("{place}/alone")]).exits(0);
    scene.resume("bob").exits(4);
    // Something was approved since: the anchor that is proved by hand is looked at once more.
    scene.run("bob", &["confirm", place]);
    scene.resume("bob").exits(4);
    scene.run("bob", &["answer", &format!("{place}/alone")]).exits(0);
    scene.resume("bob").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert!(scene.keeps("I typed the password") && scene.keeps("I typed the number"));
    assert!(scene.keeps("screen.txt") && scene.keeps("1234"));
}

/// Two people sign within the time that the runbook gives them, however late the seat looks.
#[test]
fn two_people_sign_together() {
    let text = r#"schema = 1
[runbook]
name = "together"
title = "Together"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
[[stages]]
id = "one"
performer = "security"
[[stages.steps]]
id = "both"
kind = "manual"
mutates = false
instructions = "Both at once."
performers = ["security", "admin"]
together = "2s"
evidence = [{ name = "digits", type = "integer", by = "admin" }]
"#;
    let scene = Scene::new(text, &world(), &people());
    let pause = || std::thread::sleep(std::time::Duration::from_millis(2_500));
    scene.open("bob").exits(4).saying("you sign: It is done.");
    scene.run("bob", &["answer", "one/both"]).exits(0);
    pause();
    scene.run("alice", &["answer", "one/both", "--set", "digits=12"]).exits(0);
    // Bob's word is too old by now.
    scene.resume("bob").exits(4).saying("countersign answer one/both --as bob");
    pause();
    scene.run("bob", &["answer", "one/both"]).exits(0);
    // And so is alice's: she says it again, at once.
    scene.resume("bob").exits(4).saying("countersign answer one/both --as alice");
    scene.run("bob", &["answer", "one/both"]).exits(0);
    scene.run("alice", &["answer", "one/both", "--set", "digits=34"]).exits(0);
    pause();
    scene.resume("bob").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert!(scene.keeps("34"));
}

#[test]
fn commands_over_http() {
    let scene = Scene::unsigned(&book("commands"), &world(), &people());
    scene.write("runbooks/files/tell.py", &shipped(&format!("{FOLDER}/files/tell.py")));
    scene.run("alice", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    scene.run("bob", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    scene.open("alice").exits(4).saying("countersign approve run/delete --as bob");
    // What was approved is run, whatever lies in the folder by now.
    scene.write("runbooks/files/tell.py", "raise SystemExit('not this one')\n");
    scene.run("bob", &["approve", "run/delete"]).exits(0);
    // A point of no return is confirmed by typing, also where the runbook does not say so.
    scene.run("alice", &["confirm", "run/delete", "--typed", "run/delete"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:DeleteUser"]);
    assert!(scene.keeps("[redacted]") && !scene.keeps("simulated-secret-of-the-management"));
}

/// At its time limit a command is stopped, with all that it started; a probe settles what became of it.
#[test]
fn a_command_at_its_time_limit() {
    let argv = r#"argv = ["python3", "./files/tell.py", "delete", "${steps.make.User.UserName}"]"#;
    let slow =
        r#"argv = ["sh", "-c", "(sleep 5; touch late) & python3 \"$0\" delete blue-17; sleep 60", "./files/tell.py"]"#;
    let text = book("commands").replace(argv, slow).replace("within = \"20s\"", "within = \"3s\"");
    let scene = Scene::unsigned(&text, &world(), &people());
    scene.write("runbooks/files/tell.py", &shipped(&format!("{FOLDER}/files/tell.py")));
    scene.run("alice", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    scene.run("bob", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "run/delete"]).exits(0);
    scene.run("alice", &["confirm", "run/delete", "--typed", "run/delete"]).exits(0);
    scene.resume("alice").exits(0);
    let outcomes = scene.entries("outcome");
    let last: Vec<&str> = outcomes.iter().rev().take(2).map(|one| one["result"].as_str().unwrap()).collect();
    assert_eq!(last, ["done", "in_doubt"]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(!scene.path("late").exists(), "what it had started went on");
    assert_eq!(scene.effects(), ["iam:CreateUser", "iam:DeleteUser"]);
}

#[test]
fn items_over_http() {
    let scene = stage("items");
    scene.open("alice").exits(4);
    // Two people of one role, an item at a time.
    scene.run("bob", &["approve", "tag:111122223333"]).exits(0);
    scene.run("bob", &["approve", "tag:111122223333"]).exits(7);
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects(), Vec::<String>::new());
    scene.run("dora", &["approve", "tag:111122223333"]).exits(0);
    for item in ["222233334444", "333344445555"] {
        for person in ["bob", "dora"] {
            scene.run(person, &["approve", &format!("tag:{item}")]).exits(0);
        }
    }
    // The canary alone, then its performer's word.
    scene.resume("alice").exits(4).saying("countersign go-on tag --as alice");
    assert_eq!(scene.effects().len(), 2);
    scene.run("bob", &["go-on", "tag"]).exits(7);
    scene.run("alice", &["go-on", "tag"]).exits(0);
    scene.resume("alice").exits(4).saying("countersign approve users --as");
    assert_eq!(scene.effects().len(), 5);
    // Who opened the run may approve nothing.
    scene.run("alice", &["approve", "users"]).exits(7);
    scene.run("dora", &["approve", "users"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
    assert_eq!(scene.effects().len(), 11);
}

/// A user that is there already is taken over where the runbook says so, and is a failure elsewhere.
#[test]
fn what_is_there_already() {
    for (accept, status) in [(true, 0), (false, 1)] {
        let text = book("iam")
            .replace("undo = \"usual\"\n[[stages.steps.verify]]", &format!("undo = \"usual\"\naccept_existing = {accept}\n[[stages.steps.verify]]"))
            .replace("expect_error = \"NoSuchEntity\" }]", "expect = \"User.UserName == 'admin'\" }]")
            .replace("default = \"break-glass\"", "default = \"admin\"")
            .replace("[[stages.steps]]\nid = \"absent\"\nkind = \"check\"\naction = \"iam:GetUser\"\nwith = { UserName = \"${parameters.user}\" }\nexpect_error = \"NoSuchEntity\"\n", "")
            .replace("approvals = [{ role = \"security\" }]\n", "")
            .replace("length(AccessKeyMetadata) == `1` && AccessKeyMetadata[0].AccessKeyId == ${steps.key.AccessKey.AccessKeyId}", "contains(AccessKeyMetadata[].AccessKeyId, ${steps.key.AccessKey.AccessKeyId})")
            .replace("${steps.look.AttachedPolicies[0].PolicyName} == 'ReadOnlyAccess'", "${length(steps.look.AttachedPolicies)} > `0`");
        let scene = Scene::new(&text, &world(), &people());
        let said = scene.open("alice");
        assert_eq!(said.status, status, "{said:?}");
        if accept {
            assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
            assert_eq!(scene.effects(), ["iam:AttachUserPolicy", "iam:CreateAccessKey"]);
        } else {
            assert_eq!(scene.effects(), Vec::<String>::new());
        }
    }
}

/// A role of any party: two of its people, of two parties, must agree.
#[test]
fn people_of_two_parties() {
    let text = book("iam")
        .replace("[sessions]", "either = { title = \"Either side\" }\n[sessions]")
        .replace("{ role = \"security\" }", "{ role = \"either\", count = 2, from_parties = 2 }");
    let mut people = people();
    people[1] = who("bob", "customer", &["either"]);
    people[2] = who("dora", "customer", &["either", "security"]);
    people.push(who("pat", "partner", &["either"]));
    let scene = Scene::new(&text, &world(), &people);
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "make/policy"]).exits(0);
    scene.run("dora", &["approve", "make/policy"]).exits(0);
    scene.resume("alice").exits(4).saying("pat");
    scene.run("pat", &["approve", "make/policy"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

/// As far as its last question, everything done.
fn there() -> Scene {
    let scene = stage("back");
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "second:111122223333/move"]).exits(0);
    scene.run("bob", &["approve", "second:222233334444/move"]).exits(0);
    scene.resume("alice").exits(4).saying("countersign answer third/well");
    assert_eq!(scene.effects().len(), 3);
    scene
}

#[test]
fn back_to_the_beginning() {
    let scene = there();
    let said = scene.seat("alice", &["rollback"]).exits(4);
    said.saying("second:222233334444/move/undo/mark").saying("first/user/undo/delete");
    // Undo lists are approved too, one for each item's step.
    for item in ["222233334444", "111122223333"] {
        scene.run("dora", &["approve", &format!("second:{item}/move/undo/mark")]).exits(0);
        let said = scene.resume("alice");
        assert!(matches!(said.status, 0 | 4), "{said:?}");
    }
    let effects = scene.effects();
    let undo = ["organizations:TagResource", "organizations:MoveAccount", "organizations:UntagResource"];
    let whole: Vec<&str> = undo.iter().chain(&undo).copied().chain(["iam:DeleteUser"]).collect();
    assert_eq!(effects[3..], whole[..], "{effects:?}");
    assert_eq!(scene.status()["state"], "rolled back");
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn back_to_an_anchor_and_forward_again() {
    let scene = there();
    scene.seat("alice", &["rollback", "--to", "second:222233334444"]).exits(4);
    scene.run("bob", &["approve", "second:222233334444/move/undo/mark"]).exits(0);
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects().len(), 6);
    assert_eq!(scene.state_of("second", Some("222233334444"), "move"), "undone");
    // Forward again: another attempt, another approval.
    scene.resume("alice").exits(4).saying("countersign approve second:222233334444/move");
    scene.run("bob", &["approve", "second:222233334444/move"]).exits(0);
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects().len(), 7);
    scene.run("alice", &["answer", "third/well", "--set", "well=true"]).exits(0);
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}
