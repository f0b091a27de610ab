//! Values of components whose fields are set by name.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::super::component::{ComponentSpec, ComponentWords, FieldKind, FieldSpec, WordReader};
use super::convert::{read, write, write_default};
use super::error::DynamicError;
use super::value::DynamicValue;

/// A value of a component whose fields are set and read by name.
///
/// Every field of a new value has a default. A number is zero, or the end of its range nearest to zero. A rotation
/// is the identity. A Boolean value is `false`. A choice is its first variant. A reference refers to no entity. Text,
/// bytes and optional fields are empty.
///
/// ```
/// use tickwire_core::snapshot::{ComponentSpec, FieldKind, FieldSpec, Steps};
/// use tickwire_core::snapshot::{DynamicValue, SnapshotSchema};
///
/// let mut schema = SnapshotSchema::new();
/// let metres = Steps::new(-1024.0, 1024.0, 0.5)?;
/// schema.declare(
///     ComponentSpec::new("crate")
///         .field(FieldSpec::new("at", FieldKind::numbers(2, metres)))
///         .field(FieldSpec::new("open", FieldKind::Bool)),
/// )?;
/// let schema = schema.finish()?;
///
/// let mut value = schema.dynamic("crate")?;
/// value.set("at", &DynamicValue::Vector(vec![1.0, -0.5]))?;
/// value.set("open", &DynamicValue::Bool(true))?;
/// assert_eq!(value.words(), [2050, 2047, 1]);
/// assert_eq!(value.get("at")?, DynamicValue::Vector(vec![1.0, -0.5]));
///
/// let error = value.set("at.0", &DynamicValue::Bool(true)).unwrap_err();
/// assert_eq!(error.to_string(), "component `crate` has no field `at.0`; use one of `at`, `open`");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct DynamicComponent {
    spec: Arc<ComponentSpec>,
    words: Vec<u32>,
}

impl DynamicComponent {
    /// Creates the default value of the component that `spec` describes.
    #[must_use]
    pub fn new(spec: Arc<ComponentSpec>) -> Self {
        let mut words = vec![0; spec.words()];
        let mut writer = ComponentWords::new(&mut words);
        spec.fields.iter().for_each(|field| write_default(&field.kind, &mut writer));
        Self { spec, words }
    }

    /// Creates a value from its `words`. Missing words count as zero, and surplus words are ignored.
    #[must_use]
    pub fn from_words(spec: Arc<ComponentSpec>, words: &[u32]) -> Self {
        let mut own = words.to_vec();
        own.resize(spec.words(), 0);
        Self { spec, words: own }
    }

    /// Returns the specification of the component.
    #[must_use]
    pub fn spec(&self) -> &ComponentSpec {
        &self.spec
    }

    /// Returns the words of the value.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Sets a field. `field` is the name of a field, or a path to a part of a field: `slots.3.count` is the field
    /// `count` of the item with the index 3 of the array `slots`. A number outside the field's range becomes the
    /// nearest end of the range.
    ///
    /// # Errors
    /// [`DynamicError`] if there is no such field, or the field does not accept the value. The component is then
    /// unchanged.
    pub fn set(&mut self, field: &str, value: &DynamicValue) -> Result<(), DynamicError> {
        let (kind, at) = self.find(field)?;
        let mut words = vec![0; kind.words()];
        write(kind, value, &mut ComponentWords::new(&mut words)).map_err(|expected| {
            let (component, field) = (self.spec.name.as_ref().into(), field.into());
            DynamicError::WrongValue { component, field, expected, given: value.name() }
        })?;
        for (own, word) in self.words.iter_mut().skip(at).zip(words) {
            *own = word;
        }
        Ok(())
    }

    /// Returns the value of a field. `field` is a path as in [`Self::set`].
    ///
    /// # Errors
    /// [`DynamicError::UnknownField`] if the component has no such field.
    pub fn get(&self, field: &str) -> Result<DynamicValue, DynamicError> {
        let (kind, at) = self.find(field)?;
        let mut words = WordReader::new(&self.words);
        words.skip(at);
        Ok(read(kind, &mut words))
    }

    fn find(&self, field: &str) -> Result<(&FieldKind, usize), DynamicError> {
        locate(&self.spec.fields, field).ok_or_else(|| DynamicError::UnknownField {
            component: self.spec.name.as_ref().into(),
            field: field.into(),
            known: self.spec.fields.iter().map(|field| field.name.as_ref().into()).collect(),
        })
    }
}

/// Returns the field that a path leads to, and the place of its first word.
fn locate<'a>(fields: &'a [FieldSpec], path: &str) -> Option<(&'a FieldKind, usize)> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let place = fields.iter().position(|field| field.name == name)?;
    let (before, after) = fields.split_at(place);
    let at: usize = before.iter().map(|field| field.kind.words()).sum();
    let (kind, inside) = locate_inside(&after.first()?.kind, rest)?;
    Some((kind, at + inside))
}

fn locate_inside<'a>(kind: &'a FieldKind, path: Option<&str>) -> Option<(&'a FieldKind, usize)> {
    let Some(path) = path else { return Some((kind, 0)) };
    match kind {
        FieldKind::Structure { fields } => locate(fields, path),
        FieldKind::Array { length, item } => {
            let (index, rest) =
                path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            let index = index.parse::<u16>().ok().filter(|index| index < length)?;
            let (kind, inside) = locate_inside(item, rest)?;
            Some((kind, usize::from(index) * item.words() + inside))
        }
        _ => None,
    }
}
