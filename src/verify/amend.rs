//! Changes while running: amendments, people, break-glass, hand-over. Who had to sign, and what may change.

use super::codes;
use super::request::given;
use super::signed::Signed;
use super::walk::{Checked, Force, Walk, fail};
use crate::approval;
use crate::people::People;
use crate::plan::model::{Plan, Stage, Step};
use crate::record::Entry;
use crate::record::fact::{Amended, Mode, PeopleChanged, SignedText};
use crate::record::statement::{Body, ChangeFields};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Walk<'_> {
    pub fn amended(&mut self, entry: &Entry, fact: &Amended) -> Checked {
        let (old, people) = (self.plan()?, self.people()?);
        let force = self.in_force()?;
        let wanted = ChangeFields { runbook: fact.runbook, plan: fact.plan, people: force.people };
        // Whatever is wrong with it: from here on the history goes by the new plan, or can't be judged at all.
        self.force.push(Force { runbook: fact.runbook, plan: fact.plan, people: force.people });
        self.void_all("the runbook was amended");
        self.plan = None;
        let read = self.read_plan(&fact.plan);
        if let Ok(new) = &read {
            self.plan_in_force(new.clone());
        }
        let signers = self.changes(entry, &fact.statements, &wanted, &[&people])?;
        self.bytes("runbook", &fact.runbook)?;
        let new = read?;
        if new.runbook != fact.runbook || new.values != old.values {
            return fail(codes::FORM, "the new plan was made for another runbook or other values");
        }
        let touched = self.touched(&old, &new)?;
        let held: BTreeSet<&str> = signers
            .iter()
            .filter_map(|signed| people.get(&signed.statement.tail.person))
            .flat_map(|person| person.roles.iter().map(String::as_str))
            .collect();
        if let Some(role) = touched.iter().find(|role| !held.contains(role.as_str())) {
            return fail(codes::CHANGE, format!("the amendment touches the role {role}, and nobody of it signed"));
        }
        Ok(())
    }

    /// Roles that must sign for this change of the plan.
    fn touched(&self, old: &Plan, new: &Plan) -> Checked<BTreeSet<String>> {
        let mut touched = BTreeSet::new();
        let changed = changed_steps(old, new);
        for (stage, step) in &changed {
            let begun = self.works.keys().chain(self.done.keys()).any(|id| id.stage == *stage && id.step == *step);
            if begun {
                return fail(codes::CHANGE, format!("{stage}/{step} has begun, and can't be changed"));
            }
            for plan in [old, new] {
                let found = plan.stage(stage).and_then(|stage| stage.steps.iter().find(|one| one.id == *step));
                touched.extend(found.map(|step| roles_of(plan, step)).unwrap_or_default());
            }
        }
        for stage in &old.stages {
            let weakened = new.stage(&stage.id).is_none_or(|new| new.anchor != stage.anchor);
            if weakened && self.anchors.keys().any(|(of, _)| *of == stage.id) {
                return fail(codes::CHANGE, format!("the anchor of {} is in force, and can't be changed", stage.id));
            }
        }
        if without_steps(old) != without_steps(new) {
            touched.extend(old.roles.keys().cloned());
        }
        Ok(touched)
    }

    pub fn people_changed(&mut self, entry: &Entry, fact: &PeopleChanged) -> Checked {
        let (plan, old) = (self.plan()?, self.people()?);
        let force = self.in_force()?;
        self.force.push(Force { people: fact.people, ..force });
        self.void_all("the people changed");
        self.people = None;
        let new = Rc::new(self.read_people(&fact.people)?);
        self.people = Some(Rc::clone(&new));
        let wanted = ChangeFields { runbook: force.runbook, plan: force.plan, people: fact.people };
        let signers = self.changes(entry, &fact.statements, &wanted, &[&old, &new])?;
        let signed: BTreeSet<&str> = signers.iter().map(|signed| signed.statement.tail.person.as_str()).collect();
        let unchanged = |id: &str| match (old.get(id), new.get(id)) {
            (Some(old), Some(new)) => old.party == new.party && old.roles == new.roles && old.keys == new.keys,
            _ => false,
        };
        for party in plan.roles.values().map(|role| &role.party).filter(|party| !party.is_empty()) {
            let by_party = signed.iter().any(|id| unchanged(id) && old.get(id).is_some_and(|p| p.party == *party));
            if !by_party {
                return fail(codes::CHANGE, format!("no unchanged person of {party} signed the change of people"));
            }
        }
        for person in new.people.values().filter(|person| !unchanged(&person.id)) {
            let by_new_key = signers
                .iter()
                .any(|signed| signed.statement.tail.person == person.id && person.keys.contains(&signed.key));
            if !by_new_key {
                return fail(codes::CHANGE, format!("{} did not sign with the new key", person.id));
            }
        }
        if self.mode == Some(Mode::Rehearsal) { Ok(()) } else { self.refuse_rehearsal_people() }
    }

    /// The statements of a change, all of them over exactly this change.
    fn changes(
        &mut self,
        entry: &Entry,
        statements: &[SignedText],
        wanted: &ChangeFields,
        of: &[&People],
    ) -> Checked<Vec<Signed>> {
        let mut signers = Vec::new();
        for text in statements {
            let signed = self.statement(entry, "change", text, of)?;
            if !matches!(&signed.statement.body, Body::Change(_, fields) if fields == wanted) {
                let person = &signed.statement.tail.person;
                return fail(codes::CHANGE, format!("{person} signed another change than this one"));
            }
            self.cover(&signed.statement);
            signers.push(signed);
        }
        Ok(signers)
    }

    pub fn in_force(&self) -> Checked<Force> {
        self.force.last().copied().ok_or((codes::OPENING, "nothing is in force".to_owned()))
    }

    /// In place of the missing approvals of one attempt: about an open request, by somebody who may.
    pub fn break_glass(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let tail = &signed.statement.tail;
        let Body::BreakGlass(_, fields) = &signed.statement.body else {
            return fail(codes::GLASS, "it is no break-glass statement");
        };
        self.broke_glass = true;
        if self.seated.contains(&tail.person) {
            return fail(codes::GLASS, format!("{} performs, and can't waive approvals", tail.person));
        }
        let found = self.requests.iter().rev().find_map(|(seq, request)| {
            let fits = request.over.is_none()
                && request.asked.operations == fields.operations
                && request.asked.attempt == fields.attempt;
            let step = request.steps.iter().find(|step| fits && step.covers() == fields.covers)?;
            Some((*seq, step.clone()))
        });
        let Some((request, step)) = found else {
            return fail(
                codes::GLASS,
                format!("no request is open over attempt {} of {}", fields.attempt, fields.covers),
            );
        };
        if let Some(case) = self.case(request) {
            approval::admit_glass(&case, &step, &given(entry.seq, &signed))
                .map_err(|refusal| (codes::GLASS, refusal.to_string()))?;
        }
        self.cover(&signed.statement);
        if let Some(request) = self.requests.get_mut(&request) {
            request.glass.push((entry.seq, signed));
        }
        Ok(())
    }

    pub fn handed_over(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let Body::HandOver(_, to) = &signed.statement.body else {
            return fail(codes::ENVELOPE, "it is no hand-over");
        };
        if !self.seated.contains(&signed.statement.tail.person) {
            return fail(codes::PERFORMER, format!("{} has no seat to hand over", signed.statement.tail.person));
        }
        self.handed_to = Some(to.clone());
        self.void_all("the run was handed over");
        Ok(())
    }
}

/// `(stage, step)` of every step that is not the same in both plans.
fn changed_steps(old: &Plan, new: &Plan) -> BTreeSet<(String, String)> {
    let steps = |plan: &Plan| -> Vec<(String, Step)> {
        plan.stages.iter().flat_map(|stage| stage.steps.iter().map(|s| (stage.id.clone(), s.clone()))).collect()
    };
    let (old, new) = (steps(old), steps(new));
    let differs = |one: &(String, Step), others: &[(String, Step)]| !others.contains(one);
    let changed = old.iter().filter(|one| differs(one, &new)).chain(new.iter().filter(|one| differs(one, &old)));
    changed.map(|(stage, step)| (stage.clone(), step.id.clone())).collect()
}

/// The plan but for its steps and what only names its texts.
fn without_steps(plan: &Plan) -> Plan {
    let bare = |stage: &Stage| Stage { steps: Vec::new(), ..stage.clone() };
    let stages = plan.stages.iter().map(bare).collect();
    let (runbook, people) = (crate::base::Digest::ZERO, crate::base::Digest::ZERO);
    Plan { stages, runbook, people, version: String::new(), ..plan.clone() }
}

/// Performer, approvers and users of the session of a step and its undo.
fn roles_of(plan: &Plan, step: &Step) -> Vec<String> {
    let mut roles = Vec::new();
    for step in std::iter::once(step).chain(&step.back.undo) {
        roles.push(step.performer.clone());
        roles.extend(step.approvals.iter().map(|approval| approval.role.clone()));
        roles.extend(plan.sessions.get(&step.session).map(|session| session.used_by.clone()).unwrap_or_default());
    }
    roles
}
