//! Arithmetic on signed words: products of signed halves, four lanes at a time.

use super::super::Modulus;
use super::super::signed_factor::{HALF, SignedFactor, halves};
use super::vector::{Vector, broadcast};
use std::arch::x86_64::*;

/// Arithmetic modulo q on signed words that stand for residues. Bounds are on their size; none exceeds [`LIMIT`](Self::LIMIT) times q,
/// which is below `2^63 - 2^33` because q is below 2^61.
#[derive(Clone, Copy)]
pub(super) struct WideArithmetic {
    modulus: Vector,
    /// The high half of q, whose low half is signed.
    modulus_high: Vector,
    twice: Vector,
    minus_modulus: Vector,
    minus_twice: Vector,
    half: Vector,
    /// `2^64 / q`, rounded to the nearest integer: at most 2^14 for q of at least 51 bits.
    inverse: Vector,
}

/// A factor, or one for each lane.
#[derive(Clone, Copy)]
pub(super) struct Factor {
    value: [Vector; 2],
    shifted: [Vector; 2],
    quotient: [Vector; 2],
}

impl Factor {
    /// The same factor in every lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(factor: SignedFactor) -> Self {
        Self::of([factor.value, factor.shifted, factor.quotient].map(|word| broadcast(word)))
    }

    /// From the fields of [`SignedFactor`]s.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn of(fields: [Vector; 3]) -> Self {
        let [value, shifted, quotient] = fields.map(|x| [x, _mm256_srli_epi64::<32>(x)]);
        Self {
            value,
            shifted,
            quotient,
        }
    }
}

impl WideArithmetic {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(q: &Modulus) -> Self {
        let inverse = SignedFactor::new(q, 1).quotient;
        let q = q.value();
        Self {
            modulus: broadcast(q),
            modulus_high: broadcast(halves(q) >> 32),
            twice: broadcast(2 * q),
            minus_modulus: broadcast(q.wrapping_neg()),
            minus_twice: broadcast((2 * q).wrapping_neg()),
            half: broadcast(HALF),
            inverse: broadcast(inverse),
        }
    }

    /// A representative of `x * factor` of less than q in size, for x of less than `2^63 - 2^33`.
    ///
    /// With x in signed halves `x1 * 2^32 + x0`, |x1| is at most `2^31 - 2`, so that `x1 * Q1 + x0 * Q0` is within `2^63 - 2^32`, and its
    /// multiple of 2^32, rounded, is a signed word h of 32 bits. `x1 * shifted + x0 * value - h * q` is the result, modulo 2^64. In
    /// multiples of q, h is off by 1/2 for its rounding; by 1/2 of `x1 / 2^32` for that of the quotient; and by `1/2 + 2^-33` of
    /// `x0 / 2^32` for what the high half of the quotient leaves: less than `1/2 + (1/4 - 2^-32) + (1/4 + 2^-34)` in all.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn product(&self, x: Vector, factor: &Factor) -> Vector {
        let x1 = self.high(x);
        let quotient = _mm256_add_epi64(
            _mm256_mul_epi32(x1, factor.quotient[0]),
            _mm256_mul_epi32(x, factor.quotient[1]),
        );
        let h = self.high(quotient);
        let low = _mm256_add_epi64(
            _mm256_mul_epi32(x1, factor.shifted[0]),
            _mm256_mul_epi32(x, factor.value[0]),
        );
        let high = _mm256_add_epi64(
            _mm256_mul_epi32(x1, factor.shifted[1]),
            _mm256_mul_epi32(x, factor.value[1]),
        );
        self.less_multiple((low, high), h)
    }

    /// For q of at least 51 bits, a representative of less than q in size of a number of less than `2^63 - 2^33`, like [`product`](Self::product) with 1: what the
    /// high half of the quotient leaves there is 2^32, which q is 2^18 times as large as.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn reduced(&self, x: Vector) -> Vector {
        let h = self.high(_mm256_mul_epi32(self.high(x), self.inverse));
        self.less_multiple((x, _mm256_setzero_si256()), h)
    }

    /// `low + high * 2^32 - h * q`, for a signed word h of 32 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn less_multiple(&self, (low, high): (Vector, Vector), h: Vector) -> Vector {
        let low = _mm256_sub_epi64(low, _mm256_mul_epi32(h, self.modulus));
        let high = _mm256_sub_epi64(high, _mm256_mul_epi32(h, self.modulus_high));
        _mm256_add_epi64(low, _mm256_slli_epi64::<32>(high))
    }

    /// The high half, in the low 32 bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn high(&self, x: Vector) -> Vector {
        _mm256_srli_epi64::<32>(_mm256_add_epi64(x, self.half))
    }

    /// A representative in `[-2q, 2q)`, of a number in `[-4q, 4q)`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn within_2(&self, x: Vector) -> Vector {
        _mm256_add_epi64(x, select(x, self.minus_twice, self.twice))
    }

    /// A representative in `[-q, q)`, of a number in `[-2q, 2q)`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn within_1(&self, x: Vector) -> Vector {
        _mm256_add_epi64(x, select(x, self.minus_modulus, self.modulus))
    }

    /// The residue of a number in `[-q, q)`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn canonical(&self, x: Vector) -> Vector {
        select(x, x, _mm256_add_epi64(x, self.modulus))
    }

    /// The residue of a number in `[-4q, 4q)`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn canonical_below_4(&self, x: Vector) -> Vector {
        self.canonical(self.within_1(self.within_2(x)))
    }
}

/// In each lane, the word of the second vector if the sign is negative, or of the first one.
#[inline]
#[target_feature(enable = "avx2")]
fn select(sign: Vector, positive: Vector, negative: Vector) -> Vector {
    let [sign, positive, negative] = [sign, positive, negative].map(|x| _mm256_castsi256_pd(x));
    _mm256_castpd_si256(_mm256_blendv_pd(positive, negative, sign))
}

#[cfg(test)]
mod tests {
    use super::super::vector::{load, store};
    use super::*;

    /// The results for one number and factor.
    #[target_feature(enable = "avx2")]
    fn results(q: &Modulus, x: i64, factor: u64) -> [i64; 2] {
        let a = WideArithmetic::new(q);
        let x = load(&[x.cast_unsigned(); 4]);
        let product = a.product(x, &Factor::new(SignedFactor::new(q, factor)));
        [product, a.reduced(x)].map(|result| {
            let mut words = [0; 4];
            store(&mut words, result);
            assert_eq!(words, [words[0]; 4]);
            words[0].cast_signed()
        })
    }

    #[test]
    fn products_are_small_up_to_the_limit() {
        if !super::super::able() {
            return;
        }
        let limit = (1 << 63) - (1_u64 << 33) - 1;
        let limit = limit.cast_signed();
        let halves = [0, 1, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, (1 << 32) - 1];
        let edges = halves.map(|low| [low, limit - low, (limit >> 1) + low]);
        let numbers = edges.as_flattened().iter().flat_map(|&x| [x, -x]);
        for q in [1 << 50, (1 << 51) - 9, (1 << 60) + 33, (1 << 61) - 1].map(Modulus::new) {
            let n = i128::from(q.value());
            let half = q.value() / 2;
            let factors = [0, 1, half - 1, half, half + 1, half + 2, q.value() - 1];
            let thirds = factors.map(|factor| q.mul(factor, q.value() / 3));
            for x in numbers.clone() {
                for factor in factors.into_iter().chain(thirds) {
                    // SAFETY: the processor has the instructions.
                    let [product, reduced] = unsafe { results(&q, x, factor) };
                    let (wide, x) = (i128::from(x) * i128::from(factor), i128::from(x));
                    for (result, wanted) in [(product, wide), (reduced, x)] {
                        let result = i128::from(result);
                        assert!(result.abs() < n, "{x} times {factor} modulo {n}");
                        assert_eq!((result - wanted) % n, 0, "{x} times {factor} modulo {n}");
                    }
                }
            }
        }
    }
}
