//! One fault of a list.

use tickwire_core::time::Instant;

use super::kind::Kind;
use super::place::Target;

/// One thing that goes wrong for some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// When it begins, in virtual time.
    pub from: Instant,
    /// When it is over.
    pub until: Instant,
    /// Where it happens.
    pub target: Target,
    /// The kind of fault.
    pub kind: Kind,
    /// All of its decisions follow from this, from the place and from the time, and from nothing else.
    pub seed: u64,
}
