//! The two ends of a replicated world, without a connection between them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use slotmap::KeyData;

use crate::event::ConnectionId;
use crate::snapshot::delta::{FrameName, SnapshotFault};
use crate::snapshot::interest::SpatialGrid;
use crate::snapshot::receiver::{FrameRefusal, WorldReceiver};
use crate::snapshot::sender::{FrameScratch, InterestState, WorldSender};
use crate::snapshot::unit_codec::UnitCodec;
use crate::snapshot::{Changes, Store, UnitId, Viewer, WorldId, WorldSchema};

/// Returns the connection id number `number`, which no endpoint gave out.
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

    /// From the next commit on, the receiver sees what `viewer` says.
    pub fn set_viewer(&mut self, store: &Store, viewer: &Viewer) {
        let interest = viewer.eyes.map(|eyes| InterestState::new(eyes, viewer.radius, viewer.keep));
        self.grid.serve(store, viewer.radius);
        self.sender.set_interest(interest);
    }

    /// Builds a frame of at most `room` bytes. Returns its number and its bytes; `None` if nothing is to be sent.
    pub fn pack(&mut self, store: &Store, room: usize) -> Option<(u64, Vec<u8>)> {
        let number = self.sender.pack(store, &mut self.scratch, room, room as u64)?;
        Some((number, self.scratch.bytes().to_vec()))
    }

    /// A frame is acknowledged.
    pub fn on_acked(&mut self, number: u64) {
        self.sender.on_acked(number);
    }

    /// A frame counts as lost.
    pub fn on_lost(&mut self, number: u64) {
        self.sender.on_lost(number);
    }

    /// The receiver asks for new baselines of the units of a frame.
    pub fn on_reset(&mut self, name: FrameName) {
        self.sender.on_reset(name);
    }

    /// Another transport takes the place of the one that is gone.
    pub fn on_resumed(&mut self) {
        self.sender.on_resumed();
    }

    /// No commit came for a while.
    pub fn on_stall(&mut self) {
        if self.sender.has_spent() {
            self.sender.on_stall();
        }
    }

    /// Returns whether the receiver lacks nothing, as far as this end knows.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.sender.is_settled()
    }

    /// Returns which versions of a unit this end still needs, a bit for each of the ranges.
    #[must_use]
    pub fn needed(&self, unit: UnitId, ranges: &[Range<u64>]) -> u64 {
        self.sender.needed(unit, ranges)
    }

    /// Returns the first tick in which an entity was gone that the receiver may still be told of.
    #[must_use]
    pub fn first_leaving(&self) -> Option<u32> {
        self.sender.first_leaving()
    }

    /// Returns the bytes of the heap that this end takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.sender.memory()
    }
}

/// The fate of a snapshot frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameResult {
    /// It was stored.
    Stored,
    /// It came after a newer one that made the receiver forget what this one refers to.
    Stale,
    /// It was refused. Its name is known if its head could be read.
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

    /// Takes a frame in.
    pub fn on_frame(&mut self, bytes: &[u8]) -> FrameResult {
        match self.0.on_frame(bytes) {
            Ok(()) => FrameResult::Stored,
            Err(FrameRefusal::Stale) => FrameResult::Stale,
            Err(FrameRefusal::Fault(fault)) => FrameResult::Refused(fault, self.0.refused()),
        }
    }

    /// The peer shows another world.
    pub fn start_over(&mut self) {
        self.0.start_over();
    }

    /// Returns the changes since the last call, if there are any, as the connection `own` is told them.
    pub fn take_changes(&mut self, own: ConnectionId) -> Option<Changes> {
        if !self.0.has_changes() {
            return None;
        }
        let mut changes = Changes::default();
        self.0.take_changes(own, &mut changes);
        Some(changes)
    }

    /// Returns a text of all that is stored, equal for equal content.
    #[must_use]
    pub fn stored(&self) -> String {
        self.0.stored()
    }

    /// Returns the bytes of the heap that this end takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.0.memory()
    }
}
