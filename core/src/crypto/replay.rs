//! A window of received packet numbers, which rejects a packet that arrives twice.

use bitvec::BitArr;
use bitvec::array::BitArray;

use crate::limits;
use crate::planted::{self, Bug};

const WIDTH: usize = limits::REPLAY_WINDOW as usize;
const WORD: usize = u32::BITS as usize;

/// A sliding window over the received packet numbers. Numbers below the window count as received.
///
/// The window is a ring: the index of a packet number's bit is the number modulo the width. The words have 32 bits,
/// because bitvec supports no wider words on 32-bit targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplayWindow {
    highest: Option<u64>,
    received: BitArr!(for WIDTH, in u32),
}

impl ReplayWindow {
    /// Creates an empty window.
    pub(crate) fn new() -> Self {
        Self { highest: None, received: BitArray::ZERO }
    }

    /// Returns `true` if `packet_number` is inside or above the window and was not inserted. The call changes nothing,
    /// because the packet is not authenticated yet.
    pub(crate) fn check(&self, packet_number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        match highest.checked_sub(packet_number) {
            None => true,
            Some(age) if age >= limits::REPLAY_WINDOW => false,
            Some(0) if planted::is_planted(Bug::ReplayWindowOffByOne) => true,
            Some(_) => {
                let (word, bit) = place(packet_number);
                self.received.as_raw_slice().get(word).is_some_and(|word| word & bit == 0)
            }
        }
    }

    /// Marks the number of an authentic packet as received.
    pub(crate) fn insert(&mut self, packet_number: u64) {
        match self.highest {
            Some(highest) if highest >= packet_number => {
                if highest - packet_number >= limits::REPLAY_WINDOW {
                    return;
                }
            }
            previous => self.advance(previous, packet_number),
        }
        let (word, bit) = place(packet_number);
        if let Some(word) = self.received.as_raw_mut_slice().get_mut(word) {
            *word |= bit;
        }
    }

    /// Moves the window up, so that `highest` is its last number, and clears the bits of the numbers that left the
    /// window.
    fn advance(&mut self, previous: Option<u64>, highest: u64) {
        self.highest = Some(highest);
        let Some(previous) = previous else { return };
        if highest - previous == 1 {
            // The bit that leaves the window has the place of the one that enters.
            return;
        }
        if highest - previous >= limits::REPLAY_WINDOW {
            self.received = BitArray::ZERO;
            return;
        }
        let first = ((previous % limits::REPLAY_WINDOW) as usize + 1) % WIDTH;
        let end = (highest % limits::REPLAY_WINDOW) as usize + 1;
        if first < end {
            self.clear(first, end);
        } else {
            self.clear(first, WIDTH);
            self.clear(0, end);
        }
    }

    /// Clears the bits from `first` up to, but not including, `end`, a word at a time.
    fn clear(&mut self, first: usize, end: usize) {
        let words = self.received.as_raw_mut_slice().iter_mut().enumerate();
        for (index, word) in words.take(end.div_ceil(WORD)).skip(first / WORD) {
            let start = index * WORD;
            let from = first.saturating_sub(start);
            let kept_above = (start + WORD).saturating_sub(end);
            *word &= !((u32::MAX << from) & (u32::MAX >> kept_above));
        }
    }
}

/// Returns the index of the word with the bit of `packet_number`, and the index of the bit inside this word.
const fn place(packet_number: u64) -> (usize, u32) {
    let index = (packet_number % limits::REPLAY_WINDOW) as usize;
    (index / WORD, 1 << (index % WORD))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use quickcheck::{TestResult, quickcheck};

    use super::*;

    /// A model of the window: the set of all numbers ever received.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn check(&self, packet_number: u64) -> bool {
            let below = self.0.last().and_then(|highest| highest.checked_sub(limits::REPLAY_WINDOW));
            below.is_none_or(|below| packet_number > below) && !self.0.contains(&packet_number)
        }
    }

    /// Returns `true` if window and model agree around every number of a walk that starts at `start`.
    fn agrees(start: u64, steps: &[i16]) -> bool {
        let (mut window, mut model) = (ReplayWindow::new(), Model::default());
        let mut highest = start;
        steps.iter().all(|&step| {
            let packet_number = highest.saturating_add_signed(i64::from(step) % 2200);
            highest = highest.max(packet_number);
            let probes = [0, 1, 63, 64, 65, 1022, 1023, 1024, 1025, 5000];
            let same = probes
                .iter()
                .flat_map(|&away| [packet_number.saturating_sub(away), packet_number.saturating_add(away)]);
            let agreed = same.clone().all(|probe| window.check(probe) == model.check(probe));
            if model.check(packet_number) {
                model.0.insert(packet_number);
            }
            window.insert(packet_number);
            agreed && same.clone().all(|probe| window.check(probe) == model.check(probe))
        })
    }

    #[test]
    fn the_replay_window_accepts_exactly_the_numbers_that_a_reference_set_accepts() {
        fn the_window_agrees_with_a_set(start: u64, steps: Vec<i16>) -> bool {
            [start, 0, u64::MAX, u64::MAX - 1500, start % 3000].iter().all(|&start| agrees(start, &steps))
        }
        quickcheck(the_window_agrees_with_a_set as fn(u64, Vec<i16>) -> bool);
    }

    #[test]
    fn the_replay_window_accepts_every_number_of_a_shuffled_window_once() {
        fn each_number_is_taken_once(base: u64, stride: u16) -> TestResult {
            if stride.is_multiple_of(2) || base > u64::MAX - 1024 {
                return TestResult::discard();
            }
            // An odd stride visits every number below a power of two.
            let order = || (0..1024).map(|step| base + step * u64::from(stride) % 1024);
            let mut window = ReplayWindow::new();
            let fresh = order().all(|number| {
                let fresh = window.check(number);
                window.insert(number);
                fresh && !window.check(number)
            });
            TestResult::from_bool(fresh && order().all(|number| !window.check(number)))
        }
        quickcheck(each_number_is_taken_once as fn(u64, u16) -> TestResult);
    }

    #[test]
    fn after_a_jump_of_any_size_only_new_numbers_within_the_replay_window_are_accepted() {
        for jump in (0..2100).chain([1 << 20, u64::MAX - 3000]) {
            let mut window = ReplayWindow::new();
            (1000..=2047).for_each(|number| window.insert(number));
            window.insert(2047 + jump);
            for number in 1000..=2047 {
                assert!(!window.check(number), "{number} after a jump of {jump}");
            }
            for number in 2048..(2047 + jump).min(5000) {
                let inside = number + 1024 > 2047 + jump;
                assert_eq!(window.check(number), inside, "{number} after a jump of {jump}");
            }
        }
    }

    #[test]
    fn the_replay_window_accepts_the_largest_packet_number_once() {
        let mut window = ReplayWindow::new();
        window.insert(0);
        assert!(window.check(u64::MAX));
        window.insert(u64::MAX);
        assert!(!window.check(u64::MAX) && !window.check(0) && window.check(u64::MAX - 1023));
        assert!(!window.check(u64::MAX - 1024));
    }
}
