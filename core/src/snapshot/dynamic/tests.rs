use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::snapshot::{ComponentSpec, FieldKind, FieldSpec, NetworkId, Steps};

fn spec() -> Arc<ComponentSpec> {
    let slot = FieldKind::structure([
        FieldSpec::new("sort", FieldKind::choice(["none", "torch"])),
        FieldSpec::new("count", FieldKind::integer(-3, 99)),
    ]);
    let steps = |far: f64, step| Steps::new(-far, far, step).unwrap();
    Arc::new(
        ComponentSpec::new("thing")
            .field(FieldSpec::new("at", FieldKind::numbers(3, steps(8.0, 0.5))))
            .field(FieldSpec::new("speed", FieldKind::numbers(1, steps(4.0, 0.25))))
            .field(FieldSpec::new("turn", FieldKind::rotation(9)))
            .field(FieldSpec::new("aim", FieldKind::angle(8)))
            .field(FieldSpec::new("open", FieldKind::Bool))
            .field(FieldSpec::new("slots", FieldKind::array(2, slot)))
            .field(FieldSpec::new("target", FieldKind::Entity))
            .field(FieldSpec::new("name", FieldKind::Text { max: 6 }))
            .field(FieldSpec::new("key", FieldKind::Bytes { max: 4 }))
            .field(FieldSpec::new("seed", FieldKind::integer(i64::MIN, i64::MAX)))
            .field(FieldSpec::new("mass", FieldKind::Exact { width: 32 }))
            .field(FieldSpec::new("wide", FieldKind::Exact { width: 64 }))
            .field(FieldSpec::new("maybe", FieldKind::optional(FieldKind::integer(5, 9)))),
    )
}

fn thing() -> DynamicComponent {
    DynamicComponent::new(spec())
}

fn list(items: impl IntoIterator<Item = DynamicValue>) -> DynamicValue {
    DynamicValue::List(items.into_iter().collect())
}

#[test]
fn the_default_of_a_dynamic_field_is_the_value_nearest_to_zero() {
    let thing = thing();
    let get = |field: &str| thing.get(field).unwrap();
    assert_eq!(get("at"), DynamicValue::Vector(vec![0.0; 3]));
    assert_eq!(get("speed"), DynamicValue::Float(0.0));
    assert_eq!(thing.words()[4..8], [3, 255, 255, 255]);
    assert_eq!((get("aim"), get("open")), (DynamicValue::Float(0.0), DynamicValue::Bool(false)));
    assert_eq!(get("slots.1"), list([DynamicValue::Text("none".into()), DynamicValue::Int(0)]));
    assert_eq!((get("target"), get("maybe")), (DynamicValue::None, DynamicValue::None));
    assert_eq!((get("name"), get("key")), (DynamicValue::Text("".into()), DynamicValue::Bytes(vec![])));
    assert_eq!((get("seed"), get("wide")), (DynamicValue::Int(0), DynamicValue::Float(0.0)));
}

#[test]
fn each_dynamic_field_returns_the_value_that_was_set() {
    let values = [
        ("at", DynamicValue::Vector(vec![1.0, -2.5, 8.0])),
        ("speed", DynamicValue::Float(-0.25)),
        ("aim", DynamicValue::Float(core::f64::consts::FRAC_PI_2)),
        ("open", DynamicValue::Bool(true)),
        ("slots.1", list([DynamicValue::Text("torch".into()), DynamicValue::Int(-2)])),
        ("slots.0.count", DynamicValue::Int(99)),
        ("target", DynamicValue::Entity(NetworkId(7))),
        ("name", DynamicValue::Text("Zoë".into())),
        ("key", DynamicValue::Bytes(vec![1, 2, 3])),
        ("seed", DynamicValue::Int(i128::from(i64::MIN))),
        ("mass", DynamicValue::Float(0.5)),
        ("wide", DynamicValue::Float(0.1)),
        ("maybe", DynamicValue::Int(6)),
    ];
    let mut thing = thing();
    for (field, value) in &values {
        thing.set(field, value).unwrap();
    }
    for (field, value) in &values {
        assert_eq!(thing.get(field).as_ref(), Ok(value), "{field}");
    }
    assert_eq!(thing.get("slots.0.sort"), Ok(DynamicValue::Text("none".into())));
    let copy = DynamicComponent::from_words(spec(), thing.words());
    assert_eq!(copy, thing);
    assert_eq!(DynamicComponent::from_words(spec(), &[]).words().len(), thing.words().len());
}

#[test]
fn equivalent_dynamic_values_have_the_same_words() {
    let pairs = [
        ("at", DynamicValue::Vector(vec![1.0, 2.0, 3.0]), list([1, 2, 3].map(DynamicValue::Int))),
        ("speed", DynamicValue::Float(2.0), DynamicValue::Int(2)),
        ("seed", DynamicValue::Int(-4), DynamicValue::Float(-4.0)),
        ("slots.0.sort", DynamicValue::Text("torch".into()), DynamicValue::Int(1)),
        (
            "turn",
            DynamicValue::Quaternion([0.0, 1.0, 0.0, 0.0]),
            DynamicValue::Vector(vec![0.0, -3.0, 0.0, 0.0]),
        ),
        ("at", DynamicValue::Vector(vec![8.0, -8.0, 0.0]), DynamicValue::Vector(vec![1e9, -1e9, f64::NAN])),
        ("slots.0.count", DynamicValue::Int(99), DynamicValue::Int(i128::MAX)),
        ("slots.0.count", DynamicValue::Int(-3), DynamicValue::Int(i128::MIN)),
    ];
    for (field, one, other) in pairs {
        let words = |value| {
            let mut thing = thing();
            thing.set(field, value).unwrap();
            thing.words().to_vec()
        };
        assert_eq!(words(&one), words(&other), "{field}");
    }
}

#[test]
fn the_error_about_a_refused_value_names_the_component_the_field_and_the_accepted_values() {
    let mut thing = thing();
    let before = thing.clone();
    let mut refused = |field: &str, value: DynamicValue| thing.set(field, &value).unwrap_err().to_string();
    let number = || DynamicValue::Float(0.5);
    let cases = [
        ("open", number(), "field `open` of component `thing` does not accept a number; set a boolean"),
        (
            "at",
            number(),
            "field `at` of component `thing` does not accept a number; set a vector of 3 numbers",
        ),
        ("at", DynamicValue::Vector(vec![0.0; 2]), "does not accept a vector; set a vector of 3 numbers"),
        ("speed", DynamicValue::Bool(true), "does not accept a boolean; set a number"),
        ("turn", DynamicValue::Vector(vec![0.0; 3]), "does not accept a vector; set a quaternion"),
        ("aim", DynamicValue::None, "does not accept none; set an angle in radians"),
        ("seed", number(), "does not accept a number; set an integer"),
        ("seed", DynamicValue::Float(f64::NAN), "does not accept a number; set an integer"),
        ("target", DynamicValue::Int(1), "does not accept an integer; set an entity or none"),
        ("name", DynamicValue::Text("seven b".into()), "does not accept text; set text of at most 6 bytes"),
        ("key", DynamicValue::Bytes(vec![0; 5]), "does not accept bytes; set at most 4 bytes"),
        (
            "slots.0.sort",
            DynamicValue::Text("sword".into()),
            "does not accept text; set one of `none`, `torch`",
        ),
        ("slots.0.sort", DynamicValue::Int(2), "does not accept an integer; set one of `none`, `torch`"),
        ("slots", list([number()]), "does not accept a list; set a list of 2 items"),
        ("maybe", DynamicValue::Bool(true), "does not accept a boolean; set an integer or none"),
    ];
    for (field, value, expected) in cases {
        let error = refused(field, value);
        assert!(error.ends_with(expected), "{error}");
    }
    let slot = |count| list([DynamicValue::Text("none".into()), count]);
    assert_eq!(
        refused("slots", list([slot(DynamicValue::Int(1)), slot(number())])),
        "field `slots` of component `thing` does not accept a list; set a list of 2 items, each a list of 2 \
         values, one for each field, with an integer as `count`"
    );
    let missing = ["slots.2", "slots.x", "slots.0.nothing", "at.0", "", "at.", "nothing"];
    for field in missing {
        let error = refused(field, number());
        assert!(error.starts_with(&alloc::format!(
            "component `thing` has no field `{field}`; use one of `at`, `speed`"
        )));
    }
    assert_eq!(thing, before);
}

#[cfg(feature = "derive")]
mod typed {
    //! The same values in a Rust type.
    use quickcheck::QuickCheck;

    use super::*;
    use crate::message::BoundedString;
    use crate::snapshot::{ComponentWords, NetComponent, NetValue};

    #[derive(NetValue)]
    enum Sort {
        Sword,
        Bow,
    }

    #[derive(NetComponent)]
    struct Typed {
        #[net(range = -8.0..=8.0, step = 0.1)]
        at: [f64; 2],
        #[net(range = -5..=99)]
        count: i16,
        #[net(quat = 11)]
        turn: [f64; 4],
        #[net(angle = 12)]
        aim: f64,
        sort: Sort,
        name: Option<BoundedString<9>>,
        exact: f32,
        any: u64,
    }

    #[test]
    fn a_dynamic_component_and_a_rust_type_have_the_same_words_for_the_same_values() {
        fn property((x, y): (f64, f64), count: i16, seed: u32, any: u64) -> bool {
            let turn = seed.to_le_bytes().map(f64::from);
            let name: Option<BoundedString<9>> =
                any.is_multiple_of(2).then(|| BoundedString::truncated("aéé"));
            let sort = if any.is_multiple_of(3) { Sort::Sword } else { Sort::Bow };
            let sort_name = if any.is_multiple_of(3) { "Sword" } else { "Bow" };
            let text =
                name.as_ref().map_or(DynamicValue::None, |text| DynamicValue::Text(text.as_str().into()));
            let exact = x as f32;
            let typed = Typed { at: [x, y], count, turn, aim: y, sort, name, exact, any };
            let mut words = vec![0; Typed::WORDS];
            typed.quantise(&mut ComponentWords::new(&mut words));
            let mut script = DynamicComponent::new(Arc::new(Typed::spec()));
            let fields: Vec<(&str, DynamicValue)> = vec![
                ("at", DynamicValue::Vector(vec![x, y])),
                ("count", DynamicValue::Int(count.into())),
                ("turn", DynamicValue::Quaternion(turn)),
                ("aim", DynamicValue::Float(y)),
                ("sort", DynamicValue::Text(sort_name.into())),
                ("name", text),
                ("exact", DynamicValue::Float(exact.into())),
                ("any", DynamicValue::Int(any.into())),
            ];
            fields.iter().for_each(|(field, value)| script.set(field, value).unwrap());
            script.words() == words
        }
        QuickCheck::new().tests(2000).quickcheck(property as fn((f64, f64), i16, u32, u64) -> bool);
    }
}
