//! The run at a terminal 80 columns wide: what is asked there and how it is answered, what a wrong answer and Ctrl-C
//! do, and what NO_COLOR leaves. What the screen shows is a transcript.
#![cfg(all(unix, feature = "aws"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "support/screen.rs"]
mod screen;
#[path = "second/mod.rs"]
mod second;
mod support;
mod tutorial;

use screen::Screen;
use support::Scene;
use support::transcript::Transcript;

/// This person types a command.
fn open(scene: &Scene, person: &str, line: &str, environment: &[(&str, &str)]) -> Screen {
    Screen::of(scene.command(person, line), environment)
}

/// Up to where bob sits down for the accounts, with everything approved that he needs.
fn up_to_accept() -> Scene {
    let scene = Scene::new();
    scene.open().exits(4);
    scene.says("bob", "approve invite").exits(0);
    scene.resume("alice").exits(4);
    scene
}

const BOB: &str = "resume --simulated --as bob --key bob/key --session old_management=profile:old_management";

#[test]
fn bob_sits_at_a_terminal_while_the_others_approve() {
    let scene = up_to_accept();
    let mut screen = open(&scene, "bob", BOB, &[]);
    screen.see("then: countersign resume");
    screen.see("--simulated");
    let waits = screen.text();
    scene.says("alice", "approve accept").exits(0);
    let said = scene.says("carol", "approve accept").exits(0);
    assert!(said.stderr.contains("goes on at its seat"), "{}", said.stderr);
    screen.see("type 111122223333 to go on");
    screen.type_in("111122223333\r");
    screen.see("Go on with the rest?");
    screen.type_in("y");
    screen.see("type 222233334444 to go on");
    screen.type_in("222233334444\r");
    screen.see("type 333344445555 to go on");
    screen.type_in("333344445555\r");
    assert_eq!(screen.end(), 4);
    assert!(screen.raw().contains("\u{1b}["), "a terminal has colours");
    let mut text = Transcript::new();
    // How often it says who is still missing depends on how fast the others are.
    let whole = screen.text();
    let question = whole.find("\nbob (customer_security), please confirm").unwrap();
    text.push(&format!("{waits}\n...\n{}", &whole[question..]));
    text.compare(&scene, "terminal.txt");
    assert_eq!(scene.status()["waiting_for"][0]["people"][0], "alice");
    assert_eq!(scene.effects().len(), 6);
}

/// What is typed is not what was asked for: nothing happens, and the sitting ends.
#[test]
fn a_wrong_account_id_moves_nothing() {
    let scene = up_to_accept();
    scene.resume("bob").exits(4);
    scene.says("alice", "approve accept").exits(0);
    scene.says("carol", "approve accept").exits(0);
    let mut screen = open(&scene, "bob", BOB, &[]);
    screen.see("type 111122223333 to go on");
    screen.type_in("111122223334\r");
    assert_eq!(screen.end(), 4, "{}", screen.text());
    assert!(screen.text().contains("what was typed is not what was asked for"), "{}", screen.text());
    assert_eq!(scene.effects().len(), 3);
    assert!(scene.entries("said").is_empty());
    // The next sitting asks anew; "no" to the canary's question ends that one.
    let mut screen = open(&scene, "bob", BOB, &[]);
    screen.see("type 111122223333 to go on");
    screen.type_in("111122223333\r");
    screen.see("Go on with the rest?");
    screen.type_in("n");
    assert_eq!(screen.end(), 4, "{}", screen.text());
    assert_eq!(scene.effects().len(), 4);
}

/// Ctrl-C at a question leaves the run as it is; nothing is asked of the approvers again.
#[test]
fn ctrl_c_at_a_question_leaves_the_run_resumable() {
    let scene = up_to_accept();
    scene.resume("bob").exits(4);
    scene.says("alice", "approve accept").exits(0);
    scene.says("carol", "approve accept").exits(0);
    let mut screen = open(&scene, "bob", BOB, &[]);
    screen.see("type 111122223333 to go on");
    let status = screen.interrupt();
    assert!(matches!(status, -2 | 130), "exit {status}: {}", screen.text());
    scene.run("carol", "verify --trust runbooks/people.toml").exits(4);
    scene.says("bob", "confirm accept:111122223333/accept --typed 111122223333").exits(0);
    scene.resume("bob").exits(4);
    assert_eq!(scene.effects().len(), 4);
    assert_eq!(scene.entries("asked").len(), 4);
}

#[test]
fn no_color_leaves_no_colour() {
    let scene = up_to_accept();
    let mut screen = open(&scene, "bob", &format!("{BOB} --no-wait"), &[("NO_COLOR", "1")]);
    assert_eq!(screen.end(), 4, "{}", screen.text());
    assert!(!screen.raw().contains('\u{1b}'), "{:?}", screen.raw());
    let mut screen =
        open(&scene, "bob", "approve accept:111122223333/accept --as bob --key bob/key", &[("NO_COLOR", "1")]);
    screen.see("Approve and sign this?");
    screen.type_in("y");
    assert_eq!(screen.end(), 7, "who performs does not approve: {}", screen.text());
    assert!(!screen.raw().contains("\u{1b}[3"), "{:?}", screen.raw());
}
