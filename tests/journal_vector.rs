//! The published vector of the journal format: lines, leaves, roots, object, signature, statement.
//! (Its `data` members are not complete, so its lines are no entries of the registry.)
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "helpers of tests")]

use countersign::base::json::{self, Form};
use countersign::base::{Digest, Time};
use countersign::record::statement::{Decides, Statement};
use countersign::record::tree::{Tree, root_text};
use countersign::record::{bundle, entry};
use countersign::sshsig::{PublicKey, SigError, verify};

const VECTOR: &str = include_str!("../journal/vectors/three-entries.countersign");

const LEAVES: [&str; 3] = [
    "1404df7f1622a9bbc43ffd2886a91cd0ea523ff9762005e1c22244c81400d05e",
    "807354a40057053cb2bd9a6329b7dfd57412e741e4d30e80ebbc54afbaf2cf38",
    "367303db6919347f2d6ebcf2404c28a41082bbbcdd106794d16e9a50316eb7a9",
];
const ROOTS: [&str; 3] = [
    "FATffxYiqbvEP/0ohqkc0OpSP/l2IAXhwiJEyBQA0F4=",
    "ZOpHKurjaFNXDtqHESVI9buDn12mx2au8eQ8sqkp+LE=",
    "lpbqD2p986SXl405Mh5yVwHqbYcHB3FUDatsRpiUS3I=",
];

#[test]
fn leaves_roots_and_the_chain_are_as_published() {
    let bundle = bundle::read(VECTOR.as_bytes()).unwrap();
    assert_eq!(bundle.run.as_str(), "000102030405060708090a0b0c0d0e0f");
    let tree = Tree::of(bundle.lines.iter().map(String::as_str));
    let mut prev = Digest::ZERO;
    for (at, line) in bundle.lines.iter().enumerate() {
        let value = json::parse(line, Form::Line).unwrap();
        assert_eq!(value["prev"], prev.hex());
        prev = entry::leaf(line);
        assert_eq!(prev.hex(), LEAVES[at]);
        assert_eq!(root_text(&tree.root_at(at as u64 + 1).unwrap()), ROOTS[at]);
    }
    assert_eq!(bundle::write(&bundle.run, &bundle.lines, &bundle.objects), VECTOR);
}

#[test]
fn the_object_has_the_digest_that_entry_0_names() {
    let bundle = bundle::read(VECTOR.as_bytes()).unwrap();
    let first = json::parse(&bundle.lines[0], Form::Line).unwrap();
    let digest = Digest::parse(first["data"]["runbook"].as_str().unwrap()).unwrap();
    assert_eq!(bundle.objects[&digest], b"schema = 1\n");
}

#[test]
fn the_signed_statement_reads_back_and_verifies() {
    let bundle = bundle::read(VECTOR.as_bytes()).unwrap();
    let data = json::parse(&bundle.lines[2], Form::Line).unwrap()["data"].clone();
    let text = data["statement"].as_str().unwrap();
    let statement = Statement::read(text).unwrap();
    assert_eq!(statement.text(), text);
    let (head, fields) = (statement.head().unwrap(), statement.approval().unwrap());
    assert_eq!((head.size, head.root.as_str()), (2, ROOTS[1]));
    assert_eq!((fields.decision, fields.request_leaf.hex().as_str()), (Decides::Approve, LEAVES[1]));
    assert_eq!((fields.again.len(), Some(fields.run_by)), (0, Time::parse_seconds("2026-01-03T04:04:06Z")));
    assert_eq!(statement.tail.reason, "Überprüft \\ ok");

    let key = PublicKey::parse(data["key"].as_str().unwrap()).unwrap();
    let signature = data["signature"].as_str().unwrap();
    assert!(verify(&key, &statement.namespace(), text.as_bytes(), signature).is_ok());
    let other = text.replace("attempt: 1", "attempt: 2");
    assert_eq!(verify(&key, &statement.namespace(), other.as_bytes(), signature), Err(SigError::Mismatch));
}
