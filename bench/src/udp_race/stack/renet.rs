//! renet over renet_netcode in secure mode.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use renet::{ConnectionConfig, DefaultChannel, RenetClient, RenetServer, ServerEvent};
use renet_netcode::{
    ClientAuthentication, ConnectToken, NetcodeClientTransport, NetcodeServerTransport, ServerAuthentication,
    ServerConfig,
};

use super::polled::{Polled, server_socket};
use crate::message::SIZE;
use crate::orders::{Answer, Control, Setup};
use crate::pool::Client;

pub(crate) const HOW: &str = "renet 2.0.1 over renet_netcode 2.0.1, secure mode (tokens, ChaCha20-Poly1305, no forward \
    secrecy). Server: one thread, sixty ticks a second of receive, send, send_packets; while it echoes it also wakes for its \
    socket and answers at once. Clients: woken by their socket to receive; send_packets only when they have something to \
    say, and in their tick (60 Hz, with 1,000 clients 10 Hz), since every call while acknowledgements are due sends a packet \
    that is acknowledged in turn. Keep-alives: its own, each 250 ms.";

const PROTOCOL: u64 = 7;
const KEY: [u8; 32] = [7; 32];
const CHANNEL: DefaultChannel = DefaultChannel::ReliableOrdered;

fn wall() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

pub(crate) fn serve(setup: &Setup, control: &Control) -> Result<()> {
    let socket = server_socket()?;
    let address = socket.local_addr()?;
    let waited = socket.try_clone()?;
    let config = ServerConfig {
        current_time: wall()?,
        max_clients: setup.clients,
        protocol_id: PROTOCOL,
        public_addresses: vec![address],
        authentication: ServerAuthentication::Secure { private_key: KEY },
    };
    let transport = NetcodeServerTransport::new(config, socket)?;
    let server = RenetServer::new(ConnectionConfig::default());
    let mut server = ServedRenet { server, transport, waited, updated: Instant::now(), clients: Vec::new() };
    Answer::Listening { address, key: Vec::new() }.say()?;
    super::polled::serve(&mut server, control)
}

struct ServedRenet {
    server: RenetServer,
    transport: NetcodeServerTransport,
    /// A clone of the socket, for waiting.
    waited: UdpSocket,
    updated: Instant,
    clients: Vec<u64>,
}

impl Polled for ServedRenet {
    fn socket(&self) -> BorrowedFd<'_> {
        self.waited.as_fd()
    }

    fn receive(&mut self, echo: bool) -> Result<()> {
        let elapsed = self.updated.elapsed();
        self.updated = Instant::now();
        self.server.update(elapsed);
        self.transport.update(elapsed, &mut self.server)?;
        while let Some(event) = self.server.get_event() {
            match event {
                ServerEvent::ClientConnected { client_id } => self.clients.push(client_id),
                ServerEvent::ClientDisconnected { client_id, reason } => {
                    eprintln!("renet: client {client_id} has disconnected: {reason}");
                    self.clients.retain(|id| *id != client_id);
                }
            }
        }
        let mut is_answering = false;
        for &id in &self.clients {
            while let Some(message) = self.server.receive_message(id, CHANNEL) {
                if echo {
                    is_answering = true;
                    self.server.send_message(id, CHANNEL, message);
                }
            }
        }
        if is_answering {
            self.flush();
        }
        Ok(())
    }

    fn connected(&self) -> usize {
        self.clients.len()
    }

    fn send_each(&mut self, count: u32, make: &mut dyn FnMut() -> [u8; SIZE]) {
        for &id in &self.clients {
            for _ in 0..count {
                self.server.send_message(id, CHANNEL, Bytes::copy_from_slice(&make()));
            }
        }
    }

    fn send_all(&mut self, message: &[u8]) {
        self.server.broadcast_message(CHANNEL, Bytes::copy_from_slice(message));
    }

    fn flush(&mut self) {
        self.transport.send_packets(&mut self.server);
    }
}

/// One client, which connects in its ticks.
pub(crate) struct RenetPeer {
    client: RenetClient,
    transport: Option<NetcodeClientTransport>,
    waited: UdpSocket,
    server: SocketAddr,
    token: Option<ConnectToken>,
    updated: Instant,
}

impl Client for RenetPeer {
    const TICKS: bool = true;

    fn new(setup: &Setup, number: usize, socket: UdpSocket) -> Result<Self> {
        let (server, _) = setup.server.clone().context(
            "the setup does not contain the address of the server; this is a bug in the benchmark",
        )?;
        let token =
            ConnectToken::generate(wall()?, PROTOCOL, 300, number as u64 + 1, 15, vec![server], None, &KEY)?;
        Ok(Self {
            client: RenetClient::new(ConnectionConfig::default()),
            transport: None,
            waited: socket,
            server,
            token: Some(token),
            updated: Instant::now(),
        })
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.waited.as_fd()
    }

    fn connect(&mut self) -> Result<()> {
        let connect_token = self.token.take().with_context(|| {
            format!("the token for {} was used twice; this is a bug in the benchmark", self.server)
        })?;
        let authentication = ClientAuthentication::Secure { connect_token };
        let socket = self.waited.try_clone()?;
        self.transport = Some(NetcodeClientTransport::new(wall()?, authentication, socket)?);
        self.updated = Instant::now();
        self.on_readable(&mut |_| {})
    }

    fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    fn on_readable(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        let Some(transport) = &mut self.transport else { return Ok(()) };
        let elapsed = self.updated.elapsed();
        self.updated = Instant::now();
        self.client.update(elapsed);
        transport.update(elapsed, &mut self.client)?;
        while let Some(message) = self.client.receive_message(CHANNEL) {
            inbox(&message);
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.client.send_message(CHANNEL, Bytes::copy_from_slice(message));
        let Some(transport) = &mut self.transport else { return Ok(()) };
        Ok(transport.send_packets(&mut self.client)?)
    }

    fn tick(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.on_readable(inbox)?;
        let Some(transport) = &mut self.transport else { return Ok(()) };
        Ok(transport.send_packets(&mut self.client)?)
    }
}
