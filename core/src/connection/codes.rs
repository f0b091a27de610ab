//! Reason codes that the protocol itself sends in a CLOSE frame.

/// The code of a server whose last free place another client took during the handshake.
pub(super) const FULL_CODE: u16 = u16::MAX;
/// The code of an end whose path to the peer carries only datagrams of less than [`crate::limits::LEAST_DATAGRAM`]
/// bytes.
pub(super) const NARROW_PATH_CODE: u16 = u16::MAX - 1;
/// The code of a server whose last free place for the client's address another client took during the handshake.
pub(super) const TOO_MANY_FROM_ADDRESS_CODE: u16 = 0xfffd;
/// The code of an end that replaced this connection with another connection.
pub(super) const REPLACED_CODE: u16 = 0xfffc;
/// The lowest close code that the protocol reserves. Most of the reserved codes, 0xff00 to 0xffff, report protocol
/// violations. Applications use lower codes.
pub const VIOLATION_CODES: u16 = 0xff00;
