//! A server, its clients, and the network between them.

use std::collections::VecDeque;

use crate::allocations::uncounted;
use crate::case::Case;

/// The size of every message, in bytes.
pub const MESSAGE: usize = 100;

const TICKS_PER_SECOND: u64 = 60;
/// The one-way delay in ticks: half of a round trip of 100 ms.
const DELAY_TICKS: u64 = 3;
/// The number of lost datagrams per thousand, in cases with loss.
const LOST_PER_MILLE: u64 = 50;

/// A protocol implementation under measurement: a server and its clients.
pub trait Stack {
    /// Passes a datagram that the client with the index `client` sent to the server.
    fn at_server(&mut self, now_us: u64, client: usize, datagram: &mut [u8]);
    /// Passes a datagram that the server sent to the client with the index `client`.
    fn at_client(&mut self, now_us: u64, client: usize, datagram: &mut [u8]);
    /// Sends a message from the server to a client, reliably and in order.
    fn send(&mut self, now_us: u64, client: usize, message: &[u8; MESSAGE]);
    /// Sends a message from a client to the server, reliably and in order. An implementation that is measured in only
    /// one direction ignores the call.
    fn send_up(&mut self, now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        let _ = (now_us, client, message);
    }
    /// Runs the server before messages are sent: handles its timers and received datagrams. Returns the number of
    /// messages that the server received.
    fn server_update(&mut self, now_us: u64) -> u64;
    /// Passes each datagram that the server is ready to send to `emit`.
    fn server_transmit(&mut self, now_us: u64, emit: &mut impl FnMut(usize, &[u8]));
    /// Runs a client: handles its timers and received datagrams, and passes each datagram that it is ready to send to
    /// `emit`. Returns the number of messages that the client received.
    fn client_turn(&mut self, now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64;
    /// Returns whether all clients are connected.
    fn is_connected(&self) -> bool;
}

/// Counters of the traffic on the wire and of the messages that arrived.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// The number of messages that both ends sent. The clients send messages only in some cases.
    pub sent: u64,
    /// The number of messages that arrived at the receiving end.
    pub delivered: u64,
    /// The number of bytes in the datagrams that the server sent, including lost datagrams.
    pub bytes_down: u64,
    /// The number of bytes in the datagrams that the clients sent, including lost datagrams.
    pub bytes_up: u64,
    /// The number of datagrams that both ends sent, including lost datagrams.
    pub datagrams: u64,
}

/// A protocol implementation on a simulated network, with the traffic of one case.
#[derive(Debug)]
pub struct Scene<S> {
    stack: S,
    case: Case,
    network: Network,
    tick: u64,
    /// The counters since the latest call of [`Scene::measure`]. Before the first call, they include the warm-up.
    pub tally: Tally,
}

#[derive(Debug)]
struct Network {
    down: VecDeque<Flight>,
    up: VecDeque<Flight>,
    /// Buffers for reuse.
    spare: Vec<Vec<u8>>,
    lost_per_mille: u64,
    draws: u64,
}

#[derive(Debug)]
struct Flight {
    due: u64,
    client: usize,
    datagram: Vec<u8>,
}

impl<S: Stack> Scene<S> {
    /// Connects all clients, and runs the warm-up ticks of the case, in which queues grow to their final size.
    ///
    /// # Panics
    /// If the clients do not connect within 60 s of virtual time.
    pub fn new(stack: S, case: Case) -> Self {
        let network = Network {
            down: VecDeque::new(),
            up: VecDeque::new(),
            spare: Vec::new(),
            lost_per_mille: 0,
            draws: 1,
        };
        let mut scene = Self { stack, case, network, tick: 0, tally: Tally::default() };
        for _ in 0..60 * TICKS_PER_SECOND {
            if scene.stack.is_connected() {
                break;
            }
            scene.step(0);
        }
        assert!(scene.stack.is_connected(), "the clients do not connect");
        if case.loss {
            scene.network.lost_per_mille = LOST_PER_MILLE;
        }
        scene.run(case.warm_up);
        scene
    }

    /// Returns the protocol implementation.
    pub fn into_stack(self) -> S {
        self.stack
    }

    /// Sets the counters in [`Scene::tally`] to zero, runs the measured ticks of the case, and counts their traffic.
    pub fn measure(&mut self) {
        self.tally = Tally::default();
        self.run(self.case.ticks);
    }

    fn run(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.step(self.case.per_tick);
        }
    }

    fn step(&mut self, messages: usize) {
        let Self { stack, case, network, tick, tally } = self;
        let now_us = *tick * 1_000_000 / TICKS_PER_SECOND;
        while let Some(mut flight) = network.up.pop_front_if(|flight| flight.due <= *tick) {
            stack.at_server(now_us, flight.client, &mut flight.datagram);
            network.spare.push(flight.datagram);
        }
        tally.delivered += stack.server_update(now_us);
        let mut message = [0x5a; MESSAGE];
        for client in 0..case.clients {
            for _ in 0..messages {
                tally.sent += 1;
                message[..8].copy_from_slice(&tally.sent.to_le_bytes());
                stack.send(now_us, client, &message);
            }
        }
        stack.server_transmit(now_us, &mut |client, datagram| {
            tally.datagrams += 1;
            tally.bytes_down += datagram.len() as u64;
            network.carry(true, *tick, client, datagram);
        });
        while let Some(mut flight) = network.down.pop_front_if(|flight| flight.due <= *tick) {
            stack.at_client(now_us, flight.client, &mut flight.datagram);
            network.spare.push(flight.datagram);
        }
        for client in 0..case.clients {
            for _ in 0..if case.both_ways { messages } else { 0 } {
                tally.sent += 1;
                message[..8].copy_from_slice(&tally.sent.to_le_bytes());
                stack.send_up(now_us, client, &message);
            }
            tally.delivered += stack.client_turn(now_us, client, &mut |datagram| {
                tally.datagrams += 1;
                tally.bytes_up += datagram.len() as u64;
                network.carry(false, *tick, client, datagram);
            });
        }
        *tick += 1;
    }
}

impl Network {
    fn carry(&mut self, down: bool, tick: u64, client: usize, datagram: &[u8]) {
        if self.lost_per_mille > 0 && self.draw() % 1000 < self.lost_per_mille {
            return;
        }
        let mut copy = self.spare.pop().unwrap_or_default();
        uncounted(|| {
            copy.clear();
            copy.extend_from_slice(datagram);
        });
        let queue = if down { &mut self.down } else { &mut self.up };
        queue.push_back(Flight { due: tick + DELAY_TICKS, client, datagram: copy });
    }

    /// Generates a random number (SplitMix64).
    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.draws ^ (self.draws >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
