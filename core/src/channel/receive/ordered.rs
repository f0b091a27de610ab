//! A reliable channel whose messages reach the application in order.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::channel::parts::Parts;

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
    pub(super) message: Box<Parts>,
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

    /// Keeps the message `ahead` of the floor, which is not the one at the floor and was not received before.
    pub(super) fn hold(&mut self, ahead: usize, message: Held) {
        if self.held.len() <= ahead {
            self.held.resize_with(ahead + 1, || None);
        }
        if let Some(place) = self.held.get_mut(ahead) {
            *place = Some(message);
        }
    }

    /// The message at the floor is there.
    pub(super) fn advance(&mut self) {
        self.held.pop_front();
        self.floor += 1;
    }

    /// The message at the floor, if it was kept.
    pub(super) fn next(&mut self) -> Option<Held> {
        let held = self.held.front_mut().and_then(Option::take)?;
        self.advance();
        Some(held)
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
