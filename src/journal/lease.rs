//! One executor at a time (P8): a lock file per run, held as long as the process lives, and the lease row whose
//! epoch every seat entry carries.

use super::Journal;
use crate::base::{Digest, RunId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

/// Somebody else holds the seat.
#[derive(Debug, thiserror::Error)]
pub enum Busy {
    #[error("another executor holds the seat of this run (pid {pid}, seat {epoch})")]
    Held { pid: i64, epoch: u64 },
    #[error("the seat can't be taken: {0}")]
    Io(String),
}

/// The seat of a run: the lock is released when it is dropped.
#[derive(Debug)]
pub struct Seat {
    pub epoch: u64,
    /// 32 hex digits: this machine and this journal file.
    pub machine: String,
    lock: File,
}

impl Seat {
    /// A further handle on the lock, for a child process that must keep it.
    pub fn duplicate_lock(&self) -> std::io::Result<File> {
        self.lock.try_clone()
    }
}

impl Journal {
    /// Takes the seat: the lock, then the lease row with the next epoch.
    pub fn sit(&mut self, run: &RunId) -> Result<Seat, Busy> {
        let io = |error: &dyn std::fmt::Display| Busy::Io(error.to_string());
        let path = self.lock_path(run);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| io(&error))?;
        }
        let lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(|error| io(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.held(run)),
            Err(TryLockError::Error(error)) => return Err(io(&error)),
        }
        let machine = self.machine().map_err(|error| io(&error))?;
        let epoch = take(self.connection(), run, &machine).map_err(|error| io(&error))?;
        Ok(Seat { epoch, machine, lock })
    }

    fn held(&mut self, run: &RunId) -> Busy {
        let row = self.connection().query_row("SELECT pid, epoch FROM lease WHERE run = ?1", [run.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        let (pid, epoch) = row.unwrap_or((0, 0));
        Busy::Held { pid, epoch: u64::try_from(epoch).unwrap_or(0) }
    }

    fn lock_path(&self, run: &RunId) -> PathBuf {
        let mut folder = self.path.clone().into_os_string();
        folder.push(".locks");
        PathBuf::from(folder).join(format!("{run}.lock"))
    }

    /// First 32 hex digits of SHA-256 over the OS's machine id and the journal file's device and inode: the same
    /// for all users of one file, different for a copy.
    fn machine(&self) -> std::io::Result<String> {
        use std::os::unix::fs::MetadataExt;
        let of_machine = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default();
        let file = std::fs::metadata(&self.path)?;
        let text = format!("{}\n{}\n{}", of_machine.trim(), file.dev(), file.ino());
        Ok(Digest::of(text.as_bytes()).hex()[..32].to_owned())
    }
}

/// The lease's present epoch.
pub(super) fn epoch(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT epoch FROM lease WHERE run = ?1")?;
    let epoch: Option<i64> = statement.query_row([run.as_str()], |row| row.get(0)).optional()?;
    Ok(epoch.and_then(|epoch| u64::try_from(epoch).ok()))
}

fn take(connection: &mut Connection, run: &RunId, machine: &str) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let next = epoch(&transaction, run)?.unwrap_or(0) + 1;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    transaction.execute(
        "INSERT INTO lease (run, epoch, machine, boot, pid) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run) DO UPDATE SET epoch = ?2, machine = ?3, boot = ?4, pid = ?5",
        params![run.as_str(), i64::try_from(next).unwrap_or(i64::MAX), machine, boot.trim(), i64::from(std::process::id())],
    )?;
    transaction.commit()?;
    Ok(next)
}
