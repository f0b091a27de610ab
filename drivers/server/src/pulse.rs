//! Counters of ticks, for threads that watch the server's thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters that the server's thread writes and other threads read.
#[derive(Debug)]
pub(crate) struct Pulse {
    started_at: Instant,
    ticks: AtomicU64,
    overruns: AtomicU64,
    skipped: AtomicU64,
    rested: AtomicU64,
    busy_us: AtomicU64,
    /// The time of the latest sign of life, in microseconds since the start.
    last_sign_us: AtomicU64,
    is_stopping: AtomicBool,
}

/// The results of one turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) ticks: u32,
    pub(crate) overran: bool,
    pub(crate) skipped: u64,
    pub(crate) busy: Duration,
}

/// The values of the counters at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Beats {
    pub(crate) uptime: Duration,
    pub(crate) ticks: u64,
    pub(crate) overruns: u64,
    pub(crate) skipped: u64,
    pub(crate) busy: Duration,
    pub(crate) rested: u64,
    /// The time since the latest turn, or since the server last asked an idle game whether it is still idle.
    pub(crate) silence: Duration,
    pub(crate) is_stopping: bool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            started_at: Instant::now(),
            ticks: AtomicU64::new(0),
            overruns: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            rested: AtomicU64::new(0),
            busy_us: AtomicU64::new(0),
            last_sign_us: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        }
    }
}

impl Pulse {
    pub(crate) fn note(&self, turn: &Turn) {
        self.ticks.fetch_add(turn.ticks.into(), Ordering::Relaxed);
        self.overruns.fetch_add(turn.overran.into(), Ordering::Relaxed);
        self.skipped.fetch_add(turn.skipped, Ordering::Relaxed);
        self.busy_us.fetch_add(micros(turn.busy), Ordering::Relaxed);
        self.note_rest(0);
    }

    /// Records that the server's thread is alive, and adds the number of ticks that an idle game skipped.
    pub(crate) fn note_rest(&self, rested: u64) {
        self.rested.fetch_add(rested, Ordering::Relaxed);
        self.last_sign_us.store(micros(self.started_at.elapsed()), Ordering::Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Beats {
        let uptime = self.started_at.elapsed();
        let last = Duration::from_micros(self.last_sign_us.load(Ordering::Relaxed));
        Beats {
            uptime,
            ticks: self.ticks.load(Ordering::Relaxed),
            overruns: self.overruns.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            rested: self.rested.load(Ordering::Relaxed),
            busy: Duration::from_micros(self.busy_us.load(Ordering::Relaxed)),
            silence: uptime.saturating_sub(last),
            is_stopping: self.is_stopping.load(Ordering::Relaxed),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
