//! Text for people. Text from a peer may contain any character, so it is escaped wherever it is shown.

use alloc::string::String;
use core::fmt::{self, Write as _};

/// Text that came from a peer, or that is sent to a peer.
///
/// `Display` and `Debug` escape the text: a line feed, a carriage return, a tab, a line separator (U+2028), a mark
/// that changes the direction of writing, or any other control or format character is shown as Rust's escape
/// sequence (`\n`, `\u{202e}`). The text therefore stays on one line of a log and cannot control a terminal. [`PeerText::raw`]
/// returns the text unescaped.
///
/// ```
/// use tickwire_core::PeerText;
/// let text = PeerText::from("bye\n12:00 INFO all is well");
/// assert_eq!(text.to_string(), "bye\\n12:00 INFO all is well");
/// assert_eq!(text.raw().lines().count(), 2);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PeerText(String);

impl PeerText {
    /// Returns the text as the peer sent it, unescaped. Escape the text before you print it: see [`Escaped`].
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Returns whether the text is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for PeerText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for PeerText {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq<str> for PeerText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for PeerText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for PeerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

impl fmt::Debug for PeerText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(&self.0))
    }
}

/// A text of unknown origin. `Display` writes it on one line, with every non-printable character escaped. Quotes
/// are not escaped.
///
/// ```
/// use tickwire_core::Escaped;
/// assert_eq!(Escaped("it's\t\u{2028}here").to_string(), "it's\\t\\u{2028}here");
/// ```
#[derive(Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\'' | '"' => f.write_char(character),
            _ => write_escaped(f, character),
        })
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// `str::escape_debug` escapes a combining mark only at the start of a text, so a letter is put before the character: accents
/// and vowel signs of other scripts stay readable.
fn write_escaped(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    let mut pair = String::from('a');
    pair.push(character);
    pair.escape_debug().skip(1).try_for_each(|shown| f.write_char(shown))
}

/// A number with its noun: `1 client`, `2 clients`. The plural of the noun must end in s.
///
/// ```
/// use tickwire_core::text::Counted;
/// assert_eq!(Counted(1, "client").to_string(), "1 client");
/// assert_eq!(format!("{} and {}", Counted(0, "message"), Counted(2, "byte")), "0 messages and 2 bytes");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counted<'a>(pub u64, pub &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, one) = self;
        write!(f, "{number} {one}{}", if *number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;

    #[test]
    fn line_breaks_and_direction_marks_in_peer_text_are_escaped() {
        let breaking =
            ['\n', '\r', '\t', '\u{b}', '\u{c}', '\0', '\u{1b}', '\u{85}', '\u{9b}', '\u{2028}', '\u{2029}'];
        let turning = ('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain(['\u{200e}', '\u{200f}', '\u{61c}']);
        for character in breaking.into_iter().chain(turning).chain(['\u{feff}', '\u{ad}', '\u{e0001}']) {
            let text = PeerText::from(format!("a{character}b"));
            for shown in [text.to_string(), format!("{text:?}")] {
                assert!(!shown.contains(character), "{:?} is shown as it is", character);
                assert!(shown.contains('\\'), "{shown}");
            }
        }
    }

    #[test]
    fn printable_peer_text_of_any_language_is_not_escaped() {
        for text in
            ["it's \"fine\"", "e\u{301}t\u{e9}", "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}", "\u{1f600}"]
        {
            assert_eq!(PeerText::from(text).to_string(), text);
        }
    }

    #[test]
    fn a_backslash_and_an_n_display_differently_from_an_escaped_line_feed() {
        assert_ne!(PeerText::from("\\n").to_string(), PeerText::from("\n").to_string());
    }
}
