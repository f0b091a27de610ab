//! One fault of a fault list.

use tickwire_core::time::Instant;

use super::kind::Kind;
use super::place::Target;

/// A fault: a disturbance of one kind, which affects links or nodes for a limited time.
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
    /// The seed of the fault's random decisions. Apart from the seed, the decisions depend only on the
    /// link and the time.
    pub seed: u64,
}
