//! Tests of the errors of a schema, and of their texts.

use super::*;

#[test]
fn a_group_of_32_components_is_allowed_and_a_group_of_33_is_refused() {
    let group = |count: usize| {
        (0..count).map(|place| {
            let spec = ComponentSpec::new(format!("c{place:02}")).group("all");
            spec.field(FieldSpec::new("on", FieldKind::Bool))
        })
    };
    let schema = finished(group(32)).unwrap();
    let all = schema.groups().group(GroupId(0)).unwrap();
    assert_eq!((all.components, &all.layout.parts()[0]), (32, &Part::Opaque { bits: 32 }));
    assert!(all.layout.admits(&[u32::MAX; 33].map(|word| word.min(1))));
    assert_eq!(
        finished(group(31)).unwrap().groups().group(GroupId(0)).unwrap().layout.parts()[0],
        Part::Choice { count: 1 << 31 }
    );
    assert_eq!(
        refusal(group(33)),
        "group `all` has 33 components, but at most 32 are allowed; divide the group"
    );
}

#[test]
fn a_group_whose_units_can_exceed_640_bytes_is_refused() {
    let bytes = |max| ComponentSpec::new("blob").field(FieldSpec::new("data", FieldKind::Bytes { max }));
    assert!(finished([bytes(638)]).is_ok());
    assert_eq!(
        refusal([bytes(639)]),
        "a unit of group `blob` may take 641 bytes, but a packet has space for 640 bytes; move component `blob` to another \
         group, or lower the bounds of its fields"
    );
    let error = refusal([bytes(600), bag().group("blob")]);
    assert!(
        error.contains("group `blob` may take 678 bytes") && error.contains("component `blob`"),
        "{error}"
    );
    let many = FieldKind::array(u16::MAX, FieldKind::array(u16::MAX, FieldKind::rotation(15)));
    let error = with_field(FieldSpec::new("many", many));
    assert!(error.contains("a packet has space for 640"), "{error}");
    let nothing = FieldKind::array(u16::MAX, FieldKind::structure([]));
    assert!(with_field(FieldSpec::new("nothing", nothing)).contains("may take 8193 bytes"));
}

#[test]
fn a_duplicate_or_invalid_component_or_blueprint_name_is_refused() {
    let mut schema = declared();
    let taken = schema.declare(flag("bag")).unwrap_err();
    assert_eq!(
        taken.to_string(),
        "a component `bag` is already declared; give the new component another name"
    );
    let taken = schema.blueprint("crate", vec![]).unwrap_err();
    assert_eq!(
        taken.to_string(),
        "a blueprint `crate` is already declared; give the new blueprint another name"
    );
    let rule = "use 1 to 54 ASCII letters, digits, `_`, `-`, `.` and `/`";
    assert_eq!(refusal([flag("a:b")]), format!("`a:b` is not a valid name for a component; {rule}"));
    assert_eq!(refusal([flag("")]), format!("`` is not a valid name for a component; {rule}"));
    assert_eq!(refusal([flag("a").group("\n")]), format!("`\\n` is not a valid name for a group; {rule}"));
    assert!(
        schema
            .blueprint("ö", vec![])
            .unwrap_err()
            .to_string()
            .contains("is not a valid name for a blueprint")
    );
    let longest = |bytes| ComponentSpec::new("a".repeat(bytes));
    assert_eq!(entries([longest(54)])[0].name.len(), limits::SCHEMA_NAME);
    assert!(finished([longest(55)]).is_err());
}

#[test]
fn the_error_about_an_invalid_field_names_the_path_and_the_fault() {
    let bad = |kind| with_field(FieldSpec::new("f", kind));
    let field = "field `f` of component `thing`: ";
    let cases = [
        (FieldKind::rotation(1), "a rotation has 2 to 15 bits a component; set a number in this range"),
        (FieldKind::rotation(16), "a rotation has 2 to 15 bits a component; set a number in this range"),
        (FieldKind::angle(0), "an angle has 1 to 32 bits; set a number in this range"),
        (FieldKind::angle(33), "an angle has 1 to 32 bits; set a number in this range"),
        (
            FieldKind::integer(1, 0),
            "the range of the integer is empty or has more than 2^64 values; give the lower end first, or a smaller range",
        ),
        (
            FieldKind::integer(-1, u64::MAX),
            "the range of the integer is empty or has more than 2^64 values; give the lower end first, or a smaller range",
        ),
        (
            FieldKind::integer(i128::MIN, i128::MAX),
            "the range of the integer is empty or has more than 2^64 values; give the lower end first, or a smaller range",
        ),
        (FieldKind::Exact { width: 16 }, "a float has 32 or 64 bits; set one of these widths"),
        (
            FieldKind::numbers(4, steps(1.0, 0.1)),
            "a vector has one to three numbers; declare more numbers as an array",
        ),
        (FieldKind::array(0, FieldKind::Bool), "an array has at least one item; set a length of 1 or more"),
        (FieldKind::choice([""; 0]), "a choice has 1 to 65,536 variants; declare a number in this range"),
        (FieldKind::choice(["a", "a"]), "two variants have the same name; give each variant its own name"),
    ];
    for (kind, fault) in cases {
        assert_eq!(bad(kind), format!("{field}{fault}"));
    }
    let deep = (0..8).fold(FieldKind::Bool, |kind, _| FieldKind::optional(kind));
    assert!(bad(deep).contains("deeper than 8 levels"));
    let inner = FieldKind::structure([FieldSpec::new("in", FieldKind::angle(0))]);
    let error = with_field(FieldSpec::new("out", FieldKind::array(2, inner)));
    assert_eq!(
        error,
        "field `out.in` of component `thing`: an angle has 1 to 32 bits; set a number in this range"
    );
    let twice = ComponentSpec::new("thing").field(FieldSpec::new("f", FieldKind::Bool));
    let twice = twice.field(FieldSpec::new("f", FieldKind::Entity));
    assert_eq!(refusal([twice]), format!("{field}another field has this name; give each field its own name"));
    let dotted = with_field(FieldSpec::new("a.b", FieldKind::Bool));
    assert!(dotted.contains("`a.b`") && dotted.contains("give a name without dots"));
    assert!(
        with_field(FieldSpec::new("", FieldKind::Bool)).contains("give the field a name of 1 to 54 bytes")
    );
    let turned = FieldSpec::new("f", FieldKind::rotation(9)).position();
    assert!(
        with_field(turned).contains("only a field of numbers with a range can be a position or a velocity")
    );
}

#[test]
fn velocity_prediction_of_an_unsuitable_group_is_refused_with_the_reason() {
    let field = |name: &'static str, kind| FieldSpec::new(name, kind);
    let at = |axes| field("at", FieldKind::numbers(axes, steps(8.0, 0.5))).position();
    let by = |axes| field("by", FieldKind::numbers(axes, steps(8.0, 0.5))).velocity();
    let moving = |fields: Vec<FieldSpec>| ComponentSpec {
        fields,
        ..ComponentSpec::new("thing").predictor(Prediction::Velocity)
    };
    let fault = |fields| {
        let error = refusal([moving(fields)]);
        let start = "group `thing` cannot be predicted along its velocity: ";
        String::from(error.strip_prefix(start).expect(&error))
    };
    assert!(finished([moving(vec![at(2), by(2)])]).is_ok());
    assert!(fault(vec![by(2)]).starts_with("the group does not have exactly one position field"));
    assert!(fault(vec![at(2)]).starts_with("the group does not have exactly one velocity field"));
    let another = FieldSpec { name: "to".into(), ..at(2) };
    assert!(
        fault(vec![at(2), another, by(2)]).starts_with("the group does not have exactly one position field")
    );
    assert_eq!(
        fault(vec![at(2), by(3)]),
        "position and velocity have different numbers of axes; give both the same number"
    );
    let uneven = Steps::new(-8.0, 9.0, 0.5).unwrap();
    let uneven = field("by", FieldKind::numbers(2, uneven)).velocity();
    assert!(fault(vec![at(2), uneven]).contains("as far below zero as above"));
    let above = Steps::new(1.0, 9.0, 0.5).unwrap();
    let above = field("by", FieldKind::numbers(2, above)).velocity();
    assert!(fault(vec![at(2), above]).contains("as far below zero as above"));
    let tiny = field("by", FieldKind::numbers(2, steps(1e-9, 1e-12))).velocity();
    assert!(fault(vec![at(2), tiny]).starts_with("the steps of position and velocity differ too much"));
    let huge = field("by", FieldKind::numbers(2, steps(1e15, 1e12))).velocity();
    assert!(fault(vec![at(2), huge]).starts_with("the steps of position and velocity differ too much"));
    // Integers may move too: the range of an `i16` has zero in the middle, rounded up.
    let whole = |low: i16, high: i16| FieldSpec::new("by", FieldKind::integer(low, high)).velocity();
    assert!(finished([moving(vec![at(1), whole(i16::MIN, i16::MAX)])]).is_ok());
    assert!(finished([moving(vec![at(1), whole(-5, 5)])]).is_ok());
    assert!(fault(vec![at(1), whole(-5, 7)]).contains("as far below zero as above"));
    assert!(fault(vec![at(1), whole(0, 5)]).contains("as far below zero as above"));
    let wide = FieldSpec::new("by", FieldKind::integer(i64::MIN, i64::MAX)).velocity();
    assert!(fault(vec![at(1), wide]).contains("at most 2^32 values"));
}

#[test]
fn conflicting_predictors_in_one_group_are_refused_unless_the_group_sets_a_predictor() {
    let of = |name, predictor| flag(name).group("g").predictor(predictor);
    let specs = || [of("a", Prediction::Last), of("b", Prediction::Linear)];
    assert_eq!(
        refusal(specs()),
        "the components of group `g` request different predictors; set the predictor of the group with `SnapshotSchema::group`"
    );
    let mut schema = SnapshotSchema::new();
    for spec in specs() {
        schema.declare(spec).unwrap();
    }
    schema.group("g").predictor(Prediction::Linear);
    let schema = schema.finish().unwrap();
    assert_eq!(schema.groups().group(GroupId(0)).unwrap().layout.predictor(), Predictor::Linear);
    let one = finished([of("a", Prediction::Linear), flag("b").group("g")]).unwrap();
    assert_eq!(one.groups().group(GroupId(0)).unwrap().layout.predictor(), Predictor::Linear);
}

#[test]
fn settings_of_a_group_without_components_are_refused() {
    let mut schema = declared();
    schema.group("motoin").hz(60);
    assert_eq!(
        schema.finish().unwrap_err().to_string(),
        "no component belongs to group `motoin`; name the group in a component, or remove its settings"
    );
}

#[test]
fn a_blueprint_with_an_undeclared_repeated_or_different_component_is_refused() {
    let blueprint = |values: Vec<&str>, specs: [ComponentSpec; 2]| {
        let mut schema = SnapshotSchema::new();
        for spec in specs {
            schema.declare(spec).unwrap();
        }
        let values = values.into_iter().map(|name| declared().dynamic(name).unwrap()).collect::<Vec<_>>();
        schema.blueprint("crate", values).unwrap();
        schema.finish().unwrap_err().to_string()
    };
    assert_eq!(
        blueprint(vec!["alive"], [bag(), moves()]),
        "component `alive` of blueprint `crate` is not declared; declare the component in the schema"
    );
    assert_eq!(
        blueprint(vec!["bag", "bag"], [bag(), moves()]),
        "component `bag` of blueprint `crate` is listed twice; list the component once"
    );
    let other = ComponentSpec::new("alive");
    assert!(
        blueprint(vec!["alive"], [bag(), other])
            .contains("does not have the fields of the declared component")
    );
}

#[test]
fn components_and_blueprints_beyond_the_limits_are_refused() {
    let mut schema = SnapshotSchema::new();
    for place in 0..limits::COMPONENTS {
        schema.declare(ComponentSpec::new(format!("c{place}"))).unwrap();
    }
    let full = schema.declare(flag("one")).unwrap_err().to_string();
    assert_eq!(full, "there are more than 1024 components; merge some of them");
    for place in 0..limits::BLUEPRINTS {
        schema.blueprint(format!("b{place}"), vec![]).unwrap();
    }
    let full = schema.blueprint("one", vec![]).unwrap_err().to_string();
    assert_eq!(full, "there are more than 1024 blueprints; merge some of them");
}
