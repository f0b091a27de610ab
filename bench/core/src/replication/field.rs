//! A field of entities that move at 5 m/s, and turn all the time.

use tickwire_core::snapshot::{
    EntitySettings, NetComponent, NetworkId, SnapshotSchema, WorldSchema, WorldWriter,
};

use super::TICKS_PER_SECOND;
use super::draws::UnitDraws;
use super::scenery::Scenery;

/// The speed of a mover, in metres per second.
const SPEED: f64 = 5.0;
/// Half of the side of the field in which movers start, in metres.
const FIELD: f64 = 900.0;

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

/// The state of a moving entity.
#[derive(Clone, Copy)]
struct Mover {
    id: NetworkId,
    at: [f64; 2],
    heading: f64,
    /// The angular velocity in radians per second, which changes at the tick `until`.
    turning: f64,
    until: u64,
}

/// A game that moves some entities of a world in each tick.
pub struct Field {
    writer: WorldWriter,
    movers: Vec<Mover>,
    moving: usize,
    draws: UnitDraws,
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
        let mut field =
            Self { writer: schema.writer(), movers: Vec::new(), moving, draws: UnitDraws::new(42) };
        for _ in 0..entities {
            let id = field.writer.create(EntitySettings::new()).expect("there is room for the entity");
            let at = [field.draws.between(-FIELD, FIELD), field.draws.between(-FIELD, FIELD)];
            let mover = Mover { id, at, heading: field.draws.between(0.0, 6.28), turning: 0.0, until: 0 };
            field.set(&mover);
            field.movers.push(mover);
        }
        field
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    fn set(&mut self, mover: &Mover) {
        let (sin, cos) = mover.heading.sin_cos();
        let (half_sin, half_cos) = (mover.heading / 2.0).sin_cos();
        let pose = Pose {
            at: [mover.at[0] as f32, mover.at[1] as f32, (mover.heading * 0.3).sin() as f32],
            velocity: [(cos * SPEED) as f32, (sin * SPEED) as f32, 0.0],
            rotation: [0.0, 0.0, half_sin as f32, half_cos as f32],
        };
        self.writer.set(mover.id, &pose).expect("the entity exists");
    }
}

impl Scenery for Field {
    fn writer(&mut self) -> &mut WorldWriter {
        &mut self.writer
    }

    fn step(&mut self, tick: u64) {
        let seconds = 1.0 / f64::from(TICKS_PER_SECOND);
        for place in 0..self.moving {
            let Some(mut mover) = self.movers.get(place).copied() else { return };
            if tick >= mover.until {
                // A new rate about once a second, each mover in a tick of its own.
                mover.turning = self.draws.between(-1.0, 1.0);
                mover.until =
                    tick + self.draws.between(0.5, 1.5).mul_add(f64::from(TICKS_PER_SECOND), 0.5) as u64;
            }
            mover.heading += mover.turning * seconds;
            let (sin, cos) = mover.heading.sin_cos();
            mover.at[0] += cos * SPEED * seconds;
            mover.at[1] += sin * SPEED * seconds;
            self.set(&mover);
            if let Some(own) = self.movers.get_mut(place) {
                *own = mover;
            }
        }
    }
}
