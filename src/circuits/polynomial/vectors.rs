use crate::circuits::polynomial::chebyshev::{common_interval, evaluate_all};
use crate::circuits::polynomial::coefficient::Slotwise;
use crate::circuits::polynomial::interval::Interval;
use crate::circuits::{Chebyshev, Padding, Vector};
use crate::error::{Error, Result, ValueError, check_number};
use crate::evaluator::Evaluator;
use crate::parallel::try_map;
use std::borrow::Cow;
use std::slice;

/// Functions of every value.
impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The polynomial, or the function that it approximates, at each value. CKKS: takes [`Chebyshev::depth`] levels, and one more for a
    /// vector that was joined with one of length 1 or compacted, if its slots are not all in use: they are cleared first.
    ///
    /// Every value must lie in the polynomial's interval: outside, all slots of the ciphertext can be lost.
    /// [`Approximation::outside`](crate::circuits::Approximation::outside) tells which of known values do not.
    ///
    /// ```
    /// use slotwise::circuits::{Approximation, Vector};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[-2.0, 0.5, 3.0])?;
    /// let sigmoid = Approximation::sigmoid(-4.0..=4.0, 15)?;
    /// let y = x.evaluate(&sigmoid)?;
    /// assert!((y.values()[1] - 1.0 / (1.0 + (-0.5f64).exp())).abs() <= sigmoid.error());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Chebyshev::evaluate`].
    #[doc(alias("EvalChebyshevFunction", "EvalLogistic", "EvaluatePoly", "polyval"))]
    pub fn evaluate(&self, function: &impl AsRef<Chebyshev>) -> Result<Self> {
        let mut values = self.evaluate_many(slice::from_ref(function.as_ref()))?;
        values.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// Several polynomials at each value, as [`Chebyshev::evaluate_many`].
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(4).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::Chebyshev;
    ///
    /// let x = server.attach(client.encrypt([0.5, -0.5])?)?;
    /// let functions = [f64::sin, f64::cos].map(|f| Chebyshev::approximate(f, -1.0..=1.0, 8));
    /// let [sin, cos] = functions;
    /// let values = x.evaluate_many(&[sin?.polynomial().clone(), cos?.polynomial().clone()])?;
    /// assert_close(&client.decrypt(&values[1])?, &[0.5f64.cos(), 0.5f64.cos()]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Chebyshev::evaluate_many`].
    #[doc(alias = "EvalPowers")]
    pub fn evaluate_many(&self, polynomials: &[Chebyshev]) -> Result<Vec<Self>> {
        let interval = common_interval(polynomials)?;
        let vector = self.cleared_for(polynomials)?;
        let is_padded = self.packing.has_padding();
        // What slots without values have at first, and each polynomial there, subtracted from it so that they are 0 in the end.
        let inside = if interval.contains(0.0) {
            0.0
        } else {
            interval.middle()
        };
        let constants = polynomials
            .iter()
            .map(|p| if is_padded { p.at(inside) } else { 0.0 });
        let constants: Vec<f64> = constants.collect();
        let shifted = polynomials.iter().zip(&constants).map(|(p, &constant)| {
            let mut coefficients = p.coefficients().to_vec();
            coefficients[0] -= constant;
            Chebyshev::new(&coefficients, p.interval())
        });
        let shifted: Vec<_> = shifted.collect::<Result<_>>()?;
        let evaluate = |x: &_| Chebyshev::evaluate_many(&shifted, &self.evaluator, x);
        let chunks = vector.padded_within(interval)?;
        let values = try_map(chunks.len(), |i| evaluate(&chunks[i]))?;
        let vectors = constants.iter().enumerate().map(|(i, &constant)| {
            let chunks = values.iter().map(|values| values[i].clone()).collect();
            let vector = self.with_chunks(chunks, Padding::Zeros);
            if constant == 0.0 {
                Ok(vector)
            } else {
                vector.add_scalar(constant)
            }
        });
        vectors.collect()
    }

    /// A different polynomial at each value: number i at value i. All have one interval. Costs as much as one polynomial, and the
    /// encoding of its coefficients.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::Chebyshev;
    ///
    /// let x = server.attach(client.encrypt([0.5, 0.5])?)?;
    /// let line = Chebyshev::new(&[0.0, 1.0], -1.0..=1.0)?; // T_1(x) = x
    /// let parabola = Chebyshev::new(&[0.0, 0.0, 1.0], -1.0..=1.0)?; // T_2(x) = 2 x^2 - 1
    /// assert_close(&client.decrypt(&x.evaluate_each(&[line, parabola])?)?, &[0.5, -0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`evaluate_many`](Self::evaluate_many); [`OperandError::Count`](crate::OperandError::Count) unless there is a polynomial for each value.
    pub fn evaluate_each(&self, polynomials: &[Chebyshev]) -> Result<Self> {
        let interval = common_interval(polynomials)?;
        check_number(
            "polynomials (one for each value of the vector)",
            polynomials.len(),
            self.len(),
        )?;
        let longest = polynomials.iter().map(|p| p.coefficients().len()).max();
        // The coefficients of each power, in the slots of each ciphertext.
        let slots = (0..longest.unwrap_or(0)).map(|power| {
            let coefficient = |p: &Chebyshev| p.coefficients().get(power).copied().unwrap_or(0.0);
            self.packing
                .fill(&polynomials.iter().map(coefficient).collect::<Vec<_>>())
        });
        let slots: Vec<Vec<Vec<f64>>> = slots.collect::<Result<_>>()?;
        let chunks = self.cleared_for(polynomials)?.padded_within(interval)?;
        let chunks = try_map(chunks.len(), |i| {
            let coefficients = slots.iter().map(|power| Slotwise::new(power[i].clone()));
            let polynomial = [coefficients.collect()];
            let mut values = evaluate_all(interval, &polynomial, &self.evaluator, &chunks[i])?;
            values.pop().ok_or(Error::Values(ValueError::Empty))
        })?;
        // All coefficients are 0 beyond the values.
        Ok(self.with_chunks(chunks, Padding::Zeros))
    }

    /// The vector with zeros in the slots without values, whose content might lie outside of the interval.
    fn cleared_for(&self, polynomials: &[Chebyshev]) -> Result<Cow<'_, Self>> {
        let depth = polynomials.iter().map(Chebyshev::depth).max();
        self.check_depth("a polynomial", depth.unwrap_or(0) + self.levels_to_clear())?;
        self.cleared()
    }

    /// The ciphertexts, with a number of the interval in the slots without values instead of 0, if 0 is outside: there a
    /// polynomial could exceed the modulus.
    fn padded_within(&self, interval: Interval) -> Result<Vec<E::Ciphertext>> {
        if interval.contains(0.0) || !self.packing.has_padding() {
            return Ok(self.chunks.clone());
        }
        let used = self.packing.fill(&vec![1.0; self.len()])?;
        let pairs = self.chunks.iter().zip(used);
        pairs
            .map(|(chunk, used)| {
                let rest: Vec<f64> = used
                    .iter()
                    .map(|used| (1.0 - used) * interval.middle())
                    .collect();
                let position = self.evaluator.term_position(chunk)?;
                self.evaluator
                    .add_plain(chunk, &self.evaluator.encode_term(&rest, position)?)
            })
            .collect()
    }
}
