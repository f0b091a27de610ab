//! Secrets that leave no copy of themselves in memory.

use core::fmt;
use core::ops::Deref;

use zeroize::Zeroize;

/// 32 bytes of a key: of a public one, or of a secret that is lent. Secrets that are kept are [`Secret`].
pub type Key = [u8; 32];

/// A 32-byte secret. It is overwritten when it is dropped, `Debug` does not show it, and only [`Clone`] copies it.
///
/// A move leaves the old place as it was: keep secrets where they are, and lend them.
#[derive(Clone)]
pub struct Secret(Key);

impl Secret {
    /// The secret `bytes`. The caller's own copy is the caller's to overwrite.
    #[must_use]
    pub const fn new(bytes: Key) -> Self {
        Self(bytes)
    }

    /// The bytes, to be filled in.
    pub(crate) const fn bytes_mut(&mut self) -> &mut Key {
        &mut self.0
    }

    /// Whether it is the zero key, which stands for none.
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
    /// Takes the same time wherever they differ.
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
    fn a_secret_is_not_printed_and_every_byte_of_it_counts() {
        let secret = Secret::new([7; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(secret == [7; 32] && secret.clone() == secret && !secret.is_zero());
        for place in 0..32 {
            let mut other = [7; 32];
            other[place] ^= 128;
            assert!(secret != other);
        }
    }
}
