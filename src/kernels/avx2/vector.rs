//! Vectors of words, and of floating-point numbers that are integers.

use super::super::Modulus;
use super::super::float_vectors::float_arithmetic;
use super::super::vectors::{functions, words};
use std::arch::x86_64::*;

/// A vector of words.
pub(super) type Vector = __m256i;

/// A vector of floating-point numbers.
pub(super) type Float = __m256d;

words!("avx2", 4, Vector, _mm256_loadu_si256, _mm256_storeu_si256);
float_arithmetic!("avx2,fma");

/// Two words in the low half; the high half is undefined.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_2(words: &[u64; 2]) -> Vector {
    // SAFETY: the reference covers the 16 bytes that are read; no alignment is asked for.
    let low = unsafe { _mm_loadu_si128(words.as_ptr().cast()) };
    _mm256_castsi128_si256(low)
}

/// The bytes of words, as they lie in memory.
#[inline]
pub(super) fn bytes_of(words: &[u64]) -> &[u8] {
    // SAFETY: words are as many bytes, which may have any value.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), size_of_val(words)) }
}

/// The bytes of a block of values, and of what follows it.
pub(super) const WINDOW: usize = 64;

/// A byte of a window that sixteen bytes begin with.
#[derive(Clone, Copy)]
pub(super) struct PairStart(usize);

impl PairStart {
    /// This byte, or the last possible one.
    pub(super) fn new(byte: usize) -> Self {
        Self(byte.min(WINDOW - 16))
    }
}

/// The sixteen bytes from each of two on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_pairs(bytes: &[u8; WINDOW], [low, high]: [PairStart; 2]) -> Vector {
    // SAFETY: a start is followed by sixteen bytes of a window; no alignment is asked for.
    unsafe {
        let start = bytes.as_ptr();
        _mm256_loadu2_m128i(start.add(high.0).cast(), start.add(low.0).cast())
    }
}

/// Copies a block of 32 to 64 bytes into the words, from byte `first` on: its first and its last 32 bytes.
///
/// # Panics
/// If it has fewer or more, or there is no room.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn copy_block((words, first): (&mut [u64], usize), block: &[u8]) {
    assert!((32..=64).contains(&block.len()) && first + block.len() <= size_of_val(words));
    let last = block.len() - 32;
    // SAFETY: both have the bytes from these places on; no alignment is asked for.
    unsafe {
        let (from, to) = (block.as_ptr(), words.as_mut_ptr().cast::<u8>().add(first));
        let (head, tail) = (from.cast(), from.add(last).cast());
        let (head, tail) = (_mm256_loadu_si256(head), _mm256_loadu_si256(tail));
        _mm256_storeu_si256(to.cast(), head);
        _mm256_storeu_si256(to.add(last).cast(), tail);
    }
}

/// Asks for the line at a byte from the start of these, wherever that is, for bytes that are read once.
#[inline]
#[allow(
    unused_unsafe,
    reason = "a prefetch became safe after the oldest supported compiler"
)]
pub(super) fn prefetch(bytes: &[u8], at: usize) {
    let address = bytes.as_ptr().cast::<i8>().wrapping_add(at);
    // SAFETY: a prefetch accesses nothing, so that any address will do.
    unsafe { _mm_prefetch::<_MM_HINT_NTA>(address) }
}

functions! { "avx2":
    pub(super) fn broadcast(word: u64) -> Vector { _mm256_set1_epi64x(word.cast_signed()) }
}

const TWO_52: f64 = (1_u64 << 52) as f64;

functions! { "avx2,fma":
    pub(super) fn splat(a: f64) -> Float { _mm256_set1_pd(a) }
    pub(super) fn add(a: Float, b: Float) -> Float { _mm256_add_pd(a, b) }
    pub(super) fn sub(a: Float, b: Float) -> Float { _mm256_sub_pd(a, b) }
    fn mul(a: Float, b: Float) -> Float { _mm256_mul_pd(a, b) }
    fn from_bits(words: Vector) -> Float { _mm256_castsi256_pd(words) }
    fn to_bits(a: Float) -> Vector { _mm256_castpd_si256(a) }

    /// `x - a * b`, rounded once.
    fn less_product(x: Float, a: Float, b: Float) -> Float { _mm256_fnmadd_pd(a, b, x) }

    fn round(a: Float) -> Float {
        _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
    }

    /// a, or a + b where a is negative.
    fn add_if_negative(a: Float, b: Float) -> Float {
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(a, _mm256_setzero_pd());
        add(a, _mm256_and_pd(negative, b))
    }

    /// Words below 2^52 as numbers.
    pub(super) fn to_float(words: Vector) -> Float {
        // With the exponent of 2^52 before it, a word is the fraction of 2^52 + word.
        let shifted = _mm256_or_si256(words, broadcast(TWO_52.to_bits()));
        sub(from_bits(shifted), splat(TWO_52))
    }

    /// Integers in `[0, 2^52)` as words.
    fn to_words(a: Float) -> Vector {
        _mm256_xor_si256(to_bits(add(a, splat(TWO_52))), broadcast(TWO_52.to_bits()))
    }
}
