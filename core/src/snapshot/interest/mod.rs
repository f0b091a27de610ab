//! Interest: the part of a world that a connection sees, by rule and by distance.

mod eyes;
mod grid;
mod positions;
#[cfg(test)]
mod tests;
mod viewer;

pub use eyes::Eyes;
pub(crate) use grid::SpatialGrid;
pub use viewer::Viewer;
