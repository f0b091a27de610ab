//! The entities that a receiver has learnt of from frames.

use alloc::collections::BTreeMap;

use smallvec::SmallVec;

use crate::snapshot::changes::Gone;
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::{BlueprintId, NetworkId};

/// An entity.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenEntity {
    pub(super) blueprint: Option<BlueprintId>,
    /// The slot of the unit that stands for the entity itself; `None` until that unit arrived.
    pub(super) existence: Option<UnitSlot>,
    pub(super) units: SmallVec<[UnitSlot; 4]>,
    /// The tick of the frame that told of it first.
    pub(super) bound_at: u32,
    /// The newest state that arrived, and the tick of it.
    pub(super) state: Existence,
    pub(super) since: u32,
    /// The state that the application was told; `None` if the entity is not there for the application.
    pub(super) reported: Option<SeenOwner>,
}

/// Whether an entity is there, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Existence {
    /// It is there.
    There(SeenOwner),
    /// It is not there any more.
    Gone(Gone),
}

/// The owner of an entity, as seen from one peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum SeenOwner {
    #[default]
    Nobody,
    /// This peer.
    Own,
    /// A peer of which this one knows nothing.
    Another,
}

impl Default for Existence {
    fn default() -> Self {
        Self::There(SeenOwner::Nobody)
    }
}

impl Existence {
    /// The state that the words of an entity's own unit say.
    pub(super) fn of_words(words: &[u32]) -> Self {
        match words {
            [1, ..] => Self::Gone(Gone::Destroyed),
            [2, ..] => Self::Gone(Gone::OutOfSight),
            [_, 1, ..] => Self::There(SeenOwner::Own),
            [_, 2, ..] => Self::There(SeenOwner::Another),
            _ => Self::There(SeenOwner::Nobody),
        }
    }

    pub(super) const fn is_gone(self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

impl SeenEntity {
    /// Whether the entity is there for the application once that was told everything.
    pub(super) const fn is_there(&self) -> bool {
        self.existence.is_some() && !self.state.is_gone()
    }
}

/// All entities, by id.
pub(super) type SeenEntities = BTreeMap<NetworkId, SeenEntity>;
