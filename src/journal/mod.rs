//! The journal on disk: entries and objects in SQLite, the seat's lease and lock.
//!
//! Keeps the bytes it is given and hands them back; what they mean, `record` and `engine` know.

mod browse;
pub mod export;
pub mod faults;
mod foreign;
mod lease;
pub mod machine;
mod memory;

pub use lease::{Seat, SitError, Sitter};
pub use memory::MemoryStore;

use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SCHEMA: &str = include_str!("../../journal/schema.sql");
/// How long a transaction waits for another process's.
const BUSY: Duration = Duration::from_secs(15);

/// Why a file could not be opened as a journal.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no journal at {}", path.display())]
    Missing { path: PathBuf },
    #[error("{} is not a journal of Countersign: {why}", path.display())]
    NotAJournal { path: PathBuf, why: String },
    #[error("the journal {} was made by a newer version (schema {found}; this one knows 1)", path.display())]
    Newer { path: PathBuf, found: i64 },
    #[error("the journal {} could not be opened: {why}", path.display())]
    Io { path: PathBuf, why: String },
}

/// One connection to a journal file. At rest (after [`Journal::close`] or drop) the journal is one file.
pub struct Journal {
    connection: Connection,
    /// The file that the caller named.
    path: PathBuf,
    /// Set when a COMMIT failed: from then on nothing is known, and nothing is done.
    unknown: Cell<bool>,
    /// The private copy of a journal that others handed over: read-only.
    copy: Option<foreign::PrivateCopy>,
}

impl Journal {
    /// Opens a journal of this machine that is there.
    pub fn open(path: &Path) -> Result<Journal, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        Journal::open_own(path)
    }

    /// Opens it, or makes it (and its folder) first.
    pub fn open_or_create(path: &Path) -> Result<Journal, OpenError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| io(path, &error))?;
        }
        Journal::open_own(path)
    }

    /// Opens a journal that others handed over: on a private copy, read-only, trusting nothing in it.
    pub fn open_foreign(path: &Path) -> Result<Journal, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let (connection, copy) = foreign::open(path)?;
        Ok(Journal { connection, path: path.to_owned(), unknown: Cell::new(false), copy: Some(copy) })
    }

    fn open_own(path: &Path) -> Result<Journal, OpenError> {
        // Without SQLITE_OPEN_URI: a path is a path, whatever it looks like.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|error| io(path, &error))?;
        foreign::harden(&connection).map_err(|error| io(path, &error))?;
        connection.busy_timeout(BUSY).map_err(|error| io(path, &error))?;
        create_if_empty(&mut connection).map_err(|error| not_a_journal(path, &error))?;
        foreign::check_schema(&connection, path)?;
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(|error| not_a_journal(path, &error))?;
        if mode != "wal" {
            let why = "its file system does not allow SQLite's write-ahead log".to_owned();
            return Err(OpenError::Io { path: path.to_owned(), why });
        }
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(|error| io(path, &error))?;
        Ok(Journal { connection, path: path.to_owned(), unknown: Cell::new(false), copy: None })
    }

    /// The file, as the caller named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A journal of others: nothing can be appended.
    pub fn is_foreign(&self) -> bool {
        self.copy.is_some()
    }

    /// Writes everything into the one file and leaves.
    pub fn close(self) -> Result<(), StoreError> {
        self.fold().map_err(store_error)
    }

    /// Folds the write-ahead log into the file. Another process that still reads may prevent it;
    /// then that one does it when it leaves.
    fn fold(&self) -> rusqlite::Result<()> {
        if self.copy.is_some() || self.unknown.get() {
            return Ok(());
        }
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    fn known(&self) -> Result<(), StoreError> {
        if self.unknown.get() {
            return Err(StoreError::Unknown("an earlier append of this process failed at COMMIT".to_owned()));
        }
        Ok(())
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.copy.is_some() {
            return Err(StoreError::Io("this journal was opened for reading only".to_owned()));
        }
        self.known()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to hear of an error; the log stays beside the file and is read with it.
        let _ = self.fold();
    }
}

impl Store for Journal {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.known()?;
        head_in(&self.connection, run)
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.known()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, line FROM entry WHERE run = ?1 AND seq >= ?2 ORDER BY seq")
            .map_err(store_error)?;
        let rows = statement
            .query_map(params![run.as_str(), integer(seq)?], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))
            .map_err(store_error)?;
        let mut lines = Vec::new();
        for row in rows {
            let (found, line) = row.map_err(store_error)?;
            let wanted = integer(seq)?.saturating_add(i64::try_from(lines.len()).unwrap_or(i64::MAX));
            if found != wanted {
                return Err(StoreError::Altered(format!("the journal has lost the entry {wanted} of the run {run}")));
            }
            lines.push(line);
        }
        Ok(lines)
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.known()?;
        let bytes: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT bytes FROM object WHERE sha256 = ?1")
            .and_then(|mut statement| statement.query_row([digest.hex()], |row| row.get(0)).optional())
            .map_err(store_error)?;
        match bytes {
            Some(bytes) if Digest::of(&bytes) != *digest => {
                Err(StoreError::Altered(format!("the journal's object {digest} has been altered")))
            }
            bytes => Ok(bytes),
        }
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        self.writable()?;
        let writing = Writing::begin(&self.connection).map_err(store_error)?;
        if let Some(epoch) = epoch
            && lease::epoch_in(&self.connection, run)? != Some(epoch)
        {
            return Err(StoreError::Fenced);
        }
        if head_in(&self.connection, run)? != expected {
            return Err(StoreError::Moved);
        }
        insert(&self.connection, run, expected.map_or(0, |head| head.size), lines, objects)?;
        writing.commit().map_err(|error| {
            // It may be on disk, or not. Only the next process to open the file can tell.
            self.unknown.set(true);
            StoreError::Unknown(error.to_string())
        })
    }
}

/// A transaction that begins as the writer. As the library's own, but for its statements, which are compiled once:
/// a run commits for each thing that it does. Ends in a rollback where it is not committed.
struct Writing<'a>(&'a Connection);

impl Writing<'_> {
    fn begin(connection: &Connection) -> rusqlite::Result<Writing<'_>> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Writing(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // After a commit there is nothing to take back. Where this fails too, the file is as before the transaction.
        if !self.0.is_autocommit() {
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

fn insert(
    connection: &Connection,
    run: &RunId,
    first: u64,
    lines: &[String],
    objects: &[(Digest, Vec<u8>)],
) -> Result<(), StoreError> {
    for (digest, bytes) in objects {
        if Digest::of(bytes) != *digest {
            return Err(StoreError::Io(format!("the object {digest} does not have this digest")));
        }
        connection
            .prepare_cached("INSERT OR IGNORE INTO object (sha256, bytes) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute(params![digest.hex(), bytes]))
            .map_err(store_error)?;
    }
    for (seq, line) in (first..).zip(lines) {
        connection
            .prepare_cached("INSERT INTO entry (run, seq, line) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![run.as_str(), integer(seq).ok(), line]))
            .map_err(store_error)?;
    }
    Ok(())
}

fn head_in(connection: &Connection, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
    let last: Option<(i64, String)> = connection
        .prepare_cached("SELECT seq, line FROM entry WHERE run = ?1 ORDER BY seq DESC LIMIT 1")
        .and_then(|mut statement| statement.query_row([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(store_error)?;
    Ok(last.map(|(seq, line)| ChainHead {
        size: u64::try_from(seq).unwrap_or(0).saturating_add(1),
        leaf: Digest::leaf(line.as_bytes()),
    }))
}

fn create_if_empty(connection: &mut Connection) -> rusqlite::Result<()> {
    let count = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
    };
    if count(connection)? > 0 {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have made it between the two looks.
    if count(&transaction)? == 0 {
        transaction.execute_batch(SCHEMA)?;
    }
    transaction.commit()
}

/// SQLite counts in i64.
fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Io(format!("{number} is beyond what the journal can hold")))
}

fn store_error(error: rusqlite::Error) -> StoreError {
    StoreError::Io(format!("the journal could not be read or written: {error}"))
}

fn io(path: &Path, error: &impl std::fmt::Display) -> OpenError {
    OpenError::Io { path: path.to_owned(), why: error.to_string() }
}

fn not_a_journal(path: &Path, error: &impl std::fmt::Display) -> OpenError {
    OpenError::NotAJournal { path: path.to_owned(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_commit_that_failed_nothing_is_known_and_nothing_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let run = RunId::from_bytes([1; 16]);
        let mut journal = Journal::open_or_create(&path).unwrap();
        journal.connection.commit_hook(Some(|| true)).unwrap();
        let failed = journal.append(&run, None, None, &["a".to_owned()], &[]);
        assert!(matches!(failed, Err(StoreError::Unknown(_))), "{failed:?}");
        journal.connection.commit_hook(None::<fn() -> bool>).unwrap();
        assert!(matches!(journal.head(&run), Err(StoreError::Unknown(_))));
        assert!(matches!(journal.append(&run, None, None, &["a".to_owned()], &[]), Err(StoreError::Unknown(_))));
        drop(journal);
        // The next process reads the head anew.
        assert_eq!(Journal::open(&path).unwrap().head(&run).unwrap(), None);
    }
}
