//! Rows that other services answer: stack sets whose resources go, shares that end, assignments that end. Their reads are
//! made per region.

use super::outcome::{Severity, Stops};
use super::reads;
use super::rows::{About, Hit, Row, items, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub static ROWS: &[&Row] = &[&STACKS_DELETED, &STACKS_STAY, &SHARES_END, &SHARED_ENDS, &ASSIGNMENTS_END];

/// How many shares or stacks of one account are named.
const NAMED: usize = 8;

static STACKS_DELETED: Row = Row {
    id: "stack_set_deletes_resources",
    title: "loses what stack sets made in it",
    severity: Severity::Blocks,
    read: &reads::STACK_INSTANCES,
    stops: Stops::BOTH,
    why: "A stack set that its organization deploys deletes its stacks, with their resources, in accounts that leave, \
          unless it retains them (RetainStacksOnAccountRemoval). Roles, networks, keys and data may be among them.",
    todo: "Let the stack set retain its stacks before the day (aws cloudformation update-stack-set \
           --stack-set-name NAME --use-previous-template --auto-deployment \
           Enabled=true,RetainStacksOnAccountRemoval=true), or take the account's stacks out of it with their resources \
           kept; then look again.",
    find: |about, answer| stacks(about, answer, true),
};

static STACKS_STAY: Row = Row {
    id: "stacks_stay_behind",
    title: "keeps stacks that their stack set will no longer manage",
    severity: Severity::ToKnow,
    read: &reads::STACK_INSTANCES,
    stops: Stops::NOTHING,
    why: "The stacks stay in the account; nobody updates them any more, and a stack set of the new organization may make \
          the same things a second time.",
    todo: "For each, decide who manages it in the new organization: import it there, or delete it.",
    find: |about, answer| stacks(about, answer, false),
};

static SHARES_END: Row = Row {
    id: "own_shares_end",
    title: "shares resources that others may lose",
    severity: Severity::Warns,
    read: &reads::SHARES,
    stops: Stops::NOTHING,
    why: "What is shared with the organization, or with its accounts, ends when the owner leaves it, unless the share \
          retains it (retainSharingOnAccountLeaveOrganization). Subnets and gateways in use may be cut off.",
    todo: "Let the share retain it, or share with the accounts again after the move; plan who is without it meanwhile.",
    find: shares,
};

static SHARED_ENDS: Row = Row {
    id: "shared_resources_end",
    title: "uses resources that others share with it",
    severity: Severity::Warns,
    read: &reads::SHARED,
    stops: Stops::NOTHING,
    why: "What its organization, or an account of it, shares with it ends when it leaves, unless the share retains it \
          (retainSharingOnAccountLeaveOrganization).",
    todo: "Ask the owner to let the share retain it, or to share it again with the account after the move.",
    find: shares,
};

static ASSIGNMENTS_END: Row = Row {
    id: "assignments_end",
    title: "is entered through Identity Center",
    severity: Severity::ToKnow,
    read: &reads::ASSIGNMENTS,
    stops: Stops::NOTHING,
    why: "Every assignment ends when the account leaves: these people have no way in until they are given another.",
    todo: "Assign them in the Identity Center of the new organization, on the day, and know another way in until then.",
    find: |about, answer| {
        let set = about.about.split(' ').nth(3).unwrap_or_default();
        let who: Vec<String> = items(answer, "AccountAssignments")
            .map(|one| format!("{} {}", text(one, "PrincipalType"), text(one, "PrincipalId")))
            .collect();
        Hit::when(!who.is_empty(), format!("{}: {}", set.rsplit('/').next().unwrap_or(set), listed(&who)))
    },
};

/// The stacks of one stack set in accounts that move, by account.
fn stacks(about: &About<'_>, answer: &Value, deleted: bool) -> Vec<Hit> {
    let (region, name) = about.about.split_once(' ').unwrap_or_default();
    let key = (about.asked.to_owned(), region.to_owned(), name.to_owned());
    // A stack set that nobody knows is taken for the worst.
    if about.known.stack_sets.get(&key).copied().unwrap_or(true) != deleted {
        return Vec::new();
    }
    let mut by_account: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in items(answer, "Summaries").filter(|one| about.case.moves(text(one, "Account")).is_some()) {
        by_account.entry(text(one, "Account")).or_default().insert(text(one, "Region"));
    }
    let says = |regions: BTreeSet<&str>| {
        let regions: Vec<&str> = regions.into_iter().collect();
        let kept = if deleted { "does not retain them" } else { "leaves them" };
        format!("the stack set {name} (administered in {region}) has stacks in {} and {kept}", regions.join(", "))
    };
    by_account.into_iter().map(|(account, regions)| Hit::of(account, says(regions))).collect()
}

/// The shares of one region that do not outlast a departure.
fn shares(about: &About<'_>, answer: &Value) -> Vec<Hit> {
    let ends = |one: &&Value| {
        let kept = &one["resourceShareConfiguration"]["retainSharingOnAccountLeaveOrganization"];
        text(one, "status") != "DELETED" && *kept != true
    };
    let names: Vec<String> = items(answer, "resourceShares")
        .filter(ends)
        .map(|one| match text(one, "owningAccountId") == about.asked {
            true => text(one, "name").to_owned(),
            false => format!("{} of {}", text(one, "name"), text(one, "owningAccountId")),
        })
        .collect();
    let region = about.about.split(' ').nth(1).unwrap_or_default();
    Hit::when(!names.is_empty(), format!("{region}: {}", listed(&names)))
}

/// The first few, and how many more.
pub(super) fn listed(all: &[String]) -> String {
    let shown = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
