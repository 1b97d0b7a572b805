use super::super::vectors::{fours, functions, words};
use std::arch::x86_64::*;

words!(
    "avx512f",
    8,
    __m512i,
    _mm512_loadu_si512,
    _mm512_storeu_si512
);
fours!("avx512f", __m512i, load, store);

/// Asks for the line `ahead` bytes after that of `words`, wherever that is, with `_MM_HINT_T0` or, for words that are read once
/// and need not stay in the outer caches, `_MM_HINT_NTA`.
#[inline]
#[target_feature(enable = "avx512f")]
#[allow(
    unused_unsafe,
    reason = "a prefetch became safe after the oldest supported compiler"
)]
pub(super) fn prefetch<const HINT: i32>(words: &[u64], ahead: usize) {
    let address = words.as_ptr().cast::<i8>().wrapping_add(ahead);
    // SAFETY: a prefetch accesses nothing, so that any address will do.
    unsafe { _mm_prefetch::<HINT>(address) }
}

/// The 64 bytes from byte `first` of the words on.
///
/// # Panics
/// If there are fewer.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_bytes(words: &[u64], first: usize) -> __m512i {
    assert!(first + 64 <= size_of_val(words));
    // SAFETY: the bytes are there; no alignment is asked for.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast::<u8>().add(first).cast()) }
}

/// The given bytes, and zeros up to 64.
///
/// # Panics
/// If there are none, or more.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn load_some(bytes: &[u8]) -> __m512i {
    assert!((1..=64).contains(&bytes.len()));
    let taken = u64::MAX >> (64 - bytes.len());
    // SAFETY: only as many bytes are read as the slice has; no alignment is asked for.
    unsafe { _mm512_maskz_loadu_epi8(taken, bytes.as_ptr().cast()) }
}

/// Writes those bytes of a vector whose bit of `bytes` is set, to byte `first` of the words and on.
///
/// # Panics
/// If there are fewer than 64 from there on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn store_bytes(words: &mut [u64], first: usize, bytes: u64, vector: __m512i) {
    assert!(first + 64 <= size_of_val(words));
    // SAFETY: the bytes are there, and may have any value; no alignment is asked for.
    unsafe {
        let start = words.as_mut_ptr().cast::<i8>().add(first);
        _mm512_mask_storeu_epi8(start, bytes, vector);
    }
}

/// Four words, twice.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn repeat_4(words: &[u64; 4]) -> __m512i {
    // SAFETY: the reference covers the 32 bytes that are read; no alignment is asked for.
    let four = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
    _mm512_broadcast_i64x4(four)
}

/// Two words, four times.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn repeat_2(words: &[u64; 2]) -> __m512i {
    // SAFETY: the reference covers the 16 bytes that are read; no alignment is asked for.
    let two = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
    _mm512_broadcast_i64x2(two)
}

functions! { "avx512f":
    pub(super) fn broadcast(word: u64) -> __m512i { _mm512_set1_epi64(word.cast_signed()) }

    /// The permutation that takes lane i from lane `from[i]`, for `_mm512_permutexvar_epi64` and
    /// `_mm512_permutex2var_epi64` (where lanes 8 to 15 are those of the second vector).
    pub(super) fn lanes(from: Words) -> __m512i { load(&from) }

    /// Lane by lane, a - bound where that is not negative, else a; `a < 2^63 + bound`.
    pub(super) fn subtract_once(a: __m512i, bound: __m512i) -> __m512i {
        _mm512_min_epu64(a, _mm512_sub_epi64(a, bound))
    }
}
