//! renet, alone or over renetcode with its tokens.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use renet::{Bytes, ConnectionConfig, DefaultChannel, RenetClient, RenetServer};
use renetcode::{
    ClientAuthentication, ConnectToken, NetcodeClient, NetcodeServer, ServerAuthentication, ServerConfig,
    ServerResult,
};

use crate::allocations::uncounted;
use crate::scene::{MESSAGE, Stack};

const PROTOCOL: u64 = 7;
const KEY: [u8; 32] = [7; 32];
const TICK: Duration = Duration::from_micros(1_000_000 / 60);
const CHANNEL: DefaultChannel = DefaultChannel::ReliableOrdered;

/// A server with its clients, implemented with renet.
pub struct Renet {
    server: RenetServer,
    clients: Vec<RenetClient>,
    /// The encryption by renetcode. `None` for plaintext.
    netcode: Option<Netcode>,
    /// The datagrams with which renetcode itself answered.
    replies: Vec<(usize, Vec<u8>)>,
}

struct Netcode {
    server: NetcodeServer,
    clients: Vec<NetcodeClient>,
    connected: Vec<bool>,
}

impl Renet {
    /// Creates a server and `clients` clients, encrypted by renetcode or in plaintext.
    ///
    /// # Panics
    /// If renetcode rejects the configuration.
    pub fn new(clients: usize, encrypted: bool) -> Self {
        let mut server = RenetServer::new(ConnectionConfig::default());
        let mut dialled: Vec<_> =
            (0..clients).map(|_| RenetClient::new(ConnectionConfig::default())).collect();
        if !encrypted {
            for (id, client) in dialled.iter_mut().enumerate() {
                server.add_connection(id as u64);
                client.set_connected();
            }
        }
        let netcode = encrypted.then(|| Netcode::new(clients));
        Self { server, clients: dialled, netcode, replies: Vec::new() }
    }
}

impl Netcode {
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    fn new(clients: usize) -> Self {
        let config = ServerConfig {
            current_time: Duration::ZERO,
            max_clients: clients,
            protocol_id: PROTOCOL,
            public_addresses: vec![server_address()],
            authentication: ServerAuthentication::Secure { private_key: KEY },
        };
        let dial = |id: usize| {
            let addresses = vec![server_address()];
            let token =
                ConnectToken::generate(Duration::ZERO, PROTOCOL, 300, id as u64, 15, addresses, None, &KEY);
            let secure = ClientAuthentication::Secure { connect_token: token.expect("a token") };
            NetcodeClient::new(Duration::ZERO, secure).expect("a client")
        };
        Self {
            server: NetcodeServer::new(config),
            clients: (0..clients).map(dial).collect(),
            connected: vec![false; clients],
        }
    }
}

fn server_address() -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 7777).into()
}

fn client_address(client: usize) -> SocketAddr {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 2), 1000 + client as u16).into()
}

impl Stack for Renet {
    fn at_server(&mut self, _now_us: u64, client: usize, datagram: &mut [u8]) {
        let Some(netcode) = &mut self.netcode else {
            let _ = self.server.process_packet_from(datagram, client as u64);
            return;
        };
        match netcode.server.process_packet(client_address(client), datagram) {
            ServerResult::Payload { client_id, payload } => {
                let _ = self.server.process_packet_from(payload, client_id);
            }
            ServerResult::PacketToSend { payload, .. } => self.replies.push((client, payload.to_vec())),
            ServerResult::ClientConnected { client_id, payload, .. } => {
                self.server.add_connection(client_id);
                self.replies.push((client, payload.to_vec()));
            }
            ServerResult::None | ServerResult::ClientDisconnected { .. } => {}
        }
    }

    fn at_client(&mut self, _now_us: u64, client: usize, datagram: &mut [u8]) {
        match &mut self.netcode {
            None => self.clients[client].process_packet(datagram),
            Some(netcode) => {
                if let Some(payload) = netcode.clients[client].process_packet(datagram) {
                    self.clients[client].process_packet(payload);
                }
            }
        }
    }

    fn send(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let message = uncounted(|| Bytes::copy_from_slice(message));
        self.server.send_message(client as u64, CHANNEL, message);
    }

    fn server_update(&mut self, _now_us: u64) -> u64 {
        self.server.update(TICK);
        if let Some(netcode) = &mut self.netcode {
            netcode.server.update(TICK);
        }
        0
    }

    fn server_transmit(&mut self, _now_us: u64, emit: &mut impl FnMut(usize, &[u8])) {
        for (client, reply) in self.replies.drain(..) {
            emit(client, &reply);
        }
        for id in 0..self.clients.len() as u64 {
            if let Some(netcode) = &mut self.netcode
                && let ServerResult::PacketToSend { payload, .. } = netcode.server.update_client(id)
            {
                emit(id as usize, payload);
            }
            let Ok(packets) = self.server.get_packets_to_send(id) else { continue };
            for packet in packets {
                match &mut self.netcode {
                    None => emit(id as usize, &packet),
                    Some(netcode) => {
                        if let Ok((_, sealed)) = netcode.server.generate_payload_packet(id, &packet) {
                            emit(id as usize, sealed);
                        }
                    }
                }
            }
        }
    }

    fn client_turn(&mut self, _now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64 {
        let end = &mut self.clients[client];
        end.update(TICK);
        if let Some(netcode) = &mut self.netcode {
            let below = &mut netcode.clients[client];
            if let Some((packet, _)) = below.update(TICK) {
                emit(packet);
            }
            if below.is_connected() && !netcode.connected[client] {
                netcode.connected[client] = true;
                end.set_connected();
            }
        }
        let mut received = 0;
        while let Some(message) = end.receive_message(CHANNEL) {
            received += u64::from(message.len() == MESSAGE);
        }
        for packet in end.get_packets_to_send() {
            match &mut self.netcode {
                None => emit(&packet),
                Some(netcode) => {
                    if let Ok((_, sealed)) = netcode.clients[client].generate_payload_packet(&packet) {
                        emit(sealed);
                    }
                }
            }
        }
        received
    }

    fn is_connected(&self) -> bool {
        self.server.connected_clients() == self.clients.len()
            && self
                .netcode
                .as_ref()
                .is_none_or(|netcode| netcode.connected.iter().all(|connected| *connected))
    }
}
