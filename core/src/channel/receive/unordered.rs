//! A reliable channel whose messages reach the application as they come.

use alloc::collections::VecDeque;

/// What was received of an unordered channel.
#[derive(Debug)]
pub(super) struct Unordered {
    /// Everything below was received.
    pub(super) floor: u64,
    /// Which ones were received from the floor on; the first never was.
    received: VecDeque<bool>,
}

impl Unordered {
    pub(super) const fn new(floor: u64) -> Self {
        Self { floor, received: VecDeque::new() }
    }

    /// Whether the message `ahead` of the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        self.received.get(ahead).copied().unwrap_or(false)
    }

    /// Notes the message `ahead` of the floor as received.
    pub(super) fn take(&mut self, ahead: usize) {
        if self.received.len() <= ahead {
            self.received.resize(ahead + 1, false);
        }
        if let Some(place) = self.received.get_mut(ahead) {
            *place = true;
        }
        while self.received.front() == Some(&true) {
            self.received.pop_front();
            self.floor += 1;
        }
    }

    /// How far above the floor messages were received.
    pub(super) fn span(&self) -> usize {
        self.received.len()
    }
}
