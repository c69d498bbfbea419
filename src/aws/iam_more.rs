//! IAM below users: groups, roles, ways to sign in, and changes of central root access.

use super::call::{Wire, marked_pages, one};
use super::iam::{attached_policy, boundary, build_tag, tag, user};
use super::shape::{With, document, list, maybe, object, text, time};
use crate::engine::port::Fault;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Group, LoginProfile, MfaDevice, Role, VirtualMfaDevice};
use serde_json::{Value, json};

/// Performs the action, or says that it is not one of these.
pub(super) async fn perform(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    if wire.action.mutates {
        return match Box::pin(groups(wire, client, with)).await {
            Some(found) => Some(found),
            None => match Box::pin(roles(wire, client, with)).await {
                Some(found) => Some(found),
                None => Box::pin(sign_in(wire, client, with)).await,
            },
        };
    }
    Box::pin(read(wire, client, with)).await
}

async fn groups(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (name, policy, user_name) = (with.text("GroupName"), with.text("PolicyArn"), with.text("UserName"));
    Some(match wire.action.name {
        "iam:CreateGroup" => {
            let request = client.create_group().set_group_name(name).set_path(with.text("Path"));
            one!(wire, request, |out| object([("Group", maybe(out.group(), group))]))
        }
        "iam:DeleteGroup" => one!(wire, client.delete_group().set_group_name(name), |_out| json!({})),
        "iam:AttachGroupPolicy" => {
            one!(wire, client.attach_group_policy().set_group_name(name).set_policy_arn(policy), |_out| json!({}))
        }
        "iam:DetachGroupPolicy" => {
            one!(wire, client.detach_group_policy().set_group_name(name).set_policy_arn(policy), |_out| json!({}))
        }
        "iam:AddUserToGroup" => {
            one!(wire, client.add_user_to_group().set_group_name(name).set_user_name(user_name), |_out| json!({}))
        }
        "iam:RemoveUserFromGroup" => {
            let request = client.remove_user_from_group().set_group_name(name).set_user_name(user_name);
            one!(wire, request, |_out| json!({}))
        }
        _ => return None,
    })
}

async fn roles(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (name, arn) = (with.text("RoleName"), with.text("PolicyArn"));
    let (policy, content) = (with.text("PolicyName"), with.document("PolicyDocument"));
    Some(match wire.action.name {
        "iam:CreateRole" => create_role(wire, client, with).await,
        "iam:DeleteRole" => one!(wire, client.delete_role().set_role_name(name), |_out| json!({})),
        "iam:UpdateAssumeRolePolicy" => {
            let request = client.update_assume_role_policy().set_role_name(name).set_policy_document(content);
            one!(wire, request, |_out| json!({}))
        }
        "iam:PutRolePolicy" => {
            let request = client.put_role_policy().set_role_name(name).set_policy_name(policy);
            one!(wire, request.set_policy_document(content), |_out| json!({}))
        }
        "iam:DeleteRolePolicy" => {
            one!(wire, client.delete_role_policy().set_role_name(name).set_policy_name(policy), |_out| json!({}))
        }
        "iam:AttachRolePolicy" => {
            one!(wire, client.attach_role_policy().set_role_name(name).set_policy_arn(arn), |_out| json!({}))
        }
        "iam:DetachRolePolicy" => {
            one!(wire, client.detach_role_policy().set_role_name(name).set_policy_arn(arn), |_out| json!({}))
        }
        _ => return None,
    })
}

async fn create_role(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_role()
        .set_role_name(with.text("RoleName"))
        .set_assume_role_policy_document(with.document("AssumeRolePolicyDocument"))
        .set_path(with.text("Path"))
        .set_description(with.text("Description"))
        .set_max_session_duration(with.integer("MaxSessionDuration"))
        .set_permissions_boundary(with.text("PermissionsBoundary"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("Role", maybe(out.role(), role))]))
}

async fn sign_in(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (name, serial, alias) = (with.text("UserName"), with.text("SerialNumber"), with.text("AccountAlias"));
    Some(match wire.action.name {
        "iam:CreateLoginProfile" => {
            let request = client
                .create_login_profile()
                .set_user_name(name)
                .set_password(with.text("Password"))
                .set_password_reset_required(with.flag("PasswordResetRequired"));
            one!(wire, request, |out| object([("LoginProfile", maybe(out.login_profile(), login))]))
        }
        "iam:DeleteLoginProfile" => one!(wire, client.delete_login_profile().set_user_name(name), |_out| json!({})),
        "iam:CreateVirtualMFADevice" => create_device(wire, client, with).await,
        "iam:DeleteVirtualMFADevice" => {
            one!(wire, client.delete_virtual_mfa_device().set_serial_number(serial), |_out| json!({}))
        }
        "iam:EnableMFADevice" => {
            let request = client
                .enable_mfa_device()
                .set_user_name(name)
                .set_serial_number(serial)
                .set_authentication_code1(with.text("AuthenticationCode1"))
                .set_authentication_code2(with.text("AuthenticationCode2"));
            one!(wire, request, |_out| json!({}))
        }
        "iam:DeactivateMFADevice" => {
            one!(wire, client.deactivate_mfa_device().set_user_name(name).set_serial_number(serial), |_out| json!({}))
        }
        "iam:CreateAccountAlias" => {
            one!(wire, client.create_account_alias().set_account_alias(alias), |_out| json!({}))
        }
        "iam:DeleteAccountAlias" => {
            one!(wire, client.delete_account_alias().set_account_alias(alias), |_out| json!({}))
        }
        _ => return None,
    })
}

/// With the secrets: the caller takes them out before the answer goes anywhere.
async fn create_device(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Result<Value, Fault> {
    let request = client
        .create_virtual_mfa_device()
        .set_virtual_mfa_device_name(with.text("VirtualMFADeviceName"))
        .set_path(with.text("Path"))
        .set_tags(with.records("Tags", build_tag)?);
    one!(wire, request, |out| object([("VirtualMFADevice", maybe(out.virtual_mfa_device(), new_device))]))
}

async fn read(wire: &Wire<'_>, client: &Client, with: With<'_>) -> Option<Result<Value, Fault>> {
    let (group_name, role_name) = (with.text("GroupName"), with.text("RoleName"));
    let (user_name, below) = (with.text("UserName"), with.text("PathPrefix"));
    Some(match wire.action.name {
        "iam:GetGroup" => one!(wire, client.get_group().set_group_name(group_name).set_max_items(Some(1000)), |out| {
            object([("Group", maybe(out.group(), group)), ("Users", list(out.users(), user))])
        }),
        "iam:ListAttachedGroupPolicies" => {
            let request = client.list_attached_group_policies().set_group_name(group_name).set_path_prefix(below);
            marked_pages!(wire, request, |out| out.attached_policies(), attached_policy)
        }
        "iam:ListGroupsForUser" => {
            marked_pages!(wire, client.list_groups_for_user().set_user_name(user_name), |out| out.groups(), group)
        }
        "iam:GetRole" => one!(wire, client.get_role().set_role_name(role_name), |out| {
            object([("Role", maybe(out.role(), role))])
        }),
        "iam:GetRolePolicy" => {
            let request = client.get_role_policy().set_role_name(role_name).set_policy_name(with.text("PolicyName"));
            one!(wire, request, |out| object([
                ("RoleName", text(Some(out.role_name()))),
                ("PolicyName", text(Some(out.policy_name()))),
                ("PolicyDocument", document(Some(out.policy_document()))),
            ]))
        }
        "iam:ListRolePolicies" => {
            let request = client.list_role_policies().set_role_name(role_name);
            marked_pages!(wire, request, |out| out.policy_names(), |name| text(Some(name)))
        }
        "iam:ListAttachedRolePolicies" => {
            let request = client.list_attached_role_policies().set_role_name(role_name).set_path_prefix(below);
            marked_pages!(wire, request, |out| out.attached_policies(), attached_policy)
        }
        "iam:GetLoginProfile" => one!(wire, client.get_login_profile().set_user_name(user_name), |out| {
            object([("LoginProfile", maybe(out.login_profile(), login))])
        }),
        "iam:ListMFADevices" => {
            marked_pages!(wire, client.list_mfa_devices().set_user_name(user_name), |out| out.mfa_devices(), device)
        }
        "iam:ListVirtualMFADevices" => {
            let request = client.list_virtual_mfa_devices().set_assignment_status(with.choice("AssignmentStatus"));
            marked_pages!(wire, request, |out| out.virtual_mfa_devices(), virtual_device)
        }
        "iam:ListAccountAliases" => {
            marked_pages!(wire, client.list_account_aliases(), |out| out.account_aliases(), |name| text(Some(name)))
        }
        _ => return None,
    })
}

fn group(it: &Group) -> Value {
    object([
        ("Path", text(Some(it.path()))),
        ("GroupName", text(Some(it.group_name()))),
        ("GroupId", text(Some(it.group_id()))),
        ("Arn", text(Some(it.arn()))),
        ("CreateDate", time(Some(it.create_date()))),
    ])
}

fn role(it: &Role) -> Value {
    object([
        ("Path", text(Some(it.path()))),
        ("RoleName", text(Some(it.role_name()))),
        ("RoleId", text(Some(it.role_id()))),
        ("Arn", text(Some(it.arn()))),
        ("CreateDate", time(Some(it.create_date()))),
        ("AssumeRolePolicyDocument", document(it.assume_role_policy_document())),
        ("Description", text(it.description())),
        ("MaxSessionDuration", it.max_session_duration().map_or(Value::Null, Value::from)),
        ("PermissionsBoundary", maybe(it.permissions_boundary(), boundary)),
        ("Tags", list(it.tags(), tag)),
    ])
}

fn login(it: &LoginProfile) -> Value {
    object([
        ("UserName", text(Some(it.user_name()))),
        ("CreateDate", time(Some(it.create_date()))),
        ("PasswordResetRequired", Value::Bool(it.password_reset_required())),
    ])
}

fn device(it: &MfaDevice) -> Value {
    object([
        ("UserName", text(Some(it.user_name()))),
        ("SerialNumber", text(Some(it.serial_number()))),
        ("EnableDate", time(Some(it.enable_date()))),
    ])
}

fn virtual_device(it: &VirtualMfaDevice) -> Value {
    object([
        ("SerialNumber", text(Some(it.serial_number()))),
        ("User", maybe(it.user(), user)),
        ("EnableDate", time(it.enable_date())),
    ])
}

fn new_device(it: &VirtualMfaDevice) -> Value {
    use base64::Engine as _;
    let seed = it.base32_string_seed().map(|seed| String::from_utf8_lossy(seed.as_ref()).into_owned());
    let picture = it.qr_code_png().map(|png| base64::engine::general_purpose::STANDARD.encode(png.as_ref()));
    object([
        ("SerialNumber", text(Some(it.serial_number()))),
        ("Base32StringSeed", text(seed.as_ref())),
        ("QRCodePNG", text(picture.as_ref())),
    ])
}
