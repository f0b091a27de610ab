//! The arguments of a command.

use super::reply::{CommandError, shown};

/// The arguments of a console command: the text after the command's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arguments<'a> {
    text: &'a str,
}

impl<'a> Arguments<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text: text.trim_ascii() }
    }

    /// Returns the whole text of the arguments, as the user typed it, without the spaces around it.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the words of the arguments. As in a shell, spaces separate words except within quotes or after a
    /// backslash, and a `#` at the start of a word begins a comment.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if a quote is not closed, or the text ends in a backslash.
    pub fn words(&self) -> Result<Vec<String>, CommandError> {
        shlex::split(self.text).ok_or_else(|| {
            CommandError::Usage("a quote is not closed, or the text ends in a backslash".into())
        })
    }

    /// Returns the first word of the arguments, and the rest of the text without the spaces around it. Quotes have no
    /// special meaning. Returns `None` if there are no arguments.
    #[must_use]
    pub fn first(&self) -> Option<(&'a str, &'a str)> {
        let (first, rest) = self.text.split_once(char::is_whitespace).unwrap_or((self.text, ""));
        (!first.is_empty()).then(|| (first, rest.trim()))
    }

    /// Returns `true` if `flag` is the only argument, and `false` if there is no argument.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if there is an argument other than `flag`.
    pub fn flag(&self, flag: &str) -> Result<bool, CommandError> {
        match self.text {
            "" => Ok(false),
            text if text == flag => Ok(true),
            text => Err(CommandError::Usage(format!("`{}` is not an argument of this command", shown(text)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_argument_with_spaces_is_one_argument() {
        let words = |text| Arguments::new(text).words();
        assert_eq!(words("  7  being rude ").unwrap(), ["7", "being", "rude"]);
        assert_eq!(words("7 'being  rude'").unwrap(), ["7", "being  rude"]);
        assert!(words("7 it's").is_err());
    }

    #[test]
    fn the_rest_of_a_command_line_keeps_its_spaces_and_apostrophes() {
        assert_eq!(Arguments::new(" it's  fine ").text(), "it's  fine");
        assert_eq!(Arguments::new("7  it's  rude").first(), Some(("7", "it's  rude")));
        assert_eq!(Arguments::new("").first(), None);
    }

    #[test]
    fn a_command_refuses_text_other_than_its_flag() {
        assert_eq!(Arguments::new("--json").flag("--json"), Ok(true));
        assert_eq!(Arguments::new("").flag("--json"), Ok(false));
        assert!(Arguments::new("--jsn").flag("--json").is_err());
    }
}
