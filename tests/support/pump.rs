//! Does what `status --format json` says until the run is closed: proof that the printed commands are exact.

use super::{Said, Scene, binding};
use serde_json::Value;

/// One printed command, and what it gave.
pub struct Turn {
    pub person: String,
    pub line: String,
    pub said: Said,
}

/// Runs every printed command exactly as it is printed; only key and credentials of the person are added.
pub fn pump(scene: &Scene, most: usize) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    while turns.len() < most {
        let status = scene.status();
        if is_closed(&status) {
            return turns;
        }
        let line = first_command(&status);
        let turn = follow(scene, &line);
        assert!(matches!(turn.said.status, 0 | 4), "{line}: {:?}", turn.said);
        turns.push(turn);
    }
    panic!("not closed after {most} commands: {:#}", scene.status());
}

pub fn is_closed(status: &Value) -> bool {
    matches!(status["state"].as_str().unwrap(), "done" | "rolled back" | "abandoned")
}

/// What the first of those who are waited for runs next.
pub fn first_command(status: &Value) -> String {
    let waiting = status["waiting_for"].as_array().unwrap();
    let command = waiting.first().and_then(|waited| waited["command"].as_str());
    command.unwrap_or_else(|| panic!("an open run waits for nobody: {status:#}")).to_owned()
}

/// Runs one printed command as the person it names.
pub fn follow(scene: &Scene, line: &str) -> Turn {
    let (person, whole) = line_of(line);
    let said = scene.run(&person, &whole);
    Turn { person, line: line.to_owned(), said }
}

/// A printed command as that person types it: with key and credentials, without the program's name.
pub fn line_of(printed: &str) -> (String, String) {
    let rest = printed.strip_prefix("countersign ").unwrap_or_else(|| panic!("no command: {printed}"));
    let mut words = rest.split_whitespace().skip_while(|word| *word != "--as").skip(1);
    let person = words.next().unwrap_or_else(|| panic!("nobody is named: {printed}")).to_owned();
    let mut whole = format!("{rest} --key {person}/key");
    if rest.starts_with("resume ")
        && let Some(binding) = binding(&person)
    {
        whole.push_str(&format!(" --session {binding}"));
    }
    (person, whole)
}
