//! Datagrams in transit, in buffers that are used again.

use crate::allocations::uncounted;

/// The datagrams of one direction that arrive in the next tick.
#[derive(Default)]
pub(super) struct Transit {
    /// The index of the client, and the bytes.
    flying: Vec<(usize, Vec<u8>)>,
    spare: Vec<Vec<u8>>,
}

impl Transit {
    /// Adds a copy of a datagram. The allocations of the copy are not counted.
    pub(super) fn carry(&mut self, client: usize, datagram: &[u8]) {
        uncounted(|| {
            let mut copy = self.spare.pop().unwrap_or_default();
            copy.clear();
            copy.extend_from_slice(datagram);
            self.flying.push((client, copy));
        });
    }

    /// Passes each datagram with the index of its client to `arrive`, in the order in which they were sent.
    pub(super) fn deliver(&mut self, mut arrive: impl FnMut(usize, &mut [u8])) {
        for (client, mut datagram) in self.flying.drain(..) {
            arrive(client, &mut datagram);
            uncounted(|| self.spare.push(datagram));
        }
    }
}
