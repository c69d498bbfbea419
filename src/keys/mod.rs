//! Statement -> signature: key files, ssh-agent, keys made in software. Private keys never leave this room.

pub mod agent;
pub mod file;

use crate::engine::port::{SignError, Signer};
use crate::people::People;
use crate::sshsig::{KeyKind, PublicKey, SoftKey, rehearsal_key};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Asks for a passphrase; gets what it is for.
pub type Ask = Box<dyn Fn(&str) -> Option<String>>;

/// The keys at hand of the people of one run.
pub struct KeyRing {
    keys: BTreeMap<String, Vec<PublicKey>>,
    files: Vec<file::PrivateKey>,
}

impl KeyRing {
    /// Reads the key files. `software`: keys that stand in for a security key are accepted (never in a live run).
    pub fn new(people: &People, files: &[PathBuf], software: bool, ask: Ask) -> Result<KeyRing, SignError> {
        let keys = people.people.values().map(|person| (person.id.clone(), person.keys.clone())).collect();
        let files = files.iter().map(|path| file::read(path, software, &ask)).collect::<Result<_, _>>()?;
        Ok(KeyRing { keys, files })
    }
}

impl Signer for KeyRing {
    fn sign(&self, person: &str, namespace: &str, statement: &str) -> Result<(String, String), SignError> {
        let none = |message: &str| SignError::NoKey { person: person.to_owned(), message: message.to_owned() };
        let known = self.keys.get(person).ok_or_else(|| none("not in the people file"))?;
        if let Some(key) = self.files.iter().find(|key| known.contains(&key.public())) {
            return Ok((key.sign(namespace, statement.as_bytes()), key.public().line));
        }
        if !self.files.is_empty() {
            return Err(none("the key file given is not one of their keys in the people file"));
        }
        agent::sign(person, known, namespace, statement.as_bytes())
    }
}

/// Rehearsal keys: anyone can recompute them.
#[derive(Clone)]
pub struct SoftRing {
    keys: BTreeMap<String, SoftKey>,
}

impl SoftRing {
    /// The rehearsal key of each person, of the kind that the people file names.
    pub fn rehearsal(people: &People) -> SoftRing {
        let kind = |keys: &[PublicKey]| keys.first().map_or(KeyKind::Ed25519, |key| key.kind);
        let keys = people.people.values().map(|person| (person.id.clone(), rehearsal_key(&person.id, kind(&person.keys))));
        SoftRing { keys: keys.collect() }
    }
}

impl Signer for SoftRing {
    fn sign(&self, person: &str, namespace: &str, statement: &str) -> Result<(String, String), SignError> {
        let none = || SignError::NoKey { person: person.to_owned(), message: "no simulated person".to_owned() };
        let key = self.keys.get(person).ok_or_else(none)?;
        Ok((key.sign(namespace, statement.as_bytes(), TOUCH_AND_PIN), key.public().line))
    }
}

/// Flags of a security key that was touched and had its PIN typed.
pub const TOUCH_AND_PIN: u8 = 0x05;
