//! An endpoint wrapper that checks the output of each call against the driver contract.

use std::collections::{BTreeMap, BTreeSet};

use tickwire_core::{
    Address, ConnectOptions, ConnectionId, Ecn, Endpoint, Event, Instant, Path, TimeoutCause,
};

use crate::channels::memory_most;

/// The number of calls after which the endpoint is considered never to become idle.
const CALLS_MOST: usize = 20_000;

/// An endpoint whose output [`Watched::settle`] and [`Watched::settle_slowly`] check.
pub struct Watched {
    /// The endpoint whose output is checked.
    pub endpoint: Endpoint,
    max_message: usize,
    closed: BTreeMap<ConnectionId, bool>,
    heard: BTreeMap<Address, u64>,
    said: BTreeMap<Address, u64>,
    /// The addresses that are validated, or that this endpoint dials.
    known: BTreeSet<Address>,
}

/// The output of an endpoint from one call of [`Watched::settle`].
#[derive(Default)]
pub struct Output {
    /// The datagrams that the endpoint wrote, each with its destination.
    pub datagrams: Vec<(Address, Vec<u8>)>,
    /// The events that the endpoint reported.
    pub events: Vec<Event>,
}

impl Watched {
    /// Creates a watched endpoint, which accepts messages of up to `max_message` bytes.
    #[must_use]
    pub const fn new(endpoint: Endpoint, max_message: usize) -> Self {
        Self {
            endpoint,
            max_message,
            closed: BTreeMap::new(),
            heard: BTreeMap::new(),
            said: BTreeMap::new(),
            known: BTreeSet::new(),
        }
    }

    /// Dials a connection. Returns `None` if the endpoint rejects the call.
    pub fn connect(
        &mut self,
        now: Instant,
        to: impl Into<Path>,
        options: ConnectOptions,
    ) -> Option<ConnectionId> {
        let to = to.into();
        self.known.insert(to.remote);
        self.endpoint.connect(now, to, options).ok()
    }

    /// Exempts an address from the amplification check. A test calls this method if the handshake with the address did not
    /// pass through this type.
    pub fn vouch(&mut self, address: impl Into<Address>) {
        self.known.insert(address.into());
    }

    /// Passes a datagram to the endpoint.
    pub fn hear(&mut self, now: Instant, from: impl Into<Path>, datagram: &[u8]) {
        let from = from.into();
        *self.heard.entry(from.remote).or_default() += datagram.len() as u64;
        self.endpoint.handle_datagram(now, from, Ecn::NotCapable, &mut datagram.to_vec());
    }

    /// Returns the number of bytes of the datagrams that the endpoint received.
    #[must_use]
    pub fn heard_bytes(&self) -> u64 {
        self.heard.values().sum()
    }

    /// Runs all timers that are due, and takes and checks all datagrams and events of the endpoint.
    pub fn settle(&mut self, now: Instant) -> Output {
        let mut output = Output::default();
        for call in 0.. {
            assert!(call < CALLS_MOST, "the endpoint does not become idle");
            self.endpoint.handle_timeout(now);
            self.transmit(now, &mut output.datagrams);
            self.take(usize::MAX, &mut output.events);
            let (at, cause) = self.endpoint.poll_timeout();
            assert_eq!(
                (at, cause),
                self.endpoint.poll_timeout(),
                "a second call of `poll_timeout` returned a different result"
            );
            if at > self.endpoint.now() || cause == TimeoutCause::Nothing {
                break;
            }
        }
        let before = output.datagrams.len();
        self.transmit(now, &mut output.datagrams);
        assert_eq!(
            before,
            output.datagrams.len(),
            "the endpoint had datagrams that `poll_timeout` did not report as due"
        );
        assert_eq!(
            self.endpoint.poll_event(),
            None,
            "the endpoint had an event that `poll_timeout` did not report as due"
        );
        self.judge(&output);
        output
    }

    /// Runs all timers that are due, and takes and checks all datagrams but at most `most` events, as a slow
    /// application does.
    pub fn settle_slowly(&mut self, now: Instant, most: usize) -> Output {
        let mut output = Output::default();
        self.endpoint.handle_timeout(now);
        self.transmit(now, &mut output.datagrams);
        self.take(most, &mut output.events);
        self.judge(&output);
        output
    }

    /// Panics if the endpoint still lists a connection that it has reported as closed.
    pub fn expect_nothing_left(&self) {
        let left = self.endpoint.connections().find(|id| self.closed.get(id) == Some(&true));
        assert_eq!(left, None, "the endpoint lists a closed connection");
    }

    fn transmit(&mut self, now: Instant, datagrams: &mut Vec<(Address, Vec<u8>)>) {
        let mut buffer = [0; 8192];
        let before = datagrams.len();
        while let Some(transmit) = self.endpoint.poll_transmit(now, &mut buffer) {
            assert!(transmit.size > 0 && transmit.size <= buffer.len());
            assert!(transmit.segment_size <= transmit.size);
            for datagram in transmit.datagrams(&buffer) {
                assert!(
                    (4..16).contains(&datagram[0]),
                    "the first byte of a datagram is outside the range 4 to 15"
                );
                datagrams.push((transmit.path.remote, datagram.to_vec()));
            }
            assert!(datagrams.len() - before < CALLS_MOST, "the endpoint does not stop sending");
        }
    }

    fn take(&mut self, most: usize, events: &mut Vec<Event>) {
        for _ in 0..most {
            let Some(event) = self.endpoint.poll_event() else { break };
            self.order(&event);
            events.push(event);
        }
    }

    /// Checks the order of events: `Connected` is the first event of a connection, and `Closed` is the last.
    fn order(&mut self, event: &Event) {
        let connection = event.connection();
        match event {
            Event::Connected { address, .. } => {
                assert!(
                    self.closed.insert(connection, false).is_none(),
                    "a connection reported Connected twice or after Closed"
                );
                self.known.insert(*address);
            }
            Event::Closed { .. } => {
                assert_ne!(
                    self.closed.insert(connection, true),
                    Some(true),
                    "a connection reported Closed twice"
                );
            }
            other => {
                assert_eq!(
                    self.closed.get(&connection),
                    Some(&false),
                    "{other:?} was reported before Connected or after Closed"
                );
                if let Event::Moved { address, .. } | Event::Resumed { address, .. } = other {
                    self.known.insert(*address);
                }
            }
        }
    }

    fn judge(&mut self, output: &Output) {
        // Told later than it was sent, if the application is slow.
        let connections: Vec<_> = self.endpoint.connections().collect();
        self.known.extend(connections.iter().filter_map(|id| self.endpoint.address(*id)));
        for (to, datagram) in &output.datagrams {
            let said = self.said.entry(*to).or_default();
            *said += datagram.len() as u64;
            let heard = self.heard.get(to).copied().unwrap_or(0);
            assert!(
                self.known.contains(to) || *said <= heard,
                "the endpoint sent {said} bytes to {to}, which sent {heard} bytes and is not validated"
            );
        }
        let most = memory_most(self.max_message) * connections.len() as u64;
        assert!(
            self.endpoint.memory() <= most,
            "the endpoint holds {} bytes for peers, which exceeds the limit of {most} bytes",
            self.endpoint.memory()
        );
    }
}
