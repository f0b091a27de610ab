//! Lists of files that may break a rule of the workspace.
//!
//! An exception names a file and the number of offences that the file may have. The test of the rule fails if an exception
//! is no longer needed, so that the lists become shorter.

/// A file that breaks a rule of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offence {
    /// The path of the file.
    pub path: String,
    /// The measured number: the lines of a file that is too long, the places that break a rule, or the files in an import
    /// cycle.
    pub number: usize,
    /// A description of the offence, with one line for each place that breaks the rule.
    pub text: String,
}

impl Offence {
    /// Creates one offence for all `places` in the file `path` that break a rule. Returns `None` if `places` is empty.
    #[must_use]
    pub fn all(path: &str, places: &[String]) -> Option<Self> {
        let offence = Self { path: path.to_owned(), number: places.len(), text: places.join("\n") };
        (!places.is_empty()).then_some(offence)
    }
}

/// Returns the text of each offence that no exception covers, and a line for each exception whose file has no offence. An
/// exception covers an offence of its file whose number does not exceed the number of the exception.
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
    faults
        .chain(
            idle.map(|(path, _)| format!("{path}: the exception is no longer needed; delete the exception")),
        )
        .collect()
}

/// The files that may have more lines than the limit, each with its largest permitted number of lines.
pub const LONG_FILES: &[(&str, usize)] = &[];

/// The files that may have functions longer than the limit, each with the largest permitted number of such functions.
pub const LONG_FUNCTIONS: &[(&str, usize)] = &[];

/// The files that may have functions with more parameter values than the limit, each with the largest permitted number of
/// such functions.
pub const CROWDED_FUNCTIONS: &[(&str, usize)] = &[];

/// The root files of crates in which several types may share a name, each with the largest permitted number of such
/// names.
pub const SHARED_NAMES: &[(&str, usize)] = &[];

/// One file of each permitted import cycle, with the largest permitted number of files in the cycle.
pub const CIRCLES: &[(&str, usize)] = &[];

#[cfg(test)]
mod tests {
    use super::{Offence, unexcused};

    #[test]
    fn an_exception_from_a_limit_is_reported_when_its_file_no_longer_needs_the_exception() {
        let offence =
            |path: &str, number| Offence { path: path.into(), number, text: format!("{path} {number}") };
        let exceptions = [("a.rs", 2), ("b.rs", 2), ("c.rs", 1)];
        let found = unexcused(&[offence("a.rs", 2), offence("b.rs", 3), offence("d.rs", 1)], &exceptions);
        assert_eq!(
            found,
            ["b.rs 3", "d.rs 1", "c.rs: the exception is no longer needed; delete the exception"]
        );
    }
}
