//! A bottleneck: bytes pass at a rate, or as a recording says, and wait in a bounded drop-tail queue.

use std::collections::VecDeque;

use crate::mahimahi::{LinkTrace, OPPORTUNITY_BYTES};

/// How a bottleneck is set up.
#[derive(Clone, Debug)]
pub enum PipeConfig {
    /// A constant rate.
    Rate {
        /// Bytes per second that pass, at least 1.
        bytes_per_second: u64,
        /// Bytes that may wait; what would exceed them is dropped.
        queue_bytes: u64,
    },
    /// What a recording says.
    Trace {
        /// The recording.
        trace: LinkTrace,
        /// Bytes that may wait; what would exceed them is dropped.
        queue_bytes: u64,
    },
}

/// A bottleneck. Several directions of links may share one.
#[derive(Debug)]
pub struct Pipe {
    server: Server,
    queue_bytes: u64,
    /// When each datagram leaves, in microseconds, and its length.
    waiting: VecDeque<(u64, u64)>,
    waiting_bytes: u64,
    last_us: u64,
}

#[derive(Debug)]
enum Server {
    Rate {
        bytes_per_second: u128,
        /// When it is idle again, in microseconds times bytes per second: exact, without rounding per datagram.
        busy_until: u128,
    },
    Trace {
        trace: LinkTrace,
        /// The opportunity in use, and what is left of it.
        opportunity: u64,
        left: u64,
    },
}

impl Pipe {
    /// An empty bottleneck.
    #[must_use]
    pub fn new(config: &PipeConfig) -> Self {
        let (server, queue_bytes) = match config {
            PipeConfig::Rate { bytes_per_second, queue_bytes } => {
                let bytes_per_second = u128::from(*bytes_per_second).max(1);
                (Server::Rate { bytes_per_second, busy_until: 0 }, *queue_bytes)
            }
            PipeConfig::Trace { trace, queue_bytes } => {
                let trace = trace.clone();
                (Server::Trace { trace, opportunity: 0, left: u64::from(OPPORTUNITY_BYTES) }, *queue_bytes)
            }
        };
        Self { server, queue_bytes, waiting: VecDeque::new(), waiting_bytes: 0, last_us: 0 }
    }

    /// Offers `length` bytes at `now_us`. Says when the last of them is through, or `None` if the queue is full.
    ///
    /// A time before that of an earlier offer counts as that one: whoever came first is served first.
    pub fn offer(&mut self, now_us: u64, length: u64) -> Option<u64> {
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
        let leaves = match &mut self.server {
            Server::Rate { bytes_per_second, busy_until } => {
                *busy_until = (*busy_until).max(u128::from(now_us) * *bytes_per_second);
                *busy_until += u128::from(length) * 1_000_000;
                u64::try_from(busy_until.div_ceil(*bytes_per_second)).unwrap_or(u64::MAX)
            }
            Server::Trace { trace, opportunity, left } => {
                pass_recorded(trace, opportunity, left, now_us, length)
            }
        };
        self.waiting.push_back((leaves, length));
        self.waiting_bytes += length;
        Some(leaves)
    }

    /// Bytes that waited after the latest offer.
    #[must_use]
    pub const fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }
}

fn pass_recorded(trace: &LinkTrace, opportunity: &mut u64, left: &mut u64, now_us: u64, length: u64) -> u64 {
    if trace.time_us(*opportunity) < now_us {
        // What was not used in its time is gone.
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
    fn a_rate_passes_exactly_its_bytes_per_second() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 12_345, queue_bytes: 1_000_000 });
        let last = (0..1000).map(|_| pipe.offer(0, 100).unwrap()).last();
        assert_eq!(last, Some((100_000u64 * 1_000_000).div_ceil(12_345)));
    }

    #[test]
    fn an_idle_pipe_saves_nothing_up() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 1_000_000, queue_bytes: 10_000 });
        assert_eq!(pipe.offer(0, 1000), Some(1000));
        assert_eq!(pipe.offer(5000, 1000), Some(6000));
        assert_eq!(pipe.offer(5000, 1000), Some(7000));
    }

    #[test]
    fn a_full_queue_drops_the_newcomer_and_takes_the_next_when_there_is_room() {
        let mut pipe = Pipe::new(&PipeConfig::Rate { bytes_per_second: 1_000_000, queue_bytes: 2500 });
        assert_eq!([pipe.offer(0, 1000), pipe.offer(0, 1000)], [Some(1000), Some(2000)]);
        assert_eq!(pipe.offer(0, 1000), None);
        assert_eq!(pipe.offer(0, 500), Some(2500));
        assert_eq!(pipe.offer(1000, 1000), Some(3500));
    }

    #[test]
    fn a_recorded_link_delivers_the_capacity_of_its_trace() {
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
    fn small_datagrams_share_an_opportunity_and_large_ones_take_several() {
        let trace = LinkTrace::parse("2\n5\n9\n").unwrap();
        let mut pipe = Pipe::new(&PipeConfig::Trace { trace, queue_bytes: 100_000 });
        let leaves: Vec<u64> = [700, 700, 200, 2800].map(|size| pipe.offer(0, size).unwrap() / 1000).into();
        assert_eq!(leaves, [2, 2, 5, 9]);
        assert_eq!([pipe.offer(9000, 100), pipe.offer(9000, 100)], [Some(9_000), Some(11_000)]);
    }

    #[test]
    fn opportunities_that_passed_unused_are_gone() {
        let trace = LinkTrace::parse("1\n2\n3\n4\n5\n").unwrap();
        let mut pipe = Pipe::new(&PipeConfig::Trace { trace, queue_bytes: 100_000 });
        assert_eq!(pipe.offer(3500, 1500), Some(4000));
        assert_eq!(pipe.offer(3500, 1500), Some(5000));
        assert_eq!(pipe.offer(3500, 1500), Some(6000));
        assert_eq!(pipe.offer(6500, 100), Some(7000));
        assert_eq!(pipe.offer(7500, 1500), Some(8000));
    }
}
