//! One fault of a fault list.

use tickwire_core::time::Instant;

use super::kind::Kind;
use super::place::Target;

/// A fault: a kind of disturbance at one place for some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The virtual time at which the fault begins.
    pub from: Instant,
    /// The virtual time at which the fault ends.
    pub until: Instant,
    /// The links or nodes that the fault affects.
    pub target: Target,
    /// The kind of the fault.
    pub kind: Kind,
    /// The seed of the fault's decisions, which otherwise depend only on the place and the time.
    pub seed: u64,
}
