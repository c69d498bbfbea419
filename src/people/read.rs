//! The people file's text -> people, or findings.

use super::skeleton::{mixes_scripts, skeleton};
use super::{Mfa, People, Person};
use crate::base::{Digest, Finding, escape};
use crate::runbook::kind::Kind;
use crate::runbook::node::{self, Data, Node, Notes, Text};
use crate::runbook::reader::{Shape, Table, name, one_of, shown};
use crate::sshsig::{KeyKind, PublicKey, SigError, rehearsal_key};
use serde_json::Value;
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;

const TOP: Shape = Shape { name: "the people file", header: "", keys: &["schema", "people", "break_glass"] };
const PERSON: Shape =
    Shape { name: "a person", header: "[people.ID]", keys: &["name", "party", "roles", "keys", "mfa"] };
const MFA: Shape = Shape { name: "an MFA device", header: "", keys: &["serial", "role"] };
const BREAK_GLASS: Shape = Shape { name: "the table [break_glass]", header: "[break_glass]", keys: &["people"] };

/// Reads a people file. None if anything that was found is an error. Keys that anybody can compute
/// (rehearsal keys) pass only where `rehearsal` says so.
pub fn parse(file: &str, text: &str, rehearsal: bool) -> (Option<People>, Vec<Finding>) {
    let mut notes = Notes::new(file, text);
    let (root, good) = node::parse(&mut notes);
    let people = if good { read_root(&root, rehearsal, &mut notes) } else { None };
    let people = if notes.has_errors() { None } else { people };
    (people, notes.sorted())
}

/// A person and the places that findings point at.
struct Written {
    id: Text,
    name: Text,
    person: Person,
    keys: Vec<(PublicKey, std::ops::Range<usize>)>,
}

fn read_root(root: &Node, rehearsal: bool, notes: &mut Notes) -> Option<People> {
    let top = Table::open(root, &TOP, "the people file", &[], notes)?;
    match top.get("schema").map(|node| &node.is) {
        Some(Data::Integer(1)) => {}
        Some(_) => notes.error("CS0109", &top.key_span("schema"), "this version reads `schema = 1` only", ""),
        None => notes.error("CS0104", &(0..0), "the people file has no `schema`", "write `schema = 1` at the top"),
    }
    let Some(node) = top.get("people") else {
        notes.error("CS0104", &(0..0), "the people file has no people", "write `[people.ID]` for each person");
        return None;
    };
    let written: Vec<Written> =
        Table::named(node, "`people`", notes).into_iter().filter_map(|(id, node)| person(&id, node, notes)).collect();
    if matches!(&node.is, Data::Table(table) if table.is_empty()) {
        notes.error("CS0113", &node.span, "the people file names nobody", "write `[people.ID]` for each person");
    }
    if !rehearsal {
        refuse_rehearsal_keys(&written, notes);
    }
    one_key_one_person(&written, notes);
    look_alikes(&written, notes);
    let break_glass = break_glass(&top, &written, notes);
    let people: BTreeMap<String, Person> = written.into_iter().map(|one| (one.id.is, one.person)).collect();
    Some(People { digest: Digest::of(notes.source.text.as_bytes()), people, break_glass })
}

fn person(id: &Text, node: &Node, notes: &mut Notes) -> Option<Written> {
    let table = Table::open(node, &PERSON, format!("the person `{}`", shown(&id.is)), &[&TOP], notes)?;
    let good = name(id, notes);
    let called = table.required("name", notes);
    if let Some(called) = &called {
        readable(called, notes);
    }
    let party = table.required("party", notes).filter(|party| name(party, notes));
    let roles = table.texts("roles", notes).unwrap_or_default();
    for role in &roles {
        name(role, notes);
    }
    if !table.has("keys") {
        table.missing("keys", notes);
    }
    let keys = keys(&table, notes);
    let mfa = table.get("mfa").and_then(|node| mfa(node, notes));
    let (called, party) = (called?, party?);
    let person = Person {
        id: id.is.clone(),
        name: called.is.nfc().collect(),
        party: party.is,
        roles: roles.into_iter().map(|role| role.is).collect(),
        keys: keys.iter().map(|(key, _)| key.clone()).collect(),
        mfa,
    };
    good.then(|| Written { id: id.clone(), name: called, person, keys })
}

/// A name that people will read on a screen.
fn readable(called: &Text, notes: &mut Notes) {
    if called.is.chars().any(|c| !escape::is_harmless(c)) {
        let message = "the name holds an invisible or control character";
        notes.error("CS0407", &called.span, message, "type it anew, without what a copy brought along");
    } else if mixes_scripts(&called.is) {
        let message = format!("`{}` mixes Latin letters with Cyrillic or Greek ones in one word", shown(&called.is));
        notes.error("CS0407", &called.span, message, "write the name in one script");
    }
}

fn keys(table: &Table<'_>, notes: &mut Notes) -> Vec<(PublicKey, std::ops::Range<usize>)> {
    let mut out: Vec<(PublicKey, std::ops::Range<usize>)> = Vec::new();
    let texts = table.texts("keys", notes).unwrap_or_default();
    if texts.is_empty() && table.has("keys") {
        let hint = "give at least one public key: without it the person can sign nothing";
        notes.error("CS0113", &table.key_span("keys"), format!("{} has no key", table.what), hint);
    }
    for text in texts {
        match PublicKey::parse(&text.is) {
            Ok(key) if out.iter().any(|(other, _)| *other == key) => {
                notes.error("CS0406", &text.span, format!("{} has this key twice", table.what), "");
            }
            Ok(key) => out.push((key, text.span)),
            Err(SigError::Weak) => {
                let hint = "anybody can sign for such a key; make a new one with ssh-keygen";
                notes.error("CS0405", &text.span, SigError::Weak.to_string(), hint);
            }
            Err(error) => {
                let hint = "give the line of the .pub file that ssh-keygen wrote";
                notes.error("CS0404", &text.span, error.to_string(), hint);
            }
        }
    }
    out
}

fn mfa(node: &Node, notes: &mut Notes) -> Option<Mfa> {
    let table = Table::open(node, &MFA, "`mfa`", &[&PERSON], notes)?;
    let mut arn = |key: &str| {
        let text = table.required(key, notes)?;
        if let Err(message) = Kind::Arn.accept(&Value::String(text.is.clone())) {
            notes.error("CS0110", &text.span, message, "");
            return None;
        }
        Some(text.is)
    };
    let (serial, role) = (arn("serial"), arn("role"));
    Some(Mfa { serial: serial?, role: role? })
}

fn break_glass(top: &Table<'_>, written: &[Written], notes: &mut Notes) -> Vec<String> {
    let Some(node) = top.get("break_glass") else { return Vec::new() };
    let Some(table) = Table::open(node, &BREAK_GLASS, "the table [break_glass]", &[&TOP], notes) else {
        return Vec::new();
    };
    let known: Vec<&str> = written.iter().map(|one| one.id.is.as_str()).collect();
    let mut out = Vec::new();
    for id in table.texts("people", notes).unwrap_or_default() {
        if known.contains(&id.is.as_str()) {
            out.push(id.is);
        } else {
            let message = format!("`{}` is not in the people file", shown(&id.is));
            notes.error("CS0410", &id.span, message, one_of(&id.is, &known));
        }
    }
    out
}

fn one_key_one_person(written: &[Written], notes: &mut Notes) {
    for (at, one) in written.iter().enumerate() {
        for (key, span) in &one.keys {
            let other = written[..at].iter().find(|other| other.keys.iter().any(|(held, _)| held == key));
            if let Some(other) = other {
                let message = format!("`{}` and `{}` have the same key", other.id.is, one.id.is);
                notes.error("CS0406", span, message, "a key belongs to one person: it says who signed");
            }
        }
    }
}

fn look_alikes(written: &[Written], notes: &mut Notes) {
    for (at, one) in written.iter().enumerate() {
        for other in &written[..at] {
            if skeleton(&one.name.is) == skeleton(&other.name.is) {
                let message = format!("the names of `{}` and `{}` look alike", other.id.is, one.id.is);
                notes.error(
                    "CS0407",
                    &one.name.span,
                    message,
                    "add what tells the two apart, for instance a department",
                );
            } else if skeleton(&one.id.is) == skeleton(&other.id.is) {
                let message = format!("the ids `{}` and `{}` look alike", other.id.is, one.id.is);
                notes.error("CS0407", &one.id.span, message, "choose ids that nobody mistakes for one another");
            }
        }
    }
}

/// Rehearsal keys derive from a person's id: anybody can sign with them.
fn refuse_rehearsal_keys(written: &[Written], notes: &mut Notes) {
    let kinds = [KeyKind::Ed25519, KeyKind::SkEd25519, KeyKind::SkEcdsaP256];
    for owner in written {
        for public in kinds.map(|kind| rehearsal_key(&owner.id.is, kind).public()) {
            let held = written.iter().flat_map(|one| &one.keys).filter(|(key, _)| *key == public);
            for (_, span) in held {
                let message = format!("this is the rehearsal key of `{}`, which anybody can compute", owner.id.is);
                notes.error("CS0408", span, message, "give a key that only this person holds");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(person: &str, kind: KeyKind) -> String {
        rehearsal_key(person, kind).public().line
    }

    fn file(people: &[(&str, &str, &str)]) -> String {
        let mut text = "schema = 1\n".to_owned();
        for (id, called, key) in people {
            text.push_str(&format!(
                "[people.{id}]\nname = \"{called}\"\nparty = \"partner\"\nroles = [\"r\"]\nkeys = [\"{key}\"]\n"
            ));
        }
        text
    }

    fn codes(text: &str, rehearsal: bool) -> Vec<&'static str> {
        parse("people.toml", text, rehearsal).1.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_good_file_reads_and_names_are_normalised() {
        let text = file(&[("alice", "Ali\u{301}ce", &line("alice", KeyKind::Ed25519))]);
        let (people, found) = parse("people.toml", &text, true);
        assert_eq!(found, Vec::new());
        assert_eq!(people.unwrap().get("alice").unwrap().name, "Al\u{ed}ce");
    }

    #[test]
    fn what_lets_one_person_count_as_two_is_refused() {
        let (a, b) = (line("alice", KeyKind::Ed25519), line("bob", KeyKind::SkEd25519));
        assert_eq!(codes(&file(&[("alice", "Alice", &a), ("bob", "Bob", &a)]), true), ["CS0406"]);
        assert_eq!(codes(&file(&[("alice", "Alice", &a), ("bob", "A1ice", &b)]), true), ["CS0407"]);
        assert_eq!(codes(&file(&[("alice", "Alice", &a), ("a1ice", "Bob", &b)]), true), ["CS0407"]);
        assert_eq!(codes(&file(&[("alice", "Аlice", &a)]), true), ["CS0407"]);
        assert_eq!(codes(&file(&[("alice", "Ali\\u200bce", &a)]), true), ["CS0407"]);
    }

    #[test]
    fn rehearsal_keys_pass_in_a_rehearsal_only() {
        let text = file(&[("alice", "Alice", &line("alice", KeyKind::SkEcdsaP256))]);
        assert_eq!(codes(&text, true), Vec::<&str>::new());
        assert_eq!(codes(&text, false), ["CS0408"]);
    }

    #[test]
    fn broken_files_say_where() {
        let text = "schema = 1\n[people.alice]\nname = \"A\"\nparty = \"partner\"\nrole = [\"x\"]\nkeys = [\"ssh-rsa AAAA\"]\n[break_glass]\npeople = [\"alise\"]\n";
        assert_eq!(codes(text, false), ["CS0103", "CS0404"].into_iter().chain(["CS0410"]).collect::<Vec<_>>());
        assert_eq!(codes("people = 3", false), ["CS0104", "CS0105"]);
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in any::<String>()) {
            let _ = parse("people.toml", &text, false);
        }
    }
}
