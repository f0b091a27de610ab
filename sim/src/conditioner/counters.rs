//! The counters of a conditioner.

/// The counters of a conditioner, for all clients together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// The number of clients that the conditioner accepted. A client that returns after more than 60 s of silence may
    /// count again.
    pub clients: u64,
    /// The number of datagrams received, in both directions together.
    pub received: u64,
    /// The number of datagrams that the conditioner delivered to the target or to clients, including copies.
    pub delivered: u64,
    /// The number of datagrams that the conditioner dropped because of the conditions.
    pub lost: u64,
    /// The number of datagrams dropped because there were too many clients, or too many datagrams in transit.
    pub overflowed: u64,
    /// The number of bytes delivered from clients to the target.
    pub bytes_up: u64,
    /// The number of bytes delivered from the target to clients.
    pub bytes_down: u64,
}
