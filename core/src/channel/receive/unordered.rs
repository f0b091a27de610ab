//! A reliable channel that delivers each message to the application as soon as the message is complete.

use alloc::collections::VecDeque;

const BITS: usize = u64::BITS as usize;

/// The messages received on an unordered channel.
#[derive(Debug)]
pub(super) struct Unordered {
    /// The lowest message id not received. All messages with lower ids were received.
    pub(super) floor: u64,
    /// The number of messages below the floor whose bits are still in the first word.
    passed: usize,
    /// The received messages, one bit for each. The first bits belong to the `passed` messages below the floor, and
    /// the next bit to the floor.
    received: VecDeque<u64>,
}

impl Unordered {
    pub(super) const fn new(floor: u64) -> Self {
        Self { floor, passed: 0, received: VecDeque::new() }
    }

    /// Returns whether the message `ahead` ids above the floor was received.
    pub(super) fn has(&self, ahead: usize) -> bool {
        let (word, bit) = self.place(ahead);
        self.received.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Records that the message `ahead` ids above the floor was received.
    pub(super) fn take(&mut self, ahead: usize) {
        if ahead == 0 && self.received.is_empty() {
            // Nothing is missing, nearly always.
            self.floor += 1;
            return;
        }
        let (word, bit) = self.place(ahead);
        if self.received.len() <= word {
            self.received.resize(word + 1, 0);
        }
        if let Some(word) = self.received.get_mut(word) {
            *word |= bit;
        }
        self.advance();
    }

    /// Releases unused memory.
    pub(super) fn rest(&mut self) {
        self.received.shrink_to_fit();
    }

    /// Returns the distance from the floor to the id after the highest message received, or 0 if no message above the
    /// floor was received.
    pub(super) fn span(&self) -> usize {
        let Some(last) = self.received.back() else { return 0 };
        self.received.len() * BITS - last.leading_zeros() as usize - self.passed
    }

    /// Raises the floor to the lowest message id not received.
    fn advance(&mut self) {
        while let Some(first) = self.received.front() {
            let in_a_row = first.trailing_ones() as usize;
            self.floor += (in_a_row - self.passed) as u64;
            self.passed = in_a_row;
            if in_a_row < BITS {
                break;
            }
            self.received.pop_front();
            self.passed = 0;
        }
        if self.received.len() == 1 && self.span() == 0 {
            self.received.clear();
            self.passed = 0;
        }
    }

    /// Returns the index of the word, and the mask of the bit, of the message `ahead` ids above the floor.
    const fn place(&self, ahead: usize) -> (usize, u64) {
        let place = self.passed + ahead;
        (place / BITS, 1 << (place % BITS))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn the_unordered_receiver_matches_a_btree_set_of_the_received_message_ids(script: Vec<u8>) -> bool {
            let (mut unordered, mut model, mut floor) = (Unordered::new(5), BTreeSet::new(), 5);
            script.into_iter().all(|ahead| {
                let ahead = usize::from(ahead) % 200;
                let known = model.contains(&(floor + ahead as u64));
                let agrees = unordered.has(ahead) == known;
                unordered.take(ahead);
                model.insert(floor + ahead as u64);
                while model.remove(&floor) {
                    floor += 1;
                }
                let span = model.last().map_or(0, |last| (last + 1 - floor) as usize);
                let has = (0..250).all(|ahead| unordered.has(ahead) == model.contains(&(floor + ahead as u64)));
                agrees && has && unordered.floor == floor && unordered.span() == span
            })
        }
    }
}
