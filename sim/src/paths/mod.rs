//! What congestion control makes of a path: flows that share a bottleneck, and what its queue went through meanwhile.
//!
//! The scenarios of RFC 8867, recorded links, paths with jitter and no bottleneck, and flows of TCP to compete with.

pub mod jitter;
mod measure;
mod party;
mod record;
pub mod rfc8867;
mod tcp;

pub use measure::{FlowOutcome, Outcome, jain};
pub use record::{Recording, Sample};

use core::time::Duration;
use std::sync::Arc;

use tickwire_core::congestion::Algorithm;
use tickwire_core::{Config, Instant};

use crate::checker::Violation;
use crate::fault::{Fault, Kind, Target};
use crate::link::PipeConfig;
use crate::network::{LinkConfig, Topology};
use crate::provider::NullProvider;
use crate::rng::mix;
use crate::world::{World, WorldConfig};
use party::Parties;

/// What a flow sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// As much as the connection takes, reliably.
    Bulk,
    /// Unreliable messages of `bytes` each `every`, come what may.
    Game {
        /// Bytes of each message.
        bytes: usize,
        /// Time between two of them.
        every: Duration,
    },
    /// `messages` unreliable messages of `bytes` each `every`, come what may.
    Ticks {
        /// Messages in each tick.
        messages: usize,
        /// Bytes of each message.
        bytes: usize,
        /// Time between two ticks.
        every: Duration,
    },
    /// Unreliable messages each `every`, of `bytes` or as many as the grant allows.
    Cooperative {
        /// Bytes of each message where the grant allows it.
        bytes: usize,
        /// Time between two of them.
        every: Duration,
    },
    /// A TCP that fills queues (NewReno), without end.
    Tcp,
    /// TCP transfers of `bytes` one after the other, each `pause` after the last.
    ShortTcp {
        /// Bytes of one transfer.
        bytes: u64,
        /// Time from the end of one to the beginning of the next.
        pause: Duration,
    },
}

/// Which of the two bottlenecks a flow's data goes through; its acknowledgements take the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The one that is measured.
    Forward,
    /// The one back.
    Backward,
}

/// One sender and one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// What it sends.
    pub source: Source,
    /// Through which bottleneck.
    pub way: Way,
    /// When it begins.
    pub from: Duration,
    /// When it ends.
    pub until: Duration,
    /// When it has nothing to send.
    pub pause: Option<(Duration, Duration)>,
    /// How long a datagram takes, either way, queues not included.
    pub delay: Duration,
}

impl Flow {
    /// A flow that saturates the forward bottleneck from beginning to end, 50 ms away.
    #[must_use]
    pub const fn bulk() -> Self {
        Self {
            source: Source::Bulk,
            way: Way::Forward,
            from: Duration::ZERO,
            until: Duration::MAX,
            pause: None,
            delay: Duration::from_millis(50),
        }
    }

    /// The same with another source.
    #[must_use]
    pub const fn of(source: Source) -> Self {
        Self { source, ..Self::bulk() }
    }

    /// The same from `seconds` on.
    #[must_use]
    pub const fn from(mut self, seconds: u64) -> Self {
        self.from = Duration::from_secs(seconds);
        self
    }

    /// The same at another distance.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same the other way.
    #[must_use]
    pub const fn backward(mut self) -> Self {
        self.way = Way::Backward;
        self
    }
}

/// Flows, bottlenecks, and how long it goes on.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// The bottleneck whose queue is measured.
    pub forward: PipeConfig,
    /// The bottleneck the other way, if there is one.
    pub backward: Option<PipeConfig>,
    /// Who sends.
    pub flows: Vec<Flow>,
    /// How long it lasts.
    pub duration: Duration,
    /// Datagrams lost at random, in parts per million, each way.
    pub loss_ppm: u32,
    /// Each datagram is late by up to so much, either way, and may overtake others unless [`Scenario::in_order`] is set.
    pub jitter: Duration,
    /// No datagram overtakes another.
    pub in_order: bool,
    /// Datagrams gather for so long, either way, and are delivered at once.
    pub bunched: Duration,
    /// By how many parts per million the clocks of receivers run fast.
    pub skew_ppm: i64,
    /// The congestion control of flows that are not TCP.
    pub algorithm: Algorithm,
    /// The limits of each connection and of each endpoint, in bytes per second.
    pub limits: [Option<u64>; 2],
}

impl Scenario {
    /// One saturating flow over `forward`.
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
            skew_ppm: 0,
            algorithm: Algorithm::Copa,
            limits: [None; 2],
        }
    }

    /// With these flows.
    #[must_use]
    pub fn flows(mut self, flows: Vec<Flow>) -> Self {
        self.flows = flows;
        self
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With random loss.
    #[must_use]
    pub const fn loss(mut self, ppm: u32) -> Self {
        self.loss_ppm = ppm;
        self
    }

    /// With jitter.
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        self.jitter = most;
        self
    }

    /// With jitter in which no datagram overtakes another.
    #[must_use]
    pub const fn jitter_in_order(mut self, most: Duration) -> Self {
        self.in_order = true;
        self.jitter(most)
    }

    /// With a link that delivers each `every` what gathered meanwhile.
    #[must_use]
    pub const fn bunched(mut self, every: Duration) -> Self {
        self.bunched = every;
        self
    }

    /// With receivers whose clocks run fast.
    #[must_use]
    pub const fn skew(mut self, ppm: i64) -> Self {
        self.skew_ppm = ppm;
        self
    }

    /// With another congestion control.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// With this bottleneck the other way.
    #[must_use]
    pub fn backward(mut self, pipe: PipeConfig) -> Self {
        self.backward = Some(pipe);
        self
    }

    fn topology(&self) -> Topology {
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

    /// Plays it with `seed`.
    ///
    /// # Errors
    /// The first violation.
    pub fn play(&self, seed: u64) -> Result<Outcome, Violation> {
        let mut world = self.world(seed);
        world.run_for(self.duration)?;
        Ok(measure::outcome(self, &world))
    }

    /// [`Scenario::play`], looking on each `every`. The run is the same.
    ///
    /// # Errors
    /// The first violation.
    pub fn record(&self, seed: u64, every: Duration) -> Result<(Outcome, Recording), Violation> {
        let mut world = self.world(seed);
        let recording = record::record(self, &mut world, every)?;
        Ok((measure::outcome(self, &world), recording))
    }

    fn world(&self, seed: u64) -> World<Parties> {
        let mut config = Config::new(0x7061_7468);
        config.provider = Arc::new(NullProvider);
        config.congestion = self.algorithm;
        [config.connection_bandwidth, config.bandwidth] = self.limits;
        let faults = self.faults(seed);
        let parties = Parties::new(seed, config, self.flows.clone());
        let mut world = World::new(WorldConfig::new(seed, self.topology()).faults(faults), parties);
        world.watch_pipes();
        world
    }

    fn faults(&self, seed: u64) -> Vec<Fault> {
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
            faults.push(always(Target::All, Kind::Uniform { most: self.jitter }, 2));
        }
        if self.skew_ppm != 0 {
            let skew = |flow| always(Target::Node(2 * flow + 1), Kind::Skew { ppm: self.skew_ppm }, 3);
            faults.extend((0..self.flows.len()).map(skew));
        }
        if !self.bunched.is_zero() {
            faults.push(always(Target::All, Kind::Bunch { every: self.bunched }, 4));
        }
        if self.in_order {
            faults.push(always(Target::All, Kind::InOrder {}, 5));
        }
        faults
    }
}
