//! One cell: a play taken up from a moment, struck by its fault, and played on by people who come back, look, and
//! resume; and where that leads nowhere, roll back. Decides nothing about what it came to: `judge` does.

use super::facts::{Facts, ids};
use super::fault::{Happens, reads};
use super::judge::{self, Ended};
use super::tape::{Effect, Mark, Moment, Tape, Watch, Watched};
use super::{Scene, Script, block_on, sitter};
use crate::base::StepId;
use crate::engine::next::{Stop, StopKind};
use crate::engine::port::{Clock, Store};
use crate::engine::state::Run;
use crate::engine::{doubt, operation, rollback};
use crate::journal::MemoryStore;
use crate::plan::model::{Body, Step};
use crate::record::fact::WaitFor;
use crate::record::statement::{Decides, SaidWhat};
use crate::rehearse::Played;
use crate::rehearse::theatre::Seated;
use crate::run::{RunError, load, voice};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often people come back to a run that stopped.
const COME_BACK: usize = 3;

/// What every cell rests on: the play without faults.
pub struct Stand<'a> {
    pub script: &'a Script<'a>,
    pub track: Track,
    /// Every id of the world at its start.
    pub known: BTreeSet<String>,
}

/// A play that was kept, and the run as it stood after each append.
pub struct Track {
    pub tape: Tape,
    runs: BTreeMap<u64, Run>,
    /// The simulated AWS at its end.
    pub end: crate::simulator::Simulator,
    /// It ends with everything back at an anchor, not with the runbook's last step.
    pub back: bool,
}

impl<'a> Stand<'a> {
    pub fn new(script: &'a Script<'a>, tape: Tape, run: &Run) -> Result<Stand<'a>, RunError> {
        let known = ids(crate::simulator::Simulator::new(script.world, script.start).state());
        Ok(Stand { script, track: Track::new(tape, run, script, false)?, known })
    }

    pub fn facts(&self, simulator: &crate::simulator::Simulator) -> Facts {
        Facts::known(simulator.state(), &self.known)
    }
}

impl Track {
    pub fn new(tape: Tape, run: &Run, script: &Script<'_>, back: bool) -> Result<Track, RunError> {
        let wanted: BTreeSet<u64> = tape.appends.iter().flat_map(|one| [one.before.size, one.after.size]).collect();
        let mut runs = BTreeMap::new();
        load::replay(&tape.journal, &run.id, script.secrets, &mut |run, _| {
            if wanted.contains(&run.size()) {
                runs.insert(run.size(), run.clone());
            }
        })?;
        let end = tape.appends.last().map(|append| append.after.simulator.clone());
        let end = end.ok_or_else(|| RunError::Bad("nothing was played".to_owned()))?;
        Ok(Track { tape, runs, end, back })
    }

    pub fn run_at(&self, moment: &Moment) -> Result<Run, RunError> {
        let run = self.runs.get(&moment.size).cloned();
        run.ok_or_else(|| RunError::Bad(format!("the play was not kept at entry {}", moment.size)))
    }
}

/// A play taken up at a moment.
pub struct Woken {
    pub scene: Scene,
    pub watch: Arc<Watch>,
    pub store: Watched<MemoryStore>,
    pub run: Run,
}

pub fn wake(stand: &Stand<'_>, track: &Track, moment: &Moment) -> Result<Woken, RunError> {
    let script = stand.script;
    let journal = track.tape.journal.as_of(&script.id, moment.size);
    let mut scene = script.scene(journal, moment.simulator.clone(), moment.now, moment.thrown);
    scene.wire.remember(moment.commands.clone());
    let watch = Watch::over(&mut scene, track.back && track.tape.appends.is_empty());
    let run = track.run_at(moment)?;
    for id in &run.index.open {
        if let Some(begun) = run.step(id).begun() {
            watch.open(id, &begun.operation);
        }
    }
    let store = Watched::new(&watch, scene.store.clone());
    Ok(Woken { scene, watch, store, run })
}

/// Plays one fault at one step, to wherever it leads; how it came out, and what is left.
pub fn strike(
    stand: &Stand<'_>,
    track: &Track,
    id: &StepId,
    step: &Step,
    happens: Happens,
) -> Result<(Ended, Scene), String> {
    let words = |error: RunError| format!("it ended with an error: {error}");
    let (moment, request) = moment_of(track, id, step, happens).ok_or("the play without faults did not come here")?;
    let Woken { mut scene, watch, mut store, run } = wake(stand, track, moment).map_err(words)?;
    let person = sitter(&run);
    arm(&scene, &watch, id, step, happens);
    let played = match (happens.is_kill(), request) {
        (true, _) => begin(&scene, store, None, &person),
        (false, None) => begin(&scene, store, Some(run), &person),
        (false, Some(request)) => {
            let seated = scene.sit_at(&mut store, run, &[person]).map_err(words)?;
            undecided(&scene, store, seated, request, happens)
        }
    };
    let before = &track.tape.effects[..moment.effects];
    let ended = to_the_end(&mut scene, &watch, before, played.map_err(words)?, track.back).map_err(words)?;
    let ended = judge::of_fault(stand, track, &scene, before, &watch.effects(), ended);
    Ok((ended, scene))
}

fn begin<S: Store>(scene: &Scene, mut store: S, run: Option<Run>, person: &str) -> Result<Played, RunError> {
    let people = [person.to_owned()];
    let seated = match run {
        Some(run) => scene.sit_at(&mut store, run, &people)?,
        // A process that was killed leaves nothing but the journal: the next one reads it.
        None => scene.sit(&mut store, &people)?,
    };
    block_on(scene.play(store, seated))
}

/// Where the play is taken up; for what approvers do, also the request.
fn moment_of<'a>(track: &'a Track, id: &StepId, step: &Step, happens: Happens) -> Option<(&'a Moment, Option<u64>)> {
    let tape = &track.tape;
    let over = tape.first(|mark| matches!(mark, Mark::Over(one, _) if one == id))?;
    let begun = tape.first(|mark| match mark {
        Mark::Begun(one, _) | Mark::WaitBegan(one) => one == id,
        Mark::Word(one) => one == id && !step.mutates,
        _ => false,
    });
    let began = begun.unwrap_or(over);
    let at = match happens {
        Happens::KilledBeforeIntent => &tape.appends[began].before,
        Happens::KilledAfterIntent => &tape.appends[begun?].after,
        Happens::KilledAfterCall => &tape.appends[over].before,
        Happens::KilledAfterOutcome => &tape.appends[over].after,
        Happens::ApprovalDenied | Happens::ApprovalExpired => {
            let spends = tape.appends[begun?].marks.iter().find_map(|mark| match mark {
                Mark::Begun(one, request) if one == id => *request,
                _ => None,
            })?;
            let asked = tape.first(|mark| matches!(mark, Mark::Asked(seq, _) if *seq == spends))?;
            return Some((&tape.appends[asked].after, Some(spends)));
        }
        // A read is struck before it is made: nothing of it is in the journal yet.
        _ if begun.is_none() => &tape.appends[over.checked_sub(1)?].after,
        _ => &tape.appends[began].before,
    };
    Some((at, None))
}

/// Sets the fault up: it strikes the step's own call, or the read that the step makes.
fn arm(scene: &Scene, watch: &Watch, id: &StepId, step: &Step, happens: Happens) {
    let faults = happens.of_aws(step.settles_within.max(stand_settles(scene)));
    if matches!(step.body, Body::Command(_)) && happens == Happens::ResponseLost {
        scene.wire.silence(&id.to_string());
    } else if let Some(action) = reads(step) {
        for mut fault in faults {
            fault.on.clone_from(&action);
            scene.wire.simulator().add_fault(fault);
        }
    } else if !faults.is_empty() {
        watch.trap(id, faults);
    }
}

/// How long AWS may take in this world, for steps that say nothing of it themselves.
fn stand_settles(scene: &Scene) -> i64 {
    scene.wire.simulator().timing().settles_within.unwrap_or(0)
}

/// Approvers deny the request once, or let its time pass; then they are as ever.
fn undecided(
    scene: &Scene,
    store: Watched<MemoryStore>,
    seated: Seated,
    request: u64,
    happens: Happens,
) -> Result<Played, RunError> {
    let Seated { seat, run } = seated;
    let mut actor = scene.actor(store, run, seat.epoch());
    block_on(actor.drive())?;
    let (mut store, mut run) = (actor.parts.store, actor.run);
    let asked = run.requests.get(&request).filter(|request| request.is_live()).map(|request| request.asked.clone());
    let asked = asked.ok_or_else(|| RunError::Bad(format!("request {request} ended before anybody decided on it")))?;
    if happens == Happens::ApprovalExpired {
        scene.clock.advance_to(asked.approve_by.plus(1_000));
    } else {
        let person = scene.lacking(&run, request).into_iter().next();
        let person = person.ok_or_else(|| RunError::Bad("nobody is left who could deny".to_owned()))?;
        scene.decide(&mut store, &mut run, request, &person, Decides::Deny)?;
    }
    block_on(scene.play(store, Seated { seat, run }))
}

/// What people do about a run that stopped: they come back and resume it, settle what is in doubt by what they
/// see, and in the end take it back.
fn to_the_end(
    scene: &mut Scene,
    watch: &Arc<Watch>,
    before: &[Effect],
    played: Played,
    back: bool,
) -> Result<Last, RunError> {
    let mut played = played;
    let mut first: Option<Stop> = None;
    for _ in 0..COME_BACK {
        if is_over(&played.run, back) {
            return Ok(Last { run: played.run, stop: first, way: Way::Forward });
        }
        first.get_or_insert(played.stop.clone());
        if played.stop.kind == StopKind::InDoubt && played.stop.what == Some(WaitFor::Settle) {
            settle_by_word(scene, watch, before, &played.stop)?;
        }
        let person = sitter(&played.run);
        drop(played);
        let store = Watched::new(watch, scene.store.clone());
        played = begin(scene, store, None, &person)?;
    }
    if is_over(&played.run, back) {
        return Ok(Last { run: played.run, stop: first, way: Way::Forward });
    }
    let stop = played.stop.clone();
    if back {
        return Ok(Last { run: played.run, stop: Some(stop), way: Way::Nowhere("it is on its way back".to_owned()) });
    }
    let person = sitter(&played.run);
    drop(played);
    let store = Watched::new(watch, scene.store.clone());
    match take_back(scene, store, None, &person, "")? {
        Err(no_way) => {
            let run = load::load(&scene.store, &scene.id, &scene.secrets)?;
            Ok(Last { run, stop: Some(stop), way: Way::Nowhere(no_way.to_string()) })
        }
        Ok(played) => {
            let way = match played.run.closed.as_deref() {
                Some("rolled_back") => Way::Back,
                _ => Way::Stuck(played.stop.clone()),
            };
            Ok(Last { run: played.run, stop: Some(stop), way })
        }
    }
}

fn is_over(run: &Run, back: bool) -> bool {
    run.closed.is_some() || (back && is_back(run))
}

/// Everything that was to be taken back is back; what was to be repaired is repaired.
pub fn is_back(run: &Run) -> bool {
    match &run.rollback {
        Some(rollback) => rollback.repairs().is_some_and(|of| rollback::is_repaired(run, &of)),
        None => run.rolled_back.is_some() || run.closed.is_some(),
    }
}

/// How a play ended, before it is judged.
pub struct Last {
    pub run: Run,
    /// Where it first stopped, and people had to come back.
    pub stop: Option<Stop>,
    pub way: Way,
}

pub enum Way {
    /// To its end.
    Forward,
    /// It stopped, and was rolled back.
    Back,
    /// It stopped, and can't be rolled back: why.
    Nowhere(String),
    /// It stopped, and the rollback stopped too.
    Stuck(Stop),
}

/// As `countersign rollback --to` (or `--repair`, of a step), by whoever sits there; then it is played on. The inner error: there is no way.
pub fn take_back<S: Store>(
    scene: &Scene,
    mut store: S,
    run: Option<Run>,
    person: &str,
    to: &str,
) -> Result<Result<Played, rollback::NoWay>, RunError> {
    let people = [person.to_owned()];
    let mut seated = match run {
        Some(run) => scene.sit_at(&mut store, run, &people)?,
        None => scene.sit(&mut store, &people)?,
    };
    let begun = match to.parse() {
        Ok(step) => rollback::begin_repair(&seated.run, &step),
        Err(_) => rollback::begin(&seated.run, to),
    };
    let drafts = match begun {
        Ok(drafts) => drafts,
        Err(no_way) => return Ok(Err(no_way)),
    };
    let epoch = seated.seat.epoch();
    voice::append_seat(&mut store, &scene.clock, &mut seated.run, epoch, drafts)?;
    block_on(scene.play(store, seated)).map(Ok)
}

/// The performer looks, says how it stands, and signs; approvers then decide on that word as on any request.
fn settle_by_word(scene: &Scene, watch: &Watch, before: &[Effect], stop: &Stop) -> Result<(), RunError> {
    let mut run = load::load(&scene.store, &scene.id, &scene.secrets)?;
    let Ok(id) = stop.at.parse::<StepId>() else { return Ok(()) };
    let (Some(step), Some(_)) = (run.plan.clone().step(&id).cloned(), run.step(&id).begun()) else { return Ok(()) };
    let Some(person) = run.people.holders(&step.performer).next().map(|person| person.id.clone()) else {
        return Ok(());
    };
    let (done, outputs) = match &step.body {
        Body::Command(_) => {
            let answer = scene.wire.answer(&id);
            let ran = scene.wire.commands().contains(&id.to_string());
            (ran, json!({"stdout": answer.stdout, "exit": answer.exit}))
        }
        _ => {
            let mine = |effect: &Effect| effect.step.as_ref() == Some(&id);
            (before.iter().any(mine) || watch.effects().iter().any(mine), Value::Object(Map::new()))
        }
    };
    // Which one it was they must find, or leave it.
    if done && !step.secret_outputs.is_empty() {
        return Ok(());
    }
    let result = if done { "done" } else { "not_done" };
    let salt = hex::encode(crate::engine::port::Random::bytes(&mut scene.random.clone(), 16));
    let value = doubt::settle_object(&run, &id, result, outputs, &salt);
    let object = operation::single(&value).map_err(|error| RunError::Bad(error.to_string()))?;
    let attempt = run.step(&id).attempt;
    let body = voice::said_body(&run, SaidWhat::Settled, &id.to_string(), attempt, Some(object.0));
    let (now, random) = (Clock::now(&scene.clock), &mut scene.random.clone());
    let signed = voice::sign(&run, random, scene.ring(), &person, &step.performer, body, "", now)?;
    let store = &mut scene.store.clone();
    match voice::say(store, &scene.clock, &mut run, &signed, Some(object)) {
        Ok(_) => Ok(()),
        Err(error) => Err(RunError::Bad(format!("{person} could not settle {id}: {error}"))),
    }
}
