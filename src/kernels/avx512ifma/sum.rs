//! Weighted sums: words split at bit 52, their products summed by weights and reduced once.

use super::super::{Modulus, portable};
use super::arithmetic::{Arithmetic, Factor};
use super::vector::{LANES, broadcast, load, store};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn weighted_sum<const WORD: u32>(
    q: &Modulus,
    row: &mut [u64],
    inputs: &[u64],
    factors: &[u64],
    offset: u64,
) {
    debug_assert_eq!(inputs.len(), row.len() * factors.len());
    debug_assert!(factors.len() <= 32);
    let a = Arithmetic::<WORD>::new(q);
    let base = a.base(q);
    let length = row.len();
    let mut start = 0;
    let (fours, _) = row.as_chunks_mut::<{ 4 * LANES }>();
    for out in fours {
        let sums = sums::<WORD, 4>(inputs, factors, (start, length), offset);
        for (x, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            store(x, sum.residue(a, base));
        }
        start += out.len();
    }
    let (vectors, _) = row[start..].as_chunks_mut::<LANES>();
    for x in vectors {
        let [sum] = sums::<WORD, 1>(inputs, factors, (start, length), offset);
        store(x, sum.residue(a, base));
        start += LANES;
    }
    for (k, x) in row.iter_mut().enumerate().skip(start) {
        *x = portable::weighted_sum_at(q, &inputs[k..], length, factors, offset);
    }
}

/// A sum of at most 32 products of words below 2^61, and of a word below 2^61, by weights.
#[derive(Clone, Copy)]
struct Sum {
    /// Below 2^62.
    low: __m512i,
    /// Two parts of weight 2^52, so that the chains of additions are short: below 2^57 and 2^58.
    middle: (__m512i, __m512i),
    /// Of weight 2^104, below 2^24; below 2^12 where factors have at most 50 bits.
    high: __m512i,
}

/// The sums at the places from `start` on of rows of `length` words.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sums<const WORD: u32, const VECTORS: usize>(
    inputs: &[u64],
    factors: &[u64],
    (start, length): (usize, usize),
    offset: u64,
) -> [Sum; VECTORS] {
    let zero = _mm512_setzero_si512();
    let empty = Sum {
        low: broadcast(offset),
        middle: (zero, zero),
        high: zero,
    };
    let mut sums = [empty; VECTORS];
    for (i, &factor) in factors.iter().enumerate() {
        let factor_top = broadcast(factor >> 52);
        let factor = broadcast(factor);
        let start = i * length + start;
        let (vectors, _) = inputs[start..start + VECTORS * LANES].as_chunks::<LANES>();
        for (sum, x) in sums.iter_mut().zip(vectors) {
            let x = load(x);
            let top = _mm512_srli_epi64::<52>(x);
            sum.low = _mm512_madd52lo_epu64(sum.low, x, factor);
            sum.middle.0 = _mm512_madd52hi_epu64(sum.middle.0, x, factor);
            sum.middle.1 = _mm512_madd52lo_epu64(sum.middle.1, top, factor);
            sum.high = _mm512_madd52hi_epu64(sum.high, top, factor);
            if WORD == 64 {
                sum.middle.1 = _mm512_madd52lo_epu64(sum.middle.1, x, factor_top);
                sum.high = _mm512_madd52hi_epu64(sum.high, x, factor_top);
                sum.high = _mm512_madd52lo_epu64(sum.high, top, factor_top);
            }
        }
    }
    sums
}

impl Sum {
    /// The residue of the sum, by Horner's rule in `base`, which is 2^52 modulo q.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn residue<const WORD: u32>(self, a: Arithmetic<WORD>, base: Factor) -> __m512i {
        let middle = _mm512_add_epi64(self.middle.0, self.middle.1);
        if WORD == 52 {
            // Carries leave 52 bits in low and middle, and 13 in high.
            let carry = _mm512_srli_epi64::<52>;
            let middle = _mm512_add_epi64(middle, carry(self.low));
            let high = _mm512_add_epi64(self.high, carry(middle));
            // Below 2q + 2q, which fits 52 bits, then 2q + 2q again.
            let upper = _mm512_add_epi64(a.reduced(middle), a.product(high, base));
            let lower = _mm512_add_epi64(a.reduced(self.low), a.product(upper, base));
            a.canonical_below_4(lower)
        } else {
            // Below 2^59 + 4q and 2^62 + 4q, which fit 64 bits.
            let upper = _mm512_add_epi64(middle, a.product(self.high, base));
            let lower = _mm512_add_epi64(self.low, a.product(upper, base));
            a.canonical_below_4(a.reduced(lower))
        }
    }
}
