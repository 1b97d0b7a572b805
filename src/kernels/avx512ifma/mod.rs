//! Kernels for processors with AVX-512, its 52-bit multiply-add (IFMA) and its permutations of bytes (VBMI).
//!
//! Moduli of at most 50 bits use `vpmadd52` on words of 52 bits; larger ones use words of 64 bits, with `vpmadd52` for quotients. The
//! transforms are one source for both: [`arithmetic::Arithmetic`] hides the difference.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

mod arithmetic;
mod forward;
mod inverse;
mod narrow;
mod packed;
mod panel;
mod reduction;
mod rows;
mod sum;
mod vector;
mod wide;

use super::ntt_table::NARROW_BITS;
use super::packing::SLACK;
use super::portable;
use super::vectors::methods;
use super::{
    BlockPermutation, Kernels, KeyRow, KeyShape, Modulus, NttTable, PackedRow, PanelProducts,
    PanelRows, ShoupScalar, SumRow, Unreduced, WeightedPairs, WeightedSum,
};

/// Whether this processor has the instructions.
pub(super) fn able() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512vbmi")
}

/// The kernels for a modulus of `bits` bits, if this processor can run them.
pub(super) fn detect(bits: u32) -> Option<&'static dyn Kernels> {
    match bits {
        _ if !able() => None,
        ..=NARROW_BITS => Some(&IfmaKernels::<NARROW>(())),
        _ => Some(&IfmaKernels::<WIDE>(())),
    }
}

/// Transforms of a smaller degree have no pass before the layers that are taken in registers.
const MIN_DEGREE: usize = 256;

/// Up to this degree tables of twiddles lie in the second-level cache, and are whole.
const SMALL_TABLES: usize = 1 << 13;

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
        "avx512ifma"
    }

    fn derives_factors(&self, degree: usize) -> bool {
        WORD == NARROW && degree > SMALL_TABLES
    }

    methods! { rows:
        add_assign(q: &Modulus, row: &mut [u64], other: &[u64])
        add_scalar(q: &Modulus, row: &mut [u64], scalar: u64)
        sub_assign(q: &Modulus, row: &mut [u64], other: &[u64])
        negate(q: &Modulus, row: &mut [u64])
        permute(row: &mut [u64], source: &[u64], permutation: &BlockPermutation)
    }

    methods! { rows<WORD>:
        mul_assign(q: &Modulus, row: &mut [u64], other: &[u64])
        mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64])
        scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar)
        sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar)
        reduce(q: &Modulus, row: &mut [u64], input: &Unreduced<'_>)
    }

    methods! { sum<WORD>:
        weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>)
        weighted_sums(rows: &mut [SumRow<'_>])
        inner_products(q: &Modulus, sums: [&mut [u64]; 2], digits: &[&[u64]], key: KeyRow<'_>)
        weighted_pairs(q: &Modulus, out: &mut [u64], sum: &WeightedPairs<'_>)
    }

    methods! { panel<WORD>:
        panel_products(q: &Modulus, outs: &mut [PanelRows], product: &PanelProducts<'_>)
    }

    methods! { packed:
        store_digit(shape: KeyShape, row: &mut [u64], digit: usize, halves: [&[u64]; 2])
    }

    fn store_packed(&self, q: &Modulus, place: PackedRow<'_>, packed: &[u8]) -> bool {
        if place.shape.bits != q.bits() as usize {
            return portable::store_packed(q, place, packed);
        }
        let packed = &packed[..packed.len() - SLACK];
        // SAFETY: `detect` saw the features.
        unsafe { packed::store_packed(place, packed, q.value() - 1) }
    }

    methods! { forward<WORD>: forward_ntt(table: &NttTable, row: &mut [u64]) }

    methods! { inverse<WORD>: inverse_ntt(table: &NttTable, row: &mut [u64]) }
}
