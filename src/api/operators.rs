//! `+ - *` on vectors. Each returns a `Result`, so that a chain reads `((&x * &y)? + 2.0)?`.

use crate::api::{Bfv, Ckks, EncryptedVector, Scheme};
use crate::error::Result;
use std::ops::{Add, Mul, Neg, Sub};

/// The right-hand side of an operator: a vector, a scalar, or known values. Sealed: no other crate implements it.
pub trait Operand<S: Scheme>: sealed::Sealed {
    /// Which of them.
    fn kind(&self) -> OperandKind<'_, S>;
}

mod sealed {
    use crate::api::{EncryptedVector, Scheme};

    /// Closes [`Operand`](super::Operand) to other crates.
    pub trait Sealed {}
    impl<S: Scheme> Sealed for EncryptedVector<S> {}
    impl<S: Scheme> Sealed for &EncryptedVector<S> {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl<T> Sealed for &[T] {}
    impl<T> Sealed for &Vec<T> {}
    impl<T, const N: usize> Sealed for &[T; N] {}
}

/// A borrowed operand.
#[derive(Debug)]
pub enum OperandKind<'a, S: Scheme> {
    /// An encrypted vector.
    Vector(&'a EncryptedVector<S>),
    /// Known values, one for each of the vector's, or one for all.
    Values(&'a [S::Scalar]),
}

impl<S: Scheme> Operand<S> for &EncryptedVector<S> {
    fn kind(&self) -> OperandKind<'_, S> {
        OperandKind::Vector(self)
    }
}

impl<S: Scheme> Operand<S> for EncryptedVector<S> {
    fn kind(&self) -> OperandKind<'_, S> {
        OperandKind::Vector(self)
    }
}

impl Operand<Ckks> for f64 {
    fn kind(&self) -> OperandKind<'_, Ckks> {
        OperandKind::Values(std::slice::from_ref(self))
    }
}

impl Operand<Bfv> for i64 {
    fn kind(&self) -> OperandKind<'_, Bfv> {
        OperandKind::Values(std::slice::from_ref(self))
    }
}

impl<S: Scheme> Operand<S> for &[S::Scalar] {
    fn kind(&self) -> OperandKind<'_, S> {
        OperandKind::Values(self)
    }
}

impl<S: Scheme> Operand<S> for &Vec<S::Scalar> {
    fn kind(&self) -> OperandKind<'_, S> {
        OperandKind::Values(self)
    }
}

impl<S: Scheme, const N: usize> Operand<S> for &[S::Scalar; N] {
    fn kind(&self) -> OperandKind<'_, S> {
        OperandKind::Values(*self)
    }
}

fn add<S: Scheme>(
    left: &EncryptedVector<S>,
    right: OperandKind<'_, S>,
) -> Result<EncryptedVector<S>> {
    match right {
        OperandKind::Vector(vector) => left.add(vector),
        OperandKind::Values(values) => left.add_plain(values),
    }
}

fn sub<S: Scheme>(
    left: &EncryptedVector<S>,
    right: OperandKind<'_, S>,
) -> Result<EncryptedVector<S>> {
    match right {
        OperandKind::Vector(vector) => left.sub(vector),
        OperandKind::Values(values) => left.sub_plain(values),
    }
}

fn mul<S: Scheme>(
    left: &EncryptedVector<S>,
    right: OperandKind<'_, S>,
) -> Result<EncryptedVector<S>> {
    match right {
        OperandKind::Vector(vector) => left.mul(vector),
        OperandKind::Values(values) => left.mul_plain(values),
    }
}

impl<S: Scheme, R: Operand<S>> Add<R> for &EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn add(self, right: R) -> Self::Output {
        add(self, right.kind())
    }
}

impl<S: Scheme, R: Operand<S>> Add<R> for EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn add(self, right: R) -> Self::Output {
        add(&self, right.kind())
    }
}

impl<S: Scheme, R: Operand<S>> Sub<R> for &EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn sub(self, right: R) -> Self::Output {
        sub(self, right.kind())
    }
}

impl<S: Scheme, R: Operand<S>> Sub<R> for EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn sub(self, right: R) -> Self::Output {
        sub(&self, right.kind())
    }
}

impl<S: Scheme, R: Operand<S>> Mul<R> for &EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn mul(self, right: R) -> Self::Output {
        mul(self, right.kind())
    }
}

impl<S: Scheme, R: Operand<S>> Mul<R> for EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn mul(self, right: R) -> Self::Output {
        mul(&self, right.kind())
    }
}

impl<S: Scheme> Neg for &EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}

impl<S: Scheme> Neg for EncryptedVector<S> {
    type Output = Result<EncryptedVector<S>>;

    fn neg(self) -> Self::Output {
        self.negate()
    }
}

impl Add<&EncryptedVector<Ckks>> for f64 {
    type Output = Result<EncryptedVector<Ckks>>;

    fn add(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.add_scalar(self)
    }
}

impl Sub<&EncryptedVector<Ckks>> for f64 {
    type Output = Result<EncryptedVector<Ckks>>;

    fn sub(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.negate()?.add_scalar(self)
    }
}

impl Mul<&EncryptedVector<Ckks>> for f64 {
    type Output = Result<EncryptedVector<Ckks>>;

    fn mul(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.mul_scalar(self)
    }
}

impl Add<&EncryptedVector<Bfv>> for i64 {
    type Output = Result<EncryptedVector<Bfv>>;

    fn add(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.add_scalar(self)
    }
}

impl Sub<&EncryptedVector<Bfv>> for i64 {
    type Output = Result<EncryptedVector<Bfv>>;

    fn sub(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.negate()?.add_scalar(self)
    }
}

impl Mul<&EncryptedVector<Bfv>> for i64 {
    type Output = Result<EncryptedVector<Bfv>>;

    fn mul(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.mul_scalar(self)
    }
}

impl Add<&EncryptedVector<Ckks>> for &[f64] {
    type Output = Result<EncryptedVector<Ckks>>;

    fn add(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.add_plain(self)
    }
}

impl Sub<&EncryptedVector<Ckks>> for &[f64] {
    type Output = Result<EncryptedVector<Ckks>>;

    fn sub(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.negate()?.add_plain(self)
    }
}

impl Mul<&EncryptedVector<Ckks>> for &[f64] {
    type Output = Result<EncryptedVector<Ckks>>;

    fn mul(self, right: &EncryptedVector<Ckks>) -> Self::Output {
        right.mul_plain(self)
    }
}

impl Add<&EncryptedVector<Bfv>> for &[i64] {
    type Output = Result<EncryptedVector<Bfv>>;

    fn add(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.add_plain(self)
    }
}

impl Sub<&EncryptedVector<Bfv>> for &[i64] {
    type Output = Result<EncryptedVector<Bfv>>;

    fn sub(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.negate()?.add_plain(self)
    }
}

impl Mul<&EncryptedVector<Bfv>> for &[i64] {
    type Output = Result<EncryptedVector<Bfv>>;

    fn mul(self, right: &EncryptedVector<Bfv>) -> Self::Output {
        right.mul_plain(self)
    }
}
