//! The choice of a connection's congestion control.

use alloc::boxed::Box;

use super::controller::Controller;
use super::copa::Copa;
use super::cubic::Cubic;
use crate::time::Instant;

/// The congestion control algorithm of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// Copa: it keeps queues short, and isolated losses do not slow it down.
    #[default]
    Copa,
    /// CUBIC (RFC 9438): it fills queues until they overflow, so it keeps its share against other traffic that
    /// fills queues.
    Cubic,
}

impl Algorithm {
    pub(crate) fn controller(self, now: Instant, datagram: u64) -> Box<dyn Controller> {
        match self {
            Self::Copa => Box::new(Copa::new(now, datagram)),
            Self::Cubic => Box::new(Cubic::new(now, datagram)),
        }
    }
}
