//! A person at a terminal 80 columns wide: what is shown there, and what they type.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "helpers of tests; not every test uses each of them")]

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Eof, Expect, Session};
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
        match self.session.get_process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => -(signal as i32),
            other => panic!("{other:?}"),
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
