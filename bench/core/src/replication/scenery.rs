//! The worlds that the measurements replicate.

use tickwire_core::snapshot::WorldWriter;

/// A game that changes a world.
pub trait Scenery {
    /// Returns the writer that collects the changes of the next commit.
    fn writer(&mut self) -> &mut WorldWriter;

    /// Advances the game by one tick.
    fn step(&mut self, tick: u64);
}
