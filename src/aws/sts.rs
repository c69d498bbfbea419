//! STS: from an action's name and parameters to the SDK's call, and its answer as JSON.

use super::call::{Wire, one};
use super::shape::{With, maybe, object, text, time};
use crate::engine::port::Fault;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::BuildError;
use aws_sdk_sts::types::{AssumedRoleUser, Credentials, PolicyDescriptorType, Tag};
use serde_json::Value;

/// Performs the action, or says that it is not one of this service's.
pub(super) async fn perform(wire: &Wire<'_>, with: With<'_>) -> Option<Result<Value, Fault>> {
    let client = Client::new(wire.sdk());
    Some(match wire.action.name {
        "sts:GetCallerIdentity" => one!(wire, client.get_caller_identity(), |out| {
            object([("UserId", text(out.user_id())), ("Account", text(out.account())), ("Arn", text(out.arn()))])
        }),
        "sts:AssumeRole" => Box::pin(assume_role(wire, &client, with)).await,
        "sts:AssumeRoot" => {
            let task = with.record("TaskPolicyArn");
            let task = task.map(|task| PolicyDescriptorType::builder().set_arn(task.text("arn")).build());
            let request = client
                .assume_root()
                .set_target_principal(with.text("TargetPrincipal"))
                .set_task_policy_arn(task)
                .set_duration_seconds(with.integer("DurationSeconds"));
            one!(wire, request, |out| object([
                ("Credentials", maybe(out.credentials(), credentials)),
                ("SourceIdentity", text(out.source_identity())),
            ]))
        }
        _ => return None,
    })
}

async fn assume_role(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .assume_role()
        .set_role_arn(with.text("RoleArn"))
        .set_role_session_name(with.text("RoleSessionName"))
        .set_duration_seconds(with.integer("DurationSeconds"))
        .set_external_id(with.text("ExternalId"))
        .set_policy(with.document("Policy"))
        .set_serial_number(with.text("SerialNumber"))
        .set_token_code(with.text("TokenCode"))
        .set_source_identity(with.text("SourceIdentity"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| {
        object([
            ("Credentials", maybe(out.credentials(), credentials)),
            ("AssumedRoleUser", maybe(out.assumed_role_user(), assumed_role_user)),
            ("SourceIdentity", text(out.source_identity())),
        ])
    })
}

fn build_tag(with: With<'_>) -> Result<Tag, BuildError> {
    Tag::builder().set_key(with.text("Key")).set_value(with.text("Value")).build()
}

/// With the secrets: the caller takes them out before the answer goes anywhere.
fn credentials(it: &Credentials) -> Value {
    object([
        ("AccessKeyId", text(Some(it.access_key_id()))),
        ("SecretAccessKey", text(Some(it.secret_access_key()))),
        ("SessionToken", text(Some(it.session_token()))),
        ("Expiration", time(Some(it.expiration()))),
    ])
}

fn assumed_role_user(it: &AssumedRoleUser) -> Value {
    object([("AssumedRoleId", text(Some(it.assumed_role_id()))), ("Arn", text(Some(it.arn())))])
}
