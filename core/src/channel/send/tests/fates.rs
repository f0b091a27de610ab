//! Tests of the fates that the sender reports for messages, and of the times of these reports.

use super::*;

#[test]
fn on_ordered_channels_a_message_is_reported_as_delivered_only_after_all_earlier_messages() {
    let configs = [Delivery::ReliableOrdered, Delivery::ReliableUnordered];
    let mut side =
        side(&configs.map(|delivery| ChannelConfig { receipts: true, ..ChannelConfig::new(delivery) }));
    for channel in 0..2 {
        send_many(&mut side, channel, 2, 10);
    }
    let (frames, records) = packet(&mut side);
    let later: Vec<_> = frames
        .iter()
        .zip(&records)
        .filter(|(frame, _)| frame.1 == Some(1))
        .map(|(_, record)| *record)
        .collect();
    ack(&mut side, &later);
    let fates =
        |side: &Sender, channel| [0, 1].map(|id| side.fate(ChannelId(channel), MessageId(id)).unwrap());
    assert_eq!(fates(&side, 0), [Fate::InFlight, Fate::InFlight]);
    assert_eq!(fates(&side, 1), [Fate::InFlight, Fate::Delivered]);
    let unknown = side.unconfirmed();
    let unknown: Vec<_> =
        unknown.iter().map(|entry| (entry.channel.0, entry.message.0, entry.fate)).collect();
    assert_eq!(unknown, [(0, 0, Fate::Unknown), (0, 1, Fate::Unknown), (1, 0, Fate::Unknown)]);
    assert_eq!(delivered(&mut side), [1]);
    ack(&mut side, &records);
    assert_eq!(fates(&side, 0), [Fate::Delivered; 2]);
    assert!(side.unconfirmed().is_empty());
    assert_eq!(side.stats(FIRST).unwrap().delivered, 2);
}

#[test]
fn an_expired_lifetime_drops_only_messages_that_were_never_sent() {
    let lifetime = Some(core::time::Duration::from_millis(100));
    let mut side = side(&[ChannelConfig { lifetime, ..ChannelConfig::new(Delivery::ReliableOrdered) }]);
    let begun = send(&mut side, 0, 2000);
    let (_, first) = packet(&mut side);
    let waits = send(&mut side, 0, 10);
    let later = NOW + Span::from_millis(100);
    assert_eq!(side.next_expiry(), Some(later));
    let next = side.enqueue(NOW + Span::from_millis(1), FIRST, bytes(1)).unwrap();
    side.expire(later);
    assert_eq!(side.fate(FIRST, begun), Some(Fate::InFlight));
    assert_eq!(side.fate(FIRST, waits), Some(Fate::NotSent));
    assert_eq!(side.fate(FIRST, next), Some(Fate::Queued));
    assert_eq!(side.next_expiry(), Some(later + Span::from_millis(1)));
    lose(&mut side, &first);
    let mut buffer = [0; WHOLE_FRAME];
    let mut pieces = 0;
    side.write_pieces(later + Span::from_secs(9), &mut Writer::new(&mut buffer), |_| pieces += 1);
    assert_eq!(pieces, 1);
    assert_eq!(side.fate(FIRST, next), Some(Fate::NotSent), "writing does not send what expired");
    assert_eq!(side.stats(FIRST).unwrap().expired, 2);
}

#[test]
fn the_loss_or_ack_of_a_merged_record_applies_to_each_of_its_consecutive_messages() {
    let receipts = true;
    let mut side = side(&[ChannelConfig { receipts, ..ChannelConfig::new(Delivery::ReliableOrdered) }]);
    send_many(&mut side, 0, 5, 10);
    let join = |records: &[PieceRecord]| {
        let mut joined = records[0];
        assert!(records[1..].iter().all(|record| joined.extend(record)));
        joined
    };
    let (_, first) = packet(&mut side);
    let first = join(&first);
    side.on_lost(first);
    let (frames, again) = packet(&mut side);
    assert_eq!(frames.len(), 5);
    // What was sent again is another transmission: the loss of the first says nothing about it.
    assert!(!{ first }.extend(&again[0]));
    side.on_lost(first);
    assert!(!side.has_sendable());
    side.on_acked(join(&again[1..3]));
    assert!(delivered(&mut side).is_empty());
    side.on_acked(again[0]);
    assert_eq!(delivered(&mut side), [0, 1, 2]);
    side.on_acked(first);
    assert_eq!(delivered(&mut side), [3, 4]);
    assert!(!{ again[0] }.extend(&again[2]), "a gap");
}

#[test]
fn the_120_newest_messages_have_the_fate_delivered_if_acked_and_not_sent_if_expired() {
    let lifetime = Some(core::time::Duration::from_millis(1));
    let mut side = side(&[ChannelConfig { lifetime, ..ChannelConfig::new(Delivery::ReliableOrdered) }]);
    let mut now = NOW;
    for _ in 0..200 {
        side.enqueue(now, FIRST, bytes(1)).unwrap();
        now += Span::from_secs(1);
        side.expire(now);
        side.enqueue(now, FIRST, bytes(1)).unwrap();
        let mut buffer = [0; WHOLE_FRAME];
        let mut records = Vec::new();
        side.write_pieces(now, &mut Writer::new(&mut buffer), |record| records.push(record));
        ack(&mut side, &records);
    }
    for number in 0..400 {
        let truth = if number % 2 == 0 { Fate::NotSent } else { Fate::Delivered };
        let told = side.fate(FIRST, MessageId(number));
        assert!(told == Some(truth) || (told.is_none() && number < 280), "{number}: {told:?}");
    }
}

#[test]
fn a_sent_unreliable_or_sequenced_message_has_the_fate_unknown() {
    let mut side = side(&[ChannelConfig::new(Delivery::Unreliable), ChannelConfig::new(Delivery::Sequenced)]);
    for channel in 0..2 {
        let id = send(&mut side, channel, 1200);
        assert_eq!(side.fate(ChannelId(channel), id), Some(Fate::Queued));
        let (_, records) = packet(&mut side);
        assert_eq!(side.fate(ChannelId(channel), id), Some(Fate::Unknown));
        packet(&mut side);
        lose(&mut side, &records);
        assert!(!side.has_sendable() && side.is_drained());
    }
    assert!(side.unconfirmed().is_empty());
}
