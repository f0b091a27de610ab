//! Fault lists drawn from a seed in swarm style: each seed enables a random subset of the kinds, so that rare
//! combinations occur and no kind always hides another.

use core::time::Duration;

use tickwire_core::time::Instant;

use super::{Direction, Fault, Kind, KindName, KindSet, Target};
use crate::clock::micros;
use crate::rng::{Draws, mix};

/// The limits of the faults that [`draw`] may generate.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The number of nodes in the network. A generated node fault may affect any node, except that a rebind never
    /// affects a node with a fixed address.
    pub nodes: usize,
    /// The number of links in the network.
    pub links: usize,
    /// The number of nodes, counted from node 0, whose addresses never change, so that other nodes can find them. If
    /// all nodes are fixed, a rebind may still affect the final node. Default 1.
    pub fixed: usize,
    /// The latest virtual time at which a generated fault may end. The earliest time at which a fault may begin is 0 s.
    pub horizon: Duration,
    /// The kinds of faults that may occur.
    pub kinds: KindSet,
    /// The probability with which a kind is enabled, in parts per million. Default 500,000.
    pub enabled_ppm: u32,
    /// The largest number of faults of one kind. 0 has the same effect as 1. Default 4.
    pub most_of_a_kind: u32,
    /// The highest probability of corruption, and of loss outside of loss bursts, in parts per million. Default
    /// 300,000.
    pub harm_ppm: u32,
    /// The longest duration of a clog, partition, pause or restart, and the longest delay of a replayed datagram.
    /// Default 5 s.
    pub outage: Duration,
    /// The limit of the delay that one fault adds to a datagram. Clogs and replays have the limit `outage` instead.
    /// Normally distributed delays, and delays in the queue of a rate fault, may exceed the limit. Default 1 s.
    pub delay: Duration,
    /// The smallest limit on the size of datagrams that a fault sets, in bytes. Default 1200 bytes.
    pub mtu: u32,
}

impl Profile {
    /// Creates a profile that permits all kinds of faults, on a network of `nodes` nodes and `links` links. No fault
    /// ends later than `horizon`.
    #[must_use]
    pub const fn new(nodes: usize, links: usize, horizon: Duration) -> Self {
        Self {
            nodes,
            links,
            fixed: 1,
            horizon,
            kinds: KindSet::ALL,
            enabled_ppm: 500_000,
            most_of_a_kind: 4,
            harm_ppm: 300_000,
            outage: Duration::from_secs(5),
            delay: Duration::from_secs(1),
            mtu: 1200,
        }
    }
}

/// Generates the faults of `seed`, ordered by kind. The kinds are independent of each other, so permitting a
/// further kind does not change the faults of the other kinds.
#[must_use]
pub fn draw(seed: u64, profile: &Profile) -> Vec<Fault> {
    let mut faults = Vec::new();
    for &name in KindName::ALL {
        let key = mix(seed, name as u64);
        let mut draws = Draws::new(key);
        let enabled = draws.chance(profile.enabled_ppm);
        if !enabled || !profile.kinds.contains(name) {
            continue;
        }
        let count = draws.between(1, u64::from(profile.most_of_a_kind));
        faults.extend((0..count).map(|index| draw_fault(mix(key, index), name, profile)));
    }
    faults
}

fn draw_fault(key: u64, name: KindName, profile: &Profile) -> Fault {
    let mut draws = Draws::new(key);
    let horizon = micros(profile.horizon);
    let longest = if is_outage(name) { micros(profile.outage).min(horizon) } else { horizon };
    let length = draws.magnitude(SHORTEST.min(longest), longest);
    let from = draws.below(horizon - length + 1);
    Fault {
        from: Instant::saturating_from_micros(from),
        until: Instant::saturating_from_micros(from + length),
        target: draw_target(&mut draws, name, profile),
        kind: draw_kind(&mut draws, name, profile, length),
        seed: draws.next_u64(),
    }
}

const fn is_outage(name: KindName) -> bool {
    matches!(name, KindName::Clog | KindName::Partition | KindName::Pause | KindName::Restart)
}

fn draw_target(draws: &mut Draws, name: KindName, profile: &Profile) -> Target {
    let first = if name == KindName::Rebind { profile.fixed.min(profile.nodes.saturating_sub(1)) } else { 0 };
    let node = Target::Node(first + draws.below((profile.nodes - first) as u64) as usize);
    if name.is_of_nodes() {
        return node;
    }
    let direction = if draws.chance(500_000) { Direction::Up } else { Direction::Down };
    match draws.below(4) {
        0 => Target::All,
        1 => node,
        _ => Target::Link(draws.below(profile.links as u64) as usize, direction),
    }
}

fn draw_kind(draws: &mut Draws, name: KindName, profile: &Profile, length: u64) -> Kind {
    let harm = profile.harm_ppm;
    let delay = micros(profile.delay);
    match name {
        KindName::Loss => Kind::Loss { ppm: ppm(draws, harm) },
        KindName::Burst => draw_burst(draws, harm),
        KindName::FourState => draw_four_states(draws, harm),
        KindName::Traced => {
            let loss = ppm(draws, harm);
            let bits = draws.between(8, 64);
            Kind::Traced { bits: (0..bits).map(|_| draws.chance(loss)).collect() }
        }
        KindName::Partition => Kind::Partition {},
        KindName::Mtu => Kind::Mtu { bytes: draws.between(u64::from(profile.mtu), 1500) as u32 },
        KindName::Duplicate => Kind::Duplicate {
            ppm: draws.magnitude(1_000, 500_000) as u32,
            most: draws.between(1, 3) as u32,
            spread: duration(draws, delay),
        },
        KindName::Flip => Kind::Flip {
            ppm: ppm(draws, harm),
            most: draws.between(1, 8) as u32,
            within: if draws.chance(500_000) { 60 } else { 0 },
        },
        KindName::Truncate => Kind::Truncate { ppm: ppm(draws, harm) },
        KindName::Extend => Kind::Extend { ppm: ppm(draws, harm), most: draws.magnitude(1, 400) as u32 },
        KindName::Rate => draw_rate(draws),
        KindName::Reorder => Kind::Reorder { ppm: ppm(draws, harm), hold: duration(draws, delay) },
        KindName::Uniform => Kind::Uniform { most: duration(draws, delay / 4) },
        KindName::Normal => {
            let mean = draws.magnitude(1_000, delay / 4);
            Kind::Normal {
                mean: Duration::from_micros(mean),
                deviation: Duration::from_micros(draws.between(mean / 10, mean)),
            }
        }
        KindName::Pareto => {
            Kind::Pareto { scale: duration(draws, delay / 20), most: Duration::from_micros(delay) }
        }
        KindName::Recorded => {
            let count = draws.between(4, 16);
            Kind::Recorded { delays: (0..count).map(|_| duration(draws, delay / 4)).collect() }
        }
        KindName::Clog => Kind::Clog {},
        KindName::Rebind => draw_rebind(draws, length),
        KindName::Pause => Kind::Pause {},
        KindName::Restart => Kind::Restart {},
        KindName::Skew => Kind::Skew { ppm: signed(draws, 500) },
        KindName::Jump => Kind::Jump { micros: signed(draws, 2_000_000) },
        KindName::Replay => Kind::Replay {
            ppm: draws.magnitude(1_000, 500_000) as u32,
            spread: duration(draws, micros(profile.outage)),
        },
        KindName::Bleach => Kind::Bleach {},
        KindName::Mark => Kind::Mark { ppm: draws.magnitude(1_000, 1_000_000) as u32 },
        KindName::Bunch => Kind::Bunch { every: duration(draws, delay / 4) },
        KindName::InOrder => Kind::InOrder {},
    }
}

fn draw_burst(draws: &mut Draws, harm: u32) -> Kind {
    Kind::Burst {
        to_bad: ppm(draws, 100_000),
        to_good: draws.between(100_000, 900_000) as u32,
        good: ppm(draws, harm / 10),
        bad: draws.between(300_000, 1_000_000) as u32,
    }
}

fn draw_four_states(draws: &mut Draws, harm: u32) -> Kind {
    Kind::FourState {
        p13: ppm(draws, 100_000),
        p31: draws.between(100_000, 500_000) as u32,
        p32: draws.between(0, 500_000) as u32,
        p23: draws.between(100_000, 900_000) as u32,
        p14: ppm(draws, harm / 10),
    }
}

/// Draws a link rate. The queue holds the bytes that the link carries in 10 to 1,000 ms, and at least one full
/// datagram.
fn draw_rate(draws: &mut Draws) -> Kind {
    let bytes_per_second = draws.magnitude(20_000, 1_250_000);
    let queue = bytes_per_second * draws.magnitude(10, 1_000) / 1_000;
    Kind::Rate { bytes_per_second, queue_bytes: queue.max(3_000) }
}

fn draw_rebind(draws: &mut Draws, length: u64) -> Kind {
    let every = if draws.chance(500_000) { 0 } else { draws.between(500_000, length.max(500_000)) };
    Kind::Rebind { every: Duration::from_micros(every) }
}

fn ppm(draws: &mut Draws, most: u32) -> u32 {
    draws.magnitude(1_000, u64::from(most)) as u32
}

fn duration(draws: &mut Draws, most: u64) -> Duration {
    Duration::from_micros(draws.magnitude(1_000, most))
}

fn signed(draws: &mut Draws, most: u64) -> i64 {
    let magnitude = draws.magnitude(1, most).cast_signed();
    if draws.chance(500_000) { magnitude } else { -magnitude }
}

/// The duration of the shortest generated fault, in microseconds.
const SHORTEST: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON: Duration = Duration::from_secs(20);

    #[test]
    fn two_fault_lists_are_equal_if_and_only_if_their_seeds_are_equal() {
        let profile = Profile::new(5, 4, HORIZON);
        assert_eq!(draw(7, &profile), draw(7, &profile));
        assert_ne!(draw(7, &profile), draw(8, &profile));
    }

    #[test]
    fn forbidding_a_kind_of_fault_does_not_change_faults_of_other_kinds() {
        let all = Profile::new(5, 4, HORIZON);
        let mut fewer = all.clone();
        fewer.kinds = KindSet::ALL.without(KindName::Loss);
        for seed in 0..50 {
            let mut expected = draw(seed, &all);
            expected.retain(|fault| fault.kind.name() != KindName::Loss);
            assert_eq!(draw(seed, &fewer), expected);
        }
    }

    #[test]
    fn every_generated_fault_lies_within_the_horizon_of_the_run() {
        let profile = Profile::new(5, 4, HORIZON);
        for seed in 0..300 {
            for fault in draw(seed, &profile) {
                assert!(fault.from < fault.until, "{fault}");
                assert!(fault.until <= Instant::ZERO + HORIZON, "{fault}");
                assert!(
                    !is_outage(fault.kind.name()) || fault.until - fault.from <= profile.outage,
                    "{fault}"
                );
            }
        }
    }

    #[test]
    fn a_node_with_a_fixed_address_is_never_rebound() {
        let profile = Profile::new(3, 2, HORIZON);
        let all = (0..200).flat_map(|seed| draw(seed, &profile));
        let rebound: Vec<_> = all.filter(|fault| fault.kind.name() == KindName::Rebind).collect();
        assert!(rebound.iter().all(|fault| matches!(fault.target, Target::Node(1..=2))));
        assert!(rebound.iter().any(|fault| fault.target == Target::Node(1)));
    }

    #[test]
    fn each_kind_of_fault_is_enabled_in_about_half_of_the_seeds() {
        let profile = Profile::new(5, 4, HORIZON);
        for &name in KindName::ALL {
            let on = |seed: &u64| draw(*seed, &profile).iter().any(|fault| fault.kind.name() == name);
            let count = (0..400).filter(on).count();
            assert!((150..250).contains(&count), "{name}: {count}");
        }
    }
}
