//! Tests of the code that the derive macros write.
#![cfg(feature = "derive")]

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, QuickCheck};

use crate::message::{BoundedBytes, BoundedString};
use crate::snapshot::{
    ComponentSpec, ComponentWords, FieldKind, FieldSpec, Layout, Motion, NetComponent, NetValue, NetworkId,
    Part, Prediction, Predictor, Steps, WordReader,
};

/// A component with a field of each kind.
#[derive(NetComponent, Clone, PartialEq, Debug)]
#[net(name = "all/kinds", group = "motion", hz = 30, predictor = "velocity")]
struct AllKinds {
    #[net(range = -1024.0..=1024.0, step = 0.002, position)]
    at: [f32; 3],
    #[net(range = "-LIMIT..=LIMIT", step = 0.01, threshold = 0.05, velocity)]
    moves: [f32; 3],
    #[net(range = 0..=1, step = 0.25)]
    share: f64,
    #[net(quat = 9)]
    turned: [f32; 4],
    #[net(angle = 16, threshold = 1)]
    heading: f32,
    #[net(range = -5..=9, threshold = 2)]
    level: i8,
    #[net(bits = 40)]
    mark: u64,
    #[net(range = 0..100)]
    slots: [u8; 4],
    open: bool,
    r#type: Weapon,
    target: Option<NetworkId>,
    exact: f32,
    wide: f64,
    any: i32,
    name: BoundedString<6>,
    blob: BoundedBytes<4>,
    hands: [Hand; 2],
}

const LIMIT: f64 = 20.0;

#[derive(NetValue, Clone, Copy, PartialEq, Debug)]
enum Weapon {
    Sword,
    Bow = 7,
    Staff,
}

#[derive(NetValue, Clone, PartialEq, Debug)]
struct Hand(#[net(range = -1.0..=1.0, step = 0.5)] [f64; 2], bool);

fn rounded(value: f64, step: f64) -> f64 {
    (value / step).round() * step
}

impl Arbitrary for AllKinds {
    /// Returns a value that its words represent without loss, except for the rotation and the heading.
    fn arbitrary(g: &mut Gen) -> Self {
        let number = |g: &mut Gen, span: f64| f64::from(i16::arbitrary(g)) / 32_768.0 * span;
        let metres = |g: &mut Gen| rounded(number(g, 1024.0), 0.002) as f32;
        let speed = |g: &mut Gen| rounded(number(g, 20.0), 0.01) as f32;
        let half = |g: &mut Gen| rounded(number(g, 1.0), 0.5);
        let hand = |g: &mut Gen| Hand([half(g) + 0.0, half(g) + 0.0], bool::arbitrary(g));
        Self {
            at: core::array::from_fn(|_| metres(g) + 0.0),
            moves: core::array::from_fn(|_| speed(g) + 0.0),
            share: rounded(number(g, 1.0).abs(), 0.25),
            turned: core::array::from_fn(|_| number(g, 1.0) as f32),
            heading: number(g, 3.0) as f32,
            level: i8::arbitrary(g).rem_euclid(15) - 5,
            mark: u64::arbitrary(g) >> 24,
            slots: core::array::from_fn(|_| u8::arbitrary(g) % 100),
            open: bool::arbitrary(g),
            r#type: *g.choose(&[Weapon::Sword, Weapon::Bow, Weapon::Staff]).unwrap(),
            target: Option::<u32>::arbitrary(g).map(NetworkId),
            exact: f32::from_bits(u32::arbitrary(g) & 0x7f7f_ffff),
            wide: f64::from_bits(u64::arbitrary(g) & 0x7fef_ffff_ffff_ffff),
            any: i32::arbitrary(g),
            name: BoundedString::truncated(&String::arbitrary(g)),
            blob: Vec::<u8>::arbitrary(g).into_iter().take(4).collect::<Vec<_>>().try_into().unwrap(),
            hands: [hand(g), hand(g)],
        }
    }
}

fn words<T: NetValue>(value: &T) -> Vec<u32> {
    let mut words = vec![u32::MAX; T::WORDS];
    let mut writer = ComponentWords::new(&mut words);
    value.quantise(&mut writer);
    assert_eq!(writer.finish(), 0, "fewer words than it says");
    words
}

fn restored<T: NetValue>(words: &[u32]) -> T {
    let mut reader = WordReader::new(words);
    let value = T::restore(&mut reader);
    assert_eq!(reader.skip(1), [0; 0], "more words than it reads");
    value
}

fn layout<T: NetComponent>() -> Layout {
    let mut parts = Vec::new();
    T::spec().fields.iter().for_each(|field| field.kind.append_parts(&mut parts));
    Layout::new(parts, Predictor::Last)
}

#[test]
fn every_component_is_restored_from_its_words() {
    fn property(value: AllKinds) -> bool {
        let own = words(&value);
        let back: AllKinds = restored(&own);
        let is_alike = AllKinds { turned: value.turned, heading: value.heading, ..back.clone() } == value;
        is_alike && words(&back) == own && layout::<AllKinds>().admits(&own)
    }
    QuickCheck::new().tests(1000).quickcheck(property as fn(AllKinds) -> bool);
}

#[test]
fn arbitrary_words_decode_to_a_value_whose_words_the_layout_accepts() {
    fn property(seed: Vec<u32>) -> bool {
        let mut any: Vec<u32> = seed.iter().cycle().take(AllKinds::WORDS).copied().collect();
        any.resize(AllKinds::WORDS, u32::MAX);
        let value: AllKinds = restored(&any);
        let own = words(&value);
        layout::<AllKinds>().admits(&own) && words(&restored::<AllKinds>(&own)) == own
    }
    QuickCheck::new().tests(1000).quickcheck(property as fn(Vec<u32>) -> bool);
    let beyond: AllKinds = restored(&[u32::MAX; AllKinds::WORDS]);
    assert_eq!((beyond.at, beyond.level, beyond.r#type), ([1024.0; 3], 9, Weapon::Staff));
    assert_eq!((beyond.slots, beyond.mark), ([99; 4], (1 << 40) - 1));
    let missing: AllKinds = AllKinds::restore(&mut WordReader::new(&[]));
    assert_eq!((missing.at, missing.share, missing.name.len()), ([-1024.0; 3], 0.0, 0));
}

#[test]
fn the_layout_of_a_component_has_one_part_per_field_in_declaration_order() {
    let number = |max, threshold| Part::Numbers { words: 1, max, threshold };
    let hand = vec![Part::Numbers { words: 2, max: 4, threshold: 0 }, Part::Flag];
    let parts = [
        Part::Numbers { words: 3, max: 1_024_000, threshold: 5 },
        Part::Numbers { words: 3, max: 4000, threshold: 5 },
        number(4, 0),
        Part::Rotation { bits: 9, threshold: 0 },
        Part::Angle { bits: 16, threshold: 182 },
        number(14, 2),
        Part::Opaque { bits: 40 },
        Part::Array { length: 4, element: vec![number(99, 0)] },
        Part::Flag,
        Part::Choice { count: 3 },
        Part::Flag,
        Part::Entity,
        Part::Opaque { bits: 32 },
        Part::Opaque { bits: 64 },
        number(u32::MAX, 0),
        Part::Bytes { max: 6 },
        Part::Bytes { max: 4 },
        Part::Array { length: 2, element: hand },
    ];
    assert_eq!(layout::<AllKinds>().parts(), parts);
    assert_eq!(layout::<AllKinds>().words(), AllKinds::WORDS);
    assert_eq!(AllKinds::WORDS, 38);
}

#[test]
fn the_spec_of_a_derived_component_contains_the_values_of_its_attributes() {
    let spec = AllKinds::spec();
    assert_eq!((AllKinds::NAME, &*spec.name, spec.group_name()), ("all/kinds", "all/kinds", "motion"));
    assert_eq!((spec.hz, spec.predictor), (Some(30), Some(Prediction::Velocity)));
    let motions: Vec<_> =
        spec.fields.iter().filter_map(|field| Some((&*field.name, field.motion?))).collect();
    assert_eq!(motions, [("at", Motion::Position), ("moves", Motion::Velocity)]);
    let names: Vec<_> = spec.fields.iter().map(|field| &*field.name).collect();
    assert_eq!(names[8..11], ["open", "type", "target"]);
}

#[test]
fn the_component_derive_accepts_a_type_without_attributes_or_fields() {
    #[derive(NetComponent, PartialEq, Debug)]
    struct Asleep;
    #[derive(NetComponent, Clone, Copy, PartialEq, Debug)]
    enum Mood {
        Calm,
        Angry,
    }
    assert_eq!(Asleep::spec(), ComponentSpec::new("Asleep"));
    assert_eq!((words(&Asleep), restored::<Asleep>(&[])), (vec![], Asleep));
    let choice = FieldSpec::new("0", FieldKind::choice(["Calm", "Angry"]));
    assert_eq!(Mood::spec(), ComponentSpec::new("Mood").field(choice));
    assert_eq!((words(&Mood::Angry), restored::<Mood>(&[0])), (vec![1], Mood::Calm));
}

#[test]
fn a_generic_type_can_be_a_field_of_a_component() {
    #[derive(NetValue, PartialEq, Debug)]
    struct Pair<T>(T, T);
    #[derive(NetComponent, PartialEq, Debug)]
    struct Both {
        pair: Pair<u8>,
        nothing: Option<Pair<bool>>,
    }
    let both = Both { pair: Pair(3, 4), nothing: None };
    assert_eq!(words(&both), [3, 4, 0, 0, 0]);
    assert_eq!(restored::<Both>(&[3, 4, 0, 1, 1]), both);
}

#[test]
fn a_value_outside_its_range_is_clamped_to_the_nearest_end() {
    #[derive(NetComponent, PartialEq, Debug)]
    struct Bounds {
        #[net(range = -1.0..=1.0, step = 0.1)]
        float: [f32; 2],
        #[net(range = -5..=9)]
        integer: [i8; 2],
        #[net(bits = 3)]
        signed: i64,
    }
    let beyond = Bounds { float: [f32::INFINITY, f32::MIN], integer: [127, -128], signed: 99 };
    assert_eq!(words(&beyond), [20, 0, 14, 0, 7]);
    assert_eq!(restored::<Bounds>(&[20, 0, 14, 0, 7]).integer, [9, -5]);
    let none = Bounds { float: [f32::NAN, -0.0], integer: [0, 0], signed: -99 };
    assert_eq!(words(&none), [10, 10, 5, 5, 0]);
}

#[test]
fn every_nan_has_the_same_words() {
    let nan = [f32::from_bits(0xffc0_1234), f32::NAN, f32::from_bits(0x7f80_0001)];
    assert_eq!(words(&nan), [0x7fc0_0000; 3]);
    assert_eq!(restored::<f32>(&[0xffff_ffff]).to_bits(), 0x7fc0_0000);
    assert_eq!(words(&f64::from_bits(0xfff8_0000_0000_0001)), [0, 0x7ff8_0000]);
    assert_eq!(restored::<f64>(&[1, 0xfff8_0000]).to_bits(), 0x7ff8_0000_0000_0000);
    assert_eq!((words(&-0.0f32), words(&f64::NEG_INFINITY)), (vec![1 << 31], vec![0, 0xfff0_0000]));
}

#[test]
fn text_truncated_within_a_character_ends_before_that_character() {
    let name: BoundedString<6> = BoundedString::truncated("Zoë");
    assert_eq!(words(&name), [4, u32::from_le_bytes([b'Z', b'o', 0xc3, 0xab]), 0]);
    assert_eq!(restored::<BoundedString<6>>(&[3, words(&name)[1], 0]).as_str(), "Zo");
    assert_eq!(restored::<BoundedString<6>>(&[u32::MAX, u32::MAX, 0]).as_str(), "");
    let blob: BoundedBytes<6> = vec![1, 2, 3, 4, 5].try_into().unwrap();
    assert_eq!(words(&blob), [5, 0x0403_0201, 5]);
    assert_eq!(restored::<BoundedBytes<6>>(&[99, 0x0403_0201, 0xffff_0605]).len(), 6);
}

#[test]
fn a_layout_part_refuses_words_out_of_range_and_a_wrong_number_of_words() {
    let refused: [(Part, &[u32]); 14] = [
        (Part::Flag, &[2]),
        (Part::Flag, &[]),
        (Part::Flag, &[0, 0]),
        (Part::Choice { count: 3 }, &[3]),
        (Part::Numbers { words: 2, max: 9, threshold: 0 }, &[9, 10]),
        (Part::Angle { bits: 8, threshold: 0 }, &[256]),
        (Part::Rotation { bits: 9, threshold: 0 }, &[4, 0, 0, 0]),
        (Part::Rotation { bits: 9, threshold: 0 }, &[0, 0, 512, 0]),
        (Part::Opaque { bits: 31 }, &[1 << 31]),
        (Part::Opaque { bits: 40 }, &[u32::MAX, 256]),
        (Part::Bytes { max: 5 }, &[6, 0, 0]),
        (Part::Bytes { max: 5 }, &[4, u32::MAX, 1]),
        (Part::Bytes { max: 5 }, &[5, 0, 256]),
        (Part::Array { length: 2, element: vec![Part::Flag, Part::Entity] }, &[1, 7, 2, 7]),
    ];
    for (part, words) in &refused {
        assert!(!part.admits(words), "{part:?} admits {words:?}");
        assert!(!Layout::new(vec![part.clone()], Predictor::Last).admits(words));
    }
    let admitted: [(Part, &[u32]); 8] = [
        (Part::Choice { count: 3 }, &[2]),
        (Part::Angle { bits: 32, threshold: 0 }, &[u32::MAX]),
        (Part::Rotation { bits: 9, threshold: 0 }, &[3, 511, 511, 511]),
        (Part::Opaque { bits: 32 }, &[u32::MAX]),
        (Part::Opaque { bits: 40 }, &[u32::MAX, 255]),
        (Part::Opaque { bits: 64 }, &[u32::MAX; 2]),
        (Part::Bytes { max: 5 }, &[5, u32::MAX, 255]),
        (Part::Array { length: 2, element: vec![Part::Flag, Part::Entity] }, &[1, 7, 0, 7]),
    ];
    for (part, words) in &admitted {
        assert!(part.admits(words), "{part:?} refuses {words:?}");
    }
    let unit = Layout::new(vec![Part::Flag, Part::Entity], Predictor::Last);
    assert!(unit.admits(&[1, 9]) && !unit.admits(&[1]) && !unit.admits(&[1, 9, 0]));
}

#[test]
fn a_change_that_is_not_sent_is_at_most_the_threshold_plus_half_a_step() {
    fn property(before: i16, after: i16) -> bool {
        let steps = Steps::new(-8.0, 8.0, 0.003).unwrap();
        let FieldKind::Numbers { threshold, .. } = FieldKind::numbers(1, steps) else { return false };
        let [before, after] = [before, after].map(|value| f64::from(value) / 4096.0);
        let is_hidden = steps.word(before).abs_diff(steps.word(after)) <= threshold;
        threshold == 3 && (!is_hidden || (steps.value(steps.word(before)) - after).abs() <= 0.01 + 0.0015001)
    }
    QuickCheck::new().tests(20_000).quickcheck(property as fn(i16, i16) -> bool);
}
