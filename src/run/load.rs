//! A run read back from its journal: entry 0's objects, then every entry folded.

use super::RunError;
use crate::base::{Digest, RunId};
use crate::engine::port::Store;
use crate::engine::state::{Basis, Run};
use crate::people;
use crate::plan::model::Plan;
use crate::record::entry::Entry;
use crate::record::fact::{Fact, Mode};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads the run `id`. `secrets`: values of secret parameters, given anew (they are never stored).
pub fn load(store: &impl Store, id: &RunId, secrets: &BTreeMap<String, String>) -> Result<Run, RunError> {
    replay(store, id, secrets, &mut |_, _| {})
}

/// The same; `tell` is called for every entry, with the run as it stood right behind it.
pub fn replay(
    store: &impl Store,
    id: &RunId,
    secrets: &BTreeMap<String, String>,
    tell: &mut dyn FnMut(&Run, &str),
) -> Result<Run, RunError> {
    let lines = store.read_from(id, 0)?;
    let first = lines.first().ok_or_else(|| RunError::Bad(format!("the journal has no run {id}")))?;
    let entry = Entry::read(first).map_err(|error| RunError::Forged(format!("entry 0: {error}")))?;
    let Fact::RunOpened(opened) = &entry.fact else {
        return Err(RunError::Forged("entry 0 is not run_opened".to_owned()));
    };
    let object = |what: &str, digest: &Digest| -> Result<Vec<u8>, RunError> {
        let bytes =
            store.object(digest)?.ok_or_else(|| RunError::Forged(format!("the {what} of the run is missing")))?;
        if Digest::of(&bytes) != *digest {
            return Err(RunError::Forged(format!("the {what} of the run is not what its digest says")));
        }
        Ok(bytes)
    };
    let plan = Plan::read(&object("plan", &opened.plan)?).map_err(|error| RunError::Bad(format!("plan: {error}")))?;
    let people = read_people(&object("people file", &opened.people)?, opened.mode == Mode::Rehearsal)?;
    let values = read_values(&object("values", &opened.values)?)?;
    let mut files = Map::new();
    for (id, pinned) in &plan.files {
        let bytes = object("pinned file", &pinned.sha256)?;
        files.insert(id.clone(), Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    }
    let basis = Basis { plan, people, values, secrets: secrets.clone(), files: Value::Object(files) };
    let mut run = Run::open(&entry, first, basis)?;
    tell(&run, first);
    for line in &lines[1..] {
        run.fold(line, &|digest| store.object(digest).ok().flatten())?;
        tell(&run, line);
    }
    Ok(run)
}

/// The people file as it was stored.
pub fn read_people(bytes: &[u8], rehearsal: bool) -> Result<people::People, RunError> {
    let text = std::str::from_utf8(bytes).map_err(|_| RunError::Bad("the people file is not UTF-8".to_owned()))?;
    let (people, findings) = people::parse("people", text, rehearsal);
    let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
    people.ok_or_else(|| RunError::Bad(format!("the stored people file has errors: {first}")))
}

/// The values object.
pub fn read_values(bytes: &[u8]) -> Result<Value, RunError> {
    serde_json::from_slice(bytes).map_err(|error| RunError::Bad(format!("values: {error}")))
}
