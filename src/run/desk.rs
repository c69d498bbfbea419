//! The desk: who alone knows the run and writes to the journal. Everything that is ready at the same time is one
//! transaction; what is decided is decided on the head that it is appended to.

use super::voice;
use super::{Appended, RunError};
use crate::base::{Digest, StepId, Time};
use crate::engine::index::Place;
use crate::engine::next::{Draft, Seat, Stop, StopKind};
use crate::engine::port::{ChainHead, Clock, Random, SessionWanted, Signer, Store, StoreError};
use crate::engine::session;
use crate::engine::state::Run;
use crate::operator::Operator;
use crate::record::fact::{self, Fact};
use crate::record::salted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

/// A clock that differs by more is noted.
const JUMP_MS: i64 = 120_000;

pub(super) struct Desk<'a, S, K, O> {
    pub store: &'a mut S,
    pub clock: &'a K,
    pub operator: &'a mut O,
    pub random: &'a mut dyn Random,
    pub signer: &'a dyn Signer,
    pub run: &'a mut Run,
    pub seat: &'a mut Seat,
    pub epoch: u64,
    pub lock: Option<&'a File>,
    pub told: &'a mut Option<Stop>,
    pub clocks: &'a mut Option<(Time, u64)>,
    /// Somebody at this seat said no: what it stops for.
    pub declined: Option<Stop>,
    /// Operations whose session is open, with what it gives a program: only their intent is missing.
    pub ready: BTreeMap<StepId, Vec<(String, String)>>,
}

/// What an errand's return comes to: entries, a reason to stop there, and what the seat remembers once the entries
/// are durable.
#[derive(Default)]
pub(super) struct Landing {
    pub drafts: Vec<Draft>,
    pub stop: Option<Stop>,
    pub after: Vec<After>,
}

pub(super) enum After {
    /// The anchor that was just set was read by this process.
    Fresh(Place),
    NotBefore(StepId, Time),
    Looked(StepId, Time),
    Opened(SessionWanted),
    Shut(SessionWanted, String),
    Ready(StepId, Vec<(String, String)>),
    /// The hold was proved by this process.
    Held(String),
}

impl Landing {
    pub(super) fn of(drafts: Vec<Draft>) -> Landing {
        Landing { drafts, ..Landing::default() }
    }

    pub(super) fn stop(stop: Stop) -> Landing {
        Landing { stop: Some(stop), ..Landing::default() }
    }

    pub(super) fn after(mut self, after: After) -> Landing {
        self.after.push(after);
        self
    }
}

/// Entries for one transaction, from several items: what two of them say is said once.
#[derive(Default)]
pub(super) struct Group {
    pub drafts: Vec<Draft>,
    ended: BTreeSet<u64>,
    sessions: BTreeSet<(String, String, String)>,
}

impl Group {
    pub(super) fn add(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            let new = match &draft.fact {
                Fact::RequestEnded(ended) => self.ended.insert(ended.request),
                Fact::SessionOpened(opened) => {
                    self.sessions.insert((opened.session.clone(), opened.account.clone(), opened.arn.clone()))
                }
                _ => true,
            };
            if new {
                self.drafts.push(draft);
            }
        }
    }
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Entries never go back in time, whatever the machine's clock does; a jump of it is noted.
    pub(super) fn note_jump(&mut self) -> Result<(), RunError> {
        let (now, mono) = (self.now(), self.clock.mono());
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
    pub(super) fn catch_up(&mut self) -> Result<bool, RunError> {
        let lines = self.store.read_from(&self.run.id, self.run.size())?;
        for line in &lines {
            self.fold(line, &[])?;
        }
        Ok(!lines.is_empty())
    }

    fn fold(&mut self, line: &str, own: &[(Digest, Vec<u8>)]) -> Result<(), RunError> {
        let store = &*self.store;
        let entry = self.run.fold(line, &|digest| match own.iter().find(|(known, _)| known == digest) {
            Some((_, bytes)) => Some(bytes.clone()),
            None => store.object(digest).ok().flatten(),
        })?;
        self.operator.tell(self.run, &entry);
        Ok(())
    }

    /// One transaction: the entries, if the head is still the one that they were decided on.
    pub(super) fn append(&mut self, drafts: Vec<Draft>) -> Result<Appended, RunError> {
        if drafts.is_empty() {
            return Ok(Appended::Yes);
        }
        let (lines, objects) = self.lines(drafts)?;
        let head = ChainHead { size: self.run.size(), leaf: self.run.leaf };
        match self.store.append(&self.run.id, Some(head), Some(self.epoch), &lines, &objects) {
            Ok(()) => {}
            Err(StoreError::Moved) => return Ok(Appended::Moved),
            Err(error) => return Err(error.into()),
        }
        for line in &lines {
            self.fold(line, &objects)?;
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
        voice::lines_of(self.run, at, self.clock.mono(), person.as_deref(), self.epoch, drafts)
    }

    /// An object wrapped with a fresh salt.
    pub(super) fn salted(&mut self, member: &str, value: &Value) -> Result<(Digest, Vec<u8>), RunError> {
        let bytes = salted::wrap(&self.salt(), member, value).map_err(|error| RunError::Bad(error.to_string()))?;
        Ok((Digest::of(&bytes), bytes))
    }

    pub(super) fn salt(&mut self) -> [u8; 16] {
        let mut salt = [0u8; 16];
        salt.copy_from_slice(&self.random.bytes(16));
        salt
    }

    /// What the seat remembers, once the entries that it rests on are durable.
    pub(super) fn remember(&mut self, after: Vec<After>) {
        for one in after {
            match one {
                After::Fresh(place) => {
                    if let Some(anchor) = self.run.anchors.get(&place) {
                        self.seat.fresh.insert(place, anchor.seq);
                    }
                }
                After::NotBefore(id, until) => {
                    self.seat.not_before.insert(id, until);
                }
                After::Looked(id, at) => {
                    self.seat.looked.insert(id, at);
                }
                After::Opened(wanted) => {
                    self.seat.closed.remove(&session::key(&wanted));
                }
                After::Shut(wanted, why) => {
                    self.seat.closed.insert(session::key(&wanted), why);
                }
                After::Held(hold) => {
                    if let Some((seq, _)) = self.run.holds.get(&hold).and_then(|state| state.proved) {
                        self.seat.held.insert(hold, seq);
                    }
                }
                After::Ready(id, environment) => {
                    self.ready.insert(id, environment);
                }
            }
        }
    }

    /// What the seat waits for goes into the journal before it is left.
    pub(super) fn note(&mut self, stop: &Stop) -> Result<(), RunError> {
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
