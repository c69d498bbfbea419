//! The loop itself. In each round: what came back is journaled, together; then what may begin begins, the intents of
//! all items together. Only waiting is concurrent.

use super::desk::{Desk, Group};
use super::hands::{Back, Errand, Hands};
use super::{Appended, RunError};
use crate::base::Time;
use crate::engine::index::Place;
use crate::engine::next::{self, Draft, Moves, Next, Perform, Prompt, Stop, StopKind};
use crate::engine::port::{Clock, Cloud, Store};
use crate::operator::{Operator, Patience};
use crate::record::fact::{Fact, WaitFor};
use futures_util::future::{Either, FutureExt, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::Future;
use std::pin::pin;

/// Between two looks at the journal while a person is waited for at a terminal.
const POLL_MS: i64 = 500;

/// What the engine allows now, by how it is carried out.
#[derive(Default)]
struct Round {
    /// Entries of the items themselves.
    own: Vec<Draft>,
    /// Entries about more than one item: one such change at a time, and then everything is decided anew.
    shared: Vec<Draft>,
    performs: Vec<(Place, Perform)>,
    errands: Vec<(Place, Next)>,
    prompts: Vec<(Place, Prompt)>,
    sleeps: Vec<Stop>,
    stops: Vec<Next>,
}

impl Round {
    fn of(moves: Moves, idle: bool) -> Round {
        let mut round = Round::default();
        match moves {
            Moves::One(next) => match *next {
                Next::Append(drafts) => round.shared = drafts,
                next if idle => round.add(next::nowhere(), next),
                _ => {}
            },
            Moves::Each(each) => each.into_iter().for_each(|(place, next)| round.add(place, next)),
        }
        round
    }

    fn add(&mut self, place: Place, next: Next) {
        match next {
            Next::Append(drafts) if drafts.iter().any(is_shared) => {
                if self.shared.is_empty() {
                    self.shared = drafts;
                }
            }
            Next::Append(drafts) => self.own.extend(drafts),
            Next::Perform(perform) => self.performs.push((place, perform)),
            Next::Prompt(prompt) => self.prompts.push((place, prompt)),
            Next::Sleep { until, what, step, why } => {
                let mut stop = Stop::waiting(what, step, why);
                stop.until = Some(until);
                self.sleeps.push(stop);
            }
            Next::Stop(stop) => self.stops.push(Next::Stop(stop)),
            next => self.errands.push((place, next)),
        }
    }
}

/// Whether what other items may do hangs on it.
fn is_shared(draft: &Draft) -> bool {
    matches!(
        draft.fact,
        Fact::Asked(_)
            | Fact::RequestEnded(_)
            | Fact::RunClosed(_)
            | Fact::StageEntered(_)
            | Fact::HoldBegan(_)
            | Fact::HoldEnded(_)
    )
}

impl<S: Store, K: Clock, O: Operator> Desk<'_, S, K, O> {
    pub(super) async fn drive<C: Cloud>(&mut self, hands: &Hands<'_, C, K>) -> Result<Stop, RunError> {
        self.seat.busy.clear();
        self.seat.sent.clear();
        self.seat.parked.clear();
        let mut air = FuturesUnordered::new();
        let mut back: Vec<Back> = Vec::new();
        loop {
            if self.catch_up()? {
                // What somebody added may be what was waited for.
                self.seat.parked.clear();
            }
            self.note_jump()?;
            if self.land(&mut back, air.is_empty())? == Appended::Moved {
                continue;
            }
            let round = self.round();
            let idle = air.is_empty() && back.is_empty();
            let (errands, again) = self.begin(&round, idle, &mut back)?;
            if let Some(stop) = self.declined.take() {
                // A "no" at the seat ends the sitting: asking the same again at once would wear it down.
                self.note(&stop)?;
                return Ok(stop);
            }
            for errand in errands {
                self.seat.busy.insert(errand.place.clone());
                air.push(hands.go(errand));
            }
            if again {
                continue;
            }
            if air.is_empty() && back.is_empty() {
                if let Some(stop) = self.rest(round).await? {
                    return Ok(stop);
                }
            } else if !air.is_empty() {
                self.wait(&mut air, &mut back, &round.sleeps).await;
            }
        }
    }

    fn round(&mut self) -> Round {
        let (moves, asked) = next::moves(self.run, self.seat, self.clock.now());
        if let Some(stage) = asked {
            self.seat.asked.insert(stage.to_owned(), self.run.size().saturating_sub(1));
        }
        Round::of(moves, self.seat.busy.is_empty())
    }

    /// Begins what may begin: errands to be sent out; and whether the engine is to be asked again at once.
    fn begin(&mut self, round: &Round, idle: bool, back: &mut Vec<Back>) -> Result<(Vec<Errand>, bool), RunError> {
        if !round.own.is_empty() || !round.shared.is_empty() {
            let mut group = Group::default();
            group.add(round.own.clone());
            group.add(round.shared.clone());
            let _ = self.append(group.drafts)?;
            return Ok((Vec::new(), true));
        }
        if let Some((place, prompt)) = round.prompts.first() {
            // People are asked one at a time, while nothing is under way that could grow old meanwhile.
            if idle {
                self.ready.clear();
                if let Some(stop) = self.prompt(prompt)? {
                    self.park(place.clone(), stop);
                }
            }
            return Ok((Vec::new(), idle));
        }
        let mut errands = Vec::new();
        let mut again = self.intents(&round.performs, &mut errands, back)?;
        for (place, next) in &round.errands {
            match self.errand(place, next)? {
                Ok(errand) => errands.push(errand),
                Err(stop) => {
                    self.park(place.clone(), stop);
                    again = true;
                }
            }
        }
        Ok((errands, again))
    }

    pub(super) fn park(&mut self, place: Place, stop: Stop) {
        self.seat.parked.insert(place, stop);
    }

    /// What came back goes into the journal, together. If the journal has moved on, it is drafted anew: what AWS has
    /// answered is never lost.
    fn land(&mut self, back: &mut Vec<Back>, alone: bool) -> Result<Appended, RunError> {
        let (now, later): (Vec<Back>, Vec<Back>) =
            std::mem::take(back).into_iter().partition(|one| alone || !self.needs_a_word(one));
        let mut group = Group::default();
        let mut landings = Vec::with_capacity(now.len());
        for one in &now {
            let mut landing = self.landing(one)?;
            group.add(std::mem::take(&mut landing.drafts));
            landings.push(landing);
        }
        back.extend(later);
        if self.append(group.drafts)? == Appended::Moved {
            back.extend(now);
            return Ok(Appended::Moved);
        }
        for (one, landing) in now.into_iter().zip(landings) {
            self.seat.busy.remove(&one.place);
            self.seat.sent.remove(&one.at);
            self.remember(landing.after);
            if let Some(stop) = landing.stop {
                self.park(one.place, stop);
            }
        }
        Ok(Appended::Yes)
    }

    /// Waits for the next return, or until something may be looked at again; what else has come back by then comes too.
    async fn wait<F: Future<Output = Back>>(
        &mut self,
        air: &mut FuturesUnordered<F>,
        back: &mut Vec<Back>,
        sleeps: &[Stop],
    ) {
        let wakes = sleeps.iter().filter(|stop| self.sits_through(stop)).filter_map(|stop| stop.until).min();
        let first = match wakes {
            None => air.next().await,
            Some(until) => {
                let sleep = pin!(self.clock.sleep(until.since(self.now()).max(1)));
                match select(air.next(), sleep).await {
                    Either::Left((first, _)) => first,
                    Either::Right(_) => None,
                }
            }
        };
        back.extend(first);
        while let Some(Some(one)) = air.next().now_or_never() {
            back.push(one);
        }
    }

    fn sits_through(&self, stop: &Stop) -> bool {
        let left = stop.until.map_or(0, |until: Time| until.since(self.now()));
        match (stop.what, self.operator.patience()) {
            // Between two reads or tries: part of the step, not a wait for the calendar.
            (Some(WaitFor::Aws), _) | (_, Patience::Always) => true,
            (_, Patience::Short(most)) => left <= most,
            (_, Patience::None) => false,
        }
    }

    /// Nothing is under way: the nearest clock is sat through, or the seat is left, or (at a terminal) a person is
    /// waited for.
    async fn rest(&mut self, round: Round) -> Result<Option<Stop>, RunError> {
        // What a session gave a program is not kept for later.
        self.ready.clear();
        let patient = round.sleeps.iter().filter(|stop| self.sits_through(stop)).min_by_key(|stop| stop.until);
        if let Some(stop) = patient {
            if stop.what == Some(WaitFor::Time) {
                self.told_once(stop);
            }
            let left = stop.until.map_or(0, |until| until.since(self.now()));
            self.clock.sleep(left.max(1)).await;
            return Ok(None);
        }
        let mut stops = round.stops;
        stops.extend(round.sleeps.into_iter().map(Next::Stop));
        if stops.is_empty() {
            stops.push(next::nothing(self.run));
        }
        self.settle_down(next::worst(stops.into_iter())).await
    }

    fn told_once(&mut self, stop: &Stop) {
        if self.told.as_ref() != Some(stop) {
            self.operator.waiting(self.run, stop);
            *self.told = Some(stop.clone());
        }
    }

    /// Before the seat is left, what it waits for goes into the journal. A patient seat stays until the
    /// journal moves on.
    async fn settle_down(&mut self, stop: Stop) -> Result<Option<Stop>, RunError> {
        let for_person = stop.kind == StopKind::Waiting
            && matches!(
                stop.what,
                Some(WaitFor::Approval | WaitFor::Confirmation | WaitFor::Task | WaitFor::Answer | WaitFor::GoOn)
            );
        self.note(&stop)?;
        if for_person && self.operator.patience() == Patience::Always {
            self.told_once(&stop);
            loop {
                self.clock.sleep(POLL_MS).await;
                self.operator.tick(self.run, self.clock.now());
                let expired = stop.until.is_some_and(|until| until <= self.now());
                if self.catch_up()? || expired {
                    self.seat.parked.clear();
                    return Ok(None);
                }
            }
        }
        Ok(Some(stop))
    }
}
