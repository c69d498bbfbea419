//! Rows that Organizations answers: what an account is, what holds it, what it loses, what awaits it.

use super::document;
use super::known::is_pending;
use super::outcome::{Severity, Stops};
use super::reads;
use super::rows::{About, Hit, Row, items, text};
use crate::base::{Time, duration};
use serde_json::Value;

const DAY: i64 = 86_400_000;
/// How old a created account must be before it leaves or moves.
const ACCOUNT_WAIT: i64 = 4 * DAY;
/// How old an organization must be before accounts are transferred into it.
const ORGANIZATION_WAIT: i64 = 7 * DAY;
/// Accounts that an organization may have when nobody asked AWS for more.
const DEFAULT_QUOTA: usize = 10;
/// What a policy must leave open for a move.
const NEEDED: &[&str] =
    &["organizations:AcceptHandshake", "organizations:LeaveOrganization", "iam:CreateServiceLinkedRole"];

pub static ROWS: &[&Row] = &[
    &MANAGEMENT,
    &STANDS_ALONE,
    &ALREADY_THERE,
    &NOT_ACTIVE,
    &TOO_YOUNG,
    &JOINED_LATELY,
    &DELEGATED,
    &SERVICES,
    &POLICY_DENIES,
    &NO_PATH,
    &POLICIES,
    &TAGS,
    &TRUSTED,
    &BILLS_IN,
    &BILLS_OUT,
    &OTHERS_LEFT,
    &YOUNG_ORGANIZATION,
    &FEATURES,
    &ENABLING,
    &INVITED_ALREADY,
    &FULL,
    &IS_FULL,
    &OTHER_INVITATIONS,
    &MAILBOX,
];

static MANAGEMENT: Row = Row {
    id: "is_management_account",
    title: "is the management account of its organization",
    severity: Severity::Blocks,
    read: &reads::ORGANIZATION,
    stops: Stops::BOTH,
    why: "A management account can't accept an invitation and can't leave: its organization must be emptied and \
          deleted first, and that can't be taken back.",
    todo: "Ask first whether it must move at all. If so, take it out of this runbook, and plan its own: move the \
           members, delete the organization with an independent way in, then accept.",
    find: |about, answer| {
        let kept = about.case.moves(about.asked).is_some_and(|moving| !moving.deletes);
        let own = answer["Organization"]["MasterAccountId"] == about.asked;
        Hit::when(kept && own, format!("manages {}", text(&answer["Organization"], "Id")))
    },
};

static STANDS_ALONE: Row = Row {
    id: "in_no_organization",
    title: "is in no organization",
    severity: Severity::ToKnow,
    read: &reads::ORGANIZATION,
    stops: Stops::NOTHING,
    why: "It has nothing to leave: it only accepts. Steps that read its old organization fail for it.",
    todo: "See that the runbook asks no old organization about it, and that it can pay (a question below).",
    find: |about, answer| {
        Hit::when(about.case.moves(about.asked).is_some() && !answer["Error"].is_null(), "AWS says that it is in none")
    },
};

static ALREADY_THERE: Row = Row {
    id: "already_there",
    title: "is in the organization that it shall join",
    severity: Severity::Warns,
    read: &reads::ORGANIZATION,
    stops: Stops::NOTHING,
    why: "There is nothing to move; an invitation to it would be refused.",
    todo: "Take it out of the values.",
    find: |about, answer| {
        let joins = about.case.moves(about.asked).map(|moving| moving.joins.as_str()).unwrap_or_default();
        let there = !joins.is_empty() && answer["Organization"]["MasterAccountId"] == joins;
        Hit::when(there, format!("in {}", text(&answer["Organization"], "Id")))
    },
};

static NOT_ACTIVE: Row = Row {
    id: "account_not_active",
    title: "is not active",
    severity: Severity::Blocks,
    read: &reads::ACCOUNT,
    stops: Stops::ALL,
    why: "Only active accounts move; one that is suspended or closed stays where it is.",
    todo: "Reinstate it (AWS Support, from the account itself, within 90 days of its closure), or leave it out.",
    find: |_, answer| {
        let state = text(&answer["Account"], "State");
        Hit::when(state != "ACTIVE", format!("its state is {}", if state.is_empty() { "not told" } else { state }))
    },
};

static TOO_YOUNG: Row = Row {
    id: "account_too_young",
    title: "was made less than four days ago",
    severity: Severity::Blocks,
    read: &reads::ACCOUNT,
    stops: Stops::BOTH,
    why: "An account that an organization created may leave or move only when it is four days old.",
    todo: "Move it after the time that is named here. Asking earlier again and again does not help.",
    find: |about, answer| {
        let account = &answer["Account"];
        let born = (account["JoinedMethod"] == "CREATED").then(|| Time::parse(text(account, "JoinedTimestamp")));
        Hit::maybe(born.flatten().and_then(|born| younger(about, "made", born, ACCOUNT_WAIT)))
    },
};

static JOINED_LATELY: Row = Row {
    id: "joined_lately",
    title: "changed its organization within the last day",
    severity: Severity::Warns,
    read: &reads::ACCOUNT,
    stops: Stops::NOTHING,
    why: "AWS limits how often an account changes organization, and publishes no figure. A way back may have to wait.",
    todo: "Wait a day if you can, and do not count on a quick way back.",
    find: |about, answer| {
        let account = &answer["Account"];
        let joined = Time::parse(text(account, "JoinedTimestamp"));
        let invited = account["JoinedMethod"] == "INVITED";
        let lately = joined.filter(|joined| invited && about.known.now.since(*joined) < DAY);
        Hit::maybe(lately.map(|joined| format!("joined at {}", joined.seconds())))
    },
};

static DELEGATED: Row = Row {
    id: "delegated_administrator",
    title: "is a delegated administrator",
    severity: Severity::Blocks,
    read: &reads::DELEGATED,
    stops: Stops::BOTH,
    why: "AWS refuses to let a delegated administrator out of its organization.",
    todo: "Make another account administrator of its services, then deregister this one. Detective and Firewall \
           Manager lose their data with it.",
    find: |about, answer| {
        let moves = items(answer, "DelegatedAdministrators").filter(|one| about.case.moves(text(one, "Id")).is_some());
        moves.map(|one| Hit::of(text(one, "Id"), format!("since {}", text(one, "DelegationEnabledDate")))).collect()
    },
};

static SERVICES: Row = Row {
    id: "administers_services",
    title: "administers services for its organization",
    severity: Severity::ToKnow,
    read: &reads::SERVICES,
    stops: Stops::NOTHING,
    why: "Each of them needs another administrator before the account is deregistered.",
    todo: "Give each service to another account.",
    find: |_, answer| {
        let all: Vec<&str> = items(answer, "DelegatedServices").map(|one| text(one, "ServicePrincipal")).collect();
        Hit::when(!all.is_empty(), all.join(", "))
    },
};

static POLICY_DENIES: Row = Row {
    id: "policy_denies_the_move",
    title: "is denied the move by a policy of its organization",
    severity: Severity::Blocks,
    read: &reads::POLICY,
    stops: Stops::BOTH,
    why: "A service control policy that denies leaving or accepting stops the account itself, whatever its own \
          permissions are. AWS's pages differ on whether a direct transfer needs LeaveOrganization: both must be open.",
    todo: "Detach the policy on the way up for the day of the move, or exempt the role that moves; write that into \
           the runbook.",
    find: policy_denies,
};

static NO_PATH: Row = Row {
    id: "place_not_told",
    title: "has policies above it that were not looked into",
    severity: Severity::Warns,
    read: &reads::PARENTS,
    stops: Stops::NOTHING,
    why: "AWS told its unit, but not the units above that.",
    todo: "Look there for policies that deny leaving or accepting.",
    find: |_, answer| {
        let unit = answer["Parents"].get(0).filter(|parent| parent["Type"] == "ORGANIZATIONAL_UNIT");
        Hit::maybe(unit.map(|parent| format!("it is in {}", text(parent, "Id"))))
    },
};

static POLICIES: Row = Row {
    id: "policies_stay_behind",
    title: "loses policies",
    severity: Severity::ToKnow,
    read: &reads::ATTACHED,
    stops: Stops::NOTHING,
    why: "Policies belong to the organization that is left; in the new one they do not apply.",
    todo: "Make those that are still wanted in the new organization, before the account arrives.",
    find: |about, answer| {
        let target = about.about.split(' ').next().unwrap_or_default();
        let own = items(answer, "Policies").filter(|one| one["AwsManaged"] != true);
        let all: Vec<String> = own.map(|one| format!("{} ({})", text(one, "Name"), text(one, "Type"))).collect();
        let place = if about.case.moves(target).is_some() { String::new() } else { format!(", attached to {target}") };
        let says = format!("{}{place}", all.join(", "));
        let accounts = if all.is_empty() { Vec::new() } else { about.known.below(target) };
        accounts.iter().map(|account| Hit::of(account, says.clone())).collect()
    },
};

static TAGS: Row = Row {
    id: "tags_are_lost",
    title: "loses its tags",
    severity: Severity::ToKnow,
    read: &reads::TAGS,
    stops: Stops::NOTHING,
    why: "Tags of an account belong to its organization and are deleted when it leaves; cost reports go by them.",
    todo: "Capture them in the anchor, and set them again in the new organization.",
    find: |_, answer| {
        let all: Vec<String> =
            items(answer, "Tags").map(|tag| format!("{}={}", text(tag, "Key"), text(tag, "Value"))).collect();
        Hit::when(!all.is_empty(), all.join(", "))
    },
};

static TRUSTED: Row = Row {
    id: "trusted_access",
    title: "has services with trusted access",
    severity: Severity::ToKnow,
    read: &reads::TRUSTED,
    stops: Stops::NOTHING,
    why: "What these services set up in the accounts (trails, rules, stack sets, backup plans) ends or stays behind.",
    todo: "For each, decide what must be there in the new organization, and turn its trusted access on there.",
    find: |_, answer| {
        let all: Vec<&str> =
            items(answer, "EnabledServicePrincipals").map(|one| text(one, "ServicePrincipal")).collect();
        Hit::when(!all.is_empty(), all.join(", "))
    },
};

const TRANSFER_WHY: &str = "An organization with a transfer of billing under way can't be deleted, and who pays for an \
                            account after its move is not settled by the move.";
const TRANSFER_TODO: &str = "Agree with the other side when it ends: a transfer ends with a month, and can't be taken \
                             back.";

static BILLS_IN: Row = Row {
    id: "takes_over_bills",
    title: "takes over the bills of another organization",
    severity: Severity::Warns,
    read: &reads::INBOUND,
    stops: Stops::EMPTYING,
    why: TRANSFER_WHY,
    todo: TRANSFER_TODO,
    find: transfers,
};

static BILLS_OUT: Row = Row {
    id: "bills_are_taken_over",
    title: "has its bills taken over by another organization",
    severity: Severity::Warns,
    read: &reads::OUTBOUND,
    stops: Stops::EMPTYING,
    why: TRANSFER_WHY,
    todo: TRANSFER_TODO,
    find: transfers,
};

static OTHERS_LEFT: Row = Row {
    id: "organization_not_emptied",
    title: "keeps accounts that do not move",
    severity: Severity::ToKnow,
    read: &reads::LEAVING_ACCOUNTS,
    stops: Stops::EMPTYING,
    why: "An organization can be deleted only when it has no members; closed ones count until their 90 days are over.",
    todo: "Nothing, unless the organization shall be deleted.",
    find: |about, answer| {
        let others = items(answer, "Accounts")
            .map(|one| text(one, "Id"))
            .filter(|id| *id != about.asked && about.case.moves(id).is_none());
        let count = others.count();
        Hit::when(count > 0, format!("{count} accounts stay"))
    },
};

static YOUNG_ORGANIZATION: Row = Row {
    id: "organization_too_young",
    title: "manages an organization less than seven days old",
    severity: Severity::Blocks,
    read: &reads::JOINING_ACCOUNT,
    stops: Stops::DIRECT,
    why: "AWS transfers accounts only into an organization that is seven days old. AWS tells no age: it is that of its \
          management account's membership.",
    todo: "Move after the time that is named here, or let the accounts leave first.",
    find: |about, answer| {
        let born = Time::parse(text(&answer["Account"], "JoinedTimestamp"));
        Hit::maybe(born.and_then(|born| younger(about, "made", born, ORGANIZATION_WAIT)))
    },
};

static FEATURES: Row = Row {
    id: "organization_without_all_features",
    title: "is in an organization for consolidated billing only",
    severity: Severity::Warns,
    read: &reads::ORGANIZATION,
    stops: Stops::NOTHING,
    why: "Such an organization has no policies, no delegated administrators and no central root access.",
    todo: "Turn all features on, or know that nothing of the kind protects the accounts there. It can't be turned off \
           again.",
    find: |about, answer| {
        let features = text(&answer["Organization"], "FeatureSet");
        let joined = about.case.joined().contains(about.asked);
        Hit::when(joined && !features.is_empty() && features != "ALL", format!("its features are {features}"))
    },
};

static ENABLING: Row = Row {
    id: "all_features_being_enabled",
    title: "is turning all features on",
    severity: Severity::Blocks,
    read: &reads::INVITATIONS,
    stops: Stops::BOTH,
    why: "While all features are being turned on, an organization invites nobody.",
    todo: "Let every account approve it, or cancel it, before the day.",
    find: |_, answer| {
        let open = items(answer, "Handshakes").find(|one| one["Action"] == "ENABLE_ALL_FEATURES" && is_pending(one));
        Hit::maybe(open.map(|one| format!("{} is open", text(one, "Id"))))
    },
};

static INVITED_ALREADY: Row = Row {
    id: "invitation_is_out",
    title: "is invited already",
    severity: Severity::Warns,
    read: &reads::INVITATIONS,
    stops: Stops::NOTHING,
    why: "A second invitation is refused, and the first one was not made by this runbook.",
    todo: "Find out who sent it; cancel it before the run, or let it run out.",
    find: |about, answer| {
        let open = items(answer, "Handshakes").filter(|one| is_pending(one) && one["Action"] == "INVITE");
        let party = |one: &Value| {
            let invited = items(one, "Parties").find(|party| about.case.moves(text(party, "Id")).is_some())?;
            let says = format!("{} until {}", text(one, "Id"), text(one, "ExpirationTimestamp"));
            Some(Hit::of(text(invited, "Id"), says))
        };
        open.filter_map(party).collect()
    },
};

static FULL: Row = Row {
    id: "organization_may_be_full",
    title: "may have no room for all accounts",
    severity: Severity::Warns,
    read: &reads::ACCOUNTS,
    stops: Stops::NOTHING,
    why: "An organization may have 10 accounts unless AWS was asked for more; closed ones and open invitations count. \
          Its own quota could not be read.",
    todo: "Look at the quota (Service Quotas, us-east-1, AWS Organizations), and ask for more in time.",
    find: |about, answer| match about.known.quotas.contains_key(about.asked) {
        true => Vec::new(),
        false => room(about, answer, DEFAULT_QUOTA),
    },
};

static IS_FULL: Row = Row {
    id: "organization_is_full",
    title: "has no room for all accounts",
    severity: Severity::Blocks,
    read: &reads::ACCOUNTS,
    stops: Stops::BOTH,
    why: "AWS refuses invitations above the organization's quota of accounts (ACCOUNT_NUMBER_LIMIT_EXCEEDED); closed \
          accounts and open invitations count. The run would stop in the middle.",
    todo: "Ask AWS for more in time (Service Quotas, us-east-1, AWS Organizations), or move fewer.",
    find: |about, answer| match about.known.quotas.get(about.asked) {
        Some(quota) => room(about, answer, *quota),
        None => Vec::new(),
    },
};

/// The organization that is joined has less room than come.
fn room(about: &About<'_>, answer: &Value, quota: usize) -> Vec<Hit> {
    let has = items(answer, "Accounts").count();
    let comes = |id: &String| about.case.moves(id).is_some_and(|one| one.joins == about.asked);
    // Whoever comes and is invited already takes one place.
    let pending = about.known.pending.get(about.asked).into_iter().flatten().filter(|id| !comes(id)).count();
    let come = about.case.moving.iter().filter(|one| one.joins == about.asked).count();
    let says = format!("{has} accounts and {pending} open invitations, and {come} come; {quota} may be there");
    Hit::when(has + pending + come > quota, says)
}

static OTHER_INVITATIONS: Row = Row {
    id: "invited_by_others",
    title: "has an invitation of another organization",
    severity: Severity::Warns,
    read: &reads::INVITED,
    stops: Stops::NOTHING,
    why: "Whoever accepts the wrong one moves the account to somebody else.",
    todo: "Find out who sent it, and decline it.",
    find: |about, answer| {
        let joins = about.case.moves(about.asked).map(|moving| moving.joins.as_str()).unwrap_or_default();
        let joined = about.known.organizations.get(joins).and_then(Option::as_ref).map(|one| one.id.as_str());
        let open = items(answer, "Handshakes").filter(|one| is_pending(one) && one["Action"] == "INVITE");
        let foreign = open.filter(|one| {
            let from =
                items(one, "Parties").find(|party| party["Type"] == "ORGANIZATION").map(|party| text(party, "Id"));
            let same = from.is_some_and(|from| joined.is_some_and(|joined| joined.ends_with(from)));
            joined.is_some() && !same
        });
        foreign.map(|one| Hit::says(format!("{} of {}", text(one, "Id"), text(one, "Arn")))).collect()
    },
};

static MAILBOX: Row = Row {
    id: "mailbox_to_confirm",
    title: "has this root address",
    severity: Severity::ToKnow,
    read: &reads::ACCOUNT,
    stops: Stops::NOTHING,
    why: "The root password is recovered through it, and AWS sends what matters there.",
    todo: "Its reader answers a mail that was sent to it (a question below).",
    find: |_, answer| Hit::maybe(answer["Account"]["Email"].as_str().map(str::to_owned)),
};

/// Not old enough, and when it will be.
fn younger(about: &About<'_>, made: &str, born: Time, wait: i64) -> Option<String> {
    let age = about.known.now.since(born);
    let old = born.plus(wait).seconds();
    (age < wait)
        .then(|| format!("{made} at {}, {} ago; old enough at {old}", born.seconds(), duration::show(age.max(0))))
}

fn transfers(about: &About<'_>, answer: &Value) -> Vec<Hit> {
    let over = ["WITHDRAWN", "DECLINED", "CANCELED", "EXPIRED"];
    let ended = |one: &Value| Time::parse(text(one, "EndTimestamp")).is_some_and(|end| end <= about.known.now);
    let open =
        items(answer, "ResponsibilityTransfers").filter(|one| !over.contains(&text(one, "Status")) && !ended(one));
    open.map(|one| Hit::says(format!("{} is {}", text(one, "Id"), text(one, "Status")))).collect()
}

/// Every account below a place where this policy is attached, if the policy denies what a move needs.
fn policy_denies(about: &About<'_>, answer: &Value) -> Vec<Hit> {
    let Some(policy) = about.known.policies.get(about.about) else { return Vec::new() };
    if policy.kind != "SERVICE_CONTROL_POLICY" {
        return Vec::new();
    }
    let words = match document::read(&answer["Policy"]["Content"]) {
        Err(why) => vec![format!("can't be read: {why}")],
        Ok(document) => document::denies(&document, NEEDED)
            .into_iter()
            .map(|(statement, action, sometimes)| {
                format!("denies {action}{} ({statement})", if sometimes { " under a condition" } else { "" })
            })
            .collect(),
    };
    let mut hits = Vec::new();
    for target in policy.targets.iter().filter(|_| !words.is_empty()) {
        let says = format!("{} at {target} {}", policy.name, words.join(", "));
        hits.extend(about.known.below(target).iter().map(|account| Hit::of(account, says.clone())));
    }
    hits
}
