//! Faults as text, one per line, so that a shrunk list can be sent and replayed.

use core::fmt;
use core::str::FromStr;

use tickwire_core::time::Instant;

use super::entry::Fault;
use super::kind::Kind;
use super::parameter::Fields;
use super::place::{Direction, Target};

/// The error for a line of text that describes no fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseFaultError {
    /// The number of the line, counted from 1. The number is 1 if a single fault was parsed.
    pub line: usize,
    /// The text of the line that does not describe a fault.
    pub text: String,
}

impl fmt::Display for ParseFaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} does not describe a fault: {:?}; write a fault as in `0..2000000 all loss ppm=200000 seed=1`",
            self.line, self.text
        )
    }
}

impl core::error::Error for ParseFaultError {}

/// Returns a string with one fault per line.
#[must_use]
pub fn print_list(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// Parses a string with one fault per line. The function skips empty lines and lines that begin with `#`.
///
/// # Errors
/// [`ParseFaultError`] for the first line that does not describe a fault.
pub fn parse_list(text: &str) -> Result<Vec<Fault>, ParseFaultError> {
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(index, line)| line.parse().map_err(|error| ParseFaultError { line: index + 1, ..error }))
        .collect()
}

impl fmt::Display for Fault {
    /// Writes the fault as `<from µs>..<until µs> <target> <kind> <parameter>=<value> ... seed=<hexadecimal>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{} {} ", self.from.as_micros(), self.until.as_micros(), self.target)?;
        self.kind.print(f)?;
        write!(f, " seed={:x}", self.seed)
    }
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(line: &str) -> Result<Self, ParseFaultError> {
        parse(line).ok_or_else(|| ParseFaultError { line: 1, text: line.to_owned() })
    }
}

fn parse(line: &str) -> Option<Fault> {
    let mut words = line.split_ascii_whitespace();
    let (from, until) = words.next()?.split_once("..")?;
    let target = parse_target(words.next()?)?;
    let name = words.next()?;
    let mut fields = Fields::of(words)?;
    let seed = u64::from_str_radix(fields.raw("seed")?, 16).ok()?;
    let kind = Kind::parse(name, &mut fields)?;
    let fault = Fault { from: instant(from)?, until: instant(until)?, target, kind, seed };
    fields.is_empty().then_some(fault)
}

fn instant(text: &str) -> Option<Instant> {
    Instant::from_micros(text.parse().ok()?)
}

fn parse_target(text: &str) -> Option<Target> {
    if text == "all" {
        return Some(Target::All);
    }
    if let Some(node) = text.strip_prefix("node=") {
        return Some(Target::Node(node.parse().ok()?));
    }
    let (link, way) = text.strip_prefix("link=")?.split_once(':')?;
    let direction = match way {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return None,
    };
    Some(Target::Link(link.parse().ok()?, direction))
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::{KindName, Profile, draw};
    use super::*;

    #[test]
    fn every_kind_of_fault_is_unchanged_after_printing_and_parsing() {
        let profile = Profile::new(4, 3, Duration::from_secs(60));
        let mut seen = Vec::new();
        for seed in 0..200 {
            let faults = draw(seed, &profile);
            assert_eq!(parse_list(&print_list(&faults)), Ok(faults.clone()));
            seen.extend(faults.iter().map(|fault| fault.kind.name()));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, KindName::ALL);
    }

    #[test]
    fn a_fault_is_printed_in_its_documented_text_form() {
        let line = "1000000..5000000 link=2:up burst to_bad=1 to_good=2 good=3 bad=4 seed=ff";
        let fault: Fault = line.parse().unwrap();
        assert_eq!(fault.target, Target::Link(2, Direction::Up));
        assert_eq!(fault.kind, Kind::Burst { to_bad: 1, to_good: 2, good: 3, bad: 4 });
        assert_eq!(fault.to_string(), line);
    }

    #[test]
    fn the_error_about_an_invalid_fault_list_names_the_line() {
        let text = "# a comment\n\n0..1 all clog seed=0\n0..1 all clog\n";
        let error = parse_list(text).unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (4, "0..1 all clog"));
        for bad in [
            "0..1 all clog seed=0 more=1",
            "0..1 all loss seed=0",
            "0-1 all clog seed=0",
            "0..1 link=1 clog seed=0",
        ] {
            assert!(bad.parse::<Fault>().is_err(), "{bad}");
        }
    }
}
