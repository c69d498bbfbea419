//! Changes while running: amendments, people, break-glass. Who had to sign, and what may change.

use super::codes;
use super::signed::Signed;
use super::walk::{Checked, Force, Glass, Spoken, Walk, fail};
use crate::base::StepId;
use crate::people::{People, Person};
use crate::plan::model::{Anchor, Body as StepBody, Plan, Prove, Stage, Step};
use crate::record::Entry;
use crate::record::fact::{Amended, Mode, PeopleChanged, SignedText};
use crate::record::statement::{Body, ChangeFields, SaidWhat};
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
        let signers = self.changes(entry, &fact.statements, &wanted, force, &[&people])?;
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
        let begun = self.begun();
        for (stage, step) in &changed_steps(old, new) {
            if begun.contains(&(stage.clone(), step.clone())) {
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
        self.order_kept(old, new, &begun)?;
        self.foundations_kept(old, new, &begun)?;
        if without_steps(old) != without_steps(new) {
            touched.extend(old.roles.keys().cloned());
        }
        Ok(touched)
    }

    /// Stage and step of what was begun for any item, or spoken about by those who do it.
    fn begun(&self) -> BTreeSet<(String, String)> {
        let place = |id: &StepId| (id.stage.clone(), id.step.clone());
        let mut begun: BTreeSet<(String, String)> = self.works.keys().chain(self.done.keys()).map(place).collect();
        let spoke = |spoken: &Spoken| matches!(spoken.what, SaidWhat::Task | SaidWhat::Answer | SaidWhat::Evidence);
        for (covers, _) in self.spoken.iter().filter(|(_, words)| words.iter().any(spoke)) {
            begun.extend(covers.parse::<StepId>().ok().map(|id| place(&id)));
        }
        begun
    }

    /// What was entered stays where it is, repeats for the same, and gets nothing new before what has begun.
    fn order_kept(&self, old: &Plan, new: &Plan, begun: &BTreeSet<(String, String)>) -> Checked {
        let known = |stage: &Stage| self.entered.contains_key(&stage.id) || self.is_passed_over(&stage.id);
        let reached = old.stages.iter().rposition(known).map_or(0, |last| last + 1);
        for (at, stage) in old.stages.iter().enumerate().take(reached) {
            let Some(other) = new.stages.get(at).filter(|other| other.id == stage.id) else {
                return fail(codes::CHANGE, format!("the stage {} was reached, and can't be moved", stage.id));
            };
            let same = stage.for_each == other.for_each
                && stage.key == other.key
                && stage.items == other.items
                && stage.when == other.when;
            if known(stage) && !same {
                return fail(codes::CHANGE, format!("the stage {} was entered, and repeats for the same", stage.id));
            }
            if self.stage_over(old, at) && stage.steps != other.steps {
                return fail(codes::CHANGE, format!("the stage {} is over, and can't be changed", stage.id));
            }
            let has_begun = |step: &&Step| begun.contains(&(stage.id.clone(), step.id.clone()));
            let Some(last) = stage.steps.iter().rfind(has_begun) else { continue };
            let before = other.steps.iter().take_while(|step| step.id != last.id);
            if let Some(fresh) = before.into_iter().find(|step| stage.steps.iter().all(|one| one.id != step.id)) {
                let message = format!("{}/{} would stand before {}, which has begun", stage.id, fresh.id, last.id);
                return fail(codes::CHANGE, message);
            }
        }
        Ok(())
    }

    /// Live holds, and what begun steps, their ways back and anchors in force go by: sessions, roles, files.
    fn foundations_kept(&self, old: &Plan, new: &Plan, begun: &BTreeSet<(String, String)>) -> Checked {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for hold in old.holds.iter().filter(|hold| self.holds.get(&hold.id).is_some_and(|held| held.live)) {
            let there = |id: &String| new.stage(id).is_some();
            if !new.holds.contains(hold) || !there(&hold.from) || !there(&hold.until) {
                return fail(codes::CHANGE, format!("the hold {} is live, and can't be changed", hold.id));
            }
            named.insert(hold.session.clone());
        }
        let steps = old.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (&stage.id, step)));
        let standing = steps.filter(|(stage, step)| begun.contains(&((*stage).clone(), step.id.clone())));
        let all: Vec<&Step> = standing.flat_map(|(_, step)| std::iter::once(step).chain(&step.back.undo)).collect();
        for step in &all {
            named.insert(step.session.clone());
            named.extend(step.probe.values().cloned());
            named.extend(step.verify.iter().map(|expect| expect.read.session.clone()));
            if let Some(role) = roles_of(old, step).iter().find(|role| changed_role(old, new, role)) {
                return fail(codes::CHANGE, format!("the role {role} carries what has begun, and can't be changed"));
            }
        }
        for anchor in old.stages.iter().filter(|one| self.anchors.keys().any(|(of, _)| *of == one.id)) {
            named.extend(anchor.anchor.iter().flat_map(sessions_of));
        }
        let mut left: Vec<String> = named.iter().cloned().collect();
        while let Some(id) = left.pop() {
            if old.sessions.get(&id) != new.sessions.get(&id) {
                return fail(codes::CHANGE, format!("the session {id} carries what has begun, and can't be changed"));
            }
            left.extend(old.sessions.get(&id).map(|one| one.through.clone()).filter(|id| named.insert(id.clone())));
        }
        let commands = all.iter().any(|step| step.body.kind() == "command");
        match old.files.iter().find(|(id, file)| commands && new.files.get(*id) != Some(file)) {
            Some((id, _)) => fail(codes::CHANGE, format!("the file {id} carries what has begun, and can't be changed")),
            None => Ok(()),
        }
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
        let signers = self.changes(entry, &fact.statements, &wanted, force, &[&old, &new])?;
        let signed: BTreeSet<&str> = signers.iter().map(|signed| signed.statement.tail.person.as_str()).collect();
        let unchanged = |id: &str| match (old.get(id), new.get(id)) {
            (Some(old), Some(new)) => {
                let device = |one: &Person| one.mfa.as_ref().map(|mfa| (mfa.serial.clone(), mfa.role.clone()));
                old.party == new.party && old.roles == new.roles && old.keys == new.keys && device(old) == device(new)
            }
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
        before: Force,
        of: &[&People],
    ) -> Checked<Vec<Signed>> {
        let mut signers = Vec::new();
        if statements.is_empty() {
            return fail(codes::CHANGE, "nobody signed the change");
        }
        for text in statements {
            let signed = self.statement(entry, "change", text, of)?;
            if !matches!(&signed.statement.body, Body::Change(_, fields) if fields == wanted) {
                let person = &signed.statement.tail.person;
                return fail(codes::CHANGE, format!("{person} signed another change than this one"));
            }
            if (Force { runbook: signed.head.runbook, plan: signed.head.plan, people: signed.head.people }) != before {
                let person = &signed.statement.tail.person;
                return fail(codes::CHANGE, format!("{person} signed before another change came into force"));
            }
            self.cover(&signed.statement);
            signers.push(signed);
        }
        Ok(signers)
    }

    pub fn in_force(&self) -> Checked<Force> {
        self.force.last().copied().ok_or((codes::OPENING, "nothing is in force".to_owned()))
    }

    pub fn break_glass(&mut self, entry: &Entry) -> Checked {
        let signed = self.signed(entry)?;
        let tail = &signed.statement.tail;
        let Body::BreakGlass(_, fields) = &signed.statement.body else {
            return fail(codes::GLASS, "it is no break-glass statement");
        };
        if !self.people()?.break_glass.contains(&tail.person) {
            return fail(codes::GLASS, format!("{} is not listed for break-glass", tail.person));
        }
        if self.seated.contains(&tail.person) {
            return fail(codes::GLASS, format!("{} performs, and can't waive approvals", tail.person));
        }
        if tail.reason.trim().is_empty() {
            return fail(codes::GLASS, format!("{} gave no reason", tail.person));
        }
        self.broke_glass = true;
        self.cover(&signed.statement);
        self.glass.push(Glass {
            party: tail.party.clone(),
            covers: fields.covers.clone(),
            operations: fields.operations,
            attempt: fields.attempt,
        });
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
    let changed = changed.map(|(stage, step)| (stage.clone(), step.id.clone()));
    // The same steps of a stage in another order: each that has others before it than it had.
    let name = |(stage, step): &(String, Step)| (stage.clone(), step.id.clone());
    let (olds, news): (Vec<_>, Vec<_>) = (old.iter().map(name).collect(), new.iter().map(name).collect());
    let before = |all: &[(String, String)], others: &[(String, String)], one: &(String, String)| {
        let before = all.iter().take_while(|other| *other != one).filter(|other| other.0 == one.0);
        before.filter(|other| others.contains(other)).cloned().collect::<BTreeSet<_>>()
    };
    let moved = olds.iter().filter(|one| news.contains(one) && before(&olds, &news, one) != before(&news, &olds, one));
    changed.chain(moved.cloned()).collect()
}

fn changed_role(old: &Plan, new: &Plan, role: &str) -> bool {
    let what = |plan: &Plan| plan.roles.get(role).map(|role| (role.party.clone(), role.proof));
    what(old) != what(new)
}

fn sessions_of(anchor: &Anchor) -> Vec<String> {
    let proves = anchor.prove.iter().filter_map(|prove| match prove {
        Prove::Read(expect) => Some(expect.read.session.clone()),
        Prove::Manual(_) => None,
    });
    anchor.capture.iter().map(|capture| capture.read.session.clone()).chain(proves).collect()
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
        if let StepBody::Manual(manual) = &step.body {
            roles.extend(manual.performers.iter().cloned());
        }
    }
    roles.retain(|role| !role.is_empty());
    roles
}
