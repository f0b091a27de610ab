//! A path, and the flows that share it.

use core::time::Duration;

use tickwire_core::Instant;
use tickwire_core::congestion::Algorithm;

use super::flow::{Flow, Way};
use crate::fault::{Direction, Fault, Kind, Target};
use crate::link::PipeConfig;
use crate::network::{LinkConfig, Topology};
use crate::rng::mix;

/// A scenario: the flows and bottlenecks of a run, and the duration of the run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of the scenario.
    pub name: String,
    /// The forward bottleneck, whose queue is measured.
    pub forward: PipeConfig,
    /// The bottleneck in the opposite direction, if there is one.
    pub backward: Option<PipeConfig>,
    /// The flows of the run.
    pub flows: Vec<Flow>,
    /// The duration of the run.
    pub duration: Duration,
    /// The share of datagrams lost at random in each direction, in parts per million.
    pub loss_ppm: u32,
    /// The largest random delay of each datagram, in both directions. Datagrams may overtake each other unless
    /// [`Scenario::in_order`] is `true`.
    pub jitter: Duration,
    /// `true` if no datagram overtakes a different datagram.
    pub in_order: bool,
    /// The interval at which the link delivers the datagrams that it collected, in both directions. With zero, the link
    /// collects no datagrams.
    pub bunched: Duration,
    /// The only direction to which the fields `jitter` and `bunched` apply. `None` stands for both
    /// directions.
    pub uneven: Option<Way>,
    /// The rate error of the receivers' clocks, in parts per million. A positive value means that the clocks run fast.
    pub skew_ppm: i64,
    /// The congestion control algorithm of all flows except TCP flows.
    pub algorithm: Algorithm,
    /// The bandwidth limits of each connection and of each endpoint, in bytes per second. `None` sets no limit.
    pub limits: [Option<u64>; 2],
}

impl Scenario {
    /// Creates a scenario with one flow that saturates `forward`.
    #[must_use]
    pub fn new(name: impl Into<String>, forward: PipeConfig, duration: Duration) -> Self {
        Self {
            name: name.into(),
            forward,
            backward: None,
            flows: vec![Flow::bulk()],
            duration,
            loss_ppm: 0,
            jitter: Duration::ZERO,
            in_order: false,
            bunched: Duration::ZERO,
            uneven: None,
            skew_ppm: 0,
            algorithm: Algorithm::Copa,
            limits: [None; 2],
        }
    }

    /// Replaces the flows of the scenario, and returns the changed scenario.
    #[must_use]
    pub fn flows(mut self, flows: Vec<Flow>) -> Self {
        self.flows = flows;
        self
    }

    /// Sets the name of the scenario, and returns the changed scenario.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the random loss in each direction, in parts per million, and returns the changed scenario.
    #[must_use]
    pub const fn loss(mut self, ppm: u32) -> Self {
        self.loss_ppm = ppm;
        self
    }

    /// Sets the largest random delay of each datagram, and returns the changed scenario. Datagrams may overtake each
    /// other.
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// Sets the largest random delay of each datagram, and returns the changed scenario. No datagram overtakes a
    /// different datagram.
    #[must_use]
    pub const fn jitter_in_order(mut self, most: Duration) -> Self {
        self.in_order = true;
        self.jitter(most)
    }

    /// Makes the link deliver all collected datagrams together at intervals of `every`, and returns the changed
    /// scenario.
    #[must_use]
    pub const fn bunched(mut self, every: Duration) -> Self {
        self.bunched = every;
        self
    }

    /// Applies jitter and bunched delivery only in the direction `way`, and returns the changed scenario.
    #[must_use]
    pub const fn uneven_on(mut self, way: Way) -> Self {
        self.uneven = Some(way);
        self
    }

    /// Makes the clocks of receivers run fast by `ppm` parts per million (slow if `ppm` is negative), and returns the
    /// changed scenario.
    #[must_use]
    pub const fn skew(mut self, ppm: i64) -> Self {
        self.skew_ppm = ppm;
        self
    }

    /// Sets the congestion control algorithm of all flows except TCP flows, and returns the changed scenario.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sets the bottleneck in the opposite direction, and returns the changed scenario.
    #[must_use]
    pub fn backward(mut self, pipe: PipeConfig) -> Self {
        self.backward = Some(pipe);
        self
    }

    pub(super) fn topology(&self) -> Topology {
        let mut pipes = vec![self.forward.clone()];
        let back = self.backward.as_ref().map(|pipe| {
            pipes.push(pipe.clone());
            1
        });
        let links = self.flows.iter().enumerate().map(|(index, flow)| {
            let (up, down) = match flow.way {
                Way::Forward => (Some(0), back),
                Way::Backward => (back, Some(0)),
            };
            LinkConfig { up, down, ..LinkConfig::new((2 * index, 2 * index + 1), flow.delay) }
        });
        Topology { nodes: 2 * self.flows.len(), links: links.collect(), pipes }
    }

    pub(super) fn faults(&self, seed: u64) -> Vec<Fault> {
        let always = |target, kind, word| Fault {
            from: Instant::ZERO,
            until: Instant::MAX,
            target,
            kind,
            seed: mix(seed, word),
        };
        let mut faults = Vec::new();
        if self.loss_ppm > 0 {
            faults.push(always(Target::All, Kind::Loss { ppm: self.loss_ppm }, 1));
        }
        if !self.jitter.is_zero() {
            faults.extend(self.where_uneven().map(|on| always(on, Kind::Uniform { most: self.jitter }, 2)));
        }
        if self.skew_ppm != 0 {
            let skew = |flow| always(Target::Node(2 * flow + 1), Kind::Skew { ppm: self.skew_ppm }, 3);
            faults.extend((0..self.flows.len()).map(skew));
        }
        if !self.bunched.is_zero() {
            faults.extend(self.where_uneven().map(|on| always(on, Kind::Bunch { every: self.bunched }, 4)));
        }
        if self.in_order {
            faults.push(always(Target::All, Kind::InOrder {}, 5));
        }
        faults
    }

    /// Returns the targets to which jitter and bunching apply.
    fn where_uneven(&self) -> impl Iterator<Item = Target> {
        let whole = self.uneven.is_none().then_some(Target::All);
        let one_way = self.flows.iter().enumerate().filter_map(|(link, flow)| {
            let is_ahead = flow.way == self.uneven?;
            Some(Target::Link(link, if is_ahead { Direction::Up } else { Direction::Down }))
        });
        whole.into_iter().chain(one_way)
    }
}
