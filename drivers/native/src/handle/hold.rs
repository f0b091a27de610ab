//! A guard that holds messages, so that they are sent together.

use std::sync::Arc;
use std::thread::ThreadId;

use crate::shared::Shared;

/// A guard that holds the messages of one thread until the guard is dropped. The messages are then sent together.
/// See [`crate::Handle::hold`].
#[must_use = "it holds until it is dropped"]
pub struct Hold {
    shared: Arc<Shared>,
    /// The thread whose messages the guard holds.
    thread: ThreadId,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold(..)")
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.commands.release(self.thread);
    }
}

impl Hold {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let thread = shared.commands.hold();
        Self { shared, thread }
    }
}
