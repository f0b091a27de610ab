//! The bounds on everything that a peer, or the network, can make an endpoint hold or do.

use core::time::Duration;

/// The largest datagram sent before the path MTU is known, and the size of a padded Hello, in bytes (RFC 8899 base).
pub const BASE_DATAGRAM: usize = 1200;
/// The largest datagram that the endpoint reads, in bytes. The endpoint counts and drops larger datagrams.
pub const MAX_DATAGRAM: usize = 65_535;
/// The default of the largest datagram that the path MTU search tries, in bytes. It fills an IPv4 packet of 9000 bytes.
pub const PATH_DATAGRAM: u16 = 8972;
/// The smallest buffer that `poll_transmit` writes to, in bytes.
pub const MIN_TRANSMIT_BUFFER: usize = BASE_DATAGRAM;
/// The size of an AEAD tag, in bytes.
pub const TAG: usize = 16;
/// The number of packet numbers below the highest received for which the receiver distinguishes new packets from
/// replays.
pub const REPLAY_WINDOW: u64 = 1024;
/// The largest number of packet number ranges in one acknowledgement. A receiver sends more ranges as a bitmap.
pub const ACK_RANGES: usize = 32;
/// The largest number of packet number ranges that a receiver keeps until it has reported them several times, 16 bytes
/// each. The limit is twice the number of ranges that arise if a sender has as many packets in flight as it may, and
/// every second packet is lost.
pub const ACK_RANGES_KEPT: usize = PACKETS_IN_FLIGHT;
/// The size of the bitmap in an acknowledgement, in bytes. The bitmap has one bit for each packet number, for twice
/// [`PACKETS_IN_FLIGHT`] numbers.
pub const ACK_BITMAP: usize = 2 * PACKETS_IN_FLIGHT / 8;
/// The largest number of ranges in the resume state of one channel. The sender resends messages in further ranges
/// although they were received.
pub const RESUME_RANGES: usize = 32;
/// The time beyond the acknowledgement delay that a peer may take to acknowledge packets that are not resent, such as
/// heartbeats. Drivers may coalesce such packets before they read them, because no message waits for them.
pub const UPKEEP_DELAY: Duration = Duration::from_millis(150);
/// The largest number of packets in flight per connection, whatever the congestion window.
pub const PACKETS_IN_FLIGHT: usize = 4096;
/// The number of failed openings after which a connection's keys count as worn out (RFC 9001 section 6.6,
/// for ChaCha20-Poly1305).
pub const FAILED_OPENS: u64 = 1 << 36;
/// The largest number of channels per connection.
pub const CHANNELS: usize = 32;
/// The largest number of reliable messages sent and not yet acknowledged, per channel. It allows 163,840 messages a
/// second at a round-trip time of 100 ms. Flow-control credit bounds their bytes.
pub const RELIABLE_WINDOW: u32 = 16_384;
/// The bytes of overhead that every budget counts for each queued or buffered message, in addition to the message's own
/// bytes.
pub const MESSAGE_OVERHEAD: u64 = 64;
/// The default of the largest message, in bytes.
pub const MESSAGE_SIZE: usize = 1 << 20;
/// The largest message that any configuration allows, in bytes.
pub const MESSAGE_SIZE_MAX: usize = 1 << 28;
/// The bytes of reliable data that a peer may have in transit, in reassembly, or in wait for the application.
pub const RECEIVE_WINDOW: u64 = 2 << 20;
/// The bytes of unreliable messages that may wait for the application. The oldest message gives way.
pub const UNRELIABLE_BACKLOG: u64 = 1 << 20;
/// The largest number of half-open handshakes that a server keeps.
pub const HALF_OPEN: usize = 1024;
/// The largest memory of one half-open handshake, in bytes.
pub const HALF_OPEN_BYTES: usize = 512;
/// The largest number of half-open handshakes per ticket.
pub const HALF_OPEN_PER_TICKET: usize = 2;
/// The largest number of refusals kept so that a repeated Hello gets the same answer. A server sends further refusals
/// only once.
pub const REFUSALS_KEPT: usize = 256;
/// The largest first Noise message in a Hello, in bytes.
pub const HELLO_NOISE_BYTES: usize = 128;
/// The longest name in a schema, in bytes.
pub const SCHEMA_NAME: usize = 64;
/// The smallest value that a peer or a link may declare as its largest datagram, in bytes. A path that carries less
/// ends its connections.
pub const LEAST_DATAGRAM: u16 = 700;
/// The largest number of used ticket ids remembered until the tickets expire. When the table is full, the server
/// refuses tickets.
pub const BURNT_TICKETS: usize = 65_536;
/// The largest number of ended sessions remembered until their resume tickets expire. When the table is full, no ticket
/// of a lost session lets a client in.
pub const ENDED_SESSIONS: usize = 65_536;
/// The largest number of connections per second that the endpoint searches for the targets of datagrams of
/// type Unknown.
pub const LOOKUPS_PER_SECOND: u32 = 100_000;
/// The largest number of stateless replies waiting to be sent. A full queue drops new replies.
pub const REPLY_QUEUE: usize = 256;
/// The largest user data inside a ticket, in bytes.
pub const TICKET_USER_DATA: usize = 256;
/// The largest sealed ticket on the wire, in bytes.
pub const TICKET_BYTES: usize = 512;
/// The longest text of a close reason, in bytes.
pub const CLOSE_TEXT: usize = 256;
/// The number of Retries that a client follows before [`HELLOS_PER_COOKIE`] of its Hellos have gone unanswered.
pub const RETRIES: u8 = 2;
/// The number of Hellos with one cookie that go unanswered before the client asks for another cookie.
pub const HELLOS_PER_COOKIE: u8 = 5;
/// The time that a client waits for the answer to one Hello before it starts over with another ephemeral key. It bounds
/// the round trip over which a client can connect: after a longer one the server may have forgotten the handshake when
/// the first Data packet arrives.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(8900);
/// The longest extension of [`ANSWER_WITHIN`] for a client whose driver called the endpoint late.
pub const CALLED_LATE: Duration = Duration::from_secs(5);
/// The least time that a challenged address has to answer.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(15);
/// The number of connection ids on the wire, which is the number of slots in the table that maps ids to connections.
pub const CONNECTION_IDS: usize = 1 << 16;
/// The number of buckets in each of the four rows of the tables that limit and record handshakes per source.
pub const SOURCE_BUCKETS: u16 = 2048;
/// The number of buckets in each of the four rows of the tables that limit handshakes per ticket and per session.
pub const CREDENTIAL_BUCKETS: u16 = 512;
/// The largest number of connections that wait at a time for the peer to validate its address. Until then no source is
/// charged for these connections.
pub const UNVALIDATED: usize = 16;
/// The time that a connection may wait for the peer to validate its address.
pub const UNVALIDATED_FOR: Duration = Duration::from_secs(5);
/// The largest number of expired timers that one call of `handle_timeout` handles. Further timers stay due.
pub const TIMERS_PER_CALL: usize = 64;
/// The largest number of connections that one call of `poll_transmit` or `poll_event` visits without finding output.
/// Further connections stay due.
pub const CONNECTIONS_PER_POLL: usize = 64;
/// The largest number of datagrams that one call of `poll_transmit` writes.
pub const DATAGRAMS_PER_TRANSMIT: usize = 64;
/// The largest number of message types in one registry.
pub const MESSAGE_TYPES: usize = 4096;
/// The longest name of a message type, in bytes.
pub const MESSAGE_NAME: usize = 64;
/// The greatest nesting depth of lists, maps and boxes inside one message.
pub const MESSAGE_DEPTH: usize = 16;
/// The largest number of values inside one MessagePack or JSON message, containers included.
pub const MESSAGE_ITEMS: usize = 1 << 16;
/// The number of list items that a message of the bits codec may hold beyond one per bit, because some items take
/// no bits.
pub const MESSAGE_FREE_ITEMS: usize = 1024;
/// The number of invalid messages that a connection may send within [`VIOLATION_WINDOW`] by default. One more ends
/// the connection.
pub const VIOLATIONS: u16 = 8;
/// The default of the time for which a violation counts.
pub const VIOLATION_WINDOW: Duration = Duration::from_secs(10);
/// The largest number of connections whose violations one dispatcher remembers. Beyond it, the dispatcher forgets the
/// connection with the lowest id.
pub const VIOLATION_RECORDS: usize = 32_768;
/// The largest number of components in a schema of replicated worlds.
pub const COMPONENTS: usize = 1024;
/// The largest number of components in one group.
pub const GROUP_COMPONENTS: usize = 32;
/// The largest number of blueprints in a schema of replicated worlds.
pub const BLUEPRINTS: usize = 1024;
/// The longest name of a component, group or blueprint, in bytes: in a schema's entries the word `component:`, `group:` or
/// `blueprint:` precedes the name.
pub const COMPONENT_NAME: usize = SCHEMA_NAME - "component:".len();
/// The greatest nesting depth of arrays, structures and optional values inside a component.
pub const COMPONENT_DEPTH: usize = 8;
/// The largest number of variants of a choice inside a component.
pub const COMPONENT_VARIANTS: usize = 1 << 16;
/// The largest size of a unit (an entity's group of components), in bytes. The packets of the narrowest path have room for a unit
/// of this size.
pub const UNIT_BYTES: usize = 640;
/// The smallest fragment that a message is cut into, in bytes.
pub const FRAGMENT_MIN: usize = 64;
/// The bytes of a packet that are always available to a message. A message of at most this size is not cut.
pub const WHOLE_FRAME: usize = 1150;
/// The largest number of unreliable messages in reassembly per connection. The oldest gives way.
pub const UNRELIABLE_REASSEMBLIES: usize = 16;
/// The bytes of unreliable messages in reassembly per connection, or twice the largest message if that is more.
pub const UNRELIABLE_REASSEMBLY_BYTES: u64 = 256 << 10;
/// The largest number of closing connections that an endpoint keeps, or `Config::max_connections` if that is larger.
/// Closing connections take no place. Beyond the limit, the endpoint forgets the oldest closing connection, although
/// its peer may not have received the CLOSE frame.
pub const LEAVING: usize = 64;
/// The largest number of connections of one owner that the endpoint probes when a new connection of that owner finds no
/// place.
pub const CONTESTED: usize = 16;
/// The factor of the receive window that a connection may hold in messages that the application cannot have yet,
/// overhead included. A sender that cuts by [`FRAGMENT_MIN`] needs less.
pub const REASSEMBLY_OVERHEAD: u64 = 4;
/// The default of the bytes that all connections of an endpoint together hold in messages that the application cannot
/// have yet.
pub const REASSEMBLY_MEMORY: u64 = 32 << 20;
/// The bytes that a connection may hold in incomplete messages for each byte that it received of them. A sender that
/// cuts by [`FRAGMENT_MIN`] needs less.
pub const HELD_PER_RECEIVED: usize = 4;
/// The bytes that a connection may hold in incomplete messages beyond [`HELD_PER_RECEIVED`].
pub const HELD_FREE: usize = 32 << 10;
/// The time for which one message keeps the reserved room of one largest message, if other connections wait for it.
pub const RESERVED_FOR: Duration = Duration::from_secs(3);
/// The bytes of a message for which it keeps the reserved room one more second.
pub const RESERVED_BYTES_PER_SECOND: u64 = 16 << 10;
/// The time for which the reserved room waits for the next connection in turn, which resends the message that found
/// no room.
pub const RESERVED_OFFER: Duration = Duration::from_secs(1);
/// The largest message that is compressed, in bytes. Larger messages travel uncompressed.
pub const COMPRESS_MAX: usize = 1 << 22;
/// The largest number of ranges of dropped messages that a channel remembers. The channel forgets the fates of older
/// messages.
pub const DROPPED_RANGES: usize = 64;
/// The value of [`DROPPED_RANGES`] on a connection that has exchanged nothing but heartbeats for [`REST_AFTER`].
pub const DROPPED_RANGES_AT_REST: usize = 8;
/// The time for which the path may delay an unreliable message before the message gives way to newer ones of its
/// channel, where the channel's [`crate::Overflow`] allows it.
pub const STALE_AFTER: Duration = Duration::from_millis(100);
/// The idle time after which a connection gives unused memory back, at its next heartbeat. A connection that exchanges
/// only heartbeats is idle.
pub const REST_AFTER: Duration = Duration::from_secs(3);
/// The idle time after which a connection gives unused memory back without a heartbeat. A heartbeat of the default
/// interval comes earlier, so the timer costs such a connection nothing.
pub const REST_WITHIN: Duration = Duration::from_secs(6);
/// The time after the first fragment of an unreliable message for which the sender still sends further fragments,
/// because the receiver then drops the message.
pub const UNRELIABLE_PATIENCE: Duration = Duration::from_secs(5);
/// The largest number of byte ranges in one message in reassembly. The receiver drops bytes that would add a range
/// until gaps are filled. A sender that fills a window of 1 MB with large packets never has more packets missing at a
/// time.
pub const REASSEMBLY_RANGES: usize = 1024;
/// The size of the first chunk that received messages share after the endpoint was idle, in bytes. Each further chunk
/// has four times the size of the chunk before.
pub const ARENA_CHUNK_LEAST: usize = 1 << 10;
/// The size of the largest chunk that small received messages share, in bytes.
pub const ARENA_CHUNK: usize = 16 << 10;
/// The size above which a message does not share a chunk with smaller ones, in bytes.
pub const ARENA_SHARED: usize = 4 << 10;
/// The largest number of full chunks kept for reuse, per arena and kind.
pub const ARENA_CHUNKS: usize = 8;
/// The size of the largest chunk that large received messages share, in bytes.
pub const ARENA_LARGE_CHUNK: usize = 128 << 10;
/// The size above which a message has an allocation of its own, in bytes. No such message fits one datagram.
pub const ARENA_LARGE: usize = 64 << 10;
/// The largest number of full chunks of large messages kept for reuse, per arena and kind.
pub const ARENA_LARGE_CHUNKS: usize = 4;
/// The largest page that keeps a part of a message, in bytes.
pub const PAGE: usize = 4 << 10;
/// The smallest page that keeps a part of a message, in bytes.
pub const PAGE_LEAST: usize = 16;
/// The bytes of unused pages kept for reuse, per arena, for [`ARENA_REST`] at most.
pub const PAGES_KEPT: usize = 512 << 10;
/// The bytes of unused page tables kept for reuse, per arena, for [`ARENA_REST`] at most.
pub const TABLES_KEPT: usize = 64 << 10;
/// The idle time after which an endpoint that receives no message returns the memory that it kept for messages to the
/// system. The endpoint returns the memory after twice this time at the latest.
pub const ARENA_REST: Duration = Duration::from_secs(3);
/// The largest number of unused records of sent message parts that are kept for reuse, per channel.
pub const CUTS_KEPT: usize = 256;
/// The default of the number of entities that a world may have at a time.
pub const ENTITIES: usize = 10_000;
/// The largest number of entities that any configuration allows a world to have at a time. The store may keep as many
/// destroyed entities in addition, until every peer has acknowledged their end.
pub const ENTITIES_MAX: usize = 1 << 16;
/// The largest number of versions of a unit that a world's store keeps, the newest version included.
pub const VERSIONS: usize = 64;
/// The largest number of versions of a unit that a connection sends before the peer acknowledges one of them.
pub const UNACKED_VERSIONS: u32 = 32;
/// The largest number of entities that one connection may predict at a time.
pub const PREDICTED_ENTITIES: usize = 64;
/// The largest number of units in one snapshot frame.
pub const SNAPSHOT_FRAME_UNITS: usize = 4096;
/// The number of most recent snapshot frames whose list of units a receiver keeps.
pub const SNAPSHOT_FRAMES_HELD: usize = 256;
/// The largest number of versions of a unit that a receiver of a replicated world keeps.
pub const SNAPSHOT_VERSIONS_HELD: usize = 256;
/// The number of worlds that an endpoint may replicate.
pub const WORLDS: usize = 1024;
/// The number of wrong snapshot frames after which a connection ends.
pub const SNAPSHOT_OFFENCES: u32 = 8;
/// The time without a commit after which units that were lost in the newest tick are sent again in the same tick.
pub const SNAPSHOT_STALL: Duration = Duration::from_millis(100);
/// The largest number of words in all units of one snapshot frame together. A unit that moves as predicted takes one
/// bit, whatever the number of its words.
pub const SNAPSHOT_FRAME_WORDS: usize = 1 << 16;

/// Returns the largest memory that a message of `max_message` bytes takes in reassembly, whatever the order in which
/// its parts arrive: twice its size, and the records of its ranges.
#[must_use]
pub const fn reserved_room(max_message: usize) -> usize {
    2 * max_message + (128 << 10)
}
