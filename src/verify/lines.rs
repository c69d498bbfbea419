//! Before everything else: each line on its own, many at a time. Its form, its leaf, and the signature in it,
//! which no other line can make good or bad. Whether a line may stand where it stands, the passes behind say.

use super::codes;
use super::walk::{Checked, fail};
use crate::base::{Digest, parallel};
use crate::record::Entry;
use crate::record::entry::EntryError;
use crate::record::fact::Fact;
use crate::record::statement::Statement;
use crate::sshsig::{Good, KnownKeys, PublicKey};

/// A statement whose text is readable and whose signature is good.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub statement: Statement,
    /// Of the statement's text.
    pub digest: Digest,
    pub key: PublicKey,
    pub good: Good,
}

/// What a line is by itself.
#[derive(Debug)]
pub(super) struct Line {
    pub entry: Result<Entry, EntryError>,
    pub leaf: Digest,
    /// Of entries that carry one statement.
    pub opened: Option<Box<Checked<Opened>>>,
}

/// All lines, in their order.
pub(super) fn read(lines: &[String]) -> impl Iterator<Item = Line> {
    parallel::map(lines, |keys: &mut KnownKeys, line| {
        let entry = Entry::read(line);
        let opened = entry.as_ref().ok().and_then(|entry| opened(&entry.fact, keys)).map(Box::new);
        Line { entry, leaf: Digest::leaf(line.as_bytes()), opened }
    })
}

fn opened(fact: &Fact, keys: &mut KnownKeys) -> Option<Checked<Opened>> {
    let (kind, statement, signature, key) = match fact {
        Fact::SignedOn(fact) => ("sign-on", &fact.statement, &fact.signature, &fact.key),
        Fact::Approval(fact) => ("approval", &fact.statement, &fact.signature, &fact.key),
        Fact::Said(fact) => ("said", &fact.statement, &fact.signature, &fact.key),
        Fact::BreakGlass(fact) => ("break-glass", &fact.statement, &fact.signature, &fact.key),
        Fact::HandedOver(fact) if fact.statement.starts_with("countersign decline ") => {
            ("decline", &fact.statement, &fact.signature, &fact.key)
        }
        Fact::HandedOver(fact) => ("hand-over", &fact.statement, &fact.signature, &fact.key),
        Fact::Witness(fact) => ("witness", &fact.statement, &fact.signature, &fact.key),
        _ => return None,
    };
    Some(open(kind, statement, signature, key, keys))
}

/// Text and signature of one statement.
pub(super) fn open(kind: &str, text: &str, signature: &str, key_line: &str, keys: &mut KnownKeys) -> Checked<Opened> {
    let wrong = |message: String| (codes::SIGNATURE, message);
    let statement = Statement::read(text).map_err(|error| wrong(error.to_string()))?;
    if statement.kind() != kind {
        return fail(codes::SIGNATURE, format!("it is a statement of type {}, not {kind}", statement.kind()));
    }
    let known = keys.get(key_line).map_err(|error| wrong(error.to_string()))?;
    if known.key().line != key_line {
        return fail(codes::SIGNATURE, "the key is not written as `type base64`");
    }
    let good = known
        .verify(&statement.namespace(), text.as_bytes(), signature)
        .map_err(|error| wrong(format!("the statement of {}: {error}", statement.tail.person)))?;
    Ok(Opened { key: known.key().clone(), digest: Digest::of(text.as_bytes()), statement, good })
}
