//! The words that units had before: one version for each change that some peer may still refer to.

use alloc::vec::Vec;
use core::ops::Range;

use super::units::{NONE, UnitRecord};
use crate::limits::VERSIONS;

/// The words of a unit from one commit that changed them to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version<'a> {
    /// The tick that committed the words.
    pub since: u64,
    /// Whether the entity had any component of the unit. Without one, all words are zero.
    pub is_present: bool,
    /// The words.
    pub words: &'a [u32],
    /// The words, and in a group of a single component 1 or 0 behind them, for a component that is there or not.
    pub(crate) row: &'a [u32],
}

/// Older versions kept at most: the newest one is in the table.
const OLD_MAX: u8 = VERSIONS as u8 - 1;
/// A unit of this many older versions is looked at, so that those which nobody needs give way first.
pub(super) const OLD_MANY: u8 = OLD_MAX - OLD_MAX / 4;

/// The older versions of all units of a group: lists, the newest first, in rows that are used again.
#[derive(Clone, Debug)]
pub(super) struct History {
    stride: usize,
    nodes: Vec<VersionNode>,
    rows: Vec<u32>,
    /// The first of the nodes that no unit has.
    free: u32,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct VersionNode {
    since: u64,
    /// The tick of the next change.
    until: u64,
    older: u32,
}

impl History {
    pub(super) const fn new(stride: usize) -> Self {
        Self { stride, nodes: Vec::new(), rows: Vec::new(), free: NONE, used: 0 }
    }

    /// How many versions there are.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    fn row_range(&self, node: u32) -> Range<usize> {
        let first = node as usize * self.stride;
        first..first + self.stride
    }

    /// Keeps the row that a unit has had since its last change, and that another one follows in tick `until`. The oldest
    /// version of a unit that has [`VERSIONS`] gives way.
    pub(super) fn push(&mut self, unit: &mut UnitRecord, until: u64, row: &[u32]) {
        if unit.old >= OLD_MAX {
            let oldest = self.versions(unit.newest_old).last().map_or(NONE, |(number, _)| number);
            self.keep(unit, |number, _| number != oldest);
        }
        let node = VersionNode { since: unit.since, until, older: unit.newest_old };
        let number = self.free;
        if let Some(place) = self.nodes.get_mut(number as usize) {
            self.free = place.older;
            *place = node;
            unit.newest_old = number;
            let range = self.row_range(number);
            if let Some(place) = self.rows.get_mut(range)
                && place.len() == row.len()
            {
                place.copy_from_slice(row);
            }
        } else {
            unit.newest_old = self.nodes.len() as u32;
            self.nodes.push(node);
            self.rows.extend_from_slice(row);
        }
        unit.old += 1;
        self.used += 1;
    }

    /// Each version of a list, with its number, from the newest on.
    fn versions(&self, newest: u32) -> impl Iterator<Item = (u32, VersionNode)> {
        let mut number = newest;
        core::iter::from_fn(move || {
            let node = *self.nodes.get(number as usize)?;
            let own = core::mem::replace(&mut number, node.older);
            Some((own, node))
        })
    }

    /// The ticks in which each older version of a unit was the newest, from the newest on.
    pub(super) fn ticks(&self, unit: &UnitRecord) -> impl Iterator<Item = Range<u64>> {
        self.versions(unit.newest_old).map(|(_, node)| node.since..node.until)
    }

    /// The row that was a unit's at a tick before its last change, and since when.
    pub(super) fn at(&self, unit: &UnitRecord, tick: u64) -> Option<(u64, &[u32])> {
        let (number, node) = self.versions(unit.newest_old).find(|(_, node)| node.since <= tick)?;
        let row = self.rows.get(self.row_range(number)).filter(|_| tick < node.until)?;
        Some((node.since, row))
    }

    /// Drops the versions of a unit for which `is_kept` does not hold; it gets the number and the place from the newest on.
    fn keep(&mut self, unit: &mut UnitRecord, is_kept: impl Fn(u32, usize) -> bool) {
        let mut number = core::mem::replace(&mut unit.newest_old, NONE);
        let mut last_kept = NONE;
        for place in 0.. {
            let Some(node) = self.nodes.get_mut(number as usize) else { break };
            let older = core::mem::replace(&mut node.older, NONE);
            if is_kept(number, place) {
                if let Some(newer) = self.nodes.get_mut(last_kept as usize) {
                    newer.older = number;
                } else {
                    unit.newest_old = number;
                }
                last_kept = number;
            } else {
                node.older = core::mem::replace(&mut self.free, number);
                unit.old -= 1;
                self.used -= 1;
            }
            number = older;
        }
    }

    /// Keeps the older versions of a unit whose bits are set; bit 0 stands for the newest of them.
    pub(super) fn retain(&mut self, unit: &mut UnitRecord, kept: u32) {
        self.keep(unit, |_, place| kept.checked_shr(place as u32).is_some_and(|bits| bits & 1 != 0));
    }

    /// Bytes of the heap.
    pub(super) const fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<VersionNode>() + self.rows.capacity() * size_of::<u32>()
    }
}
