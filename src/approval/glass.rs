//! Break-glass: the statement of a listed person who does not perform, in place of the missing approvals of one
//! attempt of one step. Waives nothing else; a denial, the clocks and the rules about performers stay.

use super::admit::{AHEAD, barred, same, same_digest, same_head, who};
use super::decide::run_by;
use super::{Case, Decision, Given, Refusal};
use crate::base::{StepId, Time};
use crate::record::fact::What;
use crate::record::statement::{Body, Decides};
use std::collections::BTreeSet;

/// May `given` be accepted for `step` of the request of `case`, now?
///
/// # Errors
/// The first rule that it breaks.
pub fn admit(case: &Case, step: &StepId, given: &Given) -> Result<(), Refusal> {
    stands(case, step, given)?;
    let denied = |other: &&Given| match &other.statement.body {
        Body::Approval(_, fields) => other.seq < given.seq && fields.decision == Decides::Deny,
        _ => false,
    };
    if let Some(denial) = case.statements.iter().find(denied) {
        return Err(Refusal::Over { why: format!("{} denied it", denial.statement.tail.person) });
    }
    if case.now > case.asked.approve_by {
        return Err(Refusal::Over { why: format!("its approve-by {} has passed", case.asked.approve_by.seconds()) });
    }
    Ok(())
}

/// What stands in place of the missing approvals of `step`: one statement, at a point of no return one of each party.
pub(super) fn waived(case: &Case, step: &StepId) -> Option<Decision> {
    let mut parties = BTreeSet::new();
    let mut by: Vec<&Given> = Vec::new();
    for given in case.glass.iter().filter(|given| stands(case, step, given).is_ok()) {
        if parties.insert(given.statement.tail.party.as_str()) {
            by.push(given);
        }
    }
    if no_return(case, step) {
        if !case.plan.parties().is_subset(&parties) {
            return None;
        }
    } else {
        by.truncate(1);
    }
    let last: Time = by.iter().map(|given| given.statement.tail.signed_at).max()?;
    let run_by = run_by(case, Some(last));
    if case.now > run_by {
        return Some(Decision::Expired { at: run_by });
    }
    Some(Decision::Waived { by: by.iter().map(|given| given.seq).collect(), run_by })
}

fn no_return(case: &Case, step: &StepId) -> bool {
    case.plan.step(step).is_some_and(|step| !step.back.point_of_no_return.is_empty())
}

/// All rules that do not depend on when the statement arrives.
fn stands(case: &Case, step: &StepId, given: &Given) -> Result<(), Refusal> {
    let Body::BreakGlass(head, fields) = &given.statement.body else { return Err(Refusal::NotBreakGlass) };
    let tail = &given.statement.tail;
    if case.asked.what == What::Settle {
        return Err(Refusal::Settlement);
    }
    same_head(case, head, given.head)?;
    if head.size <= case.request {
        let wanted = format!("more than {}", case.request);
        return Err(Refusal::Mismatch { field: "size", found: head.size.to_string(), wanted });
    }
    // One named attempt: never a pattern over several steps.
    same("covers", &fields.covers, &step.covers())?;
    same_digest("operations", &fields.operations, &case.asked.operations)?;
    same("attempt", &fields.attempt, &case.asked.attempt)?;
    let person = who(case, given, tail)?;
    if !case.people.break_glass.contains(&person.id) {
        return Err(Refusal::NotListed { person: person.id.clone() });
    }
    barred(case, person)?;
    if tail.reason.trim().is_empty() {
        return Err(Refusal::NoReason);
    }
    let signed = || tail.signed_at.seconds();
    if tail.signed_at > case.now.plus(AHEAD) {
        return Err(Refusal::Ahead { signed: signed(), now: case.now.seconds() });
    }
    if tail.signed_at > case.asked.approve_by {
        return Err(Refusal::Late { signed: signed(), until: case.asked.approve_by.seconds() });
    }
    let earlier = case.glass.iter().filter(|other| other.seq < given.seq);
    for other in earlier {
        if other.statement == given.statement || other.statement.tail.nonce == tail.nonce {
            return Err(Refusal::Reused);
        }
    }
    Ok(())
}
