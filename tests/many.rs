//! Many requests before one person, several people at one seat, and words that travel by file: through the binary.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod scene;
#[cfg(unix)]
#[path = "support/screen.rs"]
mod screen;

use countersign::sshsig::KeyKind;
use scene::{JOURNAL, Said, Scene, Who, shipped, who, with_key};
use serde_json::Value;

/// Users are made, one for each name, each agreed to by itself; `odd` gets what the others do not have.
const USERS: &str = r#"schema = 1
[runbook]
name = "users"
title = "Make users"
version = "1.0.0"
[parameters]
names = { type = "list", items = "string", default = [NAMES] }
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
[separation]
apart = [["admin", "security"]]
[sessions]
management = { account = "111111111111", used_by = ["admin"], kinds = ["user"] }
[[stages]]
id = "users"
for_each = "${parameters.names}"
key = "${item}"
performer = "admin"
session = "management"
approvals = [{ role = "security", per = "PER" }]
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "none" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "${item}", Path = "${item == 'odd' && '/admin/' || '/'}" }
undo = "usual"
"#;

fn users(names: &[String], per: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    USERS.replace("NAMES", &names.join(", ")).replace("PER", per)
}

fn three(per: &str) -> String {
    users(&["one", "two", "three"].map(str::to_owned), per)
}

fn world() -> String {
    shipped("tests/fixtures/kinds/worlds/kinds.toml")
}

fn people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("dora", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

/// A run of this runbook, waiting for its first approvals.
fn waiting(runbook: &str) -> Scene {
    let scene = Scene::new(runbook, &world(), &people());
    scene.open("alice").exits(4);
    scene
}

/// The code behind the first `code ` of what was said.
fn code_in(said: &Said) -> String {
    let all = format!("{}{}", said.stdout, said.stderr);
    let at = all.find("code ").unwrap_or_else(|| panic!("no code in {all}"));
    all[at + 5..].chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '-').collect()
}

// --- the lot ---

#[test]
fn one_review_and_one_command_decide_on_all() {
    let scene = waiting(&three("step"));
    let open = scene.run("alice", &["requests"]).exits(0).saying("3 requests");
    let review = scene.run("bob", &["review"]).exits(0).saying("everything verified").saying("for 3 items");
    assert_eq!(code_in(&open), code_in(&review));
    assert_eq!(review.stdout.matches("iam:CreateUser").count(), 1, "{}", review.stdout);
    assert!(scene.entries("approval").is_empty());
    let said = scene.run("bob", &["approve", "--all"]).exits(0).saying("bob approved 3 requests");
    assert_eq!(code_in(&said), code_in(&review), "what was reviewed is what was signed");
    assert_eq!(scene.entries("approval").len(), 3);
    scene.run("dora", &["approve"]).exits(7).saying("no open request waits for dora");
    scene.resume("alice").exits(0);
    assert_eq!(scene.effects().len(), 3);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

/// What one of 300 has otherwise is in front of the reader's eyes, and nobody has to read 300 requests.
#[test]
fn one_of_three_hundred_stands_out() {
    let mut names: Vec<String> = (0..299).map(|at| format!("user-{at:03}")).collect();
    names.insert(217, "odd".to_owned());
    let scene = waiting(&users(&names, "stage"));
    let said = scene.run("bob", &["review"]).exits(0);
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert!(lines.len() < 40, "{}", said.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", said.stdout);
    for words in ["STANDS OUT: 1 of 300", "odd (#", "Path: /admin/", "! odd", "and 289 more"] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    let whole = scene.run("bob", &["review", "--verbose"]).exits(0);
    assert!(names.iter().all(|name| whole.stdout.contains(name.as_str())), "{}", whole.stdout);
    let json = scene.run("bob", &["review", "--format", "json"]).exits(0).json();
    assert_eq!(json["requests"][0]["list"].as_array().unwrap().len(), 300);
    assert_eq!(json["requests"][0]["list"][217]["operation"]["with"]["Path"], "/admin/");
    let status = scene.run("bob", &["status"]).exits(0).saying("users/user 300 pending");
    assert!(status.stdout.lines().count() < 15, "{}", status.stdout);
}

#[test]
fn a_plan_for_one_person_is_their_part() {
    let scene = Scene::unsigned(&three("step"), &world(), &people());
    let of = |person: &str| scene.run("nobody", &["plan", scene::BOOK, "--for", person]).exits(0);
    let bob = of("bob").saying("The part of bob example (bob)").saying("1.1 user - iam:CreateUser");
    assert!(
        bob.stdout.contains("security (Security") && !bob.stdout.contains("admin (Administrator"),
        "{}",
        bob.stdout
    );
    let carol = of("carol").saying("Nothing in this plan is theirs");
    assert!(!carol.stdout.contains("iam:CreateUser"), "{}", carol.stdout);
    let json = |person: &str| {
        let said = scene.run("nobody", &["plan", scene::BOOK, "--for", person, "--format", "json"]).exits(0).json();
        said["operations"].as_array().unwrap().len()
    };
    assert_eq!((json("bob"), json("carol")), (3, 0));
}

/// A step that can't be taken back is never signed as one of a lot.
#[test]
fn a_point_of_no_return_is_signed_only_by_its_name() {
    let text = three("step").replace("undo = \"usual\"", "point_of_no_return = \"nobody deletes it\"");
    let scene = waiting(&text);
    let said = scene.run("bob", &["approve"]).exits(4).saying("left out").saying("nothing was signed");
    assert_eq!(said.stderr.matches("left out").count(), 3, "{}", said.stderr);
    scene.run("bob", &["approve", "users"]).exits(4).saying("signed only by its own name: users:one/user");
    scene.run("bob", &["approve", "--yes"]).exits(4);
    assert!(scene.entries("approval").is_empty());
    scene.run("bob", &["approve", "users:one/user"]).exits(0);
    scene.run("bob", &["requests", "-o", "open"]).exits(0);
    scene.run("bob", &["approve", "open"]).exits(4);
    scene.run("bob", &["approve", "users:two/user", "--from", "open", "-o", "two"]).exits(0);
    scene.run("alice", &["import", "two"]).exits(0);
    assert_eq!(scene.entries("approval").len(), 2);
}

#[test]
fn denial_is_for_one_request() {
    let scene = waiting(&three("step"));
    scene.run("bob", &["deny", "users"]).exits(2).saying("names 3 open requests").saying("users:two/user");
    assert!(scene.entries("approval").is_empty());
    scene
        .run("bob", &["deny", "users:two/user", "--reason", "not two"])
        .exits(0)
        .saying("countersign resume")
        .saying("asks anew");
    scene.run("bob", &["approve"]).exits(0).saying("2 requests");
    scene
        .run("bob", &["revoke", "users:one/user"])
        .exits(0)
        .saying("can't approve this request again")
        .saying("waiting for dora (security) to approve users:one/user");
    scene.run("bob", &["approve", "users:one/user"]).exits(7).saying("second, different decision");
}

#[test]
fn who_revokes_as_the_only_holder_is_told_what_comes() {
    let only: Vec<Who<'_>> = people().into_iter().filter(|who| who.id != "dora").collect();
    let scene = Scene::new(&three("stage"), &world(), &only);
    scene.open("alice").exits(4);
    scene.run("bob", &["approve", "users"]).exits(0);
    scene
        .run("bob", &["revoke", "users"])
        .exits(0)
        .saying("nobody is left who may approve users (security): it is asked again when its time has run out");
}

// --- files ---

#[test]
fn a_file_carries_all_requests_there_and_all_answers_back() {
    let scene = waiting(&three("step"));
    let wrote = scene.run("alice", &["requests", "-o", "open"]).exits(0).saying("3 open requests");
    // What happens meanwhile: one of them is denied by somebody else.
    scene.run("dora", &["deny", "users:two/user"]).exits(0);
    let there = |words: &[&str]| {
        let mut command = scene.command("bob", words);
        scene::finish({
            command.env("COUNTERSIGN_JOURNAL", "nowhere.db");
            command
        })
    };
    assert_eq!(code_in(&wrote), code_in(&there(&["review", "open"]).exits(0)));
    there(&["approve", "open", "-o", "bob.answer"]).exits(0).saying("countersign import bob.answer");
    assert!(!scene.path("nowhere.db").exists());
    let said = scene
        .run("alice", &["import", "bob.answer"])
        .exits(7)
        .saying("bob approves request")
        .saying("statement 2 of 3, bob approves request")
        .saying("the request is over")
        .saying("2 of 3 statements of the file were taken in");
    assert_eq!(said.stderr.matches("taken in as entry").count(), 2, "{}", said.stderr);
    let approvals = |decision: &str| {
        let is = |one: &&Value| one["statement"].as_str().unwrap().contains(&format!("decision: {decision}\n"));
        scene.entries("approval").iter().filter(is).count()
    };
    assert_eq!((approvals("approve"), approvals("deny")), (2, 1));
}

#[test]
fn a_denial_travels_by_file_and_is_missed_when_it_does_not_arrive() {
    let scene = waiting(&three("step"));
    scene.run("alice", &["requests", "-o", "open"]).exits(0);
    scene.run("bob", &["deny", "users:two/user", "--from", "open", "-o", "no", "--reason", "not two"]).exits(0);
    // A second, different decision is refused where the first was signed, from a file or at the journal.
    scene
        .run("bob", &["approve", "users:two/user", "--from", "open", "-o", "yes"])
        .exits(7)
        .saying("you signed `deny`");
    scene.run("bob", &["approve", "users:two/user"]).exits(7).saying("you signed `deny`");
    assert!(!scene.path("yes").exists());
    scene.run("alice", &["requests", "-o", "later"]).exits(0);
    scene.run("bob", &["review", "later"]).exits(0).saying("your denial of request").saying("not in this history");
    scene.run("alice", &["import", "no"]).exits(0).saying("bob denies request");
    scene.run("alice", &["requests", "-o", "last"]).exits(0);
    let said = scene.run("bob", &["review", "last"]).exits(0);
    assert!(!said.stderr.contains("not in this history"), "{}", said.stderr);
}

/// What an approver saw once can't be taken out of the history again.
#[test]
fn a_shorter_or_another_history_is_not_signed() {
    let scene = waiting(&three("step"));
    scene.run("alice", &["requests", "-o", "early"]).exits(0);
    let journal = std::fs::read(scene.path(JOURNAL)).unwrap();
    scene.run("dora", &["approve", "users:one/user"]).exits(0);
    scene.run("alice", &["requests", "-o", "late"]).exits(0);
    scene.run("bob", &["review", "late"]).exits(0);
    scene.run("bob", &["approve", "early", "-o", "answer"]).exits(6).saying("DIVERGED").saying("cut off");
    // The journal is put back, and goes on otherwise.
    std::fs::write(scene.path(JOURNAL), journal).unwrap();
    scene.run("dora", &["deny", "users:three/user"]).exits(6).saying("DIVERGED");
    scene.run("carol", &["note", "otherwise"]).exits(0);
    scene.run("bob", &["approve"]).exits(6).saying("are not those that you saw");
    assert!(scene.entries("approval").is_empty() && !scene.path("answer").exists());
    // What is kept is a head that `verify --held` takes.
    let kept = std::fs::read_dir(scene.path("bob/home/.local/state/countersign")).unwrap();
    let kept = kept.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|end| end == "json"));
    let held = kept.unwrap().display().to_string();
    scene.run("alice", &["verify", "--held", &held]).exits(6).saying("DIVERGED");
}

/// The remote one of two performers does the task and signs it by file.
#[test]
fn words_of_performers_travel_by_file() {
    let scene = Scene::new(&shipped("tests/fixtures/kinds/tasks.toml"), &world(), &task_people());
    scene.open("bob").exits(4);
    scene.run("bob", &["confirm", "payment:333344445555"]).exits(0);
    scene.resume("bob").exits(4);
    scene.run("bob", &["requests", "-o", "open"]).exits(0);
    let look = "payment:333344445555/look";
    scene
        .run("dora", &["answer", look, "--set", "open=2", "--from", "open", "-o", "look"])
        .exits(0)
        .saying("import look");
    scene.run("dora", &["note", "all quiet here", "--from", "open"]).exits(0).saying("open.dora.answer");
    scene.run("carol", &["answer", look, "--set", "open=2", "--from", "open", "-o", "wrong"]).exits(7);
    assert!(!scene.path("wrong").exists());
    assert!(scene.entries("said").len() == 1, "only the anchor's word is in the journal");
    scene.run("bob", &["import", "look"]).exits(0).saying("dora: task");
    scene.run("bob", &["import", "open.dora.answer"]).exits(0).saying("dora: note");
    scene.run("bob", &["import", "look"]).exits(7).saying("used before");
    scene.resume("bob").exits(4);
    assert_eq!(scene.state_of("payment", Some("333344445555"), "look"), "done");
    assert_eq!(scene.verdict().1, 4);
}

/// The other words travel in the same way, and the machine where they were signed keeps each of them.
#[test]
fn confirmations_evidence_and_revocations_travel_by_file() {
    let scene = Scene::new(BOTH, &world(), &people());
    seat(&scene, &["run", scene::BOOK], &["alice"]).exits(4);
    scene.run("bob", &["approve", "first/user"]).exits(0);
    scene.run("alice", &["requests", "-o", "granted"]).exits(0);
    scene.run("bob", &["revoke", "first/user", "--from", "granted", "-o", "back"]).exits(0);
    scene.run("alice", &["import", "back"]).exits(0).saying("bob revokes request");
    scene.run("dora", &["approve", "first/user"]).exits(0);
    scene.run("alice", &["requests", "-o", "open"]).exits(0);
    scene.run("alice", &["confirm", "first/user", "--from", "open", "-o", "yes"]).exits(0);
    assert!(scene.entries("said").is_empty());
    scene.run("bob", &["import", "yes"]).exits(0).saying("alice: confirmed first/user");
    seat(&scene, &["resume"], &["alice"]).exits(4);
    assert_eq!(scene.state_of("first", None, "user"), "done");
    // What alice signed elsewhere lies on her machine, as she signed it.
    let folder = scene.path("alice/home/.local/state/countersign");
    let mut kept = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    let word = kept["words"][0]["statement"].as_str().unwrap();
    assert!(word.contains("what: confirmed\n"), "{word}");
    assert!(scene.entries("said")[0]["statement"] == word);
    assert_eq!(scene.verdict(), ("OPEN".to_owned(), 4));

    let scene = Scene::new(&shipped("tests/fixtures/kinds/tasks.toml"), &world(), &task_people());
    scene.open("bob").exits(4);
    scene.run("bob", &["confirm", "payment:333344445555"]).exits(0);
    scene.resume("bob").exits(4);
    scene.run("bob", &["answer", "payment:333344445555/look", "--set", "open=2"]).exits(0);
    scene.resume("bob").exits(4);
    scene.run("bob", &["requests", "-o", "open"]).exits(0);
    scene.write("screen.txt", "what the screen showed");
    let card = "payment:333344445555/card";
    scene.run("alice", &["attach", card, "screen.txt", "--from", "open", "-o", "evidence"]).exits(0);
    assert!(!scene.keeps(&base64_of("what the screen showed")));
    scene.run("bob", &["import", "evidence"]).exits(0).saying("alice: evidence payment:333344445555/card");
    assert!(scene.keeps(&base64_of("what the screen showed")), "the file comes with the word");
    assert_eq!(scene.verdict().1, 4);
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn task_people() -> Vec<Who<'static>> {
    vec![
        who("alice", "partner", &["admin"]),
        who("bob", "customer", &["security"]),
        who("dora", "customer", &["security"]),
        with_key("carol", "customer", &["holder"], 5),
    ]
}

// --- several people at one seat ---

/// Two stages of two performers, each approved by somebody else's role.
const BOTH: &str = r#"schema = 1
[runbook]
name = "both"
title = "Two performers"
version = "1.0.0"
[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
[sessions]
management = { account = "111111111111", used_by = ["admin", "security"], kinds = ["user"] }
[[stages]]
id = "first"
performer = "admin"
session = "management"
approvals = [{ role = "security" }]
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "one" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "one" }
confirm = { text = "Make it?" }
undo = "usual"
[[stages]]
id = "second"
performer = "security"
session = "management"
approvals = [{ role = "admin" }]
[stages.anchor]
prove = [{ action = "iam:GetUser", with = { UserName = "two" }, expect_error = "NoSuchEntity" }]
[[stages.steps]]
id = "user"
action = "iam:CreateUser"
with = { UserName = "two" }
confirm = { text = "Make it?" }
undo = "usual"
"#;

/// `run` or another verb at a seat of these people, each with their own key.
fn seat(scene: &Scene, words: &[&str], people: &[&str]) -> Said {
    let keys: Vec<String> = people.iter().map(|person| format!("{person}/key")).collect();
    seat_with(scene, words, people, &keys.iter().map(String::as_str).collect::<Vec<_>>())
}

fn seat_with(scene: &Scene, words: &[&str], people: &[&str], keys: &[&str]) -> Said {
    let mut all = words.to_vec();
    people.iter().for_each(|person| all.extend(["--as", person]));
    keys.iter().for_each(|key| all.extend(["--key", key]));
    let mut command = scene.seat_command(people[0], &all);
    command.env_remove("COUNTERSIGN_PERSON").env_remove("COUNTERSIGN_KEY");
    scene::finish(command)
}

fn by(scene: &Scene, kind: &str) -> Vec<String> {
    let all = scene.log();
    let of_kind = all.iter().filter(|entry| entry["kind"] == kind);
    of_kind.map(|entry| entry["by"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn two_people_at_one_seat_perform_each_their_own_steps() {
    let scene = Scene::new(BOTH, &world(), &people());
    seat(&scene, &["run", scene::BOOK], &["alice", "bob"]).exits(4).saying("waiting for bob or dora");
    assert_eq!(by(&scene, "signed_on"), ["alice", "bob"]);
    // Nobody approves what they perform, also where both sit at the same place; and bob does not perform this one.
    scene.run("alice", &["approve", "first/user"]).exits(7);
    scene.run("bob", &["approve", "first/user"]).exits(0);
    scene.run("bob", &["confirm", "first/user"]).exits(7).saying("does not hold the role admin");
    scene.run("alice", &["confirm", "first/user"]).exits(0);
    seat(&scene, &["resume"], &["alice", "bob"]).exits(4).saying("to approve second/user");
    scene.run("bob", &["approve", "second/user"]).exits(7);
    scene.run("alice", &["approve", "second/user"]).exits(0);
    scene.run("bob", &["confirm", "second/user"]).exits(0);
    seat(&scene, &["resume"], &["alice", "bob"]).exits(0);
    assert_eq!(by(&scene, "intended"), ["alice", "bob"], "each step is recorded to the holder of its role");
    let performers: Vec<Value> = scene.entries("asked").iter().map(|asked| asked["performer"].clone()).collect();
    assert_eq!(performers, ["alice", "bob"]);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn of_two_with_one_role_the_first_performs_and_the_second_may_approve() {
    let text = BOTH.replace("approvals = [{ role = \"admin\" }]", "approvals = [{ role = \"security\" }]");
    let scene = Scene::new(&text, &world(), &people());
    seat(&scene, &["run", scene::BOOK], &["alice", "dora", "bob"]).exits(4);
    assert_eq!(by(&scene, "signed_on"), ["alice", "dora", "bob"]);
    scene.run("bob", &["approve", "first/user"]).exits(0);
    scene.run("alice", &["confirm", "first/user"]).exits(0);
    seat(&scene, &["resume"], &["alice", "dora", "bob"]).exits(4).saying("waiting for bob (security)");
    scene.run("dora", &["approve", "second/user"]).exits(7).saying("nobody approves what they perform");
    scene.run("bob", &["approve", "second/user"]).exits(0);
    scene.run("dora", &["confirm", "second/user"]).exits(0);
    seat(&scene, &["resume"], &["alice", "dora", "bob"]).exits(0);
    assert_eq!(by(&scene, "intended"), ["alice", "dora"]);
    assert_eq!(scene.verdict(), ("CLOSED".to_owned(), 0));
}

#[test]
fn keys_find_their_people_and_nobodys_key_is_refused() {
    let scene = Scene::new(BOTH, &world(), &people());
    scene.key("stray", KeyKind::Ed25519, 5);
    let book = ["run", scene::BOOK];
    seat_with(&scene, &book, &["alice", "bob"], &["alice/key", "bob/key", "stray"])
        .exits(7)
        .saying("the key stray (SHA256:")
        .saying("is nobody's in the people file");
    // One of them has no key here: nobody sits down.
    seat_with(&scene, &book, &["alice", "bob"], &["alice/key"]).exits(7).saying("bob");
    scene.run("nobody", &["runs"]).exits(0).saying("no run yet");
    // In any order, and twice.
    seat_with(&scene, &book, &["alice", "bob", "alice"], &["bob/key", "alice/key", "bob/key", "./alice/key"]).exits(4);
    assert_eq!(by(&scene, "signed_on"), ["alice", "bob"]);
    scene.run("bob", &["approve", "--key", "stray"]).exits(7).saying("nobody's in the people file");
}

// --- what is printed can be typed ---

#[test]
fn printed_commands_name_the_run_and_the_journal_where_they_must() {
    let scene = waiting(&three("stage"));
    let first = scene.status()["run"].as_str().unwrap()[..8].to_owned();
    assert_eq!(scene.status()["waiting_for"][0]["command"], "countersign approve users --as bob");
    scene.open("alice").exits(4).saying("approve users --as bob --run ");
    let said = scene.run("nobody", &["status", &first, "--format", "json"]).exits(0).json();
    let command = said["waiting_for"][0]["command"].as_str().unwrap();
    assert_eq!(command, format!("countersign approve users --as bob --run {first}"));
    // In another folder's journal that only the command line named.
    let mut status = scene.command("bob", &["status", &first, "--journal", JOURNAL]);
    status.env_remove("COUNTERSIGN_JOURNAL");
    let said = scene::finish(status).exits(0).saying(&format!("--run {first} --journal {JOURNAL}"));
    let line = said.stdout.lines().find(|line| line.contains("can run: ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip_while(|word| *word != "countersign").skip(1).collect();
    let mut typed = scene.command("bob", &words);
    typed.env_remove("COUNTERSIGN_JOURNAL").env_remove("COUNTERSIGN_PERSON");
    let said = scene::finish(typed).exits(0);
    assert!(
        said.stderr.contains(&format!("resume {first} --as alice --simulated --journal {JOURNAL}")),
        "{}",
        said.stderr
    );
}

// --- at a terminal ---

#[cfg(unix)]
mod at_a_terminal {
    use super::screen::Screen;
    use super::{Scene, people, three, users, waiting, world};
    use std::process::Command;

    fn bob(scene: &Scene, words: &[&str]) -> Screen {
        Screen::of(scene.command("bob", words), &[])
    }

    #[test]
    fn one_question_for_the_lot() {
        let scene = waiting(&three("step"));
        let mut screen = bob(&scene, &["approve"]);
        screen.see("Approve and sign all 3 (code ");
        assert!(screen.text().contains("for 3 items"), "{}", screen.text());
        screen.type_in("perhaps\r");
        screen.see("answer yes, no, or one");
        screen.type_in("\r");
        assert_eq!(screen.end(), 4, "silence is no yes: {}", screen.text());
        assert!(scene.entries("approval").is_empty());
        let mut screen = bob(&scene, &["approve"]);
        screen.see("yes, no, or one by one");
        screen.type_in("yes\r");
        assert_eq!(screen.end(), 0, "{}", screen.text());
        assert_eq!(scene.entries("approval").len(), 3);
    }

    #[test]
    fn one_by_one() {
        let scene = waiting(&three("step"));
        let mut screen = bob(&scene, &["approve"]);
        screen.see("yes, no, or one by one");
        screen.type_in("one\r");
        for (name, key) in [("one", "y"), ("two", "n"), ("three", "y")] {
            screen.see(&format!("1. users/user, for {name}"));
            screen.see("Approve and sign this?");
            screen.type_in(key);
        }
        assert_eq!(screen.end(), 0, "{}", screen.text());
        assert!(screen.text().contains("2 of 3 open requests were signed; 1 was not"), "{}", screen.text());
        assert_eq!(scene.entries("approval").len(), 2);
        assert_eq!(scene.status()["waiting_for"].as_array().unwrap().len(), 1);
    }

    /// Whatever was said of the others, and with --yes too.
    #[test]
    fn a_point_of_no_return_is_typed() {
        let names = ["one", "two"].map(str::to_owned);
        let text = users(&names, "step");
        let last = "[[stages.steps]]\nid = \"gone\"\naction = \"iam:CreateUser\"\nwith = { UserName = \"${item}-2\" }\n\
                    point_of_no_return = \"nobody deletes it\"\n";
        let scene = waiting(&format!("{text}{last}"));
        let mut screen = bob(&scene, &["approve", "--yes"]);
        screen.see("POINT OF NO RETURN:");
        screen.see("type users:one/gone to sign it");
        screen.type_in("yes\r");
        screen.see("not signed: users:one/gone");
        screen.see("type users:two/gone to sign it");
        screen.type_in("users:two/gone\r");
        assert_eq!(screen.end(), 0, "{}", screen.text());
        let covers: Vec<String> = scene
            .entries("approval")
            .iter()
            .flat_map(|one| one["statement"].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| line.starts_with("covers: "))
            .collect();
        assert_eq!(covers, ["covers: users:one/user", "covers: users:two/user", "covers: users:two/gone"]);
    }

    #[test]
    fn a_passphrase_is_asked_for_once() {
        let scene = Scene::unsigned(&three("step"), &world(), &people());
        let mut keygen = Command::new("ssh-keygen");
        keygen
            .args(["-q", "-t", "ed25519", "-N", "a long passphrase", "-C", "bob", "-f"])
            .arg(scene.path("bob/locked"));
        assert!(keygen.status().unwrap().success(), "ssh-keygen is needed");
        let text = scene.read("runbooks/people.toml");
        let (before, after) = text.split_once("[people.bob]").unwrap();
        let (head, tail) = after.split_once("keys = [").unwrap();
        let (_, tail) = tail.split_once("]\n").unwrap();
        let public = scene.read("bob/locked.pub");
        let text = format!("{before}[people.bob]{head}keys = [\"{}\"]\n{tail}", public.trim());
        scene.write("runbooks/people.toml", &text);
        for person in ["alice", "dora"] {
            scene.run(person, &["people", "sign", "runbooks/people.toml", "--simulated"]).exits(0);
        }
        scene.open("alice").exits(4);
        let mut screen = bob(&scene, &["approve", "--key", "bob/locked"]);
        screen.see("yes, no, or one by one");
        screen.type_in("yes\r");
        screen.see("passphrase of bob/locked");
        screen.type_in("a long passphrase\r");
        assert_eq!(screen.end(), 0, "{}", screen.text());
        assert_eq!(screen.text().matches("passphrase of").count(), 1, "{}", screen.text());
        assert_eq!(scene.entries("approval").len(), 3);
    }
}
