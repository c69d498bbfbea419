//! The same work on many things, on all cores. What is done with one may not depend on another; the results come in
//! the order of the things. Never a matter of what comes out, only of when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many things somebody takes at a time.
const TAKEN: usize = 32;
/// Fewer things than this are not worth a second thread.
const FEW: usize = 128;

/// `work` on each of `all`; whoever works keeps a `with` of their own between one thing and the next.
pub fn map<T: Sync, W: Default, R: Send>(all: &[T], work: impl Fn(&mut W, &T) -> R + Sync) -> impl Iterator<Item = R> {
    let helpers = if all.len() < FEW { 0 } else { thread::available_parallelism().map_or(0, |cores| cores.get() - 1) };
    let next = AtomicUsize::new(0);
    let mut parts = Vec::new();
    thread::scope(|scope| {
        // Where no thread can be had, this one does everything.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || take_turns(all, &next, &work)).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(spawn).collect();
        parts.extend(take_turns(all, &next, &work));
        parts.extend(helpers.into_iter().filter_map(|helper| helper.join().ok()).flatten());
    });
    parts.sort_unstable_by_key(|(start, _)| *start);
    // Nothing may be missing, whatever became of a helper.
    if parts.iter().map(|(_, part)| part.len()).sum::<usize>() != all.len() {
        parts = vec![(0, part_of(all, &mut W::default(), &work))];
    }
    parts.into_iter().flat_map(|(_, part)| part)
}

/// Takes part after part until none is left.
fn take_turns<T, W: Default, R>(
    all: &[T],
    next: &AtomicUsize,
    work: &impl Fn(&mut W, &T) -> R,
) -> Vec<(usize, Vec<R>)> {
    let mut with = W::default();
    let mut parts = Vec::new();
    loop {
        let start = next.fetch_add(TAKEN, Ordering::Relaxed);
        let Some(rest) = all.get(start..).filter(|rest| !rest.is_empty()) else { return parts };
        parts.push((start, part_of(&rest[..rest.len().min(TAKEN)], &mut with, work)));
    }
}

fn part_of<T, W, R>(part: &[T], with: &mut W, work: &impl Fn(&mut W, &T) -> R) -> Vec<R> {
    part.iter().map(|one| work(with, one)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_worked_on_once_and_stays_in_its_place() {
        for count in [0, 1, TAKEN, FEW - 1, FEW, FEW + 1, 1_000, 10_007] {
            let all: Vec<usize> = (0..count).collect();
            let done: Vec<usize> = map(&all, |_: &mut (), one| one * 3).collect();
            assert_eq!(done, all.iter().map(|one| one * 3).collect::<Vec<_>>(), "{count}");
        }
    }

    #[test]
    fn whoever_works_keeps_something_from_one_to_the_next() {
        let all = vec![(); 5_000];
        let seen: Vec<u32> = map(&all, |count: &mut u32, _| {
            *count += 1;
            *count
        })
        .collect();
        assert!(seen.iter().max().is_some_and(|most| *most > 1) && seen.iter().all(|one| *one >= 1));
    }
}
