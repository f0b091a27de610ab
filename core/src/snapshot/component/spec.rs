//! The declaration of a component.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::kind::{FieldKind, FieldSpec};

/// The specification of a component: its name, its fields, and the settings that it requests for its group.
///
/// `#[derive(NetComponent)]` builds the specification of a struct. A script builds a specification at run time.
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
    /// The name of the component, equal at both ends.
    pub name: Cow<'static, str>,
    /// The name of the component's group. Default: `None`, which means a group with the name of the component.
    pub group: Option<Cow<'static, str>>,
    /// The rate in Hz at which changes of the component's group are committed. 0 commits changes on every tick, and
    /// counts as the highest rate.
    /// Default: `None`, which requests no rate. Unless the schema sets a rate for the group, the highest requested rate
    /// applies, or 20 Hz if no component requests a rate.
    pub hz: Option<u16>,
    /// The prediction of the next value of the component's group. Default: `None`, which requests no prediction. A group
    /// for which neither the schema nor a component sets a prediction uses [`Prediction::Last`].
    pub predictor: Option<Prediction>,
    /// The fields of the component, in the order of their words.
    pub fields: Vec<FieldSpec>,
}

/// The prediction of a group's next value from earlier values. Only the difference from the prediction is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Prediction {
    /// The prediction that the value does not change.
    #[default]
    Last,
    /// The prediction that numbers, angles and rotations keep changing at the rate between two earlier versions that
    /// the peer has.
    Linear,
    /// The prediction that the field marked as the position changes at the mean of the old and the new value of the
    /// field marked as the velocity, and that no other field changes.
    Velocity,
}

impl ComponentSpec {
    /// Creates the specification of a component without fields.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), group: None, hz: None, predictor: None, fields: Vec::new() }
    }

    /// Sets the name of the component's group, and returns the changed specification. All components of a group are
    /// sent together, to the same peers.
    #[must_use]
    pub fn group(self, name: impl Into<Cow<'static, str>>) -> Self {
        Self { group: Some(name.into()), ..self }
    }

    /// Sets the rate in Hz at which changes are committed, and returns the changed specification. 0 commits changes on
    /// every tick, and counts as the highest rate. Unless the schema sets a rate for the group, the highest rate that a
    /// component of the group requests applies to the whole group.
    #[must_use]
    pub fn hz(self, hz: u16) -> Self {
        Self { hz: Some(hz), ..self }
    }

    /// Sets the prediction of the group's next value, and returns the changed specification. Two components of
    /// a group must not request different predictions, unless the schema sets a prediction for the group.
    #[must_use]
    pub fn predictor(self, predictor: Prediction) -> Self {
        Self { predictor: Some(predictor), ..self }
    }

    /// Adds a field after the existing fields, and returns the changed specification.
    #[must_use]
    pub fn field(mut self, field: FieldSpec) -> Self {
        self.fields.push(field);
        self
    }

    /// Adds the fields of the struct `kind`, and returns the changed specification. Any other kind becomes one field
    /// named `0`.
    #[must_use]
    pub fn fields_of(mut self, kind: FieldKind) -> Self {
        match kind {
            FieldKind::Structure { fields } => self.fields.extend(fields),
            other => self.fields.push(FieldSpec::new("0", other)),
        }
        self
    }

    /// Returns the number of words that a value of the component takes.
    #[must_use]
    pub fn words(&self) -> usize {
        self.fields.iter().map(|field| field.kind.words()).sum()
    }

    /// Returns the name of the component's group.
    #[must_use]
    pub fn group_name(&self) -> &str {
        self.group.as_ref().unwrap_or(&self.name)
    }
}
