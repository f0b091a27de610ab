//! The components of the built-in world, and a hash by which two ends compare what they show.

use std::collections::BTreeMap;

use tickwire_core::snapshot::{NetComponent, NetworkId, WorldView};

/// The position of an agent.
#[derive(NetComponent, Clone, Copy, PartialEq, Debug)]
#[net(name = "world/agent", predictor = "linear")]
pub struct AgentAt {
    /// The distance from the left wall and the distance from the lower wall, in metres, each from 0 to 65.535.
    #[net(range = 0.0..=65.535, step = 0.001, position)]
    pub at: [f64; 2],
}

/// The client that steers an agent. Agents that wander by themselves do not have the component.
#[derive(NetComponent, Clone, Copy, PartialEq, Eq, Debug)]
#[net(name = "world/steered")]
pub struct SteeredBy {
    /// The number by which chat lines name the client.
    pub client: u32,
}

impl AgentAt {
    /// Creates a position from distances in millimetres.
    #[must_use]
    pub fn millimetres(x: u32, y: u32) -> Self {
        Self { at: [x, y].map(|distance| f64::from(distance) / 1000.0) }
    }

    /// Returns the distances in millimetres.
    #[must_use]
    pub fn in_millimetres(self) -> [u32; 2] {
        self.at.map(|distance| (distance * 1000.0).round() as u32)
    }
}

/// An agent as the hash sees it: its position, and the client that steers it.
pub(super) type HashedAgent = (AgentAt, Option<SteeredBy>);

/// Returns a hash of all agents that a view of the built-in world shows. The command `freeze` of the server prints the same hash of
/// the server's world, so that a test can compare the two hashes.
#[must_use]
pub fn hash_of_view(view: &WorldView) -> u64 {
    hash(view.all::<AgentAt>().map(|(id, at)| (id, (at, view.get::<SteeredBy>(id)))))
}

/// Returns the hash of agents in any order: FNV-1a over their numbers, by the order of their ids.
pub(super) fn hash(agents: impl Iterator<Item = (NetworkId, HashedAgent)>) -> u64 {
    let sorted: BTreeMap<NetworkId, HashedAgent> = agents.collect();
    let numbers = sorted.into_iter().flat_map(|(id, (at, steered))| {
        let [x, y] = at.in_millimetres();
        [id.0, x, y, steered.map_or(0, |steered| steered.client)]
    });
    let bytes = numbers.flat_map(u32::to_le_bytes);
    bytes.fold(FNV_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME))
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;
    use tickwire_core::snapshot::{ComponentWords, NetValue as _, WordReader};

    #[test]
    fn every_agent_position_in_millimetres_survives_quantisation() {
        for millimetre in 0..crate::world::BOX_MM {
            let at = AgentAt::millimetres(millimetre, crate::world::BOX_MM - 1 - millimetre);
            let mut words = [0; AgentAt::WORDS];
            at.quantise(&mut ComponentWords::new(&mut words));
            let again = AgentAt::restore(&mut WordReader::new(&words));
            assert_eq!(again.in_millimetres(), [millimetre, crate::world::BOX_MM - 1 - millimetre]);
        }
    }

    #[test]
    fn the_hash_of_a_world_depends_on_each_agent_but_not_on_the_order_of_agents() {
        let agent = |id, x, client| {
            (NetworkId(id), (AgentAt::millimetres(x, 5), Some(SteeredBy { client }).filter(|_| client > 0)))
        };
        let of = |agents: Vec<(NetworkId, HashedAgent)>| hash(agents.into_iter());
        let base = of(vec![agent(1, 2, 0), agent(2, 3, 7)]);
        assert_eq!(of(vec![agent(2, 3, 7), agent(1, 2, 0)]), base);
        for other in [agent(1, 2, 1), agent(1, 1, 0), agent(3, 2, 0)] {
            assert_ne!(of(vec![other, agent(2, 3, 7)]), base);
        }
        assert_ne!(of(vec![agent(2, 3, 7)]), base);
    }
}
