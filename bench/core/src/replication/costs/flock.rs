//! A world whose entities all move in every tick.

use tickwire_core::snapshot::{
    EntitySettings, NetComponent, NetworkId, SnapshotSchema, WorldSchema, WorldWriter,
};

use super::super::TICKS_PER_SECOND;
use super::super::draws::UnitDraws;

/// The speed of an entity, in metres per second.
const SPEED: f64 = 5.0;
/// Half of the side of the field in which entities start, in metres.
const FIELD: f64 = 900.0;
/// The number of components of an entity.
pub(super) const COMPONENTS: u64 = 3;

#[derive(NetComponent, Clone, Copy)]
#[net(name = "position", group = "motion", hz = 20, predictor = "velocity")]
struct Position {
    #[net(range = -1024.0..=1024.0, step = 0.002, position)]
    at: [f32; 3],
}

#[derive(NetComponent, Clone, Copy)]
#[net(name = "speed", group = "motion")]
struct Speed {
    #[net(range = -20.0..=20.0, step = 0.01, velocity)]
    velocity: [f32; 3],
}

#[derive(NetComponent, Clone, Copy)]
#[net(name = "turn", group = "motion")]
struct Turn {
    #[net(quat = 9)]
    rotation: [f32; 4],
}

/// The entities of the world, and their state.
pub(super) struct Flock {
    pub(super) writer: WorldWriter,
    birds: Vec<Bird>,
}

struct Bird {
    id: NetworkId,
    position: Position,
    speed: Speed,
    turn: Turn,
    heading: f64,
    /// The angular velocity in radians per second.
    turning: f64,
}

impl Flock {
    /// Returns the schema of the world.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    pub(super) fn schema() -> WorldSchema {
        let mut schema = SnapshotSchema::new();
        schema.ticks_per_second(TICKS_PER_SECOND as u16);
        schema.component::<Position>().expect("the component is valid");
        schema.component::<Speed>().expect("the component is valid");
        schema.component::<Turn>().expect("the component is valid");
        schema.finish().expect("the schema is valid")
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    pub(super) fn new(schema: &WorldSchema, entities: usize) -> Self {
        let (mut writer, mut draws) = (schema.writer(), UnitDraws::new(42));
        let birds = (0..entities).map(|_| {
            let at = [draws.between(-FIELD, FIELD), draws.between(-FIELD, FIELD), 1.0];
            let mut bird = Bird {
                id: writer.create(EntitySettings::new()).expect("there is room for the entity"),
                position: Position { at: at.map(|axis| axis as f32) },
                speed: Speed { velocity: [0.0; 3] },
                turn: Turn { rotation: [0.0, 0.0, 0.0, 1.0] },
                heading: draws.between(0.0, std::f64::consts::TAU),
                // At least 0.3 rad/s, so that all three components change in every tick.
                turning: draws.between(0.3, 1.0),
            };
            bird.fly();
            bird
        });
        let birds = birds.collect();
        Self { writer, birds }
    }

    /// Moves all entities.
    pub(super) fn fly(&mut self) {
        self.birds.iter_mut().for_each(Bird::fly);
    }

    /// Sets all components of all entities.
    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    pub(super) fn set(&mut self) {
        for bird in &self.birds {
            self.writer.set(bird.id, &bird.position).expect("the entity exists");
            self.writer.set(bird.id, &bird.speed).expect("the entity exists");
            self.writer.set(bird.id, &bird.turn).expect("the entity exists");
        }
    }
}

impl Bird {
    fn fly(&mut self) {
        let seconds = 1.0 / f64::from(TICKS_PER_SECOND);
        self.heading += self.turning * seconds;
        let (sin, cos) = self.heading.sin_cos();
        let (half_sin, half_cos) = (self.heading / 2.0).sin_cos();
        self.position.at[0] += (cos * SPEED * seconds) as f32;
        self.position.at[1] += (sin * SPEED * seconds) as f32;
        self.speed.velocity = [(cos * SPEED) as f32, (sin * SPEED) as f32, 0.0];
        self.turn.rotation = [0.0, 0.0, half_sin as f32, half_cos as f32];
    }
}
