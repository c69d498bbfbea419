//! Dice that fall the same way for the same seed: of the generator, and of the runs that are played.

use countersign::base::Digest;
use countersign::engine::port::Random;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64: small, and the same on every machine.
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn of(seed: u64, what: u64) -> Dice {
        Dice(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    pub fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below - 1`.
    pub fn up_to(&self, below: usize) -> usize {
        (self.next() % below.max(1) as u64) as usize
    }

    /// Between the two, both possible.
    pub fn between(&self, from: usize, to: usize) -> usize {
        from + self.up_to(to - from + 1)
    }

    /// So many times in a hundred.
    pub fn percent(&self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    pub fn one<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[self.up_to(all.len())]
    }
}

/// The random bytes of a run: nonces and salts.
#[derive(Clone, Default)]
pub struct Bytes(Arc<AtomicU64>);

impl Random for Bytes {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let thrown = self.0.fetch_add(1, Ordering::SeqCst);
        let more = |part: u64| Digest::of(format!("random runbook {thrown} {part}").as_bytes()).0;
        (0..).flat_map(more).take(count).collect()
    }
}
