//! `+ - *` on tensors. Each returns a `Result`, as on vectors.

use crate::circuits::tensors::{PlainTensor, Tensor};
use crate::error::Result;
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

/// The operators with a number of this type on their left, and a tensor, owned or borrowed, on their right.
macro_rules! operators_on_the_left {
    ($number:ty, $($tensor:ty),*) => {$(
        impl<E: Evaluator> Add<$tensor> for $number
        where
            $number: IntoScalar<E::Scalar>,
        {
            type Output = Result<Tensor<E>>;

            fn add(self, right: $tensor) -> Self::Output {
                right + self
            }
        }

        impl<E: Evaluator> Sub<$tensor> for $number
        where
            $number: IntoScalar<E::Scalar>,
        {
            type Output = Result<Tensor<E>>;

            fn sub(self, right: $tensor) -> Self::Output {
                (-right)? + self
            }
        }

        impl<E: Evaluator> Mul<$tensor> for $number
        where
            $number: IntoScalar<E::Scalar>,
        {
            type Output = Result<Tensor<E>>;

            fn mul(self, right: $tensor) -> Self::Output {
                right * self
            }
        }
    )*};
}

operators_on_the_left!(f64, &Tensor<E>, Tensor<E>);
operators_on_the_left!(i64, &Tensor<E>, Tensor<E>);

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
