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

/// Sessions that this end ended: their resume tickets let nobody in any more.
pub(crate) struct EndedSessions {
    /// By the end of an hour of wall time, as the expiry.
    table: BurnTable,
    /// Until then every session counts as ended: one of those that count could not be kept.
    all_until: u64,
}

impl EndedSessions {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { table: BurnTable::new(capacity), all_until: 0 }
    }

    /// Remembers `session` for at least three hours: no resume ticket opens longer than that.
    pub(crate) fn add(&mut self, wall_now: u64, session: [u8; 16]) {
        let wall = self.table.advance(wall_now);
        let until = (wall / HOUR_US).saturating_add(HOURS_KEPT).saturating_mul(HOUR_US);
        if !self.table.burn(session, until) && !self.table.contains(&session, until) {
            self.all_until = until;
        }
    }

    pub(crate) fn contains(&self, wall_now: u64, session: &[u8; 16]) -> bool {
        let hour = wall_now / HOUR_US;
        wall_now < self.all_until
            || (0..=HOURS_KEPT)
                .any(|hours| self.table.contains(session, hour.saturating_add(hours).saturating_mul(HOUR_US)))
    }
}

const HOUR_US: u64 = 3_600_000_000;
const HOURS_KEPT: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_session_stays_ended_for_three_hours_and_a_full_table_ends_all() {
        let mut ended = EndedSessions::new(1);
        let now = 1000 * HOUR_US + HOUR_US - 1;
        ended.add(now, [1; 16]);
        ended.add(now, [1; 16]);
        assert!(ended.contains(now, &[1; 16]) && ended.contains(now + 3 * HOUR_US, &[1; 16]));
        let mut full = EndedSessions::new(1);
        full.add(now, [1; 16]);
        assert!(!full.contains(now, &[2; 16]));
        full.add(now, [2; 16]);
        assert!(full.contains(now + 3 * HOUR_US, &[2; 16]));
        assert!(!full.contains(now + 5 * HOUR_US, &[2; 16]));
        ended.add(now + 5 * HOUR_US, [3; 16]);
        assert!(!ended.contains(now + 5 * HOUR_US, &[1; 16]));
    }

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
