//! Tests of connections that share the memory for reassembly.

use super::*;

/// The receiving sides of many connections that share one [`Room`](crate::channel::room::Room).
struct Crowd {
    sides: Vec<ReceiveSide>,
    arena: Arena,
    now: Instant,
}

impl Crowd {
    fn new(count: usize, room: u64) -> Self {
        let channels: Arc<[_]> =
            [Delivery::ReliableUnordered, Delivery::ReliableOrdered].map(ChannelConfig::new).into();
        let sides = (0..count).map(|_| ReceiveSide::new(Arc::clone(&channels), MOST, WINDOW)).collect();
        Self { sides, arena: Arena::new(room, MOST, count + 1), now: NOW }
    }

    fn part(&mut self, side: usize, channel: u8, id: u32, offset: usize) -> Receipt {
        let part = MessagePart::Fragment { total: MOST as u64, offset: offset as u64 };
        let data = &[7; 1024];
        let frame = MessageFrame { channel: ChannelId(channel), id: Some(id), part, data };
        self.sides[side].on_message(self.now, &frame, &mut self.arena).unwrap()
    }

    fn held(&self) -> u64 {
        self.sides.iter().map(ReceiveSide::memory).sum()
    }

    /// Sends a message, and resends each fragment every 100 ms until the receiver accepts it. Returns the time that
    /// the message took.
    fn send(&mut self, side: usize, channel: u8, id: u32) -> Span {
        let began = self.now;
        for offset in (0..MOST).step_by(1024) {
            while self.part(side, channel, id, offset) == Receipt::Refused {
                self.now += Span::from_millis(100);
                assert!(self.now.since(began) < Span::from_secs(300), "starved at {offset}");
                for side in &mut self.sides {
                    if side.expire(self.now, &mut self.arena) {
                        side.begin_resume();
                    }
                }
            }
        }
        self.now.since(began)
    }
}

#[test]
fn each_of_40_connections_gets_its_share_of_the_reassembly_memory() {
    let mut crowd = Crowd::new(40, 8 << 20);
    let half = ((8 << 20) - crate::limits::reserved_room(MOST)) / 2;
    for side in 0..40 {
        let mut taken = 0;
        for id in 0..3 {
            for offset in (0..MOST - 1024).step_by(1024) {
                taken += usize::from(crowd.part(side, 0, id, offset) == Receipt::Taken) * 1024;
            }
        }
        assert!(taken >= half / 41 * 7 / 8, "{taken} for number {side}");
        assert!(side > 0 || taken > half / 3, "{taken} where nobody else is");
        assert!(crowd.held() <= 8 << 20);
    }
}

#[test]
fn messages_that_together_exceed_the_reassembly_memory_all_complete() {
    for channel in [0, 1] {
        let mut crowd = Crowd::new(20, 8 << 20);
        let mut at = [[0; 2]; 20];
        let mut waits = 0;
        while at.iter().flatten().any(|at| *at < MOST) {
            let before = at;
            for (side, places) in at.iter_mut().enumerate() {
                for (id, at) in (0..).zip(places.iter_mut()).filter(|(_, at)| **at < MOST) {
                    *at += usize::from(crowd.part(side, channel, id, *at) == Receipt::Taken) * 1024;
                }
            }
            assert!(crowd.held() <= 8 << 20);
            crowd.sides.iter_mut().for_each(|side| while side.pop().is_some() {});
            crowd.now += Span::from_millis(20);
            waits = if before == at { waits + 1 } else { 0 };
            assert!(waits * 20 < 2000 && crowd.now < NOW + Span::from_secs(600), "stalled at {at:?}");
        }
        assert_eq!(crowd.held(), 0);
    }
}

#[test]
fn connections_that_never_finish_their_messages_do_not_starve_a_connection_that_finishes_messages() {
    let mut crowd = Crowd::new(9, 6 << 20);
    for side in 0..8 {
        for id in 0..3 {
            for offset in (0..MOST - 1024).step_by(1024) {
                crowd.part(side, 0, id, offset);
            }
        }
    }
    let took = crowd.send(8, 0, 0);
    assert!(crowd.sides[8].has_messages() && took < Span::from_secs(150), "{took:?}");
    // Connections that go give everything back.
    crowd.sides.truncate(0);
    let mut crowd = Crowd { sides: Crowd::new(1, 6 << 20).sides, ..crowd };
    assert_eq!(crowd.send(0, 0, 0), Span::ZERO);
}

#[test]
fn a_connections_reassembly_memory_is_at_most_four_times_its_received_bytes_plus_a_constant() {
    let mut peer = Peer::new(WINDOW);
    let mut sent = 0;
    for id in 0..1000 {
        for offset in [99_000, 0, 50_000] {
            let _ = peer.part(UNORDERED, id, 100_000, offset, b"1");
            sent += 11;
            assert!(peer.side.memory() <= (HELD_PER_RECEIVED * sent + HELD_FREE) as u64);
        }
        if id >= 30 {
            break;
        }
    }
    let taken = peer.side.memory();
    assert!(taken > 3 * PAGE_LEAST as u64 * 30);
}
