//! Connection ids on the wire: the slot of an array and a generation, 24 bits together.
//!
//! A lookup is an index and a comparison. A slot is reused as late as possible and with a different generation, so stray
//! packets of the slot's previous connection do not match the new connection.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::ConnectionId;
use crate::handshake::HalfOpenId;
use crate::limits;
use crate::rng::Rng;

const INDEX_BITS: u32 = 16;

/// The receiver of packets that carry an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    /// A connection's transport.
    Connection(ConnectionId),
    /// A connection whose handshake this end started. The connection expects only handshake messages.
    Dial(ConnectionId),
    /// A half-open handshake, which ends with the client's first data packet.
    HalfOpen(HalfOpenId),
    /// An id that is reserved and not assigned yet.
    Reserved,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    generation: u8,
    entry: Option<Entry>,
}

/// The table of ids.
#[derive(Debug, Default)]
pub(super) struct IdTable {
    slots: Vec<Slot>,
    free: VecDeque<u16>,
}

impl IdTable {
    /// The smallest number of free slots before a slot is used again.
    const REUSE_DISTANCE: usize = 64;

    /// Reserves a free id. Returns `None` if all ids are in use.
    pub(super) fn reserve(&mut self, rng: &mut Rng) -> Option<u32> {
        let grow = self.free.len() < Self::REUSE_DISTANCE && self.slots.len() < limits::CONNECTION_IDS;
        let index = if grow {
            let index = u16::try_from(self.slots.len()).ok()?;
            self.slots.push(Slot { generation: rng.next_u64() as u8, entry: None });
            index
        } else {
            self.free.pop_front()?
        };
        let slot = self.slots.get_mut(usize::from(index))?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.entry = Some(Entry::Reserved);
        Some(u32::from(slot.generation) << INDEX_BITS | u32::from(index))
    }

    /// Sets the receiver of packets that carry `id`. An id that is not reserved stays free.
    pub(super) fn assign(&mut self, id: u32, entry: Entry) {
        if let Some(slot) = self.slot_mut(id) {
            slot.entry = Some(entry);
        }
    }

    /// Returns the receiver of packets that carry `id`.
    pub(super) fn get(&self, id: u32) -> Option<Entry> {
        let slot = self.slots.get((id & 0xffff) as usize)?;
        if u32::from(slot.generation) == id >> INDEX_BITS { slot.entry } else { None }
    }

    /// Releases an id.
    pub(super) fn release(&mut self, id: u32) {
        if let Some(slot) = self.slot_mut(id)
            && slot.entry.take().is_some()
        {
            self.free.push_back((id & 0xffff) as u16);
        }
    }

    fn slot_mut(&mut self, id: u32) -> Option<&mut Slot> {
        let slot = self.slots.get_mut((id & 0xffff) as usize)?;
        (u32::from(slot.generation) == id >> INDEX_BITS && slot.entry.is_some()).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_of_a_released_connection_id_is_reused_with_a_different_id() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut table = IdTable::default();
        let first = table.reserve(&mut rng).unwrap();
        assert_eq!(table.get(first), Some(Entry::Reserved));
        table.release(first);
        assert_eq!(table.get(first), None);
        table.assign(first, Entry::Reserved);
        assert_eq!(table.get(first), None);
        let mut seen = alloc::vec![first];
        for _ in 0..1000 {
            let id = table.reserve(&mut rng).unwrap();
            assert!(id < 1 << 24);
            assert_ne!(seen.last(), Some(&id));
            seen.push(id);
            table.release(id);
        }
        assert!(table.slots.len() <= IdTable::REUSE_DISTANCE + 1);
        assert!(seen.iter().any(|id| *id != first && id & 0xffff == first & 0xffff));
    }

    #[test]
    fn the_id_table_reserves_exactly_as_many_connection_ids_as_its_limit() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut table = IdTable::default();
        let ids: alloc::collections::BTreeSet<u32> =
            (0..limits::CONNECTION_IDS).map_while(|_| table.reserve(&mut rng)).collect();
        assert_eq!(ids.len(), limits::CONNECTION_IDS);
        assert_eq!(table.reserve(&mut rng), None);
    }
}
