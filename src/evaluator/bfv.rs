use crate::encoding::{BfvPlaintext, WeightRows};
use crate::encryption::{BfvCiphertext, State};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::delegation::delegated_operations;
use crate::evaluator::evaluator_trait::check_message_bound;
use crate::evaluator::linear::{Join, JoinAssign};
use crate::evaluator::scheme_evaluator::{Pair, Summable, polys_of};
use crate::evaluator::weighted_rotations::Weighable;
use crate::evaluator::{
    Evaluator, Position, Refresh, RefreshLevels, SchemeEvaluator, SlotShape, UNKNOWN_PERIOD,
    WeightedRotations, bfv_mul_raw, linear, rotate_and_sum, rotation, weighted_rotations,
};
use crate::keys::Rotations;
use crate::params::{BfvContext, BfvState, ErrorSize, Log2, invalid_level};
use crate::ring::NttPoly;
use num_bigint::BigInt;
use std::borrow::{Borrow, Cow};

/// Operations on BFV ciphertexts: exact modulo t while the noise bound allows.
///
/// ```
/// use slotwise::evaluator::BfvEvaluator;
/// # use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// # let client = context.generate_client_key()?;
/// # let server = client.generate_server_key(&Rotations::steps(&[1]))?;
/// let evaluator: &BfvEvaluator = server.evaluator();
/// let x = client.encrypt([3, -1])?.ciphertexts()[0].clone();
/// let factor = evaluator.encoder().encode(&[2, 5])?;
/// let sum = evaluator.add(&evaluator.square(&x)?, &evaluator.mul_plain(&x, &factor)?)?;
/// assert_eq!(client.decrypt_slots(&evaluator.switch_to_level(&sum, 0)?)?[..2], [15, -4]);
/// # Ok(())
/// # }
/// ```
pub type BfvEvaluator = SchemeEvaluator<BfvState>;

impl Summable for BfvState {
    /// At the lower level of the two.
    fn align<'a>(
        evaluator: &BfvEvaluator,
        a: &'a BfvCiphertext,
        b: &'a BfvCiphertext,
    ) -> Result<Pair<'a, Self>> {
        evaluator.check_pair(a, b)?;
        let level = a.level().min(b.level());
        Ok([evaluator.lowered(a, level)?, evaluator.lowered(b, level)?])
    }

    fn matches(self, _other: Self) -> bool {
        true
    }

    fn plus(self, other: Self, _context: &BfvContext) -> Result<Self> {
        Ok(self.sum(other))
    }

    fn plus_independent(terms: &[(Self, ErrorSize)], _context: &BfvContext) -> Result<Self> {
        let states = terms.iter().map(|&(state, _)| state);
        states
            .reduce(Self::independent_sum)
            .ok_or(Error::Values(ValueError::Empty))
    }
}

impl Weighable for BfvState {
    fn prepare<'a>(
        _evaluator: &BfvEvaluator,
        a: &'a BfvCiphertext,
    ) -> Result<Cow<'a, BfvCiphertext>> {
        Ok(Cow::Borrowed(a))
    }

    fn times(self, weight: &BfvPlaintext, context: &BfvContext) -> Result<Self> {
        context.fingerprint().check(weight.fingerprint())?;
        let size = weight.size();
        Ok(self.times_plaintext(size.at_roots, size.sum))
    }

    fn rows(weight: &BfvPlaintext) -> Result<WeightRows<'_>> {
        weight.weight_rows()
    }
}

impl BfvEvaluator {
    /// The product, relinearized, at the lower level of the two: slot by slot for batched plaintexts.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch),
    /// [`KeyError::Mismatch`](crate::KeyError::Mismatch), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized).
    ///
    /// Source: eprint 2021/204, section 4.3.
    pub fn mul(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.keys_for(a)?.relinearization()?;
        self.relinearize(&self.mul_raw(a, b)?)
    }

    /// `a * a`, relinearized.
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    pub fn square(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.mul(a, a)
    }

    /// The raw product, of degree 2 in the secret.
    ///
    /// # Errors
    /// As [`mul`](Self::mul), keys excepted.
    pub fn mul_raw(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        let is_square = std::ptr::eq(a, b);
        let [a, b] = BfvState::align(self, a, b)?;
        let (a_polys, b_polys) = (a.body.pair()?, b.body.pair()?);
        let tables = &self.context.level(a.level())?.tensor;
        let polys = bfv_mul_raw::mul_raw(a_polys, b_polys, tables);
        let state = self.product(&a, &b, is_square);
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// The sum of the products `a[i] * b[i]`, at the lowest level of all operands, relinearized once: slot by slot for batched
    /// plaintexts. The division by the auxiliary modulus happens once, too.
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many a as b; [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`mul`](Self::mul).
    pub fn inner_product<C: Borrow<BfvCiphertext>>(
        &self,
        a: &[C],
        b: &[C],
    ) -> Result<BfvCiphertext> {
        let (pairs, level) = self.check_factors(a, b)?;
        let aligned: Vec<Pair<'_, BfvState>> = pairs
            .iter()
            .map(|&(a, b)| Ok([self.lowered(a, level)?, self.lowered(b, level)?]))
            .collect::<Result<_>>()?;
        let products = pairs
            .iter()
            .zip(&aligned)
            .map(|(&(left, right), [a, b])| self.product(a, b, std::ptr::eq(left, right)));
        // Each product's noise counts with a division of its own, which is more than the one there is.
        let sum = products
            .reduce(BfvState::sum)
            .ok_or(Error::Values(ValueError::Empty))?;
        let (first, polys) = (pairs[0].0, polys_of(&aligned)?);
        let tables = &self.context.level(level)?.tensor;
        let raw = bfv_mul_raw::sum_of_products(&polys, tables);
        let raw = raw.ok_or(Error::Values(ValueError::Empty))?;
        self.relinearize(&first.with(first.body.with_polys(raw.into()), sum))
    }

    /// The state of the raw product of two ciphertexts of one level, the same one if `is_square`.
    fn product(&self, a: &BfvCiphertext, b: &BfvCiphertext, is_square: bool) -> BfvState {
        if is_square {
            a.state.square(&self.context)
        } else {
            a.state.product(b.state, &self.context)
        }
    }

    /// `a` at a level that is not above its own.
    fn lowered<'a>(&self, a: &'a BfvCiphertext, level: usize) -> Result<Cow<'a, BfvCiphertext>> {
        if a.level() == level {
            return Ok(Cow::Borrowed(a));
        }
        self.switch_to_level(a, level).map(Cow::Owned)
    }

    /// `a` one level lower: divided by the last prime of its level, the message unchanged. Smaller and faster from there on;
    /// the noise shrinks with the modulus, down to a rounding.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn switch_modulus(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.check(a)?;
        let state = a.state.switched(a.body.degree(), &self.context)?;
        let body = linear::divide_to_level(&a.body, state.level)?;
        Ok(a.with(body, state))
    }

    /// [`switch_modulus`](Self::switch_modulus) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`switch_modulus`](Self::switch_modulus).
    pub fn switch_modulus_assign(&self, a: &mut BfvCiphertext) -> Result<()> {
        self.check(a)?;
        let state = a.state.switched(a.body.degree(), &self.context)?;
        linear::divide_by_level_assign(&mut a.body)?;
        a.state = state;
        Ok(())
    }

    /// `a` at a lower level, or its own.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn switch_to_level(&self, a: &BfvCiphertext, level: usize) -> Result<BfvCiphertext> {
        self.check(a)?;
        if level > a.level() {
            return Err(invalid_level(level, a.level()));
        }
        let state = (level..a.level()).try_fold(a.state, |state, _| {
            state.switched(a.body.degree(), &self.context)
        })?;
        Ok(a.with(linear::divide_to_level(&a.body, level)?, state))
    }

    /// [`switch_to_level`](Self::switch_to_level) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`switch_to_level`](Self::switch_to_level).
    pub fn switch_to_level_assign(&self, a: &mut BfvCiphertext, level: usize) -> Result<()> {
        if level == a.level() {
            return self.check(a);
        }
        *a = self.switch_to_level(a, level)?;
        Ok(())
    }

    /// `a + b`. Level and degree stay. The plaintext is scaled and transformed by its first sum and kept for that level, so that further
    /// ones cost a fraction.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn add_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.plain_sum(a, b, NttPoly::sum)
    }

    /// [`add_plain`](Self::add_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn add_plain_assign(&self, a: &mut BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        self.plain_sum_assign(a, b, NttPoly::add_assign)
    }

    /// `a - b`. Level and degree stay.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn sub_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.plain_sum(a, b, NttPoly::difference)
    }

    /// [`sub_plain`](Self::sub_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`sub_plain`](Self::sub_plain).
    pub fn sub_plain_assign(&self, a: &mut BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        self.plain_sum_assign(a, b, NttPoly::sub_assign)
    }

    /// `a * b`. Level and degree stay. The plaintext is transformed by its first product and kept, so that further ones cost a
    /// fraction.
    ///
    /// A product with zero is a zero of the same level, which [`is_transparent`](BfvCiphertext::is_transparent).
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    #[doc(alias = "transform_to_ntt")]
    pub fn mul_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        let (factor, state) = self.plain_product(a, b)?;
        Ok(a.with(linear::map(&a.body, |poly| poly.product(factor)), state))
    }

    /// [`mul_plain`](Self::mul_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain).
    pub fn mul_plain_assign(&self, a: &mut BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        let (factor, state) = self.plain_product(a, b)?;
        linear::map_assign(&mut a.body, |poly| poly.mul_assign(factor));
        a.state = state;
        Ok(())
    }

    /// `a + b` in every slot, for any integer b, which counts modulo t.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn add_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.add_plain(a, &self.encoder.encode_scalar(self.centred(b))?)
    }

    /// [`add_scalar`](Self::add_scalar) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add_scalar`](Self::add_scalar).
    pub fn add_scalar_assign(&self, a: &mut BfvCiphertext, b: i64) -> Result<()> {
        self.add_plain_assign(a, &self.encoder.encode_scalar(self.centred(b))?)
    }

    /// `a * b` in every slot, for any integer b, which counts modulo t; without a transform.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn mul_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        let (factor, state) = self.scalar_product(a, b)?;
        let body = linear::map(&a.body, |poly| poly.times_integer(&factor));
        Ok(a.with(body, state))
    }

    /// [`mul_scalar`](Self::mul_scalar) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`mul_scalar`](Self::mul_scalar).
    pub fn mul_scalar_assign(&self, a: &mut BfvCiphertext, b: i64) -> Result<()> {
        let (factor, state) = self.scalar_product(a, b)?;
        linear::map_assign(&mut a.body, |poly| poly.mul_integer(&factor));
        a.state = state;
        Ok(())
    }

    /// The two rows of slots exchanged: [`conjugate`](Self::conjugate) by its BFV name.
    ///
    /// # Errors
    /// As [`conjugate`](Self::conjugate).
    pub fn swap_rows(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.conjugate(a)
    }

    fn plain_sum(&self, a: &BfvCiphertext, b: &BfvPlaintext, op: Join) -> Result<BfvCiphertext> {
        self.check_plain(a, b)?;
        let term = b.term(a.level())?;
        let body = linear::map_first(&a.body, |poly| op(poly, &term));
        Ok(a.with(body, a.state.plus_plaintext(&self.context)))
    }

    fn plain_sum_assign(
        &self,
        a: &mut BfvCiphertext,
        b: &BfvPlaintext,
        op: JoinAssign,
    ) -> Result<()> {
        self.check_plain(a, b)?;
        let term = b.term(a.level())?;
        linear::map_first_assign(&mut a.body, |poly| op(poly, &term));
        a.state = a.state.plus_plaintext(&self.context);
        Ok(())
    }

    /// The polynomial to multiply by, and the state of the product.
    fn plain_product<'b>(
        &self,
        a: &BfvCiphertext,
        b: &'b BfvPlaintext,
    ) -> Result<(&'b NttPoly, BfvState)> {
        self.check_plain(a, b)?;
        let size = b.size();
        let state = a.state.times_plaintext(size.at_roots, size.sum);
        Ok((b.transformed()?, state))
    }

    /// The integer to multiply by, and the state of the product.
    fn scalar_product(&self, a: &BfvCiphertext, b: i64) -> Result<(BigInt, BfvState)> {
        self.check(a)?;
        let factor = BigInt::from(self.centred(b));
        let size = Log2::from_bits(crate::ring::log2(factor.magnitude()));
        Ok((factor, a.state.times_plaintext(size, size)))
    }

    /// The integer nearest to 0 that is b modulo t.
    fn centred(&self, b: i64) -> i64 {
        let t = self.context.plaintext_modulus();
        t.centre(t.reduce_signed(b))
    }

    fn check_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        self.check(a)?;
        self.context.fingerprint().check(b.fingerprint())
    }
}

impl Evaluator for BfvEvaluator {
    type Ciphertext = BfvCiphertext;
    type Plaintext = BfvPlaintext;
    type Scalar = i64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: BfvState::ROWS,
            columns: self.context.slots() / 2,
        }
    }

    fn scalar(count: usize) -> i64 {
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn term_position(&self, a: &BfvCiphertext) -> Result<Position> {
        self.check(a)?;
        Ok(Position::at_level(a.level()))
    }

    fn encode_factor(&self, values: &[i64], position: Position) -> Result<BfvPlaintext> {
        self.encode_term(values, position)
    }

    fn encode_term(&self, values: &[i64], position: Position) -> Result<BfvPlaintext> {
        self.context.level(position.level())?;
        self.encoder.encode_modulo(values)
    }

    fn mul(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.mul(a, b)
    }

    fn mul_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.mul_plain(a, b)
    }

    fn mul_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.mul_scalar(a, b)
    }

    fn mul_plain_assign(&self, a: &mut BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        self.mul_plain_assign(a, b)
    }

    fn mul_scalar_assign(&self, a: &mut BfvCiphertext, b: i64) -> Result<()> {
        self.mul_scalar_assign(a, b)
    }

    fn mul_raw(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.mul_raw(a, b)
    }

    fn inner_product<C: Borrow<BfvCiphertext>>(&self, a: &[C], b: &[C]) -> Result<BfvCiphertext> {
        self.inner_product(a, b)
    }

    fn drop_to_level(&self, a: &BfvCiphertext, level: usize) -> Result<BfvCiphertext> {
        self.switch_to_level(a, level)
    }

    fn assume_message_bound(&self, a: BfvCiphertext, bound: f64) -> Result<BfvCiphertext> {
        self.check(&a)?;
        check_message_bound(bound)?;
        Ok(a)
    }

    fn plaintext_modulus(&self) -> Option<u64> {
        Some(self.context.plaintext_modulus().value())
    }

    delegated_operations!();
}
