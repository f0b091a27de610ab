//! The limits on the memory and the work that a peer, or the network, can cause at an endpoint.

use core::time::Duration;

/// The size of the largest datagram that is sent before the path MTU is known, and of a padded Hello, in bytes
/// (`BASE_PLPMTU` of RFC 8899 section 5.1.2).
pub const BASE_DATAGRAM: usize = 1200;
/// The largest datagram that the endpoint reads, in bytes. The endpoint counts and drops larger datagrams.
pub const MAX_DATAGRAM: usize = 65_535;
/// The default size of the largest datagram that the path MTU search tries, in bytes. Such a datagram fills an IPv4
/// packet of 9000 bytes.
pub const PATH_DATAGRAM: u16 = 8972;
/// The size of the smallest buffer that `poll_transmit` accepts, in bytes.
pub const MIN_TRANSMIT_BUFFER: usize = BASE_DATAGRAM;
/// The size of an AEAD tag, in bytes.
pub const TAG: usize = 16;
/// The size of the replay window, in packet numbers. The window ends at the highest packet number received. The
/// receiver drops packets whose numbers are below the window.
pub const REPLAY_WINDOW: u64 = 1024;
/// The largest number of packet number ranges in one ACK frame. A receiver that must acknowledge more ranges sends
/// a bitmap, if the bitmap reaches at least as low as the newest ranges that fit into the frame.
pub const ACK_RANGES: usize = 32;
/// The largest number of packet number ranges that a receiver stores, to report the ranges in several ACK frames. Each
/// range takes 16 bytes. The limit is twice the number of ranges that arise if a sender has the maximum number of
/// packets in flight and every second packet is lost.
pub const ACK_RANGES_KEPT: usize = PACKETS_IN_FLIGHT;
/// The size of the largest bitmap in an ACK frame, in bytes. Each bit stands for one packet number, so the bitmap
/// covers 2 * [`PACKETS_IN_FLIGHT`] packet numbers.
pub const ACK_BITMAP: usize = 2 * PACKETS_IN_FLIGHT / 8;
/// The largest number of ranges of received messages that the resume state of one channel reports. If the receiver has
/// more ranges, the sender also resends the messages of the ranges that were not reported.
pub const RESUME_RANGES: usize = 32;
/// The time that a peer may take, in addition to the acknowledgement delay, to acknowledge packets that are never
/// resent, such as heartbeats. Drivers may let such packets wait in the socket and read several at once, because no
/// message waits for these packets.
pub const UPKEEP_DELAY: Duration = Duration::from_millis(150);
/// The largest number of packets in flight per connection, for any congestion window.
pub const PACKETS_IN_FLIGHT: usize = 4096;
/// The number of packets that failed authentication after which a connection's keys may no longer be used (RFC 9001
/// section 6.6, for ChaCha20-Poly1305).
pub const FAILED_OPENS: u64 = 1 << 36;
/// The largest number of channels per connection.
pub const CHANNELS: usize = 32;
/// The size of the send window of a reliable channel, in messages. The window begins at the oldest message that is not
/// acknowledged in full. Later messages count even if they are acknowledged. The limit allows 163,840 messages a second
/// at an RTT of 100 ms. Flow-control credit limits the bytes of these messages.
pub const RELIABLE_WINDOW: u32 = 16_384;
/// The overhead, in bytes, that every memory limit counts for each queued or buffered message in addition to the
/// message's own bytes.
pub const MESSAGE_OVERHEAD: u64 = 64;
/// The default maximum message size, in bytes.
pub const MESSAGE_SIZE: usize = 1 << 20;
/// The highest maximum message size that a configuration may set, in bytes.
pub const MESSAGE_SIZE_MAX: usize = 1 << 28;
/// The largest number of bytes of a peer's reliable messages, per connection, that may be in transit, in reassembly, or
/// waiting for the application. If two messages of the configured maximum size need more bytes, this larger number of bytes is the
/// limit.
pub const RECEIVE_WINDOW: u64 = 2 << 20;
/// The largest number of bytes of unreliable and sequenced messages, per connection, that may wait for the application.
/// Above this number, the endpoint drops the oldest of these messages, but keeps the newest message whatever its size.
pub const UNRELIABLE_BACKLOG: u64 = 1 << 20;
/// The largest number of half-open handshakes that a server keeps. In a full table, a new handshake replaces an old or
/// less trusted entry, or is dropped.
pub const HALF_OPEN: usize = 1024;
/// The largest memory that one half-open handshake takes, in bytes.
pub const HALF_OPEN_BYTES: usize = 512;
/// The largest number of half-open handshakes per ticket, session or expected peer.
pub const HALF_OPEN_PER_TICKET: usize = 2;
/// The largest number of refusals that a server keeps, so that a repeated Hello gets the same answer. The server
/// sends further refusals only once.
pub const REFUSALS_KEPT: usize = 256;
/// The size of the largest first Noise message in a Hello, in bytes.
pub const HELLO_NOISE_BYTES: usize = 128;
/// The longest name in a schema, in bytes.
pub const SCHEMA_NAME: usize = 64;
/// The smallest value that a peer or a link may declare as its largest datagram, in bytes. A connection ends if its path
/// carries only smaller datagrams.
pub const LEAST_DATAGRAM: u16 = 700;
/// The largest number of ids of used tickets that a server stores. The server stores an id until the ticket expires,
/// and for 49 h more while the table has space. When the table is full, the server rejects all unused tickets.
pub const BURNT_TICKETS: usize = 65_536;
/// The largest number of ended sessions that a server stores. The server stores a session until its resume tickets
/// expire, and for 49 h more while the table has space. If the table is full when a session ends, the server refuses
/// every lost session's resume ticket that expires no later than the tickets of the session that it could not store.
pub const ENDED_SESSIONS: usize = 65_536;
/// The largest number of comparisons per second between a datagram of type Unknown and the connections that the
/// endpoint dialled. Each Unknown datagram costs one comparison per dialled connection. Beyond the limit, the endpoint
/// drops the datagram.
pub const LOOKUPS_PER_SECOND: u32 = 100_000;
/// The largest number of stateless replies that may wait to be sent. A full queue drops new replies.
pub const REPLY_QUEUE: usize = 256;
/// The size of the largest user data in a ticket, in bytes.
pub const TICKET_USER_DATA: usize = 256;
/// The size of the largest sealed ticket on the wire, in bytes.
pub const TICKET_BYTES: usize = 512;
/// The longest text of a close reason, in bytes.
pub const CLOSE_TEXT: usize = 256;
/// The largest number of Retries that a client follows before it begins to count again. The count begins again when
/// the client drops a cookie after [`HELLOS_PER_COOKIE`] unanswered Hellos, and when it creates a new ephemeral key. The
/// client drops further Retries.
pub const RETRIES: u8 = 2;
/// The number of Hellos with the same cookie that go unanswered before the client requests a new cookie.
pub const HELLOS_PER_COOKIE: u8 = 5;
/// The time from the first transmission of a Hello after which a client without an answer restarts the handshake with a
/// new ephemeral key.
/// With an RTT of 8 s, the answer takes up to 13 s if the server's driver calls the endpoint only every 5 s. A longer
/// wait would connect clients over paths so slow that the connection then exceeds the default idle timeout.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(13_900);
/// The longest extension of [`ANSWER_WITHIN`] for a client whose driver called the endpoint later than `poll_timeout`
/// requested.
pub const CALLED_LATE: Duration = Duration::from_secs(5);
/// The shortest time that an endpoint waits for an address to answer a challenge.
pub const CHALLENGE_LIFE: Duration = Duration::from_secs(15);
/// The largest number of connection ids that an endpoint uses at the same time: the number of slots in the table that
/// maps ids to connections. An id has 24 bits, 16 for the slot and 8 that change with each use of the slot.
pub const CONNECTION_IDS: usize = 1 << 16;
/// The number of buckets in each of the four rows of the tables that limit and record handshakes per source
/// address.
pub const SOURCE_BUCKETS: u16 = 2048;
/// The number of buckets in each of the four rows of the tables that limit handshakes per ticket and per session.
pub const CREDENTIAL_BUCKETS: u16 = 512;
/// The largest number of accepted connections that may wait for their peer's address to be validated at the same time.
/// At this number, the handshakes of further clients whose address is not validated stay half-open. A waiting connection
/// does not count towards the limits of a source address.
pub const UNVALIDATED: usize = 16;
/// The time that a connection may wait for its peer's address to be validated.
pub const UNVALIDATED_FOR: Duration = Duration::from_secs(5);
/// The largest number of connections with expired timers that one call of `handle_timeout` serves, and of expired
/// half-open handshakes that the call removes. Further connections and handshakes remain due.
pub const TIMERS_PER_CALL: usize = 64;
/// The largest number of connections without output that one call of `poll_transmit` or `poll_event` visits.
/// Further connections remain due.
pub const CONNECTIONS_PER_POLL: usize = 64;
/// The largest number of datagrams that one call of `poll_transmit` writes.
pub const DATAGRAMS_PER_TRANSMIT: usize = 64;
/// The largest number of message types in one registry.
pub const MESSAGE_TYPES: usize = 4096;
/// The longest name of a message type, in bytes.
pub const MESSAGE_NAME: usize = 64;
/// The greatest nesting depth of lists, maps and boxes inside one message.
pub const MESSAGE_DEPTH: usize = 16;
/// The largest number of values inside one MessagePack or JSON message. Lists and maps count as values too.
pub const MESSAGE_ITEMS: usize = 1 << 16;
/// The largest number of list items that a message of the bits codec may contain in addition to one item per bit, because some
/// items take no bits.
pub const MESSAGE_FREE_ITEMS: usize = 1024;
/// The default number of invalid messages that a peer may send on a connection within [`VIOLATION_WINDOW`]. For the
/// next invalid message, the dispatcher returns [`Verdict::Close`](crate::message::Verdict::Close), and its caller must
/// close the connection.
pub const VIOLATIONS: u16 = 8;
/// The default time for which an invalid message counts towards [`VIOLATIONS`].
pub const VIOLATION_WINDOW: Duration = Duration::from_secs(10);
/// The largest number of connections for which one dispatcher counts invalid messages. Above this number, the
/// dispatcher discards the count of the connection with the lowest id.
pub const VIOLATION_RECORDS: usize = 32_768;
/// The largest number of components in a schema of replicated worlds.
pub const COMPONENTS: usize = 1024;
/// The largest number of components in one group.
pub const GROUP_COMPONENTS: usize = 32;
/// The largest number of blueprints in a schema of replicated worlds.
pub const BLUEPRINTS: usize = 1024;
/// The longest name of a component, group or blueprint, in bytes. In a schema's entries, the prefix `component:`,
/// `group:` or `blueprint:` precedes the name.
pub const COMPONENT_NAME: usize = SCHEMA_NAME - "component:".len();
/// The greatest nesting depth of arrays, structs and optional values inside a component.
pub const COMPONENT_DEPTH: usize = 8;
/// The largest number of variants of a choice, which is a component's field with named values.
pub const COMPONENT_VARIANTS: usize = 1 << 16;
/// The size of the largest unit (an entity's group of components), in bytes. A packet of the smallest allowed path
/// MTU can carry a unit of this size.
pub const UNIT_BYTES: usize = 640;
/// The size of the smallest fragment into which a message is cut, in bytes.
pub const FRAGMENT_MIN: usize = 64;
/// The number of bytes of a packet that are always available to a message. A message of at most this size is not
/// fragmented.
pub const WHOLE_FRAME: usize = 1150;
/// The largest number of unreliable messages in reassembly per connection. If another message begins, the endpoint drops
/// the oldest message.
pub const UNRELIABLE_REASSEMBLIES: usize = 16;
/// The largest number of bytes of unreliable messages in reassembly per connection, or twice the maximum message size if
/// that is larger. Above this number, the endpoint drops the oldest message in reassembly.
pub const UNRELIABLE_REASSEMBLY_BYTES: u64 = 256 << 10;
/// The largest number of closing connections that an endpoint keeps, or `Config::max_connections` if that is
/// larger. Closing connections do not count towards `Config::max_connections`. Beyond the limit, the endpoint drops
/// the oldest closing connection, although its peer may not have received the CLOSE frame.
pub const LEAVING: usize = 64;
/// The largest number of a peer's existing connections that the endpoint probes when the same peer, by its key or its
/// ticket's identity, connects again and no place is free. A connection whose peer does not answer the probe within 2 s
/// gives its place to the new connection.
pub const CONTESTED: usize = 16;
/// The largest memory that a connection may use for messages not yet available to the application, overhead included, as a
/// multiple of the receive window. A sender that cuts messages into fragments of at least [`FRAGMENT_MIN`] bytes
/// needs less.
pub const REASSEMBLY_OVERHEAD: u64 = 4;
/// The default memory, in bytes, that all connections of an endpoint together may use for messages not yet
/// available to the application.
pub const REASSEMBLY_MEMORY: u64 = 32 << 20;
/// The largest memory, in bytes, that a connection may use for messages not yet available to the application, per received
/// byte of these messages. A sender that cuts messages into fragments of at least [`FRAGMENT_MIN`] bytes needs less.
pub const HELD_PER_RECEIVED: usize = 4;
/// The largest memory, in bytes, that a connection may use for messages not yet available to the application, in addition
/// to [`HELD_PER_RECEIVED`] times the received bytes of these messages.
pub const HELD_FREE: usize = 32 << 10;
/// The time for which one message may occupy the memory reserved for one message of the maximum size, while other
/// connections wait for this memory.
pub const RESERVED_FOR: Duration = Duration::from_secs(3);
/// The number of bytes stored in the reserved memory that extend [`RESERVED_FOR`] by one second.
pub const RESERVED_BYTES_PER_SECOND: u64 = 16 << 10;
/// The time for which the endpoint keeps the reserved memory for the next connection in turn, whose peer must resend
/// the message for which there was no memory.
pub const RESERVED_OFFER: Duration = Duration::from_secs(1);
/// The size of the largest message that is compressed, in bytes. Larger messages are sent uncompressed.
pub const COMPRESS_MAX: usize = 1 << 22;
/// The largest number of ranges of dropped messages that a channel stores. The channel no longer reports the status of
/// messages in older ranges.
pub const DROPPED_RANGES: usize = 64;
/// The value that replaces [`DROPPED_RANGES`] on a connection that has exchanged only heartbeats for
/// [`REST_AFTER`].
pub const DROPPED_RANGES_AT_REST: usize = 8;
/// The longest time that a message waits in the send queue of an unreliable channel that drops its oldest messages
/// ([`crate::Overflow`]). The sender drops a message that waited longer as soon as a newer message is queued.
pub const STALE_AFTER: Duration = Duration::from_millis(100);
/// The idle time after which a connection returns unused memory to the system, at its next heartbeat. A connection
/// that exchanges only heartbeats is idle.
pub const REST_AFTER: Duration = Duration::from_secs(3);
/// The idle time after which a connection returns unused memory to the system without waiting for a heartbeat. With
/// the default heartbeat interval, a heartbeat comes earlier, so this timer causes no extra wake-up.
pub const REST_WITHIN: Duration = Duration::from_secs(6);
/// The time for which a path may hold back the remaining fragments of an unreliable or sequenced message before the
/// sender drops the message.
pub const UNRELIABLE_PATIENCE: Duration = Duration::from_secs(5);
/// The largest number of separate byte ranges in one message in reassembly. At this number, the receiver drops bytes
/// that would add a range. The gaps in a window of 1 MB that a sender fills with large packets never exceed this number.
pub const REASSEMBLY_RANGES: usize = 1024;
/// The size, in bytes, of the first chunk of memory for received messages after the endpoint was idle. Each further
/// chunk has four times the size of the chunk before it, or more if a message needs more, up to [`ARENA_CHUNK`]
/// or [`ARENA_LARGE_CHUNK`].
pub const ARENA_CHUNK_LEAST: usize = 1 << 10;
/// The size of the largest chunk of memory that small received messages share, in bytes.
pub const ARENA_CHUNK: usize = 16 << 10;
/// The size, in bytes, above which a message does not share a chunk of memory with smaller messages.
pub const ARENA_SHARED: usize = 4 << 10;
/// The largest number of full chunks of small messages (at most [`ARENA_SHARED`] bytes) that an arena keeps for reuse.
/// The limit applies to the chunks of reliable messages and to the chunks of all other messages separately.
pub const ARENA_CHUNKS: usize = 8;
/// The size of the largest chunk of memory that large received messages share, in bytes.
pub const ARENA_LARGE_CHUNK: usize = 128 << 10;
/// The size, in bytes, above which a message has its own allocation. A message of this size does not fit into one
/// datagram.
pub const ARENA_LARGE: usize = 64 << 10;
/// The largest number of full chunks of large messages (more than [`ARENA_SHARED`] bytes) that an arena keeps for reuse.
/// The limit applies to the chunks of reliable messages and to the chunks of all other messages separately.
pub const ARENA_LARGE_CHUNKS: usize = 4;
/// The size of the largest page of memory that stores a part of a received message, in bytes.
pub const PAGE: usize = 4 << 10;
/// The size of the smallest page of memory that stores a part of a received message, in bytes.
pub const PAGE_LEAST: usize = 16;
/// The largest number of bytes of unused pages that an arena keeps for reuse. The arena frees these pages when no
/// message has arrived for [`ARENA_REST`].
pub const PAGES_KEPT: usize = 512 << 10;
/// The largest number of bytes of unused page tables that an arena keeps for reuse. The arena frees these tables when
/// no message has arrived for [`ARENA_REST`].
pub const TABLES_KEPT: usize = 64 << 10;
/// The time without a received message after which an endpoint returns the memory kept for messages to the system.
/// The endpoint returns the memory after twice this time at the latest.
pub const ARENA_REST: Duration = Duration::from_secs(3);
/// The largest number of unused records of sent message parts that a channel keeps for reuse.
pub const CUTS_KEPT: usize = 256;
/// The default limit on the number of entities that a world may have at the same time.
pub const ENTITIES: usize = 10_000;
/// The largest number of entities that a configuration may allow a world to have at the same time. The store may
/// keep as many destroyed entities in addition, until every peer has acknowledged the destruction.
pub const ENTITIES_MAX: usize = 1 << 16;
/// The largest number of versions of a unit that a world's store keeps, the newest version included.
pub const VERSIONS: usize = 64;
/// The largest number of versions of a unit that a connection sends before the peer acknowledges one of them.
pub const UNACKED_VERSIONS: u32 = 32;
/// The largest number of entities that one connection may predict at the same time.
pub const PREDICTED_ENTITIES: usize = 64;
/// The largest number of units in the view of one connection: each entity, and each group of its components.
pub const VIEW_UNITS: usize = 65_535;
/// The largest number of units in one snapshot frame.
pub const SNAPSHOT_FRAME_UNITS: usize = 4096;
/// The largest number of recent snapshot frames for which a receiver keeps the list of units. A new frame replaces the
/// oldest frame.
pub const SNAPSHOT_FRAMES_HELD: usize = 256;
/// The largest number of versions of a unit that a receiver of a replicated world keeps.
pub const SNAPSHOT_VERSIONS_HELD: usize = 256;
/// The largest number of worlds that an endpoint may replicate.
pub const WORLDS: usize = 1024;
/// The largest number of bytes of unit versions that a receiver of a replicated world keeps, per entity of
/// [`SnapshotConfig::max_entities`](crate::SnapshotConfig::max_entities): 256 versions of 128 bytes.
pub const SNAPSHOT_BYTES_PER_ENTITY: usize = 32 << 10;
/// The number of invalid snapshot frames at which the endpoint closes the connection. The count begins when the
/// connection begins to receive a world, and includes all later worlds of the connection.
pub const SNAPSHOT_OFFENCES: u32 = 8;
/// The time without a commit after which units that were lost in the newest tick are sent again in the same tick.
pub const SNAPSHOT_STALL: Duration = Duration::from_millis(100);
/// The time for which an entity has to be beyond the outer radius of a viewer before the entity leaves the view.
pub const INTEREST_HOLD: Duration = Duration::from_millis(600);
/// The time between two searches for the entities that a connection sees by distance.
pub const INTEREST_INTERVAL: Duration = Duration::from_millis(100);
/// The largest number of words in all units of one snapshot frame together. A unit whose words equal their prediction
/// takes one bit, regardless of its number of words.
pub const SNAPSHOT_FRAME_WORDS: usize = 1 << 16;

/// The largest number of versions of a component that a [`WorldView`](crate::snapshot::WorldView) keeps for each
/// entity, the newest version included.
pub const VIEW_VERSIONS: u32 = 64;
/// The largest number of entities that were destroyed or left the view, and that a
/// [`WorldView`](crate::snapshot::WorldView) keeps in its history.
pub const VIEW_GONE: usize = ENTITIES;

/// Returns the largest memory that a message of `max_message` bytes takes in reassembly, in any order of arrival of
/// its fragments: twice its size, plus the records of its ranges.
#[must_use]
pub const fn reserved_room(max_message: usize) -> usize {
    2 * max_message + (128 << 10)
}
