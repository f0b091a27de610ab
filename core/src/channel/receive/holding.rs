//! The memory account of data that is not yet available to the application, and the receiver's decision on a frame.

use crate::channel::arena::Arena;
use crate::channel::room::Account;

/// The account of the data that a connection holds for incomplete and early messages, and the arena that stores the
/// data.
#[derive(Debug)]
pub(super) struct Holding<'a> {
    pub(super) account: &'a mut Account,
    pub(super) arena: &'a mut Arena,
}

/// The result of processing a frame. The packet of a refused frame is not acknowledged, so the peer sends the frame
/// again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Receipt {
    /// The frame was accepted.
    Taken,
    /// The message was received before.
    Duplicate,
    /// A newer message of the sequenced channel was received before this message.
    Stale,
    /// The receiver has no memory for the frame. The packet must not be acknowledged.
    Refused,
}
