//! What the plan demands for a request: who must agree before these steps may begin.

use crate::base::StepId;
use crate::plan::model::{Approval, Per, Plan, Step};
use crate::record::fact::What;

/// The demands of a request that covers `steps` (in any order; an undo step by its own name).
///
/// For a settlement: one person who may approve the step, in any of its approvers' roles; at a
/// point of no return all that approve the step. Empty: nobody has to agree.
///
/// # Errors
/// In words: no such step, steps that one request may not cover together.
pub fn demands(plan: &Plan, steps: &[StepId], what: What) -> Result<Vec<Approval>, String> {
    let first = steps.first().ok_or("the request covers no step")?;
    let model = find(plan, first)?;
    for id in steps {
        let step = find(plan, id)?;
        if step.performer != model.performer {
            return Err(format!("{first} and {id} have different performers, and so need requests of their own"));
        }
        if step.approvals != model.approvals {
            return Err(format!("{first} and {id} need different approvals, and so requests of their own"));
        }
        if steps.len() > 1 && !step.back.point_of_no_return.is_empty() {
            return Err(format!("{id} is a point of no return, which needs a request of its own"));
        }
        within_reach(first, id, &model.approvals)?;
    }
    match what {
        What::Approval => Ok(model.approvals.clone()),
        What::Settle => Ok(settlement(plan, first, model)),
    }
}

/// The roles of a demand: one, or for a settlement any of several, joined by `|`.
pub fn roles_of(demand: &Approval) -> impl Iterator<Item = &str> {
    demand.role.split('|')
}

fn find<'a>(plan: &'a Plan, id: &StepId) -> Result<&'a Step, String> {
    plan.step(id).ok_or_else(|| format!("the plan has no step {id}"))
}

/// One decision covers what the narrowest `per` allows, and an undo or a repair is never mixed with anything else.
fn within_reach(first: &StepId, id: &StepId, approvals: &[Approval]) -> Result<(), String> {
    let per = approvals.iter().map(|approval| approval.per).min().unwrap_or(Per::Stage);
    let same_stage = first.stage == id.stage;
    let same_item = same_stage && first.item == id.item;
    let same_step = same_item && first.step == id.step;
    let behind = !first.is_forward() || !id.is_forward();
    let alike = first.undo.is_some() == id.undo.is_some() && first.repair.is_some() == id.repair.is_some();
    let allowed = match per {
        _ if behind => same_step && alike,
        Per::Step => same_step,
        Per::Item => same_item,
        Per::Stage => same_stage,
    };
    if allowed { Ok(()) } else { Err(format!("one request may not cover both {first} and {id}")) }
}

fn settlement(plan: &Plan, id: &StepId, step: &Step) -> Vec<Approval> {
    // The undo of a point of no return does not exist; a step that is one counts as such in every direction.
    let no_way_back = plan.step(&id.forward()).is_some_and(|step| !step.back.point_of_no_return.is_empty());
    if no_way_back || step.approvals.is_empty() {
        return step.approvals.clone();
    }
    let mut roles: Vec<&str> = step.approvals.iter().flat_map(roles_of).collect();
    roles.sort_unstable();
    roles.dedup();
    let shortest = |pick: fn(&Approval) -> i64| step.approvals.iter().map(pick).min().unwrap_or(0);
    vec![Approval {
        role: roles.join("|"),
        count: 1,
        from_parties: 1,
        within: shortest(|approval| approval.within),
        run_within: shortest(|approval| approval.run_within),
        per: Per::Step,
    }]
}
