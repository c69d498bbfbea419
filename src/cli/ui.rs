//! How the program speaks: data to stdout, speech to stderr, errors as message, hint and code.
//! The only place that prints.

use crate::base::{Finding, Place, Severity, escape};
use std::io::{IsTerminal, Write};

/// Exit codes (`cli.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// The runbook, people file or values have errors.
    Findings = 3,
    /// For a person or a time; nothing is wrong.
    Waiting = 4,
    InDoubt = 5,
    /// The journal or bundle does not verify.
    NotVerified = 6,
    /// By a rule.
    Refused = 7,
    /// Another executor holds the seat, or this is not the copy that may go on.
    Busy = 8,
}

/// An error at the edge: words, what to do, a stable code, the exit code.
#[derive(Debug)]
pub struct CliError {
    pub exit: Exit,
    pub code: &'static str,
    pub message: String,
    pub hint: String,
    /// Findings to show before the message.
    pub findings: Vec<Finding>,
}

impl CliError {
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> CliError {
        CliError { exit, code, message: message.into(), hint: hint.into(), findings: Vec::new() }
    }

    pub fn findings(findings: Vec<Finding>) -> CliError {
        CliError { exit: Exit::Findings, code: "", message: String::new(), hint: String::new(), findings }
    }
}

pub type CliResult = Result<Exit, CliError>;

/// Of a longer source line only what stands around the culprit is shown, with this many characters before it.
const LONGEST_LINE: usize = 400;
const BEFORE: usize = 100;

/// Where speech goes and how it looks.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    pub color: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub json: bool,
    /// stdin and stderr are both terminals: questions may be asked.
    pub interactive: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Bold,
    Dim,
    Good,
    Bad,
    Warn,
}

impl Ui {
    pub fn from_environment(quiet: bool, verbose: bool, json: bool) -> Ui {
        let terminal = std::io::stderr().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Ui {
            color: terminal && !no_color && !dumb,
            quiet,
            verbose,
            json,
            interactive: terminal && std::io::stdin().is_terminal(),
        }
    }

    /// Data, to stdout, with a line feed behind it. A closed pipe is nobody's error.
    pub fn data(&self, text: &str) {
        let text = if self.json { harmless_json(text) } else { text.to_owned() };
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    }

    /// Speech, to stderr; `text` may hold several lines. The caller escapes foreign text.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.must_say(text);
        }
    }

    /// Speech that `--quiet` does not silence: errors, and what to do next.
    pub fn must_say(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let text = if std::io::stderr().is_terminal() {
            let width = usize::from(dialoguer::console::Term::stderr().size().1);
            text.lines().map(|line| wrapped(line, width)).collect::<Vec<_>>().join("\n")
        } else {
            text.to_owned()
        };
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    }

    /// `text` in a style, where there is colour; never the only carrier of meaning.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Warn => "33",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// `file:line:column: error[CS0101]: message`, the source line with carets, the hint.
    /// The source line, its number, and what is meant on it.
    fn source(&self, place: &Place, style: Style) -> String {
        let long = place.source.chars().count() > LONGEST_LINE;
        let skipped = if long { (place.column - 1).saturating_sub(BEFORE) } else { 0 };
        let shown = |from: usize, count: usize| {
            let part: String = place.source.chars().skip(from).take(count).collect();
            escape::line(&part.replace('\t', " "))
        };
        let (left, right) = (if skipped > 0 { "..." } else { "" }, if long { "..." } else { "" });
        let line = format!("{left}{}{right}", shown(skipped, LONGEST_LINE));
        let pad = left.len() + shown(skipped, place.column - 1 - skipped).chars().count();
        let width = place.width.min(LONGEST_LINE - (place.column - 1 - skipped).min(LONGEST_LINE - 1));
        let number = place.line.to_string();
        let marks = self.paint(style, &"^".repeat(width));
        format!("\n {number} | {line}\n {} | {}{marks}", " ".repeat(number.len()), " ".repeat(pad))
    }

    pub fn finding(&self, finding: &Finding) -> String {
        let place = &finding.place;
        let style = if finding.severity == Severity::Error { Style::Bad } else { Style::Warn };
        let head = self.paint(style, &format!("{}[{}]", finding.severity, finding.code));
        let mut text = format!(
            "{}:{}:{}: {head}: {}",
            escape::line(&place.file),
            place.line,
            place.column,
            escape::line(&finding.message)
        );
        if !place.source.is_empty() {
            text.push_str(&self.source(place, style));
        }
        if !finding.hint.is_empty() {
            text.push_str(&format!("\n   = help: {}", escape::line(&finding.hint)));
        }
        text
    }

    /// An error as people see it, on stderr.
    pub fn error(&self, error: &CliError) {
        for finding in &error.findings {
            self.must_say(&self.finding(finding));
        }
        if !error.message.is_empty() {
            let code = if error.code.is_empty() { String::new() } else { format!("[{}]", error.code) };
            self.must_say(&format!(
                "{}: {}",
                self.paint(Style::Bad, &format!("error{code}")),
                escape::block(&error.message)
            ));
        }
        if !error.hint.is_empty() {
            self.must_say(&format!("hint: {}", escape::block(&error.hint)));
        }
    }
}

/// A line broken at spaces, what follows indented; a command stays whole, so that it can be copied.
fn wrapped(line: &str, width: usize) -> String {
    let measure = dialoguer::console::measure_text_width;
    if width < 40
        || measure(line) <= width
        || line.contains(": countersign ")
        || line.trim_start().starts_with("countersign ")
    {
        return line.to_owned();
    }
    let own: String = line.chars().take_while(|c| *c == ' ').collect();
    let indent = format!("{own}    ");
    let (mut out, mut here) = (String::new(), own.clone());
    for word in line.trim_start().split(' ') {
        let empty = here.trim().is_empty();
        if !empty && measure(&here) + 1 + measure(word) > width {
            out.push_str(&here);
            out.push('\n');
            here = format!("{indent}{word}");
        } else {
            if !empty {
                here.push(' ');
            }
            here.push_str(word);
        }
    }
    out.push_str(&here);
    out
}

/// The same JSON with every invisible or bidirectional character as its `\\uXXXX` escape.
fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || escape::is_harmless(c) {
            out.push(c);
        } else {
            let mut units = [0u16; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{harmless_json, wrapped};

    #[test]
    fn long_lines_break_at_spaces_and_commands_stay_whole() {
        let line = "  waiting for somebody who takes a long time to say what is to be done with it";
        let text = wrapped(line, 40);
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), line.split_whitespace().collect::<Vec<_>>());
        let command = "  can run: countersign approve accept:111122223333/accept --as alice --key somewhere";
        assert_eq!(wrapped(command, 40), command);
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a": "x\u{202e}y\u{200b}\u{e0001}z"});
        let text = harmless_json(&value.to_string());
        assert!(text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
