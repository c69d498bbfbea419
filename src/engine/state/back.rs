//! What a rollback's entries mean: which steps are back, which anchors were proved again, when it is over. Pure.

use super::{Run, Status, StepState};
use crate::base::StepId;
use crate::record::fact;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct Rollback {
    pub seq: u64,
    pub to: String,
    /// Undo operations, in the order in which they are done.
    pub steps: Vec<StepId>,
    /// Places whose anchor was proved again.
    pub regained: BTreeSet<String>,
}

impl Run {
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
