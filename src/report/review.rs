//! Open requests as an approver reads them: what is the same is said once, what differs is a table by item, and
//! what stands out is shown apart, never cut away. Escapes everything foreign. Never decides anything.

use crate::base::{Digest, escape};
use crate::engine::end;
use crate::engine::state::{RequestState, Run};
use crate::plan::model::{Proof, Step};
use crate::plan::words;
use crate::record::fact::What;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Up to so many rows are all shown; of more, the first.
const ALL_ROWS: usize = 20;
const FIRST_ROWS: usize = 10;
/// Values that several items share, said with their counts.
const FEW: usize = 12;
const WIDTH: usize = 80;
/// Stands for the item's own key inside of a value.
const OWN: char = '\u{1}';

/// Eight characters to compare by phone: two screens that show the same code show the same request.
pub fn code(request: &RequestState) -> String {
    short(&format!("countersign request\n{}\n{}\n", request.leaf.hex(), request.asked.operations.hex()), 2)
}

/// Sixteen characters over all these requests, in their order.
pub fn code_of_all<'a>(requests: impl IntoIterator<Item = &'a RequestState>) -> String {
    let all: String = requests
        .into_iter()
        .map(|request| format!("{}\n{}\n", request.leaf.hex(), request.asked.operations.hex()))
        .collect();
    short(&format!("countersign requests\n{all}"), 4)
}

/// The beginning of the text's SHA-256 in groups of four letters and digits that can't be mistaken for each other.
fn short(text: &str, groups: usize) -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digest = Digest::of(text.as_bytes()).0;
    let letter = |at: usize| {
        let bit = at * 5;
        let two = u16::from(digest[bit / 8]) << 8 | u16::from(digest[bit / 8 + 1]);
        char::from(LETTERS[usize::from(two >> (11 - bit % 8)) & 31])
    };
    let group = |at: usize| (at * 4..at * 4 + 4).map(letter).collect::<String>();
    (0..groups).map(group).collect::<Vec<_>>().join("-")
}

/// The review of these requests. `all`: every row, however many there are.
pub fn text(run: &Run, requests: &[&RequestState], all: bool) -> String {
    let mode = run.opened.mode.name().to_uppercase();
    let mut page = Page { out: String::new(), all, several: requests.len() > 1 };
    let (title, version, id) = (escape::line(&run.plan.title), escape::line(&run.plan.version), run.id.short());
    page.line(0, &format!("{title} {version}  run {id}  [{mode}]"));
    page.line(
        0,
        &match requests {
            [one] => format!("request #{}, code {}", one.seq, code(one)),
            many => format!("{} requests, code {}", many.len(), code_of_all(many.iter().copied())),
        },
    );
    let (opened, starter) = (run.started.minutes(), escape::line(&run.starter));
    page.field(0, 6, "so far", &format!("opened by {starter} at {opened}; {}", end::so_far(run)));
    for (at, group) in groups(run, requests).iter().enumerate() {
        page.group(at + 1, group);
    }
    for waived in requests.iter().flat_map(|request| &request.glass) {
        let tail = &waived.statement.tail;
        let words = format!("by {} ({}): {}", tail.person, tail.party, tail.reason);
        page.field(0, 0, "", &format!("BREAK-GLASS {}", escape::line(&words)));
    }
    let asked = requests.iter().flat_map(|request| request.demands.iter().flatten());
    let coded: BTreeSet<&str> = asked
        .flat_map(crate::approval::roles_of)
        .filter(|role| run.plan.roles.get(*role).is_some_and(|role| role.proof == Proof::MfaCode))
        .collect();
    for role in coded {
        page.line(0, &format!("{role}: approves with a code of their MFA device (corroborated by AWS, never proved)"));
    }
    let approve = span(requests.iter().map(|request| request.asked.approve_by));
    let run_by = span(requests.iter().map(|request| request.asked.run_by));
    page.line(0, &format!("approve by {approve}, run by {run_by}"));
    page.out
}

/// What an operation is, member by member, for machines.
pub fn json(run: &Run, request: &RequestState) -> Value {
    let asked = &request.asked;
    let operations: Vec<Value> = request
        .operations
        .iter()
        .map(|slot| {
            let back = run.plan.step(&slot.step).map(way_back).unwrap_or_default();
            json!({"step": slot.step, "attempt": slot.attempt, "operation": slot.operation, "way_back": back})
        })
        .collect();
    json!({
        "request": request.seq, "covers": asked.covers, "summary": asked.summary, "performer": asked.performer,
        "approve_by": asked.approve_by.millis(), "run_by": asked.run_by.millis(), "attempt": asked.attempt,
        "again": asked.again, "operations": asked.operations.hex(), "code": code(request), "list": operations,
        "break_glass": request.glass.iter().map(|one| one.statement.tail.person.clone()).collect::<Vec<_>>(),
    })
}

/// Whether a part of the request can't be taken back, and the runbook's words for it.
pub fn no_return(run: &Run, request: &RequestState) -> Option<String> {
    let of_settling = (request.asked.what == What::Settle).then(|| request.asked.covers.parse().ok()).flatten();
    let steps = request.operations.iter().map(|slot| slot.step.clone()).chain(of_settling);
    let mut words = steps.filter_map(|id| run.plan.step(&id).map(|step| step.back.point_of_no_return.clone()));
    words.find(|words| !words.is_empty())
}

fn span(times: impl Iterator<Item = crate::base::Time>) -> String {
    let all: BTreeSet<crate::base::Time> = times.collect();
    match (all.first(), all.last()) {
        (Some(first), Some(last)) if first.minutes() != last.minutes() => {
            format!("{} (the first) to {}", first.minutes(), last.minutes())
        }
        (Some(first), _) => first.minutes(),
        _ => String::new(),
    }
}

/// How a step is taken back, in words.
pub fn way_back(step: &Step) -> String {
    let back = &step.back;
    let lost = if step.lost.is_empty() { String::new() } else { format!("; lost: {}", step.lost) };
    if !back.point_of_no_return.is_empty() {
        let repair = words::repair(step).map(|repair| format!("; repair: {repair}")).unwrap_or_default();
        return format!("NONE, a point of no return: {}{repair}", back.point_of_no_return);
    }
    if !back.no_undo.is_empty() {
        return format!("none needed: {}", back.no_undo);
    }
    if back.undo.is_empty() {
        return "none".to_owned();
    }
    let action = |undo: &Step| undo.template.get("action").and_then(Value::as_str).map(str::to_owned);
    let steps: Vec<String> = back.undo.iter().map(|undo| action(undo).unwrap_or_else(|| undo.title.clone())).collect();
    format!("{}{lost}", steps.join(", then "))
}

/// One operation of one request.
#[derive(Clone, Debug)]
struct Line {
    item: String,
    request: u64,
    code: String,
    /// Every member by its path, raw.
    members: BTreeMap<String, String>,
}

/// The operations of one step, for however many items.
struct Group {
    /// `stage/step`, with `/undo/ID` or `/repair/ID` behind it.
    name: String,
    title: String,
    back: String,
    lines: Vec<Line>,
}

fn groups(run: &Run, requests: &[&RequestState]) -> Vec<Group> {
    let mut order: Vec<String> = Vec::new();
    let mut all: BTreeMap<String, Group> = BTreeMap::new();
    let mut put = |name: String, title: String, back: String, line: Line| {
        if !all.contains_key(&name) {
            order.push(name.clone());
        }
        all.entry(name)
            .or_insert_with(|| Group { name: String::new(), title, back, lines: Vec::new() })
            .lines
            .push(line);
    };
    for request in requests {
        let code = code(request);
        let again: Vec<String> = request.asked.again.iter().map(|seq| format!("#{seq}")).collect();
        let line = |item: &str, mut members: BTreeMap<String, String>, attempt: u32| {
            members.insert("performer".to_owned(), request.asked.performer.clone());
            if attempt > 1 {
                members.insert("attempt".to_owned(), attempt.to_string());
            }
            if !again.is_empty() {
                members.insert("asked before".to_owned(), again.join(", "));
            }
            Line { item: item.to_owned(), request: request.seq, code: code.clone(), members }
        };
        for slot in &request.operations {
            let id = &slot.step;
            let name = format!("{}/{}", id.stage, id.local());
            let step = run.plan.step(id);
            let title = step.map(|step| step.title.clone()).unwrap_or_default();
            let mut members = BTreeMap::new();
            flat("", &slot.operation, &mut members);
            let back = step.map(way_back).unwrap_or_default();
            put(name, title, back, line(id.item.as_deref().unwrap_or_default(), members, slot.attempt));
        }
        if request.operations.is_empty() {
            let covers = request.asked.covers.clone();
            let members = BTreeMap::from([("summary".to_owned(), request.asked.summary.clone())]);
            put(format!("settle {covers}"), "to settle a doubt".into(), String::new(), line("", members, 1));
        }
    }
    let named = |name: String| {
        let mut group = all.remove(&name)?;
        group.name = name;
        Some(group)
    };
    order.into_iter().filter_map(named).collect()
}

/// Every member by its path. AWS's own parameters lose the `with.` before them.
fn flat(path: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    let below = |name: &str| match path {
        "" | "with" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| flat(&below(name), value, all));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(at, value)| flat(&format!("{path}[{at}]"), value, all));
        }
        Value::String(text) => {
            all.insert(path.to_owned(), text.clone());
        }
        Value::Object(_) if path == "with" => {}
        other => {
            all.insert(path.to_owned(), other.to_string());
        }
    }
}

/// A value as it is compared between items.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Compared {
    text: String,
    /// The item's own key was put out of it.
    own: bool,
}

impl Compared {
    fn of(value: &str, item: &str) -> Compared {
        let has = if item.len() < 4 { value == item && !item.is_empty() } else { value.contains(item) };
        if has && !value.contains(OWN) {
            return Compared { text: value.replace(item, &OWN.to_string()), own: true };
        }
        Compared { text: value.to_owned(), own: false }
    }

    fn shown(&self) -> String {
        if !self.own {
            return escape::line(&self.text);
        }
        let parts: Vec<String> = self.text.split(OWN).map(escape::line).collect();
        format!("{} (each item its own)", parts.join("<item>"))
    }
}

/// A member that is not as in the others: its name, what is there, what they have.
type Deviation = (String, Option<Compared>, Option<Compared>);

/// Lines that are not like the others.
type Apart = BTreeMap<usize, Vec<Deviation>>;

/// What is the same in all operations of a group, and what is not.
struct Facts {
    /// The value, and how many lines have another one.
    same: Vec<(String, Compared, usize)>,
    columns: Vec<String>,
    apart: Apart,
}

impl Facts {
    fn of(lines: &[Line]) -> Facts {
        let names: BTreeSet<&String> = lines.iter().flat_map(|line| line.members.keys()).collect();
        let mut facts = Facts { same: Vec::new(), columns: Vec::new(), apart: Apart::new() };
        for name in names {
            facts.member(name, lines);
        }
        facts.same.sort_by_key(|(name, _, _)| rank(name));
        facts.columns.sort_by_key(|name| rank(name));
        facts
    }

    fn member(&mut self, name: &str, lines: &[Line]) {
        let alone = lines.len() == 1;
        let values: Vec<Option<Compared>> = lines
            .iter()
            .map(|line| line.members.get(name).map(|value| Compared::of(value, if alone { "" } else { &line.item })))
            .collect();
        let mut counts: BTreeMap<&Option<Compared>, usize> = BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(value).or_default() += 1);
        let most = counts.iter().max_by_key(|(_, count)| **count).map(|(value, count)| ((*value).clone(), *count));
        let Some((usual, count)) = most else { return };
        if count == lines.len() || (lines.len() > 2 && count * 2 > lines.len()) {
            for (at, found) in values.iter().enumerate().filter(|(_, value)| **value != usual) {
                self.apart.entry(at).or_default().push((name.to_owned(), found.clone(), usual.clone()));
            }
            self.same.extend(usual.map(|value| (name.to_owned(), value, lines.len() - count)));
            return;
        }
        self.columns.push(name.to_owned());
        let present = values.iter().flatten().count();
        if lines.len() > 2 && present * 2 > lines.len() {
            let some = Compared { text: "a value of its own".to_owned(), own: false };
            for (at, _) in values.iter().enumerate().filter(|(_, value)| value.is_none()) {
                self.apart.entry(at).or_default().push((name.to_owned(), None, Some(some.clone())));
            }
        }
    }
}

/// What is done, where, and by whom comes first.
fn rank(name: &str) -> (usize, String) {
    const FIRST: [&str; 6] = ["action", "account", "region", "session", "argv", "performer"];
    let at = FIRST.iter().position(|first| name == *first || name.starts_with(&format!("{first}[")));
    (at.unwrap_or(FIRST.len()), name.to_owned())
}

struct Page {
    out: String,
    all: bool,
    /// More than one request is shown, so each operation says which is its own.
    several: bool,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A name and its value, broken at spaces to the page's width.
    fn field(&mut self, indent: usize, width: usize, name: &str, value: &str) {
        let head = if width == 0 { String::new() } else { format!("{name:width$}  ") };
        let below = head.chars().count();
        let mut line = head;
        let mut empty = true;
        for word in value.split(' ') {
            if !empty && indent + line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(indent, line.trim_end());
                line = " ".repeat(below);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(indent, line.trim_end());
    }

    fn group(&mut self, number: usize, group: &Group) {
        let lines = &group.lines;
        let facts = Facts::of(lines);
        let alone = match lines.as_slice() {
            [one] if one.item.is_empty() => String::new(),
            [one] => format!(", for {}", escape::line(&one.item)),
            many => format!(", for {} items", many.len()),
        };
        self.line(0, &format!("{number}. {}{alone}", escape::line(&group.name)));
        if !group.title.is_empty() {
            self.field(2, 0, "", &escape::line(&group.title));
        }
        self.apart(lines, &facts);
        let width = facts.same.iter().map(|(name, _, _)| name.chars().count()).max().unwrap_or(0).clamp(8, 24);
        for (name, value, others) in &facts.same {
            let but = if *others == 0 { String::new() } else { format!("  (all but {others})") };
            self.field(4, width, &escape::line(name), &format!("{}{but}", value.shown()));
        }
        if !group.back.is_empty() {
            self.field(4, width, "way back", &escape::line(&group.back));
        }
        if lines.len() > 1 {
            self.shared(lines, &facts);
            self.table(lines, &facts);
        } else if let ([one], true) = (lines.as_slice(), self.several) {
            self.line(4, &format!("{:width$}  #{}, code {}", "request", one.request, one.code));
        }
    }

    /// Lines that are not like the others: all of them, whatever their number.
    fn apart(&mut self, lines: &[Line], facts: &Facts) {
        if facts.apart.is_empty() {
            return;
        }
        let mut alike: BTreeMap<&Vec<Deviation>, Vec<usize>> = BTreeMap::new();
        facts.apart.iter().for_each(|(at, what)| alike.entry(what).or_default().push(*at));
        let (count, total) = (facts.apart.len(), lines.len());
        let verb = if count == 1 { "is" } else { "are" };
        self.line(2, &format!("STANDS OUT: {count} of {total} {verb} not like the others:"));
        for (what, who) in alike {
            let names: Vec<String> =
                who.iter().map(|at| format!("{} (#{})", escape::line(&lines[*at].item), lines[*at].request)).collect();
            self.field(4, 0, "", &names.join(", "));
            for (name, found, usual) in what {
                let say = |value: &Option<Compared>| value.as_ref().map_or("none".to_owned(), Compared::shown);
                self.line(6, &format!("{}: {}", escape::line(name), say(found)));
                self.line(6, &format!("    where the others have: {}", say(usual)));
            }
        }
    }

    /// Values of a column that several items share.
    fn shared(&mut self, lines: &[Line], facts: &Facts) {
        for name in &facts.columns {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for line in lines {
                *counts.entry(line.members.get(name).map_or("none", String::as_str)).or_default() += 1;
            }
            let mut several: Vec<(&str, usize)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
            several.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
            if several.is_empty() || lines.len() <= ALL_ROWS {
                continue;
            }
            let said: Vec<String> = several
                .iter()
                .take(FEW)
                .map(|(value, count)| format!("{} ({count} items)", escape::line(value)))
                .collect();
            let more = several.len().saturating_sub(FEW);
            let more = if more > 0 { format!(", and {more} more values that several share") } else { String::new() };
            self.line(4, &format!("{}: {}{more}", escape::line(name), said.join(", ")));
        }
    }

    /// A row per item; those that stand out first, and never cut.
    fn table(&mut self, lines: &[Line], facts: &Facts) {
        let requests = lines.iter().map(|line| line.request).collect::<BTreeSet<_>>().len() > 1;
        if let (false, true, Some(one)) = (requests, self.several, lines.first()) {
            self.line(4, &format!("all of them: request #{}, code {}", one.request, one.code));
        }
        let cells = |line: &Line| -> Vec<String> {
            facts.columns.iter().map(|name| line.members.get(name).map_or("-".into(), |v| escape::line(v))).collect()
        };
        let (first, rest): (Vec<usize>, Vec<usize>) = (0..lines.len()).partition(|at| facts.apart.contains_key(at));
        let shown = if self.all || rest.len() <= ALL_ROWS { rest.len() } else { FIRST_ROWS };
        let more = rest.len() - shown;
        let marked = first.iter().map(|at| (*at, "! ")).chain(rest.iter().take(shown).map(|at| (*at, "")));
        let marked: Vec<(&Line, String)> =
            marked.map(|(at, mark)| (&lines[at], format!("{mark}{}", escape::line(&lines[at].item)))).collect();
        if !requests && facts.columns.is_empty() {
            let names: Vec<&str> = marked.iter().map(|(_, item)| item.as_str()).collect();
            self.field(4, 5, "items", &names.join(", "));
            return self.more(more);
        }
        let mut rows = vec![row("item", "request", "code", requests, &facts.columns)];
        for (line, item) in marked {
            rows.push(row(&item, &format!("#{}", line.request), &line.code, requests, &cells(line)));
        }
        self.rows(&rows);
        self.more(more);
    }

    fn more(&mut self, more: usize) {
        if more > 0 {
            self.line(4, &format!("... and {more} more like these; every one: --verbose, or --format json"));
        }
    }

    fn rows(&mut self, rows: &[Vec<String>]) {
        let columns = rows.first().map_or(0, Vec::len);
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        if 4 + widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1) <= WIDTH {
            for row in rows {
                let cells: Vec<String> =
                    row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
                self.line(4, cells.join("  ").trim_end());
            }
            return;
        }
        // Too wide for a line: the item, and below it what is its own.
        let Some((head, rows)) = rows.split_first() else { return };
        for row in rows {
            self.line(4, &row[0]);
            head.iter().zip(row).skip(1).for_each(|(name, cell)| self.line(8, &format!("{name}: {cell}")));
        }
    }
}

fn row(item: &str, request: &str, code: &str, requests: bool, columns: &[String]) -> Vec<String> {
    let mut cells = vec![item.to_owned()];
    if requests {
        cells.extend([request.to_owned(), code.to_owned()]);
    }
    cells.extend(columns.iter().map(|name| escape::line(name)));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many users, each made in the same way.
    fn users(count: usize) -> Vec<Line> {
        let line = |at: usize| {
            let operation = json!({"action": "iam:CreateUser", "account": "111111111111",
                "with": {"UserName": format!("user-{at:03}"), "Path": "/", "Serial": format!("s{}", at * 7)}});
            let mut members = BTreeMap::new();
            flat("", &operation, &mut members);
            Line { item: format!("user-{at:03}"), request: 10 + at as u64, code: format!("CODE-{at:04}"), members }
        };
        (0..count).map(line).collect()
    }

    fn page(lines: Vec<Line>, all: bool) -> String {
        let mut page = Page { out: String::new(), all, several: true };
        page.group(
            1,
            &Group { name: "make/user".into(), title: "Makes a user".into(), back: "iam:DeleteUser".into(), lines },
        );
        page.out
    }

    #[test]
    fn what_is_the_same_is_said_once_and_rows_are_cut_with_a_count() {
        let text = page(users(300), false);
        assert!(text.lines().count() < 30, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.matches("iam:CreateUser").count(), 1, "{text}");
        assert!(text.contains("UserName  <item> (each item its own)"), "{text}");
        assert!(text.contains("and 290 more"), "{text}");
        assert!(!text.contains("STANDS OUT"), "{text}");
        let text = page(users(300), true);
        assert!((0..300).all(|at| text.contains(&format!("user-{at:03}  #{}", 10 + at))), "{text}");
    }

    /// Whatever it is that one of 300 has otherwise, it is in front of the reader's eyes.
    #[test]
    fn one_that_differs_stands_out() {
        let change = |at: usize, name: &str, value: Option<&str>| {
            let mut lines = users(300);
            match value {
                Some(value) => lines[at].members.insert(name.to_owned(), value.to_owned()),
                None => lines[at].members.remove(name),
            };
            page(lines, false)
        };
        for (name, value) in [
            ("Path", Some("/admin/")),
            ("account", Some("999999999999")),
            ("action", Some("iam:DeleteUser")),
            // A member that the others do not have, and one that it lacks.
            ("PermissionsBoundary", Some("arn:aws:iam::aws:policy/AdministratorAccess")),
            ("Path", None),
            ("Serial", None),
            // The name of another item.
            ("UserName", Some("user-004")),
        ] {
            let text = change(217, name, value);
            assert!(text.contains("STANDS OUT: 1 of 300"), "{name}: {text}");
            let found = value.unwrap_or("none");
            assert!(text.contains("user-217 (#227)") && text.contains(&format!("{name}: {found}")), "{name}: {text}");
            assert!(text.contains("! user-217"), "{text}");
        }
    }

    #[test]
    fn values_that_many_share_are_counted() {
        let mut lines = users(300);
        for (at, line) in lines.iter_mut().enumerate() {
            let unit = if at % 2 == 0 { "ou-one" } else { "ou-two" };
            line.members.insert("Serial".to_owned(), unit.to_owned());
        }
        let text = page(lines, false);
        assert!(text.contains("Serial: ou-one (150 items), ou-two (150 items)"), "{text}");
    }

    #[test]
    fn foreign_text_is_escaped_and_can_not_play_the_item() {
        let mut lines = users(3);
        lines.iter_mut().for_each(|line| {
            line.members.insert("Note".into(), "a\u{1b}[2J\u{1}\u{202e}".into());
        });
        let text = page(lines, false);
        assert!(text.chars().all(|c| c == '\n' || escape::is_harmless(c)), "{text:?}");
        assert!(!text.lines().any(|line| line.contains("Note") && line.contains("<item>")), "{text}");
    }

    #[test]
    fn codes_are_short_and_differ() {
        let (one, other) = (short("one", 2), short("other", 2));
        assert_eq!((one.len(), short("one", 4).len()), (9, 19));
        assert_ne!(one, other);
        assert!(short("one", 4).starts_with(&one));
    }
}
