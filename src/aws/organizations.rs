//! Organizations: from an action's name and parameters to the SDK's call, and its answer as JSON.

use super::call::{Wire, one, pages};
use super::fault::invalid;
use super::organizations_more;
use super::shape::{With, list, maybe, object, text, time};
use crate::engine::port::Fault;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::error::BuildError;
use aws_sdk_organizations::types::{
    Account, Child, CreateAccountStatus, DelegatedAdministrator, DelegatedService, EnabledServicePrincipal, Handshake,
    HandshakeFilter, HandshakeParty, HandshakeResource, Organization, OrganizationalUnit, Parent, PolicySummary,
    PolicyTypeSummary, Root, Tag,
};
use serde_json::{Value, json};

/// Performs the action, or says that it is not one of this service's. Lists: all pages.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let client = Client::new(wire.sdk());
    let own = match wire.action.mutates {
        true => Box::pin(change(wire, &client, with)).await,
        false => match Box::pin(describe(wire, &client, with)).await {
            None => Box::pin(lists(wire, &client, with)).await,
            found => found,
        },
    };
    match own {
        None => Box::pin(organizations_more::perform(wire, &client, with)).await,
        found => found,
    }
}

async fn change(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let handshake_id = with.text("HandshakeId");
    Some(match wire.action.name {
        "organizations:InviteAccountToOrganization" => invite(wire, client, with).await,
        "organizations:AcceptHandshake" => {
            one!(wire, client.accept_handshake().set_handshake_id(handshake_id), |out| {
                object([("Handshake", maybe(out.handshake(), handshake))])
            })
        }
        "organizations:CancelHandshake" => {
            one!(wire, client.cancel_handshake().set_handshake_id(handshake_id), |out| {
                object([("Handshake", maybe(out.handshake(), handshake))])
            })
        }
        "organizations:DeclineHandshake" => {
            one!(wire, client.decline_handshake().set_handshake_id(handshake_id), |out| {
                object([("Handshake", maybe(out.handshake(), handshake))])
            })
        }
        "organizations:LeaveOrganization" => one!(wire, client.leave_organization(), |_out| json!({})),
        "organizations:RemoveAccountFromOrganization" => {
            let request = client.remove_account_from_organization().set_account_id(with.text("AccountId"));
            one!(wire, request, |_out| json!({}))
        }
        "organizations:MoveAccount" => {
            let request = client
                .move_account()
                .set_account_id(with.text("AccountId"))
                .set_source_parent_id(with.text("SourceParentId"))
                .set_destination_parent_id(with.text("DestinationParentId"));
            one!(wire, request, |_out| json!({}))
        }
        "organizations:CreateOrganization" => {
            one!(wire, client.create_organization().set_feature_set(with.choice("FeatureSet")), |out| {
                object([("Organization", maybe(out.organization(), organization))])
            })
        }
        "organizations:DeleteOrganization" => one!(wire, client.delete_organization(), |_out| json!({})),
        "organizations:CreateAccount" => create_account(wire, client, with).await,
        "organizations:CreateOrganizationalUnit" => create_organizational_unit(wire, client, with).await,
        "organizations:DeleteOrganizationalUnit" => {
            let id = with.text("OrganizationalUnitId");
            one!(wire, client.delete_organizational_unit().set_organizational_unit_id(id), |_out| json!({}))
        }
        "organizations:TagResource" => tag_resource(wire, client, with).await,
        "organizations:UntagResource" => {
            let request =
                client.untag_resource().set_resource_id(with.text("ResourceId")).set_tag_keys(with.texts("TagKeys"));
            one!(wire, request, |_out| json!({}))
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
        .invite_account_to_organization()
        .set_target(party.transpose()?)
        .set_notes(with.text("Notes"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("Handshake", maybe(out.handshake(), handshake))]))
}

async fn create_account(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_account()
        .set_email(with.text("Email"))
        .set_account_name(with.text("AccountName"))
        .set_role_name(with.text("RoleName"))
        .set_iam_user_access_to_billing(with.choice("IamUserAccessToBilling"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("CreateAccountStatus", maybe(out.create_account_status(), create_status))]))
}

async fn create_organizational_unit(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_organizational_unit()
        .set_parent_id(with.text("ParentId"))
        .set_name(with.text("Name"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("OrganizationalUnit", maybe(out.organizational_unit(), organizational_unit))]))
}

async fn tag_resource(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let tags = with.records("Tags", build_tag)?;
    one!(wire, client.tag_resource().set_resource_id(with.text("ResourceId")).set_tags(tags), |_out| json!({}))
}

async fn describe(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    Some(match wire.action.name {
        "organizations:DescribeOrganization" => one!(wire, client.describe_organization(), |out| {
            object([("Organization", maybe(out.organization(), organization))])
        }),
        "organizations:DescribeAccount" => {
            one!(wire, client.describe_account().set_account_id(with.text("AccountId")), |out| {
                object([("Account", maybe(out.account(), account))])
            })
        }
        "organizations:DescribeHandshake" => {
            one!(wire, client.describe_handshake().set_handshake_id(with.text("HandshakeId")), |out| {
                object([("Handshake", maybe(out.handshake(), handshake))])
            })
        }
        "organizations:DescribeCreateAccountStatus" => {
            let id = with.text("CreateAccountRequestId");
            one!(wire, client.describe_create_account_status().set_create_account_request_id(id), |out| {
                object([("CreateAccountStatus", maybe(out.create_account_status(), create_status))])
            })
        }
        "organizations:DescribeOrganizationalUnit" => {
            let id = with.text("OrganizationalUnitId");
            one!(wire, client.describe_organizational_unit().set_organizational_unit_id(id), |out| {
                object([("OrganizationalUnit", maybe(out.organizational_unit(), organizational_unit))])
            })
        }
        _ => return None,
    })
}

async fn lists(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (parent, account_id) = (with.text("ParentId"), with.text("AccountId"));
    Some(match wire.action.name {
        "organizations:ListHandshakesForOrganization" => {
            let request = client.list_handshakes_for_organization().set_filter(with.record("Filter").map(build_filter));
            pages!(wire, request, |out| out.handshakes(), handshake)
        }
        "organizations:ListHandshakesForAccount" => {
            let request = client.list_handshakes_for_account().set_filter(with.record("Filter").map(build_filter));
            pages!(wire, request, |out| out.handshakes(), handshake)
        }
        "organizations:ListParents" => {
            pages!(wire, client.list_parents().set_child_id(with.text("ChildId")), |out| out.parents(), parent_of)
        }
        "organizations:ListChildren" => {
            let request = client.list_children().set_parent_id(parent).set_child_type(with.choice("ChildType"));
            pages!(wire, request, |out| out.children(), child)
        }
        "organizations:ListRoots" => pages!(wire, client.list_roots(), |out| out.roots(), root),
        "organizations:ListAccounts" => pages!(wire, client.list_accounts(), |out| out.accounts(), account),
        "organizations:ListAccountsForParent" => {
            pages!(wire, client.list_accounts_for_parent().set_parent_id(parent), |out| out.accounts(), account)
        }
        "organizations:ListOrganizationalUnitsForParent" => {
            let request = client.list_organizational_units_for_parent().set_parent_id(parent);
            pages!(wire, request, |out| out.organizational_units(), organizational_unit)
        }
        "organizations:ListCreateAccountStatus" => {
            let request = client.list_create_account_status().set_states(with.choices("States"));
            pages!(wire, request, |out| out.create_account_statuses(), create_status)
        }
        "organizations:ListDelegatedAdministrators" => {
            let request = client.list_delegated_administrators().set_service_principal(with.text("ServicePrincipal"));
            pages!(wire, request, |out| out.delegated_administrators(), delegated_administrator)
        }
        "organizations:ListDelegatedServicesForAccount" => {
            let request = client.list_delegated_services_for_account().set_account_id(account_id);
            pages!(wire, request, |out| out.delegated_services(), delegated_service)
        }
        "organizations:ListTagsForResource" => {
            let request = client.list_tags_for_resource().set_resource_id(with.text("ResourceId"));
            pages!(wire, request, |out| out.tags(), tag)
        }
        "organizations:ListPoliciesForTarget" => {
            let request = client.list_policies_for_target().set_target_id(with.text("TargetId"));
            pages!(wire, request.set_filter(with.choice("Filter")), |out| out.policies(), policy)
        }
        "organizations:ListAWSServiceAccessForOrganization" => {
            let request = client.list_aws_service_access_for_organization();
            pages!(wire, request, |out| out.enabled_service_principals(), enabled_service)
        }
        _ => return None,
    })
}

pub(super) fn build_tag(with: With<'_>) -> Result<Tag, BuildError> {
    Tag::builder().set_key(with.text("Key")).set_value(with.text("Value")).build()
}

fn build_filter(with: With<'_>) -> HandshakeFilter {
    HandshakeFilter::builder()
        .set_action_type(with.choice("ActionType"))
        .set_parent_handshake_id(with.text("ParentHandshakeId"))
        .build()
}

pub(super) fn handshake(it: &Handshake) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Parties", list(it.parties(), party)),
        ("State", text(it.state())),
        ("RequestedTimestamp", time(it.requested_timestamp())),
        ("ExpirationTimestamp", time(it.expiration_timestamp())),
        ("Action", text(it.action())),
        ("Resources", list(it.resources(), |resource| handshake_resource(resource, 1))),
    ])
}

fn party(it: &HandshakeParty) -> Value {
    object([("Id", text(Some(it.id()))), ("Type", text(Some(it.r#type())))])
}

/// Resources hold resources; one level inside is all that AWS uses.
fn handshake_resource(it: &HandshakeResource, deeper: u8) -> Value {
    let inside = it.resources();
    let inside = match deeper.checked_sub(1) {
        Some(deeper) if !inside.is_empty() => list(inside, |resource| handshake_resource(resource, deeper)),
        _ => Value::Null,
    };
    object([("Value", text(it.value())), ("Type", text(it.r#type())), ("Resources", inside)])
}

fn account(it: &Account) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Email", text(it.email())),
        ("Name", text(it.name())),
        ("State", text(it.state())),
        ("Paths", list(it.paths(), |path| text(Some(path)))),
        ("JoinedMethod", text(it.joined_method())),
        ("JoinedTimestamp", time(it.joined_timestamp())),
    ])
}

fn organization(it: &Organization) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("FeatureSet", text(it.feature_set())),
        ("MasterAccountArn", text(it.master_account_arn())),
        ("MasterAccountId", text(it.master_account_id())),
        ("MasterAccountEmail", text(it.master_account_email())),
    ])
}

pub(super) fn root(it: &Root) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Name", text(it.name())),
        ("PolicyTypes", list(it.policy_types(), policy_type)),
    ])
}

fn policy_type(it: &PolicyTypeSummary) -> Value {
    object([("Type", text(it.r#type())), ("Status", text(it.status()))])
}

fn parent_of(it: &Parent) -> Value {
    object([("Id", text(it.id())), ("Type", text(it.r#type()))])
}

fn child(it: &Child) -> Value {
    object([("Id", text(it.id())), ("Type", text(it.r#type()))])
}

pub(super) fn organizational_unit(it: &OrganizationalUnit) -> Value {
    object([("Id", text(it.id())), ("Arn", text(it.arn())), ("Name", text(it.name())), ("Path", text(it.path()))])
}

fn create_status(it: &CreateAccountStatus) -> Value {
    object([
        ("Id", text(it.id())),
        ("AccountName", text(it.account_name())),
        ("State", text(it.state())),
        ("RequestedTimestamp", time(it.requested_timestamp())),
        ("CompletedTimestamp", time(it.completed_timestamp())),
        ("AccountId", text(it.account_id())),
        ("GovCloudAccountId", text(it.gov_cloud_account_id())),
        ("FailureReason", text(it.failure_reason())),
    ])
}

fn delegated_administrator(it: &DelegatedAdministrator) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Email", text(it.email())),
        ("Name", text(it.name())),
        ("State", text(it.state())),
        ("JoinedMethod", text(it.joined_method())),
        ("JoinedTimestamp", time(it.joined_timestamp())),
        ("DelegationEnabledDate", time(it.delegation_enabled_date())),
    ])
}

fn delegated_service(it: &DelegatedService) -> Value {
    object([
        ("ServicePrincipal", text(it.service_principal())),
        ("DelegationEnabledDate", time(it.delegation_enabled_date())),
    ])
}

fn enabled_service(it: &EnabledServicePrincipal) -> Value {
    object([("ServicePrincipal", text(it.service_principal())), ("DateEnabled", time(it.date_enabled()))])
}

fn tag(it: &Tag) -> Value {
    object([("Key", text(Some(it.key()))), ("Value", text(Some(it.value())))])
}

pub(super) fn policy(it: &PolicySummary) -> Value {
    object([
        ("Id", text(it.id())),
        ("Arn", text(it.arn())),
        ("Name", text(it.name())),
        ("Description", text(it.description())),
        ("Type", text(it.r#type())),
        ("AwsManaged", Value::Bool(it.aws_managed())),
    ])
}
