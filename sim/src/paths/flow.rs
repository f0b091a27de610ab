//! The flows that share a bottleneck.

use core::time::Duration;

/// The data that a flow sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Reliable messages, as many as the connection accepts.
    Bulk,
    /// Unreliable messages of `bytes` bytes at intervals of `every`, even if the path is too slow for them.
    Game {
        /// The size of each message, in bytes.
        bytes: usize,
        /// The time between two messages.
        every: Duration,
    },
    /// `messages` unreliable messages of `bytes` bytes at each tick, even if the path is too slow for them.
    Ticks {
        /// The number of messages in each tick.
        messages: usize,
        /// The size of each message, in bytes.
        bytes: usize,
        /// The time between two ticks.
        every: Duration,
    },
    /// Unreliable messages at intervals of `every`, each of `bytes` bytes or as large as the send budget (the grant) allows.
    Cooperative {
        /// The largest size of a message, in bytes. A smaller grant makes the message smaller.
        bytes: usize,
        /// The time between two messages.
        every: Duration,
    },
    /// An endless TCP flow that fills queues (NewReno).
    Tcp,
    /// TCP transfers of `bytes` bytes, one after the other, with a `pause` between two transfers.
    ShortTcp {
        /// The size of one transfer, in bytes.
        bytes: u64,
        /// The time from the end of one transfer to the start of the next.
        pause: Duration,
    },
}

/// The bottleneck that a flow's data passes. The acknowledgements of the flow pass the other bottleneck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The bottleneck whose queue is measured.
    Forward,
    /// The bottleneck of the return path.
    Backward,
}

/// A flow: one sender and one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The data that the flow sends.
    pub source: Source,
    /// The bottleneck that the flow's data passes.
    pub way: Way,
    /// The time at which the flow begins.
    pub from: Duration,
    /// The time at which the flow ends.
    pub until: Duration,
    /// The period in which the flow has nothing to send, from its start to its end.
    pub pause: Option<(Duration, Duration)>,
    /// The one-way delay of the flow's path, without queues.
    pub delay: Duration,
}

impl Flow {
    /// Creates a flow that saturates the forward bottleneck from beginning to end, with a one-way delay of 50 ms.
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

    /// Creates a flow like [`Flow::bulk`], but with the data of `source`.
    #[must_use]
    pub const fn of(source: Source) -> Self {
        Self { source, ..Self::bulk() }
    }

    /// Sets the time at which the flow begins, in seconds, and returns the changed flow.
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
