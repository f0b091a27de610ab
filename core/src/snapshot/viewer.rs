//! The part of a world that a connection sees.

use super::ids::WorldId;

/// The view that a connection has of a world: all of its entities, except for those that
/// [`WorldWriter::show`](super::WorldWriter::show) hides from the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Viewer {
    /// The world that the endpoint sends to the connection.
    pub world: WorldId,
}

impl Viewer {
    /// Creates a view of all of `world`.
    #[must_use]
    pub const fn new(world: WorldId) -> Self {
        Self { world }
    }
}
