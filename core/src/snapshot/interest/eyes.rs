//! The point from which a connection sees a world.

use crate::snapshot::ids::NetworkId;

/// The point from which a connection sees a world.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Eyes {
    /// The committed position of an entity. While the entity has no position, the latest position that it had counts.
    Entity(NetworkId),
    /// A fixed point, in the unit of the game's positions. A position with fewer than three axes has 0 on the other
    /// axes.
    Point([f64; 3]),
}
