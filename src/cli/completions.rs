//! `countersign completions SHELL`: the script that teaches a shell the verbs and flags.

use super::ui::{CliResult, Exit, Ui};
use clap_complete::Shell;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "countersign", &mut script);
    ui.data(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Done)
}
