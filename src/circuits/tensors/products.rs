//! Products of matrices.

use crate::circuits::Vector;
use crate::circuits::tensors::shape::mismatch;
use crate::circuits::tensors::{PlainTensor, Tensor};
use crate::error::Result;
use crate::evaluator::Evaluator;

impl<E: Evaluator> Tensor<E> {
    /// The product of two matrices, of a matrix and a vector, or the dot product of two vectors: sums over the last axis of `self` and
    /// the first of `other`, both of one or two axes.
    ///
    /// Cost: one level, and for each element of the result one relinearization.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.matmul(&x)?.to_plain()?.values(), [7.0, 10.0, 15.0, 22.0]);
    /// assert_eq!(x.matmul(&y)?.to_plain()?.values(), [50.0, 110.0]); // a matrix times a vector
    /// assert_eq!(y.matmul(&y)?.to_plain()?.values(), [500.0]); // a dot product
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) for other shapes; [`OperandError::Count`](crate::OperandError::Count) for batches of different sizes; as
    /// [`Vector::inner_product`].
    #[doc(alias("dot", "mm"))]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        let (evaluator, batch) = self.joined(other)?;
        let product = Product::new(self.shape(), other.shape())?;
        let (own, others) = (self.elements.values(), other.elements.values());
        let result = self.computed(&product.shape, product.count(), |element| {
            let pairs = product.pairs(element);
            let (left, right): (Vec<_>, Vec<_>) = pairs
                .map(|(i, j)| (own[i].as_ref(), others[j].as_ref()))
                .unzip();
            Vector::inner_product(&left, &right)
        })?;
        Ok(Self {
            evaluator,
            batch,
            ..result
        })
    }

    /// [`matmul`](Self::matmul) with known values on the right.
    ///
    /// Cost: one level, or none if all values are integers of up to 30 bits (CKKS); no key.
    ///
    /// ```
    /// use slotwise::circuits::{PlainTensor, Tensor};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let x = PlainTensor::new(&[1.0, 2.0], &[2])?;
    /// let x = Tensor::from_values(&ClearReals::new(8), &x)?;
    /// let weights = PlainTensor::new(&[1.0, 0.0, 2.0, 0.5, 3.0, 0.0], &[2, 3])?;
    /// assert_eq!(x.matmul_plain(&weights)?.to_plain()?.values(), [2.0, 6.0, 2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch); as [`Vector::mul_plain`].
    #[doc(alias = "mm")]
    pub fn matmul_plain(&self, values: &PlainTensor<E::Scalar>) -> Result<Self> {
        let product = Product::new(self.shape(), values.shape())?;
        values.check_finite()?;
        let (own, values) = (self.elements.values(), values.values());
        self.computed(&product.shape, product.count(), |element| {
            let pairs: Vec<(usize, usize)> = product.pairs(element).collect();
            let is_zero = |&(_, j): &(usize, usize)| values[j] == E::Scalar::default();
            // What zeros multiply is left out, except if it is all there is.
            let zeros = pairs.iter().take_while(|pair| is_zero(pair)).count();
            let first = zeros.min(pairs.len() - 1);
            let rest = pairs[first + 1..].iter().filter(|pair| !is_zero(pair));
            let terms = std::iter::once(&pairs[first])
                .chain(rest)
                .map(|&(i, j)| own[i].mul_scalar(values[j]))
                .collect::<Result<Vec<_>>>()?;
            Vector::add_many(&terms)
        })
    }
}

/// The shapes of a product of matrices.
struct Product {
    /// The length of the sums.
    length: usize,
    columns: usize,
    shape: Vec<usize>,
}

impl Product {
    fn new(left: &[usize], right: &[usize]) -> Result<Self> {
        let (rows, length, columns) = match (left, right) {
            (&[ref rows @ .., length], &[first, ref columns @ ..])
                if length == first && rows.len() <= 1 && columns.len() <= 1 =>
            {
                (rows, length, columns)
            }
            _ => return Err(mismatch(left, right, "a product of matrices")),
        };
        let shape = [rows, columns].concat();
        super::shape::count(&shape)?;
        Ok(Self {
            length,
            columns: columns.first().copied().unwrap_or(1),
            shape,
        })
    }

    fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The positions of the factors whose products an element sums.
    fn pairs(&self, element: usize) -> impl Iterator<Item = (usize, usize)> {
        let (row, column) = (element / self.columns, element % self.columns);
        let (length, columns) = (self.length, self.columns);
        (0..length).map(move |i| (row * length + i, i * columns + column))
    }
}
