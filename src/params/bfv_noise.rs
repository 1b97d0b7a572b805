use crate::params::{ErrorSize, NoiseShape, ProductNoise, log2_sum};

/// The tracked noise of a BFV ciphertext: bounds of the polynomial v where the phase is `(Q/t) m + v`, as logarithms to base
/// 2. The formulas are those of `docs/math/noise.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BfvNoise {
    /// The standard deviation of a coefficient of its random part.
    pub(crate) deviation: f64,
    /// A bound of a coefficient of the roundings of plaintexts since the last product of ciphertexts: whoever chooses the
    /// plaintexts chooses them.
    pub(crate) rounding: f64,
    /// A bound at the roots of all roundings of plaintexts, those that products have made a part of the random part included.
    pub(crate) rounding_at_roots: f64,
    /// The most random factors of a term, those of the secret included: at least 1.
    pub(crate) factors: u32,
    /// The most of them that may be the same one, or depend on each other: at least 1.
    pub(crate) repeats: u32,
}

impl BfvNoise {
    /// A random error with up to `factors` random factors, at least 1: powers of the secret, or keys' errors.
    pub(crate) fn of_error(size: ErrorSize, factors: u32) -> Self {
        Self {
            deviation: size.deviation,
            rounding: f64::NEG_INFINITY,
            rounding_at_roots: f64::NEG_INFINITY,
            factors,
            repeats: 1,
        }
    }

    /// The rounding of an encoded plaintext, of at most 1/2 in each coefficient.
    pub(crate) fn of_plaintext(products: &ProductNoise) -> Self {
        Self {
            deviation: f64::NEG_INFINITY,
            rounding: -1.0,
            rounding_at_roots: products.model().chosen_rounding_of_all(),
            factors: 1,
            repeats: 1,
        }
    }

    /// The noise of a sum, whatever the dependence of its terms.
    pub(crate) fn plus(self, other: Self) -> Self {
        let sum = |a, b| log2_sum(&[a, b]);
        Self {
            deviation: sum(self.deviation, other.deviation),
            rounding: sum(self.rounding, other.rounding),
            rounding_at_roots: sum(self.rounding_at_roots, other.rounding_at_roots),
            factors: self.factors.max(other.factors),
            repeats: self.repeats.max(other.repeats),
        }
    }

    /// The noise of a sum whose random parts are independent.
    pub(crate) fn plus_independent(self, other: Self) -> Self {
        let squares = log2_sum(&[2.0 * self.deviation, 2.0 * other.deviation]);
        Self {
            deviation: squares / 2.0,
            ..self.plus(other)
        }
    }

    /// The noise times a number, given by its logarithm: an integer factor, or the reciprocal of a prime.
    pub(crate) fn times(self, log2_factor: f64) -> Self {
        Self {
            deviation: self.deviation + log2_factor,
            rounding: self.rounding + log2_factor,
            rounding_at_roots: self.rounding_at_roots + log2_factor,
            ..self
        }
    }

    /// The noise of a product with a plaintext whose magnitudes at the roots are at most `2^log2_norm`, and whose coefficients'
    /// magnitudes sum to `2^log2_sum`.
    pub(crate) fn times_plaintext(self, log2_norm: f64, log2_sum: f64) -> Self {
        Self {
            rounding: self.rounding + log2_sum,
            ..self.times(log2_norm)
        }
    }

    /// The noise of a raw product of ciphertexts with these noises.
    pub(crate) fn product(self, other: Self, products: &ProductNoise) -> Self {
        let model = products.model();
        // The second operand is rounded when it is scaled to the auxiliary modulus, which is 2^4 times larger.
        let scaling = Self::of_error(model.division(1).times(-4.0), 1);
        let terms = [
            self.times_quotient(other.factors, products),
            other.times_quotient(self.factors, products),
            scaling.times_quotient(1, products),
        ];
        let division = Self::of_error(model.division(2), 2);
        terms.into_iter().fold(division, Self::plus)
    }

    /// log2 of a bound of all coefficients, exceeded with probability below `2^-140`.
    pub(crate) fn log2_bound(self, products: &ProductNoise) -> f64 {
        if self.deviation == f64::NEG_INFINITY {
            return self.rounding;
        }
        let excess = if self.factors == 1 {
            f64::NEG_INFINITY // nothing but `rounding`, which is counted below
        } else {
            2.0 * (self.rounding_at_roots - self.deviation) - products.model().log2_degree()
        };
        let tail = products.coefficient_tail(NoiseShape {
            factors: self.factors,
            repeats: self.repeats,
            excess,
        });
        log2_sum(&[self.deviation + tail, self.rounding])
    }

    /// What this noise becomes in a product with a ciphertext whose own noise has `others` factors: it is multiplied, at each
    /// root, by that ciphertext's quotient and message.
    ///
    /// A ciphertext with fewer factors may be one that this noise was a product with before: then the factor comes again.
    fn times_quotient(self, others: u32, products: &ProductNoise) -> Self {
        let multiplicity = if others < self.factors {
            self.repeats.saturating_add(1)
        } else {
            1
        };
        let factor = products.factor(self.factors, multiplicity);
        Self {
            // A fifth more than the roundings themselves covers the part of them that no randomness multiplies.
            deviation: log2_sum(&[self.deviation, self.rounding + 1.2f64.log2()]) + factor,
            rounding: f64::NEG_INFINITY,
            rounding_at_roots: self.rounding_at_roots + factor,
            factors: self.factors.saturating_add(1),
            repeats: self.repeats.max(multiplicity),
        }
    }
}
