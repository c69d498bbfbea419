//! Whether the people of the people file can carry the runbook out together.

use super::checked::{Approval, Back, Checked, Step};
use crate::people::{People, Person};
use crate::runbook::node::Notes;
use crate::runbook::written::{self, Proof, Runbook};
use std::collections::BTreeSet;
use std::ops::Range;

pub(super) fn fit(checked: &Checked, runbook: &Runbook, people: &People, notes: &mut Notes) {
    let used = used_roles(checked);
    let mut unheld = BTreeSet::new();
    for role in &runbook.roles {
        let id = role.id.is.as_str();
        if people.holders(id).next().is_none() && used.contains(id) {
            unheld.insert(id.to_owned());
            let message = format!("nobody in the people file holds the role `{id}`");
            notes.error("CS0401", &role.id.span, message, "add it to the `roles` of a person");
        }
        parties(role, people, notes);
    }
    apart(runbook, people, notes);
    for (stage, written) in checked.stages.iter().zip(&runbook.stages) {
        for (step, written) in stage.steps.iter().zip(&written.steps) {
            approvers(step, &written.span, checked, people, &unheld, notes);
            for (repair, place) in step.repair.iter().zip(&written.repair) {
                approvers(repair, &place.span, checked, people, &unheld, notes);
            }
            if let (Back::Steps(steps), Some(undo)) = (&step.back, &written.undo)
                && let written::Undo::Steps(places) = &undo.is
            {
                let own = |undo: &&(&Step, &written::Step)| {
                    undo.0.performer != step.performer || undo.0.approvals != step.approvals
                };
                for (undo, place) in steps.iter().zip(places).collect::<Vec<_>>().iter().filter(own) {
                    approvers(undo, &place.span, checked, people, &unheld, notes);
                }
            }
        }
    }
}

/// Roles that perform or approve.
fn used_roles(checked: &Checked) -> BTreeSet<&str> {
    let mut out = BTreeSet::new();
    for stage in &checked.stages {
        out.insert(stage.performer.as_str());
        for step in stage.steps.iter().flat_map(|step| std::iter::once(step).chain(&step.repair)) {
            out.insert(step.performer.as_str());
            out.extend(step.approvals.iter().map(|approval| approval.role.as_str()));
            if let super::checked::Body::Manual(manual) = &step.body {
                out.extend(manual.performers.iter().map(String::as_str));
            }
        }
    }
    out
}

/// A role's holders belong to the role's party.
fn parties(role: &written::Role, people: &People, notes: &mut Notes) {
    let Some(party) = &role.party else { return };
    for person in people.holders(&role.id.is).filter(|person| person.party != party.is) {
        let message = format!(
            "`{}` holds the role `{}` of the party `{}`, but belongs to `{}`",
            person.id, role.id.is, party.is, person.party
        );
        notes.error("CS0412", &party.span, message, "");
    }
}

fn apart(runbook: &Runbook, people: &People, notes: &mut Notes) {
    for group in &runbook.apart {
        for person in people.people.values() {
            let held: Vec<&str> =
                group.iter().map(|role| role.is.as_str()).filter(|role| holds(person, role)).collect();
            if held.len() > 1 {
                let span = group.first().map_or(0..0, |role| role.span.clone());
                let message =
                    format!("`{}` holds {}, which must be held by different people", person.id, held.join(" and "));
                notes.error("CS0403", &span, message, "give one of the roles to somebody else");
            }
        }
    }
}

/// For some holder of the performer role, every approval finds its people.
fn approvers(
    step: &Step,
    span: &Range<usize>,
    checked: &Checked,
    people: &People,
    unheld: &BTreeSet<String>,
    notes: &mut Notes,
) {
    let known = |role: &str| !unheld.contains(role);
    if step.approvals.is_empty()
        || !known(&step.performer)
        || !step.approvals.iter().all(|approval| known(&approval.role))
    {
        return;
    }
    let mut lacking = None;
    for performer in people.holders(&step.performer) {
        match lack(&step.approvals, performer, checked, people) {
            None => return,
            Some(role) => lacking = Some(role),
        }
    }
    let Some((role, why)) = lacking else { return };
    let message = format!("the step `{}` can't get the approval of `{role}`: {why}", step.id);
    notes.error("CS0402", span, message, "give the role to one more person who does not perform the step");
}

/// The role whose approval can't be had when `performer` performs, and why.
fn lack(approvals: &[Approval], performer: &Person, checked: &Checked, people: &People) -> Option<(String, String)> {
    for approval in approvals {
        let others: Vec<&Person> = people.holders(&approval.role).filter(|person| person.id != performer.id).collect();
        if others.is_empty() {
            let why = format!("its only holder, `{}`, performs the step", performer.id);
            return Some((approval.role.clone(), why));
        }
        let able: Vec<&Person> =
            others.into_iter().filter(|person| can_sign(person, &approval.role, checked)).collect();
        if able.is_empty() {
            let code = checked.roles.get(&approval.role).is_some_and(|role| role.proof == Proof::MfaCode);
            let why = match code {
                true => "it needs a code of an MFA device, and no holder has `mfa` in the people file".to_owned(),
                false => "it must be signed with a security key, and no holder has one in the people file".to_owned(),
            };
            return Some((approval.role.clone(), why));
        }
        let count = usize::try_from(approval.count).unwrap_or(usize::MAX);
        if able.len() < count {
            let why = format!("{count} people are needed, and {} can be had", able.len());
            return Some((approval.role.clone(), why));
        }
        let parties: BTreeSet<&str> = able.iter().map(|person| person.party.as_str()).collect();
        if parties.len() < usize::try_from(approval.from_parties).unwrap_or(usize::MAX) {
            let why = format!("people of {} parties are needed", approval.from_parties);
            return Some((approval.role.clone(), why));
        }
    }
    // The exact search is for the few slots that runbooks have; beyond that the counts above must do.
    if approvals.iter().map(|approval| approval.count).sum::<u32>() > 5 {
        return None;
    }
    slots(approvals, 0, 0, &mut BTreeSet::from([performer.id.clone()]), checked, people)
}

/// One person fills one slot: looks for different people for all slots (few of both).
fn slots(
    approvals: &[Approval],
    at: usize,
    filled: u32,
    taken: &mut BTreeSet<String>,
    checked: &Checked,
    people: &People,
) -> Option<(String, String)> {
    let approval = approvals.get(at)?;
    if filled >= approval.count {
        return slots(approvals, at + 1, 0, taken, checked, people);
    }
    let free: Vec<String> = people
        .holders(&approval.role)
        .filter(|person| !taken.contains(&person.id) && can_sign(person, &approval.role, checked))
        .map(|person| person.id.clone())
        .take(8)
        .collect();
    for id in free {
        taken.insert(id.clone());
        slots(approvals, at, filled + 1, taken, checked, people)?;
        taken.remove(&id);
    }
    Some((approval.role.clone(), "one person fills one slot only, and there are too few people".to_owned()))
}

fn can_sign(person: &Person, role: &str, checked: &Checked) -> bool {
    let proof = checked.roles.get(role).map_or(Proof::Signature, |role| role.proof);
    match proof {
        Proof::UserVerified => person.keys.iter().any(|key| key.kind.is_security_key()),
        Proof::Signature => !person.keys.is_empty(),
        Proof::MfaCode => !person.keys.is_empty() && person.mfa.is_some(),
    }
}

fn holds(person: &Person, role: &str) -> bool {
    person.roles.iter().any(|held| held == role)
}
