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

/// Processes whole vectors, four at a time; accumulators are reduced only where the next product would exceed the limit, and once at the end.
#[target_feature(enable = "avx2,fma")]
pub(super) fn weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    if sum.input_bits > 52 {
        return wide_rows::weighted_sum(q, row, sum);
    }
    let a = FloatArithmetic::new(q);
    let mut start = 0;
    for out in row.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0 {
        let mut sums = [splat(sum.offset as f64); 4];
        let mut bound = FloatArithmetic::REDUCED_BOUND;
        for (input, &factor) in sum.inputs.iter().zip(sum.factors) {
            if bound + FloatArithmetic::PRODUCT_BOUND > a.limit() {
                sums = sums.map(|sum| a.reduced(sum));
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let factor = splat(factor as f64);
            let places = &input[sum.start + start..][..4 * LANES];
            for (total, x) in sums.iter_mut().zip(places.as_chunks::<LANES>().0) {
                *total = add(*total, a.product(to_float(load(x)), factor));
            }
            bound += FloatArithmetic::PRODUCT_BOUND;
        }
        for (x, sum) in out.iter_mut().zip(sums) {
            store(x, a.canonical(a.reduced(sum)));
        }
        start += 4 * LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
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
