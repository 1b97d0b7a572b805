//! Kernels for 64-bit ARM processors, whose vectors hold two words.
//!
//! Moduli of at most 50 bits use products of floating-point numbers, exact by fused multiply-add, in the transforms and
//! where rows are multiplied with each other. All else stays portable: of sums and differences the compiler makes the
//! same vector instructions, and for products by one scalar or modulo a larger prime, scalar multiplication is as fast
//! on most processors.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

mod rows;
mod transforms;
mod vector;

use super::vectors::methods;
use super::{Kernels, KeyRow, Modulus, NttTable, PanelProducts, PanelRows};
use std::arch::is_aarch64_feature_detected;

/// The kernels for a modulus of `bits` bits, if this processor can run them.
pub(super) fn detect(bits: u32) -> Option<&'static dyn Kernels> {
    (bits <= MAX_FLOAT_BITS && is_aarch64_feature_detected!("neon")).then_some(&FloatKernels(()))
}

/// Four times a residue is a floating-point number without rounding, with a bit to spare.
const MAX_FLOAT_BITS: u32 = 50;

/// Moduli of at most 50 bits. Only [`detect`] hands it out.
#[derive(Debug)]
struct FloatKernels(());

impl Kernels for FloatKernels {
    fn name(&self) -> &'static str {
        "neon"
    }

    methods! { rows:
        mul_assign(q: &Modulus, row: &mut [u64], other: &[u64])
        mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64])
        inner_products(q: &Modulus, sums: [&mut [u64]; 2], digits: &[&[u64]], key: KeyRow<'_>)
        panel_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>)
    }

    methods! { transforms:
        forward_ntt(table: &NttTable, row: &mut [u64])
        inverse_ntt(table: &NttTable, row: &mut [u64])
    }
}
