//! Parameters of Organizations operations: present, of the right kind, of AWS's pattern.

use super::super::Call;
use super::super::wire::AwsError;
use super::super::world::{is_account_id, is_email, is_root_id, is_unit_id};
use serde_json::Value;

/// `InvalidInputException` with its reason.
pub(super) fn invalid(reason: &'static str, member: &str) -> AwsError {
    AwsError::reason("InvalidInputException", reason, format!("You specified an invalid value: {member} ({reason})."))
}

/// The JSON is not of the operation's shape.
pub(super) fn malformed(member: &str) -> AwsError {
    AwsError::json("SerializationException", format!("{member} is not of the type that the operation takes."))
}

/// The pattern of a parameter.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub fits: fn(&str) -> bool,
    pub reason: &'static str,
}

const fn shape(fits: fn(&str) -> bool) -> Shape {
    Shape { fits, reason: "INVALID_PATTERN" }
}

fn id(text: &str, prefix: &str, longest: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (8..=longest).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_policy_id(text: &str) -> bool {
    text.strip_prefix("p-").is_some_and(|rest| {
        (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

pub(super) const ACCOUNT: Shape = shape(is_account_id);
pub(super) const HANDSHAKE: Shape = shape(|text| id(text, "h-", 32));
pub(super) const CREATION: Shape = shape(|text| id(text, "car-", 32));
pub(super) const UNIT: Shape = shape(is_unit_id);
pub(super) const PARENT: Shape = shape(|text| is_root_id(text) || is_unit_id(text));
pub(super) const ROOT: Shape = shape(is_root_id);
pub(super) const POLICY: Shape = shape(is_policy_id);
pub(super) const TRANSFER: Shape = shape(|text| id(text, "rt-", 32));
pub(super) const TRANSFER_NAME: Shape = Shape {
    fits: |text| (1..=128).contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b)),
    reason: "MAX_LENGTH_EXCEEDED",
};
pub(super) const HANDSHAKE_NOTES: Shape =
    Shape { fits: |text| text.chars().count() <= 1024, reason: "MAX_LENGTH_EXCEEDED" };
pub(super) const CHILD: Shape = shape(|text| is_account_id(text) || is_unit_id(text));
pub(super) const TARGET: Shape = shape(|text| is_account_id(text) || is_root_id(text) || is_unit_id(text));
pub(super) const RESOURCE: Shape =
    shape(|text| is_account_id(text) || is_root_id(text) || is_unit_id(text) || is_policy_id(text));
pub(super) const EMAIL: Shape = shape(is_email);
pub(super) const ACCOUNT_NAME: Shape =
    shape(|t| (1..=50).contains(&t.len()) && t.bytes().all(|b| (0x20..=0x7e).contains(&b)));
pub(super) const UNIT_NAME: Shape =
    Shape { fits: |text| (1..=128).contains(&text.chars().count()), reason: "MAX_LENGTH_EXCEEDED" };
pub(super) const ROLE_NAME: Shape = Shape {
    fits: |text| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b))
    },
    reason: "INVALID_ROLE_NAME",
};
pub(super) const SERVICE: Shape = Shape {
    fits: |text| (1..=128).contains(&text.len()) && text.ends_with(".amazonaws.com"),
    reason: "UNRECOGNIZED_SERVICE_PRINCIPAL",
};

impl Call<'_> {
    /// A text parameter that must be there.
    pub(super) fn need(&self, name: &str, shape: Shape) -> Result<String, AwsError> {
        self.text(name, shape)?.ok_or_else(|| invalid("INPUT_REQUIRED", name))
    }

    /// A text parameter that may be left out.
    pub(super) fn text(&self, name: &str, shape: Shape) -> Result<Option<String>, AwsError> {
        match self.input.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if (shape.fits)(text) => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(invalid(shape.reason, name)),
            Some(_) => Err(malformed(name)),
        }
    }

    /// A parameter of a few words; none if it is left out.
    pub(super) fn choice(&self, name: &str, of: &[&str]) -> Result<Option<String>, AwsError> {
        match self.input.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if of.contains(&text.as_str()) => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(invalid("INVALID_ENUM", name)),
            Some(_) => Err(malformed(name)),
        }
    }
}
