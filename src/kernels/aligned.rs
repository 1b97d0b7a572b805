use num_complex::Complex64;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Words that start at a cache line, so that no vector load or store spans two lines.
///
/// On Linux large buffers ask for huge pages: a key of 200 MiB would else need 50,000 entries of the processor's page tables, and
/// be cleared page by page when it is made.
#[derive(Default)]
pub struct AlignedWords {
    memory: Memory,
    start: usize,
    length: usize,
}

/// Where the words lie.
enum Memory {
    Heap(Vec<u64>),
    #[cfg(target_os = "linux")]
    Pages(memmap2::MmapMut),
}

/// The bytes of a cache line.
const LINE: usize = 64;

/// How many words may lie before the first line starts.
const SLACK: usize = LINE / size_of::<u64>() - 1;

impl AlignedWords {
    /// `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        #[cfg(target_os = "linux")]
        if let Some((pages, start)) = huge_pages(length) {
            return Self {
                memory: Memory::Pages(pages),
                start,
                length,
            };
        }
        let words = vec![0; length + SLACK];
        // An allocation of words starts at a whole word, so the first line starts at most SLACK words later.
        let start = words.as_ptr().align_offset(LINE).min(SLACK);
        Self {
            memory: Memory::Heap(words),
            start,
            length,
        }
    }

    /// The most words that it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.memory {
            Memory::Heap(words) => words.len().saturating_sub(SLACK),
            #[cfg(target_os = "linux")]
            Memory::Pages(pages) => (pages.len() - HUGE_PAGE) / size_of::<u64>(),
        }
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

/// The bytes of a huge page on most of Linux's platforms.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 1 << 21;

/// Room for `length` zeros from a huge page's border on, and where that is; `None` where there is too little to gain.
#[cfg(target_os = "linux")]
fn huge_pages(length: usize) -> Option<(memmap2::MmapMut, usize)> {
    let bytes = length.checked_mul(size_of::<u64>())?;
    if bytes < 2 * HUGE_PAGE {
        return None;
    }
    // What lies before the border and after the words is never touched, and so takes no memory.
    let pages = memmap2::MmapMut::map_anon(bytes.checked_add(HUGE_PAGE)?).ok()?;
    let start = pages.as_ptr().align_offset(HUGE_PAGE).min(HUGE_PAGE);
    // Whole huge pages only: the rest would take up to 2 MiB that nothing uses. Advice may be refused; the words are there.
    let _ = pages.advise_range(memmap2::Advice::HugePage, start, bytes - bytes % HUGE_PAGE);
    Some((pages, start / size_of::<u64>()))
}

/// Overwrites what tells something about a secret, in a way that the compiler does not leave out before the memory is freed.
///
/// As many bytes at a time as the processor stores; the volatile stores of the crate `zeroize` are one word each, which takes a
/// tenth of an encryption.
pub(crate) fn wipe<T: Copy + Default>(values: &mut [T]) {
    values.fill(T::default());
    std::hint::black_box(values);
}

/// Numbers that tell something about a secret, [wiped](wipe) when they are dropped. Of a fixed length, since a buffer that grows
/// leaves copies.
pub(crate) struct SecretVec<T: Copy + Default>(Vec<T>);

impl<T: Copy + Default> SecretVec<T> {
    /// Guards these numbers.
    pub(crate) fn new(values: Vec<T>) -> Self {
        Self(values)
    }

    /// So many zeros.
    pub(crate) fn zeroed(length: usize) -> Self {
        Self(vec![T::default(); length])
    }

    /// The numbers, unguarded.
    pub(crate) fn publish(mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }
}

impl<T: Copy + Default> FromIterator<T> for SecretVec<T> {
    /// The numbers of an iterator that knows how many there are.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: Copy + Default> Deref for SecretVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Copy + Default> DerefMut for SecretVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Copy + Default> Drop for SecretVec<T> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Complex numbers that start at a cache line, [wiped](wipe) when they are dropped, since they may tell something about a secret.
pub(crate) struct ComplexRow {
    numbers: Vec<Complex64>,
    start: usize,
}

impl ComplexRow {
    /// The most numbers that may lie before the first line starts.
    const SLACK: usize = LINE / size_of::<Complex64>() - 1;

    /// So many zeros.
    pub(crate) fn zeroed(length: usize) -> Self {
        let numbers = vec![Complex64::ZERO; length + Self::SLACK];
        let start = numbers.as_ptr().align_offset(LINE).min(Self::SLACK);
        Self { numbers, start }
    }

    /// The numbers of an iterator, and zeros up to `length`.
    pub(crate) fn padded(numbers: impl Iterator<Item = Complex64>, length: usize) -> Self {
        let mut row = Self::zeroed(length);
        row.iter_mut()
            .zip(numbers)
            .for_each(|(place, number)| *place = number);
        row
    }
}

impl Deref for ComplexRow {
    type Target = [Complex64];

    fn deref(&self) -> &[Complex64] {
        &self.numbers[self.start..][..self.numbers.len() - Self::SLACK]
    }
}

impl DerefMut for ComplexRow {
    fn deref_mut(&mut self) -> &mut [Complex64] {
        let length = self.numbers.len() - Self::SLACK;
        &mut self.numbers[self.start..][..length]
    }
}

impl Drop for ComplexRow {
    fn drop(&mut self) {
        wipe(&mut self.numbers);
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl fmt::Debug for AlignedWords {
    /// The number of words only: they are many, and may be secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AlignedWords({})", self.length)
    }
}

impl Deref for AlignedWords {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        let words = match &self.memory {
            Memory::Heap(words) => words.as_slice(),
            #[cfg(target_os = "linux")]
            Memory::Pages(pages) => bytemuck::cast_slice(pages),
        };
        &words[self.start..][..self.length]
    }
}

impl DerefMut for AlignedWords {
    fn deref_mut(&mut self) -> &mut [u64] {
        let words = match &mut self.memory {
            Memory::Heap(words) => words.as_mut_slice(),
            #[cfg(target_os = "linux")]
            Memory::Pages(pages) => bytemuck::cast_slice_mut(pages),
        };
        &mut words[self.start..][..self.length]
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
        for length in [0, 1, 7, 8, 100, 1 << 15, 1 << 17, 1 << 18, (1 << 20) + 100] {
            let words = AlignedWords::zeroed(length);
            assert_eq!(words.as_ptr().align_offset(LINE), 0);
            assert_eq!((words.len(), words.capacity()), (length, length));
            assert!(words.iter().all(|&word| word == 0));
        }
        let words: AlignedWords = (0..10).collect();
        assert_eq!(*words, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(*words.resized(3), [0, 1, 2]);
    }
}
