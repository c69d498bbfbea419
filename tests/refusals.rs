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
    scene.run("alice", &["approve", "make/user"]).exits(7).saying("CS7005").saying("nobody approves what they perform");
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
    scene
        .run("bob", &["approve", "make/user"])
        .exits(7)
        .saying("CS7005")
        .saying("bob has decided on this request already");
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
    scene
        .run("dan", &["approve", "make/user"])
        .exits(7)
        .saying("CS7005")
        .saying("the role cleaner is not asked for here");
    nothing_happened(&scene);
}

#[test]
fn a_person_that_nobody_knows_is_refused() {
    let scene = waiting();
    std::fs::create_dir_all(scene.path("eve/home")).unwrap();
    scene.key("eve/key", KeyKind::Ed25519, 5);
    scene.run("eve", &["approve", "make/user"]).exits(7).saying("CS7003").saying("eve is not in the people file");
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
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("CS7001").saying("is nobody's in the people file");
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
        said.saying("CS7005").saying("the role holder needs a security key with touch and PIN").saying(words);
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
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("CS7005").saying("refused");
    scene.resume("alice").exits(4);
    let ended = scene.entries("request_ended");
    assert_eq!(ended[0]["why"], "expired");
    nothing_happened(&scene);
}

#[test]
fn a_denial_ends_the_request() {
    let scene = waiting();
    scene.run("carol", &["deny", "make/user", "--reason", "not today"]).exits(0);
    scene.run("bob", &["approve", "make/user"]).exits(7).saying("CS7002").saying("no open request covers");
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
    scene.run("alice", &["import", "swapped.answer"]).exits(7).saying("CS7006").saying("the signature");
    // A statement whose words were changed.
    scene.write("changed.answer", &one.replace("covers: make/other", "covers: make/user"));
    assert_ne!(scene.read("changed.answer"), one);
    scene
        .run("alice", &["import", "changed.answer"])
        .exits(7)
        .saying("CS7006")
        .saying("the signature does not fit the text");
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
    scene.run("alice", &["import", "bob.answer"]).exits(7).saying("CS7005").saying("used before");
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
    scene.run("alice", &["import", "moved.answer"]).exits(7).saying("CS7006").saying("another run");
    let entries = scene.run("alice", &["log", &second, "--format", "json"]).exits(0).stdout;
    assert!(!entries.contains("\"kind\":\"approval\""));
}

#[test]
fn an_approval_of_an_earlier_request_does_not_count() {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user", "-o", "bob.answer"]).exits(0);
    scene.run("carol", &["deny", "make/user"]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["import", "bob.answer"]).exits(7).saying("CS7005").saying("the request is over");
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
    scene.run("alice", &["import", "bob.answer"]).exits(7).saying("CS7005").saying("used before");
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
    scene
        .run("alice", &["import", "moved.answer"])
        .exits(7)
        .saying("CS7006")
        .saying("the signature does not fit the text");
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

/// A word of a performer, brought a second time, or by somebody else, or about nothing.
#[test]
fn a_performers_word_counts_once_and_where_it_belongs() {
    let scene = agreed();
    scene.run("alice", &["confirm", "make/user", "--typed", "new"]).exits(0);
    let said = scene.entries("said").pop().unwrap();
    let run = scene.status()["run"].as_str().unwrap().to_owned();
    let line = serde_json::json!({"key": said["key"], "signature": said["signature"], "statement": said["statement"]});
    scene.write("again.answer", &format!("{{\"answer\":1,\"run\":\"{run}\"}}\n{line}\n"));
    let before = scene.log().len();
    scene.run("alice", &["import", "again.answer"]).exits(7).saying("refused");
    assert_eq!(scene.log().len(), before);
    nothing_happened(&scene);
    scene.resume("alice").exits(4);
    assert_eq!(scene.effects(), ["iam:CreateUser"]);
}

#[test]
fn a_clock_that_is_ahead_is_refused() {
    let scene = waiting();
    // Bob's machine is five minutes ahead: he signs there, the file comes back here.
    let run = scene.status()["run"].as_str().unwrap().to_owned();
    scene.run("bob", &["approve", "make/user", "--print", "statement"]).exits(0);
    let text = scene.read("statement");
    let at = text.lines().find_map(|line| line.strip_prefix("signed-at: ")).unwrap();
    let ahead = countersign::base::Time::parse(at).unwrap().plus(300_000).seconds();
    let statement = text.replace(at, &ahead);
    assert_ne!(statement, text);
    let signed = signed(&scene, "bob", &statement);
    let line = serde_json::json!({"key": signed.1, "signature": signed.0, "statement": statement});
    scene.write("ahead.answer", &format!("{{\"answer\":1,\"run\":\"{run}\"}}\n{line}\n"));
    scene.run("alice", &["import", "ahead.answer"]).exits(7).saying("is over 2 minutes ahead");
    nothing_happened(&scene);
}

/// A signature by this person's key over an approval, made outside the program; and the key's line.
fn signed(scene: &Scene, person: &str, statement: &str) -> (String, String) {
    let path = scene.path(&format!("{person}/key"));
    let file = countersign::keys::file::KeyFile::read(&path, true, &mut |_| None).unwrap();
    let countersign::keys::file::KeyFile::Soft { key, flags } = file else { panic!("no private key") };
    (key.sign("approval-v1@countersign", statement.as_bytes(), flags), key.public().line)
}

// --- files that have changed, sessions, modes ---

#[test]
fn changed_files_are_not_resumed() {
    for (file, words) in [("runbooks/people.toml", "countersign people change"), (BOOK, "countersign amend")] {
        let scene = waiting();
        let text = scene.read(file);
        scene.write(file, &format!("{text}\n# a word more\n"));
        scene.resume("alice").exits(7).saying("CS7015").saying(words);
        scene.write(file, &text);
        scene.resume("alice").exits(4);
        nothing_happened(&scene);
    }
}

#[test]
fn a_people_file_needs_a_signature_of_each_party() {
    let scene = Scene::unsigned(GUARDED, &world(), &people());
    scene.open("alice").exits(7).saying("is not signed (as it is now) by anybody of: customer, partner");
    scene.run("alice", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    scene.open("alice").exits(7).saying("by anybody of: customer");
    scene.run("bob", &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
    // Signed, then changed.
    scene.write("runbooks/people.toml", &format!("{}\n", scene.read("runbooks/people.toml")));
    scene.open("alice").exits(7).saying("is not signed (as it is now)");
    assert!(!scene.path(JOURNAL).exists());
    assert!(scene.requests().is_empty());
}

#[test]
fn the_wrong_account_behind_a_profile_is_refused_before_anything_else() {
    let keys = "[[principals]]\nprofile = \"elsewhere\"\naccount = \"111122223333\"\nkind = \"user\"\nname = \"admin\"\n\
                access_key = \"AKIASIMULATEDKIND002\"\nsecret_key = \"simulated-secret-of-another-account-001\"\n";
    let scene = Scene::new(GUARDED, &format!("{}\n{keys}", world()), &people());
    let session = "management=profile:elsewhere";
    let said = scene.run("alice", &["run", BOOK, "--simulated", "--session", session]).exits(7);
    said.saying("111122223333").saying("111111111111");
    let asked: Vec<String> =
        scene.requests().iter().map(|line| line["operation"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(!asked.is_empty() && asked.iter().all(|name| name == "sts:GetCallerIdentity"), "{asked:?}");
    nothing_happened(&scene);
}

#[test]
fn the_wrong_kind_of_identity_is_refused() {
    let text = GUARDED.replace("kinds = [\"user\"]", "kinds = [\"role\"]");
    let scene = Scene::new(&text, &world(), &people());
    scene.open("alice").exits(7).saying("user").saying("role");
    let other = |line: &serde_json::Value| line["operation"] != "sts:GetCallerIdentity";
    assert!(!scene.requests().iter().any(other));
    nothing_happened(&scene);
}

#[test]
fn endpoints_and_mode_belong_together() {
    let scene = Scene::new(GUARDED, &world(), &people());
    // A live run at a simulator: before keys, journal or a single request.
    let said = scene.run("alice", &["run", BOOK, "--session", "management=profile:management"]).exits(7);
    said.saying("CS7013").saying("unset AWS_ENDPOINT_URL");
    assert!(!scene.path(JOURNAL).exists());
    // A simulated run at AWS.
    let mut command = scene.seat_command("alice", &["run", BOOK]);
    command.env_remove("AWS_ENDPOINT_URL");
    scene::finish(command).exits(7).saying("CS7013").saying("point AWS_ENDPOINT_URL at the simulator");
    assert!(!scene.path(JOURNAL).exists());
    assert!(scene.requests().is_empty());
    // And a simulated run is not resumed as a live one.
    scene.open("alice").exits(4);
    scene.run("alice", &["resume"]).exits(7).saying("is simulated");
    nothing_happened(&scene);
}

#[test]
fn what_check_finds_is_exit_3() {
    let cases = [
        (
            "undo = \"usual\"\n[[stages.steps]]\nid = \"other\"",
            "[[stages.steps]]\nid = \"other\"",
            "CS0301",
            "no way back",
        ),
        (
            "[stages.anchor]\nprove = [{ action = \"iam:GetUser\", with = { UserName = \"new\" }, expect_error = \"NoSuchEntity\" }]\n",
            "",
            "CS0302",
            "anchor",
        ),
        ("performer = \"admin\"", "performer = \"nobody\"", "CS02", "nobody"),
        ("\"iam:CreateUser\"", "\"iam:MakeUser\"", "CS0209", "there is no action"),
    ];
    for (old, new, code, words) in cases {
        let text = GUARDED.replacen(old, new, 1);
        assert_ne!(text, GUARDED);
        let scene = Scene::unsigned(&text, &world(), &people());
        scene.run("alice", &["check", BOOK]).exits(3).saying(code).saying(words);
        scene.open("alice").exits(3).saying(code);
        scene.run("alice", &["plan", BOOK]).exits(3);
        scene.run("alice", &["rehearse", BOOK]).exits(3);
        assert!(!scene.path(JOURNAL).exists() && scene.requests().is_empty());
    }
}

// --- one executor ---

/// A command that waits as long as the file `hold` is there, and writes down its process id.
const HOLDING: &str = r#"schema = 1
[runbook]
name = "holding"
title = "Hold the seat"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
[[stages]]
id = "hold"
performer = "admin"
[[stages.steps]]
id = "wait"
kind = "command"
argv = ["sh", "-c", "echo $$ > began; while [ -e hold ]; do sleep 0.05; done"]
mutates = false
"#;

#[test]
fn one_executor_at_a_time_and_a_child_keeps_the_seat() {
    let scene = Scene::new(HOLDING, &world(), &people());
    scene.write("hold", "");
    let mut first = scene.seat_command("alice", &["run", BOOK]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    scene::await_file(&scene.path("began"));
    scene.resume("alice").exits(8).saying("CS8002");
    scene.run("alice", &["note", "voices are heard meanwhile"]).exits(0);
    // The parent is killed; its child lives on, and keeps the seat.
    first.kill().unwrap();
    first.wait().unwrap();
    let pid = scene.read("began").trim().to_owned();
    scene.resume("alice").exits(8).saying("still running").saying(&format!("pid {pid}"));
    std::fs::remove_file(scene.path("hold")).unwrap();
    await_that("the child ends", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
    scene.resume("alice").exits(0);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

// --- journals that were changed ---

fn sql(scene: &Scene, statement: &str) {
    let base = rusqlite::Connection::open(scene.path(JOURNAL)).unwrap();
    base.execute_batch(statement).unwrap();
}

/// Every verb that would build on the journal refuses it.
#[track_caller]
fn forged(scene: &Scene) {
    scene.resume("alice").exits(6);
    for words in [
        vec!["approve", "make/user"],
        vec!["deny", "make/user"],
        vec!["confirm", "make/user", "--typed", "new"],
        vec!["note", "n"],
    ] {
        scene.run("bob", &words).exits(6);
    }
    scene.run("alice", &["status"]).exits(6);
}

#[test]
fn a_line_that_was_edited() {
    let scene = agreed();
    sql(&scene, r#"UPDATE entry SET line = replace(line, '"epoch":1', '"epoch":2') WHERE seq = 4"#);
    assert_eq!(scene.verdict(), ("INVALID".to_owned(), 6));
    forged(&scene);
    assert_eq!(scene.effects(), Vec::<String>::new());
}

#[test]
fn an_approval_that_was_put_in_the_place_of_another() {
    let scene = agreed();
    // Carol's signature under bob's statement, in the last line, so that no link of the chain breaks.
    let log = scene.log();
    let all: Vec<&serde_json::Value> = log.iter().filter(|entry| entry["kind"] == "approval").collect();
    let (bob, carol) = (&all[0]["data"], &all[1]["data"]);
    let (seq, from, to) = (&all[1]["seq"], carol["signature"].as_str().unwrap(), bob["signature"].as_str().unwrap());
    let quoted = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').replace('\'', "''");
    sql(&scene, &format!("DELETE FROM entry WHERE seq > {seq}"));
    sql(
        &scene,
        &format!("UPDATE entry SET line = replace(line, '{}', '{}') WHERE seq = {seq}", quoted(from), quoted(to)),
    );
    assert_eq!(scene.verdict(), ("INVALID".to_owned(), 6));
    forged(&scene);
}

#[test]
fn an_approval_that_was_taken_out() {
    let scene = agreed();
    let seq = scene.log().iter().find(|entry| entry["kind"] == "approval").unwrap()["seq"].clone();
    sql(&scene, &format!("DELETE FROM entry WHERE seq = {seq}"));
    sql(&scene, &format!("UPDATE entry SET seq = seq - 1 WHERE seq > {seq}"));
    assert_eq!(scene.verdict(), ("INVALID".to_owned(), 6));
    forged(&scene);
}

#[test]
fn an_object_that_was_changed() {
    let scene = agreed();
    sql(
        &scene,
        "UPDATE object SET bytes = CAST(replace(CAST(bytes AS TEXT), 'iam:CreateUser', 'iam:DeleteUser') AS BLOB)",
    );
    scene.run("bob", &["verify"]).exits(6);
    forged(&scene);
    assert_eq!(scene.effects(), Vec::<String>::new());
}

/// A shortened history is consistent in itself; who kept a later head sees that it was cut.
#[test]
fn an_end_that_was_cut_off() {
    let scene = agreed();
    // What bob's statement would name is the head that he keeps.
    scene.run("bob", &["approve", "make/other", "--print", "statement"]).exits(0);
    let text = scene.read("statement");
    let word = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let leaf = scene.status()["head"]["leaf"].clone();
    let (size, root): (u64, String) = (word("size: ").parse().unwrap(), word("root: "));
    let run = scene.status()["run"].clone();
    let held = serde_json::json!({"leaf": leaf, "root": root, "run": run, "size": size});
    scene.write("held.json", &held.to_string());
    scene.run("bob", &["verify", "--held", "held.json"]).exits(4);
    let seq = scene.log().iter().rposition(|entry| entry["kind"] == "approval").unwrap();
    sql(&scene, &format!("DELETE FROM entry WHERE seq >= {seq}"));
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));
    let said = scene.run("bob", &["verify", "--held", "held.json", "--format", "json"]);
    assert_ne!(said.status, 4, "{said:?}");
    said.exits(6);
}

#[test]
fn a_journal_that_is_none() {
    let scene = Scene::new(GUARDED, &world(), &people());
    for rubbish in ["", "rubbish", "SQLite format 3\0rubbish and more rubbish than that"] {
        scene.write(JOURNAL, rubbish);
        for words in
            [vec!["status"], vec!["verify"], vec!["runs"], vec!["log"], vec!["approve", "make/user"], vec!["export"]]
        {
            let said = scene.run("bob", &words);
            let none_yet = rubbish.is_empty() && words == ["runs"] && said.status == 0;
            assert!(none_yet || matches!(said.status, 2 | 6), "{words:?} of {rubbish:?}: {said:?}");
        }
        let said = scene.open("alice");
        assert!(matches!(said.status, 4 | 6), "{rubbish:?}: {said:?}");
        std::fs::remove_dir_all(scene.path("journal.db.locks")).ok();
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(scene.path(&format!("{JOURNAL}{end}"))).ok();
        }
    }
}

// --- what people read ---

/// Nothing that others wrote reaches a screen or a page raw: no control, bidirectional or invisible character.
#[test]
fn what_people_read_is_plain_whatever_others_wrote() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}ok\u{202e}on\u{2066}\u{200b}\u{feff}\r\u{9b}1m";
    let raw = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let scene = waiting();
    scene.run("bob", &["approve", "make/user", "--reason", EVIL]).exits(0);
    scene.run("alice", &["note", EVIL]).exits(0);
    scene.run("carol", &["deny", "make/user", "--reason", EVIL]).exits(0);
    scene.resume("alice").exits(4);
    scene.run("alice", &["hand-over", "--to", "bob", "-o", "away", "--reason", EVIL]).exits(0);
    scene.write(EVIL, "no journal");
    for words in [
        &["status"][..],
        &["log"],
        &["log", "--format", "json"],
        &["runs"],
        &["requests"],
        &["review", "away", "--as", "bob"],
        &["verify"],
        &["verify", "--commands"],
        &["report", "--format", "markdown"],
        &["report", "--format", "html"],
        &["report", "--format", "json"],
        &["verify", EVIL],
        &["log", EVIL],
        &["import", EVIL],
        &["take-over", EVIL, "--as", "bob"],
        &["decline", EVIL, "--as", "bob"],
        &["check", EVIL],
        &["approve", EVIL, "--as", "bob"],
        &["settle", "done", EVIL, "--as", EVIL],
        &["explain", EVIL],
        &["actions", EVIL],
    ] {
        let said = scene.run("bob", words);
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(!all.is_empty(), "{words:?}");
        let found: Vec<char> = all.chars().filter(|c| raw(*c)).collect();
        assert!(found.is_empty(), "{words:?}: {found:?} in\n{all:?}");
    }
    let log = scene.run("bob", &["log"]).exits(0).stdout;
    assert!(log.contains("\\u{1b}[2J") && log.contains("\\u{202e}on"), "it is shown, and plain: {log}");
    // Whoever writes it into a runbook is told so.
    let hidden = GUARDED.replace("title = \"Administrator\"", "title = \"Admin\u{202e}rotartsi\"");
    scene.write("hidden.toml", &hidden);
    scene.run("alice", &["check", "hidden.toml"]).exits(3).saying("CS0115");
}

// --- rubbish ---

/// Every verb that takes a file, given files of every kind of rubbish: words, a code of its own, never a panic.
#[test]
fn rubbish_files_give_words() {
    let scene = waiting();
    scene.run("bob", &["approve", "make/user", "-o", "good.answer"]).exits(0);
    scene.run("bob", &["requests", "-o", "good.countersign"]).exits(0);
    let (answer, bundle) = (scene.read("good.answer"), scene.read("good.countersign"));
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let rubbish: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("binary", vec![0, 159, 146, 150, 255, 10, 0]),
        ("words", b"nothing of the kind\n".to_vec()),
        ("json", b"{\"answer\":1}\n{}\n[]\n".to_vec()),
        ("deep", "[".repeat(200_000).into_bytes()),
        ("lines", "\n".repeat(10_000).into_bytes()),
        ("toml", b"schema = 1\n[runbook]\nname = 7\n[[stages]]\nid = []\n".to_vec()),
        ("huge", b"x = 99999999999999999999999999\n".to_vec()),
        ("escape", b"\x1b[2J\xe2\x80\xae = 1\n".to_vec()),
        ("answer", half(&answer).into_bytes()),
        ("bundle", half(&bundle).into_bytes()),
        ("twice", format!("{answer}{answer}").into_bytes()),
    ];
    for (name, bytes) in &rubbish {
        let file = format!("rubbish.{name}");
        std::fs::write(scene.path(&file), bytes).unwrap();
        let file = file.as_str();
        let set = format!("x=@{file}");
        for words in [
            vec!["check", file],
            vec!["check", BOOK, "--people", file],
            vec!["plan", file],
            vec!["plan", BOOK, "--values", file],
            vec!["plan", BOOK, "--set", &set],
            vec!["rehearse", file],
            vec!["rehearse", BOOK, "--world", file],
            vec!["run", file, "--simulated"],
            vec!["run", BOOK, "--simulated", "--people", file],
            vec!["import", file],
            vec!["approve", file],
            vec!["approve", "make/user", "--key", file],
            vec!["verify", file],
            vec!["verify", "--trust", file],
            vec!["people", "sign", file],
            vec!["simulate", "--world", file],
            vec!["resume", "--simulated", "--runbook", file],
            vec!["resume", "--simulated", "--people", file],
        ] {
            let said = scene.run("bob", &words);
            let key_or_digest = words.contains(&"--key") || words[0] == "resume";
            let fine = matches!(said.status, 2 | 3 | 6) || (key_or_digest && said.status == 7);
            assert!(fine, "{words:?}: {said:?}");
            assert!(!said.stderr.trim().is_empty() || !said.stdout.trim().is_empty(), "{words:?} said nothing");
            assert!(!said.stderr.contains("panicked") && !said.stderr.contains('\u{1b}'), "{words:?}: {said:?}");
        }
    }
    for words in [
        vec!["import", "nowhere"],
        vec!["check", "nowhere"],
        vec!["verify", "nowhere"],
        vec!["run", "nowhere", "--simulated"],
        vec!["approve", "make/user", "--signature", "nowhere.sig"],
        vec!["people", "sign", "nowhere"],
        vec!["attach", "make/well", "nowhere"],
        vec!["resume", "ffff", "--simulated"],
    ] {
        let said = scene.run("bob", &words);
        assert!(matches!(said.status, 2 | 3 | 6 | 7) && !said.stderr.is_empty(), "{words:?}: {said:?}");
    }
    nothing_happened(&scene);
}
