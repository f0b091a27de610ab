//! The counters of a conditioner.

/// Counters of a conditioner, for all clients together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Clients that have sent a datagram.
    pub clients: u64,
    /// Datagrams received, in both directions.
    pub received: u64,
    /// Datagrams passed on to the target or to clients, copies included.
    pub delivered: u64,
    /// Datagrams that the conditions dropped.
    pub lost: u64,
    /// Datagrams dropped because there were too many clients, or too many datagrams in transit.
    pub overflowed: u64,
    /// Bytes passed on from clients to the target.
    pub bytes_up: u64,
    /// Bytes passed on from the target to clients.
    pub bytes_down: u64,
}
