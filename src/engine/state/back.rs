//! What a rollback's entries mean: which steps are back, which anchors were proved again, when it is over; and the
//! same of a repair, which takes nothing back. Pure.

use super::{Run, Status, StepState};
use crate::base::StepId;
use crate::engine::next;
use crate::record::entry::Entry;
use crate::record::fact;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct Rollback {
    pub seq: u64,
    pub to: String,
    /// Undo operations, or those of a repair, in the order in which they are done.
    pub steps: Vec<StepId>,
    /// Places whose anchor was proved again.
    pub regained: BTreeSet<String>,
    /// The last epoch in which a repair was not over.
    pub epoch: u64,
}

impl Rollback {
    /// The step that is repaired; none where steps are taken back.
    pub fn repairs(&self) -> Option<StepId> {
        self.to.parse().ok()
    }
}

impl Run {
    pub(super) fn rollback_started(&mut self, entry: &Entry, fact: &fact::RollbackStarted) {
        let started = Rollback {
            seq: entry.seq,
            to: fact.to.clone(),
            steps: fact.steps.clone(),
            regained: BTreeSet::new(),
            epoch: entry.epoch,
        };
        if started.repairs().is_none() {
            self.regained.clear();
        }
        // A repair that is made once more opens new attempts.
        for id in started.steps.iter().filter(|id| id.repair.is_some()) {
            let attempt = self.step(id).attempt;
            if self.step(id).is_over() {
                *self.step_mut(id) = StepState { attempt: attempt + 1, ..StepState::default() };
            }
        }
        self.rollback = Some(started);
    }

    /// A repair is under way: not all of its steps are over and seen.
    pub(super) fn repairing(&self) -> bool {
        let Some(rollback) = self.rollback.as_ref().filter(|rollback| rollback.repairs().is_some()) else {
            return false;
        };
        !rollback.steps.iter().all(|id| next::is_over_and_seen(self, id))
    }

    /// After each entry. Who sits down when a repair is over goes forward again.
    pub(super) fn repair_went_on(&mut self, was_under_way: bool, epoch: u64) {
        let Some(rollback) = self.rollback.as_mut().filter(|rollback| rollback.repairs().is_some()) else { return };
        if was_under_way {
            rollback.epoch = epoch;
        } else if epoch > rollback.epoch {
            (self.rollback, self.rolled_back) = (None, None);
        }
    }

    /// When the last undo operation of a step is over, the step is back where it was.
    pub(super) fn undone(&mut self, undo: &StepId) {
        let forward = undo.forward();
        let all = self.rollback.as_ref().map(|rollback| rollback.steps.as_slice()).unwrap_or_default();
        let mine = |id: &&StepId| id.stage == undo.stage && id.item == undo.item && id.step == undo.step;
        let open = all.iter().filter(mine).any(|id| !self.step(id).is_over());
        if !open && !all.is_empty() {
            let state = self.step_mut(&forward);
            state.status = Status::Undone;
            state.verified.clear();
        }
    }

    /// What a lost secret belonged to was taken back, outside of a rollback: nothing is there, it may be tried again.
    pub(super) fn lost_is_back(&mut self, undo: &StepId, entry: &Entry) {
        let forward = undo.forward();
        if self.rollback.is_some() || !matches!(self.step(&forward).status, Status::SecretLost { .. }) {
            return;
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let steps = plan.step(&forward).map(|step| step.back.undo.as_slice()).unwrap_or_default();
        let undos: Vec<StepId> = steps.iter().map(|undo| forward.with_undo(&undo.id)).collect();
        if !undos.iter().all(|id| self.step(id).is_over()) {
            return;
        }
        for id in undos {
            let attempt = self.step(&id).attempt + 1;
            *self.step_mut(&id) = StepState { attempt, ..StepState::default() };
        }
        let state = self.step_mut(&forward);
        state.output = serde_json::Value::Null;
        state.status = Status::NotDone { seq: entry.seq, epoch: entry.epoch, at: entry.at };
    }

    pub(super) fn anchor_regained(&mut self, fact: &fact::AnchorRegained, epoch: u64) {
        let place = crate::base::id::place(&fact.stage, fact.item.as_deref());
        let Some(rollback) = &mut self.rollback else { return };
        self.regained.insert(place.clone(), fact.differs.clone());
        rollback.regained.insert(place);
        let wanted: BTreeSet<String> = rollback.steps.iter().map(StepId::place).collect();
        if wanted.is_subset(&rollback.regained) {
            self.end_rollback(epoch);
        }
    }

    /// Undone steps and their undo operations open new attempts.
    fn end_rollback(&mut self, epoch: u64) {
        let Some(rollback) = self.rollback.take() else { return };
        self.rolled_back = Some((epoch, rollback.to.clone()));
        for id in rollback.steps {
            let attempt = self.step(&id.forward()).attempt;
            let forward = self.step_mut(&id.forward());
            if forward.status == Status::Undone {
                // What it was done with is kept: it tells whether its input was used up.
                let (said, with) = (std::mem::take(&mut forward.said), std::mem::take(&mut forward.with));
                *forward = StepState { attempt, said, with, ..StepState::default() };
                forward.status = Status::Undone;
            }
            let attempt = self.step(&id).attempt + 1;
            *self.step_mut(&id) = StepState { attempt, ..StepState::default() };
        }
    }
}
