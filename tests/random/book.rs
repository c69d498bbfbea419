//! A random runbook: stages and steps as a small tree that can be cut, and its text. What the tree says of
//! approvals is what the judge counts by; the plan is not asked.

use super::dice::Dice;
use super::stages;
use std::fmt::Write;

/// What a step may need before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub role: &'static str,
    pub count: usize,
    pub parties: usize,
    pub per: &'static str,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub id: String,
    /// Everything below `id`.
    pub body: String,
    /// None: the stage's.
    pub approvals: Option<Vec<Approval>>,
    /// Undo steps, written out behind the step.
    pub undo: Vec<String>,
    pub point_of_no_return: bool,
    /// Undone, AWS is not quite as it was.
    pub leaves: bool,
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub id: String,
    /// `(id, name)` of accounts; none: the stage does not repeat.
    pub items: Option<Vec<(String, String)>>,
    pub at_once: usize,
    pub canary: usize,
    pub stop_after: usize,
    pub session: &'static str,
    pub performer: &'static str,
    pub approvals: Vec<Approval>,
    pub anchor: String,
    pub needs_hold: bool,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub struct Book {
    pub exclude_starter: bool,
    pub hold: Option<(String, String)>,
    pub stages: Vec<Stage>,
}

pub const ROLES: &str = r#"[roles]
admin = { title = "Administrator", party = "partner" }
security = { title = "Security", party = "customer" }
holder = { title = "Holder", party = "customer", proof = "user_verified" }
witness = { title = "Witness" }
[separation]
apart = [["admin", "security"], ["security", "holder"]]
"#;

const SESSIONS: &str = r#"[sessions]
old = { account = "111111111111", used_by = ["admin", "security"], kinds = ["user"] }
new = { account = "222222222222", used_by = ["admin", "security"], kinds = ["user"] }
member = { account = "${item.id}", used_by = ["admin", "security"], through = "old", assume_role = "OrganizationAccountAccessRole" }
"#;

/// Person, party, roles; the keys are those of rehearsals.
pub const PEOPLE: [(&str, &str, &[&str], &str); 7] = [
    ("alice", "partner", &["admin", "witness"], PLAIN),
    ("amy", "partner", &["admin"], PLAIN),
    ("bob", "customer", &["security", "witness"], PLAIN),
    ("ben", "customer", &["security"], PLAIN),
    ("carol", "customer", &["holder"], SECURITY),
    ("dora", "partner", &["witness"], PLAIN),
    ("erin", "customer", &["witness"], PLAIN),
];
const PLAIN: &str = "ed25519";
const SECURITY: &str = "sk";

pub fn people() -> String {
    use countersign::sshsig::{KeyKind, rehearsal_key};
    let mut text = "schema = 1\n".to_owned();
    for (id, party, roles, key) in PEOPLE {
        let kind = if key == SECURITY { KeyKind::SkEd25519 } else { KeyKind::Ed25519 };
        let roles: Vec<String> = roles.iter().map(|role| format!("\"{role}\"")).collect();
        let key = rehearsal_key(id, kind).line("rehearsal");
        let roles = roles.join(", ");
        write!(text, "\n[people.{id}]\nname = \"{id}\"\nparty = \"{party}\"\nroles = [{roles}]\nkeys = [\"{key}\"]\n")
            .unwrap();
    }
    text
}

pub fn holds_role(person: &str, role: &str) -> bool {
    PEOPLE.iter().any(|(id, _, roles, _)| *id == person && roles.contains(&role))
}

pub fn party(person: &str) -> &'static str {
    PEOPLE.iter().find(|(id, ..)| *id == person).map_or("", |(_, party, ..)| party)
}

impl Book {
    pub fn random(dice: &Dice) -> Book {
        let stages = stages::random(dice);
        let hold = match stages.len() {
            count if count > 2 && dice.percent(15) => {
                let from = dice.up_to(count - 1);
                let until = dice.between(from + 1, count - 1);
                Some((stages[from].id.clone(), stages[until].id.clone()))
            }
            _ => None,
        };
        let mut book = Book { exclude_starter: dice.percent(10), hold, stages };
        if let Some((from, until)) = &book.hold {
            let place = |id: &str| book.stages.iter().position(|stage| stage.id == id).unwrap();
            for at in place(from) + 1..=place(until) {
                book.stages[at].needs_hold = dice.percent(50);
            }
        }
        book
    }

    pub fn stage(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    /// What the step of this stage needs.
    pub fn approvals(&self, stage: &str, step: &str) -> Option<(&[Approval], &'static str)> {
        let stage = self.stage(stage)?;
        let step = stage.steps.iter().find(|one| one.id == step)?;
        Some((step.approvals.as_deref().unwrap_or(&stage.approvals), stage.performer))
    }

    pub fn text(&self) -> String {
        let mut out =
            "schema = 1\n[runbook]\nname = \"book\"\ntitle = \"A random runbook\"\nversion = \"1.0.0\"\n".to_owned();
        writeln!(out, "exclude_starter = {}", self.exclude_starter).unwrap();
        out.push_str(ROLES);
        out.push_str(SESSIONS);
        if let Some((from, until)) = &self.hold {
            write!(
                out,
                "[holds.way_in]\ntitle = \"The way in\"\nsession = \"old\"\n\
                 prove = [{{ action = \"sts:GetCallerIdentity\", expect = \"Account == '111111111111'\" }}]\n\
                 from = \"{from}\"\nuntil = \"{until}\"\n"
            )
            .unwrap();
        }
        for stage in &self.stages {
            stage.write(&mut out);
        }
        out
    }
}

impl Stage {
    fn write(&self, out: &mut String) {
        write!(out, "\n[[stages]]\nid = \"{}\"\n", self.id).unwrap();
        if let Some(items) = &self.items {
            let items: Vec<String> =
                items.iter().map(|(id, name)| format!("{{ id = \"{id}\", name = \"{name}\" }}")).collect();
            write!(out, "for_each = [{}]\nkey = \"${{item.id}}\"\n", items.join(", ")).unwrap();
            write!(out, "at_once = {}\ncanary = {}\nstop_after = {}\n", self.at_once, self.canary, self.stop_after)
                .unwrap();
        }
        write!(out, "session = \"{}\"\nperformer = \"{}\"\n", self.session, self.performer).unwrap();
        if self.needs_hold {
            out.push_str("needs_holds = [\"way_in\"]\n");
        }
        if !self.approvals.is_empty() {
            writeln!(out, "approvals = {}", approvals(&self.approvals)).unwrap();
        }
        if !self.anchor.is_empty() {
            write!(out, "[stages.anchor]\n{}", self.anchor).unwrap();
        }
        for step in &self.steps {
            write!(out, "[[stages.steps]]\nid = \"{}\"\n{}", step.id, step.body).unwrap();
            if let Some(own) = &step.approvals {
                writeln!(out, "approvals = {}", approvals(own)).unwrap();
            }
            for undo in &step.undo {
                write!(out, "[[stages.steps.undo]]\n{undo}").unwrap();
            }
        }
    }
}

fn approvals(all: &[Approval]) -> String {
    let one = |a: &Approval| {
        format!("{{ role = \"{}\", count = {}, from_parties = {}, per = \"{}\" }}", a.role, a.count, a.parties, a.per)
    };
    format!("[{}]", all.iter().map(one).collect::<Vec<_>>().join(", "))
}
