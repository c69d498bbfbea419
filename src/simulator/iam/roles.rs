//! Roles: who may assume them, and what their sessions may do.

use super::super::document;
use super::super::state::Role;
use super::super::wire::AwsError;
use super::super::{Call, Operation, wakeup};
use super::{AWS_POLICY, Done, attachable, in_use, invalid, limit, malformed, named, path, policy, tags, text};
use serde_json::{Value, json};

const ROLES: usize = 1_000;
const POLICIES: usize = 10;
/// Characters of all inline policies of a role together.
const INLINE: usize = 10_240;

pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "CreateRole" => write(create),
        "DeleteRole" => write(delete),
        "GetRole" => read(get),
        "UpdateAssumeRolePolicy" => write(update_trust),
        "PutRolePolicy" => write(put_policy),
        "GetRolePolicy" => read(get_policy),
        "DeleteRolePolicy" => write(delete_policy),
        "ListRolePolicies" => read(list_policies),
        "AttachRolePolicy" => write(attach),
        "DetachRolePolicy" => write(detach),
        "ListAttachedRolePolicies" => read(attached),
        _ => return None,
    })
}

fn no_role(name: &str) -> AwsError {
    AwsError::query(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

impl Call<'_> {
    fn role(&self, name: &str) -> Result<&Role, AwsError> {
        self.account()?.roles.get(name).ok_or_else(|| no_role(name))
    }

    /// The role, to be changed: not one of a service of AWS.
    fn role_mut(&mut self, name: &str) -> Result<&mut Role, AwsError> {
        if self.role(name)?.path.starts_with("/aws-service-role/") {
            let message = format!("Cannot perform the operation on the protected role '{name}'.");
            return Err(AwsError::query(400, "UnmodifiableEntity", message));
        }
        let account = self.caller.account.clone();
        let found = self.change().accounts.get_mut(&account);
        found.and_then(|account| account.roles.get_mut(name)).ok_or_else(|| no_role(name))
    }
}

/// The trust policy, percent-encoded as AWS gives documents.
fn trust(role: &Role) -> String {
    match role.document.is_empty() {
        false => role.document.clone(),
        true => document::trust_text(&role.trusts, &role.external_id, role.mfa),
    }
}

pub(super) fn show(account: &str, role: &Role) -> Value {
    let mut shown = json!({
        "Path": role.path, "RoleName": role.name, "RoleId": role.id,
        "Arn": format!("arn:aws:iam::{account}:role{}{}", role.path, role.name),
        "CreateDate": role.created.seconds(), "MaxSessionDuration": role.max_session,
        "AssumeRolePolicyDocument": super::encoded(&trust(role)),
    });
    if !role.description.is_empty() {
        shown["Description"] = json!(role.description);
    }
    if !role.tags.is_empty() {
        shown["Tags"] = role.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    }
    shown
}

/// Takes over what a trust policy says.
fn set_trust(role: &mut Role, text: &str) -> Result<(), AwsError> {
    let trust = document::trust(text).ok_or_else(malformed)?;
    role.trusts = trust.principals;
    role.external_id = trust.external_id;
    role.mfa = trust.mfa;
    role.document = text.to_owned();
    Ok(())
}

fn create(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let path = path(text(call.input, "Path").unwrap_or("/"))?;
    let document =
        text(call.input, "AssumeRolePolicyDocument").ok_or_else(|| invalid("A trust policy is required."))?;
    let session = match text(call.input, "MaxSessionDuration").map(str::parse::<i64>) {
        None => 3_600,
        Some(Ok(seconds @ 3_600..=43_200)) => seconds,
        Some(_) => return Err(invalid("MaxSessionDuration is from 3600 to 43200.")),
    };
    let tags = tags(call.input)?;
    let account = call.account()?;
    if account.roles.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(AwsError::query(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    if account.roles.len() >= ROLES {
        return Err(limit("RolesPerAccount: 1000"));
    }
    let (me, now) = (call.caller.account.clone(), call.now);
    let description = text(call.input, "Description").unwrap_or("").to_owned();
    let mut role = Role { path, description, tags, max_session: session, ..wakeup::plain_role(&me, &name, now) };
    set_trust(&mut role, document)?;
    let shown = show(&me, &role);
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.roles.insert(name, role);
    }
    Ok(json!({ "Role": shown }))
}

fn delete(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let role = call.role(&name)?;
    if !role.attached.is_empty() {
        return Err(in_use("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() || !role.statements.is_empty() {
        return Err(in_use("Cannot delete entity, must delete policies first."));
    }
    call.role_mut(&name)?;
    let me = call.caller.account.clone();
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.roles.remove(&name);
    }
    Ok(Value::Null)
}

fn get(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    Ok(json!({ "Role": show(&call.caller.account, call.role(&name)?) }))
}

fn update_trust(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let document = text(call.input, "PolicyDocument").ok_or_else(|| invalid("PolicyDocument is required."))?.to_owned();
    set_trust(call.role_mut(&name)?, &document)?;
    Ok(Value::Null)
}

fn put_policy(call: &mut Call<'_>) -> Done {
    let (name, policy) = (named(call, "RoleName", 64)?, named(call, "PolicyName", 128)?);
    let document = text(call.input, "PolicyDocument").ok_or_else(|| invalid("PolicyDocument is required."))?.to_owned();
    let role = call.role_mut(&name)?;
    document::statements(&document).ok_or_else(malformed)?;
    let others = role.inline.iter().filter(|(known, _)| **known != policy);
    if others.map(|(_, text)| text.len()).sum::<usize>() + document.len() > INLINE {
        return Err(AwsError::query(409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role."));
    }
    role.inline.insert(policy, document);
    Ok(Value::Null)
}

fn inline<'a>(role: &'a Role, policy: &str) -> Result<&'a String, AwsError> {
    let none = || AwsError::query(404, "NoSuchEntity", format!("The role policy with name {policy} cannot be found."));
    role.inline.get(policy).ok_or_else(none)
}

fn get_policy(call: &mut Call<'_>) -> Done {
    let (name, policy) = (named(call, "RoleName", 64)?, named(call, "PolicyName", 128)?);
    let document = super::encoded(inline(call.role(&name)?, &policy)?);
    Ok(json!({"RoleName": name, "PolicyName": policy, "PolicyDocument": document}))
}

fn delete_policy(call: &mut Call<'_>) -> Done {
    let (name, policy) = (named(call, "RoleName", 64)?, named(call, "PolicyName", 128)?);
    inline(call.role(&name)?, &policy)?;
    call.role_mut(&name)?.inline.remove(&policy);
    Ok(Value::Null)
}

fn list_policies(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let names = call.role(&name)?.inline.keys().map(|name| json!(name)).collect();
    call.marked("PolicyNames", names)
}

fn attach(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let policy = policy(call)?;
    let role = call.role(&name)?;
    attachable(&policy)?;
    if role.attached.contains(&policy) {
        return Ok(Value::Null);
    }
    if role.attached.len() >= POLICIES {
        return Err(limit("PoliciesPerRole: 10"));
    }
    call.role_mut(&name)?.attached.insert(policy);
    Ok(Value::Null)
}

fn detach(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let policy = policy(call)?;
    if !call.role(&name)?.attached.contains(&policy) {
        return Err(AwsError::query(404, "NoSuchEntity", format!("Policy {AWS_POLICY}{policy} was not found.")));
    }
    call.role_mut(&name)?.attached.remove(&policy);
    Ok(Value::Null)
}

fn attached(call: &mut Call<'_>) -> Done {
    let name = named(call, "RoleName", 64)?;
    let role = call.role(&name)?;
    super::list_attached(call, &role.attached)
}
