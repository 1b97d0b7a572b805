use crate::error::{Error, Result, ValueError};
use crate::evaluator::Number;
use std::fmt;

/// A matrix of known numbers, with at least one row and one column.
///
/// ```
/// use slotwise::circuits::Matrix;
///
/// let matrix = Matrix::from_rows(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])?;
/// assert_eq!((matrix.rows(), matrix.columns()), (2, 3));
/// assert_eq!(matrix.transpose().get(2, 1), Some(6.0));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Matrix<S> {
    columns: usize,
    /// Row after row.
    values: Vec<S>,
}

impl<S: Number> Matrix<S> {
    /// The matrix of these rows.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// let matrix = Matrix::from_rows(&[vec![1, 2, 3], vec![4, 5, 6]])?; // arrays and slices serve, too
    /// assert_eq!(matrix.get(1, 2), Some(6));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no rows or no columns; [`ValueError::RaggedRows`](crate::ValueError::RaggedRows);
    /// [`ValueError::NotFiniteAt`](crate::ValueError::NotFiniteAt) with the row and the column of the value.
    pub fn from_rows<R: AsRef<[S]>>(rows: &[R]) -> Result<Self> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        let ragged = rows.iter().position(|row| row.as_ref().len() != columns);
        if let Some(row) = ragged {
            return Err(Error::Values(ValueError::RaggedRows {
                row,
                length: rows[row].as_ref().len(),
                expected: columns,
            }));
        }
        let values = rows.iter().flat_map(|row| row.as_ref()).copied();
        Self::from_values((rows.len(), columns), values)
    }

    /// The matrix whose entry at row i and column j is `entry(i, j)`.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// let identity = Matrix::from_fn(3, 3, |row, column| i64::from(row == column))?;
    /// assert_eq!(identity.values(), [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_rows`](Self::from_rows); [`ValueError::TooLarge`](crate::ValueError::TooLarge) if there are more entries than memory holds, or more
    /// than 2^28.
    pub fn from_fn(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> S) -> Result<Self> {
        let indices = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
        Self::from_values((rows, columns), indices.map(|(i, j)| entry(i, j)))
    }

    fn from_values(
        (rows, columns): (usize, usize),
        entries: impl Iterator<Item = S>,
    ) -> Result<Self> {
        if rows == 0 || columns == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        let too_large = || Error::Values(ValueError::TooLarge { rows, columns });
        let count = rows.checked_mul(columns).ok_or_else(too_large)?;
        let mut values = Vec::new();
        if count > MOST_ENTRIES || values.try_reserve_exact(count).is_err() {
            return Err(too_large());
        }
        values.extend(entries);
        if let Some(index) = values.iter().position(|value: &S| !value.is_finite()) {
            let indices = vec![index / columns, index % columns];
            return Err(Error::Values(ValueError::NotFiniteAt { indices }));
        }
        Ok(Self { columns, values })
    }

    /// The number of rows.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// assert_eq!(Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?.rows(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// The number of columns.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// assert_eq!(Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?.columns(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entry at `row` and `column`; `None` outside the matrix.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// let matrix = Matrix::from_rows(&[[1, 2, 3], [4, 5, 6]])?;
    /// assert_eq!((matrix.get(0, 1), matrix.get(2, 0)), (Some(2), None));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<S> {
        (row < self.rows() && column < self.columns)
            .then(|| self.values[row * self.columns + column])
    }

    /// The entries, row after row.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// assert_eq!(Matrix::from_rows(&[[1, 2], [3, 4]])?.values(), [1, 2, 3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn values(&self) -> &[S] {
        &self.values
    }

    /// The entries with their rows and columns, row after row.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// let matrix = Matrix::from_rows(&[[1, 2], [3, 4]])?;
    /// assert_eq!(matrix.entries().nth(2), Some((1, 0, 3)));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn entries(&self) -> impl Iterator<Item = (usize, usize, S)> + '_ {
        let columns = self.columns;
        let place = move |(index, &value): (usize, &S)| (index / columns, index % columns, value);
        self.values.iter().enumerate().map(place)
    }

    /// The matrix with rows and columns exchanged.
    ///
    /// ```
    /// # use slotwise::circuits::Matrix;
    /// let matrix = Matrix::from_rows(&[[1, 2], [3, 4]])?;
    /// assert_eq!(matrix.transpose(), Matrix::from_rows(&[[1, 3], [2, 4]])?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn transpose(&self) -> Self {
        let (rows, columns) = (self.rows(), self.columns);
        let entry = |index: usize| self.values[index % rows * columns + index / rows];
        Self {
            columns: rows,
            values: (0..self.values.len()).map(entry).collect(),
        }
    }
}

impl<S> fmt::Debug for Matrix<S> {
    /// The type of the numbers, and the shape.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scalar, columns) = (std::any::type_name::<S>(), self.columns);
        write!(
            out,
            "Matrix<{scalar}>({} by {columns})",
            self.values.len() / columns
        )
    }
}

/// The most entries of a matrix, and the most values of vectors that maps connect.
pub(super) const MOST_ENTRIES: usize = 1 << 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_matrix_is_refused() {
        let error = |rows: &[Vec<f64>]| match Matrix::from_rows(rows).unwrap_err() {
            Error::Values(error) => error,
            other => panic!("{other}"),
        };
        assert_eq!(error(&[]), ValueError::Empty);
        assert_eq!(error(&[vec![], vec![]]), ValueError::Empty);
        let (row, length, expected) = (1, 1, 2);
        let ragged = ValueError::RaggedRows {
            row,
            length,
            expected,
        };
        assert_eq!(error(&[vec![1.0, 2.0], vec![3.0]]), ragged);
        let infinite = error(&[vec![1.0], vec![f64::INFINITY]]);
        let indices = vec![1, 0];
        assert_eq!(infinite, ValueError::NotFiniteAt { indices });
        for (rows, columns) in [
            (usize::MAX, 2),
            (2, usize::MAX),
            (usize::MAX, 1),
            (1 << 20, 1 << 20),
        ] {
            assert_eq!(
                Matrix::from_fn(rows, columns, |_, _| 1i64).unwrap_err(),
                Error::Values(ValueError::TooLarge { rows, columns })
            );
        }
    }

    #[test]
    fn entries_lie_where_they_were_put() {
        let matrix = Matrix::from_fn(3, 2, |i, j| (10 * i + j) as i64).unwrap();
        assert_eq!(matrix.values(), [0, 1, 10, 11, 20, 21]);
        assert_eq!(matrix.transpose().values(), [0, 10, 20, 1, 11, 21]);
        assert_eq!(matrix.transpose().transpose(), matrix);
        assert_eq!(
            (matrix.get(2, 1), matrix.get(2, 2), matrix.get(3, 0)),
            (Some(21), None, None)
        );
        assert_eq!(matrix.entries().last(), Some((2, 1, 21)));
        assert_eq!(format!("{matrix:?}"), "Matrix<i64>(3 by 2)");
    }
}
