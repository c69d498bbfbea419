//! Steps: their kind, performer, session, approvals and way back.

use super::Checker;
use super::call::secret_outputs;
use super::checked::{Approval, Back, Body, Command, Confirm, Expect, Manual, Step, Until, UsualStep, Wait};
use super::hazards;
use super::names::names;
use super::scope::Scope;
use crate::catalogue::Action;
use crate::catalogue::action::Undo;
use crate::runbook::node::{Data, Node, Text};
use crate::runbook::reader::{one_of, shown};
use crate::runbook::written::{self, Approvals, Per};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Approve by, after asking.
pub(super) const WITHIN: i64 = 24 * 3_600_000;
/// Run by, after the last approval.
pub(super) const RUN_WITHIN: i64 = 3_600_000;
/// Between two looks of a wait.
const EVERY: i64 = 60_000;
/// A command's time limit.
const COMMAND_WITHIN: i64 = 10 * 60_000;

/// What a step takes over where it says nothing itself.
#[derive(Clone, Default)]
pub(super) struct Inherited {
    pub performer: Option<String>,
    pub session: Option<String>,
    pub approvals: Option<Vec<Approval>>,
}

/// Where a step stands.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Forward {
        stage: usize,
        index: usize,
    },
    /// In the undo or the repair of a forward step.
    Behind {
        stage: usize,
        index: usize,
        before: &'a [written::Step],
        undo: bool,
    },
}

impl<'a> Place<'a> {
    fn scope(self, runbook: &written::Runbook) -> Scope<'a> {
        let (stage, steps_before, behind_before, undo): (usize, usize, &[written::Step], Option<bool>) = match self {
            Place::Forward { stage, index } => (stage, index, &[], None),
            Place::Behind { stage, index, before, undo } => (stage, index + 1, before, Some(undo)),
        };
        let written = &runbook.stages[stage];
        Scope {
            stage: Some(stage),
            item: written.for_each.is_some(),
            steps_before,
            captures_before: usize::MAX,
            behind_before,
            undoing: undo == Some(true),
            repairing: undo == Some(false),
            secret: false,
        }
    }
}

impl Checker<'_> {
    pub(super) fn step(&mut self, written: &written::Step, inherited: &Inherited, place: Place<'_>) -> Option<Step> {
        let scope = place.scope(self.runbook);
        let performer = self.performer(written, inherited);
        let body = self.body(written, inherited, scope);
        self.texts(written, scope);
        let action = match &written.body {
            written::Body::Action(action) => (self.find)(&action.call.action.is),
            _ => None,
        };
        let session = self.own_session(written, inherited, body.as_ref());
        let verify: Vec<Option<Expect>> = written
            .verify
            .iter()
            .map(|expect| {
                let scope = Scope { steps_before: scope.steps_before.saturating_add(1), ..scope };
                self.expectation(expect, session.as_deref(), scope)
            })
            .collect();
        let (probe, secret_outputs) = self.details(written, action, session.as_deref());
        let (performer, body) = (performer?, body?);
        let mutates = mutates(written);
        self.may_change(written, mutates, &performer, session.as_deref());
        let forced = matches!(place, Place::Behind { .. })
            || written.point_of_no_return.is_some()
            || takes_secret(written, self.runbook);
        let mut approvals = self.own_approvals(written, inherited, mutates, forced);
        if let Place::Forward { .. } = place
            && mutates
        {
            self.no_return_approvals(written, inherited, &performer, &mut approvals);
        }
        let mut step = Step {
            id: written.id.is.clone(),
            title: title(written, self.find),
            performer,
            session: session.unwrap_or_default(),
            when: written.when.as_ref().map_or(String::new(), |when| when.is.clone()),
            confirm: match &written.confirm {
                Some(confirm) => Some(Confirm {
                    text: confirm.text.is.clone(),
                    typed: confirm.typed.as_ref().map_or(String::new(), |typed| typed.is.clone()),
                }),
                None => self.no_return_confirm(written, place, self.find),
            },
            approvals,
            mutates,
            verify: verify.into_iter().collect::<Option<Vec<Expect>>>()?,
            back: Back::None,
            lost: lost(written, action),
            accept_existing: written.accept_existing.as_ref().is_some_and(|flag| flag.is),
            even_though: written.even_though.iter().map(|(name, why)| (name.is.clone(), why.is.clone())).collect(),
            probe,
            secret_outputs,
            secret_to: secret_to(written),
            repair: Vec::new(),
            body,
        };
        hazards::of_step(written, &step, action, self.runbook, &mut self.notes);
        if let Place::Forward { stage, index } = place {
            step.back = self.way_back(written, &step, action, stage, index)?;
            step.repair = self.repair(written, &step, stage, index)?;
        } else {
            self.no_way_back_here(written);
        }
        Some(step)
    }

    fn performer(&mut self, written: &written::Step, inherited: &Inherited) -> Option<String> {
        if let Some(role) = &written.performer {
            return self.role(role).then(|| role.is.clone());
        }
        if let written::Body::Manual(manual) = &written.body
            && let Some(first) = manual.performers.first()
        {
            let inherited =
                inherited.performer.as_ref().filter(|role| manual.performers.iter().any(|one| one.is == **role));
            return Some(inherited.unwrap_or(&first.is).clone());
        }
        if inherited.performer.is_none() {
            let message = format!("nobody performs the step `{}`", written.id.is);
            self.notes.error("CS0104", &written.span, message, "write `performer` here, or once in the stage");
        }
        inherited.performer.clone()
    }

    /// The session that the step itself uses; none for kinds that use none.
    fn own_session(&mut self, written: &written::Step, inherited: &Inherited, body: Option<&Body>) -> Option<String> {
        match body {
            Some(Body::Action(call) | Body::Read(call)) => Some(call.session.clone()),
            Some(Body::Check(expect)) => Some(expect.read.session.clone()),
            Some(Body::Command(command)) if !command.credentials.is_empty() => Some(command.credentials.clone()),
            _ => match &written.session {
                Some(session) => self.session_name(session).then(|| session.is.clone()),
                // The default is for reads that verify; a step that needs none does without.
                None => inherited.session.clone(),
            },
        }
    }

    fn texts(&mut self, written: &written::Step, scope: Scope<'_>) {
        if let Some(when) = &written.when {
            self.scopes.condition(when, scope, &mut self.notes);
        }
        if let Some(confirm) = &written.confirm {
            self.scopes.template(&confirm.text, scope, &mut self.notes);
            if let Some(typed) = &confirm.typed {
                self.scopes.template(typed, scope, &mut self.notes);
            }
        }
        if written.accept_existing.is_some() && !matches!(written.body, written::Body::Action(_)) {
            self.notes.error("CS0111", &written.span, "`accept_existing` belongs to steps of kind action", "");
        }
    }

    /// Probe sides and secret outputs of an action.
    fn details(
        &mut self,
        written: &written::Step,
        action: Option<&'static Action>,
        session: Option<&str>,
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let (written::Body::Action(body), Some(action)) = (&written.body, action) else { return Default::default() };
        let probe = session.map(|own| self.probe(action, own, &body.probe, &written.span)).unwrap_or_default();
        let secrets = secret_outputs(action.outputs);
        match (&body.secret_to, secrets.is_empty()) {
            (None, false) => {
                let message = format!("`{}` answers with a secret, and nothing says where it goes", action.name);
                let hint = "write `secret_to = { profile = \"NAME\" }`, `{ file = \"PATH\" }` or `{ prompt = true }`";
                self.notes.error("CS0314", &written.span, message, hint);
            }
            (Some(node), true) => {
                let message = format!("`{}` answers with no secret", action.name);
                self.notes.error("CS0314", &node.span, message, "leave `secret_to` out");
            }
            _ => {}
        }
        (probe, secrets)
    }

    /// A change needs a performer who may change things through the session.
    fn may_change(&mut self, written: &written::Step, mutates: bool, performer: &str, session: Option<&str>) {
        let uses_session = matches!(written.body, written::Body::Action(_) | written::Body::Command(_));
        let (true, true, Some(id)) = (mutates, uses_session, session) else { return };
        if !self.runbook.roles.iter().any(|role| role.id.is == performer) {
            return;
        }
        let Some(session) = self.runbook.sessions.iter().find(|one| one.id.is == id) else { return };
        if !session.used_by.iter().any(|role| role.is == performer) {
            let message = format!(
                "`{performer}` performs the step `{}`, but may not change anything through the session `{id}`",
                written.id.is
            );
            let hint = format!("add `{performer}` to `used_by` of the session, or let another role perform");
            self.notes.error("CS0311", &written.span, message, hint);
        }
    }

    fn own_approvals(
        &mut self,
        written: &written::Step,
        inherited: &Inherited,
        mutates: bool,
        forced: bool,
    ) -> Vec<Approval> {
        let mut approvals = match &written.approvals {
            Some(approvals) => self.approvals(approvals),
            // A stage's approvals are for what its steps change.
            None if mutates => inherited.approvals.clone().unwrap_or_default(),
            None => Vec::new(),
        };
        if forced {
            approvals.iter_mut().for_each(|approval| approval.per = Per::Step);
        }
        approvals
    }

    pub(super) fn approvals(&mut self, written: &Approvals) -> Vec<Approval> {
        let mut out: Vec<Approval> = Vec::new();
        for one in &written.is {
            self.role(&one.role);
            let small = |number: &Option<crate::runbook::node::At<i64>>| {
                number.as_ref().map_or(1, |number| u32::try_from(number.is).unwrap_or(1))
            };
            let approval = Approval {
                role: one.role.is.clone(),
                count: small(&one.count),
                from_parties: small(&one.from_parties),
                within: one.within.as_ref().map_or(WITHIN, |at| at.is),
                run_within: one.run_within.as_ref().map_or(RUN_WITHIN, |at| at.is),
                per: one.per.as_ref().map_or(Per::Step, |per| per.is),
            };
            if approval.from_parties > approval.count {
                let message =
                    format!("{} approval(s) can't come from {} parties", approval.count, approval.from_parties);
                self.notes.error("CS0110", &one.span, message, "raise `count`, or lower `from_parties`");
            }
            if out.iter().any(|other| other.role == approval.role) {
                let message = format!("the role `{}` is asked for twice", shown(&one.role.is));
                self.notes.error("CS0108", &one.span, message, "write `count = 2` for two people of one role");
            }
            out.push(approval);
        }
        if out.iter().any(|one| one.per != out[0].per) {
            let hint = "all approvals of one list are `per` step, item or stage alike";
            self.notes.error("CS0313", &written.span, "these approvals cover different things", hint);
        }
        out
    }

    fn body(&mut self, written: &written::Step, inherited: &Inherited, scope: Scope<'_>) -> Option<Body> {
        let session = written.session.as_ref().or(None).map(|session| session.is.as_str());
        if let Some(session) = &written.session {
            self.session_name(session).then_some(())?;
        }
        let session = session.or(inherited.session.as_deref());
        match &written.body {
            written::Body::Action(action) => self.call(&action.call, session, scope, true).map(Body::Action),
            written::Body::Read(read) => self.call(read, session, scope, false).map(Body::Read),
            written::Body::Check(expect) => self.expectation(expect, session, scope).map(Body::Check),
            written::Body::Wait(wait) => self.wait(wait, session, scope).map(Body::Wait),
            written::Body::Ask(fields) => {
                fields.iter().for_each(|field| {
                    if let Some(text) = &field.text {
                        self.scopes.template(text, scope, &mut self.notes);
                    }
                    self.example(field.of, field.example.as_ref(), &field.choices);
                });
                Some(Body::Ask(fields.clone()))
            }
            written::Body::Manual(manual) => self.manual(written, manual, scope).map(Body::Manual),
            written::Body::Command(command) => self.command(command, session, scope).map(Body::Command),
        }
    }

    fn example(&mut self, of: crate::runbook::kind::Kind, example: Option<&Node>, choices: &[Text]) {
        let Some(node) = example else { return };
        let wrong = if choices.is_empty() {
            of.accept(&node.value()).err()
        } else {
            let text = node.text().map_or(String::new(), |text| text.is);
            (!choices.iter().any(|choice| choice.is == text))
                .then(|| format!("`{}` is not one of the choices", shown(&text)))
        };
        if let Some(message) = wrong {
            self.notes.error("CS0503", &node.span, format!("this example is no value: {message}"), "");
        }
    }

    fn wait(&mut self, wait: &written::Wait, session: Option<&str>, scope: Scope<'_>) -> Option<Wait> {
        let until = match &wait.until {
            written::Until::For { ms, after } => {
                if let Some(after) = after {
                    self.scopes.template(after, scope, &mut self.notes);
                }
                Until::For { ms: ms.is, after: after.as_ref().map_or(String::new(), |after| after.is.clone()) }
            }
            written::Until::Time(text) => {
                self.scopes.template(text, scope, &mut self.notes);
                Until::Time(text.is.clone())
            }
            written::Until::Holds(expect) => Until::Holds(self.expectation(expect, session, scope)?),
        };
        Some(Wait {
            until,
            every: wait.every.as_ref().map_or(EVERY, |every| every.is),
            within: wait.within.as_ref().map_or(0, |within| within.is),
        })
    }

    fn manual(&mut self, step: &written::Step, manual: &written::Manual, scope: Scope<'_>) -> Option<Manual> {
        self.scopes.template(&manual.instructions, scope, &mut self.notes);
        for role in &manual.performers {
            self.role(role);
        }
        let mut roles: Vec<&str> = manual.performers.iter().map(|role| role.is.as_str()).collect();
        if let Some(own) = &step.performer {
            if !roles.is_empty() && !roles.contains(&own.is.as_str()) {
                let message = format!("`{}` performs the step, but is not among its `performers`", shown(&own.is));
                self.notes.error("CS0201", &own.span, message, "");
            }
            roles.push(&own.is);
        }
        let by: Vec<&Text> = manual.evidence.iter().filter_map(|one| one.by.as_ref()).collect();
        for role in manual.says.iter().map(|(role, _)| role).chain(by) {
            let alone = manual.performers.is_empty();
            if self.role(role) && !alone && !roles.contains(&role.is.as_str()) {
                let message = format!("`{}` is not among the `performers` of this step", shown(&role.is));
                self.notes.error("CS0201", &role.span, message, one_of(&role.is, &roles));
            }
        }
        for one in &manual.evidence {
            if one.of != crate::runbook::kind::Kind::File {
                self.example(one.of, one.example.as_ref(), &[]);
            }
        }
        Some(Manual {
            instructions: manual.instructions.is.clone(),
            performers: names(&manual.performers),
            says: manual.says.iter().map(|(role, text)| (role.is.clone(), text.is.clone())).collect(),
            evidence: manual.evidence.clone(),
            together: manual.together.as_ref().map_or(0, |at| at.is),
            settles: names(&manual.settles),
        })
    }

    fn command(&mut self, command: &written::Command, session: Option<&str>, scope: Scope<'_>) -> Option<Command> {
        for text in &command.argv {
            self.scopes.template(text, scope, &mut self.notes);
        }
        for (_, text) in &command.env {
            self.scopes.template(text, Scope { secret: true, ..scope }, &mut self.notes);
        }
        self.pinned(&command.argv);
        if let Some(credentials) = &command.credentials {
            self.session_name(credentials).then_some(())?;
        }
        let own = command.credentials.as_ref().map(|text| text.is.as_str()).or(session);
        let probe = match &command.probe {
            Some(probe) => Some(self.expectation(probe, own, scope)?),
            None => None,
        };
        let touches = match command.touches.as_ref().map(|node| &node.is) {
            Some(Data::List(items)) => items.iter().map(Node::value).collect(),
            Some(_) => command.touches.iter().map(Node::value).collect(),
            None => Vec::new(),
        };
        Some(Command {
            argv: names(&command.argv),
            env: command.env.iter().map(|(name, text)| (name.is.clone(), text.is.clone())).collect(),
            credentials: command.credentials.as_ref().map_or(String::new(), |text| text.is.clone()),
            ok_exit: if command.ok_exit.is_empty() {
                vec![0]
            } else {
                command.ok_exit.iter().map(|at| at.is).collect()
            },
            within: command.within.as_ref().map_or(COMMAND_WITHIN, |at| at.is),
            touches,
            probe,
        })
    }

    /// What runs from the runbook's folder is pinned.
    fn pinned(&mut self, argv: &[Text]) {
        for (at, text) in argv.iter().enumerate() {
            let path = text.is.strip_prefix("./").unwrap_or(&text.is);
            let local = (text.is.starts_with("./") || text.is.starts_with("../"))
                || (at == 0 && path.contains('/') && !path.starts_with('/'));
            let known = self.runbook.files.iter().any(|(_, file)| file.is == path);
            if local && !known {
                let message = format!("`{}` is a file of the runbook's folder, but is not pinned", shown(&text.is));
                let hint = format!("add it to [files], for instance `script = \"{}\"`", shown(path));
                self.notes.error("CS0316", &text.span, message, hint);
            }
        }
    }

    /// The one way back of a mutating step (P5).
    fn way_back(
        &mut self,
        written: &written::Step,
        step: &Step,
        action: Option<&'static Action>,
        stage: usize,
        index: usize,
    ) -> Option<Back> {
        let given = usize::from(written.undo.is_some())
            + usize::from(written.no_undo.is_some())
            + usize::from(written.point_of_no_return.is_some());
        if !step.mutates {
            if given > 0 {
                let message = format!("the step `{}` changes nothing, so there is nothing to take back", step.id);
                self.notes.error("CS0303", &written.span, message, "leave undo, no_undo and point_of_no_return out");
            }
            return Some(Back::None);
        }
        if given == 0 {
            let hint = "write one of `undo = \"usual\"`, `[[stages.steps.undo]]`, `no_undo = \"why\"`, `point_of_no_return = \"why\"`";
            let message = format!("the step `{}` changes something and has no way back", step.id);
            self.notes.error("CS0301", &written.span, message, hint);
            return Some(Back::None);
        }
        if given > 1 {
            let message = format!("the step `{}` has more than one way back", step.id);
            self.notes.error("CS0303", &written.span, message, "keep one of undo, no_undo and point_of_no_return");
        }
        if let Some(undo) = &written.undo {
            return match &undo.is {
                written::Undo::Usual => Some(self.usual(written, step, action, &undo.span)),
                written::Undo::Steps(steps) => self.undo_steps(steps, step, action, stage, index).map(Back::Steps),
            };
        }
        if let Some(why) = &written.no_undo {
            self.no_undo_allowed(action, &why.span);
            return Some(Back::NoUndo(why.is.clone()));
        }
        written.point_of_no_return.as_ref().map(|why| Back::PointOfNoReturn(why.is.clone()))
    }

    fn usual(
        &mut self,
        written: &written::Step,
        step: &Step,
        action: Option<&'static Action>,
        span: &Range<usize>,
    ) -> Back {
        let Some(action) = action else {
            let message = "only an AWS action has a usual undo";
            self.notes.error("CS0305", span, message, "write the undo as steps, or declare a point of no return");
            return Back::None;
        };
        let Undo::Usual(steps) = &action.undo else {
            let why = match &action.undo {
                Undo::Impossible(why) | Undo::NotNeeded(why) => *why,
                _ => "it only reads",
            };
            let message = format!("`{}` has no usual undo: {why}", action.name);
            self.notes.error("CS0305", span, message, "write the undo as steps, or declare a point of no return");
            return Back::None;
        };
        let mut out = Vec::new();
        for usual in *steps {
            let Some(action) = (self.find)(usual.action) else { continue };
            // The sides that the runbook named for the step serve its undo too, as far as it has them.
            let given: Vec<(Text, Text)> = match &written.body {
                written::Body::Action(body) => {
                    let known = |(side, _): &&(Text, Text)| action.probe.iter().any(|one| one.name == side.is);
                    body.probe.iter().filter(known).cloned().collect()
                }
                _ => Vec::new(),
            };
            let probe = self.probe(action, &step.session, &given, span);
            out.push(UsualStep { step: usual, action, probe });
        }
        Back::Usual(out)
    }

    fn undo_steps(
        &mut self,
        steps: &[written::Step],
        step: &Step,
        action: Option<&'static Action>,
        stage: usize,
        index: usize,
    ) -> Option<Vec<Step>> {
        let inherited = inherited_from(step);
        let mut out = Vec::new();
        for (at, undo) in steps.iter().enumerate() {
            let place = Place::Behind { stage, index, before: &steps[..at], undo: true };
            let checked = self.step(undo, &inherited, place);
            if let Some(checked) = &checked {
                hazards::gone_by_then(undo, checked, action, self.runbook, &mut self.notes);
            }
            out.push(checked);
        }
        out.into_iter().collect()
    }

    fn repair(&mut self, written: &written::Step, step: &Step, stage: usize, index: usize) -> Option<Vec<Step>> {
        if written.repair.is_empty() {
            return Some(Vec::new());
        }
        if written.point_of_no_return.is_none() {
            let message = "`repair` goes with `point_of_no_return`";
            self.notes.error("CS0112", &written.span, message, "a step with an undo is taken back instead");
        }
        let inherited = inherited_from(step);
        let steps: Vec<Option<Step>> = (0..written.repair.len())
            .map(|at| {
                let place = Place::Behind { stage, index, before: &written.repair[..at], undo: false };
                self.step(&written.repair[at], &inherited, place)
            })
            .collect();
        steps.into_iter().collect()
    }

    fn no_undo_allowed(&mut self, action: Option<&'static Action>, span: &Range<usize>) {
        let why = match action.map(|action| &action.undo) {
            Some(Undo::NotNeeded(_)) => return,
            Some(Undo::Usual(_)) => "this action has a usual undo".to_owned(),
            Some(Undo::Impossible(why)) => (*why).to_owned(),
            _ => "only the catalogue can say that a change needs no undo".to_owned(),
        };
        let hint = "write an undo, or say `point_of_no_return = \"why\"`";
        self.notes.error("CS0304", span, format!("`no_undo` is not allowed here: {why}"), hint);
    }

    /// Undo and repair steps are themselves the way back.
    fn no_way_back_here(&mut self, written: &written::Step) {
        if written.undo.is_some() || written.no_undo.is_some() || written.point_of_no_return.is_some() {
            let message =
                format!("`{}` is a step of an undo or a repair: it has no way back of its own", written.id.is);
            self.notes.error("CS0303", &written.span, message, "");
        }
        if !written.repair.is_empty() {
            self.notes.error("CS0303", &written.span, "a step of an undo or a repair has no `repair`", "");
        }
    }
}

fn inherited_from(step: &Step) -> Inherited {
    Inherited {
        performer: Some(step.performer.clone()),
        session: (!step.session.is_empty()).then(|| step.session.clone()),
        approvals: Some(step.approvals.clone()),
    }
}

fn mutates(written: &written::Step) -> bool {
    match &written.body {
        written::Body::Action(_) => true,
        written::Body::Manual(manual) => manual.mutates.as_ref().is_none_or(|flag| flag.is),
        written::Body::Command(command) => command.mutates.as_ref().is_none_or(|flag| flag.is),
        _ => false,
    }
}

/// Whether a secret parameter stands in what the step does.
fn takes_secret(written: &written::Step, runbook: &written::Runbook) -> bool {
    let texts: Vec<Text> = match &written.body {
        written::Body::Action(action) => action.call.with.texts(),
        written::Body::Command(command) => command.env.iter().map(|(_, text)| text.clone()).collect(),
        _ => Vec::new(),
    };
    let secrets: BTreeSet<&str> = runbook
        .parameters
        .iter()
        .filter(|parameter| parameter.of == crate::runbook::kind::Kind::Secret)
        .map(|parameter| parameter.id.is.as_str())
        .collect();
    let names_secret = |text: &Text| {
        let found = crate::expression::references(&text.is).unwrap_or_default();
        found.iter().any(|one| one.root == "parameters" && one.members().first().is_some_and(|id| secrets.contains(id)))
    };
    texts.iter().any(names_secret)
}

pub(super) fn title(written: &written::Step, find: &super::Lookup<'_>) -> String {
    let action = match &written.body {
        written::Body::Action(action) => find(&action.call.action.is),
        written::Body::Read(read) => find(&read.action.is),
        _ => None,
    };
    match (&written.title, action) {
        (Some(title), _) => title.is.clone(),
        (None, Some(action)) => action.purpose.to_owned(),
        (None, None) => written.id.is.clone(),
    }
}

fn lost(written: &written::Step, action: Option<&'static Action>) -> String {
    match (&written.lost, action) {
        (Some(lost), _) => lost.is.clone(),
        (None, Some(action)) => action.lost.to_owned(),
        (None, None) => String::new(),
    }
}

fn secret_to(written: &written::Step) -> Value {
    match &written.body {
        written::Body::Action(action) => action.secret_to.as_ref().map_or(Value::Null, Node::value),
        _ => Value::Null,
    }
}
