//! Channels that drop their oldest messages in favour of newer messages.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Net, Pass};
use tickwire_core::stats::ChannelSent;
use tickwire_core::{ChannelId, Config, ConnectionId, Duration, Event, Fate, MessageId, Overflow};

const SERVER: usize = 0;
const CLIENT: usize = 1;
const SEQUENCED: u8 = 2;
const UNRELIABLE: u8 = 3;
const STATE: [u8; 2] = [SEQUENCED, UNRELIABLE];
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_micros(16_667);

fn connected(change: impl Fn(&mut Config)) -> (Net, ConnectionId) {
    let mut net = Net::pair(change);
    let connection = net.connect();
    net.run_for(SECOND);
    (net, connection)
}

fn send(net: &mut Net, connection: ConnectionId, channel: u8, data: Vec<u8>) -> MessageId {
    let now = net.now;
    net.nodes[CLIENT].endpoint.send(now, connection, ChannelId(channel), data).unwrap()
}

fn sent(net: &Net, connection: ConnectionId, channel: u8) -> ChannelSent {
    net.nodes[CLIENT].endpoint.channel_stats(connection, ChannelId(channel)).unwrap().sent
}

fn arrived(net: &Net, channel: u8) -> Vec<u8> {
    let of_channel = net.nodes[SERVER].messages().into_iter().filter(|(id, _)| id.0 == channel);
    of_channel.map(|(_, data)| data[0]).collect()
}

#[test]
fn no_message_sent_between_two_polls_is_dropped_on_a_path_with_enough_bandwidth() {
    for channel in STATE {
        let (mut net, connection) = connected(|_| {});
        for number in 0..10 {
            send(&mut net, connection, channel, vec![number; 100]);
            // The game hangs: nobody polls, and the path held nothing back.
            net.now += Duration::from_millis(300);
        }
        net.run_for(SECOND);
        assert_eq!(arrived(&net, channel), (0..10).collect::<Vec<u8>>());
        assert_eq!(sent(&net, connection, channel).dropped, 0);
    }
}

#[test]
fn no_message_is_dropped_for_a_newer_message_before_the_first_ack() {
    for channel in STATE {
        let mut net = Net::pair(|_| {});
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        let connection = net.connect();
        for number in 0..40 {
            send(&mut net, connection, channel, vec![number; 900]);
        }
        net.run_until(SECOND, |net| net.nodes[CLIENT].connected().is_some());
        // From here on no acknowledgement comes back.
        net.filter = Box::new(|_, node, _| if node == SERVER { Pass::Drop } else { Pass::Deliver });
        for number in 40..60 {
            send(&mut net, connection, channel, vec![number; 900]);
            net.run_for(Duration::from_millis(20));
        }
        let counted = sent(&net, connection, channel);
        assert!(counted.queued > 0 && counted.messages + counted.queued == 60, "{counted:?}");
        assert_eq!(counted.dropped, 0);
    }
}

#[test]
fn a_full_queue_drops_its_oldest_message_for_a_new_message() {
    for channel in STATE {
        let (mut net, connection) = connected(|config| {
            config.channels.iter_mut().for_each(|channel| channel.queue_messages = 4);
        });
        let ids: Vec<MessageId> =
            (0..10).map(|number| send(&mut net, connection, channel, vec![number; 10])).collect();
        assert_eq!((sent(&net, connection, channel).dropped, sent(&net, connection, channel).full), (6, 0));
        let fate = |id| net.nodes[CLIENT].endpoint.fate(connection, ChannelId(channel), id);
        assert_eq!((fate(ids[5]), fate(ids[6])), (Some(Fate::NotSent), Some(Fate::Queued)));
        net.run_for(SECOND);
        assert_eq!(arrived(&net, channel), [6, 7, 8, 9]);
        assert!(!net.nodes[CLIENT].has(|event| matches!(event, Event::SendReady { .. })));
    }
}

#[test]
fn a_message_larger_than_its_queue_replaces_all_queued_messages() {
    let (mut net, connection) = connected(|config| config.channels[3].queue_bytes = 1000);
    for number in 0..3 {
        send(&mut net, connection, UNRELIABLE, vec![number; 100]);
    }
    send(&mut net, connection, UNRELIABLE, vec![3; 5000]);
    net.run_for(SECOND);
    assert_eq!(arrived(&net, UNRELIABLE), [3]);
    assert_eq!(sent(&net, connection, UNRELIABLE).dropped, 3);
}

#[test]
fn a_full_channel_that_queues_on_overflow_refuses_new_messages_until_send_ready() {
    let (mut net, connection) = connected(|config| {
        config.channels[3].queue_messages = 4;
        config.channels[3].overflow = Overflow::Queue;
    });
    let now = net.now;
    let results: Vec<bool> = (0..6)
        .map(|number| {
            net.nodes[CLIENT].endpoint.send(now, connection, ChannelId(UNRELIABLE), vec![number; 10]).is_ok()
        })
        .collect();
    assert_eq!(results, [true, true, true, true, false, false]);
    net.run_for(SECOND);
    assert_eq!(arrived(&net, UNRELIABLE), [0, 1, 2, 3]);
    assert!(net.nodes[CLIENT].has(|event| matches!(event, Event::SendReady { .. })));
}

#[test]
fn newer_unreliable_messages_replace_older_messages_during_an_interruption() {
    for channel in STATE {
        let (mut net, connection) = connected(|config| config.idle_timeout = Duration::from_secs(2));
        net.filter = Box::new(|_, _, _| Pass::Drop);
        net.run_until(SECOND * 10, |net| {
            net.nodes[CLIENT].has(|event| matches!(event, Event::Interrupted { .. }))
        });
        for number in 0..200 {
            send(&mut net, connection, channel, vec![number; 100]);
            net.run_for(TICK);
        }
        let waiting = sent(&net, connection, channel).queued;
        assert!(waiting <= if channel == SEQUENCED { 1 } else { 7 }, "{waiting} wait");
        net.filter = Box::new(|_, _, _| Pass::Deliver);
        net.run_for(SECOND * 20);
        assert_eq!(arrived(&net, channel).last(), Some(&199));
        assert!(arrived(&net, channel).len() as u64 <= waiting);
    }
}

#[test]
fn every_message_whose_sending_has_begun_arrives_although_queued_messages_are_dropped() {
    for channel in STATE {
        let (mut net, connection) = connected(|config| config.connection_bandwidth = Some(20_000));
        for number in 0..40 {
            send(&mut net, connection, channel, vec![number; 6000]);
            net.run_for(Duration::from_millis(50));
        }
        net.run_for(SECOND * 3);
        let (numbers, counted) = (arrived(&net, channel), sent(&net, connection, channel));
        assert_eq!(numbers.len() as u64, counted.messages, "each that was begun arrived: {numbers:?}");
        assert!(numbers.len() >= 6 && numbers.last() == Some(&39), "{numbers:?}");
        assert_eq!(counted.messages + counted.dropped, 40);
    }
}

#[test]
fn the_rest_of_a_message_that_the_receiver_has_dropped_is_not_sent() {
    let (mut net, connection) = connected(|config| config.connection_bandwidth = Some(10_000));
    send(&mut net, connection, UNRELIABLE, vec![1; 500_000]);
    net.run_for(SECOND);
    send(&mut net, connection, UNRELIABLE, vec![2; 100]);
    net.run_for(SECOND * 6);
    assert_eq!(arrived(&net, UNRELIABLE), [2], "the path is free again after five seconds");
    assert_eq!(sent(&net, connection, UNRELIABLE).dropped, 1);
}
