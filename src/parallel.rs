//! Rows in parallel: rayon's current thread pool, or a plain loop without the feature `parallel`. Results never depend on
//! which.
//!
//! What hands work to threads is compiled once, for work behind a reference: a copy for each closure would be a fifth of the library.

use crate::error::Result;
#[cfg(feature = "parallel")]
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls `work(index, row)` for each row of `data`, rows of `length` words; the last may be shorter.
pub(crate) fn for_each_row(
    data: &mut [u64],
    length: usize,
    work: impl Fn(usize, &mut [u64]) + Sync + Send,
) {
    rows_of(data, length, &work);
}

/// Calls `work(index, part)` for parts of any lengths.
pub(crate) fn for_each_part<'a>(
    parts: impl Iterator<Item = &'a mut [u64]>,
    work: impl Fn(usize, &mut [u64]) + Sync + Send,
) {
    parts_of(parts.collect(), &work);
}

/// [`for_each_row`].
fn rows_of(data: &mut [u64], length: usize, work: &(dyn Fn(usize, &mut [u64]) + Sync)) {
    #[cfg(feature = "parallel")]
    if data.len() >= PARALLEL_FROM && data.len() > length && threads() > 1 {
        use rayon::prelude::*;
        data.par_chunks_mut(length)
            .enumerate()
            .with_max_len(1)
            .for_each(|(index, row)| work(index, row));
        return;
    }
    for (index, row) in data.chunks_mut(length).enumerate() {
        work(index, row);
    }
}

/// [`for_each_part`].
fn parts_of(parts: Vec<&mut [u64]>, work: &(dyn Fn(usize, &mut [u64]) + Sync)) {
    #[cfg(feature = "parallel")]
    if threads() > 1 {
        use rayon::prelude::*;
        let parts = parts.into_par_iter().enumerate().with_max_len(1);
        parts.for_each(|(index, part)| work(index, part));
        return;
    }
    for (index, part) in parts.into_iter().enumerate() {
        work(index, part);
    }
}

/// Calls `work(index, rows)` for the rows of equally long arrays, side by side; the last may be shorter.
pub(crate) fn for_each_row_of<const ARRAYS: usize>(
    arrays: [&mut [u64]; ARRAYS],
    length: usize,
    work: impl Fn(usize, [&mut [u64]; ARRAYS]) + Sync + Send,
) {
    let words = arrays.iter().map(|array| array.len()).sum();
    let mut chunks = arrays.map(|array| array.chunks_mut(length));
    let rows = std::iter::from_fn(move || {
        let rows = chunks.each_mut().map(Iterator::next);
        rows.iter()
            .all(Option::is_some)
            .then(|| rows.map(Option::unwrap_or_default))
    });
    for_each_item(words, rows.collect(), work);
}

/// Calls `work(index, item)` for each item; `words` are those of all items.
pub(crate) fn for_each_item<T: Send>(
    words: usize,
    items: Vec<T>,
    work: impl Fn(usize, T) + Sync + Send,
) {
    #[cfg(feature = "parallel")]
    if words >= PARALLEL_FROM {
        map_items(items, work);
        return;
    }
    #[cfg(not(feature = "parallel"))]
    let _ = words;
    for (index, item) in items.into_iter().enumerate() {
        work(index, item);
    }
}

/// The results of `work(index, item)` for each item, in order.
pub(crate) fn map_items<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(usize, T) -> R + Sync + Send,
) -> Vec<R> {
    #[cfg(feature = "parallel")]
    if items.len() > 1 && threads() > 1 {
        let count = items.len();
        let items = Mutex::new(items.into_iter().map(Some).collect::<Vec<_>>());
        return spread(count, 1, &|index| {
            let item = locked(&items)[index].take()?;
            Some(work(index, item))
        });
    }
    let items = items.into_iter().enumerate();
    items.map(|(index, item)| work(index, item)).collect()
}

/// [`map_items`] for work that can fail: its first error in order.
pub(crate) fn try_map_items<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(usize, T) -> Result<R> + Sync + Send,
) -> Result<Vec<R>> {
    map_items(items, work).into_iter().collect()
}

/// The results of `work(0)`, ..., `work(count - 1)`, in order.
pub(crate) fn map<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if count > 1 && threads() > 1 {
        return spread(count, usize::MAX, &|index| Some(work(index)));
    }
    (0..count).map(work).collect()
}

/// [`map`] for work that can fail: its first error in order.
pub(crate) fn try_map<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync + Send,
) -> Result<Vec<T>> {
    map(count, work).into_iter().collect()
}

/// The results of work that has one for each index, at most so many indices in a row on one thread.
#[cfg(feature = "parallel")]
fn spread<R: Send>(
    count: usize,
    in_a_row: usize,
    work: &(dyn Fn(usize) -> Option<R> + Sync),
) -> Vec<R> {
    let results = Mutex::new((0..count).map(|_| None).collect::<Vec<_>>());
    on_threads(count, in_a_row, &|index| {
        let result = work(index);
        locked(&results)[index] = result;
    });
    let mut in_order = Vec::with_capacity(count);
    for result in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        in_order.extend(result);
    }
    debug_assert_eq!(in_order.len(), count);
    in_order
}

/// No work runs while this is held.
#[cfg(feature = "parallel")]
fn locked<T>(places: &Mutex<Vec<Option<T>>>) -> MutexGuard<'_, Vec<Option<T>>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `work(0)`, ..., `work(count - 1)`, at most so many in a row on one thread. A panic of one goes on here.
#[cfg(feature = "parallel")]
fn on_threads(count: usize, in_a_row: usize, work: &(dyn Fn(usize) + Sync)) {
    use rayon::prelude::*;
    let indices = (0..count).into_par_iter().with_max_len(in_a_row);
    indices.for_each(work);
}

/// Calls `work`, which hands rows to other threads several times, on a thread of the pool: a thread outside would sleep and be
/// woken each time. `words` are those of its rows.
pub(crate) fn in_pool<T: Send>(words: usize, work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "parallel")]
    if words >= PARALLEL_FROM && threads() > 1 {
        return rayon::scope(|_| work());
    }
    #[cfg(not(feature = "parallel"))]
    let _ = words;
    work()
}

/// How many threads there are.
pub(crate) fn threads() -> usize {
    #[cfg(feature = "parallel")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "parallel"))]
    1
}

/// How many threads `rows` rows leave idle at the end.
pub(crate) fn idle_beside(rows: usize) -> usize {
    rows.next_multiple_of(threads()) - rows
}

/// How many of `rows` rows, for each of which `words` words are made, are computed at a time from `sources` words that all of them need:
/// those then come from an outer cache or from memory less often. Every thread has rows twice.
pub(crate) fn group_size(rows: usize, words: usize, sources: usize) -> usize {
    if sources < GROUPED_FROM {
        return 1;
    }
    let most = GROUP.min(GROUP_WORDS / words.max(1));
    let shares = if threads() > 1 { 2 * threads() } else { 1 };
    most.min(rows.div_ceil(shares)).max(1)
}

/// Fewer words stay in the caches beside a core.
const GROUPED_FROM: usize = 1 << 16;

/// The most rows at a time.
const GROUP: usize = 4;

/// So many words of a group stay in an outer cache.
const GROUP_WORDS: usize = 1 << 20;

/// Below this many words a hand-over to another thread costs more than it saves.
#[cfg(feature = "parallel")]
const PARALLEL_FROM: usize = 3 << 15;
