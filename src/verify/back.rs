//! Rollbacks and repairs: what their beginning may say.

use super::codes;
use super::operation::Work;
use super::walk::{Checked, Walk, fail};
use crate::base::StepId;
use crate::plan::model::Body;
use crate::record::fact::RollbackStarted;

impl Walk<'_> {
    pub fn rollback_started(&mut self, fact: &RollbackStarted) -> Checked {
        self.void_all("a rollback was started");
        self.repairs = None;
        if !fact.to.contains('/') {
            self.rollbacks += 1;
            return Ok(());
        }
        let of: StepId = fact.to.parse().map_err(|why| (codes::STEP, why))?;
        self.may_be_repaired(&of, &fact.steps)?;
        self.repairs = Some(of);
        Ok(())
    }

    /// A point of no return that was passed, and all of its repair.
    fn may_be_repaired(&self, of: &StepId, steps: &[StepId]) -> Checked {
        let (_, step) = self.step(of)?;
        let planned: Vec<StepId> = step.repair.iter().map(|one| of.with_repair(&one.id)).collect();
        let end = of.is_forward() && !step.back.point_of_no_return.is_empty();
        if !end || planned.is_empty() || planned != steps {
            return fail(codes::STEP, format!("these are not the steps of a repair of {of}"));
        }
        // A task by people is never in doubt.
        let by_people = matches!(step.body, Body::Manual(_));
        if !by_people && self.works.get(of).is_some_and(Work::is_open) {
            return fail(codes::STEP, format!("{of} is repaired while it is open"));
        }
        if !self.passed.contains(of) {
            return fail(codes::STEP, format!("{of} is repaired, but it was never passed"));
        }
        Ok(())
    }
}
