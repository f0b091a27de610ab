//! The acceptance tests of the design documents, over real UDP sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::relay::Relay;
use common::{Ping, TestMessage};
use tickwire_core::{ChannelId, ConnectionId, Event};
use tickwire_native::{Client, SendError, Server};

#[test]
fn a_hundred_clients_connect_and_a_broadcast_reaches_all_of_them_within_a_second() {
    let server = common::server();
    let to = server.local_address().into();
    let begun = Instant::now();
    let clients: Vec<Client> = (0..100).map(|_| common::client()).collect();
    let attempts: Vec<_> =
        clients.iter().map(|client| client.connect(&to, common::options_for(&server))).collect();
    for attempt in attempts {
        attempt.wait().unwrap();
    }
    println!("100 clients connected in {:.1?}", begun.elapsed());
    common::wait_until("100 clients", || server.clients().len() == 100);

    let begun = Instant::now();
    assert_eq!(server.broadcast(&common::text("Hello World")).unwrap().full, []);
    for client in &clients {
        let heard = common::wait_for(client, |event| match event {
            Event::Message { data, .. } => Some(client.registry().decode_as::<TestMessage>(&data).unwrap()),
            _ => None,
        });
        assert_eq!(heard.text.as_str(), "Hello World");
    }
    let took = begun.elapsed();
    println!("a broadcast reached 100 clients in {took:.1?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_thousand_reliable_messages_arrive_within_ten_seconds() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    let took = thousand_messages(&server, &client, there);
    println!("1,000 of 1,000 messages in {took:.1?}");
}

#[test]
fn a_thousand_reliable_messages_arrive_through_ten_percent_loss() {
    let server = common::server();
    let relay = Relay::start(server.local_address(), 10);
    let (client, there) = common::connected_via(&server, relay.address);
    let took = thousand_messages(&server, &client, there);
    let [lost, seen] = [&relay.lost, &relay.seen].map(|count| count.load(Ordering::Relaxed));
    println!("1,000 of 1,000 messages in {took:.1?}, through {lost} losses of {seen} datagrams");
    // No datagram has room for six of the messages.
    assert!(seen > 180 && Relay::is_near(lost, seen, 10), "{lost} of {seen}");
}

/// Sends a thousand messages of 280 bytes in order, and returns the time until all have arrived.
fn thousand_messages(server: &Server, client: &Client, there: ConnectionId) -> Duration {
    let begun = Instant::now();
    for number in 0..1000_u32 {
        let mut data = number.to_le_bytes().to_vec();
        data.resize(280, 0x5a);
        while let Err(error) = server.send_bytes(there, ChannelId(0), data.clone()) {
            assert!(matches!(error, SendError::ChannelFull(_)), "{error}");
            assert!(begun.elapsed() < Duration::from_secs(10), "there was never room");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for number in 0..1000_u32 {
        let data = common::wait_for(client, |event| match event {
            Event::Message { data, .. } => Some(data),
            _ => None,
        });
        assert_eq!((data.len(), data.get(..4)), (280, Some(&number.to_le_bytes()[..])));
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    took
}

#[test]
fn a_hundred_pings_over_loopback_have_a_mean_rtt_below_50_ms() {
    let server = common::server();
    let (client, _) = common::connected(&server);
    let echo = server.handle();
    let thread = std::thread::spawn(move || {
        while let Some(event) = echo.wait_event(Duration::from_secs(10)) {
            match event {
                Event::Message { connection, channel, data } => {
                    echo.send_bytes(connection, channel, data).unwrap();
                }
                Event::Closed { .. } => break,
                _ => {}
            }
        }
    });
    let mut sum = Duration::ZERO;
    let mut most = Duration::ZERO;
    for number in 0..100 {
        let begun = Instant::now();
        client.send_to_server(&Ping { number }).unwrap();
        let back = common::wait_for(&client, |event| match event {
            Event::Message { data, .. } => Some(client.registry().decode_as::<Ping>(&data).unwrap().number),
            _ => None,
        });
        assert_eq!(back, number);
        sum += begun.elapsed();
        most = most.max(begun.elapsed());
    }
    let mean = sum / 100;
    println!("100 pings: mean {mean:.1?}, most {most:.1?}");
    assert!(mean < Duration::from_millis(50), "{mean:?}");
    drop(client);
    thread.join().unwrap();
}

#[test]
fn connecting_over_loopback_takes_less_than_half_a_second() {
    let server = common::server();
    let client = common::client();
    let begun = Instant::now();
    client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    let took = begun.elapsed();
    println!("connected in {took:.1?}");
    assert!(took < Duration::from_millis(500), "{took:?}");
}
