//! Used tickets and ended sessions, which the server must not accept again.
//!
//! Both expire by the wall clock, which may be set at any time. The table keeps an id for [`KEPT_US`] after its ticket
//! expired, so that it still finds the id after the clock is set back by as much. For ids that it has forgotten, the
//! table remembers the latest expiry: no ticket that expires before that time is valid again, whatever the clock shows.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::limits;

/// Ids of used tickets, kept until long after the tickets expired. A full table rejects new ids. The table never evicts
/// an id whose ticket has not expired, because the ticket could then be used again.
pub(crate) struct BurnTable {
    /// The used tickets, sorted by expiry, so that expired tickets come first.
    burnt: BTreeSet<(u64, [u8; 16])>,
    capacity: usize,
    /// The latest expiry of a ticket whose id was removed.
    forgotten: u64,
}

impl BurnTable {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { burnt: BTreeSet::new(), capacity, forgotten: 0 }
    }

    /// Removes some of the tickets that expired long ago. If the table is almost full, a ticket is removed as soon as it
    /// has expired.
    pub(crate) fn advance(&mut self, wall_now: u64) {
        self.forget(wall_now, |_| {});
    }

    /// Removes expired tickets as [`BurnTable::advance`] does, and passes each removed id to `on_forgotten`.
    fn forget(&mut self, wall_now: u64, mut on_forgotten: impl FnMut(&[u8; 16])) {
        for _ in 0..limits::TIMERS_PER_CALL {
            let Some(&(expiry, id)) = self.burnt.first() else { return };
            let kept_until = if self.room() < ROOM_KEPT { expiry } else { expiry.saturating_add(KEPT_US) };
            if kept_until > wall_now {
                return;
            }
            self.burnt.pop_first();
            self.forgotten = self.forgotten.max(expiry);
            on_forgotten(&id);
        }
    }

    /// Returns `true` if a ticket that expires at `expiry` has expired by the wall clock, or may be a used ticket whose
    /// id was removed.
    pub(crate) fn is_expired(&self, wall_now: u64, expiry: u64) -> bool {
        expiry <= wall_now.max(self.forgotten)
    }

    pub(crate) fn contains(&self, id: &[u8; 16], expiry: u64) -> bool {
        self.burnt.contains(&(expiry, *id))
    }

    /// Returns the number of ids for which the table has space.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.burnt.len())
    }

    /// Records a used ticket. Returns `false` and records nothing if the ticket was used before, or the table has no
    /// space.
    #[must_use]
    pub(crate) fn burn(&mut self, id: [u8; 16], expiry: u64) -> bool {
        self.room() > 0 && self.burnt.insert((expiry, id))
    }
}

/// The sessions that this end ended. Their resume tickets are no longer accepted.
pub(crate) struct EndedSessions {
    /// The ended sessions, sorted by the latest expiry of their tickets.
    table: BurnTable,
    until: BTreeMap<[u8; 16], u64>,
    /// The expiry up to which tickets of lost sessions count as tickets of ended sessions, because an ended session could
    /// not be recorded.
    all_until: u64,
}

impl EndedSessions {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { table: BurnTable::new(capacity), until: BTreeMap::new(), all_until: 0 }
    }

    /// Records the ended `session`. None of its tickets expires after `until`.
    pub(crate) fn add(&mut self, wall_now: u64, session: [u8; 16], until: u64) {
        let known = &mut self.until;
        self.table.forget(wall_now, |id| {
            known.remove(id);
        });
        if known.get(&session).is_some_and(|known| *known >= until) {
            return;
        }
        if !self.table.burn(session, until) {
            self.all_until = self.all_until.max(until);
        } else if let Some(before) = known.insert(session, until) {
            self.table.burnt.remove(&(before, session));
        }
    }

    /// Returns `true` if `session` is recorded as ended.
    pub(crate) fn contains(&self, session: &[u8; 16]) -> bool {
        self.until.contains_key(session)
    }

    /// Returns `true` if a ticket that expires at `expiry` may belong to an ended session that is not recorded.
    pub(crate) fn may_contain(&self, expiry: u64) -> bool {
        expiry <= self.all_until.max(self.table.forgotten)
    }
}

/// The time for which ids are kept after the expiry: two days and an hour. A clock that was a day ahead can be corrected,
/// or can become wrong by a day in the other direction.
const KEPT_US: u64 = 49 * 3_600_000_000;

/// The space below which tickets are removed as soon as they expire. Each half-open handshake may need space for one
/// ticket.
const ROOM_KEPT: usize = limits::HALF_OPEN + limits::TIMERS_PER_CALL;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    #[test]
    fn an_ended_session_is_remembered_until_all_of_its_tickets_count_as_expired() {
        let mut ended = EndedSessions::new(2 * ROOM_KEPT);
        ended.add(100, [1; 16], 200);
        ended.add(100, [1; 16], 300);
        ended.add(100, [1; 16], 200);
        assert!(ended.contains(&[1; 16]) && !ended.may_contain(1));
        ended.add(200 + KEPT_US, [2; 16], u64::MAX);
        assert!(ended.contains(&[1; 16]));
        ended.add(300 + KEPT_US, [3; 16], u64::MAX);
        assert!(!ended.contains(&[1; 16]), "its tickets count as expired");
        assert!(ended.may_contain(300) && !ended.may_contain(301));
        let mut full = EndedSessions::new(1);
        full.add(100, [1; 16], 200);
        assert!(!full.may_contain(200));
        full.add(100, [2; 16], 250);
        assert!(full.may_contain(250) && !full.may_contain(251));
    }

    #[test]
    fn a_full_table_of_used_tickets_keeps_each_ticket_until_its_expiry() {
        let mut table = BurnTable::new(2);
        assert!(table.burn([1; 16], 10));
        assert!(table.burn([2; 16], 20));
        assert!(!table.burn([3; 16], 30));
        table.advance(9);
        assert!(!table.burn([3; 16], 30));
        assert!(table.contains(&[1; 16], 10) && table.contains(&[2; 16], 20));
        table.advance(10);
        assert!(table.burn([3; 16], 30));
        assert!(!table.contains(&[1; 16], 10));
    }

    #[test]
    fn a_ticket_is_refused_after_its_first_use() {
        let mut table = BurnTable::new(2);
        assert!(table.burn([1; 16], 10));
        assert!(!table.burn([1; 16], 10));
        assert_eq!(table.room(), 1);
    }

    #[test]
    fn a_used_ticket_dropped_from_the_table_counts_as_expired_after_the_clock_is_set_back() {
        let mut table = BurnTable::new(2 * ROOM_KEPT);
        assert!(table.burn([1; 16], SECOND_US));
        table.advance(SECOND_US + KEPT_US - 1);
        assert!(table.contains(&[1; 16], SECOND_US), "two days after its expiry it is still known");
        assert!(!table.is_expired(0, SECOND_US));
        table.advance(SECOND_US + KEPT_US);
        assert!(!table.contains(&[1; 16], SECOND_US));
        assert!(table.is_expired(0, SECOND_US));
        assert!(!table.is_expired(0, SECOND_US + 1), "tickets that expire later are judged by the clock");
    }

    #[test]
    fn a_nearly_full_table_of_used_tickets_drops_expired_tickets_immediately() {
        let mut table = BurnTable::new(ROOM_KEPT + 1);
        assert!(table.burn([1; 16], 10) && table.burn([2; 16], 11) && table.burn([3; 16], 12));
        table.advance(20);
        assert_eq!(table.room(), ROOM_KEPT);
    }
}
