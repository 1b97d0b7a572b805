use std::ops::{Deref, DerefMut};

/// Words that start at a cache line, so that no vector load or store spans two lines.
#[derive(Debug, Default)]
pub struct AlignedWords {
    words: Vec<u64>,
    start: usize,
    length: usize,
}

/// The bytes of a cache line.
const LINE: usize = 64;

/// How many words may lie before the first line starts.
const SLACK: usize = LINE / size_of::<u64>() - 1;

impl AlignedWords {
    /// `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let words = vec![0; length + SLACK];
        // An allocation of words starts at a whole word, so the first line starts at most SLACK words later.
        let start = words.as_ptr().align_offset(LINE).min(SLACK);
        Self {
            words,
            start,
            length,
        }
    }

    /// The most words that it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.words.len().saturating_sub(SLACK)
    }

    /// The same buffer with another number of words; those beyond the old number are unspecified.
    ///
    /// # Panics
    /// If there is no room for them.
    #[must_use]
    pub fn resized(mut self, length: usize) -> Self {
        assert!(length <= self.capacity(), "a buffer does not grow");
        self.length = length;
        self
    }
}

impl Deref for AlignedWords {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.words[self.start..self.start + self.length]
    }
}

impl DerefMut for AlignedWords {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.words[self.start..self.start + self.length]
    }
}

impl FromIterator<u64> for AlignedWords {
    fn from_iter<I: IntoIterator<Item = u64>>(words: I) -> Self {
        let words: Vec<u64> = words.into_iter().collect();
        let mut aligned = Self::zeroed(words.len());
        aligned.copy_from_slice(&words);
        aligned
    }
}

impl Clone for AlignedWords {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.length);
        copy.copy_from_slice(self);
        copy
    }
}

impl PartialEq for AlignedWords {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for AlignedWords {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_starts_at_a_line() {
        for length in [0, 1, 7, 8, 100, 1 << 15, 1 << 17] {
            let words = AlignedWords::zeroed(length);
            assert_eq!(words.as_ptr().align_offset(LINE), 0);
            assert_eq!((words.len(), words.capacity()), (length, length));
        }
        let words: AlignedWords = (0..10).collect();
        assert_eq!(*words, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(*words.resized(3), [0, 1, 2]);
    }
}
