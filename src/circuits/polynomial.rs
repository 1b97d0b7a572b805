use crate::error::{Error, Result};
use crate::evaluator::Evaluator;

/// A polynomial with known coefficients, `c_0 + c_1 x + c_2 x^2 + ...`, evaluated on every slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial<S> {
    coefficients: Vec<S>,
}

impl<S: Copy + Default + PartialEq> Polynomial<S> {
    /// The polynomial with these coefficients, the constant first.
    ///
    /// # Errors
    /// [`Error::Empty`] for none.
    pub fn new(coefficients: &[S]) -> Result<Self> {
        if coefficients.is_empty() {
            return Err(Error::Empty);
        }
        let used = coefficients
            .iter()
            .rposition(|&c| c != S::default())
            .map_or(1, |last| last + 1);
        Ok(Self {
            coefficients: coefficients[..used].to_vec(),
        })
    }

    /// The constant coefficient.
    #[must_use]
    pub fn constant(&self) -> S {
        self.coefficients[0]
    }

    /// The polynomial without its constant: 0 at 0.
    #[must_use]
    pub fn without_constant(&self) -> Self {
        let mut coefficients = self.coefficients.clone();
        coefficients[0] = S::default();
        Self { coefficients }
    }

    /// The largest power of x, 0 for a constant.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// The polynomial at x, slot by slot, with about `2 sqrt(d)` products of ciphertexts for degree d and at most
    /// `ceil(log2(d + 1)) + 1` multiplications one after the other.
    ///
    /// # Errors
    /// As [`Evaluator::mul`], [`Evaluator::mul_scalar`] and [`Evaluator::add_scalar`].
    ///
    /// Source: M. Paterson, L. Stockmeyer, "On the Number of Nonscalar Multiplications Necessary to Evaluate Polynomials"
    /// (1973), with the halving recursion that keeps the depth logarithmic.
    pub fn evaluate<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        let count = self.coefficients.len();
        let bits = count.next_power_of_two().trailing_zeros();
        let babies = 1usize << bits.div_ceil(2).max(1);
        let mut powers = vec![x.clone()];
        for exponent in 2..=babies.min(self.degree().max(1)) {
            // x^n from halves: depth ceil(log2 n).
            let (low, high) = (exponent / 2, exponent.div_ceil(2));
            powers.push(evaluator.mul(&powers[low - 1], &powers[high - 1])?);
        }
        let mut giants = Vec::new();
        if babies < count {
            giants.push(powers[babies - 1].clone());
            while babies << giants.len() < count {
                let square = evaluator.square(&giants[giants.len() - 1])?;
                giants.push(square);
            }
        }
        let basis = PowerBasis {
            evaluator,
            babies,
            powers,
            giants,
        };
        match basis.evaluate(&self.coefficients)? {
            Some(value) => Ok(value),
            None => evaluator.add_scalar(&evaluator.mul_scalar(x, S::default())?, self.constant()),
        }
    }
}

/// The powers that an evaluation works with: x^1, ..., x^babies, and x^(babies 2^i).
struct PowerBasis<'a, E: Evaluator> {
    evaluator: &'a E,
    babies: usize,
    powers: Vec<E::Ciphertext>,
    giants: Vec<E::Ciphertext>,
}

impl<E: Evaluator> PowerBasis<'_, E> {
    /// The value, or `None` if all coefficients but the constant are 0.
    fn evaluate(&self, coefficients: &[E::Scalar]) -> Result<Option<E::Ciphertext>> {
        if coefficients.len() <= self.babies {
            return self.combine(coefficients);
        }
        // The largest giant power below the length splits it.
        let giant = (0..self.giants.len())
            .rev()
            .find(|&i| self.babies << i < coefficients.len())
            .unwrap_or(0);
        let (low, high) = coefficients.split_at(self.babies << giant);
        let power = &self.giants[giant];
        let product = match self.evaluate(high)? {
            Some(value) => Some(self.evaluator.mul(&value, power)?),
            None if high[0] != E::Scalar::default() => {
                Some(self.evaluator.mul_scalar(power, high[0])?)
            }
            None => None,
        };
        match (product, self.evaluate(low)?) {
            (Some(product), Some(low)) => self.evaluator.add(&product, &low).map(Some),
            (Some(product), None) => self.evaluator.add_scalar(&product, low[0]).map(Some),
            (None, low) => Ok(low),
        }
    }

    /// The linear combination of small powers.
    fn combine(&self, coefficients: &[E::Scalar]) -> Result<Option<E::Ciphertext>> {
        let terms = coefficients[1..]
            .iter()
            .zip(&self.powers)
            .filter(|&(&c, _)| c != E::Scalar::default())
            .map(|(&c, power)| self.evaluator.mul_scalar(power, c))
            .collect::<Result<Vec<_>>>()?;
        if terms.is_empty() {
            return Ok(None);
        }
        let sum = self.evaluator.add_many(&terms)?;
        if coefficients[0] == E::Scalar::default() {
            return Ok(Some(sum));
        }
        self.evaluator.add_scalar(&sum, coefficients[0]).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::{ClearIntegers, ClearReals};

    #[test]
    fn agrees_with_horner_for_every_degree() {
        let evaluator = ClearIntegers::new(8, 65_537).unwrap();
        let x = vec![0, 1, 2, -3, 100, -7, 9, 50];
        for degree in 0..40usize {
            let coefficients: Vec<i64> = (0..=degree as i64)
                .map(|i| (i * i * 31 + 5) % 97 - 40)
                .collect();
            let value = Polynomial::new(&coefficients)
                .unwrap()
                .evaluate(&evaluator, &x)
                .unwrap();
            for (&x, &value) in x.iter().zip(&value) {
                let horner = coefficients
                    .iter()
                    .rev()
                    .fold(0, |sum: i64, &c| (sum * x + c).rem_euclid(65_537));
                assert_eq!(value.rem_euclid(65_537), horner, "degree {degree} at {x}");
            }
        }
    }

    #[test]
    fn zero_coefficients_and_constants() {
        let evaluator = ClearReals::new(2);
        let at = |c: &[f64]| {
            Polynomial::new(c)
                .unwrap()
                .evaluate(&evaluator, &vec![2.0, -1.0])
                .unwrap()
        };
        assert_eq!(at(&[5.0]), [5.0, 5.0]);
        assert_eq!(at(&[0.0]), [0.0, 0.0]);
        assert_eq!(at(&[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]), [16.0, 1.0]);
        assert_eq!(at(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0]), [385.0, -2.0]);
        assert_eq!(Polynomial::<f64>::new(&[]).unwrap_err(), Error::Empty);
        assert_eq!(Polynomial::new(&[1.0, 2.0, 0.0]).unwrap().degree(), 1);
        assert_eq!(
            Polynomial::new(&[1.0, 2.0])
                .unwrap()
                .without_constant()
                .constant(),
            0.0
        );
    }
}
