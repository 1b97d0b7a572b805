//! Sums of products by weights of 2^52, and their reduction modulo one prime.

use super::super::{Modulus, WeightedSum};
use super::arithmetic::{Arithmetic, Factor};
use super::narrow::barrett_ratio;
use super::vector::broadcast;
use std::arch::x86_64::*;

/// A sum of at most 32 products of words below 2^61, and of a word below 2^61, by weights.
#[derive(Clone, Copy)]
pub(super) struct Sum {
    /// Below 2^62.
    low: __m512i,
    /// Two parts of weight 2^52, so that the chains of additions are short: below 2^57 and 2^58.
    middle: (__m512i, __m512i),
    /// Of weight 2^104, below 2^24; below 2^12 where factors have at most 50 bits.
    high: __m512i,
}

impl Sum {
    pub(super) const MOST_PRODUCTS: usize = 32;

    /// The sum of a word alone.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of(word: __m512i) -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            low: word,
            middle: (zero, zero),
            high: zero,
        }
    }

    /// A sum of any word, and of one below 2^60 of weight 2^52, for words of 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn of_words(low: __m512i, middle: __m512i) -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            low,
            middle: (middle, zero),
            high: zero,
        }
    }

    /// Adds `x * factor`, for x of at most INPUT bits and a residue as the factor.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add_product<const WORD: u32, const INPUT: u32>(
        &mut self,
        x: __m512i,
        factor: __m512i,
    ) {
        self.low = _mm512_madd52lo_epu64(self.low, x, factor);
        self.middle.0 = _mm512_madd52hi_epu64(self.middle.0, x, factor);
        if INPUT == 52 {
            return;
        }
        let top = _mm512_srli_epi64::<52>(x);
        self.middle.1 = _mm512_madd52lo_epu64(self.middle.1, top, factor);
        self.high = _mm512_madd52hi_epu64(self.high, top, factor);
        if WORD == 64 {
            let factor_top = _mm512_srli_epi64::<52>(factor);
            self.middle.1 = _mm512_madd52lo_epu64(self.middle.1, x, factor_top);
            self.high = _mm512_madd52hi_epu64(self.high, x, factor_top);
            self.high = _mm512_madd52lo_epu64(self.high, top, factor_top);
        }
    }
}

/// A reduction strategy: Montgomery's, of 2^52 times what is asked for, whose quotient by 2^52 is below q,
pub(super) const DIVIDED: u32 = 0;

/// or below 4q.
pub(super) const DIVIDED_BELOW_4: u32 = 1;

/// For sums below 2^50 times the power of two above q.
pub(super) const SHORT: u32 = 2;

/// This way if its words of weight 2^52 sum to a word of 52 bits, and it has none above.
pub(super) const TWO_WORDS: u32 = 3;

/// This way whatever it is.
pub(super) const ANY: u32 = 4;

/// The cheapest reduction, modulo q of at most 50 bits, of the sum of products of values, which sum to at most `total`, with residues, and
/// of one residue more.
pub(super) fn reduction(q: &Modulus, total: u128) -> u32 {
    if total <= 1 << 50 {
        SHORT
    } else if total << q.bits() <= 1 << 103 {
        TWO_WORDS
    } else {
        ANY
    }
}

/// Whether a reduction takes 2^52 times the sum.
const fn divides(reduction: u32) -> bool {
    reduction <= DIVIDED_BELOW_4
}

/// The cheapest reduction that serves all of these moduli, for weighted sums of inputs of at most 52 bits, which sum to at most `total`, at so
/// many places.
pub(super) fn reduction_of<'a>(
    moduli: impl Iterator<Item = &'a Modulus> + Clone,
    places: usize,
    total: u128,
) -> u32 {
    let odd = moduli.clone().all(|q| q.value() % 2 == 1);
    if places >= DIVIDED_FROM && odd && total < 1 << 52 {
        DIVIDED
    } else if places >= DIVIDED_FROM && odd && total < 1 << 54 {
        DIVIDED_BELOW_4
    } else {
        // The others are ordered: each serves what those before it do.
        let reductions = moduli.map(|q| reduction(q, total));
        reductions.max().unwrap_or(ANY)
    }
}

/// For fewer places it costs more to lift the factors than the reduction saves.
const DIVIDED_FROM: usize = 1024;

/// The sum times what the reduction divides by; `space` is for its factors.
pub(super) fn lifted<'a, const REDUCTION: u32>(
    q: &Modulus,
    sum: &WeightedSum<'a>,
    space: &'a mut [u64; Sum::MOST_PRODUCTS],
) -> WeightedSum<'a> {
    if !divides(REDUCTION) {
        return *sum;
    }
    let base = q.shoup(q.reduce(1 << 52));
    for (lifted, &factor) in space.iter_mut().zip(sum.factors) {
        *lifted = q.mul_shoup(factor, base);
    }
    WeightedSum {
        factors: &space[..sum.factors.len()],
        offset: q.mul_shoup(sum.offset, base),
        ..*sum
    }
}

/// Reduces sums modulo q.
#[derive(Clone, Copy)]
pub(super) struct Reducer<const WORD: u32, const REDUCTION: u32> {
    arithmetic: Arithmetic<WORD>,
    /// 2^52 modulo q.
    base: Factor,
    /// With n the bits of q: floor(2^(n+50) / q).
    ratio: __m512i,
    /// n - 2, and 52 less that.
    shifts: (__m128i, __m128i),
    /// q^-1 modulo 2^52, where a reduction divides.
    inverse: __m512i,
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse_of_odd(q: u64) -> u64 {
    // q q = 1 modulo 8, and each step doubles the bits.
    (0..5).fold(q, |x, _| {
        x.wrapping_mul(2_u64.wrapping_sub(q.wrapping_mul(x)))
    })
}

impl<const WORD: u32, const REDUCTION: u32> Reducer<WORD, REDUCTION> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(q: &Modulus) -> Self {
        let arithmetic = Arithmetic::new(q);
        let shift = |bits: u32| _mm_cvtsi64_si128(bits.into());
        let shifted = q.bits() - 2;
        Self {
            arithmetic,
            base: arithmetic.base(q),
            ratio: broadcast(barrett_ratio(q)),
            shifts: (shift(shifted), shift(52_u32.wrapping_sub(shifted))),
            inverse: broadcast(if divides(REDUCTION) {
                inverse_of_odd(q.value())
            } else {
                0
            }),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn residue(&self, sum: Sum) -> __m512i {
        let a = &self.arithmetic;
        if divides(REDUCTION) {
            // sum - (sum / q mod 2^52) q is a multiple of 2^52. P. L. Montgomery, "Modular Multiplication Without Trial Division" (1985).
            let zero = _mm512_setzero_si512();
            let middle = _mm512_add_epi64(sum.middle.0, _mm512_srli_epi64::<52>(sum.low));
            let multiple = _mm512_madd52lo_epu64(zero, sum.low, self.inverse);
            let excess = _mm512_madd52hi_epu64(zero, multiple, a.modulus);
            // Above -q; a negative one is larger than any other.
            let residue = _mm512_sub_epi64(middle, excess);
            let residue = _mm512_min_epu64(residue, _mm512_add_epi64(residue, a.modulus));
            if REDUCTION == DIVIDED {
                residue
            } else {
                a.canonical_below_4(residue)
            }
        } else if REDUCTION == SHORT {
            // Barrett's quotient, at most 2.5 too low as in `narrow`; floor(sum / 2^(n-2)) is below 2^52.
            let top = _mm512_add_epi64(
                _mm512_srl_epi64(sum.low, self.shifts.0),
                _mm512_sll_epi64(sum.middle.0, self.shifts.1),
            );
            let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, self.ratio);
            a.canonical_below_4(a.less_multiple(sum.low, quotient))
        } else if REDUCTION == TWO_WORDS {
            let middle = _mm512_add_epi64(sum.middle.0, _mm512_srli_epi64::<52>(sum.low));
            // Below 2q each.
            let residue = _mm512_add_epi64(a.reduced(sum.low), a.product(middle, self.base));
            a.canonical_below_4(residue)
        } else {
            self.residue_of_any(sum)
        }
    }

    /// Horner's rule.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn residue_of_any(&self, sum: Sum) -> __m512i {
        let (a, base) = (&self.arithmetic, self.base);
        let middle = _mm512_add_epi64(sum.middle.0, sum.middle.1);
        if WORD == 52 {
            // Carries leave 52 bits in low and middle, and 13 in high.
            let carry = _mm512_srli_epi64::<52>;
            let middle = _mm512_add_epi64(middle, carry(sum.low));
            let high = _mm512_add_epi64(sum.high, carry(middle));
            // Below 2q + 2q, which fits 52 bits, then 2q + 2q again.
            let upper = _mm512_add_epi64(a.reduced(middle), a.product(high, base));
            let lower = _mm512_add_epi64(a.reduced(sum.low), a.product(upper, base));
            a.canonical_below_4(lower)
        } else {
            // Below 2^59 + 4q and 2^62 + 4q, which fit 64 bits.
            let upper = _mm512_add_epi64(middle, a.product(sum.high, base));
            let lower = _mm512_add_epi64(sum.low, a.product(upper, base));
            a.canonical_below_4(a.reduced(lower))
        }
    }
}
