//! Bandwidth limits are never exceeded over real sockets, even on a slow machine. Tests of the core on virtual time show that at
//! least 95 percent of a limit is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tickwire_core::{ChannelId, ConnectionId, Event};
use tickwire_native::{Client, SendError, Server};

const RATE: u32 = 100_000;
const TIME: Duration = Duration::from_secs(4);

/// Sends as much as the queues accept for [`TIME`]. Returns the bytes per second that were sent on each connection.
fn rates(server: &Server, clients: &[Client], there: &[ConnectionId], size: usize) -> Vec<f64> {
    let sent = || -> Vec<u64> {
        std::thread::sleep(Duration::from_millis(110));
        there.iter().map(|id| server.info(*id).unwrap().stats.bytes_sent).collect()
    };
    let begun = Instant::now();
    let before = sent();
    while begun.elapsed() < TIME {
        for id in there {
            match server.send_bytes(*id, ChannelId(0), vec![0; size]) {
                Ok(_) | Err(SendError::ChannelFull(_) | SendError::QueueFull(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        for client in clients {
            while client.next_event().is_some() {}
        }
        while server.next_event().is_some() {}
        std::thread::sleep(Duration::from_millis(2));
    }
    let after = sent();
    let seconds = begun.elapsed().as_secs_f64();
    before.iter().zip(&after).map(|(before, after)| (after - before) as f64 / seconds).collect()
}

fn assert_kept(rate: f64, limit: f64) {
    println!("{rate:.0} bytes/s of {limit:.0}");
    assert!(rate < limit * 1.05);
}

/// Sends 25 messages of 20 kB, calls `lift`, and waits until all messages have arrived.
fn take_unlimited(server: &Server, client: &Client, there: ConnectionId, lift: impl FnOnce()) {
    for number in 0..25_u8 {
        server.send_bytes(there, ChannelId(0), vec![number; 20_000]).unwrap();
    }
    lift();
    for number in 0..25_u8 {
        // Under a limit of 1000 bytes per second each takes 20 s, twice as long as is waited for it.
        let data = common::wait_for(client, |event| match event {
            Event::Message { data, .. } => Some(data),
            _ => None,
        });
        assert_eq!(data[0], number);
    }
}

fn limited(count: usize) -> (Server, Vec<Client>, Vec<ConnectionId>) {
    let server = common::server();
    let (clients, there) = (0..count).map(|_| common::connected(&server)).unzip();
    (server, clients, there)
}

#[test]
fn the_bandwidth_limit_of_an_endpoint_bounds_the_total_rate_of_its_connections() {
    let (server, clients, there) = limited(4);
    server.set_bandwidth_limit(NonZeroU32::new(RATE)).unwrap();
    let rates = rates(&server, &clients, &there, 400);
    assert_kept(rates.iter().sum(), f64::from(RATE));
    for client in &clients {
        // None starves, however long that takes here.
        common::wait_for(client, |event| matches!(event, Event::Message { .. }).then_some(()));
    }
}

#[test]
fn the_bandwidth_limit_of_one_connection_is_enforced_beside_an_unlimited_connection() {
    let (server, clients, there) = limited(2);
    server.set_connection_bandwidth_limit(there[0], NonZeroU32::new(RATE)).unwrap();
    let rates = rates(&server, &clients, &there, 900);
    assert_kept(rates[0], f64::from(RATE));
}

#[test]
fn the_bandwidth_limit_of_one_connection_does_not_slow_a_second_connection() {
    let (server, clients, there) = limited(2);
    server.set_connection_bandwidth_limit(there[0], NonZeroU32::new(1000)).unwrap();
    take_unlimited(&server, &clients[1], there[1], || {});
}

#[test]
fn the_bandwidth_limit_of_one_connection_is_enforced_for_large_messages() {
    let (server, clients, there) = limited(1);
    server.set_connection_bandwidth_limit(there[0], NonZeroU32::new(4 * RATE)).unwrap();
    let rates = rates(&server, &clients, &there, 20_000);
    assert_kept(rates[0], f64::from(4 * RATE));
}

#[test]
fn a_removed_bandwidth_limit_no_longer_slows_sending() {
    let (server, clients, there) = limited(1);
    server.set_connection_bandwidth_limit(there[0], NonZeroU32::new(1000)).unwrap();
    take_unlimited(&server, &clients[0], there[0], || {
        server.set_connection_bandwidth_limit(there[0], None).unwrap();
    });
    let late = common::load(10);
    server.send(there[0], &late).unwrap();
    common::wait_for(&clients[0], |event| matches!(event, Event::Message { .. }).then_some(()));
}
