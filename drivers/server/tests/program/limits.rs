//! The bandwidth limits of the configuration are never exceeded, as measured at the clients. Tests of the core on virtual time show
//! that at least 95 percent of a limit is used.

use std::time::{Duration, Instant};

use tickwire_native::Client;

use crate::harness::Program;

/// The settings of a game with so many agents that each client would receive 1 MB per second without a limit.
const CROWD: &str = r#""game": { "agents": 8000 }"#;

/// Returns the bytes per second that each client receives, measured over a few seconds.
fn received(clients: &[Client]) -> Vec<f64> {
    let bytes = |client: &Client| {
        while client.next_event().is_some() {}
        client.stats().bytes_received
    };
    let look = |until: Instant| {
        while Instant::now() < until {
            for client in clients {
                bytes(client);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Statistics are taken ten times a second at most.
        std::thread::sleep(Duration::from_millis(150));
        (Instant::now(), clients.iter().map(bytes).collect::<Vec<u64>>())
    };
    let (began, before) = look(Instant::now() + Duration::from_secs(1));
    let (ended, after) = look(began + Duration::from_secs(4));
    let seconds = (ended - began).as_secs_f64();
    after.iter().zip(before).map(|(after, before)| (after - before) as f64 / seconds).collect()
}

#[test]
fn all_clients_together_receive_at_most_the_bandwidth_limit() {
    let server = Program::start(&format!("{CROWD}, \"bandwidth_limit\": 100000"));
    let clients: Vec<Client> = (0..3).map(|_| server.join()).collect();
    let all: f64 = received(&clients).iter().sum();
    println!("{all:.0} of 100000 bytes per second");
    assert!(all <= 105_000.0, "{all}");
}

#[test]
fn each_client_receives_at_most_the_client_bandwidth_limit() {
    let server = Program::start(&format!("{CROWD}, \"client_bandwidth_limit\": 50000"));
    let clients: Vec<Client> = (0..2).map(|_| server.join()).collect();
    let each = received(&clients);
    println!("{each:.0?} of 50000 bytes per second");
    assert!(each.iter().all(|bytes| *bytes <= 52_500.0), "{each:?}");
}
