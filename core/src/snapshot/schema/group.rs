//! The settings of a group.

use super::super::component::Prediction;

/// The peers that receive a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Audience {
    /// Each peer that sees the entity.
    #[default]
    All,
    /// Only the peer that owns the entity.
    Owner,
    /// Each peer that sees the entity, except for its owner.
    Others,
}

/// The settings of a group. They take precedence over the settings that the group's components request.
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
    /// Sets the peers that receive the group. Default: all peers that see the entity.
    pub const fn to(&mut self, audience: Audience) -> &mut Self {
        self.audience = audience;
        self
    }

    /// Sets the rate in Hz at which changes are committed; 0 commits on every tick. Default: the highest rate of the group's
    /// components, or 20.
    pub const fn hz(&mut self, hz: u16) -> &mut Self {
        self.hz = Some(hz);
        self
    }

    /// Sets the prediction of the group's next value. Default: the prediction that the group's components request.
    pub const fn predictor(&mut self, predictor: Prediction) -> &mut Self {
        self.predictor = Some(predictor);
        self
    }
}
