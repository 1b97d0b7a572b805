use crate::circuits::{EncodedMap, LinearMap, MatrixProduct, Vector};
use crate::error::{Result, check_number};
use crate::evaluator::{Evaluator, Position};
use crate::keys::Rotations;

/// The product of encrypted matrices that lie row after row in their vectors, as the result does. It takes three levels: one for the
/// forms that [`MatrixProduct`] multiplies, one for the product, one for its rows to close up.
///
/// Made by [`MatrixProduct::encode`], before any ciphertext exists.
///
/// ```
/// use slotwise::circuits::{MatrixProduct, Vector};
/// use slotwise::evaluator::{ClearReals, Position};
///
/// let evaluator = ClearReals::new(64);
/// let product = MatrixProduct::new(2, 3, 2)?.encode(&evaluator, Position::at_level(0))?;
/// let a = Vector::from_values(&evaluator, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// let b = Vector::from_values(&evaluator, &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
/// assert_eq!(a.row_major_product(&b, &product)?.values(), [4.0, 5.0, 10.0, 11.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Debug)]
pub struct RowMajorProduct<E: Evaluator> {
    product: MatrixProduct,
    left: EncodedMap<E>,
    right: EncodedMap<E>,
    output: EncodedMap<E>,
}

impl MatrixProduct {
    /// Encodes the maps from and to matrices row after row, for operands whose [`factor_position`](Evaluator::factor_position) is
    /// `position`, or for those of a lower level.
    ///
    /// ```
    /// use slotwise::circuits::{MatrixProduct, Vector};
    /// use slotwise::evaluator::{ClearIntegers, Position};
    ///
    /// let evaluator = ClearIntegers::new(128, 65_537)?;
    /// let product = MatrixProduct::new(2, 2, 2)?.encode(&evaluator, Position::at_level(0))?;
    /// let a = Vector::from_values(&evaluator, &[1, 2, 3, 4])?;
    /// assert_eq!(a.row_major_product(&a, &product)?.values(), [7, 10, 15, 22]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LinearMap::encode`].
    pub fn encode<E: Evaluator>(
        &self,
        evaluator: &E,
        position: Position,
    ) -> Result<RowMajorProduct<E>> {
        let [left, right] = self.row_major_maps()?;
        let pixels: Vec<usize> = self.output().positions().collect();
        let output = LinearMap::gather(self.output().size(), &pixels)?;
        Ok(RowMajorProduct {
            product: *self,
            left: left.encode(evaluator, position)?,
            right: right.encode(evaluator, position)?,
            output: output.encode(evaluator, position)?,
        })
    }
}

impl<E: Evaluator> RowMajorProduct<E> {
    /// The rotations whose keys the product uses.
    ///
    /// ```
    /// use slotwise::circuits::MatrixProduct;
    /// use slotwise::evaluator::{ClearReals, Position};
    ///
    /// let evaluator = ClearReals::new(64);
    /// let product = MatrixProduct::new(2, 2, 2)?.encode(&evaluator, Position::at_level(0))?;
    /// assert!(!product.rotations().is_none());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        let maps = [&self.left, &self.right, &self.output];
        maps.iter()
            .fold(self.product.rotations(), |rotations, map| {
                rotations.and(map.plan().rotations())
            })
    }
}

impl<E: Evaluator> Vector<E> {
    /// The product of the matrices that this vector and `right` hold, row after row. Takes three levels.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(3).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::MatrixProduct;
    ///
    /// let a = server.attach(client.encrypt([1, 2, 3, 4])?)?;
    /// let product = MatrixProduct::new(2, 2, 2)?.encode(a.evaluator(), a.factor_position()?)?;
    /// assert_eq!(client.decrypt(&a.row_major_product(&a, &product)?)?, [7, 10, 15, 22]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for matrices of other sizes; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) and
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) before any work; as [`matmul`](Self::matmul) and [`matrix_product`](Self::matrix_product).
    #[doc(alias("matmul", "mm"))]
    pub fn row_major_product(&self, right: &Self, product: &RowMajorProduct<E>) -> Result<Self> {
        let operation = "a product of encrypted matrices in rows";
        let evaluator = self.evaluator.with_more_keys(&right.evaluator)?;
        check_number(
            "values of the left matrix (its rows times its columns)",
            self.len(),
            product.left.inputs(),
        )?;
        check_number(
            "values of the right matrix (its rows times its columns)",
            right.len(),
            product.right.inputs(),
        )?;
        self.check_depth(operation, 3)?;
        right.check_depth(operation, 3)?;
        evaluator.check_rotations(&product.rotations(), operation)?;
        let left = self.matmul(&product.left)?;
        let right = right.matmul(&product.right)?;
        left.matrix_product(&right, &product.product)?
            .matmul(&product.output)
    }
}
