//! The people file: who is who, with which keys. Pure.
//!
//! Reads the file and refuses what would let one person count as two. Who may approve what is `approval`'s.

mod read;
pub mod shapes;
mod skeleton;

use crate::base::Digest;
use crate::sshsig::PublicKey;
use std::collections::BTreeMap;

pub use read::parse;

#[derive(Clone, Debug)]
pub struct People {
    /// SHA-256 of the file's bytes.
    pub digest: Digest,
    pub people: BTreeMap<String, Person>,
    /// Ids of the people of `[break_glass]`.
    pub break_glass: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    /// NFC.
    pub name: String,
    pub party: String,
    pub roles: Vec<String>,
    pub keys: Vec<PublicKey>,
    pub mfa: Option<Mfa>,
}

#[derive(Clone, Debug)]
pub struct Mfa {
    pub serial: String,
    pub role: String,
}

impl People {
    /// Holders of `role`, by id.
    pub fn holders<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Person> {
        self.people.values().filter(move |person| person.roles.iter().any(|held| held == role))
    }

    pub fn get(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }
}
