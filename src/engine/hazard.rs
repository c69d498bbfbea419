//! The catalogue's hazards once more, right before an operation begins: with what the run knows by then and the runbook
//! alone could not tell (whose credentials a session has, which tasks were done, which accounts are still to move).
//! What a hold needs is `hold`'s. Never reads anything: it looks at the run's own entries.

use super::operation;
use super::session;
use super::state::{Run, Status};
use crate::base::{StepId, Time};
use crate::catalogue::{self, action::Hazard};
use crate::engine::next::{Next, Stop, StopKind};
use crate::engine::port::SessionWanted;
use crate::plan::model::{Body, Step};
use serde_json::Value;

/// Facts by which a root user can be recovered.
const RECOVERY: [&str; 2] = ["mailbox", "root_mfa"];
/// Actions that an account must still be open for.
const MOVES: [&str; 5] = [
    "organizations:InviteAccountToOrganization",
    "organizations:AcceptHandshake",
    "organizations:LeaveOrganization",
    "organizations:RemoveAccountFromOrganization",
    "organizations:MoveAccount",
];

/// Refuses the operation where one of its hazards is real now.
pub fn gate(run: &Run, step: &Step, id: &StepId, operation: &Value, now: Time) -> Option<Next> {
    let action = catalogue::find(operation.get("action").and_then(Value::as_str)?)?;
    let why = action.hazards.iter().find_map(|hazard| {
        // Whoever closes an account that the same run moves contradicts the run: a reason that was written before the
        // values were known does not cover that.
        let overridden = *hazard != Hazard::ClosesAccount && is_overridden(run, step, id, *hazard);
        match hazard {
            _ if overridden => None,
            Hazard::EndsIdentityCenterSession => own_session(run, step, id, now),
            Hazard::StrandsRoot if id.is_forward() => unrecovered(run, step, id),
            Hazard::ClosesAccount => still_moves(run, id, operation, now),
            _ => None,
        }
    })?;
    let why = format!("`{}`: {why}", step.title);
    Some(Next::Stop(Stop::of(StopKind::Refused, id.to_string(), why)))
}

/// The step says so; or, of a step back, the step that it takes back.
fn is_overridden(run: &Run, step: &Step, id: &StepId, hazard: Hazard) -> bool {
    let forward = run.plan.stage(&id.stage).and_then(|stage| stage.steps.iter().find(|one| one.id == id.step));
    [Some(step), forward].into_iter().flatten().any(|one| one.even_though.contains_key(hazard.name()))
}

/// The session that it is done with, or one that it comes through, is of Identity Center.
fn own_session(run: &Run, step: &Step, id: &StepId, now: Time) -> Option<String> {
    let wanted = session::wanted(run, &step.session, id, now).ok()?;
    let mut next: Option<&SessionWanted> = Some(&wanted);
    while let Some(one) = next {
        let opened = run.identities.get(&(one.id.clone(), one.account.clone()));
        if let Some(opened) = opened.filter(|opened| opened["kind"] == "identity_center") {
            return Some(format!(
                "it may end the very session that it is done with: the session `{}` is of Identity Center ({}). People \
                 were locked out of their accounts that way. Give the session other credentials (an IAM user's, or a \
                 role's that does not depend on Identity Center): --session {}=profile:NAME, and resume",
                one.id,
                opened["arn"].as_str().unwrap_or_default(),
                one.id
            ));
        }
        next = one.through.as_deref();
    }
    None
}

/// The tasks that settle the root user's recovery were left out in this run.
fn unrecovered(run: &Run, step: &Step, id: &StepId) -> Option<String> {
    let mut left_out = Vec::new();
    for stage in &run.plan.stages {
        let settles = |one: &&Step| match &one.body {
            Body::Manual(manual) => manual.settles.iter().any(|fact| RECOVERY.contains(&fact.as_str())),
            _ => false,
        };
        let here = stage.id == id.stage;
        let before = stage.steps.iter().take_while(|one| !here || one.id != step.id);
        for one in before.filter(settles) {
            let items = run.stages.get(&stage.id).map(|state| state.items.as_slice()).unwrap_or_default();
            // The task of this very item where the stage has one, any of its items' otherwise.
            let own = items.iter().any(|(item, _)| *item == id.item);
            let meant = items.iter().filter(|(item, _)| !own || *item == id.item);
            let mut tasks = meant.map(|(item, _)| StepId::new(&stage.id, item.as_deref(), &one.id));
            if tasks.any(|task| matches!(run.step(&task).status, Status::Done { .. })) {
                return None;
            }
            left_out.push(format!("{}/{}", stage.id, one.id));
        }
        if here {
            break;
        }
    }
    let tasks = match left_out.is_empty() {
        true => "no task of this run settles it".to_owned(),
        false => format!("{} was left out in this run", left_out.join(" and ")),
    };
    Some(format!(
        "the account may be left without root credentials and without a way to recover them, and {tasks}. Outside of its \
         organization nobody but AWS Support opens such an account. Let the task that settles `mailbox` or `root_mfa` be \
         done first: change the runbook with `amend`, or abandon the run"
    ))
}

/// The account that would be closed is one that a later step of this run moves.
fn still_moves(run: &Run, id: &StepId, operation: &Value, now: Time) -> Option<String> {
    let closed = operation.pointer("/with/AccountId").or_else(|| operation.get("account"))?.as_str()?;
    for stage in &run.plan.stages {
        let moves = |step: &&Step| MOVES.iter().any(|name| step.template["action"] == *name);
        for step in stage.steps.iter().filter(moves) {
            let state = run.stages.get(&stage.id);
            let known: Vec<Option<String>> = match (state, &stage.items) {
                (Some(state), _) if state.skipped => continue,
                (Some(state), _) if state.entered => state.items.iter().map(|(item, _)| item.clone()).collect(),
                (_, Some(items)) => items.iter().map(|item| Some(item.key.clone())).collect(),
                _ => vec![None],
            };
            for item in known {
                let other = StepId::new(&stage.id, item.as_deref(), &step.id);
                let over = matches!(run.step(&other).status, Status::Done { .. } | Status::Skipped | Status::Undone);
                if over || other == *id || account_of(run, step, &other, now).as_deref() != Some(closed) {
                    continue;
                }
                return Some(format!(
                    "it closes the account {closed}, which the step {other} still has to move: a closed account moves \
                     nowhere, and stays where it is until its owner has AWS reopen it. Move it first, or take it out of \
                     the values"
                ));
            }
        }
    }
    None
}

/// The account that a moving step is about, where that is known by now.
fn account_of(run: &Run, step: &Step, id: &StepId, now: Time) -> Option<String> {
    let named = operation::resolve(run, id, now).ok().and_then(|operation| {
        let with = operation.get("with")?;
        let id = with.get("AccountId").or_else(|| with.pointer("/Target/Id"))?;
        id.as_str().map(str::to_owned)
    });
    named.or_else(|| session::wanted(run, &step.session, id, now).ok().map(|wanted| wanted.account))
}
