//! What a driver has to survive: restarts, silence, full queues, slow readers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use tickwire_core::{ChannelId, CloseReason, Config, Event};
use tickwire_native::{Client, Options, SendError, Server};

#[test]
fn a_server_that_is_killed_and_restarted_gets_its_clients_back() {
    let mut config = common::open_config();
    config.idle_timeout = Duration::from_millis(1500);
    let mut server = Server::start(common::server_options(config.clone())).unwrap();
    let at = server.local_address();
    let mut client_config = Config::new(common::APPLICATION);
    client_config.idle_timeout = Duration::from_millis(1500);
    let clients: Vec<Client> = (0..10)
        .map(|_| {
            let options = Options::new(client_config.clone()).registry(common::registry());
            let client = Client::start(options.bind(common::loopback(0))).unwrap();
            client.connect(&at.into(), common::options_for(&server)).wait().unwrap();
            client
        })
        .collect();
    let before: Vec<_> = clients.iter().map(Client::server).collect();
    server.abort();
    drop(server);

    let begun = Instant::now();
    let server = Server::start(common::server_options(config).bind(at)).unwrap();
    for (client, old) in clients.iter().zip(before) {
        // Whoever speaks first is told that he is not known, and connects again. It may have happened already.
        client.send_to_server(&common::text("are you there?")).unwrap();
        common::wait_for(client, |event| match event {
            Event::Connected { replaces, .. } if replaces.is_some() => {
                assert_eq!(replaces, old);
                Some(())
            }
            _ => None,
        });
    }
    println!("10 clients came back {:.1?} after the restart", begun.elapsed());
    common::wait_until("10 clients", || server.clients().len() == 10);
    assert!(clients.iter().all(Client::is_connected));
    for client in &clients {
        client.send_to_server(&common::text("hello again")).unwrap();
        common::wait_for(&server, |event| match event {
            Event::Message { data, .. } => {
                let heard = server.registry().decode_as::<common::TestMessage>(&data).unwrap();
                (heard.text.as_str() == "hello again").then_some(())
            }
            _ => None,
        });
    }
}

#[test]
fn a_game_that_does_not_drain_holds_the_peer_back_and_loses_nothing() {
    let config = common::open_config();
    let server = Server::start(common::server_options(config).events(4)).unwrap();
    let (client, _) = common::connected(&server);
    let mut sent = 0_u32;
    let mut refusals = 0;
    let until = Instant::now() + Duration::from_secs(5);
    while refusals < 3 && Instant::now() < until {
        let mut data = sent.to_le_bytes().to_vec();
        data.resize(4096, 0);
        match client.send_bytes(client.server().unwrap(), ChannelId(0), data) {
            Ok(()) => sent += 1,
            Err(SendError::ChannelFull(_)) => {
                refusals += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(SendError::QueueFull(_)) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(refusals, 3, "after {sent} messages of 4 KiB nothing was full");
    assert!(server.stats().event_stalls > 0);
    assert!(server.stats().memory <= 3 << 20, "{}", server.stats().memory);

    for number in 0..sent {
        let data = common::wait_for(&server, |event| match event {
            Event::Message { data, .. } => Some(data),
            _ => None,
        });
        assert_eq!(data.get(..4), Some(&number.to_le_bytes()[..]));
    }
    common::wait_for(&client, |event| matches!(event, Event::SendReady { .. }).then_some(()));
    client.send_bytes(client.server().unwrap(), ChannelId(0), vec![1]).unwrap();
    common::wait_for(&server, |event| matches!(event, Event::Message { .. }).then_some(()));
}

#[test]
fn a_game_that_does_not_drain_keeps_its_connections() {
    let mut config = common::open_config();
    config.idle_timeout = Duration::from_millis(600);
    config.heartbeat = Duration::from_millis(100);
    let server = Server::start(common::server_options(config).events(1)).unwrap();
    let mut client_config = Config::new(common::APPLICATION);
    client_config.idle_timeout = Duration::from_millis(600);
    let options = Options::new(client_config).registry(common::registry());
    let client = Client::start(options.bind(common::loopback(0))).unwrap();
    client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    for number in 0..20 {
        client.send_to_server(&common::Ping { number }).unwrap();
    }
    std::thread::sleep(Duration::from_secs(2));
    assert!(client.is_connected());
    assert_eq!(server.clients().len(), 1);
    common::wait_for(&server, |event| matches!(event, Event::Message { .. }).then_some(()));
}

#[test]
fn a_thread_that_cannot_keep_up_refuses_and_counts() {
    let server = Server::start(common::server_options(common::open_config()).commands(8)).unwrap();
    let (client, there) = common::connected(&server);
    let hold = server.hold();
    let message = common::load(10);
    let mut refused = 0;
    for _ in 0..1000 {
        match server.send(there, &message) {
            Ok(()) => {}
            Err(SendError::QueueFull(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    drop(hold);
    assert_eq!(server.stats().commands_refused, refused);
    assert!(refused > 0);
    drop(client);
}

#[test]
fn stopping_delivers_what_was_sent_and_says_good_bye() {
    let mut server = common::server();
    let (client, there) = common::connected(&server);
    for number in 0..500 {
        server.send(there, &common::Ping { number }).unwrap();
    }
    server.stop(3, "maintenance", Duration::from_secs(2));
    assert!(!server.is_running());
    let mut messages = 0;
    let reason = common::wait_for(&client, |event| match event {
        Event::Message { .. } => {
            messages += 1;
            None
        }
        Event::Closed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(messages, 500);
    assert_eq!(reason, CloseReason::Peer { code: 3, text: "maintenance".into() });
    assert!(server.wait_event(Duration::from_secs(1)).is_some(), "what is left may be drained");
}

#[test]
fn an_idle_endpoint_sleeps() {
    let server = common::server();
    let (client, _) = common::connected(&server);
    std::thread::sleep(Duration::from_millis(500));
    let before = (server.stats().wakeups, client.stats().wakeups);
    std::thread::sleep(Duration::from_secs(2));
    let after = (server.stats().wakeups, client.stats().wakeups);
    let woken = (after.0 - before.0, after.1 - before.1);
    println!("woken in two idle seconds: server {}, client {}", woken.0, woken.1);
    assert!(woken.0 < 20 && woken.1 < 20, "{woken:?}");
}
