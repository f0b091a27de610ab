//! Tests of the promises of congestion control, on the paths of RFC 8867: short queues, full links, fair shares.
//!
//! `TICKWIRE_SEEDS` sets the number of seeds that are played, 3 by default.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use tickwire_core::congestion::Algorithm;
use tickwire_sim::link::PipeConfig;
use tickwire_sim::paths::{Flow, Outcome, Scenario, Source, rfc8867};

const FIVE_PERCENT: u32 = 50_000;
/// The limit of the queueing delay for 95 % of the datagrams, in microseconds.
const QUEUE_P95_US: u64 = 100_000;
/// The least share of the link that must be used, in thousandths.
const USED: u64 = 900;
const FAIR: u64 = 900;

fn seeds() -> u64 {
    std::env::var("TICKWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3)
}

fn each_seed(scenario: &Scenario, judge: impl Fn(&Outcome)) {
    for seed in 0..seeds() {
        let outcome = scenario.play(seed).unwrap();
        println!(
            "{} {:?}, {} ppm lost, seed {seed}: used {}, p95 {} us, Jain {}",
            scenario.name,
            scenario.algorithm,
            scenario.loss_ppm,
            outcome.used_permille,
            outcome.queue_p95_us,
            outcome.jain_permille
        );
        judge(&outcome);
    }
}

fn keeps_the_queue_short_and_the_link_busy(scenario: Scenario) {
    for loss in [0, FIVE_PERCENT] {
        each_seed(&scenario.clone().loss(loss), |outcome| {
            assert!(outcome.queue_p95_us < QUEUE_P95_US, "p95 {} us", outcome.queue_p95_us);
            assert!(outcome.used_permille >= USED, "used {}", outcome.used_permille);
            assert!(outcome.jain_permille >= FAIR, "Jain {}", outcome.jain_permille);
        });
    }
}

#[test]
fn a_flow_uses_at_least_90_percent_of_varying_capacity_with_a_p95_queueing_delay_below_100_ms() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::variable_capacity());
}

#[test]
fn jitter_leaves_a_flow_90_percent_of_varying_capacity_with_a_p95_delay_below_100_ms() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::variable_capacity_jitter());
}

#[test]
fn two_flows_share_varying_capacity_with_a_jain_index_of_at_least_90_percent() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::variable_capacity_two_flows());
}

#[test]
fn three_flows_that_start_one_after_another_have_a_jain_index_of_at_least_90_percent() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::competing());
}

#[test]
fn flows_that_start_at_different_times_have_a_jain_index_of_at_least_90_percent() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::two_flows());
    keeps_the_queue_short_and_the_link_busy(rfc8867::four_flows());
}

#[test]
fn flows_of_which_one_pauses_and_resumes_have_a_jain_index_of_at_least_90_percent() {
    keeps_the_queue_short_and_the_link_busy(rfc8867::pause_and_resume());
}

#[test]
fn a_flow_uses_at_least_90_percent_of_the_link_beside_a_flow_on_the_return_path() {
    for loss in [0, FIVE_PERCENT] {
        each_seed(&rfc8867::congested_feedback().loss(loss), |outcome| {
            assert!(outcome.queue_p95_us < QUEUE_P95_US, "p95 {} us", outcome.queue_p95_us);
            assert!(outcome.used_permille >= USED, "used {}", outcome.used_permille);
        });
    }
}

#[test]
fn a_full_return_path_costs_at_most_a_tenth_of_the_link_utilization() {
    for loss in [0, FIVE_PERCENT] {
        let free = rfc8867::variable_capacity().loss(loss).play(0).unwrap();
        for scenario in [rfc8867::variable_capacity_reverse(), rfc8867::variable_capacity_both_ways()] {
            each_seed(&scenario.loss(loss), |outcome| {
                let (used, queue) = (outcome.used_permille, outcome.queue_p95_us);
                assert!(used * 10 >= free.used_permille * 9, "used {used} of {}", free.used_permille);
                assert!(queue * 10 <= free.queue_p95_us * 11, "p95 {queue} us after {}", free.queue_p95_us);
            });
        }
    }
}

/// At a relative drift of 1,000 ppm, two clocks move apart by 10 ms in the 10 s for which the least delay is remembered.
/// This is far more than the delay of a queue of two datagrams on a fast link.
#[test]
fn regression_clock_drift_between_the_ends_neither_slows_a_flow_down_nor_fills_its_queue() {
    for megabits in [2, 20, 100] {
        let played = |ppm| {
            let link = rfc8867::kilobits(&[(0, megabits * 1000)]);
            let flow = Flow::bulk().delay(Duration::from_millis(10));
            let scenario = Scenario::new("skew", link, Duration::from_secs(30)).flows(vec![flow]).skew(ppm);
            scenario.play(0).unwrap()
        };
        let together = played(0);
        for ppm in [-1000, -500, 500, 1000] {
            let apart = played(ppm);
            let (used, queue) = (apart.used_permille, apart.queue_p95_us);
            println!("{megabits} Mbit/s, {ppm} ppm: used {used}, p95 {queue} us");
            assert!(used * 100 >= together.used_permille * 95, "{used} of {}", together.used_permille);
            assert!(queue * 10 <= together.queue_p95_us * 13, "{queue} us after {}", together.queue_p95_us);
        }
    }
}

#[test]
fn cubic_uses_at_least_95_percent_of_the_link_with_a_p95_queueing_delay_above_100_ms() {
    each_seed(&rfc8867::variable_capacity().algorithm(Algorithm::Cubic), |outcome| {
        assert!(outcome.used_permille >= 950, "used {}", outcome.used_permille);
        assert!(outcome.queue_p95_us > QUEUE_P95_US, "p95 {}", outcome.queue_p95_us);
    });
}

/// The message size and the interval of a game that sends 60 messages of 1,000 bytes per second: 60 kB/s.
const GAME: (usize, Duration) = (1000, Duration::from_micros(16_667));
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn under_random_loss_of_5_or_10_percent_a_game_sends_at_least_99_percent_of_its_data() {
    let game = Flow::of(Source::Game { bytes: GAME.0, every: GAME.1 });
    for loss in [FIVE_PERCENT, 2 * FIVE_PERCENT] {
        let scenario =
            Scenario::new("game", rfc8867::kilobits(&[(0, 10_000)]), MINUTE).flows(vec![game]).loss(loss);
        each_seed(&scenario, |outcome| {
            let flow = &outcome.flows[0];
            assert!(flow.offered >= 3_500_000, "{flow:?}");
            assert!(flow.queued * 100 <= flow.offered, "{} of {} not sent", flow.queued, flow.offered);
        });
    }
}

/// Returns the largest share of lost datagrams and the least used share of a link of 30 kB/s whose queue holds 20 ms, both in
/// thousandths.
fn lost_on_a_small_link(source: Source) -> (u64, u64) {
    let forward = PipeConfig::Shaped {
        rates: vec![(Duration::ZERO, 30_000)],
        queue: Duration::from_millis(20),
        mark_above: None,
    };
    let scenario = Scenario::new("small link", forward, 2 * MINUTE).flows(vec![Flow::of(source)]);
    let lost = |seed| {
        let outcome = scenario.play(seed).unwrap();
        println!(
            "{source:?} {seed}: {} of {} lost, used {}",
            outcome.dropped,
            outcome.dropped + outcome.passed,
            outcome.used_permille
        );
        (outcome.dropped * 1000 / (outcome.dropped + outcome.passed), outcome.used_permille)
    };
    let outcomes: Vec<(u64, u64)> = (0..seeds()).map(lost).collect();
    (
        outcomes.iter().map(|(lost, _)| *lost).max().unwrap(),
        outcomes.iter().map(|(_, used)| *used).min().unwrap(),
    )
}

#[test]
fn a_game_loses_less_than_a_fifth_of_its_datagrams_in_a_queue_too_short_to_measure() {
    let (lost, _) = lost_on_a_small_link(Source::Game { bytes: GAME.0, every: GAME.1 });
    assert!(lost < 200, "{lost}");
}

#[test]
fn a_game_that_stays_within_its_send_budget_loses_less_than_two_percent_of_datagrams() {
    let (lost, used) = lost_on_a_small_link(Source::Cooperative { bytes: GAME.0, every: GAME.1 });
    assert!(lost < 20, "{lost}");
    // Who sends nothing loses nothing: the grant is what the link carries.
    assert!(used >= USED, "{used}");
}

#[test]
fn a_flow_sends_within_three_percent_of_the_lower_of_its_connection_and_endpoint_rate_limits() {
    for limits in [[Some(60_000), None], [None, Some(60_000)], [Some(90_000), Some(60_000)]] {
        let mut scenario = Scenario::new("limits", rfc8867::kilobits(&[(0, 10_000)]), MINUTE);
        scenario.limits = limits;
        for algorithm in [Algorithm::Copa, Algorithm::Cubic] {
            each_seed(&scenario.clone().algorithm(algorithm), |outcome| {
                let rate = outcome.used_permille * 1_250;
                assert!((58_200..=61_000).contains(&rate), "{limits:?}: {rate}");
            });
        }
    }
}

#[test]
fn a_rate_change_is_reported_only_on_a_path_that_slows_down() {
    let game = Flow::of(Source::Game { bytes: GAME.0, every: GAME.1 });
    let slower = Scenario::new("slower", rfc8867::kilobits(&[(0, 10_000), (20, 300)]), MINUTE);
    each_seed(&slower.flows(vec![game]), |outcome| {
        let told = &outcome.flows[0].rates_told;
        assert!(told.iter().any(|(at, rate)| at.as_secs() >= 20 && *rate < 60_000), "{told:?}");
        assert!(told.len() < 400, "{}", told.len());
    });
    let fast = Scenario::new("fast", rfc8867::kilobits(&[(0, 50_000)]), MINUTE);
    each_seed(
        &fast.flows(vec![Flow { source: Source::Game { bytes: 50, every: GAME.1 }, ..game }]),
        |outcome| {
            assert_eq!(outcome.flows[0].rates_told, []);
        },
    );
}
