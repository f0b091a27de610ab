//! The client's side of a world: the newest values, and a short history of earlier values for interpolation.

mod component_table;
mod read;
mod sample;
mod version_list;
mod view_records;
mod world_view;

pub use sample::{Sample, TimedValue};
pub use world_view::WorldView;

#[cfg(test)]
mod tests;
