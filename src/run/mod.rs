//! The loop: asks the engine what may be done, carries it out with the real parts, journals what came of it.
//! The only room that holds store, cloud, clock, keys and operator together. One desk decides and writes; several
//! hands wait, one per item.

pub mod command;
mod desk;
mod drive;
mod hands;
mod hold;
pub mod load;
mod look;
pub mod open;
mod perform;
pub mod preflight;
mod say;
pub mod voice;
pub mod witness;

use crate::base::Time;
use crate::engine::next::{Seat, Stop};
use crate::engine::port::{Clock, Cloud, Random, SignError, Signer, Store, StoreError};
use crate::engine::state::{FoldError, NotHere, Run};
use crate::operator::Operator;
use desk::Desk;
use hands::Hands;
use std::collections::BTreeMap;

/// Why the loop can't go on. Nothing is lost: everything committed stays.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the journal does not make sense: {0}")]
    Fold(#[from] FoldError),
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The journal's objects are not what its entries name.
    #[error("the journal does not verify: {0}")]
    Forged(String),
    /// This is not the copy of the journal that the run goes on in.
    #[error(transparent)]
    NotHere(#[from] NotHere),
    #[error("{0}")]
    Bad(String),
}

/// The real parts (or a rehearsal's).
pub struct Parts<S, C, K, O> {
    pub store: S,
    pub cloud: C,
    pub clock: K,
    pub operator: O,
    pub random: Box<dyn Random>,
    pub signer: Box<dyn Signer>,
    pub programs: Box<dyn command::Programs>,
}

/// A seat at a run.
pub struct Executor<S, C, K, O> {
    pub parts: Parts<S, C, K, O>,
    pub run: Run,
    pub seat: Seat,
    pub epoch: u64,
    /// A handle on the lease's lock for child processes: the lock outlives a killed parent.
    pub lock: Option<std::fs::File>,
    told: Option<Stop>,
    /// Wall clock and monotonic milliseconds when they were last compared.
    clocks: Option<(Time, u64)>,
}

/// Whether an append took effect, or the journal had moved on and the engine must be asked again.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    Yes,
    Moved,
}

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    pub fn new(parts: Parts<S, C, K, O>, run: Run, epoch: u64) -> Self {
        Executor { parts, run, seat: Seat::default(), epoch, lock: None, told: None, clocks: None }
    }

    /// Drives the run until it is done, or until something outside must happen.
    pub async fn drive(&mut self) -> Result<Stop, RunError> {
        let Parts { store, cloud, clock, operator, random, signer, programs } = &mut self.parts;
        let hands = Hands { cloud: &*cloud, clock: &*clock, programs: &**programs };
        let mut desk = Desk {
            store,
            clock: &*clock,
            operator,
            random: &mut **random,
            signer: &**signer,
            run: &mut self.run,
            seat: &mut self.seat,
            epoch: self.epoch,
            lock: self.lock.as_ref(),
            told: &mut self.told,
            clocks: &mut self.clocks,
            declined: None,
            ready: BTreeMap::new(),
        };
        desk.drive(&hands).await
    }
}
