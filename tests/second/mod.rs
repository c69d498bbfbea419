//! The second verifier, `journal/verify.py`, asked about bundles by tests; and whether it agrees with `verify`.
#![allow(dead_code, reason = "each test binary uses its own part")]

use countersign::record::bundle;
use countersign::verify::{self, Report, Verdict};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// A Python process that verifies one bundle after another.
pub struct Second {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Codes of rules that it leaves to `verify`.
    pub left: Vec<String>,
}

/// The interpreter that `tests/run` gives.
pub fn python() -> Command {
    Command::new(std::env::var_os("COUNTERSIGN_TEST_PYTHON").unwrap_or_else(|| "python3".into()))
}

impl Second {
    /// `patch`: Python that breaks the module `v`, or nothing.
    pub fn start(patch: &str) -> Second {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = python();
        command.arg(root.join("tests/second/serve.py")).arg(root.join("journal/verify.py"));
        if !patch.is_empty() {
            command.arg(patch);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut second = Second { child, to, from, left: vec![] };
        second.left = serde_json::from_value(second.line()).unwrap();
        second
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the second verifier said `{line}`: {error}"))
    }

    pub fn verdict(&mut self, text: &[u8]) -> Value {
        self.to.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).unwrap();
        self.to.write_all(text).unwrap();
        self.to.flush().unwrap();
        self.line()
    }

    /// What the two say of a bundle; an error where they differ and may not.
    pub fn compare(&mut self, text: &[u8]) -> Result<Agreed, String> {
        let second = self.verdict(text);
        let first = bundle::read(text).map(|bundle| verify::check(&bundle, &[], &[]));
        self.judge(&first.map_err(|error| error.to_string()), &second)
    }

    fn judge(&self, first: &Result<Report, String>, second: &Value) -> Result<Agreed, String> {
        let (verdict, glass) = first.as_ref().map_or((Verdict::Invalid, false), |one| (one.verdict, one.break_glass));
        let word = second["verdict"].as_str().unwrap();
        let invalid = verdict == Verdict::Invalid;
        let unreconciled = first.as_ref().is_ok_and(|one| one.unreconciled);
        let marks = second["break_glass"] == glass && second["unreconciled"] == unreconciled;
        if verdict.name() == word && (invalid || marks) {
            return Ok(if invalid {
                Agreed::Invalid(second["code"].as_str().unwrap().to_owned())
            } else {
                Agreed::Good
            });
        }
        let problems = first.as_ref().map_or(vec![], |report| report.problems.clone());
        // What `verify` finds further on may follow from the first: the second one goes by what it did not see.
        if let Some(code) = problems.first().map(|problem| problem.code)
            && invalid
            && self.left.iter().any(|left| left == code)
        {
            return Ok(Agreed::Left(code.to_owned()));
        }
        let said: Vec<_> = problems.iter().take(3).collect();
        Err(format!("verify: {} {said:?} {:?}\n  second: {second}", verdict.name(), first.as_ref().err()))
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How they agree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreed {
    Good,
    /// Both refuse it; the second one's code.
    Invalid(String),
    /// `verify` refuses it by rules that the second one leaves to it, such as this.
    Left(String),
}

/// The two must say the same of this bundle of a real run.
#[track_caller]
pub fn agrees(text: &[u8]) {
    let found = compare(text);
    assert!(found.is_ok(), "{}", found.unwrap_err());
}

/// The bundle that a rehearsal has left in this folder: both find it good.
#[track_caller]
pub fn rehearsal_is_good(folder: &Path) -> std::path::PathBuf {
    let bundles = std::fs::read_dir(folder.join("journal/rehearsals")).unwrap().map(|entry| entry.unwrap().path());
    let bundle = bundles.into_iter().find(|path| path.extension().is_some_and(|last| last == "countersign")).unwrap();
    assert_eq!(compare(&std::fs::read(&bundle).unwrap()), Ok(Agreed::Good));
    bundle
}

/// Asks one process that all tests of a binary share.
pub fn compare(text: &[u8]) -> Result<Agreed, String> {
    static ONE: OnceLock<Mutex<Second>> = OnceLock::new();
    let second = ONE.get_or_init(|| Mutex::new(Second::start("")));
    let mut second = second.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    second.compare(text)
}
