//! Accounts of an organization: shown, listed, and created in the background.

use super::super::state::{Creation, JoinedMethod, LOWER, Membership, State};
use super::super::wire::{AwsError, epoch};
use super::super::world::DAY;
use super::super::{Call, Settings, wakeup};
use super::handshakes::finalizing;
use super::input::{ACCOUNT, ACCOUNT_NAME, CREATION, EMAIL, PARENT, ROLE_NAME, invalid, malformed};
use super::{Account, Done, constraint, gate, member, pass, show_account, tags, tree};
use crate::base::Time;
use serde_json::{Value, json};

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let id = call.need("AccountId", ACCOUNT)?;
    let account = member(&call.state, &organization.id, &id)?;
    Ok(json!({ "Account": show_account(organization, account) }))
}

pub(super) fn list(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let members = call.state.members(&organization.id).collect();
    call.page_shown("Accounts", members, |account| show_account(organization, account))
}

pub(super) fn list_for_parent(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let parent = call.need("ParentId", PARENT)?;
    if !organization.has_parent(&parent) {
        return Err(tree::parent_not_found());
    }
    let below = |account: &&Account| account.member.as_ref().is_some_and(|member| member.parent == parent);
    let members = call.state.members(&organization.id).filter(below).collect();
    call.page_shown("Accounts", members, |account| show_account(organization, account))
}

/// AWS closes so many at once, counts closures over so long, and keeps what is closed so long.
const CLOSING_AT_ONCE: usize = 3;
const COUNTED: i64 = 30 * DAY;
const KEPT: i64 = 90 * DAY;

pub(super) fn close(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?;
    let id = call.need("AccountId", ACCOUNT)?;
    let account = member(&call.state, &organization.id, &id)?;
    let pending = call.state.members(&organization.id).filter(|one| one.state == "PENDING_CLOSURE").count();
    let recent = organization.closures.iter().filter(|at| call.now.since(**at) < COUNTED).count();
    let most = (call.state.members(&organization.id).count() / 5).min(1_000).max(call.settings.closures);
    let gates = vec![
        gate("management_account", organization.management == id, || {
            constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account of an organization.")
        }),
        gate("already_closed", matches!(account.state.as_str(), "PENDING_CLOSURE" | "CLOSED" | "SUSPENDED"), || {
            AwsError::json("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
        }),
        gate("at_once", pending >= CLOSING_AT_ONCE, || {
            let message = "You can close three accounts at a time.";
            constraint("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", message)
        }),
        gate("quota", recent >= most, || {
            let message = "You have exceeded close account quota for the past 30 days.";
            constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", message)
        }),
    ];
    let organization = organization.id.clone();
    pass(call, "CloseAccount", gates)?;
    let now = call.now;
    call.organization_mut(&organization)?.closures.push(now);
    if let Some(account) = call.change().accounts.get_mut(&id) {
        account.state = "PENDING_CLOSURE".to_owned();
        account.closing = Some(now);
    }
    Ok(Value::Null)
}

/// A closure that AWS has finished with, or whose 90 days are over.
pub(in super::super) fn closure_due(account: &Account, settings: &Settings, now: Time) -> bool {
    let Some(asked) = account.closing else { return false };
    match account.state.as_str() {
        "PENDING_CLOSURE" => asked.plus(settings.closes_account_within) <= now,
        "CLOSED" => account.member.is_some() && asked.plus(KEPT) <= now,
        _ => false,
    }
}

pub(in super::super) fn finish_closures(state: &mut State, settings: &Settings, now: Time) {
    let due = |account: &&Account| closure_due(account, settings, now);
    let ids: Vec<String> = state.accounts.values().filter(due).map(|account| account.id.clone()).collect();
    for id in ids {
        let Some(account) = state.accounts.get_mut(&id) else { continue };
        account.state = "CLOSED".to_owned();
        // Its address stays spent.
        if account.closing.is_some_and(|asked| asked.plus(KEPT) <= now) {
            state.depart(&id, now, true);
        }
    }
}

/// AWS works on so many at once.
const AT_ONCE: usize = 5;

pub(super) fn create(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    let email = call.need("Email", EMAIL)?;
    let name = call.need("AccountName", ACCOUNT_NAME)?;
    let role = call.text("RoleName", ROLE_NAME)?.unwrap_or_else(|| "OrganizationAccountAccessRole".to_owned());
    let tags = tags::given(call.input, false)?;
    let found = call.managed()?;
    let waiting = call.state.creations.values().filter(|one| one.organization == organization && one.result.is_none());
    let gates = vec![
        gate("initialising", found.initialising_until.is_some_and(|until| call.now < until), finalizing),
        gate("account_quota", call.seats_taken(&organization) >= found.account_quota, || {
            constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of accounts in an organization.")
        }),
        gate("in_progress", waiting.count() >= AT_ONCE, || {
            constraint("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", "You have too many account creations in progress.")
        }),
    ];
    pass(call, "CreateAccount", gates)?;
    let (now, settings) = (call.now, call.settings);
    let state = call.change();
    let id = state.new_id(settings.seed, "car-", LOWER, 32);
    let due = now.plus(settings.creates_account_within);
    let creation =
        Creation { id: id.clone(), organization, name, email, role, tags, requested: now, due, result: None };
    let shown = show(&creation);
    state.creations.insert(id, creation);
    Ok(json!({ "CreateAccountStatus": shown }))
}

/// Creations whose time has come: the account is there, or AWS says why not.
pub(in super::super) fn finish_creations(state: &mut State, settings: &Settings, now: Time) {
    let due: Vec<Creation> =
        state.creations.values().filter(|one| one.result.is_none() && one.due <= now).cloned().collect();
    for creation in due {
        let result = finish(state, settings, &creation);
        if let Some(entry) = state.creations.get_mut(&creation.id) {
            entry.result = Some(result);
        }
    }
}

fn finish(state: &mut State, settings: &Settings, creation: &Creation) -> Result<String, String> {
    if state.account_of_email(&creation.email).is_some() {
        return Err("EMAIL_ALREADY_EXISTS".to_owned());
    }
    let Some(organization) = state.organizations.get(&creation.organization) else {
        return Err("INTERNAL_FAILURE".to_owned());
    };
    let organization = organization.clone();
    let (root, management) = (organization.root.clone(), organization.management.clone());
    let id = wakeup::new_account_id(state, settings.seed);
    let mut account = wakeup::created_account(&id, &creation.name, &creation.email, creation.due);
    account.tags = creation.tags.clone();
    // Where central root access is on, a new account has no root credentials at all.
    account.root_password = !organization.features.contains("RootCredentialsManagement");
    let joined = creation.due;
    account.member = Some(Membership {
        organization: creation.organization.clone(),
        parent: root,
        method: JoinedMethod::Created,
        joined,
    });
    let mut role = wakeup::plain_role(&id, &creation.role, joined);
    role.trusts.push(management);
    role.attached.insert("AdministratorAccess".to_owned());
    account.roles.insert(creation.role.clone(), role);
    state.accounts.insert(id.clone(), account);
    Ok(id)
}

pub(super) fn describe_creation(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let id = call.need("CreateAccountRequestId", CREATION)?;
    let found = call.state.creations.get(&id).filter(|creation| creation.organization == organization.id);
    let creation = found.ok_or_else(|| {
        let message = "We can't find a create account request with the CreateAccountRequestId that you specified.";
        AwsError::json("CreateAccountStatusNotFoundException", message)
    })?;
    Ok(json!({ "CreateAccountStatus": show(creation) }))
}

pub(super) fn list_creations(call: &mut Call<'_>) -> Done {
    let organization = call.overseen()?;
    let states: Vec<&str> = match call.input.get("States") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(states)) => states.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(malformed("States")),
    };
    if states.iter().any(|state| !matches!(*state, "IN_PROGRESS" | "SUCCEEDED" | "FAILED")) {
        return Err(invalid("INVALID_ENUM", "States"));
    }
    let meant = |creation: &&Creation| {
        creation.organization == organization.id && (states.is_empty() || states.contains(&state_of(creation)))
    };
    let mut found: Vec<&Creation> = call.state.creations.values().filter(meant).collect();
    found.sort_by_key(|creation| (creation.requested, creation.id.clone()));
    call.page("CreateAccountStatuses", found.into_iter().map(show).collect())
}

fn state_of(creation: &Creation) -> &'static str {
    match creation.result {
        None => "IN_PROGRESS",
        Some(Ok(_)) => "SUCCEEDED",
        Some(Err(_)) => "FAILED",
    }
}

fn show(creation: &Creation) -> Value {
    let mut shown = json!({
        "Id": creation.id, "AccountName": creation.name, "State": state_of(creation),
        "RequestedTimestamp": epoch(creation.requested),
    });
    match &creation.result {
        None => {}
        Some(Ok(account)) => {
            shown["AccountId"] = json!(account);
            shown["CompletedTimestamp"] = epoch(creation.due);
        }
        Some(Err(reason)) => {
            shown["FailureReason"] = json!(reason);
            shown["CompletedTimestamp"] = epoch(creation.due);
        }
    }
    shown
}
