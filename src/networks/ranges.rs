//! The ranges of the values of features.

use crate::networks::affine::{Samples, Sorted};
use crate::networks::stage::Stage;

/// The least and the largest value of each feature.
pub(super) type Ranges = Vec<[f64; 2]>;

/// `None` for no values.
pub(super) fn of_values(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.fold(None, |range: Option<[f64; 2]>, value| {
        let [low, high] = range.unwrap_or([value; 2]);
        Some([low.min(value), high.max(value)])
    })
}

pub(super) fn of_samples(samples: &Samples) -> Ranges {
    let count = samples.first().map_or(0, Vec::len);
    let of_feature = |i: usize| of_values(samples.iter().map(|sample| sample[i]));
    (0..count)
        .map(|i| of_feature(i).unwrap_or([0.0; 2]))
        .collect()
}

/// The ranges that a linear layer's values can have.
pub(super) fn after(layer: &Sorted, ranges: &Ranges) -> Ranges {
    let of_row = |(row, bias): (&[(usize, f64)], f64)| {
        row.iter().fold([bias; 2], |[low, high], &(input, weight)| {
            let [a, b] = ranges[input].map(|end| weight * end);
            [low + a.min(b), high + a.max(b)]
        })
    };
    layer.rows().map(of_row).collect()
}

/// The ranges that an activation's values can have.
pub(super) fn after_stage(stage: &Stage, ranges: &Ranges) -> Ranges {
    match stage {
        Stage::Square => ranges
            .iter()
            .map(|&[low, high]| {
                let squares = [low * low, high * high];
                let least = if low <= 0.0 && high >= 0.0 {
                    0.0
                } else {
                    squares[0].min(squares[1])
                };
                [least, squares[0].max(squares[1])]
            })
            .collect(),
        Stage::Polynomials(polynomials) => polynomials
            .iter()
            .map(|polynomial| {
                let coefficients = polynomial.coefficients();
                let reach: f64 = coefficients[1..].iter().map(|c| c.abs()).sum();
                [coefficients[0] - reach, coefficients[0] + reach]
            })
            .collect(),
        Stage::Linear(_) | Stage::Residual { .. } => ranges.clone(),
    }
}

/// The largest magnitude, times `headroom`.
pub(super) fn bound(ranges: &Ranges, headroom: f64) -> f64 {
    let largest = ranges
        .iter()
        .flatten()
        .fold(0.0, |largest: f64, end| largest.max(end.abs()));
    (headroom * largest).max(f64::MIN_POSITIVE)
}

/// The distance of the two largest values that one in a hundred samples is below; `None` without samples or with one output.
pub(super) fn small_gap(samples: &Samples) -> Option<f64> {
    let gap = |sample: &Vec<f64>| {
        let mut sorted = sample.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        Some(sorted.first()? - sorted.get(1)?)
    };
    let mut gaps: Vec<f64> = samples.iter().filter_map(gap).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 100).copied()
}
