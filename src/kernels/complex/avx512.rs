//! For processors with the AVX-512 instructions that the kernels for residues need.
#![expect(
    unsafe_code,
    reason = "intrinsics; holding a token proves the processor"
)]

use super::super::vectors::functions;
use super::layers::complex_layers;
use super::{ComplexKernels, LANES, Portable, RootQuad, Roots, reciprocal, reversed};
use num_complex::Complex64;
use std::arch::x86_64::*;

/// The kernels, if this processor can run them.
pub(super) fn detect() -> Option<&'static dyn ComplexKernels> {
    // One name in `SLOTWISE_KERNELS` means one kind of processor.
    super::super::avx512ifma::able().then_some(&Avx512(()) as _)
}

/// Only [`detect`] hands it out.
#[derive(Debug)]
struct Avx512(());

impl ComplexKernels for Avx512 {
    fn name(&self) -> &'static str {
        "avx512ifma"
    }

    fn forward(&self, layers: &[Roots], values: &mut [Complex64]) {
        // SAFETY: `detect` saw the features.
        unsafe { forward(layers, values) }
    }

    fn inverse(&self, layers: &[Roots], values: &mut [Complex64]) {
        // SAFETY: `detect` saw the features.
        unsafe { inverse(layers, values) }
    }
}

type Quad = __m512d;

complex_layers!("avx512f");

#[inline]
#[target_feature(enable = "avx512f")]
fn load(numbers: &Numbers) -> Quad {
    // SAFETY: a complex number is two floating-point numbers, so that the reference covers the 64 bytes; no alignment is asked for.
    unsafe { _mm512_loadu_pd(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(numbers: &mut Numbers, quad: Quad) {
    // SAFETY: as for `load`; any bits are a complex number.
    unsafe { _mm512_storeu_pd(numbers.as_mut_ptr().cast(), quad) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_floats(floats: &[f64; 2 * LANES]) -> Quad {
    // SAFETY: the reference covers the 64 bytes; no alignment is asked for.
    unsafe { _mm512_loadu_pd(floats.as_ptr()) }
}

functions! { "avx512f":
    fn repeat(number: [f64; 2]) -> Quad {
        let [a, b] = number;
        _mm512_setr_pd(a, b, a, b, a, b, a, b)
    }

    fn add(a: Quad, b: Quad) -> Quad { _mm512_add_pd(a, b) }
    fn sub(a: Quad, b: Quad) -> Quad { _mm512_sub_pd(a, b) }
    fn mul(a: Quad, b: Quad) -> Quad { _mm512_mul_pd(a, b) }
    fn swapped(a: Quad) -> Quad { _mm512_permute_pd::<0b0101_0101>(a) }

    fn transposed(v: [Quad; 4]) -> [Quad; 4] {
        let low = [_mm512_shuffle_f64x2::<0x44>(v[0], v[1]), _mm512_shuffle_f64x2::<0x44>(v[2], v[3])];
        let high = [_mm512_shuffle_f64x2::<0xEE>(v[0], v[1]), _mm512_shuffle_f64x2::<0xEE>(v[2], v[3])];
        [
            _mm512_shuffle_f64x2::<0x88>(low[0], low[1]),
            _mm512_shuffle_f64x2::<0xDD>(low[0], low[1]),
            _mm512_shuffle_f64x2::<0x88>(high[0], high[1]),
            _mm512_shuffle_f64x2::<0xDD>(high[0], high[1]),
        ]
    }
}
