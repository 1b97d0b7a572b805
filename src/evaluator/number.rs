use crate::error::{Error, Result, ValueError, check_finite};

/// A number in a slot: `f64`, or `i64` for integers modulo t.
pub trait Number: Copy + Default + PartialEq + From<i8> + IntoScalar<Self> + Send + Sync {
    /// Whether it is neither NaN nor infinite.
    fn is_finite(self) -> bool;

    /// Its magnitude, rounded to `f64`.
    fn magnitude(self) -> f64;

    /// The sum, unless it is out of range.
    fn checked_add(self, other: Self) -> Option<Self>;
}

impl Number for f64 {
    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        let sum = self + other;
        sum.is_finite().then_some(sum)
    }
}

impl Number for i64 {
    fn is_finite(self) -> bool {
        true
    }

    #[expect(clippy::cast_precision_loss, reason = "a magnitude")]
    fn magnitude(self) -> f64 {
        self.unsigned_abs() as f64
    }

    fn checked_add(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }
}

/// A number that vectors of `S` take, exactly: reals (`f64`) take `f64`, `f32` and integers, integers (`i64`) take `i64`.
///
/// Vectors of integers take no other type, so that literals and the results of unsuffixed arithmetic are `i64` there. Convert others
/// with `i64::from`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number that vectors of `{S}` take",
    label = "not a number that a vector of `{S}` takes",
    note = "vectors of reals (CKKS, `f64`) take f64, f32 and integers; vectors of integers (BFV, `i64`) take i64: convert smaller integers with `i64::from(value)`, \
            others with `i64::try_from(value)?`, and round floating-point numbers first",
    note = "rows of numbers are a tensor (`encrypt_tensor(&PlainTensor::new(&values, &shape)?)`) or one vector (`rows.concat()`); complex numbers are encoded by \
            `CkksEncoder::encode_complex` and encrypted by an `Encryptor`"
)]
pub trait IntoScalar<S>: Copy {
    /// The number as an `S`; `None` if no `S` is equal to it.
    fn into_scalar(self) -> Option<S>;
}

impl<S, T: IntoScalar<S>> IntoScalar<S> for &T {
    fn into_scalar(self) -> Option<S> {
        (*self).into_scalar()
    }
}

impl IntoScalar<i64> for i64 {
    fn into_scalar(self) -> Option<i64> {
        Some(self)
    }
}

/// Types all of whose values are reals of `f64`.
macro_rules! into_real {
    ($($type:ty),*) => {$(
        impl IntoScalar<f64> for $type {
            fn into_scalar(self) -> Option<f64> {
                Some(self.into())
            }
        }
    )*};
}

into_real!(f64, f32, i8, i16, i32, u8, u16, u32);

/// Integers that are reals of `f64` up to 2^53 and, above, if their last bits are 0.
macro_rules! into_real_if_exact {
    ($($type:ty),*) => {$(
        impl IntoScalar<f64> for $type {
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "compared after the way there and back; not every type has every lint"
            )]
            fn into_scalar(self) -> Option<f64> {
                let real = self as f64;
                // The largest values round up to one beyond the range, which saturates on the way back.
                (self != Self::MAX && real as Self == self).then_some(real)
            }
        }
    )*};
}

into_real_if_exact!(i64, u64, usize);

/// All values of a list as an evaluator's scalars.
///
/// # Errors
/// [`ValueError::Inexact`](crate::ValueError::Inexact).
pub(crate) fn scalars<S, T: IntoScalar<S>>(values: impl IntoIterator<Item = T>) -> Result<Vec<S>> {
    let values = values.into_iter().enumerate();
    let exact = |(index, value): (usize, T)| {
        value
            .into_scalar()
            .ok_or(Error::Values(ValueError::Inexact { index }))
    };
    values.map(exact).collect()
}

/// Checks that no value is NaN or infinite.
pub(crate) fn check_numbers<S: Number>(values: &[S]) -> Result<()> {
    check_finite(values.iter().map(|value| value.is_finite()))
}
