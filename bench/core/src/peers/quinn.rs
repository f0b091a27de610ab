//! quinn-proto with rustls and ring. AES-128-GCM is the preferred cipher, each client has one stream, and all other
//! settings are the defaults.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bytes::BytesMut;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig, Event,
    ServerConfig, StreamEvent, StreamId,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;

use crate::scene::{MESSAGE, Stack};

const NAME: &str = "localhost";
/// The largest number of datagrams in one transmit.
const SEGMENTS: usize = 10;

struct QuinnEnd {
    endpoint: Endpoint,
    connections: BTreeMap<ConnectionHandle, Connection>,
    /// The datagrams with which the endpoint itself answered.
    replies: Vec<(SocketAddr, Vec<u8>)>,
    buffer: Vec<u8>,
}

/// A server with its clients, implemented with quinn-proto.
pub struct Quinn {
    epoch: Instant,
    server: QuinnEnd,
    /// The server's connection to each client, and the stream that the server opened on the connection.
    streams: Vec<Option<(ConnectionHandle, StreamId)>>,
    clients: Vec<QuinnEnd>,
    /// The stream of the server that each client accepted.
    opened: Vec<Option<StreamId>>,
    pending: Vec<usize>,
    /// The stream that each client opened to the server.
    streams_up: Vec<Option<(ConnectionHandle, StreamId)>>,
    opened_up: Vec<Option<StreamId>>,
    pending_up: Vec<usize>,
}

impl Quinn {
    /// Creates a server and `clients` clients.
    ///
    /// # Panics
    /// If quinn-proto rejects the configuration.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    pub fn new(clients: usize) -> Self {
        let (server_config, client_config) = configs().expect("a configuration");
        let epoch = Instant::now();
        let dial = |_| {
            let mut end = QuinnEnd::new(None);
            let dialled = end.endpoint.connect(epoch, client_config.clone(), server_address(), NAME);
            let (handle, connection) = dialled.expect("a dial");
            end.connections.insert(handle, connection);
            end
        };
        Self {
            epoch,
            server: QuinnEnd::new(Some(Arc::new(server_config))),
            streams: vec![None; clients],
            clients: (0..clients).map(dial).collect(),
            opened: vec![None; clients],
            pending: vec![0; clients],
            streams_up: vec![None; clients],
            opened_up: vec![None; clients],
            pending_up: vec![0; clients],
        }
    }

    fn at(&self, now_us: u64) -> Instant {
        self.epoch + Duration::from_micros(now_us)
    }
}

fn configs() -> Result<(ServerConfig, ClientConfig)> {
    let mut provider = default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let certified = rcgen::generate_simple_self_signed(vec![NAME.into()])?;
    let key =
        PrivateKeyDer::try_from(certified.signing_key.serialize_der()).map_err(|error| anyhow!(error))?;
    let certificate = certified.cert.der().clone();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let server = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate)?;
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    Ok((server, client))
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(client: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 1000 + client as u16).into()
}

impl QuinnEnd {
    fn new(server: Option<Arc<ServerConfig>>) -> Self {
        let endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), server, false, Some([1; 32]));
        Self { endpoint, connections: BTreeMap::new(), replies: Vec::new(), buffer: Vec::new() }
    }

    fn arrive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        self.buffer.clear();
        let event = self.endpoint.handle(now, from, None, None, BytesMut::from(datagram), &mut self.buffer);
        match event {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(connection) = self.connections.get_mut(&handle) {
                    connection.handle_event(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                if let Ok((handle, connection)) = self.endpoint.accept(incoming, now, &mut self.buffer, None)
                {
                    self.connections.insert(handle, connection);
                }
            }
            Some(DatagramEvent::Response(transmit)) => {
                self.replies.push((transmit.destination, self.buffer[..transmit.size].to_vec()));
            }
            None => {}
        }
    }

    /// Runs the timers, passes events to the endpoint, and sends all datagrams that are ready.
    fn transmit(&mut self, now: Instant, mut emit: impl FnMut(SocketAddr, &[u8])) {
        for (to, reply) in self.replies.drain(..) {
            emit(to, &reply);
        }
        for (handle, connection) in &mut self.connections {
            if connection.poll_timeout().is_some_and(|at| at <= now) {
                connection.handle_timeout(now);
            }
            while let Some(event) = connection.poll_endpoint_events() {
                if let Some(event) = self.endpoint.handle_event(*handle, event) {
                    connection.handle_event(event);
                }
            }
            self.buffer.clear();
            while let Some(transmit) = connection.poll_transmit(now, SEGMENTS, &mut self.buffer) {
                let segment = transmit.segment_size.unwrap_or(transmit.size);
                self.buffer[..transmit.size]
                    .chunks(segment)
                    .for_each(|part| emit(transmit.destination, part));
                self.buffer.clear();
            }
        }
    }
}

/// Reads the bytes that arrived on a stream. Returns the number of messages that these bytes complete, together with
/// the `pending` bytes.
fn read(connection: &mut Connection, stream: StreamId, pending: &mut usize) -> u64 {
    let mut stream = connection.recv_stream(stream);
    let Ok(mut chunks) = stream.read(true) else { return 0 };
    while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
        *pending += chunk.bytes.len();
    }
    let _ = chunks.finalize();
    let whole = *pending / MESSAGE;
    *pending %= MESSAGE;
    whole as u64
}

impl Stack for Quinn {
    fn at_server(&mut self, now_us: u64, client: usize, datagram: &mut [u8]) {
        let now = self.at(now_us);
        self.server.arrive(now, client_address(client), datagram);
    }

    fn at_client(&mut self, now_us: u64, client: usize, datagram: &mut [u8]) {
        let now = self.at(now_us);
        self.clients[client].arrive(now, server_address(), datagram);
    }

    fn send(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        if let Some((handle, stream)) = self.streams[client]
            && let Some(connection) = self.server.connections.get_mut(&handle)
        {
            let written = connection.send_stream(stream).write(message);
            assert_eq!(written.ok(), Some(MESSAGE));
        }
    }

    fn send_up(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let connections = &mut self.clients[client].connections;
        let known = &mut self.streams_up[client];
        if known.is_none()
            && let Some((handle, connection)) = connections
                .first_key_value()
                .map(|(handle, _)| *handle)
                .and_then(|handle| connections.get_mut(&handle).map(|connection| (handle, connection)))
        {
            *known = connection.streams().open(Dir::Uni).map(|stream| (handle, stream));
        }
        if let Some((handle, stream)) = *known
            && let Some(connection) = connections.get_mut(&handle)
        {
            assert_eq!(connection.send_stream(stream).write(message).ok(), Some(MESSAGE));
        }
    }

    fn server_update(&mut self, _now_us: u64) -> u64 {
        let mut received = 0;
        for (handle, connection) in &mut self.server.connections {
            let client = usize::from(connection.remote_address().port()) - 1000;
            let mut is_readable = false;
            while let Some(event) = connection.poll() {
                match event {
                    Event::Connected => {
                        if let Some(stream) = connection.streams().open(Dir::Uni) {
                            // The client hears of the stream with its first bytes.
                            let _ = connection.send_stream(stream).write(&[0; MESSAGE]);
                            self.streams[client] = Some((*handle, stream));
                        }
                    }
                    Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) => {
                        self.opened_up[client] = connection.streams().accept(Dir::Uni);
                        is_readable = true;
                    }
                    Event::Stream(StreamEvent::Readable { .. }) => is_readable = true,
                    _ => {}
                }
            }
            if let Some(stream) = self.opened_up[client].filter(|_| is_readable) {
                received += read(connection, stream, &mut self.pending_up[client]);
            }
        }
        received
    }

    fn server_transmit(&mut self, now_us: u64, emit: &mut impl FnMut(usize, &[u8])) {
        let now = self.at(now_us);
        self.server.transmit(now, |to, datagram| emit(usize::from(to.port()) - 1000, datagram));
    }

    fn client_turn(&mut self, now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64 {
        let now = self.at(now_us);
        let end = &mut self.clients[client];
        let mut received = 0;
        for connection in end.connections.values_mut() {
            let mut is_readable = false;
            while let Some(event) = connection.poll() {
                match event {
                    Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) => {
                        self.opened[client] = connection.streams().accept(Dir::Uni);
                        is_readable = true;
                    }
                    Event::Stream(StreamEvent::Readable { .. }) => is_readable = true,
                    _ => {}
                }
            }
            if let Some(stream) = self.opened[client].filter(|_| is_readable) {
                received += read(connection, stream, &mut self.pending[client]);
            }
        }
        end.transmit(now, |_, datagram| emit(datagram));
        received
    }

    fn is_connected(&self) -> bool {
        self.opened.iter().all(Option::is_some)
    }
}
