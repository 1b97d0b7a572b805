//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::{BLOCK, KeyRow, Modulus, portable};
use super::float::{FloatArithmetic, to_float};
use super::vector::{LANES, Words, load, store};
use std::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub(super) fn mul_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    let a = FloatArithmetic::new(q);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        let product = a.product(to_float(load(x)), to_float(load(y)));
        store(x, a.canonical(product));
    }
    portable::mul_assign(q, rest, other_rest);
}

#[target_feature(enable = "neon")]
pub(super) fn mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
    debug_assert_eq!(a.len(), b.len());
    let arithmetic = FloatArithmetic::new(q);
    let ((vectors, rest), (a, a_rest)) = split(row, a);
    let (b, b_rest) = b.as_chunks::<LANES>();
    for ((x, a), b) in vectors.iter_mut().zip(a).zip(b) {
        let product = arithmetic.product(to_float(load(a)), to_float(load(b)));
        let sum = arithmetic.reduced(vaddq_f64(to_float(load(x)), product));
        store(x, arithmetic.canonical(sum));
    }
    portable::mul_add_assign(q, rest, a_rest, b_rest);
}

/// Both halves in one pass: the sums are reduced where another product would exceed the limit, and at last.
#[target_feature(enable = "neon")]
pub(super) fn inner_products(
    q: &Modulus,
    [first, second]: [&mut [u64]; 2],
    digits: &[u64],
    key: KeyRow<'_>,
) {
    let length = first.len();
    debug_assert!(length.is_multiple_of(BLOCK) && second.len() == length);
    let a = FloatArithmetic::new(q);
    let places = first
        .chunks_exact_mut(BLOCK)
        .zip(second.chunks_exact_mut(BLOCK));
    for (place, (first, second)) in places.enumerate() {
        let mut sums = [[vdupq_n_f64(0.0); BLOCK / LANES]; 2];
        let mut bound = 0;
        for (number, digits) in digits.chunks_exact(length).enumerate() {
            if bound == a.limit() {
                sums = sums.map(|sums| sums.map(|sum| a.reduced(sum)));
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let digits = digits[place * BLOCK..].as_chunks::<LANES>().0;
            for (half, sums) in sums.iter_mut().enumerate() {
                let key = key.block(place, number, half);
                let keys = key.as_chunks::<LANES>().0;
                for ((sum, digit), key) in sums.iter_mut().zip(digits).zip(keys) {
                    let product = a.product(to_float(load(digit)), to_float(load(key)));
                    *sum = vaddq_f64(*sum, product);
                }
            }
            bound += FloatArithmetic::REDUCED_BOUND;
        }
        for (out, sums) in [first, second].into_iter().zip(sums) {
            for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                store(out, a.canonical(a.reduced(sum)));
            }
        }
    }
}

/// Whole vectors and what is left over.
type Split<'a> = (&'a [Words], &'a [u64]);

/// The same, to write to.
type SplitMut<'a> = (&'a mut [Words], &'a mut [u64]);

#[inline]
fn split<'a>(row: &'a mut [u64], other: &'a [u64]) -> (SplitMut<'a>, Split<'a>) {
    debug_assert_eq!(row.len(), other.len());
    (row.as_chunks_mut(), other.as_chunks())
}

#[cfg(test)]
mod tests {
    use super::super::super::KeyShape;
    use super::super::detect;
    use super::*;

    /// Odd products near q/2, all of one sign: without a reduction their sum soon is no longer exact.
    #[test]
    fn long_inner_products_stay_within_the_limit() {
        for modulus in [65_537, (1 << 49) - 1, (1 << 50) - 1] {
            let q = Modulus::new(modulus);
            let kernels = detect(q.bits()).unwrap();
            for count in 1..=64 {
                let shape = KeyShape::new(&q, count);
                let mut ones = vec![0; shape.words(BLOCK)];
                for digit in 0..count {
                    shape.store(&mut ones, digit, [&[1; BLOCK]; 2]);
                }
                let key = KeyRow::new(shape, &ones);
                for digit in [modulus / 2, modulus / 2 + 1] {
                    let digits = vec![digit; count * BLOCK];
                    let (mut b, mut a) = ([0; BLOCK], [0; BLOCK]);
                    kernels.inner_products(&q, [&mut b, &mut a], &digits, key);
                    let expected = q.mul(digit, count as u64);
                    assert_eq!([b, a], [[expected; BLOCK]; 2]);
                }
            }
        }
    }
}
