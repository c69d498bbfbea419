//! One row per key of a table: what its value looks like, and what it means. The builders of all schemas.

use serde_json::{Map, Value, json};

/// What a key's value looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Any,
    Text,
    /// Text with something in it.
    Filled,
    Id,
    Flag,
    Integer(i64, i64),
    Duration,
    Choice(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of texts of which each is one of these.
    Choices(&'static [&'static str]),
    /// A table of texts, by names that the author chooses.
    Named,
    /// A table of anything.
    Table,
    /// A table of the definition of this name.
    One(&'static str),
    /// A list of such tables.
    Many(&'static str),
    /// The same, at least one.
    Some(&'static str),
    /// Such tables by id.
    ById(&'static str),
}

/// A row: key, value, whether it must be there, meaning.
pub(super) type Row = (&'static str, Of, bool, &'static str);

pub(super) const ID: &str = "^[a-z][a-z0-9_]*$";
/// As `base::duration` reads it.
pub(super) const DURATION: &str = "^([0-9]+(ms|s|m|h|d))+$";

/// A closed table of these rows.
pub(super) fn table(rows: &[Row], about: &str) -> Value {
    let properties: Map<String, Value> = rows.iter().map(|(name, of, _, about)| property(name, *of, about)).collect();
    let required: Vec<&str> = rows.iter().filter(|row| row.2).map(|row| row.0).collect();
    let mut table = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !about.is_empty() {
        table["description"] = json!(about);
    }
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn property(name: &str, of: Of, about: &str) -> (String, Value) {
    let mut value = schema(of);
    // Draft-07 ignores what stands beside a `$ref`.
    if value.get("$ref").is_some() {
        value = json!({"allOf": [value]});
    }
    value["description"] = json!(about);
    (name.to_owned(), value)
}

fn schema(of: Of) -> Value {
    let one = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
    match of {
        Of::Any => json!({}),
        Of::Text => json!({"type": "string"}),
        Of::Filled => filled(),
        Of::Id => json!({"type": "string", "pattern": ID}),
        Of::Flag => json!({"type": "boolean"}),
        Of::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Of::Duration => json!({"type": "string", "pattern": DURATION}),
        Of::Choice(choices) => json!({"type": "string", "enum": choices}),
        Of::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Of::Choices(choices) => json!({"type": "array", "items": {"type": "string", "enum": choices}}),
        Of::Named => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Of::Table => json!({"type": "object"}),
        Of::One(name) => one(name),
        Of::Many(name) => json!({"type": "array", "items": one(name)}),
        Of::Some(name) => json!({"type": "array", "items": one(name), "minItems": 1}),
        Of::ById(name) => {
            json!({"type": "object", "propertyNames": {"pattern": ID}, "additionalProperties": one(name)})
        }
    }
}

/// Text that is not blank.
pub(super) fn filled() -> Value {
    json!({"type": "string", "pattern": "\\S"})
}

/// Exactly one of these keys.
pub(super) fn exactly_one(keys: &[&str]) -> Value {
    json!({"oneOf": keys.iter().map(|key| json!({"required": [key]})).collect::<Vec<Value>>()})
}

/// `of` on top of what the table demands by itself.
pub(super) fn with(mut table: Value, rules: Vec<Value>) -> Value {
    table["allOf"] = Value::Array(rules);
    table
}
