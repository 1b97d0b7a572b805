//! Kernels for processors with AVX2 and fused multiply-add but without the 52-bit multiply-add of AVX-512.
//!
//! Moduli of at most 50 bits use products of floating-point numbers, exact by fused multiply-add; larger ones have only
//! sums here.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

mod packed;
mod rows;
mod transforms;
mod vector;

use super::vectors::methods;
use super::{
    BlockPermutation, Kernels, KeyRow, Modulus, NttTable, PackedRow, PanelProducts, PanelRows,
    ShoupScalar, Unreduced, WeightedSum,
};

/// Whether this processor has the instructions.
pub(super) fn able() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// The kernels for a modulus of `bits` bits, if this processor can run them.
pub(super) fn detect(bits: u32) -> Option<&'static dyn Kernels> {
    match bits {
        _ if !able() => None,
        ..=MAX_FLOAT_BITS => Some(&FloatKernels(())),
        _ => Some(&SumKernels(())),
    }
}

/// Four times a residue is a floating-point number without rounding, with a bit to spare.
const MAX_FLOAT_BITS: u32 = 50;

/// Moduli of at most 50 bits. Only [`detect`] hands it out.
#[derive(Debug)]
struct FloatKernels(());

/// Moduli of 51 to 61 bits. Only [`detect`] hands it out.
#[derive(Debug)]
struct SumKernels(());

/// What both have.
macro_rules! sums {
    () => {
        fn name(&self) -> &'static str {
            "avx2"
        }

        methods! { rows:
            add_assign(q: &Modulus, row: &mut [u64], other: &[u64])
            sub_assign(q: &Modulus, row: &mut [u64], other: &[u64])
            negate(q: &Modulus, row: &mut [u64])
        }

        methods! { packed:
            permute(row: &mut [u64], source: &[u64], permutation: &BlockPermutation)
        }

        fn store_packed(&self, q: &Modulus, row: PackedRow<'_>, packed: &[u8]) -> bool {
            // SAFETY: `detect` saw the features.
            unsafe { packed::store_packed(q, row, packed) }
        }
    };
}

impl Kernels for SumKernels {
    sums!();
}

impl Kernels for FloatKernels {
    sums!();

    methods! { rows:
        mul_assign(q: &Modulus, row: &mut [u64], other: &[u64])
        mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64])
        scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar)
        sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar)
        reduce(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>)
        weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>)
        inner_products(q: &Modulus, sums: [&mut [u64]; 2], digits: &[&[u64]], key: KeyRow<'_>)
        panel_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>)
    }

    methods! { transforms:
        forward_ntt(table: &NttTable, row: &mut [u64])
        inverse_ntt(table: &NttTable, row: &mut [u64])
    }
}
