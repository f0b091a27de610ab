//! The scenarios of RFC 8867 section 5: a one-way delay of 50 ms, and a drop-tail queue of 300 ms.

use core::time::Duration;

use super::flow::{Flow, Source};
use super::scenario::Scenario;
use crate::link::PipeConfig;

const QUEUE: Duration = Duration::from_millis(300);

/// Creates a bottleneck whose rate changes, with a queue of 300 ms. Each step is a time in seconds, and the rate in
/// kilobits per second from that time on.
#[must_use]
pub fn kilobits(steps: &[(u64, u64)]) -> PipeConfig {
    let rates = steps.iter().map(|&(from, kilobits)| (Duration::from_secs(from), kilobits * 125)).collect();
    PipeConfig::Shaped { rates, queue: QUEUE, mark_above: None }
}

fn scenario(name: &str, steps: &[(u64, u64)], seconds: u64) -> Scenario {
    Scenario::new(name, kilobits(steps), Duration::from_secs(seconds))
}

/// Returns the scenario of RFC 8867 section 5.1: variable available capacity with a single flow.
#[must_use]
pub fn variable_capacity() -> Scenario {
    scenario("5.1", &[(0, 1000), (40, 2500), (60, 600), (80, 1000)], 100)
}

/// Returns the scenario of RFC 8867 section 5.2: variable available capacity with two flows.
#[must_use]
pub fn variable_capacity_two_flows() -> Scenario {
    scenario("5.2", &[(0, 4000), (25, 2000), (50, 3500), (75, 1000), (100, 2000)], 125).flows(vec![
        Flow::bulk(
        );
        2
    ])
}

/// Returns the scenario of RFC 8867 section 5.3: a congested return path, on which a second flow sends.
#[must_use]
pub fn congested_feedback() -> Scenario {
    scenario("5.3", &[(0, 2000), (20, 1000), (40, 500), (60, 2000)], 100)
        .backward(kilobits(&[(0, 2000), (35, 800), (70, 2000)]))
        .flows(vec![Flow::bulk(), Flow::bulk().backward()])
}

/// Returns the scenario of RFC 8867 section 5.4: competing flows of the same kind, which start one after another.
#[must_use]
pub fn competing() -> Scenario {
    let flows = [0, 20, 40].map(|from| Flow::bulk().from(from)).to_vec();
    scenario("5.4", &[(0, 3500)], 120).flows(flows)
}

/// Returns the scenario of RFC 8867 section 5.5: flows with different round-trip times.
#[must_use]
pub fn round_trip_fairness() -> Scenario {
    let delays = [(10, 0), (25, 10), (50, 20), (100, 30), (150, 40)];
    let flows = delays.map(|(ms, from)| Flow::bulk().delay(Duration::from_millis(ms)).from(from));
    scenario("5.5", &[(0, 4000)], 300).flows(flows.to_vec())
}

/// Returns the scenario of RFC 8867 section 5.6: a flow that competes with a long TCP flow.
#[must_use]
pub fn long_tcp() -> Scenario {
    scenario("5.6", &[(0, 2000)], 120).flows(vec![Flow::bulk().from(5), Flow::of(Source::Tcp)])
}

/// Returns the scenario of RFC 8867 section 5.7: two flows that compete with repeated transfers of ten short TCP flows.
#[must_use]
pub fn short_tcp() -> Scenario {
    let short = |index: u64| {
        let pause = Duration::from_millis(5000 + 700 * index);
        Flow::of(Source::ShortTcp { bytes: 30_000 + 7_000 * index, pause }).from(index)
    };
    let flows = [Flow::bulk().from(5); 2].into_iter().chain((0..10).map(short)).collect();
    scenario("5.7", &[(0, 2000)], 300).flows(flows)
}

/// Returns the scenario of RFC 8867 section 5.8: three flows, one of which pauses and resumes.
#[must_use]
pub fn pause_and_resume() -> Scenario {
    let mut flows = vec![Flow::bulk(); 3];
    if let Some(flow) = flows.get_mut(1) {
        flow.pause = Some((Duration::from_secs(40), Duration::from_secs(60)));
    }
    scenario("5.8", &[(0, 3500)], 120).flows(flows)
}

/// Returns a scenario with the bottleneck of [`competing`] and four flows, which start 15 s apart.
#[must_use]
pub fn four_flows() -> Scenario {
    let flows = [0, 15, 30, 45].map(|from| Flow::bulk().from(from)).to_vec();
    scenario("four flows", &[(0, 3500)], 120).flows(flows)
}

/// Returns a scenario with two flows, the second of which starts 30 s after the first.
#[must_use]
pub fn two_flows() -> Scenario {
    scenario("two flows", &[(0, 2000)], 90).flows(vec![Flow::bulk(), Flow::bulk().from(30)])
}

/// Returns the scenario [`variable_capacity`] on a path with random delays, so that datagrams overtake each other.
#[must_use]
pub fn variable_capacity_jitter() -> Scenario {
    variable_capacity().jitter(Duration::from_millis(30)).named("5.1 jitter")
}

/// Returns the scenario [`variable_capacity`] with a return path of 300 kbit/s that a TCP flow saturates.
#[must_use]
pub fn variable_capacity_reverse() -> Scenario {
    let flows = vec![Flow::bulk(), Flow::of(Source::Tcp).backward()];
    variable_capacity().backward(kilobits(&[(0, 300)])).flows(flows).named("5.1 reverse")
}

/// Returns the scenario [`variable_capacity`] with a return path of 300 kbit/s that a second tickwire flow
/// saturates.
#[must_use]
pub fn variable_capacity_both_ways() -> Scenario {
    variable_capacity()
        .backward(kilobits(&[(0, 300)]))
        .flows(vec![Flow::bulk(), Flow::bulk().backward()])
        .named("5.1 both ways")
}

/// Returns all scenarios of RFC 8867 and the scenarios derived from them, in a fixed order.
#[must_use]
pub fn all() -> Vec<Scenario> {
    vec![
        variable_capacity(),
        variable_capacity_jitter(),
        variable_capacity_both_ways(),
        variable_capacity_reverse(),
        variable_capacity_two_flows(),
        congested_feedback(),
        competing(),
        round_trip_fairness(),
        long_tcp(),
        short_tcp(),
        pause_and_resume(),
        two_flows(),
        four_flows(),
    ]
}
