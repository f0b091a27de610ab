//! The two ends of a handshake.

/// Which end of the handshake this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// This end sent the Hello.
    Initiator,
    /// This end sent the Welcome.
    Responder,
}
