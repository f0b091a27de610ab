//! Tests of a receiver that releases the memory of idle channels.

use super::*;

#[test]
fn a_channel_keeps_its_lowest_missing_id_and_counters_after_its_memory_was_released() {
    for channel in [ORDERED, UNORDERED, SEQUENCED] {
        let mut peer = peer();
        for id in 0..3 {
            peer.whole(channel, id, &[7; 10]).unwrap();
        }
        assert_eq!(peer.popped().len(), 3);
        let (floor, stats) = (peer.side.floor(ChannelId(channel)), peer.side.stats(ChannelId(channel)));
        peer.side.rest();
        assert!(peer.side.channels.get(channel.into()).is_none(), "channel {channel} is idle");
        assert_eq!(peer.side.floor(ChannelId(channel)), floor);
        assert_eq!(peer.side.stats(ChannelId(channel)), stats);
        assert_ne!(peer.whole(channel, 2, &[7; 10]), Ok(Receipt::Taken), "channel {channel}: a repetition");
        assert_eq!(peer.whole(channel, 3, &[7; 10]), Ok(Receipt::Taken));
        assert_eq!(peer.popped().len(), 1);
        assert_eq!(peer.side.stats(ChannelId(channel)).unwrap().messages, 4);
    }
}

#[test]
fn releasing_memory_keeps_the_state_of_a_channel_with_an_incomplete_out_of_order_or_unread_message() {
    let is_kept = |peer: &mut Peer, channel: u8| {
        peer.side.rest();
        peer.side.channels.get(channel.into()).is_some()
    };
    for channel in [ORDERED, UNORDERED, SEQUENCED, UNRELIABLE] {
        let mut peer = peer();
        peer.part(channel, 0, 1000, 0, &[0; 100]).unwrap();
        assert!(is_kept(&mut peer, channel), "channel {channel}: the message is incomplete");
    }
    for channel in [ORDERED, UNORDERED] {
        let mut peer = peer();
        peer.whole(channel, 1, &[1]).unwrap();
        peer.popped();
        assert!(is_kept(&mut peer, channel), "channel {channel}: an earlier message is missing");
    }
    let mut peer = peer();
    peer.unreliable(&[1]).unwrap();
    assert!(is_kept(&mut peer, UNRELIABLE), "the application has not taken the message");
    peer.popped();
    assert!(!is_kept(&mut peer, UNRELIABLE));
}
