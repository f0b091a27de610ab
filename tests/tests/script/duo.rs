//! Two endpoints and nothing in between: what one writes the other gets at once, or when a test says so.

use std::net::SocketAddr;

use tickwire_core::wire::{DataHeader, Frame, FrameReader};
use tickwire_core::{
    Access, Bytes, ChannelId, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event, Instant,
    MessageId, Secrets,
};

use super::provider;

/// The end that accepts.
pub(crate) const SERVER: usize = 0;
/// The end that dials.
pub(crate) const CLIENT: usize = 1;

/// Two endpoints with any number of connections between them.
pub(crate) struct Duo {
    pub(crate) ends: [Endpoint; 2],
    /// The ends of the connections, in the order in which they were made.
    pub(crate) connections: [Vec<ConnectionId>; 2],
    pub(crate) now: Instant,
    buffer: Vec<u8>,
}

pub(crate) fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + end as u8], 7777))
}

impl Duo {
    /// Two endpoints on the null provider, unless `change` puts them on another one.
    pub(crate) fn new(change: impl Fn(&mut Config)) -> Self {
        let now = Instant::ZERO + Duration::from_secs(1);
        let build = |end: usize| {
            let mut config = Config::new(4);
            config.dont_fragment = true;
            config.provider = provider::null();
            config.access = [Access::Open, Access::Closed][end];
            config.max_connections = 20_000;
            config.max_connections_per_source = Some(20_000);
            (config.handshake_rate, config.handshake_burst) = (1_000_000, 1_000_000);
            config.cookie_threshold = usize::MAX;
            change(&mut config);
            Endpoint::new(config, Secrets::new([end as u8 + 1; 32]), [end as u8 + 7; 32], now).unwrap()
        };
        Self {
            ends: [build(SERVER), build(CLIENT)],
            connections: [vec![], vec![]],
            now,
            buffer: vec![0; 65_536],
        }
    }

    /// With so many connections, all of them silent.
    pub(crate) fn connected(count: usize, change: impl Fn(&mut Config)) -> Self {
        let mut duo = Self::new(change);
        for _ in 0..count {
            duo.dial();
            duo.flush();
        }
        assert_eq!(duo.connections.each_ref().map(Vec::len), [count, count]);
        duo.pass(Duration::from_millis(200));
        duo
    }

    /// Begins another connection.
    pub(crate) fn dial(&mut self) -> ConnectionId {
        let options = ConnectOptions::new(self.ends[SERVER].public_key());
        self.ends[CLIENT].connect(self.now, address(SERVER), options).unwrap()
    }

    pub(crate) fn send(&mut self, end: usize, channel: u8, message: impl Into<Bytes>) -> MessageId {
        let connection = self.connections[end][0];
        self.ends[end].send(self.now, connection, ChannelId(channel), message).unwrap()
    }

    /// What an end has to send.
    pub(crate) fn take(&mut self, end: usize) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        while let Some(datagram) = self.take_one(end) {
            taken.push(datagram);
        }
        taken
    }

    /// The next datagram that an end has to send.
    pub(crate) fn take_one(&mut self, end: usize) -> Option<Vec<u8>> {
        let buffer = &mut self.buffer[..1200];
        let transmit = self.ends[end].poll_transmit(self.now, buffer)?;
        Some(buffer[..transmit.size].to_vec())
    }

    /// Hands a datagram to an end, as if the other one had sent it.
    pub(crate) fn give(&mut self, end: usize, datagram: &mut [u8]) {
        self.ends[end].handle_datagram(self.now, address(1 - end), Ecn::NotCapable, datagram);
    }

    /// The events that wait at an end.
    pub(crate) fn events(&mut self, end: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.ends[end].poll_event() {
            if let Event::Connected { connection, .. } = event {
                self.connections[end].push(connection);
            }
            events.push(event);
        }
        events
    }

    /// Lets both ends talk until they are silent.
    pub(crate) fn flush(&mut self) {
        for _ in 0..10_000 {
            let mut silent = true;
            for end in [SERVER, CLIENT] {
                for mut datagram in self.take(end) {
                    silent = false;
                    self.give(1 - end, &mut datagram);
                }
                self.events(end);
            }
            if silent {
                return;
            }
        }
        panic!("the two never fall silent");
    }

    /// Lets time go by, with good drivers at both ends.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.flush();
            let next = self.ends.iter().map(|end| end.poll_timeout().0).min().unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.ends.iter_mut().for_each(|end| end.handle_timeout(next));
        }
        self.now = end;
    }
}

/// The frames of a data packet that the null provider left readable.
pub(crate) fn frames(datagram: &[u8]) -> Vec<Frame<'_>> {
    let header = DataHeader::read(datagram).unwrap();
    FrameReader::new(&datagram[header.header_len()..datagram.len() - 16]).map(Result::unwrap).collect()
}
