//! Rounds floats without a mathematics library.

/// 1.5 * 2^52: neighbouring floats of this size differ by 1.
const SHIFT: f64 = 6_755_399_441_055_744.0;

/// Returns the integer nearest to `value`, or the even integer of two equally near integers. The caller keeps the
/// magnitude of `value` below 2^51.
///
/// IEEE 754 rounds the sum: a number of the size of `SHIFT` has no bits for a fraction.
#[inline]
pub(super) const fn nearest(value: f64) -> i64 {
    (value + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// Returns `value`, limited to the range from `low` to `high`. Unlike `f64::clamp`, the function cannot panic. Unlike
/// `f64::max`, the function defines which zero it returns.
#[inline]
pub(super) const fn clamp(value: f64, low: f64, high: f64) -> f64 {
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// Returns the number of steps of size `step` in `distance`, rounded down, as a threshold in words. A quotient that
/// IEEE 754 rounds to just below an integer, such as 0.3 / 0.1, counts as that integer.
pub(super) const fn whole_steps(distance: f64, step: f64) -> u32 {
    (distance / step + 1e-9) as u32
}
