//! The flows that share a bottleneck.

use core::time::Duration;

/// The data that a flow sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Reliable messages of 4,000 bytes. Every 5 ms, the sender fills its send queue to at least 48 KiB.
    Bulk,
    /// Unreliable messages of `bytes` bytes at intervals of `every`, even if the path cannot carry them all.
    Game {
        /// The size of each message, in bytes.
        bytes: usize,
        /// The time between two messages.
        every: Duration,
    },
    /// A game that sends `messages` unreliable messages of `bytes` bytes at each tick, even if the path cannot carry
    /// them all.
    Ticks {
        /// The number of messages in each tick.
        messages: usize,
        /// The size of each message, in bytes.
        bytes: usize,
        /// The time between two ticks.
        every: Duration,
    },
    /// Unreliable messages at intervals of `every`. Each message has `bytes` bytes, or fewer (at least 1) if the send
    /// budget is smaller.
    Cooperative {
        /// The largest size of a message, in bytes. A smaller send budget makes the message smaller.
        bytes: usize,
        /// The time between two messages.
        every: Duration,
    },
    /// The data of an endless TCP transfer (NewReno), which fills queues.
    Tcp,
    /// The data of TCP transfers of `bytes` bytes, one after another, with a `pause` between two transfers.
    ShortTcp {
        /// The size of one transfer, in bytes, which the sender rounds up to whole segments of 1,200 bytes.
        bytes: u64,
        /// The time from the end of one transfer to the start of the next.
        pause: Duration,
    },
}

/// The bottleneck that the data of a flow passes. The acknowledgements of the flow pass the other bottleneck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The forward bottleneck, whose queue is measured.
    Forward,
    /// The bottleneck in the opposite direction.
    Backward,
}

/// A flow of data from one sender to one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The data that the flow sends.
    pub source: Source,
    /// The bottleneck that the flow's data passes.
    pub way: Way,
    /// The earliest time at which the flow begins to send. The seed of the run delays the start by up to 200 ms.
    pub from: Duration,
    /// The time at which the flow stops sending.
    pub until: Duration,
    /// The start and the end of the period in which the flow has no data to send, if there is such a period.
    pub pause: Option<(Duration, Duration)>,
    /// The one-way delay of the flow's path, without queues.
    pub delay: Duration,
}

impl Flow {
    /// Creates a flow that saturates the forward bottleneck during the whole run, with a one-way delay of 50 ms.
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

    /// Creates a flow with the data of `source`, and the other settings of [`Flow::bulk`].
    #[must_use]
    pub const fn of(source: Source) -> Self {
        Self { source, ..Self::bulk() }
    }

    /// Sets the earliest time at which the flow begins to send, in seconds, and returns the changed flow.
    #[must_use]
    pub const fn from(mut self, seconds: u64) -> Self {
        self.from = Duration::from_secs(seconds);
        self
    }

    /// Sets the one-way delay of the flow's path, and returns the changed flow.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the flow's data through the backward bottleneck, and returns the changed flow.
    #[must_use]
    pub const fn backward(mut self) -> Self {
        self.way = Way::Backward;
        self
    }
}
