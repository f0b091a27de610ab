//! The traffic between two endpoints, from which a corpus is made.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use tickwire_core::crypto::Provider;
use tickwire_core::{Access, ChannelId, ConnectOptions, Duration, Endpoint, Instant};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_sim::provider::NullProvider;
use tickwire_sim::rng::Draws;

use crate::channels::channels;
use crate::handshake;

/// Returns every datagram of three sessions, including lost datagrams. Handshake packets have no padding.
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

/// Returns the frames of every data packet in `datagrams`. The packets are plaintext, because the null provider
/// does not encrypt.
pub fn payloads(datagrams: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    datagrams.iter().filter(|datagram| datagram[0] >= 8).map(|datagram| {
        let header = 5 + usize::from(datagram[0] & 3);
        &datagram[header..datagram.len() - 16]
    })
}

struct Session {
    pair: Pair,
    draws: Draws,
    flying: VecDeque<(usize, Vec<u8>)>,
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
        let ends = [seed, seed + 100]
            .map(|seed| Endpoint::new(config.clone(), secrets.clone(), [seed; 32], now).unwrap());
        let mut pair = Pair::of(now, ends);
        let pinned = ConnectOptions::new(pair.ends[SERVER].public_key());
        let options = match access {
            Access::Tickets => pinned.ticket(handshake::ticket(provider, seed, Duration::from_secs(1000))),
            _ if any_key => ConnectOptions::danger_any_key(),
            _ => pinned,
        };
        let connection = pair.dial_with(options);
        pair.connections[CLIENT].push(connection);
        Self {
            pair,
            draws: Draws::new(seed.into()),
            flying: VecDeque::new(),
            datagrams: Vec::new(),
            blackout: false,
        }
    }

    /// Plays a session: connects, exchanges messages over a network that loses every sixth datagram, changes the
    /// address, is interrupted, resumes, and closes.
    fn play(&mut self) {
        self.run(10);
        for round in 0..40u8 {
            for end in [SERVER, CLIENT] {
                let channel = ChannelId(self.draws.below(6) as u8);
                let length = self.draws.magnitude(1, 4000) as usize;
                if let Some(connection) = self.pair.connections[end].last() {
                    let message = vec![round; length];
                    let _ = self.pair.ends[end].send(self.pair.now, *connection, channel, message);
                }
            }
            self.run(2);
            if round == 25 {
                self.pair.paths[CLIENT] = SocketAddr::from(([10, 0, 0, 2], 7778)).into();
            }
        }
        self.blackout = true;
        self.run(60);
        self.blackout = false;
        self.run(60);
        if let Some(connection) = self.pair.connections[CLIENT].last() {
            self.pair.ends[CLIENT].close(self.pair.now, *connection, 7, "good bye");
        }
        self.run(10);
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            self.drain(SERVER);
            self.drain(CLIENT);
            while let Some((to, mut bytes)) = self.flying.pop_front() {
                self.pair.give(to, &mut bytes);
            }
            self.pair.now += Duration::from_millis(50);
            let now = self.pair.now;
            self.pair.ends.iter_mut().for_each(|end| end.handle_timeout(now));
        }
    }

    fn drain(&mut self, end: usize) {
        let (mut buffer, peer) = ([0; 8192], self.pair.paths[1 - end].remote);
        while let Some(transmit) = self.pair.ends[end].poll_transmit(self.pair.now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                let padding = datagram.iter().rev().take_while(|byte| **byte == 0).count();
                let kept = if datagram[0] < 8 { datagram.len() - padding } else { datagram.len() };
                self.datagrams.push(datagram[..kept].to_vec());
                let lost = self.blackout || self.draws.below(6) == 0;
                // What is sent to where the client was before goes astray.
                if !lost && transmit.path.remote == peer {
                    self.flying.push_back((1 - end, datagram.to_vec()));
                }
            }
        }
        self.pair.events(end);
    }
}
