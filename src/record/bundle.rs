//! The bundle: a run as one text file, the evidence artefact. Header, every entry line verbatim,
//! then the objects sorted by digest. Checks its own form and the objects' digests; the chain and
//! what entries say, `verify` checks.

use crate::base::json::{self, Form};
use crate::base::{Digest, RunId, parallel};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A bundle that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub run: RunId,
    /// Entry lines, verbatim, without their newlines.
    pub lines: Vec<String>,
    /// Some objects that entries name may be missing: withheld, or never there.
    pub objects: BTreeMap<Digest, Vec<u8>>,
}

/// Where and why a text is not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct BundleError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// The text of a bundle.
pub fn write(run: &RunId, lines: &[String], objects: &BTreeMap<Digest, Vec<u8>>) -> String {
    let mut out = format!("{{\"bundle\":1,\"run\":\"{run}\"}}\n");
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    for (digest, bytes) in objects {
        out.push_str(&object_line(digest, bytes));
    }
    out
}

/// `{"base64":...,"sha256":...}` and a newline.
pub(super) fn object_line(digest: &Digest, bytes: &[u8]) -> String {
    format!("{{\"base64\":\"{}\",\"sha256\":\"{digest}\"}}\n", STANDARD.encode(bytes))
}

/// Reads a whole bundle.
pub fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let mut reader = Reader::new();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let Some((header, rest)) = lines.split_first() else { return reader.finish() };
    reader.line(header)?;
    for piece in parallel::map(rest, |_: &mut (), &line| piece(line)) {
        reader.piece(piece)?;
    }
    reader.finish()
}

/// A line behind the header, by itself: whether it may stand where it stands, [`Reader`] says.
enum Piece<'a> {
    /// Its form was checked.
    Entry(&'a str, Result<(), String>),
    Object(Digest, Vec<u8>),
}

fn piece(line: &[u8]) -> Result<Piece<'_>, String> {
    let line = text_of(line)?;
    if is_object_line(line) {
        return object(line).map(|(digest, bytes)| Piece::Object(digest, bytes));
    }
    let form = match json::check(line, Form::Line) {
        Ok(()) if line.starts_with('{') => Ok(()),
        Ok(()) => Err("it is neither an entry nor an object".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Ok(Piece::Entry(line, form))
}

/// Reads a bundle line by line, so that a caller need not hold the whole text.
#[derive(Debug, Default)]
pub struct Reader {
    count: usize,
    run: Option<RunId>,
    lines: Vec<String>,
    objects: BTreeMap<Digest, Vec<u8>>,
}

impl Reader {
    pub fn new() -> Reader {
        Reader::default()
    }

    /// The next line, with its newline.
    pub fn line(&mut self, line: &[u8]) -> Result<(), BundleError> {
        if self.run.is_some() {
            return self.piece(piece(line));
        }
        self.count += 1;
        let run = text_of(line).and_then(|line| header(line, "bundle"));
        self.run = Some(run.map_err(|message| BundleError { line: self.count, message })?);
        Ok(())
    }

    fn piece(&mut self, piece: Result<Piece<'_>, String>) -> Result<(), BundleError> {
        self.count += 1;
        piece.and_then(|piece| self.take(piece)).map_err(|message| BundleError { line: self.count, message })
    }

    /// The end of the text.
    pub fn finish(self) -> Result<Bundle, BundleError> {
        let wrong = |message: &str| BundleError { line: self.count + 1, message: message.to_owned() };
        let Some(run) = self.run.clone() else { return Err(wrong("it is empty")) };
        if self.lines.is_empty() {
            return Err(wrong("it holds no entry"));
        }
        Ok(Bundle { run, lines: self.lines, objects: self.objects })
    }

    fn take(&mut self, piece: Piece<'_>) -> Result<(), String> {
        match piece {
            Piece::Entry(..) if !self.objects.is_empty() => {
                Err("after the first object only objects may follow".to_owned())
            }
            Piece::Entry(line, form) => {
                form?;
                self.lines.push(line.to_owned());
                Ok(())
            }
            Piece::Object(digest, bytes) => put(digest, bytes, &mut self.objects),
        }
    }
}

/// UTF-8 without the newline that must be there.
pub(super) fn text_of(line: &[u8]) -> Result<&str, String> {
    let line = line.strip_suffix(b"\n").ok_or("the newline at its end is missing: the file was cut")?;
    if line.ends_with(b"\r") || line.starts_with(b"\xef\xbb\xbf") {
        let what = if line.ends_with(b"\r") { "a carriage return at its end" } else { "a byte order mark before it" };
        return Err(format!("it has {what}: a program changed the file on its way; ask for it packed (zip, tar)"));
    }
    std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())
}

/// `{"<what>":1,"run":"..."}`.
pub(super) fn header(line: &str, what: &str) -> Result<RunId, String> {
    let wrong = || format!("the first line must be {{\"{what}\":1,\"run\":\"<32 hex digits>\"}}");
    let value = json::parse(line, Form::Line).map_err(|_| wrong())?;
    let run = value["run"].as_str().and_then(RunId::parse).ok_or_else(wrong)?;
    if value == json!({what: 1, "run": run}) { Ok(run) } else { Err(wrong()) }
}

/// Entries begin with `{"at":`: the first key tells the two apart.
pub(super) fn is_object_line(line: &str) -> bool {
    line.starts_with("{\"base64\":")
}

/// An object line behind those that were read.
pub(super) fn take_object(line: &str, objects: &mut BTreeMap<Digest, Vec<u8>>) -> Result<(), String> {
    let (digest, bytes) = object(line)?;
    put(digest, bytes, objects)
}

/// Digests rise.
fn put(digest: Digest, bytes: Vec<u8>, objects: &mut BTreeMap<Digest, Vec<u8>>) -> Result<(), String> {
    if objects.last_key_value().is_some_and(|(last, _)| *last >= digest) {
        return Err("objects must be sorted by digest, each once".to_owned());
    }
    objects.insert(digest, bytes);
    Ok(())
}

/// An object line: canonical, the digest that of the bytes.
fn object(line: &str) -> Result<(Digest, Vec<u8>), String> {
    let value = json::parse(line, Form::Object).map_err(|error| error.to_string())?;
    let two = value.as_object().is_some_and(|members| members.len() == 2);
    let (Value::String(text), Some(digest), true) = (&value["base64"], value["sha256"].as_str(), two) else {
        return Err("an object line has exactly `base64` and `sha256`".to_owned());
    };
    let digest = Digest::parse(digest).ok_or("`sha256` is not 64 lower-case hex digits")?;
    let bytes = STANDARD.decode(text).map_err(|_| "`base64` is not canonical base64".to_owned())?;
    if STANDARD.encode(&bytes) != *text {
        return Err("`base64` is not canonical base64".to_owned());
    }
    if Digest::of(&bytes) != digest {
        return Err(format!("the object {digest} does not have this digest"));
    }
    Ok((digest, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> String {
        let objects = [&b""[..], b"x", b"schema = 1\n"].map(|bytes| (Digest::of(bytes), bytes.to_vec()));
        write(&RunId::from_bytes([1; 16]), &["{\"at\":1}".into(), "{\"at\":2}".into()], &objects.into_iter().collect())
    }

    #[test]
    fn a_bundle_reads_back() {
        let bundle = read(text().as_bytes()).unwrap();
        assert_eq!((bundle.lines.len(), bundle.objects.len()), (2, 3));
        assert_eq!(write(&bundle.run, &bundle.lines, &bundle.objects), text());
    }

    #[test]
    fn every_other_layout_is_refused_with_its_line() {
        let text = text();
        let lines: Vec<&str> = text.lines().collect();
        let join = |order: &[usize]| order.iter().map(|at| format!("{}\n", lines[*at])).collect::<String>();
        let refused = |text: &str, line: usize| {
            let error = read(text.as_bytes()).unwrap_err();
            assert_eq!(error.line, line, "{error}\n{text}");
        };
        refused("", 1);
        refused("\n", 1);
        refused(&join(&[0]), 2);
        refused(&join(&[1, 0]), 1);
        refused(&join(&[0, 1, 3, 2]), 4);
        refused(&join(&[0, 1, 4, 3]), 4);
        refused(&join(&[0, 1, 3, 3]), 4);
        refused(&join(&[0, 1, 0]).replace("{\"bundle\":1", "{ \"bundle\":1"), 1);
        refused(&format!("{text}\n"), 7);
        refused(&format!("{text}x"), 7);
        refused(text.trim_end(), 6);
        refused(&text.replace("{\"at\":2}", "{\"at\": 2}"), 3);
        refused(&text.replace("{\"at\":2}", "2"), 3);
        refused(&text.replace("eA==", "eB=="), lines.iter().position(|line| line.contains("eA==")).unwrap() + 1);
        refused(&text.replace("eA==", "eQ=="), lines.iter().position(|line| line.contains("eA==")).unwrap() + 1);
        refused(&text.replace('\n', "\r\n"), 1);
    }

    proptest! {
        #[test]
        fn mutated_bundles_never_panic_nor_read_as_the_same(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = text().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            if let Ok(bundle) = read(&bytes) {
                prop_assert_ne!(Ok(bundle), read(text().as_bytes()));
            }
        }

        #[test]
        fn cut_bundles_never_panic(at in any::<prop::sample::Index>()) {
            let text = text();
            let _ = read(&text.as_bytes()[..at.index(text.len())]);
        }
    }
}
