//! Tests of one unit, encoded and decoded.

use alloc::vec;
use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::{Draw, Plan, versions};
use crate::snapshot::delta::{Against, SnapshotFault, VersionWords, decode, encode};
use crate::snapshot::entropy::{CodeReader, CodeWriter};
use crate::snapshot::{Layout, Part, Predictor};

fn against<'a>(words: &'a [Vec<u32>], ticks: (u32, u32), kind: u8) -> Against<'a> {
    let baseline = VersionWords { tick: ticks.0, words: &words[1] };
    match kind % 4 {
        0 => Against::Blueprint(&words[1]),
        1 => Against::Version { baseline, second: None },
        _ => Against::Version { baseline, second: Some(VersionWords { tick: ticks.1, words: &words[0] }) },
    }
}

fn coded(plan: &Plan, tick: u32, current: &[u32], against: &Against<'_>) -> (Vec<u8>, usize) {
    let (mut writer, mut bytes) = (CodeWriter::new(), Vec::new());
    encode(plan, tick, current, against, &mut writer).unwrap();
    writer.finish_into(&mut bytes);
    (bytes, writer.bits())
}

fn bits(plan: &Plan, tick: u32, current: &[u32], against: &Against<'_>) -> usize {
    coded(plan, tick, current, against).1
}

#[test]
fn the_words_of_any_layout_round_trip_against_any_baseline() {
    fn property(seed: u64, ticks: (u32, u32, u32), steps: (u8, u8), kind: u8) {
        let (plan, words) = versions(seed, 3);
        assert!(words.iter().all(|words| plan.admits(words)), "{words:?}");
        // Half of the ticks are near each other; the other half are arbitrary.
        let (tick, older, oldest) = ticks;
        let near = (older.saturating_add(steps.0.into()), older, older.saturating_sub(steps.1.into()));
        let (tick, older, oldest) = if kind & 4 == 0 { near } else { (tick, older, oldest) };
        let against = against(&words[1..], (older, oldest), kind);
        let (bytes, bits) = coded(&plan, tick, &words[3], &against);
        let (mut reader, mut decoded) = (CodeReader::new(&bytes), vec![7; plan.words()]);
        decode(&plan, tick, &against, &mut reader, &mut decoded).unwrap();
        assert_eq!((decoded, reader.position()), (words[3].clone(), bits));
    }
    quickcheck(property as fn(u64, (u32, u32, u32), (u8, u8), u8));
}

#[test]
fn arbitrary_bytes_decode_to_words_that_the_layout_accepts_or_are_refused() {
    fn property(seed: u64, bytes: Vec<u8>, kind: u8, tick: u8) {
        let (plan, words) = versions(seed, 2);
        let against = against(&words[1..], (10, 5), kind);
        let mut decoded = vec![0; plan.words()];
        let mut reader = CodeReader::new(&bytes);
        if decode(&plan, u32::from(tick), &against, &mut reader, &mut decoded).is_ok() {
            assert!(plan.admits(&decoded), "{decoded:?}");
            let (again, bits) = coded(&plan, u32::from(tick), &decoded, &against);
            let mut same = CodeReader::new(&again);
            assert_eq!(bits, reader.position(), "a second encoding");
            let mut first = CodeReader::new(&bytes);
            assert!((0..bits).all(|_| first.bit() == same.bit()), "a second encoding");
        }
    }
    quickcheck(property as fn(u64, Vec<u8>, u8, u8));
}

#[test]
fn a_truncated_unit_is_refused_and_a_corrupt_unit_never_decodes_to_words_out_of_range() {
    for seed in 0..300 {
        let (plan, words) = versions(seed, 3);
        let against = against(&words[1..], (10, 5), seed as u8);
        let (bytes, bits) = coded(&plan, 14, &words[3], &against);
        let mut draw = Draw(seed);
        for _ in 0..20 {
            let (mut bytes, at) = (bytes.clone(), draw.below(bits as u64 + 1) as usize);
            if let Some(byte) = bytes.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
            let mut decoded = vec![0; plan.words()];
            let is_read = decode(&plan, 14, &against, &mut CodeReader::new(&bytes), &mut decoded).is_ok();
            assert!(!is_read || plan.admits(&decoded));
        }
        let cut = &bytes[..(bits - 1) / 8];
        let read = decode(&plan, 14, &against, &mut CodeReader::new(cut), &mut vec![0; plan.words()]);
        assert!(read.is_err(), "seed {seed}: {read:?}");
    }
}

fn plan(parts: &[Part], predictor: Predictor) -> Plan {
    Plan::new(&Layout::new(parts.to_vec(), predictor))
}

fn moving<'a>(baseline: &'a [u32], second: &'a [u32]) -> Against<'a> {
    let version = |tick, words| VersionWords { tick, words };
    Against::Version { baseline: version(12, baseline), second: Some(version(6, second)) }
}

const POSITION: Part = Part::Numbers { words: 3, max: 32_767, threshold: 0 };

#[test]
fn a_unit_in_steady_motion_takes_3_bits_with_linear_prediction() {
    let (baseline, second) = ([1100, 2000, 300], [1000, 2000, 350]);
    let parts = [POSITION, Part::Flag];
    let (linear, last) = (plan(&parts, Predictor::Linear), plan(&parts, Predictor::Last));
    let unit = |words: [u32; 3]| [words[0], words[1], words[2], 0];
    let against = (unit(baseline), unit(second));
    let against = moving(&against.0, &against.1);
    // The unit moves half as far in half the time.
    assert_eq!(bits(&linear, 15, &unit([1150, 2000, 275]), &against), 3);
    assert!(bits(&last, 15, &unit([1150, 2000, 275]), &against) > 20);
    // After more than twice the time, the unit counts as at rest.
    assert_eq!(bits(&linear, 24, &unit([1300, 2000, 200]), &against), 3);
    assert_eq!(bits(&linear, 25, &unit([1100, 2000, 300]), &against), 3);
}

#[test]
fn a_predicted_position_is_clamped_to_its_range() {
    let linear = plan(&[POSITION], Predictor::Linear);
    let against = moving(&[32_700, 100, 0], &[32_000, 800, 0]);
    assert_eq!(bits(&linear, 18, &[32_767, 0, 0], &against), 1);
}

#[test]
fn a_position_is_predicted_along_the_mean_of_its_old_and_new_velocity() {
    let velocity = Part::Numbers { words: 3, max: 4000, threshold: 0 };
    // The scale is a quarter of a position step per tick and velocity step.
    let along = |position, velocity| Predictor::Velocity { position, velocity, scale: 1 << 30 };
    for is_first in [true, false] {
        let (parts, predictor) = match is_first {
            true => ([POSITION, velocity.clone()], along(0, 1)),
            false => ([velocity.clone(), POSITION], along(1, 0)),
        };
        let unit = |position: [u32; 3], velocity: [u32; 3]| match is_first {
            true => [position, velocity].concat(),
            false => [velocity, position].concat(),
        };
        // 2000 is standstill. On the first axis the unit moves for 6 ticks at 40, then at a mean of 60: 60 and 90 steps.
        let second = unit([1000, 500, 700], [2040, 2000, 2000]);
        let baseline = unit([1060, 500, 700], [2040, 2000, 2000]);
        let against = moving(&baseline, &second);
        let (along, last) = (plan(&parts, predictor), plan(&parts, Predictor::Last));
        let now = unit([1150, 500, 700], [2080, 2000, 2000]);
        assert_eq!(bits(&along, 18, &unit([1120, 500, 700], [2040, 2000, 2000]), &against), 3);
        assert!(bits(&along, 18, &now, &against) + 15 < bits(&last, 18, &now, &against));
    }
}

#[test]
fn an_angle_is_predicted_along_its_shorter_turn() {
    let angle = plan(&[Part::Angle { bits: 10, threshold: 0 }], Predictor::Linear);
    assert_eq!(bits(&angle, 18, &[1], &moving(&[1019], &[1013])), 1);
    let far = bits(&angle, 18, &[500], &moving(&[1019], &[1013]));
    assert!(bits(&angle, 18, &[2], &moving(&[1019], &[1013])) + 10 < far);
}

#[test]
fn a_rotation_whose_largest_component_changes_takes_at_most_8_more_bits() {
    let rotation = plan(&[Part::Rotation { bits: 9, threshold: 0 }], Predictor::Linear);
    // The component at place 0 is left out: 0.6, then 0.58. The component at place 1 is 0.5 and more.
    let against = moving(&[0, 490, 380, 380], &[0, 484, 380, 380]);
    let same = bits(&rotation, 18, &[0, 498, 381, 379], &against);
    let turned = bits(&rotation, 18, &[1, 490, 381, 379], &against);
    assert!(turned <= same + 8, "{turned} bits, {same} in the same chart");
}

#[test]
fn a_changed_part_with_two_possible_values_takes_no_bits_beyond_the_change_mask() {
    let flag = plan(&[Part::Flag], Predictor::Last);
    assert_eq!(bits(&flag, 18, &[1], &moving(&[0], &[0])), 1);
    let choice = plan(&[Part::Choice { count: 2 }], Predictor::Last);
    assert_eq!(bits(&choice, 18, &[1], &moving(&[0], &[1])), 1);
}

#[test]
fn one_changed_element_of_an_array_of_100_takes_fewer_than_32_bits() {
    let stock = Part::Array { length: 100, element: vec![Part::Choice { count: 256 }, Part::Flag] };
    let plan = plan(&[stock], Predictor::Last);
    let (before, mut now) = (vec![0; 200], vec![0; 200]);
    now[140] = 9;
    let one = bits(&plan, 18, &now, &moving(&before, &before));
    assert!(one < 32, "{one}");
    // All elements together cost no more than one bit each besides their changes.
    let all: Vec<u32> = [9, 0].repeat(100);
    let all = bits(&plan, 18, &all, &moving(&before, &before));
    assert!(all < 100 * (1 + 3 + 8) + 20, "{all}");
}

#[test]
fn one_mispredicted_part_among_40_parts_takes_eight_additional_bits() {
    let plan = plan(&vec![Part::Flag; 40], Predictor::Last);
    let mut now = [0; 40];
    assert_eq!(bits(&plan, 18, &now, &moving(&[0; 40], &[0; 40])), 5);
    now[17] = 1;
    assert_eq!(bits(&plan, 18, &now, &moving(&[0; 40], &[0; 40])), 5 + 8);
}

#[test]
fn encoder_and_decoder_refuse_a_unit_with_a_wrong_number_of_words() {
    let plan = plan(&[POSITION], Predictor::Linear);
    let mut writer = CodeWriter::new();
    for (now, baseline, second) in [(2, 3, 3), (3, 4, 3), (3, 3, 2)] {
        let (baseline, second) = (vec![1; baseline], vec![1; second]);
        let against = moving(&baseline, &second);
        assert!(encode(&plan, 18, &vec![1; now], &against, &mut writer).is_err());
        let read = decode(&plan, 18, &against, &mut CodeReader::new(&[255; 40]), &mut vec![1; now]);
        assert_eq!(read, Err(SnapshotFault::WrongLength));
    }
    assert_eq!(writer.bits(), 0);
}
