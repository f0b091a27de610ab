//! An attacker: an endpoint of the core with its own socket, at an address of 127.0.0.0/8.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Instant as Clock;

use tickwire_core::{Config, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Instant, Secrets};
use tickwire_server::world;

use super::server::Target;

/// Opens a nonblocking socket at `ip`.
pub(super) fn socket(ip: Ipv4Addr) -> Result<UdpSocket, String> {
    UdpSocket::bind((ip, 0)).and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).map_err(|error| {
        format!("cannot open a socket at {ip}: {error}; all of 127.0.0.0/8 must be local, as on Linux, and `ulimit -n` at least 1024")
    })
}

/// An endpoint, its socket and its counters.
pub(super) struct Host {
    pub(super) endpoint: Endpoint,
    socket: UdpSocket,
    /// The socket from which Data packets are sent instead. `None` uses the same socket for all packets.
    pub(super) data_from: Option<UdpSocket>,
    /// `true` if the host sends no Data packets, so that its handshakes never complete.
    pub(super) is_mute: bool,
    pub(super) sent: u64,
    /// The number of times that the server accepted a connection or a resumption of this host.
    pub(super) welcomes: u64,
    /// The latest Data packet that the host sent.
    last_data: Vec<u8>,
    target: Target,
    began: Clock,
}

impl Host {
    pub(super) fn new(
        ip: Ipv4Addr,
        target: &Target,
        change: impl FnOnce(&mut Config),
    ) -> Result<Self, String> {
        let mut config = Config::new(world::APPLICATION);
        config.schema = target.registry.schema();
        config.snapshots =
            tickwire_server::snapshot_config::<world::World>().map_err(|error| error.to_string())?;
        config.max_connections = 32_768;
        change(&mut config);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| format!("cannot read random bytes from the system: {error}"))?;
        let endpoint = Endpoint::new(config, Secrets::new(seed), seed, Instant::ZERO)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            endpoint,
            socket: socket(ip)?,
            data_from: None,
            is_mute: false,
            sent: 0,
            welcomes: 0,
            last_data: Vec::new(),
            target: target.clone(),
            began: Clock::now(),
        })
    }

    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    pub(super) fn dial(&mut self) -> Result<ConnectionId, String> {
        let options = ConnectOptions::new(self.target.key);
        self.endpoint.connect(self.now(), self.target.address, options).map_err(|error| error.to_string())
    }

    /// Returns the first Hello of an attempt that is not continued.
    pub(super) fn hello(&mut self) -> Result<Vec<u8>, String> {
        self.dial()?;
        let mut buffer = [0; 2048];
        let now = self.now();
        let transmit = self.endpoint.poll_transmit(now, &mut buffer).ok_or("there is no Hello to send")?;
        Ok(buffer[..transmit.size].to_vec())
    }

    /// Handles the received datagrams, and sends the datagrams that are due. Returns the events.
    pub(super) fn turn(&mut self) -> Vec<Event> {
        let mut buffer = [0; 2048];
        while let Some((size, from)) = receive(&self.socket, &mut buffer) {
            self.endpoint.handle_datagram(self.now(), from, Ecn::NotCapable, &mut buffer[..size]);
        }
        let now = self.now();
        self.endpoint.handle_timeout(now);
        while let Some(transmit) = self.endpoint.poll_transmit(now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                let is_data = datagram.first().is_some_and(|first| *first >= 8);
                if is_data {
                    self.last_data = datagram.to_vec();
                }
                if is_data && self.is_mute {
                    continue;
                }
                let socket = self.data_from.as_ref().filter(|_| is_data).unwrap_or(&self.socket);
                // What the system does not take is lost, as it would be on any path.
                self.sent += u64::from(socket.send_to(datagram, self.target.address).is_ok());
            }
        }
        let events: Vec<Event> = std::iter::from_fn(|| self.endpoint.poll_event()).collect();
        let is_welcome = |event: &&Event| matches!(event, Event::Connected { .. } | Event::Resumed { .. });
        self.welcomes += events.iter().filter(is_welcome).count() as u64;
        events
    }

    /// Makes the endpoint believe that the server has lost its session, so that the endpoint immediately presents its
    /// resume ticket.
    pub(super) fn feign_unknown(&mut self) {
        if let (Some(id), Some(echo)) = (self.last_data.get(1..4), self.last_data.last_chunk::<8>()) {
            let mut unknown = [&[7, 0][..], id, echo].concat();
            let (now, from) = (self.now(), self.target.address);
            self.endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut unknown);
        }
    }

    /// Closes all connections.
    pub(super) fn leave(&mut self) {
        let connections: Vec<ConnectionId> = self.endpoint.connections().collect();
        for connection in connections {
            self.endpoint.close(self.now(), connection, 0, "");
        }
        self.turn();
    }
}

/// Returns the size and the source of the next received datagram.
pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Ok(received) => return Some(received),
            // An answer of the system to something that was sent before.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(_) => return None,
        }
    }
}
