//! The end of an endpoint, as its peers and the game learn of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::any::Any;
use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Ping, TestMessage, text};
use tickwire_core::{ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Event, Route};
use tickwire_native::{
    Handle, INVALID_MESSAGES, NetworkAddress, Options, Peer, SendError, Server, StartError,
};

const LONG: Duration = Duration::from_secs(10);
const SERVER: &str = "TICKWIRE_TEST_SERVER";

/// The child process of the test below. It sends messages, calls `disconnect_after_delivery`, and exits without
/// waiting.
#[test]
#[ignore = "another test runs it as a process of its own"]
fn a_child_process_disconnects_after_delivery_and_exits_immediately() {
    let to: NetworkAddress = std::env::var(SERVER).unwrap().parse().unwrap();
    let client = common::client();
    let key = common::open_config().provider.handshake().public_key(&[7; 32]);
    let connection = client.connect(&to, ConnectOptions::new(key)).wait().unwrap();
    for number in 0..20 {
        client.send(connection, &text(&format!("last words {number}"))).unwrap();
    }
    client.disconnect_after_delivery(connection, 42, "so long", LONG).unwrap();
    drop(client);
    std::process::exit(0);
}

#[test]
fn a_process_that_exits_after_disconnect_after_delivery_loses_no_message_and_no_close_text() {
    let server = common::server();
    for _ in 0..5 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_child_process_disconnects_after_delivery_and_exits_immediately",
                "--ignored",
            ])
            .env(SERVER, server.local_address().to_string())
            .status();
        assert!(child.unwrap().success());
        let mut heard = Vec::new();
        let reason = common::wait_for(&server, |event| match event {
            Event::Message { data, .. } => {
                heard.push(
                    server.registry().decode_as::<TestMessage>(&data).unwrap().text.as_str().to_owned(),
                );
                None
            }
            Event::Closed { reason, .. } => Some(reason),
            _ => None,
        });
        assert_eq!(heard, (0..20).map(|number| format!("last words {number}")).collect::<Vec<_>>());
        assert_eq!(reason, CloseReason::Peer { code: 42, text: "so long".into() });
    }
}

/// The two ends of a connection, the first of which the test drops.
struct Dropped {
    /// The kind of the first end.
    kind: &'static str,
    /// The first end.
    end: Box<dyn Any>,
    handle: Handle,
    connection: ConnectionId,
    /// Aborts the other end, which sends nothing more.
    abort: Box<dyn FnOnce()>,
    other: Handle,
}

/// Creates a client, a server and a peer, each with one connection.
fn to_drop() -> [Dropped; 3] {
    let mut server = common::server();
    let (client, _) = common::connected(&server);
    let client = Dropped {
        kind: "client",
        handle: client.handle(),
        connection: client.server().unwrap(),
        end: Box::new(client),
        other: server.handle(),
        abort: Box::new(move || server.abort()),
    };
    let server = common::server();
    let (mut other, connection) = common::connected(&server);
    let server = Dropped {
        kind: "server",
        handle: server.handle(),
        connection,
        end: Box::new(server),
        other: other.handle(),
        abort: Box::new(move || other.abort()),
    };
    let mut other = common::server();
    let options = common::options(Config::new(common::APPLICATION)).bind(common::loopback(0));
    let peer = Peer::start(options).unwrap();
    let connection = peer.connect(&other.local_address().into(), common::options_for(&other)).wait().unwrap();
    common::wait_connected(&other);
    let peer = Dropped {
        kind: "peer",
        handle: peer.handle(),
        connection,
        end: Box::new(peer),
        other: other.handle(),
        abort: Box::new(move || other.abort()),
    };
    [client, server, peer]
}

#[test]
fn dropping_a_client_server_or_peer_blocks_until_its_messages_are_delivered() {
    for dropped in to_drop() {
        let Dropped { kind, end, handle, connection, abort, other } = dropped;
        while other.next_event().is_some() {}
        for _ in 0..500 {
            handle.send_bytes(connection, ChannelId(0), vec![7; 1000]).unwrap();
        }
        handle.disconnect_after_delivery(connection, 0, "", LONG).unwrap();
        drop(end);
        // The other end queues a message for the game before it acknowledges the message, so the test need not wait.
        let heard = std::iter::from_fn(|| other.next_event());
        assert_eq!(heard.filter(|event| matches!(event, Event::Message { .. })).count(), 500, "{kind}");
        abort();
    }
}

#[test]
fn dropping_a_client_server_or_peer_blocks_until_the_disconnect_deadline_if_nothing_is_delivered() {
    const DEADLINE: Duration = Duration::from_millis(300);
    for dropped in to_drop() {
        let Dropped { kind, end, handle, connection, abort, .. } = dropped;
        abort();
        handle.send(connection, &text("to nobody")).unwrap();
        handle.disconnect_after_delivery(connection, 0, "", DEADLINE).unwrap();
        let begun = Instant::now();
        drop(end);
        let took = begun.elapsed();
        // The idle timeout would end the connection after 20 s.
        assert!(took >= DEADLINE && took < LONG, "{kind}: {took:?}");
    }
}

#[test]
fn a_stopped_endpoint_refuses_messages_and_each_wait_for_an_event_lasts_at_least_10_ms() {
    let server = common::server();
    let (mut client, _) = common::connected(&server);
    let connection = client.server().unwrap();
    client.stop(0, "", Duration::ZERO);
    while client.next_event().is_some() {}
    assert!(!client.is_running());
    let begun = Instant::now();
    let asked = (0..50).filter(|_| client.wait_event(LONG).is_none()).count();
    assert_eq!(asked, 50);
    // Each call paused for 10 ms at least: a loop that asks for ever is no busy one. No load makes a pause shorter.
    assert!(begun.elapsed() >= Duration::from_millis(50 * 10), "{:?}", begun.elapsed());
    assert!(matches!(client.send(connection, &Ping { number: 1 }), Err(SendError::Stopped(_))));
    assert!(matches!(client.send_to_server(&Ping { number: 1 }), Err(SendError::Stopped(_))));
    assert!(matches!(client.broadcast(&Ping { number: 1 }), Err(SendError::Stopped(_))));
}

#[test]
fn a_game_that_drains_events_receives_a_failed_attempt_as_an_event() {
    let client = common::client();
    let failed = || {
        common::wait_for(&client, |event| match event {
            Event::Closed { connection, reason, .. } => {
                assert_eq!(connection, ConnectionId::default());
                Some(reason)
            }
            _ => None,
        })
    };
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let options = ConnectOptions::new([9; 32]).timeout(Duration::from_millis(300));
    drop(client.connect(&nobody.local_addr().unwrap().into(), options.clone()));
    assert!(matches!(failed(), CloseReason::ConnectTimedOut { .. }));
    drop(client.connect(&"no-such-host.invalid".parse().unwrap(), options.clone()));
    assert!(matches!(failed(), CloseReason::Driver { text } if text.contains("no-such-host.invalid")));
    drop(client.connect(&"[::1]:7777".parse().unwrap(), options));
    assert!(
        matches!(failed(), CloseReason::Driver { text } if text.contains("the socket cannot send to this address family"))
    );
}

#[test]
fn invalid_messages_never_reach_a_game_that_drains_events() {
    let options = common::server_options(common::open_config()).screen_messages(true);
    let server = Server::start(options).unwrap();
    let (client, there) = common::connected(&server);
    let connection = client.server().unwrap();
    for _ in 0..20 {
        client.send_bytes(connection, ChannelId(0), b"\xff\xffgarbage".as_slice()).unwrap();
    }
    let reason = common::wait_for(&server, |event| match event {
        Event::Message { data, .. } => panic!("{data:?} was handed over"),
        Event::Closed { connection, reason, .. } if connection == there => Some(reason),
        _ => None,
    });
    assert_eq!(reason, CloseReason::Local { code: INVALID_MESSAGES });
    let reason = common::wait_for(&client, |event| match event {
        Event::Closed { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(matches!(reason, CloseReason::Peer { code: INVALID_MESSAGES, .. }), "{reason:?}");
    assert!(server.stats().messages_rejected >= 9);
}

#[test]
fn an_endpoint_whose_message_type_names_a_missing_channel_does_not_start() {
    let mut config = common::open_config();
    config.channels.truncate(3);
    let error = Server::start(Options::new(config).registry(common::registry()).bind(common::loopback(0)))
        .expect_err("there is no fourth channel");
    assert!(
        matches!(
            error,
            StartError::NoSuchChannel { message: "Load", route: Route::Channel(ChannelId(3)), .. }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "message type `Load` uses channel 3, but Config::channels has 0 (reliable-ordered), 1 (reliable-unordered), \
         2 (sequenced); add that channel, or name another channel"
    );
}

#[test]
fn messages_of_a_second_thread_are_sent_while_a_handler_runs() {
    let server = common::server();
    let (client, _) = common::connected(&server);
    let connection = client.server().unwrap();
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (leave, may_leave) = std::sync::mpsc::channel::<()>();
    let mut handlers = client.handlers::<()>();
    handlers.on_event(move |(), _, _| {
        entered.send(()).unwrap();
        let _left = may_leave.recv_timeout(LONG * 2);
    });
    server.broadcast(&Ping { number: 1 }).unwrap();
    let sender = client.handle();
    let updating = std::thread::spawn(move || {
        while client.update(&mut (), &mut handlers).events == 0 {}
        client
    });
    has_entered.recv_timeout(LONG).unwrap();
    // The handler does not return before this message has arrived.
    sender.send(connection, &Ping { number: 2 }).unwrap();
    common::wait_for(&server, |event| matches!(event, Event::Message { .. }).then_some(()));
    drop(leave);
    updating.join().unwrap();
}
