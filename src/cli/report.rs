//! `countersign report RUN or BUNDLE`: a run told to people who were not there, with its verdict at the top.

use super::decide::write_file;
use super::ui::{CliError, CliResult, Exit, Ui};
use super::{Format, Global, export, verify as verb};
use crate::base::Digest;
use crate::engine::port::Store;
use crate::record::bundle::{self, Bundle};
use crate::report::content::Source;
use crate::report::{self, Content};
use crate::verify::{self, Report, Verdict};
use std::path::{Path, PathBuf};

const EXAMPLE: &str = "\
Example:
  countersign report move.countersign --format html -o move.html
  countersign report move.countersign --trust people-from-the-customer.toml

Formats: markdown (also what text gives), html (one file, nothing to load), json. Exit code 6
where the history does not verify; the report is written all the same, and says so. JSON has the
members report (1), program, source, verdict, run, runbook, people, sessions, stages, requests,
operations, anchors, holds, points_of_no_return, troubles, evidence, entries, check.";

#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    pub read: verb::Read,
    /// Where to write; standard output if left out
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

pub fn run(args: &Args, global: &Global, ui: &Ui) -> CliResult {
    let (trust, held) = (args.read.keys()?, args.read.heads()?);
    let (content, verdict) = match args.read.bundle(global)? {
        Ok(bundle) => {
            let checked = verify::check(&bundle, &trust, &held);
            let source = source(args, &bundle);
            (report::gather(&bundle, &checked, source), checked)
        }
        Err(why) => unreadable(args, why)?,
    };
    let text = match global.format {
        Format::Html => report::html::html(&content),
        Format::Json => report::json(&content),
        Format::Text | Format::Markdown | Format::Mermaid => report::markdown::markdown(&content),
    };
    match &args.output {
        None => ui.data(text.trim_end()),
        Some(path) => {
            write_file(path, text.as_bytes())?;
            ui.say(&format!("wrote {}: {}", path.display(), verdict.verdict.name()));
        }
    }
    Ok(match verdict.verdict {
        Verdict::Invalid | Verdict::Diverged => Exit::NotVerified,
        _ => Exit::Done,
    })
}

/// The file as it was read; for a run of the journal, what `export` would write.
fn source(args: &Args, bundle: &Bundle) -> Source {
    let path = args.read.target.as_ref().map(Path::new).filter(|path| path.is_file());
    let bytes = path.and_then(|path| std::fs::read(path).ok()).filter(|bytes| !bytes.starts_with(b"SQLite"));
    match (path.and_then(Path::file_name), bytes) {
        (Some(name), Some(bytes)) => Source { name: name.to_string_lossy().into_owned(), sha256: Digest::of(&bytes) },
        _ => exported(bundle),
    }
}

fn exported(bundle: &Bundle) -> Source {
    let text = bundle::write(&bundle.run, &bundle.lines, &bundle.objects);
    Source { name: format!("{}.countersign", bundle.run.short()), sha256: Digest::of(text.as_bytes()) }
}

/// A text that is no bundle: what can be read of it, under a verdict that says what it is worth.
fn unreadable(args: &Args, why: String) -> Result<(Content, Report), CliError> {
    let path = PathBuf::from(args.read.target.clone().unwrap_or_default());
    let bytes = std::fs::read(&path).map_err(|error| super::decide::io(&path, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = Source { name, sha256: Digest::of(&bytes) };
    let bundle = report::salvage(&bytes).unwrap_or_else(|| Bundle {
        run: crate::base::RunId::from_bytes([0; 16]),
        lines: Vec::new(),
        objects: std::collections::BTreeMap::new(),
    });
    let mut checked = verify::check(&bundle, &[], &[]);
    checked.verdict = Verdict::Invalid;
    checked.problems.insert(0, verify::Problem { seq: None, code: "CS0801", message: why });
    Ok((report::gather(&bundle, &checked, source), checked))
}

/// The Markdown report of a run in a store, as `rehearse` keeps it.
pub fn markdown_of(store: &impl Store, id: &crate::base::RunId) -> Result<String, CliError> {
    let bundle = export::collect(store, id)?;
    let checked = verify::check(&bundle, &[], &[]);
    Ok(report::markdown::markdown(&report::gather(&bundle, &checked, exported(&bundle))))
}
