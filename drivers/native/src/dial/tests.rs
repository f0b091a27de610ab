//! Attempts at names of several addresses, on a virtual clock.

use std::future::{pending, ready};
use std::task::Waker;

use tickwire_core::{Access, Address, Config, Ecn, Event, Secrets};

use super::*;
use crate::attempt::{Attempt, answer};
use crate::shared::NetworkThreadId;

const MS: Duration = Duration::from_millis(1);

/// A client that dials, and a server that has the addresses of `answering`.
struct Stage {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    dials: Dials,
    answering: Vec<SocketAddr>,
    /// To whom Hellos went, once each.
    tried: Vec<SocketAddr>,
    /// Connections that the game hears of.
    told: Vec<ConnectionId>,
    attempt: Attempt,
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 7777))
}

fn endpoint(seed: u8, change: impl Fn(&mut Config)) -> Endpoint {
    let mut config = Config::new(1);
    change(&mut config);
    Endpoint::new(config, Secrets::new([seed; 32]), [seed; 32], Instant::ZERO).unwrap()
}

fn found(numbers: &[u8]) -> Lookup {
    Box::pin(ready(Ok(numbers.iter().copied().map(address).collect())))
}

impl Stage {
    fn new(lookup: Lookup, answering: &[u8], change: impl Fn(&mut Config)) -> Self {
        let client = endpoint(1, change);
        let server = endpoint(2, |config| config.access = Access::Open);
        let (reply, pending) = answer();
        let mut dials = Dials::new(MS * 1000);
        let options = ConnectOptions::new(server.public_key());
        dials.begin_with(Instant::ZERO, lookup, options, reply);
        Self {
            now: Instant::ZERO,
            client,
            server,
            dials,
            answering: answering.iter().copied().map(address).collect(),
            tried: Vec::new(),
            told: Vec::new(),
            attempt: Attempt::new(pending, NetworkThreadId::default()),
        }
    }

    /// What the network thread does in a turn; the network itself takes no time.
    fn turn(&mut self) {
        let now = self.now;
        let mut context = Context::from_waker(Waker::noop());
        self.client.handle_timeout(now);
        self.server.handle_timeout(now);
        self.dials.advance(now, &mut self.client, |_| true, &mut context);
        let mut buffer = [0; 2048];
        for _ in 0..8 {
            while let Some(transmit) = self.client.poll_transmit(now, &mut buffer[..1200]) {
                let Address::Udp(to) = transmit.path.remote else { continue };
                if !self.tried.contains(&to) {
                    self.tried.push(to);
                }
                if self.answering.contains(&to) {
                    // Each address of the server is told apart by the address that the client seems to have there.
                    let from = SocketAddr::from(([10, 1, 0, to.to_string().len() as u8], to_port(to)));
                    self.server.handle_datagram(now, from, Ecn::NotCapable, &mut buffer[..transmit.size]);
                }
            }
            while let Some(transmit) = self.server.poll_transmit(now, &mut buffer[..1200]) {
                let Address::Udp(to) = transmit.path.remote else { continue };
                let from = address((to.port() - 4000) as u8);
                self.client.handle_datagram(now, from, Ecn::NotCapable, &mut buffer[..transmit.size]);
            }
        }
        self.hear();
        self.now += MS;
    }

    fn hear(&mut self) {
        let now = self.now;
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Connected { connection, .. } if !self.dials.is_silenced(connection) => {
                    self.told.push(connection);
                    self.dials.on_connected(now, &mut self.client, connection);
                }
                Event::Closed { connection, reason, .. } => {
                    assert!(self.dials.on_closed(now, &mut self.client, connection, &reason));
                }
                _ => {}
            }
        }
        while self.server.poll_event().is_some() {}
    }

    fn run(&mut self, milliseconds: u32) -> Option<Result<ConnectionId, ConnectError>> {
        let end = self.now + MS * milliseconds;
        while self.now < end {
            self.turn();
            if let Some(result) = self.attempt.result() {
                return Some(result);
            }
        }
        None
    }
}

fn to_port(to: SocketAddr) -> u16 {
    let SocketAddr::V4(to) = to else { return 0 };
    4000 + u16::from(to.ip().octets()[3])
}

#[test]
fn addresses_are_tried_in_order_a_quarter_of_a_second_apart_until_one_answers() {
    let mut stage = Stage::new(found(&[1, 2, 3]), &[2], |_| {});
    assert!(stage.run(200).is_none());
    assert_eq!(stage.tried, [address(1)]);
    let connection = stage.run(100).unwrap().unwrap();
    assert_eq!(stage.tried, [address(1), address(2)]);
    assert_eq!(stage.client.address(connection), Some(Address::from(address(2))));
    stage.run(2000);
    assert_eq!(stage.tried.len(), 2, "who has been answered tries no more");
    assert_eq!(stage.told, [connection]);
    assert_eq!(stage.client.connections().count(), 1, "the loser is gone");
}

#[test]
fn of_two_addresses_that_answer_at_once_the_game_hears_of_one() {
    let mut stage = Stage::new(found(&[1, 2]), &[], |_| {});
    // Both are under way, and the thread was held up: now both answer in one turn.
    assert!(stage.run(300).is_none());
    stage.answering = vec![address(1), address(2)];
    let connection = stage.run(600).unwrap().unwrap();
    stage.run(3000);
    assert_eq!(stage.told, [connection]);
    assert_eq!(stage.client.connections().collect::<Vec<_>>(), [connection]);
    assert!(stage.dials.silenced.is_empty(), "nothing is remembered of it");
}

#[test]
fn an_address_that_cannot_be_tried_does_not_end_what_is_under_way() {
    let mut stage = Stage::new(found(&[1, 2]), &[], |config| config.max_connections = 1);
    assert!(stage.run(300).is_none());
    stage.answering = vec![address(1)];
    assert!(stage.run(600).unwrap().is_ok());
}

#[test]
fn an_attempt_takes_no_longer_than_it_may_however_many_addresses_there_are() {
    let mut stage = Stage::new(found(&[1, 2, 3, 4, 5, 6]), &[], |_| {});
    let error = stage.run(1100).unwrap().unwrap_err();
    assert!(stage.now <= Instant::ZERO + MS * 1010, "{:?}", stage.now);
    assert_eq!(stage.tried, [1, 2, 3, 4].map(address));
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
}

#[test]
fn a_name_that_is_never_found_ends_the_attempt_in_time() {
    let mut stage = Stage::new(Box::pin(pending()), &[], |_| {});
    assert_eq!(stage.dials.deadline(), Instant::ZERO + MS * 1000);
    assert!(matches!(stage.run(1100).unwrap().unwrap_err(), ConnectError::TimedOut { .. }));
}
