//! Targets of log records, which name their readers.

/// The target of messages that only the log shows. Another message reports the same fact at the console.
pub(crate) const LOG_ONLY: &str = "log";
/// The target of messages that the console shows too, although they are not warnings.
pub(crate) const FOR_PEOPLE: &str = "people";
