use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::{
    EncodedSums, LinearCombination, Number, PeriodicSums, Position, ProductSum, RefreshLevels,
    WeightedRotations,
};
use crate::keys::Rotations;
use std::borrow::{Borrow, Cow};

/// What a circuit may do to encrypted vectors, whatever the scheme: written once for any `E: Evaluator`, a circuit runs on
/// [`CkksEvaluator`](crate::evaluator::CkksEvaluator), on [`BfvEvaluator`](crate::evaluator::BfvEvaluator), and in the clear on
/// [`ClearReals`](crate::evaluator::ClearReals) and [`ClearIntegers`](crate::evaluator::ClearIntegers).
///
/// Operands are never changed, except the first one of operations in place, whose names end in `_assign`: the result is that of the
/// operation without it, and an error leaves the operand as it was. Products are relinearized; CKKS results are rescaled when they are next multiplied, and
/// operands of different level and scale are aligned: while a level is left, within the error that they have.
///
/// ```
/// use slotwise::evaluator::{ClearReals, Evaluator};
///
/// /// x^2 + 2 x, rotated.
/// fn circuit<E: Evaluator>(evaluator: &E, x: &E::Ciphertext) -> slotwise::Result<E::Ciphertext> {
///     let sum = evaluator.add(&evaluator.square(x)?, &evaluator.add(x, x)?)?;
///     evaluator.rotate_left(&sum, 1)
/// }
///
/// assert_eq!(circuit(&ClearReals::new(4), &vec![1.0, 2.0, 3.0, 4.0])?, [8.0, 15.0, 24.0, 3.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an evaluator",
    label = "not an `Evaluator`",
    note = "evaluators are `CkksEvaluator`, `BfvEvaluator`, `ClearReals`, `ClearIntegers` and the forecasts; a vector has one (`vector.evaluator()`), \
            and so does a server key (`server.evaluator()`)"
)]
pub trait Evaluator: Clone + Send + Sync {
    /// An encrypted vector of [`slot_shape`](Self::slot_shape) slots.
    type Ciphertext: Clone + Send + Sync;
    /// A vector that the evaluator knows, prepared for one kind of use.
    type Plaintext: Send + Sync;
    /// A number in a slot.
    type Scalar: Number;

    /// The arrangement of the slots.
    fn slot_shape(&self) -> SlotShape;

    /// The number `count` as it stands in a slot.
    fn scalar(count: usize) -> Self::Scalar;

    /// Checks that ciphertexts are of this evaluator and belong together, so that they can form one vector.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch); in the clear [`OperandError::SlotMismatch`](crate::OperandError::SlotMismatch).
    fn check_all<C: Borrow<Self::Ciphertext>>(&self, ciphertexts: &[C]) -> Result<()>;

    /// Chooses the evaluator for operands of two: the one with more keys, or this one if both have as many.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) if the two have different parameters; in the clear
    /// [`OperandError::SlotMismatch`](crate::OperandError::SlotMismatch) for another number of slots, [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for another modulus.
    fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self>;

    /// How many more consecutive multiplications of `a` fit: `usize::MAX` where levels are not counted.
    fn levels_left(&self, a: &Self::Ciphertext) -> usize {
        let _ = a;
        usize::MAX
    }

    /// A bound on the magnitude of every sum of slots of `terms`, each slot multiplied by a different one of `weights`. Infinite where
    /// magnitudes are not tracked.
    fn weighted_sum_bound<C: Borrow<Self::Ciphertext>>(
        &self,
        terms: &[C],
        weights: &[Self::Scalar],
    ) -> f64 {
        let _ = (terms, weights);
        f64::INFINITY
    }

    /// Shrinks `a` for transmission to the client: afterwards it can be decrypted but not usefully computed on. In the clear `a`
    /// stays as it is.
    ///
    /// # Errors
    /// What decryption would refuse: [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted), [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge);
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    fn compact(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        Ok(a.clone())
    }

    /// Checks that `depth` multiplications of `a`, one after the other, fit, so that a circuit that knows its depth says so
    /// before it begins. Nothing to check where levels are not counted.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) with the name of the operation.
    fn check_depth(
        &self,
        a: &Self::Ciphertext,
        operation: &'static str,
        depth: usize,
    ) -> Result<()> {
        let _ = (a, operation, depth);
        Ok(())
    }

    /// States that the slots of a ciphertext repeat with a period, for evaluators that refresh by themselves. That they do is not checked.
    fn assume_period(&self, a: &Self::Ciphertext, period: usize) {
        let _ = (a, period);
    }

    /// Refreshes those of the operands of an operation on vectors that lack `depth` levels, if this evaluator does so by itself; operands that are not
    /// refreshed are as they were.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    fn refresh_for(&self, operands: &[&Self::Ciphertext], depth: usize) -> Result<()> {
        let _ = (operands, depth);
        Ok(())
    }

    /// [`refresh_for`](Self::refresh_for), and [`check_depth`](Self::check_depth) of all.
    ///
    /// # Errors
    /// Those of both.
    fn prepare(
        &self,
        all: &[&Self::Ciphertext],
        operation: &'static str,
        depth: usize,
    ) -> Result<()> {
        self.refresh_for(all, depth)?;
        let check = |a: &&Self::Ciphertext| self.check_depth(a, operation, depth);
        all.iter().try_for_each(check)
    }

    /// Whether operations on vectors are to be made in the order of the program, not several at once.
    fn keeps_order(&self) -> bool {
        false
    }

    /// Whether [`mul_scalar`](Self::mul_scalar) by this factor counts as a multiplication.
    fn takes_a_level(&self, factor: Self::Scalar) -> bool {
        let _ = factor;
        true
    }

    /// Checks that there are keys for all of these rotations.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing and the name of the operation.
    fn check_rotations(&self, rotations: &Rotations, operation: &'static str) -> Result<()> {
        self.check_rotations_at(rotations, 0, operation)
    }

    /// [`check_rotations`](Self::check_rotations) of what is at this level: keys for lower levels only are missing, too. Where levels are not
    /// counted, keys are for all of them.
    ///
    /// # Errors
    /// As [`check_rotations`](Self::check_rotations).
    fn check_rotations_at(
        &self,
        rotations: &Rotations,
        level: usize,
        operation: &'static str,
    ) -> Result<()> {
        let _ = (rotations, level, operation);
        Ok(())
    }

    /// The position of plaintexts that multiply `a`. In CKKS this is the level that `a` has once its pending rescales are done.
    /// Where levels are not counted, all positions are alike.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) if `a` cannot be multiplied any more.
    fn factor_position(&self, a: &Self::Ciphertext) -> Result<Position> {
        self.term_position(a)
    }

    /// The position of plaintexts that are added to `a` or subtracted from it: the level and scale of `a`. Where levels are not
    /// counted, all positions are alike.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    fn term_position(&self, a: &Self::Ciphertext) -> Result<Position> {
        let _ = a;
        Ok(Position::at_level(0))
    }

    /// Encodes `values` in the first slots and 0 in the rest, for [`mul_plain`](Self::mul_plain) with ciphertexts whose
    /// [`factor_position`](Self::factor_position) is `position`.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty), [`ValueError::TooManyValues`](crate::ValueError::TooManyValues), [`ValueError::NotFinite`](crate::ValueError::NotFinite);
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if the parameters have no such level. CKKS: [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) at level 0,
    /// where nothing can be multiplied; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times values does not fit the level.
    fn encode_factor(&self, values: &[Self::Scalar], position: Position)
    -> Result<Self::Plaintext>;

    /// Encodes `values` in the first slots and 0 in the rest, for [`add_plain`](Self::add_plain) and [`sub_plain`](Self::sub_plain) with ciphertexts
    /// whose [`term_position`](Self::term_position) is `position`.
    ///
    /// # Errors
    /// As [`encode_factor`](Self::encode_factor), except that level 0 has terms in CKKS, too.
    fn encode_term(&self, values: &[Self::Scalar], position: Position) -> Result<Self::Plaintext>;

    /// `a + b`
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch), [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch).
    fn add(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext>;

    /// [`add`](Self::add) in place.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn add_assign(&self, a: &mut Self::Ciphertext, b: &Self::Ciphertext) -> Result<()> {
        *a = self.add(a, b)?;
        Ok(())
    }

    /// `a - b`
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn sub(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext>;

    /// [`sub`](Self::sub) in place.
    ///
    /// # Errors
    /// As [`sub`](Self::sub).
    fn sub_assign(&self, a: &mut Self::Ciphertext, b: &Self::Ciphertext) -> Result<()> {
        *a = self.sub(a, b)?;
        Ok(())
    }

    /// `-a`
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    fn negate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext>;

    /// [`negate`](Self::negate) in place.
    ///
    /// # Errors
    /// As [`negate`](Self::negate).
    fn negate_assign(&self, a: &mut Self::Ciphertext) -> Result<()> {
        *a = self.negate(a)?;
        Ok(())
    }

    /// The slot-wise product, relinearized.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey), [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted),
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    fn mul(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext>;

    /// `a * a`, a little faster.
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    fn square(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        self.mul(a, a)
    }

    /// `a` with what it waits for done now, a rescale in CKKS: once, rather than in each of several products that use it.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    fn settle<'a>(&self, a: &'a Self::Ciphertext) -> Result<Cow<'a, Self::Ciphertext>> {
        Ok(Cow::Borrowed(a))
    }

    /// The product, [settled](Self::settle), faster than one after the other: for what is multiplied again.
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    fn mul_settled(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        self.mul(a, b)
    }

    /// States that no slot of `a` exceeds `bound` in magnitude, for circuits that know a tighter bound than the tracked one: the smaller
    /// of both holds from then on. The statement is not checked. BFV tracks no magnitudes.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is positive.
    fn assume_message_bound(&self, a: Self::Ciphertext, bound: f64) -> Result<Self::Ciphertext> {
        check_message_bound(bound)?;
        Ok(a)
    }

    /// `a + b`
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) or [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if b was prepared for another level or
    /// scale.
    fn add_plain(&self, a: &Self::Ciphertext, b: &Self::Plaintext) -> Result<Self::Ciphertext>;

    /// [`add_plain`](Self::add_plain) in place.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    fn add_plain_assign(&self, a: &mut Self::Ciphertext, b: &Self::Plaintext) -> Result<()> {
        *a = self.add_plain(a, b)?;
        Ok(())
    }

    /// `a - b`
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    fn sub_plain(&self, a: &Self::Ciphertext, b: &Self::Plaintext) -> Result<Self::Ciphertext>;

    /// [`sub_plain`](Self::sub_plain) in place.
    ///
    /// # Errors
    /// As [`sub_plain`](Self::sub_plain).
    fn sub_plain_assign(&self, a: &mut Self::Ciphertext, b: &Self::Plaintext) -> Result<()> {
        *a = self.sub_plain(a, b)?;
        Ok(())
    }

    /// `a - b` with the known vector on the left.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    fn plain_sub(&self, a: &Self::Plaintext, b: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        self.add_plain(&self.negate(b)?, a)
    }

    /// `a * b`
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel), [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    fn mul_plain(&self, a: &Self::Ciphertext, b: &Self::Plaintext) -> Result<Self::Ciphertext>;

    /// [`mul_plain`](Self::mul_plain) in place.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain).
    fn mul_plain_assign(&self, a: &mut Self::Ciphertext, b: &Self::Plaintext) -> Result<()> {
        *a = self.mul_plain(a, b)?;
        Ok(())
    }

    /// `a + b` in every slot.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    fn add_scalar(&self, a: &Self::Ciphertext, b: Self::Scalar) -> Result<Self::Ciphertext>;

    /// [`add_scalar`](Self::add_scalar) in place.
    ///
    /// # Errors
    /// As [`add_scalar`](Self::add_scalar).
    fn add_scalar_assign(&self, a: &mut Self::Ciphertext, b: Self::Scalar) -> Result<()> {
        *a = self.add_scalar(a, b)?;
        Ok(())
    }

    /// `a * b` in every slot. CKKS: an integer of up to 30 bits costs no level.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain); [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    fn mul_scalar(&self, a: &Self::Ciphertext, b: Self::Scalar) -> Result<Self::Ciphertext>;

    /// [`mul_scalar`](Self::mul_scalar) in place.
    ///
    /// # Errors
    /// As [`mul_scalar`](Self::mul_scalar).
    fn mul_scalar_assign(&self, a: &mut Self::Ciphertext, b: Self::Scalar) -> Result<()> {
        *a = self.mul_scalar(a, b)?;
        Ok(())
    }

    /// The slots of each row moved `step` places to the left (to the right where negative), around the row's end. Composed
    /// of the Galois keys at hand if the step has none of its own.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized).
    fn rotate_left(&self, a: &Self::Ciphertext, step: i64) -> Result<Self::Ciphertext>;

    /// The slots of each row moved `step` places to the right.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left).
    fn rotate_right(&self, a: &Self::Ciphertext, step: i64) -> Result<Self::Ciphertext> {
        // Reduced before it is negated: i64::MIN has no negative.
        let columns = i64::try_from(self.slot_shape().columns).unwrap_or(i64::MAX);
        self.rotate_left(a, -step.rem_euclid(columns))
    }

    /// [`rotate_left`](Self::rotate_left) by each step, sharing the work that depends on `a` alone.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left); [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all steps where several
    /// keys are missing.
    fn rotate_many(&self, a: &Self::Ciphertext, steps: &[i64]) -> Result<Vec<Self::Ciphertext>>;

    /// The sum of `a` rotated to the left by all sums of different `steps`, 0 included, as if each step added the rotation of what is
    /// there: `1, 2, 4` give the sum of 8 neighbours. No sum on the way exceeds `bound` in magnitude, which is not checked.
    ///
    /// Takes a rotation for each step. Where two steps in a row and their sum (1, 2 and 3) have keys of their own, the three rotations
    /// share digits and one division, which is faster at small degrees.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left), [`add`](Self::add) and [`assume_message_bound`](Self::assume_message_bound).
    #[doc(alias = "RotateAndAdd")]
    fn rotate_and_sum(
        &self,
        a: &Self::Ciphertext,
        steps: &[i64],
        bound: f64,
    ) -> Result<Self::Ciphertext> {
        let mut sum = Cow::Borrowed(a);
        for &step in steps {
            let total = self.add(&sum, &self.rotate_left(&sum, step)?)?;
            sum = Cow::Owned(self.assume_message_bound(total, bound)?);
        }
        Ok(sum.into_owned())
    }

    /// A sum of rotations times known vectors: a linear transform, faster than by single operations. Weights come from
    /// [`encode_factor`](Self::encode_factor) for inputs of this level.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left) and [`mul_plain`](Self::mul_plain); [`OperandError::Count`](crate::OperandError::Count) for another number of inputs
    /// than the plan has; [`ValueError::Empty`](crate::ValueError::Empty) if it has no weight.
    fn weighted_rotations(
        &self,
        inputs: &[&Self::Ciphertext],
        plan: &WeightedRotations<Self::Plaintext>,
    ) -> Result<Self::Ciphertext>
    where
        Self: Sized,
    {
        plan.evaluate(self, inputs)
    }

    /// Encodes the weights of sums for [`periodic_sums`](Self::periodic_sums) of inputs whose [`factor_position`](Self::factor_position) is
    /// `position`, or of a lower level.
    ///
    /// # Errors
    /// As [`encode_factor`](Self::encode_factor); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) for a period that does not divide a row of slots.
    fn encode_sums(
        &self,
        sums: &PeriodicSums<Self::Scalar>,
        position: Position,
    ) -> Result<EncodedSums<Self::Scalar>> {
        check_period(sums.period(), self.slot_shape())?;
        Ok(EncodedSums::new(sums, position))
    }

    /// Many sums of rotations of products with known vectors of a short period, at once. CKKS: the sums are not rescaled, as after
    /// [`mul_plain`](Self::mul_plain).
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left) and [`mul_plain`](Self::mul_plain); [`OperandError::Count`](crate::OperandError::Count) for another number of inputs
    /// than the sums have.
    fn periodic_sums(
        &self,
        inputs: &[&Self::Ciphertext],
        sums: &EncodedSums<Self::Scalar>,
    ) -> Result<Vec<Self::Ciphertext>>
    where
        Self: Sized,
    {
        sums.evaluate(self, inputs)
    }

    /// The slot-wise product before relinearization. Sums and differences of such products are relinearized once, by
    /// [`relinearize`](Self::relinearize); until then they cannot be multiplied by ciphertexts or rotated. Evaluators whose
    /// products need no relinearization return [`mul`](Self::mul).
    ///
    /// CKKS: pending rescales of the operands come first, as in [`mul`](Self::mul); the product is not rescaled.
    ///
    /// # Errors
    /// As [`mul`](Self::mul), except that no key is needed.
    #[doc(alias("EvalMultNoRelin", "MulNew"))]
    #[doc(alias = "multLowLvl")]
    fn mul_raw(&self, a: &Self::Ciphertext, b: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        self.mul(a, b)
    }

    /// Brings a raw product, or a sum of them, back to degree 1 in the secret. Level, scale and message stay. A ciphertext of degree 1
    /// is returned unchanged.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    #[doc(alias("Relinearize", "RelinearizeNew"))]
    fn relinearize(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        Ok(a.clone())
    }

    /// The sum of the slot-wise products `a[i] * b[i]`, relinearized once. CKKS: the sum is not rescaled, as after [`mul`](Self::mul).
    ///
    /// ```
    /// use slotwise::evaluator::{ClearReals, Evaluator};
    ///
    /// let (a, b) = ([vec![1.0, 2.0], vec![3.0, 4.0]], [vec![5.0, 6.0], vec![7.0, 8.0]]);
    /// assert_eq!(ClearReals::new(2).inner_product(&a, &b)?, [26.0, 44.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many a as b; [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`mul`](Self::mul).
    fn inner_product<C: Borrow<Self::Ciphertext>>(
        &self,
        a: &[C],
        b: &[C],
    ) -> Result<Self::Ciphertext> {
        check_factors(a.len(), b.len())?;
        let products: Vec<Self::Ciphertext> = a
            .iter()
            .zip(b)
            .map(|(a, b)| self.mul(a.borrow(), b.borrow()))
            .collect::<Result<_>>()?;
        self.add_many(&products)
    }

    /// `a` at a lower level, or its own: the same message with a smaller modulus, so that later operations are faster. CKKS:
    /// pending rescales come first, and the scale becomes the canonical one of the level where it can be reached precisely. Where
    /// levels are not counted, a copy of `a`.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above the level of `a`; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch);
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times message does not fit the modulus there.
    fn drop_to_level(&self, a: &Self::Ciphertext, level: usize) -> Result<Self::Ciphertext> {
        let _ = level;
        Ok(a.clone())
    }

    /// The levels that [`refresh`](Self::refresh) takes and gives; `None` where nothing is refreshed, or levels are not counted.
    fn refresh_levels(&self) -> Option<RefreshLevels> {
        None
    }

    /// The message of `a` in a ciphertext with levels to spend again, for circuits that need more levels than the context has.
    ///
    /// # Errors
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) unless the evaluator has a way to do it;
    /// [`OperandError::NotRepeated`](crate::OperandError::NotRepeated) if it serves only slots that are known to [repeat](Self::refresh_assuming_period).
    fn refresh(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        let _ = a;
        Err(Error::Operands(OperandError::CannotRefresh))
    }

    /// [`refresh`](Self::refresh) of all, CKKS: two in the time of one where they are many.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    fn refresh_many(&self, all: &[&Self::Ciphertext]) -> Result<Vec<Self::Ciphertext>> {
        all.iter().map(|a| self.refresh(a)).collect()
    }

    /// [`refresh_many`](Self::refresh_many) of ciphertexts whose slots repeat with this period, which some bootstrappings ask for, and which is not
    /// checked: of slots that differ the result is their mean.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`OperandError::NotRepeated`](crate::OperandError::NotRepeated) for a period that is too long.
    fn refresh_assuming_period(
        &self,
        all: &[&Self::Ciphertext],
        period: usize,
    ) -> Result<Vec<Self::Ciphertext>> {
        let _ = period;
        self.refresh_many(all)
    }

    /// CKKS: the complex conjugate in each slot. BFV: the two rows of slots exchanged.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingConjugationKey`](crate::KeyError::MissingConjugationKey), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized).
    #[doc(alias("ConjugateNew", "RotateRows"))]
    fn conjugate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext>;

    /// The sum of all. The errors of fresh ciphertexts with different masks count as independent.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`add`](Self::add).
    fn add_many<C: Borrow<Self::Ciphertext>>(&self, terms: &[C]) -> Result<Self::Ciphertext> {
        let (first, rest) = terms
            .split_first()
            .ok_or(Error::Values(ValueError::Empty))?;
        let mut sum = first.borrow().clone();
        for term in rest {
            self.add_assign(&mut sum, term.borrow())?;
        }
        Ok(sum)
    }

    /// The product of all, as a tree of depth `ceil(log2(n))`.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`mul`](Self::mul).
    fn mul_many(&self, factors: &[Self::Ciphertext]) -> Result<Self::Ciphertext> {
        match factors {
            [] => Err(Error::Values(ValueError::Empty)),
            [factor] => Ok(factor.clone()),
            _ => {
                let [left, right] = settled_halves(self, factors)?;
                self.mul(&left, &right)
            }
        }
    }

    /// `a^exponent`, with `ceil(log2(exponent))` multiplications one after the other. `a^0` is 1 in every slot, which
    /// anyone can read.
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    fn power(&self, a: &Self::Ciphertext, exponent: u32) -> Result<Self::Ciphertext> {
        self.check_depth(a, "a power", depth_of_power(exponent))?;
        if exponent == 0 {
            let zero = self.mul_scalar(a, Self::Scalar::default())?;
            return self.add_scalar(&zero, Self::Scalar::from(1));
        }
        // The powers of two that the exponent has, multiplied from the smallest up: each product joins factors of depths
        // below the next power's, so the depth is that of the highest power and one more unless the exponent is a power.
        let mut square = self.settle(a)?.into_owned();
        let mut product: Option<Self::Ciphertext> = None;
        let mut left = exponent;
        loop {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(product) if left == 1 => return self.mul(&product, &square),
                    Some(product) => self.mul_settled(&product, &square)?,
                    None if left == 1 => return Ok(square),
                    None => square.clone(),
                });
            }
            left >>= 1;
            if left == 1 && product.is_none() {
                return self.square(&square);
            }
            square = self.mul_settled(&square, &square)?;
        }
    }

    /// [`encode_factor`](Self::encode_factor) for values that repeat in each row of slots: their number is a power of two up to a row, or that
    /// of all slots. Time and memory are those of one period where the evaluator can do it.
    ///
    /// # Errors
    /// As [`encode_factor`](Self::encode_factor); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) for another number of values.
    fn encode_periodic_factor(
        &self,
        values: &[Self::Scalar],
        position: Position,
    ) -> Result<Self::Plaintext> {
        let shape = self.slot_shape();
        check_period(values.len(), shape)?;
        self.encode_factor(&values.repeat(shape.slots() / values.len()), position)
    }

    /// `constant + sum_i c_i x_i` for terms `(x_i, c_i)`, for circuits that plan level and scale of each step. CKKS: the result has
    /// exactly this position, whose level none of the `x_i` is below; nothing is aligned. Where levels are not counted, `at` is
    /// ignored.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no terms; [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) for a term below the level; as
    /// [`mul_scalar`](Self::mul_scalar).
    fn linear_combination(
        &self,
        terms: &[(&Self::Ciphertext, Self::Scalar)],
        constant: Self::Scalar,
        at: Position,
    ) -> Result<Self::Ciphertext> {
        let sum = LinearCombination {
            terms,
            constant,
            at,
        };
        let mut sums = self.linear_combinations(&[sum])?;
        sums.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// Several linear combinations, each as [`linear_combination`](Self::linear_combination) and for itself, also of ciphertexts under other keys: in
    /// CKKS faster than one after the other where they have terms in common.
    ///
    /// # Errors
    /// As [`linear_combination`](Self::linear_combination).
    fn linear_combinations(
        &self,
        all: &[LinearCombination<'_, Self::Ciphertext, Self::Scalar>],
    ) -> Result<Vec<Self::Ciphertext>> {
        let sums = all.iter().map(|combination| {
            let terms = combination.terms.iter();
            let products = terms.map(|&(term, c)| self.mul_scalar(term, c));
            let mut sum = self.add_many(&products.collect::<Result<Vec<_>>>()?)?;
            if combination.constant != Self::Scalar::default() {
                self.add_scalar_assign(&mut sum, combination.constant)?;
            }
            Ok(sum)
        });
        sums.collect()
    }

    /// [`linear_combinations`](Self::linear_combinations), each [rescaled](Self::relinearize_and_rescale), in one.
    ///
    /// # Errors
    /// As these.
    fn rescaled_combinations(
        &self,
        all: &[LinearCombination<'_, Self::Ciphertext, Self::Scalar>],
    ) -> Result<Vec<Self::Ciphertext>> {
        let sums = self.linear_combinations(all)?;
        let rescaled = sums.iter().map(|sum| self.relinearize_and_rescale(sum));
        rescaled.collect()
    }

    /// [`linear_combination`](Self::linear_combination) with known vectors, 0 beyond their values, instead of numbers.
    ///
    /// # Errors
    /// As [`linear_combination`](Self::linear_combination), [`encode_factor`](Self::encode_factor) and [`encode_term`](Self::encode_term).
    fn slotwise_combination(
        &self,
        terms: &[(&Self::Ciphertext, &[Self::Scalar])],
        constant: &[Self::Scalar],
        at: Position,
    ) -> Result<Self::Ciphertext> {
        let _ = at;
        let products = terms.iter().map(|&(term, values)| {
            let factor = self.encode_factor(values, self.factor_position(term)?)?;
            self.mul_plain(term, &factor)
        });
        let mut sum = self.add_many(&products.collect::<Result<Vec<_>>>()?)?;
        let constant = self.encode_term(constant, self.term_position(&sum)?)?;
        self.add_plain_assign(&mut sum, &constant)?;
        Ok(sum)
    }

    /// The sum of the raw products of these pairs, as [`mul_raw`](Self::mul_raw) makes them, for circuits that plan level and scale of
    /// each step. CKKS: operands of a higher level are dropped to the lowest of all and keep their scales.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no pairs; [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) for products of different scales; as
    /// [`mul_raw`](Self::mul_raw).
    fn sum_of_raw_products(
        &self,
        pairs: &[(&Self::Ciphertext, &Self::Ciphertext)],
    ) -> Result<Self::Ciphertext> {
        let products = pairs.iter().map(|&(a, b)| self.mul_raw(a, b));
        self.add_many(&products.collect::<Result<Vec<_>>>()?)
    }

    /// [`relinearize`](Self::relinearize), and in CKKS one rescale, faster than one after the other.
    ///
    /// # Errors
    /// As [`relinearize`](Self::relinearize); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) if no level is left.
    fn relinearize_and_rescale(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
        self.relinearize(a)
    }

    /// [`sum_of_raw_products`](Self::sum_of_raw_products) of the pairs, doubled if asked, plus [`linear_combination`](Self::linear_combination) of the
    /// terms and the constant at its position, then [`relinearize_and_rescale`](Self::relinearize_and_rescale): in CKKS faster than one after the other.
    ///
    /// # Errors
    /// As these.
    fn sum_of_products(
        &self,
        sum: &ProductSum<'_, Self::Ciphertext, Self::Scalar>,
    ) -> Result<Self::Ciphertext> {
        let mut raw = self.sum_of_raw_products(sum.pairs)?;
        if sum.is_doubled {
            self.mul_scalar_assign(&mut raw, Self::scalar(2))?;
        }
        if !sum.terms.is_empty() {
            let at = self.term_position(&raw)?;
            let terms = self.linear_combination(sum.terms, sum.constant, at)?;
            self.add_assign(&mut raw, &terms)?;
        } else if sum.constant != Self::Scalar::default() {
            self.add_scalar_assign(&mut raw, sum.constant)?;
        }
        self.relinearize_and_rescale(&raw)
    }

    /// The position of a ciphertext that one rescale brings to `at`: in CKKS a level higher, its scale multiplied by that level's
    /// primes.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if the parameters have no such level.
    fn position_before_rescale(&self, at: Position) -> Result<Position> {
        Ok(at)
    }

    /// The bound of the error in each slot of `a`, in units of the message, that operations track. 0 where there is no error, or where
    /// errors are not in units of the message.
    fn error_bound(&self, a: &Self::Ciphertext) -> f64 {
        let _ = a;
        0.0
    }

    /// States that the error in each slot of `a` is at most `bound`, for circuits that know better than the tracking how errors grow. The
    /// bound replaces the tracked one, whether it is smaller or larger, and is not checked. No effect where
    /// [`error_bound`](Self::error_bound) is always 0.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a bound that is negative or NaN;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) for one that does not fit the modulus.
    fn assume_error_bound(&self, a: Self::Ciphertext, bound: f64) -> Result<Self::Ciphertext> {
        let _ = bound;
        Ok(a)
    }

    /// States that the error in each slot of `a` is at most `factor` times the error to expect, for circuits whose errors come from many
    /// independent sources. Only dry runs know the error to expect, and stating it elsewhere has no effect: a circuit that was planned so
    /// states the planned error by [`assume_error_bound`](Self::assume_error_bound).
    ///
    /// # Errors
    /// As [`assume_error_bound`](Self::assume_error_bound).
    fn assume_typical_error(&self, a: Self::Ciphertext, factor: f64) -> Result<Self::Ciphertext> {
        let _ = factor;
        Ok(a)
    }

    /// The number t if slots hold integers modulo t.
    fn plaintext_modulus(&self) -> Option<u64> {
        None
    }
}

/// Checks a number of values that repeat in each row of slots, or fill all slots.
pub(super) fn check_period(period: usize, shape: SlotShape) -> Result<()> {
    let divides = period.is_power_of_two() && shape.columns.is_multiple_of(period);
    if divides || period == shape.slots() {
        return Ok(());
    }
    Err(match period {
        0 => Error::Values(ValueError::Empty),
        slots => Error::Values(ValueError::InvalidSlotCount { slots }),
    })
}

/// Checks a message bound, NaN included.
pub(super) fn check_message_bound(bound: f64) -> Result<()> {
    if bound > 0.0 {
        return Ok(());
    }
    Err(Error::Operands(OperandError::InvalidArgument {
        reason: "a message bound must be positive",
    }))
}

/// The products of both halves of at least two factors.
fn settled_halves<'a, E: Evaluator>(
    evaluator: &E,
    factors: &'a [E::Ciphertext],
) -> Result<[Cow<'a, E::Ciphertext>; 2]> {
    let (left, right) = factors.split_at(factors.len().div_ceil(2));
    Ok([
        settled_product(evaluator, left)?,
        settled_product(evaluator, right)?,
    ])
}

/// The product of at least one factor, as a tree, settled.
fn settled_product<'a, E: Evaluator>(
    evaluator: &E,
    factors: &'a [E::Ciphertext],
) -> Result<Cow<'a, E::Ciphertext>> {
    if let [factor] = factors {
        return Ok(Cow::Borrowed(factor));
    }
    let [left, right] = settled_halves(evaluator, factors)?;
    evaluator.mul_settled(&left, &right).map(Cow::Owned)
}

/// Checks that there are as many first as second factors of an inner product.
pub(super) fn check_factors(first: usize, second: usize) -> Result<()> {
    check_number("second factors (one for each first factor)", second, first)
}

/// Checks that there is a ciphertext for each input of sums with weights.
pub(super) fn check_inputs(ciphertexts: usize, inputs: usize) -> Result<()> {
    let what = "ciphertexts (one for each input of the sums)";
    check_number(what, ciphertexts, inputs)
}

/// The multiplications that a power takes one after the other.
pub(crate) fn depth_of_power(exponent: u32) -> usize {
    exponent
        .checked_next_power_of_two()
        .map_or(32, u32::trailing_zeros) as usize
}

/// How slots are arranged: rotations move each row, and rows can be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotShape {
    /// The number of rows: 1 (CKKS) or 2 (BFV).
    pub rows: usize,
    /// The number of slots in a row.
    pub columns: usize,
}

impl SlotShape {
    /// All slots.
    ///
    /// ```
    /// # use slotwise::evaluator::SlotShape;
    /// assert_eq!(SlotShape { rows: 2, columns: 2048 }.slots(), 4096);
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        self.rows * self.columns
    }
}
