//! The writer, with which a game changes a world.

mod error;
mod marks;
mod world_writer;

pub use error::WriteError;
pub use world_writer::WorldWriter;
