//! A person at a terminal 80 columns wide: what is shown there, and what they type.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "helpers of tests; not every test uses each of them")]

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Any, Eof, Expect, Regex, Session};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A person at a terminal.
pub struct Screen {
    session: OsSession,
    /// Everything that was shown, control sequences included.
    shown: Vec<u8>,
}

impl Screen {
    pub fn of(mut command: Command, environment: &[(&str, &str)]) -> Screen {
        command.stdin(Stdio::inherit()).env("TERM", "xterm-256color").envs(environment.iter().copied());
        let mut session = Session::spawn(command).unwrap();
        session.get_process_mut().set_window_size(80, 24).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(60)));
        Screen { session, shown: Vec::new() }
    }

    /// Waits until it is shown.
    #[track_caller]
    pub fn see(&mut self, text: &str) {
        match self.session.expect(text) {
            Ok(found) => self.shown.extend_from_slice(found.as_bytes()),
            Err(error) => panic!("`{text}` was not shown ({error}) behind:\n{}", self.text()),
        }
    }

    pub fn type_in(&mut self, text: &str) {
        self.session.send(text).unwrap();
    }

    /// Everything up to the end of the program; its exit code, or minus the signal's number.
    pub fn end(&mut self) -> i32 {
        match self.session.expect(Eof) {
            Ok(found) => self.shown.extend_from_slice(found.as_bytes()),
            Err(error) => {
                let _ = self.session.get_process_mut().exit(true);
                panic!("it does not end ({error}) behind:\n{}", self.text());
            }
        }
        self.status()
    }

    /// Ctrl-C, and again as somebody would where nothing happened: a key that comes just as the terminal is set up for
    /// a question may be lost.
    pub fn interrupt(&mut self) -> i32 {
        self.session.set_expect_timeout(Some(Duration::from_secs(5)));
        for _ in 0..12 {
            let _ = self.session.send("\u{3}");
            if let Ok(found) = self.session.expect(Eof) {
                self.shown.extend_from_slice(found.as_bytes());
                return self.status();
            }
        }
        let _ = self.session.get_process_mut().exit(true);
        panic!("Ctrl-C does not end it behind:\n{}", self.text());
    }

    fn status(&mut self) -> i32 {
        match self.session.get_process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => -(signal as i32),
            other => panic!("{other:?}"),
        }
    }

    /// Everything up to the end, each question answered once as it is shown (what was answered is shown again); a
    /// number that is to be typed is typed.
    pub fn answering(&mut self, answers: &[(&str, &str)]) -> i32 {
        let all: Vec<&str> = answers.iter().map(|(question, _)| *question).chain(["type [0-9]{12} to go on"]).collect();
        let pattern = all.join("|").replace('?', "\\?");
        let mut answered: Vec<String> = Vec::new();
        loop {
            let any = Any::boxed(vec![Box::new(Regex(pattern.clone())), Box::new(Eof)]);
            let found = match self.session.expect(any) {
                Ok(found) => found,
                Err(error) => panic!("it neither asks nor ends ({error}) behind:\n{}", self.text()),
            };
            self.shown.extend_from_slice(found.as_bytes());
            let question = String::from_utf8_lossy(found.get(0).unwrap_or_default()).into_owned();
            if answered.contains(&question) {
                continue;
            }
            let known = answers.iter().find(|(asked, _)| *asked == question);
            let number = question.strip_prefix("type ").and_then(|rest| rest.strip_suffix(" to go on"));
            match (number, known) {
                (Some(number), _) => self.type_in(&format!("{number}\r")),
                (None, Some((_, answer))) => self.type_in(answer),
                (None, None) => return self.status(),
            }
            answered.push(question);
        }
    }

    pub fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// What stands on the screen in the end, without colours, one line per row.
    pub fn text(&self) -> String {
        plain(&self.raw())
    }
}

/// Carries out what a prompt library does: colours, erased lines, carriage returns.
fn plain(raw: &str) -> String {
    let mut rows: Vec<String> = vec![String::new()];
    let mut row = 0;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                let mut sequence = String::new();
                let end = loop {
                    match chars.next() {
                        Some(c) if c.is_ascii_alphabetic() => break c,
                        Some(c) => sequence.push(c),
                        None => return rows.join("\n"),
                    }
                };
                match end {
                    'A' => row = usize::saturating_sub(row, sequence.parse().unwrap_or(1)),
                    'K' => rows[row].clear(),
                    _ => {}
                }
            }
            '\n' => {
                row += 1;
                if row == rows.len() {
                    rows.push(String::new());
                }
            }
            '\r' => {}
            c => rows[row].push(c),
        }
    }
    rows.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n")
}
