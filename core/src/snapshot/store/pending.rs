//! The units that wait for a tick: a timer wheel, with a list for each tick of the next 1.5 s. A unit waits for one
//! tick at a time. The lists are linked through the units, so a unit can start to wait without an allocation.

use alloc::vec;
use alloc::vec::Vec;

use super::units::{NONE, UnitId};

/// The waiting units, by tick.
#[derive(Clone, Debug)]
pub(super) struct DueWheel {
    /// The first unit of each list. The list of tick n has the index n modulo the number of lists.
    heads: Vec<u32>,
    /// The links of the lists, indexed by unit.
    links: Vec<PendingLink>,
    waiting: usize,
}

#[derive(Clone, Copy, Debug)]
struct PendingLink {
    before: u32,
    after: u32,
    /// The index of the list, or [`NONE`].
    list: u32,
}

const UNLINKED: PendingLink = PendingLink { before: NONE, after: NONE, list: NONE };

impl DueWheel {
    /// Creates a wheel for units that wait for at most a second.
    pub(super) fn new(ticks_per_second: u32) -> Self {
        // The wheel covers one and a half seconds, because a unit may wait for half a second of rest and then for its due tick.
        let length = (ticks_per_second as usize * 3 / 2 + 3).next_power_of_two();
        Self { heads: vec![NONE; length], links: Vec::new(), waiting: 0 }
    }

    /// Returns the number of units that wait.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Reserves memory for `units` units.
    pub(super) fn grow(&mut self, units: usize) {
        if self.links.len() < units {
            self.links.resize(units, UNLINKED);
        }
    }

    const fn list_of(&self, tick: u64) -> usize {
        tick as usize & (self.heads.len() - 1)
    }

    /// Makes a unit wait for `tick`. The unit no longer waits for any other tick.
    pub(super) fn wait(&mut self, unit: UnitId, tick: u64) {
        let list = self.list_of(tick);
        if self.links.get(unit.index()).is_none_or(|link| link.list == list as u32) {
            return;
        }
        self.cancel(unit);
        let Some(head) = self.heads.get_mut(list) else { return };
        let after = core::mem::replace(head, unit.0);
        if let Some(next) = self.links.get_mut(after as usize) {
            next.before = unit.0;
        }
        if let Some(link) = self.links.get_mut(unit.index()) {
            *link = PendingLink { before: NONE, after, list: list as u32 };
            self.waiting += 1;
        }
    }

    /// Removes a unit from the wheel.
    pub(super) fn cancel(&mut self, unit: UnitId) {
        let Some(place) = self.links.get_mut(unit.index()) else { return };
        let link = core::mem::replace(place, UNLINKED);
        if link.list == NONE {
            return;
        }
        self.waiting -= 1;
        if let Some(after) = self.links.get_mut(link.after as usize) {
            after.before = link.before;
        }
        if let Some(before) = self.links.get_mut(link.before as usize) {
            before.after = link.after;
        } else if let Some(head) = self.heads.get_mut(link.list as usize) {
            *head = link.after;
        }
    }

    /// Calls `take` with each unit that waits for a tick above `before` and up to `tick`.
    pub(super) fn take_due(&mut self, before: u64, tick: u64, mut take: impl FnMut(UnitId)) {
        // No unit waits for longer than one turn of the wheel.
        let ticks = (tick - before).min(self.heads.len() as u64);
        for due in tick - ticks + 1..=tick {
            let list = self.list_of(due);
            while let Some(unit) = self.heads.get(list).copied().filter(|unit| *unit != NONE) {
                self.cancel(UnitId(unit));
                take(UnitId(unit));
            }
        }
    }

    /// Returns the heap memory of the wheel, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.heads.capacity() * size_of::<u32>() + self.links.capacity() * size_of::<PendingLink>()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use quickcheck::quickcheck;

    use super::*;

    #[test]
    fn the_due_wheel_returns_each_unit_on_its_due_tick() {
        fn property(steps: Vec<(u8, u8, u8)>) -> bool {
            let (mut pending, mut model) = (DueWheel::new(20), BTreeMap::new());
            pending.grow(16);
            let mut now = 100;
            for (unit, wait, kind) in steps {
                let unit = UnitId(u32::from(unit % 16));
                match kind % 4 {
                    0 => {
                        pending.cancel(unit);
                        model.remove(&unit);
                    }
                    1 => {
                        let before = now;
                        now += u64::from(wait % 50) + 1;
                        let mut taken = Vec::new();
                        pending.take_due(before, now, |unit| taken.push(unit));
                        taken.sort_unstable();
                        let due: Vec<UnitId> =
                            model.iter().filter(|(_, tick)| **tick <= now).map(|(unit, _)| *unit).collect();
                        model.retain(|_, tick| *tick > now);
                        if taken != due {
                            return false;
                        }
                    }
                    _ => {
                        let tick = now + u64::from(wait % 30) + 1;
                        pending.wait(unit, tick);
                        model.insert(unit, tick);
                    }
                }
                if pending.waiting() != model.len() {
                    return false;
                }
            }
            true
        }
        quickcheck(property as fn(Vec<(u8, u8, u8)>) -> bool);
    }
}
