use std::arch::x86_64::*;

/// Words in a vector.
pub(super) const LANES: usize = 4;

pub(super) type Words = [u64; LANES];

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load(words: &Words) -> __m256i {
    // SAFETY: the reference covers the 32 bytes that are read; no alignment is asked for.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(words: &mut Words, vector: __m256i) {
    // SAFETY: the reference covers the 32 bytes that are written; no alignment is asked for.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) }
}

/// Two words in the low half; the high half is undefined.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_2(words: &[u64; 2]) -> __m256i {
    // SAFETY: the reference covers the 16 bytes that are read; no alignment is asked for.
    let low = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
    _mm256_castsi128_si256(low)
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn broadcast(word: u64) -> __m256i {
    _mm256_set1_epi64x(word.cast_signed())
}
