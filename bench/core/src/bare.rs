//! A benchmark without a protocol: the cost of the harness itself.

use crate::allocations::uncounted;
use crate::scene::{MESSAGE, Stack};

/// A stack without a protocol, to measure the cost of the harness. In each tick, an end copies all its messages for one
/// receiver into one datagram. The receiver counts the messages in this datagram.
#[derive(Debug)]
pub struct Bare {
    queues: Vec<Vec<Vec<u8>>>,
    received: Vec<u64>,
    up: Vec<Vec<Vec<u8>>>,
    received_up: u64,
    datagram: Vec<u8>,
}

impl Bare {
    /// Creates a server and `clients` clients without a protocol.
    pub fn new(clients: usize) -> Self {
        Self {
            queues: vec![Vec::new(); clients],
            received: vec![0; clients],
            up: vec![Vec::new(); clients],
            received_up: 0,
            datagram: Vec::new(),
        }
    }
}

impl Stack for Bare {
    fn at_server(&mut self, _now_us: u64, _client: usize, datagram: &mut [u8]) {
        self.received_up += (datagram.len() / MESSAGE) as u64;
    }

    fn at_client(&mut self, _now_us: u64, client: usize, datagram: &mut [u8]) {
        self.received[client] += (datagram.len() / MESSAGE) as u64;
    }

    fn send(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        self.queues[client].push(uncounted(|| message.to_vec()));
    }

    fn send_up(&mut self, _now_us: u64, client: usize, message: &[u8; MESSAGE]) {
        self.up[client].push(uncounted(|| message.to_vec()));
    }

    fn server_update(&mut self, _now_us: u64) -> u64 {
        std::mem::take(&mut self.received_up)
    }

    fn server_transmit(&mut self, _now_us: u64, emit: &mut impl FnMut(usize, &[u8])) {
        for (client, queue) in self.queues.iter_mut().enumerate() {
            if !queue.is_empty() {
                self.datagram.clear();
                for message in queue.drain(..) {
                    self.datagram.extend_from_slice(&message);
                }
                emit(client, &self.datagram);
            }
        }
    }

    fn client_turn(&mut self, _now_us: u64, client: usize, emit: &mut impl FnMut(&[u8])) -> u64 {
        if !self.up[client].is_empty() {
            self.datagram.clear();
            for message in self.up[client].drain(..) {
                self.datagram.extend_from_slice(&message);
            }
            emit(&self.datagram);
        }
        std::mem::take(&mut self.received[client])
    }

    fn is_connected(&self) -> bool {
        true
    }
}
