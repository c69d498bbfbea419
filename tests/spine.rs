//! The spine: the shipped runbook through the binary, in separate processes of separate people, over HTTP against
//! the simulator. What each of them reads on the way is a transcript.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod support;

use support::pump::pump;
use support::{Scene, whole_move};

#[test]
fn the_printed_commands_lead_from_the_beginning_to_the_end() {
    let scene = Scene::new();
    scene.open().exits(4);
    for turn in pump(&scene, 40) {
        println!("$ {}\n{}{}exit {}\n", turn.line, turn.said.stdout, turn.said.stderr, turn.said.status);
    }
    assert_eq!(scene.effects(), whole_move());
}
