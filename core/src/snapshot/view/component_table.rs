//! One component of all entities of a view, with the recent versions of each.

use alloc::vec::Vec;

use super::version_list::{KeptVersion, VersionList, VersionPool};
use crate::limits;
use crate::snapshot::entity_index::EntityIndex;
use crate::snapshot::ids::NetworkId;

/// The share of the rows that each commit searches for versions that are no longer needed: one in so many.
const SWEEP_SHARE: usize = 64;

/// The entities that have a component, or recently had it.
#[derive(Clone, Debug)]
pub(super) struct ComponentTable {
    index: EntityIndex,
    rows: Vec<HistoryRow>,
    free: Vec<u32>,
    pool: VersionPool,
    /// The row at which the next sweep begins.
    sweep: usize,
}

#[derive(Clone, Copy, Debug)]
struct HistoryRow {
    /// 0 in a free row.
    id: NetworkId,
    list: VersionList,
}

impl ComponentTable {
    pub(super) const fn new(width: usize) -> Self {
        Self {
            index: EntityIndex::new(),
            rows: Vec::new(),
            free: Vec::new(),
            pool: VersionPool::new(width),
            sweep: 0,
        }
    }

    fn row(&self, id: NetworkId) -> Option<&HistoryRow> {
        self.rows.get(self.index.get(id)? as usize)
    }

    /// Returns the newest words of an entity's component.
    pub(super) fn newest(&self, id: NetworkId) -> Option<&[u32]> {
        self.pool.newest(&self.row(id)?.list)?.words
    }

    /// Returns the newest words of all entities that have the component.
    pub(super) fn all(&self) -> impl Iterator<Item = (NetworkId, &[u32])> {
        let used = self.rows.iter().filter(|row| row.id.0 != 0);
        used.filter_map(|row| Some((row.id, self.pool.newest(&row.list)?.words?)))
    }

    /// Returns the versions of an entity's component around `time`.
    pub(super) fn around(
        &self,
        id: NetworkId,
        time: f64,
    ) -> (Option<KeptVersion<'_>>, Option<KeptVersion<'_>>) {
        self.row(id).map_or((None, None), |row| self.pool.around(&row.list, time))
    }

    /// Sets the words of an entity's component from `tick` on. The id must not be 0.
    pub(super) fn set(&mut self, id: NetworkId, tick: u64, words: &[u32], horizon: u64) {
        let number = self.index.get(id).unwrap_or_else(|| self.insert(id));
        let Some(row) = self.rows.get_mut(number as usize) else { return };
        self.pool.drop_before(&mut row.list, horizon);
        self.pool.push(&mut row.list, tick, Some(words), limits::VIEW_VERSIONS);
    }

    /// The entity lacks the component from `tick` on.
    pub(super) fn remove(&mut self, id: NetworkId, tick: u64, horizon: u64) {
        let Some(row) = self.index.get(id).and_then(|row| self.rows.get_mut(row as usize)) else { return };
        if self.pool.newest(&row.list).is_some_and(|newest| newest.words.is_some()) {
            self.pool.drop_before(&mut row.list, horizon);
            self.pool.push(&mut row.list, tick, None, limits::VIEW_VERSIONS);
        }
    }

    /// Drops the whole history of an entity's component.
    pub(super) fn forget(&mut self, id: NetworkId) {
        let Some(number) = self.index.remove(id) else { return };
        if let Some(row) = self.rows.get_mut(number as usize) {
            self.pool.clear(&mut row.list);
            row.id = NetworkId(0);
            self.free.push(number);
        }
    }

    fn insert(&mut self, id: NetworkId) -> u32 {
        let row = HistoryRow { id, list: VersionList::EMPTY };
        let number = self.free.pop().unwrap_or(self.rows.len() as u32);
        match self.rows.get_mut(number as usize) {
            Some(place) => *place = row,
            None => self.rows.push(row),
        }
        self.index.insert(id, number);
        number
    }

    /// Searches a share of the rows for versions that are no longer needed, so that components at rest give their memory back.
    pub(super) fn sweep(&mut self, horizon: u64) {
        for _ in 0..self.rows.len().div_ceil(SWEEP_SHARE) {
            self.sweep = if self.sweep + 1 < self.rows.len() { self.sweep + 1 } else { 0 };
            let Some(row) = self.rows.get_mut(self.sweep).filter(|row| row.id.0 != 0) else { continue };
            self.pool.drop_before(&mut row.list, horizon);
            let id = row.id;
            let is_over = |newest: KeptVersion<'_>| newest.words.is_none() && newest.tick <= horizon;
            if self.pool.newest(&row.list).is_some_and(is_over) {
                self.forget(id);
            }
        }
    }

    /// Drops everything, and keeps the memory.
    pub(super) fn clear(&mut self) {
        for number in 0..self.rows.len() {
            self.rows.get(number).map(|row| row.id).into_iter().for_each(|id| self.forget(id));
        }
    }

    /// Returns the heap memory of the table, in bytes.
    pub(super) const fn memory(&self) -> usize {
        self.index.memory()
            + self.rows.capacity() * size_of::<HistoryRow>()
            + self.free.capacity() * size_of::<u32>()
            + self.pool.memory()
    }
}
