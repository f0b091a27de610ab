//! The memory account of data that is not yet available to the application, and the receiver's decision on a frame.

use crate::channel::arena::Arena;
use crate::channel::room::Account;

/// The data of a connection that the application cannot have yet, and the memory that it is held in.
#[derive(Debug)]
pub(super) struct Holding<'a> {
    pub(super) account: &'a mut Account,
    pub(super) arena: &'a mut Arena,
}

/// The receiver's verdict on a frame. The packet of a refused frame is not acknowledged, so the peer sends it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Receipt {
    /// It was new.
    Taken,
    /// It was received before.
    Duplicate,
    /// A newer message was received before it.
    Stale,
    /// There is no room: its packet must not be acknowledged.
    Refused,
}
