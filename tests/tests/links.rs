//! Links that the driver opens: their properties, their credit, and sessions whose link breaks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use tickwire_core::drop::DropReason;
use tickwire_core::error::ConnectError;
use tickwire_core::{ChannelId, CloseReason, Config, Duration, Ecn, Event, Instant, LinkId, LinkProperties};
use tickwire_sim::pair::Pair;

const STREAM: LinkProperties =
    LinkProperties { reliable: true, ordered: true, congestion_controlled: true, max_datagram: 1140 };

/// Creates two endpoints that link 1 will join. The link is not open yet.
fn pair() -> Pair {
    let mut pair = Pair::new(Instant::ZERO, &Config::new(1));
    pair.paths = [LinkId(1).into(); 2];
    pair.room = 8192;
    pair.record();
    pair
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_link_with_too_small_a_datagram_size_is_refused() {
    let mut pair = pair();
    let tiny = LinkProperties { max_datagram: 120, ..STREAM };
    let refused = pair.ends[0].open_link(Instant::ZERO, LinkId(1), tiny, None);
    assert_eq!(refused, Err(ConnectError::LinkTooSmall { max_datagram: 120, least: 700 }));
}

#[test]
fn a_connection_that_waits_for_a_link_connects_when_the_link_is_opened() {
    let mut pair = pair();
    pair.dial();
    pair.pass(SECOND);
    pair.open_link(STREAM);
    pair.pass(Duration::from_millis(50));
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn no_datagram_beyond_the_credit_of_a_link_is_sent() {
    let mut pair = pair();
    pair.open_link(STREAM);
    let connection = pair.dial();
    pair.pass(SECOND);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 200_000]).unwrap();
    pair.ends[1].set_link_credit(now, LinkId(1), 5000);
    let before = pair.written[1];
    pair.pass(SECOND);
    let spent = pair.written[1] - before;
    assert!(spent > 3000 && spent <= 5000, "{spent} bytes written for a credit of 5000");
    let now = pair.now;
    pair.ends[1].set_link_credit(now, LinkId(1), 1 << 30);
    pair.pass(SECOND);
    assert_eq!(
        pair.count(0, |event| matches!(event, Event::Message { data, .. } if data.len() == 200_000)),
        1
    );
}

#[test]
fn a_welcome_is_sent_only_after_its_link_has_credit_for_its_largest_datagram() {
    let mut pair = pair();
    pair.open_link(STREAM);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 100);
    pair.dial();
    pair.pass(SECOND);
    assert_eq!(pair.written[0], 0);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 1 << 20);
    pair.pass(SECOND);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn datagrams_from_a_link_that_is_not_open_are_dropped() {
    let mut pair = pair();
    pair.open_link(STREAM);
    pair.dial();
    let now = pair.now;
    pair.ends[0].close_link(now, LinkId(1));
    pair.pass(SECOND);
    assert!(pair.ends[0].drops().of(DropReason::UnknownLink) > 0);
    assert_eq!((pair.written[0], pair.ends[0].half_open()), (0, 0));
}

#[test]
fn a_session_continues_after_its_link_breaks_twice() {
    let mut pair = pair();
    pair.open_link(STREAM);
    let connection = pair.dial();
    pair.pass(SECOND);
    for _ in 0..2 {
        pair.close_link();
        pair.pass(Duration::from_millis(100));
        pair.open_link(STREAM);
        pair.close_link();
        pair.pass(Duration::from_millis(100));
        pair.open_link(STREAM);
        let now = pair.now;
        pair.ends[1].send(now, connection, ChannelId(0), vec![1; 5000]).unwrap();
        pair.pass(SECOND * 3);
    }
    assert_eq!(pair.count(0, |event| matches!(event, Event::Message { .. })), 2);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Closed { .. })), 0);
    assert!(pair.count(1, |event| matches!(event, Event::Resumed { .. })) >= 2);
}

#[test]
fn a_connection_that_is_closed_on_a_link_without_credit_ends_within_ten_seconds() {
    let mut pair = pair();
    pair.open_link(STREAM);
    let connection = pair.dial();
    pair.pass(SECOND);
    pair.harm = Box::new(|_, _| false);
    let now = pair.now;
    pair.ends[1].close(now, connection, 1, "");
    pair.ends[1].set_link_credit(now, LinkId(1), 0);
    pair.pass(SECOND * 10);
    assert_eq!(pair.ends[1].connections().count(), 0);
    assert_eq!(
        pair.count(1, |event| matches!(event, Event::Closed { reason: CloseReason::Local { code: 1 }, .. })),
        1
    );
}

#[test]
fn a_client_that_does_not_read_its_link_does_not_block_replies_to_other_clients() {
    let mut pair = pair();
    let now = pair.now;
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
    pair.open_link(STREAM);
    pair.dial();
    pair.pass(SECOND);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn an_unanswered_hello_on_a_reliable_link_is_resent() {
    let mut pair = pair();
    pair.open_link(STREAM);
    pair.dial();
    // As a server that is rate-limited would: the first Hello is not answered.
    let now = pair.now;
    let mut buffer = [0; 8192];
    assert!(pair.ends[1].poll_transmit(now, &mut buffer).is_some());
    pair.pass(SECOND * 3);
    assert_eq!(pair.count(1, |event| matches!(event, Event::Connected { .. })), 1);
}

#[test]
fn a_message_is_resent_within_20_ms_after_its_loss_on_a_link_is_reported() {
    let mut pair = pair();
    pair.open_link(STREAM);
    pair.open_link(LinkProperties { reliable: false, ordered: false, ..STREAM });
    let connection = pair.dial();
    pair.pass(SECOND);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
    let mut buffer = [0; 8192];
    assert!(pair.ends[1].poll_transmit(now, &mut buffer).is_some(), "taken, and dropped");
    pair.ends[1].report_link_loss(now, LinkId(1));
    assert_eq!(pair.ends[1].poll_timeout().0, now, "it asks at once");
    pair.pass(Duration::from_millis(20));
    assert_eq!(pair.count(0, |event| matches!(event, Event::Message { .. })), 1);
}

/// An end forgot packets that it could not acknowledge after one second and 63 further packets. On a link that loses
/// nothing, the packets were never resent. Their messages counted as in flight permanently, and after 4096 packets the
/// sender stopped.
#[test]
fn regression_packets_whose_ack_did_not_fit_a_full_link_are_acknowledged_later() {
    let mut pair = pair();
    pair.open_link(STREAM);
    let connection = pair.dial();
    pair.pass(SECOND);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 0);
    for _ in 0..300 {
        let now = pair.now;
        pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
        pair.pass(Duration::from_millis(10));
    }
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 1 << 30);
    pair.pass(SECOND);
    assert_eq!(pair.ends[1].channel_stats(connection, ChannelId(0)).unwrap().sent.delivered, 300);
    assert_eq!(pair.ends[1].stats(connection).unwrap().bytes_in_flight, 0);
}

/// A link that did not answer for a while was mistaken for a path that drops large datagrams.
#[test]
fn regression_the_datagram_size_does_not_fall_on_a_link_with_slow_answers() {
    let mut pair = pair();
    pair.open_link(STREAM);
    pair.open_link(LinkProperties { max_datagram: 4000, ..STREAM });
    let connection = pair.dial();
    pair.pass(SECOND);
    let now = pair.now;
    pair.ends[0].set_link_credit(now, LinkId(1), 0);
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 100]).unwrap();
    pair.pass(SECOND * 2);
    let now = pair.now;
    pair.ends[1].send(now, connection, ChannelId(0), vec![1; 50_000]).unwrap();
    let transmit = pair.ends[1].poll_transmit(now, &mut [0; 8192]).unwrap();
    assert_eq!(transmit.segment_size, 4000);
}

/// A handshake that began before its link was open did not learn that the link loses nothing.
#[test]
fn regression_a_hello_that_waited_for_a_reliable_link_is_sent_once() {
    let mut pair = pair();
    pair.dial();
    pair.pass(SECOND);
    pair.open_link(STREAM);
    pair.harm = Box::new(|_, _| false);
    pair.pass(Duration::from_millis(1));
    let hello = pair.written[1];
    pair.pass(SECOND);
    assert!(hello > 0 && pair.written[1] == hello, "{hello}, then {}", pair.written[1]);
}
