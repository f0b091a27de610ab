//! # tickwire-demo
//!
//! Crowds of real clients against a real dedicated server, each a process of its own:
//!
//! - [`demo`] is the conductor that `cargo xtask demo` starts: the server, the simulator's conditioner before it, and a
//!   crowd of bots behind that. It shows how they do, and ends them in order.
//! - [`bots`] is the crowd: clients of the server's built-in world, each with a socket of its own, in one process. It can
//!   be sent to any server of that world, and prints one line of JSON per second.
//! - [`report`] is what the crowd tells the conductor.
//! - [`siege`] attacks a server on the loopback interface, and watches whether honest clients get in: `cargo xtask siege`.
//! - [`load`] puts a server under load without any network between, and counts what arrives: `cargo xtask load`.
#![forbid(unsafe_code)]

pub mod bots;
pub mod demo;
pub mod load;
pub mod percentiles;
mod process;
pub mod report;
pub mod siege;
