//! Entries <-> SQLite, and the lease. Knows lines and objects, never what they mean.
//!
//! WAL with `synchronous=FULL` while running; checkpointed and truncated when the program leaves, so that at
//! rest it is one file. An append is one `BEGIN IMMEDIATE` that compares the head.

pub mod faulty;
pub mod lease;
pub mod memory;

pub use lease::{Busy, Seat};

use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The tables, as published.
pub const SCHEMA: &str = include_str!("../../journal/schema.sql");
/// How long another writer is waited for.
const BUSY: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {message}")]
    Open { path: String, message: String },
    /// It is a SQLite file, but not a journal of this program: nothing of it is used.
    #[error("{path} is not a journal of Countersign: {message}")]
    Foreign { path: String, message: String },
}

/// A journal file, open.
pub struct Journal {
    connection: Connection,
    path: PathBuf,
}

impl Journal {
    /// Opens a journal that is there.
    pub fn open(path: &Path) -> Result<Journal, JournalError> {
        Journal::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// Opens it, or makes it (and its folder).
    pub fn open_or_create(path: &Path) -> Result<Journal, JournalError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| open_error(path, &error))?;
        }
        Journal::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Journal, JournalError> {
        let connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| open_error(path, &error))?;
        prepare(&connection).map_err(|error| open_error(path, &error))?;
        let journal = Journal { connection, path: path.to_path_buf() };
        journal.check_schema()?;
        Ok(journal)
    }

    /// A private, read-only copy of a journal that somebody else handed over.
    pub fn open_foreign(path: &Path, copy: &Path) -> Result<Journal, JournalError> {
        std::fs::copy(path, copy).map_err(|error| open_error(path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copy, flags).map_err(|error| open_error(path, &error))?;
        harden(&connection).map_err(|error| open_error(path, &error))?;
        let journal = Journal { connection, path: path.to_path_buf() };
        journal.check_schema()?;
        let sound: String = journal
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| open_error(path, &error))?;
        if sound != "ok" {
            return Err(JournalError::Foreign { path: path.display().to_string(), message: sound });
        }
        Ok(journal)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// An empty file gets the tables; any other must have exactly them: no view, trigger or further table.
    fn check_schema(&self) -> Result<(), JournalError> {
        let foreign = |message: String| JournalError::Foreign { path: self.path.display().to_string(), message };
        let mut found = self.schema_texts().map_err(|error| foreign(error.to_string()))?;
        if found.is_empty() {
            let made = self.connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"));
            if let Err(error) = made {
                // Another process may have been faster; whatever went wrong, the texts decide.
                let _ = self.connection.execute_batch("ROLLBACK");
                found = self.schema_texts().map_err(|_| foreign(error.to_string()))?;
            } else {
                return Ok(());
            }
        }
        let wanted: Vec<String> = SCHEMA.lines().map(|line| plain(line)).filter(|line| !line.is_empty()).collect();
        let mut found: Vec<String> = found.iter().map(|text| plain(text)).collect();
        let mut sorted = wanted;
        sorted.sort();
        found.sort();
        if found == sorted { Ok(()) } else { Err(foreign("its tables are not those of journal/schema.sql".to_owned())) }
    }

    fn schema_texts(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare("SELECT coalesce(sql, name) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex%'")?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        rows.collect()
    }

    /// Every run, in the order of their ids.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        let mut statement = self.connection.prepare("SELECT run FROM entry WHERE seq = 0 ORDER BY run").map_err(|error| io(&error))?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(|error| io(&error))?;
        let texts: Vec<String> = rows.collect::<Result<_, _>>().map_err(|error| io(&error))?;
        Ok(texts.iter().filter_map(|text| RunId::parse(text)).collect())
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Drop for Journal {
    /// At rest a journal is one file.
    fn drop(&mut self) {
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

impl Store for Journal {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        head(&self.connection, run).map_err(|error| io(&error))
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut statement =
                self.connection.prepare_cached("SELECT line FROM entry WHERE run = ?1 AND seq >= ?2 ORDER BY seq")?;
            let rows = statement.query_map(params![run.as_str(), number(seq)], |row| row.get::<_, String>(0))?;
            rows.collect()
        };
        read().map_err(|error| io(&error))
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || -> rusqlite::Result<Option<Vec<u8>>> {
            let mut statement = self.connection.prepare_cached("SELECT bytes FROM object WHERE sha256 = ?1")?;
            statement.query_row([digest.hex()], |row| row.get(0)).optional()
        };
        read().map_err(|error| io(&error))
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| io(&error))?;
        if head(&transaction, run).map_err(|error| io(&error))? != expected {
            return Err(StoreError::Moved);
        }
        if let Some(epoch) = epoch
            && lease::epoch(&transaction, run).map_err(|error| io(&error))? != Some(epoch)
        {
            return Err(StoreError::Fenced);
        }
        insert(&transaction, run, expected, lines, objects).map_err(|error| io(&error))?;
        // Whether a COMMIT that fails has landed is not known: the caller sends nothing and leaves.
        transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
    }
}

fn insert(
    connection: &Connection,
    run: &RunId,
    expected: Option<ChainHead>,
    lines: &[String],
    objects: &[(Digest, Vec<u8>)],
) -> rusqlite::Result<()> {
    let mut entry = connection.prepare_cached("INSERT INTO entry (run, seq, line) VALUES (?1, ?2, ?3)")?;
    let first = expected.map_or(0, |head| head.size);
    for (at, line) in lines.iter().enumerate() {
        entry.execute(params![run.as_str(), number(first + at as u64), line])?;
    }
    let mut object = connection.prepare_cached("INSERT OR IGNORE INTO object (sha256, bytes) VALUES (?1, ?2)")?;
    for (digest, bytes) in objects {
        object.execute(params![digest.hex(), bytes])?;
    }
    Ok(())
}

fn head(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<ChainHead>> {
    let mut statement =
        connection.prepare_cached("SELECT seq, line FROM entry WHERE run = ?1 ORDER BY seq DESC LIMIT 1")?;
    statement
        .query_row([run.as_str()], |row| {
            let seq: i64 = row.get(0)?;
            let line: String = row.get(1)?;
            Ok(ChainHead { size: u64::try_from(seq).unwrap_or(0) + 1, leaf: Digest::leaf(line.as_bytes()) })
        })
        .optional()
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    harden(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

fn harden(connection: &Connection) -> rusqlite::Result<()> {
    use rusqlite::config::DbConfig;
    use rusqlite::limits::Limit;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1)?;
    Ok(())
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(';').to_owned()
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn open_error(path: &Path, error: &dyn std::fmt::Display) -> JournalError {
    JournalError::Open { path: path.display().to_string(), message: error.to_string() }
}

fn io(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => StoreError::Io("another process is writing to it for too long".to_owned()),
        _ => StoreError::Io(error.to_string()),
    }
}
