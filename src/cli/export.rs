//! export: a run as a bundle, the evidence artefact; and the check of a run in a store by way of its bundle.

use super::Global;
use super::decide::write_file;
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::RunId;
use crate::engine::port::Store;
use crate::journal::export;
use crate::record::bundle::{self, Bundle};
use crate::verify::{self, Report};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    pub run: Option<String>,
    /// Where to write; standard output if left out
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Also write the keys of the people file in force, as an OpenSSH allowed_signers file
    #[arg(long, value_name = "FILE")]
    pub signers: Option<PathBuf>,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let bundle = collect(&journal, &id)?;
    let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
    if let Some(path) = &args.signers {
        let signers = verify::signers(&bundle).map_err(|why| {
            CliError::new(Exit::NotVerified, "CS0812", why, "`countersign verify` says what is wrong")
        })?;
        write_file(path, signers.as_bytes())?;
        ui.say(&format!("wrote {}: keys as the run names them", path.display()));
    }
    let Some(path) = &args.output else {
        // A bundle ends with its last line feed, which `data` writes.
        ui.data(text.trim_end_matches('\n'));
        return Ok(Exit::Done);
    };
    write_file(path, text.as_bytes())?;
    ui.say(&format!("wrote {}; check it with: countersign verify {}", path.display(), path.display()));
    Ok(Exit::Done)
}

/// The bundle's text.
pub fn bundle_text(store: &impl Store, id: &RunId) -> Result<String, CliError> {
    let bundle = collect(store, id)?;
    Ok(bundle::write(&bundle.run, &bundle.lines, &bundle.objects))
}

/// What `verify` says of a run in a store.
pub fn check(store: &impl Store, id: &RunId) -> Result<Report, CliError> {
    Ok(verify::check(&collect(store, id)?, &[], &[]))
}

/// Every line, and every object that a line (or the plan) names.
pub fn collect(store: &impl Store, id: &RunId) -> Result<Bundle, CliError> {
    let bundle = export::bundle(store, id).map_err(|error| place::store_error(&error))?;
    bundle.ok_or_else(|| CliError::new(Exit::Usage, "CS1002", format!("there is no run {id}"), ""))
}
