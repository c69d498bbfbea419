//! Reads tables key by key and says what is wrong with each: unknown, missing, of another type, or in
//! a table where it does not belong.

use super::node::{At, Data, Entry, Node, Notes, Text};
use crate::base::{duration, escape, id};
use std::ops::Range;

/// No duration of a runbook is longer: ten years.
const LONGEST: i64 = 3_650 * 86_400_000;

/// A kind of table: what it is called, how its header looks, and its keys.
#[derive(Debug)]
pub struct Shape {
    /// "a stage", "the anchor", ...
    pub name: &'static str,
    /// The header under which TOML reads keys into it; empty if it has none.
    pub header: &'static str,
    pub keys: &'static [&'static str],
}

/// One table being read. Unknown keys are reported when it is opened.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    pub span: Range<usize>,
    entries: &'a [Entry],
    /// "the step `accept`", for messages.
    pub what: String,
}

impl<'a> Table<'a> {
    /// Opens `node` as a table of `shape`. `around`: the shapes of the tables that it lies in, innermost
    /// first; a key of one of those is told where it belongs.
    pub fn open(
        node: &'a Node,
        shape: &Shape,
        what: impl Into<String>,
        around: &[&Shape],
        notes: &mut Notes,
    ) -> Option<Table<'a>> {
        let what = what.into();
        let Data::Table(entries) = &node.is else {
            notes.error("CS0105", &node.span, format!("{what} must be a table, not {}", node.kind()), "");
            return None;
        };
        for entry in entries.iter().filter(|entry| !shape.keys.contains(&entry.key.is.as_str())) {
            unknown_key(&entry.key, shape, &what, around, notes);
        }
        Some(Table { span: node.span.clone(), entries, what })
    }

    /// A table whose keys are names chosen by the author.
    pub fn named(node: &'a Node, what: &str, notes: &mut Notes) -> Vec<(Text, &'a Node)> {
        let Data::Table(entries) = &node.is else {
            notes.error("CS0105", &node.span, format!("{what} must be a table, not {}", node.kind()), "");
            return Vec::new();
        };
        entries.iter().map(|entry| (entry.key.clone(), &entry.value)).collect()
    }

    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key.is == key).map(|entry| &entry.value)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Where the key itself stands, or the table.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let entry = self.entries.iter().find(|entry| entry.key.is == key);
        entry.map_or_else(|| self.span.clone(), |entry| entry.key.span.clone())
    }

    pub fn keys(&self) -> impl Iterator<Item = &'a Text> {
        self.entries.iter().map(|entry| &entry.key)
    }

    pub fn text(&self, key: &str, notes: &mut Notes) -> Option<Text> {
        let node = self.get(key)?;
        let text = node.text();
        if text.is_none() {
            self.wrong(key, node, "text", notes);
        }
        text
    }

    /// As [`Table::text`]; it must be there and not be blank.
    pub fn required(&self, key: &str, notes: &mut Notes) -> Option<Text> {
        if !self.has(key) {
            self.missing(key, notes);
            return None;
        }
        let text = self.text(key, notes)?;
        if text.is.trim().is_empty() {
            notes.error("CS0110", &text.span, format!("`{key}` of {} is empty", self.what), "");
            return None;
        }
        Some(text)
    }

    pub fn boolean(&self, key: &str, notes: &mut Notes) -> Option<At<bool>> {
        let node = self.get(key)?;
        match node.is {
            Data::Boolean(flag) => Some(At::new(flag, node.span.clone())),
            _ => {
                self.wrong(key, node, "true or false", notes);
                None
            }
        }
    }

    /// An integer between `least` and `most`.
    pub fn integer(&self, key: &str, least: i64, most: i64, notes: &mut Notes) -> Option<At<i64>> {
        let node = self.get(key)?;
        match node.is {
            Data::Integer(number) if (least..=most).contains(&number) => Some(At::new(number, node.span.clone())),
            Data::Integer(number) => {
                let hint = format!("between {least} and {most}");
                notes.error("CS0110", &node.span, format!("`{key}` of {} can't be {number}", self.what), hint);
                None
            }
            _ => {
                self.wrong(key, node, "an integer", notes);
                None
            }
        }
    }

    /// A duration, in milliseconds.
    pub fn duration(&self, key: &str, notes: &mut Notes) -> Option<At<i64>> {
        let text = self.text(key, notes)?;
        match duration::parse(&text.is) {
            Ok(0) => {
                notes.error("CS0110", &text.span, format!("`{key}` of {} can't be nothing", self.what), "");
                None
            }
            Ok(ms) if ms > LONGEST => {
                notes.error("CS0110", &text.span, format!("`{key}` of {} is longer than ten years", self.what), "");
                None
            }
            Ok(ms) => Some(At::new(ms, text.span)),
            Err(message) => {
                notes.error("CS0110", &text.span, message, "");
                None
            }
        }
    }

    /// A list of texts; a single text counts as a list of one.
    pub fn texts(&self, key: &str, notes: &mut Notes) -> Option<Vec<Text>> {
        let node = self.get(key)?;
        match &node.is {
            Data::List(items) => {
                let mut out = Vec::new();
                for item in items {
                    match item.text() {
                        Some(text) => out.push(text),
                        None => self.wrong(key, item, "a list of texts", notes),
                    }
                }
                Some(out)
            }
            _ => {
                self.wrong(key, node, "a list of texts", notes);
                None
            }
        }
    }

    /// A list of tables, as `[[...]]` or inline.
    pub fn tables(&self, key: &str, notes: &mut Notes) -> Vec<&'a Node> {
        let Some(node) = self.get(key) else { return Vec::new() };
        match &node.is {
            Data::List(items) => items.iter().collect(),
            Data::Table(_) => {
                let hint = format!("write `[[...{key}]]` or `{key} = [{{ ... }}]`");
                notes.error(
                    "CS0105",
                    &self.key_span(key),
                    format!("`{key}` of {} must be a list of tables", self.what),
                    hint,
                );
                Vec::new()
            }
            _ => {
                self.wrong(key, node, "a list of tables", notes);
                Vec::new()
            }
        }
    }

    /// One of `choices`.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], notes: &mut Notes) -> Option<At<T>> {
        let text = self.text(key, notes)?;
        match choices.iter().find(|(name, _)| *name == text.is) {
            Some((_, value)) => Some(At::new(*value, text.span)),
            None => {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                let message = format!("`{}` is no `{key}` of {}", shown(&text.is), self.what);
                notes.error("CS0110", &text.span, message, one_of(&text.is, &names));
                None
            }
        }
    }

    /// The required `id`, of the form `[a-z][a-z0-9_]*`.
    pub fn id(&self, notes: &mut Notes) -> Option<Text> {
        let id = self.required("id", notes)?;
        name(&id, notes).then_some(id)
    }

    pub fn missing(&self, key: &str, notes: &mut Notes) {
        notes.error("CS0104", &self.span, format!("{} has no `{key}`", self.what), "");
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str, notes: &mut Notes) {
        let message = format!("`{key}` of {} must be {wanted}, not {}", self.what, node.kind());
        notes.error("CS0105", &node.span, message, "");
    }
}

/// Whether `text` is an id; says so if not.
pub fn name(text: &Text, notes: &mut Notes) -> bool {
    let good = id::is_name(&text.is);
    if !good {
        let hint = "ids are small letters, digits and `_`, and begin with a letter";
        notes.error("CS0107", &text.span, format!("`{}` is no id", shown(&text.is)), hint);
    }
    good
}

/// Reports every second use of an id.
pub fn unique<'a>(ids: impl IntoIterator<Item = &'a Text>, what: &str, notes: &mut Notes) {
    let mut seen: Vec<&Text> = Vec::new();
    for id in ids {
        if let Some(first) = seen.iter().find(|first| first.is == id.is) {
            let line = notes.source.place(&first.span).line;
            let message = format!("the id `{}` names two {what}; the first is on line {line}", shown(&id.is));
            notes.error("CS0108", &id.span, message, "");
        } else {
            seen.push(id);
        }
    }
}

/// The nearest of `names`, if any is near.
pub fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(text, name), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// "did you mean `x`?", or the list of what there is.
pub fn one_of(text: &str, names: &[&str]) -> String {
    match nearest(text, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => String::new(),
        None => format!("one of: {}", names.join(", ")),
    }
}

/// Foreign text, short and harmless, for the middle of a message.
pub fn shown(text: &str) -> String {
    escape::cut(&escape::line(text), 60)
}

fn unknown_key(key: &Text, shape: &Shape, what: &str, around: &[&Shape], notes: &mut Notes) {
    let text = shown(&key.is);
    if let Some(home) = around.iter().find(|home| home.keys.contains(&key.is.as_str())) {
        let message = format!("`{text}` is a key of {}, but TOML reads it into {what}", home.name);
        let hint = if home.header.is_empty() {
            "a key belongs to the last header above it: write it at the top of the file".to_owned()
        } else {
            format!("a key belongs to the last header above it: write it right under `{}`", home.header)
        };
        notes.error("CS0106", &key.span, message, hint);
        return;
    }
    let hint = one_of(&key.is, shape.keys);
    notes.error("CS0103", &key.span, format!("{what} has no key `{text}`"), hint);
}
