//! The answers of commands.

use std::fmt;

/// The answer of a command: text for the user or program that ran the command.
pub type Reply = Result<String, CommandError>;

/// The reason why a command failed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// The arguments of the command are wrong, as the text explains. The server adds the usage of the command to the
    /// text.
    Usage(String),
    /// The command could not do its work, as the text explains.
    Failed(String),
    /// No command has this name.
    Unknown {
        /// The name as the user typed it, truncated if it is long.
        name: String,
        /// The name of the most similar command, or `None` if no command has a similar name.
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

/// Returns typed text for an error message, truncated if it is long, and with control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO).flat_map(char::escape_debug).collect();
    if text.chars().nth(ECHO).is_some() {
        shown.push('…');
    }
    shown
}

/// The largest number of typed characters that an error message repeats.
const ECHO: usize = 40;
