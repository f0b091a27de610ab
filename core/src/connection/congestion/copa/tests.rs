use alloc::collections::VecDeque;

use super::*;
use crate::connection::congestion::RateSample;

const DATAGRAM: u64 = 1200;

/// A bottleneck with an unlimited queue, and a sender that always has data to send.
struct Path<'a> {
    now: Instant,
    copa: Copa,
    /// The rate of the bottleneck, in bytes per second.
    rate: u64,
    base: Span,
    /// The microseconds by which the receiver's clock is ahead, and the microseconds that it gains in a second.
    ahead: i64,
    skew: i64,
    /// The largest number of datagrams in flight that the application uses.
    wanted: usize,
    /// The time at which each datagram in flight left the sender, and the time at which its last byte left the queue.
    flight: VecDeque<(Instant, Instant)>,
    busy_until: Instant,
    smoothed: Span,
    /// Returns the wait on the return path of an acknowledgement that enters the return path at the given time.
    back: &'a dyn Fn(Instant) -> Span,
}

impl<'a> Path<'a> {
    fn new(rate: u64, base_ms: u64) -> Self {
        let now = Instant::ZERO + Span::from_secs(100);
        let base = Span::from_millis(base_ms);
        Self {
            now,
            copa: Copa::new(now, DATAGRAM),
            rate,
            base,
            ahead: 0,
            skew: 0,
            wanted: usize::MAX,
            flight: VecDeque::new(),
            busy_until: now,
            smoothed: base,
            back: &|_| Span::ZERO,
        }
    }

    /// Returns the time that a datagram that is sent now waits in the queue.
    fn queue(&self) -> Span {
        self.busy_until.since(self.now)
    }

    /// Sends the datagrams that the window allows now.
    fn send(&mut self) {
        let takes = Span::from_micros(DATAGRAM * 1_000_000 / self.rate);
        while self.in_flight() < self.copa.window() && self.flight.len() < self.wanted {
            self.busy_until = self.busy_until.max(self.now) + takes;
            self.flight.push_back((self.now, self.busy_until));
        }
    }

    /// Returns the number of bytes that have not arrived, as far as the sender knows.
    fn in_flight(&self) -> u64 {
        (self.flight.len() as u64 * DATAGRAM).saturating_sub(self.copa.waiting().bytes(self.now))
    }

    /// Sends the datagrams that the window allows, and acknowledges the next datagram.
    fn acknowledge(&mut self) {
        self.send();
        let (sent_at, left_at) = self.flight.pop_front().unwrap();
        let came_back = left_at + self.base;
        let acked_at = self.now.max(came_back + (self.back)(came_back));
        self.flight.push_front((sent_at, left_at));
        // More leaves meanwhile.
        let exceeds = |path: &Self| {
            let excess = (path.flight.len() as u64 * DATAGRAM).saturating_sub(path.copa.window());
            path.copa.waiting().exceeds_at(excess).filter(|at| *at < acked_at)
        };
        while let Some(at) = exceeds(self).filter(|_| self.flight.len() < self.wanted) {
            self.now = self.now.max(at);
            self.send();
        }
        let in_flight = self.in_flight();
        self.flight.pop_front();
        self.now = acked_at;
        let rtt = acked_at.since(sent_at);
        self.smoothed = (self.smoothed * 7 + rtt) / 8;
        let passed = left_at.since(Instant::ZERO).as_micros().cast_signed();
        let there = (left_at + self.base / 2).since(sent_at).as_micros().cast_signed();
        let app_limited = self.wanted != usize::MAX;
        self.copa.on_ack(&AckReport {
            now: self.now,
            packets: 1,
            bytes: DATAGRAM,
            late: 0,
            reorders: false,
            newest_sent_at: sent_at,
            in_flight,
            rtt: Some(rtt),
            smoothed_rtt: self.smoothed,
            one_way_delay: Some(there + self.ahead + self.skew * passed / 1_000_000),
            rate: Some(RateSample {
                bytes_per_second: per_second(in_flight, rtt.as_micros()).min(self.rate),
                app_limited,
            }),
        });
    }

    fn run(&mut self, time: Span) {
        let end = self.now + time;
        while self.now < end {
            self.acknowledge();
        }
    }

    fn lose(&mut self, packets: u64, persistent: bool) {
        self.copa.on_loss(&LossReport { now: self.now, packets, newest_sent_at: self.now, persistent });
    }

    /// Returns the window that fills the path and no queue.
    fn fits(&self) -> u64 {
        bytes_in(self.rate, self.base.as_micros())
    }

    fn is_settled(&self) -> bool {
        self.copa.window() + DATAGRAM >= self.fits()
            && self.queue() < Span::from_micros(10 * DATAGRAM * 1_000_000 / self.rate)
    }
}

const SECOND: Span = Span::from_secs(1);

#[test]
fn copa_converges_to_path_rates_between_50_kb_and_12500_kb_per_second() {
    for (rate, base_ms) in [(50_000, 20), (125_000, 50), (1_250_000, 10), (12_500_000, 100), (2_500_000, 300)]
    {
        let mut path = Path::new(rate, base_ms);
        path.run(20 * SECOND);
        let window = path.copa.window();
        assert!(
            path.is_settled(),
            "{rate} B/s, {base_ms} ms: {window} of {}, {:?}",
            path.fits(),
            path.queue()
        );
    }
}

#[test]
fn the_congestion_window_doubles_each_rtt_in_slow_start() {
    let mut path = Path::new(12_500_000, 100);
    let first = path.copa.window();
    path.run(Span::from_millis(290));
    assert!((4 * first..=8 * first).contains(&path.copa.window()), "{first} {}", path.copa.window());
}

#[test]
fn the_congestion_window_follows_a_tenfold_drop_and_rise_of_the_path_rate() {
    let mut path = Path::new(1_250_000, 50);
    path.run(10 * SECOND);
    path.rate = 125_000;
    path.run(3 * SECOND);
    assert!(path.queue() < Span::from_millis(100), "{:?}", path.queue());
    path.rate = 1_250_000;
    path.run(10 * SECOND);
    assert!(path.is_settled(), "{} of {}", path.copa.window(), path.fits());
}

#[test]
fn isolated_losses_do_not_change_the_congestion_window() {
    let mut path = Path::new(250_000, 50);
    path.run(10 * SECOND);
    for _ in 0..100 {
        let window = path.copa.window();
        path.lose(1, false);
        assert_eq!((path.copa.window(), path.copa.loss.cap()), (window, None));
        path.run(SECOND / 5);
    }
    assert!(path.is_settled());
}

#[test]
fn a_black_hole_removes_the_rate_cap_that_heavy_loss_set() {
    let mut path = Path::new(250_000, 50);
    path.run(10 * SECOND);
    for _ in 0..100 {
        path.lose(1, false);
        path.acknowledge();
        path.acknowledge();
    }
    assert!(path.copa.rate() < 250_000, "{}", path.copa.rate());
    path.copa.on_black_hole(path.now);
    assert_eq!(path.copa.loss.cap(), None);
}

#[test]
fn the_congestion_window_of_an_application_limited_sender_does_not_grow() {
    let mut path = Path::new(250_000, 50);
    path.wanted = 3;
    let first = path.copa.window();
    path.run(10 * SECOND);
    assert_eq!(path.copa.window(), first);
}

#[test]
fn a_clock_drift_of_500_ppm_is_not_mistaken_for_a_queue() {
    for skew in [-500, 500] {
        let mut path = Path::new(250_000, 50);
        path.skew = skew;
        path.run(120 * SECOND);
        let window = path.copa.window();
        assert!(window > path.fits() * 85 / 100, "{skew}: {window} of {}", path.fits());
        assert!(path.queue() < Span::from_millis(60), "{skew}: {:?}", path.queue());
    }
}

#[test]
fn a_clock_jump_in_either_direction_is_not_mistaken_for_a_queue() {
    for jump in [-3_000_000, -200_000, 200_000, 3_000_000] {
        let mut path = Path::new(250_000, 50);
        path.run(15 * SECOND);
        path.ahead += jump;
        let mut least = u64::MAX;
        for _ in 0..75 {
            path.run(SECOND / 5);
            least = least.min(path.copa.window());
        }
        assert!(least > path.fits() / 2, "{jump}: down to {least} of {}", path.fits());
        assert!(path.copa.waiting().bytes(Instant::MAX) < path.fits() / 2, "{jump}: a jump is no wait");
        assert!(path.is_settled(), "{jump}: {} of {}", path.copa.window(), path.fits());
    }
}

#[test]
fn a_clock_jump_of_less_than_an_rtt_is_not_mistaken_for_a_queue() {
    for (base_ms, jump) in [(200, 150_000), (300, 250_000), (600, 500_000)] {
        let mut path = Path::new(1_250_000, base_ms);
        path.run(30 * SECOND);
        path.ahead += jump;
        for _ in 0..50 {
            path.run(SECOND / 5);
            let window = path.copa.window();
            assert!(window > path.fits() * 2 / 3, "{base_ms} ms, {jump}: {window} of {}", path.fits());
        }
    }
}

#[test]
fn persistent_congestion_reduces_the_congestion_window_to_the_minimum() {
    let mut path = Path::new(250_000, 50);
    path.run(10 * SECOND);
    path.lose(10, true);
    assert_eq!(path.copa.window(), DATAGRAM * LEAST_DATAGRAMS);
    path.run(5 * SECOND);
    assert!(path.is_settled());
}

#[test]
fn an_ecn_mark_cuts_the_congestion_window_by_a_fifth_once_per_rtt() {
    let mut path = Path::new(250_000, 50);
    path.run(10 * SECOND);
    let window = path.copa.window();
    path.copa.on_marked(path.now, path.now - Span::from_millis(60));
    let cut = path.copa.window();
    assert_eq!(cut, window - window / 5);
    path.copa.on_marked(path.now, path.now - Span::from_millis(1));
    assert_eq!(path.copa.window(), cut);
    let later = path.now + Span::from_millis(60);
    path.copa.on_marked(later, later - Span::from_millis(1));
    assert!(path.copa.window() < cut);
}

#[test]
fn larger_datagrams_raise_the_minimum_congestion_window() {
    let mut copa = Copa::new(Instant::ZERO, DATAGRAM);
    copa.on_loss(&LossReport {
        now: Instant::ZERO,
        packets: 1,
        newest_sent_at: Instant::ZERO,
        persistent: true,
    });
    copa.set_datagram(9000);
    assert_eq!(copa.window(), 9000 * LEAST_DATAGRAMS);
}

/// The interval at which one datagram is acknowledged.
const EVERY: Span = Span::from_millis(10);

/// Acknowledges datagrams for two seconds, over a path with these queues in milliseconds in the forward and the return
/// direction.
fn play(copa: &mut Copa, now: &mut Instant, there: u64, back: u64) {
    for _ in 0..200 {
        acknowledge(copa, now, there, back);
    }
}

fn acknowledge(copa: &mut Copa, now: &mut Instant, there: u64, back: u64) {
    let rtt = Span::from_millis(100 + there + back);
    *now += EVERY;
    copa.on_ack(&AckReport {
        now: *now,
        packets: 1,
        bytes: DATAGRAM,
        late: 0,
        reorders: false,
        newest_sent_at: *now - rtt,
        in_flight: copa.window(),
        rtt: Some(rtt),
        smoothed_rtt: rtt,
        one_way_delay: Some(7_000_000 + there as i64 * 1000),
        rate: None,
    });
}

#[test]
fn a_queue_on_the_return_path_does_not_change_the_rate() {
    let mut now = Instant::ZERO;
    let mut copa = Copa::new(now, DATAGRAM);
    play(&mut copa, &mut now, 0, 0);
    play(&mut copa, &mut now, 60, 0);
    let before = copa.rate();
    for _ in 0..25 {
        acknowledge(&mut copa, &mut now, 60, 165);
    }
    // 120 kB/s arrive, for 160 ms.
    assert_eq!(copa.waiting().bytes(now), 19_200);
    assert!(copa.rate().abs_diff(before) * 10 <= before, "{} after {before}", copa.rate());
    acknowledge(&mut copa, &mut now, 60, 0);
    assert_eq!(copa.waiting().bytes(now), 0);
    assert!(copa.rate().abs_diff(before) * 10 <= before, "{} after {before}", copa.rate());
}

#[test]
fn arrivals_are_estimated_for_at_most_seven_rtts_while_the_return_path_delays_acks_by_60_seconds() {
    let mut now = Instant::ZERO + 100 * SECOND;
    let mut copa = Copa::new(now, DATAGRAM);
    play(&mut copa, &mut now, 60, 0);
    play(&mut copa, &mut now, 0, 60_000);
    let forward = Span::from_micros(copa.forward() * (STRETCH_MOST - 1));
    let waiting = copa.waiting();
    assert_eq!((now.since(waiting.since), waiting.until.since(now)), (forward, forward));
}

#[test]
fn a_return_queue_that_drains_after_its_minimum_delay_expired_does_not_raise_the_rate() {
    let mut now = Instant::ZERO;
    let mut copa = Copa::new(now, DATAGRAM);
    play(&mut copa, &mut now, 0, 0);
    play(&mut copa, &mut now, 60, 0);
    for _ in 0..10 {
        play(&mut copa, &mut now, 20, 300);
    }
    let before = copa.rate();
    for back in (0..10).rev() {
        acknowledge(&mut copa, &mut now, 20, back * 30);
    }
    assert!(copa.rate() < before * 5 / 4, "{} after {before}", copa.rate());
}

/// Seed 0 of "5.1 reverse", 60 s in: the forward queue grew by as much as the return path drained. Copa took the change for
/// a jump of a clock, and the queue for an empty queue.
#[test]
fn a_return_path_that_drains_while_the_forward_path_fills_is_not_mistaken_for_a_clock_jump() {
    let mut now = Instant::ZERO;
    let mut copa = Copa::new(now, DATAGRAM);
    play(&mut copa, &mut now, 0, 0);
    for _ in 0..6 {
        play(&mut copa, &mut now, 0, 160);
    }
    let empty = copa.base_delay.get();
    play(&mut copa, &mut now, 150, 10);
    assert_eq!(copa.base_delay.get(), empty);
}

#[test]
fn persistent_congestion_resets_the_estimate_of_arrivals() {
    let mut now = Instant::ZERO;
    let mut copa = Copa::new(now, DATAGRAM);
    play(&mut copa, &mut now, 0, 0);
    play(&mut copa, &mut now, 20, 160);
    assert!(copa.waiting().bytes(now) > 0);
    copa.on_loss(&LossReport { now, packets: 9, newest_sent_at: now, persistent: true });
    assert_eq!(copa.waiting().bytes(now), 0);
}

#[test]
fn while_acks_wait_on_the_return_path_estimated_arrivals_keep_the_pacing_rate_above_the_minimum() {
    for (back, least) in [(0, 0), (15, 20_000), (85, 120_000)] {
        let mut now = Instant::ZERO;
        let mut copa = Copa::new(now, DATAGRAM);
        play(&mut copa, &mut now, 0, 0);
        play(&mut copa, &mut now, 60, back);
        // 120 kB/s arrive, and the round trip without a wait takes 165 ms.
        (copa.window, copa.is_starting) = (copa.least_window(), false);
        assert!(copa.rate() < 24_000, "{}", copa.rate());
        let pace = copa.pacing_rate();
        assert!(pace >= least && (pace < 30_000) == (least < 120_000), "{back} ms: {pace}");
    }
}

/// Returns the wait of acknowledgements at `now` on a return path of 300 ms that a TCP fills: a growing wait for three
/// seconds, then hardly any wait. The return path drains within a fifth of a second.
fn sawtooth(now: Instant) -> Span {
    let phase = now.as_micros() % 3_000_000;
    let wait = if phase < 2_800_000 { phase * 3 / 28 } else { (3_000_000 - phase) * 3 / 2 };
    Span::from_micros(wait)
}

#[test]
fn a_return_path_that_fills_and_drains_changes_neither_rate_nor_delay() {
    for rate in [75_000, 125_000, 312_500] {
        let (free, full) = (used_and_waited(rate, |_| Span::ZERO), used_and_waited(rate, sawtooth));
        assert!(full.0 * 100 >= free.0 * 95, "{rate} B/s: {full:?} against {free:?}");
        let few = Span::from_micros(2 * DATAGRAM * 1_000_000 / rate);
        assert!(full.1 <= free.1 + few, "{rate} B/s: {full:?} against {free:?}");
    }
}

/// Returns the bytes that passed in a minute after ten seconds, and the queue that 95 of 100 datagrams did not exceed.
/// Acknowledgements wait for `back`.
fn used_and_waited(rate: u64, back: impl Fn(Instant) -> Span) -> (u64, Span) {
    let mut path = Path::new(rate, 100);
    path.back = &back;
    path.run(10 * SECOND);
    let mut queues = alloc::vec::Vec::new();
    let end = path.now + 60 * SECOND;
    while path.now < end {
        path.acknowledge();
        queues.push(path.queue());
    }
    queues.sort_unstable();
    (queues.len() as u64 * DATAGRAM, queues[queues.len() * 95 / 100])
}
