//! Reads a runbook, its values, its people and its pinned files, each once, and makes a plan of them.
//! The bytes that were read are kept: they are what is pinned, stored and run.

use super::ui::{CliError, Exit};
use crate::base::{Digest, Finding, Severity, escape};
use crate::check::{self, Checked};
use crate::people::{self, People};
use crate::plan::model::Plan;
use crate::plan::values::{self, SetValue, Values, secret_variable};
use crate::plan::{self, Pins, Timing};
use crate::runbook::kind::Kind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// No file that a person writes is longer.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Where to read from; what is not given lies beside the runbook.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub runbook: PathBuf,
    pub values: Option<PathBuf>,
    pub people: Option<PathBuf>,
    /// `NAME=VALUE` or `NAME=@FILE`.
    pub sets: Vec<String>,
    /// Examples stand in for missing values, and rehearsal keys are accepted.
    pub rehearsal: bool,
    /// The text of a people file that is not on disk (a rehearsal's, a running run's).
    pub people_text: Option<String>,
    /// The same of values, as JSON (a running run's); not where `values` are given.
    pub values_text: Option<String>,
}

/// The files that were read.
#[derive(Clone, Debug)]
pub struct Paths {
    pub runbook: PathBuf,
    pub values: Option<PathBuf>,
    pub people: PathBuf,
}

/// A plan and everything that it was made from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub plan: Plan,
    pub plan_bytes: Vec<u8>,
    pub checked: Checked,
    pub values: Values,
    pub values_bytes: Vec<u8>,
    pub people: People,
    pub people_bytes: Vec<u8>,
    pub runbook_bytes: Vec<u8>,
    /// Pinned files by id.
    pub files: Vec<(String, Vec<u8>)>,
    pub secrets: BTreeMap<String, String>,
    pub paths: Paths,
    /// Findings that do not stop.
    pub warnings: Vec<Finding>,
}

/// Reads and checks everything, and builds the plan. `timing`: a simulated world's, if it has one.
pub fn plan(sources: &Sources, timing: Option<&Timing>) -> Result<Loaded, CliError> {
    let runbook_text = text(&sources.runbook)?;
    let people_path = sources.people.clone().unwrap_or_else(|| beside(&sources.runbook, "people.toml"));
    if sources.people_text.is_none() && sources.people.is_none() && !people_path.exists() {
        let message = format!("there is no people file {}", shown(&people_path));
        return Err(CliError::new(Exit::Usage, "CS0602", message, "name one with --people"));
    }
    let people_text = match &sources.people_text {
        Some(text) => text.clone(),
        None => text(&people_path)?,
    };
    let (people, mut found) = people::parse(&name(&people_path), &people_text, sources.rehearsal);
    let (checked, more) = checked(&name(&sources.runbook), &runbook_text, people.as_ref());
    found.extend(more);
    let (Some(people), Some(checked)) = (people, checked) else { return Err(CliError::findings(found)) };
    let (values, values_path) = match read_values(sources, &checked) {
        Ok(read) => read,
        Err(Problem::Cli(error)) => return Err(error),
        Err(Problem::Findings(more)) => {
            found.extend(more);
            return Err(CliError::findings(found));
        }
    };
    let files = pinned(&sources.runbook, &checked).map_err(CliError::findings)?;
    let pins = Pins {
        runbook: Digest::of(runbook_text.as_bytes()),
        people: people.digest,
        files: files.iter().map(|(id, bytes)| (id.clone(), Digest::of(bytes))).collect(),
    };
    let plan = plan::build(&checked, &values, &pins, timing).map_err(CliError::findings)?;
    Ok(Loaded {
        plan_bytes: plan.bytes(),
        plan,
        checked,
        values_bytes: values.bytes(),
        secrets: values.secrets.clone(),
        values,
        people,
        people_bytes: people_text.into_bytes(),
        runbook_bytes: runbook_text.into_bytes(),
        files,
        paths: Paths { runbook: sources.runbook.clone(), values: values_path, people: people_path },
        warnings: found,
    })
}

/// Reads and checks a runbook's text.
pub fn checked(file: &str, text: &str, people: Option<&People>) -> (Option<Checked>, Vec<Finding>) {
    check::read_and_check(file, text, people, &crate::catalogue::find)
}

/// A text file, whole. Errors say what to do.
pub fn text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(bytes(path)?).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("{} is not UTF-8 text (byte {place})", shown(path));
        CliError::new(Exit::Findings, "CS0603", message, "save it as UTF-8")
    })
}

/// Whether any finding is an error.
pub fn has_errors(found: &[Finding]) -> bool {
    found.iter().any(|finding| finding.severity == Severity::Error)
}

enum Problem {
    Cli(CliError),
    Findings(Vec<Finding>),
}

fn read_values(sources: &Sources, checked: &Checked) -> Result<(Values, Option<PathBuf>), Problem> {
    let path = match &sources.values_text {
        Some(_) => sources.values.clone(),
        None => sources.values.clone().or_else(|| default_values(&sources.runbook)),
    };
    let text_of_file = match &path {
        Some(path) => Some((name(path), text(path).map_err(Problem::Cli)?)),
        None => sources.values_text.clone().map(|text| ("values.json".to_owned(), text)),
    };
    let sets = sources.sets.iter().map(|set| set_value(set)).collect::<Result<Vec<_>, _>>().map_err(Problem::Cli)?;
    let file = text_of_file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
    let values = values::read(checked, file, &sets, secrets(checked), sources.rehearsal).map_err(Problem::Findings)?;
    Ok((values, path))
}

/// `NAME.values.toml` or `NAME.values.json` beside `NAME.toml`, if there.
fn default_values(runbook: &Path) -> Option<PathBuf> {
    let stem = runbook.file_stem()?.to_str()?;
    let candidates = [format!("{stem}.values.toml"), format!("{stem}.values.json")];
    candidates.into_iter().map(|name| beside(runbook, &name)).find(|path| path.exists())
}

fn set_value(set: &str) -> Result<SetValue, CliError> {
    let Some((name, value)) = set.split_once('=') else {
        let message = format!("`--set {}` has no `=`", escape::line(set));
        return Err(CliError::new(Exit::Usage, "CS0604", message, "write --set NAME=VALUE or --set NAME=@FILE"));
    };
    let name = name.trim().to_owned();
    match value.strip_prefix('@') {
        Some(path) => Ok(SetValue { name, text: text(Path::new(path))?, file: Some(path.to_owned()) }),
        None => Ok(SetValue { name, text: value.to_owned(), file: None }),
    }
}

/// Secret parameters that the environment gives.
fn secrets(checked: &Checked) -> BTreeMap<String, String> {
    let wanted = checked.parameters.iter().filter(|parameter| parameter.of == Kind::Secret);
    wanted
        .filter_map(|parameter| {
            let value = std::env::var(secret_variable(&parameter.id.is)).ok()?;
            Some((parameter.id.is.clone(), value))
        })
        .collect()
}

/// The bytes of every pinned file; links may not lead out of the runbook's folder.
fn pinned(runbook: &Path, checked: &Checked) -> Result<Vec<(String, Vec<u8>)>, Vec<Finding>> {
    let folder = folder(runbook);
    let home = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let mut files = Vec::new();
    let mut found = Vec::new();
    for (id, file) in &checked.files {
        let place = checked.source.place(&file.span);
        let path = folder.join(&file.path);
        let inside = path.canonicalize().is_ok_and(|real| real.starts_with(&home));
        match bytes(&path) {
            Ok(_) if !inside => {
                let message = format!("`{}` leads out of the runbook's folder", file.path);
                found.push(Finding::error("CS0218", place, message, "put the file itself below the runbook"));
            }
            Ok(bytes) => files.push((id.clone(), bytes)),
            Err(error) => found.push(Finding::error("CS0512", place, error.message, "a pinned file must be there")),
        }
    }
    if found.is_empty() { Ok(files) } else { Err(found) }
}

fn bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |message: String| CliError::new(Exit::Usage, "CS0601", message, "check the path");
    let unreadable = |error: std::io::Error| failed(format!("{} can't be read: {error}", shown(path)));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LONGEST {
        return Err(failed(format!("{} is longer than 16 MiB", shown(path))));
    }
    std::fs::read(path).map_err(unreadable)
}

fn beside(runbook: &Path, name: &str) -> PathBuf {
    folder(runbook).join(name)
}

fn folder(runbook: &Path) -> PathBuf {
    match runbook.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// A path as findings name it.
pub fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn shown(path: &Path) -> String {
    escape::line(&name(path))
}
