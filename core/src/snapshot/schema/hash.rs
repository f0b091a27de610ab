//! Stable hashes of components, groups and blueprints.
//!
//! A byte names the kind of the item. Then follow the item's numbers (64 bits, little-endian), texts (the length as a number, then
//! the bytes) and children (the number of children, then each child). The bytes of kinds and predictors must never change, because
//! a change would break the protocol.

use super::super::component::{ComponentSpec, FieldKind, FieldSpec, Motion};
use super::super::layout::Predictor;
use crate::schema::StableHasher;

/// Returns the hash of a component. The hash of a component that forms a group of its own includes the group's
/// predictor.
pub(super) fn component(spec: &ComponentSpec, own_group: Option<Predictor>) -> u32 {
    let mut hash = StableHasher::new();
    hash.text(spec.group_name());
    fields(&mut hash, &spec.fields);
    if let Some(of_group) = own_group {
        predictor(&mut hash, of_group);
    }
    hash.finish_32()
}

/// Returns the hash of a group of several components.
pub(super) fn group<'a>(components: impl Iterator<Item = &'a str>, of_group: Predictor) -> u32 {
    let mut hash = StableHasher::new();
    components.for_each(|name| hash.text(name));
    predictor(&mut hash, of_group);
    hash.finish_32()
}

/// Returns the hash of a blueprint.
pub(super) fn blueprint<'a>(components: impl Iterator<Item = (&'a str, &'a [u32])>) -> u32 {
    let mut hash = StableHasher::new();
    for (name, words) in components {
        hash.text(name);
        hash.u64(words.len() as u64);
        words.iter().for_each(|word| hash.bytes(&word.to_le_bytes()));
    }
    hash.finish_32()
}

fn predictor(hash: &mut StableHasher, predictor: Predictor) {
    match predictor {
        Predictor::Last => hash.u8(1),
        Predictor::Linear => hash.u8(2),
        Predictor::Velocity { position, velocity, scale } => {
            hash.u8(3);
            hash.u64(u64::from(position));
            hash.u64(u64::from(velocity));
            hash.u64(scale);
        }
    }
}

fn fields(hash: &mut StableHasher, fields: &[FieldSpec]) {
    hash.u64(fields.len() as u64);
    for field in fields {
        hash.text(&field.name);
        hash.u8(match field.motion {
            None => 0,
            Some(Motion::Position) => 1,
            Some(Motion::Velocity) => 2,
        });
        kind(hash, &field.kind);
    }
}

fn kind(hash: &mut StableHasher, of: &FieldKind) {
    match of {
        FieldKind::Bool => hash.u8(1),
        FieldKind::Choice { variants } => {
            hash.u8(2);
            hash.u64(variants.len() as u64);
            variants.iter().for_each(|name| hash.text(name));
        }
        FieldKind::Integer { low, high, .. } => {
            hash.u8(3);
            hash.bytes(&low.to_le_bytes());
            hash.bytes(&high.to_le_bytes());
        }
        FieldKind::Exact { width } => numbered(hash, 4, *width),
        FieldKind::Numbers { axes, steps, .. } => {
            numbered(hash, 5, *axes);
            for float in [steps.low(), steps.high(), steps.step()] {
                hash.u64(float.to_bits());
            }
        }
        FieldKind::Angle { bits, .. } => numbered(hash, 6, *bits),
        FieldKind::Rotation { bits, .. } => numbered(hash, 7, *bits),
        FieldKind::Entity => hash.u8(8),
        FieldKind::Bytes { max } => numbered(hash, 9, *max),
        FieldKind::Text { max } => numbered(hash, 10, *max),
        FieldKind::Array { length, item } => {
            numbered(hash, 11, *length);
            kind(hash, item);
        }
        FieldKind::Structure { fields: inner } => {
            hash.u8(12);
            fields(hash, inner);
        }
        FieldKind::Optional { item } => {
            hash.u8(13);
            kind(hash, item);
        }
    }
}

fn numbered(hash: &mut StableHasher, tag: u8, number: impl Into<u64>) {
    hash.u8(tag);
    hash.u64(number.into());
}
