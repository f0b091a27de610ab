//! Where the house is not yet as its rules want it: lists that only ever get shorter.
//!
//! An exception names a file and the number up to which the rule is suspended there. It fails the test of its rule
//! as soon as nothing needs it any more.

/// A file that breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offence {
    /// The file.
    pub path: String,
    /// By how much: lines, functions, or files of a circle.
    pub number: usize,
    /// The information that a person needs to mend it.
    pub text: String,
}

impl Offence {
    /// Returns the places in a file that break a rule, each a line of text, as one offence; none without a place.
    #[must_use]
    pub fn all(path: &str, places: &[String]) -> Option<Self> {
        let offence = Self { path: path.to_owned(), number: places.len(), text: places.join("\n") };
        (!places.is_empty()).then_some(offence)
    }
}

/// Offences that no exception covers, and exceptions that no offence needs.
#[must_use]
pub fn unexcused(offences: &[Offence], exceptions: &[(&str, usize)]) -> Vec<String> {
    let excused = |offence: &&Offence| {
        let number =
            exceptions.iter().find(|(path, _)| *path == offence.path).map_or(0, |(_, number)| *number);
        offence.number <= number
    };
    let faults = offences.iter().filter(|offence| !excused(offence)).map(|offence| offence.text.clone());
    let is_needed = |path: &str| offences.iter().any(|offence| offence.path == path);
    let idle = exceptions.iter().filter(|(path, _)| !is_needed(path));
    faults.chain(idle.map(|(path, _)| format!("{path}: the exception is no longer needed"))).collect()
}

/// Files with too many lines, and how many they may have.
pub const LONG_FILES: &[(&str, usize)] = &[];

/// Files with functions of too many lines, and how many such functions.
pub const LONG_FUNCTIONS: &[(&str, usize)] = &[];

/// Files with functions that take too many values, and how many such functions.
pub const CROWDED_FUNCTIONS: &[(&str, usize)] = &[];

/// Files where crates begin, and how many names the types of the crate share.
pub const SHARED_NAMES: &[(&str, usize)] = &[];

/// A file of each circle of imports, and how many files the circle has.
pub const CIRCLES: &[(&str, usize)] = &[];

#[cfg(test)]
mod tests {
    use super::{Offence, unexcused};

    #[test]
    fn an_exception_covers_its_file_up_to_its_number_and_must_be_needed() {
        let offence =
            |path: &str, number| Offence { path: path.into(), number, text: format!("{path} {number}") };
        let exceptions = [("a.rs", 2), ("b.rs", 2), ("c.rs", 1)];
        let found = unexcused(&[offence("a.rs", 2), offence("b.rs", 3), offence("d.rs", 1)], &exceptions);
        assert_eq!(found, ["b.rs 3", "d.rs 1", "c.rs: the exception is no longer needed"]);
    }
}
