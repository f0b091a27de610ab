//! The choice of a controller.

use alloc::boxed::Box;

use super::controller::Controller;
use super::copa::Copa;
use super::cubic::Cubic;
use crate::time::Instant;

/// Which congestion control a connection has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// Copa: keeps queues short, and isolated losses do not slow it down.
    #[default]
    Copa,
    /// CUBIC (RFC 9438): fills queues until they overflow, and so holds its own against other traffic that does.
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
