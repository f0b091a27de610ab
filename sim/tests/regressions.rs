//! Bugs that the swarm has found, each reproduced by a short test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use common::{Pair, Trust};
use tickwire_core::{CloseReason, Config, Endpoint, Event, Instant};
use tickwire_sim::fault::{Fault, Kind, Target};
use tickwire_sim::host::Context;

const SECOND: Duration = Duration::from_secs(1);

/// Swarm seed 17, with `8165709..11764660 node=0 pause`. A client with a used ticket and without a resume ticket dialled a
/// server for five minutes. The server could not answer, and the client reported nothing to its application.
#[test]
fn the_connection_of_a_client_with_only_a_used_ticket_times_out_when_the_server_stops_answering() {
    let mut config = Config::new(1);
    config.idle_timeout = SECOND;
    config.resume_window = Duration::ZERO;
    let dark = Fault {
        from: Instant::ZERO + SECOND,
        until: Instant::ZERO + SECOND * 4,
        target: Target::All,
        kind: Kind::Partition {},
        seed: 1,
    };
    let mut world = Pair::world(1, config, Trust::Ticket, vec![dark]);
    world.run_for(SECOND * 10).unwrap();
    let told = world.application().told[1].iter();
    let told: Vec<_> = told.filter(|(_, event)| !matches!(event, Event::RateChanged { .. })).collect();
    assert!(matches!(told[0], (_, Event::Connected { .. })));
    let (at, Event::Closed { reason: CloseReason::TimedOut, .. }) = told[1] else { panic!("{told:?}") };
    assert!(*at <= Instant::ZERO + SECOND * 3, "only at {at:?}");
}

/// Swarm seed 688. The peer took the last close code below the reserved codes as "the server is full".
#[test]
fn every_close_code_below_the_reserved_codes_reaches_the_peer_unchanged() {
    for sent in [0, 1, 0xfeff] {
        let mut world = Pair::world(1, Config::new(1), Trust::Key, Vec::new());
        world.run_for(SECOND).unwrap();
        let close = |pair: &mut Pair, context: &mut Context<'_, Endpoint>| {
            context.host.close(context.now, pair.client.unwrap(), sent, "bye");
        };
        world.with(1, close).unwrap();
        world.run_for(SECOND).unwrap();
        let last = world.application().told[0].last();
        let Some((_, Event::Closed { reason: CloseReason::Peer { code, .. }, .. })) = last else {
            panic!("{last:?}")
        };
        assert_eq!(*code, sent);
    }
}

// Found by connecting 10,000 times at 30 % corruption (seeds 517, 873 and 18 others): a client followed two Retries whose
// cookies were damaged on the way, and then none of the good ones. See `connect.rs`, and
// `handshake::client::tests::a_forged_or_damaged_retry_is_ignored`.
