//! First pass: lines to entries, and the one chain that they must be.
//! Knows nothing of what entries mean.

use super::Problem;
use super::codes;
use super::lines::{self, Opened};
use super::walk::Checked;
use crate::base::{Digest, RunId, Time};
use crate::record::{Entry, Tree};

/// The readable beginning of a history.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub entries: Vec<Entry>,
    /// The statement of each entry that carries one.
    pub opened: Vec<Option<Box<Checked<Opened>>>>,
    /// Over exactly these entries' lines.
    pub tree: Tree,
    /// What stopped the reading, and clocks that go back.
    pub problems: Vec<Problem>,
}

/// Reads lines until one does not continue the chain.
pub(super) fn read(run: &RunId, lines: &[String]) -> Chain {
    let mut chain = Chain::default();
    let mut prev = Digest::ZERO;
    let mut at = Time(i64::MIN);
    chain.entries.reserve(lines.len());
    chain.opened.reserve(lines.len());
    for (seq, line) in (0u64..).zip(lines::read(lines)) {
        let entry = match line.entry {
            Ok(entry) => entry,
            Err(error) => {
                chain.problems.push(Problem::new(seq, codes::FORMAT, error.to_string()));
                return chain;
            }
        };
        if let Some(message) = broken(&entry, run, seq, &prev) {
            chain.problems.push(Problem::new(seq, codes::CHAIN, message));
            return chain;
        }
        if entry.at < at {
            let message = format!("its time {} is earlier than {at}, that of the entry before", entry.at);
            chain.problems.push(Problem::new(seq, codes::CLOCK_BACK, message));
        }
        at = at.max(entry.at);
        prev = line.leaf;
        chain.tree.push(prev);
        chain.entries.push(entry);
        chain.opened.push(line.opened);
    }
    chain
}

fn broken(entry: &Entry, run: &RunId, seq: u64, prev: &Digest) -> Option<String> {
    if entry.run != *run {
        Some(format!("it belongs to the run {}", entry.run))
    } else if entry.seq != seq {
        Some(format!("its seq is {}, and {seq} was to follow", entry.seq))
    } else if entry.prev != *prev {
        Some(format!("its prev is {}, but the entry before has the leaf {prev}", entry.prev))
    } else {
        None
    }
}
