//! A writer and a reader of a component's words.

/// A writer of the words of a component's value, in order. The writer ignores words beyond the component's number of
/// words.
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
    /// Creates a writer that fills `words` from the first word on.
    #[must_use]
    pub const fn new(words: &'a mut [u32]) -> Self {
        Self { rest: words }
    }

    /// Writes the next word.
    #[inline]
    pub fn put(&mut self, word: u32) {
        self.put_all([word]);
    }

    /// Writes the next `N` words. If fewer than `N` words are left, the method writes nothing, and the writer ignores all
    /// further words.
    #[inline]
    pub fn put_all<const N: usize>(&mut self, words: [u32; N]) {
        if let Some((next, rest)) = core::mem::take(&mut self.rest).split_first_chunk_mut() {
            *next = words;
            self.rest = rest;
        }
    }

    /// Writes zero to each of the next `count` words, or to all words that are left if there are fewer.
    pub fn skip(&mut self, count: usize) {
        let count = count.min(self.rest.len());
        let (next, rest) = core::mem::take(&mut self.rest).split_at_mut(count);
        next.fill(0);
        self.rest = rest;
    }

    /// Writes the length of `bytes` as one word, and then the bytes, four in each word in little-endian order. The method
    /// always fills the words that `max` bytes need, and omits bytes beyond `max`.
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

    /// Sets the words that are left to zero, and returns their number. Returns 0 after a call of [`Self::put_all`] that
    /// wrote nothing.
    pub fn finish(self) -> usize {
        self.rest.fill(0);
        self.rest.len()
    }
}

/// A reader of the words of a component's value, in order. Reads beyond the final word return zeros, so a value can
/// be read from any number of words.
#[derive(Clone, Debug)]
pub struct WordReader<'a> {
    rest: &'a [u32],
}

impl<'a> WordReader<'a> {
    /// Creates a reader of `words` from the first word on.
    #[must_use]
    pub const fn new(words: &'a [u32]) -> Self {
        Self { rest: words }
    }

    /// Reads the next word. Returns 0 if no word is left.
    #[inline]
    #[must_use]
    pub fn take(&mut self) -> u32 {
        let [word] = self.take_all();
        word
    }

    /// Reads the next `N` words. If fewer than `N` words are left, the method returns zeros and skips the words that are left.
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

    /// Skips `count` words, or all remaining words if fewer are left, and returns the skipped words.
    pub fn skip(&mut self, count: usize) -> &'a [u32] {
        let (words, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        words
    }

    /// Reads the bytes that [`ComponentWords::put_bytes`] wrote with the same `max`.
    pub fn take_bytes(&mut self, max: usize) -> impl Iterator<Item = u8> + use<'a> {
        let length = (self.take() as usize).min(max);
        let words = self.skip(max.div_ceil(4));
        words.iter().flat_map(|word| word.to_le_bytes()).take(length)
    }
}
