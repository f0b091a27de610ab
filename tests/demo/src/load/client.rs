//! One client: the core over a plain socket, which the program polls in turn with the other clients. A thousand clients of
//! the driver would need a thousand threads, which would compete with the measured server for the processors.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tickwire_core::PublicKey;
use tickwire_core::error::SendError;
use tickwire_core::message::{NetMessage, Registry};
use tickwire_core::{Config, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Instant, Secrets};
use tickwire_server::Game as _;

use super::LoadGame;
use super::messages::{Loose, Sure};
use super::tally::{Sender, Tally};

/// The clock, the buffers and other objects that all clients share.
pub(super) struct Desk {
    registry: Arc<Registry>,
    started_at: std::time::Instant,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Desk {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        let started_at = std::time::Instant::now();
        Self { registry, started_at, incoming: vec![0; 2048], outgoing: vec![0; DATAGRAM] }
    }

    /// Returns the time from now until `due`.
    pub(super) fn until(&self, due: Instant) -> Duration {
        due.saturating_since(self.now())
    }

    fn now(&self) -> Instant {
        let micros = self.started_at.elapsed().as_micros();
        Instant::saturating_from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// A client and its counters.
pub(super) struct LoadClient {
    endpoint: Endpoint,
    socket: UdpSocket,
    connection: ConnectionId,
    pub(super) is_in: bool,
    /// The problem that the client had, if any.
    pub(super) trouble: Option<String>,
    pub(super) tally: Tally,
}

struct ToServer<'a> {
    endpoint: &'a mut Endpoint,
    connection: ConnectionId,
    registry: &'a Registry,
    now: Instant,
}

impl Sender for ToServer<'_> {
    type Error = Option<SendError>;

    fn send<T: NetMessage>(&mut self, message: &T) -> Result<(), Self::Error> {
        let data = self.registry.encode(message).map_err(|_| None)?;
        let channel = self.endpoint.channel(T::ROUTE).ok_or(None)?;
        self.endpoint.send(self.now, self.connection, channel, data).map(drop).map_err(Some)
    }
}

impl LoadClient {
    /// Opens a socket and begins to connect.
    pub(super) fn dial(desk: &mut Desk, server: SocketAddr, key: PublicKey) -> Result<Self, String> {
        let open = || {
            let socket = UdpSocket::bind(("127.0.0.1", 0))?;
            socket.set_nonblocking(true)?;
            socket.connect(server)?;
            Ok(socket)
        };
        let socket = open().map_err(|error: std::io::Error| {
            format!("cannot open a socket: {error}; raise the limit of `ulimit -n`")
        })?;
        let mut seed = <[u8; 32]>::default();
        getrandom::fill(&mut seed)
            .map_err(|error| format!("cannot read random bytes from the system: {error}"))?;
        let mut config = Config::new(LoadGame::APPLICATION);
        config.schema = desk.registry.schema();
        let now = desk.now();
        // A client's identity is nobody's business here.
        let endpoint = Endpoint::new(config, Secrets::new(seed), seed, now);
        let mut endpoint = endpoint.map_err(|error| error.to_string())?;
        let connection = endpoint.connect(now, server, ConnectOptions::new(key));
        let connection = connection.map_err(|error| error.to_string())?;
        let tally = Tally::default();
        let mut client = Self { endpoint, socket, connection, is_in: false, trouble: None, tally };
        client.flush(desk);
        Ok(client)
    }

    /// Sends the next message.
    pub(super) fn send(&mut self, desk: &Desk) {
        if self.is_in {
            let (connection, registry, now) = (self.connection, &*desk.registry, desk.now());
            self.tally.send(&mut ToServer { endpoint: &mut self.endpoint, connection, registry, now });
        }
    }

    /// Returns the time at which the client's timers are due.
    pub(super) fn due(&self) -> Instant {
        self.endpoint.poll_timeout().0
    }

    pub(super) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Handles all received datagrams and events, and runs the timers that are due.
    pub(super) fn receive(&mut self, desk: &mut Desk) {
        let now = desk.now();
        // An error is an empty socket, or a hint that an earlier datagram found nobody.
        while let Ok(size) = self.socket.recv(&mut desk.incoming) {
            let Ok(from) = self.socket.peer_addr() else { break };
            let datagram = desk.incoming.get_mut(..size).unwrap_or_default();
            self.endpoint.handle_datagram(now, from, Ecn::NotCapable, datagram);
        }
        self.endpoint.handle_timeout(now);
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Message { data, .. } => self.on_message(&desk.registry, &data),
                Event::Connected { .. } => self.is_in = true,
                Event::Interrupted { .. } => self.trouble = Some("the connection was interrupted".into()),
                Event::Closed { reason, .. } => {
                    self.is_in = false;
                    self.trouble = Some(format!("{reason:?}"));
                }
                _ => {}
            }
        }
    }

    /// Sends all datagrams that are ready.
    pub(super) fn flush(&mut self, desk: &mut Desk) {
        let now = desk.now();
        while let Some(transmit) = self.endpoint.poll_transmit(now, &mut desk.outgoing) {
            // What the system has no room for is lost, as on any network.
            let _sent = self.socket.send(desk.outgoing.get(..transmit.size).unwrap_or_default());
        }
    }

    fn on_message(&mut self, registry: &Registry, data: &[u8]) {
        let Ok(message) = registry.decode(data) else { return };
        if let Some(loose) = message.downcast_ref::<Loose>() {
            self.tally.on_loose(loose);
        } else if let Some(sure) = message.downcast_ref::<Sure>() {
            self.tally.on_sure(sure);
        }
    }
}

/// The size of the buffer for one datagram, in bytes.
const DATAGRAM: usize = 1200;
