//! Rounding floats without a mathematics library.

/// 1.5 * 2^52: next to it, floats are one apart.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// The nearest integer to `value`, the even one of two that are equally near. The caller keeps `value` below 2^51 in magnitude.
///
/// IEEE 754 does the rounding: a sum beside `SHIFT` has no bits left for a fraction.
#[inline]
pub(super) const fn nearest(value: f64) -> i64 {
    (value + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// `value` between `low` and `high`. Unlike `f64::clamp`, it cannot panic; unlike `f64::max`, it says which zero it returns.
#[inline]
pub(super) const fn clamp(value: f64, low: f64, high: f64) -> f64 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// How many units of `step` fit into `distance`, rounded down, as a threshold in words. A quotient that IEEE 754 rounds to just
/// below an integer, such as 0.3 / 0.1, counts as that integer.
pub(super) const fn whole_steps(distance: f64, step: f64) -> u32 {
    (distance / step + 1e-9) as u32
}
