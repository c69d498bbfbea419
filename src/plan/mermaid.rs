//! A plan as a Mermaid sequence diagram: parties as boxes, people as participants, approvals as messages.
//! Texts are written so that nothing in them means anything to Mermaid.

use super::lanes::{Lane, lane_of};
use super::model::{Hold, Plan, Stage, Step};
use super::picture::{SYSTEM, lanes_of};
use super::words;
use crate::base::escape;
use crate::people::People;

/// Characters of one message or note.
const LONGEST: usize = 160;

/// The diagram, ended by a line feed; of one person's part, where one is named.
pub fn mermaid(plan: &Plan, people: &People, person: Option<&str>) -> String {
    let mut chart = Chart { out: String::new(), holds: &plan.holds, people, lanes: lanes_of(plan, people) };
    chart.line(0, "sequenceDiagram");
    chart.line(1, &format!("accTitle: {}", safe(&format!("Plan of {}", plan.title))));
    chart.participants();
    for (at, stage) in plan.stages.iter().enumerate() {
        let wanted = |step: &&Step| person.is_none_or(|person| words::concerns(people, step, person));
        let steps: Vec<&Step> = stage.steps.iter().filter(wanted).collect();
        if !steps.is_empty() {
            chart.stage(at + 1, stage, &steps);
        }
    }
    chart.out
}

struct Chart<'a> {
    out: String,
    holds: &'a [Hold],
    people: &'a People,
    lanes: Vec<Lane>,
}

impl Chart<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.out.push_str(&"  ".repeat(depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Participants are numbered: an id of a person might be a word of Mermaid's.
    fn participants(&mut self) {
        let lanes = self.lanes.clone();
        let mut party = String::new();
        for (at, lane) in lanes.iter().enumerate() {
            if lane.party != party {
                if !party.is_empty() {
                    self.line(1, "end");
                }
                if !lane.party.is_empty() {
                    self.line(1, &format!("box transparent {}", safe(&lane.party)));
                }
                party = lane.party.clone();
            }
            let depth = if party.is_empty() { 1 } else { 2 };
            self.line(depth, &format!("participant p{at} as {}", safe(&lane.name)));
        }
        if !party.is_empty() {
            self.line(1, "end");
        }
        self.line(1, "participant aws as AWS");
    }

    fn stage(&mut self, number: usize, stage: &Stage, steps: &[&Step]) {
        self.line(1, &format!("Note over {},aws: {}", self.first(), safe(&format!("{number}. {}", stage.title))));
        let items = words::items(stage, 4);
        let depth = if items.is_some() { 2 } else { 1 };
        if let Some(items) = &items {
            self.line(1, &format!("loop {}", safe(&format!("Repeated for {items}"))));
        }
        if let (Some(anchor), Some(system)) = (words::anchor(stage), self.id(SYSTEM)) {
            self.line(depth, &format!("{system}->>aws: {}", safe(&format!("Anchor: {anchor}"))));
        }
        for (at, step) in steps.iter().enumerate() {
            self.step(depth, &format!("{number}.{}", at + 1), step);
        }
        if items.is_some() {
            self.line(1, "end");
        }
        for hold in self.holds.iter().filter(|hold| stage.id == hold.from || stage.id == hold.until) {
            let what = if stage.id == hold.until { "Released" } else { "Held from here on, and proved" };
            let title = if hold.title.is_empty() { &hold.id } else { &hold.title };
            self.line(1, &format!("Note over {},aws: {}", self.first(), safe(&format!("{what}: {title}"))));
        }
    }

    fn step(&mut self, depth: usize, number: &str, step: &Step) {
        let performers = self.holding(words::performer_roles(step));
        let by = performers.first().cloned().or_else(|| self.id(SYSTEM)).unwrap_or_else(|| "aws".to_owned());
        for approval in &step.approvals {
            let text = safe(&format!("{number} agrees: {}", words::approval(self.people, approval)));
            for holder in self.holding(vec![&approval.role]) {
                self.line(depth, &format!("{holder}-->>{by}: {text}"));
            }
        }
        if let Some(confirm) = &step.confirm {
            let typed = if confirm.typed.is_empty() { String::new() } else { format!(", by typing {}", confirm.typed) };
            self.line(depth, &format!("Note over {by}: {}", safe(&format!("{number} confirms{typed}"))));
        }
        let text = safe(&format!("{number} {}: {}", step.id, words::what(step)));
        let to_aws = matches!(step.body.kind(), "action" | "read" | "check");
        for performer in if performers.is_empty() { vec![by.clone()] } else { performers } {
            let to = if to_aws { "aws" } else { &performer };
            self.line(depth, &format!("{performer}->>{to}: {text}"));
        }
        if step.mutates {
            let end = !step.back.point_of_no_return.is_empty();
            let text = safe(&format!("{number} way back: {}", words::way_back(step)));
            let over = if end { format!("{},aws", self.first()) } else { by };
            self.line(depth, &format!("Note over {over}: {text}"));
        }
    }

    fn first(&self) -> String {
        "p0".to_owned()
    }

    fn id(&self, lane: &str) -> Option<String> {
        lane_of(&self.lanes, lane).map(|at| format!("p{at}"))
    }

    fn holding(&self, roles: Vec<&String>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for person in roles.into_iter().flat_map(|role| self.people.holders(role)) {
            all.extend(self.id(&person.id).filter(|id| !all.contains(id)));
        }
        all
    }
}

/// Text in which only letters, digits and a few signs stand as they are; all else as Mermaid's `#code;`. The word
/// `end` would close a block, so its first letter is written as a code too.
pub fn safe(text: &str) -> String {
    let text = escape::cut(&escape::line(&text.split_whitespace().collect::<Vec<_>>().join(" ")), LONGEST);
    let mut out = String::new();
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        let ends = word.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|part| part == "end");
        for c in word.chars() {
            let plain = c.is_alphanumeric() || matches!(c, '.' | ',' | '(' | ')' | '/' | '_' | '-');
            if plain && !(ends && matches!(c, 'e' | 'E')) {
                out.push(c);
            } else {
                out.push_str(&format!("#{};", c as u32));
            }
        }
    }
    // An empty text is no text to Mermaid.
    if out.is_empty() { "-".to_owned() } else { out }
}
