//! The stack rusty_enet, a translation of the C library `ENet`.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::{Context, Result, anyhow};
use rusty_enet::{Event, Host, HostSettings, Packet, PeerID};

use super::polled::{Polled, server_socket};
use crate::message::SIZE;
use crate::orders::{Answer, Control, Setup};
use crate::pool::Client;

pub(crate) const HOW: &str = "rusty_enet 0.4.1, plaintext, no checksum, no compression. Server: one thread, sixty ticks a \
    second of service until empty, send, flush; while it echoes it also wakes for its socket and answers at once. Clients: \
    a host each, woken by their socket, and serviced in their tick (60 Hz, with 1,000 clients 10 Hz). Pings each 5 s instead \
    of each 500 ms, as the others that let one choose.";

/// The time between two keep-alives, in milliseconds.
const PING_INTERVAL: u32 = 5_000;

fn host(socket: UdpSocket, peers: usize) -> Result<Host<UdpSocket>> {
    let settings = HostSettings { peer_limit: peers, channel_limit: 1, ..HostSettings::default() };
    Host::new(socket, settings).map_err(|error| anyhow!("cannot create an ENet host: {error:?}"))
}

pub(crate) fn serve(setup: &Setup, control: &Control) -> Result<()> {
    let socket = server_socket()?;
    let address = socket.local_addr()?;
    let mut server = ServedEnet { host: host(socket, setup.clients)?, clients: Vec::new() };
    Answer::Listening { address, key: Vec::new() }.say()?;
    super::polled::serve(&mut server, control)
}

struct ServedEnet {
    host: Host<UdpSocket>,
    clients: Vec<PeerID>,
}

impl Polled for ServedEnet {
    fn socket(&self) -> BorrowedFd<'_> {
        self.host.socket().as_fd()
    }

    fn receive(&mut self, echo: bool) -> Result<()> {
        let mut is_answering = false;
        while let Some(event) = self.host.service()? {
            match event {
                Event::Connect { peer, .. } => {
                    peer.set_ping_interval(PING_INTERVAL);
                    self.clients.push(peer.id());
                }
                Event::Disconnect { peer, .. } => {
                    let id = peer.id();
                    eprintln!("enet: client {} has disconnected", id.0);
                    self.clients.retain(|other| *other != id);
                }
                Event::Receive { peer, packet, .. } => {
                    if echo {
                        is_answering = true;
                        peer.send(0, &Packet::reliable(packet.data()))
                            .map_err(|error| anyhow!("the ENet host cannot send an echo: {error:?}"))?;
                    }
                }
            }
        }
        if is_answering {
            self.host.flush();
        }
        Ok(())
    }

    fn connected(&self) -> usize {
        self.clients.len()
    }

    fn send_each(&mut self, count: u32, make: &mut dyn FnMut() -> [u8; SIZE]) {
        for &id in &self.clients {
            for _ in 0..count {
                if let Err(error) = self.host.peer_mut(id).send(0, &Packet::reliable(&make()[..])) {
                    eprintln!("enet: the server cannot send a message: {error:?}");
                }
            }
        }
    }

    fn send_all(&mut self, message: &[u8]) {
        self.host.broadcast(0, &Packet::reliable(message));
    }

    fn flush(&mut self) {
        self.host.flush();
    }
}

pub(crate) struct EnetClient {
    host: Host<UdpSocket>,
    server: SocketAddr,
    peer: Option<PeerID>,
    is_connected: bool,
}

impl Client for EnetClient {
    const TICKS: bool = true;

    fn new(setup: &Setup, _number: usize, socket: UdpSocket) -> Result<Self> {
        let (server, _) = setup.server.clone().context(
            "the setup does not contain the address of the server; this is a bug in the benchmark",
        )?;
        Ok(Self { host: host(socket, 1)?, server, peer: None, is_connected: false })
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.host.socket().as_fd()
    }

    fn connect(&mut self) -> Result<()> {
        let peer = self
            .host
            .connect(self.server, 1, 0)
            .map_err(|error| anyhow!("the ENet host cannot connect to the server: {error:?}"))?;
        self.peer = Some(peer.id());
        self.host.flush();
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.is_connected
    }

    fn on_readable(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        while let Some(event) = self.host.service()? {
            match event {
                Event::Connect { peer, .. } => {
                    peer.set_ping_interval(PING_INTERVAL);
                    self.is_connected = true;
                }
                Event::Disconnect { .. } => self.is_connected = false,
                Event::Receive { packet, .. } => inbox(packet.data()),
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        let peer = self.peer.context("the client is not connected")?;
        let packet = Packet::reliable(message);
        self.host
            .peer_mut(peer)
            .send(0, &packet)
            .map_err(|error| anyhow!("the ENet host cannot send a message: {error:?}"))?;
        self.host.flush();
        Ok(())
    }

    fn tick(&mut self, inbox: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.on_readable(inbox)
    }
}
