//! The schema of the values of one runbook, made from its parameters.

use super::DRAFT;
use super::key::{DURATION, filled};
use crate::runbook::kind::Kind;
use crate::runbook::written::{Parameter, Runbook};
use serde_json::{Map, Value, json};

/// What a values file of this runbook may hold. Secrets never stand in one.
pub fn values(runbook: &Runbook) -> Value {
    let open: Vec<&Parameter> = runbook.parameters.iter().filter(|one| one.of != Kind::Secret).collect();
    let mut schema = record(&open);
    schema["$schema"] = json!(DRAFT);
    schema["title"] = json!(format!("Values of {}", runbook.name.is));
    schema
}

fn record(parameters: &[&Parameter]) -> Value {
    let properties: Map<String, Value> = parameters.iter().map(|one| (one.id.is.clone(), parameter(one))).collect();
    let needed: Vec<&str> =
        parameters.iter().filter(|one| one.default.is_none()).map(|one| one.id.is.as_str()).collect();
    let mut table = json!({"type": "object", "additionalProperties": false, "properties": properties});
    if !needed.is_empty() {
        table["required"] = json!(needed);
    }
    table
}

fn parameter(one: &Parameter) -> Value {
    let mut schema = match one.of {
        Kind::Choice => {
            let choices: Vec<&str> = one.choices.iter().map(|choice| choice.is.as_str()).collect();
            json!({"type": "string", "enum": choices})
        }
        Kind::List => json!({"type": "array", "items": one.items.map_or(json!({}), kind)}),
        Kind::Table => json!({"type": "array", "items": record(&one.columns.iter().collect::<Vec<_>>())}),
        other => kind(other),
    };
    let (least, most) = match one.of {
        Kind::Integer => ("minimum", "maximum"),
        Kind::String => ("minLength", "maxLength"),
        _ => ("minItems", "maxItems"),
    };
    for (key, bound) in [(least, &one.min), (most, &one.max)] {
        if let Some(bound) = bound {
            schema[key] = json!(bound.is);
        }
    }
    if let Some(text) = &one.description {
        schema["description"] = json!(text.is);
    }
    if let Some(example) = &one.example {
        schema["examples"] = json!([example.value()]);
    }
    if let Some(default) = &one.default {
        schema["default"] = default.value();
    }
    schema
}

/// One value of a type. AWS's own patterns, as `Kind::accept` has them.
pub(super) fn kind(of: Kind) -> Value {
    let pattern = |pattern: &str| json!({"type": "string", "pattern": pattern});
    match of {
        Kind::String | Kind::Choice | Kind::Secret => json!({"type": "string"}),
        Kind::File => filled(),
        Kind::Integer => json!({"type": "integer"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::AccountId => pattern("^[0-9]{12}$"),
        Kind::OrganizationId => pattern("^o-[a-z0-9]{10,32}$"),
        Kind::RootId => pattern("^r-[a-z0-9]{4,32}$"),
        Kind::OuId => pattern("^ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}$"),
        Kind::PolicyId => pattern("^p-[A-Za-z0-9_]{8,128}$"),
        Kind::HandshakeId => pattern("^h-[a-z0-9]{8,32}$"),
        Kind::Arn => pattern("^arn:[^\\s:]*:[^\\s:]*:[^\\s:]*:[^\\s:]*:\\S*$"),
        Kind::Email => {
            json!({"type": "string", "pattern": "^\\S+@[^\\s.@]+(\\.[^\\s.@]+)+$", "minLength": 6, "maxLength": 64})
        }
        Kind::RoleName | Kind::UserName => pattern("^[A-Za-z0-9+=,.@_-]{1,64}$"),
        Kind::Duration => pattern(DURATION),
        // A time of its own in TOML is read as text too.
        Kind::DateTime => json!({"type": "string"}),
        Kind::List | Kind::Table => json!({"type": "array"}),
        Kind::Document => json!({"type": ["object", "array", "string"]}),
    }
}
