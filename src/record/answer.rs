//! The answer file: what a person on another machine signed, to be brought to the journal.
//! Header, signed statements in order, then the objects that statements name by digest.

use super::bundle::{header, is_object_line, object_line, take_object, text_of};
use super::fact::SignedText;
use crate::base::json::{self, Form};
use crate::base::{Digest, RunId};
use serde_json::json;
use std::collections::BTreeMap;

/// An answer file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub run: RunId,
    /// Verbatim.
    pub statements: Vec<SignedText>,
    /// Answers and evidence that `said` statements name.
    pub objects: BTreeMap<Digest, Vec<u8>>,
}

/// Where and why a text is not an answer file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct AnswerError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// The text of an answer file.
pub fn write(answer: &Answer) -> Result<String, json::JsonError> {
    let mut out = format!("{{\"answer\":1,\"run\":\"{}\"}}\n", answer.run);
    for signed in &answer.statements {
        let value = json!({"statement": signed.statement, "signature": signed.signature, "key": signed.key});
        out.push_str(&json::canonical(&value, Form::Line)?);
        out.push('\n');
    }
    for (digest, bytes) in &answer.objects {
        out.push_str(&object_line(digest, bytes));
    }
    Ok(out)
}

/// Reads an answer file; every line must be canonical. Signatures are not checked here.
pub fn read(bytes: &[u8]) -> Result<Answer, AnswerError> {
    let (mut run, mut statements, mut objects) = (None, Vec::new(), BTreeMap::new());
    let mut count = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        count += 1;
        let mut take = || {
            let line = text_of(line)?;
            if run.is_none() {
                run = Some(header(line, "answer")?);
            } else if is_object_line(line) {
                take_object(line, &mut objects)?;
            } else if objects.is_empty() {
                statements.push(signed(line)?);
            } else {
                return Err("after the first object only objects may follow".to_owned());
            }
            Ok(())
        };
        take().map_err(|message| AnswerError { line: count, message })?;
    }
    match run {
        Some(run) if !statements.is_empty() => Ok(Answer { run, statements, objects }),
        _ => Err(AnswerError { line: count + 1, message: "it holds no statement".to_owned() }),
    }
}

pub(super) fn signed(line: &str) -> Result<SignedText, String> {
    let value = json::parse(line, Form::Line).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|_| "a line has exactly `statement`, `signature` and `key`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_back_and_other_lines_are_refused() {
        let signed = SignedText { statement: "a\nb\n".into(), signature: "s".into(), key: "k".into() };
        let objects = BTreeMap::from([(Digest::of(b"x"), b"x".to_vec())]);
        let answer = Answer { run: RunId::from_bytes([1; 16]), statements: vec![signed.clone(), signed], objects };
        let text = write(&answer).unwrap();
        assert_eq!(read(text.as_bytes()), Ok(answer));
        for (wrong, line) in [
            (String::new(), 1),
            (text.replace("answer", "bundle"), 1),
            (text.replacen("\"key\":\"k\",", "", 1), 2),
            (text.replacen("\"key\"", "\"kex\"", 1), 2),
            (text.replacen("{\"key\"", "{ \"key\"", 1), 2),
            (text.replace("eA==", "eQ=="), 4),
            (format!("{text}{}\n", text.lines().nth(1).unwrap()), 5),
            (format!("{}\n", text.lines().next().unwrap()), 2),
        ] {
            assert_eq!(read(wrong.as_bytes()).map_err(|error| error.line), Err(line), "{wrong}");
        }
    }
}
