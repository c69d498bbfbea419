//! A store that fails on purpose, at a chosen append: what crash tests and the fault table run on.

use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};
use std::cell::Cell;

/// What happens at the chosen append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before COMMIT: nothing is kept.
    CrashBefore,
    /// The process dies right after COMMIT: the entries are kept, and nobody heard of it.
    CrashAfter,
    /// COMMIT reports an error although it landed.
    UnknownKept,
    /// COMMIT reports an error, and nothing landed.
    UnknownLost,
}

impl Fault {
    pub const ALL: [Fault; 4] = [Fault::CrashBefore, Fault::CrashAfter, Fault::UnknownKept, Fault::UnknownLost];
}

/// What [`StoreError::Io`] says once the process counts as dead.
pub const CRASHED: &str = "the process was ended by the test";

/// Passes everything on to `S` until its fault; then the store is dead for this process. The next process
/// is a new store over the same inner one.
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    /// Append, counted from 0, and what happens there.
    plan: Option<(u64, Fault)>,
    appends: u64,
    dead: Cell<Option<Fault>>,
}

impl<S: Store> FaultyStore<S> {
    /// Fails at the append `at` (from 0).
    pub fn new(inner: S, at: u64, fault: Fault) -> FaultyStore<S> {
        FaultyStore { inner, plan: Some((at, fault)), appends: 0, dead: Cell::new(None) }
    }

    /// Never fails; counts.
    pub fn counting(inner: S) -> FaultyStore<S> {
        FaultyStore { inner, plan: None, appends: 0, dead: Cell::new(None) }
    }

    /// How many appends were asked for.
    pub fn appends(&self) -> u64 {
        self.appends
    }

    /// The fault, once it has happened.
    pub fn happened(&self) -> Option<Fault> {
        self.dead.get()
    }

    /// What the next process opens.
    pub fn into_inner(self) -> S {
        self.inner
    }

    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    fn alive(&self) -> Result<(), StoreError> {
        self.dead.get().map_or(Ok(()), |fault| Err(error_of(fault)))
    }
}

fn error_of(fault: Fault) -> StoreError {
    match fault {
        Fault::CrashBefore | Fault::CrashAfter => StoreError::Io(CRASHED.to_owned()),
        Fault::UnknownKept | Fault::UnknownLost => StoreError::Unknown("disk I/O error (by the test)".to_owned()),
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.alive()?;
        self.inner.head(run)
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.alive()?;
        self.inner.read_from(run, seq)
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.alive()?;
        self.inner.object(digest)
    }

    fn append(
        &mut self,
        run: &RunId,
        expected: Option<ChainHead>,
        epoch: Option<u64>,
        lines: &[String],
        objects: &[(Digest, Vec<u8>)],
    ) -> Result<(), StoreError> {
        self.alive()?;
        let now = self.appends;
        self.appends += 1;
        let Some((_, fault)) = self.plan.filter(|(at, _)| *at == now) else {
            return self.inner.append(run, expected, epoch, lines, objects);
        };
        if matches!(fault, Fault::CrashAfter | Fault::UnknownKept) {
            self.inner.append(run, expected, epoch, lines, objects)?;
        }
        self.dead.set(Some(fault));
        Err(error_of(fault))
    }
}
