//! Simulated people at the seat: they agree, with `example` values, and do what a task settles.

use super::Tell;
use super::world::Wire;
use crate::base::Time;
use crate::engine::next::{Prompt, PromptKind, Stop};
use crate::engine::state::Run;
use crate::expression;
use crate::operator::{Answer, EvidenceFile, Operator, Patience, TaskAnswer};
use crate::plan::model::{AskField, Evidence, Plan};
use crate::record::entry::Entry;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Simulated people at the seat: they agree, with `example` values, and do what a task settles.
pub struct Simulated {
    tell: Tell,
    wire: Arc<Wire>,
    plan: Arc<Plan>,
    /// The accounts of sessions that are the same for all items.
    accounts: BTreeSet<String>,
}

impl Simulated {
    pub fn new(tell: Tell, wire: Arc<Wire>, run: &Run, now: Time) -> Simulated {
        let parameters = json!({"parameters": run.values});
        let account = |template: &str| match expression::fill(&Value::String(template.to_owned()), &parameters, now) {
            Ok(Value::String(account)) => Some(account),
            _ => None,
        };
        let accounts = run.plan.sessions.values().filter_map(|session| account(&session.account)).collect();
        Simulated { tell, wire, plan: run.plan.clone(), accounts }
    }

    fn settle(&mut self, prompt: &Prompt, facts: &[String]) {
        let account = self.account_of(prompt);
        for fact in facts {
            self.wire.human(&account, fact);
        }
    }

    /// The account that a task is about: the item's `id`, or its key; without an item that of a session which the
    /// task's text names.
    fn account_of(&self, prompt: &Prompt) -> String {
        let Ok(id) = prompt.at.parse::<crate::base::StepId>() else { return String::new() };
        let items = self.plan.stage(&id.stage).and_then(|stage| stage.items.as_deref()).unwrap_or_default();
        let item = items.iter().find(|item| Some(&item.key) == id.item.as_ref());
        let item_id = item.and_then(|item| item.value.get("id").and_then(Value::as_str).map(str::to_owned));
        let named = || self.accounts.iter().find(|account| prompt.text.contains(account.as_str())).cloned();
        item_id.or(id.item).or_else(named).unwrap_or_default()
    }
}

impl Operator for Simulated {
    fn confirm(&mut self, _: &Prompt, _: &str) -> Answer<()> {
        Answer::Given(())
    }

    fn go_on(&mut self, _: &Prompt) -> Answer<()> {
        Answer::Given(())
    }

    fn task(&mut self, prompt: &Prompt, _: &str, evidence: &[Evidence]) -> Answer<TaskAnswer> {
        if let PromptKind::Task { settles, .. } = &prompt.kind {
            self.settle(prompt, settles);
        }
        let mut answer = TaskAnswer::default();
        for item in evidence {
            if item.r#type == "file" {
                let name = item.example.as_str().unwrap_or("example.txt").to_owned();
                let bytes = format!("simulated evidence: {}", item.name).into_bytes();
                let media_type = "text/plain".to_owned();
                answer.files.push(EvidenceFile { field: item.name.clone(), name, media_type, bytes });
            } else {
                answer.evidence.insert(item.name.clone(), example(&item.example, &item.r#type, &[]));
            }
        }
        Answer::Given(answer)
    }

    fn ask(&mut self, _: &Prompt, fields: &[AskField]) -> Answer<Map<String, Value>> {
        let answers =
            fields.iter().map(|field| (field.name.clone(), example(&field.example, &field.r#type, &field.choices)));
        Answer::Given(answers.collect())
    }

    fn tell(&mut self, run: &Run, entry: &Entry) {
        (self.tell)(run, entry);
    }

    fn waiting(&mut self, _: &Run, _: &Stop) {}

    fn patience(&self) -> Patience {
        Patience::Short(i64::MAX)
    }
}

/// The example value, else a plain one of its type.
fn example(given: &Value, of: &str, choices: &[String]) -> Value {
    if !given.is_null() {
        return given.clone();
    }
    match of {
        "integer" => Value::from(1),
        "boolean" => Value::Bool(true),
        "account_id" => Value::from("111122223333"),
        "email" => Value::from("someone@example.com"),
        "duration" => Value::from("1h"),
        "date_time" => Value::from("2026-01-01T00:00:00Z"),
        _ => Value::from(choices.first().cloned().unwrap_or_else(|| "example".to_owned())),
    }
}
