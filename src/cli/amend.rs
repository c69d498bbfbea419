//! amend, and people change: reads the new text, shows what it changes and who must sign, and brings it into force
//! or sends it to those who sign elsewhere.

use super::Global;
use super::change::{self, Proposal, Signers, Step};
use super::load::{self, Sources};
use super::place;
use super::source;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Digest, escape};
use crate::engine::port::Store;
use crate::engine::state::Run;
use crate::engine::status;
use crate::journal::Journal;
use crate::plan::Timing;
use crate::record::fact::{Mode, SignedText};
use crate::simulator::World;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// The new text of the runbook
    #[arg(long, value_name = "FILE")]
    runbook: PathBuf,
    /// Values; they must be those of the run, which is where they come from without this
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,
    /// The world whose [timing] a simulated run takes; default: worlds/NAME.toml beside the runbook
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args, Debug)]
pub struct PeopleArgs {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// The new people file
    #[arg(long, value_name = "FILE")]
    people: PathBuf,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args, Debug)]
struct How {
    #[command(flatten)]
    who: Signers,
    /// Write a file for those who sign elsewhere (review, approve, then import here)
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only show what changes and who must sign
    #[arg(long)]
    dry_run: bool,
    /// At a terminal: do not ask before signing (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let (mut journal, run) = open(args.run.as_deref(), global)?;
    let object = |digest: &Digest| -> Result<String, CliError> {
        let bytes = journal.object(digest).map_err(|error| place::store_error(&error))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let sources = Sources {
        runbook: args.runbook.clone(),
        values: args.values.clone(),
        people_text: Some(object(&run.people.digest)?),
        values_text: args.values.is_none().then(|| object(&run.plan.values)).transpose()?,
        ..Sources::default()
    };
    let loaded = load::plan(&sources, timing(&run, args)?.as_ref())?;
    loaded.warnings.iter().for_each(|warning| ui.say(&ui.finding(warning)));
    #[cfg(feature = "aws")]
    ui.say(&super::proof_file::required(&loaded)?.words());
    let plan = loaded.plan;
    if plan.digest() == run.in_force().plan {
        ui.say("nothing to change: the run goes by this very text");
        return Ok(Exit::Done);
    }
    let brought =
        [loaded.runbook_bytes, loaded.plan_bytes].into_iter().chain(loaded.files.into_iter().map(|one| one.1));
    let objects: BTreeMap<Digest, Vec<u8>> = brought.map(|bytes| (Digest::of(&bytes), bytes)).collect();
    let proposal = Proposal::runbook(&run, plan, objects)?;
    let exit = go(&mut journal, &run, &proposal, &args.how, ui)?;
    say_where(&run, "runbook", &args.runbook, exit, &args.how, ui);
    Ok(exit)
}

pub fn people(args: &PeopleArgs, global: &Global, ui: &Ui) -> CliResult {
    let (mut journal, run) = open(args.run.as_deref(), global)?;
    let text = super::decide::read_text(&args.people)?;
    let people = super::people::read(&args.people, &text)?;
    if people.digest == run.people.digest {
        ui.say("nothing to change: the run goes by this very people file");
        return Ok(Exit::Done);
    }
    if run.rollback.is_some() {
        let hint = "go on with it first: countersign rollback";
        return Err(CliError::new(Exit::Refused, "CS7050", "a rollback is under way", hint));
    }
    fits(&journal, &run, &people)?;
    let proposal = Proposal::people(&run, people, text.into_bytes());
    let exit = go(&mut journal, &run, &proposal, &args.how, ui)?;
    say_where(&run, "people", &args.people, exit, &args.how, ui);
    Ok(exit)
}

/// The runbook in force must still have people for everything.
fn fits(journal: &Journal, run: &Run, people: &crate::people::People) -> Result<(), CliError> {
    let bytes = journal.object(&run.in_force().runbook).map_err(|error| place::store_error(&error))?;
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let (checked, found) = load::checked("the run's runbook", &text, Some(people));
    match checked {
        Some(_) if !load::has_errors(&found) => Ok(()),
        _ => Err(CliError::findings(found)),
    }
}

fn open(prefix: Option<&str>, global: &Global) -> Result<(Journal, Run), CliError> {
    let journal = place::journal(global)?;
    let id = place::find(&journal, prefix)?;
    let run = place::open_run(&journal, &id)?;
    if run.closed.is_some() {
        let message = format!("the run {} is closed: {}", id.short(), status::state(&run));
        return Err(CliError::new(Exit::Refused, "CS7007", message, "a closed run goes by what it went by"));
    }
    place::is_here(&run)?;
    let report = super::export::check(&journal, &id)?;
    if report.exit() == Exit::NotVerified as u8 {
        let hint = "nothing was done; keep the file as it is";
        return Err(CliError::new(Exit::NotVerified, "CS6003", crate::verify::text(&report), hint));
    }
    Ok((journal, run))
}

/// A simulated run's time limits come from its world, as when it was opened.
fn timing(run: &Run, args: &Args) -> Result<Option<Timing>, CliError> {
    if run.opened.mode == Mode::Live {
        return Ok(None);
    }
    let beside = |runbook: &Path| -> Option<PathBuf> {
        Some(runbook.parent()?.join("worlds").join(runbook.file_name()?)).filter(|path| path.exists())
    };
    let opened = run.opened.paths.get("runbook").map(PathBuf::from);
    let path = args.world.clone().or_else(|| beside(&args.runbook)).or_else(|| beside(&opened?));
    let Some(path) = path else { return Ok(None) };
    let text = super::decide::read_text(&path)?;
    let world = World::parse(&path.display().to_string(), &text).map_err(CliError::findings)?;
    Ok(Some(source::timing(&world)))
}

fn go(journal: &mut Journal, run: &Run, proposal: &Proposal, how: &How, ui: &Ui) -> CliResult {
    let (_, lacks) = proposal.standing(run, &[])?;
    if ui.json {
        let value = proposal.json(run, &BTreeSet::new(), &lacks);
        ui.data(&serde_json::to_string_pretty(&value).unwrap_or_default());
    }
    let words = proposal.words(run, &BTreeSet::new(), &[]);
    match (ui.json, how.dry_run) {
        (true, _) => {}
        (false, true) => ui.data(&words),
        (false, false) => ui.must_say(&words),
    }
    if how.dry_run {
        return Ok(Exit::Done);
    }
    if ui.interactive && !how.yes && !ask(run)? {
        return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was changed", ""));
    }
    let statements: Vec<SignedText> = change::sign_all(run, &proposal.new, &proposal.fields, &how.who)?;
    match &how.output {
        Some(path) => change::write_out(journal, &Step { run, proposal, statements }, path, ui),
        None => change::into_force(journal, proposal, &statements, &run.id, &how.who, ui),
    }
}

/// The run's own beginning is typed, so that the wrong one is not changed.
fn ask(run: &Run) -> Result<bool, CliError> {
    let prompt = format!("Type {} to sign it", run.id.short());
    let typed: String =
        dialoguer::Input::new().with_prompt(prompt).allow_empty(true).interact_text().map_err(|error| {
            CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
        })?;
    Ok(typed.trim() == run.id.short())
}

/// `resume` and `approve` look where the file lay when the run was opened.
fn say_where(run: &Run, what: &str, given: &Path, exit: Exit, how: &How, ui: &Ui) {
    let Some(noted) = run.opened.paths.get(what).map(PathBuf::from) else { return };
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if exit == Exit::Done && !how.dry_run && how.output.is_none() && real(given) != real(&noted) && noted.exists() {
        let from = escape::line(&place::quoted(&given.to_string_lossy()));
        let to = escape::line(&place::quoted(&noted.to_string_lossy()));
        ui.say(&format!("the run looks for its {what} file where it lay before: cp {from} {to}"));
    }
}
