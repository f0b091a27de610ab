//! The largest number of bits that a unit can take.
//!
//! A unit is sent whole or not at all, so the largest unit must fit into a packet of the narrowest path, besides the packet's other
//! content. The codec keeps to the bounds below, where b is the number of bits of a part's maximum:
//!
//! | part | bits at most |
//! |---|---|
//! | the mask of changed parts | 1, and 1 a part |
//! | flag, choice, opaque bits | b |
//! | each number, angle, component of a rotation | 2 b + 3: a difference in an exponential Golomb code |
//! | the place of a rotation's largest component | 2 |
//! | entity | 67: as a number of 32 bits |
//! | bytes | b for the length, and 8 a byte |
//! | array | for each element 1 in the mask, and its parts, each with 1 in a mask |

use super::super::layout::Part;
use crate::bits::bits_for;

/// Returns the largest number of bits of a unit with these parts.
pub(super) fn unit_bits(parts: &[Part]) -> u64 {
    1 + masked_bits(parts)
}

fn masked_bits(parts: &[Part]) -> u64 {
    parts.iter().map(|part| 1 + part_bits(part)).fold(0, u64::saturating_add)
}

fn part_bits(part: &Part) -> u64 {
    match part {
        Part::Flag => 1,
        Part::Choice { count } => bits_of(u64::from(count.saturating_sub(1))),
        Part::Numbers { words, max, .. } => u64::from(*words) * difference(bits_of(u64::from(*max))),
        Part::Angle { bits, .. } => difference(u64::from(*bits)),
        Part::Rotation { bits, .. } => 2 + 3 * difference(u64::from(*bits)),
        Part::Opaque { bits } => u64::from(*bits),
        Part::Entity => difference(32),
        Part::Bytes { max } => bits_of(u64::from(*max)) + 8 * u64::from(*max),
        Part::Array { length, element } => {
            u64::from(*length).saturating_mul(masked_bits(element).saturating_add(1))
        }
    }
}

const fn difference(bits: u64) -> u64 {
    2 * bits + 3
}

fn bits_of(max: u64) -> u64 {
    u64::from(bits_for(max))
}
