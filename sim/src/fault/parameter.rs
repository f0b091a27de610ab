//! Parameters of faults as text.

use core::fmt;
use core::time::Duration;

use crate::clock::micros;

/// The `name=value` words of a line that no parameter has used yet.
pub(super) struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    /// Splits words into fields. Returns `None` if a word does not have the form `name=value`.
    pub(super) fn of(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        words.map(|word| word.split_once('=')).collect::<Option<_>>().map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take<P: Parameter>(&mut self, name: &str) -> Option<P> {
        P::parse(self.raw(name)?)
    }

    pub(super) fn raw(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|(field, _)| *field == name)?;
        Some(self.0.remove(place).1)
    }
}

/// A parameter of a fault, which converts to and from text. Durations are in microseconds.
pub(super) trait Parameter: Sized {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Parameter for $type {
            fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

integers!(u32, u64, i64);

impl Parameter for Duration {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", micros(*self))
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self::from_micros(text.parse().ok()?))
    }
}

impl Parameter for Vec<bool> {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|&bit| f.write_str(if bit { "1" } else { "0" }))
    }

    fn parse(text: &str) -> Option<Self> {
        let bit = |letter| match letter {
            '0' => Some(false),
            '1' => Some(true),
            _ => None,
        };
        text.chars().map(bit).collect()
    }
}

impl Parameter for Vec<Duration> {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, delay) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            delay.print(f)?;
        }
        Ok(())
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::new());
        }
        text.split(',').map(Duration::parse).collect()
    }
}
