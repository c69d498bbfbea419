//! The spine: the shipped runbook through the binary, in separate processes of separate people, over HTTP against
//! the simulator. What each of them reads on the way is a transcript.
#![cfg(all(unix, feature = "aws"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "second/mod.rs"]
mod second;
mod support;

use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::pump::{follow, pump};
use support::transcript::Transcript;
use support::{Said, Scene, whole_move};

const PEOPLE: &str = "runbooks/people.toml";
/// Where the three accounts are in the end, as the runbook's values say it.
const MOVED: [&str; 5] = [
    "111111111111: 111111111111 in r-old1, \"ACTIVE\", \"INVITED\"",
    "222222222222: 111122223333 in ou-ab12-11111111, \"ACTIVE\", \"INVITED\"",
    "222222222222: 222222222222 in r-ab12, \"ACTIVE\", \"INVITED\"",
    "222222222222: 222233334444 in ou-ab12-22222222, \"ACTIVE\", \"INVITED\"",
    "222222222222: 333344445555 in ou-ab12-11111111, \"ACTIVE\", \"INVITED\"",
];

/// Closed, each effect once, and verified with the keys of the people file.
fn all_moved(scene: &Scene) {
    assert_eq!(scene.effects(), whole_move());
    assert_eq!(scene.places(), MOVED);
    scene.run("carol", "export -o all.countersign").exits(0);
    second::agrees(&std::fs::read(scene.path("all.countersign")).unwrap());
    let said = scene.run("carol", &format!("verify --trust {PEOPLE} --format json")).exits(0);
    let verdict = said.json();
    assert_eq!(verdict["verdict"], "CLOSED", "{verdict:#}");
    assert_eq!(verdict["mode"], "simulated");
    assert_eq!(verdict["trusted_keys"], true);
    assert_eq!(verdict["problems"], json!([]));
    assert_eq!(verdict["missing_objects"], json!([]));
    assert_eq!(scene.entries("asked").len(), 5, "one for the invitations, three to accept, one to place");
}

/// Every command that the three people type, and all that they read.
#[test]
fn three_people_move_three_accounts() {
    let scene = Scene::unsigned();
    let mut text = Transcript::new();
    let run = "run runbooks/move_member_accounts.toml --simulated --as alice --key alice/key \
               --session new_management=profile:new_management";
    let alice = "resume --simulated --as alice --key alice/key --session new_management=profile:new_management";
    let bob = "resume --simulated --as bob --key bob/key --session old_management=profile:old_management";
    let says = |person: &str, line: &str| format!("{line} --as {person} --key {person}/key");
    text.run(&scene, "alice", "check runbooks/move_member_accounts.toml --people runbooks/people.toml", 0);
    text.run(&scene, "alice", run, 7);
    for person in ["alice", "bob"] {
        text.run(&scene, person, &says(person, "people sign runbooks/people.toml"), 0);
    }
    text.run(&scene, "alice", run, 4);
    text.run(&scene, "bob", "status", 0);
    text.run(&scene, "bob", &says("bob", "approve invite"), 0);
    text.run(&scene, "alice", alice, 4);
    text.run(&scene, "bob", bob, 4);
    text.run(&scene, "alice", &says("alice", "approve accept"), 0);
    text.run(&scene, "carol", &says("carol", "approve accept"), 0);
    text.run(&scene, "bob", bob, 4);
    text.run(&scene, "bob", &says("bob", "confirm accept:111122223333/accept --typed 111122223334"), 7);
    text.run(&scene, "bob", &says("bob", "confirm accept:111122223333/accept --typed 111122223333"), 0);
    text.run(&scene, "bob", bob, 4);
    text.run(&scene, "bob", &says("bob", "go-on accept"), 0);
    text.run(&scene, "bob", &says("bob", "confirm accept:222233334444/accept --typed 222233334444"), 0);
    text.run(&scene, "bob", bob, 4);
    text.run(&scene, "bob", &says("bob", "confirm accept:333344445555/accept --typed 333344445555"), 0);
    text.run(&scene, "bob", bob, 4);
    text.run(&scene, "alice", alice, 4);
    text.run(&scene, "bob", &says("bob", "approve place"), 0);
    text.run(&scene, "alice", alice, 0);
    text.run(&scene, "carol", &format!("verify --trust {PEOPLE}"), 0);
    text.run(&scene, "carol", "runs", 0);
    text.run(&scene, "carol", "log", 0);
    text.compare(&scene, "spine.txt");
    all_moved(&scene);
}

/// Nobody needs to know more than what the program prints.
#[test]
fn the_printed_commands_lead_from_the_beginning_to_the_end() {
    let scene = Scene::new();
    scene.open().exits(4);
    let turns = pump(&scene, 40);
    let lines: Vec<&str> = turns.iter().map(|turn| turn.line.as_str()).collect();
    assert!(
        lines.iter().any(|line| line.ends_with("confirm accept:333344445555/accept --as bob --typed 333344445555"))
    );
    all_moved(&scene);
}

/// A running ssh-agent, ended when dropped.
struct Agent {
    child: Child,
    socket: std::path::PathBuf,
}

impl Agent {
    fn holding(scene: &Scene, key: &str) -> Agent {
        let socket = scene.path("agent");
        let mut command = Command::new("ssh-agent");
        let child = command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(10);
        while !socket.exists() {
            assert!(Instant::now() < patience, "ssh-agent did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut add = Command::new("ssh-add");
        add.arg(scene.path(key)).env("SSH_AUTH_SOCK", &socket).stderr(Stdio::null());
        assert!(add.status().unwrap().success());
        Agent { child, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Decisions by hand with ssh-keygen, by ssh-agent, and by files between folders: each counts like any other.
#[test]
fn decisions_by_hand_by_agent_and_by_file_count_alike() {
    let scene = Scene::new();
    scene.open().exits(4);
    by_hand(&scene, "bob", "invite");
    scene.resume("alice").exits(4);
    scene.resume("bob").exits(4);
    by_agent(&scene, "alice", "accept");
    by_file(&scene, "carol");
    assert_eq!(scene.entries("approval").len(), 7);
    pump(&scene, 20);
    all_moved(&scene);
}

/// The statement goes out, OpenSSH signs it, the signature comes back: by exactly the printed commands.
fn by_hand(scene: &Scene, person: &str, what: &str) {
    let said = scene.run(person, &format!("approve {what} --as {person} --print statement")).exits(0);
    let printed: Vec<&str> = said.stderr.lines().map(str::trim).collect();
    let sign = printed.iter().find(|line| line.starts_with("ssh-keygen ")).unwrap();
    let bring = printed.iter().find(|line| line.contains(" --signature ")).unwrap();
    assert!(scene.entries("approval").is_empty(), "nothing is signed yet");
    let mut words = sign.split_whitespace().map(|word| match word {
        "KEY" => format!("{person}/key"),
        word => word.to_owned(),
    });
    let mut keygen = Command::new(words.next().unwrap());
    scene.as_person(keygen.args(words), person);
    let made = keygen.stdin(Stdio::null()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    scene.run(person, bring.strip_prefix("countersign ").unwrap()).exits(0);
    assert_eq!(scene.entries("approval").len(), 1);
    let again = scene.run(person, bring.strip_prefix("countersign ").unwrap()).exits(7);
    assert!(again.stderr.contains("error[CS7"), "{}", again.stderr);
}

fn by_agent(scene: &Scene, person: &str, what: &str) {
    let without = scene.run(person, &format!("approve {what} --as {person}")).exits(7);
    assert!(without.stderr.contains("SSH_AUTH_SOCK"), "{}", without.stderr);
    let agent = Agent::holding(scene, &format!("{person}/key"));
    let mut approve = scene.command(person, &format!("approve {what} --as {person}"));
    let output = approve.env("SSH_AUTH_SOCK", &agent.socket).stdin(Stdio::null()).output().unwrap();
    Said::of(output).exits(0);
}

/// The requests travel as a file to a folder without a journal, the answer travels back.
fn by_file(scene: &Scene, person: &str) {
    scene.run("bob", "requests -o open.countersign").exits(0);
    let before = scene.entries("approval").len();
    let mut sign =
        scene.command(person, &format!("approve open.countersign -o answer --as {person} --key {person}/key"));
    let output = sign.env("COUNTERSIGN_JOURNAL", "nowhere.db").stdin(Stdio::null()).output().unwrap();
    Said::of(output).exits(0);
    assert!(!scene.path("nowhere.db").exists());
    assert_eq!(scene.entries("approval").len(), before, "nothing is in the journal yet");
    let said = scene.run("bob", "import answer").exits(0);
    assert_eq!(scene.entries("approval").len(), before + 3);
    let again = scene.run("bob", "import answer").exits(7);
    assert!(again.stderr.contains("error[CS7"), "{}\n{}", said.stderr, again.stderr);
}

/// What `waiting_for` says of a person, and what the program says while a seat is taken.
#[test]
fn status_says_who_is_waited_for_and_how_they_go_on() {
    let scene = Scene::new();
    scene.open().exits(4);
    let status = scene.status();
    assert_eq!(status["state"], "waiting");
    let waited = &status["waiting_for"][0];
    assert_eq!((&waited["what"], &waited["role"]), (&json!("approval"), &json!("customer_security")));
    assert_eq!(waited["people"], json!(["bob"]));
    assert_eq!(waited["stage"], "invite");
    assert!(waited["expires"].as_str().unwrap() > waited["since"].as_str().unwrap());
    let for_carol = scene.run("carol", "status --for carol --format json").exits(0).json();
    assert_eq!(for_carol["waiting_for"], json!([]));
    let turn = follow(&scene, waited["command"].as_str().unwrap());
    turn.said.exits(0);
    let status = scene.status();
    assert_eq!(status["waiting_for"][0]["what"], "performer");
    assert_eq!(status["waiting_for"][0]["people"], json!(["alice"]));
    let steps = status["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 9);
    assert!(steps.iter().all(|step| step["state"] == "pending" && step["attempt"] == 1), "{steps:?}");
}
