//! Transforms of rows of complex numbers, whose butterflies have given roots.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod conformance;
#[cfg(target_arch = "x86_64")]
mod layers;

use super::is_allowed;
use num_complex::Complex64;
use std::fmt::Debug;

/// Both directions of a transform of `2^L` complex numbers by L layers of butterflies. The roots of a layer are the same in all of its
/// blocks.
///
/// Every implementation gives the bits of the portable one: products are two roundings and a sum, never fused.
#[derive(Debug)]
pub(crate) struct ComplexTransform {
    /// The roots of each layer, from blocks of 2 numbers to all in one block: half as many as a block has numbers.
    layers: Vec<Roots>,
    kernels: &'static dyn ComplexKernels,
}

/// The roots of one layer, four by four. Fewer than four are repeated.
#[derive(Debug)]
struct Roots {
    count: usize,
    quads: Vec<RootQuad>,
}

/// Four roots in the form in which vectors of as many complex numbers are multiplied by them, in a cache line each.
#[derive(Debug)]
#[repr(align(64))]
struct RootQuad {
    /// Each real part twice.
    real: [f64; 2 * LANES],
    /// Each imaginary part twice, the first one negated.
    imaginary: [f64; 2 * LANES],
}

/// The complex numbers of a vector.
const LANES: usize = 4;

impl ComplexTransform {
    /// The transform with the given roots: layer i has `2^i` of them.
    pub(crate) fn new(layers: impl Iterator<Item = Vec<Complex64>>) -> Self {
        Self {
            layers: layers.map(|roots| Roots::new(&roots)).collect(),
            kernels: available()
                .find(|kernels| is_allowed(kernels.name()))
                .unwrap_or(&Portable),
        }
    }

    /// From numbers in natural order: bit reversal, then the layers from the shortest blocks on, each with
    /// `(x, y) -> (x + y root, x - y root)`.
    pub(crate) fn forward(&self, values: &mut [Complex64]) {
        debug_assert_eq!(values.len(), 1 << self.layers.len());
        self.kernels.forward(&self.layers, values);
    }

    /// The inverse for roots of magnitude 1: the layers from the longest blocks on, each with
    /// `(x, y) -> (x + y, (x - y) conjugate(root))`, then bit reversal and the division by the number of values.
    pub(crate) fn inverse(&self, values: &mut [Complex64]) {
        debug_assert_eq!(values.len(), 1 << self.layers.len());
        self.kernels.inverse(&self.layers, values);
    }
}

impl Roots {
    fn new(roots: &[Complex64]) -> Self {
        let quad = |index| {
            let root =
                |part: usize| -> Complex64 { roots[(LANES * index + part / 2) % roots.len()] };
            RootQuad {
                real: std::array::from_fn(|part| root(part).re),
                imaginary: std::array::from_fn(|part| match part % 2 {
                    0 => -root(part).im,
                    _ => root(part).im,
                }),
            }
        };
        Self {
            count: roots.len(),
            quads: (0..roots.len().div_ceil(LANES)).map(quad).collect(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Complex64> {
        let quads = self.quads.iter();
        let roots = quads.flat_map(|quad| {
            let (real, imaginary) = (quad.real.as_chunks(), quad.imaginary.as_chunks());
            let parts = real.0.iter().zip(imaginary.0);
            parts.map(|(&[re, _], &[_, im])| Complex64::new(re, im))
        });
        roots.take(self.count)
    }
}

/// The transforms, for one instruction set; the default bodies are the portable reference.
trait ComplexKernels: Send + Sync + Debug {
    /// The name that `SLOTWISE_KERNELS` accepts.
    fn name(&self) -> &'static str;

    fn forward(&self, layers: &[Roots], values: &mut [Complex64]) {
        bit_reverse(values);
        for roots in layers {
            for block in values.chunks_exact_mut(2 * roots.count) {
                let (upper, lower) = block.split_at_mut(roots.count);
                for ((x, y), root) in upper.iter_mut().zip(lower).zip(roots.iter()) {
                    let product = *y * root;
                    *y = *x - product;
                    *x += product;
                }
            }
        }
    }

    fn inverse(&self, layers: &[Roots], values: &mut [Complex64]) {
        for roots in layers.iter().rev() {
            for block in values.chunks_exact_mut(2 * roots.count) {
                let (upper, lower) = block.split_at_mut(roots.count);
                for ((x, y), root) in upper.iter_mut().zip(lower).zip(roots.iter()) {
                    let difference = *x - *y;
                    *x += *y;
                    *y = difference * root.conj();
                }
            }
        }
        bit_reverse(values);
        let factor = reciprocal(values.len());
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

/// The kernels that run everywhere.
#[derive(Debug)]
struct Portable;

impl ComplexKernels for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }
}

/// All that this processor can run, the fastest first, the portable ones last.
fn available() -> impl Iterator<Item = &'static dyn ComplexKernels> {
    #[cfg(target_arch = "x86_64")]
    let vectors = [avx512::detect(), avx2::detect()];
    #[cfg(not(target_arch = "x86_64"))]
    let vectors: [Option<&'static dyn ComplexKernels>; 0] = [];
    vectors.into_iter().flatten().chain([&Portable as _])
}

fn bit_reverse(values: &mut [Complex64]) {
    let bits = values.len().trailing_zeros();
    for i in 0..values.len() {
        let j = reversed(i, bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

/// The lowest `bits` bits of an index from the last to the first.
fn reversed(index: usize, bits: u32) -> usize {
    // Two shifts, since there may be no bits.
    index.reverse_bits() >> 1 >> (usize::BITS - 1 - bits)
}

#[expect(clippy::cast_precision_loss, reason = "sizes up to 2^19")]
fn reciprocal(size: usize) -> f64 {
    1.0 / size as f64
}
