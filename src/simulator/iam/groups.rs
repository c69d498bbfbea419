//! Groups of users, and what is attached to them.

use super::super::state::{Group, UPPER, scatter};
use super::super::wire::AwsError;
use super::super::{Call, Operation};
use super::{AWS_POLICY, Done, attachable, in_use, limit, named, path, policy, text};
use serde_json::{Value, json};

const GROUPS: usize = 300;
const GROUPS_PER_USER: usize = 10;
const POLICIES: usize = 10;

pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "CreateGroup" => write(create),
        "DeleteGroup" => write(delete),
        "GetGroup" => read(get),
        "AttachGroupPolicy" => write(attach),
        "DetachGroupPolicy" => write(detach),
        "ListAttachedGroupPolicies" => read(attached),
        "AddUserToGroup" => write(add),
        "RemoveUserFromGroup" => write(remove),
        "ListGroupsForUser" => read(of_user),
        _ => return None,
    })
}

fn no_group(name: &str) -> AwsError {
    AwsError::query(404, "NoSuchEntity", format!("The group with name {name} cannot be found."))
}

impl Call<'_> {
    fn group(&self, name: &str) -> Result<&Group, AwsError> {
        self.account()?.inside.groups.get(name).ok_or_else(|| no_group(name))
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        let account = self.caller.account.clone();
        let found = self.change().accounts.get_mut(&account);
        found.and_then(|account| account.inside.groups.get_mut(name)).ok_or_else(|| no_group(name))
    }
}

fn show(account: &str, group: &Group) -> Value {
    json!({
        "Path": group.path, "GroupName": group.name, "GroupId": group.id,
        "Arn": format!("arn:aws:iam::{account}:group{}{}", group.path, group.name),
        "CreateDate": group.created.seconds(),
    })
}

fn create(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let path = path(text(call.input, "Path").unwrap_or("/"))?;
    let groups = &call.account()?.inside.groups;
    if groups.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        return Err(AwsError::query(409, "EntityAlreadyExists", format!("Group with name {name} already exists.")));
    }
    if groups.len() >= GROUPS {
        return Err(limit("GroupsPerAccount: 300"));
    }
    let (me, now) = (call.caller.account.clone(), call.now);
    let group = Group {
        id: format!("AGPA{}", scatter(0, &format!("group {me} {name} {}", now.0), UPPER, 17)),
        name: name.clone(),
        created: now,
        path,
        users: Default::default(),
        attached: Default::default(),
    };
    let shown = show(&me, &group);
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.inside.groups.insert(name, group);
    }
    Ok(json!({ "Group": shown }))
}

fn delete(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let group = call.group(&name)?;
    if !group.users.is_empty() {
        return Err(in_use("Cannot delete entity, must remove users from group first."));
    }
    if !group.attached.is_empty() {
        return Err(in_use("Cannot delete entity, must detach all policies first."));
    }
    let me = call.caller.account.clone();
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.inside.groups.remove(&name);
    }
    Ok(Value::Null)
}

fn get(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let group = call.group(&name)?;
    let users = group.users.iter().filter_map(|user| call.user(user).ok()).map(|user| super::show_plain(call, user));
    let mut answer = call.marked("Users", users.collect())?;
    answer["Group"] = show(&call.caller.account, group);
    Ok(answer)
}

fn attach(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let policy = policy(call)?;
    let group = call.group(&name)?;
    attachable(&policy)?;
    if group.attached.contains(&policy) {
        return Ok(Value::Null);
    }
    if group.attached.len() >= POLICIES {
        return Err(limit("PoliciesPerGroup: 10"));
    }
    call.group_mut(&name)?.attached.insert(policy);
    Ok(Value::Null)
}

fn detach(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let policy = policy(call)?;
    if !call.group(&name)?.attached.contains(&policy) {
        return Err(AwsError::query(404, "NoSuchEntity", format!("Policy {AWS_POLICY}{policy} was not found.")));
    }
    call.group_mut(&name)?.attached.remove(&policy);
    Ok(Value::Null)
}

fn attached(call: &mut Call<'_>) -> Done {
    let name = named(call, "GroupName", 128)?;
    let group = call.group(&name)?;
    super::list_attached(call, &group.attached)
}

fn add(call: &mut Call<'_>) -> Done {
    let (group, user) = (named(call, "GroupName", 128)?, call.user_name(false)?);
    call.user(&user)?;
    if call.group(&group)?.users.contains(&user) {
        return Ok(Value::Null);
    }
    let of_user = call.account()?.inside.groups.values().filter(|one| one.users.contains(&user)).count();
    if of_user >= GROUPS_PER_USER {
        return Err(limit("GroupsPerUser: 10"));
    }
    call.group_mut(&group)?.users.insert(user);
    Ok(Value::Null)
}

fn remove(call: &mut Call<'_>) -> Done {
    let (group, user) = (named(call, "GroupName", 128)?, call.user_name(false)?);
    call.user(&user)?;
    // AWS answers well where the user was not in the group.
    if call.group(&group)?.users.contains(&user) {
        call.group_mut(&group)?.users.remove(&user);
    }
    Ok(Value::Null)
}

fn of_user(call: &mut Call<'_>) -> Done {
    let user = call.user_name(false)?;
    call.user(&user)?;
    let groups = call.account()?.inside.groups.values().filter(|group| group.users.contains(&user));
    call.marked("Groups", groups.map(|group| show(&call.caller.account, group)).collect())
}

/// A group that still has the user.
pub(super) fn has(call: &Call<'_>, user: &str) -> bool {
    call.account().is_ok_and(|account| account.inside.groups.values().any(|group| group.users.contains(user)))
}
