//! Tests of a sender whose session is resumed.

use super::*;

#[test]
fn after_a_resume_messages_that_the_peer_lacks_are_resent_from_their_first_byte() {
    let mut side = ordered();
    for length in [10, 3000, 20, 30] {
        send(&mut side, 0, length);
    }
    let (_, first) = packet(&mut side);
    let old: Vec<_> =
        iter::from_fn(|| Some(packet(&mut side).1).filter(|records| !records.is_empty())).collect();
    ack(&mut side, &first[1..]);
    side.begin_resume();
    assert!(!side.has_sendable(), "nothing reliable before the peer's state is in");
    // The peer has the first and the last but one.
    side.on_resume(FIRST, 1, iter::once(1..2)).unwrap();
    side.end_resume();
    assert_eq!(delivered(&mut side), [0]);
    for records in old {
        ack(&mut side, &records);
    }
    let (frames, records) = drain(&mut side, WHOLE_FRAME);
    ack(&mut side, &records);
    let ids: Vec<_> = frames.iter().map(|frame| frame.1.unwrap()).collect();
    assert_eq!(ids, [1, 1, 1, 3]);
    assert_eq!(frames.iter().map(|frame| frame.3).sum::<usize>(), 3030, "from the beginning");
    assert_eq!(delivered(&mut side), [1, 2, 3]);
}

#[test]
fn during_a_resume_new_unreliable_messages_are_sent_before_the_peers_resume_state_arrives() {
    let mut side = side(&[ChannelConfig::new(Delivery::Unreliable)]);
    send(&mut side, 0, 5000);
    packet(&mut side);
    side.begin_resume();
    assert!(!side.has_sendable(), "the rest of a message whose beginning is gone is not sent");
    send(&mut side, 0, 5);
    assert_eq!(packet(&mut side).0, [(0, None, MessagePart::Whole, 5)]);
}

#[test]
fn resume_state_that_contradicts_the_sent_messages_is_refused() {
    let state = |channel, floor, ranges: &[(u32, u32)]| {
        let configs =
            [ChannelConfig::new(Delivery::ReliableOrdered), ChannelConfig::new(Delivery::Unreliable)];
        let mut side = side(&configs);
        send_many(&mut side, 0, 5, 1);
        let (_, records) = packet(&mut side);
        ack(&mut side, &records[..2]);
        side.begin_resume();
        side.on_resume(ChannelId(channel), floor, ranges.iter().map(|&(start, end)| start..end))
    };
    assert_eq!(state(0, 2, &[]), Ok(()));
    assert_eq!(state(0, 5, &[]), Ok(()));
    assert_eq!(state(0, 2, &[(1, 3)]), Ok(()));
    let bad = Err(Violation::BadResume);
    assert_eq!(state(0, 6, &[]), bad, "a floor beyond what was sent");
    assert_eq!(state(0, 1, &[]), bad, "a floor below what was acknowledged");
    assert_eq!(state(0, 2, &[(1, 4)]), bad, "a range beyond what was sent");
    assert_eq!(state(0, 2, &[(0, 1)]), bad, "the floor was not received");
    assert_eq!(state(0, 2, &[(1, 1)]), bad, "an empty range");
    assert_eq!(state(0, 2, &[(u32::MAX - 1, u32::MAX)]), bad);
    assert_eq!(state(0, 2, &[(1, 2), (2, 3)]), bad, "ranges that touch");
    assert_eq!(state(1, 0, &[]), bad, "a channel without state");
    assert_eq!(state(2, 0, &[]), bad, "no channel");
}
