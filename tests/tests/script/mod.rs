//! Scripts: random sequences of the actions of an embedder, a network and an attacker.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![allow(clippy::new_ret_no_self, reason = "a provider is always shared")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod forge;
pub(crate) mod op;
pub(crate) mod pairs;
pub(crate) mod provider;
pub(crate) mod rogues;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) mod steps;
pub(crate) mod world;
