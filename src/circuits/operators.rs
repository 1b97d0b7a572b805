//! `+ - *` on vectors. Each returns a `Result`, so that a chain reads `((&x * &y)? + 2.0)?`. An owned vector on the left gives its
//! memory to the result, so that such a chain copies no ciphertext.

use crate::circuits::Vector;
use crate::error::Result;
use crate::evaluator::Evaluator;
use std::ops::{Add, Mul, Neg, Sub};

/// The right-hand side of an operator: a vector, a scalar, or known values. Sealed: no other crate implements it.
pub trait Operand<E: Evaluator>: sealed::Sealed {
    /// Which of them.
    fn kind(&self) -> OperandKind<'_, E>;
}

mod sealed {
    use crate::circuits::Vector;
    use crate::evaluator::Evaluator;

    /// Closes [`Operand`](super::Operand) to other crates.
    pub trait Sealed {}
    impl<E: Evaluator> Sealed for Vector<E> {}
    impl<E: Evaluator> Sealed for &Vector<E> {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl<T> Sealed for &[T] {}
    impl<T> Sealed for &Vec<T> {}
    impl<T, const N: usize> Sealed for &[T; N] {}
}

/// A borrowed operand.
#[derive(Debug)]
pub enum OperandKind<'a, E: Evaluator> {
    /// A vector.
    Vector(&'a Vector<E>),
    /// Known values, one for each of the vector's, or one for all.
    Values(&'a [E::Scalar]),
}

impl<E: Evaluator> Operand<E> for &Vector<E> {
    fn kind(&self) -> OperandKind<'_, E> {
        OperandKind::Vector(self)
    }
}

impl<E: Evaluator> Operand<E> for Vector<E> {
    fn kind(&self) -> OperandKind<'_, E> {
        OperandKind::Vector(self)
    }
}

impl<E: Evaluator> Operand<E> for &[E::Scalar] {
    fn kind(&self) -> OperandKind<'_, E> {
        OperandKind::Values(self)
    }
}

impl<E: Evaluator> Operand<E> for &Vec<E::Scalar> {
    fn kind(&self) -> OperandKind<'_, E> {
        OperandKind::Values(self)
    }
}

impl<E: Evaluator, const N: usize> Operand<E> for &[E::Scalar; N] {
    fn kind(&self) -> OperandKind<'_, E> {
        OperandKind::Values(*self)
    }
}

/// An operator with a vector on its left. The result of an owned one lies in its memory where `$into` says so.
macro_rules! operator_on_vectors {
    ($operator:ident, $method:ident, $with_values:ident, $into:expr, $into_with_values:ident) => {
        impl<E: Evaluator, R: Operand<E>> $operator<R> for &Vector<E> {
            type Output = Result<Vector<E>>;

            fn $method(self, right: R) -> Self::Output {
                match right.kind() {
                    OperandKind::Vector(vector) => self.$method(vector),
                    OperandKind::Values(values) => self.$with_values(values),
                }
            }
        }

        impl<E: Evaluator, R: Operand<E>> $operator<R> for Vector<E> {
            type Output = Result<Vector<E>>;

            fn $method(self, right: R) -> Self::Output {
                match right.kind() {
                    OperandKind::Vector(vector) => $into(self, vector),
                    OperandKind::Values(values) => self.$into_with_values(values),
                }
            }
        }
    };
}

operator_on_vectors!(Add, add, add_plain, Vector::into_sum, into_plain_sum);
operator_on_vectors!(
    Sub,
    sub,
    sub_plain,
    Vector::into_difference,
    into_plain_difference
);
// A product of vectors has new polynomials.
operator_on_vectors!(
    Mul,
    mul,
    mul_plain,
    |x: Self, y| Vector::mul(&x, y),
    into_plain_product
);

/// An operator with known values on its left: `|vector, values|` in terms of the vector's methods.
macro_rules! operator_on_values {
    ($values:ty, $scalar:ty, $operator:ident, $method:ident, |$vector:ident, $left:ident| $result:expr) => {
        impl<E: Evaluator<Scalar = $scalar>> $operator<&Vector<E>> for $values {
            type Output = Result<Vector<E>>;

            fn $method(self, $vector: &Vector<E>) -> Self::Output {
                let $left = self;
                $result
            }
        }
    };
}

/// The operators with a scalar of this type, or a slice of them, on their left, and with a scalar on their right.
macro_rules! operators_with {
    ($scalar:ty) => {
        impl<E: Evaluator<Scalar = $scalar>> Operand<E> for $scalar {
            fn kind(&self) -> OperandKind<'_, E> {
                OperandKind::Values(std::slice::from_ref(self))
            }
        }

        operator_on_values!($scalar, $scalar, Add, add, |x, a| x.add_scalar(a));
        operator_on_values!($scalar, $scalar, Sub, sub, |x, a| x.negate()? + a);
        operator_on_values!($scalar, $scalar, Mul, mul, |x, a| x.mul_scalar(a));
        operator_on_values!(&[$scalar], $scalar, Add, add, |x, a| x.add_plain(a));
        operator_on_values!(&[$scalar], $scalar, Sub, sub, |x, a| x.negate()? + a);
        operator_on_values!(&[$scalar], $scalar, Mul, mul, |x, a| x.mul_plain(a));
    };
}

operators_with!(f64);
operators_with!(i64);

impl<E: Evaluator> Neg for &Vector<E> {
    type Output = Result<Vector<E>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}

impl<E: Evaluator> Neg for Vector<E> {
    type Output = Result<Vector<E>>;

    fn neg(self) -> Self::Output {
        self.into_negative()
    }
}
