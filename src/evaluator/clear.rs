use crate::error::{
    Error, OperandError, ParameterError, Result, ValueError, check_count, check_finite, check_slots,
};
use crate::evaluator::{Evaluator, Position, SlotShape};
use crate::kernels::Modulus;
use std::borrow::Borrow;

/// Circuits in the clear on real numbers: a "ciphertext" is its slots. What a CKKS circuit should give, without an error.
#[derive(Clone, Debug)]
pub struct ClearReals {
    slots: usize,
}

/// Circuits in the clear on integers modulo t, in two rows: a "ciphertext" is its slots, each in `[-t/2, t/2)`. What a BFV
/// circuit gives.
#[derive(Clone, Debug)]
pub struct ClearIntegers {
    columns: usize,
    modulus: Modulus,
}

impl ClearReals {
    /// The model with `slots` slots, at least 1, as [`CkksContext::slots`](crate::CkksContext::slots) counts them.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0])?;
    /// assert_eq!(x.dot(&x)?.values(), [5.0]); // as encrypted, without keys
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: slots.max(1),
        }
    }
}

impl ClearIntegers {
    /// The model with `slots` slots in two rows and plaintext modulus `modulus`.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearIntegers};
    ///
    /// let x = Vector::from_values(&ClearIntegers::new(8, 17)?, &[5, 6])?;
    /// assert_eq!((&x + &x)?.values(), [-7, -5]); // modulo 17, in [-8, 8]
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidPlainModulus`](crate::ParameterError::InvalidPlainModulus) unless the modulus is 2 to 2^60; [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) for an odd number of slots.
    pub fn new(slots: usize, modulus: u64) -> Result<Self> {
        if !(2..=1 << 60).contains(&modulus) {
            return Err(Error::Parameters(ParameterError::InvalidPlainModulus {
                value: modulus,
                reason: "use 2 to 2^60",
            }));
        }
        if slots == 0 || !slots.is_multiple_of(2) {
            return Err(Error::Values(ValueError::InvalidSlotCount { slots }));
        }
        Ok(Self {
            columns: slots / 2,
            modulus: Modulus::new(modulus),
        })
    }

    fn slots(&self) -> usize {
        2 * self.columns
    }

    fn zip(
        &self,
        a: &[i64],
        b: &[i64],
        work: impl Fn(&Modulus, u64, u64) -> u64,
    ) -> Result<Vec<i64>> {
        let t = &self.modulus;
        zip(self.slots(), a, b, |a, b| {
            t.centre(work(t, t.reduce_signed(a), t.reduce_signed(b)))
        })
    }

    fn in_every_slot(&self, value: i64) -> Result<Vec<i64>> {
        self.encode(&vec![value; self.slots()])
    }

    fn encode(&self, values: &[i64]) -> Result<Vec<i64>> {
        let t = &self.modulus;
        let centred: Vec<i64> = values
            .iter()
            .map(|&value| t.centre(t.reduce_signed(value)))
            .collect();
        padded(&centred, self.slots())
    }
}

/// The values and zeros up to `slots`.
fn padded<T: Copy + Default>(values: &[T], slots: usize) -> Result<Vec<T>> {
    check_count(values.len(), slots)?;
    let mut padded = values.to_vec();
    padded.resize(slots, T::default());
    Ok(padded)
}

/// Each row of `columns` values moved `step` places to the left.
fn rotated<T: Copy>(values: &[T], columns: usize, step: i64) -> Vec<T> {
    let mut result = values.to_vec();
    let columns_signed = i64::try_from(columns).unwrap_or(i64::MAX);
    let step = usize::try_from(step.rem_euclid(columns_signed)).unwrap_or(0);
    result
        .chunks_exact_mut(columns)
        .for_each(|row| row.rotate_left(step));
    result
}

/// Vectors of one evaluator have one length.
fn check<T>(a: &[T], slots: usize) -> Result<()> {
    check_slots(a.len(), slots)
}

fn finite(values: &[f64]) -> Result<&[f64]> {
    check_finite(values.iter().map(|value| value.is_finite()))?;
    Ok(values)
}

/// Two vectors, slot by slot.
fn zip<T: Copy>(slots: usize, a: &[T], b: &[T], work: impl Fn(T, T) -> T) -> Result<Vec<T>> {
    check(a, slots)?;
    check(b, slots)?;
    Ok(a.iter().zip(b).map(|(&a, &b)| work(a, b)).collect())
}

impl ClearReals {
    fn slots(&self) -> usize {
        self.slots
    }

    fn zip(&self, a: &[f64], b: &[f64], work: impl Fn(f64, f64) -> f64) -> Result<Vec<f64>> {
        zip(self.slots, a, b, work)
    }
}

/// The operations that are the same in the clear for all numbers: used inside an `impl Evaluator`.
macro_rules! clear_operations {
    ($number:ty) => {
        type Ciphertext = Vec<$number>;
        type Plaintext = Vec<$number>;
        type Scalar = $number;

        fn check_all<C: Borrow<Vec<$number>>>(&self, vectors: &[C]) -> Result<()> {
            let check = |a: &C| check(a.borrow(), self.slots());
            vectors.iter().try_for_each(check)
        }

        fn encode_term(&self, values: &[$number], position: Position) -> Result<Vec<$number>> {
            self.encode_factor(values, position)
        }

        fn add_plain(&self, a: &Vec<$number>, b: &Vec<$number>) -> Result<Vec<$number>> {
            self.add(a, b)
        }

        fn sub_plain(&self, a: &Vec<$number>, b: &Vec<$number>) -> Result<Vec<$number>> {
            self.sub(a, b)
        }

        fn mul_plain(&self, a: &Vec<$number>, b: &Vec<$number>) -> Result<Vec<$number>> {
            self.mul(a, b)
        }

        fn rotate_left(&self, a: &Vec<$number>, step: i64) -> Result<Vec<$number>> {
            check(a, self.slots())?;
            Ok(rotated(a, self.slot_shape().columns, step))
        }

        fn rotate_many(&self, a: &Vec<$number>, steps: &[i64]) -> Result<Vec<Vec<$number>>> {
            let rotate = |&step: &i64| self.rotate_left(a, step);
            steps.iter().map(rotate).collect()
        }
    };
}

impl Evaluator for ClearReals {
    clear_operations!(f64);

    fn refresh(&self, a: &Vec<f64>) -> Result<Vec<f64>> {
        Ok(a.clone())
    }

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: 1,
            columns: self.slots,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of slots")]
    fn scalar(count: usize) -> f64 {
        count as f64
    }

    fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
        check_slots(self.slots, other.slots)?;
        Ok(self)
    }

    fn encode_factor(&self, values: &[f64], _position: Position) -> Result<Vec<f64>> {
        padded(finite(values)?, self.slots)
    }

    fn add(&self, a: &Vec<f64>, b: &Vec<f64>) -> Result<Vec<f64>> {
        self.zip(a, b, |a, b| a + b)
    }

    fn sub(&self, a: &Vec<f64>, b: &Vec<f64>) -> Result<Vec<f64>> {
        self.zip(a, b, |a, b| a - b)
    }

    fn negate(&self, a: &Vec<f64>) -> Result<Vec<f64>> {
        self.zip(a, a, |a, _| -a)
    }

    fn mul(&self, a: &Vec<f64>, b: &Vec<f64>) -> Result<Vec<f64>> {
        self.zip(a, b, |a, b| a * b)
    }

    fn add_scalar(&self, a: &Vec<f64>, b: f64) -> Result<Vec<f64>> {
        finite(&[b])?;
        self.zip(a, a, |a, _| a + b)
    }

    fn mul_scalar(&self, a: &Vec<f64>, b: f64) -> Result<Vec<f64>> {
        finite(&[b])?;
        self.zip(a, a, |a, _| a * b)
    }

    fn conjugate(&self, a: &Vec<f64>) -> Result<Vec<f64>> {
        check(a, self.slots)?;
        Ok(a.clone())
    }
}

impl Evaluator for ClearIntegers {
    clear_operations!(i64);

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: 2,
            columns: self.columns,
        }
    }

    fn scalar(count: usize) -> i64 {
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
        check_slots(2 * self.columns, 2 * other.columns)?;
        if self.modulus.value() == other.modulus.value() {
            return Ok(self);
        }
        Err(Error::Operands(OperandError::InvalidArgument {
            reason: "the operands are numbers modulo different moduli; use one evaluator for both",
        }))
    }

    fn encode_factor(&self, values: &[i64], _position: Position) -> Result<Vec<i64>> {
        self.encode(values)
    }

    fn add(&self, a: &Vec<i64>, b: &Vec<i64>) -> Result<Vec<i64>> {
        self.zip(a, b, Modulus::add)
    }

    fn sub(&self, a: &Vec<i64>, b: &Vec<i64>) -> Result<Vec<i64>> {
        self.zip(a, b, Modulus::sub)
    }

    fn negate(&self, a: &Vec<i64>) -> Result<Vec<i64>> {
        self.zip(a, a, |t, a, _| t.neg(a))
    }

    fn mul(&self, a: &Vec<i64>, b: &Vec<i64>) -> Result<Vec<i64>> {
        self.zip(a, b, Modulus::mul)
    }

    fn add_scalar(&self, a: &Vec<i64>, b: i64) -> Result<Vec<i64>> {
        self.add(a, &self.in_every_slot(b)?)
    }

    fn mul_scalar(&self, a: &Vec<i64>, b: i64) -> Result<Vec<i64>> {
        self.mul(a, &self.in_every_slot(b)?)
    }

    fn plaintext_modulus(&self) -> Option<u64> {
        Some(self.modulus.value())
    }

    fn conjugate(&self, a: &Vec<i64>) -> Result<Vec<i64>> {
        check(a, self.slots())?;
        let (first, second) = a.split_at(self.columns);
        Ok([second, first].concat())
    }
}
