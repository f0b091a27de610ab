//! One node of a world: its host, its clock, and whether it is running.

use std::collections::VecDeque;

use tickwire_core::time::Instant;

use crate::clock::NodeClock;
use crate::fault::NodeId;
use crate::host::{Application, Boot, Host};
use crate::network::Parcel;
use crate::rng::{mix, seed_bytes};

pub(super) struct Node<H> {
    pub(super) host: H,
    pub(super) clock: NodeClock,
    pub(super) incarnation: u32,
    /// `true` if the application has not been told yet that this incarnation has started.
    pub(super) unannounced: bool,
    /// The time at which the world calls the node next.
    pub(super) wake: Option<Instant>,
    /// The time of the tick that the application requested.
    pub(super) tick: Option<Instant>,
    pauses: u32,
    crashes: u32,
    inbox: VecDeque<Parcel>,
    inbox_bytes: usize,
    timeouts: (Instant, u32),
}

impl<H: Host> Node<H> {
    pub(super) fn new<A: Application<Host = H>>(node: NodeId, seed: u64, application: &mut A) -> Self {
        let boot = Boot { node, incarnation: 0, seed: host_seed(seed, node, 0), now: Instant::ZERO };
        Self {
            host: application.build(boot),
            clock: NodeClock::new(),
            incarnation: 0,
            unannounced: true,
            wake: None,
            tick: None,
            pauses: 0,
            crashes: 0,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            timeouts: (Instant::MAX, 0),
        }
    }

    pub(super) const fn is_down(&self) -> bool {
        self.crashes > 0
    }

    pub(super) const fn is_active(&self) -> bool {
        self.crashes == 0 && self.pauses == 0
    }

    pub(super) const fn pause(&mut self) {
        self.pauses += 1;
    }

    pub(super) const fn resume(&mut self) {
        self.pauses = self.pauses.saturating_sub(1);
    }

    /// Removes all state that a crash loses.
    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        self.inbox.clear();
        self.inbox_bytes = 0;
        self.tick = None;
    }

    /// Creates a new host, unless another fault keeps the node down.
    pub(super) fn boot<A: Application<Host = H>>(
        &mut self,
        node: NodeId,
        seed: u64,
        now: Instant,
        application: &mut A,
    ) {
        self.crashes = self.crashes.saturating_sub(1);
        if self.crashes > 0 {
            return;
        }
        self.incarnation += 1;
        let seed = host_seed(seed, node, self.incarnation);
        let boot = Boot { node, incarnation: self.incarnation, seed, now: self.clock.local(now) };
        self.host = application.build(boot);
        self.unannounced = true;
    }

    /// Adds a datagram to the socket buffer. Returns the datagram if the buffer is full.
    pub(super) fn queue(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        let bytes = self.inbox_bytes + parcel.bytes.len() + DATAGRAM_OVERHEAD;
        if bytes > SOCKET_BUFFER {
            return Err(parcel);
        }
        self.inbox_bytes = bytes;
        self.inbox.push_back(parcel);
        Ok(())
    }

    /// Takes the next datagram from the socket buffer.
    pub(super) fn unqueue(&mut self) -> Option<Parcel> {
        let parcel = self.inbox.pop_front()?;
        self.inbox_bytes -= parcel.bytes.len() + DATAGRAM_OVERHEAD;
        Some(parcel)
    }

    /// Returns the virtual time at which `handle_timeout` is due.
    pub(super) fn deadline(&self) -> Instant {
        match self.host.poll_timeout() {
            Instant::MAX => Instant::MAX,
            local => self.clock.virtual_time(local),
        }
    }

    /// Counts a timeout at `now`. Returns `true` if the node had too many timeouts at this instant.
    pub(super) fn counts_as_spin(&mut self, now: Instant) -> bool {
        let (at, count) = self.timeouts;
        self.timeouts = (now, if at == now { count + 1 } else { 1 });
        self.timeouts.1 > TIMEOUTS_MOST
    }
}

fn host_seed(seed: u64, node: NodeId, incarnation: u32) -> [u8; 32] {
    seed_bytes(mix(seed, HOSTS), (node as u64) << 32 | u64::from(incarnation))
}

/// A number that separates the seeds of hosts from other numbers derived from the world's seed.
const HOSTS: u64 = 0x686f_7374;
/// The size of a socket buffer in bytes: the default of Linux.
const SOCKET_BUFFER: usize = 212_992;
/// The bytes that a datagram takes in a socket buffer in addition to its own bytes.
const DATAGRAM_OVERHEAD: usize = 512;

/// The largest number of timeouts of a node at one instant. More timeouts are a violation.
pub(super) const TIMEOUTS_MOST: u32 = 10_000;
