//! A seeded network, clock and fault injector for tickwire and for games built on it.
#![forbid(unsafe_code)]

pub mod clock;
pub mod fault;
pub mod network {
    //! x
    /** x */
    pub struct Topology;
}
pub mod provider;
pub mod rng;
