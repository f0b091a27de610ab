//! Every bound on what a peer, or the network, can make an endpoint hold or do.

use core::time::Duration;

/// The largest datagram sent before the path MTU is known, and the size of a padded Hello, in bytes (RFC 8899 base).
pub const BASE_DATAGRAM: usize = 1200;
/// The largest datagram that is looked at; anything larger is counted and dropped.
pub const MAX_DATAGRAM: usize = 65_535;
/// The default of the largest datagram that a path is searched for, in bytes: an IPv4 packet of 9000.
pub const PATH_DATAGRAM: u16 = 8972;
/// The smallest buffer that `poll_transmit` writes to, in bytes.
pub const MIN_TRANSMIT_BUFFER: usize = BASE_DATAGRAM;
/// Bytes of an AEAD tag.
pub const TAG: usize = 16;
/// Packet numbers below the highest seen that are still told apart from replays.
pub const REPLAY_WINDOW: u64 = 1024;
/// Ranges of packet numbers that one acknowledgement lists; more of them are sent as bits. A receiver repeats up to this many.
pub const ACK_RANGES: usize = 32;
/// Ranges of packet numbers that a receiver keeps until it reported them several times, 16 bytes each. All that a sender may have
/// in flight, each second packet lost, twice over.
pub const ACK_RANGES_KEPT: usize = PACKETS_IN_FLIGHT;
/// Bytes of an acknowledgement with one bit per packet number: as many numbers as a sender waits for at most.
pub const ACK_BITMAP: usize = 2 * PACKETS_IN_FLIGHT / 8;
/// Ranges in the resume state of one channel; messages received beyond them are sent again.
pub const RESUME_RANGES: usize = 32;
/// How much longer than its acknowledgement delay a peer may take to acknowledge packets that are not sent again, heartbeats
/// above all: drivers let those gather before they read them, since no message waits for them.
pub const UPKEEP_DELAY: Duration = Duration::from_millis(150);
/// Packets in flight per connection, whatever the congestion window says.
pub const PACKETS_IN_FLIGHT: usize = 4096;
/// Failed openings after which a connection's keys count as worn out (RFC 9001 6.6, for ChaCha20-Poly1305).
pub const FAILED_OPENS: u64 = 1 << 36;
/// Channels per connection.
pub const CHANNELS: usize = 32;
/// Reliable messages sent and not yet acknowledged, per channel: 163,840 a second at a round trip of 100 ms. Credit
/// bounds their bytes.
pub const RELIABLE_WINDOW: u32 = 16_384;
/// Bytes that a queued or buffered message costs beyond its own, in every budget.
pub const MESSAGE_OVERHEAD: u64 = 64;
/// The default of the largest message, in bytes.
pub const MESSAGE_SIZE: usize = 1 << 20;
/// The largest message that any configuration allows, in bytes.
pub const MESSAGE_SIZE_MAX: usize = 1 << 28;
/// Bytes of reliable data that a peer may have in transit, in reassembly or not yet taken by the application.
pub const RECEIVE_WINDOW: u64 = 2 << 20;
/// Unreliable messages waiting for the application, in bytes; the oldest gives way.
pub const UNRELIABLE_BACKLOG: u64 = 1 << 20;
/// Half-open handshakes that a server keeps.
pub const HALF_OPEN: usize = 1024;
/// Bytes that one half-open handshake may hold.
pub const HALF_OPEN_BYTES: usize = 512;
/// Half-open handshakes per ticket.
pub const HALF_OPEN_PER_TICKET: usize = 2;
/// Refusals kept to be repeated to a client that sends the same Hello again; beyond, a refusal is sent once.
pub const REFUSALS_KEPT: usize = 256;
/// Bytes of the first Noise message in a Hello.
pub const HELLO_NOISE_BYTES: usize = 128;
/// Bytes of a name in a schema.
pub const SCHEMA_NAME: usize = 64;
/// The smallest "largest datagram" that a peer or a link may declare, in bytes. A path that carries less ends its connections.
pub const LEAST_DATAGRAM: u16 = 700;
/// Ticket ids remembered as used, until they expire. When it is full, tickets are refused.
pub const BURNT_TICKETS: usize = 65_536;
/// Sessions remembered as ended by this end until their resume tickets expire. Beyond, no ticket of a lost session lets
/// a client in meanwhile.
pub const ENDED_SESSIONS: usize = 65_536;
/// Connections looked through per second for the ones that datagrams of type Unknown concern.
pub const LOOKUPS_PER_SECOND: u32 = 100_000;
/// Stateless replies waiting to be sent; when it is full, new ones are dropped.
pub const REPLY_QUEUE: usize = 256;
/// Bytes of user data inside a ticket.
pub const TICKET_USER_DATA: usize = 256;
/// Bytes of a sealed ticket on the wire.
pub const TICKET_BYTES: usize = 512;
/// Bytes of the text that goes with a close reason.
pub const CLOSE_TEXT: usize = 256;
/// Retries that a client follows before it has seen no answer to [`HELLOS_PER_COOKIE`].
pub const RETRIES: u8 = 2;
/// Hellos with one cookie that get no answer before the client asks for another one.
pub const HELLOS_PER_COOKIE: u8 = 5;
/// How long a client waits for the answer to one Hello before it starts over with another ephemeral key. It
/// connects over no longer round trip: the server may have forgotten the handshake when the first Data comes.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(8900);
/// The most that a client adds to [`ANSWER_WITHIN`] because its driver called it late.
pub const CALLED_LATE: Duration = Duration::from_secs(5);
/// How long an address that was challenged has to answer, at least.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(15);
/// Connection ids on the wire: slots of the table that a datagram's id is looked up in.
pub const CONNECTION_IDS: usize = 1 << 16;
/// Buckets in each of the four rows of the tables that limit and record handshakes per source.
pub const SOURCE_BUCKETS: u16 = 2048;
/// Buckets in each of the four rows of the tables that limit handshakes per ticket and per session.
pub const CREDENTIAL_BUCKETS: u16 = 512;
/// Connections that may wait at a time for an answer from an address that nothing has shown to be the peer's. They are on
/// no source's account meanwhile.
pub const UNVALIDATED: usize = 16;
/// How long one of them may wait.
pub const UNVALIDATED_FOR: Duration = Duration::from_secs(5);
/// Expired timers handled by one call of `handle_timeout`; the rest stays due.
pub const TIMERS_PER_CALL: usize = 64;
/// Connections that one call of `poll_transmit` or `poll_event` looks at before it finds one that has something; the
/// others stay due.
pub const CONNECTIONS_PER_POLL: usize = 64;
/// Datagrams written by one call of `poll_transmit`.
pub const DATAGRAMS_PER_TRANSMIT: usize = 64;
/// Message types of one registry.
pub const MESSAGE_TYPES: usize = 4096;
/// Bytes of the name of a message type.
pub const MESSAGE_NAME: usize = 64;
/// How deep lists, maps and boxes nest inside one message.
pub const MESSAGE_DEPTH: usize = 16;
/// Values inside one MessagePack or JSON message, containers included.
pub const MESSAGE_ITEMS: usize = 1 << 16;
/// List items that a message of the bits codec may hold beyond one per bit: some items take no bits at all.
pub const MESSAGE_FREE_ITEMS: usize = 1024;
/// Invalid messages that a connection may send within [`VIOLATION_WINDOW`] by default; one more is too many.
pub const VIOLATIONS: u16 = 8;
/// The default of the time that a violation counts.
pub const VIOLATION_WINDOW: Duration = Duration::from_secs(10);
/// Connections whose violations are remembered by one dispatcher; beyond, the lowest id is forgotten.
pub const VIOLATION_RECORDS: usize = 32_768;
/// The smallest piece that a message is cut into, in bytes.
pub const FRAGMENT_MIN: usize = 64;
/// Bytes of a packet that are always there for a message. A message that fits them is not cut.
pub const WHOLE_FRAME: usize = 1150;
/// Unreliable messages in reassembly per connection; the oldest gives way.
pub const UNRELIABLE_REASSEMBLIES: usize = 16;
/// Bytes of unreliable messages in reassembly per connection, if two of the largest messages are not more.
pub const UNRELIABLE_REASSEMBLY_BYTES: u64 = 256 << 10;
/// Connections of an endpoint that may be leaving at a time, if its places are not more: they take no place. Beyond, the oldest
/// is forgotten although its peer may not have heard of the end.
pub const LEAVING: usize = 64;
/// Connections of one owner that are probed when another of the same owner finds no place.
pub const CONTESTED: usize = 16;
/// Times the receive window that a connection may hold in messages that the application cannot have yet, overhead
/// included. A sender that cuts by [`FRAGMENT_MIN`] needs less.
pub const REASSEMBLY_OVERHEAD: u64 = 4;
/// The default of the bytes that all connections of an endpoint hold together in messages that the application cannot
/// have yet.
pub const REASSEMBLY_MEMORY: u64 = 32 << 20;
/// Bytes that a connection may hold in such messages for each byte that it received of them. A sender that cuts by
/// [`FRAGMENT_MIN`] needs less.
pub const HELD_PER_RECEIVED: usize = 4;
/// Bytes that a connection may hold in such messages beyond that.
pub const HELD_FREE: usize = 32 << 10;
/// How long the room of one largest message is kept for one message, if other connections wait for it.
pub const RESERVED_FOR: Duration = Duration::from_secs(3);
/// A message keeps that room for one more second per this many bytes that it takes.
pub const RESERVED_BYTES_PER_SECOND: u64 = 16 << 10;
/// How long that room is kept for the next connection in turn, which sends the message again that found no room.
pub const RESERVED_OFFER: Duration = Duration::from_secs(1);
/// The largest message that is compressed, in bytes; larger ones travel as they are.
pub const COMPRESS_MAX: usize = 1 << 22;
/// Ranges of numbers of dropped messages that a channel remembers; fates of older ones are forgotten.
pub const DROPPED_RANGES: usize = 64;
/// The same on a connection that has exchanged nothing but heartbeats for [`REST_AFTER`].
pub const DROPPED_RANGES_AT_REST: usize = 8;
/// How long the path may hold an unreliable message back before it gives way to newer ones of its channel, where the
/// channel's [`crate::Overflow`] says so.
pub const STALE_AFTER: Duration = Duration::from_millis(100);
/// A connection on which nothing but heartbeats was exchanged for this long gives unused memory back, at its next heartbeat.
pub const REST_AFTER: Duration = Duration::from_secs(3);
/// The same, if no heartbeat comes before. A heartbeat of the default interval does, so the timer costs such a connection nothing.
pub const REST_WITHIN: Duration = Duration::from_secs(6);
/// How long after its first fragment the rest of an unreliable message is still sent: its receiver gives it up then.
pub const UNRELIABLE_PATIENCE: Duration = Duration::from_secs(5);
/// Ranges of bytes that one message in reassembly may consist of. Bytes that would make more are taken when gaps were filled;
/// no more packets are missing at a time from a sender that fills a window of 1 MB with large packets.
pub const REASSEMBLY_RANGES: usize = 1024;
/// Bytes of the first chunk that received messages share after a rest; each has four times as many as the one before.
pub const ARENA_CHUNK_LEAST: usize = 1 << 10;
/// Bytes of the largest of them.
pub const ARENA_CHUNK: usize = 16 << 10;
/// Messages above this many bytes do not share a chunk with smaller ones.
pub const ARENA_SHARED: usize = 4 << 10;
/// Full chunks kept for reuse, per arena and kind.
pub const ARENA_CHUNKS: usize = 8;
/// Bytes of the largest chunks that large received messages share.
pub const ARENA_LARGE_CHUNK: usize = 128 << 10;
/// Messages above this many bytes have an allocation of their own. None of them fits one datagram.
pub const ARENA_LARGE: usize = 64 << 10;
/// Full chunks of large messages kept for reuse, per arena and kind.
pub const ARENA_LARGE_CHUNKS: usize = 4;
/// The largest page that keeps a part of a message, in bytes.
pub const PAGE: usize = 4 << 10;
/// The smallest one.
pub const PAGE_LEAST: usize = 16;
/// Bytes of unused pages kept for reuse, per arena, for [`ARENA_REST`] at most.
pub const PAGES_KEPT: usize = 512 << 10;
/// Bytes of unused tables of pages kept for reuse, per arena, for [`ARENA_REST`] at most.
pub const TABLES_KEPT: usize = 64 << 10;
/// An endpoint that received no message for this long gives the memory that it kept for messages back to the system; at the
/// latest after twice this time.
pub const ARENA_REST: Duration = Duration::from_secs(3);
/// Unused records of the sent parts of messages that are kept for reuse, per channel.
pub const CUTS_KEPT: usize = 256;
/// Units of one snapshot frame.
pub const SNAPSHOT_FRAME_UNITS: usize = 4096;
/// Words of all units of one snapshot frame: a unit that moves as predicted takes a bit, whatever its words are.
pub const SNAPSHOT_FRAME_WORDS: usize = 1 << 16;

/// Bytes that one message of `max_message` bytes takes at most in reassembly, whatever order it comes in: twice its own,
/// and the places of its extents.
#[must_use]
pub const fn reserved_room(max_message: usize) -> usize {
    2 * max_message + (128 << 10)
}
