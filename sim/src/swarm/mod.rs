//! The swarm: each seed determines a game of several players and a list of faults.
//!
//! While faults occur, the checks test safety: no rule may be broken. After all faults have ended, the checks test
//! liveness: every player must connect, and every reliable message on a live session must be delivered.

mod bits;
mod content;
mod convergence;
mod ledger;
mod plan;
mod played_world;
mod player;
mod report;
mod scenario;
mod sight;
mod world_schema;
mod worlds;

pub use report::{Report, SeedReport};
pub use scenario::{Run, Scene, faults_of, run, trace_hash};
