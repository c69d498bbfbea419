//! Changes of a running run: what an amendment touches, what it may not do, and who must sign it; and the same for a
//! change of people. One decision, asked by every door of the writer. Pure; signatures are checked before.

use crate::people::{People, Person};
use crate::plan::model::{Anchor, Body, Plan, Prove, Stage, Step};
use std::collections::BTreeSet;

/// How far a run has come, as far as a change must respect it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Stage and step: begun for any item, taken back or not.
    pub begun: BTreeSet<(String, String)>,
    /// Stages that were entered or skipped.
    pub entered: BTreeSet<String>,
    /// Of these, those in which nothing is left to do.
    pub over: BTreeSet<String>,
    /// Stages of which an anchor is set.
    pub anchored: BTreeSet<String>,
    /// Holds that are live.
    pub holds: BTreeSet<String>,
}

/// What happens to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    New,
    Gone,
    Changed,
    /// The same, in another place of its stage.
    Moved,
}

/// What an amendment changes, and who must sign it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Stage, step, and what happens to it; in the order of the plans.
    pub steps: Vec<(String, String, How)>,
    /// Something else than steps changes: roles, separation, sessions, holds, stages, pinned files, titles.
    pub elsewhere: bool,
    /// Each must be held, under the people file in force, by somebody who signs.
    pub roles: BTreeSet<String>,
}

/// Why a change can't be made, whoever signs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    #[error("the parameter values are pinned for the whole run; an amendment can't change them")]
    Values,
    #[error("{0} has begun, and can't be changed, moved or taken out")]
    Begun(String),
    #[error("a step that is not there yet can't stand before {0}, which has begun")]
    Before(String),
    #[error("the stage {0} has been entered: what it repeats for, and whether it applies, can't be changed")]
    Entered(String),
    #[error("the stage {0} is over: nothing can be added to it or taken out")]
    Over(String),
    #[error("stages that have been entered keep their order, and nothing new can stand before them: {0}")]
    Order(String),
    #[error("the anchor of {0} is in force, and can't be changed")]
    Anchor(String),
    #[error("the hold {0} is live, and can't be changed; nor can the session or the stage that it rests on")]
    Hold(String),
    #[error("what has begun, and its way back, rests on the {0}, which so can't be changed")]
    RestsOn(String),
}

/// What the new plan changes, if it may.
///
/// # Errors
/// The first thing that no signature can allow.
pub fn amendment(old: &Plan, new: &Plan, progress: &Progress) -> Result<Touched, Barred> {
    if old.values != new.values {
        return Err(Barred::Values);
    }
    let steps = changed(old, new);
    if let Some((stage, step, _)) = steps.iter().find(|(stage, step, _)| begun(progress, stage, step)) {
        return Err(Barred::Begun(format!("{stage}/{step}")));
    }
    order(old, new, progress)?;
    for stage in old.stages.iter().filter(|stage| progress.entered.contains(&stage.id)) {
        entered(stage, new, progress)?;
    }
    held(old, new, progress)?;
    foundations(old, new, progress)?;
    let elsewhere = bare(old) != bare(new);
    let mut roles: BTreeSet<String> = BTreeSet::new();
    for (stage, step, _) in &steps {
        for plan in [old, new] {
            roles.extend(find(plan, stage, step).map(|step| roles_of(plan, step)).unwrap_or_default());
        }
    }
    if elsewhere {
        roles.extend(old.roles.keys().cloned());
    }
    Ok(Touched { steps, elsewhere, roles })
}

/// Of these roles, those that nobody who signed holds.
pub fn unsigned<'a>(roles: &'a BTreeSet<String>, people: &People, signers: &BTreeSet<String>) -> Vec<&'a str> {
    let held = |role: &&String| people.holders(role).any(|person| signers.contains(&person.id));
    roles.iter().filter(|role| !held(role)).map(String::as_str).collect()
}

/// What a change of people still lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Somebody of this party who is in both files and the same in both.
    Party(String),
    /// This person, who is new or changed, with a key of the new file.
    Person(String),
}

/// Who must still sign a change of people. `signers`: person, and whether the key is one of the new file.
pub fn people_unsigned(old: &People, new: &People, plan: &Plan, signers: &BTreeSet<(String, bool)>) -> Vec<Lacking> {
    let signed = |person: &Person| signers.iter().any(|(id, _)| *id == person.id);
    let of_party = |party: &&str| {
        old.people.values().any(|one| one.party == *party && unchanged(old, new, &one.id) && signed(one))
    };
    let parties = plan.parties().into_iter().filter(|party| !of_party(party));
    let parties = parties.map(|party| Lacking::Party(party.to_owned()));
    let fresh = |id: &&String| !unchanged(old, new, id) && !signers.contains(&((*id).clone(), true));
    let people = new.people.keys().filter(fresh).map(|id| Lacking::Person(id.clone()));
    parties.chain(people).collect()
}

/// In both files, and the same in both.
pub fn unchanged(old: &People, new: &People, id: &str) -> bool {
    let device = |person: &Person| person.mfa.as_ref().map(|mfa| (mfa.serial.clone(), mfa.role.clone()));
    match (old.get(id), new.get(id)) {
        (Some(old), Some(new)) => {
            old.party == new.party && old.roles == new.roles && old.keys == new.keys && device(old) == device(new)
        }
        _ => false,
    }
}

fn begun(progress: &Progress, stage: &str, step: &str) -> bool {
    progress.begun.contains(&(stage.to_owned(), step.to_owned()))
}

fn find<'a>(plan: &'a Plan, stage: &str, step: &str) -> Option<&'a Step> {
    plan.stage(stage)?.steps.iter().find(|one| one.id == step)
}

/// Every step that is not the same, in the same place, in both plans.
fn changed(old: &Plan, new: &Plan) -> Vec<(String, String, How)> {
    let mut all = Vec::new();
    for stage in &old.stages {
        for step in &stage.steps {
            let how = match find(new, &stage.id, &step.id) {
                None => How::Gone,
                Some(other) if other != step => How::Changed,
                Some(_) if moved(stage, new, &step.id) => How::Moved,
                Some(_) => continue,
            };
            all.push((stage.id.clone(), step.id.clone(), how));
        }
    }
    for stage in &new.stages {
        let fresh = stage.steps.iter().filter(|step| find(old, &stage.id, &step.id).is_none());
        all.extend(fresh.map(|step| (stage.id.clone(), step.id.clone(), How::New)));
    }
    all
}

/// Whether the step stands before or behind others that are in both than it did.
fn moved(stage: &Stage, new: &Plan, step: &str) -> bool {
    let Some(other) = new.stage(&stage.id) else { return false };
    let before = |steps: &[Step], common: &Stage| -> BTreeSet<String> {
        let before = steps.iter().take_while(|one| one.id != step).map(|one| one.id.clone());
        before.filter(|id| common.steps.iter().any(|one| one.id == *id)).collect()
    };
    before(&stage.steps, other) != before(&other.steps, stage)
}

/// The stages up to the last one that was entered are the same ones, in the same order.
fn order(old: &Plan, new: &Plan, progress: &Progress) -> Result<(), Barred> {
    let Some(last) = old.stages.iter().rposition(|stage| progress.entered.contains(&stage.id)) else { return Ok(()) };
    for (at, stage) in old.stages.iter().enumerate().take(last + 1) {
        if new.stages.get(at).is_none_or(|other| other.id != stage.id) {
            return Err(Barred::Order(stage.id.clone()));
        }
    }
    Ok(())
}

fn entered(stage: &Stage, new: &Plan, progress: &Progress) -> Result<(), Barred> {
    let Some(other) = new.stage(&stage.id) else { return Err(Barred::Entered(stage.id.clone())) };
    let repeats = |stage: &Stage| (stage.for_each.clone(), stage.key.clone(), stage.items.clone(), stage.when.clone());
    if repeats(stage) != repeats(other) {
        return Err(Barred::Entered(stage.id.clone()));
    }
    if progress.anchored.contains(&stage.id) && stage.anchor != other.anchor {
        return Err(Barred::Anchor(stage.id.clone()));
    }
    if progress.over.contains(&stage.id) && stage.steps != other.steps {
        return Err(Barred::Over(stage.id.clone()));
    }
    let ids = |stage: &Stage| stage.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
    let Some(last) = stage.steps.iter().rposition(|step| begun(progress, &stage.id, &step.id)) else { return Ok(()) };
    let (before, now) = (ids(stage), ids(other));
    let fresh = now.iter().take_while(|id| **id != before[last]).any(|id| !before.contains(id));
    if fresh {
        return Err(Barred::Before(format!("{}/{}", stage.id, before[last])));
    }
    Ok(())
}

fn held(old: &Plan, new: &Plan, progress: &Progress) -> Result<(), Barred> {
    for hold in old.holds.iter().filter(|hold| progress.holds.contains(&hold.id)) {
        let same = new.holds.contains(hold)
            && [&hold.from, &hold.until].iter().all(|id| new.stage(id).is_some())
            && session_and_through(old, &hold.session).iter().all(|id| old.sessions.get(id) == new.sessions.get(id));
        if !same {
            return Err(Barred::Hold(hold.id.clone()));
        }
    }
    Ok(())
}

/// Sessions, roles and files that a begun step, its way back or an anchor in force goes by.
fn foundations(old: &Plan, new: &Plan, progress: &Progress) -> Result<(), Barred> {
    let (mut sessions, mut roles, mut files) = (BTreeSet::new(), BTreeSet::new(), false);
    for (stage, step) in &progress.begun {
        let Some(step) = find(old, stage, step) else { continue };
        for one in std::iter::once(step).chain(&step.back.undo) {
            sessions.extend(sessions_of(one));
            roles.extend(roles_of(old, one));
            files |= matches!(one.body, Body::Command(_));
        }
    }
    for stage in old.stages.iter().filter(|stage| progress.anchored.contains(&stage.id)) {
        sessions.extend(stage.anchor.iter().flat_map(sessions_of_anchor));
    }
    let mut chains: BTreeSet<String> = BTreeSet::new();
    sessions.iter().for_each(|id| chains.extend(session_and_through(old, id)));
    if let Some(id) = chains.iter().find(|id| old.sessions.get(*id) != new.sessions.get(*id)) {
        return Err(Barred::RestsOn(format!("session {id}")));
    }
    let what = |plan: &Plan, id: &String| plan.roles.get(id).map(|role| (role.party.clone(), role.proof));
    if let Some(id) = roles.iter().find(|id| what(old, id) != what(new, id)) {
        return Err(Barred::RestsOn(format!("role {id}")));
    }
    let file = old.files.iter().find(|(id, file)| files && new.files.get(*id) != Some(file));
    file.map_or(Ok(()), |(id, _)| Err(Barred::RestsOn(format!("pinned file {id}"))))
}

fn session_and_through(plan: &Plan, id: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next.filter(|id| !id.is_empty() && !all.contains(id)) {
        next = plan.sessions.get(&id).map(|session| session.through.clone());
        all.push(id);
    }
    all
}

fn sessions_of(step: &Step) -> Vec<String> {
    let looked = step.verify.iter().map(|expect| &expect.read.session);
    std::iter::once(&step.session).chain(step.probe.values()).chain(looked).cloned().collect()
}

fn sessions_of_anchor(anchor: &Anchor) -> Vec<String> {
    let proves = anchor.prove.iter().filter_map(|prove| match prove {
        Prove::Read(expect) => Some(&expect.read.session),
        Prove::Manual(_) => None,
    });
    anchor.capture.iter().map(|capture| &capture.read.session).chain(proves).cloned().collect()
}

/// The plan but for its steps, and what only names its texts.
fn bare(plan: &Plan) -> Plan {
    let stages = plan.stages.iter().map(|stage| Stage { steps: Vec::new(), ..stage.clone() }).collect();
    let (runbook, people) = (crate::base::Digest::ZERO, crate::base::Digest::ZERO);
    Plan { stages, runbook, people, version: String::new(), ..plan.clone() }
}

/// Performers, approvers and users of the session, of a step and of what takes it back.
fn roles_of(plan: &Plan, step: &Step) -> BTreeSet<String> {
    let mut roles = BTreeSet::new();
    for one in std::iter::once(step).chain(&step.back.undo) {
        roles.insert(one.performer.clone());
        roles.extend(one.approvals.iter().map(|approval| approval.role.clone()));
        roles.extend(plan.sessions.get(&one.session).map(|session| session.used_by.clone()).unwrap_or_default());
        if let Body::Manual(manual) = &one.body {
            roles.extend(manual.performers.iter().cloned());
        }
    }
    roles.remove("");
    roles
}
