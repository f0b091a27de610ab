//! One direction of a link, which decides whether and when each datagram arrives.

mod harm;
mod pipe;
mod tally;

#[cfg(test)]
mod tests;

pub use pipe::{Passage, Pipe, PipeConfig};
pub use tally::Tally;

use harm::{Active, Stage, mark};
use smallvec::SmallVec;
use tickwire_core::address::Ecn;

use crate::clock::micros;
use crate::fault::{Fault, Kind};
use crate::rng::{Draws, mix};

/// A datagram that will arrive at the receiving end of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// The virtual time at which the datagram arrives, in microseconds.
    pub at_us: u64,
    /// The bytes of the datagram, including any corruption.
    pub bytes: Vec<u8>,
    /// The ECN bits of the datagram.
    pub ecn: Ecn,
    /// The number of the address from which [`Kind::Replay`] sends this copy of a datagram, or `None` if the datagram
    /// comes from the sender of the link.
    pub stranger: Option<u8>,
}

/// A datagram that a node sends on a link.
#[derive(Clone, Copy, Debug)]
pub struct Departure<'a> {
    /// The virtual time at which the datagram is sent, in microseconds.
    pub at_us: u64,
    /// The bytes of the datagram.
    pub bytes: &'a [u8],
    /// The ECN bits of the datagram.
    pub ecn: Ecn,
}

/// One direction of a link between two nodes. The direction delays datagrams and applies the active faults to them.
#[derive(Debug)]
pub struct Link {
    id: u64,
    delay_us: u64,
    stages: [Vec<Active>; Stage::COUNT],
    last_us: u64,
    ordinal: u32,
}

impl Link {
    /// Creates one direction of a link, without faults and with a delay of `delay_us` microseconds. `id` must be
    /// different for each direction, because the random decisions of faults depend on the id.
    #[must_use]
    pub const fn new(id: u64, delay_us: u64) -> Self {
        Self { id, delay_us, stages: [const { Vec::new() }; Stage::COUNT], last_us: 0, ordinal: 0 }
    }

    /// Activates `fault`, which has the index `index` in the list of faults, on this link. A fault that affects nodes
    /// has no effect.
    pub fn begin(&mut self, index: usize, fault: &Fault) {
        let Some(stage) = Stage::of(&fault.kind) else { return };
        let key = mix(fault.seed, self.id);
        let active = &mut self.stages[stage as usize];
        let place = active.partition_point(|other| other.index < index);
        active.insert(place, Active::new(index, fault, key));
    }

    /// Deactivates the fault with the index `index` in the list of faults on this link.
    pub fn end(&mut self, index: usize) {
        for active in &mut self.stages {
            active.retain(|other| other.index != index);
        }
    }

    /// Sends a datagram over the link, and appends the resulting arrivals to `arrivals`, with buffers from `pool`. The
    /// times of successive calls must not decrease.
    pub fn carry(
        &mut self,
        departure: Departure<'_>,
        bottleneck: Option<&mut Pipe>,
        pool: &mut Pool,
        tally: &mut Tally,
        arrivals: &mut Vec<Arrival>,
    ) {
        let Departure { at_us: now_us, bytes, ecn } = departure;
        let moment = self.moment(now_us);
        if self.stages.iter().all(Vec::is_empty) && bottleneck.is_none() {
            let at_us = now_us.saturating_add(self.delay_us);
            arrivals.push(Arrival { at_us, bytes: pool.copy(bytes), ecn, stranger: None });
            return;
        }
        self.replay(departure, moment, pool, tally, arrivals);
        if self.lose(moment, bytes.len(), tally) {
            return;
        }
        let copies = self.copies(moment, tally);
        let mut bottleneck = bottleneck;
        for (copy, later) in copies.into_iter().enumerate() {
            let moment = mix(moment, copy as u64);
            let mut bytes = pool.copy(bytes);
            for active in &mut self.stages[Stage::Corrupt as usize] {
                active.corrupt(moment, &mut bytes, tally);
            }
            let offered = (now_us, bytes.len() as u64);
            let Some((through, marked)) = self.pass(offered, bottleneck.as_deref_mut(), tally) else {
                pool.give_back(bytes);
                continue;
            };
            let mut at_us = through.saturating_add(self.delay_us).saturating_add(later);
            for active in &mut self.stages[Stage::Delay as usize] {
                at_us = active.delay(moment, at_us, tally);
            }
            // Copies that come later hold nothing else up.
            for active in self.stages[Stage::Order as usize].iter_mut().filter(|_| copy == 0) {
                at_us = active.in_order(at_us, tally);
            }
            let mut ecn = if marked { mark(ecn) } else { ecn };
            for active in &self.stages[Stage::Mark as usize] {
                ecn = active.remark(moment, ecn, tally);
            }
            arrivals.push(Arrival { at_us, bytes, ecn, stranger: None });
        }
    }

    /// Returns a number for this datagram, derived from its sending time and the number of earlier datagrams in the
    /// same microsecond. With a number that counted all earlier datagrams, every decision would depend on all earlier
    /// traffic, and lists of faults would not shrink.
    fn moment(&mut self, now_us: u64) -> u64 {
        self.ordinal = if now_us == self.last_us { self.ordinal.wrapping_add(1) } else { 0 };
        self.last_us = now_us;
        mix(now_us, u64::from(self.ordinal))
    }

    fn replay(
        &self,
        Departure { at_us: now_us, bytes, .. }: Departure<'_>,
        moment: u64,
        pool: &mut Pool,
        tally: &mut Tally,
        arrivals: &mut Vec<Arrival>,
    ) {
        for active in &self.stages[Stage::Replay as usize] {
            let Kind::Replay { ppm, spread } = active.kind else { continue };
            let mut draws = Draws::new(mix(active.key, moment));
            if !draws.chance(ppm) {
                continue;
            }
            tally.fire(active.index);
            let after_us = if draws.chance(500_000) {
                draws.between(0, self.delay_us)
            } else {
                self.delay_us.saturating_add(draws.magnitude(1, micros(spread).max(1)))
            };
            let stranger = Some(draws.below(STRANGERS) as u8);
            arrivals.push(Arrival {
                at_us: now_us.saturating_add(after_us),
                bytes: pool.copy(bytes),
                ecn: Ecn::NotCapable,
                stranger,
            });
        }
    }

    fn lose(&mut self, moment: u64, length: usize, tally: &mut Tally) -> bool {
        let mut lost = false;
        for active in &mut self.stages[Stage::Lose as usize] {
            // Every chain takes its step, whatever the others decided.
            if active.loses(moment, length) && !lost {
                lost = true;
                tally.fire(active.index);
            }
        }
        lost
    }

    /// Returns the delay of each copy after the first copy. The first copy is the datagram itself.
    fn copies(&self, moment: u64, tally: &mut Tally) -> SmallVec<[u64; 4]> {
        let mut copies = SmallVec::from_slice(&[0]);
        for active in &self.stages[Stage::Duplicate as usize] {
            let Kind::Duplicate { ppm, most, spread } = active.kind else { continue };
            let mut draws = Draws::new(mix(active.key, moment));
            if !draws.chance(ppm) {
                continue;
            }
            tally.fire(active.index);
            let count = draws.between(1, u64::from(most)).min(COPIES_MOST);
            copies.extend((0..count).map(|_| draws.between(0, micros(spread))));
        }
        copies
    }

    /// Returns the time at which the last byte has passed all bottlenecks, and whether a bottleneck marks the datagram.
    /// Returns `None` if a queue is full.
    fn pass(
        &mut self,
        offered: (u64, u64),
        bottleneck: Option<&mut Pipe>,
        tally: &mut Tally,
    ) -> Option<(u64, bool)> {
        let (mut at_us, length) = offered;
        let mut marked = false;
        if let Some(pipe) = bottleneck {
            let passage = pipe.pass(at_us, length)?;
            (at_us, marked) = (passage.left_us, passage.marked);
        }
        for active in &mut self.stages[Stage::Squeeze as usize] {
            let Some(through) = active.squeeze(at_us, length) else {
                tally.fire(active.index);
                return None;
            };
            if through > at_us {
                tally.fire(active.index);
            }
            at_us = through;
        }
        Some((at_us, marked))
    }
}

/// The number of addresses from which strangers repeat datagrams. The number is small, so that the bytes that a node
/// sends to one of them add up.
const STRANGERS: u64 = 4;
/// The largest number of additional copies of a datagram that one fault makes.
const COPIES_MOST: u64 = 16;

/// A pool of reusable buffers.
#[derive(Debug, Default)]
pub struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// Returns a buffer that holds a copy of `bytes`.
    #[must_use]
    pub fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut buffer = self.0.pop().unwrap_or_else(|| Vec::with_capacity(1500));
        buffer.clear();
        buffer.extend_from_slice(bytes);
        buffer
    }

    /// Returns a buffer to the pool, for reuse.
    pub fn give_back(&mut self, buffer: Vec<u8>) {
        if self.0.len() < POOL_BUFFERS {
            self.0.push(buffer);
        }
    }
}

/// The largest number of buffers in a pool.
const POOL_BUFFERS: usize = 4096;
