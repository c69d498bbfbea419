//! Holds: begun, proved and released when the plan says so; fresh at each point of no return.

use super::codes;
use super::walk::{Checked, Walk, fail};
use crate::base::{StepId, Time};
use crate::plan::model::{Hold, Plan, Step};
use crate::record::Entry;
use crate::record::fact::{Direction, Intended};
use std::collections::BTreeSet;

/// A hold as the history has it.
#[derive(Default)]
pub(super) struct Held {
    pub live: bool,
    proved: Option<Time>,
    /// Role, time and person of each word to have got in.
    words: Vec<(String, Time, String)>,
}

/// What must be signed by somebody who got in by hand.
fn words(hold: &str) -> String {
    format!("I got in by the way that the hold {hold} keeps")
}

impl Walk<'_> {
    fn planned(&self, id: &str) -> Checked<(std::rc::Rc<Plan>, Hold)> {
        let plan = self.plan()?;
        match plan.holds.iter().find(|hold| hold.id == id).cloned() {
            Some(hold) => Ok((plan, hold)),
            None => fail(codes::HOLD, format!("the plan has no hold {id}")),
        }
    }

    pub fn hold_began(&mut self, id: &str) -> Checked {
        let (_, hold) = self.planned(id)?;
        let state = self.holds.entry(hold.id).or_default();
        if std::mem::replace(&mut state.live, true) {
            return fail(codes::HOLD, format!("the hold {id} has begun before"));
        }
        state.proved = None;
        Ok(())
    }

    pub fn hold_proved(&mut self, entry: &Entry, id: &str) -> Checked {
        let (_, hold) = self.planned(id)?;
        let people = self.people()?;
        let state = self.holds.entry(hold.id).or_default();
        state.proved = Some(entry.at);
        let mut spoke = BTreeSet::new();
        for role in &hold.by_hand {
            let fresh = |(by, at, person): &&(String, Time, String)| {
                let holds = people.get(person).is_some_and(|person| person.roles.contains(role));
                by == role && holds && entry.at.since(*at) <= hold.fresh_within && !spoke.contains(person)
            };
            let Some((_, _, person)) = state.words.iter().rev().find(fresh) else {
                return fail(codes::HOLD, format!("no {role} has signed, lately, to have got in by the hold {id}"));
            };
            spoke.insert(person.clone());
        }
        Ok(())
    }

    /// Released only when the stage that ends it is over, or when a rollback has taken back all that it was held for.
    pub fn hold_ended(&mut self, id: &str) -> Checked {
        let (plan, hold) = self.planned(id)?;
        let state = self.holds.entry(hold.id.clone()).or_default();
        if !std::mem::replace(&mut state.live, false) {
            return fail(codes::HOLD, format!("the hold {id} is released, but was not live"));
        }
        let (from, until) = span(&plan, &hold);
        let over = until.is_some_and(|until| self.stage_over(&plan, until));
        let back = || {
            let (Some(from), Some(until)) = (from, until) else { return false };
            let inside = |step: &StepId| {
                let at = plan.stages.iter().position(|stage| stage.id == step.stage);
                at.is_some_and(|at| from < at && at <= until)
            };
            self.rollbacks > 0 && !self.done.keys().any(|id| id.undo.is_none() && inside(id) && self.stands(&plan, id))
        };
        if over || back() {
            return Ok(());
        }
        fail(codes::HOLD, format!("the hold {id} is released before the stage {} is over", hold.until))
    }

    /// A note of somebody who got in by hand.
    pub fn got_in(&mut self, covers: &str, reason: &str, role: &str, at: Time, person: &str) {
        if let Some(id) = covers.strip_prefix("hold:")
            && reason == words(id)
        {
            let word = (role.to_owned(), at, person.to_owned());
            self.holds.entry(id.to_owned()).or_default().words.push(word);
        }
    }

    /// A changing step begins only while every hold over its stage is live, and a point of no return only while
    /// each of them is freshly proved.
    pub fn held(&self, entry: &Entry, fact: &Intended, step: &Step) -> Checked {
        if fact.direction == Direction::Undo || !step.mutates {
            return Ok(());
        }
        let plan = self.plan()?;
        let at = plan.stages.iter().position(|stage| stage.id == fact.step.stage);
        for hold in &plan.holds {
            let (from, until) = span(&plan, hold);
            let Some(state) = self.holds.get(&hold.id).filter(|state| state.live) else {
                if at > from && at <= until {
                    let message = format!("{} began while the hold {} was not live", fact.step, hold.id);
                    return fail(codes::HOLD, message);
                }
                continue;
            };
            let fresh = state.proved.is_some_and(|proved| entry.at.since(proved) <= hold.fresh_within);
            if !step.back.point_of_no_return.is_empty() && !fresh {
                let message =
                    format!("{} is a point of no return, and the hold {} was not proved lately", fact.step, hold.id);
                return fail(codes::HOLD, message);
            }
        }
        Ok(())
    }

    /// It is done, changes something, and was not taken back.
    fn stands(&self, plan: &Plan, id: &StepId) -> bool {
        let Some(step) = plan.step(id).filter(|step| step.mutates) else { return false };
        let done = self.done.get(id).copied().unwrap_or(0);
        let undone = step.back.undo.iter().filter_map(|undo| self.done.get(&id.with_undo(&undo.id)).copied()).max();
        undone.is_none_or(|at| at < done) && !step.back.undo.is_empty()
    }
}

/// Indices of the stages whose close begins and ends it.
fn span(plan: &Plan, hold: &Hold) -> (Option<usize>, Option<usize>) {
    let at = |id: &str| plan.stages.iter().position(|stage| stage.id == id);
    (at(&hold.from), at(&hold.until))
}
