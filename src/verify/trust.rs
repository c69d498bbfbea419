//! Roots of trust, which come from the verifier's own hands: keys got from a party, heads that an
//! approver kept. Reads them; what they mean for the verdict, others decide.

use super::{Problem, codes};
use crate::base::{Digest, RunId};
use crate::people;
use crate::record::Tree;
use crate::record::note::{self, Checkpoint};
use crate::record::tree::{parse_root, root_text};
use crate::sshsig::{KeyKind, PublicKey};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One `--trust` file: whose keys are which.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The file's name, for words.
    pub name: String,
    /// Keys by person id.
    pub keys: BTreeMap<String, Vec<PublicKey>>,
}

impl Trust {
    /// A people file, or an OpenSSH allowed_signers file whose principals are person ids.
    ///
    /// # Errors
    /// In words, with the line: anything that can't be used as it is written.
    pub fn parse(name: &str, text: &str) -> Result<Trust, String> {
        let keys = if looks_like_people(text) { from_people(name, text)? } else { from_signers(text)? };
        if keys.is_empty() {
            return Err("it holds no key".to_owned());
        }
        Ok(Trust { name: name.to_owned(), keys })
    }

    /// Whether `key` is `person`'s here; none where this file does not know the person.
    pub fn knows(&self, person: &str, key: &PublicKey) -> Option<bool> {
        self.keys.get(person).map(|keys| keys.contains(key))
    }
}

fn looks_like_people(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line.starts_with("[people") || line.starts_with("schema"))
}

fn from_people(name: &str, text: &str) -> Result<BTreeMap<String, Vec<PublicKey>>, String> {
    // Whether rehearsal keys may stand in a history is decided by its mode, not here.
    let (people, findings) = people::parse(name, text, true);
    let Some(people) = people else {
        let first = findings.first().map_or(String::new(), |f| format!("line {}: {}", f.place.line, f.message));
        return Err(format!("it is no good people file: {first}"));
    };
    Ok(people.people.into_values().map(|person| (person.id, person.keys)).collect())
}

fn from_signers(text: &str) -> Result<BTreeMap<String, Vec<PublicKey>>, String> {
    let mut keys: BTreeMap<String, Vec<PublicKey>> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (principals, key) = signer(line).map_err(|error| format!("line {}: {error}", number + 1))?;
        for principal in principals.split(',') {
            keys.entry(principal.to_owned()).or_default().push(key.clone());
        }
    }
    Ok(keys)
}

/// `principals [options] type base64 [comment]`.
fn signer(line: &str) -> Result<(&str, PublicKey), String> {
    let (principals, rest) = line.split_once([' ', '\t']).ok_or("a key must follow the principal")?;
    if principals.contains(['*', '?', '!', '"']) {
        return Err("a principal must be one person's id, without patterns".to_owned());
    }
    let rest = rest.trim_start();
    let first = rest.split_ascii_whitespace().next().unwrap_or("");
    let options = KeyKind::from_name(first).is_none() && first.contains(['=', '-', ',']) && !first.starts_with("ssh-");
    if options && !rest.starts_with("namespaces=\"*@countersign\" ") {
        return Err(format!("the option `{first}` is not understood; only namespaces=\"*@countersign\" is"));
    }
    let key = if options { rest.split_once(' ').map_or("", |(_, key)| key) } else { rest };
    PublicKey::parse(key).map(|key| (principals, key)).map_err(|error| error.to_string())
}

/// A head that an approver kept, or a checkpoint that anybody keeps. Further members are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Held {
    pub run: RunId,
    pub size: u64,
    /// Merkle root of that many entries, base64.
    pub root: String,
    /// Leaf of the last of them; a checkpoint note has none.
    #[serde(default)]
    pub leaf: Option<Digest>,
}

impl Held {
    /// # Errors
    /// In words: neither such a JSON object nor a checkpoint note.
    pub fn parse(text: &str) -> Result<Held, String> {
        if note::is_note(text) {
            let Checkpoint { run, size, root } = note::read(text)?;
            return Ok(Held { run, size, root: root_text(&root), leaf: None });
        }
        let held: Held = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if held.size == 0 || parse_root(&held.root).is_none() {
            return Err("`size` must be at least 1, and `root` 32 bytes in base64".to_owned());
        }
        Ok(held)
    }

    /// How a history contradicts this head.
    pub(super) fn contradicted(&self, tree: &Tree) -> Option<Problem> {
        let message = match tree.root_at(self.size) {
            None => format!(
                "somebody holds a head of {} entries, and here are {}: the end was cut off",
                self.size,
                tree.size()
            ),
            Some(root) if Some(root) != parse_root(&self.root) => {
                format!("the first {} entries are not those that somebody holds the head of", self.size)
            }
            Some(_) if self.leaf.is_some() && tree.leaf(self.size.saturating_sub(1)) != self.leaf => {
                format!("the entry {} is not the one that somebody holds the head of", self.size.saturating_sub(1))
            }
            Some(_) => return None,
        };
        Some(Problem { seq: None, code: codes::DIVERGED, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sshsig::rehearsal_key;

    #[test]
    fn allowed_signers_are_read_strictly() {
        let bob = rehearsal_key("bob", KeyKind::Ed25519);
        let line = format!("bob namespaces=\"*@countersign\" {}", bob.line("bob@example"));
        let trust = Trust::parse("t", &format!("# ours\n\n{line}\ncarol,dan {}\n", bob.line(""))).unwrap();
        assert_eq!(trust.knows("bob", &bob.public()), Some(true));
        assert_eq!(trust.knows("carol", &rehearsal_key("carol", KeyKind::Ed25519).public()), Some(false));
        assert_eq!(trust.knows("zoe", &bob.public()), None);
        for wrong in [
            String::new(),
            "bob".to_owned(),
            format!("* {}", bob.line("")),
            format!("bob cert-authority {}", bob.line("")),
            format!("bob valid-before=\"20300101\" {}", bob.line("")),
            "bob ssh-rsa AAAA".to_owned(),
        ] {
            assert!(Trust::parse("t", &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_kept_head_has_its_form() {
        let root = "ZOpHKurjaFNXDtqHESVI9buDn12mx2au8eQ8sqkp+LE=";
        let text = |size: u64, root: &str| {
            let (run, leaf) = ("00".repeat(16), Digest::of(b"x"));
            format!(r#"{{"run":"{run}","size":{size},"root":"{root}","leaf":"{leaf}","request":1}}"#)
        };
        assert!(Held::parse(&text(2, root)).is_ok());
        assert!(Held::parse(&text(0, root)).is_err());
        assert!(Held::parse(&text(2, "AA==")).is_err());
        assert!(Held::parse("{}").is_err());
    }
}
