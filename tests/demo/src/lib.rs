//! # tickwire-demo
//!
//! Programs that run many real clients against a real dedicated server, in separate processes:
//!
//! - [`demo`] is the program that `cargo xtask demo` starts. It starts a server, the simulator's conditioner and a process
//!   of bots, which connect through the conditioner. It shows their progress, and stops them.
//! - [`bots`] runs clients of the server's built-in world in one process, each with its own socket. It can connect them to
//!   any server of this world, and prints one line of JSON per second.
//! - [`report`] defines the lines of JSON that [`bots`] prints.
//! - [`siege`] attacks a server on the loopback interface, and checks whether honest clients can connect: `cargo xtask siege`.
//! - [`load`] puts a server under load without a conditioner, and counts the messages that arrive: `cargo xtask load`.
#![forbid(unsafe_code)]

pub mod bots;
pub mod demo;
pub mod load;
pub mod percentiles;
mod process;
pub mod report;
pub mod siege;
