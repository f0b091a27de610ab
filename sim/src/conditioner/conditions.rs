//! The conditions that a conditioner gives each client's datagrams.

use core::fmt;
use core::time::Duration;

use tickwire_core::time::Instant;

use crate::fault::{Direction, Fault, Kind, Target};
use crate::link::PipeConfig;
use crate::mahimahi::LinkTrace;
use crate::rng::mix;

/// The size of the IPv4 and UDP headers, in bytes.
const HEADERS: u32 = 28;
/// The number of parts per million that stands for all datagrams.
const MILLION: u32 = 1_000_000;
/// The default limit of a bottleneck's queue, as the time in which the bottleneck sends a full queue.
const QUEUE: Duration = Duration::from_millis(300);

/// The network conditions between each client and the target. The conditions are the same in both directions.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The share of datagrams lost in each direction, in parts per million.
    ///
    /// Default: 0 ppm. Range: 0 ppm to 1,000,000 ppm.
    pub loss_ppm: u32,
    /// The round-trip time that the conditioner adds, one half in each direction.
    ///
    /// Default: 0 s.
    pub rtt: Duration,
    /// The largest additional delay of each datagram. Delays are uniformly distributed, so datagrams may overtake each
    /// other.
    ///
    /// Default: 0 s.
    pub jitter: Duration,
    /// The share of datagrams that the link duplicates, in parts per million.
    ///
    /// Default: 0 ppm. Range: 0 ppm to 1,000,000 ppm.
    pub duplicate_ppm: u32,
    /// The rate of the link in each direction, in bytes per second. `None` sets no limit.
    ///
    /// Default: none. Range: 1 bytes/s or more.
    pub bytes_per_second: Option<u64>,
    /// A bandwidth trace that determines the capacity of the link in each direction, instead of a constant rate.
    ///
    /// Default: none.
    pub trace: Option<LinkTrace>,
    /// The largest number of bytes that may wait in the queue of the bottleneck. `None` stands for the bytes that the
    /// bottleneck carries in 300 ms. The conditioner raises a limit below 3,000 bytes to 3,000 bytes.
    ///
    /// Default: none.
    pub queue_bytes: Option<u64>,
    /// The largest IP packet that passes, with IPv4 headers, in bytes. The conditioner drops larger datagrams, as a
    /// path drops packets that must not be fragmented.
    ///
    /// Default: 1,500 bytes. Range: 68 bytes or more.
    pub mtu: u32,
    /// Faults that occur in addition to the other conditions. In these faults, node 0 is the target of the conditioner,
    /// and client `i` is node `i + 1`, on link `i`. Replayed copies and ECN marks do not reach real sockets.
    ///
    /// Default: none.
    pub faults: Vec<Fault>,
    /// The seed of all random decisions. The decisions also depend on the times at which datagrams arrive.
    ///
    /// Default: 1.
    pub seed: u64,
}

impl Default for Conditions {
    /// Returns the conditions of a perfect network for packets of Ethernet's size.
    fn default() -> Self {
        Self {
            loss_ppm: 0,
            rtt: Duration::ZERO,
            jitter: Duration::ZERO,
            duplicate_ppm: 0,
            bytes_per_second: None,
            trace: None,
            queue_bytes: None,
            mtu: 1500,
            faults: Vec::new(),
            seed: 1,
        }
    }
}

/// The size of an IP packet that every network passes, in bytes (RFC 791 section 3.2).
const LEAST_MTU: u32 = 68;

/// The reason why conditions are invalid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConditionsError {
    /// A share exceeds 1,000,000 parts per million.
    MoreThanAll {
        /// The share, as the error text calls it, for example `a loss`.
        what: &'static str,
        /// The value of the share, in parts per million.
        ppm: u32,
    },
    /// The rate is zero, so no datagram would pass.
    NoRate,
    /// The conditions set both a fixed rate and a bandwidth trace, which exclude each other.
    RateAndTrace,
    /// The largest packet is smaller than the 68 bytes that every network must carry (RFC 791 section 3.2).
    TinyMtu(u32),
    /// A fault affects nodes, but the conditioner cannot affect nodes, because they are real processes.
    FaultOfNodes(String),
}

impl fmt::Display for ConditionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreThanAll { what, ppm } => {
                write!(
                    f,
                    "{what} of {} % exceeds 100 %; give a percentage from 0 to 100",
                    f64::from(*ppm) / 10_000.0
                )
            }
            Self::NoRate => f.write_str(
                "at a rate of 0 bytes per second no datagram passes; give at least 1 byte per second",
            ),
            Self::RateAndTrace => f.write_str(
                "a fixed rate and a bandwidth trace both set the capacity; give only one of the two",
            ),
            Self::TinyMtu(mtu) => {
                write!(
                    f,
                    "a largest packet of {mtu} bytes is too small; give at least {LEAST_MTU} bytes, which every network carries"
                )
            }
            Self::FaultOfNodes(fault) => write!(
                f,
                "`{fault}` affects a node, but the conditioner's nodes are real processes; give faults that affect \
                 links"
            ),
        }
    }
}

impl core::error::Error for ConditionsError {}

impl Conditions {
    /// Checks whether the conditions are valid.
    ///
    /// # Errors
    /// [`ConditionsError`] for the first invalid condition.
    pub fn check(&self) -> Result<(), ConditionsError> {
        for (what, ppm) in [("a loss", self.loss_ppm), ("a duplication", self.duplicate_ppm)] {
            if ppm > MILLION {
                return Err(ConditionsError::MoreThanAll { what, ppm });
            }
        }
        if self.bytes_per_second == Some(0) {
            return Err(ConditionsError::NoRate);
        }
        if self.bytes_per_second.is_some() && self.trace.is_some() {
            return Err(ConditionsError::RateAndTrace);
        }
        if self.mtu < LEAST_MTU {
            return Err(ConditionsError::TinyMtu(self.mtu));
        }
        match self.faults.iter().find(|fault| fault.kind.name().is_of_nodes()) {
            Some(fault) => Err(ConditionsError::FaultOfNodes(fault.to_string())),
            None => Ok(()),
        }
    }

    /// Returns the conditions as a list of faults, without the delay and the bottleneck.
    pub(super) fn all_faults(&self) -> Vec<Fault> {
        // With one seed, what is lost would also be what is duplicated and delayed most.
        let always = |kind, word| Fault {
            from: Instant::ZERO,
            until: Instant::MAX,
            target: Target::All,
            kind,
            seed: mix(self.seed, word),
        };
        let loss = (self.loss_ppm > 0).then(|| always(Kind::Loss { ppm: self.loss_ppm }, 1));
        let twice = (self.duplicate_ppm > 0)
            .then(|| always(Kind::Duplicate { ppm: self.duplicate_ppm, most: 1, spread: self.jitter }, 2));
        let mtu = always(Kind::Mtu { bytes: self.mtu.saturating_sub(HEADERS) }, 4);
        let jitter = (!self.jitter.is_zero()).then(|| always(Kind::Uniform { most: self.jitter }, 3));
        loss.into_iter().chain([mtu]).chain(twice).chain(jitter).chain(self.faults.iter().cloned()).collect()
    }

    /// Returns the bottleneck of one direction of a client's link, if there is one.
    pub(super) fn bottleneck(&self) -> Option<PipeConfig> {
        let queue = |rate: u64| {
            self.queue_bytes.unwrap_or_else(|| rate.saturating_mul(QUEUE.as_millis() as u64) / 1000)
        };
        if let Some(trace) = &self.trace {
            let queue_bytes = queue(trace.bytes_per_second());
            return Some(PipeConfig::Trace { trace: trace.clone(), queue_bytes: queue_bytes.max(3000) });
        }
        let bytes_per_second = self.bytes_per_second?;
        Some(PipeConfig::Rate { bytes_per_second, queue_bytes: queue(bytes_per_second).max(3000) })
    }

    /// Returns whether `fault` affects this direction of the link of client `client` at the time `now_us`.
    pub(super) fn strikes(fault: &Fault, now_us: u64, client: usize, direction: Direction) -> bool {
        let (from, to) = match direction {
            Direction::Up => (client + 1, 0),
            Direction::Down => (0, client + 1),
        };
        (fault.from.as_micros()..fault.until.as_micros()).contains(&now_us)
            && fault.target.strikes_link(client, direction, from, to)
    }
}
