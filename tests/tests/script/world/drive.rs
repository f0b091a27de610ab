//! Drives the endpoints of a world in every way that the contract allows.

use super::*;

impl World {
    pub(crate) fn handle_timeout(&mut self, index: usize) {
        let now = self.time(index);
        self.nodes[index].endpoint.handle_timeout(now);
    }

    /// Calls `poll_transmit`. Returns whether the endpoint wrote datagrams.
    pub(crate) fn poll_transmit(&mut self, index: usize, buffer: &mut [u8]) -> bool {
        let due = self.nodes[index].endpoint.poll_timeout();
        let now = self.time(index);
        let node = &mut self.nodes[index];
        let Some(transmit) = node.endpoint.poll_transmit(now, buffer) else { return false };
        if due.0 > node.latest || due.1 != TimeoutCause::Transmit {
            let text = format!("a datagram at {:?}, and poll_timeout said {due:?}", node.latest);
            self.fault(2, text);
        }
        let at = self.now;
        for datagram in transmit.datagrams(buffer) {
            let to = transmit.path.remote;
            let (length, hash) = (datagram.len(), hash_of(datagram));
            self.trace.push(Output::Datagram {
                node: index,
                at,
                to,
                length,
                segment: transmit.segment_size,
                hash,
            });
            self.launch(index, to, datagram);
        }
        true
    }

    pub(super) fn launch(&mut self, index: usize, to: Address, datagram: &[u8]) {
        let (to, from) = match to {
            Address::Udp(to) => match self.nodes.iter().position(|node| node.address == to) {
                Some(place) => (place, Address::from(self.nodes[index].address)),
                None => return,
            },
            Address::Link(link) => {
                let near = link.0 as usize;
                (if near == index { (near + 1) % NODES } else { near }, Address::Link(link))
            }
        };
        // The network holds only so much; what is lost there is lost.
        if self.flight.len() < 5000 {
            self.flight.push(Flying { at: self.now + DELAY, to, from, bytes: datagram.to_vec() });
        }
    }

    /// Calls `poll_event`. Returns whether there was an event.
    pub(crate) fn poll_event(&mut self, index: usize) -> bool {
        let node = &mut self.nodes[index];
        let due = node.endpoint.poll_timeout();
        let Some(event) = node.endpoint.poll_event() else { return false };
        if due.0 > node.latest || !matches!(due.1, TimeoutCause::Transmit | TimeoutCause::Event) {
            let text = format!("an event at {:?}, and poll_timeout said {due:?}", node.latest);
            self.fault(2, text);
        }
        self.live(index, &event);
        let text = match &event {
            Event::Message { connection, channel, data } => {
                self.nodes[index].received += data.len() as u64;
                format!("Message {connection:?} {channel:?} {} bytes", data.len())
            }
            other => format!("{other:?}"),
        };
        let event = match &event {
            Event::Message { data, .. } => hash_of(data),
            _ => 0,
        };
        self.trace.push(Output::Event { node: index, at: self.now, event, text });
        true
    }

    /// Checks the order of events: `Connected` is the first event of a connection, and `Closed` is the last.
    pub(super) fn live(&mut self, index: usize, event: &Event) {
        let connection = event.connection();
        let node = &mut self.nodes[index];
        if !node.connections.contains(&connection) {
            node.connections.push(connection);
        }
        let life = node.lives.entry(connection).or_default();
        let before = *life;
        let in_order = match event {
            Event::Connected { .. } => {
                life.connected = true;
                !before.connected && !before.closed
            }
            Event::Closed { .. } => {
                life.closed = true;
                !before.closed
            }
            _ => before.connected && !before.closed,
        };
        let is_over = !life.closed
            || node.endpoint.state(connection) == ConnectionState::Disconnected
            || node.endpoint.state(connection) == ConnectionState::Disconnecting;
        if !in_order || !is_over {
            self.fault(11, format!("{event:?} of a connection with {before:?}"));
        }
    }

    /// Runs a network without faults, with drivers that behave as the setup specifies.
    pub(super) fn run(&mut self, time: Duration) {
        // A driver whose clock fell behind what it once said waits for it.
        let latest = self.nodes.iter().map(|node| node.latest).max();
        let start = latest.map_or(self.now, |latest| latest.max(self.now));
        let end = start + time;
        if end >= Instant::MAX - Duration::from_secs(1) {
            return;
        }
        self.now = start;
        for _ in 0..20_000 {
            for index in 0..NODES {
                self.drive(index);
            }
            if !self.faults.is_empty() {
                break;
            }
            let next = self.next_time(end);
            if next >= end {
                break;
            }
            self.now = self.now.max(next);
            self.land();
        }
        self.now = end;
        if let Manner::Orderly { .. } = self.setup.manner {
            // However often they were asked, all endpoints know the same time now.
            (0..NODES).for_each(|index| self.call_early(index));
            (0..NODES).for_each(|index| self.drive(index));
        }
    }

    /// Calls `handle_timeout` although it is not due. The call must have no effect.
    pub(super) fn call_early(&mut self, index: usize) {
        let (when, cause) = self.nodes[index].endpoint.poll_timeout();
        if when <= self.now {
            return;
        }
        let before = self.visible(index);
        self.handle_timeout(index);
        let after = self.visible(index);
        if before != after {
            let now = self.now;
            self.fault(5, format!("{cause:?} was due at {when:?}, but at {now:?} {before} became {after}"));
        }
    }

    /// Returns the visible state of a node, except the time.
    pub(super) fn visible(&self, index: usize) -> String {
        let endpoint = &self.nodes[index].endpoint;
        let connections = endpoint.connections().map(|connection| {
            let mut stats = endpoint.stats(connection);
            if let Some(stats) = &mut stats {
                stats.uptime = Duration::ZERO;
            }
            let channels: Vec<_> =
                (0..6).map(|channel| endpoint.channel_stats(connection, ChannelId(channel))).collect();
            (connection, endpoint.state(connection), endpoint.address(connection), stats, channels)
        });
        let connections: Vec<_> = connections.collect();
        let (half_open, memory, due) = (endpoint.half_open(), endpoint.memory(), endpoint.poll_timeout());
        format!("{half_open} {memory} {due:?} {connections:?}")
    }

    pub(super) fn next_time(&self, end: Instant) -> Instant {
        let mut next = end;
        if let Manner::Orderly { every: Some(every), .. } = self.setup.manner {
            next = next.min(self.now + every);
        }
        let landings = self.flight.iter().map(|flying| flying.at.max(self.now));
        let timeouts = self.nodes.iter().map(|node| node.endpoint.poll_timeout().0.max(self.now));
        landings.chain(timeouts).fold(next, Instant::min)
    }

    pub(super) fn land(&mut self) {
        let now = self.now;
        let (due, still) = self.flight.drain(..).partition(|flying: &Flying| flying.at <= now);
        self.flight = still;
        let mut due: Vec<Flying> = due;
        due.sort_by_key(|flying| flying.at);
        for flying in due {
            self.deliver(flying);
        }
    }

    pub(super) fn drive(&mut self, index: usize) {
        let mut buffer = [0; 4096];
        match self.setup.manner {
            Manner::CauseOnly => {
                for _ in 0..10_000 {
                    let (when, cause) = self.nodes[index].endpoint.poll_timeout();
                    if when > self.now {
                        return;
                    }
                    match cause {
                        TimeoutCause::Transmit => _ = self.poll_transmit(index, &mut buffer),
                        TimeoutCause::Event => _ = self.poll_event(index),
                        _ => self.handle_timeout(index),
                    }
                }
                let due = self.nodes[index].endpoint.poll_timeout();
                self.fault(2, format!("node {index} was called in vain 10,000 times: {due:?}"));
            }
            Manner::Orderly { order, .. } => {
                const ORDERS: [[u8; 3]; 6] =
                    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
                for call in ORDERS[usize::from(order) % 6] {
                    match call {
                        0 => self.handle_timeout(index),
                        1 => while self.poll_transmit(index, &mut buffer) {},
                        _ => while self.poll_event(index) {},
                    }
                }
            }
        }
    }

    /// Calls `handle_timeout` and takes all outputs until nothing is due. Returns the number of rounds, or `None` after
    /// `most` rounds.
    pub(crate) fn settle(&mut self, index: usize, most: usize) -> Option<usize> {
        let mut buffer = [0; 4096];
        for round in 0..most {
            self.handle_timeout(index);
            let mut drained = 0;
            while self.poll_transmit(index, &mut buffer) || self.poll_event(index) {
                drained += 1;
                if drained > 100_000 {
                    return None;
                }
            }
            let (when, cause) = self.nodes[index].endpoint.poll_timeout();
            if when > self.nodes[index].latest || cause == TimeoutCause::Nothing {
                return Some(round + 1);
            }
        }
        None
    }
}
