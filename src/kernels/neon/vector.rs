use std::arch::aarch64::*;

/// Words in a vector.
pub(super) const LANES: usize = 2;

pub(super) type Words = [u64; LANES];

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load(words: &Words) -> uint64x2_t {
    // SAFETY: the reference covers the 16 bytes that are read; words are aligned as words.
    unsafe { vld1q_u64(words.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store(words: &mut Words, vector: uint64x2_t) {
    // SAFETY: the reference covers the 16 bytes that are written; words are aligned as words.
    unsafe { vst1q_u64(words.as_mut_ptr(), vector) }
}
