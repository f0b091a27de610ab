//! Agents in a box, in integers only, so that the same seed and steps make the same world everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use tickwire_core::rng::Rng;

use super::messages::AgentAt;

/// The id of an agent in the world. Ids are never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AgentId(pub u32);

/// The length of each side of the box in which agents move, in millimetres.
pub const BOX_MM: u32 = 65_536;

/// All agents of the world.
#[derive(Debug)]
pub(super) struct Agents {
    rng: Rng,
    by_id: BTreeMap<AgentId, Agent>,
    free: Vec<AgentId>,
    last: u32,
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
}

impl Default for Agents {
    fn default() -> Self {
        Self::new(Rng::from_seed([0; 32]))
    }
}

impl Agents {
    pub(super) const fn new(rng: Rng) -> Self {
        Self { rng, by_id: BTreeMap::new(), free: Vec::new(), last: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Creates or removes free agents until there are `count` free agents.
    pub(super) fn set_free(&mut self, count: u32) {
        let count = count as usize;
        for id in self.free.drain(count.min(self.free.len())..) {
            self.by_id.remove(&id);
        }
        while self.free.len() < count {
            let id = self.add(Some(0));
            self.free.push(id);
        }
    }

    /// Creates an agent that a client steers.
    pub(super) fn add_owned(&mut self) -> AgentId {
        self.add(None)
    }

    pub(super) fn remove(&mut self, id: AgentId) {
        self.by_id.remove(&id);
    }

    /// Sets the velocity of an agent, in thousandths of full speed.
    pub(super) fn steer(&mut self, id: AgentId, x: i16, y: i16) {
        if let Some(agent) = self.by_id.get_mut(&id) {
            agent.velocity = (i64::from(x) * SPEED / 1000, i64::from(y) * SPEED / 1000);
        }
    }

    /// Moves all agents for the time `step`.
    pub(super) fn step(&mut self, step: Duration) {
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

    pub(super) fn positions(&self) -> impl Iterator<Item = AgentAt> {
        let mm = |um: i64| u32::try_from(um / 1000).unwrap_or(0);
        self.by_id.iter().map(move |(id, agent)| AgentAt { id: id.0, x: mm(agent.x_um), y: mm(agent.y_um) })
    }

    fn add(&mut self, thinks_in_us: Option<i64>) -> AgentId {
        self.last = self.last.wrapping_add(1);
        let mut place = || self.rng.below(BOX_MM.into()) as i64 * 1000;
        let (x_um, y_um) = (place(), place());
        self.by_id.insert(AgentId(self.last), Agent { x_um, y_um, velocity: (0, 0), thinks_in_us });
        AgentId(self.last)
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

    const STEP: Duration = Duration::from_micros(16_666);

    fn after(seed: u8, steps: u32) -> Vec<AgentAt> {
        let mut agents = Agents::new(Rng::from_seed([seed; 32]));
        agents.set_free(50);
        (0..steps).for_each(|_| agents.step(STEP));
        agents.positions().collect()
    }

    #[test]
    fn two_worlds_of_agents_are_equal_if_and_only_if_their_seeds_are_equal() {
        assert_eq!(after(1, 500), after(1, 500));
        assert_ne!(after(1, 500), after(2, 500));
        assert_ne!(after(1, 500), after(1, 501));
    }

    #[test]
    fn an_agent_stops_at_the_walls_of_the_box() {
        let mut agents = Agents::default();
        let id = agents.add_owned();
        for (x, y) in [(1000, 1000), (-1000, -1000)] {
            agents.steer(id, x, y);
            (0..2000).for_each(|_| agents.step(STEP));
            let corner = if x > 0 { BOX_MM - 1 } else { 0 };
            assert_eq!(agents.positions().next(), Some(AgentAt { id: id.0, x: corner, y: corner }));
        }
    }

    #[test]
    fn an_agent_owned_by_a_client_moves_only_as_the_client_steers() {
        let mut agents = Agents::default();
        let id = agents.add_owned();
        agents.steer(id, -1000, -1000);
        (0..2000).for_each(|_| agents.step(STEP));
        agents.steer(id, 500, 0);
        (0..1000).for_each(|_| agents.step(Duration::from_millis(1)));
        assert_eq!(agents.positions().next(), Some(AgentAt { id: id.0, x: 2500, y: 0 }));
    }

    #[test]
    fn changing_the_number_of_agents_without_a_client_keeps_the_agents_of_clients() {
        let mut agents = Agents::default();
        agents.set_free(10);
        let owned = agents.add_owned();
        agents.set_free(3);
        assert_eq!(agents.len(), 4);
        assert!(agents.positions().any(|agent| agent.id == owned.0));
        agents.set_free(5);
        assert_eq!(agents.len(), 6);
    }
}
