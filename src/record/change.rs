//! The change file: what others are to sign that no entry holds yet: a change of the run, or that it goes on in
//! another copy. Header, signed statements so far, then a bundle's entries and objects, with those that the change
//! brings.

use super::answer::signed;
use super::bundle::{self, Bundle, Reader, header, object_line, text_of};
use super::fact::SignedText;
use crate::base::json::{self, Form};
use serde_json::json;

/// A change file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeFile {
    /// Verbatim; at least the one of whoever asks.
    pub statements: Vec<SignedText>,
    /// The run as it stands, and the objects of the change beside its own.
    pub bundle: Bundle,
}

/// How a change file begins.
pub const START: &str = "{\"change\":1,";

/// The text of a change file.
pub fn write(file: &ChangeFile) -> Result<String, json::JsonError> {
    let mut out = format!("{START}\"run\":\"{}\"}}\n", file.bundle.run);
    for signed in &file.statements {
        let value = json!({"statement": signed.statement, "signature": signed.signature, "key": signed.key});
        out.push_str(&json::canonical(&value, Form::Line)?);
        out.push('\n');
    }
    file.bundle.lines.iter().for_each(|line| out.extend([line.as_str(), "\n"]));
    file.bundle.objects.iter().for_each(|(digest, bytes)| out.push_str(&object_line(digest, bytes)));
    Ok(out)
}

/// Reads a change file; every line must be canonical. Signatures are not checked here.
pub fn read(bytes: &[u8]) -> Result<ChangeFile, bundle::BundleError> {
    let mut statements = Vec::new();
    let mut reader = Reader::new();
    let mut entries = false;
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let wrong = |message: String| bundle::BundleError { line: at + 1, message };
        let text = text_of(line).map_err(wrong)?;
        if at == 0 {
            let run = header(text, "change").map_err(wrong)?;
            let head = format!("{{\"bundle\":1,\"run\":\"{run}\"}}\n");
            reader.line(head.as_bytes())?;
        } else if !entries && text.starts_with("{\"key\":") {
            statements.push(signed(text).map_err(wrong)?);
        } else {
            entries = true;
            reader.line(line).map_err(|error| wrong(error.message))?;
        }
    }
    let bundle = reader.finish()?;
    if statements.is_empty() {
        return Err(bundle::BundleError { line: 2, message: "it holds no statement".to_owned() });
    }
    Ok(ChangeFile { statements, bundle })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, RunId};

    #[test]
    fn a_change_file_reads_back_and_other_layouts_are_refused() {
        let signed = SignedText { statement: "a\nb\n".into(), signature: "s".into(), key: "k".into() };
        let objects = [&b"x"[..], b"y"].map(|bytes| (Digest::of(bytes), bytes.to_vec())).into_iter().collect();
        let lines = vec!["{\"at\":1}".to_owned(), "{\"at\":2}".to_owned()];
        let bundle = Bundle { run: RunId::from_bytes([1; 16]), lines, objects };
        let file = ChangeFile { statements: vec![signed], bundle };
        let text = write(&file).unwrap();
        assert_eq!(read(text.as_bytes()), Ok(file));
        let lines: Vec<&str> = text.lines().collect();
        let join = |order: &[usize]| order.iter().map(|at| format!("{}\n", lines[*at])).collect::<String>();
        for (wrong, line) in [
            (String::new(), 1),
            (text.replace("change", "bundle"), 1),
            (join(&[0, 2, 3]), 2),
            (join(&[0, 2, 1]), 4),
            (join(&[0, 1]), 2),
            (join(&[0, 1, 2, 4, 3]), 5),
            (text.trim_end().to_owned(), 6),
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{line}: {wrong}");
        }
    }
}
