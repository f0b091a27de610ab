//! Entities that move at 5 m/s, and turn all the time.

use super::TICKS_PER_SECOND;
use super::draws::UnitDraws;

/// The speed of a mover, in metres per second.
const SPEED: f64 = 5.0;
/// Half of the side of the field in which movers start, in metres.
const FIELD: f64 = 900.0;

/// The state of an entity, in metres, metres per second, and as a unit quaternion (x, y, z, w).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MoverState {
    /// The position.
    pub at: [f32; 3],
    /// The velocity.
    pub velocity: [f32; 3],
    /// The rotation.
    pub rotation: [f32; 4],
}

/// Entities of which some move. Each mover draws another rate of turning about once a second.
pub struct Movers {
    movers: Vec<Mover>,
    moving: usize,
    draws: UnitDraws,
}

#[derive(Clone, Copy)]
struct Mover {
    at: [f64; 2],
    heading: f64,
    /// The angular velocity in radians per second, which changes at the tick `until`.
    turning: f64,
    until: u64,
}

impl Movers {
    /// Creates `entities` entities, of which the first `moving` move.
    #[must_use]
    pub fn new(entities: usize, moving: usize) -> Self {
        let mut draws = UnitDraws::new(42);
        let movers = (0..entities).map(|_| {
            let at = [draws.between(-FIELD, FIELD), draws.between(-FIELD, FIELD)];
            Mover { at, heading: draws.between(0.0, std::f64::consts::TAU), turning: 0.0, until: 0 }
        });
        let movers = movers.collect();
        Self { movers, moving, draws }
    }

    /// Returns the state of each entity, in the order of their indexes.
    pub fn states(&self) -> impl Iterator<Item = MoverState> {
        self.movers.iter().map(Mover::state)
    }

    /// Moves the entities by one tick, and passes the index and the new state of each that moved to `moved`.
    pub fn step(&mut self, tick: u64, mut moved: impl FnMut(usize, MoverState)) {
        let seconds = 1.0 / f64::from(TICKS_PER_SECOND);
        for (index, mover) in self.movers.iter_mut().take(self.moving).enumerate() {
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
            moved(index, mover.state());
        }
    }
}

impl Mover {
    fn state(&self) -> MoverState {
        let (sin, cos) = self.heading.sin_cos();
        let (half_sin, half_cos) = (self.heading / 2.0).sin_cos();
        MoverState {
            at: [self.at[0] as f32, self.at[1] as f32, (self.heading * 0.3).sin() as f32],
            velocity: [(cos * SPEED) as f32, (sin * SPEED) as f32, 0.0],
            rotation: [0.0, 0.0, half_sin as f32, half_cos as f32],
        }
    }
}
