//! Scenarios with jitter and no bottleneck: delays that vary although no packet queues, as on Wi-Fi and cellular links.

use core::time::Duration;

use super::flow::{Flow, Source};
use super::scenario::Scenario;
use crate::link::PipeConfig;

/// The values of jitter in the scenarios, in milliseconds: the largest random delay of a datagram, or the time between
/// two deliveries.
pub const SPREADS_MS: [u64; 4] = [20, 50, 100, 200];
/// The rates of a game's traffic in the scenarios, in kilobytes per second.
pub const KILOBYTES: [u64; 2] = [60, 200];

/// The one-way delays of the scenarios without jitter, in milliseconds.
const DELAYS_MS: [u64; 2] = [20, 50];
/// A bottleneck of 125 MB/s, which a datagram of 1,200 bytes passes in 10 µs.
const NO_BOTTLENECK: PipeConfig =
    PipeConfig::Rate { bytes_per_second: 125_000_000, queue_bytes: 125_000_000 };
const LASTS: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_micros(16_667);
const MESSAGE: u64 = 100;

/// The way in which jitter delays datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JitterShape {
    /// Each datagram has a uniformly distributed random delay. No datagram overtakes a different datagram.
    Uniform,
    /// The link collects datagrams, and delivers all collected datagrams together at regular intervals.
    Bunched,
}

/// Returns a scenario with a game that sends `kilobytes` kilobytes per second, in messages of at most 100 bytes at 60
/// ticks per second. The path has a one-way delay of `delay_ms` and a jitter of `spread_ms` in both directions.
#[must_use]
pub fn game(shape: JitterShape, spread_ms: u64, delay_ms: u64, kilobytes: u64) -> Scenario {
    let per_tick = kilobytes * 1000 * TICK.as_micros() as u64 / 1_000_000;
    let messages = per_tick.div_ceil(MESSAGE);
    let bytes = per_tick / messages;
    let source = Source::Ticks { messages: messages as usize, bytes: bytes as usize, every: TICK };
    let flow = Flow::of(source).delay(Duration::from_millis(delay_ms));
    let spread = Duration::from_millis(spread_ms);
    let (word, scenario) = (format!("{shape:?}").to_lowercase(), Scenario::new("", NO_BOTTLENECK, LASTS));
    let scenario = match shape {
        JitterShape::Uniform => scenario.jitter_in_order(spread),
        JitterShape::Bunched => scenario.bunched(spread),
    };
    let name = format!("jitter {word} {spread_ms} ms, {delay_ms} ms, {kilobytes} kB/s");
    scenario.flows(vec![flow]).named(name)
}

/// Returns all scenarios with jitter, in a fixed order.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for shape in [JitterShape::Uniform, JitterShape::Bunched] {
        for spread_ms in SPREADS_MS {
            for delay_ms in DELAYS_MS {
                all.extend(KILOBYTES.map(|kilobytes| game(shape, spread_ms, delay_ms, kilobytes)));
            }
        }
    }
    all
}
