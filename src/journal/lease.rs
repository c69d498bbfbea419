//! The seat: one process per run. An operating-system lock on a file beside the journal, held while
//! the process (or a command that it started) lives, and a lease row whose epoch fences every append.

use super::{Journal, integer, store_error};
use crate::base::{RunId, Time};
use crate::engine::port::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::fs::{File, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Who wants to sit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sitter {
    pub pid: u32,
    /// See [`super::machine::boot_id`].
    pub boot: String,
    /// See [`super::machine::machine_id`].
    pub machine: String,
    pub now: Time,
}

/// Why the seat could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum SitError {
    /// Another process lives that holds the lock; `child`: a command that one started, and that may outlive it.
    #[error("another executor holds the seat of this run: pid {pid}, since {since}")]
    Busy { pid: u32, since: String, child: Option<u32> },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the lock of the seat could not be taken: {0}")]
    Lock(String),
}

/// A seat that is held. Dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    epoch: u64,
    before: Option<Sitter>,
    lock: Lock,
}

#[derive(Debug)]
pub(super) enum Lock {
    File {
        file: File,
        sitter: Sitter,
    },
    /// Of a [`super::MemoryStore`]: held as long as this is.
    Memory(#[allow(dead_code, reason = "held, never read")] Arc<()>),
}

impl Seat {
    pub(super) fn new(epoch: u64, before: Option<Sitter>, lock: Lock) -> Seat {
        Seat { epoch, before, lock }
    }

    /// Goes into every entry of this seat.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Who sat before, by the lease row; `now` is when.
    pub fn before(&self) -> Option<&Sitter> {
        self.before.as_ref()
    }

    /// The lock once more, for a command that is started: given to it (as its standard input, where reading
    /// it gives nothing), it keeps the seat taken until the command too has ended. None in memory.
    pub fn duplicate_lock(&self) -> std::io::Result<Option<File>> {
        match &self.lock {
            Lock::File { file, .. } => file.try_clone().map(Some),
            Lock::Memory(_) => Ok(None),
        }
    }

    /// Notes in the lock file which command holds the lock too; none: it has ended.
    pub fn note_child(&mut self, child: Option<u32>) -> std::io::Result<()> {
        match &mut self.lock {
            Lock::File { file, sitter } => write_holder(file, sitter, child),
            Lock::Memory(_) => Ok(()),
        }
    }
}

impl Journal {
    /// Takes the seat of `run`: the lock first, then the lease row with an epoch that is greater than any
    /// before, and at least `epoch_at_least` (the last entry's epoch + 1).
    pub fn sit(&mut self, run: &RunId, epoch_at_least: u64, sitter: &Sitter) -> Result<Seat, SitError> {
        self.writable()?;
        let path = lock_path(self.path(), run);
        let mut file = open_lock(&path).map_err(|error| SitError::Lock(error.to_string()))?;
        take_lock(&file, &path)?;
        write_holder(&mut file, sitter, None).map_err(|error| SitError::Lock(error.to_string()))?;
        let (epoch, before) = self.take_lease(run, epoch_at_least, sitter)?;
        Ok(Seat::new(epoch, before, Lock::File { file, sitter: sitter.clone() }))
    }

    fn take_lease(&mut self, run: &RunId, at_least: u64, sitter: &Sitter) -> Result<(u64, Option<Sitter>), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
        let last = epoch_in(&transaction, run)?;
        let before = sitter_in(&transaction, run)?;
        let epoch = last.map_or(1, |last| last.saturating_add(1)).max(at_least);
        transaction
            .execute(
                "INSERT OR REPLACE INTO lease (run, epoch, machine, boot, pid, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![run.as_str(), integer(epoch)?, sitter.machine, sitter.boot, sitter.pid, sitter.now.millis()],
            )
            .map_err(store_error)?;
        transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
        Ok((epoch, before))
    }

    /// Who holds the seat of `run` now, if anybody: looks without taking it.
    pub fn seated(&self, run: &RunId) -> Result<(), SitError> {
        let path = lock_path(self.path(), run);
        let Ok(file) = File::open(&path) else { return Ok(()) };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(busy(&path)),
            _ => Ok(()),
        }
    }
}

/// The lease's epoch, if anybody ever sat.
pub(super) fn epoch_in(connection: &Connection, run: &RunId) -> Result<Option<u64>, StoreError> {
    let epoch: Option<i64> = connection
        .prepare_cached("SELECT epoch FROM lease WHERE run = ?1")
        .and_then(|mut statement| statement.query_row([run.as_str()], |row| row.get(0)).optional())
        .map_err(store_error)?;
    epoch
        .map(|epoch| u64::try_from(epoch).map_err(|_| StoreError::Io("the lease has a negative epoch".to_owned())))
        .transpose()
}

fn sitter_in(connection: &Connection, run: &RunId) -> Result<Option<Sitter>, StoreError> {
    connection
        .query_row("SELECT pid, boot, machine, since FROM lease WHERE run = ?1", [run.as_str()], |row| {
            let since: String = row.get(3)?;
            let now = Time::parse_millis(&since).unwrap_or_default();
            Ok(Sitter { pid: row.get(0)?, boot: row.get(1)?, machine: row.get(2)?, now })
        })
        .optional()
        .map_err(store_error)
}

/// `<journal>.locks/<run>.lock`.
fn lock_path(journal: &Path, run: &RunId) -> PathBuf {
    let mut folder = journal.as_os_str().to_owned();
    folder.push(".locks");
    PathBuf::from(folder).join(format!("{run}.lock"))
}

/// The lock file is never removed: a lock on a removed file would hold nobody off.
fn open_lock(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Tries for a moment: somebody may just be looking ([`Journal::seated`]).
fn take_lock(file: &File, path: &Path) -> Result<(), SitError> {
    for _ in 0..4 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::Error(error)) => return Err(SitError::Lock(error.to_string())),
        }
    }
    Err(busy(path))
}

/// `pid`, `since` and perhaps `child`, one per line. Leaves the offset at the end: a command that gets
/// this file as its standard input reads nothing.
fn write_holder(file: &mut File, sitter: &Sitter, child: Option<u32>) -> std::io::Result<()> {
    let mut text = format!("pid {}\nsince {}\n", sitter.pid, sitter.now.millis());
    if let Some(child) = child {
        text.push_str(&format!("child {child}\n"));
    }
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())
}

fn busy(path: &Path) -> SitError {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let word = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    SitError::Busy {
        pid: word("pid").and_then(|pid| pid.parse().ok()).unwrap_or(0),
        since: word("since").and_then(Time::parse_millis).map_or(String::new(), |since| since.millis()),
        child: word("child").and_then(|child| child.parse().ok()),
    }
}
