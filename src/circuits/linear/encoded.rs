use crate::circuits::gather::signed;
use crate::circuits::slot_sums::folded;
use crate::circuits::{LinearMap, LinearPlan, Padding, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, Position, WeightedRotations};
use crate::parallel::try_map;
use std::borrow::Cow;
use std::fmt;

/// A linear map ready to be applied, as often as wanted: its diagonals encoded for one level.
///
/// Made by [`LinearMap::encode`], before any ciphertext exists, and applied by [`Vector::matmul`].
#[derive(Clone)]
#[doc(alias = "LinearTransformation")]
pub struct EncodedMap<E: Evaluator> {
    /// The one that encoded it.
    evaluator: E,
    plan: LinearPlan,
    position: Position,
    gain: f64,
    /// For each ciphertext of the output.
    sums: Vec<WeightedRotations<E::Plaintext>>,
}

impl<S: crate::evaluator::Number> LinearMap<S> {
    /// Encodes the map for vectors whose [`factor_position`](Evaluator::factor_position) is `position`, or for those of a lower level.
    ///
    /// Takes the time of one small transform and the memory of one period for each diagonal and prime.
    ///
    /// ```
    /// use slotwise::circuits::{LinearMap, Matrix, Vector};
    /// use slotwise::evaluator::{ClearReals, Position};
    ///
    /// let evaluator = ClearReals::new(8);
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// let encoded = map.encode(&evaluator, Position::at_level(0))?; // once, for all vectors
    /// let x = Vector::from_values(&evaluator, &[1.0, -1.0])?;
    /// assert_eq!(x.matmul(&encoded)?.values(), [-1.0, -1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`plan`](Self::plan) and [`Evaluator::encode_factor`].
    #[doc(alias = "EncodeLinearTransformation")]
    pub fn encode<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        position: Position,
    ) -> Result<EncodedMap<E>> {
        let (plan, diagonals) = self.plan_with_diagonals(evaluator.slot_shape())?;
        let (layout, split) = (&plan.layout, &plan.split);
        let diagonals: Vec<((usize, usize), usize, Vec<S>)> = diagonals
            .into_iter()
            .flat_map(|(pair, steps)| {
                let present = steps.into_iter().enumerate();
                present.filter_map(move |(step, diagonal)| Some((pair, step, diagonal?)))
            })
            .collect();
        let weights = try_map(diagonals.len(), |number| {
            let (_, step, diagonal) = &diagonals[number];
            let parts = split.parts(signed(*step));
            let values = layout.moved(diagonal, *step, parts);
            evaluator.encode_periodic_factor(&values, position)
        })?;
        let empty = || {
            let sum = WeightedRotations::new(layout.inputs(), &split.babies, &split.giants);
            if split.nested { sum.nested() } else { sum }
        };
        let mut sums: Vec<_> = (0..layout.output.chunks()).map(|_| empty()).collect();
        let index = |steps: &[i64], step| steps.binary_search(&step).unwrap_or(usize::MAX);
        for (((sum, input), step, _), weight) in diagonals.iter().zip(weights) {
            let [giant, baby] = split.parts(signed(*step));
            let place = (
                index(&split.giants, giant),
                *input,
                index(&split.babies, baby),
            );
            sums[*sum].set(place, weight)?;
        }
        let gain = self.gain();
        Ok(EncodedMap {
            evaluator: evaluator.clone(),
            plan,
            position,
            gain,
            sums,
        })
    }
}

impl<E: Evaluator> EncodedMap<E> {
    /// How the map is evaluated: the rotations whose keys it needs, the number of key switches.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// use slotwise::circuits::{LinearMap, Matrix};
    ///
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1, 2], [3, 4]])?);
    /// let x = client.encrypt([1, -1])?;
    /// let encoded = map.encode(x.evaluator(), x.factor_position()?)?;
    /// let server = client.generate_server_key(&encoded.plan().rotations())?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.matmul(&encoded)?)?, [-1, -1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn plan(&self) -> &LinearPlan {
        &self.plan
    }

    /// The position that it was encoded for.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// # use slotwise::evaluator::{ClearReals, Position};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0]])?);
    /// let encoded = map.encode(&ClearReals::new(8), Position::at_level(0))?;
    /// assert_eq!(encoded.position().level(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The number of values that the map takes.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// # use slotwise::evaluator::{ClearReals, Position};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0]])?);
    /// assert_eq!(map.encode(&ClearReals::new(8), Position::at_level(0))?.inputs(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.plan.layout.input.len()
    }

    /// The number of values that it gives.
    ///
    /// ```
    /// # use slotwise::circuits::{LinearMap, Matrix};
    /// # use slotwise::evaluator::{ClearReals, Position};
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0]])?);
    /// assert_eq!(map.encode(&ClearReals::new(8), Position::at_level(0))?.outputs(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.plan.layout.output.len()
    }

    /// All that can be wrong with an operand, before any work.
    fn check(&self, x: &Vector<E>) -> Result<()> {
        let layout = &self.plan.layout;
        check_input(x.len(), self.inputs(), self.outputs())?;
        if x.packing != layout.input {
            return Err(Error::Operands(OperandError::Count {
                what: "slots of a ciphertext (as many as the evaluator has that encoded the map)",
                have: x.packing.shape().slots(),
                need: layout.input.shape().slots(),
            }));
        }
        self.evaluator.with_more_keys(&x.evaluator)?;
        x.check_depth(OPERATION, 1)?;
        for chunk in &x.chunks {
            let level = x.evaluator.factor_position(chunk)?.level();
            let encoded = self.position.level();
            if level > encoded {
                return Err(Error::Operands(OperandError::EncodedForLowerLevel {
                    encoded,
                    level,
                }));
            }
        }
        let rotations = self.plan.rotations();
        x.evaluator.check_rotations(&rotations, OPERATION)
    }

    /// A sum of weighted rotations, and what brings the parts of its values together.
    fn sum(
        &self,
        evaluator: &E,
        inputs: &[&E::Ciphertext],
        (number, bound): (usize, f64),
    ) -> Result<E::Ciphertext> {
        let mut sum = evaluator.weighted_rotations(inputs, &self.sums[number])?;
        sum = evaluator.assume_message_bound(sum, bound)?;
        sum = folded(evaluator, sum, &self.plan.layout.folds(), bound)?;
        if self.plan.layout.folds_rows() {
            sum = evaluator.add(&sum, &evaluator.conjugate(&sum)?)?;
        }
        Ok(sum)
    }
}

impl<E: Evaluator> Vector<E> {
    /// The vector under a linear map. With [`LinearMap::vector_matrix`] this is numpy's `x @ M`, with [`LinearMap::matrix_vector`] `A x`.
    ///
    /// Takes one level (CKKS) whatever the shape of the map, and its [plan](EncodedMap::plan)'s key switches. The padding of the result is zero,
    /// whatever that of this vector is.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::{LinearMap, Matrix};
    ///
    /// let x = server.attach(client.encrypt([1.0, 2.0])?)?;
    /// let map = LinearMap::vector_matrix(&Matrix::from_rows(&[[0.5, 1.0], [0.25, 0.0]])?);
    /// let encoded = map.encode(x.evaluator(), x.factor_position()?)?; // serves any number of vectors
    /// assert_close(&client.decrypt(&x.matmul(&encoded)?)?, &[1.0, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InputLength`](crate::OperandError::InputLength) unless the vector has as many values as the map takes;
    /// [`OperandError::EncodedForLowerLevel`](crate::OperandError::EncodedForLowerLevel); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey);
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing. All of these before any work.
    ///
    /// Source: S. Halevi, V. Shoup, "Algorithms in HElib" (eprint 2014/106), and eprint 2018/244: diagonals, baby and giant steps.
    #[doc(alias("mm", "EvalLinearTransform", "LinearTransform"))]
    #[doc(alias("EvaluateMany", "EvaluateSequential"))]
    pub fn matmul(&self, map: &EncodedMap<E>) -> Result<Self> {
        map.check(self)?;
        let evaluator = &self.evaluator;
        let settled: Vec<Cow<'_, E::Ciphertext>> = self
            .chunks
            .iter()
            .map(|chunk| evaluator.settle(chunk))
            .collect::<Result<_>>()?;
        let swapped: Vec<E::Ciphertext> = settled
            .iter()
            .filter(|_| map.plan.layout.swaps_inputs())
            .map(|chunk| evaluator.conjugate(chunk))
            .collect::<Result<_>>()?;
        let inputs: Vec<&E::Ciphertext> =
            settled.iter().map(AsRef::as_ref).chain(&swapped).collect();
        // Partial sums of an output's terms are below the sum of their magnitudes, too.
        let largest = evaluator.weighted_sum_bound(&self.chunks, &[E::Scalar::from(1)]);
        let bound = (largest * map.gain * ROUNDING).max(f64::MIN_POSITIVE);
        let chunks = try_map(map.sums.len(), |number| {
            map.sum(evaluator, &inputs, (number, bound))
        })?;
        let packing = map.plan.layout.output;
        Ok(Self::new(evaluator, packing, chunks, Padding::Zeros))
    }
}

impl<E: Evaluator> fmt::Debug for EncodedMap<E> {
    /// The lengths, and the level.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs, level) = (self.inputs(), self.outputs(), self.position.level());
        write!(out, "EncodedMap({inputs} to {outputs}, level {level})")
    }
}

/// What errors call the operation.
const OPERATION: &str = "a linear map";

/// Covers the rounding of a sum of magnitudes.
const ROUNDING: f64 = 1.0 + 1e-6;

/// Checks the length of a map's operand.
pub(super) fn check_input(length: usize, takes: usize, gives: usize) -> Result<()> {
    if length == takes {
        return Ok(());
    }
    Err(Error::Operands(OperandError::InputLength {
        length,
        takes,
        gives,
    }))
}
