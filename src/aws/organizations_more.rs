//! Organizations, its second half: closing, policies, services of AWS, transfers of billing responsibility.

use super::call::{Wire, one, pages};
use super::fault::invalid;
use super::organizations::{build_tag, handshake, organizational_unit, policy, root};
use super::shape::{With, maybe, object, text, time};
use crate::base::Time;
use crate::engine::port::Fault;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{
    EffectivePolicy, HandshakeParty, Policy, PolicyTargetSummary, ResponsibilityTransfer, TransferParticipant,
};
use aws_smithy_types::DateTime;
use serde_json::{Value, json};

/// Performs the action, or says that it is not one of these.
pub(super) async fn perform(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    if wire.action.mutates {
        return match Box::pin(change(wire, client, with)).await {
            None => Box::pin(policies(wire, client, with)).await,
            found => found,
        };
    }
    Box::pin(read(wire, client, with)).await
}

async fn change(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (account, service, id) = (with.text("AccountId"), with.text("ServicePrincipal"), with.text("Id"));
    Some(match wire.action.name {
        "organizations:CloseAccount" => {
            one!(wire, client.close_account().set_account_id(account), |_out| json!({}))
        }
        "organizations:EnableAllFeatures" => one!(wire, client.enable_all_features(), |out| {
            object([("Handshake", maybe(out.handshake(), handshake))])
        }),
        "organizations:UpdateOrganizationalUnit" => {
            let request = client
                .update_organizational_unit()
                .set_organizational_unit_id(with.text("OrganizationalUnitId"))
                .set_name(with.text("Name"));
            one!(wire, request, |out| {
                object([("OrganizationalUnit", maybe(out.organizational_unit(), organizational_unit))])
            })
        }
        "organizations:EnableAWSServiceAccess" => {
            one!(wire, client.enable_aws_service_access().set_service_principal(service), |_out| json!({}))
        }
        "organizations:DisableAWSServiceAccess" => {
            one!(wire, client.disable_aws_service_access().set_service_principal(service), |_out| json!({}))
        }
        "organizations:RegisterDelegatedAdministrator" => {
            let request = client.register_delegated_administrator().set_account_id(account);
            one!(wire, request.set_service_principal(service), |_out| json!({}))
        }
        "organizations:DeregisterDelegatedAdministrator" => {
            let request = client.deregister_delegated_administrator().set_account_id(account);
            one!(wire, request.set_service_principal(service), |_out| json!({}))
        }
        "organizations:InviteOrganizationToTransferResponsibility" => invite(wire, client, with).await,
        "organizations:TerminateResponsibilityTransfer" => {
            let end = match instant(with, "EndTimestamp") {
                Ok(end) => end,
                Err(fault) => return Some(Err(fault)),
            };
            let request = client.terminate_responsibility_transfer().set_id(id).set_end_timestamp(end);
            one!(wire, request, |out| object([(
                "ResponsibilityTransfer",
                maybe(out.responsibility_transfer(), transfer)
            )]))
        }
        "organizations:UpdateResponsibilityTransfer" => {
            let request = client.update_responsibility_transfer().set_id(id).set_name(with.text("Name"));
            one!(wire, request, |out| object([(
                "ResponsibilityTransfer",
                maybe(out.responsibility_transfer(), transfer)
            )]))
        }
        _ => return None,
    })
}

async fn invite(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let party = with.record("Target").map(|target| {
        let builder = HandshakeParty::builder().set_id(target.text("Id")).set_type(target.choice("Type"));
        builder.build().map_err(|error| invalid(error.to_string()))
    });
    let request = client
        .invite_organization_to_transfer_responsibility()
        .set_type(with.choice("Type"))
        .set_target(party.transpose()?)
        .set_notes(with.text("Notes"))
        .set_start_timestamp(instant(with, "StartTimestamp")?)
        .set_source_name(with.text("SourceName"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("Handshake", maybe(out.handshake(), handshake))]))
}

/// An RFC 3339 time of the runbook.
fn instant(with: With<'_>, name: &str) -> Result<Option<DateTime>, Fault> {
    let Some(text) = with.text(name) else { return Ok(None) };
    let time = Time::parse(&text).ok_or_else(|| invalid(format!("{name} is not an RFC 3339 time")))?;
    Ok(Some(DateTime::from_millis(time.0)))
}

async fn policies(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (id, target) = (with.text("PolicyId"), with.text("TargetId"));
    Some(match wire.action.name {
        "organizations:EnablePolicyType" => {
            let request = client.enable_policy_type().set_root_id(with.text("RootId"));
            one!(wire, request.set_policy_type(with.choice("PolicyType")), |out| {
                object([("Root", maybe(out.root(), root))])
            })
        }
        "organizations:DisablePolicyType" => {
            let request = client.disable_policy_type().set_root_id(with.text("RootId"));
            one!(wire, request.set_policy_type(with.choice("PolicyType")), |out| {
                object([("Root", maybe(out.root(), root))])
            })
        }
        "organizations:CreatePolicy" => create_policy(wire, client, with).await,
        "organizations:UpdatePolicy" => {
            let request = client
                .update_policy()
                .set_policy_id(id)
                .set_name(with.text("Name"))
                .set_description(with.text("Description"))
                .set_content(with.document("Content"));
            one!(wire, request, |out| object([("Policy", maybe(out.policy(), whole))]))
        }
        "organizations:DeletePolicy" => one!(wire, client.delete_policy().set_policy_id(id), |_out| json!({})),
        "organizations:AttachPolicy" => {
            one!(wire, client.attach_policy().set_policy_id(id).set_target_id(target), |_out| json!({}))
        }
        "organizations:DetachPolicy" => {
            one!(wire, client.detach_policy().set_policy_id(id).set_target_id(target), |_out| json!({}))
        }
        _ => return None,
    })
}

async fn create_policy(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_policy()
        .set_name(with.text("Name"))
        .set_type(with.choice("Type"))
        .set_content(with.document("Content"))
        .set_description(with.text("Description"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("Policy", maybe(out.policy(), whole))]))
}

async fn read(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let id = with.text("PolicyId");
    Some(match wire.action.name {
        "organizations:DescribePolicy" => one!(wire, client.describe_policy().set_policy_id(id), |out| {
            object([("Policy", maybe(out.policy(), whole))])
        }),
        "organizations:ListPolicies" => {
            pages!(wire, client.list_policies().set_filter(with.choice("Filter")), |out| out.policies(), policy)
        }
        "organizations:ListTargetsForPolicy" => {
            pages!(wire, client.list_targets_for_policy().set_policy_id(id), |out| out.targets(), target_of)
        }
        "organizations:DescribeEffectivePolicy" => {
            let request = client.describe_effective_policy().set_target_id(with.text("TargetId"));
            one!(wire, request.set_policy_type(with.choice("PolicyType")), |out| {
                object([("EffectivePolicy", maybe(out.effective_policy(), effective))])
            })
        }
        "organizations:DescribeResponsibilityTransfer" => {
            let request = client.describe_responsibility_transfer().set_id(with.text("Id"));
            one!(wire, request, |out| object([(
                "ResponsibilityTransfer",
                maybe(out.responsibility_transfer(), transfer)
            )]))
        }
        "organizations:ListInboundResponsibilityTransfers" => {
            let request = client.list_inbound_responsibility_transfers().set_type(with.choice("Type"));
            pages!(wire, request.set_id(with.text("Id")), |out| out.responsibility_transfers(), transfer)
        }
        "organizations:ListOutboundResponsibilityTransfers" => {
            let request = client.list_outbound_responsibility_transfers().set_type(with.choice("Type"));
            pages!(wire, request, |out| out.responsibility_transfers(), transfer)
        }
        _ => return None,
    })
}

fn whole(it: &Policy) -> Value {
    object([("PolicySummary", maybe(it.policy_summary(), policy)), ("Content", text(it.content()))])
}

fn target_of(it: &PolicyTargetSummary) -> Value {
    object([
        ("TargetId", text(it.target_id())),
        ("Arn", text(it.arn())),
        ("Name", text(it.name())),
        ("Type", text(it.r#type())),
    ])
}

fn effective(it: &EffectivePolicy) -> Value {
    object([
        ("PolicyContent", text(it.policy_content())),
        ("LastUpdatedTimestamp", time(it.last_updated_timestamp())),
        ("TargetId", text(it.target_id())),
        ("PolicyType", text(it.policy_type())),
    ])
}

fn transfer(it: &ResponsibilityTransfer) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Name", text(it.name())),
        ("Type", text(it.r#type())),
        ("Status", text(it.status())),
        ("Source", maybe(it.source(), participant)),
        ("Target", maybe(it.target(), participant)),
        ("StartTimestamp", time(it.start_timestamp())),
        ("EndTimestamp", time(it.end_timestamp())),
        ("ActiveHandshakeId", text(it.active_handshake_id())),
    ])
}

fn participant(it: &TransferParticipant) -> Value {
    object([
        ("ManagementAccountId", text(it.management_account_id())),
        ("ManagementAccountEmail", text(it.management_account_email())),
    ])
}
