//! AWS IAM: users, attached managed policies, access keys; below it groups, roles, ways to sign in, central root access.

mod groups;
mod roles;
mod root;
mod sign_in;

pub(super) use root::{CREDENTIALS, SESSIONS};

use super::access::{managed, user_arn};
use super::state::{Account, Key, SECRET, State, UPPER, User, Who, scatter};
use super::wire::AwsError;
use super::{Call, Operation, access::Caller, wakeup};
use serde_json::{Value, json};
use sign_in::Subject;
use std::collections::{BTreeMap, BTreeSet};

type Done = Result<Value, AwsError>;

/// Access keys per user, attached policies per user, users per account, at most.
const KEYS: usize = 2;
const POLICIES: usize = 10;
const USERS: usize = 5_000;
const AWS_POLICY: &str = "arn:aws:iam::aws:policy/";

/// The operation of that name.
pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "CreateUser" => write(create_user),
        "GetUser" => read(get_user),
        "DeleteUser" => write(delete_user),
        "AttachUserPolicy" => write(attach_policy),
        "DetachUserPolicy" => write(detach_policy),
        "ListAttachedUserPolicies" => read(list_policies),
        "CreateAccessKey" => write(create_key),
        "ListAccessKeys" => read(list_keys),
        "DeleteAccessKey" => write(delete_key),
        other => {
            let rooms = [groups::operation, roles::operation, sign_in::operation, root::operation];
            return rooms.iter().find_map(|room| room(other));
        }
    })
}

/// The user that a request is about.
pub(super) fn resource(state: &State, caller: &Caller, input: &Value) -> String {
    match (text(input, "UserName"), &caller.who) {
        (Some(name), _) => user_arn(state, &caller.account, name),
        (None, Who::User(name)) => user_arn(state, &caller.account, name),
        _ => "*".to_owned(),
    }
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn invalid(message: &str) -> AwsError {
    AwsError::query(400, "ValidationError", message)
}

fn no_user(name: &str) -> AwsError {
    AwsError::query(404, "NoSuchEntity", format!("The user with name {name} cannot be found."))
}

impl Call<'_> {
    /// The user that `UserName` names; the caller itself where it may be left out and is.
    fn user_name(&self, may_be_caller: bool) -> Result<String, AwsError> {
        let own = match &self.caller.who {
            Who::User(name) if may_be_caller => Some(name.as_str()),
            _ => None,
        };
        let name = text(self.input, "UserName").or(own).ok_or_else(|| invalid("Must specify userName."))?;
        let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        if (1..=64).contains(&name.len()) && fits {
            Ok(name.to_owned())
        } else {
            Err(invalid("The specified value for userName is invalid."))
        }
    }

    /// From where to where the page of a list of `count` goes.
    fn marks(&self, count: usize) -> Result<(usize, usize), AwsError> {
        let size = match text(self.input, "MaxItems").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(size @ 1..=1000)) => size,
            Some(_) => return Err(invalid("MaxItems must be from 1 to 1000.")),
        };
        let from = match text(self.input, "Marker") {
            None => 0,
            Some(marker) => marker
                .strip_prefix("after-")
                .and_then(|from| from.parse::<usize>().ok())
                .filter(|from| *from <= count)
                .ok_or_else(|| invalid("Invalid Marker."))?,
        };
        Ok((from, from.saturating_add(size).min(count)))
    }

    /// The answer of a list: one page of `items` under `name`, and whether there are more.
    fn marked(&self, name: &str, items: Vec<Value>) -> Done {
        let (from, to) = self.marks(items.len())?;
        let mut answer = json!({ name: items[from..to], "IsTruncated": to < items.len() });
        if to < items.len() {
            answer["Marker"] = json!(format!("after-{to}"));
        }
        Ok(answer)
    }

    fn account(&self) -> Result<&Account, AwsError> {
        self.state.accounts.get(&self.caller.account).ok_or_else(|| no_user("?"))
    }

    fn user(&self, name: &str) -> Result<&User, AwsError> {
        self.account()?.users.get(name).ok_or_else(|| no_user(name))
    }

    fn user_mut(&mut self, name: &str) -> Result<&mut User, AwsError> {
        let account = self.caller.account.clone();
        let users = self.change().accounts.get_mut(&account).map(|account| &mut account.users);
        users.and_then(|users| users.get_mut(name)).ok_or_else(|| no_user(name))
    }

    /// Lasting keys of the root user or of a user.
    fn keys_of_subject<'a>(&'a self, subject: &'a Subject) -> Box<dyn Iterator<Item = &'a Key> + 'a> {
        match subject {
            Subject::User(name) => Box::new(self.keys_of(name)),
            Subject::Root => Box::new(
                self.state
                    .keys
                    .values()
                    .filter(|key| key.account == self.caller.account && key.who == Who::Root && key.token.is_empty()),
            ),
        }
    }

    fn keys_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Key> {
        let meant =
            move |key: &&Key| key.account == self.caller.account && matches!(&key.who, Who::User(user) if user == name);
        self.state.keys.values().filter(meant)
    }
}

/// A user as AWS shows it: GetUser and CreateUser tell tags and boundary, where there are any.
fn show(call: &Call<'_>, user: &User) -> Value {
    let mut shown = json!({
        "Path": user.path, "UserName": user.name, "UserId": user.id,
        "Arn": format!("arn:aws:iam::{}:user{}{}", call.caller.account, user.path, user.name),
        "CreateDate": user.created.seconds(),
    });
    if !user.boundary.is_empty() {
        shown["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": user.boundary});
    }
    if !user.tags.is_empty() {
        let tags = user.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        shown["Tags"] = tags.collect();
    }
    shown
}

/// The same in lists, which tell neither tags nor boundary.
fn show_plain(call: &Call<'_>, user: &User) -> Value {
    let mut shown = show(call, user);
    if let Some(members) = shown.as_object_mut() {
        members.remove("Tags");
        members.remove("PermissionsBoundary");
    }
    shown
}

/// A name of AWS's usual letters that must be there.
fn named(call: &Call<'_>, member: &str, longest: usize) -> Result<String, AwsError> {
    let name = text(call.input, member).unwrap_or("");
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
    match fits && (1..=longest).contains(&name.len()) {
        true => Ok(name.to_owned()),
        false => Err(invalid(&format!("The specified value for {member} is invalid."))),
    }
}

/// `Name.member.1`, `Name.member.2`, ...
fn texts(input: &Value, name: &str) -> Vec<String> {
    let numbered = (1..).map(|number| text(input, &format!("{name}.member.{number}")));
    numbered.take_while(Option::is_some).flatten().map(str::to_owned).collect()
}

fn limit(which: &str) -> AwsError {
    AwsError::query(409, "LimitExceeded", format!("Cannot exceed quota for {which}"))
}

fn in_use(message: &str) -> AwsError {
    AwsError::query(409, "DeleteConflict", message)
}

fn malformed() -> AwsError {
    AwsError::query(400, "MalformedPolicyDocument", "The policy document is not valid.")
}

/// Documents come percent-encoded from IAM.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A managed policy that there is and that may be attached.
fn attachable(policy: &str) -> Result<(), AwsError> {
    if policy.starts_with("aws-service-role/") {
        let message = format!("Cannot attach a Service Role Policy to a Customer entity: {AWS_POLICY}{policy}");
        return Err(AwsError::query(400, "PolicyNotAttachable", message));
    }
    match managed(policy) {
        Some(_) => Ok(()),
        None => {
            let message = format!("Policy {AWS_POLICY}{policy} does not exist or is not attachable.");
            Err(AwsError::query(404, "NoSuchEntity", message))
        }
    }
}

/// The page of attached policies that a request asks for.
fn list_attached(call: &Call<'_>, attached: &BTreeSet<String>) -> Done {
    let below = path(text(call.input, "PathPrefix").unwrap_or("/"))? == "/";
    let show = |policy: &String| json!({"PolicyName": policy, "PolicyArn": format!("{AWS_POLICY}{policy}")});
    // All policies that the simulator knows have the path `/`.
    call.marked("AttachedPolicies", attached.iter().filter(|_| below).map(show).collect())
}

fn create_user(call: &mut Call<'_>) -> Done {
    let name = call.user_name(false)?;
    let path = path(text(call.input, "Path").unwrap_or("/"))?;
    let boundary = text(call.input, "PermissionsBoundary").unwrap_or("").to_owned();
    let tags = tags(call.input)?;
    if !boundary.is_empty() && managed(&policy_name(&boundary)?).is_none() {
        let message = format!("Scope ARN: {boundary} does not exist or is not attachable.");
        return Err(AwsError::query(404, "NoSuchEntity", message));
    }
    let account = call.account()?;
    if account.users.keys().any(|known| known.eq_ignore_ascii_case(&name)) {
        let message = format!("User with name {name} already exists.");
        return Err(AwsError::query(409, "EntityAlreadyExists", message));
    }
    if account.users.len() >= USERS {
        return Err(AwsError::query(409, "LimitExceeded", "Cannot exceed quota for UsersPerAccount: 5000"));
    }
    let (me, now) = (call.caller.account.clone(), call.now);
    let user = User { path, boundary, tags, ..wakeup::plain_user(&me, &name, now) };
    let shown = show(call, &user);
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.users.insert(name, user);
    }
    Ok(json!({ "User": shown }))
}

/// `/`, or words between slashes.
fn path(text: &str) -> Result<String, AwsError> {
    let fits = text.starts_with('/') && text.ends_with('/') && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if fits && text.len() <= 512 {
        Ok(text.to_owned())
    } else {
        Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ))
    }
}

/// `Tags.member.1.Key`, `Tags.member.1.Value`, ...
fn tags(input: &Value) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for number in 1.. {
        let Some(key) = text(input, &format!("Tags.member.{number}.Key")) else { break };
        let value = text(input, &format!("Tags.member.{number}.Value")).unwrap_or("");
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return Err(invalid("The tag key or value is not valid."));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(AwsError::query(400, "InvalidInput", "Duplicate tag keys found."));
        }
    }
    Ok(tags)
}

fn get_user(call: &mut Call<'_>) -> Done {
    let name = call.user_name(true)?;
    Ok(json!({ "User": show(call, call.user(&name)?) }))
}

fn delete_user(call: &mut Call<'_>) -> Done {
    let name = call.user_name(false)?;
    let user = call.user(&name)?;
    let left = [
        (call.keys_of(&name).next().is_some(), "Cannot delete entity, must delete access keys first."),
        (!user.attached.is_empty(), "Cannot delete entity, must detach all policies first."),
        (!user.statements.is_empty(), "Cannot delete entity, must delete policies first."),
        (user.mfa.is_some(), "Cannot delete entity, must delete MFA device first."),
        (user.password.is_some(), "Cannot delete entity, must delete login profile first."),
        (groups::has(call, &name), "Cannot delete entity, must remove users from group first."),
    ];
    if let Some((_, message)) = left.into_iter().find(|(left, _)| *left) {
        return Err(AwsError::query(409, "DeleteConflict", message));
    }
    let me = call.caller.account.clone();
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.users.remove(&name);
    }
    Ok(Value::Null)
}

/// The name of the managed policy that `PolicyArn` names.
fn policy(call: &Call<'_>) -> Result<String, AwsError> {
    policy_name(text(call.input, "PolicyArn").ok_or_else(|| invalid("Must specify policyArn."))?)
}

fn policy_name(arn: &str) -> Result<String, AwsError> {
    if arn.len() < 20 {
        return Err(invalid("The policy's ARN has at least 20 characters."));
    }
    if !arn.starts_with("arn:aws:iam::") {
        return Err(AwsError::query(400, "InvalidInput", format!("ARN {arn} is not valid.")));
    }
    Ok(arn.strip_prefix(AWS_POLICY).unwrap_or(arn).to_owned())
}

fn attach_policy(call: &mut Call<'_>) -> Done {
    let name = call.user_name(false)?;
    let policy = policy(call)?;
    let user = call.user(&name)?;
    attachable(&policy)?;
    if user.attached.contains(&policy) {
        return Ok(Value::Null);
    }
    if user.attached.len() >= POLICIES {
        return Err(AwsError::query(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10"));
    }
    call.user_mut(&name)?.attached.insert(policy);
    Ok(Value::Null)
}

fn detach_policy(call: &mut Call<'_>) -> Done {
    let name = call.user_name(false)?;
    let policy = policy(call)?;
    if !call.user(&name)?.attached.contains(&policy) {
        return Err(AwsError::query(404, "NoSuchEntity", format!("Policy {AWS_POLICY}{policy} was not found.")));
    }
    call.user_mut(&name)?.attached.remove(&policy);
    Ok(Value::Null)
}

fn list_policies(call: &mut Call<'_>) -> Done {
    let name = call.user_name(false)?;
    list_attached(call, &call.user(&name)?.attached)
}

fn create_key(call: &mut Call<'_>) -> Done {
    let name = call.user_name(true)?;
    call.user(&name)?;
    if call.keys_of(&name).count() >= KEYS {
        return Err(AwsError::query(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"));
    }
    let (account, now, seed) = (call.caller.account.clone(), call.now, call.settings.seed);
    let state = call.change();
    let id = state.new_id(seed, "AKIA", UPPER, 16);
    let key = Key {
        account,
        who: Who::User(name.clone()),
        secret: scatter(seed, &format!("secret {id}"), SECRET, 40),
        token: String::new(),
        created: now,
        expires: None,
        mfa: false,
        id: id.clone(),
    };
    let shown = json!({
        "UserName": name, "AccessKeyId": id, "Status": "Active", "SecretAccessKey": key.secret,
        "CreateDate": now.seconds(),
    });
    state.keys.insert(id, key);
    Ok(json!({ "AccessKey": shown }))
}

fn list_keys(call: &mut Call<'_>) -> Done {
    let subject = call.subject()?;
    let name = match &subject {
        Subject::User(name) => name.as_str(),
        Subject::Root => "root",
    };
    let show = |key: &Key| json!({"UserName": name, "AccessKeyId": key.id, "Status": "Active", "CreateDate": key.created.seconds()});
    call.marked("AccessKeyMetadata", call.keys_of_subject(&subject).map(show).collect())
}

fn delete_key(call: &mut Call<'_>) -> Done {
    let subject = call.subject()?;
    let id = text(call.input, "AccessKeyId").ok_or_else(|| invalid("Must specify accessKeyId."))?.to_owned();
    if !call.keys_of_subject(&subject).any(|key| key.id == id) {
        let message = format!("The Access Key with id {id} cannot be found.");
        return Err(AwsError::query(404, "NoSuchEntity", message));
    }
    call.change().keys.remove(&id);
    Ok(Value::Null)
}
