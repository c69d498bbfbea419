//! A TOML text as a tree in which every key and value knows its place.
//! Shared by runbooks, people files and values; knows nothing of their meaning.

use crate::base::{Finding, Place, Severity};
use serde_json::{Map, Value};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// A file's name and text.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: String,
    pub text: String,
}

/// Something and the bytes that it was written in.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    pub is: T,
    pub span: Range<usize>,
}

/// A text with its place.
pub type Text = At<String>;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub is: Data,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// A TOML date or time, as written.
    Date(String),
    /// JSON's; TOML has none.
    Null,
    List(Vec<Node>),
    /// In the order written.
    Table(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Text,
    pub value: Node,
}

/// Findings about one file, as they turn up.
#[derive(Clone, Debug)]
pub struct Notes {
    pub source: Source,
    pub found: Vec<Finding>,
}

impl Source {
    pub fn place(&self, span: &Range<usize>) -> Place {
        Place::of(&self.file, &self.text, span.clone())
    }

    /// The bytes of `inner` (a range within the text that the string at `outer` stands for), where the
    /// string was written without escapes; otherwise all of `outer`.
    pub fn inside(&self, outer: &Text, inner: &Range<usize>) -> Range<usize> {
        let Some(raw) = self.text.get(outer.span.clone()) else { return outer.span.clone() };
        let quote = ["\"\"\"\n", "'''\n", "\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| raw.starts_with(quote));
        let Some(body) = quote.and_then(|quote| raw.get(quote.len()..)) else { return outer.span.clone() };
        if !body.starts_with(&outer.is) {
            return outer.span.clone();
        }
        let start = outer.span.start + raw.len() - body.len();
        start + inner.start..start + inner.end
    }
}

impl Notes {
    pub fn new(file: &str, text: &str) -> Notes {
        Notes { source: Source { file: file.to_owned(), text: text.to_owned() }, found: Vec::new() }
    }

    pub fn error(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.push(Finding::error(code, self.source.place(span), message, hint));
    }

    pub fn warning(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.push(Finding::warning(code, self.source.place(span), message, hint));
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings in the order of their places.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by(|a, b| {
            (&a.place.file, a.place.line, a.place.column, a.code).cmp(&(
                &b.place.file,
                b.place.line,
                b.place.column,
                b.code,
            ))
        });
        self.found.dedup();
        self.found
    }
}

impl<T> At<T> {
    pub fn new(is: T, span: Range<usize>) -> At<T> {
        At { is, span }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { is: change(self.is), span: self.span }
    }
}

impl Node {
    /// What it is, for messages: "text", "an integer", ...
    pub fn kind(&self) -> &'static str {
        match self.is {
            Data::Text(_) => "text",
            Data::Integer(_) => "an integer",
            Data::Float(_) => "a decimal number",
            Data::Boolean(_) => "true or false",
            Data::Date(_) => "a date",
            Data::Null => "nothing",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }

    /// As JSON; dates as text.
    pub fn value(&self) -> Value {
        match &self.is {
            Data::Text(text) | Data::Date(text) => Value::String(text.clone()),
            Data::Null => Value::Null,
            Data::Integer(number) => Value::from(*number),
            Data::Float(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Data::Boolean(flag) => Value::Bool(*flag),
            Data::List(items) => Value::Array(items.iter().map(Node::value).collect()),
            Data::Table(entries) => {
                let members = entries.iter().map(|entry| (entry.key.is.clone(), entry.value.value()));
                Value::Object(members.collect::<Map<String, Value>>())
            }
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key.is == key).map(|entry| &entry.value)
    }

    /// The entries of a table; nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.is {
            Data::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<Text> {
        match &self.is {
            Data::Text(text) => Some(At::new(text.clone(), self.span.clone())),
            _ => None,
        }
    }

    /// Every text inside, itself included.
    pub fn texts(&self) -> Vec<Text> {
        match &self.is {
            Data::Text(text) => vec![At::new(text.clone(), self.span.clone())],
            Data::List(items) => items.iter().flat_map(Node::texts).collect(),
            Data::Table(entries) => entries.iter().flat_map(|entry| entry.value.texts()).collect(),
            _ => Vec::new(),
        }
    }

    pub fn empty_table(span: Range<usize>) -> Node {
        Node { span, is: Data::Table(Vec::new()) }
    }
}

/// The tree of a TOML text, and whether its syntax was good; syntax errors go to `notes`.
pub fn parse(notes: &mut Notes) -> (Node, bool) {
    let text = notes.source.text.clone();
    let (table, errors) = DeTable::parse_recoverable(&text);
    let mut seen = std::collections::BTreeSet::new();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let line = notes.source.place(&span).line;
        // The parser's second error on one line is nearly always an echo of the first.
        if seen.insert(line) {
            notes.error("CS0101", &span, format!("not TOML: {}", error.message()), "");
        }
    }
    super::toml11::warn(notes);
    let span = table.span();
    (convert_table(table.get_ref(), span, notes), errors.is_empty())
}

fn convert_table(table: &DeTable<'_>, span: Range<usize>, notes: &mut Notes) -> Node {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: At::new(key.get_ref().to_string(), key.span()),
            value: convert(value.get_ref(), value.span(), notes),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key.span.start);
    Node { span, is: Data::Table(entries) }
}

fn convert(value: &DeValue<'_>, span: Range<usize>, notes: &mut Notes) -> Node {
    let is = match value {
        DeValue::String(text) => Data::Text(text.to_string()),
        DeValue::Integer(number) => {
            Data::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                notes.error("CS0110", &span, "the number is too large", "integers have at most 63 bits");
                0
            }))
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Data::Float(number),
            _ => {
                notes.error("CS0110", &span, "the number is not finite", "");
                Data::Float(0.0)
            }
        },
        DeValue::Boolean(flag) => Data::Boolean(*flag),
        DeValue::Datetime(date) => Data::Date(date.to_string()),
        DeValue::Array(items) => {
            Data::List(items.iter().map(|item| convert(item.get_ref(), item.span(), notes)).collect())
        }
        DeValue::Table(table) => return convert_table(table, span, notes),
    };
    Node { span, is }
}
