//! A channel on which only the newest message counts.

/// The newest message that was received on a sequenced channel.
#[derive(Debug)]
pub(super) struct Sequenced {
    /// The id after the newest received.
    next: u64,
}

impl Sequenced {
    pub(super) const fn new(first: u64) -> Self {
        Self { next: first }
    }

    /// The lowest id that is new.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the message `id`, which is new.
    pub(super) fn take(&mut self, id: u64) {
        self.next = self.next.max(id.saturating_add(1));
    }
}
