//! A person at a terminal, asked with dialoguer. Everything foreign is escaped before it is shown (P12).

use super::{Answer, EvidenceFile, Operator, Patience, TaskAnswer};
use crate::base::escape;
use crate::engine::next::{Prompt, Stop};
use crate::engine::state::Run;
use crate::plan::model::{AskField, Evidence};
use crate::record::entry::Entry;
use crate::runbook::kind::Kind;
use dialoguer::{Confirm, Input, Select};
use serde_json::{Map, Value};
use std::path::Path;

/// `speak` prints a line of speech; `tell` shows an entry; `wait` shows what is waited for.
pub struct Terminal<S: FnMut(&str), T: FnMut(&Run, &Entry), W: FnMut(&Run, &Stop)> {
    pub speak: S,
    pub tell: T,
    pub wait: W,
    pub patience: Patience,
}

impl<S: FnMut(&str), T: FnMut(&Run, &Entry), W: FnMut(&Run, &Stop)> Terminal<S, T, W> {
    fn who(&mut self, prompt: &Prompt, what: &str) {
        let person = prompt.at_seat.as_deref().unwrap_or("?");
        (self.speak)(&format!("\n{} ({}), {what} at {}:", escape::line(person), prompt.role, prompt.at));
    }

    fn yes(&self, question: &str) -> Answer<()> {
        match Confirm::new().with_prompt(escape::line(question)).default(false).interact_opt() {
            Ok(Some(true)) => Answer::Given(()),
            Ok(_) => Answer::Declined("answered no".to_owned()),
            Err(_) => Answer::Absent,
        }
    }

    fn field(&self, name: &str, of: &str, text: &str, choices: &[String], required: bool) -> Result<Value, ()> {
        let label = if text.is_empty() { name.to_owned() } else { format!("{name}: {text}") };
        let label = escape::line(&label);
        if !choices.is_empty() {
            let at = Select::new().with_prompt(label).items(choices).default(0).interact().map_err(|_| ())?;
            return Ok(Value::String(choices.get(at).cloned().unwrap_or_default()));
        }
        if of == "boolean" {
            return Confirm::new().with_prompt(label).interact().map(Value::Bool).map_err(|_| ());
        }
        let kind = Kind::parse(of).unwrap_or(Kind::String);
        let fits = |input: &String| match input.is_empty() && !required {
            true => Ok(()),
            false => kind.accept_text(input).map(|_| ()),
        };
        let prompt = Input::new().with_prompt(label).allow_empty(!required).validate_with(fits);
        let input: String = prompt.interact_text().map_err(|_| ())?;
        if input.is_empty() && !required {
            return Ok(Value::Null);
        }
        kind.accept_text(&input).map_err(|_| ())
    }

    fn evidence(&mut self, item: &Evidence, answer: &mut TaskAnswer) -> Result<(), ()> {
        if item.r#type != "file" {
            let value = self.field(&item.name, &item.r#type, "", &[], item.required)?;
            if !value.is_null() {
                answer.evidence.insert(item.name.clone(), value);
            }
            return Ok(());
        }
        loop {
            let path = self.field(&item.name, "string", "path of the file", &[], item.required)?;
            let path = path.as_str().unwrap_or_default().trim().to_owned();
            if path.is_empty() {
                return Ok(());
            }
            match read_file(&item.name, Path::new(&path)) {
                Ok(file) => {
                    answer.files.push(file);
                    return Ok(());
                }
                Err(why) => (self.speak)(&escape::line(&why)),
            }
        }
    }
}

/// A file given as evidence.
pub fn read_file(field: &str, path: &Path) -> Result<EvidenceFile, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let media_type = match path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase).as_deref() {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("txt" | "log" | "md") => "text/plain",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    Ok(EvidenceFile { field: field.to_owned(), name, media_type: media_type.to_owned(), bytes })
}

impl<S: FnMut(&str), T: FnMut(&Run, &Entry), W: FnMut(&Run, &Stop)> Operator for Terminal<S, T, W> {
    fn confirm(&mut self, prompt: &Prompt, typed: &str) -> Answer<()> {
        self.who(prompt, "please confirm");
        if typed.is_empty() {
            return self.yes(&prompt.text);
        }
        (self.speak)(&escape::line(&prompt.text));
        let question = format!("type {} to go on", escape::line(typed));
        match Input::<String>::new().with_prompt(question).allow_empty(true).interact_text() {
            Ok(text) if text.trim() == typed => Answer::Given(()),
            Ok(_) => Answer::Declined("what was typed is not what was asked for".to_owned()),
            Err(_) => Answer::Absent,
        }
    }

    fn go_on(&mut self, prompt: &Prompt) -> Answer<()> {
        self.who(prompt, "please decide");
        self.yes(&prompt.text)
    }

    fn task(&mut self, prompt: &Prompt, says: &str, evidence: &[Evidence]) -> Answer<TaskAnswer> {
        self.who(prompt, "here is a task for you");
        (self.speak)(&escape::block(&prompt.text));
        let mut answer = TaskAnswer::default();
        for item in evidence {
            if self.evidence(item, &mut answer).is_err() {
                return Answer::Absent;
            }
        }
        match self.yes(&format!("{says} Sign this?")) {
            Answer::Given(()) => Answer::Given(answer),
            Answer::Declined(why) => Answer::Declined(why),
            Answer::Absent => Answer::Absent,
        }
    }

    fn ask(&mut self, prompt: &Prompt, fields: &[AskField]) -> Answer<Map<String, Value>> {
        self.who(prompt, "please answer");
        (self.speak)(&escape::line(&prompt.text));
        let mut answers = Map::new();
        for field in fields {
            match self.field(&field.name, &field.r#type, &field.text, &field.choices, field.required) {
                Ok(Value::Null) => {}
                Ok(value) => {
                    answers.insert(field.name.clone(), value);
                }
                Err(()) => return Answer::Absent,
            }
        }
        Answer::Given(answers)
    }

    fn tell(&mut self, run: &Run, entry: &Entry) {
        (self.tell)(run, entry);
    }

    fn waiting(&mut self, run: &Run, stop: &Stop) {
        (self.wait)(run, stop);
    }

    fn patience(&self) -> Patience {
        self.patience
    }
}
