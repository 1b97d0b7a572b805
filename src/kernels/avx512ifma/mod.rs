//! Kernels for processors with AVX-512, its 52-bit multiply-add (IFMA) and its permutations of bytes (VBMI).
//!
//! Moduli of at most 50 bits use `vpmadd52` on words of 52 bits, larger ones products of 32-bit halves on words of 64
//! bits. The transforms are one source for both: [`arithmetic::Arithmetic`] hides the difference.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

mod arithmetic;
mod forward;
mod inverse;
mod narrow;
mod packed;
mod rows;
mod sum;
mod vector;
mod wide;

use super::ntt_table::NARROW_BITS;
use super::{
    BlockPermutation, Kernels, KeyRow, KeyShape, Modulus, NttTable, ShoupScalar, Unreduced,
    WeightedPairs, WeightedSum, portable,
};

/// The kernels for a modulus of `bits` bits, if this processor can run them.
pub(super) fn detect(bits: u32) -> Option<&'static dyn Kernels> {
    let able = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512vbmi");
    match bits {
        _ if !able => None,
        ..=NARROW_BITS => Some(&IfmaKernels::<NARROW>(())),
        _ => Some(&IfmaKernels::<WIDE>(())),
    }
}

/// Transforms of a smaller degree have no pass before the layers that are taken in registers.
const MIN_DEGREE: usize = 256;

/// Up to this degree tables of twiddles lie in the second-level cache, and are whole.
const SMALL_TABLES: usize = 1 << 13;

/// The name that `SLOTWISE_KERNELS` accepts.
const NAME: &str = "avx512ifma";

/// The kernels for moduli of at most 50 bits, whose words have 52 bits, or of 51 to 61 bits, whose words have 64. Only [`detect`] hands
/// them out.
#[derive(Debug)]
struct IfmaKernels<const WORD: u32>(());

/// The word of moduli of at most 50 bits.
const NARROW: u32 = 52;

/// The word of larger moduli.
const WIDE: u32 = 64;

impl<const WORD: u32> Kernels for IfmaKernels<WORD> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn derives_factors(&self, degree: usize) -> bool {
        WORD == NARROW && degree > SMALL_TABLES
    }

    fn add_assign(&self, q: &Modulus, row: &mut [u64], other: &[u64]) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::add_assign(q, row, other) }
    }

    fn add_scalar(&self, q: &Modulus, row: &mut [u64], scalar: u64) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::add_scalar(q, row, scalar) }
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
        if WORD == NARROW {
            // SAFETY: `detect` saw the features.
            unsafe { narrow::mul_assign(q, row, other) }
        } else {
            // SAFETY: as above.
            unsafe { wide::mul_assign(q, row, other) }
        }
    }

    fn mul_add_assign(&self, q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
        if WORD == NARROW {
            // SAFETY: `detect` saw the features.
            unsafe { narrow::mul_add_assign(q, row, a, b) }
        } else {
            // SAFETY: as above.
            unsafe { wide::mul_add_assign(q, row, a, b) }
        }
    }

    fn scale(&self, q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::scale::<WORD>(q, row, scalar) }
    }

    fn sub_scale(&self, q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::sub_scale::<WORD>(q, row, other, scalar) }
    }

    fn reduce(&self, q: &Modulus, row: &mut [u64], input: &Unreduced<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::reduce::<WORD>(q, row, input) }
    }

    fn weighted_sum(&self, q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { sum::weighted_sum::<WORD>(q, row, sum) }
    }

    fn inner_products(&self, q: &Modulus, sums: [&mut [u64]; 2], digits: &[u64], key: KeyRow<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { sum::inner_products::<WORD>(q, sums, digits, key) }
    }

    fn weighted_pairs(&self, q: &Modulus, out: &mut [u64], sum: &WeightedPairs<'_>) {
        // SAFETY: `detect` saw the features.
        unsafe { sum::weighted_pairs::<WORD>(q, out, sum) }
    }

    fn store_digit(&self, shape: KeyShape, row: &mut [u64], digit: usize, halves: [&[u64]; 2]) {
        if shape.bits < packed::SHORTEST {
            return shape.store(row, digit, halves);
        }
        // SAFETY: `detect` saw the features.
        unsafe { packed::store_digit(shape, row, digit, halves) }
    }

    fn permute(&self, row: &mut [u64], source: &[u64], permutation: &BlockPermutation) {
        // SAFETY: `detect` saw the features.
        unsafe { rows::permute(row, source, permutation) }
    }

    fn forward_ntt(&self, table: &NttTable, row: &mut [u64]) {
        if table.degree() < MIN_DEGREE {
            return portable::forward_ntt(table, row);
        }
        // SAFETY: `detect` saw the features.
        unsafe { forward::transform::<WORD>(table, row) }
    }

    fn inverse_ntt(&self, table: &NttTable, row: &mut [u64]) {
        if table.degree() < MIN_DEGREE {
            return portable::inverse_ntt(table, row);
        }
        // SAFETY: `detect` saw the features.
        unsafe { inverse::transform::<WORD>(table, row) }
    }
}
