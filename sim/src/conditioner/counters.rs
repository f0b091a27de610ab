//! The counters of a conditioner.

/// Counters of a conditioner, all clients together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Clients that a datagram came from.
    pub clients: u64,
    /// Datagrams that came in, both ways.
    pub received: u64,
    /// Datagrams that were passed on; copies count.
    pub delivered: u64,
    /// Datagrams that the conditions lost.
    pub lost: u64,
    /// Datagrams dropped because too many clients came, or too many datagrams were in transit.
    pub overflowed: u64,
    /// Bytes that were passed on from clients to the target.
    pub bytes_up: u64,
    /// Bytes that were passed on from the target to clients.
    pub bytes_down: u64,
}
