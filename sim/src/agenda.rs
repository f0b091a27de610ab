//! Planned actions: a heap ordered by time, then by the order of planning, so that every run is the same.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use tickwire_core::time::Instant;

/// Planned actions in the order in which they are due.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    heap: BinaryHeap<Reverse<Scheduled<T>>>,
    planned: u64,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), planned: 0 }
    }

    /// Plans `what` for the time `at`. Actions that were planned earlier for the same time come first.
    pub(crate) fn plan(&mut self, at: Instant, what: T) {
        self.heap.push(Reverse(Scheduled { at, order: self.planned, what }));
        self.planned += 1;
    }

    /// Takes the next entry that is due at `until` or earlier.
    pub(crate) fn next_until(&mut self, until: Instant) -> Option<(Instant, T)> {
        if self.heap.peek()?.0.at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.what))
    }
}

#[derive(Debug)]
struct Scheduled<T> {
    at: Instant,
    order: u64,
    what: T,
}

impl<T> Ord for Scheduled<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> PartialOrd for Scheduled<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Scheduled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Scheduled<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agenda_entries_are_ordered_by_time_and_then_by_insertion() {
        let mut agenda = Agenda::new();
        for (micros, name) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (9, 'e')] {
            agenda.plan(Instant::saturating_from_micros(micros), name);
        }
        let until = Instant::saturating_from_micros(5);
        let order: String = core::iter::from_fn(|| agenda.next_until(until)).map(|(_, name)| name).collect();
        assert_eq!(order, "bdac");
    }
}
