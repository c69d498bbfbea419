//! What other services have at stake when accounts move: stack sets, resource shares, Identity Center, quotas, credits.
//! Answers the reads about them, and does the damage that a departure does. Never says whether a move may be made.

use super::state::{LOWER, Organization, scatter};
use super::wire::{AwsError, Protocol, epoch};
use super::{Call, Operation};
use crate::base::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;

type Done = Result<Value, AwsError>;

/// Region of what a world names no region for.
pub(super) const HOME: &str = "us-east-1";
/// The quota of accounts of an organization.
const ACCOUNTS: (&str, &str) = ("organizations", "L-E619E033");

/// What there is of these services, in all accounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elsewhere {
    pub stack_sets: Vec<StackSet>,
    pub shares: Vec<Share>,
    pub centers: Vec<Center>,
    pub credits: Vec<Credit>,
    /// What departures have destroyed or ended, in words, in order.
    pub damage: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StackSet {
    /// Who administers it.
    pub account: String,
    pub region: String,
    pub name: String,
    /// The organization deploys it: accounts that come get its stacks, those that go lose them.
    pub automatic: bool,
    /// What the stacks made stays in accounts that go.
    pub retain: bool,
    /// Account and region of each stack.
    pub stacks: BTreeSet<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub owner: String,
    pub region: String,
    pub name: String,
    pub retain: bool,
    /// Accounts that it is shared with.
    pub with: BTreeSet<String>,
}

/// An instance of Identity Center.
#[derive(Clone, Debug, PartialEq)]
pub struct Center {
    pub account: String,
    pub region: String,
    pub assignments: Vec<Assignment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub account: String,
    /// The permission set's name.
    pub set: String,
    /// A group of this name, or a user.
    pub group: bool,
    pub principal: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Credit {
    pub account: String,
    pub id: String,
    pub description: String,
    /// In US dollars.
    pub amount: String,
    pub start: Time,
}

impl Elsewhere {
    /// `account` has left this organization, whose members are asked by `member`.
    pub fn departed(&mut self, account: &str, organization: &Organization, member: impl Fn(&str) -> bool) {
        let mut damage = Vec::new();
        let managed = |set: &&mut StackSet| set.automatic && set.account == organization.management;
        for set in self.stack_sets.iter_mut().filter(managed) {
            let gone: Vec<_> = set.stacks.iter().filter(|(at, _)| at == account).cloned().collect();
            for stack in gone {
                set.stacks.remove(&stack);
                if !set.retain {
                    damage.push(format!(
                        "resources of the stack set {} were deleted in {} {}",
                        set.name, account, stack.1
                    ));
                }
            }
        }
        for share in self.shares.iter_mut().filter(|share| !share.retain) {
            let ends: Vec<String> = match share.owner == account {
                true => share.with.iter().filter(|with| member(with)).cloned().collect(),
                false if member(&share.owner) => share.with.iter().filter(|with| *with == account).cloned().collect(),
                false => Vec::new(),
            };
            for with in ends {
                share.with.remove(&with);
                damage.push(format!("the share {} of {} with {with} ended", share.name, share.owner));
            }
        }
        for center in self.centers.iter_mut().filter(|center| center.account == organization.management) {
            let before = center.assignments.len();
            center.assignments.retain(|one| one.account != account);
            let ended = before - center.assignments.len();
            if ended > 0 {
                damage.push(format!("{ended} assignments of Identity Center to {account} ended"));
            }
        }
        self.damage.extend(damage);
    }
}

/// The operation of that name.
pub(super) fn operation(protocol: Protocol, name: &str) -> Option<Operation> {
    let run: fn(&mut Call<'_>) -> Done = match (protocol, name) {
        (Protocol::CloudFormation, "ListStackSets") => stack_sets,
        (Protocol::CloudFormation, "ListStackInstances") => stack_instances,
        (Protocol::Ram, "GetResourceShares") => shares,
        (Protocol::Sso, "ListInstances") => centers,
        (Protocol::Sso, "ListPermissionSetsProvisionedToAccount") => permission_sets,
        (Protocol::Sso, "ListAccountAssignments") => assignments,
        (Protocol::Quotas, "GetServiceQuota") => quota,
        (Protocol::Billing, "GetCredits") => credits,
        _ => return None,
    };
    Some(Operation { writes: false, run })
}

fn given<'a>(call: &'a Call<'_>, name: &str) -> &'a str {
    call.input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text that must be there, and fit.
fn need(call: &Call<'_>, name: &str, fits: fn(&str) -> bool, wrong: fn(&str) -> AwsError) -> Result<String, AwsError> {
    let text = given(call, name);
    if fits(text) { Ok(text.to_owned()) } else { Err(wrong(&format!("{name} is required, in its own form."))) }
}

fn some(text: &str) -> bool {
    !text.is_empty()
}

fn invalid(message: &str) -> AwsError {
    AwsError::json("ValidationException", message)
}

fn validation(message: &str) -> AwsError {
    AwsError::query(400, "ValidationError", message)
}

fn parameter(message: &str) -> AwsError {
    AwsError::json("InvalidParameterException", message)
}

/// One page of a list; `wrong` says that its token is none.
fn page(call: &Call<'_>, token: &str, list: &str, items: Vec<Value>, wrong: fn(&str) -> AwsError) -> Done {
    let from = match given(call, token) {
        "" => 0,
        text => {
            let from = text.strip_prefix("page-").and_then(|from| from.parse::<usize>().ok());
            from.filter(|from| *from <= items.len())
                .ok_or_else(|| wrong("The token for the next page is not valid."))?
        }
    };
    let to = from.saturating_add(call.settings.page_size).min(items.len());
    let mut answer = json!({ list: items[from..to] });
    if to < items.len() {
        answer[token] = json!(format!("page-{to}"));
    }
    Ok(answer)
}

fn stack_set_id(set: &StackSet) -> String {
    format!("{}:{}", set.name, scatter(0, &format!("{} {}", set.account, set.name), LOWER, 12))
}

fn stack_sets(call: &mut Call<'_>) -> Done {
    // A stack set that is deleted leaves nothing behind here.
    let wanted = given(call, "Status") != "DELETED";
    let mine = |set: &&StackSet| wanted && set.account == call.caller.account && set.region == call.region;
    let shown = |set: &StackSet| {
        let mut shown = json!({
            "StackSetName": set.name, "StackSetId": stack_set_id(set), "Status": "ACTIVE",
            "PermissionModel": if set.automatic { "SERVICE_MANAGED" } else { "SELF_MANAGED" },
        });
        if set.automatic {
            shown["AutoDeployment"] = json!({"Enabled": true, "RetainStacksOnAccountRemoval": set.retain});
        }
        shown
    };
    let all = call.state.elsewhere.stack_sets.iter().filter(mine).map(shown).collect();
    page(call, "NextToken", "Summaries", all, validation)
}

fn stack_instances(call: &mut Call<'_>) -> Done {
    let name = need(call, "StackSetName", some, validation)?;
    let account = given(call, "StackInstanceAccount");
    let mut sets = call.state.elsewhere.stack_sets.iter();
    let found = sets.find(|set| {
        let mine = set.account == call.caller.account && set.region == call.region;
        mine && (set.name == name || stack_set_id(set) == name)
    });
    let none = || AwsError::query(404, "StackSetNotFoundException", format!("StackSet {name} not found"));
    let set = found.ok_or_else(none)?;
    let shown = |(at, region): &(String, String)| {
        json!({
            "StackSetId": stack_set_id(set), "Account": at, "Region": region, "Status": "CURRENT",
            "StackId": format!("arn:aws:cloudformation:{region}:{at}:stack/StackSet-{}", set.name),
        })
    };
    let all = set.stacks.iter().filter(|(at, _)| account.is_empty() || at == account).map(shown).collect();
    page(call, "NextToken", "Summaries", all, validation)
}

fn shares(call: &mut Call<'_>) -> Done {
    let own = &call.caller.account;
    let (state, status) = (&call.state.elsewhere, given(call, "resourceShareStatus"));
    let meant = |share: &&Share| match given(call, "resourceOwner") {
        "SELF" => share.owner == *own,
        _ => share.with.contains(own),
    };
    if !matches!(given(call, "resourceOwner"), "SELF" | "OTHER-ACCOUNTS") {
        return Err(parameter("resourceOwner is SELF or OTHER-ACCOUNTS."));
    }
    let shown = |share: &Share| {
        let id = scatter(0, &format!("{} {}", share.owner, share.name), LOWER, 12);
        json!({
            "resourceShareArn": format!("arn:aws:ram:{}:{}:resource-share/{id}", share.region, share.owner),
            "name": share.name, "owningAccountId": share.owner, "allowExternalPrincipals": true, "status": "ACTIVE",
            "featureSet": "STANDARD",
            "resourceShareConfiguration": {"retainSharingOnAccountLeaveOrganization": share.retain},
        })
    };
    let here = state.shares.iter().filter(|share| share.region == call.region && matches!(status, "" | "ACTIVE"));
    let all = here.filter(meant).map(shown).collect();
    let wrong = |message: &str| AwsError::json("InvalidNextTokenException", message);
    page(call, "nextToken", "resourceShares", all, wrong)
}

fn center_arn(center: &Center) -> String {
    format!("arn:aws:sso:::instance/ssoins-{}", scatter(0, &format!("center {}", center.account), LOWER, 16))
}

fn set_arn(center: &Center, set: &str) -> String {
    let id = center_arn(center).rsplit('/').next().unwrap_or_default().to_owned();
    format!("arn:aws:sso:::permissionSet/{id}/ps-{}", scatter(0, &format!("set {set}"), LOWER, 16))
}

/// The id that an identity store has for a user or group of this name.
fn principal(name: &str) -> String {
    let hex = scatter(0, &format!("principal {name}"), b"0123456789abcdef", 32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn centers(call: &mut Call<'_>) -> Done {
    let own = call.state.organization_of(&call.caller.account).map(|organization| organization.management.clone());
    let meant = |center: &&Center| {
        center.region == call.region
            && (center.account == call.caller.account || own.as_deref() == Some(center.account.as_str()))
    };
    let shown = |center: &Center| {
        json!({
            "InstanceArn": center_arn(center), "OwnerAccountId": center.account, "Status": "ACTIVE",
            "IdentityStoreId": format!("d-{}", scatter(0, &format!("store {}", center.account), b"0123456789", 10)),
        })
    };
    let all = call.state.elsewhere.centers.iter().filter(meant).map(shown).collect();
    page(call, "NextToken", "Instances", all, invalid)
}

/// The instance that is asked about, where the caller may ask about it.
fn center<'a>(call: &'a Call<'_>) -> Result<&'a Center, AwsError> {
    let arn = need(call, "InstanceArn", some, invalid)?;
    need(call, "AccountId", super::world::is_account_id, invalid)?;
    let mut all = call.state.elsewhere.centers.iter();
    let found = all.find(|center| center_arn(center) == arn && center.account == call.caller.account);
    found.ok_or_else(|| AwsError::json("ResourceNotFoundException", "There is no such instance."))
}

fn permission_sets(call: &mut Call<'_>) -> Done {
    let center = center(call)?;
    let of_account = center.assignments.iter().filter(|one| one.account == given(call, "AccountId"));
    let sets: BTreeSet<String> = of_account.map(|one| set_arn(center, &one.set)).collect();
    page(call, "NextToken", "PermissionSets", sets.into_iter().map(Value::String).collect(), invalid)
}

fn assignments(call: &mut Call<'_>) -> Done {
    let center = center(call)?;
    let set = need(call, "PermissionSetArn", some, invalid)?;
    let account = given(call, "AccountId");
    let meant = |one: &&Assignment| one.account == account && set_arn(center, &one.set) == set;
    let shown = |one: &Assignment| {
        json!({
            "AccountId": one.account, "PermissionSetArn": set, "PrincipalId": principal(&one.principal),
            "PrincipalType": if one.group { "GROUP" } else { "USER" },
        })
    };
    let all = center.assignments.iter().filter(meant).map(shown).collect();
    page(call, "NextToken", "AccountAssignments", all, invalid)
}

fn quota(call: &mut Call<'_>) -> Done {
    let wrong = |message: &str| AwsError::json("IllegalArgumentException", message);
    let (service, code) = (need(call, "ServiceCode", some, wrong)?, need(call, "QuotaCode", some, wrong)?);
    // Organizations is at home in one region, and its quotas are there.
    if (service.as_str(), code.as_str()) != ACCOUNTS || call.region != HOME {
        return Err(AwsError::json("NoSuchResourceException", "The simulator knows the quota of accounts only."));
    }
    let organization = call.state.organization_of(&call.caller.account);
    let managed = organization.filter(|organization| organization.management == call.caller.account);
    let value = managed.map_or(10, |organization| organization.account_quota);
    Ok(json!({"Quota": {
        "ServiceCode": service, "ServiceName": "AWS Organizations", "QuotaCode": code,
        "QuotaName": "Default maximum number of accounts", "Value": value as f64, "Unit": "None",
        "Adjustable": true, "GlobalQuota": true,
    }}))
}

fn credits(call: &mut Call<'_>) -> Done {
    let account = need(call, "accountId", super::world::is_account_id, invalid)?;
    if call.input.get("startDate").and_then(Value::as_f64).is_none() {
        return Err(invalid("startDate is required."));
    }
    let own = call.state.organization_of(&call.caller.account);
    let payer = own.filter(|organization| organization.management == call.caller.account);
    let same = call.state.organization_of(&account).map(|organization| organization.id.as_str());
    let seen = account == call.caller.account || payer.is_some_and(|payer| same == Some(payer.id.as_str()));
    if !seen {
        return Err(AwsError::json("AccessDeniedException", "The account's credits are not the caller's to see."));
    }
    let amount = |text: &str| json!({"currencyCode": "USD", "currencyAmount": text});
    let shown = |one: &Credit| {
        json!({
            "creditId": one.id, "accountId": one.account, "creditType": "PROMOTIONAL", "description": one.description,
            "initialAmount": amount(&one.amount), "remainingAmount": amount(&one.amount),
            "startDate": epoch(one.start), "creditStatus": "ENABLED",
        })
    };
    let all: Vec<Value> = call.state.elsewhere.credits.iter().filter(|one| one.account == account).map(shown).collect();
    Ok(json!({ "credits": all }))
}
