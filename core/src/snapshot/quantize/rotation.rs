//! Quantises rotations as the smallest three components of a unit quaternion.
//!
//! The largest component follows from the other three, none of which exceeds 1/√2. Each of the other three is an integer from
//! `-half` to `half`, where `half` = 2^(bits - 1) - 1 represents 1/√2. The word is the integer plus `half`. Zero is therefore
//! exact, and so is the identity. The highest word, 2^bits - 1, is never written.

use core::f64::consts::FRAC_1_SQRT_2;

use super::rounding::nearest;

/// The largest component of a quaternion in fixed point.
const ONE: i64 = 1 << 30;

/// Returns the words of the rotation that a quaternion x, y, z, w of any length represents: the index of the
/// largest component (0 to 3), then the other three components in `bits` bits each (2 to 15). The zero quaternion,
/// and a quaternion that is not finite, become the identity.
///
/// The error of a component is at most half a step. If two components are about equally large, the error is below
/// two steps. The function then rounds the components towards zero, so that the same component remains the largest,
/// and quantising the rotation again gives the same words.
#[must_use]
pub fn rotation_words(quaternion: [f64; 4], bits: u8) -> [u32; 4] {
    let half = half(bits);
    let fixed = fixed_point(quaternion);
    let place = largest(fixed);
    let [most, rest @ ..] = split(fixed, place);
    let rest = if most < 0 { rest.map(|one| -one) } else { rest };
    // The fixed-point value of a component of 1/√2.
    let scale = (fixed.iter().map(|one| one.unsigned_abs().pow(2)).sum::<u64>() / 2).isqrt() as i64;
    let round = |one: i64, bias: i64| one.signum() * ((2 * one.abs() * half + bias) / (2 * scale)).min(half);
    let mut steps = rest.map(|one| round(one, scale));
    if (0..3).any(|other| is_too_large(steps, other, place, half)) {
        steps = rest.map(|one| round(one, 0));
        for other in 0..3 {
            if is_too_large(steps, other, place, half)
                && let Some(step) = steps.get_mut(other)
            {
                *step -= step.signum();
            }
        }
    }
    let [a, b, c] = steps.map(|step| (step + half) as u32);
    [place as u32, a, b, c]
}

/// Returns the unit quaternion x, y, z, w that the words represent. A word above its maximum counts as the maximum.
/// If the length of the three components exceeds 1, the words represent no rotation, and the function returns the
/// nearest rotation.
#[must_use]
pub fn rotation_from_words([place, rest @ ..]: [u32; 4], bits: u8) -> [f64; 4] {
    let half = half(bits);
    let steps = rest.map(|word| i64::from(word).min(2 * half) - half);
    let sum = steps.iter().map(|step| step * step).sum::<i64>();
    // Shifted, a square stays below 2^62, and a perfect square stays a perfect square.
    let shift = 62 - 2 * limited(bits);
    let root = |square: i64| ((square.unsigned_abs()) << shift).isqrt() as f64;
    let fine = (1u64 << (shift / 2)) as f64;
    let left = 2 * half * half - sum;
    let (most, unit) = if left >= 0 {
        let unit = FRAC_1_SQRT_2 / half as f64;
        (root(left) / fine * unit, unit)
    } else {
        (0.0, fine / root(sum))
    };
    let [a, b, c] = steps.map(|step| step as f64 * unit);
    match place {
        0 => [most, a, b, c],
        1 => [a, most, b, c],
        2 => [a, b, most, c],
        _ => [a, b, c, most],
    }
}

/// Returns a threshold for the words of the three components: if no word changes by more than the threshold, the
/// rotation changes by at most `degrees`. The threshold is rounded down.
///
/// If each of the three components changes by at most d, the rotation changes by at most 4√3 d radians, which is less
/// than 7 d.
#[must_use]
pub fn rotation_threshold(degrees: f64, bits: u8) -> u32 {
    let step = FRAC_1_SQRT_2 / half(bits) as f64;
    super::rounding::whole_steps(degrees * (core::f64::consts::PI / 180.0) / 7.0, step)
}

/// Returns `true` if the component with the index `other` of the three is so large that the component with the index
/// `place` of the four would not count as the largest. Among components that are about equal, the first counts as the
/// largest.
fn is_too_large(steps: [i64; 3], other: usize, place: usize, half: i64) -> bool {
    let square = |step: &i64| step * step;
    let left = 2 * half * half - steps.iter().map(square).sum::<i64>();
    let own = steps.get(other).map_or(0, square);
    if other < place { own + (own >> 16) >= left } else { own > left }
}

/// Returns the components in fixed point, scaled so that the largest is `ONE`.
fn fixed_point(quaternion: [f64; 4]) -> [i64; 4] {
    let magnitude = |most: f64, one: &f64| if one.abs() > most { one.abs() } else { most };
    let most = quaternion.iter().fold(0.0, magnitude);
    if most == 0.0 || !quaternion.iter().all(|one| one.is_finite()) {
        return [0, 0, 0, ONE];
    }
    quaternion.map(|one| nearest(one / most * ONE as f64))
}

/// Returns the index of the largest component. If several components are equal to within 2^-18, returns the lowest of
/// their indices.
fn largest(fixed: [i64; 4]) -> usize {
    fixed.iter().position(|one| one.abs() >= ONE - (ONE >> 18)).unwrap_or(3)
}

/// Returns the component at `place`, then the other components in order.
const fn split([x, y, z, w]: [i64; 4], place: usize) -> [i64; 4] {
    match place {
        0 => [x, y, z, w],
        1 => [y, x, z, w],
        2 => [z, x, y, w],
        _ => [w, x, y, z],
    }
}

fn half(bits: u8) -> i64 {
    (1 << (limited(bits) - 1)) - 1
}

fn limited(bits: u8) -> u32 {
    u32::from(bits.clamp(2, 15))
}
