//! The declaration of a component.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::kind::{FieldKind, FieldSpec};

/// A component: its name, its fields, and the settings that it requests for its group.
///
/// `#[derive(NetComponent)]` builds the specification of a structure; a script builds its own.
///
/// ```
/// use tickwire_core::snapshot::{ComponentSpec, FieldKind, FieldSpec, Prediction, Steps};
///
/// let metres = Steps::new(-1024.0, 1024.0, 0.002)?;
/// let speed = Steps::new(-20.0, 20.0, 0.01)?;
/// let pose = ComponentSpec::new("pose")
///     .group("motion")
///     .hz(20)
///     .predictor(Prediction::Velocity)
///     .field(FieldSpec::new("at", FieldKind::numbers(3, metres)).position())
///     .field(FieldSpec::new("moves", FieldKind::numbers(3, speed)).velocity())
///     .field(FieldSpec::new("turned", FieldKind::rotation(9)));
/// assert_eq!(pose.words(), 10);
/// # Ok::<(), tickwire_core::snapshot::StepsError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct ComponentSpec {
    /// The name by which both ends know the component.
    pub name: Cow<'static, str>,
    /// The group that the component belongs to. Default: `None`, which stands for the group that has the component's name.
    pub group: Option<Cow<'static, str>>,
    /// The rate in Hz at which changes of the component's group are committed; 0 commits on every tick. Default: `None`, which
    /// stands for 20.
    pub hz: Option<u16>,
    /// The prediction of the group's next value. Default: `None`, which stands for [`Prediction::Last`].
    pub predictor: Option<Prediction>,
    /// The component's fields, in order.
    pub fields: Vec<FieldSpec>,
}

/// The way in which the next value of a group is predicted from earlier values. Only the difference to the prediction is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Prediction {
    /// The value stays as it is.
    #[default]
    Last,
    /// Numbers, angles and rotations keep changing at their last rate.
    Linear,
    /// The field that is marked as the position moves by the field that is marked as the velocity.
    Velocity,
}

impl ComponentSpec {
    /// A component without fields.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), group: None, hz: None, predictor: None, fields: Vec::new() }
    }

    /// Sets the name of the component's group. Components of one group are sent and shown together.
    #[must_use]
    pub fn group(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { group: Some(name.into()), ..self }
    }

    /// Sets the rate in Hz at which changes are committed; 0 commits on every tick. The highest rate in a group applies to the
    /// whole group.
    #[must_use]
    pub fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// Sets the prediction of the group's next value.
    #[must_use]
    pub fn predictor(self, predictor: Prediction) -> Self {
        Self { predictor: Some(predictor), ..self }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, field: FieldSpec) -> Self {
        self.fields.push(field);
        self
    }

    /// Adds the fields of a structure. Any other kind becomes a single field named `0`.
    #[must_use]
    pub fn fields_of(mut self, kind: FieldKind) -> Self {
        match kind {
            FieldKind::Structure { fields } => self.fields.extend(fields),
            other => self.fields.push(FieldSpec::new("0", other)),
        }
        self
    }

    /// The number of words of a value.
    #[must_use]
    pub fn words(&self) -> usize {
        self.fields.iter().map(|field| field.kind.words()).sum()
    }

    /// The group's name.
    #[must_use]
    pub fn group_name(&self) -> &str {
        self.group.as_ref().unwrap_or(&self.name)
    }
}
