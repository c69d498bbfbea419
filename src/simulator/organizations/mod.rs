//! AWS Organizations: every operation of the simulator, by name, and what they share.
//! Gates (preconditions) have names, because AWS documents no order among them.

mod accounts;
mod delegation;
mod handshakes;
mod input;
mod membership;
mod organization;
mod policies;
mod tags;
mod transfers;
mod tree;

pub(super) use accounts::{closure_due, finish_closures, finish_creations};
pub(super) use handshakes::overdue;
pub(super) use transfers::{finish_transfers, transfer_due};

use super::state::{Account, Organization, State};
use super::wire::{AwsError, epoch};
use super::{Call, Operation};
use serde_json::{Value, json};

type Done = Result<Value, AwsError>;

/// The operation of that name.
pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "InviteAccountToOrganization" => write(handshakes::invite),
        "AcceptHandshake" => write(handshakes::accept),
        "CancelHandshake" => write(handshakes::cancel),
        "DeclineHandshake" => write(handshakes::decline),
        "DescribeHandshake" => read(handshakes::describe),
        "ListHandshakesForOrganization" => read(handshakes::list_for_organization),
        "ListHandshakesForAccount" => read(handshakes::list_for_account),
        "LeaveOrganization" => write(membership::leave),
        "RemoveAccountFromOrganization" => write(membership::remove),
        "MoveAccount" => write(membership::move_account),
        "CreateOrganization" => write(organization::create),
        "DeleteOrganization" => write(organization::delete),
        "DescribeOrganization" => read(organization::describe),
        "CreateAccount" => write(accounts::create),
        "DescribeCreateAccountStatus" => read(accounts::describe_creation),
        "ListCreateAccountStatus" => read(accounts::list_creations),
        "DescribeAccount" => read(accounts::describe),
        "ListAccounts" => read(accounts::list),
        "ListAccountsForParent" => read(accounts::list_for_parent),
        "ListParents" => read(tree::list_parents),
        "ListChildren" => read(tree::list_children),
        "ListRoots" => read(tree::list_roots),
        "CreateOrganizationalUnit" => write(tree::create),
        "DeleteOrganizationalUnit" => write(tree::delete),
        "DescribeOrganizationalUnit" => read(tree::describe),
        "ListOrganizationalUnitsForParent" => read(tree::list),
        "TagResource" => write(tags::tag),
        "UntagResource" => write(tags::untag),
        "ListTagsForResource" => read(tags::list),
        "RegisterDelegatedAdministrator" => write(delegation::register),
        "DeregisterDelegatedAdministrator" => write(delegation::deregister),
        "ListDelegatedAdministrators" => read(delegation::list_administrators),
        "ListDelegatedServicesForAccount" => read(delegation::list_services),
        "EnableAWSServiceAccess" => write(delegation::enable_access),
        "DisableAWSServiceAccess" => write(delegation::disable_access),
        "ListAWSServiceAccessForOrganization" => read(delegation::list_access),
        "ListPoliciesForTarget" => read(tree::list_policies),
        "UpdateOrganizationalUnit" => write(tree::update),
        "CloseAccount" => write(accounts::close),
        "EnableAllFeatures" => write(organization::enable_all_features),
        "EnablePolicyType" => write(policies::enable_type),
        "DisablePolicyType" => write(policies::disable_type),
        "CreatePolicy" => write(policies::create),
        "UpdatePolicy" => write(policies::update),
        "DeletePolicy" => write(policies::delete),
        "DescribePolicy" => read(policies::describe),
        "ListPolicies" => read(policies::list),
        "ListTargetsForPolicy" => read(policies::list_targets),
        "AttachPolicy" => write(policies::attach),
        "DetachPolicy" => write(policies::detach),
        "DescribeEffectivePolicy" => read(policies::effective),
        "InviteOrganizationToTransferResponsibility" => write(transfers::invite),
        "TerminateResponsibilityTransfer" => write(transfers::terminate),
        "UpdateResponsibilityTransfer" => write(transfers::update),
        "DescribeResponsibilityTransfer" => read(transfers::describe),
        "ListInboundResponsibilityTransfers" => read(transfers::inbound),
        "ListOutboundResponsibilityTransfers" => read(transfers::outbound),
        _ => return None,
    })
}

/// Names of an operation's gates in the default order: what `[settings.precedence]` re-orders.
pub(super) fn gates(operation: &str) -> &'static [&'static str] {
    match operation {
        "InviteAccountToOrganization" => &[
            "email_not_verified",
            "initialising",
            "member_already",
            "seller",
            "enabling_all_features",
            "duplicate",
            "payment",
            "account_quota",
            "daily_quota",
        ],
        "AcceptHandshake" => &[
            "state",
            "management_account",
            "member_already",
            "service_control_policy",
            "delegated_administrator",
            "created_account_wait",
            "membership_changes",
            "new_organization_wait",
            "payment",
            "seller",
            "account_quota",
            "service_linked_role",
        ],
        "LeaveOrganization" | "RemoveAccountFromOrganization" => &[
            "management_account",
            "closed",
            "delegated_administrator",
            "created_account_wait",
            "payment",
            "agreement",
            "phone",
            "support_plan",
            "membership_changes",
        ],
        "MoveAccount" => &[
            "different_roots",
            "source_exists",
            "destination_exists",
            "account_exists",
            "already_there",
            "source_holds_it",
        ],
        "CreateOrganization" => {
            &["already_in_one", "creation_not_complete", "payment", "contact", "service_linked_role"]
        }
        "DeleteOrganization" => &["not_empty", "responsibility_transfer"],
        "CreateAccount" => &["initialising", "account_quota", "in_progress"],
        "CloseAccount" => &["management_account", "already_closed", "at_once", "quota"],
        _ => &[],
    }
}

/// One precondition: its name and, where it fails, the error.
pub(super) type Gate = (&'static str, Option<AwsError>);

/// The error of the first gate that fails, in the order of the world's settings.
pub(super) fn pass(call: &Call<'_>, operation: &str, gates: Vec<Gate>) -> Result<(), AwsError> {
    #[cfg(test)]
    for (name, _) in &gates {
        assert!(self::gates(operation).contains(name), "{operation} does not list its gate {name}");
    }
    let order = call.settings.precedence.get(operation).map(Vec::as_slice).unwrap_or_default();
    let rank = |name: &str| order.iter().position(|one| one == name).unwrap_or(order.len());
    let mut failed: Vec<Gate> = gates.into_iter().filter(|(_, error)| error.is_some()).collect();
    failed.sort_by_key(|(name, _)| rank(name)); // stable: unnamed gates keep their order
    match failed.into_iter().next().and_then(|(_, error)| error) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// `error` where `fails`.
pub(super) fn gate(name: &'static str, fails: bool, error: impl FnOnce() -> AwsError) -> Gate {
    (name, fails.then(error))
}

pub(super) fn not_in_use() -> AwsError {
    AwsError::json("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

pub(super) fn access_denied() -> AwsError {
    AwsError::json("AccessDeniedException", "You don't have permissions to access this resource.")
}

pub(super) fn constraint(reason: &'static str, message: &str) -> AwsError {
    AwsError::reason("ConstraintViolationException", reason, message)
}

pub(super) fn handshake_constraint(reason: &'static str, message: &str) -> AwsError {
    AwsError::reason("HandshakeConstraintViolationException", reason, message)
}

pub(super) fn account_not_found() -> AwsError {
    AwsError::json("AccountNotFoundException", "You specified an account that doesn't exist in this organization.")
}

impl Call<'_> {
    /// The caller's organization.
    pub(super) fn organization(&self) -> Result<&Organization, AwsError> {
        self.state.organization_of(&self.caller.account).ok_or_else(not_in_use)
    }

    /// The organization that the caller manages.
    pub(super) fn managed(&self) -> Result<&Organization, AwsError> {
        let organization = self.organization()?;
        if organization.management == self.caller.account { Ok(organization) } else { Err(access_denied()) }
    }

    /// The organization that the caller manages, or is a delegated administrator of: for reads.
    pub(super) fn overseen(&self) -> Result<&Organization, AwsError> {
        let organization = self.organization()?;
        let account = &self.caller.account;
        if organization.management == *account || organization.delegated.contains_key(account) {
            Ok(organization)
        } else {
            Err(access_denied())
        }
    }

    /// The organization of that id, to be changed.
    pub(super) fn organization_mut(&mut self, id: &str) -> Result<&mut Organization, AwsError> {
        self.change().organizations.get_mut(id).ok_or_else(not_in_use)
    }

    /// Accounts of the organization and invitations under way, as AWS counts its quota.
    pub(super) fn seats_taken(&self, organization: &str) -> usize {
        let creating =
            self.state.creations.values().filter(|one| one.organization == organization && one.result.is_none());
        self.state.members(organization).count() + self.state.pending_invites(organization).count() + creating.count()
    }

    /// The answer of a list: one page of `items` under `name`, and `NextToken` if there are more.
    pub(super) fn page(&self, name: &str, items: Vec<Value>) -> Done {
        self.page_shown(name, items, Value::clone)
    }

    /// The same; only what stands on the page is shown: a list of a thousand has fifty.
    pub(super) fn page_shown<T>(&self, name: &str, items: Vec<T>, show: impl Fn(&T) -> Value) -> Done {
        let size = match self.input.get("MaxResults") {
            None | Some(Value::Null) => self.settings.page_size,
            Some(value) => match value.as_u64() {
                Some(0) => return Err(input::invalid("MIN_VALUE_EXCEEDED", "MaxResults")),
                Some(count @ 1..=20) => (count as usize).min(self.settings.page_size),
                Some(_) => return Err(input::invalid("MAX_VALUE_EXCEEDED", "MaxResults")),
                None => return Err(input::malformed("MaxResults")),
            },
        };
        self.page_of(name, items, size, show)
    }

    /// The same, with so many per page.
    pub(super) fn page_of<T>(&self, name: &str, items: Vec<T>, size: usize, show: impl Fn(&T) -> Value) -> Done {
        let from = match self.input.get("NextToken") {
            None | Some(Value::Null) => 0,
            Some(value) => value
                .as_str()
                .and_then(|text| text.strip_prefix("page-"))
                .and_then(|text| text.parse::<usize>().ok())
                .filter(|from| *from <= items.len())
                .ok_or_else(|| input::invalid("INVALID_NEXT_TOKEN", "NextToken"))?,
        };
        let to = from.saturating_add(size).min(items.len());
        let mut answer = json!({ name: items[from..to].iter().map(show).collect::<Vec<Value>>() });
        if to < items.len() {
            answer["NextToken"] = json!(format!("page-{to}"));
        }
        Ok(answer)
    }
}

/// An account as Organizations shows it.
pub(super) fn show_account(organization: &Organization, account: &Account) -> Value {
    let mut shown = json!({
        "Id": account.id, "Arn": organization.arn("account", &account.id), "Email": account.email,
        "Name": account.name, "State": account.state,
    });
    if let Some(member) = &account.member {
        shown["Paths"] = json!([format!("{}{}/", organization.path(&member.parent), account.id)]);
        shown["JoinedMethod"] = json!(member.method.name());
        shown["JoinedTimestamp"] = epoch(member.joined);
    }
    shown
}

/// The member account of that id.
pub(super) fn member<'a>(state: &'a State, organization: &str, id: &str) -> Result<&'a Account, AwsError> {
    state
        .accounts
        .get(id)
        .filter(|account| account.member.as_ref().is_some_and(|member| member.organization == organization))
        .ok_or_else(account_not_found)
}
