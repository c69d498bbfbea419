//! `countersign actions [NAME]`: what the catalogue knows, for people and as JSON.
//! Reads the catalogue only; never calls AWS.

use super::ui::{CliError, CliResult, Exit, Style, Ui};
use crate::base::{duration, escape};
use crate::catalogue::action::{Caller, Field, ProbeRead, Repeat, Type, Undo, UndoStep};
use crate::catalogue::{self, Action, ErrorRow};
use serde_json::{Map, Value, json};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// An action, or text to look for in names and purposes; all actions if left out
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

pub fn run(args: &Args, ui: &Ui) -> CliResult {
    let text = match args.name.as_deref().map(|name| (name, catalogue::find(name.trim()))) {
        Some((_, Some(action))) if ui.json => pretty(&entry(action)),
        Some((_, Some(action))) => page(action, ui),
        Some((text, None)) => listed(&search(text)?, ui),
        None => listed(&catalogue::all().collect::<Vec<_>>(), ui),
    };
    ui.data(&text);
    Ok(Exit::Done)
}

/// The actions whose name or purpose has all of these words.
fn search(text: &str) -> Result<Vec<&'static Action>, CliError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let has = |action: &&'static Action| {
        let all = format!("{} {}", action.name, action.purpose).to_lowercase();
        !words.is_empty() && words.iter().all(|word| all.contains(word.as_str()))
    };
    let found: Vec<&'static Action> = catalogue::all().filter(has).collect();
    if found.is_empty() { Err(unknown(text)) } else { Ok(found) }
}

fn listed(actions: &[&'static Action], ui: &Ui) -> String {
    if ui.json {
        return pretty(&actions.iter().map(|action| entry(action)).collect());
    }
    overview(actions, ui)
}

fn unknown(name: &str) -> CliError {
    let name = name.trim();
    let near = catalogue::all()
        .map(|action| (strsim::jaro_winkler(&action.name.to_lowercase(), &name.to_lowercase()), action.name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match near {
        Some((_, near)) => format!("did you mean {near}?"),
        None => "`countersign actions` lists them all".to_owned(),
    };
    CliError::new(Exit::Usage, "CS2020", format!("there is no action `{}`", escape::line(name)), hint)
}

fn overview(actions: &[&'static Action], ui: &Ui) -> String {
    let width = actions.iter().map(|action| action.name.len()).max().unwrap_or(0);
    let line = |action: &&'static Action| {
        let mark = if action.mutates { "changes" } else { "reads  " };
        let name = format!("{:width$}", action.name);
        format!("{}  {mark}  {}", ui.paint(Style::Bold, &name), action.purpose)
    };
    actions.iter().map(line).collect::<Vec<String>>().join("\n")
}

/// Everything about one action, as a person reads it.
fn page(action: &'static Action, ui: &Ui) -> String {
    let mut page = Page { ui, text: String::new() };
    page.text.push_str(&format!("{}\n{}\n{}\n", ui.paint(Style::Bold, action.name), action.purpose, action.source));
    page.facts(action);
    page.fields("Parameters", action.parameters);
    page.fields("Output", action.outputs);
    page.probe(action);
    page.undo(action);
    page.errors(action);
    page.text.trim_end().to_owned()
}

struct Page<'a> {
    ui: &'a Ui,
    text: String,
}

impl Page<'_> {
    fn head(&mut self, title: &str) {
        self.text.push_str(&format!("\n{}\n", self.ui.paint(Style::Bold, title)));
    }

    fn line(&mut self, depth: usize, text: &str) {
        self.text.push_str(&format!("{}{text}\n", "  ".repeat(depth)));
    }

    fn facts(&mut self, action: &Action) {
        self.head("Facts");
        let nature = if action.mutates { "changes something" } else { "reads only" };
        self.line(1, &format!("{nature}; called by {}", caller(action.caller)));
        if !action.hazards.is_empty() {
            let names: Vec<&str> = action.hazards.iter().map(|hazard| hazard.name()).collect();
            self.line(1, &format!("hazards: {}", names.join(", ")));
        }
        if action.mutates && action.repeat == Repeat::MakesAnother {
            self.line(1, "called twice, it makes two: it is never repeated on a guess");
        }
        let limit = duration::show(action.time_limit);
        self.line(
            1,
            &format!(
                "one call may take {limit}; its effect shows everywhere within {}",
                duration::show(action.settles_within)
            ),
        );
        if let Some((rate, burst)) = action.rate {
            self.line(1, &format!("AWS allows {rate} a second per account, {burst} at once"));
        }
        if action.pages.is_some() {
            self.line(1, "all pages are read and joined");
        }
    }

    fn fields(&mut self, title: &str, fields: &[Field]) {
        if !fields.is_empty() {
            self.head(title);
            fields.iter().for_each(|field| self.field(1, field));
        }
    }

    fn field(&mut self, depth: usize, field: &Field) {
        let mut marks = vec![kind(&field.of)];
        if field.required {
            marks.push("required".to_owned());
        }
        if field.secret {
            marks.push("secret".to_owned());
        }
        self.line(depth, &format!("{} ({}): {}", field.name, marks.join(", "), field.about));
        members(&field.of).iter().for_each(|member| self.field(depth + 1, member));
    }

    fn probe(&mut self, action: &Action) {
        if action.probe.is_empty() {
            return;
        }
        self.head("How to tell whether it has happened");
        for side in action.probe {
            let reads: Vec<&str> = side.reads.iter().map(|read| read.action).collect();
            self.line(1, &format!("{}: asks {}", side.name, reads.join(", ")));
            self.line(2, &format!("done:     {}", side.done));
            self.line(2, &format!("not done: {}", side.not_done));
        }
    }

    fn undo(&mut self, action: &Action) {
        match &action.undo {
            Undo::None => return,
            Undo::Usual(steps) => {
                self.head("Way back (undo = \"usual\")");
                for step in *steps {
                    let with: Vec<String> = step.with.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                    self.line(1, &format!("{}: {} {{ {} }}", step.id, step.action, with.join(", ")));
                }
            }
            Undo::Impossible(why) => {
                self.head("No usual way back");
                self.line(1, why);
            }
            Undo::NotNeeded(why) => {
                self.head("Way back not needed (no_undo is allowed)");
                self.line(1, why);
            }
        }
        if !action.lost.is_empty() {
            self.line(1, &format!("lost all the same: {}", action.lost));
        }
    }

    fn errors(&mut self, action: &'static Action) {
        self.head("What AWS's errors mean");
        for row in catalogue::errors(action) {
            let reason = if row.reason.is_empty() { String::new() } else { format!(" {}", row.reason) };
            let class = catalogue::classify(action, row.code, row.reason).0.name();
            self.line(1, &format!("{}{reason}: {class}", row.code));
            self.line(2, &format!("{}; {}", row.means, row.todo));
        }
    }
}

/// Everything about one action, for programs. Times in milliseconds.
fn entry(action: &'static Action) -> Value {
    let sides = action.probe.iter().map(|side| {
        json!({
            "side": side.name, "reads": side.reads.iter().map(read).collect::<Vec<Value>>(),
            "done": side.done, "not_done": side.not_done, "output": side.output,
        })
    });
    json!({
        "name": action.name,
        "purpose": action.purpose,
        "source": action.source,
        "mutates": action.mutates,
        "caller": caller(action.caller),
        "parameters": action.parameters.iter().map(field).collect::<Vec<Value>>(),
        "outputs": action.outputs.iter().map(field).collect::<Vec<Value>>(),
        "hazards": action.hazards.iter().map(|hazard| hazard.name()).collect::<Vec<&str>>(),
        "probe": sides.collect::<Vec<Value>>(),
        "repeat": if action.repeat == Repeat::Detected { "detected" } else { "makes_another" },
        "settles_within": action.settles_within,
        "time_limit": action.time_limit,
        "undo": undo(&action.undo),
        "lost": action.lost,
        "errors": catalogue::errors(action).map(|row| error(action, row)).collect::<Vec<Value>>(),
        "rate": action.rate.map(|(rate, burst)| json!({"per_second": rate, "burst": burst})),
        "pages": action.pages,
    })
}

fn field(field: &Field) -> Value {
    let mut value = json!({
        "name": field.name, "type": kind(&field.of), "required": field.required,
        "secret": field.secret, "about": field.about,
    });
    let inside = members(&field.of);
    if !inside.is_empty() {
        value["members"] = inside.iter().map(self::field).collect();
    }
    value
}

fn read(read: &ProbeRead) -> Value {
    json!({"id": read.id, "action": read.action, "with": table(read.with)})
}

fn undo(undo: &Undo) -> Value {
    let step = |step: &UndoStep| json!({"id": step.id, "action": step.action, "with": table(step.with), "done_if": step.done_if});
    match undo {
        Undo::None => Value::Null,
        Undo::Usual(steps) => json!({"usual": steps.iter().map(step).collect::<Vec<Value>>()}),
        Undo::Impossible(why) => json!({"impossible": why}),
        Undo::NotNeeded(why) => json!({"not_needed": why}),
    }
}

fn error(action: &'static Action, row: &ErrorRow) -> Value {
    let class = catalogue::classify(action, row.code, row.reason).0.name();
    json!({"code": row.code, "reason": row.reason, "class": class, "means": row.means, "todo": row.todo})
}

fn table(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<Map<String, Value>>().into()
}

fn caller(caller: Caller) -> &'static str {
    match caller {
        Caller::Anyone => "anyone",
        Caller::Management => "management",
        Caller::Member => "member",
        Caller::Root => "root",
    }
}

/// A type as the runbook language names it.
fn kind(of: &Type) -> String {
    let plain = match of {
        Type::String => "string",
        Type::Integer => "integer",
        Type::Boolean => "boolean",
        Type::Time => "date_time",
        Type::AccountId => "account_id",
        Type::OrganizationId => "organization_id",
        Type::RootId => "root_id",
        Type::OuId => "ou_id",
        Type::ParentId => "root_id or ou_id",
        Type::PolicyId => "policy_id",
        Type::HandshakeId => "handshake_id",
        Type::Arn => "arn",
        Type::Email => "email",
        Type::RoleName => "role_name",
        Type::UserName => "user_name",
        Type::Document => "document",
        Type::Record(_) => "table",
        Type::Choice(choices) => return format!("one of {}", choices.join(", ")),
        Type::List(inner) => return format!("list of {}", kind(inner)),
    };
    plain.to_owned()
}

fn members(of: &Type) -> &'static [Field] {
    match of {
        Type::Record(fields) => fields,
        Type::List(inner) => members(inner),
        _ => &[],
    }
}

fn pretty(value: &Value) -> String {
    // A value made of text and numbers alone always has a text.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui() -> Ui {
        Ui { color: false, quiet: true, verbose: false, json: false, interactive: false }
    }

    #[test]
    fn every_action_has_a_page_and_a_json_entry() {
        for action in catalogue::all() {
            let text = page(action, &ui());
            assert!(text.starts_with(action.name) && text.contains("AccessDenied"), "{text}");
            assert_eq!(entry(action)["name"], json!(action.name));
            assert_eq!(entry(action)["probe"].as_array().unwrap().is_empty(), !action.mutates);
        }
        let all: Vec<&'static Action> = catalogue::all().collect();
        assert_eq!(listed(&all, &ui()).lines().count(), catalogue::all().count());
    }

    #[test]
    fn actions_are_found_by_text() {
        let names = |text: &str| search(text).unwrap().iter().map(|action| action.name).collect::<Vec<_>>();
        assert!(names("HANDSHAKE").contains(&"organizations:AcceptHandshake"));
        assert_eq!(names("access key delete"), ["iam:DeleteAccessKey"]);
        assert!(search("no such thing").is_err() && search(" ").is_err());
    }

    #[test]
    fn a_page_says_what_a_person_must_know() {
        let text = page(catalogue::find("organizations:AcceptHandshake").unwrap(), &ui());
        for part in [
            "called by member",
            "hazards: ends_identity_center_session",
            "HandshakeId (handshake_id, required)",
            "management: asks organizations:DescribeHandshake, organizations:DescribeAccount",
            "ConstraintViolationException WAIT_PERIOD_ACTIVE: wait",
            "No usual way back",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let key = page(catalogue::find("iam:CreateAccessKey").unwrap(), &ui());
        assert!(key.contains("SecretAccessKey (string, secret)") && key.contains("makes two"), "{key}");
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest_one() {
        let error = unknown("organizations:AcceptHandshakes");
        assert_eq!(error.exit, Exit::Usage);
        assert_eq!(error.hint, "did you mean organizations:AcceptHandshake?");
        assert_eq!(unknown("zzz").hint, "`countersign actions` lists them all");
    }
}
