//! Between JSON with AWS's names and the SDK's typed values: reading parameters, writing outputs.

use super::fault::invalid;
use crate::catalogue::action::{Field, Type};
use crate::engine::port::Fault;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::{Map, Value};

/// Parameters as the runbook gives them, already checked against the catalogue.
#[derive(Clone, Copy)]
pub(super) struct With<'a>(&'a Map<String, Value>);

impl<'a> With<'a> {
    /// Checks names and types against the catalogue: nothing that the call would not carry gets lost silently.
    pub(super) fn checked(with: &'a Value, fields: &[Field]) -> Result<With<'a>, Fault> {
        record(with, fields, "").map_err(invalid)?;
        with.as_object().map(With).ok_or_else(|| invalid("the parameters are not a table"))
    }

    /// As it was given; none where it was left out.
    pub(super) fn member(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_owned)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i32> {
        self.0.get(name)?.as_i64().and_then(|integer| i32::try_from(integer).ok())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// One of AWS's choices.
    pub(super) fn choice<T: for<'t> From<&'t str>>(&self, name: &str) -> Option<T> {
        self.0.get(name)?.as_str().map(T::from)
    }

    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
    }

    pub(super) fn choices<T: for<'t> From<&'t str>>(&self, name: &str) -> Option<Vec<T>> {
        let items = self.0.get(name)?.as_array()?;
        Some(items.iter().filter_map(|item| item.as_str().map(T::from)).collect())
    }

    /// A JSON document: text as it is, a table as JSON.
    pub(super) fn document(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(super) fn record(&self, name: &str) -> Option<With<'a>> {
        self.0.get(name)?.as_object().map(With)
    }

    /// Each record of a list through `build`.
    pub(super) fn records<T, E: ToString>(
        &self,
        name: &str,
        build: impl Fn(With<'a>) -> Result<T, E>,
    ) -> Result<Option<Vec<T>>, Fault> {
        let Some(items) = self.0.get(name).and_then(Value::as_array) else { return Ok(None) };
        let built: Result<Vec<T>, E> =
            items.iter().filter_map(Value::as_object).map(|item| build(With(item))).collect();
        built.map(Some).map_err(|error| invalid(format!("{name}: {}", error.to_string())))
    }
}

fn record(value: &Value, fields: &[Field], path: &str) -> Result<(), String> {
    let Some(members) = value.as_object() else { return Err(format!("{} is not a table", place(path))) };
    for name in members.keys() {
        if !fields.iter().any(|field| field.name == name) {
            return Err(format!("{} has no member {name}", place(path)));
        }
    }
    for field in fields {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match members.get(field.name) {
            None | Some(Value::Null) if field.required => return Err(format!("{path} is missing")),
            None | Some(Value::Null) => {}
            Some(value) => member(value, &field.of, &path)?,
        }
    }
    Ok(())
}

fn member(value: &Value, of: &Type, path: &str) -> Result<(), String> {
    match of {
        Type::Integer if value.as_i64().and_then(|integer| i32::try_from(integer).ok()).is_some() => Ok(()),
        Type::Boolean if value.is_boolean() => Ok(()),
        Type::Document => Ok(()),
        Type::Integer | Type::Boolean => Err(format!("{path} has the wrong type")),
        Type::Record(fields) => record(value, fields, path),
        Type::List(inner) => {
            let Some(items) = value.as_array() else { return Err(format!("{path} is not a list")) };
            items.iter().enumerate().try_for_each(|(at, item)| member(item, inner, &format!("{path}[{at}]")))
        }
        Type::AccountId => match value.as_str() {
            Some(id) if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            _ => Err(format!("{path} is not an account id (12 digits)")),
        },
        _ if value.is_string() => Ok(()),
        _ => Err(format!("{path} is not a text")),
    }
}

fn place(path: &str) -> &str {
    if path.is_empty() { "the action" } else { path }
}

/// An output; members that AWS left out are left out.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let kept = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn text<T: AsRef<str> + ?Sized>(value: Option<&T>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.as_ref().to_owned()))
}

/// A policy document of IAM, which comes percent-encoded, as plain text.
pub(super) fn document(value: Option<&str>) -> Value {
    let Some(text) = value else { return Value::Null };
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes.get(at + 1..at + 3).filter(|code| bytes[at] == b'%' && code.iter().all(u8::is_ascii_hexdigit));
        let byte = code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|c| u8::from_str_radix(c, 16).ok());
        plain.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    Value::String(String::from_utf8_lossy(&plain).into_owned())
}

/// RFC 3339, UTC.
pub(super) fn time(value: Option<&DateTime>) -> Value {
    value.and_then(|time| time.fmt(Format::DateTime).ok()).map_or(Value::Null, Value::String)
}

/// Always a list, empty if AWS sent none.
pub(super) fn list<T>(items: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(one).collect())
}

pub(super) fn maybe<T>(value: Option<&T>, one: impl Fn(&T) -> Value) -> Value {
    value.map_or(Value::Null, one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use serde_json::json;

    fn check(action: &str, with: Value) -> Result<(), String> {
        let fields = catalogue::find(action).unwrap().parameters;
        With::checked(&with, fields).map(|_| ()).map_err(|fault| fault.message)
    }

    #[test]
    fn parameters_are_checked_before_anything_is_sent() {
        let invite = "organizations:InviteAccountToOrganization";
        assert_eq!(check(invite, json!({"Target": {"Id": "333333333333", "Type": "ACCOUNT"}})), Ok(()));
        assert_eq!(check(invite, json!({"Target": {"Id": "1"}})), Err("Target.Type is missing".to_owned()));
        assert_eq!(check(invite, json!({})), Err("Target is missing".to_owned()));
        assert_eq!(
            check(invite, json!({"Target": {"Id": "1", "Type": "ACCOUNT"}, "Tag": []})),
            Err("the action has no member Tag".to_owned())
        );
        let describe = "organizations:DescribeAccount";
        assert!(check(describe, json!({"AccountId": 333333333333_i64})).is_err());
        assert!(check(describe, json!({"AccountId": "33333333333"})).is_err());
        assert!(check(describe, json!([])).is_err());
    }
}
