//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::chunks::{block_pairs, split};
use super::super::float_vectors::float_rows;
use super::super::vectors::{functions, product_rows, sum_rows};
use super::super::{
    BLOCK, KeyRow, Modulus, PANEL, PanelProducts, PanelRows, ShoupScalar, Unreduced, WeightedSum,
    portable,
};
use super::packed::Unpacker;
use super::vector::*;
use super::wide_rows;
use std::arch::x86_64::*;

sum_rows!("avx2");
product_rows!("avx2,fma", FloatArithmetic);
float_rows!("avx2,fma");

#[target_feature(enable = "avx2,fma")]
pub(super) fn scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = splat(scalar.value as f64);
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, a.canonical(a.product(to_float(load(x)), factor)));
    }
    portable::scale(q, rest, scalar);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = splat(scalar.value as f64);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        // Of bound 1.
        let difference = sub(to_float(load(x)), to_float(load(y)));
        store(x, a.canonical(a.product(difference, factor)));
    }
    portable::sub_scale(q, rest, other_rest, scalar);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
    if input.input_bits > 52 {
        return wide_rows::reduce(q, row, input);
    }
    let a = FloatArithmetic::new(q);
    let (modulus, offset) = (broadcast(q.value()), broadcast(input.offset));
    let ((vectors, rest), (inputs, input_rest)) = split(row, input.input);
    for (x, y) in vectors.iter_mut().zip(inputs) {
        let residue = a.canonical(a.reduced(to_float(load(y))));
        store(x, sum(residue, offset, modulus));
    }
    let input = Unreduced {
        input: input_rest,
        ..*input
    };
    portable::reduce(q, rest, &input);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    if sum.input_bits > 52 {
        return wide_rows::weighted_sum(q, row, sum);
    }
    let split = SplitSums::new(q, sum);
    if split.is_short(sum) {
        weighted_sum_of::<true>(q, row, sum, &split);
    } else {
        weighted_sum_of::<false>(q, row, sum, &split);
    }
}

/// Four vectors at a time.
#[target_feature(enable = "avx2,fma")]
fn weighted_sum_of<const SHORT: bool>(
    q: &Modulus,
    row: &mut [u64],
    sum: &WeightedSum<'_>,
    split: &SplitSums,
) {
    let a = FloatArithmetic::new(q);
    let base = splat(split.base);
    let mut start = 0;
    for out in row.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0 {
        let mut residues = [splat(sum.offset as f64); 4];
        for (group, factors) in sum.factors.chunks(split.most).enumerate() {
            let mut highs = residues.map(|residue| add(base, residue));
            let mut lows = residues;
            for (low, &high) in lows.iter_mut().zip(&highs) {
                *low = sub(*low, sub(high, base));
            }
            let first = group * split.most * sum.stride + start;
            for (inputs, &factor) in sum.inputs[first..].chunks(sum.stride).zip(factors) {
                let factor = splat(factor as f64);
                let sums = highs.iter_mut().zip(&mut lows);
                for ((high, low), x) in sums.zip(inputs.as_chunks::<LANES>().0) {
                    let x = to_float(load(x));
                    let sum = plus_product(*high, x, factor);
                    *low = add(*low, plus_product(sub(*high, sum), x, factor));
                    *high = sum;
                }
            }
            for ((residue, high), low) in residues.iter_mut().zip(highs).zip(lows) {
                // Exactly, although larger: a multiple of its last bit, and the result an integer below 2^53.
                let remainder = a.reduced(sub(high, base));
                *residue = if SHORT {
                    add(remainder, low)
                } else {
                    a.reduced(add(remainder, a.reduced(low)))
                };
            }
        }
        for (x, residue) in out.iter_mut().zip(residues) {
            store(x, a.canonical(residue));
        }
        start += 4 * LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
}

/// How sums of products below `2^b` are kept exactly: a high part that begins at `2^e`, where the last bit of a number is `2^(e-52)`, and a low part that
/// gathers what each product lacks there, at most `2^(e-53)`. With n the logarithm of the number of summands, `e = b + n`, so that the low part needs
/// `b + 2n <= 106` to stay an integer below 2^53.
///
/// Source: N. Emmart, F. Zheng, C. Weems, "Faster modular exponentiation using double precision floating point arithmetic on the GPU" (2018).
struct SplitSums {
    base: f64,
    /// The most products in a sum, with a residue beside them.
    most: usize,
}

impl SplitSums {
    fn new(q: &Modulus, sum: &WeightedSum<'_>) -> Self {
        let bits = q.bits() + sum.input_bits;
        let most_log = (106 - bits) / 2;
        let log = Self::log_of(sum).min(most_log);
        Self {
            // The last bit is at least 1, so that all numbers are integers.
            base: 2f64.powi((bits + log).max(52).cast_signed()),
            most: (1 << most_log.min(31)) - 1,
        }
    }

    /// n, for all products and the offset.
    fn log_of(sum: &WeightedSum<'_>) -> u32 {
        (sum.factors.len() + 1).next_power_of_two().trailing_zeros()
    }

    /// Whether the remainder of the high part, of bound 5/8, and the low part, of at most q/8, are a number of bound 1 for all products in one sum.
    fn is_short(&self, sum: &WeightedSum<'_>) -> bool {
        sum.factors.len() <= self.most && sum.input_bits + 2 * Self::log_of(sum) <= 48
    }
}

functions! { "avx2":
    pub(super) fn sum(x: Vector, y: Vector, modulus: Vector) -> Vector {
        difference(x, _mm256_sub_epi64(modulus, y), modulus)
    }

    fn difference(x: Vector, y: Vector, modulus: Vector) -> Vector {
        let difference = _mm256_sub_epi64(x, y);
        let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), difference);
        _mm256_add_epi64(difference, _mm256_and_si256(negative, modulus))
    }
}
