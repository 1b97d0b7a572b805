use crate::params::{ErrorSize, Log2, NoiseShape, ProductNoise};

/// The tracked noise of a BFV ciphertext: bounds of the polynomial v where the phase is `(Q/t) m + v`. The formulas are those of `docs/math/noise.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BfvNoise {
    /// The standard deviation of a coefficient of its random part.
    pub(crate) deviation: Log2,
    /// A bound of a coefficient of the roundings of plaintexts since the last product of ciphertexts: whoever chooses the
    /// plaintexts chooses them.
    pub(crate) rounding: Log2,
    /// A bound at the roots of all roundings of plaintexts, those that products have made a part of the random part included.
    pub(crate) rounding_at_roots: Log2,
    /// The most random factors of a term, those of the secret included: at least 1.
    pub(crate) factors: u32,
    /// The most of them that may be the same one, or depend on each other: at least 1.
    pub(crate) repeats: u32,
    /// The number of factors of the newest part of the mask that no sum can have cancelled: from 1 to `factors`. It is independent of
    /// all noise with at most so many factors.
    pub(crate) newest: u32,
}

impl BfvNoise {
    /// A random error with up to `factors` random factors, at least 1: powers of the secret, or keys' errors.
    pub(crate) fn of_error(size: ErrorSize, factors: u32) -> Self {
        Self {
            deviation: size.deviation,
            rounding: Log2::ZERO,
            rounding_at_roots: Log2::ZERO,
            factors,
            repeats: 1,
            newest: 1,
        }
    }

    /// The rounding of an encoded plaintext, of at most 1/2 in each coefficient.
    pub(crate) fn of_plaintext(products: &ProductNoise) -> Self {
        Self {
            deviation: Log2::ZERO,
            rounding: Log2::of(0.5),
            rounding_at_roots: products.model().chosen_rounding_of_all(),
            factors: 1,
            repeats: 1,
            newest: 1,
        }
    }

    /// A noise of which nothing is known but a bound of each of so many coefficients.
    pub(crate) fn bounded(bound: Log2, coefficients: Log2) -> Self {
        Self {
            deviation: Log2::ZERO,
            rounding: bound,
            rounding_at_roots: bound * coefficients,
            factors: 1,
            repeats: 1,
            newest: 1,
        }
    }

    /// The noise of a sum, whatever the dependence of its terms.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            deviation: self.deviation + other.deviation,
            rounding: self.rounding + other.rounding,
            rounding_at_roots: self.rounding_at_roots + other.rounding_at_roots,
            factors: self.factors.max(other.factors),
            repeats: self.repeats.max(other.repeats),
            newest: if self.newest > other.factors {
                self.newest
            } else if other.newest > self.factors {
                other.newest
            } else {
                1
            },
        }
    }

    /// The noise of a sum whose random parts are independent.
    pub(crate) fn plus_independent(self, other: Self) -> Self {
        let variance = self.deviation.squared() + other.deviation.squared();
        Self {
            deviation: variance.sqrt(),
            ..self.plus(other)
        }
    }

    /// The noise times a number: an integer factor, or the reciprocal of a prime.
    pub(crate) fn times(self, factor: Log2) -> Self {
        self.times_plaintext(factor, factor)
    }

    /// The noise of a product with a plaintext whose magnitudes at the roots are at most `at_roots`, and whose coefficients'
    /// magnitudes sum to `sum`.
    pub(crate) fn times_plaintext(self, at_roots: Log2, sum: Log2) -> Self {
        let product = Self {
            deviation: self.deviation * at_roots,
            rounding: self.rounding * sum,
            rounding_at_roots: self.rounding_at_roots * at_roots,
            ..self
        };
        if product.is_without_mask() {
            // Nothing is left of the factors: a sum with it must not have more than its other terms.
            return Self {
                factors: 1,
                repeats: 1,
                newest: 1,
                ..product
            };
        }
        product
    }

    /// The noise of a raw product of a ciphertext with itself. Its noise and its mask have the same history: where a sum has
    /// cancelled the newest part of one, it has cancelled it in the other.
    pub(crate) fn square(self, products: &ProductNoise) -> Self {
        let operand = Self {
            newest: self.factors,
            ..self
        };
        operand.product(operand, products)
    }

    /// The noise of a raw product of ciphertexts with these noises.
    pub(crate) fn product(self, other: Self, products: &ProductNoise) -> Self {
        let model = products.model();
        // The second operand is rounded when it is scaled to the auxiliary modulus, which is 2^4 times larger.
        let scaling = Self::of_error(model.division(1).times(Log2::from_bits(-4.0)), 1);
        let terms = [
            self.times_quotient(other, products),
            other.times_quotient(self, products),
            scaling.times_quotient(scaling, products),
        ];
        let division = Self::of_error(model.division(2), 2);
        let noise = terms.into_iter().fold(division, Self::plus);
        Self {
            // Relinearization adds a new mask, unless one operand has none.
            newest: if self.is_without_mask() || other.is_without_mask() {
                1
            } else {
                noise.factors
            },
            ..noise
        }
    }

    /// A bound of all coefficients, exceeded with probability below `2^-140`.
    pub(crate) fn bound(self, products: &ProductNoise) -> Log2 {
        if self.is_without_mask() {
            return self.rounding;
        }
        let excess = if self.factors == 1 {
            Log2::ZERO // nothing but `rounding`, which is counted below
        } else {
            (self.rounding_at_roots / self.deviation).squared() / products.model().degree()
        };
        let tail = products.coefficient_tail(NoiseShape {
            factors: self.factors,
            repeats: self.repeats,
            excess,
        });
        self.deviation * tail + self.rounding
    }

    /// Whether the ciphertext is a plaintext, or zero: no randomness hides it.
    fn is_without_mask(self) -> bool {
        self.deviation.is_zero()
    }

    /// What this noise becomes in a product with a ciphertext: it is multiplied, at each root, by that ciphertext's quotient and
    /// message.
    ///
    /// If nothing in that ciphertext's mask is sure to be new, this noise may be of a product with it: then the factor comes again.
    fn times_quotient(self, by: Self, products: &ProductNoise) -> Self {
        let multiplicity = if by.newest < self.factors {
            self.repeats.saturating_add(1)
        } else {
            1
        };
        let factor = products.factor(self.factors, multiplicity);
        Self {
            // A fifth more than the roundings themselves covers the part of them that no randomness multiplies.
            deviation: (self.deviation + self.rounding * Log2::of(1.2)) * factor,
            rounding: Log2::ZERO,
            rounding_at_roots: self.rounding_at_roots * factor,
            factors: self.factors.saturating_add(1),
            repeats: self.repeats.max(multiplicity),
            newest: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{NoiseModel, SecretDistribution};

    fn products() -> ProductNoise {
        ProductNoise::new(
            &NoiseModel::new(1 << 13, SecretDistribution::Ternary),
            Log2::from_bits(16.0),
        )
    }

    fn fresh(products: &ProductNoise) -> BfvNoise {
        BfvNoise::of_error(products.model().division(1), 1).plus(BfvNoise::of_plaintext(products))
    }

    /// The noise after `depth` products of the last one with what `disguise` makes of a fresh ciphertext and the last product.
    fn chain(depth: u32, disguise: impl Fn(BfvNoise, BfvNoise) -> BfvNoise) -> BfvNoise {
        let products = products();
        let fresh = fresh(&products);
        (0..depth).fold(fresh, |last, _| {
            last.product(disguise(fresh, last), &products)
        })
    }

    #[test]
    fn a_mask_that_comes_again_is_counted_again_whatever_was_added_and_cancelled() {
        let products = products();
        // As after a switch of the modulus, which leaves little of the noise.
        let small = |noise: BfvNoise| noise.times(Log2::from_bits(-1e3));
        let zero = |noise: BfvNoise| noise.times(Log2::ZERO);
        let disguises: [&dyn Fn(BfvNoise, BfvNoise) -> BfvNoise; 5] = [
            &|fresh, last| fresh.plus(last).plus(last),
            &|fresh, last| last.plus(last).plus(fresh),
            &|fresh, last| small(last).plus(small(last)).plus(fresh),
            &|fresh, last| fresh.plus(zero(last)),
            &|fresh, last| fresh.plus(small(zero(last).product(zero(last), &products))),
        ];
        for depth in 2..12 {
            let powers = chain(depth, |fresh, _| fresh);
            assert_eq!(powers.repeats, depth);
            for (index, disguise) in disguises.iter().enumerate() {
                let noise = chain(depth, disguise);
                assert!(
                    noise.repeats >= depth && noise.bound(&products) >= powers.bound(&products),
                    "{index}: {noise:?} for {powers:?}"
                );
            }
        }
    }

    #[test]
    fn a_new_mask_counts_once() {
        let products = products();
        let fresh = fresh(&products);
        let square = fresh.square(&products);
        assert_eq!(square, fresh.product(fresh, &products));
        assert_eq!((square.factors, square.repeats, square.newest), (2, 1, 2));
        // A sum keeps what is newer than all of the other term, in either order.
        for sum in [square.plus(fresh), fresh.plus(square)] {
            assert_eq!(sum.newest, 2);
            assert_eq!(square.product(sum, &products).repeats, 1);
        }
        // Two new masks may be the same one.
        let sum = square.plus(square);
        assert_eq!(sum.newest, 1);
        assert_eq!(square.product(sum, &products).repeats, 2);
        // But not for its own noise.
        assert_eq!(sum.square(&products).repeats, 1);
        assert_eq!(sum.square(&products).newest, 3);
    }

    #[test]
    fn plaintexts_have_no_mask() {
        let products = products();
        let square = fresh(&products).square(&products);
        let zero = square.times(Log2::ZERO);
        assert_eq!((zero.factors, zero.repeats, zero.newest), (1, 1, 1));
        let plaintext = zero.plus(BfvNoise::of_plaintext(&products));
        assert_eq!(square.product(plaintext, &products).newest, 1);
        assert_eq!(plaintext.product(square, &products).newest, 1);
    }
}
