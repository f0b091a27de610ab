//! Faults as an explicit list that can be printed, replayed and shrunk.

mod draw;
mod entry;
mod kind;
mod parameter;
mod place;
mod text;

pub use draw::{Profile, draw};
pub use entry::Fault;
pub use kind::{Kind, KindName, KindSet};
pub use place::{Direction, LinkIndex, NodeId, Target};
pub use text::{ParseFaultError, parse_list, print_list};
