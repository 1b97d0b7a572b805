//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::{Modulus, portable};
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
    sums: [&mut [u64]; 2],
    digits: &[u64],
    keys: &[[&[u64]; 2]],
) {
    let [first, second] = sums;
    let length = first.len();
    debug_assert!(second.len() == length && digits.len() == length * keys.len());
    let a = FloatArithmetic::new(q);
    let mut start = 0;
    let vectors = first.as_chunks_mut::<LANES>().0.iter_mut();
    for (first, second) in vectors.zip(second.as_chunks_mut::<LANES>().0) {
        let mut sums = [vdupq_n_f64(0.0); 2];
        let mut bound = 0;
        for (j, key) in keys.iter().enumerate() {
            if bound == a.limit() {
                sums = [a.reduced(sums[0]), a.reduced(sums[1])];
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let digit = to_float(load(vector_at(digits, j * length + start)));
            for (sum, key) in sums.iter_mut().zip(key) {
                let key = to_float(load(vector_at(key, start)));
                *sum = vaddq_f64(*sum, a.product(digit, key));
            }
            bound += FloatArithmetic::REDUCED_BOUND;
        }
        store(first, a.canonical(a.reduced(sums[0])));
        store(second, a.canonical(a.reduced(sums[1])));
        start += LANES;
    }
    portable::inner_products_from(q, [first, second], digits, keys, start);
}

/// The vector of words from `start` on.
fn vector_at(words: &[u64], start: usize) -> &Words {
    &words[start..start + LANES].as_chunks::<LANES>().0[0]
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
    use super::super::detect;
    use super::*;

    /// Odd products near q/2, all of one sign: without a reduction their sum soon is no longer exact.
    #[test]
    fn long_inner_products_stay_within_the_limit() {
        for modulus in [65_537, (1 << 49) - 1, (1 << 50) - 1] {
            let q = Modulus::new(modulus);
            let kernels = detect(q.bits()).unwrap();
            for count in 1..=64 {
                let ones = [1; 2 * LANES];
                let keys = vec![[&ones[..], &ones[..]]; count];
                for digit in [modulus / 2, modulus / 2 + 1] {
                    let digits = vec![digit; count * ones.len()];
                    let (mut b, mut a) = (ones, ones);
                    kernels.inner_products(&q, [&mut b, &mut a], &digits, &keys);
                    let expected = q.mul(digit, count as u64);
                    assert_eq!([b, a], [[expected; 2 * LANES]; 2]);
                }
            }
        }
    }
}
