//! State of a connection that is closing, or that will close after its messages are delivered.

use alloc::string::String;

use crate::event::CloseReason;
use crate::time::{Instant, Span};

/// CLOSE packets sent before a closing connection is forgotten.
pub(super) const CLOSE_TRIES: u8 = 5;
/// The longest between two of them. A peer that feigned a long round trip must not hold its place for that.
pub(super) const CLOSE_PATIENCE: Span = Span::from_secs(1);
/// How long an end that heard a CLOSE answers copies of it: all that its peer sends, if the network delays them alike.
pub(super) const CLOSE_ANSWERED_FOR: Span = Span::from_secs(5);

/// A CLOSE on its way.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) is_due: bool,
    pub(super) tries: u8,
    /// When it is repeated, or given up; [`Instant::MAX`] before the endpoint looks.
    pub(super) again_at: Instant,
    /// The number of the first packet that holds it. An ACK of this one or a later one shows that the peer heard it.
    pub(super) first: u64,
    /// The peer's CLOSE came. This end sends its own once for each CLOSE that it hears, and no more unasked.
    pub(super) is_heard: bool,
    /// The reason that `Closed` names, while the peer may still confirm messages: its CLOSE acknowledges what it has.
    pub(super) untold: Option<CloseReason>,
}

/// A close that waits for reliable data to be delivered.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) text: String,
    pub(super) deadline: Instant,
}
