//! Statement -> signature: key files, ssh-agent, software keys, by hand.
//!
//! Chooses and asks the key; builds the SSHSIG itself and checks it before it hands it out. What a
//! signature is worth, `approval` decides.

pub mod agent;
pub mod file;

use crate::engine::port::{SignError, Signer};
use crate::people::People;
use crate::sshsig::{KeyKind, PublicKey, SoftKey, armour, rehearsal_key, to_be_signed, verify};
use agent::Agent;
use file::KeyFile;
use std::collections::BTreeMap;

/// Touch and PIN, as a security key's flags byte says it.
pub const TOUCH_AND_PIN: u8 = 0x05;

/// The keys that this process may sign with: files that were named, and those that an agent holds.
pub struct KeyRing {
    people: BTreeMap<String, Vec<PublicKey>>,
    files: Vec<KeyFile>,
    agent: Option<Agent>,
}

impl KeyRing {
    /// `people`: each person's public keys, by id.
    pub fn new(people: BTreeMap<String, Vec<PublicKey>>) -> KeyRing {
        KeyRing { people, files: Vec::new(), agent: None }
    }

    /// With the keys of the people file.
    pub fn of(people: &People) -> KeyRing {
        KeyRing::new(people.people.values().map(|person| (person.id.clone(), person.keys.clone())).collect())
    }

    /// A key file that the person named; it goes before the agent's keys.
    #[must_use]
    pub fn with_file(mut self, file: KeyFile) -> KeyRing {
        self.files.push(file);
        self
    }

    #[must_use]
    pub fn with_agent(mut self, agent: Agent) -> KeyRing {
        self.agent = Some(agent);
        self
    }

    /// By a named key file: in memory, or what it names at the agent. None: no file is this person's.
    fn by_file(&self, keys: &[PublicKey], namespace: &str, text: &str) -> Option<Result<(String, PublicKey), String>> {
        let file = self.files.iter().find(|file| keys.contains(&file.public()))?;
        Some(match file {
            KeyFile::Soft { key, flags } => Ok((key.sign(namespace, text.as_bytes(), *flags), key.public())),
            KeyFile::AtAgent { public, security_key } => {
                self.by_agent(std::slice::from_ref(public), namespace, text).map_err(|why| match security_key {
                    true => format!(
                        "its file is the handle of a security key, which only ssh-agent can reach ({why}); add it with \
                         `ssh-add FILE`, or use `--print` and sign with `ssh-keygen -Y sign`"
                    ),
                    false => why,
                })
            }
        })
    }

    /// By the first of `keys` that the agent holds.
    fn by_agent(&self, keys: &[PublicKey], namespace: &str, text: &str) -> Result<(String, PublicKey), String> {
        let Some(agent) = &self.agent else { return Err("no ssh-agent is running (SSH_AUTH_SOCK is not set)".into()) };
        let held = agent.identities().map_err(|error| error.to_string())?;
        let key = keys
            .iter()
            .find(|key| held.contains(&key.blob))
            .ok_or_else(|| format!("ssh-agent holds {} key(s), none of them fits", held.len()))?;
        let signature = agent
            .sign(&key.blob, &to_be_signed(namespace, text.as_bytes()))
            .map_err(|error| format!("{} ({error})", key.fingerprint()))?;
        Ok((armour(key, namespace, &signature), key.clone()))
    }
}

impl Signer for KeyRing {
    fn sign(&self, person: &str, namespace: &str, statement: &str) -> Result<(String, String), SignError> {
        let no_key = |message: String| SignError::NoKey { person: person.to_owned(), message };
        let keys = self.people.get(person).filter(|keys| !keys.is_empty());
        let keys = keys.ok_or_else(|| no_key("the people file lists none".to_owned()))?;
        let made = match self.by_file(keys, namespace, statement) {
            Some(made) => made,
            None => self.by_agent(keys, namespace, statement).map_err(|why| match self.files.len() {
                0 => why,
                _ => format!("no key file that was named is one of theirs in the people file, and {why}"),
            }),
        };
        let (signature, key) = made.map_err(|why| no_key(format!("{why}. Theirs are {}", fingerprints(keys))))?;
        // An agent is another program: what it gave must be good before it is written down.
        verify(&key, namespace, statement.as_bytes(), &signature)
            .map_err(|error| SignError::Failed(format!("the key gave a signature that does not hold: {error}")))?;
        Ok((signature, key.line))
    }
}

/// Keys in memory, by person: rehearsals and tests. They prove nothing outside.
#[derive(Clone, Debug, Default)]
pub struct SoftSigner {
    keys: BTreeMap<String, (SoftKey, u8)>,
}

impl SoftSigner {
    pub fn new() -> SoftSigner {
        SoftSigner::default()
    }

    /// `flags`: what a security key would say of touch and PIN.
    #[must_use]
    pub fn with(mut self, person: &str, key: SoftKey, flags: u8) -> SoftSigner {
        self.keys.insert(person.to_owned(), (key, flags));
        self
    }

    /// The rehearsal keys of simulated people, all with touch and PIN.
    pub fn rehearsal<'a>(people: impl IntoIterator<Item = (&'a str, KeyKind)>) -> SoftSigner {
        people.into_iter().fold(SoftSigner::new(), |signer, (person, kind)| {
            signer.with(person, rehearsal_key(person, kind), TOUCH_AND_PIN)
        })
    }

    pub fn public(&self, person: &str) -> Option<PublicKey> {
        self.keys.get(person).map(|(key, _)| key.public())
    }
}

impl Signer for SoftSigner {
    fn sign(&self, person: &str, namespace: &str, statement: &str) -> Result<(String, String), SignError> {
        let (key, flags) = self.keys.get(person).ok_or_else(|| SignError::NoKey {
            person: person.to_owned(),
            message: "no software key was made for them".to_owned(),
        })?;
        Ok((key.sign(namespace, statement.as_bytes(), *flags), key.public().line))
    }
}

fn fingerprints(keys: &[PublicKey]) -> String {
    keys.iter().map(PublicKey::fingerprint).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: &str = "said-v1@countersign";

    fn ring(person: &str, key: &SoftKey) -> KeyRing {
        KeyRing::new(BTreeMap::from([(person.to_owned(), vec![key.public()])]))
    }

    #[test]
    fn a_named_file_signs_for_its_person_only() {
        let key = rehearsal_key("bob", KeyKind::SkEd25519);
        let ring = ring("bob", &key).with_file(KeyFile::Soft { key: Box::new(key.clone()), flags: 1 });
        let (signature, line) = ring.sign("bob", SPACE, "text").unwrap();
        assert_eq!(line, key.public().line);
        assert_eq!(verify(&key.public(), SPACE, b"text", &signature).unwrap().flags, Some(1));
        assert!(matches!(ring.sign("alice", SPACE, "text"), Err(SignError::NoKey { .. })));
    }

    #[test]
    fn a_foreign_key_file_is_not_used_and_the_message_says_whose_keys_are_wanted() {
        let (bob, alice) = (rehearsal_key("bob", KeyKind::Ed25519), rehearsal_key("alice", KeyKind::Ed25519));
        let ring = ring("bob", &bob).with_file(KeyFile::Soft { key: Box::new(alice), flags: 0 });
        let error = ring.sign("bob", SPACE, "text").unwrap_err().to_string();
        assert!(error.contains("people file") && error.contains(&bob.public().fingerprint()), "{error}");
    }

    #[test]
    fn the_handle_of_a_security_key_points_to_the_agent() {
        let key = rehearsal_key("bob", KeyKind::SkEd25519);
        let ring = ring("bob", &key).with_file(KeyFile::AtAgent { public: key.public(), security_key: true });
        let error = ring.sign("bob", SPACE, "text").unwrap_err().to_string();
        assert!(error.contains("ssh-add") && error.contains("--print"), "{error}");
    }

    #[test]
    fn rehearsal_people_sign_with_touch_and_pin() {
        let signer = SoftSigner::rehearsal([("bob", KeyKind::SkEcdsaP256)]);
        let (signature, line) = signer.sign("bob", SPACE, "text").unwrap();
        let key = PublicKey::parse(&line).unwrap();
        assert_eq!(signer.public("bob"), Some(key.clone()));
        assert!(verify(&key, SPACE, b"text", &signature).unwrap().user_verified());
        assert!(signer.sign("eve", SPACE, "text").is_err());
    }
}
