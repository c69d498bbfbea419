//! What `${...}` may name at a step: parameters, item, outputs, captured state, sessions, run. Pure.

use super::state::Run;
use crate::base::StepId;
use crate::plan::model::Stage;
use serde_json::{Map, Value, json};

/// The scope of a step, an anchor (empty step name) or a stage (no item).
pub fn of(run: &Run, stage: &Stage, item: Option<&str>, step: Option<&StepId>) -> Value {
    let mut scope = Map::new();
    scope.insert("parameters".into(), run.values.clone());
    scope.insert("files".into(), run.files.clone());
    scope.insert("item".into(), item_value(run, stage, item));
    scope.insert("steps".into(), outputs(run, stage, item));
    scope.insert("stages".into(), stages(run, stage, item));
    scope.insert("anchor".into(), captured(run, &stage.id, item));
    scope.insert(
        "session".into(),
        Value::Object(run.sessions.iter().map(|(id, value)| (id.clone(), value.clone())).collect()),
    );
    scope.insert("run".into(), run_value(run));
    if let Some(step) = step
        && step.undo.is_some()
    {
        add_undo(run, stage, step, &mut scope);
    }
    Value::Object(scope)
}

fn run_value(run: &Run) -> Value {
    json!({
        "id": run.id.as_str(), "short": run.id.short(), "mode": run.opened.mode.name(),
        "started": run.started.millis(), "starter": run.starter,
    })
}

fn item_value(run: &Run, stage: &Stage, item: Option<&str>) -> Value {
    items(run, stage).into_iter().find(|(key, _)| key.as_deref() == item).map(|(_, value)| value).unwrap_or(Value::Null)
}

/// The stage's items as they were fixed when it was entered, else as planned.
pub fn items(run: &Run, stage: &Stage) -> Vec<(Option<String>, Value)> {
    if let Some(state) = run.stages.get(&stage.id)
        && state.entered
    {
        return state.items.clone();
    }
    match &stage.items {
        Some(items) => items.iter().map(|item| (Some(item.key.clone()), item.value.clone())).collect(),
        None if stage.for_each.is_null() => vec![(None, Value::Null)],
        None => Vec::new(),
    }
}

fn outputs(run: &Run, stage: &Stage, item: Option<&str>) -> Value {
    let mut outputs = Map::new();
    for step in &stage.steps {
        if let Some(state) = run.steps.get(&StepId::new(&stage.id, item, &step.id))
            && state.is_done()
        {
            outputs.insert(step.id.clone(), state.output.clone());
        }
    }
    Value::Object(outputs)
}

/// `stages.STAGE.STEP` (same item, or a stage without items) and `stages.STAGE."KEY".STEP`.
fn stages(run: &Run, here: &Stage, item: Option<&str>) -> Value {
    let mut all = Map::new();
    for stage in run.plan.stages.iter().take_while(|stage| stage.id != here.id) {
        let mut members = Map::new();
        if stage.for_each.is_null() {
            members = into_map(outputs(run, stage, None));
        } else {
            for (key, _) in items(run, stage) {
                if let Some(key) = &key {
                    members.insert(key.clone(), outputs(run, stage, Some(key)));
                }
            }
            if stage.for_each == here.for_each && stage.key == here.key {
                members.extend(into_map(outputs(run, stage, item)));
            }
        }
        all.insert(stage.id.clone(), Value::Object(members));
    }
    Value::Object(all)
}

fn captured(run: &Run, stage: &str, item: Option<&str>) -> Value {
    let place = (stage.to_owned(), item.map(str::to_owned));
    run.anchors.get(&place).map(|anchor| anchor.captured.clone()).unwrap_or(Value::Null)
}

/// `undo.ID`, and for the usual undo `with` and `output` of the step that is taken back.
fn add_undo(run: &Run, stage: &Stage, id: &StepId, scope: &mut Map<String, Value>) {
    let forward = run.step(&id.forward());
    scope.insert("with".into(), forward.with);
    scope.insert("output".into(), forward.output.clone());
    if let Some(Value::Object(steps)) = scope.get_mut("steps") {
        steps.insert(id.step.clone(), forward.output);
    }
    let mut outputs = Map::new();
    if let Some(step) = stage.steps.iter().find(|step| step.id == id.step) {
        for undo in &step.back.undo {
            let state = run.step(&id.forward().with_undo(&undo.id));
            if state.is_done() {
                outputs.insert(undo.id.clone(), state.output);
            }
        }
    }
    scope.insert("undo".into(), Value::Object(outputs));
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
