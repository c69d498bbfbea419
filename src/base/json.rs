//! Canonical JSON: one text for one value, and a strict reader that accepts no other.
//!
//! Lines (entries) and objects follow the same rules but for keys, depth and length:
//! see `journal/FORMAT.md`. Keys are sorted by their UTF-8 bytes; only the escapes that JSON
//! requires are written; numbers are integers within ±(2^53-1).

use super::recognise::is_canonical;
use serde_json::{Map, Value};

/// The greatest integer that every JSON reader keeps exactly: 2^53 - 1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
pub const MAX_LINE: usize = 64 * 1024;
pub const MAX_LINE_DEPTH: usize = 8;
pub const MAX_OBJECT_DEPTH: usize = 64;

/// What may stand in a canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An entry: keys `[a-z0-9_]{1,64}`, depth 8, 64 KiB.
    Line,
    /// A stored object: any string keys, depth 64, any length.
    Object,
}

/// Why a value has no canonical text, or a text is not canonical.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    #[error("it is not JSON: {0}")]
    Syntax(String),
    #[error("it is JSON, but not in canonical form (key order, white space, escapes or duplicate keys)")]
    NotCanonical,
    #[error("the number {0} is not an integer within 2^53-1")]
    Number(String),
    #[error("the key `{0}` is not of the form [a-z0-9_]{{1,64}}")]
    Key(String),
    #[error("it is nested deeper than {0}")]
    Depth(usize),
    #[error("it is longer than {0} bytes")]
    Length(usize),
}

/// The canonical text of `value`.
pub fn canonical(value: &Value, form: Form) -> Result<String, JsonError> {
    let mut out = String::new();
    write(value, form, 1, &mut out)?;
    if form == Form::Line && out.len() > MAX_LINE {
        return Err(JsonError::Length(MAX_LINE));
    }
    Ok(out)
}

/// The canonical text of a member of a line, straight from its type; none where it has none.
pub fn member_text(value: &impl serde::Serialize) -> Option<String> {
    super::canonical::text_of(value, Form::Line, MAX_LINE_DEPTH - 1)
}

/// Whether `text` is what [`member_text`] gives.
pub fn is_member_text(value: &impl serde::Serialize, text: &str) -> bool {
    super::canonical::is_text_of(value, text, Form::Line, MAX_LINE_DEPTH - 1)
}

/// As [`object_bytes`], straight from a type: large things are written without a tree of them in between.
pub fn object_bytes_of(value: &impl serde::Serialize) -> Result<Vec<u8>, JsonError> {
    if let Some(text) = super::canonical::text_of(value, Form::Object, MAX_OBJECT_DEPTH) {
        return Ok(text.into_bytes());
    }
    let tree = serde_json::to_value(value).map_err(|error| JsonError::Syntax(error.to_string()))?;
    object_bytes(&tree)
}

/// The canonical bytes of an object whose numbers may be anything: those that are no safe integers become strings.
pub fn object_bytes(value: &Value) -> Result<Vec<u8>, JsonError> {
    canonical(&numbers_to_strings(value), Form::Object).map(String::into_bytes)
}

/// Reads `text`, which must be the canonical form of its own value.
pub fn parse(text: &str, form: Form) -> Result<Value, JsonError> {
    if form == Form::Line && text.len() > MAX_LINE {
        return Err(JsonError::Length(MAX_LINE));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| JsonError::Syntax(error.to_string()))?;
    if is_canonical(text, form) || canonical(&value, form)? == text { Ok(value) } else { Err(JsonError::NotCanonical) }
}

/// Whether [`parse`] would read `text`, without the value.
pub fn check(text: &str, form: Form) -> Result<(), JsonError> {
    if is_canonical(text, form) { Ok(()) } else { parse(text, form).map(|_| ()) }
}

fn write(value: &Value, form: Form, depth: usize, out: &mut String) -> Result<(), JsonError> {
    let limit = if form == Form::Line { MAX_LINE_DEPTH } else { MAX_OBJECT_DEPTH };
    if depth > limit + 1 || (depth > limit && (value.is_array() || value.is_object())) {
        return Err(JsonError::Depth(limit));
    }
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if is_safe(integer) => out.push_str(&integer.to_string()),
            _ => return Err(JsonError::Number(number.to_string())),
        },
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, form, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => write_members(members, form, depth, out)?,
    }
    Ok(())
}

fn write_members(members: &Map<String, Value>, form: Form, depth: usize, out: &mut String) -> Result<(), JsonError> {
    let mut keys: Vec<&String> = members.keys().collect();
    keys.sort_unstable();
    out.push('{');
    for (at, key) in keys.into_iter().enumerate() {
        if form == Form::Line && !is_line_key(key) {
            return Err(JsonError::Key(key.clone()));
        }
        if at > 0 {
            out.push(',');
        }
        write_string(key, out);
        out.push(':');
        write(&members[key], form, depth + 1, out)?;
    }
    out.push('}');
    Ok(())
}

pub(super) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    // What needs an escape is one byte long, so a text may be cut before and behind it.
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// `[a-z0-9_]{1,64}`.
pub(super) fn is_line_key(key: &str) -> bool {
    (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Within ±(2^53-1). Without `abs`, which has no answer for the least i64.
pub(super) fn is_safe(integer: i64) -> bool {
    (-MAX_INTEGER..=MAX_INTEGER).contains(&integer)
}

fn numbers_to_strings(value: &Value) -> Value {
    match value {
        Value::Number(number) if !number.as_i64().is_some_and(is_safe) => Value::String(number.to_string()),
        Value::Array(items) => Value::Array(items.iter().map(numbers_to_strings).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), numbers_to_strings(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_only_required_escapes_are_written() {
        let value = json!({"b": [1, true, null], "a": "Ä\"\\\u{1}\n/"});
        let text = canonical(&value, Form::Line).unwrap();
        assert_eq!(text, r#"{"a":"Ä\"\\\u0001\n/","b":[1,true,null]}"#);
        assert_eq!(parse(&text, Form::Line), Ok(value));
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a": 1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":"\u00e4"}"#,
            r#"{"a":"\/"}"#,
            "{\"a\":1}\n",
            r#"{"a":-0}"#,
            r#"{"a":1e2}"#,
        ] {
            assert!(parse(text, Form::Line).is_err(), "{text}");
        }
        assert!(matches!(parse("{\"a\":1.5}", Form::Line), Err(JsonError::Number(_))));
        assert!(matches!(parse("{\"a\":9007199254740992}", Form::Line), Err(JsonError::Number(_))));
        assert!(matches!(parse("{\"a\":-9223372036854775808}", Form::Line), Err(JsonError::Number(_))));
        assert!(matches!(parse("{\"A\":1}", Form::Line), Err(JsonError::Key(_))));
        assert!(parse("{\"A\":1}", Form::Object).is_ok());
        assert!(parse(&format!("{}{}", "[".repeat(8), "]".repeat(8)), Form::Line).is_ok());
        assert_eq!(parse(&format!("{}{}", "[".repeat(9), "]".repeat(9)), Form::Line), Err(JsonError::Depth(8)));
        assert!(parse(&"[".repeat(100_000), Form::Object).is_err());
    }

    #[test]
    fn numbers_that_json_readers_lose_become_strings_in_objects() {
        let bytes = object_bytes(&json!({"A": 1.5, "B": 9007199254740993i64, "C": 3})).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"A":"1.5","B":"9007199254740993","C":3}"#);
    }

    proptest! {
        #[test]
        fn any_string_comes_back(text in any::<String>()) {
            let value = json!({"a": text});
            let line = canonical(&value, Form::Object).unwrap();
            prop_assert_eq!(parse(&line, Form::Object).unwrap(), value);
        }

        #[test]
        fn rubbish_never_panics(text in any::<String>()) {
            let _ = parse(&text, Form::Line);
        }
    }
}
