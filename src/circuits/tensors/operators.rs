//! `+ - *` on tensors. Each returns a `Result`, as on vectors.

use crate::circuits::tensors::shape::mismatch;
use crate::circuits::tensors::{PlainTensor, Tensor};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, IntoScalar, scalars};
use std::ops::{Add, Mul, Neg, Sub};

/// The right-hand side of an operator on a tensor: a tensor, known values, or a number, as of a vector's
/// [`Operand`](crate::circuits::Operand). Sealed: no other crate implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operand of tensors over `{E}`",
    label = "neither a tensor nor a number that such a tensor takes",
    note = "operands are tensors (`&y` or `y`), `&PlainTensor`s of known values, and numbers; take results apart first: `((&x * &y)? + 2.0)?`",
    note = "tensors of reals (CKKS) take f64, f32 and integers; tensors of integers (BFV) take i64: convert others with `i64::from(value)` or `i64::try_from(value)?`. The two do not mix"
)]
pub trait TensorOperand<E: Evaluator>: sealed::Sealed {
    /// Which of them.
    ///
    /// # Errors
    /// [`ValueError::Inexact`](crate::ValueError::Inexact) for an integer beyond 2^53 that no `f64` is equal to.
    fn kind(&self) -> Result<TensorOperandKind<'_, E>>;
}

mod sealed {
    use crate::circuits::tensors::{PlainTensor, Tensor};
    use crate::evaluator::Evaluator;

    /// Closes [`TensorOperand`](super::TensorOperand) to other crates.
    pub trait Sealed {}
    impl<E: Evaluator> Sealed for Tensor<E> {}
    impl<E: Evaluator> Sealed for &Tensor<E> {}
    impl<T> Sealed for &PlainTensor<T> {}
}

/// A borrowed operand.
#[derive(Debug)]
pub enum TensorOperandKind<'a, E: Evaluator> {
    /// A tensor.
    Tensor(&'a Tensor<E>),
    /// Known values.
    Plain(&'a PlainTensor<E::Scalar>),
    /// One value for all elements.
    Scalar(E::Scalar),
}

impl<E: Evaluator> TensorOperand<E> for Tensor<E> {
    fn kind(&self) -> Result<TensorOperandKind<'_, E>> {
        Ok(TensorOperandKind::Tensor(self))
    }
}

impl<E: Evaluator> TensorOperand<E> for &Tensor<E> {
    fn kind(&self) -> Result<TensorOperandKind<'_, E>> {
        Ok(TensorOperandKind::Tensor(self))
    }
}

impl<E: Evaluator> TensorOperand<E> for &PlainTensor<E::Scalar> {
    fn kind(&self) -> Result<TensorOperandKind<'_, E>> {
        Ok(TensorOperandKind::Plain(self))
    }
}

/// An operator with a tensor, owned or borrowed, on its left.
macro_rules! operator_on_tensors {
    ($operator:ident, $method:ident, $with_values:ident) => {
        impl<E: Evaluator, R: TensorOperand<E>> $operator<R> for &Tensor<E> {
            type Output = Result<Tensor<E>>;

            fn $method(self, right: R) -> Self::Output {
                match right.kind()? {
                    TensorOperandKind::Tensor(tensor) => self.$method(tensor),
                    TensorOperandKind::Plain(values) => self.$with_values(values),
                    TensorOperandKind::Scalar(value) => {
                        self.$with_values(&PlainTensor::scalar(value))
                    }
                }
            }
        }

        impl<E: Evaluator, R: TensorOperand<E>> $operator<R> for Tensor<E> {
            type Output = Result<Tensor<E>>;

            fn $method(self, right: R) -> Self::Output {
                $operator::$method(&self, right)
            }
        }
    };
}

operator_on_tensors!(Add, add, add_plain);
operator_on_tensors!(Sub, sub, sub_plain);
operator_on_tensors!(Mul, mul, mul_plain);

/// Numbers of any of these types as operands.
macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}

        impl<E: Evaluator> TensorOperand<E> for $number
        where
            $number: IntoScalar<E::Scalar>,
        {
            fn kind(&self) -> Result<TensorOperandKind<'_, E>> {
                Ok(TensorOperandKind::Scalar(scalars([*self])?[0]))
            }
        }
    )*};
}

numbers!(f64, f32, i8, i16, i32, i64, u8, u16, u32, u64, usize);

/// An operator with this, which consists of such numbers, on its left, and a tensor, owned or borrowed, on its right: `|tensor, left|` in
/// terms of the tensor's operators.
macro_rules! operator_on_the_left {
    ($left:ty, $number:ty, $operator:ident, $method:ident, |$right:ident, $own:ident| $result:expr, $($tensor:ty),*) => {$(
        impl<E: Evaluator> $operator<$tensor> for $left
        where
            $number: IntoScalar<E::Scalar>,
        {
            type Output = Result<Tensor<E>>;

            fn $method(self, $right: $tensor) -> Self::Output {
                let $own = self;
                $result
            }
        }
    )*};
}

/// All operators with this on their left.
macro_rules! operators_on_the_left {
    ($left:ty, $number:ty) => {
        operator_on_the_left!(
            $left,
            $number,
            Add,
            add,
            |right, left| seen_from_the_left(right + left),
            &Tensor<E>,
            Tensor<E>
        );
        operator_on_the_left!(
            $left,
            $number,
            Sub,
            sub,
            |right, left| seen_from_the_left(match left.kind()? {
                TensorOperandKind::Tensor(left) => left.sub(&right),
                TensorOperandKind::Plain(left) => right.subtracted_from(left),
                TensorOperandKind::Scalar(left) =>
                    right.subtracted_from(&PlainTensor::scalar(left)),
            }),
            &Tensor<E>,
            Tensor<E>
        );
        operator_on_the_left!(
            $left,
            $number,
            Mul,
            mul,
            |right, left| seen_from_the_left(right * left),
            &Tensor<E>,
            Tensor<E>
        );
    };
}

/// The result of an operation with the tensor first, whose operator has the known values first: their shape comes first in an error, too.
fn seen_from_the_left<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Operands(OperandError::ShapeMismatch {
            left,
            right,
            operation,
        }) => mismatch(&right, &left, operation),
        other => other,
    })
}

operators_on_the_left!(f64, f64);
operators_on_the_left!(i64, i64);
operators_on_the_left!(&PlainTensor<E::Scalar>, E::Scalar);

impl<E: Evaluator> Tensor<E> {
    /// `self = self + right`, broadcast as by the operator. An error leaves the tensor as it was.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let mut sum = x.clone();
    /// sum.add_assign(&y)?;
    /// sum.add_assign(0.5)?;
    /// assert_eq!(sum.to_plain()?.values(), [11.5, 22.5, 13.5, 24.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add) and [`add_plain`](Self::add_plain).
    #[doc(alias = "add_")]
    pub fn add_assign(&mut self, right: impl TensorOperand<E>) -> Result<()> {
        *self = (&*self + right)?;
        Ok(())
    }

    /// `self = self - right`, as [`add_assign`](Self::add_assign).
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let mut difference = x.clone();
    /// difference.sub_assign(&PlainTensor::new(&[1.0, 2.0], &[2])?)?;
    /// assert_eq!(difference.to_plain()?.values(), [0.0, 0.0, 2.0, 2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sub`](Self::sub) and [`sub_plain`](Self::sub_plain).
    #[doc(alias = "sub_")]
    pub fn sub_assign(&mut self, right: impl TensorOperand<E>) -> Result<()> {
        *self = (&*self - right)?;
        Ok(())
    }

    /// `self = self * right`, element by element, as [`add_assign`](Self::add_assign).
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let mut product = x.clone();
    /// product.mul_assign(&y)?;
    /// assert_eq!(product.to_plain()?.values(), [10.0, 40.0, 30.0, 80.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`mul_plain`](Self::mul_plain).
    #[doc(alias = "mul_")]
    pub fn mul_assign(&mut self, right: impl TensorOperand<E>) -> Result<()> {
        *self = (&*self * right)?;
        Ok(())
    }

    /// `self = -self`, as [`add_assign`](Self::add_assign).
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let mut negative = x.clone();
    /// negative.negate_assign()?;
    /// assert_eq!(negative.to_plain()?.values(), [-1.0, -2.0, -3.0, -4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`negate`](Self::negate).
    #[doc(alias = "neg_")]
    pub fn negate_assign(&mut self) -> Result<()> {
        *self = self.negate()?;
        Ok(())
    }
}

impl<E: Evaluator> Neg for &Tensor<E> {
    type Output = Result<Tensor<E>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}

impl<E: Evaluator> Neg for Tensor<E> {
    type Output = Result<Tensor<E>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}
