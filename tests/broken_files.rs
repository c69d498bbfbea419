//! Bundles, answer files and journals that something has happened to, each handed to the binary: what it says,
//! and the exit code, stand in `fixtures/broken_files`. `COUNTERSIGN_BLESS=1` writes them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that can't go on says so
#![cfg(test)]

use rusqlite::Connection;
use std::path::Path;
use std::process::{Command, Stdio};

const VECTOR: &str = include_str!("../journal/vectors/closed-rehearsal.countersign");

/// A name, the file's bytes, and the arguments that take it (`FILE` stands for it).
struct Case(&'static str, Vec<u8>, &'static [&'static str]);

const VERIFY: &[&str] = &["verify", "FILE"];
const IMPORT: &[&str] = &["import", "FILE", "--journal", "journal.db"];
const APPROVE: &[&str] = &["approve", "FILE", "--as", "bob", "--yes"];

fn lines() -> Vec<String> {
    VECTOR.lines().map(|line| format!("{line}\n")).collect()
}

/// The vector with its line `at` (from 0) changed.
fn with_line(at: usize, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut lines = lines();
    lines[at] = change(&lines[at]);
    lines.concat().into_bytes()
}

fn first_object() -> usize {
    lines().iter().position(|line| line.starts_with("{\"base64\"")).unwrap()
}

fn bundles() -> Vec<Case> {
    let objects = first_object();
    let moved = |from: usize, to: usize| {
        let mut lines = lines();
        let line = lines.remove(from);
        lines.insert(to, line);
        lines.concat().into_bytes()
    };
    let deep = format!("{{\"a\":{}1{}}}\n", "[".repeat(40), "]".repeat(40));
    vec![
        Case("bundle_empty", Vec::new(), VERIFY),
        Case("bundle_nothing_but_a_header", lines()[0].clone().into_bytes(), VERIFY),
        Case("bundle_not_text", vec![0, 159, 146, 150, 10], VERIFY),
        Case("bundle_of_another_version", with_line(0, |line| line.replace("\"bundle\":1", "\"bundle\":2")), VERIFY),
        Case("bundle_that_is_prose", b"Dear auditor,\nplease find attached\n".to_vec(), VERIFY),
        Case("bundle_with_a_byte_order_mark", [b"\xef\xbb\xbf", VECTOR.as_bytes()].concat(), VERIFY),
        Case("bundle_with_carriage_returns", VECTOR.replace('\n', "\r\n").into_bytes(), VERIFY),
        Case("bundle_without_its_last_newline", VECTOR.trim_end().as_bytes().to_vec(), VERIFY),
        Case("bundle_cut_in_a_line", VECTOR.as_bytes()[..VECTOR.len() / 2].to_vec(), VERIFY),
        Case("bundle_with_a_space", with_line(3, |line| line.replacen("\":", "\": ", 1)), VERIFY),
        Case("bundle_with_a_double_name", with_line(3, |line| line.replacen('{', "{\"at\":\"x\",", 1)), VERIFY),
        Case("bundle_with_a_fraction", with_line(3, |line| line.replacen("\"epoch\":1", "\"epoch\":1.0", 1)), VERIFY),
        Case("bundle_with_a_deep_line", with_line(3, |_| deep.clone()), VERIFY),
        Case(
            "bundle_with_a_long_line",
            with_line(3, |line| line.replacen("\"at\":\"", &format!("\"at\":\"{}", "9".repeat(70_000)), 1)),
            VERIFY,
        ),
        Case(
            "bundle_with_an_unknown_kind",
            with_line(3, |line| line.replacen("\"kind\":\"", "\"kind\":\"re", 1)),
            VERIFY,
        ),
        Case(
            "bundle_with_an_unknown_member",
            with_line(3, |line| line.replacen("{\"at\"", "{\"an\":1,\"at\"", 1)),
            VERIFY,
        ),
        Case(
            "bundle_with_an_altered_entry",
            with_line(3, |line| line.replacen("\"epoch\":1", "\"epoch\":2", 1)),
            VERIFY,
        ),
        Case("bundle_without_an_entry", [lines()[..4].concat(), lines()[5..].concat()].concat().into_bytes(), VERIFY),
        Case("bundle_with_entries_swapped", moved(5, 4), VERIFY),
        Case(
            "bundle_with_an_entry_twice",
            [lines()[..5].concat(), lines()[4..].concat()].concat().into_bytes(),
            VERIFY,
        ),
        Case("bundle_with_objects_out_of_order", moved(objects + 1, objects), VERIFY),
        Case("bundle_with_an_object_first", moved(objects, 1), VERIFY),
        Case(
            "bundle_with_an_altered_object",
            with_line(objects, |line| line.replacen("\"base64\":\"e", "\"base64\":\"f", 1)),
            VERIFY,
        ),
        Case(
            "bundle_with_loose_base64",
            with_line(objects, |line| line.replacen("\",\"sha256", "=\",\"sha256", 1)),
            VERIFY,
        ),
        Case("bundle_with_more_behind_it", format!("{VECTOR}\n").into_bytes(), VERIFY),
        Case(
            "bundle_with_escapes_in_a_name",
            with_line(1, |line| line.replacen("\"by\":\"alice\"", "\"by\":\"\\u001b[2J\"", 1)),
            VERIFY,
        ),
        Case("requests_that_are_no_bundle", b"{\"answer\":1}\n".to_vec(), APPROVE),
        Case(
            "requests_that_do_not_verify",
            with_line(3, |line| line.replacen("\"epoch\":1", "\"epoch\":2", 1)),
            APPROVE,
        ),
        Case("requests_of_a_closed_run", VECTOR.as_bytes().to_vec(), APPROVE),
    ]
}

fn answers() -> Vec<Case> {
    let run = "09".repeat(16);
    let head = format!("{{\"answer\":1,\"run\":\"{run}\"}}\n");
    let line = |statement: &str| format!("{{\"key\":\"k\",\"signature\":\"s\",\"statement\":\"{statement}\"}}\n");
    let with = |rest: &str| format!("{head}{rest}").into_bytes();
    vec![
        Case("answer_empty", Vec::new(), IMPORT),
        Case("answer_that_is_a_bundle", VECTOR.as_bytes().to_vec(), IMPORT),
        Case("answer_without_statements", with(""), IMPORT),
        Case(
            "answer_of_another_version",
            with(&line("x")).iter().map(|byte| if *byte == b'1' { b'2' } else { *byte }).collect(),
            IMPORT,
        ),
        Case(
            "answer_to_a_run_that_is_not_here",
            with(&line("x")).iter().map(|byte| if *byte == b'9' { b'8' } else { *byte }).collect(),
            IMPORT,
        ),
        Case(
            "answer_with_an_unknown_member",
            with(&line("x").replacen("{\"key\"", "{\"kez\":\"\",\"key\"", 1)),
            IMPORT,
        ),
        Case("answer_with_a_statement_that_is_none", with(&line("I agree\\n")), IMPORT),
        Case("answer_with_half_a_statement", with(&line("countersign approval v1\\nrun: 1\\n")), IMPORT),
        Case("answer_with_an_unknown_statement", with(&line("countersign promise v1\\n")), IMPORT),
        Case("answer_not_text", with("\u{0}\u{1b}[2J\n"), IMPORT),
    ]
}

/// A journal with the vector's run in it, after `change`.
fn journal(folder: &Path, change: &str) -> Vec<u8> {
    let path = folder.join("made.db");
    let _ = std::fs::remove_file(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(include_str!("../journal/schema.sql")).unwrap();
    let bundle = countersign::record::bundle::read(VECTOR.as_bytes()).unwrap();
    for (seq, line) in bundle.lines.iter().enumerate() {
        let row = rusqlite::params![bundle.run.to_string(), seq as i64, line];
        connection.execute("INSERT INTO entry VALUES (?1, ?2, ?3)", row).unwrap();
    }
    for (digest, bytes) in &bundle.objects {
        connection.execute("INSERT INTO object VALUES (?1, ?2)", rusqlite::params![digest.hex(), bytes]).unwrap();
    }
    connection.execute_batch(change).unwrap();
    connection.close().unwrap();
    std::fs::read(&path).unwrap()
}

fn journals(folder: &Path) -> Vec<Case> {
    let made = |name, change: &str| Case(name, journal(folder, change), VERIFY);
    let torn = {
        let mut bytes = journal(folder, "");
        bytes.truncate(bytes.len() / 2);
        bytes
    };
    vec![
        made("journal_as_it_was", ""),
        made("journal_with_a_trigger", "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM object; END;"),
        made("journal_with_a_view", "DROP TABLE object; CREATE VIEW object AS SELECT 'x' AS sha256, x'00' AS bytes;"),
        made("journal_with_a_generated_column", "ALTER TABLE object ADD COLUMN g TEXT AS (sha256 || 'x');"),
        made("journal_with_another_table", "CREATE TABLE more (a);"),
        made("journal_of_a_newer_version", "PRAGMA user_version = 7;"),
        made("journal_without_an_entry", "DELETE FROM entry WHERE seq = 4;"),
        made("journal_without_its_first_entries", "DELETE FROM entry WHERE seq < 2;"),
        made(
            "journal_with_an_altered_entry",
            "UPDATE entry SET line = replace(line, '\"epoch\":1', '\"epoch\":2') WHERE seq = 5;",
        ),
        made(
            "journal_with_an_altered_object",
            "UPDATE object SET bytes = x'7b7d00' WHERE sha256 = (SELECT min(sha256) FROM object);",
        ),
        made("journal_with_a_run_of_a_strange_name", "UPDATE entry SET run = char(27) || '[2Jrun';"),
        made("journal_with_two_runs", "INSERT INTO entry SELECT replace(run, '09', '0a'), seq, line FROM entry;"),
        made("journal_without_runs", "DELETE FROM entry;"),
        Case("journal_torn", torn, VERIFY),
        Case("journal_of_another_program", another_program(folder), VERIFY),
    ]
}

fn another_program(folder: &Path) -> Vec<u8> {
    let path = folder.join("other.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x');").unwrap();
    connection.close().unwrap();
    std::fs::read(&path).unwrap()
}

/// What the program says to a case, with the folder's name masked.
fn said(folder: &Path, case: &Case) -> String {
    let file = folder.join("given");
    std::fs::write(&file, &case.1).unwrap();
    let arguments = case.2.iter().map(|argument| argument.replace("FILE", "given"));
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(folder.to_str().unwrap(), "FOLDER");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    for c in out.chars().chain(err.chars()) {
        assert!(c == '\n' || countersign::base::escape::is_harmless(c), "{}: {c:?} reached the screen", case.0);
    }
    assert!(!err.contains("panicked"), "{}: {err}", case.0);
    format!("exit {}\n--- stdout\n{out}--- stderr\n{err}", output.status.code().unwrap())
}

#[test]
fn every_broken_file_is_answered_exactly_as_written_down() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.db"), journal(folder.path(), "")).unwrap();
    let bless = std::env::var_os("COUNTERSIGN_BLESS").is_some();
    let mut wrong = Vec::new();
    let cases: Vec<Case> = [bundles(), answers(), journals(folder.path())].into_iter().flatten().collect();
    for case in &cases {
        let said = said(folder.path(), case);
        if case.0 != "journal_as_it_was" {
            assert!(!said.starts_with("exit 0"), "{} is not broken: {said}", case.0);
        }
        let beside = Path::new("tests/fixtures/broken_files").join(format!("{}.expected", case.0));
        if bless {
            std::fs::write(&beside, &said).unwrap();
        } else if std::fs::read_to_string(&beside).unwrap_or_default() != said {
            wrong.push(format!("{}:\n{said}", case.0));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        std::fs::read_dir("tests/fixtures/broken_files").unwrap().count(),
        cases.len(),
        "one file for each case"
    );
}
