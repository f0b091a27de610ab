//! The codes with which the server closes a client's connection. A game's own codes lie below 0xfe00.

/// The server is stopping.
pub const STOPPED: u16 = 0xfe10;
/// A command on the console, or the game, kicked the client.
pub const KICKED: u16 = 0xfe11;
/// A ban disconnected the client. The server does not let it in again.
pub const BANNED: u16 = 0xfe12;
/// The client sent too many invalid messages.
pub const INVALID_MESSAGES: u16 = tickwire_native::INVALID_MESSAGES;
/// The client sent more messages or bytes than the server takes from one client.
pub const FLOODING: u16 = 0xfe13;
