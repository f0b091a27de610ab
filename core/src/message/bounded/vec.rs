//! A list with a maximum length.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{Full, put_length, take_length};
use crate::bits::{BitReader, BitWriter, DecodeError, EncodeError, NetSerialize, put_items};
use crate::shape::{NetShape, Shape, Shapes};

/// A list of at most `N` items.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoundedVec<T, const N: usize>(Vec<T>);

impl<T, const N: usize> BoundedVec<T, N> {
    /// The maximum number of items in the list.
    pub const CAPACITY: usize = {
        assert!(
            N as u64 <= u32::MAX as u64,
            "the maximum length is above 2^32 - 1; lower the maximum length"
        );
        N
    };

    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `item` to the list.
    ///
    /// # Errors
    /// [`Full`] with `item`, if the list already has `N` items.
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if self.0.len() >= Self::CAPACITY {
            return Err(Full(item));
        }
        self.0.push(item);
        Ok(())
    }

    /// Removes the final item from the list and returns it. Returns `None` if the list is empty.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Removes all items from the list.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the items as a `Vec`, which has no maximum length.
    #[must_use]
    pub fn into_inner(self) -> Vec<T> {
        self.0
    }
}

impl<T, const N: usize> Default for BoundedVec<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for BoundedVec<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T, const N: usize> TryFrom<Vec<T>> for BoundedVec<T, N> {
    type Error = Full<Vec<T>>;

    fn try_from(items: Vec<T>) -> Result<Self, Self::Error> {
        if items.len() > Self::CAPACITY { Err(Full(items)) } else { Ok(Self(items)) }
    }
}

impl<T, const N: usize> Deref for BoundedVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for BoundedVec<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const N: usize> IntoIterator for BoundedVec<T, N> {
    type Item = T;
    type IntoIter = alloc::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a BoundedVec<T, N> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: NetShape, const N: usize> NetShape for BoundedVec<T, N> {
    fn shape(shapes: &mut Shapes) -> Shape {
        Shape::List { max: Some(Self::CAPACITY as u64), item: Box::new(shapes.of::<T>()) }
    }
}

impl<T: NetSerialize, const N: usize> NetSerialize for BoundedVec<T, N> {
    fn encode(&self, writer: &mut BitWriter<'_>) -> Result<(), EncodeError> {
        put_length(writer, self.0.len(), Self::CAPACITY)?;
        writer.charge(self.0.len());
        writer.nested(|writer| put_items(writer, &self.0))
    }

    fn decode(reader: &mut BitReader<'_>) -> Result<Self, DecodeError> {
        let length = take_length(reader, Self::CAPACITY)?;
        reader.charge(length)?;
        reader.nested(|reader| {
            // Nothing is reserved: the list grows with the items that are really there.
            let mut items = Vec::new();
            for _ in 0..length {
                items.push(T::decode(reader)?);
            }
            Ok(Self(items))
        })
    }
}

impl<T: Serialize, const N: usize> Serialize for BoundedVec<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for BoundedVec<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

struct Items<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Items<T, N> {
    type Value = BoundedVec<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {N} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut items = BoundedVec::new();
        while let Some(item) = access.next_element()? {
            items.push(item).map_err(|Full(_)| {
                A::Error::custom(format_args!("the list has more than {N} items; send fewer items"))
            })?;
        }
        Ok(items)
    }
}
