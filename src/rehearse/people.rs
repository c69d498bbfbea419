//! The people of a rehearsal: those of the people file (or one per role), with keys that anyone can recompute.

use super::devices;
use crate::people::{Mfa, People};
use crate::plan::model::Proof;
use crate::sshsig::{KeyKind, rehearsal_key};
use std::collections::{BTreeMap, BTreeSet};

/// Roles by id: party and proof.
pub type Roles = BTreeMap<String, (String, Proof)>;

/// A people file with rehearsal keys for the same people.
pub fn file(people: &People, roles: &Roles) -> String {
    let mut text = "schema = 1\n".to_owned();
    for person in people.people.values() {
        let kind = kind_of(person.roles.iter(), roles);
        let key = rehearsal_key(&person.id, kind).line("rehearsal");
        text.push_str(&format!(
            "\n[people.{}]\nname = {}\nparty = {}\nroles = [{}]\nkeys = [{}]\n",
            person.id,
            quoted(&person.name),
            quoted(&person.party),
            person.roles.iter().map(|role| quoted(role)).collect::<Vec<_>>().join(", "),
            quoted(&key),
        ));
        if person.roles.iter().any(|role| needs_code(role, roles)) {
            text.push_str(&device(&person.mfa.clone().unwrap_or_else(|| devices::invented(&person.id))));
        }
    }
    if !people.break_glass.is_empty() {
        let all: Vec<String> = people.break_glass.iter().map(|id| quoted(id)).collect();
        text.push_str(&format!("\n[break_glass]\npeople = [{}]\n", all.join(", ")));
    }
    text
}

/// A people file with one simulated person per role, for a runbook without people.
pub fn invented(roles: &Roles) -> String {
    let mut text = "schema = 1\n".to_owned();
    for (role, (party, _)) in roles {
        let party = if party.is_empty() { "simulated" } else { party };
        let id = format!("simulated_{role}");
        let key = rehearsal_key(&id, kind_of(std::iter::once(role), roles)).line("rehearsal");
        text.push_str(&format!(
            "\n[people.{id}]\nname = {}\nparty = {}\nroles = [{}]\nkeys = [{}]\n",
            quoted(&format!("Simulated {role}")),
            quoted(party),
            quoted(role),
            quoted(&key),
        ));
        if needs_code(role, roles) {
            text.push_str(&device(&devices::invented(&id)));
        }
    }
    text
}

fn needs_code(role: &str, roles: &Roles) -> bool {
    roles.get(role).is_some_and(|(_, proof)| *proof == Proof::MfaCode)
}

fn device(mfa: &Mfa) -> String {
    format!("mfa = {{ serial = {}, role = {} }}\n", quoted(&mfa.serial), quoted(&mfa.role))
}

/// A security key (in software) where a role asks for touch and PIN.
fn kind_of<'a>(mut held: impl Iterator<Item = &'a String>, roles: &Roles) -> KeyKind {
    let verified: BTreeSet<&String> =
        roles.iter().filter(|(_, (_, proof))| *proof == Proof::UserVerified).map(|(id, _)| id).collect();
    if held.any(|role| verified.contains(role)) { KeyKind::SkEd25519 } else { KeyKind::Ed25519 }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
