//! The earliest deadline of all connections, in a heap that records the position of each connection. Changing a deadline
//! costs O(log n), and reading the earliest deadline costs O(1). Neither allocates in steady state.
//!
//! Each packet makes its connection's deadlines a little later. The heap ignores such small changes, so its deadline
//! for a connection may be early by at most [`LEFT`]. When the deadline has passed, the endpoint gets the connection's
//! current deadline.

use alloc::vec::Vec;

use slotmap::SecondaryMap;

use crate::event::ConnectionId;
use crate::time::{Instant, Span};

/// The number of children of a node in the heap. If all connections send in turn, each deadline moves from the top to the
/// bottom. With four children, the path is half as long as with two.
const CHILDREN: usize = 4;
/// A deadline that moves later by at most this time stays in place. An idle connection moves its deadlines by seconds, so
/// it is woken no more often for that.
const LEFT: Span = Span::from_millis(50);

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    connection: ConnectionId,
}

impl Deadline {
    /// Returns the sort key. Equal deadlines are sorted by connection, so that the order depends only on the input.
    fn key(&self) -> (Instant, ConnectionId) {
        (self.at, self.connection)
    }
}

/// The deadlines of all connections.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: Vec<Deadline>,
    places: SecondaryMap<ConnectionId, usize>,
}

impl Deadlines {
    /// Returns the earliest deadline, or a time that is earlier by up to [`LEFT`].
    pub(super) fn first(&self) -> Option<(Instant, ConnectionId)> {
        self.heap.first().map(Deadline::key)
    }

    /// Sets the deadline of a connection. [`Instant::MAX`] removes the deadline. If the deadline `may_lag`, it may stay up
    /// to [`LEFT`] too early, unless it is due at `now`: a caller that repeats its query would never reach the next
    /// deadline.
    pub(super) fn set(&mut self, now: Instant, connection: ConnectionId, at: Instant, may_lag: bool) {
        if at == Instant::MAX {
            self.remove(connection);
            return;
        }
        match self.places.get(connection).copied() {
            Some(place) => {
                let Some(known) = self.heap.get_mut(place) else { return };
                if may_lag && at >= known.at && known.at > now && at.since(known.at) <= LEFT {
                    return;
                }
                if core::mem::replace(&mut known.at, at) != at && self.heap.len() > 1 {
                    self.sift(place);
                }
            }
            None => {
                self.heap.push(Deadline { at, connection });
                self.places.insert(connection, self.heap.len() - 1);
                self.sift(self.heap.len() - 1);
            }
        }
    }

    /// Removes a connection.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        let Some(place) = self.places.remove(connection) else { return };
        self.heap.swap_remove(place);
        if let Some(moved) = self.heap.get(place) {
            self.places.insert(moved.connection, place);
            self.sift(place);
        }
    }

    /// Moves the deadline at `place` to its position in the heap. The deadlines on the way move by one level, and the moved
    /// deadline is written once.
    fn sift(&mut self, place: usize) {
        let Some(&moved) = self.heap.get(place) else { return };
        let mut hole = place;
        while let Some(parent) = hole.checked_sub(1).map(|before| before / CHILDREN)
            && let Some(&above) = self.heap.get(parent)
            && moved.key() < above.key()
        {
            self.put(hole, above);
            hole = parent;
        }
        while let Some((child, below)) = self.least_child(hole)
            && below.key() < moved.key()
        {
            self.put(hole, below);
            hole = child;
        }
        if hole != place {
            self.put(hole, moved);
        }
    }

    fn least_child(&self, parent: usize) -> Option<(usize, Deadline)> {
        let first = parent * CHILDREN + 1;
        let (first_child, others) = self.heap.get(first..)?.split_first()?;
        let mut least = (first, *first_child);
        for (place, deadline) in (first + 1..).zip(others.iter().take(CHILDREN - 1)) {
            if deadline.key() < least.1.key() {
                least = (place, *deadline);
            }
        }
        Some(least)
    }

    fn put(&mut self, place: usize, deadline: Deadline) {
        if let (Some(slot), Some(known)) =
            (self.heap.get_mut(place), self.places.get_mut(deadline.connection))
        {
            (*slot, *known) = (deadline, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use quickcheck::quickcheck;
    use slotmap::SlotMap;

    use super::*;

    quickcheck! {
        fn the_first_deadline_is_never_late_and_at_most_50_ms_early(
            script: Vec<(u8, Option<u16>)>,
            now: u16
        ) -> bool {
            let now = Instant::ZERO + Span::from_millis(now.into());
            let mut slots: SlotMap<ConnectionId, ()> = SlotMap::with_key();
            let keys: Vec<_> = (0..256).map(|_| slots.insert(())).collect();
            let mut model = BTreeMap::new();
            let mut deadlines = Deadlines::default();
            script.into_iter().all(|(who, when)| {
                let key = keys[usize::from(who)];
                match when {
                    Some(when) => {
                        let at = Instant::ZERO + Span::from_millis(when.into());
                        deadlines.set(now, key, at, true);
                        model.insert(key, at);
                    }
                    None => {
                        deadlines.remove(key);
                        model.remove(&key);
                    }
                }
                let least = model.values().min().copied();
                // The test asks again for each expired deadline, as the endpoint does.
                while let Some((at, key)) = deadlines.first().filter(|(at, key)| *at <= now && model[key] > now) {
                    deadlines.set(now, key, model[&key], true);
                    if deadlines.first().is_some_and(|(again, other)| other == key && again == at) {
                        return false;
                    }
                }
                let first = deadlines.first().map(|(at, _)| at);
                first.is_some() == least.is_some()
                    && first.zip(least).is_none_or(|(first, least)| {
                        first <= least && (least <= now || first > now) && least.since(first) <= LEFT
                    })
            })
        }
    }
}
