//! Opening a journal file without trusting it: private copy, lowered limits, schema compared.

use super::{OpenError, SCHEMA, io, not_a_journal};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// A folder for this process alone, removed when dropped.
pub(super) struct PrivateCopy {
    folder: PathBuf,
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        // A leftover in the temporary folder is no harm that could be mended here.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A read-only connection to a private copy of the journal at `path` (and of its write-ahead log).
pub(super) fn open(path: &Path) -> Result<(Connection, PrivateCopy), OpenError> {
    let copy = copy(path).map_err(|error| io(path, &error))?;
    let file = copy.folder.join("journal.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags).map_err(|error| io(path, &error))?;
    harden(&connection).map_err(|error| io(path, &error))?;
    lower_limits(&connection).map_err(|error| io(path, &error))?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA mmap_size = 0")
        .map_err(|error| not_a_journal(path, &error))?;
    check_schema(&connection, path)?;
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| not_a_journal(path, &error))?;
    if verdict != "ok" {
        return Err(not_a_journal(path, &format!("the file is damaged: {verdict}")));
    }
    Ok((connection, copy))
}

/// Nothing that a schema could bring along may act.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
}

fn lower_limits(connection: &Connection) -> rusqlite::Result<()> {
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, 256 * 1024 * 1024),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 20_000),
        (Limit::SQLITE_LIMIT_COLUMN, 32),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 10),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 3),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 10),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}

/// The schema must be, to the letter, the one that this program makes: no view, trigger, generated column
/// or further table can stand in for what is read.
pub(super) fn check_schema(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number =
        |name: &str| -> rusqlite::Result<i64> { connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)) };
    let found = texts(connection).map_err(|error| not_a_journal(path, &error))?;
    let fresh = Connection::open_in_memory().and_then(|fresh| fresh.execute_batch(SCHEMA).map(|()| fresh));
    let wanted = fresh.and_then(|fresh| texts(&fresh)).map_err(|error| io(path, &error))?;
    let version = number("user_version").map_err(|error| not_a_journal(path, &error))?;
    if version > 1 && number("application_id").is_ok_and(|id| id == 1_668_507_502) {
        return Err(OpenError::Newer { path: path.to_owned(), found: version });
    }
    if let Some(other) = found.iter().find(|object| !wanted.contains(object)) {
        return Err(not_a_journal(path, &format!("its {} `{}` does not belong there", other.kind, other.name)));
    }
    if found.len() != wanted.len() {
        return Err(not_a_journal(path, &"tables are missing"));
    }
    Ok(())
}

/// One row of sqlite_schema.
#[derive(PartialEq)]
struct SchemaObject {
    kind: String,
    name: String,
    table: String,
    sql: Option<String>,
}

fn texts(connection: &Connection) -> rusqlite::Result<Vec<SchemaObject>> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        Ok(SchemaObject { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    })?;
    rows.collect()
}

fn copy(path: &Path) -> std::io::Result<PrivateCopy> {
    let name = format!("countersign-{}", hex::encode(rand::random::<[u8; 16]>()));
    let copy = PrivateCopy { folder: std::env::temp_dir().join(name) };
    make_private(&copy.folder)?;
    std::fs::copy(path, copy.folder.join("journal.db"))?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() {
        std::fs::copy(&log, copy.folder.join("journal.db-wal"))?;
    }
    Ok(copy)
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder)
}
