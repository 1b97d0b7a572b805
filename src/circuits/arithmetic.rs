//! What can be computed on vectors; operators are in `operators.rs`.

use crate::circuits::gather::signed;
use crate::circuits::padding::{Join, Padding};
use crate::circuits::{Polynomial, Vector};
use crate::error::Result;
use crate::evaluator::{Evaluator, IntoScalar, depth_of_power, scalars};
use crate::keys::Rotations;
use std::borrow::Borrow;

impl<E: Evaluator> Vector<E> {
    /// `self + other`
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let (x, y) = (client.encrypt([1, 2, 3])?, client.encrypt([10, 20, 30])?);
    /// assert_eq!(client.decrypt(&x.add(&y)?)?, [11, 22, 33]);
    /// assert_eq!(client.decrypt(&(&x + &y)?)?, [11, 22, 33]); // the same as an operator
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`KeyError::Mismatch`](crate::KeyError::Mismatch); [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch).
    #[doc(alias("EvalAdd", "add_inplace", "AddNew"))]
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Sum, E::add)
    }

    /// [`add`](Self::add) in the memory of this vector; an error may leave it half done.
    pub(super) fn change_by_sum(&mut self, other: &Self) -> Result<()> {
        self.zip_assign(other, Join::Sum, E::add, E::add_assign)
    }

    /// The sum of all vectors: a tally, or the model updates of many clients.
    ///
    /// The errors of vectors as encryption made them are independent, so that the error of n of them grows with the square root of
    /// n only; that of any others grows with n, as in a chain of `+`. A vector that is there twice is no independent one. Iterators of vectors or
    /// references have the same as `sum`:
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    /// use slotwise::Result;
    ///
    /// let evaluator = ClearReals::new(2);
    /// let columns = [[1.0, 2.0], [3.0, 4.0]].map(|values| Vector::from_values(&evaluator, &values));
    /// let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
    /// assert_eq!(columns.iter().sum::<Result<Vector<_>>>()?.values(), [4.0, 6.0]);
    /// assert_eq!(columns.into_iter().product::<Result<Vector<_>>>()?.values(), [3.0, 8.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let ballots = [[0, 1, 0], [0, 1, 0], [1, 0, 0]];
    /// let ballots = ballots.iter().map(|ballot| client.encrypt(ballot));
    /// let tally = BfvVector::add_many(&ballots.collect::<Result<Vec<_>, _>>()?)?;
    /// assert_eq!(client.decrypt(&tally)?, [1, 2, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`add`](Self::add).
    #[doc(alias("EvalAddMany", "EvalAddManyInPlace"))]
    pub fn add_many(vectors: &[Self]) -> Result<Self> {
        Self::sum_of(&vectors.iter().collect::<Vec<_>>())
    }

    /// [`add_many`](Self::add_many) of vectors that lie anywhere.
    pub(super) fn sum_of(vectors: &[&Self]) -> Result<Self> {
        let evaluator = Self::common_evaluator(vectors)?;
        let (first, rest) = (vectors[0], &vectors[1..]);
        let alike = |vector: &&Self| {
            vector.packing == first.packing && matches!(vector.padding, Padding::Zeros)
        };
        if !vectors.iter().all(alike) {
            return rest
                .iter()
                .try_fold(first.clone(), |sum, &vector| sum + vector);
        }
        Self::check_depths(evaluator, vectors.iter().copied(), "a sum", 0)?;
        let chunks = crate::parallel::try_map(first.chunks.len(), |i| {
            let terms: Vec<&E::Ciphertext> =
                vectors.iter().map(|vector| &vector.chunks[i]).collect();
            evaluator.add_many(&terms)
        })?;
        Ok(Self {
            evaluator: evaluator.clone(),
            packing: first.packing,
            chunks,
            padding: Padding::Zeros,
        })
    }

    /// `self - other`
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let (x, y) = (client.encrypt([1, 2, 3])?, client.encrypt([10, 20, 30])?);
    /// assert_eq!(client.decrypt(&y.sub(&x)?)?, [9, 18, 27]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add).
    #[doc(alias("EvalSub", "sub_inplace", "SubNew"))]
    pub fn sub(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Difference, E::sub)
    }

    /// [`sub`](Self::sub) as [`change_by_sum`](Self::change_by_sum).
    pub(super) fn change_by_difference(&mut self, other: &Self) -> Result<()> {
        self.zip_assign(other, Join::Difference, E::sub, E::sub_assign)
    }

    /// `self * other`, value by value, relinearized.
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
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0])?)?;
    /// let y = client.encrypt([0.5, 0.5, 2.0])?; // one attached operand is enough
    /// let product = x.mul(&y)?; // or `(&x * &y)?`
    /// assert_close(&client.decrypt(&product)?, &[0.5, 1.0, 6.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add); [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    #[doc(alias(
        "multiply",
        "EvalMult",
        "EvalMultAndRelinearize",
        "MulRelin",
        "relinearize",
        "MulRelinNew",
        "MulNew",
        "auto_relin",
        "auto_mod_switch"
    ))]
    #[doc(alias("multiplyBy", "EvalMultMutable"))]
    pub fn mul(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Product, E::mul)
    }

    /// `-self`
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, -2])?;
    /// assert_eq!(client.decrypt(&x.negate()?)?, [-1, 2]);
    /// assert_eq!(client.decrypt(&(-&x)?)?, [-1, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a vector made by this crate.
    #[doc(alias("neg", "EvalNegate"))]
    pub fn negate(&self) -> Result<Self> {
        self.map(|chunk| self.evaluator.negate(chunk))
    }

    /// `self * self`
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([3, -4])?)?;
    /// assert_eq!(client.decrypt(&x.square()?)?, [9, 16]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    #[doc(alias("EvalSquare", "square_", "SquareNew"))]
    pub fn square(&self) -> Result<Self> {
        self.check_depth("a multiplication", 1)?;
        self.map(|chunk| self.evaluator.square(chunk))
    }

    /// `self^exponent`, with `ceil(log2(exponent))` consecutive multiplications. `self^0` is 1 everywhere, which anyone can
    /// read.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(2).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([2, -3])?)?;
    /// assert_eq!(client.decrypt(&x.power(3)?)?, [8, -27]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul): [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before any work.
    #[doc(alias("pow", "exponentiate", "EvalPower", "pow_"))]
    #[doc(alias = "cube")]
    pub fn power(&self, exponent: u32) -> Result<Self> {
        if exponent == 0 {
            let zero = self.mul_scalar(E::Scalar::default())?;
            return zero.add_scalar(E::Scalar::from(1));
        }
        self.check_depth("a power", depth_of_power(exponent))?;
        self.map(|chunk| self.evaluator.power(chunk, exponent))
    }

    /// `self + values`, value by value; one value is added everywhere, and a vector of length 1 stands for its value everywhere. BFV: known
    /// operands of any size count modulo t, as results do; only [`encrypt`](crate::ClientKey::encrypt) refuses those beyond `[-t/2, t/2)`.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2])?;
    /// assert_eq!(client.decrypt(&x.add_plain(&[10, 20])?)?, [11, 22]);
    /// assert_eq!(client.decrypt(&(&x + &[10, 20])?)?, [11, 22]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch); [`ValueError::Empty`](crate::ValueError::Empty); [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) (CKKS).
    #[doc(alias = "EvalAdd")]
    pub fn add_plain(&self, values: &[E::Scalar]) -> Result<Self> {
        if let &[value] = values {
            return self.add_scalar(value);
        }
        self.zip_terms(values, E::add_plain)
    }

    /// [`add_plain`](Self::add_plain) as [`change_by_sum`](Self::change_by_sum).
    pub(super) fn change_by_plain_sum(&mut self, values: &[E::Scalar]) -> Result<()> {
        let &[value] = values else {
            return self.change_by_terms(values, E::add_plain_assign);
        };
        if matches!(self.padding, Padding::Zeros) && self.packing.has_padding() {
            *self = self.add_scalar(value)?;
            return Ok(());
        }
        self.change(|evaluator, chunk| evaluator.add_scalar_assign(chunk, value))
    }

    /// `self - values`, as [`add_plain`](Self::add_plain).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2])?;
    /// assert_eq!(client.decrypt(&x.sub_plain(&[10, 20])?)?, [-9, -18]);
    /// let values = [10, 20];
    /// assert_eq!(client.decrypt(&(&values[..] - &x)?)?, [9, 18]); // the other way round
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    #[doc(alias = "EvalSub")]
    pub fn sub_plain(&self, values: &[E::Scalar]) -> Result<Self> {
        self.zip_terms(&self.spread(values), E::sub_plain)
    }

    /// [`sub_plain`](Self::sub_plain) as [`change_by_sum`](Self::change_by_sum).
    pub(super) fn change_by_plain_difference(&mut self, values: &[E::Scalar]) -> Result<()> {
        let values = self.spread(values);
        self.change_by_terms(&values, E::sub_plain_assign)
    }

    fn zip_terms(
        &self,
        values: &[E::Scalar],
        join: impl Fn(&E, &E::Ciphertext, &E::Plaintext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        self.zip_plain(values, |chunk, slots| {
            let position = self.evaluator.term_position(chunk)?;
            let term = self.evaluator.encode_term(slots, position)?;
            join(&self.evaluator, chunk, &term)
        })
    }

    /// [`zip_terms`](Self::zip_terms) in place.
    fn change_by_terms(
        &mut self,
        values: &[E::Scalar],
        join: impl Fn(&E, &mut E::Ciphertext, &E::Plaintext) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.change_with(values, |evaluator, chunk, slots| {
            let position = evaluator.term_position(chunk)?;
            join(evaluator, chunk, &evaluator.encode_term(slots, position)?)
        })
    }

    /// `self * values`, value by value; one value multiplies everywhere.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// let x = client.encrypt([1.0, 2.0])?;
    /// assert_close(&client.decrypt(&x.mul_plain(&[0.5, 0.25])?)?, &[0.5, 0.5]); // no key is needed
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    #[doc(alias("multiply_plain", "EvalMult"))]
    pub fn mul_plain(&self, values: &[E::Scalar]) -> Result<Self> {
        if let &[value] = values {
            return self.mul_scalar(value);
        }
        self.check_depth("a multiplication", 1)?;
        let product = self.zip_plain(values, |chunk, slots| {
            let position = self.evaluator.factor_position(chunk)?;
            let factor = self.evaluator.encode_factor(slots, position)?;
            self.evaluator.mul_plain(chunk, &factor)
        })?;
        // Beyond the values it was multiplied by zeros.
        Ok(product.with_padding(Padding::Zeros))
    }

    /// [`mul_plain`](Self::mul_plain) as [`change_by_sum`](Self::change_by_sum).
    pub(super) fn change_by_plain_product(&mut self, values: &[E::Scalar]) -> Result<()> {
        if let &[value] = values {
            self.check_factor(value)?;
            return self.change(|evaluator, chunk| evaluator.mul_scalar_assign(chunk, value));
        }
        self.check_depth("a multiplication", 1)?;
        self.change_with(values, |evaluator, chunk, slots| {
            let position = evaluator.factor_position(chunk)?;
            evaluator.mul_plain_assign(chunk, &evaluator.encode_factor(slots, position)?)
        })?;
        self.padding = Padding::Zeros;
        Ok(())
    }

    /// `self + value`, everywhere; in BFV an integer of any size counts modulo t.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// let x = client.encrypt([1.0, 2.0])?;
    /// assert_close(&client.decrypt(&x.add_scalar(0.5)?)?, &[1.5, 2.5]); // or `(&x + 0.5)?`
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) (CKKS).
    #[doc(alias = "EvalAdd")]
    #[doc(alias = "addConstant")]
    pub fn add_scalar(&self, value: E::Scalar) -> Result<Self> {
        if !matches!(self.padding, Padding::Zeros) {
            return self.map(|chunk| self.evaluator.add_scalar(chunk, value));
        }
        // Added to the values only, so that padding stays zero.
        let chunks = self
            .packing
            .add_scalar(&self.evaluator, &self.chunks, value)?;
        Ok(self.with_chunks(chunks, Padding::Zeros))
    }

    /// `self * value`, everywhere. CKKS: an integer of up to 30 bits costs no level.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// let x = client.encrypt([1.0, 2.0])?;
    /// assert_close(&client.decrypt(&x.mul_scalar(0.1)?)?, &[0.1, 0.2]); // or `(&x * 0.1)?`
    /// assert_eq!(x.mul_scalar(3.0)?.levels_left(), x.levels_left());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain).
    #[doc(alias("multiply_const", "EvalMult"))]
    #[doc(alias = "multByConstant")]
    pub fn mul_scalar(&self, value: E::Scalar) -> Result<Self> {
        self.check_factor(value)?;
        self.map(|chunk| self.evaluator.mul_scalar(chunk, value))
    }

    /// Prepares the vector for a product with a number.
    fn check_factor(&self, value: E::Scalar) -> Result<()> {
        let depth = usize::from(self.evaluator.takes_a_level(value));
        self.check_depth("a multiplication", depth)
    }

    /// The sum of all values, as a vector of length 1.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3])?;
    /// let server = client.generate_server_key(&x.rotations_for_sum())?;
    /// let sum = server.attach(x)?.sum()?;
    /// assert_eq!(client.decrypt(&sum)?, [6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing:
    /// [`rotations_for_sum`](Self::rotations_for_sum) and [`Rotations::powers_of_two`](crate::Rotations::powers_of_two) have what it needs.
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) for a vector that was [`compact`](Self::compact)ed after it was joined with one of length 1: sum first,
    /// then compact.
    #[doc(alias("EvalSum", "InnerSum", "inner_sum", "sum_elements", "sum_"))]
    #[doc(alias = "totalSums")]
    pub fn sum(&self) -> Result<Self> {
        self.bounded_sum(f64::INFINITY)
    }

    /// [`sum`](Self::sum), where no partial sum of the values exceeds `bound` in magnitude.
    fn bounded_sum(&self, bound: f64) -> Result<Self> {
        self.check_depth("a sum", 0)?;
        let sum = match &self.padding {
            Padding::Zeros => self
                .packing
                .bounded_sum(&self.evaluator, &self.chunks, bound)?,
            Padding::Filled(value) => {
                let sum = self.packing.sum(&self.evaluator, &self.chunks)?;
                let count = E::scalar(self.packing.padding());
                let excess = self.evaluator.mul_scalar(value, count)?;
                let sum = self.evaluator.sub(&sum, &excess)?;
                self.evaluator.assume_message_bound(sum, bound)?
            }
            Padding::Unknown => {
                let operation =
                    "a sum after `compact`, which first clears the slots without values";
                self.check_depth(operation, 1)?;
                self.packing.sum(&self.evaluator, &self.cleared()?.chunks)?
            }
        };
        Ok(Self {
            packing: self.single()?,
            chunks: vec![sum],
            evaluator: self.evaluator.clone(),
            padding: Padding::Zeros,
        })
    }

    /// The dot product with another vector, as a vector of length 1.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3])?)?;
    /// let y = client.encrypt([4, 5, 6])?;
    /// assert_eq!(client.decrypt(&x.dot(&y)?)?, [32]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`sum`](Self::sum).
    #[doc(alias("EvalInnerProduct", "InnerProduct", "dot_"))]
    #[doc(alias = "innerProduct")]
    pub fn dot(&self, other: &Self) -> Result<Self> {
        let longer = if self.len() < other.len() {
            other
        } else {
            self
        };
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        evaluator.check_rotations(&longer.rotations_for_sum(), "a dot product")?;
        // A product that the sum would rescale first is rescaled as it is made.
        let levels = self.levels_left().min(other.levels_left());
        let product = match longer.chunks.as_slice() {
            [_] if longer.packing.settles_sums(levels.saturating_sub(1)) => {
                self.zip(other, Join::Product, E::mul_settled)?
            }
            _ => self.mul(other)?,
        };
        product.sum()
    }

    /// The dot product with known values, as a vector of length 1: anything that iterates over numbers that the vector takes. CKKS: the message bound grows by the sum of their magnitudes.
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
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0])?)?;
    /// let weighted = x.dot_plain(&[0.5, 0.25, 0.25])?;
    /// assert_close(&client.decrypt(&weighted)?, &[1.75]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain) and [`sum`](Self::sum); [`ValueError::Inexact`](crate::ValueError::Inexact) for an integer that is no f64.
    #[doc(alias = "EvalInnerProduct")]
    pub fn dot_plain(
        &self,
        values: impl IntoIterator<Item: IntoScalar<E::Scalar>>,
    ) -> Result<Self> {
        let values = scalars(values)?;
        let rotations = self.rotations_for_sum();
        self.evaluator
            .check_rotations(&rotations, "a dot product")?;
        // One weight is one for each value.
        let weights = self.spread(&values);
        let bound = self.evaluator.weighted_sum_bound(&self.chunks, &weights);
        self.mul_plain(&values)?.bounded_sum(bound)
    }

    /// `c_0 + c_1 x + c_2 x^2 + ...` for each value x, `coefficients` being `c_0, c_1, ...`, with at most
    /// `ceil(log2(d + 1))` consecutive multiplications for degree d. Coefficients are anything that iterates over numbers that the vector
    /// takes.
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
    /// let x = server.attach(client.encrypt([0.0, 1.0, -2.0])?)?;
    /// let y = x.polyval(&[1.0, 0.0, 0.5])?; // 1 + x^2 / 2
    /// assert_close(&client.decrypt(&y)?, &[1.0, 1.5, 3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`mul_scalar`](Self::mul_scalar); [`ValueError::Empty`](crate::ValueError::Empty) for no coefficient;
    /// [`ValueError::Inexact`](crate::ValueError::Inexact) for an integer that is no f64.
    #[doc(alias("EvalPoly", "EvalPolynomial", "polynomial", "NewPolynomial"))]
    #[doc(alias("polyEval", "EvalPolyLinear", "EvalPolyPS"))]
    pub fn polyval(
        &self,
        coefficients: impl IntoIterator<Item: IntoScalar<E::Scalar>>,
    ) -> Result<Self> {
        let polynomial = Polynomial::new(&scalars(coefficients)?)?;
        // The constant is added to values only, so that padding stays zero.
        let rest = polynomial.without_constant();
        let depth = rest.depth(|factor| self.evaluator.takes_a_level(factor));
        self.check_depth("a polynomial", depth)?;
        self.map(|chunk| rest.evaluate(&self.evaluator, chunk))?
            .add_scalar(polynomial.constant())
    }

    /// The values moved `step` places to the left (to the right where negative), around the vector's own length.
    ///
    /// A vector whose length is a power of two up to a row of slots takes one rotation. Any other length takes two to four
    /// rotations for each ciphertext, and a multiplication by a plaintext, hence one level (CKKS).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3, 4])?)?;
    /// assert_eq!(client.decrypt(&x.rotate_left(1)?)?, [2, 3, 4, 1]);
    /// // Around the vector's own length, whatever it is.
    /// let y = server.attach(client.encrypt([1, 2, 3])?)?;
    /// assert_eq!(client.decrypt(&y.rotate_left(1)?)?, [2, 3, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey); [`KeyError::MissingConjugationKey`](crate::KeyError::MissingConjugationKey);
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) if a mask is needed and no level is left.
    #[doc(alias(
        "rotate",
        "rotate_vector",
        "rotate_rows",
        "EvalRotate",
        "EvalAtIndex",
        "RotateNew",
        "RotateColumnsNew",
        "galois",
        "apply_galois",
        "roll",
        "RotateColumns"
    ))]
    #[doc(alias("rotate_vector_inplace", "rotate1D"))]
    pub fn rotate_left(&self, step: i64) -> Result<Self> {
        if self.packing.is_identity(step) {
            return Ok(self.clone());
        }
        let depth = usize::from(!self.packing.moves_as_one());
        self.check_depth("a rotation of the vector", depth)?;
        // Without padding everything moves; with padding the values alone do.
        let chunks = self
            .packing
            .rotate_left(&self.evaluator, &self.chunks, step)?;
        Ok(self.with_chunks(chunks, Padding::Zeros))
    }

    /// [`rotate_left`](Self::rotate_left) by each step. A vector whose length is a power of two up to a row of slots shares the work that
    /// depends on the vector alone.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3, 4])?)?;
    /// let rotated = x.rotate_many(&[1, 2])?;
    /// assert_eq!(client.decrypt(&rotated[0])?, [2, 3, 4, 1]);
    /// assert_eq!(client.decrypt(&rotated[1])?, [3, 4, 1, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left); [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing: also those
    /// of which there are keys for lower levels only.
    #[doc(alias(
        "RotateHoisted",
        "EvalFastRotation",
        "EvalFastRotationPrecompute",
        "RotateHoistedNew"
    ))]
    #[doc(alias("EvalFastRotationExt", "AutomorphismHoisted"))]
    pub fn rotate_many(&self, steps: impl IntoIterator<Item: Borrow<i64>>) -> Result<Vec<Self>> {
        let steps: Vec<i64> = steps.into_iter().map(|step| *step.borrow()).collect();
        let mut moves = steps
            .iter()
            .filter(|&&step| !self.packing.is_identity(step));
        let Some(&first) = moves.next() else {
            return Ok(vec![self.clone(); steps.len()]);
        };
        let needed = moves.fold(self.rotations_for_step(first), |needed, &step| {
            needed.and(self.rotations_for_step(step))
        });
        let operation = "a rotation by several steps";
        let level = self.level_of_rotations();
        self.evaluator
            .check_rotations_at(&needed, level, operation)?;
        if !self.packing.moves_as_one() {
            return steps.iter().map(|&step| self.rotate_left(step)).collect();
        }
        self.check_depth("rotations of the vector", 0)?;
        // One ciphertext holds such a vector.
        let steps = steps.into_iter().map(|step| self.packing.reduced(step));
        let steps: Vec<i64> = steps.map(signed).collect();
        let rotated = self.evaluator.rotate_many(&self.chunks[0], &steps)?;
        let vector = |chunk| self.with_chunks(vec![chunk], Padding::Zeros);
        Ok(rotated.into_iter().map(vector).collect())
    }

    /// The highest level at which a rotation of this vector takes keys, 0 where none is known.
    fn level_of_rotations(&self) -> usize {
        let position = |chunk| match self.packing.moves_as_one() {
            true => self.evaluator.term_position(chunk),
            // Parts are multiplied by masks, before which pending rescales are done.
            false => self.evaluator.factor_position(chunk),
        };
        let positions = self.chunks.iter().map(position);
        let levels = positions.map(|position| position.map_or(0, |position| position.level()));
        levels.max().unwrap_or(0)
    }

    /// The values moved `step` places to the right, as [`rotate_left`](Self::rotate_left).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3, 4])?)?;
    /// assert_eq!(client.decrypt(&x.rotate_right(1)?)?, [4, 1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left).
    #[doc(alias("rotate", "EvalRotate"))]
    pub fn rotate_right(&self, step: i64) -> Result<Self> {
        // Reduced before it is negated: i64::MIN has no negative.
        let length = i64::try_from(self.len()).unwrap_or(i64::MAX);
        self.rotate_left(-step.rem_euclid(length))
    }

    /// Shrinks the vector for transmission to the client: afterwards it can be decrypted but not usefully computed on. It keeps no
    /// more primes than its values need, and no low bits that are only noise. CKKS: costs at most 0.6 bits of precision beside those
    /// of a pending rescale. BFV: exact. The noise bound accounts for it.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(2).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([3, 4])?)?.square()?;
    /// let response = x.compact()?;
    /// assert!(response.byte_length() < x.byte_length() / 2);
    /// assert_eq!(client.decrypt(&response)?, [9, 16]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// What decryption would refuse: [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted), [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    #[doc(alias = "Compress")]
    pub fn compact(&self) -> Result<Self> {
        let compacted = self.map(|chunk| self.evaluator.compact(chunk))?;
        // What lies beyond the values is not worth its bytes.
        let padding = match self.padding {
            Padding::Zeros => Padding::Zeros,
            Padding::Filled(_) | Padding::Unknown => Padding::Unknown,
        };
        Ok(compacted.with_padding(padding))
    }

    /// The values with levels to spend again: CKKS vectors by a bootstrapping, two ciphertexts in the time of one where there are many. In the clear a copy.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # // Without a security check, so that this example is quick.
    /// # let builder = CkksContext::for_depth(1).bootstrapping().degree(1024);
    /// # let client = builder.insecure_skip_security_check().build()?.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::none())?.with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    /// let mut x = server.attach(client.encrypt([0.9])?)?;
    /// for _ in 0..2 {
    ///     x = x.square()?.refresh()?;
    /// }
    /// assert!((client.decrypt(&x)?[0] - 0.6561).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) without a bootstrapping; [`OperandError::NotRepeated`](crate::OperandError::NotRepeated) for more values
    /// than the bootstrapping's [period](crate::params::BootstrappingLayout::period); CKKS: [`PrecisionError::MessageTooLarge`](crate::PrecisionError::MessageTooLarge) unless message and
    /// error bounds add up to at most 1 + 2^-7, [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) below the level that the bootstrapping takes.
    #[doc(alias("bootstrap", "EvalBootstrap", "Bootstrap"))]
    #[doc(alias("recrypt", "BootstrapMany"))]
    pub fn refresh(&self) -> Result<Self> {
        let chunks: Vec<&E::Ciphertext> = self.chunks.iter().collect();
        let period = self.packing.period();
        let chunks = self.evaluator.refresh_assuming_period(&chunks, period)?;
        let padding = self.padding.moved(|value| {
            let mut refreshed = self.evaluator.refresh_assuming_period(&[value], 1)?;
            Ok(refreshed.remove(0))
        });
        Ok(self.with_chunks(chunks, padding))
    }

    /// The rotations whose keys [`sum`](Self::sum) and dot products of a vector like this one use. Call this on the
    /// client, before it generates the server's keys.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3, 4, 5])?; // padded to eight values
    /// assert_eq!(x.rotations_for_sum(), Rotations::steps(&[1, 2, 4]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations_for_sum(&self) -> Rotations {
        self.packing.sum_rotations()
    }

    /// [`rotations_for_sum`](Self::rotations_for_sum) and half as many again, with which a sum takes two steps at once: in about a sixth
    /// less time.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3, 4])?;
    /// assert_eq!(x.rotations_for_fast_sum(), Rotations::steps(&[1, 2, 3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations_for_fast_sum(&self) -> Rotations {
        self.packing.fast_sum_rotations()
    }

    /// The rotations whose keys [`rotate_left`](Self::rotate_left) by `step` of a vector like this one uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3])?;
    /// let server = client.generate_server_key(&x.rotations_for_step(1))?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.rotate_left(1)?)?, [2, 3, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations_for_step(&self, step: i64) -> Rotations {
        self.packing.rotations(step)
    }
}
