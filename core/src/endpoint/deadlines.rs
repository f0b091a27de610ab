//! The earliest deadline of all connections: a binary heap that knows where each connection is, so that moving a
//! deadline costs O(log n), looking at the earliest O(1), and neither allocates in steady state.

use alloc::vec::Vec;

use slotmap::SecondaryMap;

use crate::event::ConnectionId;
use crate::time::Instant;

#[derive(Clone, Copy, Debug)]
struct Deadline {
    at: Instant,
    connection: ConnectionId,
}

impl Deadline {
    /// Ties are broken by connection, so that the order depends on nothing but the input.
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
    /// The earliest deadline.
    pub(super) fn first(&self) -> Option<(Instant, ConnectionId)> {
        self.heap.first().map(Deadline::key)
    }

    /// Sets a connection's deadline; [`Instant::MAX`] is none.
    pub(super) fn set(&mut self, connection: ConnectionId, at: Instant) {
        if at == Instant::MAX {
            self.remove(connection);
            return;
        }
        match self.places.get(connection).copied() {
            Some(place) => {
                let Some(known) = self.heap.get_mut(place) else { return };
                if core::mem::replace(&mut known.at, at) != at {
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

    /// Forgets a connection.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        let Some(place) = self.places.remove(connection) else { return };
        self.heap.swap_remove(place);
        if let Some(moved) = self.heap.get(place) {
            self.places.insert(moved.connection, place);
            self.sift(place);
        }
    }

    fn sift(&mut self, mut place: usize) {
        while place > 0 && self.key(place) < self.key((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let child =
                if right < self.heap.len() && self.key(right) < self.key(left) { right } else { left };
            if child >= self.heap.len() || self.key(place) <= self.key(child) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn key(&self, place: usize) -> Option<(Instant, ConnectionId)> {
        self.heap.get(place).map(Deadline::key)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for place in [a, b] {
            if let Some(deadline) = self.heap.get(place) {
                self.places.insert(deadline.connection, place);
            }
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
        fn the_first_deadline_is_always_the_least(script: Vec<(u8, Option<u16>)>) -> bool {
            let mut slots: SlotMap<ConnectionId, ()> = SlotMap::with_key();
            let keys: Vec<_> = (0..256).map(|_| slots.insert(())).collect();
            let mut model = BTreeMap::new();
            let mut deadlines = Deadlines::default();
            script.into_iter().all(|(who, when)| {
                let key = keys[usize::from(who)];
                match when {
                    Some(when) => {
                        let at = Instant::saturating_from_micros(u64::from(when));
                        deadlines.set(key, at);
                        model.insert(key, at);
                    }
                    None => {
                        deadlines.remove(key);
                        model.remove(&key);
                    }
                }
                let least = model.iter().map(|(key, at)| (*at, *key)).min();
                deadlines.first() == least
            })
        }
    }
}
