//! A client that sleeps for hours, and its connection after it wakes.

use super::*;

/// A client that sleeps, and the changes of the clocks during the sleep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Night {
    pub(super) came: Came,
    pub(super) seconds: u64,
    /// `true` if the monotonic clock of the sleeping client continues.
    pub(super) goes_on: bool,
    /// The number of seconds by which the server's wall clock is corrected when the server restarts. `None` if the
    /// server does not restart.
    pub(super) restarts: Option<i64>,
    /// The errors of the wall clocks of server and client at the beginning, in seconds.
    pub(super) off: [i64; 2],
}

impl Night {
    pub(super) const fn new(came: Came, seconds: u64) -> Self {
        Self { came, seconds, goes_on: false, restarts: None, off: [0, 0] }
    }

    /// Creates a server and a client that are connected.
    pub(super) fn evening(&self) -> (Net, ConnectionId) {
        let wall = self.off.map(|off| shifted(WALL, off));
        let mut config = Config::new(APPLICATION);
        config.wall_offset = wall[1];
        config.access = if self.came == Came::AsPeer { Access::Peers } else { Access::Closed };
        let client = Node::new(config, Secrets::new(CLIENT), 2, "10.0.0.2:4000", Instant::ZERO);
        let nodes = vec![server(self.came, 1, Instant::ZERO, wall[0]), client];
        let mut net = Net::new(nodes, Duration::from_millis(50));
        let key = net.nodes[0].endpoint.public_key();
        let options = match self.came {
            Came::Openly => ConnectOptions::new(key),
            Came::AsPeer => ConnectOptions::peer(PSK, key),
            Came::WithTicket | Came::WithTicketToOpen => {
                ConnectOptions::new(key).ticket(ticket(wall[0] + HOUR * 1_000_000, 1))
            }
        };
        let connection = net.connect_with(options);
        net.run_for(SECOND * 10);
        assert_eq!(net.nodes[1].endpoint.state(connection), ConnectionState::Connected, "{self:?}");
        (net, connection)
    }

    /// Lets the client sleep. Then runs for one second from the client's first datagram that reaches the server.
    pub(super) fn pass(&self, net: &mut Net) {
        let half = Duration::from_millis(self.seconds * 500);
        net.nodes[1].is_up = false;
        net.run_for(half);
        if let Some(correction) = self.restarts {
            net.nodes[0] = server(self.came, 3, net.now, shifted(WALL, self.off[0] + correction));
        }
        net.run_for(half);
        net.nodes[1].is_up = true;
        if !self.goes_on {
            net.nodes[1].behind = half * 2;
        }
        let first = Rc::new(Cell::new(false));
        let seen = Rc::clone(&first);
        net.filter = Box::new(move |_, node, _| {
            seen.set(seen.get() || node == 1);
            Pass::Deliver
        });
        net.run_until(SECOND * 6, |_| first.get());
        net.run_for(net.delay + SECOND);
    }

    /// Returns whether the server still has the session when the client wakes.
    pub(super) const fn is_kept(&self) -> bool {
        self.restarts.is_none() && self.seconds <= KEPT
    }

    /// Checks that a client without a ticket is connected again.
    pub(super) fn ends_well(&self) {
        let (mut net, before) = self.evening();
        self.pass(&mut net);
        let client = net.nodes[1].connected().unwrap();
        if self.is_kept() {
            assert_eq!(client, before, "the session was kept: {self:?}");
            let closed = |event: &Event| matches!(event, Event::Closed { .. });
            assert!(!net.nodes.iter().any(|node| node.has(closed)), "{self:?}");
        } else {
            assert_ne!(client, before, "{self:?}: {:#?}", net.nodes[1].events);
            let takes_over = |event: &Event| matches!(event, Event::Connected { replaces, .. } if *replaces == Some(before));
            assert!(net.nodes[1].has(takes_over), "{self:?}");
        }
        let server = net.nodes[0].connected().unwrap();
        if matches!(self.came, Came::WithTicket | Came::WithTicketToOpen) {
            let anonymous =
                |event: &Event| matches!(event, Event::Connected { peer, .. } if peer.identity != IDENTITY);
            assert!(!net.nodes[0].has(anonymous), "{self:?}");
        }
        for (node, connection) in [(0, server), (1, client)] {
            let state = net.nodes[node].endpoint.state(connection);
            assert_eq!(state, ConnectionState::Connected, "node {node}, {self:?}");
            net.send(node, connection, 0, vec![1; 10]);
        }
        net.run_for(SECOND);
        for node in &net.nodes {
            assert_eq!(node.messages(), [(ChannelId(0), vec![1; 10])], "{self:?}");
        }
    }

    /// Returns every combination of sleep and clocks in which the wall clock of the node `end` is wrong.
    pub(super) fn all(came: Came, end: usize) -> impl Iterator<Item = Self> {
        let nights = SLEEPS.into_iter().flat_map(|seconds| OFF.map(|off| (seconds, off)));
        nights.flat_map(move |(seconds, off)| {
            let mut offs = [0; 2];
            offs[end] = off;
            let night = Self { off: offs, ..Self::new(came, seconds) };
            let corrected = if end == 0 { -off } else { off };
            let restarted = Self { restarts: Some(corrected), ..night };
            [night, restarted]
                .into_iter()
                .flat_map(|night| [false, true].map(|goes_on| Self { goes_on, ..night }))
        })
    }
}
