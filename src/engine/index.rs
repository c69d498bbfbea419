//! What is looked up for every question about a run, kept by the fold: which operations are open, which items are
//! not over, which requests are over a step. So a step of the last of a thousand items costs what the first did.
//! Nothing here decides anything; all of it can be told from the state again.

use super::next;
use super::state::{RequestState, Run, Status};
use crate::base::{StepId, Time};
use crate::record::statement::Body;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A stage's item: stage and key.
pub type Place = (String, Option<String>);

/// Over the whole run.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Operations begun and not settled.
    pub open: BTreeSet<StepId>,
    /// Steps whose last attempt failed.
    pub failed: BTreeSet<StepId>,
    /// Requests over each step, by seq.
    pub requests: BTreeMap<StepId, Vec<u64>>,
    /// Requests by what they say that they cover, by seq.
    pub covers: BTreeMap<String, Vec<u64>>,
    /// Live requests by performer.
    pub live: BTreeMap<String, BTreeSet<u64>>,
    /// Live requests by the earliest moment at which their clock may run out.
    pub clocks: BTreeSet<(Time, u64)>,
    /// Changed by the entry that is being folded.
    pub(super) touched: BTreeSet<StepId>,
    pub(super) places: BTreeSet<Place>,
}

/// How the items of a stage stand, by their place in the list.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Where each key stands.
    at: BTreeMap<Option<String>, usize>,
    /// Not over.
    pub left: BTreeSet<usize>,
    /// Not over, and without an anchor.
    pub bare: BTreeSet<usize>,
    /// By the entry that last touched it: what may have become ready to be asked for.
    pub touched: BTreeSet<(u64, usize)>,
    last: Vec<u64>,
}

impl Standing {
    pub(super) fn of(items: &[(Option<String>, Value)]) -> Standing {
        Standing {
            at: items.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect(),
            left: (0..items.len()).collect(),
            bare: (0..items.len()).collect(),
            touched: (0..items.len()).map(|at| (0, at)).collect(),
            last: vec![0; items.len()],
        }
    }

    pub fn place(&self, item: &Option<String>) -> Option<usize> {
        self.at.get(item).copied()
    }

    fn touch(&mut self, at: usize, seq: u64) {
        if let Some(last) = self.last.get_mut(at) {
            self.touched.remove(&(*last, at));
            self.touched.insert((seq, at));
            *last = seq;
        }
    }
}

impl Index {
    pub(super) fn asked(&mut self, request: &RequestState, steps: Vec<StepId>) {
        for step in steps {
            self.touched.insert(step.clone());
            self.requests.entry(step).or_default().push(request.seq);
        }
        self.covers.entry(request.asked.covers.clone()).or_default().push(request.seq);
        self.live.entry(request.asked.performer.clone()).or_default().insert(request.seq);
        self.clocks.insert((clock(request), request.seq));
    }

    /// A voice can only bring the moment nearer.
    pub(super) fn heard(&mut self, request: &RequestState) {
        if request.is_live() {
            self.clocks.insert((clock(request), request.seq));
        }
    }

    pub(super) fn over(&mut self, request: &RequestState) {
        self.touched.extend(request.slots.keys().cloned());
        let performer = &request.asked.performer;
        if let Some(live) = self.live.get_mut(performer) {
            live.remove(&request.seq);
            if live.is_empty() {
                self.live.remove(performer);
            }
        }
        self.clocks.remove(&(request.asked.approve_by.min(request.asked.run_by), request.seq));
        for voices in 1..=request.voices.len() {
            self.clocks.remove(&(clock_of(request, voices), request.seq));
        }
    }
}

/// Before this its clock has not run out, whatever was said about it.
fn clock(request: &RequestState) -> Time {
    clock_of(request, request.voices.len())
}

fn clock_of(request: &RequestState, voices: usize) -> Time {
    let run_within = request.demands.iter().flatten().map(|demand| demand.run_within).min().unwrap_or(0);
    let said = request.voices.iter().take(voices).filter_map(|voice| match &voice.statement.body {
        Body::Approval(..) => Some(voice.statement.tail.signed_at.plus(run_within)),
        _ => None,
    });
    said.chain([request.asked.approve_by, request.asked.run_by]).min().unwrap_or_default()
}

impl Run {
    /// After each entry: what it touched stands in the index as it is now.
    pub(super) fn refresh(&mut self, seq: u64) {
        let touched = std::mem::take(&mut self.index.touched);
        let mut places = std::mem::take(&mut self.index.places);
        for id in touched {
            let status = self.steps.get(&id).map(|state| &state.status);
            mark(&mut self.index.open, &id, matches!(status, Some(Status::Open(_) | Status::InDoubt(_))));
            mark(&mut self.index.failed, &id, matches!(status, Some(Status::Failed { .. })));
            places.insert((id.stage, id.item));
        }
        let plan = std::sync::Arc::clone(&self.plan);
        for place in places {
            let Some(stage) = plan.stage(&place.0) else { continue };
            let over = next::item_is_over(self, stage, place.1.as_deref());
            let anchored = self.anchors.contains_key(&place);
            let Some(state) = self.stages.get_mut(&place.0) else { continue };
            let Some(at) = state.standing.place(&place.1) else { continue };
            state.standing.touch(at, seq);
            mark(&mut state.standing.left, &at, !over);
            mark(&mut state.standing.bare, &at, !over && !anchored);
        }
    }
}

fn mark<T: Ord + Clone>(set: &mut BTreeSet<T>, one: &T, is: bool) {
    if !is {
        set.remove(one);
    } else if !set.contains(one) {
        set.insert(one.clone());
    }
}
