//! Sessions that the client moves from one path to another while they are connected.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use tickwire_core::error::ResumeOverError;
use tickwire_core::rng::Rng;
use tickwire_core::{
    Access, Address, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint,
    Event, Instant, LinkId, LinkProperties, ResumeOverFailure, Secrets,
};

const STREAM: LinkProperties =
    LinkProperties { reliable: true, ordered: true, congestion_controlled: true, max_datagram: 1140 };
const LINK: LinkId = LinkId(1);
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);
const DELAY: Duration = Duration::from_millis(30);
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// A server and a client that are joined by a UDP path and by a link.
struct TwoPaths {
    now: Instant,
    ends: [Endpoint; 2],
    addresses: [SocketAddr; 2],
    events: [Vec<Event>; 2],
    connections: [ConnectionId; 2],
    flying: Vec<(Instant, usize, Address, Vec<u8>)>,
    has_udp: bool,
    has_link: bool,
    /// The share of UDP datagrams that are lost, in percent.
    loss: u64,
    rng: Rng,
    /// The number of messages that each end has sent.
    sent: u32,
}

fn endpoint(number: u8, access: Access) -> Endpoint {
    let mut config = Config::new(1);
    config.access = access;
    config.idle_timeout = SECOND * 2;
    config.heartbeat = Duration::from_millis(300);
    let mut endpoint =
        Endpoint::new(config, Secrets::new([number; 32]), [number; 32], Instant::ZERO).unwrap();
    endpoint.open_link(Instant::ZERO, LINK, STREAM, None).unwrap();
    endpoint
}

impl TwoPaths {
    /// Creates a pair that is connected over UDP. `seed` determines the lost datagrams.
    fn new(seed: u8) -> Self {
        let mut paths = Self {
            now: Instant::ZERO,
            ends: [endpoint(1, Access::Open), endpoint(2, Access::Closed)],
            addresses: ["10.0.0.1:7777", "10.0.0.2:4000"].map(|address| address.parse().unwrap()),
            events: Default::default(),
            connections: Default::default(),
            flying: Vec::new(),
            has_udp: true,
            has_link: true,
            loss: 0,
            rng: Rng::from_seed([seed; 32]),
            sent: 0,
        };
        let options = ConnectOptions::new(paths.ends[SERVER].public_key());
        let to = paths.addresses[SERVER];
        let dialled = paths.ends[CLIENT].connect(paths.now, to, options).unwrap();
        paths.pass(SECOND);
        let accepted = paths.events[SERVER].iter().find_map(|event| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        });
        paths.connections = [accepted.unwrap(), dialled];
        paths
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(1);
            let now = self.now;
            let (due, later) = std::mem::take(&mut self.flying).into_iter().partition(|(at, ..)| *at <= now);
            self.flying = later;
            let due: Vec<_> = due;
            for (_, to, from, mut bytes) in due {
                self.ends[to].handle_datagram(now, from, Ecn::NotCapable, &mut bytes);
            }
            for index in [SERVER, CLIENT] {
                self.ends[index].handle_timeout(now);
                self.drain(index);
            }
        }
    }

    fn drain(&mut self, index: usize) {
        let mut buffer = [0; 4096];
        while let Some(transmit) = self.ends[index].poll_transmit(self.now, &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                let (arrives, from) = match transmit.path.remote {
                    Address::Udp(to) if to == self.addresses[1 - index] => {
                        (self.has_udp && self.rng.below(100) >= self.loss, self.addresses[index].into())
                    }
                    Address::Link(LINK) => (self.has_link, LINK.into()),
                    _ => continue,
                };
                if arrives {
                    self.flying.push((self.now + DELAY, 1 - index, from, datagram.to_vec()));
                }
            }
        }
        while let Some(event) = self.ends[index].poll_event() {
            self.events[index].push(event);
        }
    }

    /// Breaks or restores the link at both ends.
    fn set_link(&mut self, has_link: bool) {
        if std::mem::replace(&mut self.has_link, has_link) == has_link {
            return;
        }
        self.flying.retain(|(_, _, from, _)| !matches!(from, Address::Link(_)));
        for end in &mut self.ends {
            if has_link {
                end.open_link(self.now, LINK, STREAM, None).unwrap();
            } else {
                end.close_link(self.now, LINK);
            }
        }
    }

    /// Makes each end send `count` numbered messages, one each tick.
    fn send(&mut self, count: u32) {
        for _ in 0..count {
            for index in [SERVER, CLIENT] {
                let message = self.sent.to_le_bytes().to_vec();
                self.ends[index].send(self.now, self.connections[index], ChannelId(0), message).unwrap();
            }
            self.sent += 1;
            self.pass(TICK);
        }
    }

    fn resume_over(&mut self, to: impl Into<Address>) -> Result<(), ResumeOverError> {
        self.ends[CLIENT].resume_over(self.now, self.connections[CLIENT], to.into())
    }

    fn count(&self, index: usize, matches: impl Fn(&Event) -> bool) -> usize {
        self.events[index].iter().filter(|event| matches(event)).count()
    }

    fn failures(&self) -> Vec<ResumeOverFailure> {
        let failure = |event: &Event| match event {
            Event::ResumeOverFailed { failure, .. } => Some(failure.clone()),
            _ => None,
        };
        self.events[CLIENT].iter().filter_map(failure).collect()
    }

    /// Checks that each end received all messages once and in order, and was never interrupted nor closed.
    fn check_messages(&self) {
        for events in &self.events {
            let numbers: Vec<u32> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Message { data, .. } => Some(u32::from_le_bytes(data[..].try_into().unwrap())),
                    _ => None,
                })
                .collect();
            assert!(numbers == (0..self.sent).collect::<Vec<_>>(), "{} of {}", numbers.len(), self.sent);
        }
    }

    fn check_uninterrupted(&self) {
        let is_end = |event: &Event| matches!(event, Event::Interrupted { .. } | Event::Closed { .. });
        assert_eq!([SERVER, CLIENT].map(|index| self.count(index, is_end)), [0, 0]);
        assert_eq!([SERVER, CLIENT].map(|index| self.ends[index].connections().count()), [1, 1]);
    }
}

#[test]
fn a_session_moves_to_a_link_and_back_without_an_interruption_and_delivers_each_message_once() {
    let mut paths = TwoPaths::new(1);
    paths.loss = 10;
    paths.send(100);
    let udp = paths.addresses[SERVER];
    for (round, to) in [Address::from(LINK), udp.into(), LINK.into(), udp.into()].into_iter().enumerate() {
        paths.resume_over(to).unwrap();
        paths.send(100);
        for index in [SERVER, CLIENT] {
            let resumed = paths.count(index, |event| matches!(event, Event::Resumed { .. }));
            assert_eq!(resumed, round + 1, "end {index}");
        }
        let is_there = |event: &Event| matches!(event, Event::Resumed { address, .. } if *address == to);
        assert!(paths.count(CLIENT, is_there) > 0);
    }
    paths.pass(SECOND * 2);
    paths.check_messages();
    paths.check_uninterrupted();
}

#[test]
fn a_session_that_moved_delivers_all_messages_without_its_old_path() {
    let mut paths = TwoPaths::new(1);
    paths.resume_over(LINK).unwrap();
    paths.pass(SECOND);
    paths.has_udp = false;
    paths.send(500);
    paths.pass(SECOND);
    paths.check_messages();
    paths.check_uninterrupted();
}

#[test]
fn an_attempt_to_move_a_session_to_a_path_without_connectivity_fails_and_changes_nothing() {
    let mut paths = TwoPaths::new(1);
    let nowhere: SocketAddr = "10.9.9.9:1".parse().unwrap();
    paths.resume_over(nowhere).unwrap();
    assert_eq!(paths.resume_over(LINK), Err(ResumeOverError::AlreadyDialling));
    paths.send(1200);
    assert_eq!(paths.failures(), [ResumeOverFailure::TimedOut]);
    paths.pass(SECOND);
    paths.check_messages();
    paths.check_uninterrupted();
    assert_eq!(paths.count(CLIENT, |event| matches!(event, Event::Resumed { .. })), 0);
    paths.resume_over(LINK).unwrap();
    paths.send(100);
    assert_eq!(paths.count(CLIENT, |event| matches!(event, Event::Resumed { .. })), 1);
}

#[test]
fn an_attempt_to_move_a_session_to_a_server_without_this_session_fails_and_changes_nothing() {
    let mut paths = TwoPaths::new(1);
    // A second server with the same secrets, for example behind a load balancer.
    let mut other = endpoint(1, Access::Open);
    paths.has_link = false;
    paths.resume_over(LINK).unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..1000 {
        paths.now += Duration::from_millis(1);
        let now = paths.now;
        paths.ends[CLIENT].handle_timeout(now);
        for (from, to) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
            let mut datagrams = Vec::new();
            let end = if from == CLIENT { &mut paths.ends[CLIENT] } else { &mut other };
            while let Some(transmit) = end.poll_transmit(now, &mut buffer) {
                let sent = transmit.datagrams(&buffer).map(<[u8]>::to_vec);
                datagrams.extend(sent.filter(|_| transmit.path.remote == LINK.into()));
            }
            let end = if to == CLIENT { &mut paths.ends[CLIENT] } else { &mut other };
            for mut datagram in datagrams {
                end.handle_datagram(now, Address::from(LINK), Ecn::NotCapable, &mut datagram);
            }
        }
    }
    paths.pass(SECOND);
    assert_eq!(paths.failures(), [ResumeOverFailure::SessionLost]);
    paths.send(100);
    paths.pass(SECOND);
    paths.check_messages();
    paths.check_uninterrupted();
}

#[test]
fn a_connection_that_is_accepted_dialling_closing_or_unknown_cannot_move_to_another_path() {
    let mut paths = TwoPaths::new(1);
    let (now, accepted) = (paths.now, paths.connections[SERVER]);
    assert_eq!(
        paths.ends[SERVER].resume_over(now, accepted, LINK),
        Err(ResumeOverError::NotConnected),
        "the server did not dial"
    );
    assert_eq!(
        paths.ends[CLIENT].resume_over(now, ConnectionId::default(), LINK),
        Err(ResumeOverError::NotConnected)
    );
    let options = ConnectOptions::new(paths.ends[SERVER].public_key());
    let dialling = paths.ends[CLIENT].connect(now, LINK, options).unwrap();
    assert_eq!(paths.ends[CLIENT].resume_over(now, dialling, LINK), Err(ResumeOverError::NotConnected));
    paths.ends[CLIENT].close(now, paths.connections[CLIENT], 7, "");
    assert_eq!(paths.resume_over(LINK), Err(ResumeOverError::NotConnected));
}

#[test]
fn a_session_whose_old_path_fails_during_a_move_continues_over_the_new_path() {
    for after in (0..200).step_by(5) {
        let mut paths = TwoPaths::new(1);
        paths.send(20);
        paths.resume_over(LINK).unwrap();
        paths.pass(Duration::from_millis(after));
        paths.has_udp = false;
        paths.send(100);
        paths.pass(SECOND * 3);
        paths.check_messages();
        paths.check_uninterrupted();
    }
}

#[test]
fn a_close_during_the_move_of_a_session_ends_the_session_once_at_both_ends() {
    for after in (0..200).step_by(5) {
        let mut paths = TwoPaths::new(1);
        paths.resume_over(LINK).unwrap();
        paths.pass(Duration::from_millis(after));
        let (now, connection) = (paths.now, paths.connections[CLIENT]);
        paths.ends[CLIENT].close(now, connection, 7, "");
        paths.pass(SECOND * 5);
        let is_local =
            |event: &Event| matches!(event, Event::Closed { reason: CloseReason::Local { .. }, .. });
        let is_peer =
            |event: &Event| matches!(event, Event::Closed { reason: CloseReason::Peer { code: 7, .. }, .. });
        assert_eq!((paths.count(CLIENT, is_local), paths.count(SERVER, is_peer)), (1, 1), "after {after} ms");
        assert_eq!([SERVER, CLIENT].map(|index| paths.ends[index].connections().count()), [0, 0]);
    }
}

/// Moves a session at random times between two paths that break at random times, but never both.
#[test]
fn sessions_that_move_between_breaking_paths_deliver_each_message_once_and_in_order() {
    for seed in 0..60 {
        let mut paths = TwoPaths::new(seed);
        paths.loss = u64::from(seed % 4) * 5;
        for _ in 0..40 {
            match paths.rng.below(6) {
                0 => {
                    paths.set_link(true);
                    paths.has_udp = false;
                }
                1 => {
                    paths.has_udp = true;
                    paths.set_link(false);
                }
                2 => {
                    paths.has_udp = true;
                    paths.set_link(true);
                }
                // An attempt that runs already is an error, which changes nothing.
                3 => _ = paths.resume_over(LINK),
                4 => {
                    let udp = paths.addresses[SERVER];
                    _ = paths.resume_over(udp);
                }
                _ => {}
            }
            let ticks = paths.rng.below(60) as u32;
            paths.send(ticks);
        }
        paths.has_udp = true;
        paths.set_link(true);
        paths.loss = 0;
        paths.pass(SECOND * 12);
        paths.check_messages();
        let is_closed = |event: &Event| matches!(event, Event::Closed { .. });
        assert_eq!([SERVER, CLIENT].map(|index| paths.count(index, is_closed)), [0, 0], "seed {seed}");
        assert_eq!([SERVER, CLIENT].map(|index| paths.ends[index].connections().count()), [1, 1]);
    }
}
