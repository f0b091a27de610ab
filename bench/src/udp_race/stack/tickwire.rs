//! tickwire: its native driver as the server, its core over plain sockets as the clients.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tickwire_core::{
    Access, Address, Bytes, ChannelId, Config, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Instant,
    Secrets,
};
use tickwire_native::{Options, Server};

use crate::measure::{Pace, now};
use crate::message::{Kind, message};
use crate::orders::{Answer, Control, Due, Setup, Work};
use crate::pool::Client;

pub(crate) const HOW: &str = "tickwire with ring (Noise, ChaCha20-Poly1305, forward secret, no tickets: cookies above 64 \
    half-open handshakes). Server: tickwire-native's Server as a game uses it, a game thread with sixty ticks a second that \
    holds while it sends, and the driver's own thread. Clients: the core over plain sockets, as in examples/pump.rs, woken \
    by their socket and their deadlines. Heartbeats each 5 s (the default).";

const CHANNEL: ChannelId = ChannelId(0);
const APPLICATION: u64 = 7;

pub(crate) fn serve(setup: &Setup, control: &Control) -> Result<()> {
    let mut config = Config::new(APPLICATION);
    config.access = Access::Open;
    config.max_connections = setup.clients + 8;
    // All come from one address here.
    config.max_connections_per_source = Some(setup.clients + 8);
    config.handshake_rate = 100_000;
    config.handshake_burst = 100_000;
    let server = Server::start(Options::new(config).bind("127.0.0.1:0".parse()?))?;
    Answer::Listening { address: server.local_address(), key: server.public_key().to_vec() }.say()?;

    let mut clients: Vec<ConnectionId> = Vec::new();
    let mut pace = Pace::new();
    let mut number = 0;
    loop {
        let wait = Duration::from_nanos(pace.next().saturating_sub(now()));
        let mut event = server.wait_event(wait);
        while let Some(what) = event {
            match what {
                Event::Message { connection, data, .. } if control.work() == Work::Echo => {
                    server.send_bytes(connection, CHANNEL, data)?;
                }
                Event::Connected { connection, .. } => clients.push(connection),
                Event::Closed { connection, reason, .. } => {
                    eprintln!("tickwire: a client has disconnected: {reason:?}");
                    clients.retain(|id| *id != connection);
                }
                _ => {}
            }
            event = server.next_event();
        }
        if !pace.is_due() {
            continue;
        }
        control.connected.store(clients.len(), Ordering::Relaxed);
        match control.tick() {
            Due::Nothing => {}
            Due::Each(count) => {
                let _hold = server.hold();
                for &client in &clients {
                    for _ in 0..count {
                        number += 1;
                        let data = Bytes::copy_from_slice(&message(Kind::Stream, number));
                        server.send_bytes(client, CHANNEL, data)?;
                    }
                }
            }
            Due::All => {
                number += 1;
                let data = Bytes::copy_from_slice(&message(Kind::Broadcast, number));
                server.broadcast_bytes(CHANNEL, data, &[])?;
            }
        }
    }
}

pub(crate) struct TickwireClient {
    endpoint: Endpoint,
    socket: UdpSocket,
    server: SocketAddr,
    key: [u8; 32],
    connection: Option<ConnectionId>,
    is_connected: bool,
    buffer: Vec<u8>,
    out: Vec<u8>,
}

/// Returns the time of the machine's monotonic clock, in the core's microseconds.
fn clock() -> Instant {
    Instant::saturating_from_micros(now() / 1_000)
}

impl TickwireClient {
    fn flush(&mut self, at: Instant) -> Result<()> {
        while let Some(transmit) = self.endpoint.poll_transmit(at, &mut self.out) {
            if let Address::Udp(to) = transmit.path.remote {
                self.socket.send_to(&self.out[..transmit.size], to)?;
            }
        }
        Ok(())
    }
}

impl Client for TickwireClient {
    const TICKS: bool = false;

    fn new(setup: &Setup, number: usize, socket: UdpSocket) -> Result<Self> {
        let (server, key) = setup.server.clone().context(
            "the setup does not contain the address of the server; this is a bug in the benchmark",
        )?;
        let key = key.try_into().map_err(|_| {
            anyhow!("the public key of the server does not have 32 bytes; this is a bug in the benchmark")
        })?;
        let mut seed = [9; 32];
        seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
        seed[8..16].copy_from_slice(&now().to_le_bytes());
        let mut config = Config::new(APPLICATION);
        config.max_connections = 1;
        Ok(Self {
            endpoint: Endpoint::new(config, Secrets::new(seed), seed, clock())?,
            socket,
            server,
            key,
            connection: None,
            is_connected: false,
            buffer: vec![0; 2048],
            out: vec![0; 1200],
        })
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn connect(&mut self) -> Result<()> {
        let at = clock();
        self.connection = Some(self.endpoint.connect(at, self.server, ConnectOptions::new(self.key))?);
        self.flush(at)
    }

    fn is_connected(&self) -> bool {
        self.is_connected
    }

    fn on_readable(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        let at = clock();
        loop {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((size, from)) => {
                    self.endpoint.handle_datagram(at, from, Ecn::NotCapable, &mut self.buffer[..size]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.endpoint.handle_timeout(at);
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Message { data, .. } => inbox(&data),
                Event::Connected { .. } => self.is_connected = true,
                Event::Closed { reason, .. } => {
                    eprintln!("tickwire: {reason:?}");
                    self.is_connected = false;
                }
                _ => {}
            }
        }
        self.flush(at)
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let at = clock();
        let connection = self.connection.context("the client is not connected")?;
        self.endpoint.send(at, connection, CHANNEL, Bytes::copy_from_slice(message))?;
        self.flush(at)
    }

    fn deadline(&self) -> u64 {
        let (at, _) = self.endpoint.poll_timeout();
        if at == Instant::MAX { u64::MAX } else { at.as_micros().saturating_mul(1_000) }
    }

    fn on_timeout(&mut self) -> Result<()> {
        let at = clock();
        self.endpoint.handle_timeout(at);
        self.flush(at)
    }
}
