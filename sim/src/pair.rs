//! A server and a client on a network without delay, for tests.
//!
//! The pair is the smallest environment for a test of the core. The time does not change until [`Pair::pass`] advances
//! it. [`Pair::flush`] exchanges all datagrams, or the test delivers each datagram itself. The test can also call both
//! endpoints directly. For delays, queues and different clocks, use [`World`](crate::world::World).
#![allow(clippy::expect_used, reason = "a failure of the test environment must end the test")]

use core::time::Duration;
use std::net::SocketAddr;

use tickwire_core::{
    Access, Bytes, ChannelId, Config, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Instant, LinkId,
    LinkProperties, MessageId, Path, Secrets,
};

/// The index of the endpoint that accepts connections.
pub const SERVER: usize = 0;
/// The index of the endpoint that dials.
pub const CLIENT: usize = 1;

/// The largest number of exchanges in [`Pair::flush`]. The call then panics, because the ends do not stop sending.
const EXCHANGES_MAX: usize = 10_000;

/// The effect of the network on a datagram: a function of the index of the sending end and the datagram. The function
/// may change the datagram, and returns whether the network delivers the datagram.
pub type Harm = Box<dyn FnMut(usize, &mut Vec<u8>) -> bool>;

/// Returns the UDP address of an end of the pair.
#[must_use]
pub fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + end as u8], 7777))
}

/// Two endpoints with any number of connections between them, whose datagrams the pair exchanges.
///
/// ```
/// use tickwire_core::{Config, Event, Instant};
/// use tickwire_sim::pair::{CLIENT, Pair, SERVER};
///
/// let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
/// pair.connect(1);
/// pair.record();
/// pair.send(CLIENT, 0, "hello");
/// pair.flush();
/// assert_eq!(pair.count(SERVER, |event| matches!(event, Event::Message { .. })), 1);
/// ```
pub struct Pair {
    /// The current time of the pair, the same for both ends.
    pub now: Instant,
    /// The two endpoints, indexed by [`SERVER`] and [`CLIENT`].
    pub ends: [Endpoint; 2],
    /// The path by which each end is reached from the other end, indexed by the end that is reached.
    pub paths: [Path; 2],
    /// The ids of each end's connections, in the order in which the connections were made.
    pub connections: [Vec<ConnectionId>; 2],
    /// The events that each end has reported since the call of [`Pair::record`].
    pub told: [Vec<Event>; 2],
    /// The number of bytes in the datagrams that each end wrote, including dropped datagrams.
    pub written: [u64; 2],
    /// The effect of the network on datagrams. Initially the network delivers all datagrams unchanged.
    pub harm: Harm,
    /// The size of the buffer into which the ends write datagrams, in bytes. A larger buffer holds several datagrams of
    /// one transmit.
    pub room: usize,
    is_recording: bool,
    buffer: Vec<u8>,
}

impl core::fmt::Debug for Pair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pair").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Pair {
    /// Creates a server that accepts every client, and a client. Both use the settings of `config`, except
    /// [`Config::access`].
    ///
    /// # Panics
    /// If the core rejects the configuration.
    #[must_use]
    pub fn new(now: Instant, config: &Config) -> Self {
        let build = |end: usize| {
            let mut config = config.clone();
            config.access = [Access::Open, Access::Closed][end];
            let number = end as u8;
            Endpoint::new(config, Secrets::new([number + 1; 32]), [number + 7; 32], now)
                .expect("the core accepts the configuration")
        };
        Self::of(now, [build(SERVER), build(CLIENT)])
    }

    /// Creates a pair of the given endpoints: first the server, then the client.
    #[must_use]
    pub fn of(now: Instant, ends: [Endpoint; 2]) -> Self {
        Self {
            now,
            ends,
            paths: [SERVER, CLIENT].map(|end| address(end).into()),
            connections: Default::default(),
            told: Default::default(),
            written: [0; 2],
            harm: Box::new(|_, _| true),
            room: 1200,
            is_recording: false,
            buffer: Vec::new(),
        }
    }

    /// Begins to record events: later events of both ends are appended to `told`.
    pub fn record(&mut self) {
        self.is_recording = true;
    }

    /// Dials a further connection to the server, and pins the server's public key.
    pub fn dial(&mut self) -> ConnectionId {
        let options = ConnectOptions::new(self.ends[SERVER].public_key());
        self.dial_with(options)
    }

    /// Dials a further connection to the server, with the options `options`.
    ///
    /// # Panics
    /// If the client rejects the call.
    pub fn dial_with(&mut self, options: ConnectOptions) -> ConnectionId {
        self.ends[CLIENT]
            .connect(self.now, self.paths[SERVER], options)
            .expect("the client accepts the call to dial")
    }

    /// Makes `count` connections, one after another.
    ///
    /// # Panics
    /// If each end does not have exactly `count` established connections afterwards.
    pub fn connect(&mut self, count: usize) {
        for _ in 0..count {
            self.dial();
            self.flush();
        }
        let made = self.connections.each_ref().map(Vec::len);
        assert_eq!(made, [count, count], "the numbers of established connections at server and client");
    }

    /// Connects the ends by a link, which carries their datagrams from then on. If a link is already open, the call
    /// replaces its properties.
    ///
    /// # Panics
    /// If an end rejects the link.
    pub fn open_link(&mut self, properties: LinkProperties) {
        self.paths = [LinkId(1).into(); 2];
        for end in &mut self.ends {
            end.open_link(self.now, LinkId(1), properties, None).expect("the core accepts the link");
        }
    }

    /// Reports to both ends that the link between them has closed.
    pub fn close_link(&mut self) {
        for end in &mut self.ends {
            end.close_link(self.now, LinkId(1));
        }
    }

    /// Sends a message on the first connection of an end, and returns the id of the message.
    ///
    /// # Panics
    /// If the end has no connection, or does not accept the message.
    pub fn send(&mut self, end: usize, channel: u8, message: impl Into<Bytes>) -> MessageId {
        let connection = self.connections[end][0];
        let sent = self.ends[end].send(self.now, connection, ChannelId(channel), message);
        sent.expect("the end accepts the message")
    }

    /// Returns all datagrams that an end is ready to send.
    pub fn take(&mut self, end: usize) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        while self.take_some(end, &mut taken) {}
        taken
    }

    /// Appends the datagrams of one transmit of an end to `taken`. Returns whether there were any datagrams.
    pub fn take_some(&mut self, end: usize, taken: &mut Vec<Vec<u8>>) -> bool {
        self.buffer.resize(self.room, 0);
        let Some(transmit) = self.ends[end].poll_transmit(self.now, &mut self.buffer) else {
            return false;
        };
        self.written[end] += transmit.size as u64;
        taken.extend(transmit.datagrams(&self.buffer).map(<[u8]>::to_vec));
        true
    }

    /// Delivers a datagram to an end, as if it came from the other end.
    pub fn give(&mut self, end: usize, datagram: &mut [u8]) {
        self.ends[end].handle_datagram(self.now, self.paths[1 - end], Ecn::NotCapable, datagram);
    }

    /// Returns all events that an end has queued.
    pub fn events(&mut self, end: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.ends[end].poll_event() {
            if let Event::Connected { connection, .. } = event {
                self.connections[end].push(connection);
            }
            events.push(event);
        }
        if self.is_recording {
            self.told[end].extend_from_slice(&events);
        }
        events
    }

    /// Takes the datagrams that an end is ready to send, and passes them through the network to the other end. Returns
    /// whether there were any datagrams. The call takes no events.
    pub fn exchange(&mut self, end: usize) -> bool {
        let taken = self.take(end);
        let is_any = !taken.is_empty();
        for mut datagram in taken {
            if (self.harm)(end, &mut datagram) {
                self.give(1 - end, &mut datagram);
            }
        }
        is_any
    }

    /// Exchanges datagrams, and takes the events of both ends, until neither end has a datagram to send.
    ///
    /// # Panics
    /// If the ends do not stop sending.
    pub fn flush(&mut self) {
        for _ in 0..EXCHANGES_MAX {
            let is_talking = [SERVER, CLIENT].map(|end| {
                let is_any = self.exchange(end);
                self.events(end);
                is_any
            });
            if is_talking == [false, false] {
                return;
            }
        }
        unreachable!("the two ends do not stop sending");
    }

    /// Advances the time by `time`, and calls both ends as correct drivers do.
    ///
    /// # Panics
    /// If the ends do not stop sending.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.flush();
            let [one, other] = self.ends.each_ref().map(|end| end.poll_timeout().0);
            let next = one.min(other);
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.ends.iter_mut().for_each(|end| end.handle_timeout(next));
        }
        self.now = end;
    }

    /// Returns the number of recorded events of an end for which `matches` returns `true`.
    pub fn count(&self, end: usize, matches: impl Fn(&Event) -> bool) -> usize {
        self.told[end].iter().filter(|event| matches(event)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{CLIENT, Duration, Event, Pair, SERVER};
    use tickwire_core::{Config, Instant};

    #[test]
    fn a_pair_delivers_each_datagram_in_zero_time_unless_its_harm_function_drops_it() {
        let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
        pair.record();
        pair.connect(1);
        assert_eq!(pair.now, Instant::ZERO);
        pair.harm = Box::new(|end, _| end != CLIENT);
        pair.send(CLIENT, 0, "late");
        pair.flush();
        let is_message = |event: &Event| matches!(event, Event::Message { .. });
        assert_eq!(pair.count(SERVER, is_message), 0);
        pair.harm = Box::new(|_, _| true);
        pair.pass(Duration::from_secs(2));
        assert_eq!(pair.count(SERVER, is_message), 1);
        assert_eq!(pair.now, Instant::ZERO + Duration::from_secs(2));
    }
}
