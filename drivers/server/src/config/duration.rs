//! Durations as text: `15 s`, `250 ms`. A game can use this module for its own settings:
//!
//! ```
//! use std::time::Duration;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use tickwire_server::config::duration;
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Chess {
//!     /// Time for a move.
//!     #[serde(with = "duration")]
//!     #[schemars(with = "String", extend("x-minimum" = "1 s", "x-maximum" = "1 h"), example = "90 s")]
//!     per_move: Duration,
//! }
//!
//! let chess: Chess = serde_json::from_str(r#"{ "per_move": "2 min" }"#)?;
//! assert_eq!(chess.per_move, Duration::from_secs(120));
//! assert_eq!(serde_json::to_string(&chess)?, r#"{"per_move":"2 min"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! `x-minimum` and `x-maximum` set the range of the values that the configuration accepts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize as _, Deserializer, Serializer, de};

/// The name and the length in microseconds of each unit, the largest unit first.
const UNITS: [(&str, u64); 6] =
    [("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1), ("µs", 1)];

/// A duration for display. `Display` writes the duration as a whole number in the largest unit that divides it (15 min,
/// but 61 s), and omits fractions of a microsecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown(pub Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let whole = UNITS.into_iter().find(|(_, unit)| micros > 0 && micros.is_multiple_of((*unit).into()));
        let (name, unit) = whole.unwrap_or(("s", 1_000_000));
        write!(f, "{} {name}", micros / u128::from(unit))
    }
}

/// Parses a whole number and its unit (`h`, `min`, `s`, `ms`, `us` or `µs`), with or without a space between them.
/// Returns `None` for any other text.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|one: char| !one.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, micros) = UNITS.into_iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(micros).map(Duration::from_micros)
}

/// Serializes a duration as text.
///
/// # Errors
/// The error of the serializer `to`.
pub fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Shown(*time))
}

/// Deserializes a duration from text.
///
/// # Errors
/// The error of the deserializer `from`, or an error if the text is not a valid duration.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(from)?).ok_or_else(|| {
        de::Error::custom("the text is not a whole number and a unit, such as `15 s` or `250 ms`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_duration_parses_to_the_same_duration() {
        for (text, millis) in
            [("0 s", 0), ("250 ms", 250), ("20 s", 20_000), ("5 min", 300_000), ("1 h", 3_600_000)]
        {
            let time = Duration::from_millis(millis);
            assert_eq!((parse(text), Shown(time).to_string().as_str()), (Some(time), text));
        }
        assert_eq!(Shown(Duration::from_secs(90)).to_string(), "90 s");
        assert_eq!(Shown(Duration::from_micros(1500)).to_string(), "1500 us");
        assert_eq!(parse(" 20s "), Some(Duration::from_secs(20)));
        assert_eq!(parse("7 µs"), Some(Duration::from_micros(7)));
    }

    #[test]
    fn text_other_than_one_whole_number_and_one_unit_is_not_a_duration() {
        for text in ["", "20", "s", "-1 s", "1.5 s", "1 m", "20 sec", "1 min 30 s", "18446744073709551615 h"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
