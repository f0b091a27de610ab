//! The driver's contract: a list to tick off for a program that moves the datagrams of an [`Endpoint`] by hand.
//!
//! A driver is the code between an endpoint and the world: a socket, a clock, entropy, and a loop. This page has two
//! halves: the duties of a driver, each with the damage if it is missed, and the promises of the endpoint that a driver may
//! rely on. A driver that keeps the duties cannot lose a message or hang a connection, whatever order it calls in.
//!
//! # The loop
//!
//! Each turn of the loop makes these calls. Their order does not matter (promise 1).
//!
//! ```
//! use tickwire_core::{Ecn, Endpoint, Instant};
//!
//! /// One turn: hands over the datagrams that arrived, and returns those to send, and when to call again.
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
//! The example `pump` (`cargo run --example pump`) is a whole program of this kind, over sockets of the standard library.
//!
//! # Before the first call
//!
//! - [ ] **Seed.** Draw the 32 bytes of `seed` from the system's entropy at every start ([`Endpoint::new`]), with
//!   `getrandom::fill(&mut seed)` for example. Ephemeral keys
//!   come from the seed, so a seed that is used twice repeats keys and nonces: an eavesdropper can then read and forge
//!   packets. Only a simulation chooses its seed.
//! - [ ] **Secrets.** Keep [`Secrets::identity`](crate::Secrets::identity) in a file that only the server can read, and load it
//!   at every start. Clients pin its public key: a server with a new identity is a stranger to all of them, and its resume
//!   tickets of yesterday open nothing.
//! - [ ] **Clock.** Give [`Instant`]s from a monotonic clock, in microseconds since an epoch that you pick (the start of the
//!   program, say). The wall clock is wrong here: when it is set forward by an hour, all connections time out at once.
//! - [ ] **Wall clock.** Set [`Config::wall_offset`](crate::Config::wall_offset) to the Unix time at [`Instant::ZERO`], in
//!   microseconds, and call [`Endpoint::set_wall_offset`] when the system's clock was set, or when your monotonic clock stood
//!   still while the host slept. Tickets expire by this clock. With [`Access::Tickets`](crate::Access::Tickets) an offset of 0
//!   is refused; an offset that is wrong lets expired tickets in or turns good ones away.
//! - [ ] **Don't-fragment.** Forbid fragments on your UDP sockets, then set [`Config::dont_fragment`](crate::Config::dont_fragment).
//!   Set without it, the search for the path MTU takes fragments for proof, and each lost fragment costs a whole datagram.
//!   Unset, no datagram has more than 1200 bytes: safe, with more headers for large messages.
//!
//! # While it runs
//!
//! - [ ] **Receive whole datagrams.** Lend the socket a buffer of [`limits::MAX_DATAGRAM`] (65,535) bytes, and read until it has
//!   no more: pollers like epoll in edge-triggered mode report what came once. A shorter buffer cuts
//!   datagrams off; they fail authentication, count as `not-authentic` and are lost.
//! - [ ] **Say where a datagram came from.** Pass the sender's address, and on hosts with several addresses the local one, as a
//!   [`Path`](crate::Path). Without the local address, replies may leave from another address than the client dialled, and
//!   the client's router drops them.
//! - [ ] **Pass ECN both ways.** Give [`Endpoint::handle_datagram`] the ECN bits of the IP header, and send with
//!   [`Transmit::ecn`](crate::Transmit::ecn). If the platform cannot, always pass [`Ecn::NotCapable`](crate::Ecn::NotCapable):
//!   congestion control then reads delay and loss only. Never pass invented bits: a made-up mark slows the connection down.
//! - [ ] **Drain the outputs.** Call [`Endpoint::poll_transmit`] and [`Endpoint::poll_event`] until they return `None`. An output that
//!   you do not poll is not lost: it stays due, and [`Endpoint::poll_timeout`] wakes you for it. But a peer whose messages are not
//!   taken runs out of flow-control credit and stops sending.
//! - [ ] **Lend a buffer of at least [`limits::MIN_TRANSMIT_BUFFER`] (1200) bytes.** `poll_transmit` writes nothing into a smaller
//!   one, so nothing is ever sent. With room for several datagrams it writes several for one path, of
//!   [`Transmit::segment_size`](crate::Transmit::segment_size) bytes each, for segmentation offload. A buffer that is smaller
//!   than [`Config::max_datagram`](crate::Config::max_datagram) bounds the datagrams that are used.
//! - [ ] **Sleep until [`Endpoint::poll_timeout`], then call [`Endpoint::handle_timeout`].** The sleep is
//!   `deadline.saturating_since(now)`, rounded up to what your poller can wait: rounded down, the loop spins through the last
//!   millisecond. [`Instant::MAX`] is never. Ask again after every other call: any call may bring the time forward. A driver that calls late sends acknowledgements, probes and heartbeats late; one that
//!   is 20 s late (the default [`Config::idle_timeout`](crate::Config::idle_timeout)) finds its connections interrupted.
//! - [ ] **A full socket.** When the socket takes no more, keep the datagram that did not fit and those behind it, stop calling `poll_transmit`, and
//!   wait for writability; meanwhile sleep until [`Endpoint::next_timer`], which ignores waiting datagrams. A driver that
//!   goes by `poll_timeout` there spins; one that drops the datagram costs its connection a loss.
//! - [ ] **Errors of the socket are losses.** Unreachable hosts, refused ports and oversized datagrams need no call: the endpoint
//!   finds out by itself. A driver that closes connections for them lets anybody who can forge an ICMP message end them.
//! - [ ] **Act on every [`ConfigError`](crate::error::ConfigError), [`ConnectError`](crate::error::ConnectError) and
//!   [`SendError`](crate::error::SendError).** An `Err` is a mistake of the caller or back-pressure. A
//!   [`SendError::Full`](crate::error::SendError::Full) hands the message back, and
//!   [`Event::SendReady`](crate::Event::SendReady) says when to try again; a driver that ignores it drops the message. Later messages of that channel wait
//!   behind it in your own queue, or their order changes.
//! - [ ] **Stop in order.** Call [`Endpoint::close`] or [`Endpoint::close_after_delivery`] on every connection, and keep looping
//!   until [`Endpoint::connections`] is empty, for a few seconds at most. Without it peers wait for the idle timeout.
//!
//! # If it carries links
//!
//! A link is a stream or data channel that the driver opened (TCP, WebSocket, WebRTC, memory).
//!
//! - [ ] **Declare it** with [`Endpoint::open_link`] before its first datagram, with true
//!   [`LinkProperties`](crate::LinkProperties). Datagrams of an undeclared link are dropped as `unknown-link`. A link that is
//!   declared reliable and loses something stalls its channels for good, because nothing is sent again on it.
//! - [ ] **Frame it.** A stream needs a length before each datagram; the endpoint takes and gives whole datagrams.
//! - [ ] **Report credit** with [`Endpoint::set_link_credit`]: how many bytes the link takes right now. Nothing is built while that
//!   is less than the link's largest datagram. A link whose credit was never reported counts as one that takes everything: old
//!   state then waits in the link's own buffer, ahead of newer state.
//! - [ ] **Report loss** of an unreliable link with [`Endpoint::report_link_loss`], and its end with [`Endpoint::close_link`].
//!   Unreported, loss is found by a probe timeout instead of a round trip, and the end by the idle timeout.
//!
//! # What the endpoint promises
//!
//! Each promise is a test of that number in `tests/tests/contract`.
//!
//! 1. Any call is allowed, in any order, at any time. A `now` that runs backwards counts as the latest time so far.
//! 2. While a poll would return something, `poll_timeout` is due and names the cause, so a driver that polls too little is woken.
//! 3. Repeating `handle_timeout(t)` and draining ends after finite work; then `poll_timeout` lies after `t`. No driver spins.
//! 4. A poll of an idle endpoint costs O(1), however many connections there are.
//! 5. `poll_timeout` changes nothing. It may be early, never late.
//! 6. The same calls with the same times, seed and secrets give the same bytes and events on every target.
//! 7. No input panics, and none makes the endpoint hold more than [`limits`] allow. Noise on the wire is counted
//!    ([`Endpoint::drops`]), never returned as an error.
//! 8. Datagrams are built in `poll_transmit`, when they leave: a busy socket gets the newest state, not a queue of old state.
//! 9. Datagrams are decrypted in place, and in steady state nothing is allocated per packet.
//! 10. Each call does a bounded amount of work; the rest stays due.
//! 11. [`Event::Connected`](crate::Event::Connected) comes before every other event of a connection, and
//!     [`Event::Closed`](crate::Event::Closed) last and once. Both, and `SendReady`, have room whatever else waits. A message that
//!     finds no room is not acknowledged, so its sender sends it again.

#[cfg(doc)]
use crate::{Endpoint, Instant, limits};
