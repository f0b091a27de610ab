//! Rounds floats without a mathematics library.

/// 1.5 * 2^52: neighbouring floats of this size differ by 1.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// The integer nearest to `value`; of two equally near integers, the even one. The caller keeps `value` below 2^51 in magnitude.
///
/// IEEE 754 does the rounding: a sum of the size of `SHIFT` has no bits left for a fraction.
#[inline]
pub(super) const fn nearest(value: f64) -> i64 {
    (value + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// `value`, limited to `low` to `high`. Unlike `f64::clamp`, the function cannot panic; unlike `f64::max`, it defines which zero it
/// returns.
#[inline]
pub(super) const fn clamp(value: f64, low: f64, high: f64) -> f64 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// The number of steps of size `step` in `distance`, rounded down, as a threshold in words. A quotient that IEEE 754 rounds to just
/// below an integer, such as 0.3 / 0.1, counts as that integer.
pub(super) const fn whole_steps(distance: f64, step: f64) -> u32 {
    (distance / step + 1e-9) as u32
}
