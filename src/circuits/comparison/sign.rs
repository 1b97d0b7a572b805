use crate::circuits::Chebyshev;
use crate::circuits::comparison::minimax::{OddMinimax, derivative_of, value_at};
use crate::circuits::polynomial::nodes;
use crate::error::{Error, OperandError, PrecisionError, Result};
use crate::evaluator::Evaluator;

/// The distance from `[1 - e, 1 + e]` at which a stage still accepts the result, of error e, of the one before.
const MARGIN: f64 = 1.0 / 1024.0;

/// The distance beyond 1 at which the first stage still accepts a value.
const INPUT_MARGIN: f64 = MARGIN / 8.0;

/// The nodes for each coefficient of a polynomial at which its bound is checked: between them, it is at most 1.0004 times as large.
const NODES_FOR_A_DEGREE: usize = 56;

/// The least `-log2` of the gap in [`DEGREES`].
const LEAST_GAP_BITS: u32 = 3;

/// The precisions of the columns of [`DEGREES`], in bits.
const PRECISIONS: [u32; 4] = [8, 12, 16, 20];

/// The degrees of least depth, and then fewest products, for each gap `2^-3, 2^-4, ..` and each of the [`PRECISIONS`], by dynamic
/// programming over all sequences of the degrees 3, 5, 7, 9, 13, 15, 27, 29 and 31.
const DEGREES: [[&[usize]; 4]; 12] = [
    [&[3, 15], &[3, 27], &[7, 15], &[5, 27]],
    [&[7, 13], &[13, 13], &[7, 29], &[9, 29]],
    [&[7, 27], &[13, 27], &[15, 27], &[3, 7, 29]],
    [&[13, 29], &[7, 7, 15], &[27, 31], &[3, 15, 27]],
    [&[27, 27], &[7, 7, 29], &[13, 13, 13], &[7, 13, 29]],
    [&[3, 7, 7, 15], &[7, 15, 27], &[7, 3, 15, 15], &[7, 27, 27]],
    [&[7, 7, 7, 13], &[13, 15, 29], &[7, 7, 7, 29], &[13, 27, 29]],
    [
        &[7, 7, 7, 27],
        &[15, 27, 29],
        &[7, 7, 15, 27],
        &[27, 27, 29],
    ],
    [
        &[31, 15, 31],
        &[27, 27, 31],
        &[13, 15, 15, 15],
        &[13, 7, 7, 7, 15],
    ],
    [
        &[31, 31, 31],
        &[13, 7, 27, 27],
        &[15, 15, 15, 27],
        &[15, 7, 7, 7, 27],
    ],
    [
        &[27, 7, 15, 29],
        &[27, 7, 27, 27],
        &[29, 15, 15, 27],
        &[27, 7, 7, 15, 15],
    ],
    [
        &[29, 15, 15, 31],
        &[29, 27, 15, 27],
        &[31, 15, 31, 31],
        &[29, 27, 27, 27],
    ],
];

/// A composition of odd polynomials near the sign of values in [-1, 1]: at most [`error`](Self::error) from it outside
/// `(-gap, gap)`. Inside, where values are too small to tell, it grows from -1 to 1 and is 0 at 0.
///
/// ```
/// use slotwise::circuits::Sign;
///
/// let sign = Sign::new(7, 12)?;
/// assert_eq!((sign.gap(), sign.depth()), (1.0 / 128.0, 11));
/// assert!((sign.at(-0.01) + 1.0).abs() < 1.0 / 4096.0);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: E. Lee et al., "Minimax Approximation of Sign Function by Composite Polynomial for Homomorphic Comparison" (eprint
/// 2020/834); the choice of degrees and the margins for noise follow "Optimization of Homomorphic Comparison Algorithm on RNS-CKKS
/// Scheme" (eprint 2021/1215).
#[derive(Clone, Debug)]
#[doc(alias(
    "comparison",
    "MinimaxCompositePolynomial",
    "NewMinimaxCompositePolynomial"
))]
pub struct Sign {
    /// The coefficients of each polynomial in `T_0, T_1, ..`; each maps [-1, 1] to itself.
    stages: Vec<Vec<f64>>,
    /// How much an error before each stage can grow until the end, and 1.
    gains: Vec<f64>,
    gap: f64,
    error: f64,
    depth: usize,
}

/// A sign, and a bound of its distance from -1 and 1 where the value lies outside the gap.
pub(super) struct Signed<C> {
    pub(super) sign: C,
    pub(super) settled: f64,
}

impl Sign {
    /// The composition of least depth with a gap of at most `2^-gap_bits` and an error of at most `2^-precision_bits`, for up to 14 and
    /// 20 bits. Finds its coefficients in a few milliseconds, so that it is worth keeping.
    ///
    /// ```
    /// use slotwise::circuits::Sign;
    ///
    /// let sign = Sign::new(7, 12)?;
    /// assert!(sign.gap() <= 1.0 / 128.0 && sign.error() <= 1.0 / 4096.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more bits.
    pub fn new(gap_bits: u32, precision_bits: u32) -> Result<Self> {
        let gap_bits = gap_bits.max(LEAST_GAP_BITS);
        let column = PRECISIONS.iter().position(|&bits| precision_bits <= bits);
        let row = DEGREES.get((gap_bits - LEAST_GAP_BITS) as usize);
        let (Some(row), Some(column)) = (row, column) else {
            return Err(invalid(
                "a sign has a gap of at most 14 bits and a precision of at most 20; ask for fewer, or use `with_degrees`",
            ));
        };
        Self::with_degrees((-f64::from(gap_bits)).exp2(), row[column])
    }

    /// The composition of minimax polynomials of these degrees, the first applied first. A degree is lowered where the error would be
    /// less than 1e-12, for which f64 is not precise enough; [`depth`](Self::depth) counts the degrees that are left.
    ///
    /// ```
    /// use slotwise::circuits::Sign;
    ///
    /// let sign = Sign::with_degrees(0.1, &[7, 7])?;
    /// assert_eq!(sign.depth(), 6);
    /// assert!((sign.at(0.5) - 1.0).abs() <= sign.error());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the gap lies between 0 and 1 and each degree is odd, 3 to 63, and
    /// if the degrees are too few or too low to come nearer to the sign than 1/2, or if f64 is not
    /// precise enough for their polynomials.
    pub fn with_degrees(gap: f64, degrees: &[usize]) -> Result<Self> {
        if !(gap >= f64::from(f32::EPSILON) && gap < 1.0) {
            return Err(invalid("the gap of a sign lies between 2^-23 and 1"));
        }
        if degrees.len() > 16 || !degrees.iter().all(|d| d % 2 == 1 && (3..64).contains(d)) {
            return Err(invalid(
                "a sign has up to 16 polynomials of odd degrees, 3 to 63",
            ));
        }
        let (mut low, mut high, mut error) = (gap, 1.0 + INPUT_MARGIN, 1.0);
        let mut are_found = true;
        let mut stages: Vec<Vec<f64>> = Vec::new();
        for &degree in degrees {
            let stage = OddMinimax::new(low, high, degree);
            error = stage.error;
            are_found &= stage.alternates;
            let largest = 1.0 + error + MARGIN;
            (low, high) = ((1.0 - error - MARGIN) / largest, 1.0);
            if low <= 0.0 {
                break;
            }
            // Divided by its largest value, so that the next stage needs no scaling.
            stages.push(stage.coefficients.iter().map(|c| c / largest).collect());
        }
        if stages.len() < degrees.len() || error > 0.5 {
            return Err(invalid(
                "the degrees are too low for this gap; add a polynomial or raise their degrees",
            ));
        }
        if let Some(last) = stages.last_mut() {
            last.iter_mut().for_each(|c| *c *= 1.0 + error + MARGIN);
        }
        let depth_of = |stage: &Vec<f64>| stage.len().next_power_of_two().trailing_zeros() as usize;
        let sign = Self {
            gains: gains(&stages),
            depth: stages.iter().map(depth_of).sum(),
            stages,
            gap,
            error,
        };
        if !are_found || !sign.stays_within_bounds() {
            return Err(invalid(
                "f64 is not precise enough for polynomials of these degrees and this gap; lower the degrees",
            ));
        }
        Ok(sign)
    }

    /// Whether no polynomial leaves the interval that the next one accepts, nor the last one that of the results, in the gap and
    /// outside.
    ///
    /// Source: H. Ehlich, K. Zeller, "Schwankung von Polynomen zwischen Gitterpunkten" (1964): between `m` Chebyshev nodes, a
    /// polynomial of degree d is at most `1 / cos(pi d / 2 m)` times as large as at the nodes.
    fn stays_within_bounds(&self) -> bool {
        let last = self.stages.len().saturating_sub(1);
        let mut stages = self.stages.iter().enumerate();
        stages.all(|(index, stage)| {
            let count = NODES_FOR_A_DEGREE * stage.len();
            let largest = nodes(count).map(|u| value_at(stage, u).abs());
            let largest = largest.fold(0.0, f64::max);
            // The last one rises until its error alternates, so that its extremes are those of the error.
            let most = if index == last {
                1.0 + self.error * (1.0 + 1e-5) + 1e-13
            } else {
                1.0 - MARGIN / 2.0
            };
            largest <= most
        })
    }

    /// The levels that it takes: the sum of `ceil(log2(d + 1))` over its degrees d.
    ///
    /// ```
    /// # use slotwise::circuits::Sign;
    /// assert_eq!(Sign::new(7, 12)?.depth(), 11);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The largest distance from the sign outside the gap.
    ///
    /// ```
    /// # use slotwise::circuits::Sign;
    /// let sign = Sign::new(5, 12)?;
    /// assert!((sign.at(0.5) - 1.0).abs() <= sign.error());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }

    /// The magnitude from which on values have a sign.
    ///
    /// ```
    /// # use slotwise::circuits::Sign;
    /// assert_eq!(Sign::new(7, 12)?.gap(), 1.0 / 128.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn gap(&self) -> f64 {
        self.gap
    }

    /// The value at x, for x in [-1, 1].
    ///
    /// ```
    /// # use slotwise::circuits::Sign;
    /// let sign = Sign::new(5, 12)?;
    /// assert!(sign.at(0.0) == 0.0 && sign.at(-0.5) < -0.99);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.stages.iter().fold(x, |x, stage| value_at(stage, x))
    }

    /// The sign in every slot, of values in [-1, 1]. CKKS: the error bound counts how much the polynomials can enlarge the error of `x`
    /// and their own, to first order and twice, rather than the magnitudes of their terms.
    ///
    /// ```
    /// # use slotwise::{circuits::Sign, evaluator::ClearReals};
    /// let signs = Sign::new(5, 12)?.evaluate(&ClearReals::new(2), &vec![0.5, -0.25])?;
    /// assert!(signs[0] > 0.999 && signs[1] < -0.999);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before anything is computed if fewer than [`depth`](Self::depth) levels are left;
    /// [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted) if the error bound of x, or of a polynomial, leaves the interval of the next
    /// polynomial: compare values of a smaller range, or use a larger scale; as [`Evaluator::mul`].
    pub fn evaluate<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        self.evaluate_scaled(evaluator, x, 1.0)
            .map(|signed| signed.sign)
    }

    /// `factor` times the sign: the last polynomial takes the factor, and no level.
    pub(super) fn evaluate_scaled<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
        factor: f64,
    ) -> Result<Signed<E::Ciphertext>> {
        evaluator.check_depth(x, "a sign", self.depth)?;
        let before = evaluator.error_bound(x);
        let (mut grown, mut own) = (2.0 * self.gains[0] * before, 0.0);
        // Beyond, the first polynomial grows faster than to first order.
        check_error(before, INPUT_MARGIN)?;
        let mut is_within_margins = true;
        let mut value = x.clone();
        let last = self.stages.len().saturating_sub(1);
        for (index, stage) in self.stages.iter().enumerate() {
            let factor = if index == last { factor } else { 1.0 };
            let stage: Vec<f64> = stage.iter().map(|c| c * factor).collect();
            (value, own) = apply(evaluator, value, &stage)?;
            let bound = if index == last { 1.0 + self.error } else { 1.0 };
            value = evaluator.assume_message_bound(value, factor.abs() * bound)?;
            grown += 2.0 * self.gains[index + 1] * own / factor.abs();
            if let Some(next) = self.stages.get(index + 1) {
                is_within_margins &= own <= MARGIN / 2.0;
                // Up to here the slope of a polynomial of this degree at most doubles beyond 1.
                let degree = next.len().saturating_sub(1).max(1);
                check_error(own, MARGIN + 0.75 / square(degree))?;
            }
        }
        let grown = grown * factor.abs();
        let settled = if is_within_margins {
            grown.min(2.0 * factor.abs() * self.error + own)
        } else {
            grown
        };
        Ok(Signed {
            sign: evaluator.assume_error_bound(value, grown)?,
            settled,
        })
    }
}

/// Checks that the error bound of a polynomial's argument leaves it where the polynomial is what it should be.
///
/// # Errors
/// [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted).
pub(super) fn check_error(noise_bound: f64, most: f64) -> Result<()> {
    if noise_bound <= most {
        return Ok(());
    }
    Err(Error::Precision(PrecisionError::PrecisionExhausted {
        noise_bound,
        message_bound: most,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a degree")]
fn square(degree: usize) -> f64 {
    (degree as f64).powi(2)
}

/// The polynomial with these coefficients of `T_0, T_1, ..` at x, as if x had no error, and the bound of the polynomial's own error.
pub(super) fn apply<E: Evaluator<Scalar = f64>>(
    evaluator: &E,
    x: E::Ciphertext,
    coefficients: &[f64],
) -> Result<(E::Ciphertext, f64)> {
    let exact = evaluator.assume_error_bound(x, 0.0)?;
    let value = Chebyshev::new(coefficients, -1.0..=1.0)?.evaluate(evaluator, &exact)?;
    let own = evaluator.error_bound(&value);
    Ok((value, own))
}

/// The largest derivative, over [0, 1], of all stages from each one on, by the chain rule on a grid; and 1.
fn gains(stages: &[Vec<f64>]) -> Vec<f64> {
    let derivatives: Vec<Vec<f64>> = stages.iter().map(|stage| derivative_of(stage)).collect();
    let mut gains = vec![0.0; stages.len()];
    // Half of the points lie below 2^-6, where the first polynomials are steep.
    let grid = (0..2000).map(|i| f64::from(i) / 1000.0);
    let grid = grid.map(|s| if s < 1.0 { s / 64.0 } else { s - 1.0 });
    for mut x in grid.chain([1.0, 1.0 + INPUT_MARGIN]) {
        let mut slopes = Vec::new();
        for (stage, derivative) in stages.iter().zip(&derivatives) {
            slopes.push(value_at(derivative, x).abs());
            x = value_at(stage, x);
        }
        let mut product = 1.0;
        for (gain, slope) in gains.iter_mut().zip(slopes).rev() {
            product *= slope;
            *gain = f64::max(*gain, product);
        }
    }
    gains.push(1.0);
    gains
}

pub(super) fn invalid(reason: &'static str) -> Error {
    Error::Operands(OperandError::InvalidArgument { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_of_the_table_is_as_precise_as_it_says() {
        for gap_bits in LEAST_GAP_BITS..15 {
            for precision_bits in PRECISIONS {
                let sign = Sign::new(gap_bits, precision_bits).unwrap();
                assert!(sign.error() <= (-f64::from(precision_bits)).exp2());
                let gap = (-f64::from(gap_bits)).exp2();
                assert_eq!(sign.gap(), gap);
                // Dense near the gap, where the error oscillates.
                let points = (0..=4000).map(|i| gap.powf(1.0 - f64::from(i) / 4000.0));
                for x in points {
                    let distance = (sign.at(x) - 1.0).abs();
                    assert!(
                        distance <= sign.error() + 1e-13,
                        "{gap_bits}, {precision_bits} at {x}"
                    );
                    assert_eq!(sign.at(-x), -sign.at(x));
                }
                for i in 0..=100 {
                    assert!(
                        sign.at(gap * f64::from(i) / 100.0).abs() <= 1.0 + sign.error() + 1e-13
                    );
                }
                // A result of one stage that is off by the margin is within the next one's interval.
                for stage in &sign.stages[..sign.stages.len() - 1] {
                    assert!(value_at(stage, 1.0).abs() + MARGIN / 2.0 <= 1.0);
                }
            }
        }
    }

    #[test]
    fn errors_grow_no_more_than_the_gains_say() {
        let sign = Sign::new(6, 12).unwrap();
        let gain = 2.0 * sign.gains[0];
        for i in 0..=20_000 {
            let x = f64::from(i) / 20_000.0;
            let difference = sign.at(x + 1e-7) - sign.at(x);
            assert!(difference.abs() <= gain * 1e-7);
        }
        assert!(gain < 2000.0);
    }
}
