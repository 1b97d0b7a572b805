//! Matrix products, transposition and permutation of vectors, with maps that are encoded for one use.

use crate::circuits::linear::encoded::check_input;
use crate::circuits::{LinearMap, Matrix, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, Position};

impl<E: Evaluator> Vector<E> {
    /// `x M`: numpy's `x @ M`, for this vector of `M.rows()` values. For several products encode `LinearMap::vector_matrix` once.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::Matrix;
    ///
    /// let x = server.attach(client.encrypt([1, 2])?)?;
    /// let matrix = Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?;
    /// assert_eq!(client.decrypt(&x.matmul_plain(&matrix)?)?, [9, 12, 15]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`matmul`](Self::matmul) and [`LinearMap::encode`].
    #[doc(alias(
        "matmul",
        "mm",
        "EvalLinearTransform",
        "LinearTransform",
        "enc_matmul_plain"
    ))]
    pub fn matmul_plain(&self, matrix: &Matrix<E::Scalar>) -> Result<Self> {
        self.apply(&LinearMap::vector_matrix(matrix))
    }

    /// The product of the matrix that this vector holds, row after row, with a known one: `X M`, where X has `M.rows()` columns.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::Matrix;
    ///
    /// let x = server.attach(client.encrypt([1, 2, 3, 4])?)?; // [[1, 2], [3, 4]]
    /// let matrix = Matrix::from_rows(&[[1, 0], [1, 1]])?;
    /// assert_eq!(client.decrypt(&x.rows_matmul_plain(&matrix)?)?, [3, 2, 7, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::InputLength`](crate::OperandError::InputLength) unless the vector has whole rows.
    #[doc(alias("enc_matmul_plain", "enc_matmul_encoding"))]
    pub fn rows_matmul_plain(&self, matrix: &Matrix<E::Scalar>) -> Result<Self> {
        let rows = self.len().div_ceil(matrix.rows());
        self.apply(&LinearMap::vector_matrix(matrix).for_each_of(rows)?)
    }

    /// The transpose of the matrix of `rows` rows that this vector holds, row after row. Takes one level (CKKS).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3, 4, 5, 6])?)?; // two rows of three
    /// assert_eq!(client.decrypt(&x.transpose(2)?)?, [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) unless the vector has `rows` whole rows.
    pub fn transpose(&self, rows: usize) -> Result<Self> {
        if rows > 0 && !self.len().is_multiple_of(rows) {
            return Err(Error::Operands(OperandError::InvalidShape {
                sizes: vec![self.len(), rows],
                reason: "the length of the vector is no multiple of the number of rows; give the number of its rows, of one length",
            }));
        }
        let columns = self.len().div_ceil(rows.max(1));
        self.apply(&LinearMap::transposition(rows, columns)?)
    }

    /// The vector whose value i is value `sources[i]` of this one: a permutation, a selection, or a repetition of its values. Takes one level
    /// (CKKS), and key switches for each different `sources[i] - i`, or about twice their root.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([10, 20, 30])?)?;
    /// assert_eq!(client.decrypt(&x.permute(&[2, 0, 0, 1])?)?, [30, 10, 10, 20]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::IndexOutOfRange`](crate::OperandError::IndexOutOfRange).
    #[doc(alias("gather", "EvalPermute"))]
    pub fn permute(&self, sources: &[usize]) -> Result<Self> {
        self.apply(&LinearMap::gather(self.len(), sources)?)
    }

    /// The position at which to encode maps and layers for this vector: that of its highest ciphertext.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2])?)?;
    /// let map = LinearMap::vector_matrix(&Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?);
    /// let encoded = map.encode(x.evaluator(), x.factor_position()?)?; // serves any number of vectors
    /// assert_eq!(client.decrypt(&x.matmul(&encoded)?)?, [9, 12, 15]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::factor_position`].
    pub fn factor_position(&self) -> Result<Position> {
        self.note_periods(&self.evaluator);
        // What would be refreshed for the product is refreshed now, so that the position is that of the product.
        self.evaluator
            .refresh_for(&self.chunks.iter().collect::<Vec<_>>(), 1)?;
        let positions = self.chunks.iter();
        let positions = positions.map(|chunk| self.evaluator.factor_position(chunk));
        let positions: Vec<Position> = positions.collect::<Result<_>>()?;
        let highest = positions.into_iter().max_by_key(Position::level);
        Ok(highest.unwrap_or(Position::at_level(0)))
    }

    /// The vector under a map, encoded for this use.
    fn apply(&self, map: &LinearMap<E::Scalar>) -> Result<Self> {
        check_input(self.len(), map.inputs(), map.outputs())?;
        self.check_depth("a linear map", 1)?;
        self.matmul(&map.encode(&self.evaluator, self.factor_position()?)?)
    }
}
