//! A JSON text as a tree in which every key and value knows its place, as TOML's are.
//! Reads JSON as RFC 8259 has it, without comments; a name that stands twice in an object is refused.

use crate::runbook::node::{At, Data, Entry, Node};
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use std::ops::Range;

/// The tree, or where and why the text is not JSON.
pub(super) fn read(text: &str) -> Result<Node, (Range<usize>, String)> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Strict, and bounded in depth, before the parser that knows places.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(body) {
        let message = error.to_string();
        let words = message.split(" at line ").next().unwrap_or_default();
        return Err((span_of(text, &error), format!("not JSON: {words}")));
    }
    let offset = text.len() - body.len();
    let root = jsonc_parser::parse_to_ast(body, &Default::default(), &Default::default())
        .map_err(|error| (0..0, format!("not JSON: {error}")))?;
    root.value.as_ref().map_or_else(|| Err((0..0, "not JSON: it is empty".to_owned())), |value| node(value, offset))
}

fn node(value: &Value<'_>, offset: usize) -> Result<Node, (Range<usize>, String)> {
    let span = range(value, offset);
    let is = match value {
        Value::StringLit(text) => Data::Text(text.value.to_string()),
        Value::NumberLit(number) => match number.value.parse::<i64>() {
            Ok(integer) => Data::Integer(integer),
            Err(_) => Data::Float(number.value.parse().unwrap_or(f64::NAN)),
        },
        Value::BooleanLit(boolean) => Data::Boolean(boolean.value),
        Value::NullKeyword(_) => Data::Null,
        Value::Array(array) => {
            Data::List(array.elements.iter().map(|item| node(item, offset)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => {
            let mut entries: Vec<Entry> = Vec::new();
            for member in &object.properties {
                let key = At::new(member.name.as_str().to_owned(), range(&member.name, offset));
                if entries.iter().any(|entry| entry.key.is == key.is) {
                    let name = crate::base::escape::cut(&key.is, 60);
                    return Err((key.span, format!("the name `{name}` stands twice in one object")));
                }
                entries.push(Entry { key, value: node(&member.value, offset)? });
            }
            Data::Table(entries)
        }
    };
    Ok(Node { span, is })
}

fn range(of: &impl Ranged, offset: usize) -> Range<usize> {
    of.start() + offset..of.end() + offset
}

fn span_of(text: &str, error: &serde_json::Error) -> Range<usize> {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column().saturating_sub(1);
    at..at + 1
}
