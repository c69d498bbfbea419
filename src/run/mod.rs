//! The loop: asks the engine what comes next, carries it out with the real parts, journals what came of it.
//! The only room that holds store, cloud, clock, keys and operator together.

pub mod command;
mod hold;
pub mod load;
pub mod look;
pub mod open;
pub mod perform;
pub mod say;
pub mod voice;

use crate::base::{Digest, Time};
use crate::engine::next::{self, Draft, Next, Seat, Stop, StopKind};
use crate::engine::port::{ChainHead, Clock, Cloud, Random, SignError, Signer, Store, StoreError};
use crate::engine::state::{FoldError, Run};
use crate::operator::{Operator, Patience};
use crate::record::entry::Entry;
use crate::record::fact::{self, Fact, WaitFor};
use crate::record::salted;
use serde_json::Value;

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
    /// Somebody at this seat said no to what it stopped for.
    declined: bool,
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

/// A clock that differs by more is noted.
const JUMP_MS: i64 = 120_000;
/// Between two looks at the journal while a person is waited for at a terminal.
const POLL_MS: i64 = 500;

impl<S: Store, C: Cloud, K: Clock, O: Operator> Executor<S, C, K, O> {
    pub fn new(parts: Parts<S, C, K, O>, run: Run, epoch: u64) -> Self {
        Executor { parts, run, seat: Seat::default(), epoch, lock: None, told: None, declined: false, clocks: None }
    }

    /// Drives the run until it is done, or until something outside must happen.
    pub async fn drive(&mut self) -> Result<Stop, RunError> {
        loop {
            self.catch_up()?;
            self.note_jump()?;
            let now = self.now();
            let stop = match next::next(&self.run, &self.seat, now) {
                Next::Append(drafts) => {
                    let _ = self.append(drafts)?;
                    None
                }
                Next::Anchor { stage, item, regain } => self.anchor(&stage, item.as_deref(), regain).await?,
                Next::Perform(perform) => self.perform(perform).await?,
                Next::Hold { hold, stage, begin } => self.hold(&hold, stage, begin).await?,
                Next::Look { id } => self.look(&id).await?,
                Next::Verify { id, sides, checks } => self.verify(&id, &sides, checks).await?,
                Next::Probe { id, side } => self.probe(&id, &side).await?,
                Next::Prompt(prompt) => self.prompt(&prompt)?,
                Next::Sleep { until, what, step, why } => self.sleep(until, what, step, why).await,
                Next::Stop(stop) => Some(stop),
            };
            if let Some(stop) = stop
                && let Some(stop) = self.settle_down(stop).await?
            {
                return Ok(stop);
            }
        }
    }

    pub fn now(&self) -> Time {
        self.parts.clock.now()
    }

    /// Entries never go back in time, whatever the machine's clock does; a jump of it is noted.
    fn note_jump(&mut self) -> Result<(), RunError> {
        let (now, mono) = (self.now(), self.parts.clock.mono());
        let jump = match self.clocks.replace((now, mono)) {
            None => now.since(self.run.last_at).min(0),
            Some((then, before)) => now.since(then) - i64::try_from(mono.saturating_sub(before)).unwrap_or(i64::MAX),
        };
        if jump.abs() > JUMP_MS && self.run.closed.is_none() {
            let way = if jump < 0 { "back" } else { "forward" };
            let why = format!("the machine's clock went {way} by {}", crate::base::duration::show(jump.abs()));
            let _ = self.append(vec![Draft::new(fact::Resumed { why })])?;
        }
        Ok(())
    }

    /// Folds what other processes have added.
    pub fn catch_up(&mut self) -> Result<bool, RunError> {
        let lines = self.parts.store.read_from(&self.run.id, self.run.size())?;
        let news = !lines.is_empty();
        for line in lines {
            self.fold(&line)?;
        }
        Ok(news)
    }

    fn fold(&mut self, line: &str) -> Result<(), RunError> {
        let store = &self.parts.store;
        self.run.fold(line, &|digest| store.object(digest).ok().flatten())?;
        if let Ok(entry) = Entry::read(line) {
            self.parts.operator.tell(&self.run, &entry);
        }
        Ok(())
    }

    /// One transaction: the entries, if the head is still the one that they were decided on.
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<Appended, RunError> {
        let (lines, objects) = self.lines(drafts)?;
        let head = ChainHead { size: self.run.size(), leaf: self.run.leaf };
        match self.parts.store.append(&self.run.id, Some(head), Some(self.epoch), &lines, &objects) {
            Ok(()) => {}
            Err(StoreError::Moved) => return Ok(Appended::Moved),
            Err(error) => return Err(error.into()),
        }
        for line in &lines {
            self.fold(line)?;
        }
        Ok(Appended::Yes)
    }

    #[allow(clippy::type_complexity)] // lines, and objects by digest
    fn lines(&mut self, mut drafts: Vec<Draft>) -> Result<(Vec<String>, Vec<(Digest, Vec<u8>)>), RunError> {
        let at = self.now().max(self.run.last_at);
        for draft in &mut drafts {
            if let Some(output) = draft.output.take() {
                let object = self.salted(salted::OUTPUT, &output)?;
                if let Fact::Outcome(outcome) = &mut draft.fact {
                    outcome.output = Some(object.0);
                }
                draft.objects.push(object);
            }
        }
        let person = self.run.signed_on.first().cloned();
        voice::lines_of(&self.run, at, self.parts.clock.mono(), person.as_deref(), self.epoch, drafts)
    }

    /// An object wrapped with a fresh salt.
    pub fn salted(&mut self, member: &str, value: &Value) -> Result<(Digest, Vec<u8>), RunError> {
        let bytes = salted::wrap(&self.salt(), member, value).map_err(|error| RunError::Bad(error.to_string()))?;
        Ok((Digest::of(&bytes), bytes))
    }

    pub fn salt(&mut self) -> [u8; 16] {
        let mut salt = [0u8; 16];
        salt.copy_from_slice(&self.parts.random.bytes(16));
        salt
    }

    async fn sleep(&mut self, until: Time, what: WaitFor, step: String, why: String) -> Option<Stop> {
        let left = until.since(self.now());
        let mut stop = Stop::waiting(what, step, why);
        stop.until = Some(until);
        let sit = match (what, self.parts.operator.patience()) {
            // Between two reads or tries: part of the step, not a wait for the calendar.
            (WaitFor::Aws, _) | (_, Patience::Always) => true,
            (_, Patience::Short(most)) => left <= most,
            (_, Patience::None) => false,
        };
        if !sit {
            return Some(stop);
        }
        if what == WaitFor::Time {
            self.told_once(&stop);
        }
        self.parts.clock.sleep(left.max(1)).await;
        None
    }

    fn told_once(&mut self, stop: &Stop) {
        if self.told.as_ref() != Some(stop) {
            self.parts.operator.waiting(&self.run, stop);
            self.told = Some(stop.clone());
        }
    }

    /// Before the seat is left, what it waits for goes into the journal. A patient seat stays until the
    /// journal moves on.
    async fn settle_down(&mut self, stop: Stop) -> Result<Option<Stop>, RunError> {
        let for_person = stop.kind == StopKind::Waiting
            && matches!(
                stop.what,
                Some(WaitFor::Approval | WaitFor::Confirmation | WaitFor::Task | WaitFor::Answer | WaitFor::GoOn)
            );
        self.note(&stop)?;
        if for_person && !self.declined && self.parts.operator.patience() == Patience::Always {
            self.told_once(&stop);
            loop {
                self.parts.clock.sleep(POLL_MS).await;
                let expired = stop.until.is_some_and(|until| until <= self.now());
                if self.catch_up()? || expired {
                    return Ok(None);
                }
            }
        }
        Ok(Some(stop))
    }

    fn note(&mut self, stop: &Stop) -> Result<(), RunError> {
        if stop.kind != StopKind::Waiting && stop.kind != StopKind::InDoubt {
            return Ok(());
        }
        let Some(what) = stop.what else { return Ok(()) };
        let waiting = fact::Waiting {
            what,
            at_step: stop.at.clone(),
            role: stop.role.clone(),
            people: stop.people.clone(),
            until: stop.until,
            why: crate::base::escape::cut(&stop.why, 400),
        };
        let same = self.run.waiting.as_ref().is_some_and(|(_, _, noted)| *noted == waiting);
        if !same {
            let mut drafts = vec![Draft::new(waiting)];
            if stop.paused {
                let paused =
                    fact::Paused { why: crate::base::escape::cut(&stop.why, 400), code: what.name().to_owned() };
                drafts.insert(0, Draft::new(paused));
            }
            let _ = self.append(drafts)?;
        }
        Ok(())
    }
}
