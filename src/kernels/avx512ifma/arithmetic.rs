//! Lazy arithmetic modulo one prime, eight residues at a time.

use super::super::ntt_table::Twiddles;
use super::super::{Modulus, ShoupScalar, low};
use super::vector::{broadcast, subtract_once};
use std::arch::x86_64::*;

/// Arithmetic on values modulo `2^WORD` that stand for representatives of residues modulo q.
///
/// WORD is 52, for q of at most 50 bits, or 64, for q of 51 to 61 bits. A value is only defined modulo `2^WORD`: bits of
/// a lane above that are noise, which no product reads. A bound on a value, in multiples of q, speaks of the value
/// without the noise and must not exceed [`limit`](Self::limit).
#[derive(Clone, Copy)]
pub(super) struct Arithmetic<const WORD: u32> {
    pub(super) modulus: __m512i,
    twice: __m512i,
    /// 2^52 - q; unused in words of 64 bits.
    negated: __m512i,
    /// [`Self::PRODUCT_BOUND`] times q.
    product_bound: __m512i,
    /// Less than 0 by as much.
    negated_product_bound: __m512i,
    /// floor(2^WORD / q), the Shoup quotient of the factor 1.
    unit_quotient: __m512i,
    /// [`halved_bound`](Self::halved_bound) times q.
    half: __m512i,
    limit: u64,
    value: u64,
}

/// A factor and its Shoup quotient `floor(factor * 2^WORD / q)`, which may have noise above the word.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    pub(super) value: __m512i,
    pub(super) quotient: __m512i,
}

/// How a value is lowered: not at all, by [`Arithmetic::reduced`] or by [`Arithmetic::halved`].
pub(super) const KEEP: u32 = 0;
pub(super) const REDUCTION: u32 = 1;
pub(super) const HALVING: u32 = 2;

impl<const WORD: u32> Arithmetic<WORD> {
    /// A [`product`](Self::product) is below this multiple of q.
    pub(super) const PRODUCT_BOUND: u64 = if WORD == 52 { 2 } else { 4 };

    /// A partly [`reduced`](Self::reduced) value is below this multiple of q.
    pub(super) const REDUCED_BOUND: u64 = 2;

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(q: &Modulus) -> Self {
        const { assert!(WORD == 52 || WORD == 64) };
        debug_assert!(q.bits() <= 50 || (WORD == 64 && q.bits() <= 61));
        debug_assert!(q.bits() > 50 || WORD == 52);
        let value = q.value();
        let quotient = low(q.ratio() >> (128 - WORD));
        let limit = quotient & !1;
        Self {
            modulus: broadcast(value),
            twice: broadcast(2 * value),
            negated: broadcast((1_u64 << 52).wrapping_sub(value)),
            product_bound: broadcast(Self::PRODUCT_BOUND * value),
            negated_product_bound: broadcast((Self::PRODUCT_BOUND * value).wrapping_neg()),
            unit_quotient: broadcast(quotient),
            half: broadcast(limit / 2 * value),
            limit,
            value,
        }
    }

    /// The largest even bound, in multiples of q, that a word holds: at least `2 * PRODUCT_BOUND`.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// A [`halved`](Self::halved) value is below this multiple of q: half the limit.
    pub(super) const fn halved_bound(&self) -> u64 {
        self.limit / 2
    }

    /// `multiple * q` in every lane; at most the limit.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn multiple(&self, multiple: u64) -> __m512i {
        debug_assert!(multiple <= self.limit);
        broadcast(multiple * self.value)
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn factor(&self, scalar: ShoupScalar) -> Factor {
        Factor {
            value: broadcast(scalar.value),
            // The floor of a floor: floor(w * 2^64 / q) >> 12 = floor(w * 2^52 / q).
            quotient: broadcast(scalar.quotient >> (64 - WORD)),
        }
    }

    /// The factor of a twiddle's quotient, for words of 52 bits: `floor(factor * 2^52 / q)` is never exact, so that the factor is one
    /// more than the high word of the quotient's product with q.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn factor_of_quotient(&self, quotient: __m512i) -> Factor {
        debug_assert!(WORD == 52);
        Factor {
            value: _mm512_madd52hi_epu64(broadcast(1), quotient, self.modulus),
            quotient,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn twiddle(&self, twiddles: Twiddles<'_>, index: usize) -> Factor {
        debug_assert_eq!(twiddles.rotation, 64 - WORD);
        Factor {
            value: broadcast(twiddles.factors[index]),
            quotient: broadcast(twiddles.quotients[index]),
        }
    }

    /// The twiddles of a node and of its two halves.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn twiddles(&self, twiddles: Twiddles<'_>, nodes: [usize; 3]) -> [Factor; 3] {
        nodes.map(|node| self.twiddle(twiddles, node))
    }

    /// 2^52 mod q.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn base(&self, q: &Modulus) -> Factor {
        let quotient = low(q.ratio() >> 76);
        self.factor(ShoupScalar {
            value: (1_u64 << 52).wrapping_sub(quotient * q.value()),
            // floor((2^52 - k * q) * 2^64 / q) = floor(2^116 / q) - k * 2^64 with k = floor(2^52 / q).
            quotient: low(q.ratio() >> 12),
        })
    }

    /// A representative of `a * factor` below `PRODUCT_BOUND * q`, for any value a.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn product(&self, a: __m512i, factor: Factor) -> __m512i {
        let zero = _mm512_setzero_si512();
        if WORD == 52 {
            // a * w / q - Q lies in [0, 1 + a / 2^52), so that a * w - Q * q lies in [0, 2q).
            let quotient = _mm512_madd52hi_epu64(zero, a, factor.quotient);
            let low = _mm512_madd52lo_epu64(zero, a, factor.value);
            _mm512_madd52lo_epu64(low, quotient, self.negated)
        } else {
            // With a = t * 2^52 + b and a quotient of u * 2^12 + v, the sum of t * u, floor(b * u / 2^52) and floor(t * v / 2^12) is
            // less than 3 below their product over 2^64, of which it leaves out b * v / 2^64. That makes it at most 3 lower than
            // Shoup's.
            let upper = _mm512_srli_epi64::<12>(factor.quotient);
            let lower = _mm512_slli_epi64::<40>(factor.quotient);
            let top = _mm512_srli_epi64::<52>(a);
            let quotient = _mm512_mullo_epi64(top, upper);
            let quotient = _mm512_madd52hi_epu64(quotient, a, upper);
            let quotient = _mm512_madd52hi_epu64(quotient, top, lower);
            _mm512_sub_epi64(
                _mm512_mullo_epi64(a, factor.value),
                _mm512_mullo_epi64(quotient, self.modulus),
            )
        }
    }

    /// A representative of a below `2q`, for any value a below `limit * q`; below `3q` for any other value.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn reduced(&self, a: __m512i) -> __m512i {
        if WORD == 52 {
            // The product with 1.
            let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a, self.unit_quotient);
            _mm512_madd52lo_epu64(a, quotient, self.negated)
        } else {
            // With u = floor(2^64 / q) < 2^14 and f = 2^64 / q - u, a / q - Q is below 1 + f * a / 2^64 + 2^-38, and
            // a <= u * q = 2^64 - f * q with q >= 2^50 keeps that below 2.
            let top = _mm512_srli_epi64::<12>(a);
            let zero = _mm512_setzero_si512();
            let quotient = _mm512_madd52hi_epu64(zero, top, self.unit_quotient);
            _mm512_sub_epi64(a, _mm512_mullo_epi64(quotient, self.modulus))
        }
    }

    /// A representative of a below `halved_bound * q`, for any value a below `limit * q`, without noise.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn halved(&self, a: __m512i) -> __m512i {
        subtract_once(self.clean(a), self.half)
    }

    /// `a - multiple * q` modulo 2^52, for words of 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn less_multiple(&self, a: __m512i, multiple: __m512i) -> __m512i {
        debug_assert!(WORD == 52);
        _mm512_madd52lo_epu64(a, multiple, self.negated)
    }

    /// The residue of a value below `PRODUCT_BOUND * q`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn canonical_product(&self, a: __m512i) -> __m512i {
        if WORD == 52 {
            self.canonical(a)
        } else {
            self.canonical(subtract_once(a, self.twice))
        }
    }

    /// The residue of a value below `2q`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn canonical(&self, a: __m512i) -> __m512i {
        subtract_once(self.clean(a), self.modulus)
    }

    /// The residue of a value below `4q`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn canonical_below_4(&self, a: __m512i) -> __m512i {
        subtract_once(subtract_once(self.clean(a), self.twice), self.modulus)
    }

    /// The value without noise above the word.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn clean(&self, a: __m512i) -> __m512i {
        if WORD == 52 {
            _mm512_and_si512(a, broadcast((1 << 52) - 1))
        } else {
            a
        }
    }

    /// A value that is lowered by one of the ways below.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn lowered<const BY: u32>(&self, a: __m512i) -> __m512i {
        match BY {
            REDUCTION => self.reduced(a),
            HALVING => self.halved(a),
            _ => a,
        }
    }

    /// Cooley and Tukey's butterfly `(x + y * factor, x - y * factor)`: at most `PRODUCT_BOUND` more than x's bound, or
    /// than what it is lowered to first.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn butterfly<const LOWER: u32>(
        &self,
        (x, y): (__m512i, __m512i),
        factor: Factor,
    ) -> (__m512i, __m512i) {
        let x = self.lowered::<LOWER>(x);
        let product = self.product(y, factor);
        let above = _mm512_add_epi64(x, self.product_bound);
        (
            _mm512_add_epi64(x, product),
            _mm512_sub_epi64(above, product),
        )
    }

    /// The butterfly for an x of at least `PRODUCT_BOUND * q`, with one addition less: the sum is below x, the difference at most
    /// `PRODUCT_BOUND` above it. For words of 52 bits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn offset_butterfly(
        &self,
        (x, y): (__m512i, __m512i),
        factor: Factor,
    ) -> (__m512i, __m512i) {
        debug_assert!(WORD == 52);
        let quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), y, factor.quotient);
        let low = _mm512_madd52lo_epu64(self.negated_product_bound, y, factor.value);
        // In [-PRODUCT_BOUND * q, 0).
        let product = _mm512_madd52lo_epu64(low, quotient, self.negated);
        (_mm512_add_epi64(x, product), _mm512_sub_epi64(x, product))
    }

    /// Gentleman and Sande's butterfly `(x + y, (y - x) * factor)`, for a factor's negative. `offset` is a multiple of q not below
    /// x's bound. The sum doubles the bound, unless it is lowered; the product is below `PRODUCT_BOUND`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverse_butterfly<const LOWER: u32>(
        &self,
        (x, y): (__m512i, __m512i),
        offset: __m512i,
        factor: Factor,
    ) -> (__m512i, __m512i) {
        let sum = self.lowered::<LOWER>(_mm512_add_epi64(x, y));
        let difference = _mm512_sub_epi64(_mm512_add_epi64(y, offset), x);
        (sum, self.product(difference, factor))
    }
}
