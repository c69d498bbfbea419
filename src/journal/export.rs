//! A run as a bundle: its lines verbatim, and every object that they name and the journal holds.

use crate::base::{Digest, RunId};
use crate::engine::port::{Store, StoreError};
use crate::plan::model::Plan;
use crate::record::bundle::Bundle;
use crate::record::{Entry, Fact, named};
use std::collections::{BTreeMap, BTreeSet};

/// The bundle of `run`; none if the journal has no entry of it. Says nothing about its truth: a journal
/// that does not verify must be exportable too, as evidence.
pub fn bundle(store: &impl Store, run: &RunId) -> Result<Option<Bundle>, StoreError> {
    let lines = store.read_from(run, 0)?;
    if lines.is_empty() {
        return Ok(None);
    }
    let mut wanted = BTreeSet::new();
    let mut plans = BTreeSet::new();
    for entry in lines.iter().filter_map(|line| Entry::read(line).ok()) {
        wanted.extend(named::objects(&entry));
        match &entry.fact {
            Fact::RunOpened(fact) => plans.insert(fact.plan),
            Fact::Amended(fact) => plans.insert(fact.plan),
            _ => false,
        };
    }
    for plan in plans {
        wanted.extend(named_by_plan(store.object(&plan)?));
    }
    let mut objects = BTreeMap::new();
    for digest in wanted {
        if let Some(bytes) = store.object(&digest)? {
            objects.insert(digest, bytes);
        }
    }
    Ok(Some(Bundle { run: run.clone(), lines, objects }))
}

/// The files that a plan pins.
fn named_by_plan(bytes: Option<Vec<u8>>) -> Vec<Digest> {
    let plan: Option<Plan> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    plan.map_or(Vec::new(), |plan| plan.files.into_values().map(|file| file.sha256).collect())
}
