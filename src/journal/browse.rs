//! Looking around in a journal without reading it: which runs there are, how each begins and ends.
//! Every look is a step down the entries' primary key, so what it costs depends on how many runs there are,
//! never on how long they are. Nothing derived is stored, so nothing derived can be wrong.

use super::{Journal, store_error};
use crate::base::RunId;
use crate::engine::port::StoreError;
use crate::record::entry::Entry;
use crate::record::fact::{Fact, RunClosed};
use rusqlite::{OptionalExtension, params};

impl Journal {
    /// Every run that has an entry, in order of id: from each straight to the next.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        self.known()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT run FROM entry WHERE run > ?1 ORDER BY run LIMIT 1")
            .map_err(store_error)?;
        let mut runs = Vec::new();
        let mut last = String::new();
        while let Some(text) = statement.query_row([&last], |row| row.get(0)).optional().map_err(store_error)? {
            last = text;
            let run = RunId::parse(&last).ok_or_else(|| {
                StoreError::Altered("the journal holds a run whose id is not 32 hex digits".to_owned())
            })?;
            runs.push(run);
        }
        Ok(runs)
    }

    /// The run's first line.
    pub fn first_line(&self, run: &RunId) -> Result<Option<String>, StoreError> {
        self.known()?;
        self.connection
            .prepare_cached("SELECT line FROM entry WHERE run = ?1 ORDER BY seq LIMIT 1")
            .and_then(|mut statement| statement.query_row([run.as_str()], |row| row.get(0)).optional())
            .map_err(store_error)
    }

    /// What the closing entry says; none while the run is open. Behind it stand only witnesses and
    /// checkpoints, so the first other entry from the end decides.
    pub fn closed(&self, run: &RunId) -> Result<Option<RunClosed>, StoreError> {
        let mut closed = None;
        self.read_back(run, |line| match Entry::read(line).map(|entry| entry.fact) {
            Ok(Fact::Witness(_) | Fact::Checkpoint(_)) => true,
            Ok(Fact::RunClosed(fact)) => {
                closed = Some(fact);
                false
            }
            _ => false,
        })?;
        Ok(closed)
    }

    /// Hands over the run's lines from the last one back, one by one, until told to stop.
    fn read_back(&self, run: &RunId, mut go_on: impl FnMut(&str) -> bool) -> Result<(), StoreError> {
        self.known()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT line FROM entry WHERE run = ?1 ORDER BY seq DESC")
            .map_err(store_error)?;
        let mut rows = statement.query(params![run.as_str()]).map_err(store_error)?;
        while let Some(row) = rows.next().map_err(store_error)? {
            let line = row.get_ref(0).and_then(|line| Ok(line.as_str()?)).map_err(store_error)?;
            if !go_on(line) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Digest, Time};
    use crate::engine::port::Store as _;
    use crate::record::fact::{Resumed, Witness};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Three runs of `size` entries: one open, one closed, one closed and witnessed twenty times.
    fn journal(path: &Path, size: u64) -> Journal {
        let mut journal = Journal::open_or_create(path).unwrap();
        for (at, witnesses) in [(0u8, None), (1, Some(0)), (2, Some(20))] {
            let run = RunId::from_bytes([at; 16]);
            let line = |seq: u64, fact: Fact| {
                let (epoch, mono, prev) = (1, seq, Digest::ZERO);
                Entry { at: Time(0), by: None, epoch, fact, mono, prev, run: run.clone(), seq }.line().unwrap()
            };
            let mut lines: Vec<String> =
                (0..size).map(|seq| line(seq, Resumed { why: format!("entry {seq} of many") }.into())).collect();
            if let Some(witnesses) = witnesses {
                let counts = BTreeMap::new();
                lines.push(line(size, RunClosed { result: "done".to_owned(), counts }.into()));
                let word = String::new;
                let witness = || Witness { statement: word(), signature: word(), key: word() };
                lines.extend((1..=witnesses).map(|more| line(size + more, witness().into())));
            }
            journal.append(&run, None, None, &lines, &[]).unwrap();
        }
        journal
    }

    /// Which runs are open, and how many steps SQLite took to tell.
    fn open_runs(mut journal: Journal) -> (Vec<RunId>, u64) {
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let count = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            false
        };
        journal.connection.progress_handler(1, Some(count)).unwrap();
        let runs = journal.runs().unwrap();
        let open = runs.iter().filter(|run| {
            assert!(journal.first_line(run).unwrap().is_some());
            journal.closed(run).unwrap().is_none()
        });
        (open.cloned().collect(), steps.load(Ordering::SeqCst))
    }

    #[test]
    fn telling_which_runs_are_open_costs_the_same_however_long_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (few, short) = open_runs(journal(&folder.path().join("few.db"), 3));
        let (many, long) = open_runs(journal(&folder.path().join("many.db"), 3_000));
        assert_eq!(few, [RunId::from_bytes([0; 16])]);
        assert_eq!(many, few);
        assert_eq!(short, long, "steps of SQLite");
        assert!(short > 0);
    }
}
