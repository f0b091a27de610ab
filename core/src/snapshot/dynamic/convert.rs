//! Converts dynamic values to words and back, by the kind of the field.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::component::{ComponentWords, FieldKind, WordReader, text};
use super::super::ids::NetworkId;
use super::super::quantize::{Real as _, angle_from_word, angle_word, rotation_from_words, rotation_words};
use super::value::DynamicValue;

/// Writes `value` as the words of a field. The error is a text that describes the values that the field accepts.
pub(super) fn write(
    kind: &FieldKind,
    value: &DynamicValue,
    words: &mut ComponentWords<'_>,
) -> Result<(), String> {
    let expected = || expected(kind);
    match kind {
        FieldKind::Bool => words.put(u32::from(boolean(value).ok_or_else(expected)?)),
        FieldKind::Choice { variants } => {
            let place = match value {
                DynamicValue::Text(name) => variants.iter().position(|variant| variant == name),
                other => integer(other).and_then(|place| usize::try_from(place).ok()),
            };
            let place = place.filter(|place| *place < variants.len()).ok_or_else(expected)?;
            words.put(place as u32);
        }
        FieldKind::Integer { low, high, .. } => {
            put_integer(integer(value).ok_or_else(expected)?, *low, *high, words);
        }
        FieldKind::Exact { width } => put_exact(number(value).ok_or_else(expected)?, *width, words),
        FieldKind::Numbers { axes, steps, .. } => {
            let numbers = numbers(value, usize::from(*axes)).ok_or_else(expected)?;
            numbers.into_iter().for_each(|number| words.put(steps.word(number)));
        }
        FieldKind::Angle { bits, .. } => words.put(angle_word(number(value).ok_or_else(expected)?, *bits)),
        FieldKind::Rotation { bits, .. } => {
            let numbers = numbers(value, 4).and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
            words.put_all(rotation_words(numbers.ok_or_else(expected)?, *bits));
        }
        FieldKind::Entity => match value {
            DynamicValue::Entity(NetworkId(id)) => words.put(*id),
            DynamicValue::None => words.put(0),
            _ => return Err(expected()),
        },
        FieldKind::Bytes { max } => match value {
            DynamicValue::Bytes(bytes) => put_bytes(bytes, *max, words).ok_or_else(expected)?,
            _ => return Err(expected()),
        },
        FieldKind::Text { max } => match value {
            DynamicValue::Text(text) => put_bytes(text.as_bytes(), *max, words).ok_or_else(expected)?,
            _ => return Err(expected()),
        },
        FieldKind::Array { length, item } => {
            let items = list(value, usize::from(*length)).ok_or_else(expected)?;
            for value in items {
                write(item, value, words).map_err(|inner| format!("{}, each {inner}", expected()))?;
            }
        }
        FieldKind::Structure { fields } => {
            let values = list(value, fields.len()).ok_or_else(expected)?;
            for (field, value) in fields.iter().zip(values) {
                write(&field.kind, value, words)
                    .map_err(|inner| format!("{}, with {inner} as `{}`", expected(), field.name))?;
            }
        }
        FieldKind::Optional { item } => {
            words.put(u32::from(*value != DynamicValue::None));
            match value {
                DynamicValue::None => words.skip(item.words()),
                value => write(item, value, words).map_err(|inner| format!("{inner} or none"))?,
            }
        }
    }
    Ok(())
}

/// Reads the words of a field.
pub(super) fn read(kind: &FieldKind, words: &mut WordReader<'_>) -> DynamicValue {
    match kind {
        FieldKind::Bool => DynamicValue::Bool(words.take() != 0),
        FieldKind::Choice { variants } => {
            let place = (words.take() as usize).min(variants.len().saturating_sub(1));
            DynamicValue::Text(variants.get(place).map(ToString::to_string).unwrap_or_default())
        }
        FieldKind::Integer { low, high, .. } => {
            let mut offset = i128::from(words.take());
            if kind.words() == 2 {
                offset |= i128::from(words.take()) << 32;
            }
            DynamicValue::Int(low.saturating_add(offset).min(*high))
        }
        FieldKind::Exact { width: 32 } => {
            DynamicValue::Float(f32::from_exact(u64::from(words.take())).widen())
        }
        FieldKind::Exact { .. } => {
            let (low, high) = (words.take(), words.take());
            DynamicValue::Float(f64::from_exact(u64::from(low) | u64::from(high) << 32))
        }
        FieldKind::Numbers { axes: 1, steps, .. } => DynamicValue::Float(steps.value(words.take())),
        FieldKind::Numbers { axes, steps, .. } => {
            DynamicValue::Vector((0..*axes).map(|_| steps.value(words.take())).collect())
        }
        FieldKind::Angle { bits, .. } => DynamicValue::Float(angle_from_word(words.take(), *bits)),
        FieldKind::Rotation { bits, .. } => {
            DynamicValue::Quaternion(rotation_from_words(words.take_all(), *bits))
        }
        FieldKind::Entity => match words.take() {
            0 => DynamicValue::None,
            id => DynamicValue::Entity(NetworkId(id)),
        },
        FieldKind::Bytes { max } => DynamicValue::Bytes(words.take_bytes(usize::from(*max)).collect()),
        FieldKind::Text { max } => DynamicValue::Text(text(words.take_bytes(usize::from(*max)).collect())),
        FieldKind::Array { length, item } => {
            DynamicValue::List((0..*length).map(|_| read(item, words)).collect())
        }
        FieldKind::Structure { fields } => {
            DynamicValue::List(fields.iter().map(|field| read(&field.kind, words)).collect())
        }
        FieldKind::Optional { item } => match words.take() {
            0 => {
                words.skip(item.words());
                DynamicValue::None
            }
            _ => read(item, words),
        },
    }
}

/// Writes the default value of a field.
pub(super) fn write_default(kind: &FieldKind, words: &mut ComponentWords<'_>) {
    match kind {
        FieldKind::Integer { low, high, .. } => put_integer(0, *low, *high, words),
        FieldKind::Numbers { axes, steps, .. } => (0..*axes).for_each(|_| words.put(steps.word(0.0))),
        FieldKind::Rotation { bits, .. } => words.put_all(rotation_words([0.0; 4], *bits)),
        FieldKind::Array { length, item } => (0..*length).for_each(|_| write_default(item, words)),
        FieldKind::Structure { fields } => {
            fields.iter().for_each(|field| write_default(&field.kind, words));
        }
        other => words.skip(other.words()),
    }
}

fn put_integer(value: i128, low: i128, high: i128, words: &mut ComponentWords<'_>) {
    let offset = value.max(low).min(high).wrapping_sub(low);
    words.put(offset as u32);
    if high.wrapping_sub(low) > i128::from(u32::MAX) {
        words.put((offset >> 32) as u32);
    }
}

fn put_exact(value: f64, width: u8, words: &mut ComponentWords<'_>) {
    if width == 32 {
        words.put(f32::narrow(value).exact() as u32);
    } else {
        let bits = value.exact();
        words.put_all([bits as u32, (bits >> 32) as u32]);
    }
}

/// Writes bytes or text. Returns `None` if there are more than `max` bytes.
fn put_bytes(bytes: &[u8], max: u16, words: &mut ComponentWords<'_>) -> Option<()> {
    if bytes.len() > usize::from(max) {
        return None;
    }
    words.put_bytes(bytes, usize::from(max));
    Some(())
}

const fn boolean(value: &DynamicValue) -> Option<bool> {
    match value {
        DynamicValue::Bool(value) => Some(*value),
        _ => None,
    }
}

fn integer(value: &DynamicValue) -> Option<i128> {
    match value {
        DynamicValue::Int(value) => Some(*value),
        DynamicValue::Float(value) => {
            let whole = *value as i128;
            (whole as f64 == *value).then_some(whole)
        }
        _ => None,
    }
}

const fn number(value: &DynamicValue) -> Option<f64> {
    match value {
        DynamicValue::Int(value) => Some(*value as f64),
        DynamicValue::Float(value) => Some(*value),
        _ => None,
    }
}

/// Returns the `count` numbers of `value`. A single number needs no list.
fn numbers(value: &DynamicValue, count: usize) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = match value {
        DynamicValue::Vector(numbers) => numbers.clone(),
        DynamicValue::Quaternion(numbers) => numbers.to_vec(),
        DynamicValue::List(items) => items.iter().map(number).collect::<Option<_>>()?,
        other => number(other).into_iter().collect(),
    };
    (numbers.len() == count).then_some(numbers)
}

fn list(value: &DynamicValue, count: usize) -> Option<&[DynamicValue]> {
    match value {
        DynamicValue::List(items) if items.len() == count => Some(items),
        _ => None,
    }
}

/// Returns a text that describes the values that a field accepts.
fn expected(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Bool => "a boolean".into(),
        FieldKind::Choice { variants } => format!("one of `{}`", variants.join("`, `")),
        FieldKind::Integer { .. } => "an integer".into(),
        FieldKind::Exact { .. } | FieldKind::Numbers { axes: 1, .. } => "a number".into(),
        FieldKind::Numbers { axes, .. } => format!("a vector of {axes} numbers"),
        FieldKind::Angle { .. } => "an angle in radians".into(),
        FieldKind::Rotation { .. } => "a quaternion".into(),
        FieldKind::Entity => "an entity or none".into(),
        FieldKind::Bytes { max } => format!("at most {max} bytes"),
        FieldKind::Text { max } => format!("text of at most {max} bytes"),
        FieldKind::Array { length, .. } => format!("a list of {length} items"),
        FieldKind::Structure { fields } => format!("a list of {} values, one for each field", fields.len()),
        FieldKind::Optional { item } => format!("{} or none", expected(item)),
    }
}
