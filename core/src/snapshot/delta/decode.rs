//! Decodes a unit's words from their difference to the prediction.

use super::against::Against;
use super::encode::ENTITY_ORDER;
use super::fault::SnapshotFault;
use super::mask::{MASKED, gap_order, take_mask, width_for};
use super::plan::{CodedPart, Coding, Plan};
use super::predict::{
    Knowledge, PredictedWords, Rows, UnitTiming, angle, moved_numbers, rotation, short_way, wrapped,
};
use crate::snapshot::entropy::{CodeReader, unzigzag, width_of};

/// Reads a unit's words at `tick` that [`encode`](super::encode()) coded against the same versions.
///
/// # Errors
/// [`SnapshotFault::WrongLength`] if `out` or a version does not have the plan's number of words. Another
/// [`SnapshotFault`] if the bits are invalid, or the plan does not [accept](Plan::admits) the words. The content
/// of `out` is then unspecified.
pub fn decode(
    plan: &Plan,
    tick: u32,
    against: &Against<'_>,
    reader: &mut CodeReader<'_>,
    out: &mut [u32],
) -> Result<(), SnapshotFault> {
    let before = Rows::new(against);
    let lengths = [out.len(), before.baseline.len(), before.second.len()];
    if lengths != [plan.words(); 3] {
        return Err(SnapshotFault::WrongLength);
    }
    let timing = UnitTiming::new(tick, against);
    Decoder { timing: &timing, reader }.parts(&plan.parts, before, out)?;
    Ok(())
}

struct Decoder<'a, 'b> {
    timing: &'a UnitTiming,
    reader: &'a mut CodeReader<'b>,
}

impl Decoder<'_, '_> {
    /// Reads the parts of a unit or an element. Returns `true` if any part differs from its prediction.
    fn parts(
        &mut self,
        parts: &[CodedPart],
        before: Rows<'_>,
        out: &mut [u32],
    ) -> Result<bool, SnapshotFault> {
        let mut is_change = false;
        for masked in parts.chunks(MASKED) {
            let mut expected = 0;
            for (bit, part) in masked.iter().enumerate() {
                expected |= u32::from(part.rows(before).moved()) << bit;
            }
            let mask = take_mask(expected, masked.len(), self.reader)?;
            is_change |= mask != 0;
            for (bit, part) in masked.iter().enumerate() {
                if mask >> bit & 1 == 0 {
                    rest(part, before, self.timing, out);
                } else {
                    self.change(part, before, out)?;
                }
            }
        }
        Ok(is_change)
    }

    /// Reads the words of a part that changed.
    #[inline]
    fn change(&mut self, part: &CodedPart, unit: Rows<'_>, out: &mut [u32]) -> Result<(), SnapshotFault> {
        let before = part.rows(unit);
        let is_absent = self.timing.knowledge == Knowledge::Absent;
        match &part.coding {
            Coding::Numbers { max, .. } if is_absent => {
                self.plain(part.of_mut(out), width_of(*max), *max)?;
                differs(part, before, out)
            }
            Coding::Angle { bits, .. } if is_absent => {
                self.plain(part.of_mut(out), *bits, u32::MAX)?;
                differs(part, before, out)
            }
            Coding::Rotation { bits, .. } if is_absent => {
                let (largest, others) = part.of_mut(out).split_at_mut_checked(1).unwrap_or_default();
                self.plain(largest, 2, 3)?;
                self.plain(others, *bits, u32::MAX)?;
                differs(part, before, out)
            }
            Coding::Numbers { max, motion } => {
                let prediction = moved_numbers(&before.triples(), *max, *motion, self.timing, unit, out);
                self.numbers(&prediction, *max, part.of_mut(out), false)
            }
            Coding::Angle { bits, motion } => {
                let prediction = angle(before, *bits, *motion, self.timing);
                self.angle(&prediction, *bits, part.of_mut(out))
            }
            Coding::Rotation { bits, motion } => {
                let Some(old) = before.baseline.first() else { return Ok(()) };
                let way = self.turn()?;
                let largest = old.wrapping_add(way) & 3;
                let prediction = rotation(before, *bits, *motion, self.timing, largest);
                let Some((word, others)) = part.of_mut(out).split_first_mut() else { return Ok(()) };
                *word = largest;
                self.numbers(&prediction, (1 << bits) - 1, others, way != 0)
            }
            Coding::Flag => {
                copy(part.of_mut(out), before.baseline);
                part.of_mut(out).iter_mut().for_each(|word| *word ^= 1);
                Ok(())
            }
            Coding::Choice { count } => self.choice(*count, before, part.of_mut(out)),
            Coding::Opaque { bits } => {
                for (word, left) in part.of_mut(out).iter_mut().zip([*bits, bits.saturating_sub(32)]) {
                    *word = self.reader.take(left.min(32))? as u32;
                }
                differs(part, before, out)
            }
            Coding::Entity => {
                for id in part.of_mut(out) {
                    *id = self.reader.golomb(ENTITY_ORDER)?;
                }
                differs(part, before, out)
            }
            Coding::Bytes { max } => {
                self.bytes(u32::from(*max), part.of_mut(out))?;
                differs(part, before, out)
            }
            Coding::Array { length, stride, element } => {
                self.array(*length, *stride, element, before, part.of_mut(out))
            }
        }
    }

    fn plain(&mut self, words: &mut [u32], bits: u32, max: u32) -> Result<(), SnapshotFault> {
        for word in words {
            *word = self.reader.take(bits)? as u32;
            if *word > max {
                return Err(SnapshotFault::OutOfRange);
            }
        }
        Ok(())
    }

    /// Reads a part of one to three numbers up to `max`. `is_change` is `true` if another word of the part changed.
    #[inline]
    fn numbers(
        &mut self,
        prediction: &PredictedWords,
        max: u32,
        words: &mut [u32],
        mut is_change: bool,
    ) -> Result<(), SnapshotFault> {
        // A local copy need not be written back after each number.
        let mut reader = *self.reader;
        let mut is_in_range = true;
        for (word, expected) in words.iter_mut().zip(&prediction.words) {
            let code = reader.golomb(prediction.order)?;
            *word = expected.wrapping_add(unzigzag(code).cast_unsigned());
            is_in_range &= *word <= max;
            is_change |= code != 0;
        }
        *self.reader = reader;
        if !is_in_range {
            return Err(SnapshotFault::OutOfRange);
        }
        if is_change { Ok(()) } else { Err(SnapshotFault::Unchanged) }
    }

    fn angle(
        &mut self,
        prediction: &PredictedWords,
        bits: u32,
        words: &mut [u32],
    ) -> Result<(), SnapshotFault> {
        for (word, expected) in words.iter_mut().zip(prediction.words) {
            let code = self.reader.golomb(prediction.order)?;
            let way = unzigzag(code);
            if short_way(way.cast_unsigned(), bits) != way {
                return Err(SnapshotFault::OutOfRange);
            }
            if code == 0 {
                return Err(SnapshotFault::Unchanged);
            }
            *word = wrapped(expected.wrapping_add(way.cast_unsigned()), bits);
        }
        Ok(())
    }

    /// Reads the distance, 0 to 3, from the index of the old largest component of a rotation to the index of the new
    /// largest component.
    #[inline]
    fn turn(&mut self) -> Result<u32, SnapshotFault> {
        if self.reader.bit()? {
            return Ok(0);
        }
        if !self.reader.bit()? {
            return Ok(1);
        }
        Ok(2 + u32::from(self.reader.bit()?))
    }

    fn choice(&mut self, count: u32, before: Rows<'_>, out: &mut [u32]) -> Result<(), SnapshotFault> {
        for (word, before) in out.iter_mut().zip(before.baseline) {
            let other = self.reader.take(width_for(count.saturating_sub(1)))? as u32;
            *word = other.saturating_add(u32::from(other >= *before));
            if *word >= count {
                return Err(SnapshotFault::OutOfRange);
            }
        }
        Ok(())
    }

    fn bytes(&mut self, max: u32, out: &mut [u32]) -> Result<(), SnapshotFault> {
        let Some((length, words)) = out.split_first_mut() else { return Ok(()) };
        self.plain(core::slice::from_mut(length), width_of(max), max)?;
        let mut left = *length * 8;
        for word in words {
            *word = self.reader.take(left.min(32))? as u32;
            left = left.saturating_sub(32);
        }
        Ok(())
    }

    fn array(
        &mut self,
        length: usize,
        stride: usize,
        element: &[CodedPart],
        before: Rows<'_>,
        out: &mut [u32],
    ) -> Result<(), SnapshotFault> {
        let mut elements = out.chunks_mut(stride).zip(before.chunks(stride));
        if self.reader.bit()? {
            let mut is_change = false;
            for (out, before) in elements {
                if before.moved() {
                    self.element(element, before, out)?;
                    is_change = true;
                } else {
                    element.iter().for_each(|part| rest(part, before, self.timing, out));
                }
            }
            return if is_change { Ok(()) } else { Err(SnapshotFault::Unchanged) };
        }
        let count = (self.reader.golomb(0)? as usize).saturating_add(1);
        if count > length {
            return Err(SnapshotFault::OutOfRange);
        }
        let order = gap_order(length, count);
        let mut is_expected = true;
        for _ in 0..count {
            for _ in 0..self.reader.golomb(order)? {
                let (out, before) = elements.next().ok_or(SnapshotFault::OutOfRange)?;
                element.iter().for_each(|part| rest(part, before, self.timing, out));
                is_expected &= !before.moved();
            }
            let (out, before) = elements.next().ok_or(SnapshotFault::OutOfRange)?;
            self.element(element, before, out)?;
            is_expected &= before.moved();
        }
        for (out, before) in elements {
            element.iter().for_each(|part| rest(part, before, self.timing, out));
            is_expected &= !before.moved();
        }
        if is_expected { Err(SnapshotFault::Unchanged) } else { Ok(()) }
    }

    /// Reads an element that changed. An element of a single part has no mask.
    fn element(
        &mut self,
        parts: &[CodedPart],
        before: Rows<'_>,
        out: &mut [u32],
    ) -> Result<(), SnapshotFault> {
        if let [part] = parts {
            return self.change(part, before, out);
        }
        if self.parts(parts, before, out)? { Ok(()) } else { Err(SnapshotFault::Unchanged) }
    }
}

/// Sets the words of a part to their prediction.
fn rest(part: &CodedPart, unit: Rows<'_>, timing: &UnitTiming, out: &mut [u32]) {
    let before = part.rows(unit);
    match &part.coding {
        Coding::Numbers { max, motion } => {
            let prediction = moved_numbers(&before.triples(), *max, *motion, timing, unit, out);
            copy(part.of_mut(out), &prediction.words);
        }
        Coding::Angle { bits, motion } => {
            copy(part.of_mut(out), &angle(before, *bits, *motion, timing).words);
        }
        Coding::Rotation { bits, motion } => {
            let Some(largest) = before.baseline.first() else { return };
            let prediction = rotation(before, *bits, *motion, timing, *largest);
            let Some((word, others)) = part.of_mut(out).split_first_mut() else { return };
            *word = *largest;
            copy(others, &prediction.words);
        }
        Coding::Array { stride, element, .. } => {
            for (out, before) in part.of_mut(out).chunks_mut(*stride).zip(before.chunks(*stride)) {
                element.iter().for_each(|part| rest(part, before, timing, out));
            }
        }
        Coding::Flag
        | Coding::Choice { .. }
        | Coding::Opaque { .. }
        | Coding::Entity
        | Coding::Bytes { .. } => copy(part.of_mut(out), before.baseline),
    }
}

/// Copies words up to the length of the shorter slice.
#[inline]
fn copy(to: &mut [u32], from: &[u32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Rejects a part that was marked as changed but has the words of the baseline.
fn differs(part: &CodedPart, before: Rows<'_>, out: &mut [u32]) -> Result<(), SnapshotFault> {
    if part.of(out) == before.baseline { Err(SnapshotFault::Unchanged) } else { Ok(()) }
}
