//! The parts of a connection and of its endpoint that are needed to write a snapshot frame.

use super::congestion::bytes_in;
use crate::snapshot::worlds::Worlds;
use crate::time::Span;

/// The parts of an endpoint and a transport that are needed to write a snapshot frame.
pub(crate) struct WorldTurn<'a> {
    pub(crate) worlds: &'a mut Worlds,
    /// The rate that the path carries, in bytes per second.
    pub(crate) rate: u64,
    /// The congestion window in bytes, and the part of it that is not in flight.
    pub(crate) window: u64,
    pub(crate) window_left: u64,
    /// The recently measured delivery rate, in bytes per second.
    pub(crate) delivered: u64,
    pub(crate) smoothed_rtt: Span,
    pub(crate) least_rtt: Span,
}

impl WorldTurn<'_> {
    /// Returns the number of bytes that a world may have in flight if it is committed every `interval`.
    ///
    /// A world replaces what it sends with every commit, so it need not fill a queue: a unit that waits in the game is newer than one
    /// that waits in a router. Where the RTT shows a queue, the world may have in flight what the path delivers in the least RTT and
    /// one interval. It keeps a third of the window, because jitter can look like a queue.
    pub(super) fn flight_most(&self, interval: Span) -> u64 {
        if self.least_rtt == Span::ZERO || self.smoothed_rtt <= self.least_rtt + interval / 4 {
            return u64::MAX;
        }
        bytes_in(self.delivered, (self.least_rtt + interval).as_micros()).max(self.window / 3)
    }
}
