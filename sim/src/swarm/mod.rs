//! The swarm: each seed gives a game of several players, a list of faults, and a verdict.
//!
//! First safety: while faults strike, no rule may be broken. Then the network heals, and the checks demand liveness:
//! every player is connected, and every reliable message on a live session is delivered.

mod bits;
mod content;
mod ledger;
mod plan;
mod player;
mod report;
mod scenario;

pub use report::{Report, SeedReport};
pub use scenario::{Run, Scene, faults_of, run, trace_hash};
