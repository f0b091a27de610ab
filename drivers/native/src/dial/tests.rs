//! Tests of attempts to connect to names with several addresses, on a virtual clock.

use std::future::{pending, ready};
use std::io;
use std::sync::Mutex;
use std::task::Waker;

use tickwire_core::{Access, Address, Config, ConnectionState, Ecn, Event, Secrets};

use super::*;
use crate::answer::answer;
use crate::attempt::Attempt;
use crate::resolve::Resolution;
use crate::shared::NetworkThreadId;

const MS: Duration = Duration::from_millis(1);

/// A client that dials, and a server that answers at the addresses `answering`.
struct Stage {
    now: Instant,
    client: Endpoint,
    server: Endpoint,
    dials: Dials,
    answering: Vec<SocketAddr>,
    /// The addresses to which the system refuses to send.
    refusing: Vec<SocketAddr>,
    /// The addresses to which Hellos were sent, each listed once.
    tried: Vec<SocketAddr>,
    /// The number of Hellos that the system refused.
    refused: usize,
    /// The connections that were reported to the game.
    told: Vec<ConnectionId>,
    /// The running attempt. `None` once it has returned its result.
    attempt: Option<Attempt>,
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 7777))
}

fn endpoint(seed: u8, change: impl Fn(&mut Config)) -> Endpoint {
    let mut config = Config::new(1);
    change(&mut config);
    Endpoint::new(config, Secrets::new([seed; 32]), [seed; 32], Instant::ZERO).unwrap()
}

/// Returns a resolver that finds the addresses with these numbers.
fn found(numbers: &'static [u8]) -> impl Resolver {
    move |_: &str, _: u16| -> Resolution {
        Box::pin(ready(Ok(numbers.iter().copied().map(address).collect())))
    }
}

impl Stage {
    fn new(resolver: impl Resolver + 'static, answering: &[u8], change: impl Fn(&mut Config)) -> Self {
        let client = endpoint(1, change);
        let server = endpoint(2, |config| config.access = Access::Open);
        let (reply, pending) = answer();
        let mut dials = Dials::new(MS * 1000, Arc::new(resolver));
        let options = ConnectOptions::new(server.public_key());
        let name = "server.example".parse().unwrap();
        dials.begin(Instant::ZERO, DialRequest { address: name, options, reply });
        Self {
            now: Instant::ZERO,
            client,
            server,
            dials,
            answering: answering.iter().copied().map(address).collect(),
            refusing: Vec::new(),
            tried: Vec::new(),
            refused: 0,
            told: Vec::new(),
            attempt: Some(Attempt::new(pending, NetworkThreadId::default())),
        }
    }

    /// Simulates one turn of the network thread. The network delivers datagrams without delay.
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
                if self.refusing.contains(&to) {
                    self.refused += 1;
                    let error = io::Error::from(io::ErrorKind::NetworkUnreachable);
                    self.dials.on_send_refused(now, &mut self.client, to, &error);
                    continue;
                }
                self.dials.on_sent(to);
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
                if self.answering.contains(&from) {
                    self.client.handle_datagram(now, from, Ecn::NotCapable, &mut buffer[..transmit.size]);
                }
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
                Event::Interrupted { connection } => self.dials.returns.on_interrupted(now, connection),
                Event::Resumed { connection, .. } => self.dials.returns.on_resumed(connection),
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
            if let Some(result) = self.attempt.as_mut().and_then(Attempt::result) {
                self.attempt = None;
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
fn the_addresses_of_a_host_are_dialled_a_quarter_of_a_second_apart_until_an_address_answers() {
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
fn two_addresses_that_answer_at_the_same_time_give_the_game_one_connection() {
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
fn an_endpoint_limited_to_one_connection_reaches_an_address_that_answers_after_the_next_address_was_dialled()
{
    let mut stage = Stage::new(found(&[1, 2]), &[], |config| config.max_connections = 1);
    assert!(stage.run(300).is_none());
    stage.answering = vec![address(1)];
    assert!(stage.run(600).unwrap().is_ok());
}

#[test]
fn an_endpoint_limited_to_one_connection_dials_the_addresses_of_a_host_name_one_after_another() {
    let mut stage = Stage::new(found(&[1, 2, 3]), &[3], |config| config.max_connections = 1);
    let connection = stage.run(900).unwrap().unwrap();
    assert_eq!(stage.tried, [1, 2, 3].map(address));
    assert_eq!(stage.client.address(connection), Some(Address::from(address(3))));
    stage.run(2000);
    assert_eq!((stage.told, stage.client.connections().count()), (vec![connection], 1));
}

#[test]
fn an_endpoint_limited_to_one_connection_dials_an_address_again_that_did_not_answer() {
    let mut stage = Stage::new(found(&[1, 2]), &[], |config| config.max_connections = 1);
    assert!(stage.run(600).is_none());
    stage.answering = vec![address(1)];
    let connection = stage.run(300).unwrap().unwrap();
    assert_eq!(stage.client.address(connection), Some(Address::from(address(1))));
}

#[test]
fn the_connect_error_lists_dialled_and_undialled_addresses_separately() {
    let mut stage = Stage::new(found(&[1, 2, 3, 4, 5, 6]), &[], |config| config.max_connections = 1);
    let error = stage.run(1100).unwrap().unwrap_err();
    let ConnectError::TimedOut { tried, unreached, .. } = &error else { panic!("{error:?}") };
    assert_eq!((tried, tried), (&stage.tried, &[1, 2, 3, 4].map(address).to_vec()));
    let left: Vec<_> = unreached.iter().map(|left| (left.address, left.cause.clone())).collect();
    assert_eq!(left, [5, 6].map(|number| (address(number), UnreachedCause::NoTime)));
    assert!(
        error.to_string().contains("no datagram was sent to 10.0.0.5:7777 (the attempt timed out"),
        "{error}"
    );
}

#[test]
fn dialling_from_an_endpoint_without_a_free_connection_fails_with_too_many_connections() {
    let mut stage = Stage::new(found(&[1, 2]), &[], |config| config.max_connections = 1);
    stage.client.connect(Instant::ZERO, address(9), ConnectOptions::new([9; 32])).unwrap();
    let error = stage.run(10).unwrap().unwrap_err();
    assert!(matches!(error, ConnectError::Usage(CoreConnectError::TooManyConnections { .. })), "{error:?}");
}

#[test]
fn after_five_refused_datagrams_an_address_fails_with_the_error_of_the_operating_system() {
    let mut stage = Stage::new(found(&[1, 2]), &[], |_| {});
    stage.refusing = vec![address(1), address(2)];
    let error = stage.run(999).expect("it ends before its time").unwrap_err();
    assert_eq!(stage.refused, 10);
    let ConnectError::NoUsableAddress { unreached } = &error else { panic!("{error:?}") };
    assert_eq!(
        unreached.iter().map(|left| left.address).collect::<BTreeSet<_>>(),
        [1, 2].map(address).into()
    );
    assert!(error.to_string().contains("network unreachable"), "{error}");
    assert!(
        matches!(stage.dials.next_failure(), Some(CloseReason::Driver { text }) if text.contains("unreachable"))
    );
}

#[test]
fn the_next_address_is_dialled_immediately_after_the_operating_system_refused_a_datagram() {
    let mut stage = Stage::new(found(&[1, 2]), &[2], |_| {});
    stage.refusing = vec![address(1)];
    assert!(stage.run(10).expect("well before a quarter of a second").is_ok());
}

#[test]
fn an_interrupted_connection_dials_the_current_addresses_of_its_host_name() {
    let answer: &'static Mutex<Vec<u8>> = Box::leak(Box::new(Mutex::new(vec![1])));
    let resolver = move |_: &str, _: u16| -> Resolution {
        let found: Vec<SocketAddr> = answer.lock().unwrap().iter().copied().map(address).collect();
        Box::pin(ready(if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }))
    };
    let mut stage = Stage::new(resolver, &[1], |_| {});
    let connection = stage.run(100).unwrap().unwrap();
    stage.run(1000);
    // The server moves, and for a while nobody can be asked where to.
    stage.answering.clear();
    answer.lock().unwrap().clear();
    stage.run(23_000);
    assert_ne!(stage.client.state(connection), ConnectionState::Connected);
    *answer.lock().unwrap() = vec![7, 8, 9];
    stage.answering = vec![address(9)];
    stage.run(8000);
    assert_eq!(stage.client.state(connection), ConnectionState::Connected);
    assert_eq!(stage.client.address(connection), Some(Address::from(address(9))));
    assert_eq!(stage.dials.deadline(), Instant::MAX, "the search is over");
}

#[test]
fn an_attempt_with_more_addresses_than_it_has_time_to_dial_ends_at_its_timeout() {
    let mut stage = Stage::new(found(&[1, 2, 3, 4, 5, 6]), &[], |_| {});
    let error = stage.run(1100).unwrap().unwrap_err();
    assert!(stage.now <= Instant::ZERO + MS * 1010, "{:?}", stage.now);
    assert_eq!(stage.tried, [1, 2, 3, 4].map(address));
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
}

#[test]
fn a_host_lookup_that_never_ends_fails_the_attempt_at_its_timeout() {
    let mut stage = Stage::new(|_: &str, _: u16| -> Resolution { Box::pin(pending()) }, &[], |_| {});
    assert_eq!(stage.dials.deadline(), Instant::ZERO + MS * 1000);
    assert!(matches!(stage.run(1100).unwrap().unwrap_err(), ConnectError::TimedOut { .. }));
}
