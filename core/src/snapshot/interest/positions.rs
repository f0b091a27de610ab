//! The fields of a schema that hold positions, and the conversion of a unit's words to a point.

use alloc::vec::Vec;

use crate::snapshot::component::{FieldKind, FieldSpec, Motion};
use crate::snapshot::ids::{ComponentId, GroupId};
use crate::snapshot::quantize::Steps;
use crate::snapshot::schema::WorldSchema;
use crate::snapshot::store::Version;

/// The fields marked with `#[net(position)]`, indexed by group.
#[derive(Clone, Debug, Default)]
pub(super) struct PositionFields {
    groups: Vec<Vec<PositionField>>,
}

/// A field that holds a position.
#[derive(Clone, Copy, Debug)]
struct PositionField {
    /// The index of the field's first word in the unit.
    first_word: usize,
    axes: usize,
    scale: PositionScale,
    /// The number of the bit in the unit's first word that shows whether the entity has the component. `None` in a
    /// group of one component.
    presence: Option<u8>,
}

/// The conversion of the words of a position to numbers.
#[derive(Clone, Copy, Debug)]
enum PositionScale {
    Steps(Steps),
    /// The number that the word 0 represents. Each following word represents the next integer.
    Integers(f64),
}

impl PositionFields {
    pub(super) fn new(schema: &WorldSchema) -> Self {
        let layouts = schema.groups();
        let mut groups: Vec<Vec<PositionField>> = Vec::new();
        groups.resize_with(layouts.groups.len(), Vec::new);
        for (number, place) in (0..=u16::MAX).zip(&layouts.components) {
            let Some(spec) = schema.spec(ComponentId(number)) else { continue };
            let Some(group) = layouts.group(place.group) else { continue };
            let Some(fields) = groups.get_mut(usize::from(place.group.0)) else { continue };
            let presence = group.has_presence().then_some(place.bit);
            find(&spec.fields, &mut usize::from(place.first_word), &mut |first_word, kind| {
                if let Some((axes, scale)) = scale(kind) {
                    fields.push(PositionField { first_word, axes, scale, presence });
                }
            });
        }
        Self { groups }
    }

    /// Returns the longest distance between two positions on one axis, and at least the least positive number.
    pub(super) fn extent(&self) -> f64 {
        let fields = self.groups.iter().flatten();
        fields.map(|field| field.scale.extent()).fold(f64::MIN_POSITIVE, f64::max)
    }

    /// Returns whether the schema has no position.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.iter().all(Vec::is_empty)
    }

    /// Returns whether units of a group can have a position.
    pub(super) fn has(&self, group: GroupId) -> bool {
        self.groups.get(usize::from(group.0)).is_some_and(|fields| !fields.is_empty())
    }

    /// Returns the position in the first component of the unit that is present and has a position.
    pub(super) fn point(&self, group: GroupId, version: &Version<'_>) -> Option<[f64; 3]> {
        let bits = version.words.first().copied().unwrap_or(0);
        let is_there = |field: &&PositionField| match field.presence {
            Some(bit) => bits >> (bit & 31) & 1 != 0,
            None => version.is_present,
        };
        let field = self.groups.get(usize::from(group.0))?.iter().find(is_there)?;
        let words = version.words.get(field.first_word..field.first_word + field.axes)?;
        let mut point = [0.0; 3];
        for (axis, word) in point.iter_mut().zip(words) {
            *axis = field.scale.value(*word);
        }
        Some(point)
    }
}

impl PositionScale {
    fn extent(&self) -> f64 {
        match self {
            Self::Steps(steps) => steps.high() - steps.low(),
            // Cells as long as an integer are small enough.
            Self::Integers(_) => 4096.0,
        }
    }

    fn value(&self, word: u32) -> f64 {
        match self {
            Self::Steps(steps) => steps.value(word),
            Self::Integers(low) => low + f64::from(word),
        }
    }
}

/// Calls `found` with the index of the first word and the kind of each field that is marked as a position.
fn find(fields: &[FieldSpec], word: &mut usize, found: &mut impl FnMut(usize, &FieldKind)) {
    for field in fields {
        if let FieldKind::Structure { fields } = &field.kind {
            find(fields, word, found);
            continue;
        }
        if field.motion == Some(Motion::Position) {
            found(*word, &field.kind);
        }
        *word += field.kind.words();
    }
}

/// Returns the number of axes of a position and the conversion of its words, or `None` if the kind is not a position.
fn scale(kind: &FieldKind) -> Option<(usize, PositionScale)> {
    match kind {
        FieldKind::Numbers { axes, steps, .. } => Some((usize::from(*axes), PositionScale::Steps(*steps))),
        FieldKind::Integer { low, .. } if kind.words() == 1 => {
            Some((1, PositionScale::Integers(*low as f64)))
        }
        _ => None,
    }
}
