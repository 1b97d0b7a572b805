//! Odd minimax polynomials for the sign, in the Chebyshev basis.

/// The iterations of the exchange: it converges quadratically, from a start that is near.
const ITERATIONS: usize = 40;

/// The grid points for each extremum of the error.
const DENSITY: usize = 48;

/// The least error of a polynomial. Its coefficients are rounded, and the effect of that below the interval is larger than on the
/// interval by about the inverse of the error. With this error it is 1/1000 at most; with an error near the rounding of f64 it would be
/// larger than the polynomial itself.
const LEAST_ERROR: f64 = 1e-12;

/// An odd polynomial near 1 on an interval of positive numbers, hence near -1 on its mirror image.
#[derive(Clone, Debug)]
pub(super) struct OddMinimax {
    /// The coefficients of `T_0, T_1, ..`; those of even index are 0.
    pub(super) coefficients: Vec<f64>,
    /// The largest distance from 1 on the interval.
    pub(super) error: f64,
    /// Whether the distance reaches its extremes as often as that of the best polynomial. Then every zero of the derivative lies in the
    /// interval, and the polynomial rises from 0 at 0 to the start of the interval.
    pub(super) alternates: bool,
}

impl OddMinimax {
    /// The polynomial of this odd degree whose largest distance from 1 on `[low, high]` is least, `0 < low < high`, `high` about 1.
    ///
    /// Source: E. Lee et al., "Minimax Approximation of Sign Function by Composite Polynomial for Homomorphic Comparison"
    /// (eprint 2020/834), section 3; the exchange is that of Remez.
    ///
    /// The degree is lowered as long as f64 is not precise enough for it, see [`LEAST_ERROR`].
    pub(super) fn new(low: f64, high: f64, degree: usize) -> Self {
        let found = Self::of_degree(low, high, degree);
        if found.is_sound() {
            return found;
        }
        // The highest degree that is sound, by bisection: the error falls with the degree. Degrees are twice these, and one.
        let (mut enough, mut too_high) = (1, degree / 2);
        while enough + 1 < too_high {
            let middle = usize::midpoint(enough, too_high);
            let tried = Self::of_degree(low, high, 2 * middle + 1);
            if tried.is_sound() {
                enough = middle;
            } else {
                too_high = middle;
            }
        }
        Self::of_degree(low, high, 2 * enough + 1)
    }

    /// Whether f64 was precise enough to find it.
    fn is_sound(&self) -> bool {
        self.alternates && self.error >= LEAST_ERROR
    }

    fn of_degree(low: f64, high: f64, degree: usize) -> Self {
        let unknowns = degree.div_ceil(2);
        let point = |s: f64| {
            let (low, high) = (low * low, high * high);
            (low + (high - low) * (s * std::f64::consts::FRAC_PI_2).sin().powi(2)).sqrt()
        };
        let count = DENSITY * unknowns;
        let step = 1.0 / count as f64;
        let grid: Vec<f64> = (0..=count).map(|i| point(i as f64 * step)).collect();
        let mut reference: Vec<f64> = (0..=unknowns)
            .map(|i| point(i as f64 / unknowns as f64))
            .collect();
        let mut best = Self {
            coefficients: vec![0.0; 2 * unknowns],
            error: 1.0,
            alternates: false,
        };
        for _ in 0..ITERATIONS {
            let Some(coefficients) = levelled(&reference) else {
                break;
            };
            let distance: Vec<f64> = grid
                .iter()
                .map(|&x| value_at(&coefficients, x) - 1.0)
                .collect();
            let extrema = extrema(&distance);
            let sizes = || extrema.iter().map(|&(_, size)| size);
            let (least, most) = (sizes().fold(1.0, f64::min), sizes().fold(0.0, f64::max));
            if most < best.error {
                best = Self {
                    coefficients,
                    error: most,
                    alternates: extrema.len() == reference.len() && least > 0.5 * most,
                };
            }
            // What is left is below the rounding of f64, or the exchange has ended.
            if extrema.len() != reference.len() || most - least <= 1e-9 * most + 1e-15 {
                break;
            }
            reference = extrema
                .iter()
                .map(|&(place, _)| point((place * step).clamp(0.0, 1.0)))
                .collect();
        }
        best
    }
}

/// The coefficients of the odd polynomial that is alternately as far below and above 1 at these points.
fn levelled(reference: &[f64]) -> Option<Vec<f64>> {
    let unknowns = reference.len();
    let mut rows: Vec<Vec<f64>> = reference
        .iter()
        .enumerate()
        .map(|(index, &x)| {
            let mut row = odd_chebyshev(x, unknowns - 1);
            row.push(if index % 2 == 0 { 1.0 } else { -1.0 });
            row.push(1.0);
            row
        })
        .collect();
    // Gaussian elimination with row pivots.
    for column in 0..unknowns {
        let pivot = (column..unknowns)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let pivot = rows[column].clone();
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot[column];
            for (entry, pivot) in row.iter_mut().zip(&pivot).skip(column) {
                *entry -= factor * pivot;
            }
        }
    }
    let mut solution = vec![0.0; unknowns];
    for index in (0..unknowns).rev() {
        let known: f64 = (index + 1..unknowns)
            .map(|column| rows[index][column] * solution[column])
            .sum();
        solution[index] = (rows[index][unknowns] - known) / rows[index][index];
    }
    solution.pop();
    let finite = solution.iter().all(|value| value.is_finite());
    finite.then(|| solution.iter().flat_map(|&value| [0.0, value]).collect())
}

/// `T_1(x), T_3(x), ..`
fn odd_chebyshev(x: f64, count: usize) -> Vec<f64> {
    let twice = 2.0 * (2.0 * x * x - 1.0);
    let first = [x, x * (4.0 * x * x - 3.0)];
    std::iter::successors(Some(first), |&[a, b]| Some([b, twice * b - a]))
        .map(|[a, _]| a)
        .take(count)
        .collect()
}

/// The index and the size of the largest value of each run of one sign; between grid points by a parabola.
fn extrema(values: &[f64]) -> Vec<(f64, f64)> {
    let runs = values.chunk_by(|a, b| (*a < 0.0) == (*b < 0.0));
    runs.scan(0, |end, run| {
        let start = *end;
        *end += run.len();
        Some((start, run))
    })
    .map(|(start, run)| {
        let largest = (0..run.len())
            .max_by(|&a, &b| run[a].abs().total_cmp(&run[b].abs()))
            .unwrap_or(0);
        let at = start + largest;
        let (Some(before), Some(&after)) = (at.checked_sub(1), values.get(at + 1)) else {
            return (at as f64, values[at].abs());
        };
        let (before, here) = (values[before], values[at]);
        let curvature = before - 2.0 * here + after;
        let shift = if curvature == 0.0 {
            0.0
        } else {
            (0.5 * (before - after) / curvature).clamp(-0.5, 0.5)
        };
        (
            at as f64 + shift,
            (here - 0.25 * (before - after) * shift).abs(),
        )
    })
    .collect()
}

/// The value at x of the polynomial with these coefficients of `T_0, T_1, ..`, by Clenshaw's recurrence.
pub(super) fn value_at(coefficients: &[f64], x: f64) -> f64 {
    let [first, second] = coefficients
        .iter()
        .rev()
        .fold([0.0, 0.0], |[a, b], &c| [2.0 * x * a - b + c, a]);
    first - x * second
}

/// The coefficients of the derivative.
pub(super) fn derivative_of(coefficients: &[f64]) -> Vec<f64> {
    let mut derivative = vec![0.0; coefficients.len() + 1];
    for index in (1..coefficients.len()).rev() {
        derivative[index - 1] = derivative[index + 1] + 2.0 * index as f64 * coefficients[index];
    }
    derivative[0] /= 2.0;
    derivative.truncate(coefficients.len().max(2) - 1);
    derivative
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_a_dense_grid_and_alternates() {
        for (low, high, degree) in [
            (0.5, 1.0, 3),
            (1.0 / 128.0, 1.001, 31),
            (2e-4, 1.0, 29),
            (0.97, 1.0, 5),
            (0.2, 1.0, 9),
        ] {
            let OddMinimax {
                coefficients,
                error,
                alternates,
            } = OddMinimax::new(low, high, degree);
            assert_eq!(coefficients.len(), degree + 1);
            assert!(alternates);
            let distance =
                |i: u32| value_at(&coefficients, low + (high - low) * f64::from(i) / 1e5) - 1.0;
            let (mut worst, mut turns, mut last) = (0.0_f64, 0, 0.0);
            for distance in (0..=100_000).map(distance) {
                worst = worst.max(distance.abs());
                // Every extremum of a minimax error has the same size.
                if distance.abs() > 0.99 * error && distance.signum() != last {
                    (turns, last) = (turns + 1, distance.signum());
                }
            }
            assert!(
                worst <= error * (1.0 + 1e-6) + 1e-14 && worst > 0.99 * error,
                "{degree}: {worst:e}, {error:e}"
            );
            assert!(turns > degree.div_ceil(2), "{degree}: {turns}");
        }
    }

    #[test]
    fn a_degree_beyond_the_precision_of_f64_is_lowered() {
        for (low, high, degree, kept) in [
            (0.5, 1.0, 63, 45),
            (0.9, 1.0, 31, 17),
            (0.99, 1.0 + 1.0 / 8192.0, 63, 9),
            (0.998, 1.0, 31, 5),
            (0.9999, 1.0 + 1.0 / 8192.0, 63, 3),
            // Rounding makes an error of 5e-12 of it.
            (0.9878265889192416, 1.0, 37, 9),
        ] {
            let found = OddMinimax::new(low, high, degree);
            assert_eq!(found.coefficients.len(), kept + 1, "{low}");
            assert!(found.alternates && found.error >= LEAST_ERROR);
            // It rises to the interval, and no further.
            let mut last = 0.0;
            for i in 1..=10_000 {
                let value = value_at(&found.coefficients, low * f64::from(i) / 1e4);
                assert!(
                    value > last - 1e-14 && value < 1.0,
                    "{low}, {degree}: {value}"
                );
                last = value;
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        let coefficients = [0.5, -1.0, 0.25, 2.0, 0.0, 0.125];
        for x in [-1.0, -0.3, 0.0, 0.7, 1.0] {
            let difference =
                (value_at(&coefficients, x + 1e-6) - value_at(&coefficients, x - 1e-6)) / 2e-6;
            assert!((value_at(&derivative_of(&coefficients), x) - difference).abs() < 1e-6);
        }
        assert_eq!(value_at(&derivative_of(&[3.0]), 0.5), 0.0);
    }
}
