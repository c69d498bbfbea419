//! IAM: from an action's name and parameters to the SDK's call, and its answer as JSON.

use super::call::{Wire, marked_pages, one};
use super::shape::{With, list, maybe, object, text, time};
use super::{iam_more, iam_root};
use crate::engine::port::Fault;
use aws_sdk_iam::Client;
use aws_sdk_iam::error::BuildError;
use aws_sdk_iam::types::{AccessKey, AccessKeyMetadata, AttachedPermissionsBoundary, AttachedPolicy, Tag, User};
use serde_json::{Value, json};

/// Performs the action, or says that it is not one of this service's. Lists: all pages.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let client = Client::new(wire.sdk());
    let own = match wire.action.mutates {
        true => Box::pin(change(wire, &client, with)).await,
        false => Box::pin(read(wire, &client, with)).await,
    };
    match own {
        Some(found) => Some(found),
        None => match Box::pin(iam_more::perform(wire, &client, with)).await {
            Some(found) => Some(found),
            None => Box::pin(iam_root::perform(wire, &client, with)).await,
        },
    }
}

async fn change(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (user_name, policy_arn) = (with.text("UserName"), with.text("PolicyArn"));
    Some(match wire.action.name {
        "iam:CreateUser" => create_user(wire, client, with).await,
        "iam:DeleteUser" => one!(wire, client.delete_user().set_user_name(user_name), |_out| json!({})),
        "iam:AttachUserPolicy" => {
            let request = client.attach_user_policy().set_user_name(user_name).set_policy_arn(policy_arn);
            one!(wire, request, |_out| json!({}))
        }
        "iam:DetachUserPolicy" => {
            let request = client.detach_user_policy().set_user_name(user_name).set_policy_arn(policy_arn);
            one!(wire, request, |_out| json!({}))
        }
        "iam:CreateAccessKey" => one!(wire, client.create_access_key().set_user_name(user_name), |out| {
            object([("AccessKey", maybe(out.access_key(), access_key))])
        }),
        "iam:DeleteAccessKey" => {
            let id = with.text("AccessKeyId");
            let request = client.delete_access_key().set_user_name(user_name).set_access_key_id(id);
            one!(wire, request, |_out| json!({}))
        }
        _ => return None,
    })
}

async fn create_user(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_user()
        .set_user_name(with.text("UserName"))
        .set_path(with.text("Path"))
        .set_permissions_boundary(with.text("PermissionsBoundary"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("User", maybe(out.user(), user))]))
}

async fn read(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let user_name = with.text("UserName");
    Some(match wire.action.name {
        "iam:GetUser" => one!(wire, client.get_user().set_user_name(user_name), |out| {
            object([("User", maybe(out.user(), user))])
        }),
        "iam:ListAttachedUserPolicies" => {
            let request = client.list_attached_user_policies().set_user_name(user_name);
            let request = request.set_path_prefix(with.text("PathPrefix"));
            marked_pages!(wire, request, |out| out.attached_policies(), attached_policy)
        }
        "iam:ListAccessKeys" => {
            let request = client.list_access_keys().set_user_name(user_name);
            marked_pages!(wire, request, |out| out.access_key_metadata(), access_key_metadata)
        }
        _ => return None,
    })
}

pub(super) fn build_tag(with: With<'_>) -> Result<Tag, BuildError> {
    Tag::builder().set_key(with.text("Key")).set_value(with.text("Value")).build()
}

pub(super) fn user(it: &User) -> Value {
    object([
        ("Path", text(Some(it.path()))),
        ("UserName", text(Some(it.user_name()))),
        ("UserId", text(Some(it.user_id()))),
        ("Arn", text(Some(it.arn()))),
        ("CreateDate", time(Some(it.create_date()))),
        ("PasswordLastUsed", time(it.password_last_used())),
        ("PermissionsBoundary", maybe(it.permissions_boundary(), boundary)),
        ("Tags", list(it.tags(), tag)),
    ])
}

pub(super) fn boundary(it: &AttachedPermissionsBoundary) -> Value {
    object([
        ("PermissionsBoundaryType", text(it.permissions_boundary_type())),
        ("PermissionsBoundaryArn", text(it.permissions_boundary_arn())),
    ])
}

pub(super) fn tag(it: &Tag) -> Value {
    object([("Key", text(Some(it.key()))), ("Value", text(Some(it.value())))])
}

pub(super) fn attached_policy(it: &AttachedPolicy) -> Value {
    object([("PolicyName", text(it.policy_name())), ("PolicyArn", text(it.policy_arn()))])
}

/// With the secret: the caller takes it out before the answer goes anywhere.
fn access_key(it: &AccessKey) -> Value {
    object([
        ("UserName", text(Some(it.user_name()))),
        ("AccessKeyId", text(Some(it.access_key_id()))),
        ("Status", text(Some(it.status()))),
        ("SecretAccessKey", text(Some(it.secret_access_key()))),
        ("CreateDate", time(it.create_date())),
    ])
}

fn access_key_metadata(it: &AccessKeyMetadata) -> Value {
    object([
        ("UserName", text(it.user_name())),
        ("AccessKeyId", text(it.access_key_id())),
        ("Status", text(it.status())),
        ("CreateDate", time(it.create_date())),
    ])
}
