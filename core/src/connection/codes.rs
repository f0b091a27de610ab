//! Reason codes that the protocol itself sends in a CLOSE frame.

/// The code of a server whose last place was taken during the handshake.
pub(super) const FULL_CODE: u16 = u16::MAX;
/// The code of an end whose path to the other carries less than [`crate::limits::LEAST_DATAGRAM`] bytes.
pub(super) const NARROW_PATH_CODE: u16 = u16::MAX - 1;
/// The code of a server whose last place for the client's address was taken meanwhile.
pub(super) const TOO_MANY_FROM_ADDRESS_CODE: u16 = 0xfffd;
/// The code of an end where another connection takes the place of this one.
pub(super) const REPLACED_CODE: u16 = 0xfffc;
/// The lowest close code that the protocol reserves. Most of the reserved codes, 0xff00 to 0xffff, report protocol
/// violations. Applications use lower codes.
pub const VIOLATION_CODES: u16 = 0xff00;
