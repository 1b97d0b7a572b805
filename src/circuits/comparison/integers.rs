//! Exact equality and order of integers modulo a prime, by interpolation.

use crate::circuits::Vector;
use crate::circuits::comparison::sign::invalid;
use crate::error::{Error, OperandError, Result, ValueError};
use crate::evaluator::{Evaluator, depth_of_power};
use crate::kernels::Modulus;
use crate::ring::is_prime;
use std::ops::RangeInclusive;

/// The most values that a range may have.
const MOST: u64 = 4096;

impl<E: Evaluator<Scalar = i64>> Vector<E> {
    /// 1 where a value equals the other vector's and 0 elsewhere, exactly. All values of both lie in `range`, of R values, and the plaintext
    /// modulus is a prime above 2 R; other values give arbitrary results.
    ///
    /// A polynomial of degree `2 R - 2` of the difference: `ceil(log2(2 R - 1))` consecutive multiplications.
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearIntegers;
    ///
    /// let evaluator = ClearIntegers::new(8, 257)?;
    /// let x = Vector::from_values(&evaluator, &[3, 5, -1])?;
    /// let y = Vector::from_values(&evaluator, &[3, 4, 7])?;
    /// assert_eq!(x.equals(&y, -8..=7)?.values(), [1, 0, 0]);
    /// assert_eq!(x.less_than(&y, -8..=7)?.values(), [0, 0, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for a range of fewer than 2 values,
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for one of more than 4096;
    /// [`OperandError::PlaintextModulus`](crate::OperandError::PlaintextModulus) if the modulus is too small or no prime;
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before the polynomial if the noise leaves no room for it; as [`sub`](Self::sub) and
    /// [`mul`](Self::mul).
    ///
    /// Source: I. Iliashenko, V. Zucca, "Faster homomorphic comparison operations for BGV and BFV" (eprint 2021/315), section 3.
    #[doc(alias = "EvalEqual")]
    pub fn equals(&self, other: &Self, range: RangeInclusive<i64>) -> Result<Self> {
        let count = count(&range)?;
        let t = self.prime_above(2 * count)?;
        let even = equality(&t, count);
        let coefficients: Vec<u64> = even.iter().flat_map(|&c| [c, 0]).collect();
        self.of_difference(other, &t, &coefficients, "an equality")
    }

    /// 1 where a value is less than the other vector's and 0 elsewhere, exactly, for values as in [`equals`](Self::equals), and with as
    /// many consecutive multiplications.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(5).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([3, 5, -1])?)?;
    /// let y = client.encrypt([3, 4, 2])?;
    /// assert_eq!(client.decrypt(&x.less_than(&y, -4..=5)?)?, [0, 0, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`equals`](Self::equals).
    #[doc(alias = "EvalCompare")]
    pub fn less_than(&self, other: &Self, range: RangeInclusive<i64>) -> Result<Self> {
        let count = count(&range)?;
        let t = self.prime_above(2 * count)?;
        // (1 - eq(z) - sg(z)) / 2 for z = x - y.
        let minus_half = t.neg(t.inverse(2));
        let mut even = equality(&t, count);
        even[0] = t.sub(even[0], 1);
        let mut odd = signs(&t, count);
        odd.push(0);
        let coefficients: Vec<u64> = even
            .iter()
            .zip(odd)
            .flat_map(|(&even, odd)| [even, odd].map(|c| t.mul(c, minus_half)))
            .collect();
        self.of_difference(other, &t, &coefficients, "a comparison")
    }

    /// 1 where a value equals the other vector's modulo the plaintext modulus t, a prime, and 0 elsewhere, exactly and for all values:
    /// `1 - (x - y)^(t - 1)`, with `ceil(log2(t - 1))` consecutive multiplications.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearIntegers};
    ///
    /// let evaluator = ClearIntegers::new(8, 17)?;
    /// let x = Vector::from_values(&evaluator, &[3, 8, -1])?;
    /// let y = Vector::from_values(&evaluator, &[3, 7, -1])?;
    /// assert_eq!(x.equals_modulo(&y)?.values(), [1, 0, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::PlaintextModulus`](crate::OperandError::PlaintextModulus) unless the modulus is a prime below 2^32; as [`equals`](Self::equals).
    pub fn equals_modulo(&self, other: &Self) -> Result<Self> {
        let t = self.prime_above(2)?;
        let exponent = u32::try_from(t.value() - 1).map_err(|_| unsuitable(2, t.value()))?;
        let difference = self.sub(other)?;
        difference.check_noise("an equality", depth_of_power(exponent))?;
        difference.power(exponent)?.negate()?.add_scalar(1)
    }

    /// The plaintext modulus, if it is a prime above `least`.
    fn prime_above(&self, least: u64) -> Result<Modulus> {
        let value = self.evaluator.plaintext_modulus().unwrap_or(0);
        if value > least && is_prime(value) {
            return Ok(Modulus::new(value));
        }
        Err(unsuitable(least, value))
    }

    /// The polynomial with these coefficients of `self - other`.
    fn of_difference(
        &self,
        other: &Self,
        t: &Modulus,
        coefficients: &[u64],
        operation: &'static str,
    ) -> Result<Self> {
        let difference = self.sub(other)?;
        let coefficients: Vec<i64> = coefficients.iter().map(|&c| t.centre(c)).collect();
        let used = coefficients.iter().rposition(|&c| c != 0).unwrap_or(0) + 1;
        let depth = used.next_power_of_two().trailing_zeros() as usize;
        difference.check_noise(operation, depth)?;
        difference.polyval(&coefficients)
    }

    /// Checks that the noise leaves room for so many multiplications, one after the other.
    fn check_noise(&self, operation: &'static str, needed: usize) -> Result<()> {
        let left = self.levels_left();
        if needed <= left {
            return Ok(());
        }
        Err(Error::Operands(OperandError::LevelExhausted {
            operation,
            needed,
            left,
        }))
    }
}

fn unsuitable(above: u64, modulus: u64) -> Error {
    Error::Operands(OperandError::PlaintextModulus { above, modulus })
}

/// The number of values in a range: 2 to [`MOST`].
fn count(range: &RangeInclusive<i64>) -> Result<u64> {
    let (low, high) = (*range.start(), *range.end());
    if low >= high {
        return Err(Error::Values(ValueError::InvalidInterval {
            low: low as f64,
            high: high as f64,
        }));
    }
    match high.abs_diff(low) {
        distance if distance < MOST => Ok(distance + 1),
        _ => Err(invalid(
            "integers are compared in a range of up to 4096 values; compare larger ones by digits",
        )),
    }
}

/// The polynomial in w = z^2 that is 1 for z = 0 and 0 for `z = +-1, .., +-(count - 1)`: the product of `1 - w / i^2`.
fn equality(t: &Modulus, count: u64) -> Vec<u64> {
    let mut product = vec![1];
    for i in 1..count {
        let inverse = t.inverse(t.mul(i, i));
        product.push(0);
        for k in (1..product.len()).rev() {
            product[k] = t.sub(product[k], t.mul(product[k - 1], inverse));
        }
    }
    product
}

/// The polynomial q in w = z^2 with z q(w) = 1 for `z = 1, .., count - 1`, by Newton's divided differences.
fn signs(t: &Modulus, count: u64) -> Vec<u64> {
    let inverses: Vec<u64> = (0..2 * count)
        .map(|i| if i == 0 { 0 } else { t.inverse(i) })
        .collect();
    let of = |i: u64| usize::try_from(i).map_or(0, |i| inverses[i]);
    let nodes: Vec<u64> = (1..count).collect();
    let mut differences: Vec<u64> = nodes.iter().map(|&i| of(i)).collect();
    for order in 1..nodes.len() {
        for k in (order..nodes.len()).rev() {
            // i^2 - j^2 = (i - j) (i + j)
            let (i, j) = (nodes[k], nodes[k - order]);
            let inverse = t.mul(of(i - j), of(i + j));
            differences[k] = t.mul(t.sub(differences[k], differences[k - 1]), inverse);
        }
    }
    // From Newton's form to powers of w.
    let mut polynomial: Vec<u64> = Vec::new();
    for (&i, &difference) in nodes.iter().zip(&differences).rev() {
        let node = t.mul(t.reduce(i), t.reduce(i));
        polynomial.insert(0, 0);
        for k in 0..polynomial.len() - 1 {
            polynomial[k] = t.sub(polynomial[k], t.mul(polynomial[k + 1], node));
        }
        polynomial[0] = t.add(polynomial[0], difference);
    }
    polynomial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_have_the_values_that_they_interpolate() {
        for (modulus, count) in [(5, 2), (17, 8), (257, 40), (65_537, 30)] {
            let t = Modulus::new(modulus);
            let at = |polynomial: &[u64], w| {
                polynomial
                    .iter()
                    .rev()
                    .fold(0, |sum, &c| t.add(t.mul(sum, w), c))
            };
            let (equality, signs) = (equality(&t, count), signs(&t, count));
            for z in 0..count {
                let w = t.mul(z, z);
                assert_eq!(at(&equality, w), u64::from(z == 0));
                assert_eq!(t.mul(z, at(&signs, w)), u64::from(z != 0));
            }
        }
    }
}
