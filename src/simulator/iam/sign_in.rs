//! Ways to sign in: passwords of users and of the root user, MFA devices, the account's alias.

use super::super::state::{Device, Mfa, Password, UPPER, Who, scatter};
use super::super::wire::AwsError;
use super::super::{Call, Operation, totp};
use super::{Done, in_use, invalid, limit, named, text};
use crate::base::Time;
use serde_json::{Value, json};

pub(super) fn operation(name: &str) -> Option<Operation> {
    let read = |run: fn(&mut Call<'_>) -> Done| Operation { writes: false, run };
    let write = |run: fn(&mut Call<'_>) -> Done| Operation { writes: true, run };
    Some(match name {
        "CreateLoginProfile" => write(create_login),
        "GetLoginProfile" => read(get_login),
        "DeleteLoginProfile" => write(delete_login),
        "CreateVirtualMFADevice" => write(create_device),
        "DeleteVirtualMFADevice" => write(delete_device),
        "EnableMFADevice" => write(enable_device),
        "DeactivateMFADevice" => write(deactivate_device),
        "ListMFADevices" => read(list_devices),
        "ListVirtualMFADevices" => read(list_virtual_devices),
        "CreateAccountAlias" => write(create_alias),
        "DeleteAccountAlias" => write(delete_alias),
        "ListAccountAliases" => read(list_aliases),
        _ => return None,
    })
}

/// Whom a request without `UserName` is about.
pub(super) enum Subject {
    User(String),
    Root,
}

impl Call<'_> {
    pub(super) fn subject(&self) -> Result<Subject, AwsError> {
        let root = matches!(self.caller.who, Who::Root | Who::RootTask(_));
        match text(self.input, "UserName") {
            None if root => Ok(Subject::Root),
            _ => {
                let name = self.user_name(true)?;
                self.user(&name)?;
                Ok(Subject::User(name))
            }
        }
    }
}

fn none(message: &str) -> AwsError {
    AwsError::query(404, "NoSuchEntity", message)
}

fn login(name: &str, password: Password) -> Value {
    json!({"LoginProfile": {
        "UserName": name, "CreateDate": password.created.seconds(), "PasswordResetRequired": password.reset,
    }})
}

fn exists(name: &str) -> AwsError {
    AwsError::query(409, "EntityAlreadyExists", format!("Login Profile for user {name} already exists."))
}

fn create_login(call: &mut Call<'_>) -> Done {
    let subject = call.subject()?;
    let password = text(call.input, "Password").unwrap_or("");
    let password_state =
        Password { created: call.now, reset: text(call.input, "PasswordResetRequired") == Some("true") };
    match subject {
        // Gives a root user without credentials the way back by email; it has no password until somebody sets one.
        Subject::Root => {
            if call.account()?.root_password {
                return Err(exists("root"));
            }
            let me = call.caller.account.clone();
            if let Some(account) = call.change().accounts.get_mut(&me) {
                account.root_password = true;
            }
            Ok(login("root", password_state))
        }
        Subject::User(name) => {
            if password.is_empty() {
                return Err(invalid("Must specify password."));
            }
            if call.user(&name)?.password.is_some() {
                return Err(exists(&name));
            }
            let kinds: [fn(&u8) -> bool; 4] =
                [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |byte| {
                    !byte.is_ascii_alphanumeric()
                }];
            let kinds = kinds.iter().filter(|kind| password.as_bytes().iter().any(kind)).count();
            if password.len() < 8 || kinds < 3 {
                let message = "Password should have at least 8 characters of three kinds.";
                return Err(AwsError::query(400, "PasswordPolicyViolation", message));
            }
            call.user_mut(&name)?.password = Some(password_state);
            Ok(login(&name, password_state))
        }
    }
}

fn get_login(call: &mut Call<'_>) -> Done {
    match call.subject()? {
        Subject::Root => {
            let account = call.account()?;
            let password = Password { created: account.created, reset: false };
            let missing = || none("Login Profile for the root user cannot be found.");
            account.root_password.then(|| login("root", password)).ok_or_else(missing)
        }
        Subject::User(name) => {
            let missing = || none(&format!("Login Profile for User {name} cannot be found."));
            call.user(&name)?.password.map(|password| login(&name, password)).ok_or_else(missing)
        }
    }
}

fn delete_login(call: &mut Call<'_>) -> Done {
    match call.subject()? {
        Subject::Root => {
            if !call.account()?.root_password {
                return Err(none("Login Profile for the root user cannot be found."));
            }
            let me = call.caller.account.clone();
            if let Some(account) = call.change().accounts.get_mut(&me) {
                account.root_password = false;
            }
        }
        Subject::User(name) => {
            if call.user(&name)?.password.is_none() {
                return Err(none(&format!("Login Profile for User {name} cannot be found.")));
            }
            call.user_mut(&name)?.password = None;
        }
    }
    Ok(Value::Null)
}

fn create_device(call: &mut Call<'_>) -> Done {
    let name = named(call, "VirtualMFADeviceName", 226)?;
    let serial = format!("arn:aws:iam::{}:mfa/{name}", call.caller.account);
    if call.account()?.inside.devices.contains_key(&serial) {
        let message = "MFADevice entity at the same path and name already exists.";
        return Err(AwsError::query(409, "EntityAlreadyExists", message));
    }
    let (me, settings) = (call.caller.account.clone(), call.settings);
    let state = call.change();
    let number = state.new_id(settings.seed, "", UPPER, 8);
    let seed = scatter(settings.seed, &format!("mfa {serial} {number}"), UPPER, 64);
    let device = Device { serial: serial.clone(), seed: seed.clone(), user: None };
    if let Some(account) = state.accounts.get_mut(&me) {
        account.inside.devices.insert(serial.clone(), device);
    }
    // Blobs are base64 on the wire; the seed is base32 inside. A picture of it the simulator does not draw.
    let blob = |text: &str| base64(text.as_bytes());
    Ok(json!({"VirtualMFADevice": {
        "SerialNumber": serial, "Base32StringSeed": blob(&seed), "QRCodePNG": blob("no picture in a simulation"),
    }}))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn serial(call: &Call<'_>) -> Result<String, AwsError> {
    let serial = text(call.input, "SerialNumber").filter(|serial| (9..=256).contains(&serial.len()));
    serial.map(str::to_owned).ok_or_else(|| invalid("SerialNumber has 9 to 256 characters."))
}

fn no_device(serial: &str) -> AwsError {
    none(&format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

fn delete_device(call: &mut Call<'_>) -> Done {
    let serial = serial(call)?;
    let device = call.account()?.inside.devices.get(&serial).ok_or_else(|| no_device(&serial))?;
    if device.user.is_some() {
        return Err(in_use("MFA VirtualDevice must be deactivated first."));
    }
    let me = call.caller.account.clone();
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.inside.devices.remove(&serial);
    }
    Ok(Value::Null)
}

fn enable_device(call: &mut Call<'_>) -> Done {
    let (name, serial) = (call.user_name(false)?, serial(call)?);
    let codes = [text(call.input, "AuthenticationCode1"), text(call.input, "AuthenticationCode2")];
    let [Some(first), Some(second)] = codes else { return Err(invalid("Two authentication codes are required.")) };
    let user = call.user(&name)?;
    let device = call.account()?.inside.devices.get(&serial).ok_or_else(|| no_device(&serial))?;
    if device.user.is_some() {
        return Err(AwsError::query(409, "EntityAlreadyExists", "MFA Device is already in use."));
    }
    if user.mfa.is_some() {
        return Err(limit("MFADevicesPerUser: 1 (of the simulator)"));
    }
    // The two codes follow each other; the first may be a little old.
    let now = totp::step(call.now);
    let good = |step: u64| {
        totp::code(&device.seed, step).as_deref() == Some(first)
            && totp::code(&device.seed, step + 1).as_deref() == Some(second)
    };
    let Some(step) = (now.saturating_sub(2)..=now + 1).find(|step| good(*step)) else {
        let message = "Authentication code for device is not valid.";
        return Err(AwsError::query(403, "InvalidAuthenticationCode", message));
    };
    let (me, at, seed) = (call.caller.account.clone(), call.now, device.seed.clone());
    call.user_mut(&name)?.mfa = Some(Mfa { serial: serial.clone(), seed, used: Some(step + 1) });
    if let Some(device) = call.change().accounts.get_mut(&me).and_then(|one| one.inside.devices.get_mut(&serial)) {
        device.user = Some((name, at));
    }
    Ok(Value::Null)
}

fn deactivate_device(call: &mut Call<'_>) -> Done {
    let (subject, serial, me) = (call.subject()?, serial(call)?, call.caller.account.clone());
    let missing = || none("MFA Device invalid for user.");
    match subject {
        Subject::Root => {
            if !call.account()?.facts.root_mfa {
                return Err(missing());
            }
            if let Some(account) = call.change().accounts.get_mut(&me) {
                account.facts.root_mfa = false;
            }
        }
        Subject::User(name) => {
            if call.user(&name)?.mfa.as_ref().is_none_or(|mfa| mfa.serial != serial) {
                return Err(missing());
            }
            call.user_mut(&name)?.mfa = None;
            let found = call.change().accounts.get_mut(&me);
            if let Some(device) = found.and_then(|one| one.inside.devices.get_mut(&serial)) {
                device.user = None;
            }
        }
    }
    Ok(Value::Null)
}

fn since(call: &Call<'_>, serial: &str) -> Time {
    let device = call.account().ok().and_then(|account| account.inside.devices.get(serial));
    device.and_then(|device| device.user.as_ref()).map_or(call.now, |(_, since)| *since)
}

fn list_devices(call: &mut Call<'_>) -> Done {
    let mut devices = Vec::new();
    match call.subject()? {
        Subject::Root => {
            let account = call.account()?;
            if account.facts.root_mfa {
                let serial = format!("arn:aws:iam::{}:mfa/root-account-mfa-device", account.id);
                devices
                    .push(json!({"UserName": "root", "SerialNumber": serial, "EnableDate": account.created.seconds()}));
            }
        }
        Subject::User(name) => {
            if let Some(mfa) = &call.user(&name)?.mfa {
                let at = since(call, &mfa.serial).seconds();
                devices.push(json!({"UserName": name, "SerialNumber": mfa.serial, "EnableDate": at}));
            }
        }
    }
    call.marked("MFADevices", devices)
}

fn list_virtual_devices(call: &mut Call<'_>) -> Done {
    let wanted = text(call.input, "AssignmentStatus").unwrap_or("Any");
    if !["Assigned", "Unassigned", "Any"].contains(&wanted) {
        return Err(invalid("AssignmentStatus is not known."));
    }
    let meant = |device: &&Device| wanted == "Any" || device.user.is_some() == (wanted == "Assigned");
    let devices = call.account()?.inside.devices.values().filter(meant).map(|device| {
        let mut shown = json!({"SerialNumber": device.serial});
        if let Some((name, since)) = &device.user {
            shown["EnableDate"] = json!(since.seconds());
            shown["User"] = call.user(name).map_or(Value::Null, |user| super::show_plain(call, user));
        }
        shown
    });
    call.marked("VirtualMFADevices", devices.collect())
}

fn alias(call: &Call<'_>) -> Result<String, AwsError> {
    let alias = text(call.input, "AccountAlias").unwrap_or("");
    let plain = alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let fits = (3..=63).contains(&alias.len()) && !alias.starts_with('-') && !alias.ends_with('-');
    match plain && fits && !alias.contains("--") {
        true => Ok(alias.to_owned()),
        false => Err(invalid("The specified value for accountAlias is invalid.")),
    }
}

fn set_alias(call: &mut Call<'_>, alias: String) {
    let me = call.caller.account.clone();
    if let Some(account) = call.change().accounts.get_mut(&me) {
        account.inside.alias = alias;
    }
}

fn create_alias(call: &mut Call<'_>) -> Done {
    let alias = alias(call)?;
    if call.state.accounts.values().any(|account| account.inside.alias == alias) {
        let message = format!("The account alias {alias} already exists.");
        return Err(AwsError::query(409, "EntityAlreadyExists", message));
    }
    // An account has one: a new one takes its place.
    set_alias(call, alias);
    Ok(Value::Null)
}

fn delete_alias(call: &mut Call<'_>) -> Done {
    let alias = alias(call)?;
    if call.account()?.inside.alias != alias {
        return Err(none(&format!("The account alias {alias} does not exist.")));
    }
    set_alias(call, String::new());
    Ok(Value::Null)
}

fn list_aliases(call: &mut Call<'_>) -> Done {
    let alias = &call.account()?.inside.alias;
    let aliases = if alias.is_empty() { Vec::new() } else { vec![json!(alias)] };
    call.marked("AccountAliases", aliases)
}
