use quickcheck::{QuickCheck, TestResult};

use super::*;

/// Ranges with a step that an `f32` can represent.
const RANGES: [(f64, f64, f64); 9] = [
    (-1024.0, 1024.0, 0.002),
    (-20.0, 20.0, 0.01),
    (0.0, 1.0, 1.0 / 255.0),
    (-0.7, 10.4, 0.3),
    (0.3, 0.5, 1.0),
    (100.0, 101.0, 0.001),
    (-5.0, -3.0, 0.25),
    (-1e30, 1e30, 1e24),
    (-1e-30, 1e-30, 1e-34),
];

fn steps() -> impl Iterator<Item = Steps> {
    RANGES.into_iter().map(|(low, high, step)| Steps::for_width(low, high, step, 32).unwrap())
}

/// Returns half a step, plus the rounding error of the division and of an `f32`.
fn tolerance(steps: &Steps) -> f64 {
    let far = steps.high().max(-steps.low());
    steps.step() * 0.5001 + far * f64::from(f32::EPSILON) / 2.0
}

#[test]
fn the_quantization_error_of_a_number_is_at_most_half_a_step() {
    fn property(share: u32) -> bool {
        steps().all(|steps| {
            let value = steps.low() + (steps.high() - steps.low()) * f64::from(share) / f64::from(u32::MAX);
            let value = f32::narrow(value);
            let restored = f32::narrow(steps.value(steps.word(value.widen())));
            (restored.widen() - value.widen()).abs() <= tolerance(&steps)
        })
    }
    QuickCheck::new().tests(2000).quickcheck(property as fn(u32) -> bool);
}

#[test]
fn a_restored_number_quantizes_to_the_same_word() {
    fn property(word: u32) -> bool {
        steps().all(|steps| {
            let word = (u64::from(word) % (u64::from(steps.max()) + 1)) as u32;
            let restored = steps.value(word);
            steps.word(restored) == word && steps.word(f32::narrow(restored).widen()) == word
        })
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(u32) -> bool);
    for steps in steps() {
        for word in [0, 1, steps.max() / 2, steps.max().saturating_sub(1), steps.max()] {
            assert_eq!(steps.word(f32::narrow(steps.value(word)).widen()), word.min(steps.max()));
        }
    }
}

#[test]
fn range_ends_and_zero_are_restored_exactly_if_they_are_multiples_of_the_step() {
    let metres = Steps::new(-1024.0, 1024.0, 0.002).unwrap();
    assert_eq!((metres.value(0), metres.value(metres.max())), (-1024.0, 1024.0));
    assert_eq!((metres.word(0.0), metres.word(-0.0)), (512_000, 512_000));
    assert_eq!(metres.value(512_000).to_bits(), 0);
    let shares = Steps::new(0.0, 1.0, 1.0 / 255.0).unwrap();
    assert_eq!((shares.max(), shares.value(0).to_bits(), shares.value(255)), (255, 0, 1.0));
    let from_minus_zero = Steps::new(-0.0, 1.0, 0.5).unwrap();
    assert_eq!(from_minus_zero.value(0).to_bits(), 0);
}

#[test]
fn no_word_restores_to_a_number_outside_the_range() {
    for steps in steps() {
        for word in [0, 1, steps.max() - steps.max().min(1), steps.max(), u32::MAX] {
            assert!((steps.low()..=steps.high()).contains(&steps.value(word)), "{steps:?}");
        }
    }
}

#[test]
fn numbers_out_of_range_are_clamped_and_nan_counts_as_zero() {
    for steps in steps() {
        assert_eq!((steps.word(f64::INFINITY), steps.word(f64::MAX)), (steps.max(), steps.max()));
        assert_eq!((steps.word(f64::NEG_INFINITY), steps.word(f64::MIN)), (0, 0));
        assert_eq!(steps.word(f64::NAN), steps.word(0.0));
        assert_eq!(steps.value(u32::MAX), steps.value(steps.max()));
    }
}

#[test]
fn an_empty_infinite_or_too_finely_divided_range_is_refused() {
    let refused = |low, high, step| Steps::new(low, high, step).unwrap_err();
    assert_eq!(refused(0.0, f64::INFINITY, 1.0), StepsError::NotFinite);
    assert_eq!(refused(f64::NAN, 1.0, 1.0), StepsError::NotFinite);
    assert_eq!(refused(0.0, 1.0, f64::NAN), StepsError::NotFinite);
    assert_eq!(refused(1.0, 1.0, 1.0), StepsError::EmptyRange);
    assert_eq!(refused(0.0, 1.0, 0.0), StepsError::NoStep);
    assert_eq!(refused(0.0, 1.0, -1.0), StepsError::NoStep);
    assert_eq!(refused(0.0, 4_294_967_296.0, 1.0), StepsError::TooManySteps);
    assert_eq!(Steps::new(0.0, 4_294_967_295.0, 1.0).unwrap().max(), u32::MAX);
    assert_eq!(refused(1e12, 2e12, 1.0), StepsError::TooFarFromZero);
    assert_eq!(refused(-f64::MAX, f64::MAX, 1.0), StepsError::TooFarFromZero);
    assert_eq!(refused(0.0, 1.0, f64::MIN_POSITIVE), StepsError::TooFarFromZero);
    assert_eq!(Steps::for_width(0.0, 1024.0, 0.0001, 32), Err(StepsError::TooFine));
    assert_eq!(Steps::for_width(-1e-60, 1e-60, 1e-62, 32), Err(StepsError::TooFine));
    assert_eq!(Steps::for_width(0.0, 1e60, 1e56, 32), Err(StepsError::TooFine));
    assert!(Steps::for_width(0.0, 1024.0, 0.0001, 64).is_ok());
    // An `f32` has exactly two values per step here.
    assert!(Steps::for_width(0.0, 1024.0, 1.0 / 8192.0, 32).is_ok());
}

#[test]
fn thresholds_are_rounded_down_to_whole_steps() {
    let threshold = |step, distance| Steps::new(-8.0, 8.0, step).unwrap().threshold(distance);
    assert_eq!((threshold(0.002, 0.01), threshold(0.004, 0.01), threshold(0.1, 0.01)), (5, 2, 0));
    assert_eq!((threshold(0.1, 0.3), threshold(0.01, 0.07), threshold(0.01, 0.0699)), (3, 7, 6));
    assert_eq!((threshold(0.01, -1.0), threshold(0.01, f64::NAN)), (0, 0));
    assert_eq!((angle_threshold(0.1, 8), angle_threshold(0.1, 16), angle_threshold(360.0, 8)), (0, 18, 256));
    assert_eq!((rotation_threshold(0.1, 9), rotation_threshold(0.1, 15)), (0, 5));
}

#[test]
fn the_quantization_error_of_an_angle_of_any_number_of_turns_is_at_most_half_a_step() {
    fn property(turns: i8, part: u16, bits: u8) -> bool {
        let bits = bits % f32::ANGLE_BITS + 1;
        let angle = (f64::from(turns) + f64::from(part) / 65_536.0) * core::f64::consts::TAU;
        let restored = f32::narrow(angle_from_word(angle_word(angle, bits), bits)).widen();
        let turns = (restored - angle) / core::f64::consts::TAU;
        let error = (turns - turns.round()).abs();
        error <= 0.5 / f64::from(1 << bits) + 1e-7
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(i8, u16, u8) -> bool);
}

#[test]
fn a_restored_angle_quantizes_to_the_same_word() {
    fn property(word: u32, bits: u8) -> bool {
        let again = |bits: u8, through: fn(f64) -> f64| {
            let word = word >> (32 - u32::from(bits));
            angle_word(through(angle_from_word(word, bits)), bits) == word
        };
        again(bits % 32 + 1, |angle| angle)
            && again(bits % f32::ANGLE_BITS + 1, |angle| f32::narrow(angle).widen())
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(u32, u8) -> bool);
}

#[test]
fn nan_and_infinite_angles_are_quantized_as_zero() {
    for none in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE] {
        assert_eq!(angle_word(none, 8), 0, "{none}");
    }
    use core::f64::consts::{FRAC_PI_2, PI};
    assert_eq!((angle_word(FRAC_PI_2, 8), angle_word(PI, 8), angle_word(-FRAC_PI_2, 8)), (64, 128, 192));
    assert_eq!((angle_from_word(64, 8), angle_from_word(128, 8)), (FRAC_PI_2, -PI));
    assert_eq!(angle_from_word(192, 8), -FRAC_PI_2);
}

/// The largest difference between a component of two rotations, for the nearer of the two signs.
fn component_error(a: [f64; 4], b: [f64; 4]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let sign = dot.signum();
    a.iter().zip(b).map(|(a, b)| (a * sign - b).abs()).fold(0.0, f64::max)
}

fn unit(quaternion: [f64; 4]) -> [f64; 4] {
    let norm = quaternion.iter().map(|one| one * one).sum::<f64>().sqrt();
    quaternion.map(|one| one / norm)
}

/// Arbitrary rotations, many of which have components that are nearly equal.
fn rotation([x, y, z, w]: [i16; 4]) -> Option<[f64; 4]> {
    let coarse = |one: i16| if one % 3 == 0 { f64::from(one.signum()) } else { f64::from(one) / 32_768.0 };
    let quaternion = [x, y, z, w].map(coarse);
    (quaternion != [0.0; 4]).then_some(quaternion)
}

#[test]
fn the_quantization_error_of_a_rotation_is_at_most_half_a_step_or_two_steps_for_nearly_equal_components() {
    fn property(x: i16, y: i16, z: i16, w: i16) -> TestResult {
        let Some(quaternion) = rotation([x, y, z, w]) else { return TestResult::discard() };
        let exact = unit(quaternion);
        TestResult::from_bool((3..=15).all(|bits| {
            let words = rotation_words(quaternion, bits);
            let restored = rotation_from_words(words, bits);
            let step = core::f64::consts::FRAC_1_SQRT_2 / f64::from((1 << (bits - 1)) - 1);
            let place = words[0] as usize;
            let mut magnitudes = exact.map(f64::abs);
            magnitudes.sort_by(f64::total_cmp);
            let is_close = magnitudes[3] - magnitudes[2] < 3.0 * step;
            let sign = exact[place].signum();
            let others = (0..4).filter(|other| *other != place);
            let worst = others.map(|other| (exact[other] * sign - restored[other]).abs()).fold(0.0, f64::max);
            worst <= step * if is_close { 2.0 } else { 0.5 } + 1e-8
        }))
    }
    QuickCheck::new().tests(5000).quickcheck(property as fn(i16, i16, i16, i16) -> TestResult);
}

#[test]
fn a_restored_rotation_quantizes_to_the_same_words() {
    fn property(x: i16, y: i16, z: i16, w: i16) -> TestResult {
        let Some(quaternion) = rotation([x, y, z, w]) else { return TestResult::discard() };
        TestResult::from_bool((2..=15).all(|bits| {
            let words = rotation_words(quaternion, bits);
            let restored = rotation_from_words(words, bits);
            let narrow = restored.map(|one| f32::narrow(one).widen());
            rotation_words(restored, bits) == words && rotation_words(narrow, bits) == words
        }))
    }
    QuickCheck::new().tests(20_000).quickcheck(property as fn(i16, i16, i16, i16) -> TestResult);
}

#[test]
fn rotation_words_of_2_to_5_bits_restore_to_a_unit_quaternion() {
    for bits in 2..=5 {
        for word in 0..4 << (3 * bits) {
            let at = |place: u32| word >> (place * u32::from(bits)) & ((1 << bits) - 1);
            let restored = rotation_from_words([word >> (3 * bits), at(0), at(1), at(2)], bits);
            let norm = restored.iter().map(|one| one * one).sum::<f64>();
            assert!((norm - 1.0).abs() < 1e-8, "{word} of {bits} bits: {restored:?}");
            let words = rotation_words(restored, bits);
            assert_eq!(rotation_words(rotation_from_words(words, bits), bits), words);
        }
    }
}

#[test]
fn quaternions_that_differ_only_in_length_or_sign_have_the_same_words() {
    fn property(x: i16, y: i16, z: i16, w: i16) -> TestResult {
        let Some(quaternion) = rotation([x, y, z, w]) else { return TestResult::discard() };
        let words = rotation_words(quaternion, 9);
        let same = [1e300, 1e-300, 0.5, 2.0].map(|scale| quaternion.map(|one| one * scale));
        TestResult::from_bool(same.iter().all(|one| rotation_words(*one, 9) == words))
    }
    QuickCheck::new().quickcheck(property as fn(i16, i16, i16, i16) -> TestResult);
    let identity = rotation_words([0.0, 0.0, 0.0, 1.0], 9);
    assert_eq!(identity, [3, 255, 255, 255]);
    assert_eq!(rotation_words([0.0, 0.0, 0.0, -3.0], 9), identity);
    assert_eq!(rotation_from_words(identity, 9).map(f32::narrow), [0.0, 0.0, 0.0, 1.0]);
    for none in [[0.0; 4], [f64::NAN, 0.0, 0.0, 1.0], [0.0, f64::INFINITY, 0.0, 1.0], [-0.0; 4]] {
        assert_eq!(rotation_words(none, 9), identity, "{none:?}");
    }
}

#[test]
fn rotation_words_above_the_maximum_are_clamped_to_the_maximum() {
    assert_eq!(rotation_from_words([u32::MAX; 4], 9), rotation_from_words([3, 510, 510, 510], 9));
    assert!(component_error(rotation_from_words([9, 255, 255, 255], 9), [0.0, 0.0, 0.0, 1.0]) < 1e-8);
}

#[test]
fn rotations_within_the_threshold_of_each_component_differ_by_at_most_the_threshold_in_degrees() {
    fn property(seed: [i16; 4], moves: (i8, i8, i8)) -> TestResult {
        let Some(quaternion) = rotation(seed) else { return TestResult::discard() };
        let (bits, degrees) = (12, 2.0);
        let threshold = i64::from(rotation_threshold(degrees, bits));
        assert!(threshold > 2);
        let words = rotation_words(quaternion, bits);
        let moved = |word: u32, by: i8| {
            (i64::from(word) + i64::from(by).clamp(-threshold, threshold)).clamp(0, 4094) as u32
        };
        let other = [words[0], moved(words[1], moves.0), moved(words[2], moves.1), moved(words[3], moves.2)];
        let (before, after) = (rotation_from_words(words, bits), rotation_from_words(other, bits));
        let dot: f64 = before.iter().zip(after).map(|(a, b)| a * b).sum();
        let angle = 2.0 * dot.abs().min(1.0).acos().to_degrees();
        TestResult::from_bool(angle <= degrees)
    }
    fn flat(a: (i16, i16, i16, i16), moves: (i8, i8, i8)) -> TestResult {
        property([a.0, a.1, a.2, a.3], moves)
    }
    QuickCheck::new().tests(5000).quickcheck(flat as fn((i16, i16, i16, i16), (i8, i8, i8)) -> TestResult);
}

#[test]
fn quantized_words_equal_their_golden_values_on_every_target() {
    let metres = Steps::new(-1024.0, 1024.0, 0.002).unwrap();
    let numbers = [0.001, 0.003, -0.001, 1.2345, -1023.9991].map(|value| metres.word(value));
    assert_eq!(numbers, [512_000, 512_002, 512_000, 512_617, 0]);
    assert_eq!([0.1, 1.0, -2.0, 100.0].map(|angle| angle_word(angle, 12)), [65, 652, 2792, 3750]);
    let turned = [[0.1, -0.2, 0.3, 0.9], [1.0, 2.0, 3.0, -4.0], [0.5, 0.5, -0.5, 0.5]];
    assert_eq!(
        turned.map(|quaternion| rotation_words(quaternion, 10)),
        [[3, 585, 363, 733], [3, 379, 247, 115], [0, 872, 150, 872]]
    );
    let restored = rotation_from_words([3, 600, 300, 700], 10).map(f32::narrow);
    assert_eq!(restored.map(f32::to_bits), [0x3dfc_38ff, 0xbe95_7dd3, 0x3e85_e79b, 0x3f69_64b2]);
}
