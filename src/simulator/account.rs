//! AWS Account Management: name, contacts, the root user's address and phone. A management account speaks for its
//! members where `account.amazonaws.com` has trusted access; nobody names their own account id.

use super::state::{Account, EmailUpdate, UPPER, scatter};
use super::wire::AwsError;
use super::world::{is_account_id, is_email};
use super::{Call, Operation};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Done = Result<Value, AwsError>;
/// Member, whether it must be there, and its greatest length.
type Form = &'static [(&'static str, bool, usize)];

const SERVICE: &str = "account.amazonaws.com";
const TYPES: [&str; 3] = ["BILLING", "OPERATIONS", "SECURITY"];
const CONTACT: Form = &[
    ("FullName", true, 50),
    ("AddressLine1", true, 60),
    ("AddressLine2", false, 60),
    ("AddressLine3", false, 60),
    ("City", true, 50),
    ("StateOrRegion", false, 50),
    ("DistrictOrCounty", false, 50),
    ("PostalCode", true, 20),
    ("CountryCode", true, 2),
    ("PhoneNumber", true, 20),
    ("CompanyName", false, 50),
    ("WebsiteUrl", false, 256),
];
const ALTERNATE: Form =
    &[("Name", true, 64), ("Title", true, 50), ("EmailAddress", true, 254), ("PhoneNumber", true, 25)];

/// The operation of that name.
pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "GetAccountInformation" => read(information),
        "ListRegions" => read(regions),
        "PutAccountName" => write(put_name),
        "GetContactInformation" => read(get_contact),
        "PutContactInformation" => write(put_contact),
        "GetAlternateContact" => read(get_alternate),
        "PutAlternateContact" => write(put_alternate),
        "DeleteAlternateContact" => write(delete_alternate),
        "GetPrimaryEmail" => read(get_email),
        "GetPrimaryEmailUpdateStatus" => read(email_status),
        "StartPrimaryEmailUpdate" => write(start_email),
        "AcceptPrimaryEmailUpdate" => write(accept_email),
        "SendPhoneNumberVerification" => write(send_code),
        "VerifyPhoneNumber" => write(verify_phone),
        _ => return None,
    })
}

/// The contact of an account whose world file says no more than that it has one.
pub(super) fn some_contact(name: &str) -> BTreeMap<String, String> {
    let members = [
        ("FullName", name),
        ("AddressLine1", "1 Example Street"),
        ("City", "Anytown"),
        ("PostalCode", "12345"),
        ("CountryCode", "US"),
        ("PhoneNumber", "+15550100"),
    ];
    let cut = |text: &str| text.chars().take(50).collect();
    members.into_iter().map(|(member, text)| (member.to_owned(), cut(text))).collect()
}

fn invalid(message: &str) -> AwsError {
    AwsError::query(400, "ValidationException", message)
}

fn not_found(message: &str) -> AwsError {
    AwsError::query(404, "ResourceNotFoundException", message)
}

fn denied() -> AwsError {
    AwsError::query(403, "AccessDeniedException", "User is not authorized to access this account.")
}

fn conflict(message: &str) -> AwsError {
    AwsError::query(409, "ConflictException", message)
}

/// The account that a request is about.
fn target(call: &Call<'_>, needed: bool) -> Result<String, AwsError> {
    let own = &call.caller.account;
    match call.input.get("AccountId") {
        None | Some(Value::Null) if needed => Err(invalid("AccountId is required.")),
        None | Some(Value::Null) => Ok(own.clone()),
        Some(Value::String(id)) if is_account_id(id) => match spoken_for(call, id) {
            true => Ok(id.clone()),
            false => Err(denied()),
        },
        Some(_) => Err(invalid("AccountId has 12 digits.")),
    }
}

/// The caller manages (or administers accounts for) the organization in which the account is a member.
fn spoken_for(call: &Call<'_>, id: &str) -> bool {
    let own = &call.caller.account;
    let Some(organization) = call.state.organization_of(own) else { return false };
    let delegated = organization.delegated.get(own).is_some_and(|services| services.contains_key(SERVICE));
    let member = call.state.organization_of(id).is_some_and(|other| other.id == organization.id);
    member
        && id != own
        && id != organization.management
        && organization.service_access.contains_key(SERVICE)
        && (organization.management == *own || delegated)
}

fn account<'a>(call: &'a Call<'_>, id: &str) -> Result<&'a Account, AwsError> {
    call.state.accounts.get(id).ok_or_else(denied)
}

fn account_mut<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut Account, AwsError> {
    call.change().accounts.get_mut(id).ok_or_else(denied)
}

fn text<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a str, AwsError> {
    call.input.get(name).and_then(Value::as_str).ok_or_else(|| invalid(&format!("{name} is required.")))
}

/// The members of `form` that are given, each of its length.
fn filled(given: &Value, form: Form) -> Result<BTreeMap<String, String>, AwsError> {
    let mut found = BTreeMap::new();
    for (name, needed, longest) in form {
        match given.get(name) {
            None | Some(Value::Null) if *needed => return Err(invalid(&format!("{name} is required."))),
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if (1..=*longest).contains(&text.chars().count()) => {
                found.insert((*name).to_owned(), text.clone());
            }
            Some(_) => return Err(invalid(&format!("{name} is a text of 1 to {longest} characters."))),
        }
    }
    Ok(found)
}

fn information(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let account = account(call, &id)?;
    // This service knows no PENDING_CLOSURE.
    let state = if account.state == "PENDING_CLOSURE" { "ACTIVE" } else { &account.state };
    Ok(json!({
        "AccountId": id, "AccountName": account.name, "AccountState": state,
        "AccountCreatedDate": account.created.seconds(),
    }))
}

/// Regions that every account has, but for those that the world switches off by not naming them.
fn regions(call: &mut Call<'_>) -> Done {
    target(call, false)?;
    let wanted: Vec<&str> = match call.input.get("RegionOptStatusContains") {
        Some(Value::Array(states)) => states.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let on = |name: &String| json!({"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"});
    let off = json!({"RegionName": "ap-east-1", "RegionOptStatus": "DISABLED"});
    let meant = |one: &Value| wanted.is_empty() || wanted.iter().any(|state| one["RegionOptStatus"] == *state);
    let all: Vec<Value> = call.settings.regions.iter().map(on).chain([off]).filter(meant).collect();
    let from = match call.input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => {
            let from = token.strip_prefix("page-").and_then(|from| from.parse::<usize>().ok());
            from.filter(|from| *from <= all.len()).ok_or_else(|| invalid("NextToken is not valid."))?
        }
    };
    let to = from.saturating_add(call.settings.page_size).min(all.len());
    let mut answer = json!({"Regions": all[from..to]});
    if to < all.len() {
        answer["NextToken"] = json!(format!("page-{to}"));
    }
    Ok(answer)
}

fn put_name(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let name = text(call, "AccountName")?.to_owned();
    let fits = name.bytes().all(|byte| (0x20..=0x7e).contains(&byte) && byte != b'<' && byte != b'>');
    if !fits || !(1..=50).contains(&name.len()) {
        return Err(invalid("AccountName has 1 to 50 printable characters without < and >."));
    }
    account_mut(call, &id)?.name = name;
    Ok(Value::Null)
}

fn get_contact(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let inside = &account(call, &id)?.inside;
    if inside.contact.is_empty() {
        return Err(not_found("The account has no contact information."));
    }
    let status = match (inside.phone_verified, inside.phone_code.is_empty()) {
        (true, _) => "VERIFIED",
        (false, false) => "PENDING",
        (false, true) => "UNVERIFIED",
    };
    Ok(json!({"ContactInformation": inside.contact, "VerificationStatus": status}))
}

fn put_contact(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let given = call.input.get("ContactInformation").filter(|given| given.is_object());
    let contact = filled(given.ok_or_else(|| invalid("ContactInformation is required."))?, CONTACT)?;
    if !contact["PhoneNumber"].starts_with('+') || contact["CountryCode"].len() != 2 {
        return Err(invalid("PhoneNumber begins with +, CountryCode has two letters."));
    }
    let account = account_mut(call, &id)?;
    if account.inside.contact.get("PhoneNumber") != contact.get("PhoneNumber") {
        account.inside.phone_verified = false;
        account.inside.phone_code.clear();
    }
    account.inside.contact = contact;
    account.facts.contact = true;
    Ok(Value::Null)
}

fn kind(call: &Call<'_>) -> Result<String, AwsError> {
    let kind = text(call, "AlternateContactType")?;
    TYPES.contains(&kind).then(|| kind.to_owned()).ok_or_else(|| invalid("AlternateContactType is not known."))
}

fn get_alternate(call: &mut Call<'_>) -> Done {
    let (id, kind) = (target(call, false)?, kind(call)?);
    let found = account(call, &id)?.inside.alternates.get(&kind);
    let found = found.ok_or_else(|| not_found("No contact of the inquired type found."))?;
    let mut shown = json!(found);
    shown["AlternateContactType"] = json!(kind);
    Ok(json!({ "AlternateContact": shown }))
}

fn put_alternate(call: &mut Call<'_>) -> Done {
    let (id, kind) = (target(call, false)?, kind(call)?);
    let contact = filled(call.input, ALTERNATE)?;
    if !is_email(&contact["EmailAddress"]) {
        return Err(invalid("EmailAddress is no address."));
    }
    account_mut(call, &id)?.inside.alternates.insert(kind, contact);
    Ok(Value::Null)
}

fn delete_alternate(call: &mut Call<'_>) -> Done {
    let (id, kind) = (target(call, false)?, kind(call)?);
    if !account(call, &id)?.inside.alternates.contains_key(&kind) {
        return Err(not_found("No contact of the inquired type found."));
    }
    account_mut(call, &id)?.inside.alternates.remove(&kind);
    Ok(Value::Null)
}

/// The member account whose address a management account asks for or changes.
fn member(call: &Call<'_>) -> Result<String, AwsError> {
    let id = call.input.get("AccountId").and_then(Value::as_str).unwrap_or("");
    if is_account_id(id) && !call.state.accounts.contains_key(id) {
        return Err(not_found("There is no such account."));
    }
    target(call, true)
}

fn get_email(call: &mut Call<'_>) -> Done {
    let id = member(call)?;
    Ok(json!({"PrimaryEmail": account(call, &id)?.email}))
}

fn email_status(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let update = account(call, &id)?.inside.email_update.as_ref();
    let update = update.ok_or_else(|| not_found("No change of the address was asked for."))?;
    Ok(json!({"Status": update.status, "UpdatedAt": update.at.0 as f64 / 1000.0}))
}

fn wanted_email(call: &Call<'_>) -> Result<String, AwsError> {
    let email = text(call, "PrimaryEmail")?.to_owned();
    if is_email(&email) { Ok(email) } else { Err(invalid("PrimaryEmail is no address.")) }
}

fn one_time_code(call: &Call<'_>, what: &str) -> String {
    let drawn = || scatter(call.settings.seed, &format!("{what} {}", call.now.0), UPPER, 6);
    call.settings.one_time_code.clone().unwrap_or_else(drawn)
}

fn start_email(call: &mut Call<'_>) -> Done {
    let (id, email) = (member(call)?, wanted_email(call)?);
    if call.state.account_of_email(&email).is_some() {
        return Err(conflict("The address is already in use."));
    }
    let update = EmailUpdate { code: one_time_code(call, &id), email, status: "PENDING", at: call.now };
    account_mut(call, &id)?.inside.email_update = Some(update);
    Ok(json!({"Status": "PENDING"}))
}

fn accept_email(call: &mut Call<'_>) -> Done {
    let (id, email) = (member(call)?, wanted_email(call)?);
    let code = text(call, "Otp")?.to_owned();
    let update = account(call, &id)?.inside.email_update.as_ref();
    let pending = update.filter(|update| update.status == "PENDING" && update.email == email);
    let pending = pending.ok_or_else(|| not_found("No change to this address is pending."))?;
    if pending.code != code {
        // AWS does not say how it answers a wrong code; this is its general word.
        return Err(invalid("The one-time code is not the one that was sent."));
    }
    if call.state.account_of_email(&email).is_some() {
        return Err(conflict("The address is already in use."));
    }
    let now = call.now;
    let account = account_mut(call, &id)?;
    account.email.clone_from(&email);
    account.inside.email_update = Some(EmailUpdate { email, code: String::new(), status: "COMPLETED", at: now });
    Ok(json!({"Status": "ACCEPTED"}))
}

fn send_code(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let inside = &account(call, &id)?.inside;
    if inside.contact.is_empty() {
        return Err(not_found("The account has no phone number."));
    }
    if inside.phone_verified {
        return Err(conflict("The phone number is already verified."));
    }
    let code = one_time_code(call, &format!("phone {id}"));
    account_mut(call, &id)?.inside.phone_code = code;
    Ok(json!({"Status": "PENDING"}))
}

fn verify_phone(call: &mut Call<'_>) -> Done {
    let id = target(call, false)?;
    let code = text(call, "Otp")?.to_owned();
    let inside = &account(call, &id)?.inside;
    if inside.phone_verified {
        return Err(conflict("The phone number is already verified."));
    }
    if inside.phone_code.is_empty() {
        return Err(not_found("No verification is under way."));
    }
    if inside.phone_code != code {
        return Err(invalid("The one-time code is not the one that was sent."));
    }
    let inside = &mut account_mut(call, &id)?.inside;
    inside.phone_verified = true;
    inside.phone_code.clear();
    Ok(json!({"Status": "VERIFIED"}))
}
