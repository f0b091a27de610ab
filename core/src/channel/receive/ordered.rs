//! A reliable channel whose messages reach the application in order.

use alloc::collections::VecDeque;

use bytes::Bytes;

/// What was received of an ordered channel.
#[derive(Debug)]
pub(super) struct Ordered {
    /// Everything below was received.
    pub(super) floor: u64,
    /// What was received from the floor on; the first place is always free.
    held: VecDeque<Option<Held>>,
}

/// A message that waits for earlier ones.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: Bytes,
    pub(super) charge: u64,
}

impl Ordered {
    pub(super) const fn new(floor: u64) -> Self {
        Self { floor, held: VecDeque::new() }
    }

    /// Whether the message `ahead` of the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        self.held.get(ahead).is_some_and(Option::is_some)
    }

    /// Takes the message `ahead` of the floor, which was not received before, and passes on what is now in order.
    pub(super) fn take(&mut self, ahead: usize, message: Held, mut ready: impl FnMut(Held)) {
        if self.held.len() <= ahead {
            self.held.resize_with(ahead + 1, || None);
        }
        if let Some(place) = self.held.get_mut(ahead) {
            *place = Some(message);
        }
        while let Some(front) = self.held.front_mut().and_then(Option::take) {
            self.held.pop_front();
            self.floor += 1;
            ready(front);
        }
    }

    /// How far above the floor messages were received.
    pub(super) fn span(&self) -> usize {
        self.held.len()
    }

    /// Bytes of what waits.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().flatten()
    }
}
