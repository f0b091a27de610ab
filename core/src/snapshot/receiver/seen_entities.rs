//! The entities that a receiver knows from frames.

use alloc::collections::BTreeMap;

use smallvec::SmallVec;

use crate::snapshot::changes::Gone;
use crate::snapshot::delta::UnitSlot;
use crate::snapshot::ids::{BlueprintId, NetworkId};

/// An entity that a receiver knows.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenEntity {
    pub(super) blueprint: Option<BlueprintId>,
    /// The slot of the entity's own unit, or `None` until a frame with this unit arrives.
    pub(super) existence: Option<UnitSlot>,
    pub(super) units: SmallVec<[UnitSlot; 4]>,
    /// The tick of the first frame that contained a unit of the entity.
    pub(super) bound_at: u32,
    /// The newest received state of the entity. `since` is the tick of this state.
    pub(super) state: Existence,
    pub(super) since: u32,
    /// The owner that the application received, or `None` if the entity does not exist for the application.
    pub(super) reported: Option<SeenOwner>,
}

/// The state of an entity: existing with an owner, or gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Existence {
    /// The entity exists.
    There(SeenOwner),
    /// The entity no longer exists or is out of sight.
    Gone(Gone),
}

/// The owner of an entity, from the point of view of one peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum SeenOwner {
    #[default]
    Nobody,
    /// This peer owns the entity.
    Own,
    /// Another peer owns the entity. This peer does not know which peer.
    Another,
}

impl Default for Existence {
    fn default() -> Self {
        Self::There(SeenOwner::Nobody)
    }
}

impl Existence {
    /// Returns the state that the words of an entity's own unit represent.
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
    /// Returns whether the entity exists for the application after the next report.
    pub(super) const fn is_there(&self) -> bool {
        self.existence.is_some() && !self.state.is_gone()
    }
}

/// All known entities, by id.
pub(super) type SeenEntities = BTreeMap<NetworkId, SeenEntity>;
