//! Conversion of quantities to coordinates, in whole numbers, so that a page is the same on every machine.

/// Returns the least value of `value` or more that is 1, 2, 2.5 or 5 times a power of ten.
fn step_above(value: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        let tenth = (power / 10).max(1);
        let steps = [power, 2 * power, 25 * tenth, 5 * power];
        let fits = steps.into_iter().filter(|step| power >= 10 || *step != 25).find(|&step| step >= value);
        if let Some(step) = fits {
            return step;
        }
        power = power.saturating_mul(10);
        if power == u64::MAX {
            return value;
        }
    }
}

/// An axis that begins at zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Axis {
    /// The value at the end of the axis.
    pub(super) end: u64,
    /// The distance between two ticks.
    pub(super) step: u64,
}

impl Axis {
    /// Creates an axis with about `ticks` ticks that ends at the first tick at `most` or above.
    pub(super) fn up_to(most: u64, ticks: u64) -> Self {
        let step = step_above(most.div_ceil(ticks.max(1)).max(1));
        Self { end: most.max(1).div_ceil(step).saturating_mul(step), step }
    }

    /// Creates a time axis in microseconds that ends at `end`, with about `ticks` ticks at round numbers of seconds.
    pub(super) fn of_time(end: u64, ticks: u64) -> Self {
        const SECONDS: [u64; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
        let least = end.div_ceil(ticks.max(1)).div_ceil(1_000_000);
        let step = SECONDS.into_iter().find(|&step| step >= least).unwrap_or_else(|| step_above(least));
        Self { end: end.max(1), step: step * 1_000_000 }
    }

    pub(super) fn ticks(self) -> impl Iterator<Item = u64> {
        (0..=self.end / self.step).map(move |tick| tick * self.step)
    }

    /// Returns the position of `value` on an axis of the given length. A value beyond the end has the position of the
    /// end.
    pub(super) fn place(self, value: u64, length: u64) -> u64 {
        let place = u128::from(value.min(self.end)) * u128::from(length) / u128::from(self.end.max(1));
        u64::try_from(place).unwrap_or(length)
    }
}

/// The unit of a measured quantity, and the unit that it is shown in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Bytes per second, shown in kbit/s.
    Kilobits,
    /// Microseconds, shown in ms.
    Millis,
    /// Bytes, shown in kB.
    Kilobytes,
    /// Plain numbers.
    Count,
}

impl Unit {
    /// Returns the name of the shown unit.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Kilobits => "kbit/s",
            Self::Millis => "ms",
            Self::Kilobytes => "kB",
            Self::Count => "",
        }
    }

    /// Returns the number of measured units in one shown unit.
    const fn scale(self) -> u64 {
        match self {
            Self::Kilobits => 125,
            Self::Millis | Self::Kilobytes => 1000,
            Self::Count => 1,
        }
    }

    /// Creates an axis whose ticks are round numbers in the shown unit.
    pub(super) fn axis(self, most: u64) -> Axis {
        let shown = Axis::up_to(most.div_ceil(self.scale()), 5);
        Axis { end: shown.end * self.scale(), step: shown.step * self.scale() }
    }

    /// Returns a value as text in the shown unit, without the name of the unit.
    pub(super) fn number(self, value: u64) -> String {
        let scale = self.scale();
        let rounded = value.saturating_add(scale / 2) / scale;
        if scale == 1 || rounded >= 10 || value.is_multiple_of(scale) {
            return grouped(rounded);
        }
        tenths(value.saturating_mul(10).saturating_add(scale / 2) / scale)
    }

    /// Returns a value as text with the name of the shown unit.
    pub(super) fn quantity(self, value: u64) -> String {
        let text = format!("{} {}", self.number(value), self.name());
        text.trim_end().to_owned()
    }
}

/// Returns a number as text with thin spaces between the thousands.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of tenths as text with a decimal point.
pub(super) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_round_numbers_and_contains_all_values() {
        for most in (0..5000).chain([u64::from(u32::MAX), 1 << 50]) {
            let axis = Axis::up_to(most, 4);
            assert!(axis.end >= most && axis.end.is_multiple_of(axis.step), "{most}: {axis:?}");
            assert!(axis.ticks().count() <= 6, "{most}: {axis:?}");
        }
        assert_eq!(Axis::up_to(300, 4), Axis { end: 300, step: 100 });
        assert_eq!(Axis::up_to(2500, 4), Axis { end: 3000, step: 1000 });
        assert_eq!(Axis::up_to(900, 4), Axis { end: 1000, step: 250 });
        assert_eq!(Axis::of_time(120_000_000, 6), Axis { end: 120_000_000, step: 20_000_000 });
        assert_eq!(Axis::of_time(2_500_000, 6).ticks().count(), 3);
    }

    #[test]
    fn the_end_values_of_an_axis_lie_at_the_edges_of_the_plot() {
        let axis = Axis::up_to(1000, 4);
        assert_eq!([0, 500, 1000, 7000].map(|value| axis.place(value, 640)), [0, 320, 640, 640]);
    }

    #[test]
    fn axis_numbers_are_rounded_and_printed_with_their_unit() {
        assert_eq!(Unit::Kilobits.quantity(312_500), "2\u{202f}500 kbit/s");
        assert_eq!(Unit::Millis.quantity(37_400), "37 ms");
        assert_eq!(Unit::Millis.quantity(3_740), "3.7 ms");
        assert_eq!(Unit::Millis.quantity(0), "0 ms");
        assert_eq!(Unit::Count.quantity(7), "7");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
