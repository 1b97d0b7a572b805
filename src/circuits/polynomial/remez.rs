use crate::circuits::Chebyshev;
use crate::circuits::polynomial::approximation::{finite, interpolate};
use crate::circuits::polynomial::interval::Interval;
use crate::error::Result;
use std::f64::consts::PI;

/// Grid points for each degree, between which the error is taken to be monotonic.
const DENSITY: usize = 20;

/// Exchanges after which the last polynomial must do.
const MOST_EXCHANGES: usize = 40;

/// The largest relative excess of the error over the levelled one.
const TOLERANCE: f64 = 1e-3;

/// The polynomial of a degree with nearly the least largest error.
///
/// Source: E. Remez (1934), in the barycentric form of R. Pachon, L. N. Trefethen, "Barycentric-Remez algorithms for best
/// polynomial approximation in the chebfun system" (2009).
#[expect(clippy::cast_precision_loss, reason = "at most 2^15")]
pub(super) fn remez(
    f: &impl Fn(f64) -> f64,
    interval: Interval,
    degree: usize,
) -> Result<Chebyshev> {
    let count = DENSITY * (degree + 1);
    let nodes = (0..=count).map(|i| -(PI * i as f64 / count as f64).cos());
    let samples = nodes.map(|u| Ok((u, finite(f, interval.point(u))?)));
    let samples: Vec<(f64, f64)> = samples.collect::<Result<_>>()?;
    // Of the extrema of the next Chebyshev polynomial all but one: on all of its own, an even or odd function can be level at 0.
    let at = |i: usize| i * count / (degree + 2);
    let mut reference: Vec<usize> = (0..degree + 2).map(at).collect();
    let mut best = (f64::INFINITY, Levelled::new(&samples, &reference));
    for _ in 0..MOST_EXCHANGES {
        let levelled = Levelled::new(&samples, &reference);
        let errors: Vec<f64> = samples.iter().map(|&(u, y)| y - levelled.at(u)).collect();
        let largest = errors.iter().fold(0.0, |a: f64, e| a.max(e.abs()));
        let level = levelled.level.abs();
        if largest < best.0 {
            best = (largest, levelled);
        }
        let next = exchanged(&errors, degree + 2);
        if largest <= level * (1.0 + TOLERANCE) || next.len() < degree + 2 || next == reference {
            break;
        }
        reference = next;
    }
    let polynomial = |x: f64| best.1.at(interval.unit(x));
    interpolate(&polynomial, interval, degree)
}

/// The polynomial whose errors at a reference have one magnitude, their signs in turn.
struct Levelled {
    /// The error at the first point.
    level: f64,
    /// Points, barycentric weights and values.
    nodes: Vec<[f64; 3]>,
}

impl Levelled {
    fn new(samples: &[(f64, f64)], reference: &[usize]) -> Self {
        let points = || reference.iter().map(|&i| samples[i].0);
        // Differences are doubled: their products stay near 1 on [-1, 1].
        let weight = |(i, u): (usize, f64)| {
            let others = points().enumerate().filter(|&(j, _)| j != i);
            1.0 / others.map(|(_, other)| 2.0 * (u - other)).product::<f64>()
        };
        let weights: Vec<f64> = points().enumerate().map(weight).collect();
        let signs = || [1.0, -1.0].into_iter().cycle();
        let terms = || {
            weights
                .iter()
                .zip(reference)
                .map(|(w, &i)| (w, samples[i].1))
        };
        let over: f64 = terms().map(|(w, y)| w * y).sum();
        let under: f64 = weights.iter().zip(signs()).map(|(w, sign)| w * sign).sum();
        let level = over / under;
        let nodes = points().zip(terms()).zip(signs());
        let nodes = nodes.map(|((u, (&w, y)), sign)| [u, w, y - sign * level]);
        Self {
            level,
            nodes: nodes.collect(),
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
}

/// The largest error of each run of one sign, without the smaller ones at the ends where there are too many.
fn exchanged(errors: &[f64], wanted: usize) -> Vec<usize> {
    let mut extrema: Vec<usize> = Vec::new();
    for (i, error) in errors
        .iter()
        .enumerate()
        .filter(|(_, error)| **error != 0.0)
    {
        match extrema.last_mut() {
            Some(last) if errors[*last].signum() == error.signum() => {
                if error.abs() > errors[*last].abs() {
                    *last = i;
                }
            }
            _ => extrema.push(i),
        }
    }
    let mut rest = extrema.as_slice();
    while let ([first, inner @ .., last], true) = (rest, rest.len() > wanted) {
        let drops_first = errors[*first].abs() < errors[*last].abs();
        rest = if drops_first {
            &rest[1..]
        } else {
            &rest[..=inner.len()]
        };
    }
    rest.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_near_the_least_possible() {
        // The least error for |x| tends to 0.28017 / degree (Varga, Carpenter, 1985); for e^x of degree 5 it is 4.52e-5.
        for (degree, least) in [(10, 0.028017), (31, 0.28017 / 30.0), (100, 0.0028017)] {
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
}
