//! A deterministic, sans-IO protocol core for real-time multiplayer games.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// The derive macros name this crate by its own name; so do they inside it.
extern crate self as tickwire_core;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod address;
pub mod config;
pub mod crypto;
pub mod drop;
pub mod error;
pub mod event;
pub mod handshake;
pub mod limits;
pub mod message;
pub mod rng;
pub mod schema;
pub mod time;
pub mod wire;
