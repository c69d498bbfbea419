//! Stages and their anchors.

use super::Checker;
use super::call::anchor_sessions;
use super::checked::{Anchor, Capture, Prove, Repeat, Stage, Step};
use super::scope::{Found, Scope};
use super::step::{Inherited, Place};
use crate::catalogue::action::Type;
use crate::expression;
use crate::runbook::kind::exact;
use crate::runbook::node::Text;
use crate::runbook::written;
use std::collections::{BTreeMap, BTreeSet};

impl Checker<'_> {
    pub(super) fn stage(&mut self, at: usize) -> Option<Stage> {
        let runbook = self.runbook;
        let written = &runbook.stages[at];
        let here = Scope { stage: Some(at), ..Scope::default() };
        if let Some(when) = &written.when {
            self.scopes.condition(when, here, &mut self.notes);
        }
        let repeat = self.repeat(written, here);
        if let Some(role) = &written.performer {
            self.role(role);
        }
        if let Some(session) = &written.session {
            self.session_name(session);
        }
        let approvals = written.approvals.as_ref().map(|approvals| self.approvals(approvals));
        let inherited = Inherited {
            performer: written.performer.as_ref().map(|role| role.is.clone()),
            session: written.session.as_ref().map(|session| session.is.clone()),
            approvals,
        };
        let inside = Scope { item: written.for_each.is_some(), ..here };
        let anchor = written.anchor.as_ref().map(|anchor| self.anchor(anchor, &inherited, inside));
        let steps: Vec<Option<Step>> = (0..written.steps.len())
            .map(|index| self.step(&written.steps[index], &inherited, Place::Forward { stage: at, index }))
            .collect();
        let steps: Vec<Step> = steps.into_iter().collect::<Option<Vec<Step>>>()?;
        let performer = inherited.performer.or_else(|| steps.first().map(|step| step.performer.clone()))?;
        let anchor = anchor.map(|anchor| anchor.ok_or(())).transpose().ok()?;
        self.anchored(written, &steps, anchor.as_ref(), &performer);
        self.one_decision(written, &steps);
        let whole = |number: &Option<crate::runbook::node::At<i64>>, default: u32| {
            number.as_ref().map_or(default, |number| u32::try_from(number.is).unwrap_or(default))
        };
        Some(Stage {
            id: written.id.is.clone(),
            title: written.title.as_ref().map_or_else(|| written.id.is.clone(), |title| title.is.clone()),
            when: written.when.as_ref().map_or(String::new(), |when| when.is.clone()),
            repeat,
            at_once: whole(&written.at_once, 1),
            canary: whole(&written.canary, 0),
            stop_after: whole(&written.stop_after, 1),
            performer,
            anchor,
            steps,
        })
    }

    /// What the stage repeats over, if it does.
    fn repeat(&mut self, written: &written::Stage, here: Scope<'_>) -> Option<Repeat> {
        let over = written.for_each.as_ref()?;
        if let Err(message) = exact(&over.value()) {
            self.notes.error("CS0110", &over.span, message, "");
        }
        for text in over.texts() {
            let found = self.scopes.template(&text, here, &mut self.notes);
            if over.text().is_some() {
                self.must_be_a_list(&text, &found);
            }
        }
        let key = written.key.as_ref()?;
        let inside = Scope { item: true, ..here };
        self.scopes.template(key, inside, &mut self.notes);
        if !expression::references(&key.is).is_ok_and(|found| found.iter().any(|one| one.root == "item")) {
            let hint = "for instance `key = \"${item.id}\"`";
            self.notes.error(
                "CS0214",
                &key.span,
                "the key does not name `item`, so all items would have one key",
                hint,
            );
        }
        // A clock makes an item of now; a plan must come out the same at any time.
        let parameters_and_item_only = |text: &Text| {
            expression::references(&text.is)
                .is_ok_and(|found| found.iter().all(|one| matches!(one.root.as_str(), "parameters" | "item")))
                && !text.is.contains("older_than")
        };
        Some(Repeat {
            known_before: over.texts().iter().chain([key]).all(parameters_and_item_only),
            over: over.value(),
            over_span: over.span.clone(),
            key: key.is.clone(),
            key_span: key.span.clone(),
        })
    }

    fn must_be_a_list(&mut self, text: &Text, found: &Found<'_>) {
        let whole = matches!(expression::single(&text.is), Ok(Some(_)));
        let list = matches!(found, Found::Any | Found::Rows(_) | Found::Values(_) | Found::Aws(Type::List(_)));
        if !whole || !list {
            let hint = "a parameter of type table or list, a list of AWS's answer, or a list written here";
            self.notes.error("CS0110", &text.span, "`for_each` must give a list", hint);
        }
    }

    fn anchor(&mut self, written: &written::Anchor, inherited: &Inherited, scope: Scope<'_>) -> Option<Anchor> {
        let session = inherited.session.as_deref();
        let mut capture = Vec::new();
        for (at, one) in written.capture.iter().enumerate() {
            let read = self.call(&one.read, session, Scope { captures_before: at, ..scope }, false);
            capture.push(read.map(|read| Capture {
                id: one.id.is.clone(),
                read,
                absent_if: one.absent_if.as_ref().map_or(String::new(), |code| code.is.clone()),
            }));
        }
        let scope = Scope { captures_before: written.capture.len(), ..scope };
        let mut prove = Vec::new();
        for one in &written.prove {
            prove.push(match one {
                written::Prove::Read(expect) => self.expectation(expect, session, scope).map(Prove::Read),
                written::Prove::Manual(text) => {
                    self.scopes.template(text, scope, &mut self.notes);
                    Some(Prove::Manual(text.is.clone()))
                }
            });
        }
        if capture.is_empty() && prove.is_empty() {
            let hint = "capture what an undo needs, and prove that the run may begin from here";
            self.notes.error("CS0319", &written.span, "the anchor captures nothing and proves nothing", hint);
        }
        Some(Anchor {
            title: written.title.as_ref().map_or(String::new(), |title| title.is.clone()),
            capture: capture.into_iter().collect::<Option<Vec<Capture>>>()?,
            prove: prove.into_iter().collect::<Option<Vec<Prove>>>()?,
        })
    }

    /// Where something changes there is an anchor, and the stage's performer can read it.
    fn anchored(&mut self, written: &written::Stage, steps: &[Step], anchor: Option<&Anchor>, performer: &str) {
        if written.anchor.is_none() {
            if let Some(step) = steps.iter().find(|step| step.mutates) {
                let message = format!(
                    "the stage `{}` has no anchor, but its step `{}` changes something",
                    written.id.is, step.id
                );
                let hint = "write `[stages.anchor]`: what is captured and proved before anything changes";
                self.notes.error("CS0302", &written.id.span, message, hint);
            }
            return;
        }
        let (Some(anchor), Some(place)) = (anchor, &written.anchor) else { return };
        // Whoever is about to change something reads the anchor again, right before. (That a performer may not use
        // the step's own session is said elsewhere.)
        let changing = steps.iter().filter(|step| step.mutates);
        let readers: BTreeMap<&str, (String, &str)> = changing
            .rev()
            .map(|step| {
                let who = format!("`{}`, who performs `{}`,", step.performer, step.id);
                (step.performer.as_str(), (who, step.session.as_str()))
            })
            .chain([(performer, (format!("the stage's performer `{performer}`"), ""))])
            .filter(|(role, _)| self.runbook.roles.iter().any(|known| known.id.is == *role))
            .collect();
        for id in anchor_sessions(anchor).into_iter().collect::<BTreeSet<String>>() {
            let Some(session) = self.runbook.sessions.iter().find(|session| session.id.is == id) else { continue };
            for (role, (who, own)) in &readers {
                if *own == id || session.used_by.iter().any(|may| may.is == *role) {
                    continue;
                }
                let message = format!("the anchor reads through the session `{id}`, which {who} may not use");
                let hint = format!("add `{role}` to its `used_by`, or read through another session");
                self.notes.error("CS0312", &place.span, message, hint);
            }
        }
    }

    /// A decision over several steps must not outlive itself while a wait passes between them.
    fn one_decision(&mut self, written: &written::Stage, steps: &[Step]) {
        super::hazards::shared_decisions(written, steps, &mut self.notes);
    }
}
