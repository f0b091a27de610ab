//! Runs congestion control on a path: flows share a bottleneck, and the queue of the bottleneck is measured.
//!
//! The scenarios are those of RFC 8867, recorded links, paths with jitter and no bottleneck, and competition with
//! TCP flows.

mod flow;
pub mod jitter;
mod measure;
mod party;
mod play;
mod record;
pub mod rfc8867;
mod scenario;
mod tcp;

pub use flow::{Flow, Source, Way};
pub use measure::{FlowOutcome, Outcome, jain};
pub use record::{Recording, Sample};
pub use scenario::Scenario;
