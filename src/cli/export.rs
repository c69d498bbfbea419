//! export: a run as a bundle, the evidence artefact; and the check of a run in a store by way of its bundle.

use super::Global;
use super::decide::write_file;
use super::place;
use super::ui::{CliError, CliResult, Exit, Ui};
use crate::base::{Digest, RunId};
use crate::engine::port::Store;
use crate::record::bundle::{self, Bundle};
use crate::verify::{self, Report};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The run (a unique prefix); not needed when one run is open
    run: Option<String>,
    /// The file; default: RUN.countersign (first eight digits)
    #[arg(long, short)]
    output: Option<PathBuf>,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let journal = place::journal(global)?;
    let id = place::find(&journal, args.run.as_deref())?;
    let text = bundle_text(&journal, &id)?;
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{}.countersign", id.short())));
    write_file(&path, text.as_bytes())?;
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
    let lines = store.read_from(id, 0).map_err(|error| place::store_error(&error))?;
    let mut objects = BTreeMap::new();
    let mut named = BTreeSet::new();
    for line in &lines {
        if let Ok(entry) = serde_json::from_str::<Value>(line) {
            digests(&entry["data"], &mut named);
        }
    }
    while let Some(digest) = named.pop_first() {
        if objects.contains_key(&digest) {
            continue;
        }
        let Some(bytes) = store.object(&digest).map_err(|error| place::store_error(&error))? else { continue };
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            digests(&value, &mut named);
        }
        objects.insert(digest, bytes);
    }
    Ok(Bundle { run: id.clone(), lines, objects })
}

/// Every string that is, or every statement line that holds, a digest.
fn digests(value: &Value, named: &mut BTreeSet<Digest>) {
    match value {
        Value::String(text) => {
            named.extend(Digest::parse(text));
            named.extend(text.lines().filter_map(|line| Digest::parse_tagged(line.split(": ").nth(1)?)));
        }
        Value::Array(items) => items.iter().for_each(|item| digests(item, named)),
        Value::Object(members) => members.values().for_each(|member| digests(member, named)),
        _ => {}
    }
}
