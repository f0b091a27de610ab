//! What holds data that the application cannot have yet, and what became of a frame.

use crate::channel::arena::Arena;
use crate::channel::room::Account;

/// The data of a connection that the application cannot have yet, and the memory that it is held in.
#[derive(Debug)]
pub(super) struct Holding<'a> {
    pub(super) account: &'a mut Account,
    pub(super) arena: &'a mut Arena,
}

/// What became of a frame. All but the last may be acknowledged.
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
