//! Holds: begun, proved and released when the plan says so; fresh at each point of no return.

use super::codes;
use super::walk::{Checked, Walk, fail};
use crate::base::{StepId, Time};
use crate::plan::model::{Hold, Plan, Step};
use crate::record::Entry;
use crate::record::fact::Intended;
use crate::record::statement::{HOLD, got_in};
use std::collections::BTreeSet;

/// A hold as the history has it.
#[derive(Default)]
pub(super) struct Held {
    pub live: bool,
    proved: Option<Time>,
    /// Role, time and person of each word to have got in.
    words: Vec<(String, Time, String)>,
}

impl Walk<'_> {
    fn planned(&self, id: &str) -> Checked<(std::rc::Rc<Plan>, Hold)> {
        let plan = self.plan()?;
        match plan.hold(id).cloned() {
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
        let span = plan.span(&hold);
        let over = span.is_some_and(|span| self.stage_over(&plan, span.until));
        let inside = |step: &StepId| {
            let at = plan.stages.iter().position(|stage| stage.id == step.stage);
            span.zip(at).is_some_and(|(span, at)| span.covers(at))
        };
        let back = || {
            self.rollbacks > 0
                && !self.done.keys().chain(self.lost.keys()).any(|id| inside(id) && self.stands(&plan, id))
        };
        if over || span.is_some() && back() {
            return Ok(());
        }
        fail(codes::HOLD, format!("the hold {id} is released before the stage {} is over", hold.until))
    }

    /// A note of somebody who got in by hand.
    pub fn got_in(&mut self, covers: &str, reason: &str, role: &str, at: Time, person: &str) {
        if let Some(id) = covers.strip_prefix(HOLD)
            && reason == got_in(id)
        {
            let word = (role.to_owned(), at, person.to_owned());
            self.holds.entry(id.to_owned()).or_default().words.push(word);
        }
    }

    /// A changing step begins only while every hold over its stage is live, and a point of no return only while
    /// each of them is freshly proved.
    pub fn held(&self, entry: &Entry, fact: &Intended, step: &Step) -> Checked {
        if !fact.step.is_forward() || !step.mutates {
            return Ok(());
        }
        let plan = self.plan()?;
        let at = plan.stages.iter().position(|stage| stage.id == fact.step.stage);
        for hold in &plan.holds {
            let span = plan.span(hold);
            let Some(state) = self.holds.get(&hold.id).filter(|state| state.live) else {
                if span.zip(at).is_some_and(|(span, at)| span.covers(at)) {
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
}
