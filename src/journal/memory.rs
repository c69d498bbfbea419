//! A journal in memory, for rehearsals and tests: the same contract, nothing on disk.

use super::lease::{Lock, Seat, SitError, Sitter};
use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Clones share what they hold, as processes share a file.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    runs: BTreeMap<RunId, Vec<String>>,
    objects: BTreeMap<Digest, Vec<u8>>,
    leases: BTreeMap<RunId, Lease>,
}

#[derive(Debug)]
struct Lease {
    epoch: u64,
    sitter: Sitter,
    alive: Weak<()>,
}

impl MemoryStore {
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    pub fn runs(&self) -> Vec<RunId> {
        self.held().runs.keys().cloned().collect()
    }

    /// The journal as it was when `run` had `size` entries, its seat free: a copy that goes its own way.
    pub fn as_of(&self, run: &RunId, size: u64) -> MemoryStore {
        let held = self.held();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let lines = held.runs.get(run).map(|lines| lines.iter().take(size).cloned().collect());
        let runs = lines.map(|lines| (run.clone(), lines)).into_iter().collect();
        let then = Held { runs, objects: held.objects.clone(), leases: BTreeMap::new() };
        MemoryStore { shared: Arc::new(Mutex::new(then)) }
    }

    /// As [`super::Journal::sit`]; the seat is taken as long as the [`Seat`] lives.
    pub fn sit(&self, run: &RunId, epoch_at_least: u64, sitter: &Sitter) -> Result<Seat, SitError> {
        let mut held = self.held();
        let last = held.leases.get(run);
        if let Some(last) = last.filter(|last| last.alive.strong_count() > 0) {
            return Err(SitError::Busy { pid: last.sitter.pid, since: last.sitter.now.millis(), child: None });
        }
        let epoch = last.map_or(1, |last| last.epoch.saturating_add(1)).max(epoch_at_least);
        let before = last.map(|last| last.sitter.clone());
        let lock = Arc::new(());
        let lease = Lease { epoch, sitter: sitter.clone(), alive: Arc::downgrade(&lock) };
        held.leases.insert(run.clone(), lease);
        Ok(Seat::new(epoch, before, Lock::Memory(lock)))
    }

    /// A panic elsewhere leaves whole entries behind: every change is made under the lock at once.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn head_of(lines: Option<&Vec<String>>) -> Option<ChainHead> {
    let lines = lines?;
    Some(ChainHead { size: lines.len() as u64, leaf: Digest::leaf(lines.last()?.as_bytes()) })
}

impl Store for MemoryStore {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        Ok(head_of(self.held().runs.get(run)))
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        let first = usize::try_from(seq).unwrap_or(usize::MAX);
        Ok(self.held().runs.get(run).and_then(|lines| lines.get(first..)).unwrap_or_default().to_vec())
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.held().objects.get(digest).cloned())
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let mut held = self.held();
        if epoch.is_some() && held.leases.get(run).map(|lease| lease.epoch) != epoch {
            return Err(StoreError::Fenced);
        }
        if head_of(held.runs.get(run)) != expected {
            return Err(StoreError::Moved);
        }
        if let Some((digest, _)) = objects.iter().find(|(digest, bytes)| Digest::of(bytes) != *digest) {
            return Err(StoreError::Io(format!("the object {digest} does not have this digest")));
        }
        held.objects.extend(objects.iter().cloned());
        if !lines.is_empty() {
            held.runs.entry(run.clone()).or_default().extend(lines.iter().cloned());
        }
        Ok(())
    }
}
