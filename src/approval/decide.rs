//! The state of a request: granted, missing, denied or expired. Counts people, never signatures.

use super::admit::{admissible, barred};
use super::slots::{self, Voter};
use super::{Case, Decision, Given, Lack, glass, roles_of};
use crate::base::{StepId, Time};
use crate::plan::model::Approval;
use crate::record::statement::{Body, Decides};
use std::collections::BTreeSet;

/// What the statements of `case` amount to at `case.now`.
///
/// Statements that break a rule of the door do not count; they never make it fail.
pub fn decide(case: &Case) -> Decision {
    judge(case, None)
}

/// May this step of the request begin: as [`decide`], but break-glass may stand in place of what is missing.
pub fn may_begin(case: &Case, step: &StepId) -> Decision {
    judge(case, Some(step))
}

fn judge(case: &Case, step: Option<&StepId>) -> Decision {
    let counted: Vec<(&Given, Decides)> =
        case.statements.iter().filter_map(|given| admissible(case, given).ok().map(|what| (given, what))).collect();
    if let Some((denial, _)) = counted.iter().find(|(_, what)| *what == Decides::Deny) {
        let tail = &denial.statement.tail;
        return Decision::Denied { person: tail.person.clone(), reason: tail.reason.clone() };
    }
    let standing = standing_approvals(&counted);
    let voters: Vec<Voter> = standing.iter().map(|given| voter(case, given)).collect();
    let filled = slots::fill(&case.demands, &voters);
    if filled.complete {
        return granted(case, standing.iter().zip(&filled.used).filter(|(_, used)| **used).map(|(given, _)| *given));
    }
    if let Some(waived) = step.and_then(|step| glass::waived(case, step)) {
        return waived;
    }
    if case.now > case.asked.approve_by {
        return Decision::Expired { at: case.asked.approve_by };
    }
    Decision::Missing(lacks(case, &voters, &filled.have))
}

/// Approvals that their signers have not revoked, in the order of their entries.
fn standing_approvals<'a>(counted: &[(&'a Given<'a>, Decides)]) -> Vec<&'a Given<'a>> {
    let revoked: BTreeSet<&str> = counted
        .iter()
        .filter(|(_, what)| *what == Decides::Revoke)
        .map(|(given, _)| given.statement.tail.person.as_str())
        .collect();
    let mut standing: Vec<&Given> = counted
        .iter()
        .filter(|(given, what)| *what == Decides::Approve && !revoked.contains(given.statement.tail.person.as_str()))
        .map(|(given, _)| *given)
        .collect();
    standing.sort_by_key(|given| given.seq);
    standing
}

fn voter(case: &Case, given: &Given) -> Voter {
    let tail = &given.statement.tail;
    Voter { party: tail.party.clone(), fits: fits(&case.demands, &tail.role) }
}

fn fits(demands: &[Approval], role: &str) -> Vec<bool> {
    demands.iter().map(|demand| roles_of(demand).any(|asked| asked == role)).collect()
}

/// Granted until the earlier of run-by and the last signature plus the smallest `run_within`.
fn granted<'a>(case: &Case, used: impl Iterator<Item = &'a Given<'a>>) -> Decision {
    let mut last: Option<Time> = None;
    let mut consumes = Vec::new();
    for given in used {
        consumes.push(given.seq);
        last = last.max(Some(given.statement.tail.signed_at));
    }
    let run_by = run_by(case, last);
    if case.now > run_by { Decision::Expired { at: run_by } } else { Decision::Granted { consumes, run_by } }
}

/// The earlier of run-by and the last signature plus the smallest `run_within`.
pub(super) fn run_by(case: &Case, last: Option<Time>) -> Time {
    let shortest = case.demands.iter().map(|demand| demand.run_within).min();
    match (last, shortest) {
        (Some(last), Some(shortest)) => case.asked.run_by.min(last.plus(shortest)),
        _ => case.asked.run_by,
    }
}

/// Per demand that is not met: how many it has, and whose approval would bring it on.
fn lacks(case: &Case, voters: &[Voter], have: &[u32]) -> Vec<Lack> {
    let mut lacks = Vec::new();
    for (demand, have) in case.demands.iter().zip(have) {
        if *have < demand.count {
            let people = may_still_approve(case, voters, demand);
            lacks.push(Lack { role: demand.role.clone(), needed: demand.count, have: *have, people });
        }
    }
    lacks
}

fn may_still_approve(case: &Case, voters: &[Voter], demand: &Approval) -> Vec<String> {
    let filled = slots::fill(&case.demands, voters).used.iter().filter(|used| **used).count();
    let mut people = Vec::new();
    for person in case.people.people.values() {
        let Some(role) = roles_of(demand).find(|role| person.roles.iter().any(|held| held == role)) else { continue };
        if has_decided(case, &person.id) || barred(case, person).is_err() {
            continue;
        }
        let mut more = voters.to_vec();
        more.push(Voter { party: person.party.clone(), fits: fits(&case.demands, role) });
        if slots::fill(&case.demands, &more).used.iter().filter(|used| **used).count() > filled {
            people.push(person.id.clone());
        }
    }
    people
}

fn has_decided(case: &Case, person: &str) -> bool {
    case.statements
        .iter()
        .any(|given| matches!(given.statement.body, Body::Approval(..)) && given.statement.tail.person == person)
}
