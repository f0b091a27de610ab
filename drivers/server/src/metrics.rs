//! A game's own metrics: counters and gauges that the game changes, and that `/metrics` and `status` show.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tickwire_core::Escaped;

/// A metric that only increases, created by [`crate::Context::counter`]. All clones share one value, across
/// threads.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds `more` to the counter.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Returns the value of the counter.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A metric that increases and decreases, created by [`crate::Context::gauge`]. The initial value is 0. All clones
/// share one value, across threads.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets the value of the gauge.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Returns the value of the gauge.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// The reason why a metric cannot be created.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetricError {
    /// The name is empty, is longer than 64 bytes, does not begin with a letter, or has characters other than
    /// lower-case ASCII letters, digits and `_`.
    BadName {
        /// The name that is not allowed.
        name: String,
    },
    /// The name ends in `_total`, a suffix that `/metrics` adds to the names of counters.
    EndsInTotal {
        /// The name that ends in `_total`.
        name: String,
    },
    /// A metric of a different kind has this name: the call requests a counter, but the metric is a gauge, or the
    /// reverse.
    OtherKind {
        /// The name for which both kinds were requested.
        name: String,
    },
    /// The game already has [`METRICS_MAX`] metrics.
    TooMany,
}

/// The largest number of metrics that one game may create.
pub const METRICS_MAX: usize = 1000;
/// The longest name of a metric, in bytes.
const NAME_MAX: usize = 64;

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name } => write!(
                f,
                "`{}` is not a valid name for a metric; give it 1 to {NAME_MAX} lower-case ASCII letters, digits and \
                 `_`, a letter first",
                name.escape_debug()
            ),
            Self::EndsInTotal { name } => {
                write!(
                    f,
                    "the metric `{name}` ends in `_total`, which /metrics adds to counters; leave `_total` out"
                )
            }
            Self::OtherKind { name } => {
                write!(
                    f,
                    "the game requests the metric `{name}` as a counter and as a gauge; give one of the two another name"
                )
            }
            Self::TooMany => write!(f, "a game may have at most {METRICS_MAX} metrics; use fewer metrics"),
        }
    }
}

impl std::error::Error for MetricError {}

/// All metrics of a game. Clones share the metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct GameMetrics(Arc<Mutex<BTreeMap<String, Metric>>>);

/// A metric, and its help text.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) help: String,
    pub(crate) reading: Reading,
}

#[derive(Clone, Debug)]
pub(crate) enum Reading {
    Counter(Counter),
    Gauge(Gauge),
}

impl GameMetrics {
    pub(crate) fn counter(&self, name: &str, help: &str) -> Result<Counter, MetricError> {
        match self.find_or_add(name, help, || Reading::Counter(Counter::default()))? {
            Reading::Counter(counter) => Ok(counter),
            Reading::Gauge(_) => Err(MetricError::OtherKind { name: name.into() }),
        }
    }

    pub(crate) fn gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricError> {
        match self.find_or_add(name, help, || Reading::Gauge(Gauge::default()))? {
            Reading::Gauge(gauge) => Ok(gauge),
            Reading::Counter(_) => Err(MetricError::OtherKind { name: name.into() }),
        }
    }

    fn find_or_add(
        &self,
        name: &str,
        help: &str,
        new: impl FnOnce() -> Reading,
    ) -> Result<Reading, MetricError> {
        let mut all = self.lock();
        if let Some(known) = all.get(name) {
            return Ok(known.reading.clone());
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
        if !begins || name.len() > NAME_MAX || !name.bytes().all(allowed) {
            return Err(MetricError::BadName { name: name.into() });
        }
        if name.ends_with("_total") {
            return Err(MetricError::EndsInTotal { name: name.into() });
        }
        if all.len() >= METRICS_MAX {
            return Err(MetricError::TooMany);
        }
        let reading = new();
        all.insert(name.into(), Metric { help: Escaped(help).to_string(), reading: reading.clone() });
        Ok(reading)
    }

    /// Returns all metrics by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Metric> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Metric>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Counter(counter) => counter.value().into(),
            // No number of JSON is infinite: null then.
            Self::Gauge(gauge) => gauge.value().into(),
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counter(counter) => counter.value().fmt(f),
            Self::Gauge(gauge) => gauge.value().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_name_requested_twice_gives_the_same_metric() {
        let metrics = GameMetrics::default();
        let (first, again) =
            (metrics.counter("rings", "Rings").unwrap(), metrics.counter("rings", "").unwrap());
        first.add(2);
        again.add(3);
        assert_eq!((first.value(), metrics.all()["rings"].help.as_str()), (5, "Rings"));
        let error = metrics.gauge("rings", "").unwrap_err();
        assert_eq!(error, MetricError::OtherKind { name: "rings".into() });
        let gauge = metrics.gauge("crowd", "People").unwrap();
        gauge.set(-1.5);
        assert_eq!(metrics.gauge("crowd", "").unwrap().value(), -1.5);
    }

    #[test]
    fn the_error_about_an_invalid_metric_name_names_the_remedy() {
        let metrics = GameMetrics::default();
        for name in ["", "Rings", "2rings", "_rings", "rings per second", "größe", &"a".repeat(65)] {
            let error = metrics.counter(name, "").unwrap_err();
            assert!(error.to_string().contains("give it 1 to 64 lower-case"), "{error}");
        }
        let error = metrics.counter("rings_total", "").unwrap_err().to_string();
        assert!(error.ends_with("leave `_total` out"), "{error}");
        for number in 0..METRICS_MAX {
            metrics.counter(&format!("m{number}"), "").unwrap();
        }
        assert_eq!(metrics.counter("one_more", "").unwrap_err(), MetricError::TooMany);
    }
}
