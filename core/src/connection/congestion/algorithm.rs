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
    /// Copa (Arun and Balakrishnan, NSDI 2018), which keeps queues short and does not slow down after isolated losses.
    #[default]
    Copa,
    /// CUBIC (RFC 9438 section 4), which fills queues until they overflow and therefore keeps its share of the bandwidth against
    /// other traffic that fills queues.
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
