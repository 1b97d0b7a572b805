//! Rows as vectors of words, and as blocks.

use super::BLOCK;

/// The vectors at equal places of the four quarters of a chunk.
#[inline]
pub(super) fn quarters<const LANES: usize>(
    chunk: &mut [u64],
) -> impl Iterator<Item = [&mut [u64; LANES]; 4]> {
    let (low, high) = chunk.split_at_mut(chunk.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let vectors = |x| <[u64]>::as_chunks_mut::<LANES>(x).0;
    let low = vectors(x0).iter_mut().zip(vectors(x1));
    let high = vectors(x2).iter_mut().zip(vectors(x3));
    low.zip(high).map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
}

/// Whole vectors and what is left over.
type Split<'a, const LANES: usize> = (&'a [[u64; LANES]], &'a [u64]);

/// The same, to write to.
type SplitMut<'a, const LANES: usize> = (&'a mut [[u64; LANES]], &'a mut [u64]);

/// Both rows, of one length, as vectors.
#[inline]
pub(super) fn split<'a, const LANES: usize>(
    row: &'a mut [u64],
    other: &'a [u64],
) -> (SplitMut<'a, LANES>, Split<'a, LANES>) {
    debug_assert_eq!(row.len(), other.len());
    (row.as_chunks_mut(), other.as_chunks())
}

/// The blocks of both rows, which consist of whole ones.
#[inline]
pub(super) fn block_pairs(
    [first, second]: [&mut [u64]; 2],
) -> impl Iterator<Item = [&mut [u64]; 2]> {
    debug_assert!(first.len().is_multiple_of(BLOCK) && second.len() == first.len());
    let blocks = first
        .chunks_exact_mut(BLOCK)
        .zip(second.chunks_exact_mut(BLOCK));
    blocks.map(|(first, second)| [first, second])
}
