//! The messages that the clients have received, and their times of arrival.

use std::collections::BTreeMap;

use crate::measure;
use crate::message::{self, Kind};
use crate::orders::Answer;

/// The counters of all clients together.
#[derive(Default)]
pub(crate) struct Ledger {
    clients: usize,
    messages: u64,
    /// For each broadcast, the number of clients that have received it, and the time in nanoseconds from sending to the
    /// latest receipt.
    broadcasts: BTreeMap<u64, (usize, u64)>,
    awaited: Option<u64>,
    round_trips: Vec<u64>,
}

impl Ledger {
    pub(crate) fn new(clients: usize) -> Self {
        Self { clients, ..Self::default() }
    }

    /// Counts a message that a client has just received. Returns whether the message is the expected echo.
    pub(crate) fn enter(&mut self, bytes: &[u8]) -> bool {
        let Some(head) = message::parse(bytes) else {
            eprintln!("received a message of {} bytes that this benchmark did not send", bytes.len());
            return false;
        };
        self.messages += 1;
        if head.kind == Kind::Broadcast as u8 {
            let (count, latest) = self.broadcasts.entry(head.number).or_default();
            *count += 1;
            *latest = measure::now().saturating_sub(head.sent_at);
        }
        if head.kind == Kind::Ping as u8 && self.awaited == Some(head.number) {
            self.awaited = None;
            self.round_trips.push(measure::now().saturating_sub(head.sent_at));
            return true;
        }
        false
    }

    /// Sets the number of the ping whose echo is expected.
    pub(crate) const fn expect(&mut self, number: u64) {
        self.awaited = Some(number);
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.clients);
    }

    pub(crate) const fn count(&self) -> Answer {
        Answer::Counted { messages: self.messages }
    }

    /// Returns the measured round trips. The first fifth is a warm-up and is left out.
    pub(crate) fn round_trips(&mut self) -> Answer {
        self.awaited = None;
        let all = std::mem::take(&mut self.round_trips);
        latencies(all.into_iter())
    }

    /// Returns the times from the sending of a broadcast to its receipt by the last client, for broadcasts that all
    /// clients received.
    pub(crate) fn broadcasts(&mut self) -> Answer {
        let all = std::mem::take(&mut self.broadcasts);
        let complete = all.into_values().filter(|(count, _)| *count == self.clients);
        latencies(complete.map(|(_, latest)| latest))
    }
}

fn latencies(samples: impl Iterator<Item = u64>) -> Answer {
    let all: Vec<u64> = samples.collect();
    let mut samples = all.get(all.len() / 5..).unwrap_or_default().to_vec();
    samples.sort_unstable();
    Answer::Latencies {
        p50: measure::percentile(&samples, 0.5),
        p99: measure::percentile(&samples, 0.99),
        count: samples.len(),
    }
}
