//! Sends arbitrary datagrams to a server that has an honest client.

use std::net::SocketAddr;

use tickwire_core::{Access, ChannelId, ConnectOptions, ConnectionId, Duration, Endpoint, Event, Instant};

use crate::channels::channels;
use crate::watch::Watched;
use crate::{Script, handshake};

const MAX_MESSAGE: usize = 20_000;

struct Scene {
    now: Instant,
    server: Watched,
    client: Watched,
    at_client: ConnectionId,
    /// The datagrams that the client and the server have sent.
    seen: Vec<Vec<u8>>,
    events: Vec<Event>,
}

/// Sends arbitrary datagrams to a server. Asserts that a server that authenticates packets continues to serve its
/// client, and that a server that accepts every packet as authentic still obeys the driver contract.
pub fn datagram(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let shape = script.byte();
    let gullible = shape & 1 != 0;
    let mut scene = Scene::new(gullible, if shape & 2 == 0 { Access::Open } else { Access::Tickets });
    for _ in 0..200 {
        if script.is_over() {
            break;
        }
        scene.step(&mut script);
        assert!(gullible || scene.closed().is_none(), "arbitrary datagrams closed the connection");
    }
    scene.exchange();
    if !gullible {
        let (now, connection) = (scene.now, scene.at_client);
        let sent = scene.client.endpoint.send(now, connection, ChannelId(0), b"still here".to_vec());
        assert!(sent.is_ok(), "the client can no longer send: {sent:?}");
        for _ in 0..20 {
            scene.now += Duration::from_millis(200);
            scene.exchange();
        }
        let arrived = scene
            .events
            .iter()
            .any(|event| matches!(event, Event::Message { data, .. } if data == "still here"));
        assert!(arrived, "the server no longer receives messages of its client");
    }
}

fn client_at() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 4000))
}

fn server_at() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 7777))
}

impl Scene {
    fn new(gullible: bool, access: Access) -> Self {
        let provider = handshake::provider(gullible);
        let mut config = handshake::config(provider.clone(), access);
        config.max_message = MAX_MESSAGE;
        config.channels = channels();
        config.cookie_threshold = 4;
        // Time passes in the script; the client is not to be lost for that.
        config.idle_timeout = Duration::from_secs(3000);
        config.heartbeat = Duration::from_secs(1000);
        let (now, secrets) = (Instant::ZERO, handshake::secrets(&*provider));
        let endpoint = |seed| Endpoint::new(config.clone(), secrets.clone(), [seed; 32], now).unwrap();
        let server = Watched::new(endpoint(1), MAX_MESSAGE);
        let mut client = Watched::new(endpoint(2), MAX_MESSAGE);
        let mut options = ConnectOptions::new(server.endpoint.public_key());
        if access == Access::Tickets {
            options = options.ticket(handshake::ticket(provider, 1, Duration::from_secs(100_000)));
        }
        let at_client = client.connect(now, server_at(), options).unwrap();
        let mut scene = Self { now, server, client, at_client, seen: Vec::new(), events: Vec::new() };
        (0..4).for_each(|_| scene.exchange());
        scene
    }

    /// Runs the timers of both ends, and delivers their datagrams.
    fn exchange(&mut self) {
        for _ in 0..20 {
            let there = self.client.settle(self.now);
            for (_, datagram) in &there.datagrams {
                self.server.hear(self.now, client_at(), datagram);
            }
            let back = self.server.settle(self.now);
            let client = client_at().into();
            let to_client = back.datagrams.into_iter().filter(|(to, _)| *to == client);
            let to_client: Vec<_> = to_client.map(|(_, datagram)| datagram).collect();
            for datagram in &to_client {
                self.client.hear(self.now, server_at(), datagram);
            }
            self.events.extend(back.events);
            let idle = there.datagrams.is_empty() && to_client.is_empty();
            self.seen.extend(there.datagrams.into_iter().map(|(_, datagram)| datagram).chain(to_client));
            self.seen.truncate(100);
            if idle {
                break;
            }
        }
    }

    fn closed(&self) -> Option<&Event> {
        self.events.iter().find(|event| matches!(event, Event::Closed { .. }))
    }

    fn step(&mut self, script: &mut Script<'_>) {
        let from = match script.byte() {
            0..0x80 => client_at(),
            port => SocketAddr::from(([10, 9, port, 9], u16::from(port))),
        };
        let step = script.byte();
        let mut datagram = match step % 8 {
            0 => self.exchange_something(step, script),
            1 => {
                self.now += Duration::from_millis(script.number() % 5_000);
                return;
            }
            2 => script.sized().to_vec(),
            3 => [script.sized(), &vec![0; usize::from(script.short())]].concat(),
            // A data packet for a connection that exists: behind its header come the frames.
            4 => {
                let id = self.seen.iter().find(|datagram| datagram[0] >= 8).map_or(0, |datagram| datagram[1]);
                let header = [8 | step >> 5, id, script.byte() & 1, script.byte() & 1];
                let number = [script.byte(), script.byte(), 0, 0];
                let length = usize::from(step >> 5 & 3) + 1;
                [&header, &number[..length], script.sized(), &[0; 16]].concat()
            }
            _ => self.pick(script),
        };
        if step & 0x80 != 0 {
            let place = usize::from(script.short());
            datagram.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << (step >> 4 & 7));
        }
        self.server.hear(self.now, from, &datagram);
        let output = self.server.settle(self.now);
        self.events.extend(output.events);
    }

    fn exchange_something(&mut self, step: u8, script: &mut Script<'_>) -> Vec<u8> {
        let (now, connection) = (self.now, self.at_client);
        let message = vec![step; usize::from(script.short()) % 3000];
        let _ = self.client.endpoint.send(now, connection, ChannelId(step >> 5), message);
        self.exchange();
        self.pick(script)
    }

    fn pick(&self, script: &mut Script<'_>) -> Vec<u8> {
        let place = script.below(self.seen.len());
        self.seen.get(place).cloned().unwrap_or_default()
    }
}
