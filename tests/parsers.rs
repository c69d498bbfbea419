//! Every parser of what others write: any bytes give a value or words, never a panic; what is read is what was
//! written; and text that is shown is harmless. A fixed number of cases each, seeded by proptest's own files;
//! `COUNTERSIGN_LONG=1` takes a thousand times as many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use countersign::base::json::{self, Form};
use countersign::base::{Finding, escape};
use countersign::record::entry::Entry;
use countersign::record::statement::Statement;
use countersign::record::{answer, bundle, operations, salted};
use countersign::simulator::World;
use countersign::sshsig::{self, PublicKey};
use countersign::verify::{Held, Trust};
use countersign::{expression, people, plan, runbook, verify};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

const BUNDLE: &str = include_str!("../journal/vectors/closed-rehearsal.countersign");
const RUNBOOK: &str = include_str!("../runbooks/move_member_accounts.toml");
const EVERYTHING: &str = include_str!("fixtures/good/everything.toml");
const PEOPLE: &str = include_str!("../runbooks/people.toml");
const WORLD: &str = include_str!("../runbooks/worlds/move_member_accounts.toml");

fn config(cases: u32) -> ProptestConfig {
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some();
    ProptestConfig { cases: if long { cases * 1_000 } else { cases }, ..ProptestConfig::default() }
}

/// What happens to files: bytes are replaced, lost, put in; parts stand twice or elsewhere.
#[derive(Clone, Debug)]
enum Harm {
    Put(usize, Vec<u8>),
    Lose(usize, usize),
    Twice(usize, usize),
    Flip(usize, u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    let word = prop_oneof![
        vec(any::<u8>(), 0..6),
        "[\\[\\]{}\"'=,.:$#\n\r\t\\\\a-z0-9 -]{0,8}".prop_map(String::into_bytes),
        Just(b"\\u{202e}".to_vec()),
        Just("\u{202e}\u{1b}[2J".as_bytes().to_vec()),
        Just(b"${".to_vec()),
        Just(b"99999999999999999999".to_vec()),
    ];
    prop_oneof![
        (any::<usize>(), word).prop_map(|(at, bytes)| Harm::Put(at, bytes)),
        (any::<usize>(), 1usize..40).prop_map(|(at, count)| Harm::Lose(at, count)),
        (any::<usize>(), 1usize..200).prop_map(|(at, count)| Harm::Twice(at, count)),
        (any::<usize>(), 1u8..=255).prop_map(|(at, bits)| Harm::Flip(at, bits)),
    ]
}

fn harmed(text: &[u8], harms: &[Harm]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for harm in harms {
        let length = bytes.len().max(1);
        match harm {
            Harm::Put(at, put) => drop(bytes.splice(at % length..at % length, put.iter().copied())),
            Harm::Lose(at, count) => drop(bytes.drain(at % length..(at % length + count).min(bytes.len()))),
            Harm::Twice(at, count) => {
                let part = bytes[at % length..(at % length + count).min(bytes.len())].to_vec();
                bytes.splice(at % length..at % length, part);
            }
            Harm::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= bits;
                }
            }
        }
    }
    bytes
}

/// Any bytes at all, or something good with a few harms.
fn near(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => vec(any::<u8>(), 0..400),
        6 => vec(harm(), 1..4).prop_map(move |harms| harmed(text.as_bytes(), &harms)),
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Findings lie within the file, and have words.
fn in_place(text: &str, found: &[Finding]) -> Result<(), TestCaseError> {
    let lines = text.matches('\n').count() + 1;
    for finding in found {
        prop_assert!(finding.place.line >= 1 && finding.place.line <= lines, "{finding:?}");
        prop_assert!(finding.place.column >= 1 && finding.place.width >= 1, "{finding:?}");
        prop_assert!(!finding.message.is_empty() && finding.code.starts_with("CS"), "{finding:?}");
    }
    Ok(())
}

/// The entries and the statements of the vector.
fn entries() -> Vec<&'static str> {
    BUNDLE.lines().filter(|line| line.starts_with("{\"at\"")).collect()
}

fn statements() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for line in entries() {
        let value: Value = serde_json::from_str(line).unwrap();
        let part = |name: &str| value["data"][name].as_str().map(str::to_owned);
        if let (Some(statement), Some(signature), Some(key)) = (part("statement"), part("signature"), part("key")) {
            found.push((statement, signature, key));
        }
    }
    assert!(found.len() >= 3);
    found
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn a_runbook(bytes in prop_oneof![near(RUNBOOK), near(EVERYTHING)]) {
        let text = text(&bytes);
        let (read, found) = runbook::read("r.toml", &text);
        in_place(&text, &found)?;
        prop_assert!(read.is_some() || !found.is_empty());
    }

    #[test]
    fn a_people_file(bytes in near(PEOPLE)) {
        let text = text(&bytes);
        let (people, found) = people::parse("p.toml", &text, false);
        in_place(&text, &found)?;
        prop_assert!(people.is_some() || !found.is_empty());
        for person in people.iter().flat_map(|people| people.people.values()) {
            prop_assert!(person.name.chars().all(escape::is_harmless));
        }
    }

    #[test]
    fn a_world(bytes in near(WORLD)) {
        let text = text(&bytes);
        if let Err(found) = World::parse("w.toml", &text) {
            in_place(&text, &found)?;
            prop_assert!(!found.is_empty());
        }
    }

    #[test]
    fn a_stored_plan_and_operations(bytes in near("{\"schema\":1}")) {
        let _ = plan::model::Plan::read(&bytes);
        let _ = operations::read(&bytes);
        let _ = salted::unwrap(&bytes, salted::OUTPUT);
        let _ = salted::unwrap_file(&bytes);
    }

    #[test]
    fn an_entry(at in any::<prop::sample::Index>(), harms in vec(harm(), 0..3)) {
        let line = text(&harmed(at.get(&entries()).as_bytes(), &harms));
        if let Ok(entry) = Entry::read(&line) {
            // Read as it stands, or not at all.
            prop_assert_eq!(entry.line().unwrap(), line);
        }
    }

    #[test]
    fn a_statement_and_its_signature(at in any::<prop::sample::Index>(), harms in vec(harm(), 0..3), part in 0..3) {
        let (mut statement, mut signature, mut key) = at.get(&statements()).clone();
        let (good, sealed) = (statement.clone(), signature.clone());
        match part {
            0 => statement = text(&harmed(statement.as_bytes(), &harms)),
            1 => signature = text(&harmed(signature.as_bytes(), &harms)),
            _ => key = text(&harmed(key.as_bytes(), &harms)),
        }
        let read = Statement::read(&statement);
        if let Ok(read) = &read {
            prop_assert_eq!(&read.text(), &statement);
        }
        let namespace = Statement::read(&good).unwrap().namespace();
        if let Ok(key) = PublicKey::parse(&key)
            && sshsig::verify(&key, &namespace, statement.as_bytes(), &signature).is_ok()
        {
            // Nothing that was changed still verifies: neither the text nor the armour around the signature.
            prop_assert_eq!((statement, signature), (good, sealed));
        }
    }

    #[test]
    fn an_answer_file(bytes in near(BUNDLE), head in any::<bool>()) {
        let statements: Vec<String> = statements().iter().take(2).map(|(statement, signature, key)| {
            let value = serde_json::json!({"statement": statement, "signature": signature, "key": key});
            json::canonical(&value, Form::Line).unwrap() + "\n"
        }).collect();
        let good = format!("{{\"answer\":1,\"run\":\"{}\"}}\n{}", "09".repeat(16), statements.concat());
        prop_assert!(answer::read(good.as_bytes()).is_ok());
        let bytes = if head { [good.as_bytes(), &bytes].concat() } else { bytes };
        if let Ok(answer) = answer::read(&bytes) {
            prop_assert_eq!(answer::write(&answer).unwrap().into_bytes(), bytes);
        }
    }

    #[test]
    fn values(bytes in near("{\"old_management\": \"111111111111\", \"accounts\": [{\"id\": \"111122223333\", \"name\": \"a\"}]}")) {
        let (runbook, _) = countersign::cli::load::checked("r.toml", RUNBOOK, None);
        let text = text(&bytes);
        for name in ["v.json", "v.toml"] {
            if let Err(found) = plan::values::read(&runbook.clone().unwrap(), Some((name, &text)), &[], Default::default(), false) {
                in_place(&format!("{text}{}", "\n".repeat(RUNBOOK.lines().count())), &found)?;
            }
        }
    }

    #[test]
    fn trust_and_heads(bytes in prop_oneof![near(PEOPLE), near("alice ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPZw a\n")]) {
        let text = text(&bytes);
        let _ = Trust::parse("t", &text);
        let _ = Held::parse(&text);
    }

    #[test]
    fn an_expression(words in "[a-z0-9_.\\[\\]?*'`\"|&@(){}$=<>! -]{0,40}") {
        let scope = serde_json::json!({"item": {"id": "1"}, "parameters": {"a": [1, 2, {"b": null}]}});
        let now = countersign::base::Time(1_700_000_000_000);
        for text in [words.clone(), format!("${{{words}}}"), format!("a${{{words}}}b")] {
            let _ = expression::fill(&Value::String(text.clone()), &scope, now);
            let _ = expression::condition(&text, &scope, now);
            let _ = expression::search(&text, &scope, now);
        }
    }

    #[test]
    fn canonical_json_is_read_only_in_its_one_form(bytes in near("{\"a\":[1,-2,\"x\\n\",true,null,{\"b\":{}}],\"z\":\"\u{e9}\"}")) {
        let text = text(&bytes);
        for form in [Form::Line, Form::Object] {
            if let Ok(value) = json::parse(&text, form) {
                prop_assert_eq!(json::canonical(&value, form).unwrap(), text.clone());
            }
        }
    }

    #[test]
    fn escaping_leaves_nothing_harmful_and_loses_nothing(
        left in vec(any::<char>(), 0..40).prop_map(String::from_iter),
        right in vec(any::<char>(), 0..40).prop_map(String::from_iter),
    ) {
        prop_assert!(escape::line(&left).chars().all(escape::is_harmless));
        prop_assert!(escape::block(&left).chars().all(|c| c == '\n' || escape::is_harmless(c)));
        // Two texts that differ look different.
        prop_assert_eq!(escape::line(&left) == escape::line(&right), left == right);
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_bundle(bytes in near(BUNDLE)) {
        match bundle::read(&bytes) {
            Err(error) => prop_assert!(error.line >= 1 && !error.message.is_empty()),
            Ok(read) => {
                prop_assert_eq!(bundle::write(&read.run, &read.lines, &read.objects).into_bytes(), bytes.clone());
                let report = verify::check(&read, &[], &[]);
                // What differs from the history that was signed is not consistent, or is its beginning.
                let shorter = BUNDLE.lines().count() > read.lines.len() + read.objects.len() + 1;
                prop_assert!(report.exit() != 0 || bytes == BUNDLE.as_bytes() || shorter, "{report:?}");
                let shown = verify::text(&report);
                prop_assert!(shown.chars().all(|c| c == '\n' || escape::is_harmless(c)));
            }
        }
    }
}
