//! A plan in words: what will happen, who does it, who must agree, where the way back ends.
//! 80 columns, plain text, foreign text escaped.

use super::model::{Body, Item, Plan, Proof, Stage, Step};
use super::values::Values;
use super::words;
use crate::base::{StepId, Time, duration, escape};
use crate::expression;
use crate::people::People;
use serde_json::{Value, json};

const WIDTH: usize = 80;
/// Items listed by name; of more, only the first.
const SHOWN_ITEMS: usize = 8;
/// Characters of a task's instructions.
const LONGEST_TASK: usize = 400;

/// The plan for everybody, or the part of one person.
pub fn text(plan: &Plan, people: &People, for_person: Option<&str>) -> String {
    text_with(plan, people, for_person, &Value::Null)
}

/// As [`text`]; with the values object, accounts are shown and not where they come from.
pub fn text_with(plan: &Plan, people: &People, for_person: Option<&str>, values: &Value) -> String {
    let scope = json!({ "parameters": values });
    let mut page = Page { out: String::new(), plan, people, person: for_person, scope };
    page.head();
    for (at, stage) in plan.stages.iter().enumerate() {
        page.stage(at + 1, stage);
    }
    page.ends();
    page.out
}

/// Whether the person performs, approves or takes back this step of the plan (an operation's `stage/step`).
pub fn concerns(plan: &Plan, people: &People, person: &str, id: &StepId) -> bool {
    let page = Page { out: String::new(), plan, people, person: Some(person), scope: Value::Null };
    plan.step(id).is_some_and(|step| page.concerns(step))
}

/// Every operation of the plan, as far as parameters and items give it: step, operation, whether all is known.
pub fn operations(plan: &Plan, values: &Values) -> Vec<Value> {
    let mut out = Vec::new();
    // Once for all items: the parameters hold every one of them.
    let mut scope = json!({ "parameters": values.object });
    for stage in &plan.stages {
        let nobody = [None];
        let items: Vec<Option<&Item>> = match &stage.items {
            Some(items) => items.iter().map(Some).collect(),
            None => nobody.to_vec(),
        };
        for item in items {
            if let Some(members) = scope.as_object_mut() {
                match item {
                    Some(item) => members.insert("item".to_owned(), item.value.clone()),
                    None => members.remove("item"),
                };
            }
            for step in &stage.steps {
                let id = StepId::new(&stage.id, item.map(|item| item.key.as_str()), &step.id);
                let (operation, resolved) = expression::fill_known(&step.template, &scope, Time::default());
                out.push(json!({ "step": id, "operation": operation, "resolved": resolved }));
            }
        }
    }
    out
}

struct Page<'a> {
    out: String,
    plan: &'a Plan,
    people: &'a People,
    person: Option<&'a str>,
    /// What `${parameters...}` is filled from.
    scope: Value,
}

impl Page<'_> {
    fn head(&mut self) {
        let version = if self.plan.version.is_empty() { String::new() } else { format!(" {}", self.plan.version) };
        self.line(0, &format!("{} ({}{version})", self.plan.title, self.plan.name));
        if !self.plan.description.is_empty() {
            self.line(0, &self.plan.description);
        }
        self.out.push('\n');
        self.field(2, "plan", &self.plan.digest().hex());
        self.field(2, "runbook", &self.plan.runbook.hex());
        self.field(2, "values", &self.plan.values.hex());
        self.field(2, "people", &self.plan.people.hex());
        for (id, file) in &self.plan.files {
            self.field(2, "file", &format!("{id}: {} {}", file.path, file.sha256.hex()));
        }
        let own = self.person.and_then(|person| self.people.get(person));
        for (id, role) in self.plan.roles.iter().filter(|(id, _)| own.is_none_or(|own| own.roles.contains(id))) {
            let proof = match role.proof {
                Proof::Signature => "",
                Proof::UserVerified => ", signs with a security key (touch and PIN)",
                Proof::MfaCode => ", signs with an MFA code",
            };
            let who = words::holders(self.people, id);
            let party = if role.party.is_empty() { "any party" } else { &role.party };
            self.field(2, "role", &format!("{id} ({}, {party}): {who}{proof}", role.title));
        }
        let apart = self.plan.apart.iter();
        for group in apart.filter(|group| own.is_none_or(|own| own.roles.iter().any(|role| group.contains(role)))) {
            self.field(2, "apart", &format!("{}: different people", group.join(" and ")));
        }
        for hold in &self.plan.holds {
            self.field(2, "way in", &words::hold(hold));
        }
        if let Some(person) = self.person {
            let name = self.people.get(person).map_or(person, |person| person.name.as_str()).to_owned();
            self.out.push('\n');
            self.line(0, &format!("The part of {name} ({person}):"));
            if !self.plan.stages.iter().any(|stage| stage.steps.iter().any(|step| self.concerns(step))) {
                self.line(0, "Nothing in this plan is theirs to do or to decide.");
            }
        }
    }

    fn stage(&mut self, number: usize, stage: &Stage) {
        let steps: Vec<(usize, &Step)> =
            stage.steps.iter().enumerate().filter(|(_, step)| self.concerns(step)).collect();
        if steps.is_empty() {
            return;
        }
        self.out.push('\n');
        self.line(0, &format!("{number}. {}: {}", stage.id, stage.title));
        self.items(stage);
        if !stage.when.is_empty() {
            self.field(3, "only if", &stage.when);
        }
        if let Some(anchor) = words::anchor(stage) {
            self.field(3, "anchor", &anchor);
        }
        for (at, step) in steps {
            self.step(&format!("{number}.{}", at + 1), step);
        }
    }

    fn items(&mut self, stage: &Stage) {
        let Some(items) = words::items(stage, SHOWN_ITEMS) else { return };
        self.field(3, "for each", &items);
        self.field(3, "order", &words::order(stage));
    }

    fn step(&mut self, number: &str, step: &Step) {
        self.out.push('\n');
        self.line(3, &format!("{number} {} - {}", step.id, words::what(step)));
        self.field(7, "does", &step.title);
        self.details(step);
        self.field(7, "by", &self.performers(step));
        if !step.session.is_empty() && matches!(step.body, Body::Action | Body::Read) {
            self.field(7, "session", &self.session(&step.session));
        }
        if !step.when.is_empty() {
            self.field(7, "only if", &step.when);
        }
        if let Some(confirm) = &step.confirm {
            let typed = if confirm.typed.is_empty() { String::new() } else { format!(", by typing {}", confirm.typed) };
            self.field(7, "asked", &format!("{}{typed}", confirm.text));
        }
        for approval in &step.approvals {
            self.field(7, "agrees", &words::approval(self.people, approval));
        }
        if step.mutates {
            self.field(7, "way back", &words::way_back(step));
            if !step.lost.is_empty() {
                self.field(7, "lost", &step.lost);
            }
        }
        for (hazard, why) in &step.even_though {
            self.field(7, "although", &format!("{hazard}: {why}"));
        }
    }

    /// What kinds other than actions do.
    fn details(&mut self, step: &Step) {
        match &step.body {
            Body::Wait(wait) if wait.r#for > 0 => {
                let after = if wait.after.is_empty() { String::new() } else { format!(" after {}", wait.after) };
                self.field(7, "waits", &format!("{}{after}", duration::show(wait.r#for)));
            }
            Body::Wait(wait) => match &wait.expect {
                Some(expect) => self.field(7, "waits", &format!("until {} of {}", expect.expect, expect.read.action)),
                None => self.field(7, "waits", &format!("until {}", wait.until)),
            },
            Body::Check(expect) => {
                let wanted = if expect.expect.is_empty() { &expect.expect_error } else { &expect.expect };
                self.field(7, "checks", &format!("{}: {wanted}", expect.read.action));
            }
            Body::Ask(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                self.field(7, "asks for", &names.join(", "));
            }
            Body::Manual(manual) => {
                self.field(7, "task", &escape::cut(&manual.instructions, LONGEST_TASK));
                let names: Vec<&str> = manual.evidence.iter().map(|one| one.name.as_str()).collect();
                if !names.is_empty() {
                    self.field(7, "evidence", &names.join(", "));
                }
            }
            Body::Command(_) => {
                let argv = step.template.get("argv").and_then(Value::as_array);
                let words: Vec<&str> = argv.into_iter().flatten().filter_map(Value::as_str).collect();
                self.field(7, "runs", &words.join(" "));
            }
            _ => {}
        }
    }

    /// Points of no return and what no undo brings back, once more together.
    fn ends(&mut self) {
        let (points, lost) = words::ends(self.plan, |step| self.concerns(step));
        self.out.push('\n');
        if points.is_empty() {
            self.line(0, "Points of no return: none.");
        } else {
            self.line(0, "Points of no return:");
            points.iter().for_each(|point| self.line(3, point));
        }
        if !lost.is_empty() {
            self.line(0, "What no undo brings back:");
            lost.iter().for_each(|one| self.line(3, one));
        }
    }

    fn performers(&self, step: &Step) -> String {
        let each: Vec<String> = words::performer_roles(step)
            .into_iter()
            .map(|role| format!("{} ({role})", words::holders(self.people, role)))
            .collect();
        each.join(", together with ")
    }

    fn session(&self, id: &str) -> String {
        let Some(session) = self.plan.sessions.get(id) else { return id.to_owned() };
        let account = Value::String(session.account.clone());
        let (account, _) = expression::fill_known(&account, &self.scope, Time::default());
        let mut text = format!("{id}, account {}", account.as_str().unwrap_or(&session.account));
        if !session.assume_role.is_empty() {
            text.push_str(&format!(", role {} through {}", session.assume_role, session.through));
        }
        if !session.assume_root.is_empty() {
            text.push_str(&format!(", root for the task {} through {}", session.assume_root, session.through));
        }
        text
    }

    /// Whether the step is part of what is shown.
    fn concerns(&self, step: &Step) -> bool {
        self.person.is_none_or(|person| words::concerns(self.people, step, person))
    }

    fn field(&mut self, indent: usize, name: &str, value: &str) {
        let head = format!("{}{name:<10}", " ".repeat(indent));
        self.wrapped(&head, indent + 10, value);
    }

    fn line(&mut self, indent: usize, value: &str) {
        self.wrapped(&" ".repeat(indent), indent + 3, value);
    }

    /// Words behind `head`, broken at the page's width; later lines begin at `indent`.
    fn wrapped(&mut self, head: &str, indent: usize, value: &str) {
        let value = escape::line(&value.split_whitespace().collect::<Vec<_>>().join(" "));
        let mut line = head.to_owned();
        let mut empty = true;
        for word in value.split(' ') {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.out.push_str(line.trim_end());
                self.out.push('\n');
                line = " ".repeat(indent);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}
