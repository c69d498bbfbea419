//! AWS STS: who am I, and role sessions.

use super::access::{self, role_arn, user_arn};
use super::state::{Key, Role, SECRET, UPPER, Who, scatter};
use super::wire::AwsError;
use super::world::is_account_id;
use super::{Call, Operation, iam, totp};
use crate::base::Time;
use serde_json::{Value, json};

type Done = Result<Value, AwsError>;

/// The operation of that name. AssumeRole keeps its new keys, but that is no change of AWS.
pub(super) fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        "GetCallerIdentity" => Operation { writes: false, run: get_caller_identity },
        "AssumeRole" => Operation { writes: true, run: assume_role },
        "AssumeRoot" => Operation { writes: true, run: assume_root },
        _ => return None,
    })
}

/// The ARN that a request is about: the caller's own policies must allow it, besides the role's trust.
pub(super) fn resource(input: &Value) -> String {
    text(input, "RoleArn").or_else(|| text(input, "TargetPrincipal")).unwrap_or("*").to_owned()
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

fn get_caller_identity(call: &mut Call<'_>) -> Done {
    let caller = call.caller;
    Ok(json!({"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}))
}

fn invalid(message: String) -> AwsError {
    AwsError::query(400, "ValidationError", message)
}

/// A root session of a member account lasts so long at most.
const ROOT_SECONDS: i64 = 900;
const TASK_POLICY: &str = "arn:aws:iam::aws:policy/root-task/";

/// Central root access: the management account (or a delegated administrator for IAM) becomes, for one task, the
/// root user of a member.
fn assume_root(call: &mut Call<'_>) -> Done {
    let caller = call.caller;
    let refused = |why: &str| {
        let arn = &caller.arn;
        AwsError::query(403, "AccessDenied", format!("User: {arn} is not authorized to perform: sts:AssumeRoot {why}"))
    };
    let target =
        text(call.input, "TargetPrincipal").ok_or_else(|| invalid("TargetPrincipal is required.".to_owned()))?;
    let account = match target.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root")) {
        Some(account) => account,
        None => target,
    };
    if !is_account_id(account) {
        return Err(invalid(format!("{target} is no account and no root user.")));
    }
    let task = text(call.input, "TaskPolicyArn.arn").and_then(|arn| arn.strip_prefix(TASK_POLICY)).unwrap_or("");
    if !access::is_task(task) {
        return Err(invalid("TaskPolicyArn is no root task policy.".to_owned()));
    }
    let seconds = match text(call.input, "DurationSeconds") {
        None => ROOT_SECONDS,
        Some(text) => {
            text.parse().map_err(|_| AwsError::query(400, "MalformedInput", "DurationSeconds is no number."))?
        }
    };
    if !(0..=ROOT_SECONDS).contains(&seconds) {
        return Err(invalid("DurationSeconds is 900 at most.".to_owned()));
    }
    let Some(organization) = call.state.organization_of(&caller.account) else {
        return Err(refused("outside of an organization"));
    };
    let delegated =
        organization.delegated.get(&caller.account).is_some_and(|all| all.contains_key("iam.amazonaws.com"));
    let feature = match task.starts_with("IAM") {
        true => iam::CREDENTIALS,
        false => iam::SESSIONS,
    };
    let member = call.state.organization_of(account).is_some_and(|other| other.id == organization.id);
    let allowed = (organization.management == caller.account || delegated)
        && organization.features.contains(feature)
        && member
        && organization.management != account
        && !matches!(caller.who, Who::Root | Who::RootTask(_));
    if !allowed {
        return Err(refused("on that account"));
    }
    let who = Who::RootTask(task.to_owned());
    let (account, key) = (account.to_owned(), SessionKey { who, seconds, mfa: false });
    let answer = give(call, account, key);
    Ok(json!({ "Credentials": answer }))
}

/// What a new session is.
struct SessionKey {
    who: Who,
    seconds: i64,
    mfa: bool,
}

/// New temporary credentials, as AWS shows them.
fn give(call: &mut Call<'_>, account: String, session: SessionKey) -> Value {
    let (now, seed) = (call.now, call.settings.seed);
    let expires = Time(now.plus(session.seconds * 1_000).0 / 1_000 * 1_000);
    let state = call.change();
    let id = state.new_id(seed, "ASIA", UPPER, 16);
    let key = Key {
        account,
        who: session.who,
        secret: scatter(seed, &format!("secret {id}"), SECRET, 40),
        token: scatter(seed, &format!("token {id}"), SECRET, 96),
        created: now,
        expires: Some(expires),
        mfa: session.mfa,
        id: id.clone(),
    };
    let shown = json!({
        "AccessKeyId": id, "SecretAccessKey": key.secret, "SessionToken": key.token, "Expiration": expires.seconds(),
    });
    state.keys.insert(id, key);
    shown
}

struct Wanted {
    account: String,
    role: String,
    session: String,
    seconds: i64,
}

fn assume_role(call: &mut Call<'_>) -> Done {
    let wanted = wanted(call.input)?;
    let refused = || {
        let arn = &call.caller.arn;
        let target = role_arn(&wanted.account, &wanted.role);
        AwsError::query(
            403,
            "AccessDenied",
            format!("User: {arn} is not authorized to perform: sts:AssumeRole on resource: {target}"),
        )
    };
    if matches!(call.caller.who, Who::Root | Who::RootTask(_)) {
        return Err(AwsError::query(403, "AccessDenied", "Roles may not be assumed by root accounts."));
    }
    let found = call.state.accounts.get(&wanted.account).and_then(|account| account.roles.get(&wanted.role));
    let role = found.ok_or_else(refused)?.clone();
    if !trusted(call, &role)
        || !role.external_id.is_empty() && text(call.input, "ExternalId") != Some(&role.external_id)
    {
        return Err(refused());
    }
    let device = mfa(call)?;
    if role.mfa && device.is_none() {
        return Err(refused());
    }
    let chained = matches!(call.caller.who, Who::Session { .. });
    let longest = if chained { role.max_session.min(3_600) } else { role.max_session };
    if wanted.seconds > longest {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    Ok(open(call, &wanted, &role, device))
}

fn wanted(input: &Value) -> Result<Wanted, AwsError> {
    let arn = text(input, "RoleArn").ok_or_else(|| invalid("RoleArn is required.".to_owned()))?;
    let rest = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
    let (account, path) =
        rest.filter(|(account, _)| is_account_id(account)).ok_or_else(|| invalid(format!("{arn} is invalid")))?;
    let session = text(input, "RoleSessionName").unwrap_or("");
    let fits = session.bytes().all(|b| b.is_ascii_alphanumeric() || b"_=,.@-".contains(&b));
    if !(2..=64).contains(&session.len()) || !fits {
        return Err(invalid("RoleSessionName has 2 to 64 of A-Z, a-z, 0-9 and _=,.@-".to_owned()));
    }
    let seconds = match text(input, "DurationSeconds") {
        None => 3_600,
        Some(text) => {
            text.parse::<i64>().map_err(|_| AwsError::query(400, "MalformedInput", "DurationSeconds is no number."))?
        }
    };
    if !(900..=43_200).contains(&seconds) {
        return Err(invalid("DurationSeconds must be from 900 to 43200.".to_owned()));
    }
    let role = path.rsplit('/').next().unwrap_or(path).to_owned();
    Ok(Wanted { account: account.to_owned(), role, session: session.to_owned(), seconds })
}

/// The trust policy names the caller or its account. (AWS asks no policy of the caller's own where the
/// role of the same account names it; here both are always needed.)
fn trusted(call: &Call<'_>, role: &Role) -> bool {
    let caller = call.caller;
    let own = match &caller.who {
        Who::Root | Who::RootTask(_) => return false,
        Who::User(name) => user_arn(&call.state, &caller.account, name),
        Who::Session { role, .. } => role_arn(&caller.account, role),
    };
    let account = [caller.account.clone(), format!("arn:aws:iam::{}:root", caller.account)];
    role.trusts.iter().any(|trust| *trust == own || *trust == caller.arn || account.contains(trust))
}

/// The caller's device and the step of its code, where one was given; an error where it is wrong.
fn mfa(call: &Call<'_>) -> Result<Option<u64>, AwsError> {
    let (Some(serial), Some(code)) = (text(call.input, "SerialNumber"), text(call.input, "TokenCode")) else {
        return Ok(None);
    };
    let wrong = || {
        AwsError::query(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
    };
    let Who::User(name) = &call.caller.who else { return Err(wrong()) };
    let user = call.state.accounts.get(&call.caller.account).and_then(|account| account.users.get(name));
    let device = user.and_then(|user| user.mfa.as_ref()).filter(|device| device.serial == serial).ok_or_else(wrong)?;
    let step = totp::accepted(&device.seed, code, call.now).ok_or_else(wrong)?;
    if device.used.is_some_and(|used| step <= used) { Err(wrong()) } else { Ok(Some(step)) }
}

fn open(call: &mut Call<'_>, wanted: &Wanted, role: &Role, device: Option<u64>) -> Value {
    let caller = call.caller;
    let who = Who::Session { role: role.name.clone(), session: wanted.session.clone(), identity_center: false };
    let session = SessionKey { who, seconds: wanted.seconds, mfa: device.is_some() };
    let credentials = give(call, wanted.account.clone(), session);
    let answer = json!({
        "Credentials": credentials,
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{}:{}", role.id, wanted.session),
            "Arn": format!("arn:aws:sts::{}:assumed-role/{}/{}", wanted.account, role.name, wanted.session),
        },
    });
    let state = call.change();
    if let (Some(step), Who::User(name)) = (device, &caller.who)
        && let Some(user) = state.accounts.get_mut(&caller.account).and_then(|account| account.users.get_mut(name))
        && let Some(device) = &mut user.mfa
    {
        device.used = Some(step);
    }
    answer
}
