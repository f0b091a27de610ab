//! Every bound on what a peer, or the network, can make an endpoint hold or do.

/// The largest datagram sent before the path MTU is known, and the size of a padded Hello, in bytes (RFC 8899 base).
pub const BASE_DATAGRAM: usize = 1200;
/// The largest datagram that is looked at; anything larger is counted and dropped.
pub const MAX_DATAGRAM: usize = 65_535;
/// The smallest buffer that `poll_transmit` writes to, in bytes.
pub const MIN_TRANSMIT_BUFFER: usize = BASE_DATAGRAM;
/// Bytes of an AEAD tag.
pub const TAG: usize = 16;
/// Packet numbers below the highest seen that are still told apart from replays.
pub const REPLAY_WINDOW: u64 = 1024;
/// Acknowledgement ranges kept and reported by a receiver; older ones are forgotten.
pub const ACK_RANGES: usize = 32;
/// Ranges in the resume state of one channel; messages received beyond them are sent again.
pub const RESUME_RANGES: usize = 32;
/// Packets in flight per connection, whatever the congestion window says.
pub const PACKETS_IN_FLIGHT: usize = 4096;
/// Failed openings after which a connection's keys count as worn out (RFC 9001 6.6, for ChaCha20-Poly1305).
pub const FAILED_OPENS: u64 = 1 << 36;
/// Channels per connection.
pub const CHANNELS: usize = 32;
/// Reliable messages sent and not yet acknowledged, per channel.
pub const RELIABLE_WINDOW: u32 = 2048;
/// What a queued or buffered message costs beyond its bytes, in every budget.
pub const MESSAGE_OVERHEAD: u64 = 64;
/// The default of the largest message, in bytes.
pub const MESSAGE_SIZE: usize = 1 << 20;
/// The largest message that any configuration allows, in bytes.
pub const MESSAGE_SIZE_MAX: usize = 1 << 28;
/// Bytes of reliable data a peer may have underway, in reassembly or not yet taken by the application.
pub const RECEIVE_WINDOW: u64 = 2 << 20;
/// Unreliable messages waiting for the application, in bytes; the oldest gives way.
pub const UNRELIABLE_BACKLOG: u64 = 1 << 20;
/// Half-open handshakes that a server keeps.
pub const HALF_OPEN: usize = 1024;
/// Bytes that one half-open handshake may hold.
pub const HALF_OPEN_BYTES: usize = 512;
/// Half-open handshakes per ticket.
pub const HALF_OPEN_PER_TICKET: usize = 2;
/// Ticket ids remembered as used, until they expire. When it is full, tickets are refused.
pub const BURNT_TICKETS: usize = 65_536;
/// Stateless replies waiting to be sent; when it is full, new ones are dropped.
pub const REPLY_QUEUE: usize = 256;
/// Bytes of user data inside a ticket.
pub const TICKET_USER_DATA: usize = 256;
/// Bytes of a sealed ticket on the wire.
pub const TICKET_BYTES: usize = 512;
/// Bytes of the text that goes with a close reason.
pub const CLOSE_TEXT: usize = 256;
/// Retries that a client follows per attempt to connect.
pub const RETRIES: u8 = 2;
/// Connection ids on the wire: slots of the table that a datagram's id is looked up in.
pub const CONNECTION_IDS: usize = 1 << 16;
/// Buckets of the table that limits handshakes per source address.
pub const SOURCE_BUCKETS: usize = 4096;
/// Expired timers handled by one call of `handle_timeout`; the rest stays due.
pub const TIMERS_PER_CALL: usize = 64;
/// Datagrams written by one call of `poll_transmit`.
pub const DATAGRAMS_PER_TRANSMIT: usize = 64;
