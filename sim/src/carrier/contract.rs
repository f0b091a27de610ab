//! The interface that every carrier implements.

use tickwire_core::address::LinkProperties;
use tickwire_core::time::Instant;

/// The state of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CarrierState {
    /// The carrier is not open yet. It waits for a segment from the other end.
    Opening,
    /// The carrier accepts datagrams.
    Open,
    /// The carrier has broken, and carries no more datagrams.
    Broken,
}

/// The role of one end of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The end that opened the carrier.
    Dialler,
    /// The end that answered the request to open.
    Listener,
}

/// Counters of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CarrierCounters {
    /// The number of retransmissions of segments.
    pub resent: u64,
    /// The number of datagrams that the carrier dropped instead of sending them.
    pub dropped: u64,
    /// The largest number of bytes that the send buffer has contained at any time.
    pub held_most: u64,
}

/// One end of a connection that carries datagrams, as a sans-IO state machine. The machine sends segments, which the
/// network may lose, duplicate, reorder and damage.
pub trait Carrier: Sized {
    /// The settings of the carrier.
    type Config: Clone;

    /// Creates the end with the role `side` of the connection with the number `connection`.
    fn new(config: &Self::Config, side: Side, connection: u64, now: Instant) -> Self;

    /// Returns the properties that the carrier guarantees as a link.
    fn properties(&self) -> LinkProperties;

    /// Returns the current state of the carrier.
    fn state(&self) -> CarrierState;

    /// Returns the number of bytes that the carrier can accept now. `None` stands for no limit.
    fn credit(&self) -> Option<u64>;

    /// Sends a datagram. If the datagram exceeds the credit, a reliable carrier breaks, and an unreliable carrier may
    /// drop the datagram.
    fn send(&mut self, datagram: &[u8]);

    /// Processes a segment of this connection that the other end sent.
    fn handle_segment(&mut self, now: Instant, bytes: &[u8]);

    /// Handles all timers that have expired at `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// Returns the next segment to send to the other end.
    fn poll_segment(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// Returns the next datagram that the other end sent.
    fn poll_datagram(&mut self) -> Option<Vec<u8>>;

    /// Returns whether the carrier has dropped a datagram since the previous call, if the carrier reports losses.
    fn take_loss(&mut self) -> bool;

    /// Returns the time at which [`Carrier::handle_timeout`] is due or a segment is ready to be sent, or
    /// [`Instant::MAX`] if neither is planned.
    fn poll_timeout(&self) -> Instant;

    /// Returns the carrier's counters so far.
    fn counters(&self) -> CarrierCounters;
}
