//! The components of the swarm's worlds.

use std::sync::{Arc, LazyLock};

use tickwire_core::snapshot::{
    Audience, ComponentId, ComponentSpec, FieldKind, FieldSpec, GroupId, NetworkId, Prediction,
    SnapshotSchema, Steps, Store, WorldSchema,
};

/// The number of ticks of a world in a second.
pub(super) const TICKS_PER_SECOND: u16 = 30;
/// The number of steps of a coordinate in a metre.
pub(super) const STEPS_PER_METRE: u32 = 64;
/// The number of values of a coordinate. The middle value is 0 m.
pub(super) const PLACES: u32 = 2048 * STEPS_PER_METRE;
/// The ids of the components, in the order of their names: health, pose, purse, speed.
pub(super) const HEALTH: ComponentId = ComponentId(0);
pub(super) const POSE: ComponentId = ComponentId(1);
pub(super) const PURSE: ComponentId = ComponentId(2);
pub(super) const SPEED: ComponentId = ComponentId(3);

/// A position in the plane, in steps of a coordinate.
pub(super) type Place = [u32; 2];

/// Returns the schema of all worlds of the swarm.
pub(super) fn schema() -> Arc<WorldSchema> {
    static SCHEMA: LazyLock<Arc<WorldSchema>> = LazyLock::new(|| Arc::new(new_schema()));
    Arc::clone(&SCHEMA)
}

#[expect(clippy::expect_used, reason = "a schema that is refused is a bug of the swarm itself")]
fn new_schema() -> WorldSchema {
    let mut schema = SnapshotSchema::new();
    let metres = Steps::new(-1024.0, 1024.0, 1.0 / 64.0).expect("a range of metres");
    let speeds = Steps::new(-32.0, 32.0, 1.0 / 64.0).expect("a range of speeds");
    let at = FieldSpec::new("at", FieldKind::numbers(2, metres)).position();
    let speed = FieldSpec::new("speed", FieldKind::numbers(2, speeds)).velocity();
    let pose = ComponentSpec::new("pose").group("motion").predictor(Prediction::Velocity);
    let points = FieldSpec::new("points", FieldKind::integer(0, 1 << 24));
    let gold = FieldSpec::new("gold", FieldKind::integer(0, 1 << 24));
    let components = [
        pose.field(at),
        ComponentSpec::new("speed").group("motion").field(speed),
        ComponentSpec::new("health").field(points),
        ComponentSpec::new("purse").group("secret").field(gold),
    ];
    for component in components {
        schema.declare(component).expect("a valid component");
    }
    schema.group("secret").to(Audience::Owner);
    schema.ticks_per_second(TICKS_PER_SECOND);
    schema.finish().expect("a valid schema")
}

/// Returns the committed position of an entity.
pub(super) fn position(store: &Store, id: NetworkId) -> Option<Place> {
    static GROUP: LazyLock<GroupId> =
        LazyLock::new(|| schema().groups().component(POSE).map_or(GroupId(0), |place| place.group));
    let state = store.state(store.unit(id, *GROUP)?)?;
    // Pose and speed are always set together, so an entity has both or none.
    match state.version.words {
        [presence, x, y, ..] if *presence != 0 => Some([*x, *y]),
        _ => None,
    }
}
