//! The settings of a group.

use super::super::component::Prediction;

/// The peers to which a group of components is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Audience {
    /// All peers that see the entity.
    #[default]
    All,
    /// Only the peer that owns the entity.
    Owner,
    /// All peers that see the entity, except its owner.
    Others,
}

/// The settings of a group of components, which override the settings that the components request.
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
    /// Sets the peers to which the group is sent, and returns the settings. Default: all peers that see the entity.
    pub const fn to(&mut self, audience: Audience) -> &mut Self {
        self.audience = audience;
        self
    }

    /// Sets the rate in Hz at which changes are committed, and returns the settings. 0 commits changes on every tick.
    /// Default: the highest rate that a component of the group requests, or 20 Hz if no component requests a rate.
    pub const fn hz(&mut self, hz: u16) -> &mut Self {
        self.hz = Some(hz);
        self
    }

    /// Sets the prediction of the group's next value, and returns the settings. Default: the prediction that the
    /// group's components request, or [`Prediction::Last`] if no component requests one.
    pub const fn predictor(&mut self, predictor: Prediction) -> &mut Self {
        self.predictor = Some(predictor);
        self
    }
}
