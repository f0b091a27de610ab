//! A deterministic, sans-IO protocol core for real-time multiplayer games.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod address;
mod channel;
pub mod config;
pub mod crypto;
pub mod error;
pub mod event;
pub mod limits;
pub mod rng;
pub mod schema;
pub mod stats;
pub mod time;
pub mod wire;
