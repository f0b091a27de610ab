//! How long it takes to connect.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{DELAY, Pair, Trust};
use tickwire_core::crypto::RustCrypto;
use tickwire_core::{Config, Event, Instant};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::provider::NullProvider;

const ATTEMPTS: u64 = 10_000;
const ROUND_TRIP: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(10);

/// When the client was told `Connected`.
fn connects_after(seed: u64, config: Config, trust: Trust, faults: Vec<Fault>) -> Option<Duration> {
    let mut world = Pair::world(seed, config, trust, faults);
    for _ in 0..100 {
        world.run_for(MOST / 100).unwrap();
        match world.application().told[1].first() {
            None => {}
            Some((at, Event::Connected { .. })) => return Some(*at - Instant::ZERO),
            Some(other) => panic!("seed {seed}: {other:?}"),
        }
    }
    None
}

#[test]
fn connecting_takes_one_round_trip_with_a_ticket_two_with_a_cookie_and_three_with_any_key() {
    assert_eq!(DELAY * 2, ROUND_TRIP);
    for seed in 0..10 {
        let mut config = Config::new(1);
        config.provider = Arc::new(RustCrypto);
        assert_eq!(connects_after(seed, config.clone(), Trust::Ticket, Vec::new()), Some(ROUND_TRIP));
        assert_eq!(connects_after(seed, config.clone(), Trust::Key, Vec::new()), Some(ROUND_TRIP * 2));
        assert_eq!(connects_after(seed, config, Trust::AnyKey, Vec::new()), Some(ROUND_TRIP * 3));
    }
}

/// Connects 10,000 times, a third each with a ticket, with the server's key, and with any key; says how many took no more than ten seconds, and the slowest.
fn connect_often(kind: &Kind) -> (u64, Duration) {
    let mut config = Config::new(1);
    config.provider = Arc::new(NullProvider);
    // An attempt that ended at ten seconds could not be told from one that would have taken longer.
    config.connect_timeout = MOST * 2;
    let (mut count, mut slowest) = (0, Duration::ZERO);
    for seed in 0..ATTEMPTS {
        let fault =
            Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind: kind.clone(), seed };
        let trust = [Trust::Ticket, Trust::Key, Trust::AnyKey][(seed % 3) as usize];
        if let Some(after) = connects_after(seed, config.clone(), trust, vec![fault]) {
            count += u64::from(after <= MOST);
            slowest = slowest.max(after);
        }
    }
    println!("{kind:?}: {count} of {ATTEMPTS}, the slowest after {slowest:?}");
    (count, slowest)
}

#[test]
fn ten_thousand_of_ten_thousand_connect_through_loss_of_thirty_percent_each_way() {
    assert_eq!(connect_often(&Kind::Loss { ppm: 300_000 }).0, ATTEMPTS);
}

#[test]
fn ten_thousand_of_ten_thousand_connect_through_corruption_of_thirty_percent_each_way() {
    assert_eq!(connect_often(&Kind::Flip { ppm: 300_000, most: 8 }).0, ATTEMPTS);
}
