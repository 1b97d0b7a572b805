//! Products and reductions for moduli of at most 50 bits.

use super::super::chunks::split;
use super::super::vectors::product_rows;
use super::super::{Modulus, low, portable};
use super::arithmetic::Arithmetic;
use super::vector::{LANES, broadcast, load, store};
use std::arch::x86_64::*;

product_rows!("avx512f,avx512dq,avx512ifma", Barrett);

/// With n the bits of q: floor(2^(n+50) / q), below 2^52.
pub(super) const fn barrett_ratio(q: &Modulus) -> u64 {
    low(q.ratio() >> (78 - q.bits()))
}

/// Barrett's reduction of a product of two residues.
///
/// With n the bits of q, c = floor(a * b / 2^(n-2)) and m = floor(2^(n+50) / q), the quotient floor(c * m / 2^52) is at
/// most 2.5 below a * b / q: 1/2 from the first floor, at most 1 each from the others.
struct Barrett {
    arithmetic: Arithmetic<52>,
    /// m, below 2^52.
    ratio: __m512i,
    /// 52 - n: with two more bits from the other factor, the high half of a product is c.
    shift: __m128i,
}

impl Barrett {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(q: &Modulus) -> Self {
        let shift = 52 - q.bits();
        Self {
            arithmetic: Arithmetic::new(q),
            ratio: broadcast(barrett_ratio(q)),
            shift: _mm_cvtsi64_si128(shift.into()),
        }
    }

    /// `a * b modulo q` for residues.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply(&self, a: __m512i, b: __m512i) -> __m512i {
        self.multiply_add(_mm512_setzero_si512(), a, b)
    }

    /// `addend + a * b modulo q` for residues.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_add(&self, addend: __m512i, a: __m512i, b: __m512i) -> __m512i {
        let zero = _mm512_setzero_si512();
        let shifted_a = _mm512_sll_epi64(a, self.shift);
        let shifted_b = _mm512_slli_epi64::<2>(b);
        let top = _mm512_madd52hi_epu64(zero, shifted_a, shifted_b);
        let quotient = _mm512_madd52hi_epu64(zero, top, self.ratio);
        let low = _mm512_madd52lo_epu64(addend, a, b);
        // Below 2.5q, and below 3.5q with the addend.
        let remainder = self.arithmetic.less_multiple(low, quotient);
        self.arithmetic.canonical_below_4(remainder)
    }
}
