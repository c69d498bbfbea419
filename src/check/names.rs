//! Parameters, files, roles, sessions and holds: whether what they name is there.

use super::Checker;
use super::checked::{PinnedPath, Role, Session, Stage};
use super::scope::Scope;
use crate::runbook::kind::{Kind, exact};
use crate::runbook::node::{At, Node, Text};
use crate::runbook::reader::{one_of, shown};
use crate::runbook::written::Parameter;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Checker<'_> {
    /// Defaults and examples must be of their parameter's type.
    pub(super) fn parameters(&mut self) {
        let runbook = self.runbook;
        for parameter in &runbook.parameters {
            for node in [&parameter.default, &parameter.example].into_iter().flatten() {
                self.sample(parameter, node);
            }
            for column in &parameter.columns {
                for node in [&column.default, &column.example].into_iter().flatten() {
                    self.sample(column, node);
                }
            }
            if let (Some(min), Some(max)) = (&parameter.min, &parameter.max)
                && min.is > max.is
            {
                self.notes.error("CS0110", &max.span, "`max` is less than `min`", "");
            }
        }
    }

    fn sample(&mut self, parameter: &Parameter, node: &Node) {
        if let Err(message) = accept(parameter, &node.value()) {
            let message = format!("this is no value of `{}`: {message}", parameter.id.is);
            self.notes.error("CS0503", &node.span, message, "");
        }
    }

    pub(super) fn files(&mut self) -> BTreeMap<String, PinnedPath> {
        let mut out = BTreeMap::new();
        for (id, path) in &self.runbook.files {
            if !crate::base::id::is_name(&id.is) {
                let hint = "ids are small letters, digits and `_`, and begin with a letter";
                self.notes.error("CS0107", &id.span, format!("`{}` is no id", shown(&id.is)), hint);
            }
            let parts: Vec<&str> = path.is.split('/').collect();
            let below = !path.is.is_empty()
                && !path.is.contains('\\')
                && parts.iter().all(|part| !matches!(*part, "" | "." | ".."));
            if !below {
                let hint = "a path without `..`, `.` and a leading `/`, for instance \"files/policy.json\"";
                let message = format!("`{}` is not a path below the runbook's folder", shown(&path.is));
                self.notes.error("CS0218", &path.span, message, hint);
            }
            out.insert(id.is.clone(), PinnedPath { path: path.is.clone(), span: path.span.clone() });
        }
        out
    }

    pub(super) fn roles(&mut self) -> BTreeMap<String, Role> {
        let mut out = BTreeMap::new();
        for role in &self.runbook.roles {
            if let Some(party) = role.party.as_ref().filter(|party| !crate::base::id::is_name(&party.is)) {
                let hint = "ids are small letters, digits and `_`, and begin with a letter";
                self.notes.error("CS0107", &party.span, format!("`{}` is no id", shown(&party.is)), hint);
            }
            let title = role.title.as_ref().map_or_else(|| role.id.is.clone(), |title| title.is.clone());
            let party = role.party.as_ref().map_or(String::new(), |party| party.is.clone());
            out.insert(role.id.is.clone(), Role { title, party, proof: role.proof.is });
        }
        out
    }

    pub(super) fn apart(&mut self) {
        let groups: Vec<Text> = self.runbook.apart.iter().flatten().cloned().collect();
        for role in &groups {
            self.role(role);
        }
    }

    pub(super) fn sessions(&mut self) -> BTreeMap<String, Session> {
        let runbook = self.runbook;
        let mut out = BTreeMap::new();
        for session in &runbook.sessions {
            // Members of `item` are looked at where a stage uses the session.
            let scope = Scope { item: true, ..Scope::default() };
            self.scopes.template(&session.account, scope, &mut self.notes);
            if let Some(profile) = &session.profile {
                self.scopes.template(profile, scope, &mut self.notes);
            }
            for text in [&session.external_id, &session.assume_role, &session.assume_root, &session.region] {
                self.literal(text.as_ref());
            }
            self.literal_account(&session.account);
            for role in &session.used_by {
                self.role(role);
            }
            if let Some(through) = &session.through {
                self.session_name(through);
                self.loops(&session.id.is, through);
            }
            self.root_task(session.assume_root.as_ref());
            let text = |text: &Option<Text>| text.as_ref().map_or(String::new(), |text| text.is.clone());
            let checked = Session {
                account: session.account.is.clone(),
                used_by: names(&session.used_by),
                kinds: names(&session.kinds),
                profile: text(&session.profile),
                through: text(&session.through),
                assume_role: text(&session.assume_role),
                external_id: text(&session.external_id),
                mfa: session.mfa.as_ref().is_some_and(|flag| flag.is),
                assume_root: text(&session.assume_root),
                region: text(&session.region),
            };
            out.insert(session.id.is.clone(), checked);
        }
        out
    }

    /// AWS has these task policies and no others.
    fn root_task(&mut self, task: Option<&Text>) {
        const TASKS: [&str; 5] = [
            "IAMAuditRootUserCredentials",
            "IAMCreateRootUserPassword",
            "IAMDeleteRootUserCredentials",
            "S3UnlockBucketPolicy",
            "SQSUnlockQueuePolicy",
        ];
        let Some(task) = task else { return };
        let name = task.is.strip_prefix("arn:aws:iam::aws:policy/root-task/").unwrap_or(&task.is);
        if !TASKS.contains(&name) {
            let message = format!("AWS has no root task policy `{}`", shown(&task.is));
            self.notes.error("CS0110", &task.span, message, one_of(name, &TASKS));
        }
    }

    /// Only account and profile of a session are filled.
    fn literal(&mut self, text: Option<&Text>) {
        if let Some(text) = text
            && crate::expression::is_template(&text.is)
        {
            let hint = "of a session, `account` and `profile` may hold `${...}`";
            self.notes.error("CS0110", &text.span, "this can't hold `${...}`", hint);
        }
    }

    fn literal_account(&mut self, account: &Text) {
        if crate::expression::is_template(&account.is) {
            return;
        }
        if let Err(message) = Kind::AccountId.accept(&Value::String(account.is.clone())) {
            self.notes.error("CS0110", &account.span, message, "");
        }
    }

    /// A chain of sessions must end.
    fn loops(&mut self, id: &str, through: &Text) {
        let mut seen = BTreeSet::from([id.to_owned()]);
        let mut at = Some(through.is.clone());
        while let Some(name) = at {
            if !seen.insert(name.clone()) {
                self.notes.error("CS0202", &through.span, "this chain of sessions leads back to itself", "");
                return;
            }
            let session = self.runbook.sessions.iter().find(|session| session.id.is == name);
            at = session.and_then(|session| session.through.as_ref()).map(|through| through.is.clone());
        }
    }

    /// Reports a role that is not there.
    pub(super) fn role(&mut self, role: &Text) -> bool {
        let names: Vec<&str> = self.runbook.roles.iter().map(|role| role.id.is.as_str()).collect();
        let known = names.contains(&role.is.as_str());
        if !known {
            let message = format!("there is no role `{}`", shown(&role.is));
            self.notes.error("CS0201", &role.span, message, one_of(&role.is, &names));
        }
        known
    }

    /// Reports a session that is not there.
    pub(super) fn session_name(&mut self, session: &Text) -> bool {
        let names: Vec<&str> = self.runbook.sessions.iter().map(|session| session.id.is.as_str()).collect();
        let known = names.contains(&session.is.as_str());
        if !known {
            let message = format!("there is no session `{}`", shown(&session.is));
            self.notes.error("CS0202", &session.span, message, one_of(&session.is, &names));
        }
        known
    }

    pub(super) fn stage_name(&mut self, name: &Text) -> Option<usize> {
        let found = self.runbook.stages.iter().position(|stage| stage.id.is == name.is);
        if found.is_none() {
            let names: Vec<&str> = self.runbook.stages.iter().map(|stage| stage.id.is.as_str()).collect();
            let message = format!("there is no stage `{}`", shown(&name.is));
            self.notes.error("CS0213", &name.span, message, one_of(&name.is, &names));
        }
        found
    }

    /// Warns of what nothing uses.
    pub(super) fn unused(&mut self, stages: &[Stage]) {
        let runbook = self.runbook;
        let used = self.scopes.used.borrow().clone();
        for parameter in runbook.parameters.iter().filter(|one| !used.contains(&format!("parameters.{}", one.id.is))) {
            let message = format!("nothing uses the parameter `{}`", parameter.id.is);
            self.notes.warning("CS0217", &parameter.id.span, message, "");
        }
        let mut sessions = super::call::sessions_of(stages);
        for session in &runbook.sessions {
            sessions.extend(session.through.iter().map(|through| through.is.clone()));
        }
        sessions.extend(runbook.holds.iter().filter_map(|hold| hold.session.as_ref().map(|text| text.is.clone())));
        for session in runbook.sessions.iter().filter(|one| !sessions.contains(&one.id.is)) {
            let message = format!("nothing uses the session `{}`", session.id.is);
            self.notes.warning("CS0217", &session.id.span, message, "");
        }
    }
}

/// A value in its stored form, or what is wrong with it.
pub type Accepted = Result<Value, String>;

/// Whether a value is one of the parameter's, in its stored form.
pub fn accept(parameter: &Parameter, value: &Value) -> Accepted {
    match (parameter.of, value) {
        (Kind::Choice, Value::String(text)) => {
            let choices: Vec<&str> = parameter.choices.iter().map(|choice| choice.is.as_str()).collect();
            if choices.contains(&text.as_str()) {
                return Ok(value.clone());
            }
            Err(format!("`{}` is not one of {}", shown(text), choices.join(", ")))
        }
        (Kind::List, Value::Array(items)) => {
            let kind = parameter.items.unwrap_or(Kind::Document);
            let accepted: Result<Vec<Value>, String> = items
                .iter()
                .enumerate()
                .map(|(at, item)| match parameter.items {
                    Some(_) => kind.accept(item).map_err(|message| format!("item {}: {message}", at + 1)),
                    None => exact(item).map_err(|message| format!("item {}: {message}", at + 1)),
                })
                .collect();
            limits(parameter, &Value::Array(accepted?))
        }
        (Kind::Table, Value::Array(rows)) => {
            let accepted: Result<Vec<Value>, String> = rows
                .iter()
                .enumerate()
                .map(|(at, row)| accept_row(parameter, row).map_err(|message| format!("row {}: {message}", at + 1)))
                .collect();
            limits(parameter, &Value::Array(accepted?))
        }
        (kind, value) => limits(parameter, &kind.accept(value)?),
    }
}

/// One row of a table: every column is there, or has a default; no others.
fn accept_row(parameter: &Parameter, row: &Value) -> Result<Value, String> {
    let Value::Object(cells) = row else { return Err("a row is a table of columns".to_owned()) };
    let names: Vec<&str> = parameter.columns.iter().map(|column| column.id.is.as_str()).collect();
    if let Some(unknown) = cells.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("there is no column `{}`; {}", shown(unknown), one_of(unknown, &names)));
    }
    let mut out = serde_json::Map::new();
    for column in &parameter.columns {
        let name = &column.id.is;
        let value = match (cells.get(name), &column.default) {
            (Some(value), _) => accept(column, value).map_err(|message| format!("column `{name}`: {message}"))?,
            (None, Some(default)) => default.value(),
            (None, None) => return Err(format!("the column `{name}` is missing")),
        };
        out.insert(name.clone(), value);
    }
    Ok(Value::Object(out))
}

/// `min` and `max`: of a number its value, of all else its length.
fn limits(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    let (size, what) = match value {
        Value::Number(number) => (number.as_i64().unwrap_or(0), "it is"),
        Value::String(text) => (i64::try_from(text.chars().count()).unwrap_or(i64::MAX), "its length is"),
        Value::Array(items) => (i64::try_from(items.len()).unwrap_or(i64::MAX), "its length is"),
        _ => return Ok(value.clone()),
    };
    match (&parameter.min, &parameter.max) {
        (Some(At { is: min, .. }), _) if size < *min => Err(format!("{what} {size}, less than {min}")),
        (_, Some(At { is: max, .. })) if size > *max => Err(format!("{what} {size}, more than {max}")),
        _ => Ok(value.clone()),
    }
}

pub(super) fn names(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.is.clone()).collect()
}
