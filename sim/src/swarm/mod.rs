//! The swarm: from each seed a game of several players, a list of faults, and a verdict.
//!
//! First safety: while faults strike, nothing that must not happen may happen. Then the network heals, and liveness is
//! demanded: everybody is connected, and everything reliable that was said on a session that lives is delivered.

mod bits;
mod content;
mod ledger;
mod plan;
mod player;
mod report;
mod scenario;

pub use report::{Report, SeedReport};
pub use scenario::{Run, Scene, faults_of, run, trace_hash};
