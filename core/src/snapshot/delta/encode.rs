//! Encodes a unit as the difference between its words and their prediction.

use core::fmt;

use super::against::Against;
use super::mask::{MASKED, gap_order, put_mask, width_for};
use super::plan::{CodedPart, Coding, Plan};
use super::predict::{
    Knowledge, PredictedWords, Rows, UnitTiming, angle, moved_numbers, rotation, short_way, triple,
};
use super::tally::{BitTally, BitUse};
use crate::snapshot::entropy::{CodeWriter, width_of, zigzag};

/// The order of the Golomb code of an entity's id. Ids count up from 1, so most ids are small.
pub(super) const ENTITY_ORDER: u32 = 8;

/// The error for a unit whose number of words differs from the number of words of its layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongLength;

impl fmt::Display for WrongLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the unit does not have the number of words of its layout; pass as many words as Plan::words returns")
    }
}

impl core::error::Error for WrongLength {}

/// Appends a unit's words at `tick` to `out`, as their difference from `against`. The bits depend on the arguments
/// alone, so the caller can keep the bits and append them to the frames of all receivers that have the same
/// versions. A receiver rejects the frame unless the plan [accepts](Plan::admits) all words.
///
/// ```
/// use tickwire_core::snapshot::delta::{Against, Plan, VersionWords, decode, encode};
/// use tickwire_core::snapshot::entropy::{CodeReader, CodeWriter};
/// use tickwire_core::snapshot::{Layout, Part, Predictor};
///
/// let position = Part::Numbers { words: 2, max: 4095, threshold: 0 };
/// let plan = Plan::new(&Layout::new(vec![position, Part::Flag], Predictor::Linear));
/// let against = Against::Version {
///     baseline: VersionWords { tick: 6, words: &[1040, 1980, 1] },
///     second: Some(VersionWords { tick: 0, words: &[1000, 2000, 1] }),
/// };
/// let mut writer = CodeWriter::new();
/// encode(&plan, 12, &[1081, 1960, 1], &against, &mut writer)?;
/// assert_eq!(writer.bits(), 11);
///
/// let (mut bytes, mut words) = (Vec::new(), [0; 3]);
/// writer.finish_into(&mut bytes);
/// decode(&plan, 12, &against, &mut CodeReader::new(&bytes), &mut words)?;
/// assert_eq!(words, [1081, 1960, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WrongLength`] if `current` or a version does not have the plan's number of words. The function then writes
/// nothing.
pub fn encode(
    plan: &Plan,
    tick: u32,
    current: &[u32],
    against: &Against<'_>,
    out: &mut CodeWriter,
) -> Result<(), WrongLength> {
    encode_counted(plan, tick, current, against, out, &mut ())
}

/// Appends a unit's words as [`encode`] does, and counts the written bits by their use.
///
/// # Errors
/// [`WrongLength`] in the same cases as for [`encode`].
pub fn encode_counted(
    plan: &Plan,
    tick: u32,
    current: &[u32],
    against: &Against<'_>,
    out: &mut CodeWriter,
    tally: &mut impl BitTally,
) -> Result<(), WrongLength> {
    let before = Rows::new(against);
    let lengths = [current.len(), before.baseline.len(), before.second.len()];
    if lengths != [plan.words(); 3] {
        return Err(WrongLength);
    }
    let timing = UnitTiming::new(tick, against);
    Encoder { timing: &timing, out, tally }.parts(&plan.parts, current, before);
    Ok(())
}

struct Encoder<'a, T> {
    timing: &'a UnitTiming,
    out: &'a mut CodeWriter,
    tally: &'a mut T,
}

/// The codes of the differences of a numeric part.
#[derive(Clone, Copy, Debug, Default)]
struct Residual {
    codes: [u32; 3],
    /// The number of codes; 0 for a part that is not coded as differences.
    count: u8,
    order: u8,
    /// The bits before the codes. `lead_bits` is their number, at most three.
    lead: u8,
    lead_bits: u8,
    is_change: bool,
}

impl<T: BitTally> Encoder<'_, T> {
    /// Writes the parts of a unit or an element: the mask, then the parts that changed.
    fn parts(&mut self, parts: &[CodedPart], now: &[u32], before: Rows<'_>) {
        for masked in parts.chunks(MASKED) {
            let mut residuals = [Residual::default(); MASKED];
            let (mut mask, mut expected) = (0, 0);
            for (bit, (part, residual)) in masked.iter().zip(&mut residuals).enumerate() {
                *residual = Residual::of(part, now, before, self.timing);
                mask |= u32::from(residual.is_change) << bit;
                expected |= u32::from(part.rows(before).moved()) << bit;
            }
            let from = self.out.bits();
            put_mask(mask, expected, masked.len(), self.out);
            self.tally.add(BitUse::Masks, self.out.bits() - from);
            for (part, residual) in masked.iter().zip(&residuals) {
                if residual.is_change {
                    self.part(part, residual, now, before);
                }
            }
        }
    }

    /// Writes a numeric part as the difference to its prediction.
    #[inline]
    fn numbers(&mut self, residual: &Residual) {
        self.out.put(u64::from(residual.lead), u32::from(residual.lead_bits));
        for code in residual.codes.iter().take(usize::from(residual.count)) {
            self.out.golomb(*code, u32::from(residual.order));
        }
    }

    /// Writes a part that changed and is not coded as a difference, or whose unit the receiver has no version of.
    fn change(&mut self, part: &CodedPart, now: &[u32], before: Rows<'_>) {
        match &part.coding {
            Coding::Numbers { max, .. } => self.plain(now, width_of(*max)),
            Coding::Angle { bits, .. } => self.plain(now, *bits),
            Coding::Rotation { bits, .. } => {
                let (largest, others) = now.split_at_checked(1).unwrap_or_default();
                self.plain(largest, 2);
                self.plain(others, *bits);
            }
            // A flag that changed has only one other value, so no bits are needed.
            Coding::Flag => {}
            Coding::Choice { count } => {
                for (now, before) in now.iter().zip(before.baseline) {
                    // The old value is excluded, so each value above it moves down by one.
                    let other = now - u32::from(now > before);
                    self.out.put(u64::from(other), width_for(count.saturating_sub(1)));
                }
            }
            Coding::Opaque { bits } => {
                for (word, left) in now.iter().zip([*bits, bits.saturating_sub(32)]) {
                    self.plain(core::slice::from_ref(word), left.min(32));
                }
            }
            Coding::Entity => now.iter().for_each(|id| self.out.golomb(*id, ENTITY_ORDER)),
            Coding::Bytes { max } => self.bytes(now, u32::from(*max)),
            Coding::Array { length, stride, element } => {
                self.array(*length, *stride, element, now, before);
            }
        }
    }

    fn plain(&mut self, words: &[u32], bits: u32) {
        words.iter().for_each(|word| self.out.put(u64::from(*word), bits));
    }

    fn bytes(&mut self, now: &[u32], max: u32) {
        let Some((length, words)) = now.split_first() else { return };
        self.out.put(u64::from(*length), width_of(max));
        let mut left = length.saturating_mul(8);
        for word in words {
            self.out.put(u64::from(*word), left.min(32));
            left = left.saturating_sub(32);
        }
    }

    /// Writes the mask of the changed elements and then their parts. The mask is one bit if exactly the expected elements changed;
    /// otherwise it lists the gaps between changed elements.
    fn array(&mut self, length: usize, stride: usize, element: &[CodedPart], now: &[u32], before: Rows<'_>) {
        let timing = self.timing;
        let elements = || now.chunks(stride).zip(before.chunks(stride));
        let changed = elements().filter(|(now, before)| is_changed(element, now, *before, timing));
        let count = changed.count();
        let is_expected =
            elements().all(|(now, before)| is_changed(element, now, before, timing) == before.moved());
        let from = self.out.bits();
        self.out.put(u64::from(is_expected), 1);
        if !is_expected {
            self.out.golomb(count.saturating_sub(1) as u32, 0);
        }
        self.tally.add(BitUse::Masks, self.out.bits() - from);
        let order = gap_order(length, count);
        let mut gap = 0;
        for (now, before) in elements() {
            if !is_changed(element, now, before, timing) {
                gap += 1;
                continue;
            }
            if !is_expected {
                let from = self.out.bits();
                self.out.golomb(core::mem::take(&mut gap), order);
                self.tally.add(BitUse::Masks, self.out.bits() - from);
            }
            self.element(element, now, before);
        }
    }

    /// Writes an element that changed. An element of a single part needs no mask.
    fn element(&mut self, parts: &[CodedPart], now: &[u32], before: Rows<'_>) {
        let [part] = parts else { return self.parts(parts, now, before) };
        let residual = Residual::of(part, now, before, self.timing);
        self.part(part, &residual, now, before);
    }

    /// Writes a changed part of a unit or an element.
    #[inline]
    fn part(&mut self, part: &CodedPart, residual: &Residual, unit_now: &[u32], unit: Rows<'_>) {
        let from = self.out.bits();
        if residual.count > 0 && self.timing.knowledge != Knowledge::Absent {
            self.numbers(residual);
        } else {
            self.change(part, part.of(unit_now), part.rows(unit));
        }
        // The bits of an array's elements were counted when the elements were written.
        if !matches!(part.coding, Coding::Array { .. }) {
            self.tally.add(BitUse::Part(part.place), self.out.bits() - from);
        }
    }
}

/// Returns `true` if any part of an element differs from its prediction.
fn is_changed(parts: &[CodedPart], now: &[u32], before: Rows<'_>, timing: &UnitTiming) -> bool {
    parts.iter().any(|part| Residual::of(part, now, before, timing).is_change)
}

impl Residual {
    /// Returns the codes of a part of a unit or an element.
    #[inline]
    fn of(part: &CodedPart, unit_now: &[u32], unit: Rows<'_>, timing: &UnitTiming) -> Self {
        let (now, before) = (part.of(unit_now), part.rows(unit));
        match &part.coding {
            Coding::Numbers { max, motion } => {
                let prediction = moved_numbers(&before.triples(), *max, *motion, timing, unit, unit_now);
                Self::numbers(triple(now), now.len(), &prediction)
            }
            Coding::Angle { bits, motion } => {
                let PredictedWords { words: [expected, ..], order } = angle(before, *bits, *motion, timing);
                let code = now.first().map_or(0, |now| zigzag(short_way(now.wrapping_sub(expected), *bits)));
                let codes = [code, 0, 0];
                Self { is_change: code != 0, codes, count: 1, order: order as u8, ..Self::default() }
            }
            Coding::Rotation { bits, motion } => {
                let ([largest, a, b, c], Some(old)) = (now, before.baseline.first()) else {
                    return Self::default();
                };
                let prediction = rotation(before, *bits, *motion, timing, *largest);
                let mut residual = Self::numbers([*a, *b, *c], 3, &prediction);
                // The number of places by which the largest component moved on, 1 to 3: coded as 0, 10, 11, lowest bit first.
                let places = largest.wrapping_sub(*old) & 3;
                (residual.lead, residual.lead_bits) = match places {
                    0 => (1, 1),
                    1 => (0, 2),
                    2 => (0b010, 3),
                    _ => (0b110, 3),
                };
                residual.is_change |= places != 0;
                residual
            }
            Coding::Array { stride, element, .. } => {
                let mut elements = now.chunks(*stride).zip(before.chunks(*stride));
                let is_change = elements.any(|(now, before)| is_changed(element, now, before, timing));
                Self { is_change, ..Self::default() }
            }
            Coding::Flag
            | Coding::Choice { .. }
            | Coding::Opaque { .. }
            | Coding::Entity
            | Coding::Bytes { .. } => Self { is_change: now != before.baseline, ..Self::default() },
        }
    }

    #[inline]
    fn numbers(now: [u32; 3], count: usize, prediction: &PredictedWords) -> Self {
        let mut residual = Self { count: count as u8, order: prediction.order as u8, ..Self::default() };
        let mut all = 0;
        for ((code, now), expected) in residual.codes.iter_mut().zip(&now).zip(&prediction.words) {
            *code = zigzag(now.wrapping_sub(*expected).cast_signed());
            all |= *code;
        }
        residual.is_change = all != 0;
        residual
    }
}
