//! Links that the driver opens: what they promise, how much they take, and what becomes of a session when they break.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tickwire_core::drop::DropReason;
use tickwire_core::error::ConnectError;
use tickwire_core::{
    Access, ChannelId, CloseReason, Config, ConnectOptions, ConnectionId, Duration, Ecn, Endpoint, Event,
    Instant, LinkId, LinkProperties, Secrets,
};

const STREAM: LinkProperties =
    LinkProperties { reliable: true, ordered: true, congestion_controlled: true, max_datagram: 1140 };

/// Two endpoints joined by link 1 of each, without delay.
struct Pair {
    now: Instant,
    ends: [Endpoint; 2],
    events: [Vec<Event>; 2],
    written: [u64; 2],
    is_up: bool,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::ZERO;
        let mut config = Config::new(1);
        let client = Endpoint::new(config.clone(), Secrets::new([2; 32]), [2; 32], now).unwrap();
        config.access = Access::Open;
        let server = Endpoint::new(config, Secrets::new([1; 32]), [1; 32], now).unwrap();
        Self { now, ends: [server, client], events: [Vec::new(), Vec::new()], written: [0; 2], is_up: false }
    }

    fn open(&mut self) {
        self.is_up = true;
        let now = self.now;
        for end in &mut self.ends {
            end.open_link(now, LinkId(1), STREAM, None).unwrap();
        }
    }

    fn cut(&mut self) {
        self.is_up = false;
        let now = self.now;
        for end in &mut self.ends {
            end.close_link(now, LinkId(1));
        }
    }

    fn connect(&mut self) -> ConnectionId {
        let options = ConnectOptions::new(self.ends[0].public_key());
        let now = self.now;
        self.ends[1].connect(now, LinkId(1), options).unwrap()
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut buffer = [0; 8192];
        while self.now < end {
            for from in 0..2 {
                let now = self.now;
                while let Some(transmit) = self.ends[from].poll_transmit(now, &mut buffer) {
                    self.written[from] += transmit.size as u64;
                    for datagram in transmit.datagrams(&buffer).filter(|_| self.is_up) {
                        let mut bytes = datagram.to_vec();
                        self.ends[1 - from].handle_datagram(now, LinkId(1), Ecn::NotCapable, &mut bytes);
                    }
                }
                while let Some(event) = self.ends[from].poll_event() {
                    self.events[from].push(event);
                }
            }
            let next = self.ends[0].poll_timeout().0.min(self.ends[1].poll_timeout().0);
            self.now = next.max(self.now + Duration::from_millis(1)).min(end);
            for end in &mut self.ends {
                end.handle_timeout(self.now);
            }
        }
    }

    fn count(&self, end: usize, matches: impl Fn(&Event) -> bool) -> usize {
        self.events[end].iter().filter(|event| matches(event)).count()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_link_that_takes_too_little_is_refused() {
    let mut pair = Pair::new();
    let tiny = LinkProperties { max_datagram: 120, ..STREAM };
    let refused = pair.ends[0].open_link(Instant::ZERO, LinkId(1), tiny, None);
    assert_eq!(refused, Err(ConnectError::LinkTooSmall { max_datagram: 120, least: 700 }));
}

#[test]
fn opening_a_link_wakes_what_waits_for_it() {
    let mut pair = Pair::new();
    pair.connect();
    pair.run_for(SECOND);
    pair.open();
    pair.run_for(Duration::from_millis(50));
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn without_credit_nothing_is_built_and_never_more_than_it() {
    let mut pair = Pair::new();
    pair.open();
    let connection = pair.connect();
    pair.run_for(SECOND);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 200_000]).unwrap();
    pair.ends[1].set_link_credit(now, LinkId(1), 5000);
    let before = pair.written[1];
    pair.run_for(SECOND);
    let spent = pair.written[1] - before;
    assert!(spent > 3000 && spent <= 5000, "{spent} bytes written for a credit of 5000");
    let now = pair.now;
    pair.ends[1].set_link_credit(now, LinkId(1), 1 << 30);
    pair.run_for(SECOND);
    assert_eq!(
        pair.count(0, |event| matches!(event, Event::Message { data, .. } if data.len() == 200_000)),
        1
    );
}

#[test]
fn a_welcome_waits_for_the_credit_of_its_link() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 100);
    pair.connect();
    pair.run_for(SECOND);
    assert_eq!(pair.written[0], 0);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 1 << 20);
    pair.run_for(SECOND);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn what_comes_from_a_link_that_is_not_open_is_dropped() {
    let mut pair = Pair::new();
    pair.open();
    pair.connect();
    let now = pair.now;
    pair.ends[0].close_link(now, LinkId(1));
    pair.run_for(SECOND);
    assert!(pair.ends[0].drops().of(DropReason::UnknownLink) > 0);
    assert_eq!((pair.written[0], pair.ends[0].half_open()), (0, 0));
}

#[test]
fn a_session_survives_its_link_breaking_twice() {
    let mut pair = Pair::new();
    pair.open();
    let connection = pair.connect();
    pair.run_for(SECOND);
    for _ in 0..2 {
        pair.cut();
        pair.run_for(Duration::from_millis(100));
        pair.open();
        pair.cut();
        pair.run_for(Duration::from_millis(100));
        pair.open();
        let now = pair.now;
        pair.ends[1].send(now, connection, ChannelId(0), vec![1; 5000]).unwrap();
        pair.run_for(SECOND * 3);
    }
    assert_eq!(pair.count(0, |event| matches!(event, Event::Message { .. })), 2);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Closed { .. })), 0);
    assert!(pair.count(1, |event| matches!(event, Event::Resumed { .. })) >= 2);
}

#[test]
fn a_closing_connection_ends_with_its_link() {
    let mut pair = Pair::new();
    pair.open();
    let connection = pair.connect();
    pair.run_for(SECOND);
    pair.is_up = false;
    let now = pair.now;
    pair.ends[1].close(now, connection, 1, "");
    pair.ends[1].set_link_credit(now, LinkId(1), 0);
    pair.run_for(SECOND * 10);
    assert_eq!(pair.ends[1].connections().count(), 0);
    assert_eq!(
        pair.count(1, |event| matches!(event, Event::Closed { reason: CloseReason::Local { code: 1 }, .. })),
        1
    );
}

#[test]
fn a_client_that_does_not_read_takes_nobody_elses_place() {
    let mut pair = Pair::new();
    let now = pair.now;
    let key = pair.ends[0].public_key();
    // Link 2 leads to somebody who asks for the server's key again and again, and never reads.
    pair.ends[0].open_link(now, LinkId(2), STREAM, None).unwrap();
    pair.ends[0].set_link_credit(now, LinkId(2), 0);
    for number in 0..1000u32 {
        let mut query = vec![7, 2, 1, 2, 3];
        query.extend_from_slice(&1u64.to_le_bytes());
        query.extend_from_slice(&u64::from(number).to_le_bytes());
        query.resize(45, 0);
        pair.ends[0].handle_datagram(now, LinkId(2), Ecn::NotCapable, &mut query);
        assert!(pair.ends[0].poll_transmit(now, &mut [0; 8192]).is_none());
    }
    assert_eq!(pair.ends[0].drops().total(), 0, "the queries were understood");
    pair.open();
    let options = ConnectOptions::new(key);
    pair.ends[1].connect(now, LinkId(1), options).unwrap();
    pair.run_for(SECOND);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn a_hello_that_a_server_had_no_room_for_is_asked_again() {
    let mut pair = Pair::new();
    pair.open();
    pair.connect();
    // As a server that is rate-limited would: the first Hello is not answered.
    let now = pair.now;
    let mut buffer = [0; 8192];
    assert!(pair.ends[1].poll_transmit(now, &mut buffer).is_some());
    pair.run_for(SECOND * 3);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn a_link_that_lost_something_finds_out_in_a_round_trip() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now;
    let lossy = LinkProperties { reliable: false, ordered: false, ..STREAM };
    for end in &mut pair.ends {
        end.open_link(now, LinkId(1), lossy, None).unwrap();
    }
    let connection = pair.connect();
    pair.run_for(SECOND);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
    let mut buffer = [0; 8192];
    assert!(pair.ends[1].poll_transmit(now, &mut buffer).is_some(), "taken, and dropped");
    pair.ends[1].report_link_loss(now, LinkId(1));
    assert_eq!(pair.ends[1].poll_timeout().0, now, "it asks at once");
    pair.run_for(Duration::from_millis(20));
    assert_eq!(pair.count(0, |event| matches!(event, Event::Message { .. })), 1);
}

/// What an end received before it could say so was forgotten after a second and 63 packets. On a link that loses nothing,
/// nobody ever sent it again: the messages in it counted as underway for ever, and after 4096 packets nothing was sent.
#[test]
fn regression_what_a_full_link_kept_from_being_acknowledged_is_acknowledged_later() {
    let mut pair = Pair::new();
    pair.open();
    let connection = pair.connect();
    pair.run_for(SECOND);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 0);
    for _ in 0..300 {
        let now = pair.now;
        pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
        pair.run_for(Duration::from_millis(10));
    }
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 1 << 30);
    pair.run_for(SECOND);
    assert_eq!(pair.ends[1].channel_stats(connection, ChannelId(0)).unwrap().sent.delivered, 300);
    assert_eq!(pair.ends[1].stats(connection).unwrap().bytes_in_flight, 0);
}

/// A link that did not answer for a while was taken for a path that had begun to drop large datagrams.
#[test]
fn regression_a_link_that_is_slow_to_answer_gets_datagrams_as_large_as_before() {
    let mut pair = Pair::new();
    pair.open();
    for end in &mut pair.ends {
        end.open_link(Instant::ZERO, LinkId(1), LinkProperties { max_datagram: 4000, ..STREAM }, None)
            .unwrap();
    }
    let connection = pair.connect();
    pair.run_for(SECOND);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 0);
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
    pair.run_for(SECOND * 2);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 50_000]).unwrap();
    let transmit = pair.ends[1].poll_transmit(now, &mut [0; 8192]).unwrap();
    assert_eq!(transmit.segment_size, 4000);
}

/// A handshake that had begun before its link was open did not get to know that the link loses nothing.
#[test]
fn regression_a_hello_is_not_repeated_on_a_reliable_link_that_was_opened_after_it_was_due() {
    let mut pair = Pair::new();
    pair.connect();
    pair.run_for(SECOND);
    pair.open();
    pair.is_up = false;
    pair.run_for(Duration::from_millis(1));
    let hello = pair.written[1];
    pair.run_for(SECOND);
    assert!(hello > 0 && pair.written[1] == hello, "{hello}, then {}", pair.written[1]);
}
