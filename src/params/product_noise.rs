//! How far above its standard deviation a coefficient of BFV noise can be, after any number of products.
//!
//! The derivation is in `docs/math/noise.md`, section "Products".

use crate::params::noise_model::{FAILURE_BITS, ln_sum, to_f64};
use crate::params::{Log2, NoiseModel};
use std::f64::consts::{LN_2, PI};
use std::sync::OnceLock;

/// What a noise polynomial is a product of, beside its standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoiseShape {
    /// The most random factors of a term, those of the secret included: at least 1.
    pub(crate) factors: u32,
    /// The most of them that may be the same one, or depend on each other: at least 1.
    pub(crate) repeats: u32,
    /// What whoever chooses plaintexts may have put at one root, relative to the typical value there.
    pub(crate) excess: Log2,
}

/// How products make BFV noise grow, for one degree and one plaintext modulus t.
#[derive(Debug)]
pub(crate) struct ProductNoise {
    model: NoiseModel,
    plain: Log2,
    /// Tails that were computed before: a row for each number of factors, a column for each excess.
    tails: Vec<OnceLock<Log2>>,
}

impl ProductNoise {
    /// For the plaintext modulus t.
    pub(crate) fn new(model: &NoiseModel, plain: Log2) -> Self {
        Self {
            model: model.clone(),
            plain,
            tails: (0..TAIL_ROWS * TAIL_COLUMNS)
                .map(|_| OnceLock::new())
                .collect(),
        }
    }

    /// The formulas that do not depend on t.
    pub(crate) fn model(&self) -> &NoiseModel {
        &self.model
    }

    /// The factor by which a product multiplies the standard deviation of an operand's noise: `|t r + m|` at a root, with
    /// r the quotient of the other operand's phase by its modulus. The noise has `factors` random factors already, and this one
    /// is among them `multiplicity` times then.
    pub(crate) fn factor(&self, factors: u32, multiplicity: u32) -> Log2 {
        let factors = f64::from(factors);
        let growth = self.model.moment(factors + 1.0) - self.model.moment(factors);
        let variance = self.quotient_variance() * f64::from(multiplicity);
        let spread = Log2::from_bits((variance.log2() + growth / LN_2) / 2.0);
        self.plain * self.model.degree() * spread
    }

    /// The bound of all coefficients of noise with standard deviation 1, exceeded with probability below `2^-140`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small range"
    )]
    pub(crate) fn coefficient_tail(&self, shape: NoiseShape) -> Log2 {
        // In whole bits, upwards, so that few different tails are computed.
        let excess = shape.excess.bits().ceil().max(LEAST_EXCESS);
        let rounded = NoiseShape {
            excess: Log2::from_bits(excess),
            ..shape
        };
        let column = (excess - LEAST_EXCESS) as usize;
        let row = (shape.factors as usize).wrapping_sub(1);
        if row < TAIL_ROWS && column < TAIL_COLUMNS && shape.repeats == 1 {
            let tail = &self.tails[row * TAIL_COLUMNS + column];
            *tail.get_or_init(|| self.compute_tail(rounded))
        } else {
            self.compute_tail(rounded)
        }
    }

    /// The best of the bounds that the even moments give, up to the 128th.
    fn compute_tail(&self, shape: NoiseShape) -> Log2 {
        let mut terms = Vec::with_capacity(HALF_MOMENTS);
        // a_n / (2n)! for the moments a_n of the sum: the exponential of the power series of the terms.
        let mut moments = vec![1.0];
        let mut best = f64::INFINITY;
        let failure = FAILURE_BITS * LN_2 + self.model.degree.ln();
        for n in 1..=HALF_MOMENTS {
            let term = self.moment_of_terms(shape, to_f64(n));
            if term - ln_factorial(2.0 * to_f64(n)) > LARGEST_EXPONENT {
                break;
            }
            terms.push(to_f64(n) * (term - ln_factorial(2.0 * to_f64(n))).exp());
            let moment = terms
                .iter()
                .zip(moments.iter().rev())
                .map(|(term, moment)| term * moment)
                .sum::<f64>()
                / to_f64(n);
            moments.push(moment);
            let ln_moment = moment.ln() + ln_factorial(2.0 * to_f64(n));
            best = best.min((ln_moment + failure) / (2.0 * to_f64(n)));
        }
        Log2::from_bits(best / LN_2)
    }

    /// ln of the sum, over the roots, of the (2 j)-th moments of what each adds to a coefficient.
    fn moment_of_terms(&self, shape: NoiseShape, j: f64) -> f64 {
        let (factors, repeats) = (f64::from(shape.factors), f64::from(shape.repeats));
        let groups = factors / repeats;
        let gaussian = ln_factorial(2.0 * j) - ln_factorial(j) - j * LN_2;
        let spread = groups * j * ln_factorial(repeats) + j * self.model.moment(factors);
        // Messages that are small at the root: only the masks and the secret count.
        let typical = groups * ln_factorial(j * repeats) + self.model.moment(j * factors);
        // Messages that are as large at the root as they can be; few roots can be so.
        let order = j * repeats;
        let norm = self.message_ratio().sqrt()
            + (ln_factorial(order) / (2.0 * order)).exp() * self.model.peak.sqrt();
        let chosen = 1.0
            + (shape.excess.bits() * LN_2 - ln_factorial(j) / j)
                .exp()
                .sqrt();
        let peaked = (PI * PI / 4.0 / self.model.degree).ln()
            + 2.0 * j * (factors * norm.ln() + chosen.ln());
        let both = ln_sum(typical, peaked) - spread;
        gaussian + (j - 1.0) * (2.0 / self.model.degree).ln() + both
    }

    /// The variance of the quotient r at a root, in units of N^2 and for g = 1: `(1 + |s|^2) / 12`, divided by N, with the mean
    /// `|s|^2` at the roots.
    fn quotient_variance(&self) -> f64 {
        (1.0 + self.model.secret) / (12.0 * self.model.degree)
    }

    /// The largest square of a message at a root, in units of t^2 N^2 times [`quotient_variance`](Self::quotient_variance). A
    /// message's coefficients are at most t/2; a half more covers the noise of the operand itself.
    fn message_ratio(&self) -> f64 {
        let largest = (1.0 + (Log2::ONE / self.plain).to_f64())
            * self.model.chosen_rounding_of_all().to_f64();
        (largest / self.model.degree).powi(2) / self.quotient_variance()
    }
}

/// For up to so many factors,
const TAIL_ROWS: usize = 48;

/// and so many bits of excess,
const TAIL_COLUMNS: usize = 16;

/// from this on.
const LEAST_EXCESS: f64 = -4.0;

/// Half of the highest moment that is tried.
const HALF_MOMENTS: usize = 64;

/// The largest exponent of a term that the recursion takes: what it makes of one stays below the largest f64.
const LARGEST_EXPONENT: f64 = 300.0;

/// `ln(n!)`, rounded up by less than 1e-6.
fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        let mut product = 1.0;
        let mut factor = 2.0;
        while factor <= n {
            product *= factor;
            factor += 1.0;
        }
        return product.ln();
    }
    // Stirling's series, whose next term is negative.
    n * n.ln() - n + (2.0 * PI * n).ln() / 2.0 + 1.0 / (12.0 * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::SecretDistribution;

    fn noise(degree: usize) -> ProductNoise {
        ProductNoise::new(
            &NoiseModel::new(degree, SecretDistribution::Ternary),
            Log2::from_bits(16.0),
        )
    }

    fn tail(degree: usize, factors: u32, repeats: u32) -> f64 {
        let shape = NoiseShape {
            factors,
            repeats,
            excess: Log2::ZERO,
        };
        noise(degree).coefficient_tail(shape).bits()
    }

    #[test]
    fn factorials() {
        for n in [0u32, 1, 2, 5, 15, 16, 17, 64, 200] {
            let exact: f64 = (1..=n).map(|i| f64::from(i).ln()).sum();
            assert!(
                (ln_factorial(n.into()) - exact).abs() < 1e-5
                    && ln_factorial(n.into()) >= exact - 1e-12
            );
        }
    }

    #[test]
    fn noise_without_products_has_the_tail_of_a_gaussian() {
        for degree in [1 << 12, 1 << 13, 1 << 15, 1 << 17] {
            // 2 N exp(-x^2 / 2) = 2^-140, and a quarter of a bit for the moments.
            let gaussian = (2.0 * (141.0 * LN_2 + to_f64(degree).ln())).log2() / 2.0;
            let tail = tail(degree, 1, 1);
            assert!(
                (gaussian..gaussian + 0.25).contains(&tail),
                "{degree}: {tail} for {gaussian}"
            );
        }
    }

    #[test]
    fn tails_grow_with_factors_repeats_and_excess() {
        for degree in [64, 1 << 13, 1 << 15] {
            let noise = noise(degree);
            for factors in 1..60 {
                assert!(tail(degree, factors + 1, 1) > tail(degree, factors, 1));
                assert!(tail(degree, factors + 1, 2) > tail(degree, factors + 1, 1));
            }
            let at = |excess| {
                let shape = NoiseShape {
                    factors: 5,
                    repeats: 1,
                    excess: Log2::from_bits(excess),
                };
                noise.coefficient_tail(shape).bits()
            };
            assert!(at(3.0) > at(0.0) && at(0.0) >= at(-20.0));
            assert_eq!(at(2.5), at(3.0), "in whole bits");
            assert!(
                at(40.0).is_finite() && at(40.0) > at(11.0),
                "beyond the table"
            );
        }
    }

    #[test]
    fn hostile_shapes_give_numbers() {
        let noise = noise(1 << 13);
        for factors in [1, 100, 1 << 20] {
            for repeats in [1, 100, factors] {
                for excess in [f64::NEG_INFINITY, 0.0, 1e6].map(Log2::from_bits) {
                    let shape = NoiseShape {
                        factors,
                        repeats,
                        excess,
                    };
                    let tail = noise.coefficient_tail(shape);
                    assert!(tail > Log2::ONE, "{shape:?}: {tail:?}");
                }
            }
        }
    }
}
