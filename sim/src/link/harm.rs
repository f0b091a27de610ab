//! The effect of one active fault on a datagram.

use super::pipe::{Pipe, PipeConfig};
use super::tally::Tally;
use tickwire_core::address::Ecn;

use crate::clock::micros;
use crate::fault::{Fault, Kind};
use crate::rng::{Draws, mix};

/// The stage at which a fault acts on a datagram. The stages have a fixed order, which does not depend on the order of
/// the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Replay,
    Lose,
    Duplicate,
    Corrupt,
    Squeeze,
    Delay,
    Order,
    Mark,
}

impl Stage {
    pub(super) const COUNT: usize = 8;

    /// Returns the stage of a kind of fault, or `None` if the kind does not affect links.
    pub(super) const fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Loss { .. }
            | Kind::Burst { .. }
            | Kind::FourState { .. }
            | Kind::Traced { .. }
            | Kind::Partition {}
            | Kind::Mtu { .. } => Some(Self::Lose),
            Kind::Duplicate { .. } => Some(Self::Duplicate),
            Kind::Replay { .. } => Some(Self::Replay),
            Kind::Flip { .. } | Kind::Truncate { .. } | Kind::Extend { .. } => Some(Self::Corrupt),
            Kind::Rate { .. } => Some(Self::Squeeze),
            Kind::Reorder { .. }
            | Kind::Uniform { .. }
            | Kind::Normal { .. }
            | Kind::Pareto { .. }
            | Kind::Recorded { .. }
            | Kind::Bunch { .. }
            | Kind::Clog {} => Some(Self::Delay),
            Kind::InOrder {} => Some(Self::Order),
            Kind::Bleach {} | Kind::Mark { .. } => Some(Self::Mark),
            Kind::Rebind { .. }
            | Kind::Pause {}
            | Kind::Restart {}
            | Kind::Skew { .. }
            | Kind::Jump { .. } => None,
        }
    }
}

/// An active fault on one direction of a link.
#[derive(Debug)]
pub(super) struct Active {
    /// The index of the fault in the list.
    pub(super) index: usize,
    /// A number derived from the fault's seed and the link's id, on which the random decisions depend.
    pub(super) key: u64,
    pub(super) kind: Kind,
    until_us: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    None,
    /// The state of a loss chain: 0 or 1 for two states, and 1 to 4 for four states.
    Chain(u8),
    /// The position in a loss or delay trace.
    Place(usize),
    /// The arrival time of the latest datagram, in microseconds.
    Latest(u64),
    Pipe(Box<Pipe>),
}

impl Active {
    pub(super) fn new(index: usize, fault: &Fault, key: u64) -> Self {
        let state = match fault.kind {
            Kind::Burst { .. } => State::Chain(0),
            Kind::FourState { .. } => State::Chain(1),
            Kind::Traced { .. } | Kind::Recorded { .. } => State::Place(0),
            Kind::InOrder {} => State::Latest(0),
            Kind::Rate { bytes_per_second, queue_bytes } => {
                State::Pipe(Box::new(Pipe::new(&PipeConfig::Rate { bytes_per_second, queue_bytes })))
            }
            _ => State::None,
        };
        Self { index, key, kind: fault.kind.clone(), until_us: fault.until.as_micros(), state }
    }

    fn draws(&self, moment: u64) -> Draws {
        Draws::new(mix(self.key, moment))
    }

    pub(super) fn loses(&mut self, moment: u64, length: usize) -> bool {
        let mut draws = self.draws(moment);
        match (&self.kind, &mut self.state) {
            (Kind::Loss { ppm }, _) => draws.chance(*ppm),
            (Kind::Partition {}, _) => true,
            (Kind::Mtu { bytes }, _) => length > *bytes as usize,
            (Kind::Burst { to_bad, to_good, good, bad }, State::Chain(state)) => {
                let turn = if *state == 0 { *to_bad } else { *to_good };
                *state ^= u8::from(draws.chance(turn));
                draws.chance(if *state == 0 { *good } else { *bad })
            }
            (Kind::FourState { p13, p31, p32, p23, p14 }, State::Chain(state)) => {
                *state = step_four_state(*state, [*p13, *p31, *p32, *p23, *p14], &mut draws);
                *state >= 3
            }
            (Kind::Traced { bits }, State::Place(place)) => {
                let lost = bits.get(*place).copied().unwrap_or(false);
                *place = if *place + 1 < bits.len() { *place + 1 } else { 0 };
                lost
            }
            _ => false,
        }
    }

    pub(super) fn corrupt(&self, moment: u64, bytes: &mut Vec<u8>, tally: &mut Tally) {
        let mut draws = self.draws(moment);
        let acts = match self.kind {
            Kind::Flip { ppm, .. } | Kind::Truncate { ppm } => draws.chance(ppm) && !bytes.is_empty(),
            Kind::Extend { ppm, .. } => draws.chance(ppm),
            _ => false,
        };
        if !acts {
            return;
        }
        tally.fire(self.index);
        match self.kind {
            Kind::Flip { most, within, .. } => {
                let span = if within == 0 { bytes.len() } else { bytes.len().min(within as usize) };
                flip(&mut bytes[..span], most, &mut draws);
            }
            Kind::Truncate { .. } => bytes.truncate(draws.below(bytes.len() as u64) as usize),
            Kind::Extend { most, .. } => {
                let more = draws.between(1, u64::from(most)) as usize;
                let length = (bytes.len() + more).min(DATAGRAM_MOST);
                bytes.resize_with(length, || draws.next_u64() as u8);
            }
            _ => {}
        }
    }

    pub(super) fn squeeze(&mut self, at_us: u64, length: u64) -> Option<u64> {
        match &mut self.state {
            State::Pipe(pipe) => pipe.offer(at_us, length),
            _ => Some(at_us),
        }
    }

    /// Returns the ECN bits of a datagram after this fault.
    pub(super) fn remark(&self, moment: u64, ecn: Ecn, tally: &mut Tally) -> Ecn {
        let changed = match self.kind {
            Kind::Bleach {} => Ecn::NotCapable,
            Kind::Mark { ppm } if self.draws(moment).chance(ppm) => mark(ecn),
            _ => ecn,
        };
        if changed != ecn {
            tally.fire(self.index);
        }
        changed
    }

    /// Returns the arrival time of a datagram that would arrive at `at_us` without this fault.
    pub(super) fn delay(&mut self, moment: u64, at_us: u64, tally: &mut Tally) -> u64 {
        let delayed = match self.kind {
            Kind::Clog {} => at_us.max(self.until_us),
            Kind::Bunch { every } => self.next_delivery(at_us, micros(every)),
            _ => at_us.saturating_add(self.extra_us(moment)),
        };
        if delayed > at_us {
            tally.fire(self.index);
        }
        delayed
    }

    /// Returns the time of the first delivery at `at_us` or later. The seed determines the time of the first delivery
    /// of the run.
    fn next_delivery(&self, at_us: u64, every_us: u64) -> u64 {
        let Some(phase) = self.key.checked_rem(every_us) else { return at_us };
        let deliveries = at_us.saturating_sub(phase).div_ceil(every_us);
        phase.saturating_add(deliveries.saturating_mul(every_us))
    }

    /// Returns the arrival time of a datagram that must not arrive before the previous datagram.
    pub(super) fn in_order(&mut self, at_us: u64, tally: &mut Tally) -> u64 {
        let State::Latest(latest) = &mut self.state else { return at_us };
        if *latest > at_us {
            tally.fire(self.index);
        }
        *latest = at_us.max(*latest);
        *latest
    }

    fn extra_us(&mut self, moment: u64) -> u64 {
        let mut draws = self.draws(moment);
        match (&self.kind, &mut self.state) {
            (Kind::Reorder { ppm, hold }, _) if draws.chance(*ppm) => draws.between(1, micros(*hold)),
            (Kind::Uniform { most }, _) => draws.between(0, micros(*most)),
            (Kind::Normal { mean, deviation }, _) => normal(micros(*mean), micros(*deviation), &mut draws),
            (Kind::Pareto { scale, most }, _) => pareto(micros(*scale), &mut draws).min(micros(*most)),
            (Kind::Recorded { delays }, State::Place(place)) => {
                let delay = delays.get(*place).copied().map_or(0, micros);
                *place = if *place + 1 < delays.len() { *place + 1 } else { 0 };
                delay
            }
            _ => 0,
        }
    }
}

/// Returns the next state of the chain, as tc-netem's `loss_4state` computes it.
fn step_four_state(state: u8, [p13, p31, p32, p23, p14]: [u32; 5], draws: &mut Draws) -> u8 {
    let value = draws.below(1_000_000);
    let (first, second) = (u64::from, |a: u32, b: u32| u64::from(a) + u64::from(b));
    match state {
        1 if value < first(p14) => 4,
        1 if value < second(p14, p13) => 3,
        2 if value < first(p23) => 3,
        2 => 2,
        3 if value < first(p32) => 2,
        3 if value < second(p32, p31) => 1,
        3 => 3,
        _ => 1,
    }
}

fn flip(bytes: &mut [u8], most: u32, draws: &mut Draws) {
    let bits = bytes.len() as u64 * 8;
    for _ in 0..draws.between(1, u64::from(most)) {
        let bit = draws.below(bits);
        if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

/// Draws an approximately normal delay. A sum of twelve values that are uniform from 0 to 1 has mean 6 and variance 1.
/// The function uses integers, so that the result is the same on every target.
fn normal(mean: u64, deviation: u64, draws: &mut Draws) -> u64 {
    let sum: u64 = (0..12).map(|_| draws.below(1 << 16)).sum();
    let offset = ((i128::from(sum) - (6 << 16)) * i128::from(deviation)) >> 16;
    u64::try_from(i128::from(mean) + offset).unwrap_or(0)
}

/// Draws a delay with a Pareto distribution: `scale` divided by the square root of a value that is uniform from 0 to 1.
/// The exponent is 2, so the mean is twice the scale.
fn pareto(scale: u64, draws: &mut Draws) -> u64 {
    let uniform = draws.between(1, 1 << 32);
    scale.saturating_mul(1 << 16) / uniform.isqrt()
}

/// The size of the largest datagram, in bytes.
const DATAGRAM_MOST: usize = 65_535;

/// Returns the ECN bits of a datagram that a long queue marks. Only an ECN-capable datagram is marked (RFC 3168 section
/// 5).
pub(super) const fn mark(ecn: Ecn) -> Ecn {
    match ecn {
        Ecn::NotCapable => Ecn::NotCapable,
        Ecn::Capable0 | Ecn::Capable1 | Ecn::CongestionExperienced => Ecn::CongestionExperienced,
    }
}
