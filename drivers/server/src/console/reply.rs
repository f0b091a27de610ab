//! The answers of commands.

use std::fmt;

/// The answer of a command: text for the person or program that gave the command.
pub type Reply = Result<String, CommandError>;

/// The reason that a command did nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The command's arguments are wrong, for this reason. The server shows the command's usage after it.
    Usage(String),
    /// The command failed, for this reason.
    Failed(String),
    /// No command has this name.
    Unknown {
        /// The name as it was typed, cut off if it is long.
        name: String,
        /// The name of the most similar command, if one is similar.
        meant: Option<&'static str>,
    },
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Failed(what) => f.write_str(what),
            Self::Unknown { name, meant } => {
                write!(f, "unknown command `{}`; ", shown(name))?;
                match meant {
                    Some(meant) => write!(f, "did you mean `{meant}`?"),
                    None => f.write_str("`help` lists the commands"),
                }
            }
        }
    }
}

impl std::error::Error for CommandError {}

/// Typed text for an error message: shortened if it is long, and with control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO).flat_map(char::escape_debug).collect();
    if text.chars().nth(ECHO).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that are shown again.
const ECHO: usize = 40;
