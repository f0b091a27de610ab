//! A unit as the bits in which it differs from its prediction.

use core::fmt;

use super::against::Against;
use super::mask::{MASKED, gap_order, put_mask, width_for};
use super::plan::{CodedPart, Coding, Plan};
use super::predict::{
    Knowledge, Prediction, Rows, Timing, angle, moved_numbers, rotation, short_way, triple,
};
use super::tally::{BitTally, BitUse};
use crate::snapshot::entropy::{CodeWriter, width_of, zigzag};

/// The order of the code of an entity's id: ids are handed out from 1 up.
pub(super) const ENTITY_ORDER: u32 = 8;

/// The words of a unit are not as many as its layout has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongLength;

impl fmt::Display for WrongLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the words of a unit are not as many as its layout has")
    }
}

impl core::error::Error for WrongLength {}

/// Appends a unit's words at `tick` to `out`, as their difference to `against`. The bits depend on these values alone, so they can be
/// kept and appended to the frames of all receivers that hold the same versions. All words must be
/// [admitted](Plan::admits) by the plan, or the receiver refuses the frame.
///
/// ```
/// use tickwire_core::snapshot::delta::{Against, Plan, Version, decode, encode};
/// use tickwire_core::snapshot::entropy::{CodeReader, CodeWriter};
/// use tickwire_core::snapshot::{Layout, Part, Predictor};
///
/// let position = Part::Numbers { words: 2, max: 4095, threshold: 0 };
/// let plan = Plan::new(&Layout::new(vec![position, Part::Flag], Predictor::Linear));
/// let against = Against::Version {
///     baseline: Version { tick: 6, words: &[1040, 1980, 1] },
///     second: Some(Version { tick: 0, words: &[1000, 2000, 1] }),
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
/// [`WrongLength`] if the words of `current`, or of a version, are not as many as the plan has. Nothing is written then.
pub fn encode(
    plan: &Plan,
    tick: u32,
    current: &[u32],
    against: &Against<'_>,
    out: &mut CodeWriter,
) -> Result<(), WrongLength> {
    encode_counted(plan, tick, current, against, out, &mut ())
}

/// [`encode`], which also counts the bits by their use.
///
/// # Errors
/// As with [`encode`].
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
    let timing = Timing::new(tick, against);
    Encoder { timing: &timing, out, tally }.parts(&plan.parts, current, before);
    Ok(())
}

struct Encoder<'a, T> {
    timing: &'a Timing,
    out: &'a mut CodeWriter,
    tally: &'a mut T,
}

/// A numeric part as the codes that are written for it.
#[derive(Clone, Copy, Debug, Default)]
struct Residual {
    codes: [u32; 3],
    order: u8,
    /// Bits before the codes, three at most, and how many.
    lead: u8,
    lead_bits: u8,
    is_change: bool,
}

impl<T: BitTally> Encoder<'_, T> {
    /// Writes the parts of a unit or an element: the mask, then those that changed.
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
                    let from = self.out.bits();
                    self.change(part, residual, part.of(now), part.rows(before));
                    self.count(part, from);
                }
            }
        }
    }

    /// Writes the words of a part that changed.
    #[inline]
    fn change(&mut self, part: &CodedPart, residual: &Residual, now: &[u32], before: Rows<'_>) {
        let is_absent = self.timing.knowledge == Knowledge::Absent;
        match &part.coding {
            Coding::Numbers { max, .. } if is_absent => self.plain(now, width_of(*max)),
            Coding::Angle { bits, .. } if is_absent => self.plain(now, *bits),
            Coding::Rotation { bits, .. } if is_absent => {
                let (largest, others) = now.split_at_checked(1).unwrap_or_default();
                self.plain(largest, 2);
                self.plain(others, *bits);
            }
            Coding::Numbers { .. } | Coding::Angle { .. } | Coding::Rotation { .. } => {
                let count = if residual.lead_bits > 0 {
                    self.out.put(u64::from(residual.lead), u32::from(residual.lead_bits));
                    3
                } else {
                    now.len()
                };
                for code in residual.codes.iter().take(count) {
                    self.out.golomb(*code, u32::from(residual.order));
                }
            }
            // It can only have become the other value.
            Coding::Flag => {}
            Coding::Choice { count } => {
                for (now, before) in now.iter().zip(before.baseline) {
                    // One of the others: those above the old value move down by one.
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

    /// Writes which elements changed, as one bit if they are the expected ones, else as gaps, and their parts.
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

    /// Writes an element that changed. A single part needs no mask.
    fn element(&mut self, parts: &[CodedPart], now: &[u32], before: Rows<'_>) {
        let [part] = parts else { return self.parts(parts, now, before) };
        let residual = Residual::of(part, now, before, self.timing);
        let from = self.out.bits();
        self.change(part, &residual, part.of(now), part.rows(before));
        self.count(part, from);
    }

    /// Counts the bits from `from` on as those of a part. An array has counted its own.
    #[inline]
    fn count(&mut self, part: &CodedPart, from: usize) {
        if !matches!(part.coding, Coding::Array { .. }) {
            self.tally.add(BitUse::Part(part.place), self.out.bits() - from);
        }
    }
}

/// Whether parts of an element are not as predicted.
fn is_changed(parts: &[CodedPart], now: &[u32], before: Rows<'_>, timing: &Timing) -> bool {
    parts.iter().any(|part| Residual::of(part, now, before, timing).is_change)
}

impl Residual {
    /// The residual of a part of a unit or element.
    #[inline]
    fn of(part: &CodedPart, unit_now: &[u32], unit: Rows<'_>, timing: &Timing) -> Self {
        let (now, before) = (part.of(unit_now), part.rows(unit));
        match &part.coding {
            Coding::Numbers { max, motion } => {
                let prediction = moved_numbers(&before.triples(), *max, *motion, timing, unit, unit_now);
                Self::numbers(triple(now), &prediction)
            }
            Coding::Angle { bits, motion } => {
                let Prediction { words: [expected, ..], order } = angle(before, *bits, *motion, timing);
                let code = now.first().map_or(0, |now| zigzag(short_way(now.wrapping_sub(expected), *bits)));
                let codes = [code, 0, 0];
                Self { is_change: code != 0, codes, order: order as u8, ..Self::default() }
            }
            Coding::Rotation { bits, motion } => {
                let ([largest, a, b, c], Some(old)) = (now, before.baseline.first()) else {
                    return Self::default();
                };
                let prediction = rotation(before, *bits, *motion, timing, *largest);
                let mut residual = Self::numbers([*a, *b, *c], &prediction);
                // How many places after the old one, 1 to 3: as 0, 10, 11 in reverse.
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
    fn numbers(now: [u32; 3], prediction: &Prediction) -> Self {
        let mut residual = Self { order: prediction.order as u8, ..Self::default() };
        let mut all = 0;
        for ((code, now), expected) in residual.codes.iter_mut().zip(&now).zip(&prediction.words) {
            *code = zigzag(now.wrapping_sub(*expected).cast_signed());
            all |= *code;
        }
        residual.is_change = all != 0;
        residual
    }
}
