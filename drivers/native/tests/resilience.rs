//! A driver survives restarts, silence, full queues and slow readers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tickwire_core::{
    Admission, AdmissionRequest, ChannelId, CloseReason, Config, ConnectOptions, Event, Fate, MessageId,
};
use tickwire_native::{Client, CommandError, ConnectError, Options, SendError, Server};

#[test]
fn clients_of_a_killed_server_reconnect_after_its_restart() {
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
fn flow_control_blocks_the_peer_of_a_game_that_does_not_drain_events() {
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
            Ok(_) => sent += 1,
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
fn a_game_that_does_not_drain_events_keeps_its_connections() {
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
fn commands_that_a_full_command_queue_refuses_are_counted() {
    let server = Server::start(common::server_options(common::open_config()).commands(8)).unwrap();
    let (client, there) = common::connected(&server);
    // A policy that takes its time keeps the network thread from everything else.
    let (asked, is_asked) = std::sync::mpsc::channel();
    let (release, is_released) = std::sync::mpsc::channel::<()>();
    server
        .set_accept_policy(move |_: &AdmissionRequest<'_>| {
            asked.send(()).unwrap();
            let _released = is_released.recv();
            Admission::Accept
        })
        .unwrap();
    let another = common::client();
    let attempt = another.connect(&server.local_address().into(), common::options_for(&server));
    is_asked.recv().unwrap();
    let message = common::load(10);
    let mut refused = 0;
    for _ in 0..100 {
        match server.send(there, &message) {
            Ok(_) => {}
            Err(SendError::QueueFull(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    drop(release);
    attempt.wait().unwrap();
    assert_eq!((refused, server.stats().commands_refused), (92, 92));
    drop(client);
}

#[test]
fn held_messages_are_sent_when_the_command_queue_is_half_full() {
    let server = Server::start(common::server_options(common::open_config()).commands(64)).unwrap();
    let (client, there) = common::connected(&server);
    let _hold = server.hold();
    for number in 0..31 {
        server.send(there, &common::Ping { number }).unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(client.stats().messages_received, 0, "they are held back");
    server.send(there, &common::Ping { number: 31 }).unwrap();
    for number in 0..32 {
        let ping = common::wait_for(&client, |event| match event {
            Event::Message { data, .. } => client.registry().decode_as::<common::Ping>(&data).ok(),
            _ => None,
        });
        assert_eq!(ping.number, number);
    }
}

#[test]
fn send_ready_is_reported_even_after_the_event_queue_was_full() {
    let mut config = Config::new(common::APPLICATION);
    config.channels[0].queue_messages = 8;
    let server = common::server();
    let options = common::options(config).events(1).bind(common::loopback(0));
    let client = Client::start(options).unwrap();
    client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    let there = common::wait_connected(&server);
    let here = client.server().unwrap();
    client.set_connection_bandwidth_limit(here, NonZeroU32::new(20_000)).unwrap();
    common::wait_until("the channel is full", || {
        client.send_bytes(here, ChannelId(0), vec![0; 1000]).is_err()
    });
    // The queue of events is full too, while the channel gets room.
    for number in 0..50 {
        server.send(there, &common::Ping { number }).unwrap();
    }
    std::thread::sleep(Duration::from_secs(1));
    let is_room = |event| matches!(event, Event::SendReady { channel: ChannelId(0), .. }).then_some(());
    common::wait_for(&client, is_room);
    client.send_bytes(here, ChannelId(0), vec![0; 1000]).unwrap();
}

/// Starts a client and a server. The client requests receipts.
fn pair_with_receipts(events: usize) -> (Server, Client, tickwire_core::ConnectionId) {
    let server = Server::start(common::server_options(common::open_config()).events(events)).unwrap();
    let mut config = Config::new(common::APPLICATION);
    config.channels[0].receipts = true;
    let options = common::options(config).bind(common::loopback(0));
    let client = Client::start(options).unwrap();
    client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    let there = common::wait_connected(&server);
    (server, client, there)
}

#[test]
fn a_game_that_stops_with_a_full_event_queue_still_receives_all_acknowledged_messages() {
    let (mut server, client, _) = pair_with_receipts(8);
    for number in 0..2000 {
        client.send_to_server(&common::Ping { number }).unwrap();
    }
    let is_receipt = |event: &Event| matches!(event, Event::Delivered { .. });
    // More than the queue to the game holds.
    let mut delivered = 0;
    common::wait_for(&client, |event| {
        delivered += u32::from(is_receipt(&event));
        (delivered > 20).then_some(())
    });
    server.stop(3, "maintenance", Duration::from_millis(300));
    common::wait_for(&client, |event| {
        delivered += u32::from(is_receipt(&event));
        matches!(event, Event::Closed { .. }).then_some(())
    });
    let mut taken = 0;
    while let Some(event) = server.next_event() {
        if let Event::Message { data, .. } = event {
            let ping = server.registry().decode_as::<common::Ping>(&data).unwrap();
            assert_eq!(ping.number, taken);
            taken += 1;
        }
    }
    println!("{delivered} were acknowledged, and {taken} are there");
    assert!(taken >= delivered, "{delivered} were acknowledged, {taken} are there");
}

#[test]
fn a_close_after_delivery_also_delivers_messages_that_wait_for_a_bandwidth_limit() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    server.set_connection_bandwidth_limit(there, NonZeroU32::new(100_000)).unwrap();
    for _ in 0..100 {
        server.send_bytes(there, ChannelId(0), vec![0; 1000]).unwrap();
    }
    server.disconnect_after_delivery(there, 5, "enough", Duration::from_secs(20)).unwrap();
    assert_eq!(count_until_closed(&client), 100);
    assert_eq!(server.stats().messages_given_up, 0);
}

#[test]
fn messages_that_miss_the_deadline_of_a_close_are_listed_as_unconfirmed() {
    let mut config = common::open_config();
    config.channels[0].queue_messages = 8;
    config.connection_bandwidth = Some(10_000);
    let server = Server::start(common::server_options(config)).unwrap();
    let (client, there) = common::connected(&server);
    let hold = server.hold();
    for number in 0..100 {
        assert_eq!(server.send_bytes(there, ChannelId(0), vec![0; 1000]), Ok(MessageId(number)));
    }
    drop(hold);
    server.disconnect_after_delivery(there, 5, "enough", Duration::from_millis(200)).unwrap();
    let arrived = count_until_closed(&client);
    assert!(arrived < 50, "{arrived}");
    let unconfirmed = common::wait_for(&server, |event| match event {
        Event::Closed { unconfirmed, .. } => Some(unconfirmed),
        _ => None,
    });
    // What the core had and what waited in the driver are one list, whose numbers have no gaps.
    let first = 100 - unconfirmed.len() as u64;
    assert!(arrived >= first, "{arrived} arrived, {first} were acknowledged");
    for (number, of) in (first..100).zip(&unconfirmed) {
        assert_eq!((of.channel, of.message), (ChannelId(0), MessageId(number)));
    }
    assert_eq!(unconfirmed.last().unwrap().fate, Fate::NotSent);
    std::thread::sleep(Duration::from_millis(150));
    assert!(server.stats().messages_given_up > 80, "{}", server.stats().messages_given_up);
}

#[test]
fn a_command_from_an_accept_policy_fails_without_blocking_when_the_command_queue_is_full() {
    let server = Server::start(common::server_options(common::open_config()).commands(4)).unwrap();
    let (client, there) = common::connected(&server);
    let (network, to) = (server.handle(), server.local_address().into());
    let (told, errors) = std::sync::mpsc::channel();
    server
        .set_accept_policy(move |_: &AdmissionRequest<'_>| {
            while network.send(there, &common::Ping { number: 1 }).is_ok() {}
            let connecting = network.connect(&to, ConnectOptions::new([1; 32])).wait();
            // A question waits for a second where nobody answers: together they would outlast the attempt.
            let waiting = (0..20).all(|_| {
                async_std::task::block_on(network.fresh_info(there)).is_none()
                    && network.peer_clock(there).is_none()
                    && network.grants(Duration::from_secs(1)).is_empty()
            });
            let refused = [
                network.disconnect(there, 0, ""),
                network.set_bandwidth_limit(None),
                network.forget_peer([1; 32], [2; 32]),
                network.set_accept_policy(|_: &AdmissionRequest<'_>| Admission::Accept),
            ];
            told.send((connecting, waiting, refused)).unwrap();
            Admission::Accept
        })
        .unwrap();
    let another = common::client();
    another.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    let (connecting, waiting, refused) = errors.recv().unwrap();
    assert_eq!(connecting, Err(ConnectError::QueueFull));
    assert!(waiting, "nothing is answered where nobody could wait for it");
    assert_eq!(refused, [Err(CommandError::QueueFull); 4]);
    let text = CommandError::QueueFull.to_string();
    assert!(text.contains("raise Options::commands"), "{text}");
    drop(client);
}

#[test]
fn stopping_an_endpoint_delivers_every_message_that_send_accepted() {
    let mut server = common::server();
    let (client, there) = common::connected(&server);
    let mut sent = 0;
    while sent < 8000 {
        match server.send(there, &common::Ping { number: sent }) {
            Ok(_) => sent += 1,
            Err(SendError::ChannelFull(_) | SendError::QueueFull(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(sent > 100, "{sent}");
    server.stop(3, "maintenance", Duration::from_secs(8));
    assert_eq!(count_until_closed(&client), u64::from(sent));
    assert_eq!(server.stats().messages_given_up, 0);
}

/// Returns the number of messages that arrive until the connection ends.
fn count_until_closed(client: &Client) -> u64 {
    let mut messages = 0;
    common::wait_for(client, |event| {
        messages += u64::from(matches!(event, Event::Message { .. }));
        matches!(event, Event::Closed { .. }).then_some(())
    });
    messages
}

#[test]
fn stopping_an_endpoint_delivers_sent_messages_before_its_connections_close() {
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
fn an_idle_endpoint_wakes_less_than_twice_a_second() {
    let server = common::server();
    let (client, _) = common::connected(&server);
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    let before = (server.stats().wakeups, client.stats().wakeups);
    std::thread::sleep(Duration::from_secs(2));
    let after = (server.stats().wakeups, client.stats().wakeups);
    let woken = (after.0 - before.0, after.1 - before.1);
    let idle = begun.elapsed();
    println!("woken in {idle:?}: server {}, client {}", woken.0, woken.1);
    // The last question wakes it, and a heartbeat may. A thread that polled twice per second would wake more often, however slow the
    // machine is.
    let most = idle.as_millis() / 500;
    assert!(u128::from(woken.0.max(woken.1)) < most, "{woken:?} of {most}");
}
