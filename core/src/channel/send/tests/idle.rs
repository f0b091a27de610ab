//! Tests of a sender that releases the memory of idle channels.

use super::*;

const MODES: [Delivery; 4] =
    [Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::Sequenced, Delivery::Unreliable];

#[test]
fn a_channel_continues_its_numbers_ids_counters_and_fates_after_its_memory_was_released() {
    let mut idle = side(&MODES.map(ChannelConfig::new));
    let mut busy = side(&MODES.map(ChannelConfig::new));
    for round in 0..3 {
        for side in [&mut idle, &mut busy] {
            (0..4).for_each(|channel| send_many(side, channel, 3, 700));
        }
        let ((mut expected, expected_records), (mut frames, records)) =
            (drain(&mut busy, WHOLE_FRAME), drain(&mut idle, WHOLE_FRAME));
        // The fair queue takes the channels of the two senders in different orders.
        for frames in [&mut expected, &mut frames] {
            frames.sort_by_key(|frame| (frame.0, frame.1));
        }
        assert_eq!(frames, expected, "round {round}");
        ack(&mut busy, &expected_records);
        ack(&mut idle, &records);
        idle.rest();
        for channel in (0..4).map(ChannelId) {
            assert!(idle.channels.get(channel.0.into()).is_none(), "channel {channel:?} is idle");
            assert_eq!(idle.stats(channel), busy.stats(channel));
            for number in 0..12 {
                let message = MessageId(number);
                assert_eq!(idle.fate(channel, message), busy.fate(channel, message), "{channel:?} {number}");
            }
        }
    }
}

#[test]
fn releasing_memory_keeps_the_state_of_a_channel_with_a_queued_unacknowledged_or_unreported_message() {
    let mut side = ordered();
    send(&mut side, 0, 10);
    side.rest();
    assert!(side.channels.get(0).is_some(), "the message waits");
    let (_, records) = packet(&mut side);
    side.rest();
    assert!(side.channels.get(0).is_some(), "the message is not acknowledged");
    ack(&mut side, &records);
    side.rest();
    assert!(side.channels.get(0).is_some(), "the application has not taken the receipt");
    assert_eq!(delivered(&mut side), [0]);
    side.rest();
    assert!(side.channels.get(0).is_none());
}

#[test]
fn a_dropped_message_is_reported_as_not_sent_after_the_memory_of_its_channel_was_released() {
    let lifetime = Some(core::time::Duration::from_millis(100));
    let mut side = side(&[ChannelConfig { lifetime, ..ChannelConfig::new(Delivery::Sequenced) }]);
    let message = send(&mut side, 0, 10);
    side.expire(NOW + Span::from_millis(200));
    side.rest();
    assert!(side.channels.get(0).is_none());
    assert_eq!(side.fate(FIRST, message), Some(Fate::NotSent));
    send(&mut side, 0, 10);
    assert_eq!(side.fate(FIRST, message), Some(Fate::NotSent));
}

#[test]
fn an_idle_channel_refuses_resume_state_with_fewer_or_more_messages_than_were_acknowledged() {
    for (floor, expected) in [(1, Err(Violation::BadResume)), (2, Ok(())), (3, Err(Violation::BadResume))] {
        let mut side = ordered();
        send_many(&mut side, 0, 2, 10);
        let (_, records) = packet(&mut side);
        ack(&mut side, &records);
        delivered(&mut side);
        side.rest();
        side.begin_resume();
        assert_eq!(side.on_resume(FIRST, floor, iter::empty()), expected, "floor {floor}");
    }
}
