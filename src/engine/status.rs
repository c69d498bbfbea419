//! How a run stands, for people and machines: its state, its steps, and who is waited for. Pure.

use super::next::{self, Next, Prompt, PromptKind, Seat, Stop};
use super::state::{RequestState, Run, Status};
use super::{operation, request, rollback, scope};
use crate::approval::Decision;
use crate::base::{StepId, Time};
use crate::expression;
use crate::plan::model::Proof;
use crate::record::fact::{Mode, WaitFor, What};
use serde_json::{Value, json};

/// One thing that is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waited {
    pub what: WaitFor,
    /// As a command names it: `stage:item/step`, `stage:item`, `stage`, or empty.
    pub at: String,
    pub role: String,
    pub people: Vec<String>,
    pub since: Time,
    pub expires: Option<Time>,
    pub why: String,
}

/// `open`, `waiting`, `paused`, `in doubt`, `rolling back`, `done`, `rolled back`, `abandoned`.
pub fn state(run: &Run) -> &'static str {
    if let Some(result) = &run.closed {
        return closed_state(result);
    }
    if in_doubt(run).is_some() {
        "in doubt"
    } else if run.rollback.as_ref().is_some_and(|rollback| rollback.repairs().is_none()) {
        "rolling back"
    } else if run.paused.is_some() {
        "paused"
    } else if run.handed.is_some()
        || run.waiting.is_some()
        || run.requests.values().any(|request| request.is_live() && request.voices.is_empty())
    {
        "waiting"
    } else {
        "open"
    }
}

/// An operation that was begun, and of which it is not known how it ended. A task that people have begun is none.
fn in_doubt(run: &Run) -> Option<&StepId> {
    run.index.open.iter().find(|id| run.plan.step(id).is_some_and(|step| step.body.kind() != "manual"))
}

/// The state of a run that was closed with this result.
pub fn closed_state(result: &str) -> &'static str {
    match result {
        "done" => "done",
        "rolled_back" => "rolled back",
        _ => "abandoned",
    }
}

/// What a step's state is called.
pub fn step_state(status: &Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Open(_) => "begun",
        Status::InDoubt(_) => "in doubt",
        Status::NotDone { .. } => "not done",
        Status::Failed { .. } => "failed",
        Status::Done { .. } => "done",
        Status::Skipped => "skipped",
        Status::Undone => "undone",
        Status::SecretLost { .. } => "done, its secret lost",
    }
}

/// How a decision's verb names the request: the step, else the item, else the stage.
pub fn name(request: &RequestState) -> String {
    let covers = &request.asked.covers;
    if let Some(stage) = covers.strip_suffix(":*/*") {
        return stage.to_owned();
    }
    if let Some(place) = covers.strip_suffix("/*") {
        return place.to_owned();
    }
    match request.operations.first() {
        Some(first) if !first.step.is_forward() => first.step.to_string(),
        _ => covers.clone(),
    }
}

/// The live request that `text` names: a step that it covers, its item, its stage, or its number.
pub fn find_request<'a>(run: &'a Run, text: &str) -> Vec<&'a RequestState> {
    let number: Option<u64> = text.parse().ok();
    let step: Option<StepId> = text.parse().ok();
    // How an operation ended is decided before anything else is about it.
    let settles = |request: &&RequestState| {
        request.is_live() && request.asked.what == What::Settle && request.asked.covers == text
    };
    let settling: Vec<&RequestState> = run.requests.values().filter(settles).collect();
    if !settling.is_empty() {
        return settling;
    }
    run.requests
        .values()
        .filter(|request| request.is_live())
        .filter(|request| {
            Some(request.seq) == number
                || name(request) == text
                || request.asked.covers == text
                || step.as_ref().is_some_and(|step| request.operations.iter().any(|slot| &slot.step == step))
                || request.operations.iter().any(|slot| slot.step.place() == text || slot.step.stage == text)
        })
        .collect()
}

/// Everybody who is waited for.
pub fn waiting_for(run: &Run, now: Time) -> Vec<Waited> {
    let mut all = Vec::new();
    for request in run.requests.values().filter(|request| request.is_live()) {
        if request::all_waived(run, request, now) {
            continue;
        }
        let lacks = match request::decide(run, request, now) {
            Decision::Missing(lacks) => lacks,
            Decision::Expired { .. } => {
                all.push(expired(request));
                continue;
            }
            _ => continue,
        };
        for lack in lacks {
            all.push(Waited {
                what: WaitFor::Approval,
                at: name(request),
                role: lack.role,
                people: lack.people,
                since: request.at,
                expires: Some(request.asked.approve_by),
                why: request.asked.summary.clone(),
            });
        }
    }
    if let Some((_, since, waiting)) = &run.waiting
        && (waiting.what != WaitFor::Approval || all.is_empty())
    {
        all.push(Waited {
            what: waiting.what,
            at: waiting.at_step.clone(),
            role: waiting.role.clone(),
            people: waiting.people.clone(),
            since: *since,
            expires: waiting.until.or_else(|| granted_until(run, &waiting.at_step, now)),
            why: waiting.why.clone(),
        });
    }
    all
}

/// Nobody can decide on it any more: whoever performs it asks anew by resuming.
fn expired(request: &RequestState) -> Waited {
    Waited {
        what: WaitFor::Performer,
        at: name(request),
        role: String::new(),
        people: vec![request.asked.performer.clone()],
        since: request.asked.approve_by,
        expires: None,
        why: format!("the time of request #{} has run out; it is asked for anew", request.seq),
    }
}

/// Who goes on with an open run when nobody is waited for: by what would come next at an empty seat.
/// Not to be asked while a seat is taken, which goes on by itself.
pub fn next_turn(run: &Run, now: Time) -> Option<Waited> {
    let stop = match next::next(run, &Seat::default(), now) {
        _ if run.closed.is_some() => return None,
        Next::Stop(stop) if stop.what.is_some() => stop,
        Next::Prompt(prompt) => asked_for(&prompt),
        _ => match in_doubt(run) {
            Some(id) => {
                let why = format!("{id} is in doubt: resuming reads how it stands");
                Stop::waiting(WaitFor::Performer, id.to_string(), why)
            }
            None => Stop::waiting(WaitFor::Performer, "", "nothing else is missing"),
        },
    };
    let mut people = stop.people;
    if people.is_empty() {
        people = run.signed_on.iter().take(1).cloned().collect();
    }
    let expires = stop.until.or_else(|| granted_until(run, &stop.at, now));
    Some(Waited {
        what: stop.what.unwrap_or(WaitFor::Performer),
        at: stop.at,
        role: stop.role,
        people,
        since: run.last_at,
        expires,
        why: stop.why,
    })
}

/// Until when the approvals that this step has may be used: whoever is waited for must be there by then.
fn granted_until(run: &Run, at: &str, now: Time) -> Option<Time> {
    let id: StepId = at.parse().ok()?;
    let mine = run.requests.values().rev().find(|request| request.is_live() && request.slot(&id).is_some())?;
    match request::decide(run, mine, now) {
        Decision::Granted { run_by, .. } => Some(run_by),
        _ => None,
    }
}

/// A question to a performer, as a reason to wait.
pub fn asked_for(prompt: &Prompt) -> Stop {
    let what = match &prompt.kind {
        PromptKind::Confirm { .. } | PromptKind::Hold { .. } => WaitFor::Confirmation,
        PromptKind::GoOn => WaitFor::GoOn,
        PromptKind::Task { .. } => WaitFor::Task,
        PromptKind::Ask { .. } => WaitFor::Answer,
    };
    let mut stop = Stop::waiting(what, &prompt.at, wanted(prompt));
    stop.role = prompt.role.clone();
    stop.people = prompt.people.clone();
    stop
}

/// What is asked for, for people who answer from elsewhere: the text, then each `--set` and file.
fn wanted(prompt: &Prompt) -> String {
    let mut lines = vec![prompt.text.trim_end().to_owned()];
    match &prompt.kind {
        PromptKind::Ask { fields } => lines.extend(fields.iter().map(|field| {
            let may = if field.required { "" } else { ", may be left out" };
            let one_of = if field.choices.is_empty() { field.r#type.clone() } else { field.choices.join(" or ") };
            format!("--set {}=... ({one_of}{may}): {}", field.name, field.text)
        })),
        PromptKind::Task { says, evidence, .. } => {
            lines.extend(evidence.iter().map(|item| match item.r#type.as_str() {
                "file" => format!("attach a file: {}", item.name),
                of => format!("--set {}=... ({of})", item.name),
            }));
            lines.push(format!("you sign: {says}"));
        }
        PromptKind::Hold { words } => lines.push(format!("you sign: {words}")),
        PromptKind::Confirm { .. } | PromptKind::GoOn => {}
    }
    lines.join("\n")
}

/// The command that one of the people waited for runs next.
pub fn command(run: &Run, waited: &Waited) -> String {
    let person = waited.people.first().map(String::as_str).unwrap_or("PERSON");
    let (at, here) = (&waited.at, here(run));
    match waited.what {
        WaitFor::Approval => {
            format!("countersign approve {at} --as {person}{}{here}", simulated_code(run, &waited.role))
        }
        WaitFor::Confirmation => format!("countersign confirm {at} --as {person}{}{here}", typed(run, at)),
        WaitFor::Task | WaitFor::Answer => format!("countersign answer {at} --as {person}{here}"),
        WaitFor::Settle => format!("countersign settle done {at} --as {person}{here}   (or: settle not-done)"),
        WaitFor::GoOn => format!("countersign go-on {at} --as {person}{here}"),
        WaitFor::Performer if run.given_away().is_some() => {
            format!("countersign take-over FILE --as {person}")
        }
        WaitFor::Performer | WaitFor::Session | WaitFor::Time | WaitFor::Aws => resume(run, person),
    }
}

/// ` --simulated`, where a simulator is asked about the code that this role's approvals need.
pub fn simulated_code(run: &Run, role: &str) -> &'static str {
    let coded = role.split('|').filter_map(|role| run.plan.roles.get(role)).any(|role| role.proof == Proof::MfaCode);
    if coded && run.opened.mode == Mode::Simulated { " --simulated" } else { "" }
}

/// ` --run PREFIX --journal PATH`, as far as a command needs them to find this run.
pub fn here(run: &Run) -> String {
    let among = if run.whereabouts.among_others { format!(" --run {}", run.id.short()) } else { String::new() };
    format!("{among}{}", run.whereabouts.journal())
}

/// How `person` goes on with the run.
pub fn resume(run: &Run, person: &str) -> String {
    let simulated = if run.opened.mode == Mode::Simulated { " --simulated" } else { "" };
    format!("countersign resume {} --as {person}{simulated}{}", run.id.short(), run.whereabouts.journal())
}

/// ` --typed TEXT`, where the step's confirmation asks for it.
fn typed(run: &Run, at: &str) -> String {
    let text = || {
        let id: StepId = at.parse().ok()?;
        let (stage, step) = operation::locate(&run.plan, &id)?;
        let asked = &step.confirm.as_ref()?.typed;
        let template = Value::String(asked.clone());
        let scope = scope::of(run, stage, id.item.as_deref(), Some(&id), &scope::Names::of([&template]));
        let value = expression::fill(&template, &scope, run.last_at).ok()?;
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match text() {
        None => String::new(),
        Some(text) if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@/:".contains(&b)) => {
            format!(" --typed {text}")
        }
        Some(text) => format!(" --typed '{}'", text.replace('\'', "'\\''")),
    }
}

/// `status --format json`. `seated`: a process holds the seat and goes on by itself.
pub fn json(run: &Run, now: Time, seated: bool) -> Value {
    let mut waiting = waiting_for(run, now);
    if waiting.is_empty() && !seated {
        waiting.extend(next_turn(run, now));
    }
    let waiting: Vec<Value> = waiting.iter().map(|waited| waited_json(run, waited)).collect();
    let mut steps = Vec::new();
    for stage in &run.plan.stages {
        for (item, _) in super::scope::items(run, stage) {
            for step in &stage.steps {
                let state = run.step(&StepId::new(&stage.id, item.as_deref(), &step.id));
                steps.push(json!({
                    "stage": stage.id, "item": item, "step": step.id,
                    "state": step_state(&state.status), "attempt": state.attempt,
                    "point_of_no_return": Some(&step.back.point_of_no_return).filter(|why| !why.is_empty()),
                }));
            }
        }
    }
    let (witnesses, witnesses_missing) = super::end::json(run);
    json!({
        "witnesses": witnesses, "witnesses_missing": witnesses_missing,
        "run": run.id.as_str(), "state": state(run), "mode": run.opened.mode.name(), "runbook": run.plan.name,
        "head": {"seq": run.size() - 1, "leaf": run.leaf.hex()},
        "break_glass": run.glass.iter().map(|one| json!({
            "entry": one.seq, "at": one.at.millis(), "person": one.person, "party": one.party, "covers": one.covers,
            "attempt": one.attempt, "reason": one.reason,
        })).collect::<Vec<_>>(),
        "unreconciled": run.is_unreconciled(),
        "signed_on": run.signed_on, "seated": seated, "steps": steps, "waiting_for": waiting,
        "handed_over": run.given_away().map(|away| {
            json!({"to": away.to, "by": away.by, "at": away.at.millis(), "entry": away.seq})
        }),
        "repair": repair_under_way(run),
        "anchors_regained": run.regained.iter().map(|(place, differs)| {
            json!({"place": place, "differs": differs})
        }).collect::<Vec<_>>(),
        "holds": run.plan.holds.iter().map(|hold| {
            let state = run.holds.get(&hold.id);
            let proved = state.and_then(|state| state.proved).map(|(_, at)| at.millis());
            json!({"hold": hold.id, "live": state.is_some_and(|state| state.live), "proved": proved})
        }).collect::<Vec<_>>(),
    })
}

/// The step whose repair is under way.
fn repair_under_way(run: &Run) -> Option<String> {
    let step = run.rollback.as_ref()?.repairs()?;
    (!rollback::is_repaired(run, &step)).then(|| step.to_string())
}

/// One member of `waiting_for`.
pub fn waited_json(run: &Run, waited: &Waited) -> Value {
    let id: Option<StepId> = waited.at.parse().ok();
    let (stage, item, step) = match &id {
        Some(id) => (Some(id.stage.clone()), id.item.clone(), Some(id.step.clone())),
        None => match waited.at.split_once(':') {
            Some((stage, item)) => (Some(stage.to_owned()), Some(item.to_owned()), None),
            None => (Some(waited.at.clone()).filter(|at| !at.is_empty()), None, None),
        },
    };
    json!({
        "what": waited.what.name(), "stage": stage, "item": item, "step": step, "role": waited.role,
        "people": waited.people, "since": waited.since.millis(), "expires": waited.expires.map(|time| time.millis()),
        "why": waited.why, "command": command(run, waited),
    })
}
