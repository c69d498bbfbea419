//! Leaving an organization, being removed from it, and moving inside it.

use super::super::Call;
use super::super::wire::AwsError;
use super::handshakes::{changes_spent, delegated, management_cannot_leave, too_fresh, wait};
use super::input::{ACCOUNT, PARENT, invalid};
use super::{Account, Done, Gate, account_not_found, constraint, gate, member, pass};
use serde_json::Value;

pub(super) fn leave(call: &mut Call<'_>) -> Done {
    let organization = call.organization()?.id.clone();
    let account = call.caller.account.clone();
    pass(call, "LeaveOrganization", gates(call, member(&call.state, &organization, &account)?))?;
    depart(call, &account)
}

pub(super) fn remove(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    let account = call.need("AccountId", ACCOUNT)?;
    pass(call, "RemoveAccountFromOrganization", gates(call, member(&call.state, &organization, &account)?))?;
    depart(call, &account)
}

fn depart(call: &mut Call<'_>, account: &str) -> Done {
    let ends = call.settings.identity_center_ends.iter().any(|what| what == "leave");
    let now = call.now;
    call.change().depart(account, now, ends);
    Ok(Value::Null)
}

/// What an account needs before it can stand alone.
fn gates(call: &Call<'_>, account: &Account) -> Vec<Gate> {
    let facts = &account.facts;
    let is_delegated = call.state.organization_of(&account.id).is_some_and(|o| o.delegated.contains_key(&account.id));
    vec![
        gate("management_account", call.state.is_management(&account.id), management_cannot_leave),
        gate("closed", account.closing.is_some() || account.state == "CLOSED", || {
            // AWS names no reason of its own: a closed account stays until its 90 days are over.
            let message = "A closed account cannot leave its organization. Have it reopened first.";
            constraint("ACCOUNT_CANNOT_LEAVE_ORGANIZATION", message)
        }),
        gate("delegated_administrator", is_delegated, delegated),
        gate("created_account_wait", too_fresh(call, account), wait),
        gate("payment", !facts.payment_method, || {
            let message = "The account has no valid payment method.";
            constraint("MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED", message)
        }),
        gate("agreement", !facts.agreement, || {
            let message = "The account has not accepted the customer agreement.";
            constraint("ACCOUNT_CANNOT_LEAVE_WITHOUT_EULA", message)
        }),
        gate("phone", !facts.phone, || {
            let message = "The account's phone number is not verified.";
            constraint("ACCOUNT_CANNOT_LEAVE_WITHOUT_PHONE_VERIFICATION", message)
        }),
        gate("support_plan", !facts.support_plan || !facts.contact, || {
            // AWS names no reason for the support plan; this is its general one.
            let message = "The account lacks information that a standalone account needs.";
            constraint("ACCOUNT_CANNOT_LEAVE_ORGANIZATION", message)
        }),
        gate("membership_changes", changes_spent(call, account), || {
            AwsError::json("TooManyRequestsException", "The account has changed its organization too often.")
        }),
    ]
}

pub(super) fn move_account(call: &mut Call<'_>) -> Done {
    let id = call.managed()?.id.clone();
    let account = call.need("AccountId", ACCOUNT)?;
    let source = call.need("SourceParentId", PARENT)?;
    let destination = call.need("DestinationParentId", PARENT)?;
    let organization = call.managed()?;
    let found = member(&call.state, &id, &account).ok();
    let parent = found.and_then(|found| found.member.as_ref()).map(|member| member.parent.as_str());
    let elsewhere =
        |at: &str| !organization.has_parent(at) && call.state.organizations.values().any(|other| other.has_parent(at));
    let source_missing = || {
        AwsError::json(
            "SourceParentNotFoundException",
            "We can't find a source root or OU with the ParentId that you specified.",
        )
    };
    let gates = vec![
        gate("different_roots", elsewhere(&source) || elsewhere(&destination), || {
            invalid("MOVING_ACCOUNT_BETWEEN_DIFFERENT_ROOTS", "DestinationParentId")
        }),
        gate("source_exists", !organization.has_parent(&source), source_missing),
        gate("destination_exists", !organization.has_parent(&destination), || {
            let message =
                "We can't find the destination container (a root or OU) with the ParentId that you specified.";
            AwsError::json("DestinationParentNotFoundException", message)
        }),
        gate("account_exists", found.is_none(), account_not_found),
        gate("already_there", parent == Some(destination.as_str()), || {
            AwsError::json("DuplicateAccountException", "That account is already present in the specified destination.")
        }),
        gate("source_holds_it", parent != Some(source.as_str()), source_missing),
    ];
    pass(call, "MoveAccount", gates)?;
    if let Some(member) = call.change().accounts.get_mut(&account).and_then(|account| account.member.as_mut()) {
        member.parent = destination;
    }
    Ok(Value::Null)
}
