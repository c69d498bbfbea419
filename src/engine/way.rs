//! What a rollback takes, before it begins: each operation with who does it, who must agree, what it waits for and
//! by when; what is left, and what comes back different. Pure; raw text: escape before showing.

use super::operation;
use super::rollback::{self, Course};
use super::state::{Run, Status};
use crate::base::{StepId, Time, duration};
use crate::catalogue::{self, Action, action::Class};
use crate::plan::model::{Approval, Body, Step};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An invitation that nobody accepts is over after this.
const HANDSHAKE_LIFE: i64 = 15 * 86_400_000;

#[derive(Clone, Debug)]
pub struct Way {
    pub to: String,
    pub steps: Vec<Back>,
    /// Steps that are not taken back, with the reason.
    pub left: Vec<(StepId, String)>,
    /// What comes back different, by step.
    pub lost: Vec<(StepId, String)>,
    /// Requests that will be asked, and how many decisions each role makes over them.
    pub requests: usize,
    pub decisions: BTreeMap<String, u64>,
    /// Clocks over the whole of it: rates, lives, waits.
    pub clocks: Vec<String>,
}

impl Way {
    /// It takes nothing back: it makes good what can't be.
    pub fn is_repair(&self) -> bool {
        self.to.parse::<StepId>().is_ok()
    }
}

/// One operation of the way back.
#[derive(Clone, Debug)]
pub struct Back {
    pub id: StepId,
    /// What will be done, as far as it is known now.
    pub what: String,
    pub performer: String,
    pub people: Vec<String>,
    pub session: String,
    pub approvals: Vec<Approval>,
    /// Only if this holds then; empty: always.
    pub only_if: String,
    pub waits: Vec<String>,
}

/// The way of a course, as it looks now.
pub fn way(run: &Run, to: &str, course: &Course, now: Time) -> Way {
    let steps: Vec<Back> = course.steps.iter().filter_map(|id| back(run, id, now)).collect();
    let mut groups: BTreeSet<(StepId, String, Vec<Approval>)> = BTreeSet::new();
    let asked = steps.iter().filter(|step| !step.approvals.is_empty());
    groups.extend(asked.map(|step| (step.id.forward(), step.performer.clone(), step.approvals.clone())));
    let mut decisions: BTreeMap<String, u64> = BTreeMap::new();
    for approval in groups.iter().flat_map(|(_, _, approvals)| approvals) {
        *decisions.entry(approval.role.clone()).or_default() += u64::from(approval.count);
    }
    let mut left = course.left.clone();
    if to.parse::<StepId>().is_err() {
        left.extend(rollback::unsure(run, to));
    }
    Way {
        to: to.to_owned(),
        clocks: clocks(run, course, &steps),
        requests: groups.len(),
        decisions,
        left,
        lost: lost(run, course),
        steps,
    }
}

fn back(run: &Run, id: &StepId, now: Time) -> Option<Back> {
    let step = run.plan.step(id)?;
    let known = operation::partial(run, id, now).map(|(value, _)| operation::words(&value, step));
    Some(Back {
        id: id.clone(),
        what: known.unwrap_or_else(|| step.title.clone()),
        performer: step.performer.clone(),
        people: run.people.holders(&step.performer).map(|person| person.id.clone()).collect(),
        session: step.session.clone(),
        approvals: step.approvals.clone(),
        only_if: step.when.clone(),
        waits: waits(step),
    })
}

fn action(step: &Step) -> Option<&'static Action> {
    catalogue::find(step.template.get("action")?.as_str()?)
}

/// The step's own clocks.
fn waits(step: &Step) -> Vec<String> {
    let mut all = Vec::new();
    if let Body::Wait(wait) = &step.body {
        if wait.r#for > 0 {
            all.push(format!("waits {}", duration::show(wait.r#for)));
        }
        if !wait.until.is_empty() {
            all.push(format!("waits until {}", wait.until));
        }
        if wait.within > 0 {
            all.push(format!("gives up after {}", duration::show(wait.within)));
        }
    }
    let rows = action(step).into_iter().flat_map(|action| action.errors).filter(|row| row.class == Class::Wait);
    all.extend(rows.map(|row| format!("AWS may make it wait: {}", row.means)));
    all
}

/// What an undo does not bring back: by the step's own word or the catalogue's, and what the way back itself loses.
fn lost(run: &Run, course: &Course) -> Vec<(StepId, String)> {
    let mut all = course.lost.clone();
    for id in &course.steps {
        let Some(step) = run.plan.step(id) else { continue };
        let words = if step.lost.is_empty() { action(step).map_or("", |action| action.lost) } else { &step.lost };
        let said = all.iter().any(|(other, text)| other.forward() == id.forward() && text == words);
        if !words.is_empty() && !said {
            all.push((id.clone(), words.to_owned()));
        }
    }
    all
}

/// Rates as AWS publishes them, the life of invitations, the clocks of decisions.
fn clocks(run: &Run, course: &Course, steps: &[Back]) -> Vec<String> {
    let mut all = Vec::new();
    let mut counts: BTreeMap<&str, (u64, &Action)> = BTreeMap::new();
    for action in course.steps.iter().filter_map(|id| action(run.plan.step(id)?)) {
        counts.entry(action.name).or_insert((0, action)).0 += 1;
    }
    for (name, (count, action)) in &counts {
        if let Some((rate, burst)) = action.rate
            && *count > u64::from(burst)
        {
            let ms = ((count - u64::from(burst)) as f64 / rate * 1_000.0) as i64;
            all.push(format!(
                "{count} x {name} at AWS's {rate} a second: {} at least",
                duration::show(((ms + 999) / 1_000).max(1) * 1_000)
            ));
        }
    }
    let invites = |id: &&StepId| {
        run.plan.step(id).and_then(action).is_some_and(|action| action.name.ends_with(":InviteAccountToOrganization"))
    };
    if course.steps.iter().any(|id| invites(&id)) {
        let life = duration::show(HANDSHAKE_LIFE);
        all.push(format!("an invitation lives {life}: what accepts it must be approved and done before"));
    }
    let approvals = || steps.iter().flat_map(|step| &step.approvals);
    if let (Some(within), Some(run_within)) =
        (approvals().map(|one| one.within).min(), approvals().map(|one| one.run_within).min())
    {
        all.push(format!(
            "decisions: within {} after each is asked, run within {} after the last of them",
            duration::show(within),
            duration::show(run_within)
        ));
    }
    all
}

/// `rollback --format json`.
pub fn json(run: &Run, way: &Way) -> Value {
    let people = |role: &str| run.people.holders(role).map(|person| person.id.clone()).collect::<Vec<_>>();
    let approval = |one: &Approval| {
        json!({"role": one.role, "people": people(&one.role), "count": one.count, "from_parties": one.from_parties,
            "within_ms": one.within, "run_within_ms": one.run_within})
    };
    let steps = way.steps.iter().map(|step| {
        json!({"step": step.id, "what": step.what, "performer": step.performer, "people": step.people,
            "session": step.session, "approvals": step.approvals.iter().map(approval).collect::<Vec<_>>(),
            "only_if": step.only_if, "waits": step.waits})
    });
    let pairs =
        |all: &[(StepId, String)]| all.iter().map(|(step, why)| json!({"step": step, "why": why})).collect::<Vec<_>>();
    let decisions =
        way.decisions.iter().map(|(role, count)| json!({"role": role, "people": people(role), "count": count}));
    json!({
        "run": run.id.as_str(), "to": way.to, "repair": way.is_repair(), "under_way": rest(run).is_some(),
        "steps": steps.collect::<Vec<_>>(), "left": pairs(&way.left), "lost": pairs(&way.lost),
        "requests": way.requests, "decisions": decisions.collect::<Vec<_>>(), "clocks": way.clocks,
    })
}

/// What is left of a rollback or a repair that is under way.
pub fn rest(run: &Run) -> Option<(String, Course)> {
    let over = |of: StepId| rollback::is_repaired(run, &of);
    let rollback = run.rollback.as_ref().filter(|rollback| !rollback.repairs().is_some_and(over))?;
    let over = |id: &&StepId| matches!(run.step(id).status, Status::Done { .. } | Status::Skipped);
    let steps: Vec<StepId> = rollback.steps.iter().filter(|id| !over(id)).cloned().collect();
    let forward: BTreeSet<StepId> = steps.iter().map(StepId::forward).collect();
    let lost = forward.iter().filter_map(|id| Some((id.clone(), run.plan.step(id)?.lost.clone())));
    let lost = lost.filter(|(_, lost)| !lost.is_empty()).collect();
    Some((rollback.to.clone(), Course { steps, left: Vec::new(), lost }))
}
