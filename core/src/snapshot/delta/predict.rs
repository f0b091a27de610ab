//! Predicts the value of a part, and the size of the prediction's error.

use super::against::Against;
use super::plan::{CodedPart, MotionRule};
use super::rotation::in_chart;
use crate::snapshot::entropy::width_of;

/// The largest number of ticks between two versions over which motion is extrapolated.
const EXTRAPOLATED_TICKS: u32 = 0xffff;

/// The knowledge of a unit's motion that both ends share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Knowledge {
    /// The unit is coded against its blueprint, so nothing shows how fast the unit moves.
    Absent,
    /// The receiver has one version, or the baseline is too old to extrapolate from, so the unit counts as being at rest.
    Position,
    /// The receiver has two versions, which show how fast the unit moves.
    MotionRule,
}

/// The times between three versions of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitTiming {
    pub(super) knowledge: Knowledge,
    /// The number of ticks from the baseline to the new version.
    elapsed: u32,
    /// The number of ticks from the second baseline to the baseline.
    span: u32,
    /// `elapsed / span` in units of 2^-16.
    ratio: i64,
}

/// A prediction of up to three words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct PredictedWords {
    pub(super) words: [u32; 3],
    /// The order of the Golomb code that is expected to code the differences to `words` in the fewest bits.
    pub(super) order: u32,
}

/// The words of a part or of a unit, in the baseline and in the second baseline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) baseline: &'a [u32],
    pub(super) second: &'a [u32],
}

/// The words of a part of up to three words, in both baselines. Zeros follow the words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triples {
    baseline: [u32; 3],
    second: [u32; 3],
    count: usize,
}

/// Returns up to three words, followed by zeros.
#[inline]
pub(super) const fn triple(words: &[u32]) -> [u32; 3] {
    match *words {
        [a, b, c] => [a, b, c],
        [a, b] => [a, b, 0],
        [a] => [a, 0, 0],
        _ => [0; 3],
    }
}

impl UnitTiming {
    /// Computes the times between the versions. Motion is extrapolated for at most twice the time between the two
    /// baselines. If the baseline is older, the unit counts as being at rest, because the sender has sent no newer
    /// version for so long.
    pub(super) fn new(tick: u32, against: &Against<'_>) -> Self {
        let mut timing = Self { knowledge: Knowledge::Absent, elapsed: 0, span: 1, ratio: 0 };
        let Against::Version { baseline, second } = against else { return timing };
        timing.knowledge = Knowledge::Position;
        timing.elapsed = tick.saturating_sub(baseline.tick).min(EXTRAPOLATED_TICKS);
        let Some(second) = second else { return timing };
        let span = baseline.tick.saturating_sub(second.tick);
        if (1..=EXTRAPOLATED_TICKS).contains(&span) && (1..=2 * span).contains(&timing.elapsed) {
            timing.knowledge = Knowledge::MotionRule;
            timing.span = span;
            // The two times are almost always equal, and a division costs as much as the rest of this function.
            let is_even = timing.elapsed == span;
            timing.ratio =
                if is_even { 1 << 16 } else { (i64::from(timing.elapsed) << 16) / i64::from(span) };
        }
        timing
    }

    /// Scales a movement between the baselines to the time since the baseline, rounded. The magnitude of the result
    /// is at most 2^34.
    #[inline]
    fn scaled(&self, movement: i64) -> i64 {
        (movement * self.ratio + 0x8000) >> 16
    }

    /// Returns the Golomb order for `count` words, 1 to 3, of `width` bits. `movement` is the sum of the movements of
    /// the words.
    ///
    /// With linear extrapolation, the expected error is a quarter of the movement. Without a prediction, the expected
    /// error is the movement itself. The method chooses the order for one and a half times the mean expected error,
    /// because an order that is too high costs one bit and an order that is too low costs two bits. If the motion is
    /// unknown, the order is a quarter of the width.
    #[inline]
    fn order(&self, movement: u64, count: usize, width: u32, motion: MotionRule) -> u32 {
        if self.knowledge != Knowledge::MotionRule {
            return width / 4;
        }
        let spread = match count {
            1 => movement * 3 / 2,
            2 => movement * 3 / 4,
            _ => movement / 2,
        };
        let bits = u64::BITS - spread.leading_zeros();
        let bits = if motion == MotionRule::Linear { bits.saturating_sub(2) } else { bits };
        bits.min(width)
    }
}

/// Predicts numbers up to `max` in a part that does not move along a velocity.
#[inline]
pub(super) fn numbers(part: &Triples, max: u32, motion: MotionRule, timing: &UnitTiming) -> PredictedWords {
    let mut prediction = PredictedWords::default();
    let mut movement = 0;
    for ((word, baseline), second) in prediction.words.iter_mut().zip(&part.baseline).zip(&part.second) {
        let step = timing.scaled(i64::from(*baseline) - i64::from(*second));
        movement += step.unsigned_abs();
        let step = if motion == MotionRule::Linear { step } else { 0 };
        *word = (i64::from(*baseline) + step).clamp(0, i64::from(max)) as u32;
    }
    prediction.order = timing.order(movement, part.count, width_of(max), motion);
    prediction
}

/// Predicts numbers up to `max`. `unit` holds the words of the whole unit in both baselines. `now` holds the unit's new words; if
/// the part moves along a velocity, the words of that velocity must be known.
#[inline]
pub(super) fn moved_numbers(
    part: &Triples,
    max: u32,
    motion: MotionRule,
    timing: &UnitTiming,
    unit: Rows<'_>,
    now: &[u32],
) -> PredictedWords {
    match motion {
        MotionRule::Rest | MotionRule::Linear => numbers(part, max, motion, timing),
        MotionRule::Along { first, middle, scale } => {
            let velocity = |words: &[u32]| {
                let words = words.get(first..).unwrap_or_default();
                let mut all = [0; 3];
                for (velocity, word) in all.iter_mut().zip(words).take(part.count) {
                    *velocity = i64::from(*word) - i64::from(middle);
                }
                all
            };
            let [second, baseline, now] = [unit.second, unit.baseline, now].map(velocity);
            let in_range = |position: i64| position.clamp(0, i64::from(max));
            // The distance by which the same rule would have missed the baseline.
            let expected = along(part.second, second, baseline, scale, timing.span).map(in_range);
            let missed =
                expected.iter().zip(part.baseline).map(|(word, baseline)| word.abs_diff(i64::from(baseline)));
            let order = timing.order(missed.sum(), part.count, width_of(max), motion);
            let words = along(part.baseline, baseline, now, scale, timing.elapsed);
            PredictedWords { words: words.map(|word| in_range(word) as u32), order }
        }
    }
}

/// Returns the position after `ticks` ticks at the mean of two velocities.
fn along(position: [u32; 3], before: [i64; 3], after: [i64; 3], scale: u64, ticks: u32) -> [i64; 3] {
    let mut all = position.map(i64::from);
    for ((position, before), after) in all.iter_mut().zip(before).zip(after) {
        *position = position.saturating_add(travelled(before + after, scale, ticks));
    }
    all
}

/// Returns the position steps that `ticks` ticks add at half of `velocities`, which is the sum of two velocities. A
/// velocity step adds `scale / 2^32` position steps in each tick.
fn travelled(velocities: i64, scale: u64, ticks: u32) -> i64 {
    // The product is below 2^34 times 2^64 times 2^16, so it fits.
    let way = i128::from(velocities) * i128::from(scale) * i128::from(ticks);
    ((way + (1 << 32)) >> 33).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Predicts an angle of `bits` bits. A movement takes the shorter way round.
#[inline]
pub(super) fn angle(part: Rows<'_>, bits: u32, motion: MotionRule, timing: &UnitTiming) -> PredictedWords {
    let (Some(baseline), Some(second)) = (part.baseline.first(), part.second.first()) else {
        return PredictedWords::default();
    };
    let step = timing.scaled(i64::from(short_way(baseline.wrapping_sub(*second), bits)));
    let order = timing.order(step.unsigned_abs(), 1, bits, motion);
    let step = if motion == MotionRule::Linear { step as u32 } else { 0 };
    PredictedWords { words: [wrapped(baseline.wrapping_add(step), bits), 0, 0], order }
}

/// Predicts the three smaller components of a rotation, written as if component `largest` were the largest.
#[inline]
pub(super) fn rotation(
    part: Rows<'_>,
    bits: u32,
    motion: MotionRule,
    timing: &UnitTiming,
    largest: u32,
) -> PredictedWords {
    let triples = Triples {
        baseline: charted(part.baseline, largest, bits),
        second: charted(part.second, largest, bits),
        count: 3,
    };
    numbers(&triples, (1 << bits) - 1, motion, timing)
}

/// Returns the words of a rotation, written as if component `largest` were the largest.
#[inline]
fn charted(words: &[u32], largest: u32, bits: u32) -> [u32; 3] {
    match *words {
        [own, a, b, c] => in_chart([own, a, b, c], largest, bits),
        _ => [0; 3],
    }
}

/// Returns a difference of angles of `bits` bits, 1 to 32, as a signed number.
#[inline]
pub(super) const fn short_way(difference: u32, bits: u32) -> i32 {
    let unused = 32 - bits;
    (difference << unused).cast_signed() >> unused
}

/// Wraps an angle to `bits` bits, 1 to 32.
#[inline]
pub(super) const fn wrapped(angle: u32, bits: u32) -> u32 {
    angle & (u32::MAX >> (32 - bits))
}

impl<'a> Rows<'a> {
    /// Returns the words of a unit in both baselines.
    pub(super) const fn new(against: &Against<'a>) -> Self {
        Self { baseline: against.words(), second: against.second_words() }
    }

    /// Returns whether the words of the two baselines differ.
    #[inline]
    pub(super) fn moved(&self) -> bool {
        match (self.baseline, self.second) {
            // Comparing a few words here is cheaper than a call.
            ([a], [b]) => a != b,
            ([a, b, c], [d, e, f]) => a ^ d | b ^ e | c ^ f != 0,
            ([a, b, c, d], [e, f, g, h]) => a ^ e | b ^ f | c ^ g | d ^ h != 0,
            (baseline, second) => baseline != second,
        }
    }

    /// Returns the words of a part of up to three words.
    #[inline]
    pub(super) fn triples(&self) -> Triples {
        Triples { baseline: triple(self.baseline), second: triple(self.second), count: self.baseline.len() }
    }

    /// Returns the words of each element of an array, in both baselines.
    pub(super) fn chunks(&self, words: usize) -> impl Iterator<Item = Self> + use<'a> {
        let both = self.baseline.chunks(words).zip(self.second.chunks(words));
        both.map(|(baseline, second)| Self { baseline, second })
    }
}

impl CodedPart {
    /// Returns the part's words among the words of the unit or element, in both baselines.
    #[inline]
    pub(super) fn rows<'a>(&self, unit: Rows<'a>) -> Rows<'a> {
        Rows { baseline: self.of(unit.baseline), second: self.of(unit.second) }
    }
}
