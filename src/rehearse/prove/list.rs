//! Which cells there are: every step of the first, second and last item with every fault, every undo step with
//! every fault, every anchor with a rollback from every later step. And how a job of them is played.

use super::cell::{Stand, Track, Woken, strike, take_back, wake};
use super::fault::{ALL, Happens};
use super::judge::{self, Ended};
use super::tape::{Effect, Mark, Tape, Watch, Watched};
use super::{Scene, sitter};
use crate::base::{StepId, id};
use crate::engine::rollback::{self, NoWay};
use crate::engine::state::Run;
use crate::plan::model::{Stage, Step};
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
    /// All faults of all undo steps of this step, which is taken back right after it was done.
    Undo(StepId),
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
                if !step.back.undo.is_empty() && done_at(&stand.track.tape, &id).is_some() {
                    undos.push(Job { work: Work::Undo(id), weight: step.back.undo.len() * ALL.len() });
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
        Work::Undo(id) => undo(stand, id, None).into_iter().map(|(cell, _)| cell).collect(),
        Work::Back(to, from) => vec![back(stand, to, from).0],
    }
}

/// The names of a job's cells.
pub fn names(stand: &Stand<'_>, job: &Job) -> Vec<String> {
    match &job.work {
        Work::Fault(id, happens) => vec![fault_name(id, *happens)],
        Work::Undo(id) => {
            let undos = step_of(stand, id).map(|step| step.back.undo).unwrap_or_default();
            let of = |undo: &Step| ALL.map(|happens| fault_name(&id.with_undo(&undo.id), happens));
            undos.iter().flat_map(of).collect()
        }
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
        Work::Undo(id) => undo(stand, id, Some(name)).into_iter().next()?,
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
        fault: fault.to_owned(),
        to,
        came: ended.came,
        detail: ended.detail,
        name,
    }
}

/// The faults of a step's undo: it is taken back right after it was done, without a fault first.
fn undo(stand: &Stand<'_>, id: &StepId, only: Option<&str>) -> Vec<(Cell, Option<Scene>)> {
    let Some(step) = step_of(stand, id) else { return Vec::new() };
    let all: Vec<(StepId, &Step, Happens)> = step
        .back
        .undo
        .iter()
        .flat_map(|undo| ALL.map(|happens| (id.with_undo(&undo.id), undo, happens)))
        .filter(|(id, _, happens)| only.is_none_or(|name| fault_name(id, *happens) == name))
        .collect();
    let track = match way_back(stand, id) {
        Ok(track) => track,
        Err(why) => {
            let bad = |(id, _, happens): &(StepId, &Step, Happens)| {
                let name = fault_name(id, *happens);
                (cell(id, happens.name(), None, Ended::failed(why.clone()), name), None)
            };
            return all.iter().map(bad).collect();
        }
    };
    all.iter().map(|(id, undo, happens)| fault(stand, &track, id, undo, *happens)).collect()
}

/// The play in which this step is taken back, kept.
fn way_back(stand: &Stand<'_>, id: &StepId) -> Result<Track, String> {
    let words = |error: RunError| format!("without any fault its way back ended with an error: {error}");
    let at = done_at(&stand.track.tape, id).ok_or("it was not done")?;
    let moment = &stand.track.tape.appends[at].after;
    let Woken { mut scene, run, .. } = wake(stand, &stand.track, moment).map_err(words)?;
    let watch = Watch::over(&mut scene, true);
    let store = Watched::new(&watch, scene.store.clone());
    let person = sitter(&run);
    let played = take_back(&scene, store, Some(run), &person, &id.place()).map_err(words)?;
    let played = played.map_err(|no_way| format!("without any fault there is no way back: {no_way}"))?;
    if played.run.rollback.is_some() {
        return Err(format!("without any fault its way back stops at {}: {}", played.stop.at, played.stop.why));
    }
    Track::new(watch.tape(), &played.run, stand.script, true).map_err(words)
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
