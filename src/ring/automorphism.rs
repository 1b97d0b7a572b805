use crate::kernels::{BlockPermutation, Modulus};
use crate::ring::primes::wide_pow;
use crate::ring::{CoeffPoly, NttPoly};
use std::fmt;
use std::ops::Range;

/// The odd exponent g modulo 2N of the automorphism `X -> X^g`.
///
/// With slot j of the first row at the root `zeta^(5^j)` and of the second (its conjugate) at `zeta^(-5^j)`, `5^k` rotates
/// both rows by k to the left and `2N - 1` swaps them (CKKS: complex conjugation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GaloisElement(u64);

impl GaloisElement {
    /// The rotation by `step` slots to the left (to the right where negative) of rows of N/2 slots.
    #[must_use]
    pub fn rotation(step: i64, degree: usize) -> Self {
        // A row has a slot at least.
        let order = 2 * degree.max(2) as u64;
        let row = order / 4;
        let exponent = step.rem_euclid(row.cast_signed()).cast_unsigned();
        Self(wide_pow(5, exponent, order))
    }

    /// The rotation or conjugation `X -> X^exponent`, the identity excepted; `None` for any other exponent.
    #[must_use]
    pub(crate) fn from_exponent(exponent: u64, degree: usize) -> Option<Self> {
        let order = 2 * degree as u64;
        // The powers of 5 modulo a power of two are the residues that are 1 modulo 4.
        let rotation = exponent < order && exponent % 4 == 1 && exponent != 1;
        (rotation || exponent == order - 1).then_some(Self(exponent))
    }

    /// Complex conjugation of CKKS slots; the swap of the two rows of BFV slots.
    #[must_use]
    pub fn conjugation(degree: usize) -> Self {
        Self(2 * degree as u64 - 1)
    }

    /// g.
    #[must_use]
    pub fn exponent(self) -> u64 {
        self.0
    }

    /// `g h` modulo 2N: first one automorphism, then the other.
    #[must_use]
    pub fn compose(self, other: Self, degree: usize) -> Self {
        Self(self.0 * other.0 % (2 * degree as u64))
    }

    /// g^-1 modulo 2N: the automorphism that undoes this one.
    #[must_use]
    pub fn inverse(self, degree: usize) -> Self {
        let order = 2 * degree as u64;
        // The group of odd residues modulo 2^k has exponent 2^(k-2) and every square has order dividing it, so
        // g^(N-1) * g = g^N = 1 for N = 2^(k-1).
        Self(wide_pow(self.0, degree as u64 - 1, order))
    }
}

impl CoeffPoly {
    /// `a(X^g)`
    #[must_use]
    pub fn automorphism(&self, element: GaloisElement) -> Self {
        let degree = self.basis().degree();
        let mask = 2 * degree as u64 - 1;
        let mut image = self.unspecified_like(self.basis());
        image.for_each_row(|i, row| {
            let q = self.basis().modulus(i);
            let mut exponent = 0u64;
            for &coefficient in self.row(i) {
                // X^(k g) is X^(k g mod 2N), and X^(N + j) is -X^j.
                let position = to_index(exponent);
                if position < degree {
                    row[position] = coefficient;
                } else {
                    row[position - degree] = q.neg(coefficient);
                }
                exponent = (exponent + element.exponent()) & mask;
            }
        });
        image
    }
}

/// Where each NTT value of `a(X^g)` comes from among those of a.
#[derive(Clone)]
pub struct NttPermutation(BlockPermutation);

impl NttPermutation {
    /// The permutation of `element` at `degree`.
    #[must_use]
    pub fn new(element: GaloisElement, degree: usize) -> Self {
        let bits = degree.trailing_zeros();
        let mask = 2 * degree as u64 - 1;
        // Position i holds the value at psi^(2 brv(i) + 1); that of a(X^g) is a's at psi^(g (2 brv(i) + 1)).
        let reverse = |index: u64| index.reverse_bits() >> (u64::BITS - bits);
        let sources: Vec<usize> = (0..degree as u64)
            .map(|i| {
                let exponent = (2 * reverse(i) + 1).wrapping_mul(element.exponent()) & mask;
                to_index(reverse(exponent >> 1))
            })
            .collect();
        Self(BlockPermutation::new(&sources))
    }

    /// One row of `a(X^g)` from that of a.
    pub(crate) fn permute(&self, q: &Modulus, row: &mut [u64], source: &[u64]) {
        q.kernels().permute(row, source, &self.0);
    }

    /// Where the values at `places`, an aligned power of two of at least 8, come from: where that part of the row begins, and the
    /// permutation within.
    pub(crate) fn part(&self, places: Range<usize>) -> (usize, Self) {
        let (start, part) = self.0.part(places);
        (start, Self(part))
    }
}

impl fmt::Debug for NttPermutation {
    /// The degree only: the places are many.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NttPermutation(degree {})", self.0.len())
    }
}

impl NttPoly {
    /// `a(X^g)`, for the permutation of g at this degree.
    ///
    /// # Panics
    /// If the permutation is of another degree.
    #[must_use]
    pub fn automorphism(&self, permutation: &NttPermutation) -> Self {
        assert_eq!(
            permutation.0.len(),
            self.basis().degree(),
            "a permutation of this degree"
        );
        let mut image = self.unspecified_like(self.basis());
        image.for_each_row(|i, row| {
            permutation.permute(self.basis().modulus(i), row, self.row(i));
        });
        image
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an exponent below 2N is at most 2^18"
)]
fn to_index(exponent: u64) -> usize {
    exponent as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{RnsBasis, Seed, expand_seed, ntt_primes};
    use std::sync::Arc;

    #[test]
    fn the_imaginary_unit_is_a_monomial() {
        for degree in [8, 16, 256] {
            let sizes = [30, 50, 60].into_iter();
            let primes: Vec<u64> = sizes
                .filter_map(|bits| ntt_primes(bits, degree).next())
                .collect();
            let basis = Arc::new(RnsBasis::new(degree, &primes).unwrap());
            let poly: NttPoly = expand_seed(&basis, &Seed([5; 32]), 0);
            let mut monomial = vec![0; degree];
            monomial[degree / 2] = 1;
            let monomial = CoeffPoly::from_signed(&basis, &monomial).into_ntt();
            assert_eq!(poly.times_imaginary_unit(), poly.product(&monomial));
        }
    }

    #[test]
    fn both_forms_agree() {
        for degree in [8, 64, 1024] {
            let primes: Vec<u64> = ntt_primes(30, degree).take(2).collect();
            let basis = Arc::new(RnsBasis::new(degree, &primes).unwrap());
            let coefficients: Vec<i64> = (0..degree as i64).map(|i| i * i - 7 * i + 3).collect();
            let a = CoeffPoly::from_signed(&basis, &coefficients);
            let elements = [1, -1, 3].map(|step| GaloisElement::rotation(step, degree));
            for element in elements
                .into_iter()
                .chain([GaloisElement::conjugation(degree)])
            {
                let direct = a.automorphism(element);
                let permutation = NttPermutation::new(element, degree);
                assert_eq!(
                    a.clone().into_ntt().automorphism(&permutation).into_coeff(),
                    direct
                );
                assert_eq!(direct.automorphism(element.inverse(degree)), a);
            }
        }
    }

    #[test]
    fn rotations_compose_and_wrap() {
        assert_eq!(
            GaloisElement::rotation(3, 16),
            GaloisElement::rotation(-5, 16)
        );
        assert_eq!(
            GaloisElement::rotation(i64::MIN, 16),
            GaloisElement::rotation(0, 16)
        );
        assert_eq!(GaloisElement::rotation(0, 16).exponent(), 1);
    }
}
