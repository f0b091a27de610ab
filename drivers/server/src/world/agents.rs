//! Agents in a box, in integers only, so that the same seed and steps make the same world everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::rng::Rng;
use tickwire_core::snapshot::{EntitySettings, Gone, NetworkId, WorldWriter, WriteError};

use super::components::{AgentAt, SteeredBy, hash};

/// The number of an agent. Numbers are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct AgentId(u32);

/// The length of each side of the box in which agents move, in millimetres.
pub const BOX_MM: u32 = 65_536;

/// All agents of the world.
#[derive(Debug)]
pub(super) struct Agents {
    rng: Rng,
    by_id: BTreeMap<AgentId, Agent>,
    free: Vec<AgentId>,
    last: u32,
    /// The entities of removed agents that are still in the replicated world.
    gone: Vec<NetworkId>,
    is_frozen: bool,
}

/// One agent. Lengths are in micrometres, so that a tick of one millisecond is not lost to rounding.
#[derive(Clone, Copy, Debug)]
struct Agent {
    x_um: i64,
    y_um: i64,
    /// The velocity in millimetres per second.
    velocity: (i64, i64),
    /// The time until a free agent changes its direction, in microseconds. `None` for an agent of a client.
    thinks_in_us: Option<i64>,
    /// The number of the client that steers the agent, or 0 if no client does.
    client: u32,
    /// The entity of the agent in the replicated world, once it has one.
    entity: Option<NetworkId>,
}

impl Default for Agents {
    fn default() -> Self {
        Self::new(Rng::from_seed([0; 32]))
    }
}

impl Agents {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { rng, by_id: BTreeMap::new(), free: Vec::new(), last: 0, gone: Vec::new(), is_frozen: false }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Creates or removes free agents until there are `count` free agents.
    pub(super) fn set_free(&mut self, count: u32) {
        let count = count as usize;
        for id in self.free.split_off(count.min(self.free.len())) {
            self.remove(id);
        }
        while self.free.len() < count {
            let id = self.add(Some(0), 0);
            self.free.push(id);
        }
    }

    /// Creates an agent that a client steers.
    pub(super) fn add_owned(&mut self, client: u32) -> AgentId {
        self.add(None, client)
    }

    pub(super) fn remove(&mut self, id: AgentId) {
        if let Some(agent) = self.by_id.remove(&id) {
            self.gone.extend(agent.entity);
        }
    }

    /// Returns the entity of an agent in the replicated world, once it has one.
    pub(super) fn entity(&self, id: AgentId) -> Option<NetworkId> {
        self.by_id.get(&id)?.entity
    }

    /// Stops all agents where they are, or lets them go on.
    pub(super) const fn freeze(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
    }

    /// Sets the velocity of an agent, in thousandths of full speed.
    pub(super) fn steer(&mut self, id: AgentId, x: i16, y: i16) {
        if let Some(agent) = self.by_id.get_mut(&id) {
            agent.velocity = (i64::from(x) * SPEED / 1000, i64::from(y) * SPEED / 1000);
        }
    }

    /// Moves all agents for the time `step`.
    pub(super) fn step(&mut self, step: Duration) {
        if self.is_frozen {
            return;
        }
        let step_us = i64::try_from(step.as_micros()).unwrap_or(0);
        for agent in self.by_id.values_mut() {
            if let Some(left) = &mut agent.thinks_in_us {
                *left -= step_us;
                if *left <= 0 {
                    *left = 500_000 + self.rng.below(2_500_000) as i64;
                    agent.velocity = (speed(&mut self.rng), speed(&mut self.rng));
                }
            }
            // Millimetres per second times microseconds are thousandths of a micrometre.
            agent.x_um = (agent.x_um + agent.velocity.0 * step_us / 1000).clamp(0, WALL_UM);
            agent.y_um = (agent.y_um + agent.velocity.1 * step_us / 1000).clamp(0, WALL_UM);
        }
    }

    /// Writes all agents into the replicated world.
    pub(super) fn write(&mut self, world: &mut WorldWriter) -> Result<(), WriteError> {
        for entity in self.gone.drain(..) {
            world.destroy(entity, Gone::Destroyed)?;
        }
        for agent in self.by_id.values_mut() {
            let entity = match agent.entity {
                Some(entity) => entity,
                None => {
                    let entity = world.create(EntitySettings::new())?;
                    if agent.client > 0 {
                        world.set(entity, &SteeredBy { client: agent.client })?;
                    }
                    *agent.entity.insert(entity)
                }
            };
            world.set(entity, &agent.at())?;
        }
        Ok(())
    }

    /// Returns the hash of all agents that are in the replicated world.
    pub(super) fn hash(&self) -> u64 {
        let steered = |agent: &Agent| (agent.client > 0).then_some(SteeredBy { client: agent.client });
        let agents = self.by_id.values();
        hash(agents.filter_map(|agent| Some((agent.entity?, (agent.at(), steered(agent))))))
    }

    fn add(&mut self, thinks_in_us: Option<i64>, client: u32) -> AgentId {
        self.last = self.last.wrapping_add(1);
        let mut place = || self.rng.below(BOX_MM.into()) as i64 * 1000;
        let (x_um, y_um) = (place(), place());
        let agent = Agent { x_um, y_um, velocity: (0, 0), thinks_in_us, client, entity: None };
        self.by_id.insert(AgentId(self.last), agent);
        AgentId(self.last)
    }
}

impl Agent {
    fn at(&self) -> AgentAt {
        let millimetres = |um: i64| u32::try_from(um / 1000).unwrap_or(0);
        AgentAt::millimetres(millimetres(self.x_um), millimetres(self.y_um))
    }
}

fn speed(rng: &mut Rng) -> i64 {
    rng.below(2 * SPEED as u64 + 1) as i64 - SPEED
}

/// The full speed along one axis, in millimetres per second.
const SPEED: i64 = 5_000;
const WALL_UM: i64 = (BOX_MM as i64 - 1) * 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::hash_of_view;
    use tickwire_core::snapshot::WorldView;

    const STEP: Duration = Duration::from_micros(16_666);

    /// Returns the positions of all agents, in millimetres.
    fn positions(agents: &Agents) -> Vec<[u32; 2]> {
        agents.by_id.values().map(|agent| agent.at().in_millimetres()).collect()
    }

    fn after(seed: u8, steps: u32) -> Vec<[u32; 2]> {
        let mut agents = Agents::new(Rng::from_seed([seed; 32]));
        agents.set_free(50);
        (0..steps).for_each(|_| agents.step(STEP));
        positions(&agents)
    }

    #[test]
    fn agents_of_two_worlds_are_equal_only_after_equally_many_steps_with_equal_seeds() {
        assert_eq!(after(1, 500), after(1, 500));
        assert_ne!(after(1, 500), after(2, 500));
        assert_ne!(after(1, 500), after(1, 501));
    }

    #[test]
    fn an_agent_stops_at_the_walls_of_the_box() {
        let mut agents = Agents::default();
        let id = agents.add_owned(1);
        for (x, y) in [(1000, 1000), (-1000, -1000)] {
            agents.steer(id, x, y);
            (0..2000).for_each(|_| agents.step(STEP));
            let corner = if x > 0 { BOX_MM - 1 } else { 0 };
            assert_eq!(positions(&agents), [[corner, corner]]);
        }
    }

    #[test]
    fn an_agent_owned_by_a_client_moves_only_as_the_client_steers() {
        let mut agents = Agents::default();
        let id = agents.add_owned(1);
        agents.steer(id, -1000, -1000);
        (0..2000).for_each(|_| agents.step(STEP));
        agents.steer(id, 500, 0);
        (0..1000).for_each(|_| agents.step(Duration::from_millis(1)));
        assert_eq!(positions(&agents), [[2500, 0]]);
    }

    #[test]
    fn changing_the_number_of_agents_without_a_client_keeps_the_agents_of_clients() {
        let mut agents = Agents::default();
        agents.set_free(10);
        let owned = agents.add_owned(1);
        agents.set_free(3);
        assert_eq!(agents.len(), 4);
        assert!(agents.by_id.contains_key(&owned));
        agents.set_free(5);
        assert_eq!(agents.len(), 6);
    }

    #[test]
    fn frozen_agents_stand_still_until_they_thaw() {
        let mut agents = Agents::default();
        agents.set_free(5);
        agents.step(STEP);
        agents.freeze(true);
        let before = positions(&agents);
        agents.step(STEP * 100);
        assert_eq!(positions(&agents), before);
        agents.freeze(false);
        agents.step(STEP * 100);
        assert_ne!(positions(&agents), before);
    }

    #[test]
    fn a_view_of_the_written_agents_has_the_hash_of_the_agents() {
        let schema = crate::world_schema::<crate::world::World>().unwrap();
        let (mut world, mut view) = (schema.writer(), WorldView::new(&schema));
        let mut agents = Agents::new(Rng::from_seed([1; 32]));
        agents.set_free(20);
        let owned = agents.add_owned(7);
        for tick in 1..50 {
            agents.step(STEP);
            match tick {
                20 => agents.set_free(15),
                30 => agents.remove(owned),
                40 => agents.set_free(25),
                _ => {}
            }
            agents.write(&mut world).unwrap();
            view.apply(&world.finish(tick));
            assert_eq!((view.len(), hash_of_view(&view)), (agents.len(), agents.hash()), "{tick}");
        }
        assert_eq!(agents.entity(owned), None);
    }
}
