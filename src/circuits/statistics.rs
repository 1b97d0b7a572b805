//! Means and variances of vectors of real numbers.

use crate::circuits::Vector;
use crate::error::{Result, check_number};
use crate::evaluator::Evaluator;

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The mean of all values, as a vector of length 1.
    ///
    /// Cost: one level, and the rotations of a [`sum`](Self::sum).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// let x = server.attach(client.encrypt([1.0, 2.0, 6.0])?)?;
    /// assert_close(&client.decrypt(&x.mean()?)?, &[3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`dot_plain`](Self::dot_plain).
    #[doc(alias("average", "Average"))]
    pub fn mean(&self) -> Result<Self> {
        let rotations = self.rotations_for_sum();
        self.evaluator.check_rotations(&rotations, "a mean")?;
        self.dot_plain(&[1.0 / E::scalar(self.len())])
    }

    /// The mean square of the values' differences from their mean, as a vector of length 1.
    ///
    /// Cost: three levels, and the rotations of two sums. CKKS: differences are bounded by twice the largest value, so with values of up to b bits before
    /// the point parameters for a depth need `integer_bits` of at least `2 b + 3`.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(3).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0])?)?;
    /// assert_close(&client.decrypt(&x.variance()?)?, &[2.0 / 3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`covariance`](Self::covariance).
    #[doc(alias = "stddev")]
    pub fn variance(&self) -> Result<Self> {
        self.check_moments("a variance")?;
        self.sub(&self.mean()?)?.square()?.mean()
    }

    /// The mean product of two vectors' differences from their means, as a vector of length 1. The sample covariance is
    /// n / (n - 1) times this, n being the length.
    ///
    /// Cost: three levels, and the rotations of three sums.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(3).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0, 6.0])?)?;
    /// let y = client.encrypt([2.0, 2.0, 4.0, 8.0])?;
    /// assert!((client.decrypt(&x.covariance(&y)?)?[0] - 4.5).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0, 3.0, 6.0])?;
    /// let y = Vector::from_values(&ClearReals::new(4), &[2.0, 2.0, 4.0, 8.0])?;
    /// assert_eq!((x.mean()?.values(), x.variance()?.values()), (vec![3.0], vec![3.5]));
    /// assert_eq!(x.covariance(&y)?.values(), [4.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for vectors of different lengths; as [`mul`](Self::mul) and [`sum`](Self::sum): missing rotations and levels before any work.
    pub fn covariance(&self, other: &Self) -> Result<Self> {
        let (x, y) = (self.with_keys_of(other)?, other.with_keys_of(self)?);
        check_number("values of the other vector", y.len(), x.len())?;
        x.check_moments("a covariance")?;
        y.check_moments("a covariance")?;
        x.sub(&x.mean()?)?.mul(&y.sub(&y.mean()?)?)?.mean()
    }

    fn check_moments(&self, operation: &'static str) -> Result<()> {
        self.evaluator
            .check_rotations(&self.rotations_for_sum(), operation)?;
        self.check_depth(operation, 3)
    }
}
