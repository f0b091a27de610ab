//! Coalescing of heartbeats and acknowledgements: measured RTTs remain accurate, and messages still arrive.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use tickwire_core::{Config, ConnectionId, Event};
use tickwire_native::{NetworkStats, Peer, Server};

/// The number of connections, each of which sends ten heartbeats per second.
const CROWD: usize = 20;

/// Starts a server and many connections from one socket, whose heartbeats arrive every 5 ms on average.
fn idle(coalescing: Duration) -> (Server, Peer, Vec<ConnectionId>) {
    let options = common::server_options(common::open_config()).receive_coalescing(coalescing);
    let server = Server::start(options).unwrap();
    let mut config = Config::new(common::APPLICATION);
    config.heartbeat = Duration::from_millis(100);
    config.max_connections = CROWD;
    let options = common::options(config).bind(common::loopback(0));
    let crowd = Peer::start(options.receive_coalescing(Duration::ZERO)).unwrap();
    let to = server.local_address().into();
    let here: Vec<ConnectionId> = (0..CROWD)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(5));
            crowd.connect(&to, common::options_for(&server)).wait().unwrap()
        })
        .collect();
    let there: Vec<ConnectionId> = here.iter().map(|_| common::wait_connected(&server)).collect();
    while crowd.next_event().is_some() {}
    (server, crowd, there)
}

/// Waits until the server coalesces upkeep. Returns `false` on a system without receive timestamps, which never
/// coalesces.
fn naps(server: &Server) -> bool {
    let begins = server.stats().naps;
    if cfg!(target_os = "linux") {
        common::wait_until("a nap", || server.stats().naps > begins + 2);
    }
    cfg!(target_os = "linux")
}

#[test]
fn coalescing_heartbeats_for_100_ms_keeps_the_mean_measured_rtt_below_25_ms() {
    let coalescing = Duration::from_millis(100);
    let (server, crowd, _) = idle(coalescing);
    let naps = naps(&server);
    std::thread::sleep(Duration::from_secs(3));
    let infos = crowd.infos();
    let latest = infos.iter().map(|info| info.stats.rtt_latest).sum::<Duration>() / CROWD as u32;
    let mean = NetworkStats::mean_rtt(&infos).unwrap();
    println!("naps: {naps}; round trips: {mean:?} on the average, {latest:?} the last ones");
    // A heartbeat waits for 50 ms on the average.
    assert!(mean < coalescing / 4, "{mean:?}");
    assert!(infos.iter().all(|info| info.stats.datagrams_lost == 0), "what gathers is not lost");
}

#[test]
fn a_message_sent_after_a_silence_during_coalescing_arrives() {
    let (server, crowd, _) = idle(Duration::from_millis(100));
    for number in 0..3 {
        naps(&server);
        let here = crowd.connections()[number];
        let begun = Instant::now();
        crowd.send(here, &common::Ping { number: number as u32 }).unwrap();
        let heard = common::wait_for(&server, |event| match event {
            Event::Message { data, .. } => server.registry().decode_as::<common::Ping>(&data).ok(),
            _ => None,
        });
        assert_eq!(heard.number, number as u32);
        println!("after {:?}", begun.elapsed());
        // Then nothing gathers for a second. Statistics are up to 100 ms old.
        std::thread::sleep(Duration::from_millis(150));
        let naps = server.stats().naps;
        std::thread::sleep(Duration::from_millis(500));
        assert!(server.stats().naps == naps);
    }
}

#[test]
fn a_command_ends_a_coalescing_delay_of_the_network_thread_immediately() {
    // The first naps take a fifth of it: so long that an order which waits for the end of one is noticed.
    let (server, crowd, there) = idle(Duration::from_secs(12));
    let mut waited = Vec::new();
    for connection in there.into_iter().take(3) {
        naps_begin(&server);
        let begun = Instant::now();
        server.send(connection, &common::Ping { number: 7 }).unwrap();
        common::wait_for(&crowd, |event| matches!(event, Event::Message { .. }).then_some(()));
        waited.push(begun.elapsed());
    }
    // None would come before the rest of a nap of three seconds has passed. The machine may be slow now and then.
    assert!(waited.iter().any(|waited| *waited < Duration::from_secs(1)), "{waited:?}");
}

/// Waits until the server has begun to coalesce once. One start suffices, because the coalescing times of the test are
/// long.
fn naps_begin(server: &Server) {
    let begins = server.stats().naps;
    if cfg!(target_os = "linux") {
        common::wait_until("a nap", || server.stats().naps > begins);
    }
}

#[test]
fn no_datagram_is_coalesced_while_packets_of_unknown_connections_arrive() {
    let (server, _crowd, _) = idle(Duration::from_millis(100));
    naps(&server);
    let noise = std::net::UdpSocket::bind(common::loopback(0)).unwrap();
    let make_noise = || {
        for _ in 0..12 {
            // A packet of a connection that nobody knows.
            noise.send_to(&[8; 48], server.local_address()).unwrap();
            std::thread::sleep(Duration::from_millis(25));
        }
    };
    // Statistics are up to 100 ms old.
    make_noise();
    let naps = server.stats().naps;
    make_noise();
    assert_eq!(server.stats().naps, naps);
}

#[test]
fn no_datagram_is_coalesced_if_coalescing_is_switched_off() {
    let (server, _crowd, _) = idle(Duration::ZERO);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.stats().naps, 0);
}
