mod refusals;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::limits;
use crate::schema::Schema;
use crate::snapshot::{
    ComponentId, ComponentPlace, ComponentSpec, DynamicValue, FieldKind, FieldSpec, GroupId, Layout, Part,
    Prediction, Predictor, Steps,
};

fn steps(far: f64, step: f64) -> Steps {
    Steps::new(-far, far, step).unwrap()
}

fn flag(name: &'static str) -> ComponentSpec {
    ComponentSpec::new(name).field(FieldSpec::new("on", FieldKind::Bool))
}

fn place() -> ComponentSpec {
    let at = FieldSpec::new("at", FieldKind::numbers(3, steps(1024.0, 0.002))).position();
    ComponentSpec::new("place").group("motion").hz(30).predictor(Prediction::Velocity).field(at)
}

fn moves() -> ComponentSpec {
    let by = FieldSpec::new("by", FieldKind::numbers(3, steps(20.0, 0.01))).velocity();
    ComponentSpec::new("moves").group("motion").field(by)
}

fn bag() -> ComponentSpec {
    let item = [
        FieldSpec::new("sort", FieldKind::choice(["none", "torch", "arrow"])),
        FieldSpec::new("count", FieldKind::integer(0, 99)),
    ];
    let slots = FieldKind::array(8, FieldKind::structure(item));
    ComponentSpec::new("bag")
        .field(FieldSpec::new("slots", slots))
        .field(FieldSpec::new("owner", FieldKind::optional(FieldKind::Text { max: 16 })))
        .field(FieldSpec::new("aim", FieldKind::angle(8)))
        .field(FieldSpec::new("turn", FieldKind::rotation(9)))
        .field(FieldSpec::new("seed", FieldKind::integer(0, u64::MAX)))
        .field(FieldSpec::new("weight", FieldKind::Exact { width: 32 }))
        .field(FieldSpec::new("target", FieldKind::Entity))
        .field(FieldSpec::new("key", FieldKind::Bytes { max: 5 }))
}

/// Returns a schema that uses every feature.
fn declared() -> SnapshotSchema {
    let mut schema = SnapshotSchema::new();
    schema.declare(place()).unwrap().declare(bag()).unwrap();
    schema.declare(flag("alive")).unwrap().declare(moves()).unwrap();
    schema.group("bag").to(Audience::Owner).hz(5);
    let mut at = schema.dynamic("place").unwrap();
    at.set("at", &DynamicValue::Vector(vec![0.002, -1024.0, 5.0])).unwrap();
    let alive = schema.dynamic("alive").unwrap();
    schema.blueprint("crate", vec![at, alive]).unwrap();
    schema
}

fn finished(specs: impl IntoIterator<Item = ComponentSpec>) -> Result<WorldSchema, SnapshotSchemaError> {
    let mut schema = SnapshotSchema::new();
    for spec in specs {
        schema.declare(spec)?;
    }
    schema.finish()
}

fn entries(specs: impl IntoIterator<Item = ComponentSpec>) -> Vec<crate::schema::SchemaEntry> {
    finished(specs).unwrap().entries().to_vec()
}

fn refusal(specs: impl IntoIterator<Item = ComponentSpec>) -> String {
    finished(specs).unwrap_err().to_string()
}

fn with_field(field: FieldSpec) -> String {
    refusal([ComponentSpec::new("thing").field(field)])
}

#[test]
fn components_and_groups_are_numbered_in_the_order_of_their_names() {
    let schema = declared().finish().unwrap();
    let names = ["alive", "bag", "moves", "place"].map(|name| schema.component_named(name).unwrap());
    assert_eq!(names, [0, 1, 2, 3].map(ComponentId));
    let groups = ["alive", "bag", "motion"].map(|name| schema.group_named(name).unwrap());
    assert_eq!(groups, [0, 1, 2].map(GroupId));
    assert_eq!((schema.component_named("motion"), schema.group_named("moves")), (None, None));
    assert_eq!((schema.group_name(GroupId(2)), schema.group_name(GroupId(3))), (Some("motion"), None));
    assert_eq!(schema.spec(ComponentId(2)), Some(&moves()));
    assert_eq!(
        (schema.audience(GroupId(0)), schema.audience(GroupId(1))),
        (Some(Audience::All), Some(Audience::Owner))
    );
}

#[test]
fn the_layout_of_a_group_of_several_components_begins_with_a_word_of_presence_bits() {
    let schema = declared().finish().unwrap();
    let groups = schema.groups();
    let motion = groups.group(GroupId(2)).unwrap();
    let predictor = Predictor::Velocity { position: 2, velocity: 1, scale: 357_913_941 };
    let parts = vec![
        Part::Choice { count: 4 },
        Part::Numbers { words: 3, max: 4000, threshold: 1 },
        Part::Numbers { words: 3, max: 1_024_000, threshold: 5 },
    ];
    assert_eq!(motion.layout, Layout::new(parts, predictor));
    assert_eq!((motion.components, motion.hz), (2, 30));
    let place = |bit, first_word| ComponentPlace { group: GroupId(2), bit, first_word, words: 3 };
    assert_eq!(groups.component(ComponentId(2)), Some(&place(0, 1)));
    assert_eq!(groups.component(ComponentId(3)), Some(&place(1, 4)));
    let alone = groups.component(ComponentId(0)).unwrap();
    assert_eq!(alone, &ComponentPlace { group: GroupId(0), bit: 0, first_word: 0, words: 1 });
    assert_eq!(groups.group(GroupId(0)).unwrap().hz, 20);
    assert_eq!(groups.group(GroupId(1)).unwrap().hz, 5);
}

#[test]
fn the_schema_does_not_depend_on_the_order_in_which_components_are_declared() {
    let mut other = SnapshotSchema::new();
    other.group("bag").hz(5).to(Audience::Owner);
    for spec in [moves(), flag("alive"), bag(), place()] {
        other.declare(spec).unwrap();
    }
    let mut at = other.dynamic("place").unwrap();
    at.set("at", &DynamicValue::Vector(vec![0.002, -1024.0, 5.0])).unwrap();
    other.blueprint("crate", vec![other.dynamic("alive").unwrap(), at]).unwrap();
    let (schema, other) = (declared().finish().unwrap(), other.finish().unwrap());
    assert_eq!(schema.groups(), other.groups());
    assert_eq!(schema.blueprints(), other.blueprints());
    assert_eq!(schema.entries(), other.entries());
}

#[test]
fn a_snapshot_schema_has_its_golden_hashes() {
    let schema = Schema::default().with_entries(declared().finish().unwrap().entries());
    let lines = schema.entries.iter().map(|entry| format!("{:08x} {}", entry.hash, entry.name));
    let mut lines: Vec<_> = lines.collect();
    lines.push(format!("{:016x}", schema.hash()));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_schema_difference_names_the_different_components_groups_and_blueprints() {
    let mut server = SnapshotSchema::new();
    let faster = FieldSpec::new("by", FieldKind::numbers(3, steps(40.0, 0.01))).velocity();
    let faster = ComponentSpec::new("moves").group("motion").field(faster);
    for spec in [place(), faster, bag(), flag("frozen")] {
        server.declare(spec).unwrap();
    }
    let server = Schema::default().with_entries(server.finish().unwrap().entries());
    let client = Schema::default().with_entries(declared().finish().unwrap().entries());
    insta::assert_snapshot!(client.difference(&server.entries).to_string());
}

#[test]
fn every_property_that_the_receiver_needs_changes_the_schema_hash() {
    let field = |name: &'static str, kind| ComponentSpec::new("c").field(FieldSpec::new(name, kind));
    let number = |far, step| FieldKind::numbers(1, steps(far, step));
    let base = entries([field("a", number(8.0, 0.5))]);
    let others = [
        field("b", number(8.0, 0.5)),
        field("a", number(9.0, 0.5)),
        field("a", number(8.0, 0.25)),
        field("a", FieldKind::numbers(2, steps(8.0, 0.5))),
        field("a", FieldKind::integer(-16, 16)),
        field("a", FieldKind::integer(-16, 17)),
        field("a", FieldKind::optional(number(8.0, 0.5))),
        field("a", FieldKind::array(1, number(8.0, 0.5))),
        field("a", FieldKind::array(2, number(8.0, 0.5))),
        field("a", FieldKind::angle(5)),
        field("a", FieldKind::angle(6)),
        field("a", FieldKind::rotation(5)),
        field("a", FieldKind::Bytes { max: 5 }),
        field("a", FieldKind::Text { max: 5 }),
        field("a", FieldKind::choice(["x", "y"])),
        field("a", FieldKind::choice(["x", "z"])),
        field("a", FieldKind::structure([FieldSpec::new("a", number(8.0, 0.5))])),
        field("a", FieldKind::Exact { width: 32 }),
        field("a", FieldKind::Exact { width: 64 }),
        field("a", FieldKind::Entity),
        field("a", FieldKind::Bool),
        field("a", number(8.0, 0.5)).group("g"),
        field("a", number(8.0, 0.5)).predictor(Prediction::Linear),
        field("a", number(8.0, 0.5)).field(FieldSpec::new("b", FieldKind::Bool)),
    ];
    let mut hashes: Vec<_> = others.into_iter().map(|spec| entries([spec])).collect();
    hashes.push(base);
    let distinct: alloc::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn rates_thresholds_and_audiences_do_not_change_the_schema_hash() {
    let field = |threshold| {
        let kind = FieldKind::numbers(1, steps(8.0, 0.5)).with_threshold(threshold);
        ComponentSpec::new("c").field(FieldSpec::new("a", kind))
    };
    assert_ne!(field(0.0), field(4.0));
    assert_eq!(entries([field(0.0)]), entries([field(4.0).hz(1)]));
    let mut schema = SnapshotSchema::new();
    schema.declare(field(0.0)).unwrap();
    schema.group("c").to(Audience::Others).hz(0);
    assert_eq!(schema.finish().unwrap().entries(), entries([field(0.0)]));
}

#[test]
fn the_ticks_per_second_scale_the_predicted_velocity() {
    let scale = |ticks| {
        let mut schema = declared();
        schema.ticks_per_second(ticks);
        let schema = schema.finish().unwrap();
        let hash = schema.entries().iter().find(|entry| entry.name == "group:motion").unwrap().hash;
        (schema.groups().group(GroupId(2)).unwrap().layout.predictor(), schema.ticks_per_second(), hash)
    };
    let (predictor, ticks, hash) = scale(20);
    // 0.01 m/s is 5 steps of 0.002 m per second, and a quarter of a step per tick.
    assert_eq!(predictor, Predictor::Velocity { position: 2, velocity: 1, scale: 1 << 30 });
    assert_eq!(ticks, 20);
    assert_ne!(hash, scale(60).2);
    assert_eq!(scale(0).1, 1);
}

#[test]
fn a_group_without_its_own_rate_has_the_highest_rate_of_its_components() {
    let hz = |rates: [Option<u16>; 2], own: Option<u16>| {
        let mut schema = SnapshotSchema::new();
        for (name, hz) in ["a", "b"].into_iter().zip(rates) {
            schema.declare(ComponentSpec { hz, ..flag(name).group("g") }).unwrap();
        }
        if let Some(own) = own {
            schema.group("g").hz(own);
        }
        schema.finish().unwrap().groups().group(GroupId(0)).unwrap().hz
    };
    assert_eq!(hz([None, None], None), 20);
    assert_eq!(hz([Some(5), None], None), 5);
    assert_eq!(hz([Some(5), Some(60)], None), 60);
    assert_eq!(hz([Some(0), Some(60)], None), 0);
    assert_eq!(hz([Some(0), Some(60)], Some(7)), 7);
}

#[test]
fn a_blueprint_lists_the_words_of_its_components_and_units() {
    let schema = declared().finish().unwrap();
    let place = schema.blueprint_named("crate").unwrap();
    let blueprint = &schema.blueprints()[usize::from(place.0)];
    assert_eq!(blueprint.name, "crate");
    let at = vec![512_001, 0, 514_500];
    assert_eq!(blueprint.components, [(ComponentId(0), vec![0]), (ComponentId(3), at.clone())]);
    let motion = [vec![0b10, 0, 0, 0], at].concat();
    assert_eq!(blueprint.units, [(GroupId(0), vec![0]), (GroupId(2), motion)]);
    assert_eq!(schema.blueprint_named("box"), None);
}

#[cfg(feature = "derive")]
mod typed {
    //! Schemas of Rust types.
    use super::*;
    use crate::snapshot::NetComponent;

    #[derive(NetComponent)]
    #[net(name = "place", group = "motion", hz = 30, predictor = "velocity")]
    struct Place {
        #[net(range = -1024.0..=1024.0, step = 0.002, position)]
        at: [f32; 3],
    }

    #[derive(NetComponent)]
    #[net(name = "moves", group = "motion")]
    struct Moves {
        #[net(range = -20.0..=20.0, step = 0.01, velocity)]
        by: [f64; 3],
    }

    #[derive(NetComponent)]
    #[net(name = "alive")]
    struct Alive {
        on: bool,
    }

    #[test]
    fn a_component_declared_by_a_type_or_by_a_spec_gives_the_same_schema() {
        let mut schema = SnapshotSchema::new();
        schema.component::<Place>().unwrap().component::<Moves>().unwrap().component::<Alive>().unwrap();
        schema.blueprint("crate", (Place { at: [0.002, -1024.0, 5.0] }, Alive { on: false })).unwrap();
        schema.declare(bag()).unwrap();
        schema.group("bag").to(Audience::Owner).hz(5);
        let (schema, scripted) = (schema.finish().unwrap(), declared().finish().unwrap());
        assert_eq!(schema.groups(), scripted.groups());
        assert_eq!(schema.entries(), scripted.entries());
        assert_eq!(schema.blueprints(), scripted.blueprints());
        assert_eq!(schema.component_id::<Place>(), scripted.component_named("place"));
        assert_eq!(schema.component_id::<Moves>(), Some(ComponentId(2)));
        assert_eq!(scripted.component_id::<Moves>(), None);
    }

    #[test]
    fn a_component_type_that_is_declared_twice_is_refused() {
        let mut schema = SnapshotSchema::new();
        schema.component::<Alive>().unwrap();
        let twice = schema.component::<Alive>().unwrap_err().to_string();
        assert_eq!(twice, "the type of component `alive` is already declared; declare the type once");
        let taken = schema.declare(flag("alive")).unwrap_err().to_string();
        assert!(taken.contains("a component `alive` is already declared"));
    }
}
