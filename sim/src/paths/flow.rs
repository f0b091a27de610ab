//! The flows that share a bottleneck.

use core::time::Duration;

/// The data that a flow sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// As much as the connection takes, reliably.
    Bulk,
    /// Unreliable messages of `bytes` each `every`, come what may.
    Game {
        /// Bytes of each message.
        bytes: usize,
        /// Time between two of them.
        every: Duration,
    },
    /// `messages` unreliable messages of `bytes` each `every`, come what may.
    Ticks {
        /// Messages in each tick.
        messages: usize,
        /// Bytes of each message.
        bytes: usize,
        /// Time between two ticks.
        every: Duration,
    },
    /// Unreliable messages each `every`, of `bytes` or as many as the grant allows.
    Cooperative {
        /// Bytes of each message where the grant allows it.
        bytes: usize,
        /// Time between two of them.
        every: Duration,
    },
    /// A TCP that fills queues (NewReno), without end.
    Tcp,
    /// TCP transfers of `bytes` one after the other, each `pause` after the last.
    ShortTcp {
        /// Bytes of one transfer.
        bytes: u64,
        /// Time from the end of one to the beginning of the next.
        pause: Duration,
    },
}

/// Which of the two bottlenecks a flow's data goes through; its acknowledgements take the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The one that is measured.
    Forward,
    /// The one back.
    Backward,
}

/// One sender and one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The data that it sends.
    pub source: Source,
    /// Through which bottleneck.
    pub way: Way,
    /// When it begins.
    pub from: Duration,
    /// When it ends.
    pub until: Duration,
    /// When it has nothing to send.
    pub pause: Option<(Duration, Duration)>,
    /// How long a datagram takes, either way, queues not included.
    pub delay: Duration,
}

impl Flow {
    /// A flow that saturates the forward bottleneck from beginning to end, 50 ms away.
    #[must_use]
    pub const fn bulk() -> Self {
        Self {
            source: Source::Bulk,
            way: Way::Forward,
            from: Duration::ZERO,
            until: Duration::MAX,
            pause: None,
            delay: Duration::from_millis(50),
        }
    }

    /// The same with another source.
    #[must_use]
    pub const fn of(source: Source) -> Self {
        Self { source, ..Self::bulk() }
    }

    /// The same from `seconds` on.
    #[must_use]
    pub const fn from(mut self, seconds: u64) -> Self {
        self.from = Duration::from_secs(seconds);
        self
    }

    /// The same at another distance.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same the other way.
    #[must_use]
    pub const fn backward(mut self) -> Self {
        self.way = Way::Backward;
        self
    }
}
