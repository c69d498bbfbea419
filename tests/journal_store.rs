//! The store's contract, kept by SQLite and by memory alike; then what only files have: locks, torn
//! files, journals of others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "helpers of tests")]

use countersign::base::{Digest, RunId, Time};
use countersign::engine::port::{ChainHead, Store, StoreError};
use countersign::journal::faults::{CRASHED, Fault, FaultyStore};
use countersign::journal::{Journal, MemoryStore, OpenError, Seat, SitError, Sitter};
use std::path::Path;

fn run() -> RunId {
    RunId::from_bytes([7; 16])
}

fn sitter(pid: u32) -> Sitter {
    Sitter { pid, boot: "b".to_owned(), machine: "m".to_owned(), now: Time(1_700_000_000_000) }
}

fn head(size: u64, last: &str) -> Option<ChainHead> {
    Some(ChainHead { size, leaf: Digest::leaf(last.as_bytes()) })
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn object(text: &str) -> (Digest, Vec<u8>) {
    (Digest::of(text.as_bytes()), text.as_bytes().to_vec())
}

trait Sits: Store {
    fn take_seat(&mut self, at_least: u64, pid: u32) -> Result<Seat, SitError>;
}

impl Sits for Journal {
    fn take_seat(&mut self, at_least: u64, pid: u32) -> Result<Seat, SitError> {
        self.sit(&run(), at_least, &sitter(pid))
    }
}

impl Sits for MemoryStore {
    fn take_seat(&mut self, at_least: u64, pid: u32) -> Result<Seat, SitError> {
        self.sit(&run(), at_least, &sitter(pid))
    }
}

/// `here` and `there` are two connections to one journal.
fn keeps_the_contract(here: &mut impl Sits, there: &mut impl Sits) {
    assert_eq!(here.head(&run()).unwrap(), None);
    assert!(here.read_from(&run(), 0).unwrap().is_empty());
    let seat = here.take_seat(1, 1).unwrap();
    assert_eq!((seat.epoch(), seat.before()), (1, None));

    here.append(&run(), None, Some(1), &lines(&["a", "b"]), &[object("x")]).unwrap();
    assert_eq!(there.head(&run()).unwrap(), head(2, "b"));
    assert_eq!(there.read_from(&run(), 1).unwrap(), ["b"]);
    assert_eq!(there.object(&object("x").0).unwrap(), Some(b"x".to_vec()));
    assert_eq!(there.object(&object("y").0).unwrap(), None);

    // Another process's voice, under no epoch of its own; then the seat has to look again.
    there.append(&run(), head(2, "b"), None, &lines(&["c"]), &[object("x")]).unwrap();
    let late = here.append(&run(), head(2, "b"), Some(1), &lines(&["d"]), &[object("z")]);
    assert!(matches!(late, Err(StoreError::Moved)));
    assert!(matches!(here.append(&run(), None, Some(1), &lines(&["d"]), &[]), Err(StoreError::Moved)));
    assert_eq!(here.object(&object("z").0).unwrap(), None, "a refused append keeps nothing");
    assert_eq!(here.read_from(&run(), 0).unwrap(), ["a", "b", "c"]);

    let wrong = (object("x").0, b"y".to_vec());
    assert!(matches!(here.append(&run(), head(3, "c"), Some(1), &lines(&["d"]), &[wrong]), Err(StoreError::Io(_))));
    assert_eq!(here.head(&run()).unwrap(), head(3, "c"));

    assert!(matches!(there.take_seat(1, 2), Err(SitError::Busy { pid: 1, .. })));
    drop(seat);
    let next = there.take_seat(1, 2).unwrap();
    assert_eq!((next.epoch(), next.before().map(|before| before.pid)), (2, Some(1)));
    assert!(matches!(here.append(&run(), head(3, "c"), Some(1), &lines(&["d"]), &[]), Err(StoreError::Fenced)));
    there.append(&run(), head(3, "c"), Some(2), &lines(&["d"]), &[]).unwrap();
    drop(next);
    assert_eq!(here.take_seat(9, 3).unwrap().epoch(), 9);
    let other = RunId::from_bytes([8; 16]);
    assert!(matches!(here.append(&other, None, Some(9), &lines(&["a"]), &[]), Err(StoreError::Fenced)));
}

#[test]
fn sqlite_keeps_the_contract_and_at_rest_it_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/journal.db");
    let mut here = Journal::open_or_create(&path).unwrap();
    let mut there = Journal::open(&path).unwrap();
    keeps_the_contract(&mut here, &mut there);
    assert_eq!(here.runs().unwrap(), [run()]);
    drop(there);
    here.close().unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["journal.db", "journal.db.locks"]);
    assert_eq!(Journal::open(&path).unwrap().head(&run()).unwrap(), head(4, "d"));
}

#[test]
fn memory_keeps_the_contract() {
    let mut here = MemoryStore::new();
    let mut there = here.clone();
    keeps_the_contract(&mut here, &mut there);
    assert_eq!(here.runs(), [run()]);
}

#[test]
fn each_fault_keeps_or_loses_what_it_says_and_then_the_store_is_dead() {
    for fault in Fault::ALL {
        let mut store = FaultyStore::new(MemoryStore::new(), 1, fault);
        store.append(&run(), None, None, &lines(&["a"]), &[]).unwrap();
        let error = store.append(&run(), head(1, "a"), None, &lines(&["b"]), &[]).unwrap_err();
        let crash = matches!(fault, Fault::CrashBefore | Fault::CrashAfter);
        assert_eq!(matches!(error, StoreError::Unknown(_)), !crash);
        assert_eq!(matches!(error, StoreError::Io(ref text) if text == CRASHED), crash);
        assert!(store.head(&run()).is_err() && store.append(&run(), None, None, &[], &[]).is_err());
        assert_eq!((store.happened(), store.appends()), (Some(fault), 2));
        let kept = matches!(fault, Fault::CrashAfter | Fault::UnknownKept);
        assert_eq!(store.into_inner().head(&run()).unwrap().map(|head| head.size), Some(if kept { 2 } else { 1 }));
    }
}

#[test]
fn the_seat_stays_taken_while_a_command_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut journal = Journal::open_or_create(&path).unwrap();
    let mut seat = journal.sit(&run(), 1, &sitter(1)).unwrap();
    assert!(matches!(journal.seated(&run()), Err(SitError::Busy { pid: 1, .. })));
    let lock = seat.duplicate_lock().unwrap().unwrap();
    // `cat` proves two things: it reads nothing from the lock, and it ends at once.
    let cat = std::process::Command::new("cat").stdin(lock).output().unwrap();
    assert!(cat.stdout.is_empty());
    let lock = seat.duplicate_lock().unwrap().unwrap();
    let mut child = std::process::Command::new("sleep").arg("30").stdin(lock).spawn().unwrap();
    seat.note_child(Some(child.id())).unwrap();
    drop(seat);
    let busy = journal.sit(&run(), 1, &sitter(2)).unwrap_err();
    assert!(matches!(busy, SitError::Busy { pid: 1, child: Some(pid), .. } if pid == child.id()), "{busy:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    journal.seated(&run()).unwrap();
    assert_eq!(journal.sit(&run(), 1, &sitter(2)).unwrap().epoch(), 2);
}

fn made(path: &Path) {
    let mut journal = Journal::open_or_create(path).unwrap();
    let many: Vec<String> = (0..200).map(|n| format!("line {n} {}", "x".repeat(100))).collect();
    journal.append(&run(), None, None, &many, &[object("x")]).unwrap();
    journal.close().unwrap();
}

#[test]
fn a_journal_of_others_is_read_from_a_private_copy_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    made(&path);
    let before = std::fs::read(&path).unwrap();
    let mut foreign = Journal::open_foreign(&path).unwrap();
    assert_eq!(foreign.read_from(&run(), 0).unwrap().len(), 200);
    assert!(foreign.append(&run(), foreign.head(&run()).unwrap(), None, &lines(&["a"]), &[]).is_err());
    assert!(matches!(foreign.sit(&run(), 1, &sitter(1)), Err(SitError::Store(_))));
    drop(foreign);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(Journal::open_foreign(&folder.path().join("no.db")), Err(OpenError::Missing { .. })));
    assert!(matches!(Journal::open(&folder.path().join("no.db")), Err(OpenError::Missing { .. })));
}

#[test]
fn a_foreign_journal_with_entries_still_in_its_log_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut journal = Journal::open_or_create(&path).unwrap();
    journal.append(&run(), None, None, &lines(&["a"]), &[]).unwrap();
    assert_eq!(Journal::open_foreign(&path).unwrap().head(&run()).unwrap(), head(1, "a"));
}

#[test]
fn views_triggers_and_generated_columns_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let renamed = "ALTER TABLE entry RENAME TO hidden;";
    for (number, sql) in [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE more (a)",
        "CREATE INDEX i ON entry (line)",
        &format!("{renamed} CREATE VIEW entry AS SELECT run, seq, 'x' AS line FROM hidden"),
        &format!("{renamed} CREATE TABLE entry (run TEXT, seq INTEGER, line TEXT AS ('x'))"),
        "DROP TABLE lease",
    ]
    .iter()
    .enumerate()
    {
        let path = folder.path().join(format!("{number}.db"));
        made(&path);
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.execute_batch(sql).unwrap();
        raw.close().unwrap();
        for opened in [Journal::open_foreign(&path), Journal::open(&path)] {
            assert!(matches!(opened, Err(OpenError::NotAJournal { .. })), "{sql}");
        }
    }
    let path = folder.path().join("newer.db");
    made(&path);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    assert!(matches!(Journal::open_foreign(&path), Err(OpenError::Newer { found: 2, .. })));
}

#[test]
fn altered_objects_and_lost_entries_are_noticed_when_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    made(&path);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("UPDATE object SET bytes = x'00'; DELETE FROM entry WHERE seq = 5").unwrap();
    raw.close().unwrap();
    let journal = Journal::open(&path).unwrap();
    assert!(matches!(journal.object(&object("x").0), Err(StoreError::Altered(_))));
    assert!(matches!(journal.read_from(&run(), 0), Err(StoreError::Altered(_))));
}

#[test]
fn torn_and_damaged_files_give_words_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    made(&path);
    let whole = std::fs::read(&path).unwrap();
    let look = |bytes: &[u8]| {
        let torn = folder.path().join("torn.db");
        std::fs::write(&torn, bytes).unwrap();
        for opened in [Journal::open_foreign(&torn), Journal::open(&torn)] {
            match opened {
                Ok(journal) => {
                    let _ = (journal.runs(), journal.head(&run()), journal.read_from(&run(), 0));
                    let _ = journal.object(&object("x").0);
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("torn.db{suffix}")));
        }
    };
    for cut in (1..whole.len()).step_by(whole.len() / 40) {
        look(&whole[..cut]);
    }
    for at in (0..whole.len()).step_by(whole.len() / 120).chain(0..120) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        look(&bytes);
    }
    look(b"not a database at all, and longer than the header of one would be: ......................................");
}

/// Not a test of its own: what `a_killed_writer_loses_nothing_that_was_committed` starts and kills.
#[test]
fn writer_that_is_killed() {
    let Some(path) = std::env::var_os("JOURNAL_OF_THE_KILLED_WRITER") else { return };
    let mut journal = Journal::open_or_create(Path::new(&path)).unwrap();
    let seat = journal.sit(&run(), 1, &sitter(std::process::id())).unwrap();
    loop {
        let head = journal.head(&run()).unwrap();
        let line = format!("line {}", head.map_or(0, |head| head.size));
        journal.append(&run(), head, Some(seat.epoch()), std::slice::from_ref(&line), &[object(&line)]).unwrap();
        println!("\ncommitted {line}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_that_was_committed() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut kept = 0;
    for round in 1..=5u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer_that_is_killed", "--nocapture"])
            .env("JOURNAL_OF_THE_KILLED_WRITER", &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut committed = || told.find_map(|line| line.strip_prefix("committed line ")?.parse::<u64>().ok());
        (0..3 * round).for_each(|_| kept = committed().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        kept = std::iter::from_fn(committed).last().unwrap_or(kept);

        let mut journal = Journal::open(&path).unwrap();
        let lines = journal.read_from(&run(), 0).unwrap();
        assert!(lines.len() as u64 > kept, "{} lines, although line {kept} was committed", lines.len());
        for (seq, line) in lines.iter().enumerate() {
            assert_eq!(*line, format!("line {seq}"));
            assert!(journal.object(&object(line).0).unwrap().is_some());
        }
        // The lock ended with the process; the next round sits one epoch on.
        assert_eq!(journal.sit(&run(), 1, &sitter(1)).unwrap().epoch(), 2 * round);
    }
}
