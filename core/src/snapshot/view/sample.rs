//! The versions of a component around a point in time.

/// A value of a component, and the tick from which the component has the value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedValue<T> {
    /// The tick of the changes that set the value.
    pub tick: u64,
    /// The value of the component.
    pub value: T,
}

/// The versions of a component around a point in time, as [`WorldView::sample`](super::WorldView::sample) returns them.
///
/// ```
/// use tickwire_core::snapshot::{Sample, TimedValue};
///
/// let sample = Sample {
///     before: Some(TimedValue { tick: 10, value: 2.0 }),
///     after: Some(TimedValue { tick: 13, value: 5.0 }),
///     known_until: 16,
/// };
/// // Two thirds of the way from the value of tick 10 to the value of tick 13.
/// let (before, after) = (sample.before.unwrap().value, sample.after.unwrap().value);
/// let value: f64 = before + (after - before) * sample.progress(12.0, 6);
/// assert!((value - 4.0).abs() < 1e-9);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample<T> {
    /// The newest version at or before the time. `None` if the entity did not have the component at the time, or the history no
    /// longer reaches back to the time.
    pub before: Option<TimedValue<T>>,
    /// The oldest version after the time. `None` if the view has no later version yet, or the next change after the time removed
    /// the component or the entity.
    pub after: Option<TimedValue<T>>,
    /// The tick of the newest changes that the view has, or 0 before the first changes. A time beyond this tick lies in
    /// the future: `before` is then the newest value, and the caller may extrapolate.
    pub known_until: u64,
}

impl<T> Sample<T> {
    /// Returns the fraction of the change from `before` to `after` that is complete at `time`, from 0 to 1. Returns 0 if `before`
    /// or `after` is `None`.
    ///
    /// A value that rested and then changed began to move shortly before `after`, not at `before`. The method therefore assumes
    /// that the change lasts at most `longest` ticks. Pass the number of ticks between two updates of the component, or a few
    /// ticks more.
    #[must_use]
    pub fn progress(&self, time: f64, longest: u64) -> f64 {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return 0.0 };
        let begin = before.tick.max(after.tick.saturating_sub(longest));
        let span = after.tick.saturating_sub(begin) as f64;
        if span > 0.0 { ((time - begin as f64) / span).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Converts the values.
    pub(super) fn map<U>(self, mut convert: impl FnMut(T) -> U) -> Sample<U> {
        let mut timed =
            |version: TimedValue<T>| TimedValue { tick: version.tick, value: convert(version.value) };
        Sample {
            before: self.before.map(&mut timed),
            after: self.after.map(&mut timed),
            known_until: self.known_until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(before: u64, after: u64) -> Sample<()> {
        let timed = |tick| Some(TimedValue { tick, value: () });
        Sample { before: timed(before), after: timed(after), known_until: after }
    }

    #[test]
    fn the_progress_between_two_versions_grows_from_0_to_1() {
        let between = sample(10, 14);
        assert_eq!(
            [9.0, 10.0, 11.0, 14.0, 20.0].map(|time| between.progress(time, 60)),
            [0.0, 0.0, 0.25, 1.0, 1.0]
        );
        assert_eq!(between.progress(f64::NAN, 60).to_bits(), f64::NAN.clamp(0.0, 1.0).to_bits());
    }

    #[test]
    fn a_value_that_rested_moves_only_in_the_ticks_before_its_later_version() {
        let rested = sample(10, 100);
        assert_eq!([50.0, 97.0, 98.5].map(|time| rested.progress(time, 3)), [0.0, 0.0, 0.5]);
    }

    #[test]
    fn the_progress_is_0_without_a_later_version() {
        let newest = Sample { after: None, ..sample(10, 14) };
        assert_eq!(newest.progress(12.0, 60), 0.0);
        assert_eq!(sample(10, 10).progress(10.0, 60), 0.0);
    }
}
