//! Moves sessions to other paths.

use tickwire_core::{Address, LinkId};

use super::{World, choose};

impl World {
    /// Moves the session of a connection of node `index` to the address of node `to`, or to the link of node `index`.
    pub(super) fn resume_over(&mut self, index: usize, connection: u8, to: Option<usize>) {
        let Some(connection) = choose(&self.nodes[index].connections, connection) else { return };
        let now = self.time(index);
        let to = to.map_or(Address::Link(LinkId(index as u64)), |to| self.nodes[to].address.into());
        // An attempt that cannot begin is an error, and changes nothing.
        _ = self.nodes[index].endpoint.resume_over(now, connection, to);
    }
}
