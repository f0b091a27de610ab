//! Console commands, which come from standard input or from another thread.

mod arguments;
mod builtin;
mod commands;
mod foreground;
mod input;
mod output;
mod reply;
mod run;
mod spool;
mod terminal;

pub use arguments::Arguments;
pub use commands::Commands;
pub(crate) use input::start;
pub(crate) use output::Output;
pub use reply::{CommandError, Reply};
pub(crate) use run::run;
pub(crate) use terminal::Terminal;
