//! Targets of log records, which name their readers.

/// The target of messages for the log alone. The person at the console learns of them in another way.
pub(crate) const LOG_ONLY: &str = "log";
/// The target of messages that are no warnings, but that the person at the console gets too.
pub(crate) const FOR_PEOPLE: &str = "people";
