//! The game: entities with a position, a velocity and a rotation.

use std::marker::PhantomData;

use bevy::ecs::component::Mutable;
use bevy::prelude::*;
use bevy_replicon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tickwire_core_bench::replication::{ENTITIES, MoverState, Movers};

/// The form in which components are replicated. Each component is written whole with postcard, as bevy_replicon does.
pub trait Form: 'static {
    const IS_QUANTISED: bool;
    type Position: Part;
    type Velocity: Part;
    type Rotation: Part;

    fn split(state: MoverState) -> (Self::Position, Self::Velocity, Self::Rotation);

    fn replicate(app: &mut App) {
        app.replicate::<Self::Position>().replicate::<Self::Velocity>().replicate::<Self::Rotation>();
    }
}

/// A component of the game.
pub trait Part: Component<Mutability = Mutable> + Serialize + DeserializeOwned + Clone {}

impl<P: Component<Mutability = Mutable> + Serialize + DeserializeOwned + Clone> Part for P {}

/// The components as 32-bit floats.
pub struct Floats;

#[derive(Component, Serialize, Deserialize, Clone)]
pub struct Position([f32; 3]);
#[derive(Component, Serialize, Deserialize, Clone)]
pub struct Velocity([f32; 3]);
#[derive(Component, Serialize, Deserialize, Clone)]
pub struct Rotation([f32; 4]);

impl Form for Floats {
    const IS_QUANTISED: bool = false;
    type Position = Position;
    type Velocity = Velocity;
    type Rotation = Rotation;

    fn split(state: MoverState) -> (Position, Velocity, Rotation) {
        (Position(state.at), Velocity(state.velocity), Rotation(state.rotation))
    }
}

/// The components as integers, in tickwire's steps: 0.002 m for positions, 0.01 m/s for velocities, and 9 bits for each
/// of the three smallest components of a rotation.
pub struct Quantised;

#[derive(Component, Serialize, Deserialize, Clone)]
pub struct PositionSteps([i32; 3]);
#[derive(Component, Serialize, Deserialize, Clone)]
pub struct VelocitySteps([i16; 3]);
#[derive(Component, Serialize, Deserialize, Clone)]
pub struct RotationBits([u8; 4]);

impl Form for Quantised {
    const IS_QUANTISED: bool = true;
    type Position = PositionSteps;
    type Velocity = VelocitySteps;
    type Rotation = RotationBits;

    fn split(state: MoverState) -> (PositionSteps, VelocitySteps, RotationBits) {
        let at = state.at.map(|axis| (f64::from(axis) / 0.002).round() as i32);
        let velocity = state.velocity.map(|axis| (f64::from(axis) / 0.01).round() as i16);
        (PositionSteps(at), VelocitySteps(velocity), RotationBits(smallest_three(state.rotation)))
    }
}

/// Returns the index of the largest component, and the three others in 9 bits each.
fn smallest_three(rotation: [f32; 4]) -> [u8; 4] {
    let largest =
        (0..4).fold(0, |one, other| if rotation[other].abs() > rotation[one].abs() { other } else { one });
    let sign = rotation[largest].signum();
    let others = (0..4).filter(|index| *index != largest).map(|index| {
        let part = rotation[index] * sign * std::f32::consts::FRAC_1_SQRT_2 + 0.5;
        (part * 511.0).round() as u32
    });
    others.fold(largest as u32, |bits, part| bits << 9 | part).to_le_bytes()
}

/// The server's entities.
pub struct Game<F> {
    movers: Movers,
    entities: Vec<Entity>,
    form: PhantomData<F>,
}

impl<F: Form> Game<F> {
    pub fn new(world: &mut World, moving: usize) -> Self {
        let movers = Movers::new(ENTITIES, moving);
        let spawn = |state| world.spawn((Replicated, F::split(state))).id();
        let entities = movers.states().map(spawn).collect();
        Self { movers, entities, form: PhantomData }
    }

    /// Moves the entities. All three components of a mover change.
    pub fn step(&mut self, world: &mut World, tick: u64) {
        let Self { movers, entities, .. } = self;
        movers.step(tick, |index, state| {
            let (position, velocity, rotation) = F::split(state);
            let mut entity = world.entity_mut(entities[index]);
            *entity.get_mut::<F::Position>().expect("it was spawned with it") = position;
            *entity.get_mut::<F::Velocity>().expect("it was spawned with it") = velocity;
            *entity.get_mut::<F::Rotation>().expect("it was spawned with it") = rotation;
        });
    }

    /// Returns the state of all entities, in an order that does not depend on their ids.
    pub fn shown(world: &mut World) -> Vec<String> {
        let mut query = world.query::<(&F::Position, &F::Velocity, &F::Rotation)>();
        let states = query.iter(world).map(|state| serde_json::to_string(&state).expect("plain data"));
        let mut states: Vec<String> = states.collect();
        states.sort_unstable();
        states
    }
}
