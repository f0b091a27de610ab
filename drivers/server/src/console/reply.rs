//! What a command answers.

use std::fmt;

/// What a command answers: text for whoever gave it.
pub type Reply = Result<String, CommandError>;

/// Why a command did nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CommandError {
    /// Its arguments are wrong, in this way. The command's usage is shown after it.
    Usage(String),
    /// It could not be carried out, for this reason.
    Failed(String),
    /// There is no such command.
    Unknown {
        /// What was written.
        name: String,
        /// What may have been meant.
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

/// What somebody wrote, to be shown to him again: not all of it if it is long, and no control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO).flat_map(char::escape_debug).collect();
    if text.chars().nth(ECHO).is_some() {
        shown.push('…');
    }
    shown
}

/// Characters that are shown again.
const ECHO: usize = 40;
