use crate::error::{Result, check_count, check_finite, check_number};
use num_complex::Complex64;
use std::fmt;

/// The precision of decrypted values: how far they are from the expected ones, in bits after the point (`-log2` of the error), as
/// Lattigo's users know it.
///
/// It measures; what is guaranteed for any values is [`CkksVector::precision_bits`](crate::CkksVector::precision_bits).
///
/// ```
/// use slotwise::prelude::*;
///
/// # fn main() -> slotwise::Result<()> {
/// let client = CkksContext::for_depth(1).build()?.generate_client_key()?;
/// let values: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
/// let x = client.encrypt(&values)?;
/// let expected: Vec<f64> = values.iter().map(|v| 1.0 - v).collect();
/// let result = (1.0 - &x)?;
/// let stats = PrecisionStats::new(&client.decrypt(&result)?, &expected)?;
/// println!("{stats}");
/// assert!(stats.real.least >= result.precision_bits());
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// The errors of decrypted values give away the key, and so does their precision for single values: it is for the key's owner.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "GetPrecisionStats")]
pub struct PrecisionStats {
    /// The real parts.
    pub real: PrecisionBits,
    /// The imaginary parts, of complex values.
    pub imaginary: Option<PrecisionBits>,
}

/// Bits after the point that are right. An error below 2^-52, which `f64` does not resolve next to 1, counts as 2^-52; an error above 1 has negative
/// bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionBits {
    /// Of the value with the largest error.
    pub least: f64,
    /// The mean over all values.
    pub mean: f64,
    /// As many values have more bits as have fewer.
    pub median: f64,
}

impl PrecisionStats {
    /// The precision of real values.
    ///
    /// ```
    /// use slotwise::prelude::*;
    ///
    /// let stats = PrecisionStats::new(&[1.0, 2.0 + 1.0 / 1024.0], &[1.0 + 1.0 / 4096.0, 2.0])?;
    /// assert_eq!((stats.real.least, stats.real.mean), (10.0, 11.0));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many of both; [`ValueError::Empty`](crate::ValueError::Empty) for
    /// none; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn new(decrypted: &[f64], expected: &[f64]) -> Result<Self> {
        Ok(Self {
            real: PrecisionBits::of(pairs(decrypted, expected)?)?,
            imaginary: None,
        })
    }

    /// The precision of complex values, each part by itself.
    ///
    /// ```
    /// use num_complex::Complex64;
    /// use slotwise::prelude::*;
    ///
    /// let expected = [Complex64::new(1.0, -1.0)];
    /// let stats = PrecisionStats::of_complex(&[Complex64::new(1.0, -1.25)], &expected)?;
    /// assert_eq!(stats.imaginary.map(|bits| bits.least), Some(2.0));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_complex(decrypted: &[Complex64], expected: &[Complex64]) -> Result<Self> {
        let pairs = pairs(decrypted, expected)?;
        Ok(Self {
            real: PrecisionBits::of(pairs.clone().map(|(found, value)| (&found.re, &value.re)))?,
            imaginary: Some(PrecisionBits::of(
                pairs.map(|(found, value)| (&found.im, &value.im)),
            )?),
        })
    }
}

impl PrecisionBits {
    fn of<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> Result<Self> {
        let pairs: Vec<(f64, f64)> = pairs.map(|(&found, &value)| (found, value)).collect();
        check_finite(pairs.iter().map(|(a, b)| a.is_finite() && b.is_finite()))?;
        // By halves, whose difference is finite.
        let half_error = |(found, value): &(f64, f64)| (found / 2.0 - value / 2.0).abs();
        let bits = pairs.iter().map(half_error);
        let mut bits: Vec<f64> = bits
            .map(|error| -1.0 - error.max(f64::EPSILON / 2.0).log2())
            .collect();
        bits.sort_unstable_by(f64::total_cmp);
        let count = bits.len();
        #[expect(clippy::cast_precision_loss, reason = "a number of values")]
        let mean = bits.iter().sum::<f64>() / count as f64;
        Ok(Self {
            least: bits[0],
            mean,
            median: f64::midpoint(bits[(count - 1) / 2], bits[count / 2]),
        })
    }
}

/// Values side by side, at least one.
fn pairs<'a, T>(
    decrypted: &'a [T],
    expected: &'a [T],
) -> Result<impl Iterator<Item = (&'a T, &'a T)> + Clone> {
    check_number(
        "expected values (one for each decrypted one)",
        expected.len(),
        decrypted.len(),
    )?;
    check_count(expected.len(), usize::MAX)?;
    Ok(decrypted.iter().zip(expected))
}

impl fmt::Display for PrecisionStats {
    /// A table of bits.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "bits of precision   least    mean  median")?;
        let parts = [("real", Some(self.real)), ("imaginary", self.imaginary)];
        for (name, bits) in parts {
            if let Some(PrecisionBits {
                least,
                mean,
                median,
            }) = bits
            {
                write!(out, "\n{name:<17} {least:>7.2} {mean:>7.2} {median:>7.2}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, OperandError, ValueError};

    #[test]
    fn bits_are_those_of_the_errors() {
        let expected = [1.0, -2.0, 3.0, 4.0];
        let errors = [0.25, -0.125, 0.0, 2.0];
        let decrypted: Vec<f64> = expected.iter().zip(errors).map(|(a, b)| a + b).collect();
        let stats = PrecisionStats::new(&decrypted, &expected).unwrap();
        let bits = PrecisionBits {
            least: -1.0,
            mean: 14.0,
            median: 2.5,
        };
        assert_eq!(stats.real, bits);
        assert_eq!(stats.imaginary, None);
        assert_eq!(
            stats.to_string(),
            "bits of precision   least    mean  median\nreal                -1.00   14.00    2.50"
        );
        let complex = |parts: [f64; 2]| Complex64::new(parts[0], parts[1]);
        let stats = PrecisionStats::of_complex(
            &[
                complex([0.5, 1.0]),
                complex([0.0, 0.25]),
                complex([0.5, 0.0]),
            ],
            &[complex([0.0; 2]); 3],
        );
        let stats = stats.unwrap();
        let [real, imaginary] = [stats.real, stats.imaginary.unwrap()];
        assert_eq!((real.least, real.median, real.mean), (1.0, 1.0, 18.0));
        assert_eq!((imaginary.least, imaginary.median), (0.0, 2.0));
        assert!(stats.to_string().ends_with("0.00   18.00    2.00"));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let error = |decrypted: &[f64], expected: &[f64]| {
            PrecisionStats::new(decrypted, expected).unwrap_err()
        };
        assert!(matches!(
            error(&[1.0], &[1.0, 2.0]),
            Error::Operands(OperandError::Count {
                have: 2,
                need: 1,
                ..
            })
        ));
        assert_eq!(error(&[], &[]), Error::Values(ValueError::Empty));
        for value in [f64::NAN, f64::INFINITY] {
            let infinite = Error::Values(ValueError::NotFinite { index: 1 });
            assert_eq!(error(&[0.0, value], &[0.0, value]), infinite);
        }
    }
}
