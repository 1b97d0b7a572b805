//! Kernels for processors with AVX2 and fused multiply-add but without the 52-bit multiply-add of AVX-512.
//!
//! Moduli of at most 50 bits use products of floating-point numbers, exact by fused multiply-add; larger ones have only
//! sums here.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

mod float;
mod rows;
mod transforms;
mod vector;

use super::{Kernels, KeyRow, Modulus, NttTable, ShoupScalar, WeightedSum, portable};

/// The kernels for a modulus of `bits` bits, if this processor can run them.
pub(super) fn detect(bits: u32) -> Option<&'static dyn Kernels> {
    let able = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    match bits {
        _ if !able => None,
        ..=MAX_FLOAT_BITS => Some(&FloatKernels(())),
        _ => Some(&SumKernels(())),
    }
}

/// Four times a residue is a floating-point number without rounding, with a bit to spare.
const MAX_FLOAT_BITS: u32 = 50;

/// Transforms of a smaller degree have no full pass over vectors.
const MIN_DEGREE: usize = 32;

/// The name that `SLOTWISE_KERNELS` accepts.
const NAME: &str = "avx2";

/// Moduli of at most 50 bits. Only [`detect`] hands it out.
#[derive(Debug)]
struct FloatKernels(());

/// Moduli of 51 to 61 bits. Only [`detect`] hands it out.
#[derive(Debug)]
struct SumKernels(());

impl Kernels for FloatKernels {
    fn name(&self) -> &'static str {
        NAME
    }

    fn add_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::add_assign(q, row, other) }
    }

    fn sub_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::sub_assign(q, row, other) }
    }

    fn negate(&self, q: &Modulus, row: &mut [u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::negate(q, row) }
    }

    fn mul_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::mul_assign(q, row, other) }
    }

    fn mul_add_assign(&self, q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::mul_add_assign(q, row, a, b) }
    }

    fn scale(&self, q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::scale(q, row, scalar) }
    }

    fn sub_scale(&self, q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::sub_scale(q, row, other, scalar) }
    }

    fn weighted_sum(&self, q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::weighted_sum(q, row, sum) }
    }

    fn inner_products(&self, q: &Modulus, sums: [&mut [u64]; 2], digits: &[u64], key: KeyRow<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::inner_products(q, sums, digits, key) }
    }

    fn forward_ntt(&self, table: &NttTable, row: &mut [u64]) {
        if table.degree() < MIN_DEGREE {
            return portable::forward_ntt(table, row);
        }
        // SAFETY: `detect` saw the features.
        unsafe { transforms::forward(table, row) }
    }

    fn inverse_ntt(&self, table: &NttTable, row: &mut [u64]) {
        if table.degree() < MIN_DEGREE {
            return portable::inverse_ntt(table, row);
        }
        // SAFETY: `detect` saw the features.
        unsafe { transforms::inverse(table, row) }
    }
}

impl Kernels for SumKernels {
    fn name(&self) -> &'static str {
        NAME
    }

    fn add_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::add_assign(q, row, other) }
    }

    fn sub_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::sub_assign(q, row, other) }
    }

    fn negate(&self, q: &Modulus, row: &mut [u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::negate(q, row) }
    }
}
