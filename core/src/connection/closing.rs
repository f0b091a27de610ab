//! The state of a connection that is closing, or that will close after its messages are delivered.

use alloc::string::String;

use crate::event::CloseReason;
use crate::time::{Instant, Span};

/// The number of CLOSE packets that a closing connection sends before the endpoint drops it.
pub(super) const CLOSE_TRIES: u8 = 5;
/// The longest time between two CLOSE packets. A peer that pretends to have a long RTT must not keep its place for
/// longer.
pub(super) const CLOSE_PATIENCE: Span = Span::from_secs(1);
/// The time for which an end that received a CLOSE answers further copies. All copies of its peer arrive in this time,
/// if the network delays all of them equally.
pub(super) const CLOSE_ANSWERED_FOR: Span = Span::from_secs(5);

/// The state of a CLOSE that this end sends.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) is_due: bool,
    pub(super) tries: u8,
    /// The time at which this end repeats the CLOSE or stops repeating it, or [`Instant::MAX`] until the endpoint sets
    /// the time.
    pub(super) again_at: Instant,
    /// The number of the first packet that contains the CLOSE. An ACK of this packet or a later one proves that the
    /// peer received the CLOSE.
    pub(super) first: u64,
    /// `true` if the peer's CLOSE arrived. This end then sends its own CLOSE once for each CLOSE that it receives, and
    /// not otherwise.
    pub(super) is_heard: bool,
    /// The reason for `Closed`, while the peer can still confirm messages with its CLOSE.
    pub(super) untold: Option<CloseReason>,
}

/// A requested close that waits until the reliable messages are delivered.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) deadline: Instant,
}
