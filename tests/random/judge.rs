//! What a play came to, judged from the bundle's own lines, the simulator's log and the tree of the runbook: by
//! counting, with nothing of the engine or the plan. `verify` judges the journal besides.

use super::book::{Approval, Book, holds_role, party};
use super::play::{Effect, End, id};
use countersign::aws::connector::WireRequest;
use countersign::base::StepId;
use countersign::engine::port::Store;
use countersign::journal::{MemoryStore, export};
use countersign::rehearse::prove::facts::Facts;
use countersign::verify;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The parameters of a request, as the wire has them.
pub fn parameters(request: &WireRequest) -> Value {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    if request.header("x-amz-target").is_some() {
        return serde_json::from_str(&body).unwrap_or(Value::Null);
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), Value::String(decoded(value)))
    };
    Value::Object(body.split('&').map(pair).collect::<Map<_, _>>())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&String::from_utf8_lossy(&hex), 16).unwrap_or(b'?'));
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every parameter of the operation is in the request.
pub fn fits(with: &Value, sent: &Value) -> bool {
    let Some(with) = with.as_object() else { return true };
    with.iter().all(|(name, value)| sent.get(name) == Some(value))
}

struct Entry {
    seq: u64,
    kind: String,
    by: String,
    data: Value,
}

fn entries(journal: &MemoryStore) -> Vec<Entry> {
    let lines = journal.read_from(&id(), 0).unwrap();
    let entry = |line: &String| {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        Entry { seq: value["seq"].as_u64().unwrap(), kind: text("kind"), by: text("by"), data: value["data"].clone() }
    };
    lines.iter().map(entry).collect()
}

/// The seq of the step's last intent.
pub fn last_begun(journal: &MemoryStore, step: &StepId) -> u64 {
    let all = entries(journal);
    let mine = |entry: &&Entry| entry.kind == "intended" && entry.data["step"] == step.to_string();
    all.iter().rev().find(mine).map_or(0, |entry| entry.seq)
}

/// One `intended`, how it ended, and what AWS saw of it.
struct Begun {
    seq: u64,
    by: String,
    step: String,
    undo: bool,
    attempt: u64,
    first: Option<u64>,
    request: Option<u64>,
    consumes: Vec<u64>,
    operation: Value,
    /// `(seq, result, error code, found)`, the last one.
    ended: Option<(u64, String, String, String)>,
    effects: usize,
}

fn begun(journal: &MemoryStore, all: &[Entry]) -> Vec<Begun> {
    let bundle = export::bundle(journal, &id()).unwrap().unwrap();
    let mut found = Vec::new();
    for entry in all.iter().filter(|entry| entry.kind == "intended") {
        let digest = entry.data["operation"].as_str().unwrap();
        let object =
            bundle.objects.iter().find(|(known, _)| known.to_string().ends_with(digest.trim_start_matches("sha256:")));
        let operation = object.map_or(Value::Null, |(_, bytes)| serde_json::from_slice(bytes).unwrap());
        let ended =
            all.iter().rev().find(|one| one.kind == "outcome" && one.data["intended"] == entry.seq).map(|one| {
                let text = |name: &str| one.data[name].as_str().unwrap_or_default().to_owned();
                let code = one.data.pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned();
                (one.seq, text("result"), code, text("found"))
            });
        let number = |name: &str| entry.data[name].as_u64();
        found.push(Begun {
            seq: entry.seq,
            by: entry.by.clone(),
            step: entry.data["step"].as_str().unwrap().to_owned(),
            undo: entry.data["direction"] == "undo",
            attempt: number("attempt").unwrap_or(0),
            first: number("first"),
            request: number("request"),
            consumes: entry.data["consumes"].as_array().unwrap().iter().filter_map(Value::as_u64).collect(),
            operation,
            ended,
            effects: 0,
        });
    }
    found
}

/// All that is wrong with how it ended.
pub fn wrong(book: &Book, end: &End) -> Vec<String> {
    let mut wrong = verified(end);
    let all = entries(&end.journal);
    let mut begun = begun(&end.journal, &all);
    for effect in &end.effects {
        match of(&mut begun, effect) {
            Some(begun) => begun.effects += 1,
            None => wrong.push(format!("AWS was changed without an open intent: {effect:?}")),
        }
    }
    let closed = end.run.closed.as_deref();
    for one in &begun {
        wrong.extend(told(one, closed.is_some()));
        wrong.extend(agreed(book, &all, &begun, one));
    }
    wrong.extend(twice(&begun));
    wrong.extend(commands(end, &begun));
    wrong.extend(match (closed, &end.stopped) {
        (Some("done"), _) => complete(book, &all),
        (Some("rolled_back"), _) => restored(book, end, &begun),
        (Some(other), _) => vec![format!("it closed as {other}")],
        (None, Some(stop)) => stuck(book, end, stop, &begun),
        (None, None) => vec!["it neither closed nor stopped".to_owned()],
    });
    wrong
}

fn verified(end: &End) -> Vec<String> {
    let bundle = export::bundle(&end.journal, &id()).unwrap().unwrap();
    let report = verify::check(&bundle, &[], &[]);
    let found = report.problems.iter().map(|one| format!("verify: entry {:?}: {} {}", one.seq, one.code, one.message));
    found.chain(report.missing_objects.iter().map(|one| format!("verify: missing object {one}"))).collect()
}

/// The operation that an effect belongs to: begun before it, not over by then.
fn of<'a>(begun: &'a mut [Begun], effect: &Effect) -> Option<&'a mut Begun> {
    begun.iter_mut().rev().find(|one| {
        one.seq < effect.size
            && one.operation["action"] == effect.action.as_str()
            && one.operation["account"] == effect.account.as_str()
            && fits(&one.operation["with"], &effect.with)
            && one.ended.as_ref().is_none_or(|(seq, ..)| *seq >= effect.size)
    })
}

/// AWS is what the journal says it is.
fn told(one: &Begun, closed: bool) -> Option<String> {
    let action = one.operation["action"].as_str()?;
    let name = format!("{} (entry {}, {action})", one.step, one.seq);
    match one.ended.as_ref().map(|(_, result, code, found)| (result.as_str(), code.as_str(), found.as_str())) {
        None | Some(("in_doubt", ..)) if closed => Some(format!("{name} is open, and the run is closed")),
        None | Some(("in_doubt", ..)) => None,
        // A step back that finds nothing to take back is done.
        Some(("done", code, _)) if one.effects == 0 && one.undo && !code.is_empty() => None,
        Some(("done" | "secret_lost", code, found)) if one.effects != 1 => {
            Some(format!("{name} is done by {found} (`{code}`), and AWS was changed {} times", one.effects))
        }
        Some(("not_done" | "failed", code, found)) if one.effects > 0 => {
            Some(format!("{name} has not happened by {found} (`{code}`), but AWS was changed {} times", one.effects))
        }
        _ => None,
    }
}

/// Every effect has the approvals that the runbook wants: distinct people, of the roles, none who performs.
fn agreed(book: &Book, all: &[Entry], begun: &[Begun], one: &Begun) -> Vec<String> {
    let name = format!("{} (entry {})", one.step, one.seq);
    let id: StepId = one.step.parse().unwrap();
    let Some((wanted, performer)) = book.approvals(&id.stage, &id.step) else {
        return vec![format!("{name} is no step of the runbook")];
    };
    let mut wrong = Vec::new();
    if !holds_role(&one.by, performer) {
        wrong.push(format!("{name}: {} is no {performer}", one.by));
    }
    let paid = match one.first {
        Some(first) => match begun.iter().find(|other| other.seq == first) {
            Some(first) if first.step == one.step && first.attempt == one.attempt => first,
            _ => return vec![format!("{name}: its first try is not in the journal")],
        },
        None => one,
    };
    let mut people = BTreeSet::new();
    for seq in &paid.consumes {
        let Some(entry) = all.get(*seq as usize).filter(|entry| entry.kind == "approval" && *seq < paid.seq) else {
            wrong.push(format!("{name}: entry {seq} is no approval before it"));
            continue;
        };
        let line = |name: &str| {
            let text = entry.data["statement"].as_str().unwrap_or_default();
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
        };
        if line("decision") != "approve" || Some(line("request")) != paid.request.map(|one| one.to_string()) {
            wrong.push(format!("{name}: entry {seq} approves something else"));
        }
        if line("person") == one.by || line("person") == paid.by {
            wrong.push(format!("{name}: {} performs and approves", one.by));
        }
        people.insert(line("person"));
        let spent = begun.iter().filter(|other| other.consumes.contains(seq) && other.step == one.step).count();
        if spent > 1 {
            wrong.push(format!("{name}: approval {seq} is spent {spent} times"));
        }
    }
    if !filled(wanted, &people) {
        wrong.push(format!("{name}: {people:?} are not {wanted:?}"));
    }
    wrong
}

/// One person fills one place.
fn filled(wanted: &[Approval], people: &BTreeSet<String>) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    let able: Vec<&String> = people.iter().filter(|person| holds_role(person, first.role)).collect();
    (0..1u32 << able.len()).filter(|set| set.count_ones() as usize == first.count).any(|set| {
        let chosen: BTreeSet<&String> = (0..able.len()).filter(|at| set >> at & 1 == 1).map(|at| able[at]).collect();
        let parties: BTreeSet<&str> = chosen.iter().map(|person| party(person)).collect();
        let left = people.iter().filter(|person| !chosen.contains(person)).cloned().collect();
        parties.len() >= first.parties && filled(rest, &left)
    })
}

/// No effect again before it was taken back.
fn twice(begun: &[Begun]) -> Vec<String> {
    let mut stands: BTreeMap<&str, i64> = BTreeMap::new();
    let mut wrong = Vec::new();
    // A step back that found nothing to take back is done too.
    let done = |one: &&Begun| matches!(&one.ended, Some((_, result, ..)) if result == "done");
    for one in begun.iter().filter(|one| one.effects > 0 || (one.undo && done(one))) {
        let step = one.step.split("/undo/").next().unwrap();
        let stands = stands.entry(step).or_default();
        if one.undo {
            *stands = 0;
        } else {
            *stands += 1;
            if *stands > 1 {
                wrong.push(format!("{step} took effect again at entry {}, and was not taken back", one.seq));
            }
        }
    }
    wrong
}

/// A command that changes something is run once for each intent at most.
fn commands(end: &End, begun: &[Begun]) -> Vec<String> {
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &end.commands {
        *ran.entry(one).or_default() += 1;
    }
    let mut wrong = Vec::new();
    for (step, count) in ran {
        let mine: Vec<&Begun> = begun.iter().filter(|one| one.step == step).collect();
        let none =
            mine.iter().filter(|one| matches!(&one.ended, Some((_, result, ..)) if result == "not_done")).count();
        if !mine.is_empty() && count + none > mine.len() {
            wrong.push(format!("the command of {step} was run {count} times, for {} intents", mine.len()));
        }
    }
    wrong
}

/// Every step of the runbook has happened.
fn complete(book: &Book, all: &[Entry]) -> Vec<String> {
    let done: BTreeSet<&str> = all
        .iter()
        .filter(|entry| entry.kind == "outcome" && entry.data["result"] == "done")
        .filter_map(|entry| entry.data["step"].as_str())
        .chain(all.iter().filter(|entry| entry.kind == "waited").filter_map(|entry| entry.data["step"].as_str()))
        .collect();
    let mut wrong = Vec::new();
    for stage in &book.stages {
        let keys = stage.items.as_ref().map(|items| items.iter().map(|(id, _)| Some(id.clone())).collect());
        for key in keys.unwrap_or_else(|| vec![None]) {
            for step in &stage.steps {
                let id = StepId::new(&stage.id, key.as_deref(), &step.id).to_string();
                if !done.contains(id.as_str()) {
                    wrong.push(format!("the run is done, and {id} is not"));
                }
            }
        }
    }
    wrong
}

/// Rolled back, AWS is as it was, but for what the runbook says to be lost.
fn restored(book: &Book, end: &End, begun: &[Begun]) -> Vec<String> {
    let gone = |one: &&Begun| {
        let id: StepId = one.step.parse().unwrap();
        let step = book.stage(&id.stage).and_then(|stage| stage.steps.iter().find(|step| step.id == id.step));
        step.is_some_and(|step| step.point_of_no_return)
            && matches!(&one.ended, Some((_, result, ..)) if result == "done")
    };
    let mut wrong: Vec<String> =
        begun.iter().filter(gone).map(|one| format!("it is rolled back from behind {}", one.step)).collect();
    let leaves = begun.iter().any(|one| one.step.contains("/accept"));
    let (was, is) = (Facts::of(end.start.state()), Facts::of(end.simulator.state()));
    for place in was.unlike(&is).places() {
        let lost = leaves && (place.contains(" tags") || place.contains(" targets") || place.contains("joined"));
        if !lost {
            wrong.push(format!("rolled back, {place} is {}, and was {}", is.at(place), was.at(place)));
        }
    }
    wrong
}

/// It stopped for good: in words, and because no way leads on or back.
fn stuck(book: &Book, end: &End, stop: &countersign::engine::next::Stop, begun: &[Begun]) -> Vec<String> {
    let mut wrong = Vec::new();
    if stop.why.trim().is_empty() {
        wrong.push(format!("it stops at {} without a word: {stop:?}", stop.at));
    }
    let declared = begun.iter().any(|one| {
        let id: StepId = one.step.parse().unwrap();
        let step = book.stage(&id.stage).and_then(|stage| stage.steps.iter().find(|step| step.id == id.step));
        step.is_some_and(|step| step.point_of_no_return)
    });
    if !declared || end.no_way.is_none() {
        wrong.push(format!(
            "it stops for good at {} ({:?} {:?}): {}; no way: {:?}",
            stop.at, stop.kind, stop.what, stop.why, end.no_way
        ));
    }
    wrong
}
