//! `+ - *` on tensors. Each returns a `Result`, as on vectors.

use crate::circuits::tensors::{PlainTensor, Tensor};
use crate::error::Result;
use crate::evaluator::Evaluator;
use std::ops::{Add, Mul, Neg, Sub};

/// The right-hand side of an operator on a tensor: a tensor, known values, or a scalar. Sealed: no other crate implements it.
pub trait TensorOperand<E: Evaluator>: sealed::Sealed {
    /// Which of them.
    fn kind(&self) -> TensorOperandKind<'_, E>;
}

mod sealed {
    use crate::circuits::tensors::{PlainTensor, Tensor};
    use crate::evaluator::Evaluator;

    /// Closes [`TensorOperand`](super::TensorOperand) to other crates.
    pub trait Sealed {}
    impl<E: Evaluator> Sealed for Tensor<E> {}
    impl<E: Evaluator> Sealed for &Tensor<E> {}
    impl<T> Sealed for &PlainTensor<T> {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
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
    fn kind(&self) -> TensorOperandKind<'_, E> {
        TensorOperandKind::Tensor(self)
    }
}

impl<E: Evaluator> TensorOperand<E> for &Tensor<E> {
    fn kind(&self) -> TensorOperandKind<'_, E> {
        TensorOperandKind::Tensor(self)
    }
}

impl<E: Evaluator> TensorOperand<E> for &PlainTensor<E::Scalar> {
    fn kind(&self) -> TensorOperandKind<'_, E> {
        TensorOperandKind::Plain(self)
    }
}

/// An operator with a tensor, owned or borrowed, on its left.
macro_rules! operator_on_tensors {
    ($operator:ident, $method:ident, $with_values:ident) => {
        impl<E: Evaluator, R: TensorOperand<E>> $operator<R> for &Tensor<E> {
            type Output = Result<Tensor<E>>;

            fn $method(self, right: R) -> Self::Output {
                match right.kind() {
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

/// The operators with a scalar of this type on their left, and with one on their right.
macro_rules! operators_with {
    ($scalar:ty) => {
        impl<E: Evaluator<Scalar = $scalar>> TensorOperand<E> for $scalar {
            fn kind(&self) -> TensorOperandKind<'_, E> {
                TensorOperandKind::Scalar(*self)
            }
        }

        impl<E: Evaluator<Scalar = $scalar>> Add<&Tensor<E>> for $scalar {
            type Output = Result<Tensor<E>>;

            fn add(self, right: &Tensor<E>) -> Self::Output {
                right + self
            }
        }

        impl<E: Evaluator<Scalar = $scalar>> Sub<&Tensor<E>> for $scalar {
            type Output = Result<Tensor<E>>;

            fn sub(self, right: &Tensor<E>) -> Self::Output {
                right.negate()?.add_plain(&PlainTensor::scalar(self))
            }
        }

        impl<E: Evaluator<Scalar = $scalar>> Mul<&Tensor<E>> for $scalar {
            type Output = Result<Tensor<E>>;

            fn mul(self, right: &Tensor<E>) -> Self::Output {
                right * self
            }
        }
    };
}

operators_with!(f64);
operators_with!(i64);

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
