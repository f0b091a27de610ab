//! Tests of frames, from encoder to decoder.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::receiver::{Receiver, Sender};
use super::{Draw, Plan, layout, versions, words};
use crate::limits;
use crate::snapshot::delta::{
    Against, CodedUnit, FrameError, FrameHeader, FrameName, FrameWriter, SlotBinding, SnapshotFault,
    UnitSlot, UnitUpdate, UpdateBody, VersionWords, Versions,
};
use crate::snapshot::entropy::{CodeError, CodeWriter};
use crate::snapshot::ids::NetworkId;
use crate::snapshot::{Layout, Part, Predictor};

fn name(tick: u32) -> FrameName {
    FrameName { tick, part: 0 }
}

fn angles() -> Plan {
    Plan::new(&Layout::new(vec![Part::Angle { bits: 8, threshold: 0 }], Predictor::Linear))
}

/// Returns updates of units that are coded against zeros.
fn absolute<'a>(
    plan: &'a Plan,
    units: &'a [(u16, [u32; 1])],
) -> impl Iterator<Item = UnitUpdate<'a>> + Clone {
    units.iter().map(move |(slot, current)| UnitUpdate {
        slot: UnitSlot(*slot),
        binding: SlotBinding { id: NetworkId(u32::from(*slot)), ..SlotBinding::default() },
        body: UpdateBody::Words { plan, current, against: Against::Blueprint(&[0]) },
    })
}

fn bytes_of(writer: &CodeWriter) -> Vec<u8> {
    let mut bytes = Vec::new();
    writer.finish_into(&mut bytes);
    bytes
}

fn written<'a>(header: &FrameHeader, units: impl Iterator<Item = UnitUpdate<'a>> + Clone) -> Vec<u8> {
    bytes_of(FrameWriter::new().write(header, &[], units).unwrap())
}

/// Plays a stream of frames in which units move, rest, and sometimes jump.
fn play(seed: u64) {
    let mut draw = Draw(seed);
    let layout = layout(&mut draw);
    let plan = Plan::new(&layout);
    let units = 1 + draw.below(60) as usize % (limits::SNAPSHOT_FRAME_WORDS / plan.words());
    let mut world = vec![vec![0; plan.words()]; units];
    let mut receiver = Receiver::new(plan.clone(), units);
    let mut sender = Sender::default();
    let mut acknowledgements = BTreeMap::new();
    let mut name = FrameName { tick: draw.next() as u32 >> 1, part: 3 };
    for turn in 0..25u64 {
        name.tick += 1 + draw.below(3) as u32;
        for _ in 0..draw.below(40) {
            let unit = &mut world[draw.below(units as u64) as usize];
            *unit = words(layout.parts(), unit, 3, &mut draw);
        }
        acknowledgements.remove(&turn).into_iter().for_each(|name| sender.on_acked(name));
        let blueprint = receiver.blueprint.clone();
        let bytes = sender.send(name, &plan, &blueprint, &world);
        if draw.below(4) == 0 {
            continue;
        }
        assert_eq!(receiver.receive(&bytes).unwrap().name, name);
        for (slot, words) in world.iter().enumerate() {
            let history = receiver.histories.get(&UnitSlot(slot as u16));
            let newest = history.and_then(|history| history.last_key_value());
            assert_eq!(newest.map_or(&blueprint, |(_, (words, _))| words), words, "slot {slot}, {name:?}");
        }
        if draw.below(4) > 0 {
            acknowledgements.insert(turn + 1 + draw.below(5), name);
        }
    }
}

#[test]
fn every_received_frame_restores_the_whole_world_despite_lost_frames() {
    quickcheck(play as fn(u64));
}

#[test]
fn a_frame_with_every_kind_of_part_has_its_golden_bytes() {
    let numbers = Part::Numbers { words: 3, max: 4095, threshold: 0 };
    let element = vec![Part::Choice { count: 10 }, Part::Opaque { bits: 40 }];
    let parts = vec![
        numbers,
        Part::Rotation { bits: 9, threshold: 0 },
        Part::Angle { bits: 10, threshold: 0 },
        Part::Flag,
        Part::Entity,
        Part::Bytes { max: 6 },
        Part::Array { length: 3, element },
    ];
    let layout = Layout::new(parts, Predictor::Linear);
    let plan = Plan::new(&layout);
    let mut draw = Draw(7);
    let mut world = vec![vec![0; plan.words()]; 4];
    let (mut receiver, mut sender) = (Receiver::new(plan.clone(), 4), Sender::default());
    let mut lines = Vec::new();
    for tick in [100_000, 100_006, 100_012] {
        for unit in &mut world[1..] {
            *unit = words(layout.parts(), unit, 3, &mut draw);
        }
        let bytes = sender.send(name(tick), &plan, &vec![0; plan.words()], &world);
        receiver.receive(&bytes).unwrap();
        sender.on_acked(name(tick));
        lines.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_frame_of_precoded_units_equals_the_frame_coded_from_their_words() {
    for seed in 0..100 {
        let (plan, words) = versions(seed, 3);
        let against = Against::Version {
            baseline: VersionWords { tick: 20, words: &words[2] },
            second: Some(VersionWords { tick: 15, words: &words[1] }),
        };
        let coded = CodedUnit::new(&plan, 25, &words[3], &against).unwrap();
        let header = FrameHeader { name: name(25), floor: 15, reference: None };
        let frame = |body: UpdateBody<'_>| {
            written(
                &header,
                [3, 70, 71].into_iter().map(move |slot| UnitUpdate {
                    slot: UnitSlot(slot),
                    binding: SlotBinding::default(),
                    body,
                }),
            )
        };
        let words = UpdateBody::Words { plan: &plan, current: &words[3], against };
        assert_eq!(frame(UpdateBody::Coded(&coded)), frame(words), "seed {seed}");
        let late = FrameHeader { floor: 16, ..header };
        let update = UnitUpdate {
            slot: UnitSlot(0),
            binding: SlotBinding::default(),
            body: UpdateBody::Coded(&coded),
        };
        let refused = FrameWriter::new().write(&late, &[], [update].into_iter()).err();
        assert_eq!(refused, Some(FrameError::Forgotten { slot: UnitSlot(0) }));
    }
}

#[test]
fn both_ends_ignore_a_second_baseline_older_than_the_floor() {
    let plan = angles();
    let mut receiver = Receiver::new(plan.clone(), 1);
    receiver.frames.insert(name(20), vec![UnitSlot(0)]);
    receiver
        .histories
        .entry(UnitSlot(0))
        .or_default()
        .extend([(10, (vec![4], None)), (20, (vec![9], Some(10)))]);
    let against = Against::Version {
        baseline: VersionWords { tick: 20, words: &[9] },
        second: Some(VersionWords { tick: 10, words: &[4] }),
    };
    let frame = |floor| {
        let header = FrameHeader { name: name(30), floor, reference: None };
        let body = UpdateBody::Words { plan: &plan, current: &[14], against };
        written(
            &header,
            [UnitUpdate { slot: UnitSlot(0), binding: SlotBinding::default(), body }].into_iter(),
        )
    };
    for floor in [9, 10, 11, 20, 21] {
        receiver.receive(&frame(floor)).unwrap();
        assert_eq!(receiver.version(UnitSlot(0), 30).unwrap().version.words, [14], "floor {floor}");
    }
}

#[test]
fn an_arbitrary_frame_is_refused_or_decodes_to_words_that_the_layouts_accept() {
    fn property(seed: u64, mut bytes: Vec<u8>, is_headed: bool) {
        let (plan, words) = versions(seed, 1);
        let mut receiver = Receiver::new(plan.clone(), 100);
        let slots: Vec<UnitSlot> = (0..90).step_by(3).map(UnitSlot).collect();
        for slot in &slots {
            receiver.histories.entry(*slot).or_default().insert(20, (words[1].clone(), None));
        }
        receiver.frames.insert(name(20), slots);
        if is_headed {
            // The header names tick 25 and refers to frame 20, part 0, so the decoder reads the rest.
            let header = [25u64 << 3 | 0b100, 0b1 << 24 | 0b1 << 25 | 0b0001 << 26];
            let five = (header[0] | 0b01 << 19 | 0b1 << 22 | header[1] >> 2).to_le_bytes();
            bytes.splice(..0, five.into_iter().take(3));
        }
        if receiver.receive(&bytes).is_ok() {
            for (slot, history) in &receiver.histories {
                assert!(slot.0 < 100 && history.values().all(|(words, _)| plan.admits(words)));
            }
        }
    }
    quickcheck(property as fn(u64, Vec<u8>, bool));
}

#[test]
fn a_corrupt_or_truncated_frame_does_not_change_the_received_world() {
    let plan = angles();
    let mut receiver = Receiver::new(plan.clone(), 100);
    let header = FrameHeader { name: name(5), ..FrameHeader::default() };
    let units = [3, 4, 9, 60].map(|slot| (slot, [u32::from(slot) * 2]));
    let bytes = written(&header, absolute(&plan, &units));
    for length in 0..bytes.len() {
        assert!(receiver.receive(&bytes[..length]).is_err(), "cut to {length}");
    }
    // The checksum does not cover the ticks of a header; the packet's own protection does.
    for bit in 40..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(receiver.receive(&bytes).is_err(), "bit {bit}");
    }
    assert!(receiver.histories.is_empty() && receiver.frames.is_empty());
    assert!(receiver.receive(&bytes).is_ok());
}

#[test]
fn each_kind_of_invalid_frame_has_its_own_error() {
    let plan = angles();
    let receiver = || Receiver::new(plan.clone(), 10);
    let refused = |bytes: &[u8]| receiver().receive(bytes).unwrap_err();
    let header = FrameHeader { name: name(5), ..FrameHeader::default() };
    assert_eq!(refused(&[]), SnapshotFault::Code(CodeError::Truncated));
    assert_eq!(refused(&[1; 20]), SnapshotFault::Reserved);
    let unknown = SnapshotFault::UnknownUnit { slot: UnitSlot(10) };
    assert_eq!(refused(&written(&header, absolute(&plan, &[(10, [5])]))), unknown);

    let update = |tick| UnitUpdate {
        slot: UnitSlot(2),
        binding: SlotBinding::default(),
        body: UpdateBody::Words {
            plan: &plan,
            current: &[9],
            against: Against::Version { baseline: VersionWords { tick, words: &[8] }, second: None },
        },
    };
    let missing = |tick| SnapshotFault::BaselineMissing { slot: UnitSlot(2), tick };
    assert_eq!(refused(&written(&header, [update(4)].into_iter())), missing(Some(4)));
    let raised = FrameHeader { floor: 5, ..header };
    assert_eq!(refused(&written(&raised, [update(4)].into_iter())), missing(None));

    let referring = FrameHeader { reference: Some(name(3)), ..header };
    let mut other = receiver();
    other.frames.insert(name(2), Vec::new());
    let bytes = bytes_of(FrameWriter::new().write(&referring, &[], [].into_iter()).unwrap());
    assert_eq!(other.receive(&bytes), Err(SnapshotFault::ReferenceMissing));
    assert_eq!(refused(&bytes), SnapshotFault::Tick);

    let mut other = receiver();
    other.histories.entry(UnitSlot(2)).or_default().insert(4, (vec![7], None));
    assert_eq!(other.receive(&written(&header, [update(4)].into_iter())), Err(SnapshotFault::Diverged));
    let mut bytes = written(&header, absolute(&plan, &[(1, [5])]));
    bytes.push(0);
    assert_eq!(refused(&bytes), SnapshotFault::Code(CodeError::Trailing));
}

#[test]
fn the_frame_writer_refuses_input_that_the_receiver_would_refuse() {
    let plan = angles();
    let header = FrameHeader { name: name(5), ..FrameHeader::default() };
    let refused = |header: &FrameHeader, units: &[(u16, [u32; 1])]| {
        FrameWriter::new().write(header, &[], absolute(&plan, units)).err()
    };
    assert_eq!(refused(&FrameHeader { floor: 6, ..header }, &[]), Some(FrameError::Header));
    assert_eq!(refused(&header, &[(4, [1]), (4, [2])]), Some(FrameError::Order));
    assert_eq!(refused(&header, &[(4, [1]), (3, [2])]), Some(FrameError::Order));
    let too_many: Vec<(u16, [u32; 1])> =
        (0..=limits::SNAPSHOT_FRAME_UNITS as u16).map(|slot| (slot, [1])).collect();
    assert_eq!(refused(&header, &too_many), Some(FrameError::TooLarge));
    assert_eq!(refused(&header, &too_many[1..]), None);
    let against = Against::Version { baseline: VersionWords { tick: 5, words: &[1] }, second: None };
    let body = UpdateBody::Words { plan: &plan, current: &[2], against };
    let update = UnitUpdate { slot: UnitSlot(7), binding: SlotBinding::default(), body };
    let refused = FrameWriter::new().write(&header, &[], [update].into_iter()).err();
    assert_eq!(refused, Some(FrameError::Baseline { slot: UnitSlot(7) }));
}

#[test]
fn a_small_frame_that_decodes_to_more_words_than_the_limit_is_refused() {
    let parts = vec![Part::Array { length: 200, element: vec![Part::Flag] }];
    let plan = Plan::new(&Layout::new(parts, Predictor::Linear));
    let mut receiver = Receiver::new(plan.clone(), 4000);
    let slots: Vec<UnitSlot> = (0..4000).map(UnitSlot).collect();
    let resting = vec![0; plan.words()];
    for slot in &slots {
        receiver.histories.entry(*slot).or_default().insert(4, (resting.clone(), None));
    }
    receiver.frames.insert(name(4), slots.clone());
    let against = Against::Version { baseline: VersionWords { tick: 4, words: &resting }, second: None };
    let body = UpdateBody::Words { plan: &plan, current: &resting, against };
    let update = |slot| UnitUpdate { slot, binding: SlotBinding::default(), body };
    let header = FrameHeader { name: name(5), floor: 4, reference: Some(name(4)) };
    let most = limits::SNAPSHOT_FRAME_WORDS / plan.words();
    let mut writer = FrameWriter::new();
    let refused = writer.write(&header, &slots, slots[..=most].iter().copied().map(update)).err();
    assert_eq!(refused, Some(FrameError::TooLarge));
    let frame = writer.write(&header, &slots, slots[..most].iter().copied().map(update)).unwrap();
    receiver.receive(&bytes_of(frame)).unwrap();

    // The test writes the bits itself: the frame repeats all units of its reference, with one bit each.
    let mut bomb = CodeWriter::new();
    bomb.put(0b100, 3);
    bomb.put(5, 16);
    bomb.golomb(0, 2);
    bomb.golomb(0, 0);
    bomb.golomb(0, 0);
    bomb.golomb(0, 3);
    bomb.put(0, 1);
    bomb.put(10, 4);
    bomb.golomb(4000, 10);
    bomb.golomb(0, 3);
    (0..4000).for_each(|_| bomb.put(1, 1));
    bomb.put(0, 16);
    assert_eq!(receiver.receive(&bytes_of(&bomb)), Err(SnapshotFault::TooLarge));
}
