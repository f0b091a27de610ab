//! Counters of a connection's replicated worlds.

use super::receiver::ReceiverCounts;
use super::sender::SenderCounts;

/// The counters of the world that the endpoint sends to a connection, and of the world that the connection receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WorldStats {
    /// The number of snapshot frames sent.
    pub frames_sent: u64,
    /// The number of units in the snapshot frames sent.
    pub units_sent: u64,
    /// The number of bytes in the snapshot frames sent, without packet headers.
    pub bytes_sent: u64,
    /// The number of times that a unit was coded against its blueprint although the peer had acknowledged a version of the
    /// unit.
    pub restarts: u64,
    /// The number of entities that the connection should see, but that its view lacks in whole or in part, because a
    /// view has at most [`limits::VIEW_UNITS`](crate::limits::VIEW_UNITS) units. They enter the view when other
    /// entities leave it. Use views by distance, or fewer groups of components.
    pub entities_left_out: usize,
    /// `true` if the peer has acknowledged the newest state of all units in its view.
    pub is_settled: bool,
    /// The newest tick received, or `None` before the first snapshot frame.
    pub tick_received: Option<u32>,
    /// The number of snapshot frames received and stored.
    pub frames_stored: u64,
    /// The number of received snapshot frames that could not be decoded, because a newer frame arrived earlier and made
    /// the receiver drop a version to which they refer.
    pub frames_stale: u64,
    /// The number of received snapshot frames that were invalid.
    pub frames_refused: u64,
}

impl WorldStats {
    pub(crate) fn new(sent: SenderCounts, received: ReceiverCounts) -> Self {
        Self {
            frames_sent: sent.frames,
            units_sent: sent.units,
            bytes_sent: sent.bytes,
            restarts: sent.restarts,
            frames_stored: received.stored,
            frames_stale: received.stale,
            frames_refused: received.refused,
            ..Self::default()
        }
    }
}
