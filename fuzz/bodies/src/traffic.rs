//! What two endpoints say to each other, for a corpus to start from.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::{
    Access, Address, ChannelId, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Instant,
};
use tickwire_sim::provider::NullProvider;
use tickwire_sim::rng::Draws;

use crate::channels::channels;
use crate::handshake;

/// Every datagram of some sessions, the padding of Hellos taken away.
#[must_use]
pub fn datagrams() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (seed, access, any_key) in
        [(1, Access::Open, false), (2, Access::Open, true), (3, Access::Tickets, false)]
    {
        let mut session = Session::new(seed, access, any_key);
        session.play();
        all.append(&mut session.datagrams);
    }
    all
}

/// The frames of every data packet among `datagrams`: the null provider encrypts nothing.
pub fn payloads(datagrams: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    datagrams.iter().filter(|datagram| datagram[0] >= 8).map(|datagram| {
        let header = 5 + usize::from(datagram[0] & 3);
        &datagram[header..datagram.len() - 16]
    })
}

struct Session {
    now: Instant,
    endpoints: [Endpoint; 2],
    at: [SocketAddr; 2],
    connections: [Option<ConnectionId>; 2],
    draws: Draws,
    flying: VecDeque<(usize, SocketAddr, Vec<u8>)>,
    datagrams: Vec<Vec<u8>>,
    blackout: bool,
}

impl Session {
    fn new(seed: u8, access: Access, any_key: bool) -> Self {
        let provider: Arc<dyn Provider> = Arc::new(NullProvider);
        let mut config = handshake::config(Arc::clone(&provider), access);
        config.channels = channels();
        // Four heartbeats: they may be silent.
        config.idle_timeout = Duration::from_millis(2800);
        config.heartbeat = Duration::from_millis(700);
        config.rotate_after = 64;
        let now = Instant::ZERO;
        let secrets = handshake::secrets(&*provider);
        let at = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|ip| SocketAddr::from((ip, 7777)));
        let server = Endpoint::new(config.clone(), secrets.clone(), [seed; 32], now).unwrap();
        let mut client = Endpoint::new(config, secrets, [seed + 100; 32], now).unwrap();
        let pinned = ConnectOptions::new(server.public_key());
        let options = match access {
            Access::Tickets => pinned.ticket(handshake::ticket(provider, seed, Duration::from_secs(1000))),
            _ if any_key => ConnectOptions::danger_any_key(),
            _ => pinned,
        };
        let connection = client.connect(now, at[0], options).unwrap();
        Self {
            now,
            endpoints: [server, client],
            at,
            connections: [None, Some(connection)],
            draws: Draws::new(seed.into()),
            flying: VecDeque::new(),
            datagrams: Vec::new(),
            blackout: false,
        }
    }

    /// Connects, talks over a network that loses every sixth datagram, moves, falls silent, comes back, and leaves.
    fn play(&mut self) {
        self.run(10);
        for round in 0..40u8 {
            for node in [0, 1] {
                let channel = ChannelId(self.draws.below(6) as u8);
                let length = self.draws.magnitude(1, 4000) as usize;
                if let Some(connection) = self.connections[node] {
                    let message = vec![round; length];
                    let _ = self.endpoints[node].send(self.now, connection, channel, message);
                }
            }
            self.run(2);
            if round == 25 {
                self.at[1].set_port(7778);
            }
        }
        self.blackout = true;
        self.run(60);
        self.blackout = false;
        self.run(60);
        if let Some(connection) = self.connections[1] {
            self.endpoints[1].close(self.now, connection, 7, "good bye");
        }
        self.run(10);
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            for node in [0, 1] {
                self.drain(node);
            }
            while let Some((to, from, mut bytes)) = self.flying.pop_front() {
                self.endpoints[to].handle_datagram(self.now, from, Ecn::NotCapable, &mut bytes);
            }
            self.now += Duration::from_millis(50);
            for node in [0, 1] {
                self.endpoints[node].handle_timeout(self.now);
            }
        }
    }

    fn drain(&mut self, node: usize) {
        let mut buffer = [0; 8192];
        while let Some(transmit) = self.endpoints[node].poll_transmit(self.now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                let padding = datagram.iter().rev().take_while(|byte| **byte == 0).count();
                let kept = if datagram[0] < 8 { datagram.len() - padding } else { datagram.len() };
                self.datagrams.push(datagram[..kept].to_vec());
                let lost = self.blackout || self.draws.below(6) == 0;
                if !lost && transmit.path.remote == Address::from(self.at[1 - node]) {
                    self.flying.push_back((1 - node, self.at[node], datagram.to_vec()));
                }
            }
        }
        while let Some(event) = self.endpoints[node].poll_event() {
            if let tickwire_core::Event::Connected { connection, .. } = event {
                self.connections[node] = Some(connection);
            }
        }
    }
}
