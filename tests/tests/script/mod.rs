//! Scripts: random sequences of everything that an embedder, a network and an attacker may do.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod allocation;
pub(crate) mod duo;
pub(crate) mod forge;
pub(crate) mod op;
pub(crate) mod provider;
pub(crate) mod world;
