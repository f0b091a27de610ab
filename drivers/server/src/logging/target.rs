//! Targets by which a record of the log names its readers.

/// The target of what is for the log alone: whoever sits at the console is told otherwise.
pub(crate) const LOG_ONLY: &str = "log";
/// The target of what is no warning, and yet also for whoever sits at the console.
pub(crate) const FOR_PEOPLE: &str = "people";
