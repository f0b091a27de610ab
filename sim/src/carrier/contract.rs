//! The interface of every carrier.

use tickwire_core::address::LinkProperties;
use tickwire_core::time::Instant;

/// The state of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CarrierState {
    /// The far end has not answered yet.
    Opening,
    /// Datagrams may be written.
    Open,
    /// Nothing goes through any more.
    Broken,
}

/// Which end of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// It began.
    Dialler,
    /// It answered.
    Listener,
}

/// Counters of a carrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CarrierCounters {
    /// Segments that left more than once.
    pub resent: u64,
    /// Datagrams that it had taken and did not send.
    pub dropped: u64,
    /// Bytes that it held at most.
    pub held_most: u64,
}

/// One end of a connection that carries datagrams: sans-IO, over segments that may be lost, doubled, reordered and damaged.
pub trait Carrier: Sized {
    /// How it is set up.
    type Config: Clone;

    /// One end of connection number `connection`.
    fn new(config: &Self::Config, side: Side, connection: u64, now: Instant) -> Self;

    /// The link properties that it promises.
    fn properties(&self) -> LinkProperties;

    /// The state that it is in.
    fn state(&self) -> CarrierState;

    /// Bytes that it takes now; `None` is no limit.
    fn credit(&self) -> Option<u64>;

    /// Takes a datagram. One beyond the credit may be dropped, or breaks the carrier where it promised reliability.
    fn send(&mut self, datagram: &[u8]);

    /// A segment of its connection came from the far end.
    fn handle_segment(&mut self, now: Instant, bytes: &[u8]);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// The next segment for the far end.
    fn poll_segment(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// The next datagram from the far end.
    fn poll_datagram(&mut self) -> Option<Vec<u8>>;

    /// Whether it dropped something since it was asked last, and would tell.
    fn take_loss(&mut self) -> bool;

    /// When [`Carrier::handle_timeout`] is due, or a segment can be polled; [`Instant::MAX`] for never.
    fn poll_timeout(&self) -> Instant;

    /// The counters so far.
    fn counters(&self) -> CarrierCounters;
}
