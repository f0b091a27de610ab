//! Every failure is reported: what went wrong, where, and what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::future::Future;
use std::net::{SocketAddr, UdpSocket};
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tickwire_core::handshake::{TicketContents, TicketMint, server_ticket_key};
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Admission, AdmissionRequest, Authenticator, Bytes, ChannelId, CloseReason, ConnectOptions,
    ConnectionId, Event, Refusal, Secrets,
};
use tickwire_native::{
    Client, ConnectError, NetworkAddress, Options, Resolution, Resolver, Server, StartError,
};

const SOON: Duration = Duration::from_millis(600);

#[test]
fn the_start_error_names_a_port_that_is_in_use() {
    let first = common::server();
    let port = first.local_address().port();
    let error = Server::start(common::server_options(common::open_config()).bind(common::loopback(port)))
        .expect_err("the port is taken");
    assert!(matches!(error, StartError::PortInUse { address } if address.port() == port), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("UDP port {port} is in use at 127.0.0.1; stop")), "{text}");
}

#[test]
fn a_port_in_use_by_an_ipv4_socket_is_refused_for_a_dual_stack_socket() {
    let first = common::server();
    let port = first.local_address().port();
    let both = Server::start(common::server_options(common::open_config()).port(port));
    let error = both.expect_err("half of it is taken");
    assert!(matches!(error, StartError::PortInUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("UDP port {port} is in use at [::]; stop")), "{text}");
}

#[test]
#[cfg_attr(windows, ignore = "an emulated Windows binds to any address")]
fn binding_to_an_address_of_a_different_machine_is_refused() {
    let elsewhere = "192.0.2.1:0".parse().unwrap();
    let error = Server::start(common::server_options(common::open_config()).bind(elsewhere)).unwrap_err();
    assert!(matches!(error, StartError::NoSuchLocalAddress { .. }), "{error:?}");
}

#[test]
fn a_server_with_closed_access_does_not_start() {
    let mut config = common::open_config();
    config.access = Access::Closed;
    let error = Server::start(common::server_options(config)).unwrap_err();
    assert!(matches!(error, StartError::NobodyMayConnect), "{error:?}");
}

#[test]
fn an_endpoint_with_a_configuration_value_out_of_range_does_not_start() {
    let mut config = common::open_config();
    config.max_connections = 0;
    let error = Server::start(common::server_options(config)).unwrap_err();
    assert!(
        error.to_string().starts_with("Config::max_connections is 0, outside its range of 1 to 32768; set"),
        "{error}"
    );
}

#[test]
fn the_connect_error_names_an_unknown_host() {
    let client = common::client();
    let to: NetworkAddress = "no-such-host.invalid:7777".parse().unwrap();
    let error = client.connect(&to, ConnectOptions::new([9; 32])).wait().unwrap_err();
    assert!(
        matches!(&error, ConnectError::UnknownHost { host, .. } if host == "no-such-host.invalid"),
        "{error:?}"
    );
    assert!(error.to_string().contains("check its spelling"), "{error}");
    // The resolver's words, and nobody else's.
    let ConnectError::UnknownHost { reason, .. } = &error else { panic!("{error:?}") };
    let why = std::net::ToSocketAddrs::to_socket_addrs("no-such-host.invalid:7777").unwrap_err();
    assert_eq!(*reason, why.to_string());
}

#[test]
fn an_address_of_a_family_that_the_socket_lacks_is_not_dialled() {
    let client = common::client();
    let to: NetworkAddress = "[::1]:7777".parse().unwrap();
    let error = client.connect(&to, ConnectOptions::new([9; 32])).wait().unwrap_err();
    assert!(matches!(error, ConnectError::NoUsableAddress { .. }), "{error:?}");
}

#[test]
fn connecting_to_a_full_server_is_refused_with_the_reason_full() {
    let mut config = common::open_config();
    config.max_connections = 1;
    let server = Server::start(common::server_options(config)).unwrap();
    let (_first, _) = common::connected(&server);
    let second = common::client();
    let error =
        second.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap_err();
    assert_eq!(error, ConnectError::ServerFull);
    let reason = common::wait_for(&second, |event| match event {
        Event::Closed { connection, reason, .. } if connection == ConnectionId::default() => Some(reason),
        _ => None,
    });
    assert_eq!(reason, CloseReason::Refused(Refusal::Full));
    assert_eq!(second.next_event(), None, "a failed attempt is told once");
}

#[test]
fn the_error_of_an_attempt_with_a_wrong_key_names_the_key_of_the_answering_server() {
    let server = common::server();
    let client = common::client();
    let options = ConnectOptions::new([9; 32]).timeout(SOON * 5);
    let error = client.connect(&server.local_address().into(), options).wait().unwrap_err();
    let ConnectError::WrongKey { theirs, tried } = &error else { panic!("{error:?}") };
    assert_eq!(*tried, [server.local_address()]);
    assert_eq!(*theirs, server.public_key());
    let hex = server.public_key().to_string();
    assert!(
        error.to_string().contains(&format!("a server with a different key, {hex}, answers at")),
        "{error}"
    );
    assert!(error.to_string().contains("without a key file has a new key after each start"), "{error}");
}

#[test]
fn connecting_to_an_address_without_a_server_times_out() {
    let client = common::client();
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error =
        client.connect(&nobody.into(), ConnectOptions::new([9; 32]).timeout(SOON)).wait().unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}");
    assert!(
        error.to_string().contains("and that the key (and the ticket) belongs to that server"),
        "{error}"
    );
}

#[test]
fn the_connect_error_names_a_different_protocol_version_of_the_server() {
    let server = UdpSocket::bind(common::loopback(0)).unwrap();
    let at = server.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        server.set_read_timeout(Some(SOON * 2)).unwrap();
        let mut hello = [0; 2048];
        let (_, from) = server.recv_from(&mut hello).unwrap();
        // Version: type and kind, the client's connection id, our version, the attempt.
        let mut answer = vec![7, 1];
        answer.extend_from_slice(&hello[11..14]);
        answer.push(2);
        answer.extend_from_slice(&hello[14..22]);
        server.send_to(&answer, from).unwrap();
    });
    let client = common::client();
    let options = ConnectOptions::new([9; 32]).timeout(SOON);
    let error = client.connect(&at.into(), options).wait().unwrap_err();
    assert_eq!(error, ConnectError::WrongVersion { theirs: 2, tried: vec![at] });
    thread.join().unwrap();
}

#[test]
fn an_expired_ticket_is_refused_as_expired() {
    let mut config = common::open_config();
    config.access = Access::Tickets;
    let provider = config.provider.clone();
    let identity = [7; 32];
    let server_key = provider.handshake().public_key(&identity);
    let ticket_key = server_ticket_key(&*provider, &[1; 32], &server_key);
    let secrets = Secrets::new(identity).ticket_key(ticket_key.clone());
    let server = Server::start(common::server_options(config).secrets(secrets)).unwrap();
    let mint = TicketMint::new(provider, &ticket_key);
    let mut rng = Rng::from_seed([3; 32]);
    let hour = 3_600_000_000;
    let now = u64::try_from(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros(),
    )
    .unwrap();
    let mut ticket = |expiry: u64| {
        let contents = TicketContents { expiry, identity: [5; 16], ..TicketContents::default() };
        mint.mint(&mut rng, common::APPLICATION, &server_key, contents).unwrap()
    };

    let client = common::client();
    let to = server.local_address().into();
    let late = common::options_for(&server).ticket(ticket(now - hour));
    assert_eq!(client.connect(&to, late).wait(), Err(ConnectError::TicketExpired));
    let good = common::options_for(&server).ticket(ticket(now + hour));
    client.connect(&to, good).wait().unwrap();
    let there = common::wait_connected(&server);
    assert_eq!(server.info(there).unwrap().peer.identity, [5; 16]);

    let another = ConnectOptions::new([9; 32]).ticket(ticket(now + hour));
    let error = client.connect(&to, another).wait().unwrap_err();
    assert!(matches!(error, ConnectError::Usage(_)), "{error:?}");
}

#[test]
fn a_client_that_the_accept_policy_refuses_receives_the_reason() {
    let policy = |_: &AdmissionRequest<'_>| {
        Admission::Refuse(Refusal::Other { code: 12, text: "closed for tonight".into() })
    };
    let server = Server::start(common::server_options(common::open_config()).accept_policy(policy)).unwrap();
    let client = common::client();
    let to = server.local_address().into();
    let refused = client.connect(&to, common::options_for(&server)).wait();
    assert_eq!(refused, Err(ConnectError::Refused { code: 12, text: "closed for tonight".into() }));
    server.set_accept_policy(|_: &AdmissionRequest<'_>| Admission::Accept).unwrap();
    client.connect(&to, common::options_for(&server)).wait().unwrap();
}

#[test]
fn a_panic_in_an_accept_policy_refuses_only_the_client_that_caused_it() {
    let mut asked = 0;
    let policy = move |_: &AdmissionRequest<'_>| {
        asked += 1;
        assert!(asked != 2, "a policy that fails at the second newcomer");
        Admission::Accept
    };
    let server = Server::start(common::server_options(common::open_config()).accept_policy(policy)).unwrap();
    let to = server.local_address().into();
    let clients: Vec<_> = (0..3).map(|_| common::client()).collect();
    let connect = |place: usize| clients[place].connect(&to, common::options_for(&server)).wait();
    connect(0).unwrap();
    assert!(matches!(connect(1), Err(ConnectError::Refused { code: 0, .. })));
    connect(2).unwrap();
    assert!(server.is_running() && clients[0].is_connected());
    assert_eq!(server.stats().policy_panics, 1);
}

#[test]
fn an_accept_policy_gets_the_latest_statistics_without_waiting() {
    let server = common::server();
    let handle = server.handle();
    server
        .set_accept_policy(move |_: &AdmissionRequest<'_>| {
            // A question waits for a second where nobody answers: together they would outlast the attempt.
            for _ in 0..50 {
                let connections = handle.stats().connections;
                assert!(handle.infos().len() >= connections && handle.expect_peer([1; 32], [2; 32]).is_err());
            }
            Admission::Accept
        })
        .unwrap();
    common::client().connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
}

#[test]
fn a_client_with_different_message_types_is_refused_with_the_difference() {
    let server = common::server();
    let options = Options::new(tickwire_core::Config::new(common::APPLICATION)).bind(common::loopback(0));
    let mut registry = tickwire_core::message::Registry::new();
    registry.register::<common::Ping>().unwrap();
    let client = Client::start(options.registry(registry)).unwrap();
    let error =
        client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap_err();
    let ConnectError::Schema(difference) = &error else { panic!("{error:?}") };
    assert_eq!(difference.missing_here, ["Load", "TestMessage"]);
}

#[test]
fn a_connect_attempt_ends_when_its_client_is_stopped() {
    let mut client = common::client();
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let attempt = client.connect(&nobody.local_addr().unwrap().into(), ConnectOptions::new([9; 32]));
    client.abort();
    assert_eq!(attempt.wait(), Err(ConnectError::Stopped));
    let again = client.connect(&nobody.local_addr().unwrap().into(), ConnectOptions::new([9; 32]));
    assert_eq!(again.wait(), Err(ConnectError::Stopped));
    assert!(!client.is_running());
}

/// The memory of a message. Its destructor panics, on the network thread.
struct Bomb([u8; 100]);

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the game's allocator is broken");
    }
}

#[test]
fn a_panic_of_the_network_thread_ends_each_connection_with_an_event_that_contains_the_panic_message() {
    let server = common::server();
    let (_client, there) = common::connected(&server);
    server.send_bytes(there, ChannelId(0), Bytes::from_owner(Bomb([1; 100]))).unwrap();
    for of in [there, ConnectionId::default()] {
        let (connection, reason) = common::wait_for(&server, |event| match event {
            Event::Closed { connection, reason, .. } => Some((connection, reason)),
            _ => None,
        });
        assert_eq!(connection, of);
        let CloseReason::Driver { text } = reason else { panic!("{reason:?}") };
        assert_eq!(
            text,
            "the network thread panicked: the game's allocator is broken; the endpoint has stopped; start a new one"
        );
    }
    assert!(!server.is_running());
}

/// A resolver that panics when it is called, or whose future panics when it is polled, or when it is dropped early.
struct BrokenResolver(&'static str);

struct BrokenResolution(&'static str);

impl Resolver for BrokenResolver {
    fn resolve(&self, _: &str, _: u16) -> Resolution {
        assert!(self.0 != "called", "called");
        Box::pin(BrokenResolution(self.0))
    }
}

impl Future for BrokenResolution {
    type Output = std::io::Result<Vec<SocketAddr>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.0 != "polled", "polled");
        Poll::Pending
    }
}

impl Drop for BrokenResolution {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.0 != "dropped", "dropped");
    }
}

#[test]
fn a_panic_in_the_resolver_fails_one_attempt_and_keeps_the_network_thread() {
    let server = common::server();
    for when in ["called", "polled", "dropped"] {
        let options = common::options(tickwire_core::Config::new(common::APPLICATION));
        let client = Client::start(options.bind(common::loopback(0)).resolver(BrokenResolver(when))).unwrap();
        let to: NetworkAddress = "server.example:7777".parse().unwrap();
        let options = common::options_for(&server).timeout(SOON / 6);
        let error = client.connect(&to, options).wait().unwrap_err();
        match when {
            "dropped" => assert!(matches!(error, ConnectError::TimedOut { .. }), "{error:?}"),
            _ => assert_eq!(
                error.to_string(),
                format!(
                    "the resolver panicked while it looked up `server.example`: {when}; correct Options::resolver"
                )
            ),
        }
        client.connect(&server.local_address().into(), common::options_for(&server)).wait().unwrap();
    }
}

/// A policy that panics when another policy replaces it.
struct PanicsWhenDropped;

impl Authenticator for PanicsWhenDropped {
    fn admit(&mut self, _: &AdmissionRequest<'_>) -> Admission {
        Admission::Accept
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_panic_in_the_destructor_of_a_replaced_accept_policy_does_not_end_the_network_thread() {
    let server = common::server();
    server.set_accept_policy(PanicsWhenDropped).unwrap();
    server.set_accept_policy(|_: &AdmissionRequest<'_>| Admission::Accept).unwrap();
    common::connected(&server);
}

/// The waker of a broken executor.
struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

#[test]
fn a_panic_in_the_waker_of_an_attempt_does_not_end_the_network_thread() {
    let server = common::server();
    // The server answers only after the test has polled the attempt, however late the test's thread runs.
    let (release, released) = mpsc::channel::<()>();
    let waits = move |_: &AdmissionRequest<'_>| {
        released.recv().ok();
        Admission::Accept
    };
    server.set_accept_policy(waits).unwrap();
    let client = common::client();
    let waker = Waker::from(Arc::new(PanickingWaker));
    let mut context = Context::from_waker(&waker);
    let mut attempt = pin!(client.connect(&server.local_address().into(), common::options_for(&server)));
    assert!(attempt.as_mut().poll(&mut context).is_pending());
    drop(release);
    common::wait_connected(&server);
    common::wait_until("the client's connection", || client.is_connected());
    assert!(client.is_running());
    assert!(client.stats().datagrams_sent > 0);
}
