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
    /// The seed of the fault's random decisions. The decisions also depend on the direction of the link and on the
    /// times at which datagrams are sent.
    pub seed: u64,
}
