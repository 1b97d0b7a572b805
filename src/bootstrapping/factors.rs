//! The transforms between slots and coefficients in the clear, as products of few sparse matrices given by their diagonals.

use crate::ring::as_f64;
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// A matrix on n slots with few diagonals: `(M v)[j] = sum_d diagonal_d[j] v[j + d]`. Every diagonal repeats with the period.
///
/// Source: K. Han, M. Hhan, J. H. Cheon, "Improved Homomorphic Discrete Fourier Transforms and FHE Bootstrapping" (eprint 2018/1073).
#[derive(Clone, Debug)]
pub(super) struct Factor {
    pub(super) period: usize,
    /// By the distance d, a multiple of [`stride`](Self::stride).
    pub(super) diagonals: BTreeMap<i64, Vec<Complex64>>,
    /// The greatest common divisor of all distances.
    pub(super) stride: usize,
}

/// Which way a transform goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Complex numbers in natural order to the slots of the polynomial that has them as coefficients, in bit-reversed order.
    SlotsToCoefficients,
    /// Back: the slots of a polynomial with coefficients in bit-reversed order to these coefficients, in natural order.
    CoefficientsToSlots,
}

impl Direction {
    /// The factors in order of use, for `2^(sum of radices)` slots. A factor of radix r merges r layers of the FFT. Their product is
    /// `U R` or its inverse, with U the matrix of the canonical embedding and R the bit reversal.
    pub(super) fn factors(self, radices: &[u32]) -> Vec<Factor> {
        let layers: u32 = radices.iter().sum();
        let slots = 1usize << layers;
        let mut first = match self {
            Self::SlotsToCoefficients => 0,
            Self::CoefficientsToSlots => layers,
        };
        let factor = |&radix: &u32| {
            if self == Self::CoefficientsToSlots {
                first -= radix;
            }
            let layers = (first..first + radix).map(|layer| Factor::layer(self, layer, slots));
            let merged = layers.reduce(|lower, upper| match self {
                Self::SlotsToCoefficients => upper.times(&lower, slots),
                Self::CoefficientsToSlots => lower.times(&upper, slots),
            });
            if self == Self::SlotsToCoefficients {
                first += radix;
            }
            merged
        };
        radices.iter().filter_map(factor).collect()
    }
}

impl Factor {
    /// One layer of the FFT or of its inverse, with blocks of `2^(layer + 1)` slots.
    fn layer(direction: Direction, layer: u32, slots: usize) -> Self {
        let half = 1usize << layer;
        let mut power = 1;
        let order = 8 * half;
        let roots: Vec<Complex64> = (0..half)
            .map(|_| {
                let root = Complex64::cis(2.0 * PI * as_f64(power) / as_f64(order));
                power = power * 5 % order;
                root
            })
            .collect();
        let both = |upper: &dyn Fn(Complex64) -> Complex64,
                    lower: &dyn Fn(Complex64) -> Complex64| {
            let halves = [upper, lower];
            let values = halves
                .into_iter()
                .flat_map(|half| roots.iter().map(move |&root| half(root)));
            values.collect::<Vec<_>>()
        };
        let (zero, one) = (Complex64::ZERO, Complex64::ONE);
        let [own, next, previous] = match direction {
            Direction::SlotsToCoefficients => [
                both(&|_| one, &|root| -root),
                both(&|root| root, &|_| zero),
                both(&|_| zero, &|_| one),
            ],
            Direction::CoefficientsToSlots => [
                both(&|_| one / 2.0, &|root| -root.conj() / 2.0),
                both(&|_| one / 2.0, &|_| zero),
                both(&|_| zero, &|root| root.conj() / 2.0),
            ],
        };
        let mut factor = Self {
            period: 2 * half,
            diagonals: BTreeMap::new(),
            stride: half,
        };
        let distance = as_i64(half);
        for (distance, values) in [(0, own), (distance, next), (-distance, previous)] {
            factor.add(distance, values, slots);
        }
        factor
    }

    /// `self other`: the matrix that applies `other` first.
    fn times(&self, other: &Self, slots: usize) -> Self {
        let mut product = Self {
            period: self.period.max(other.period),
            diagonals: BTreeMap::new(),
            stride: self.stride.min(other.stride),
        };
        for (&first, a) in &self.diagonals {
            for (&second, b) in &other.diagonals {
                let value = |j: usize| a[j % a.len()] * b[wrapped(as_i64(j) + first, b.len())];
                let values = (0..product.period).map(value).collect();
                product.add(first + second, values, slots);
            }
        }
        product
            .diagonals
            .retain(|_, values| values.iter().any(|value| *value != Complex64::ZERO));
        product
    }

    fn add(&mut self, distance: i64, values: Vec<Complex64>, slots: usize) {
        // A matrix over all slots wraps around: distances are counted to one side only.
        let distance = if self.period == slots {
            distance.rem_euclid(as_i64(slots))
        } else {
            distance
        };
        match self.diagonals.get_mut(&distance) {
            Some(sum) => sum
                .iter_mut()
                .zip(values)
                .for_each(|(sum, value)| *sum += value),
            None => {
                self.diagonals.insert(distance, values);
            }
        }
    }

    /// All entries times a number.
    pub(super) fn scale(&mut self, factor: f64) {
        let values = self.diagonals.values_mut().flatten();
        values.for_each(|value| *value *= factor);
    }
}

/// The position of an index in a vector that repeats with the period.
pub(super) fn wrapped(index: i64, period: usize) -> usize {
    usize::try_from(index.rem_euclid(as_i64(period))).unwrap_or(0)
}

pub(super) fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrapping::tests::bit_reversed;
    use crate::ring::Embedding;

    fn apply(factors: &[Factor], mut v: Vec<Complex64>) -> Vec<Complex64> {
        for factor in factors {
            let value = |j: usize| {
                let terms = factor.diagonals.iter();
                let terms = terms.map(|(&d, diagonal)| {
                    diagonal[j % factor.period] * v[wrapped(as_i64(j) + d, v.len())]
                });
                terms.sum()
            };
            v = (0..v.len()).map(value).collect();
        }
        v
    }

    #[test]
    fn factors_multiply_to_the_embedding_of_bit_reversed_coefficients() {
        for (to_coefficients, to_slots) in [
            (vec![4, 4], vec![3, 3, 2]),
            (vec![5], vec![2, 3]),
            (vec![6, 5], vec![4, 4, 3]),
        ] {
            let slots = 1usize << to_slots.iter().sum::<u32>();
            let v: Vec<_> = (0..slots)
                .map(|j| Complex64::cis((j * j) as f64 * 0.37) * (1.0 + j as f64).ln())
                .collect();
            let forward = Direction::SlotsToCoefficients.factors(&to_coefficients);
            let mut expected = bit_reversed(&v);
            Embedding::new(slots).evaluate(&mut expected);
            let got = apply(&forward, v.clone());
            assert!(
                got.iter()
                    .zip(&expected)
                    .all(|(a, b)| (a - b).norm() < 1e-10)
            );
            let back = apply(&Direction::CoefficientsToSlots.factors(&to_slots), got);
            assert!(back.iter().zip(&v).all(|(a, b)| (a - b).norm() < 1e-11));
        }
    }

    #[test]
    fn diagonals_are_few_and_periods_short() {
        let shape = |factor: &Factor| (factor.diagonals.len(), factor.stride, factor.period);
        let to_slots = Direction::CoefficientsToSlots.factors(&[3, 3, 3]);
        assert_eq!(
            to_slots.iter().map(shape).collect::<Vec<_>>(),
            [(8, 64, 512), (15, 8, 64), (15, 1, 8)]
        );
        let to_coefficients = Direction::SlotsToCoefficients.factors(&[5, 4]);
        assert_eq!(
            to_coefficients.iter().map(shape).collect::<Vec<_>>(),
            [(63, 1, 32), (16, 32, 512)]
        );
    }
}
