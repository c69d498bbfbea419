//! The organization itself: made, shown, deleted.

use super::super::access::decide;
use super::super::state::{Handshake, HandshakeState, JoinedMethod, Membership, Organization, State};
use super::super::wire::AwsError;
use super::super::{Call, wakeup};
use super::handshakes::no_service_linked_role;
use super::{Done, constraint, gate, not_in_use, pass};
use serde_json::{Value, json};

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let all = call.choice("FeatureSet", &["ALL", "CONSOLIDATED_BILLING"])?.is_none_or(|set| set == "ALL");
    let account = call.state.accounts.get(&call.caller.account).ok_or_else(super::access_denied)?;
    let facts = account.facts;
    let role = decide(&call.state, call.caller, "iam:CreateServiceLinkedRole", "*").is_err();
    let gates = vec![
        gate("already_in_one", account.member.is_some(), || {
            AwsError::json("AlreadyInOrganizationException", "This account is already a member of an organization.")
        }),
        gate("creation_not_complete", !facts.agreement, || {
            constraint(
                "ACCOUNT_CREATION_NOT_COMPLETE",
                "Your account setup isn't complete or your account isn't fully active.",
            )
        }),
        gate("payment", !facts.payment_method, || {
            let message = "The account has no valid payment method.";
            constraint("MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED", message)
        }),
        gate("contact", !facts.contact, || {
            let message = "The account lacks contact information.";
            constraint("MASTER_ACCOUNT_MISSING_CONTACT_INFO", message)
        }),
        gate("service_linked_role", role, no_service_linked_role),
    ];
    pass(call, "CreateOrganization", gates)?;
    let (seed, now, me) = (call.settings.seed, call.now, call.caller.account.clone());
    let ready = now.plus(call.settings.initialises_within);
    let ends = ends_sessions(call, "create_organization");
    let state = call.change();
    let mut made = wakeup::new_organization(state, &me, all, seed, now);
    made.initialising_until = Some(ready);
    if let Some(account) = state.accounts.get_mut(&me) {
        account.member = Some(Membership {
            organization: made.id.clone(),
            parent: made.root.clone(),
            method: JoinedMethod::Invited,
            joined: now,
        });
    }
    if ends {
        state.end_identity_center_sessions(&me, now);
    }
    let shown = show(state, &made);
    state.organizations.insert(made.id.clone(), made);
    Ok(json!({ "Organization": shown }))
}

fn ends_sessions(call: &Call<'_>, what: &str) -> bool {
    call.settings.identity_center_ends.iter().any(|one| one == what)
}

pub(super) fn delete(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let id = organization.id.clone();
    let others = call.state.members(&id).count() > 1;
    let creating = call.state.creations.values().any(|one| one.organization == id && one.result.is_none());
    let gates = vec![
        gate("not_empty", others || creating, || {
            let message = "The organization isn't empty. To delete an organization, you must first remove all accounts except the management account.";
            AwsError::json("OrganizationNotEmptyException", message)
        }),
        gate("responsibility_transfer", organization.responsibility_transfer, || {
            let message = "A responsibility transfer is under way.";
            constraint("ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS", message)
        }),
    ];
    pass(call, "DeleteOrganization", gates)?;
    let (me, now, ends) = (call.caller.account.clone(), call.now, ends_sessions(call, "delete_organization"));
    let state = call.change();
    state.depart(&me, now, ends);
    state.organizations.remove(&id);
    state.creations.retain(|creation| creation.organization != id);
    let open = |handshake: &Handshake| handshake.organization == id && handshake.state.pending();
    state.handshakes.change(open, |handshake| {
        handshake.state = HandshakeState::Canceled;
        handshake.ended = Some(now);
    });
    Ok(Value::Null)
}

pub(super) fn enable_all_features(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let violated = super::handshake_constraint;
    if organization.feature_set == "ALL" {
        let message = "All features are already enabled in this organization.";
        return Err(violated("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", message));
    }
    if organization.enabling_all_features {
        let message = "All features are already being enabled.";
        return Err(violated("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", message));
    }
    let id = organization.id.clone();
    let others = call.state.members(&id).count() > 1;
    let handshake = super::handshakes::ask_all_features(call)?;
    let organization = call.organization_mut(&id)?;
    // Where nobody else must agree, it takes effect when the management account itself does: at once.
    organization.enabling_all_features = others;
    if !others {
        organization.feature_set = "ALL".to_owned();
    }
    Ok(json!({ "Handshake": handshake }))
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let organization = call.state.organization_of(&call.caller.account).ok_or_else(not_in_use)?;
    Ok(json!({ "Organization": show(&call.state, organization) }))
}

fn show(state: &State, organization: &Organization) -> Value {
    let management = state.accounts.get(&organization.management);
    json!({
        "Id": organization.id,
        "Arn": organization.arn("organization", ""),
        "FeatureSet": organization.feature_set,
        "MasterAccountArn": organization.arn("account", &organization.management),
        "MasterAccountId": organization.management,
        "MasterAccountEmail": management.map_or("", |account| account.email.as_str()),
        // AWS says not to use this member; it always names SCPs.
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    })
}
