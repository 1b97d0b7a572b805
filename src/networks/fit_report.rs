use crate::networks::affine::Samples;
use crate::networks::argmax;
use std::fmt;

/// What [`Network::fit`](crate::networks::Network::fit) found on the samples; `Display` is a table.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// The activations that were approximated or scaled, in order.
    pub activations: Vec<ActivationReport>,
    /// The number of samples.
    pub samples: usize,
    /// The samples whose largest output is the same with polynomials as with the original functions.
    pub agreeing: usize,
    /// The largest difference that the polynomials make in an output.
    pub worst_error: f64,
    /// The factor of the ranges.
    pub margin: f64,
}

/// What an activation's inputs are, and how well its polynomials fit.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationReport {
    /// The layer.
    pub layer: String,
    /// The name of the function.
    pub function: String,
    /// The neurons or channels.
    pub neurons: usize,
    /// The least and the largest value of all neurons.
    pub range: [f64; 2],
    /// The width of the narrowest and of the widest neuron's range.
    pub widths: [f64; 2],
    /// The largest error of a polynomial in its range; `None` for exact ones.
    pub error: Option<f64>,
    /// The values outside the range that the polynomial is made for.
    pub outside: usize,
    /// The value farthest outside, relative to the range: above 1 is outside.
    pub worst: f64,
}

impl ActivationReport {
    pub(super) fn new(
        layer: &str,
        function: &str,
        (ranges, errors): (&[[f64; 2]], Vec<f64>),
        units: impl Iterator<Item = f64>,
    ) -> Self {
        let widths = ranges.iter().map(|range| range[1] - range[0]);
        let outside = Outside::of(units);
        Self {
            layer: layer.into(),
            function: function.into(),
            neurons: ranges.len(),
            range: [
                ranges
                    .iter()
                    .map(|range| range[0])
                    .fold(f64::INFINITY, f64::min),
                ranges
                    .iter()
                    .map(|range| range[1])
                    .fold(f64::NEG_INFINITY, f64::max),
            ],
            widths: [
                widths.clone().fold(f64::INFINITY, f64::min),
                widths.fold(0.0, f64::max),
            ],
            error: errors.into_iter().reduce(f64::max),
            outside: outside.count,
            worst: outside.worst,
        }
    }
}

/// Values outside the ranges of polynomials.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outside {
    /// How many.
    pub count: usize,
    /// The largest magnitude, relative to the range: above 1 is outside.
    pub worst: f64,
}

impl Outside {
    /// Of values scaled to [-1, 1]. What rounding makes of a range's end is inside.
    pub(super) fn of(units: impl Iterator<Item = f64>) -> Self {
        units.fold(Self::default(), |outside, unit| Self {
            count: outside.count + usize::from(unit.abs() > 1.0 + 1e-9),
            worst: outside.worst.max(unit.abs()),
        })
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            worst: self.worst.max(other.worst),
        }
    }
}

impl FitReport {
    pub(super) fn new(
        activations: Vec<ActivationReport>,
        originals: &Samples,
        fitted: &Samples,
        margin: f64,
    ) -> Self {
        let pairs = || originals.iter().zip(fitted);
        let differences = pairs()
            .flat_map(|(a, b)| a.iter().zip(b))
            .map(|(a, b)| (a - b).abs());
        Self {
            activations,
            samples: originals.len(),
            agreeing: pairs().filter(|(a, b)| argmax(a) == argmax(b)).count(),
            worst_error: differences.fold(0.0, f64::max),
            margin,
        }
    }
}

impl fmt::Display for FitReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<28} {:<12} {:>7} {:>22} {:>18} {:>10} {:>8} {:>6}",
            "activation", "function", "neurons", "range", "widths", "error", "outside", "worst"
        )?;
        for activation in &self.activations {
            let ActivationReport {
                layer,
                function,
                neurons,
                range,
                widths,
                error,
                outside,
                worst,
            } = activation;
            let error = error.map_or("exact".into(), |error| format!("{error:.2e}"));
            let range = format!("{:.3} .. {:.3}", range[0], range[1]);
            let widths = format!("{:.3} .. {:.3}", widths[0], widths[1]);
            writeln!(
                out,
                "{layer:<28} {function:<12} {neurons:>7} {range:>22} {widths:>18} {error:>10} {outside:>8} {worst:>6.3}"
            )?;
        }
        if self.samples == 0 {
            return write!(out, "no samples: ranges are those of all inputs");
        }
        write!(
            out,
            "{} samples, margin {}: {} choose the same class as the original network; outputs differ by up to {:.3e}",
            self.samples, self.margin, self.agreeing, self.worst_error
        )
    }
}
