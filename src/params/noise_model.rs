use crate::ring::ERROR_STANDARD_DEVIATION;

/// The formulas of `docs/math/noise.md`: standard deviations of error coefficients, as log2, for one degree N.
///
/// The secret is uniform ternary: a coefficient has variance 2/3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoiseModel {
    degree: f64,
}

/// The failure probability that every bound allows, as -log2.
const FAILURE_BITS: f64 = 128.0;

impl NoiseModel {
    #[expect(clippy::cast_precision_loss, reason = "a degree is at most 2^17")]
    pub(crate) fn new(degree: usize) -> Self {
        Self {
            degree: degree as f64,
        }
    }

    /// A fresh error polynomial.
    pub(crate) fn error(self) -> f64 {
        ERROR_STANDARD_DEVIATION.log2()
    }

    /// The rounding of an integer polynomial to the nearest one.
    pub(crate) fn encoding(self) -> f64 {
        (1.0f64 / 12.0).log2() / 2.0
    }

    /// What dividing a ciphertext of `degree_in_secret` by an integer adds: a rounding for each power of the secret.
    pub(crate) fn division(self, degree_in_secret: usize) -> f64 {
        let secret = 2.0 * self.degree / 3.0; // E |s|^2; s^2 has |s^2|^2 about (2N/3)^2
        let squares: f64 = (0..=degree_in_secret)
            .map(|power| secret.powi(to_i32(power)))
            .sum();
        (squares / 12.0).log2() / 2.0
    }

    /// The rounding of one polynomial of a ciphertext, the factor of a power of the secret, to integers.
    pub(crate) fn rounding(self, power: usize) -> f64 {
        ((2.0 * self.degree / 3.0).powi(to_i32(power)) / 12.0).log2() / 2.0
    }

    /// The error `e u + e0 + e1 s` of a public-key encryption of zero.
    pub(crate) fn public_encryption(self) -> f64 {
        self.error() + (1.0 + 4.0 * self.degree / 3.0).log2() / 2.0
    }

    /// The error of key switching, before the rounding of its division: `digits` gives, for each digit, log2 of the product
    /// of its primes and their number; `special` is log2 of P.
    pub(crate) fn key_switch(self, digits: &[(f64, usize)], special: f64) -> f64 {
        // Each digit is balanced, a sum of k uniform terms of width D: variance k D^2 / 12, times N e.
        let variance = |&(bits, count): &(f64, usize)| {
            let count: f64 = to_f64(count);
            2.0 * (bits + self.error() - special) + (self.degree * count / 12.0).log2()
        };
        let terms: Vec<f64> = digits.iter().map(variance).collect();
        log2_sum(&terms) / 2.0
    }

    /// BFV: the factor by which a product multiplies an operand's noise: `|t r + m|` at a root, where r is the quotient of
    /// the other operand's phase by its modulus. r has one factor of the secret, and the noise already has `depth`: the
    /// moments of `|s|^2` at the roots grow as factorials until the largest of N/2 roots decides.
    pub(crate) fn product_factor(self, log2_plain_modulus: f64, depth: u32) -> f64 {
        let quotient = (1.0 + 2.0 * self.degree / 3.0) / 12.0 + 0.25;
        let peak = self.degree.ln().max(1.0);
        let growth = f64::from(depth + 1).min(peak);
        log2_plain_modulus + (self.degree * quotient * growth).log2() / 2.0
    }

    /// log2 of the bound of a coefficient with standard deviation 1, all N of them, failing with probability 2^-128.
    pub(crate) fn coefficient_tail(self) -> f64 {
        // A Gaussian coefficient: 2 N exp(-x^2 / 2) = 2^-128.
        (2.0 * ((FAILURE_BITS + 1.0) * std::f64::consts::LN_2 + self.degree.ln())).log2() / 2.0
    }

    /// log2 of the bound of a polynomial's value at a root, all N/2 of them, for coefficients of standard deviation 1,
    /// failing with probability 2^-128.
    pub(crate) fn slot_tail(self) -> f64 {
        // The value may be the product of two complex Gaussians of variance N together (a rounding times the secret):
        // P(|a b| > x sqrt(N)) is about exp(-2 x), and N/2 exp(-2 x) = 2^-128.
        let x = (FAILURE_BITS * std::f64::consts::LN_2 + self.degree.ln()) / 2.0;
        x.log2() + self.degree.log2() / 2.0
    }
}

/// log2 of the sum of the numbers whose logarithms are given; minus infinity for none.
pub(crate) fn log2_sum(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest
        + terms
            .iter()
            .map(|term| (term - largest).exp2())
            .sum::<f64>()
            .log2()
}

#[expect(clippy::cast_precision_loss, reason = "counts of primes")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

fn to_i32(power: usize) -> i32 {
    i32::try_from(power).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_logarithms() {
        assert!((log2_sum(&[3.0, 3.0]) - 4.0).abs() < 1e-12);
        assert!((log2_sum(&[2000.0, 1.0]) - 2000.0).abs() < 1e-12);
        assert_eq!(log2_sum(&[]), f64::NEG_INFINITY);
        assert_eq!(log2_sum(&[f64::NEG_INFINITY, 5.0]), 5.0);
    }
}
