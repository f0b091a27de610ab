//! The messages that the clients have received, and their times of arrival.

use std::collections::BTreeMap;

use crate::measure;
use crate::message::{self, Kind};
use crate::orders::Answer;

/// The books of all clients together.
#[derive(Default)]
pub(crate) struct Ledger {
    clients: usize,
    messages: u64,
    /// By number: how many have it, and how long the last of them took.
    broadcasts: BTreeMap<u64, (usize, u64)>,
    awaited: Option<u64>,
    round_trips: Vec<u64>,
}

impl Ledger {
    pub(crate) fn new(clients: usize) -> Self {
        Self { clients, ..Self::default() }
    }

    /// Enters a message that a client's game got just now. Says whether it is the echo that is awaited.
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

    /// The echo of this ping is awaited from now on.
    pub(crate) const fn expect(&mut self, number: u64) {
        self.awaited = Some(number);
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.clients);
    }

    pub(crate) const fn count(&self) -> Answer {
        Answer::Counted { messages: self.messages }
    }

    /// Round trips that were measured. The first fifth is warming up, and left out.
    pub(crate) fn round_trips(&mut self) -> Answer {
        self.awaited = None;
        let all = std::mem::take(&mut self.round_trips);
        latencies(all.into_iter())
    }

    /// Times until all clients had a broadcast.
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
