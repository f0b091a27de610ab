//! Secrets that are overwritten in memory when they are dropped.

use alloc::string::String;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use x25519_dalek::StaticSecret;
use zeroize::Zeroize;

use super::key::{self, Key, ParseKeyError};
use super::public_key::PublicKey;

/// A secret key of 32 bytes: a server's identity, a ticket key, or a key that two peers share. Dropping the secret
/// overwrites its memory. `Debug` does not show the key, there is no `Display`, and only [`Clone`] copies it.
///
/// `FromStr` reads a secret from 64 hexadecimal digits, as `FromStr` of [`PublicKey`] reads a key.
/// [`Secret::reveal_hex`] returns the digits, for a file that only its owner may read.
///
/// ```
/// use tickwire_core::{Secret, Secrets};
///
/// let secret: Secret = "0c".repeat(32).parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// let clients_pin = secret.public_key();
/// let secrets = Secrets::new(secret);
/// # assert_eq!(secrets.identity.public_key(), clients_pin);
/// # Ok::<(), tickwire_core::crypto::ParseKeyError>(())
/// ```
///
/// Moving a secret leaves a copy in the old memory. Store each secret in one place, and pass references to it.
#[derive(Clone)]
pub struct Secret(Key);

impl Secret {
    /// Creates a secret from `bytes`. The caller must overwrite the original bytes.
    #[must_use]
    pub const fn new(bytes: Key) -> Self {
        Self(bytes)
    }

    /// Computes the X25519 public key of this secret key. An endpoint whose `Config::provider` has a different key
    /// exchange, such as a simulation's provider, has a different public key: see
    /// [`Endpoint::public_key`](crate::Endpoint::public_key).
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        x25519_dalek::PublicKey::from(&StaticSecret::from(self.0)).to_bytes().into()
    }

    /// Returns the secret as 64 lower-case hexadecimal digits. The caller must keep the text secret.
    #[must_use]
    pub fn reveal_hex(&self) -> String {
        let mut text = String::with_capacity(64);
        // A string takes everything.
        let _written = key::write(&self.0, &mut text);
        text
    }

    /// Returns the bytes, so that the caller can fill them.
    pub(crate) const fn bytes_mut(&mut self) -> &mut Key {
        &mut self.0
    }

    /// Returns `true` for the zero key, which means that there is no key.
    pub(crate) fn is_zero(&self) -> bool {
        *self == [0; 32]
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Deref for Secret {
    type Target = Key;

    fn deref(&self) -> &Key {
        &self.0
    }
}

impl From<Key> for Secret {
    fn from(bytes: Key) -> Self {
        Self(bytes)
    }
}

/// Reads 64 hexadecimal digits in either case, with or without white space around them.
impl FromStr for Secret {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        let mut secret = Self([0; 32]);
        key::read(text, &mut secret.0)?;
        Ok(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        *self == other.0
    }
}

impl Eq for Secret {}

impl PartialEq<Key> for Secret {
    /// Compares the keys in constant time.
    fn eq(&self, other: &Key) -> bool {
        let difference = self.0.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
        core::hint::black_box(difference) == 0
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn secrets_that_differ_in_one_byte_are_unequal() {
        let secret = Secret::new([7; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret == [7; 32] && secret.clone() == secret && !secret.is_zero());
        for place in 0..32 {
            let mut other = [7; 32];
            other[place] ^= 128;
            assert!(secret != other);
        }
    }

    #[test]
    fn a_secret_parses_from_its_revealed_hexadecimal_digits() {
        let secret = Secret::new([0xe7; 32]);
        assert_eq!(secret.reveal_hex(), "e7".repeat(32));
        assert_eq!(secret.reveal_hex().parse(), Ok(secret.clone()));
        assert_eq!("e7".parse::<Secret>(), Err(ParseKeyError::WrongLength { digits: 2 }));
        let endpoint = crate::Endpoint::new(
            crate::Config::new(1),
            crate::Secrets::new(secret.clone()),
            [1; 32],
            crate::Instant::ZERO,
        );
        assert_eq!(endpoint.unwrap().public_key(), secret.public_key());
    }
}
