//! The driver's contract: a checklist for a program that passes datagrams to an [`Endpoint`] and sends its datagrams.
//!
//! A driver is the code that connects an endpoint to a socket, a clock and a source of entropy, in a loop. This page lists
//! the duties of a driver, each with the consequence of its neglect, and the promises of the endpoint on which a driver can
//! rely. A driver that fulfils the duties loses no message and hangs no connection, in whatever order it makes its calls.
//!
//! # The loop
//!
//! Each turn of the loop makes these calls, in any order (promise 1).
//!
//! ```
//! use tickwire_core::{Ecn, Endpoint, Instant};
//!
//! /// One turn: passes in the datagrams that arrived, and returns the datagrams to send and the time of the next call.
//! fn turn(
//!     endpoint: &mut Endpoint,
//!     now: Instant,
//!     arrived: Vec<(std::net::SocketAddr, Vec<u8>)>,
//! ) -> (Vec<(std::net::SocketAddr, Vec<u8>)>, Instant) {
//!     for (from, mut datagram) in arrived {
//!         endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut datagram);
//!     }
//!     endpoint.handle_timeout(now);
//!     let (mut to_send, mut buffer) = (Vec::new(), [0; 2048]);
//!     while let Some(transmit) = endpoint.poll_transmit(now, &mut buffer) {
//!         for datagram in transmit.datagrams(&buffer) {
//!             if let tickwire_core::Address::Udp(to) = transmit.path.remote {
//!                 to_send.push((to, datagram.to_vec()));
//!             }
//!         }
//!     }
//!     while let Some(event) = endpoint.poll_event() {
//!         println!("{event:?}");
//!     }
//!     (to_send, endpoint.poll_timeout().0)
//! }
//! # let mut endpoint = Endpoint::new(
//! #     tickwire_core::Config::new(1), tickwire_core::Secrets::new([1; 32]), [2; 32], Instant::ZERO,
//! # ).unwrap();
//! # assert_eq!(turn(&mut endpoint, Instant::ZERO, Vec::new()), (Vec::new(), Instant::MAX));
//! ```
//!
//! The example `pump` (`cargo run --example pump`) is a complete driver over sockets of the standard library.
//!
//! # Before the first call
//!
//! - [ ] **Seed.** Draw the 32 bytes of `seed` from the system's entropy at every start ([`Endpoint::new`]), for example with
//!   `getrandom::fill(&mut seed)`. Ephemeral keys come from the seed, so a seed that is used twice repeats keys and nonces. An
//!   eavesdropper can then read and forge packets. Only a simulation chooses its seed.
//! - [ ] **Secrets.** Store [`Secrets::identity`](crate::Secrets::identity) in a file that only the server can read, and load the
//!   file at every start. Clients pin the public key of this identity. With a new identity, these clients cannot connect, and the
//!   server rejects the resume tickets that it issued before.
//! - [ ] **Clock.** Pass [`Instant`]s from a monotonic clock, in microseconds since an epoch that you choose, such as the start of
//!   the program. Do not use the wall clock: if it is set forward by an hour, all connections time out at once.
//! - [ ] **Wall clock.** Set [`Config::wall_offset`](crate::Config::wall_offset) to the Unix time at [`Instant::ZERO`], in
//!   microseconds. Call [`Endpoint::set_wall_offset`] when the system's clock was set, or when your monotonic clock stopped while
//!   the host was suspended. Tickets expire by this clock. [`Access::Tickets`](crate::Access::Tickets) rejects an offset of 0. With
//!   a wrong offset, the endpoint accepts expired tickets or rejects valid tickets.
//! - [ ] **Don't-fragment.** Forbid fragments on your UDP sockets, then set [`Config::dont_fragment`](crate::Config::dont_fragment).
//!   If you set it although the sockets allow fragments, the path MTU search accepts fragmented probes, and each lost fragment
//!   costs a whole datagram. If you do not set it, no datagram has more than 1200 bytes, and large messages need more headers.
//!
//! # While it runs
//!
//! - [ ] **Receive whole datagrams.** Receive into a buffer of [`limits::MAX_DATAGRAM`] (65,535) bytes, and read until the socket is
//!   empty, because pollers such as epoll in edge-triggered mode report a datagram only once. A shorter buffer truncates
//!   datagrams. The endpoint drops truncated datagrams as `not-authentic`.
//! - [ ] **Pass the addresses of a datagram.** Pass the sender's address and, on hosts with several addresses, the local address, as
//!   a [`Path`](crate::Path). Without the local address, the host may send replies from a different address than the client
//!   dialled, and the client's router drops these replies.
//! - [ ] **Pass ECN in both directions.** Pass the ECN bits of the IP header to [`Endpoint::handle_datagram`], and send with
//!   [`Transmit::ecn`](crate::Transmit::ecn). If the platform has no access to the bits, always pass
//!   [`Ecn::NotCapable`](crate::Ecn::NotCapable): congestion control then uses only delay and loss. Never pass bits that the
//!   packet did not have, because a false CE mark slows the connection down.
//! - [ ] **Drain the outputs.** Call [`Endpoint::poll_transmit`] and [`Endpoint::poll_event`] until they return `None`. The endpoint
//!   keeps an output that you do not poll, and [`Endpoint::poll_timeout`] reports it as due. If you do not poll the messages of a
//!   peer, the peer runs out of flow-control credit and stops sending.
//! - [ ] **Pass a buffer of at least [`limits::MIN_TRANSMIT_BUFFER`] (1200) bytes.** `poll_transmit` writes nothing to a smaller
//!   buffer, so the endpoint never sends. To a larger buffer, `poll_transmit` writes several datagrams for one path, of
//!   [`Transmit::segment_size`](crate::Transmit::segment_size) bytes each, for segmentation offload. The endpoint sends no datagram
//!   that is larger than the buffer.
//! - [ ] **Sleep until [`Endpoint::poll_timeout`], then call [`Endpoint::handle_timeout`].** Sleep for
//!   `deadline.saturating_since(now)`, rounded up to the resolution of your poller. If you round down, the loop spins through the
//!   final millisecond. [`Instant::MAX`] means never. Call `poll_timeout` again after every other call, because any call may make
//!   the deadline earlier. A driver that calls late sends acknowledgements, probes and heartbeats late. If it calls 20 s late (the
//!   default [`Config::idle_timeout`](crate::Config::idle_timeout)), its connections are interrupted.
//! - [ ] **Handle a full socket.** When the socket accepts no more datagrams, keep all datagrams that were not sent, stop calling
//!   `poll_transmit`, and wait until the socket is writable. Meanwhile sleep until [`Endpoint::next_timer`], which ignores waiting
//!   datagrams. A driver that sleeps until `poll_timeout` instead spins. A driver that drops the datagrams causes packet loss.
//! - [ ] **Treat socket errors as losses.** Unreachable hosts, refused ports and oversized datagrams need no call, because the
//!   endpoint detects the loss. A driver that closes a connection for such an error lets anybody who can forge an ICMP message
//!   close the connection.
//! - [ ] **Handle every [`ConfigError`](crate::error::ConfigError), [`ConnectError`](crate::error::ConnectError) and
//!   [`SendError`](crate::error::SendError).** An `Err` reports a mistake of the caller, or back-pressure.
//!   [`SendError::Full`](crate::error::SendError::Full) returns the message to the caller, and
//!   [`Event::SendReady`](crate::Event::SendReady) reports when to send it again. A driver that ignores the error drops the message.
//!   Queue later messages of the same channel behind this message, or their order changes.
//! - [ ] **Stop in order.** Call [`Endpoint::close`] or [`Endpoint::close_after_delivery`] for every connection, and continue the
//!   loop until [`Endpoint::connections`] is empty, for a few seconds at most. Otherwise the peers wait for their idle timeout.
//!
//! # If it carries links
//!
//! A link is a stream or data channel that the driver opened (TCP, WebSocket, WebRTC, memory).
//!
//! - [ ] **Declare the link** with [`Endpoint::open_link`] before its first datagram, with true
//!   [`LinkProperties`](crate::LinkProperties). The endpoint drops datagrams of an undeclared link as `unknown-link`. A link that is
//!   declared reliable but loses datagrams stalls its channels permanently, because the endpoint retransmits nothing on it.
//! - [ ] **Frame the datagrams.** Write the length of each datagram to a stream, because the endpoint reads and writes whole
//!   datagrams.
//! - [ ] **Report credit** with [`Endpoint::set_link_credit`]: the number of bytes that the link can accept now. The endpoint builds
//!   no datagram while the credit is below the link's largest datagram. Without a report, the endpoint assumes unlimited credit,
//!   and old state then waits in the link's own buffer before newer state.
//! - [ ] **Report the loss** of an unreliable link with [`Endpoint::report_link_loss`], and the end of a link with
//!   [`Endpoint::close_link`]. Without these reports, the endpoint detects loss after one PTO instead of one RTT, and the end of the
//!   link after the idle timeout.
//!
//! # What the endpoint promises
//!
//! The test with the same number in `tests/tests/contract` checks each promise.
//!
//! 1. Any call is allowed, in any order, at any time. A `now` before the latest time so far counts as the latest time.
//! 2. While a poll would return output, `poll_timeout` is due and names the cause, so a driver that polls too rarely is woken.
//! 3. Repeating `handle_timeout(t)` and draining the outputs ends after finite work. `poll_timeout` is then after `t`, so no driver
//!    spins.
//! 4. A poll of an idle endpoint costs O(1), regardless of the number of connections.
//! 5. `poll_timeout` changes nothing. Its time may be too early, but never too late.
//! 6. The same calls with the same times, seed and secrets give the same bytes and events on every target.
//! 7. No input causes a panic, or makes the endpoint use more memory than [`limits`] allow. The endpoint counts invalid datagrams
//!    ([`Endpoint::drops`]) and never returns them as errors.
//! 8. `poll_transmit` builds each datagram when it is sent, so a busy socket gets the newest state and not a queue of old state.
//! 9. The endpoint decrypts datagrams in place, and allocates no memory per packet in steady state.
//! 10. Each call does a bounded amount of work, and work beyond that stays due.
//! 11. [`Event::Connected`](crate::Event::Connected) is the first event of an established connection, and
//!     [`Event::Closed`](crate::Event::Closed) is the final event of every connection, reported once. Space for both events and
//!     for `SendReady` is always reserved. The endpoint does not acknowledge a message for which it has no space, so the sender
//!     resends the message.

#[cfg(doc)]
use crate::{Endpoint, Instant, limits};
