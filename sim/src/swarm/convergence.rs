//! The time after which clients show the server's world.

use core::time::Duration;

use tickwire_core::Instant;

use super::player::Players;
use crate::world::World;

/// The time within which a client that can be reached must show the server's world. The links of the swarm have no rate after
/// the faults have ended, so the missing bytes take no additional time.
const CONVERGE: Duration = Duration::from_secs(2);

/// The progress of one client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ClientProgress {
    /// The time from which the client can be reached.
    from: Instant,
    /// `true` if the client showed the server's world at the latest look.
    is_shown: bool,
}

/// The convergence of all clients after the faults have ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Convergence {
    /// The time from which the faults have no effect any more.
    healed: Instant,
    /// By node. The first item is the server's.
    clients: Vec<ClientProgress>,
    /// The longest time that a client took.
    pub(super) most: Duration,
    /// The number of times that a client converged.
    pub(super) count: u64,
}

impl Convergence {
    /// Begins at `healed`, the time from which the faults have no effect any more.
    pub(super) fn begin(&mut self, healed: Instant) {
        self.healed = healed;
    }

    /// Looks at the worlds that the connected clients show. Returns whether all of them show the server's world.
    ///
    /// # Errors
    /// A text about a client that had to show the server's world already.
    pub(super) fn look(&mut self, world: &World<Players>) -> Result<bool, String> {
        let (now, healed) = (world.now(), self.healed);
        let mut is_complete = true;
        for (node, reached, difference) in world.application().world_differences(|node| world.host(node)) {
            let from = reached.max(healed);
            let begun = ClientProgress { from, is_shown: false };
            if self.clients.len() <= node {
                self.clients.resize(node + 1, begun);
            }
            let client = &mut self.clients[node];
            if client.from != from {
                *client = begun;
            }
            match difference {
                None if client.is_shown => {}
                None => {
                    client.is_shown = true;
                    self.count += 1;
                    self.most = self.most.max(now.saturating_since(from));
                }
                Some(text) if now > from + CONVERGE => {
                    return Err(format!("{CONVERGE:?} after the client could be reached: {text}"));
                }
                // The last values of slow entities are committed shortly after the world came to rest.
                Some(_) => {
                    self.count -= u64::from(core::mem::take(&mut client.is_shown));
                    is_complete = false;
                }
            }
        }
        Ok(is_complete)
    }
}
