//! Loops over floating-point numbers, compiled for each instruction set. Nothing is fused or reordered, so that all give the same bits.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "the processor was asked for the features of what is called"
    )
)]

use super::Modulus;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512ifma, is_allowed};
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
        if avx512ifma::able() && is_allowed("avx512ifma") {
            return Instructions::Avx512;
        }
        if avx2::able() && is_allowed("avx2") {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// More than a vector of numbers, and some left over; halves, ties of even and odd numbers, and just below a tie among them.
    fn numbers() -> Vec<Complex64> {
        let special = [0.0, -0.0, 0.5, -0.5, 1.5, -2.5, 0.499_999_999_999_999_94];
        let large = [2f64.powi(51) + 0.5, -(2f64.powi(52) + 1.0), 2f64.powi(61)];
        let others = (0..100).map(|k| f64::from(k).sin() * 2f64.powi(k / 2));
        let parts: Vec<f64> = special.into_iter().chain(large).chain(others).collect();
        let turned = parts.iter().cycle().skip(7);
        let pairs = parts.iter().zip(turned);
        pairs.map(|(&re, &im)| Complex64::new(re, im)).collect()
    }

    /// A whole number, exactly.
    #[expect(clippy::cast_possible_truncation, reason = "below 2^62")]
    fn integer(whole: f64) -> i128 {
        whole as i128
    }

    #[test]
    fn parts_are_rounded_half_away_from_zero() {
        let values = numbers();
        let mut words = vec![0; 2 * values.len()];
        for factor in [1.0, 0.25, 3.0 / 7.0] {
            round_parts(&mut words, &values, factor, 1 << 62);
            let real = values.iter().map(|value| value.re);
            let parts = real.chain(values.iter().map(|value| value.im));
            for (part, &word) in parts.zip(&words) {
                let product = part * factor;
                let rounded = i128::from(word) - (1 << 62);
                let (whole, rest) = (product.trunc(), product.fract());
                let away = if rest.abs() >= 0.5 {
                    rest.signum()
                } else {
                    0.0
                };
                let expected = integer(whole) + integer(away);
                assert_eq!(rounded, expected, "{product}");
            }
        }
    }

    #[test]
    fn halves_of_a_row_are_centred() {
        for value in [17, 65_537, 1_152_921_504_606_584_833] {
            let q = Modulus::new(value);
            let edges = [0, 1, value / 2, value / 2 + 1, value - 1];
            let row: Vec<u64> = edges.into_iter().cycle().take(46).collect();
            let mut values = vec![Complex64::ZERO; 23];
            centre_parts(&mut values, &row, &q, 0.3);
            for (k, value) in values.iter().enumerate() {
                let expected = [row[k], row[k + 23]].map(|x| q.centre(x) as f64 * 0.3);
                assert_eq!([value.re, value.im], expected);
            }
        }
    }

    #[test]
    fn one_number_that_is_not_finite_is_seen() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for place in 0..37 {
                let mut values = vec![1.0; 37];
                assert!(are_finite(&values));
                values[place] = bad;
                assert!(!are_finite(&values));
            }
        }
    }

    #[test]
    fn squares_of_every_place_count() {
        assert_eq!(largest_square(&[]), 0.0);
        for place in 0..37 {
            let mut values = vec![Complex64::new(1.0, -1.0); 37];
            values[place] = Complex64::new(-3.0, 4.0);
            assert_eq!(largest_square(&values), 25.0);
        }
    }
}
