//! The typical game: avatars on a plane that move at a constant speed, are steered, and have a heading and health.

use tickwire_core::snapshot::{
    EntitySettings, NetComponent, NetworkId, SnapshotSchema, WorldSchema, WorldWriter,
};

use super::TICKS_PER_SECOND;
use super::draws::UnitDraws;
use super::scenery::Scenery;

/// Metres that an avatar covers in a second.
const SPEED: f64 = 5.0;
/// Half of the side of the arena in metres. An avatar turns round at its border.
const ARENA: f64 = 250.0;

/// An avatar, as one group.
#[derive(NetComponent, Clone, Copy)]
#[net(name = "avatar", hz = 20, predictor = "linear")]
struct Avatar {
    #[net(range = -256.0..=256.0, step = 0.015625, position)]
    at: [f32; 2],
    #[net(angle = 8)]
    heading: f32,
    #[net(range = 0..=100)]
    health: u8,
}

#[derive(Clone, Copy)]
struct Player {
    id: NetworkId,
    at: [f64; 2],
    heading: f64,
    /// Radians per second until the tick `until`.
    turning: f64,
    until: u64,
    health: u8,
}

/// A game in which every entity is an avatar that moves in each tick.
pub struct Arena {
    writer: WorldWriter,
    players: Vec<Player>,
    draws: UnitDraws,
}

impl Arena {
    /// Returns the schema of the world.
    ///
    /// # Panics
    /// If the schema rejects the component.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    #[must_use]
    pub fn schema() -> WorldSchema {
        let mut schema = SnapshotSchema::new();
        schema.ticks_per_second(TICKS_PER_SECOND as u16);
        schema.component::<Avatar>().expect("the component is valid");
        schema.finish().expect("the schema is valid")
    }

    /// Creates a world of `entities` avatars.
    ///
    /// # Panics
    /// If the writer rejects an entity.
    #[expect(clippy::expect_used, reason = "a measurement that cannot begin has no result to return")]
    #[must_use]
    pub fn new(schema: &WorldSchema, entities: usize) -> Self {
        let (mut writer, mut draws) = (schema.writer(), UnitDraws::new(7));
        let players = (0..entities).map(|_| Player {
            id: writer.create(EntitySettings::new()).expect("there is room for the entity"),
            at: [draws.between(-ARENA, ARENA), draws.between(-ARENA, ARENA)],
            heading: draws.between(0.0, std::f64::consts::TAU),
            turning: 0.0,
            until: 0,
            health: 100,
        });
        let players = players.collect();
        Self { writer, players, draws }
    }
}

impl Scenery for Arena {
    fn writer(&mut self) -> &mut WorldWriter {
        &mut self.writer
    }

    #[expect(clippy::expect_used, reason = "a measurement that cannot continue has no result to return")]
    fn step(&mut self, tick: u64) {
        let seconds = 1.0 / f64::from(TICKS_PER_SECOND);
        for player in &mut self.players {
            if tick >= player.until {
                // The player holds another direction, about once a second.
                player.turning = [-1.5, 0.0, 1.5][self.draws.below(3)];
                player.until =
                    tick + self.draws.between(0.5, 1.5).mul_add(f64::from(TICKS_PER_SECOND), 0.5) as u64;
                if self.draws.below(10) == 0 {
                    player.health = self.draws.below(101) as u8;
                }
            }
            player.heading += player.turning * seconds;
            let (sin, cos) = player.heading.sin_cos();
            player.at[0] += cos * SPEED * seconds;
            player.at[1] += sin * SPEED * seconds;
            if player.at.iter().any(|axis| axis.abs() > ARENA) {
                player.at = player.at.map(|axis| axis.clamp(-ARENA, ARENA));
                player.heading += core::f64::consts::PI;
            }
            let avatar = Avatar {
                at: player.at.map(|axis| axis as f32),
                heading: player.heading as f32,
                health: player.health,
            };
            self.writer.set(player.id, &avatar).expect("the entity exists");
        }
    }
}
