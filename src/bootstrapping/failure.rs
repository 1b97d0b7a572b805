//! How likely it is that a multiple of q0 is larger than the modular reduction covers.

use crate::ring::as_f64;
use num_bigint::{BigInt, BigUint};

/// log2 of the probability that any of `coefficients` coefficients of the raised ciphertext is beyond `bound` times q0, for a secret of
/// this weight: each is a sum of `weight + 1` independent numbers that are uniform in [-1/2, 1/2), in units of q0.
///
/// Source: J.-P. Bossuat, J. Troncoso-Pastoriza, J.-P. Hubaux, "Bootstrapping for Approximate Homomorphic Encryption with Negligible Failure-Probability by
/// Using Sparse-Secret Encapsulation" (eprint 2022/024), section 3; the tail of the Irwin-Hall distribution.
pub(super) fn log2_failure_probability(weight: u32, bound: u32, coefficients: usize) -> f64 {
    let terms = weight + 1;
    // Twice the distance from the end, so that it is an integer.
    let Some(end) = terms.checked_sub(2 * bound) else {
        return f64::NEG_INFINITY;
    };
    // 2 / terms! sum_i (-1)^i binomial(terms, i) (end / 2 - i)^terms
    let mut sum = BigInt::ZERO;
    let mut binomial = BigInt::from(1);
    for i in 0..=end / 2 {
        let term = &binomial * BigInt::from(end - 2 * i).pow(terms);
        sum += if i % 2 == 0 { term } else { -term };
        binomial = binomial * (terms - i) / (i + 1);
    }
    let factorial: BigUint = (1..=terms).map(BigUint::from).product();
    let tail = crate::ring::log2(sum.magnitude()) - crate::ring::log2(&factorial);
    1.0 - f64::from(terms) + tail + as_f64(coefficients).log2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_probabilities() {
        // Figures of the paper's table and of its authors' library, for N = 2^16.
        for (weight, bound, bits) in [
            (32, 14, -62.1),
            (32, 15, -86.4),
            (32, 16, -138.7),
            (24, 12, -91.7),
            (40, 18, -93.3),
            (40, 20, -188.5),
            (48, 20, -85.2),
            (64, 20, -48.6),
        ] {
            let got = log2_failure_probability(weight, bound, 1 << 16);
            assert!((got - bits).abs() < 0.1, "{weight}, {bound}: {got}");
        }
        assert_eq!(log2_failure_probability(31, 17, 8), f64::NEG_INFINITY);
    }
}
