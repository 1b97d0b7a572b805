use crate::circuits::Chebyshev;
use crate::circuits::polynomial::approximation::{
    BEYOND_F64, finite, fitted, interpolate, power_of_two_near,
};
use crate::circuits::polynomial::interval::Interval;
use crate::error::Result;
use std::f64::consts::PI;

/// Grid points for each degree, where the search for the extrema of the error starts.
const DENSITY: usize = 20;

/// Exchanges after which the best polynomial must do,
const MOST_EXCHANGES: usize = 100;

/// and exchanges that may bring no better one.
const MOST_IN_VAIN: usize = 40;

/// The largest relative excess of the error over the levelled one.
const TOLERANCE: f64 = 1e-3;

/// An error that is only rounding, relative to the largest value of the function.
const ROUNDING: f64 = 4e-15;

/// An error, relative to the same, below which rounding decides which of two polynomials is better.
const NEAR_ROUNDING: f64 = 1e-12;

/// Steps of the search for an extremum between grid points: each leaves 0.618 of the interval.
const SEARCHES: usize = 14;

/// The most errors of alternating signs that are dropped in one exchange.
const MOST_DROPPED: usize = 2;

/// The function at a point of [-1, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    u: f64,
    y: f64,
}

/// A sample, and the function less the polynomial there.
#[derive(Clone, Copy, Debug)]
struct Extremum {
    sample: Sample,
    error: f64,
}

/// The polynomial of a degree with nearly the least largest error.
///
/// The levelled error grows with each exchange until the function's rounding is all that is left of it; the best polynomial on the way
/// is the result.
///
/// Source: E. Remez (1934), in the barycentric form of R. Pachon, L. N. Trefethen, "Barycentric-Remez algorithms for best
/// polynomial approximation in the chebfun system" (2009).
#[expect(clippy::cast_precision_loss, reason = "at most 2^15")]
pub(super) fn remez(
    f: &impl Fn(f64) -> f64,
    interval: Interval,
    degree: usize,
) -> Result<Chebyshev> {
    let (wanted, count) = (degree + 2, DENSITY * (degree + 1));
    let nodes = (0..=count).map(|i| -(PI * i as f64 / count as f64).cos());
    let values = nodes.map(|u| Ok((u, finite(f, interval.point(u))?)));
    let values: Vec<(f64, f64)> = values.collect::<Result<_>>()?;
    // Near 1, so that no sum of products exceeds f64.
    let scale = power_of_two_near(values.iter().map(|&(_, y)| y));
    let sample = |u: f64| -> Result<Sample> {
        let y = finite(f, interval.point(u))? / scale;
        Ok(Sample { u, y })
    };
    let grid = values.iter().map(|&(u, y)| Sample { u, y: y / scale });
    let grid: Vec<Sample> = grid.collect();
    // Of the extrema of the next Chebyshev polynomial all but one: on all of its own, an even or odd function can be level at 0.
    let mut reference: Vec<Sample> = (0..wanted).map(|i| grid[i * count / wanted]).collect();
    let (mut least, mut best) = (f64::INFINITY, Levelled::new(&reference));
    let mut in_vain = 0;
    for _ in 0..MOST_EXCHANGES {
        let levelled = Levelled::new(&reference);
        let level = levelled.level;
        if !level.is_finite() {
            break;
        }
        let extrema = extrema(&sample, &levelled, &merged(&grid, &reference))?;
        let sizes = extrema.iter().map(|extremum| extremum.error.abs());
        let largest = sizes.fold(0.0, f64::max);
        in_vain += 1;
        if largest < least {
            (least, best, in_vain) = (largest, levelled, 0);
        }
        let is_level = largest <= level.abs() * (1.0 + TOLERANCE) + ROUNDING;
        let is_vain = in_vain > MOST_IN_VAIN || in_vain > 0 && least < NEAR_ROUNDING;
        if is_level || is_vain {
            break;
        }
        let next = exchanged(&reference, level, &extrema);
        if next == reference {
            break;
        }
        reference = next;
    }
    let polynomial = |x: f64| best.at(interval.unit(x));
    let scaled = interpolate(&polynomial, interval, degree)?;
    let coefficients: Vec<f64> = scaled.coefficients().iter().map(|c| c * scale).collect();
    fitted(&coefficients, interval, BEYOND_F64)
}

/// The polynomial whose errors at a reference have one magnitude, their signs in turn.
struct Levelled {
    /// The error at the first point.
    level: f64,
    /// Points, barycentric weights and values.
    nodes: Vec<[f64; 3]>,
}

impl Levelled {
    fn new(reference: &[Sample]) -> Self {
        let weights = weights(reference);
        let signs = || [1.0, -1.0].into_iter().cycle();
        let terms = || weights.iter().zip(reference);
        let over: f64 = terms().map(|(w, sample)| w * sample.y).sum();
        let under: f64 = weights.iter().zip(signs()).map(|(w, sign)| w * sign).sum();
        let level = over / under;
        let node =
            |((&w, sample), sign): ((&f64, &Sample), f64)| [sample.u, w, sample.y - sign * level];
        Self {
            level,
            nodes: terms().zip(signs()).map(node).collect(),
        }
    }

    fn at(&self, u: f64) -> f64 {
        let (mut over, mut under) = (0.0, 0.0);
        for &[point, weight, value] in &self.nodes {
            if u == point {
                return value;
            }
            let part = weight / (u - point);
            over += part * value;
            under += part;
        }
        over / under
    }

    fn error_at(&self, sample: Sample) -> Extremum {
        let error = sample.y - self.at(sample.u);
        Extremum { sample, error }
    }
}

/// The barycentric weights, the largest of them near 1: of points that crowd, products of differences exceed the range of f64.
fn weights(reference: &[Sample]) -> Vec<f64> {
    const STEP: i32 = 512;
    let large = f64::from(STEP / 2).exp2();
    // A product of differences, and how often 2^512 was taken out of it. Differences are doubled, so that most products stay near 1.
    let product = |(i, own): (usize, &Sample)| {
        let others = reference.iter().enumerate().filter(|&(j, _)| j != i);
        others.fold((1.0_f64, 0), |(product, taken), (_, other)| {
            let product = product * 2.0 * (own.u - other.u);
            if product.abs() > large {
                (product / large / large, taken + 1)
            } else if product.abs() < large.recip() {
                (product * large * large, taken - 1)
            } else {
                (product, taken)
            }
        })
    };
    let products: Vec<(f64, i32)> = reference.iter().enumerate().map(product).collect();
    let least = products.iter().map(|&(_, taken)| taken).min().unwrap_or(0);
    let relative =
        |&(product, taken): &(f64, i32)| f64::from(STEP * (least - taken)).exp2() / product;
    let weights: Vec<f64> = products.iter().map(relative).collect();
    let largest = weights.iter().fold(0.0, |a: f64, w| a.max(w.abs()));
    weights.iter().map(|w| w / largest).collect()
}

/// Both, in ascending order.
fn merged(grid: &[Sample], reference: &[Sample]) -> Vec<Sample> {
    let mut all = [grid, reference].concat();
    all.sort_by(|a, b| a.u.total_cmp(&b.u));
    all.dedup_by_key(|sample| sample.u);
    all
}

/// The local extrema of the error, in ascending order.
fn extrema(
    sample: &impl Fn(f64) -> Result<Sample>,
    levelled: &Levelled,
    samples: &[Sample],
) -> Result<Vec<Extremum>> {
    let errors: Vec<Extremum> = samples.iter().map(|&s| levelled.error_at(s)).collect();
    let mut found = Vec::new();
    for (i, &here) in errors.iter().enumerate() {
        let near = [
            errors[i.saturating_sub(1)],
            errors[(i + 1).min(errors.len() - 1)],
        ];
        let sign = here.error.signum();
        if here.error == 0.0
            || near
                .iter()
                .any(|other| other.error * sign > here.error * sign)
        {
            continue;
        }
        let is_small = here.error.abs() < levelled.level.abs() / 2.0;
        found.push(if is_small {
            here
        } else {
            searched(sample, levelled, here, near.map(|other| other.sample.u))?
        });
    }
    found.sort_by(|a, b| a.sample.u.total_cmp(&b.sample.u));
    found.dedup_by_key(|extremum| extremum.sample.u);
    Ok(found)
}

/// The extremum near this one, by golden sections, which finds kinks too.
fn searched(
    sample: &impl Fn(f64) -> Result<Sample>,
    levelled: &Levelled,
    start: Extremum,
    [mut low, mut high]: [f64; 2],
) -> Result<Extremum> {
    let section = (5.0_f64.sqrt() - 1.0) / 2.0;
    let error_at = |u: f64| sample(u).map(|sample| levelled.error_at(sample));
    let size = |extremum: &Extremum| extremum.error * start.error.signum();
    let mut left = error_at(high - section * (high - low))?;
    let mut right = error_at(low + section * (high - low))?;
    let mut best = start;
    for _ in 0..SEARCHES {
        for found in [left, right] {
            if size(&found) > size(&best) {
                best = found;
            }
        }
        if size(&left) > size(&right) {
            (high, right) = (right.sample.u, left);
            left = error_at(high - section * (high - low))?;
        } else {
            (low, left) = (left.sample.u, right);
            right = error_at(low + section * (high - low))?;
        }
    }
    Ok(best)
}

/// The next reference: the largest error of each run of one sign, as many as before.
///
/// Where there are too few, the errors at the reference are lost in rounding, or level at 0; then the largest error takes the place of
/// one that is next to it. Where there are many more, so many of the largest ones would crowd where the function oscillates; then each
/// point of the reference moves within its run before the largest error takes its place.
fn exchanged(reference: &[Sample], level: f64, extrema: &[Extremum]) -> Vec<Sample> {
    let sizes = |a: &&Extremum, b: &&Extremum| a.error.abs().total_cmp(&b.error.abs());
    let largest = |run: &[Extremum]| run.iter().max_by(sizes).copied();
    let Some(most) = largest(extrema) else {
        return reference.to_vec();
    };
    let runs = extrema.chunk_by(|a, b| a.error.signum() == b.error.signum());
    let mut runs: Vec<Extremum> = runs.filter_map(largest).collect();
    let wanted = reference.len();
    if runs.len() < wanted {
        return with_one(reference, level, most);
    }
    if runs.len() > wanted + MOST_DROPPED {
        return with_one(&moved(reference, level, &runs), level, most);
    }
    while runs.len() > wanted {
        drop_smallest(&mut runs, wanted);
    }
    runs.iter().map(|extremum| extremum.sample).collect()
}

/// The reference with each point at the nearest of these extrema whose error has its sign; the same if points would meet.
fn moved(reference: &[Sample], level: f64, runs: &[Extremum]) -> Vec<Sample> {
    let nearest = |(i, sample): (usize, &Sample)| {
        let distance = |run: &Extremum| (run.sample.u - sample.u).abs();
        let alike = runs.iter().filter(|run| has_sign(run.error, level, i));
        let nearest = alike.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map_or(*sample, |run| run.sample)
    };
    let next: Vec<Sample> = reference.iter().enumerate().map(nearest).collect();
    if next.is_sorted_by(|a, b| a.u < b.u) {
        next
    } else {
        reference.to_vec()
    }
}

/// Whether an error has the sign of that at point i of a reference, given the error at its first point.
fn has_sign(error: f64, level: f64, i: usize) -> bool {
    (error > 0.0) == ((level >= 0.0) == i.is_multiple_of(2))
}

/// Drops the smaller end if there is one too many, else the smallest and, if it is inside, the smaller one of its neighbours, which
/// have the same sign.
fn drop_smallest(runs: &mut Vec<Extremum>, wanted: usize) {
    let size = |i: usize| runs[i].error.abs();
    let last = runs.len() - 1;
    let smaller = |a: usize, b: usize| if size(a) < size(b) { a } else { b };
    if runs.len() == wanted + 1 {
        let end = smaller(0, last);
        runs.remove(end);
        return;
    }
    let smallest = (1..=last).fold(0, |found, i| smaller(i, found));
    if smallest == 0 || smallest == last {
        runs.remove(smallest);
        return;
    }
    let neighbour = smaller(smallest - 1, smallest + 1);
    let first = smallest.min(neighbour);
    runs.drain(first..first + 2);
}

/// The reference with this point in the place of a neighbour whose error has the same sign.
fn with_one(reference: &[Sample], level: f64, largest: Extremum) -> Vec<Sample> {
    let mut next = reference.to_vec();
    let at = next.partition_point(|sample| sample.u < largest.sample.u);
    if next
        .get(at)
        .is_some_and(|sample| sample.u == largest.sample.u)
    {
        return next;
    }
    let has_same_sign = |i: usize| has_sign(largest.error, level, i);
    if at > 0 && has_same_sign(at - 1) {
        next[at - 1] = largest.sample;
    } else if at < next.len() && has_same_sign(at) {
        next[at] = largest.sample;
    } else if at == 0 {
        next.pop();
        next.insert(0, largest.sample);
    } else {
        next.remove(0);
        next.push(largest.sample);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_near_the_least_possible() {
        // The least error for |x| tends to 0.28017 / degree (Varga, Carpenter, 1985); for e^x of degree 5 it is 4.52e-5.
        for (degree, least) in [
            (10, 0.028017),
            (31, 0.28017 / 30.0),
            (100, 0.0028017),
            (199, 0.28017 / 198.0),
        ] {
            let found = Chebyshev::minimax(f64::abs, -1.0..=1.0, degree).unwrap();
            assert!(
                found.error() < 1.03 * least && found.error() > 0.97 * least,
                "{degree}: {:e}",
                found.error()
            );
        }
        let found = Chebyshev::minimax(f64::exp, -1.0..=1.0, 5).unwrap();
        assert!(
            (found.error() / 4.52e-5 - 1.0).abs() < 0.01,
            "{:e}",
            found.error()
        );
        // A polynomial: nothing but rounding is left.
        let cube = Chebyshev::minimax(|x| x * x * x - x, -3.0..=5.0, 9).unwrap();
        assert!(cube.error() < 1e-12 && cube.polynomial().degree() == 3);
    }

    /// The error on a grid that is denser than that on which it is measured otherwise, and has the kinks of these tests.
    fn error_of(f: impl Fn(f64) -> f64, low: f64, high: f64, degree: usize) -> f64 {
        let found = Chebyshev::minimax(&f, low..=high, degree).unwrap();
        let points = (0..=100_000).map(|i| low + (high - low) * f64::from(i) / 1e5);
        let errors = points.map(|x| (found.polynomial().at(x) - f(x)).abs());
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn kinks_and_oscillations_are_within_three_percent_of_the_least_error() {
        type Function = fn(f64) -> f64;
        let relu: Function = |x| x.max(0.0);
        let jump: Function = |x| if x > 0.3 { 1.0 } else { 0.0 };
        for (name, f, (low, high), degree, least) in [
            ("relu", relu, (-3.0, 1.0), 1, 0.375),
            ("relu", relu, (-5.0, 4.0), 31, 0.02081),
            ("cos 20x", |x| (20.0 * x).cos(), (-1.0, 1.0), 3, 1.0),
            ("cos 20x", |x| (20.0 * x).cos(), (-1.0, 1.0), 4, 1.0),
            ("sin 34x", |x| (34.0 * x).sin(), (-2.0, 2.0), 36, 1.0),
            ("sin 300x", |x| (300.0 * x).sin(), (-1.0, 1.0), 100, 1.0),
            ("clamp", |x| x.clamp(-0.3, 0.5), (-1.0, 1.0), 8, 0.02193),
            ("|x - 0.3|", |x| (x - 0.3).abs(), (-1.0, 1.0), 8, 0.03600),
            // |x| for x^2.
            ("sqrt", f64::sqrt, (0.0, 1.0), 31, 0.28017 / 62.0),
            ("jump", jump, (-1.0, 1.0), 20, 0.5),
        ] {
            let error = error_of(f, low, high, degree);
            assert!(
                (0.99 * least..=1.03 * least).contains(&error),
                "{name} of degree {degree}: {error:e}"
            );
        }
    }

    #[test]
    fn a_degree_beyond_the_precision_of_f64_is_no_worse_than_interpolation() {
        type Function = fn(f64) -> f64;
        let functions: [(Function, f64, f64, usize); 6] = [
            (|x| x.max(0.0), 1.0, 2.0, 183),
            (f64::exp, -1.0, 1.0, 205),
            (f64::tanh, -4.0, 4.0, 208),
            (|x| 1.0 / (1.0 + (-x).exp()), -8.0, 8.0, 179),
            (f64::sqrt, 1.0, 4.0, 181),
            (|_| 0.0, -1.0, 1.0, 7),
        ];
        for (f, low, high, degree) in functions {
            let found = Chebyshev::minimax(f, low..=high, degree).unwrap();
            let first = Chebyshev::approximate(f, low..=high, degree).unwrap();
            assert!(
                found.error() <= first.error() && found.error() < 1e-13,
                "{degree}"
            );
        }
        // Sums of products with weights would exceed the range of f64.
        let large = Chebyshev::minimax(f64::exp, 690.0..=700.0, 15).unwrap();
        assert!(large.error() < 1e-6 * 700.0_f64.exp());
    }
}
