//! The number of round trips that connecting takes, and connecting under loss and corruption.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{DELAY, Pair, Trust};
use tickwire_core::crypto::{Provider, RustCrypto};
use tickwire_core::{Config, Event, Instant};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::provider::NullProvider;

const ROUND_TRIP: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(10);
const ALL: [Trust; 3] = [Trust::Ticket, Trust::Key, Trust::AnyKey];

fn config(provider: Arc<dyn Provider>) -> Config {
    let mut config = Config::new(1);
    config.provider = provider;
    // An attempt that ended at ten seconds could not be told from one that would have taken longer.
    config.connect_timeout = MOST * 2;
    config
}

/// Returns the times at which server and client reported `Connected`, if both did within ten seconds.
fn connects_after(seed: u64, config: Config, trust: Trust, faults: Vec<Fault>) -> Option<[Duration; 2]> {
    let mut world = Pair::world(seed, config, trust, faults);
    for _ in 0..100 {
        world.run_for(MOST / 100).unwrap();
        let [server, client] = [0, 1].map(|node| match world.application().told[node].first() {
            None => None,
            Some((at, Event::Connected { .. })) => Some(*at - Instant::ZERO),
            Some(other) => panic!("seed {seed}: {other:?}"),
        });
        if let (Some(server), Some(client)) = (server, client) {
            return Some([server, client]);
        }
    }
    None
}

#[test]
fn connecting_takes_1_rtt_with_a_ticket_2_rtts_with_a_cookie_and_3_rtts_if_no_key_is_pinned() {
    assert_eq!(DELAY * 2, ROUND_TRIP);
    let providers: [Arc<dyn Provider>; 2] = [Arc::new(NullProvider), Arc::new(RustCrypto)];
    for (seed, provider) in (0..10).flat_map(|seed| providers.iter().map(move |provider| (seed, provider))) {
        for (trust, round_trips) in ALL.into_iter().zip(1..) {
            let client = ROUND_TRIP * round_trips;
            // The first Data reaches the server half a round trip later.
            let expected = Some([client + DELAY, client]);
            let found = connects_after(seed, config(Arc::clone(provider)), trust, Vec::new());
            assert_eq!(found, expected, "{trust:?}");
        }
    }
}

/// Connects `attempts` times with each credential. Every attempt must succeed within ten seconds.
fn connect_often(provider: &Arc<dyn Provider>, attempts: u64, kinds: &[Kind]) {
    for trust in ALL {
        let mut slowest = Duration::ZERO;
        for seed in 0..attempts {
            let kind = kinds[(seed % kinds.len() as u64) as usize].clone();
            let fault = Fault { from: Instant::ZERO, until: Instant::MAX, target: Target::All, kind, seed };
            let after = connects_after(seed, config(Arc::clone(provider)), trust, vec![fault]);
            let [server, client] = after.unwrap_or_else(|| panic!("{trust:?}, seed {seed}: {kinds:?}"));
            slowest = slowest.max(server).max(client);
        }
        println!("{kinds:?}, {trust:?}: {attempts} of {attempts}, the slowest after {slowest:?}");
    }
}

/// Connects 10,000 times without cryptography, and 200 times with real cryptography.
fn connect_through(kinds: &[Kind]) {
    connect_often(&(Arc::new(NullProvider) as _), 10_000, kinds);
    connect_often(&(Arc::new(RustCrypto) as _), 200, kinds);
}

#[test]
fn all_of_ten_thousand_attempts_to_connect_succeed_at_30_percent_loss_in_each_direction() {
    connect_through(&[Kind::Loss { ppm: 300_000 }]);
}

#[test]
fn all_of_ten_thousand_attempts_to_connect_succeed_at_30_percent_corruption_in_each_direction() {
    // Anywhere, and where it matters most.
    connect_through(&[0, 60].map(|within| Kind::Flip { ppm: 300_000, most: 3, within }));
}
