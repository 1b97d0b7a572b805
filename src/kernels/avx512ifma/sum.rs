//! Weighted sums: words split at bit 52, their products summed by weights and reduced once.

use super::super::{Modulus, WeightedSum, portable};
use super::arithmetic::{Arithmetic, Factor};
use super::vector::{LANES, broadcast, load, store};
use std::arch::x86_64::*;

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn weighted_sum<const WORD: u32>(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    debug_assert_eq!(sum.inputs.len(), row.len() * sum.factors.len());
    debug_assert!(sum.factors.len() <= 32);
    if WORD == 52 && sum.input_bits <= 52 {
        weighted_sum_of::<WORD, 52>(q, row, sum);
    } else {
        weighted_sum_of::<WORD, 64>(q, row, sum);
    }
}

/// [`weighted_sum`] for inputs of at most `INPUT` bits.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn weighted_sum_of<const WORD: u32, const INPUT: u32>(
    q: &Modulus,
    row: &mut [u64],
    sum: &WeightedSum<'_>,
) {
    let a = Arithmetic::<WORD>::new(q);
    let base = a.base(q);
    let length = row.len();
    let mut start = 0;
    let (fours, _) = row.as_chunks_mut::<{ 4 * LANES }>();
    for out in fours {
        let sums = sums::<WORD, INPUT, 4>(sum, (start, length));
        for (x, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            store(x, sum.residue(a, base));
        }
        start += out.len();
    }
    let (vectors, _) = row[start..].as_chunks_mut::<LANES>();
    for x in vectors {
        let [sum] = sums::<WORD, INPUT, 1>(sum, (start, length));
        store(x, sum.residue(a, base));
        start += LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
}

/// Both halves in one pass: products of residues below 2^50 summed in two words, of which 2^12 fit, and reduced once.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn inner_products(
    q: &Modulus,
    sums: [&mut [u64]; 2],
    digits: &[u64],
    keys: &[[&[u64]; 2]],
) {
    let [first, second] = sums;
    let length = first.len();
    debug_assert_eq!(digits.len(), length * keys.len());
    debug_assert!(second.len() == length && keys.len() < 1 << 9);
    let a = Arithmetic::<52>::new(q);
    let base = a.base(q);
    let mut start = 0;
    let vectors = first.as_chunks_mut::<LANES>().0.iter_mut();
    for (first, second) in vectors.zip(second.as_chunks_mut::<LANES>().0) {
        let mut sums = [Sum::of(0); 2];
        for (j, key) in keys.iter().enumerate() {
            let digit = load(vector_at(digits, j * length + start));
            for (sum, key) in sums.iter_mut().zip(key) {
                let key = load(vector_at(key, start));
                sum.low = _mm512_madd52lo_epu64(sum.low, digit, key);
                sum.middle.0 = _mm512_madd52hi_epu64(sum.middle.0, digit, key);
            }
        }
        store(first, sums[0].residue(a, base));
        store(second, sums[1].residue(a, base));
        start += LANES;
    }
    portable::inner_products_from(q, [first, second], digits, keys, start);
}

/// The vector of words from `start` on.
fn vector_at(words: &[u64], start: usize) -> &[u64; LANES] {
    &words[start..start + LANES].as_chunks::<LANES>().0[0]
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
fn sums<const WORD: u32, const INPUT: u32, const VECTORS: usize>(
    sum: &WeightedSum<'_>,
    (start, length): (usize, usize),
) -> [Sum; VECTORS] {
    let inputs = sum.inputs;
    let mut sums = [Sum::of(sum.offset); VECTORS];
    for (i, &factor) in sum.factors.iter().enumerate() {
        let factor_top = broadcast(factor >> 52);
        let factor = broadcast(factor);
        let start = i * length + start;
        let (vectors, _) = inputs[start..start + VECTORS * LANES].as_chunks::<LANES>();
        for (sum, x) in sums.iter_mut().zip(vectors) {
            let x = load(x);
            sum.low = _mm512_madd52lo_epu64(sum.low, x, factor);
            sum.middle.0 = _mm512_madd52hi_epu64(sum.middle.0, x, factor);
            if INPUT == 52 {
                continue;
            }
            let top = _mm512_srli_epi64::<52>(x);
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
    /// The sum of a word alone.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn of(word: u64) -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            low: broadcast(word),
            middle: (zero, zero),
            high: zero,
        }
    }

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
