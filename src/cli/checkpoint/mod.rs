//! `countersign checkpoint`: size and root of a run, signed, for somebody outside to keep: as a file, in a git
//! repository, under an authority's time stamp. Verifies first; takes no seat, and decides nothing.

mod git;
#[cfg(feature = "aws")]
mod stamp;

use super::Global;
use super::decide::{refused, unknown, write_file};
use super::parts::{SystemClock, Who};
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Digest, escape, json};
use crate::engine::port::Signer as _;
use crate::record::note::{Checkpoint, NAMESPACE};
use crate::run::witness;
use crate::verify;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
A C2SP tlog-checkpoint: three lines (origin, size, Merkle root) and a signature by your key, which `ssh-keygen -Y
verify -n checkpoint-v1@countersign` checks over the three lines. Give it to somebody who does not drive the run: with
`verify --held FILE` they see whether what stood then still stands. No seat is needed, and the run goes on meanwhile.

Examples:
  countersign checkpoint 98f30cc2 --as alice -o move.checkpoint
  countersign checkpoint --as alice --git ../checkpoints
  countersign checkpoint --as alice --timestamp https://tsa.example/ --timestamp-ca tsa.pem
  countersign verify move.countersign --held move.checkpoint")]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Where to write the note; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Commit it to a git repository, and push: a working copy, or what `git clone` takes
    #[arg(long, value_name = "REPOSITORY")]
    git: Option<String>,
    /// An RFC 3161 authority that says when it saw the note; asked and checked with openssl
    #[arg(long, value_name = "URL", requires = "timestamp_ca")]
    timestamp: Option<String>,
    /// The certificates by which the authority's reply must hold (PEM)
    #[arg(long, value_name = "FILE", requires = "timestamp")]
    timestamp_ca: Option<PathBuf>,
}

pub async fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let mut journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let person = args.who.person()?;
    let report = super::export::check(&journal, &id)?;
    if report.exit() == Exit::NotVerified as u8 {
        return Err(CliError::new(Exit::NotVerified, "CS6003", verify::text(&report), "nothing was signed"));
    }
    let mut run = place::open_run(&journal, &id)?;
    place::is_here(&run)?;
    if run.people.get(&person).is_none() {
        return Err(unknown(&run, &person));
    }
    if let Some(path) = args.output.as_ref().filter(|path| path.exists()) {
        // Before anything is signed; `write_file` has the last word.
        return write_file(path, b"").map(|()| Exit::Done);
    }
    let checkpoint = Checkpoint { run: id.clone(), size: run.size(), root: run.tree.root() };
    let ring = args.who.signer(&run.people, run.opened.mode)?;
    let (armoured, _) = ring
        .sign(&person, NAMESPACE, &checkpoint.text())
        .map_err(|error| place::run_error(&crate::run::RunError::Sign(error)))?;
    let note = checkpoint
        .signed(&person, &armoured)
        .ok_or_else(|| CliError::new(Exit::Failed, "CS1003", "the signature is not as ssh-keygen writes it", ""))?;
    let timestamp = stamped(args, note.as_bytes()).await?;
    let object = json::object_bytes(&json!({"note": note, "timestamp": timestamp}))
        .map_err(|error| CliError::new(Exit::Failed, "CS1003", error.to_string(), ""))?;
    let object = (Digest::of(&object), object);
    let size = checkpoint.size;
    let seq =
        witness::checkpoint(&mut journal, &SystemClock::new(), &mut run, &person, size, object).map_err(refused)?;
    if let Some(path) = &args.output {
        write_file(path, note.as_bytes())?;
    }
    tell(args, &checkpoint, &note, &timestamp, ui);
    ui.say(&format!("ok: checkpoint of {size} entries of run {}, noted as entry {seq}", id.short()));
    if let Some(path) = &args.output {
        let word = place::quoted(&path.to_string_lossy());
        ui.say(&format!(
            "give {0} to the other side; they check: countersign verify BUNDLE --held {0}",
            escape::line(&word)
        ));
    }
    if let Some(repository) = &args.git {
        let kept = git::keep(repository, &checkpoint, &note, &person).map_err(|why| {
            let hint = "the checkpoint stands in the journal; mend the repository, and give the command again";
            CliError::new(Exit::Failed, "CS1051", format!("{}: {why}", escape::line(repository)), hint)
        })?;
        ui.say(&format!("ok: {} holds {}", escape::line(repository), escape::line(&kept)));
    }
    Ok(Exit::Done)
}

/// The note is data, unless it went to a file.
fn tell(args: &Args, checkpoint: &Checkpoint, note: &str, timestamp: &Value, ui: &Ui) {
    if ui.json {
        let root = crate::record::tree::root_text(&checkpoint.root);
        let value = json!({
            "run": checkpoint.run, "origin": checkpoint.origin(), "size": checkpoint.size, "root": root,
            "note": note, "timestamp": timestamp,
        });
        ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
    } else if args.output.is_none() {
        ui.data(note.trim_end_matches('\n'));
    }
}

#[cfg(feature = "aws")]
async fn stamped(args: &Args, note: &[u8]) -> Result<Value, CliError> {
    let (Some(url), Some(authorities)) = (&args.timestamp, &args.timestamp_ca) else { return Ok(Value::Null) };
    let failed = |why: String| {
        let message = format!("no time stamp of {}: {why}", escape::line(url));
        CliError::new(Exit::Failed, "CS1050", message, "nothing was written; the same without --timestamp needs nobody")
    };
    if !super::http::is_url(url) {
        return Err(failed("it is no http:// or https:// URL".to_owned()));
    }
    stamp::stamp(note, url, authorities).await.map(|stamp| stamp.value()).map_err(failed)
}

#[cfg(not(feature = "aws"))]
async fn stamped(args: &Args, _: &[u8]) -> Result<Value, CliError> {
    match &args.timestamp {
        None => Ok(Value::Null),
        Some(url) => {
            let message =
                format!("no time stamp of {}: this program was built without an HTTP client", escape::line(url));
            Err(CliError::new(Exit::Failed, "CS1050", message, "nothing was written"))
        }
    }
}
