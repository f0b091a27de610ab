//! Public keys of servers and peers.

use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use super::key::{self, Key, ParseKeyError};

/// The public key of a server or peer. A client that pins the key connects only to an endpoint that holds the
/// matching [`Secret`](crate::Secret): see [`ConnectOptions::new`](crate::ConnectOptions::new).
///
/// `Display` writes the key as 64 hexadecimal digits. `FromStr` reads upper-case and lower-case digits, and
/// ignores white space around them:
///
/// ```
/// use tickwire_core::PublicKey;
///
/// let key = PublicKey::from([0xa5; 32]);
/// let text = key.to_string();
/// assert_eq!(text, "a5".repeat(32));
/// assert_eq!(text.parse(), Ok(key));
///
/// let error = "a5a5".parse::<PublicKey>().unwrap_err();
/// assert!(error.to_string().contains("4 hexadecimal digits, but a key has 64"));
/// ```
///
/// A reference to the key converts to a reference to its 32 bytes. Functions that take a key as bytes, such as
/// those of [`TicketMint`](crate::TicketMint), accept both types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(Key);

impl PublicKey {
    /// Returns the 32 bytes of the key.
    #[must_use]
    pub const fn to_bytes(self) -> Key {
        self.0
    }
}

impl From<Key> for PublicKey {
    fn from(bytes: Key) -> Self {
        Self(bytes)
    }
}

impl Deref for PublicKey {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.0
    }
}

/// Writes 64 lower-case hexadecimal digits.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        key::write(&self.0, f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Reads 64 hexadecimal digits in either case, with or without white space around them.
impl FromStr for PublicKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let mut public = Self([0; 32]);
        key::read(text, &mut public.0)?;
        Ok(public)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_displayed_public_key_parses_in_either_case_and_with_surrounding_white_space() {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = place as u8 * 7;
        }
        let key = PublicKey::from(bytes);
        let text = key.to_string();
        assert!(text.starts_with("00070e15") && text.len() == 64, "{text}");
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(format!(" {}\r\n", text.to_uppercase()).parse(), Ok(key));
        assert_eq!(format!("{key:?}"), format!("PublicKey({text})"));
    }

    #[test]
    fn the_error_about_an_invalid_public_key_names_the_position_of_the_wrong_digit_or_the_length() {
        let refused = |text: &str| text.parse::<PublicKey>().unwrap_err();
        assert_eq!(refused(""), ParseKeyError::WrongLength { digits: 0 });
        assert_eq!(refused(&"a".repeat(63)), ParseKeyError::WrongLength { digits: 63 });
        assert_eq!(refused(&"a".repeat(66)), ParseKeyError::WrongLength { digits: 66 });
        let not_hexadecimal = |character, place| ParseKeyError::NotHexadecimal { character, place };
        assert_eq!(refused(&format!("{}g", "0".repeat(63))), not_hexadecimal('g', 64));
        assert_eq!(refused("é00"), not_hexadecimal('é', 1));
        assert_eq!(refused("0é\u{1b}"), not_hexadecimal('é', 2));
        assert_eq!(refused("+5"), not_hexadecimal('+', 1));
        assert_eq!(
            refused("\u{1b}[2J").to_string(),
            "'\\u{1b}' at position 1 is not a hexadecimal digit; copy all 64 hexadecimal digits of the key again"
        );
    }
}
