//! The two ends of a handshake.

/// This end's role in the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// This end sent the Hello.
    Initiator,
    /// This end sent the Welcome.
    Responder,
}
