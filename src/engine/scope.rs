//! What `${...}` may name at a step: parameters, item, outputs, captured state, sessions, run. Pure.

use super::state::Run;
use crate::base::StepId;
use crate::expression::{self, ExprError, Reference};
use crate::plan::model::Stage;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The paths that texts name, each from its root: what a scope must hold, and no more. A list of a thousand items
/// is not copied for a step that names its own.
#[derive(Clone, Debug, Default)]
pub struct Names {
    paths: BTreeSet<Vec<String>>,
    /// Something names the scope itself, or can't be read.
    all: bool,
}

impl Names {
    /// What every `${...}` of every string of these templates names.
    pub fn of<'a>(templates: impl IntoIterator<Item = &'a Value>) -> Names {
        let mut names = Names::default();
        templates.into_iter().for_each(|template| names.template(template));
        names
    }

    pub fn template(&mut self, template: &Value) {
        match template {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.template(item)),
            Value::Object(members) => members.values().for_each(|member| self.template(member)),
            _ => {}
        }
    }

    pub fn text(&mut self, text: &str) {
        if text.contains("${") {
            self.add(expression::references(text), text);
        }
    }

    /// An `expect`.
    pub fn expect(&mut self, text: &str) {
        if text.contains("${") {
            self.add(expression::expect_references(text).map(|(_, scope)| scope), text);
        }
    }

    fn add(&mut self, found: Result<Vec<Reference>, ExprError>, text: &str) {
        match found {
            Ok(found) if !text.contains('@') => {
                self.paths.extend(found.iter().map(|reference| {
                    let members = reference.members().into_iter().map(str::to_owned);
                    std::iter::once(reference.root.clone()).chain(members).collect()
                }));
            }
            _ => self.all = true,
        }
    }

    fn root(&self, root: &str) -> bool {
        self.all || self.paths.iter().any(|path| path[0] == root)
    }

    /// The members of a root that are named; none: all of it is.
    fn members(&self, root: &str) -> Option<BTreeSet<&str>> {
        let mine = self.paths.iter().filter(|path| path[0] == root);
        if self.all { None } else { mine.map(|path| path.get(1).map(String::as_str)).collect() }
    }

    /// What is named of an earlier stage: its second members; none: all of it.
    fn of_stage(&self, stage: &str) -> Option<BTreeSet<&str>> {
        let whole = self.paths.iter().any(|path| path[0] == "stages" && path.len() == 1);
        let mine = self.paths.iter().filter(|path| path[0] == "stages" && path.get(1).is_some_and(|id| id == stage));
        if self.all || whole { None } else { mine.map(|path| path.get(2).map(String::as_str)).collect() }
    }
}

/// The scope of a step, an anchor (no step) or a stage (no item), as far as `names` names it.
pub fn of(run: &Run, stage: &Stage, item: Option<&str>, step: Option<&StepId>, names: &Names) -> Value {
    let mut scope = Map::new();
    let mut put = |root: &str, value: &dyn Fn() -> Value| {
        if names.root(root) {
            scope.insert(root.to_owned(), value());
        }
    };
    put("parameters", &|| picked(&run.values, names.members("parameters")));
    put("files", &|| picked(&run.files, names.members("files")));
    put("item", &|| item_value(run, stage, item));
    put("steps", &|| outputs(run, stage, item));
    put("stages", &|| stages(run, stage, item, names));
    put("anchor", &|| captured(run, &stage.id, item));
    put("session", &|| sessions(run, stage, item));
    put("run", &|| run_value(run));
    if let Some(step) = step
        && !step.is_forward()
    {
        add_behind(run, stage, step, &mut scope);
    }
    Value::Object(scope)
}

/// Who each session is; one that items have, each in its own account, is the item's.
fn sessions(run: &Run, stage: &Stage, item: Option<&str>) -> Value {
    let mut all = Map::new();
    for (id, last) in &run.sessions {
        let account = run.plan.sessions.get(id).map(|session| session.account.as_str()).unwrap_or_default();
        let own = match account.contains("${item") {
            false => Some(last),
            true => {
                let mut named = Names::default();
                named.text(account);
                let parameters = picked(&run.values, named.members("parameters"));
                let here = json!({"item": item_value(run, stage, item), "parameters": parameters});
                let account = expression::fill(&Value::String(account.to_owned()), &here, run.last_at).ok();
                let account = account.and_then(|account| account.as_str().map(str::to_owned)).unwrap_or_default();
                run.identities.get(&(id.clone(), account))
            }
        };
        all.extend(own.map(|own| (id.clone(), own.clone())));
    }
    Value::Object(all)
}

fn picked(all: &Value, members: Option<BTreeSet<&str>>) -> Value {
    let (Some(members), Value::Object(all)) = (members, all) else { return all.clone() };
    let pick = |name: &str| Some((name.to_owned(), all.get(name)?.clone()));
    Value::Object(members.into_iter().filter_map(pick).collect())
}

fn run_value(run: &Run) -> Value {
    json!({
        "id": run.id.as_str(), "short": run.id.short(), "mode": run.opened.mode.name(),
        "started": run.started.millis(), "starter": run.starter,
    })
}

fn item_value(run: &Run, stage: &Stage, item: Option<&str>) -> Value {
    if let Some(state) = run.stages.get(&stage.id).filter(|state| state.entered) {
        let at = state.standing.place(&item.map(str::to_owned));
        return at.and_then(|at| state.items.get(at)).map_or(Value::Null, |(_, value)| value.clone());
    }
    items(run, stage).into_iter().find(|(key, _)| key.as_deref() == item).map_or(Value::Null, |(_, value)| value)
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
fn stages(run: &Run, here: &Stage, item: Option<&str>, names: &Names) -> Value {
    let mut all = Map::new();
    for stage in run.plan.stages.iter().take_while(|stage| stage.id != here.id) {
        let mut members = Map::new();
        if stage.for_each.is_null() {
            members = into_map(outputs(run, stage, None));
        } else {
            match names.of_stage(&stage.id) {
                Some(named) => {
                    for key in named.into_iter().filter(|key| is_item(run, stage, key)) {
                        members.insert(key.to_owned(), outputs(run, stage, Some(key)));
                    }
                }
                None => {
                    for key in items(run, stage).into_iter().filter_map(|(key, _)| key) {
                        let outputs = outputs(run, stage, Some(&key));
                        members.insert(key, outputs);
                    }
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

fn is_item(run: &Run, stage: &Stage, key: &str) -> bool {
    match run.stages.get(&stage.id).filter(|state| state.entered) {
        Some(state) => state.standing.place(&Some(key.to_owned())).is_some(),
        None => items(run, stage).iter().any(|(item, _)| item.as_deref() == Some(key)),
    }
}

fn captured(run: &Run, stage: &str, item: Option<&str>) -> Value {
    let place = (stage.to_owned(), item.map(str::to_owned));
    run.anchors.get(&place).map(|anchor| anchor.captured.clone()).unwrap_or(Value::Null)
}

/// `undo.ID` or `repair.ID`, and for the usual undo `with` and `output` of the step that is taken back.
fn add_behind(run: &Run, stage: &Stage, id: &StepId, scope: &mut Map<String, Value>) {
    let forward = run.step(&id.forward());
    if id.undo.is_some() {
        scope.insert("with".into(), forward.with.clone());
        scope.insert("output".into(), forward.output.clone());
    }
    if let Some(Value::Object(steps)) = scope.get_mut("steps") {
        steps.insert(id.step.clone(), forward.output.clone());
    }
    let mut outputs = Map::new();
    if let Some(step) = stage.steps.iter().find(|step| step.id == id.step) {
        let (steps, of): (_, fn(&StepId, &str) -> StepId) = match &id.undo {
            Some(_) => (&step.back.undo, StepId::with_undo),
            None => (&step.repair, StepId::with_repair),
        };
        for one in steps {
            let state = run.step(&of(id, &one.id));
            if state.is_done() {
                outputs.insert(one.id.clone(), state.output.clone());
            }
        }
    }
    let root = if id.undo.is_some() { "undo" } else { "repair" };
    scope.insert(root.to_owned(), Value::Object(outputs));
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
