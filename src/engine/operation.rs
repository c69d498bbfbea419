//! A step's operation: the template filled, and how it is named to the people who decide. Pure.

use super::scope::{self, Names};
use super::state::Run;
use crate::base::{Digest, StepId, Time, json};
use crate::expression::{self, ExprError};
use crate::plan::model::{Body, Plan, Stage, Step};
use crate::record::fact::Direction;
use crate::record::operations::{self, Operation};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Why an operation is not there yet, or can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    #[error(transparent)]
    Wrong(#[from] ExprError),
    #[error("{0}")]
    Bad(String),
}

/// Finds a step's stage and itself in the plan.
pub fn locate<'a>(plan: &'a Plan, id: &StepId) -> Option<(&'a Stage, &'a Step)> {
    Some((plan.stage(&id.stage)?, plan.step(id)?))
}

/// The operation of a step whose turn has come: everything before it is known, so what gives null is null.
pub fn resolve(run: &Run, id: &StepId, now: Time) -> Result<Value, Unready> {
    let (stage, step) = locate(&run.plan, id).ok_or_else(|| Unready::Bad(format!("there is no step {id}")))?;
    let scope = scope::of(run, stage, id.item.as_deref(), Some(id), &Names::of([&step.template]));
    finish(expression::fill(&step.template, &scope, now)?)
}

/// The operation as far as it is known; what is not stays as its `${...}` text.
pub fn partial(run: &Run, id: &StepId, now: Time) -> Option<(Value, bool)> {
    let (stage, step) = locate(&run.plan, id)?;
    let scope = scope::of(run, stage, id.item.as_deref(), Some(id), &Names::of([&step.template]));
    let (value, whole) = expression::fill_known(&step.template, &scope, now);
    let value = if whole { finish(value).ok()? } else { value };
    Some((value, whole))
}

/// The operation as it is sent: secret parameters put in where the *template* names them, and nowhere else, so
/// that no answer of AWS and no evidence can ask for one. An error names the secret that is missing.
pub fn reveal(
    template: &Value,
    operation: &Value,
    secrets: &BTreeMap<String, String>,
    names: &[String],
) -> Result<Value, String> {
    Ok(match (template, operation) {
        (Value::String(asked), Value::String(text)) => {
            let mut text = text.clone();
            for name in names {
                let place = format!("${{parameters.{name}}}");
                if asked.contains(&place) {
                    let secret = secrets.get(name).ok_or_else(|| name.clone())?;
                    text = text.replace(&place, secret);
                }
            }
            Value::String(text)
        }
        (Value::Object(asked), Value::Object(members)) => {
            let mut out = Map::new();
            for (key, member) in members {
                let asked = asked.get(key).unwrap_or(&Value::Null);
                out.insert(key.clone(), reveal(asked, member, secrets, names)?);
            }
            Value::Object(out)
        }
        (Value::Array(asked), Value::Array(items)) => {
            let null = Value::Null;
            let each = items.iter().enumerate();
            let all = each.map(|(at, item)| reveal(asked.get(at).unwrap_or(&null), item, secrets, names));
            Value::Array(all.collect::<Result<_, _>>()?)
        }
        (_, other) => other.clone(),
    })
}

/// Leaves out parameters that came out as null: AWS knows "absent", not null.
fn finish(mut operation: Value) -> Result<Value, Unready> {
    if let Some(Value::Object(with)) = operation.get_mut("with") {
        with.retain(|_, value| !value.is_null());
    }
    if let Some(account) = operation.get("account").and_then(Value::as_str)
        && (account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(Unready::Bad(format!("`{account}` is not an account id (12 digits)")));
    }
    Ok(operation)
}

/// One entry of an operations object.
pub fn slot(id: &StepId, attempt: u32, performer: &str, operation: Value) -> Operation {
    Operation {
        covers: id.covers(),
        step: id.clone(),
        direction: if id.undo.is_some() { Direction::Undo } else { Direction::Do },
        attempt,
        performer: performer.to_owned(),
        operation,
    }
}

/// The canonical bytes and digest of an operations object.
pub fn bytes(operations: &[Operation]) -> Result<(Digest, Vec<u8>), Unready> {
    let bytes = operations::write(operations).map_err(|error| Unready::Bad(error.to_string()))?;
    Ok((Digest::of(&bytes), bytes))
}

/// The canonical bytes and digest of one resolved operation.
pub fn single(operation: &Value) -> Result<(Digest, Vec<u8>), Unready> {
    let bytes = json::object_bytes(operation).map_err(|error| Unready::Bad(error.to_string()))?;
    Ok((Digest::of(&bytes), bytes))
}

/// What a person is told that one operation is: `organizations:AcceptHandshake in 111122223333, h-abc`.
pub fn words(operation: &Value, step: &Step) -> String {
    let text = |member: &str| operation.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    match &step.body {
        Body::Action | Body::Read => {
            let mut words = text("action");
            if !text("account").is_empty() {
                words.push_str(&format!(" in {}", text("account")));
            }
            let empty = Map::new();
            let with = operation.get("with").and_then(Value::as_object).unwrap_or(&empty);
            let values: Vec<String> = with.iter().flat_map(|(_, value)| leaves(value)).collect();
            if !values.is_empty() {
                words.push_str(&format!(", {}", values.join(", ")));
            }
            words
        }
        Body::Command(_) => {
            let argv: Vec<String> = operation.get("argv").into_iter().flat_map(leaves).collect();
            format!("command {}", argv.join(" "))
        }
        Body::Manual(_) => format!("manual task: {}", step.title),
        _ => format!("{}: {}", step.body.kind(), step.title),
    }
}

fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().flat_map(leaves).collect(),
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        other => vec![other.to_string()],
    }
}

/// The summary of a request over these operations, at most 400 characters, one line. What is the same is said once.
pub fn summary(plan: &Plan, operations: &[Operation]) -> String {
    let one = |slot: &Operation| plan.step(&slot.step).map(|step| words(&slot.operation, step)).unwrap_or_default();
    let named = |slot: &Operation, member: &str| {
        slot.operation.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    // A point of no return stands alone in its request, and says first what it is.
    let end = |slot: &Operation| match plan.step(&slot.step) {
        Some(step) if !step.back.point_of_no_return.is_empty() => "POINT OF NO RETURN: ",
        _ => "",
    };
    let text = match operations {
        [only] => format!("{}{}", end(only), one(only)),
        [first, ..] => {
            let (action, account) = (named(first, "action"), named(first, "account"));
            let alike =
                operations.iter().all(|slot| named(slot, "action") == action && named(slot, "account") == account);
            if alike && !action.is_empty() && first.step.is_forward() {
                let items: Vec<&str> = operations.iter().filter_map(|slot| slot.step.item.as_deref()).collect();
                format!("{} x {action} in {account}, for {}", operations.len(), items.join(", "))
            } else {
                let all: Vec<String> = operations.iter().map(one).collect();
                format!("{} operations: {}", operations.len(), all.join("; then "))
            }
        }
        [] => String::new(),
    };
    crate::base::escape::cut(&text, 400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_goes_only_where_the_template_names_it() {
        let names = ["pin".to_owned()];
        let secrets = BTreeMap::from([("pin".to_owned(), "1234".to_owned())]);
        let template = json!({"env": {"A": "x${parameters.pin}", "B": "${steps.read.Text}"}});
        let operation = json!({"env": {"A": "x${parameters.pin}", "B": "${parameters.pin}"}});
        let sent = reveal(&template, &operation, &secrets, &names);
        assert_eq!(sent, Ok(json!({"env": {"A": "x1234", "B": "${parameters.pin}"}})));
        assert_eq!(reveal(&template, &operation, &BTreeMap::new(), &names), Err("pin".to_owned()));
    }
}
