use alloc::vec::Vec;

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::super::RustCrypto;
use super::*;

const PTO: Span = Span::from_millis(10);

fn pair() -> [End; 2] {
    let keys = |send, receive| PacketKeys::new(Arc::new(RustCrypto), &[send; 32], &[receive; 32]);
    [End::new(keys(1, 2)), End::new(keys(2, 1))]
}

/// One end, with its packet numbers.
struct End {
    keys: PacketKeys,
    next: u64,
}

#[derive(Clone)]
struct Packet {
    number: u64,
    phase: bool,
    bytes: Vec<u8>,
}

impl End {
    fn new(keys: PacketKeys) -> Self {
        Self { keys, next: 0 }
    }

    fn send(&mut self) -> Packet {
        let (number, phase) = (self.next, self.keys.send_phase());
        self.next += 1;
        let mut bytes = [&b"data"[..], &[0; limits::TAG]].concat();
        self.keys.seal(number, &[u8::from(phase)], &mut bytes);
        Packet { number, phase, bytes }
    }

    fn receive(&mut self, micros: u64, packet: &Packet) -> Result<usize, Rejected> {
        let mut bytes = packet.bytes.clone();
        let header = [u8::from(packet.phase)];
        let result = self.keys.open(at(micros), packet.phase, packet.number, &header, &mut bytes, || PTO);
        assert!(result.is_err() || bytes.starts_with(b"data"));
        result
    }

    fn rotate(&mut self, micros: u64) -> bool {
        self.keys.rotate(at(micros), self.next)
    }
}

fn at(micros: u64) -> Instant {
    Instant::saturating_from_micros(micros)
}

/// Rotates the keys of `a`. `b` follows, and `a` receives a packet with the new keys of `b`. All happens at time
/// `micros`.
fn rotated(a: &mut End, b: &mut End, micros: u64) {
    assert!(a.rotate(micros));
    let packet = a.send();
    assert_eq!(b.receive(micros, &packet), Ok(4));
    assert_eq!(a.receive(micros, &b.send()), Ok(4));
    a.keys.on_acked(packet.number);
}

#[test]
fn a_peer_follows_a_key_rotation_upon_the_first_packet_of_the_new_key_phase() {
    let [mut a, mut b] = pair();
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert!(!a.keys.send_phase() && a.rotate(0) && a.keys.send_phase());
    assert_eq!(a.receive(0, &b.send()), Ok(4), "the peer does not know of it yet");
    assert!(!b.keys.send_phase());
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert!(b.keys.send_phase());
    assert_eq!(a.receive(0, &b.send()), Ok(4));
}

#[test]
fn packets_open_after_both_ends_rotate_keys_at_the_same_time() {
    let [mut a, mut b] = pair();
    assert!(a.rotate(0) && b.rotate(0));
    let (from_a, from_b) = (a.send(), b.send());
    assert_eq!((a.receive(0, &from_b), b.receive(0, &from_a)), (Ok(4), Ok(4)));
    assert!(a.keys.send_phase() && b.keys.send_phase());
    assert_eq!(a.receive(0, &b.send()), Ok(4));
}

#[test]
fn a_key_rotation_is_refused_until_the_peer_acknowledged_and_followed_the_previous_rotation() {
    let [mut a, mut b] = pair();
    let before = a.send();
    assert!(a.rotate(0));
    let packet = a.send();
    let from_b = b.send();
    assert!(!a.rotate(0), "nothing is acknowledged");
    a.keys.on_acked(before.number);
    assert!(!a.rotate(0), "only a packet of the phase before is acknowledged");
    a.keys.on_acked(packet.number);
    a.receive(0, &from_b).unwrap();
    assert!(!a.rotate(0), "the peer has not followed");
    b.receive(0, &packet).unwrap();
    a.receive(0, &b.send()).unwrap();
    assert!(!a.rotate(29_999), "the previous key is still kept");
    assert!(a.rotate(30_000));
}

#[test]
fn an_end_that_followed_a_key_rotation_cannot_rotate_before_its_new_phase_is_acknowledged() {
    let [mut a, mut b] = pair();
    assert!(a.rotate(0));
    b.receive(0, &a.send()).unwrap();
    assert!(!b.rotate(1_000_000));
    let packet = b.send();
    assert!(!b.rotate(1_000_000));
    b.keys.on_acked(packet.number);
    assert!(b.rotate(1_000_000));
}

#[test]
fn the_previous_key_opens_reordered_packets_for_three_ptos() {
    let [mut a, mut b] = pair();
    let late = [a.send(), a.send()];
    rotated(&mut a, &mut b, 100);
    assert_eq!(b.receive(30_099, &late[0]), Ok(4));
    assert_eq!(b.receive(30_100, &late[1]), Err(Rejected));
    assert_eq!(b.keys.failed_opens(), 0, "no key was tried on it");
}

#[test]
fn a_reordered_packet_of_the_new_key_phase_opens() {
    let [mut a, mut b] = pair();
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert!(a.rotate(0));
    let [first, second] = [a.send(), a.send()];
    assert_eq!(b.receive(0, &second), Ok(4));
    assert_eq!(b.receive(0, &first), Ok(4));
}

#[test]
fn a_packet_of_the_old_key_phase_numbered_above_a_packet_of_the_new_phase_is_rejected() {
    let [mut a, mut b] = pair();
    let honest = a.send();
    a.next = 10;
    let above = a.send();
    a.next = 5;
    assert!(a.rotate(0));
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert_eq!(b.receive(0, &above), Err(Rejected));
    assert_eq!(b.receive(0, &honest), Ok(4));
}

#[test]
fn a_reordered_packet_of_the_new_key_phase_lowers_the_first_number_of_the_phase() {
    let [mut a, mut b] = pair();
    a.next = 11;
    let above = a.send();
    a.next = 10;
    assert!(a.rotate(0));
    let first = a.send();
    a.next = 12;
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert_eq!(b.receive(0, &first), Ok(4));
    assert_eq!(b.receive(0, &above), Err(Rejected));
}

#[test]
fn a_packet_of_the_new_key_phase_numbered_below_a_packet_of_the_old_phase_is_rejected() {
    let [mut a, mut b] = pair();
    a.next = 10;
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    a.next = 5;
    assert!(a.rotate(0));
    let [early, _] = [a.send(), a.send()];
    assert_eq!(b.receive(0, &early), Err(Rejected));
    a.next = 11;
    assert_eq!(b.receive(0, &a.send()), Ok(4), "the key is intact");
    assert_eq!(b.receive(0, &early), Err(Rejected), "also after the switch");
}

#[test]
fn a_reordered_packet_of_the_previous_key_phase_raises_the_first_number_of_the_new_phase() {
    let [mut a, mut b] = pair();
    a.next = 7;
    let late = a.send();
    a.next = 6;
    assert!(a.rotate(0));
    let contradiction = a.send();
    a.next = 9;
    assert_eq!(b.receive(0, &a.send()), Ok(4));
    assert_eq!(b.receive(0, &late), Ok(4));
    assert_eq!(b.receive(0, &contradiction), Err(Rejected));
}

#[test]
fn a_forged_phase_bit_does_not_rotate_keys() {
    let [mut a, mut b] = pair();
    let packet = a.send();
    let forged = Packet { phase: true, ..packet.clone() };
    assert_eq!(b.receive(0, &forged), Err(Rejected));
    assert!(!b.keys.send_phase());
    assert_eq!((b.receive(0, &packet), b.keys.failed_opens()), (Ok(4), 1));
}

#[test]
fn a_key_rotation_resets_the_count_of_sealed_packets() {
    let [mut a, _] = pair();
    a.send();
    a.send();
    assert_eq!(a.keys.sealed(), 2);
    assert!(a.rotate(0));
    assert_eq!(a.keys.sealed(), 0);
    a.send();
    assert_eq!(a.keys.sealed(), 1);
}

#[test]
fn keys_are_exhausted_at_the_limit_of_packets_that_failed_to_open() {
    let [mut a, mut b] = pair();
    let forged = Packet { number: 1, ..b.send() };
    a.keys.failed_opens = limits::FAILED_OPENS - 1;
    assert!(!a.keys.exhausted());
    assert_eq!(a.receive(0, &forged), Err(Rejected));
    assert!(a.keys.exhausted());
}

#[test]
fn no_two_key_generations_or_directions_seal_a_packet_to_the_same_bytes() {
    let [mut a, mut b] = pair();
    let mut sealed = Vec::new();
    for round in 0..4u64 {
        for end in [&mut a, &mut b] {
            end.next = round * 100;
            let mut bytes = [0; limits::TAG];
            // Seals outside of the exchange, with one number and header: only the keys differ.
            end.keys.send.key.seal(0, b"", &mut bytes);
            sealed.push(bytes);
        }
        rotated(&mut a, &mut b, round * 1_000_000);
    }
    sealed.sort_unstable();
    sealed.dedup();
    assert_eq!(sealed.len(), 8);
}

/// A step of an exchange.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// End 1 (`true`) or end 0 (`false`) sends a packet, which arrives after the given time in milliseconds, below
    /// three PTOs.
    Send(bool, u8),
    /// End 1 (`true`) or end 0 (`false`) sends a packet, which the network loses.
    Lose(bool),
    Rotate(bool),
    /// The given time in milliseconds passes.
    Wait(u8),
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let (end, number) = (bool::arbitrary(g), u8::arbitrary(g));
        match u8::arbitrary(g) % 10 {
            0..5 => Self::Send(end, number % 30),
            5 => Self::Lose(end),
            6..8 => Self::Rotate(end),
            _ => Self::Wait(number % 40),
        }
    }
}

/// A packet in flight, with the packets that its sender had received when it was sent.
struct Underway {
    to: usize,
    arrives: u64,
    packet: Packet,
    acknowledges: Option<u64>,
}

/// Two ends on a network that delays packets by less than three PTOs, reorders packets, and loses packets.
struct Exchange {
    ends: [End; 2],
    received: [Option<u64>; 2],
    network: Vec<Underway>,
    now: u64,
    rotations: usize,
}

impl Exchange {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Send(end, delay) => {
                let from = usize::from(end);
                let packet = self.ends[from].send();
                let arrives = self.now + u64::from(delay) * 1000;
                let acknowledges = self.received[from];
                self.network.push(Underway { to: 1 - from, arrives, packet, acknowledges });
            }
            Step::Lose(end) => drop(self.ends[usize::from(end)].send()),
            Step::Rotate(end) => {
                self.rotations += usize::from(self.ends[usize::from(end)].rotate(self.now));
            }
            Step::Wait(millis) => self.pass(u64::from(millis) * 1000),
        }
    }

    fn pass(&mut self, micros: u64) {
        self.now += micros;
        self.network.sort_by_key(|underway| underway.arrives);
        let due = self.network.partition_point(|underway| underway.arrives <= self.now);
        for Underway { to, arrives, packet, acknowledges } in self.network.drain(..due) {
            let end = &mut self.ends[to];
            assert_eq!(
                end.receive(arrives, &packet),
                Ok(4),
                "{packet_number}",
                packet_number = packet.number
            );
            self.received[to] = self.received[to].max(Some(packet.number));
            if let Some(acked) = acknowledges {
                end.keys.on_acked(acked);
            }
        }
    }
}

#[test]
fn packets_open_while_both_ends_rotate_keys_at_random_times() {
    fn each_end_opens_the_packets_of_the_other(steps: Vec<Step>) -> bool {
        let mut exchange =
            Exchange { ends: pair(), received: [None; 2], network: Vec::new(), now: 0, rotations: 0 };
        steps.into_iter().for_each(|step| exchange.apply(step));
        // Whatever happened, both ends agree once the network is quiet, and can rotate again.
        for round in 0..3 {
            exchange.pass(100_000);
            exchange.apply(Step::Send(round % 2 == 0, 0));
            exchange.pass(100_000);
            exchange.apply(Step::Send(round % 2 == 1, 0));
        }
        exchange.pass(100_000);
        let [a, b] = &exchange.ends;
        let agree = a.keys.send.generation == b.keys.send.generation
            && a.keys.receive.generation == b.keys.send.generation
            && b.keys.receive.generation == a.keys.send.generation;
        let unused = a.keys.failed_opens() + b.keys.failed_opens() == 0;
        let before = exchange.rotations;
        exchange.apply(Step::Rotate(false));
        agree && unused && exchange.rotations == before + 1
    }
    quickcheck(each_end_opens_the_packets_of_the_other as fn(Vec<Step>) -> bool);
}
