use crate::error::{Error, Result, ValueError};
use crate::evaluator::Evaluator;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A polynomial with known coefficients, `c_0 + c_1 x + c_2 x^2 + ...`, evaluated on every slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial<S> {
    coefficients: Vec<S>,
}

impl<S: Copy + Default + PartialEq> Polynomial<S> {
    /// The polynomial with these coefficients, the constant first.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none.
    pub fn new(coefficients: &[S]) -> Result<Self> {
        if coefficients.is_empty() {
            return Err(Error::Values(ValueError::Empty));
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

    /// How many multiplications, one after the other, [`evaluate`](Self::evaluate) makes; multiplications by coefficients for which
    /// `counts` says so are among them.
    #[must_use]
    pub fn depth(&self, counts: impl Fn(S) -> bool) -> usize {
        let shape = Shape::of(self);
        shape
            .depth(&self.coefficients, &counts)
            .unwrap_or_else(|| usize::from(counts(S::default())))
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
        let depth = self.depth(|coefficient| evaluator.takes_a_level(coefficient));
        evaluator.check_depth(x, "a polynomial", depth)?;
        let shape = Shape::of(self);
        let babies = shape.babies;
        // All are multiplied more than once.
        let mut powers = vec![evaluator.settle(x)?.into_owned()];
        for exponent in 2..=babies.min(self.degree().max(1)) {
            // x^n from halves: depth ceil(log2 n).
            let (low, high) = (exponent / 2, exponent.div_ceil(2));
            powers.push(evaluator.mul_settled(&powers[low - 1], &powers[high - 1])?);
        }
        let mut giants = Vec::new();
        for number in 0..shape.giants {
            giants.push(match number.checked_sub(1) {
                None => powers[babies - 1].clone(),
                Some(last) => evaluator.mul_settled(&giants[last], &giants[last])?,
            });
        }
        let mut basis = PowerBasis {
            evaluator,
            shape,
            powers,
            lowered: BTreeMap::new(),
            giants,
        };
        match basis.evaluate(&self.coefficients)? {
            Some(value) => Ok(value),
            None => evaluator.add_scalar(&evaluator.mul_scalar(x, S::default())?, self.constant()),
        }
    }
}

/// Which powers an evaluation works with.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// The powers up to this one, a power of two,
    babies: usize,
    /// and so many squares one after the other, from this one on.
    giants: usize,
}

impl Shape {
    fn of<S>(polynomial: &Polynomial<S>) -> Self {
        let count = polynomial.coefficients.len();
        let bits = count.next_power_of_two().trailing_zeros();
        let babies = 1usize << bits.div_ceil(2).max(1);
        let giants = if babies < count {
            (1..).find(|&giants| babies << giants >= count).unwrap_or(1)
        } else {
            0
        };
        Self { babies, giants }
    }

    /// The giant that splits so many coefficients, more than there are babies: the largest that leaves some above it.
    fn giant_for(self, count: usize) -> usize {
        (0..self.giants)
            .rev()
            .find(|&giant| self.babies << giant < count)
            .unwrap_or(0)
    }

    /// The depth of [`PowerBasis::evaluate`], `None` where that is.
    fn depth<S: Copy + Default + PartialEq>(
        self,
        coefficients: &[S],
        counts: &impl Fn(S) -> bool,
    ) -> Option<usize> {
        if coefficients.len() <= self.babies {
            let terms = (1..).zip(&coefficients[1..]);
            return terms
                .filter(|&(_, &c)| c != S::default())
                .map(|(power, &c)| depth_of(power) + usize::from(counts(c)))
                .max();
        }
        let giant = self.giant_for(coefficients.len());
        let (low, high) = coefficients.split_at(self.babies << giant);
        let power = depth_of(self.babies << giant);
        let product = match self.depth(high, counts) {
            Some(depth) => Some(depth.max(power) + 1),
            None => (high[0] != S::default()).then(|| power + usize::from(counts(high[0]))),
        };
        product.max(self.depth(low, counts))
    }
}

/// The depth of a power made of halves.
fn depth_of(power: usize) -> usize {
    power.next_power_of_two().trailing_zeros() as usize
}

/// The powers that an evaluation works with: x^1, ..., x^babies, and x^(babies 2^i).
struct PowerBasis<'a, E: Evaluator> {
    evaluator: &'a E,
    shape: Shape,
    powers: Vec<E::Ciphertext>,
    /// Small powers, by index and level, at lower levels than their own.
    lowered: BTreeMap<(usize, usize), E::Ciphertext>,
    giants: Vec<E::Ciphertext>,
}

impl<E: Evaluator> PowerBasis<'_, E> {
    /// The value, or `None` if all coefficients but the constant are 0.
    fn evaluate(&mut self, coefficients: &[E::Scalar]) -> Result<Option<E::Ciphertext>> {
        if coefficients.len() <= self.shape.babies {
            return self.combine(coefficients);
        }
        let giant = self.shape.giant_for(coefficients.len());
        let (low, high) = coefficients.split_at(self.shape.babies << giant);
        let product = match self.evaluate(high)? {
            Some(value) => Some(self.evaluator.mul(&value, &self.giants[giant])?),
            None if high[0] != E::Scalar::default() => {
                Some(self.evaluator.mul_scalar(&self.giants[giant], high[0])?)
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
    fn combine(&mut self, coefficients: &[E::Scalar]) -> Result<Option<E::Ciphertext>> {
        let used = coefficients[1..].iter().enumerate();
        let used = || used.clone().filter(|&(_, &c)| c != E::Scalar::default());
        // All products at one level, that of the lowest: each power comes to its place once for all combinations, not each product.
        let evaluator = self.evaluator;
        let cost = |coefficient| usize::from(evaluator.takes_a_level(coefficient));
        let levels = used().map(|(power, &c)| self.level(power).saturating_sub(cost(c)));
        let lowest = levels.min().unwrap_or(0);
        let mut terms = Vec::new();
        for (power, &coefficient) in used() {
            let power = self.power_at(power, lowest + cost(coefficient))?;
            terms.push(evaluator.mul_scalar(power, coefficient)?);
        }
        if terms.is_empty() {
            return Ok(None);
        }
        let sum = self.evaluator.add_many(&terms)?;
        if coefficients[0] == E::Scalar::default() {
            return Ok(Some(sum));
        }
        self.evaluator.add_scalar(&sum, coefficients[0]).map(Some)
    }

    /// The level of a power.
    fn level(&self, power: usize) -> usize {
        let position = self.evaluator.factor_position(&self.powers[power]);
        position.map_or(0, |position| position.level())
    }

    /// A power at `level`, or at its own if that is not higher.
    fn power_at(&mut self, power: usize, level: usize) -> Result<&E::Ciphertext> {
        if level >= self.level(power) {
            return Ok(&self.powers[power]);
        }
        Ok(match self.lowered.entry((power, level)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(self.evaluator.drop_to_level(&self.powers[power], level)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::{ClearIntegers, ClearReals, Position, SlotShape};

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
        assert_eq!(
            Polynomial::<f64>::new(&[]).unwrap_err(),
            Error::Values(ValueError::Empty)
        );
        assert_eq!(Polynomial::new(&[1.0, 2.0, 0.0]).unwrap().degree(), 1);
        assert_eq!(
            Polynomial::new(&[1.0, 2.0])
                .unwrap()
                .without_constant()
                .constant(),
            0.0
        );
    }

    /// Counts the multiplications that come one after the other: a "ciphertext" is their number.
    #[derive(Clone)]
    struct Depths;

    impl Evaluator for Depths {
        type Ciphertext = usize;
        type Plaintext = ();
        type Scalar = f64;

        fn slot_shape(&self) -> SlotShape {
            SlotShape {
                rows: 1,
                columns: 1,
            }
        }
        fn scalar(count: usize) -> f64 {
            count as f64
        }
        fn check_all(&self, _: &[usize]) -> Result<()> {
            Ok(())
        }
        fn with_more_keys<'a>(&'a self, _: &'a Self) -> Result<&'a Self> {
            Ok(self)
        }
        fn takes_a_level(&self, factor: f64) -> bool {
            factor.fract() != 0.0
        }
        fn encode_factor(&self, _: &[f64], _: Position) -> Result<()> {
            Ok(())
        }
        fn encode_term(&self, _: &[f64], _: Position) -> Result<()> {
            Ok(())
        }
        fn add(&self, a: &usize, b: &usize) -> Result<usize> {
            Ok(*a.max(b))
        }
        fn sub(&self, a: &usize, b: &usize) -> Result<usize> {
            Ok(*a.max(b))
        }
        fn negate(&self, a: &usize) -> Result<usize> {
            Ok(*a)
        }
        fn mul(&self, a: &usize, b: &usize) -> Result<usize> {
            Ok(a.max(b) + 1)
        }
        fn add_plain(&self, a: &usize, (): &()) -> Result<usize> {
            Ok(*a)
        }
        fn sub_plain(&self, a: &usize, (): &()) -> Result<usize> {
            Ok(*a)
        }
        fn mul_plain(&self, a: &usize, (): &()) -> Result<usize> {
            Ok(a + 1)
        }
        fn add_scalar(&self, a: &usize, _: f64) -> Result<usize> {
            Ok(*a)
        }
        fn mul_scalar(&self, a: &usize, b: f64) -> Result<usize> {
            Ok(a + usize::from(self.takes_a_level(b)))
        }
        fn rotate_left(&self, a: &usize, _: i64) -> Result<usize> {
            Ok(*a)
        }
        fn rotate_many(&self, a: &usize, steps: &[i64]) -> Result<Vec<usize>> {
            Ok(vec![*a; steps.len()])
        }
        fn conjugate(&self, a: &usize) -> Result<usize> {
            Ok(*a)
        }
    }

    #[test]
    fn the_depth_is_known_in_advance() {
        let check = |coefficients: &[f64]| {
            let polynomial = Polynomial::new(coefficients).unwrap();
            let counted = polynomial.evaluate(&Depths, &0).unwrap();
            let depth = polynomial.depth(|c| Depths.takes_a_level(c));
            assert_eq!(depth, counted, "{coefficients:?}");
            let degree = polynomial.degree();
            assert!(depth <= (degree + 1).next_power_of_two().ilog2() as usize + 1);
        };
        for degree in 0..70u32 {
            for pattern in 0..24u32 {
                // Zeros, integers and fractions in all arrangements.
                let coefficient = |i: u32| match (i * (pattern + 1) + pattern) % (pattern % 5 + 2) {
                    0 => 0.0,
                    1 => 0.5,
                    _ => 3.0,
                };
                check(&(0..=degree).map(coefficient).collect::<Vec<_>>());
            }
            let mut single = vec![0.0; degree as usize];
            single.push(1.0);
            check(&single);
        }
    }
}
