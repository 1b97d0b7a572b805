use crate::circuits::polynomial::basis::Monomials;
use crate::circuits::polynomial::coefficient::Uniform;
use crate::circuits::polynomial::powers::{Powers, combination_depth, plan};
use crate::circuits::polynomial::tree::depth_of;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Evaluator, Number, check_numbers};

/// A polynomial with known coefficients, `c_0 + c_1 x + c_2 x^2 + ...`, evaluated on every slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Polynomial<S> {
    coefficients: Vec<S>,
}

impl<S: Number> Polynomial<S> {
    /// The polynomial with these coefficients, the constant first.
    ///
    /// ```
    /// # use slotwise::{circuits::Polynomial, evaluator::ClearIntegers};
    /// let polynomial = Polynomial::new(&[1, 0, 2])?; // 1 + 2 x^2
    /// assert_eq!(polynomial.evaluate(&ClearIntegers::new(2, 257)?, &vec![3, -1])?, [19, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn new(coefficients: &[S]) -> Result<Self> {
        if coefficients.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        check_numbers(coefficients)?;
        let used = coefficients
            .iter()
            .rposition(|&c| c != S::default())
            .map_or(1, |last| last + 1);
        Ok(Self {
            coefficients: coefficients[..used].to_vec(),
        })
    }
}

impl<S: Copy + Default + PartialEq> Polynomial<S> {
    /// The constant coefficient.
    ///
    /// ```
    /// # use slotwise::circuits::Polynomial;
    /// assert_eq!(Polynomial::new(&[1, 0, 2])?.constant(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn constant(&self) -> S {
        self.coefficients[0]
    }

    /// The polynomial without its constant: 0 at 0.
    ///
    /// ```
    /// # use slotwise::circuits::Polynomial;
    /// assert_eq!(Polynomial::new(&[1, 0, 2])?.without_constant().constant(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn without_constant(&self) -> Self {
        let mut coefficients = self.coefficients.clone();
        coefficients[0] = S::default();
        Self { coefficients }
    }

    /// The largest power of x, 0 for a constant.
    ///
    /// ```
    /// # use slotwise::circuits::Polynomial;
    /// assert_eq!(Polynomial::new(&[1, 0, 2, 0])?.degree(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// How many consecutive multiplications [`evaluate`](Self::evaluate) takes: `ceil(log2(d + 1))` for degree d, with the
    /// multiplications by coefficients; `log2(d)` if d is a power of two and `counts` says that the one by the highest coefficient
    /// is none.
    ///
    /// ```
    /// # use slotwise::circuits::Polynomial;
    /// let polynomial = Polynomial::new(&[0.0, 0.0, 0.5])?;
    /// assert_eq!(polynomial.depth(|_| true), 2); // x^2, and the product with 1/2
    /// assert_eq!(polynomial.depth(|_| false), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self, counts: impl Fn(S) -> bool) -> usize {
        depth_of(self.degree().max(1)) + usize::from(self.takes_one_more(counts))
    }

    /// Whether the depth is one more than that of the highest power.
    fn takes_one_more(&self, counts: impl Fn(S) -> bool) -> bool {
        self.degree() > 0
            && self.degree().is_power_of_two()
            && counts(self.coefficients[self.degree()])
    }

    /// The polynomial at x, slot by slot, with about `sqrt(2 d) + log2(d)` relinearizations for degree d. CKKS: the result is
    /// rescaled.
    ///
    /// ```
    /// # use slotwise::{circuits::Polynomial, evaluator::ClearReals};
    /// let polynomial = Polynomial::new(&[1.0, -1.0, 0.5])?;
    /// assert_eq!(polynomial.evaluate(&ClearReals::new(2), &vec![2.0, 0.0])?, [1.0, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before anything is computed if fewer levels are left than the [`depth`](Self::depth); as [`Evaluator::mul`],
    /// [`Evaluator::mul_scalar`] and [`Evaluator::add_scalar`].
    ///
    /// Source: M. Paterson, L. Stockmeyer, "On the Number of Nonscalar Multiplications Necessary to Evaluate Polynomials"
    /// (1973), with the recursion of least depth of J.-P. Bossuat et al. (eprint 2020/1203), section 4.
    pub fn evaluate<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        let counts = |coefficient| evaluator.takes_a_level(coefficient);
        let depth = self.depth(counts);
        evaluator.check_depth(x, "a polynomial", depth)?;
        let degree = self.degree();
        if degree == 0 {
            let zero = evaluator.mul_scalar(x, S::default())?;
            return evaluator.add_scalar(&zero, self.constant());
        }
        // A highest power whose coefficient takes no level stays as it is; the rest comes to its position.
        let is_separate = degree.is_power_of_two() && !self.takes_one_more(counts);
        let mut rest: Vec<_> = self.coefficients.iter().map(|&c| Uniform(c)).collect();
        if is_separate {
            rest.pop();
        }
        let polynomials = [(rest.as_slice(), depth)];
        let (trees, mut schedule) = plan(Monomials, &polynomials, combination_depth(evaluator));
        if !is_separate {
            let powers = Powers::new(evaluator, Monomials, x, &schedule)?;
            return powers.value(&trees[0], depth);
        }
        for power in (1..=degree.ilog2()).map(|log| 1usize << log) {
            schedule.entry(power).or_insert([power / 2; 2]);
        }
        let powers = Powers::new(evaluator, Monomials, x, &schedule)?;
        let highest = powers.member(degree);
        let product = evaluator.mul_scalar(highest, self.coefficients[degree])?;
        if rest[1..].iter().all(|c| *c == Uniform::default()) {
            return evaluator.add_scalar(&product, self.constant());
        }
        let at = evaluator.term_position(&product)?;
        evaluator.add(&product, &powers.value_at(&trees[0], at)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::{ClearIntegers, ClearReals, Position, SlotShape};
    use std::borrow::Borrow;

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
        fn check_all<C: Borrow<usize>>(&self, _: &[C]) -> Result<()> {
            Ok(())
        }
        fn with_more_keys<'a>(&'a self, _: &'a Self) -> Result<&'a Self> {
            Ok(self)
        }
        fn takes_a_level(&self, factor: f64) -> bool {
            factor.fract() != 0.0 || factor > 1e9
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
