//! The value that a part is expected to have, and how far from it the value is expected to be.

use super::against::Against;
use super::plan::{CodedPart, MotionRule};
use super::rotation::in_chart;
use crate::snapshot::entropy::width_of;

/// The longest time between two versions over which motion is extrapolated, in ticks.
const EXTRAPOLATED_TICKS: u32 = 0xffff;

/// How much is known of a unit's motion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Knowledge {
    /// Nothing: the receiver has no version of the unit.
    Absent,
    /// The receiver has one version, or the unit rested since.
    Position,
    /// The receiver has two versions that show how fast the unit moves.
    MotionRule,
}

/// The times between three versions of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnitTiming {
    pub(super) knowledge: Knowledge,
    /// From the baseline to now, in ticks.
    elapsed: u32,
    /// From the second baseline to the baseline, in ticks.
    span: u32,
    /// `elapsed / span` in units of 2^-16.
    ratio: i64,
}

/// A prediction of up to three words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct PredictedWords {
    pub(super) words: [u32; 3],
    /// The order of the Golomb code in which the differences to `words` are expected to be shortest.
    pub(super) order: u32,
}

/// The words of a part or of a unit in two versions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) baseline: &'a [u32],
    pub(super) second: &'a [u32],
}

/// The words of a part of up to three in two versions, zeros after the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triples {
    baseline: [u32; 3],
    second: [u32; 3],
    count: usize,
}

/// Up to three words, zeros after the last.
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
    /// MotionRule is extrapolated for up to twice the time over which it was seen. A baseline that is older than that was the newest
    /// for so long because the unit came to rest.
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
            // Almost always the two are equal, and a division costs as much as all else here.
            let is_even = timing.elapsed == span;
            timing.ratio =
                if is_even { 1 << 16 } else { (i64::from(timing.elapsed) << 16) / i64::from(span) };
        }
        timing
    }

    /// A movement between the baselines, scaled to the time since the baseline; rounded. At most 2^34 in size.
    #[inline]
    fn scaled(&self, movement: i64) -> i64 {
        (movement * self.ratio + 0x8000) >> 16
    }

    /// The order for `count` words, 1 to 3, of `width` bits, which moved by `movement` in sum.
    ///
    /// Where motion is extrapolated, the error is taken to be a quarter of the movement; without a prediction, it is the
    /// movement. The order is that of one and a half times the mean movement, because a code of too high an order costs a bit and
    /// one of too low an order two. Without motion to go by, the order is a quarter of the width.
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

/// Predicts numbers up to `max`, in a part that moves along no other.
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

/// Predicts numbers up to `max`. `unit` are the words of the whole unit in both versions, and `now` its words now, of which those of
/// the velocity must be known if the part moves along one.
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
            // How far the same prediction missed the baseline.
            let expected = along(part.second, second, baseline, scale, timing.span).map(in_range);
            let missed =
                expected.iter().zip(part.baseline).map(|(word, baseline)| word.abs_diff(i64::from(baseline)));
            let order = timing.order(missed.sum(), part.count, width_of(max), motion);
            let words = along(part.baseline, baseline, now, scale, timing.elapsed);
            PredictedWords { words: words.map(|word| in_range(word) as u32), order }
        }
    }
}

/// A position after `ticks` at the mean of two velocities.
fn along(position: [u32; 3], before: [i64; 3], after: [i64; 3], scale: u64, ticks: u32) -> [i64; 3] {
    let mut all = position.map(i64::from);
    for ((position, before), after) in all.iter_mut().zip(before).zip(after) {
        *position = position.saturating_add(travelled(before + after, scale, ticks));
    }
    all
}

/// The position steps of `ticks` at half of `velocities`, the sum of two, and `scale / 2^32` position steps per tick and velocity step.
fn travelled(velocities: i64, scale: u64, ticks: u32) -> i64 {
    // Below 2^34 times 2^64 times 2^16.
    let way = i128::from(velocities) * i128::from(scale) * i128::from(ticks);
    ((way + (1 << 32)) >> 33).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Predicts an angle of `bits` bits. Movements are taken the short way round.
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

/// Predicts the three smaller components of a rotation in the chart of component `largest`.
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

/// The words of a rotation, in the chart of component `largest`.
#[inline]
fn charted(words: &[u32], largest: u32, bits: u32) -> [u32; 3] {
    match *words {
        [own, a, b, c] => in_chart([own, a, b, c], largest, bits),
        _ => [0; 3],
    }
}

/// A difference of angles of `bits` bits, 1 to 32, as a signed number.
#[inline]
pub(super) const fn short_way(difference: u32, bits: u32) -> i32 {
    let unused = 32 - bits;
    (difference << unused).cast_signed() >> unused
}

/// An angle of `bits` bits, 1 to 32.
#[inline]
pub(super) const fn wrapped(angle: u32, bits: u32) -> u32 {
    angle & (u32::MAX >> (32 - bits))
}

impl<'a> Rows<'a> {
    /// Both versions' words of a unit.
    pub(super) const fn new(against: &Against<'a>) -> Self {
        Self { baseline: against.words(), second: against.second_words() }
    }

    /// Whether the two differ.
    #[inline]
    pub(super) fn moved(&self) -> bool {
        match (self.baseline, self.second) {
            // Shorter than a call.
            ([a], [b]) => a != b,
            ([a, b, c], [d, e, f]) => a ^ d | b ^ e | c ^ f != 0,
            ([a, b, c, d], [e, f, g, h]) => a ^ e | b ^ f | c ^ g | d ^ h != 0,
            (baseline, second) => baseline != second,
        }
    }

    /// The words of a part of up to three.
    #[inline]
    pub(super) fn triples(&self) -> Triples {
        Triples { baseline: triple(self.baseline), second: triple(self.second), count: self.baseline.len() }
    }

    /// Both versions' words of each element of an array.
    pub(super) fn chunks(&self, words: usize) -> impl Iterator<Item = Self> + use<'a> {
        let both = self.baseline.chunks(words).zip(self.second.chunks(words));
        both.map(|(baseline, second)| Self { baseline, second })
    }
}

impl CodedPart {
    /// Both versions' words of the part, among those of the unit or element.
    #[inline]
    pub(super) fn rows<'a>(&self, unit: Rows<'a>) -> Rows<'a> {
        Rows { baseline: self.of(unit.baseline), second: self.of(unit.second) }
    }
}
