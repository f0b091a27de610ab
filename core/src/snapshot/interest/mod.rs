//! Interest management: determines which entities of a world a connection sees, by rules and by distance.

mod eyes;
mod grid;
mod positions;
mod show_rules;
#[cfg(test)]
mod tests;
mod viewer;

pub use eyes::Eyes;
pub(crate) use grid::SpatialGrid;
pub(crate) use show_rules::ShowRules;
pub use viewer::Viewer;
