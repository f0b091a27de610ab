//! A world of [`Movers`].

use tickwire_core::snapshot::{
    EntitySettings, NetComponent, NetworkId, SnapshotSchema, WorldSchema, WorldWriter,
};

use super::TICKS_PER_SECOND;
use super::movers::{MoverState, Movers};
use super::scenery::Scenery;

/// The position, rotation and velocity of an entity. The components form one group, so they are encoded and shown
/// together.
#[derive(NetComponent, Clone, Copy)]
#[net(name = "pose", group = "motion", hz = 20, predictor = "velocity")]
struct Pose {
    #[net(range = -1024.0..=1024.0, step = 0.002, position)]
    at: [f32; 3],
    #[net(range = -20.0..=20.0, step = 0.01, velocity)]
    velocity: [f32; 3],
    #[net(quat = 9)]
    rotation: [f32; 4],
}

impl From<MoverState> for Pose {
    fn from(MoverState { at, velocity, rotation }: MoverState) -> Self {
        Self { at, velocity, rotation }
    }
}

/// A game that moves some entities of a world in each tick.
pub struct Field {
    writer: WorldWriter,
    ids: Vec<NetworkId>,
    movers: Movers,
}

impl Field {
    /// Returns the schema of the world.
    ///
    /// # Panics
    /// If the schema rejects the component.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    #[must_use]
    pub fn schema() -> WorldSchema {
        let mut schema = SnapshotSchema::new();
        schema.ticks_per_second(TICKS_PER_SECOND as u16);
        schema.component::<Pose>().expect("the component is valid");
        schema.finish().expect("the schema is valid")
    }

    /// Creates a world of `entities` entities, of which the first `moving` move.
    ///
    /// # Panics
    /// If the writer rejects an entity.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    #[must_use]
    pub fn new(schema: &WorldSchema, entities: usize, moving: usize) -> Self {
        let (mut writer, movers) = (schema.writer(), Movers::new(entities, moving));
        let ids = movers.states().map(|state| {
            let id = writer.create(EntitySettings::new()).expect("there is room for the entity");
            writer.set(id, &Pose::from(state)).expect("the entity exists");
            id
        });
        let ids = ids.collect();
        Self { writer, ids, movers }
    }
}

impl Scenery for Field {
    fn writer(&mut self) -> &mut WorldWriter {
        &mut self.writer
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    fn step(&mut self, tick: u64) {
        let Self { writer, ids, movers } = self;
        movers.step(tick, |index, state| {
            let Some(id) = ids.get(index) else { return };
            writer.set(*id, &Pose::from(state)).expect("the entity exists");
        });
    }
}
