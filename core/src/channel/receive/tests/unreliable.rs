//! Tests of the limits on fragments of unreliable messages.

use super::*;

#[test]
fn a_full_unreliable_backlog_drops_its_oldest_unread_messages() {
    let mut peer = peer();
    peer.whole(ORDERED, 0, b"stays").unwrap();
    for number in 0..5000u32 {
        peer.unreliable(&[&number.to_le_bytes()[..], &[0; 1000]].concat()).unwrap();
        assert!(peer.side.memory() <= UNRELIABLE_BACKLOG + 5 + MESSAGE_OVERHEAD);
    }
    let kept = UNRELIABLE_BACKLOG / (1004 + MESSAGE_OVERHEAD);
    assert_eq!(peer.side.stats(ChannelId(UNRELIABLE)).unwrap().dropped, 5000 - kept);
    let messages = peer.popped();
    assert_eq!(messages[0], "stays");
    assert_eq!(messages.len() as u64, kept + 1);
    assert_eq!(messages.last().unwrap()[..4], 4999u32.to_le_bytes());
    assert_eq!(peer.side.memory(), 0);
}

#[test]
fn an_unreliable_message_of_the_largest_size_arrives_when_the_unread_backlog_is_full() {
    let mut peer = peer();
    (0..10).for_each(|_| assert!(peer.unreliable(&[0; 1000]).is_ok()));
    peer.unreliable(&vec![1; MOST]).unwrap();
    assert_eq!(peer.popped(), [vec![1; MOST]]);
}

#[test]
fn the_oldest_incomplete_unreliable_message_is_dropped_when_a_new_message_exceeds_the_limit() {
    let mut peer = peer();
    for id in 0..=UNRELIABLE_REASSEMBLIES as u32 {
        peer.part(UNRELIABLE, id, 200, 0, &[0; 100]).unwrap();
    }
    assert!(peer.side.memory() <= UNRELIABLE_REASSEMBLIES as u64 * (128 + 2 * MESSAGE_OVERHEAD));
    peer.part(UNRELIABLE, 0, 200, 100, &[0; 100]).unwrap();
    assert!(!peer.side.has_messages(), "its beginning gave way");
    peer.part(UNRELIABLE, 5, 200, 100, &[0; 100]).unwrap();
    assert!(peer.side.has_messages());
    assert_eq!(peer.side.stats(ChannelId(UNRELIABLE)).unwrap().abandoned, 2);
}

#[test]
fn incomplete_unreliable_messages_never_exceed_their_limit_of_bytes() {
    let most = UNRELIABLE_REASSEMBLY_BYTES.max(2 * MOST as u64);
    let mut peer = peer();
    for id in 0..8u32 {
        for offset in (0..MOST as u64).step_by(8) {
            peer.part(UNRELIABLE, id, MOST as u64, offset, &[0; 4]).unwrap();
            assert!(peer.side.memory() <= most);
            if offset > 200_000 {
                break;
            }
        }
    }
    assert!(peer.side.stats(ChannelId(UNRELIABLE)).unwrap().abandoned > 0);
}

#[test]
fn an_incomplete_unreliable_message_is_dropped_after_five_seconds() {
    let mut peer = peer();
    peer.part(UNRELIABLE, 0, 200, 0, &[0; 100]).unwrap();
    let due = NOW + Span::from_secs(5);
    assert_eq!(peer.side.next_expiry(), Some(due));
    peer.side.expire(due - Span::from_micros(1), &mut peer.arena);
    assert!(peer.side.memory() > 0);
    peer.side.expire(due, &mut peer.arena);
    assert_eq!((peer.side.memory(), peer.side.next_expiry()), (0, None));
    assert_eq!(peer.side.stats(ChannelId(UNRELIABLE)).unwrap().abandoned, 1);
}
