//! The changes of one tick of a world. Changes pass from the game's thread to the endpoint's thread, and in the opposite
//! direction.

mod column;
mod content;
mod file;

pub use column::Column;
pub use content::{Changes, Created, EntitySettings, Gone, Show};
pub use file::ChangesError;
