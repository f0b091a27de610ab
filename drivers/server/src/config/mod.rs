//! The configuration of a server: one flat object, whose values come from a file, the environment and flags.

mod addresses;
mod change;
mod check;
mod document;
pub mod duration;
mod fault;
mod files;
mod layers;
mod server_config;
#[cfg(test)]
mod tests;

pub(crate) use change::taken_over;
pub use change::{Changes, GAME_KEY, changes};
pub use fault::{ConfigError, Fault, Origin};
pub use layers::{Layers, Override};
pub use server_config::{LogLevel, NoSettings, ServerConfig, Settings, schema};
