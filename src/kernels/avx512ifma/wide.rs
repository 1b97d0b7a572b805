//! Products and reductions for moduli of 51 to 61 bits.

use super::super::chunks::split;
use super::super::vectors::product_rows;
use super::super::{Modulus, low, portable};
use super::arithmetic::Arithmetic;
use super::vector::{LANES, broadcast, load, store, subtract_once};
use std::arch::x86_64::*;

product_rows!("avx512f,avx512dq,avx512ifma", Barrett);

/// Barrett's reduction of a product of two residues.
///
/// With n the bits of q, c = floor(a * b / 2^(n-2)) and m = floor(2^(n+62) / q), the quotient floor(c * m / 2^64) is less
/// than 2 below a * b / q: 1/2 at most from each of the first floors, 1 from the last. Dropped carries take 2 more.
struct Barrett {
    arithmetic: Arithmetic<64>,
    modulus: __m512i,
    /// m, at most 2^63, and its high half.
    ratio: (__m512i, __m512i),
    /// 61 - n: the product then is below 2^122, and its words from bit 59 on are c.
    shift: __m128i,
}

impl Barrett {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(q: &Modulus) -> Self {
        let ratio = low(q.ratio() >> (66 - q.bits()));
        Self {
            arithmetic: Arithmetic::new(q),
            modulus: broadcast(q.value()),
            ratio: (broadcast(ratio), broadcast(ratio >> 32)),
            shift: _mm_cvtsi64_si128((61 - q.bits()).into()),
        }
    }

    /// `a * b modulo q` for residues.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn multiply(&self, a: __m512i, b: __m512i) -> __m512i {
        let top = Self::product_from_bit_59(_mm512_sll_epi64(a, self.shift), b);
        let half = _mm512_srli_epi64::<32>;
        let middle_a = half(_mm512_mul_epu32(half(top), self.ratio.0));
        let middle_b = half(_mm512_mul_epu32(top, self.ratio.1));
        let high = _mm512_mul_epu32(half(top), self.ratio.1);
        let quotient = _mm512_add_epi64(high, _mm512_add_epi64(middle_a, middle_b));
        // Below 4q.
        self.arithmetic.canonical_below_4(_mm512_sub_epi64(
            _mm512_mullo_epi64(a, b),
            _mm512_mullo_epi64(quotient, self.modulus),
        ))
    }

    /// `addend + a * b modulo q` for residues.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn multiply_add(&self, addend: __m512i, a: __m512i, b: __m512i) -> __m512i {
        let sum = _mm512_add_epi64(addend, self.multiply(a, b));
        subtract_once(sum, self.modulus)
    }

    /// floor(a * b / 2^59) for words below 2^61.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn product_from_bit_59(a: __m512i, b: __m512i) -> __m512i {
        let zero = _mm512_setzero_si512();
        let a_top = _mm512_srli_epi64::<52>(a);
        let b_top = _mm512_srli_epi64::<52>(b);
        // The part of weight 2^52, below 2^54, and that of weight 2^104, below 2^18 since the product is below 2^122.
        let middle = _mm512_madd52hi_epu64(zero, a, b);
        let middle = _mm512_madd52lo_epu64(middle, a_top, b);
        let middle = _mm512_madd52lo_epu64(middle, a, b_top);
        let high = _mm512_madd52hi_epu64(zero, a_top, b);
        let high = _mm512_madd52hi_epu64(high, a, b_top);
        let high = _mm512_madd52lo_epu64(high, a_top, b_top);
        _mm512_add_epi64(
            _mm512_srli_epi64::<7>(middle),
            _mm512_slli_epi64::<45>(high),
        )
    }
}
