//! Handlers, draining a queue, and async functions: three ways to the same messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::num::NonZeroU32;
use std::time::Duration;

use common::{Ping, TestMessage};
use tickwire_core::message::{HandlerAction, SendOptions};
use tickwire_core::{ChannelId, CloseReason, Config, ConnectionId, Delivery, Event, MessageId};
use tickwire_native::{Client, INVALID_MESSAGES, SendError, Server};

#[test]
fn a_handler_receives_messages_and_changes_the_game_until_it_is_removed() {
    #[derive(Default)]
    struct Sums {
        stays: u32,
        goes: u32,
        once: u32,
    }
    let server = common::server();
    let (client, _) = common::connected(&server);
    let mut handlers = server.handlers::<Sums>();
    handlers.on(|sums, _, _, ping: &Ping| sums.stays += ping.number).unwrap();
    let id = handlers.on(|sums, _, _, ping: &Ping| sums.goes += ping.number).unwrap();
    handlers
        .on(|sums, _, _, ping: &Ping| {
            sums.once += ping.number;
            HandlerAction::Remove
        })
        .unwrap();

    let mut sums = Sums::default();
    for (number, expected) in [(1, [1, 1, 1]), (10, [11, 11, 1])] {
        client.send_to_server(&Ping { number }).unwrap();
        common::wait_until("a message", || server.update(&mut sums, &mut handlers).messages == 1);
        assert_eq!([sums.stays, sums.goes, sums.once], expected);
    }
    assert!(handlers.off(id));
    assert!(!handlers.off(id), "it is gone");
    client.send_to_server(&Ping { number: 100 }).unwrap();
    common::wait_until("a message", || server.update(&mut sums, &mut handlers).messages == 1);
    assert_eq!((sums.stays, sums.goes), (111, 11));
}

#[test]
fn a_handler_sends_an_answer_through_its_network_argument() {
    let server = common::server();
    let (client, _) = common::connected(&server);
    let mut echo = server.handlers::<()>();
    echo.on(|(), network, from, ping: &Ping| {
        network.send(from, &Ping { number: ping.number + 1 }).unwrap();
    })
    .unwrap();
    client.send_to_server(&Ping { number: 6 }).unwrap();
    let (mut heard, mut handlers) = (0, client.handlers::<u32>());
    handlers.on(|heard, _, _, ping: &Ping| *heard = ping.number).unwrap();
    common::wait_until("the answer", || {
        server.update(&mut (), &mut echo);
        client.update(&mut heard, &mut handlers);
        heard == 7
    });
}

#[test]
fn connection_handlers_are_called_when_a_connection_opens_and_when_it_closes() {
    let server = common::server();
    let mut handlers = server.handlers::<(u32, u32)>();
    handlers.on_connected(|(came, _), _, _, _, _| *came += 1);
    let id = handlers.on_disconnected(|(_, went), _, _, reason| {
        assert_eq!(*reason, CloseReason::Peer { code: 7, text: "bye".into() });
        *went += 1;
    });
    let client = common::client();
    let (to, mut counts) = (server.local_address().into(), (0, 0));
    for _ in 0..2 {
        let connection = client.connect(&to, common::options_for(&server)).wait().unwrap();
        common::wait_until("a connection", || {
            server.update(&mut counts, &mut handlers);
            server.connection_count() == 1
        });
        client.disconnect(connection, 7, "bye").unwrap();
        common::wait_until("its end", || {
            server.update(&mut counts, &mut handlers);
            server.connection_count() == 0
        });
        handlers.off(id);
    }
    common::wait_until("the second", || {
        server.update(&mut counts, &mut handlers);
        counts.0 == 2
    });
    assert_eq!(counts.1, 1, "the handler was removed before the second end");
}

#[test]
fn connect_event_stats_and_stop_futures_complete_under_async_std() {
    async_std::task::block_on(async {
        let mut server = common::server();
        let client = common::client();
        let to = server.local_address().into();
        let here = client.connect(&to, common::options_for(&server)).await.unwrap();
        let Some(Event::Connected { connection: there, .. }) = server.event().await else {
            panic!("no connection")
        };
        client.send(here, &common::text("from an async function")).unwrap();
        let (connection, data) = loop {
            match server.event().await {
                Some(Event::Message { data, connection, .. }) => break (connection, data),
                Some(Event::RateChanged { .. }) => {}
                other => panic!("no message: {other:?}"),
            }
        };
        assert_eq!(connection, there);
        let heard = server.registry().decode_as::<TestMessage>(&data).unwrap();
        assert_eq!(heard.text.as_str(), "from an async function");
        assert_eq!(server.fresh_info(there).await.unwrap().connection, there);
        assert!(server.stats_async().await.messages_received >= 1);
        let channel = client.channel_stats_async(here, ChannelId(0)).await.unwrap();
        assert_eq!(channel.sent.messages, 1);
        assert_eq!(Some(channel), client.channel_stats(here, ChannelId(0)));
        let handle = server.handle();
        server.stop_async(4, "closing time", Duration::from_secs(1)).await;
        assert!(!server.is_running());
        while let Some(event) = handle.event().await {
            assert!(matches!(event, Event::Closed { .. } | Event::RateChanged { .. }), "{event:?}");
        }
        assert!(handle.fresh_info(there).await.is_none());
        assert!(handle.stats_async().await.messages_received >= 1, "the last statistics stay");
        let reason = common::wait_for(&client, |event| match event {
            Event::Closed { reason, .. } => Some(reason),
            _ => None,
        });
        assert_eq!(reason, CloseReason::Peer { code: 4, text: "closing time".into() });
    });
}

/// Starts a server whose first two channels give receipts, and connects two clients.
fn with_receipts() -> (Server, [(Client, ConnectionId); 2]) {
    let mut config = common::open_config();
    for channel in &mut config.channels[..2] {
        channel.receipts = true;
    }
    let server = Server::start(common::server_options(config)).unwrap();
    let clients = [(); 2].map(|()| common::connected(&server));
    (server, clients)
}

#[test]
fn send_returns_distinct_message_numbers_while_several_threads_send_and_broadcast() {
    const EACH: u64 = 200;
    let (server, [(_one, first), (_two, second)]) = with_receipts();
    let ids: Vec<Vec<MessageId>> = std::thread::scope(|scope| {
        let send = |connection, broadcasts: bool| {
            let server = server.handle();
            scope.spawn(move || {
                let ping = Ping { number: 1 };
                let mut ids = Vec::new();
                for _ in 0..EACH {
                    ids.push(server.send(connection, &ping).unwrap());
                    if broadcasts {
                        server.broadcast(&ping).unwrap();
                        server.broadcast_bytes(ChannelId(0), vec![0], &[first, first]).unwrap();
                    }
                }
                ids
            })
        };
        let threads = [send(first, true), send(first, false), send(second, false)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    // On the first connection: its own 400 and 200 broadcasts; on the second: its own 200 and all 400 broadcasts.
    let mut delivered = [Vec::new(), Vec::new()];
    common::wait_for(&server, |event| {
        if let Event::Delivered { connection, message, .. } = event {
            delivered[usize::from(connection == second)].push(message);
        }
        (delivered.each_ref().map(Vec::len) == [600, 600]).then_some(())
    });
    let all: Vec<MessageId> = (0..600).map(MessageId).collect();
    assert_eq!(delivered, [all.clone(), all]);
    let mut of_first = [&ids[0][..], &ids[1]].concat();
    of_first.sort_unstable();
    of_first.dedup();
    assert_eq!(of_first.len(), 400, "two messages of a channel have two numbers");
    assert!(ids.iter().all(|ids| ids.is_sorted()));
    // The next ones are what was counted.
    assert_eq!(server.send(first, &Ping { number: 1 }), Ok(MessageId(600)));
    assert_eq!(server.send(second, &Ping { number: 1 }), Ok(MessageId(600)));
    assert_eq!(
        server.send_bytes(first, ChannelId(1), vec![0]),
        Ok(MessageId(0)),
        "each channel counts for itself"
    );
    let (_late, third) = common::connected(&server);
    assert_eq!(
        server.send(third, &Ping { number: 1 }),
        Ok(MessageId(0)),
        "what was sent before it came is not counted"
    );
}

#[test]
fn a_broadcast_takes_a_message_number_and_delivered_events_report_only_sent_numbers() {
    let (server, [(_one, first), _]) = with_receipts();
    server.broadcast(&Ping { number: 1 }).unwrap();
    for number in 1..50 {
        let sent = server.send(first, &Ping { number }).unwrap();
        let told = common::wait_for(&server, |event| match event {
            Event::Delivered { connection, channel: ChannelId(0), message } if connection == first => {
                Some(message)
            }
            _ => None,
        });
        assert!(told <= sent && sent == MessageId(u64::from(number)));
    }
}

#[test]
fn a_send_budget_is_below_the_bandwidth_limit_and_a_peer_clock_errs_by_at_most_its_reported_error() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    let here = client.server().unwrap();
    client.send_to_server(&Ping { number: 1 }).unwrap();
    common::wait_until("the clock", || client.peer_clock(here).is_some());
    let clock = client.peer_clock(here).unwrap();
    let (shown, true_time) = (clock.at(client.now()), server.now());
    let apart = true_time.saturating_since(shown).max(shown.saturating_since(true_time));
    let error = clock.error(client.now());
    println!("the server's clock is shown with an error of {apart:?}, less than {error:?}");
    // Between the two looks this thread may have stood still.
    assert!(apart < error + Duration::from_millis(200), "{apart:?} of {error:?}");
    assert!(async_std::task::block_on(client.fresh_info(here)).unwrap().clock.is_some());

    server.set_connection_bandwidth_limit(there, NonZeroU32::new(80_000)).unwrap();
    let grants = server.grants(Duration::from_millis(100));
    assert_eq!(grants, async_std::task::block_on(server.grants_async(Duration::from_millis(100))));
    // Seven eighths of the limit at most.
    assert!(matches!(grants[..], [(id, 1..=7000)] if id == there), "{grants:?}");
}

#[test]
fn messages_are_sent_on_a_channel_with_the_delivery_of_their_options() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    for (delivery, place) in [
        (Delivery::ReliableOrdered, 0),
        (Delivery::ReliableUnordered, 1),
        (Delivery::Sequenced, 2),
        (Delivery::Unreliable, 3),
    ] {
        server.send_with(there, &Ping { number: 1 }, delivery).unwrap();
        let channel = common::wait_for(&client, |event| match event {
            Event::Message { channel, .. } => Some(channel),
            _ => None,
        });
        assert_eq!(channel, ChannelId(place), "{delivery:?}");
    }
    server.broadcast_with(&Ping { number: 2 }, SendOptions::default().reliable(false)).unwrap();
    common::wait_for(&client, |event| {
        matches!(event, Event::Message { channel: ChannelId(2), .. }).then_some(())
    });
}

#[test]
fn a_message_is_sent_on_the_channel_with_the_given_local_name() {
    let named = |mut config: Config| {
        config.channels[2].name = Some("state".into());
        config
    };
    let server = Server::start(common::server_options(named(common::open_config()))).unwrap();
    let (client, there) = common::connected(&server);
    server.send_with(there, &Ping { number: 1 }, "state").unwrap();
    let heard = |event| matches!(event, Event::Message { channel: ChannelId(2), .. }).then_some(());
    common::wait_for(&client, heard);
    let error = server.send_with(there, &Ping { number: 2 }, "chat").unwrap_err();
    assert!(matches!(error, SendError::NoSuchChannel(_)), "{error:?}");
    // The client has no names, and was let in all the same.
    let error = client.send_to_server_with(&Ping { number: 3 }, "state").unwrap_err();
    assert!(matches!(error, SendError::NoSuchChannel(_)), "{error:?}");
}

#[test]
fn the_send_error_returns_the_message_that_was_not_sent() {
    let mut server = common::server();
    let (client, there) = common::connected(&server);
    let bytes = vec![1; 20];
    let error = server.send_bytes(there, ChannelId(9), bytes.clone()).unwrap_err();
    assert_eq!(error, SendError::NoSuchChannel(bytes.clone().into()));
    let large = vec![0; (1 << 20) + 1];
    assert!(matches!(server.send_bytes(there, ChannelId(0), large), Err(SendError::TooLarge { .. })));
    server.disconnect(there, 0, "").unwrap();
    let error = server.send_bytes(there, ChannelId(0), bytes.clone()).unwrap_err();
    assert_eq!(error.into_message(), Some(bytes.clone().into()));
    server.abort();
    assert!(matches!(server.broadcast(&Ping { number: 1 }), Err(SendError::Stopped(_))));
    drop(client);
}

#[test]
fn a_sender_of_nine_invalid_messages_is_disconnected() {
    let server = common::server();
    let mut handlers = server.handlers::<()>();
    handlers.validate::<Ping>(|ping| ping.number < 10).unwrap();
    let (client, _) = common::connected(&server);
    let mut rejected = 0;
    for _ in 0..9 {
        client.send_to_server(&Ping { number: 10 }).unwrap();
    }
    common::wait_until("nine invalid messages", || {
        rejected += server.update(&mut (), &mut handlers).rejected;
        rejected == 9
    });
    let code = common::wait_for(&client, |event| match event {
        Event::Closed { reason: CloseReason::Peer { code, .. }, .. } => Some(code),
        _ => None,
    });
    assert_eq!(code, INVALID_MESSAGES);
}

#[test]
fn messages_queued_during_a_hold_leave_in_one_datagram_after_the_hold() {
    let server = common::server();
    let (client, there) = common::connected(&server);
    // What connecting leaves behind dies down.
    std::thread::sleep(Duration::from_millis(300));
    let datagrams = || async_std::task::block_on(server.fresh_info(there)).unwrap().stats.datagrams_sent;
    let before = datagrams();
    let hold = server.hold();
    for _ in 0..8 {
        server.send(there, &common::load(20)).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(client.next_event().filter(|event| matches!(event, Event::Message { .. })), None);
    drop(hold);
    for _ in 0..8 {
        common::wait_for(&client, |event| matches!(event, Event::Message { .. }).then_some(()));
    }
    assert_eq!(datagrams() - before, 1);
}
