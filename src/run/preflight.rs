//! A look at the live accounts: opens sessions, asks what `preflight` wants to know next, many at once, and hands
//! the answers back. Reads only: an action that changes something is never called from here.

use crate::catalogue;
use crate::engine::port::{Clock, Cloud, Identity, SessionProblem};
use crate::preflight::{Ask, Case, Look, Preflight};
use futures_util::stream::{self, StreamExt};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Kinds of reads that go on at the same time, each in its own account.
const AT_ONCE: usize = 32;
/// Of one kind in one account: AWS publishes no rate for most reads, and answers many at once with throttling.
const OF_A_KIND: usize = 4;
/// Sessions that are opened at the same time.
const OPENED_AT_ONCE: usize = 8;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// So many of so many sessions are opened, or could not be.
    Sessions(usize, usize),
    /// In this round, so many of so many reads are answered.
    Reads(u8, usize, usize),
}

/// Looks.
pub async fn look<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    case: Case,
    simulated: bool,
    tell: &mut dyn FnMut(Told),
) -> Preflight {
    let mut looking = Look::new(case, clock.now());
    let doors = open(cloud, clock, looking.case(), tell).await;
    looking.opened(doors);
    let look = RefCell::new(looking);
    let mut round = 0;
    loop {
        let asks = look.borrow_mut().next_round();
        if asks.is_empty() {
            break;
        }
        round += 1;
        let all = asks.len();
        let answered = RefCell::new((0, &mut *tell));
        let (began, turns) = (clock.now(), Cell::new(0));
        let ask = async |ask: Ask| {
            let call = look.borrow().call(&ask).filter(|call| reads_only(&call.action));
            let Some(call) = call else { return };
            if let Some(rate) = ask.read.together {
                let due = began.plus(turn(turns.replace(turns.get() + 1), rate));
                clock.sleep(due.since(clock.now()).max(0)).await;
            }
            let reply = cloud.call(&call).await;
            look.borrow_mut().answered(&ask, reply, clock.now());
            let (count, tell) = &mut *answered.borrow_mut();
            *count += 1;
            tell(Told::Reads(round, *count, all));
        };
        stream::iter(by_kind(asks))
            .for_each_concurrent(AT_ONCE, |kind| stream::iter(kind).for_each_concurrent(OF_A_KIND, &ask))
            .await;
    }
    look.into_inner().finish(clock.now(), simulated)
}

/// When the `nth` request of a round may go (milliseconds after its begin), at a rate that many accounts share.
fn turn(nth: u32, (rate, burst): (u32, u32)) -> i64 {
    let behind = i64::from((nth + 1).saturating_sub(burst));
    behind * 1000 / i64::from(rate.max(1)) + i64::from(behind > 0)
}

fn reads_only(action: &str) -> bool {
    catalogue::find(action).is_some_and(|action| !action.mutates)
}

/// The same read in the same account together; what is many comes first, for it takes longest.
fn by_kind(asks: Vec<Ask>) -> Vec<Vec<Ask>> {
    let mut kinds: BTreeMap<(usize, &str), Vec<Ask>> = BTreeMap::new();
    for ask in asks {
        // What all accounts share the rate of is one queue.
        let way = if ask.read.together.is_some() { usize::MAX } else { ask.way };
        kinds.entry((way, ask.read.action)).or_default().push(ask);
    }
    let mut kinds: Vec<Vec<Ask>> = kinds.into_values().collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.len()));
    kinds
}

type Doors = Vec<(Result<Identity, SessionProblem>, crate::base::Time)>;

/// Opens every session: those that stand alone first, then those that go through them.
async fn open<C: Cloud, K: Clock>(cloud: &C, clock: &K, case: &Case, tell: &mut dyn FnMut(Told)) -> Doors {
    let all = case.ways.len();
    let mut doors: Vec<Option<(Result<Identity, SessionProblem>, crate::base::Time)>> = vec![None; all];
    let mut done = 0;
    for chained in [false, true] {
        let these = case.ways.iter().enumerate().filter(|(_, way)| way.wanted.through.is_some() == chained);
        let mut opening = stream::iter(these)
            .map(async |(place, way)| (place, cloud.open(&way.wanted).await))
            .buffer_unordered(OPENED_AT_ONCE);
        while let Some((place, result)) = opening.next().await {
            if let Some(door) = doors.get_mut(place) {
                *door = Some((result, clock.now()));
            }
            done += 1;
            tell(Told::Sessions(done, all));
        }
    }
    doors.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::turn;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let turns: Vec<i64> = (0..5).map(|nth| turn(nth, (2, 3))).collect();
        assert_eq!(turns, [0, 0, 0, 501, 1001]);
    }
}
