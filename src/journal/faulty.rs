//! A store that fails on order, for the deterministic crash tests: before COMMIT, after it, or with an error
//! although it landed.

use crate::base::{Digest, RunId};
use crate::engine::port::{ChainHead, Store, StoreError};

/// What goes wrong at an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The process dies before COMMIT: nothing is kept.
    BeforeCommit,
    /// The process dies after COMMIT: everything is kept, nobody knows.
    AfterCommit,
    /// COMMIT reports an error, yet it landed.
    UnknownButKept,
    /// COMMIT reports an error, and nothing is kept.
    UnknownAndLost,
}

/// Passes everything on until the `nth` append (from 1), which fails as ordered; then passes everything on again.
pub struct FaultyStore<S> {
    pub inner: S,
    pub nth: u64,
    pub failure: Failure,
    pub appends: u64,
}

impl<S> FaultyStore<S> {
    pub fn new(inner: S, nth: u64, failure: Failure) -> FaultyStore<S> {
        FaultyStore { inner, nth, failure, appends: 0 }
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn head(&self, run: &RunId) -> Result<Option<ChainHead>, StoreError> {
        self.inner.head(run)
    }

    fn read_from(&self, run: &RunId, seq: u64) -> Result<Vec<String>, StoreError> {
        self.inner.read_from(run, seq)
    }

    fn object(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
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
        self.appends += 1;
        if self.appends != self.nth {
            return self.inner.append(run, expected, epoch, lines, objects);
        }
        if matches!(self.failure, Failure::AfterCommit | Failure::UnknownButKept) {
            self.inner.append(run, expected, epoch, lines, objects)?;
        }
        match self.failure {
            Failure::BeforeCommit | Failure::AfterCommit => Err(StoreError::Io("the process died (ordered)".to_owned())),
            Failure::UnknownButKept | Failure::UnknownAndLost => Err(StoreError::Unknown("COMMIT failed (ordered)".to_owned())),
        }
    }
}
