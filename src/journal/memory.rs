//! A store in memory with the same contract, for rehearsals, bundles and tests.

use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};
use crate::record::bundle::Bundle;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    runs: BTreeMap<RunId, Vec<String>>,
    objects: BTreeMap<Digest, Vec<u8>>,
    leases: BTreeMap<RunId, u64>,
}

impl MemoryStore {
    /// What a bundle holds.
    pub fn from_bundle(bundle: &Bundle) -> MemoryStore {
        let mut store = MemoryStore::default();
        store.runs.insert(bundle.run.clone(), bundle.lines.clone());
        store.objects.extend(bundle.objects.iter().map(|(digest, bytes)| (*digest, bytes.clone())));
        store
    }

    /// The lease is now of this epoch.
    pub fn lease(&mut self, run: &RunId, epoch: u64) {
        self.leases.insert(run.clone(), epoch);
    }
}

impl Store for MemoryStore {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        let lines = self.runs.get(run);
        Ok(lines.and_then(|lines| {
            let last = lines.last()?;
            Some(ChainHead { size: lines.len() as u64, leaf: Digest::leaf(last.as_bytes()) })
        }))
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        let from = usize::try_from(seq).unwrap_or(usize::MAX);
        Ok(self.runs.get(run).and_then(|lines| lines.get(from..)).unwrap_or_default().to_vec())
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.objects.get(digest).cloned())
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        if self.head(run)? != expected {
            return Err(StoreError::Moved);
        }
        if epoch.is_some() && self.leases.get(run).copied() != epoch {
            return Err(StoreError::Fenced);
        }
        self.runs.entry(run.clone()).or_default().extend(lines.iter().cloned());
        for (digest, bytes) in objects {
            self.objects.entry(*digest).or_insert_with(|| bytes.clone());
        }
        Ok(())
    }
}
