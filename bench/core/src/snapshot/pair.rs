//! A sender and a receiver of a recording.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use tickwire_core::snapshot::delta::{
    Against, BitUse, DecodedFrame, FrameHeader, FrameName, FrameWriter, Plan, ReceiverUnit, SlotBinding,
    StoredVersion, UnitSlot, UnitUpdate, UpdateBody, Versions,
};

use super::history::{Entry, History};
use super::recording::{Recording, WORDS};

/// The number of frames after which an acknowledgement arrives at the sender.
const DELAY: u32 = 6;
/// The number of frames below the reference that the receiver must keep: the frames of second baselines, and a reserve.
const KEPT: u32 = 3 * DELAY;

/// The measured figures of sending one recording.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The number of frames that the sender sent.
    pub frames: usize,
    /// The number of units in all frames.
    pub units: usize,
    /// The number of bytes in all frames.
    pub bytes: usize,
    /// The number of bits in all frames, by their use. The padding in the final byte of a frame does not count.
    pub bits: BTreeMap<BitUse, usize>,
    /// `true` if all units of the receiver equalled the units of the recording after each frame.
    pub is_lossless: bool,
    /// The time that the encoder took for each frame, in the order of sending.
    pub encode: Vec<Duration>,
    /// The time that the decoder took for each frame, in the order of sending.
    pub decode: Vec<Duration>,
}

/// A sender and a receiver of the frames of a recording.
#[derive(Debug)]
pub struct Pair {
    plan: Plan,
    sender: Vec<History>,
    /// The slots of the frames that were sent and are not older than the reference, the newest last.
    sent: VecDeque<(FrameName, Vec<UnitSlot>)>,
    receiver: Receiver,
    writer: FrameWriter,
    decoded: DecodedFrame,
}

#[derive(Debug)]
struct Receiver {
    plan: Plan,
    histories: Vec<History>,
    /// The slots of the frames that were received, the newest last.
    frames: VecDeque<(FrameName, Vec<UnitSlot>)>,
}

impl Versions for Receiver {
    fn newest_tick(&self) -> Option<u32> {
        self.frames.back().map(|(name, _)| name.tick)
    }

    fn frame_slots(&self, frame: FrameName) -> Option<&[UnitSlot]> {
        self.frames.iter().rev().find(|(name, _)| *name == frame).map(|(_, slots)| slots.as_slice())
    }

    fn unit(&self, slot: UnitSlot) -> Option<ReceiverUnit<'_>> {
        let is_known = usize::from(slot.0) < self.histories.len();
        is_known.then_some(ReceiverUnit { plan: &self.plan, blueprint: &[0; WORDS] })
    }

    fn bound(&self, _: SlotBinding) -> Option<ReceiverUnit<'_>> {
        None
    }

    fn version(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        self.histories.get(usize::from(slot.0))?.at(tick).map(Entry::stored)
    }

    fn newest_before(&self, slot: UnitSlot, tick: u32) -> Option<StoredVersion<'_>> {
        self.histories.get(usize::from(slot.0))?.newest_before(tick).map(Entry::stored)
    }
}

impl Pair {
    /// Creates a sender and a receiver that both hold the initial state of `recording`.
    #[must_use]
    pub fn new(recording: &Recording) -> Self {
        let plan = Plan::new(&Recording::layout());
        let histories: Vec<History> = recording.initial().iter().map(|cube| History::new(*cube)).collect();
        let receiver = Receiver { plan: plan.clone(), histories: histories.clone(), frames: VecDeque::new() };
        Self {
            plan,
            sender: histories,
            sent: VecDeque::new(),
            receiver,
            writer: FrameWriter::new(),
            decoded: DecodedFrame::new(),
        }
    }

    /// Sends all frames of `recording` to the receiver, and returns the measured figures.
    ///
    /// # Errors
    /// If a frame cannot be written, or the receiver rejects a frame.
    pub fn send(mut self, recording: &Recording) -> Result<Outcome> {
        let mut outcome = Outcome { is_lossless: true, ..Outcome::default() };
        for (frame, world) in recording.sent().iter().enumerate() {
            self.frame(frame as u32 + 1, world, &mut outcome)?;
        }
        Ok(outcome)
    }

    fn frame(&mut self, tick: u32, world: &[[u32; WORDS]], outcome: &mut Outcome) -> Result<()> {
        // Tick 0 is the state that both begin with, and no frame.
        let acknowledged = tick.saturating_sub(DELAY);
        while self.sent.front().is_some_and(|(name, _)| name.tick < acknowledged) {
            self.sent.pop_front();
        }
        let (reference, slots) = match self.sent.front() {
            Some((name, slots)) if name.tick == acknowledged => (Some(*name), slots.as_slice()),
            _ => (None, &[][..]),
        };
        let name = FrameName { tick, part: 0 };
        let header = FrameHeader { name, floor: acknowledged.saturating_sub(KEPT), reference };
        let updates = updates(&self.plan, &self.sender, world, acknowledged);

        let begun = Instant::now();
        let mut bytes = Vec::new();
        let units = updates.iter().copied();
        black_box(self.writer.write(&header, slots, black_box(units))?).finish_into(&mut bytes);
        outcome.encode.push(begun.elapsed());
        let mut count = |of, bits| *outcome.bits.entry(of).or_default() += bits;
        self.writer.write_counted(&header, slots, updates.iter().copied(), &mut count)?;
        let begun = Instant::now();
        self.decoded.decode(black_box(&bytes), &self.receiver)?;
        outcome.decode.push(begun.elapsed());

        outcome.frames += 1;
        outcome.units += updates.len();
        outcome.bytes += bytes.len();
        let new: Vec<(UnitSlot, Option<u32>)> =
            updates.iter().map(|update| (update.slot, update.body.baseline())).collect();
        self.sent.push_back((name, new.iter().map(|(slot, _)| *slot).collect()));
        for (slot, coded_against) in new {
            let place = usize::from(slot.0);
            let (Some(history), Some(words)) = (self.sender.get_mut(place), world.get(place)) else {
                continue;
            };
            history.push(Entry { tick, words: *words, coded_against });
            history.forget_below(header.floor);
        }
        self.receiver.store(&self.decoded);
        outcome.is_lossless &= self.receiver.shows(world);
        Ok(())
    }
}

/// Returns the units that differ from a version that the receiver may show: the newest acknowledged version, and all versions
/// sent after it.
fn updates<'a>(
    plan: &'a Plan,
    histories: &'a [History],
    world: &'a [[u32; WORDS]],
    acknowledged: u32,
) -> Vec<UnitUpdate<'a>> {
    let units = histories.iter().zip(world).enumerate();
    let updates = units.filter_map(|(place, (history, current))| {
        let baseline = history.newest_before(acknowledged + 1)?;
        let mut shown = history.since(acknowledged + 1).chain([baseline]);
        if shown.all(|entry| entry.words == *current) {
            return None;
        }
        let second = baseline.coded_against.and_then(|tick| history.at(tick)).map(Entry::version);
        let against = Against::Version { baseline: baseline.version(), second };
        let body = UpdateBody::Words { plan, current, against };
        Some(UnitUpdate { slot: UnitSlot(place as u16), binding: SlotBinding::default(), body })
    });
    updates.collect()
}

impl Receiver {
    fn store(&mut self, decoded: &DecodedFrame) {
        let Some(header) = decoded.header() else { return };
        let mut slots = Vec::new();
        for unit in decoded.units() {
            let (Some(history), Some(words)) =
                (self.histories.get_mut(usize::from(unit.slot.0)), unit.words.first_chunk::<WORDS>())
            else {
                continue;
            };
            history.push(Entry { tick: header.name.tick, words: *words, coded_against: unit.coded_against });
            history.forget_below(header.floor);
            slots.push(unit.slot);
        }
        self.frames.push_back((header.name, slots));
        while self.frames.front().is_some_and(|(name, _)| name.tick < header.floor) {
            self.frames.pop_front();
        }
    }

    /// Returns whether the newest version of each unit equals the recording.
    fn shows(&self, world: &[[u32; WORDS]]) -> bool {
        let newest = self.histories.iter().map(|history| history.newest().map(|entry| entry.words));
        newest.eq(world.iter().map(|words| Some(*words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a recording of one cube that moves and turns for a while, and one cube that rests.
    fn recording() -> Recording {
        let mut bytes = Vec::new();
        for frame in 0..40i32 {
            let moving = [0, 255, 255, 255 + frame.min(20), frame.min(25) * 30, 7, 100, 1];
            let cubes = [moving, [1, 300, 255, 255, 5, 6, 7, 0]];
            bytes.extend(cubes.as_flattened().iter().flat_map(|value| value.to_le_bytes()));
        }
        Recording::parse(&bytes, 2).unwrap()
    }

    #[test]
    fn a_recording_arrives_losslessly_and_its_bytes_match_the_counted_bits() {
        let recording = recording();
        let outcome = Pair::new(&recording).send(&recording).unwrap();
        assert!(outcome.is_lossless);
        // It moves in 25 frames; after the last of them it is sent until that is acknowledged.
        assert_eq!((outcome.frames, outcome.units), (39, 25 + DELAY as usize - 1));
        let bits: usize = outcome.bits.values().sum();
        assert!((outcome.bytes * 8 - 7 * outcome.frames..=outcome.bytes * 8).contains(&bits), "{bits} bits");
    }

    #[test]
    fn a_receiver_counts_as_lossless_only_while_its_units_equal_the_units_of_the_recording() {
        let recording = recording();
        let pair = Pair::new(&recording);
        assert!(pair.receiver.shows(recording.initial()));
        assert!(!pair.receiver.shows(&recording.sent()[0]));
    }
}
