//! Helpers that tests over real sockets share.
#![allow(dead_code, unreachable_pub)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tickwire_core::message::{BoundedBytes, BoundedString, NetMessage, Registry};
use tickwire_core::{Access, Config, ConnectOptions, ConnectionId, Event, Secrets};
use tickwire_native::{Client, Handle, Options, Server};

pub mod relay;

pub const APPLICATION: u64 = 0x7465_7374;

/// A line of text, reliable and ordered.
#[derive(NetMessage, Debug)]
pub struct TestMessage {
    pub text: BoundedString<64>,
}

/// A number that comes back.
#[derive(NetMessage, Debug)]
pub struct Ping {
    pub number: u32,
}

/// So many bytes of nothing, sent once.
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

/// A server's configuration: anybody may connect, all from one address.
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

/// Tests drain events, and some send bytes that are none of the messages.
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

/// A client that is connected to `server`, and the server's id of it.
pub fn connected(server: &Server) -> (Client, ConnectionId) {
    connected_via(server, server.local_address())
}

/// The same, through another address.
pub fn connected_via(server: &Server, address: SocketAddr) -> (Client, ConnectionId) {
    let client = client();
    client.connect(&address.into(), options_for(server)).wait().unwrap();
    let there = wait_connected(server);
    (client, there)
}

/// The next connection that is made.
pub fn wait_connected(at: &Handle) -> ConnectionId {
    wait_for(at, |event| match event {
        Event::Connected { connection, .. } => Some(connection),
        _ => None,
    })
}

/// The first event that `pick` wants; others are dropped. Panics after ten seconds.
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

/// Waits until `is_so`, for ten seconds at most.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
