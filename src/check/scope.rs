//! What an expression may name at its place, and what type it finds there.

use super::Lookup;
use crate::catalogue::Action;
use crate::catalogue::action::{Field, Type};
use crate::expression::{self, ExprError, ROOTS, Reference, Segment};
use crate::runbook::kind::Kind;
use crate::runbook::node::{Notes, Text};
use crate::runbook::reader::{nearest, one_of, shown};
use crate::runbook::written::{Body, Manual, Parameter, Runbook, Stage, Step};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

/// Where an expression stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Scope<'a> {
    /// The stage, by index; none in sessions.
    pub stage: Option<usize>,
    /// `item` may be named (sessions: in stages that repeat).
    pub item: bool,
    /// Steps before this index are done.
    pub steps_before: usize,
    /// Captures before this index are there; none in stage-level keys.
    pub captures_before: usize,
    /// In an undo or a repair: its steps before.
    pub behind_before: &'a [Step],
    /// In an undo list.
    pub undoing: bool,
    /// In a repair list.
    pub repairing: bool,
    /// A secret may be named here.
    pub secret: bool,
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    /// It can't be told.
    Any,
    /// A value of a parameter's type.
    Kind(Kind),
    Rows(&'a [Parameter]),
    Row(&'a [Parameter]),
    /// A list of values of a parameter's type.
    Values(Option<Kind>),
    Aws(&'static Type),
    /// AWS's answer as a whole.
    Fields(&'static [Field]),
    /// A secret parameter.
    Secret,
    /// Something with members, but no value that a parameter could take.
    Members,
}

pub(super) struct Scopes<'a> {
    pub runbook: &'a Runbook,
    pub find: &'a Lookup<'a>,
    /// Parameters, files and sessions that expressions name, as `parameters.NAME`.
    pub used: RefCell<BTreeSet<String>>,
}

impl<'a> Scopes<'a> {
    /// Checks every `${...}` of a template; gives what a text that is one whole `${...}` finds.
    pub fn template(&self, text: &Text, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let references = match expression::references(&text.is) {
            Ok(references) => references,
            Err(error) => {
                syntax(text, &error, notes);
                return Found::Any;
            }
        };
        let mut last = Found::Any;
        for reference in &references {
            last = self.reference(text, reference, scope, notes);
        }
        match expression::single(&text.is) {
            // The value is the path's only if the expression is nothing but one path.
            Ok(Some(source)) if references.len() == 1 && is_path(source) => last,
            _ => Found::Any,
        }
    }

    /// A `when`: exactly one `${...}`.
    pub fn condition(&self, text: &Text, scope: Scope<'_>, notes: &mut Notes) {
        if let Ok(None) = expression::single(&text.is) {
            let hint = "for instance `when = \"${item.name != 'test'}\"`";
            notes.error("CS0215", &text.span, "a condition is one `${...}` and nothing else", hint);
        }
        self.template(text, scope, notes);
    }

    /// An `expect` over the answer of `action`.
    pub fn expect(&self, text: &Text, action: Option<&'static Action>, scope: Scope<'_>, notes: &mut Notes) {
        let (answer, scoped) = match expression::expect_references(&text.is) {
            Ok(found) => found,
            Err(error) => return syntax(text, &error, notes),
        };
        for reference in &scoped {
            self.reference(text, reference, scope, notes);
        }
        if answer.is_empty() && !text.is.contains('@') {
            let hint = "name a member of the answer, for instance `Account.State == 'ACTIVE'`";
            notes.error("CS0329", &text.span, "this expectation does not look at AWS's answer", hint);
        }
        let Some(action) = action else { return };
        for reference in &answer {
            if reference.hidden_root {
                self.hidden(text, reference, notes);
                continue;
            }
            let mut path = vec![Segment::Member(reference.root.clone())];
            path.extend(reference.path.iter().cloned());
            let is_root = ROOTS.contains(&reference.root.as_str());
            if is_root && !action.outputs.iter().any(|field| field.name == reference.root) {
                let message = format!("`{}` is read from AWS's answer here", reference.root);
                let hint =
                    format!("write `${{{}}}`: bare names in `expect` are the answer's members", reference.text());
                notes.error("CS0208", &inside(text, reference, notes), message, hint);
                continue;
            }
            self.walk(Found::Fields(action.outputs), &path, text, reference, action.name, notes);
        }
    }

    fn reference(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        if !ROOTS.contains(&reference.root.as_str()) {
            let message = format!("there is no root `{}`", shown(&reference.root));
            notes.error("CS0204", &span, message, one_of(&reference.root, ROOTS));
            return Found::Any;
        }
        if reference.hidden_root {
            self.hidden(text, reference, notes);
            return Found::Any;
        }
        if let Some(name) = first(reference) {
            self.used.borrow_mut().insert(format!("{}.{name}", reference.root));
        }
        match reference.root.as_str() {
            "parameters" => self.parameter(text, reference, scope, notes),
            "files" => self.file(reference, &span, notes),
            "item" => self.item(text, reference, scope, notes),
            "steps" => self.step(text, reference, scope, notes),
            "stages" => self.stages(text, reference, scope, notes),
            "anchor" => self.anchor(text, reference, scope, notes),
            "undo" | "repair" => self.behind(text, reference, scope, notes),
            "session" => self.session(reference, &span, notes),
            _ => Found::Any,
        }
    }

    fn hidden(&self, text: &Text, reference: &Reference, notes: &mut Notes) {
        let name = text.is.get(reference.span.clone()).unwrap_or("");
        let message = format!("inside `[?...]` the name `{}` is read from the list's element", shown(name));
        let hint = "in `expect` write `${...}` around it; elsewhere use find(list, 'Member', value)";
        notes.error("CS0208", &inside(text, reference, notes), message, hint);
    }

    fn parameter(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        let Some(id) = first(reference) else {
            return named_nothing("parameters", "NAME", &span, notes);
        };
        let Some(parameter) = self.runbook.parameters.iter().find(|parameter| parameter.id.is == id) else {
            let names: Vec<&str> = self.runbook.parameters.iter().map(|parameter| parameter.id.is.as_str()).collect();
            notes.error("CS0203", &span, format!("there is no parameter `{}`", shown(id)), one_of(id, &names));
            return Found::Any;
        };
        if parameter.of == Kind::Secret && !scope.secret {
            let message = format!("the secret `{id}` can't stand here");
            let hint = "a secret goes whole into a parameter of an action that takes one, or into `env` of a command";
            notes.error("CS0315", &span, message, hint);
        }
        let found = of_parameter(parameter);
        self.walk(found, &reference.path[1..], text, reference, &format!("parameters.{id}"), notes)
    }

    fn file(&self, reference: &Reference, span: &Range<usize>, notes: &mut Notes) -> Found<'a> {
        let Some(id) = first(reference) else { return named_nothing("files", "ID", span, notes) };
        if !self.runbook.files.iter().any(|(known, _)| known.is == id) {
            let names: Vec<&str> = self.runbook.files.iter().map(|(known, _)| known.is.as_str()).collect();
            notes.error("CS0213", span, format!("there is no file `{}` under [files]", shown(id)), one_of(id, &names));
        }
        Found::Kind(Kind::String)
    }

    fn item(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        if !scope.item {
            let hint = "`item` is there in stages with `for_each`";
            notes.error("CS0214", &inside(text, reference, notes), "there is no `item` here", hint);
            return Found::Any;
        }
        let Some(stage) = scope.stage.and_then(|at| self.runbook.stages.get(at)) else { return Found::Any };
        let of = self.item_of(stage);
        self.walk(of, &reference.path, text, reference, "item", notes)
    }

    /// What one item of a stage is.
    fn item_of(&self, stage: &Stage) -> Found<'a> {
        let Some(text) = stage.for_each.as_ref().and_then(|node| node.text()) else { return Found::Any };
        // Findings about the list itself are reported where it stands.
        let mut unheard = Notes::new("", "");
        let at = self.runbook.stages.iter().position(|other| other.id.is == stage.id.is);
        match self.template(&text, Scope { stage: at, ..Scope::default() }, &mut unheard) {
            Found::Rows(columns) => Found::Row(columns),
            Found::Values(Some(kind)) => Found::Kind(kind),
            Found::Aws(Type::List(of)) => Found::Aws(of),
            _ => Found::Any,
        }
    }

    fn step(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        let Some(stage) = scope.stage.and_then(|at| self.runbook.stages.get(at)) else {
            notes.error("CS0206", &span, "there are no steps here", "");
            return Found::Any;
        };
        let Some(id) = first(reference) else { return named_nothing("steps", "ID", &span, notes) };
        match stage.steps.iter().position(|step| step.id.is == id) {
            Some(at) if at < scope.steps_before => {
                let rest = &reference.path[1..];
                self.output(&stage.steps[at], rest, text, reference, &format!("steps.{id}"), notes)
            }
            Some(_) => {
                let code = if scope.undoing { "CS0306" } else { "CS0206" };
                let message = format!("the step `{id}` has no output yet when this is needed");
                notes.error(code, &span, message, "only steps that come before can be named");
                Found::Any
            }
            None => {
                let names: Vec<&str> = stage.steps.iter().map(|step| step.id.is.as_str()).collect();
                let hint = if self.runbook.stages.iter().any(|stage| stage.id.is == id) {
                    "a step of another stage is `stages.STAGE.STEP`".to_owned()
                } else {
                    one_of(id, &names)
                };
                notes.error("CS0206", &span, format!("this stage has no step `{}`", shown(id)), hint);
                Found::Any
            }
        }
    }

    fn stages(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        let members = reference.members();
        let (Some(id), Some(second)) = (members.first(), members.get(1)) else {
            return named_nothing("stages", "STAGE.STEP", &span, notes);
        };
        let Some(at) = self.runbook.stages.iter().position(|stage| stage.id.is == *id) else {
            let names: Vec<&str> = self.runbook.stages.iter().map(|stage| stage.id.is.as_str()).collect();
            notes.error("CS0206", &span, format!("there is no stage `{}`", shown(id)), one_of(id, &names));
            return Found::Any;
        };
        if scope.stage.is_none_or(|here| at >= here) {
            let code = if scope.undoing { "CS0306" } else { "CS0206" };
            let message = format!("the stage `{id}` is not done yet when this is needed");
            notes.error(code, &span, message, "a step of the same stage is `steps.ID`");
            return Found::Any;
        }
        let there = &self.runbook.stages[at];
        let direct = there.steps.iter().find(|step| step.id.is == *second);
        let keyed = || members.get(2).and_then(|third| there.steps.iter().find(|step| step.id.is == **third));
        match (direct, keyed()) {
            (Some(step), _) if self.same_items(at, scope) => {
                self.output(step, &reference.path[2..], text, reference, &format!("stages.{id}.{second}"), notes)
            }
            (Some(_), None) => {
                let hint = format!(
                    "name the item: `stages.{id}.\"KEY\".{second}`, or repeat both stages over the same list and key"
                );
                let message = format!("the stage `{id}` has one `{second}` for each of its items");
                notes.error("CS0206", &span, message, hint);
                Found::Any
            }
            (_, Some(step)) if there.for_each.is_some() => self.output(
                step,
                &reference.path[3..],
                text,
                reference,
                &format!("stages.{id}.KEY.{}", step.id.is),
                notes,
            ),
            _ => {
                let names: Vec<&str> = there.steps.iter().map(|step| step.id.is.as_str()).collect();
                let message = format!("the stage `{id}` has no step `{}`", shown(second));
                notes.error("CS0206", &span, message, one_of(second, &names));
                Found::Any
            }
        }
    }

    /// Whether a step of stage `at` has exactly one outcome for each place here.
    fn same_items(&self, at: usize, scope: Scope<'_>) -> bool {
        let there = &self.runbook.stages[at];
        let Some(list) = &there.for_each else { return true };
        let Some(here) = scope.stage.and_then(|at| self.runbook.stages.get(at)) else { return false };
        let key = |stage: &Stage| stage.key.as_ref().map(|key| squeezed(&key.is));
        let same_list = here.for_each.as_ref().is_some_and(|other| match (other.text(), list.text()) {
            (Some(one), Some(two)) => squeezed(&one.is) == squeezed(&two.is),
            _ => other.value() == list.value(),
        });
        scope.item && same_list && key(here) == key(there)
    }

    fn anchor(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        let Some(id) = first(reference) else { return named_nothing("anchor", "CAPTURE", &span, notes) };
        let stage = scope.stage.and_then(|at| self.runbook.stages.get(at));
        let captures = stage.and_then(|stage| stage.anchor.as_ref()).map_or(&[][..], |anchor| &anchor.capture);
        match captures.iter().position(|capture| capture.id.is == id) {
            Some(at) if at < scope.captures_before => {
                let Some(action) = (self.find)(&captures[at].read.action.is) else { return Found::Any };
                let name = format!("anchor.{id}");
                self.walk(Found::Fields(action.outputs), &reference.path[1..], text, reference, &name, notes)
            }
            Some(_) => {
                let message = format!("`{id}` is not captured yet when this is needed");
                notes.error("CS0213", &span, message, "only captures that come before can be named");
                Found::Any
            }
            None => {
                let names: Vec<&str> = captures.iter().map(|capture| capture.id.is.as_str()).collect();
                let code = if scope.undoing { "CS0306" } else { "CS0213" };
                let message = format!("the anchor of this stage captures no `{}`", shown(id));
                notes.error(code, &span, message, one_of(id, &names));
                Found::Any
            }
        }
    }

    fn behind(&self, text: &Text, reference: &Reference, scope: Scope<'_>, notes: &mut Notes) -> Found<'a> {
        let span = inside(text, reference, notes);
        let root = reference.root.as_str();
        if !(if root == "undo" { scope.undoing } else { scope.repairing }) {
            let article = if root == "undo" { "an" } else { "a" };
            let hint = format!("`{root}` is there in the steps of {article} {root}");
            notes.error("CS0206", &span, format!("there is no `{root}` here"), hint);
            return Found::Any;
        }
        let Some(id) = first(reference) else { return named_nothing(root, "ID", &span, notes) };
        match scope.behind_before.iter().find(|step| step.id.is == id) {
            Some(step) => {
                // Outputs live as long as the runbook: the slice only tells which are done.
                let name = format!("{root}.{id}");
                self.output(step, &reference.path[1..], text, reference, &name, notes)
            }
            None => {
                let names: Vec<&str> = scope.behind_before.iter().map(|step| step.id.is.as_str()).collect();
                let message = format!("no earlier step of this {root} is called `{}`", shown(id));
                notes.error("CS0306", &span, message, one_of(id, &names));
                Found::Any
            }
        }
    }

    fn session(&self, reference: &Reference, span: &Range<usize>, notes: &mut Notes) -> Found<'a> {
        let members = reference.members();
        let Some(id) = members.first() else { return named_nothing("session", "ID.arn", span, notes) };
        if !self.runbook.sessions.iter().any(|session| session.id.is == *id) {
            let names: Vec<&str> = self.runbook.sessions.iter().map(|session| session.id.is.as_str()).collect();
            notes.error("CS0202", span, format!("there is no session `{}`", shown(id)), one_of(id, &names));
            return Found::Any;
        }
        match members.get(1).copied() {
            Some("arn") => Found::Kind(Kind::Arn),
            Some("account") => Found::Kind(Kind::AccountId),
            Some("kind") => Found::Kind(Kind::String),
            other => {
                let hint = "arn, account or kind".to_owned();
                let message = format!("a session has no member `{}`", shown(other.unwrap_or("")));
                notes.error("CS0207", span, message, hint);
                Found::Any
            }
        }
    }

    /// What a step gave, and a path into it.
    fn output(
        &self,
        step: &Step,
        path: &[Segment],
        text: &Text,
        reference: &Reference,
        name: &str,
        notes: &mut Notes,
    ) -> Found<'a> {
        let named: Vec<(&str, Kind)> = match &step.body {
            Body::Action(action) => return self.answer(&action.call.action, path, text, reference, name, notes),
            Body::Read(read) => return self.answer(&read.action, path, text, reference, name, notes),
            Body::Check(_) => Vec::new(),
            Body::Wait(_) => vec![("at", Kind::DateTime)],
            Body::Ask(fields) => fields.iter().map(|field| (field.name.is.as_str(), field.of)).collect(),
            Body::Manual(Manual { evidence, .. }) => {
                evidence.iter().map(|one| (one.name.is.as_str(), one.of)).collect()
            }
            Body::Command(_) => vec![("stdout", Kind::String), ("exit", Kind::Integer)],
        };
        let Some(Segment::Member(member)) = path.first() else { return Found::Members };
        match named.iter().find(|(known, _)| known == member) {
            Some((_, kind)) => Found::Kind(*kind),
            None => {
                let names: Vec<&str> = named.iter().map(|(known, _)| *known).collect();
                let message = format!("`{name}` has no member `{}` (it is a {} step)", shown(member), step.body.kind());
                notes.error("CS0207", &inside(text, reference, notes), message, one_of(member, &names));
                Found::Any
            }
        }
    }

    fn answer(
        &self,
        action: &Text,
        path: &[Segment],
        text: &Text,
        reference: &Reference,
        name: &str,
        notes: &mut Notes,
    ) -> Found<'a> {
        match (self.find)(&action.is) {
            Some(action) => self.walk(Found::Fields(action.outputs), path, text, reference, name, notes),
            None => Found::Any,
        }
    }

    /// Follows a path; a member that is not there is a finding.
    fn walk(
        &self,
        from: Found<'a>,
        path: &[Segment],
        text: &Text,
        reference: &Reference,
        name: &str,
        notes: &mut Notes,
    ) -> Found<'a> {
        let mut at = from;
        let mut name = name.to_owned();
        for segment in path {
            at = match (segment, at) {
                (Segment::Element, Found::Rows(columns)) => Found::Row(columns),
                (Segment::Element, Found::Values(Some(kind))) => Found::Kind(kind),
                (Segment::Element, Found::Aws(Type::List(of))) => Found::Aws(of),
                (Segment::Element, _) => Found::Any,
                (Segment::Member(member), at) => {
                    let next = self.member(at, member, &name, text, reference, notes);
                    name.push_str(&format!(".{member}"));
                    next
                }
            };
        }
        at
    }

    fn member(
        &self,
        at: Found<'a>,
        member: &str,
        name: &str,
        text: &Text,
        reference: &Reference,
        notes: &mut Notes,
    ) -> Found<'a> {
        let (names, found): (Vec<&str>, Option<Found<'a>>) = match &at {
            Found::Row(columns) => {
                let found = columns.iter().find(|column| column.id.is == member).map(|column| Found::Kind(column.of));
                (columns.iter().map(|column| column.id.is.as_str()).collect(), found)
            }
            Found::Fields(fields) | Found::Aws(Type::Record(fields)) => {
                let field = fields.iter().find(|field| field.name == member);
                if field.is_some_and(|field| field.secret) {
                    let message = format!("`{name}.{member}` is secret: it is never kept");
                    let hint = "`secret_to` says where it goes; later steps use that profile";
                    notes.error("CS0315", &inside(text, reference, notes), message, hint);
                }
                (fields.iter().map(|field| field.name).collect(), field.map(|field| Found::Aws(&field.of)))
            }
            Found::Rows(_) | Found::Values(_) | Found::Aws(Type::List(_)) => {
                let hint = "a list has no members: take one of its elements, for instance with [0]";
                let message = format!("`{name}` is a list, so `.{}` finds nothing", shown(member));
                notes.error("CS0207", &inside(text, reference, notes), message, hint);
                return Found::Any;
            }
            Found::Any | Found::Members | Found::Secret | Found::Kind(Kind::Document) | Found::Aws(Type::Document) => {
                return Found::Any;
            }
            Found::Kind(_) | Found::Aws(_) => (Vec::new(), None),
        };
        found.unwrap_or_else(|| {
            let message = format!("`{name}` has no member `{}`", shown(member));
            let hint = match nearest(member, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if names.is_empty() => "it is a single value".to_owned(),
                None => format!("one of: {}", names.join(", ")),
            };
            notes.error("CS0207", &inside(text, reference, notes), message, hint);
            Found::Any
        })
    }
}

/// The place of a reference in the file.
fn inside(text: &Text, reference: &Reference, notes: &Notes) -> Range<usize> {
    notes.source.inside(text, &reference.span)
}

pub(super) fn syntax(text: &Text, error: &ExprError, notes: &mut Notes) {
    let span = match error {
        ExprError::Syntax { span, .. } => notes.source.inside(text, span),
        _ => text.span.clone(),
    };
    notes.error("CS0205", &span, error.to_string(), "");
}

fn of_parameter(parameter: &Parameter) -> Found<'_> {
    match parameter.of {
        Kind::Table => Found::Rows(&parameter.columns),
        Kind::List => Found::Values(parameter.items),
        Kind::Secret => Found::Secret,
        kind => Found::Kind(kind),
    }
}

fn first(reference: &Reference) -> Option<&str> {
    match reference.path.first() {
        Some(Segment::Member(name)) => Some(name),
        _ => None,
    }
}

fn named_nothing<'a>(root: &str, what: &str, span: &Range<usize>, notes: &mut Notes) -> Found<'a> {
    notes.error("CS0204", span, format!("`{root}` alone names nothing"), format!("write `{root}.{what}`"));
    Found::Any
}

/// Without white space: two ways of writing one expression.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A path and nothing else: `a.b[0].c`.
fn is_path(source: &str) -> bool {
    source.trim().chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '"' | '-'))
}
