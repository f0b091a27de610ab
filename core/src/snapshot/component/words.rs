//! The words of a component, while they are written and read.

/// Takes the words of a component's value, in order. It has room for as many words as the component has; more are left out.
///
/// ```
/// use tickwire_core::snapshot::ComponentWords;
///
/// let mut row = [9; 3];
/// let mut words = ComponentWords::new(&mut row);
/// words.put(1);
/// words.put(2);
/// assert_eq!(words.finish(), 1);
/// assert_eq!(row, [1, 2, 0]);
/// ```
#[derive(Debug)]
pub struct ComponentWords<'a> {
    rest: &'a mut [u32],
}

impl<'a> ComponentWords<'a> {
    /// Writes to `words` from the first on.
    #[must_use]
    pub const fn new(words: &'a mut [u32]) -> Self {
        Self { rest: words }
    }

    /// The next word.
    #[inline]
    pub fn put(&mut self, word: u32) {
        self.put_all([word]);
    }

    /// The next words, all or none of them.
    #[inline]
    pub fn put_all<const N: usize>(&mut self, words: [u32; N]) {
        if let Some((next, rest)) = core::mem::take(&mut self.rest).split_first_chunk_mut() {
            *next = words;
            self.rest = rest;
        }
    }

    /// The next `count` words are zero.
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.rest.len());
        let (next, rest) = core::mem::take(&mut self.rest).split_at_mut(count);
        next.fill(0);
        self.rest = rest;
    }

    /// A length, then as many bytes, four in a word, the first in the lowest bits. `max` bytes have room; others are left out.
    pub fn put_bytes(&mut self, bytes: &[u8], max: usize) {
        let bytes = bytes.get(..max).unwrap_or(bytes);
        self.put(bytes.len() as u32);
        let (chunks, rest) = bytes.as_chunks::<4>();
        chunks.iter().for_each(|chunk| self.put(u32::from_le_bytes(*chunk)));
        if !rest.is_empty() {
            self.put(rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
        }
        self.skip(max.div_ceil(4) - bytes.len().div_ceil(4));
    }

    /// Sets the words that were not written to zero, and returns how many they are.
    pub fn finish(self) -> usize {
        self.rest.fill(0);
        self.rest.len()
    }
}

/// Gives the words of a component, in order. Past the end there are zeros, so each row of words gives some value.
#[derive(Clone, Debug)]
pub struct WordReader<'a> {
    rest: &'a [u32],
}

impl<'a> WordReader<'a> {
    /// Reads `words` from the first on.
    #[must_use]
    pub const fn new(words: &'a [u32]) -> Self {
        Self { rest: words }
    }

    /// The next word.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> u32 {
        let [word] = self.take_all();
        word
    }

    /// The next words. Near the end, zeros only.
    #[inline]
    #[must_use]
    pub fn take_all<const N: usize>(&mut self) -> [u32; N] {
        let Some((words, rest)) = self.rest.split_first_chunk() else {
            self.rest = &[];
            return [0; N];
        };
        self.rest = rest;
        *words
    }

    /// Goes past `count` words, and returns them, or those that are left.
    pub fn skip(&mut self, count: usize) -> &'a [u32] {
        let (words, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        words
    }

    /// The bytes that [`ComponentWords::put_bytes`] wrote with the same `max`.
    pub fn take_bytes(&mut self, max: usize) -> impl Iterator<Item = u8> + use<'a> {
        let length = (self.take() as usize).min(max);
        let words = self.skip(max.div_ceil(4));
        words.iter().flat_map(|word| word.to_le_bytes()).take(length)
    }
}
