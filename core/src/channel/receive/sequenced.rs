//! A channel on which an arriving message makes all older messages stale.

/// The receive state of a sequenced channel.
#[derive(Debug)]
pub(super) struct Sequenced {
    /// The id after the newest message received.
    next: u64,
}

impl Sequenced {
    pub(super) const fn new(first: u64) -> Self {
        Self { next: first }
    }

    /// Returns the lowest id that is newer than every received message.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Records that the message `id`, which is newer than all earlier messages, was received.
    pub(super) fn take(&mut self, id: u64) {
        self.next = self.next.max(id.saturating_add(1));
    }
}
