//! The settings of a group as a whole.

use super::super::component::Prediction;

/// The peers that are sent a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Audience {
    /// Each peer that sees the entity.
    #[default]
    All,
    /// Only the peer that owns the entity.
    Owner,
    /// Each peer that sees the entity, but for the one that owns it.
    Others,
}

/// The settings of a group. They count before what its components ask for.
///
/// ```
/// use tickwire_core::snapshot::{Audience, ComponentSpec, FieldKind, FieldSpec, SnapshotSchema};
///
/// let mut schema = SnapshotSchema::new();
/// let gold = FieldSpec::new("gold", FieldKind::integer(0, 9999));
/// schema.declare(ComponentSpec::new("purse").group("secret").field(gold))?;
/// schema.group("secret").to(Audience::Owner).hz(5);
///
/// let schema = schema.finish()?;
/// let secret = schema.group_named("secret").unwrap();
/// assert_eq!(schema.audience(secret), Some(Audience::Owner));
/// # Ok::<(), tickwire_core::snapshot::SnapshotSchemaError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupSettings {
    pub(super) audience: Audience,
    pub(super) hz: Option<u16>,
    pub(super) predictor: Option<Prediction>,
}

impl GroupSettings {
    /// The peers that are sent the group. Default: all that see the entity.
    pub const fn to(&mut self, audience: Audience) -> &mut Self {
        self.audience = audience;
        self
    }

    /// How often a change is committed, in Hz; 0: on every tick. Default: the highest rate of its components, or 20.
    pub const fn hz(&mut self, hz: u16) -> &mut Self {
        self.hz = Some(hz);
        self
    }

    /// How the next value is predicted. Default: as its components say.
    pub const fn predictor(&mut self, predictor: Prediction) -> &mut Self {
        self.predictor = Some(predictor);
        self
    }
}
