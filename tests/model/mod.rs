//! The textbook that the crate is compared with: polynomials of `Z[X]/(X^N + 1)` over big integers, products by the
//! schoolbook, slots by evaluation at roots of unity. No RNS, no NTT, none of the crate's arithmetic.

#![allow(dead_code, reason = "each test file uses its own part")]

use num_bigint::{BigInt, BigUint};
use num_complex::Complex64;
use slotwise::encryption::Ciphertext;
use slotwise::ring::{Integers, NttPoly};

/// A polynomial of `Z[X]/(X^N + 1)`, constant coefficient first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Polynomial(pub(crate) Vec<BigInt>);

impl Polynomial {
    /// The polynomial with small coefficients.
    pub(crate) fn from_words(coefficients: &[i64]) -> Self {
        Self(coefficients.iter().map(|&c| c.into()).collect())
    }

    /// `self + other`
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }

    /// `self - other`
    pub(crate) fn sub(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a - b).collect())
    }

    /// `-self`
    pub(crate) fn negate(&self) -> Self {
        Self(self.0.iter().map(|a| -a).collect())
    }

    /// The schoolbook product, with `X^N = -1`.
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let degree = self.0.len();
        let mut product = vec![BigInt::ZERO; degree];
        for (i, a) in self.0.iter().enumerate() {
            for (j, b) in other.0.iter().enumerate() {
                if i + j < degree {
                    product[i + j] += a * b;
                } else {
                    product[i + j - degree] -= a * b;
                }
            }
        }
        Self(product)
    }

    /// `self * factor`
    pub(crate) fn scale(&self, factor: &BigInt) -> Self {
        Self(self.0.iter().map(|a| a * factor).collect())
    }

    /// `self(X^exponent)` for an odd exponent.
    pub(crate) fn automorphism(&self, exponent: u64) -> Self {
        let degree = self.0.len();
        let mut image = vec![BigInt::ZERO; degree];
        for (i, a) in self.0.iter().enumerate() {
            let position = (i as u128 * u128::from(exponent) % (2 * degree as u128)) as usize;
            if position < degree {
                image[position] = a.clone();
            } else {
                image[position - degree] = -a;
            }
        }
        Self(image)
    }

    /// Every coefficient reduced to `[-modulus/2, modulus/2)`.
    pub(crate) fn centred(&self, modulus: &BigInt) -> Self {
        Self(self.0.iter().map(|a| centre(a, modulus)).collect())
    }

    /// `round(self / divisor)`, halves upwards.
    pub(crate) fn divide_rounding(&self, divisor: &BigInt) -> Self {
        Self(self.0.iter().map(|a| round_quotient(a, divisor)).collect())
    }

    /// The largest magnitude of a coefficient.
    pub(crate) fn norm(&self) -> BigUint {
        let magnitudes = self.0.iter().map(|a| a.magnitude().clone());
        magnitudes.max().unwrap_or_default()
    }
}

/// `floor(a / divisor)` for a positive divisor.
fn floor_quotient(a: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient = a / divisor;
    if &quotient * divisor > *a {
        quotient - 1
    } else {
        quotient
    }
}

/// The integer nearest to `a / divisor` for a positive divisor.
fn round_quotient(a: &BigInt, divisor: &BigInt) -> BigInt {
    floor_quotient(&(a * 2 + divisor), &(divisor * 2))
}

/// `a` modulo a positive modulus, in `[-modulus/2, modulus/2)`.
fn centre(a: &BigInt, modulus: &BigInt) -> BigInt {
    let residue = a - floor_quotient(a, modulus) * modulus;
    if &residue * 2 >= *modulus {
        residue - modulus
    } else {
        residue
    }
}

/// A BFV message: a polynomial modulo t, as the paper has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Residues in `[0, t)`.
    pub(crate) coefficients: Vec<u64>,
    /// t.
    pub(crate) modulus: u64,
}

impl Message {
    /// The message with the given coefficients.
    pub(crate) fn new(coefficients: &[u64], modulus: u64) -> Self {
        assert!(coefficients.iter().all(|&c| c < modulus));
        Self {
            coefficients: coefficients.to_vec(),
            modulus,
        }
    }

    /// The constant `value`.
    pub(crate) fn constant(value: i64, degree: usize, modulus: u64) -> Self {
        let mut coefficients = vec![0; degree];
        coefficients[0] = i128::from(value).rem_euclid(i128::from(modulus)) as u64;
        Self {
            coefficients,
            modulus,
        }
    }

    fn polynomial(&self) -> Polynomial {
        Polynomial(self.coefficients.iter().map(|&c| c.into()).collect())
    }

    fn reduce(polynomial: &Polynomial, modulus: u64) -> Self {
        let modulus_big = BigInt::from(modulus);
        let coefficients = polynomial
            .0
            .iter()
            .map(|c| u64::try_from(c - floor_quotient(c, &modulus_big) * &modulus_big).unwrap())
            .collect();
        Self {
            coefficients,
            modulus,
        }
    }

    /// `self + other`
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self::reduce(&self.polynomial().add(&other.polynomial()), self.modulus)
    }

    /// `self - other`
    pub(crate) fn sub(&self, other: &Self) -> Self {
        Self::reduce(&self.polynomial().sub(&other.polynomial()), self.modulus)
    }

    /// `-self`
    pub(crate) fn negate(&self) -> Self {
        Self::reduce(&self.polynomial().negate(), self.modulus)
    }

    /// The negacyclic product.
    pub(crate) fn mul(&self, other: &Self) -> Self {
        // The schoolbook on words: the big integers would give the same, an order of magnitude slower.
        let (degree, t) = (self.coefficients.len(), u128::from(self.modulus));
        let mut product = vec![0u64; degree];
        for (i, &a) in self.coefficients.iter().enumerate() {
            for (j, &b) in other.coefficients.iter().enumerate() {
                let term = u128::from(a) * u128::from(b) % t;
                let (place, term) = if i + j < degree {
                    (i + j, term)
                } else {
                    (i + j - degree, t - term)
                };
                product[place] = ((u128::from(product[place]) + term) % t) as u64;
            }
        }
        Self::new(&product, self.modulus)
    }

    /// `self * factor`
    pub(crate) fn scale(&self, factor: i64) -> Self {
        Self::reduce(&self.polynomial().scale(&factor.into()), self.modulus)
    }

    /// `self^exponent`
    pub(crate) fn power(&self, exponent: u32) -> Self {
        (1..exponent).fold(self.clone(), |power, _| power.mul(self))
    }

    /// Both rows rotated by `step` to the left: `X -> X^(5^step)`, a negative step as its residue modulo the row.
    pub(crate) fn rotate(&self, step: i64) -> Self {
        let degree = self.coefficients.len();
        let exponent = rotation_exponent(step, degree);
        Self::reduce(&self.polynomial().automorphism(exponent), self.modulus)
    }

    /// The two rows exchanged: `X -> X^(2N - 1)`.
    pub(crate) fn swap_rows(&self) -> Self {
        let exponent = 2 * self.coefficients.len() as u64 - 1;
        Self::reduce(&self.polynomial().automorphism(exponent), self.modulus)
    }

    /// The values at `zeta^(5^j)` and then at `zeta^(-5^j)`, for j up to N/2 and zeta the smallest primitive 2N-th root of
    /// unity modulo the prime t.
    pub(crate) fn slots(&self) -> Vec<u64> {
        let (degree, t) = (self.coefficients.len(), u128::from(self.modulus));
        let zeta = u128::from(smallest_root_of_unity(self.modulus, degree));
        let mut powers = vec![1u128];
        (1..2 * degree).for_each(|i| powers.push(powers[i - 1] * zeta % t));
        slot_exponents(degree)
            .into_iter()
            .map(|exponent| {
                let at = powers[exponent];
                let horner = |sum: u128, &c: &u64| (sum * at + u128::from(c)) % t;
                self.coefficients.iter().rev().fold(0, horner) as u64
            })
            .collect()
    }
}

/// `5^step` modulo 2N, a negative step as its residue modulo the row of N/2 slots.
pub(crate) fn rotation_exponent(step: i64, degree: usize) -> u64 {
    let order = 2 * degree as u64;
    let step = i128::from(step).rem_euclid(degree as i128 / 2);
    (0..step).fold(1, |exponent, _| exponent * 5 % order)
}

/// The exponents of zeta of all N slots: `5^j`, then `-5^j`, modulo 2N.
fn slot_exponents(degree: usize) -> Vec<usize> {
    let order = 2 * degree;
    let mut first = vec![1];
    (1..degree / 2).for_each(|j| first.push(first[j - 1] * 5 % order));
    let second: Vec<usize> = first.iter().map(|exponent| order - exponent).collect();
    [first, second].concat()
}

/// The smallest primitive 2N-th root of unity modulo the prime t, by trying `2^k, 3^k, ...` with `k = (t - 1) / 2N` for one
/// and looking through its odd powers.
pub(crate) fn smallest_root_of_unity(t: u64, degree: usize) -> u64 {
    let order = 2 * degree as u64;
    assert_eq!(t % order, 1, "t is 1 modulo 2N");
    let power = |base: u64, exponent: u64| {
        let t = BigUint::from(t);
        let power = BigUint::from(base).modpow(&exponent.into(), &t);
        u64::try_from(power).unwrap()
    };
    let root = (2..t)
        .map(|base| power(base, (t - 1) / order))
        .find(|&root| power(root, degree as u64) == t - 1)
        .expect("a prime t has a generator");
    let square = u128::from(root) * u128::from(root) % u128::from(t);
    let mut smallest = root;
    let mut odd_power = root;
    for _ in 0..degree {
        odd_power = (u128::from(odd_power) * square % u128::from(t)) as u64;
        smallest = smallest.min(odd_power);
    }
    smallest
}

/// A CKKS message: the values in all N/2 slots.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slots(pub(crate) Vec<Complex64>);

impl Slots {
    /// The slots with real values.
    pub(crate) fn real(values: &[f64]) -> Self {
        Self(values.iter().map(|&x| Complex64::new(x, 0.0)).collect())
    }

    /// `self + other`
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }

    /// `self - other`
    pub(crate) fn sub(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a - b).collect())
    }

    /// `-self`
    pub(crate) fn negate(&self) -> Self {
        Self(self.0.iter().map(|a| -a).collect())
    }

    /// `self * other`, slot by slot.
    pub(crate) fn mul(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a * b).collect())
    }

    /// `self + value` in every slot.
    pub(crate) fn add_scalar(&self, value: f64) -> Self {
        Self(self.0.iter().map(|a| a + value).collect())
    }

    /// `self * value` in every slot.
    pub(crate) fn scale(&self, value: f64) -> Self {
        Self(self.0.iter().map(|a| a * value).collect())
    }

    /// `self^exponent`
    pub(crate) fn power(&self, exponent: u32) -> Self {
        (1..exponent).fold(self.clone(), |power, _| power.mul(self))
    }

    /// Slot j of the result is slot `j + step` of this.
    pub(crate) fn rotate(&self, step: i64) -> Self {
        let count = self.0.len() as i128;
        let from = |j: i128| self.0[(j + i128::from(step)).rem_euclid(count) as usize];
        Self((0..count).map(from).collect())
    }

    /// The complex conjugate in each slot.
    pub(crate) fn conjugate(&self) -> Self {
        Self(self.0.iter().map(|a| a.conj()).collect())
    }

    /// The values at `zeta^(5^j)`, j up to N/2, of the polynomial with the given real coefficients, for
    /// `zeta = exp(i pi / N)`: the definition of the slots.
    pub(crate) fn of_coefficients(coefficients: &[f64]) -> Self {
        let degree = coefficients.len();
        let root =
            |k: usize| Complex64::from_polar(1.0, std::f64::consts::PI * k as f64 / degree as f64);
        let powers: Vec<Complex64> = (0..2 * degree).map(root).collect();
        let value = |&exponent: &usize| {
            let terms = coefficients.iter().enumerate();
            terms
                .map(|(k, &c)| c * powers[k * exponent % (2 * degree)])
                .sum()
        };
        Self(
            slot_exponents(degree)[..degree / 2]
                .iter()
                .map(value)
                .collect(),
        )
    }

    /// The largest distance in any slot.
    pub(crate) fn distance(&self, other: &[Complex64]) -> f64 {
        assert_eq!(self.0.len(), other.len());
        let distances = self.0.iter().zip(other).map(|(a, b)| (a - b).norm());
        // Unlike f64::max, this keeps a NaN.
        distances.fold(0.0, |largest, distance| {
            if distance <= largest {
                largest
            } else {
                distance
            }
        })
    }
}

/// The product of a ciphertext's primes.
pub(crate) fn modulus(ciphertext: &Ciphertext) -> BigInt {
    let primes = ciphertext.polys()[0].basis().primes();
    primes.into_iter().map(BigInt::from).product()
}

/// The prime that the next rescale or modulus switch divides by.
pub(crate) fn last_prime(ciphertext: &Ciphertext) -> BigInt {
    let primes = ciphertext.polys()[0].basis().primes();
    BigInt::from(primes[primes.len() - 1])
}

/// A ciphertext's polynomials as integers in `[-Q/2, Q/2)`.
pub(crate) fn recompose(ciphertext: &Ciphertext) -> Vec<Polynomial> {
    let integers = |poly: &NttPoly| {
        let composed = Integers::new(poly.basis()).compose(&poly.clone().into_coeff());
        Polynomial(composed)
    };
    ciphertext.polys().iter().map(integers).collect()
}

/// `(c0 d0, c0 d1 + c1 d0, c1 d1)` over the integers.
pub(crate) fn tensor(c: &[Polynomial], d: &[Polynomial]) -> Vec<Polynomial> {
    assert_eq!((c.len(), d.len()), (2, 2));
    vec![
        c[0].mul(&d[0]),
        c[0].mul(&d[1]).add(&c[1].mul(&d[0])),
        c[1].mul(&d[1]),
    ]
}

/// Checks a raw BFV product against `round(t/Q c_i d_j) mod Q`.
///
/// The crate scales the second operand to a modulus R at least 16 times larger than Q and rounds it there by at most a half:
/// that changes each of the N terms of a product of polynomials by at most `t/R Q/2 1/2 <= t/64`. One more for the roundings
/// themselves.
pub(crate) fn check_bfv_tensor(a: &Ciphertext, b: &Ciphertext, product: &Ciphertext, t: u64) {
    let modulus = modulus(a);
    let textbook = tensor(&recompose(a), &recompose(b));
    let degree = textbook[0].0.len() as u64;
    let products = recompose(product);
    assert_eq!(products.len(), 3);
    for (index, (got, exact)) in products.iter().zip(&textbook).enumerate() {
        let want = exact.scale(&t.into()).divide_rounding(&modulus);
        let terms = if index == 1 { 2 * degree } else { degree };
        let slack = BigUint::from(terms) * t / 64u32 + 1u32;
        let error = got.sub(&want).centred(&modulus).norm();
        assert!(
            error <= slack,
            "polynomial {index}: off by {error}, allowed {slack}"
        );
    }
}

/// Checks a raw CKKS product: exact modulo Q.
pub(crate) fn check_ckks_tensor(a: &Ciphertext, b: &Ciphertext, product: &Ciphertext) {
    let modulus = modulus(a);
    let textbook = tensor(&recompose(a), &recompose(b));
    let want: Vec<Polynomial> = textbook.iter().map(|p| p.centred(&modulus)).collect();
    assert_eq!(recompose(product), want);
}

/// Checks a rescale or a modulus switch: `round(c / q)` modulo what is left, exactly.
pub(crate) fn check_division(before: &Ciphertext, after: &Ciphertext) {
    let (prime, modulus) = (last_prime(before), modulus(after));
    let want: Vec<Polynomial> = recompose(before)
        .iter()
        .map(|p| p.divide_rounding(&prime).centred(&modulus))
        .collect();
    assert_eq!(after.level() + 1, before.level());
    assert_eq!(recompose(after), want);
}
