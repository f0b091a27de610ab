//! The older versions of units: one version for each change that a peer may still refer to.

use alloc::vec::Vec;
use core::ops::Range;

use super::units::{NONE, UnitRecord};
use crate::limits::VERSIONS;

/// A version of a unit: the words that the unit has between two consecutive commits that change its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version<'a> {
    /// The tick whose commit set the words.
    pub since: u64,
    /// `true` if the entity had at least one component of the unit. Otherwise all words are zero.
    pub is_present: bool,
    /// The words of the unit.
    pub words: &'a [u32],
    /// The words of the unit. In a group of a single component, one more word follows: 1 if the entity has the
    /// component, or else 0.
    pub(crate) row: &'a [u32],
}

/// The largest number of older versions of a unit. The newest version is in the table.
const OLD_MAX: u8 = VERSIONS as u8 - 1;
/// A unit with at least this many older versions is queued for thinning, so that unneeded versions are dropped before needed ones.
pub(super) const OLD_MANY: u8 = 24;

/// The older versions of all units of a group, as a linked list for each unit, the newest version first. The rows are
/// reused.
#[derive(Clone, Debug)]
pub(super) struct History {
    stride: usize,
    nodes: Vec<VersionNode>,
    rows: Vec<u32>,
    /// The first node of the list of free nodes.
    free: u32,
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct VersionNode {
    since: u64,
    /// The tick of the next change of the unit.
    until: u64,
    older: u32,
}

impl History {
    pub(super) const fn new(stride: usize) -> Self {
        Self { stride, nodes: Vec::new(), rows: Vec::new(), free: NONE, used: 0 }
    }

    /// Returns the number of older versions.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    fn row_range(&self, node: u32) -> Range<usize> {
        let first = node as usize * self.stride;
        first..first + self.stride
    }

    /// Keeps the row that a unit has had since its latest change, because the next row takes effect in the tick
    /// `until`. If the unit has [`VERSIONS`] versions, the method drops the oldest version.
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

    /// Returns each version of a list with the number of its node, the newest first.
    fn versions(&self, newest: u32) -> impl Iterator<Item = (u32, VersionNode)> {
        let mut number = newest;
        core::iter::from_fn(move || {
            let node = *self.nodes.get(number as usize)?;
            let own = core::mem::replace(&mut number, node.older);
            Some((own, node))
        })
    }

    /// Returns the ticks in which each older version of a unit was the current version, the newest version first.
    pub(super) fn ticks(&self, unit: &UnitRecord) -> impl Iterator<Item = Range<u64>> {
        self.versions(unit.newest_old).map(|(_, node)| node.since..node.until)
    }

    /// Returns the row that a unit had at a tick before its latest change, and the tick since which the unit had the
    /// row.
    pub(super) fn at(&self, unit: &UnitRecord, tick: u64) -> Option<(u64, &[u32])> {
        let (number, node) = self.versions(unit.newest_old).find(|(_, node)| node.since <= tick)?;
        let row = self.rows.get(self.row_range(number)).filter(|_| tick < node.until)?;
        Some((node.since, row))
    }

    /// Drops the versions of a unit for which `is_kept` returns `false`. The arguments of `is_kept` are the number of the node and
    /// its place in the list, the newest first.
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

    /// Keeps the older versions of a unit whose bits are set in `kept`, and drops the others. Bit 0 represents the
    /// newest older version.
    pub(super) fn retain(&mut self, unit: &mut UnitRecord, kept: u64) {
        self.keep(unit, |_, place| kept.checked_shr(place as u32).is_some_and(|bits| bits & 1 != 0));
    }

    /// Returns the heap memory of the versions, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<VersionNode>() + self.rows.capacity() * size_of::<u32>()
    }
}
