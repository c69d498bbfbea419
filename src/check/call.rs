//! Actions with their parameters, sessions and probe sides.

use super::Checker;
use super::checked::{Anchor, Back, Body, Call, Expect, Prove, Stage, Step, Until};
use super::scope::{Found, Scope};
use crate::catalogue::Action;
use crate::catalogue::action::{Caller, Field, Type};
use crate::expression;
use crate::runbook::kind::{Kind, exact};
use crate::runbook::node::{Data, Node, Text};
use crate::runbook::reader::{nearest, shown};
use crate::runbook::written;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

impl Checker<'_> {
    /// The action of this name.
    pub(super) fn action(&mut self, name: &Text) -> Option<&'static Action> {
        let found = (self.find)(&name.is);
        if found.is_none() {
            let names = crate::catalogue::all().map(|action| action.name);
            let hint = match nearest(&name.is, names) {
                Some(near) => format!("did you mean `{near}`? `countersign actions` lists all"),
                None => "`countersign actions` lists all; others go through a `command`".to_owned(),
            };
            self.notes.error("CS0209", &name.span, format!("there is no action `{}`", shown(&name.is)), hint);
        }
        found
    }

    /// A read or a change, its session and parameters; `mutates` is what its place allows.
    pub(super) fn call(
        &mut self,
        written: &written::Read,
        session: Option<&str>,
        scope: Scope<'_>,
        mutates: bool,
    ) -> Option<Call> {
        let session = self.session_for(written.session.as_ref(), session, &written.action.span, scope);
        let action = self.action(&written.action)?;
        if action.mutates && !mutates {
            let message = format!("`{}` changes something, but only reads can stand here", action.name);
            self.notes.error("CS0216", &written.action.span, message, "a change is a step of kind action");
        }
        if !action.mutates && mutates {
            let message = format!("`{}` only reads", action.name);
            self.notes.error("CS0216", &written.action.span, message, "write `kind = \"read\"`");
        }
        self.parameters_of(action, &written.with, &written.action.span, scope);
        Some(Call { action, session: session?, with: written.with.value() })
    }

    /// A read and what its answer must be.
    pub(super) fn expectation(
        &mut self,
        written: &written::Expect,
        session: Option<&str>,
        scope: Scope<'_>,
    ) -> Option<Expect> {
        let action = (self.find)(&written.read.action.is);
        if let Some(expect) = &written.expect {
            self.scopes.expect(expect, action, scope, &mut self.notes);
        }
        let read = self.call(&written.read, session, scope, false)?;
        let text = |text: &Option<Text>| text.as_ref().map_or(String::new(), |text| text.is.clone());
        Some(Expect {
            read,
            expect: text(&written.expect),
            expect_error: text(&written.expect_error),
            within: written.within.as_ref().map_or(0, |within| within.is),
        })
    }

    /// The session of a call: its own, or the one it inherits.
    pub(super) fn session_for(
        &mut self,
        own: Option<&Text>,
        inherited: Option<&str>,
        span: &Range<usize>,
        scope: Scope<'_>,
    ) -> Option<String> {
        let id = match (own, inherited) {
            (Some(own), _) => {
                if !self.session_name(own) {
                    return None;
                }
                own.is.clone()
            }
            (None, Some(inherited)) => inherited.to_owned(),
            (None, None) => {
                let hint = "write `session` here, or once in the stage";
                self.notes.error("CS0104", span, "this call has no session", hint);
                return None;
            }
        };
        self.session_fits(&id, own.map_or(span, |own| &own.span), scope);
        Some(id)
    }

    /// A session whose account names `item` belongs into a stage whose items have that member.
    fn session_fits(&mut self, id: &str, span: &Range<usize>, scope: Scope<'_>) {
        let mut at = self.runbook.sessions.iter().find(|session| session.id.is == id);
        let mut left = self.runbook.sessions.len();
        while let Some(session) = at {
            for text in [Some(&session.account), session.profile.as_ref()].into_iter().flatten() {
                self.item_members(id, text, span, scope);
            }
            left = left.saturating_sub(1);
            let through = session.through.as_ref().filter(|_| left > 0);
            at = through.and_then(|through| self.runbook.sessions.iter().find(|other| other.id.is == through.is));
        }
    }

    fn item_members(&mut self, id: &str, text: &Text, span: &Range<usize>, scope: Scope<'_>) {
        let Ok(references) = expression::references(&text.is) else { return };
        if !references.iter().any(|reference| reference.root == "item") {
            return;
        }
        let mut unheard = crate::runbook::node::Notes::new("", "");
        self.scopes.template(text, Scope { secret: false, ..scope }, &mut unheard);
        if unheard.found.iter().any(|finding| matches!(finding.code, "CS0207" | "CS0214")) {
            let message = format!("the session `{id}` depends on `{}`, which is not there", shown(&text.is));
            let hint = "use it in a stage with `for_each` whose items have what the session names";
            self.notes.error("CS0214", span, message, hint);
        }
    }

    /// The session of each side of an action's probe.
    pub(super) fn probe(
        &mut self,
        action: &'static Action,
        own: &str,
        given: &[(Text, Text)],
        span: &Range<usize>,
    ) -> BTreeMap<String, String> {
        let sides: Vec<&str> = action.probe.iter().map(|side| side.name).collect();
        let mut out = BTreeMap::new();
        for (side, session) in given {
            if self.session_name(session) && sides.contains(&side.is.as_str()) {
                out.insert(side.is.clone(), session.is.clone());
            } else if !sides.contains(&side.is.as_str()) {
                let message = format!("the probe of `{}` has no side `{}`", action.name, shown(&side.is));
                self.notes.error("CS0310", &side.span, message, format!("its sides: {}", sides.join(", ")));
            }
        }
        for side in sides {
            if out.contains_key(side) {
                continue;
            }
            match self.default_side(action, side, own) {
                Some(session) => drop(out.insert(side.to_owned(), session)),
                None => {
                    let message = format!(
                        "if the answer of `{}` is lost, its {side} side must be asked, and no session is named for that",
                        action.name
                    );
                    let hint = format!("write `probe = {{ {side} = \"SESSION\" }}`");
                    self.notes.error("CS0310", span, message, hint);
                }
            }
        }
        out
    }

    /// The step's own session for the caller's side; for the other one the only other session, if it is.
    fn default_side(&self, action: &Action, side: &str, own: &str) -> Option<String> {
        let callers = if action.caller == Caller::Management { "management" } else { "member" };
        if side == "caller" || side == callers {
            return Some(own.to_owned());
        }
        let mut others = self.runbook.sessions.iter().filter(|session| session.id.is != own);
        match (others.next(), others.next()) {
            (Some(only), None) => Some(only.id.is.clone()),
            _ => None,
        }
    }

    /// Every parameter is known, typed, and the required ones are there.
    fn parameters_of(&mut self, action: &'static Action, with: &Node, span: &Range<usize>, scope: Scope<'_>) {
        self.record(action.parameters, with, &format!("`{}`", action.name), span, scope);
    }

    fn record(&mut self, fields: &'static [Field], node: &Node, what: &str, span: &Range<usize>, scope: Scope<'_>) {
        for entry in node.entries() {
            let Some(field) = fields.iter().find(|field| field.name == entry.key.is) else {
                if crate::runbook::is_step_key(&entry.key.is) {
                    let message = format!("`{}` is a key of a step, but TOML reads it into `with`", entry.key.is);
                    let hint = "a key belongs to the last header above it: write it right under `[[stages.steps]]`";
                    self.notes.error("CS0106", &entry.key.span, message, hint);
                    continue;
                }
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let hint = match nearest(&entry.key.is, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "it takes none".to_owned(),
                    None => format!("it takes {}", names.join(", ")),
                };
                let message = format!("{what} takes no `{}`", shown(&entry.key.is));
                self.notes.error("CS0210", &entry.key.span, message, hint);
                continue;
            };
            self.value(&field.of, &entry.value, field.name, Scope { secret: field.secret, ..scope });
        }
        for field in fields.iter().filter(|field| field.required && node.get(field.name).is_none()) {
            let message = format!("{what} needs `{}`", field.name);
            self.notes.error("CS0211", span, message, field.about.to_owned());
        }
    }

    fn value(&mut self, of: &'static Type, node: &Node, name: &str, scope: Scope<'_>) {
        match (of, &node.is) {
            (_, Data::Text(text)) if expression::is_template(text) => self.filled(of, node, name, scope),
            (Type::Record(fields), Data::Table(_)) => {
                self.record(fields, node, &format!("`{name}`"), &node.span, scope);
            }
            (Type::List(of), Data::List(items)) => {
                for item in items {
                    self.value(of, item, name, scope);
                }
            }
            (Type::Document, Data::Table(_) | Data::List(_)) => {
                if let Err(message) = exact(&node.value()) {
                    self.notes.error("CS0212", &node.span, format!("`{name}`: {message}"), "");
                }
                for text in node.texts() {
                    self.scopes.template(&text, scope, &mut self.notes);
                }
            }
            (Type::Choice(choices), Data::Text(text)) => {
                if !choices.contains(&text.as_str()) {
                    let message = format!("`{}` is no value of `{name}`", shown(text));
                    let hint = crate::runbook::reader::one_of(text, choices);
                    self.notes.error("CS0212", &node.span, message, hint);
                }
            }
            (Type::List(_) | Type::Record(_), _) => {
                let wants = if matches!(of, Type::List(_)) { "a list" } else { "a table" };
                let message = format!("`{name}` must be {wants}, not {}", node.kind());
                self.notes.error("CS0212", &node.span, message, "");
            }
            (of, _) => {
                let kinds = kinds(of);
                let accepted: Vec<Result<Value, String>> =
                    kinds.iter().map(|kind| kind.accept(&node.value())).collect();
                if let (false, Some(Err(message))) = (accepted.iter().any(Result::is_ok), accepted.first()) {
                    self.notes.error("CS0212", &node.span, format!("`{name}`: {message}"), "");
                }
            }
        }
    }

    /// A text with `${...}`: what it finds must be of the parameter's type.
    fn filled(&mut self, of: &'static Type, node: &Node, name: &str, scope: Scope<'_>) {
        let Some(text) = node.text() else { return };
        let whole = matches!(expression::single(&text.is), Ok(Some(_)));
        let found = self.scopes.template(&text, scope, &mut self.notes);
        let fits = if whole {
            fits(&found, of)
        } else {
            !matches!(of, Type::List(_) | Type::Record(_) | Type::Integer | Type::Boolean)
        };
        if !fits {
            let message = format!("`{name}` wants {}, but this gives {}", wants(of), gives(&found));
            self.notes.error("CS0212", &node.span, message, "");
        }
    }
}

/// The runbook types that a parameter of AWS takes.
fn kinds(of: &Type) -> &'static [Kind] {
    match of {
        Type::String | Type::Choice(_) => &[Kind::String],
        Type::Integer => &[Kind::Integer],
        Type::Boolean => &[Kind::Boolean],
        Type::Time => &[Kind::DateTime],
        Type::AccountId => &[Kind::AccountId],
        Type::OrganizationId => &[Kind::OrganizationId],
        Type::RootId => &[Kind::RootId],
        Type::OuId => &[Kind::OuId],
        Type::ParentId => &[Kind::OuId, Kind::RootId],
        Type::PolicyId => &[Kind::PolicyId],
        Type::HandshakeId => &[Kind::HandshakeId],
        Type::Arn => &[Kind::Arn],
        Type::Email => &[Kind::Email],
        Type::RoleName => &[Kind::RoleName],
        Type::UserName => &[Kind::UserName],
        Type::Document | Type::Record(_) => &[Kind::Document],
        Type::List(_) => &[Kind::List],
    }
}

/// Whether what an expression finds can be what a parameter wants. Plain text may turn out to be anything.
fn fits(found: &Found<'_>, of: &'static Type) -> bool {
    let scalar = |kind: Kind| match of {
        Type::String | Type::Choice(_) => {
            !matches!(kind, Kind::Integer | Kind::Boolean | Kind::List | Kind::Table | Kind::File)
        }
        Type::Document | Type::Record(_) => matches!(kind, Kind::Document | Kind::String),
        Type::List(_) => matches!(kind, Kind::List | Kind::Table),
        Type::Integer | Type::Boolean => kinds(of).contains(&kind),
        _ => kinds(of).contains(&kind) || matches!(kind, Kind::String | Kind::Choice),
    };
    match found {
        Found::Any | Found::Secret => true,
        Found::Kind(kind) => scalar(*kind),
        Found::Aws(Type::List(_)) => matches!(of, Type::List(_)),
        Found::Aws(Type::Record(_)) => matches!(of, Type::Record(_) | Type::Document),
        Found::Aws(found) => kinds(found).iter().any(|kind| scalar(*kind)),
        Found::Values(_) | Found::Rows(_) => matches!(of, Type::List(_)),
        Found::Row(_) | Found::Fields(_) | Found::Members => matches!(of, Type::Record(_) | Type::Document),
    }
}

fn wants(of: &Type) -> &'static str {
    match of {
        Type::List(_) => "a list",
        Type::Record(_) => "a table",
        of => kinds(of).first().map_or("text", |kind| kind.wants()),
    }
}

fn gives(found: &Found<'_>) -> &'static str {
    match found {
        Found::Kind(kind) => kind.wants(),
        Found::Aws(of) => wants(of),
        Found::Rows(_) | Found::Values(_) => "a list",
        Found::Row(_) | Found::Fields(_) | Found::Members => "a table",
        Found::Any | Found::Secret => "text",
    }
}

/// The paths of the output's secret members.
pub(super) fn secret_outputs(fields: &'static [Field]) -> Vec<String> {
    let mut out = Vec::new();
    for field in fields {
        if field.secret {
            out.push(field.name.to_owned());
        } else if let Type::Record(inner) = &field.of {
            out.extend(secret_outputs(inner).into_iter().map(|path| format!("{}.{path}", field.name)));
        }
    }
    out
}

/// Every session that stages use.
pub(super) fn sessions_of(stages: &[Stage]) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for stage in stages {
        out.extend(stage.anchor.iter().flat_map(anchor_sessions));
        for step in &stage.steps {
            step_sessions(step, &mut out);
        }
    }
    out
}

pub(super) fn anchor_sessions(anchor: &Anchor) -> Vec<String> {
    let captures = anchor.capture.iter().map(|capture| capture.read.session.clone());
    let proofs = anchor.prove.iter().filter_map(|prove| match prove {
        Prove::Read(expect) => Some(expect.read.session.clone()),
        Prove::Manual(_) => None,
    });
    captures.chain(proofs).collect()
}

fn step_sessions(step: &Step, out: &mut BTreeSet<String>) {
    out.insert(step.session.clone());
    out.extend(step.probe.values().cloned());
    out.extend(step.verify.iter().map(|expect| expect.read.session.clone()));
    match &step.body {
        Body::Check(expect) => drop(out.insert(expect.read.session.clone())),
        Body::Wait(wait) => {
            if let Until::Holds(expect) = &wait.until {
                out.insert(expect.read.session.clone());
            }
        }
        Body::Command(command) => {
            out.insert(command.credentials.clone());
            out.extend(command.probe.iter().map(|probe| probe.read.session.clone()));
        }
        _ => {}
    }
    if let Back::Steps(steps) = &step.back {
        steps.iter().for_each(|step| step_sessions(step, out));
    }
    step.repair.iter().for_each(|step| step_sessions(step, out));
}
