//! A bottleneck: bytes pass at a rate, or by a bandwidth trace, and wait in a bounded drop-tail queue.

use core::time::Duration;
use std::collections::VecDeque;

use crate::clock::micros;
use crate::mahimahi::{LinkTrace, OPPORTUNITY_BYTES};

/// The capacity and the queue of a bottleneck.
#[derive(Clone, Debug)]
pub enum PipeConfig {
    /// A bottleneck with a constant rate.
    Rate {
        /// The rate of the bottleneck in bytes per second. The bottleneck raises 0 to 1.
        bytes_per_second: u64,
        /// The size of the queue in bytes. The bottleneck drops a datagram that would exceed this size.
        queue_bytes: u64,
    },
    /// A bottleneck whose rate changes over time. The limit of its queue is a delay, not a number of bytes (RFC 8867 section 4).
    Shaped {
        /// The rates in bytes per second, each with the time from which the rate applies. The bottleneck raises a rate of
        /// 0 to 1. The times must ascend. The first rate also applies before its time.
        rates: Vec<(Duration, u64)>,
        /// The longest wait in the queue. The bottleneck drops a datagram that would wait longer.
        queue: Duration,
        /// The wait in the queue above which the bottleneck marks an ECN-capable datagram (RFC 3168 section 5). `None`
        /// marks no datagram.
        mark_above: Option<Duration>,
    },
    /// A bottleneck whose capacity follows a bandwidth trace.
    Trace {
        /// The bandwidth trace that determines the capacity.
        trace: LinkTrace,
        /// The size of the queue in bytes. The bottleneck drops a datagram that would exceed this size.
        queue_bytes: u64,
    },
}

/// The record of one datagram that passed a bottleneck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passage {
    /// The time at which the datagram arrived at the bottleneck, in microseconds.
    pub came_us: u64,
    /// The time at which the last byte of the datagram left the bottleneck, in microseconds.
    pub left_us: u64,
    /// The time that the datagram waited in the queue, in microseconds. On a link with a bandwidth trace, the
    /// value also includes the transmission time.
    pub waited_us: u64,
    /// The size of the datagram in bytes.
    pub bytes: u64,
    /// `true` if the datagram waited longer than `mark_above` ([`PipeConfig::Shaped`]). The bottleneck marks such a
    /// datagram if the datagram is ECN-capable.
    pub marked: bool,
}

/// A bottleneck, which several directions of links may share.
#[derive(Debug)]
pub struct Pipe {
    server: Server,
    queue_bytes: u64,
    /// The datagrams in the queue, each with the time at which it leaves in microseconds, and its length in bytes.
    waiting: VecDeque<(u64, u64)>,
    waiting_bytes: u64,
    last_us: u64,
    /// `true` if the bottleneck records every datagram.
    is_watched: bool,
    passages: Vec<Passage>,
    dropped: u64,
}

#[derive(Debug)]
enum Server {
    Shaped {
        rates: Vec<(u64, u64)>,
        queue_us: u64,
        mark_above_us: u64,
        /// The time at which the bottleneck becomes idle, in nanoseconds.
        busy_until_ns: u64,
    },
    Rate {
        bytes_per_second: u128,
        /// The time at which the bottleneck becomes idle, in microseconds times the rate in bytes per second. This unit
        /// needs no rounding.
        busy_until: u128,
    },
    Trace {
        trace: LinkTrace,
        /// The number of the opportunity in use, and its remaining bytes.
        opportunity: u64,
        left: u64,
    },
}

impl Pipe {
    /// Creates a bottleneck with an empty queue.
    #[must_use]
    pub fn new(config: &PipeConfig) -> Self {
        let (server, queue_bytes) = match config {
            PipeConfig::Rate { bytes_per_second, queue_bytes } => {
                let bytes_per_second = u128::from(*bytes_per_second).max(1);
                (Server::Rate { bytes_per_second, busy_until: 0 }, *queue_bytes)
            }
            PipeConfig::Shaped { rates, queue, mark_above } => {
                let rates = rates.iter().map(|&(from, rate)| (micros(from), rate.max(1))).collect();
                let (queue_us, mark_above_us) = (micros(*queue), mark_above.map_or(u64::MAX, micros));
                (Server::Shaped { rates, queue_us, mark_above_us, busy_until_ns: 0 }, u64::MAX)
            }
            PipeConfig::Trace { trace, queue_bytes } => {
                let trace = trace.clone();
                (Server::Trace { trace, opportunity: 0, left: u64::from(OPPORTUNITY_BYTES) }, *queue_bytes)
            }
        };
        Self {
            server,
            queue_bytes,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            last_us: 0,
            is_watched: false,
            passages: Vec::new(),
            dropped: 0,
        }
    }

    /// Starts to record every datagram that passes the bottleneck.
    pub const fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Returns the records of the datagrams that have passed since [`Pipe::watch`].
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        &self.passages
    }

    /// Returns the number of datagrams that were dropped because the queue was full.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a datagram of `length` bytes through the bottleneck at `now_us`. Returns the time at which the last byte
    /// leaves the bottleneck, or `None` if the queue has no space for the datagram.
    ///
    /// The bottleneck handles datagrams in the order of the calls. If `now_us` is before the time of the previous call,
    /// the time of the previous call replaces it.
    pub fn offer(&mut self, now_us: u64, length: u64) -> Option<u64> {
        self.pass(now_us, length).map(|passage| passage.left_us)
    }

    /// Sends a datagram of `length` bytes through the bottleneck as [`Pipe::offer`] does, and returns the record of the
    /// datagram.
    pub fn pass(&mut self, now_us: u64, length: u64) -> Option<Passage> {
        let passage = self.serve(now_us, length);
        match passage {
            Some(passage) if self.is_watched => self.passages.push(passage),
            Some(_) => {}
            None => self.dropped += 1,
        }
        passage
    }

    fn serve(&mut self, now_us: u64, length: u64) -> Option<Passage> {
        let now_us = now_us.max(self.last_us);
        self.last_us = now_us;
        while let Some(&(leaves, bytes)) = self.waiting.front()
            && leaves <= now_us
        {
            self.waiting.pop_front();
            self.waiting_bytes -= bytes;
        }
        if self.waiting_bytes + length > self.queue_bytes {
            return None;
        }
        let mut marked = false;
        let (left_us, waited_us) = match &mut self.server {
            Server::Shaped { rates, queue_us, mark_above_us, busy_until_ns } => {
                let begins_ns = (*busy_until_ns).max(now_us * 1000);
                let waited_us = begins_ns / 1000 - now_us;
                if waited_us > *queue_us {
                    return None;
                }
                marked = waited_us > *mark_above_us;
                *busy_until_ns = pass_shaped(rates, begins_ns, length);
                (busy_until_ns.div_ceil(1000), waited_us)
            }
            Server::Rate { bytes_per_second, busy_until } => {
                let begins = (*busy_until).max(u128::from(now_us) * *bytes_per_second);
                *busy_until = begins + u128::from(length) * 1_000_000;
                let waited_us = begins / *bytes_per_second - u128::from(now_us);
                let left_us = u64::try_from(busy_until.div_ceil(*bytes_per_second)).unwrap_or(u64::MAX);
                (left_us, waited_us as u64)
            }
            Server::Trace { trace, opportunity, left } => {
                let left_us = pass_recorded(trace, opportunity, left, now_us, length);
                (left_us, left_us.saturating_sub(now_us))
            }
        };
        self.waiting.push_back((left_us, length));
        self.waiting_bytes += length;
        Some(Passage { came_us: now_us, left_us, waited_us, bytes: length, marked })
    }

    /// Returns the number of bytes in the queue, including the datagram in transmission, at the time of the latest call
    /// of [`Pipe::offer`] or [`Pipe::pass`].
    #[must_use]
    pub const fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }
}

/// Returns the time at which the last of `length` bytes has passed, if the first byte begins at `now_ns`.
fn pass_shaped(rates: &[(u64, u64)], now_ns: u64, length: u64) -> u64 {
    let (mut now_ns, mut left) = (now_ns, u128::from(length) * 1_000_000_000);
    let mut next = rates.partition_point(|&(from_us, _)| from_us * 1000 <= now_ns).max(1);
    loop {
        let rate = rates.get(next - 1).map_or(1, |&(_, rate)| u128::from(rate));
        let needed = u64::try_from(left.div_ceil(rate)).unwrap_or(u64::MAX);
        let changes_ns = rates.get(next).map_or(u64::MAX, |&(from_us, _)| from_us * 1000);
        if needed <= changes_ns.saturating_sub(now_ns) {
            return now_ns.saturating_add(needed);
        }
        left -= u128::from(changes_ns - now_ns) * rate;
        now_ns = changes_ns;
        next += 1;
    }
}

fn pass_recorded(trace: &LinkTrace, opportunity: &mut u64, left: &mut u64, now_us: u64, length: u64) -> u64 {
    if trace.time_us(*opportunity) < now_us {
        // An opportunity that was not used in its time is gone.
        *opportunity = trace.first_from(now_us);
        *left = u64::from(OPPORTUNITY_BYTES);
    }
    let mut length = length;
    loop {
        if *left == 0 {
            *opportunity += 1;
            *left = u64::from(OPPORTUNITY_BYTES);
        }
        let part = length.min(*left);
        *left -= part;
        length -= part;
        if length == 0 {
            return trace.time_us(*opportunity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bottleneck_passes_exactly_its_configured_bytes_per_second() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 12_345, queue_bytes: 1_000_000 });
        let last = (0..1000).map(|_| pipe.offer(0, 100).unwrap()).last();
        assert_eq!(last, Some((100_000u64 * 1_000_000).div_ceil(12_345)));
    }

    #[test]
    fn a_bottleneck_with_a_changing_rate_sends_at_the_rate_of_each_interval() {
        let (second, half) = (Duration::from_secs(1), Duration::from_millis(500));
        let rates = vec![(Duration::ZERO, 1000), (second, 4000), (second + half, 1000)];
        let config = PipeConfig::Shaped { rates, queue: Duration::from_secs(60), mark_above: None };
        let mut pipe = Pipe::new(&config);
        let leaves: Vec<u64> = (0..7).map(|_| pipe.offer(0, 500).unwrap() / 1000).collect();
        assert_eq!(leaves, [500, 1000, 1125, 1250, 1375, 1500, 2000]);
        assert_eq!(pipe.offer(900_000, 1600), Some(3_600_000));
    }

    #[test]
    fn a_queue_marks_datagrams_above_its_marking_delay_and_drops_datagrams_above_its_time_limit() {
        let (queue, mark_above) = (Duration::from_millis(300), Some(Duration::from_millis(100)));
        let rates = vec![(Duration::ZERO, 10_000)];
        let mut pipe = Pipe::new(&PipeConfig::Shaped { rates, queue, mark_above });
        pipe.watch();
        let waits: Vec<_> = (0..5).map(|_| pipe.pass(0, 1000).map(|passed| passed.waited_us)).collect();
        assert_eq!(waits, [Some(0), Some(100_000), Some(200_000), Some(300_000), None]);
        assert_eq!(pipe.passages().iter().filter(|passed| passed.marked).count(), 2);
        assert_eq!(pipe.dropped(), 1);
    }

    #[test]
    fn an_idle_bottleneck_saves_up_no_capacity() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 1_000_000, queue_bytes: 10_000 });
        assert_eq!(pipe.offer(0, 1000), Some(1000));
        assert_eq!(pipe.offer(5000, 1000), Some(6000));
        assert_eq!(pipe.offer(5000, 1000), Some(7000));
    }

    #[test]
    fn a_full_bottleneck_queue_drops_new_datagrams_until_a_datagram_fits() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 1_000_000, queue_bytes: 2500 });
        assert_eq!([pipe.offer(0, 1000), pipe.offer(0, 1000)], [Some(1000), Some(2000)]);
        assert_eq!(pipe.offer(0, 1000), None);
        assert_eq!(pipe.offer(0, 500), Some(2500));
        assert_eq!(pipe.offer(1000, 1000), Some(3500));
    }

    #[test]
    fn a_link_with_a_bandwidth_trace_delivers_the_capacity_of_the_trace() {
        let trace = LinkTrace::parse("1\n1\n4\n9\n10\n").unwrap();
        let capacity = trace.bytes_per_period() * 100;
        for size in [40, 100, 777, 1500, 4000] {
            let config = PipeConfig::Trace { trace: trace.clone(), queue_bytes: u64::MAX / 2 };
            let mut pipe = Pipe::new(&config);
            let mut through = 0;
            while pipe.offer(0, size).unwrap() <= 1_000_000 {
                through += size;
            }
            assert!((capacity - size..=capacity).contains(&through), "{size}: {through} of {capacity}");
        }
    }

    #[test]
    fn a_large_datagram_takes_several_delivery_opportunities_of_a_trace() {
        let trace = LinkTrace::parse("2\n5\n9\n").unwrap();
        let mut pipe = Pipe::new(&PipeConfig::Trace { trace, queue_bytes: 100_000 });
        let leaves: Vec<u64> = [700, 700, 200, 2800].map(|size| pipe.offer(0, size).unwrap() / 1000).into();
        assert_eq!(leaves, [2, 2, 5, 9]);
        assert_eq!([pipe.offer(9000, 100), pipe.offer(9000, 100)], [Some(9_000), Some(11_000)]);
    }

    #[test]
    fn unused_delivery_opportunities_of_a_trace_are_not_saved_up() {
        let trace = LinkTrace::parse("1\n2\n3\n4\n5\n").unwrap();
        let mut pipe = Pipe::new(&PipeConfig::Trace { trace, queue_bytes: 100_000 });
        assert_eq!(pipe.offer(3500, 1500), Some(4000));
        assert_eq!(pipe.offer(3500, 1500), Some(5000));
        assert_eq!(pipe.offer(3500, 1500), Some(6000));
        assert_eq!(pipe.offer(6500, 100), Some(7000));
        assert_eq!(pipe.offer(7500, 1500), Some(8000));
    }
}
