//! The codes with which the server closes a client's connection. A game's own codes lie below 0xfe00.

/// The code with which a stopping server closes connections.
pub const STOPPED: u16 = 0xfe10;
/// The close code for a client that [`Context::kick`](crate::Context::kick) or the console command `kick` disconnected.
pub const KICKED: u16 = 0xfe11;
/// The close code for a client that a ban disconnected. The server refuses this client's further attempts to
/// connect.
pub const BANNED: u16 = 0xfe12;
/// The close code for a client that sent too many invalid messages.
pub const INVALID_MESSAGES: u16 = tickwire_native::INVALID_MESSAGES;
/// The close code for a client that sent more messages or bytes per second than the server accepts from one client.
pub const FLOODING: u16 = 0xfe13;
