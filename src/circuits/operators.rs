//! `+ - *` on vectors, the same in place, sums and products of iterators. Each returns a `Result`, so that a chain reads
//! `((&x * &y)? + 2.0)?`. An owned vector on the left gives its memory to the result, so that such a chain copies no ciphertext.

use crate::circuits::Vector;
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, IntoScalar, scalars};
use std::iter::{Product, Sum};
use std::ops::{Add, Mul, Neg, Sub};

/// The right-hand side of an operator: a vector, a number, or known values. Sealed: no other crate implements it.
///
/// Numbers are those that vectors take exactly ([`IntoScalar`](crate::evaluator::IntoScalar)), alone or in slices, arrays and `Vec`s:
///
/// ```
/// use slotwise::circuits::Vector;
/// use slotwise::evaluator::ClearReals;
///
/// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
/// let weights: Vec<f32> = vec![0.5, 0.25];
/// assert_eq!(((&x * &weights)? + 1)?.values(), [1.5, 1.5]);
/// assert_eq!(([10, 20] - &x)?.values(), [9.0, 18.0]);
/// assert_eq!((2 * (1.0 + x)?)?.values(), [4.0, 6.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// On the left, numbers alone are `f64` or `i64`: with more types Rust could not tell what a literal there is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operand of vectors over `{E}`",
    label = "neither a vector nor numbers that such a vector takes",
    note = "operands are vectors (`&y` or `y`), numbers, and numbers in slices, arrays and `Vec`s; take results apart first: `((&x * &y)? + 2.0)?`",
    note = "vectors of reals (CKKS) take f64, f32 and integers; vectors of integers (BFV) take i64: convert others with `i64::from(value)` or `i64::try_from(value)?`. The two do not mix",
    note = "a deserialized `Unattached` vector becomes one by `.attach(&context)?`"
)]
pub trait Operand<E: Evaluator>: sealed::Sealed {
    /// Which of them.
    ///
    /// # Errors
    /// [`ValueError::Inexact`](crate::ValueError::Inexact) for an integer beyond 2^53 that no `f64` is equal to.
    fn kind(&self) -> Result<OperandKind<'_, E>>;
}

mod sealed {
    use crate::circuits::Vector;
    use crate::evaluator::Evaluator;

    /// Closes [`Operand`](super::Operand) to other crates.
    pub trait Sealed {}
    impl<E: Evaluator> Sealed for Vector<E> {}
    impl<E: Evaluator> Sealed for &Vector<E> {}
    impl<T> Sealed for &[T] {}
    impl<T> Sealed for &Vec<T> {}
    impl<T> Sealed for Vec<T> {}
    impl<T, const N: usize> Sealed for &[T; N] {}
    impl<T, const N: usize> Sealed for [T; N] {}
}

/// An operand, its numbers converted.
#[derive(Debug)]
pub enum OperandKind<'a, E: Evaluator> {
    /// A vector.
    Vector(&'a Vector<E>),
    /// Known values, one for each of the vector's, or one for all.
    Values(Vec<E::Scalar>),
}

impl<E: Evaluator> Operand<E> for &Vector<E> {
    fn kind(&self) -> Result<OperandKind<'_, E>> {
        Ok(OperandKind::Vector(self))
    }
}

impl<E: Evaluator> Operand<E> for Vector<E> {
    fn kind(&self) -> Result<OperandKind<'_, E>> {
        Ok(OperandKind::Vector(self))
    }
}

/// Numbers of any of these types as operands.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}

        impl<E: Evaluator> Operand<E> for $number
        where
            $number: IntoScalar<E::Scalar>,
        {
            fn kind(&self) -> Result<OperandKind<'_, E>> {
                scalars([*self]).map(OperandKind::Values)
            }
        }
    )*};
}

numbers!(f64, f32, i8, i16, i32, i64, u8, u16, u32, u64, usize);

/// Lists of numbers as operands, and as the left-hand side of operators.
macro_rules! lists {
    ($([$($length:tt)*] $list:ty),*) => {$(
        impl<E: Evaluator, T: IntoScalar<E::Scalar>, $($length)*> Operand<E> for $list {
            fn kind(&self) -> Result<OperandKind<'_, E>> {
                scalars(self.iter()).map(OperandKind::Values)
            }
        }

        operators_on_the_left!([T, $($length)*] T, $list);
    )*};
}

/// An operator with known values on its left and a vector, owned or borrowed, on its right: `|vector, values|` in terms of the
/// vector's operators.
macro_rules! operator_on_values {
    ([$($parameters:tt)*] $bound:ty, $values:ty, $operator:ident, $method:ident, |$vector:ident, $left:ident| $result:expr) => {
        impl<E: Evaluator, $($parameters)*> $operator<&Vector<E>> for $values
        where
            $bound: IntoScalar<E::Scalar>,
        {
            type Output = Result<Vector<E>>;

            fn $method(self, $vector: &Vector<E>) -> Self::Output {
                let $left = self;
                $result
            }
        }

        impl<E: Evaluator, $($parameters)*> $operator<Vector<E>> for $values
        where
            $bound: IntoScalar<E::Scalar>,
        {
            type Output = Result<Vector<E>>;

            fn $method(self, $vector: Vector<E>) -> Self::Output {
                let $left = self;
                $result
            }
        }
    };
}

/// All operators with these values on their left.
macro_rules! operators_on_the_left {
    ([$($parameters:tt)*] $bound:ty, $values:ty) => {
        operator_on_values!([$($parameters)*] $bound, $values, Add, add, |vector, left| seen_from_the_left(vector + left));
        operator_on_values!([$($parameters)*] $bound, $values, Sub, sub, |vector, left| seen_from_the_left((-vector)? + left));
        operator_on_values!([$($parameters)*] $bound, $values, Mul, mul, |vector, left| seen_from_the_left(vector * left));
    };
}

/// The result of an operation with the vector first, whose operator has the known values first: their length comes first in an error, too.
fn seen_from_the_left<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Operands(OperandError::LengthMismatch { left, right }) => {
            Error::Operands(OperandError::LengthMismatch {
                left: right,
                right: left,
            })
        }
        other => other,
    })
}

operators_on_the_left!([] f64, f64);
operators_on_the_left!([] i64, i64);
lists!([] &[T], [] &Vec<T>, [] Vec<T>, [const N: usize] &[T; N], [const N: usize] [T; N]);

/// An operator with a vector on its left, and in the memory of that vector.
macro_rules! operator_on_vectors {
    ($operator:ident, $method:ident, $with_values:ident, $change:ident, $by_vector:expr, $by_values:expr) => {
        impl<E: Evaluator, R: Operand<E>> $operator<R> for &Vector<E> {
            type Output = Result<Vector<E>>;

            fn $method(self, right: R) -> Self::Output {
                match right.kind()? {
                    OperandKind::Vector(vector) => self.$method(vector),
                    OperandKind::Values(values) => self.$with_values(&values),
                }
            }
        }

        impl<E: Evaluator, R: Operand<E>> $operator<R> for Vector<E> {
            type Output = Result<Vector<E>>;

            fn $method(mut self, right: R) -> Self::Output {
                self.$change(&right.kind()?)?;
                Ok(self)
            }
        }

        impl<E: Evaluator> Vector<E> {
            fn $change(&mut self, right: &OperandKind<'_, E>) -> Result<()> {
                match right {
                    OperandKind::Vector(vector) => $by_vector(self, vector),
                    OperandKind::Values(values) => $by_values(self, values),
                }
            }
        }
    };
}

operator_on_vectors!(
    Add,
    add,
    add_plain,
    change_by_addition,
    Self::change_by_sum,
    Self::change_by_plain_sum
);
operator_on_vectors!(
    Sub,
    sub,
    sub_plain,
    change_by_subtraction,
    Self::change_by_difference,
    Self::change_by_plain_difference
);
operator_on_vectors!(
    Mul,
    mul,
    mul_plain,
    change_by_multiplication,
    |x: &mut Self, y| {
        // A product of vectors has new polynomials.
        *x = Vector::mul(x, y)?;
        Ok(())
    },
    Self::change_by_plain_product
);

impl<E: Evaluator> Neg for &Vector<E> {
    type Output = Result<Vector<E>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}

impl<E: Evaluator> Neg for Vector<E> {
    type Output = Result<Vector<E>>;

    fn neg(mut self) -> Self::Output {
        self.change(E::negate_assign)?;
        Ok(self)
    }
}

impl<E: Evaluator> Vector<E> {
    /// `self = self + right`, in the memory of a vector that fits one ciphertext. An error leaves the vector as it was.
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let evaluator = ClearReals::new(4);
    /// let mut sum = Vector::from_values(&evaluator, &[1.0, 2.0])?;
    /// sum.add_assign(&Vector::from_values(&evaluator, &[3.0, 4.0])?)?;
    /// sum.add_assign(0.5)?;
    /// sum.mul_assign([2, 4])?;
    /// assert_eq!(sum.values(), [9.0, 26.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add) and [`add_plain`](Self::add_plain).
    #[doc(alias("add_", "EvalAddInPlace", "add_inplace"))]
    pub fn add_assign(&mut self, right: impl Operand<E>) -> Result<()> {
        let right = right.kind()?;
        self.all_or_none(|vector| vector.change_by_addition(&right))
    }

    /// `self = self - right`, as [`add_assign`](Self::add_assign).
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let mut x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// x.sub_assign([0.5, 1.0])?;
    /// assert_eq!(x.values(), [0.5, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sub`](Self::sub) and [`sub_plain`](Self::sub_plain).
    #[doc(alias("sub_", "EvalSubInPlace", "sub_inplace"))]
    pub fn sub_assign(&mut self, right: impl Operand<E>) -> Result<()> {
        let right = right.kind()?;
        self.all_or_none(|vector| vector.change_by_subtraction(&right))
    }

    /// `self = self * right`, as [`add_assign`](Self::add_assign); a product with a vector takes new memory.
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let mut x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// let y = x.clone();
    /// x.mul_assign(&y)?;
    /// assert_eq!(x.values(), [1.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`mul_plain`](Self::mul_plain).
    #[doc(alias("mul_", "EvalMultInPlace", "multiply_inplace"))]
    pub fn mul_assign(&mut self, right: impl Operand<E>) -> Result<()> {
        let right = right.kind()?;
        self.all_or_none(|vector| vector.change_by_multiplication(&right))
    }

    /// `self = -self`, as [`add_assign`](Self::add_assign).
    ///
    /// ```
    /// use slotwise::circuits::Vector;
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let mut x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// x.negate_assign()?;
    /// assert_eq!(x.values(), [-1.0, -2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`negate`](Self::negate).
    #[doc(alias("neg_", "EvalNegateInPlace", "negate_inplace"))]
    pub fn negate_assign(&mut self) -> Result<()> {
        self.all_or_none(|vector| vector.change(E::negate_assign))
    }
}

/// Sums and products of iterators over vectors.
macro_rules! of_iterators {
    ($trait:ident, $method:ident, $of:ident, $doc:literal) => {
        #[doc = $doc]
        impl<'a, E: Evaluator> $trait<&'a Vector<E>> for Result<Vector<E>> {
            fn $method<I: Iterator<Item = &'a Vector<E>>>(vectors: I) -> Self {
                Vector::$of(&vectors.collect::<Vec<_>>())
            }
        }

        #[doc = $doc]
        impl<E: Evaluator> $trait<Vector<E>> for Result<Vector<E>> {
            fn $method<I: Iterator<Item = Vector<E>>>(vectors: I) -> Self {
                Vector::$of(&vectors.collect::<Vec<_>>().iter().collect::<Vec<_>>())
            }
        }
    };
}

of_iterators!(
    Sum,
    sum,
    sum_of,
    "`iterator.sum::<Result<_>>()`, as [`Vector::add_many`], of vectors or references."
);
of_iterators!(
    Product,
    product,
    product_of,
    "`iterator.product::<Result<_>>()`, as [`Vector::mul_many`], of vectors or references."
);
