//! The outcomes that a closed connection reports for messages that arrived.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Net, Pass};
use tickwire_core::{ChannelId, ConnectionState, Duration, Event, Fate, MessageId};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the number of messages that the `Closed` event of `node` lists.
fn listed(net: &Net, node: usize) -> Option<usize> {
    net.nodes[node].events.iter().find_map(|event| match event {
        Event::Closed { unconfirmed, .. } => Some(unconfirmed.len()),
        _ => None,
    })
}

/// Makes each end send seven messages. Once they have arrived, `closer` closes the connection. Returns the number of
/// messages that `Closed` lists at each end.
fn seven(closer: usize) -> [Option<usize>; 2] {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_for(SECOND);
    let server = net.nodes[0].connected().unwrap();
    let ends = [server, client];
    for message in 0..7 {
        net.send(0, server, message % 2, vec![message; 20]);
        net.send(1, client, message % 2, vec![message; 20]);
    }
    net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.messages().len() == 7));
    let now = net.now;
    net.nodes[closer].endpoint.close(now, ends[closer], 0, "");
    net.run_for(SECOND * 6);
    [0, 1].map(|node| listed(&net, node))
}

#[test]
fn messages_that_arrived_before_either_end_closed_are_not_listed_as_unconfirmed() {
    for closer in 0..2 {
        assert_eq!(seven(closer), [Some(0), Some(0)], "closed by {closer}");
    }
}

/// Makes the client send seven messages and close immediately. The server's datagrams arrive only if `is_heard`. Returns
/// the fates that the client's `Closed` lists, and the time until `Closed`.
fn sent_and_closed(is_heard: bool, receipts: bool) -> (Net, Vec<Fate>, Duration) {
    let mut net = Net::pair(|config| config.channels[0].receipts = receipts);
    let client = net.connect();
    net.run_for(SECOND);
    for message in 0..7 {
        net.send(1, client, 0, vec![message; 20]);
    }
    let now = net.now;
    // They leave with the next datagram.
    while net.nodes[1].endpoint.fate(client, ChannelId(0), MessageId(6)) == Some(Fate::Queued) {
        net.run_for(Duration::from_micros(10));
    }
    if !is_heard {
        net.filter = Box::new(|_, node, _| if node == 0 { Pass::Drop } else { Pass::Deliver });
    }
    let left = net.now;
    net.nodes[1].endpoint.close(left, client, 0, "");
    assert_eq!(net.nodes[1].endpoint.state(client), ConnectionState::Disconnecting);
    net.run_until(SECOND * 6, |net| net.nodes[1].has(|event| matches!(event, Event::Closed { .. })));
    let took = net.now - now;
    net.run_for(SECOND);
    assert_eq!(net.nodes[0].messages().len(), 7);
    let fates = net.nodes[1].events.iter().find_map(|event| match event {
        Event::Closed { unconfirmed, .. } => Some(unconfirmed.iter().map(|one| one.fate).collect()),
        _ => None,
    });
    (net, fates.unwrap(), took)
}

#[test]
fn messages_sent_right_before_a_close_are_confirmed_by_the_peers_answer_within_an_rtt() {
    let (net, fates, took) = sent_and_closed(true, true);
    assert_eq!(fates, []);
    assert!(took <= Duration::from_millis(101), "{took:?}");
    let delivered = |event: &&Event| matches!(event, Event::Delivered { .. });
    assert_eq!(net.nodes[1].events.iter().filter(delivered).count(), 7);
    assert!(matches!(net.nodes[1].events.last(), Some(Event::Closed { .. })));
}

#[test]
fn unconfirmed_messages_are_reported_with_fate_unknown_within_five_seconds_after_the_close() {
    let (_, fates, took) = sent_and_closed(false, false);
    assert_eq!(fates, [Fate::Unknown; 7]);
    assert!(took <= SECOND * 5, "{took:?}");
}

#[test]
fn messages_that_were_never_sent_have_the_fate_not_sent_in_the_closed_event() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_for(SECOND);
    let now = net.now;
    for message in 0..7 {
        net.send(1, client, 0, vec![message; 20]);
    }
    net.nodes[1].endpoint.close(now, client, 0, "");
    let Some(Event::Closed { unconfirmed, .. }) = net.nodes[1].endpoint.poll_event() else { panic!() };
    assert_eq!(unconfirmed.iter().map(|one| one.fate).collect::<Vec<_>>(), [Fate::NotSent; 7]);
}

#[test]
fn a_message_that_arrives_at_a_closing_end_is_not_reported_as_confirmed() {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_for(SECOND);
    let server = net.nodes[0].connected().unwrap();
    // The client's messages cross the server's CLOSE.
    let now = net.now;
    net.nodes[0].endpoint.close(now, server, 0, "");
    for message in 0..7 {
        net.send(1, client, 0, vec![message; 20]);
    }
    net.run_for(SECOND * 6);
    assert_eq!(net.nodes[0].messages().len(), 0);
    assert_eq!(listed(&net, 1), Some(7));
}

/// Makes each end send seven messages. Once they have arrived, the ends in `closers` close, and the first `lost` datagrams from
/// the ends in `losers` are lost. Returns the number of messages that `Closed` lists at each end.
fn closed_over_loss(closers: &[usize], losers: &[usize], lost: usize) -> [Option<usize>; 2] {
    let mut net = Net::pair(|_| {});
    let client = net.connect();
    net.run_for(SECOND);
    let ends = [net.nodes[0].connected().unwrap(), client];
    for message in 0..7 {
        net.send(0, ends[0], message % 2, vec![message; 20]);
        net.send(1, ends[1], message % 2, vec![message; 20]);
    }
    net.run_until(SECOND, |net| net.nodes.iter().all(|node| node.messages().len() == 7));
    let mut left = [0, 1].map(|node| if losers.contains(&node) { lost } else { 0 });
    net.filter = Box::new(move |_, node, _| {
        let is_lost = left[node] > 0;
        left[node] = left[node].saturating_sub(1);
        if is_lost { Pass::Drop } else { Pass::Deliver }
    });
    let (now, sent) = (net.now, net.datagrams);
    for closer in closers {
        net.nodes[*closer].endpoint.close(now, ends[*closer], 0, "");
    }
    net.run_for(SECOND * 11);
    // No end answers answers.
    assert!(net.datagrams - sent <= 12, "{} datagrams", net.datagrams - sent);
    for node in &net.nodes {
        assert_eq!(node.endpoint.connections().count(), 0);
        assert_eq!(node.endpoint.poll_timeout().0, tickwire_core::Instant::MAX, "forgotten");
    }
    [0, 1].map(|node| listed(&net, node))
}

#[test]
fn messages_that_arrived_are_confirmed_even_if_the_peers_answer_to_close_is_lost_once() {
    for closer in 0..2 {
        let lists = closed_over_loss(&[closer], &[1 - closer], 1);
        assert_eq!(lists[closer], Some(0), "closed by {closer}: {lists:?}");
    }
}

#[test]
fn messages_that_arrived_are_confirmed_even_if_two_closes_of_either_end_are_lost() {
    for closers in [&[0][..], &[1], &[0, 1]] {
        for losers in [&[0][..], &[1], &[0, 1]] {
            for lost in 0..3 {
                let lists = closed_over_loss(closers, losers, lost);
                assert_eq!(lists, [Some(0); 2], "closed by {closers:?}, {losers:?} lose {lost}");
            }
        }
    }
}
