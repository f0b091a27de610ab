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
    /// Whether the application has yet to hear that this incarnation is up.
    pub(super) unannounced: bool,
    /// When the agenda wakes it.
    pub(super) wake: Option<Instant>,
    /// When the application wants a tick.
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

    /// Forgets everything that dies with the process.
    pub(super) fn crash(&mut self) {
        self.crashes += 1;
        self.inbox.clear();
        self.inbox_bytes = 0;
        self.tick = None;
    }

    /// Builds a new host, unless another fault keeps the node down.
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

    /// Puts a datagram in the socket buffer, or hands it back if that is full.
    pub(super) fn queue(&mut self, parcel: Parcel) -> Result<(), Parcel> {
        let bytes = self.inbox_bytes + parcel.bytes.len() + DATAGRAM_OVERHEAD;
        if bytes > SOCKET_BUFFER {
            return Err(parcel);
        }
        self.inbox_bytes = bytes;
        self.inbox.push_back(parcel);
        Ok(())
    }

    /// The next datagram of the socket buffer.
    pub(super) fn unqueue(&mut self) -> Option<Parcel> {
        let parcel = self.inbox.pop_front()?;
        self.inbox_bytes -= parcel.bytes.len() + DATAGRAM_OVERHEAD;
        Some(parcel)
    }

    /// When `handle_timeout` is due, in virtual time.
    pub(super) fn deadline(&self) -> Instant {
        match self.host.poll_timeout() {
            Instant::MAX => Instant::MAX,
            local => self.clock.virtual_time(local),
        }
    }

    /// Counts a timeout at `now`. True if there were too many at this instant.
    pub(super) fn counts_as_spin(&mut self, now: Instant) -> bool {
        let (at, count) = self.timeouts;
        self.timeouts = (now, if at == now { count + 1 } else { 1 });
        self.timeouts.1 > TIMEOUTS_MOST
    }
}

fn host_seed(seed: u64, node: NodeId, incarnation: u32) -> [u8; 32] {
    seed_bytes(mix(seed, HOSTS), (node as u64) << 32 | u64::from(incarnation))
}

/// Tells the seeds of hosts from whatever else follows from a world's seed.
const HOSTS: u64 = 0x686f_7374;
/// Bytes that a socket buffers while nobody reads: the default of Linux.
const SOCKET_BUFFER: usize = 212_992;
/// Bytes that a datagram costs in a socket buffer beyond its own.
const DATAGRAM_OVERHEAD: usize = 512;

/// Timeouts of a node at one instant before it counts as spinning.
pub(super) const TIMEOUTS_MOST: u32 = 10_000;
