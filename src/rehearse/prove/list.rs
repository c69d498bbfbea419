//! Which cells there are: every step of the first, second and last item with every fault, every undo step with
//! every fault, every repair step with every fault, every anchor with a rollback from every later step. And how a job
//! of them is played.

use super::cell::{Stand, Track, Woken, is_back, strike, take_back, wake};
use super::fault::{ALL, Happens};
use super::judge::{self, Ended};
use super::tape::{Effect, Mark, Tape, Watch, Watched};
use super::{Scene, block_on, sitter};
use crate::base::{StepId, id};
use crate::engine::rollback::{self, NoWay};
use crate::engine::state::Run;
use crate::plan::model::{Body, Stage, Step};
use crate::record::fact::Ended as How;
use crate::report::proof::{Came, Cell};
use crate::run::RunError;
use std::collections::BTreeSet;

/// What one thread takes at a time.
#[derive(Clone, Debug)]
pub struct Job {
    work: Work,
    /// Cells.
    pub weight: usize,
}

#[derive(Clone, Debug)]
enum Work {
    Fault(StepId, Happens),
    /// All faults of all undo (or repair) steps of this step, which is taken back (or repaired) right after it was done.
    Behind(StepId),
    /// A point of no return that AWS denies for good, and its repair.
    Denied(StepId),
    /// A rollback to this anchor from behind this step.
    Back(String, StepId),
}

/// The items of a stage that are proved.
fn items(run: &Run, stage: &Stage) -> Vec<Option<String>> {
    let all: Vec<Option<String>> = run
        .stages
        .get(&stage.id)
        .map(|state| state.items.iter().map(|(key, _)| key.clone()).collect())
        .unwrap_or_default();
    let places: BTreeSet<usize> =
        [0, 1, all.len().saturating_sub(1)].into_iter().filter(|at| *at < all.len()).collect();
    places.into_iter().map(|at| all[at].clone()).collect()
}

/// Every job, in the order of the table.
pub fn jobs(stand: &Stand<'_>, run: &Run) -> Vec<Job> {
    let mut faults = Vec::new();
    let mut undos = Vec::new();
    let mut backs = Vec::new();
    for stage in &run.plan.stages {
        for step in &stage.steps {
            for item in items(run, stage) {
                let id = StepId::new(&stage.id, item.as_deref(), &step.id);
                faults.extend(ALL.map(|happens| Job { work: Work::Fault(id.clone(), happens), weight: 1 }));
                let behind = step.back.undo.len() + step.repair.len();
                if behind > 0 && done_at(&stand.track.tape, &id).is_some() {
                    let weight = behind * ALL.len();
                    undos.push(Job { work: Work::Behind(id.clone()), weight });
                    if !step.repair.is_empty() && matches!(step.body, Body::Action) {
                        undos.push(Job { work: Work::Denied(id), weight: 1 });
                    }
                }
            }
        }
        if stage.anchor.is_none() {
            continue;
        }
        let keys = items(run, stage);
        let whole = (!stage.for_each.is_null()).then(|| stage.id.clone());
        for to in keys.iter().map(|key| id::place(&stage.id, key.as_deref())).chain(whole) {
            backs.extend(
                later_steps(stand, run, stage, &to)
                    .into_iter()
                    .map(|from| Job { work: Work::Back(to.clone(), from), weight: 1 }),
            );
        }
    }
    faults.into_iter().chain(undos).chain(backs).collect()
}

/// Where the play without faults has this step done.
fn done_at(tape: &Tape, wanted: &StepId) -> Option<usize> {
    tape.first(|mark| matches!(mark, Mark::Over(id, How::Done) if id == wanted))
}

/// The steps that were done after this anchor, in the play's order, from which there is a way back to it; of
/// several items the first, second and last.
fn later_steps(stand: &Stand<'_>, run: &Run, stage: &Stage, to: &str) -> Vec<StepId> {
    let tape = &stand.track.tape;
    let Some(entered) = tape.first(|mark| matches!(mark, Mark::Entered(one) if *one == stage.id)) else {
        return Vec::new();
    };
    let proved: BTreeSet<StepId> = run
        .plan
        .stages
        .iter()
        .flat_map(|stage| items(run, stage).into_iter().map(move |item| (stage, item)))
        .flat_map(|(stage, item)| stage.steps.iter().map(move |step| StepId::new(&stage.id, item.as_deref(), &step.id)))
        .collect();
    let mut found = Vec::new();
    for append in &tape.appends[entered..] {
        for mark in &append.marks {
            let Mark::Over(id, How::Done) = mark else { continue };
            // Of one item only: what a stage by another list made since stays, so that nothing can be compared.
            let elsewhere = run.plan.stage(&id.stage).filter(|other| other.for_each != stage.for_each);
            if to.contains(':') && elsewhere.is_some() && run.plan.step(id).is_some_and(|step| step.mutates) {
                return found;
            }
            let Ok(then) = stand.track.run_at(&append.after) else { continue };
            match rollback::begin(&then, to) {
                // Beyond it there is no way back, as the runbook says.
                Err(NoWay::NoReturn(..)) => return found,
                Err(_) => {}
                Ok(_) if proved.contains(id) => found.push(id.clone()),
                Ok(_) => {}
            }
        }
    }
    found
}

/// Plays a job; its cells.
pub fn play(stand: &Stand<'_>, job: &Job) -> Vec<Cell> {
    match &job.work {
        Work::Fault(id, happens) => {
            let Some(step) = step_of(stand, id) else { return Vec::new() };
            vec![fault(stand, &stand.track, id, &step, *happens).0]
        }
        Work::Behind(id) => behind(stand, id, None).into_iter().map(|(cell, _)| cell).collect(),
        Work::Denied(id) => vec![denied(stand, id).0],
        Work::Back(to, from) => vec![back(stand, to, from).0],
    }
}

/// The names of a job's cells.
pub fn names(stand: &Stand<'_>, job: &Job) -> Vec<String> {
    match &job.work {
        Work::Fault(id, happens) => vec![fault_name(id, *happens)],
        Work::Behind(id) => {
            let all = step_of(stand, id).map(|step| steps_behind(id, &step)).unwrap_or_default();
            all.iter().flat_map(|(id, _)| ALL.map(|happens| fault_name(id, happens))).collect()
        }
        Work::Denied(id) => vec![denied_name(id)],
        Work::Back(to, from) => vec![back_name(to, from)],
    }
}

/// The cell of this name, if it is one of the job's, and what it left behind.
pub fn replay(stand: &Stand<'_>, job: &Job, name: &str) -> Option<(Cell, Scene)> {
    if !names(stand, job).iter().any(|one| one == name) {
        return None;
    }
    let (cell, scene) = match &job.work {
        Work::Fault(id, happens) => fault(stand, &stand.track, id, &step_of(stand, id)?, *happens),
        Work::Behind(id) => behind(stand, id, Some(name)).into_iter().next()?,
        Work::Denied(id) => denied(stand, id),
        Work::Back(to, from) => back(stand, to, from),
    };
    // A cell that does not apply leaves nothing behind but the play without faults.
    let start = || stand.script.first_scene();
    Some((cell, scene.unwrap_or_else(start)))
}

fn fault_name(id: &StepId, happens: Happens) -> String {
    format!("{id}:{}", happens.name())
}

fn back_name(to: &str, from: &StepId) -> String {
    format!("{from}:rollback-to-{to}")
}

fn step_of(stand: &Stand<'_>, id: &StepId) -> Option<Step> {
    let last = stand.track.tape.appends.last()?;
    stand.track.run_at(&last.after).ok()?.plan.step(id).cloned()
}

fn fault(stand: &Stand<'_>, track: &Track, id: &StepId, step: &Step, happens: Happens) -> (Cell, Option<Scene>) {
    let (ended, scene) = if done_at(&track.tape, id).is_none() {
        (does_not_apply("it is skipped in this world: its `when` is false"), None)
    } else if let Some(why) = happens.not_for(step) {
        (does_not_apply(why), None)
    } else {
        match strike(stand, track, id, step, happens) {
            Ok((ended, scene)) => (ended, Some(scene)),
            Err(why) => (Ended::failed(why), None),
        }
    };
    let name = fault_name(id, happens);
    (cell(id, happens.name(), None, ended, name), scene)
}

fn does_not_apply(why: &str) -> Ended {
    Ended { came: Came::DoesNotApply, detail: why.to_owned() }
}

fn cell(id: &StepId, fault: &str, to: Option<String>, ended: Ended, name: String) -> Cell {
    Cell {
        stage: id.stage.clone(),
        item: id.item.clone(),
        step: id.step.clone(),
        undo: id.undo.clone(),
        repair: id.repair.clone(),
        fault: fault.to_owned(),
        to,
        came: ended.came,
        detail: ended.detail,
        name,
    }
}

/// The steps of a step's undo, or of its repair.
fn steps_behind(id: &StepId, step: &Step) -> Vec<(StepId, Step)> {
    let undo = step.back.undo.iter().map(|one| (id.with_undo(&one.id), one.clone()));
    undo.chain(step.repair.iter().map(|one| (id.with_repair(&one.id), one.clone()))).collect()
}

/// The faults of a step's undo (or repair): it is taken back (or repaired) right after it was done, without a fault
/// first.
fn behind(stand: &Stand<'_>, id: &StepId, only: Option<&str>) -> Vec<(Cell, Option<Scene>)> {
    let Some(step) = step_of(stand, id) else { return Vec::new() };
    let all: Vec<(StepId, Step, Happens)> = steps_behind(id, &step)
        .into_iter()
        .flat_map(|(id, step)| ALL.map(|happens| (id.clone(), step.clone(), happens)))
        .filter(|(id, _, happens)| only.is_none_or(|name| fault_name(id, *happens) == name))
        .collect();
    let to = if step.repair.is_empty() { id.place() } else { id.to_string() };
    let track = match way_back(stand, id, &to) {
        Ok(track) => track,
        Err(why) => {
            let bad = |(id, _, happens): &(StepId, Step, Happens)| {
                let name = fault_name(id, *happens);
                (cell(id, happens.name(), None, Ended::failed(why.clone()), name), None)
            };
            return all.iter().map(bad).collect();
        }
    };
    all.iter().map(|(id, step, happens)| fault(stand, &track, id, step, *happens)).collect()
}

/// The play in which this step is taken back, or repaired, kept.
fn way_back(stand: &Stand<'_>, id: &StepId, to: &str) -> Result<Track, String> {
    let words = |error: RunError| format!("without any fault its way back ended with an error: {error}");
    let at = done_at(&stand.track.tape, id).ok_or("it was not done")?;
    let moment = &stand.track.tape.appends[at].after;
    let Woken { mut scene, run, .. } = wake(stand, &stand.track, moment).map_err(words)?;
    let watch = Watch::over(&mut scene, true);
    let store = Watched::new(&watch, scene.store.clone());
    let person = sitter(&run);
    let played = take_back(&scene, store, Some(run), &person, to).map_err(words)?;
    let played = played.map_err(|no_way| format!("without any fault there is no way back: {no_way}"))?;
    if !is_back(&played.run) {
        return Err(format!("without any fault its way back stops at {}: {}", played.stop.at, played.stop.why));
    }
    Track::new(watch.tape(), &played.run, stand.script, true).map_err(words)
}

fn denied_name(id: &StepId) -> String {
    format!("{id}:denied-then-repair")
}

/// AWS denies a point of no return, whoever comes back; so it is repaired.
fn denied(stand: &Stand<'_>, id: &StepId) -> (Cell, Option<Scene>) {
    let (ended, scene) = match deny(stand, id) {
        Ok((ended, scene)) => (ended, Some(scene)),
        Err(why) => (Ended::failed(why), None),
    };
    (cell(id, "repair", Some(id.to_string()), ended, denied_name(id)), scene)
}

fn deny(stand: &Stand<'_>, id: &StepId) -> Result<(Ended, Scene), String> {
    let words = |error: RunError| format!("it ended with an error: {error}");
    let tape = &stand.track.tape;
    let began = tape.first(|mark| matches!(mark, Mark::Begun(one, _) if one == id)).ok_or("it was not begun")?;
    let moment = &tape.appends[began].before;
    let Woken { scene, watch, mut store, run } = wake(stand, &stand.track, moment).map_err(words)?;
    watch.trap(id, Happens::AccessDenied.of_aws(0));
    let person = sitter(&run);
    let seated = scene.sit_at(&mut store, run, std::slice::from_ref(&person)).map_err(words)?;
    let played = block_on(scene.play(store, seated)).map_err(words)?;
    let stop = format!("it stops at {}: {}", played.stop.at, played.stop.why);
    let store = Watched::new(&watch, scene.store.clone());
    let repaired = take_back(&scene, store, None, &person, &id.to_string()).map_err(words)?;
    let played = repaired.map_err(|no_way| format!("{stop}; {no_way}"))?;
    let mut wrong = judge::problems(&scene);
    if !rollback::is_repaired(&played.run, id) {
        wrong.push(format!("{stop}; and the repair stops at {}: {}", played.stop.at, played.stop.why));
    }
    let ended =
        if wrong.is_empty() { Ended { came: Came::Repaired, detail: stop } } else { Ended::failed(wrong.join("; ")) };
    Ok((ended, scene))
}

/// A rollback to an anchor, from behind a later step.
fn back(stand: &Stand<'_>, to: &str, from: &StepId) -> (Cell, Option<Scene>) {
    let name = back_name(to, from);
    match roll_back(stand, to, from) {
        Ok((ended, scene)) => (cell(from, "rollback", Some(to.to_owned()), ended, name), Some(scene)),
        Err(why) => (cell(from, "rollback", Some(to.to_owned()), Ended::failed(why), name), None),
    }
}

fn roll_back(stand: &Stand<'_>, to: &str, from: &StepId) -> Result<(Ended, Scene), String> {
    let words = |error: RunError| format!("it ended with an error: {error}");
    let tape = &stand.track.tape;
    let at = done_at(tape, from).ok_or("the step was not done")?;
    let moment = &tape.appends[at].after;
    let anchor = &tape.appends[anchored(tape, to, at).ok_or("the anchor was not set")?].after;
    let Woken { scene, watch, store, run } = wake(stand, &stand.track, moment).map_err(words)?;
    let course = rollback::course(&run, to).map_err(|no_way| no_way.to_string())?;
    let undone: BTreeSet<StepId> = course.steps.iter().map(StepId::forward).collect();
    let person = sitter(&run);
    let played = take_back(&scene, store, Some(run), &person, to).map_err(words)?;
    let played = played.map_err(|no_way| no_way.to_string())?;
    let after = watch.effects();
    let effects: Vec<&Effect> = tape.effects[..moment.effects].iter().chain(&after).collect();
    let others = touched_by_others(&tape.effects[anchor.effects..moment.effects], &undone);
    let simulator = &anchor.simulator;
    let ended = judge::of_rollback(&scene, &played.run, &played.stop, simulator, to, &effects, &others);
    drop(watch);
    Ok((ended, scene))
}

/// What steps that stay as they are have changed since the anchor.
fn touched_by_others(effects: &[Effect], undone: &BTreeSet<StepId>) -> BTreeSet<String> {
    let stays = |effect: &&Effect| effect.step.as_ref().is_none_or(|step| !undone.contains(step));
    let touched = effects.iter().filter(stays).filter_map(|effect| effect.touched.as_ref());
    touched.flat_map(|facts| facts.places().into_iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// When the world was as the anchor has it: for an item when its anchor was last set before the item's first
/// change; for a stage when it was entered.
fn anchored(tape: &Tape, to: &str, end: usize) -> Option<usize> {
    let (stage, item) = match to.split_once(':') {
        Some((stage, item)) => (stage, Some(item)),
        None => (to, None),
    };
    let mine = |mark: &Mark| matches!(mark, Mark::Anchored(one, key) if one == stage && key.as_deref() == item);
    tape.last_before(end, mine).or_else(|| tape.first(|mark| matches!(mark, Mark::Entered(one) if one == stage)))
}
