//! The end of a run: the closing entry against what happened, witnesses, checkpoints.

use super::codes;
use super::walk::{Checked, Walk, fail};
use crate::base::StepId;
use crate::plan::model::{Body as StepBody, Plan, Stage, Step};
use crate::record::Entry;
use crate::record::fact::{Checkpoint, Fact, RunClosed};
use crate::record::statement::{ABANDON, Body, SaidWhat, Statement};
use crate::record::tree::root_text;
use std::collections::BTreeSet;

impl Walk<'_> {
    pub fn run_closed(&mut self, entry: &Entry, fact: &RunClosed) -> Checked {
        self.closed = Some(fact.result.clone());
        if let Some((id, _)) = self.works.iter().find(|(_, work)| work.is_open()) {
            return fail(codes::OPEN_AT_CLOSE, format!("the operation of {id} is open"));
        }
        // A run that is abandoned leaves its ways in as they are.
        if let Some((hold, _)) = self.holds.iter().find(|(_, state)| state.live && fact.result != "abandoned") {
            return fail(codes::OPEN_AT_CLOSE, format!("the hold {hold} is not released"));
        }
        if fact.counts != self.counts {
            return fail(codes::CLOSE, "its counts are not those of the entries before it");
        }
        let plan = self.plan()?;
        match fact.result.as_str() {
            "done" => self.everything_done(&plan),
            "rolled_back" => self.everything_back(&plan),
            "abandoned" => self.word_of_a_performer(entry, &plan),
            other => fail(codes::CLOSE, format!("there is no result `{other}`")),
        }
    }

    /// Every step of every item is done and not taken back, or was skipped.
    fn everything_done(&self, plan: &Plan) -> Checked {
        plan.stages.iter().try_for_each(|stage| self.stage_done(stage))
    }

    fn stage_done(&self, stage: &Stage) -> Checked {
        if self.is_skipped(&stage.id, None, None) {
            return Ok(());
        }
        let Some(items) = self.entered.get(&stage.id) else {
            return fail(codes::CLOSE, format!("it says done, but the stage {} was never entered", stage.id));
        };
        items_of(items.as_ref()).into_iter().try_for_each(|item| self.item_done(stage, item))
    }

    /// Whether every step of the stage (by index) is over.
    pub fn stage_over(&self, plan: &Plan, at: usize) -> bool {
        plan.stages.get(at).is_some_and(|stage| self.stage_done(stage).is_ok())
    }

    fn item_done(&self, stage: &Stage, item: Option<&str>) -> Checked {
        if self.is_skipped(&stage.id, item, None) {
            return Ok(());
        }
        for step in &stage.steps {
            let id = StepId::new(&stage.id, item, &step.id);
            let stands = self.done.get(&id).is_some_and(|done| self.undone_at(&id, step).is_none_or(|at| at < *done));
            if !stands && !self.is_skipped(&stage.id, item, Some(&step.id)) {
                return fail(codes::CLOSE, format!("it says done, but {id} is not"));
            }
        }
        Ok(())
    }

    /// Right before it somebody who performs in this run signed that it ends here.
    fn word_of_a_performer(&self, entry: &Entry, plan: &Plan) -> Checked {
        let before = entry.seq.checked_sub(1).and_then(|seq| self.chain.entries.get(seq as usize));
        let word = before.and_then(|entry| match &entry.fact {
            Fact::Said(said) => Statement::read(&said.statement).ok(),
            _ => None,
        });
        let role = word.and_then(|statement| match statement.said() {
            Some(said) if said.what == SaidWhat::Note && said.covers == ABANDON => Some(statement.tail.role.clone()),
            _ => None,
        });
        let Some(role) = role else {
            return fail(codes::CLOSE, "it says abandoned, but nobody signed that right before");
        };
        let performs = |step: &Step| match &step.body {
            StepBody::Manual(manual) if !manual.performers.is_empty() => manual.performers.contains(&role),
            _ => step.performer == role,
        };
        if plan.stages.iter().flat_map(|stage| &stage.steps).any(performs) {
            return Ok(());
        }
        fail(codes::CLOSE, format!("it says abandoned on the word of the role {role}, which performs nothing"))
    }

    /// Nothing that the run changed still stands, but for what needs no way back.
    fn everything_back(&self, plan: &Plan) -> Checked {
        let Some(id) = self.done.keys().chain(self.lost.keys()).find(|id| self.stands(plan, id)) else { return Ok(()) };
        let end = plan.step(id).is_some_and(|step| !step.back.point_of_no_return.is_empty());
        let why = if end { "can't be taken back" } else { "stands" };
        fail(codes::CLOSE, format!("it says rolled back, but {id} {why}"))
    }

    /// A change that was made (a repair's is one), was not taken back, and is not one that needs no way back.
    pub fn stands(&self, plan: &Plan, id: &StepId) -> bool {
        let Some(step) = plan.step(id).filter(|step| id.undo.is_none() && step.stands()) else { return false };
        self.stands_at(id, step)
    }

    /// What the step made is there: it was done, or done with its secret lost, and not taken back since.
    pub fn stands_at(&self, id: &StepId, step: &Step) -> bool {
        let Some(made) = self.done.get(id).max(self.lost.get(id)) else { return false };
        let skipped = !self.lost.contains_key(id) && self.undo_skipped(id, step);
        self.undone_at(id, step).is_none_or(|at| at <= *made) && !skipped
    }

    /// Seq of the last outcome `done` of the step's undo.
    fn undone_at(&self, id: &StepId, step: &Step) -> Option<u64> {
        step.back.undo.iter().filter_map(|undo| self.done.get(&id.with_undo(&undo.id)).copied()).max()
    }

    fn undo_skipped(&self, id: &StepId, step: &Step) -> bool {
        step.back.undo.iter().any(|undo| {
            [undo.id.clone(), id.with_undo(&undo.id).local()]
                .iter()
                .any(|name| self.is_skipped(&id.stage, id.item.as_deref(), Some(name)))
        })
    }

    /// The stage did not apply.
    pub fn is_passed_over(&self, stage: &str) -> bool {
        self.is_skipped(stage, None, None)
    }

    fn is_skipped(&self, stage: &str, item: Option<&str>, step: Option<&str>) -> bool {
        self.skipped.contains(&(stage.to_owned(), item.map(str::to_owned), step.map(str::to_owned)))
    }

    pub fn witness(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let Body::Witness(head, said) = &signed.statement.body else {
            return fail(codes::ENVELOPE, "it witnesses nothing");
        };
        let Some(result) = &self.closed else {
            return fail(codes::CLOSE, "there is nothing to witness: the run is not closed");
        };
        let closed_at = self.chain.entries.iter().position(|entry| entry.fact.kind() == "run_closed");
        if said != result || closed_at.is_none_or(|seq| head.size <= seq as u64) {
            return fail(codes::CLOSE, format!("it witnesses `{said}` over {} entries", head.size));
        }
        self.cover(&signed.statement);
        self.witnessed.insert(signed.statement.tail.party.clone());
        Ok(())
    }

    pub fn checkpoint(&self, entry: &Entry, fact: &Checkpoint) -> Checked {
        let root = self.chain.tree.root_at(fact.size).filter(|_| (1..=entry.seq).contains(&fact.size));
        match root {
            Some(root) if root_text(&root) == fact.root => Ok(()),
            _ => fail(codes::CHECKPOINT, format!("{} is not the root of {} entries", fact.root, fact.size)),
        }
    }
}

/// The items of a stage that was entered; one without a name where it does not repeat.
fn items_of(items: Option<&BTreeSet<String>>) -> Vec<Option<&str>> {
    items.map_or(vec![None], |items| items.iter().map(|item| Some(item.as_str())).collect())
}
