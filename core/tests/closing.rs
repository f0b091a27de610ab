//! What closing promises, whatever happens meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use tickwire_core::{
    Access, ChannelId, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event, Instant, Secrets,
};

struct Two {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    connection: ConnectionId,
}

impl Two {
    fn connected() -> Self {
        let now = Instant::ZERO;
        let mut client_config = Config::new(1);
        client_config.idle_timeout = Duration::from_secs(3600);
        let mut server_config = client_config.clone();
        server_config.access = Access::Open;
        let server = Endpoint::new(server_config, Secrets::new([1; 32]), [2; 32], now).unwrap();
        let mut client = Endpoint::new(client_config, Secrets::new([3; 32]), [4; 32], now).unwrap();
        let options = ConnectOptions::new(server.public_key());
        let connection = client.connect(now, at(1), options).unwrap();
        let mut two = Self { now, client, server, connection };
        while two.exchange() {}
        assert_eq!(two.server.connections().count(), 1);
        two
    }

    /// Lets everything that is ready arrive, and says whether there was something.
    fn exchange(&mut self) -> bool {
        let there = deliver(self.now, &mut self.client, &mut self.server, at(2));
        let back = deliver(self.now, &mut self.server, &mut self.client, at(1));
        there || back
    }
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn deliver(now: Instant, from: &mut Endpoint, to: &mut Endpoint, from_at: SocketAddr) -> bool {
    let mut buffer = [0; 2048];
    let mut any = false;
    while let Some(transmit) = from.poll_transmit(now, &mut buffer) {
        any = true;
        for datagram in transmit.datagrams(&buffer) {
            to.handle_datagram(now, from_at, Ecn::NotCapable, &mut datagram.to_vec());
        }
    }
    any
}

fn closed(endpoint: &mut Endpoint) -> usize {
    std::iter::from_fn(|| endpoint.poll_event()).filter(|event| matches!(event, Event::Closed { .. })).count()
}

#[test]
fn closing_twice_closes_once_and_leaves_nothing_behind() {
    let mut two = Two::connected();
    two.client.close(two.now, two.connection, 7, "bye");
    two.client.close(two.now, two.connection, 8, "bye again");
    assert_eq!(closed(&mut two.client), 1);
    while two.exchange() {}
    let server_events: Vec<Event> = std::iter::from_fn(|| two.server.poll_event()).collect();
    assert!(matches!(&server_events[..], [Event::Connected { .. }, Event::Closed { reason, .. }]
        if matches!(reason, tickwire_core::CloseReason::Peer { code: 7, .. })));
    assert_eq!(two.client.connections().count(), 0);
}

#[test]
fn closing_again_while_the_peer_is_silent_leaves_nothing_behind() {
    let mut two = Two::connected();
    two.client.close(two.now, two.connection, 7, "bye");
    let mut buffer = [0; 2048];
    assert!(two.client.poll_transmit(two.now, &mut buffer).is_some());
    two.client.close(two.now, two.connection, 8, "bye again");
    assert_eq!(closed(&mut two.client), 1);
    for _ in 0..100 {
        two.now += Duration::from_secs(1);
        two.client.handle_timeout(two.now);
        while two.client.poll_transmit(two.now, &mut buffer).is_some() {}
        assert_eq!(two.client.poll_event(), None);
    }
    assert_eq!(two.client.connections().count(), 0);
}

#[test]
fn a_peer_that_feigned_a_long_round_trip_does_not_hold_its_place_after_the_close() {
    let mut two = Two::connected();
    two.client.send(two.now, two.connection, ChannelId(0), b"hello".to_vec()).unwrap();
    // Packets arrive at once, but what the server says is heard ten minutes later.
    deliver(two.now, &mut two.client, &mut two.server, at(2));
    two.server.handle_timeout(two.now + Duration::from_millis(100));
    two.now += Duration::from_secs(600);
    deliver(two.now, &mut two.server, &mut two.client, at(1));
    let stats = two.client.stats(two.connection).unwrap();
    assert!(stats.rtt > Duration::from_secs(60), "{:?}", stats.rtt);
    two.client.close(two.now, two.connection, 7, "bye");
    assert_eq!(closed(&mut two.client), 1);
    let mut buffer = [0; 2048];
    for _ in 0..10 {
        while two.client.poll_transmit(two.now, &mut buffer).is_some() {}
        two.now += Duration::from_secs(1);
        two.client.handle_timeout(two.now);
    }
    assert_eq!(two.client.connections().count(), 0);
}

/// Delivers what is shorter than `most` bytes and loses the rest.
fn deliver_short(now: Instant, from: &mut Endpoint, to: &mut Endpoint, from_at: SocketAddr, most: usize) {
    let mut buffer = [0; 2048];
    while let Some(transmit) = from.poll_transmit(now, &mut buffer) {
        for datagram in transmit.datagrams(&buffer).filter(|datagram| datagram.len() < most) {
            to.handle_datagram(now, from_at, Ecn::NotCapable, &mut datagram.to_vec());
        }
    }
}

#[test]
fn a_message_that_is_never_finished_is_let_go_of_when_its_connection_is_closed_and_not_before() {
    let mut two = Two::connected();
    two.client.send(two.now, two.connection, ChannelId(0), vec![7; 3000]).unwrap();
    let mut buffer = [0; 2048];
    let first = two.client.poll_transmit(two.now, &mut buffer).unwrap();
    two.server.handle_datagram(two.now, at(2), Ecn::NotCapable, &mut buffer[..first.size]);
    // From here on the server hears heartbeats, but nothing of the message, and is not heard.
    let mut server_closed = 0;
    for second in 0..300 {
        two.now += Duration::from_secs(1);
        if second == 280 {
            assert_eq!(server_closed, 0);
            assert!(two.server.memory() > 1000);
            let connection = two.server.connections().next().unwrap();
            two.server.close(two.now, connection, 7, "bye");
        }
        for call in 0.. {
            assert!(call < 1000, "the server is due for ever");
            two.client.handle_timeout(two.now);
            two.server.handle_timeout(two.now);
            deliver_short(two.now, &mut two.client, &mut two.server, at(2), 200);
            while two.server.poll_transmit(two.now, &mut buffer).is_some() {}
            server_closed += closed(&mut two.server);
            if two.server.poll_timeout().0 > two.now {
                break;
            }
        }
    }
    assert_eq!(server_closed, 1);
    assert_eq!(two.server.memory(), 0);
    assert_eq!(two.server.connections().count(), 0);
}
