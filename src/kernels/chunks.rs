//! Rows as vectors of words.

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
