//! The entities of a view: those that exist, and those that are gone but still in the history.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::ConnectionId;
use crate::limits;
use crate::snapshot::changes::Gone;
use crate::snapshot::entity_index::EntityIndex;
use crate::snapshot::ids::{BlueprintId, NetworkId};

/// The view's record of an entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewRecord {
    /// 0 in a free record.
    pub(super) id: NetworkId,
    pub(super) blueprint: Option<BlueprintId>,
    pub(super) owner: Option<ConnectionId>,
    /// The tick since which the entity is gone, and the reason.
    pub(super) gone: Option<(u64, Gone)>,
}

/// All entities of a view.
#[derive(Clone, Debug)]
pub(super) struct ViewRecords {
    index: EntityIndex,
    records: Vec<ViewRecord>,
    free: Vec<u32>,
    /// Entities that are gone, by the tick. An entity that came back is listed until its turn comes.
    leaving: VecDeque<(u64, NetworkId)>,
    existing: usize,
}

impl ViewRecords {
    pub(super) const fn new() -> Self {
        Self {
            index: EntityIndex::new(),
            records: Vec::new(),
            free: Vec::new(),
            leaving: VecDeque::new(),
            existing: 0,
        }
    }

    /// Returns the number of entities that exist.
    pub(super) const fn len(&self) -> usize {
        self.existing
    }

    /// Returns the record of an entity that exists, or is gone but still in the history.
    pub(super) fn get(&self, id: NetworkId) -> Option<&ViewRecord> {
        self.records.get(self.index.get(id)? as usize)
    }

    fn get_mut(&mut self, id: NetworkId) -> Option<&mut ViewRecord> {
        self.records.get_mut(self.index.get(id)? as usize)
    }

    /// Returns the entities that exist.
    pub(super) fn existing(&self) -> impl Iterator<Item = &ViewRecord> {
        self.records.iter().filter(|record| record.id.0 != 0 && record.gone.is_none())
    }

    pub(super) fn contains(&self, id: NetworkId) -> bool {
        self.get(id).is_some_and(|record| record.gone.is_none())
    }

    /// Adds an entity, or brings back an entity that was gone.
    pub(super) fn enter(&mut self, id: NetworkId, blueprint: Option<BlueprintId>) {
        if id.0 == 0 || self.contains(id) {
            return;
        }
        self.existing += 1;
        let record = ViewRecord { id, blueprint, owner: None, gone: None };
        if let Some(place) = self.get_mut(id) {
            *place = record;
            return;
        }
        let number = self.free.pop().unwrap_or(self.records.len() as u32);
        match self.records.get_mut(number as usize) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
        self.index.insert(id, number);
    }

    pub(super) fn set_owner(&mut self, id: NetworkId, owner: Option<ConnectionId>) {
        if let Some(record) = self.get_mut(id) {
            record.owner = owner;
        }
    }

    /// Marks an entity as gone. Returns whether the entity existed.
    pub(super) fn retire(&mut self, id: NetworkId, tick: u64, gone: Gone) -> bool {
        let Some(record) = self.get_mut(id).filter(|record| record.gone.is_none()) else { return false };
        record.gone = Some((tick, gone));
        self.existing -= 1;
        self.leaving.push_back((tick, id));
        true
    }

    /// Forgets the next entity that was gone at `horizon`, or that is one too many, and returns its id.
    pub(super) fn forget_next(&mut self, horizon: u64) -> Option<NetworkId> {
        loop {
            let is_one_too_many = self.leaving.len() > limits::VIEW_GONE;
            let is_due = |entry: &(u64, NetworkId)| entry.0 <= horizon || is_one_too_many;
            let (tick, id) = self.leaving.front().copied().filter(is_due)?;
            self.leaving.pop_front();
            if self.get(id).is_some_and(|record| record.gone.is_some_and(|(at, _)| at == tick)) {
                self.forget(id);
                return Some(id);
            }
        }
    }

    fn forget(&mut self, id: NetworkId) {
        let Some(number) = self.index.remove(id) else { return };
        if let Some(record) = self.records.get_mut(number as usize) {
            record.id = NetworkId(0);
            self.free.push(number);
        }
    }

    /// Forgets all entities, and keeps the memory.
    pub(super) fn clear(&mut self) {
        for number in 0..self.records.len() {
            self.records.get(number).map(|record| record.id).into_iter().for_each(|id| self.forget(id));
        }
        self.leaving.clear();
        self.existing = 0;
    }

    /// Returns the heap memory of the entities, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.index.memory()
            + self.records.capacity() * size_of::<ViewRecord>()
            + self.free.capacity() * size_of::<u32>()
            + self.leaving.capacity() * size_of::<(u64, NetworkId)>()
    }
}
