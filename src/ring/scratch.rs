use crate::kernels::{AlignedWords, wipe};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut, RangeInclusive};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Buffers of dropped polynomials, kept for the next ones: a hot path neither allocates nor faults pages in.
///
/// Owned by a basis and shared by all bases cut from or joined to it, hence by a context and everything made with it. No
/// thread ever waits for another: a shelf that is in use elsewhere is passed over.
///
/// What is kept has a limit that follows what operations need: buffers in use and kept ones together are at most [so many](ROOM) times as much as
/// was in use at once not long ago. The room is for operations in turn whose buffers have other sizes: each finds its own again.
#[derive(Debug)]
pub(crate) struct ScratchPool {
    shelves: [Mutex<Shelves>; SHELVES],
    /// The words of all buffers.
    words: AtomicUsize,
    /// The words of buffers in use, about: what becomes part of a key never comes back, and what was made elsewhere does.
    live: AtomicUsize,
    /// The most words in use at once since the limit was last looked at, and in the time before.
    peak: AtomicUsize,
    peak_before: AtomicUsize,
    /// The words that came back since.
    returned: AtomicUsize,
    /// The least that the limit is.
    least: usize,
}

/// All buffers together may be so many times what was in use at once.
const ROOM: usize = 2;

/// The limit is at most so many times the least one.
const GROWTH: usize = 4;

/// The limit is looked at whenever so many times its words came back.
const PERIOD: usize = 16;

/// More than one, so that threads seldom find all in use.
const SHELVES: usize = 4;

#[derive(Debug, Default)]
struct Shelves {
    /// By capacity, those of one capacity in the order in which they came, each with the time.
    buffers: BTreeMap<usize, Vec<(u64, AlignedWords)>>,
    /// The time: how many buffers have come.
    time: u64,
}

impl ScratchPool {
    /// A pool that keeps at least `limit` words, if so many come back.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            shelves: Default::default(),
            words: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            peak_before: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
            least: limit,
        }
    }

    /// A buffer of `length` words of unspecified content.
    pub(crate) fn take(&self, length: usize) -> AlignedWords {
        if length == 0 {
            return AlignedWords::default();
        }
        let buffer = match self.find(length) {
            Some(buffer) => buffer.resized(length),
            None => AlignedWords::zeroed(length),
        };
        let words = buffer.capacity();
        let live = self.live.fetch_add(words, Ordering::Relaxed) + words;
        self.peak.fetch_max(live, Ordering::Relaxed);
        buffer
    }

    /// A buffer for what tells something about a secret.
    pub(crate) fn take_secret(&self, length: usize) -> SecretWords<'_> {
        SecretWords {
            pool: self,
            words: self.take(length),
        }
    }

    /// Keeps `buffer` for a later [`take`](Self::take), or frees it.
    pub(crate) fn put(&self, buffer: AlignedWords) {
        let words = buffer.capacity();
        let limit = self.limit(words);
        if words == 0 || words > limit {
            return;
        }
        let Some(mut shelves) = self.free_shelves().next() else {
            return;
        };
        let others = self.words.fetch_add(words, Ordering::Relaxed);
        let mut excess = (others + words).saturating_sub(limit);
        while excess > 0 {
            let Some(freed) = shelves.remove_oldest() else {
                self.words.fetch_sub(words, Ordering::Relaxed);
                return;
            };
            self.words.fetch_sub(freed, Ordering::Relaxed);
            excess = excess.saturating_sub(freed);
        }
        shelves.add(buffer);
    }

    /// The limit, after `words` more came back.
    fn limit(&self, words: usize) -> usize {
        let less = |live: usize| Some(live.saturating_sub(words));
        let update = self
            .live
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let (Ok(live) | Err(live)) = update;
        let live = live.saturating_sub(words);
        let peak = self.peak.load(Ordering::Relaxed);
        let before = self.peak_before.load(Ordering::Relaxed);
        let limit = (ROOM * peak.max(before)).saturating_sub(live);
        let limit = limit.clamp(self.least, GROWTH * self.least);
        if self.returned.fetch_add(words, Ordering::Relaxed) / PERIOD >= limit {
            self.returned.store(0, Ordering::Relaxed);
            self.peak_before.store(peak, Ordering::Relaxed);
            self.peak.store(live, Ordering::Relaxed);
        }
        limit
    }

    /// What all buffers hold, for tests that look for what should not be there.
    #[cfg(test)]
    pub(crate) fn contents(&self) -> Vec<AlignedWords> {
        let shelves = self.shelves.iter().map(|shelf| shelf.lock().unwrap());
        shelves
            .flat_map(|shelves| {
                shelves
                    .buffers
                    .values()
                    .flatten()
                    .map(|(_, buffer)| buffer.clone())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The smallest buffer on a shelf that is large enough and not more than twice too large.
    fn find(&self, length: usize) -> Option<AlignedWords> {
        let buffer = self
            .free_shelves()
            .find_map(|mut shelves| shelves.remove(length..=2 * length))?;
        self.words.fetch_sub(buffer.capacity(), Ordering::Relaxed);
        Some(buffer)
    }

    /// The shelves that no other thread uses at the moment.
    fn free_shelves(&self) -> impl Iterator<Item = MutexGuard<'_, Shelves>> {
        self.shelves
            .iter()
            .filter_map(|shelf| shelf.try_lock().ok())
    }
}

/// A buffer that is overwritten before it goes back to its pool, by a panic too.
#[derive(Debug)]
pub(crate) struct SecretWords<'a> {
    pool: &'a ScratchPool,
    words: AlignedWords,
}

impl Deref for SecretWords<'_> {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        &self.words
    }
}

impl DerefMut for SecretWords<'_> {
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

impl Drop for SecretWords<'_> {
    fn drop(&mut self) {
        wipe(&mut self.words);
        self.pool.put(std::mem::take(&mut self.words));
    }
}

impl Shelves {
    fn add(&mut self, buffer: AlignedWords) {
        self.time += 1;
        let others = self.buffers.entry(buffer.capacity()).or_default();
        others.push((self.time, buffer));
    }

    /// The smallest buffer with a capacity in `range`, of several the one that came last.
    fn remove(&mut self, range: RangeInclusive<usize>) -> Option<AlignedWords> {
        let (&words, shelf) = self.buffers.range_mut(range).next()?;
        let (_, buffer) = shelf.pop()?;
        if shelf.is_empty() {
            self.buffers.remove(&words);
        }
        Some(buffer)
    }

    /// Frees the buffer that came first, and returns its capacity: what operations use again and again stays.
    fn remove_oldest(&mut self) -> Option<usize> {
        let shelves = self.buffers.iter_mut();
        let (&words, shelf) =
            shelves.min_by_key(|(_, shelf)| shelf.first().map(|(time, _)| *time))?;
        shelf.remove(0);
        if shelf.is_empty() {
            self.buffers.remove(&words);
        }
        Some(words)
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
            assert!(pool.words.load(Ordering::Relaxed) <= 1000);
        }
        assert_eq!(pool.take(100).len(), 100);
    }

    /// How many of `count` buffers, taken and then put back, are new.
    fn missed(pool: &ScratchPool, count: usize) -> usize {
        let before = pool.words.load(Ordering::Relaxed);
        let buffers: Vec<_> = (0..count).map(|_| pool.take(100)).collect();
        let taken = before - pool.words.load(Ordering::Relaxed);
        let new = count - taken / 100;
        buffers.into_iter().for_each(|buffer| pool.put(buffer));
        new
    }

    #[test]
    fn the_limit_follows_what_is_needed() {
        let pool = ScratchPool::new(1000);
        // What is dropped once is not kept.
        (0..100).for_each(|_| pool.put(AlignedWords::zeroed(100)));
        assert!(pool.words.load(Ordering::Relaxed) <= 1000);
        // What is needed again and again is, up to a limit.
        (0..3).for_each(|_| _ = missed(&pool, 30));
        assert_eq!(missed(&pool, 30), 0);
        (0..3).for_each(|_| _ = missed(&pool, 100));
        assert!(pool.words.load(Ordering::Relaxed) <= 4000);
        // What is no longer needed goes.
        (0..1000).for_each(|_| _ = missed(&pool, 5));
        assert!(pool.words.load(Ordering::Relaxed) <= 1000);
        assert_eq!(missed(&pool, 5), 0);
    }

    #[test]
    fn what_is_used_again_stays() {
        let pool = ScratchPool::new(1000);
        for length in [300, 310, 320] {
            pool.put(AlignedWords::zeroed(length));
        }
        let used = [400, 200].map(AlignedWords::zeroed);
        let addresses = used.each_ref().map(|buffer| buffer.as_ptr());
        used.into_iter().for_each(|buffer| pool.put(buffer));
        let [large, small] = [pool.take(400), pool.take(150)];
        assert_eq!([large.as_ptr(), small.as_ptr()], addresses);
    }
}
