//! What comes next in a step that people carry out or answer: who is asked, what they have said, when it is over.

use super::{Next, Prompt, PromptKind, Seat, Stop, StopKind};
use super::{begin, finished, holds, prompt, unready};
use crate::base::{StepId, Time};
use crate::engine::operation;
use crate::engine::state::{Run, SaidState, StepState};
use crate::plan::model::{AskField, Body, Manual, Stage, Step};
use crate::record::fact::{Fact, Found};
use crate::record::statement::SaidWhat;
use serde_json::{Value, json};

pub(super) fn ask_next(
    run: &Run,
    step: &Step,
    id: &StepId,
    state: &StepState,
    fields: &[AskField],
    texts: impl Fn(&str) -> String,
) -> Next {
    if let Some(said) = state.said_now(SaidWhat::Answer).last() {
        let answer = said.value.get("answer").cloned().unwrap_or(Value::Null);
        return Next::Append(vec![finished(run, id, answer, 0).by(&said.person)]);
    }
    let fields = fields.iter().map(|field| AskField { text: texts(&field.text), ..field.clone() }).collect();
    let kind = PromptKind::Ask { fields };
    Next::Prompt(prompt(run, kind, id, state.attempt, &step.performer, step.title.clone()))
}

/// A task by people: shown (and begun, if it changes something), signed by everybody it needs, over.
pub(super) fn manual_next(
    run: &Run,
    seat: &Seat,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    state: &StepState,
    now: Time,
) -> Next {
    let Body::Manual(manual) = &step.body else {
        return Next::Stop(Stop::of(StopKind::Failed, id.to_string(), "not a task"));
    };
    let operation = match operation::resolve(run, id, now) {
        Ok(operation) => operation,
        Err(error) => return unready(id, error),
    };
    if step.mutates && !state.is_open() {
        return begin(run, seat, stage, step, id, state, operation, now);
    }
    let roles: Vec<String> =
        if manual.performers.is_empty() { vec![step.performer.clone()] } else { manual.performers.clone() };
    let mut said: Vec<(String, &SaidState)> = Vec::new();
    for role in &roles {
        let taken = |person: &str| said.iter().any(|(_, other)| other.person == person);
        let mine = state.said.iter().rev().find(|word| {
            word.what == SaidWhat::Task
                && word.attempt == state.attempt
                && &word.role == role
                && holds(run, &word.person, role)
                && !taken(&word.person)
        });
        match mine {
            Some(word) => said.push((role.clone(), word)),
            None => return Next::Prompt(task(run, manual, id, state, role, &operation)),
        }
    }
    // Within `together` of one another; who spoke too early says it again.
    let newest = said.iter().map(|(_, word)| word.at).max().unwrap_or_default();
    let early = said.iter().find(|(_, word)| manual.together > 0 && newest.since(word.at) > manual.together);
    if let Some((role, _)) = early {
        return Next::Prompt(task(run, manual, id, state, role, &operation));
    }
    let evidence = gather(&said, state);
    let missing = manual.evidence.iter().find(|item| item.required && evidence.get(&item.name).is_none());
    if let Some(item) = missing {
        let role = if item.by.is_empty() { roles.first().cloned().unwrap_or_default() } else { item.by.clone() };
        return Next::Prompt(task(run, manual, id, state, &role, &operation));
    }
    let mut done = finished(run, id, evidence, 0);
    if let Fact::Outcome(outcome) = &mut done.fact {
        outcome.attempt = state.attempt;
        outcome.intended = state.begun().map(|begun| begun.seq);
        outcome.found = Found::Word;
    }
    Next::Append(vec![done.by(said.first().map(|(_, word)| word.person.as_str()).unwrap_or_default())])
}

fn task(run: &Run, manual: &Manual, id: &StepId, state: &StepState, role: &str, operation: &Value) -> Prompt {
    let text = operation.get("instructions").and_then(Value::as_str).unwrap_or(&manual.instructions).to_owned();
    let evidence = manual.evidence.iter().filter(|item| item.by.is_empty() || item.by == role).cloned().collect();
    let says = manual.says.get(role).cloned().unwrap_or_else(|| "It is done.".to_owned());
    let kind = PromptKind::Task { says, evidence, settles: manual.settles.clone() };
    prompt(run, kind, id, state.attempt, role, text)
}

/// All evidence given for a task: fields said with it, and attached files by name.
fn gather(said: &[(String, &SaidState)], state: &StepState) -> Value {
    let mut all = serde_json::Map::new();
    for (_, word) in said {
        if let Some(Value::Object(fields)) = word.value.pointer("/answer/evidence") {
            all.extend(fields.clone());
        }
    }
    for file in state.said_now(SaidWhat::Evidence) {
        if let Some(name) = file.value.get("name").and_then(Value::as_str) {
            let digest = file.object.map(|digest| digest.hex()).unwrap_or_default();
            let field = if file.reason.is_empty() { name } else { &file.reason };
            all.insert(field.to_owned(), json!({"name": name, "sha256": digest}));
        }
    }
    Value::Object(all)
}
