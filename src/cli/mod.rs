//! The command line: one file per verb; chooses the real parts; the only room that prints, reads the
//! environment and decides the exit code.

pub mod actions;
pub mod check;
pub mod decide;
pub mod export;
pub mod load;
pub mod parts;
pub mod people;
pub mod place;
pub mod plan;
pub mod proof_file;
#[cfg(feature = "aws")]
pub mod prove;
#[cfg(feature = "aws")]
pub mod rehearse;
#[cfg(feature = "aws")]
pub mod rollback;
#[cfg(feature = "aws")]
pub mod run;
pub mod say;
pub mod show;
pub mod simulate;
pub mod source;
pub mod ui;
pub mod verify;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use ui::{CliResult, Exit, Ui};

/// Runbooks as code for procedures that need two people.
#[derive(Parser)]
#[command(name = "countersign", version, about, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(clap::Args, Clone, Debug)]
pub struct Global {
    /// The journal file
    #[arg(long, global = true, env = "COUNTERSIGN_JOURNAL", default_value = "journal/countersign.db")]
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
    /// `rehearse --prove`
    Markdown,
    /// `rehearse --prove`
    Html,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Find all errors and warnings of runbooks
    Check(check::Args),
    /// Show what will happen, who does it, who must agree, where the way back ends
    Plan(plan::Args),
    /// Play a runbook on the simulator, with simulated people, on a virtual clock
    #[cfg(feature = "aws")]
    Rehearse(rehearse::Args),
    /// Open a run and drive it
    #[cfg(feature = "aws")]
    Run(run::RunArgs),
    /// Go on with a run
    #[cfg(feature = "aws")]
    Resume(run::ResumeArgs),
    /// Take steps back to an anchor
    #[cfg(feature = "aws")]
    Rollback(rollback::Args),
    /// How a run stands, and who is waited for
    Status(show::StatusArgs),
    /// All runs of the journal
    Runs(show::RunsArgs),
    /// What happened in a run
    Log(show::LogArgs),
    /// Open requests of a run
    Requests(decide::RequestsArgs),
    /// Approve a request, signed
    Approve(decide::ApproveArgs),
    /// Deny a request, signed; one denial ends it
    Deny(decide::DenyArgs),
    /// Take back an own approval that was not used yet
    Revoke(decide::DenyArgs),
    /// Take in an answer file
    Import(decide::ImportArgs),
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
    /// The people file
    People(people::Args),
    /// Check a run or bundle against the published format
    Verify(verify::Args),
    /// Write a run as a bundle, the evidence artefact
    Export(export::Args),
    /// Serve the simulator over HTTP, for the AWS CLI or any SDK
    Simulate(simulate::Args),
    /// The actions that runbooks may name
    Actions(actions::Args),
}

/// Runs the program on these arguments; the exit code.
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            say_usage(&error);
            return if error.use_stderr() { Exit::Usage as u8 } else { Exit::Done as u8 };
        }
    };
    let global = &cli.global;
    let ui = Ui::from_environment(global.quiet, global.verbose, global.format == Format::Json);
    match printable(&cli).and_then(|()| dispatch(&cli, &ui)) {
        Ok(exit) => exit as u8,
        Err(error) => {
            ui.error(&error);
            error.exit as u8
        }
    }
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
        #[cfg(feature = "aws")]
        (Verb::Rehearse(args), _) => args.prove && args.cell.is_none(),
        _ => false,
    };
    let hint = "text and json are for every verb; markdown and html are for rehearse --prove";
    let refused = || ui::CliError::new(Exit::Usage, "CS2090", "this verb does not print in that format", hint);
    if fits { Ok(()) } else { Err(refused()) }
}

fn dispatch(cli: &Cli, ui: &Ui) -> CliResult {
    let global = &cli.global;
    match &cli.verb {
        Verb::Check(args) => check::run(args, ui),
        Verb::Plan(args) => plan::run(args, ui),
        #[cfg(feature = "aws")]
        Verb::Rehearse(args) if args.prove => prove::run(args, global, ui),
        #[cfg(feature = "aws")]
        Verb::Rehearse(args) => parts::block_on(rehearse::run(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Run(args) => parts::block_on(run::run(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Resume(args) => parts::block_on(run::resume(args, global, ui)),
        #[cfg(feature = "aws")]
        Verb::Rollback(args) => parts::block_on(rollback::run(args, global, ui)),
        Verb::Status(args) => show::status(args, global, ui),
        Verb::Runs(args) => show::runs(args, global, ui),
        Verb::Log(args) => show::log(args, global, ui),
        Verb::Requests(args) => decide::requests(args, global, ui),
        Verb::Approve(args) => decide::approve(args, global, ui),
        Verb::Deny(args) => decide::deny(args, global, ui),
        Verb::Revoke(args) => decide::revoke(args, global, ui),
        Verb::Import(args) => decide::import(args, global, ui),
        Verb::Confirm(args) => say::confirm(args, global, ui),
        Verb::Answer(args) => say::answer(args, global, ui),
        Verb::Attach(args) => say::attach(args, global, ui),
        Verb::Settle(args) => say::settle(args, global, ui),
        Verb::GoOn(args) => say::go_on(args, global, ui),
        Verb::Note(args) => say::note(args, global, ui),
        Verb::People(args) => people::run(args, ui),
        Verb::Verify(args) => verify::run(args, global, ui),
        Verb::Export(args) => export::run(args, global, ui),
        Verb::Simulate(args) => parts::block_on(simulate::run(args, ui)),
        Verb::Actions(args) => actions::run(args, ui),
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
