//! Parameter values: from TOML, JSON, CSV and the command line, typed as the runbook says.
//! Secrets are kept apart: they never enter the values object.

use super::json_node;
use crate::base::{Digest, Finding, Place, json};
use crate::check::checked::Checked;
use crate::check::{Accepted, accept};
use crate::runbook::kind::Kind;
use crate::runbook::node::{self, Data, Node, Notes, Source};
use crate::runbook::reader::{one_of, shown};
use crate::runbook::written::Parameter;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// Values of all parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Every value that is not secret.
    pub object: Value,
    /// Secrets by parameter, as far as they were given.
    pub secrets: BTreeMap<String, String>,
    /// Parameters for which the runbook's `example` stands in (rehearsals only).
    pub examples: Vec<String>,
}

/// One `--set NAME=TEXT`, or `--set NAME=@FILE` with the file's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetValue {
    pub name: String,
    pub text: String,
    /// The file that the text came from.
    pub file: Option<String>,
}

impl Values {
    /// The canonical bytes of the values object.
    pub fn bytes(&self) -> Vec<u8> {
        json::object_bytes_of(&self.object).unwrap_or_default()
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }
}

/// Reads values. `file`: name and text of a `.toml` or `.json` file. `sets` win over it. `secrets`: what
/// the environment gave. In a rehearsal the runbook's examples stand in for what is missing.
pub fn read(
    checked: &Checked,
    file: Option<(&str, &str)>,
    sets: &[SetValue],
    secrets: BTreeMap<String, String>,
    rehearsal: bool,
) -> Result<Values, Vec<Finding>> {
    let mut reader =
        Reader { checked, values: Map::new(), secrets, found: Vec::new(), given: Vec::new(), examples: Vec::new() };
    if let Some((name, text)) = file {
        reader.file(name, text);
        if reader.found.iter().any(|finding| matches!(finding.code, "CS0101" | "CS0508")) {
            // Unreadable: what is missing is anybody's guess.
            return Err(reader.found);
        }
    }
    for set in sets {
        reader.set(set);
    }
    reader.missing(rehearsal);
    if reader.found.is_empty() {
        Ok(Values { object: Value::Object(reader.values), secrets: reader.secrets, examples: reader.examples })
    } else {
        reader.found.sort_by(|a, b| a.place.cmp(&b.place));
        Err(reader.found)
    }
}

struct Reader<'a> {
    checked: &'a Checked,
    values: Map<String, Value>,
    secrets: BTreeMap<String, String>,
    found: Vec<Finding>,
    /// Parameters that something was given for, good or not.
    given: Vec<String>,
    examples: Vec<String>,
}

impl<'a> Reader<'a> {
    fn file(&mut self, name: &str, text: &str) {
        if name.ends_with(".json") {
            return self.json_file(name, text);
        }
        if !name.ends_with(".toml") {
            let hint = "values are read from .toml and .json; one table from a .csv file: --set NAME=@FILE.csv";
            return self.error("CS0508", Place::file(name), "values of this kind of file can't be read", hint);
        }
        let mut notes = Notes::new(name, text);
        let (root, good) = node::parse(&mut notes);
        let source = notes.source.clone();
        self.found.extend(notes.found.into_iter().filter(|finding| finding.severity == crate::base::Severity::Error));
        if !good {
            return;
        }
        self.members(&root, &source);
    }

    /// One member for each parameter, each finding at its place.
    fn members(&mut self, root: &Node, source: &Source) {
        for entry in root.entries() {
            let Some(parameter) = self.parameter(&entry.key.is, source.place(&entry.key.span)) else { continue };
            if self.refuses_secret(parameter, source.place(&entry.value.span)) {
                continue;
            }
            match accept(parameter, &entry.value.value()) {
                Ok(value) => drop(self.values.insert(entry.key.is.clone(), value)),
                Err(message) => {
                    let place = source.place(&culprit(parameter, &entry.value));
                    self.wrong(parameter, place, &message);
                }
            }
        }
    }

    fn json_file(&mut self, name: &str, text: &str) {
        let source = Source { file: name.to_owned(), text: text.to_owned() };
        let root = match json_node::read(text) {
            Ok(root) => root,
            Err((span, message)) => return self.error("CS0508", source.place(&span), message, ""),
        };
        if !matches!(root.is, Data::Table(_)) {
            let hint = "an object with one member for each parameter";
            return self.error("CS0508", source.place(&root.span), "the values are not a JSON object", hint);
        }
        self.members(&root, &source);
    }

    fn set(&mut self, set: &SetValue) {
        let place = Place::file(&format!("--set {}", set.name));
        let Some(parameter) = self.parameter(&set.name, place.clone()) else { return };
        match (&set.file, parameter.of) {
            (None, Kind::Secret) => {
                self.refuses_secret(parameter, place);
            }
            (Some(_), Kind::Secret) => {
                self.secrets.insert(set.name.clone(), set.text.trim_end_matches(['\r', '\n']).to_owned());
            }
            (Some(file), Kind::Table) if file.ends_with(".csv") => {
                if let Some(rows) = self.csv(parameter, file, &set.text) {
                    self.put(parameter, accept(parameter, &rows), Place::file(file));
                }
            }
            (file, _) => {
                let place = file.as_ref().map_or(place, |file| Place::file(file));
                let value = parameter.of.accept_text(set.text.trim_end_matches(['\r', '\n']));
                self.put(parameter, value.and_then(|value| accept(parameter, &value)), place);
            }
        }
    }

    /// Rows of a CSV text whose first line names the columns.
    fn csv(&mut self, parameter: &Parameter, file: &str, text: &str) -> Option<Value> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = match reader.headers() {
            Ok(headers) => headers.clone(),
            Err(error) => {
                self.error("CS0507", Place::file(file), format!("not CSV: {error}"), "");
                return None;
            }
        };
        let before = self.found.len();
        let names: Vec<&str> = parameter.columns.iter().map(|column| column.id.is.as_str()).collect();
        for header in headers.iter().filter(|header| !names.contains(header)) {
            let place = Place::of(file, text, 0..0);
            self.error("CS0507", place, format!("there is no column `{}`", shown(header)), one_of(header, &names));
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => rows.push(self.csv_row(parameter, file, text, &headers, &record)),
                Err(error) => {
                    let at = error.position().map_or(0, |position| position.byte()) as usize;
                    let hint = "every line needs as many cells as the first";
                    self.error("CS0507", Place::of(file, text, at..at), format!("not CSV: {error}"), hint);
                }
            }
        }
        (self.found.len() == before).then_some(Value::Array(rows))
    }

    fn csv_row(
        &mut self,
        parameter: &Parameter,
        file: &str,
        text: &str,
        headers: &csv::StringRecord,
        record: &csv::StringRecord,
    ) -> Value {
        let mut row = Map::new();
        for (header, cell) in headers.iter().zip(record) {
            let Some(column) = parameter.columns.iter().find(|column| column.id.is == header) else { continue };
            if cell.is_empty() && column.default.is_some() {
                continue;
            }
            match column.of.accept_text(cell).and_then(|value| accept(column, &value)) {
                Ok(value) => drop(row.insert(header.to_owned(), value)),
                Err(message) => {
                    let at = record.position().map_or(0, |position| position.byte()) as usize;
                    let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| at + length);
                    let place = Place::of(file, text, at..end);
                    self.error("CS0503", place, format!("column `{header}`: {message}"), "");
                }
            }
        }
        Value::Object(row)
    }

    /// The parameter of this name, noted as given.
    fn parameter(&mut self, name: &str, place: Place) -> Option<&'a Parameter> {
        let found = self.checked.parameters.iter().find(|parameter| parameter.id.is == name);
        match found {
            Some(_) => self.given.push(name.to_owned()),
            None => {
                let names: Vec<&str> = self.checked.parameters.iter().map(|one| one.id.is.as_str()).collect();
                let message = format!("the runbook has no parameter `{}`", shown(name));
                self.error("CS0502", place, message, one_of(name, &names));
            }
        }
        found
    }

    fn refuses_secret(&mut self, parameter: &Parameter, place: Place) -> bool {
        let secret = parameter.of == Kind::Secret;
        if secret {
            let id = &parameter.id.is;
            let message = format!("`{id}` is secret and can't be given in clear");
            let hint = format!("give it at the prompt, by --set {id}=@FILE, or as {}", secret_variable(id));
            // The source line would show it.
            self.error("CS0509", Place { source: String::new(), ..place }, message, hint);
        }
        secret
    }

    fn put(&mut self, parameter: &Parameter, value: Accepted, place: Place) {
        match value {
            Ok(value) => drop(self.values.insert(parameter.id.is.clone(), value)),
            Err(message) => self.wrong(parameter, place, &message),
        }
    }

    /// Defaults, examples where they may stand in, or a finding.
    fn missing(&mut self, rehearsal: bool) {
        for parameter in &self.checked.parameters {
            let id = &parameter.id.is;
            if parameter.of == Kind::Secret || self.values.contains_key(id) || self.given.contains(id) {
                continue;
            }
            if let Some(default) = &parameter.default {
                self.put(parameter, accept(parameter, &default.value()), self.checked.source.place(&default.span));
                continue;
            }
            match example(parameter).filter(|_| rehearsal) {
                Some(value) => {
                    self.examples.push(id.clone());
                    self.put(parameter, accept(parameter, &value), self.checked.source.place(&parameter.id.span));
                }
                None => {
                    let place = self.checked.source.place(&parameter.id.span);
                    let hint = format!("give it in the values file, or by --set {id}=...");
                    self.error("CS0501", place, format!("the parameter `{id}` has no value"), hint);
                }
            }
        }
    }

    fn wrong(&mut self, parameter: &Parameter, place: Place, message: &str) {
        let message = format!("`{}`: {message}", parameter.id.is);
        let hint = parameter.description.as_ref().map_or(String::new(), |text| text.is.clone());
        self.error("CS0503", place, message, hint);
    }

    fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Finding::error(code, place, message, hint));
    }
}

/// The environment variable that may hold a secret parameter.
pub fn secret_variable(parameter: &str) -> String {
    format!("COUNTERSIGN_SECRET_{}", parameter.to_uppercase())
}

/// What stands in for a missing value in a rehearsal; of a table, one row of its columns' examples.
fn example(parameter: &Parameter) -> Option<Value> {
    if let Some(example) = &parameter.example {
        return Some(example.value());
    }
    if parameter.of != Kind::Table {
        return None;
    }
    let mut row = Map::new();
    for column in &parameter.columns {
        row.insert(column.id.is.clone(), example(column).or_else(|| column.default.as_ref().map(Node::value))?);
    }
    Some(Value::Array(vec![Value::Object(row)]))
}

/// The part of a value that is wrong: of a table the cell or the row, of a list the item.
fn culprit(parameter: &Parameter, node: &Node) -> Range<usize> {
    let Data::List(items) = &node.is else { return node.span.clone() };
    for item in items {
        if parameter.of == Kind::List && parameter.items.is_some_and(|kind| kind.accept(&item.value()).is_err()) {
            return item.span.clone();
        }
        for entry in item.entries() {
            match parameter.columns.iter().find(|column| column.id.is == entry.key.is) {
                None if parameter.of == Kind::Table => return entry.key.span.clone(),
                Some(column) if accept(column, &entry.value.value()).is_err() => return entry.value.span.clone(),
                _ => {}
            }
        }
        let lacks = |column: &Parameter| column.default.is_none() && item.get(&column.id.is).is_none();
        if parameter.of == Kind::Table && parameter.columns.iter().any(lacks) {
            return item.span.clone();
        }
    }
    node.span.clone()
}
