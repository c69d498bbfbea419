//! Who fills which slot: one person one slot, `count` people of `from_parties` parties per demand.
//!
//! A maximum flow. A demand with `count` c and `from_parties` p has p slots that take at most one
//! person of each party, and c - p slots that take anybody who fits; it is met exactly when all c
//! are taken. Voters come in the order given, and one who has a slot never loses it again, so the
//! earliest set of voters is found, always the same.

use crate::plan::model::Approval;

/// One person's approval: their party, and which demands it fits.
#[derive(Clone, Debug)]
pub(super) struct Voter {
    pub party: String,
    pub fits: Vec<bool>,
}

#[derive(Debug)]
pub(super) struct Filled {
    /// Every demand is met.
    pub complete: bool,
    /// Per voter: fills a slot.
    pub used: Vec<bool>,
    /// Per demand: how many slots are filled.
    pub have: Vec<u32>,
}

/// Fills as many slots as possible.
pub(super) fn fill(demands: &[Approval], voters: &[Voter]) -> Filled {
    let mut net = Net::new(demands, voters);
    let used: Vec<bool> = (0..voters.len()).map(|voter| net.place(voter, voters)).collect();
    let have: Vec<u32> = (0..demands.len()).map(|demand| net.taken(demand)).collect();
    // A demand for more parties than people can't be met by anybody.
    let complete = demands.iter().zip(&have).all(|(d, have)| *have >= d.count && d.from_parties <= d.count);
    Filled { complete, used, have }
}

/// Where a voter sits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seat {
    demand: usize,
    /// One of the slots that count parties.
    diverse: bool,
}

struct Net {
    /// Per demand: slots that count parties, and the others.
    diverse: Vec<usize>,
    free: Vec<usize>,
    seats: Vec<Option<Seat>>,
}

impl Net {
    fn new(demands: &[Approval], voters: &[Voter]) -> Net {
        // More slots than voters can't be filled anyway; the cap keeps a foreign plan's numbers harmless.
        let cap = |count: u32| usize::try_from(count).unwrap_or(usize::MAX).min(voters.len() + 1);
        Net {
            diverse: demands.iter().map(|d| cap(d.from_parties.min(d.count))).collect(),
            free: demands.iter().map(|d| cap(d.count.saturating_sub(d.from_parties))).collect(),
            seats: vec![None; voters.len()],
        }
    }

    fn taken(&self, demand: usize) -> u32 {
        let count = self.seats.iter().flatten().filter(|seat| seat.demand == demand).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Finds a slot for `voter`, moving others to other slots where that helps.
    fn place(&mut self, voter: usize, voters: &[Voter]) -> bool {
        // Breadth first over voters that must move; `from` remembers who pushes whom out of which seat.
        let mut from: Vec<Option<(usize, Seat)>> = vec![None; voters.len()];
        let mut queue = std::collections::VecDeque::from([voter]);
        let mut seen = vec![false; voters.len()];
        seen[voter] = true;
        while let Some(at) = queue.pop_front() {
            for seat in self.seats_for(&voters[at]) {
                let Some(blockers) = self.blockers(seat, &voters[at].party, voters) else {
                    self.shift(at, seat, &from);
                    return true;
                };
                for blocker in blockers {
                    if !seen[blocker] {
                        seen[blocker] = true;
                        from[blocker] = Some((at, seat));
                        queue.push_back(blocker);
                    }
                }
            }
        }
        false
    }

    fn seats_for(&self, voter: &Voter) -> Vec<Seat> {
        let fitting = (0..self.diverse.len()).filter(|demand| voter.fits.get(*demand).copied().unwrap_or(false));
        fitting.flat_map(|demand| [true, false].map(|diverse| Seat { demand, diverse })).collect()
    }

    /// Who would have to leave so that somebody of `party` can take a seat of this kind: any one of them.
    /// None: it can be taken as it is.
    fn blockers(&self, seat: Seat, party: &str, voters: &[Voter]) -> Option<Vec<usize>> {
        let sitting: Vec<usize> = (0..voters.len()).filter(|other| self.seats[*other] == Some(seat)).collect();
        let own = sitting.iter().copied().find(|other| seat.diverse && voters[*other].party == party);
        let size = if seat.diverse { self.diverse[seat.demand] } else { self.free[seat.demand] };
        match own {
            Some(own) => Some(vec![own]),
            None if sitting.len() < size => None,
            None => Some(sitting),
        }
    }

    /// Seats `at` in `seat`, and whoever pushes them, back to the voter who began.
    fn shift(&mut self, mut at: usize, mut seat: Seat, from: &[Option<(usize, Seat)>]) {
        loop {
            self.seats[at] = Some(seat);
            match from[at] {
                Some((pusher, left)) => (at, seat) = (pusher, left),
                None => return,
            }
        }
    }
}
