//! The command line: one file per verb; chooses the real parts; the only room that prints, reads the
//! environment and decides the exit code.

pub mod abandon;
pub mod actions;
pub mod amend;
pub mod by_hand;
pub mod change;
pub mod check;
pub mod checkpoint;
mod child;
pub mod code;
pub mod completions;
pub mod decide;
pub mod desk;
pub mod explain;
pub mod export;
pub mod glass;
pub mod hand_over;
mod help;
#[cfg(feature = "aws")]
mod http;
pub mod import;
pub mod init;
pub mod kept;
pub mod load;
pub mod lot;
pub mod man;
pub mod notify;
pub mod parts;
pub mod people;
pub mod place;
pub mod plan;
#[cfg(feature = "aws")]
pub mod preflight;
#[cfg(feature = "aws")]
mod progress;
pub mod proof_file;
#[cfg(feature = "aws")]
pub mod prove;
#[cfg(feature = "aws")]
pub mod rehearse;
pub mod report;
pub mod requests;
#[cfg(feature = "aws")]
pub mod rollback;
#[cfg(feature = "aws")]
pub mod run;
pub mod say;
pub mod schema;
pub mod settings;
pub mod show;
pub mod simulate;
pub mod source;
pub mod ui;
pub mod verify;
pub mod witness;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
#[cfg(feature = "aws")]
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use ui::{CliError, CliResult, Exit, Ui};

/// Where the journal lies when nothing is said.
pub const DEFAULT_JOURNAL: &str = "journal/countersign.db";

/// Runbooks as code for procedures that need two people.
#[derive(Parser)]
#[command(name = "countersign", version, about, max_term_width = 80, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The journal file
    #[arg(long, global = true, env = "COUNTERSIGN_JOURNAL", default_value = DEFAULT_JOURNAL)]
    pub journal: PathBuf,
    /// How data is printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Say only what must be said
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    /// `report`, `preflight`, and `rehearse --prove`
    Markdown,
    /// `plan`, `report`, `preflight`, and `rehearse --prove`
    Html,
    /// `plan`
    Mermaid,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Make a new runbook repository, with an example that rehearses
    Init(init::Args),
    /// Find all errors and warnings of runbooks
    Check(check::Args),
    /// Show what will happen, who does it, who agrees, the ways back
    Plan(plan::Args),
    /// Play a runbook on a simulated AWS, with simulated people
    #[cfg(feature = "aws")]
    Rehearse(rehearse::Args),
    /// Look at the live accounts before the day, and change nothing
    #[cfg(feature = "aws")]
    Preflight(preflight::Args),
    /// Open a run and drive it
    #[cfg(feature = "aws")]
    Run(run::RunArgs),
    /// Go on with a run
    #[cfg(feature = "aws")]
    Resume(run::ResumeArgs),
    /// Take steps back to an anchor
    #[cfg(feature = "aws")]
    Rollback(rollback::Args),
    /// Close a run that will not go on, signed; what it did stays
    Abandon(abandon::Args),
    /// How a run stands, and who is waited for
    Status(show::StatusArgs),
    /// All runs of the journal
    Runs(show::RunsArgs),
    /// What happened in a run
    Log(show::LogArgs),
    /// Open requests of a run
    Requests(requests::RequestsArgs),
    /// Verify, then read the requests that wait for you
    Review(requests::ReviewArgs),
    /// Approve requests, signed: one, or all that wait for you
    Approve(decide::ApproveArgs),
    /// Deny a request, signed; one denial ends it
    Deny(decide::DenyArgs),
    /// Take back an own approval that was not used yet
    Revoke(decide::DenyArgs),
    /// In an emergency: waive the approvals that one attempt lacks
    BreakGlass(glass::BreakGlassArgs),
    /// Take in an answer file
    Import(import::ImportArgs),
    /// Confirm a step, as its performer
    Confirm(say::ConfirmArgs),
    /// Answer a question or sign a task, as its performer
    Answer(say::AnswerArgs),
    /// Attach a file as evidence
    Attach(say::AttachArgs),
    /// Say how an operation in doubt stands
    Settle(say::SettleArgs),
    /// Go on after the canary
    GoOn(say::GoOnArgs),
    /// Put a signed note into the journal
    Note(say::NoteArgs),
    /// The people file: sign it, change it in a running run
    People(people::Args),
    /// Change the runbook of a running run, signed by all it touches
    Amend(amend::Args),
    /// Hand a run over to another person's machine
    HandOver(hand_over::HandOverArgs),
    /// Go on with a run that was handed over, or whose machine is lost
    TakeOver(hand_over::TakeOverArgs),
    /// Take a run back into the copy that handed it over
    Return(hand_over::ReturnArgs),
    /// Refuse a run that was handed over to you
    Decline(hand_over::DeclineArgs),
    /// Check a run or bundle against the published format
    Verify(verify::Args),
    /// Write a run as a bundle, the evidence artefact
    Export(export::Args),
    /// Sign how a closed run ended, for your party
    Witness(witness::Args),
    /// Sign size and root of a run, for others to keep
    Checkpoint(checkpoint::Args),
    /// Tell a run to people who were not there, the verdict first
    Report(report::Args),
    /// Serve the simulator over HTTP, for the AWS CLI or any SDK
    Simulate(simulate::Args),
    /// The actions that runbooks may name
    Actions(actions::Args),
    /// JSON Schemas for editors: runbooks, people, values, worlds
    Schema(schema::Args),
    /// What a code means, and what to do
    Explain(explain::Args),
    /// The completion script of a shell
    Completions(completions::Args),
    /// The manual
    Man(man::Args),
}

impl Verb {
    /// Whether it reads countersign.toml; the others work even where that is broken.
    fn has_settings(&self) -> bool {
        !matches!(
            self,
            Verb::Init(_)
                | Verb::Check(_)
                | Verb::Plan(_)
                | Verb::Actions(_)
                | Verb::Schema(_)
                | Verb::Explain(_)
                | Verb::Completions(_)
                | Verb::Man(_)
        )
    }
}

#[cfg(feature = "aws")]
impl Verb {
    /// Where the session bindings of countersign.toml go.
    fn bindings(&mut self) -> Option<&mut BTreeMap<String, String>> {
        match self {
            Verb::Run(args) => Some(&mut args.seat.bindings),
            Verb::Resume(args) => Some(&mut args.seat.bindings),
            Verb::Rollback(args) => Some(&mut args.seat.bindings),
            Verb::Preflight(args) => Some(&mut args.bound.bindings),
            _ => None,
        }
    }
}

impl Verb {
    /// Gives the settings to the verbs that tell people outside of what they do.
    fn notifies(&mut self, settings: Option<&notify::settings::Settings>) {
        let place = match self {
            #[cfg(feature = "aws")]
            Verb::Run(args) => &mut args.seat.notify,
            #[cfg(feature = "aws")]
            Verb::Resume(args) => &mut args.seat.notify,
            #[cfg(feature = "aws")]
            Verb::Rollback(args) => &mut args.seat.notify,
            Verb::Status(args) => &mut args.settings,
            Verb::Abandon(args) => &mut args.notify,
            Verb::Deny(args) => &mut args.notify,
            Verb::Import(args) => &mut args.notify,
            _ => return,
        };
        *place = settings.cloned();
    }
}

/// The whole command line, as it is parsed and shown.
pub fn command() -> clap::Command {
    help::dress(Cli::command())
}

/// Runs the program on these arguments; the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let (mut cli, _) = match parse(command(), &arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            say_usage(&error);
            return if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 };
        }
    };
    let global = &cli.global;
    let ui = Ui::from_environment(global.quiet, global.verbose, global.format == Format::Json);
    if cli.verb.has_settings() {
        match with_settings(&arguments, &ui) {
            Ok(parsed) => cli = parsed,
            Err(error) => return failed(&error, &ui),
        }
    }
    match printable(&cli).and_then(|()| dispatch(&cli, &ui)) {
        Ok(exit) => exit as u8,
        Err(error) => failed(&error, &ui),
    }
}

fn failed(error: &CliError, ui: &Ui) -> u8 {
    ui.error(error);
    error.exit as u8
}

fn parse(command: clap::Command, arguments: &[OsString]) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = command.try_get_matches_from(arguments)?;
    Ok((Cli::from_arg_matches(&matches)?, matches))
}

/// The same arguments, with countersign.toml where they say nothing.
fn with_settings(arguments: &[OsString], ui: &Ui) -> Result<Cli, CliError> {
    let folder = std::env::current_dir()
        .map_err(|error| CliError::new(Exit::Failed, "CS1006", format!("the current folder: {error}"), ""))?;
    let settings = settings::find(&folder)?;
    let (mut cli, matches) = parse(settings.into_defaults(command()), arguments)
        .map_err(|error| CliError::new(Exit::Usage, "CS1009", format!("{}: {error}", settings::FILE), ""))?;
    if ui.verbose {
        ui.say(&settings.used(&matches));
    }
    cli.verb.notifies(settings.notify.as_ref());
    #[cfg(feature = "aws")]
    if let Some(bindings) = cli.verb.bindings() {
        *bindings = settings.sessions;
    }
    Ok(cli)
}

/// Help as it is; an error with what was typed in it, escaped (P12).
fn say_usage(error: &clap::Error) {
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    let ui = Ui::from_environment(false, false, false);
    ui.must_say(crate::base::escape::block(&error.render().to_string()).trim_end());
}

/// Most verbs print text or JSON only.
fn printable(cli: &Cli) -> Result<(), ui::CliError> {
    let fits = match (&cli.verb, cli.global.format) {
        (_, Format::Text | Format::Json) => true,
        (Verb::Plan(_), format) => format != Format::Markdown,
        (Verb::Report(_), format) => format != Format::Mermaid,
        #[cfg(feature = "aws")]
        (Verb::Preflight(_), format) => format != Format::Mermaid,
        #[cfg(feature = "aws")]
        (Verb::Rehearse(args), format) => args.prove && args.cell.is_none() && format != Format::Mermaid,
        _ => false,
    };
    let hint =
        "all verbs: text, json; report, preflight and rehearse --prove: markdown, html too; plan: html, mermaid too";
    let refused = || ui::CliError::new(Exit::Usage, "CS2090", "this verb does not print in that format", hint);
    if fits { Ok(()) } else { Err(refused()) }
}

fn dispatch(cli: &Cli, ui: &Ui) -> CliResult {
    let global = &cli.global;
    match &cli.verb {
        Verb::Init(args) => init::run(args, ui),
        Verb::Check(args) => check::run(args, ui),
        Verb::Plan(args) => plan::run(args, global, ui),
        #[cfg(feature = "aws")]
        Verb::Rehearse(args) if args.prove => prove::run(args, global, ui),
        #[cfg(feature = "aws")]
        Verb::Rehearse(args) => parts::block_on(rehearse::run(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Preflight(args) => parts::block_on(preflight::run(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Run(args) => parts::block_on(run::run(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Resume(args) => parts::block_on(run::resume(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Rollback(args) => parts::block_on(rollback::run(args, global, ui)),
        Verb::Abandon(args) => abandon::run(args, global, ui),
        Verb::Status(args) => show::status(args, global, ui),
        Verb::Runs(args) => show::runs(args, global, ui),
        Verb::Log(args) => show::log(args, global, ui),
        Verb::Requests(args) => requests::requests(args, global, ui),
        Verb::Review(args) => requests::review(args, global, ui),
        Verb::Approve(args) => decide::approve(args, global, ui),
        Verb::Deny(args) => decide::deny(args, global, ui),
        Verb::Revoke(args) => decide::revoke(args, global, ui),
        Verb::BreakGlass(args) => glass::break_glass(args, global, ui),
        Verb::Import(args) => import::import(args, global, ui),
        Verb::Confirm(args) => say::confirm(args, global, ui),
        Verb::Answer(args) => say::answer(args, global, ui),
        Verb::Attach(args) => say::attach(args, global, ui),
        Verb::Settle(args) => say::settle(args, global, ui),
        Verb::GoOn(args) => say::go_on(args, global, ui),
        Verb::Note(args) => say::note(args, global, ui),
        Verb::People(args) => people::run(args, global, ui),
        Verb::Amend(args) => amend::run(args, global, ui),
        Verb::HandOver(args) => hand_over::hand_over(args, global, ui),
        Verb::TakeOver(args) => hand_over::take_over(args, global, ui),
        Verb::Return(args) => hand_over::back(args, global, ui),
        Verb::Decline(args) => hand_over::decline(args, ui),
        Verb::Verify(args) => verify::run(args, global, ui),
        Verb::Export(args) => export::run(args, global, ui),
        Verb::Witness(args) => witness::run(args, global, ui),
        Verb::Checkpoint(args) => parts::block_on(checkpoint::run(args, global, ui)),
        Verb::Report(args) => report::run(args, global, ui),
        Verb::Simulate(args) => parts::block_on(simulate::run(args, ui)),
        Verb::Actions(args) => actions::run(args, ui),
        Verb::Schema(args) => schema::run(args, ui),
        Verb::Explain(args) => explain::run(args, ui),
        Verb::Completions(args) => completions::run(args, ui),
        Verb::Man(args) => man::run(args, ui),
    }
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }
}
