//! Quantises angles.

use core::f64::consts::TAU;

use super::rounding::{nearest, whole_steps};

/// 2^52: every float of at least this size is an integer.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Returns the word that encodes an angle in radians in `bits` bits (1 to 32). The angle may exceed one turn in
/// either direction. Word 0 represents the angle zero, and the words cover one full turn. NaN and infinities become
/// zero.
#[inline]
#[must_use]
pub const fn angle_word(radians: f64, bits: u8) -> u32 {
    let turns = radians / TAU;
    let is_fraction = turns < WHOLE && turns > -WHOLE;
    let part = if is_fraction { turns - (turns as i64) as f64 } else { 0.0 };
    let words = 1u64 << limited(bits);
    (nearest(part * words as f64) as u64 & (words - 1)) as u32
}

/// Returns the angle that a word encodes, in radians from -π to below π. Only the lowest `bits` bits of the word count.
#[inline]
#[must_use]
pub const fn angle_from_word(word: u32, bits: u8) -> f64 {
    let unused = 32 - limited(bits);
    let signed = ((word << unused) as i32) >> unused;
    signed as f64 / (1u64 << limited(bits)) as f64 * TAU
}

/// Converts an angle in degrees to a whole number of steps, rounded down. One step, the difference between two
/// neighbouring words, is 360 degrees divided by 2^`bits`.
#[must_use]
pub const fn angle_threshold(degrees: f64, bits: u8) -> u32 {
    whole_steps(degrees, 360.0 / (1u64 << limited(bits)) as f64)
}

const fn limited(bits: u8) -> u32 {
    match bits {
        0 => 1,
        1..=32 => bits as u32,
        33.. => 32,
    }
}
