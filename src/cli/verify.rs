//! `countersign verify`: what a bundle or a run of the journal proves, and on whose keys.

use super::Global;
use super::export;
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::escape;
use crate::journal::Journal;
use crate::record::bundle::{self, Bundle};
use crate::verify::{self, Held, Report, Trust, Verdict};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What is read, and what it is compared with: for every verb that judges a history.
#[derive(clap::Args, Debug)]
pub struct Read {
    /// A bundle, a journal that somebody handed over, or a run of the journal (any unique beginning of its id)
    #[arg(value_name = "RUN or BUNDLE")]
    pub target: Option<String>,
    /// Keys that you got from a party yourself: a people file, or an allowed_signers file; may repeat
    #[arg(long, value_name = "FILE")]
    pub trust: Vec<PathBuf>,
    /// A head that an approver kept ({"run","size","root","leaf"}), or a note by `checkpoint`; may repeat
    #[arg(long, value_name = "FILE")]
    pub held: Vec<PathBuf>,
}

impl Read {
    /// The outer error: nothing to read. The inner one: it is read, and it is no bundle.
    pub(super) fn bundle(&self, global: &Global) -> Result<Result<Bundle, String>, CliError> {
        read_target(self.target.as_deref(), global)
    }

    pub(super) fn keys(&self) -> Result<Vec<Trust>, CliError> {
        self.trust.iter().map(|path| read_trust(path)).collect()
    }

    pub(super) fn heads(&self) -> Result<Vec<Held>, CliError> {
        self.held.iter().map(|path| read_held(path)).collect()
    }
}

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub read: Read,
    /// Print the shell lines that check every signature without this program, instead of a verdict
    #[arg(long, conflicts_with_all = ["trust", "held"])]
    pub commands: bool,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let (trust, held) = (args.read.keys()?, args.read.heads()?);
    let bundle = match args.read.bundle(global)? {
        Ok(bundle) => bundle,
        Err(why) => {
            ui.data(&if ui.json { pretty(&unreadable(&why)) } else { format!("INVALID  {}", escape::line(&why)) });
            return Ok(Exit::NotVerified);
        }
    };
    if args.commands {
        let lines = verify::commands(&bundle, &file_name(args.read.target.as_deref(), &bundle));
        ui.data(&if ui.json { pretty(&json!({ "commands": lines })) } else { lines.join("\n") });
        return Ok(Exit::Done);
    }
    if let Some(other) = held.iter().find(|held| held.run != bundle.run) {
        let message = format!("the head that you hold is of the run {}, not {}", other.run.short(), bundle.run.short());
        return Err(usage("CS0877", message, "give --held a head of this run"));
    }
    let report = verify::check(&bundle, &trust, &held);
    if ui.json {
        ui.data(&pretty(&verify::json(&report)));
    } else {
        ui.data(&verify::text(&report));
        hint(&report, args, ui);
    }
    Ok(match report.exit() {
        0 => Exit::Done,
        4 => Exit::Waiting,
        _ => Exit::NotVerified,
    })
}

/// The file that lies before whoever types the lines: the bundle, or what `export` is told to write.
fn file_name(target: Option<&str>, bundle: &Bundle) -> String {
    let path = target.map(Path::new).filter(|path| path.is_file());
    let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| format!("{}.countersign", bundle.run.short()))
}

fn read_target(target: Option<&str>, global: &Global) -> Result<Result<Bundle, String>, CliError> {
    let Some(path) = target.map(Path::new).filter(|path| path.is_file()) else {
        let journal = place::journal(global)?;
        let run = place::find(&journal, target)?;
        return export::collect(&journal, &run).map(Ok);
    };
    let bytes = std::fs::read(path).map_err(|error| unread(path, &error.to_string()))?;
    if bytes.starts_with(b"SQLite format 3\0") {
        let journal = Journal::open_foreign(path).map_err(|error| place::journal_error(&error))?;
        let run = place::find(&journal, None)?;
        return export::collect(&journal, &run).map(Ok);
    }
    Ok(bundle::read(&bytes).map_err(|error| format!("{} is no bundle: {error}", path.to_string_lossy())))
}

fn read_trust(path: &Path) -> Result<Trust, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| unread(path, &error.to_string()))?;
    Trust::parse(&path.to_string_lossy(), &text).map_err(|why| {
        let message = format!("{} can't be used as keys that you trust: {why}", shown(path));
        usage("CS0876", message, "give a people file, or lines of `person-id type base64`")
    })
}

fn read_held(path: &Path) -> Result<Held, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| unread(path, &error.to_string()))?;
    Held::parse(&text).map_err(|why| {
        let message = format!("{} is no head: {why}", shown(path));
        usage("CS0877", message, "a head is {\"run\",\"size\",\"root\",\"leaf\"}, or a note that `checkpoint` wrote")
    })
}

fn unread(path: &Path, why: &str) -> CliError {
    usage("CS0878", format!("{} can't be read: {why}", shown(path)), "check the path")
}

/// A text that is no bundle has the same members as every other verdict.
fn unreadable(why: &str) -> Value {
    json!({
        "verdict": Verdict::Invalid.name(), "mode": null, "entries": 0, "covered": 0, "trusted_keys": false,
        "problems": [{"seq": null, "code": "CS0801", "message": why}], "missing_objects": [],
    })
}

fn hint(report: &Report, args: &Args, ui: &Ui) {
    if args.read.trust.is_empty() && matches!(report.verdict, Verdict::Closed | Verdict::Open) {
        ui.say("hint: with --trust FILE (keys that you got from each party yourself) the verdict says whether they are theirs");
    }
}

fn usage(code: &'static str, message: impl Into<String>, hint: &str) -> CliError {
    CliError::new(Exit::Usage, code, message, hint)
}

fn shown(path: &Path) -> String {
    escape::line(&path.to_string_lossy())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
