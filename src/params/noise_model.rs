use crate::kernels::SecretVec;
use crate::params::{Log2, SecretDistribution};
use crate::ring::ERROR_STANDARD_DEVIATION;
use std::f64::consts::{LN_2, PI};

/// The formulas of `docs/math/noise.md` for one degree N.
///
/// The secret is drawn among those whose spectrum is [typical](Self::is_typical): its squared magnitudes at the roots of unity,
/// divided by their mean (2N/3 for a ternary secret), are written g.
#[derive(Clone, Debug)]
pub(crate) struct NoiseModel {
    pub(super) degree: f64,
    /// The mean of the secret's squared magnitudes at the roots.
    pub(super) secret: f64,
    /// The parties whose errors add up in a key, 1 unless they share the secret.
    contributors: f64,
    /// The largest g.
    pub(super) peak: f64,
    /// ln of the largest mean of `g^n` over the roots, for n up to [`MOMENTS`].
    moments: [f64; MOMENTS + 1],
}

/// The size of a random error polynomial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorSize {
    /// The standard deviation of a coefficient.
    pub(crate) deviation: Log2,
    /// A bound of the magnitude at every root of unity, exceeded with probability below `2^-140`.
    pub(crate) at_roots: Log2,
}

/// How many moments of a secret's spectrum are checked.
const MOMENTS: usize = 32;

/// -log2 of the probability that one random polynomial exceeds its bound: a ciphertext that depends on up to 4096 of them
/// exceeds its own with probability below 2^-128.
pub(super) const FAILURE_BITS: f64 = 140.0;

impl ErrorSize {
    /// No error.
    pub(crate) const NONE: Self = Self {
        deviation: Log2::ZERO,
        at_roots: Log2::ZERO,
    };

    /// The sum of two errors, whatever their dependence.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            deviation: self.deviation + other.deviation,
            at_roots: self.at_roots + other.at_roots,
        }
    }

    /// The error times a number.
    pub(crate) fn times(self, factor: Log2) -> Self {
        Self {
            deviation: self.deviation * factor,
            at_roots: self.at_roots * factor,
        }
    }
}

impl NoiseModel {
    #[expect(clippy::cast_precision_loss, reason = "a degree is at most 2^17")]
    pub(crate) fn new(degree: usize, secret: SecretDistribution) -> Self {
        let degree = degree as f64;
        let margins = Margins::of(secret);
        let peak = (degree / 2.0).ln() + margins.peak;
        let mut moments: [f64; MOMENTS + 1] =
            std::array::from_fn(|n| moment_limit(degree, (peak, margins.spread), to_f64(n)));
        // Each at least as many times the one before as that is its own: moments are log-convex, and sums of noises with
        // different numbers of factors rely on it.
        for n in 2..=MOMENTS {
            moments[n] = moments[n].max(2.0 * moments[n - 1] - moments[n - 2]);
        }
        Self {
            degree,
            secret: secret.mean_square(degree),
            contributors: secret.contributors().into(),
            peak,
            moments,
        }
    }

    /// N.
    pub(crate) fn degree(&self) -> Log2 {
        Log2::of(self.degree)
    }

    /// Whether a secret with these squared magnitudes at the N/2 roots is within what the formulas assume of keys: every g at
    /// most `ln(N/2) + 3`, and the mean of `g^n` little above that of an exponential variable. About one secret in twenty is not. Of a
    /// sum of several parties' secrets, which nobody can test, they assume so much less that all are. Branch-free.
    pub(crate) fn is_typical(&self, squares: &[f64]) -> bool {
        let mean = self.secret;
        let scaled: SecretVec<f64> = squares.iter().map(|square| square / mean).collect();
        let mut outside = 0u32;
        for &g in scaled.iter() {
            outside |= u32::from(g > self.peak);
        }
        let mut powers: SecretVec<f64> = scaled.iter().copied().collect();
        for limit in &self.moments[1..] {
            let mut sums = [0.0; 8];
            for (powers, scaled) in powers.chunks_mut(8).zip(scaled.chunks(8)) {
                for ((sum, power), g) in sums.iter_mut().zip(powers).zip(scaled) {
                    *sum += *power;
                    *power *= g;
                }
            }
            let moment = sums.iter().sum::<f64>() / to_f64(squares.len());
            outside |= u32::from(moment > limit.exp());
        }
        outside == 0
    }

    /// A fresh error polynomial.
    pub(crate) fn error(&self) -> ErrorSize {
        self.gaussian(ERROR_STANDARD_DEVIATION.powi(2), 1.0)
    }

    /// A bound at every root of the sum of so many polynomials with coefficients that are uniform in [-1, 1).
    pub(crate) fn uniform(&self, count: u32) -> Log2 {
        self.gaussian(f64::from(count) / 3.0, 1.0).at_roots
    }

    /// What dividing a ciphertext of `degree_in_secret` by an integer adds: a rounding for each power of the secret.
    pub(crate) fn division(&self, degree_in_secret: usize) -> ErrorSize {
        let (mean, largest) = (0..=degree_in_secret)
            .map(|power| self.secret_power(power))
            .fold((0.0, 0.0), |sum, power| (sum.0 + power.0, sum.1 + power.1));
        self.gaussian(mean / 12.0, largest / mean)
    }

    /// The rounding of one polynomial of a ciphertext, the factor of a power of the secret, to integers.
    pub(crate) fn rounding(&self, power: usize) -> ErrorSize {
        let (mean, largest) = self.secret_power(power);
        self.gaussian(mean / 12.0, largest / mean)
    }

    /// The error `e u + e0 + e1 s` of a public-key encryption of zero, u being uniform ternary.
    pub(crate) fn public_encryption(&self) -> ErrorSize {
        let variance = ERROR_STANDARD_DEVIATION.powi(2);
        let (mean, largest) = self.secret_power(1);
        let with_secret = self.gaussian(variance * (1.0 + mean), (1.0 + largest) / (1.0 + mean));
        with_secret.plus(self.product(variance * self.contributors * 2.0 * self.degree / 3.0))
    }

    /// The error of key switching, before the rounding of its division: `digits` gives, for each digit, the product
    /// of its primes and their number; `special` is P.
    pub(crate) fn key_switch(&self, digits: &[(Log2, usize)], special: Log2) -> ErrorSize {
        // Each digit is balanced, a sum of k uniform terms of width D: variance k D^2 / 12, times N e.
        let error = Log2::of(ERROR_STANDARD_DEVIATION * self.contributors.sqrt());
        let variance = |&(product, count): &(Log2, usize)| {
            (product * error / special).squared() * Log2::of(self.degree * to_f64(count) / 12.0)
        };
        let variance: Log2 = digits.iter().map(variance).sum();
        self.product(1.0).times(variance.sqrt())
    }

    /// A bound at every root of `c_0 + c_1 s` with coefficients of at most half of `modulus`.
    pub(crate) fn lifted(&self, modulus: Log2) -> Log2 {
        let polynomial = modulus * Log2::of(self.degree / 2.0);
        polynomial * Log2::of(1.0 + (self.secret * self.peak).sqrt())
    }

    /// The error of a relinearization, given that of any other key switch. Where c parties make the key together, each multiplies
    /// errors of the others by its secret, which gives a standard deviation of `sigma c sqrt(4N/3 + 1/c)` instead of `sigma sqrt(c)`.
    ///
    /// Source: C. Mouchet et al., "Multiparty Homomorphic Encryption from Ring-Learning-with-Errors" (eprint 2020/304), protocol RKG.
    pub(crate) fn relinearization(&self, switch: ErrorSize) -> ErrorSize {
        if self.contributors == 1.0 {
            return switch;
        }
        let variance = self.contributors * 4.0 * self.degree / 3.0;
        let excess = |variance: f64| Log2::of((variance + 1.0).sqrt());
        ErrorSize {
            deviation: switch.deviation * excess(variance),
            // At the root where the secret is largest.
            at_roots: switch.at_roots * excess(variance * self.peak),
        }
    }

    /// A bound at every root of a polynomial in `X^(N / count)` whose coefficients are at most 1/2: the rounding of a
    /// plaintext, which whoever chooses the plaintext chooses.
    pub(crate) fn chosen_rounding(&self, count: f64) -> Log2 {
        Log2::from_bits(-1.0 - (PI / (2.0 * count)).sin().log2())
    }

    /// [`chosen_rounding`](Self::chosen_rounding) of all N coefficients.
    pub(crate) fn chosen_rounding_of_all(&self) -> Log2 {
        self.chosen_rounding(self.degree)
    }

    /// ln of the largest mean of `g^n` over the roots.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index below 33"
    )]
    pub(super) fn moment(&self, n: f64) -> f64 {
        let last = to_f64(MOMENTS);
        if n <= last {
            self.moments[n as usize]
        } else {
            self.moments[MOMENTS] + (n - last) * self.peak.ln()
        }
    }

    /// The largest mean, and the largest value, of `|s|^(2 power)` over the roots.
    fn secret_power(&self, power: usize) -> (f64, f64) {
        let mean = self.secret;
        let exponent = to_f64(power);
        (
            (mean.ln() * exponent + self.moment(exponent)).exp(),
            (mean * self.peak).powf(exponent),
        )
    }

    /// A polynomial with Gaussian values at the roots, given the secret: its coefficients' variance, and how much larger the
    /// variance is at the largest root.
    fn gaussian(&self, variance: f64, largest: f64) -> ErrorSize {
        let deviation = Log2::of(variance).sqrt();
        let tail = self.root_exponent() * largest * self.degree;
        ErrorSize {
            deviation,
            at_roots: deviation * Log2::of(tail).sqrt(),
        }
    }

    /// A product of two polynomials with Gaussian values at the roots, or a sum of such, with this variance of a coefficient.
    fn product(&self, variance: f64) -> ErrorSize {
        // P(|x y| > t) = 2 t K_1(2 t), which is below exp(3 - 2 t) for t < 70, for x and y of variance 1.
        let tail = (self.root_exponent() + 3.0) / 2.0;
        let deviation = Log2::of(variance).sqrt();
        ErrorSize {
            deviation,
            at_roots: deviation * Log2::of(tail) * self.degree().sqrt(),
        }
    }

    /// How many times its variance a squared complex Gaussian is at most, at all N/2 roots.
    fn root_exponent(&self) -> f64 {
        FAILURE_BITS * LN_2 + (self.degree / 2.0).ln()
    }
}

/// How far from the typical a secret's spectrum may be.
struct Margins {
    /// How much larger than `ln(N/2)`, the typical largest of N/2 exponential variables, the largest g may be.
    peak: f64,
    /// By how many standard deviations the mean of `g^n` over N/2 roots may exceed its expectation.
    spread: f64,
}

impl Margins {
    fn of(secret: SecretDistribution) -> Self {
        match secret {
            SecretDistribution::Ternary | SecretDistribution::Sparse { .. } => Self {
                peak: 3.0,
                spread: 4.0,
            },
            // Nobody sees the sum, so that no sum is drawn again: what a secret exceeds with probability below 2^-128, since sums of ternary coefficients have no heavier tails than Gaussians.
            SecretDistribution::TernarySum { .. } => Self {
                peak: 97.0,
                spread: 14.0,
            },
        }
    }
}

/// ln of the limit of the mean of `g^n`: that of exponential variables up to `peak`, with some standard deviations of the mean of
/// N/2 of them (at most as much again), and one root at the peak.
fn moment_limit(degree: f64, (peak, deviations): (f64, f64), n: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    // The incomplete gamma function: the integral of x^n e^-x up to the peak.
    let mut term = 1.0 / (n + 1.0);
    let mut series = 0.0;
    let mut next = n + 1.0;
    while term > f64::EPSILON * series {
        series += term;
        next += 1.0;
        term *= peak / next;
    }
    let integral = series.ln() + (n + 1.0) * peak.ln() - peak;
    // Var(g^n) / E(g^n)^2 = binomial(2n, n) - 1.
    let mut binomial = 1.0;
    let mut i = 1.0;
    while i <= n {
        binomial *= (n + i) / i;
        i += 1.0;
    }
    let spread = deviations * ((binomial - 1.0) * 2.0 / degree).sqrt();
    let one_root = n * peak.ln() + (2.0 / degree).ln();
    ln_sum(integral + spread.min(1.0).ln_1p(), one_root)
}

/// `ln(e^a + e^b)`
pub(super) fn ln_sum(a: f64, b: f64) -> f64 {
    a.max(b) + (-(a - b).abs()).exp().ln_1p()
}

#[expect(clippy::cast_precision_loss, reason = "counts")]
pub(super) fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_logarithms() {
        assert!((ln_sum(1f64.ln(), 3f64.ln()) - 4f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn moments_are_those_of_an_exponential_variable_with_a_margin() {
        let model = NoiseModel::new(1 << 15, SecretDistribution::Ternary);
        let mut factorial = 1.0;
        for n in 1..=5u32 {
            factorial *= f64::from(n);
            let ratio = model.moment(n.into()).exp() / factorial;
            assert!((1.0..2.0).contains(&ratio), "moment {n}: {ratio}");
        }
        // Above the last that is checked they grow with the peak alone, and growth never shrinks on the way there.
        let growth = |n: f64| model.moment(n + 1.0) - model.moment(n);
        for n in 1..100 {
            let n = f64::from(n);
            assert!(growth(n) >= growth(n - 1.0) - 1e-9, "growth at {n}");
            assert!(growth(n) <= model.peak.ln() + 1e-9);
        }
    }

    #[test]
    fn spectra_with_peaks_are_not_typical() {
        let model = NoiseModel::new(1024, SecretDistribution::Ternary);
        let mean = 2.0 * 1024.0 / 3.0;
        let flat = vec![mean; 512];
        assert!(model.is_typical(&flat));
        let mut one_peak = flat.clone();
        one_peak[7] = mean * (512f64.ln() + 2.9);
        assert!(model.is_typical(&one_peak));
        one_peak[7] = mean * (512f64.ln() + 3.1);
        assert!(!model.is_typical(&one_peak));
        // No single peak, but a mean square that is too large.
        let heavy: Vec<f64> = (0..512)
            .map(|i| if i % 8 == 0 { 7.0 * mean } else { 0.2 * mean })
            .collect();
        assert!(!model.is_typical(&heavy));
    }

    #[test]
    fn the_tail_of_a_product_is_a_bound() {
        // 2 t K_1(2 t) = integral of exp(-2 t cosh x) cosh x times 2 t, against exp(3 - 2 t).
        for t in [1.0f64, 10.0, 40.0, 60.0, 70.0] {
            let step = 1e-3;
            let integral: f64 = (0..8000)
                .map(|i| f64::from(i) * step)
                .map(|x| (-2.0 * t * (x.cosh() - 1.0)).exp() * x.cosh() * step)
                .sum();
            assert!(2.0 * t * integral < 3f64.exp(), "at {t}");
        }
    }
}
