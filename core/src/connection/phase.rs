//! The phase of a connection's life, from dialling to closed.

/// Where a connection is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The first handshake has not finished.
    Connecting,
    /// Data flows, or would if the network let it.
    Connected,
    /// The peer fell silent; the session waits.
    Interrupted,
    /// Over for the application; CLOSE is being repeated.
    Closing,
    /// Over.
    Closed,
}
