//! Coalescing of heartbeats and acknowledgements: no heartbeat is lost, and messages still arrive. The tests of the
//! network thread, which pass their own times, check when it coalesces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

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
fn heartbeats_that_are_coalesced_for_100_ms_are_not_lost() {
    let (server, crowd, _) = idle(Duration::from_millis(100));
    let naps = naps(&server);
    std::thread::sleep(Duration::from_secs(3));
    let infos = crowd.infos();
    let latest = infos.iter().map(|info| info.stats.rtt_latest).sum::<Duration>() / CROWD as u32;
    let mean = NetworkStats::mean_rtt(&infos).unwrap();
    println!("naps: {naps}; round trips: {mean:?} on the average, {latest:?} the last ones");
    assert!(infos.iter().all(|info| info.stats.datagrams_lost == 0));
}

#[test]
fn a_message_arrives_at_a_server_that_coalesces_heartbeats() {
    let (server, crowd, _) = idle(Duration::from_millis(100));
    for number in 0..3 {
        naps(&server);
        let here = crowd.connections()[number];
        crowd.send(here, &common::Ping { number: number as u32 }).unwrap();
        let heard = common::wait_for(&server, |event| match event {
            Event::Message { data, .. } => server.registry().decode_as::<common::Ping>(&data).ok(),
            _ => None,
        });
        assert_eq!(heard.number, number as u32);
    }
}

#[test]
fn a_message_of_a_server_that_coalesces_heartbeats_reaches_its_peer() {
    let (server, crowd, there) = idle(Duration::from_millis(100));
    for connection in there.into_iter().take(3) {
        naps(&server);
        server.send(connection, &common::Ping { number: 7 }).unwrap();
        common::wait_for(&crowd, |event| matches!(event, Event::Message { .. }).then_some(()));
    }
}

#[test]
fn the_network_thread_never_delays_a_read_if_receive_coalescing_is_0() {
    let (server, _crowd, _) = idle(Duration::ZERO);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(server.stats().naps, 0);
}
