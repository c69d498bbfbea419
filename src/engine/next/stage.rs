//! What comes next in a stage: it is entered, its anchors are set, what can be asked for is asked for, and then its
//! items go, at most `at_once` of them, the canary first, and none anew once `stop_after` of them stand badly.

use super::seen::{unseen_sides, verify_next};
use super::{Doubts, Draft, Moves, Next, Prompt, PromptKind, Seat, Stop, StopKind};
use super::{denied_now, item_is_over, over_requests, performer_here, signed_on_holder, step_next};
use crate::base::{StepId, Time};
use crate::engine::index::Place;
use crate::engine::operation;
use crate::engine::scope::{self, Names};
use crate::engine::state::{Run, StageState, Status};
use crate::engine::{request, rollback};
use crate::expression;
use crate::plan::model::{Item, Stage, Step};
use crate::record::fact::{self, WaitFor};
use serde_json::Value;
use std::collections::BTreeSet;

/// See the file; and the stage's id, when everything has been asked for that can be.
pub(super) fn moves<'a>(
    run: &'a Run,
    seat: &Seat,
    stage: &'a Stage,
    doubts: Doubts,
    now: Time,
) -> (Moves, Option<&'a str>) {
    let Some(state) = run.stages.get(&stage.id).filter(|state| state.entered) else {
        let early = over_requests(run, now).unwrap_or_else(|| enter(run, stage, now));
        return (Moves::one(early), None);
    };
    let bad = bad_items(run, seat, stage, &doubts);
    if bad.len() >= stage.stop_after.max(1) as usize {
        return (Moves::Each(finishing(run, seat, stage, state, doubts, &bad, now)), None);
    }
    if let Some(ends) = over_requests(run, now) {
        return (Moves::one(ends), None);
    }
    if let Some(each) = anchors(run, seat, stage, state, now) {
        return (Moves::Each(doubts.each.into_iter().chain(each).collect()), None);
    }
    let drafts = ask_ahead(run, seat, stage, state, now);
    if !drafts.is_empty() {
        return (Moves::one(Next::Append(drafts)), None);
    }
    (items(run, seat, stage, state, doubts, &bad, now), Some(&stage.id))
}

/// Items that failed, were refused at this seat, or are in doubt.
fn bad_items(run: &Run, seat: &Seat, stage: &Stage, doubts: &Doubts) -> BTreeSet<Place> {
    let mut bad: BTreeSet<Place> = doubts.places.clone();
    let failed = run.index.failed.iter().filter(|id| id.stage == stage.id && id.is_forward());
    let now = failed.filter(|id| matches!(run.step(id).status, Status::Failed { epoch, .. } if epoch >= run.epoch));
    bad.extend(now.map(|id| (id.stage.clone(), id.item.clone())));
    let parked = seat.parked.iter().filter(|(_, stop)| stop.kind != StopKind::Waiting);
    bad.extend(parked.map(|(place, _)| place.clone()));
    bad
}

/// Nothing new is begun: what is under way ends, what AWS says is done is seen, what is in doubt is settled.
fn finishing(
    run: &Run,
    seat: &Seat,
    stage: &Stage,
    state: &StageState,
    doubts: Doubts,
    bad: &BTreeSet<Place>,
    now: Time,
) -> Vec<(Place, Next)> {
    let mut each = doubts.each;
    for place in bad.iter().filter(|place| !doubts.places.contains(*place) && !seat.busy.contains(*place)) {
        each.extend(stopped(run, seat, stage, place, now));
    }
    for place in begun(state, stage).filter(|place| !bad.contains(place) && !seat.busy.contains(place)) {
        let done = |step: &&Step| run.step(&StepId::new(&stage.id, place.1.as_deref(), &step.id)).is_done();
        for step in stage.steps.iter().take_while(done) {
            let id = StepId::new(&stage.id, place.1.as_deref(), &step.id);
            if let Some(next) = step_next(run, seat, stage, step, &id, now) {
                each.push((place.clone(), next));
                break;
            }
        }
    }
    each
}

/// Why an item stands badly.
fn stopped(run: &Run, seat: &Seat, stage: &Stage, place: &Place, now: Time) -> Option<(Place, Next)> {
    if let Some(stop) = seat.parked.get(place) {
        return Some((place.clone(), Next::Stop(stop.clone())));
    }
    let next = item_next(run, seat, stage, place.1.as_deref(), now)?;
    matches!(next, Next::Stop(_)).then(|| (place.clone(), next))
}

/// The places of items that are not over, in the order of the list, as far as any of them can have begun.
fn begun<'a>(state: &'a StageState, stage: &'a Stage) -> impl Iterator<Item = Place> {
    // Items begin in order, so no more than these many can stand between begun and over; those that stand badly
    // are fewer than `stop_after`.
    let most = stage.at_once.max(1) as usize + stage.stop_after.max(1) as usize;
    places(state, &state.standing.left, stage).take(most)
}

fn places<'a>(
    state: &'a StageState,
    which: &'a BTreeSet<usize>,
    stage: &'a Stage,
) -> impl Iterator<Item = Place> + use<'a> {
    which.iter().filter_map(|at| state.items.get(*at)).map(|(key, _)| (stage.id.clone(), key.clone()))
}

/// Entering a stage fixes its items; its performer must be here.
fn enter(run: &Run, stage: &Stage, now: Time) -> Next {
    let mut names = Names::of([&stage.for_each]);
    [&stage.when, &stage.key].into_iter().for_each(|text| names.text(text));
    let scope = scope::of(run, stage, None, None, &names);
    if !stage.when.is_empty() {
        match expression::condition(&stage.when, &scope, now) {
            Ok(true) => {}
            Ok(false) => {
                let skipped =
                    fact::Skipped { stage: stage.id.clone(), item: None, step: None, why: stage.when.clone() };
                return Next::Append(vec![Draft::new(skipped)]);
            }
            Err(error) => return Next::Stop(Stop::of(StopKind::Failed, &stage.id, error.to_string())),
        }
    }
    let role = &stage.performer;
    if !role.is_empty() && signed_on_holder(run, role).is_none() {
        let why = format!("the stage `{}` begins with its performer", stage.title);
        return Next::Stop(Stop::waiting(WaitFor::Performer, &stage.id, why).for_role(run, role));
    }
    match items_of(run, stage, &scope, now) {
        Err(why) => Next::Stop(Stop::of(StopKind::Failed, &stage.id, why)),
        Ok(None) => {
            let entered = fact::StageEntered { stage: stage.id.clone(), items: None, count: 1 };
            Next::Append(vec![Draft::new(entered)])
        }
        Ok(Some(items)) => {
            let count = items.len() as u32;
            let value = serde_json::to_value(&items).unwrap_or(Value::Null);
            match operation::single(&value) {
                Err(error) => Next::Stop(Stop::of(StopKind::Failed, &stage.id, error.to_string())),
                Ok(object) => {
                    let entered = fact::StageEntered { stage: stage.id.clone(), items: Some(object.0), count };
                    Next::Append(vec![Draft::new(entered).with(object)])
                }
            }
        }
    }
}

fn items_of(run: &Run, stage: &Stage, scope: &Value, now: Time) -> Result<Option<Vec<Item>>, String> {
    if stage.for_each.is_null() {
        return Ok(None);
    }
    if let Some(items) = &stage.items {
        return Ok(Some(items.clone()));
    }
    let list = expression::fill(&stage.for_each, scope, now).map_err(|error| error.to_string())?;
    let Value::Array(list) = list else {
        return Err(format!("`for_each` of the stage `{}` gave no list", stage.id));
    };
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for value in list {
        let mut here = scope.clone();
        here["item"] = value.clone();
        let key = expression::fill(&Value::String(stage.key.clone()), &here, now).map_err(|error| error.to_string())?;
        let key = key.as_str().map(str::to_owned).unwrap_or_else(|| key.to_string());
        if !crate::base::id::is_key(&key) || !seen.insert(key.clone()) {
            return Err(format!("`{key}` is no item key, or stands twice, in the stage `{}`", run.plan.name));
        }
        items.push(Item { key, value });
    }
    Ok(Some(items))
}

/// Anchors of every item come before a request that covers them.
fn anchors(run: &Run, seat: &Seat, stage: &Stage, state: &StageState, now: Time) -> Option<Vec<(Place, Next)>> {
    stage.anchor.as_ref()?;
    let asks = stage.steps.iter().any(|step| step.mutates && !step.approvals.is_empty());
    if !asks || state.standing.bare.is_empty() {
        return None;
    }
    let mut each = Vec::new();
    for place in places(state, &state.standing.bare, stage).take(stage.at_once.max(1) as usize) {
        if seat.busy.contains(&place) {
            continue;
        }
        let next = match seat.parked.get(&place) {
            Some(stop) => Some(Next::Stop(stop.clone())),
            None => anchor_first(run, seat, stage, place.1.as_deref(), now),
        };
        each.extend(next.map(|next| (place, next)));
    }
    Some(each)
}

/// Sees what is still unseen of the item's earlier steps, then sets its anchor if there is none.
fn anchor_first(run: &Run, seat: &Seat, stage: &Stage, item: Option<&str>, now: Time) -> Option<Next> {
    let place = (stage.id.clone(), item.map(str::to_owned));
    if run.anchors.contains_key(&place) || item_is_over(run, stage, item) {
        return None;
    }
    if let Some(next) = unseen_before(run, seat, stage, item, now) {
        return Some(next);
    }
    Some(Next::Anchor { stage: stage.id.clone(), item: item.map(str::to_owned), regain: false })
}

/// The sides that an earlier seat could not read are read before the next stage's anchor.
fn unseen_before(run: &Run, seat: &Seat, stage: &Stage, item: Option<&str>, now: Time) -> Option<Next> {
    for earlier in run.plan.stages.iter().take_while(|earlier| earlier.id != stage.id) {
        for step in &earlier.steps {
            let id = StepId::new(&earlier.id, item, &step.id);
            let Some(state) = run.steps.get(&id) else { continue };
            if state.is_done()
                && !unseen_sides(step, state).is_empty()
                && let Some(next) = verify_next(run, seat, step, &id, state, true, now)
            {
                return Some(next);
            }
        }
    }
    None
}

/// Asks at once for everything whose operation is known, so that an approver reviews once. Only what was touched
/// since this seat last asked is looked at again; what else becomes known is asked for when its turn has come.
fn ask_ahead(run: &Run, seat: &Seat, stage: &Stage, state: &StageState, now: Time) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    if stage.steps.iter().all(|step| step.approvals.is_empty()) {
        return drafts;
    }
    let since = seat.asked.get(&stage.id).map_or(0, |seq| seq + 1);
    let touched: BTreeSet<usize> = state.standing.touched.range((since, 0)..).map(|(_, at)| *at).collect();
    let mut covered: BTreeSet<StepId> = BTreeSet::new();
    for at in touched.intersection(&state.standing.left) {
        let Some((item, _)) = state.items.get(*at) else { continue };
        for step in &stage.steps {
            let id = StepId::new(&stage.id, item.as_deref(), &step.id);
            if covered.contains(&id) || !may_ask(run, stage, step, &id, now) {
                continue;
            }
            let Some(performer) = performer_here(run, step) else { continue };
            covered.extend(request::group(run, stage, step, &id).0);
            let Some(draft) = request::draft(run, stage, step, &id, &performer, now) else { continue };
            drafts.push(Draft::new(draft.asked).by(&performer).with(draft.object));
        }
    }
    drafts
}

/// It needs approvals, none are asked for, it is certain to be done, and no denial stands in this seat's time.
fn may_ask(run: &Run, stage: &Stage, step: &Step, id: &StepId, now: Time) -> bool {
    let state = run.step(id);
    let ready = match state.status {
        Status::Pending | Status::Undone => true,
        Status::Failed { epoch, .. } => epoch < run.epoch,
        _ => false,
    };
    if step.approvals.is_empty() || !ready || request::live(run, id).is_some() || denied_now(run, id).is_some() {
        return false;
    }
    if state.status == Status::Undone && rollback::spent(run, step, id, now).is_some() {
        return false;
    }
    if step.when.is_empty() {
        return true;
    }
    let mut names = Names::default();
    names.text(&step.when);
    let scope = scope::of(run, stage, id.item.as_deref(), Some(id), &names);
    matches!(expression::condition(&step.when, &scope, now), Ok(true))
}

/// The items' own moves.
fn items(
    run: &Run,
    seat: &Seat,
    stage: &Stage,
    state: &StageState,
    doubts: Doubts,
    bad: &BTreeSet<Place>,
    now: Time,
) -> Moves {
    let finished = state.items.len() - state.standing.left.len();
    let mut room = stage.at_once.max(1) as usize;
    if stage.canary > 0 && !state.go_on {
        let canary = stage.canary as usize;
        if finished >= canary {
            return match seat.busy.is_empty() && doubts.places.is_empty() {
                true => Moves::one(prompt_once(seat, go_on(run, stage, finished, state.items.len()))),
                false => Moves::Each(doubts.each),
            };
        }
        room = room.min(canary - finished);
    }
    let (mut each, mut failed) = (doubts.each, bad.len());
    for place in places(state, &state.standing.left, stage) {
        if doubts.places.contains(&place) || seat.busy.contains(&place) {
            room -= 1;
        } else if bad.contains(&place) {
            each.extend(stopped(run, seat, stage, &place, now));
        } else {
            let next = match seat.parked.get(&place) {
                Some(stop) => Some(Next::Stop(stop.clone())),
                None => item_next(run, seat, stage, place.1.as_deref(), now),
            };
            // What can't even be resolved has failed, like any other item.
            let fails = matches!(&next, Some(Next::Stop(stop)) if stop.kind == StopKind::Failed);
            failed += usize::from(fails);
            room -= usize::from(!fails);
            each.extend(next.map(|next| (place, next)));
        }
        if room == 0 || failed >= stage.stop_after.max(1) as usize {
            break;
        }
    }
    Moves::Each(each)
}

/// What nobody here could answer is not asked again in this sitting.
fn prompt_once(seat: &Seat, prompt: Prompt) -> Next {
    match seat.parked.get(&super::nowhere()) {
        Some(stop) => Next::Stop(stop.clone()),
        None => Next::Prompt(prompt),
    }
}

fn go_on(run: &Run, stage: &Stage, finished: usize, all: usize) -> Prompt {
    let role = stage.performer.clone();
    let people: Vec<String> = run.people.holders(&role).map(|person| person.id.clone()).collect();
    Prompt {
        kind: PromptKind::GoOn,
        at: stage.id.clone(),
        attempt: 1,
        at_seat: run.signed_on.iter().find(|person| people.contains(person)).cloned(),
        people,
        text: format!("{finished} of {all} done in `{}`. Go on with the rest?", stage.title),
        role,
    }
}

fn item_next(run: &Run, seat: &Seat, stage: &Stage, item: Option<&str>, now: Time) -> Option<Next> {
    for step in &stage.steps {
        let id = StepId::new(&stage.id, item, &step.id);
        if let Some(next) = step_next(run, seat, stage, step, &id, now) {
            return Some(next);
        }
    }
    None
}
