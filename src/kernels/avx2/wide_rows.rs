//! Operations on rows for moduli of 51 to 61 bits, and for others where words have more than 52. What is left over after whole vectors goes to the portable kernels.

use super::super::chunks::{block_pairs, split};
use super::super::signed_factor::SignedFactor;
use super::super::vectors::product_rows;
use super::super::{
    BLOCK, KeyRow, Modulus, PANEL, PanelProducts, PanelRows, ShoupScalar, Unreduced, WeightedSum,
    portable,
};
use super::MAX_FLOAT_BITS;
use super::packed::Unpacker;
use super::rows::sum;
use super::vector::{LANES, Vector, broadcast, load, store};
use super::wide::{Factor, WideArithmetic};
use std::arch::x86_64::*;

product_rows!("avx2", ProductSums);

#[target_feature(enable = "avx2")]
pub(super) fn scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    let a = WideArithmetic::new(q);
    let factor = Factor::new(SignedFactor::new(q, scalar.value));
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, a.canonical(a.product(load(x), &factor)));
    }
    portable::scale(q, rest, scalar);
}

#[target_feature(enable = "avx2")]
pub(super) fn sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
    let a = WideArithmetic::new(q);
    let factor = Factor::new(SignedFactor::new(q, scalar.value));
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        let difference = _mm256_sub_epi64(load(x), load(y));
        store(x, a.canonical(a.product(difference, &factor)));
    }
    portable::sub_scale(q, rest, other_rest, scalar);
}

#[target_feature(enable = "avx2")]
pub(super) fn reduce(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
    if input.input_bits > 62 {
        return portable::reduce(q, row, input);
    }
    let reduction = Reduction::new(q);
    let (modulus, offset) = (broadcast(q.value()), broadcast(input.offset));
    let ((vectors, rest), (inputs, input_rest)) = split(row, input.input);
    for (x, y) in vectors.iter_mut().zip(inputs) {
        let residue = reduction.residue(load(y));
        store(x, sum(residue, offset, modulus));
    }
    let input = Unreduced {
        input: input_rest,
        ..*input
    };
    portable::reduce(q, rest, &input);
}

#[target_feature(enable = "avx2")]
pub(super) fn weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    let sums = ProductSums::of_bits(q, sum.input_bits.max(q.bits()));
    let offset = broadcast(sum.offset);
    let mut start = 0;
    for out in row.as_chunks_mut::<LANES>().0.as_chunks_mut::<2>().0 {
        let mut totals = [offset; 2];
        let groups = sum.inputs.chunks(sums.most);
        for (inputs, factors) in groups.zip(sum.factors.chunks(sums.most)) {
            let mut parts = [Parts::zero(); 2];
            for (input, &factor) in inputs.iter().zip(factors) {
                let factor = sums.split(broadcast(factor));
                let places = &input[sum.start + start..][..2 * LANES];
                for (parts, x) in parts.iter_mut().zip(places.as_chunks::<LANES>().0) {
                    parts.add(sums.split(load(x)), factor);
                }
            }
            sums.add_residues(&mut totals, parts);
        }
        for (x, total) in out.iter_mut().zip(totals) {
            store(x, total);
        }
        start += 2 * LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
}

/// One half after the other, so that its sums stay in registers.
#[target_feature(enable = "avx2")]
pub(super) fn inner_products(
    q: &Modulus,
    outs: [&mut [u64]; 2],
    digits: &[&[u64]],
    key: KeyRow<'_>,
) {
    let (sums, unpacker) = (ProductSums::new(q), Unpacker::new(key.shape));
    for (place, outs) in block_pairs(outs).enumerate() {
        for (half, out) in outs.into_iter().enumerate() {
            let mut totals = [broadcast(0); BLOCK / LANES];
            for (group, digits) in digits.chunks(sums.most).enumerate() {
                let mut parts = [Parts::zero(); BLOCK / LANES];
                for (number, digits) in digits.iter().enumerate() {
                    let number = group * sums.most + number;
                    let keys = unpacker.words(&key, (place, number, half));
                    let words = digits[place * BLOCK..].as_chunks::<LANES>().0;
                    for ((parts, x), key) in parts.iter_mut().zip(words).zip(keys) {
                        parts.add(sums.split(load(x)), sums.split(key));
                    }
                }
                sums.add_residues(&mut totals, parts);
            }
            for (out, total) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(totals) {
                store(out, total);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn panel_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>) {
    let sums = ProductSums::new(q);
    for (out, group) in outs.iter_mut().zip(product.groups) {
        for (row, out) in out.iter_mut().enumerate() {
            let mut totals = [broadcast(0); PANEL / LANES];
            let weights = group.weights.chunks(sums.most);
            for (inputs, weights) in group.inputs.chunks(sums.most).zip(weights) {
                let mut parts = [Parts::zero(); PANEL / LANES];
                for (&input, weights) in inputs.iter().zip(weights) {
                    let weight = sums.split(broadcast(weights[row]));
                    let words = product.input(input).as_chunks::<LANES>().0;
                    for (parts, x) in parts.iter_mut().zip(words) {
                        parts.add(sums.split(load(x)), weight);
                    }
                }
                sums.add_residues(&mut totals, parts);
            }
            for (out, total) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(totals) {
                store(out, total);
            }
        }
    }
}

/// Residues of numbers of less than `2^63 - 2^33` in size modulo any q.
struct Reduction {
    arithmetic: WideArithmetic,
    one: Factor,
    is_wide: bool,
}

impl Reduction {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(q: &Modulus) -> Self {
        Self {
            arithmetic: WideArithmetic::new(q),
            one: Factor::new(SignedFactor::new(q, 1)),
            is_wide: q.bits() > MAX_FLOAT_BITS,
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn residue(&self, x: Vector) -> Vector {
        let a = &self.arithmetic;
        a.canonical(if self.is_wide {
            a.reduced(x)
        } else {
            a.product(x, &self.one)
        })
    }
}

/// Sums of a few products of words of at most m bits, modulo q, which has no more.
///
/// With s half of m, rounded up, words are split into a low part of s bits and a high part of `m - s`. The parts of a product have the
/// weights 1, `2^s` and `2^2s`; each is summed in a word.
struct ProductSums {
    reduction: Reduction,
    /// The most products of a sum: 2^e, with e the lesser of `63 - m` and `62 - 2(m - s)`.
    most: usize,
    shift: __m128i,
    /// Of the low s bits.
    mask: Vector,
    /// `2^2s`
    weight: Factor,
    /// Whether `2^2s` is at most 4q.
    is_short: bool,
    modulus: Vector,
    twice: Vector,
}

/// The sums of the parts of products, by weight.
#[derive(Clone, Copy)]
struct Parts {
    low: Vector,
    middle: Vector,
    high: Vector,
}

impl Parts {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        Self {
            low: broadcast(0),
            middle: broadcast(0),
            high: broadcast(0),
        }
    }

    /// Adds a product of two split words.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, [x0, x1]: [Vector; 2], [y0, y1]: [Vector; 2]) {
        let middle = _mm256_add_epi64(_mm256_mul_epu32(x0, y1), _mm256_mul_epu32(x1, y0));
        self.low = _mm256_add_epi64(self.low, _mm256_mul_epu32(x0, y0));
        self.middle = _mm256_add_epi64(self.middle, middle);
        self.high = _mm256_add_epi64(self.high, _mm256_mul_epu32(x1, y1));
    }
}

impl ProductSums {
    /// For residues modulo q.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(q: &Modulus) -> Self {
        Self::of_bits(q, q.bits())
    }

    /// For words of at most `bits` bits, 51 to 61.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of_bits(q: &Modulus, bits: u32) -> Self {
        debug_assert!((51..=Modulus::MAX_BITS).contains(&bits) && q.bits() <= bits);
        let low = bits.div_ceil(2);
        let most = 1 << (63 - bits).min(62 - 2 * (bits - low));
        let weight = q.reduce(1 << (2 * low));
        Self {
            reduction: Reduction::new(q),
            most,
            shift: _mm_cvtsi64_si128(low.into()),
            mask: broadcast((1 << low) - 1),
            weight: Factor::new(SignedFactor::new(q, weight)),
            is_short: 2 * low <= q.bits() + 1,
            modulus: broadcast(q.value()),
            twice: broadcast(2 * q.value()),
        }
    }

    /// The low and the high part.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn split(&self, x: Vector) -> [Vector; 2] {
        [
            _mm256_and_si256(x, self.mask),
            _mm256_srl_epi64(x, self.shift),
        ]
    }

    /// The residue of a sum.
    ///
    /// No part overflows. A product without its part of weight `2^2s` is `x0 * y + 2^s * x1 * y0`, less than `2^(s+m+1)`, so that at most
    /// `2^(63-m)` of them divided by 2^s are below 2^64: the middle part, with what it takes over from the low one. The high part is
    /// below 2^62, and below 2^63 with what it takes over.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn residue(&self, parts: Parts) -> Vector {
        let a = &self.reduction.arithmetic;
        let [low, carry] = self.split(parts.low);
        let [middle, carry] = self.split(_mm256_add_epi64(parts.middle, carry));
        let high = _mm256_add_epi64(parts.high, carry);
        // Below 2^2s, which is at most 2^62, so that the sum with the product is below 2^63.
        let lower = _mm256_or_si256(low, _mm256_sll_epi64(middle, self.shift));
        let sum = _mm256_add_epi64(a.product(high, &self.weight), lower);
        if self.is_short {
            // Between -q and 5q.
            a.canonical_below_4(_mm256_sub_epi64(sum, self.twice))
        } else {
            self.reduction.residue(sum)
        }
    }

    /// Adds the residues of sums to residues.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add_residues<const N: usize>(&self, totals: &mut [Vector; N], parts: [Parts; N]) {
        for (total, parts) in totals.iter_mut().zip(parts) {
            *total = sum(*total, self.residue(parts), self.modulus);
        }
    }

    /// `a * b` modulo q for residues.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn multiply(&self, a: Vector, b: Vector) -> Vector {
        let mut parts = Parts::zero();
        parts.add(self.split(a), self.split(b));
        self.residue(parts)
    }

    /// `addend + a * b` modulo q for residues.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn multiply_add(&self, addend: Vector, a: Vector, b: Vector) -> Vector {
        sum(addend, self.multiply(a, b), self.modulus)
    }
}
