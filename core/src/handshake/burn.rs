//! Tickets that let somebody in already.

use alloc::collections::BTreeSet;

use crate::limits;

/// Ticket ids until their tickets expire. It refuses when it is full; it never evicts, for what it forgot could be used
/// again.
pub(crate) struct BurnTable {
    /// Ordered by expiry, so that those that expired are first.
    burnt: BTreeSet<(u64, [u8; 16])>,
    capacity: usize,
    /// The latest wall time seen: what was forgotten stays expired, even if the wall clock is set back.
    wall: u64,
}

impl BurnTable {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { burnt: BTreeSet::new(), capacity, wall: 0 }
    }

    /// Forgets some of the tickets that expired, and says what the wall time is: never less than before.
    pub(crate) fn advance(&mut self, wall_now: u64) -> u64 {
        self.wall = self.wall.max(wall_now);
        for _ in 0..limits::TIMERS_PER_CALL {
            match self.burnt.first() {
                Some((expiry, _)) if *expiry <= self.wall => self.burnt.pop_first(),
                _ => break,
            };
        }
        self.wall
    }

    pub(crate) fn contains(&self, id: &[u8; 16], expiry: u64) -> bool {
        self.burnt.contains(&(expiry, *id))
    }

    /// How many more tickets it takes.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.burnt.len())
    }

    /// Burns a ticket; false, and nothing burnt, if it was burnt before or there is no room.
    #[must_use]
    pub(crate) fn burn(&mut self, id: [u8; 16], expiry: u64) -> bool {
        self.room() > 0 && self.burnt.insert((expiry, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_refuses_and_forgets_nothing_before_its_expiry() {
        let mut table = BurnTable::new(2);
        assert!(table.burn([1; 16], 10));
        assert!(table.burn([2; 16], 20));
        assert!(!table.burn([3; 16], 30));
        assert_eq!(table.advance(9), 9);
        assert!(!table.burn([3; 16], 30));
        assert!(table.contains(&[1; 16], 10) && table.contains(&[2; 16], 20));
        table.advance(10);
        assert!(table.burn([3; 16], 30));
        assert!(!table.contains(&[1; 16], 10));
    }

    #[test]
    fn a_ticket_burns_once() {
        let mut table = BurnTable::new(2);
        assert!(table.burn([1; 16], 10));
        assert!(!table.burn([1; 16], 10));
        assert_eq!(table.room(), 1);
    }

    #[test]
    fn the_wall_clock_does_not_run_backwards_here() {
        let mut table = BurnTable::new(2);
        assert_eq!(table.advance(100), 100);
        assert_eq!(table.advance(50), 100);
    }
}
