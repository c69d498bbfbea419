//! The types of parameters, fields and evidence: which values each one takes, and in which form
//! they stand in the values object.

use crate::base::json::MAX_INTEGER;
use crate::base::{Time, duration};
use serde_json::Value;

/// A type of the runbook language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    Integer,
    Boolean,
    AccountId,
    OrganizationId,
    RootId,
    OuId,
    PolicyId,
    HandshakeId,
    Arn,
    Email,
    RoleName,
    UserName,
    Duration,
    DateTime,
    Choice,
    List,
    Table,
    Document,
    Secret,
    /// Evidence only: a file, kept by its digest.
    File,
}

/// Every type and its name.
const KINDS: &[(&str, Kind)] = &[
    ("string", Kind::String),
    ("integer", Kind::Integer),
    ("boolean", Kind::Boolean),
    ("account_id", Kind::AccountId),
    ("organization_id", Kind::OrganizationId),
    ("root_id", Kind::RootId),
    ("ou_id", Kind::OuId),
    ("policy_id", Kind::PolicyId),
    ("handshake_id", Kind::HandshakeId),
    ("arn", Kind::Arn),
    ("email", Kind::Email),
    ("role_name", Kind::RoleName),
    ("user_name", Kind::UserName),
    ("duration", Kind::Duration),
    ("date_time", Kind::DateTime),
    ("choice", Kind::Choice),
    ("list", Kind::List),
    ("table", Kind::Table),
    ("document", Kind::Document),
    ("secret", Kind::Secret),
    ("file", Kind::File),
];

impl Kind {
    pub fn parse(name: &str) -> Option<Kind> {
        KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// All names, for "did you mean".
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|(name, _)| *name)
    }

    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("string", |(name, _)| name)
    }

    /// The value in its stored form, or what is wrong with it (fits behind a colon).
    /// Lists, tables and choices are the caller's: here only their outer form is looked at.
    pub fn accept(self, value: &Value) -> Result<Value, String> {
        match (self, value) {
            (Kind::Integer, Value::Number(_)) => exact(value),
            (Kind::Boolean, Value::Bool(_)) => Ok(value.clone()),
            (Kind::List | Kind::Table, Value::Array(_)) => exact(value),
            (Kind::Document, Value::Object(_) | Value::Array(_)) => exact(value),
            (Kind::Document, Value::String(text)) => {
                let document = serde_json::from_str(text).map_err(|error| format!("not a JSON document: {error}"))?;
                exact(&document)
            }
            (Kind::List | Kind::Table | Kind::Integer | Kind::Boolean | Kind::Document, other) => {
                Err(format!("{} is needed, this is {}", self.wants(), json_kind(other)))
            }
            (_, Value::String(text)) => self.check_text(text).map(|()| value.clone()),
            (Kind::AccountId, Value::Number(_)) => {
                Err("an account id is text: put it in quotes, or leading zeros are lost".to_owned())
            }
            (_, other) => Err(format!("{} is needed, this is {}", self.wants(), json_kind(other))),
        }
    }

    /// A value given as text: on the command line, in a cell of a CSV file, at a prompt.
    pub fn accept_text(self, text: &str) -> Result<Value, String> {
        match self {
            Kind::Integer => {
                text.trim().parse::<i64>().map(Value::from).map_err(|_| format!("`{}` is not an integer", short(text)))
            }
            Kind::Boolean => match text.trim() {
                "true" | "yes" => Ok(Value::Bool(true)),
                "false" | "no" => Ok(Value::Bool(false)),
                _ => Err(format!("`{}` is neither true nor false", short(text))),
            },
            Kind::List | Kind::Table | Kind::Document => {
                let value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
                self.accept(&value)
            }
            _ => self.accept(&Value::String(text.to_owned())),
        }
    }

    /// What it wants, in words.
    pub fn wants(self) -> &'static str {
        match self {
            Kind::String | Kind::Secret | Kind::Choice => "text",
            Kind::Integer => "an integer",
            Kind::Boolean => "true or false",
            Kind::AccountId => "an account id (12 digits in quotes)",
            Kind::OrganizationId => "an organization id (o-...)",
            Kind::RootId => "a root id (r-...)",
            Kind::OuId => "an organizational unit id (ou-...-...)",
            Kind::PolicyId => "a policy id (p-...)",
            Kind::HandshakeId => "a handshake id (h-...)",
            Kind::Arn => "an ARN (arn:...)",
            Kind::Email => "an e-mail address",
            Kind::RoleName => "a role name",
            Kind::UserName => "a user name",
            Kind::Duration => "a duration (30s, 15m, 24h, 4d)",
            Kind::DateTime => "a time (2026-01-31T12:00:00Z)",
            Kind::List => "a list",
            Kind::Table => "a table (a list of rows)",
            Kind::Document => "a document (a table, or JSON text)",
            Kind::File => "a file",
        }
    }

    /// AWS's own patterns, as its API reference publishes them.
    fn check_text(self, text: &str) -> Result<(), String> {
        let good = match self {
            Kind::AccountId => text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()),
            Kind::OrganizationId => prefixed(text, "o-", 10, 32),
            Kind::RootId => prefixed(text, "r-", 4, 32),
            Kind::OuId => text
                .strip_prefix("ou-")
                .and_then(|rest| rest.split_once('-'))
                .is_some_and(|(root, own)| prefixed(root, "", 4, 32) && prefixed(own, "", 8, 32)),
            Kind::PolicyId => text.strip_prefix("p-").is_some_and(|rest| {
                (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }),
            Kind::HandshakeId => prefixed(text, "h-", 8, 32),
            Kind::Arn => {
                text.starts_with("arn:") && text.matches(':').count() >= 5 && !text.contains(char::is_whitespace)
            }
            Kind::Email => is_email(text),
            Kind::RoleName | Kind::UserName => {
                (1..=64).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
            }
            Kind::Duration => return duration::parse(text).map(|_| ()),
            Kind::DateTime => Time::parse(text).is_some(),
            _ => true,
        };
        if good { Ok(()) } else { Err(format!("`{}` is not {}", short(text), self.wants())) }
    }
}

/// A value whose numbers every JSON reader keeps: integers within 2^53-1. Others would change when stored.
pub fn exact(value: &Value) -> Result<Value, String> {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Number(number) => {
            let safe = number.as_i64().is_some_and(|number| (-MAX_INTEGER..=MAX_INTEGER).contains(&number));
            if !safe {
                return Err(format!("the number {number} is no integer within 2^53-1: write it as text, in quotes"));
            }
            Vec::new()
        }
        _ => Vec::new(),
    };
    inner.into_iter().try_for_each(|value| exact(value).map(|_| ()))?;
    Ok(value.clone())
}

/// "text", "an integer", ... of a JSON value.
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn prefixed(text: &str, prefix: &str, least: usize, most: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (least..=most).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    (6..=64).contains(&text.len())
        && !local.is_empty()
        && domain.split('.').count() >= 2
        && domain.split('.').all(|label| !label.is_empty())
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn short(text: &str) -> String {
    crate::base::escape::cut(text, 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_have_awss_forms() {
        for (kind, good, bad) in [
            (Kind::AccountId, "111122223333", "1111"),
            (Kind::OrganizationId, "o-oldorg11111", "o-UPPER11111"),
            (Kind::RootId, "r-ab12", "r-"),
            (Kind::OuId, "ou-ab12-11111111", "ou-ab12"),
            (Kind::PolicyId, "p-FullAWSAccess", "p-1"),
            (Kind::HandshakeId, "h-examplehandshakeid111", "x"),
            (Kind::Arn, "arn:aws:iam::111122223333:mfa/carol", "arn:aws"),
            (Kind::Email, "a@example.com", "a@b"),
            (Kind::Duration, "4d", "4 days"),
            (Kind::DateTime, "2026-01-31T12:00:00Z", "2026-01-31"),
        ] {
            assert_eq!(kind.accept(&json!(good)), Ok(json!(good)), "{good}");
            assert!(kind.accept(&json!(bad)).is_err(), "{bad}");
        }
        assert!(Kind::AccountId.accept(&json!(111_122_223_333i64)).unwrap_err().contains("quotes"));
        assert_eq!(Kind::Document.accept(&json!("{\"a\":1}")), Ok(json!({"a": 1})));
        assert_eq!(Kind::Integer.accept_text("12"), Ok(json!(12)));
        for wrong in [json!(1.5), json!(i64::MIN), json!(9_007_199_254_740_992i64)] {
            assert!(Kind::Integer.accept(&wrong).is_err(), "{wrong}");
            assert!(Kind::Document.accept(&json!({"a": [wrong]})).is_err());
        }
    }
}
