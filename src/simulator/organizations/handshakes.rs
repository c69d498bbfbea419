//! Invitations: sent by a management account, answered by the invited one, gone after their time.

use super::super::Call;
use super::super::access::{decide, denied_by_organization};
use super::super::state::{Handshake, HandshakeKind, HandshakeState, JoinedMethod, LOWER, Membership, State, Target};
use super::super::wire::{AwsError, epoch};
use super::super::world::{DAY, is_account_id, is_email};
use super::input::{HANDSHAKE, invalid, malformed};
use super::{Account, Done, Gate, Organization, access_denied, constraint, gate, handshake_constraint, pass};
use crate::base::Time;
use serde_json::{Value, json};

/// Finished handshakes stay visible so long.
const VISIBLE: i64 = 30 * DAY;

/// The handshake must be expired, or forgotten.
pub(in super::super) fn overdue(handshake: &Handshake, now: Time) -> bool {
    match handshake.ended {
        None => handshake.expires <= now,
        Some(ended) => ended.plus(VISIBLE) <= now,
    }
}

pub(super) fn invite(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    let target = target(call.input)?;
    let notes = match call.input.get("Notes") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.chars().count() <= 1024 => text.clone(),
        Some(Value::String(_)) => return Err(invalid("MAX_LENGTH_EXCEEDED", "Notes")),
        Some(_) => return Err(malformed("Notes")),
    };
    if matches!(&target, Target::Account(id) if !call.state.accounts.contains_key(id)) {
        // AWS's model has no error of its own for an account that does not exist.
        return Err(invalid("INVALID_PATTERN_TARGET_ID", "Target.Id"));
    }
    pass(call, "InviteAccountToOrganization", invite_gates(call, &organization, &target)?)?;
    let (now, seed, life) = (call.now, call.settings.seed, call.settings.handshake_life);
    let requested = call.settings.pending_state == "REQUESTED";
    let (management, feature_set) = {
        let found = call.organization()?;
        (found.management.clone(), found.feature_set.clone())
    };
    let state = call.change();
    let id = state.new_id(seed, "h-", LOWER, 10);
    let handshake = Handshake {
        id: id.clone(),
        organization,
        management,
        feature_set,
        target,
        notes,
        kind: HandshakeKind::Invite,
        state: if requested { HandshakeState::Requested } else { HandshakeState::Open },
        requested: now,
        expires: now.plus(life),
        ended: None,
    };
    let shown = show(state, &handshake);
    state.handshakes.insert(id, handshake);
    Ok(json!({ "Handshake": shown }))
}

fn target(input: &Value) -> Result<Target, AwsError> {
    let target = match input.get("Target") {
        None | Some(Value::Null) => return Err(invalid("INPUT_REQUIRED", "Target")),
        Some(Value::Object(target)) => target,
        Some(_) => return Err(malformed("Target")),
    };
    let text = |name: &str| match target.get(name) {
        None | Some(Value::Null) => Err(invalid("INPUT_REQUIRED", &format!("Target.{name}"))),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(malformed(&format!("Target.{name}"))),
    };
    match (text("Type")?, text("Id")?) {
        ("ACCOUNT", id) if is_account_id(id) => Ok(Target::Account(id.to_owned())),
        ("ACCOUNT", _) => Err(invalid("INVALID_PATTERN_TARGET_ID", "Target.Id")),
        ("EMAIL", id) if is_email(id) => Ok(Target::Email(id.to_owned())),
        ("EMAIL", _) => Err(invalid("INVALID_EMAIL_ADDRESS_TARGET", "Target.Id")),
        ("ORGANIZATION", _) => Err(invalid("INVALID_PARTY_TYPE_TARGET", "Target.Type")),
        _ => Err(invalid("INVALID_ENUM", "Target.Type")),
    }
}

fn invite_gates(call: &Call<'_>, organization: &str, target: &Target) -> Result<Vec<Gate>, AwsError> {
    let found = call.managed()?;
    let state = &call.state;
    let management = state.accounts.get(&found.management).ok_or_else(access_denied)?;
    let invited = state.target_account(target);
    let same = |other: &Target| match (state.target_account(other), invited) {
        (Some(a), Some(b)) => a.id == b.id,
        _ => other == target,
    };
    let duplicate = state.pending_invites(organization).any(|handshake| same(&handshake.target));
    let inside = invited.and_then(|account| account.member.as_ref()).is_some_and(|m| m.organization == organization);
    let seller = invited.is_some_and(|account| account.seller != management.seller);
    let spent = state.handshakes.values().filter(|handshake| {
        handshake.organization == organization
            && handshake.kind == HandshakeKind::Invite
            && handshake.state != HandshakeState::Accepted
            && call.now.since(handshake.requested) < DAY
    });
    let seats = call.seats_taken(organization);
    let violated = handshake_constraint;
    Ok(vec![
        gate("email_not_verified", !management.facts.mailbox, || {
            AwsError::json(
                "AccountOwnerNotVerifiedException",
                "The management account's e-mail address is not verified.",
            )
        }),
        gate("initialising", found.initialising_until.is_some_and(|until| call.now < until), finalizing),
        gate("member_already", inside, || {
            violated("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of this organization.")
        }),
        gate("seller", seller, || {
            violated("ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD", "The account has a different seller of record.")
        }),
        gate("enabling_all_features", found.enabling_all_features, || {
            violated(
                "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
                "All features are being enabled; nobody can be invited.",
            )
        }),
        gate("duplicate", duplicate, || {
            AwsError::json("DuplicateHandshakeException", "A handshake with the same action and target already exists.")
        }),
        gate("payment", !management.facts.payment_method, || {
            violated("PAYMENT_INSTRUMENT_REQUIRED", "The management account has no valid payment method.")
        }),
        gate("account_quota", seats >= found.account_quota, || {
            violated("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of accounts in an organization.")
        }),
        gate("daily_quota", spent.count() >= found.daily_invites, || {
            violated("HANDSHAKE_RATE_LIMIT_EXCEEDED", "You have exceeded the number of invitations per day.")
        }),
    ])
}

pub(super) fn finalizing() -> AwsError {
    let message = "Organizations couldn't perform the operation because your organization hasn't finished initializing. Try again later.";
    AwsError::json("FinalizingOrganizationException", message)
}

pub(super) fn accept(call: &mut Call<'_>) -> Done {
    let id = call.need("HandshakeId", HANDSHAKE)?;
    let handshake = addressed(call, &id)?.clone();
    if let HandshakeKind::Transfer(transfer) = &handshake.kind {
        return super::transfers::accept(call, &handshake, transfer);
    }
    pass(call, "AcceptHandshake", accept_gates(call, &handshake))?;
    let (now, account) = (call.now, call.caller.account.clone());
    let ends = call.settings.identity_center_ends.iter().any(|what| what == "leave");
    let root = call.state.organizations.get(&handshake.organization).map(|o| o.root.clone()).ok_or_else(not_found)?;
    let state = call.change();
    state.depart(&account, now, ends);
    if let Some(entry) = state.accounts.get_mut(&account) {
        entry.member = Some(Membership {
            organization: handshake.organization.clone(),
            parent: root,
            method: JoinedMethod::Invited,
            joined: now,
        });
        if entry.changes.last() != Some(&now) {
            entry.changes.push(now);
        }
    }
    end(call, &id, HandshakeState::Accepted)
}

fn accept_gates(call: &Call<'_>, handshake: &Handshake) -> Vec<Gate> {
    let state = &call.state;
    let account = state.accounts.get(&call.caller.account);
    // Where the organization was deleted meanwhile, its invitations went with it.
    let (Some(account), Some(joining)) = (account, state.organizations.get(&handshake.organization)) else {
        return vec![("state", Some(not_found()))];
    };
    let leaving = state.organization_of(&account.id);
    let mut gates = vec![
        ("state", transition(handshake.state, HandshakeState::Accepted)),
        gate("management_account", state.is_management(&account.id), management_cannot_leave),
        gate("member_already", leaving.is_some_and(|o| o.id == joining.id), || {
            handshake_constraint("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of this organization.")
        }),
    ];
    gates.extend(departing_gates(call, account, leaving));
    gates.extend(joining_gates(call, account, leaving, joining));
    gates
}

/// What the organization that the account leaves may hold against it.
fn departing_gates(call: &Call<'_>, account: &Account, leaving: Option<&Organization>) -> Vec<Gate> {
    let denied = call.settings.accept_needs_leave
        && leaving.is_some()
        && denied_by_organization(&call.state, &account.id, "organizations:LeaveOrganization");
    vec![
        gate("service_control_policy", denied, || {
            let arn = &call.caller.arn;
            let action = "organizations:LeaveOrganization with an explicit deny in a service control policy";
            AwsError::json("AccessDeniedException", format!("User: {arn} is not authorized to perform: {action}"))
        }),
        gate("delegated_administrator", leaving.is_some_and(|o| o.delegated.contains_key(&account.id)), delegated),
        gate("created_account_wait", too_fresh(call, account), wait),
        gate("membership_changes", changes_spent(call, account), || {
            let message = "The account has changed its organization too often. Try again later.";
            handshake_constraint("ORGANIZATION_MEMBERSHIP_CHANGE_RATE_LIMIT_EXCEEDED", message)
        }),
    ]
}

/// What the organization that the account joins asks for.
fn joining_gates(
    call: &Call<'_>,
    account: &Account,
    leaving: Option<&Organization>,
    joining: &Organization,
) -> Vec<Gate> {
    let young = leaving.is_some() && call.now.since(joining.created) < call.settings.new_organization_wait;
    let unpaid = call.settings.accept_needs_payment && leaving.is_none() && !account.facts.payment_method;
    let management = call.state.accounts.get(&joining.management);
    let role = decide(&call.state, call.caller, "iam:CreateServiceLinkedRole", "*").is_err();
    // The invitation that is being answered holds a seat itself.
    let seats = call.seats_taken(&joining.id).saturating_sub(1);
    vec![
        gate("new_organization_wait", young, || {
            // AWS documents the seven days, but not the code.
            constraint("WAIT_PERIOD_ACTIVE", "The organization that the account joins must be seven days old.")
        }),
        gate("payment", unpaid, || {
            handshake_constraint("PAYMENT_INSTRUMENT_REQUIRED", "The account has no valid payment method.")
        }),
        gate("seller", management.is_some_and(|one| one.seller != account.seller), || {
            let message = "The account has a different seller of record.";
            handshake_constraint("ORGANIZATION_FROM_DIFFERENT_SELLER_OF_RECORD", message)
        }),
        gate("account_quota", seats >= joining.account_quota, || {
            let message = "The organization has reached its number of accounts.";
            handshake_constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", message)
        }),
        gate("service_linked_role", joining.feature_set == "ALL" && role, no_service_linked_role),
    ]
}

pub(super) fn no_service_linked_role() -> AwsError {
    let message = "The caller may not create the service-linked role of Organizations (iam:CreateServiceLinkedRole).";
    AwsError::reason("AccessDeniedForDependencyException", "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE", message)
}

/// A created account must be some days old before it leaves.
pub(super) fn too_fresh(call: &Call<'_>, account: &Account) -> bool {
    account.member.as_ref().is_some_and(|member| member.method == JoinedMethod::Created)
        && call.now.since(account.created) < call.settings.created_account_wait
}

pub(super) fn wait() -> AwsError {
    constraint("WAIT_PERIOD_ACTIVE", "This operation requires a wait period. Try again later.")
}

pub(super) fn delegated() -> AwsError {
    let message = "The account is a delegated administrator. Deregister it first.";
    constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", message)
}

pub(super) fn management_cannot_leave() -> AwsError {
    let message = "You can't remove a management account from an organization. Delete the organization first.";
    AwsError::json("MasterCannotLeaveOrganizationException", message)
}

pub(super) fn changes_spent(call: &Call<'_>, account: &Account) -> bool {
    let recent = account.changes.iter().filter(|at| call.now.since(**at) < DAY);
    recent.count() >= call.settings.membership_changes
}

pub(super) fn cancel(call: &mut Call<'_>) -> Done {
    let id = call.need("HandshakeId", HANDSHAKE)?;
    let handshake = visible(call, &id)?;
    if handshake.management != call.caller.account {
        return Err(access_denied());
    }
    if let Some(error) = transition(handshake.state, HandshakeState::Canceled) {
        return Err(error);
    }
    let transfer = transfer_of(handshake);
    super::transfers::ends(call, transfer, "CANCELED");
    end(call, &id, HandshakeState::Canceled)
}

pub(super) fn decline(call: &mut Call<'_>) -> Done {
    let id = call.need("HandshakeId", HANDSHAKE)?;
    let handshake = addressed(call, &id)?;
    let transfer = transfer_of(handshake);
    if transfer.is_none() && call.state.is_management(&call.caller.account) {
        return Err(not_found()); // a management account does not see invitations
    }
    if let Some(error) = transition(handshake.state, HandshakeState::Declined) {
        return Err(error);
    }
    super::transfers::ends(call, transfer, "DECLINED");
    end(call, &id, HandshakeState::Declined)
}

fn transfer_of(handshake: &Handshake) -> Option<String> {
    match &handshake.kind {
        HandshakeKind::Transfer(transfer) => Some(transfer.clone()),
        _ => None,
    }
}

/// Why `from` can't become `to`.
pub(super) fn transition(from: HandshakeState, to: HandshakeState) -> Option<AwsError> {
    if from.pending() {
        return None;
    }
    Some(if from == to {
        let message = format!("The specified handshake is already in the requested state: {}.", to.name());
        AwsError::json("HandshakeAlreadyInStateException", message)
    } else {
        let message = format!("You can't change a handshake from {} to {}.", from.name(), to.name());
        AwsError::json("InvalidHandshakeTransitionException", message)
    })
}

/// The organization asks itself (and each invited account, which the simulator leaves out) to enable all features.
pub(super) fn ask_all_features(call: &mut Call<'_>) -> Done {
    let organization = call.organization()?;
    let (id, management) = (organization.id.clone(), organization.management.clone());
    let (now, seed) = (call.now, call.settings.seed);
    let state = call.change();
    let handshake = Handshake {
        id: state.new_id(seed, "h-", LOWER, 10),
        organization: id,
        feature_set: "ALL".to_owned(),
        target: Target::Account(management.clone()),
        management,
        notes: String::new(),
        kind: HandshakeKind::EnableAllFeatures,
        state: HandshakeState::Requested,
        requested: now,
        expires: now.plus(90 * DAY),
        ended: None,
    };
    let shown = show(state, &handshake);
    state.handshakes.insert(handshake.id.clone(), handshake);
    Ok(shown)
}

pub(super) fn end(call: &mut Call<'_>, id: &str, state: HandshakeState) -> Done {
    let now = call.now;
    let all = call.change();
    let handshake = all.handshakes.get_mut(id).ok_or_else(not_found)?;
    handshake.state = state;
    handshake.ended = Some(now);
    let handshake = handshake.clone();
    Ok(json!({ "Handshake": show(all, &handshake) }))
}

pub(super) fn not_found() -> AwsError {
    AwsError::json("HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified.")
}

fn is_target(state: &State, handshake: &Handshake, account: &str) -> bool {
    state.target_account(&handshake.target).is_some_and(|target| target.id == account)
}

/// The handshake, if the caller is one of its parties and may see it.
fn visible<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Handshake, AwsError> {
    let me = &call.caller.account;
    let handshake = call.state.handshakes.get(id).ok_or_else(not_found)?;
    let invited = is_target(&call.state, handshake, me)
        && (handshake.kind != HandshakeKind::Invite || !call.state.is_management(me));
    if handshake.management == *me || invited { Ok(handshake) } else { Err(not_found()) }
}

/// The handshake, if it is addressed to the caller.
fn addressed<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Handshake, AwsError> {
    let handshake = call.state.handshakes.get(id).ok_or_else(not_found)?;
    if is_target(&call.state, handshake, &call.caller.account) {
        Ok(handshake)
    } else if handshake.management == call.caller.account {
        Err(access_denied())
    } else {
        Err(not_found())
    }
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let id = call.need("HandshakeId", HANDSHAKE)?;
    let handshake = visible(call, &id)?;
    Ok(json!({ "Handshake": show(&call.state, handshake) }))
}

pub(super) fn list_for_organization(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    list(call, |handshake| handshake.organization == organization)
}

pub(super) fn list_for_account(call: &mut Call<'_>) -> Done {
    let me = call.caller.account.clone();
    let blind = call.state.is_management(&me);
    let state = std::sync::Arc::clone(&call.state);
    list(call, |handshake| (handshake.kind != HandshakeKind::Invite || !blind) && is_target(&state, handshake, &me))
}

fn list(call: &Call<'_>, meant: impl Fn(&Handshake) -> bool) -> Done {
    let filter = call.input.get("Filter").filter(|filter| !filter.is_null());
    if filter.is_some_and(|filter| !filter.is_object()) {
        return Err(malformed("Filter"));
    }
    let wanted = filter.and_then(|filter| filter.get("ActionType")).and_then(Value::as_str);
    let parent = filter.and_then(|filter| filter.get("ParentHandshakeId")).is_some_and(|parent| !parent.is_null());
    let known = [
        "INVITE",
        "ENABLE_ALL_FEATURES",
        "APPROVE_ALL_FEATURES",
        "ADD_ORGANIZATIONS_SERVICE_LINKED_ROLE",
        "TRANSFER_RESPONSIBILITY",
    ];
    if wanted.is_some_and(|wanted| !known.contains(&wanted)) {
        return Err(invalid("INVALID_ENUM", "Filter.ActionType"));
    }
    if wanted.is_some() && parent {
        return Err(invalid("MAX_LIMIT_EXCEEDED_FILTER", "Filter"));
    }
    let fits = |one: &&Handshake| !parent && wanted.is_none_or(|wanted| wanted == one.kind.name()) && meant(one);
    let mut found: Vec<&Handshake> = call.state.handshakes.values().filter(fits).collect();
    found.sort_by(|one, other| (one.requested, &one.id).cmp(&(other.requested, &other.id)));
    call.page_shown("Handshakes", found, |handshake| show(&call.state, handshake))
}

/// A handshake as AWS shows it. The organization's party id carries its `o-`.
pub(super) fn show(state: &State, handshake: &Handshake) -> Value {
    let (kind, id) = match &handshake.target {
        Target::Account(id) => ("ACCOUNT", id),
        Target::Email(email) => ("EMAIL", email),
    };
    let management = state.accounts.get(&handshake.management);
    let mut resources = vec![
        json!({
            "Type": "ORGANIZATION", "Value": handshake.organization, "Resources": [
                {"Type": "MASTER_EMAIL", "Value": management.map_or("", |account| account.email.as_str())},
                {"Type": "MASTER_NAME", "Value": management.map_or("", |account| account.name.as_str())},
                {"Type": "ORGANIZATION_FEATURE_SET", "Value": handshake.feature_set},
            ],
        }),
        json!({"Type": kind, "Value": id}),
    ];
    if !handshake.notes.is_empty() {
        resources.push(json!({"Type": "NOTES", "Value": handshake.notes}));
    }
    if let HandshakeKind::Transfer(transfer) = &handshake.kind {
        resources.push(json!({"Type": "RESPONSIBILITY_TRANSFER", "Value": transfer}));
    }
    let kind_of = handshake.kind.name().to_ascii_lowercase();
    json!({
        "Id": handshake.id,
        "Arn": format!(
            "arn:aws:organizations::{}:handshake/{}/{kind_of}/{}",
            handshake.management, handshake.organization, handshake.id
        ),
        "Parties": [{"Id": handshake.organization, "Type": "ORGANIZATION"}, {"Id": id, "Type": kind}],
        "State": handshake.state.name(),
        "RequestedTimestamp": epoch(handshake.requested),
        "ExpirationTimestamp": epoch(handshake.expires),
        "Action": handshake.kind.name(),
        "Resources": resources,
    })
}
