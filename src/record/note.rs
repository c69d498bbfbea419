//! A checkpoint as others keep it: a C2SP tlog-checkpoint, which is a signed note. Three lines (origin, size, root), an
//! empty line, and a line for each signature. Pure.
//!
//! Ours are SSHSIG signatures, made with the same keys as every statement: the note's type 0xff with a name of its own.
//! Who knows no such type reads size and root, and ignores the line, as the note format wants it.

use super::tree::{parse_root, root_text};
use crate::base::{Digest, RunId};
use crate::sshsig::{self, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What `ssh-keygen -Y verify -n` takes.
pub const NAMESPACE: &str = "checkpoint-v1@countersign";
/// The signature type in the key id: no number of its own, so 0xff and a name.
const TYPE: &[u8] = b"\xffsshsig@countersign";
const ORIGIN: &str = "countersign/run/";
/// Longer texts are not read.
const LONGEST: usize = 64 * 1024;

/// How many entries, and their root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub run: RunId,
    pub size: u64,
    pub root: Digest,
}

impl Checkpoint {
    /// The first line: which log it is of.
    pub fn origin(&self) -> String {
        format!("{ORIGIN}{}", self.run)
    }

    /// What is signed: three lines, each with its line feed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin(), self.size, root_text(&self.root))
    }

    /// The whole note with one person's signature (armoured, in [`NAMESPACE`], over [`Checkpoint::text`]).
    /// None if that is no signature as `ssh-keygen` writes it.
    pub fn signed(&self, person: &str, armoured: &str) -> Option<String> {
        let key = sshsig::key_in(armoured).ok()?;
        let mut bytes = key_id(person, &key).to_vec();
        bytes.extend(sshsig::blob_of(armoured)?);
        Some(format!("{}\n\u{2014} {person} {}\n", self.text(), STANDARD.encode(bytes)))
    }
}

/// The first four bytes of SHA-256 over key name, line feed, type and key.
fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(b'\n');
    bytes.extend_from_slice(TYPE);
    bytes.extend_from_slice(&key.blob);
    let [a, b, c, d, ..] = Digest::of(&bytes).0;
    [a, b, c, d]
}

/// Whether a text looks like a note of ours, and not like another form of a kept head.
pub fn is_note(text: &str) -> bool {
    text.starts_with(ORIGIN)
}

/// Reads a note. Signatures of foreign types and names are left alone; one of our type must be good.
///
/// # Errors
/// In words: what is wrong with it.
pub fn read(text: &str) -> Result<Checkpoint, String> {
    if text.len() > LONGEST || text.chars().any(|c| c.is_ascii_control() && c != '\n') {
        return Err("it is too long, or holds control characters".to_owned());
    }
    let (body, signatures) = text.rsplit_once("\n\n").ok_or("it has no empty line before its signatures")?;
    let mut lines = body.split('\n');
    let mut line = |what: &str| lines.next().filter(|line| !line.is_empty()).ok_or(format!("it has no {what}"));
    let (origin, size, root) = (line("origin")?, line("size")?, line("root")?);
    let run = origin.strip_prefix(ORIGIN).and_then(RunId::parse).ok_or("its origin names no run")?;
    let number: u64 = size.parse().map_err(|_| "its size is no number")?;
    if number == 0 || number.to_string() != size {
        return Err("its size must be a number from 1, without zeros before it".to_owned());
    }
    let root = parse_root(root).ok_or("its root is not 32 bytes in base64")?;
    let signatures = signatures.strip_suffix('\n').ok_or("its last line does not end")?;
    signatures.split('\n').try_for_each(|line| signature(&format!("{body}\n"), line))?;
    Ok(Checkpoint { run, size: number, root })
}

/// A line of the note's end.
fn signature(text: &str, line: &str) -> Result<(), String> {
    let (name, packed) = line
        .strip_prefix("\u{2014} ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or("a signature line has another form")?;
    let bytes = STANDARD.decode(packed).map_err(|_| "a signature is not base64")?;
    let (id, blob) = bytes.split_at_checked(4).ok_or("a signature is too short")?;
    let armoured = sshsig::wrap(blob);
    let Ok(key) = sshsig::key_in(&armoured) else { return Ok(()) };
    if key_id(name, &key) != id {
        return Ok(());
    }
    sshsig::verify(&key, NAMESPACE, text.as_bytes(), &armoured)
        .map(|_| ())
        .map_err(|error| format!("the signature of {name} is not good: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshsig::{KeyKind, rehearsal_key};

    fn checkpoint() -> Checkpoint {
        Checkpoint { run: RunId::from_bytes([7; 16]), size: 12, root: Digest::of(b"x") }
    }

    fn signed() -> String {
        let key = rehearsal_key("bob", KeyKind::SkEd25519);
        checkpoint().signed("bob", &key.sign(NAMESPACE, checkpoint().text().as_bytes(), 5)).unwrap()
    }

    #[test]
    fn it_reads_back_and_other_signatures_are_left_alone() {
        let note = signed();
        assert_eq!(read(&note), Ok(checkpoint()));
        assert!(is_note(&note) && !is_note("{}"));
        let foreign = "\u{2014} example.com/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        assert_eq!(read(&format!("{note}{foreign}")), Ok(checkpoint()));
        assert_eq!(read(&format!("{}\n{foreign}", checkpoint().text())), Ok(checkpoint()));
    }

    #[test]
    fn what_is_altered_is_refused() {
        let note = signed();
        let root = root_text(&checkpoint().root);
        for (from, to) in [
            ("\n12\n", "\n13\n"),
            ("\n12\n", "\n012\n"),
            ("\n12\n", "\n0\n"),
            ("countersign/run/07", "countersign/run/08"),
            ("countersign/run/", "other/run/"),
            (root.as_str(), "AA=="),
            ("\n\n", "\n"),
            ("\u{2014}", "-"),
            ("\n12\n", "\n12\r\n"),
        ] {
            let altered = note.replacen(from, to, 1);
            assert!(altered != note && read(&altered).is_err(), "{from:?} -> {to:?}");
        }
        assert!(read(note.trim_end()).is_err());
        assert!(read("").is_err());
    }
}
