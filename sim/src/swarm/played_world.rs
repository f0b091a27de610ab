//! A world that the server of a swarm replicates.
//!
//! Each value is computed from the world, the entity and the tick in which it was set. A client's check thus finds a unit that
//! mixes two states, and a value that the server never had, without a copy of the history.

use std::collections::BTreeMap;

use tickwire_core::snapshot::{
    Changes, EntitySettings, Gone, NetworkId, Show, WorldId, WorldWriter, WriteError,
};
use tickwire_core::{ConnectionId, Instant};

use super::sight::Sight;
use super::world_schema::{HEALTH, PLACES, POSE, PURSE, Place, SPEED, TICKS_PER_SECOND, schema};
use crate::rng::{Draws, mix};
use crate::shown::Components;

/// The largest number of entities in a world.
const ENTITIES: usize = 200;
/// The distances that entities move along the first axis in a tick, in steps. Each is odd, so that the position determines the
/// tick.
const STRIDES: [u32; 4] = [3, 3, 31, 1001];

/// A replicated world of the server.
#[derive(Debug)]
pub(super) struct PlayedWorld {
    id: WorldId,
    key: u64,
    writer: WorldWriter,
    /// The tick of the latest commit.
    pub(super) tick: u64,
    pub(super) ids: Vec<NetworkId>,
}

impl PlayedWorld {
    pub(super) fn new(seed: u64, id: WorldId) -> Self {
        let key = mix(mix(seed, WORLDS), u64::from(id.0));
        Self { id, key, writer: schema().writer(), tick: 0, ids: Vec::new() }
    }

    pub(super) const fn id(&self) -> WorldId {
        self.id
    }

    /// Starts again without entities, because the server crashed.
    pub(super) fn restart(&mut self) {
        self.writer = schema().writer();
        self.ids.clear();
    }

    /// Changes the world if it `is_moving`, and returns the changes of the tick at `time`.
    pub(super) fn play(
        &mut self,
        time: Instant,
        is_moving: bool,
        sights: &mut BTreeMap<ConnectionId, Sight>,
    ) -> Result<Changes, WriteError> {
        // Ticks follow the time, also of a server that was paused or acts less often.
        let due = time.as_micros() * u64::from(TICKS_PER_SECOND) / 1_000_000;
        self.tick = due.max(self.tick + 1);
        if is_moving {
            let mut draws = Draws::new(mix(self.key, self.tick));
            self.change(&mut draws, sights)?;
        }
        Ok(self.writer.finish(self.tick))
    }

    /// Takes the memory of committed changes back.
    pub(super) fn reuse(&mut self, changes: Changes) {
        self.writer.reuse(changes);
    }

    fn change(
        &mut self,
        draws: &mut Draws,
        sights: &mut BTreeMap<ConnectionId, Sight>,
    ) -> Result<(), WriteError> {
        for _ in 0..8 {
            if self.ids.len() < ENTITIES {
                let hz = [0, 5, 20][draws.below(3) as usize];
                self.ids.push(self.writer.create(EntitySettings::new().hz(hz))?);
            }
        }
        for id in self.ids.clone() {
            self.set(id)?;
        }
        let place = draws.below(self.ids.len() as u64) as usize;
        let id = self.ids[place];
        match draws.below(30) {
            0..3 => {
                self.writer.destroy(id, Gone::Destroyed)?;
                self.ids.swap_remove(place);
                sights.values_mut().for_each(|sight| sight.on_destroyed(self.id, id));
            }
            3 => self.writer.remove_component(id, HEALTH)?,
            4 => {
                self.writer.set_owner(id, None)?;
                sights.values_mut().for_each(|sight| sight.on_owner_changed(self.id, id));
            }
            5..9 => {
                let viewer = draws.below(sights.len().max(1) as u64) as usize;
                let Some((viewer, sight)) = sights.iter_mut().nth(viewer) else { return Ok(()) };
                let show = match draws.below(6) {
                    0 => {
                        self.writer.set_owner(id, Some(*viewer))?;
                        sights.values_mut().for_each(|sight| sight.on_owner_changed(self.id, id));
                        return Ok(());
                    }
                    _ if sight.has_rule(self.id, id) => Show::ByDistance,
                    1 | 2 => Show::Always,
                    _ => Show::Never,
                };
                self.writer.show(*viewer, id, show)?;
                sight.set_rule(self.id, id, show);
            }
            _ => {}
        }
        Ok(())
    }

    /// Sets the components of an entity whose turn it is.
    fn set(&mut self, id: NetworkId) -> Result<(), WriteError> {
        let (values, tick) = (Values::new(self.key, id), self.tick as u32);
        if values.moves_in(tick) {
            let (pose, speed) = values.motion(tick);
            self.writer.set_words(id, POSE, &pose)?;
            self.writer.set_words(id, SPEED, &speed)?;
        }
        if values.is_hurt_in(tick) {
            self.writer.set_words(id, HEALTH, &[tick])?;
            self.writer.set_words(id, PURSE, &[tick])?;
        }
        Ok(())
    }

    /// Returns whether the components of an entity are values that this world had.
    pub(super) fn had(&self, id: NetworkId, components: &Components) -> bool {
        Values::new(self.key, id).were_set(components, self.tick as u32)
    }
}

/// The values that an entity has in each tick.
#[derive(Clone, Copy)]
struct Values {
    key: u64,
}

impl Values {
    fn new(world: u64, id: NetworkId) -> Self {
        Self { key: mix(world, u64::from(id.0)) }
    }

    /// Returns whether the server sets the motion in a tick. Some entities always move, others seldom.
    fn moves_in(self, tick: u32) -> bool {
        let period = [1, 3, 20, 300][(self.key % 4) as usize];
        mix(self.key, u64::from(tick)).is_multiple_of(period)
    }

    /// Returns whether the server sets health and purse in a tick.
    fn is_hurt_in(self, tick: u32) -> bool {
        mix(!self.key, u64::from(tick)).is_multiple_of(60)
    }

    /// Returns the distance along the first axis in a tick, in steps.
    const fn stride(self) -> u32 {
        STRIDES[(self.key >> 2) as usize % STRIDES.len()]
    }

    /// Returns position and velocity. The first word of the position determines the tick in which they were set.
    fn motion(self, tick: u32) -> (Place, [u32; 2]) {
        let drawn = mix(self.key, u64::from(tick)) >> 8;
        let x = (self.key as u32).wrapping_add(tick.wrapping_mul(self.stride())) % PLACES;
        let y = ((self.key >> 32) as u32).wrapping_add(tick / 16 * 5).wrapping_add(drawn as u32 % 3) % PLACES;
        ([x, y], [2240, 2000 + (drawn >> 8) as u32 % 96])
    }

    /// Returns the tick in which a motion with this first word was set.
    const fn tick_of(self, x: u32) -> u32 {
        x.wrapping_sub(self.key as u32).wrapping_mul(inverse(self.stride())) % PLACES
    }

    /// Returns whether the server set these components, each in one tick up to `newest`.
    fn were_set(self, components: &Components, newest: u32) -> bool {
        let one = |component| components.get(&component).map(Vec::as_slice);
        let is_motion = match (one(POSE), one(SPEED)) {
            (Some(pose @ [x, _]), Some(speed)) => {
                let tick = self.tick_of(*x);
                let (own_pose, own_speed) = self.motion(tick);
                tick <= newest && self.moves_in(tick) && pose == own_pose && speed == own_speed
            }
            (None, None) => true,
            _ => false,
        };
        let mut counts = [one(HEALTH), one(PURSE)].into_iter().flatten();
        is_motion && counts.all(|words| matches!(words, [tick] if *tick <= newest && self.is_hurt_in(*tick)))
    }
}

/// Returns the number whose product with an odd number is 1 modulo 2^32. Each step doubles the number of right bits.
const fn inverse(odd: u32) -> u32 {
    let (mut inverse, mut bits) = (odd, 3);
    while bits < u32::BITS {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

const WORLDS: u64 = 0x776f_726c_6473;
