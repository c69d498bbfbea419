//! A plan as one HTML page: who performs, who agrees, in lanes; anchors, ways back, where the way back ends.
//! No script, no address, no style but its own; every text is escaped by the writer.

use super::lanes::{self, Lane, Mark, Row};
use super::model::{Plan, Proof, Stage, Step};
use super::words;
use crate::base::html::Html;
use crate::people::People;

/// Items that are named before the rest is folded away.
const SHOWN_ITEMS: usize = 12;
/// The lane for what no person does.
pub const SYSTEM: &str = "countersign";

/// The page; of one person's part, where one is named.
pub fn html(plan: &Plan, people: &People, person: Option<&str>) -> String {
    let page = Page { plan, people, person, lanes: lanes_of(plan, people) };
    let title = format!("Plan: {}", plan.title);
    Html::document(&title, lanes::STYLE, |body| {
        body.el("main", &[], |main| page.write(main));
    })
}

/// A lane for each person who holds a role of the plan, by party, and one for what no person does.
pub fn lanes_of(plan: &Plan, people: &People) -> Vec<Lane> {
    let concerned = |roles: &[String]| roles.iter().any(|role| plan.roles.contains_key(role));
    let mut all: Vec<Lane> = people
        .people
        .values()
        .filter(|person| concerned(&person.roles))
        .map(|person| Lane { id: person.id.clone(), name: person.name.clone(), party: person.party.clone() })
        .collect();
    all.sort_by(|a, b| (&a.party, &a.id).cmp(&(&b.party, &b.id)));
    all.push(Lane { id: SYSTEM.to_owned(), name: "Countersign".to_owned(), party: String::new() });
    all
}

struct Page<'a> {
    plan: &'a Plan,
    people: &'a People,
    person: Option<&'a str>,
    lanes: Vec<Lane>,
}

impl Page<'_> {
    fn write(&self, main: &mut Html) {
        let plan = self.plan;
        main.leaf("p", &[("class", "kind")], "Countersign plan: what will happen");
        main.leaf("h1", &[], &plan.title);
        if !plan.description.is_empty() {
            main.leaf("p", &[("class", "lead")], &plan.description);
        }
        if let Some(person) = self.person {
            let name = self.people.get(person).map_or(person, |person| &person.name);
            main.leaf("p", &[("class", "tag")], &format!("The part of {name} ({person})"));
        }
        self.digests(main);
        self.roles(main);
        main.leaf("h2", &[], "What happens, in order");
        let stages: Vec<(usize, &Stage, Vec<Row>)> =
            plan.stages.iter().enumerate().map(|(at, stage)| (at + 1, stage, self.rows(at + 1, stage))).collect();
        let all: Vec<&Row> = stages.iter().flat_map(|(_, _, rows)| rows).collect();
        lanes::legend(main, &all);
        for (number, stage, rows) in stages.iter().filter(|(_, _, rows)| !rows.is_empty()) {
            self.stage(main, *number, stage, rows);
        }
        self.holds(main);
        self.ends(main);
    }

    fn digests(&self, main: &mut Html) {
        let plan = self.plan;
        let version = if plan.version.is_empty() { String::new() } else { format!(" {}", plan.version) };
        main.el("dl", &[], |dl| {
            dl.leaf("dt", &[], "Runbook").leaf("dd", &[], &format!("{}{version}", plan.name));
            for (name, digest) in [
                ("SHA-256 of the plan", plan.digest()),
                ("... of the runbook", plan.runbook),
                ("... of the values", plan.values),
                ("... of the people file", plan.people),
            ] {
                dl.leaf("dt", &[], name).el("dd", &[], |dd| {
                    dd.leaf("code", &[], &digest.hex());
                });
            }
            for (id, file) in &plan.files {
                dl.leaf("dt", &[], &format!("... of the file {id}")).el("dd", &[], |dd| {
                    dd.leaf("code", &[], &file.sha256.hex());
                });
            }
        });
    }

    fn roles(&self, main: &mut Html) {
        main.leaf("h2", &[], "Who");
        let mut rows = Vec::new();
        for (id, role) in &self.plan.roles {
            let proof = match role.proof {
                Proof::Signature => "a signature",
                Proof::UserVerified => "a security key, with touch and PIN",
                Proof::MfaCode => "an MFA code",
            };
            let party = if role.party.is_empty() { "any" } else { &role.party };
            let holders = words::holders(self.people, id);
            rows.push(vec![format!("{} ({id})", role.title), party.to_owned(), holders, proof.to_owned()]);
        }
        table(main, &["Role", "Party", "Held by", "Approves with"], &rows);
        for group in &self.plan.apart {
            main.leaf("p", &[], &format!("Held by different people: {}.", group.join(" and ")));
        }
    }

    fn stage(&self, main: &mut Html, number: usize, stage: &Stage, rows: &[Row]) {
        let title = format!("{number}. {}", stage.title);
        main.el("section", &[], |section| {
            section.leaf("h3", &[], &title);
            if let Some(items) = words::items(stage, SHOWN_ITEMS) {
                let each = if items.starts_with("of ") { "each " } else { "" };
                section.leaf("p", &[], &format!("Repeated for {each}{items}."));
                section.leaf("p", &[("class", "soft")], &format!("Order: {}.", words::order(stage)));
                self.more_items(section, stage);
            }
            if !stage.when.is_empty() {
                section.leaf("p", &[], &format!("Only if {}.", stage.when));
            }
            lanes::draw(section, &format!("stage-{number}"), &title, &self.lanes, rows);
        });
    }

    fn more_items(&self, section: &mut Html, stage: &Stage) {
        let Some(items) = stage.items.as_ref().filter(|items| items.len() > SHOWN_ITEMS) else { return };
        let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
        section.el("details", &[("class", "always")], |details| {
            details.leaf("summary", &[], &format!("All {} items", items.len()));
            details.leaf("p", &[("class", "mono")], &keys.join(", "));
        });
    }

    /// What a stage does, as rows; empty where it does not concern the person.
    fn rows(&self, number: usize, stage: &Stage) -> Vec<Row> {
        let wanted = |step: &&Step| self.person.is_none_or(|person| words::concerns(self.people, step, person));
        let steps: Vec<&Step> = stage.steps.iter().filter(wanted).collect();
        let mut rows = Vec::new();
        if let (Some(anchor), false) = (words::anchor(stage), steps.is_empty()) {
            rows.push(Row {
                marks: self.lane(SYSTEM).map(|lane| (lane, Mark::Anchor)).into_iter().collect(),
                text: format!("Anchor: {anchor}"),
                more: "Captured and proved before anything here begins; what a rollback comes back to.".to_owned(),
                ..Row::default()
            });
        }
        for (at, step) in steps.into_iter().enumerate() {
            self.step(&mut rows, &format!("{number}.{}", at + 1), step);
        }
        if !rows.is_empty() {
            self.held(&mut rows, stage);
        }
        rows
    }

    fn step(&self, rows: &mut Vec<Row>, number: &str, step: &Step) {
        let performers = self.holding(words::performer_roles(step).into_iter());
        for approval in &step.approvals {
            rows.push(Row {
                marks: marked(&self.holding([&approval.role].into_iter()), Mark::Approved),
                to: performers.clone(),
                text: format!("{number} agrees: {}", words::approval(self.people, approval)),
                ..Row::default()
            });
        }
        if let Some(confirm) = &step.confirm {
            let typed = if confirm.typed.is_empty() { String::new() } else { format!(", by typing {}", confirm.typed) };
            rows.push(Row {
                marks: marked(&performers, Mark::Confirmed),
                text: format!("{number} confirms{typed}"),
                more: confirm.text.clone(),
                ..Row::default()
            });
        }
        let when = if step.when.is_empty() { String::new() } else { format!(" Only if {}.", step.when) };
        let deed = if step.body.kind() == "wait" { Mark::Wait } else { Mark::Done };
        let waits = deed == Mark::Wait;
        rows.push(Row {
            marks: if waits {
                self.lane(SYSTEM).map(|lane| (lane, deed)).into_iter().collect()
            } else {
                marked(&performers, deed)
            },
            text: format!("{number} {}: {}", step.id, words::what(step)),
            more: format!("{}.{when}", step.title.trim_end_matches('.')),
            ..Row::default()
        });
        self.back(rows, number, step);
    }

    fn back(&self, rows: &mut Vec<Row>, number: &str, step: &Step) {
        if !step.mutates {
            return;
        }
        let lost = if step.lost.is_empty() { String::new() } else { format!("Not brought back: {}", step.lost) };
        let end = !step.back.point_of_no_return.is_empty();
        let marks = if step.back.undo.is_empty() {
            Vec::new()
        } else {
            marked(&self.holding(step.back.undo.iter().flat_map(words::performer_roles)), Mark::Undone)
        };
        let text = format!("{number} way back: {}", words::way_back(step));
        rows.push(Row { marks, text, more: lost, end_of_way_back: end, ..Row::default() });
    }

    fn holds(&self, main: &mut Html) {
        if self.plan.holds.is_empty() {
            return;
        }
        main.leaf("h2", &[], "Ways in that are held");
        main.leaf("p", &[], "While a way in is held, no step may take it away.");
        main.el("ul", &[], |ul| {
            self.plan.holds.iter().for_each(|hold| {
                ul.leaf("li", &[], &format!("{}.", words::hold(hold)));
            });
        });
    }

    /// The ways in that begin or end with this stage.
    fn held(&self, rows: &mut Vec<Row>, stage: &Stage) {
        for hold in &self.plan.holds {
            let text = match stage.id == hold.until {
                true => "Released",
                false if stage.id == hold.from => "Held from here on, and proved",
                false => continue,
            };
            rows.push(Row {
                marks: self.lane(SYSTEM).map(|lane| (lane, Mark::Hold)).into_iter().collect(),
                text: format!("{text}: {}", if hold.title.is_empty() { &hold.id } else { &hold.title }),
                more: words::hold_by(hold),
                ..Row::default()
            });
        }
    }

    fn ends(&self, main: &mut Html) {
        let wanted = |step: &Step| self.person.is_none_or(|person| words::concerns(self.people, step, person));
        let (points, lost) = words::ends(self.plan, wanted);
        main.leaf("h2", &[], "Where the way back ends");
        let list = |main: &mut Html, title: &str, all: &[String]| {
            main.leaf("p", &[("class", "tag")], title);
            main.el("ul", &[], |ul| {
                all.iter().for_each(|one| {
                    ul.leaf("li", &[], one);
                });
            });
        };
        if points.is_empty() {
            main.leaf("p", &[], "There is no point of no return: every step that changes something can be taken back.");
        } else {
            list(main, "Points of no return", &points);
        }
        if !lost.is_empty() {
            list(main, "What no undo brings back", &lost);
        }
    }

    fn lane(&self, id: &str) -> Option<usize> {
        lanes::lane_of(&self.lanes, id)
    }

    /// Lanes of everybody who holds one of these roles, each once.
    fn holding<'a>(&self, roles: impl Iterator<Item = &'a String>) -> Vec<usize> {
        let mut all = Vec::new();
        for role in roles {
            for person in self.people.holders(role) {
                all.extend(self.lane(&person.id).filter(|lane| !all.contains(lane)));
            }
        }
        all
    }
}

fn marked(lanes: &[usize], mark: Mark) -> Vec<(usize, Mark)> {
    lanes.iter().map(|lane| (*lane, mark)).collect()
}

/// A table with a heading for each column; the first cell of a row heads it.
pub fn table(html: &mut Html, heads: &[&str], rows: &[Vec<String>]) {
    html.el("div", &[("class", "wide")], |wide| {
        wide.el("table", &[], |table| {
            table.el("thead", &[], |head| {
                head.el("tr", &[], |tr| {
                    heads.iter().for_each(|one| {
                        tr.leaf("th", &[("scope", "col")], one);
                    });
                });
            });
            table.el("tbody", &[], |body| {
                for row in rows {
                    body.el("tr", &[], |tr| {
                        for (at, text) in row.iter().enumerate() {
                            cell(tr, at == 0, text);
                        }
                    });
                }
            });
        });
    });
}

/// Words longer than this may be broken at `:` and `/`.
const LONG_WORD: usize = 16;
/// Pieces longer than this may be broken anywhere.
const LONG_PIECE: usize = 28;

/// `InviteAccountToOrganization`, which may be broken between its words.
fn camel(cell: &mut Html, piece: &str) {
    if piece.chars().count() <= LONG_WORD {
        cell.text(piece);
        return;
    }
    let mut from = 0;
    let mut before = ' ';
    for (at, c) in piece.char_indices() {
        if c.is_uppercase() && before.is_lowercase() {
            cell.text(piece.get(from..at).unwrap_or_default()).void("wbr", &[]);
            from = at;
        }
        before = c;
    }
    cell.text(piece.get(from..).unwrap_or_default());
}

/// Says as little as it can: a table of thousands of rows must stay small.
fn cell(tr: &mut Html, heads: bool, text: &str) {
    let length = |text: &str| text.chars().count();
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let pieces = |word: &str| word.split([':', '/', ' ']).any(|piece| length(piece) > LONG_PIECE);
    let long = words.iter().any(|word| pieces(word));
    let attributes: &[(&'static str, &str)] = &[("scope", "row"), ("class", "long")];
    let attributes = match (heads, long) {
        (true, true) => attributes,
        (true, false) => &attributes[..1],
        (false, true) => &attributes[1..],
        (false, false) => &[],
    };
    tr.el(if heads { "th" } else { "td" }, attributes, |cell| {
        for word in words {
            if length(word) <= LONG_WORD {
                cell.text(word);
                continue;
            }
            for (at, piece) in word.split_inclusive([':', '/']).enumerate() {
                if at > 0 && piece != " " {
                    cell.void("wbr", &[]);
                }
                camel(cell, piece);
            }
        }
    });
}
