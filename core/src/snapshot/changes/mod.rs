//! The changes of one tick of a world. They cross threads in both directions: from the game to the endpoint and back.

mod column;
mod content;
mod file;

pub use column::Column;
pub use content::{Changes, Created, EntitySettings, Gone, Show};
pub use file::ChangesError;
