//! `countersign export RUN`: a run as one text file, the evidence artefact. Also how a verb finds a run.

use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{RunId, escape};
use crate::engine::port::{Store, StoreError};
use crate::journal::{Journal, OpenError, export};
use crate::record::bundle::{self, Bundle};
use crate::record::{Entry, Fact};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the journal lies when nothing else is said.
pub const DEFAULT_JOURNAL: &str = "journal/countersign.db";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run: any unique beginning of its id; may be left out when one run is open
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Where to write; standard output if left out
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The journal file
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_JOURNAL", default_value = DEFAULT_JOURNAL)]
    pub journal: PathBuf,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let journal = Journal::open(&args.journal).map_err(not_opened)?;
    let run = find_run(&journal, args.run.as_deref())?;
    let bundle = bundle_of(&journal, &run)?;
    let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
    match &args.output {
        // A bundle ends with its last line feed, which `data` writes.
        None => ui.data(text.trim_end_matches('\n')),
        Some(path) => {
            write_whole(path, text.as_bytes())?;
            let (entries, objects) = (bundle.lines.len(), bundle.objects.len());
            ui.say(&format!("{}: run {}, {entries} entries, {objects} objects", shown(path), run.short()));
        }
    }
    Ok(Exit::Done)
}

/// The run that a person means: by a beginning of its id, or the only open (or only) one.
pub fn find_run(journal: &Journal, wanted: Option<&str>) -> Result<RunId, CliError> {
    let all = journal.runs().map_err(not_read)?;
    let fitting: Vec<RunId> = match wanted {
        Some(text) => all.into_iter().filter(|run| run.as_str().starts_with(text)).collect(),
        None if all.len() > 1 => all.into_iter().filter(|run| is_open(journal, run)).collect(),
        None => all,
    };
    let names: Vec<&str> = fitting.iter().map(RunId::short).collect();
    match (fitting.as_slice(), wanted) {
        ([one], _) => Ok(one.clone()),
        ([], Some(text)) => {
            Err(usage("CS0871", format!("no run begins with `{text}`"), "`countersign runs` lists them"))
        }
        ([], None) => Err(usage("CS0871", "no run is open here", "name a run; `countersign runs` lists them")),
        (_, Some(text)) => Err(usage(
            "CS0872",
            format!("`{text}` fits {} runs: {}", names.len(), names.join(", ")),
            "give more digits",
        )),
        (_, None) => Err(usage(
            "CS0872",
            format!("{} runs are open: {}", names.len(), names.join(", ")),
            "name the one you mean",
        )),
    }
}

/// Whether a run's last word is not that it is closed.
fn is_open(journal: &Journal, run: &RunId) -> bool {
    let Ok(Some(head)) = journal.head(run) else { return true };
    // After the closing entry only witnesses and checkpoints follow.
    let from = head.size.saturating_sub(64);
    let lines = journal.read_from(run, from).unwrap_or_default();
    !lines.iter().any(|line| matches!(Entry::read(line), Ok(Entry { fact: Fact::RunClosed(_), .. })))
}

pub fn bundle_of(journal: &Journal, run: &RunId) -> Result<Bundle, CliError> {
    let found = export::bundle(journal, run).map_err(not_read)?;
    found.ok_or_else(|| usage("CS0871", format!("the journal has no entry of the run {run}"), "name another run"))
}

pub fn not_opened(error: OpenError) -> CliError {
    let hint = match error {
        OpenError::Missing { .. } => "name another with --journal, or COUNTERSIGN_JOURNAL",
        OpenError::NotAJournal { .. } => "a journal that can't be trusted proves nothing; ask for a bundle (export)",
        OpenError::Newer { .. } => "use the newer version",
        OpenError::Io { .. } => "check the path and your rights to it",
    };
    CliError::new(Exit::Usage, "CS0873", error.to_string(), hint)
}

fn not_read(error: StoreError) -> CliError {
    CliError::new(
        Exit::Failed,
        "CS0874",
        format!("the journal could not be read: {error}"),
        "check the disk, try again",
    )
}

pub fn usage(code: &'static str, message: impl Into<String>, hint: &str) -> CliError {
    CliError::new(Exit::Usage, code, message, hint)
}

/// Writes beside it first, so that a bundle under this name is always whole.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = std::fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error| {
        CliError::new(Exit::Failed, "CS0875", format!("{} can't be written: {error}", shown(path)), "check the path")
    })
}

pub fn shown(path: &Path) -> String {
    escape::line(&path.to_string_lossy())
}
