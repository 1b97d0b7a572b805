//! Rows in parallel: rayon's current thread pool, or a plain loop without the feature `parallel`. Results never depend on
//! which.

use crate::error::Result;

/// Calls `work(index, row)` for each row of `data`, rows of `length` words; the last may be shorter.
pub(crate) fn for_each_row(
    data: &mut [u64],
    length: usize,
    work: impl Fn(usize, &mut [u64]) + Sync + Send,
) {
    #[cfg(feature = "parallel")]
    if data.len() >= PARALLEL_FROM && data.len() > length && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        data.par_chunks_mut(length)
            .enumerate()
            .with_max_len(1)
            .for_each(|(index, row)| work(index, row));
        return;
    }
    data.chunks_mut(length)
        .enumerate()
        .for_each(|(index, row)| work(index, row));
}

/// Calls `work(index, part)` for parts of any lengths.
pub(crate) fn for_each_part<'a>(
    parts: impl Iterator<Item = &'a mut [u64]>,
    work: impl Fn(usize, &mut [u64]) + Sync + Send,
) {
    let parts = parts.enumerate();
    #[cfg(feature = "parallel")]
    if rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        let parts: Vec<_> = parts.collect();
        parts
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(index, part)| work(index, part));
        return;
    }
    parts.for_each(|(index, part)| work(index, part));
}

/// Calls `work(index, rows)` for the rows of equally long arrays, side by side; the last may be shorter.
pub(crate) fn for_each_row_of<const ARRAYS: usize>(
    arrays: [&mut [u64]; ARRAYS],
    length: usize,
    work: impl Fn(usize, [&mut [u64]; ARRAYS]) + Sync + Send,
) {
    #[cfg(feature = "parallel")]
    let words: usize = arrays.iter().map(|array| array.len()).sum();
    let mut chunks = arrays.map(|array| array.chunks_mut(length));
    let rows = std::iter::from_fn(move || {
        let rows = chunks.each_mut().map(Iterator::next);
        rows.iter()
            .all(Option::is_some)
            .then(|| rows.map(Option::unwrap_or_default))
    });
    #[cfg(feature = "parallel")]
    if words >= PARALLEL_FROM && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        let rows: Vec<_> = rows.enumerate().collect();
        rows.into_par_iter()
            .with_max_len(1)
            .for_each(|(index, rows)| work(index, rows));
        return;
    }
    rows.enumerate().for_each(|(index, rows)| work(index, rows));
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
    let items = items.into_iter().enumerate();
    items.for_each(|(index, item)| work(index, item));
}

/// The results of `work(index, item)` for each item, in order.
pub(crate) fn map_items<T: Send, R: Send>(
    items: Vec<T>,
    work: impl Fn(usize, T) -> R + Sync + Send,
) -> Vec<R> {
    #[cfg(feature = "parallel")]
    if items.len() > 1 && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        let items = items.into_par_iter().enumerate().with_max_len(1);
        return items.map(|(index, item)| work(index, item)).collect();
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
    if count > 1 && rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        return (0..count).into_par_iter().map(work).collect();
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

/// Calls `work`, which hands rows to other threads several times, on a thread of the pool: a thread outside would sleep and be
/// woken each time. `words` are those of its rows.
pub(crate) fn in_pool<T: Send>(words: usize, work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "parallel")]
    if words >= PARALLEL_FROM && rayon::current_num_threads() > 1 {
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
