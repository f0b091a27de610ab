use alloc::vec::Vec;

use quickcheck::quickcheck;

use super::*;

const fn at(micros: u64) -> Instant {
    Instant::saturating_from_micros(micros)
}

const fn us(micros: u64) -> Span {
    Span::from_micros(micros)
}

/// Two clocks and a path. The peer's clock shows `behind` µs at time zero of this end's clock, and runs `ppm` parts
/// per million faster.
struct Pair {
    sync: ClockSync,
    now: u64,
    start: u64,
    ppm: i64,
}

impl Pair {
    fn new(start: u64, ppm: i64) -> Self {
        let mut pair = Self { sync: ClockSync::default(), now: 1_000_000, start, ppm };
        pair.sync.on_clock(at(pair.now), pair.peer(pair.now));
        pair
    }

    fn peer(&self, local: u64) -> Instant {
        at(self.start.saturating_add(local).saturating_add_signed(local.cast_signed() * self.ppm / 1_000_000))
    }

    /// Sends a packet to the peer, where its acknowledgement waits, and receives the acknowledgement.
    fn exchange(&mut self, there: u64, wait: u64, back: u64) {
        let (sent, received) = (self.now, self.now + there);
        let acknowledged = received + wait;
        self.now = acknowledged + back;
        let held = self.peer(acknowledged).since(self.peer(received)).as_micros() / 8 * 8;
        let low = self.peer(received).as_micros() as u32 & 0x00ff_ffff;
        self.sync.on_ack(at(self.now), at(sent), low, us(held));
    }

    fn shown(&self) -> Instant {
        self.sync.shown().unwrap().at(at(self.now))
    }

    fn error(&self) -> u64 {
        self.sync.shown().unwrap().error(at(self.now)).as_micros() as u64
    }

    fn miss(&self) -> u64 {
        ahead(self.shown(), self.peer(self.now)).unsigned_abs()
    }
}

#[test]
fn the_peer_clock_is_unknown_until_a_clock_report_and_an_ack_have_arrived() {
    let mut pair = Pair::new(5_000_000, 0);
    assert_eq!(pair.sync.shown(), None);
    pair.sync.on_new_transport();
    pair.exchange(10_000, 0, 10_000);
    assert_eq!(pair.sync.shown(), None);
    pair.sync.on_clock(at(pair.now), pair.peer(pair.now));
    pair.exchange(10_000, 0, 10_000);
    assert!(pair.miss() < 20);
}

#[test]
fn the_first_clock_sample_has_half_the_rtt_as_its_stated_error() {
    let mut pair = Pair::new(77_000_000_000, 0);
    pair.exchange(30_000, 40_000, 10_000);
    // The rest is what the clocks may have drifted apart since the packet was sent.
    assert!((10_000..10_050).contains(&pair.miss()), "{}", pair.miss());
    assert!((20_000..20_050).contains(&pair.error()), "{}", pair.error());
}

#[test]
fn the_fastest_packets_of_both_directions_bound_the_clock_error_even_in_different_round_trips() {
    let mut pair = Pair::new(1 << 40, 0);
    pair.exchange(1000, 0, 90_000);
    pair.exchange(80_000, 0, 1000);
    // Half the first round trip was too much. That is made good in a second, and counts until then.
    assert!(pair.error() > 40_000);
    pair.now += 1_000_000;
    assert!(pair.error() < 2_500, "{}", pair.error());
    assert!(pair.miss() <= pair.error());
}

#[test]
fn the_true_offset_lies_within_the_stated_error_for_any_delays_and_skew() {
    fn the_true_offset_lies_within_the_error(start: u32, ppm: i16, steps: Vec<(u16, u16, u16, u16)>) -> bool {
        // Each clock within 500 ppm of true time.
        let mut pair = Pair::new(u64::from(start) * 1000, i64::from(ppm % 1001));
        steps.iter().all(|&(there, wait, back, pause)| {
            pair.now += u64::from(pause) * 50;
            let before = pair.sync.shown().map(|shown| shown.at(at(pair.now)));
            pair.sync.on_clock(at(pair.now), pair.peer(pair.now));
            pair.exchange(u64::from(there) * 4, u64::from(wait), u64::from(back) * 4);
            before.is_none_or(|before| before <= pair.shown()) && pair.miss() <= pair.error()
        })
    }
    quickcheck(the_true_offset_lies_within_the_error as fn(u32, i16, Vec<(u16, u16, u16, u16)>) -> bool);
}

#[test]
fn no_time_reported_by_a_peer_moves_the_clock_reading_backwards() {
    fn no_reading_steps_back(steps: Vec<(u64, u32, u64, u32, bool)>) -> bool {
        let (mut sync, mut now, mut last) = (ClockSync::default(), Instant::ZERO, Instant::ZERO);
        for (time, low, held, pause, tells) in steps {
            let sent_at = now;
            now += us(pause.into());
            if tells {
                sync.on_clock(now, at(time >> (time % 64)));
            }
            let before = sync.shown().map_or(last, |shown| shown.at(now));
            sync.on_ack(now, sent_at, low, us(held >> (held % 64)));
            let Some(shown) = sync.shown() else { continue };
            if before < last || shown.at(now) < before || shown.at(now + us(1)) < shown.at(now) {
                return false;
            }
            last = shown.at(now);
            // Any time may be asked for.
            for time in [Instant::ZERO, Instant::MAX] {
                let _ = (shown.at(time), shown.error(time));
            }
        }
        true
    }
    quickcheck(no_reading_steps_back as fn(Vec<(u64, u32, u64, u32, bool)>) -> bool);
}

#[test]
fn a_clock_correction_is_applied_at_five_percent_of_the_elapsed_time() {
    let clock = |correction| PeerClock { local: at(1000), peer: at(5000), correction, half_width: 7 };
    assert_eq!(clock(100).at(at(2000)), at(6050));
    assert_eq!(clock(-100).at(at(2000)), at(5950));
    assert_eq!(clock(100).at(at(9000)), at(13_100));
    assert_eq!(clock(100).at(at(500)), at(4500));
    assert_eq!(clock(100).error(at(2000)), us(50 + 7 + 3).duration());
    assert_eq!(clock(100).error(at(3000)), us(7 + 4).duration());
}

#[test]
fn the_peer_clock_reading_follows_a_forward_jump_of_the_peers_clock_with_the_next_sample() {
    for leap in [300_000, 3_000_000, 9_000_000, 3_600_000_000] {
        let mut pair = Pair::new(0, 0);
        pair.exchange(10_000, 0, 10_000);
        pair.start += leap;
        // What leaps by more than four seconds says so.
        if leap > 4_000_000 {
            pair.sync.on_clock(at(pair.now), pair.peer(pair.now));
        }
        pair.exchange(10_000, 0, 10_000);
        assert!(pair.miss() < 100, "{leap}: {}", pair.miss());
    }
}

#[test]
fn after_a_forward_jump_of_the_local_clock_the_peer_clock_reading_stops_until_the_estimate_reaches_it() {
    let mut pair = Pair::new(20_000_000, 0);
    pair.exchange(10_000, 0, 10_000);
    pair.now += 2_000_000;
    pair.start -= 2_000_000;
    let before = pair.shown();
    pair.exchange(10_000, 0, 10_000);
    let then = pair.shown();
    // It went on for the round trip until the leap was noticed, then stands.
    assert_eq!(then, before + us(20_000));
    pair.now += 1_500_000;
    assert_eq!(pair.shown(), then);
    pair.now += 1_000_000;
    pair.exchange(10_000, 0, 10_000);
    assert!(pair.miss() < 100, "{}", pair.miss());
}

#[test]
fn a_receive_time_that_could_have_wrapped_is_ignored_until_the_peer_reports_its_full_time() {
    let mut pair = Pair::new(0, 0);
    pair.exchange(10_000, 0, 10_000);
    let shown = pair.sync.shown();
    pair.start += 12_000_000;
    pair.exchange(10_000, 0, 10_000);
    assert_eq!(pair.sync.shown(), shown);
    pair.exchange(10_000, 0, 10_000);
    assert_eq!(pair.sync.shown(), shown);
    pair.sync.on_clock(at(pair.now), pair.peer(pair.now));
    pair.exchange(10_000, 0, 10_000);
    assert!(pair.miss() < 100, "{}", pair.miss());
}

#[test]
fn an_unacknowledged_clock_report_is_sent_at_most_eight_times_in_four_seconds() {
    let mut telling = ClockTelling::default();
    let mut told = 0;
    for _ in 0..100 {
        if telling.is_due(at(5), false) {
            telling.on_told(at(5));
            told += 1;
        }
    }
    assert_eq!(told, 8);
    let mut telling = ClockTelling::default();
    telling.on_told(at(5));
    assert!(!telling.is_due(at(4_000_004), true));
    assert!(telling.is_due(at(4_000_005), true));
}
