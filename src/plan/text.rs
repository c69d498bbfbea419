//! A plan in words: what will happen, who does it, who must agree, where the way back ends.
//! 80 columns, plain text, foreign text escaped.

use super::model::{Approval, Body, Item, Per, Plan, Proof, Stage, Step, WayBack};
use super::values::Values;
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
    for stage in &plan.stages {
        let nobody = [None];
        let items: Vec<Option<&Item>> = match &stage.items {
            Some(items) => items.iter().map(Some).collect(),
            None => nobody.to_vec(),
        };
        for item in items {
            let mut scope = json!({ "parameters": values.object });
            if let (Some(item), Some(members)) = (item, scope.as_object_mut()) {
                members.insert("item".to_owned(), item.value.clone());
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
            let who = self.holders(id);
            let party = if role.party.is_empty() { "any party" } else { &role.party };
            self.field(2, "role", &format!("{id} ({}, {party}): {who}{proof}", role.title));
        }
        let apart = self.plan.apart.iter();
        for group in apart.filter(|group| own.is_none_or(|own| own.roles.iter().any(|role| group.contains(role)))) {
            self.field(2, "apart", &format!("{}: different people", group.join(" and ")));
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
        if let Some(anchor) = &stage.anchor {
            let title = if anchor.title.is_empty() { "an anchor" } else { &anchor.title };
            let counts = format!("captures {}, proves {}", anchor.capture.len(), anchor.prove.len());
            self.field(3, "anchor", &format!("{title} ({counts})"));
        }
        for (at, step) in steps {
            self.step(&format!("{number}.{}", at + 1), step);
        }
    }

    fn items(&mut self, stage: &Stage) {
        match &stage.items {
            Some(items) => {
                let keys: Vec<&str> = items.iter().take(SHOWN_ITEMS).map(|item| item.key.as_str()).collect();
                let more = items.len().saturating_sub(SHOWN_ITEMS);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let mut text = format!("{} items: {}{more}", items.len(), keys.join(", "));
                if items.len() == 1 {
                    text = format!("1 item: {}", keys.join(""));
                } else if items.is_empty() {
                    text = "no items: nothing to do".to_owned();
                }
                self.field(3, "for each", &text);
            }
            None if !stage.for_each.is_null() => {
                let over = stage.for_each.as_str().map_or_else(|| stage.for_each.to_string(), str::to_owned);
                self.field(3, "for each", &format!("of {over} (known when the stage begins)"));
            }
            None => return,
        }
        let first = match stage.canary {
            0 => String::new(),
            1 => "the first goes alone, then its performer is asked to go on; ".to_owned(),
            n => format!("the first {n} go alone, then their performer is asked to go on; "),
        };
        let at_once = if stage.at_once > 1 { format!("{} at once", stage.at_once) } else { "one at a time".to_owned() };
        let stop = match stage.stop_after {
            0 | 1 => "stops at the first failure or doubt".to_owned(),
            n => format!("stops after {n} items that failed or are in doubt"),
        };
        self.field(3, "order", &format!("{first}{at_once}; {stop}"));
    }

    fn step(&mut self, number: &str, step: &Step) {
        let what = match &step.body {
            Body::Action | Body::Read => step.template.get("action").and_then(Value::as_str).unwrap_or("").to_owned(),
            other => other.kind().to_owned(),
        };
        self.out.push('\n');
        self.line(3, &format!("{number} {} - {what}", step.id));
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
            self.field(7, "agrees", &self.approval(approval));
        }
        if step.mutates {
            self.way_back(&step.back);
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

    fn way_back(&mut self, back: &WayBack) {
        if !back.point_of_no_return.is_empty() {
            self.field(7, "way back", &format!("NONE, a point of no return: {}", back.point_of_no_return));
        } else if !back.no_undo.is_empty() {
            self.field(7, "way back", &format!("needs none: {}", back.no_undo));
        } else {
            let steps: Vec<String> = back
                .undo
                .iter()
                .map(|step| match step.template.get("action").and_then(Value::as_str) {
                    Some(action) => format!("{} ({action})", step.id),
                    None => format!("{} ({})", step.id, step.body.kind()),
                })
                .collect();
            let usual = if back.usual { ", the usual one" } else { "" };
            self.field(7, "way back", &format!("{}{usual}", steps.join(", then ")));
        }
    }

    /// Points of no return and what no undo brings back, once more together.
    fn ends(&mut self) {
        let mut points = Vec::new();
        let mut lost = Vec::new();
        for stage in &self.plan.stages {
            for step in stage.steps.iter().filter(|step| step.mutates && self.concerns(step)) {
                let id = format!("{}/{}", stage.id, step.id);
                if !step.back.point_of_no_return.is_empty() {
                    points.push(format!("{id}: {}", step.back.point_of_no_return));
                }
                if !step.lost.is_empty() {
                    lost.push(format!("{id}: {}", step.lost));
                }
            }
        }
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
        let roles: Vec<&String> = match &step.body {
            Body::Manual(manual) if !manual.performers.is_empty() => manual.performers.iter().collect(),
            _ => vec![&step.performer],
        };
        let each: Vec<String> = roles.into_iter().map(|role| format!("{} ({role})", self.holders(role))).collect();
        each.join(", together with ")
    }

    fn approval(&self, approval: &Approval) -> String {
        let count = if approval.count > 1 { format!("{} of ", approval.count) } else { String::new() };
        let parties =
            if approval.from_parties > 1 { format!(", from {} parties", approval.from_parties) } else { String::new() };
        let covers = match approval.per {
            Per::Step => "",
            Per::Item => "; one decision for each item",
            Per::Stage => "; one decision for all items",
        };
        format!(
            "{count}{} ({}){parties}{covers}; within {}, runs within {}",
            self.holders(&approval.role),
            approval.role,
            duration::show(approval.within),
            duration::show(approval.run_within)
        )
    }

    fn session(&self, id: &str) -> String {
        let Some(session) = self.plan.sessions.get(id) else { return id.to_owned() };
        let account = Value::String(session.account.clone());
        let (account, _) = expression::fill_known(&account, &self.scope, Time::default());
        let mut text = format!("{id}, account {}", account.as_str().unwrap_or(&session.account));
        if !session.assume_role.is_empty() {
            text.push_str(&format!(", role {} through {}", session.assume_role, session.through));
        }
        text
    }

    /// Names of a role's holders, or that there are none.
    fn holders(&self, role: &str) -> String {
        let names: Vec<&str> = self.people.holders(role).map(|person| person.name.as_str()).collect();
        if names.is_empty() { "nobody yet".to_owned() } else { names.join(" or ") }
    }

    /// Whether the step is part of what is shown.
    fn concerns(&self, step: &Step) -> bool {
        let Some(person) = self.person.and_then(|id| self.people.get(id)) else { return self.person.is_none() };
        let holds = |role: &String| person.roles.contains(role);
        let manual = match &step.body {
            Body::Manual(manual) => manual.performers.iter().any(holds),
            _ => false,
        };
        let own = holds(&step.performer) || manual || step.approvals.iter().any(|approval| holds(&approval.role));
        own || step.back.undo.iter().any(|undo| self.concerns(undo))
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
