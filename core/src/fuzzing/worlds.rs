//! The two ends of a replicated world, without a connection between them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use slotmap::KeyData;

use crate::event::ConnectionId;
use crate::limits::SNAPSHOT_FRAME_UNITS;
use crate::snapshot::delta::{
    Against, FrameHeader, FrameName, FrameWriter, SlotBinding, SnapshotFault, UnitSlot, UnitUpdate,
    UpdateBody,
};
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::receiver::{FrameRefusal, WorldReceiver};
use crate::snapshot::sender::{FrameScratch, InterestState, WorldSender};
use crate::snapshot::unit_codec::{EXISTENCE_WORDS, UnitCodec};
use crate::snapshot::{Changes, Entity, Store, UnitId, Viewer, WorldId, WorldSchema};

/// The distance of the floor of a frame to its tick, in ticks.
const FLOOR_DISTANCE: u32 = 24;

/// Returns the connection id with the number `number`, which no endpoint has created.
#[must_use]
pub fn some_connection(number: u32) -> ConnectionId {
    KeyData::from_ffi(1 << 32 | u64::from(number)).into()
}

/// The sending end of a world.
pub struct SentWorld {
    sender: Box<WorldSender>,
    grid: SpatialGrid,
    scratch: FrameScratch,
}

impl SentWorld {
    /// Creates the end that sends a world of `schema` to the connection `viewer`.
    #[must_use]
    pub fn new(schema: &WorldSchema, viewer: ConnectionId) -> Self {
        let sender = WorldSender::new(Arc::new(UnitCodec::new(schema)), WorldId(0), viewer);
        Self { sender: Box::new(sender), grid: SpatialGrid::new(schema), scratch: FrameScratch::new() }
    }

    /// Updates the sender with `changes`, the changes of the store's latest commit.
    pub fn on_commit(&mut self, store: &Store, changes: &Changes) {
        self.grid.on_commit(store);
        self.sender.on_commit(store, &self.grid);
        self.sender.on_rules(store, &self.grid, changes);
    }

    /// Sets the receiver's view to `viewer`. The view changes with the next commit.
    pub fn set_viewer(&mut self, store: &Store, viewer: &Viewer) {
        let interest = viewer.eyes.map(|eyes| InterestState::new(eyes, viewer.radius, viewer.keep));
        self.grid.serve(store, viewer.radius);
        self.sender.set_interest(interest);
    }

    /// Builds a frame of at most `room` bytes. Returns the number of the frame and its bytes, or `None` if no frame is
    /// due, or if no unit fits in `room` bytes.
    pub fn pack(&mut self, store: &Store, room: usize) -> Option<(u64, Vec<u8>)> {
        let number = self.sender.pack(store, &mut self.scratch, room, room as u64)?;
        Some((number, self.scratch.bytes().to_vec()))
    }

    /// Reports to the sender that frame `number` is acknowledged.
    pub fn on_acked(&mut self, number: u64) {
        self.sender.on_acked(number);
    }

    /// Reports to the sender that frame `number` is lost.
    pub fn on_lost(&mut self, number: u64) {
        self.sender.on_lost(number);
    }

    /// Reports to the sender that the receiver could not decode the frame `name`.
    pub fn on_reset(&mut self, name: FrameName) {
        self.sender.on_reset(name);
    }

    /// Reports to the sender that a new transport replaces the old transport.
    pub fn on_resumed(&mut self) {
        self.sender.on_resumed();
    }

    /// Reports to the sender that the game has not committed for [`crate::limits::SNAPSHOT_STALL`]. The sender then sends
    /// the units that were lost in the newest tick again in the same tick.
    pub fn on_stall(&mut self) {
        if self.sender.has_spent() {
            self.sender.on_stall();
        }
    }

    /// Returns whether the receiver has acknowledged the newest state of all units in its view.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.sender.is_settled()
    }

    /// Returns a bit mask of the versions of a unit that later frames may be coded against. Bit `i` belongs to the
    /// version that was current in the ticks `ranges[i]`.
    #[must_use]
    pub fn needed(&self, unit: UnitId, ranges: &[Range<u64>]) -> u64 {
        self.sender.needed(unit, ranges)
    }

    /// Returns the earliest tick in which an entity left the view, among the entities that the receiver has not dropped
    /// yet. Returns `None` if the receiver has dropped all entities that left.
    #[must_use]
    pub fn first_leaving(&self) -> Option<u32> {
        self.sender.first_leaving()
    }

    /// Returns the heap memory of the sending end, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.sender.memory()
    }
}

/// Returns the number of bytes of the frames that contain the newest state of `units`, each unit coded against its
/// blueprint. A frame has at most `room` bytes, unless its only unit needs more. The receiver of the frames owns no
/// entity. The slot of a unit is its number in the store, as for a receiver that has always seen the whole world.
/// `units` must ascend.
#[must_use]
pub fn absolute_bytes(schema: &WorldSchema, store: &Store, units: &[UnitId], room: usize) -> usize {
    let codec = UnitCodec::new(schema);
    let words: Vec<_> = units.iter().filter_map(|unit| absolute_words(&codec, store, *unit)).collect();
    let updates: Vec<_> = words
        .iter()
        .filter_map(|(slot, binding, current)| {
            let slot = *slot;
            let plan = codec.plan(binding.group)?;
            let against = Against::Blueprint(codec.blueprint(binding.group, binding.blueprint)?);
            Some(UnitUpdate { slot, binding: *binding, body: UpdateBody::Words { plan, current, against } })
        })
        .collect();
    let tick = store.tick().and_then(|tick| u32::try_from(tick).ok()).unwrap_or(0);
    let (mut rest, mut bytes, mut part) = (updates.as_slice(), 0, 0);
    let mut writer = FrameWriter::new();
    while !rest.is_empty() {
        let floor = tick.saturating_sub(FLOOR_DISTANCE);
        let header = FrameHeader { name: FrameName { tick, part }, floor, reference: None };
        let mut size_of = |count: usize| {
            let units = rest.iter().take(count).copied();
            writer.write(&header, &[], units).map_or(usize::MAX, |frame| frame.bits().div_ceil(8))
        };
        let mut count = rest.len().min(SNAPSHOT_FRAME_UNITS);
        while count > 1 && size_of(count) > room {
            count -= 1;
        }
        bytes += size_of(count);
        rest = rest.get(count..).unwrap_or_default();
        part = part.wrapping_add(1);
    }
    bytes
}

/// Returns the slot, the binding and the words of a unit as a peer receives them that does not own the entity.
fn absolute_words(
    codec: &UnitCodec,
    store: &Store,
    unit: UnitId,
) -> Option<(UnitSlot, SlotBinding, Vec<u32>)> {
    let slot = UnitSlot(u16::try_from(unit.0).ok()?);
    let state = store.state(unit)?;
    let entity = store.entity(state.id);
    let blueprint = entity.and_then(|entity| entity.settings.blueprint);
    let binding = SlotBinding { id: state.id, group: state.group, blueprint };
    if state.group != codec.existence_group() {
        return Some((slot, binding, state.version.row.to_vec()));
    }
    let owner = |entity: Entity| if entity.owner.is_some() { 2 } else { 0 };
    let words: [u32; EXISTENCE_WORDS] = entity.map_or([1, 0, 0], |entity| [0, owner(entity), entity.epoch]);
    Some((slot, binding, words.to_vec()))
}

/// The outcome of a received snapshot frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameResult {
    /// The receiver stored the frame.
    Stored,
    /// The receiver ignored the frame, because a newer frame arrived before it and made the receiver drop a version
    /// that this frame refers to.
    Stale,
    /// The receiver rejected the frame. The name is `None` if the frame's header is invalid.
    Refused(SnapshotFault, Option<FrameName>),
}

/// The receiving end of a world.
#[derive(Clone)]
pub struct ReceivedWorld(WorldReceiver);

impl ReceivedWorld {
    /// Creates the end that receives a world of `schema` with at most `max_entities` entities.
    #[must_use]
    pub fn new(schema: &WorldSchema, max_entities: usize) -> Self {
        Self(WorldReceiver::new(Arc::new(UnitCodec::new(schema)), max_entities))
    }

    /// Processes a received frame.
    pub fn on_frame(&mut self, bytes: &[u8]) -> FrameResult {
        match self.0.on_frame(bytes) {
            Ok(()) => FrameResult::Stored,
            Err(FrameRefusal::Stale) => FrameResult::Stale,
            Err(FrameRefusal::Fault(fault)) => FrameResult::Refused(fault, self.0.refused()),
        }
    }

    /// Discards the world, because the peer starts to send a different world.
    pub fn start_over(&mut self) {
        self.0.start_over();
    }

    /// Returns the changes since the previous call, as the application of the connection `own` receives them. Returns
    /// `None` if nothing changed.
    pub fn take_changes(&mut self, own: ConnectionId) -> Option<Changes> {
        if !self.0.has_changes() {
            return None;
        }
        let mut changes = Changes::default();
        self.0.take_changes(own, &mut changes);
        Some(changes)
    }

    /// Returns a text that describes the stored state. Equal states have equal texts.
    #[must_use]
    pub fn stored(&self) -> String {
        self.0.stored()
    }

    /// Returns the heap memory of the receiving end, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.0.memory()
    }
}
