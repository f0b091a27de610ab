//! Helpers that tests over real sockets share.
#![allow(dead_code, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tickwire_core::message::{BoundedBytes, BoundedString, NetMessage, Registry};
use tickwire_core::{Access, Config, ConnectOptions, ConnectionId, Event, Secrets};
use tickwire_native::{Client, Handle, Options, Server};

pub mod relay;

pub const APPLICATION: u64 = 0x7465_7374;

/// A line of text, on a reliable and ordered channel.
#[derive(NetMessage, Debug)]
pub struct TestMessage {
    pub text: BoundedString<64>,
}

/// A number, which the receiver sends back.
#[derive(NetMessage, Debug)]
pub struct Ping {
    pub number: u32,
}

/// A message whose bytes are all zero, sent on channel 3.
#[derive(NetMessage, Debug)]
#[net(channel = 3, max = 4096)]
pub struct Load {
    pub bytes: BoundedBytes<2048>,
}

pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register::<TestMessage>().unwrap();
    registry.register::<Ping>().unwrap();
    registry.register::<Load>().unwrap();
    registry
}

pub fn text(text: &str) -> TestMessage {
    TestMessage { text: BoundedString::truncated(text) }
}

pub fn load(bytes: usize) -> Load {
    Load { bytes: vec![0; bytes].try_into().unwrap() }
}

/// Returns the configuration of a server to which up to 200 clients can connect from one address.
pub fn open_config() -> Config {
    let mut config = Config::new(APPLICATION);
    config.access = Access::Open;
    config.max_connections = 200;
    config.max_connections_per_source = Some(200);
    config.handshake_rate = 1000;
    config.handshake_burst = 1000;
    config
}

pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Returns the options of an endpoint that does not screen messages, because some tests send bytes of no registered type.
pub fn options(config: Config) -> Options {
    Options::new(config).registry(registry()).screen_messages(false)
}

pub fn server_options(config: Config) -> Options {
    options(config).bind(loopback(0)).secrets(Secrets::new([7; 32]))
}

pub fn server() -> Server {
    Server::start(server_options(open_config())).unwrap()
}

pub fn client() -> Client {
    Client::start(options(Config::new(APPLICATION)).bind(loopback(0))).unwrap()
}

pub fn options_for(server: &Server) -> ConnectOptions {
    ConnectOptions::new(server.public_key())
}

/// Connects a new client to `server`. Returns the client, and the server's id of the connection.
pub fn connected(server: &Server) -> (Client, ConnectionId) {
    connected_via(server, server.local_address())
}

/// Connects a new client to `server` at `address`, as [`connected`] does.
pub fn connected_via(server: &Server, address: SocketAddr) -> (Client, ConnectionId) {
    let client = client();
    client.connect(&address.into(), options_for(server)).wait().unwrap();
    let there = wait_connected(server);
    (client, there)
}

/// Waits for the next `Event::Connected`, and returns the id of the connection.
pub fn wait_connected(at: &Handle) -> ConnectionId {
    wait_for(at, |event| match event {
        Event::Connected { connection, .. } => Some(connection),
        _ => None,
    })
}

/// Waits for the first event for which `pick` returns a value, and returns the value. Drops all other events. Panics after
/// 10 s.
pub fn wait_for<R>(at: &Handle, mut pick: impl FnMut(Event) -> Option<R>) -> R {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let event = at.wait_event(left).expect("an event within ten seconds");
        if let Some(found) = pick(event) {
            return found;
        }
    }
}

/// Waits until `is_so` returns `true`. Panics after 10 s.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
