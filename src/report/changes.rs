//! What a change of a running run changes, in words: step by step, member by member, old and new; and person by
//! person. Pure; everything foreign is escaped by whoever shows it.

use crate::approval::change::{How, Touched};
use crate::base::duration;
use crate::engine::differ;
use crate::people::{People, Person};
use crate::plan::model::{Plan, Stage, Step};
use crate::plan::words;
use crate::sshsig::PublicKey;
use serde_json::{Map, Value, json};

/// Members of the plan that are milliseconds, shown as durations.
const DURATIONS: [&str; 8] =
    ["within", "run_within", "settles_within", "fresh_within", "time_limit", "together", "every", "for"];

/// One thing that changes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `stage/step`, a person, or empty for the runbook as a whole.
    pub place: String,
    /// `new`, `taken out`, `changed` or `moved`.
    pub what: &'static str,
    pub details: Vec<String>,
}

/// What an amendment changes, steps first.
pub fn of_plans(old: &Plan, new: &Plan, touched: &Touched) -> Vec<Difference> {
    let mut all: Vec<Difference> = touched
        .steps
        .iter()
        .map(|(stage, step, how)| {
            let find =
                |plan: &Plan| plan.stage(stage).and_then(|one| one.steps.iter().find(|s| s.id == *step)).cloned();
            let (before, now) = (find(old), find(new));
            let (what, details) = match (how, before, now) {
                (How::Changed, Some(before), Some(now)) => ("changed", members(&before, &now)),
                (How::Moved, ..) => {
                    ("moved", vec!["it stands in another order among the steps of its stage".to_owned()])
                }
                (How::New, _, Some(now)) => ("new", told(&now)),
                (_, before, _) => ("taken out", before.as_ref().map(told).unwrap_or_default()),
            };
            Difference { place: format!("{stage}/{step}"), what, details }
        })
        .collect();
    if touched.elsewhere {
        let details = differ::differs(&json!({"runbook": bare(old)}), &map("runbook", bare(new)));
        all.push(Difference { place: String::new(), what: "changed", details });
    }
    all
}

/// What a change of people changes.
pub fn of_people(old: &People, new: &People) -> Vec<Difference> {
    let mut all = Vec::new();
    for person in old.people.values() {
        let (what, details) = match new.get(&person.id) {
            None => ("taken out", vec![who(person)]),
            Some(now) => ("changed", differ::differs(&json!({"it": shown(person)}), &map("it", shown(now)))),
        };
        if !details.is_empty() {
            let details = details.iter().map(|one| one.strip_prefix("it.").unwrap_or(one).to_owned()).collect();
            all.push(Difference { place: person.id.clone(), what, details });
        }
    }
    let fresh = new.people.values().filter(|person| old.get(&person.id).is_none());
    all.extend(fresh.map(|person| Difference { place: person.id.clone(), what: "new", details: vec![who(person)] }));
    if old.break_glass != new.break_glass {
        let list = |people: &People| people.break_glass.join(", ");
        let details = vec![format!("break_glass: {} -> {}", list(old), list(new))];
        all.push(Difference { place: String::new(), what: "changed", details });
    }
    all
}

/// The differences as lines.
pub fn lines(all: &[Difference]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in all {
        let place = if one.place.is_empty() { "beside the steps" } else { &one.place };
        lines.push(format!("  {place}: {}", one.what));
        lines.extend(one.details.iter().map(|detail| format!("    {detail}")));
    }
    lines
}

pub fn as_json(all: &[Difference]) -> Value {
    let one = |one: &Difference| json!({"place": one.place, "what": one.what, "details": one.details});
    Value::Array(all.iter().map(one).collect())
}

fn members(before: &Step, now: &Step) -> Vec<String> {
    let value = |step: &Step| {
        let mut value = readable(serde_json::to_value(step).unwrap_or_default());
        if let Value::Object(members) = &mut value {
            members.remove("template_digest");
        }
        value
    };
    let found = differ::differs(&json!({"it": value(before)}), &map("it", value(now)));
    found.iter().map(|one| one.strip_prefix("it.").unwrap_or(one).to_owned()).collect()
}

/// A step that is new or gone: what it does, who does it, who agrees.
fn told(step: &Step) -> Vec<String> {
    let agree: Vec<String> = step
        .approvals
        .iter()
        .map(|one| {
            let count = if one.count > 1 { format!("{} of ", one.count) } else { String::new() };
            format!("{count}{}", one.role)
        })
        .collect();
    let agree =
        if agree.is_empty() { "nobody has to agree".to_owned() } else { format!("agree: {}", agree.join(", ")) };
    let mut lines = vec![
        format!("{}: {}", words::what(step), step.title),
        format!(
            "by {}; {agree}",
            words::performer_roles(step).iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
        ),
    ];
    if let Some(with) = step.template.get("with").filter(|with| !with.is_null()) {
        lines.push(format!("with {with}"));
    }
    if step.mutates {
        lines.push(format!("way back: {}", words::way_back(&step.back)));
    }
    lines
}

fn bare(plan: &Plan) -> Value {
    let stages: Map<String, Value> = plan
        .stages
        .iter()
        .map(|stage| {
            let bare = Stage { steps: Vec::new(), ..stage.clone() };
            (stage.id.clone(), readable(serde_json::to_value(bare).unwrap_or_default()))
        })
        .collect();
    let mut value = readable(serde_json::to_value(Plan { stages: Vec::new(), ..plan.clone() }).unwrap_or_default());
    if let Value::Object(members) = &mut value {
        for name in ["runbook", "people", "version"] {
            members.remove(name);
        }
        members.insert("stages".to_owned(), Value::Object(stages));
        let order = plan.stages.iter().map(|stage| Value::String(stage.id.clone())).collect();
        members.insert("order".to_owned(), Value::Array(order));
    }
    value
}

fn who(person: &Person) -> String {
    let keys: Vec<String> = person.keys.iter().map(PublicKey::fingerprint).collect();
    format!("{} ({}), {}; keys {}", person.name, person.party, person.roles.join(", "), keys.join(", "))
}

fn shown(person: &Person) -> Value {
    json!({
        "name": person.name, "party": person.party, "roles": person.roles,
        "keys": person.keys.iter().map(PublicKey::fingerprint).collect::<Vec<_>>(),
        "mfa": person.mfa.as_ref().map(|mfa| json!({"serial": mfa.serial, "role": mfa.role})),
    })
}

fn map(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

/// Milliseconds as durations, wherever they stand.
fn readable(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let one = |(name, value): (String, Value)| match value.as_i64() {
                Some(ms) if DURATIONS.contains(&name.as_str()) => (name, Value::String(duration::show(ms))),
                _ => (name, readable(value)),
            };
            Value::Object(members.into_iter().map(one).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(readable).collect()),
        other => other,
    }
}
