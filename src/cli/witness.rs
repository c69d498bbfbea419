//! `countersign witness`: a person of a party signs how a closed run ended. Verifies everything first, shows what is
//! witnessed, asks, signs; into the journal, or over a bundle into an answer file. Never closes anything.

use super::Global;
use super::desk::{Desk, Via, not_closed};
use super::parts::Who;
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::escape;
use crate::engine::end;
use crate::engine::state::Run;
use crate::record::fact::Mode;
use crate::verify::{self, Report};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Everything is verified before anything is signed, and compared with what this machine saw of the run before. One
person of each party witnesses a closed run; then `verify --trust` of every party says WITNESSED.

Examples:
  countersign witness 98f30cc2 --as bob
  countersign witness move.countersign --as bob -o bob.answer
  countersign import bob.answer")]
pub struct Args {
    /// The run (a unique prefix), or a bundle that `export` wrote; without it, the run that was closed last
    #[arg(value_name = "RUN or BUNDLE")]
    target: Option<String>,
    #[command(flatten)]
    who: Who,
    /// Write an answer file, which `import` takes in, and not into the journal
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What is to be said about it; signed with it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// At a terminal: do not ask (off one, this command is the decision)
    #[arg(long)]
    yes: bool,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let file = args.target.as_ref().map(PathBuf::from).filter(|path| path.is_file());
    let run = args.target.clone().filter(|_| file.is_none());
    let via = Via { run, from: file, answer: args.output.clone(), ..Via::default() };
    let mut desk = Desk::at(global, &via, &args.who)?;
    if desk.run.closed.is_none() {
        return Err(not_closed());
    }
    let report = match &via.from {
        Some(file) => super::desk::report_on(file)?,
        None => super::export::check(&place::journal(global)?, &desk.run.id)?,
    };
    if report.exit() == Exit::NotVerified as u8 {
        return Err(CliError::new(Exit::NotVerified, "CS6003", verify::text(&report), "nothing was signed"));
    }
    once(&desk.run, &desk.person)?;
    desk.remember(ui)?;
    ui.must_say(&words(&desk.run, &report));
    if ui.interactive && !args.yes && !ask(&desk.run)? {
        return Err(CliError::new(Exit::Waiting, "CS4001", "nothing was signed", ""));
    }
    let role = desk.run.people.get(&desk.person).and_then(|person| person.roles.first().cloned()).unwrap_or_default();
    desk.witness(&role, &args.reason)?;
    let (person, result) = (&desk.person, desk.run.closed.clone().unwrap_or_default().replace('_', " "));
    ui.say(&format!("ok: {person} witnessed that run {} ended: {}", desk.run.id.short(), escape::line(&result)));
    let done = desk.finish(ui)?;
    if !desk.travels() {
        end::words(&desk.run).iter().for_each(|words| ui.say(&escape::block(words)));
    }
    Ok(done)
}

/// Before anything is shown or a passphrase is asked for.
fn once(run: &Run, person: &str) -> Result<(), CliError> {
    let Some(before) = run.end.witnesses.iter().find(|witness| witness.person == person) else { return Ok(()) };
    let message = format!("{} witnessed this run before, at {}", escape::line(person), before.at.seconds());
    Err(CliError::new(Exit::Refused, "CS7061", message, "one person does so once; `countersign status` says who lacks"))
}

/// What is signed for, in words.
fn words(run: &Run, report: &Report) -> String {
    let mut lines = vec![format!(
        "witness run {} ({})  [{}]",
        run.id.short(),
        escape::line(&run.plan.title),
        run.opened.mode.name().to_uppercase()
    )];
    let result = run.closed.clone().unwrap_or_default().replace('_', " ");
    lines.push(format!("  result: {}; steps: {}", escape::line(&result), end::counts(run)));
    let by_word: Vec<String> = end::by_word(run).iter().map(ToString::to_string).collect();
    if !by_word.is_empty() {
        lines.push(format!("  done by word of people alone: {}", by_word.join(", ")));
    }
    if report.break_glass {
        lines.push("  BREAK-GLASS: approvals were waived in this run; who witnesses it counter-signs that".to_owned());
    }
    for (place, differs) in run.regained.iter().filter(|(_, differs)| !differs.is_empty()) {
        lines.push(format!("  not as captured at {}: {}", escape::line(place), escape::line(&differs.join("; "))));
    }
    if run.opened.mode != Mode::Live {
        lines.push("  nothing of it touched AWS".to_owned());
    }
    lines.push(format!("  {} entries, root {}", run.size(), run.head().root));
    lines.push(verify::text(report));
    lines.join("\n")
}

fn ask(run: &Run) -> Result<bool, CliError> {
    let prompt = format!("Sign that run {} ended so?", run.id.short());
    dialoguer::Confirm::new().with_prompt(prompt).default(false).interact().map_err(|error| {
        CliError::new(Exit::Waiting, "CS4002", error.to_string(), "answer at a terminal, or give --yes")
    })
}
