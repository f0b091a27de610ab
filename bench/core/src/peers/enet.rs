//! rusty_enet, in plaintext and without checksums.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::time::Duration;

use rusty_enet::{Event, Host, HostSettings, MTU_MAX, Packet, PacketReceived, PeerID, Socket};

use crate::allocations::uncounted;
use crate::scene::{MESSAGE, Stack};

/// A socket that only holds the datagrams in transit.
#[derive(Clone, Default)]
struct Port(Rc<RefCell<Queues>>);

#[derive(Default)]
struct Queues {
    inbox: VecDeque<(SocketAddr, Vec<u8>)>,
    outbox: VecDeque<(SocketAddr, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Queues {
    fn copy(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = self.spare.pop().unwrap_or_default();
        uncounted(|| {
            copy.clear();
            copy.extend_from_slice(bytes);
        });
        copy
    }
}

impl Socket for Port {
    type Address = SocketAddr;
    type Error = std::io::Error;

    fn send(&mut self, address: SocketAddr, buffer: &[u8]) -> Result<usize, Self::Error> {
        let mut queues = self.0.borrow_mut();
        let copy = queues.copy(buffer);
        queues.outbox.push_back((address, copy));
        Ok(buffer.len())
    }

    fn receive(
        &mut self,
        buffer: &mut [u8; MTU_MAX],
    ) -> Result<Option<(SocketAddr, PacketReceived)>, Self::Error> {
        let mut queues = self.0.borrow_mut();
        let Some((from, datagram)) = queues.inbox.pop_front() else { return Ok(None) };
        let length = datagram.len();
        buffer[..length].copy_from_slice(&datagram);
        queues.spare.push(datagram);
        Ok(Some((from, PacketReceived::Complete(length))))
    }
}

struct EnetEnd {
    host: Host<Port>,
    port: Port,
}

/// A server with its clients, implemented with rusty_enet.
pub struct Enet {
    clock: Rc<Cell<u64>>,
    server: EnetEnd,
    /// The server's peer of each client. `None` until the client is connected.
    peers: Vec<Option<PeerID>>,
    clients: Vec<EnetEnd>,
    connected: Vec<bool>,
}

impl Enet {
    /// Creates a server and `clients` clients.
    ///
    /// # Panics
    /// If rusty_enet cannot create a host.
    pub fn new(clients: usize) -> Self {
        let clock = Rc::new(Cell::new(0));
        let server = end(&clock, clients);
        let dial = |_| {
            let mut client = end(&clock, 1);
            assert!(client.host.connect(server_address(), 1, 0).is_ok());
            client
        };
        let dialled = (0..clients).map(dial).collect();
        Self { clock, server, peers: vec![None; clients], clients: dialled, connected: vec![false; clients] }
    }
}

fn end(clock: &Rc<Cell<u64>>, peers: usize) -> EnetEnd {
    let port = Port::default();
    let clock = Rc::clone(clock);
    let settings = HostSettings {
        peer_limit: peers,
        channel_limit: 1,
        time: Box::new(move || Duration::from_micros(clock.get())),
        seed: Some(1),
        ..HostSettings::default()
    };
    let Ok(host) = Host::new(port.clone(), settings) else { unreachable!("a port in memory opens") };
    EnetEnd { host, port }
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(client: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 1000 + client as u16).into()
}

fn emit_all(port: &Port, mut emit: impl FnMut(SocketAddr, &[u8])) {
    let mut queues = port.0.borrow_mut();
    while let Some((to, datagram)) = queues.outbox.pop_front() {
        emit(to, &datagram);
        queues.spare.push(datagram);
    }
}

fn arrive(port: &Port, from: SocketAddr, datagram: &[u8]) {
    let mut queues = port.0.borrow_mut();
    let copy = queues.copy(datagram);
    queues.inbox.push_back((from, copy));
}

impl Stack for Enet {
    fn at_server(&mut self, _now_us: u64, client: usize, datagram: &mut [u8]) {
        arrive(&self.server.port, client_address(client), datagram);
    }

    fn at_client(&mut self, _now_us: u64, client: usize, datagram: &mut [u8]) {
        arrive(&self.clients[client].port, server_address(), datagram);
    }

    fn send(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        if let Some(peer) = self.peers[client] {
            let packet = uncounted(|| Packet::reliable(&message[..]));
            assert!(self.server.host.peer_mut(peer).send(0, &packet).is_ok());
        }
    }

    fn send_up(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let packet = uncounted(|| Packet::reliable(&message[..]));
        assert!(self.clients[client].host.peer_mut(PeerID(0)).send(0, &packet).is_ok());
    }

    fn server_update(&mut self, now_us: u64) -> u64 {
        let mut received = 0;
        self.clock.set(now_us);
        while let Ok(Some(event)) = self.server.host.service() {
            match event {
                Event::Receive { packet, .. } => received += u64::from(packet.data().len() == MESSAGE),
                Event::Connect { peer, .. } => {
                    let client = peer.address().map_or(0, |address| usize::from(address.port()) - 1000);
                    self.peers[client] = Some(peer.id());
                }
                Event::Disconnect { .. } => {}
            }
        }
        received
    }

    fn server_transmit(&mut self, _now_us: u64, emit: &mut impl FnMut(usize, &[u8])) {
        self.server.host.flush();
        emit_all(&self.server.port, |to, datagram| emit(usize::from(to.port()) - 1000, datagram));
    }

    fn client_turn(&mut self, _now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64 {
        let EnetEnd { host, port } = &mut self.clients[client];
        let mut received = 0;
        while let Ok(Some(event)) = host.service() {
            match event {
                Event::Receive { packet, .. } => received += u64::from(packet.data().len() == MESSAGE),
                Event::Connect { .. } => self.connected[client] = true,
                Event::Disconnect { .. } => {}
            }
        }
        host.flush();
        emit_all(port, |_, datagram| emit(datagram));
        received
    }

    fn is_connected(&self) -> bool {
        self.connected.iter().all(|connected| *connected) && self.peers.iter().all(Option::is_some)
    }
}
