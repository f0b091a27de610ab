//! A seeded network, clock and fault injector for tickwire and for games built on it.
//!
//! A [`World`](world::World) drives any number of sans-IO state machines ([`Host`](host::Host)s) on one virtual clock
//! over a virtual network. Its faults are an explicit list of [`Fault`](fault::Fault)s, drawn from a seed or written
//! by hand; [`Checker`](checker::Checker)s look after every step; a list that makes a run fail is
//! [`shrink`](shrink::shrink)ed to what matters. The same configuration gives the same run, to the last bit, on every
//! target: nothing here reads a clock, draws entropy, or computes with floats, but for the
//! [`conditioner`], which puts the same links between real processes.
#![forbid(unsafe_code)]

mod agenda;
pub mod carrier;
pub mod checker;
pub mod clock;
pub mod conditioner;
mod endpoint_host;
pub mod fault;
pub mod host;
pub mod link;
pub mod mahimahi;
pub mod network;
pub mod pair;
pub mod paths;
pub mod provider;
pub mod report;
pub mod rng;
pub mod shrink;
pub mod stream;
pub mod swarm;
pub mod trace;
pub mod world;

pub use swarm::trace_hash;
