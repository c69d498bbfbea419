//! Billing transfers: one management account asks another to let it pay; the other accepts; it begins and ends with
//! a month (UTC).

use super::super::Call;
use super::super::state::{Handshake, HandshakeKind, HandshakeState, LOWER, State, Target, Transfer};
use super::super::wire::{AwsError, epoch};
use super::super::world::{DAY, is_account_id};
use super::handshakes::{end, show, transition};
use super::input::{HANDSHAKE_NOTES, TRANSFER, TRANSFER_NAME, invalid, malformed};
use super::{Done, constraint, handshake_constraint};
use crate::base::Time;
use serde_json::{Value, json};

fn not_found() -> AwsError {
    AwsError::json(
        "ResponsibilityTransferNotFoundException",
        "We can't find a transfer with the id that you specified.",
    )
}

/// The month of `time` (UTC) as `2026-01`.
fn month(time: Time) -> String {
    time.seconds().chars().take(7).collect()
}

/// The first instant of a month.
fn begins_month(time: Time) -> bool {
    time.0 % DAY == 0 && month(Time(time.0 - 1)) != month(time)
}

/// A time as JSON clients write it.
fn instant(call: &Call<'_>, name: &str) -> Result<Option<Time>, AwsError> {
    match call.input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) => Ok(Some(Time((seconds * 1000.0) as i64))),
            None => Err(malformed(name)),
        },
    }
}

fn billing(call: &Call<'_>) -> Result<(), AwsError> {
    call.choice("Type", &["BILLING"])?.map(|_| ()).ok_or_else(|| invalid("INPUT_REQUIRED", "Type"))
}

/// The account that shall let the caller pay its bills: by id or by email.
fn target(call: &Call<'_>) -> Result<(Target, String), AwsError> {
    let given = call.input.get("Target").filter(|given| given.is_object());
    let given = given.ok_or_else(|| invalid("INPUT_REQUIRED", "Target"))?;
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or("");
    let target = match text("Type") {
        "ACCOUNT" if is_account_id(text("Id")) => Target::Account(text("Id").to_owned()),
        "ACCOUNT" => return Err(invalid("INVALID_PATTERN_TARGET_ID", "Target.Id")),
        "EMAIL" => Target::Email(text("Id").to_owned()),
        "ORGANIZATION" => return Err(invalid("INVALID_PARTY_TYPE_TARGET", "Target.Type")),
        _ => return Err(invalid("INVALID_ENUM", "Target.Type")),
    };
    let found = call.state.target_account(&target).filter(|found| call.state.is_management(&found.id));
    let failed = || handshake_constraint("TARGET_ACCOUNT_VALIDATION_FAILURE", "The target manages no organization.");
    Ok((target.clone(), found.ok_or_else(failed)?.id.clone()))
}

fn live(transfer: &Transfer, now: Time) -> bool {
    match transfer.status {
        "REQUESTED" => true,
        "ACCEPTED" => transfer.end.is_none_or(|end| end > now),
        _ => false,
    }
}

pub(super) fn invite(call: &mut Call<'_>) -> Done {
    let organization = call.managed()?.id.clone();
    billing(call)?;
    let name = call.need("SourceName", TRANSFER_NAME)?;
    let notes = call.text("Notes", HANDSHAKE_NOTES)?.unwrap_or_default();
    let start = instant(call, "StartTimestamp")?.ok_or_else(|| invalid("INPUT_REQUIRED", "StartTimestamp"))?;
    let (target, source) = target(call)?;
    let me = call.caller.account.clone();
    if source == me {
        let message = "Source and target of a transfer are the same.";
        return Err(handshake_constraint("SOURCE_AND_TARGET_CANNOT_MATCH", message));
    }
    if !begins_month(start) {
        return Err(invalid("START_DATE_NOT_BEGINNING_OF_MONTH", "StartTimestamp"));
    }
    if start < call.now.plus(DAY) {
        return Err(invalid("START_DATE_TOO_EARLY", "StartTimestamp"));
    }
    if start > call.now.plus(366 * DAY) {
        return Err(invalid("START_DATE_TOO_LATE", "StartTimestamp"));
    }
    let own = |one: &&Transfer| one.source == source && live(one, call.now);
    let existing: Vec<&Transfer> = call.state.transfers.values().filter(own).collect();
    if existing.iter().any(|one| one.status == "REQUESTED" && one.target == me) {
        let message = "A handshake with the same action and target already exists.";
        return Err(AwsError::json("DuplicateHandshakeException", message));
    }
    if existing.iter().any(|one| one.status == "ACCEPTED") {
        let message = "The bills of that organization are already transferred.";
        return Err(handshake_constraint("RESPONSIBILITY_TRANSFER_ALREADY_EXISTS", message));
    }
    let (now, seed) = (call.now, call.settings.seed);
    let state = call.change();
    let (id, handshake) = (state.new_id(seed, "rt-", LOWER, 10), state.new_id(seed, "h-", LOWER, 10));
    let feature_set = state.organizations.get(&organization).map_or(String::new(), |one| one.feature_set.clone());
    let source_organization = state.organization_of(&source).map_or(String::new(), |one| one.id.clone());
    let asked = Handshake {
        id: handshake.clone(),
        organization: organization.clone(),
        management: me.clone(),
        feature_set,
        target,
        notes,
        kind: HandshakeKind::Transfer(id.clone()),
        state: HandshakeState::Requested,
        requested: now,
        expires: now.plus(15 * DAY),
        ended: None,
    };
    let shown = show(state, &asked);
    let transfer = Transfer {
        id: id.clone(),
        name,
        source,
        source_organization,
        target: me,
        target_organization: organization,
        status: "REQUESTED",
        start,
        end: None,
        handshake: handshake.clone(),
    };
    state.transfers.insert(id, transfer);
    state.handshakes.insert(handshake, asked);
    Ok(json!({ "Handshake": shown }))
}

/// The source's management account agrees.
pub(super) fn accept(call: &mut Call<'_>, handshake: &Handshake, transfer: &str) -> Done {
    if let Some(error) = transition(handshake.state, HandshakeState::Accepted) {
        return Err(error);
    }
    ends(call, Some(transfer.to_owned()), "ACCEPTED");
    let source = call.caller.account.clone();
    if let Ok(organization) = call.organization().map(|one| one.id.clone())
        && call.state.is_management(&source)
    {
        call.organization_mut(&organization)?.responsibility_transfer = true;
    }
    end(call, &handshake.id, HandshakeState::Accepted)
}

/// A transfer's state follows its handshake's.
pub(super) fn ends(call: &mut Call<'_>, transfer: Option<String>, status: &'static str) {
    if let Some(id) = transfer
        && let Some(transfer) = call.change().transfers.get_mut(&id)
    {
        transfer.status = status;
    }
}

/// The transfer that `Id` names, for either side.
fn known(call: &Call<'_>) -> Result<Transfer, AwsError> {
    call.managed()?;
    let id = call.need("Id", TRANSFER)?;
    let me = &call.caller.account;
    let found = call.state.transfers.get(&id).filter(|one| one.source == *me || one.target == *me);
    found.cloned().ok_or_else(not_found)
}

pub(super) fn terminate(call: &mut Call<'_>) -> Done {
    let transfer = known(call)?;
    let end = instant(call, "EndTimestamp")?;
    if transfer.status == "WITHDRAWN" || transfer.end.is_some() {
        let message = "The transfer is already ended.";
        return Err(AwsError::json("ResponsibilityTransferAlreadyInStatusException", message));
    }
    if transfer.status != "ACCEPTED" {
        let message = "Only a transfer that was accepted can be ended.";
        return Err(AwsError::json("InvalidResponsibilityTransferTransitionException", message));
    }
    let mut at = call.now.0 / DAY * DAY + DAY;
    while !begins_month(Time(at)) {
        at += DAY;
    }
    // AWS ends with a month: the last second of it.
    let month_end = Time(at - 1_000);
    if let Some(end) = end {
        if !begins_month(end.plus(1_000)) {
            return Err(invalid("END_DATE_NOT_END_OF_MONTH", "EndTimestamp"));
        }
        if end < month_end {
            return Err(invalid("END_DATE_TOO_EARLY", "EndTimestamp"));
        }
    }
    let end = end.unwrap_or(month_end);
    let state = call.change();
    if let Some(entry) = state.transfers.get_mut(&transfer.id) {
        entry.end = Some(end);
        entry.status = "WITHDRAWN";
    }
    answer(call, &transfer.id)
}

pub(super) fn update(call: &mut Call<'_>) -> Done {
    let transfer = known(call)?;
    let name = call.need("Name", TRANSFER_NAME)?;
    if transfer.target != call.caller.account {
        let message = "Only who pays may rename a transfer.";
        return Err(constraint("TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED", message));
    }
    if let Some(entry) = call.change().transfers.get_mut(&transfer.id) {
        entry.name = name;
    }
    answer(call, &transfer.id)
}

pub(super) fn describe(call: &mut Call<'_>) -> Done {
    let transfer = known(call)?;
    answer(call, &transfer.id)
}

fn answer(call: &Call<'_>, id: &str) -> Done {
    let transfer = call.state.transfers.get(id).ok_or_else(not_found)?;
    Ok(json!({"ResponsibilityTransfer": shown(&call.state, transfer, &call.caller.account)}))
}

pub(super) fn inbound(call: &mut Call<'_>) -> Done {
    let me = call.caller.account.clone();
    let wanted = call.text("Id", TRANSFER)?;
    if let Some(id) = &wanted
        && call.state.transfers.get(id).is_none_or(|one| one.target != me)
    {
        call.managed()?;
        return Err(not_found());
    }
    list(call, |one| one.target == me && wanted.as_ref().is_none_or(|id| one.id == *id))
}

pub(super) fn outbound(call: &mut Call<'_>) -> Done {
    let me = call.caller.account.clone();
    list(call, |one| one.source == me)
}

fn list(call: &Call<'_>, meant: impl Fn(&Transfer) -> bool) -> Done {
    call.managed()?;
    billing(call)?;
    let found = call.state.transfers.values().filter(|one| meant(one));
    let me = &call.caller.account;
    call.page("ResponsibilityTransfers", found.map(|one| shown(&call.state, one, me)).collect())
}

fn shown(state: &State, transfer: &Transfer, me: &str) -> Value {
    let (way, organization) = match transfer.target == me {
        true => ("inbound", &transfer.target_organization),
        false => ("outbound", &transfer.source_organization),
    };
    let party = |id: &String| {
        let email = state.accounts.get(id).map_or("", |account| account.email.as_str());
        json!({"ManagementAccountId": id, "ManagementAccountEmail": email})
    };
    let mut shown = json!({
        "Arn": format!("arn:aws:organizations::{me}:transfer/{organization}/billing/{way}/{}", transfer.id),
        "Name": transfer.name, "Id": transfer.id, "Type": "BILLING", "Status": transfer.status,
        "Source": party(&transfer.source), "Target": party(&transfer.target),
        "StartTimestamp": epoch(transfer.start),
    });
    if let Some(end) = transfer.end {
        shown["EndTimestamp"] = epoch(end);
    }
    if transfer.status == "REQUESTED" {
        shown["ActiveHandshakeId"] = json!(transfer.handshake);
    }
    shown
}

/// The end of a transfer has come, or its handshake has expired.
pub(in super::super) fn transfer_due(transfer: &Transfer, now: Time) -> bool {
    match transfer.status {
        "REQUESTED" => transfer.start.plus(-DAY) <= now,
        "WITHDRAWN" => transfer.end.is_some_and(|end| end <= now) && !transfer.handshake.is_empty(),
        _ => false,
    }
}

/// What ended no longer holds the organization; what nobody accepted in time is expired.
pub(in super::super) fn finish_transfers(state: &mut State, now: Time) {
    let due: Vec<Transfer> = state.transfers.values().filter(|one| transfer_due(one, now)).cloned().collect();
    for transfer in due {
        let expired = transfer.status == "REQUESTED";
        if let Some(entry) = state.transfers.get_mut(&transfer.id) {
            if expired {
                entry.status = "EXPIRED";
            }
            entry.handshake.clear();
        }
        if expired {
            if let Some(handshake) = state.handshakes.get_mut(&transfer.handshake).filter(|one| one.state.pending()) {
                handshake.state = HandshakeState::Expired;
                handshake.ended = Some(now);
            }
        } else if let Some(organization) = state.organizations.get_mut(&transfer.source_organization) {
            organization.responsibility_transfer = false;
        }
    }
}
