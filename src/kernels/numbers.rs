//! Loops over floating-point numbers, compiled for each instruction set. Nothing is fused or reordered, so that all give the same bits.
#![expect(
    unsafe_code,
    reason = "the processor was asked for the features of what is called"
)]

use super::{Modulus, is_allowed};
use num_complex::Complex64;
use std::sync::LazyLock;

/// What loops are compiled for.
#[derive(Clone, Copy)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

static INSTRUCTIONS: LazyLock<Instructions> = LazyLock::new(|| {
    #[cfg(target_arch = "x86_64")]
    {
        if super::avx512ifma::able() && is_allowed("avx512ifma") {
            return Instructions::Avx512;
        }
        if super::avx2::able() && is_allowed("avx2") {
            return Instructions::Avx2;
        }
    }
    Instructions::Plain
});

/// Functions that are compiled for each instruction set, of which a call takes the best.
macro_rules! vectorized {
    ($(
        $(#[$meta:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),+) $(-> $result:ty)? $body:block
    )+) => {$(
        $(#[$meta])*
        $visibility fn $name($($argument: $type),+) $(-> $result)? {
            #[inline(always)]
            fn plain($($argument: $type),+) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq")]
            fn avx512($($argument: $type),+) $(-> $result)? {
                plain($($argument),+)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $type),+) $(-> $result)? {
                plain($($argument),+)
            }

            match *INSTRUCTIONS {
                // SAFETY: the processor has the features.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512 => unsafe { avx512($($argument),+) },
                // SAFETY: the processor has the features.
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx2 => unsafe { avx2($($argument),+) },
                Instructions::Plain => plain($($argument),+),
            }
        }
    )+};
}

vectorized! {
    /// `words[k] = offset + round(factor * re)` of number k, and the same of the imaginary parts in the second half. Halves are rounded
    /// away from 0, and the products are below 2^62.
    pub(crate) fn round_parts(words: &mut [u64], values: &[Complex64], factor: f64, offset: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "below 2^62")]
        let rounded = |part: f64| offset.wrapping_add_signed((part * factor).round() as i64);
        let (lower, upper) = words.split_at_mut(values.len());
        for ((re, im), value) in lower.iter_mut().zip(upper).zip(values) {
            (*re, *im) = (rounded(value.re), rounded(value.im));
        }
    }

    /// Numbers whose real parts are the centred residues of the first half of a row times `factor`, and whose imaginary parts are those of
    /// the second half. Constant time in the residues.
    #[expect(clippy::cast_precision_loss, reason = "decoding to f64")]
    pub(crate) fn centre_parts(values: &mut [Complex64], row: &[u64], q: &Modulus, factor: f64) {
        let (lower, upper) = row.split_at(values.len());
        for ((value, &re), &im) in values.iter_mut().zip(lower).zip(upper) {
            let part = |residue| q.centre(residue) as f64 * factor;
            *value = Complex64::new(part(re), part(im));
        }
    }

    /// Whether no number is NaN or infinite.
    pub(crate) fn are_finite(values: &[f64]) -> bool {
        values.iter().fold(true, |all, value| all & value.is_finite())
    }

    /// The largest squared magnitude, or infinity if one is beyond f64; 0 if there are none.
    pub(crate) fn largest_square(values: &[Complex64]) -> f64 {
        let larger = |a: f64, b: f64| if b > a { b } else { a };
        let (chunks, rest) = values.as_chunks::<8>();
        let mut largest = [0.0; 8];
        for chunk in chunks {
            for (largest, value) in largest.iter_mut().zip(chunk) {
                *largest = larger(*largest, value.norm_sqr());
            }
        }
        let rest = rest.iter().map(Complex64::norm_sqr);
        rest.chain(largest).fold(0.0, larger)
    }
}
