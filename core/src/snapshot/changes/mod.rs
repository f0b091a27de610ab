//! The changes of one tick of a world. A sender's game thread passes changes to the thread of the endpoint. A receiver's
//! endpoint thread passes changes to the thread of the game.

mod column;
mod content;
mod file;

pub use column::Column;
pub use content::{Changes, Created, EntitySettings, Gone, Show};
pub use file::ChangesError;
