//! Matrix products, transposition and permutation of vectors, with maps that are encoded for one use.

use crate::circuits::{LinearMap, Matrix, Vector};
use crate::error::{Result, check_lengths};
use crate::evaluator::{Evaluator, Position};

impl<E: Evaluator> Vector<E> {
    /// `x M`: numpy's `x @ M`, for this vector of `M.rows()` values. For several products encode `LinearMap::vector_matrix` once.
    ///
    /// # Errors
    /// As [`matmul`](Self::matmul) and [`LinearMap::encode`].
    pub fn matmul_plain(&self, matrix: &Matrix<E::Scalar>) -> Result<Self> {
        self.apply(&LinearMap::vector_matrix(matrix))
    }

    /// The product of the matrix that this vector holds, row after row, with a known one: `X M`, where X has `M.rows()` columns.
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless the vector has whole rows.
    pub fn rows_matmul_plain(&self, matrix: &Matrix<E::Scalar>) -> Result<Self> {
        let rows = self.len().div_ceil(matrix.rows());
        self.apply(&LinearMap::vector_matrix(matrix).for_each_of(rows)?)
    }

    /// The transpose of the matrix of `rows` rows that this vector holds, row after row. Takes one level (CKKS).
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless the vector has `rows` whole rows.
    pub fn transpose(&self, rows: usize) -> Result<Self> {
        let columns = self.len().div_ceil(rows.max(1));
        self.apply(&LinearMap::transposition(rows, columns)?)
    }

    /// The vector whose value i is value `sources[i]` of this one: a permutation, a selection, or a repetition of its values. Takes one level
    /// (CKKS), and key switches for each different `sources[i] - i`, or about twice their root.
    ///
    /// # Errors
    /// As [`matmul_plain`](Self::matmul_plain); [`OperandError::IndexOutOfRange`](crate::OperandError::IndexOutOfRange).
    pub fn permute(&self, sources: &[usize]) -> Result<Self> {
        self.apply(&LinearMap::gather(self.len(), sources)?)
    }

    /// The vector under a map, encoded for this use.
    fn apply(&self, map: &LinearMap<E::Scalar>) -> Result<Self> {
        check_lengths(self.len(), map.inputs())?;
        self.check_depth("a linear map", 1)?;
        let positions = self
            .chunks
            .iter()
            .map(|chunk| self.evaluator.factor_position(chunk));
        let positions: Vec<Position> = positions.collect::<Result<_>>()?;
        let highest = positions.into_iter().max_by_key(Position::level);
        let position = highest.unwrap_or(Position::at_level(0));
        self.matmul(&map.encode(&self.evaluator, position)?)
    }
}
