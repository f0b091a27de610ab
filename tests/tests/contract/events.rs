//! Clause 11: the order of events, and the session slots that they hold.

use tickwire_core::drop::DropReason;
use tickwire_core::wire::{DataHeader, Frame};
use tickwire_core::{ChannelId, Duration, Event, Fate as MessageFate, MessageId, limits};
use tickwire_sim::pair::{CLIENT, Pair, SERVER};
use tickwire_sim::rng::Draws;

use super::{check, greedy_packet, provider_for};
use crate::script::op::Op;
use crate::script::pairs::{self, frames};
use crate::script::provider;
use crate::script::world::{Setup, World};

#[test]
fn clause_11_connected_is_the_first_event_of_a_connection_and_closed_is_the_final_event() {
    fn in_order(script: Vec<Op>, seed: u64) {
        let mut world = World::new(Setup::new(provider_for(seed), seed));
        world.play(&script);
        world.expect_kept(11);
        for node in 0..3 {
            world.settle(node, 20);
        }
        world.expect_kept(11);
    }
    check(1600, 120, in_order as fn(Vec<Op>, u64));
}

#[test]
fn clause_11_closed_and_send_ready_are_reported_even_if_earlier_events_are_unread() {
    fn are_told(messages: u16, size: u16, close: bool) {
        let mut pair = pairs::new(|config| config.channels[1].queue_messages = 8);
        let client = pair.dial();
        // Nobody looks at the server's events. The client sends until nobody takes any more.
        let exchange = |pair: &mut Pair| {
            for _ in 0..200 {
                for end in [CLIENT, SERVER] {
                    for mut datagram in pair.take(end) {
                        pair.give(1 - end, &mut datagram);
                    }
                }
                pair.now += Duration::from_millis(20);
                pair.ends.iter_mut().for_each(|end| end.handle_timeout(pair.now));
            }
        };
        let mut accepted = 0;
        for _ in 0..messages % 3000 {
            let now = pair.now;
            accepted +=
                u64::from(pair.ends[CLIENT].send(now, client, ChannelId(0), vec![1; size.into()]).is_ok());
        }
        while pair.ends[CLIENT].send(pair.now, client, ChannelId(1), vec![2; 10]).is_ok() {
            accepted += 1;
        }
        exchange(&mut pair);
        if close {
            pair.ends[CLIENT].close(pair.now, client, 3, "");
            exchange(&mut pair);
        }
        let told = pair.events(CLIENT);
        let is_ready = |event: &Event| matches!(event, Event::SendReady { channel: ChannelId(1), .. });
        assert!(close || told.iter().any(is_ready), "SendReady was lost");
        let events = pair.events(SERVER);
        assert!(matches!(events.first(), Some(Event::Connected { .. })), "{:?}", events.first());
        let arrived = events.iter().filter(|event| matches!(event, Event::Message { .. })).count() as u64;
        if close {
            assert!(matches!(events.last(), Some(Event::Closed { .. })), "{:?}", events.last());
        } else {
            exchange(&mut pair);
            let rest = pair.events(SERVER).len() as u64;
            assert!(arrived + rest <= accepted);
        }
    }
    check(60, 100, are_told as fn(u16, u16, bool));
}

#[test]
fn clause_11_an_endpoint_acknowledges_only_messages_that_it_holds_for_the_application() {
    fn honest(size: u16, count: u16) {
        let size = u64::from(size) + 1;
        let mut pair = pairs::connected(1, |_| {});
        let client = pair.connections[CLIENT][0];
        let count = u64::from(count) % 4000;
        let sent: Vec<MessageId> = (0..count)
            .map_while(|_| {
                pair.ends[CLIENT].send(pair.now, client, ChannelId(1), vec![1; size as usize]).ok()
            })
            .collect();
        let delivered = |pair: &Pair| {
            let fate = |message: &&MessageId| pair.ends[CLIENT].fate(client, ChannelId(1), **message);
            sent.iter().filter(|message| fate(message) == Some(MessageFate::Delivered)).count() as u64
        };
        // The server's application takes nothing.
        for _ in 0..100 {
            for end in [CLIENT, SERVER] {
                for mut datagram in pair.take(end) {
                    pair.give(1 - end, &mut datagram);
                }
            }
            pair.now += Duration::from_millis(30);
            pair.ends.iter_mut().for_each(|end| end.handle_timeout(pair.now));
        }
        let held = pair.ends[SERVER].memory();
        assert!(held <= limits::RECEIVE_WINDOW, "{held} bytes wait");
        assert!(
            delivered(&pair) * (size + limits::MESSAGE_OVERHEAD) <= held,
            "more was acknowledged than is held"
        );
        // Now it does, and nothing was lost.
        pair.pass(Duration::from_secs(20));
        assert_eq!(delivered(&pair), sent.len() as u64);
    }
    check(30, 100, honest as fn(u16, u16));
    refused_packets_are_not_acknowledged();
}

/// A peer that sends more fragments than the server has memory for gets no acknowledgement of the refused packets.
fn refused_packets_are_not_acknowledged() {
    let mut pair = pairs::connected(1, |config| config.provider = provider::gullible());
    pair.send(CLIENT, 3, vec![1; 8]);
    let first = pair.take(CLIENT).remove(0);
    let mut header = DataHeader::read(&first).unwrap();
    header.pn_len = 4;
    let mut draws = Draws::new(1);
    let mut refused = Vec::new();
    for _ in 0..20_000 {
        header.packet_number += 1;
        let dropped = pair.ends[SERVER].drops().of(DropReason::NoRoom);
        let mut packet = greedy_packet(3, &header, &mut draws);
        pair.give(SERVER, &mut packet);
        if pair.ends[SERVER].drops().of(DropReason::NoRoom) > dropped {
            refused.push(u64::from(header.packet_number));
        }
        for datagram in pair.take(SERVER) {
            for frame in frames(&datagram) {
                let Frame::Ack(ack) = frame else { continue };
                for range in ack.ranges(u64::from(header.packet_number) + 1).map(Result::unwrap) {
                    let wrong = refused.iter().rev().take(100).find(|number| range.contains(number));
                    assert_eq!(wrong, None, "acknowledged, but refused");
                }
            }
        }
    }
    assert!(refused.len() > 100, "only {} were refused", refused.len());
}
