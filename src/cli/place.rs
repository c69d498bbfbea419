//! Where things are: the journal, and which run in it is meant.

use super::Global;
use super::ui::{CliError, Exit};
use crate::base::{Digest, RunId};
use crate::engine::port::{Store, StoreError};
use crate::engine::state::{NotHere, Run, Whereabouts};
use crate::journal::{Journal, OpenError, Seat, SitError, Sitter, machine};
use crate::record::entry::Entry;
use crate::run::RunError;
use crate::run::load;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The journal, which must be there.
pub fn journal(global: &Global) -> Result<Journal, CliError> {
    if !global.journal.exists() {
        return Err(CliError::new(
            Exit::Usage,
            "CS1001",
            format!("there is no journal at {}", global.journal.display()),
            "name it with --journal or COUNTERSIGN_JOURNAL; `countersign run` makes one",
        ));
    }
    Journal::open(&global.journal).map_err(|error| journal_error(&error))
}

/// The run that `text` (a unique prefix) means; without it the one open run.
pub fn find(journal: &Journal, text: Option<&str>) -> Result<RunId, CliError> {
    let runs = journal.runs().map_err(|error| store_error(&error))?;
    let wrong = |message: String, hint: &str| CliError::new(Exit::Usage, "CS1002", message, hint);
    if let Some(text) = text {
        let fitting: Vec<&RunId> = runs.iter().filter(|run| run.as_str().starts_with(text)).collect();
        return match fitting.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(wrong(format!("no run begins with `{text}`"), "`countersign runs` lists them")),
            _ => Err(wrong(format!("{} runs begin with `{text}`", fitting.len()), "give more digits")),
        };
    }
    let open: Vec<&RunId> = runs.iter().filter(|run| is_open(journal, run)).collect();
    match (open.as_slice(), runs.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        ([], [one]) => Ok(one.clone()),
        ([], []) => Err(wrong("the journal has no run".to_owned(), "`countersign run RUNBOOK` opens one")),
        // None is open: the one that was opened last is meant.
        ([], all) => all
            .iter()
            .max_by_key(|run| opened_at(journal, run))
            .cloned()
            .ok_or_else(|| wrong("no run is open".to_owned(), "name one: `countersign runs` lists them")),
        _ => Err(wrong(format!("{} runs are open", open.len()), "name one: `countersign runs` lists them")),
    }
}

fn opened_at(journal: &Journal, run: &RunId) -> Option<crate::base::Time> {
    let first = journal.first_line(run).ok()??;
    Entry::read(&first).ok().map(|entry| entry.at)
}

fn is_open(journal: &Journal, run: &RunId) -> bool {
    // What can't be read is looked at, not passed over.
    journal.closed(run).ok().flatten().is_none()
}

/// A run, folded.
pub fn load_run(store: &impl Store, id: &RunId) -> Result<Run, CliError> {
    load::load(store, id, &BTreeMap::new()).map_err(|error| run_error(&error))
}

/// A run of this journal, folded, for a person who will be told how to go on with it.
pub fn open_run(journal: &Journal, id: &RunId) -> Result<Run, CliError> {
    let mut run = load_run(journal, id)?;
    run.whereabouts = whereabouts(journal);
    Ok(run)
}

/// What the commands that are printed must name to find a run of this journal.
pub fn whereabouts(journal: &Journal) -> Whereabouts {
    let path = journal.path();
    let set = std::env::var_os("COUNTERSIGN_JOURNAL").is_some_and(|set| Path::new(&set) == path);
    let named = !set && path != Path::new(super::DEFAULT_JOURNAL);
    let open = journal.runs().unwrap_or_default().iter().filter(|run| is_open(journal, run)).count();
    Whereabouts { among_others: open > 1, journal: named.then(|| quoted(&path.to_string_lossy())) }
}

/// As one word of a shell.
pub fn quoted(text: &str) -> String {
    match text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@/:+,%".contains(&b)) && !text.is_empty() {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// The one mapping from the loop's errors to words and exit codes.
pub fn run_error(error: &RunError) -> CliError {
    match error {
        RunError::Store(error) => store_error(error),
        RunError::Fold(error) => CliError::new(
            Exit::NotVerified,
            "CS6001",
            format!("the journal does not verify: {error}"),
            "`countersign verify` says more; nothing was done",
        ),
        RunError::Sign(error) => CliError::new(
            Exit::Refused,
            "CS7001",
            error.to_string(),
            "name the key with --key FILE, or add it to ssh-agent; an approval can also be signed by hand (approve --print)",
        ),
        RunError::Forged(_) => CliError::new(
            Exit::NotVerified,
            "CS6001",
            error.to_string(),
            "`countersign verify` says more; nothing was done",
        ),
        RunError::NotHere(why) => not_here(why),
        RunError::Bad(message) => CliError::new(Exit::Failed, "CS1003", message.clone(), ""),
    }
}

/// This copy of the journal may not go on: who has the run, and what to do.
pub fn not_here(why: &NotHere) -> CliError {
    let (code, hint) = match why {
        NotHere::HandedOver { to, .. } => (
            "CS8003",
            format!(
                "{to} goes on with it: countersign take-over FILE --as {to}; back here it comes with: countersign return \
                 FILE, or `import`, if {to} declines; if their machine is lost: countersign take-over FILE --recovery"
            ),
        ),
        NotHere::GivenBack { to, .. } => ("CS8003", format!("{to} goes on with it: countersign resume --as {to}")),
        NotHere::OtherCopy { .. } => (
            "CS8004",
            "go on where it was, or bring it here: there `countersign hand-over --to PERSON -o FILE`, here `countersign \
             take-over FILE`; if that machine is lost: `countersign take-over FILE --recovery`"
                .to_owned(),
        ),
    };
    CliError::new(Exit::Busy, code, why.to_string(), hint)
}

/// A run that goes on elsewhere takes no word here.
pub fn is_here(run: &Run) -> Result<(), CliError> {
    match &run.handed {
        Some(away) if !away.back => {
            let (to, by, seq) = (away.to.clone(), away.by.clone(), away.seq);
            Err(not_here(&NotHere::HandedOver { to, by, seq }))
        }
        _ => Ok(()),
    }
}

/// What a store's error is called.
pub fn store_error(error: &StoreError) -> CliError {
    match error {
        StoreError::Fenced => CliError::new(
            Exit::Busy,
            "CS8001",
            "another seat has taken over this run",
            "`countersign status` says who; nothing more was done here",
        ),
        StoreError::Unknown(_) => CliError::new(
            Exit::Failed,
            "CS1004",
            error.to_string(),
            "nothing was sent; check disk space, then `countersign resume`: it reads what is there",
        ),
        StoreError::Altered(_) => CliError::new(
            Exit::NotVerified,
            "CS6001",
            format!("the journal does not verify: {error}"),
            "`countersign verify` says more; nothing was done",
        ),
        _ => CliError::new(Exit::Failed, "CS1005", format!("journal: {error}"), ""),
    }
}

/// A journal file that can't be used.
pub fn journal_error(error: &OpenError) -> CliError {
    match error {
        OpenError::NotAJournal { .. } | OpenError::Newer { .. } => CliError::new(
            Exit::NotVerified,
            "CS6005",
            error.to_string(),
            "nothing of it was used; ask for a bundle (`countersign export`) instead of the database",
        ),
        _ => CliError::new(Exit::Failed, "CS1005", error.to_string(), "check the path and its rights"),
    }
}

/// A seat that was taken, and the machine that statements name.
pub struct Taken {
    pub seat: Seat,
    pub machine: String,
}

/// Takes the seat of a run (exit 8 if another executor holds it). `last`: the epoch of its last entry.
pub fn sit(journal: &mut Journal, run: &RunId, last: u64) -> Result<Taken, CliError> {
    let machine = machine::machine_id(journal.path())
        .map_err(|error| CliError::new(Exit::Failed, "CS1005", format!("{}: {error}", journal.path().display()), ""))?;
    let now = super::parts::SystemClock::new();
    let sitter = Sitter {
        pid: std::process::id(),
        boot: machine::boot_id(),
        machine: machine.clone(),
        now: crate::engine::port::Clock::now(&now),
    };
    let seat = journal.sit(run, last + 1, &sitter).map_err(|error| sit_error(&error))?;
    Ok(Taken { seat, machine })
}

fn sit_error(error: &SitError) -> CliError {
    match error {
        SitError::Busy { child, .. } => {
            let hint = match child {
                Some(pid) => format!("a command that it started is still running: pid {pid}; wait until it ends"),
                None => {
                    "wait until it leaves; `countersign status` shows the run, `approve` and `confirm` work meanwhile"
                        .to_owned()
                }
            };
            CliError::new(Exit::Busy, "CS8002", error.to_string(), hint)
        }
        _ => CliError::new(Exit::Failed, "CS1005", error.to_string(), ""),
    }
}

/// The files noted when the run was opened, or those given, must still have the digests in force (P13).
pub fn unchanged(run: &Run, what: &str, given: &Option<PathBuf>) -> Result<(), CliError> {
    let force = run.in_force();
    let wanted = if what == "runbook" { force.runbook } else { force.people };
    let path = match given {
        Some(path) => path.clone(),
        None => match run.opened.paths.get(what).map(PathBuf::from).filter(|path| path.exists()) {
            Some(path) => path,
            None => return Ok(()),
        },
    };
    let bytes = std::fs::read(&path).map_err(|error| super::decide::io(&path, &error))?;
    if Digest::of(&bytes) == wanted {
        return Ok(());
    }
    let word = quoted(&path.to_string_lossy());
    let (verb, person) = match what {
        "runbook" => (format!("amend {} --runbook {word}", run.id.short()), run.signed_on.first()),
        _ => (format!("people change {} --people {word}", run.id.short()), run.signed_on.first()),
    };
    let person = person.map(String::as_str).unwrap_or("PERSON");
    let opened = if what == "runbook" { run.opened.runbook } else { run.opened.people };
    let old = match Digest::of(&bytes) == opened {
        true => "it was changed since the run was opened: put the text in force there, or name it (`resume --help`); ",
        false => "put it back as it was; ",
    };
    Err(CliError::new(
        Exit::Refused,
        "CS7015",
        format!("{} is not the {what} file that the run {} is pinned to", path.display(), run.id.short()),
        format!("{old}to make it the run's: countersign {verb} --as {person}{}", run.whereabouts.journal()),
    ))
}
