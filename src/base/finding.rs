//! What is wrong with something that a person wrote, and where.

use serde::Serialize;
use std::fmt;

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// How many characters the culprit takes on its line (at least 1).
    #[serde(skip)]
    pub width: usize,
    /// The line itself, raw; escape before showing.
    #[serde(skip)]
    pub source: String,
}

impl Place {
    /// The place of a byte range of `text`.
    pub fn of(file: &str, text: &str, span: std::ops::Range<usize>) -> Place {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let end = end.max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let source = text[line_start..line_end].trim_end_matches('\r');
        Place {
            file: file.to_owned(),
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            width: text[start..end.min(line_end)].chars().count().max(1),
            source: source.to_owned(),
        }
    }

    /// A file as a whole.
    pub fn file(file: &str) -> Place {
        Place { file: file.to_owned(), line: 1, column: 1, width: 1, source: String::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One thing that is wrong: a stable code (`CS0101`), words, the place, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub place: Place,
    /// What to do about it; empty if the message says it all.
    pub hint: String,
}

impl Finding {
    pub fn error(code: &'static str, place: Place, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { severity: Severity::Error, code, message: message.into(), place, hint: hint.into() }
    }

    pub fn warning(code: &'static str, place: Place, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, place, message, hint) }
    }
}
