//! A reliable channel whose messages reach the application in order.

use alloc::collections::VecDeque;

use crate::channel::parts::Complete;

/// Messages whose places are kept for reuse.
const PLACES_KEPT: usize = 128;

/// What was received of an ordered channel.
#[derive(Debug)]
pub(super) struct Ordered {
    /// Everything below was received.
    pub(super) floor: u64,
    /// What was received above the floor, lowest first. There is no place for what was not: of a window of messages
    /// somebody may send the last one only, on every channel.
    held: VecDeque<Held>,
}

/// A message that waits for earlier ones.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: Complete,
    /// The low bits of its id.
    id: u32,
    charge: u32,
}

impl Ordered {
    pub(super) const fn new(floor: u64) -> Self {
        Self { floor, held: VecDeque::new() }
    }

    /// Whether the message `ahead` of the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        self.place(ahead).is_ok()
    }

    /// Keeps the message `ahead` of the floor, which is not the one at the floor and was not received before.
    pub(super) fn hold(&mut self, ahead: usize, message: Complete, charge: u64) {
        let Err(place) = self.place(ahead) else { return };
        let id = (self.floor as u32).wrapping_add(ahead as u32);
        // No message is so large that its charge does not fit.
        let charge = u32::try_from(charge).unwrap_or(u32::MAX);
        self.held.insert(place, Held { message, id, charge });
    }

    /// The message at the floor is there.
    pub(super) fn advance(&mut self) {
        self.floor += 1;
    }

    /// The message at the floor, if it was kept, and what it was charged.
    pub(super) fn next(&mut self) -> Option<(Complete, u64)> {
        let floor = self.floor as u32;
        let Some(held) = self.held.pop_front_if(|held| held.id == floor) else {
            let most = PLACES_KEPT.max(self.held.len() * 2);
            if self.held.capacity() / 2 > most {
                self.held.shrink_to(most);
            }
            return None;
        };
        self.advance();
        Some((held.message, held.charge.into()))
    }

    /// Gives unused memory back.
    pub(super) fn rest(&mut self) {
        self.held.shrink_to_fit();
    }

    /// How far above the floor messages were received.
    pub(super) fn span(&self) -> usize {
        self.held.back().map_or(0, |held| self.ahead(held) + 1)
    }

    /// What waits.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// How far above the floor a message is.
    fn ahead(&self, held: &Held) -> usize {
        held.id.wrapping_sub(self.floor as u32) as usize
    }

    fn place(&self, ahead: usize) -> Result<usize, usize> {
        // Most messages come next after all others, or are told to be new by that.
        match self.held.back() {
            Some(last) if ahead > self.ahead(last) => Err(self.held.len()),
            _ => self.held.binary_search_by_key(&ahead, |held| self.ahead(held)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_waits_takes_no_more_than_half_of_what_it_is_charged_beside_its_page() {
        assert_eq!(size_of::<Held>(), 32);
    }
}
