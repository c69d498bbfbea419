//! Holds: when a way in must be proved, when it is released, and what may not be done while it is live (P6).
//! Pure: the proofs are read by `run`, the entries decide.

use super::next::{Draft, Next, Prompt, PromptKind, Seat, Stop, StopKind, needs_session};
use super::rollback;
use super::scope::{self, Names};
use super::session;
use super::state::Run;
use crate::base::{StepId, Time, duration};
use crate::catalogue::action::Hazard;
use crate::catalogue::{self, Action};
use crate::expression;
use crate::plan::model::{Body, Hold, Stage, Step};
use crate::record::fact;
use crate::record::statement::{HOLD, SaidFields, Tail, got_in};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A way in that is held, or was.
#[derive(Clone, Debug, Default)]
pub struct HoldState {
    pub live: bool,
    pub released: bool,
    /// Seq and time of the last proof.
    pub proved: Option<(u64, Time)>,
    /// By role: when somebody last signed to have got in, and who.
    pub words: BTreeMap<String, (Time, String)>,
}

impl Run {
    pub(super) fn held(&mut self, hold: &str) -> Result<&mut HoldState, String> {
        if self.plan.hold(hold).is_none() {
            return Err(format!("the plan has no hold `{hold}`"));
        }
        Ok(self.holds.entry(hold.to_owned()).or_default())
    }

    /// A note of somebody who got in by hand.
    pub(super) fn got_in(&mut self, fields: &SaidFields, tail: &Tail, at: Time) -> Result<(), String> {
        let Some(hold) = fields.covers.strip_prefix(HOLD) else { return Ok(()) };
        if tail.reason == got_in(hold) {
            self.held(hold)?.words.insert(tail.role.clone(), (at, tail.person.clone()));
        }
        Ok(())
    }
}

/// How statements and `status` name a hold.
pub fn place(hold: &str) -> String {
    format!("{HOLD}{hold}")
}

/// Everything before the stage `at` is over (`at` may be one past the last): what its holds need first.
pub fn before_stage(run: &Run, seat: &Seat, at: usize, now: Time) -> Option<Next> {
    run.plan.holds.iter().find_map(|hold| {
        let span = run.plan.span(hold)?;
        match is_live(run, &hold.id) {
            true if span.until < at => Some(Next::Append(vec![ended(hold)])),
            false if span.covers(at) => Some(begin(run, seat, hold, at, now)),
            _ => None,
        }
    })
}

/// Before the run closes, whatever is still live is released.
pub fn releases(run: &Run) -> Vec<Draft> {
    run.plan.holds.iter().filter(|hold| is_live(run, &hold.id)).map(ended).collect()
}

/// While a rollback runs: before anything of the stage `from` or before it is taken back, the hold is released,
/// if nothing after `from` stands any more.
pub fn before_undo(run: &Run, stage: &Stage) -> Option<Next> {
    let place = |id: &str| run.plan.stages.iter().position(|one| one.id == id);
    let here = place(&stage.id)?;
    let over = |hold: &&Hold| {
        let Some(span) = run.plan.span(hold).filter(|span| span.from.is_some_and(|from| here <= from)) else {
            return false;
        };
        let inside = |id: &StepId| place(&id.stage).is_some_and(|at| span.covers(at));
        is_live(run, &hold.id) && !rollback::standing(run).any(inside)
    };
    let hold = run.plan.holds.iter().find(over)?;
    Some(Next::Append(vec![ended(hold)]))
}

/// The last gate before an operation: it must not take away what a live hold needs; and at a point of no return
/// every live hold is proved again.
pub fn gate(
    run: &Run,
    seat: &Seat,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    operation: &Value,
    now: Time,
) -> Option<Next> {
    for hold in run.plan.holds.iter().filter(|hold| is_live(run, &hold.id)) {
        if let Some(why) = takes_away(run, hold, stage, step, id, operation, now) {
            let why = format!(
                "`{}` {why}, which the hold `{}` needs until the stage `{}` is over: nothing may take it away before",
                step.title, hold.title, hold.until
            );
            return Some(Next::Stop(Stop::of(StopKind::Refused, id.to_string(), why)));
        }
    }
    if step.back.point_of_no_return.is_empty() || !id.is_forward() {
        return None;
    }
    let at = run.plan.stages.iter().position(|one| one.id == stage.id)?;
    run.plan.holds.iter().filter(|hold| is_live(run, &hold.id)).find_map(|hold| again(run, seat, hold, at, now))
}

/// Somebody at this seat, who does not perform the step, can say that a way in is open that is held by hand.
pub fn word_from_here(run: &Run, step: &Step, id: &StepId, now: Time) -> Option<Next> {
    if step.back.point_of_no_return.is_empty() || !id.is_forward() {
        return None;
    }
    let mut live = run.plan.holds.iter().filter(|hold| !hold.by_hand.is_empty() && is_live(run, &hold.id));
    let stale = |hold: &Hold| {
        let proved = run.holds.get(&hold.id).and_then(|state| state.proved);
        proved.is_none_or(|(_, then)| now.since(then) > hold.fresh_within)
    };
    live.find_map(|hold| stale(hold).then(|| missing_word(run, hold, now))?.filter(|prompt| prompt.at_seat.is_some()))
        .map(Next::Prompt)
}

/// What a hold's proof is read for: its session and expressions are resolved as in this stage.
pub fn reading_at(run: &Run, at: usize) -> Option<StepId> {
    let stage = run.plan.stages.get(at.min(run.plan.stages.len().saturating_sub(1)))?;
    Some(StepId::new(&stage.id, None, "hold"))
}

pub fn is_live(run: &Run, hold: &str) -> bool {
    run.holds.get(hold).is_some_and(|state| state.live)
}

fn ended(hold: &Hold) -> Draft {
    Draft::new(fact::HoldEnded { hold: hold.id.clone() })
}

fn begin(run: &Run, seat: &Seat, hold: &Hold, at: usize, now: Time) -> Next {
    if hold.by_hand.is_empty() {
        return prove(run, seat, hold, at, now).unwrap_or_else(|| Next::Hold {
            hold: hold.id.clone(),
            stage: at,
            begin: true,
        });
    }
    match missing_word(run, hold, now) {
        Some(prompt) => Next::Prompt(prompt),
        None => Next::Append(vec![
            Draft::new(fact::HoldBegan { hold: hold.id.clone() }),
            Draft::new(fact::HoldProved { hold: hold.id.clone(), object: None }),
        ]),
    }
}

/// Proved again, unless its last proof is fresh: by a session, by this seat where it has the credentials.
fn again(run: &Run, seat: &Seat, hold: &Hold, at: usize, now: Time) -> Option<Next> {
    let proved = run.holds.get(&hold.id).and_then(|state| state.proved);
    let fresh = proved.is_some_and(|(_, then)| now.since(then) <= hold.fresh_within);
    if !hold.by_hand.is_empty() {
        if fresh {
            return None;
        }
        return Some(match missing_word(run, hold, now) {
            Some(prompt) => Next::Prompt(prompt),
            None => Next::Append(vec![Draft::new(fact::HoldProved { hold: hold.id.clone(), object: None })]),
        });
    }
    let here = seat.held.get(&hold.id).copied();
    if fresh && (here == proved.map(|(seq, _)| seq) || closed(run, seat, hold, at, now).is_some()) {
        return None;
    }
    Some(prove(run, seat, hold, at, now).unwrap_or_else(|| Next::Hold {
        hold: hold.id.clone(),
        stage: at,
        begin: false,
    }))
}

/// The stop of a seat that has no credentials for the hold's session.
fn prove(run: &Run, seat: &Seat, hold: &Hold, at: usize, now: Time) -> Option<Next> {
    let why = closed(run, seat, hold, at, now)?;
    let id = reading_at(run, at)?;
    let mut stop = needs_session(run, &hold.session, &id, &why);
    stop.at = place(&hold.id);
    Some(Next::Stop(stop))
}

fn closed(run: &Run, seat: &Seat, hold: &Hold, at: usize, now: Time) -> Option<String> {
    let wanted = session::wanted(run, &hold.session, &reading_at(run, at)?, now).ok()?;
    seat.closed.get(&session::key(&wanted)).cloned()
}

/// The next role that has not signed, lately, that its holder got in; different people.
fn missing_word(run: &Run, hold: &Hold, now: Time) -> Option<Prompt> {
    let none = HoldState::default();
    let state = run.holds.get(&hold.id).unwrap_or(&none);
    let mut spoke: BTreeSet<&str> = BTreeSet::new();
    for role in &hold.by_hand {
        let word = state.words.get(role).filter(|(at, _)| now.since(*at) <= hold.fresh_within);
        if word.is_some_and(|(_, person)| spoke.insert(person)) {
            continue;
        }
        let others = |person: &&crate::people::Person| !spoke.contains(person.id.as_str());
        let people: Vec<String> = run.people.holders(role).filter(others).map(|person| person.id.clone()).collect();
        let text = format!("{}\n{}\nDid you get in?", hold.title, hold.instructions);
        return Some(Prompt {
            kind: PromptKind::Hold { words: got_in(&hold.id) },
            at: place(&hold.id),
            attempt: 1,
            role: role.clone(),
            at_seat: run.signed_on.iter().find(|person| people.contains(person)).cloned(),
            people,
            text,
        });
    }
    None
}

/// Whose way in a hold is, as far as it is known.
struct Principal {
    account: String,
    /// `user/NAME` or `role/NAME`; empty: not known.
    name: String,
    /// It depends on the organization.
    through_organization: bool,
}

fn principals(run: &Run, hold: &Hold, at: &StepId, now: Time) -> Vec<Principal> {
    let mut all = Vec::new();
    let mut wanted = session::wanted(run, &hold.session, at, now).ok();
    while let Some(session) = wanted {
        let known = run.sessions.get(&session.id);
        let member = |name: &str| known.and_then(|known| known[name].as_str()).unwrap_or_default();
        let planned = run.plan.sessions.get(&session.id);
        let name = match (member("account") == session.account, session.assume_role.as_str()) {
            (true, _) => principal_name(member("arn")),
            (false, "") => String::new(),
            (false, role) => format!("role/{}", role.rsplit('/').next().unwrap_or(role)),
        };
        all.push(Principal {
            account: session.account.clone(),
            name,
            through_organization: member("kind") == "identity_center"
                || planned.is_some_and(|planned| !planned.assume_root.is_empty()),
        });
        wanted = session.through.map(|through| *through);
    }
    all
}

/// `user/NAME` or `role/NAME` of an ARN as STS gives it; empty for root and others.
fn principal_name(arn: &str) -> String {
    let rest = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let mut parts = rest.split('/');
    match (parts.next(), rest) {
        (Some("user"), _) => format!("user/{}", rest.rsplit('/').next().unwrap_or_default()),
        (Some("assumed-role"), _) => format!("role/{}", parts.next().unwrap_or_default()),
        (Some("role"), _) => format!("role/{}", rest.rsplit('/').next().unwrap_or_default()),
        _ => String::new(),
    }
}

/// In words, what of the hold the operation would take away; none if nothing.
fn takes_away(
    run: &Run,
    hold: &Hold,
    stage: &Stage,
    step: &Step,
    id: &StepId,
    operation: &Value,
    now: Time,
) -> Option<String> {
    let mine = principals(run, hold, id, now);
    if let Body::Command(command) = &step.body {
        let names = Names::of(&command.touches);
        let scope = scope::of(run, stage, id.item.as_deref(), Some(id), &names);
        let touched = command.touches.iter().filter_map(|text| expression::fill(text, &scope, now).ok());
        return touched.filter_map(|value| value.as_str().map(str::to_owned)).find_map(|touched| {
            mine.iter().find(|one| touches(one, &touched)).map(|_| format!("says that it touches {touched}"))
        });
    }
    let action = catalogue::find(operation.get("action").and_then(Value::as_str)?)?;
    let text = |name: &str| operation.pointer(&format!("/with/{name}")).and_then(Value::as_str);
    let account = operation.get("account").and_then(Value::as_str).unwrap_or_default();
    mine.iter().find_map(|one| removes(run, action, one, account, step, &text))
}

fn removes<'a>(
    run: &Run,
    action: &Action,
    one: &Principal,
    account: &str,
    step: &Step,
    text: &dyn Fn(&str) -> Option<&'a str>,
) -> Option<String> {
    let has = |hazard: Hazard| action.hazards.contains(&hazard);
    let names_account = text("AccountId").is_some_and(|id| id == one.account);
    if has(Hazard::ClosesAccount) && (names_account || (text("AccountId").is_none() && account == one.account)) {
        return Some(format!("closes the account {}", one.account));
    }
    if has(Hazard::EndsIdentityCenterSession) && one.through_organization {
        return Some("may end sessions that come through the organization".to_owned());
    }
    if !has(Hazard::RemovesAccess) || account != one.account {
        return None;
    }
    let own = || run.sessions.get(&step.session).map(|known| principal_name(known["arn"].as_str().unwrap_or_default()));
    let target = match (text("UserName"), text("RoleName"), text("GroupName")) {
        (Some(user), _, _) => format!("user/{user}"),
        (_, Some(role), _) => format!("role/{role}"),
        // Who is in the group is not known here.
        (_, _, Some(_)) => String::new(),
        // AWS takes the caller where no user is named.
        _ => own().unwrap_or_default(),
    };
    let same = target.is_empty() || one.name.is_empty() || target == one.name;
    let whose = if target.is_empty() || one.name.is_empty() {
        "that may be its own".to_owned()
    } else {
        format!("of {target}")
    };
    same.then(|| format!("removes access {whose} in the account {}", one.account))
}

/// An ARN or an account id that a command says it touches.
fn touches(one: &Principal, touched: &str) -> bool {
    let account = touched.split(':').nth(4).unwrap_or(touched);
    let name = touched.splitn(6, ':').nth(5).map(|_| principal_name(touched)).unwrap_or_default();
    account == one.account && (name.is_empty() || one.name.is_empty() || name == one.name)
}

/// One line for `status` and the plan.
pub fn words(run: &Run, hold: &Hold, now: Time) -> String {
    let none = HoldState::default();
    let state = run.holds.get(&hold.id).unwrap_or(&none);
    match (state.live, state.proved, state.released) {
        (true, Some((_, at)), _) => format!("live, proved {} ago", duration::show(now.since(at).max(0))),
        (true, None, _) => "live".to_owned(),
        (false, _, true) => "released".to_owned(),
        (false, _, false) => format!("begins when the stage `{}` is over", hold.from),
    }
}
