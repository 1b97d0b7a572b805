use crate::kernels::AlignedWords;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Buffers of dropped polynomials, kept for the next ones: a hot path neither allocates nor faults pages in.
///
/// Owned by a basis and shared by all bases cut from or joined to it, hence by a context and everything made with it. No
/// thread ever waits for another: while the pool is in use elsewhere, a buffer is allocated or freed instead.
#[derive(Debug)]
pub(crate) struct ScratchPool {
    shelves: Mutex<Shelves>,
    /// The most words that are kept.
    limit: usize,
}

#[derive(Debug, Default)]
struct Shelves {
    /// By capacity.
    buffers: BTreeMap<usize, Vec<AlignedWords>>,
    words: usize,
}

impl ScratchPool {
    /// A pool that keeps at most `limit` words.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shelves: Mutex::default(),
            limit,
        }
    }

    /// A buffer of `length` words of unspecified content.
    pub(crate) fn take(&self, length: usize) -> AlignedWords {
        match self.find(length) {
            Some(buffer) => buffer.resized(length),
            None => AlignedWords::zeroed(length),
        }
    }

    /// Keeps `buffer` for a later [`take`](Self::take), or frees it.
    pub(crate) fn put(&self, buffer: AlignedWords) {
        let words = buffer.capacity();
        if words == 0 || words > self.limit {
            return;
        }
        let Ok(mut shelves) = self.shelves.try_lock() else {
            return;
        };
        while shelves.words + words > self.limit {
            shelves.free_largest();
        }
        shelves.words += words;
        shelves.buffers.entry(words).or_default().push(buffer);
    }

    /// The smallest buffer that is large enough and not more than twice too large.
    fn find(&self, length: usize) -> Option<AlignedWords> {
        let mut shelves = self.shelves.try_lock().ok()?;
        let (&words, shelf) = shelves.buffers.range_mut(length..=2 * length).next()?;
        let buffer = shelf.pop()?;
        if shelf.is_empty() {
            shelves.buffers.remove(&words);
        }
        shelves.words -= words;
        Some(buffer)
    }
}

impl Shelves {
    fn free_largest(&mut self) {
        let Some(mut shelf) = self.buffers.last_entry() else {
            return;
        };
        if shelf.get_mut().pop().is_some() {
            self.words -= shelf.key();
        }
        if shelf.get().is_empty() {
            shelf.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_the_pool_stays_bounded() {
        let pool = ScratchPool::new(1000);
        let buffer = pool.take(100);
        assert_eq!(*buffer, [0; 100]);
        let address = buffer.as_ptr();
        pool.put(buffer);
        let larger = pool.take(300);
        assert_ne!(larger.as_ptr(), address, "too small");
        let again = pool.take(60);
        assert_eq!((again.as_ptr(), again.len()), (address, 60));
        let other = pool.take(60);
        assert_ne!(other.as_ptr(), address, "handed out once");
        for length in [400, 500, 300, 200, 2000, 100] {
            pool.put(AlignedWords::zeroed(length));
            assert!(pool.shelves.lock().unwrap().words <= 1000);
        }
        assert_eq!(pool.take(100).len(), 100);
    }
}
