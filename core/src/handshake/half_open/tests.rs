use super::super::half_open_table::{Abandoned, HalfOpenEntry, HalfOpenTable};
use super::*;
use crate::time::Instant;

const PARAMETERS: Parameters = Parameters {
    schema: u64::MAX,
    credit: 1 << 30,
    max_message: 1 << 28,
    ack_delay_us: 10_000_000,
    idle_timeout_ms: u32::MAX,
    max_datagram: u16::MAX,
};

fn half_open(credential: ShownCredential, local_id: u32) -> HalfOpen {
    let peer = PeerInfo { identity: [1; 16], user_data: Bytes::from_static(&[2; limits::TICKET_USER_DATA]) };
    let opening = NewHalfOpen {
        root: [3; 32].into(),
        credential,
        peer: &peer,
        parameters: PARAMETERS,
        client_id: 4,
        local_id,
        session: SessionOutcome::New,
        address: Address::Link(LinkId(8)),
        record: None,
    };
    let payload = super::super::welcome::accept(SessionOutcome::New, local_id, &PARAMETERS).unwrap();
    HalfOpen::new(opening, &alloc::vec![9; 4 + 32 + payload.len() + limits::TAG])
}

fn id(value: u32) -> HalfOpenId {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&value.to_le_bytes());
    HalfOpenId::of(&digest)
}

#[test]
fn a_half_open_handshake_with_the_largest_user_data_takes_at_most_512_bytes() {
    let half_open = half_open(ShownCredential::Ticket { id: [5; 16], expiry: 6 }, 7);
    let size = size_of::<(HalfOpenId, HalfOpenEntry)>() + half_open.stored.len();
    assert!(size <= limits::HALF_OPEN_BYTES, "{size}");
    assert_eq!(half_open.peer().user_data.len(), limits::TICKET_USER_DATA);
}

#[test]
fn inserting_into_a_full_half_open_table_fails() {
    let mut table = HalfOpenTable::new();
    for value in 0..limits::HALF_OPEN as u32 {
        assert!(table.insert(Instant::ZERO, id(value), half_open(ShownCredential::Open, value)));
    }
    assert!(!table.insert(Instant::ZERO, id(u32::MAX), half_open(ShownCredential::Open, 0)));
    for value in 0..2 * limits::REFUSALS_KEPT as u32 {
        table.insert_refusal(Instant::ZERO, id(1 << 20 | value), ShownCredential::Open, &[6]);
    }
    assert_eq!(table.len(), limits::HALF_OPEN + limits::REFUSALS_KEPT);
    assert_eq!(table.waiting(), limits::HALF_OPEN);
}

#[test]
fn half_open_entries_expire_after_ten_and_a_half_seconds_in_batches_of_bounded_size() {
    let mut table = HalfOpenTable::new();
    for value in 0..limits::TIMERS_PER_CALL as u32 + 1 {
        assert!(table.insert(Instant::ZERO, id(value), half_open(ShownCredential::Open, value)));
    }
    let end = Instant::ZERO + HALF_OPEN_LIFE;
    assert_eq!(table.next_timeout(), end);
    assert!(table.expire(end - Span::from_micros(1)).is_empty());
    assert!(table.get(end, &id(0)).is_none());
    assert_eq!(table.expire(end).len(), limits::TIMERS_PER_CALL);
    assert_eq!(table.next_timeout(), end);
    assert_eq!(table.expire(end).len(), 1);
    assert_eq!(table.next_timeout(), Instant::MAX);
}

#[test]
fn copies_of_a_hello_extend_its_half_open_entry_to_at_most_thirty_seconds() {
    let (mut table, address) = (HalfOpenTable::new(), Address::Link(LinkId(8)));
    let at = |seconds| Instant::ZERO + Span::from_secs(seconds);
    assert!(table.insert(at(0), id(1), half_open(ShownCredential::Open, 1)));
    assert!(table.repeat(at(9), &id(1), address).is_some());
    assert!(table.expire(at(11)).is_empty());
    assert_eq!(table.next_timeout(), at(9) + HALF_OPEN_LIFE);
    for seconds in [18, 27, 29] {
        assert!(table.repeat(at(seconds), &id(1), address).is_some());
    }
    assert!(table.repeat(at(30), &id(1), address).is_none());
    assert_eq!(table.expire(at(30)).len(), 1);
}

#[test]
fn a_copy_of_a_hello_from_a_different_address_does_not_extend_the_half_open_entry() {
    let mut table = HalfOpenTable::new();
    let at = |seconds| Instant::ZERO + Span::from_secs(seconds);
    assert!(table.insert(at(0), id(1), half_open(ShownCredential::Open, 1)));
    assert!(table.repeat(at(9), &id(1), Address::Link(LinkId(9))).is_some());
    assert_eq!(table.expire(at(11)).len(), 1);
}

#[test]
fn a_third_handshake_of_a_ticket_replaces_its_oldest_half_open_entry_after_five_seconds() {
    let ours = ShownCredential::Ticket { id: [1; 16], expiry: 9 };
    let mut table = HalfOpenTable::new();
    let at = |seconds| Instant::ZERO + Span::from_secs(seconds);
    assert!(table.insert(at(0), id(1), half_open(ours, 11)));
    assert!(table.insert(at(3), id(2), half_open(ours, 12)));
    assert!(!table.has_room_for(at(4), &ours));
    assert!(table.has_room_for(at(5), &ours));
    assert_eq!(table.next_timeout(), at(5));
    assert_eq!(table.expire(at(5)).as_slice(), [Abandoned { local_id: 11, record: None }]);
    assert!(table.get(at(5), &id(2)).is_some());
}

#[test]
fn confirming_a_half_open_entry_removes_only_the_entries_of_the_same_ticket() {
    let ours = ShownCredential::Ticket { id: [1; 16], expiry: 9 };
    let other = ShownCredential::Ticket { id: [2; 16], expiry: 9 };
    let mut table = HalfOpenTable::new();
    assert!(table.insert(Instant::ZERO, id(1), half_open(ours, 11)));
    assert!(table.insert(Instant::ZERO, id(2), half_open(ours, 12)));
    assert!(table.insert(Instant::ZERO, id(3), half_open(other, 13)));
    table.insert_refusal(Instant::ZERO, id(4), ours, &[6]);
    assert!(!table.has_room_for(Instant::ZERO, &ours));
    assert!(table.has_room_for(Instant::ZERO, &other));
    let (taken, freed) = table.take(Instant::ZERO, &id(1)).unwrap();
    assert_eq!((taken.local_id(), freed.as_slice()), (11, &[12][..]));
    assert_eq!((table.len(), table.waiting()), (1, 1));
    assert!(table.take(Instant::ZERO, &id(2)).is_none());
}

#[test]
fn confirming_a_handshake_without_a_credential_removes_no_other_half_open_entry() {
    let mut table = HalfOpenTable::new();
    assert!(table.insert(Instant::ZERO, id(1), half_open(ShownCredential::Open, 11)));
    assert!(table.insert(Instant::ZERO, id(2), half_open(ShownCredential::Open, 12)));
    let (_, freed) = table.take(Instant::ZERO, &id(1)).unwrap();
    assert!(freed.is_empty());
    assert_eq!(table.waiting(), 1);
}
