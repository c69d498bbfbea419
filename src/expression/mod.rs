//! `${...}` templates and JMESPath expressions. Pure.
//!
//! Filling values in, deciding conditions, and naming what a text refers to (for `check`).
//! Knows nothing of runbooks: a scope is any JSON object.

mod jmes;
mod needs;
mod refs;
mod template;

use crate::base::Time;
use serde_json::{Map, Value};

pub use refs::{Reference, Segment, expect_references, plain_references, references};

/// Why an expression gave nothing usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// Byte range within the text given.
    #[error("{message}")]
    Syntax { message: String, span: std::ops::Range<usize> },
    /// A `${...}` inside a longer string gave null, or a function failed.
    #[error("`${{{expression}}}` {message}")]
    Value { expression: String, message: String },
    /// A condition gave something that is neither true nor false.
    #[error("`{expression}` gave {found}, which is neither true nor false")]
    NotBoolean { expression: String, found: String },
}

/// The names under which `${...}` finds its values.
pub const ROOTS: &[&str] =
    &["parameters", "files", "item", "steps", "stages", "anchor", "undo", "repair", "session", "run"];

/// Fills every `${...}` of every string in `template` from `scope` (an object: one member per root).
/// A string that is one `${...}` keeps the value's type (null stays null); `$${` is a literal `${`.
pub fn fill(template: &Value, scope: &Value, now: Time) -> Result<Value, ExprError> {
    match template {
        Value::String(text) => fill_text(text, scope, now),
        Value::Array(items) => items.iter().map(|item| fill(item, scope, now)).collect(),
        Value::Object(members) => {
            let mut filled = Map::new();
            for (name, value) in members {
                filled.insert(name.clone(), fill(value, scope, now)?);
            }
            Ok(Value::Object(filled))
        }
        other => Ok(other.clone()),
    }
}

/// As [`fill`], but a `${...}` that names an absent or null member is left as its text.
/// Second: whether everything was filled.
///
/// A string in which something stays open stays as written as a whole, so that filling it later
/// gives what filling it at once would have given. Never fill the result again: a filled value may
/// itself look like a `${...}`. Fill the template.
pub fn fill_known(template: &Value, scope: &Value, now: Time) -> (Value, bool) {
    match template {
        Value::String(text) => match fill_text(text, scope, now) {
            Ok(value) if !value.is_null() && refs::all_known(text, scope) => (value, true),
            _ => (template.clone(), false),
        },
        Value::Array(items) => {
            let filled: Vec<(Value, bool)> = items.iter().map(|item| fill_known(item, scope, now)).collect();
            let all = filled.iter().all(|(_, known)| *known);
            (Value::Array(filled.into_iter().map(|(value, _)| value).collect()), all)
        }
        Value::Object(members) => {
            let mut all = true;
            let mut filled = Map::new();
            for (name, value) in members {
                let (value, known) = fill_known(value, scope, now);
                all &= known;
                filled.insert(name.clone(), value);
            }
            (Value::Object(filled), all)
        }
        other => (other.clone(), true),
    }
}

/// A `when`: a string that is exactly one `${...}` and must give true or false.
pub fn condition(text: &str, scope: &Value, now: Time) -> Result<bool, ExprError> {
    let expression = single(text)?.ok_or_else(|| ExprError::Syntax {
        message: "a condition is one `${...}` and nothing else".to_owned(),
        span: 0..text.len(),
    })?;
    match jmes::evaluate(expression, scope, now)? {
        Value::Bool(answer) => Ok(answer),
        other => Err(ExprError::NotBoolean { expression: expression.to_owned(), found: jmes::describe(&other) }),
    }
}

/// An `expect`: JMESPath over the `answer`, in which each `${...}` is first put in as a JSON literal from `scope`.
pub fn holds(expect: &str, answer: &Value, scope: &Value, now: Time) -> Result<bool, ExprError> {
    let mut expression = String::new();
    for part in template::expect_parts(expect)? {
        match part {
            template::Part::Text { text, .. } => expression.push_str(&text),
            template::Part::Expression { source, .. } => {
                expression.push_str(&jmes::literal(&jmes::evaluate(source, scope, now)?));
            }
        }
    }
    match jmes::evaluate(&expression, answer, now)? {
        Value::Bool(answer) => Ok(answer),
        other => Err(ExprError::NotBoolean { expression: expect.to_owned(), found: jmes::describe(&other) }),
    }
}

/// Plain JMESPath over `scope` (no `${...}`); functions as everywhere. The catalogue's probes use it.
pub fn search(expression: &str, scope: &Value, now: Time) -> Result<Value, ExprError> {
    jmes::evaluate(expression, scope, now)
}

/// The expression inside, where `text` is exactly one `${...}`; none where it is anything else.
pub fn single(text: &str) -> Result<Option<&str>, ExprError> {
    let parts = template::parts(text)?;
    Ok(match parts.as_slice() {
        [template::Part::Expression { source, .. }] => Some(source),
        _ => None,
    })
}

/// Whether `text` holds any `${...}`; a text that cannot be read counts as one that does.
pub fn is_template(text: &str) -> bool {
    template::parts(text)
        .map_or(true, |parts| parts.iter().any(|part| matches!(part, template::Part::Expression { .. })))
}

fn fill_text(text: &str, scope: &Value, now: Time) -> Result<Value, ExprError> {
    let parts = template::parts(text)?;
    if let [template::Part::Expression { source, .. }] = parts.as_slice() {
        return jmes::evaluate(source, scope, now);
    }
    let mut out = String::new();
    for part in parts {
        match part {
            template::Part::Text { text, .. } => out.push_str(&text),
            template::Part::Expression { source, .. } => {
                let value = jmes::evaluate(source, scope, now)?;
                out.push_str(&within_text(source, &value)?);
            }
        }
    }
    Ok(Value::String(out))
}

fn within_text(source: &str, value: &Value) -> Result<String, ExprError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(ExprError::Value { expression: source.to_owned(), message: "has no value here".to_owned() }),
        Value::Array(_) | Value::Object(_) => Err(ExprError::Value {
            expression: source.to_owned(),
            message: format!(
                "gave {}, which has no place inside a longer text (json(...) makes a text of it)",
                jmes::describe(value)
            ),
        }),
    }
}

#[cfg(test)]
mod tests;
