//! Short words for the parts of a plan, shared by its text, its drawings and the report. Raw: escape before showing.

use super::model::{Approval, Body, Hold, Per, Plan, Stage, Step};
use crate::base::duration;
use crate::people::People;
use serde_json::Value;

/// AWS's name of the action, or the step's kind.
pub fn what(step: &Step) -> String {
    match &step.body {
        Body::Action | Body::Read => step.template.get("action").and_then(Value::as_str).unwrap_or("").to_owned(),
        other => other.kind().to_owned(),
    }
}

/// The roles that carry the step out: one, but for tasks that several sign.
pub fn performer_roles(step: &Step) -> Vec<&String> {
    match &step.body {
        Body::Manual(manual) if !manual.performers.is_empty() => manual.performers.iter().collect(),
        _ => vec![&step.performer],
    }
}

/// Names of a role's holders, or that there are none.
pub fn holders(people: &People, role: &str) -> String {
    let names: Vec<&str> = people.holders(role).map(|person| person.name.as_str()).collect();
    if names.is_empty() { "nobody yet".to_owned() } else { names.join(" or ") }
}

/// Who agrees, how far one decision reaches, and its clocks.
pub fn approval(people: &People, approval: &Approval) -> String {
    let count = if approval.count > 1 { format!("{} of ", approval.count) } else { String::new() };
    let parties =
        if approval.from_parties > 1 { format!(", from {} parties", approval.from_parties) } else { String::new() };
    format!(
        "{count}{} ({}){parties}{}; {}",
        holders(people, &approval.role),
        approval.role,
        reach(approval),
        clocks(approval)
    )
}

fn reach(approval: &Approval) -> &'static str {
    match approval.per {
        Per::Step => "",
        Per::Item => "; one decision for each item",
        Per::Stage => "; one decision for all items",
    }
}

fn clocks(approval: &Approval) -> String {
    format!("within {}, runs within {}", duration::show(approval.within), duration::show(approval.run_within))
}

/// The steps that make good what can't be taken back; none if the runbook has none.
pub fn repair(step: &Step) -> Option<String> {
    let steps: Vec<String> = step.repair.iter().map(|step| format!("{} ({})", step.id, what(step))).collect();
    (!steps.is_empty()).then(|| steps.join(", then "))
}

/// How a step that changes something is taken back, or that it can't be.
pub fn way_back(step: &Step) -> String {
    let back = &step.back;
    if !back.point_of_no_return.is_empty() {
        let repair = repair(step).map(|repair| format!("; repair: {repair}")).unwrap_or_default();
        return format!("NONE, a point of no return: {}{repair}", back.point_of_no_return);
    }
    if !back.no_undo.is_empty() {
        return format!("needs none: {}", back.no_undo);
    }
    let steps: Vec<String> = back.undo.iter().map(|step| format!("{} ({})", step.id, what(step))).collect();
    let usual = if back.usual { ", the usual one" } else { "" };
    format!("{}{usual}", steps.join(", then "))
}

/// In which order a stage's items go.
pub fn order(stage: &Stage) -> String {
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
    format!("{first}{at_once}; {stop}")
}

/// The anchor's title, and what it takes.
pub fn anchor(stage: &Stage) -> Option<String> {
    let anchor = stage.anchor.as_ref()?;
    let title = if anchor.title.is_empty() { "an anchor" } else { &anchor.title };
    Some(format!("{title} (captures {}, proves {})", anchor.capture.len(), anchor.prove.len()))
}

/// What a way in is: credentials, or people who get in by hand.
pub fn hold_by(hold: &Hold) -> String {
    if hold.session.is_empty() {
        format!("by hand, by {}", hold.by_hand.join(" and "))
    } else {
        format!("session {}", hold.session)
    }
}

/// How long a way in is held, and when it is proved.
pub fn hold(hold: &Hold) -> String {
    format!(
        "{} ({}): held from the end of stage {} to the end of {}; proved when it begins, and at most {} before each \
         point of no return",
        if hold.title.is_empty() { &hold.id } else { &hold.title },
        hold_by(hold),
        hold.from,
        hold.until,
        duration::show(hold.fresh_within)
    )
}

/// What the stage repeats over; none where it does not repeat.
pub fn items(stage: &Stage, shown: usize) -> Option<String> {
    let Some(items) = &stage.items else {
        let over = stage.for_each.as_str().map_or_else(|| stage.for_each.to_string(), str::to_owned);
        return (!stage.for_each.is_null()).then(|| format!("of {over} (known when the stage begins)"));
    };
    let keys: Vec<&str> = items.iter().take(shown).map(|item| item.key.as_str()).collect();
    let more = items.len().saturating_sub(shown);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(match items.len() {
        0 => "no items: nothing to do".to_owned(),
        1 => format!("1 item: {}", keys.join("")),
        count => format!("{count} items: {}{more}", keys.join(", ")),
    })
}

/// Points of no return, and what no undo brings back: `stage/step: words`.
pub fn ends(plan: &Plan, wanted: impl Fn(&Step) -> bool) -> (Vec<String>, Vec<String>) {
    let (mut points, mut lost) = (Vec::new(), Vec::new());
    for stage in &plan.stages {
        for step in stage.steps.iter().filter(|step| step.mutates && wanted(step)) {
            let id = format!("{}/{}", stage.id, step.id);
            if !step.back.point_of_no_return.is_empty() {
                points.push(format!("{id}: {}", step.back.point_of_no_return));
            }
            if !step.lost.is_empty() {
                lost.push(format!("{id}: {}", step.lost));
            }
        }
    }
    (points, lost)
}

/// Whether this person performs or approves the step, its undo or its repair.
pub fn concerns(people: &People, step: &Step, person: &str) -> bool {
    let Some(found) = people.get(person) else { return false };
    let holds = |role: &String| found.roles.contains(role);
    let manual = performer_roles(step).into_iter().any(holds);
    let own = holds(&step.performer) || manual || step.approvals.iter().any(|approval| holds(&approval.role));
    own || step.with_behind().skip(1).any(|undo| concerns(people, undo, person))
}
