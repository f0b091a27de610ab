//! A component as it is declared.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::kind::{FieldKind, FieldSpec};

/// A component: its name and fields, and what it asks of its group.
///
/// `#[derive(NetComponent)]` makes one of a structure; a script's component is made by hand.
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
    /// The name that both ends know it by.
    pub name: Cow<'static, str>,
    /// The group that it belongs to. Default: none: the group that has the name of the component.
    pub group: Option<Cow<'static, str>>,
    /// How often a change of its group is committed, in Hz; 0 on every tick. Default: none: 20.
    pub hz: Option<u16>,
    /// How its group's next value is predicted. Default: none: [`Prediction::Last`].
    pub predictor: Option<Prediction>,
    /// Its fields in order.
    pub fields: Vec<FieldSpec>,
}

/// How the next value of a group is predicted from earlier ones. Only the difference to the prediction is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Prediction {
    /// The value stays as it is.
    #[default]
    Last,
    /// Numbers, angles and rotations go on changing as they did before.
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

    /// It belongs to the group of this name, whose components are sent and shown together.
    #[must_use]
    pub fn group(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { group: Some(name.into()), ..self }
    }

    /// A change is committed this often, in Hz; 0: on every tick. In a group, the highest rate counts for all.
    #[must_use]
    pub fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// How the group's next value is predicted.
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

    /// With the fields of a structure; another kind becomes a field of the name `0`.
    #[must_use]
    pub fn fields_of(mut self, kind: FieldKind) -> Self {
        match kind {
            FieldKind::Structure { fields } => self.fields.extend(fields),
            other => self.fields.push(FieldSpec::new("0", other)),
        }
        self
    }

    /// How many words a value has.
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
