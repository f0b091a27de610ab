//! Keys as bytes, and as text of 64 hexadecimal digits.

use core::fmt;

/// The 32 bytes of a key, as the functions of a [`Provider`](crate::crypto::Provider) take and return them. For keys
/// that a program stores, shows or parses, use [`PublicKey`](crate::PublicKey) and [`Secret`](crate::Secret).
pub type Key = [u8; 32];

/// The reason why a string could not be parsed as a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseKeyError {
    /// The text contains a character that is not a hexadecimal digit.
    NotHexadecimal {
        /// The character that is not a hexadecimal digit.
        character: char,
        /// The position of the character in the text, counted from 1.
        place: usize,
    },
    /// The text has more or fewer than 64 digits.
    WrongLength {
        /// The number of digits in the text.
        digits: usize,
    },
}

impl fmt::Display for ParseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHexadecimal { character, place } => {
                write!(
                    f,
                    "{character:?} at position {place} is not a hexadecimal digit; copy all 64 hexadecimal digits of the key again"
                )
            }
            Self::WrongLength { digits } => {
                write!(
                    f,
                    "the text has {digits} hexadecimal digits, but a key has 64 hexadecimal digits; copy all of them again"
                )
            }
        }
    }
}

impl core::error::Error for ParseKeyError {}

/// Writes `key` as 64 lower-case hexadecimal digits.
pub(super) fn write(key: &Key, to: &mut impl fmt::Write) -> fmt::Result {
    key.iter().try_for_each(|byte| write!(to, "{byte:02x}"))
}

/// Reads 64 hexadecimal digits in either case into `key`, and skips white space around the digits. After an error, `key`
/// contains some of the bytes.
pub(super) fn read(text: &str, key: &mut Key) -> Result<(), ParseKeyError> {
    let text = text.trim();
    let before = |rest: &str| rest.chars().count();
    let mut digits = 0;
    for (place, character) in text.char_indices() {
        let Some(digit) = character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
            let place = before(text.get(..place).unwrap_or_default()) + 1;
            return Err(ParseKeyError::NotHexadecimal { character, place });
        };
        if let Some(byte) = key.get_mut(digits / 2) {
            *byte = *byte << 4 | digit;
        }
        digits += 1;
    }
    if digits == 64 { Ok(()) } else { Err(ParseKeyError::WrongLength { digits }) }
}
