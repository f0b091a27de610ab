//! Derives the predictor of a group from its marked fields.

use alloc::vec::Vec;

use super::super::component::{ComponentSpec, FieldKind, FieldSpec, Motion, Prediction};
use super::super::layout::Predictor;

/// A field that is marked as a position or a velocity.
struct Marked {
    motion: Motion,
    /// The place of the field's part in the layout.
    part: usize,
    axes: u8,
    max: u32,
    /// The word that represents zero, if zero is in the range.
    zero: Option<u32>,
    step: f64,
}

/// Returns the predictor of a group. `first_part` is the number of parts of the layout before the parts of the
/// components.
///
/// # Errors
/// A text that describes the fault and how to correct it.
pub(super) fn predictor<'a>(
    prediction: Prediction,
    components: impl Iterator<Item = &'a ComponentSpec>,
    first_part: usize,
    ticks_per_second: u16,
) -> Result<Predictor, &'static str> {
    match prediction {
        Prediction::Last => return Ok(Predictor::Last),
        Prediction::Linear => return Ok(Predictor::Linear),
        Prediction::Velocity => {}
    }
    let mut place = first_part;
    let mut marked = Vec::new();
    for component in components {
        find(&component.fields, &mut place, &mut marked)?;
    }
    let only = |motion| {
        let mut found = marked.iter().filter(|one| one.motion == motion);
        found.next().filter(|_| found.next().is_none())
    };
    let position = only(Motion::Position).ok_or(
        "the group does not have exactly one position field; mark one field, outside of arrays and optional values, with \
         `#[net(position)]` or `FieldSpec::position`",
    )?;
    let velocity = only(Motion::Velocity).ok_or(
        "the group does not have exactly one velocity field; mark one field, outside of arrays and optional values, with \
         `#[net(velocity)]` or `FieldSpec::velocity`",
    )?;
    if position.axes != velocity.axes {
        return Err("position and velocity have different numbers of axes; give both the same number");
    }
    if velocity.zero != Some(velocity.max.div_ceil(2)) {
        return Err(
            "the range of the velocity does not reach as far below zero as above; give a range such as -20.0..=20.0",
        );
    }
    let ratio = velocity.step / (position.step * f64::from(ticks_per_second));
    let scale = ratio * f64::from(1u32 << 31) * 2.0 + 0.5;
    if scale < 1.0 || ratio >= f64::from(1u32 << 31) {
        return Err("the steps of position and velocity differ too much; give the two steps similar sizes");
    }
    Ok(Predictor::Velocity {
        position: position.part as u16,
        velocity: velocity.part as u16,
        scale: scale as u64,
    })
}

fn find(fields: &[FieldSpec], place: &mut usize, marked: &mut Vec<Marked>) -> Result<(), &'static str> {
    for field in fields {
        if let FieldKind::Structure { fields } = &field.kind {
            find(fields, place, marked)?;
            continue;
        }
        let mut parts = Vec::new();
        field.kind.append_parts(&mut parts);
        if let Some(motion) = field.motion {
            marked.push(mark(motion, &field.kind, *place)?);
        }
        *place += parts.len();
    }
    Ok(())
}

fn mark(motion: Motion, kind: &FieldKind, part: usize) -> Result<Marked, &'static str> {
    match *kind {
        FieldKind::Numbers { axes, steps, .. } => {
            let zero = (steps.low() <= 0.0 && steps.high() >= 0.0).then(|| steps.word(0.0));
            Ok(Marked { motion, part, axes, max: steps.max(), zero, step: steps.step() })
        }
        FieldKind::Integer { low, high, .. } => {
            let max = u32::try_from(high - low).map_err(
                |_| "a position or velocity of integers has at most 2^32 values; set a smaller range",
            )?;
            let zero = (low <= 0 && high >= 0).then_some((-low) as u32);
            Ok(Marked { motion, part, axes: 1, max, zero, step: 1.0 })
        }
        _ => Err("only a field of numbers with a range can be a position or a velocity; mark such a field"),
    }
}
