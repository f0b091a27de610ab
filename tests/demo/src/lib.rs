//! # tickwire-demo
//!
//! A real dedicated server, the simulator's conditioner before it, and a crowd of bots behind that: three processes, and
//! a fourth that starts them, shows how they do, and ends them in order.
//!
//! - [`bots`] is the crowd: clients of the server's built-in world, each with a socket of its own, in one process. It can
//!   be sent to any server of that world, and prints one line of JSON per second.
//! - [`demo`] is the conductor, which `cargo xtask demo` starts.
//! - [`report`] is what the crowd tells the conductor.
#![forbid(unsafe_code)]

pub mod bots;
pub mod demo;
pub mod percentiles;
pub mod report;
