//! Warns of what only TOML 1.1 allows, since most editors read 1.0: line breaks and trailing commas in
//! inline tables, `\e` and `\x` escapes.

use super::node::Notes;

/// Scans the text once; never fails, since the parser has the last word on syntax.
pub(super) fn warn(notes: &mut Notes) {
    let text = notes.source.text.clone();
    let mut scan = Scan { text: &text, at: 0, open: Vec::new(), found: Vec::new() };
    scan.run();
    for (at, length, message) in scan.found {
        notes.warning("CS0102", &(at..at + length), message, "write it so that TOML 1.0 editors read it too");
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Open brackets and braces.
    open: Vec<u8>,
    found: Vec<(usize, usize, &'static str)>,
}

impl Scan<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        // The last byte that is neither white space nor a comment.
        let mut last = b'\n';
        // One warning per inline table is enough.
        let mut warned = false;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'#' => self.skip_comment(),
                b'"' | b'\'' => self.string(byte),
                b'[' | b'{' => self.open.push(byte),
                b']' => drop(self.open.pop()),
                b'}' => {
                    if last == b',' {
                        self.found.push((self.at, 1, "only TOML 1.1 allows a comma before the `}`"));
                    }
                    self.open.pop();
                    warned = false;
                }
                b'\n' if self.open.last() == Some(&b'{') && !warned => {
                    self.found.push((self.at, 1, "only TOML 1.1 allows a line break inside `{ }`"));
                    warned = true;
                }
                _ => {}
            }
            if !byte.is_ascii_whitespace() && byte != b'#' {
                last = byte;
            }
            self.at += 1;
        }
    }

    /// Leaves the place before the line break.
    fn skip_comment(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.at += length.saturating_sub(1);
    }

    /// Leaves the place on the last quote.
    fn string(&mut self, quote: u8) {
        let bytes = self.text.as_bytes();
        let triple = bytes[self.at..].starts_with(&[quote; 3]);
        let width = if triple { 3 } else { 1 };
        self.at += width;
        while let Some(&byte) = bytes.get(self.at) {
            if byte == b'\\' && quote == b'"' {
                if matches!(bytes.get(self.at + 1), Some(b'e' | b'x')) {
                    self.found.push((self.at, 2, "only TOML 1.1 has this escape (1.0: `\\u001b`)"));
                }
                self.at += 2;
                continue;
            }
            if !triple && byte == b'\n' {
                return;
            }
            if bytes[self.at..].starts_with(&[quote; 3][..width]) {
                self.at += width - 1;
                return;
            }
            self.at += 1;
        }
    }
}
