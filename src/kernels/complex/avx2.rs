//! For processors with AVX2.
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
    super::super::avx2::able().then_some(&Avx2(()) as _)
}

/// Only [`detect`] hands it out.
#[derive(Debug)]
struct Avx2(());

impl ComplexKernels for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
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

/// Two numbers each.
type Quad = [__m256d; 2];

complex_layers!("avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn load(numbers: &Numbers) -> Quad {
    let start: *const f64 = numbers.as_ptr().cast();
    // SAFETY: a complex number is two floating-point numbers, so that the reference covers the 64 bytes; no alignment is asked for.
    unsafe { [_mm256_loadu_pd(start), _mm256_loadu_pd(start.add(4))] }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(numbers: &mut Numbers, quad: Quad) {
    let start: *mut f64 = numbers.as_mut_ptr().cast();
    // SAFETY: as for `load`; any bits are a complex number.
    unsafe {
        _mm256_storeu_pd(start, quad[0]);
        _mm256_storeu_pd(start.add(4), quad[1]);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_floats(floats: &[f64; 2 * LANES]) -> Quad {
    // SAFETY: the reference covers the 64 bytes; no alignment is asked for.
    unsafe {
        [
            _mm256_loadu_pd(floats.as_ptr()),
            _mm256_loadu_pd(floats.as_ptr().add(4)),
        ]
    }
}

functions! { "avx2":
    fn repeat(number: [f64; 2]) -> Quad {
        let [a, b] = number;
        [_mm256_setr_pd(a, b, a, b); 2]
    }

    fn add(a: Quad, b: Quad) -> Quad { [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])] }
    fn sub(a: Quad, b: Quad) -> Quad { [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])] }
    fn mul(a: Quad, b: Quad) -> Quad { [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])] }
    fn swapped(a: Quad) -> Quad { [_mm256_permute_pd::<0b0101>(a[0]), _mm256_permute_pd::<0b0101>(a[1])] }

    fn transposed(v: [Quad; 4]) -> [Quad; 4] {
        let low = _mm256_permute2f128_pd::<0x20>;
        let high = _mm256_permute2f128_pd::<0x31>;
        [
            [low(v[0][0], v[1][0]), low(v[2][0], v[3][0])],
            [high(v[0][0], v[1][0]), high(v[2][0], v[3][0])],
            [low(v[0][1], v[1][1]), low(v[2][1], v[3][1])],
            [high(v[0][1], v[1][1]), high(v[2][1], v[3][1])],
        ]
    }
}
