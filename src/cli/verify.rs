//! verify: provisional.
use super::{
    Global,
    ui::{CliResult, Exit, Ui},
};
#[derive(clap::Args, Debug)]
pub struct Args {
    run: Option<String>,
}
pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let journal = super::place::journal(global)?;
    let id = super::place::find(&journal, args.run.as_deref())?;
    ui.data(&crate::verify::text(&super::export::check(&journal, &id)?));
    Ok(Exit::Done)
}
