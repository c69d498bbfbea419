//! What a play came to: to the end, back, stopped with a clear word, or failed; and why. The rules are those of
//! the promises: no effect twice, none without its intent, a journal that verifies, AWS as it was or as it must be.

use super::Scene;
use super::cell::{Last, Stand, Track, Way};
use super::facts::Facts;
use super::tape::Effect;
use crate::base::StepId;
use crate::engine::next::Stop;
use crate::engine::port::Store;
use crate::engine::state::Run;
use crate::journal::export;
use crate::plan::model::Body;
use crate::record::entry::Entry;
use crate::record::fact::Fact;
use crate::report::proof::Came;
use crate::verify;
use std::collections::{BTreeMap, BTreeSet};

/// A verdict with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub came: Came,
    pub detail: String,
}

impl Ended {
    pub fn failed(detail: impl Into<String>) -> Ended {
        Ended { came: Came::Failed, detail: detail.into() }
    }
}

/// A play that a fault struck.
pub fn of_fault(
    stand: &Stand<'_>,
    track: &Track,
    scene: &Scene,
    before: &[Effect],
    after: &[Effect],
    last: Last,
) -> Ended {
    let effects: Vec<&Effect> = before.iter().chain(after).collect();
    let mut wrong = problems(scene);
    wrong.extend(unintended(&effects));
    wrong.extend(twice(track, scene, &last.run, &effects));
    let (came, words) = match &last.way {
        // Repaired, and then gone on with: what comes after the repair is proved by the cells of the runbook's own steps.
        Way::Forward if track.back && last.run.closed.as_deref() == Some("done") => {
            (Came::Repaired, came_back(last.stop.as_ref()))
        }
        Way::Forward => {
            wrong.extend(other_end(stand, track, scene));
            wrong.extend(missing(track, &effects));
            let repaired = last.run.rollback.as_ref().is_some_and(|rollback| rollback.repairs().is_some());
            let came = match track.back {
                true if repaired => Came::Repaired,
                true => Came::RolledBack,
                false => Came::Done,
            };
            (came, came_back(last.stop.as_ref()))
        }
        Way::Back => {
            let start = crate::simulator::Simulator::new(stand.script.world, stand.script.start);
            wrong.extend(not_back(scene, &start, &BTreeSet::new(), &losses(&last.run, None)));
            (Came::RolledBack, stopped(last.stop.as_ref()))
        }
        Way::Nowhere(no_way) => (Came::Stopped, format!("{}; no way back: {no_way}", stopped(last.stop.as_ref()))),
        Way::Stuck(stop) => {
            wrong.push(format!("{}; and the rollback stops at {}: {}", stopped(last.stop.as_ref()), stop.at, stop.why));
            (Came::Failed, String::new())
        }
    };
    if matches!(last.way, Way::Nowhere(_)) {
        if let Some(stop) = last.stop.as_ref().filter(|stop| stop.why.trim().is_empty()) {
            wrong.push(format!("it stops at {} without a word", stop.at));
        }
        wrong.extend(no_reason(&last.run, &last.way));
    }
    verdict(came, words, wrong)
}

/// A stop without a way back passes only where the runbook itself says so.
fn no_reason(run: &Run, way: &Way) -> Option<String> {
    let Way::Nowhere(no_way) = way else { return None };
    let declared = |(id, state): (&StepId, &crate::engine::state::StepState)| {
        let back = run.plan.step(id).map(|step| &step.back);
        let stays = back.is_some_and(|back| !back.point_of_no_return.is_empty() || !back.no_undo.is_empty());
        id.is_forward() && stays && (state.is_done() || state.is_open())
    };
    if run.steps.iter().any(declared) || !run.index.open.is_empty() {
        return None;
    }
    Some(format!("it can go neither on nor back ({no_way}), and the runbook names no point of no return"))
}

/// A rollback to an anchor.
pub fn of_rollback(
    scene: &Scene,
    run: &Run,
    stop: &Stop,
    anchor: &crate::simulator::Simulator,
    to: &str,
    effects: &[&Effect],
    others: &BTreeSet<String>,
) -> Ended {
    let mut wrong = problems(scene);
    wrong.extend(unintended(effects));
    let closed = run.closed.as_deref() == Some("rolled_back");
    if !closed && (run.rollback.is_some() || run.rolled_back.is_none()) {
        wrong.push(format!("it stops at {}: {}", stop.at, stop.why));
        return verdict(Came::Failed, String::new(), wrong);
    }
    let lost = losses(run, Some(to));
    wrong.extend(not_back(scene, anchor, others, &lost));
    let differs = differs(scene);
    let mut words = String::new();
    if !differs.is_empty() {
        let text = format!("the anchor reads differently: {}", differs.join("; "));
        if lost.is_empty() { wrong.push(text) } else { words = format!("{text} (`lost`: {})", lost.join("; ")) }
    }
    verdict(Came::RolledBack, words, wrong)
}

fn verdict(came: Came, words: String, wrong: Vec<String>) -> Ended {
    match wrong.is_empty() {
        true => Ended { came, detail: words },
        false => Ended::failed(wrong.join("; ")),
    }
}

fn came_back(stop: Option<&Stop>) -> String {
    stop.map_or(String::new(), |stop| format!("people came back to it after: {}", stop.why))
}

fn stopped(stop: Option<&Stop>) -> String {
    stop.map_or(String::new(), |stop| format!("it stops at {}: {}", stop.at, stop.why))
}

/// What the verifier says of the exported run.
pub fn problems(scene: &Scene) -> Vec<String> {
    let bundle = match export::bundle(&scene.store, &scene.id) {
        Ok(Some(bundle)) => bundle,
        Ok(None) => return vec!["there is no journal".to_owned()],
        Err(error) => return vec![error.to_string()],
    };
    let report = verify::check(&bundle, &[], &[]);
    let at = |seq: Option<u64>| seq.map_or(String::new(), |seq| format!("entry {seq}: "));
    let found = report.problems.iter().map(|one| format!("{}{} {}", at(one.seq), one.code, one.message));
    let missing = report.missing_objects.iter().map(|digest| format!("the object {digest} is missing"));
    found.chain(missing).map(|words| format!("verify: {words}")).collect()
}

/// Changes that nobody's intent covers.
fn unintended(effects: &[&Effect]) -> Vec<String> {
    let stray = effects.iter().filter(|effect| effect.step.is_none());
    stray.map(|effect| format!("{} changed AWS without an intent (by {})", effect.operation, effect.account)).collect()
}

fn per_step<'a>(effects: impl Iterator<Item = &'a Effect>) -> BTreeMap<(StepId, String), usize> {
    let mut counts = BTreeMap::new();
    for effect in effects {
        if let Some(step) = &effect.step {
            *counts.entry((step.clone(), effect.operation.clone())).or_default() += 1;
        }
    }
    counts
}

/// Effects and commands that happened more often than in the play without faults.
fn twice(track: &Track, scene: &Scene, run: &Run, effects: &[&Effect]) -> Vec<String> {
    let once = per_step(track.tape.effects.iter());
    let mut wrong = Vec::new();
    for ((step, operation), count) in per_step(effects.iter().copied()) {
        // What a lost secret belonged to is taken back and made again.
        let lost = secrets_lost(scene, &step.forward());
        let allowed = once.get(&(step.clone(), operation.clone())).copied().unwrap_or(1) + lost;
        if count > allowed {
            wrong.push(format!("{operation} happened {count} times for {step}, and must {allowed} time(s)"));
        }
    }
    let mut ran: BTreeMap<String, usize> = BTreeMap::new();
    scene.wire.commands().into_iter().for_each(|step| *ran.entry(step).or_default() += 1);
    for (step, count) in ran {
        let Ok(id) = step.parse::<StepId>() else { continue };
        let mutates = run.plan.step(&id).is_some_and(|step| step.mutates && matches!(step.body, Body::Command(_)));
        // One run for every time that it was found not to have happened, and one more.
        if mutates && count > 1 + outcomes_not_done(scene, &id) {
            wrong.push(format!("the command of {step} was run {count} times"));
        }
    }
    wrong
}

fn secrets_lost(scene: &Scene, id: &StepId) -> usize {
    let lost = |fact: &Fact| match fact {
        Fact::Outcome(fact) => &fact.step == id && fact.result == crate::record::fact::Ended::SecretLost,
        _ => false,
    };
    entries(scene).iter().filter(|entry| lost(&entry.fact)).count()
}

fn outcomes_not_done(scene: &Scene, id: &StepId) -> usize {
    let not_done = |fact: &Fact| match fact {
        Fact::Outcome(fact) => {
            &fact.step == id
                && !matches!(fact.result, crate::record::fact::Ended::Done | crate::record::fact::Ended::InDoubt)
        }
        _ => false,
    };
    entries(scene).iter().filter(|entry| not_done(&entry.fact)).count()
}

fn entries(scene: &Scene) -> Vec<Entry> {
    let lines = scene.store.read_from(&scene.id, 0).unwrap_or_default();
    lines.iter().filter_map(|line| Entry::read(line).ok()).collect()
}

/// Effects of the play without faults that did not happen.
fn missing(track: &Track, effects: &[&Effect]) -> Vec<String> {
    let found = per_step(effects.iter().copied());
    let wanted = per_step(track.tape.effects.iter());
    let lacks = wanted.iter().filter(|(key, count)| found.get(*key).unwrap_or(&0) < *count);
    lacks.map(|((step, operation), _)| format!("{operation} did not happen for {step}")).collect()
}

/// It came to its end, but AWS is not as after the play without faults.
fn other_end(stand: &Stand<'_>, track: &Track, scene: &Scene) -> Vec<String> {
    let (wanted, found) = (stand.facts(&track.end), stand.facts(&scene.wire.simulator()));
    let differs = wanted.unlike(&found);
    let words = |place: &str| format!("{place} is {}, and must be {}", found.at(place), wanted.at(place));
    differs.places().into_iter().map(words).collect()
}

/// What a rollback left different from how it was, `lost` excepted.
fn not_back(
    scene: &Scene,
    then: &crate::simulator::Simulator,
    others: &BTreeSet<String>,
    lost: &[String],
) -> Vec<String> {
    let (was, is) = (Facts::of(then.state()), Facts::of(scene.wire.simulator().state()));
    let mut wrong = Vec::new();
    for place in was.unlike(&is).places() {
        if others.contains(place) {
            continue;
        }
        let words = format!("after the rollback {place} is {}, and was {}", is.at(place), was.at(place));
        // Only what was there can be lost: what is new there should have been taken away.
        match said_to_be_lost(place, lost).filter(|_| was.has(place)) {
            Some(true) => {}
            Some(false) => wrong.push(format!("{words}; if no undo brings it back, say so in `lost`")),
            None => wrong.push(words),
        }
    }
    wrong
}

/// Whether `lost` speaks of what stands at this place; none: it is nothing that could be lost.
fn said_to_be_lost(place: &str, lost: &[String]) -> Option<bool> {
    let word = match place {
        _ if place.contains(" tags") => "tag",
        _ if place.contains(" targets") => "polic",
        _ if place.contains(" delegated") => "delegat",
        // What was accepted can't be accepted again: a new invitation is another one.
        _ if place.starts_with("invitation ") => "invitation",
        _ => return None,
    };
    Some(lost.iter().any(|text| text.to_lowercase().contains(word)))
}

/// What the steps that were taken back say to be lost: all, or those that a rollback to this place undoes.
fn losses(run: &Run, to: Option<&str>) -> Vec<String> {
    let (stage, item) = match to.and_then(|to| to.split_once(':')) {
        Some((stage, item)) => (Some(stage), Some(item)),
        None => (to, None),
    };
    let from = run.plan.stages.iter().position(|one| Some(one.id.as_str()) == stage).unwrap_or(0);
    let later: BTreeSet<&str> = run.plan.stages[from..].iter().map(|stage| stage.id.as_str()).collect();
    let undone = run.steps.keys().filter(|id| {
        id.is_forward() && later.contains(id.stage.as_str()) && (item.is_none() || id.item.as_deref() == item)
    });
    let texts: BTreeSet<String> = undone
        .filter_map(|id| run.plan.step(id))
        .map(|step| step.lost.clone())
        .filter(|lost| !lost.is_empty())
        .collect();
    texts.into_iter().collect()
}

/// What the anchors say when they are read again after the last rollback.
fn differs(scene: &Scene) -> Vec<String> {
    let all = entries(scene);
    let regained = all.iter().filter_map(|entry| match &entry.fact {
        Fact::AnchorRegained(fact) => Some(fact.differs.clone()),
        _ => None,
    });
    regained.flatten().collect()
}
