//! NAME.proof.json: what was proved, of what, by which program, when. Written by `rehearse --prove`, shown by
//! `plan` and `run`, and asked for by `run` where the runbook says `require_proof`. It is a memory, no signature:
//! whoever can change the runbook can change it too, and anybody can make it again.

use super::load::Loaded;
#[cfg(feature = "aws")]
use super::ui::{CliError, Exit, Style, Ui};
use crate::base::json::{Form, canonical, parse};
use crate::base::{Digest, escape};
use crate::people::People;
#[cfg(feature = "aws")]
use crate::report::proof::Proof;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// Format version: 1.
    pub proof: u32,
    pub name: String,
    pub version: String,
    /// Of the runbook's bytes.
    pub runbook: Digest,
    /// Pinned files by id.
    pub files: BTreeMap<String, Digest>,
    /// Of who holds what, without names and keys: see [`shape`].
    pub people: Digest,
    /// Of the worlds that it was proved in.
    pub worlds: Vec<Digest>,
    /// `countersign 0.1.0`.
    pub program: String,
    /// Of what the program knows of AWS's actions.
    pub catalogue: Digest,
    pub proved: bool,
    /// Cells played, and of them by result.
    pub cells: u64,
    pub results: BTreeMap<String, u64>,
    /// The day (UTC).
    pub date: String,
}

/// How a runbook stands with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Proved {
        file: Box<ProofFile>,
        digest: Digest,
    },
    /// There is none, or it is of something else: why, in words.
    Not(String),
}

/// Who holds what: parties and roles, each as often as it is held. The same people under other names and with other
/// keys have the same.
pub fn shape(people: &People) -> Digest {
    let mut held: Vec<Value> = people
        .people
        .values()
        .map(|person| {
            let roles: BTreeSet<&String> = person.roles.iter().collect();
            json!({"party": person.party, "roles": roles})
        })
        .collect();
    held.sort_by_key(Value::to_string);
    Digest::of(canonical(&Value::Array(held), Form::Object).unwrap_or_default().as_bytes())
}

/// The actions as the program knows them: another catalogue proves something else.
fn catalogue() -> Digest {
    let actions: Vec<_> = crate::catalogue::all().collect();
    Digest::of(format!("{actions:?}").as_bytes())
}

fn program() -> String {
    format!("countersign {}", env!("CARGO_PKG_VERSION"))
}

/// Beside the runbook.
pub fn path(runbook: &Path) -> PathBuf {
    runbook.with_extension("proof.json")
}

fn files(loaded: &Loaded) -> BTreeMap<String, Digest> {
    loaded.files.iter().map(|(id, bytes)| (id.clone(), Digest::of(bytes))).collect()
}

/// Writes the file; where that can't be it is said, and the proof stands as it is.
#[cfg(feature = "aws")]
pub fn write(output: Option<&Path>, loaded: &Loaded, world: Digest, proof: &Proof, date: &str, ui: &Ui) {
    let results = proof.cells.iter().fold(BTreeMap::new(), |mut counts: BTreeMap<String, u64>, cell| {
        *counts.entry(cell.came.name().to_owned()).or_default() += 1;
        counts
    });
    let file = ProofFile {
        proof: 1,
        name: loaded.plan.name.clone(),
        version: loaded.plan.version.clone(),
        runbook: loaded.plan.runbook,
        files: files(loaded),
        people: shape(&loaded.people),
        worlds: vec![world],
        program: program(),
        catalogue: catalogue(),
        proved: proof.proved(),
        cells: proof.count() as u64,
        results,
        date: date.to_owned(),
    };
    let path = output.map_or_else(|| path(&loaded.paths.runbook), Path::to_path_buf);
    let value = serde_json::to_value(&file).unwrap_or_default();
    let text = canonical(&value, Form::Object).unwrap_or_default() + "\n";
    let shown = escape::line(&path.to_string_lossy());
    match replace(&path, text.as_bytes()) {
        Ok(()) => ui.say(&format!("proof    {shown}")),
        Err(error) => ui.must_say(&format!(
            "{}: the proof's file could not be written ({}); name another place with -o FILE",
            ui.paint(Style::Warn, "warning"),
            escape::line(&error)
        )),
    }
}

/// In one step, and over nothing but an older proof.
#[cfg(feature = "aws")]
fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(old) if serde_json::from_slice::<Value>(&old).is_ok_and(|old| old.get("proof").is_some()) => {}
        Ok(_) => return Err(format!("{} is there already, and is no proof", path.display())),
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    super::decide::write_file(&beside, bytes).map_err(|error| error.message)?;
    std::fs::rename(&beside, path).map_err(|error| {
        // What could not be put in place is not left lying about.
        let _ = std::fs::remove_file(&beside);
        failed(error)
    })
}

/// The proof that lies beside the runbook, compared with what is about to be run.
pub fn standing(loaded: &Loaded) -> Standing {
    let path = path(&loaded.paths.runbook);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Standing::Not("nobody has proved it".into());
        }
        Err(error) => return Standing::Not(format!("{} can't be read: {error}", path.display())),
    };
    let text = String::from_utf8_lossy(&bytes);
    let read = parse(text.trim_end_matches('\n'), Form::Object).map_err(|error| error.to_string());
    let file: ProofFile = match read.and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string()))
    {
        Ok(file) => file,
        Err(why) => return Standing::Not(format!("{} is no proof: {why}", path.display())),
    };
    match differs(&file, loaded) {
        Some(why) => Standing::Not(why.to_owned()),
        None => Standing::Proved { file: Box::new(file), digest: Digest::of(&bytes) },
    }
}

fn differs(file: &ProofFile, loaded: &Loaded) -> Option<&'static str> {
    let checks = [
        (file.proof == 1, "its proof is of another format"),
        (file.runbook == loaded.plan.runbook, "the runbook has changed since"),
        (file.files == files(loaded), "a pinned file has changed since"),
        (file.people == shape(&loaded.people), "other people hold the roles since: who holds what has changed"),
        (file.program == program() && file.catalogue == catalogue(), "another version of the program proved it"),
        (file.proved && file.cells > 0, "its proof failed"),
    ];
    checks.into_iter().find(|(fits, _)| !fits).map(|(_, why)| why)
}

impl Standing {
    /// As `plan` and `run` say it.
    pub fn words(&self) -> String {
        match self {
            Standing::Proved { file, digest } => {
                let date = escape::line(&file.date);
                format!("proved {date}, {} cells, proof {}", file.cells, &digest.hex()[..12])
            }
            Standing::Not(why) => format!("not proved: {}", escape::line(why)),
        }
    }

    pub fn json(&self) -> Value {
        match self {
            Standing::Proved { file, digest } => {
                json!({"proved": true, "date": file.date, "cells": file.cells, "digest": digest, "why": null})
            }
            Standing::Not(why) => json!({"proved": false, "date": null, "cells": null, "digest": null, "why": why}),
        }
    }
}

/// `require_proof`: a run opens only with a proof of this very runbook, for people who hold what these hold.
#[cfg(feature = "aws")]
pub fn required(loaded: &Loaded) -> Result<Standing, CliError> {
    let standing = standing(loaded);
    match &standing {
        Standing::Not(_) if loaded.plan.require_proof => Err(CliError::new(
            Exit::Refused,
            "CS7018",
            format!("the runbook requires a proof, and is {}", standing.words()),
            format!("countersign rehearse {} --prove", escape::line(&loaded.paths.runbook.to_string_lossy())),
        )),
        _ => Ok(standing),
    }
}
