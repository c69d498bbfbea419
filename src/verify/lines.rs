//! Before everything else: each line on its own, many at a time. Its form, its leaf, and the signature in it,
//! which no other line can make good or bad. Whether a line may stand where it stands, the passes behind say.

use super::codes;
use super::walk::{Checked, fail};
use crate::base::Digest;
use crate::record::Entry;
use crate::record::entry::EntryError;
use crate::record::fact::Fact;
use crate::record::statement::Statement;
use crate::sshsig::{Good, KnownKeys, PublicKey};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many lines somebody takes at a time.
const TAKEN: usize = 32;
/// Fewer lines than this are not worth a second thread.
const FEW: usize = 128;

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
pub(super) fn read(lines: &[String]) -> Vec<Line> {
    let helpers = if lines.len() < FEW { 0 } else { thread::available_parallelism().map_or(0, |all| all.get() - 1) };
    let next = AtomicUsize::new(0);
    let mut parts = Vec::new();
    thread::scope(|scope| {
        // Where no thread can be had, this one reads everything.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || take_turns(lines, &next)).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(spawn).collect();
        parts.extend(take_turns(lines, &next));
        parts.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()).flatten());
    });
    parts.sort_unstable_by_key(|(start, _)| *start);
    let read: Vec<Line> = parts.into_iter().flat_map(|(_, part)| part).collect();
    // Nothing may be missing, whatever became of a helper.
    if read.len() == lines.len() { read } else { part_of(lines, &mut KnownKeys::default()) }
}

/// Takes part after part until none is left.
fn take_turns(lines: &[String], next: &AtomicUsize) -> Vec<(usize, Vec<Line>)> {
    let mut keys = KnownKeys::default();
    let mut parts = Vec::new();
    loop {
        let start = next.fetch_add(TAKEN, Ordering::Relaxed);
        let Some(rest) = lines.get(start..).filter(|rest| !rest.is_empty()) else { return parts };
        parts.push((start, part_of(&rest[..rest.len().min(TAKEN)], &mut keys)));
    }
}

fn part_of(lines: &[String], keys: &mut KnownKeys) -> Vec<Line> {
    let read = |line: &String| {
        let entry = Entry::read(line);
        let opened = entry.as_ref().ok().and_then(|entry| opened(&entry.fact, keys)).map(Box::new);
        Line { entry, leaf: Digest::leaf(line.as_bytes()), opened }
    };
    lines.iter().map(read).collect()
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
