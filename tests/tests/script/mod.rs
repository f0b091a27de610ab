//! Scripts: random sequences of everything that an embedder, a network and an attacker may do.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod allocation;
pub mod forge;
pub mod op;
pub mod provider;
pub mod world;
