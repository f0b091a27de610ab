//! The words of common types as fields of a component.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::ids::NetworkId;
use super::super::quantize::Real;
use super::kind::FieldKind;
use super::value::NetValue;
use super::words::{ComponentWords, WordReader};
use crate::message::{BoundedBytes, BoundedString};

impl NetValue for bool {
    const WORDS: usize = 1;

    fn kind() -> FieldKind {
        FieldKind::Bool
    }

    #[inline]
    fn quantise(&self, words: &mut ComponentWords<'_>) {
        words.put(u32::from(*self));
    }

    #[inline]
    fn restore(words: &mut WordReader<'_>) -> Self {
        words.take() != 0
    }
}

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl NetValue for $type {
            const WORDS: usize = <$type as Real>::WIDTH as usize / 32;

            fn kind() -> FieldKind {
                FieldKind::Exact { width: <$type as Real>::WIDTH }
            }

            #[inline]
            fn quantise(&self, words: &mut ComponentWords<'_>) {
                let bits = self.exact();
                words.put(bits as u32);
                if Self::WORDS == 2 {
                    words.put((bits >> 32) as u32);
                }
            }

            #[inline]
            fn restore(words: &mut WordReader<'_>) -> Self {
                let low = u64::from(words.take());
                let high = if Self::WORDS == 2 { u64::from(words.take()) } else { 0 };
                Self::from_exact(low | high << 32)
            }
        }
    )*};
}

floats!(f32, f64);

impl NetValue for NetworkId {
    const WORDS: usize = 1;

    fn kind() -> FieldKind {
        FieldKind::Entity
    }

    #[inline]
    fn quantise(&self, words: &mut ComponentWords<'_>) {
        words.put(self.0);
    }

    #[inline]
    fn restore(words: &mut WordReader<'_>) -> Self {
        Self(words.take())
    }
}

/// Converts `length` to the type in which a layout stores lengths.
const fn counted(length: usize) -> u16 {
    assert!(
        length <= u16::MAX as usize,
        "a text, byte string or array in a component is longer than 65,535 bytes or items; lower its length"
    );
    length as u16
}

impl<const N: usize> NetValue for BoundedBytes<N> {
    const WORDS: usize = 1 + (counted(N) as usize).div_ceil(4);

    fn kind() -> FieldKind {
        FieldKind::Bytes { max: const { counted(N) } }
    }

    fn quantise(&self, words: &mut ComponentWords<'_>) {
        words.put_bytes(self, N);
    }

    fn restore(words: &mut WordReader<'_>) -> Self {
        let bytes: Vec<u8> = words.take_bytes(N).collect();
        Self::try_from(bytes).unwrap_or_default()
    }
}

/// A text that is restored from words ends before the first byte that is not valid UTF-8.
impl<const N: usize> NetValue for BoundedString<N> {
    const WORDS: usize = 1 + (counted(N) as usize).div_ceil(4);

    fn kind() -> FieldKind {
        FieldKind::Text { max: const { counted(N) } }
    }

    fn quantise(&self, words: &mut ComponentWords<'_>) {
        words.put_bytes(self.as_bytes(), N);
    }

    fn restore(words: &mut WordReader<'_>) -> Self {
        Self::truncated(&text(words.take_bytes(N).collect()))
    }
}

/// Returns the bytes as text, up to the first byte that is not valid UTF-8.
pub(crate) fn text(mut bytes: Vec<u8>) -> String {
    let valid = core::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
    bytes.truncate(valid);
    String::from_utf8(bytes).unwrap_or_default()
}

impl<T: NetValue, const N: usize> NetValue for [T; N] {
    const WORDS: usize = array_length(N) as usize * T::WORDS;

    fn kind() -> FieldKind {
        FieldKind::Array { length: const { array_length(N) }, item: Box::new(T::kind()) }
    }

    fn quantise(&self, words: &mut ComponentWords<'_>) {
        self.iter().for_each(|item| item.quantise(words));
    }

    fn restore(words: &mut WordReader<'_>) -> Self {
        core::array::from_fn(|_| T::restore(words))
    }
}

/// Converts the length of an array to the type in which a layout stores lengths.
pub(super) const fn array_length(length: usize) -> u16 {
    assert!(length > 0, "an array in a component has no items; give it a length of 1 or more");
    counted(length)
}

impl<T: NetValue> NetValue for Option<T> {
    const WORDS: usize = 1 + T::WORDS;

    fn kind() -> FieldKind {
        FieldKind::Optional { item: Box::new(T::kind()) }
    }

    fn quantise(&self, words: &mut ComponentWords<'_>) {
        words.put(u32::from(self.is_some()));
        match self {
            Some(value) => value.quantise(words),
            None => words.skip(T::WORDS),
        }
    }

    fn restore(words: &mut WordReader<'_>) -> Self {
        if words.take() != 0 {
            return Some(T::restore(words));
        }
        words.skip(T::WORDS);
        None
    }
}
