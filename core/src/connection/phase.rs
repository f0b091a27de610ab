//! The phase of a connection's life, from dialling to closed.

/// The phase of a connection's life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The first handshake is not complete.
    Connecting,
    /// The handshake is complete, and the two ends exchange data.
    Connected,
    /// The peer is silent. The session lasts until a resumption, or until the time limit for a resumption ends.
    Interrupted,
    /// The connection has ended for the application, and this end resends its CLOSE frame.
    Closing,
    /// The connection has ended, and this end sends no more packets.
    Closed,
}
